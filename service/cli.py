"""The command line: a thin face over `indexer.reindex` and the answers. Heavy imports stay inside the commands."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from service.query import KINDS as _KINDS

if TYPE_CHECKING:
    from indexer.library import Generation
    from indexer.reindex import Report
    from indexer.settings import Settings
    from service.opened import Opened
    from service.search import Answer, FoundPassage, Kind, Stage

EPILOG = """\b
Exit codes:
  0  done; after a reindex: every document has its full text
  1  failed; what was published before is untouched
  2  the command can't be meant: a wrong option, a missing file, an empty list
  3  done, but something has only a digest
  4  done, but something failed, and the rest can be searched; a file without text
  5  evaluate: worse than the saved report
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EPILOG)
@click.version_option(package_name="paperpath")
def main_group() -> None:
    """Turns a reading list into a library you can question, and tells you what to read next."""


def main() -> None:
    """The command `paperpath`: runs one and ends with its documented exit code, never with a traceback."""
    from indexer.errors import PaperpathError

    for stream in (sys.stdout, sys.stderr):  # a terminal or a pipe that can't show a character shows its code
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main_group(prog_name="paperpath", standalone_mode=False) or 0  # the status of an `Exit`
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and error.ctx and error.ctx.info_name in ("search", "quote"):
            click.echo(
                f'  Words that begin with a minus stand behind --: paperpath {error.ctx.info_name} -- "-…"', err=True
            )
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was brought so far is kept; the published library is untouched.", err=True)
        code = 130
    except PaperpathError as error:
        _show(error)
        code = error.exit_code
    except BrokenPipeError:  # `paperpath … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        click.echo(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}.", err=True)
        code = 1
    except Exception as error:
        if os.environ.get("PAPERPATH_DEBUG"):
            raise
        click.echo(f"Error: something unexpected went wrong: {type(error).__name__}: {error}\n"
                   "  Nothing published was touched. PAPERPATH_DEBUG=1 shows where; please report it.", err=True)  # fmt: skip
        code = 1
    sys.exit(code)


def _show(error: Any) -> None:
    click.echo(f"Error: {error.message}", err=True)
    if error.cure:
        click.echo(f"  {error.cure}", err=True)


def _library_option(command: Callable) -> Callable:
    return click.option(
        "--library", type=click.Path(path_type=Path), metavar="FOLDER",
        help="The library's folder.  [default: $PAPERPATH_LIBRARY, else data/library]",
    )(command)  # fmt: skip


def _json_option(command: Callable) -> Callable:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _reading_options(command: Callable) -> Callable:
    engine = click.option(
        "--engine", type=click.Choice(["auto", "pdfium", "pypdf"]),
        help="What reads PDFs; auto: PDFium, and pypdf where that fails.  [default: $PAPERPATH_ENGINE, else auto]",
    )  # fmt: skip
    ocr = click.option("--ocr", is_flag=True, help="Read scanned pages with Tesseract, which has to be installed.")
    return engine(ocr(command))


def _settings(library: Path | None, **given: Any) -> Settings:
    from indexer.settings import load

    return load(library=library, **given)


def _open(settings: Settings, *, model: bool = False) -> tuple[Opened, Generation]:
    """The library that the settings name, and its generation; `model` says that its model will be used."""
    from service.opened import Opened
    from service.terminal import say

    opened = Opened(settings)
    generation = opened.now()
    if model:
        _say_first_use(settings)
    if opened.trouble is not None:
        say(
            f"Warning: {opened.trouble.message} Generation {generation.name} answers in its place.\n  {opened.trouble.cure}"
        )
    return opened, generation


def _say_first_use(settings: Settings) -> None:
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


# ---------------------------------------------------------------------- building


@main_group.command()
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
@_reading_options
@click.option("--progress", type=click.Choice(["auto", "json", "none"]), default="auto", hidden=True)
@_library_option
@_json_option
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

    settings = _settings(library, engine=engine, ocr=ocr or None)
    request = Request(sources, add, remove, offline, refresh, strict, yes, keep_apart, merge_again)
    _say_first_use(settings)
    with _progress(progress) as told:
        report = run(request, settings, told)
    _print_report(report, as_json, strict)
    raise click.exceptions.Exit(report.exit_code)


def _progress(how: str) -> Any:
    """A context that gives what to tell progress to: JSON lines, bars on a terminal, or nothing."""
    from contextlib import nullcontext

    from service import terminal

    if how == "json":
        return nullcontext(terminal.JsonProgress())
    return terminal.BarProgress() if how == "auto" and sys.stderr.isatty() else nullcontext(None)


def _print_report(report: Report, as_json: bool, strict: bool) -> None:
    from service import terminal

    for warning in report.warnings:
        where = (
            f"{warning.source}:{warning.line}: " if warning.line else f"{warning.source}: " if warning.source else ""
        )
        terminal.say(f"Warning: {where}{warning.message}")
    warned = {f"{warning.source}:{warning.line}: {warning.message}" for warning in report.warnings}
    for skipped in report.skipped:
        if skipped not in warned:
            terminal.say(f"Skipped: {skipped}")
    if as_json:
        terminal.print_json(report)
        return
    rows = [(line.id, line.outcome, line.title) for line in report.lines]
    print(terminal.table(rows, ("id", "text", "title"), (None, None, 110)))
    reasons: dict[str, list[str]] = {}
    for line in report.lines:
        if (
            line.why
        ):  # many papers fail for one reason: the address in front of it tells them apart no better than the id
            reasons.setdefault(re.sub(r"^https?://\S+ ", "", line.why), []).append(line.id)
    for reason, ids in reasons.items():
        if len(ids) == 1:
            reason = next(line.why for line in report.lines if line.id == ids[0] and line.why)
        print(f"\n{', '.join(ids)}:\n  {terminal.plain(reason)}")
    counts: dict[str, int] = {}
    for line in report.lines:
        counts[line.outcome] = counts.get(line.outcome, 0) + 1
    what = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    print(f"\n{report.documents} documents ({what}), {report.passages} passages, {report.embedded} embedded now,"
          f" {report.bodies} downloaded, {report.seconds} s.")  # fmt: skip
    if report.removed:
        print(f"Removed: {', '.join(report.removed)}.")
    if report.published:
        print(f"Published as generation {report.generation}.")
    elif strict and report.exit_code:
        serves = f"; generation {report.generation} serves" if report.generation else ""
        print(f"Nothing was published, because of --strict{serves}.")
    else:
        print(f"Nothing new was published; generation {report.generation} serves.")


@main_group.command()
@click.argument("source", default="data/reading-list.md", metavar="[LIST]")
@click.option("--offline", is_flag=True, help="Ask nobody; check what can be checked from what is held.")
@_library_option
@_json_option
def check(source: str, offline: bool, library: Path | None, as_json: bool) -> None:
    """Check a reading list, without downloading a paper.

    Names, by line: repeats, titles that are not the paper's, superseded versions, withdrawn papers, dead links.
    Exit code 0 where nothing is wrong, else 4; what could not be looked up is named and counts as neither.
    """
    from indexer.check import check as run
    from service import terminal

    with _progress("auto") as told:
        findings = run(source, _settings(library), offline=offline, progress=told)
    if as_json:
        terminal.print_json(findings)
    else:
        for finding in findings.findings:
            where = ":".join(str(part) for part in (finding.source, finding.line) if part)
            print(f"{where or source}: {finding.kind}: {terminal.plain(finding.message)}")
        print(f"{findings.entries} entries, {len(findings.findings)} findings.")
    raise click.exceptions.Exit(4 if any(finding.kind != "unchecked" for finding in findings.findings) else 0)


# ---------------------------------------------------------------------- asking


@main_group.command()
@click.argument("query", nargs=-1, required=False)
@click.option("-k", "--limit", default=10, show_default=True, type=click.IntRange(1, 10_000), help="How many results.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), metavar="KIND",
              help=f"Look in passages of this kind: {', '.join(_KINDS)}. Repeatable."
              "  [default: body, abstract, caption, appendix]")  # fmt: skip
@click.option("--by", type=click.Choice(["paper", "passage"]), default="paper", show_default=True,
              help="What a result is.")  # fmt: skip
@click.option("--explain", is_flag=True, help="Say what each score is made of.")
@click.option("--rerank", metavar="MODEL", help="Let a cross-encoder order the best 50: its folder or hub name."
              "  [default: $PAPERPATH_RERANKER, else none]")  # fmt: skip
@click.option("--cursor", default="", metavar="CURSOR", help="Go on where the page before ended.")
@click.option("--batch", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
              help="Read questions from JSON lines {\"_id\", \"text\"}; print a line of results for each.")  # fmt: skip
@_library_option
@_json_option
def search(query: tuple[str, ...], limit: int, kinds: tuple[Kind, ...], by: Literal["paper", "passage"], explain: bool,
           rerank: str | None, cursor: str, batch: Path | None, library: Path | None, as_json: bool) -> None:  # fmt: skip
    """Where is this said? Papers, best first, each with its best passages and their pages.

    \b
    Examples:
      paperpath search "how does diloco reduce communication"
      paperpath search '"outer momentum" -survey author:douillard year:2023..'

    \b
    In a query:
      "these words"       in a row         -word  -"these words"    not that
      author:NAME  year:2020..2023         section:HEADING  kind:caption  in:ID
      list:HEADING        under this heading of the reading list
      is:unread  is:read  is:digest        has:note  has:code  has:link
    Values of one field mean any of them, fields mean all of them. A minus excludes; where the query begins with one,
    put -- before it. What can't be meant as an operator is words.
    """
    from service import search as answers
    from service import terminal
    from service.query import parse, with_parameters

    text = " ".join(query)
    if query and not text.strip():
        raise click.UsageError("The question is empty.")
    if bool(query) == bool(batch):
        raise click.UsageError(
            "Give a question, or --batch FILE." if not query else "Give a question or --batch, not both."
        )
    settings = _settings(library, reranker=rerank)
    if batch is not None:
        if by != "paper" or explain or cursor:
            raise click.UsageError("--by, --explain and --cursor don't go with --batch.")
        _search_batch(batch, limit, kinds, settings)
        return
    asked = with_parameters(parse(text), kind=kinds)
    if not (asked.text or asked.restricts):
        raise click.UsageError("The question has neither a word nor a filter.")
    opened, generation = _open(settings, model=True)
    answer = answers.search(
        generation, opened.embedder, asked, limit, marks=opened.marks(), by=by,
        cursor=cursor, explain=explain, reranker=opened.reranker,
    )  # fmt: skip
    if as_json:
        terminal.print_json(answer)
        return
    _print_found(answer)
    if not answer.results:
        print("Nothing here fits." if generation.manifest.passages else
              "The library holds no passage yet: no document has a text.")  # fmt: skip


def _print_found(answer: Answer) -> None:
    from service import terminal

    for remark in answer.remarks:
        terminal.say(f"Note: {terminal.plain(remark)}")
    if answer.results and not answer.answered:
        print("Nothing here seems to answer this. Nearest:")
    for number, found in enumerate(answer.results, 1):
        state = "".join(
            f"  [{mark}]" for mark in ((found.text,) if found.text != "full" else ()) + ("read",) * found.read
        )
        score = f"  {found.score:.2f}" if found.score else ""  # none where nothing but filters was asked for
        print(f"{number}. {terminal.marked(found.title, found.marks)}{state}\n   {found.id}{score}  {found.link}")
        for note in found.notes:
            print(terminal.wrapped(f"your note: {_shortened(terminal.plain(note))}", indent=3))
        for passage in found.passages:
            kind = passage.kind if passage.kind != "body" else ""
            path = terminal.plain(" > ".join(passage.path))
            where = ", ".join(filter(None, (f"page {passage.page}" if passage.page else "", kind, path)))
            said = terminal.marked(*_sentence(passage))
            print(terminal.wrapped(f"- {where or 'text'}: {said}", indent=3))
            if passage.also:
                places = dict.fromkeys(f"{also.id}{f' page {also.page}' if also.page else ''}" for also in passage.also)
                print(terminal.wrapped(f"also said in {', '.join(places)}", indent=5))
            if parts := passage.parts:
                told = f"words {parts.lexical:+.2f}, title {parts.title:+.2f}, meaning {parts.dense:+.2f}"
                told += f", paper {parts.paper:+.2f}" if parts.paper else ""
                told += f"; cosine {parts.cosine:.2f}"
                told += f"; reranked {parts.reranked:.2f}" if parts.reranked is not None else ""
                print(f"     {passage.score:.2f} = {told}")
    if answer.next:
        terminal.say(f"More: --cursor {answer.next}")


def _sentence(passage: FoundPassage) -> tuple[str, list[tuple[int, int]]]:
    """The sentence that earned a passage its place, with what follows while there is room, and its marks in it."""
    start, end = passage.sentence.start, min(max(passage.sentence.end, passage.sentence.start + 240), len(passage.text))
    text = passage.text[start:end]
    if end < len(passage.text) and end > passage.sentence.end:
        text = text.rsplit(" ", 1)[0] + " …"
    return text, [
        (m.start - start, m.end - start) for m in passage.marks if start <= m.start and m.end - start <= len(text)
    ]


def _shortened(text: str, width: int = 240) -> str:
    return text if len(text) <= width else text[:width].rsplit(" ", 1)[0] + " …"


def _search_batch(batch: Path, limit: int, kinds: tuple[Kind, ...], settings: Settings) -> None:
    import json

    from indexer.errors import SourceNotFound, SourceUnreadable
    from service import search as answers
    from service import terminal

    try:
        data = sys.stdin.buffer.read() if str(batch) == "-" else batch.read_bytes()
        lines = data.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise SourceNotFound(f"{batch} can't be read: {error.strerror}.", cure="Name a file of JSON lines.") from None
    except UnicodeDecodeError:
        raise SourceUnreadable(f"{batch} is not UTF-8 text.") from None
    questions: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row["text"], str):
                raise TypeError
            questions.append((str(row["_id"]), row["text"]))
        except (ValueError, KeyError, TypeError):
            raise SourceUnreadable(f'{batch}:{number}: not a line of JSON with "_id" and "text".') from None
    opened, generation = _open(settings, model=True)
    stage: Stage = "reranked" if opened.reranker else "fused"
    for start in range(0, len(questions), 64):
        some = questions[start : start + 64]
        ranked = answers.rank(
            generation, opened.embedder, [text for _, text in some], limit, kinds, stage=stage, reranker=opened.reranker
        )
        for (name, _), results in zip(some, ranked, strict=True):
            terminal.print_json({"_id": name, "results": [{"id": id_, "score": score} for id_, score in results]})


@main_group.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-k", "--limit", default=5, show_default=True, type=click.IntRange(1, 1000), help="How many places.")
@_library_option
@_json_option
def quote(words: tuple[str, ...], limit: int, library: Path | None, as_json: bool) -> None:
    """Who says this, and on which page? Exactly, or nearly; or nobody does.

    \b
    Example:
      paperpath quote "attention is all you need"
    """
    from service import terminal
    from service.quote import quote as find

    text = " ".join(words)
    if not text.strip():
        raise click.UsageError("The quote is empty.")
    _, generation = _open(_settings(library))
    answer = find(generation, text, limit)
    if as_json:
        terminal.print_json(answer)
        return
    for match in answer.matches:
        page = f"  page {match.page}" if match.page else ""
        how = "exactly" if match.exact else f"nearly ({match.score:.0%} alike)"
        print(f"{terminal.plain(match.title)}\n   {match.id}{page}  {how}  {match.link}")
        print(terminal.wrapped(f"“{terminal.plain(match.text)}”", indent=3))
    if not answer.matches:
        print(f"No paper here says this. {answer.reason}".rstrip())


@main_group.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[FOLDER]")
@click.option("--library", is_flag=False, flag_value="", metavar="[LIBRARY]",
              help="Ask a library what stands in it: the one in this folder, else the usual one.")  # fmt: skip
@click.option("--split", default="test", show_default=True, metavar="NAME", help="Which of a set's splits.")
@click.option("--queries", "half", type=click.Choice(["all", "even", "odd"]), default="all", show_default=True,
              help="Only questions whose id has an even, or an odd CRC-32.")  # fmt: skip
@click.option("--stage", "stages", multiple=True, type=click.Choice(["lexical", "dense", "fused", "reranked"]),
              help="Only this stage of the ranking. Repeatable.")  # fmt: skip
@click.option("--rerank", metavar="MODEL", help="A cross-encoder's folder or hub name."
              "  [default: $PAPERPATH_RERANKER, else none]")  # fmt: skip
@click.option("--keep", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Keep the set's library there: the next time is quick.")  # fmt: skip
@click.option("--report", "into", type=click.Path(path_type=Path), metavar="FILE", help="Save the report.")
@click.option("--against", type=click.Path(path_type=Path), metavar="FILE",
              help="Compare with a saved report; a drop ends with exit code 5.")  # fmt: skip
@click.option("--tolerance", type=click.FloatRange(0, 1), metavar="DROP",
              help="The drop that is let pass.  [default: what chance explains, by the paired 95 % interval]")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the intervals and of the draw.")
@_json_option
def evaluate(folder: Path | None, library: str | None, split: str, half: Literal["all", "even", "odd"],
             stages: tuple[Stage, ...], rerank: str | None, keep: Path | None, into: Path | None, against: Path | None,
             tolerance: float | None, seed: int, as_json: bool) -> None:  # fmt: skip
    """How well does a search find? Measured on a set of judged questions, or on a library itself.

    FOLDER is laid out as BEIR's sets are: corpus.jsonl, queries.jsonl, and qrels.tsv or qrels/SPLIT.tsv; another split may
    lie in a folder of its name. Its corpus becomes a library of its own.

    With --library no labels are needed: titles and sentences of its papers are asked, as printed and with their rarest
    words dropped, and the paper that says so has to be found.

    \b
    Examples:
      paperpath evaluate scifact --keep ~/scifact-library --report before.json
      paperpath evaluate --library --against before.json
    """
    from service import evaluate as answers
    from service import terminal

    if (folder is None) == (library is None):
        raise click.UsageError(
            "Name a FOLDER, or give --library." if folder is None else "Give FOLDER or --library, not both."
        )
    if library is not None and (keep or stages or (split, half) != ("test", "all")):
        raise click.UsageError("--keep, --stage, --split and --queries go with a FOLDER.")
    if tolerance is not None and against is None:
        raise click.UsageError("--tolerance goes with --against.")
    if into is not None and not into.absolute().parent.is_dir():
        raise click.UsageError(f"There is no folder {into.parent} for the report.")
    before = answers.load(against) if against else None
    if folder is not None:
        judged, settings = answers.read(folder, split, half), _settings(None, reranker=rerank)
        _say_first_use(settings)
        with _progress("auto") as told:
            report = answers.evaluate_folder(judged, settings, stages, keep=keep, seed=seed, progress=told)
    else:
        opened, generation = _open(_settings(Path(library) if library else None, reranker=rerank), model=True)
        with _progress("auto") as told:
            report = answers.evaluate_library(
                generation, opened.embedder, reranker=opened.reranker, seed=seed, progress=told
            )
    comparison = answers.compare(report, before, tolerance) if before else None
    if as_json:
        terminal.print_json(answers.as_data(report, comparison))
    else:
        print("\n".join(answers.lines(report)))
        if comparison:
            print("\n".join(["", f"Against {against}:", "", *answers.comparison_lines(comparison)]))
    worse = comparison is not None and bool(comparison.dropped)
    if into is not None and not (worse and against is not None and into.resolve() == against.resolve()):
        answers.save(report, into)
    elif into is not None:
        terminal.say(f"{into} stays as it is: this report is worse.")
    raise click.exceptions.Exit(5 if worse else 0)


@main_group.command()
@click.argument("document_id", metavar="[ID]", required=False)
@_library_option
@_json_option
def papers(document_id: str | None, library: Path | None, as_json: bool) -> None:
    """List the papers of the library; with an ID, show one with its outline and where it is listed."""
    from service import papers as answers
    from service import terminal

    _, generation = _open(_settings(library))
    if document_id is not None:
        _print_paper(answers.paper(generation, document_id), as_json)
        return
    held = answers.papers(generation)
    if as_json:
        terminal.print_json(held)
        return
    rows = [(p.id, str(p.year or ""), p.text, str(p.pages or ""), p.title) for p in held.papers]
    print(terminal.table(rows, ("id", "year", "text", "pages", "title"), (None, None, None, None, 100)))


def _print_paper(one: Any, as_json: bool) -> None:
    from service import terminal

    if as_json:
        terminal.print_json(one)
        return
    p = one.paper
    print(f"{terminal.plain(p.title)}\n{terminal.plain(', '.join(p.authors))}\n{p.id}  {p.date}  {p.link}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in one.kinds.items())
    print(f"text: {p.text}{f' ({p.reason})' if p.reason else ''}; pages: {p.pages or '-'};"
          f" passages: {one.passages}{f' ({kinds})' if kinds else ''}; references: {one.reference_count}")  # fmt: skip
    for page in one.missing:
        print(f"page {page.page} has no text: {terminal.plain(page.why)}")
    for other in one.versions:
        size = f", {other.pages} pages" if other.pages else ""
        name = terminal.plain(other.address.removeprefix("file:"))
        print(f"also brought: {name} ({f'v{other.version}, ' if other.version else ''}{other.text}{size}; {other.why})")
    if one.abstract:
        print(f"\n{terminal.plain(one.abstract)}")
    if one.outline:
        print("\nOutline:")
    for heading in one.outline:
        print(
            f"  {'  ' * (heading.level - 1)}{terminal.plain(heading.heading)}{f'  p. {heading.page}' if heading.page else ''}"
        )
    if one.references:
        print("\nReferences:")
    for r in one.references:
        what = terminal.plain(r.title) or _shortened(terminal.plain(r.raw), 100)
        year, times = f" ({r.year})" if r.year else "", f"  mentioned {r.mentions}×" if r.mentions else ""
        print(
            f"  [{terminal.plain(r.label) or r.n}] {what}{year}{f'  arXiv:{r.arxiv_id}' if r.arxiv_id else ''}{times}"
        )
    print("\nListed:")
    for place in one.listed:
        line = f":{place.line}" if place.line else ""
        print(f"  {place.source}{line}  {terminal.plain(' > '.join(place.section))}  {terminal.plain(place.title)}")


@main_group.command("open")
@click.argument("document_id", metavar="ID")
@click.option("--page", type=click.IntRange(1), help="Open at this page.")
@click.option("--print", "only_print", is_flag=True, help="Print the link instead of opening it.")
@_library_option
def open_(document_id: str, page: int | None, only_print: bool, library: Path | None) -> None:
    """Open a paper where it can be read: the local file, arXiv's page, or the web page."""
    import webbrowser

    from indexer.errors import UsageError
    from service.links import page_link
    from service.papers import summary_of

    _, generation = _open(_settings(library))
    summary = summary_of(generation, document_id)
    if page is not None and (summary.pages is None or page > summary.pages):
        raise UsageError(f"{document_id} has {f'{summary.pages} pages' if summary.pages else 'no numbered pages'} here.",
                         cure=f"Leave --page out, or see `paperpath papers {document_id}`.")  # fmt: skip
    link = page_link(summary, page)
    if not link:
        raise UsageError(f"{document_id} is a record: it names no file and no link to open.")
    print(link)
    if not only_print:
        webbrowser.open(link)


@main_group.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a markdown document.")
@_reading_options
@_json_option
def text(file: Path, as_markdown: bool, engine: str | None, ocr: bool, as_json: bool) -> None:
    """Show what is understood of a PDF, a saved web page or a markdown file: outline, references, and text by kind.

    Exit code 0 where it has text, else 4: a scan, an encrypted or damaged file, no PDF at all, or over a limit.
    """
    from indexer.text import text_of
    from service import terminal
    from service.text import for_markdown, for_terminal

    if as_json and as_markdown:
        raise click.UsageError("Give --json or --markdown, not both.")
    with _progress("auto") as told:
        understood, extracted = text_of(file, _settings(None, engine=engine, ocr=ocr or None), told)
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


# ---------------------------------------------------------------------- serving


@main_group.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one."
)
@_library_option
def serve(host: str, port: int, library: Path | None) -> None:
    """Answer over HTTP until stopped. Prints where to look."""
    from service.server import run

    settings = _settings(library)
    _say_first_use(settings)
    run(settings, host, port)


@main_group.command()
@_library_option
@_json_option
def doctor(library: Path | None, as_json: bool) -> None:
    """Say what is there and what is missing: the model, the library, the network's part, and the next step."""
    from service import terminal
    from service.doctor import examine

    settings = _settings(library)
    answer = examine(settings)
    if as_json:
        terminal.print_json(answer)
    else:
        for item in answer.items:
            print(f"{'ok ' if item.ok else 'NO '} {item.what:<10} {item.found}")
        print(f"\nNext: {answer.next_step}")
    raise click.exceptions.Exit(0 if all(item.ok for item in answer.items) else 1)


# ---------------------------------------------------------------------- the library's generations


@main_group.group()
def library() -> None:
    """List, roll back, verify or prune the library's generations."""


@library.command("list")
@_library_option
@_json_option
def library_list(library: Path | None, as_json: bool) -> None:
    """The generations that are kept, oldest first, and which one is read."""
    from indexer.library import Library
    from service import terminal

    held = Library(_settings(library).library)
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
@_library_option
def library_rollback(name: str | None, library: Path | None) -> None:
    """Make an earlier generation the one that is read: NAME, or the one before the current."""
    from indexer.library import Library

    held = Library(_settings(library).library)
    held.current_name()
    with held.writer() as writer:
        print(f"Generation {writer.rollback(name)} is read now.")


@library.command("verify")
@_library_option
@_json_option
def library_verify(library: Path | None, as_json: bool) -> None:
    """Check every byte of every generation. Exit code 1 where one is damaged."""
    from indexer.library import Library
    from service import terminal

    answers = Library(_settings(library).library).verify()
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
@_library_option
def library_prune(keep: int, library: Path | None) -> None:
    """Remove old generations, and files that none of those left needs. Marks and caches stay."""
    from indexer.library import Library

    held = Library(_settings(library).library)
    held.current_name()
    with held.writer() as writer:
        gone = writer.prune(keep)
    print(f"Removed: {', '.join(gone)}." if gone else "Nothing to remove.")


@library.command("ledger")
@_library_option
@_json_option
def library_ledger(library: Path | None, as_json: bool) -> None:
    """What was fetched: for each address what was asked, who answered, and what came."""
    from dataclasses import asdict

    from indexer.errors import NoLibrary
    from indexer.library.cache import Cache
    from service import terminal

    folder = _settings(library).library
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


if __name__ == "__main__":
    main()
