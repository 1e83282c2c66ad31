"""What a generation takes over of the one before it: the bodies of documents that stay, with their passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.document import Document, Passage
from indexer.library.catalogue import Catalogue


@dataclass(frozen=True)
class Kept:
    """What a generation takes over of the one before: documents of which nothing but the front may have changed.

    `documents` (int64, shape (documents,)) has the position there of each document, -1 for one to be written anew; each at
    most once. `counts` (int64) is how many passages each document has. `passages` (int64, by passage id there) has the ids
    that the passages get, -1 for those that go.
    """

    catalogue: Catalogue
    documents: np.ndarray
    counts: np.ndarray
    passages: np.ndarray


def taken_over(
    documents: Sequence[tuple[Document, Sequence[Passage]]], before: Catalogue, kept: Sequence[int]
) -> Kept | None:
    """What is kept of `before`: `kept` has the position there of each document, -1 where it is new. None if all are."""
    there = np.array(kept, np.int64)
    own = np.flatnonzero(there >= 0)
    if not len(own):
        return None
    counts = np.array([len(passages) for _, passages in documents], np.int64)
    counts[own] = before.counts_of[there[own]]
    further = np.zeros(len(before.counts_of), np.int64)  # by position there, how far its passages' ids move
    further[there[own]] = np.cumsum(counts)[own] - np.cumsum(before.counts_of)[there[own]]
    stays = np.zeros(len(further), bool)
    stays[there[own]] = True
    owner = before.documents_of
    return Kept(before, there, counts, np.where(stays[owner], np.arange(len(owner)) + further[owner], -1))
