"""Extraction in processes of its own: one that hangs, swells or dies costs its document and no other."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, TimeoutError
from pathlib import Path

from indexer import extract
from indexer.document import Extracted
from indexer.errors import Damaged, ExtractError, LimitReached


class Workers:
    """A pool of extraction processes. Use it as a context manager; the processes start with the first document."""

    def __init__(self, count: int, seconds: float, megabytes: int) -> None:
        self._count = count or os.cpu_count() or 1
        self._seconds = seconds
        self._megabytes = megabytes
        self._pool = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.stop()  # whatever still runs is of no use to anybody
            self._pool.join()

    def start(self, path: Path, kind: str, url: str = "") -> Callable[[], Extracted]:
        """Begins to read a document; the function returned waits for it, and raises an `ExtractError` if it failed."""
        if self._pool is None:
            import pebble

            # spawn: a fork of a process with threads (torch, FAISS) may never come back
            self._pool = pebble.ProcessPool(
                max_workers=self._count, max_tasks=50, initializer=_limited, initargs=[self._megabytes],
                context=multiprocessing.get_context("spawn"),
            )  # fmt: skip
        future = self._pool.schedule(extract.read, args=[path, kind, url], timeout=self._seconds)
        return lambda: self._result(future)

    def _result(self, future: Future[Extracted]) -> Extracted:
        import pebble

        try:
            return future.result()
        except ExtractError:
            raise
        except TimeoutError:
            raise LimitReached(f"Reading it took longer than {self._seconds:g} seconds.") from None
        except MemoryError:
            raise LimitReached(f"Reading it takes more than {self._megabytes} MB of memory.") from None
        except pebble.ProcessExpired as error:
            raise LimitReached(f"The process that read it died (exit status {error.exitcode}).") from None
        except (BrokenExecutor, OSError, RuntimeError) as error:  # the machine's fault, not the document's
            raise LimitReached(f"No process could read it: {type(error).__name__}: {str(error)[:200]}.") from None
        except Exception as error:
            raise Damaged(f"It can't be read: {type(error).__name__}: {str(error)[:200]}.") from None


def _limited(megabytes: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the run, which then stops its workers
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
