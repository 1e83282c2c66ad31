"""What the commands share: options, the library that they open, and how progress is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from indexer.library import Generation
    from indexer.settings import Settings
    from service.opened import Opened


def library_option(command: Callable) -> Callable:
    """The option `--library FOLDER`."""
    return click.option(
        "--library", type=click.Path(path_type=Path), metavar="FOLDER",
        help="The library's folder.  [default: $PAPERPATH_LIBRARY, else data/library]",
    )(command)  # fmt: skip


def json_option(command: Callable) -> Callable:
    """The option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def reading_options(command: Callable) -> Callable:
    """What says how PDFs are read: `--engine` and `--ocr`."""
    engine = click.option(
        "--engine", type=click.Choice(["auto", "pdfium", "pypdf"]),
        help="What reads PDFs; auto: PDFium, and pypdf where that fails.  [default: $PAPERPATH_ENGINE, else auto]",
    )  # fmt: skip
    ocr = click.option("--ocr", is_flag=True, help="Read scanned pages with Tesseract, which has to be installed.")
    return engine(ocr(command))


def settings_of(library: Path | None, **given: Any) -> Settings:
    """The settings, with what the command line gives."""
    from indexer.settings import load

    return load(library=library, **given)


def opened_library(settings: Settings, *, model: bool = False) -> tuple[Opened, Generation]:
    """The library that the settings name, and its generation; `model` says that its model will be used."""
    from service.opened import Opened
    from service.terminal import say

    opened = Opened(settings, asks=model)
    generation = opened.now()
    if model:
        say_first_use(settings)
    if opened.trouble is not None:
        say(
            f"Warning: {opened.trouble.message} Generation {generation.name} answers in its place.\n  {opened.trouble.cure}"
        )
    return opened, generation


def say_first_use(settings: Settings) -> None:
    """Says that a model which was never run here is made ready, as that takes a while."""
    from indexer import embed
    from indexer.errors import ModelError
    from service.terminal import say

    try:
        described = embed.describe(settings)
        if described.folder is not None and embed.chosen(described) is None:
            say("The model is made ready for this machine, once: about half a minute.")
    except ModelError:  # it is told where the model is needed
        return


def told_to(how: str) -> Any:
    """A context that gives what to tell progress to: JSON lines, bars on a terminal, or nothing."""
    from contextlib import nullcontext

    from service import terminal

    if how == "json":
        return nullcontext(terminal.JsonProgress())
    return terminal.BarProgress() if how == "auto" and sys.stderr.isatty() else nullcontext(None)


def shortened(text: str, width: int = 240) -> str:
    """At most `width` characters of a text, cut at a word's end."""
    return text if len(text) <= width else text[:width].rsplit(" ", 1)[0] + " …"


def batch_option(what: str) -> Callable:
    """The option `--batch FILE`; `what` says what its lines are."""
    return click.option(
        "--batch", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE", help=f"{what} - is standard input."
    )


def known_ids(generation: Generation, batch: Path, row: dict[str, Any], ids: Iterable[str]) -> None:
    """Raises `UnknownDocument`, with the batch and the line's "_id", where one of the `ids` is of no paper."""
    from indexer.errors import UnknownDocument
    from service.papers import summary_of

    for name in ids:
        try:
            summary_of(generation, name)
        except UnknownDocument as error:
            raise UnknownDocument(f"{batch}, _id {row['_id']}: {error.message}", cure=error.cure) from None


def read_rows(batch: Path, wanted: dict[str, type | tuple[type, ...]]) -> list[dict[str, Any]]:
    """The JSON lines of a batch, each with an "_id" and with all that is `wanted`, of these types.

    Raises `SourceNotFound`, or `SourceUnreadable` with the line that is none.
    """
    from indexer.errors import SourceNotFound, SourceUnreadable

    try:
        data = sys.stdin.buffer.read() if str(batch) == "-" else batch.read_bytes()
        lines = data.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise SourceNotFound(f"{batch} can't be read: {error.strerror}.", cure="Name a file of JSON lines.") from None
    except UnicodeDecodeError:
        raise SourceUnreadable(f"{batch} is not UTF-8 text.") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "_id" not in row or not all(isinstance(row[name], kinds) for name, kinds in wanted.items()):
                raise TypeError
            rows.append(row)
        except (ValueError, KeyError, TypeError, RecursionError):
            names = " and ".join(f'"{name}"' for name in ("_id", *wanted))
            raise SourceUnreadable(f"{batch}:{number}: not a line of JSON with {names}.") from None
    return rows
