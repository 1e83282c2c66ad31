"""Where a document's text mentions its references."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.document import Block, Reference, Section


def tie(
    pages: Sequence[str], blocks: Sequence[Block], references: Sequence[Reference], sections: Sequence[Section]
) -> tuple[Reference, ...]:
    """The references with the places where the text mentions them."""
    return tuple(references)
