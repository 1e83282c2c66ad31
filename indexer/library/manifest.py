"""A manifest: what a generation is made of, as `generations/<name>.json` says it, with a hash of itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from indexer.errors import FormatUnknown

FORMAT = 3
"""The number of this format of a library. A change that an older paperpath can't read raises it.

1: no kinds of passage, blocks, references or versions. 2: no words and no space; a vector for every passage.
A reindex goes on from either and writes the present one.
"""


@dataclass(frozen=True)
class Model:
    """The embedding model that a generation was made with. `fingerprint` changes with anything that changes vectors."""

    name: str
    dimension: int
    fingerprint: str


@dataclass(frozen=True)
class File:
    """One immutable file of a generation."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a generation is made of. `inputs` is a hash of all that went into it: equal inputs, equal answers.

    `sources` are the remembered ones, `excluded` the addresses that were taken out of them one by one, `kept_apart`
    those that are never merged with another.
    """

    name: str
    created: str
    model: Model
    documents: int
    passages: int
    inputs: str
    sources: tuple[str, ...]
    excluded: tuple[str, ...]
    files: dict[str, File]
    kept_apart: tuple[str, ...] = ()
    format: int = FORMAT


_MANIFEST = TypeAdapter(Manifest)


def manifest_text(manifest: Manifest) -> str:
    """A manifest as it is written: with a hash of itself."""
    body = json.dumps(asdict(manifest), sort_keys=True)
    return (
        json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "manifest": json.loads(body)}, indent=1) + "\n"
    )


def manifest_from(text: bytes) -> Manifest:
    """A manifest as it was written. Raises `ValueError`, `KeyError` or `TypeError` where it was altered, `FormatUnknown`."""
    data = json.loads(text)
    body = data["manifest"]
    if hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest() != data["sha256"]:
        raise ValueError("its checksum differs")
    if body["format"] > FORMAT:
        raise FormatUnknown(f"Generation {body['name']} has format {body['format']}; this paperpath reads {FORMAT}.")
    return _MANIFEST.validate_python(body)
