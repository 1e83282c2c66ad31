"""HTML comments in a text. Found without a regular expression: beginnings without an end, by the thousand, would each be
followed to the end of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def spans(text: str, begin: str = "<!--", end: str = "-->") -> Iterator[tuple[int, int]]:
    """Where each comment begins and ends. What begins as one and has no end is none."""
    at = 0
    while (start := text.find(begin, at)) >= 0 and (stop := text.find(end, start + len(begin))) >= 0:
        at = stop + len(end)
        yield start, at


def replaced(text: str, by: Callable[[str], str], begin: str = "<!--", end: str = "-->") -> str:
    """The text with `by` of each comment in its place."""
    parts, at = [], 0
    for start, stop in spans(text, begin, end):
        parts += [text[at:start], by(text[start:stop])]
        at = stop
    return "".join((*parts, text[at:]))
