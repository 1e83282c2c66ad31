"""Errors over HTTP: one shape on every route, RFC 9457's `application/problem+json`.

`type` is `urn:paperpath:problem:<code>`, stable; `cure` says what to do next.
"""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from indexer.errors import PaperpathError

log = logging.getLogger("paperpath")

# The status of each error that an answer can end with. What stands in none of them is a fault of ours: 500.
STATUS = {
    "unknown-document": 404,
    "unknown-job": 404,
    "bad-source": 422,
    "bad-upload": 422,
    "bad-filter": 422,
    "nothing-asked": 422,
    "bad-budget": 422,
    "nothing-to-order": 422,
    "cursor-invalid": 422,
    "quote-too-long": 422,
    "liked-and-unliked": 422,
    "cursor-expired": 410,
    "library-busy": 409,
    "overloaded": 429,
    "no-library": 503,
    "library-error": 503,
    "library-unwritable": 503,
    "generation-damaged": 503,
    "format-unknown": 503,
    "model-mismatch": 503,
    "model-unknown": 503,
    "model-damaged": 503,
    "bad-setting": 500,
}
_TITLES = {
    400: ("bad-request", "The request can't be read."),
    401: ("token-required", "This needs the token."),
    403: ("not-allowed", "This is not allowed here."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address doesn't take that method."),
    410: ("gone", "What this was about is no longer there."),
    413: ("too-large", "The request is too large."),
    415: ("unsupported-media-type", "The body is of a type that isn't taken."),
    422: ("invalid", "The request has a value that can't be used."),
    429: ("too-many-requests", "Too much is asked at once."),
    500: ("internal", "Something went wrong here."),
    503: ("unavailable", "This can't be answered now."),
}


class FieldError(BaseModel):
    """One value that can't be used: where it stands in the request, and what is wrong with it."""

    pointer: str = Field(examples=["/query/limit"])
    detail: str = Field(examples=["Input should be less than or equal to 100"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(examples=["urn:paperpath:problem:no-library"])
    title: str = Field(examples=["This can't be answered now."])
    status: int = Field(examples=[503])
    detail: str = Field(examples=["There is no library in data/library."])
    instance: str = Field(examples=["/v1/search"])
    cure: str = Field("", examples=["Run `paperpath reindex` to build it."])
    errors: list[FieldError] = []


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may end with these statuses, for OpenAPI."""
    return {
        status: {"description": _TITLES[status][1] if status in _TITLES else "A problem.",
                 "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for status in statuses
    }  # fmt: skip


def title_of(status: int) -> str:
    """What a status means, in a sentence."""
    return _TITLES.get(status, ("", "The request failed."))[1]


def problem(
    path: str, status: int, detail: str, *, code: str = "", cure: str = "", errors: list[dict] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:  # fmt: skip
    """The response that tells of a problem."""
    usual, title = _TITLES.get(status, ("http-error", "The request failed."))
    body = {"type": f"urn:paperpath:problem:{code or usual}", "title": title, "status": status, "detail": detail,
            "instance": path, "cure": cure, "errors": errors or []}  # fmt: skip
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""

    @app.exception_handler(PaperpathError)
    def ours(request: Request, error: PaperpathError) -> JSONResponse:
        status = STATUS.get(error.code, 500)
        headers = {"Retry-After": "1"} if status == 429 else None
        return problem(request.url.path, status, error.message, code=error.code, cure=error.cure, headers=headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{e['pointer']}: {e['detail']}" for e in found)
        return problem(request.url.path, 422, detail, cure="See /openapi.json for what is taken.", errors=found)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(request.url.path, error.status_code, str(error.detail), headers=dict(error.headers or {}),
                       cure="See /openapi.json for what is there.")  # fmt: skip

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s failed", request.url.path, exc_info=error)
        return problem(request.url.path, 500, "An error that was not foreseen; the server's log has it.",
                       cure="Try again; if it stays, report it with the server's log.")  # fmt: skip
