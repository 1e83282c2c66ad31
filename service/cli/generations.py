"""Commands on the library's generations."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from service.cli.common import (
    json_option,
    library_option,
    settings_of,
)


@click.group()
def library() -> None:
    """List, verify, roll back, prune, export or import the library's generations."""


@library.command("list")
@library_option
@json_option
def library_list(library: Path | None, as_json: bool) -> None:
    """The generations that are kept, oldest first, and which one is to be read; `library verify` checks what is in them."""
    from indexer.library import Library
    from service import terminal

    held = Library(settings_of(library).library)
    current = held.current_name()
    rows = [{"name": m.name, "current": m.name == current, "created": m.created, "documents": m.documents,
             "passages": m.passages, "model": m.model.name, "bytes": sum(f.bytes for f in m.files.values()),
             "sources": list(m.sources)} for m in held.manifests()]  # fmt: skip
    unreadable = held.unreadable()
    if as_json:
        terminal.print_json({"generations": rows, "unreadable": unreadable})
        return
    cells = [("* " if row["current"] else "  ") + row["name"] for row in rows]
    table = [(cell, row["created"], str(row["documents"]), str(row["passages"]), row["model"], f"{row['bytes'] / 1e6:.1f} MB")
             for cell, row in zip(cells, rows, strict=True)]  # fmt: skip
    print(terminal.table(table, ("  name", "created", "documents", "passages", "model", "size")))
    for name, why in unreadable.items():
        terminal.say(f"Warning: {why}{' It is the one to be read.' if name == current else ''}")


@library.command("rollback")
@click.argument("name", required=False)
@library_option
def library_rollback(name: str | None, library: Path | None) -> None:
    """Make an earlier generation the one that is read: NAME, or the one before the current.

    Where the current one is damaged or a newer paperpath's, that is the one that answers in its place. What it remembers
    counts again too: its sources, and what was taken out of them.
    """
    from indexer.errors import FormatUnknown
    from indexer.library import Library, Writer
    from service import terminal

    held = Library(settings_of(library).library)
    held.current_name()
    with Writer(held) as writer:
        before = None
        with contextlib.suppress(FormatUnknown):  # what a newer paperpath remembers, this one can't say
            before = held.remembered()
        chosen = writer.rollback(name)
    now = held.manifest(chosen)
    print(f"Generation {chosen} is read now. Its {terminal.counted(len(now.sources), 'source')}"
          f" {'is' if len(now.sources) == 1 else 'are'} in force again: the next reindex goes by what it remembers.")  # fmt: skip
    was = before.sources if before else now.sources
    for word, these in (("without", sorted({*was} - {*now.sources})), ("again with", sorted({*now.sources} - {*was}))):
        for source in these:
            print(f"  {word} {terminal.plain(source)}")


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
@click.option("--downloads", is_flag=True, help="What is cached too of what none of those left is made of.")
@library_option
def library_prune(keep: int, downloads: bool, library: Path | None) -> None:
    """Remove old generations, and files that none of those left needs. Marks stay.

    The newest stay, and the one that is read. An upload goes when it is a day old and none of those left has it for a source.
    Downloads, and what was worked out of them or of files, stay unless asked: what is taken out may be wanted again.
    Superseded versions go with each reindex.
    """
    from indexer.library import Library, Writer

    held = Library(settings_of(library).library)
    held.current_name()
    with Writer(held) as writer:
        gone = writer.prune(keep)
        freed = writer.let_go_downloads() if downloads else 0
    current = held.current_name()
    left = [manifest.name + (" (read now)" if manifest.name == current else "") for manifest in held.manifests()]
    removed = f"Removed: {', '.join(gone)}" if gone else "Nothing to remove"
    print(f"{removed}. Kept: {', '.join(left)}.")
    if downloads:
        print(f"Downloads removed, and what was cached: {freed / 1e6:.1f} MB.")


@library.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--downloads", is_flag=True, help="The fetched papers too, so that a reindex brings none of them again.")
@library_option
@json_option
def library_export(file: Path, downloads: bool, library: Path | None, as_json: bool) -> None:
    """Write what is searched, your marks and your uploads to FILE: a backup, checked, as one zip archive."""
    from indexer.library import Library, backup
    from service import terminal

    done = backup.export(Library(settings_of(library).library), file, downloads=downloads)
    if done.warning:
        terminal.say(f"Warning: {done.warning} Generation {done.generation} is exported in its place.")
    if as_json:
        terminal.print_json(done)
        return
    held = ", ".join((terminal.counted(done.documents, "document"), terminal.counted(done.marks, "mark"),
                      terminal.counted(done.uploads, "upload")))  # fmt: skip
    print(f"Generation {done.generation} with {held} and {terminal.counted(done.downloads, 'download')} is in {done.file}"
          f" ({done.bytes / 1e6:.1f} MB).\nSHA-256 {done.sha256}")  # fmt: skip
    for name in done.left_out:
        terminal.say(f"Warning: {terminal.plain(name)} is not in it: its file is not there.")


@library.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Go on though the library here has what the file lacks.")
@library_option
@json_option
def library_import(file: Path, yes: bool, library: Path | None, as_json: bool) -> None:
    """Bring back what `export` wrote to FILE, as a new generation. Marks are merged: the later one counts."""
    from indexer.library import Library, backup
    from service import terminal

    settings = settings_of(library)
    done = backup.bring_in(Library(settings.library), file, keep=settings.keep_generations, yes=yes)
    if as_json:
        terminal.print_json(done)
        return
    now = (
        f"Generation {done.generation} is read now"
        if done.published
        else f"Generation {done.generation} is that already"
    )
    print(f"{now}: {terminal.counted(done.documents, 'document')}. New here: {terminal.counted(done.marks, 'mark')},"
          f" {terminal.counted(done.downloads, 'download')}.")  # fmt: skip


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
