"""What all pages share: their templates, and their files."""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import sys
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from indexer.errors import PaperpathError
from service.deadline import Left
from service.pages import showing

log = logging.getLogger("paperpath")
_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_YEAR = 365 * 24 * 3600
_FLUSH = "\0flush\0"  # no text of a page: control characters are nowhere shown


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **given: Any) -> Response:
    """The HTML of a template of `templates/`. What `given` says is text: every sign of it is escaped.

    A page defines no macro: it would stay in a cycle with all that is given, a whole generation, until the collector comes.
    Those in a file that is imported, as `*parts.html`, see what they are handed.
    """
    html = _templates().get_template(template).render(**given)
    return Response(html, status, {"Cache-Control": "no-cache"} | (headers or {}), "text/html; charset=utf-8")


def streamed(template: str, **given: Any) -> Response:
    """The same in parts: what a template has before each `{{ flush }}` is sent before the rest is worked out.

    So a browser shows the top of a page while what takes longer, called for by the template, is made.
    """
    parts = _joined(_templates().get_template(template).generate(flush=_FLUSH, **given))
    first = next(parts)  # what fails before anything is sent is a page of its own
    headers = {"Cache-Control": "no-cache"}
    return _Streamed(_told_to_the_end(first, parts), headers)


class _Streamed(StreamingResponse):
    """Lets go of what the rest would be made of where nobody takes it. What breaks it off leads to it, and it to that: both would
    stay, with a whole generation, until the collector comes."""

    def __init__(self, parts: Generator[str, None, None], headers: dict[str, str]) -> None:
        super().__init__(parts, 200, headers, "text/html; charset=utf-8")
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._parts.close()  # no thread is at it: a call in one is waited for


def _told_to_the_end(first: str, rest: Iterator[str]) -> Generator[str, None, None]:
    yield first
    try:
        yield from rest
    except Left:
        return
    except Exception:
        log.exception("a page could not be finished")
        yield _templates().get_template("unfinished.html").render()


def _joined(parts: Iterator[str]) -> Iterator[str]:
    held: list[str] = []
    for part in parts:
        if part == _FLUSH:
            yield "".join(held)
            held.clear()
        else:
            held.append(part)
    yield "".join(held)


def static() -> APIRouter:
    """The route of `static/`. A file's address has its digest, so that it is asked for once."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{name}")
    def file(name: str, request: Request) -> Response:
        if name not in _digests():
            raise HTTPException(404, f"There is no file {name[:100]}.")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        lasts = f"public, max-age={_YEAR}, immutable" if "v" in request.query_params else "no-cache"
        headers = {"Cache-Control": lasts, "ETag": f'"{_digests()[name]}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response((_STATIC / name).read_bytes(), media_type=kind, headers=headers)

    return routes


def address(name: str) -> str:
    """The address of a file of `static/`."""
    return f"/static/{name}?v={_digests()[name]}"


@cache
def _digests() -> dict[str, str]:
    files = (file for file in sorted(_STATIC.iterdir()) if file.is_file())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in files}


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    class Foreseen(Environment):
        """Leaves an error that was foreseen as it is. For others the template's line is named, by frames that are made up for
        that and hold each other."""

        def handle_exception(self, source: str | None = None) -> NoReturn:
            if isinstance(sys.exc_info()[1], PaperpathError):
                raise
            super().handle_exception(source)

    made = Foreseen(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals |= {"static": address, "show": showing}
    made.filters["titled"] = showing.title
    made.filters["coded"] = showing.coded
    made.filters["short"] = lambda text: showing.short(showing.title(text))
    return made
