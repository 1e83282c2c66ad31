"""Reindexing on request: each job is a child process, so that it can't take the server down with it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from indexer.errors import LibraryBusy, PaperpathError
from service import deadline

_KEPT = 100
_LOGGED = 20_000  # events of one job
_TOLD = 3  # jobs whose events and longer reports are kept
_LISTED = 1000  # of a report's lines, and of each other list in it
_LISTED_SHORT = 500
_NICENESS = 10  # a tenth of an answer's share where both want the same core
_LONGEST_REPORT = 64 << 20
_LONGEST_LINE = 8 << 10  # characters; a path alone may have half of that
_PIECE = 1 << 20
_PUBLISHED = (0, 3, 4)  # exit codes of a reindex that came to its end
_SAID = {"stage": str, "total": int, "step": str, "count": int, "pages": int, "failed": str, "why": str}
"""What a process says of how far it is, as `terminal.JsonProgress` writes it."""
_SECRETS = {f"PAPERPATH_{name}" for name in ("TOKEN", "TOKEN_FILE", "READ_TOKEN", "READ_TOKEN_FILE")}
log = logging.getLogger("paperpath")


class UnknownJob(PaperpathError):
    """No job has this id, or it ended too long ago."""

    cure = "Start one with POST /v1/reindex."


@dataclass(frozen=True)
class Job:
    """A reindex under way or ended. `exit_code` is the command's, `report` what it printed; times in seconds since 1970.

    `done` of `total` steps of the `stage` are behind it: `fetch`, `extract`, `embed`, `publish`, and at last `open`, while the
    server makes ready to answer from what was published. Each list of a report has at most a thousand entries, its lines those
    first where something went wrong or is new; where there are more, the report's `left_out` says of each list how many.
    Of older jobs, and of what is told at a job's end, only such lines are kept. A `report` of more than 64 MiB is null.
    """

    id: str
    state: Literal["running", "done", "failed"]
    started: float
    ended: float | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    step: str = ""
    exit_code: int | None = None
    report: dict[str, Any] | None = None
    messages: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Event:
    """Something that a job did: `stage`, `step`, `failed`, `message` or `end`, with what there is to say of it.

    `n` counts the job's events from 1.
    """

    n: int
    kind: str
    said: dict[str, Any]


class Jobs:
    """The reindex jobs of one server, one at a time. `before_end` is called when one has ended and nobody was told yet, and
    `on_end` is told of it."""

    def __init__(
        self, library: Path, on_end: Callable[[Job], None] = lambda job: None, before_end: Callable[[], None] = lambda: None
    ) -> None:  # fmt: skip
        self._library = library
        self._on_end, self._before_end = on_end, before_end
        self.last_seconds = 0.0  # what the last one took
        self.listeners = 0  # who is told of one as it goes on
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._events: dict[str, list[Event]] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def start(self, arguments: list[str]) -> Job:
        """Starts `paperpath reindex` with these arguments. Raises `LibraryBusy` while another job runs."""
        with self._lock:
            if self._processes:
                raise LibraryBusy("A reindex that this server started is still running.")
            # -P: else Python takes modules out of the folder that the server was started in, and so would the child's own
            command = [sys.executable, "-P", "-m", "service.cli", "reindex", "--json", "--progress", "json",
                       "--library", str(self._library.resolve()), *arguments]  # fmt: skip
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                encoding="utf-8", errors="replace", env=_environment(),
            )  # fmt: skip
            _behind_answers(process.pid)
            job = Job(secrets.token_hex(8), "running", time.time())
            self._jobs[job.id] = job
            self._processes[job.id] = process
            self._events[job.id] = []
            for old in list(self._jobs)[:-_KEPT]:
                del self._jobs[old]
            for old in list(self._events)[:-_TOLD]:
                del self._events[old]
            for old in list(self._jobs)[:-_TOLD]:  # a hundred reports of a large library would be much
                if report := self._jobs[old].report:
                    self._jobs[old] = replace(self._jobs[old], report=_short(report))
        log.info("Reindex %s began.", job.id)
        threading.Thread(target=self._follow, args=(job.id, process), daemon=True, name=f"job-{job.id}").start()
        return job

    def get(self, job_id: str) -> Job:
        """A job. Raises `UnknownJob`."""
        with self._lock:
            if job_id not in self._jobs:
                raise UnknownJob(f"There is no job {job_id}.")
            return self._jobs[job_id]

    def running(self) -> Job | None:
        """The job that runs now, if one does."""
        with self._lock:
            return next((self._jobs[job_id] for job_id in self._processes), None)

    async def events(self, job_id: str, after: int = 0) -> AsyncIterator[Event | None]:
        """What a job has done behind the event `after`, then what it does, as it does it, up to its `end`.

        All of it where it has no event `after`: that one is another job's. Now and then None, while nothing happens, so
        that whoever is told can see whether somebody listens still.
        """
        job = self.get(job_id)
        if job_id not in self._events:  # it ended long ago
            yield Event(after + 1, "end", _end_of(job))
            return
        self.listeners += 1
        try:
            async for event in self._told(job_id, after):
                yield event
        finally:
            self.listeners -= 1

    async def _told(self, job_id: str, after: int) -> AsyncIterator[Event | None]:
        if after > len(self._events.get(job_id, [])):
            after = 0
        for turn in itertools.count():
            with self._lock:
                events = self._events.get(job_id, [])[after:]
                over = job_id not in self._processes
            for event in events:
                yield event
            after += len(events)
            if (over and not events) or self._stopping:
                return
            if not events:
                if turn % 100 == 99:
                    yield None
                await asyncio.sleep(0.1)

    async def ended(self, job_id: str, wait: float) -> Job:
        """A job once it has ended, or after `wait` seconds. Who waits holds no thread. Raises `UnknownJob`."""
        until = time.monotonic() + wait
        while (job := self.get(job_id)).state == "running" and time.monotonic() < until and not self._stopping:
            if deadline.gone():
                break
            await asyncio.sleep(0.1)
        return job

    def hurry(self) -> None:
        """Has all who wait for a job, or are told of one, wait no longer: from now on they get what there is."""
        self._stopping = True

    def stop(self) -> None:
        """Ends what still runs. What it has brought so far is kept."""
        self.hurry()
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def _follow(self, job_id: str, process: subprocess.Popen[str]) -> None:
        try:
            self._to_its_end(job_id, process)
        except Exception:  # a job that never ended would keep all others from it
            log.exception("Reindex %s could not be followed.", job_id)
            with self._lock:
                job = self._jobs[job_id] = replace(
                    self._jobs[job_id], state="failed", ended=time.time(), exit_code=process.returncode
                )
                self._tell(job_id, "end", _end_of(job))
                self._processes.pop(job_id, None)
            self._on_end(job)

    def _to_its_end(self, job_id: str, process: subprocess.Popen[str]) -> None:
        """Hears what a job's process says, and keeps what came of it."""
        assert process.stdout is not None and process.stderr is not None
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.append(_read(process.stdout)), daemon=True)  # type: ignore[arg-type]
        reader.start()
        try:
            for line in _lines(process.stderr):
                self._update(job_id, line)
        except BaseException:
            process.kill()
            raise
        finally:
            exit_code = process.wait()
            reader.join()
            process.stdout.close()
            process.stderr.close()
        too_long = bool(output) and len(output[0]) > _LONGEST_REPORT
        if too_long:
            self._update(job_id, f"The report is longer than {_LONGEST_REPORT >> 20} MiB, and isn't kept.")
        report = None if too_long or not output else _report(output[0])
        ended = report is not None or (too_long and exit_code in _PUBLISHED)
        state: Literal["done", "failed"] = "done" if ended else "failed"
        if report is not None and report.get("published"):
            self._update(job_id, json.dumps({"stage": "open", "total": 1}))
        try:
            self._before_end()
        except Exception:
            log.exception("What reindex %s published could not be looked at.", job_id)
        with self._lock:
            job = self._jobs[job_id] = replace(
                self._jobs[job_id], state=state, ended=time.time(), exit_code=exit_code, report=report
            )
            self._tell(job_id, "end", _end_of(job))
            del self._processes[job_id]
            self.last_seconds = (job.ended or job.started) - job.started
        said = "" if report else f" It said: {' '.join(job.messages[-3:])[:500]}"
        log.log(logging.INFO if state == "done" else logging.WARNING, "Reindex %s ended after %.1f s with exit code %d.%s",
                job_id, self.last_seconds, exit_code, said)  # fmt: skip
        self._on_end(job)

    def _update(self, job_id: str, line: str) -> None:
        """Takes in a line that a job's process said: how far it is, where it is JSON of that form, else a message."""
        told = _object(line) or {}
        said = {name for name, kind in _SAID.items() if type(told.get(name)) is kind}
        with self._lock:
            job = self._jobs[job_id]
            if {"stage", "total"} <= said:
                job = replace(job, stage=told["stage"], total=told["total"], done=0, step="")
                self._tell(job_id, "stage", {"stage": job.stage, "total": job.total})
            elif {"step", "count"} <= said:
                job = replace(job, step=told["step"], done=job.done + told["count"])
                self._tell(job_id, "step", {"stage": job.stage, "done": job.done, "total": job.total, "step": job.step,
                                            "pages": told["pages"] if "pages" in said else 0})  # fmt: skip
            elif {"failed", "why"} <= said:
                self._tell(job_id, "failed", {"stage": job.stage, "what": told["failed"], "why": told["why"]})
            elif line:
                job = replace(job, messages=(*job.messages, line)[-200:])
                self._tell(job_id, "message", {"text": line})
            self._jobs[job_id] = job

    def _tell(self, job_id: str, kind: str, said: dict[str, Any]) -> None:
        """Adds an event. The lock is held."""
        events = self._events.get(job_id, [])
        if len(events) < _LOGGED or kind == "end":
            events.append(Event(len(events) + 1, kind, said))


def _behind_answers(pid: int) -> None:
    """Has a process, which has only begun, take what time of the processor the answers leave."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)


def _end_of(job: Job) -> dict[str, Any]:
    return {"state": job.state, "exit_code": job.exit_code, "report": job.report and _short(job.report),
            "messages": job.messages}  # fmt: skip


def _environment() -> dict[str, str]:
    """The environment of a job: the tokens of the server are nothing that it, or who reads PDFs for it, needs."""
    return {name: value for name, value in os.environ.items() if name.upper() not in _SECRETS}


def _lines(errors: IO[str]) -> Iterator[str]:
    """What a process says, line by line; of a line that is longer, the first `_LONGEST_LINE` characters."""
    while said := errors.readline(_LONGEST_LINE):
        yield said.rstrip()
        while said and not said.endswith("\n"):
            said = errors.readline(_LONGEST_LINE)


def _read(output: IO[str]) -> str:
    """What a process prints up to its end, so that it never waits for a reader; a little over the limit where it is more."""
    pieces, size = [], 0
    while piece := output.read(_PIECE):
        if size <= _LONGEST_REPORT:
            pieces.append(piece)
            size += len(piece)
    return "".join(pieces)


def _report(printed: str) -> dict[str, Any] | None:
    """The report that a process printed, as it is kept; None where it is none."""
    report = _object(printed)
    return None if report is None else _bounded(report, _LISTED)


def _object(text: str) -> dict[str, Any] | None:
    """The object of JSON that a text is; None where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _bounded(report: dict[str, Any], most: int) -> dict[str, Any]:
    """A report with at most so many entries in each of its lists; `left_out` says how many of each there are besides."""
    left_out: dict[str, int] = dict(report.get("left_out", {}))
    bounded = dict(report)
    for name, value in report.items():
        if isinstance(value, list) and len(value) > most:
            bounded[name] = (sorted(value, key=_rank) if name == "lines" else value)[:most]
            left_out[name] = left_out.get(name, 0) + len(value) - most
    return bounded | {"left_out": left_out} if left_out else bounded


def _rank(line: dict[str, Any]) -> int:
    """What is told first: what failed, then what is not all there, then what is new; then what was there before."""
    if line.get("outcome") == "failed":
        return 0
    if line.get("why"):
        return 1
    return 2 if line.get("outcome") == "full text" else 3


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what grows with the library: its lines only where something is to be said."""
    lines = report.get("lines", [])
    told = [line for line in lines if _rank(line) < 3]
    short = report | {"lines": told}
    if len(told) < len(lines):
        left_out = report.get("left_out", {})
        short["left_out"] = left_out | {"lines": left_out.get("lines", 0) + len(lines) - len(told)}
    return _bounded(short, _LISTED_SHORT)
