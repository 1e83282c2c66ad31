"""Errors over HTTP: one shape whatever answers, every problem of the table brought about, nothing told of the inside."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from libraries import build
from pydantic import SecretStr
from serving import live, sent, until

from indexer.errors import BadSetting, LibraryError
from indexer.library import Library
from indexer.settings import Settings
from service.api import create_app
from service.search import cursors
from service.serving import asking, jobs, problems, readiness
from service.serving.metrics import Metrics
from service.serving.problems import KINDS

PROJECT = Path(__file__).parents[1]
TOKEN = {"Authorization": "Bearer secret"}
FIELDS = {"type", "title", "status", "detail", "cure", "instance", "request_id", "errors"}


@dataclass
class World:
    """A server with a library and a token, and how to make it and ask it."""

    settings: Settings
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack
    shared: tuple[FastAPI, str]
    app: FastAPI = field(default_factory=FastAPI)
    base: str = ""

    def serve(self, *, own: bool = False, **changed: object) -> httpx.Client:
        """A client of a server with these settings; of one that all tests share where there are none, unless it is to be
        `own`."""
        if own or changed:
            settings = self.settings.model_copy(update={"token": SecretStr("secret")} | changed)
            build(self.settings.library)
            self.app = create_app(settings)
            self.base = self.stack.enter_context(live(self.app, settings))
        else:
            self.app, self.base = self.shared
        return self.stack.enter_context(httpx.Client(base_url=self.base, timeout=120))

    def raw(self, data: bytes) -> httpx.Response:
        """The answer to some bytes."""
        self.serve()
        head, _, body = sent(self.base, data).partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = [tuple(line.split(b": ", 1)) for line in lines]
        return httpx.Response(int(status.split()[1]), headers=headers, content=body)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    folder = tmp_path_factory.mktemp("shared")
    settings = Settings(library=folder / "library", model="toy", digests=folder / "none", token=SecretStr("secret"))
    build(settings.library)
    app = create_app(settings)
    with live(app, settings) as base:
        yield app, base


@pytest.fixture
def world(settings: Settings, monkeypatch: pytest.MonkeyPatch, shared: tuple[FastAPI, str]) -> Iterator[World]:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    with ExitStack() as stack:
        yield World(settings, monkeypatch, stack, shared)


def fails(error: Exception) -> Callable:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def _busy(world: World) -> httpx.Response:
    client = world.serve(own=True)
    real = jobs.subprocess.Popen  # of one that doesn't end by itself
    world.monkeypatch.setattr(jobs.subprocess, "Popen",
                              lambda _, **given: real([sys.executable, "-c", "import time; time.sleep(600)"], **given))  # fmt: skip
    assert client.post("/v1/reindex", json={"offline": True}, headers=TOKEN).status_code == 202
    return client.post("/v1/reindex", json={"offline": True}, headers=TOKEN)


def _no_room_to_wait(world: World) -> httpx.Response:
    client = world.serve()
    world.monkeypatch.setattr(asking.Asking, "full", property(lambda self: True))
    return client.get("/v1/search?q=x")


def _refusing_for_long(world: World) -> httpx.Response:
    world.monkeypatch.setattr(Metrics, "refused_seconds", lambda self: readiness.REFUSED_SECONDS)
    return world.serve(own=True).get("/readyz")


def _unwritable(world: World) -> httpx.Response:
    client = world.serve(own=True)
    (world.settings.library / "uploads").write_text("a file where a folder is needed")
    return client.post("/v1/uploads?name=a.md", content=b"- a list", headers=TOKEN)


def _damaged(world: World) -> httpx.Response:
    client = world.serve(own=True)
    library = Library(world.settings.library)
    name = library.manifest(library.current_name()).files["vectors"].name
    (library.folder / "files" / name).write_bytes(b"nothing of the kind")
    return client.get("/v1/search?q=x")


def _earlier_format(world: World) -> httpx.Response:
    other = world.settings.library.parent / "earlier"
    with zipfile.ZipFile(PROJECT / "tests" / "fixtures" / "format-1.zip") as file:
        file.extractall(other)
    return world.serve(library=other).get("/v1/papers")


def _not_loaded(world: World) -> httpx.Response:
    world.monkeypatch.setattr("indexer.embed.load", fails(BadSetting("PAPERPATH_X in /etc/secret can't be used.")))
    return world.serve(own=True).get("/v1/search?q=x")


def _unreadable(world: World) -> httpx.Response:
    world.monkeypatch.setattr(Library, "open", fails(LibraryError(f"{world.settings.library} may not be read.")))
    return world.serve(own=True).get("/v1/search?q=x")


def _stopping(world: World) -> httpx.Response:
    client = world.serve(own=True)
    world.app.state.stopping()
    return client.get("/readyz")


def _unforeseen(world: World) -> httpx.Response:
    world.monkeypatch.setattr("service.search.together", fails(RuntimeError(f"a secret of {world.settings.library}")))
    return world.serve().get("/v1/search?q=x")


def _too_slow(world: World) -> httpx.Response:
    world.serve(arrive_seconds=3)
    import socket

    host, port = world.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n")  # and no more
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return httpx.Response(int(status.split()[1]), headers=[tuple(line.split(b": ", 1)) for line in lines], content=body)


def _out_of_time(world: World) -> httpx.Response:
    from service import deadline

    def slow(*_: object, **__: object) -> None:
        while True:
            deadline.check()
            time.sleep(0.01)

    world.monkeypatch.setattr("service.citations.graph.graph", slow)
    return world.serve(request_seconds=0.2).get("/v1/graph")


def _rate(world: World) -> httpx.Response:
    client = world.serve(proxies="127.0.0.1", rate=0.001, burst=1, anyone_may_read=True)
    client.get("/v1", headers={"X-Forwarded-For": "192.0.2.7"})
    return client.get("/v1", headers={"X-Forwarded-For": "192.0.2.7"})


def _full_of_connections(world: World) -> httpx.Response:
    """A second connection where there may be one, and that is at work."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(*_: object, **__: object) -> None:
        begun.set()
        go_on.wait(60)

    world.monkeypatch.setattr("service.citations.graph.graph", wait)
    client = world.serve(connections=1)
    first = threading.Thread(target=lambda: httpx.get(f"{world.base}/v1/graph", timeout=120), daemon=True)
    first.start()
    try:
        assert begun.wait(60)
        return client.get("/v1")
    finally:
        go_on.set()
        first.join(60)


LONG_AGO = cursors.make(10, "000099", "x", "paper")
BROUGHT: dict[str, Callable[[World], httpx.Response]] = {
    "bad-request": lambda w: w.raw(b"this is no HTTP\r\n\r\n"),
    "token-required": lambda w: w.serve().post("/v1/reindex", json={}),
    "not-allowed": lambda w: w.serve(token=None).post("/v1/reindex", json={}),
    "wrong-origin": lambda w: w.serve().get("/v1", headers={"Origin": "https://elsewhere.example"}),
    "not-found": lambda w: w.serve().get("/nowhere"),
    "unknown-document": lambda w: w.serve().get("/v1/papers/2311.99999"),
    "unknown-job": lambda w: w.serve().get("/v1/reindex/none"),
    "method-not-allowed": lambda w: w.serve().delete("/v1/papers", headers=TOKEN),
    "too-slow": _too_slow,
    "library-busy": _busy,
    "cursor-expired": lambda w: w.serve().get("/v1/search", params={"q": "x", "cursor": LONG_AGO}),
    "too-large": lambda w: w.serve().post("/v1/reindex", content=b"x" * 70_000, headers=TOKEN),
    "address-too-long": lambda w: w.raw(b"GET /v1?" + b"x" * 140_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    "wrong-host": lambda w: w.serve().get("/v1", headers={"Host": "rebound.example"}),
    "invalid": lambda w: w.serve().get("/v1/search?q=x&limit=0"),
    "nothing-asked": lambda w: w.serve().get("/v1/search"),
    "bad-filter": lambda w: w.serve().get("/v1/search?year=soon"),
    "cursor-invalid": lambda w: w.serve().get("/v1/search?q=x&cursor=nonsense"),
    "bad-budget": lambda w: w.serve().get("/v1/reading-order?budget=soon"),
    "nothing-to-order": lambda w: w.serve().get("/v1/reading-order?topic=zzzzzz"),
    "liked-and-unliked": lambda w: w.serve().get("/v1/papers/2311.08105/related?unlike=2311.08105"),
    "bad-source": lambda w: w.serve().post("/v1/reindex", json={"sources": ["/etc/passwd"]}, headers=TOKEN),
    "bad-upload": lambda w: w.serve().post("/v1/uploads?name=a.exe", content=b"MZ", headers=TOKEN),
    "too-many-requests": _rate,
    "overloaded": _no_room_to_wait,
    "headers-too-large": lambda w: w.serve().get("/v1", headers={"X-Much": "x" * 40_000}),
    "internal": _unforeseen,
    "bad-setting": _not_loaded,
    "unavailable": _full_of_connections,
    "no-library": lambda w: w.serve(library=w.settings.library / "none").get("/v1/papers"),
    "library-error": _unreadable,
    "library-unwritable": _unwritable,
    "generation-damaged": _damaged,
    "format-unknown": _earlier_format,
    "model-mismatch": lambda w: w.serve(model="").get("/v1/search?q=x"),
    "model-unknown": lambda w: w.serve(model="/nowhere/model").get("/v1/search?q=x"),
    "model-damaged": lambda w: (w.monkeypatch.setattr("indexer.embed.described._PACKAGED_SHA256", "0"),
                                w.serve(model="").get("/v1/search?q=x"))[1],
    "queue-full": _refusing_for_long,
    "out-of-time": _out_of_time,
    "stopping": _stopping,
}  # fmt: skip


def test_every_problem_can_be_brought_about() -> None:
    assert set(BROUGHT) == set(KINDS) - {"left"}  # of which nobody is told


@pytest.mark.parametrize("code", BROUGHT)
def test_a_problem_has_the_one_shape_and_tells_nothing_of_the_inside(world: World, code: str) -> None:
    answer = BROUGHT[code](world)
    body = required(answer, code)
    told = json.dumps(body)
    assert str(world.settings.library) not in told and "secret" not in told and "Traceback" not in told
    assert "/etc" not in told or code == "bad-source"  # which repeats what was sent
    declared(world, answer)


def required(answer: httpx.Response, code: str) -> dict:
    """Asserts that an answer is a problem of this kind; returns it."""
    body = answer.json()
    assert body["type"] == f"urn:paperpath:problem:{code}", body
    assert set(body) == FIELDS and answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == body["status"] == KINDS[code].status
    assert body["title"] == KINDS[code].title and body["detail"] and body["cure"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    return body


def declared(world: World, answer: httpx.Response) -> None:
    """Asserts that the OpenAPI document names the status, where it has the route."""
    try:
        request = answer.request
    except RuntimeError:  # it was made of bytes
        return
    document = world.app.openapi()
    fitting = [operations for path, operations in document["paths"].items()
               if re.fullmatch(re.sub(r"\{[^}]*\}", ".+", path), request.url.path)]  # fmt: skip
    operation = next((o[request.method.lower()] for o in fitting if request.method.lower() in o), None)
    if operation is not None:
        assert str(answer.status_code) in operation["responses"], (request.url, answer.status_code)


def test_what_to_do_is_for_who_asks_over_http(world: World) -> None:
    """What the command line says of the same error is not."""
    client = world.serve()
    assert client.get("/v1/papers/2311.08106").json()["cure"].startswith("Near to it: 2311.08105 (")
    for path in ("/v1/papers/nothing", "/v1/reading-order?goal=nothing", "/v1/papers/2311.99999"):
        assert client.get(path).json()["cure"] == KINDS["unknown-document"].cure
    page = client.get("/papers/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404 and "GET /v1/papers" not in page.text and "lists all that is here" in page.text


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_that_does_not_say_that_it_is_json(world: World, kind: str) -> None:
    client = world.serve()
    for method, path in (("POST", "/v1/reindex"), ("PUT", "/v1/papers/2311.08105/marks")):
        answer = client.request(method, path, content=b'{"offline": true}', headers=TOKEN | {"Content-Type": kind})
        assert "Content-Type: application/json" in required(answer, "invalid")["cure"]
        answer = client.request(method, path, json={"odd": 1}, headers=TOKEN)
        assert "Content-Type" not in required(answer, "invalid")["cure"]


# ---------------------------------------------------------------------- every route, every method


def test_every_route_answers_every_method_with_a_problem_or_what_it_declares(world: World) -> None:
    client = world.serve()
    document = world.app.openapi()
    pages = {"/": {"get": {}}, "/order": {"get": {}}, "/library": {"get": {}}, "/static/none": {}, "/nowhere": {}}
    for path, operations in {**document["paths"], **pages}.items():
        address = path.replace("{paper_id}", "2311.08105").replace("{job_id}", "none")
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
            content = b"[]" if path == "/v1/reindex" else b""  # without a body it would begin
            answer = client.request(method, address, headers=TOKEN, content=content)
            assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"]), (method, path)
            as_get = operations.get("get") if method == "HEAD" else operations.get(method.lower())
            if answer.status_code >= 400 and method != "HEAD":
                body = answer.json()
                assert answer.headers["content-type"] == "application/problem+json" and set(body) == FIELDS, (
                    method,
                    path,
                )
            if as_get:
                assert str(answer.status_code) in as_get["responses"], (method, path, answer.status_code)
            elif as_get is None and path not in ("/static/none", "/nowhere"):
                assert answer.status_code == 405, (method, path)
                assert ("HEAD" in answer.headers["allow"]) == ("get" in operations)
            if method == "HEAD":
                assert answer.content == b""


def test_head_is_get_less_the_body(world: World) -> None:
    client = world.serve()
    for path in (
        "/v1/search?q=islands",
        "/v1/papers",
        "/readyz",
        "/",
        "/order",
        "/v1/quote?q=x",
        "/static/none",
        "/metrics",
    ):
        got, head = client.get(path), client.head(path)
        assert head.status_code == got.status_code and head.content == b"", path
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers.get("etag") == got.headers.get("etag")


def test_head_of_an_event_stream_ends(world: World) -> None:
    client = world.serve(own=True)
    job = client.post("/v1/reindex", json={"offline": True}, headers=TOKEN).json()["id"]
    assert client.head(f"/v1/reindex/{job}/events").headers["content-type"].startswith("text/event-stream")
    assert client.get("/healthz").status_code == 200


# ---------------------------------------------------------------------- ids


def test_an_id_that_is_brought_is_taken_if_it_is_short_and_plain(world: World) -> None:
    client = world.serve()
    for mine in ("a", "trace-1.2_3", "x" * 64):
        answer = client.get("/v1/papers/none", headers={"X-Request-ID": mine})
        assert answer.headers["x-request-id"] == mine == answer.json()["request_id"]
    for mine in ("", "x" * 65, "a b", "a;b", "ü".encode(), "<script>", '"'):
        answer = client.get("/v1", headers={"X-Request-ID": mine})
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"]), mine
    made = {client.get("/v1").headers["x-request-id"] for _ in range(50)}
    assert len(made) == 50


def test_bytes_that_are_no_request_are_answered_with_a_problem_and_the_server_goes_on(world: World) -> None:
    client = world.serve()
    for data in (
        b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00", b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\r\n\r\n",
        b"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", b"GET \xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /v1/reindex HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ):  # fmt: skip
        head, _, body = sent(world.base, data).partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert 400 <= status < 500 and b"x-request-id: " in head.lower(), (data, head)
        assert set(json.loads(body)) == FIELDS
    assert client.get("/v1").status_code == 200


# ---------------------------------------------------------------------- faults


def test_a_fault_in_the_middle_of_an_answer_cuts_it_and_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def half():
        yield "the first half"
        raise RuntimeError("a secret")

    client = world.serve(own=True)
    world.app.add_api_route("/half", lambda: StreamingResponse(half()))
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/half")
    assert "a secret" in caplog.text and "/half failed" in caplog.text
    assert client.get("/v1").status_code == 200


def test_a_fault_has_its_traceback_in_the_log_under_the_id_that_the_client_has(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    answer = _unforeseen(world)
    assert answer.json()["detail"] == KINDS["internal"].detail
    assert "RuntimeError: a secret of" in caplog.text


def test_what_is_not_told_stands_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "paperpath")
    answer = world.serve(library=world.settings.library / "none").get("/v1/papers")
    until(lambda: any(r.name == "paperpath.requests" for r in caplog.records))
    (line,) = [r.fields for r in caplog.records if r.name == "paperpath.requests"]
    assert str(world.settings.library / "none") in line["why"] and line["problem"] == "no-library"
    assert answer.json()["detail"] == KINDS["no-library"].detail


def test_a_browser_gets_a_page_for_a_fault_too(world: World) -> None:
    world.monkeypatch.setattr("service.topics.of", fails(RuntimeError("a secret")))
    answer = world.serve().get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 500 and answer.headers["content-type"].startswith("text/html")
    assert "a secret" not in answer.text and answer.headers["x-request-id"] in answer.text


# ---------------------------------------------------------------------- what is sent back


@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=700), detail=st.text(max_size=300))
def test_whatever_was_sent_the_problem_is_json_and_its_instance_an_address(path: str, detail: str) -> None:
    answer = problems.problem("/" + path.encode("utf-8", "replace").decode(), 404, detail)
    body = json.loads(answer.body)
    assert body["detail"] == detail and re.fullmatch(r"[!-~]*", body["instance"]) and len(answer.body) < 12_000


def test_a_body_of_many_mistakes_is_answered_shortly(world: World) -> None:
    answer = world.serve().post("/v1/reindex", json={"sources": [1] * 5000}, headers=TOKEN)
    assert len(required(answer, "invalid")["errors"]) <= 20 and len(answer.content) < 8000
    as_json = TOKEN | {"Content-Type": "application/json"}
    answer = world.serve().post("/v1/reindex", content=b'{"add": ["\\ud800"]}', headers=as_json)
    required(answer, "invalid")
