"""Writing a catalogue: from nothing, or from a copy of the one before, of which the documents that stay are kept.

In the file a document goes by a number and a passage by a row that they keep for as long as they stay, in generation after
generation: one more document is a copy of the file and a few rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from indexer.document import Document, Passage, Reference
from indexer.errors import GenerationDamaged, LibraryUnwritable
from indexer.library import files, summaries
from indexer.library.catalogue import crc_of
from indexer.library.kept import Kept

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
_OF_A_BODY = ("pages", "sections", "blocks", "bibliography", "mentions", "sentences")


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
            cut = (
                (row + n, number, p.page, p.start, p.end, p.section, p.kind, crc_of(text))
                for n, (p, text) in enumerate(zip(passages, texts, strict=True))
            )
            _insert(database, "passages", 8, cut)
            number, row = number + 1, row + len(passages)
        front = summaries.row_of(position, document, pages, digests[position] if digests else "")
        columns = f"documents ({summaries.COLUMNS}, number, first, passages)"
        _insert(database, columns, 23, [(*front, *place)])
        total += place[2]
    return total


def _insert_body(database: sqlite3.Connection, number: int, document: Document) -> None:
    pages = ((number, index, page.number, page.text) for index, page in enumerate(document.pages))
    _insert(database, "pages", 4, pages)
    sections = (
        (number, index, s.heading, s.level, s.page, s.start, s.anchor, s.appendix)
        for index, s in enumerate(document.sections)
    )
    _insert(database, "sections", 8, sections)
    blocks = ((number, index, b.kind, b.page, b.start, b.end, b.continued) for index, b in enumerate(document.blocks))
    _insert(database, "blocks", 7, blocks)
    _insert_references(database, number, document.references)


def _insert_references(database: sqlite3.Connection, number: int, references: Sequence[Reference]) -> None:
    sentences: dict[str, int] = {}  # one sentence often mentions several
    mentions = [
        (number, index, n, m.page, m.start, m.end, sentences.setdefault(m.sentence, len(sentences)), m.section)
        for index, reference in enumerate(references)
        for n, m in enumerate(reference.mentions)
    ]
    printed = (
        (number, index, r.n, r.raw, r.page, r.label, r.title, json.dumps(r.authors), r.year, r.venue, r.arxiv_id, r.doi)
        for index, r in enumerate(references)
    )
    _insert(database, "bibliography", 12, printed)
    _insert(database, "mentions", 8, mentions)
    _insert(database, "sentences", 3, ((number, index, text) for text, index in sentences.items()))


def _insert(database: sqlite3.Connection, table: str, columns: int, rows: Iterable[tuple]) -> None:
    database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
