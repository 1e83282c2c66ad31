"""Commands for the hand: what is read, what was noted, and how far the list is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import json_option, library_option, opened_library, settings_of

if TYPE_CHECKING:
    from service.marking import Marked, Part

_IDS = click.argument("document_ids", metavar="ID…", nargs=-1, required=True)


@click.command()
@_IDS
@library_option
@json_option
def read(document_ids: tuple[str, ...], library: Path | None, as_json: bool) -> None:
    """Mark papers as read, by their ids, arXiv ids or addresses."""
    _mark(document_ids, True, library, as_json)


@click.command()
@_IDS
@library_option
@json_option
def unread(document_ids: tuple[str, ...], library: Path | None, as_json: bool) -> None:
    """Mark papers as not read, whatever their check box says."""
    _mark(document_ids, False, library, as_json)


@click.command()
@click.argument("document_id", metavar="ID")
@click.argument("text", required=False)
@library_option
@json_option
def note(document_id: str, text: str | None, library: Path | None, as_json: bool) -> None:
    """Note something on a paper, in place of your note before; "" takes it away. Without a text, show it."""
    from service import marking, terminal

    opened, generation = opened_library(settings_of(library))
    if text is None:
        found = marking.marked(generation, opened.marks(), document_id)
    else:
        found = marking.set_note(opened.library.marks, generation, document_id, text)
    if as_json:
        terminal.print_json(found)
        return
    print(f"{terminal.plain(found.id)}  {terminal.plain(found.title)}")
    print(terminal.wrapped(f"your note: {terminal.plain(found.note)}" if found.note else "no note", indent=3))


@click.command()
@library_option
@json_option
def status(library: Path | None, as_json: bool) -> None:
    """How far you are: read, unread and the minutes left, by section of the list and by theme."""
    from service import marking, minutes, terminal

    opened, generation = opened_library(settings_of(library))
    held = opened.marks()
    for warning in held.warnings:
        terminal.say(f"Warning: {warning.source}:{warning.line or ''} {warning.message}")
    found = marking.status(generation, held)
    if as_json:
        terminal.print_json(found)
        return
    print(
        f"{found.read} of {found.documents} read, {found.unread} to read: about {minutes.spoken(found.minutes_left)}."
    )
    for title, parts in (("section", found.sections), ("theme", found.themes)):
        if parts:
            print("\n" + terminal.table([_row(part) for part in parts], ("read", "of", "left", title)))


def _mark(ids: tuple[str, ...], state: bool, library: Path | None, as_json: bool) -> None:
    from service import marking, terminal

    opened, generation = opened_library(settings_of(library))
    found = marking.set_read(opened.library.marks, generation, ids, state)
    if as_json:
        terminal.print_json({"papers": [asdict(paper) for paper in found]})
        return
    for paper in found:
        print(_line(paper))


def _line(paper: Marked) -> str:
    from service import terminal

    return f"[{'x' if paper.read else ' '}] {terminal.plain(paper.id)}  {terminal.plain(paper.title)}"


def _row(part: Part) -> tuple[str, ...]:
    from service import minutes

    return str(part.read), str(part.documents), minutes.spoken(part.minutes_left), part.name or "(none)"
