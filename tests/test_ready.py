"""`/readyz` says no when it should, and why; a server that is told to stop finishes what it has, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi.testclient import TestClient
from libraries import build
from pydantic import SecretStr
from serving import WAIT, served, until

from indexer.errors import LibraryUnwritable
from indexer.library import Library, room
from indexer.settings import Settings
from service.api import create_app
from service.serving import metrics, readiness
from service.serving.asking import Asking
from service.serving.guard.limits import Line

LOCAL = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50000), "raise_server_exceptions": False}
TOKEN = {"Authorization": "Bearer secret"}


def opened(settings: Settings, **changed: object) -> TestClient:
    return TestClient(create_app(settings.model_copy(update=changed)), **LOCAL)


def refused(client: TestClient, code: str, query: str = "") -> dict:
    """Asserts that the server says that it isn't ready, and why."""
    answer = client.get(f"/readyz{query}")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (503, f"urn:paperpath:problem:{code}"), body
    assert body["cure"] and client.get("/healthz").json() == {"status": "alive"}
    return body


def test_there_has_to_be_a_library_with_the_model_that_is_set(settings: Settings) -> None:
    client = opened(settings)
    refused(client, "no-library")
    build(settings.library)
    assert client.get("/readyz").json()["documents"] == 4
    refused(opened(settings, model=""), "model-mismatch")


def test_a_damaged_generation_with_none_before_it(settings: Settings) -> None:
    build(settings.library)
    library = Library(settings.library)
    vectors = library.folder / "files" / library.manifest("000001").files["vectors"].name
    vectors.write_bytes(b"x" + vectors.read_bytes()[1:])
    refused(opened(settings), "generation-damaged")


def test_a_damaged_generation_with_one_before_it_is_trouble_and_no_more(settings: Settings) -> None:
    build(settings.library)
    name = build(settings.library, {"new": ["A new paper with a text of its own."]})
    library = Library(settings.library)
    vectors = library.folder / "files" / library.manifest(name).files["vectors"].name
    vectors.write_bytes(b"x" + vectors.read_bytes()[1:])
    ready = opened(settings).get("/readyz")
    assert ready.status_code == 200 and ready.json()["generation"] == "000001" and ready.json()["trouble"]
    assert vectors.name not in ready.text


# ---------------------------------------------------------------------- room to write


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)], capture_output=True) if (
        shutil.which("mount") and hasattr(os, "geteuid") and os.geteuid() == 0) else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_where_changes_are_switched_on(settings: Settings, small_disk: Path, monkeypatch) -> None:
    monkeypatch.setattr(readiness, "_TRIED_SECONDS", 0.0)
    build(small_disk / "library")
    there = settings.model_copy(update={"library": small_disk / "library"})
    writes, reads = opened(there, token=SecretStr("secret")), opened(there)
    assert writes.get("/readyz").status_code == reads.get("/readyz").status_code == 200
    ballast = small_disk / "ballast"
    for size in (12 << 20, 24 << 20):  # less than a reindex needs; nothing at all
        with ballast.open("wb") as file, pytest.raises(OSError) if size == 24 << 20 else open(os.devnull):
            for _ in range(size >> 16):
                file.write(bytes(1 << 16))
                file.flush()
        assert str(small_disk) not in str(refused(writes, "library-unwritable"))
        assert reads.get("/readyz").status_code == 200
        assert writes.get("/readyz?reading=true").status_code == 200
        assert writes.get("/v1/search?q=islands", headers=TOKEN).status_code == 200
    ballast.unlink()
    assert writes.get("/readyz").status_code == 200
    assert not [path.name for path in (small_disk / "library").iterdir() if path.name.startswith((".", "tmp"))]


def test_a_read_only_disk_where_changes_are_switched_on(settings: Settings, small_disk: Path) -> None:
    build(small_disk / "library")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    there = settings.model_copy(update={"library": small_disk / "library"})
    refused(opened(there, token=SecretStr("secret")), "library-unwritable")
    assert opened(there).get("/readyz").status_code == 200


def test_the_disk_is_tried_now_and_then_and_by_one_at_a_time(settings: Settings, monkeypatch) -> None:
    build(settings.library)
    tries: list[int] = []
    hang = threading.Event()

    def slow(folder: Path, needed: int) -> None:
        tries.append(needed)
        assert hang.wait(WAIT)

    monkeypatch.setattr(room, "require", slow)
    monkeypatch.setattr(readiness, "_DISK_SECONDS", 0.05)
    monkeypatch.setattr(readiness, "_TRIED_SECONDS", 1000.0)
    with opened(settings, token=SecretStr("secret")) as client:
        client.get("/v1/papers")
        first = threading.Thread(target=lambda: client.get("/readyz"))
        first.start()
        until(lambda: tries)
        refused(client, "library-unwritable")  # a disk that doesn't answer
        hang.set()
        first.join(WAIT)
        for _ in range(20):
            assert client.get("/readyz").status_code == 200
    assert len(tries) == 1 and tries[0] > 0


def test_room_is_what_a_reindex_needs(tmp_path: Path) -> None:
    room.require(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(LibraryUnwritable, match="MB are free"):
        room.require(tmp_path, shutil.disk_usage(tmp_path).free)
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryUnwritable):
        room.require(tmp_path / "file")


# ---------------------------------------------------------------------- overloaded


def test_questions_refused_for_long(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    build(settings.library)
    clock = [1000.0]
    monkeypatch.setattr(metrics, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(Asking, "full", property(lambda self: True))
    client = opened(settings)
    assert client.get("/readyz").status_code == 200
    for _ in range(int(readiness.REFUSED_SECONDS)):
        assert client.get("/v1/search?q=x").status_code == 429
        clock[0] += 1
    assert client.get("/readyz").status_code == 200  # not yet long
    assert client.get("/v1/search?q=x").status_code == 429
    refused(client, "queue-full")
    clock[0] += 6  # nobody was refused for a while
    assert client.get("/readyz").status_code == 200
    client.get("/v1/search?q=x")
    assert client.get("/readyz").status_code == 200  # it begins anew
    monkeypatch.setattr(Asking, "full", property(lambda self: False))
    clock[0] += 6

    async def no_room(self: Line) -> None: ...

    monkeypatch.setattr(Line, "enter", no_room)
    for _ in range(15):  # long answers alone are refused: searches are as quick as ever
        clock[0] += 1
        assert client.get("/v1/quote?q=x").status_code == 429
    assert client.get("/readyz").status_code == 200


# ---------------------------------------------------------------------- stopping, with real processes and signals


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True).stdout.split("\n")
    parents = {int(line.split()[0]): int(line.split()[1]) for line in found if line and "Z" not in line.split()[2]}
    mine = [pid]
    for one in mine:
        mine += [child for child, parent in parents.items() if parent == one]
    return mine[1:]


def is_gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True


needs_ps = pytest.mark.skipif(
    not shutil.which("ps") or sys.platform != "linux", reason="children are looked up by ps and /proc"
)


@needs_ps
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_streams_and_waits_at_once_and_children_too(settings: Settings, tmp_path: Path, by: int) -> None:
    """A reindex runs that would take minutes; a stream of its events is open, and one waits for its end. Were they not ended
    at once, they would be cut off when the time to finish is over."""
    build(settings.library)
    patient = {"allow_private": 1, "read_seconds": 600, "retries": 0}
    with silent() as port, served(settings.library, tmp_path / "log", token="secret", **patient) as server:
        source = {"add": [f"http://127.0.0.1:{port}/a.pdf"]}
        job = httpx.post(f"{server.url}/v1/reindex", json=source, headers=TOKEN).json()["id"]
        begun, ended = threading.Event(), []

        def stream() -> None:
            with httpx.stream("GET", f"{server.url}/v1/reindex/{job}/events", timeout=WAIT) as events:
                for _ in events.iter_lines():
                    begun.set()
            ended.append("stream")

        def wait() -> None:
            answer = httpx.get(f"{server.url}/v1/reindex/{job}?wait=60", timeout=WAIT)
            ended.append(answer.json()["state"])

        threads = [threading.Thread(target=stream), threading.Thread(target=wait)]
        for thread in threads:
            thread.start()
        assert begun.wait(WAIT)
        until(lambda: "paperpath_http_requests_open 3.0" in httpx.get(f"{server.url}/metrics").text)
        children = children_of(server.process.pid)
        assert children
        server.process.send_signal(by)
        for thread in threads:
            thread.join(WAIT)
        assert sorted(ended) == ["running", "stream"]
        assert server.process.wait(WAIT) == 0
        until(lambda: all(map(is_gone, children)))
    assert "Traceback" not in server.log.read_text() and "Cancel" not in server.log.read_text()


class silent:
    """A server that takes connections and never answers; its port."""

    def __enter__(self) -> int:
        import socket

        self._listening = socket.create_server(("127.0.0.1", 0))
        return self._listening.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._listening.close()


def test_what_is_in_progress_is_finished_and_readiness_goes_first(settings: Settings, tmp_path: Path) -> None:
    """An upload is under way when the signal comes; with a time to drain, new requests are taken meanwhile."""
    build(settings.library)
    with served(settings.library, tmp_path / "log", token="secret", drain_seconds=WAIT) as server:
        sending, go_on = threading.Event(), threading.Event()

        def body() -> Iterator[bytes]:
            yield b"- a paper\n" * 100
            sending.set()
            assert go_on.wait(WAIT)
            yield b"- b paper\n" * 100

        answers: list[httpx.Response] = []
        headers = TOKEN | {"Content-Length": "2000"}
        upload = threading.Thread(target=lambda: answers.append(
            httpx.post(f"{server.url}/v1/uploads?name=a.md", content=body(), headers=headers, timeout=WAIT)))  # fmt: skip
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        upload.start()
        assert sending.wait(WAIT)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{server.url}/readyz").status_code == 503)
        answer = httpx.get(f"{server.url}/readyz").json()
        assert answer["type"] == "urn:paperpath:problem:stopping"
        assert httpx.get(f"{server.url}/v1/search?q=islands").status_code == 200  # others still send here
        server.process.send_signal(signal.SIGTERM)  # told again, it drains no longer
        until(lambda: not _connects(server.url))  # no more are taken
        assert server.process.poll() is None  # the upload is waited for
        go_on.set()
        upload.join(WAIT)
        assert answers[0].status_code == 201 and answers[0].json()["bytes"] == 2000
        assert server.process.wait(WAIT) == 0
        lines = server.log.read_text()
    # The last lines were written too.
    assert '"status": 201' in lines and "Stopped." in lines and "Traceback" not in lines


def _connects(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@needs_ps
def test_processes_that_answer_beside_end_too(settings: Settings, tmp_path: Path) -> None:
    build(settings.library)
    with served(settings.library, tmp_path / "log", search_processes=1) as server:

        def many() -> bool:
            threads = [threading.Thread(target=httpx.get, args=(f"{server.url}/v1/search?q=islands+{n}",),
                                        kwargs={"timeout": WAIT}) for n in range(24)]  # fmt: skip
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(WAIT)
            return bool(children_of(server.process.pid))

        until(many)
        children = children_of(server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(WAIT) == 0
        until(lambda: all(map(is_gone, children)))
    assert "Traceback" not in server.log.read_text()
