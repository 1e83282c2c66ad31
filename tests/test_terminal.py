"""What a person sees on a terminal: bars while it works, marked words, lines that fit; and what `quote` prints."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from libraries import build
from loopback_arxiv import tiny_pdf

from indexer.settings import PROJECT, Settings
from service import terminal
from service.cli import main_group

PAGES = {"2311.08105": ["Many islands of workers take half a thousand inner steps before they communicate at all."],
         "1902.00001": ["Nothing of the kind is said here, where trees are grown in rows."]}  # fmt: skip


def on_a_terminal(*command: str, folder: Path, columns: int = 80) -> tuple[int, str]:
    """The exit code of `paperpath`, and all that a terminal of its own was sent."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAPERPATH_")}
    environment |= {"PYTHONPATH": str(PROJECT), "PAPERPATH_MODEL": "toy", "PAPERPATH_LIBRARY": str(folder / "library"),
                    "PAPERPATH_DIGESTS": str(folder / "none"), "PAPERPATH_WORKERS": "1", "TERM": "xterm",
                    "COLUMNS": str(columns)}  # fmt: skip
    sent: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # nobody has it open any more
                return
            sent.append(data)

    child = subprocess.Popen([sys.executable, "-m", "service.cli", *command], cwd=folder, env=environment,
                             stdin=theirs, stdout=theirs, stderr=theirs)  # fmt: skip
    os.close(theirs)
    reader = threading.Thread(target=read)
    reader.start()
    code = child.wait(600)
    reader.join()
    os.close(ours)
    return code, b"".join(sent).decode()


def test_a_reindex_shows_how_far_it_is_and_a_search_marks_its_words(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    for number in range(3):
        (tmp_path / "papers" / f"{number}.pdf").write_bytes(
            tiny_pdf([f"Islands of number {number} communicate seldom."])
        )
    code, sent = on_a_terminal("reindex", "papers", folder=tmp_path)
    assert code == 0 and "Traceback" not in sent
    assert "\x1b[" in sent and "3/3" in sent and "extract" in sent and "3 documents" in sent
    code, sent = on_a_terminal("search", "islands", folder=tmp_path, columns=40)
    assert code == 0 and "\x1b[1mIslands\x1b[22m" in sent
    shown = sent.replace("\x1b[1m", "").replace("\x1b[22m", "")
    said = shown[shown.index("- page 1") :].split("2. ")[0].splitlines()
    assert len(said) == 2 and max(map(len, said)) <= 40  # in lines that fit


def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("one", "a cell that is much longer than what is left of the line"), ("分布式", "short")]
    told = terminal.table(rows, ("id", "what"))
    assert rows[0][1] in told and [line.index("a cell") for line in told.splitlines() if "a cell" in line] == [8]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    assert all(len(line) <= 30 for line in terminal.table(rows, ("id", "what")).splitlines())
    assert "…" in terminal.table(rows, ("id", "what"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "many islands of workers take half a thousand inner steps",
            ["2311.08105", "page 1", "exactly", "“Many islands"],
        ),
        ("many islands of workers take half of a thousand inner steps", ["2311.08105", "nearly (", "alike)"]),
        ("a sentence that stands in no paper of this library at all", ["No page says this, exactly or nearly."]),
        ("trees grow", ["looked for exactly only"]),
    ],
)
def test_quote_says_who_says_it(settings: Settings, words: str, says: list[str]) -> None:
    build(settings.library, PAGES)
    done = quoted(settings, words)
    assert done.exit_code == 0 and all(part in done.stdout for part in says), done.output
    answer = json.loads(quoted(settings, words, "--json").stdout)
    assert answer["query"] == words and bool(answer["matches"]) == ("2311.08105" in says)


def test_quote_needs_words(settings: Settings) -> None:
    build(settings.library, PAGES)
    done = quoted(settings, " ")
    assert done.exit_code == 2 and "The quote is empty." in done.output


def quoted(settings: Settings, *arguments: str) -> Result:
    return CliRunner(env={"PAPERPATH_MODEL": "toy"}).invoke(
        main_group, ["quote", *arguments, "--library", str(settings.library)]
    )


@pytest.mark.parametrize("model", ["another", "toy"])
@pytest.mark.parametrize(
    "command", [["quote", "half a thousand"], ["papers"], ["order"], ["related", "2311.08105"], ["cite", "1902.00001"]]
)
def test_what_needs_no_model_asks_for_none(settings: Settings, command: list[str], model: str) -> None:
    build(settings.library, PAGES)
    arguments = [*command, "--library", str(settings.library)]
    done = CliRunner(env={"PAPERPATH_MODEL": model}).invoke(main_group, arguments)
    assert done.exit_code == 0, done.output
