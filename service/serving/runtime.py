"""A process that serves for months: whose turn it is in it, and what memory it takes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

_YOUNG, _MIDDLE, _OLD = 10_000, 20, 20  # an answer makes some hundred objects, and hardly a cycle
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # as malloc.h has them
_LARGE = 1 << 20  # bytes
_ARENAS = 2
_TURN_SECONDS = 0.0005


def bound_memory() -> None:
    """Has the C library give back what is freed. For the start of a process, before it has threads.

    glibc has an arena for each of some dozen threads, and takes larger and larger blocks from them, so that what a generation
    had is left in holes when the next one comes: with six generations one after another a process grew by a third, with two
    arenas and every large block mapped by itself by a twentieth, and no further. Elsewhere this does nothing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        option = ctypes.CDLL(None).mallopt
        option(_ARENA_MAX, _ARENAS)
        option(_MMAP_THRESHOLD, _LARGE)


def take_turns() -> None:
    """Has threads give way to each other soon. For a process that answers.

    A thread that works out a long answer keeps the interpreter for five milliseconds, and the loop that serves all others needs
    it some hundred times a second.
    """
    sys.setswitchinterval(_TURN_SECONDS)


def settle() -> None:
    """Sets aside what is there now. For a process that has opened all that it serves from.

    The collector looks through all objects again and again: a hundred thousand that are there for good, the modules and the
    library, for a tenth of a second in which nobody is answered. Those are set aside once; what comes later is looked through as
    ever, less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
