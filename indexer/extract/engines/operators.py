"""A content stream's operators, as far as text needs them.

Much of a paper's content is paths of its figures: they are passed over by a regular expression, at the speed of C. A fault
costs the operator it stands in; nothing is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_W = rb"[\0\t\n\f\r ]"
_NUMBER = rb"[-+.\d]++"
_END = rb"(?=[\0\t\n\f\r \[(</]|$)"
_LITERAL = rb"\((?:[^()\\]++|\\[\s\S])*+\)"
_HEX = rb"<[^<>]*+>"  # what is no digit in it is passed over
_TOKEN = re.compile(
    rb"(?P<passed>(?:(?:" + _NUMBER + _W + rb"++){0,6}+(?:re|rg|RG|[mlcvyhnsSFgGkKwJjMi]|[fBbW]\*?+)" + _END + _W + rb"*+)++)"
    rb"|\[(?P<array>(?:[^\[\]()<>%/A-Za-z]++|" + _LITERAL + rb"|" + _HEX + rb")*+)\]" + _W + rb"*+TJ" + _END +
    rb"|(?P<operands>(?:" + _NUMBER + _W + rb"++){0,6}+)(?P<operator>[A-Za-z'\"][A-Za-z0-9*]*+)"
    rb"|/(?P<font>[^\0\t\n\f\r ()<>\[\]{}/%]++)" + _W + rb"++(?P<size>" + _NUMBER + rb")" + _W + rb"++Tf" + _END +
    rb"|(?P<number>" + _NUMBER + rb")"
    rb"|(?P<string>" + _LITERAL + rb"|" + _HEX + rb")"
    rb"|(?P<name>/[^\0\t\n\f\r ()<>\[\]{}/%]*+)"
    rb"|(?P<open>\[)|(?P<close>\])|(?P<nested>\()|(?P<comment>%[^\r\n]*+)|(?P<dictionary><<|>>)|(?P<other>[\s\S])"
)  # fmt: skip
_ITEM = re.compile(rb"(?P<string>" + _LITERAL + rb"|" + _HEX + rb")|" + _NUMBER)
_N = rb"(?<![-+.\d])([-+.\d]++)" + _W + rb"++"
_LINE = re.compile(
    _N * 2 + rb"m" + _W + rb"+" + _N * 2 + rb"l" + _W + rb"+[Ss]" + _END + rb"|" + _N * 4 + rb"re" + _END
)
_SPACE = re.compile(_W + rb"*+")
_PARENTHESIS = re.compile(rb"[()\\]")
_IMAGE_END = re.compile(rb"[\0\t\n\f\r ]EI(?=[\0\t\n\f\r ]|$)")
_BINARY = re.compile(rb"[^\t\n\f\r -\x7e]")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|[\s\S])|\r\n?")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
_MOST_OPERANDS = 64


def operations(data: bytes) -> Iterator[tuple[bytes, list[Any]]]:
    """The operators of a content stream in order, each with its operands.

    An operand is a float, a name as str with its slash, a list (of `TJ`), or a string as written, with its brackets:
    `unescaped` gives its bytes. An inline image comes as `BI`. Operators that draw and colour come in bulk, as `paths` with
    the bytes of all that stand in a row; `lines` looks into them.
    """
    operands: list[Any] = []
    array: list[Any] | None = None
    at, end = 0, len(data)
    match, space = _TOKEN.match, _SPACE.match
    while at < end:
        at = space(data, at).end()  # type: ignore[union-attr]
        found = match(data, at)
        if found is None:
            return
        at, kind = found.end(), found.lastgroup
        if kind == "passed":
            yield b"paths", [found[0]]
            operands.clear()
        elif kind == "array" and array is None:
            yield b"TJ", [[item[0] if item["string"] else _number(item[0]) for item in _ITEM.finditer(found["array"])]]
            operands.clear()
        elif kind == "operator" and array is None:
            numbers, operator = found["operands"], found["operator"]
            if numbers:
                operands += map(_number, numbers.split())
            if operator == b"BI":
                at = _after_image(data, at)
            yield operator, operands
            operands = []
        elif kind == "size" and array is None:
            yield b"Tf", [_name(b"/" + found["font"]), _number(found["size"])]
            operands.clear()
        else:
            value: Any = None
            if kind == "number":
                value = _number(found[0])
            elif kind == "string":
                value = found[0]
            elif kind == "nested":
                start, at = found.start(), _after_string(data, at)
                value = data[start:at]
            elif kind == "name":
                value = _name(found[0])
            elif kind == "open":
                array = []
            elif kind == "close" and array is not None:
                value, array = array, None
            elif kind == "array" or kind == "operator" or kind == "passed" or kind == "size":
                continue  # inside an array that was never closed, or misplaced in one
            if value is not None:
                (operands if array is None else array).append(value)
                if len(operands) > _MOST_OPERANDS:
                    del operands[:-6]


def lines(paths: bytes) -> Iterator[tuple[float, float, float, float]]:
    """The ends (x, y, x, y) of straight lines that are drawn by themselves, and opposite corners of rectangles."""
    for found in _LINE.finditer(paths):
        a, b, c, d = (_number(found[i]) for i in ((1, 2, 3, 4) if found[1] else (5, 6, 7, 8)))
        yield (a, b, c, d) if found[1] else (a, b, a + c, b + d)


def unescaped(string: bytes) -> bytes:
    """The bytes of a literal or hexadecimal string that is given with its brackets (ISO 32000-1:2008, 7.3.4)."""
    if string.startswith(b"<"):
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", string)
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    inner = string[1:-1] if string.endswith(b")") else string[1:]
    if b"\\" not in inner and b"\r" not in inner:
        return inner
    return _ESCAPE.sub(_meant, inner)


def _meant(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code is None:
        return b"\n"
    if code[0] in b"01234567":
        return bytes([int(code, 8) & 255])
    return _ESCAPED.get(code, code)


@lru_cache(maxsize=8192)
def _number(digits: bytes) -> float:
    try:
        return float(digits)
    except ValueError:  # `--5`, `1.2.3`, `5-3`: the first number in it, as viewers read them
        found = re.search(rb"(?<![-+])([-+]?)[-+]*+(\d+\.?\d*|\.\d+)", digits)
        return float(found[1] + found[2]) if found else 0.0


@lru_cache(maxsize=1024)
def _name(written: bytes) -> str:
    """A name as pypdf spells it in dictionaries."""
    if b"#" not in written and written.isascii():
        return written.decode()
    from io import BytesIO

    from pypdf.generic import NameObject

    return str(NameObject.read_from_stream(BytesIO(written), None))


def _after_string(data: bytes, at: int) -> int:
    """Where a string ends whose opening bracket stands before `at`: brackets within it are paired."""
    depth = 1
    while depth:
        found = _PARENTHESIS.search(data, at)
        if found is None:
            return len(data)
        at = found.end()
        if found[0] == b"(":
            depth += 1
        elif found[0] == b")":
            depth -= 1
        else:
            at += 1
    return at


def _after_image(data: bytes, at: int) -> int:
    """Where an inline image ends: at an `EI` after which the stream goes on as text, as pdf.js tells it."""
    for found in _IMAGE_END.finditer(data, at):
        if not _BINARY.search(data, found.end(), found.end() + 15):
            return found.end()
    return len(data)
