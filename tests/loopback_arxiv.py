"""A server on 127.0.0.1 that behaves like arXiv: real sockets, arXiv's paths, and its bad days on demand.

    with LoopbackArxiv({"2311.08105": paper("DiLoCo", "first page", versions=3)}) as arxiv:
        arxiv.on("/pdf/2311.08105v3", answer(503, retry_after=7), cut(1000))
        ...
        assert arxiv.bodies == 1

By hand: `python -m tests.loopback_arxiv --port 8123 --papers FOLDER`, where FOLDER has a `papers.jsonl`.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

WITHDRAWN_PAGE = b"""<!DOCTYPE html><html><head><title>No file for it</title></head><body>
<h1>PDF unavailable</h1><p>This paper has been withdrawn.</p></body></html>"""
NO_SOURCE_PAGE = b"""<!DOCTYPE html><html><head><title>No file for it</title></head><body>
<h1>File unavailable</h1><p>HTML or source was not provided to generate HTML or a PDF.</p></body></html>"""
NOT_RENDERED_PAGE = b"""<!DOCTYPE html><html><head><title>arXiv</title></head><body>
<h1>PDF is being generated</h1><p>Come back in a while.</p></body></html>"""
NO_PDF_PAGE = b"""<!DOCTYPE html><html><body><h1>file unavailable</h1>
<p>Our automated conversion system has failed to produce PDF for the paper.</p></body></html>"""
SIGN_IN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in &amp; pay</title></head><body>No.</body></html>"
LAST_MODIFIED = "Tue, 14 Nov 2023 12:00:00 GMT"


@dataclass(frozen=True)
class PaperFixture:
    """A paper that is served. `versions` has its PDFs by version: bytes, a file, or None for one without a file."""

    title: str
    versions: Mapping[int, bytes | Path | None]
    authors: tuple[str, ...] = ()
    abstract: str = ""
    published: str = "2023-11-14"
    updated: str = ""
    comment: str = ""
    doi: str = ""
    journal_ref: str = ""
    categories: tuple[str, ...] = ("cs.LG",)

    @property
    def newest(self) -> int:
        return max(self.versions)


@dataclass
class Page:
    """What is served at a path of its own. Its tag is its hash, unless `etag` says another or "" for none."""

    content: bytes
    content_type: str = "text/html; charset=utf-8"
    etag: str | None = None
    last_modified: str = LAST_MODIFIED
    gzip: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """One answer that isn't the plain one. What is None stays as it would have been."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    cut: int | None = None  # so many bytes of the body, then the connection is closed
    stall: int | None = None  # so many bytes of the body, then nothing until the server ends
    length: int | None = None  # the Content-Length that is claimed
    drop: bool = False  # no answer at all
    no_length: bool = False
    deaf: bool = False  # Range and conditions are not heeded
    raw: bytes | None = None  # these bytes instead of an HTTP answer, then the connection is closed


def answer(status: int, body: bytes = b"", *, retry_after: object = None, **headers: str) -> Fault:
    """A plain answer with this status. `retry_after` is seconds or an HTTP date; `content_type=` and so on: headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if retry_after is not None:
        named["Retry-After"] = str(retry_after)
    return Fault(status, tuple(named.items()), body)


def html(page: bytes, status: int = 200) -> Fault:
    """A web page, whatever was asked for."""
    return answer(status, page, content_type="text/html; charset=utf-8")


def redirect(to: str, status: int = 302) -> Fault:
    return answer(status, b"moved", location=to)


def cut(after: int) -> Fault:
    return Fault(cut=after)


def stall(after: int = 0) -> Fault:
    return Fault(stall=after)


def drop() -> Fault:
    return Fault(drop=True)


def bomb(megabytes: int, coding: str = "gzip") -> Fault:
    """A small body that unpacks to a large one."""
    packed = gzip.compress(bytes(megabytes * 1_000_000), 9)
    return answer(200, packed, content_type="text/html", content_encoding=coding)


def paper(title: str, *pages: str, versions: int = 1, **rest: Any) -> PaperFixture:
    """A paper whose version N has these pages, each ended with "version N"."""
    texts = pages or (title,)
    made = {number: tiny_pdf([f"{text}\nversion {number}" for text in texts]) for number in range(1, versions + 1)}
    return PaperFixture(title, made, **rest)


def tiny_pdf(pages: list[str]) -> bytes:
    """A valid PDF with these page texts (Latin-1), a line of text for each line."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for text in pages:
        lines = [re.sub(r"([\\()])", r"\\\1", line) for line in text.splitlines()]
        stream = "BT /F1 11 Tf 14 TL 72 740 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1", "replace")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    tail = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    tail += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + tail.encode("latin-1")


class FakeTime:
    """A clock that moves only when someone sleeps, and notes each sleep."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleeps: list[float] = []

    def clock(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(round(seconds, 6))
        self.time += seconds


@dataclass
class Seen:
    """A request that came. `sent` counts the bytes of the body that were handed out, `headers` has lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


class LoopbackArxiv:
    """The server. Everything it was asked is in `requests`, in order; `pages` may be changed while it runs."""

    def __init__(
        self,
        papers: Mapping[str, PaperFixture] | None = None,
        pages: Mapping[str, Page] | None = None,
        *,
        port: int = 0,
        redirects: bool = True,
    ) -> None:
        self.papers = dict(papers or {})
        self.pages = dict(pages or {})
        self.redirects = redirects
        """Whether /pdf/ID leads to /pdf/IDvN, or is answered at once with a Content-Disposition that names it."""
        self.requests: list[Seen] = []
        self.most_connections = 0
        """The most connections that were open at once."""
        self._faults: dict[str, list[Fault]] = {}
        self._always: dict[str, Fault] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="loopback arXiv")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._thread.join()
        self.hang_up()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def bodies(self) -> int:
        """How many answers handed out bytes of a PDF or a page (errors and redirects not counted)."""
        return sum(seen.sent > 0 and seen.status in (200, 206) and not self._is_api(seen) for seen in self.requests)

    @property
    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [seen.path for seen in self.requests]

    @property
    def queries(self) -> list[list[str]]:
        """The ids that each query of the API asked for."""
        return [seen.query["id_list"][0].split(",") for seen in self.requests if self._is_api(seen)]

    def environment(self) -> dict[str, str]:
        """The settings that make paperpath take this server for arXiv, without its three seconds."""
        return {
            "PAPERPATH_ARXIV_URL": self.url,
            "PAPERPATH_ARXIV_API_URL": f"{self.url}/api/query",
            "PAPERPATH_ARXIV_SECONDS": "0",
            "PAPERPATH_HOST_SECONDS": "0",
        }

    def hang_up(self) -> None:
        """Closes every connection from this side, as a server does with one that has long been idle."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def on(self, where: str, *faults: Fault, always: bool = False) -> None:
        """The next answers at `where` are these, in turn; the last of them for ever with `always`.

        `where` is a path without query, or an arXiv id for every file of it (/pdf/IDvN, not the redirect to it).
        """
        if always:
            self._always[where] = faults[-1]
            faults = faults[:-1]
        self._faults.setdefault(where, []).extend(faults)

    # What the handler asks

    def _fault(self, path: str) -> Fault | None:
        keys = [path]
        if match := re.fullmatch(r"/pdf/(.+?)v\d+(?:\.pdf)?", path):
            keys.append(match[1])
        with self._lock:
            for key in keys:
                if self._faults.get(key):
                    return self._faults[key].pop(0)
                if key in self._always:
                    return self._always[key]
        return None

    def _opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open = {each for each in self._open if not _is_closed(each)} | {connection}
            self.most_connections = max(self.most_connections, len(self._open))
            if self._ending.is_set():
                _shut(connection)

    def _closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def _is_api(self, seen: Seen) -> bool:
        return seen.path == "/api/query"


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64
    owner: LoopbackArxiv

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.owner = self.server.owner
        self.owner._opened(self.connection)

    def finish(self) -> None:
        self.owner._closed(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        path = unquote(split.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Seen(self.command, path, parse_qs(split.query), headers)
        self.owner.requests.append(self.seen)
        fault = self.owner._fault(path)
        if fault and (fault.drop or fault.raw is not None):
            self.wfile.write(fault.raw or b"")
            self.close_connection = True
            return
        if fault and fault.status is not None:
            self._send(fault.status, fault.body or b"", dict(fault.headers), fault)
        elif path == "/api/query":
            self._api()
        elif path.startswith(("/pdf/", "/abs/")):
            self._arxiv(path, fault)
        elif path in self.owner.pages:
            self._page(self.owner.pages[path], fault)
        else:
            self._send(404, b"<html><body>Not found</body></html>", {"Content-Type": "text/html"}, fault)

    def _arxiv(self, path: str, fault: Fault | None) -> None:
        kind, _, rest = path.lstrip("/").partition("/")
        match = re.fullmatch(r"(.+?)(?:v(\d+))?(?:\.pdf)?", rest)
        found = self.owner.papers.get(match[1]) if match else None
        if match is None or found is None:
            self._send(404, b"<html><body>No document for it</body></html>", {"Content-Type": "text/html"}, fault)
        elif kind == "abs":
            text = f"<!DOCTYPE html><html><head><title>{escape(found.title)}</title></head><body></body></html>"
            self._page(Page(text.encode()), fault)
        elif match[2] is None and self.owner.redirects:
            self._send(302, b"moved", {"Location": f"/pdf/{match[1]}v{found.newest}"}, fault)
        else:
            version = int(match[2] or found.newest)
            if version not in found.versions:
                self._send(404, b"<html><body>No document for it</body></html>", {"Content-Type": "text/html"}, fault)
                return
            content = found.versions[version]
            if content is None:
                self._send(404, NO_SOURCE_PAGE, {"Content-Type": "text/html; charset=utf-8"}, fault)
                return
            name = f'inline; filename="{match[1].replace("/", "_")}v{version}.pdf"'
            data = content.read_bytes() if isinstance(content, Path) else content
            self._page(Page(data, "application/pdf", headers={"Content-Disposition": name}), fault)

    def _page(self, page: Page, fault: Fault | None) -> None:
        """A file with its tag and date, by condition and by range as RFC 9110 has it."""
        body = page.content
        given = self.seen.headers
        etag = f'"{hashlib.sha1(body).hexdigest()[:16]}"' if page.etag is None else page.etag
        headers = {"Content-Type": page.content_type, "Accept-Ranges": "bytes", **page.headers}
        if etag:
            headers["ETag"] = etag
        if page.last_modified:
            headers["Last-Modified"] = page.last_modified
        if page.gzip and "gzip" in given.get("accept-encoding", "") and "range" not in given:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        if fault and fault.deaf:
            self._send(200, body, headers, fault)
            return
        if "if-none-match" in given:
            unchanged = bool(etag) and etag in given["if-none-match"]
        else:
            unchanged = bool(page.last_modified) and given.get("if-modified-since") == page.last_modified
        if unchanged:
            self._send(304, b"", headers, fault)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", given.get("range", ""))
        if wanted and given.get("if-range") in (None, etag, page.last_modified):
            first, last = int(wanted[1]), min(int(wanted[2] or len(body) - 1), len(body) - 1)
            if first > last:
                self._send(416, b"", {"Content-Range": f"bytes */{len(body)}"}, fault)
                return
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            self._send(206, body[first : last + 1], headers, fault)
            return
        self._send(200, body, headers, fault)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None) -> None:
        fault = fault or Fault()
        headers = {**headers, **dict(fault.headers)}
        self.seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault.no_length:
            self.send_header("Connection", "close")
        elif status != 304:
            self.send_header("Content-Length", str(len(body) if fault.length is None else fault.length))
        self.end_headers()
        if self.command == "HEAD" or status == 304:
            return
        whole = min(len(body) if limit is None else limit for limit in (fault.cut, fault.stall, None))
        for at in range(0, whole, 16384):
            self._write(body[at : min(at + 16384, whole)])
        if fault.stall is not None:
            self.owner._ending.wait()
        if fault.cut is not None or fault.stall is not None or fault.length is not None or fault.no_length:
            self.close_connection = True

    def _write(self, data: bytes) -> None:
        self.seen.sent += len(data)  # counted first, so that a client that has it all finds it counted
        self.wfile.write(data)

    def _api(self) -> None:
        """arXiv's query API, as far as id_list goes."""
        ids = [each.strip() for each in self.seen.query.get("id_list", [""])[0].split(",") if each.strip()]
        most = int(self.seen.query.get("max_results", ["10"])[0])
        wrong = [each for each in ids if not re.fullmatch(r"(?:\d{4}\.\d{4,5}|[a-z.-]+/\d{7})(?:v\d+)?", each, re.I)]
        entries = []
        if wrong:
            entries.append(
                f"<entry><id>http://arxiv.org/api/errors#incorrect_id_format_for_{escape(wrong[0])}</id>"
                f"<title>Error</title><summary>incorrect id format for {escape(wrong[0])}</summary></entry>"
            )
        else:
            plain = dict.fromkeys(re.sub(r"v\d+$", "", each) for each in ids)
            known = [each for each in plain if each in self.owner.papers]
            entries += [_entry(each, self.owner.papers[each]) for each in reversed(known[:most])]  # in any order
        feed = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
            f"<title>arXiv Query</title><id>http://arxiv.org/api/x</id>{''.join(entries)}</feed>"
        )
        self._send(400 if wrong else 200, feed.encode(), {"Content-Type": "application/atom+xml; charset=utf-8"}, None)


def _entry(arxiv_id: str, paper: PaperFixture) -> str:
    def element(name: str, text: str) -> str:
        return f'<x:{name} xmlns:x="http://arxiv.org/schemas/atom">{escape(text)}</x:{name}>' if text else ""

    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in paper.authors)
    scheme = "http://arxiv.org/schemas/atom"
    categories = "".join(f'<category term="{term}" scheme="{scheme}"/>' for term in paper.categories)
    return (
        f"<entry><id>http://arxiv.org/abs/{arxiv_id}v{paper.newest}</id>"
        f"<updated>{paper.updated or paper.published}T10:00:00Z</updated>"
        f"<published>{paper.published}T10:00:00Z</published><title>{escape(paper.title)}</title>"
        f"<summary>  {escape(paper.abstract)}\n</summary>{authors}{element('doi', paper.doi)}"
        f"{element('comment', paper.comment)}{element('journal_ref', paper.journal_ref)}{categories}</entry>"
    )


def from_shared(papers: Path, *, port: int = 0) -> LoopbackArxiv:
    """A server of the papers that a folder's `papers.jsonl` names: at arXiv's paths, or /files/NAME.pdf without an id.

    The post beside them (`../seed/post`) stands at /post/…, as it does on its own host.
    """
    fixtures: dict[str, PaperFixture] = {}
    pages: dict[str, Page] = {}
    for line in (papers / "papers.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        path = papers / row["file"]
        if row["arxiv_id"]:
            version = int((row["version"] or "v1").lstrip("v"))
            published = f"20{row['arxiv_id'][:2]}-{row['arxiv_id'][2:4]}-01"
            fixtures[row["arxiv_id"]] = PaperFixture(row["title"], {version: path}, published=published)
        else:
            pages[f"/files/{row['file']}"] = Page(path.read_bytes(), "application/pdf")
    for post in sorted((papers.parent / "seed" / "post").glob("*/index.html")):
        pages[f"/post/{post.parent.name}/"] = Page(post.read_bytes())
    return LoopbackArxiv(fixtures, pages, port=port)


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed a connection, even if its thread hasn't noticed yet."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a folder of papers as arXiv would, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--papers", type=Path, required=True, help="a folder with a papers.jsonl")
    given = parser.parse_args()
    with from_shared(given.papers, port=given.port) as server:
        for name, value in server.environment().items():
            print(f"export {name}={value}")
        print(f"# {len(server.papers)} papers; other pages:", *server.pages, sep="\n#   ", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
