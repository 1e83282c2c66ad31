"""The catalogue of a generation: its documents, their pages, sections, references and passages, in one SQLite file.

Written once, then only read. Readers open it as immutable: no lock, no journal, nothing beside it.

In the file a document goes by a number and a passage by a row that they keep for as long as they stay, in generation after
generation: one more document is a copy of the file and a few rows. Whoever reads sees positions instead, which count the
documents in the order of the sources, and ids, which count the passages in the order of the documents.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

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
from indexer.errors import GenerationDamaged, LibraryUnwritable
from indexer.library import bodies, files

_SCHEMA = """
CREATE TABLE documents (
    position INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, first INTEGER NOT NULL, passages INTEGER NOT NULL,
    body TEXT NOT NULL, digest TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, title TEXT NOT NULL,
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
# What format 2 lacks, so that a catalogue of it reads like one of today. Names in `temp` go before those in the file.
_FROM_FORMAT_2 = """
CREATE TEMP TABLE counted AS
    SELECT document, min(id) AS first, count(*) AS passages FROM main.passages GROUP BY document;
CREATE TEMP VIEW documents AS
    SELECT d.*, position AS number, ifnull(first, 0) AS first, ifnull(passages, 0) AS passages, '' AS body, '' AS digest,
    '' AS part_of FROM main.documents d LEFT JOIN counted ON document = position;
"""
# What format 1 lacks.
_FROM_FORMAT_1 = (
    _FROM_FORMAT_2.replace("'' AS part_of", "'' AS part_of, '[]' AS missing, '[]' AS versions")
    + """
CREATE TEMP VIEW sections AS SELECT *, 0 AS appendix FROM main.sections;
CREATE TEMP VIEW passages AS SELECT *, 'body' AS kind, 0 AS crc FROM main.passages;
CREATE TEMP TABLE blocks (document, block, kind, page, start, "end", continued);
CREATE TEMP TABLE bibliography (
    document, reference, n, raw, page, label, title, authors, year, venue, arxiv_id, doi);
CREATE TEMP TABLE mentions (document, reference, mention, page, start, "end", sentence, section);
CREATE TEMP TABLE sentences (document, sentence, text);
"""
)
_OF_A_BODY = ("pages", "sections", "blocks", "bibliography", "mentions", "sentences")
_OUTLINES = 1000  # held at once
_ENTRY = TypeAdapter(Entry)
_ORIGIN = TypeAdapter(Origin)
_MISSING = TypeAdapter(tuple[tuple[int, str], ...])
_VERSIONS = TypeAdapter(tuple[Version, ...])
_COLUMNS = (
    "position, id, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,"
    " numbered_pages, missing, versions, part_of, body, digest"
)


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


@dataclass(frozen=True)
class Kept:
    """What a generation takes over of the one before: documents of which nothing but the front may have changed.

    `documents` (int64, shape (documents,)) has the position there of each document, -1 for one to be written anew; each at
    most once. `counts` (int64) is how many passages each document has. `passages` (int64, by passage id there) has the ids
    that the passages get, -1 for those that go.
    """

    catalogue: Catalogue
    documents: np.ndarray
    counts: np.ndarray
    passages: np.ndarray


def keeping(catalogue: Catalogue, documents: np.ndarray, counts: np.ndarray) -> Kept:
    """What is kept of `catalogue`; `documents` and `counts` are as `Kept` has them."""
    own = np.flatnonzero(documents >= 0)
    there = documents[own]
    further = np.zeros(len(catalogue.counts_of), np.int64)  # by position there, how far its passages' ids move
    further[there] = (np.cumsum(counts) - counts)[own] - (np.cumsum(catalogue.counts_of) - catalogue.counts_of)[there]
    stays = np.zeros(len(further), bool)
    stays[there] = True
    owner = catalogue.documents_of
    return Kept(catalogue, documents, counts, np.where(stays[owner], np.arange(len(owner)) + further[owner], -1))


def write(
    path: Path, documents: Sequence[tuple[Document, Sequence[Passage]]], digests: Sequence[str] = (),
    kept: Kept | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Writes a catalogue to `path`, which must not exist. Returns the numbers of documents and of passages.

    Passages get ids from 0 in the order given. `digests` are the documents' (see `Summary`). Of a document that is `kept`
    neither body nor passages are looked at. Raises `LibraryUnwritable` where the disk refuses.
    """
    try:
        if kept is not None:
            with files.writing(path.parent):
                kept.catalogue.copy_to(path)
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = OFF")  # a file that isn't whole is thrown away
            database.execute("PRAGMA synchronous = OFF")  # it is synced once, before it gets its name
            database.execute("BEGIN")
            if kept is None:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
            else:
                _drop(database, kept)
            passages = _write(database, documents, digests, kept)
            database.execute("COMMIT")
            packed = _packed(database, path)
        finally:
            database.close()
        if packed is not None:
            packed.replace(path)
    except sqlite3.OperationalError as error:
        raise LibraryUnwritable(f"Cannot write to {path.parent}: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise GenerationDamaged(f"What {path} was to be made from is damaged: {error}.") from error
    return len(documents), passages


def _packed(database: sqlite3.Connection, path: Path) -> Path | None:
    """A copy beside `path` without the room that removed rows left, where that is more than a quarter of the file."""
    (free,), (pages,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count"))
    if free <= pages // 4:
        return None
    packed = path.with_name("packed.part")
    database.execute("VACUUM INTO ?", (str(packed),))
    return packed


def _drop(database: sqlite3.Connection, kept: Kept) -> None:
    """Removes the bodies and the passages that are not kept, and every front."""
    stay = set(kept.documents.tolist())
    for position, (number, first, count) in enumerate(kept.catalogue.places):
        if position not in stay:
            for table in _OF_A_BODY:
                database.execute(f"DELETE FROM {table} WHERE document = ?", (number,))
            database.execute("DELETE FROM passages WHERE id >= ? AND id < ?", (first, first + count))
    database.execute("DELETE FROM documents")


def _write(
    database: sqlite3.Connection, documents: Sequence[tuple[Document, Sequence[Passage]]], digests: Sequence[str],
    kept: Kept | None,
) -> int:  # fmt: skip
    """Adds every front, and the bodies and passages that are not kept. Returns how many passages there are in all."""
    places = kept.catalogue.places if kept else []
    number = max((place[0] for place in places), default=-1) + 1
    row = max((first + count for _, first, count in places), default=0)
    total = 0
    for position, (document, passages) in enumerate(documents):
        before = int(kept.documents[position]) if kept else -1
        if before >= 0:
            assert kept is not None
            pages, place = kept.catalogue.summaries[before].pages, places[before]
        else:
            pages, place = sum(page.number is not None for page in document.pages) or None, (number, row, len(passages))
            _insert_body(database, number, document)
            texts = (document.pages[p.page].text[p.start : p.end] for p in passages)
            database.executemany(
                f"INSERT INTO passages VALUES ({_marks(8)})",
                (
                    (row + n, number, p.page, p.start, p.end, p.section, p.kind, _crc(text))
                    for n, (p, text) in enumerate(zip(passages, texts, strict=True))
                ),
            )
            number, row = number + 1, row + len(passages)
        _insert_front(database, position, place, document, pages, digests[position] if digests else "")
        total += place[2]
    return total


def _insert_front(
    database: sqlite3.Connection, position: int, place: tuple[int, int, int], document: Document, pages: int | None,
    digest: str,
) -> None:  # fmt: skip
    database.execute(
        f"INSERT INTO documents ({_COLUMNS}, number, first, passages) VALUES ({_marks(23)})",
        (position, document.id, document.text, document.title, json.dumps(document.authors), document.abstract,
         document.date, document.arxiv_id, document.version, document.newest, document.link, document.reason,
         _ENTRY.dump_json(document.entry).decode(), _ORIGIN.dump_json(document.origin).decode(), pages,
         _MISSING.dump_json(document.missing).decode(), _VERSIONS.dump_json(document.versions).decode(), document.part_of,
         bodies.digest_of(document), digest, *place),
    )  # fmt: skip


def _insert_body(database: sqlite3.Connection, number: int, document: Document) -> None:
    database.executemany(
        "INSERT INTO pages VALUES (?, ?, ?, ?)",
        ((number, index, page.number, page.text) for index, page in enumerate(document.pages)),
    )
    database.executemany(
        "INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, index, s.heading, s.level, s.page, s.start, s.anchor, s.appendix)
            for index, s in enumerate(document.sections)
        ),
    )
    database.executemany(
        "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((number, index, b.kind, b.page, b.start, b.end, b.continued) for index, b in enumerate(document.blocks)),
    )
    _insert_references(database, number, document.references)


def _insert_references(database: sqlite3.Connection, number: int, references: Sequence[Reference]) -> None:
    sentences: dict[str, int] = {}  # one sentence often mentions several
    for index, r in enumerate(references):
        database.execute(
            f"INSERT INTO bibliography VALUES ({_marks(12)})",
            (number, index, r.n, r.raw, r.page, r.label, r.title, json.dumps(r.authors), r.year, r.venue, r.arxiv_id,
             r.doi),
        )  # fmt: skip
        database.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    number,
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
        "INSERT INTO sentences VALUES (?, ?, ?)", ((number, index, text) for text, index in sentences.items())
    )


def _crc(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


class Catalogue:
    """A catalogue opened for reading: in memory where the file's `data` are given, else where it lies.

    Safe to use from several threads; the file may be unlinked meanwhile. What can't be read is a `GenerationDamaged`.
    One of an earlier `format` reads like one of today that lacks what that format had no room for; of format 1 all text
    is body.
    """

    def __init__(self, path: Path, data: bytes | None = None, *, format: int | None = None) -> None:
        self.path = path.resolve()
        self._in_memory = data is not None and hasattr(sqlite3.Connection, "deserialize")
        if self._in_memory:
            self._database = sqlite3.connect(":memory:", check_same_thread=False)
            self._database.deserialize(data)
        else:
            uri = self.path.as_uri() + "?mode=ro&immutable=1"
            self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self._outlines: dict[int, list[tuple[Section, tuple[str, ...]]]] = {}
        if lacks := {1: _FROM_FORMAT_1, 2: _FROM_FORMAT_2}.get(format or 0):
            self._database.execute("PRAGMA temp_store = MEMORY")
            self._database.executescript(lacks)
        self.places: list[tuple[int, int, int]] = self._rows(
            "SELECT number, first, passages FROM documents ORDER BY position"
        )
        """Where the file has each document, by position: its number, the row of its first passage, and how many it has."""

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def copy_to(self, path: Path) -> None:
        """Writes a copy of the file to `path`."""
        if self._in_memory:
            with self._lock:
                path.write_bytes(self._database.serialize())
        else:
            shutil.copyfile(self.path, path)

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

    def document(self, document_id: str, *, later: bool = False) -> Document | None:
        """One document whole, as it was written, or None. With `later` its body is read when something looks at it."""
        found = self.summary(document_id)
        if found is None:
            return None
        body = (self.body(found.body) if later else None) or vars(self._body(found.position))
        return Document(
            id=found.id, text=found.text, entry=found.entry, title=found.title, authors=found.authors,
            abstract=found.abstract, date=found.date, arxiv_id=found.arxiv_id, version=found.version,
            newest=found.newest, link=found.link, reason=found.reason, origin=found.origin, missing=found.missing,
            versions=found.versions, part_of=found.part_of, **body,
        )  # fmt: skip

    def body(self, digest: str) -> dict[str, Any] | None:
        """The fields of the body with this digest, each read when something looks at it; None where it isn't held."""
        position = self._bodies.get(digest)
        return None if position is None else bodies.later(digest, lambda: self._body(position))

    @cached_property
    def _bodies(self) -> dict[str, int]:
        return {summary.body: summary.position for summary in self.summaries if summary.body}

    def _body(self, position: int) -> bodies.Body:
        pages = self._rows("SELECT text, number FROM pages WHERE document = ? ORDER BY page", self._number(position))
        return bodies.Body(
            tuple(Page(*row) for row in pages), tuple(self.sections(position)), tuple(self.blocks(position)),
            tuple(self.references(position)),
        )  # fmt: skip

    def _number(self, position: int) -> int:
        """The number by which the file has the document at `position`; one that no document has where there is none."""
        return self.places[position][0] if 0 <= position < len(self.places) else -1

    def sections(self, position: int) -> list[Section]:
        """The sections of the document at `position`."""
        rows = self._rows(
            "SELECT heading, level, page, start, anchor, appendix FROM sections WHERE document = ? ORDER BY section",
            self._number(position),
        )
        return [Section(*fields, bool(appendix)) for *fields, appendix in rows]

    def blocks(self, position: int) -> list[Block]:
        """The blocks of the document at `position`, in reading order."""
        rows = self._rows(
            'SELECT kind, page, start, "end", continued FROM blocks WHERE document = ? ORDER BY block',
            self._number(position),
        )
        return [Block(*fields, bool(continued)) for *fields, continued in rows]

    def lengths(self) -> list[dict[str, tuple[int, int]]]:
        """By position, how much of each kind a document has before its appendix: blocks, and characters in them.

        The appendix's own prose is there, as a kind. A document without blocks has the kind `body` alone: all its pages.
        """
        found: list[dict[str, tuple[int, int]]] = [{} for _ in self.places]
        for position, kind, blocks, characters in self._rows(
            'SELECT d.position, b.kind, count(*), sum(b."end" - b.start) FROM documents d'
            " JOIN blocks b ON b.document = d.number LEFT JOIN"
            " (SELECT document, min(page) AS page FROM sections WHERE appendix GROUP BY document) a ON a.document = d.number"
            " WHERE a.page IS NULL OR b.page <= a.page OR b.kind = 'appendix' GROUP BY d.position, b.kind"
        ):
            found[position][kind] = blocks, characters
        for position, characters in self._rows(
            "SELECT d.position, sum(length(g.text)) FROM documents d JOIN pages g ON g.document = d.number"
            " WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.document = d.number) GROUP BY d.position"
        ):
            found[position]["body"] = 1, characters
        return found

    def blocks_between(self, position: int, first: int, last: int) -> list[Block]:
        """The blocks of the document at `position` on its pages from `first` to `last`, in reading order."""
        rows = self._rows(
            'SELECT kind, page, start, "end", continued FROM blocks'
            " WHERE document = ? AND page BETWEEN ? AND ? ORDER BY block",
            self._number(position), first, last,
        )  # fmt: skip
        return [Block(*fields, bool(continued)) for *fields, continued in rows]

    def references(self, position: int) -> list[Reference]:
        """The references of the document at `position`, as printed, each with the places where the text mentions it."""
        mentions: dict[int, list[TextMention]] = {}
        for row in self._rows(
            'SELECT m.reference, m.page, m.start, m."end", s.text, m.section FROM mentions m'
            " JOIN sentences s ON s.document = m.document AND s.sentence = m.sentence"
            " WHERE m.document = ? ORDER BY m.reference, m.mention",
            self._number(position),
        ):
            mentions.setdefault(row[0], []).append(TextMention(*row[1:]))
        rows = self._rows(
            "SELECT reference, n, raw, page, label, title, authors, year, venue, arxiv_id, doi FROM bibliography"
            " WHERE document = ? ORDER BY reference",
            self._number(position),
        )
        return [
            Reference(n, raw, page, label, title, tuple(json.loads(authors)), *rest, tuple(mentions.get(index, ())))
            for index, n, raw, page, label, title, authors, *rest in rows
        ]

    def page_numbers(self, position: int) -> list[int | None]:
        """The printed numbers of the pages of the document at `position`, None where a page has none."""
        return [
            row[0]
            for row in self._rows("SELECT number FROM pages WHERE document = ? ORDER BY page", self._number(position))
        ]

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """The passages with these ids, read back from their pages.

        One whose page no longer says what it said when the passage was cut is left out: it would be no quotation.
        """
        found = {}
        for some in self._in_rows(ids):
            rows = self._rows(
                'SELECT p.id, substr(g.text, p.start + 1, p."end" - p.start), g.number, p.start, p."end",'
                " p.kind, p.section, p.crc FROM passages p JOIN pages g ON g.document = p.document AND g.page = p.page"
                f" WHERE p.id IN ({_marks(len(some))})",
                *some,
            )
            for row, text, *fields, section, crc in rows:
                if _crc(text) != crc:
                    continue
                passage = some[row]
                position = int(self.documents_of[passage])
                heading, path = self.outline(position)[section] if section is not None else (None, ())
                found[passage] = StoredPassage(
                    passage, position, text, *fields, heading.heading if heading else None,
                    heading.anchor if heading else None, path,
                )  # fmt: skip
        return found

    def _in_rows(self, ids: Sequence[int]) -> Iterator[dict[int, int]]:
        """The ids of passages that there are, some at a time, by the rows in which the file has them."""
        known = [int(i) for i in ids if 0 <= i < len(self._row_of)]
        for start in range(0, len(known), 500):
            some = known[start : start + 500]
            yield dict(zip(self._row_of[some].tolist(), some, strict=True))

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
    def counts_of(self) -> np.ndarray:
        """How many passages each document has, by position: int64 of shape (documents,)."""
        return np.array([count for _, _, count in self.places], np.int64)

    @cached_property
    def documents_of(self) -> np.ndarray:
        """The document's position of each passage, by passage id: int64 of shape (passages,)."""
        return np.repeat(np.arange(len(self.places)), self.counts_of)

    @cached_property
    def pages_of(self) -> np.ndarray:
        """The page of each passage as an index into its document's pages, by passage id: int64 of shape (passages,)."""
        return self._by_passage("page")

    @cached_property
    def _row_of(self) -> np.ndarray:
        """The row in which the file has each passage, by passage id: int64 of shape (passages,)."""
        firsts = np.array([first for _, first, _ in self.places], np.int64)
        starts = np.cumsum(self.counts_of) - self.counts_of
        return np.arange(len(self.documents_of)) + (firsts - starts)[self.documents_of]

    def _by_passage(self, column: str, numbers: dict[Any, int] | None = None) -> np.ndarray:
        """A column of the passages, by passage id: int64 of shape (passages,). `numbers` stand for what is no number."""
        values = (row[0] for row in self._rows(f"SELECT {column} FROM passages ORDER BY id"))
        found = np.empty(len(self._row_of), np.int64)
        found[np.argsort(self._row_of, kind="stable")] = np.fromiter(
            values if numbers is None else map(numbers.__getitem__, values), np.int64, len(found)
        )
        return found

    def page_texts(self, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Page]:
        """The stored pages by document's position and index among its pages; pairs that name none are left out."""
        found = {}
        for start in range(0, len(pairs), 400):
            some = {(self._number(int(pair[0])), int(pair[1])): pair for pair in pairs[start : start + 400]}
            rows = self._rows(  # SQLite looks each pair up where they are joined; with IN it reads every page
                "SELECT g.document, g.page, g.text, g.number FROM (SELECT column1 AS d, column2 AS p FROM"
                f" (VALUES {', '.join(['(?, ?)'] * len(some))})) JOIN pages g ON g.document = d AND g.page = p",
                *itertools.chain.from_iterable(some),
            )
            found |= {(int(some[row[:2]][0]), row[1]): Page(*row[2:]) for row in rows}
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
        names = sorted(row[0] for row in self._rows("SELECT DISTINCT kind FROM passages"))
        return np.array(names, np.str_), self._by_passage("kind", {name: n for n, name in enumerate(names)})

    @cached_property
    def sections_of(self) -> np.ndarray:
        """The section of each passage as an index into its document's sections, -1 before the first: int64, by passage id."""
        return self._by_passage("ifnull(section, -1)")

    def headings(self) -> list[tuple[int, str, int]]:
        """The document's position, heading and level of every section of the library, in order."""
        return self._rows(
            "SELECT d.position, s.heading, s.level FROM documents d JOIN sections s ON s.document = d.number"
            " ORDER BY d.position, s.section"
        )

    def texts(self, ids: Sequence[int]) -> dict[int, str]:
        """The texts of the passages with these ids, read back from their pages, and nothing else of them."""
        found: dict[int, str] = {}
        for some in self._in_rows(ids):
            rows = self._rows(
                'SELECT p.id, substr(g.text, p.start + 1, p."end" - p.start) FROM passages p'
                f" JOIN pages g ON g.document = p.document AND g.page = p.page WHERE p.id IN ({_marks(len(some))})",
                *some,
            )
            found |= {some[row]: text for row, text in rows}
        return found

    def passages_of(self, position: int) -> list[Passage]:
        """The passages of the document at `position`, in order."""
        _, first, count = self.places[position]
        rows = self._rows(
            'SELECT page, start, "end", section, kind FROM passages WHERE id >= ? AND id < ? ORDER BY id',
            first,
            first + count,
        )
        return [Passage(*row) for row in rows]

    def _rows(self, statement: str, *values: object) -> list[tuple]:
        try:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        except sqlite3.ProgrammingError:  # a fault of ours
            raise
        except sqlite3.DatabaseError as error:
            raise GenerationDamaged(f"{self.path} can't be read: {error}.") from error


def ids_of(data: bytes) -> frozenset[str]:
    """The ids of the documents in the bytes of a catalogue, of any format."""
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(data)
        return frozenset(row[0] for row in database.execute("SELECT id FROM documents"))
    except sqlite3.DatabaseError as error:
        raise GenerationDamaged(f"The catalogue can't be read: {error}.") from error
    finally:
        database.close()


def _summary(row: tuple) -> Summary:
    (position, id_, text, title, authors, abstract, date, arxiv_id, version, newest, link, reason, entry, origin,
     pages, missing, versions, part_of, body, digest) = row  # fmt: skip
    return Summary(
        position, id_, text, title, tuple(json.loads(authors)), abstract, date, arxiv_id, version, newest, link, reason,
        _ENTRY.validate_json(entry), _ORIGIN.validate_json(origin), pages,
        _MISSING.validate_json(missing), _VERSIONS.validate_json(versions), part_of, body, digest,
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
