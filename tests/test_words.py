"""The words and the arrays of a generation: what was written is found again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import document

from indexer.document import Entry, Mention, Passage, Section
from indexer.library import arrays, words
from indexer.terms import located, terms

TEXT = st.text(st.sampled_from("ab-é β3.\n李"), max_size=30)


@given(st.lists(st.lists(TEXT, max_size=4), max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_term_is_found_where_it_stands(tmp_path: Path, pages: list[list[str]]) -> None:
    documents, expected = [], []
    for n, texts in enumerate(pages):
        made = document(f"p{n}", texts)
        passages = [Passage(i, 0, len(t), kind="table" if i == 2 else "body") for i, t in enumerate(texts)]
        documents.append((made, passages))
        expected += [Counter(terms(text)) + Counter(terms(made.title) * 2) for text in texts]
    words.write(tmp_path / "words", documents)
    held = words.Words(tmp_path / "words")
    assert held.count == len(expected)
    assert held.lengths.tolist() == [count.total() for count in expected]
    assert held.terms == len(set().union(*expected))
    for term in {"xyzzy", *set().union(*expected)}:
        passages, counts = held.postings(term)
        found = {p: c for p, c in enumerate(count[term] for count in expected) if c}
        assert dict(zip(passages.tolist(), counts.tolist(), strict=True)) == found
        assert sorted(passages) == passages.tolist()
        assert held.frequency(term) == sum(bool(held.prose[p]) for p in found)


def test_where_nothing_is_kept_what_was_before_is_nothing(tmp_path: Path) -> None:
    before, after = (
        [(document(name, [text]), [Passage(0, 0, 40)])] for name, text in (("one", "ring"), ("two", "tree"))
    )
    words.write(tmp_path / "before", before)
    words.write(tmp_path / "after", after, words.Words(tmp_path / "before"), None)
    words.write(tmp_path / "alone", after)
    assert (tmp_path / "after").read_bytes() == (tmp_path / "alone").read_bytes()


def test_a_word_said_a_thousand_times_counts_as_often_as_can_be_told(tmp_path: Path) -> None:
    words.write(tmp_path / "words", [(document("one", ["ring " * 1000]), [Passage(0, 0, 5000)])])
    assert words.Words(tmp_path / "words").postings("ring")[1].tolist() == [255]


@pytest.mark.parametrize("name", ["a", "ab", "abc", "abcd", "abcdefgh"])  # the header is padded, however long it is
def test_arrays_come_back_as_they_went_in(tmp_path: Path, name: str) -> None:
    given = {
        name * 3: np.arange(5, dtype=np.float64),
        "a": np.arange(7, dtype=np.int64), "b": np.zeros((0, 5), np.float32), "c": np.array([True, False]),
        "d": np.eye(3, dtype=np.float64), "e": np.array([5], np.uint8), "f": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    }  # fmt: skip
    arrays.write(tmp_path / "file", given)
    found = arrays.read(tmp_path / "file")
    assert set(found) == set(given)
    for name, array in given.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape) and (found[name] == array).all()
        assert not found[name].flags.writeable and found[name].flags.aligned, (
            "each begins at a multiple of its own size"
        )


@pytest.mark.parametrize("data", [b"x", b"\xff" * 8, b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{{"])
def test_what_holds_no_arrays_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ValueError):
        arrays.read(tmp_path / "file")


@given(st.text(max_size=200))
@settings(deadline=None)
def test_terms_stand_where_they_are_said_to(text: str) -> None:
    places = located(text)
    assert [place.term for place in places] == terms(text)
    for place in places:
        assert place.term and 0 <= place.start < place.end <= len(text)


@pytest.mark.parametrize(("one", "other"), [
    ("ZeRO-3", "zero3"), ("ZeRO-3", "ZeRO 3"), ("low-rank", "lowrank"), ("β-catenin", "beta catenin"),
    ("TGF-β", "TGFbeta"), ("1F1B", "1f1b"), ("gradients", "gradient"), ("Schrödinger", "Schrodinger"),
    ("GPT4", "GPT-4"), ("λ", "lambda"), ("データ並列", "並列"),
])  # fmt: skip
def test_what_is_meant_alike_shares_a_term(one: str, other: str) -> None:
    assert set(terms(one)) & set(terms(other))


def test_words_of_grammar_have_no_term() -> None:
    assert terms("How is it that this was for them?") == []


def test_what_counts_in_a_passage(tmp_path: Path) -> None:
    """Parts of an abstract have the words of the whole, an overlap once; a heading's count below it, a note's where prose begins."""
    text = "alpha beta gamma delta"
    made = replace(
        document("one", [text, "table iota", "kappa lambda"]), title="Omega", sections=(Section("Sigma", 1, 2, 0),),
        entry=Entry("x", (Mention("a.md", 1, note="zeta"), Mention("b.md", 2, note="zeta"))),
    )  # fmt: skip
    cut = [Passage(1, 0, 10, kind="table"), Passage(0, 0, 16, kind="abstract"), Passage(0, 11, 22, kind="abstract"),
           Passage(2, 0, 12, 0)]  # fmt: skip
    words.write(tmp_path / "words", [(made, cut), (replace(made, id="two"), cut[:1])])
    held = words.Words(tmp_path / "words")
    counted = {term: dict(zip(*(a.tolist() for a in held.postings(term)), strict=True)) for term in held.vocabulary}
    both = {1: 1, 2: 1}
    assert {term: counted.get(one) for term in ("alpha", "beta", "gamma", "delta", "zeta") for one in terms(term)} == {
        "alpha": both, "beta": both, "gamma": both, "delta": both, "zeta": {1: 1, 2: 1, 4: 1}}  # fmt: skip
    (omega,), (sigma,), (iota,) = terms("Omega"), terms("Sigma"), terms("iota")
    assert counted[omega] == dict.fromkeys(range(5), 2) and counted[sigma] == {3: 1} and counted[iota] == {0: 1, 4: 1}
    assert held.prose.tolist() == [False, True, True, True, False]
    assert (held.frequency(iota), held.frequency(omega)) == (0, 3)


def test_postings_are_taken_over_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pieces are, and whatever goes, comes or moves."""
    from test_library import Made, everything_in, publish_made

    from indexer.library import Library

    before, after = [Made(n, 0, 1) for n in range(9)], [Made(n, n % 2, 1) for n in (8, 3, 4, 11, 0)]
    truth = everything_in(publish_made(Library(tmp_path / "truth"), after, None))
    for size in (1, 4, 50):
        monkeypatch.setattr(words, "_BLOCK", size)
        library = Library(tmp_path / str(size))
        same = publish_made(library, before[::-1], publish_made(library, before, None))
        assert everything_in(publish_made(library, after, same)) == truth
