"""Server-side request forgery: whatever way a hostile address comes in, nothing is connected to, and who gave it is told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from libraries import build
from loopback_arxiv import LoopbackArxiv, Page, PaperFixture, paper, redirect, tiny_pdf
from pydantic import SecretStr
from test_addresses import HOSTILE_FORMS, HOSTILE_LITERALS

from indexer import extract, links
from indexer.errors import AddressRefused, FetchError, PaperpathError
from indexer.extract.html import read_html
from indexer.fetch import Fetcher
from indexer.library.cache import Cache
from indexer.reindex import Report, Request, reindex
from indexer.settings import Settings
from service.api import create_app
from service.cli import main_group

# More spellings of this machine and its network, beside those of `test_addresses`.
SPELLINGS = """
http://127.0.0.1:80/
http://127.0.0.1:65535/
http://0177.0.0.01:8000/
http://0x7F.0x0.0x0.0x1/
http://00000177.1/
http://127.000.000.001/
http://127.0.0.1.:8000/
http://[::ffff:0:127.0.0.1]/
http://[::ffff:169.254.169.254]:80/latest/
http://[0000:0000:0000:0000:0000:ffff:7f00:0001]/
http://[2001:470::5efe:127.0.0.1]/
http://[2001:470::200:5efe:10.0.0.1]/
http://[fe80::5efe:10.0.0.1]/
http://[64:ff9b::169.254.169.254]/
http://[64:ff9b:1:fffe::7f00:1]/
http://[2002:a9fe:a9fe::]/
http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/
http://[100::1]/
http://[5f00::1]/
http://[::ffff:127.0.0.1%25lo]/
http://[fd12:3456:789a:1::1]/
http://１２７.０.０.１/
http://127。0。0.1/
http://0300.0250.0.1/
http://3221225985/
http://0xc0a80001/
http://192.168.257/
http://169.254.43518/
http://0xA9FEA9FE/latest/meta-data/iam/
http://0251.0376.0251.0376/
http://100.127.255.254/
http://192.88.99.1/
http://255.255.255.255:8080/
http://239.1.2.3/
""".split()

# Names that the resolver of these tests knows, each with where it leads.
NAMES = {
    "localhost": ["127.0.0.1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "localtest.me": ["127.0.0.1"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "metadata.azure.internal": ["168.63.129.16"],
    "alibaba.example": ["100.100.100.200"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "host.docker.internal": ["192.168.65.2"],
    "gateway.example": ["172.17.0.1"],
    "six.example": ["fd00::1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "translated.example": ["64:ff9b::7f00:1"],
    "tunnelled.example": ["2002:7f00:1::1"],
    "isatap.example": ["2001:470::5efe:10.0.0.1"],
    "linked.example": ["fe80::1%eth0"],
    "half.example": ["93.184.215.14", "127.0.0.1"],
    "other-half.example": ["10.0.0.1", "93.184.215.14"],
    "two-families.example": ["2606:2800:21f::1", "192.168.1.1"],
}
NAMED = [f"http://{name}/" for name in NAMES] + ["http://LOCALHOST./", "https://localhost:8443/a.pdf"]

FORMS = """
FILE:///etc/passwd
file:/etc/passwd
jar:http://example.com/a!/b
dict://example.com:11211/stat
ldap://example.com/
tftp://example.com/a
sftp://example.com/a
ws://example.com/
about:blank
blob:http://example.com/1
view-source:http://example.com/
http://:@example.com/
http://:word@example.com/
http://127.0.0.1@example.com/
http://example.com@127.0.0.1/
http://example.com:80@127.0.0.1/
http://a@b@127.0.0.1/
http://example.com%2540127.0.0.1/
http://[127.0.0.1]/
http://[::1].example.com/
http://[::1%25]/
http://example.com:-1/
http://example.com:65536/
http://example.com:8%300/
http://example.com:1/
http://example.com:22/
http://example.com:25/
http://example.com:53/
http://example.com:6000/
https://example.com:6667/
http://*/
http://example..com\\x00/
""".split()

HOSTILE = [*HOSTILE_LITERALS, *HOSTILE_FORMS, *SPELLINGS, *NAMED, *FORMS]
CONTROLS = [
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\nHost: a/",
    "http://ex\x00ample.com/",
    "http:\\\\127.0.0.1\\",
    "\x01http://10.0.0.1/",
]


def test_the_list_is_long_enough() -> None:
    assert len(set(HOSTILE)) >= 40


def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
    """What a hostile DNS says. Who isn't known here is on the open internet, so that asking for it would be seen."""
    addresses = NAMES.get(host.rstrip(".").lower(), ["93.184.215.14"])
    with contextlib.suppress(OSError):
        addresses = [socket.inet_ntoa(socket.inet_aton(host))]
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


@dataclass
class Watch:
    """Where this process tried to connect to, but for the server that stands for arXiv; `heard` counts a listener's guests."""

    own: int = 0
    tried: list[Any] = field(default_factory=list)
    heard: int = 0
    port: int = 0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Every attempt to connect is noted. A listener waits for those who come all the same."""
    watch = Watch()
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any, real: Callable[..., Any] = real) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and address[1] != watch.own:
                watch.tried.append(address)
                if address[1] != watch.port or not str(address[0]).startswith("127."):
                    raise ConnectionRefusedError("no connection in this test")
            return real(self, address)

        monkeypatch.setattr(socket.socket, name, connect)
    monkeypatch.setitem(Fetcher.__init__.__kwdefaults__, "resolve", resolve)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    watch.port = listener.getsockname()[1]
    ended = threading.Event()

    def listen() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                listener.accept()[0].close()
                watch.heard += 1

    thread = threading.Thread(target=listen)
    thread.start()
    yield watch
    ended.set()
    thread.join()
    listener.close()
    assert watch.heard == 0


@pytest.fixture
def arxiv(watch: Watch) -> Iterator[LoopbackArxiv]:
    with LoopbackArxiv({"2301.00001": paper("A good paper", "What the good paper says.")}) as server:
        watch.own = server.port
        yield server


@pytest.fixture
def own(settings: Settings, arxiv: LoopbackArxiv) -> Settings:
    given = {"arxiv_url": arxiv.url, "arxiv_api_url": f"{arxiv.url}/api/query", "allow_private": False, "retries": 0}
    return Settings(_env_file=None, **{**settings.model_dump(), **given})


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as cache:
        yield cache


def here(watch: Watch) -> list[str]:
    """Addresses of the listener, in some spellings."""
    return [
        f"http://{host}:{watch.port}/"
        for host in ("127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost")
    ]


# The fetcher itself


@pytest.mark.parametrize("url", [*SPELLINGS, *NAMED, *FORMS, *CONTROLS])
def test_no_spelling_is_connected_to(url: str, own: Settings, cache: Cache, watch: Watch) -> None:
    with Fetcher(own, cache) as fetcher, pytest.raises(AddressRefused) as caught:
        fetcher.fetch(url)
    assert watch.tried == []
    assert caught.value.cure
    said = str(caught.value)
    assert said.isprintable() or "\n" in said  # a cure is on a line of its own
    assert any(part in said for part in (url, repr(url), shown(url)))


def shown(url: str) -> str:
    import httpx

    try:
        return str(httpx.URL(url))
    except (httpx.InvalidURL, ValueError):
        return repr(url)


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_no_way_of_redirects_leads_there(
    hops: int, own: Settings, arxiv: LoopbackArxiv, cache: Cache, watch: Watch
) -> None:
    targets = [url for url in (*SPELLINGS, *NAMED, *FORMS, *here(watch)) if url.isascii() and ":" in url.split("/")[0]]
    with Fetcher(own, cache) as fetcher:
        for number, target in enumerate(targets):
            for hop in range(hops - 1):
                arxiv.on(f"/{number}/{hop}", redirect(f"/{number}/{hop + 1}", (301, 302, 303, 307, 308)[hop % 5]))
            arxiv.on(f"/{number}/{hops - 1}", redirect(target))
            with pytest.raises(AddressRefused, match="leads to where it may not") as caught:
                fetcher.fetch(f"{arxiv.url}/{number}/0")
            assert f"{arxiv.url}/{number}/0" in str(caught.value), target
    assert watch.tried == []
    assert len(arxiv.requests) == hops * len(targets)


@pytest.mark.parametrize(
    "location",
    ["//127.0.0.1/", "//localhost/a.pdf", "///127.0.0.1/", "/\\127.0.0.1/", "\\\\10.0.0.1\\a", "//user@10.0.0.1/", "http:///a",
     "http://", "//", "?", "http://[", "//[::1]/", "data:text/html,x", "//metadata.google.internal/computeMetadata/v1/",
     "/a\x7f", "http://example.com:25/", " http://127.0.0.1/ ", "http://a.example/, http://b.example/", "/" + "a" * 60_000],
)  # fmt: skip
def test_an_odd_location_leads_nowhere_else(
    location: str, own: Settings, arxiv: LoopbackArxiv, cache: Cache, watch: Watch
) -> None:
    arxiv.on("/start", redirect(location))
    with Fetcher(own, cache) as fetcher, pytest.raises(FetchError) as caught:
        fetcher.fetch(f"{arxiv.url}/start")
    assert all(address[0] == "93.184.215.14" for address in watch.tried)  # at most the open internet
    assert "/start" in str(caught.value) or "a.example" in str(caught.value) or arxiv.url in str(caught.value)
    assert len(str(caught.value)) < 3000


def test_a_name_that_changes_its_mind_between_check_and_connection(own: Settings, cache: Cache, watch: Watch) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"], ["93.184.215.14"], ["127.0.0.1"]])

    def rebinding(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    with Fetcher(own, cache, resolve=rebinding) as fetcher, pytest.raises(FetchError, match="no connection"):
        fetcher.fetch(f"http://rebinding.example:{watch.port}/")
    refused = pytest.raises(AddressRefused, match=r"127\.0\.0\.1 is a loopback address")
    with Fetcher(own, cache, resolve=rebinding) as fetcher, refused:
        fetcher.fetch(f"http://rebinding.example:{watch.port}/")
    assert {address[0] for address in watch.tried} == {"93.184.215.14"}


def test_no_proxy_of_the_environment_is_used(
    own: Settings, arxiv: LoopbackArxiv, cache: Cache, watch: Watch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{watch.port}")
    monkeypatch.setenv("NO_PROXY", "")
    arxiv.pages["/a"] = Page(b"<html>here</html>")
    with Fetcher(own, cache) as fetcher:
        assert fetcher.fetch(f"{arxiv.url}/a").path.read_bytes() == b"<html>here</html>"
        with pytest.raises(FetchError):
            fetcher.fetch("https://papers.example/a.pdf")
    assert [address[0] for address in watch.tried] == ["93.184.215.14"]


def test_arxivs_own_address_opens_no_other_door(
    own: Settings, arxiv: LoopbackArxiv, cache: Cache, watch: Watch
) -> None:
    port = arxiv.port
    doors = [f"https://127.0.0.1:{port}/", f"http://127.0.0.2:{port}/", f"http://localhost:{port}/", f"http://[::1]:{port}/",
             f"http://me@127.0.0.1:{port}/", "http://127.0.0.1/"]  # fmt: skip
    with Fetcher(own, cache) as fetcher:
        for door in doors:
            with pytest.raises(AddressRefused):
                fetcher.fetch(door)
    assert (watch.tried, arxiv.requests) == ([], [])


# A list, by a whole reindex


def listed(report: Report) -> dict[str, str]:
    return {line.title: line.why for line in report.lines}


def test_a_reading_list_of_hostile_links(own: Settings, arxiv: LoopbackArxiv, watch: Watch, tmp_path: Path) -> None:
    urls = [*(url for url in HOSTILE if "[v1.x]" not in url), *here(watch)]  # which markdown makes the name v1.x
    rows = [f"* [paper {number:03} of them]({url})" for number, url in enumerate(urls)]
    rows += [f"* {url}" for url in here(watch)] + [
        f'<a href="{here(watch)[0]}x">in HTML</a> <img src="{here(watch)[0]}">'
    ]
    rows += [f"![a picture]({here(watch)[0]}p.png)", f"[by reference][1]\n\n[1]: {here(watch)[1]}y"]
    (tmp_path / "list.md").write_text("\n".join([*rows, "* [good](https://arxiv.org/abs/2301.00001)"]), "utf-8")
    report = reindex(Request(sources=(str(tmp_path / "list.md"),)), own)
    assert watch.tried == []
    assert set(arxiv.paths) <= {"/api/query", "/pdf/2301.00001v1"}
    failed = [line for line in report.lines if line.outcome != "full text"]
    assert len(failed) > 120 and len(report.lines) == len(failed) + 1
    for line in failed:
        assert "not fetched" in line.why or "not a URL" in line.why or "not connected to" in line.why, line


def test_a_bibliography_of_hostile_links(own: Settings, arxiv: LoopbackArxiv, watch: Watch, tmp_path: Path) -> None:
    entries = [
        f"@article{{k{n}, title={{Title {n}}}, url={{{url}}}}}"
        for n, url in enumerate([*SPELLINGS, *NAMED, *here(watch)])
    ]
    entries += [
        f"@misc{{h{n}, title={{How {n}}}, howpublished={{\\url{{{url}}}}}, file={{:/etc/passwd:PDF}}}}"
        for n, url in enumerate(here(watch))
    ]
    entries.append("@article{good, title={A good paper}, eprint={2301.00001}, archiveprefix={arXiv}}")
    (tmp_path / "list.bib").write_text("\n".join(entries), "utf-8")
    report = reindex(Request(sources=(str(tmp_path / "list.bib"),)), own)
    assert watch.tried == []
    whys = [line.why for line in report.lines if line.outcome != "full text"]
    assert len(whys) > 50 and all("not fetched" in why or "not connected" in why or "not a URL" in why for why in whys)


def test_records_are_not_asked_for(own: Settings, watch: Watch, tmp_path: Path) -> None:
    hostile = here(watch)[0]
    record = {"_id": hostile, "title": "A record", "text": "What it says.", "url": hostile, "link": hostile,
              "references": [{"id": hostile, "doi": hostile}]}  # fmt: skip
    (tmp_path / "records.jsonl").write_text(json.dumps(record))
    report = reindex(Request(sources=(str(tmp_path / "records.jsonl"),)), own)
    assert (report.documents, watch.tried) == (1, [])


# What arXiv and other servers answer


def test_links_in_arxivs_metadata_are_not_followed(
    own: Settings, arxiv: LoopbackArxiv, watch: Watch, tmp_path: Path
) -> None:
    hostile = here(watch)[0]
    arxiv.papers["2301.00002"] = PaperFixture(
        f"See {hostile}", {1: tiny_pdf(["Its text."])}, comment=f"Code at {hostile}", abstract=f"Data: {hostile}", doi=hostile,
        journal_ref=hostile, categories=(hostile,), authors=(hostile,),
    )  # fmt: skip
    (tmp_path / "list.md").write_text("* [one](https://arxiv.org/abs/2301.00002)\n")
    report = reindex(Request(sources=(str(tmp_path / "list.md"),)), own)
    assert (report.exit_code, watch.tried) == (0, [])
    feed = f"""<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY x SYSTEM "{hostile}">]><feed xmlns="http://www.w3.org/2005/Atom">
<entry><id>http://arxiv.org/abs/2301.00001v1</id><title>&x;</title></entry></feed>"""
    from indexer.fetch.metadata import parse

    with pytest.raises(ValueError, match="XML"):
        parse(feed.encode())
    assert watch.tried == []


def page(hostile: str) -> str:
    text = "A page about pipelines tells how a model is cut into stages that live on machines of their own. " * 8
    return f"""<!DOCTYPE html SYSTEM "{hostile}d.dtd" [<!ENTITY x SYSTEM "{hostile}e">]><html xmlns:xi="http://www.w3.org/2001/XInclude">
<head><title>About &x; pipelines</title><base href="{hostile}"><meta http-equiv="refresh" content="0; url={hostile}m">
<link rel="stylesheet" href="{hostile}c.css"><link rel="canonical" href="{hostile}"><script src="{hostile}s.js"></script>
<meta property="og:image" content="{hostile}o.png"><?xml-stylesheet href="{hostile}x.xsl"?></head>
<body><article><h1>About pipelines</h1><p>{text}</p><img src="{hostile}i.png"><iframe src="{hostile}f"></iframe>
<object data="{hostile}o"></object><embed src="{hostile}e"><xi:include href="{hostile}x"/><svg><image href="{hostile}v"/></svg>
<video src="{hostile}v.mp4"></video><p>See <a href="{hostile}a">this</a>. {text}</p></article></body></html>"""


def test_what_a_page_points_to_is_not_asked_for(
    own: Settings, arxiv: LoopbackArxiv, watch: Watch, tmp_path: Path
) -> None:
    hostile = here(watch)[0]
    assert "stages" in read_html(page(hostile).encode(), hostile).pages[0].text
    arxiv.pages["/post"] = Page(page(hostile).encode())
    (tmp_path / "list.md").write_text(f"* [the post]({arxiv.url}/post)\n")
    report = reindex(Request(sources=(str(tmp_path / "list.md"),)), own)
    assert (report.exit_code, watch.tried, arxiv.paths) == (0, [], ["/post"])


def test_what_markdown_points_to_is_not_asked_for(watch: Watch, tmp_path: Path) -> None:
    hostile = here(watch)[0]
    (tmp_path / "a.md").write_text(
        f"# A page\n\n![i]({hostile}) <img src='{hostile}'> [l]({hostile})\n\nIt has some text of its own.\n"
    )
    assert extract.read(tmp_path / "a.md", "markdown").pages
    assert watch.tried == []


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_what_a_pdf_points_to_is_not_asked_for(engine: str, watch: Watch, tmp_path: Path) -> None:
    hostile = here(watch)[0]
    made = tiny_pdf(["A page of a paper that has some text."])
    actions = f"/OpenAction << /S /URI /URI ({hostile}) >> /AA << /O << /S /SubmitForm /F ({hostile}) >> >> /Pages"
    external = f"/F << /FS /URL /F ({hostile}) >> /Length"
    for old, new in ((b"/Pages", actions.encode()), (b"/Length", external.encode())):
        made = made.replace(old, new, 1)
    (tmp_path / "a.pdf").write_bytes(made)
    with contextlib.suppress(PaperpathError):
        extract.read(tmp_path / "a.pdf", "pdf", engine=engine)
    assert watch.tried == []


# The service


def test_over_http_and_on_by_the_command_line(
    own: Settings, arxiv: LoopbackArxiv, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What POST /v1/reindex takes is given to the command line as the server would give it."""
    build(own.library)
    app = create_app(own.model_copy(update={"token": SecretStr("secret")}))
    started: list[list[str]] = []

    def start(self: Any, arguments: list[str]) -> Any:
        started.append(arguments)
        raise FetchError("enough")

    monkeypatch.setattr("service.serving.jobs.Jobs.start", start)
    headers = {"Authorization": "Bearer secret"}
    refused = 0
    with TestClient(app, raise_server_exceptions=False, base_url="http://localhost") as client:
        for url in [
            *HOSTILE,
            *CONTROLS,
            *here(watch),
            "file:/etc/passwd",
            "/etc/passwd",
            "../../etc",
            "upload:../../a.pdf",
        ]:
            answer = client.post("/v1/reindex", json={"add": [url]}, headers=headers)
            refused += answer.status_code == 422
            assert answer.status_code == 422 or url.lower().startswith(("http://", "https://")), url
    assert refused >= 20 and len(started) > 100
    for name, value in {**arxiv.environment(), "PAPERPATH_MODEL": "toy", "PAPERPATH_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    adds = [argument for arguments in started for argument in arguments if argument.startswith("--add=")]
    sound = [add for add in adds if links.address(add.removeprefix("--add="))]
    assert len(sound) > 100
    for given in (sound, *([add] for add in adds if add not in sound)):  # one that is no address ends its run
        words = ["reindex", "--json", "--library", str(own.library), *given, "--", "arxiv:2301.00001"]
        done = CliRunner().invoke(main_group, words)
        assert watch.tried == []
        if given is sound:
            lines = {line["outcome"] for line in json.loads(done.stdout)["lines"]}
            assert done.exit_code in (3, 4) and lines == {"failed", "full text"}
        else:
            assert isinstance(done.exception, PaperpathError), given


def test_an_address_is_never_read_as_a_path(
    own: Settings, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`http://../private` would be one, put behind the folder that the server was started in."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "secret.pdf").write_bytes(tiny_pdf(["A secret."]))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for source in (
        "http://../../private",
        "http://../../private/secret.pdf",
        "https://x/../../../private",
        "HTTP://../../private",
    ):
        with pytest.raises(PaperpathError):
            reindex(Request(sources=(source,)), own)
    assert watch.tried == [] or {address[0] for address in watch.tried} == {"93.184.215.14"}
