"""A stand-in for a model that needs no weights."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from indexer.library import Model


class Toy:
    """A bag of hashed words: no model, no meaning, but quick and the same everywhere. For tests and for trying things.

    A text's vector is the sum over its words of a word's own random direction, weighted by the root of its count.
    """

    VERSION = 1

    def __init__(self) -> None:
        self.model = Model("toy", 128, f"toy-{self.VERSION}")
        self.window = 128

    def tokens(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        rows = [self._vector(text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.model.dimension), np.float32)

    embed_queries = embed_passages

    def _vector(self, text: str) -> np.ndarray:
        counts: dict[str, int] = {}
        for word in re.findall(r"\w+", text.lower()) or [text]:
            word = word[:-1] if len(word) > 3 and word.endswith("s") else word
            counts[word] = counts.get(word, 0) + 1
        total = np.zeros(self.model.dimension, np.float64)
        for word, count in sorted(counts.items()):
            bits = hashlib.shake_256(word.encode("utf-8", "replace")).digest(self.model.dimension // 8)
            signs = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.float64) * 2 - 1
            total += signs * count**0.5
        return (total / (np.linalg.norm(total) or 1.0)).astype(np.float32)
