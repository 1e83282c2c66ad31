"""Commands for who runs it: serving, and what is there and missing."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import click

from service.cli.common import (
    json_option,
    library_option,
    say_first_use,
    settings_of,
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one."
)
@click.option(
    "--anyone-may-read",
    is_flag=True,
    default=None,
    help="Let everyone who reaches it read without a token. Changes still ask.",
)
@click.option(
    "--try", "only_try", is_flag=True, help="Only say whether the address is free: exit code 2 where it isn't."
)
@library_option
def serve(host: str, port: int, anyone_may_read: bool | None, only_try: bool, library: Path | None) -> None:
    """Answer over HTTP until stopped. Prints where to look."""
    from service.doctor import doubtful
    from service.serving.server import listen, run
    from service.terminal import say

    if only_try:
        listen(host, port).close()
        return
    settings = settings_of(library, anyone_may_read=anyone_may_read)
    say_first_use(settings)
    for item in doubtful(settings):
        say(f"Warning: {item.found}")
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
    if library is not None:  # the next step is about the same one
        named = re.sub(r"`paperpath (\w+)", rf"`paperpath \1 --library {_escaped(library)}", answer.next_step)
        answer = replace(answer, next_step=named)
    if as_json:
        terminal.print_json(answer)
    else:
        for item in answer.items:
            print(f"{'-- ' if item.ok is None else 'ok ' if item.ok else 'NO '} {item.what:<10} {item.found}")
        print(f"\nNext: {answer.next_step}")
    raise click.exceptions.Exit(1 if any(item.ok is False for item in answer.items) else 0)


def _escaped(path: Path) -> str:
    return shlex.quote(str(path)).replace("\\", r"\\")
