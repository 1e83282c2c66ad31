"""What a route answers from one generation, with an ETag that says so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import Request, Response

from indexer.library import Generation

_VERSION = version("paperpath")
NOT_MODIFIED: dict[int | str, dict] = {304: {"description": "What `If-None-Match` names is still the answer."}}


@dataclass(frozen=True)
class Found:
    """What a route answers, from one generation: JSON; or None where the client has it already."""

    generation: str
    tag: str
    body: bytes | None

    def response(self) -> Response:
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "X-Index-Generation": self.generation}
        if self.body is None:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type="application/json", headers=headers)


def answered(request: Request, generation: Generation, state: tuple, body: Callable[[], bytes]) -> Response:
    """What a route answers: the `body`, or 304 without making it where the client has it. `state` is as `tag_of` has it."""
    tag, known = tag_of(generation, state), request.headers.get("if-none-match", "")
    if names(known, tag):
        return Found(generation.name, tag, None).response()
    return unless_known(generation, tag, known, body()).response()


def unless_known(generation: Generation, tag: str, known: str, body: bytes) -> Found:
    """What a route answers where `known`, an `If-None-Match`, does not name the tag: this body, or 304 where it is `*`."""
    return Found(generation.name, tag, None if "*" in _named(known) else body)


def tag_of(generation: Generation, state: tuple) -> str:
    """A strong ETag of an answer: `state` is all that it depends on beside the generation."""
    state = (generation.stamp, _VERSION, *state)
    return f'"{generation.name}-{hashlib.sha256(repr(state).encode("utf-8", "replace")).hexdigest()[:24]}"'


def names(known: str, tag: str) -> bool:
    """Whether an `If-None-Match` names a tag. `*` names none: it stands for any answer that there is, and there may be none."""
    return tag in _named(known)


def _named(known: str) -> list[str]:
    return [name.strip().removeprefix("W/") for name in known.split(",")]
