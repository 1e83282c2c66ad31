"""An exported model as an embedder: the model's own tokenizer, batches by length, and queries taken together."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from indexer.embed.batching import Batch, Together, batch, batches, rounded, shares
from indexer.embed.described import Described
from indexer.embed.exports import Export
from indexer.embed.plain import unit
from indexer.folding import writable
from indexer.library import Model

TOKENS = 1024  # of a batch: 512 to 4096 made no difference, and small batches part evenly over the cores
_CHUNK = 128  # texts whose tokens are found at a time, while earlier ones are in the model
LENGTHS = (12, 24, 32, 48)  # a query, special tokens included, is padded to one of them and runs in a network for it
_STEP = 16  # a longer one to a multiple of it: where the length is not fixed, the engine needs a millisecond more
_TOGETHER = 64


class Network(Protocol):
    """A compiled model. See `indexer.embed.openvino.Network`."""

    def run(self, batches: Iterable[Batch], take: Callable[[Batch, np.ndarray], None]) -> None: ...

    def one(self, batch: Batch) -> np.ndarray: ...


@dataclass(frozen=True)
class Networks:
    """How to compile the model for each use: many texts, `at_once` batches at a time; one query; one of a fixed length."""

    many: Callable[[], Network]
    one: Callable[[], Network]
    fixed: Callable[[int], Network]
    at_once: int


class Exported:
    """An embedder that needs no torch. Networks are compiled when first used, and any thread may call."""

    def __init__(self, described: Described, export: Export, networks: Networks) -> None:
        from tokenizers import Tokenizer

        record = export.record
        self.model = Model(described.name, record.dimension, described.fingerprint)
        self._pad = record.pad
        self._prompts = {"query": record.query_prompt, "document": record.document_prompt}
        text = (export.folder / "tokenizer").read_text("utf-8")
        self._spans = Tokenizer.from_str(text)
        self._spans.no_padding()
        self._spans.no_truncation()
        self._tokenizer = Tokenizer.from_str(text)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(record.window)
        self._compiling = threading.RLock()
        self._networks = networks
        self._queries: Together[list[int], np.ndarray] = Together(self._together, _TOGETHER)
        before = record.document_prompt
        self.window = record.window - (len(self.tokens(before)) if before else 0)

    @functools.cached_property
    def _many(self) -> Network:
        return self._networks.many()

    @functools.cached_property
    def _one(self) -> Network:
        return self._networks.one()

    @functools.cached_property
    def _fixed(self) -> dict[int, Network]:
        return {}

    def tokens(self, text: str) -> list[tuple[int, int]]:
        return [(a, b) for a, b in self._spans.encode(writable(text), add_special_tokens=False).offsets if b > a]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._all(texts, "document")

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        if len(texts) > _TOGETHER:
            return self._all(texts, "query")
        if not texts:
            return np.empty((0, self.model.dimension), np.float32)
        before = self._prompts["query"]
        tokens = [self._tokenizer.encode(before + writable(text)).ids for text in texts]
        return np.stack(self._queries(tokens))

    def _all(self, texts: Sequence[str], task: str) -> np.ndarray:
        vectors = np.empty((len(texts), self.model.dimension), np.float32)

        def take(some: Batch, found: np.ndarray) -> None:
            vectors[list(some.rows)] = found

        if texts:
            with self._compiling:
                many = self._many
            many.run(self._batches(texts, self._prompts[task]), take)
        return unit(vectors)

    def _batches(self, texts: Sequence[str], before: str) -> Iterator[Batch]:
        # By characters first, so that a chunk holds texts of about one length before their tokens are known.
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            found = self._tokenizer.encode_batch_fast([before + writable(texts[row]) for row in rows])
            yield from batches(rows, [encoding.ids for encoding in found], self._pad, TOKENS)

    def _together(self, tokens: list[list[int]]) -> list[np.ndarray]:
        """Unit vectors of some queries' tokens: never called by two threads at once."""
        if len(tokens) == 1:
            return list(unit(self._alone(tokens[0])))
        with self._compiling:
            many = self._many
        vectors: list[np.ndarray] = [np.empty(0)] * len(tokens)

        def take(some: Batch, found: np.ndarray) -> None:
            for row, vector in zip(some.rows, unit(found), strict=True):
                vectors[row] = vector

        many.run(shares(tokens, self._pad, self._networks.at_once), take)
        return vectors

    def _alone(self, tokens: list[int]) -> np.ndarray:
        length = next((length for length in LENGTHS if len(tokens) <= length), None)
        with self._compiling:
            if length is None:
                network = self._one
            elif (network := self._fixed.get(length)) is None:
                network = self._fixed[length] = self._networks.fixed(length)
        return network.one(batch([0], [tokens], self._pad, length or rounded(len(tokens), _STEP)))
