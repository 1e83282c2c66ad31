"""Whether a library's folder could be written to: what a reindex would need of it, tried without leaving a trace."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from indexer.errors import LibraryUnwritable
from indexer.library import files

SPARE = 16 << 20  # bytes beside a generation: downloads, texts, what is written aside
_TRIED = bytes(64 << 10)


def require(folder: Path, needed: int = 0) -> None:
    """Raises `LibraryUnwritable` unless a file can be written in `folder`, and `needed` bytes and some are free there."""
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(_TRIED)
        free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise LibraryUnwritable(f"Cannot write to {folder}: {free >> 20} MB are free, and a reindex needs about"
                                f" {needed + SPARE >> 20} MB.")  # fmt: skip
