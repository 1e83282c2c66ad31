"""The catalogue of a generation: its documents, their pages, sections, references and passages, in one SQLite file.

Written once, in one go, then only read. Readers open it as immutable: no lock, no journal, nothing beside it.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from indexer.document import (
    Block,
    BlockKind,
    Document,
    Entry,
    Origin,
    Page,
    Passage,
    Reference,
    Section,
    TextKind,
    TextMention,
    Version,
)
from indexer.errors import LibraryUnwritable

_SCHEMA = """
CREATE TABLE documents (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, title TEXT NOT NULL,
    authors TEXT NOT NULL, abstract TEXT NOT NULL, date TEXT NOT NULL, arxiv_id TEXT, version INTEGER, newest INTEGER,
    link TEXT NOT NULL, reason TEXT NOT NULL, entry TEXT NOT NULL, origin TEXT NOT NULL, numbered_pages INTEGER,
    missing TEXT NOT NULL, versions TEXT NOT NULL, part_of TEXT NOT NULL) STRICT;
CREATE TABLE pages (
    document INTEGER NOT NULL, page INTEGER NOT NULL, number INTEGER, text TEXT NOT NULL,
    PRIMARY KEY (document, page)) STRICT;
CREATE TABLE sections (
    document INTEGER NOT NULL, section INTEGER NOT NULL, heading TEXT NOT NULL, level INTEGER NOT NULL,
    page INTEGER NOT NULL, start INTEGER NOT NULL, anchor TEXT, appendix INTEGER NOT NULL,
    PRIMARY KEY (document, section)) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (
    document INTEGER NOT NULL, block INTEGER NOT NULL, kind TEXT NOT NULL, page INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, continued INTEGER NOT NULL,
    PRIMARY KEY (document, block)) STRICT, WITHOUT ROWID;
CREATE TABLE bibliography (
    document INTEGER NOT NULL, reference INTEGER NOT NULL, n INTEGER NOT NULL, raw TEXT NOT NULL,
    page INTEGER NOT NULL, label TEXT NOT NULL, title TEXT NOT NULL, authors TEXT NOT NULL, year INTEGER,
    venue TEXT NOT NULL, arxiv_id TEXT, doi TEXT, PRIMARY KEY (document, reference)) STRICT, WITHOUT ROWID;
CREATE TABLE mentions (
    document INTEGER NOT NULL, reference INTEGER NOT NULL, mention INTEGER NOT NULL, page INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, sentence INTEGER NOT NULL, section INTEGER,
    PRIMARY KEY (document, reference, mention)) STRICT, WITHOUT ROWID;
CREATE TABLE sentences (
    document INTEGER NOT NULL, sentence INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (document, sentence)) STRICT, WITHOUT ROWID;
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, document INTEGER NOT NULL, page INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, section INTEGER, kind TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
"""
# What format 1 lacks, so that a catalogue of it reads like one of today. Names in `temp` go before those in the file.
_FROM_FORMAT_1 = """
CREATE TEMP VIEW documents AS SELECT *, '[]' AS missing, '[]' AS versions, '' AS part_of FROM main.documents;
CREATE TEMP VIEW sections AS SELECT *, 0 AS appendix FROM main.sections;
CREATE TEMP VIEW passages AS SELECT *, 'body' AS kind, 0 AS crc FROM main.passages;
CREATE TEMP TABLE blocks (document, block, kind, page, start, "end", continued);
CREATE TEMP TABLE bibliography (
    document, reference, n, raw, page, label, title, authors, year, venue, arxiv_id, doi);
CREATE TEMP TABLE mentions (document, reference, mention, page, start, "end", sentence, section);
CREATE TEMP TABLE sentences (document, sentence, text);
"""
_OUTLINES = 1000  # held at once
# What format 2 lacks.
_FROM_FORMAT_2 = """
CREATE TEMP VIEW documents AS SELECT *, '' AS part_of FROM main.documents;
"""
_ENTRY = TypeAdapter(Entry)
_ORIGIN = TypeAdapter(Origin)
_MISSING = TypeAdapter(tuple[tuple[int, str], ...])
_VERSIONS = TypeAdapter(tuple[Version, ...])
_COLUMNS = (
    "position, id, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,"
    " numbered_pages, missing, versions, part_of"
)


@dataclass(frozen=True)
class Summary:
    """A document without its text. `pages` is how many numbered pages it has, None where there are none.

    `missing`, `versions` and `part_of` are as a `Document` has them.
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

    @property
    def year(self) -> int | None:
        """The year of the date, or None."""
        return int(self.date[:4]) if self.date[:4].isdigit() else None


@dataclass(frozen=True)
class StoredPassage:
    """A passage as the library holds it. `text` is the page's text from `start` to `end`.

    `document` is the document's position, `page` the page's printed number (None where there is none). `section` is the
    heading it stands under and `path` the headings from the outermost to that one.
    """

    id: int
    document: int
    text: str
    page: int | None
    start: int
    end: int
    kind: BlockKind
    section: str | None
    anchor: str | None
    path: tuple[str, ...]


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
                texts = (document.pages[p.page].text[p.start : p.end] for p in passages)
                database.executemany(
                    "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        (passage_id + n, position, p.page, p.start, p.end, p.section, p.kind, _crc(text))
                        for n, (p, text) in enumerate(zip(passages, texts, strict=True))
                    ),
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
        f"INSERT INTO documents ({_COLUMNS}) VALUES ({_marks(18)})",
        (position, document.id, document.text, document.title, json.dumps(document.authors), document.abstract,
         document.date, document.arxiv_id, document.version, document.newest, document.link, document.reason,
         _ENTRY.dump_json(document.entry).decode(), _ORIGIN.dump_json(document.origin).decode(), numbered,
         _MISSING.dump_json(document.missing).decode(), _VERSIONS.dump_json(document.versions).decode(), document.part_of),
    )  # fmt: skip
    database.executemany(
        "INSERT INTO pages VALUES (?, ?, ?, ?)",
        ((position, index, page.number, page.text) for index, page in enumerate(document.pages)),
    )
    database.executemany(
        "INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (position, index, s.heading, s.level, s.page, s.start, s.anchor, s.appendix)
            for index, s in enumerate(document.sections)
        ),
    )
    database.executemany(
        "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((position, index, b.kind, b.page, b.start, b.end, b.continued) for index, b in enumerate(document.blocks)),
    )
    _insert_references(database, position, document.references)


def _insert_references(database: sqlite3.Connection, position: int, references: Sequence[Reference]) -> None:
    sentences: dict[str, int] = {}  # one sentence often mentions several
    for index, r in enumerate(references):
        database.execute(
            f"INSERT INTO bibliography VALUES ({_marks(12)})",
            (position, index, r.n, r.raw, r.page, r.label, r.title, json.dumps(r.authors), r.year, r.venue, r.arxiv_id,
             r.doi),
        )  # fmt: skip
        database.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    position,
                    index,
                    n,
                    m.page,
                    m.start,
                    m.end,
                    sentences.setdefault(m.sentence, len(sentences)),
                    m.section,
                )
                for n, m in enumerate(r.mentions)
            ),
        )
    database.executemany(
        "INSERT INTO sentences VALUES (?, ?, ?)", ((position, number, text) for text, number in sentences.items())
    )


def _crc(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


class Catalogue:
    """A catalogue opened for reading. Safe to use from several threads; the file may be unlinked meanwhile.

    One of an earlier `format` reads like one of today that lacks what that format had no room for; of format 1 all text
    is body.
    """

    def __init__(self, path: Path, *, format: int | None = None) -> None:
        uri = path.resolve().as_uri() + "?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self._outlines: dict[int, list[tuple[Section, tuple[str, ...]]]] = {}
        if lacks := {1: _FROM_FORMAT_1, 2: _FROM_FORMAT_2}.get(format or 0):
            self._database.execute("PRAGMA temp_store = MEMORY")
            self._database.executescript(lacks)

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
            found.newest, found.link, found.reason, found.origin, tuple(self.blocks(found.position)),
            tuple(self.references(found.position)), found.missing, found.versions, found.part_of,
        )  # fmt: skip

    def sections(self, position: int) -> list[Section]:
        """The sections of the document at `position`."""
        rows = self._rows(
            "SELECT heading, level, page, start, anchor, appendix FROM sections WHERE document = ? ORDER BY section",
            position,
        )
        return [Section(*fields, bool(appendix)) for *fields, appendix in rows]

    def blocks(self, position: int) -> list[Block]:
        """The blocks of the document at `position`, in reading order."""
        rows = self._rows(
            'SELECT kind, page, start, "end", continued FROM blocks WHERE document = ? ORDER BY block', position
        )
        return [Block(*fields, bool(continued)) for *fields, continued in rows]

    def blocks_between(self, position: int, first: int, last: int) -> list[Block]:
        """The blocks of the document at `position` on its pages from `first` to `last`, in reading order."""
        rows = self._rows(
            'SELECT kind, page, start, "end", continued FROM blocks'
            " WHERE document = ? AND page BETWEEN ? AND ? ORDER BY block",
            position, first, last,
        )  # fmt: skip
        return [Block(*fields, bool(continued)) for *fields, continued in rows]

    def references(self, position: int) -> list[Reference]:
        """The references of the document at `position`, as printed, each with the places where the text mentions it."""
        mentions: dict[int, list[TextMention]] = {}
        for row in self._rows(
            'SELECT m.reference, m.page, m.start, m."end", s.text, m.section FROM mentions m'
            " JOIN sentences s ON s.document = m.document AND s.sentence = m.sentence"
            " WHERE m.document = ? ORDER BY m.reference, m.mention",
            position,
        ):
            mentions.setdefault(row[0], []).append(TextMention(*row[1:]))
        rows = self._rows(
            "SELECT reference, n, raw, page, label, title, authors, year, venue, arxiv_id, doi FROM bibliography"
            " WHERE document = ? ORDER BY reference",
            position,
        )
        return [
            Reference(n, raw, page, label, title, tuple(json.loads(authors)), *rest, tuple(mentions.get(index, ())))
            for index, n, raw, page, label, title, authors, *rest in rows
        ]

    def page_numbers(self, position: int) -> list[int | None]:
        """The printed numbers of the pages of the document at `position`, None where a page has none."""
        return [row[0] for row in self._rows("SELECT number FROM pages WHERE document = ? ORDER BY page", position)]

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """The passages with these ids, read back from their pages.

        One whose page no longer says what it said when the passage was cut is left out: it would be no quotation.
        """
        found = {}
        for start in range(0, len(ids), 500):
            some = [int(i) for i in ids[start : start + 500]]
            rows = self._rows(
                'SELECT p.id, p.document, substr(g.text, p.start + 1, p."end" - p.start), g.number, p.start, p."end",'
                " p.kind, p.section, p.crc FROM passages p JOIN pages g ON g.document = p.document AND g.page = p.page"
                f" WHERE p.id IN ({_marks(len(some))})",
                *some,
            )
            for *fields, section, crc in rows:
                if _crc(fields[2]) != crc:
                    continue
                heading, path = self.outline(fields[1])[section] if section is not None else (None, ())
                found[fields[0]] = StoredPassage(
                    *fields, heading.heading if heading else None, heading.anchor if heading else None, path
                )
        return found

    def outline(self, position: int) -> list[tuple[Section, tuple[str, ...]]]:
        """The sections of the document at `position`, each with the headings that lead to it."""
        if (held := self._outlines.get(position)) is None:
            sections = self.sections(position)
            held = list(zip(sections, paths_of(sections), strict=True))
            if len(self._outlines) >= _OUTLINES:
                self._outlines.clear()
            self._outlines[position] = held
        return held

    @cached_property
    def documents_of(self) -> np.ndarray:
        """The document's position of each passage, by passage id: int64 of shape (passages,)."""
        return np.array([row[0] for row in self._rows("SELECT document FROM passages ORDER BY id")], np.int64)

    @cached_property
    def pages_of(self) -> np.ndarray:
        """The page of each passage as an index into its document's pages, by passage id: int64 of shape (passages,)."""
        return np.array([row[0] for row in self._rows("SELECT page FROM passages ORDER BY id")], np.int64)

    def page_texts(self, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Page]:
        """The stored pages by document's position and index among its pages; pairs that name none are left out."""
        found = {}
        for start in range(0, len(pairs), 400):
            some = [(int(document), int(page)) for document, page in pairs[start : start + 400]]
            rows = self._rows(  # SQLite looks each pair up where they are joined; with IN it reads every page
                "SELECT g.document, g.page, g.text, g.number FROM (SELECT column1 AS d, column2 AS p FROM"
                f" (VALUES {', '.join(['(?, ?)'] * len(some))})) JOIN pages g ON g.document = d AND g.page = p",
                *itertools.chain.from_iterable(some),
            )
            found |= {(document, page): Page(text, number) for document, page, text, number in rows}
        return found

    @cached_property
    def papers_of(self) -> np.ndarray | None:
        """The number of the paper of each passage, by passage id: int64 of shape (passages,).

        Records that are parts of one paper share its number. None where there is no such record.
        """
        numbers: dict[tuple[str, str], int] = {}
        papers = [
            numbers.setdefault(("part", s.part_of) if s.part_of else ("", s.id), len(numbers)) for s in self.summaries
        ]
        return np.array(papers)[self.documents_of] if len(numbers) < len(papers) else None

    @cached_property
    def kinds_of(self) -> tuple[np.ndarray, np.ndarray]:
        """The kinds of passage that there are, and by passage id which of them it is: int64 of shape (passages,)."""
        kinds = np.array([row[0] for row in self._rows("SELECT kind FROM passages ORDER BY id")], np.str_)
        return np.unique(kinds, return_inverse=True)

    @cached_property
    def sections_of(self) -> np.ndarray:
        """The section of each passage as an index into its document's sections, -1 before the first: int64, by passage id."""
        rows = self._rows("SELECT ifnull(section, -1) FROM passages ORDER BY id")
        return np.array([row[0] for row in rows], np.int64)

    def headings(self) -> list[tuple[int, str, int]]:
        """The document's position, heading and level of every section of the library, in order."""
        return self._rows("SELECT document, heading, level FROM sections ORDER BY document, section")

    def texts(self, ids: Sequence[int]) -> dict[int, str]:
        """The texts of the passages with these ids, read back from their pages, and nothing else of them."""
        found: dict[int, str] = {}
        for start in range(0, len(ids), 500):
            some = [int(i) for i in ids[start : start + 500]]
            found |= self._rows(
                'SELECT p.id, substr(g.text, p.start + 1, p."end" - p.start) FROM passages p'
                f" JOIN pages g ON g.document = p.document AND g.page = p.page WHERE p.id IN ({_marks(len(some))})",
                *some,
            )
        return found

    def passages_of(self, position: int) -> list[Passage]:
        """The passages of the document at `position`, in order."""
        rows = self._rows(
            'SELECT page, start, "end", section, kind FROM passages WHERE document = ? ORDER BY id', position
        )
        return [Passage(*row) for row in rows]

    def _rows(self, statement: str, *values: object) -> list[tuple]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


def _summary(row: tuple) -> Summary:
    (position, id_, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,
     pages, missing, versions, part_of) = row  # fmt: skip
    return Summary(
        position, id_, text, title, tuple(json.loads(authors)), abstract, date, arxiv_id, version, newest, link, reason,
        _ENTRY.validate_json(entry), _ORIGIN.validate_json(origin), pages,
        _MISSING.validate_json(missing), _VERSIONS.validate_json(versions), part_of,
    )  # fmt: skip


def paths_of(sections: Sequence[Section]) -> list[tuple[str, ...]]:
    """For each section the headings that lead to it, from the outermost to its own."""
    paths: list[tuple[str, ...]] = []
    above: list[Section] = []
    for section in sections:
        while above and above[-1].level >= section.level:
            above.pop()
        above.append(section)
        paths.append(tuple(s.heading for s in above))
    return paths
