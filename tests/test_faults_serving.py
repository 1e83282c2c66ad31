"""Under a server: libraries that vanish and come back, files cut while they are read, writers, and a hundred generations."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from faults import NEW, OLD, answers
from libraries import build

from indexer.errors import GenerationDamaged, NoLibrary
from indexer.library import Generation, Library, Writer, files, generation, reading
from indexer.library.manifest import Manifest, manifest_text
from indexer.settings import Settings
from service import opened as opening
from service.opened import Opened

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def served(settings: Settings) -> Opened:
    """A library that is held open, and tries again at once what could not be opened."""
    build(settings.library, OLD)
    held = Opened(settings)
    held.now()
    return held


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_SOON", 0.0)


def test_a_library_that_vanishes_is_replaced_and_comes_back(served: Opened, tmp_path: Path) -> None:
    """What is held answers, and says what is the matter; what is there again is read."""
    folder = served.library.folder
    truth = answers(served.now())
    folder.rename(tmp_path / "aside")
    for _ in range(3):
        assert answers(served.now()) == truth
    assert isinstance(served.trouble, NoLibrary)
    build(folder, {"other": ["Another library in its place, of the same names."]})
    assert [s.id for s in served.now().catalogue.summaries] == ["other"] and served.trouble is None
    shutil.rmtree(folder)
    assert [s.id for s in served.now().catalogue.summaries] == ["other"]
    (tmp_path / "aside").rename(folder)
    assert answers(served.now()) == truth and served.trouble is None


def test_a_newer_generation_that_is_damaged_and_mended_in_its_place(
    served: Opened, at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The one that is held goes on, the very same: what was worked out of it stays known."""
    held = served.now()
    truth = answers(held)
    name = build(served.library.folder, NEW)
    path = served.library.folder / "files" / served.library.manifest(name).files["words"].name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for _ in range(3):
        assert served.now() is held and answers(served.now()) == truth
    assert isinstance(served.trouble, GenerationDamaged) and path.name in served.trouble.message
    said = [line for line in caplog.messages if "can't be served" in line]
    assert len(said) == 1 and path.name in said[0] and said[0].endswith("Generation 000001 answers in its place.")
    path.write_bytes(whole)
    assert served.now().name == name and served.trouble is None


def test_what_can_not_be_opened_is_not_tried_at_every_question(served: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing all of a damaged library for each request would be an attack; the error is the same, and keeps nothing alive."""
    for path in (served.library.folder / "files").iterdir():
        path.write_bytes(b"")
    tried = []
    real = Library.open
    monkeypatch.setattr(Library, "open", lambda self, **given: (tried.append(1), real(self, **given))[1])
    monkeypatch.setattr(opening, "_SOON", 600.0)
    fresh = Opened(served.settings)
    for _ in range(20):
        with pytest.raises(GenerationDamaged) as caught:
            fresh.now()
        assert len(caught.traceback) < 6
    assert len(tried) == 1
    assert fresh.trouble is not None and fresh.trouble.__traceback__ is None and fresh.trouble.__context__ is None


def _truncated(generation: Generation, folder: Path) -> None:
    for path in (folder / "files").iterdir():
        with path.open("r+b") as file:
            file.truncate(10)


def test_files_cut_under_a_server(served: Opened) -> None:
    """What was checked is what is answered from: nothing is read a second time, and no page of a map goes missing."""
    held = served.now()
    truth = answers(held)
    _truncated(held, served.library.folder)
    shutil.rmtree(served.library.folder / "files")
    assert answers(held) == truth
    fresh = Opened(served.settings)
    with pytest.raises(GenerationDamaged):
        fresh.now()


def test_a_large_file_cut_under_a_server_ends_it_and_the_next_start_refuses_it(settings: Settings) -> None:
    """Files of more than `files.HELD` bytes are mapped: the kernel kills who reads what is gone. No wrong answer is given."""
    build(settings.library, OLD)
    old = answers(Library(settings.library).open())
    build(settings.library, NEW)
    code = (
        "import sys; from pathlib import Path\n"
        "from indexer.library import Library, files\n"
        "files.HELD = 0\n"
        "generation = Library(Path(sys.argv[1])).open()\n"
        "path = Path(sys.argv[1], 'files', generation.manifest.files['words'].name)\n"
        "path.open('r+b').truncate(0)\n"
        "print(generation.words.postings('worker'), flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(settings.library)], cwd=PROJECT, capture_output=True)
    assert done.returncode == -signal.SIGBUS and done.stdout == b""
    after = Library(settings.library).open()
    assert isinstance(after.instead_of, GenerationDamaged) and answers(after) == old


def test_a_large_file_changed_under_a_server(served: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen soon, and the one before answers; one that was only touched answers on, and so does one that was pruned."""
    monkeypatch.setattr(files, "HELD", 0)
    monkeypatch.setattr(opening, "_NOW_AND_THEN", 0.0)
    truth = answers(served.now())
    build(served.library.folder, NEW)
    new = answers(served.now())
    path = served.library.folder / "files" / served.now().manifest.files["catalogue"].name
    os.utime(path)
    assert answers(served.now()) == new and served.trouble is None
    with path.open("r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"?")
    assert answers(served.now()) == truth and isinstance(served.trouble, GenerationDamaged)
    shutil.rmtree(served.library.folder / "files")
    assert answers(served.now()) == truth


@pytest.mark.parametrize("held", [1 << 26, 0])
def test_a_generation_pruned_while_it_is_opened(served: Opened, monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """Its files go between the check and the opening: the one that is current then is read."""
    monkeypatch.setattr(files, "HELD", held)
    library = served.library
    real = generation.opened
    turns = [NEW]

    def late(*given: object) -> Generation:
        if turns:
            build(library.folder, turns.pop())
            with Writer(library) as writer:
                writer.prune(1)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(generation, "opened", late)
    found = library.open()
    assert found.instead_of is None and found.name == ("000001" if held else "000002")
    assert answers(found) == answers(served._generation if held else library.open())


def _handles() -> int:
    return len(os.listdir("/proc/self/fd"))


def _maps(folder: Path) -> int:
    return Path("/proc/self/maps").read_text().count(str(folder))


@pytest.mark.parametrize(("held", "most"), [(1 << 26, 100), (0, 30)])
def test_a_hundred_generations(settings: Settings, monkeypatch: pytest.MonkeyPatch, held: int, most: int) -> None:
    """Each is let go of when its last answer was given: handles, maps, threads and objects are those of one."""
    monkeypatch.setattr(files, "HELD", held)
    build(settings.library, {"n": ["number 0 of many"]})
    served = Opened(settings)
    answers(served.now())
    before = None
    gone: list[weakref.ref[Generation]] = []
    for number in range(1, most + 1):
        build(settings.library, {"n": [f"number {number} of many", "and a second page"]}, inputs=str(number))
        held_now = served.now()
        assert held_now.manifest.inputs == str(number)
        if number % 10 == 0:
            answers(held_now)
        gone.append(weakref.ref(held_now))
        del held_now
        if number == 10:
            gc.collect()
            before = _handles(), _maps(settings.library), threading.active_count()
    gc.collect()
    assert sum(one() is not None for one in gone) == 1
    assert (_handles(), _maps(settings.library), threading.active_count()) == before


def test_two_servers_and_a_writer(settings: Settings) -> None:
    """No question fails, no answer is of two generations, and none is older than the one before; to who asks alone none is older
    than what was published before it was asked."""
    build(settings.library, _numbered(0))
    servers = [Opened(settings), Opened(settings)]
    published, failures, asked = [0], [], [0]
    over = threading.Event()

    def ask(server: Opened, alone: bool) -> None:
        number = 0
        while not over.is_set():
            least = published[0] if alone else number  # while one opens what is new, another answers from what is held
            try:
                generation = server.now()
                said = {document.pages[0].text for document in answers(generation)["documents"]}
                number = int(generation.manifest.inputs or 0)
                asked[0] += 1
                if said != {text[0] for text in _numbered(number).values()}:
                    failures.append(f"mixed: {said} in {number}")
                if number < least or server.trouble is not None:
                    failures.append(f"old: {number} after {least}, {server.trouble}")
            except Exception as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=ask, args=(servers[n], n == 0)) for n in (0, 1, 1)]
    for thread in threads:
        thread.start()
    for number in range(1, 16):
        build(settings.library, _numbered(number), inputs=str(number))
        published[0] = number
    over.set()
    for thread in threads:
        thread.join()
    assert not failures and asked[0] > 15
    assert [server.now().manifest.inputs for server in servers] == ["15", "15"]


def _numbered(number: int) -> dict[str, list[str]]:
    return {f"paper-{n}": [f"Text {number} of paper {n}."] for n in range(3)}


@pytest.mark.torture
def test_two_real_servers_and_a_writer(settings: Settings, tmp_path: Path) -> None:
    """The same over HTTP: two `paperpath serve`, eight clients, and a library published fifty times."""
    build(settings.library, _numbered(0))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAPERPATH_")}
    environment |= {"PAPERPATH_MODEL": "toy", "PAPERPATH_LIBRARY": str(settings.library), "PYTHONPATH": str(PROJECT)}
    servers = [subprocess.Popen([sys.executable, "-m", "service.cli", "serve", "--port", "0"], cwd=tmp_path, text=True,
                                env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(2)]  # fmt: skip
    failures: list[str] = []
    asked = [0]
    over = threading.Event()

    def ask(address: str) -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while not over.is_set():
                answer = client.get("/v1/search", params={"q": "text of paper", "limit": 3})
                if answer.status_code != 200:
                    failures.append(f"{answer.status_code}: {answer.text[:200]}")
                    continue
                said = {
                    passage["text"].split()[1] for result in answer.json()["results"] for passage in result["passages"]
                }
                if len(said) > 1:
                    failures.append(f"mixed: {said}")
                asked[0] += 1

    try:
        addresses = []
        for server in servers:
            assert server.stdout is not None
            server.stdout.readline()
            addresses.append(server.stdout.readline().strip())
        threads = [threading.Thread(target=ask, args=(address,)) for address in addresses for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(1, 51):
            build(settings.library, _numbered(number), inputs=str(number))
        over.set()
        for thread in threads:
            thread.join()
    finally:
        over.set()
        for server in servers:
            server.terminate()
        for server in servers:
            server.communicate()
    assert not failures, failures[:5]
    assert asked[0] > 200
    print(f"{asked[0]} questions during 50 publishings, none failed")


def test_memory_of_the_refused_is_let_go(served: Opened, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that refuses what is published, again and again, keeps no generation but the one that answers."""
    made: list[weakref.ref[Generation]] = []

    def seen(folder: Path, manifest: Manifest) -> Generation:
        made.append(weakref.ref(found := generation.checked(folder, manifest)))
        return found

    library = served.library
    manifest = library.open().manifest
    monkeypatch.setattr(reading, "checked", seen)
    other = type(manifest.model)("other", manifest.model.dimension, "other-1")
    path = library.folder / "generations" / f"{manifest.name}.json"
    path.write_text(manifest_text(replace(manifest, model=other)))
    os.utime(library.folder / "CURRENT")
    for _ in range(5):
        assert served.now().manifest == manifest
    assert served.trouble is not None and "model" in served.trouble.message and made
    gc.collect()
    assert sum(one() is not None for one in made) == 0
