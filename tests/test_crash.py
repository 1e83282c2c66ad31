"""A reindex killed with -9 at every write: the library opens, answers and verifies; the next run finishes the work.

`make test` kills once at each point, and some at random; `make torture` 200 times, and 20 with the real model.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from loopback_arxiv import LoopbackArxiv, paper

from indexer import points
from indexer.library import Library, Writer

PROJECT = Path(__file__).parents[1]
SENTENCES = (
    "Workers take many local steps before they average what they have learnt.",
    "The experts are found by a table that is spread over all the machines.",
    "A pipeline of stages hides the time that messages spend on slow wires.",
)


def fixtures(count: int) -> dict:
    """Papers with several pages, one of them long enough to come in several pieces."""
    return {
        f"2301.0000{n}": paper(
            f"Paper number {n}", *(f"{s} This is page {p} of paper {n}." for p, s in enumerate(SENTENCES))
        )
        for n in range(count)
    }


class Crashes:
    """A loopback arXiv, a list and a library, and runs of the command over them."""

    def __init__(self, folder: Path, arxiv: LoopbackArxiv, model: str) -> None:
        self.list = folder / "list.md"
        self.library = Library(folder / "library")
        self.arxiv = arxiv
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PAPERPATH_")}, **arxiv.environment(),
            "PAPERPATH_MODEL": model, "PAPERPATH_LIBRARY": str(self.library.folder), "PAPERPATH_WORKERS": "1",
            "PAPERPATH_DIGESTS": str(folder / "none"), "PAPERPATH_ARXIV_SECONDS": "0", "PAPERPATH_METADATA_HOURS": "0",
        }  # fmt: skip

    def write(self, numbers: list[int]) -> None:
        """The list with these papers."""
        self.list.write_text("\n".join(f"* [Paper number {n}](https://arxiv.org/abs/2301.0000{n})" for n in numbers))

    def run(self, *prefix: str, wait: float | None = None) -> int:
        """Reindexes; kills it after `wait` seconds. Returns the exit status."""
        command = [sys.executable, *(prefix or ("-m", "service.cli")), "reindex", str(self.list), "--yes"]
        process = subprocess.Popen(command, cwd=PROJECT, env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)  # fmt: skip
        try:
            self.said = process.communicate(timeout=wait)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            self.said = process.communicate()[0]
        return process.returncode

    def bytes_too_many(self) -> int:
        """How many bytes of papers were sent beyond each of them once."""
        sent = {seen.path: 0 for seen in self.arxiv.requests if seen.path.startswith("/pdf/") and seen.sent}
        size = dict.fromkeys(sent, 0)
        for seen in self.arxiv.requests:
            if seen.path in sent:
                sent[seen.path] += seen.sent
                body = self.arxiv.papers[seen.path.removeprefix("/pdf/").partition("v")[0]].versions[1]
                size[seen.path] = len(body)
        return sum(max(0, sent[path] - size[path]) for path in sent)

    def ids(self) -> list[str]:
        """The ids in the library, which opens, is sound, and answers."""
        assert all(not wrong for _, wrong in self.library.verify())
        generation = self.library.open()
        assert generation.instead_of is None
        assert (
            len(generation.catalogue.passages(list(range(generation.manifest.passages))))
            == generation.manifest.passages
        )
        return [summary.id for summary in generation.catalogue.summaries]


@pytest.fixture
def crashes(tmp_path: Path) -> Iterator[Crashes]:
    with LoopbackArxiv(fixtures(8)) as arxiv:
        yield Crashes(tmp_path, arxiv, "toy")


def names(numbers: list[int]) -> list[str]:
    return [f"2301.0000{n}" for n in numbers]


def kill_and_recover(
    crashes: Crashes, before: list[int], after: list[int], *how: str, wait: float | None = None
) -> int:
    """Kills a run from `before` to `after`; asserts that nothing is lost. Returns the killed run's exit status."""
    crashes.write(after)
    status = crashes.run(*how, wait=wait)
    held = crashes.ids()
    assert held in (names(before), names(after)), crashes.said
    assert crashes.run() == 0, crashes.said
    assert crashes.ids() == names(after)
    assert not list((crashes.library.folder / "files").glob("*.part"))
    return status


@pytest.mark.parametrize("point", points.NAMES)
def test_killed_at_every_write(crashes: Crashes, point: str) -> None:
    crashes.write([0, 1, 2])
    assert crashes.run() == 0, crashes.said
    status = kill_and_recover(crashes, [0, 1, 2], [1, 2, 3, 4], "-m", "tests.killed", point, "1")
    assert status == -9, f"{point} was not reached: {crashes.said}"
    assert crashes.bytes_too_many() <= 1, "a body was fetched twice"  # the last byte may be asked for to be sure of it


def test_killed_before_anything_was_published(crashes: Crashes) -> None:
    crashes.write([0, 1])
    assert crashes.run("-m", "tests.killed", "publish.manifest", "1") == -9
    assert crashes.run() == 0
    assert crashes.ids() == names([0, 1])
    assert crashes.bytes_too_many() == 0


def test_killed_at_random(crashes: Crashes) -> None:
    many_kills(crashes, 4, 9)


def test_two_writers_at_once(crashes: Crashes) -> None:
    """One wins, the other says that it is busy and harms nothing."""
    crashes.write([0, 1])
    assert crashes.run() == 0
    with Writer(crashes.library):
        crashes.write([0, 1, 2])
        assert crashes.run() == 1
        assert "Another reindex is writing" in crashes.said and "Traceback" not in crashes.said
    assert crashes.ids() == names([0, 1])
    assert crashes.run() == 0
    assert crashes.ids() == names([0, 1, 2])


def many_kills(crashes: Crashes, count: int, seed: int) -> None:
    """Goes on until `count` runs were killed: in turn at every point, at its first to third passing, and at random."""
    chance = random.Random(seed)
    crashes.write(held := [0, 1, 2])
    began = time.monotonic()
    assert crashes.run() == 0
    whole = time.monotonic() - began
    largest = max(len(paper.versions[1]) for paper in crashes.arxiv.papers.values())
    killed = runs = 0
    while killed < count:
        after = sorted(chance.sample(range(8), chance.randint(2, 6)))
        if chance.random() < 0.3:  # forget the texts and vectors, so that there is something to do
            with closing(sqlite3.connect(crashes.library.folder / "cache" / "cache.sqlite")) as cache, cache:
                cache.execute("DELETE FROM texts")
                cache.execute("DELETE FROM fronts")
                cache.execute("DELETE FROM vectors")
        if runs % 2:
            how, wait = (
                ("-m", "tests.killed", points.NAMES[runs // 2 % len(points.NAMES)], str(chance.randint(1, 3))),
                None,
            )
        else:
            how, wait = (), chance.uniform(0, whole)
        before = crashes.bytes_too_many()
        was_killed = kill_and_recover(crashes, held, after, *how, wait=wait) == -9
        # A part that had all its bytes when it was killed has its last one asked for again; of a body that was on its way when
        # that was at any moment, all that the server had sent may not have come.
        again = was_killed * (1 if how else largest)
        assert crashes.bytes_too_many() <= before + again, "a body was fetched twice"
        killed += was_killed
        held, runs = after, runs + 1
        assert runs < 4 * count + 20, f"only {killed} of {runs} runs were killed before they ended"
    print(f"{killed} kills in {runs} runs; nothing lost or fetched twice")


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_kills(crashes: Crashes, seed: int) -> None:
    many_kills(crashes, 50, seed)


@pytest.mark.torture
@pytest.mark.model
def test_twenty_kills_with_the_real_model(tmp_path: Path) -> None:
    with LoopbackArxiv(fixtures(8)) as arxiv:
        many_kills(Crashes(tmp_path, arxiv, ""), 20, 5)
