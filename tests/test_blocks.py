"""Lines to blocks: where a paragraph, a heading, an item of a list, a row of cells begins and ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed import BOLD, ITALIC, LEFT, MATH, MONO, RIGHT, ROMAN, TWO, Shown, filler, full, laid, lines, prose, shown

from indexer.extract.blocks import Drawn, bold, grouped, italic, labelled, leading_of
from indexer.extract.layout import Column


def drawn(*page: Shown) -> list[Drawn]:
    page_laid = laid(page)
    return grouped(page_laid.lines, page_laid.columns, 10.0, 1.2)


def parts(*page: Sequence[Shown]) -> None:
    """Asserts that each of the groups is set as a block, and begins none within it."""
    found = drawn(*(line for group in page for line in group))
    assert [[line.text for line in block.lines] for block in found] == [[line.text for line in group] for group in page]


def three(**rest) -> list[Shown]:
    """A paragraph of three and a half lines."""
    return prose(filler(70), **rest)


def below(group: Sequence[Shown], leading: float = 12.0) -> float:
    return group[-1].y + leading


# Paragraphs


def test_an_indent_begins_a_paragraph() -> None:
    first = three()
    second = three(y=below(first), indent=15)
    third = three(y=below(second), indent=15)
    parts(first, second, third)


def test_a_full_last_line_and_an_indent_begin_a_paragraph_too() -> None:
    first = three()[:-1]
    first[-1] = full(f"{filler(17)}", first[-1].y)
    parts(first, three(y=below(first), indent=15))


def test_a_gap_begins_a_paragraph() -> None:
    first = three()
    parts(first, three(y=below(first, 20)))


def test_a_short_last_line_begins_a_paragraph_without_indent_or_gap() -> None:
    first = three()
    assert first[-1].x1 < RIGHT - 100
    parts(first, three(y=below(first)))


def test_an_abbreviation_at_a_line_s_end_begins_none() -> None:
    first = full(f"{filler(17, end='')} et al.")
    parts([first, *prose(filler(40, "Who knows what it is,"), y=112)])


def test_lines_of_double_spacing_are_one_paragraph() -> None:
    text = prose(filler(60), leading=2.0)
    page = laid(text)
    (block,) = grouped(page.lines, page.columns, 10.0, leading_of([page.lines], 10.0))
    assert len(block.lines) == len(text)


def test_a_formula_in_a_line_does_not_cut_its_paragraph() -> None:
    text = three()
    raised = [shown("2", x=text[1].x1 + 1, y=text[1].y - 4, size=7, glued=True)]
    parts_of = drawn(*text[:2], *raised, *text[2:])
    assert [len(block.lines) for block in parts_of] == [len(text)]


def test_columns_are_blocks_of_their_own() -> None:
    left, right = (prose(filler(150), x=x, x1=x1) for x, x1 in TWO)
    assert left[-1].y < 350
    open_end = prose(filler(120, end=""), x=TWO[0][0], x1=TWO[0][1])
    parts(open_end, right)


def test_the_short_last_line_of_an_abstract_over_both_columns_belongs_to_it() -> None:
    wide = [full(filler(17, "Abstract", ""), 100 + 12 * n, 72, 540) for n in range(3)]
    last = shown("and it is done.", y=136)
    left, right = (prose(filler(150), y=170, x=x, x1=x1) for x, x1 in TWO)
    found = drawn(*wide, last, *left, *right)
    assert [line.text for line in found[0].lines] == [line.text for line in [*wide, last]]


def test_another_size_begins_a_block() -> None:
    first = three()
    parts(first, prose(filler(30), y=below(first, 14), size=8, leading=1.2))


# Lists


@pytest.mark.parametrize("mark", ["•", "–", "1.", "(a)", "2)", "[3]", "iv."])
def test_each_item_of_a_list_is_a_block(mark: str) -> None:
    items, y = [], 100.0
    for _ in range(3):
        first, *others = prose(f"{mark} {filler(40)}", y=y, x=LEFT + 10, hang=12)
        items.append([first, *others])
        y = below(others) + 4
    parts(*items)


def test_items_without_a_gap_are_blocks_too() -> None:
    items, y = [], 100.0
    for n in range(3):
        items.append(prose(f"• {filler(40, f'Item{n}')}", y=y, x=LEFT + 10, hang=12))
        y = below(items[-1])
    parts(*items)


def test_entries_that_hang_are_blocks() -> None:
    items, y = [], 100.0
    for n in range(3):
        items.append(prose(filler(40, f"Author{n}"), y=y, hang=15))
        y = below(items[-1])
    parts(*items)


def test_entries_that_hang_and_end_with_full_lines_are_blocks() -> None:
    entries = [
        [full(filler(17, f"Author{n}", ""), 100 + 24 * n), full(filler(16, "and"), 112 + 24 * n, LEFT + 15)]
        for n in range(3)
    ]
    parts(*entries)


def test_a_number_that_wraps_to_a_line_s_start_is_no_item() -> None:
    first = full(f"{filler(17, end='')} of a window of")
    parts([first, *prose(filler(40, "3) and then"), y=112)])


# Headings


def test_a_bold_heading_is_a_block() -> None:
    heading = [shown("2 Inner and Outer Steps", y=100, size=12, font=BOLD)]
    parts(heading, three(y=118))


def test_a_heading_of_the_text_s_size_right_above_it_is_a_block() -> None:
    parts([shown("2 Inner and Outer Steps", y=100, font=BOLD)], three(y=112))
    parts([shown("ABSTRACT OF IT", y=100)], three(y=112))
    parts([shown("A. Signals and Systems", y=100, font=ITALIC)], three(y=112))


def test_a_heading_of_two_lines_is_one_block() -> None:
    heading = prose(
        "3 A Heading That Is So Long That It Takes All of One Line and Some More of the Next One Too",
        size=12,
        font=BOLD,
    )
    assert len(heading) == 2
    parts(heading, three(y=140))


def test_two_headings_are_two_blocks() -> None:
    parts([shown("3 Experiments", y=100, font=BOLD)], [shown("3.1 Data", y=112, font=BOLD)], three(y=124))
    parts([shown("3 EXPERIMENTS", y=100, size=12)], [shown("3.1 DATA", y=114, size=12)], three(y=132))


def test_a_heading_whose_second_line_hangs_is_one_block() -> None:
    first = shown("4 On the Long Run of Many Small Machines That", y=100, size=12, font=BOLD)
    second = shown("Nobody Has to Own", x=LEFT + 9, y=114, size=12, font=BOLD)
    parts([first, second], three(y=135))


def test_a_heading_that_is_run_in_belongs_to_its_paragraph() -> None:
    run_in = shown("Data.", font=BOLD)
    text = prose(filler(40, "We"), x=LEFT)
    first = Shown(text[0].text.rsplit(" ", 3)[0], run_in.x1 + 4, 100)
    found = drawn(run_in, first, *text[1:])
    assert [len(block.lines) for block in found] == [len(text)]


# Rows


def test_cells_on_one_baseline_are_a_row_of_one_block() -> None:
    rows = [
        [shown(cell, x=x, y=y) for cell, x in (("Model", 100), ("12.5", 220), ("88.0", 340))] for y in (100, 112, 124)
    ]
    (block,) = drawn(*(cell for row in rows for cell in row))
    assert (len(block.lines), block.cells, block.words) == (9, 6, 9)
    assert block.text.split("\n")[:3] == ["Model", "12.5", "88.0"]


# What a block says of itself


def test_a_block_s_edges_are_those_of_its_lines() -> None:
    text = three(indent=15)
    (block,) = drawn(*text)
    assert (block.x0, block.x1) == (LEFT, pytest.approx(RIGHT))
    assert block.top == pytest.approx(100 - 7.5) and block.bottom == pytest.approx(text[-1].y + 2.5)
    assert (block.page, block.size, block.words, block.first.text) == (0, 10, 70, text[0].text)
    assert block.text == "\n".join(line.text for line in text)


@pytest.mark.parametrize(
    ("printed", "is_bold", "is_italic"),
    [
        ([("A bold line", BOLD)], True, False),
        ([("3.1", ROMAN), ("Bold but for its number", BOLD)], True, False),
        ([("A bold", BOLD), ("W", MATH), ("matrix", BOLD)], True, False),
        ([("A bold", BOLD), ("beginning", ROMAN)], False, False),
        ([("plain", ROMAN)], False, False),
        ([("slanted words", ITALIC)], False, True),
        ([("slanted", ITALIC), ("and not", ROMAN)], False, False),
        ([("12", ROMAN)], False, False),
    ],
)  # fmt: skip
def test_a_line_is_bold_or_italic_if_all_its_words_are(printed, is_bold: bool, is_italic: bool) -> None:
    page, x = [], LEFT
    for text, font in printed:
        page.append(shown(text, x=x, font=font))
        x = page[-1].x1 + 2.5
    (line,) = lines(*page)
    assert (bold(line), italic(line)) == (is_bold, is_italic)


@pytest.mark.parametrize(
    ("text", "item"),
    [("• one", True), ("– one", True), ("(a) one", True), ("12. one", True), ("[3] one", True), ("iv) one", True), ("one (a)", False),
     ("2024 was", False), ("A model", False), ("1.", False), ("•", True), ("well-known words", False)],
)  # fmt: skip
def test_how_an_item_begins(text: str, item: bool) -> None:
    (line,) = lines(shown(text))
    assert labelled(line) is item


def test_the_usual_leading_is_that_of_most_lines() -> None:
    pages = [
        lines(*three()),
        lines(*three(leading=1.5)),
        lines(*three(y=100), *prose(filler(80), y=300, size=8, leading=3)),
    ]
    assert leading_of(pages, 10.0) == 1.2
    assert leading_of([], 10.0) == leading_of([lines(shown("one"))], 10.0) == 1.2


SOME = st.builds(
    Shown, st.sampled_from(["1 Method", "• item of", "A few words that stand here.", "word", "12.5", "and so on", "(a) x", "END OF IT"]),
    st.sampled_from([72.0, 84.0, 300.0, 400.0]), st.integers(4, 60).map(lambda y: 12.0 * y), st.sampled_from([0.0, 7.0, 10.0, 14.0]),
    st.sampled_from([ROMAN, BOLD, MONO]),
)  # fmt: skip


@given(st.lists(SOME, max_size=30))
@settings(deadline=None)
def test_every_line_is_in_one_block_in_order(page: list[Shown]) -> None:
    found = laid(page)
    blocks = grouped(found.lines, found.columns, 10.0, leading_of([found.lines], 10.0))
    assert [line for block in blocks for line in block.lines] == found.lines
    for block in blocks:
        assert isinstance(block.column, Column) and block.kind is None and block.top <= block.bottom
