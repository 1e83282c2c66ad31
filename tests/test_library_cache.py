"""The cache: what was brought and worked out is found again, and what is damaged is worked out anew."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from test_library import unit_rows

from indexer.errors import LibraryUnwritable
from indexer.library import cache as cache_module
from indexer.library.cache import Asked, Cache, Download, vector_of


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


@pytest.mark.parametrize("dimension", range(1, 9))
def test_a_vector_of_any_length_comes_back_as_it_was(tmp_path: Path, dimension: int) -> None:
    vector = np.arange(dimension, dtype=np.float32) / 7
    with Cache(tmp_path / "cache") as cache:
        cache.keep_vectors([(b"key", vector)])
        assert cache.vectors([b"none", b"key"])[b"key"].tolist() == vector.tolist()
        ((kept,),) = cache._rows("SELECT vector FROM vectors")
    altered = vector_of(bytes([kept[0] ^ 1]) + kept[1:])
    assert altered is None or len(altered) != dimension
    by_an_earlier_one = vector_of(np.ones(2 * dimension, np.float32).tobytes())
    assert by_an_earlier_one is not None and by_an_earlier_one.tolist() == [1.0] * (2 * dimension)


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
        assert cache.text("a cut") is None
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


def test_what_was_worked_out_of_what_is_gone_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of own files too; and the database is smaller on the disk, its log with it."""
    rows = unit_rows(6000)  # more than are looked at together
    keys = [number.to_bytes(32, "big") for number in range(6000)]
    paper, gone = tmp_path / "paper.pdf", tmp_path / "gone.pdf"
    later = time.time_ns() + 3_000_000_000
    with Cache(tmp_path / "cache") as cache:
        body = brought(cache, "https://example.org/1", b"%PDF", days=0)
        hashes = []
        for path in (paper, gone):
            path.write_bytes(path.name.encode())
            with monkeypatch.context() as patched:
                patched.setattr(time, "time_ns", lambda: later)
                hashes.append(cache.sha256_of(path))
        stay = [f"{body}:reader 1", f"{hashes[0]}:reader 1:60 s:9 MB"]
        go = [f"{hashes[1]}:reader 1", "c" * 64 + ":reader 1", "d" * 64]
        for key in (*stay, *go):
            cache.keep_text(key, {"a": key})
            cache.keep_front(key, {"a": key})
        cache.keep_vectors(zip(keys, rows, strict=True))
        cache._write("UPDATE vectors SET vector = ? WHERE key = ?", [(b"altered", keys[1])])
        halves = rows[5:7].astype(np.float16).astype(np.float32)
        size = sum(path.stat().st_size for path in (tmp_path / "cache").glob("cache.sqlite*"))
        needed = {f"file:{paper}", "https://example.org/1"}
        assert cache.let_go(needed) == 0
        freed = cache.let_go_vectors(iter([rows[:2], halves]))
        left = (tmp_path / "cache" / "cache.sqlite").stat().st_size
        assert freed > 100_000 and left < size - 100_000
        assert (tmp_path / "cache" / "cache.sqlite-wal").stat().st_size == 0
        for held in (cache.text, cache.front):
            assert [key for key in (*stay, *go) if held(key) is not None] == stay
        assert sorted(cache.vectors(keys)) == [keys[0], keys[5], keys[6]]
        assert [path for (path,) in cache._rows("SELECT path FROM hashes")] == [str(paper)]
        assert cache.let_go(needed) == cache.let_go_vectors(iter([rows[:2], halves])) == 0
        assert sorted(cache.vectors(keys)) == [keys[0], keys[5], keys[6]]


@pytest.mark.parametrize("address", ["https://example.org/2023v2", "doi:10.1000/7v1", "https://example.org/arxiv:1v2"])
def test_what_only_looks_like_a_version_is_an_address_of_its_own(tmp_path: Path, address: str) -> None:
    with Cache(tmp_path / "cache") as cache:
        held, other = brought(cache, address, b"%PDF 1"), brought(cache, address[:-2], b"%PDF 2")
        cache.let_go({address})
        assert cache.body(held) is not None and cache.body(other) is None
        assert [row.address for row in cache.downloads()] == [address]


def test_vectors_too_large_for_a_half_are_let_go_of_like_others(tmp_path: Path) -> None:
    rows = np.array([[1e6, 1], [1, -1e6], [1, 1]], np.float32)
    with Cache(tmp_path / "cache") as cache:
        cache.keep_vectors(zip((b"a", b"b", b"c"), rows, strict=True))
        cache.let_go_vectors(iter([rows[:1]]))
        assert [*cache.vectors([b"a", b"b", b"c"])] == [b"a"]


def test_when_a_server_was_asked_is_kept(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        assert cache.asked("arxiv") is None
        cache.keep_asked("arxiv", Asked(1.5, 3.5))
        cache.keep_asked("arxiv", Asked(2.5, 0.0))
    with Cache(tmp_path / "cache") as cache:
        assert (cache.asked("arxiv"), cache.asked("example.org")) == (Asked(2.5, 0.0), None)


def test_what_arxiv_said_and_the_fronts_of_texts_are_kept(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        assert cache.metadata("2301.00001") is cache.front("key") is cache.text("key") is None
        cache.keep_metadata(1.5, {"2301.00001": {"title": "One"}, "2301.00002": {}})
        cache.keep_metadata(2.5, {"2301.00002": {"title": "Two"}})
        cache.keep_front("key", {"a": 1})
        cache.keep_front("key", {"a": 2})
    with Cache(tmp_path / "cache") as cache:
        assert cache.metadata("2301.00001") == (1.5, {"title": "One"})
        assert cache.metadata("2301.00002") == (2.5, {"title": "Two"})
        assert cache.front("key") == {"a": 2} and cache.front("other") is None
        cache._write("UPDATE metadata SET answer = ?", [("00000000{}",)])
        assert cache.metadata("2301.00001") is None
        cache._write("UPDATE metadata SET answer = ?", [('{"title": ',)])
        assert cache.metadata("2301.00001") is None


def test_a_file_is_read_again_where_it_may_be_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    real = cache_module.files.sha256_of
    monkeypatch.setattr(cache_module.files, "sha256_of", lambda path: (read.append(path), real(path))[1])
    path = tmp_path / "file"
    path.write_bytes(b"one")
    written = path.stat().st_ctime_ns
    later = written + 3_000_000_000
    with Cache(tmp_path / "cache") as cache:
        with monkeypatch.context() as patched:
            patched.setattr(time, "time_ns", lambda: written)
            hashes = [
                cache.sha256_of(path) for _ in range(2)
            ]  # just written: it may change again within the same moment
        assert len(read) == 2
        with monkeypatch.context() as patched:
            patched.setattr(time, "time_ns", lambda: later)
            hashes += [cache.sha256_of(path) for _ in range(3)]
        assert len(read) == 3
        hashes.append(cache.sha256_of(path))
        assert len(read) == 3 and set(hashes) == {real(path)}
        path.write_bytes(b"two")
        assert cache.sha256_of(path) == real(path) != hashes[0]
        os.utime(path, ns=(later * 2, later * 2))  # of a time to come: it may change and look the same
        with monkeypatch.context() as patched:
            patched.setattr(time, "time_ns", lambda: later)
            read.clear()
            assert [cache.sha256_of(path) for _ in range(2)] == [real(path)] * 2 and len(read) == 2
        path.unlink()
        with pytest.raises(FileNotFoundError):
            cache.sha256_of(path)


def test_every_thread_may_use_it(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        thread = threading.Thread(target=lambda: cache.keep_front("key", {"a": 1}))
        thread.start()
        thread.join()
        assert cache.front("key") == {"a": 1}


@pytest.mark.parametrize("first", ["written", "read"])
def test_whatever_meets_the_damage_begins_anew(tmp_path: Path, first: str) -> None:
    gc.collect()  # of what another test left
    with Cache(tmp_path / "cache") as cache:
        cache.keep_vectors((number.to_bytes(32, "big"), row) for number, row in enumerate(unit_rows(300)))
        before = len(os.listdir("/proc/self/fd"))
    path, aside = (tmp_path / "cache" / f"cache.sqlite{ending}" for ending in ("", ".damaged"))
    with sqlite3.connect(path) as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'vectors'").fetchone()
    database.close()
    body = bytearray(path.read_bytes())
    body[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(body)
    rows = unit_rows(2, 5)
    with Cache(tmp_path / "cache") as cache:
        if first == "read":
            assert cache.vectors([bytes(32)]) == {} and aside.exists()
        cache.keep_vectors([(b"one", rows[0]), (b"two", rows[1])])
        assert {key: row.tolist() for key, row in cache.vectors([b"one", b"two"]).items()} == {
            b"one": rows[0].tolist(), b"two": rows[1].tolist()}  # fmt: skip
        assert len(os.listdir("/proc/self/fd")) == before
    assert aside.read_bytes()[(root - 1) * 4096 : root * 4096] == b"\xff" * 4096


def test_a_cache_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        cache._write("DROP TABLE fronts", [()])
        for use in (lambda: cache.front("key"), lambda: cache.keep_front("key", {})):
            with pytest.raises(LibraryUnwritable, match="no such table") as caught:
                use()
            assert str(tmp_path / "cache") in caught.value.message
    assert not (tmp_path / "cache" / "cache.sqlite.damaged").exists()
    (tmp_path / "other" / "cache.sqlite").mkdir(parents=True)
    with pytest.raises(LibraryUnwritable, match="unable to open"):
        Cache(tmp_path / "other")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LibraryUnwritable, match="a file stands"):
        Cache(tmp_path / "file")


def test_it_lets_go_of_its_files(tmp_path: Path) -> None:
    gc.collect()  # of what another test left
    before = len(os.listdir("/proc/self/fd"))
    with Cache(tmp_path / "cache") as cache:
        cache.keep_front("key", {"a": 1})
    (tmp_path / "cache" / "cache.sqlite").write_bytes(b"no database" * 999)
    with Cache(tmp_path / "cache"):
        pass
    (tmp_path / "plain").write_bytes(b"no database" * 999)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        cache_module._connected(tmp_path / "plain")
    assert len(os.listdir("/proc/self/fd")) == before, caught  # though who told of it is remembered
