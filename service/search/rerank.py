"""A cross-encoder that reads question and passage together: slower, and off unless one is set."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexer.errors import ModelUnknown

_LONGEST = 512  # tokens of question and passage together; what is longer is cut


class Reranker:
    """A cross-encoder by folder or hub name, loaded when it is first asked. Safe to use from several threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._model = None
        self._one_at_a_time = threading.Lock()

    def scores(self, query: str, passages: Sequence[str]) -> np.ndarray:
        """How well each passage answers `query`, in the model's own measure: float32 of shape (passages,).

        Raises `ModelUnknown` where the model can't be loaded, or holds code.
        """
        if not passages:
            return np.empty(0, np.float32)
        with self._one_at_a_time:
            scores = self._loaded().predict(
                [(query, passage) for passage in passages], batch_size=16, show_progress_bar=False,
                convert_to_numpy=True,
            )  # fmt: skip
        scores = np.asarray(scores, np.float32)
        return scores if scores.ndim == 1 else scores[:, -1]

    def _loaded(self):
        if self._model is None:
            from indexer.embed.harmless import require_harmless
            from indexer.embed.plain import before_torch

            folder = Path(os.path.expanduser(self.name))
            if folder.is_dir():
                require_harmless(folder)
            before_torch()
            import transformers
            from sentence_transformers import CrossEncoder

            transformers.utils.logging.disable_progress_bar()
            transformers.utils.logging.set_verbosity_error()
            try:
                self._model = CrossEncoder(
                    str(folder) if folder.is_dir() else self.name, device="cpu", trust_remote_code=False,
                    local_files_only=folder.is_dir(), max_length=_LONGEST, model_kwargs={"use_safetensors": True},
                )  # fmt: skip
            except Exception as error:  # a dozen kinds; each means that the model can't be had
                why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
                raise ModelUnknown(
                    f"The reranker {self.name} can't be loaded: {why}.",
                    cure="Set PAPERPATH_RERANKER to a cross-encoder's folder, or leave it empty.",
                ) from error
        return self._model
