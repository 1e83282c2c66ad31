"""The way through: sources to a published generation, against a loopback arXiv, with what can go wrong on the way."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import pytest
from conftest import SHARED, keep_texts, needs_shared
from loopback_arxiv import LoopbackArxiv, Page, answer, from_shared, html, paper, tiny_pdf

from indexer import bring, passages
from indexer.document import EMBEDDED, Block, Extracted, Reference, Section, TextMention
from indexer.document import Page as Page_
from indexer.embed import Toy
from indexer.errors import (
    FormatUnknown,
    GenerationDamaged,
    LibraryBusy,
    NothingKept,
    ShrinkRefused,
    SourceEmpty,
    SourceNotFound,
    UnknownDocument,
)
from indexer.library import Generation, Library, Writer
from indexer.library.cache import Cache
from indexer.library.catalogue import Catalogue
from indexer.library.manifest import manifest_text
from indexer.reindex import Report, Request, reindex
from indexer.settings import Settings

POST = b"""<!DOCTYPE html><html><head><title>Notes on pipelines</title></head><body><article><h1>Notes on pipelines</h1>
<p>A pipeline cuts a model into stages, and each of the stages lives on a machine of its own for the whole of the run.</p>
<h2 id="bubbles">Bubbles</h2><p>While the first machine works the others wait; the time lost is called the bubble.</p>
</article></body></html>"""


Run = Callable[..., Report]


@pytest.fixture
def arxiv() -> Iterator[LoopbackArxiv]:
    papers = {
        f"2301.0000{n}": paper(f"Paper number {n}", f"What paper {n} says first.", f"And on page two, paper {n} says more.",
                               authors=("Ana Example", "Bo Example"), abstract=f"Abstract {n}.", published="2023-01-05")
        for n in range(1, 8)
    }  # fmt: skip
    with LoopbackArxiv(papers, {"/post/pipelines/": Page(POST, "text/html")}) as arxiv:
        yield arxiv


@pytest.fixture
def run(settings: Settings, arxiv: LoopbackArxiv, tmp_path: Path) -> Run:
    """Reindexes a markdown list of these lines, or what the request names."""
    own = Settings(**{
        **settings.model_dump(), "arxiv_url": arxiv.url, "arxiv_api_url": f"{arxiv.url}/api/query", "metadata_hours": 0,
    })  # fmt: skip

    def go(*lines: str, **request: object) -> Report:
        changed = replace_settings(own, request)
        if lines:
            (tmp_path / "list.md").write_text("\n".join(lines))
            request.setdefault("sources", (str(tmp_path / "list.md"),))
        return reindex(Request(**request), changed)

    return go


def replace_settings(settings: Settings, request: dict) -> Settings:
    """`settings` with the setting names among `request` taken out of it and set."""
    given = {name: request.pop(name) for name in list(request) if name in Settings.model_fields}
    return settings.model_copy(update=given)


def opened(settings: Settings) -> Generation:
    return Library(settings.library).open()


def outcomes(report: Report) -> dict[str, str]:
    return {line.id: line.outcome for line in report.lines}


def line(number: int, title: str = "") -> str:
    return f"* [{title or f'paper number {number}'}](https://arxiv.org/pdf/2301.0000{number})"


# ---------------------------------------------------------------------- what it yields


def test_a_list_becomes_a_library(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    report = run(
        "# Mine", "## First", line(1), line(2), "## Second", line(1), f"* [notes]({arxiv.url}/post/pipelines/)"
    )
    assert report.exit_code == 0 and report.published and report.documents == 3
    assert outcomes(report) == {"2301.00001": "full text", "2301.00002": "full text", "notes-on-pipelines": "full text"}
    generation = opened(settings)
    first = generation.catalogue.document("2301.00001")
    assert first is not None
    assert (first.title, first.authors, first.date, first.version) == (
        "Paper number 1", ("Ana Example", "Bo Example"), "2023-01-05", 1,
    )  # fmt: skip
    assert (first.link, first.year, len(first.pages), first.abstract) == (
        "https://arxiv.org/abs/2301.00001", 2023, 2, "Abstract 1.",
    )  # fmt: skip
    assert [mention.section for mention in first.entry.mentions] == [("Mine", "First"), ("Mine", "Second")]
    post = generation.catalogue.document("notes-on-pipelines")
    assert post is not None and [s.anchor for s in post.sections] == ["bubbles"]
    assert [w.kind for w in report.warnings] == ["repeat"]


def test_an_unchanged_run_does_nothing(run: Run, arxiv: LoopbackArxiv, tmp_path: Path) -> None:
    lines = [line(1), line(2), f"* [notes]({arxiv.url}/post/pipelines/)"]
    first = run(*lines)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "library" / "files").iterdir()}
    arxiv.requests.clear()
    again = run(*lines)
    assert (again.published, again.generation, again.embedded, again.bodies) == (False, first.generation, 0, 0)
    assert arxiv.bodies == 0
    assert outcomes(again) == dict.fromkeys(outcomes(first), "cached")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "library" / "files").iterdir()}
    arxiv.requests.clear()
    assert run(*lines, offline=True).published is False
    assert arxiv.requests == []


def prose_of(generation: Generation, position: int) -> int:
    """How many passages of a document get a vector."""
    return sum(passage.kind in EMBEDDED for passage in generation.catalogue.passages_of(position))


def test_one_line_out_and_another_in_costs_one_paper(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    run(*(line(n) for n in range(1, 6)))
    arxiv.requests.clear()
    report = run(*(line(n) for n in (1, 2, 4, 5, 6)))
    assert report.removed == ("2301.00003",)
    assert (report.bodies, arxiv.bodies) == (1, 1)
    generation = opened(settings)
    assert report.embedded == prose_of(generation, 4)
    assert generation.catalogue.summary("2301.00003") is None
    texts = {p.text for p in generation.catalogue.passages(range(generation.manifest.passages)).values()}
    assert not any("paper 3" in text for text in texts)
    assert generation.words.count == generation.manifest.passages == len(texts)
    assert generation.vectors.count == sum(prose_of(generation, position) for position in range(5))


def test_a_new_version_is_fetched_and_a_named_one_kept(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    run(line(1), "* [two](https://arxiv.org/abs/2301.00002v1)")
    for number in (1, 2):
        old = arxiv.papers[f"2301.0000{number}"]
        new = tiny_pdf([f"What version two of paper {number} says."])
        arxiv.papers[f"2301.0000{number}"] = replace(old, versions={**old.versions, 2: new})
    report = run(line(1), "* [two](https://arxiv.org/abs/2301.00002v1)")
    assert outcomes(report) == {"2301.00001": "full text", "2301.00002": "cached"}
    generation = opened(settings)
    one, two = (generation.catalogue.document(f"2301.0000{n}") for n in (1, 2))
    assert one is not None and two is not None
    assert (one.version, one.newest, two.version, two.newest) == (2, 2, 1, 2)
    assert "version two" in one.pages[0].text and "version two" not in two.pages[0].text


def test_ids_stay_when_a_better_title_is_found(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    page = arxiv.pages.pop("/post/pipelines/")
    report = run(f"* [my notes on it]({arxiv.url}/post/pipelines/)", line(1))
    assert (outcomes(report), report.exit_code) == ({"my-notes-on-it": "failed", "2301.00001": "full text"}, 4)
    arxiv.pages["/post/pipelines/"] = page
    report = run(f"* [my notes on it]({arxiv.url}/post/pipelines/)", line(1))
    assert outcomes(report) == {"my-notes-on-it": "full text", "2301.00001": "cached"}


def test_ids_that_clash_are_numbered(run: Run, settings: Settings, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.pdf").write_bytes(tiny_pdf([f"The notes that lie in folder {folder} here."]))
    (tmp_path / "records.jsonl").write_text('{"_id": "notes", "title": "Notes", "text": "The notes in the record."}\n')
    sources = tuple(str(tmp_path / name) for name in ("a", "b", "records.jsonl"))
    report = run(sources=sources)
    assert sorted(outcomes(report)) == ["notes", "notes-2", "notes-3"]
    by_id = {s.id: s.entry.address for s in opened(settings).catalogue.summaries}
    run(sources=sources[::-1])
    assert by_id == {s.id: s.entry.address for s in opened(settings).catalogue.summaries}


def test_a_local_pdf_gets_its_arxiv_id_from_its_name_or_stamp(run: Run, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "1706.03762v5.pdf").write_bytes(tiny_pdf(["A paper that is named by its id."]))
    (folder / "downloaded.pdf").write_bytes(tiny_pdf(["A stamped paper. arXiv:2301.00009v2 [cs.LG] 6 Dec 2023"]))
    (folder / "report.pdf").write_bytes(tiny_pdf(["It cites arXiv:2301.00008 but is not that."]))
    (folder / "notes.txt").write_text("no paper")
    report = run(sources=(str(folder),), offline=True)
    assert outcomes(report) == dict.fromkeys(["1706.03762", "2301.00009", "report"], "full text")
    assert (report.exit_code, report.requests) == (0, 0)
    assert len(report.skipped) == 1 and "notes.txt" in report.skipped[0]
    stamped = opened(settings).catalogue.summary("2301.00009")
    assert stamped is not None and (stamped.version, stamped.link) == (2, "https://arxiv.org/abs/2301.00009")


def test_a_paper_brought_twice_is_one(run: Run, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "2301.00001.pdf").write_bytes(tiny_pdf(["My own copy of paper 1, with a text."]))
    report = run(line(1), line(2), sources=(str(tmp_path / "list.md"), str(tmp_path / "2301.00001.pdf")))
    assert report.documents == 2 and [line.id for line in report.lines] == ["2301.00001", "2301.00001", "2301.00002"]
    held = opened(settings).catalogue.summary("2301.00001")
    assert held is not None and len(held.entry.mentions) == 2
    assert run().published is False


# ---------------------------------------------------------------------- what fails


def test_one_failure_stops_no_other(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    arxiv.on("2301.00002", answer(404), always=True)
    arxiv.on("2301.00003", html(b"<html><title>Sign in</title></html>"), always=True)
    report = run(line(1), line(2, "a wrong title altogether"), line(3), f"* [gone]({arxiv.url}/nowhere)")
    assert outcomes(report) == {
        "2301.00001": "full text",
        "2301.00002": "failed",
        "2301.00003": "failed",
        "gone": "failed",
    }
    assert report.exit_code == 4
    failed = opened(settings).catalogue.summary("2301.00002")
    assert failed is not None and (failed.text, failed.title) == ("title", "Paper number 2")
    assert "404" in failed.reason
    held = opened(settings).catalogue
    titles = {held.summaries[p.document].id: p.text for p in held.passages(range(len(held.documents_of))).values()}
    assert titles["2301.00002"] == "Paper number 2" and titles["gone"] == "gone"  # found by nothing but its title
    wrong = [w for w in report.warnings if w.kind == "wrong-title"]
    assert (
        [w.line for w in wrong] == [2]
        and "a wrong title altogether" in wrong[0].message
        and "Paper number 2" in wrong[0].message
    )


def test_a_digest_serves_until_the_paper_comes(
    run: Run, settings: Settings, arxiv: LoopbackArxiv, tmp_path: Path
) -> None:
    digests = tmp_path / "digests"
    digests.mkdir()
    (digests / "1.md").write_text(
        "---\naddress: arxiv:2301.00001\ntitle: Paper number 1\nauthors: [Ana Example]\ndate: 2023-01\n---\n"
        "# Paper number 1\n*A digest written for this project; not the paper.*\n\n## Problem\nIt is about sheep and goats.\n"
    )
    arxiv.on("2301.00001", answer(404), always=True)
    report = run(line(1), line(2), digests=digests)
    assert (outcomes(report)["2301.00001"], report.exit_code) == ("digest", 3)
    held = opened(settings).catalogue.document("2301.00001")
    assert held is not None and (held.text, held.pages[0].number, held.version) == ("digest", None, None)
    assert held.pages[0].text == "Paper number 1\nProblem\nIt is about sheep and goats."
    assert "404" in held.reason
    arxiv._always.clear()
    report = run(line(1), line(2), digests=digests)
    assert (outcomes(report)["2301.00001"], report.exit_code) == ("full text", 0)
    replaced = opened(settings).catalogue.document("2301.00001")
    assert replaced is not None and replaced.text == "full" and replaced.reason == ""


def test_strict_publishes_nothing_that_lacks_a_text(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    run(line(1))
    arxiv.on("2301.00002", answer(404), always=True)
    report = run(line(1), line(2), strict=True)
    assert (report.exit_code, report.published, report.generation) == (4, False, "000001")
    assert opened(settings).manifest.documents == 1


def test_what_is_held_stays_when_it_can_not_be_reached(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    run(line(1), line(2))
    for path in (settings.library / "cache" / "bodies").iterdir():
        path.unlink()  # the cache is lost, and arXiv is down
    arxiv.on("2301.00001", answer(404), always=True)
    arxiv.on("2301.00002", answer(404), always=True)
    report = run(line(1), line(2))
    assert outcomes(report) == {"2301.00001": "cached", "2301.00002": "cached"}
    assert all("404" in line.why for line in report.lines)
    held = opened(settings).catalogue.document("2301.00001")
    assert held is not None and (held.text, held.reason, report.published) == ("full", "", False)


def test_no_network_at_all_is_quick_and_says_so(settings: Settings, tmp_path: Path) -> None:
    """Nothing listens there: each host is tried once, not once for each entry."""
    (tmp_path / "list.md").write_text(
        "\n".join(line(n % 9 + 1, f"t {n}").replace("0000", f"{n:03}") for n in range(10, 90))
    )
    down = Settings(
        **{**settings.model_dump(), "arxiv_url": "http://127.0.0.1:9", "arxiv_api_url": "http://127.0.0.1:9/api"}
    )
    report = reindex(Request(sources=(str(tmp_path / "list.md"),)), down)
    assert report.exit_code == 4 and report.requests <= 3 and report.passages == report.documents
    assert set(outcomes(report).values()) == {"failed"}


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda folder: folder / "missing.md", SourceNotFound),
        (lambda folder: _write(folder / "empty.md", ""), SourceEmpty),
        (lambda folder: _write(folder / "prose.md", "# A list\n\nwithout any link\n* at all\n"), SourceEmpty),
        (lambda folder: _write(folder / "bad.pdf", "%PDF-1.4 broken"), NothingKept),
    ],
)
def test_what_can_not_be_meant_leaves_the_library_alone(
    run: Run, settings: Settings, tmp_path: Path, make: Callable[[Path], Path], error: type[Exception]
) -> None:
    run(line(1))
    with pytest.raises(error) as caught:
        run(sources=(str(make(tmp_path)),))
    assert caught.value.message and caught.value.cure
    assert opened(settings).name == "000001"


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_two_runs_at_once(run: Run, settings: Settings) -> None:
    run(line(1))
    with Writer(Library(settings.library)), pytest.raises(LibraryBusy):
        run(line(1), line(2))


# ---------------------------------------------------------------------- what is remembered


def test_sources_are_remembered_and_changed(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(line(1), line(2), line(3))
    assert run().published is False
    assert run(add=("arXiv:2301.00004v1",)).documents == 4
    assert run().documents == 4
    assert run(remove=("2301.00002",)).removed == ("2301.00002",)  # the list still names it
    assert run().documents == 3
    assert run(remove=("2301.00004",)).documents == 2
    assert opened(settings).manifest.sources == (str(tmp_path / "list.md"),)
    assert run(add=("2301.00002",)).documents == 3  # wanted again
    assert run(remove=(str(tmp_path / "list.md"),)).documents == 1
    with pytest.raises(SourceEmpty):
        run(remove=("arxiv:2301.00002",))
    with pytest.raises(UnknownDocument, match="nothing-here"):
        run(remove=("nothing-here",))
    assert run(line(1), line(2), line(3)).documents == 3


def test_a_remembered_source_that_is_gone_keeps_its_documents(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(line(1), line(2))
    run(add=("2301.00003",))
    (tmp_path / "list.md").rename(tmp_path / "away.md")
    report = run()
    assert (report.documents, report.exit_code) == (3, 4)
    assert any(w.kind == "source-missing" and "list.md" in w.message for w in report.warnings)
    (tmp_path / "away.md").rename(tmp_path / "list.md")
    report = run()
    assert (report.documents, report.exit_code) == (3, 0)
    with pytest.raises(SourceNotFound):
        run(sources=(str(tmp_path / "nowhere.md"),))


def test_dropping_more_than_half_asks_first(run: Run, settings: Settings, tmp_path: Path) -> None:
    rows = [
        json.dumps({"_id": f"r{n}", "title": f"Record {n}", "text": f"The text of record number {n}."})
        for n in range(12)
    ]
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(rows))
    run(sources=(str(path),))
    path.write_text("\n".join(rows[:5]))
    with pytest.raises(ShrinkRefused, match="7 of the library's 12"):
        run()
    assert opened(settings).manifest.documents == 12
    assert run(yes=True).documents == 5
    path.write_text("\n".join(rows[:2]))
    assert run().documents == 2  # fewer than ten: no question


def test_records(run: Run, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    rows = [
        {"_id": 7, "title": "Seven", "text": "The text of number seven is this.", "year": 2001, "authors": ["A B", "C D"]},
        {"id": "0704.0001", "title": "Diphoton\n  production", "abstract": "Its own abstract.", "update_date": "2008-11-26"},
        {"_id": "no-title", "title": None, "text": "There is a text without a title here."},
        {"_id": "no-text", "title": "Only a title", "text": None},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n")
    report = run(sources=(str(path),))
    assert report.exit_code == 0 and [w.kind for w in report.warnings] == ["bad-line"]
    held = {s.id: s for s in opened(settings).catalogue.summaries}
    assert {id_: (s.text, s.year, s.pages) for id_, s in held.items()} == {
        "7": ("record", 2001, None), "0704.0001": ("record", 2008, None), "no-title": ("record", None, None),
        "no-text": ("title", None, None),
    }  # fmt: skip
    assert held["0704.0001"].title == "Diphoton production"
    assert held["0704.0001"].link == "https://arxiv.org/abs/0704.0001"
    rows[0]["text"] += " With a change."
    path.write_text("\n".join(map(json.dumps, rows)))
    assert run().embedded == 1


def test_another_model_embeds_anew_but_fetches_nothing(run: Run, settings: Settings, arxiv: LoopbackArxiv,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    run(line(1), line(2))
    arxiv.requests.clear()
    monkeypatch.setattr("indexer.embed.Toy.VERSION", 2)
    report = run(line(1), line(2))
    generation = opened(settings)
    assert (report.published, report.embedded, arxiv.bodies) == (True, generation.vectors.count, 0)
    assert generation.manifest.model.fingerprint == "toy-2"


@needs_shared
def test_thirty_real_papers(settings: Settings, tmp_path: Path, real_papers: Path) -> None:
    """Fetched, indexed and searched; a second run transfers and embeds nothing; one line's change costs one paper."""
    with from_shared(SHARED / "papers") as arxiv:
        ids = sorted(arxiv.papers)[:30]
        own = Settings(**{**settings.model_dump(), "arxiv_url": arxiv.url, "arxiv_api_url": f"{arxiv.url}/api/query",
                          "metadata_hours": 0, "workers": 0})  # fmt: skip
        keep_texts(real_papers, own.library)
        path = tmp_path / "list.md"

        def write(some: list[str]) -> None:
            path.write_text("".join(f"- [{arxiv.papers[i].title}](https://arxiv.org/abs/{i})\n" for i in some))

        write(ids[:29])
        first = reindex(Request(sources=(str(path),)), own)
        assert (first.exit_code, first.bodies, first.documents) == (0, 29, 29)
        arxiv.requests.clear()
        second = reindex(Request(), own)
        assert (second.bodies, arxiv.bodies, second.embedded, second.published) == (0, 0, 0, False)
        write(ids[1:30])
        third = reindex(Request(), own)
        assert (third.bodies, arxiv.bodies, third.removed) == (1, 1, (ids[0],))
        generation = opened(own)
        assert third.embedded == prose_of(generation, generation.catalogue.summary(ids[29]).position)
        assert arxiv.most_connections == 1


# ---------------------------------------------------------------------- what two readers found


def test_records_of_an_absent_file_keep_their_text(run: Run, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(
        "".join(json.dumps({"_id": n, "text": f"The text of record number {n}."}) + "\n" for n in range(12))
    )
    before = run(sources=(str(path),))
    path.rename(tmp_path / "away")
    report = run()
    assert (report.documents, report.passages, report.exit_code) == (12, before.passages, 4)
    assert set(outcomes(report).values()) == {"record"}
    assert {s.text for s in opened(settings).catalogue.summaries} == {"record"}


@pytest.mark.parametrize("generations", [1, 2])
def test_sources_are_remembered_though_the_generation_is_damaged(
    run: Run, settings: Settings, generations: int
) -> None:
    run(line(1), line(2))
    if generations == 2:
        run(add=("2301.00003",))
    held = Library(settings.library)
    manifest = held.manifest(held.current_name())
    (settings.library / "files" / manifest.files["catalogue"].name).write_bytes(b"torn")
    assert run().documents == 1 + generations
    assert opened(settings).manifest.sources == manifest.sources


def test_a_damaged_generation_is_still_guarded(run: Run, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(
        "".join(json.dumps({"_id": n, "text": f"The text of record number {n}."}) + "\n" for n in range(12))
    )
    run(sources=(str(path),))
    held = Library(settings.library)
    (settings.library / "files" / held.manifest("000001").files["vectors"].name).unlink()
    with pytest.raises(ShrinkRefused, match="11 of the library's 12"):
        run(line(1))


def test_a_missing_list_keeps_the_mentions_it_shares(run: Run, settings: Settings, tmp_path: Path) -> None:
    a, b = tmp_path / "a.md", tmp_path / "b.md"
    a.write_text(f"{line(1)}\n{line(2)}\n")
    b.write_text(f"{line(1)}\n{line(3)}\n")
    run(sources=(str(a), str(b)))
    a.rename(tmp_path / "away")
    assert run().documents == 3
    b.write_text(f"{line(3)}\n")
    report = run()
    assert (report.documents, report.removed) == (3, ())


def test_what_lies_below_an_unreachable_folder_is_kept(run: Run, settings: Settings, tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk", tmp_path / "papers"
    disk.mkdir()
    folder.mkdir()
    (disk / "one.pdf").write_bytes(tiny_pdf(["The first paper lies on another disk."]))
    (folder / "two.pdf").write_bytes(tiny_pdf(["The second paper lies in the folder."]))
    (folder / "usb").symlink_to(disk)
    assert run(sources=(str(folder),)).documents == 2
    disk.rename(tmp_path / "unplugged")
    report = run()
    assert (report.documents, report.removed, report.exit_code) == (2, (), 4)
    assert any(w.kind == "source-missing" for w in report.warnings)


def test_a_name_that_is_not_text_costs_that_file(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "good.pdf").write_bytes(tiny_pdf(["A paper with a name that can be written."]))
    (folder / os.fsdecode(b"bad\xff.pdf")).write_bytes(tiny_pdf(["A paper with a name that can not."]))
    report = run(sources=(str(folder),))
    assert (report.documents, report.exit_code, len(report.skipped)) == (1, 0, 1)
    assert "not UTF-8" in report.skipped[0]


def test_a_paper_whose_text_another_source_has_is_no_failure(run: Run, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "2301.00001.pdf").write_bytes(tiny_pdf(["My own copy of paper 1, with a text."]))
    report = run(line(1), sources=(str(tmp_path / "list.md"), str(tmp_path / "2301.00001.pdf")), offline=True)
    assert (report.documents, report.exit_code) == (1, 0)


@pytest.mark.parametrize("first", ["list", "file"])
def test_a_merged_paper_has_the_newest_text_and_arxiv_s_metadata(
    run: Run, settings: Settings, arxiv: LoopbackArxiv, tmp_path: Path, first: str
) -> None:
    old = arxiv.papers["2301.00001"]
    arxiv.papers["2301.00001"] = replace(old, versions={**old.versions, 2: tiny_pdf(["The second version's text."])})
    (tmp_path / "2301.00001v1.pdf").write_bytes(tiny_pdf(["The text of my first version."]))
    both = (str(tmp_path / "list.md"), str(tmp_path / "2301.00001v1.pdf"))
    run(line(1), sources=both if first == "list" else both[::-1])
    held = opened(settings).catalogue.document("2301.00001")
    assert held is not None
    assert (held.version, held.newest, held.title, held.authors[0]) == (2, 2, "Paper number 1", "Ana Example")
    assert run().published is False


def test_removing_a_paper_removes_it_wherever_it_is_listed(run: Run, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "2301.00001.pdf").write_bytes(tiny_pdf(["My own copy of paper 1, with a text."]))
    run(line(1), line(2), sources=(str(tmp_path / "list.md"), str(folder), "2301.00001"))
    assert run(remove=("https://arxiv.org/abs/2301.00001v1",)).removed == ("2301.00001",)
    assert str(folder) in opened(settings).manifest.sources  # a folder stays, for what is put there later
    (folder / "later.pdf").write_bytes(tiny_pdf(["A paper that came into the folder later."]))
    assert sorted(outcomes(run())) == ["2301.00002", "later"]


def test_an_id_stays_when_the_copy_that_gave_it_goes(run: Run, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(tiny_pdf(["The same bytes under two names."]))
    both = (str(tmp_path / "a.pdf"), str(tmp_path / "b.pdf"))
    assert set(outcomes(run(sources=both))) == {"a"}
    assert set(outcomes(run(sources=both[1:]))) == {"a"}


def test_a_damaged_body_is_fetched_again(run: Run, settings: Settings, arxiv: LoopbackArxiv) -> None:
    run(line(1))
    for path in (settings.library / "cache" / "bodies").iterdir():
        path.write_bytes(b"%PDF-1.4 zeroed by the disk")
    for path in (settings.library / "cache").glob("cache.sqlite*"):
        path.rename(path.with_name("old-" + path.name))
    arxiv.requests.clear()
    report = run(line(1))
    assert (outcomes(report), arxiv.bodies) == ({"2301.00001": "full text"}, 1)


def test_a_short_text_can_be_found(run: Run, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    rows = [
        {"_id": "s", "text": "Tiny text."},
        {"_id": "z", "text": "分布式训练。"},
        {"_id": "n", "text": "a\x00b " * 20},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(sources=(str(path),)).passages >= 3
    for passage in opened(settings).catalogue.passages([0, 1, 2]).values():
        assert len(passage.text) == passage.end - passage.start


def test_what_was_extracted_survives_the_cache(tmp_path: Path) -> None:
    """Every field of it: this one has something in each."""
    mention = TextMention(0, 1, 4, "As [12] says.", 0)
    whole = Extracted(
        pages=(Page_("A text.", 1), Page_("More.", None)), title="T", authors=("A B",), abstract="It is.", date="2023-01",
        sections=(Section("1 One", 1, 0, 0, "one", True),), arxiv_id="2301.00001", version=2,
        blocks=(Block("body", 0, 0, 7, True), Block("reference", 1, 0, 5)),
        references=(Reference(1, "raw", 1, "12", "T", ("C D",), 2020, "V", "2001.00001", "10.1/2", (mention,)),),
        missing=((3, "no characters"),), engine="pdfium",
    )  # fmt: skip
    for thing in (whole, whole.blocks[0], whole.references[0], mention, whole.sections[0]):
        assert all(getattr(thing, field.name) != field.default for field in fields(thing))
    with Cache(tmp_path) as cache:
        cache.keep_text("key", {"text": bring._EXTRACTED.dump_python(whole, mode="json")})
        assert bring._restored(cache.text("key") or {}) == whole


def test_an_earlier_format_is_built_anew_from_what_is_remembered(settings: Settings) -> None:
    """Its ids, its exclusions and what can't be had now stay; its vectors of the same texts are used again."""
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-1.zip") as file:
        file.extractall(settings.library)
    before = Library(settings.library).open(earlier=True).catalogue
    report = reindex(Request(offline=True), settings)
    assert report.published and (report.requests, report.removed) == (0, ())
    assert [w.kind for w in report.warnings] == ["source-missing"] * 3 + ["format"]
    now = opened(settings).catalogue
    assert {s.id: s.entry.address for s in now.summaries} == {s.id: s.entry.address for s in before.summaries}
    assert [p.text for p in now.document("talk").pages] == [p.text for p in before.document("talk").pages]
    assert now.document("2301.00001").blocks  # read anew, from the bytes held
    assert report.embedded < report.passages
    assert reindex(Request(offline=True), settings).published is False


def test_a_library_of_the_future_is_not_built_over_unasked(run: Run, settings: Settings) -> None:
    run(line(1))
    path = settings.library / "generations" / "000001.json"
    manifest = replace(Library(settings.library).manifest("000001"), format=99)
    path.write_text(manifest_text(manifest))
    with pytest.raises(FormatUnknown) as caught:
        run()
    assert "SOURCE" in caught.value.cure
    assert run(line(2)).generation == "000002"


@pytest.mark.parametrize("current", [True, False])
def test_where_no_manifest_can_be_read_nothing_is_built_unasked(
    run: Run, settings: Settings, tmp_path: Path, current: bool
) -> None:
    """What the library lists is not known then; as if there were none, a run would make the default list of it."""
    run(line(1), line(2))
    run(line(1), line(2), line(3))
    library = Library(settings.library)
    for name in library.names():
        path = settings.library / "generations" / f"{name}.json"
        path.write_bytes(path.read_bytes()[:-40])
    if not current:
        (settings.library / "CURRENT").unlink()
    for request in ({}, {"add": (str(tmp_path / "list.md"),)}, {"remove": ("2301.00001",)}):
        with pytest.raises(GenerationDamaged, match="not known any more") as caught:
            run(**request)
        assert "paperpath reindex SOURCE" in caught.value.cure and "library import" in caught.value.cure
    assert library.names() == ["000001", "000002"]
    again = run(line(1), line(2), line(3))
    assert again.published and again.bodies == 0 and again.documents == 3
    assert opened(settings).instead_of is None


# ---------------------------------------------------------------------- what did not change


def sound_of(generation: Generation) -> dict[str, str]:
    """The files of a generation that depend on nothing but what it holds."""
    return {role: file.sha256 for role, file in generation.manifest.files.items() if role != "catalogue"}


def test_what_did_not_change_is_not_looked_at(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paper more or less: no other one's text is read, cut, embedded or asked for its words."""
    sources = [str(tmp_path / f"{n}.pdf") for n in range(6)]
    for n, path in enumerate(sources):
        Path(path).write_bytes(
            tiny_pdf([f"Paper {n} says something of its own.", f"And on page two paper {n} says more."])
        )
    run(sources=tuple(sources[:5]))
    read: list[str] = []

    def noting(owner: type, name: str) -> None:
        own = getattr(owner, name)

        def noted(*given: object) -> object:
            read.append(name)
            return own(*given)

        monkeypatch.setattr(owner, name, noted)

    noting(Catalogue, "_body")
    noting(Toy, "__init__")
    assert run().published is False
    assert read == []
    assert run(remove=(sources[2],)).removed == ("2",)
    assert read == [], "neither a text nor the model is needed to remove a paper"
    noting(Cache, "text")
    noting(passages, "cut")
    before = opened(settings)
    report = run(add=(sources[5],))
    assert report.embedded == prose_of(opened(settings), 4)
    assert read == ["text", "text", "__init__", "text", "cut"], "its text, under two names, and its passages"
    after = opened(settings).catalogue
    for summary in before.catalogue.summaries:
        assert after.document(summary.id) == before.catalogue.document(summary.id)


def test_a_front_alone_may_change(run: Run, settings: Settings) -> None:
    """What is new about a paper whose text is the same: where it is listed, what is noted beside it."""
    run(line(1), line(2))
    assert run("# Mine", line(2), line(1)).embedded == 0
    held = opened(settings)
    assert [s.entry.mentions[0].section for s in held.catalogue.summaries] == [("Mine",)] * 2
    assert [s.id for s in held.catalogue.summaries] == ["2301.00002", "2301.00001"]
    assert held.words.postings("wonder")[0].tolist() == []
    assert run("# Mine", line(2), line(1) + ": a wonder").embedded == 0
    held = opened(settings)
    assert "a wonder" in held.catalogue.summaries[1].entry.mentions[0].note
    [passage] = held.words.postings("wonder")[0].tolist()
    assert held.catalogue.documents_of[passage] == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_library_made_in_steps_is_the_one_made_at_once(
    run: Run, settings: Settings, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    rows = {
        n: {"_id": f"r{n}", "title": f"Record {n % 4}", "text": f"The text of number {n % 9} is this."}
        for n in range(15)
    }
    path = tmp_path / "records.jsonl"
    for _ in range(5):
        for n in chance.sample(range(15), 2):
            rows[n] = rows[n] | {"text": f"Word{chance.randrange(9)} and another. " * chance.randint(0, 40)}
        some = chance.sample(range(15), chance.randint(3, 15))
        path.write_text("".join(json.dumps(rows[n]) + "\n" for n in some))
        run(sources=(str(path),), yes=True)
    held = opened(settings)
    run(sources=(str(path),), library=tmp_path / "another")
    fresh = Library(tmp_path / "another").open()
    assert sound_of(held) == sound_of(fresh)
    assert held.manifest.inputs == fresh.manifest.inputs
    assert list(held.catalogue.summaries) == list(fresh.catalogue.summaries)
    assert held.catalogue.passages(range(99)) == fresh.catalogue.passages(range(99))


def test_a_text_is_read_anew_where_a_cache_has_half_of_it(run: Run, settings: Settings, tmp_path: Path) -> None:
    """The front of it is held, the text is not: it is no text of the generation that is read, which was rolled back."""
    for n in range(2):
        (tmp_path / f"{n}.pdf").write_bytes(tiny_pdf([f"Paper {n} says something of its own."]))
    run(sources=(str(tmp_path / "0.pdf"),))
    run(add=(str(tmp_path / "1.pdf"),))
    with Writer(Library(settings.library)) as writer:
        writer.rollback()
    with closing(sqlite3.connect(settings.library / "cache" / "cache.sqlite")) as cache, cache:
        cache.execute("UPDATE texts SET answer = x'00'")
    assert run(add=(str(tmp_path / "1.pdf"),)).documents == 2
    assert "Paper 1" in opened(settings).catalogue.document("1").pages[0].text


def test_a_file_that_was_changed_is_read_again(run: Run, settings: Settings, tmp_path: Path) -> None:
    """Also to one of the same size, with the old one's time of change."""
    path = tmp_path / "a.pdf"
    path.write_bytes(tiny_pdf(["A paper about sheep and wool."]))
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10**10))
    run(sources=(str(path),))
    run()
    path.write_bytes(tiny_pdf(["A paper about goats and milk."]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10**10))
    assert run().published
    assert "goats" in opened(settings).catalogue.document("a").pages[0].text
