"""Runs a `paperpath` command and kills it, -9, at a named point: `python -m tests.killed POINT N COMMAND…`.

N is the how-manieth time that the point is reached. Where it is not reached so often, the command ends as usual.
"""

from __future__ import annotations

import os
import signal
import sys

from indexer import points


def main() -> None:
    """Sets the trap and runs the command."""
    point, times, *command = sys.argv[1:]
    assert point in points.NAMES
    left = int(times)

    def hook(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    points.hook = hook
    sys.argv = ["paperpath", *command]
    from service.cli import main as run

    run()


if __name__ == "__main__":
    main()
