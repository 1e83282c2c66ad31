"""The command that prints the citation graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import json_option, library_option, opened_library, settings_of

if TYPE_CHECKING:
    from service.citations.graph import GraphAnswer


@click.command()
@click.argument("document_ids", metavar="[ID …]", nargs=-1)
@click.option("--format", "as_format", type=click.Choice(["json", "graphml", "dot", "mermaid"]),
              help="Print it for another program.")  # fmt: skip
@library_option
@json_option
def graph(document_ids: tuple[str, ...], as_format: str | None, library: Path | None, as_json: bool) -> None:
    """Who cites whom, how often and what for; with IDs, among these papers alone.

    \b
    Examples:
      paperpath graph
      paperpath graph --format dot | dot -Tsvg > graph.svg
    """
    from service import terminal
    from service.citations import graph as answers
    from service.citations import graph_formats

    if as_json and as_format not in (None, "json"):
        raise click.UsageError("Give --json or another --format, not both.")
    _, generation = opened_library(settings_of(library))
    answer = answers.graph(generation, document_ids)
    if as_json or as_format:
        name = as_format or "json"
        if name == "mermaid" and len(answer.edges) > graph_formats.MOST_IN_MERMAID:
            terminal.say(f"Note: {len(answer.edges)} citations; Mermaid draws {graph_formats.MOST_IN_MERMAID} unless its"
                         " maxEdges is raised. Name some IDs for a smaller graph.")  # fmt: skip
        print(graph_formats.FORMATS[name](answer), end="")
        return
    _print(answer)


def _print(answer: GraphAnswer) -> None:
    from service import terminal

    titles = {node.id: node.title for node in answer.nodes}
    before = ""
    for edge in answer.edges:
        if edge.from_ != before:
            print(f"{terminal.plain(titles[edge.from_])}\n   {terminal.plain(edge.from_)}")
            before = edge.from_
        basis = f"  [{edge.basis}]" if edge.basis != "bibliography" else ""
        cited = f"{terminal.plain(titles[edge.to])}  {terminal.plain(edge.to)}"
        print(f"   {edge.role:<13} {edge.count:>3}×  {cited}{basis}")
    for cycle in answer.cycles:
        terminal.say(f"These lead to each other by citations: {terminal.plain(', '.join(cycle.ids))}.")
        for why in cycle.why:
            terminal.say(f"   {terminal.plain(why)}")
    if not answer.edges:
        print("No paper here cites another one of them, as far as their texts tell.")
