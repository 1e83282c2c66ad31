"""The catalogue of a generation: its documents, their pages, sections and passages, in one SQLite file.

Written once, in one go, then only read. Readers open it as immutable: no lock, no journal, nothing beside it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from indexer.document import Document, Entry, Origin, Page, Passage, Section, TextKind
from indexer.errors import LibraryUnwritable

_SCHEMA = """
CREATE TABLE documents (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, title TEXT NOT NULL, authors TEXT NOT NULL,
    abstract TEXT NOT NULL, date TEXT NOT NULL, arxiv_id TEXT, version INTEGER, newest INTEGER, link TEXT NOT NULL,
    reason TEXT NOT NULL, entry TEXT NOT NULL, origin TEXT NOT NULL, numbered_pages INTEGER) STRICT;
CREATE TABLE pages (
    document INTEGER NOT NULL, page INTEGER NOT NULL, number INTEGER, text TEXT NOT NULL,
    PRIMARY KEY (document, page)) STRICT, WITHOUT ROWID;
CREATE TABLE sections (
    document INTEGER NOT NULL, section INTEGER NOT NULL, heading TEXT NOT NULL, level INTEGER NOT NULL,
    page INTEGER NOT NULL, start INTEGER NOT NULL, anchor TEXT, PRIMARY KEY (document, section)) STRICT, WITHOUT ROWID;
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, document INTEGER NOT NULL, page INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, section INTEGER) STRICT;
"""
_ENTRY = TypeAdapter(Entry)
_ORIGIN = TypeAdapter(Origin)
_COLUMNS = (
    "position, id, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,"
    " numbered_pages"
)


@dataclass(frozen=True)
class Summary:
    """A document without its text. `pages` is how many numbered pages it has, None where there are none."""

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

    @property
    def year(self) -> int | None:
        """The year of the date, or None."""
        return int(self.date[:4]) if self.date[:4].isdigit() else None


@dataclass(frozen=True)
class StoredPassage:
    """A passage as the library holds it. `text` is the page's text from `start` to `end`.

    `document` is the document's position, `page` the page's printed number (None where there is none).
    """

    id: int
    document: int
    text: str
    page: int | None
    start: int
    end: int
    section: str | None
    anchor: str | None


def write(path: Path, documents: Iterable[tuple[Document, Sequence[Passage]]]) -> tuple[int, int]:
    """Writes a catalogue to `path`, which must not exist. Returns the numbers of documents and of passages.

    Passages are numbered from 0 in the order given: the rows of the vectors that go with them.
    Raises `LibraryUnwritable` where the disk refuses.
    """
    passage_id = 0
    position = -1
    try:
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = OFF")  # a file that isn't whole is thrown away
            database.execute("PRAGMA synchronous = OFF")  # it is synced once, before it gets its name
            database.execute("BEGIN")
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            for position, (document, passages) in enumerate(documents):
                _insert(database, position, document)
                database.executemany(
                    "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)",
                    ((passage_id + n, position, p.page, p.start, p.end, p.section) for n, p in enumerate(passages)),
                )
                passage_id += len(passages)
            database.execute("COMMIT")
        finally:
            database.close()
    except sqlite3.OperationalError as error:
        raise LibraryUnwritable(f"Cannot write to {path.parent}: {error}.") from error
    return position + 1, passage_id


def _insert(database: sqlite3.Connection, position: int, document: Document) -> None:
    numbered = sum(page.number is not None for page in document.pages) or None
    database.execute(
        f"INSERT INTO documents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (position, document.id, document.text, document.title, json.dumps(document.authors), document.abstract,
         document.date, document.arxiv_id, document.version, document.newest, document.link, document.reason,
         _ENTRY.dump_json(document.entry).decode(), _ORIGIN.dump_json(document.origin).decode(), numbered),
    )  # fmt: skip
    database.executemany(
        "INSERT INTO pages VALUES (?, ?, ?, ?)",
        ((position, index, page.number, page.text) for index, page in enumerate(document.pages)),
    )
    database.executemany(
        "INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((position, index, s.heading, s.level, s.page, s.start, s.anchor) for index, s in enumerate(document.sections)),
    )


class Catalogue:
    """A catalogue opened for reading. Safe to use from several threads; the file may be unlinked meanwhile."""

    def __init__(self, path: Path) -> None:
        uri = path.resolve().as_uri() + "?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def __del__(self) -> None:  # a generation that was replaced goes when the last answer from it is given
        if database := getattr(self, "_database", None):
            database.close()

    def counts(self) -> tuple[int, int]:
        """The numbers of documents and of passages."""
        rows = self._rows("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)")
        return rows[0]

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """All documents without their texts, in the order of the sources: a document's position is its index."""
        return tuple(_summary(row) for row in self._rows(f"SELECT {_COLUMNS} FROM documents ORDER BY position"))

    def summary(self, document_id: str) -> Summary | None:
        """One document without its text, or None."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM documents WHERE id = ?", document_id)
        return _summary(rows[0]) if rows else None

    def document(self, document_id: str) -> Document | None:
        """One document whole, as it was written, or None."""
        found = self.summary(document_id)
        if found is None:
            return None
        pages = self._rows("SELECT text, number FROM pages WHERE document = ? ORDER BY page", found.position)
        return Document(
            found.id, found.text, found.entry, found.title, found.authors, found.abstract, found.date,
            tuple(Page(*row) for row in pages), tuple(self.sections(found.position)), found.arxiv_id, found.version,
            found.newest, found.link, found.reason, found.origin,
        )  # fmt: skip

    def sections(self, position: int) -> list[Section]:
        """The sections of the document at `position`."""
        rows = self._rows(
            "SELECT heading, level, page, start, anchor FROM sections WHERE document = ? ORDER BY section", position
        )
        return [Section(*row) for row in rows]

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """The passages with these ids, read back from their pages."""
        found = {}
        for start in range(0, len(ids), 500):
            some = [int(i) for i in ids[start : start + 500]]
            rows = self._rows(
                'SELECT p.id, p.document, substr(g.text, p.start + 1, p."end" - p.start), g.number, p.start, p."end",'
                " s.heading, s.anchor FROM passages p JOIN pages g ON g.document = p.document AND g.page = p.page"
                " LEFT JOIN sections s ON s.document = p.document AND s.section = p.section"
                f" WHERE p.id IN ({', '.join('?' * len(some))})",
                *some,
            )
            found.update((row[0], StoredPassage(*row)) for row in rows)
        return found

    @cached_property
    def documents_of(self) -> np.ndarray:
        """The document's position of each passage, by passage id: int64 of shape (passages,)."""
        return np.array([row[0] for row in self._rows("SELECT document FROM passages ORDER BY id")], np.int64)

    def passages_of(self, position: int) -> list[Passage]:
        """The passages of the document at `position`, in order."""
        rows = self._rows('SELECT page, start, "end", section FROM passages WHERE document = ? ORDER BY id', position)
        return [Passage(*row) for row in rows]

    def _rows(self, statement: str, *values: object) -> list[tuple]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


def _summary(row: tuple) -> Summary:
    (position, id_, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,
     pages) = row  # fmt: skip
    return Summary(
        position, id_, text, title, tuple(json.loads(authors)), abstract, date, arxiv_id, version, newest, link, reason,
        _ENTRY.validate_json(entry), _ORIGIN.validate_json(origin), pages,
    )  # fmt: skip
