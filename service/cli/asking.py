"""Commands that ask a library: where something is said, and what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from indexer.document import PASSAGE_KINDS
from service.cli.common import (
    json_option,
    library_option,
    opened_library,
    read_rows,
    settings_of,
    shortened,
)

if TYPE_CHECKING:
    from indexer.settings import Settings
    from service.search import Answer, FoundPassage, Kind, Stage


_KINDS = (*PASSAGE_KINDS, "all")


@click.command()
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
@library_option
@json_option
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
      topic:WORDS         of a topic whose name has them: paperpath topics
      is:unread  is:read  is:digest        has:note  has:code  has:link
    Values of one field mean any of them, fields mean all of them. A minus excludes; where the query begins with one,
    put -- before it. What can't be meant as an operator is words.
    """
    from service import search as answers
    from service import terminal
    from service.search.query import parse, required, with_parameters

    text = " ".join(query)
    if query and not text.strip():
        raise click.UsageError("The question is empty.")
    if bool(query) == bool(batch):
        raise click.UsageError(
            "Give a question, or --batch FILE." if not query else "Give a question or --batch, not both."
        )
    settings = settings_of(library, reranker=rerank)
    if batch is not None:
        if by != "paper" or explain or cursor:
            raise click.UsageError("--by, --explain and --cursor don't go with --batch.")
        _search_batch(batch, limit, kinds, settings)
        return
    asked = required(with_parameters(parse(text), kind=kinds))
    opened, generation = opened_library(settings, model=True)
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
            f"  [{mark}]"
            for mark in ((terminal.TEXTS.get(found.text, found.text),) if found.text != "full" else ())
            + ("read",) * found.read
        )
        score = f"  {found.score:.2f}" if found.score else ""  # none where nothing but filters was asked for
        print(f"{number}. {terminal.marked(found.title, found.marks)}{state}\n   {found.id}{score}  {found.link}")
        for note in found.notes:
            print(terminal.wrapped(f"your note: {shortened(terminal.plain(note))}", indent=3))
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
        terminal.say("There is more below: -k shows more at once, --json has the cursor of the next page.")


def _sentence(passage: FoundPassage) -> tuple[str, list[tuple[int, int]]]:
    """The sentence that earned a passage its place, with what follows while there is room, and its marks in it."""
    start, end = passage.sentence.start, min(max(passage.sentence.end, passage.sentence.start + 240), len(passage.text))
    text = passage.text[start:end]
    if end < len(passage.text) and end > passage.sentence.end:
        text = text.rsplit(" ", 1)[0] + " …"
    return text, [
        (m.start - start, m.end - start) for m in passage.marks if start <= m.start and m.end - start <= len(text)
    ]


def _search_batch(batch: Path, limit: int, kinds: tuple[Kind, ...], settings: Settings) -> None:
    from service import search as answers
    from service import terminal

    questions = [(str(row["_id"]), row["text"]) for row in read_rows(batch, {"text": str})]
    opened, generation = opened_library(settings, model=True)
    stage: Stage = "reranked" if opened.reranker else "fused"
    for start in range(0, len(questions), 64):
        some = questions[start : start + 64]
        ranked = answers.rank(
            generation, opened.embedder, [text for _, text in some], limit, kinds, stage=stage, reranker=opened.reranker
        )
        for (name, _), results in zip(some, ranked, strict=True):
            terminal.print_json({"_id": name, "results": [{"id": id_, "score": score} for id_, score in results]})


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-k", "--limit", default=5, show_default=True, type=click.IntRange(1, 1000), help="How many places.")
@library_option
@json_option
def quote(words: tuple[str, ...], limit: int, library: Path | None, as_json: bool) -> None:
    """Who says this, and on which page? Exactly, or nearly; or nobody does.

    \b
    Example:
      paperpath quote "attention is all you need"
    """
    from service import terminal
    from service.search.quote import quote as find

    text = " ".join(words)
    if not text.strip():
        raise click.UsageError("The quote is empty.")
    _, generation = opened_library(settings_of(library))
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
        print(answer.reason or "No paper here says this.")


@click.command()
@click.argument("document_id", metavar="[ID]", required=False)
@library_option
@json_option
def papers(document_id: str | None, library: Path | None, as_json: bool) -> None:
    """List the papers of the library; with an ID, show one with its outline and where it is listed."""
    from service import papers as answers
    from service import terminal

    _, generation = opened_library(settings_of(library))
    if document_id is not None:
        _print_paper(answers.paper(generation, document_id), as_json)
        return
    held = answers.papers(generation)
    if as_json:
        terminal.print_json(held)
        return
    rows = [(p.id, str(p.year or ""), terminal.TEXTS.get(p.text, p.text), str(p.pages or ""), p.title)
            for p in held.papers]  # fmt: skip
    print(terminal.table(rows, ("id", "year", "text", "pages", "title"), (None, None, None, None, 100)))


def _print_paper(one: Any, as_json: bool) -> None:
    from service import terminal

    if as_json:
        terminal.print_json(one)
        return
    p = one.paper
    print(f"{terminal.plain(p.title)}\n{terminal.plain(', '.join(p.authors))}\n{p.id}  {p.date}  {p.link}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in one.kinds.items())
    print(f"text: {terminal.TEXTS.get(p.text, p.text)}{f' ({p.reason})' if p.reason else ''}; pages: {p.pages or '-'};"
          f" passages: {one.passages}{f' ({kinds})' if kinds else ''}; references: {one.reference_count}")  # fmt: skip
    for page in one.missing:
        print(f"page {page.page} has no text: {terminal.plain(page.why)}")
    for other in one.versions:
        size = f", {terminal.counted(other.pages, 'page')}" if other.pages else ""
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
        what = terminal.plain(r.title) or shortened(terminal.plain(r.raw), 100)
        year, times = f" ({r.year})" if r.year else "", f"  mentioned {r.mentions}×" if r.mentions else ""
        print(
            f"  [{terminal.plain(r.label) or r.n}] {what}{year}{f'  arXiv:{r.arxiv_id}' if r.arxiv_id else ''}{times}"
        )
    print("\nListed:")
    for place in one.listed:
        line = f":{place.line}" if place.line else ""
        print(f"  {place.source}{line}  {terminal.plain(' > '.join(place.section))}  {terminal.plain(place.title)}")


@click.command("open")
@click.argument("document_id", metavar="ID")
@click.option("--page", type=click.IntRange(1), help="Open at this page.")
@click.option("--print", "only_print", is_flag=True, help="Print the link instead of opening it.")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print the link as JSON instead of opening it.")
def open_(document_id: str, page: int | None, only_print: bool, library: Path | None, as_json: bool) -> None:
    """Open a paper where it can be read: the local file, arXiv's page, or the web page."""
    import webbrowser

    from indexer.errors import UsageError
    from service import terminal
    from service.links import page_link
    from service.papers import summary_of

    _, generation = opened_library(settings_of(library))
    summary = summary_of(generation, document_id)
    if page is not None and (summary.pages is None or page > summary.pages):
        held = terminal.counted(summary.pages, "page") if summary.pages else "no numbered pages"
        raise UsageError(f"{document_id} has {held} here.",
                         cure=f"Leave --page out, or see `paperpath papers {document_id}`.")  # fmt: skip
    link = page_link(summary, page)
    if not link:
        raise UsageError(f"{document_id} is a record: it names no file and no link to open.")
    if as_json:
        terminal.print_json({"id": summary.id, "page": page, "link": link})
        return
    print(link)
    if not only_print:
        webbrowser.open(link)
