"""The cache of exports: whole or not there, checked, made once by two at a time; nothing pickled."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from indexer.embed import exports
from indexer.embed.exports import Record

RECORD = Record("abc", "openvino 1", 384, 256)


def fill(folder: Path) -> Record:
    (folder / "model.bin").write_bytes(b"weights")
    return RECORD


def test_an_export_is_found_again(tmp_path: Path) -> None:
    made = exports.make("abc-1", tmp_path, fill)
    assert made.folder == tmp_path / "abc-1" and made.record.dimension == 384
    assert exports.find("abc-1", [tmp_path / "elsewhere", tmp_path]) == made
    assert exports.find("abc-2", [tmp_path]) is None
    assert not list(tmp_path.glob("*.part"))


def test_an_altered_file_is_not_taken_and_is_made_anew(tmp_path: Path) -> None:
    made = exports.make("abc-1", tmp_path, fill)
    (made.folder / "model.bin").write_bytes(b"weightz")
    os.utime(made.folder / "model.bin", (1, 1))  # the clock's grain may be coarser than this test
    assert exports.find("abc-1", [tmp_path]) is None
    exports.make("abc-1", tmp_path, fill)
    found = exports.find("abc-1", [tmp_path])
    assert found is not None and (found.folder / "model.bin").read_bytes() == b"weights"


def test_a_file_that_was_only_touched_is_hashed_and_taken(tmp_path: Path) -> None:
    made = exports.make("abc-1", tmp_path, fill)
    os.utime(made.folder / "model.bin", (1, 1))
    assert exports.find("abc-1", [tmp_path]) is not None


@pytest.mark.parametrize(
    "record", ["", "{", "[]", "null", '{"fingerprint": 1}', '{"files": 3, "fingerprint": "a", "engine": "b"}']
)
def test_a_broken_record_is_no_export(tmp_path: Path, record: str) -> None:
    made = exports.make("abc-1", tmp_path, fill)
    (made.folder / "record").write_text(record)
    assert exports.find("abc-1", [tmp_path]) is None


def test_a_missing_file_is_no_export(tmp_path: Path) -> None:
    made = exports.make("abc-1", tmp_path, fill)
    (made.folder / "model.bin").unlink()
    assert exports.find("abc-1", [tmp_path]) is None


def test_a_maker_that_fails_leaves_nothing_and_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    def fail(folder: Path) -> Record:
        (folder / "model.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exports.make("abc-1", tmp_path, fail)
    assert exports.find("abc-1", [tmp_path]) is None and not list(tmp_path.glob("*.part"))
    (tmp_path / "abc-1.part").mkdir()
    (tmp_path / "abc-1.part" / "model.bin").write_bytes(b"half")
    made = exports.make("abc-1", tmp_path, fill)
    assert (made.folder / "model.bin").read_bytes() == b"weights" and not list(tmp_path.glob("*.part"))


def test_two_at_once_make_it_once(tmp_path: Path) -> None:
    begun, go, count = threading.Event(), threading.Event(), []

    def slow(folder: Path) -> Record:
        count.append(1)
        begun.set()
        assert go.wait(300)
        return fill(folder)

    made: list[exports.Export] = []
    threads = [threading.Thread(target=lambda: made.append(exports.make("abc-1", tmp_path, slow))) for _ in range(2)]
    threads[0].start()
    assert begun.wait(300)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(300)
    assert len(count) == 1 and made[0] == made[1]


def test_the_home_is_beside_the_model_else_in_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    beside, cache = exports.homes(tmp_path / "model", None)
    assert exports.writable_home([beside, cache]) == beside == tmp_path / "model" / exports.FOLDER
    (tmp_path / "file").write_text("")
    blocked, _ = exports.homes(tmp_path / "file", None)
    assert exports.writable_home([blocked, cache]) == cache
    assert exports.writable_home([blocked]) is None
    assert exports.homes(tmp_path / "model", tmp_path / "set") == [tmp_path / "set" / exports.FOLDER]


def test_a_hash_is_kept_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, hashed = tmp_path / "model.safetensors", []
    file.write_bytes(b"0" * (2 << 20))
    monkeypatch.setattr(exports, "sha256_of", lambda path: hashed.append(path) or str(path.read_bytes()[0]))
    home = tmp_path / "home"
    monkeypatch.setattr(exports, "_SETTLED_SECONDS", 3600.0)
    assert exports.hashes([file], [home]) == exports.hashes([file], [home]) == {file: "48"}
    assert len(hashed) == 2 and not home.exists()  # just written: it could change within the clock's grain
    monkeypatch.setattr(exports, "_SETTLED_SECONDS", -1.0)
    for _ in range(3):
        assert exports.hashes([file], [home]) == {file: "48"}
    assert len(hashed) == 3
    file.write_bytes(b"1" * (2 << 20))
    os.utime(file, (1, 1))  # the clock's grain may be coarser than this test
    assert exports.hashes([file], [home]) == {file: "49"}
    (home / "hashes").write_text(json.dumps({str(file): "broken"}))
    assert exports.hashes([file], [home]) == {file: "49"}
