"""The cache: what was brought and worked out is found again, and what is damaged is worked out anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_library import unit_rows

from indexer.library.cache import Cache, Download


def test_the_ledger_keeps_what_is_recorded(tmp_path: Path) -> None:
    row = Download("arxiv:1706.03762", "https://arxiv.org/pdf/1706.03762", version=5, sha256="ab", bytes=3, etag='"x"')
    with Cache(tmp_path / "cache") as cache:
        cache.record(row)
        assert cache.download(row.address) == row
    with Cache(tmp_path / "cache") as cache:
        assert cache.downloads() == [row]
        assert cache.download("arxiv:none") is None


def test_vectors_come_back_as_they_went_in(tmp_path: Path) -> None:
    rows = unit_rows(1200)
    keys = [number.to_bytes(32, "big") for number in range(1200)]
    with Cache(tmp_path / "cache") as cache:
        cache.keep_vectors(zip(keys[:1000], rows[:1000], strict=True))
        held = cache.vectors(keys)
    assert set(held) == set(keys[:1000])
    assert all((held[key] == row).all() for key, row in zip(keys[:1000], rows, strict=False))


def test_a_damaged_cache_is_set_aside_and_begun_anew(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        cache.keep_text("key", {"a": 1})
    (tmp_path / "cache" / "cache.sqlite").write_bytes(os.urandom(5000))
    with Cache(tmp_path / "cache") as cache:
        assert cache.text("key") is None
        cache.keep_text("key", {"a": 2})
        assert cache.text("key") == {"a": 2}
    assert (tmp_path / "cache" / "cache.sqlite.damaged").exists()


def test_a_body_gets_its_hash_for_a_name(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        part = cache.part("https://example.org/x")
        part.write_bytes(b"%PDF-1.4")
        sha256 = cache.keep_body(part)
        body = cache.body(sha256)
        assert body is not None and body.read_bytes() == b"%PDF-1.4"
        assert not part.exists()
        assert cache.body("0" * 64) is None
        assert cache.body("") is None


@pytest.mark.parametrize("page", range(1, 8))
def test_a_cache_damaged_anywhere_is_begun_anew(tmp_path: Path, page: int) -> None:
    rows = unit_rows(300)
    with Cache(tmp_path / "cache") as cache:
        cache.keep_vectors((number.to_bytes(32, "big"), row) for number, row in enumerate(rows))
        cache.keep_text("key", {"a": "b" * 5000})
    path = tmp_path / "cache" / "cache.sqlite"
    body = bytearray(path.read_bytes())
    body[page * 4096 : page * 4096 + 4096] = os.urandom(4096)
    path.write_bytes(body)
    with Cache(tmp_path / "cache") as cache:
        cache.vectors([number.to_bytes(32, "big") for number in range(300)])
        assert cache.text("key") in (None, {"a": "b" * 5000})
        cache.downloads()
        cache.keep_vectors((number.to_bytes(32, "big"), row) for number, row in enumerate(rows))
        cache.keep_text("key", {"a": 2})
        assert cache.text("key") == {"a": 2}


def test_a_body_that_was_altered_is_let_go(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        part = cache.part("https://example.org/x")
        part.write_bytes(b"%PDF-1.4")
        body = cache.body(cache.keep_body(part))
        assert body is not None and cache.is_sound(body) is True and body.exists()
        body.write_bytes(b"%PDF-1.5")
        assert cache.is_sound(body) is False and not body.exists() and cache.body(body.name) is None
