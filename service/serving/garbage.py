"""Python's collector of cycles, in a process that serves.

It looks through all objects again and again: a hundred thousand that are there for good, the modules and the library, for a
tenth of a second in which nobody is answered. Those are set aside once; what comes later is looked through as ever, less often.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 10_000, 20, 20  # an answer makes some hundred objects, and hardly a cycle


def settle() -> None:
    """Sets aside what is there now. For a process that has opened all that it serves from."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
