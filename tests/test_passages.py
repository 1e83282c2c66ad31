"""Passages: each is a span of its page, fits the model, and none of the text is lost between them."""

from __future__ import annotations

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import passages
from indexer.document import Page, Section
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
