"""What an engine hands over: the words of a page with their places and types, before anything is understood."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Font(NamedTuple):
    """A typeface as the file names it, with what its name and flags tell."""

    name: str = ""
    bold: bool = False
    italic: bool = False
    mono: bool = False
    math: bool = False


class Word(NamedTuple):
    """A run of characters without a space, of one size and font, in the file's order.

    Lengths are in points. `x0` and `x1` are its left and right edge, `y` its baseline counted from the page's top edge.
    `glued` says that no space stands between it and the word before: a superscript, or a change of font within a word.
    A hyphen at a line's end is the word's last character, as printed.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    font: Font
    glued: bool = False


@dataclass
class Sheet:
    """A page as an engine read it. `number` counts from 1; `turned` are words set at an angle, stamps mostly.

    `pictures` are the boxes (x0, top, x1, bottom) of images and embedded drawings and `rules` the horizontal lines
    (x0, y, x1), as far as the engine tells them; `blank` says that nothing at all is drawn on it.
    """

    number: int
    width: float
    height: float
    words: list[Word] = field(default_factory=list)
    turned: list[Word] = field(default_factory=list)
    pictures: list[tuple[float, float, float, float]] = field(default_factory=list)
    rules: list[tuple[float, float, float]] = field(default_factory=list)
    blank: bool = False


class PrintedLine(NamedTuple):
    """A line in reading order, with what is needed to see where an entry of a list begins.

    `page` is an index into the document's pages. `indent` is the distance from its column's left edge and `gap` the space
    between its baseline and the one before it, both in units of the type's size; `gap` is 0 for the first line of a column.
    """

    text: str
    page: int
    indent: float
    gap: float
    size: float
    new_column: bool = False


def way_of(ways: Mapping[int, Sequence[Word]]) -> int:
    """In which of the four quarter turns a page is to be read: where most words follow another one on its line.

    A plot may have more words on their side than the page has upright ones, but each of them stands alone.
    """

    def following(turn: int) -> int:
        words = ways[turn]
        return sum(
            abs(b.y - a.y) < 0.2 * b.size and -0.2 * b.size < b.x0 - a.x1 < 1.5 * b.size
            for a, b in itertools.pairwise(words)
        )

    return max((0, 1, 2, 3), key=lambda turn: (following(turn), len(ways[turn]), -turn))
