"""Evaluating: a judged set's questions through a real library, and questions drawn from one; reports that are compared."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
import pytest
from conftest import SHARED, needs_shared
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import build_documents, document
from test_measures import scorer

from indexer.document import Block, Document, Page
from indexer.embed import Toy
from indexer.errors import PaperpathError, SourceEmpty, SourceNotFound, SourceUnreadable, UsageError
from indexer.library import Generation, Library
from indexer.settings import Settings
from indexer.terms import terms
from service import evaluate, search
from service.cli import main_group
from service.evaluate import known_items, measures
from service.search.rerank import Reranker

CORPUS = {
    "a": "Sheep are counted at night by tired farmers on the hills.",
    "b": "Bread rises when yeast eats sugar in the warm dough.",
    "c": "Clocks were set by the noon gun in old harbour towns.",
    "d": "Rivers carry stones that grow round and small downstream.",
}
QUERIES = {
    "q1": "sheep counted at night",
    "q2": "yeast in bread dough",
    "q3": "stones in rivers",
    "q4": "noon gun",
}
QRELS = {"q1": {"a": 2, "b": 1}, "q2": {"b": 1}, "q3": {"d": 1, "c": 0}}


def judged_set(
    folder: Path, corpus: Mapping[str, str] = CORPUS, queries: Mapping[str, str] = QUERIES, qrels: str | None = None
) -> Path:
    """A folder in the layout of BEIR; `qrels` are lines below the headings."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"_id": name, "title": f"On {name}", "text": text} for name, text in corpus.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": n, "text": t}) + "\n" for n, t in queries.items()))
    lines = "".join(f"{q}\t{d}\t{g}\n" for q, grades in QRELS.items() for d, g in grades.items())
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + (lines if qrels is None else qrels))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return judged_set(tmp_path / "set")


# ---------------------------------------------------------------------- reading a judged set


def test_what_is_read(folder: Path) -> None:
    judged = evaluate.read(folder)
    assert dict(judged.questions) == {name: QUERIES[name] for name in QRELS}
    assert judged.relevant == {"q1": {"a": 2, "b": 1}, "q2": {"b": 1}, "q3": {"d": 1}}
    assert (judged.name, judged.left_out, len(judged.remarks)) == ("set", 0, 1)
    assert "1 questions have no judgement" in judged.remarks[0] and "q4" in judged.remarks[0]


def test_questions_without_a_relevant_document_are_left_out_and_counted(tmp_path: Path) -> None:
    judged = evaluate.read(judged_set(tmp_path / "set", qrels="q1\ta\t1\nq2\tb\t0\nq3\td\t-1\n"))
    assert (list(judged.relevant), judged.left_out) == (["q1"], 2)


@pytest.mark.parametrize("place", ["qrels.tsv", "qrels/test.tsv", "test/qrels.tsv"])
def test_where_the_judgements_may_lie(folder: Path, place: str) -> None:
    data = (folder / "qrels.tsv").read_text()
    (folder / "qrels.tsv").unlink()
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(data)
    assert len(evaluate.read(folder).relevant) == 3


def test_another_split(folder: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"no train/qrels\.tsv or qrels/train\.tsv"):
        evaluate.read(folder, "train")
    (folder / "train").mkdir()
    (folder / "train" / "queries.jsonl").write_text('{"_id": "t1", "text": "bread"}\n')
    (folder / "train" / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\r\nt1\tb\t1\r\n")
    judged = evaluate.read(folder, "train")
    assert (dict(judged.questions), judged.split) == ({"t1": "bread"}, "train")
    (folder / "qrels").mkdir()
    (folder / "qrels" / "dev.tsv").write_text("q2\tb\t1\n")  # no headings: the first line is a judgement as well
    assert dict(evaluate.read(folder, "dev").questions) == {"q2": QUERIES["q2"]}


def test_halves_part_the_questions_by_their_ids(tmp_path: Path) -> None:
    names = [f"question {n}" for n in range(40)]
    folder = judged_set(
        tmp_path / "set", queries=dict.fromkeys(names, "bread"), qrels="".join(f"{n}\ta\t1\n" for n in names)
    )
    even, odd = evaluate.read(folder, half="even").questions, evaluate.read(folder, half="odd").questions
    assert {*even, *odd} == set(names) and not set(even) & set(odd) and 10 < len(even) < 30
    assert all(zlib.crc32(name.encode()) % 2 == 0 for name in even)


@pytest.mark.parametrize(
    ("file", "text", "kind", "says"),
    [
        ("corpus.jsonl", None, SourceNotFound, "has no corpus.jsonl"),
        ("queries.jsonl", None, SourceNotFound, "has no queries.jsonl"),
        ("qrels.tsv", None, SourceNotFound, "qrels.tsv or qrels/test.tsv or qrels.tsv"),
        ("queries.jsonl", '{"_id": "q1", "text": "x"}\n{"_id": "q2"}\n', SourceUnreadable, "queries.jsonl:2"),
        ("queries.jsonl", "[]\n", SourceUnreadable, "queries.jsonl:1"),
        ("queries.jsonl", '{"_id": "q1", "text": "x"}\n{"_id": "q1", "text": "y"}\n', SourceUnreadable, "another text"),
        ("queries.jsonl", '{"_id": "other", "text": "x"}\n', SourceUnreadable, "judges no question"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\ta\n", SourceUnreadable, "qrels.tsv:2"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\t0\ta\t1\n", SourceUnreadable, "qrels.tsv:2"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\ta\tnan\n", SourceUnreadable, "qrels.tsv:2"),
        ("qrels.tsv", "q1 a 1\n", SourceUnreadable, "qrels.tsv:1"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\ta\t0\n", SourceEmpty, "judges no document relevant"),
        ("qrels.tsv", "", SourceEmpty, "judges no document relevant"),
    ],
)
def test_what_is_wrong_is_told(
    folder: Path, file: str, text: str | None, kind: type[PaperpathError], says: str
) -> None:
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    with pytest.raises(kind, match=re.escape(says)) as told:
        evaluate.read(folder)
    assert told.value.exit_code == 2


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="not a folder"):
        evaluate.read(tmp_path / "none")


def test_repeated_judgements(tmp_path: Path) -> None:
    judged = evaluate.read(judged_set(tmp_path / "set", qrels="q1\ta\t1\nq1\ta\t3\nq2\tb\t1\n"))
    assert judged.relevant["q1"] == {"a": 3}
    assert any("1 judgements repeat" in remark for remark in judged.remarks)


@given(st.sampled_from(["queries.jsonl", "qrels.tsv"]), st.binary(max_size=80), st.booleans())
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path: Path, file: str, data: bytes, replace: bool) -> None:
    folder = judged_set(tmp_path / "any")
    before = b"" if replace else (folder / file).read_bytes()
    (folder / file).write_bytes(before + data)
    try:
        judged = evaluate.read(folder)
    except UsageError as error:
        assert str(folder) in error.message
    else:
        assert judged.relevant.keys() == judged.questions.keys()
        assert all(0 < grade < math.inf for grades in judged.relevant.values() for grade in grades.values())


# ---------------------------------------------------------------------- a judged set


def test_every_stage_through_a_real_library(folder: Path, settings: Settings) -> None:
    report = evaluate.evaluate_folder(evaluate.read(folder), settings)
    assert [row.name for row in report.rows] == ["lexical", "dense", "fused"]
    assert (report.of, report.name, report.documents, report.model) == ("folder", "set", 4, "toy")
    for row in report.rows:
        assert list(row.values) == ["q1", "q2", "q3"] and row.measures == measures.RETRIEVAL
        assert row.values["q2"] == (1, 1, 1, 1)  # nothing else speaks of bread
        assert row.figures["ndcg@10"].mean == pytest.approx(sum(v[0] for v in row.values.values()) / 3, abs=1e-6)
    assert [(d.row, d.against) for d in report.differences] == [("fused", "lexical"), ("fused", "dense")]
    assert not settings.library.exists()
    told = "\n".join(evaluate.lines(report))
    assert "nDCG@10" in told and "[" in told and "3 questions, 4 documents" in told


def test_the_reranked_stage_is_there_where_a_reranker_is_set(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(self: Reranker, query: str, passages: list[str]) -> np.ndarray:
        return np.array([float("Bread" in passage) for passage in passages], np.float32)

    monkeypatch.setattr(Reranker, "scores", scores)
    report = evaluate.evaluate_folder(
        evaluate.read(folder), settings.model_copy(update={"reranker": "breadfinder"}), ["fused", "reranked"]
    )
    assert [row.name for row in report.rows] == ["fused", "reranked"]
    assert [(d.row, d.against) for d in report.differences] == [("reranked", "fused")]
    assert report.rows[1].values["q2"][3] == 1 and report.rows[1].values["q3"][3] < 1
    assert "reranked by breadfinder" in evaluate.lines(report)[0]
    with pytest.raises(UsageError, match="No reranker is set"):
        evaluate.evaluate_folder(evaluate.read(folder), settings, ["reranked"])


def test_the_figures_are_those_of_the_ranking_that_a_search_has(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    judged = evaluate.read(folder)
    report = evaluate.evaluate_folder(judged, settings, ["fused"], keep=tmp_path / "kept")
    generation = Library(tmp_path / "kept").open()
    for name, text in judged.questions.items():
        ranked = [identifier for identifier, _ in search.rank(generation, Toy(), [text], 100)[0]]
        assert report.rows[0].values[name] == pytest.approx(measures.retrieval(ranked, judged.relevant[name]), abs=1e-6)


def test_nothing_is_left_behind(
    folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    first = evaluate.evaluate_folder(evaluate.read(folder), settings, ["dense"])
    assert list((tmp_path / "temporary").iterdir()) == []
    assert evaluate.evaluate_folder(evaluate.read(folder), settings, ["dense"]) == first


def test_a_kept_library_is_used_again_and_no_other_one_taken(folder: Path, settings: Settings, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    first = evaluate.evaluate_folder(evaluate.read(folder), settings, keep=keep)
    name = Library(keep).current_name()
    assert evaluate.evaluate_folder(evaluate.read(folder), settings, keep=keep) == first
    assert Library(keep).current_name() == name
    other = judged_set(tmp_path / "other")
    with pytest.raises(UsageError, match="holds another library"):
        evaluate.evaluate_folder(evaluate.read(other), settings, keep=keep)
    (folder / "corpus.jsonl").write_text((folder / "corpus.jsonl").read_text().replace("Bread", "Beer"))
    evaluate.evaluate_folder(evaluate.read(folder), settings, keep=keep)
    assert Library(keep).current_name() != name


def test_what_cannot_be_found_counts_as_not_found(tmp_path: Path, settings: Settings) -> None:
    lines = "q1\ta\t1\nq1\tnowhere\t1\nq2\tgone\t1\nunasked\ta\t1\n"
    folder = judged_set(tmp_path / "set", qrels=lines)
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write('not a record\n{"_id": "a", "text": "again"}\n')
    report = evaluate.evaluate_folder(evaluate.read(folder), settings, ["fused"])
    values = report.rows[0].values
    assert values["q1"] == pytest.approx((1 / (1 + 1 / math.log2(3)), 0.5, 0.5, 1), abs=1e-6)
    assert values["q2"] == values["unasked"] == (0, 0, 0, 0)
    told = "\n".join(report.remarks)
    assert "2 documents that are judged relevant are not in the corpus" in told
    assert "1 judged questions have no text" in told and "2 lines of the corpus were passed over" in told
    with pytest.raises(SourceUnreadable, match="No document that is judged relevant"):
        evaluate.evaluate_folder(evaluate.read(judged_set(tmp_path / "wrong", qrels="q1\tx\t1\n")), settings)


@needs_shared
def test_a_real_set_scored_by_its_own_scorer(settings: Settings, tmp_path: Path) -> None:
    """The whole way with the toy model: what is reported is what the sets' own scorer finds of the ranking."""
    folder = SHARED / "eval" / "acl_tutorials"
    report = evaluate.evaluate_folder(evaluate.read(folder), settings, ["lexical", "fused"], keep=tmp_path / "kept")
    questions = evaluate.read(folder).questions
    generation = Library(tmp_path / "kept").open()
    for row in report.rows:
        ranked = search.rank(generation, Toy(), list(questions.values()), 100, stage=row.name)
        run = {name: [identifier for identifier, _ in found] for name, found in zip(questions, ranked, strict=True)}
        expected = scorer().retrieval(run, scorer().read_qrels(folder / "qrels.tsv"))
        assert len(row.values) == expected.pop("queries") == 55
        assert {name: figure.mean for name, figure in row.figures.items()} == pytest.approx(expected, abs=2e-6)
        assert 0.2 < row.figures["ndcg@10"].low < row.figures["ndcg@10"].mean < row.figures["ndcg@10"].high


# ---------------------------------------------------------------------- reports


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> evaluate.Report:
    folder = judged_set(tmp_path_factory.mktemp("judged") / "set")
    settings = Settings(model="toy", digests=folder / "none", workers=1)
    return evaluate.evaluate_folder(evaluate.read(folder), settings)


def test_a_report_comes_back_as_it_was_saved(report: evaluate.Report, tmp_path: Path) -> None:
    evaluate.save(report, tmp_path / "one.json")
    evaluate.save(report, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert evaluate.load(tmp_path / "one.json") == report
    with pytest.raises(UsageError, match="can't be written"):
        evaluate.save(report, tmp_path / "none" / "one.json")


def made(values: list[float], name: str = "fused", watched: tuple[str, ...] = ("ndcg@10",)) -> evaluate.Report:
    """A report of one row, a question for each of `values`."""
    from service.evaluate.report import row

    held = {f"q{n}": (value,) for n, value in enumerate(values)}
    return evaluate.Report("folder", "set", "toy", "toy-1", 4, 4, {}, 0, 0, (row(name, ("ndcg@10",), watched, held, 0),),
                           (), (), {name: "same" for name in held})  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "tolerance", "dropped"),
    [
        ([0.5] * 40, [0.5] * 40, None, False),
        ([0.5] * 40, [0.4] * 40, None, True),
        ([0.5] * 40, [0.6] * 40, None, False),
        ([0.5] * 40, [0.4] * 40, 0.2, False),
        ([0.5] * 40, [0.4] * 40, 0.05, True),
        ([0.5] * 40, [0.4] + [0.5] * 39, None, False),  # one worse of forty: chance may do that
        ([0.5] * 40, [0.4] * 10 + [0.5] * 30, None, True),
        ([0.5] * 40, [0.4] * 20 + [0.6] * 20, None, False),
    ],
)
def test_a_drop_is_one_beyond_chance_or_tolerance(
    before: list[float], now: list[float], tolerance: float | None, dropped: bool
) -> None:
    found = evaluate.compare(made(now), made(before), tolerance)
    assert bool(found.dropped) is dropped
    assert "worse" in "\n".join(evaluate.comparison_lines(found)) or not dropped
    unwatched = evaluate.compare(made(now, watched=()), made(before), tolerance)
    assert not unwatched.dropped and unwatched.changes[0].difference == found.changes[0].difference


def test_only_like_is_compared_with_like() -> None:
    before, now = made([0.5] * 9), made([0.5] * 12)
    now.questions["q0"] = "asked otherwise"
    found = evaluate.compare(now, before)
    assert (found.changes[0].difference.questions, found.unpaired) == (8, 4)
    assert "4 questions" in found.remarks[0]
    other = dataclasses.replace(now, fingerprint="toy-2", documents=5)
    assert len(evaluate.compare(other, before).remarks) == 3
    with pytest.raises(UsageError, match="no question in common"):
        evaluate.compare(dataclasses.replace(now, questions=dict.fromkeys(now.questions, "new")), before)
    with pytest.raises(UsageError, match="no question in common"):
        evaluate.compare(made([0.5], "dense"), made([0.5], "lexical"))
    with pytest.raises(UsageError, match="of a library"):
        evaluate.compare(now, dataclasses.replace(before, of="library"))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"format": 1}', b'{"format": 2}', b"[" * 100_000])
def test_no_report(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "report.json").write_bytes(data)
    with pytest.raises(SourceUnreadable, match="not a report"):
        evaluate.load(tmp_path / "report.json")
    with pytest.raises(SourceNotFound):
        evaluate.load(tmp_path / "none.json")


def test_a_report_with_a_value_too_few(report: evaluate.Report, tmp_path: Path) -> None:
    evaluate.save(report, tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text())
    data["rows"][0]["values"]["q1"].pop()
    (tmp_path / "report.json").write_text(json.dumps(data))
    with pytest.raises(SourceUnreadable, match="lacks a value"):
        evaluate.load(tmp_path / "report.json")


# ---------------------------------------------------------------------- questions from a library

NAMES = [
    "Amber",
    "Basalt",
    "Cobalt",
    "Dolomite",
    "Emerald",
    "Flint",
    "Garnet",
    "Heliotrope",
    "Iolite",
    "Jasper",
    "Kyanite",
    "Lazulite",
]
SHARED_SENTENCE = "Every paper of this field repeats the same weary sentence about large scale training of deep models."


def papers(names: list[str] = NAMES) -> list[Document]:
    """Papers of one field: each has an odd word of its own in a sentence of common ones, on every page another."""
    made = []
    for name in names:
        pages, blocks = [], []
        for page in range(5):
            text = ""
            said = [("body", f"The {name.lower()} method number {page} lowers training loss on {page + 2} large benchmark problems with few"
                             f" devices and slow {name.lower()}{page} links."),
                    ("body", SHARED_SENTENCE),
                    ("caption", f"Figure {page}: Validation accuracy of {name.lower()} models after round {page + 3} of training with slow links.")]  # fmt: skip
            if page == 0:
                said.insert(0, ("abstract", f"We show that {name.lower()} training reaches the accuracy of large models with few"
                                            " devices and slow links."))  # fmt: skip
            for kind, own in said:
                blocks.append(Block(kind, page, len(text), len(text) + len(own)))
                text += own + "\n"
            pages.append(Page(text, page + 1))
        paper = document(name.lower(), [])
        made.append(dataclasses.replace(paper, text="full", title=f"{name} training of large models with few devices",
                                        pages=tuple(pages), blocks=tuple(blocks)))  # fmt: skip
    return made


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("library")
    build_documents(folder, papers())
    return Library(folder).open()


def test_questions_are_drawn_of_every_kind(generation: Generation) -> None:
    items, shared = known_items.draw(generation, 20)
    kinds = {kind: [item for item in items if item.kind == kind] for kind in known_items.KINDS}
    assert {kind: len(found) for kind, found in kinds.items()} == {
        "title": 12,
        "abstract": 12,
        "caption": 20,
        "body": 20,
    }
    assert len({item.id for item in items}) == len(items) and shared >= 0
    texts = {s.id: generation.catalogue.document(s.id) for s in generation.catalogue.summaries}
    for item in items:
        document = texts[item.document]
        if item.kind == "title":
            assert (item.printed, item.pages) == (document.title, ())
        else:
            assert item.pages == tuple(page.number for page in document.pages if item.printed in page.text) != ()
        assert SHARED_SENTENCE not in item.printed and not item.printed.startswith("Figure")
    for kind in ("caption", "body"):  # papers take turns
        counts = [sum(item.document == name.lower() for item in kinds[kind]) for name in NAMES]
        assert set(counts) <= {1, 2}


def test_the_rarest_words_are_dropped(generation: Generation) -> None:
    items, _ = known_items.draw(generation, 20)
    frequency = {}
    for summary in generation.catalogue.summaries:
        document = generation.catalogue.document(summary.id)
        for term in {*terms(document.title), *(term for page in document.pages for term in terms(page.text))}:
            frequency[term] = frequency.get(term, 0) + 1
    for item in items:
        assert item.dropped is not None
        printed, left = (
            {terms(word)[0] for word in re.findall(r"\w+", text) if terms(word)}
            for text in (item.printed, item.dropped)
        )
        assert left < printed and len(left) == math.ceil(len(printed) / 2)
        assert max(frequency[term] for term in printed - left) <= min(frequency[term] for term in left)
        assert item.document not in item.dropped.lower()  # the odd word is gone
        words = item.printed.split()
        assert all(word in words for word in item.dropped.split() if word.isalpha())


def test_a_title_of_few_words_is_asked_as_printed_only(tmp_path: Path) -> None:
    made = papers(NAMES[:2])
    build_documents(tmp_path / "library", [dataclasses.replace(made[0], title="Amber at last"), made[1]])
    items, _ = known_items.draw(Library(tmp_path / "library").open())
    assert [(i.printed, i.dropped) for i in items if i.kind == "title" and i.document == "amber"] == [
        ("Amber at last", None)
    ]


def test_what_two_papers_say_is_not_asked(tmp_path: Path) -> None:
    made = papers(NAMES[:3])
    twin = dataclasses.replace(made[0], id="twin", entry=document("twin", []).entry)
    build_documents(tmp_path / "library", [*made, twin])
    items, shared = known_items.draw(Library(tmp_path / "library").open())
    assert {item.document for item in items} == {"basalt", "cobalt"} and shared > 2


def test_the_draw_is_the_same_again_and_another_paper_changes_little(generation: Generation, tmp_path: Path) -> None:
    first, _ = known_items.draw(generation, 20)
    assert known_items.draw(generation, 20)[0] == first
    assert known_items.draw(generation, 20, seed=1)[0] != first
    build_documents(tmp_path / "library", papers([*NAMES, "Malachite"]))
    grown, _ = known_items.draw(Library(tmp_path / "library").open(), 20)
    assert len({item.id for item in first} & {item.id for item in grown}) >= len(first) - 4


def test_a_library_finds_what_it_holds(generation: Generation) -> None:
    report = evaluate.evaluate_library(generation, Toy(), most=20)
    rows = {row.name: row for row in report.rows}
    assert [*rows] == [f"{kind}, {how}" for how in ("printed", "dropped") for kind in (*known_items.KINDS, "all")]
    printed, dropped = rows["all, printed"].figures, rows["all, dropped"].figures
    assert printed["recall@1"].mean > 0.95 and printed["page@3"].mean > 0.9
    assert dropped["recall@1"].mean < printed["recall@1"].mean
    assert rows["title, printed"].figures["page@3"] is None
    assert len(rows["all, printed"].values) == sum(len(rows[f"{kind}, printed"].values) for kind in known_items.KINDS)
    assert [row.name for row in report.rows if row.watched] == ["all, printed", "all, dropped"]
    assert evaluate.evaluate_library(generation, Toy(), most=20) == report
    assert not evaluate.compare(report, report).dropped
    assert report.questions.keys() == rows["all, printed"].values.keys() | rows["all, dropped"].values.keys()
    assert "-" in "\n".join(evaluate.lines(report))


def test_a_page_is_hit_where_the_passages_shown_have_it(generation: Generation) -> None:
    report = evaluate.evaluate_library(generation, Toy(), most=20)
    items, _ = known_items.draw(generation, 20)
    values = next(row.values for row in report.rows if row.name == "all, printed")
    for item in items:
        results = search.search(generation, Toy(), " ".join(re.findall(r"\w+", item.printed)), 10).results
        pages = {passage.page for found in results if found.id == item.document for passage in found.passages}
        assert values[f"{item.id} printed"][3] == (float(bool(pages & set(item.pages))) if item.pages else None)


def test_nothing_to_ask(tmp_path: Path) -> None:
    build_documents(tmp_path / "library", [dataclasses.replace(document("x", []), title="x")])
    with pytest.raises(UsageError, match="nothing to ask"):
        evaluate.evaluate_library(Library(tmp_path / "library").open(), Toy())


# ---------------------------------------------------------------------- the command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `paperpath evaluate` with the toy model in a folder of its own; asserts the exit code, returns what is printed."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"MODEL": "toy", "WORKERS": "1", "LIBRARY": "library"}.items():
        monkeypatch.setenv(f"PAPERPATH_{name}", value)

    def run(*command: str, code: int = 0) -> tuple[str, str]:
        assert (main_group(["evaluate", *command], standalone_mode=False) or 0) == code
        return capsys.readouterr()

    return run


def test_a_set_on_the_command_line(folder: Path, tmp_path: Path, run) -> None:
    told = json.loads(run("set", "--json", "--report", "good.json")[0])
    assert [row["name"] for row in told["rows"]] == ["lexical", "dense", "fused"]
    assert (told["questions"], told["rows"][0]["questions"], told["comparison"]) == (3, 3, None)
    assert not (tmp_path / "library").exists()
    assert "worse" not in run("set", "--against", "good.json")[0]
    saved = json.loads((tmp_path / "good.json").read_text())
    for row in saved["rows"]:
        row["values"] = {name: [value + 0.5 for value in values] for name, values in row["values"].items()}
    (tmp_path / "better.json").write_text(json.dumps(saved))
    before = (tmp_path / "better.json").read_bytes()
    out, err = run("set", "--against", "better.json", "--report", "better.json", code=5)
    assert "worse" in out and "stays as it is" in err
    assert (tmp_path / "better.json").read_bytes() == before
    run("set", "--against", "better.json", "--tolerance", "0.6", "--report", "better.json")
    assert (tmp_path / "better.json").read_bytes() == (tmp_path / "good.json").read_bytes()


def test_the_process_ends_with_the_code_of_a_drop(folder: Path, report: evaluate.Report) -> None:
    rows = [dataclasses.replace(row, values={q: tuple(v + 1 for v in values) for q, values in row.values.items()})
            for row in report.rows]  # fmt: skip
    evaluate.save(dataclasses.replace(report, rows=tuple(rows)), folder / "better.json")
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "evaluate", ".", "--against", "better.json"], cwd=folder, text=True,
        capture_output=True, timeout=1200,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PAPERPATH_MODEL": "toy", "PAPERPATH_WORKERS": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (5, "") and "worse" in done.stdout


def test_a_library_on_the_command_line(tmp_path: Path, run) -> None:
    build_documents(tmp_path / "library", papers(NAMES[:3]))
    out, _ = run("--library", "--report", "report.json")
    assert "title, printed" in out and "all, dropped" in out and "page@3" in out
    told = json.loads(run("--json", "--library", "library", "--against", "report.json")[0])
    assert told["comparison"]["unpaired"] == 0 and not any(
        c["difference"]["mean"] for c in told["comparison"]["changes"]
    )


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ((), "Name a FOLDER"),
        (("set", "--library"), "not both"),
        (("--library", "--stage", "dense"), "go with a FOLDER"),
        (("none",), "not a folder"),
        (("set", "--tolerance", "0.1"), "goes with --against"),
        (("set", "--report", "nowhere/report.json"), "no folder nowhere"),
        (("set", "--against", "none.json"), "can't be read"),
        (("set", "--stage", "reranked"), "No reranker is set"),
    ],
)
def test_what_cannot_be_meant(folder: Path, run, command: tuple[str, ...], says: str) -> None:
    with pytest.raises((click.UsageError, UsageError)) as told:
        run(*command)
    assert says in told.value.message
