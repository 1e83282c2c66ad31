"""A model's folder is somebody else's: it may hold weights and settings, and nothing that would be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from indexer.errors import ModelUnknown

_PICKLED = (".bin", ".ckpt", ".joblib", ".npy", ".pickle", ".pkl", ".pt", ".pth")
_SETTINGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
_OURS = "sentence_transformers."  # what a module's type may begin with: anything else is looked for and imported


def require_harmless(folder: Path) -> None:
    """Raises `ModelUnknown` where loading the model in `folder` would run what lies there, or leave the folder.

    That is a module of another's making, a class named by `auto_map`, or weights that are there only pickled.
    """
    parts = {folder}
    for module in _modules(folder):
        kind, path = str(module.get("type", "")), str(module.get("path", ""))
        if not kind.startswith(_OURS):
            raise _refused(folder, f"has a module of its own, {kind or 'without a type'}")
        part = (folder / path).resolve()
        if not part.is_relative_to(folder.resolve()):
            raise _refused(folder, f"has a module outside of its folder, {path}")
        parts.add(part)
    for part in sorted(parts):
        for name in _SETTINGS:
            settings = _json(part / name)
            if isinstance(settings, dict) and settings.get("auto_map"):
                raise _refused(folder, f"names code of its own in {name}")
        files = [path for path in part.iterdir() if path.is_file()] if part.is_dir() else []
        pickled = [path.name for path in files if path.suffix.lower() in _PICKLED]
        if pickled and not any(path.suffix == ".safetensors" for path in files):
            raise _refused(folder, f"has no safetensors weights but {sorted(pickled)[0]}, which can hold code")


def _modules(folder: Path) -> list[dict[str, Any]]:
    found = _json(folder / "modules.json")
    return [module for module in found if isinstance(module, dict)] if isinstance(found, list) else []


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):  # who loads it will say so
        return None


def _refused(folder: Path, why: str) -> ModelUnknown:
    return ModelUnknown(
        f"The model in {folder} {why}: it is not loaded.",
        cure="Choose a model with safetensors weights and no code of its own.",
    )
