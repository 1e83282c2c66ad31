"""Cursors: where the next page of an answer begins. Each is good for one query on one generation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from indexer.errors import UsageError


class CursorInvalid(UsageError):
    """A cursor that leads nowhere: altered, or of another query."""

    cure = "Ask again without a cursor: the first page is always there."


class CursorExpired(CursorInvalid):
    """A cursor of a generation that no longer answers."""


def make(offset: int, generation: str, *query: str) -> str:
    """The cursor of the page that begins behind `offset` results of `query` on a generation."""
    text = json.dumps([offset, generation, _digest(query)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def offset(cursor: str, generation: str, *query: str) -> int:
    """How many results stand before the page that `cursor` begins. Raises `CursorInvalid` or `CursorExpired`."""
    try:
        text = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        number, name, digest = json.loads(text)
        if type(number) is not int or not 0 <= number < 1 << 31 or not isinstance(name, str):
            raise ValueError
        name.encode()  # half a character is none that we wrote
    except (ValueError, binascii.Error, RecursionError):
        raise CursorInvalid("This cursor is none that paperpath made.") from None
    if name != generation:
        raise CursorExpired("This cursor belongs to an answer from before; the library has changed.")
    if digest != _digest(query):
        raise CursorInvalid("This cursor belongs to another query.")
    return number


def _digest(query: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(query).encode()).hexdigest()[:16]
