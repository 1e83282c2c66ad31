"""What a reindex has brought and worked out, kept by content so that nothing is done twice.

    cache/bodies/<sha256>      bytes as they were fetched
    cache/parts/<key>          downloads under way
    cache/cache.sqlite         the ledger of downloads, whom was asked when, arXiv's metadata, extracted texts, vectors,
                               files' hashes

Everything here can be lost without losing an answer: the generations hold all that is served.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from indexer import points
from indexer.errors import LibraryUnwritable
from indexer.library import files

_SCHEMA = """
CREATE TABLE IF NOT EXISTS downloads (
    address TEXT PRIMARY KEY, asked_url TEXT, final_url TEXT, version INTEGER, sha256 TEXT, bytes INTEGER,
    content_type TEXT, etag TEXT, last_modified TEXT, time TEXT, outcome TEXT, reason TEXT) STRICT;
CREATE TABLE IF NOT EXISTS asked (party TEXT PRIMARY KEY, at REAL, not_before REAL) STRICT;
CREATE TABLE IF NOT EXISTS metadata (arxiv_id TEXT PRIMARY KEY, asked REAL, answer TEXT) STRICT;
CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, answer BLOB) STRICT;
CREATE TABLE IF NOT EXISTS fronts (key TEXT PRIMARY KEY, answer TEXT) STRICT;
CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, state TEXT, sha256 TEXT) STRICT;
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) STRICT;
"""


_VERSION = re.compile(r"(arxiv:.*\d)v\d+")
_DAY = 86_400  # seconds
_BROKEN_OFF = 30 * _DAY  # a download that was not gone on with since
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)  # no room for an entry, or to open it at all
_SETTLED = 2_000_000_000  # nanoseconds; a file that was changed later than that before may change again unseen


@dataclass(frozen=True)
class Download:
    """A line of the ledger: what was asked for one address, and what came.

    `outcome` is "fetched", or "failed" with its `reason`; a failure keeps the sha256 of the body held from before.
    `time` is ISO 8601 in UTC. `version` is the arXiv version got.
    """

    address: str
    asked_url: str
    final_url: str = ""
    version: int | None = None
    sha256: str = ""
    bytes: int = 0
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    time: str = ""
    outcome: str = "fetched"
    reason: str = ""


@dataclass(frozen=True)
class Asked:
    """When a server was asked last, and before when it is not to be asked again; seconds since 1970."""

    at: float
    not_before: float


class Cache:
    """The cache below a library's folder. One process writes at a time (the writer's lock sees to it)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with files.writing(folder):
            (folder / "bodies").mkdir(parents=True, exist_ok=True)
            (folder / "parts").mkdir(exist_ok=True)
        self._path = folder / "cache.sqlite"
        self._database = self._opened()

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ bodies and the ledger

    def part(self, key: str) -> Path:
        """Where a download of `key` (an address with its version) is written while it is under way."""
        return self.folder / "parts" / hashlib.sha256(key.encode()).hexdigest()[:32]

    def body(self, sha256: str) -> Path | None:
        """The held file with this hash, or None."""
        path = self.folder / "bodies" / sha256
        return path if sha256 and path.is_file() else None

    def is_sound(self, body: Path) -> bool:
        """Whether a body has the bytes that its name says; one that hasn't is removed, so that it is fetched again."""
        if files.sha256_of(body) == body.name:
            return True
        body.unlink()
        return False

    def keep_body(self, part: Path) -> str:
        """Moves a complete part file among the bodies and returns its SHA-256."""
        sha256 = files.sha256_of(part)
        with files.writing(self.folder):
            files.replace(part, self.folder / "bodies" / sha256)
        points.reached("fetch.body")
        return sha256

    def download(self, address: str) -> Download | None:
        """The last line of the ledger on an address, or None."""
        names = ", ".join(field.name for field in fields(Download))
        row = self._row(f"SELECT {names} FROM downloads WHERE address = ?", address)
        return Download(*row) if row else None

    def downloads(self) -> list[Download]:
        """The whole ledger, by address."""
        names = ", ".join(field.name for field in fields(Download))
        return [Download(*row) for row in self._rows(f"SELECT {names} FROM downloads ORDER BY address")]

    def record(self, download: Download) -> None:
        """Writes a line of the ledger over the last one on its address."""
        values = asdict(download)
        self._write(
            f"INSERT OR REPLACE INTO downloads ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            [tuple(values.values())],
        )
        points.reached("fetch.ledger")

    def asked(self, party: str) -> Asked | None:
        """When those were asked last who go by that name, a host's or "arxiv"; None if never."""
        row = self._row("SELECT at, not_before FROM asked WHERE party = ?", party)
        return Asked(*row) if row else None

    def keep_asked(self, party: str, asked: Asked) -> None:
        """Keeps when they were asked last."""
        self._write("INSERT OR REPLACE INTO asked VALUES (?, ?, ?)", [(party, asked.at, asked.not_before)])

    def sha256_of(self, path: Path) -> str:
        """The SHA-256 of a file, read only where it is not the file that it was when that was last asked.

        Raises `OSError` where it can't be read.
        """
        with path.open("rb") as file:  # who may not read it is told so, also where its hash is known
            status = os.fstat(file.fileno())
        state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {status.st_dev}"
        if held := self._row("SELECT sha256 FROM hashes WHERE path = ? AND state = ?", str(path), state):
            return held[0]
        sha256 = files.sha256_of(path)
        settled = max(status.st_mtime_ns, status.st_ctime_ns) + _SETTLED < time.time_ns()
        self._write("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", [(str(path), state if settled else "", sha256)])
        return sha256

    def let_go(self, addresses: Collection[str] | None = None) -> int:
        """Removes what nobody asks for any more, and returns how many bytes of bodies went: downloads that were broken off
        long ago, bodies that no line of the ledger names, what was made of neither a body held nor a file as it was read
        last, and what was cut: only a document that changes is cut again.

        With `addresses`, the lines of all others and the files elsewhere go too. A body of the last day stays: a run that was
        cut may name it yet.
        """
        lines, read = self.downloads(), self._rows("SELECT path, sha256 FROM hashes")
        others: set[str] = set()
        elsewhere: set[str] = set()
        if addresses is not None:
            here = {str(Path(address[5:])) for address in addresses if address.startswith("file:")}
            others = {row.address for row in lines if _unversioned(row.address) not in addresses}
            elsewhere = {path for path, _ in read if path not in here}
        named = {row.sha256 for row in lines if row.address not in others}
        freed = 0
        with files.writing(self.folder):  # first: where the disk is full, it makes room for what follows
            for part in self._left_alone("parts", _BROKEN_OFF):
                part.unlink()
            for body in self._left_alone("bodies", _DAY):
                if body.name not in named:
                    freed += body.stat().st_size
                    body.unlink()
            held = os.listdir(self.folder / "bodies")
        stay = {*held, *(sha256 for path, sha256 in read if path not in elsewhere)}
        self._delete("downloads", "address", others)
        self._delete("hashes", "path", elsewhere)
        for table in ("texts", "fronts"):  # a key is a hash, a colon, and who made it; that of a cut is its own hash
            keys = [key for (key,) in self._rows(f"SELECT key FROM {table}")]
            self._delete(table, "key", (key for key in keys if key.partition(":")[0] not in stay))
        return freed

    def let_go_vectors(self, rows: Iterable[np.ndarray]) -> int:
        """Removes the vectors that are not among `rows`, and what room that and all else left in the database. Returns how
        many bytes it shrank by.

        `rows` are blocks of those that generations hold, which may have them as halves. Sentences' vectors, which none holds,
        go: they are made again when they are asked for.
        """
        known = {hash(_as_halves(row)) for block in rows for row in block}
        after = b""
        while some := self._rows("SELECT key, vector FROM vectors WHERE key > ? ORDER BY key LIMIT 5000", after):
            after = some[-1][0]
            made = [(key, vector_of(kept)) for key, kept in some]
            self._delete("vectors", "key", (
                key for key, row in made if row is None or hash(_as_halves(row)) not in known
            ))  # fmt: skip
        before = self._size()
        try:
            self._rows("VACUUM")
        except LibraryUnwritable as error:
            raise LibraryUnwritable(
                f"{error.message} What nobody needs was removed, but {self._path.name} is no smaller for it.",
                cure=f"Free {1 + before // 1_000_000} MB there and where temporary files go (TMPDIR), then prune again.",
            ) from error
        finally:
            self._rows("PRAGMA wal_checkpoint(TRUNCATE)")  # the log has what was vacuumed, or as far as that came
        return max(before - self._size(), 0)

    # ------------------------------------------------------------------ arXiv's metadata

    def metadata(self, arxiv_id: str) -> tuple[float, dict] | None:
        """When arXiv was asked about an id (seconds since 1970), and its answer as JSON data; None if never."""
        row = self._row("SELECT asked, answer FROM metadata WHERE arxiv_id = ?", arxiv_id)
        answer = _unsealed(row[1]) if row else None
        return (row[0], answer) if row and answer is not None else None

    def keep_metadata(self, asked: float, answers: dict[str, dict]) -> None:
        """Keeps arXiv's answers, by id."""
        self._write(
            "INSERT OR REPLACE INTO metadata VALUES (?, ?, ?)",
            [(key, asked, _sealed(answer)) for key, answer in answers.items()],
        )

    # ------------------------------------------------------------------ extracted texts and vectors

    def text(self, key: str) -> dict | None:
        """The JSON data kept under `key` (a body's hash and its extractor's name), or None."""
        row = self._row("SELECT answer FROM texts WHERE key = ?", key)
        try:
            return json.loads(zlib.decompress(row[0])) if row else None
        except (zlib.error, ValueError):  # altered on the disk
            return None

    def keep_text(self, key: str, answer: dict) -> None:
        """Keeps JSON data under `key`."""
        self._write(
            "INSERT OR REPLACE INTO texts VALUES (?, ?)", [(key, zlib.compress(json.dumps(answer).encode(), 1))]
        )
        points.reached("extract.cached")

    def front(self, key: str) -> dict | None:
        """The little that is kept beside the text of `key`, so that the whole need not be read; None if nothing is."""
        row = self._row("SELECT answer FROM fronts WHERE key = ?", key)
        return _unsealed(row[0]) if row else None

    def keep_front(self, key: str, answer: dict) -> None:
        """Keeps JSON data beside the text of `key`."""
        self._write("INSERT OR REPLACE INTO fronts VALUES (?, ?)", [(key, _sealed(answer))])

    def vectors(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The vectors held for some of `keys`: {key: float32 of shape (dimension,)}."""
        found = {}
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            marks = ", ".join("?" * len(some))
            for key, vector in self._rows(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", *some):
                if (row := vector_of(vector)) is not None:
                    found[key] = row
        return found

    def keep_vectors(self, pairs: Iterable[tuple[bytes, np.ndarray]]) -> None:
        """Keeps vectors by key, all of them or, after a kill, none."""
        self._write(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
            [(key, _with_check(vector.astype(np.float32).tobytes())) for key, vector in pairs],
        )
        points.reached("embed.cached")

    # ------------------------------------------------------------------ inside

    def _size(self) -> int:
        """The bytes of the database, wherever they are yet."""
        (pages,), (page,) = self._rows("PRAGMA page_count") + self._rows("PRAGMA page_size")
        return pages * page

    def _delete(self, table: str, column: str, values: Iterable[object]) -> None:
        self._write(f"DELETE FROM {table} WHERE {column} = ?", [(value,) for value in values])

    def _left_alone(self, folder: str, seconds: float) -> list[Path]:
        before = time.time() - seconds
        return [path for path in sorted((self.folder / folder).iterdir()) if path.stat().st_mtime < before]

    def _row(self, statement: str, *values: object) -> tuple | None:
        rows = self._rows(statement, *values)
        return rows[0] if rows else None

    def _rows(self, statement: str, *values: object) -> list[tuple]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise _unwritable(self.folder, error) from error
        except sqlite3.DatabaseError:
            self._begin_anew()
            return []

    def _write(self, statement: str, rows: list[tuple]) -> None:
        try:
            try:
                with self._database:
                    self._database.executemany(statement, rows)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self._begin_anew()
                with self._database:
                    self._database.executemany(statement, rows)
        except sqlite3.OperationalError as error:
            raise _unwritable(self.folder, error) from error

    def _begin_anew(self) -> None:
        """Sets a damaged database aside: it is only a cache, and what it held is worked out again."""
        self._database.close()
        _set_aside(self._path)
        self._database = _connected(self._path)

    def _opened(self) -> sqlite3.Connection:
        try:
            return _connected(self._path)
        except sqlite3.OperationalError as error:
            raise _unwritable(self.folder, error) from error
        except sqlite3.DatabaseError:
            _set_aside(self._path)
            return _connected(self._path)


def _with_check(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "little")


def _as_halves(row: np.ndarray) -> bytes:
    with np.errstate(over="ignore"):  # what is too large for a half is infinite on both sides of a comparison
        return row.astype(np.float16).tobytes()


def vector_of(kept: bytes) -> np.ndarray | None:
    """A vector as `keep_vectors` kept it, None where it was altered since. One that an earlier paperpath kept has no CRC."""
    if _with_check(kept[:-4]) == kept:
        return np.frombuffer(kept[:-4], np.float32)
    return None if len(kept) % 8 else np.frombuffer(kept, np.float32)  # models' vectors have an even length


def _sealed(answer: dict) -> str:
    text = json.dumps(answer)
    return f"{zlib.crc32(text.encode()):08x}{text}"


def _unsealed(kept: str) -> dict | None:
    """What was sealed, None where it was altered since. What an earlier paperpath kept has no CRC before it."""
    check, text = ("", kept) if kept.startswith("{") else (kept[:8], kept[8:])
    try:
        return json.loads(text) if check in ("", f"{zlib.crc32(text.encode()):08x}") else None
    except ValueError:
        return None


def _set_aside(path: Path) -> None:
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        if (broken := path.with_name(name)).exists():
            broken.replace(path.with_name(name + ".damaged"))


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last entries, never the file
        database.executescript(_SCHEMA)
        return database
    except sqlite3.Error:
        database.close()
        raise


def _unversioned(address: str) -> str:
    found = _VERSION.fullmatch(address)
    return found[1] if found else address


def _unwritable(folder: Path, error: sqlite3.OperationalError) -> Exception:
    return LibraryUnwritable(f"Cannot write to {folder}: {_why(error)}.")


def _why(error: sqlite3.OperationalError) -> str:
    return "the disk is full" if error.sqlite_errorcode in _FULL else str(error)
