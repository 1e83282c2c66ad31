"""The command that lists what the library is made from."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.common import (
    json_option,
    library_option,
    opened_library,
    settings_of,
)


@click.command()
@library_option
@json_option
def sources(library: Path | None, as_json: bool) -> None:
    """What the library is made from, with how many documents each source names.

    Each is spelled as `paperpath reindex --remove` takes it.
    """
    from collections import Counter

    from indexer.wanted import removable
    from service import terminal

    _, generation = opened_library(settings_of(library))
    manifest = generation.manifest
    counts = Counter(source for summary in generation.catalogue.summaries
                     for source in {mention.source for mention in summary.entry.mentions})  # fmt: skip
    rows = [{"source": source, "remove": removable(source, manifest.sources), "documents": counts[source]}
            for source in manifest.sources]  # fmt: skip
    if as_json:
        terminal.print_json({"generation": generation.name, "sources": rows, "excluded": list(manifest.excluded)})
        return
    table = [(str(row["documents"]), str(row["remove"])) for row in rows]
    print(terminal.table(table, ("documents", "source")))
    if manifest.excluded:
        print(f"\nTaken out with --remove: {terminal.plain(', '.join(manifest.excluded))}. --add one brings it back.")
