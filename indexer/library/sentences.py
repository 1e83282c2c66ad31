"""The vectors of sentences, which no generation holds: made when an answer first needs them, and kept in the cache.

They are kept by text and model beside those of passages, so that they outlive a reindex, and losing them costs time alone.
A library that can't be written to answers as well; what was worked out is then gone with the process.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import LibraryUnwritable
from indexer.library.cache import Cache, vector_of
from indexer.library.generation import Generation
from indexer.passages import vector_key
from indexer.progress import Progress

if TYPE_CHECKING:
    from indexer.embed import Embedder

_BATCH = 512  # sentences embedded between two writes: what a kill can cost


def vectors_of(
    generation: Generation, embedder: Embedder, texts: Sequence[str], progress: Progress | None = None
) -> np.ndarray:
    """The vectors of `texts` under the model of the library: float32 of shape (texts, dimension), unit rows.

    What is not held is embedded, in batches that are kept one by one: a run that is cut goes on where it was. `progress`
    hears of a stage `sentences`, with a step for each batch.
    """
    keys = [vector_key(embedder.model.fingerprint, text) for text in texts]
    wanted = dict(zip(keys, texts, strict=True))
    folder = generation.catalogue.path.parents[1] / "cache"
    progress = progress or Progress()
    with contextlib.ExitStack() as stack:
        cache: Cache | None = None
        try:
            cache = stack.enter_context(Cache(folder))
            held = cache.vectors(list(wanted))
        except LibraryUnwritable:
            cache, held = None, _read(folder, list(wanted))
        held = {key: vector for key, vector in held.items() if len(vector) == embedder.model.dimension}
        lacking = sorted((key for key in wanted if key not in held), key=lambda key: (len(wanted[key]), key))
        if lacking:
            progress.stage("sentences", len(lacking))
        for start in range(0, len(lacking), _BATCH):
            some = lacking[start : start + _BATCH]
            rows = list(zip(some, embedder.embed_passages([wanted[key] for key in some]), strict=True))
            held.update(rows)
            if cache is not None:
                try:
                    cache.keep_vectors(rows)
                except LibraryUnwritable:  # a full disk is no reason to give no answer
                    cache = None
            progress.step(count=len(some))
    found = np.empty((len(texts), embedder.model.dimension), np.float32)
    for row, key in enumerate(keys):
        found[row] = held[key]
    return found


def _read(folder: Path, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
    """What a cache that can't be written holds of `keys`; nothing where it can't be read either."""
    found: dict[bytes, np.ndarray] = {}
    path = folder / "cache.sqlite"
    with contextlib.suppress(sqlite3.Error):
        database = sqlite3.connect(path.resolve().as_uri() + "?mode=ro&immutable=1", uri=True)
        with contextlib.closing(database):
            for start in range(0, len(keys), 500):
                some = keys[start : start + 500]
                marks = ", ".join("?" * len(some))
                for key, vector in database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some):
                    if (row := vector_of(vector)) is not None:
                        found[key] = row
    return found
