"""Which blocks are headings and at which level: by hand-made pages, and by ten papers whose headings were read by eye."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given, settings
from hypothesis import strategies as st
from printed import BOLD, ITALIC, LEFT, ROMAN, Shown, filler, laid, prose, shown

from indexer import extract
from indexer.document import Extracted
from indexer.extract.blocks import grouped
from indexer.extract.headings import mark_headings
from indexer.extract.kinds import body_of, mark_kinds

EXPECTED = json.loads((Path(__file__).parent / "expected/headings.json").read_text(encoding="utf-8"))

Style = dict
PLAIN: Style = {}
LARGE = {"size": 12.0, "font": BOLD}
DARK = {"font": BOLD}
SLANTED = {"font": ITALIC}


def headings(*pages: Sequence[Shown]) -> list[tuple[int, str]]:
    """The levels and texts of the headings of pages, the first of which is a document's second."""
    layouts = [laid(page, n) for n, page in enumerate(pages, 2)]
    body = body_of([page.lines for page in layouts])
    drawn = [grouped(page.lines, page.columns, body.size, 1.2) for page in layouts]
    for blocks, page in zip(drawn, layouts, strict=True):
        mark_kinds(blocks, page, body)
    mark_headings(drawn, body)
    return [(block.level, block.heading) for blocks in drawn for block in blocks if block.kind == "heading"]


def paper(*heads: tuple[str, Style]) -> list[list[Shown]]:
    """Pages of these headings, each with a paragraph below it."""
    pages: list[list[Shown]] = [prose(filler(120), y=80)]
    y = 200.0
    for text, style in heads:
        if y > 640:
            pages.append(prose(filler(120), y=80))
            y = 200.0
        head = prose(text, y=y, **style)
        pages[-1] += [*head, *prose(filler(60), y=head[-1].y + 20)]
        y = head[-1].y + 20 + 12 * 3 + 24
    return pages


def found(*heads: tuple[str, Style]) -> list[tuple[int, str]]:
    return headings(*paper(*heads))


# Numbered


def test_numbers_tell_the_levels() -> None:
    heads = [
        ("1 Introduction", LARGE), ("2 Method", LARGE), ("2.1 Inner steps", DARK), ("2.1.1 Warm-up", DARK), ("2.2 Outer steps", DARK),
        ("3 Results", LARGE), ("4 Conclusion", LARGE), ("References", LARGE),
    ]  # fmt: skip
    assert found(*heads) == [(1, "1 Introduction"), (1, "2 Method"), (2, "2.1 Inner steps"), (3, "2.1.1 Warm-up"), (2, "2.2 Outer steps"),
                             (1, "3 Results"), (1, "4 Conclusion"), (1, "References")]  # fmt: skip


@pytest.mark.parametrize("form", ["{} {}", "{}. {}"])
def test_with_a_point_and_without(form: str) -> None:
    heads = [
        form.format(n, text) for n, text in (("1", "Introduction"), ("1.1", "Data"), ("2", "Method"), ("2.1", "Steps"))
    ]
    assert found(*((head, LARGE) for head in heads)) == [(1, heads[0]), (2, heads[1]), (1, heads[2]), (2, heads[3])]


def test_roman_numbers_with_letters_below_them() -> None:
    heads = [
        ("I. INTRODUCTION", PLAIN), ("II. SYSTEM MODEL", PLAIN), ("A. Signals", SLANTED), ("B. Splitting", SLANTED),
        ("III. ALGORITHM", PLAIN), ("A. Rounds", SLANTED), ("IV. RESULTS", PLAIN), ("V. CONCLUSION", PLAIN), ("REFERENCES", PLAIN),
    ]  # fmt: skip
    levels = [1, 1, 2, 2, 1, 2, 1, 1, 1]
    assert found(*heads) == [(level, text) for level, (text, _) in zip(levels, heads, strict=True)]


def test_roman_numbers_without_a_point() -> None:
    heads = ["I Introduction", "II Method", "III Results", "IV Outlook", "V Thanks", "References"]
    assert found(*((head, LARGE) for head in heads)) == [(1, head) for head in heads]


def test_a_section_i_among_letters_is_one_of_them() -> None:
    letters = [(f"{letter}. Part {letter}", LARGE) for letter in "ABCDEFGHIJ"]
    assert found(*letters) == [(1, text) for text, _ in letters]


def test_an_appendix_counts_by_letters_after_the_numbers() -> None:
    heads = [("1 Introduction", LARGE), ("2 Method", LARGE), ("3 Results", LARGE), ("References", LARGE),
             ("A Proofs", LARGE), ("A.1 First lemma", DARK), ("A.2 Second lemma", DARK), ("B More runs", LARGE)]  # fmt: skip
    assert found(*heads) == [(n, text) for n, (text, _) in zip([1, 1, 1, 1, 1, 2, 2, 1], heads, strict=True)]


def test_an_appendix_that_says_so() -> None:
    heads = [
        ("1 Introduction", LARGE),
        ("2 Method", LARGE),
        ("Appendix A. Proofs", LARGE),
        ("Appendix B. More runs", LARGE),
    ]
    assert found(*heads) == [(1, text) for text, _ in heads]
    heads = [("1 Introduction", LARGE), ("2 Method", LARGE), ("Supplementary Material", LARGE)]
    assert found(*heads) == [(1, text) for text, _ in heads]


def test_a_number_that_stands_apart_is_the_heading_s() -> None:
    page = [*prose(filler(120), y=80)]
    for n, text in enumerate(["Introduction", "Method", "Results", "Outlook"], 1):
        y = 120.0 + 80 * n
        page += [shown(str(n), y=y, **LARGE), shown(text, x=LEFT + 30, y=y, **LARGE), *prose(filler(60), y=y + 20)]
    assert headings(page) == [(1, "1 Introduction"), (1, "2 Method"), (1, "3 Results"), (1, "4 Outlook")]


def test_a_heading_of_two_lines_is_one() -> None:
    long = "2 A Heading So Long That It Takes More Than a Whole Line of the Page for All of Its Many Words"
    assert len(prose(long, **LARGE)) == 2
    assert found(("1 Introduction", LARGE), (long, LARGE), ("3 Results", LARGE)) == [
        (1, "1 Introduction"),
        (1, long),
        (1, "3 Results"),
    ]


def test_a_hyphen_that_a_line_s_end_made_goes() -> None:
    page = [
        *prose(filler(120), y=80),
        *prose("1 On the Use of Distri-\nbuted Machines", y=200, x1=210, **LARGE),
        *prose(filler(60), y=240),
    ]
    assert headings(page) == [(1, "1 On the Use of Distributed Machines")]


# Not numbered


@pytest.mark.parametrize("style", [LARGE, DARK, {"size": 13.0}])
def test_headings_without_numbers(style: Style) -> None:
    heads = [
        ("Introduction", style),
        ("Why many small machines", style),
        ("What comes next", style),
        ("Acknowledgments", style),
        ("References", style),
    ]
    assert found(*heads) == [(1, text) for text, _ in heads]


def test_sizes_tell_the_levels_where_there_are_no_numbers() -> None:
    heads = [
        ("Method", {"size": 16.0, "font": BOLD}),
        ("Inner steps", LARGE),
        ("Outer steps", LARGE),
        ("Results", {"size": 16.0, "font": BOLD}),
    ]
    assert found(*heads) == [(1, "Method"), (2, "Inner steps"), (2, "Outer steps"), (1, "Results")]


def test_known_names_are_headings_among_numbered_ones() -> None:
    heads = [
        ("1 Introduction", LARGE),
        ("2 Method", LARGE),
        ("3 Results", LARGE),
        ("4 Outlook", LARGE),
        ("Acknowledgments", LARGE),
        ("Data availability", LARGE),
    ]
    assert found(*heads) == [(1, text) for text, _ in heads]


def test_a_name_in_the_text_s_type_is_a_heading_where_it_stands_alone() -> None:
    assert found(("Introduction", PLAIN), ("Conclusions", PLAIN), ("References", PLAIN)) == [
        (1, "Introduction"), (1, "Conclusions"), (1, "References"),
    ]  # fmt: skip


# False ones


@pytest.mark.parametrize(
    "text",
    [
        "Theorem 3", "Proof", "Lemma 2 (Descent)", "Algorithm 1", "Remark", "Keywords: training, networks", "A bold remark that ends here.",
        "and a bold line of text", "12.5 88.0 3.1",
    ],
)  # fmt: skip
def test_bold_lines_that_head_nothing(text: str) -> None:
    heads = [("1 Introduction", LARGE), ("2 Method", LARGE), ("3 Results", LARGE), ("4 Outlook", LARGE)]
    assert found(heads[0], (text, DARK), *heads[1:]) == [(1, head) for head, _ in heads]


def test_items_of_a_list_are_no_headings() -> None:
    heads = [("1 Introduction", LARGE), ("2 Method", LARGE), ("3 Results", LARGE), ("4 Outlook", LARGE)]
    pages = paper(*heads)
    items = [shown(f"{n}. Take a step", x=LEFT + 12, y=100 + 16 * n) for n in range(1, 5)]
    assert headings(*pages, [*items, *prose(filler(60), y=300)]) == [(1, head) for head, _ in heads]


def test_a_number_out_of_order_is_no_heading() -> None:
    heads = [
        ("1 Introduction", LARGE),
        ("2 Method", LARGE),
        ("17 Machines", LARGE),
        ("3 Results", LARGE),
        ("4 Outlook", LARGE),
    ]
    assert found(*heads) == [(1, head) for head, _ in heads if "Machines" not in head]
    heads = [
        ("1 Introduction", LARGE),
        ("2 Method", LARGE),
        ("1 Worker", LARGE),
        ("3 Results", LARGE),
        ("4 Outlook", LARGE),
    ]
    assert found(*heads) == [(1, head) for head, _ in heads if "Worker" not in head]


def test_a_table_s_head_is_no_heading() -> None:
    heads = [("1 Introduction", LARGE), ("2 Method", LARGE), ("3 Results", LARGE), ("4 Outlook", LARGE)]
    row = [shown(text, x=x, y=100, font=BOLD) for text, x in (("Model", 80), ("Steps", 105), ("BLEU", 147))]
    assert headings(*paper(*heads), [*row, *prose(filler(60), y=140)]) == [(1, head) for head, _ in heads]


def test_letters_that_no_person_counts_by_stop_nothing() -> None:
    for text in (
        "\u0130I. Introduction",
        "\u212a. Results",
        "\u017f Method",
        "\u0130\u0130. Method",
        "I\u0131. Method",
    ):
        found((text, LARGE), ("1 Introduction", LARGE))


def test_a_list_of_contents_has_no_headings_but_what_it_lists_has() -> None:
    heads = ["1 Introduction", "2 Method", "3 Results", "4 Outlook"]
    entries = [
        Shown(f"{head} {'. ' * 40}{n + 3}", LEFT, 140 + 16 * n, 10, BOLD if n % 2 else ROMAN)
        for n, head in enumerate([*heads, "5 Thanks", "6 More", "7 And More"])
    ]  # fmt: skip
    contents = [shown("Contents", y=100, **LARGE), *entries]
    assert headings(contents, *paper(*((head, LARGE) for head in heads))) == [(1, head) for head in heads]


def test_references_on_the_page_of_the_contents_stay() -> None:
    listed = [shown(f"{n} Part {'. ' * 30}{n + 3}", y=120 + 14 * n) for n in range(1, 8)]
    entries = [
        line
        for n in range(3)
        for line in prose(f"[{n}] A. Author. {filler(12)} 2021. {n + 3}", y=340 + 40 * n, hang=15)
    ]
    page = [shown("Contents", y=100, **LARGE), *listed, shown("References", y=300, **LARGE), *entries]
    layouts = laid(page, 2)
    blocks = grouped(layouts.lines, layouts.columns, 10.0, 1.2)
    mark_headings([blocks], body_of([layouts.lines]))
    kinds = {block.text.split()[0]: block.kind for block in blocks}
    assert (kinds["Contents"], kinds["1"], kinds["References"], kinds["[1]"]) == ("front", "front", "heading", None)


def test_a_list_of_contents_without_dots() -> None:
    heads = ["1 Introduction", "2 Method", "3 Results", "4 Outlook", "5 Thanks", "6 More"]
    entries = [
        x
        for n, head in enumerate(heads)
        for x in (shown(head, y=140 + 16 * n, font=BOLD), shown(str(n + 3), x=530, y=140 + 16 * n))
    ]
    contents = [shown("Contents", y=100, **LARGE), *entries]
    assert headings(contents, *paper(*((head, LARGE) for head in heads))) == [(1, head) for head in heads]


HEAD = st.tuples(
    st.sampled_from(["1 Introduction", "2 Method", "2.1 Steps", "A Proofs", "A.1 More", "I. INTRODUCTION", "II. MODEL", "A. Signals", "References",
                     "Appendix", "Appendix B", "Contents", "A word", "Theorem 2", "X", "IV. Y. Z", "1.1.1.1 Deep", "\u0130I. Odd", "V.", "Abstract"]),
    st.sampled_from([LARGE, DARK, PLAIN, SLANTED, {"size": 20.0}, {"size": 6.0}]),
)  # fmt: skip


@given(st.lists(HEAD, max_size=14))
@settings(deadline=None)
def test_any_headings_have_a_level_and_their_text(heads: list[tuple[str, Style]]) -> None:
    for level, text in found(*heads):
        assert 1 <= level <= 6 and text in {head for head, _ in heads}


# Papers


def plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


@needs_shared
@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *((name, "auto") for name in EXPECTED),
        *((name, "pypdf") for name in EXPECTED if name[:4] in ("1703", "2303", "2506")),
    ],
)
def test_the_sections_of_a_paper(name: str, engine: str, read_paper: Callable[[str], Extracted]) -> None:
    read = read_paper(name) if engine == "auto" else extract.read(SHARED / "papers" / name, "pdf", engine=engine)
    wanted = [(level, plain(text), page, appendix) for level, text, page, appendix in EXPECTED[name]]
    sections = [(s.level, plain(s.heading), s.page + 1, s.appendix) for s in read.sections]
    assert [section for section in sections if section not in wanted] == []
    missing = [heading for heading in wanted if heading not in sections]
    assert len(missing) <= 1, missing
    assert sections == [heading for heading in wanted if heading in sections]  # in order, none twice
