"""Where is this said, and who says this: `/v1/search` and `/v1/quote`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from service import search
from service.api import examples, paths
from service.api.found import NOT_MODIFIED, Found, answered, names, tag_of, unless_known
from service.opened import Opened
from service.search import query
from service.search import quote as quotes
from service.serving.asking import Asking
from service.serving.guard import Access
from service.serving.problems import answers
from service.stages import stage

LONGEST_QUERY = query.LONGEST
_SEARCH = TypeAdapter(search.Answer)
_QUOTE = TypeAdapter(quotes.QuoteAnswer)
Some = Annotated[list[str], Query(max_length=20, description="any of these; in the words of the query language")]


def made(held: Opened, asking: Asking[Wanted, Found], access: Access) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/search", operation_id="search", tags=["answers"], response_model=search.Answer,
        responses=answers(410, 422, 429, 503) | NOT_MODIFIED | examples.of(examples.SEARCH),
    )  # fmt: skip
    async def get_search(
        request: Request,
        q: Annotated[str, Query(max_length=LONGEST_QUERY, examples=["how does diloco reduce communication"],
                                description="the question, in your words; may hold operators, as README has them")] = "",
        limit: Annotated[int, Query(ge=1, le=100, description="how many results")] = 10,
        cursor: Annotated[str, Query(max_length=500, description="`next` of the page before")] = "",
        by: Annotated[search.By, Query(description="what a result is: a paper, or one passage")] = "paper",
        explain: Annotated[bool, Query(description="say what each score is made of")] = False,
        kind: Annotated[list[search.Kind], Query(max_length=20, description="look in passages of these kinds; without one,"
                                                 " in body, abstract, caption and appendix")] = [],  # noqa: B006
        author: Some = [],  # noqa: B006
        year: Annotated[list[str], Query(max_length=20, description="2020, 2020..2023, 2020.. or ..2023")] = [],  # noqa: B006
        section: Some = [],  # noqa: B006
        in_: Annotated[list[str], Query(alias="in", max_length=100, description="only in these papers")] = [],  # noqa: B006
        list_: Annotated[list[str], Query(alias="list", max_length=20, description="under these headings of the list")] = [],  # noqa: B006
        topic: Annotated[list[str], Query(max_length=20, description="of these topics, as /v1/topics names them")] = [],  # noqa: B006
        is_: Annotated[list[str], Query(alias="is", max_length=20, description="read, unread, full, digest, …")] = [],  # noqa: B006
        has: Annotated[list[str], Query(max_length=20, description="note, code or link")] = [],  # noqa: B006
        phrase: Annotated[list[str], Query(max_length=20, description="these words in a row")] = [],  # noqa: B006
        without: Annotated[list[str], Query(max_length=20, description="none of these words or phrases")] = [],  # noqa: B006
    ) -> Response:  # fmt: skip
        """Where is this said? Papers, best first, each with its best passages and their pages."""
        filters = {"author": author, "year": year, "section": section, "in_": in_, "list_": list_, "topic": topic, "is_": is_,
                   "has": has, "kind": kind, "phrase": phrase, "without": without}  # fmt: skip
        known, told = request.headers.get("if-none-match", ""), access.tells_paths(request.scope)
        wanted = Wanted(q, filters, limit, by, cursor, explain, known, told)
        return (await asking.ask(wanted)).response()

    @routes.get(
        "/v1/quote", operation_id="quote", tags=["answers"], response_model=quotes.QuoteAnswer,
        responses=answers(422, 503) | NOT_MODIFIED | examples.of(examples.QUOTE),
    )  # fmt: skip
    def get_quote(
        request: Request,
        q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY, pattern=r"\S", description="the words quoted",
                                examples=["attention is all you need"])],
        limit: Annotated[int, Query(ge=1, le=100, description="how many places")] = 5,
    ) -> Response:  # fmt: skip
        """Which paper says this, on which page, exactly or nearly; or that none does."""
        generation, told = held.now(), access.tells_paths(request.scope)

        def body() -> bytes:
            answer = quotes.quote(generation, q, limit)
            return _QUOTE.dump_json(answer if told else paths.of_quote(answer))

        return answered(request, generation, (q, limit, told), body)

    return routes


@dataclass(frozen=True)
class Wanted:
    """What a request for a search says. `known` is its `If-None-Match`; `told` is whether it is told where files lie."""

    q: str
    filters: dict[str, list[str]]
    limit: int
    by: search.By
    cursor: str
    explain: bool
    known: str
    told: bool = False


def found(held: Opened, wanted: Sequence[Wanted]) -> Iterator[tuple[int, Found | Exception]]:
    """The answers to some requests for a search, all from one generation, each with its place; the quick ones first."""
    generation, marks = held.now(), held.marks()
    asked: dict[int, search.Asked] = {}
    tags: dict[int, str] = {}
    restricts: dict[int, bool] = {}
    for place, one in enumerate(wanted):
        try:
            meant = query.required(query.with_parameters(query.parse(one.q), **one.filters))
        except Exception as error:
            yield place, error
            continue
        state = (marks.stamp, query.unparse(meant), one.limit, one.cursor, one.by, one.explain, one.told,
                 held.settings.reranker)  # fmt: skip
        tags[place], restricts[place] = tag_of(generation, state), meant.restricts
        if names(one.known, tags[place]):
            yield place, Found(generation.name, tags[place], None)
        else:
            asked[place] = search.Asked(meant, one.limit, one.by, one.cursor, one.explain)
    if not asked:
        return
    places = sorted(asked, key=lambda place: restricts[place])  # a phrase has texts read
    found = search.together(
        generation, held.embedder, [asked[place] for place in places], marks=marks, reranker=held.reranker
    )
    for place, answer in zip(places, found, strict=True):
        if isinstance(answer, Exception):
            yield place, answer
            continue
        with stage("writing"):
            body = _SEARCH.dump_json(answer if wanted[place].told else paths.of_search(answer))
        yield place, unless_known(generation, tags[place], wanted[place].known, body)
