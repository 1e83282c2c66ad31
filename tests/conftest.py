"""What all tests share: no test reaches past loopback, and none sees the settings of who runs it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import httpx
import hypothesis
import pytest
from filelock import FileLock
from starlette.testclient import TestClient

from indexer.document import Extracted
from indexer.settings import Settings

# The commands that tests run start in two thirds of the time from what is compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The processes of a run share the cores: threads of each of them for sums of a few numbers only wait for one another, which
# takes a third of a second at each start.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # numpy's and faiss's OpenBLAS, and torch
# A slow machine is no fault of what is tested.
hypothesis.settings.register_profile(
    "paperpath", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("paperpath")
_PATIENCE = httpx.Client.__init__.__kwdefaults__["timeout"]  # of every request that names none
_PATIENCE.connect = _PATIENCE.read = _PATIENCE.write = _PATIENCE.pool = 120.0

# A client of the application is a program on this machine, unless a test says otherwise.
_LOCAL = {"http://testserver": "http://127.0.0.1:8000", ("testclient", 50000): ("127.0.0.1", 50000)}
TestClient.__init__.__defaults__ = tuple(
    _LOCAL.get(value, value) if isinstance(value, str | tuple) else value
    for value in TestClient.__init__.__defaults__ or ()
)

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the test papers are not beside the project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: "questions" not in item.nodeid)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of this name, which the first to ask has `make` fill, of all the processes of a run. Only to be read."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / name, base / f"{name}.done"
    with FileLock(base / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def real_papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the 36 papers, with the toy model."""

    def make(folder: Path) -> None:
        from indexer.reindex import Request, reindex

        settings = Settings(library=folder, model="toy", digests=folder / "none", extract_seconds=1200)
        report = reindex(Request(sources=(str(SHARED / "papers"),), offline=True), settings)
        assert report.documents == 36 and report.exit_code == 0

    return once(tmp_path_factory, "real-papers", make)


def keep_texts(made: Path, library: Path) -> None:
    """Gives a library that is still to be made the texts that were read for another."""
    (library / "cache").mkdir(parents=True)
    copy = shutil.copy(made / "cache" / "cache.sqlite", library / "cache")
    with closing(sqlite3.connect(copy)) as held, held:
        held.execute("DELETE FROM vectors")


@pytest.fixture(scope="session")
def read_paper(real_papers: Path) -> Callable[[str], Extracted]:
    """What a worker read of one of the 36 papers, by its file's name, which is no part of it."""
    from indexer import bring, extract
    from indexer.library import files
    from indexer.library.cache import Cache

    @cache
    def read(name: str) -> Extracted:
        with Cache(real_papers / "cache") as held:
            text = held.text(f"{files.sha256_of(SHARED / 'papers' / name)}:{extract.version('pdf')}")
        assert text is not None
        return bring._restored(text)

    return read


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("PAPERPATH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # A machine that stands still for a moment refuses no question.
    monkeypatch.setattr("service.serving.asking.STANDING_STILL", 600.0)
    real = socket.socket.connect

    def connect(self: socket.socket, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
            raise AssertionError(f"a test tried to reach {address}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A library of one's own with the toy model, no digests, and no waiting."""
    return Settings(
        library=tmp_path / "library", model="toy", digests=tmp_path / "none", arxiv_seconds=0, host_seconds=0,
        retries=1, retry_cap_seconds=0, workers=1, allow_private=True,
    )  # fmt: skip
