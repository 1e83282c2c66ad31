"""Named points at which a run may be cut: just before and after each write that matters.

The crash tests set `hook` to kill the process there; a run of one's own leaves it None, and nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable

hook: Callable[[str], None] | None = None

NAMES = (
    "fetch.part",  # bytes of a body were written to its part file
    "fetch.body",  # the whole body is on disk, not yet in the ledger
    "fetch.ledger",  # the ledger knows it
    "extract.cached",  # a document's text is in the cache
    "embed.cached",  # a batch of vectors is in the cache
    "publish.catalogue",  # the catalogue is written aside
    "publish.vectors",  # the FAISS index is written aside
    "publish.words",  # the words are written aside
    "publish.space",  # the vectors' space is written aside
    "publish.files",  # all have their final names
    "publish.manifest",  # the manifest has its final name
    "publish.checked",  # the new generation was read back and checked
    "publish.current",  # CURRENT names it
    "publish.pruned",  # old generations were removed
)


def reached(name: str) -> None:
    """Says that the run has come to the point `name`."""
    if hook is not None:
        hook(name)
