"""Marks: the last word wins, a damaged line harms no other, and a kill leaves the old file or the new one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import filelock
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import document

from indexer.document import Mention
from indexer.errors import LibraryBusy, LibraryUnwritable
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


@pytest.mark.parametrize(("bare", "note"), [("2026-03-01T09:59", "with an offset"), ("2026-03-01T10:01", "without")])
def test_a_date_that_a_person_wrote_without_an_offset_is_utc(tmp_path: Path, bare: str, note: str) -> None:
    rows = [
        {"id": "x", "note": "with an offset", "note_at": EARLY.isoformat()},
        {"id": "x", "note": "without", "note_at": bare},
    ]
    (tmp_path / "marks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert marks.load(tmp_path).by_id["x"].note == note


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


@pytest.mark.parametrize(("mark", "box", "read"), [
    (None, marks.Box(by_hand=True, since="then"), True), (None, marks.Box(ticked=True, by_hand=False), False),
    (Mark("x", note="only a note"), marks.Box(by_hand=True), True),
    # as it was when the mark was made, and as it became since
    (Mark("x", read=False, by_hand=True, since="then"), marks.Box(by_hand=True, since="then"), False),
    (Mark("x", read=True, by_hand=False, since="then"), marks.Box(by_hand=False, since="then"), True),
    (Mark("x", read=True, by_hand=True, since="then"), marks.Box(by_hand=False, since="then"), False),
    (Mark("x", read=False, by_hand=True, since="then"), marks.Box(by_hand=True, since="later"), True),
    (Mark("x", read=True), marks.Box(by_hand=False, since="then"), False),
    # nobody changed the order
    (Mark("x", read=True, by_hand=False, since="then"), marks.Box(since="then"), True),
    (Mark("x", note="only a note"), marks.Box(ticked=True), True), (Mark("x", note="only a note"), marks.Box(), False),
])  # fmt: skip
def test_a_box_that_was_changed_by_hand_since_says_it(mark: Mark | None, box: marks.Box, read: bool) -> None:
    assert marks.said(mark, box) is read


def test_what_the_boxes_of_a_paper_say(paper: Summary) -> None:
    def of(*mentions: Mention) -> marks.Box:
        return marks.box_of(replace(paper, entry=replace(paper.entry, mentions=mentions)))

    assert of() == of(Mention("list.md", 1)) == marks.Box(None, None, "")
    assert of(Mention("list.md", 1, checked=False), Mention("list.md", 2, checked=True)) == marks.Box(True)
    assert of(Mention("list.md", 1, checked=False), Mention("list.md", 2)) == marks.Box(False)
    by_hand = Mention("order.md", 1, by_hand=False, by_hand_since="then")
    assert of(by_hand, Mention("list.md", 2)) == marks.Box(None, False, "then")
    assert of(by_hand, replace(by_hand, by_hand=True)) == marks.Box(None, True, "then")


def test_notes_are_told_each_once_the_own_one_first(paper: Summary) -> None:
    noted = [Mention("list.md", line, note=note) for line, note in enumerate(("two", "", " ", "one", "two"), 1)]
    there = replace(paper, entry=replace(paper.entry, mentions=tuple(noted)))
    assert marks.notes(there, marks.NONE) == ("two", "one")
    for own, told in (("one", ("one", "two")), ("mine", ("mine", "two", "one")), ("", ("two", "one"))):
        assert marks.notes(there, marks.Marks({paper.id: Mark(paper.id, note=own)})) == told
    assert marks.notes(there, marks.Marks({paper.id: Mark(paper.id, read=True)})) == ("two", "one")


def test_what_was_altered_is_not_believed(paper: Summary, tmp_path: Path) -> None:
    marks.set_note(tmp_path, paper.id, "not before the talk", EARLY)
    file = tmp_path / "marks.jsonl"
    line = json.loads(file.read_text())
    for altered in (line | {"note": "before the talk"}, line | {"check": "0" * 8}, line | {"since": 3}):
        file.write_text(json.dumps(altered))
        held = marks.load(tmp_path)
        assert held.by_id == {} and [warning.kind for warning in held.warnings] == ["damaged-mark"]
    del line["check"]  # a person wrote it
    file.write_text(json.dumps(line | {"note": "by hand"}))
    assert marks.load(tmp_path).by_id[paper.id].note == "by hand"
    file.write_text(json.dumps(line | {"since": 3}))
    assert '"since" is a text' in marks.load(tmp_path).warnings[0].message
    for odd in (
        {"note": "x", "note_at": "2026-01-01", "read_at": 7},
        {"read": None, "note": None, "note_at": ["2026-01-01"]},
    ):
        file.write_text(json.dumps({"id": paper.id} | odd))
        assert "its date is none" in marks.load(tmp_path).warnings[0].message
    for depth in range(900, 1000, 5):  # what can be read may be too deep to be written, as its check is
        file.write_text(f'{{"id": "{paper.id}", "x": {"[" * depth}{"]" * depth}, "check": "00000000"}}')
        assert marks.load(tmp_path).by_id == {}


def test_a_date_with_half_a_character_goes_out_as_text(paper: Summary, tmp_path: Path) -> None:
    (tmp_path / "marks.jsonl").write_text(
        json.dumps({"id": paper.id, "note": "x", "note_at": "2026-01-01", "read_at": "\ud800"})
    )
    assert (
        marks.load(tmp_path).by_id[paper.id].read_at.encode()
        and marks.load(tmp_path).read_at(paper.id).encode() is not None
    )


def test_what_was_said_in_the_last_second_that_there_is(paper: Summary, tmp_path: Path) -> None:
    """A person, or a clock, wrote it: what is said now counts all the same."""
    line = {"id": paper.id, "read": True, "read_at": "9999-12-31T23:59:59+00:00"}
    (tmp_path / "marks.jsonl").write_text(json.dumps(line))
    marks.set_read(tmp_path, paper, False)
    assert marks.load(tmp_path).by_id[paper.id].read is False


def test_whether_marks_can_be_read_and_since_when(paper: Summary, tmp_path: Path) -> None:
    assert marks.load(tmp_path).readable and marks.load(tmp_path).read_at(paper.id) == ""
    marks.set_read(tmp_path, paper, False, EARLY)
    assert marks.load(tmp_path).read_at(paper.id) == EARLY.isoformat() and marks.load(tmp_path).read_at("none") == ""
    (tmp_path / "marks.jsonl").unlink()
    (tmp_path / "marks.jsonl").symlink_to("marks.jsonl")
    held = marks.load(tmp_path)
    assert not held.readable and "can't be read" in held.warnings[0].message and held.read_at(paper.id) == ""


def test_of_what_is_merged_the_later_counts(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, first, second in ((here, EARLY, LATE), (there, LATE, EARLY)):
        marks.set_note(folder, "a", f"{folder.name} on a", first)
        marks.set_note(folder, "b", f"{folder.name} on b", second)
    marks.set_note(there, "c", "there on c", EARLY)
    with (there / "marks.jsonl").open("ab") as file:
        file.write(b"damaged\n")
    exported = marks.export(there)
    before = marks.load(here).by_id
    assert marks.merge(here, exported) == 2  # a and c
    held = marks.load(here)
    assert {id_: mark.note for id_, mark in held.by_id.items()} == {
        "a": "there on a",
        "b": "here on b",
        "c": "there on c",
    }
    assert held.by_id["b"] == before["b"] and len(held.warnings) == 1
    assert marks.merge(here, exported) == 0
    assert marks.load(here).by_id == held.by_id and marks.export(here).count(b"damaged") == 1
    assert marks.merge(tmp_path / "new", b"") == 0 and not (tmp_path / "new").exists()


def test_of_each_thing_the_later_counts_when_marks_are_merged(paper: Summary, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    marks.set_note(here, paper.id, "the later note", LATE)
    marks.set_read(here, paper, False, EARLY)
    marks.set_note(there, paper.id, "the earlier note", EARLY)
    marks.set_read(there, paper, True, LATE)
    assert marks.merge(here, marks.export(there)) == 1
    mark = marks.load(here).by_id[paper.id]
    assert (mark.note, mark.note_at, mark.read, mark.read_at) == (
        "the later note", LATE.isoformat(), True, LATE.isoformat())  # fmt: skip


def test_what_is_said_now_is_said_last(paper: Summary, tmp_path: Path) -> None:
    """Though the clock was set back since: what is said later counts, of each thing."""
    future = datetime.now(UTC) + timedelta(days=365)
    marks.set_read(tmp_path, paper, True, future)
    marks.set_note(tmp_path, paper.id, "said next year", future)
    marks.set_read(tmp_path, paper, False)
    held = marks.load(tmp_path).by_id[paper.id]
    assert held.read is False and held.note == "said next year"
    assert held.read_at == (future + timedelta(seconds=1)).isoformat() and held.note_at == future.isoformat()
    marks.set_note(tmp_path, paper.id, "said now")
    held = marks.load(tmp_path).by_id[paper.id]
    assert held.note == "said now" and held.note_at == (future + timedelta(seconds=1)).isoformat()
    assert held.read_at == (future + timedelta(seconds=1)).isoformat()
    marks.set_read(tmp_path, paper, True, EARLY)  # who gives a date means it
    assert marks.load(tmp_path).by_id[paper.id].read is False


def test_two_do_not_write_at_once(paper: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_SECONDS", 0.1)
    marks.set_read(tmp_path, paper, True)
    with filelock.FileLock(tmp_path / "lock"), pytest.raises(LibraryBusy, match="Another program"):
        marks.set_read(tmp_path, paper, False)
    assert marks.state(paper, marks.load(tmp_path))
    marks.set_read(tmp_path, paper, False)
    assert not marks.state(paper, marks.load(tmp_path))


def test_the_folder_of_the_first_mark_is_there_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    marks.set_note(tmp_path / "marks", "x", "a note")
    assert synced == [tmp_path, tmp_path / "marks"]
