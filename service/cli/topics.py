"""The command that shows what a library is about."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.common import json_option, library_option, opened_library, settings_of


@click.command()
@library_option
@json_option
def topics(library: Path | None, as_json: bool) -> None:
    """What is it about? The library in a handful of topics, named by its own words.

    \b
    Examples:
      paperpath topics
      paperpath topics --json
    """
    from service import terminal
    from service import topics as answers

    _, generation = opened_library(settings_of(library))
    answer = answers.topics(generation)
    if as_json:
        terminal.print_json(answer)
        return
    for number, topic in enumerate(answer.topics, 1):
        count = len(topic.papers)
        print(f"{number}. {terminal.plain(topic.name)}  ({count} paper{'s' * (count != 1)})")
        if more := [term for term in topic.terms if term not in topic.name]:
            print(terminal.wrapped(f"also: {terminal.plain(', '.join(more))}", indent=3))
        for paper in topic.papers:
            year = f" ({paper.year})" if paper.year else ""
            print(terminal.wrapped(f"- {terminal.plain(paper.title)}{year}  {terminal.plain(paper.id)}", indent=3))
    if not answer.topics:
        print("The library holds no paper yet.")
