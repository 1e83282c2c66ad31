"""What is no text goes: running heads, page numbers, stamps, numbers of lines. What only looks like it stays."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed import RIGHT, Shown, filler, laid, prose, shown

from indexer.extract.furniture import without_furniture


def text_of(n: int) -> list[Shown]:
    """A page's own paragraph, unlike that of any other page."""
    return prose(filler(80, begin=f"Only{chr(97 + n % 26)}{chr(97 + n // 26)}"), y=200)


def kept(*pages: Sequence[Shown]) -> list[list[str]]:
    return [
        [line.text for line in lines] for lines in without_furniture([laid(page, n) for n, page in enumerate(pages, 1)])
    ]


def goes(pages: Sequence[Sequence[Shown]], *gone: str) -> None:
    """Asserts that the lines of these texts go, on every page, and no other."""
    for page, lines in zip(pages, kept(*pages), strict=True):
        assert lines == [line.text for line in page if line.text not in gone]


def test_running_heads_go_on_every_page() -> None:
    head = shown("Distributed Training over Slow Networks", y=50)
    foot = shown("Preprint. Under review.", y=760)
    goes([[head, *text_of(n), foot] for n in range(6)], head.text, foot.text)


def test_heads_of_left_and_right_pages_go() -> None:
    heads = [shown("A. Author and B. Author", y=50), shown("Training over Slow Networks", x=300, y=50)]
    goes([[heads[n % 2], *text_of(n)] for n in range(8)], *(head.text for head in heads))


def test_a_head_that_counts_the_pages_goes() -> None:
    pages = [[shown(f"Journal of Results 12 (2024) {n + 101}", y=50), *text_of(n)] for n in range(5)]
    goes(pages, *(page[0].text for page in pages))


@pytest.mark.parametrize("form", ["{}", "– {} –", "Page {}", "page {} of 9", "{}/9", "| {}"])
@pytest.mark.parametrize("y", [40, 770])
def test_page_numbers_go(form: str, y: float) -> None:
    pages = [[*text_of(n), shown(form.format(n + 4), x=300, y=y)] for n in range(5)]
    goes(pages, *(page[-1].text for page in pages))


def test_roman_page_numbers_go() -> None:
    numbers = ["ii", "iii", "iv", "v", "vi"]
    goes([[*text_of(n), shown(number, x=300, y=770)] for n, number in enumerate(numbers)], *numbers)


@pytest.mark.parametrize("number", ["1", "12"])
def test_the_number_of_a_lone_page_goes(number: str) -> None:
    goes([[*text_of(0), shown(number, x=300, y=770)]], number)


def test_a_number_that_does_not_count_on_stays() -> None:
    pages = [
        [*text_of(n), *([shown("2048", x=300, y=770)] if n == 2 else [shown(str(n + 1), x=300, y=770)])]
        for n in range(6)
    ]
    goes(pages, "1", "2", "4", "5", "6")


@pytest.mark.parametrize("word", ["civil", "ill", "x", "C"])
def test_a_last_word_of_roman_letters_is_no_page_number(word: str) -> None:
    pages = [[*text_of(n), *([shown(word, y=745)] if n == 2 else [])] for n in range(6)]
    goes(pages)


def test_a_stamp_that_is_set_upright_goes_but_a_cited_id_stays() -> None:
    stamp = shown("arXiv:2301.00001v2 [cs.LG] 3 Jan 2023", y=780)
    goes([[*text_of(0), shown("See arXiv:2301.00001v2 for the proof.", y=400), stamp], text_of(1)], stamp.text)


def test_text_that_comes_back_in_the_middle_of_pages_stays() -> None:
    goes([[*text_of(n), shown("Proof.", y=400), *prose(filler(20), y=420)] for n in range(6)])


def test_pages_that_begin_alike_keep_their_text() -> None:
    # of two or three pages any may begin alike: what repeats is as large as the text
    pages = [[*prose("In this section we give", y=80), *text_of(n)] for n in range(3)]
    goes(pages)
    small = [[shown("In this section we give", y=50, size=8), *text_of(n)] for n in range(3)]
    goes(small, "In this section we give")


def test_what_is_all_there_is_stays() -> None:
    assert kept(*[[shown("Thanks!", y=60)] for _ in range(6)]) == [["Thanks!"]] * 6


def test_numbers_alone_are_no_text() -> None:
    assert kept(*[[shown(str(n + 1), x=300, y=770)] for n in range(4)]) == [[]] * 4


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("x", [30.0, 575.0])
def test_numbers_of_lines_go(step: int, x: float) -> None:
    text = [line for n in range(3) for line in prose(filler(90), y=120 + 100 * n)]
    numbers = [shown(str(step * (n + 1)), x=x, y=120 + 20 * n, size=7) for n in range(14)]
    goes([[*text, *numbers]], *(number.text for number in numbers))


def test_a_table_s_column_of_numbers_stays() -> None:
    cells = [shown(str(n + 1), x=200, y=150 + 20 * n) for n in range(14)]
    years = [shown(str(2010 + 7 * n % 11), x=30, y=150 + 20 * n) for n in range(14)]
    assert kept(cells + text_of(0)) == [[line.text for line in cells + text_of(0)]]
    assert kept(years + text_of(0)) == [[line.text for line in years + text_of(0)]]


def test_numbers_that_are_no_plain_digits_stop_nothing() -> None:
    marks = [shown("²", x=30, y=150 + 20 * n) for n in range(14)] + [
        shown("①", x=30, y=500 + 10 * n) for n in range(14)
    ]
    goes([marks, text_of(1)])


def test_what_stands_beside_a_page_number_is_a_running_head() -> None:
    topics = ["Methods and models", "What was measured", "Related and earlier work", "An outlook", "Thanks to all"]
    pages = [[shown(topic, y=50), shown(str(n + 7), x=RIGHT, y=50), *text_of(n)] for n, topic in enumerate(topics)]
    goes(pages, *topics, *(page[1].text for page in pages))


LINE = st.builds(
    shown, st.sampled_from(["1", "2", "3", "iv", "Page 2", "A head", "a b c d e", "²", "(3)", "arXiv:1 [x] 1 May 2020"]),
    st.sampled_from([30.0, 72.0, 300.0, 560.0]), st.integers(0, 66).map(lambda y: 12.0 * y),
)  # fmt: skip


@given(st.lists(st.lists(LINE, max_size=20), max_size=8))
@settings(deadline=None)
def test_what_stays_keeps_its_order_and_the_middle_is_safe(pages: list[list[Shown]]) -> None:
    layouts = [laid(page, n) for n, page in enumerate(pages, 1)]
    for page, lines in zip(layouts, without_furniture(layouts), strict=True):
        before = {id(line): n for n, line in enumerate(page.lines)}
        order = [before[id(line)] for line in lines]
        assert order == sorted(set(order))
        gone = [line for line in page.lines if id(line) not in {id(x) for x in lines}]
        for line in gone:
            middle = 0.14 * page.height < line.y < 0.86 * page.height
            assert not middle or line.text.isdigit() or line.text.startswith("arXiv")
