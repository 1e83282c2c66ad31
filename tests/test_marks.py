"""Marks: the last word wins, a damaged line harms no other, and a kill leaves the old file or the new one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import document

from indexer.document import Mention
from indexer.errors import LibraryUnwritable
from indexer.library import Summary, catalogue, catalogue_writing, files, marks
from indexer.library.marks import Mark

EARLY = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATE = EARLY + timedelta(days=1)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    path = tmp_path_factory.mktemp("library") / "catalogue"
    catalogue_writing.write(path, [(document("a/b", []), [])])
    return catalogue.Catalogue(path).summaries[0]


def boxed(paper: Summary, *checked: bool | None) -> Summary:
    mentions = tuple(Mention("list.md", line, checked=box) for line, box in enumerate(checked, 1))
    return replace(paper, entry=replace(paper.entry, mentions=mentions))


def test_nothing_is_marked_where_nobody_did(paper: Summary, tmp_path: Path) -> None:
    assert marks.load(tmp_path / "none") == marks.NONE
    assert [marks.state(boxed(paper, box), marks.NONE) for box in (None, False, True)] == [False, False, True]
    assert marks.state(boxed(paper, None, False, True), marks.NONE)


def test_marks_are_read_back(paper: Summary, tmp_path: Path) -> None:
    folder = tmp_path / "marks"
    marks.set_read(folder, paper, True, EARLY)
    marks.set_note(folder, paper.id, "Line one\nline “two” \ud800", EARLY)
    marks.set_note(folder, "gone", "of a paper that is not here", LATE)
    held = marks.load(folder)
    assert held.warnings == ()
    assert held.by_id == {
        "a/b": Mark("a/b", True, EARLY.isoformat(), None, "Line one\nline “two” ?", EARLY.isoformat()),
        "gone": Mark("gone", note="of a paper that is not here", note_at=LATE.isoformat()),
    }
    assert marks.state(paper, held)
    marks.set_read(folder, paper, False)
    assert not marks.state(paper, marks.load(folder))
    assert marks.load(folder).by_id["a/b"].note
    marks.set_note(folder, "a/b", "")
    assert marks.load(folder).by_id["a/b"].note == ""
    assert len((folder / "marks.jsonl").read_bytes().splitlines()) == 2


def test_several_are_marked_by_one_writing(paper: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(files, "replace", lambda part, final: (written.append(final), part.rename(final)))
    marks.set_note(tmp_path, "a/1", "kept")
    papers = [replace(paper, id=f"a/{n}") for n in range(3)]
    marks.set_all_read(tmp_path, [(one, n != 1, marks.Box()) for n, one in enumerate(papers)], EARLY)
    assert len(written) == 2
    marks.set_all_read(tmp_path, [])
    assert len(written) == 2
    held = marks.load(tmp_path)
    assert [marks.state(one, held) for one in papers] == [True, False, True]
    assert held.by_id["a/1"].note == "kept"


@pytest.mark.parametrize(
    ("then", "mark", "now", "read"),
    [(None, True, None, True), (None, True, False, True), (None, True, True, True),
     (None, False, None, False), (None, False, True, True),  # ticked since
     (False, True, False, True), (False, False, True, True),
     (True, False, True, False),  # the old tick is older than the mark
     (True, True, False, False),  # unticked since
     (True, False, False, False), (True, True, None, True)],
)  # fmt: skip
def test_of_a_mark_and_a_check_box_the_newer_one_wins(
    paper: Summary, tmp_path: Path, then: bool | None, mark: bool, now: bool | None, read: bool
) -> None:
    marks.set_read(tmp_path, boxed(paper, then), mark)
    assert marks.state(boxed(paper, now), marks.load(tmp_path)) is read


def test_a_damaged_line_loses_no_other(paper: Summary, tmp_path: Path) -> None:
    good = json.dumps({"id": "x", "read": True, "read_at": "2026-01-01T00:00:00+00:00", "of a later version": 1})
    bad = [
        b"{", b"[]", b"null", b"\xff\xfe", b'{"id": ""}', b'{"id": 3}', b'{"id": "y", "read": "yes"}', b'{"id": "y", "read": true}',
        b'{"id": "y", "note": 3, "note_at": "2026-01-01"}', b'{"id": "y", "note": "n", "note_at": "soon"}', b"[" * 100_000,
    ]  # fmt: skip
    file = tmp_path / "marks.jsonl"
    file.write_bytes(
        b"\n".join([*bad[:5], good.encode(), *bad[5:], b"", b'{"id": "z", "note": "n", "note_at": "2026-01-01"}'])
    )
    held = marks.load(tmp_path)
    assert set(held.by_id) == {"x", "z"}
    assert [warning.line for warning in held.warnings] == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]
    assert {warning.kind for warning in held.warnings} == {"damaged-mark"}
    marks.set_read(tmp_path, paper, True)
    lines = file.read_bytes().split(b"\n")
    assert [line for line in bad if line not in lines] == []
    assert good.encode() in lines
    assert set(marks.load(tmp_path).by_id) == {"x", "z", "a/b"}
    assert len(marks.load(tmp_path).warnings) == len(bad)


def test_of_two_lines_the_newer_of_each_thing_counts(tmp_path: Path) -> None:
    rows = [
        {"id": "x", "read": True, "read_at": LATE.isoformat(), "note": "old", "note_at": EARLY.isoformat()},
        {"id": "x", "read": False, "read_at": EARLY.isoformat(), "note": "new", "note_at": LATE.isoformat()},
    ]
    for lines in (rows, rows[::-1]):
        (tmp_path / "marks.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
        mark = marks.load(tmp_path).by_id["x"]
        assert (mark.read, mark.note) == (True, "new")
        (tmp_path / "marks.jsonl").unlink()


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.text().map(lambda text: json.dumps({"id": text, "read": None}).encode()))
    )
)
@hypothesis_settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_read_and_kept(tmp_path: Path, lines: list[bytes]) -> None:
    file = tmp_path / "marks.jsonl"
    file.write_bytes(b"\n".join(lines))
    before = [line for line in b"\n".join(lines).split(b"\n") if line.strip()]
    marks.load(tmp_path)
    marks.set_note(tmp_path, "no other has this id", "note")
    assert file.read_bytes().split(b"\n")[: len(before)] == before
    assert marks.load(tmp_path).by_id["no other has this id"].note == "note"


def test_a_kill_before_the_end_leaves_the_old_file(
    paper: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks.set_read(tmp_path, paper, True)
    before = (tmp_path / "marks.jsonl").read_bytes()

    def killed(part: Path, final: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            marks.set_read(tmp_path, paper, False)
    assert (tmp_path / "marks.jsonl").read_bytes() == before
    marks.set_read(tmp_path, paper, False)
    assert not marks.state(paper, marks.load(tmp_path))


def test_a_folder_that_can_not_be_written_is_named(paper: Summary, tmp_path: Path) -> None:
    (tmp_path / "marks").write_text("a file")
    with pytest.raises(LibraryUnwritable, match="marks"):
        marks.set_read(tmp_path / "marks", paper, True)
