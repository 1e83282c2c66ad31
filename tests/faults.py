"""What the tests of faults share: a library's answers to compare, a disk that loses what was not synced, and one that fails."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.embed import Toy
from indexer.library import Generation, Library
from indexer.library.cache import Cache, Download
from service import search
from service.cli.generations import library_prune
from tests.libraries import TEXTS

OLD: Mapping[str, tuple[str, ...] | list[str]] = {**TEXTS}
NEW = {**TEXTS, "2401.00001": ["Sparse experts are chosen by a router, and most of them sleep."],
       "1703.03400": ["Meta learning was rewritten: the initial parameters are now found in one step."]}  # fmt: skip
QUESTIONS = ("how do islands communicate", "meta learning parameters", "grammars and trees", "sparse experts router")


def answers(generation: Generation) -> dict[str, Any]:
    """What a library says: its documents, and what is found. Equal where no answer differs, whatever it is called."""
    held = generation.catalogue
    return {
        "documents": [held.document(summary.id) for summary in held.summaries],
        "found": [repr(search.search(generation, Toy(), question, 5).results) for question in QUESTIONS],
        "texts": held.texts(range(generation.manifest.passages)),
    }


def fill_cache(folder: Path) -> None:
    """Gives a library of `OLD` what `prune --downloads` is to leave, and more that it is to take."""
    chance = np.random.default_rng(1)
    long_ago = time.time() - 9e6
    with Cache(folder / "cache") as cache:
        for name in (*OLD, "gone", "gone too", "and this"):
            address = f"https://example.org/{name}"
            cache.part(address).write_bytes(chance.bytes(5000))
            os.utime(cache.part(address), (long_ago, long_ago))
            sha256 = cache.keep_body(cache.part(address))
            cache.record(Download(address, address, sha256=sha256, bytes=5000))
            cache.keep_text(f"{sha256}:reader", {"text": chance.bytes(20_000).hex()})
            cache.keep_front(f"{sha256}:reader", {"text": name})
        rows = Library(folder).open().vectors.matrix
        more = chance.standard_normal((150, rows.shape[1]))
        cache.keep_vectors((chance.bytes(32), row) for row in chance.permutation(np.concatenate([rows, more])))


def cached(folder: Path) -> dict[str, set]:
    """What the cache of a library holds, every byte of which is sound."""
    with Cache(folder / "cache") as cache:
        assert cache._rows("PRAGMA integrity_check") == [("ok",)]
        tables = {
            name: set(cache._rows(f"SELECT * FROM {name}")) for name in ("downloads", "texts", "fronts", "vectors")
        }
    assert not list((folder / "cache").glob("*.damaged"))
    return tables | {"bodies": set(os.listdir(folder / "cache" / "bodies"))}


def prune(folder: Path) -> None:
    """What `paperpath library prune --downloads` does."""
    with redirect_stdout(io.StringIO()):
        library_prune.main(["--downloads", "--library", str(folder)], standalone_mode=False)


class Disk:
    """Sees what is done to the files below a folder, and says what would be there after a cut at that moment.

    `looked` says what it makes of such a state of the folder, and `seen` has that of each: a kill leaves all that was written; a power cut leaves of a file
    what it had when it was last synced, and of a folder either the names it had when it was last synced, or those of now.
    What SQLite keeps in `cache/` is left out: it is no part of any promise.
    """

    def __init__(self, folder: Path, images: Path, looked: Callable[[Path], Any]) -> None:
        self.folder, self._images, self._looked = folder.resolve(), images, looked
        self.seen: list[Any] = []
        self._known: dict[bytes, Any] = {}  # by state: most are like the one before
        self._files: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, tuple[int, bool]]] = {}
        self._held: list[int] = []  # inodes that are held don't come again
        self.moments = 0

    @contextmanager
    def watched(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
        """What is there at the beginning is on the disk for good."""
        for path in [self.folder, *self.folder.rglob("*")]:
            self._sync(path)
        with monkeypatch.context() as patched:
            for name in ("fsync", "replace", "rename", "unlink", "mkdir"):
                patched.setattr(os, name, self._after(getattr(os, name), name))
            try:
                yield self
            finally:
                for handle in self._held:
                    os.close(handle)

    def _after(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            path = Path(os.readlink(f"/proc/self/fd/{given[0]}") if name == "fsync" else os.path.abspath(given[0]))
            done = real(*given, **named)
            if path.is_relative_to(self.folder):
                if name == "fsync":
                    self._sync(path)
                self.look()
            return done

        return called

    def _sync(self, path: Path) -> None:
        if path.is_dir():
            self._names[path] = {
                entry.name: (entry.inode(), entry.is_dir()) for entry in os.scandir(path) if entry.name != "cache"
            }
        elif path.is_file():
            self._held.append(os.open(path, os.O_RDONLY))
            self._files[path.stat().st_ino] = path.read_bytes()

    def look(self) -> None:
        """Shows what would be there."""
        self.moments += 1
        for cut in (self._killed, self._names_lost, self._names_kept):
            image = self._images / "image"
            shutil.rmtree(image, ignore_errors=True)
            cut(image)
            state = hashlib.sha256()
            for path in sorted(image.rglob("*")):
                state.update(bytes(path.relative_to(image)) + b"\0" + (path.read_bytes() if path.is_file() else b"/"))
            if (key := state.digest()) not in self._known:
                self._known[key] = self._looked(image)
            self.seen.append(self._known[key])

    def _killed(self, image: Path) -> None:
        shutil.copytree(self.folder, image, ignore=shutil.ignore_patterns("cache"))

    def _names_kept(self, image: Path) -> None:
        self._killed(image)
        for path in image.rglob("*"):
            if path.is_file():
                real = self.folder / path.relative_to(image)
                path.write_bytes(self._files.get(real.stat().st_ino, path.read_bytes()[: path.stat().st_size // 2]))

    def _names_lost(self, image: Path, folder: Path | None = None) -> None:
        folder = folder or self.folder
        image.mkdir()
        for name, (inode, is_folder) in self._names.get(folder, {}).items():
            if is_folder:
                self._names_lost(image / name, folder / name)
            else:
                (image / name).write_bytes(self._files.get(inode, b""))


_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { READ = 1, WRITE = 2, SYNC = 4, NAME = 8, LOOK = 16 };
enum { NONE, ERROR, SHORT, HANG, KILL };
static volatile int how = NONE, what = 0, number = EIO, once = 0;
static volatile long from_nth = 1, seen = 0;
static char below[4096] = "";

void fault_set(int mode, int calls, int error, long nth, int only_once, const char *folder) {
    how = NONE; seen = 0; what = calls; number = error; from_nth = nth; once = only_once;
    strncpy(below, folder, sizeof below - 1);
    how = mode;
}
long fault_seen(void) { return seen; }

static int struck(int call, const char *path) {
    if (how == NONE || !(what & call) || !path || !strstr(path, below)) return NONE;
    long n = __sync_add_and_fetch(&seen, 1);
    while (how == HANG) usleep(1000);
    if (how == KILL && n == from_nth) raise(SIGKILL);
    if (how == ERROR && (once ? n != from_nth : n < from_nth)) return NONE;
    return how;
}
static int struck_fd(int call, int fd) {
    if (how == NONE || !(what & call)) return NONE;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long size = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (size < 0) return NONE;
    path[size] = 0;
    return struck(call, path);
}
#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); if (!real) real = (result (*)(__VA_ARGS__)) dlsym(RTLD_NEXT, name)
#define FAIL(value) do { errno = number; return value; } while (0)
#define MOVES(name, call, type) \
    ssize_t name(int fd, type *data, size_t size) { \
        REAL(ssize_t, #name, int, type *, size_t); \
        int hit = struck_fd(call, fd); \
        if (hit == ERROR) FAIL(-1); \
        return real(fd, data, hit == SHORT && size > 1 ? size / 2 : size); }
#define MOVES_AT(name, call, type) \
    ssize_t name(int fd, type *data, size_t size, off_t at) { \
        REAL(ssize_t, #name, int, type *, size_t, off_t); \
        int hit = struck_fd(call, fd); \
        if (hit == ERROR) FAIL(-1); \
        return real(fd, data, hit == SHORT && size > 1 && call == WRITE ? size / 2 : size, at); }
MOVES(read, READ, void)
MOVES(write, WRITE, const void)
MOVES_AT(pread, READ, void)
MOVES_AT(pread64, READ, void)
MOVES_AT(pwrite, WRITE, const void)
MOVES_AT(pwrite64, WRITE, const void)
#define SENDS(name) \
    ssize_t name(int to, int from, off_t *at, size_t size) { \
        REAL(ssize_t, #name, int, int, off_t *, size_t); \
        int hit = struck_fd(WRITE, to); \
        if (hit == ERROR) FAIL(-1); \
        return real(to, from, at, hit == SHORT && size > 1 ? size / 2 : size); }
SENDS(sendfile)
SENDS(sendfile64)
#define CUTS(name) \
    int name(int fd, off_t size) { \
        REAL(int, #name, int, off_t); \
        if (struck_fd(WRITE, fd) == ERROR) FAIL(-1); \
        return real(fd, size); }
CUTS(ftruncate)
CUTS(ftruncate64)
int fsync(int fd) { REAL(int, "fsync", int); if (struck_fd(SYNC, fd) == ERROR) FAIL(-1); return real(fd); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); if (struck_fd(SYNC, fd) == ERROR) FAIL(-1); return real(fd); }
int rename(const char *a, const char *b) {
    REAL(int, "rename", const char *, const char *);
    if (struck(NAME, b) == ERROR) FAIL(-1);
    return real(a, b);
}
int unlink(const char *path) { REAL(int, "unlink", const char *); if (struck(NAME, path) == ERROR) FAIL(-1); return real(path); }
#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        if (struck(LOOK, path) == ERROR) FAIL(-1); \
        return real(path, flags, mode); }
static volatile long offset = 0;
void fault_clock(long seconds) { offset = seconds; }
int clock_gettime(clockid_t which, struct timespec *now) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int done = real(which, now);
    if (which == CLOCK_REALTIME) now->tv_sec += offset;
    return done;
}
OPENS(open)
OPENS(open64)
#define STATS(name, type) \
    int name(const char *path, struct type *to) { \
        REAL(int, #name, const char *, struct type *); \
        if (struck(LOOK, path) == ERROR) FAIL(-1); \
        return real(path, to); }
STATS(stat, stat)
STATS(stat64, stat64)
"""
READ, WRITE, SYNC, NAME, LOOK = 1, 2, 4, 8, 16
ERROR, SHORT, HANG, KILL = 1, 2, 3, 4


def shim(folder: Path) -> Path:
    """A library that makes the disk fail below a folder, for LD_PRELOAD; the test is skipped where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc to build the failing disk with")
    source, made = folder / "shim.c", folder / "shim.so"
    source.write_text(_SHIM)
    done = subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-w", str(source), "-o", str(made), "-ldl"], capture_output=True
    )
    if done.returncode:
        pytest.skip(f"the failing disk can't be built: {done.stderr.decode()[-300:]}")
    return made


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size in a folder; the test is skipped where none can be mounted."""
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def filled(folder: Path, left: int) -> Path:
    """Fills a file system until `left` bytes are left. Returns the file that does."""
    filler = folder / "filler"
    status = os.statvfs(folder)
    with suppress(OSError), filler.open("wb") as file:
        file.write(b"\0" * max(0, status.f_bavail * status.f_frsize - left))
    return filler
