"""Where the owner's lists and PDFs lie is for who is on their machine or may change the library (`Access.tells_paths`).

These functions make of an answer what all others are told: a file's name in place of its path, no link that opens a file, and
of a reindex nothing that was said in words of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from service.papers import OnePaper, Paper, Papers
from service.related import Related, RelatedPaper
from service.related.reasons import CitedBy, CitedTogether, Cites, NearPassages, Quoted, Reason
from service.search import Answer, FoundPaper, FoundPassage
from service.search.quote import Match, QuoteAnswer
from service.serving.jobs import Event, Job

T = TypeVar("T", FoundPaper, FoundPassage, Match, RelatedPaper, Cites, Quoted, Paper)


def of_search(answer: Answer) -> Answer:
    """The answer to a question."""
    papers = (replace(paper, passages=tuple(map(_unlinked, paper.passages))) for paper in answer.results)
    return replace(answer, results=tuple(map(_unlinked, papers)))


def of_quote(answer: QuoteAnswer) -> QuoteAnswer:
    """Who said it."""
    return replace(answer, matches=tuple(map(_unlinked, answer.matches)))


def of_related(answer: Related) -> Related:
    """What is related, with its reasons."""
    papers = (replace(paper, reasons=tuple(map(_reason, paper.reasons))) for paper in answer.results)
    return replace(answer, results=tuple(map(_unlinked, papers)))


def of_papers(answer: Papers) -> Papers:
    """The list of papers."""
    return replace(answer, papers=tuple(map(_paper, answer.papers)))


def of_paper(answer: OnePaper) -> OnePaper:
    """One paper."""
    return replace(
        answer, paper=_paper(answer.paper),
        listed=tuple(replace(place, source=named(place.source)) for place in answer.listed),
        versions=tuple(replace(version, address=named(version.address)) for version in answer.versions),
    )  # fmt: skip


def of_job(job: Job) -> Job:
    """A reindex."""
    return replace(job, step=named(job.step), report=job.report and _report(job.report), messages=())


def of_event(event: Event) -> Event | None:
    """Something that a reindex did; None for what it said."""
    said = event.said
    if event.kind == "message":
        return None
    if event.kind == "step":
        said = said | {"step": named(said["step"])}
    elif event.kind == "failed":
        said = said | {"what": named(said["what"]), "why": named(said["why"])}
    elif event.kind == "end":
        said = said | {"report": said["report"] and _report(said["report"]), "messages": ()}
    return replace(event, said=said)


def named(told: str) -> str:
    """What begins with the path of a file (`/…`, `file:/…`, `record:/…#id`), from the file's name on; anything else as it is."""
    kind = next((kind for kind in ("file:", "record:") if told.startswith(kind)), "")
    path = told.removeprefix(kind)
    if not path.startswith("/"):
        return told
    end = path.rfind("#") if kind == "record:" else len(path)  # an id may have slashes too
    return kind + path[path.rfind("/", 0, end) + 1 :]


def _unlinked(one: T) -> T:
    return replace(one, link="") if one.link.startswith("file:") else one


def _paper(paper: Paper) -> Paper:
    return replace(_unlinked(paper), reason=named(paper.reason))


def _reason(reason: Reason) -> Reason:
    if isinstance(reason, Cites):
        return _unlinked(reason)
    if isinstance(reason, NearPassages):
        return replace(reason, here=_unlinked(reason.here), there=_unlinked(reason.there))
    if isinstance(reason, CitedTogether):
        return replace(reason, by=tuple(map(_cited_by, reason.by)))
    return reason


def _cited_by(one: CitedBy) -> CitedBy:
    return replace(one, here=one.here and _unlinked(one.here), there=one.there and _unlinked(one.there))


def _report(report: dict[str, Any]) -> dict[str, Any]:
    """A report without its remarks, which may name any file."""
    kept = {name: value for name, value in report.items() if name not in ("warnings", "skipped")}
    lines = [
        {name: named(value) if name in ("source", "why") else value for name, value in line.items()}
        for line in report.get("lines", ())
    ]
    return kept | {"lines": lines}
