"""A document without its text, as a row of the catalogue has it: written from a `Document`, read as a `Summary`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from pydantic import TypeAdapter

from indexer.document import Document, Entry, Origin, TextKind, Version
from indexer.library import bodies

COLUMNS = (
    "position, id, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,"
    " numbered_pages, missing, versions, part_of, body, digest"
)
"""The columns of such a row, in order."""

_ENTRY = TypeAdapter(Entry)
_ORIGIN = TypeAdapter(Origin)
_MISSING = TypeAdapter(tuple[tuple[int, str], ...])
_VERSIONS = TypeAdapter(tuple[Version, ...])


@dataclass(frozen=True)
class Summary:
    """A document without its text. `pages` is how many numbered pages it has, None where there are none.

    `missing`, `versions` and `part_of` are as a `Document` has them. `body` is a hash of its body, `digest` one of all that
    its passages, their words and their vectors are made from; each "" where it isn't known.
    """

    position: int
    id: str
    text: TextKind
    title: str
    authors: tuple[str, ...]
    abstract: str
    date: str
    arxiv_id: str | None
    version: int | None
    newest: int | None
    link: str
    reason: str
    entry: Entry
    origin: Origin
    pages: int | None
    missing: tuple[tuple[int, str], ...]
    versions: tuple[Version, ...]
    part_of: str
    body: str = ""
    digest: str = ""

    @property
    def year(self) -> int | None:
        """The year of the date, or None."""
        return int(self.date[:4]) if self.date[:4].isdecimal() else None


def row_of(position: int, document: Document, pages: int | None, digest: str) -> tuple:
    """The row of a document; `position`, `pages` and `digest` are as a `Summary` has them."""
    return (
        position, document.id, document.text, document.title, json.dumps(document.authors), document.abstract,
        document.date, document.arxiv_id, document.version, document.newest, document.link, document.reason,
        _ENTRY.dump_json(document.entry).decode(), _ORIGIN.dump_json(document.origin).decode(), pages,
        _MISSING.dump_json(document.missing).decode(), _VERSIONS.dump_json(document.versions).decode(), document.part_of,
        bodies.digest_of(document), digest,
    )  # fmt: skip


def summary_of(row: tuple) -> Summary:
    """What a row says."""
    (position, id_, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,
     pages, missing, versions, part_of, body, digest) = row  # fmt: skip
    return Summary(
        position, id_, text, title, tuple(json.loads(authors)), abstract, date, arxiv_id, version, newest, link, reason,
        _ENTRY.validate_json(entry), _ORIGIN.validate_json(origin), pages,
        _MISSING.validate_json(missing), _VERSIONS.validate_json(versions), part_of, body, digest,
    )  # fmt: skip


class Summaries(Sequence[Summary]):
    """Documents by position, each read from its row when somebody first looks at it: a search looks at a few of thousands."""

    def __init__(self, rows: list[tuple]) -> None:
        self._rows: list[tuple | Summary] = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, position: int) -> Summary: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[Summary, ...]: ...

    def __getitem__(self, position: int | slice) -> Summary | tuple[Summary, ...]:
        if isinstance(position, slice):
            return tuple(self[each] for each in range(*position.indices(len(self._rows))))
        found = self._rows[position]
        if isinstance(found, tuple):  # two threads that read the same one come to the same
            found = self._rows[position] = summary_of(found)
        return found
