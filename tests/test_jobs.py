"""Reindex jobs of a server: what their processes are given, and what is kept of what they print."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from service.serving import jobs
from service.serving.jobs import Job, Jobs
from tests.loopback_arxiv import tiny_pdf
from tests.serving import WAIT

FOREIGN = ("click", "json", "multiprocessing", "pickle", "queue", "socket", "service")


def ended(of: Jobs, job: Job) -> Job:
    """The job at its end."""
    until = time.monotonic() + WAIT
    while (job := of.get(job.id)).state == "running":
        assert time.monotonic() < until
        time.sleep(0.01)
    return job


def printing(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Has jobs run this program in place of a reindex."""
    real = subprocess.Popen
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda _, **given: real([sys.executable, "-c", program], **given))


def test_modules_in_the_folder_that_the_server_runs_in_are_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by the job nor by the processes that read PDFs for it."""
    here = tmp_path / "here"
    here.mkdir()
    for name in FOREIGN:
        (here / f"{name}.py").write_text(f"open({str(tmp_path / f'{name}.ran')!r}, 'w').close()\nraise SystemExit(1)\n")
    (tmp_path / "one.pdf").write_bytes(tiny_pdf(["The first paper is about gradient descent and nothing else."]))
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    monkeypatch.chdir(here)
    running = Jobs(tmp_path / "library")
    job = ended(running, running.start(["--offline", "--", str(tmp_path / "one.pdf")]))
    assert [path.name for path in tmp_path.glob("*.ran")] == []
    assert job.state == "done" and job.report and job.report["documents"] == 1, job
    assert job.report["lines"][0]["outcome"] == "full text", job


def test_the_tokens_of_the_server_are_not_in_the_environment_of_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TOKEN", "TOKEN_FILE", "READ_TOKEN", "READ_TOKEN_FILE", "MODEL"):
        monkeypatch.setenv(f"PAPERPATH_{name}", "it")
    monkeypatch.setenv("paperpath_token", "it")  # settings are read so too
    printing(monkeypatch, "import json, os; print(json.dumps({'names': list(os.environ)}))")
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert job.report and "PATH" in job.report["names"]
    assert [name for name in job.report["names"] if name.upper().startswith("PAPERPATH_")] == ["PAPERPATH_MODEL"]


@pytest.mark.parametrize(("exit_code", "state"), [(0, "done"), (4, "done"), (1, "failed")])
def test_a_report_that_is_too_long_keeps_no_job_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int, state: str
) -> None:
    monkeypatch.setattr(jobs, "_LONGEST_REPORT", 1 << 20)
    printing(monkeypatch, f"print('[' + '1, ' * (2 << 20) + '1]'); raise SystemExit({exit_code})")
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert (job.state, job.exit_code, job.report) == (state, exit_code, None)
    assert job.messages[-1] == "The report is longer than 1 MiB, and isn't kept."
    assert running.running() is None


@pytest.mark.parametrize("published", [True, False])
def test_what_was_published_is_opened_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    stage = '{"stage": "embed", "total": 7}'
    printing(
        monkeypatch, f"import sys; print({stage!r}, file=sys.stderr); print('{json.dumps({'published': published})}')"
    )
    seen: list[str] = []
    running = Jobs(tmp_path, before_end=lambda: seen.append(next(iter(running._jobs.values())).stage))
    job = ended(running, running.start([]))
    assert (job.state, seen) == ("done", ["open" if published else "embed"])


def test_a_line_that_has_no_end_is_cut_and_what_comes_behind_it_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_LONGEST_LINE", 100)
    said = ["x" * 250, '{"stage": "embed", "total": 7}', "y" * 100, "z" * 99, "", "w" * 1000]
    (tmp_path / "said").write_text("\n".join(said))
    printing(monkeypatch, f"import sys; sys.stderr.write(open({str(tmp_path / 'said')!r}).read()); print('{{}}')")
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert (job.state, job.stage, job.total) == ("done", "embed", 7)
    assert job.messages == ("x" * 100, "y" * 100, "z" * 99, "w" * 100)


@pytest.mark.parametrize(
    "said",
    ['{"stage": "embed"}', '{"step": "one"}', '{"failed": "one"}', "[" * 8000, "7", '{"step": "a", "count": "x"}',
     '{"step": 1, "count": 1}', '{"stage": "embed", "total": [1]}', '{"stage": null, "total": 1}', '{"failed": {}, "why": ""}'],
)  # fmt: skip
def test_what_another_version_would_say_keeps_no_job_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """A server goes on with the code that it began with, when a newer one is put in its place."""
    printing(monkeypatch, f"import sys; print({said!r}, file=sys.stderr); print('{{}}')")
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert (job.state, job.messages, running.running()) == ("done", (said,), None)


def test_whatever_fails_while_a_job_is_followed_it_ends_and_the_next_can_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise TypeError("of ours")

    printing(
        monkeypatch,
        "import time; print('{}', flush=True); print('x', file=__import__('sys').stderr, flush=True); time.sleep(600)",
    )
    monkeypatch.setattr(Jobs, "_update", fails)
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert (job.state, job.report, running.running()) == ("failed", None, None) and job.exit_code
    assert ended(running, running.start([])).state == "failed"


@pytest.mark.parametrize("printed", ["", "no report", "[1]", "null", '{"lines": ', "[" * 50_000])
def test_what_is_no_report_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str) -> None:
    printing(monkeypatch, f"print({printed!r})")
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert (job.state, job.report) == ("failed", None)


def line(n: int, outcome: str, why: str = "") -> dict[str, Any]:
    return {"id": str(n), "outcome": outcome, "why": why}


def test_the_report_of_a_large_library_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong stands first, then what is new; in each the order of the sources."""
    kinds = [("cached", ""), ("full text", ""), ("digest", "No PDF."), ("failed", "Not there."), ("cached", "")]
    lines = [line(n, *kinds[n % 5]) for n in range(4000)]
    told = {"documents": 4000, "lines": lines, "added": [str(n) for n in range(1200)], "warnings": []}
    (tmp_path / "report").write_text(json.dumps(told))
    printing(monkeypatch, f"print(open({str(tmp_path / 'report')!r}).read())")
    running = Jobs(tmp_path)
    job = ended(running, running.start([]))
    assert job.report and job.report["documents"] == 4000 and job.report["warnings"] == []
    assert job.report["left_out"] == {"lines": 3000, "added": 200} and len(job.report["added"]) == 1000
    expected = [line for line in lines if line["outcome"] == "failed"]
    expected += [line for line in lines if line["outcome"] == "digest"][:200]
    assert job.report["lines"] == expected
    end = running._events[job.id][-1].said["report"]
    assert len(end["lines"]) == 500 and end["left_out"] == {"lines": 3500, "added": 700}


def test_the_report_of_a_small_library_is_kept_as_it_is_until_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line(n, "cached") for n in range(999)] + [line(999, "full text")]
    (tmp_path / "report").write_text(json.dumps({"documents": 1000, "lines": lines}))
    printing(monkeypatch, f"print(open({str(tmp_path / 'report')!r}).read())")
    running = Jobs(tmp_path)
    first, *_ = [ended(running, running.start([])) for _ in range(4)]
    assert first.report == {"documents": 1000, "lines": lines}
    assert running.get(first.id).report == {"documents": 1000, "lines": lines[-1:], "left_out": {"lines": 999}}
