"""One file, as it is understood: what `paperpath text` shows, so that a person can judge it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from indexer import extract
from indexer.document import Extracted, Missing
from indexer.errors import (
    Encrypted,
    ExtractError,
    LimitReached,
    NotAPdf,
    NoText,
    SourceNotFound,
    SourceUnreadable,
)
from indexer.extract.workers import Workers
from indexer.progress import Progress
from indexer.settings import Settings

Outcome = Literal["text", "no-text", "encrypted", "damaged", "not-a-pdf", "limit"]


@dataclass(frozen=True)
class Heading:
    """A section. `page` is the number of its page in the PDF, None on a web page, where `anchor` may lead to it."""

    heading: str
    level: int
    page: int | None
    anchor: str | None
    appendix: bool


@dataclass(frozen=True)
class MentionShown:
    """A sentence that mentions a reference, and the number of its page in the PDF."""

    sentence: str
    page: int | None


@dataclass(frozen=True)
class ReferenceShown:
    """An entry of the bibliography, as `indexer.document.Reference` has it; `page` is its number in the PDF."""

    n: int
    raw: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    arxiv_id: str | None
    doi: str | None
    page: int | None
    mentions: tuple[MentionShown, ...]
    label: str
    venue: str


@dataclass(frozen=True)
class Understood:
    """What was understood of a file; where `outcome` is not "text", `reason` says why, and the rest is empty.

    `blocks` counts the stretches of text by kind.
    """

    title: str = ""
    authors: tuple[str, ...] = ()
    abstract: str = ""
    date: str = ""
    arxiv_id: str | None = None
    version: int | None = None
    pages: int = 0
    outcome: Outcome = "text"
    reason: str = ""
    cure: str = ""
    engine: str = ""
    missing: tuple[Missing, ...] = ()
    blocks: dict[str, int] | None = None
    sections: tuple[Heading, ...] = ()
    references: tuple[ReferenceShown, ...] = ()


def text_of(path: Path, settings: Settings, progress: Progress | None = None) -> tuple[Understood, Extracted | None]:
    """What is understood of the file at `path`, read in a worker with the limits of a reindex, and its text if it has one.

    Raises `SourceNotFound` or `SourceUnreadable` where there is no such file, and `BadSetting` where OCR can't be had.
    """
    progress = progress or Progress()
    try:
        kind = extract.kind_of(path)
    except FileNotFoundError:
        raise SourceNotFound(
            f"{path} does not exist.", cure="Name a PDF, a saved web page or a markdown file."
        ) from None
    except OSError as error:
        raise SourceUnreadable(f"{path} can't be read: {error.strerror}.") from None
    with Workers(1, settings.extract_seconds, settings.extract_megabytes, engine=settings.engine, ocr=settings.ocr,
                 told=progress.pages) as workers:  # fmt: skip
        progress.stage("extract", 1)
        try:
            if kind == "plain" and _is_binary(path):
                raise NotAPdf("It is neither a PDF, nor a web page, nor text.")
            found = workers.start(path.absolute(), kind)()
        except ExtractError as error:
            return Understood(outcome=outcome_of(error), reason=error.message, cure=error.cure, blocks={}), None
        finally:
            progress.step(path.name)
    return described(found), found


def outcome_of(error: ExtractError) -> Outcome:
    """An error's name in the JSON of `paperpath text`."""
    named: tuple[tuple[type[ExtractError], Outcome], ...] = (
        (NoText, "no-text"), (Encrypted, "encrypted"), (NotAPdf, "not-a-pdf"), (LimitReached, "limit")
    )  # fmt: skip
    return next((name for kind, name in named if isinstance(error, kind)), "damaged")


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(1024)


def described(found: Extracted) -> Understood:
    """A text as `paperpath text` tells it, its pages by their numbers."""
    pages = [page.number for page in found.pages]
    return Understood(
        found.title, found.authors, found.abstract, found.date, found.arxiv_id, found.version, len(pages), "text", "", "",
        found.engine,
        tuple(Missing(page, why) for page, why in found.missing),
        dict(Counter(block.kind for block in found.blocks).most_common()),
        tuple(Heading(s.heading, s.level, pages[s.page], s.anchor, s.appendix) for s in found.sections),
        tuple(
            ReferenceShown(
                r.n, r.raw, r.title, r.authors, r.year, r.arxiv_id, r.doi, pages[r.page],
                tuple(MentionShown(m.sentence, pages[m.page]) for m in r.mentions), r.label, r.venue,
            )
            for r in found.references
        ),
    )  # fmt: skip
