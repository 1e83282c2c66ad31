"""Nothing in a list may lead into one's own network: not by spelling, not by redirect, not by DNS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import AddressRefused, FetchError, Unreachable
from indexer.fetch import Fetcher
from indexer.fetch.addresses import Backend, Guard, TooMuch, TooSlow, refusal, transport
from indexer.library.cache import Cache
from indexer.settings import Settings
from tests.loopback_arxiv import FakeTime, LoopbackArxiv, Page, redirect

LITERALS = """
http://127.0.0.1/
http://127.0.0.1:8000/v1/reindex
https://127.0.0.1/
http://127.8.8.8/
http://127.1/
http://127.0.1/
http://127.0.0.1./
http://2130706433/
http://017700000001/
http://0177.0.0.1/
http://0x7f000001/
http://0x7f.0.0.1/
http://0x7f.1/
http://0/
http://0.0.0.0/
http://10.0.0.1/
http://10.255.255.255/
http://0xa000001/
http://172.16.0.1/
http://172.31.255.255/
http://192.168.1.1/admin
http://3232235777/
http://169.254.169.254/latest/meta-data/
http://2852039166/
http://168.63.129.16/metadata
http://100.64.0.1/
http://100.100.100.200/
http://192.0.0.192/
http://198.18.0.1/
http://192.0.2.1/
http://198.51.100.1/
http://203.0.113.1/
http://[3fff::1]/
http://224.0.0.1/
http://239.255.255.250/
http://240.0.0.1/
http://255.255.255.255/
http://[::]/
http://[::1]/
http://[::1]:8000/
http://[0:0:0:0:0:0:0:1]/
http://[::127.0.0.1]/
http://[::ffff:127.0.0.1]/
http://[::ffff:7f00:1]/
http://[::ffff:10.0.0.1]/
http://[::ffff:169.254.169.254]/
http://[64:ff9b::7f00:1]/
http://[64:ff9b::10.0.0.1]/
http://[64:ff9b:1::1]/
http://[2002:7f00:1::]/
http://[2002:a00:1::1]/
http://[2001:0:7f00:1::]/
http://[fe80::1]/
http://[fe80::1%25eth0]/
http://[fec0::1]/
http://[fd00:ec2::254]/
http://[fc00::1]/
http://[ff02::1]/
http://[2001:db8::1]/
http://127。0。0。1/
"""

FORMS = """
file:///etc/passwd
file://localhost/etc/passwd
ftp://example.com/a.pdf
gopher://example.com/_x
data:text/html,hello
javascript:alert(1)
unix:///var/run/docker.sock
//example.com/a
http:///a
http:a
http://
http://user@example.com/
http://user:word@example.com/
http://example.com\\@127.0.0.1/
http://example.com%00.evil.example/
http://127.0.0.1%2f.example.com/
http://%31%32%37.0.0.1/
http://example.com:99999/
http://example.com:0/
http://exa$mple.com/
http://[::1/
http://[v1.x]/
http://①②⑦.⓪.⓪.①/
"""

HOSTILE_LITERALS, HOSTILE_FORMS = LITERALS.split(), FORMS.split()

HOSTILE_DNS = [
    ["127.0.0.1"],
    ["10.1.2.3"],
    ["169.254.169.254"],
    ["::1"],
    ["fe80::1%lo"],
    ["::ffff:192.168.0.1"],
    ["64:ff9b::a00:1"],
    ["0.0.0.0"],
    ["93.184.215.14", "127.0.0.1"],
    ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "192.168.0.1"],
]


def test_the_tables_are_large_enough() -> None:
    assert len(HOSTILE_LITERALS) + len(HOSTILE_FORMS) >= 40


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"arxiv_seconds": 0, "host_seconds": 0, "retries": 0, **given})


def resolving(*addresses: str) -> Any:
    """A resolver that knows one answer for every name."""

    def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


class NoSockets(httpcore.SyncBackend):
    """Notes where a connection was to go, and makes none."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.asked.append((host, port))
        raise httpcore.ConnectError("no connection in this test")


def guarded(resolve: Any, **given: Any) -> tuple[Backend, NoSockets]:
    backend = Backend(Guard(settings(**given), resolve=resolve), most_bytes=1000, clock=FakeTime().clock)
    backend._sockets = NoSockets()
    return backend, backend._sockets


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as cache:
        yield cache


def shown(url: str) -> str:
    """A URL as messages have it: encoded if it can be read, else quoted."""
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL:
        return repr(url)


@pytest.mark.parametrize("url", HOSTILE_LITERALS + HOSTILE_FORMS)
def test_a_hostile_address_is_refused_without_a_connection(url: str, cache: Cache) -> None:
    with Fetcher(settings(), cache, resolve=resolving("93.184.215.14")) as fetcher:
        fetcher._sender.backend._sockets = sockets = NoSockets()
        with pytest.raises(AddressRefused) as caught:
            fetcher.fetch(url)
    assert sockets.asked == []
    assert caught.value.cure
    assert shown(url) in str(caught.value)


RELATIVE = ("//example.com/a", "http:a", "http:///a", "http://")  # addresses like any other, seen from a page


@pytest.mark.parametrize(
    "url", [each for each in HOSTILE_LITERALS + HOSTILE_FORMS if each.isascii() and each not in RELATIVE]
)
def test_a_redirect_to_a_hostile_address_is_refused(url: str, cache: Cache) -> None:
    with LoopbackArxiv() as server:
        server.on("/start", redirect(url))
        given = settings(arxiv_url=server.url, arxiv_api_url=server.url)
        with Fetcher(given, cache, resolve=resolving("127.0.0.1")) as fetcher, pytest.raises(AddressRefused) as caught:
            fetcher.fetch(f"{server.url}/start")
        assert server.paths == ["/start"]
    assert f"{server.url}/start" in str(caught.value)


def test_a_redirect_to_a_name_with_a_hostile_address_is_refused(cache: Cache) -> None:
    with LoopbackArxiv() as server:
        server.on("/start", redirect("http://intranet.example/wiki"))
        given = settings(arxiv_url=server.url, arxiv_api_url=server.url)

        def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            return resolving("127.0.0.1" if host == "127.0.0.1" else "10.0.0.7")(host, port)

        with Fetcher(given, cache, resolve=resolve) as fetcher, pytest.raises(AddressRefused) as caught:
            fetcher.fetch(f"{server.url}/start")
    for part in (f"{server.url}/start", "http://intranet.example/wiki", "10.0.0.7"):
        assert part in str(caught.value)


@pytest.mark.parametrize("addresses", HOSTILE_DNS, ids=" ".join)
def test_a_name_with_any_hostile_address_is_refused(addresses: list[str], cache: Cache) -> None:
    with Fetcher(settings(), cache, resolve=resolving(*addresses)) as fetcher:
        fetcher._sender.backend._sockets = sockets = NoSockets()
        with pytest.raises(AddressRefused) as caught:
            fetcher.fetch("https://papers.example/a.pdf")
    assert sockets.asked == []
    assert "https://papers.example/a.pdf" in str(caught.value)
    assert addresses[-1] in str(caught.value)


def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to() -> None:
    answers = [["93.184.215.14"], ["127.0.0.1"]]

    def rebinding(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return resolving(*answers.pop(0))(host, port)

    backend, sockets = guarded(rebinding)
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("papers.example", 443, timeout=5)
    assert sockets.asked == [("93.184.215.14", 443)]
    with pytest.raises(AddressRefused):
        backend.connect_tcp("papers.example", 443, timeout=5)
    assert answers == []


def test_one_address_of_each_family_is_tried_in_the_resolvers_order() -> None:
    backend, sockets = guarded(resolving("2606:2800::1", "2606:2800::2", "93.184.215.14", "93.184.215.15"))
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("papers.example", 80, timeout=5)
    assert sockets.asked == [("2606:2800::1", 80), ("93.184.215.14", 80)]


def test_a_resolver_that_hangs_is_given_up() -> None:
    end = threading.Event()

    def hanging(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        end.wait()
        return []

    backend, _ = guarded(hanging)
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("papers.example", 80, timeout=0.05)
    end.set()


def failing(error: Exception) -> Any:
    def resolve(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        raise error

    return resolve


@pytest.mark.parametrize(
    "resolve",
    [failing(socket.gaierror("unknown")), failing(UnicodeError("label too long")), resolving()],
    ids=["unknown", "no such label", "empty"],
)
def test_a_name_without_an_address_is_a_failed_connection(resolve: Any) -> None:
    backend, _ = guarded(resolve)
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("papers.example", 80, timeout=5)


@pytest.mark.parametrize(
    "url",
    [
        "https://arxiv.org/pdf/2311.08105",
        "http://example.com:8080/a.pdf#page=3",
        "http://8.8.8.8/",
        "http://134744072/",
        "http://[2606:2800:21f::1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[64:ff9b::8.8.8.8]/",
        "https://exämple.com/a",
        "https://under_score.example.com/",
    ],
)
def test_an_open_address_is_fine(url: str) -> None:
    checked = Guard(settings()).check(url)
    assert checked.fragment == ""
    assert checked.scheme in ("http", "https")


def test_the_ports_that_are_asked_are_those_that_a_browser_asks() -> None:
    """Below 1024 the web's own alone; above, none of those that the Fetch standard blocks."""
    guard = Guard(settings())
    refused = set()
    for port in range(1, 11_000):
        try:
            guard.check(f"https://example.com:{port}/")
        except AddressRefused:
            refused.add(port)
    blocked = "1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080"
    assert refused == {*range(1, 1024), *map(int, blocked.split())} - {80, 443}


def test_the_operators_own_hosts_are_allowed_and_no_other_port_or_scheme_of_them() -> None:
    guard = Guard(settings(arxiv_url="http://127.0.0.1:9001/mirror", arxiv_api_url="http://[::1]:9002/api"))
    guard.check("http://127.0.0.1:9001/pdf/2311.08105")
    guard.check("http://[::1]:9002/x")
    assert guard.addresses("127.0.0.1", 9001, 5) == ["127.0.0.1"]
    for url in ("http://127.0.0.1:9002/", "http://127.0.0.1/", "https://127.0.0.1:9001/", "http://127.0.0.2:9001/"):
        with pytest.raises(AddressRefused):
            guard.check(url)
    with pytest.raises(AddressRefused):
        guard.addresses("127.0.0.1", 9002, 5)


def test_the_setting_opens_private_addresses_but_no_other_scheme() -> None:
    guard = Guard(settings(allow_private=True))
    guard.check("http://192.168.1.1/a.pdf")
    for url in ("file:///etc/passwd", "http://user:word@192.168.1.1/"):
        with pytest.raises(AddressRefused):
            guard.check(url)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_what_the_standard_library_calls_not_global_is_refused(address: Any) -> None:
    plain = getattr(address, "ipv4_mapped", None) or address
    if not plain.is_global or plain.is_multicast or plain.is_loopback or plain.is_link_local or plain.is_reserved:
        in_nat64 = plain.version == 6 and plain in refusal.__globals__["_NAT64"]
        assert refusal(address) or in_nat64


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_dress(address: Any) -> None:
    kind = refusal(address)
    assert refusal(ip_address(f"::ffff:{address}")) == kind
    assert refusal(ip_address(f"64:ff9b::{address}")) == kind
    host = httpx.URL(f"http://{int(address)}/").host
    for spelled in (host, hex(int(address)), oct(int(address)).replace("0o", "0")):
        if kind:
            with pytest.raises(AddressRefused):
                Guard(settings()).check(f"http://{spelled}/")
        else:
            Guard(settings()).check(f"http://{spelled}/")


@given(st.text(max_size=40) | st.text(alphabet="htps:/@.[]%0x1\\#?localhost", max_size=30))
def test_any_text_is_a_good_url_or_refused(text: str) -> None:
    guard = Guard(settings())
    for url in (text, f"http://{text}"):
        try:
            checked = guard.check(url)
        except AddressRefused:
            continue
        assert checked.scheme in ("http", "https")
        assert checked.host
        assert not checked.userinfo


# How httpx and httpcore are built upon


def test_the_transport_connects_through_our_backend_and_no_other_way(cache: Cache) -> None:
    """Fails loudly if httpx keeps its pool in another place, or stops using it."""
    with LoopbackArxiv(pages={"/a": Page(b"hello", "text/plain")}) as server:
        given = settings(arxiv_url=server.url, arxiv_api_url=server.url)
        asked: list[tuple[str, int]] = []

        def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            asked.append((host, port))
            return resolving("127.0.0.1")(host, port)

        backend = Backend(Guard(given, resolve=resolve), most_bytes=10_000, clock=FakeTime().clock)
        plain = httpx.HTTPTransport()
        assert type(plain._pool) is httpcore.ConnectionPool, "httpx has another pool: look at addresses.transport"
        plain.close()
        with transport(backend) as made:
            assert type(made._pool) is httpcore.ConnectionPool
            assert made._pool._network_backend is backend
            assert made._pool._max_connections == 1
            response = made.handle_request(httpx.Request("GET", f"{server.url}/a"))
            assert response.read() == b"hello"
            response.close()
        assert asked == [("127.0.0.1", server.port)]
        assert backend.connected == 1


def test_the_host_header_and_the_tls_name_stay_the_name() -> None:
    names: list[str | None] = []

    class Recorded(httpcore.MockStream):
        def start_tls(
            self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
        ):
            names.append(server_hostname)
            return self

    class Sockets(httpcore.SyncBackend):
        def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
            names.append(host)
            return Recorded([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])

    backend, _ = guarded(resolving("93.184.215.14"))
    backend._sockets = Sockets()
    with transport(backend) as made:
        response = made.handle_request(httpx.Request("GET", "https://papers.example/a"))
        assert response.read() == b"ok"
    assert names == ["93.184.215.14", "papers.example"]


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A certificate for papers.example, and the port of a server that shows it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "papers.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("papers.example")]), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(private + pem)
    (tmp_path / "certificate.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def do_GET(self) -> None:
            body = f"for {self.headers['Host']}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up during the handshake is part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield tmp_path / "certificate.pem", int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_tls_is_made_with_the_name_and_checked(
    tls: tuple[Path, int], cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, port = tls
    given = settings(allow_private=True)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    url = f"https://papers.example:{port}/a"
    with Fetcher(given, cache, resolve=resolving("127.0.0.1")) as fetcher, pytest.raises(Unreachable, match="certif"):
        fetcher.fetch(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Fetcher(given, cache, resolve=resolving("127.0.0.1")) as fetcher:
        brought = fetcher.fetch(url)
        assert brought.path.read_text() == f"for papers.example:{port}"
        with pytest.raises(Unreachable, match="certificate"):
            fetcher.fetch(f"https://other.example:{port}/a")


class Dripping(httpcore.MockStream):
    """Each read takes ten seconds on the clock."""

    def __init__(self, pieces: list[bytes], time: FakeTime) -> None:
        super().__init__(pieces)
        self.fake = time

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.fake.sleep(10)
        return super().read(max_bytes, timeout)


def dripping(piece: bytes, count: int, most_bytes: int = 10**9) -> httpcore.NetworkStream:
    time = FakeTime()

    class Sockets(httpcore.SyncBackend):
        def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
            return Dripping([piece] * count, time)

    backend = Backend(Guard(settings(), resolve=resolving("93.184.215.14")), most_bytes=most_bytes, clock=time.clock)
    backend._sockets = Sockets()
    return backend.connect_tcp("papers.example", 80)


def test_a_peer_that_drips_is_too_slow_after_a_minute() -> None:
    stream = dripping(b"x" * 9_999, 10)
    for _ in range(5):
        stream.read(65536)
    with pytest.raises(TooSlow):
        stream.read(65536)


def test_a_decent_pace_is_borne_for_half_an_hour_and_no_longer() -> None:
    stream = dripping(b"x" * 10_000, 1000)
    for _ in range(180):
        stream.read(65536)
    with pytest.raises(TooSlow):
        stream.read(65536)


def test_each_request_has_its_own_minute() -> None:
    stream = dripping(b"x", 100)
    for _ in range(10):
        stream.write(b"GET / HTTP/1.1\r\n\r\n")
        for _ in range(5):
            stream.read(65536)


def test_an_answer_without_an_end_is_cut_off() -> None:
    stream = dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 400, 100, most_bytes=25_000)
    stream.read(65536)
    stream.read(65536)
    with pytest.raises(TooMuch):
        stream.read(65536)


def test_errors_of_the_door_are_errors_of_a_fetch() -> None:
    assert issubclass(AddressRefused, FetchError)
