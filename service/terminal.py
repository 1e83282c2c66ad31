"""How the command line draws: progress, tables, passages. Data goes to standard output, the rest to standard error."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from indexer.progress import Progress

_BOLD, _PLAIN = "\x1b[1m", "\x1b[22m"


def print_json(data: Any) -> None:
    """A value, a dataclass or a list of them, as JSON on one line of standard output.

    What could steer a terminal is escaped: control characters, and those that turn the direction of writing.
    """
    plain = asdict(data) if is_dataclass(data) and not isinstance(data, type) else data
    line = json.dumps(plain, ensure_ascii=False)
    print(line if line.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line))


TEXTS = {"full": "full text", "title": "title only"}
"""What the text of a document is called, where it isn't by its own name: `record`, `digest`."""


def counted(number: int, what: str, several: str = "") -> str:
    """A number of things: "1 paper", "2 papers"; `several` is for what takes no s."""
    return f"{number} {what if number == 1 else several or what + 's'}"


def say(message: str) -> None:
    """A remark for the person, on standard error."""
    print(message, file=sys.stderr)


class JsonProgress(Progress):
    """Progress as JSON lines on standard error, for a program that waits.

    {"stage", "total"}, {"step", "count", "pages"}, where `pages` are those read so far, and {"failed", "why"}.
    """

    def __init__(self) -> None:
        self._pages = 0

    def stage(self, name: str, total: int) -> None:
        print(json.dumps({"stage": name, "total": total}), file=sys.stderr, flush=True)

    def step(self, what: str = "", count: int = 1) -> None:
        print(json.dumps({"step": what, "count": count, "pages": self._pages}), file=sys.stderr, flush=True)

    def failed(self, what: str, why: str) -> None:
        print(json.dumps({"failed": what, "why": why}), file=sys.stderr, flush=True)

    def pages(self, total: int) -> None:
        self._pages = max(self._pages, total)


class BarProgress(Progress):
    """Progress as a bar for each stage, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.fields[stage]:<8}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[pages]}"), TextColumn("{task.description}", markup=False),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = None

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def stage(self, name: str, total: int) -> None:
        if total:
            self._task = self._bars.add_task("", total=total, stage=name, pages="")

    def step(self, what: str = "", count: int = 1) -> None:
        if self._task is not None:
            self._bars.update(self._task, advance=count, description=" ".join(what.split())[:60])

    def pages(self, total: int) -> None:
        if self._task is not None:
            self._bars.update(self._task, pages=f"{total} pages")


def table(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...], widths: tuple[int | None, ...] | None = None) -> str:
    """Rows as aligned columns of plain text; a cell longer than its width is cut with an ellipsis.

    On a terminal the last column is cut to what fits.
    """
    widths = widths or (None,) * len(heads)
    cut = [tuple(_cell(cell, width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    sizes = [max(_columns(row[column]) for row in cut) for column in range(len(heads))]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - sum(sizes[:-1]) - 2 * (len(sizes) - 1)
        sizes[-1] = min(sizes[-1], max(room, 10))
        cut = [(*row[:-1], _cell(row[-1], sizes[-1])) for row in cut]
    lines = ["  ".join(cell + " " * (size - _columns(cell)) for cell, size in zip(row, sizes, strict=True)).rstrip()
             for row in cut]  # fmt: skip
    lines.insert(1, "  ".join("-" * size for size in sizes))
    return "\n".join(lines)


def plain(text: str) -> str:
    """`text` without control characters, which could steer a terminal, and on one line."""
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def marked(text: str, marks: Sequence[Any]) -> str:
    """`text` as `plain` has it, on a terminal with its marked spans (start, end) in bold."""
    if not sys.stdout.isatty():
        return plain(text)
    parts, at = [], 0
    for mark in marks:
        start, end = (mark.start, mark.end) if hasattr(mark, "start") else mark
        parts += [_printable(text[at:start]), _BOLD, _printable(text[start:end]), _PLAIN]
        at = end
    return " ".join("".join([*parts, _printable(text[at:])]).split())


def wrapped(text: str, indent: int) -> str:
    """`text` in lines that fit, each behind so many spaces, hanging by two."""
    bare = text.replace(_BOLD, "\ue000").replace(_PLAIN, "\ue001")  # one column each, and none on the screen
    lines = textwrap.fill(bare, width(), initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
    return lines.replace("\ue000", _BOLD).replace("\ue001", _PLAIN)


def width() -> int:
    """How many columns a line of text may have: the terminal's, from 40 to 100."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, 40), 100)


def _cell(text: str, width: int | None) -> str:
    text = plain(text)
    if width is None or _columns(text) <= width:
        return text
    while _columns(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _columns(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
