"""Titles in the lines of a card. Which font a browser has isn't known here, so widths are those of a wide one."""

from __future__ import annotations

import unicodedata
from functools import cache

ELLIPSIS = "…"
_LONGEST = 400  # characters of a title that are looked at
# In ems, as wide as in the widest of the usual fonts without serifs (DejaVu Sans, Verdana).
_NARROW, _SLIM, _SMALL, _CAPITAL, _BROAD, _SQUARE, _PICTURE = 0.33, 0.45, 0.63, 0.76, 1.0, 1.02, 1.4
_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!I ", _NARROW), **dict.fromkeys("frt()[]{}-/\\\"*^`", _SLIM),
    **dict.fromkeys("mwMW@%&+=<>~", _BROAD),
}  # fmt: skip


def plain(text: str) -> str:
    """A text on one line, without what a drawing can't hold: control characters, directions left open, halves of pairs."""
    kept = []
    for sign in text:
        kind = unicodedata.category(sign)
        if kind == "Cs" or sign in "\ufffe\uffff":
            kept.append("\ufffd")
        elif kind == "Cc":
            kept.append(" ")
        elif sign not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
            kept.append(sign)
    return " ".join("".join(kept).split())


def short(text: str, most: int) -> str:
    """A text on one line, of `most` characters at most."""
    text = plain(text[: 4 * most])
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS


def right_to_left(text: str) -> bool:
    """Whether a text runs from the right: what its first letter says."""
    for sign in text:
        kind = unicodedata.bidirectional(sign)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def lines(text: str, ems: float, most: int) -> list[str]:
    """A text in at most `most` lines, none wider than `ems`; `…` for the rest. Words break only where one fills a line."""
    words = plain(text[:_LONGEST]).split(" ")
    cut = len(text) > _LONGEST
    made: list[str] = []
    line = ""
    while words:
        word = words.pop(0)
        joined = f"{line} {word}" if line else word
        if width(joined) <= ems:
            line = joined
            continue
        if line and width(word) <= ems:
            made.append(line)
            line = word
        else:  # fills what is left of the line, then lines of its own
            head = _fitting(joined, ems)
            if line and len(head) <= len(line) + 3:
                made.append(line)
                line = ""
                words.insert(0, word)
            else:
                made.append(head)
                line = ""
                words.insert(0, joined[len(head) :])
        if len(made) > most:
            break
    if line:
        made.append(line)
    if len(made) > most or cut:
        made = made[:most]
        made[-1] = _fitting(made[-1], ems - width(ELLIPSIS)).rstrip(" ,:;-") + ELLIPSIS
    return [one for one in made if one]


def _fitting(text: str, ems: float) -> str:
    """As much of a text as fits, one sign at least; signs that are drawn as one stay together."""
    used = 0.0
    for at, sign in enumerate(text):
        wide = 0.0 if at and _joined(text[at - 1], sign) else _width(sign)
        used += wide
        if at and wide and used > ems:
            return text[:at]
    return text


def width(text: str) -> float:
    """How wide a text is at most, in ems."""
    return sum(0.0 if at and _joined(text[at - 1], sign) else _width(sign) for at, sign in enumerate(text))


def _joined(before: str, sign: str) -> bool:
    """Whether a picture is drawn into the one before it: a family is one."""
    return before == "\u200d" and _width(sign) == _PICTURE


@cache
def _width(sign: str) -> float:
    if sign in _WIDTHS:
        return _WIDTHS[sign]
    kind = unicodedata.category(sign)
    if kind in ("Mn", "Me", "Cf"):
        return 0.0
    if ord(sign) >= 0x1F000 or kind == "So":
        return _PICTURE
    if unicodedata.east_asian_width(sign) in "WF":
        return _SQUARE
    if sign.isascii() or ord(sign) < 0x250:
        return _CAPITAL if sign.isupper() else _SMALL
    return _CAPITAL if kind in ("Ll", "Lo", "Mc") else _BROAD
