"""Passages: each is a span of its page, fits the model, and none of the text is lost between them."""

from __future__ import annotations

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import passages
from indexer.document import Block, Page, Section
from indexer.embed import Toy

TOY = Toy()
SOME = "the model learns, from data. It works! Fig. 3 shows e.g. 0.5 loss? 漢字。 α β — “quoted” a b"
WORDS = st.sampled_from([*SOME.split(), "a\n\n"])
TEXTS = st.lists(WORDS, max_size=400).map(" ".join) | st.text(max_size=2000)


@given(texts=st.lists(TEXTS, max_size=3), title=st.text(max_size=300), cuts=st.lists(st.integers(0, 500), max_size=4))
@settings(max_examples=150, deadline=None)
def test_passages_fit_and_lose_nothing(texts: list[str], title: str, cuts: list[int]) -> None:
    pages = [Page(text, number) for number, text in enumerate(texts, 1)]
    sections = [
        Section(f"S{n}", 1, index, cut)
        for n, (index, cut) in enumerate(sorted((c % len(texts), c) for c in cuts if texts))
        if cut < len(texts[index])
    ]
    found = passages.cut(pages, sections, title, TOY)
    before = passages.context(title, TOY)
    covered = [set() for _ in texts]
    for passage in found:
        text = pages[passage.page].text[passage.start : passage.end]
        assert text == text.strip() != ""
        assert len(TOY.tokens(before + text)) <= TOY.window
        covered[passage.page] |= set(range(passage.start, passage.end))
    starts = {(section.page, section.start) for section in sections}
    for page, seen in zip(range(len(texts)), covered, strict=True):
        if not seen:
            continue
        # What no passage holds is white space, or a stretch with too few letters to be found by.
        lost = "".join(c if at not in seen else "\0" for at, c in enumerate(texts[page]))
        for gap in lost.split("\0"):
            assert sum(map(str.isalnum, gap)) < 20 * (1 + len(starts) + gap.count(" "))


def test_a_passage_ends_where_a_sentence_does() -> None:
    sentence = "The workers take many local steps before they average, as Fig. 2 of Smith et al. (2020) shows. "
    text = sentence * 30
    found = passages.cut([Page(text, 1)], [], "Title", TOY)
    assert len(found) > 2
    assert all(text[p.start : p.end].endswith("shows.") for p in found)
    assert all(a.start < b.start < a.end for a, b in itertools.pairwise(found))  # they overlap by a sentence


def test_a_sentence_longer_than_the_window_is_cut_at_spaces() -> None:
    text = " ".join(f"word{n}" for n in range(1000))
    found = passages.cut([Page(text, 1)], [], "", TOY)
    assert [w for p in found for w in text[p.start : p.end].split()] == text.split()


def test_a_word_longer_than_the_window_is_cut_all_the_same() -> None:
    text = "+-" * 5000 + "x" * 50
    found = passages.cut([Page(text, 1)], [], "", TOY)
    assert all(len(TOY.tokens(text[p.start : p.end])) <= TOY.window for p in found)


def test_a_passage_stays_in_its_section() -> None:
    text = "1 One\nThis is about the first of the things. \n2 Two\nThis is about the second of the things."
    at = text.index("2 Two")
    sections = [Section("1 One", 1, 0, 0), Section("2 Two", 1, 0, at)]
    found = passages.cut([Page(text, 1), Page("It goes on upon the next page, still second.", 2)], sections, "", TOY)
    assert [(p.page, p.section) for p in found] == [(0, 0), (0, 1), (1, 1)]
    assert found[0].end <= at


def test_a_long_title_takes_a_quarter_of_the_window_at_most() -> None:
    title = " ".join(["title"] * 500)
    before = passages.context(title, TOY)
    assert len(TOY.tokens(before)) == TOY.window // 4
    assert before.endswith("\n")
    assert passages.context("", TOY) == ""


def test_cutting_is_linear() -> None:
    """Twice the text, about twice the passages: and a megabyte of nothing but punctuation ends."""
    text = ". " * 500_000
    assert passages.cut([Page(text, 1)], [], "", TOY) == []


def test_the_key_of_a_vector_depends_on_model_and_text() -> None:
    keys = {passages.vector_key(model, text) for model in ("a", "b") for text in ("x", "y", "\ud800")}
    assert len(keys) == 6
    assert re.fullmatch(rb"(?s).{32}", keys.pop())


# ---------------------------------------------------------------------- kinds

KINDS = st.sampled_from(["front", "abstract", "heading", "body", "caption", "figure", "table", "formula", "code", "footnote",
                         "reference", "appendix"])  # fmt: skip
BLOCK = st.tuples(KINDS, st.lists(st.sampled_from(SOME.split()), min_size=1, max_size=60).map(" ".join), st.booleans())
PROSE = ("body", "abstract", "appendix")


def laid_out(pages: list[list[tuple[str, str, bool]]]) -> tuple[list[Page], list[Section], list[Block]]:
    """Pages, sections and blocks of texts given as (kind, text, continued); a heading begins a section."""
    texts, sections, blocks = [], [], []
    for index, page in enumerate(pages):
        text = ""
        for kind, own, continued in page:
            text += "\n" if text else ""
            if kind in ("table", "code"):
                own = own.replace(" 0.5 ", "\n0.5 ")
            blocks.append(Block(kind, index, len(text), len(text) + len(own), continued))
            if kind == "heading":
                sections.append(Section(own, 1, index, len(text)))
            text += own
        texts.append(Page(text, index + 1))
    return texts, sections, blocks


@given(st.lists(st.lists(BLOCK, max_size=12), max_size=3), st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_passages_never_mix_kinds_and_lose_nothing(given_pages: list[list[tuple[str, str, bool]]], title: str) -> None:
    pages, sections, blocks = laid_out(given_pages)
    found = passages.cut(pages, sections, title, TOY, blocks)
    if all(block.kind in ("front", "heading") for block in blocks):
        assert {p.kind for p in found} <= {"body"}
        return
    covered = [set() for _ in blocks]
    begins = [(s.page, s.start) for s in sections]
    for passage in found:
        text = pages[passage.page].text[passage.start : passage.end]
        assert text == text.strip() != ""
        assert len(TOY.tokens(passages.context(title, TOY) + text)) <= TOY.window
        here = [n for n, b in enumerate(blocks)
                if b.page == passage.page and b.start < passage.end and b.end > passage.start]  # fmt: skip
        kinds = [blocks[n].kind for n in here]
        if passage.kind in PROSE:  # which may be cut within a formula that stands in it
            assert set(kinds) <= {passage.kind, "formula"}
        else:
            assert set(kinds) == {passage.kind} and all(blocks[n].continued for n in here[1:])
        under = [n for n, begin in enumerate(begins) if begin <= (passage.page, passage.start)]
        assert passage.section == (under[-1] if under else None)
        assert not any((passage.page, passage.start) < begin < (passage.page, passage.end) for begin in begins)
        for n in here:
            covered[n] |= set(range(passage.start, passage.end))
    lost = found[:1] and [p for p in found if len(re.findall(r"\w", pages[p.page].text[p.start : p.end])) < 20]
    assert not lost or [p for p in found if p.kind not in ("front", "heading")] == lost
    for block, seen in zip(blocks, covered, strict=True):
        text = "".join("\0" if at in seen else pages[block.page].text[at] for at in range(block.start, block.end))
        if block.kind not in ("front", "heading"):
            assert all(sum(map(str.isalnum, gap)) < 20 for gap in text.split("\0"))


def kinds_of(blocks: list[tuple[str, str, bool]]) -> list[tuple[str, str]]:
    pages, sections, marked = laid_out([blocks])
    found = passages.cut(pages, sections, "", TOY, marked)
    return [(p.kind, pages[p.page].text[p.start : p.end]) for p in found]


def test_a_formula_between_prose_stands_in_its_sentence() -> None:
    before, formula, after = (
        "The loss that every worker minimises is given by",
        "L(x) = f(x) + g(x)",
        "where f is the task.",
    )
    assert kinds_of([("body", before, False), ("formula", formula, False), ("body", after, True)]) == [
        ("body", f"{before}\n{formula}\n{after}")
    ]
    long = "x = " + " + ".join(f"alpha_{n}" for n in range(40))
    assert [kind for kind, _ in kinds_of([("body", before, False), ("formula", long, False), ("body", after, True)])] == [
        "body", "formula"
    ]  # fmt: skip
    many = [("formula", "alpha_1 beta_2 gamma_3 delta_4 = 0", False)]
    assert [kind for kind, _ in kinds_of([("body", before, False), *many, ("table", "a b c d e f g " * 3, False)])] == [
        "body", "formula", "table"
    ]  # fmt: skip


def test_an_entry_of_the_references_is_one_passage() -> None:
    entries = [
        f"[{n}] A. Author and B. Author. A title of paper number {n}. In Proc. of a conference, 20{n}."
        for n in range(10, 30)
    ]
    blocks = [("heading", "References", False), *(("reference", entry, False) for entry in entries)]
    assert kinds_of(blocks) == [("reference", entry) for entry in entries]
    cut_by_a_column = [
        ("reference", "[1] A. Author. A title that is cut by the", False),
        ("reference", "end of a column. 2020.", True),
    ]
    assert len(kinds_of(cut_by_a_column)) == 1


def test_body_runs_on_over_paragraphs_but_over_nothing_else() -> None:
    first, second = "This is the first paragraph of it.", "And this is the second paragraph."
    assert kinds_of([("body", first, False), ("body", second, False)]) == [("body", f"{first}\n{second}")]
    for kind in ("caption", "footnote", "table", "heading", "code"):
        between = "Something else that stands in between"
        found = kinds_of([("body", first, False), (kind, between, False), ("body", second, True)])
        assert [(k, t) for k, t in found if k == "body"] == [("body", first), ("body", second)]
        assert (kind, between) in found


def test_a_table_is_cut_between_its_lines() -> None:
    rows = [f"model-{n} 0.{n} 1.{n} 2.{n} good" for n in range(10, 70)]
    found = kinds_of([("table", "\n".join(rows), False)])
    assert len(found) > 2
    assert all(set(text.split("\n")) <= set(rows) for _, text in found)


def test_a_section_that_begins_within_a_block_cuts_it() -> None:
    text = "Setup. We use many machines for it. Results. All of them were found to be good."
    at = text.index("Results")
    found = passages.cut([Page(text, 1)], [Section("Setup", 1, 0, 0), Section("Results", 1, 0, at)], "", TOY,
                         [Block("body", 0, 0, len(text))])  # fmt: skip
    assert [(p.section, p.start) for p in found] == [(0, 0), (1, at)]


def test_headings_and_front_matter_alone_are_found_all_the_same() -> None:
    assert kinds_of([("front", "A title page with nothing but a title on it", False)]) == [
        ("body", "A title page with nothing but a title on it")
    ]
    found = kinds_of(
        [("front", "Ana Example, Institute of Examples", False), ("body", "It has a short body text.", False)]
    )
    assert found == [("front", "Ana Example, Institute of Examples"), ("body", "It has a short body text.")]


def test_a_hundred_thousand_blocks_end() -> None:
    blocks = [("body" if n % 3 else "formula", "a b", False) for n in range(100_000)]
    assert len(kinds_of(blocks)) > 1000
