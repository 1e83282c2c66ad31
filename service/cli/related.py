"""The command that says what is related to a paper, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import (
    batch_option,
    json_option,
    known_ids,
    library_option,
    opened_library,
    read_rows,
    settings_of,
    shortened,
    told_to,
)

if TYPE_CHECKING:
    from indexer.settings import Settings
    from service.related import Related
    from service.related.facets import Facet
    from service.related.reasons import Quoted, Reason

_FACETS = ("background", "method", "result")


@click.command()
@click.argument("document_id", metavar="[ID]", required=False)
@click.option("--like", multiple=True, metavar="ID", help="Another paper that results are to be like. Repeatable.")
@click.option("--unlike", multiple=True, metavar="ID", help="A paper that they are not to be like. Repeatable.")
@click.option("--facet", type=click.Choice(_FACETS),
              help="Alike in this: the same problem, method or findings. The first time takes a while.")  # fmt: skip
@click.option("-k", "--limit", default=10, show_default=True, type=click.IntRange(0, 100_000),
              help="How many results; 0: all papers, ranked.")  # fmt: skip
@batch_option(
    'Read {"_id", "id", "facet", "candidates"} lines, the last two optional; print a line of results for each.'
)
@library_option
@json_option
def related(document_id: str | None, like: tuple[str, ...], unlike: tuple[str, ...], facet: Facet | None, limit: int,
            batch: Path | None, library: Path | None, as_json: bool) -> None:  # fmt: skip
    """What is related to this paper, and why: who cites whom, what both cite, and what both say.

    \b
    Examples:
      paperpath related 1602.05629
      paperpath related 1602.05629 --like 1812.06127 --unlike 1912.04977
      paperpath related 1602.05629 --facet method
    """
    from service import related as answers
    from service import terminal

    if bool(document_id) == bool(batch):
        raise click.UsageError(
            "Give a paper's id, or --batch FILE." if not batch else "Give an id or --batch, not both."
        )
    settings = settings_of(library)
    if batch is not None:
        if like or unlike or facet:
            raise click.UsageError("--like, --unlike and --facet don't go with --batch: its lines say what they ask.")
        _batch(batch, limit, settings)
        return
    opened, generation = opened_library(settings, model=facet is not None)
    embedder = opened.embedder if facet else None
    with told_to("auto") as progress:
        answer = answers.related(
            generation, [document_id or "", *like], embedder=embedder, unlike=unlike, facet=facet, limit=limit,
            progress=progress,
        )  # fmt: skip
    if as_json:
        terminal.print_json(answer)
        return
    _print(answer)


def _print(answer: Related) -> None:
    from service import terminal

    for number, found in enumerate(answer.results, 1):
        state = f"  [{found.text}]" if found.text != "full" else ""
        print(f"{number}. {terminal.plain(found.title)}{state}")
        print(f"   {terminal.plain(found.id)}  {found.score:.2f}  {terminal.plain(found.link)}".rstrip())
        for reason in found.reasons:
            print(terminal.wrapped(f"- {terminal.plain(reason.why)}", indent=3))
            for line in _shown(reason):
                print(terminal.wrapped(line, indent=5))
    if not answer.results:
        print("The library holds no other paper.")


def _shown(reason: Reason) -> list[str]:
    """What is quoted for a reason."""
    from service import terminal

    def quoted(one: Quoted | None) -> list[str]:
        if one is None:
            return []
        where = f"{terminal.plain(one.id)}{f' p. {one.page}' if one.page else ''}"
        return [f"{where}: “{shortened(terminal.plain(one.text))}”"]

    match reason.kind:
        case "cites" | "cited-by":
            if reason.sentence is None:
                return []
            section = terminal.plain(reason.section or "")
            where = ", ".join(filter(None, (f"p. {reason.page}" if reason.page else "", section)))
            return [f"{where or 'text'}: “{shortened(terminal.plain(reason.sentence))}”"]
        case "cited-together":
            return [line for by in reason.by[:1] for line in (*quoted(by.here), *quoted(by.there))]
        case "passages":
            return [*quoted(reason.here), *quoted(reason.there)]
    return []


def _batch(batch: Path, limit: int, settings: Settings) -> None:
    from indexer.errors import SourceUnreadable
    from service import related as answers
    from service import terminal

    rows = read_rows(batch, {"id": str})
    for row in rows:
        facet, candidates = row.get("facet"), row.get("candidates")
        if facet is not None and facet not in _FACETS:
            raise SourceUnreadable(f'{batch}, _id {row["_id"]}: "facet" is one of {", ".join(_FACETS)}.')
        if candidates is not None and not (
            isinstance(candidates, list) and all(isinstance(c, str) for c in candidates)
        ):
            raise SourceUnreadable(f'{batch}, _id {row["_id"]}: "candidates" is a list of ids.')
    any_facet = any(row.get("facet") for row in rows)
    opened, generation = opened_library(settings, model=any_facet)
    for row in rows:  # before the first answer
        known_ids(generation, batch, row, (row["id"], *(row.get("candidates") or ())))
    embedder = opened.embedder if any_facet else None
    for row in rows:
        with told_to("auto") as progress:
            found = answers.rank(
                generation, [row["id"]], embedder=embedder, facet=row.get("facet"), limit=limit,
                candidates=row.get("candidates"), progress=progress,
            )  # fmt: skip
        terminal.print_json({"_id": row["_id"], "results": [{"id": id_, "score": score} for id_, score in found]})
