"""The command that cites."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from service.cli.common import json_option, library_option, opened_library, settings_of


@click.command()
@click.argument("document_ids", metavar="[ID…]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every paper of the library.")
@click.option("--format", "form", type=click.Choice(["bibtex", "csl-json"]), default="bibtex", show_default=True,
              help="What to print.")  # fmt: skip
@library_option
@json_option
def cite(document_ids: tuple[str, ...], everything: bool, form: Literal["bibtex", "csl-json"], library: Path | None,
         as_json: bool) -> None:  # fmt: skip
    """Papers for a bibliography, in BibTeX or CSL-JSON, of what is known of them.

    \b
    Example:
      paperpath cite 1706.03762 2311.08105 >> paper.bib
    """
    from service import citing, terminal

    if everything == bool(document_ids):
        raise click.UsageError("Name papers by their ids, or give --all.")
    _, generation = opened_library(settings_of(library))
    ids = [summary.id for summary in generation.catalogue.summaries] if everything else document_ids
    found = citing.cite(generation, ids)
    if as_json:
        terminal.print_json({"papers": [asdict(one) for one in found]})
    elif form == "csl-json":
        terminal.print_json([one.csl for one in found])
    else:
        print("\n".join(one.bibtex.rstrip("\n") + "\n" for one in found), end="")
