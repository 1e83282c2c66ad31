"""The way through: sheets, made by hand or read from a PDF by either engine, to text, blocks, sections and mentions."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from printed import (
    BOLD,
    HEIGHT,
    ITALIC,
    MATH,
    MONO,
    ROMAN,
    SANS,
    TWO,
    WIDTH,
    Shown,
    filler,
    pdf,
    prose,
    sheet,
    shown,
    words,
)

from indexer.document import Block, Extracted
from indexer.extract.cleaning import english
from indexer.extract.engines import pdfium, pypdf
from indexer.extract.sheet import Font, Sheet, Word
from indexer.extract.structure import understood

ONE_LINE = {"front", "abstract", "heading", "body", "caption", "footnote", "reference", "appendix"}
Read = Callable[..., Extracted]


@pytest.fixture(params=["sheets", "pdfium", "pypdf"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """Pages to what is understood of them: as sheets by hand, and by way of a file's bytes through each engine."""

    def one(*pages: Sequence[Shown], angle: Sequence[Shown] = ()) -> Extracted:
        if request.param == "sheets":
            turned = [word for line in angle for word in words(line)]
            found = understood(sheet(page, n, turned=turned if n == 1 else []) for n, page in enumerate(pages, 1))
        else:
            path = tmp_path / "made.pdf"
            path.write_bytes(pdf(pages, angle))
            found = understood({"pdfium": pdfium, "pypdf": pypdf}[request.param].read(path))
        sound(found)
        return found

    return one


def text_of(found: Extracted, block: Block) -> str:
    return found.pages[block.page].text[block.start : block.end]


def kinds(found: Extracted) -> list[tuple[str, str]]:
    """The kinds of all blocks, each with its first three words."""
    return [(block.kind, " ".join(text_of(found, block).split()[:3])) for block in found.blocks]


def of_kind(found: Extracted, kind: str) -> list[str]:
    return [text_of(found, block) for block in found.blocks if block.kind == kind]


def sound(found: Extracted) -> None:
    """What is so of every document, whatever is in it."""
    assert [page.number for page in found.pages] == list(range(1, len(found.pages) + 1))
    for index, page in enumerate(found.pages):
        blocks = [block for block in found.blocks if block.page == index]
        assert "\n".join(text_of(found, block) for block in blocks) == page.text
        at = 0
        for block in blocks:
            assert block.start == at < block.end
            at = block.end + 1
    assert [block.page for block in found.blocks] == sorted(block.page for block in found.blocks)
    for block in found.blocks:
        text = text_of(found, block)
        assert text.strip() == text
        assert block.kind not in ONE_LINE or "\n" not in text
        assert not block.continued or block.kind in ("body", "appendix", "abstract")
    heads = [block for block in found.blocks if block.kind == "heading"]
    assert [(s.page, s.start, s.heading) for s in found.sections] == [
        (b.page, b.start, text_of(found, b)) for b in heads
    ]
    assert all(section.level >= 1 for section in found.sections)
    assert [reference.n for reference in found.references] == list(range(1, len(found.references) + 1))
    for reference in found.references:
        assert 0 <= reference.page < len(found.pages)
        for mention in reference.mentions:
            mark = found.pages[mention.page].text[mention.start : mention.end]
            assert 0 <= mention.start < mention.end <= len(found.pages[mention.page].text) and re.search(r"\w", mark)
            assert mention.section is None or 0 <= mention.section < len(found.sections)


HEAD = {"size": 12.0, "font": BOLD}


def body(words: int = 90, y: float = 100.0, begin: str = "Here", **rest) -> list[Shown]:
    return prose(filler(words, begin), y=y, **rest)


def below(group: Sequence[Shown], leading: float = 12.0) -> float:
    return group[-1].y + leading


# A paper


def paper() -> list[list[Shown]]:
    """Three pages: front, two columns with a figure and a footnote, references and an appendix."""
    first = [
        shown("Many Small Machines Learn Together", x=150, y=90, size=17, font=BOLD), shown("Ana Example", x=270, y=120, size=11),
        shown("Example University", x=262, y=134), shown("Abstract", x=284, y=165, **HEAD),
        *prose("We train with many machines. " + filler(60, "Our"), y=185, x=110, x1=500), shown("1 Introduction", y=250, **HEAD),
        *body(100, 270, "Training"), *body(80, 360, "Others [1] have", indent=15), shown("7", x=300, y=760),
    ]  # fmt: skip
    left, right = TWO
    second = [
        shown("2 Method", x=left[0], y=90, **HEAD), *body(250, 110, "Each", x=left[0], x1=left[1]),
        shown("1", x=left[0], y=697, size=5), *prose(filler(20, "See"), y=700, x=left[0] + 3, x1=left[1], size=8),
        shown("steps", x=330, y=120, size=6, font=SANS), shown("loss", x=400, y=170, size=6, font=SANS),
        *prose("Figure 1: The loss of all runs.", y=200, x=right[0], x1=right[1], size=9), shown("2.1 Steps", x=right[0], y=240, font=BOLD),
        *body(150, 256, "They", x=right[0], x1=right[1]), shown("8", x=300, y=760),
    ]  # fmt: skip
    third = [
        shown("References", y=90, **HEAD),
        *prose("[1] B. Writer and C. Author. A model of all machines. In Proceedings of the Conference on Machines, 2021.", y=110, hang=15),
        *prose("[2] D. Other. On slow networks and what they do. Journal of Networks, 12(3):1–20, 2019.", y=140, hang=15),
        shown("A Proofs", y=200, **HEAD), *body(100, 220, "Assume"), shown("9", x=300, y=760),
    ]  # fmt: skip
    return [first, second, third]


def test_a_paper(read: Read) -> None:
    found = read(*paper(), angle=[shown("arXiv:2301.00001v2 [cs.LG] 3 Jan 2023", x=300, y=30, size=20)])
    assert (found.title, found.authors) == ("Many Small Machines Learn Together", ("Ana Example",))
    assert (found.arxiv_id, found.version, found.date) == ("2301.00001", 2, "2023-01-03")
    assert found.abstract.startswith("We train with many machines. Our the workers")
    assert [(s.level, s.heading, s.page, s.appendix) for s in found.sections] == [
        (1, "Abstract", 0, False), (1, "1 Introduction", 0, False), (1, "2 Method", 1, False), (2, "2.1 Steps", 1, False),
        (1, "References", 2, False), (1, "A Proofs", 2, True),
    ]  # fmt: skip
    assert [kind for kind, _ in kinds(found)] == [
        *["front"] * 3, "heading", "abstract", "heading", "body", "body",
        "heading", "body", "footnote", "figure", "caption", "heading", "body",
        "heading", "reference", "reference", "heading", "appendix",
    ]  # fmt: skip
    assert of_kind(found, "caption") == ["Figure 1: The loss of all runs."]
    assert not any(re.search(r"^[789]$", page.text, re.MULTILINE) for page in found.pages)


def test_references_are_tied_to_where_the_text_mentions_them(read: Read) -> None:
    found = read(*paper())
    first, second = found.references
    assert (first.label, first.title, first.year, first.page) == ("1", "A model of all machines", 2021, 2)
    assert (second.label, second.year) == ("2", 2019)
    (mention,) = first.mentions
    assert found.pages[0].text[mention.start : mention.end].strip("[]") == "1"
    assert mention.page == 0 and mention.section == 1 and mention.sentence.startswith("Others [1] have the workers")
    assert second.mentions == ()


def test_the_engines_and_the_hand_agree(tmp_path: Path) -> None:
    path = tmp_path / "made.pdf"
    path.write_bytes(pdf(paper()))
    by_hand = understood(sheet(page, n) for n, page in enumerate(paper(), 1))
    for engine in (pdfium, pypdf):
        found = understood(engine.read(path))
        assert replace(found, references=()) == replace(by_hand, references=())
        assert [r.raw for r in found.references] == [r.raw for r in by_hand.references]


# Paragraphs


def test_a_paragraph_is_one_line(read: Read) -> None:
    found = read([*body(70), *body(70, 200)])
    assert found.pages[0].text == f"{filler(70)}\n{filler(70)}"


def test_words_that_a_line_s_end_cut_are_whole(read: Read) -> None:
    text = prose(
        "We train in a de-\ncentralized way. It is called decentralized. Also low-\ncommunication and state-of-\nthe-art "
        + filler(40, "methods")
    )
    assert (
        read(body(90), text)
        .pages[1]
        .text.startswith(
            "We train in a decentralized way. It is called decentralized. Also low-communication and state-of-the-art methods"
        )
    )


def test_a_cut_word_is_no_evidence_for_its_own_halves(read: Read) -> None:
    text = prose("This is hyper-\nzonkt, they say, and so is every other of these. " + filler(40))
    assert read(body(90), text).pages[1].text.startswith("This is hyperzonkt, they")


def test_an_address_that_a_line_s_end_cut_is_whole(read: Read) -> None:
    lines = [
        shown("The code is at https://example.org/some/", y=100),
        shown("where-it-is for all who want it and can read.", y=112),
    ]
    assert "https://example.org/some/where-it-is for" in read(lines).pages[0].text
    lines = [
        shown("The code is at https://example.org/some-", y=100),
        shown("where.html for all who want it and can read.", y=112),
    ]
    assert "https://example.org/some-where.html for" in read(lines).pages[0].text


def test_a_range_of_pages_that_a_line_s_end_cut_is_whole(read: Read) -> None:
    lines = [
        shown("It is found on the pages 120–", y=100),
        shown("132 of the book which all of them have read.", y=112),
    ]
    assert "pages 120–132 of" in read(lines).pages[0].text


def test_what_hangs_is_marked_as_such(read: Read) -> None:
    line = shown("We take the square x", y=100)
    two = shown("2", x=line.x1, y=96, size=7, glued=True)
    rest = shown("and the mean g", x=two.x1 + 2.5, y=100)
    index = shown("t", x=rest.x1, y=102, size=7, glued=True)
    end = shown("of all of them here.", x=index.x1 + 2.5, y=100)
    found = read([line, two, rest, index, end, *body(60, 112)])
    assert found.pages[0].text.startswith("We take the square x^2 and the mean g_t of all of them here.")


def test_ordinals_are_no_exponents(read: Read) -> None:
    line = shown("On the 12", y=100)
    th = shown("th", x=line.x1, y=96, size=7, glued=True)
    assert (
        read([line, th, shown("of May all of them began.", x=th.x1 + 2.5, y=100), *body(60, 112)])
        .pages[0]
        .text.startswith("On the 12th of May all")
    )


def test_the_call_of_a_footnote_goes_and_the_footnote_stays(read: Read) -> None:
    line = shown("All of the code is public", y=100)
    call = shown("1", x=line.x1, y=96.5, size=6, glued=True)
    point = shown(".", x=call.x1, y=100, glued=True)
    note = [
        shown("1", y=697, size=5),
        *(replace(x, glued=n == 0) for n, x in enumerate(prose("See the web page of it all.", y=700, x=75, size=8))),
    ]
    found = read(body(90), [line, call, point, *body(90, 124), *note])
    assert found.pages[1].text.startswith("All of the code is public.\nHere the")
    assert len(of_kind(found, "footnote")) == 1 and "See the web page of it all." in of_kind(found, "footnote")[0]


# Paragraphs that go on


def in_columns(first: str, second: str) -> list[Shown]:
    """A page of two columns, the left of which ends with `first` and the right begins with `second`."""
    (a, b), (c, d) = TWO
    left = prose(f"{filler(240, end='')} {first}", x=a, x1=b)
    return [*left, *prose(f"{second} {filler(200, 'and')}", x=c, x1=d)]


def test_a_paragraph_that_a_column_s_end_cuts_goes_on(read: Read) -> None:
    found = read(in_columns("the workers send", "what they have learned"))
    assert [(block.kind, block.continued) for block in found.blocks] == [("body", False), ("body", True)]


def test_a_paragraph_that_ends_with_its_column_does_not(read: Read) -> None:
    found = read(in_columns("the workers send it.", "What they have learned"))
    assert [(block.kind, block.continued) for block in found.blocks] == [("body", False), ("body", False)]


def test_a_word_that_a_column_s_end_cut_is_joined_at_its_foot(read: Read) -> None:
    found = read(in_columns("they need much communi-", "cation for it"))
    first, second = found.blocks
    assert text_of(found, first).endswith("they need much communication")
    assert text_of(found, second).startswith("for it and") and second.continued


def test_a_word_that_a_page_s_end_cut_stays_on_both_pages(read: Read) -> None:
    first, second = prose(f"{filler(80, end='')} they need much communi-"), prose(f"cation for it {filler(80, 'and')}")
    found = read(first, second)
    assert found.pages[0].text.endswith("communi-") and found.pages[1].text.startswith("cation for it")
    assert [block.continued for block in found.blocks] == [False, True]


def test_a_paragraph_goes_on_after_a_float(read: Read) -> None:
    open_end, rest = prose(filler(100, end=" and"), y=100), prose(filler(60, "then"), y=300)
    found = read([*open_end, *prose("Figure 2: What is drawn above.", y=230, size=9), *rest])
    assert [(block.kind, block.continued) for block in found.blocks] == [
        ("body", False),
        ("caption", False),
        ("body", True),
    ]


def test_a_heading_ends_what_went_before(read: Read) -> None:
    found = read(
        [*prose(filler(100, end=" and"), y=100), shown("Method", y=230, **HEAD), *prose(filler(60, "then"), y=250)]
    )
    assert [(block.kind, block.continued) for block in found.blocks] == [
        ("body", False),
        ("heading", False),
        ("body", False),
    ]


# What keeps its lines


def test_rows_keep_their_lines_and_their_cells(read: Read) -> None:
    rows = [shown(cell, x=x, y=y, size=9) for y, row in ((262, ("Model", "Steps")), (274, ("small", "1000")), (286, ("large", "500")))
            for cell, x in zip(row, (150, 250), strict=True)]  # fmt: skip
    found = read(body(90), [*body(90), shown("Table 1: Sizes of models.", y=245, size=9), *rows, *body(90, 400)])
    assert of_kind(found, "table") == ["Model  Steps\nsmall  1000\nlarge  500"]


def test_code_keeps_its_lines(read: Read) -> None:
    code = [
        shown("for batch in data:", y=250, size=9, font=MONO),
        shown("model.train(batch)", y=261, x=94, size=9, font=MONO),
    ]
    found = read(body(90), [*body(90), *code, *body(90, 400)])
    assert of_kind(found, "code") == ["for batch in data:\nmodel.train(batch)"]


def test_a_formula_is_apart_from_its_paragraph(read: Read) -> None:
    formula = [shown("L ( w ) = f ( x , w )", x=230, y=170, font=MATH), shown("(3)", x=525, y=170)]
    found = read(body(90), [*prose(filler(80, end=" with"), y=100), *formula, *prose(filler(60, "where"), y=195)])
    assert [block.kind for block in found.blocks][-3:] == ["body", "formula", "body"] and found.blocks[-1].continued
    assert "(3)" in of_kind(found, "formula")[0]


# The whole of it


def test_what_follows_the_references_by_letters_is_the_appendix(read: Read) -> None:
    pages = paper()
    pages[2] += [
        shown("B More Runs", y=400, **HEAD),
        *body(60, 420),
        shown("B.1 Even More", y=480, font=BOLD),
        *body(60, 496),
    ]
    found = read(*pages)
    assert [(s.level, s.heading) for s in found.sections if s.appendix] == [
        (1, "A Proofs"),
        (1, "B More Runs"),
        (2, "B.1 Even More"),
    ]
    assert len(of_kind(found, "appendix")) == 3


def sections(read: Read, *heads: str) -> list[tuple[str, bool]]:
    """Headings, each with a paragraph below it, and whether they are told to be the appendix's."""
    page = [
        line for n, head in enumerate(heads) for line in (shown(head, y=100 + 80 * n, **HEAD), *body(60, 120 + 80 * n))
    ]
    return [(s.heading, s.appendix) for s in read(body(90), page).sections]


def test_letters_before_the_references_are_the_appendix_if_they_follow_sections(read: Read) -> None:
    heads = ["1 Introduction", "2 Method", "A Proofs", "B More Runs", "References"]
    assert sections(read, *heads) == [(head, head[0] in "ABR") for head in heads]


def test_sections_that_count_by_letters_are_no_appendix(read: Read) -> None:
    heads = ["A. Introduction", "B. Method", "C. Results", "D. Outlook", "References"]
    assert sections(read, *heads) == [(head, False) for head in heads]


def test_a_heading_that_begins_with_an_article_is_no_appendix(read: Read) -> None:
    heads = ["Introduction", "What is known", "A model of it all", "Results", "References"]
    assert sections(read, *heads) == [(head, False) for head in heads]


def test_references_after_the_appendix_end_nothing(read: Read) -> None:
    pages = paper()
    refs = pages[2][1:5]
    heads = [shown("Appendix", y=90, **HEAD), *body(90, 110), shown("References", y=230, **HEAD)]
    found = read(*pages[:2], [*heads, *(replace(line, y=line.y + 140) for line in refs)])
    assert ("reference", "[1] B. Writer") in kinds(found) and len(found.references) == 2


def test_a_plot_s_turned_labels_are_in_its_figure(read: Read) -> None:
    page = [*body(90), shown("DiLoCo", x=300, y=250, size=6, font=SANS), shown("baseline", x=300, y=262, size=6, font=SANS),
            *prose("Figure 2: The loss over time.", y=340, size=9), *body(90, 500)]  # fmt: skip
    found = read(page, angle=[shown("Perplexity", x=500, y=120, size=6, font=SANS)])
    (figure,) = of_kind(found, "figure")
    assert "Perplexity" in figure and "DiLoCo" in figure


def test_a_document_without_pages_is_empty() -> None:
    assert understood([]) == Extracted(())
    found = understood([Sheet(1, WIDTH, HEIGHT), Sheet(2, WIDTH, HEIGHT)])
    sound(found)
    assert [page.text for page in found.pages] == ["", ""]


def test_what_is_printed_without_a_size_is_read_too() -> None:
    found = understood([sheet([replace(line, size=0.0) for line in body(60)])])
    sound(found)
    assert Counter(found.pages[0].text.split()) == Counter(filler(60).split())


# Anything


LETTERS = st.text("abcdeé", min_size=2, max_size=6)
PLACED = st.builds(
    lambda text, x, y, size, font, glued: Word(text, x, x + 0.5 * size * len(text), y, size, font, glued),
    LETTERS, st.integers(0, 60).map(lambda x: 10.0 * x), st.integers(10, 55).map(lambda y: 12.0 * y),
    st.sampled_from([0.0, 6.0, 8.0, 10.0, 10.0, 10.0, 12.0, 30.0]), st.sampled_from([ROMAN, BOLD, ITALIC, MATH, MONO, SANS]), st.booleans(),
)  # fmt: skip


@given(st.lists(st.lists(PLACED, max_size=25), max_size=4))
@settings(deadline=None)
def test_no_letter_in_the_middle_of_a_page_is_lost(pages: list[list[Word]]) -> None:
    found = understood(Sheet(n, WIDTH, HEIGHT, placed) for n, placed in enumerate(pages, 1))
    sound(found)
    for page, placed in zip(found.pages, pages, strict=True):
        kept = Counter(c for c in page.text if c.isalpha())
        if not any(word.y < 0.14 * HEIGHT for word in placed):
            assert kept == Counter(c for word in placed for c in word.text)


BITS = st.sampled_from(
    ["Abstract", "1", "Introduction", "References", "[1]", "[2,", "3]", "A.", "Author.", "2021.", "(Writer", "et", "al.,", "2020)", "Figure", "2:",
     "Table", "I", "Algorithm", "1:", "for", "x", "=", "y^2", "∑", "(3)", "•", "∗", "†", "de-", "centralized", "https://a.b/", "Appendix", "A",
     "Proofs", "of", "the", "workers.", "B.1", "II.", "´", "e", "\u2028", "\u200b", "\ufb01ne", "…", "12", "iv", "Contents", "....", "arXiv:2301.00001v2",
     "[cs.LG]", "Jan", "2023", "\u0130I.", "²", "-", "–", "\ue000", "word\u2029s"]
)  # fmt: skip
ODD = st.builds(
    lambda text, x, y, size, font, glued: Word(text, x, x + 0.5 * size * len(text), y, size, font, glued),
    BITS, st.integers(-5, 62).map(lambda x: 10.0 * x), st.integers(-2, 68).map(lambda y: 12.0 * y),
    st.sampled_from([0.0, 0.5, 6.0, 8.0, 10.0, 10.0, 10.0, 12.0, 300.0]), st.sampled_from([ROMAN, BOLD, ITALIC, MATH, MONO]), st.booleans(),
)  # fmt: skip
ROWS = st.lists(
    st.tuples(st.lists(BITS, min_size=1, max_size=9), st.sampled_from([72.0, 84.0, 200.0, 315.0]), st.sampled_from([8.0, 10.0, 12.0]), st.sampled_from([ROMAN, BOLD, ITALIC])),
    max_size=25,
)  # fmt: skip


def set_in_rows(rows: list[tuple]) -> list[Word]:
    return [
        word
        for n, (bits, x, size, font) in enumerate(rows)
        for word in words(Shown(" ".join(bits), x, 80 + 14 * n, size, font))
    ]


BOXES = st.lists(st.tuples(*[st.integers(0, 600).map(float)] * 4), max_size=3)
RULES = st.lists(st.tuples(*[st.integers(0, 700).map(float)] * 3), max_size=5)
PAGE = st.tuples(st.one_of(st.lists(ODD, max_size=30), ROWS.map(set_in_rows)), st.lists(ODD, max_size=4), BOXES, RULES)


@given(st.lists(PAGE, max_size=5))
@settings(deadline=None, max_examples=200)
@example([([], [], [], [])])
def test_any_sheets_are_a_document(pages: list[tuple]) -> None:
    sheets = [
        Sheet(n, WIDTH, HEIGHT, placed, turned, boxes, rules)
        for n, (placed, turned, boxes, rules) in enumerate(pages, 1)
    ]
    sound(understood(sheets))


# Hostile ones


def steps(sheets: list[Sheet]) -> int:
    """How many lines of Python it takes to understand them: unlike the time, the same on every machine."""
    count = 0

    def trace(*_: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        understood(sheets)
    finally:
        sys.settrace(before)
    return count


def word(text: str, x: float, y: float, size: float = 10.0, font: Font = ROMAN, glued: bool = False) -> Word:
    return Word(text, x, x + 0.5 * size * len(text), y, size, font, glued)


CHANCE = random.Random(7)
HOSTILE: dict[str, Callable[[int], list[Sheet]]] = {
    "one baseline": lambda n: [Sheet(1, WIDTH, HEIGHT, [word("ab", 100.0 * i, 300) for i in range(n)])],
    "one paragraph": lambda n: [Sheet(1, WIDTH, HEIGHT, [word("ab", 72.0 + 20 * (i % 20), 100 + 12 * (i // 20)) for i in range(4 * n)])],
    "letters anywhere": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [word("x", CHANCE.uniform(0, WIDTH), CHANCE.uniform(0, n)) for _ in range(n)])
    ],
    "pages": lambda n: [Sheet(i + 1, WIDTH, HEIGHT, [word("Word", 72, 300, 14, BOLD)]) for i in range(n)],
    "an abstract": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [w for i, text in enumerate(["Abstract", *["all of the many words of it"] * (n // 2)])
                                 for w in words(shown(text, y=100 + 12 * i))])
    ],
    "references": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [w for i in range(n // 2) for w in words(shown(f"See the work of them [{i + 1}] and all.", y=100 + 12 * i))]),
        Sheet(2, WIDTH, HEIGHT, [*words(shown("References", y=80, **HEAD)), *(w for i in range(n // 2) for w in words(
            shown(f"[{i + 1}] A. Author. Title number {i} of all. Journal, 20{i % 20 + 10}.", y=100 + 14 * i)))])
    ],
    "larger and larger": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [word("ab", 12.0 * i, 300, 8.0 if i < 4 else 10.0) for i in range(n)])
    ],
    "stray indices": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [*(word("ab", 72 + 13.0 * i, 300) for i in range(n)), *(word("i", 72 + 13.0 * (n - i), 302, 6) for i in range(n))])
    ],
    "an endless exponent": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [word("x", 72, 300), *(word("i", 77 + 3.0 * i, 296, 6, ROMAN, True) for i in range(n))])
    ],
    "cells": lambda n: [Sheet(1, WIDTH, HEIGHT, [word("ab", (72, 300)[i % 2], 100 + 12.0 * (i // 2)) for i in range(n)])],
    "hyphens": lambda n: [Sheet(1, WIDTH, HEIGHT, [word("abcdef"[: 3 + i % 2] + "-" * (i % 2), 72 + 23.0 * (i % 2), 100 + 12.0 * (i // 2)) for i in range(n)])],
    "sizes": lambda n: [Sheet(1, WIDTH, HEIGHT, [word("ab", 72, 100 + 12.0 * i, 1 + i / 10) for i in range(n)])],
    "headings": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [w for i in range(n // 4) for w in (
            word(f"{i // 99 + 1}.{i % 99 + 1}", 72, 100.0 + 40 * i, 12, BOLD), word("Title", 110, 100.0 + 40 * i, 12, BOLD),
            *(word("abcd", 72 + 23.0 * j, 120.0 + 40 * i) for j in range(18)))])
    ],
    "captions": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [w for i in range(n // 2) for w in (
            word("Table", 72, 100 + 36.0 * i), word("1:", 100, 100 + 36.0 * i), word("Some", 113, 100 + 36.0 * i), word("ab", 72, 112 + 36.0 * i),
            word("cd", 300, 112 + 36.0 * i))], rules=[(60.0, 106 + 36.0 * i, 500.0) for i in range(n // 2)])
    ],
    "code": lambda n: [Sheet(1, WIDTH, HEIGHT, [word("for x", 72, 100 + 12.0 * i, 10, MONO) for i in range(n)])],
    "pictures": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [word("x", CHANCE.uniform(0, WIDTH), CHANCE.uniform(0, HEIGHT)) for _ in range(n)],
              pictures=[(x, x, x + 30, x + 30) for x in (CHANCE.uniform(0, 500) for _ in range(n))])
    ],
    "turned words": lambda n: [
        Sheet(1, WIDTH, HEIGHT, [word("x", CHANCE.uniform(0, WIDTH), CHANCE.uniform(0, HEIGHT), 6) for _ in range(n)],
              [word("up", CHANCE.uniform(0, HEIGHT), CHANCE.uniform(0, WIDTH), 6) for _ in range(n)])
    ],
    "accents": lambda n: [Sheet(1, WIDTH, HEIGHT, [w for i in range(n) for w in (word("´", 72 + 23.0 * i, 300), word("aeiou", 72 + 23.0 * i, 300))])],
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_twice_as_much_takes_twice_the_steps(kind: str) -> None:
    english()  # read once

    def of(n: int) -> int:
        CHANCE.seed(
            2
        )  # the same pages wherever this stands in the run; on some a page falls in columns only when it is fuller
        return steps(HOSTILE[kind](n))

    few, many = of(800), of(1600)
    assert many < 2.2 * few


@pytest.mark.parametrize(
    "text",
    ["." * 100_000, "a" * 100_000 + "1-", "-" * 100_000, ") " * 1 + "(" * 100_000, "[1," * 30_000, "1." * 50_000],
)
def test_words_without_an_end_are_read(text: str) -> None:
    sound(
        understood(
            [
                Sheet(
                    1,
                    WIDTH,
                    HEIGHT,
                    [word(text, 72, 300), word("next", 72, 312), *words(shown("of all of it here.", y=324))],
                )
            ]
        )
    )
