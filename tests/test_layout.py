"""Words to lines in reading order: what shares a line, what hangs on a word, columns, and files in a wild order."""

from __future__ import annotations

import itertools
import random
import unicodedata
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed import (
    BOLD,
    LEFT,
    MATH,
    MONO,
    RIGHT,
    ROMAN,
    TWO,
    WIDTH,
    Shown,
    filler,
    full,
    laid,
    lines,
    prose,
    sheet,
    shown,
    words,
)

from indexer.extract.accents import ACCENTS, settled
from indexer.extract.layout import Line, layout, spaced
from indexer.extract.sheet import Sheet, Word


def texts(found: Sequence[Line]) -> list[str]:
    return [line.text for line in found]


def printed_lines(page: Sequence[Shown]) -> list[str]:
    return [line.text for line in page]


def column(n: int, y: float = 100.0, rows: int = 30, begin: str = "Here") -> list[Shown]:
    """So many full lines in the left or the right column of two; each begins with a word of its own."""
    x, x1 = TWO[n]
    return [full(f"{begin}{n}{row:02} {filler(8)}", y + 12 * row, x, x1) for row in range(rows)]


# Lines


def test_words_on_one_baseline_are_a_line() -> None:
    first, second = lines(shown("one line of text", y=100), shown("and another", y=112))
    assert (first.text, second.text) == ("one line of text", "and another")
    assert (first.x0, first.x1, first.y, first.size, first.font) == (LEFT, LEFT + 72.5, 100, 10, ROMAN)
    assert (first.page, first.column, first.beside, second.beside) == (0, 0, False, False)
    assert first.top < first.y - 5 < first.y < first.bottom < second.top + 3


def test_a_wide_gap_parts_cells_but_not_a_number_from_its_heading() -> None:
    cells = lines(shown("BLEU", x=72), shown("27.3", x=150), shown("38.1", x=220))
    assert [(line.text, line.beside) for line in cells] == [("BLEU", False), ("27.3", True), ("38.1", True)]
    assert texts(lines(shown("2.1", x=72, size=12), shown("Inner steps", x=120, size=12))) == ["2.1 Inner steps"]
    assert texts(lines(shown("some", x=72), shown("words", x=72 + 20 + 21))) == ["some words"]


def test_a_small_word_that_hangs_is_part_of_its_line() -> None:
    page = [
        shown("the square x", y=100), shown("2", x=130, y=96, size=7, glued=True), shown("of it", x=136, y=100),
        shown("a mean g", y=120), shown("t", x=110, y=122, size=7, glued=True), shown("is kept", x=116, y=120),
    ]  # fmt: skip
    first, second = lines(*page)
    assert (first.text, first.y, first.size) == ("the square x2 of it", 100, 10)
    assert (second.text, second.y, second.size) == ("a mean gt is kept", 120, 10)


def test_an_index_under_an_exponent_stays_on_the_line() -> None:
    page = [
        shown("weights w", y=100), shown("10", x=114.5, y=96, size=7, glued=True),
        shown("t", x=114.5, y=103, size=7, glued=True), shown("of all", x=124, y=100),
    ]  # fmt: skip
    (line,) = lines(*page)
    assert line.text == "weights w10t of all"


def test_a_line_may_begin_with_what_is_raised() -> None:
    (line,) = lines(shown("1", y=96, size=7), shown("The code is public.", x=76, y=100, size=9))
    assert (line.y, line.size) == (100, 9)


def test_a_mark_is_no_part_of_the_line_above() -> None:
    assert texts(lines(shown("the last line of text", y=100), shown("1", y=112, size=7))) == [
        "the last line of text",
        "1",
    ]


def test_stray_indices_come_to_their_letters() -> None:
    # some producers write a line first and all its indices after it
    line = shown("the gap x of two y", y=100)
    x, y = (word for word in words(line) if word.text in "xy")
    found = lines(
        line, shown("i", x=x.x1, y=102, size=7), shown("j", x=y.x1, y=102, size=7), shown("next line here", y=112)
    )
    assert texts(found) == ["the gap xi of two yj", "next line here"]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([("bene", 0.0), ("fit", 0.0)], "benefit"),  # a ligature's neighbours, drawn apart
        ([("bene", 0.0), ("fit", 0.5)], "benefit"),
        ([("two", 0.0), ("words", 2.0)], "two words"),
        ([("end.", 0.0), ("next", 0.5)], "end. next"),
        ([("in", 0.0), ("Paris", 0.5)], "in Paris"),
    ],
)
def test_a_space_that_nobody_sees_is_none(parts: list[tuple[str, float]], text: str) -> None:
    page, x = [], LEFT
    for part, gap in parts:
        page.append(shown(part, x=x + gap))
        x = page[-1].x1
    assert texts(lines(*page)) == [text]


def test_small_capitals_are_one_word_of_the_capital_s_size() -> None:
    page = [
        shown("A", size=12), shown("DAM:", x=78.5, size=9.6), shown("A", x=101, size=12), shown("M", x=111, size=12),
        shown("ETHOD", x=117.2, size=9.6),
    ]  # fmt: skip
    (line,) = lines(*page)
    assert (line.text, line.size) == ("ADAM: A METHOD", 12)


def test_small_capitals_of_a_typewriter_are_one_word() -> None:
    parts = [shown("T", font=MONO), shown("A", x=79, size=8, font=MONO), shown("K", x=84.5, size=8, font=MONO)]
    assert texts(lines(*parts)) == ["TAK"]


def test_letters_of_a_typewriter_are_not_glued_into_one() -> None:
    assert texts(lines(shown("x = f(a, b)", font=MONO), shown("for i in range(3):", y=112, font=MONO))) == [
        "x = f(a, b)",
        "for i in range(3):",
    ]


def test_a_root_or_a_large_sign_joins_from_another_baseline() -> None:
    assert texts(
        lines(shown("d", y=100, font=MATH), shown("√", x=78, y=90, font=MATH), shown("k", x=84, y=100, font=MATH))
    ) == ["d √ k"]


def test_a_fraction_does_not_cut_its_line() -> None:
    page = [
        shown("about", y=100), shown("120", x=100, y=96, size=7), shown("4", x=103, y=105, size=7), shown("of all workers", x=113, y=100)
    ]  # fmt: skip
    assert texts(lines(*page))[0].endswith("of all workers") and len(lines(*page)) == 1


GLUED = st.lists(st.tuples(st.text("ab", min_size=1, max_size=3), st.booleans()), max_size=12)


@given(GLUED)
def test_text_is_words_with_single_spaces(parts: list[tuple[str, bool]]) -> None:
    text = ""
    for n, (part, glued) in enumerate(parts):
        text = text + part if glued or n == 0 else text + " " + part
    assert spaced(Word(part, 0, 1, 0, 10, ROMAN, glued) for part, glued in parts) == text


PLACED = st.builds(
    lambda text, x, y, size, font, glued: Word(text, x, x + 0.5 * size * len(text), y, size, font, glued),
    st.text("abcXY1.-´¨", min_size=1, max_size=5),
    st.integers(0, 60).map(lambda x: 10.0 * x),
    st.integers(0, 60).map(lambda y: 13.0 * y),
    st.sampled_from([0.0, 1.0, 7.0, 10.0, 10.0, 10.0, 14.0, 99.5]),
    st.sampled_from([ROMAN, BOLD, MATH, MONO]),
    st.booleans(),
)


@given(st.lists(PLACED, max_size=40))
@settings(deadline=None)
def test_no_word_is_lost_and_none_comes_twice(placed: list[Word]) -> None:
    settled_words = settled(placed)
    page = layout(Sheet(3, WIDTH, 792.0, placed))
    assert Counter(w[:6] for line in page.lines for w in line.words) == Counter(w[:6] for w in settled_words)
    for line in page.lines:
        assert line.page == 2 and not line.words[0].glued
        assert line.x0 == min(w.x0 for w in line.words) and line.x1 == max(w.x1 for w in line.words)
        assert line.y in {w.y for w in line.words} and line.size in {w.size for w in line.words}
        assert line.column in (None, *range(len(page.columns)))


# Accents


def accented(accent: str, x: float, word: str = "reside", y: float = 100.0) -> list[str]:
    """A word at 72 whose letters are 5 points wide, and a sign whose left edge is at `x`."""
    sign = Word(accent, x, x + 3, y, 10, ROMAN)
    return [found.text for found in settled([*words(shown(word, y=100)), sign])]


def test_an_accent_goes_to_the_letter_under_it() -> None:
    assert accented("´", 78) == ["réside"]
    assert accented("´", 98) == ["residé"]
    assert accented("¸", 72, "cedille") == ["çedille"]
    assert accented("¨", 73, "ıle") == ["ïle"]
    assert accented("˚", 72, "Angstrom") == ["Ångstrom"]


def test_an_accent_that_fits_nothing_stays() -> None:
    assert accented("´", 78, "bbbb") == ["bbbb", "´"]
    assert accented("´", 300) == ["reside", "´"]
    assert accented("´", 78, y=140) == ["reside", "´"]
    assert accented("˜", 73, "1234") == ["1234", "˜"]


def test_two_accents_in_one_word_each_find_their_letter() -> None:
    drawn = [*words(shown("reside")), Word("´", 78, 81, 100, 10, ROMAN), Word("´", 98, 101, 100, 10, ROMAN)]
    assert [word.text for word in settled(drawn)] == ["résidé"]


def test_what_an_accent_cut_is_still_one_word() -> None:
    drawn = [
        Word("Poincar", 72, 107, 100, 10, ROMAN), Word("´", 108, 111, 100, 10, ROMAN), Word("e", 107, 112, 100, 10, ROMAN, True),
    ]  # fmt: skip
    assert layout(Sheet(1, WIDTH, 792.0, drawn)).lines[0].text == "Poincaré"


@given(st.lists(st.tuples(st.sampled_from([*ACCENTS, "abc", "eeo", "x"]), st.integers(0, 20)), max_size=20))
def test_accents_change_no_letter(drawn: list[tuple[str, int]]) -> None:
    placed = [Word(text, 4.0 * x, 4.0 * x + 5 * len(text), 100, 10, ROMAN) for text, x in drawn]
    found = settled(placed)

    def letters(some: list[Word]) -> Counter[str]:
        return Counter(c for w in some for c in unicodedata.normalize("NFD", w.text) if c in "abceox")

    assert letters(found) == letters(placed)
    assert len(found) + sum(len(unicodedata.normalize("NFD", w.text)) - len(w.text) for w in found) == len(placed)


# Columns


def test_one_column_is_one() -> None:
    page = laid([line for n in range(6) for line in prose(filler(60), y=100 + 70 * n)])
    (only,) = page.columns
    assert (only.x0, only.x1, only.leading) == (pytest.approx(LEFT), pytest.approx(RIGHT), pytest.approx(12))
    assert {line.column for line in page.lines} == {0}


def test_two_columns_are_read_one_after_the_other() -> None:
    title = shown("A Title That Spans Both of Them", x=150, y=60, size=18)
    left, right = column(0), column(1)
    page = laid([title, *left, *right])
    assert [(round(c.x0), round(c.x1)) for c in page.columns] == [TWO[0], TWO[1]]
    assert texts(page.lines) == printed_lines([title, *left, *right])
    assert [line.column for line in page.lines] == [None] + 30 * [0] + 30 * [1]


def test_lines_that_run_over_the_gutter_are_cut_there() -> None:
    rows = [line for pair in zip(column(0), column(1), strict=True) for line in pair]  # as some producers write a page
    page = laid(rows)
    assert texts(page.lines) == printed_lines([*column(0), *column(1)])


def test_a_table_over_both_columns_is_not_cut() -> None:
    table = [shown(f"row {n} with some words, and 12.5 of it", x=150, y=500 + 12 * n) for n in range(3)]
    page = laid([*column(0), *column(1), *table])
    assert [line.column for line in page.lines[-3:]] == [None, None, None]


def test_a_page_of_prose_with_one_narrow_paragraph_has_no_gutter() -> None:
    page = laid([*prose(filler(200)), *prose(filler(20), y=400, x=330)])
    assert len(page.columns) == 1


def test_an_empty_page_has_a_column_too() -> None:
    page = laid([], number=7)
    assert (page.number, page.lines, len(page.columns)) == (7, [], 1)


def test_what_else_is_on_the_sheet_is_handed_on() -> None:
    turned = [Word("up", 0, 9, 9, 9, ROMAN)]
    page = laid([shown("a")], turned=turned, pictures=[(1.0, 2.0, 30.0, 40.0)], rules=[(1.0, 2.0, 3.0)])
    assert (page.turned, page.pictures, page.rules) == (turned, [(1.0, 2.0, 30.0, 40.0)], [(1.0, 2.0, 3.0)])
    assert (page.width, page.height) == (WIDTH, 792.0)


# Wild order


@pytest.mark.parametrize("seed", range(5))
def test_lines_in_any_order_are_sorted(seed: int) -> None:
    page = [line for n in range(4) for line in prose(filler(60), y=100 + 80 * n)]
    shuffled = random.Random(seed).sample(page, len(page))
    assert texts(laid(shuffled).lines) == printed_lines(page)


@pytest.mark.parametrize("seed", range(5))
def test_columns_in_any_order_are_sorted_between_what_spans_them(seed: int) -> None:
    head = shown("A title over both of the columns here", x=150, y=60, size=16)
    wide = shown("Table 2: a caption that is set across the gutter", x=150, y=320)
    page = [
        head,
        *column(0, rows=15),
        *column(1, rows=15),
        wide,
        *column(0, 350, 15, "Low"),
        *column(1, 350, 15, "Low"),
    ]
    shuffled = random.Random(seed).sample(page, len(page))
    assert texts(laid(shuffled).lines) == printed_lines(page)


def test_a_right_column_that_the_file_has_first_is_read_second() -> None:
    left, right = column(0), column(1)
    assert texts(laid([*right, *left]).lines) == printed_lines([*left, *right])


def test_a_figure_that_text_flows_around_keeps_its_place() -> None:
    beside, text = column(1, 260, 8), [*column(0), *prose(filler(60), y=460)]
    assert texts(laid([*beside, *text]).lines) == printed_lines([*beside, *text])


def test_a_good_order_is_left_alone() -> None:
    # a footnote below a figure that the file has between two paragraphs, and a head at the end
    page = [*column(0), *column(1), shown("12 A running head", y=50), shown("Figure 1: drawn last.", x=150, y=600)]
    assert texts(laid(page).lines) == printed_lines(page)


ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=8, max_size=40, unique=True)


@given(ROWS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_sorted_lines_are_rows_from_left_to_right(places: list[tuple[int, int]], chance: random.Random) -> None:
    page = [shown("a b c d", x=20 + 145 * x, y=60 + 20 * y + chance.choice([0, 1])) for y, x in places]
    found = laid(page)
    assert Counter(texts(found.lines)) == Counter(printed_lines(page))
    order = [(round((line.y - 60.5) / 20), line.x0) for line in found.lines]
    if sum(b < a for a, b in itertools.pairwise(order)):  # it was left in the file's order: that must be tame
        heights = [line.y for line in page]
        assert sum(b < a - 5 for a, b in itertools.pairwise(heights)) <= max(3, 0.15 * len(page))


def test_words_of_one_line_keep_their_file_s_order() -> None:
    assert [line.text for line in layout(sheet([shown("b", x=200), shown("a", x=100)])).lines] == ["b", "a"]
