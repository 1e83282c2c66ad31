"""The library as the answers see it: one generation, the model it was made with, and what its reader marked.

Whatever becomes of the disk, what is held goes on answering: a library that vanished, a newer generation that is damaged, a
disk that hangs. What could not be opened is tried again after a while, as it may be mended in its place.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from indexer import embed
from indexer.embed import Described, Embedder
from indexer.errors import ModelMismatch, NoLibrary, PaperpathError
from indexer.library import Generation, Library, marks
from indexer.library.marks import Marks
from indexer.settings import Settings
from service.search.rerank import Reranker

log = logging.getLogger("paperpath")
T = TypeVar("T")
_PATIENCE = 1.0  # seconds that a look at the disk is waited for
_NOW_AND_THEN = 2.0  # seconds between two looks at files that are read where they lie
_SOON, _SELDOM = (
    1.0,
    600.0,
)  # seconds between two tries of what could not be opened: from the one, doubled, to the other


class _Look(Generic[T]):
    """Looks at what lies on a disk that may hang: one thread does, others wait for it a moment, and no longer while it hangs.

    They are given what was seen last.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._seen: list[T] = []
        self._one = threading.Lock()
        self._hangs = False

    def __call__(self) -> T:
        if not self._seen:
            self._one.acquire()
        elif not self._one.acquire(timeout=0 if self._hangs else _PATIENCE):
            self._hangs = True
            return self._seen[0]
        try:
            found = self._look()
            self._seen = [found]
            return found
        finally:
            self._hangs = False
            self._one.release()


class Ahead(Protocol):
    """What may work out of a `new` generation what was asked of the `old` one, before it answers; it raises nothing. `close`
    ends that."""

    def __call__(self, old: Generation, new: Generation) -> None: ...

    def close(self) -> None: ...


class Opened:
    """A library held open. `now()` is the generation to answer from; it moves on when another one is published.

    `threads` run the model, 0: as many as the settings say. With `behind`, what is published is opened and tried out in a
    thread of its own, holding that lock, while what is held goes on answering: nobody waits for it, and for a moment nobody
    sees it. `ahead` is told then of the generation that answers and of the next, and may work out what that will be asked for.
    With `waits` only `catch_up` opens it; `newer` says that there is something to open. Without `asks` no question will be
    asked of it that needs the model, so that any model may be set, or none be there.

    Whoever took a generation keeps it for the whole of an answer, so that no answer is mixed from two.
    """

    def __init__(
        self, settings: Settings, threads: int = 0, *, behind: threading.Lock | None = None, waits: bool = False,
        asks: bool = True, ahead: Ahead | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.behind, self.newer = behind, False
        self._threads, self._waits, self._asks, self._ahead = threads, waits, asks, ahead
        self.library = Library(settings.library)
        self.trouble: PaperpathError | None = None  # why the newest generation is not the one that serves
        self.reranker = Reranker(settings.reranker) if settings.reranker else None
        self._described: Described | None = None
        self._embedder: Embedder | None = None
        self._generation: Generation | None = None
        self._in_memory: weakref.WeakSet[Generation] = weakref.WeakSet()
        self._stamp: tuple[int, int, bytes] | None = None
        self._look = _Look(self.library.stamp)
        self._look_at_marks = _Look(self._marks_now)
        self._marks = marks.NONE
        # When what could not be opened is tried again, and how long that is put off.
        self._again, self._wait = 0.0, _SOON
        self._altered, self._look_again = False, 0.0
        self._opening = threading.Lock()
        self._loading = threading.Lock()

    def now(self) -> Generation:
        """The generation to answer from. Raises a `LibraryError` or a `ModelError` where there is none to serve."""
        held = self._generation
        if held is not None and not self._to_open(self._look()):
            return held
        if self._waits and held is not None and not self._altered:
            self.newer = True
            return held
        # While one thread opens what is new, the others go on with what they have.
        if not self._opening.acquire(blocking=held is None or self._altered):
            assert held is not None
            return held
        if self.behind is not None and held is not None and not self._altered:
            threading.Thread(target=self._open_behind, args=(self.behind,), name="opening", daemon=True).start()
            return held
        self._open()
        if self._generation is None:
            assert self.trouble is not None
            raise self.trouble.bare()
        return self._generation

    def catch_up(self) -> None:
        """Opens what was published by now, and waits for that."""
        self._opening.acquire()
        self._open_behind(self.behind or contextlib.nullcontext())

    def _open_behind(self, turn: contextlib.AbstractContextManager) -> None:
        """Opens what is there in its turn, while others answer in this process. The lock is held, and let go of."""
        with turn:
            self._open()

    def _open(self) -> None:
        """Opens what is there to open. The lock is held, and let go of."""
        try:
            self.newer = False
            stamp = self._look()
            if self._to_open(stamp):
                self._move(stamp)
        finally:
            self._opening.release()

    def _to_open(self, stamp: tuple[int, int, bytes] | None) -> bool:
        """Whether the library is to be opened: for the first time, since something was published, or to try it again."""
        if stamp != self._stamp or (self._generation is None and self.trouble is None) or self._is_altered():
            return True
        return self.trouble is not None and time.monotonic() >= self._again

    def _is_altered(self) -> bool:
        """Whether what is held was changed under it: looked at now and then, where files of it are read where they lie."""
        held = self._generation
        if held is not None and held.mapped and time.monotonic() >= self._look_again:
            self._look_again = float("inf")  # one thread at a time
            if not held.is_as_it_was() and held is self._generation:
                self._altered = True
            self._look_again = time.monotonic() + _NOW_AND_THEN
        return self._altered

    def _move(self, stamp: tuple[int, int, bytes] | None) -> None:
        """Opens what is published. Where that can't be served, what is held stays."""
        try:
            generation = self.library.open()
            if self._asks:
                self._require_model(generation)
            trouble = generation.instead_of
            self._in_memory.add(generation)
            if trouble and (self.trouble is None or self.trouble.message != trouble.message):
                log.warning("What is published can't be served: %s Generation %s answers in its place.", trouble.message,
                            generation.name)  # fmt: skip
        except PaperpathError as error:
            generation, trouble = None, error.bare()
            nothing_yet = isinstance(error, NoLibrary) and self._generation is None  # whoever asks is told
            if not nothing_yet and (self.trouble is None or self.trouble.message != error.message):
                log.warning("What is published can't be served: %s", error.message)
        self._wait = min(2 * self._wait, _SELDOM) if stamp == self._stamp and self.trouble else _SOON
        self._again = time.monotonic() + self._wait
        self.trouble, self._stamp = trouble, stamp
        if self._altered:  # it gives no more answers, whatever is there in its place
            self._generation, self._altered = None, False
        if generation is None:
            return
        if self._generation is None:
            one_thread_each()
        elif generation.manifest == self._generation.manifest:  # what is worked out of the one that is held stays known
            generation.close()
            return
        else:
            self._make_ready(self._generation, generation)
        self._generation, self._altered = generation, False
        log.info("Generation %s answers: %d papers, %d passages.", generation.name, generation.manifest.documents,
                 generation.manifest.passages)  # fmt: skip

    def _make_ready(self, old: Generation, new: Generation) -> None:
        """Has what is worked out once of a generation be there before anybody needs it, while the old one answers."""
        if self._ahead is not None:
            self._ahead(old, new)
        if self._embedder is not None:
            self._try_out(new)

    def _require_model(self, generation: Generation) -> None:
        made_with = generation.manifest.model
        if made_with.fingerprint != self.described.fingerprint:
            raise ModelMismatch(
                f"The library in {self.library.folder} was made with the model {made_with.name}"
                f" ({made_with.fingerprint}), but {self.described.name} ({self.described.fingerprint}) is set.",
                cure="Run `paperpath reindex` to make it anew with the model that is set, or set PAPERPATH_MODEL back"
                f" to {'its default' if made_with.name == embed.PACKAGED else made_with.name}.",
            )

    def stop(self) -> None:
        """Ends what is worked out of a generation that does not answer yet, for good."""
        if self._ahead is not None:
            self._ahead.close()

    @property
    def serving(self) -> Generation | None:
        """The generation that answered last, without a look for a newer one; None before there was one."""
        return self._generation

    @property
    def in_memory(self) -> int:
        """How many generations are there still of those that were opened: who answers from an earlier one holds it."""
        return len(self._in_memory)

    def marks(self) -> Marks:
        """What the reader marked, as it is now; where that can't be read, as it was when it could, with a warning."""
        return self._look_at_marks()

    def _marks_now(self) -> Marks:
        found = marks.load(self.library.marks)
        if found.readable:
            self._marks = found
            return found
        return replace(self._marks, warnings=(*self._marks.warnings, *found.warnings))

    @property
    def described(self) -> Described:
        """The model that is set, not loaded."""
        if self._described is None:
            self._described = embed.describe(self.settings)
        return self._described

    @property
    def embedder(self) -> Embedder:
        """The model that is set, loaded once."""
        with self._loading:
            if self._embedder is None:
                self._embedder = embed.load(self.described, self._threads)
            return self._embedder

    def prepare(self) -> None:
        """Opens all there is and has the model compiled, so that nobody's first question waits. Raises as `now` does."""
        generation = self.now()
        embed.warm_up(self.embedder)
        self._try_out(generation)

    def _try_out(self, generation: Generation) -> None:
        """Asks a generation a question."""
        from service.search import Asked, query, together

        for answer in together(generation, self.embedder, [Asked(query.parse("how is a model trained"))]):
            if isinstance(answer, Exception):
                log.warning("Generation %s could not be searched: %s", generation.name, answer)


def one_thread_each() -> None:
    """Has numpy multiply in the thread that asks, from now on.

    Its library's own threads turn idle loops for a while after each product, on the cores that the model needs for the
    next question: with four of them a search took three times as long on a busy machine, and four times the processor.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
