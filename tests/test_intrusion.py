"""Breaking in, tried: by paths, headers, caches, bombs, and what would be run."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import signal
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from libraries import build, build_documents, document
from loopback_arxiv import LoopbackArxiv, Page, answer, redirect, tiny_pdf
from pydantic import SecretStr

from indexer.embed.harmless import require_harmless
from indexer.errors import ExtractError, FetchError, ModelUnknown, PaperpathError
from indexer.extract import markdown
from indexer.extract.html import read_html
from indexer.extract.workers import Workers
from indexer.fetch import Fetcher
from indexer.fetch.metadata import parse
from indexer.library import uploads
from indexer.library.cache import Cache
from indexer.settings import Settings
from indexer.sources.bibtex import read_bibtex
from indexer.sources.reading_list import read_markdown
from indexer.sources.records import read_records
from service.api import create_app

PROJECT = Path(__file__).parents[1]
TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    build(settings.library)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(app, raise_server_exceptions=False, base_url="http://localhost") as client:
        yield client


@contextmanager
def not_for_ever(seconds: float = 60.0) -> Iterator[None]:
    """Fails what would go on for hours; what is tried here takes a second."""

    def stop(*_: object) -> None:
        raise AssertionError(f"it took more than {seconds:g} seconds of the processor's")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


# What would be run

# Calls and names that run what they read, or trust what they should not. `eval` of a module is torch's, and no call of this.
FORBIDDEN = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "marshal",
    "shelve",
    "joblib",
    "cloudpickle",
    "tarfile",
    "imp",
    "telnetlib",
}
FORBIDDEN_DOTTED = {
    "yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "os.system", "os.popen", "tempfile.mktemp", "torch.load",
    "np.load", "numpy.load", "pd.read_pickle", "ssl._create_unverified_context", "os.tempnam", "shutil.unpack_archive",
}  # fmt: skip
FORBIDDEN_KEYWORDS = {("shell", True), ("verify", False), ("trust_remote_code", True), ("allow_pickle", True), ("weights_only", False),
                      ("resolve_entities", True), ("load_dtd", True), ("no_network", False)}  # fmt: skip
XML = {"xml.etree.ElementTree", "xml.etree", "xml.dom", "xml.dom.minidom", "xml.sax", "xml.parsers.expat"}
# Who may name a reader of XML, and why.
XML_ALLOWED = {
    "indexer/fetch/metadata.py": {"Element", "ParseError"},  # what defusedxml gives and raises
    "service/citations/graph_formats.py": {"ElementTree"},  # writes GraphML, and reads none
}
# Who may name a reader of pickles, and why.
PICKLE_ALLOWED = {"service/serving/spawning.py": {"Unpickler"}}  # of what the server's own processes send each other


def faults(path: Path) -> Iterator[str]:
    where = path.relative_to(PROJECT).as_posix()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in FORBIDDEN or name in FORBIDDEN_DOTTED:
                yield f"{where}:{node.lineno}: {name}"
            for given in node.keywords:
                if isinstance(given.value, ast.Constant) and (given.arg, given.value.value) in FORBIDDEN_KEYWORDS:
                    yield f"{where}:{node.lineno}: {given.arg}={given.value.value}"
        names: list[tuple[str, set[str]]] = []
        if isinstance(node, ast.Import):
            names = [(alias.name, {alias.name}) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [(node.module, {alias.name for alias in node.names})]
        for module, taken in names:
            if module == "pickle" and taken <= PICKLE_ALLOWED.get(where, set()):
                continue
            if module.split(".")[0] in FORBIDDEN_MODULES:
                yield f"{where}:{node.lineno}: import {module}"
            if module in XML and not taken <= XML_ALLOWED.get(where, set()):
                yield f"{where}:{node.lineno}: {module} without defusedxml"


def test_nothing_that_was_read_is_run() -> None:
    found = [
        fault
        for package in ("indexer", "service")
        for path in sorted((PROJECT / package).rglob("*.py"))
        for fault in faults(path)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from pickle import loads", "eval('1')", "yaml.load(x)", "subprocess.run('a', shell=True)", "os.system('a')",
     "httpx.get(u, verify=False)", "np.load(p, allow_pickle=True)", "from xml.etree import ElementTree", "torch.load(p)",
     "AutoModel.from_pretrained(n, trust_remote_code=True)", "tempfile.mktemp()", "import xml.dom.minidom"],
)  # fmt: skip
def test_what_would_run_it_is_found(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("test_intrusion.PROJECT", tmp_path)
    (tmp_path / "a.py").write_text(line)
    assert list(faults(tmp_path / "a.py"))


class Run:
    """Pickled, it makes a folder where it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"pytorch_model.bin": b""}, "pytorch_model.bin"),
        ({"model.safetensors": b"x", "2_Dense/pytorch_model.bin": b""}, "pytorch_model.bin"),
        ({"model.safetensors": b"x", "config.json": b'{"auto_map": {"AutoModel": "modeling.Mine"}}', "modeling.py": b""}, "config.json"),
        ({"model.safetensors": b"x", "tokenizer_config.json": b'{"auto_map": {"AutoTokenizer": ["t.Mine", null]}}'}, "tokenizer_config"),
        ({"model.safetensors": b"x", "modules.json": b'[{"idx": 0, "path": "", "type": "mine.Transformer"}]'}, "mine.Transformer"),
        ({"model.safetensors": b"x", "modules.json": b'[{"idx": 0, "path": ""}]'}, "without a type"),
        ({"model.safetensors": b"x", "modules.json": b'[{"path": "../x", "type": "sentence_transformers.models.Dense"}]'}, "outside"),
        ({"model.safetensors": b"x", "modules.json": b'[{"path": "/etc", "type": "sentence_transformers.models.Dense"}]'}, "outside"),
    ],
)  # fmt: skip
def test_a_model_that_would_run_something_is_refused(files: dict[str, bytes], says: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    modules = [{"path": path, "type": "sentence_transformers.models.X"} for path in ("", "2_Dense")]
    for name, content in {"modules.json": json.dumps(modules).encode(), **files}.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content or pickle.dumps(Run(tmp_path / "was-run")))
    with pytest.raises(ModelUnknown, match=says) as caught:
        require_harmless(model)
    assert "not loaded" in str(caught.value) and caught.value.cure
    assert not (tmp_path / "was-run").exists()


def test_a_model_with_both_is_taken(tmp_path: Path) -> None:
    for name in ("model.safetensors", "pytorch_model.bin", "config.json"):
        (tmp_path / name).write_text("{}")
    require_harmless(tmp_path)


# Paths

PATHS = ["../x.pdf", "..\\x.pdf", "/etc/x.pdf", "C:\\x.pdf", "\\\\host\\share\\x.pdf", "a/../../x.pdf", "%2e%2e/x.pdf", "..%2fx.pdf",
         "x.pdf\0.md", "\u2025/x.pdf", "．．／x.pdf", "....//x.pdf", ".x.pdf", "-x.pdf", "CON.pdf", "aux.pdf", "x.pdf:stream.pdf",
         "x.pdf ", "x\r\ny.pdf", "\u202efdp.x.pdf", "x" * 3000 + ".pdf", "é" * 200 + ".pdf", "~root.pdf", "$(id).pdf", "`id`.pdf"]  # fmt: skip


def test_no_name_leads_an_upload_out_of_its_folder(client: TestClient, settings: Settings) -> None:
    for number, name in enumerate(PATHS):
        kept(name, number, client, settings)


def kept(name: str, number: int, client: TestClient, settings: Settings) -> None:
    before = {path for path in settings.library.parent.rglob("*") if path.is_file()}
    told = client.post("/v1/uploads", params={"name": name}, content=tiny_pdf([f"Page {number}."]), headers=TOKEN)
    assert told.status_code in (201, 422), told.text
    new = {path for path in settings.library.parent.rglob("*") if path.is_file()} - before
    folder = settings.library / "uploads"
    assert all(
        path.resolve().is_relative_to(folder.resolve()) and len(path.relative_to(folder).parts) == 2 for path in new
    )
    if told.status_code == 201:
        assert len(new) == 1 and uploads.path_of(settings.library, told.json()["source"]) == new.pop().resolve()
        assert told.json()["name"].isprintable() or "\u200d" in told.json()["name"]


SOURCES = [
    "upload:../../a.pdf",
    "upload:0123456789abcdef/../../../a.pdf",
    "upload:0123456789abcdef/..",
    "upload:0123456789abcdef/.",
    "upload:0123456789abcdef/..\\a.pdf",
    "upload:0123456789abcdef/%2e%2e/a.pdf",
    "upload:/etc/passwd",
    "upload:....",
    "upload:",
    "UPLOAD:0123456789abcdef/a.pdf",
    "upload:0123456789ABCDEF/a.pdf",
    "file:///etc/passwd",
    "/etc/passwd",
    "~/x",
    "etc",
    ".",
    "-h",
    "--library=/tmp",
    "upload:0123456789abcdef/a.pdf\0",
    "upload:0123456789abcdef/\n",
]


def test_no_source_leads_to_a_file_of_the_servers(client: TestClient, settings: Settings) -> None:
    (settings.library.parent / "a.pdf").write_bytes(tiny_pdf(["Not yours."]))
    for source in SOURCES:
        told = client.post("/v1/reindex", json={"add": [source]}, headers=TOKEN)
        assert told.status_code == 422 and told.json()["type"].startswith("urn:paperpath:problem:"), told.text


FILES = [
    "../../service/serving/server.py",
    "..%2f..%2fservice%2fserver.py",
    "%2e%2e/%2e%2e/README.md",
    "....//....//README.md",
    "..\\..\\README.md",
    "%5c..%5c..%5cREADME.md",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "..;/..;/README.md",
    "%00",
    "a%00.css",
    "style.css/..%2f..%2fframe.py",
    "%c0%ae%c0%ae/README.md",
    "%252e%252e/README.md",
    "C:/README.md",
    "CURRENT",
    "../CURRENT",
    "..%2f..%2fmarks.sqlite",
]


@pytest.mark.parametrize("prefix", ["/static/", "/v1/papers/", "/papers/", "/v1/reindex/", "/"])
def test_no_path_leads_to_a_file(prefix: str, client: TestClient) -> None:
    for path in FILES:
        told = client.get(prefix + path)
        assert 400 <= told.status_code < 500, path
        assert not any(secret in told.text for secret in ("root:x:", "def main", "make run", "SQLite")), path


# Headers

SPLITS = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\u560aX-Evil: 1",
    "a\r\n\r\n<script>",
    '"; filename="x.exe',
    "a\0b",
    "é, 中",
    "a\u2028b",
]


def test_no_id_or_title_splits_a_header(settings: Settings) -> None:
    documents = [
        replace(document(f"odd {text}", [f"Text {n} of some length, about islands."], n), title=f"T {text}", authors=(text,),
                link=f"https://a.example/{text}")
        for n, text in enumerate(SPLITS, 1)
    ]  # fmt: skip
    build_documents(settings.library, documents)
    with TestClient(create_app(settings), raise_server_exceptions=False, base_url="http://localhost") as client:
        paths = client.get("/openapi.json").json()["paths"]
        asked = [path for path, methods in paths.items() if "get" in methods and "{job_id}" not in path]
        assert len(asked) > 10
        for path in [*asked, "/", "/library", "/order", "/papers/{paper_id}"]:
            for text in SPLITS:
                identifier = f"odd {text}"
                url = re.sub(r"\{[^{}]*\}", quote(identifier, safe="/"), path)
                given = {"q": text, "format": "bibtex", "id": identifier, "cursor": text}
                told = client.get(url, params=given, follow_redirects=False)
                assert told.status_code < 500, (url, told.text)
                assert "x-evil" not in told.headers
                for value in told.headers.values():
                    assert not set(value) & set("\r\n\0"), url


# Our own cache of downloads


@pytest.fixture
def fetcher(settings: Settings, tmp_path: Path) -> Iterator[tuple[Fetcher, LoopbackArxiv]]:
    with LoopbackArxiv() as server, Cache(tmp_path / "cache") as cache:
        given = {
            **settings.model_dump(),
            "arxiv_url": server.url,
            "arxiv_api_url": server.url,
            "retries": 0,
            "max_megabytes": 2,
        }
        with Fetcher(Settings(_env_file=None, **given), cache) as fetcher:
            yield fetcher, server


def test_a_redirect_does_not_write_what_another_address_holds(fetcher: tuple[Fetcher, LoopbackArxiv]) -> None:
    bring, server = fetcher
    server.pages |= {"/good": Page(b"<html>good</html>"), "/evil": Page(b"<html>evil</html>")}
    assert bring.fetch(f"{server.url}/good").path.read_bytes() == b"<html>good</html>"
    server.on("/a", redirect("/good"))
    assert bring.fetch(f"{server.url}/a").path.read_bytes() == b"<html>good</html>"
    server.on("/good", redirect("/evil"))
    assert bring.fetch(f"{server.url}/good").path.read_bytes() == b"<html>evil</html>"  # what it now leads to, as it is
    assert bring.fetch(f"{server.url}/good").path.read_bytes() == b"<html>good</html>"
    server.on("/b", redirect("/good"), answer(404))
    assert bring.fetch(f"{server.url}/b").final_url == f"{server.url}/good"
    assert bring.fetch(f"{server.url}/good").path.read_bytes() == b"<html>good</html>"


def test_one_address_cannot_take_the_name_of_another(fetcher: tuple[Fetcher, LoopbackArxiv]) -> None:
    """Part files and the ledger go by the whole address: nothing in it cuts it short."""
    bring, server = fetcher
    alike = [
        "/x?a=1",
        "/x?a=1&b",
        "/x%3Fa=1",
        "/X?a=1",
        "/x/?a=1",
        "/x?a=%31",
        "/./x",
        "/x%00",
        "/x%2e%2e/",
        "/x.json",
        "/x.part",
    ]
    for path in alike:
        server.on(path.partition("?")[0], answer(200, f"<html>{path}</html>".encode(), content_type="text/html"))
        with suppress(FetchError):
            got = bring.fetch(server.url + path)
            assert got.path.read_bytes() == f"<html>{path}</html>".encode()


def test_a_claimed_tag_brings_no_other_body(fetcher: tuple[Fetcher, LoopbackArxiv]) -> None:
    bring, server = fetcher
    server.pages["/a"] = Page(b"<html>a</html>", etag='"same"')
    server.pages["/b"] = Page(b"<html>b</html>", etag='"same"')
    assert bring.fetch(f"{server.url}/a").path.read_bytes() == b"<html>a</html>"
    assert bring.fetch(f"{server.url}/b").path.read_bytes() == b"<html>b</html>"
    server.on("/c", answer(304))
    with pytest.raises(FetchError):
        bring.fetch(f"{server.url}/c")  # nothing is held that it could stand for


@pytest.mark.parametrize(
    ("headers", "says"),
    [({"content_encoding": "gzip, gzip"}, "packed as"), ({"content_encoding": "br"}, "packed as"), ({"content_encoding": "zstd"}, "packed as"),
     ({"content_encoding": "deflate"}, "packed as")],
)  # fmt: skip
def test_what_is_packed_in_another_way_is_not_unpacked(
    fetcher: tuple[Fetcher, LoopbackArxiv], headers: dict[str, str], says: str
) -> None:
    bring, server = fetcher
    server.on("/a", answer(200, zlib.compress(bytes(1000)), content_type="text/html", **headers))
    with pytest.raises(FetchError, match=says):
        bring.fetch(f"{server.url}/a")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(60_000)),
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 3_000_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 150_000,
        b"HTTP/1.1 200 " + b"a" * 3_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"a" * 3_000_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\nContent-Type: text/html\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello",
    ],
    ids=["headers", "header", "continue", "status", "chunk", "two lengths", "negative", "enormous", "chunk length"],
)  # fmt: skip
def test_answers_that_lie_about_their_size_end(fetcher: tuple[Fetcher, LoopbackArxiv], raw: bytes) -> None:
    from loopback_arxiv import Fault

    bring, server = fetcher
    server.on("/a", Fault(raw=raw))
    with not_for_ever(), pytest.raises(FetchError) as caught:
        bring.fetch(f"{server.url}/a")
    assert len(str(caught.value)) < 1000


# Bombs

WORDS = "Some words of a page that has a text to read, so that it is not empty. " * 5
N = 5000


def listed(text: str) -> object:
    return read_markdown(text, "list.md")


def bibliography(text: str) -> object:
    return read_bibtex(text, "list.bib")


def records(text: str) -> object:
    return list(read_records(text.encode().split(b"\n"), "records.jsonl"))


def page(text: str) -> object:
    return read_html(f"<p>{WORDS}</p>{text}".encode(), "http://a.example/")


def written(text: str) -> object:
    return markdown.read_markdown(text + WORDS)


def feed(text: str) -> object:
    return parse(text.encode())


ENTITIES = "".join(f'<!ENTITY {chr(98 + i)} "&{chr(97 + i)};&{chr(97 + i)};">' for i in range(20))
ALIASES = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(15))
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"'
BOMBS: dict[str, tuple[Callable[[str], object], str]] = {
    "open brackets": (listed, "* " + "[" * N),
    "open images": (listed, "* " + "![" * N),
    "open links": (listed, "* " + "[a](" * N),
    "quotations": (listed, ">" * N + " a http://a.example/"),
    "stars": (listed, "* " + "*a_ " * N),
    "ticks": (listed, "* " + " ".join("`" * i for i in range(1, 200))),
    "tags": (listed, "* " + "<a " * N),
    "comments": (listed, "<!-- " * (20 * N)),
    "comments in an item": (listed, "* a " + "<!-- " * N),
    "comments in HTML": (listed, "<div>\n" + "<!-- " * N + '\n<a href="http://a.example/">x</a></div>'),
    "blocks of ours": (listed, "<!-- paperpath:missing -->\n" + "* [ ] a <!-- paperpath: -->\n" * 500 + "<!-- /paperpath:missing -->"),
    "remarks of ours": (listed, "<!-- paperpath:missing -->\n" + "* [ ] a " + "<!-- paperpath: --> " * N + "\n<!-- /paperpath:missing -->"),
    "hosts": (listed, "* " + "www.a.b" * N),
    "spaces": (listed, "* a" + " " * N + "b [x](http://a.example/)"),
    "initials": (listed, "* " + "A." * N + " [x](http://a.example/)"),
    "HTML lists": (listed, "<ul>" + "<li>" * N + '<a href="http://a.example/">x</a>'),
    "braces": (bibliography, "@article{a, title={" + "{" * N + "x" + "}" * N + "}}"),
    "open braces": (bibliography, "@article{a, title={" + "{" * N),
    "entries in entries": (bibliography, "@a{" * N),
    "dollars": (bibliography, "@article{a, title={" + "$" * (10 * N) + "}}"),
    "fractions": (bibliography, "@article{a, title={" + "\\frac{" * N + "}" * N + "}}"),
    "environments": (bibliography, "@article{a, title={" + "\\begin{a}" * N + "}}"),
    "strings of strings": (bibliography, "".join(f"@string{{s{i} = s{i - 1} # s{i - 1}}}\n" for i in range(1, 99)) + "@article{a,title=s98}"),
    "fields": (bibliography, "@article{a" + ",x={1}" * N + ", title={t}}"),
    "names": (bibliography, "@article{a, title={t}, author={" + "a, " * N + "b}}"),
    "JSON": (records, '{"_id":"a","text":' + "[" * N + "]" * N + "}"),
    "JSON unclosed": (records, '{"a":' * (5 * N)),
    "digits": (records, '{"_id":' + "1" * N + "}"),
    "authors": (records, json.dumps({"_id": "a", "text": "b", "authors": "A, " * N + " " * N})),
    "laughs": (feed, f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "x">{ENTITIES}]>{ATOM}>&u;</feed>'),
    "quadratic laughs": (feed, f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "{"x" * N}">]>{ATOM}>{"&a;" * N}</feed>'),
    "outside entity": (feed, f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>{ATOM}>&a;</feed>'),
    "outside DTD": (feed, f'<?xml version="1.0"?><!DOCTYPE l SYSTEM "file:///etc/passwd">{ATOM}/>'),
    "elements": (feed, f"{ATOM}>" + "<a>" * N + "</a>" * N + "</feed>"),
    "attributes": (feed, f"{ATOM} " + " ".join(f'a{i}="1"' for i in range(N)) + "/>"),
    "UTF-7": (feed, '<?xml version="1.0" encoding="utf-7"?>+ADw-feed/+AD4-'),
    "divisions": (page, "<div>" * N),
    "bold": (page, "<b>" * N),
    "tables": (page, "<table><tr><td>" * 2000),
    "items": (page, "<ul><li>" * 3000),
    "titles": (page, "<title>" + "a | " * N + "</title><h1>b</h1>"),
    "spaces in a title": (page, "<title>a" + " " * N + "a</title>"),
    "marks in a heading": (page, "<h2>a" + "-" * N + "a</h2>"),
    "data": (page, '"data:' * N),
    "JSON-LD": (page, '<script type="application/ld+json">' + "[" * N + "</script>"),
    "dots": (page, "<p>" + "." * N + "</p>"),
    "aliases": (written, f"---\na: &a [x,x,x,x,x,x,x,x,x]\n{ALIASES}authors: *p\ntitle: *p\n---\n"),
    "YAML": (written, "---\na: " + "[" * N + "\n---\n"),
    "YAML objects": (written, "---\n!!python/object/apply:os.system ['true']\n---\n"),
    "TOML": (written, "+++\na = " + "[" * N + "\n+++\n"),
    "front matters": (written, "---\n" * N),
    "footnotes": (written, "".join(f"[^{i}]" for i in range(1000)) + "\n\n" + "".join(f"[^{i}]: [^{i}]\n" for i in range(1000))),
    "formulas": (written, "$a " * N),
    "strokes": (written, "~~a " * N),
    "raw": (written, "<script>" * N),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_or_refused_and_soon(name: str) -> None:
    read, text = BOMBS[name]
    with not_for_ever(), suppress(PaperpathError, ValueError):
        read(text)


def stream(content: bytes, packed: bytes | None = None, extra: str = "") -> bytes:
    body = packed if packed is not None else content
    return f"<< /Length {len(body)} {extra} >>\nstream\n".encode() + body + b"\nendstream"


def pdf(page: str = "", content: bytes = b"BT /F1 12 Tf 72 700 Td (A page of some words.) Tj ET", *, packed: bytes | None = None,
        filters: str = "", font: str = "", more: tuple[bytes, ...] = ()) -> bytes:  # fmt: skip
    """A PDF of one page; `page` and `font` go into their dictionaries, `more` are objects from 6 on."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {page} /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>".encode(),
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica {font} >>".encode(),
        stream(content, packed, filters),
        *more,
    ]
    made, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n" % number + each + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return (
        made
        + head
        + table
        + b"trailer << /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(made))
    )


def cmap(body: str) -> bytes:
    return stream(f"/CIDInit /ProcSet findresource begin begincmap {body} endcmap end".encode())


PDFS: dict[str, Callable[[], bytes]] = {
    "stream in a stream": lambda: pdf(packed=zlib.compress(zlib.compress(bytes(400_000_000), 9), 9), filters="/Filter [/FlateDecode /FlateDecode]"),
    "a hundred filters": lambda: pdf(filters="/Filter [" + "/ASCIIHexDecode " * 5000 + "]"),
    "huge page": lambda: pdf("/MediaBox [0 0 1e30 1e30]"),
    "endless page": lambda: pdf("/MediaBox [-2147483648 -2147483648 2147483647 2147483647] /UserUnit 1e9"),
    "page of nothing": lambda: pdf("/MediaBox [0 0 0 0] /Rotate 2147483647"),
    "all of Unicode": lambda: pdf(font="/ToUnicode 6 0 R", more=(cmap("1 beginbfrange <0000> <FFFFFFFF> <0000> endbfrange"),)),
    "long targets": lambda: pdf(font="/ToUnicode 6 0 R", more=(cmap("1 beginbfchar <41> <" + "0041" * 500_000 + "> endbfchar"),)),
    "map of maps": lambda: pdf(font="/ToUnicode 6 0 R", more=(stream(b"/Foo usecmap", extra="/UseCMap 6 0 R"),)),
    "font of itself": lambda: pdf(font="/DescendantFonts [4 0 R] /Subtype /Type0 /Encoding /Identity-H"),
    "wide font": lambda: pdf(font="/FirstChar -2147483648 /LastChar 2147483647 /Widths [" + "1e308 " * 10_000 + "]"),
    "font file": lambda: pdf(font="/FontDescriptor << /FontFile2 6 0 R /FontFile3 6 0 R >>", more=(stream(os.urandom(9000), extra="/Subtype /Type1C"),)),
    "deep states": lambda: pdf(content=b"q " * 500_000 + b"BT /F1 12 Tf (a) Tj ET"),
    "deep arrays": lambda: pdf(content=b"[" * 500_000 + b"(a)] TJ"),
    "deep brackets": lambda: pdf(content=b"BT /F1 12 Tf (" + b"(" * 500_000 + b") Tj ET"),
    "numbers": lambda: pdf(content=b"-" * 500_000 + b"1 0 0 m " + b"1" * 500_000 + b" 0 l S"),
    "letters": lambda: pdf(content=b"BT /F1 12 Tf 72 700 Td " + b"(a) Tj " * 200_000 + b"ET"),
    "page of pages": lambda: pdf().replace(b"/Kids [3 0 R]", b"/Kids [2 0 R 3 0 R]"),
    "many pages": lambda: pdf().replace(b"/Count 1", b"/Count 2147483647"),
    "form of itself": lambda: pdf(content=b"/X Do", more=(stream(b"/X Do", extra="/Subtype /Form /Resources << /XObject << /X 6 0 R >> >>"),)).replace(
        b"/Font <<", b"/XObject << /X 6 0 R >> /Font <<", 1),
}  # fmt: skip


def test_no_pdf_takes_more_than_it_may(tmp_path: Path) -> None:
    """Each is read or refused within the limits, in the order in which they came, and the next is read as ever."""
    for number, make in enumerate(PDFS.values()):
        (tmp_path / f"{number}.pdf").write_bytes(make())
    (tmp_path / "good.pdf").write_bytes(tiny_pdf(["A page of some words, which is read."]))
    ended = {}
    with Workers(2, seconds=10, megabytes=512) as workers:
        for number, name in enumerate(PDFS):
            try:
                text = workers.start(tmp_path / f"{number}.pdf", "pdf")()
                ended[name] = f"read: {sum(len(page.text) for page in text.pages)}"
                assert sum(len(page.text) for page in text.pages) < 10_000_000
            except ExtractError as error:
                ended[name] = type(error).__name__
        workers.seconds = 300  # which a good one may take on a slow machine
        assert "some words" in workers.start(tmp_path / "good.pdf", "pdf")().pages[0].text
    assert set(ended) == set(PDFS)
