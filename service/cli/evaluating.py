"""The command that measures how well a search finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from service.cli.common import (
    json_option,
    opened_library,
    say_first_use,
    settings_of,
    told_to,
)

if TYPE_CHECKING:
    from service.search import Stage


@click.command()
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
@json_option
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
        judged, settings = answers.read(folder, split, half), settings_of(None, reranker=rerank)
        say_first_use(settings)
        with told_to("auto") as told:
            report = answers.evaluate_folder(judged, settings, stages, keep=keep, seed=seed, progress=told)
    else:
        opened, generation = opened_library(
            settings_of(Path(library) if library else None, reranker=rerank), model=True
        )
        with told_to("auto") as told:
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
