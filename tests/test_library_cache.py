"""The cache: what was brought and worked out is found again, and what is damaged is worked out anew."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from test_library import unit_rows

from indexer.library.cache import Asked, Cache, Download


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


def brought(cache: Cache, address: str, body: bytes, days: float = 2) -> str:
    """Has a body in the cache, `days` old, with a line in the ledger and a text. Returns its hash."""
    part = cache.part(address)
    part.write_bytes(body)
    old = time.time() - days * 86_400
    os.utime(part, (old, old))
    sha256 = cache.keep_body(part)
    cache.record(Download(address, address, sha256=sha256))
    cache.keep_text(f"{sha256}:reader 1", {"text": address})
    cache.keep_front(f"{sha256}:reader 1", {"text": address})
    return sha256


def test_a_superseded_body_goes_with_its_text_and_no_other(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        first = brought(cache, "arxiv:2301.00001", b"%PDF version 1")
        second = brought(cache, "arxiv:2301.00001", b"%PDF version 2")
        other = brought(cache, "https://example.org/v1", b"%PDF other")
        cache.keep_text("a cut", {"passages": []})
        assert cache.let_go() == len(b"%PDF version 1")
        assert [cache.body(sha) is not None for sha in (first, second, other)] == [False, True, True]
        texts = [f"{sha}:reader 1" for sha in (first, second, other)]
        assert [cache.text(key) is not None for key in texts] == [False, True, True]
        assert [cache.front(key) is not None for key in texts] == [False, True, True]
        assert cache.text("a cut") == {"passages": []}
        assert cache.let_go() == 0


def test_what_a_run_may_still_name_stays(tmp_path: Path) -> None:
    """Killed between the body and its line of the ledger, or in the middle of a download."""
    with Cache(tmp_path / "cache") as cache:
        young, old, older = cache.part("young"), cache.part("old"), cache.part("older")
        for part, days in ((young, 0), (old, 29), (older, 31)):
            part.write_bytes(b"half")
            os.utime(part, (time.time() - days * 86_400,) * 2)
        body = brought(cache, "https://example.org/1", b"%PDF now", days=0.9)
        brought(cache, "https://example.org/1", b"%PDF later", days=0.9)
        assert cache.let_go() == 0
        assert cache.body(body) is not None
        assert [part.exists() for part in (young, old, older)] == [True, True, False]


def test_downloads_of_others_go_when_that_is_asked(tmp_path: Path) -> None:
    addresses = ["arxiv:2301.00001", "arxiv:solv-int/9701001", "https://example.org/v2", "arxiv:2301.00003"]
    with Cache(tmp_path / "cache") as cache:
        held = [brought(cache, address, address.encode()) for address in addresses]
        versioned = brought(cache, "arxiv:2301.00001v2", b"%PDF 2")
        assert cache.let_go(set(addresses[:3])) == len(addresses[3])
        assert [cache.body(sha) is not None for sha in (*held, versioned)] == [True, True, True, False, True]
        assert [row.address for row in cache.downloads()] == sorted([*addresses[:3], "arxiv:2301.00001v2"])
        assert cache.let_go({"https://example.org/v2"}) > 0
        assert [row.address for row in cache.downloads()] == ["https://example.org/v2"]


def test_when_a_server_was_asked_is_kept(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        assert cache.asked("arxiv") is None
        cache.keep_asked("arxiv", Asked(1.5, 3.5))
        cache.keep_asked("arxiv", Asked(2.5, 0.0))
    with Cache(tmp_path / "cache") as cache:
        assert (cache.asked("arxiv"), cache.asked("example.org")) == (Asked(2.5, 0.0), None)
