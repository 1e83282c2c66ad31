"""The command line as a person meets it: real processes, documented exit codes, a cause and a cure, never a traceback."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from libraries import TEXTS, build, build_documents, document
from loopback_arxiv import LoopbackArxiv, paper, tiny_pdf

from indexer.document import Block, Page, Reference, Section, TextMention
from indexer.library import Library, Writer
from indexer.library.cache import Cache, Download

PROJECT = Path(__file__).parents[1]
SLOWEST = 1200  # seconds that a command may take, on whatever machine


@dataclass
class Shell:
    """Runs `paperpath` in a folder of its own, with a library below it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def library(self) -> Path:
        return self.folder / "library"

    def __call__(
        self, *command: str, code: int | None = 0, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Asserts the exit code, and that nobody sees a traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", *command], cwd=self.folder, capture_output=True, text=True, input=stdin,
            env=self.all(environment), timeout=SLOWEST,
        )  # fmt: skip
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def all(self, more: dict[str, str]) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("PAPERPATH_")}
        return own | {"PYTHONPATH": str(PROJECT), "PAPERPATH_MODEL": "toy", "PAPERPATH_LIBRARY": str(self.library),
                      "PAPERPATH_DIGESTS": str(self.folder / "none"), "PAPERPATH_WORKERS": "1",
                      "PAPERPATH_ARXIV_URL": "http://127.0.0.1:9", "PAPERPATH_ARXIV_API_URL": "http://127.0.0.1:9/api"} \
            | self.environment | more  # fmt: skip


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def papers(shell: Shell) -> Path:
    """A folder of two PDFs."""
    folder = shell.folder / "papers"
    folder.mkdir()
    (folder / "one.pdf").write_bytes(
        tiny_pdf(["The first paper is about gradient descent.", "Its second page is on momentum."])
    )
    (folder / "two.pdf").write_bytes(tiny_pdf(["The second paper is about parsing trees and grammars."]))
    return folder


def bytes_of(folder: Path) -> str:
    """A hash of what is published below a library's folder."""
    total = hashlib.sha256()
    for path in sorted([folder / "CURRENT", *(folder / "files").glob("*"), *(folder / "generations").glob("*")]):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


# ---------------------------------------------------------------------- the usual way


def test_from_a_folder_to_an_answer(shell: Shell, papers: Path) -> None:
    done = shell("reindex", str(papers))
    assert "2 documents (2 full text)" in done.stdout and "Published as generation 000001." in done.stdout
    answer = json.loads(shell("search", "its second page on momentum", "-k", "1", "--json").stdout)
    assert answer["query"] == "its second page on momentum"
    first = answer["results"][0]
    assert (first["id"], first["text"], first["passages"][0]["page"]) == ("one", "full", 2)
    assert "page 2" in shell("search", "second", "page", "momentum").stdout
    listed = json.loads(shell("papers", "--json").stdout)["papers"]
    assert [(p["id"], p["text"], p["pages"]) for p in listed] == [("one", "full", 2), ("two", "full", 1)]
    assert "page" not in shell("papers", "two").stderr
    assert shell("open", "one", "--page", "2", "--print").stdout.strip() == f"{(papers / 'one.pdf').as_uri()}#page=2"
    assert "ok  library" in shell("doctor").stdout and "--  contact" in shell("doctor").stdout
    assert json.loads(shell("open", "one", "--page", "2", "--json").stdout)["link"].endswith("/one.pdf#page=2")
    assert "There is more below" in shell("search", "momentum", "-k", "1").stderr
    assert "nothing" in shell("reindex").stdout.lower()


def test_json_of_a_reindex(shell: Shell, papers: Path) -> None:
    done = shell("reindex", str(papers), "--json")
    report = json.loads(done.stdout)
    assert (report["published"], report["documents"], report["exit_code"]) == (True, 2, 0)
    assert {line["outcome"] for line in report["lines"]} == {"full text"}


def test_progress_for_programs(shell: Shell, papers: Path) -> None:
    told = shell("reindex", str(papers), "--progress", "json").stderr.splitlines()
    stages = [row["stage"] for row in map(json.loads, told) if "stage" in row]
    assert stages == ["fetch", "extract", "embed", "publish"]


def test_kinds_of_passage(shell: Shell) -> None:
    text = "Old gradients are bounded here by waiting for the slowest machine."
    entry = "A. Author. Do stale gradients harm asynchronous training? In Proc. of an Example, 2020."
    pages = (Page(f"Introduction\n{text}\nReferences\n{entry}", 3),)
    at = pages[0].text.index("References")
    build_documents(shell.library, [dataclasses.replace(
        document("one", []), text="full", pages=pages, missing=((4, "no characters"),),
        sections=(Section("Introduction", 1, 0, 0), Section("References", 1, 0, at)),
        blocks=(Block("heading", 0, 0, 12), Block("body", 0, 13, at - 1), Block("heading", 0, at, at + 10),
                Block("reference", 0, at + 11, len(pages[0].text))),
        references=(Reference(1, entry, 0, "1", "Do stale gradients harm", year=2020, arxiv_id="2001.00001",
                              mentions=(TextMention(0, 13, 16, text, 0),)), Reference(2, "Nothing understood", 0)),
    )])  # fmt: skip
    question = "Do stale gradients harm asynchronous training?"
    assert "- page 3, Introduction: Old gradients" in shell("search", question).stdout
    assert (
        "- page 3, reference, References: Do stale gradients" in shell("search", question, "--kind", "reference").stdout
    )
    both = json.loads(shell("search", question, "--kind", "reference", "--kind", "body", "--json").stdout)
    assert [p["kind"] for p in both["results"][0]["passages"]] == ["reference", "body"]
    whole = json.loads(shell("search", question, "--kind", "all", "--json").stdout)
    assert both["results"] == whole["results"] and whole["query"] == f"{question} kind:all"
    assert "Nothing here fits" in shell("search", question, "--kind", "table").stdout
    assert "nonsense" in shell("search", question, "--kind", "nonsense", code=2).stderr
    (shell.folder / "q.jsonl").write_text(json.dumps({"_id": 1, "text": question}) + "\n")
    scores = [json.loads(shell("search", "--batch", "q.jsonl", *kind).stdout)["results"][0]["score"]
              for kind in ([], ["--kind", "reference"], ["--kind", "all"])]  # fmt: skip
    assert scores[0] < scores[1] == scores[2]
    told = shell("papers", "one").stdout
    assert "passages: 2 (1 body, 1 reference); references: 2" in told and "page 4 has no text: no characters" in told
    assert "  [1] Do stale gradients harm (2020)  arXiv:2001.00001  mentioned 1×\n  [2] Nothing understood\n" in told


def test_the_kinds_are_those_of_search() -> None:
    from service import search
    from service.cli import asking

    assert set(asking._KINDS) == set(search.KINDS)


def test_a_batch_of_questions(shell: Shell, papers: Path) -> None:
    shell("reindex", str(papers))
    questions = "".join(
        json.dumps({"_id": n, "text": t}) + "\n" for n, t in enumerate(["momentum", "parsing" * 9999, '"-x: ('])
    )
    (shell.folder / "questions.jsonl").write_text(questions + "\n")
    done = shell("search", "--batch", "questions.jsonl", "-k", "100", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["_id"] for row in rows] == ["0", "1", "2"]
    assert all({"id", "score"} == set(result) for row in rows for result in row["results"])
    assert [len(row["results"]) for row in rows] == [2, 2, 2]
    assert shell("search", "--batch", "-", stdin=questions).stdout == done.stdout


def test_digest_and_failure_have_their_exit_codes(shell: Shell) -> None:
    shell.environment["PAPERPATH_DIGESTS"] = str(PROJECT / "data" / "digests")
    (shell.folder / "list.md").write_text("- [diloco](https://arxiv.org/abs/2311.08105)\n")
    done = shell("reindex", "list.md", code=3)
    assert (
        "1 digest" in done.stdout
        and "\n2311.08105:\n  http://127.0.0.1:9/pdf/2311.08105 was not asked for: " in done.stdout
    )
    assert "arxiv.org" in json.loads(shell("papers", "--json").stdout)["papers"][0]["link"]
    assert "[digest]" in shell("search", "how does diloco reduce communication").stdout
    (shell.folder / "list.md").write_text(
        "- [diloco](https://arxiv.org/abs/2311.08105)\n- [other](https://arxiv.org/abs/1706.03762)\n"
    )
    told = shell("reindex", "list.md", code=4).stdout
    assert "2 documents (1 digest, 1 title only)" in told and "failed" not in told
    assert shell("reindex", "list.md", "--strict", code=4).returncode == 4


def test_the_default_list_is_that_of_the_folder(shell: Shell) -> None:
    assert "data/reading-list.md" in shell("reindex", code=2).stderr
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "reading-list.md").write_text("- [a paper](https://arxiv.org/abs/1706.03762)\n")
    shell("reindex", code=4)


def test_checking_a_list(shell: Shell) -> None:
    fixtures = {
        "2301.00001": paper("The true title of one", "text", versions=3),
        "2301.00002": paper("Two", "text", comment="This paper has been withdrawn by the authors."),
    }
    with LoopbackArxiv(fixtures) as arxiv:
        shell.environment |= arxiv.environment() | {"PAPERPATH_ALLOW_PRIVATE": "1"}
        (shell.folder / "list.md").write_text(
            "- [The true title of one](https://arxiv.org/abs/2301.00001v1)\n"
            "- [quite another thing](https://arxiv.org/abs/2301.00001)\n"
            "- [Two](https://arxiv.org/abs/2301.00002)\n"
            "- [Three](https://arxiv.org/abs/2301.99999)\n"
            f"- [gone]({arxiv.url}/nowhere)\n"
        )
        done = shell("check", "list.md", "--json", code=4)
        answer = json.loads(done.stdout)
        assert answer["entries"] == 4
        found = {(f["line"], f["kind"]) for f in answer["findings"]}
        assert found == {
            (1, "superseded"),
            (2, "repeat"),
            (2, "two-titles"),
            (2, "wrong-title"),
            (3, "withdrawn"),
            (4, "dead-link"),
            (5, "dead-link"),
        }
        assert arxiv.bodies == 0
        assert not shell.library.exists()
        (shell.folder / "good.md").write_text("- [The true title of one](https://arxiv.org/abs/2301.00001)\n")
        assert "1 entry, 0 findings" in shell("check", "good.md").stdout
        (shell.folder / "old.md").write_text("- [The true title of one](https://arxiv.org/abs/2301.00001v1)\n")
        assert "superseded" in shell("check", "old.md", code=4).stdout
        build(shell.library)
        asked = len(arxiv.requests)
        with Writer(Library(shell.library)):  # a reindex may be asking arXiv, and one at a time is what it bears
            explained(shell("check", "good.md", code=1), "Another reindex", "Wait")
            assert "0 findings" not in shell("check", "good.md", "--offline").stdout
        assert len(arxiv.requests) == asked
        assert "1 entry, 0 findings" in shell("check", "good.md").stdout


def test_serving(shell: Shell, papers: Path) -> None:
    shell("reindex", str(papers))
    process = subprocess.Popen([sys.executable, "-m", "service.cli", "serve", "--port", "0"], cwd=shell.folder,
                               env=shell.all({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    with process, contextlib.ExitStack() as left:
        left.callback(process.kill)  # where what follows fails, nobody would end it
        assert process.stdout is not None
        assert process.stdout.readline().startswith("paperpath serves generation 000001, 2 documents")
        address = process.stdout.readline().split()[0].rstrip("/")
        with urllib.request.urlopen(f"{address}/v1/search?q=parsing", timeout=SLOWEST) as answer:
            assert json.load(answer)["results"][0]["id"] == "two"
        process.send_signal(signal.SIGINT)
        assert process.wait(SLOWEST) in (0, 130)
        assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_what_a_list_says_steers_no_terminal(shell: Shell) -> None:
    own_id = 'rec1\n{"step": "a", "count": "x"}\nrest \u001b[31mRED\u001b]0;owned\u0007'
    record = json.dumps({"_id": own_id, "title": "A paper of its own", "text": "It says something about willows."})
    (shell.folder / "odd.jsonl").write_text(f"{record}\n{record}\n")
    done = shell("reindex", "odd.jsonl", "--offline")
    assert "that one is kept" in done.stderr and "\x1b" not in done.stdout + done.stderr
    assert not any(line.startswith("{") for line in done.stderr.splitlines())


def test_generations(shell: Shell, papers: Path) -> None:
    shell("reindex", str(papers))
    (papers / "two.pdf").unlink()
    shell("reindex", "--offline")
    rows = json.loads(shell("library", "list", "--json").stdout)["generations"]
    assert [(row["name"], row["current"], row["documents"]) for row in rows] == [
        ("000001", False, 2),
        ("000002", True, 1),
    ]
    assert "000001 is read now" in shell("library", "rollback").stdout
    assert len(json.loads(shell("papers", "--json").stdout)["papers"]) == 2
    assert shell("library", "verify").stdout.count("sound") == 2
    assert "no generation before" in shell("library", "rollback", code=1).stderr
    shell("library", "rollback", "000002")
    manifest = shell.library / "generations" / "000002.json"
    sound = manifest.read_bytes()
    manifest.write_bytes(b"{}")
    listed = shell("library", "list")
    assert "000001" in listed.stdout and "000002.json is damaged. It is the one to be read." in listed.stderr
    assert list(json.loads(shell("library", "list", "--json").stdout)["unreadable"]) == ["000002"]
    manifest.write_bytes(sound)
    assert "000001" in shell("library", "prune").stdout
    assert json.loads(shell("library", "ledger", "--json").stdout) == {"downloads": []}


def test_downloads_stay_until_they_are_to_go(shell: Shell) -> None:
    with LoopbackArxiv({f"2301.0000{n}": paper(f"Number {n}", f"text {n}") for n in (1, 2)}) as arxiv:
        shell.environment |= arxiv.environment() | {"PAPERPATH_ALLOW_PRIVATE": "1"}
        shell("reindex", "2301.00001", "2301.00002")
        for body in (shell.library / "cache" / "bodies").iterdir():
            os.utime(body, (1e9, 1e9))
        shell("reindex", "--remove", "2301.00002")
        assert "Downloads" not in shell("library", "prune").stdout
        shell("reindex", "--add", "2301.00002")
        assert arxiv.bodies == 2  # not brought again
        shell("reindex", "--remove", "2301.00002")
        assert "Downloads removed" in shell("library", "prune", "--keep", "2", "--downloads").stdout
        assert len(list((shell.library / "cache" / "bodies").iterdir())) == 2  # a generation that is kept is made of it
        shell("library", "prune", "--downloads")
        rows = json.loads(shell("library", "ledger", "--json").stdout)["downloads"]
        assert [row["address"] for row in rows] == ["arxiv:2301.00001"]
        assert len(list((shell.library / "cache" / "bodies").iterdir())) == 1
        shell("reindex", "--add", "2301.00002")
        assert arxiv.bodies == 3


def test_what_is_cached_is_bounded_when_that_is_asked(shell: Shell, papers: Path) -> None:
    """A file replaced again and again: the texts of its former states go at once, their vectors now, and nothing that stays is
    made again."""

    def counts() -> list[int]:
        with contextlib.closing(sqlite3.connect(shell.library / "cache" / "cache.sqlite")) as held:
            return [
                held.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("texts", "fronts", "vectors")
            ]

    shell("reindex", str(papers))
    first = counts()
    for number in range(3):
        (papers / "two.pdf").write_bytes(tiny_pdf([f"State {number} of it is about number {number}.{number}."] * 40))
        shell("reindex")
    grown = counts()
    freed = re.search(r"cached: ([\d.]+) MB", shell("library", "prune", "--downloads").stdout)
    assert freed and float(freed[1]) >= 0
    vectors = Library(shell.library).open().vectors
    assert counts() == [2, 2, len({row.tobytes() for row in vectors.matrix})]
    assert grown[:2] == first[:2] == [2, 2] and grown[2] > first[2]
    again = json.loads(shell("reindex", "--json").stdout)
    assert (again["published"], again["embedded"]) == (False, 0)
    assert {line["outcome"] for line in again["lines"]} == {"cached"}
    (papers / "three.pdf").write_bytes(tiny_pdf(["The third paper is about the roots of willows."]))
    more = json.loads(shell("reindex", "--json").stdout)
    assert more["published"] and more["added"] == ["three"]
    generation = Library(shell.library).open()
    assert 0 < more["embedded"] == generation.vectors.count - vectors.count


# ---------------------------------------------------------------------- what goes wrong

READS = [["search", "anything"], ["papers"], ["papers", "2311.08105"], ["open", "2311.08105", "--print"], ["library", "list"],
         ["library", "verify"]]  # fmt: skip
WRITES = [["reindex", "PAPERS"], ["library", "rollback"], ["library", "prune"]]


def names(commands: list[list[str]]) -> list[str]:
    return [" ".join(command) for command in commands]


def explained(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Asserts that standard error names the cause, and a cure on the line after it."""
    message = done.stderr[done.stderr.index("Error:") :]
    assert all(word in message for word in words), message
    assert len(message.strip().splitlines()) >= 2, f"no cure: {message}"


@pytest.mark.parametrize("command", [*READS, ["library", "rollback"], ["library", "prune"], ["library", "ledger"],
                                     ["search", "--batch", "questions.jsonl"]], ids=" ".join)  # fmt: skip
def test_without_a_library(shell: Shell, command: list[str]) -> None:
    (shell.folder / "questions.jsonl").write_text('{"_id": "1", "text": "x"}\n')
    explained(shell(*command, code=1), str(shell.library), "reindex")
    assert not shell.library.exists()


def test_doctor_without_a_library(shell: Shell) -> None:
    done = shell("doctor", code=1)
    assert "NO  library" in done.stdout and "Next: `paperpath reindex LIST`" in done.stdout
    elsewhere = shell("doctor", "--library", "else where", code=1).stdout
    assert "Next: `paperpath reindex --library 'else where' LIST`" in elsewhere
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "reading-list.md").write_text("- 2311.08105\n")
    assert "Next: `paperpath reindex` builds" in shell("doctor", code=1).stdout
    with Cache(shell.library / "cache") as cache:
        cache.record(Download("arxiv:2301.00001", "", outcome="failed", reason="nobody answers", time="2026-01-01"))
    assert "--  network    what was asked for last did not come: nobody answers" in shell("doctor", code=1).stdout


def test_one_reason_and_all_repeats_are_said_once(shell: Shell) -> None:
    """Where a run may ask nobody, and where a list names papers twice."""
    ids = [f"2301.0000{number}" for number in range(1, 10)]
    lines = [f"- [Paper {word}](https://arxiv.org/abs/{one})" for one, word in zip(ids, "ABCDEFGHI", strict=True)]
    (shell.folder / "list.md").write_text("\n".join([*lines, *lines[:5], "- One Title Alone"]) + "\n")
    done = shell("reindex", "list.md", "--offline", code=4)
    assert "and 3 more:" in done.stdout and done.stdout.count("the network is not to be used") == 1
    assert "9 documents (9 title only)" in done.stdout and "failed" not in done.stdout
    path = shell.folder / "list.md"
    assert f"Note: {path}: 5 repeats: `paperpath check {path}` lists them." in done.stderr
    assert f"Warning: {path}:15: “One Title Alone” has no link" in done.stderr
    assert done.stderr.count("list.md") == 3
    checked = shell("check", "list.md", "--offline", code=4).stdout
    assert checked.count(": repeat: ") == 5 and checked.count(": no-link: ") == 1


def test_a_port_is_tried_before_anything_is_built(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port} can't be listened on" in shell("serve", "--try", "--port", port, code=2).stderr
    assert not shell("serve", "--try", "--port", "0").stdout and not shell.library.exists()


@pytest.mark.parametrize(
    ("text", "word"),
    [(None, "no such file"), ("", "no link"), ("# Only\n\n- prose\n", "no link"), ("\x00\xff", "UTF-8")],
)
@pytest.mark.parametrize("command", ["reindex", "reindex --add", "check"])
def test_a_list_that_can_not_be_meant(shell: Shell, command: str, text: str | None, word: str) -> None:
    build(shell.library)
    before = bytes_of(shell.library)
    if text is not None:
        (shell.folder / "list.md").write_bytes(text.encode("latin-1"))
    explained(shell(*command.split(), "list.md", code=2), "list.md", word)
    assert bytes_of(shell.library) == before


@pytest.mark.parametrize("batch", ["missing.jsonl", "bad.jsonl", "folder"])
def test_a_batch_that_can_not_be_read(shell: Shell, batch: str) -> None:
    build(shell.library)
    (shell.folder / "bad.jsonl").write_text('{"_id": "1", "text": "x"}\n{"_id": 2}\n')
    (shell.folder / "folder").mkdir()
    done = shell("search", "--batch", batch, code=2)
    assert batch in done.stderr and "Error:" in done.stderr
    if batch == "bad.jsonl":
        assert "bad.jsonl:2" in done.stderr


@pytest.mark.parametrize("command", [["papers", "9999.99999"], ["open", "9999.99999"], ["reindex", "--remove", "9999.99999"],
                                     ["open", "2311.08105", "--page", "99"]], ids=" ".join)  # fmt: skip
def test_an_unknown_id_or_page(shell: Shell, command: list[str]) -> None:
    build(shell.library)
    explained(shell(*command, code=2), command[-1] if "--page" not in command else "2 pages")


@pytest.mark.parametrize("command", [["search"], ["search", "x", "--batch", "y"], ["nonsense"], ["search", "x", "-k", "0"],
                                     ["serve", "--port", "99999"], ["reindex", "--nonsense"]], ids=" ".join)  # fmt: skip
def test_a_wrong_command_is_a_usage_error(shell: Shell, command: list[str]) -> None:
    assert "Error" in shell(*command, code=2).stderr


def damage(library: Path, role: str) -> str:
    """Flips a bit in a file of the newest generation; returns the file's name."""
    held = Library(library)
    path = library / "files" / held.manifest(held.current_name()).files[role].name
    body = bytearray(path.read_bytes())
    body[len(body) // 3] ^= 4
    path.write_bytes(body)
    return path.name


@pytest.mark.parametrize("command", READS[:4], ids=names(READS[:4]))
@pytest.mark.parametrize("role", ["catalogue", "vectors"])
def test_a_corrupted_generation(shell: Shell, command: list[str], role: str) -> None:
    build(shell.library)
    name = damage(shell.library, role)
    explained(shell(*command, code=1), name, "altered")


@pytest.mark.parametrize("role", ["catalogue", "vectors"])
def test_a_corrupted_generation_is_named_by_what_looks_for_it(shell: Shell, role: str) -> None:
    build(shell.library)
    name = damage(shell.library, role)
    assert name in shell("library", "verify", code=1).stdout
    assert name in shell("doctor", code=1).stdout


@pytest.mark.parametrize("command", READS[:4], ids=names(READS[:4]))
def test_a_corrupted_generation_with_a_sound_one_before_it(shell: Shell, command: list[str]) -> None:
    build(shell.library)
    build(shell.library, {**TEXTS, "new": ["Something new that was published after."]})
    name = damage(shell.library, "vectors")
    done = shell(*command)
    assert "Warning" in done.stderr and name in done.stderr and "000001 answers in its place" in done.stderr


def test_a_reindex_mends_a_corrupted_library(shell: Shell, papers: Path) -> None:
    shell("reindex", str(papers))
    damage(shell.library, "catalogue")
    shell("search", "x", code=1)
    assert "Published" in shell("reindex", str(papers)).stdout
    shell("library", "verify")
    shell("search", "x")


def test_a_library_of_an_earlier_format(shell: Shell) -> None:
    """Readers say what to run; that run goes on from what is remembered and held, and nothing of it is lost."""
    with zipfile.ZipFile(PROJECT / "tests" / "fixtures" / "format-1.zip") as file:
        file.extractall(shell.library)
    for command in (*READS[:2], ["papers", "2301.00001"], ["open", "2301.00001", "--print"], ["library", "rollback"]):
        explained(shell(*command, code=1), "earlier paperpath", "format 1", "Run `paperpath reindex`")
    assert "Run `paperpath reindex`" in shell("doctor", code=1).stdout
    assert shell("library", "verify").stdout.count("sound") == 2
    done = shell("reindex", "--offline", code=4)  # the folders and the records that it was made from are gone
    assert "Generation 000003 was an earlier paperpath's" in done.stderr
    assert "5 documents (4 full text, 1 record)" in done.stdout
    listed = json.loads(shell("papers", "--json").stdout)["papers"]
    assert [(p["id"], p["text"]) for p in listed] == [
        ("2301.00001", "full"), ("2301.00002", "full"), ("talk-2", "full"), ("talk", "full"), ("n1", "record"),
    ]  # fmt: skip
    manifest = Library(shell.library).manifest("000004")
    assert manifest.sources == Library(shell.library).manifest("000003").sources
    assert manifest.excluded == ("record:/example/notes.jsonl#n2",)
    assert "2301.00001" in (shell.library / "marks" / "read.json").read_text()
    assert "Nothing new" in shell("reindex", "--offline", code=4).stdout
    assert "every shoot" in shell("search", "how to prune a shoot").stdout
    assert "flocks" in shell("search", "dogs and sheep").stdout
    assert shell("library", "verify").stdout.count("sound") == 3


@pytest.mark.parametrize("model", ["no-such-model", "/no/such/folder"])
@pytest.mark.parametrize("command", [["search", "x"], ["reindex", "PAPERS"]], ids=" ".join)
def test_an_unknown_model(shell: Shell, papers: Path, model: str, command: list[str]) -> None:
    build(shell.library)
    before = bytes_of(shell.library)
    command = [str(papers) if word == "PAPERS" else word for word in command]
    explained(shell(*command, code=1, PAPERPATH_MODEL=model, HF_HUB_OFFLINE="1"), model, "PAPERPATH_MODEL")
    assert bytes_of(shell.library) == before


def test_another_model_than_the_library_s(shell: Shell) -> None:
    build(shell.library)
    explained(shell("search", "x", code=1, PAPERPATH_MODEL=""), "toy", "reindex")


@pytest.mark.parametrize(("name", "value"), [("ARXIV_SECONDS", "soon"), ("ARXIV_URL", "nowhere"), ("RETRIES", "99"),
                                             ("KEEP_GENERATIONS", "0")])  # fmt: skip
def test_a_setting_that_can_not_be_used(shell: Shell, name: str, value: str) -> None:
    explained(shell("papers", code=2, **{f"PAPERPATH_{name}": value}), f"PAPERPATH_{name}", value)


@pytest.mark.parametrize(("host", "word"), [("0.0.0.0", "token"), ("192.0.2.1", "token")])
def test_serving_to_others_needs_a_token(shell: Shell, host: str, word: str) -> None:
    explained(shell("serve", "--host", host, "--port", "0", code=2), host, word)


def test_a_port_that_is_taken(shell: Shell) -> None:
    with LoopbackArxiv({}) as other:
        explained(shell("serve", "--port", str(other.port), code=2), str(other.port), "--port")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


@pytest.mark.parametrize("left", [0, 20_000, 60_000, 150_000, 300_000])
def test_a_full_disk(shell: Shell, papers: Path, small_disk: Path, left: int) -> None:
    """Full at different moments: the message names it, the old generation answers."""
    library = small_disk / "library"
    shell.environment["PAPERPATH_LIBRARY"] = str(library)
    shell("reindex", str(papers))
    before = bytes_of(library)
    chance = random.Random(1)
    said = "many things are said here about topics of all kinds by people who know them well or badly"
    for number in range(12):
        text = ["\n".join(" ".join(chance.choices(said.split(), k=12)) for _ in range(20)) for _ in range(20)]
        (papers / f"more-{number}.pdf").write_bytes(tiny_pdf(text))
    filler = small_disk / "filler"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(b"\0" * max(0, free - left))
    explained(shell("reindex", str(papers), code=1), "disk", "--library")
    assert bytes_of(library) == before
    assert len(json.loads(shell("papers", "--json").stdout)["papers"]) == 2
    filler.unlink()
    shell("reindex", str(papers))
    assert len(json.loads(shell("papers", "--json").stdout)["papers"]) == 14


@pytest.mark.parametrize("command", WRITES, ids=names(WRITES))
def test_a_read_only_library(shell: Shell, papers: Path, small_disk: Path, command: list[str]) -> None:
    library = small_disk / "library"
    shell.environment["PAPERPATH_LIBRARY"] = str(library)
    build(library)
    before = bytes_of(library)
    remount(small_disk, "ro")
    try:
        command = [str(papers) if word == "PAPERS" else word for word in command]
        explained(shell(*command, code=1), "read-only", "--library")
        for read in READS:
            shell(*read)
        (shell.folder / "list.md").write_text("- [a](https://arxiv.org/abs/1706.03762)\n")
        shell("check", "list.md", "--offline")
    finally:
        remount(small_disk, "rw")
    assert bytes_of(library) == before


def test_odd_lines_and_characters_in_a_batch(shell: Shell) -> None:
    build(shell.library)
    lines = ['{"_id": "a", "text": "one\u2028two\x85three"}', r'{"_id": "\ud800", "text": "half \ud800 a character"}']
    (shell.folder / "batch.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    for encoding in ("utf-8", "ascii"):
        done = shell("search", "--batch", "batch.jsonl", "--json", PYTHONIOENCODING=encoding)
        assert len(done.stdout.splitlines()) == 2
    (shell.folder / "null.jsonl").write_text('{"_id": "a", "text": null}\n')
    shell("search", "--batch", "null.jsonl", code=2)
    shell("search", "  ", code=2)
    shell("search", "what", "…", "é", PYTHONIOENCODING="ascii")


def test_an_empty_setting_is_as_not_set(shell: Shell) -> None:
    (shell.folder / "data").mkdir()
    build(shell.folder / "data" / "library")
    assert "2311.08105" in shell("papers", PAPERPATH_LIBRARY="").stdout
    (shell.folder / ".env").write_bytes(b"\xff\xfe")
    explained(shell("papers", code=2), ".env")


def test_a_file_in_the_way_is_named_with_its_cure(shell: Shell, papers: Path) -> None:
    shell.library.write_text("")
    explained(shell("search", "x", code=1), "is a file", "--library")
    explained(shell("reindex", str(papers), code=1), "a file stands", "--library")
