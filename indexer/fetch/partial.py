"""A download under way: the part file, the note beside it that says whose body it is, and where to go on."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx

from indexer.fetch.sending import coding, header, plain
from indexer.library import files
from indexer.library.cache import Cache, Download


@dataclass(frozen=True)
class Note:
    """What is known of a part file: whose body it is, how long that will be and, once it is whole, its ledger line."""

    etag: str = ""
    last_modified: str = ""
    total: int | None = None
    complete: Download | None = None

    @classmethod
    def of(cls, response: httpx.Response) -> Note:
        """The note on the body that an answer holds."""
        length = header(response, "content-length")
        total = int(length) if length.isdecimal() and not coding(response) else None
        return cls(header(response, "etag"), header(response, "last-modified"), total)

    @classmethod
    def read(cls, part: Path) -> Note:
        """The note on a part file; an empty one where there is none that makes sense."""
        try:
            data = json.loads(_beside(part).read_text("utf-8"))
            complete = Download(**data["complete"]) if data["complete"] else None
            return cls(plain(data["etag"]), plain(data["last_modified"]), data["total"], complete)
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return cls()  # absent, or torn by a power cut: the download begins anew

    def write(self, part: Path) -> None:
        files.write_text(_beside(part), json.dumps(asdict(self)))

    @property
    def validator(self) -> str:
        """What tells this body from any other; a weak tag doesn't."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def resume_at(self, part: Path) -> int:
        """The byte from which to go on. Of a part that has all its bytes the last is asked for again, so that the
        server says whether they are still good."""
        if not self.validator or not part.exists():
            return 0
        size = part.stat().st_size
        return size if self.total is None else max(0, min(size, self.total - 1))

    def continued_by(self, response: httpx.Response, offset: int) -> Note | None:
        """The note on the whole body whose rest from `offset` an answer holds; None if it holds anything else, or if
        nobody says where the body ends: what breaks off then would be taken for a whole one."""
        match = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", header(response, "content-range"))
        if response.status_code != 206 or match is None or int(match[1]) != offset or coding(response):
            return None
        total = self.total if match[3] == "*" else int(match[3])
        if total is None or int(match[2]) != total - 1 or self.total not in (None, total):
            return None
        same = (header(response, "etag") in ("", self.etag)
                and header(response, "last-modified") in ("", self.last_modified))  # fmt: skip
        return replace(self, total=total) if same else None


def finish(part: Path, cache: Cache) -> None:
    """Enters in the ledger a body that an earlier run had whole when it was killed."""
    complete = Note.read(part).complete
    if complete is None:
        return
    if part.exists() and files.sha256_of(part) == complete.sha256:
        cache.keep_body(part)
    if cache.body(complete.sha256):
        cache.record(complete)
    discard(part)


def discard(part: Path) -> None:
    """Removes a part file and its note."""
    with files.writing(part.parent):
        part.unlink(missing_ok=True)
        _beside(part).unlink(missing_ok=True)


def _beside(part: Path) -> Path:
    return part.with_name(part.name + ".json")
