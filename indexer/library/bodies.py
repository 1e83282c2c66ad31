"""The body of a document: its pages with what was understood of them, by far the most of it.

One that a generation holds is read from there only when something looks at it: what did not change costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from indexer.document import Block, Document, Extracted, Page, Reference, Section

FIELDS = ("pages", "sections", "blocks", "references")


@dataclass(frozen=True)
class Body:
    """The fields of a `Document`, or of what was extracted, that make its body."""

    pages: tuple[Page, ...]
    sections: tuple[Section, ...]
    blocks: tuple[Block, ...]
    references: tuple[Reference, ...]


_BODY = TypeAdapter(Body)


class Later(Sequence):
    """One field of a body that is read when it is first looked at. `digest` is the body's."""

    def __init__(self, digest: str, read: Callable[[], Sequence[Any]]) -> None:
        self.digest = digest
        self._read = read

    def __len__(self) -> int:
        return len(self._read())

    def __getitem__(self, at: Any) -> Any:
        return self._read()[at]


def later(digest: str, read: Callable[[], Body]) -> dict[str, Any]:
    """The fields of a body that `read` reads, once at most; `digest` is what `digest_of` says of it."""
    held = cache(read)
    return {name: Later(digest, lambda name=name: getattr(held(), name)) for name in FIELDS}


def digest_of(document: Document | Extracted) -> str:
    """A hash of a document's body; one that was not read yet is not read for it."""
    if isinstance(document.pages, Later):
        return document.pages.digest
    own = Body(*(getattr(document, name) for name in FIELDS))
    return hashlib.sha256(_BODY.dump_json(own, warnings=False)).hexdigest()
