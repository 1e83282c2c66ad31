"""The engine that always works: sentence-transformers, as its makers run it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.embed.described import Described
from indexer.errors import ModelUnknown
from indexer.folding import writable
from indexer.library import Model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def before_torch() -> None:
    """Has torch and joblib ask for no folder to write to: nothing is compiled, and no process is started by joblib.

    Unasked torch wants one for what it compiles, of a name in /tmp that anybody can know, and fails where none can be written.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(__file__).parent))
    os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")


def open_model(described: Described) -> SentenceTransformer:
    """The model as sentence-transformers holds it, on the CPU, in float32. Raises `ModelUnknown`."""
    before_torch()
    import transformers
    from sentence_transformers import SentenceTransformer

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        return SentenceTransformer(
            str(described.folder), device="cpu", local_files_only=True, trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )  # fmt: skip
    except Exception as error:
        raise ModelUnknown(f"The model in {described.folder} can't be loaded: {error}") from error


def prompt(described: Described, model: SentenceTransformer, task: str) -> str:
    """What `task` ("query" or "document") puts before a text: as set, else as the model's files say."""
    given = described.query_prompt if task == "query" else described.document_prompt
    return given if given is not None else (model.prompts or {}).get(task) or ""


class SentenceTransformers:
    """A model run by sentence-transformers with torch: in bfloat16 where the processor multiplies it itself."""

    def __init__(
        self, described: Described, model: SentenceTransformer | None = None, bfloat16: bool | None = None
    ) -> None:
        if described.threads:
            import torch

            torch.set_num_threads(described.threads)
        self._model = model or open_model(described)
        # The tokenizer changes its own padding as it works: two threads in it at once fail.
        self._one_at_a_time = threading.Lock()
        self.bfloat16 = has_bfloat16() if bfloat16 is None else bfloat16
        self._prompts = {"query": described.query_prompt, "document": described.document_prompt}
        self.model = Model(described.name, int(self._model.get_embedding_dimension()), described.fingerprint)
        self.window = int(self._model.max_seq_length or 512)
        before = prompt(described, self._model, "document")
        self.window -= len(self.tokens(before)) if before else 0

    def tokens(self, text: str) -> list[tuple[int, int]]:
        with self._one_at_a_time:
            encoded = self._model.tokenizer(
                writable(text), return_offsets_mapping=True, add_special_tokens=False, truncation=False, verbose=False
            )
        return [(start, end) for start, end in encoded["offset_mapping"] if end > start]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed(texts, "document")

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed(texts, "query")

    def _embed(self, texts: Sequence[str], task: str) -> np.ndarray:
        if not texts:
            return np.empty((0, self.model.dimension), np.float32)
        encode = self._model.encode_query if task == "query" else self._model.encode_document
        given = {} if self._prompts[task] is None else {"prompt": self._prompts[task]}
        import torch

        with self._one_at_a_time, torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            vectors = encode(
                [writable(text) for text in texts],
                batch_size=32,
                convert_to_numpy=True,
                show_progress_bar=False,
                **given,
            )
        return unit(np.asarray(vectors, np.float32))


def unit(rows: np.ndarray) -> np.ndarray:
    """The rows, each of length 1."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself: three times as fast then, at a cosine of .9999 to float32."""
    import torch

    try:
        found = torch.cpu.get_capabilities()
    except AttributeError:  # before torch 2.10
        return False
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
