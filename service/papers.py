"""What is in the library: its papers, and one of them with its outline."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.document import TextKind
from indexer.errors import UnknownDocument
from indexer.library import Generation, Summary


@dataclass(frozen=True)
class Paper:
    """A paper of the library. `text` is full, digest, record or title; `reason` says why it is not full.

    `pages` is null where there are no numbered pages. `version` is the arXiv version of the text, `newest` the newest.
    """

    id: str
    title: str
    year: int | None
    text: TextKind
    pages: int | None
    authors: tuple[str, ...]
    date: str
    link: str
    arxiv_id: str | None
    version: int | None
    newest: int | None
    reason: str


@dataclass(frozen=True)
class Papers:
    """All papers, in the order of the sources."""

    generation: str
    papers: tuple[Paper, ...]


@dataclass(frozen=True)
class Heading:
    """A section's heading; `anchor` is its place on a web page."""

    heading: str
    level: int
    page: int | None
    anchor: str | None


@dataclass(frozen=True)
class Listed:
    """A place where a source lists the paper."""

    source: str
    line: int | None
    title: str
    section: tuple[str, ...]
    note: str
    checked: bool | None


@dataclass(frozen=True)
class OnePaper:
    """One paper with its abstract, outline, and where it is listed."""

    generation: str
    paper: Paper
    abstract: str
    outline: tuple[Heading, ...]
    listed: tuple[Listed, ...]
    links: tuple[str, ...]
    passages: int


def papers(generation: Generation) -> Papers:
    """Every paper of the library."""
    return Papers(generation.name, tuple(_paper(summary) for summary in generation.catalogue.summaries))


def paper(generation: Generation, document_id: str) -> OnePaper:
    """One paper. Raises `UnknownDocument`."""
    summary = summary_of(generation, document_id)
    document = generation.catalogue.document(summary.id)
    assert document is not None
    outline = tuple(Heading(s.heading, s.level, document.pages[s.page].number, s.anchor) for s in document.sections)
    listed = tuple(Listed(m.source, m.line, m.title, m.section, m.note, m.checked) for m in summary.entry.mentions)
    return OnePaper(
        generation.name, _paper(summary), document.abstract, outline, listed,
        tuple(link.url for link in summary.entry.links), len(generation.catalogue.passages_of(summary.position)),
    )  # fmt: skip


def summary_of(generation: Generation, document_id: str) -> Summary:
    """The document with this id. Raises `UnknownDocument`."""
    summary = generation.catalogue.summary(document_id)
    if summary is None:
        raise UnknownDocument(f"No paper of this library has the id {document_id}.")
    return summary


def _paper(s: Summary) -> Paper:
    return Paper(s.id, s.title, s.year, s.text, s.pages, s.authors, s.date, s.link, s.arxiv_id, s.version, s.newest,
                 s.reason)  # fmt: skip
