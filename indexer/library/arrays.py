"""Named arrays in one file, in the safetensors format: read where they lie, mapped, not copied."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from indexer.library import files

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {code[1:]: name for name, code in _TYPES.items()}


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes `arrays` to `path`, which is replaced. Raises `LibraryUnwritable` where the disk refuses.

    safetensors' own writer would hold all of them in memory three times.
    """
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))  # each begins at its own size
    header: dict[str, dict[str, object]] = {}
    end = 0
    for name, array in ordered:
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype.newbyteorder("=").str[1:]], "shape": list(array.shape),
                        "data_offsets": [start, end]}  # fmt: skip
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with files.writing(path.parent), path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, array in ordered:
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            file.write(little.ravel().view(np.uint8).data)


def read(path: Path, data: bytes | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file, read-only: mapped, or in its `data` where those are held.

    Raises `ValueError` where it is none that `write` made.
    """
    try:
        held = np.memmap(path, np.uint8, mode="r") if data is None else np.frombuffer(data, np.uint8)
        mapped = np.asarray(held)  # a plain array: quicker to take parts of
        (size,) = struct.unpack("<Q", mapped[:8].tobytes())
        header = json.loads(mapped[8 : 8 + size].tobytes())
        found = {}
        for name, about in header.items():
            a, b = about["data_offsets"]
            found[name] = mapped[8 + size + a : 8 + size + b].view(_TYPES[about["dtype"]]).reshape(about["shape"])
        return found
    except (struct.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no arrays") from error
