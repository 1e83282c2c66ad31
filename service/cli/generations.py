"""Commands on the library's generations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import (
    json_option,
    library_option,
    settings_of,
)

if TYPE_CHECKING:
    pass


@click.group()
def library() -> None:
    """List, roll back, verify or prune the library's generations."""


@library.command("list")
@library_option
@json_option
def library_list(library: Path | None, as_json: bool) -> None:
    """The generations that are kept, oldest first, and which one is read."""
    from indexer.library import Library
    from service import terminal

    held = Library(settings_of(library).library)
    current = held.current_name()
    rows = [{"name": m.name, "current": m.name == current, "created": m.created, "documents": m.documents,
             "passages": m.passages, "model": m.model.name, "bytes": sum(f.bytes for f in m.files.values()),
             "sources": list(m.sources)} for m in held.manifests()]  # fmt: skip
    if as_json:
        terminal.print_json({"generations": rows})
        return
    cells = [("* " if row["current"] else "  ") + row["name"] for row in rows]
    table = [(cell, row["created"], str(row["documents"]), str(row["passages"]), row["model"], f"{row['bytes'] / 1e6:.1f} MB")
             for cell, row in zip(cells, rows, strict=True)]  # fmt: skip
    print(terminal.table(table, ("  name", "created", "documents", "passages", "model", "size")))


@library.command("rollback")
@click.argument("name", required=False)
@library_option
def library_rollback(name: str | None, library: Path | None) -> None:
    """Make an earlier generation the one that is read: NAME, or the one before the current."""
    from indexer.library import Library

    held = Library(settings_of(library).library)
    held.current_name()
    with held.writer() as writer:
        print(f"Generation {writer.rollback(name)} is read now.")


@library.command("verify")
@library_option
@json_option
def library_verify(library: Path | None, as_json: bool) -> None:
    """Check every byte of every generation. Exit code 1 where one is damaged."""
    from indexer.library import Library
    from service import terminal

    answers = Library(settings_of(library).library).verify()
    if as_json:
        terminal.print_json(
            {"generations": [{"name": name, "sound": not wrong, "wrong": wrong} for name, wrong in answers]}
        )
    else:
        for name, wrong in answers:
            print(f"{name}  {wrong or 'sound'}")
    raise click.exceptions.Exit(1 if any(wrong for _, wrong in answers) else 0)


@library.command("prune")
@click.option("--keep", default=1, show_default=True, type=click.IntRange(1), help="How many of the newest to keep.")
@library_option
def library_prune(keep: int, library: Path | None) -> None:
    """Remove old generations, and files that none of those left needs. Marks and caches stay."""
    from indexer.library import Library

    held = Library(settings_of(library).library)
    held.current_name()
    with held.writer() as writer:
        gone = writer.prune(keep)
    print(f"Removed: {', '.join(gone)}." if gone else "Nothing to remove.")


@library.command("ledger")
@library_option
@json_option
def library_ledger(library: Path | None, as_json: bool) -> None:
    """What was fetched: for each address what was asked, who answered, and what came."""
    from dataclasses import asdict

    from indexer.errors import NoLibrary
    from indexer.library.cache import Cache
    from service import terminal

    folder = settings_of(library).library
    if not (folder / "cache" / "cache.sqlite").exists():
        raise NoLibrary(f"Nothing was fetched into {folder} yet.")
    with Cache(folder / "cache") as cache:
        rows = cache.downloads()
    if as_json:
        terminal.print_json({"downloads": [asdict(row) for row in rows]})
        return
    cells = [(row.address, row.outcome, f"v{row.version}" if row.version else "", str(row.bytes), row.time,
              row.reason or row.final_url) for row in rows]  # fmt: skip
    print(
        terminal.table(
            cells, ("address", "outcome", "version", "bytes", "time", "from, or why"), (40, None, None, None, None, 80)
        )
    )
