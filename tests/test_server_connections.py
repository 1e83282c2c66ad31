"""Connections over real sockets: slow and long heads, slow bodies, answers that nobody reads, too many; who leaves ends the work."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
from libraries import build
from pydantic import SecretStr
from starlette.responses import StreamingResponse

from indexer.settings import Settings
from service import deadline
from service.api import create_app
from service.serving import connections
from service.serving.connections import Connection, Rules
from service.serving.guard.limits import _AT_ONCE

WAIT = 60.0  # seconds, for what comes sooner
SOON = 2.0  # the time that heads and bodies have in these tests
ROOMY = Rules(most=100, each=100, arrive_seconds=WAIT)


@pytest.fixture
def served(settings: Settings) -> Iterator[Callable[..., Server]]:
    build(settings.library)
    with contextlib.ExitStack() as stack:
        yield lambda rules=ROOMY, **given: stack.enter_context(
            serving(settings.model_copy(update={"token": SecretStr("secret")} | given), rules)
        )


class Server:
    """A served application, and its protocol."""

    def __init__(self, app: Any, port: int, protocol: type[connections.Connection], uvicorn: uvicorn.Server) -> None:
        self.app, self.port, self.protocol, self.uvicorn = app, port, protocol, uvicorn

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), WAIT)

    def ask(self, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        with self.connect() as client:
            client.sendall(request(head) + body)
            return answer_of(client)

    @property
    def open(self) -> int:
        return len(self.uvicorn.server_state.connections)


@contextlib.contextmanager
def serving(settings: Settings, rules: Rules) -> Iterator[Server]:
    app = create_app(settings)
    protocol = connections.within(rules)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app, http=protocol, ws="none", proxy_headers=False, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield Server(app, listening.getsockname()[1], protocol, server)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def request(head: str) -> bytes:
    return (head.replace("\n", "\r\n") + "\r\nHost: 127.0.0.1\r\n\r\n").encode()


def answer_of(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; 0 where the connection is closed without one."""
    read = b""
    while b"\r\n\r\n" not in read:
        try:
            more = client.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            return 0, {}, read
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += client.recv(65536)
    return int(lines[0].split()[1]), headers, body


def ended(client: socket.socket) -> bool:
    """Whether the server closed a connection, after whatever it sent."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def is_problem(answer: tuple[int, dict[str, str], bytes], status: int, code: str) -> bool:
    assert answer[0] == status, answer
    assert answer[1]["content-type"] == "application/problem+json" and answer[1]["x-content-type-options"] == "nosniff"
    told = json.loads(answer[2])
    assert told["cure"] and told["detail"] and told["type"] == f"urn:paperpath:problem:{code}", told
    return True


def test_a_slow_head_is_ended(served: Callable[..., Server]) -> None:
    server = served(Rules(100, 100, SOON))
    with server.connect() as silent, server.connect() as slow, server.connect() as trickling:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0")
        trickling.sendall(b"GET /heal")
        stop = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(SOON / 10):
                    trickling.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert is_problem(answer_of(slow), 408, "too-slow") and ended(slow)
            assert answer_of(trickling)[0] in (408, 0)  # a reset may come before the answer is read
        finally:
            stop.set()
            thread.join()
        assert ended(silent)
        assert server.ask("GET /healthz HTTP/1.1")[0] == 200
    until(lambda: server.open == 0)


def test_a_head_behind_an_answer_has_its_time_too(served: Callable[..., Server]) -> None:
    server = served(Rules(100, 100, SOON))
    with server.connect() as client:
        client.sendall(request("GET /healthz HTTP/1.1"))
        assert answer_of(client)[0] == 200
        client.sendall(b"\r\nGET /healthz HTTP/1.1\r\n")
        assert is_problem(answer_of(client), 408, "too-slow") and ended(client)


def test_a_slow_body_is_ended_and_leaves_nothing(
    served: Callable[..., Server], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    server = served(Rules(100, 100, SOON))
    head = "POST /v1/uploads?name=a.md HTTP/1.1\nAuthorization: Bearer {}\nContent-Length: 9000"
    with server.connect() as slow, server.connect() as refused:
        slow.sendall(request(head.format("secret")) + b"x" * 100)
        refused.sendall(request(head.format("wrong")) + b"x")
        assert answer_of(refused)[0] == 401  # at once
        assert is_problem(answer_of(slow), 408, "too-slow")
        assert ended(slow) and ended(refused)  # also where the rest of a refused body doesn't come
    until(lambda: not list((settings.library / "uploads").rglob("*.part")))
    until(lambda: server.open == 0)
    whole = server.ask(head.format("secret"), b"# A list\n" * 1000)
    assert whole[0] == 201 and json.loads(whole[2])["bytes"] == 9000
    assert not [record for record in caplog.records if record.exc_info]  # no fault of ours


def test_over_the_rate_it_is_told_before_the_body_comes(served: Callable[..., Server]) -> None:
    server = served(rate=0.01, burst=1)
    head = "POST /v1/uploads?name=a.pdf HTTP/1.1\nX-Forwarded-For: 192.0.2.1\nContent-Length: 60000000\nExpect: 100-continue"
    for status in (401, 429):
        with server.connect() as client:
            client.sendall(request(head))
            answer = answer_of(client)  # not a byte of the body was sent, nor asked for by `100 Continue`
            assert answer[0] == status and answer[1]["connection"] == "close" and ended(client)
    assert 100 - WAIT <= int(answer[1]["retry-after"]) <= 100  # less what a slow machine took


def test_a_body_has_more_time_the_longer_it_is(served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_SLOWEST", 1000)
    server = served(ROOMY)
    times: list[float] = []
    within = server.protocol._arrive_within

    def noted(self: Any, seconds: float) -> None:
        times.append(seconds)
        within(self, seconds)

    monkeypatch.setattr(server.protocol, "_arrive_within", noted)
    head = "POST /v1/uploads?name=a.md HTTP/1.1\nAuthorization: Bearer secret\nContent-Length: 9000"
    assert server.ask(head, b"# A list\n" * 1000)[0] == 201
    assert times[:2] == [WAIT, WAIT + 9]


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /v1/papers?x=" + b"x" * 140_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414, "address-too-long"),
        (b"GET /v1/papers?x=" + b"x" * 1_000_000, 414, "address-too-long"),
        (b"GET /v1/papers HTTP/1.1\r\nX-Long: " + b"x" * 1_000_000, 431, "headers-too-large"),
        (b"GET /v1/papers HTTP/1.1\r\n" + b"X: y\r\n" * 100_000, 431, "headers-too-large"),
        (b"GET /v1/papers HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n", 431, "headers-too-large"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.0\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "wrong-host"),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad-request"),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "bad-request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400, "bad-request"),
    ],
    ids=["address", "endless address", "endless header", "endless headers", "header", "two hosts", "space", "no host", "1.0", "foreign", "both lengths", "two lengths", "tls"],
)  # fmt: skip
def test_heads_that_are_not_taken(served: Callable[..., Server], head: bytes, status: int, code: str) -> None:
    server = served()
    with server.connect() as client:
        sent = threading.Thread(target=_send, args=(client, head))
        sent.start()
        answer = answer_of(client)
        sent.join()
        # What was not read resets the connection, and the answer may be lost with it.
        if len(head) < 200_000 or answer[0]:
            assert is_problem(answer, status, code)
    until(lambda: server.open == 0)
    assert server.ask("GET /healthz HTTP/1.1")[0] == 200


def _send(client: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(data)


UPGRADE = "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__"


def test_a_body_behind_an_upgrade_is_no_second_request(served: Callable[..., Server]) -> None:
    """The parser would take it for another protocol's, and then for a request."""
    server, hidden = served(), request("GET /v1/papers HTTP/1.1")
    for head, body in (
        (f"Content-Length: {len(hidden)}", hidden),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    ):
        with server.connect() as client:
            client.sendall(request(f"POST /v1/uploads?name=a.md HTTP/1.1\n{UPGRADE}\n{head}") + body)
            answer = answer_of(client)
            assert is_problem(answer, 400, "bad-request") and "Upgrade" in json.loads(answer[2])["cure"]
            assert client.recv(65536) == b""


def test_an_upgrade_is_answered_as_if_it_were_not_asked_for(served: Callable[..., Server]) -> None:
    """And nothing of what stands behind it is."""
    server = served()
    with server.connect() as client:
        client.sendall(request(f"GET /healthz HTTP/1.1\n{UPGRADE}") + request("GET /v1/papers HTTP/1.1"))
        status, headers, _ = answer_of(client)
        assert (status, headers["connection"]) == (200, "close") and client.recv(65536) == b""


def test_who_holds_connections_keeps_nobody_out(served: Callable[..., Server]) -> None:
    """Ten thousand, scaled down: where no room is left, the one that has waited longest makes way."""
    server = served(Rules(50, 50, WAIT))
    with contextlib.ExitStack() as held:
        silent = [held.enter_context(server.connect()) for _ in range(200)]
        for client in silent[::2]:
            _send(client, b"GET /healthz HTT")
        until(lambda: server.open <= 50)
        for _ in range(20):
            assert server.ask("GET /healthz HTTP/1.1")[0] == 200
        assert server.open <= 50 and ended(silent[0])
    until(lambda: server.open == 0 and not server.protocol.open.waiting and not server.protocol.open.by_address)


def test_where_all_are_at_work_the_next_is_refused(
    served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr("service.papers.papers", lambda _: go_on.wait(WAIT))
    server = served(Rules(3, 3, WAIT))
    with contextlib.ExitStack() as held:
        working = [held.enter_context(server.connect()) for _ in range(3)]
        for client in working:
            client.sendall(request("GET /v1/papers HTTP/1.1"))
        until(lambda: server.open == 3 and not server.protocol.open.waiting)
        with server.connect() as late:
            assert is_problem(answer_of(late), 503, "unavailable")
        go_on.set()
        assert all(answer_of(client)[0] for client in working)


def test_one_address_has_its_share(served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rules, "counts", lambda self, address: True)  # as if 127.0.0.1 were elsewhere
    server = served(Rules(100, 5, WAIT))
    with contextlib.ExitStack() as held:
        mine = [held.enter_context(server.connect()) for _ in range(5)]
        until(lambda: server.open == 5)
        with server.connect() as late:
            assert is_problem(answer_of(late), 429, "too-many-requests")
        mine[0].close()
        until(lambda: server.open == 4)
        assert server.ask("GET /healthz HTTP/1.1")[0] == 200
    until(lambda: not server.protocol.open.by_address)


def test_requests_one_behind_the_other_are_answered_and_few_are_held(
    served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many come at once: of the shortest there are some hundred in what is looked at together."""
    server, held, real = served(Rules(100, 100, WAIT)), [0], Connection.on_headers_complete

    def counted(self: Connection) -> None:
        real(self)
        held.append(len(self.pipeline))

    monkeypatch.setattr(Connection, "on_headers_complete", counted)
    count, one = 20_000, b"GET /healthz HTTP/1.1\r\nHost:a\r\n\r\n"
    body = b"POST /v1/marks HTTP/1.1\r\nHost:a\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
    with server.connect() as client, ThreadPoolExecutor(1) as other:
        sending = other.submit(
            client.sendall, one * count + body + one.replace(b"Host:a", b"Host:a\r\nConnection: close")
        )
        came = b""
        while piece := client.recv(1 << 20):
            came += piece
        sending.result()
    assert came.count(b"HTTP/1.1 421 ") == count + 2
    assert len(held) == count + 3 and max(held) < 256
    until(lambda: server.open == 0)


def test_whose_connections_are_counted() -> None:
    from ipaddress import ip_network

    rules = Rules(1, 1, 1, proxies=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "2001:db8::9"):
        assert not rules.counts(address), address
    for address in ("192.0.2.1", "2001:db9::1", ""):
        assert rules.counts(address), address


def test_who_reads_nothing_is_let_go(served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    monkeypatch.setattr("service.papers.papers", lambda _: begun.set() or {"papers": "x" * 20_000_000})
    server = served(Rules(100, 100, WAIT, unread_seconds=SOON))
    monkeypatch.setattr("fastapi.routing.serialize_response", _as_it_is)
    with server.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(request("GET /v1/papers HTTP/1.1"))
        assert begun.wait(WAIT)
        until(lambda: server.open == 0)


def test_who_takes_a_page_slowly_keeps_nobody_out(
    served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = ["x" * 8_000_000, "y", "z"]  # more than the system takes for who reads nothing
    monkeypatch.setattr("service.pages.frame.streamed", lambda *_, **__: StreamingResponse(iter(parts)))
    server = served()
    with contextlib.ExitStack() as slow:
        for _ in range(_AT_ONCE["long"]):
            client = slow.enter_context(server.connect())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(request("GET /papers/2311.08105 HTTP/1.1"))
            assert client.recv(1)
        assert server.ask("GET /v1/status HTTP/1.1")[0] == 200


async def _as_it_is(*, response_content: Any, **_: Any) -> Any:
    return response_content


@pytest.mark.parametrize("leaves", [True, False])
def test_who_left_or_has_no_time_ends_the_work(
    served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """The work looks as long as it goes on; that many looks and no more."""
    looks, ended_by = [0], []
    begun = threading.Event()

    def endless(*_: Any, **__: Any) -> None:
        try:
            while True:
                looks[0] += 1
                begun.set()
                deadline.check()
                time.sleep(0.001)
        except deadline.OutOfTime as error:
            ended_by.append(type(error))
            raise

    monkeypatch.setattr("service.reading_order.kept.reading_order", endless)
    server = served(request_seconds=WAIT if leaves else 0.2)
    with server.connect() as client:
        client.sendall(request("GET /v1/reading-order HTTP/1.1"))
        assert begun.wait(WAIT)
        if not leaves:
            answer = answer_of(client)
            assert is_problem(answer, 503, "out-of-time")
    until(lambda: ended_by)
    assert ended_by == [deadline.Left if leaves else deadline.OutOfTime]
    before = looks[0]
    assert server.ask("GET /healthz HTTP/1.1")[0] == 200
    assert looks[0] == before


def test_who_left_the_line_is_not_served(served: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, asked = threading.Event(), threading.Event(), []

    def slow(_: Any, questions: Any, **__: Any) -> Iterator[tuple[int, Any]]:
        asked.extend(one.q for one in questions)
        begun.set()
        assert go_on.wait(WAIT)
        yield from ((place, deadline.Left("done")) for place, _ in enumerate(questions))

    monkeypatch.setattr("service.api.searching.found", slow)
    monkeypatch.setattr("service.serving.asking.STANDING_STILL", WAIT)
    server = served(search_processes=0)
    with server.connect() as first, server.connect() as second:
        for name, client in (("a", first), ("b", second)):  # the two threads
            begun.clear()
            client.sendall(request(f"GET /v1/search?q={name} HTTP/1.1"))
            assert begun.wait(WAIT)
        with server.connect() as gone:
            gone.sendall(request("GET /v1/search?q=gone HTTP/1.1"))
            until(lambda: server.open == 3)
            time.sleep(0.05)
        until(lambda: server.open == 2)
        go_on.set()
        answer_of(first), answer_of(second)
    assert asked == ["a", "b"]
