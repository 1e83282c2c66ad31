"""What Prometheus is told: `/metrics`. Each application has a registry of its own.

What happens is counted as it happens; what is so at a moment (the queue, the generation, memory) is looked at when asked for.
Labels have few values: a route is its template, never what was asked for.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service import derived
from service.stages import STAGES

if TYPE_CHECKING:
    from service.opened import Opened
    from service.serving.asking import Asking
    from service.serving.beside import Beside
    from service.serving.jobs import Jobs
    from service.serving.logs import Background

disable_created_metrics()  # when each series began is of no use here, and doubles what is told
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
OUTCOMES = ("complete", "with-digests", "partly", "failed")
"""How a reindex ends: everything has its full text; some has only a digest; some failed; nothing was published."""


@dataclass(frozen=True)
class Parts:
    """What is looked at when metrics are asked for."""

    held: Opened
    asking: Asking
    beside: Beside
    jobs: Jobs


_OUTCOME_OF: dict[int | None, str] = {0: OUTCOMES[0], 3: OUTCOMES[1], 4: OUTCOMES[2]}

REFUSED = "overloaded"
"""The problem of a request that would have to wait too long."""
_STILL_SECONDS = 5.0  # without a refusal, after which requests count as taken again


class Metrics:
    """What one application counts. Any thread may call."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.log: Background | None = None  # whose dropped lines are told of
        self._requests = Counter(
            "paperpath_http_requests", "Requests answered, by route, method and status.", ["route", "method", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "paperpath_http_request_seconds", "Seconds from a request to the end of its answer, event streams apart.",
            ["route"], buckets=_REQUEST_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._problems = Counter(
            "paperpath_problems",
            "Problems answered, by code, as README's table has them.",
            ["code"],
            registry=self.registry,
        )
        self._open = Gauge("paperpath_http_requests_open", "Requests being answered.", registry=self.registry)
        stages = Histogram(
            "paperpath_search_stage_seconds", "Seconds of the stages of a search. Questions answered together have embedding"
            " and scoring once.", ["stage"], buckets=_STAGE_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._stages = {name: stages.labels(name) for name in STAGES}
        self._reindexes = Counter(
            "paperpath_reindexes", "Reindexes that this server started and that ended, by outcome.", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        for outcome in OUTCOMES:
            self._reindexes.labels(outcome)
        self._known: dict[tuple[str, str, int], Counter] = {}
        self._caches: Tally[tuple[str, str]] = Tally()  # of the other processes
        self._lock = threading.Lock()
        self._refusing = (0.0, 0.0)  # the first and the last refusal of those with little time between them
        self._problems.labels(REFUSED)  # told from the beginning, so that the first one can be seen
        ProcessCollector(registry=self.registry)

    def began(self) -> None:
        """A request came."""
        self._open.inc()

    def ended(
        self, route: str, method: str, status: int, seconds: float, problem: str, *, timed: bool = True,
        searches: bool = True,
    ) -> None:  # fmt: skip
        """A request was answered; with a `problem`, if this isn't "". `searches` says whether it was one, where it was refused
        for the length of a line."""
        self._open.dec()
        key = (route, method if method in _METHODS else "other", status)
        if (known := self._known.get(key)) is None:  # finding the labels costs more than counting
            known = self._known[key] = self._requests.labels(key[0], key[1], str(status))
        known.inc()
        if timed:
            self._seconds.labels(route).observe(seconds)
        if problem:
            self._problems.labels(problem).inc()
            if problem == REFUSED and searches:
                now = time.monotonic()
                first, last = self._refusing
                self._refusing = (first if now - last < _STILL_SECONDS else now, now)

    def refused_seconds(self) -> float:
        """For how long searches have been refused, again and again, because too many wait; 0 where they are taken."""
        first, last = self._refusing
        return last - first if time.monotonic() - last < _STILL_SECONDS else 0.0

    def stage(self, name: str, seconds: float) -> None:
        """A stage of a search took this long."""
        self._stages[name].observe(seconds)

    def elsewhere(self, stages: Iterable[tuple[str, float]], caches: Mapping[tuple[str, str], int]) -> None:
        """What another process took for its stages, and how often its caches were hit and missed since it last told."""
        for name, seconds in stages:
            self.stage(name, seconds)
        with self._lock:
            self._caches.update(caches)

    def reindexed(self, exit_code: int | None) -> None:
        """A reindex ended."""
        self._reindexes.labels(_OUTCOME_OF.get(exit_code, OUTCOMES[-1])).inc()

    def watch(self, parts: Parts) -> None:
        """Has what these are like told too."""
        self.registry.register(_Now(parts, self))

    def told(self, accept: str) -> tuple[bytes, str]:
        """All of it, in the form that an `Accept` header asks for, and that form's content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def caches(self) -> dict[tuple[str, str], int]:
        """How often each cache was hit and missed, here and in other processes, by (cache, outcome)."""
        with self._lock:
            return dict(self._caches + Tally(derived.counted()))


class _Now(Collector):
    """What is so when metrics are asked for."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts, self._metrics = parts, metrics

    def describe(self) -> Iterable[Metric]:
        return ()  # so that nothing is looked at before it is asked for

    def collect(self) -> Iterable[Metric]:
        held, asking, beside, jobs = self._parts.held, self._parts.asking, self._parts.beside, self._parts.jobs
        yield _gauge("queue_length", "Questions that wait for an answer.", asking.waiting)
        yield from _generation(held)
        yield _gauge(
            "reindex_running", "1 while a reindex that this server started runs.", int(jobs.running() is not None)
        )
        yield _gauge("reindex_last_seconds", "What the last reindex took, 0 before one has ended.", jobs.last_seconds)
        yield _gauge("event_streams_open", "Who is told of a reindex as it goes on.", jobs.listeners)
        caches = CounterMetricFamily(
            "paperpath_cache", "What is worked out of a generation once: asked for, and there or not.",
            labels=["cache", "outcome"],
        )  # fmt: skip
        for (name, outcome), count in sorted(self._metrics.caches().items()):
            caches.add_metric([name, outcome], count)
        yield caches
        processes = beside.processes
        yield _gauge("processes_beside", "Processes that answer beside the server's own.", len(processes))
        yield _gauge("processes_beside_resident_bytes", "Their memory, what they share counted for each.",
                     sum(_resident(pid) for pid in processes))  # fmt: skip
        yield _gauge("threads", "Threads of the server's own process.", _threads())
        if self._metrics.log is not None:
            yield _counter(
                "log_lines_dropped", "Lines of the log that could not be written.", self._metrics.log.dropped
            )


def _generation(held: Opened) -> Iterable[Metric]:
    serving = held.serving
    info = GaugeMetricFamily(
        "paperpath_generation_info", "The generation that answers, and its model.", labels=["generation", "model"]
    )
    yield _gauge("generation_trouble", "1 while what is published can't be served, or an older one serves in its place.",
                 int(held.trouble is not None))  # fmt: skip
    yield _gauge("generations_in_memory", "Generations that this process holds: the one that answers, one that is opened, and"
                 " those that are answered from.", held.in_memory)  # fmt: skip
    if serving is not None:
        manifest = serving.manifest
        info.add_metric([manifest.name, plain_name(manifest.model.name)], 1)
        yield _gauge("documents", "Papers of the generation that answers.", manifest.documents)
        yield _gauge("passages", "Passages of the generation that answers.", manifest.passages)
        with suppress(ValueError, TypeError):
            yield _gauge("generation_published_timestamp_seconds", "When the generation that answers was made.",
                         datetime.fromisoformat(manifest.created).timestamp())  # fmt: skip
    yield info


def plain_name(model: str) -> str:
    """A model's name as it may be told: of a folder of this machine its last part."""
    is_folder = model.startswith(("/", "~", ".", "\\")) or PureWindowsPath(model).is_absolute()
    return PureWindowsPath(model).name if is_folder else model


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"paperpath_{name}", what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(f"paperpath_{name}", what, value=value)


def _resident(pid: int) -> int:
    """The memory of a process in bytes; 0 where there is no telling."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def _threads() -> int:
    """The threads of this process, those of the libraries too where the system tells."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return threading.active_count()
