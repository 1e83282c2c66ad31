"""What may be connected to. A list is untrusted: nothing in it may lead into one's own network, in no spelling
and by no detour.

A URL is checked before it is asked for, and again where the connection is made: the name is resolved once, every
address that it has is looked at, and the connection goes to one of those, so that a second answer of the DNS has no
say. The TLS server name and the Host header stay the name.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore
import httpx

from indexer.errors import AddressRefused
from indexer.settings import Settings

Resolve = Callable[..., list[tuple[Any, ...]]]
"""`socket.getaddrinfo`, or what a test puts in its place."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?")  # a name, or an IPv6 address
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the IPv4 address is in the last 32 bits
_GLOBAL_UNICAST = ip_network("2000::/3")  # the only part of IPv6 that is given out
_ISATAP = (
    0x00005EFE  # RFC 5214: bits 32 to 63 from the right, but for one that may be set; the IPv4 address is behind them
)
_LONGEST = 8000  # characters of an address: what servers take
# Below 1024 only the web's own; above, those that no browser asks: https://fetch.spec.whatwg.org/#port-blocking
_WEB = frozenset({80, 443})
_NOT_WEB = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)
# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry; named here, since
# what the standard library calls private differs between the Pythons we run on.
_SPECIAL = [
    (ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "an address inside a provider's network"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a cloud's own service address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a 6to4 relay address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a reserved address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("fe80::/10", "a link-local address"),
        ("fc00::/7", "a private address"),
        ("ff00::/8", "a multicast address"),
        ("2001::/23", "a reserved address"),  # Teredo is in here
        ("2001:db8::/32", "a documentation address"),
        ("2002::/16", "a 6to4 address"),
        ("3fff::/20", "a documentation address"),
    )
]


def refusal(address: IPv4Address | IPv6Address) -> str:
    """What an address is that must not be connected to, e.g. "a loopback address"; "" for one on the open internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return refusal(address.ipv4_mapped)
        if address in _NAT64:
            return refusal(IPv4Address(int(address) & 0xFFFFFFFF))
        if (int(address) >> 32) & 0xFDFFFFFF == _ISATAP and (kind := refusal(IPv4Address(int(address) & 0xFFFFFFFF))):
            return kind
    for network, kind in _SPECIAL:
        if address in network:
            return kind
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "a reserved address"
    return ""


class Guard:
    """Says which URLs may be asked for and which addresses may be connected to.

    The hosts of arXiv's two settings were named by the operator, not by a list, and are always allowed.
    """

    def __init__(self, settings: Settings, *, resolve: Resolve = socket.getaddrinfo) -> None:
        self._resolve = resolve
        self._open = settings.allow_private
        own = (httpx.URL(str(url)) for url in (settings.arxiv_url, settings.arxiv_api_url))
        self._own = {(url.scheme, url.raw_host.decode("ascii"), _port(url)) for url in own}

    def check(self, url: str | httpx.URL) -> httpx.URL:
        """The URL as it will be asked for, without fragment. A name isn't resolved here.

        Raises `AddressRefused` for a scheme other than http(s), a user or password in it, no sound host or port, a port
        that is not the web's, or an address that `refusal` names, however it is written (decimal, octal, IPv6).
        """
        try:
            parsed = httpx.URL(url).copy_with(fragment=None)
            scheme, host, port = parsed.scheme, parsed.raw_host.decode("ascii"), _port(parsed)
            _ = parsed.host  # raises for what only looks like an international name
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise AddressRefused(
                f"{str(url)[:_LONGEST]!r} is not a URL ({error}).", cure="Mend the link in the list."
            ) from None
        shown = str(parsed)  # with all but plain characters encoded
        if len(shown) > _LONGEST:
            raise AddressRefused(f"{shown[:200]}… is not fetched: the address has {len(shown)} characters.")
        if scheme not in ("http", "https"):
            raise AddressRefused(f"{shown} is not fetched: it is not an http(s) address.")
        if parsed.userinfo:
            raise AddressRefused(f"{shown} is not fetched: it carries a user name.", cure="Take it out of the link.")
        if not _HOST.fullmatch(host) or not 0 < port < 65536:
            raise AddressRefused(f"{shown} is not a URL: no sound host or port.", cure="Mend the link in the list.")
        if self._allowed(host, port, scheme):
            return parsed
        if port in _NOT_WEB or (port < 1024 and port not in _WEB):
            raise AddressRefused(f"{shown} is not fetched: no web server is asked at port {port}.")
        literal = _literal(host)
        if literal is not None and (kind := refusal(literal)):
            raise AddressRefused(f"{shown} is not fetched: {literal} is {kind}.")
        return parsed

    def addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        """The addresses to try for a host, at most one of each family, in the resolver's order.

        Raises `AddressRefused` if any address of the host is one that `refusal` names, `httpcore.ConnectError` if its
        name can't be resolved, `httpcore.ConnectTimeout` if that takes longer than `timeout` seconds.
        """
        found = self._resolved(host, port, timeout)
        if not self._allowed(host, port):
            for address in found:
                if kind := refusal(ip_address(address)):
                    raise AddressRefused(f"{host} is not connected to: its address {address} is {kind}.")
        first: dict[int, str] = {}
        for address in found:
            first.setdefault(ip_address(address).version, address)
        return list(first.values())

    def _allowed(self, host: str, port: int, scheme: str | None = None) -> bool:
        schemes = ("http", "https") if scheme is None else (scheme,)
        return self._open or any((each, host, port) in self._own for each in schemes)

    def _resolved(self, host: str, port: int, timeout: float | None) -> list[str]:
        """`socket.getaddrinfo` with a time limit, which it has none of its own."""
        answer: list[list[tuple[Any, ...]]] = []
        failure: list[Exception] = []

        def ask() -> None:
            try:
                answer.append(self._resolve(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                failure.append(error)

        thread = threading.Thread(target=ask, name=f"resolving {host}", daemon=True)
        thread.start()
        thread.join(timeout)
        if failure:
            raise httpcore.ConnectError(f"its name can't be resolved: {failure[0]}")
        if not answer:
            raise httpcore.ConnectTimeout("its name could not be resolved in time")
        return [str(entry[4][0]) for entry in answer[0]]


class TooSlow(Exception):
    """A peer hands out its answer drop by drop."""


class TooMuch(Exception):
    """A peer sends more than any answer may hold."""


class Backend(httpcore.NetworkBackend):
    """httpcore's way to the network, with the guard at the door and a limit on what a peer may cost."""

    def __init__(self, guard: Guard, *, most_bytes: int, clock: Callable[[], float]) -> None:
        self.connected = 0
        """How many connections were made."""
        self._guard = guard
        self._most_bytes = most_bytes
        self._clock = clock
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._guard.addresses(host, port, timeout)
        for left in range(len(addresses), 0, -1):
            try:
                stream = self._sockets.connect_tcp(
                    addresses[-left], port, timeout and timeout / len(addresses), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
                continue
            self.connected += 1
            return _Stream(stream, self._most_bytes, self._clock)
        raise httpcore.ConnectError("its name has no address")

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("sockets of the file system are not connected to")


class _Stream(httpcore.NetworkStream):
    """A connection whose answers must come at a decent pace and end somewhere, headers included."""

    WINDOW = 60.0  # seconds of waiting in which at least LEAST bytes a second must come
    LEAST = 1000.0
    LONGEST = 1800.0  # seconds of waiting for one answer in all

    def __init__(self, inner: httpcore.NetworkStream, most_bytes: int, clock: Callable[[], float]) -> None:
        self._inner, self._most_bytes, self._clock = inner, most_bytes, clock
        self._begin()

    def _begin(self) -> None:
        self._bytes = self._window_bytes = 0
        self._waited = self._window_waited = 0.0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        before = self._clock()
        data = self._inner.read(max_bytes, timeout)
        waited = self._clock() - before
        self._bytes += len(data)
        self._window_bytes += len(data)
        self._waited += waited
        self._window_waited += waited
        if self._window_waited >= self.WINDOW:
            if self._window_bytes < self.LEAST * self._window_waited:
                raise TooSlow(f"less than {self.LEAST:.0f} bytes a second came")
            self._window_bytes, self._window_waited = 0, 0.0
        if self._waited > self.LONGEST:
            raise TooSlow(f"it was not through after {self.LONGEST / 60:.0f} minutes")
        if self._bytes > self._most_bytes:
            raise TooMuch
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._begin()  # a new request
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._most_bytes, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def transport(backend: Backend) -> httpx.HTTPTransport:
    """An httpx transport that connects through `backend` alone, one connection at a time.

    httpx has no argument for a network backend, so the pool that it made is replaced by one of the same kind. This is
    the only place that knows how httpx keeps it; `test_addresses.py` fails if that changes.
    """
    # No proxy and no netrc from the environment: they would get round the guard. A company's own certificates
    # (SSL_CERT_FILE, SSL_CERT_DIR) are the operator's business, and honoured.
    context = httpx.create_ssl_context(trust_env=True)
    made = httpx.HTTPTransport(verify=context)
    if type(getattr(made, "_pool", None)) is not httpcore.ConnectionPool:
        raise RuntimeError(f"httpx {httpx.__version__} keeps its connections in another way than paperpath knows.")
    made._pool = httpcore.ConnectionPool(
        ssl_context=context, max_connections=1, keepalive_expiry=30.0, network_backend=backend
    )
    return made


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else {"http": 80, "https": 443}.get(url.scheme, 0)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is written as, in any way that a resolver would take; None for a name."""
    host = host.rstrip(".")
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 2130706433, 0177.1, 0x7f.0.0.1
    except OSError:
        return None
