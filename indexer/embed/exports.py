"""The cache of exported models: folders that are whole or not there, checked before use, and what was measured.

    FOLDER/<fingerprint>-<engine>-<version>/   model.xml, model.bin, tokenizer, record
    FOLDER/<the same>.<processor>              the speeds measured on it
    FOLDER/hashes                              what the model's files hashed to, and their stamps

FOLDER lies in the model's own folder where that can be written, else in the user's cache folder, or where
`encoder_cache` says. None of the names ends as a model's files do, so that no fingerprint changes by them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from indexer.library.files import sha256_of, write_text

FOLDER = "paperpath-exports"
FORMAT = 1
_SETTLED_SECONDS = 2.0  # a file younger than this could change again without its times showing it


@dataclass(frozen=True)
class Record:
    """What an export holds, and what is to be known of its model without loading it.

    `files`: name -> [SHA-256, stamp]. `window`: the most tokens of a text, special ones included. `agreement`: the
    lowest cosine to float32 torch for each precision. `refused` says why the model can't be exported, else it is "".
    """

    fingerprint: str
    engine: str
    dimension: int = 0
    window: int = 0
    pad: int = 0
    query_prompt: str = ""
    document_prompt: str = ""
    agreement: dict[str, float] | None = None
    files: dict[str, list[Any]] | None = None
    refused: str = ""
    format: int = FORMAT


@dataclass(frozen=True)
class Export:
    """An exported model on disk."""

    folder: Path
    record: Record


def homes(model: Path, given: Path | None) -> list[Path]:
    """The folders that exports of the model in folder `model` may lie in, the first choice first."""
    if given is not None:
        return [Path(os.path.expanduser(given)) / FOLDER]
    if sys.platform == "win32":
        cache, below_home = os.environ.get("LOCALAPPDATA"), "~/AppData/Local"
    elif sys.platform == "darwin":
        cache, below_home = None, "~/Library/Caches"
    else:
        cache, below_home = os.environ.get("XDG_CACHE_HOME"), "~/.cache"
    cache = cache or os.path.expanduser(below_home)
    if cache.startswith("~"):  # who has no home has no cache folder either
        return [model / FOLDER]
    return [model / FOLDER, Path(cache) / "paperpath" / FOLDER]


def writable_home(folders: Sequence[Path]) -> Path | None:
    """The first of `folders` that can be written, made if need be; None where there is none."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".probe.{os.getpid()}"
            probe.touch()
            probe.unlink()
            return folder
    return None


def find(name: str, folders: Sequence[Path]) -> Export | None:
    """The export called `name`, its files checked; None where there is none, or none that is whole."""
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            record = Record(**json.loads((folder / name / "record").read_text("utf-8")))
            files = {folder / name / file: entry for file, entry in (record.files or {}).items()}
            if record.format == FORMAT and all(
                list(stamp) == _stamp(path) or sha256 == sha256_of(path) for path, (sha256, stamp) in files.items()
            ):
                return Export(folder / name, record)
    return None


def make(name: str, home: Path, fill: Callable[[Path], Record]) -> Export:
    """The export called `name`, made by `fill` in an empty folder beside it and moved there when complete.

    Two processes at once make it once: the second waits and takes the first's. Whatever a killed one left is removed.
    Raises `OSError` where `home` can't be written.
    """
    from filelock import FileLock

    with FileLock(home / "lock"):
        if (made := find(name, [home])) is not None:
            return made
        for left in home.glob("*.part"):
            shutil.rmtree(left, ignore_errors=True)
        part, final = home / f"{name}.part", home / name
        part.mkdir()
        try:
            record = fill(part)
            files = {path.name: [sha256_of(path), _stamp(path)] for path in sorted(part.iterdir())}
            record = Record(**{**asdict(record), "files": files})
            write_text(part / "record", json.dumps(asdict(record), indent=1))
            shutil.rmtree(final, ignore_errors=True)  # damaged, or find() would have taken it
            part.rename(final)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return Export(final, record)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no such file or it holds something else."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def keep_json(path: Path, what: dict[str, Any]) -> None:
    """Writes a file that is only a shortcut: a folder that can't be written is no error."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part-file")
    with contextlib.suppress(OSError):
        part.write_text(json.dumps(what, indent=1), "utf-8")
        os.replace(part, path)


def hashes(files: Iterable[Path], folders: Sequence[Path]) -> dict[Path, str]:
    """The SHA-256 of each file; of one that is stamped as when it was last hashed, the hash it had then."""
    held = next((found for folder in folders if (found := read_json(folder / "hashes"))), {})
    now, result, learned = time.time(), {}, {}
    for path in files:
        stamp, entry = _stamp(path), held.get(str(path))
        if isinstance(entry, list) and len(entry) == 2 and entry[1] == stamp:
            result[path] = str(entry[0])
            continue
        result[path] = sha256_of(path)
        if now - max(stamp[1], stamp[2]) / 1e9 > _SETTLED_SECONDS and stamp[0] > 1 << 20:
            learned[str(path)] = [result[path], stamp]
    if learned and (home := writable_home(folders)) is not None:
        keep_json(home / "hashes", {**held, **learned})
    return result


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
