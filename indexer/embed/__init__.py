"""Text to vectors: the embedding models behind one small protocol.

`describe` says which model the settings name and its fingerprint, without loading it (no torch); `load` loads it, in
the fastest engine that gives its vectors. The packaged model needs no hub; a folder needs none either; a hub name is
fetched once, by its own library.

    described   which model is set          choice     which engine runs it, measured once
    plain       torch, which always works   exports    the cache of exported models
    openvino    the exported model          encoder    tokens, batches and queries around it
    batching    texts to batches            toy        a stand-in for tests
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from indexer.embed.described import PACKAGED, Described, describe
from indexer.embed.toy import Toy
from indexer.library import Model

if TYPE_CHECKING:
    from indexer.embed.choice import Choice

__all__ = ["PACKAGED", "Described", "Embedder", "Toy", "chosen", "describe", "load", "warm_up"]


class Embedder(Protocol):
    """What the rest of the project asks of a model. `window` is the most tokens it reads, special ones included.

    Any thread may call; where the exported model runs, queries that wait together are embedded together.
    """

    model: Model
    window: int

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """The character spans of the tokens of `text`, without special tokens."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of passages: float32 of shape (len(texts), dimension). The more at a time, the faster."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of questions: float32 of shape (len(texts), dimension). Text beyond the window is left out."""
        ...


def chosen(described: Described) -> Choice | None:
    """The engine that `load` would take, and why; None where it has to be measured first, or for the toy."""
    if described.folder is None:
        return None
    from indexer.embed import choice

    return choice.chosen(described)


def load(described: Described, threads: int = 0) -> Embedder:
    """The model, ready to embed: in well under a second where its export is kept, else in about half a minute, once.

    With `threads` it runs on so many, whatever is set: for a process that has others beside it.

    Raises `ModelUnknown` where its files can't be loaded, `BadSetting` where the engine that is set can't run it.
    """
    if described.folder is None:
        return Toy()
    from indexer.embed import choice

    return choice.load(described, threads)


def warm_up(embedder: Embedder) -> None:
    """Asks queries of every length that an embedder may be compiled for, and two at once: compiling takes a fifth of a second."""
    from indexer.embed.encoder import LENGTHS

    for length in (*LENGTHS, 2 * LENGTHS[-1]):
        embedder.embed_queries(["word " * (length - 2)])  # two special tokens besides
    embedder.embed_queries(["two at", "once"])
