"""The library as the answers see it: one generation, the model it was made with, and where its documents are read."""

from __future__ import annotations

import threading

from indexer import embed
from indexer.embed import Described, Embedder
from indexer.errors import ModelMismatch, PaperpathError
from indexer.library import Generation, Library, marks
from indexer.library.marks import Marks
from indexer.settings import Settings
from service.rerank import Reranker


class Opened:
    """A library held open. `now()` is the generation to answer from; it moves on when another one is published.

    `threads` run the model, 0: as many as the settings say.

    Whoever took a generation keeps it for the whole of an answer, so that no answer is mixed from two.
    """

    def __init__(self, settings: Settings, threads: int = 0) -> None:
        self.settings = settings
        self._threads = threads
        self.library = Library(settings.library)
        self.trouble: PaperpathError | None = None  # why the newest generation is not the one that serves
        self.reranker = Reranker(settings.reranker) if settings.reranker else None
        self._described: Described | None = None
        self._embedder: Embedder | None = None
        self._generation: Generation | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._opening = threading.Lock()
        self._loading = threading.Lock()

    def now(self) -> Generation:
        """The generation to answer from. Raises a `LibraryError` or a `ModelError` where there is none to serve."""
        held = self._generation
        if held is not None and self._stamp == self.library.stamp():
            return held
        # While one thread opens what is new, the others go on with what they have.
        if not self._opening.acquire(blocking=held is None):
            assert held is not None
            return held
        try:
            stamp = self.library.stamp()
            if self._generation is None or self._stamp != stamp:
                self._move(stamp)
        finally:
            self._opening.release()
        assert self._generation is not None
        return self._generation

    def _move(self, stamp: tuple[int, int, int] | None) -> None:
        try:
            generation = self.library.open()
            self._require_model(generation)
        except PaperpathError as error:
            self.trouble = error
            if self._generation is None:
                raise
            self._stamp = stamp  # what is published can't be served: stay with what can, until it changes again
            return
        if self._generation is None:
            _one_thread_each()
        self.trouble = generation.instead_of
        self._generation, self._stamp = generation, stamp

    def _require_model(self, generation: Generation) -> None:
        made_with = generation.manifest.model
        if made_with.fingerprint != self.described.fingerprint:
            raise ModelMismatch(
                f"The library in {self.library.folder} was made with the model {made_with.name}"
                f" ({made_with.fingerprint}), but {self.described.name} ({self.described.fingerprint}) is set.",
                cure="Run `paperpath reindex` to make it anew with the model that is set, or set PAPERPATH_MODEL back"
                f" to {'its default' if made_with.name == embed.PACKAGED else made_with.name}.",
            )

    def marks(self) -> Marks:
        """What the reader marked, as it is now."""
        return marks.load(self.library.marks)

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
        """Opens all there is and asks the model a few questions, so that nobody's first one waits. Raises as `now` does."""
        self.now()
        for words in (2, 10, 20, 35, 60):  # one for each length that the model is compiled for
            self.embedder.embed_queries(["word " * words])


def _one_thread_each() -> None:
    """Has numpy multiply in the thread that asks, from now on.

    Its library's own threads turn idle loops for a while after each product, on the cores that the model needs for the
    next question: with four of them a search took three times as long on a busy machine, and four times the processor.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
