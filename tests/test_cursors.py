"""Cursors are good for one query on one generation, and any other text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.search import cursors
from service.search.cursors import CursorExpired, CursorInvalid


@given(st.integers(0, 1 << 30), st.text(max_size=20), st.text(max_size=50))
def test_a_cursor_says_where_to_go_on(offset: int, generation: str, query: str) -> None:
    cursor = cursors.make(offset, generation, query, "paper")
    assert cursor.isascii() and cursors.offset(cursor, generation, query, "paper") == offset
    with pytest.raises(CursorInvalid, match="another query"):
        cursors.offset(cursor, generation, query + "x", "paper")
    with pytest.raises(CursorExpired):
        cursors.offset(cursor, generation + "0", query, "paper")


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        cursors.offset(text, "000001", "query")


@pytest.mark.parametrize(
    "inside", ['[-1,"g","x"]', '[1.5,"g","x"]', '[true,"g","x"]', '["1","g","x"]', '{"a":1}', "[1]", "[" * 5000]
)
def test_what_was_made_up_is_refused(inside: str) -> None:
    import base64

    with pytest.raises(CursorInvalid):
        cursors.offset(base64.urlsafe_b64encode(inside.encode()).decode(), "g", "q")
