"""Commands for who runs it: serving, and what is there and missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import (
    json_option,
    library_option,
    say_first_use,
    settings_of,
)

if TYPE_CHECKING:
    pass


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one."
)
@library_option
def serve(host: str, port: int, library: Path | None) -> None:
    """Answer over HTTP until stopped. Prints where to look."""
    from service.server import run

    settings = settings_of(library)
    say_first_use(settings)
    run(settings, host, port)


@click.command()
@library_option
@json_option
def doctor(library: Path | None, as_json: bool) -> None:
    """Say what is there and what is missing: the model, the library, the network's part, and the next step."""
    from service import terminal
    from service.doctor import examine

    settings = settings_of(library)
    answer = examine(settings)
    if as_json:
        terminal.print_json(answer)
    else:
        for item in answer.items:
            print(f"{'ok ' if item.ok else 'NO '} {item.what:<10} {item.found}")
        print(f"\nNext: {answer.next_step}")
    raise click.exceptions.Exit(0 if all(item.ok for item in answer.items) else 1)
