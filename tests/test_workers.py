"""Workers: whatever a document does to the process that reads it, it costs that document and no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import misbehaving
import pytest
from conftest import SHARED, needs_shared
from loopback_arxiv import tiny_pdf
from test_engines import made, stream

from indexer import errors, extract
from indexer.errors import BadSetting, Damaged, Encrypted, ExtractError, Interrupted, LimitReached, PaperpathError
from indexer.extract import limits, workers
from indexer.extract.workers import Workers
from indexer.reindex import Request, reindex
from indexer.settings import Settings

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers do what a file's name says instead of reading it."""
    monkeypatch.setattr(extract, "read", misbehaving.read)


def files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).write_text(f"the text of {name}")
    return [folder / name for name in names]


def gone(pid: int) -> bool:
    """Whether a process has ended; waits for it, as long as a slow machine may need."""
    for _ in range(6000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("hang", LimitReached, "longer than 10 seconds"),
        ("hang-in-c", LimitReached, "longer than 10 seconds"),
        ("exit", LimitReached, "exit status 9"),
        ("abort", LimitReached, "SIGABRT"),
        ("segfault", LimitReached, "SIGSEGV"),
        ("killed", Interrupted, "SIGKILL"),
        ("killed-handing-over", Interrupted, "SIGKILL"),
        ("swell", LimitReached, "more than 1024 MB"),
        ("deep", LimitReached, "memory"),
        ("raise", Damaged, "ZeroDivisionError: of all things"),
        ("encrypted", Encrypted, "password"),
        ("gone", Interrupted, "No such file"),
        ("connect", Damaged, "socket"),
        ("run", Damaged, "subprocess.Popen"),
    ],
)
def test_a_bad_document_costs_itself_and_no_other(
    double: None, tmp_path: Path, name: str, error: type[ExtractError], said: str
) -> None:
    good, bad, better, best = files(tmp_path, "good", name, "better", "best")
    seconds = 10 if name.startswith("hang") else 300  # in which a slow machine reads the sound ones
    with Workers(1, seconds=seconds, megabytes=1024) as workers:
        begun = [workers.start(path, "plain") for path in (good, bad, better, best)]
        assert begun[0]().pages[0].text == "the text of good"
        with pytest.raises(error, match=said) as caught:
            begun[1]()
        assert begun[2]().pages[0].text == "the text of better"
        assert begun[3]().pages[0].text == "the text of best"
    assert (type(caught.value) is Interrupted) == (error is Interrupted)


def test_many_bad_ones_at_once_lose_nothing(double: None, tmp_path: Path) -> None:
    kinds = ("hang", "abort", "killed-handing-over", "swell", "raise", "good", "better")
    paths = files(tmp_path, *(f"{kind}.{number}" for number in range(3) for kind in kinds))
    outcomes: list[str] = []
    with Workers(3, seconds=10, megabytes=1024) as workers:
        for path, begun in [(path, workers.start(path, "plain")) for path in paths]:
            try:
                assert begun().pages[0].text == f"the text of {path.name}"
                outcomes.append("text")
            except ExtractError as error:
                outcomes.append(type(error).__name__)
    expected = ["LimitReached", "LimitReached", "Interrupted", "LimitReached", "Damaged", "text", "text"]
    assert outcomes == expected * 3


def test_one_that_is_killed_between_two_documents_is_replaced(double: None, tmp_path: Path) -> None:
    first, second = files(tmp_path, "good", "better")
    with Workers(1, seconds=300, megabytes=1024) as workers:
        pid = int(workers.start(first, "plain")().title)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        assert workers.start(second, "plain")().title != str(pid)


def test_what_it_started_ends_with_it(double: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("indexer.extract.engines.tesseract.program", lambda: "tesseract")  # else it may start nothing
    (path,) = files(tmp_path, "leave-a-child")
    with Workers(1, seconds=300, megabytes=1024, ocr=True) as workers:
        begun = workers.start(path, "plain")
        while not path.with_suffix(".pid").exists() or not path.with_suffix(".pid").read_text():
            time.sleep(0.01)
    assert gone(int(path.with_suffix(".pid").read_text()))
    with pytest.raises(Interrupted):
        begun()


def test_leaving_ends_what_still_runs(double: None, tmp_path: Path) -> None:
    path, waiting = files(tmp_path, "hang-in-c", "good")
    with Workers(1, seconds=1000, megabytes=1024) as workers:
        begun = workers.start(path, "plain")
        queued = workers.start(waiting, "plain")
        while not path.with_suffix(".pid").exists() or not path.with_suffix(".pid").read_text():
            time.sleep(0.01)
    assert gone(int(path.with_suffix(".pid").read_text()))
    with pytest.raises(Interrupted):
        begun()
    with pytest.raises(Interrupted):
        queued()


def test_no_process_is_started_without_need(double: None, tmp_path: Path) -> None:
    with Workers(4, seconds=300, megabytes=1024):
        pass
    with Workers(4, seconds=300, megabytes=1024) as workers:
        pids = {workers.start(path, "plain")().title for path in files(tmp_path, "a", "b", "c")}
    assert len(pids) == 1


def test_documents_are_read_side_by_side(double: None, tmp_path: Path) -> None:
    with Workers(2, seconds=60, megabytes=1024) as workers:
        begun = [workers.start(path, "plain") for path in files(tmp_path, "meet-a", "meet-b")]
        assert [read().pages[0].text for read in begun] == ["the text of meet-a", "the text of meet-b"]


def test_pages_are_told_as_they_are_read(double: None, tmp_path: Path) -> None:
    told: list[int] = []
    with Workers(2, seconds=300, megabytes=1024, told=told.append) as workers:
        for begun in [workers.start(path, "plain") for path in files(tmp_path, "a", "b", "c")]:
            begun()
    assert sorted(told) == list(range(1, 10))  # three documents of three pages


def test_one_that_has_swollen_is_replaced(double: None, tmp_path: Path) -> None:
    with Workers(1, seconds=300, megabytes=512) as workers:
        pids = [workers.start(path, "plain")().title for path in files(tmp_path, "a", "b", "half-full", "c")]
    assert pids[0] == pids[1] == pids[2] != pids[3]


def test_more_text_than_is_taken_is_a_limit(double: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limits, "MESSAGE_BYTES", 1 << 20)
    large, good = files(tmp_path, "large", "good")
    with Workers(1, seconds=300, megabytes=1024) as workers:
        begun = [workers.start(path, "plain") for path in (large, good)]
        with pytest.raises(LimitReached, match="larger"):
            begun[0]()
        assert begun[1]().pages


def test_what_kills_pdfium_is_read_by_pypdf(double: None, tmp_path: Path) -> None:
    path, good, locked = files(tmp_path, "abort-of-pdfium", "good", "encrypted-or-abort")
    with Workers(1, seconds=300, megabytes=1024) as workers:
        with pytest.raises(LimitReached, match="SIGABRT"):  # what pypdf says of it is not the whole truth
            workers.start(locked, "pdf")()
        assert workers.start(path, "pdf")().engine == "pypdf"
        assert workers.start(good, "pdf")().engine == "auto"
    with (
        Workers(1, seconds=300, megabytes=1024, engine="pdfium") as workers,
        pytest.raises(LimitReached, match="SIGABRT"),
    ):
        workers.start(path, "pdf")()


def test_a_bomb_is_a_limit(tmp_path: Path) -> None:
    """Much text packed small, and forms that draw the next one twice, 25 deep."""
    packed = zlib.compress(b"BT /F1 10 Tf (aaaa bbbb) Tj ET " * 4_000_000, 9)
    text = f"<< /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode() + packed + b"\nendstream"
    path = made(tmp_path, "", more=(text,))
    path.write_bytes(path.read_bytes().replace(b"/Contents 4 0 R ", b"/Contents 10 0 R"))
    forms = [
        stream(f"/A{n + 1} Do " * 2, "/Subtype /Form /BBox [0 0 9 9] /Resources << /XObject <<"
               f" /A{n + 1} {11 + n} 0 R >> >>") for n in range(25)
    ]  # fmt: skip
    (tmp_path / "nested").mkdir()
    nested = made(
        tmp_path / "nested",
        "/A0 Do",
        xobjects="/A0 10 0 R",
        more=(*forms, stream("BT /F1 9 Tf (x) Tj ET", "/Subtype /Form")),
    )
    with Workers(1, seconds=20, megabytes=512) as workers:
        for bomb in (path, nested):
            with pytest.raises(LimitReached):
                workers.start(bomb, "pdf")()


def test_engine_and_limits_are_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(tiny_pdf(["The first page has these words.", "And the second page has others."]))
    for engine in ("pdfium", "pypdf"):
        with Workers(1, seconds=60, megabytes=1024, engine=engine) as workers:
            read = workers.start(path, extract.kind_of(path))()
        assert read.engine == engine and len(read.pages) == 2 and "these words" in read.pages[0].text
    with Workers(1, seconds=60, megabytes=1024) as workers:
        assert workers.start(path, "pdf")().engine == "pdfium"


def test_memory_that_is_too_little_to_begin_with_is_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(tiny_pdf(["some text"]))
    with Workers(1, seconds=60, megabytes=8) as workers, pytest.raises(LimitReached, match="8 MB"):
        workers.start(path, "pdf")()


def test_ocr_without_tesseract_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadSetting, match="tesseract"):
        Workers(1, seconds=60, megabytes=1024, ocr=True)


def test_a_limit_is_remembered_until_it_is_raised(double: None, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    limit, machine, _good = files(folder, "abort.pdf", "killed.pdf", "good.pdf")
    for seconds, asked in ((20, (2, 1)), (20, (2, 2)), (30, (4, 3)), (30, (4, 4))):  # pypdf has its turn too
        report = reindex(Request((str(folder),)), settings.model_copy(update={"extract_seconds": seconds}))
        reasons = {line.id: line.why for line in report.lines if line.outcome == "failed"}
        assert "SIGABRT" in reasons["abort"] and "SIGKILL" in reasons["killed"] and len(reasons) == 2
        assert tuple(len(path.with_suffix(".asked").read_text()) for path in (limit, machine)) == asked


def test_errors_keep_their_cure_across_the_pipe() -> None:
    for kind in (Interrupted, LimitReached, Encrypted):
        again, spent = workers._unpacked(workers._packed(kind("what", cure="do this"), True))
        assert isinstance(again, PaperpathError)
        assert (type(again), again.message, again.cure, spent) == (kind, "what", "do this", True)
    assert issubclass(errors.Interrupted, errors.LimitReached)


@pytest.mark.parametrize(
    "message",
    [b"", b"nothing", b"[]", b"{}", b'{"text": 1, "spent": true}', b'{"error": "Damaged"}', b"[" * 200_000, b'"text"', b"\xff",
     b'{"text": {"pages": "x"}, "spent": 1}', b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."],
)  # fmt: skip
def test_what_a_process_sends_is_read_and_never_run(message: bytes) -> None:
    answer, spent = workers._unpacked(message)
    assert isinstance(answer, Damaged) and spent


@pytest.mark.parametrize("name", ["os", "Any", "PaperpathError", "__builtins__", "nothing"])
def test_an_error_is_one_of_ours_whatever_it_is_called(name: str) -> None:
    answer, _ = workers._unpacked(json.dumps({"error": name, "message": "m", "cure": "c", "spent": False}).encode())
    assert isinstance(answer, PaperpathError) and str(answer).startswith("m")


RUN = """
import sys
sys.path[:0] = [{tests!r}, {project!r}]
from pathlib import Path
import misbehaving
from indexer import extract
from indexer.extract.workers import Workers
from indexer.reindex import Request, reindex
from indexer.settings import Settings
if __name__ == "__main__":
    extract.read = misbehaving.read
    with Workers(1, seconds=float(sys.argv[1]), megabytes=1024) as workers:
        for path in sys.argv[2:]:
            print(workers.start(Path(path), "plain")().title, flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["good", pytest.param("hang-in-c", marks=pytest.mark.torture)])
def test_no_worker_outlives_its_master(tmp_path: Path, name: str) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN.format(tests=str(Path(__file__).parent), project=str(PROJECT)))
    (path,) = files(tmp_path, name)
    with subprocess.Popen(
        [sys.executable, script, "300" if name == "good" else "1", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as master:
        assert master.stdin is not None and master.stdout is not None
        if name == "good":
            pid = int(master.stdout.readline())
        else:
            while not path.with_suffix(".pid").exists() or not path.with_suffix(".pid").read_text():
                time.sleep(0.01)
            pid = int(path.with_suffix(".pid").read_text())
        master.kill()
    assert gone(pid)


@needs_shared
@pytest.mark.torture
@pytest.mark.parametrize("engine", ["auto", "pypdf"])
def test_no_nasty_file_stalls_or_kills_a_run(engine: str) -> None:
    paths = sorted((SHARED / "nasty").glob("*.pdf"))
    outcomes: Counter[str] = Counter()
    with Workers(0, seconds=20, megabytes=1024, engine=engine) as workers:
        for begun in [workers.start(path, "pdf") for path in paths]:
            try:
                begun()
                outcomes["text"] += 1
            except ExtractError as error:
                outcomes[type(error).__name__] += 1
    assert outcomes.total() == len(paths) == 82
    assert not outcomes["Interrupted"]
