"""Whether this server should be asked: what `/readyz` looks at, and says why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from indexer.errors import LibraryUnwritable, PaperpathError
from indexer.library import Generation, room
from service.opened import Opened
from service.serving.asking import Stopping

REFUSED_SECONDS = 10.0
"""For how long questions may be refused before others should be asked instead."""
_TRIED_SECONDS = 10.0  # for which the answer of the disk holds
_DISK_SECONDS = 2.0  # after which one that hasn't answered counts as one that doesn't


class QueueFull(PaperpathError):
    """Questions have been refused for a while."""


class Readiness:
    """Whether one server is ready. `writes` says whether changes are switched on; `refused_seconds` tells for how long
    searches have been refused because too many wait."""

    def __init__(self, held: Opened, writes: bool, refused_seconds: Callable[[], float]) -> None:
        self._held, self._writes, self._refused_seconds = held, writes, refused_seconds
        self.stopping = False
        self._trying = threading.Lock()
        self._tried = -_TRIED_SECONDS
        self._found: PaperpathError | None = None

    def require(self, *, writing: bool = True) -> Generation:
        """The generation that answers. Raises a `PaperpathError` that says why this server should not be asked; `writing`
        says whether it should be able to write as well, where changes are switched on."""
        if self.stopping:
            raise Stopping("The server is stopping.")
        generation = self._held.now()
        _ = self._held.embedder
        if (seconds := self._refused_seconds()) >= REFUSED_SECONDS:
            raise QueueFull(f"Requests have been refused for {seconds:.0f} s.")
        if writing and self._writes:
            self._require_room(generation)
        return generation

    def _require_room(self, generation: Generation) -> None:
        """Tries the disk, one thread at a time and now and then: probes come often, and a disk may hang."""
        if not self._trying.acquire(timeout=_DISK_SECONDS):
            raise LibraryUnwritable(f"The disk of {self._held.library.folder} doesn't answer.")
        try:
            if time.monotonic() - self._tried >= _TRIED_SECONDS:
                try:
                    room.require(
                        self._held.library.folder, sum(file.bytes for file in generation.manifest.files.values())
                    )
                    self._found = None
                except PaperpathError as error:
                    self._found = error.bare()
                self._tried = time.monotonic()
            if self._found is not None:
                raise self._found.bare()
        finally:
            self._trying.release()
