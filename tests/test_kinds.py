"""What a block is told to be: captions, tables, words of figures, formulas, code, algorithms, footnotes; else prose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed import (
    BOLD,
    ITALIC,
    LEFT,
    MATH,
    MONO,
    RIGHT,
    ROMAN,
    SANS,
    TWO,
    Shown,
    filler,
    laid,
    lines,
    prose,
    sheet,
    shown,
)

from indexer.extract.blocks import Drawn, grouped
from indexer.extract.kinds import Body, body_of, caption, footnote_mark, formula_share, mark_kinds, prose_like
from indexer.extract.layout import Column, layout
from indexer.extract.sheet import Sheet

BODY = Body(10.0, frozenset([ROMAN.name, BOLD.name, ITALIC.name]))


def told(page: Sequence[Shown], number: int = 2, **rest) -> list[Drawn]:
    """The blocks of a page with their kinds. By default it is not a document's first."""
    made = laid(page, number, **rest)
    body = body_of([made.lines])
    blocks = grouped(made.lines, made.columns, body.size, 1.2)
    mark_kinds(blocks, made, body)
    return blocks


def kinds(*middle: Shown, number: int = 2, **rest) -> list[str]:
    """The kinds of what stands at y between 200 and 550, between two paragraphs of prose ("body": no kind), in order."""
    page = [*prose(filler(90), y=100), *middle, *prose(filler(90), y=600)]
    blocks = told(page, number, **rest)
    assert blocks[0].kind is None and blocks[0].text.startswith("Here the workers")
    assert blocks[-1].kind is None and blocks[-1].text.startswith("Here the workers")
    return [block.kind or "body" for block in blocks[1:-1]]


def rows(
    y: float = 260.0, size: float = 9.0, count: int = 5, xs: Sequence[float] = (120, 240, 330, 420)
) -> list[Shown]:
    """A table's rows."""
    cells = [
        ["Model", "Steps", "BLEU", "Time"],
        *([f"run{n}", str(100 * n), f"2{n}.5", f"{n}.0h"] for n in range(1, count)),
    ]
    return [
        shown(cell, x=x, y=y + 1.3 * size * n, size=size) for n, row in enumerate(cells) for cell, x in zip(row, xs, strict=True)
    ]  # fmt: skip


# The running text


def test_the_body_is_what_most_words_are_set_in() -> None:
    text = [lines(*prose(filler(200)), *prose(filler(60), y=500, size=8, font=SANS))]
    assert body_of(text) == Body(10.0, frozenset([ROMAN.name, SANS.name])) or body_of(text) == Body(
        10.0, frozenset([ROMAN.name])
    )
    assert body_of(text).size == 10.0


def test_sizes_that_differ_by_a_hair_are_one() -> None:
    almost = [
        lines(*prose(filler(40), size=10.0), *prose(filler(40), y=300, size=10.1), *prose(filler(60), y=400, size=8))
    ]
    assert body_of(almost).size in (10.0, 10.1)


def test_a_page_of_scraps_has_a_body_too() -> None:
    assert body_of([lines(shown("Thanks!", size=30))]).size == 30
    assert body_of([[]]) == body_of([]) == Body(10.0, frozenset())


def block_of(*page: Shown) -> Drawn:
    """What is printed as one block, in a page's only column."""
    (block,) = grouped(lines(*page), [Column(LEFT, RIGHT, 12.0)], 10.0, 1.2)
    return block


def prose_of(*page: Shown) -> bool:
    return prose_like(block_of(*page), BODY)


def test_paragraphs_are_prose() -> None:
    assert prose_of(*prose(filler(60)))
    assert prose_of(shown("Then all of the workers start again."))
    assert prose_of(shown("It ends the run."))
    assert not prose_of(shown("It ends the run.", x=300)) and not prose_of(shown("It ends the run"))
    assert prose_of(*prose(filler(30), size=9))


def test_scraps_are_no_prose() -> None:
    assert not prose_of(shown("Loss", x=200))
    assert not prose_of(shown("Training Loss", x=300))
    assert not prose_of(*prose(filler(40), size=7))
    assert not prose_of(*prose(filler(40), size=14))
    assert not prose_of(shown("a + b = c + d + e", font=MATH))
    assert not prose_of(*prose(filler(40), size=8.5, font=SANS))


# Captions


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3: The loss of all runs.", "Figure 3. The loss of all runs.", "Fig. 3. The loss of all runs.", "FIGURE 3 | The loss.",
        "Fig. 3 – The loss.", "Table 2: Sizes of models.", "Tab. 2: Sizes of models.", "Table IV. Sizes of models.", "Table A.1: Sizes.",
        "Figure S2: The loss.", "Figure 4a: The loss.", "Supplementary Figure 2: The loss.", "Extended Data Fig. 1 | The loss.",
        "Algorithm 1: Outer steps", "Algorithm 1 Outer Steps", "Listing 2: A loop.", "Figure: The loss.", "Abbildung 2: Verlauf.",
        "Figure 2 Loss of all runs", "Table 3 Sizes of models",
    ],
)  # fmt: skip
def test_a_caption_is_known_by_its_label(text: str) -> None:
    assert kinds(shown(text, y=250)) == ["caption"]


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3 shows that the loss of all runs goes down,", "Table 2 of their work has the sizes of the models.", "Tables of them are many.",
        "Figure out what the loss of all the runs may be.", "Boxes 1: are not meant by this at all.", "Code is in the repository of the lab.",
        "Programs: these are many as well as large ones.", "Figures 3 and 4 show the loss of all runs here.",
    ],
)  # fmt: skip
def test_prose_about_a_figure_is_no_caption(text: str) -> None:
    assert kinds(*prose(f"{text} {filler(40)}", y=250)) == ["body"]


def test_a_caption_may_be_small_or_marked_by_its_label_alone() -> None:
    small = block_of(*prose("Figure 2 the loss of runs " + filler(20), size=9))
    plain = block_of(*prose("Figure 2 the loss of runs " + filler(20), size=10))
    label = shown("Figure 2", font=BOLD)
    marked = block_of(label, shown("The loss of all the runs", x=label.x1 + 8))
    assert [caption(block, BODY) for block in (small, plain, marked)] == [False, False, True]


def test_a_label_of_its_own_has_its_title_below() -> None:
    title = "SIZES OF THE MODELS THAT WERE TRAINED"
    for size, captions in ((8, 1), (9, 2)):  # in one block with its label, or below it
        page = [shown("TABLE I", x=290, y=230, size=8), shown(title, x=220, y=242, size=size), *rows(266)]
        blocks = told([*prose(filler(90), y=100), *page, *prose(filler(90), y=600)])
        named = [block.text for block in blocks if block.kind == "caption"]
        assert len(named) == captions and "\n".join(named) == f"TABLE I\n{title}"
        assert {block.kind for block in blocks} == {None, "caption", "table"}


def test_subcaptions_are_captions() -> None:
    page = [
        *(shown(text, x=x, y=300, size=8) for text, x in (("(a) A slow network", 100), ("(b) A fast network", 350))),
        shown("Figure 4: The loss over two networks.", y=330, size=9),
    ]  # fmt: skip
    assert set(kinds(*page)) == {"caption"}


# Tables


@pytest.mark.parametrize("y", [240.0, 330.0])
def test_rows_above_or_below_a_table_s_caption_are_the_table(y: float) -> None:
    found = kinds(
        *sorted([shown("Table 1: Sizes of all models that were trained.", y=y), *rows(262)], key=lambda s: s.y)
    )
    assert set(found) == {"caption", "table"} and found.count("caption") == 1
    assert found[0 if y < 262 else -1] == "caption"


def test_rows_without_a_caption_are_a_table() -> None:
    assert set(kinds(*rows(260))) == {"table"}


def test_the_head_of_a_table_is_no_caption_though_it_begins_like_one() -> None:
    head = [shown(text, x=x, y=262) for text, x in (("Table 2", 120), ("Steps", 170), ("BLEU", 212), ("Time", 250))]
    assert [line.text for line in lines(*head)] == ["Table 2 Steps BLEU Time"]
    assert "caption" not in kinds(*head, *rows(274, size=10))


def test_a_table_of_the_text_s_size_is_a_table() -> None:
    assert set(kinds(shown("Table 1: Sizes of all models.", y=240), *rows(262, size=10))) == {"caption", "table"}


def test_a_table_whose_cells_are_prose_is_what_its_rules_frame() -> None:
    cells = [
        *prose(filler(25, "Cell"), y=270, x=110, x1=300), *prose(filler(25, "Other"), y=270, x=320, x1=500),
        *prose(filler(25, "Cell"), y=330, x=110, x1=300), *prose(filler(25, "Other"), y=330, x=320, x1=500),
    ]  # fmt: skip
    rules = [(100.0, 255.0, 510.0), (100.0, 310.0, 510.0), (100.0, 375.0, 510.0)]
    page = [shown("Table 1: What each of them does.", y=240), *cells, *prose(filler(60, "After"), y=420)]
    found = kinds(*page, rules=rules)
    assert found[0] == "caption" and found[-1] == "body" and set(found[1:-1]) == {"table"}


def test_rules_that_frame_nothing_are_passed_over() -> None:
    rules = [(100.0, 250.0, 510.0), (100.0, 252.0, 510.0), (110.0, 200.0, 400.0), (110.0, 190.0, 400.0)]
    page = [shown("Table 1: What each of them does.", y=240), *rows(266)]
    assert set(kinds(*page, rules=rules)) == {"caption", "table"}


def test_prose_between_two_tables_stays_prose() -> None:
    page = [
        shown("Table 1: The small ones.", y=200), *rows(215, count=4), *prose(filler(50, "Between"), y=300),
        shown("Table 2: The large ones.", y=380), *rows(395, count=4),
    ]  # fmt: skip
    blocks = told([*prose(filler(90), y=100), *page, *prose(filler(90), y=600)])
    (between,) = [block for block in blocks if block.text.startswith("Between")]
    assert between.kind is None


# Figures


def words_of_a_plot(y: float = 260.0) -> list[Shown]:
    ticks = [shown(str(n), x=120 + 60 * n, y=y + 60, size=6, font=SANS) for n in range(6)]
    return [
        shown("DiLoCo", x=300, y=y, size=6, font=SANS),
        shown("baseline", x=300, y=y + 12, size=6, font=SANS),
        *ticks,
    ]


def test_words_above_a_figure_s_caption_are_the_figure() -> None:
    found = kinds(*words_of_a_plot(), shown("Figure 2: The loss of all of the runs over their time.", y=350))
    assert found[-1] == "caption" and set(found[:-1]) == {"figure"}


def test_words_above_the_subcaptions_are_the_figure_too() -> None:
    parts = [shown(text, x=x, y=300, size=8) for text, x in (("(a) A slow network", 100), ("(b) A fast network", 350))]
    page = [
        shown("Slow", x=140, y=250),
        shown("Fast", x=390, y=250),
        *parts,
        shown("Figure 4: Over two networks.", y=330, size=9),
    ]
    assert kinds(*page) == ["figure", "caption", "caption"]


def test_words_of_a_drawing_without_a_caption_are_no_text() -> None:
    assert set(kinds(*words_of_a_plot())) == {"figure"}


def test_words_inside_a_picture_are_its_own() -> None:
    inside = [shown("Large words in a picture", x=150, y=300, size=10), shown("Outer step", x=320, y=340)]
    assert set(kinds(*inside, pictures=[(100.0, 280.0, 500.0, 360.0)])) == {"figure"}
    assert "figure" not in kinds(*prose(filler(40), y=300), pictures=[(100.0, 420.0, 500.0, 560.0)])


def test_a_page_that_is_drawn_whole_keeps_its_text() -> None:
    for box in ((0.0, 0.0, 612.0, 792.0), (60.0, 60.0, 560.0, 500.0)):
        assert kinds(*prose(filler(60), y=250), pictures=[box]) == ["body"]


def test_prose_inside_a_box_is_prose() -> None:
    assert kinds(*prose(filler(60), y=250), pictures=[(60.0, 235.0, 560.0, 300.0)]) == ["body"]


# Formulas


def test_a_displayed_formula_is_one() -> None:
    page = [shown("L ( w ) = f ( x , w ) + g", x=220, y=250, font=MATH), shown("(3)", x=520, y=250)]
    assert set(kinds(*page)) == {"formula"}


def test_numerators_and_limits_are_part_of_their_formula() -> None:
    page = [
        shown("1", x=238, y=242, font=MATH), shown("w = w −", x=180, y=250, font=MATH), shown("∑ f ( x )", x=250, y=250, font=MATH),
        shown("n", x=238, y=258, font=MATH), shown("i = 1", x=250, y=262, size=7, font=MATH),
    ]  # fmt: skip
    assert set(kinds(*page)) == {"formula"}


def test_prose_with_formulas_in_it_is_prose() -> None:
    text = prose(
        "We call w = 3 the weights and x ∈ X the data, where all of them are known to the workers. " + filler(40), y=250
    )
    assert kinds(*text) == ["body"]


@pytest.mark.parametrize(
    ("text", "font", "least", "most"),
    [
        ("plain words only", ROMAN, 0.0, 0.0),
        ("x + y = z", MATH, 1.0, 1.0),
        ("12.5 88.0", ROMAN, 0.6, 0.8),
        ("α ≤ β", ROMAN, 1.0, 1.0),
    ],
)
def test_how_much_of_a_block_is_formula(text: str, font, least: float, most: float) -> None:
    assert least <= formula_share(block_of(shown(text, font=font))) <= most


# Code


def test_a_remark_as_long_as_prose_in_a_typewriter_s_type_is_code() -> None:
    assert kinds(*prose(filler(30, "#"), y=250, font=MONO)) == ["code"]


def test_a_paper_that_a_typewriter_wrote_is_prose() -> None:
    page = [line for n in range(5) for line in prose(filler(50), y=100 + 110 * n, font=MONO)]
    assert body_of([lines(*page)]).mono
    assert {block.kind for block in told(page)} == {None}


def listing(y: float = 250.0, numbered: bool = False) -> list[Shown]:
    code = ["def step(model):", "    for batch in data:", "        model.train(batch)", "    return model"]
    made = [
        shown(text, x=LEFT + 20 + 5.4 * (len(text) - len(text.lstrip())), y=y + 11 * n, size=9, font=MONO)
        for n, text in enumerate(code)
    ]  # fmt: skip
    return (
        [x for n, line in enumerate(made) for x in (shown(str(n + 1), x=60, y=line.y, size=7), line)]
        if numbered
        else made
    )


@pytest.mark.parametrize("numbered", [False, True])
def test_lines_of_a_typewriter_are_code(numbered: bool) -> None:
    assert set(kinds(*listing(numbered=numbered))) == {"code"}


def test_an_address_in_a_typewriter_s_type_is_no_code() -> None:
    assert "code" not in kinds(
        shown("https://example.org/a/long/way/to/go/for/", y=250, font=MONO), shown("it.html", y=262, font=MONO)
    )


def test_a_word_of_code_in_prose_is_prose() -> None:
    first = shown("We call", y=250)
    name = shown("model.train()", x=first.x1 + 2.5, y=250, font=MONO)
    page = [
        first,
        name,
        shown("for every one of the batches of it,", x=name.x1 + 3, y=250),
        *prose(filler(40, "and"), y=262),
    ]
    assert kinds(*page) == ["body"]


def test_the_steps_below_an_algorithm_s_caption_are_code() -> None:
    steps = [
        "1: for each worker do",
        "2: train for many steps on its own data",
        "3: send the change",
        "4: end for",
        "5: return model",
    ]
    page = [
        shown("Algorithm 1 Outer Steps", y=240, font=BOLD),
        *(shown(text, x=LEFT + 12, y=256 + 12 * n) for n, text in enumerate(steps)),
        *prose(filler(60, "After"), y=380),
    ]  # fmt: skip
    found = kinds(*page)
    assert (found[0], found[-1], set(found[1:-1])) == ("caption", "body", {"code"})


def test_an_algorithm_without_numbers_is_code_too() -> None:
    steps = [
        "Input: model and data",
        "for each round do",
        "train the model on its data",
        "end for",
        "return the mean of all models",
    ]
    page = [
        shown("Algorithm 2: Local Steps", y=240),
        *(shown(text, x=LEFT + 12 + 10 * (n == 2), y=256 + 12 * n) for n, text in enumerate(steps)),
        *prose(filler(60, "After"), y=380),
    ]  # fmt: skip
    found = kinds(*page)
    assert (found[0], found[-1], set(found[1:-1])) == ("caption", "body", {"code"})


def test_an_algorithm_is_what_its_rules_frame() -> None:
    text = [
        shown("Algorithm 3 A Loop", y=240),
        *prose(filler(45, "Let"), y=258, x=LEFT + 12),
        *prose(filler(60, "After"), y=380),
    ]
    rules = [(72.0, 229.0, 540.0), (72.0, 244.0, 540.0), (72.0, 310.0, 540.0)]
    assert kinds(*text, rules=rules) == ["caption", "code", "body"]


# Footnotes


def with_foot(*foot: Shown, number: int = 2) -> list[str]:
    blocks = told([*prose(filler(200), y=100), *foot], number)
    assert blocks[0].kind is None
    return [block.kind or "body" for block in blocks[1:]]


def note(mark: str, y: float, words: int = 30, x: float = LEFT, x1: float = RIGHT) -> list[Shown]:
    first, *others = prose(filler(words, "See"), y=y, x=x + 5, x1=x1, size=8)
    return [shown(mark, x=x, y=y - 3, size=5), replace(first, glued=True), *(replace(line, x=x) for line in others)]


@pytest.mark.parametrize("mark", ["1", "12", "∗", "†", "a"])
def test_small_type_under_a_mark_at_the_foot_is_a_footnote(mark: str) -> None:
    assert with_foot(*note(mark, 700)) == ["footnote"]


def test_each_footnote_is_one() -> None:
    assert with_foot(*note("1", 680), *note("2", 700), *note("3", 720)) == ["footnote"] * 3
    assert with_foot(*note("1", 700, 10), *note("2", 709.6, 24), *note("3", 728.8, 10)) == ["footnote"] * 3


def test_footnotes_of_two_columns() -> None:
    page = [
        line
        for (x, x1), mark in zip(TWO, "12", strict=True)
        for line in (*prose(filler(120), x=x, x1=x1), *note(mark, 700, 20, x, x1))
    ]
    assert [block.kind for block in told(page)] == [None, "footnote", None, "footnote"]


def test_a_notice_of_the_first_page_needs_no_mark() -> None:
    notice = prose(
        "Preprint of a work that is under review, by the authors of it and nobody else who is known.", y=700, size=8
    )
    assert with_foot(*notice, number=1) == ["footnote"]
    assert with_foot(*notice, number=2) != ["footnote"]


def test_small_type_that_is_followed_by_text_is_no_footnote() -> None:
    blocks = told([*prose(filler(90)), *note("1", 250), *prose(filler(90), y=600)])
    assert "footnote" not in [block.kind for block in blocks]


@pytest.mark.parametrize(
    ("page", "mark"),
    [
        ([shown("1", y=97, size=5), shown("See it.", x=76, size=8)], "1"),
        ([shown("∗", y=100, size=8), shown("Equal work.", x=82, size=8)], "∗"),
        ([shown("†. Equal work of all.", size=8)], "†"),
        ([shown("2. See it there.", size=8)], "2"),
        ([shown("2. It", size=8)], ""),
        ([shown("See it there.", size=8)], ""),
        ([shown("12 of them went.", size=8)], ""),
    ],
)
def test_the_mark_of_a_footnote(page: list[Shown], mark: str) -> None:
    assert footnote_mark(lines(*page)[0]) == mark


# Anything


BIT = st.builds(
    Shown,
    st.sampled_from(["Figure 1: Some words.", "Table I", "Algorithm 2 Steps", "(a) left", "1: for x do", "x = y + 1", "(3)", "word",
                     "1 Method", "A sentence of several words stands here.", "12.5", "∗ A note", "def f(x):", "2"]),
    st.sampled_from([72.0, 90.0, 250.0, 330.0, 500.0]), st.integers(4, 64).map(lambda y: 12.0 * y), st.sampled_from([0.0, 6.0, 8.0, 10.0, 14.0]),
    st.sampled_from([ROMAN, BOLD, MONO, MATH, SANS]),
)  # fmt: skip
BOX = st.tuples(st.integers(0, 500), st.integers(0, 700), st.integers(21, 400), st.integers(21, 300)).map(
    lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3]))
)
RULE = st.tuples(
    st.sampled_from([72.0, 80.0, 300.0]),
    st.integers(4, 64).map(lambda y: 12.0 * y + 3),
    st.sampled_from([300.0, 540.0]),
)
KINDS = {None, "caption", "table", "figure", "formula", "code", "footnote"}


@given(st.lists(BIT, max_size=30), st.lists(BOX, max_size=3), st.lists(RULE, max_size=6), st.integers(1, 3))
@settings(deadline=None)
def test_any_page_gets_its_kinds(page: list[Shown], pictures, rules, number: int) -> None:
    made: Sheet = sheet(page, number, pictures=pictures, rules=rules)
    found = layout(made)
    body = body_of([found.lines])
    blocks = grouped(found.lines, found.columns, body.size, 1.2)
    mark_kinds(blocks, found, body)
    assert [line for block in blocks for line in block.lines] == found.lines
    assert {block.kind for block in blocks} <= KINDS
    assert all(block.kind for block in blocks if block.claimed)
