"""What is in the library: its papers, and one of them with its outline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from indexer import links
from indexer.document import Missing, TextKind, Version
from indexer.errors import UnknownDocument
from indexer.folding import writable
from indexer.library import Generation, Summary
from service.derived import Once


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
    """All papers, in the order of the sources; over HTTP some at a time: `next` is the cursor of those that follow."""

    generation: str
    papers: tuple[Paper, ...]
    next: str | None = None


@dataclass(frozen=True)
class Heading:
    """A section's heading; `anchor` is its place on a web page, `appendix` says that it stands in the appendix."""

    heading: str
    level: int
    page: int | None
    anchor: str | None
    appendix: bool


@dataclass(frozen=True)
class Cited:
    """An entry of the paper's bibliography, as far as it was understood: `raw` is all of it, as printed.

    `label` is the mark it is printed with, `page` where it stands, `mentions` how often the text mentions it.
    """

    n: int
    label: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    arxiv_id: str | None
    doi: str | None
    page: int | None
    mentions: int
    raw: str


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
    """One paper with its abstract, outline, references, and where it is listed.

    `kinds` counts its passages by kind. `versions` are other versions and copies of it that were brought too; the text
    is none of theirs.
    """

    generation: str
    paper: Paper
    abstract: str
    outline: tuple[Heading, ...]
    listed: tuple[Listed, ...]
    links: tuple[str, ...]
    passages: int
    kinds: dict[str, int]
    reference_count: int
    references: tuple[Cited, ...]
    missing: tuple[Missing, ...]
    versions: tuple[Version, ...]


def papers(generation: Generation) -> Papers:
    """Every paper of the library."""
    return Papers(generation.name, tuple(_paper(summary) for summary in generation.catalogue.summaries))


def paper(generation: Generation, document_id: str) -> OnePaper:
    """One paper. Raises `UnknownDocument`."""
    summary = summary_of(generation, document_id)
    held, position = generation.catalogue, summary.position
    numbers = held.page_numbers(position)
    outline = tuple(Heading(s.heading, s.level, numbers[s.page], s.anchor, s.appendix) for s in held.sections(position))
    listed = tuple(Listed(m.source, m.line, m.title, m.section, m.note, m.checked) for m in summary.entry.mentions)
    kinds = Counter(passage.kind for passage in held.passages_of(position))
    references = tuple(
        Cited(
            r.n,
            r.label,
            r.title,
            r.authors,
            r.year,
            r.arxiv_id,
            r.doi,
            numbers[r.page] if r.page < len(numbers) else None,
            len(r.mentions),
            r.raw,
        )  # a record that is known by its title alone has no page
        for r in held.references(position)
    )
    return OnePaper(
        generation.name, _paper(summary), summary.abstract, outline, listed,
        tuple(link.url for link in summary.entry.links), kinds.total(), dict(kinds.most_common()), len(references),
        references, tuple(Missing(*page) for page in summary.missing), summary.versions,
    )  # fmt: skip


def by_id(generation: Generation) -> Mapping[str, int]:
    """The position of each document, by its id; made once."""
    return _by_id(generation)


_by_id: Once[dict[str, int]] = Once(
    lambda generation: {summary.id: summary.position for summary in generation.catalogue.summaries}
)


def summary_of(generation: Generation, document_id: str) -> Summary:
    """The document with this id, or that this names otherwise: `arXiv:ID`, with a version, by its address.

    Raises `UnknownDocument`, with what is near.
    """
    if not document_id.strip():
        raise UnknownDocument("An id is empty.")
    document_id = writable(document_id)
    summary = generation.catalogue.summary(document_id) or _named_otherwise(generation, document_id.strip())
    if summary is None:
        raise UnknownDocument(f"No paper of this library has the id {document_id[:200]}.",
                              cure=_near(generation, document_id[:200]))  # fmt: skip
    return summary


def _named_otherwise(generation: Generation, name: str) -> Summary | None:
    """The one document that `name` is an address or a spelling of; None where there is none or several."""
    summaries = generation.catalogue.summaries
    address = (links.address(name) or ("", None))[0]
    arxiv_id = address.removeprefix("arxiv:") if address.startswith("arxiv:") else None
    if arxiv_id and (summary := generation.catalogue.summary(arxiv_id)):
        return summary
    for fits in (
        lambda s: arxiv_id is not None and s.arxiv_id == arxiv_id,
        lambda s: (address or name) in (*s.entry.addresses, s.link),
        lambda s: s.id.casefold() == name.casefold(),
    ):
        found = [summary for summary in summaries if fits(summary)]
        if len(found) == 1:
            return found[0]
    return None


def _near(generation: Generation, name: str) -> str:
    """The cure for an id that is none: those that look like it, or whose title does."""
    from rapidfuzz import fuzz, process, utils

    summaries = generation.catalogue.summaries
    scores: dict[int, float] = {}
    for texts, scorer, least in (([s.id for s in summaries], fuzz.ratio, 70),
                                 ([s.title for s in summaries], fuzz.token_set_ratio, 80)):  # fmt: skip
        for _, score, place in process.extract(
            name, texts, scorer=scorer, processor=utils.default_process, limit=3, score_cutoff=least
        ):
            scores[place] = max(score, scores.get(place, 0.0))
    places = sorted(scores, key=lambda place: (-scores[place], place))[:3]
    near = ", ".join(f"{summaries[place].id} ({summaries[place].title[:80]})" for place in places)
    return f"Near to it: {near}." if near else UnknownDocument.cure


def _paper(s: Summary) -> Paper:
    return Paper(s.id, s.title, s.year, s.text, s.pages, s.authors, s.date, s.link, s.arxiv_id, s.version, s.newest,
                 s.reason)  # fmt: skip
