"""Commands that build a library, and that look at what goes into it."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import (
    json_option,
    library_option,
    reading_options,
    say_first_use,
    settings_of,
    told_to,
)

if TYPE_CHECKING:
    from indexer.reindex import Report

_TEXTS = {"cached": "full text", "failed": "title only"}
"""What a person reads for an outcome: what is there. Why there is no more stands below."""

_IN_SHORT = {"repeat": "repeats", "no-link": "lines without a link are not taken"}
_ADDRESS = re.compile(r"^(?:https?://|arxiv:|doi:|title:|file:)\S+ ", re.IGNORECASE)
_SHOWN = 6  # ids for which one reason is given


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--add", multiple=True, metavar="SOURCE", help="Add a source to the remembered ones. Repeatable.")
@click.option("--remove", multiple=True, metavar="SOURCE|ID", help="Take a source or a document out. Repeatable.")
@click.option(
    "--keep-apart", multiple=True, metavar="ID|ADDRESS", help="Undo a wrong merge, now and in later runs. Repeatable."
)
@click.option("--merge-again", multiple=True, metavar="ID|ADDRESS", help="Take back a --keep-apart. Repeatable.")
@click.option("--offline", is_flag=True, help="Make no request at all; use what is held.")
@click.option("--refresh", is_flag=True, help="Ask arXiv for metadata anew, though the last answer is still good.")
@click.option("--strict", is_flag=True, help="Publish nothing unless every document has its full text.")
@click.option("--yes", is_flag=True, help="Go on even if more than half of the library would be dropped.")
@reading_options
@click.option("--progress", type=click.Choice(["auto", "json", "none"]), default="auto", hidden=True)
@library_option
@json_option
def reindex(sources: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...], keep_apart: tuple[str, ...],
            merge_again: tuple[str, ...], offline: bool, refresh: bool, strict: bool, yes: bool, engine: str | None,
            ocr: bool, progress: str, library: Path | None, as_json: bool) -> None:  # fmt: skip
    """Build the library from SOURCES, or bring it up to date.

    A SOURCE is a markdown reading list, a .bib, a .jsonl of records, a PDF, a folder of PDFs, an arXiv id or a URL.
    The library then holds exactly these and remembers them. Without SOURCES: the remembered ones, else
    data/reading-list.md.

    \b
    Example:
      paperpath reindex my-list.md ~/papers

    What is brought twice is one document: the same arXiv id, the same bytes, or the same title and authors with
    agreeing text. --keep-apart takes an ADDRESS out of such a document, or parts all of the document ID.
    """
    from indexer.reindex import Request
    from indexer.reindex import reindex as run

    settings = settings_of(library, engine=engine, ocr=ocr or None)
    request = Request(sources, add, remove, offline, refresh, strict, yes, keep_apart, merge_again)
    say_first_use(settings)
    with told_to(progress) as told:
        report = run(request, settings, told)
    _print_report(report, as_json, strict)
    raise click.exceptions.Exit(report.exit_code)


def _print_report(report: Report, as_json: bool, strict: bool) -> None:
    from service import terminal

    kinds = Counter((warning.source, warning.kind) for warning in report.warnings)
    for warning in report.warnings:
        own = kinds[warning.source, warning.kind]
        if own > 1 and warning.kind in _IN_SHORT:
            continue
        where = (
            f"{warning.source}:{warning.line}: " if warning.line else f"{warning.source}: " if warning.source else ""
        )
        terminal.say(f"Warning: {terminal.plain(where + warning.message)}")
    for (source, kind), number in kinds.items():
        if number > 1 and kind in _IN_SHORT:
            source = terminal.plain(source)
            terminal.say(
                f"Note: {source}: {number} {_IN_SHORT[kind]}: `paperpath check {shlex.quote(source)}` lists them."
            )
    warned = {f"{warning.source}:{warning.line}: {warning.message}" for warning in report.warnings}
    for skipped in report.skipped:
        if skipped not in warned:
            terminal.say(f"Skipped: {terminal.plain(skipped)}")
    if as_json:
        terminal.print_json(report)
        return
    rows = [(line.id, _TEXTS.get(line.outcome, line.outcome), line.title) for line in report.lines]
    print(terminal.table(rows, ("id", "text", "title"), (None, None, 110)))
    reasons: dict[str, list[str]] = {}
    for line in report.lines:
        if line.why:  # many lack their text for one reason: the address in front of it tells no more than the id
            reasons.setdefault(_ADDRESS.sub("", line.why), []).append(line.id)
    for reason, ids in reasons.items():
        if len(ids) == 1:
            reason = next(line.why for line in report.lines if line.id == ids[0] and line.why)
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        print(f"\n{', '.join(ids[:_SHOWN])}{more}:\n  {terminal.plain(reason)}")
    counts = Counter(_TEXTS.get(line.outcome, line.outcome) for line in report.lines)
    what = ", ".join(f"{number} {text}" for text, number in counts.items())
    print(f"\n{terminal.counted(report.documents, 'document')} ({what}), {terminal.counted(report.passages, 'passage')},"
          f" {report.embedded} embedded now, {report.bodies} downloaded, {report.seconds} s.")  # fmt: skip
    if report.removed:
        print(f"Removed: {terminal.plain(', '.join(report.removed))}.")
    if report.published:
        print(f"Published as generation {report.generation}.")
    elif strict and report.exit_code:
        serves = f"; generation {report.generation} serves" if report.generation else ""
        print(f"Nothing was published, because of --strict{serves}.")
    else:
        print(f"Nothing new was published; generation {report.generation} serves.")


@click.command()
@click.argument("source", default="data/reading-list.md", metavar="[LIST]")
@click.option("--offline", is_flag=True, help="Ask nobody; check what can be checked from what is held.")
@library_option
@json_option
def check(source: str, offline: bool, library: Path | None, as_json: bool) -> None:
    """Check a reading list, without downloading a paper.

    Names, by line: repeats, titles that are not the paper's, superseded versions, withdrawn papers, dead links, and
    what stands there without a link and so is not taken.
    Exit code 0 where nothing is wrong, else 4; what could not be looked up is named and counts as neither.
    """
    from indexer.check import check as run
    from service import terminal

    with told_to("auto") as told:
        findings = run(source, settings_of(library), offline=offline, progress=told)
    if as_json:
        terminal.print_json(findings)
    else:
        for finding in findings.findings:
            where = ":".join(str(part) for part in (finding.source, finding.line) if part)
            print(f"{where or source}: {finding.kind}: {terminal.plain(finding.message)}")
        print(f"{terminal.counted(findings.entries, 'entry', 'entries')},"
              f" {terminal.counted(len(findings.findings), 'finding')}.")  # fmt: skip
    raise click.exceptions.Exit(4 if any(finding.kind != "unchecked" for finding in findings.findings) else 0)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a markdown document.")
@reading_options
@json_option
def text(file: Path, as_markdown: bool, engine: str | None, ocr: bool, as_json: bool) -> None:
    """Show what is understood of a PDF, a saved web page or a markdown file: outline, references, and text by kind.

    Exit code 0 where it has text, else 4: a scan, an encrypted or damaged file, no PDF at all, or over a limit.
    """
    from indexer.text import text_of
    from service import terminal
    from service.text import for_markdown, for_terminal

    if as_json and as_markdown:
        raise click.UsageError("Give --json or --markdown, not both.")
    with told_to("auto") as told:
        understood, extracted = text_of(file, settings_of(None, engine=engine, ocr=ocr or None), told)
    if as_json:
        terminal.print_json(understood)
    elif extracted is None:
        terminal.say(f"{terminal.plain(str(file))}: {understood.outcome}: {terminal.plain(understood.reason)}")
        if understood.cure:
            terminal.say(f"  {understood.cure}")
    elif as_markdown:
        print("\n\n".join(for_markdown(understood, extracted)))
    else:
        print("\n".join(for_terminal(understood, extracted)))
    raise click.exceptions.Exit(0 if extracted is not None else 4)
