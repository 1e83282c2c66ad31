"""The page of a paper, `/papers/{id}`: what it is, where it was found, and what it has to do with the others here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from indexer.document import Section
from indexer.errors import PaperpathError
from indexer.library import Generation, Summary
from indexer.library.marks import Marks
from service import citations, citing, marking, minutes, papers, reading_order, related, search
from service.links import page_link
from service.opened import Opened
from service.pages import frame, lacking, showing
from service.papers import summary_of
from service.search import query
from service.serving.guard import Access

_PASSAGES = 8
_RELATED = 6
_LONGEST_NOTE = 20_000
_MOST_QUOTED = 5  # sentences of one citation


@dataclass(frozen=True)
class Citing:
    """Another paper that this one cites, or that cites it; `places` are the first that do, `more` how many others there are."""

    id: str
    title: str
    year: int | None
    role: str
    count: int
    basis: str
    places: tuple[citations.Place, ...]
    more: int


@dataclass(frozen=True)
class Before:
    """A paper to read before this one: how long it takes, and the sentence that shows why."""

    step: reading_order.Step
    kind: str
    then: str
    evidence: reading_order.Evidence | None


@dataclass(frozen=True)
class Way:
    """What to read before a paper; `warnings` say how sure that is."""

    steps: tuple[Before, ...]
    minutes: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A section of a digest."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Block:
    """A paragraph, or the items of a list."""

    texts: tuple[str, ...]
    listed: bool = False


class Page:
    """What the page's template asks for. What takes longer is made when it is asked for."""

    def __init__(self, held: Opened, generation: Generation, summary: Summary, q: str, local: bool = False) -> None:
        self._held, self._generation, self._summary, self._q = held, generation, summary, q
        self._local = local
        self._marks: Marks = held.marks()

    @cached_property
    def one(self) -> papers.OnePaper:
        return papers.paper(self._generation, self._summary.id)

    @cached_property
    def marked(self) -> marking.Marked:
        return marking.marked(self._generation, self._marks, self._summary.id)

    @cached_property
    def cited(self) -> citing.Citation:
        return citing.cite(self._generation, [self._summary.id])[0]

    @cached_property
    def minutes(self) -> minutes.Minutes:
        return minutes.minutes(self._generation, self._summary.position)

    @cached_property
    def code(self) -> list[str]:
        """The links of its entry that a browser may open."""
        return [link.url for link in self._summary.entry.links if showing.opened(link.url)]

    @cached_property
    def found(self) -> tuple[search.FoundPassage, ...]:
        """The passages of this paper that answer the query it was found by, best first."""
        if not self._q.strip():
            return ()
        asked = query.with_parameters(query.parse(self._q), in_=[self._summary.id])
        answer = search.search(
            self._generation, self._held.embedder, asked, _PASSAGES, marks=self._marks, by="passage", explain=True
        )
        passages = [passage for paper in answer.results for passage in paper.passages]
        best = passages[0].score if passages else 0.0
        return tuple(p for p in passages if p.matched or p.score >= best * 0.5)

    def address(self, page: int | None = None, anchor: str | None = None) -> str:
        return page_address(self._summary, page, anchor)

    @property
    def file(self) -> str:
        """The name of its file, where it was brought as one: a browser opens none, and the server serves none on."""
        path = self._summary.origin.path
        return showing.last(path) if path and self._summary.text == "full" else ""

    @property
    def lies(self) -> str:
        """Where its file lies, for who asks on this machine."""
        return self._summary.origin.path if self._local and self.file else ""

    @property
    def reason(self) -> str:
        """Why it is not here in full."""
        return lacking.reason(self._summary.reason).text if self._summary.reason else ""

    @cached_property
    def digest(self) -> list[Part]:
        """The text of a digest, by its sections; of any other paper nothing: it is read where it is from."""
        return _parts(self._generation, self._summary.position) if self._summary.text == "digest" else []

    @property
    def command(self) -> str:
        """What opens it on the machine that has the file."""
        return f"paperpath open {shlex.quote(self._summary.id)}"

    @cached_property
    def cites(self) -> list[Citing]:
        graph = citations.of(self._generation)
        return self._citing(graph.cites(self._summary.position), lambda c: c.cited)

    @cached_property
    def cited_by(self) -> list[Citing]:
        graph = citations.of(self._generation)
        return self._citing(graph.cited_by(self._summary.position), lambda c: c.citing)

    def _citing(self, some: Sequence[citations.Citation], whose: Any) -> list[Citing]:
        summaries = self._generation.catalogue.summaries
        found = []
        for c in sorted(some, key=lambda c: -c.weight):
            other = summaries[whose(c)]
            found.append(Citing(other.id, other.title, other.year, c.role, c.count, c.basis, c.mentions[:_MOST_QUOTED],
                                max(0, len(c.mentions) - _MOST_QUOTED)))  # fmt: skip
        return found

    @cached_property
    def related(self) -> tuple[related.RelatedPaper, ...]:
        return related.related(self._generation, [self._summary.id], limit=_RELATED).results

    @cached_property
    def before(self) -> Way:
        """What to read before it, without what is read already."""
        own = self._summary.id
        try:
            order = reading_order.reading_order(self._generation, goal=own, marks=self._marks, lacking=0)
        except PaperpathError as error:
            return Way((), 0, (error.message,))
        titles = {step.id: step.title for step in order.order}
        steps = []
        for step in order.order:
            if step.id == own:
                continue
            edges = [edge for edge in order.edges if edge.before == step.id and edge.after in titles]
            edges.sort(key=lambda edge: (edge.after != own, -edge.weight))
            edge = edges[0] if edges else None
            then = titles[edge.after] if edge and edge.after != own else ""
            evidence = edge.evidence[0] if edge and edge.evidence else None
            steps.append(Before(step, edge.kind if edge else "", then, evidence))
        return Way(tuple(steps), sum(before.step.minutes for before in steps), order.warnings)

    def title_of(self, paper_id: str) -> str:
        found = self._generation.catalogue.summary(paper_id)
        return found.title if found else paper_id


def _parts(generation: Generation, position: int) -> list[Part]:
    catalogue = generation.catalogue
    pages = catalogue.page_texts([(position, page) for page in range(len(catalogue.page_numbers(position)))])
    found = []
    sections = catalogue.sections(position) or [Section("", 1, 0, 0)]
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        text = pages[position, section.page].text
        end = following.start if following and following.page == section.page else len(text)
        body = text[section.start : end].strip().removeprefix(section.heading)
        lines = [line.strip() for line in body.split("\n") if line.strip()]
        blocks = [
            Block(tuple(line.removeprefix("- ") for line in some) if listed else tuple(some), listed)
            for listed, some in ((listed, list(some)) for listed, some in groupby(lines, lambda line: line.startswith("- ")))
        ]  # fmt: skip
        found.append(Part(section.heading, tuple(blocks)))
    return found


def page_address(summary: Summary, page: int | None = None, anchor: str | None = None) -> str:
    """The link that opens a paper at a place, "" where a browser can't: of a file here, at arXiv if it is there too."""
    link = showing.opened(page_link(summary, page, anchor))
    if link or not (summary.arxiv_id and page is not None and summary.text == "full"):
        return link
    version = f"v{summary.version}" if summary.version else ""
    return f"https://arxiv.org/pdf/{summary.arxiv_id}{version}#page={page}"


def made(held: Opened, access: Access) -> APIRouter:
    """The routes: the page, and its form for marks, for who has no scripts."""
    routes = APIRouter()

    @routes.post("/papers/{paper_id:path}/marks")
    async def mark(request: Request, paper_id: str) -> Response:
        said = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        back = await run_in_threadpool(set_marks, paper_id, said)
        return Response(status_code=303, headers={"Location": back})

    def set_marks(paper_id: str, said: dict[str, list[str]]) -> str:
        """Sets what a form says, and gives the address to go on at."""
        generation, folder = held.now(), held.library.marks
        summary = summary_of(generation, paper_id)
        if "read" in said:
            marking.set_read(folder, generation, [summary.id], said["read"][0] == "1")
        if "note" in said:
            marking.set_note(folder, generation, summary.id, said["note"][0].replace("\r\n", "\n")[:_LONGEST_NOTE])
        return _own(said.get("back", [""])[0]) or showing.paper_address(summary.id)

    @routes.get("/papers/{paper_id:path}")
    def show(request: Request, paper_id: str, q: Annotated[str, Query(max_length=query.LONGEST)] = "") -> Response:
        generation = held.now()
        summary = summary_of(generation, paper_id)
        if summary.id != paper_id:
            return Response(status_code=307, headers={"Location": showing.paper_address(summary.id, q)})
        page = Page(held, generation, summary, q, access.is_local(request.scope))
        return frame.streamed("paper.html", here="", paper=page, s=summary, q=q)

    return routes


def _own(address: str) -> str:
    """An address of this server's, to go back to; "" for any other."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_own = not parts.scheme and not parts.netloc and address.startswith("/") and address[1:2] not in ("/", "\\")
    return address if is_own and address.isascii() and address.isprintable() else ""
