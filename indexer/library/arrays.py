"""Named arrays in one file, in the safetensors format: read where they lie, mapped, not copied."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from indexer.library import files

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "U8": "|u1", "BOOL": "|b1"}


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes `arrays` to `path`, which is replaced. Raises `LibraryUnwritable` where the disk refuses."""
    from safetensors.numpy import save

    with files.writing(path.parent):
        path.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, read-only and mapped. Raises `ValueError` where it is none that `write` made."""
    try:
        mapped = np.memmap(path, np.uint8, mode="r")
        (size,) = struct.unpack("<Q", mapped[:8].tobytes())
        header = json.loads(mapped[8 : 8 + size].tobytes())
        found = {}
        for name, about in header.items():
            if name == "__metadata__":
                continue
            a, b = about["data_offsets"]
            found[name] = mapped[8 + size + a : 8 + size + b].view(_TYPES[about["dtype"]]).reshape(about["shape"])
        return found
    except (struct.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no arrays") from error
