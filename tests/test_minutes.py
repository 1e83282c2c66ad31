"""Minutes: an estimate grows with what is read, leaves out what isn't, and says when it is a guess."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import build, build_documents, document

from indexer.document import Block, Document, Page, Section
from indexer.library import Library
from service import minutes
from service.minutes import Minutes

WORDS = "The worker communicates rarely. "  # 32 characters


def blocked(identifier: str, kinds: list[str], text: str = WORDS * 40) -> Document:
    """A document with one such block of each kind, on one page."""
    page = text * len(kinds)
    blocks = tuple(Block(kind, 0, n * len(text), (n + 1) * len(text)) for n, kind in enumerate(kinds))  # type: ignore[arg-type]
    return replace(document(identifier, [page]), blocks=blocks)


def estimates(folder: Path, documents: list[Document]) -> dict[str, Minutes]:
    build_documents(folder, documents)
    generation = Library(folder).open()
    found = {s.id: minutes.minutes(generation, s.position) for s in generation.catalogue.summaries}
    assert tuple(found.values()) == minutes.of(generation) == minutes.of(generation)
    return found


def test_what_counts(tmp_path: Path) -> None:
    prose = ["body"] * 20  # 25,600 characters: 4,129 words
    found = estimates(tmp_path, [
        blocked("prose", prose), blocked("refs", [*prose, "reference", "appendix", "front"]),
        blocked("maths", [*prose, *["formula"] * 9]), blocked("short", ["body"], "Short. "),
    ])  # fmt: skip
    assert found["prose"] == Minutes(24, "about 4,100 words at 175 a minute")
    assert found["refs"] == Minutes(24, "about 4,100 words at 175 a minute; without references and appendix")
    assert found["maths"] == Minutes(27, "about 4,100 words at 175 a minute, 9 formulas")
    assert found["short"].minutes == 1


def test_what_stands_in_an_appendix_is_left_out(tmp_path: Path) -> None:
    text = WORDS * 100
    whole = Document(
        "x", "full", document("x", []).entry, "X", pages=(Page(text, 1), Page(text, 2), Page(text, 3)),
        blocks=(Block("body", 0, 0, len(text)), Block("body", 1, 0, 640), Block("appendix", 1, 640, len(text)), Block("formula", 2, 0, 5)),
    )  # fmt: skip
    appendix = (Section("1 In", 1, 0, 0), Section("A Proofs", 1, 1, 640, appendix=True))
    found = estimates(tmp_path, [whole, replace(whole, id="y", sections=appendix)])
    assert "1 formula" in found["x"].why and "formula" not in found["y"].why
    assert "appendix" in found["y"].why


def test_what_is_not_here_is_guessed_and_says_so(tmp_path: Path) -> None:
    digest = replace(document("digest", [WORDS * 20]), text="digest")
    record = replace(document("record", [WORDS * 20]), text="record")
    others = [blocked(str(n), ["body"] * 10 * n) for n in (1, 2, 9)]
    found = estimates(tmp_path / "a", [digest, record, document("title", []), *others])
    assert found["digest"] == Minutes(24, "only a digest is here; taken to be as long as the others here", True)
    assert found["record"].why.startswith("only an abstract") and found["title"].why.startswith(
        "a guess: only its title"
    )
    assert {found[name].minutes for name in ("digest", "record", "title")} == {24} and not found["1"].guessed
    alone = estimates(tmp_path / "b", [digest, others[0]])
    assert alone["digest"] == Minutes(minutes.USUAL, "only a digest is here; taken to be of usual length", True)


def test_a_text_without_blocks_counts_as_a_whole(tmp_path: Path) -> None:
    build(tmp_path, {"a": [WORDS * 500, WORDS * 500], "b": []})
    generation = Library(tmp_path).open()
    assert generation.catalogue.lengths() == [{"body": (1, 32_000)}, {}]
    assert minutes.minutes(generation, 0).minutes == round(32_000 / 6.2 / 175)


@given(st.dictionaries(st.sampled_from(["abstract", "body", "caption", "formula", "code", "reference", "appendix"]),
                       st.tuples(st.integers(1, 500), st.integers(1, 10**6))))  # fmt: skip
@hypothesis_settings(deadline=None)
def test_more_to_read_takes_no_less(length: dict[str, tuple[int, int]]) -> None:
    found = minutes._of_text(length)
    if found is None:
        assert not length.keys() & {"abstract", "body", "caption"}
        return
    for kind, (blocks, characters) in length.items():
        more = minutes._of_text(length | {kind: (blocks + 100, characters + 10_000)})
        assert more and (
            more.minutes == found.minutes if kind in ("reference", "appendix") else more.minutes > found.minutes
        )


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 min"),
        (45, "45 min"),
        (60, "1 h"),
        (61, "1 h 1 min"),
        (599, "9 h 59 min"),
        (600, "10 h"),
        (629, "10 h"),
        (630, "11 h"),
    ],
)
def test_a_time_as_people_say_it(count: int, said: str) -> None:
    assert minutes.spoken(count) == said
