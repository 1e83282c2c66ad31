"""The command line: a thin face over `indexer.reindex` and the answers.

Each file has the commands of one purpose. Heavy imports stay inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from service.cli import (
    asking,
    building,
    citing,
    evaluating,
    generations,
    graph,
    marking,
    order,
    related,
    serving,
    sources,
    topics,
)

EPILOG = """\b
Exit codes:
  0  done; after a reindex: every document has its full text
  1  failed; what was published before is untouched
  2  the command can't be meant: a wrong option, a missing file, an empty list
  3  done, but something has only a digest
  4  done, but of something there is only the title, or a source is missing; a file without text
  5  evaluate: worse than the saved report
  130  stopped by Ctrl-C
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EPILOG)
@click.version_option(package_name="paperpath")
def main_group() -> None:
    """Turns a reading list into a library you can question, and tells you what to read next."""


def main() -> None:
    """The command `paperpath`: runs one and ends with its documented exit code, never with a traceback."""
    from indexer.errors import PaperpathError

    os.environ["PYTHONSAFEPATH"] = "1"  # else a process that is started runs what it finds in the folder one is in
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


for _command in (
    building.reindex, building.check, asking.search, asking.quote, asking.papers, asking.open_, building.text,
    related.related, order.order, graph.graph, topics.topics,
    sources.sources, marking.read, marking.unread, marking.note, marking.status, citing.cite,
    evaluating.evaluate, serving.serve, serving.doctor, generations.library,
):  # fmt: skip
    main_group.add_command(_command)
