"""The catalogue of a generation: its documents, their pages, sections, references and passages, in one SQLite file.

Written once (`catalogue_writing`), then only read. Readers open it as immutable: no lock, no journal, nothing beside it.

Readers see positions, which count the documents in the order of the sources, and ids, which count the passages in the
order of the documents; the numbers and rows of the file stay inside.
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

from indexer.document import Block, BlockKind, Document, Page, Passage, Reference, Section, TextMention
from indexer.errors import GenerationDamaged
from indexer.library import bodies, earlier
from indexer.library.summaries import COLUMNS, Summaries, Summary, summary_of

_OUTLINES = 1000  # held at once


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
        if lacks := earlier.LACKING.get(format or 0):
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
    def summaries(self) -> Summaries:
        """All documents without their texts, in the order of the sources: a document's position is its index."""
        return Summaries(self._rows(f"SELECT {COLUMNS} FROM documents ORDER BY position"))

    def summary(self, document_id: str) -> Summary | None:
        """One document without its text, or None."""
        rows = self._rows(f"SELECT {COLUMNS} FROM documents WHERE id = ?", document_id)
        return summary_of(rows[0]) if rows else None

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
                if crc_of(text) != crc:
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
            numbers.setdefault(("part", part_of) if part_of else ("", id_), len(numbers))
            for id_, part_of in self._rows("SELECT id, part_of FROM documents ORDER BY position")
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


def crc_of(text: str) -> int:
    """What is kept beside a passage to know its text by."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _marks(count: int) -> str:
    return ", ".join("?" * count)
