"""Orders that are kept: the whole one of a generation, and the order of many papers that was asked for last, since who is shown
it piece by piece asks for it again with each piece."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from indexer.library import Generation
from service.derived import Last, Once
from service.reading_order import Order, reading_order

_MANY = 200  # papers: an order of fewer is made soon, waits for no other, and takes no other's place

_last: Last[Order] = Last(lambda generation, make: make())
_whole: Once[Order] = Once(lambda generation: reading_order(generation), given="whole order")


def kept_order(generation: Generation, ids: Collection[str] | None = None, **asked: Any) -> Order:
    """As `reading_order`, which takes the same; one of many papers is worked out once as long as no other is asked for."""
    make = partial(reading_order, generation, ids, **asked)
    some = None if ids is None else sorted(set(ids))
    if len(generation.catalogue.summaries if some is None else some) < _MANY:
        return make()
    return _last(generation, (some, asked), make)


def whole_order(generation: Generation) -> Order:
    """The order of all papers, nothing taken as read: worked out once."""
    return _whole(generation)
