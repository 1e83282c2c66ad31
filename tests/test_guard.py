"""Who may ask what: each route with each token, foreign names and pages, headers on every answer, nothing shown of a token."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from libraries import build
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from indexer.errors import BadSetting
from indexer.settings import Settings
from service.api import _Packed, create_app
from service.doctor import examine
from service.serving.guard.access import Access, Right, host_of
from service.serving.guard.headers import SECURITY
from service.serving.guard.rights import OPEN, READS

READ, CHANGE = "a-token-to-read", "a-token-to-change"
ELSEWHERE = ("192.0.2.7", 4711)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(token: str, name: str = "anyone") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()}


def with_(settings: Settings, **given: Any) -> Settings:
    for name in ("token", "read_token"):
        if name in given:
            given[name] = SecretStr(given[name])
    return settings.model_copy(update=given)


def client_of(
    settings: Settings, host: str = "0.0.0.0", client: tuple[str, int] = ELSEWHERE, **given: Any
) -> TestClient:
    app = create_app(settings, host=host)
    return TestClient(app, base_url="http://192.0.2.1:8000", client=client, raise_server_exceptions=False, **given)


@pytest.fixture
def two(settings: Settings) -> Settings:
    """Settings with both tokens."""
    build(settings.library)
    return with_(settings, token=CHANGE, read_token=READ, rate=0)


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Every route of an application: method and an address of it."""
    found = []

    def walk(routes: Any) -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                path = route.path.replace("{paper_id:path}", "2311.08105").replace("{job_id}", "none")
                found.extend((method, path.replace("{name}", "style.css")) for method in sorted(route.methods))
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)
            elif hasattr(route, "routes"):
                walk(route.routes)
            elif hasattr(route, "path"):
                found.extend((method, route.path) for method in sorted(route.methods or ("GET",)))

    walk(app.routes)
    return found


def test_every_route_asks_for_its_token(two: Settings) -> None:
    app = create_app(two, host="0.0.0.0")
    routes = routes_of(app)
    assert len(routes) > 25 and {("GET", "/healthz"), ("POST", "/v1/reindex"), ("GET", "/")} <= set(routes)
    with client_of(two) as client:
        for method, path in routes:
            if path.endswith("/events"):
                continue  # told below: it goes on

            def status(headers: dict[str, str], method: str = method, path: str = path) -> int:
                return client.request(method, path, headers=headers, follow_redirects=False).status_code

            if path in OPEN:
                assert status({}) == 200
            elif method in READS:
                for headers in ({}, bearer("wrong"), basic("wrong"), bearer(""), {"Authorization": READ}):
                    assert status(headers) == 401, (method, path, headers)
                for headers in (bearer(READ), bearer(CHANGE), basic(READ), basic(CHANGE, "")):
                    assert status(headers) not in (401, 403), (method, path, headers)
            else:
                assert status({}) == status(bearer("wrong")) == status(basic(CHANGE)) == 401, (method, path)
                assert status(bearer(READ)) == status(basic(READ)) == 403, (method, path)
                if path != "/v1/reindex":  # which would start one
                    assert status(bearer(CHANGE)) not in (401, 403), (method, path)
        assert client.get("/v1/reindex/none/events").status_code == 401
        assert client.get("/v1/reindex/none/events", headers=basic(READ)).status_code == 404
        for method in ("PUT", "POST", "DELETE", "PATCH", "PROPFIND"):
            assert client.request(method, "/nowhere").status_code == 401
        assert client.get("/nowhere").status_code == client.options("/v1/search").status_code == 401


def test_a_browser_is_asked_for_the_token_and_a_program_told_of_it(two: Settings) -> None:
    with client_of(two) as client:
        page = client.get("/", headers={"Accept": "text/html"})
        assert page.status_code == 401 and page.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert page.headers["content-type"].startswith("text/html") and "token" in page.text
        told = client.get("/v1/papers")
        assert told.json()["type"] == "urn:paperpath:problem:token-required" and told.json()["cure"]
        assert client.get("/", headers={"Accept": "text/html"} | basic(READ)).status_code == 200
        # No browser sends what allows a change of itself, and none is made to ask for it.
        change = client.post("/v1/reindex", headers=basic(CHANGE), json={})
        assert (change.status_code, change.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_on_this_machine_reading_is_free_unless_a_token_for_it_is_set(two: Settings, settings: Settings) -> None:
    with TestClient(create_app(with_(settings, token=CHANGE))) as client:
        assert client.get("/v1/papers").status_code == 200
        assert client.post("/v1/reindex", json={}).status_code == 401
    with TestClient(create_app(settings)) as client:
        assert client.get("/v1/papers").status_code == 200
        assert client.post("/v1/reindex", json={}).status_code == 403
    with TestClient(create_app(two)) as client:
        assert client.get("/v1/papers").status_code == 401
        assert client.get("/v1/papers", headers=bearer(READ)).status_code == 200


FORWARDED = [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}, {"Via": "1.1 proxy"},
             {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "127.0.0.1"}]  # fmt: skip


@pytest.mark.parametrize("headers", FORWARDED, ids=lambda headers: next(iter(headers)))
def test_what_a_proxy_passed_on_comes_not_from_this_machine(settings: Settings, headers: dict[str, str]) -> None:
    build(settings.library)
    page = {"Origin": "http://127.0.0.1:8000"}
    with TestClient(create_app(settings)) as client:
        assert client.put("/v1/papers/2311.08105/marks", json={"read": True}, headers=page).status_code == 200
        assert client.get("/v1/papers", headers=headers).status_code == 403
        assert (
            client.put("/v1/papers/2311.08105/marks", json={"read": False}, headers=page | headers).status_code == 403
        )
        assert client.get("/healthz", headers=headers).status_code == 200


def test_a_proxy_is_believed_where_it_is_named(settings: Settings) -> None:
    build(settings.library)
    given = with_(settings, read_token=READ, proxies="127.0.0.1", hosts="papers.example", rate=0.001, burst=2)
    seen = []
    for client_address in (("127.0.0.1", 1), ("192.0.2.9", 1)):
        app = create_app(given)
        with TestClient(app, base_url="http://papers.example", client=client_address) as client:
            assert client.get("/v1/papers").status_code == 401
            statuses = [client.get("/v1/papers", headers=bearer(READ) | {"X-Forwarded-For": f"8.8.8.8, 203.0.113.{n}"}).status_code
                        for n in (1, 1, 1, 2)]  # fmt: skip
            seen.append(statuses)
    assert seen == [[200, 200, 429, 200], [200, 200, 429, 429]]  # the address is the proxy's word, or nobody's


def test_serving_others_asks_for_a_token_or_for_the_words(settings: Settings) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "papers.example", ""):
        with pytest.raises(BadSetting, match="can be reached by others") as raised:
            Access.of(settings, host)
        assert "--anyone-may-read" in raised.value.cure
        assert Access.of(with_(settings, read_token=READ), host).exposed
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8", "::ffff:127.0.0.1"):
        assert not Access.of(settings, host).exposed
    with client_of(with_(settings, anyone_may_read=True)) as client:
        build(settings.library)
        assert client.get("/v1/papers").status_code == 200
        assert client.post("/v1/reindex", json={}).status_code == 403
    # A machine's own address is no loopback rule's where others can ask too.
    with client_of(with_(settings, token=CHANGE), client=("127.0.0.1", 1), headers={"Host": "127.0.0.1"}) as client:
        assert client.get("/v1/papers").status_code == 401


def test_settings_that_cannot_be_meant(settings: Settings, tmp_path: Any) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for given_, told in (
        ({"token": "same", "read_token": "same"}, "the same"), ({"hosts": "http://x"}, "PAPERPATH_HOSTS"), ({"hosts": "*"}, "PAPERPATH_HOSTS"),
        ({"origins": "*"}, "PAPERPATH_ORIGINS"), ({"origins": "notes.example"}, "PAPERPATH_ORIGINS"), ({"origins": "null"}, "PAPERPATH_ORIGINS"),
        ({"proxies": "proxy.example"}, "PAPERPATH_PROXIES"), ({"proxies": "*"}, "PAPERPATH_PROXIES"),
        ({"read_token_file": tmp_path / "none"}, "can't be read"), ({"token_file": empty}, "is empty"),
    ):  # fmt: skip
        with pytest.raises(BadSetting, match=told) as raised:
            Access.of(with_(settings, **given_))
        assert raised.value.cure and "same" not in raised.value.message.replace("the same", "")


def test_a_token_comes_from_a_file_too(settings: Settings, tmp_path: Any) -> None:
    build(settings.library)
    for name in ("read", "change"):
        (tmp_path / name).write_text(f" {name}-é\n", "utf-8")
    given_ = with_(settings, token_file=tmp_path / "change", read_token_file=tmp_path / "read")
    with client_of(given_) as client:
        assert client.get("/v1/papers", headers={"Authorization": "Bearer read-é".encode()}).status_code == 200
        assert client.get("/v1/papers", headers=basic("change-é")).status_code == 200
        assert client.post("/v1/reindex", headers={"Authorization": "Bearer read-é".encode()}).status_code == 403


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o644, 0o604])
def test_a_token_file_that_everyone_may_read_is_named_by_doctor(settings: Settings, tmp_path: Any, mode: int) -> None:
    """Not what systemd hands over: its file is its service's, or its group's."""
    file = tmp_path / "a token"
    file.write_text("secret")
    file.chmod(mode)
    for name in ("token_file", "read_token_file"):
        told = [
            (item.ok, item.found) for item in examine(with_(settings, **{name: file})).items if item.what == "token"
        ]
        warning = (None, f"every user of this machine may read {file}: `chmod 600 '{file}'`")
        assert told == ([warning] if mode & 0o004 else [])


def test_nothing_shows_a_token(two: Settings, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    caplog.set_level(logging.DEBUG)
    access = Access.of(two)
    shown = [repr(access), str(vars(access).keys()), repr(two), str(two), repr(examine(two))]
    with client_of(two) as client:
        for headers in (bearer(READ), bearer(CHANGE), basic(CHANGE), bearer(READ + "x"), {}):
            for path in ("/v1/papers", "/library", "/metrics", "/readyz", "/openapi.json", "/v1/search?q=x&limit=x"):
                answer = client.get(path, headers=headers)
                shown += [answer.text, str(answer.headers)]
    shown += [caplog.text, *capsys.readouterr()]
    for text in shown:
        assert READ not in text and CHANGE not in text
    assert "tokens" not in repr(access)  # not their hashes either


# ---------------------------------------------------------------------- names and pages

FOREIGN = [
    "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "127.1", "2130706433", "0x7f.0.0.1", "017700000001",
    "0.0.0.0", "0.0.0.0:8000", "[::]", "192.0.2.1", "localhost.localdomain", "testserver", "10.0.0.5:8000", "[fe80::1]", "a" * 300,
]  # fmt: skip
NO_HOST = ["", "a b", "evil.example@127.0.0.1", "127.0.0.1, evil.example", "127.0.0.1:x", "[::1", "http://127.0.0.1", "127.0.0.1/", "é.example",
           "127.0.0.1:8000:9", "[127.0.0.1", "..", "[..]", "\t"]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_turned_round_to_this_machine_is_refused(settings: Settings, host: str) -> None:
    build(settings.library)
    with TestClient(create_app(settings)) as client:
        answer = client.get("/v1/papers", headers={"Host": host})
        assert answer.status_code == 421 and answer.json()["type"].endswith(":wrong-host")
        assert "127.0.0.1" in answer.json()["cure"] and "PAPERPATH_HOSTS" in answer.json()["cure"]
        page = client.get("/", headers={"Host": host, "Accept": "text/html"})
        assert page.status_code == 421 and page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("host", NO_HOST)
def test_what_is_no_name_is_refused(settings: Settings, host: str) -> None:
    with TestClient(create_app(settings)) as client:
        assert client.get("/v1/papers", headers={"Host": host.encode()}).status_code == 400
        assert client.get("/v1/papers", headers=[("Host", "127.0.0.1"), ("Host", "127.0.0.1")]).status_code == 400


def test_the_names_that_it_goes_by(settings: Settings) -> None:
    build(settings.library)
    given_ = with_(settings, hosts="Papers.Example, lab 192.0.2.1", token=CHANGE)
    with TestClient(create_app(given_)) as client:
        for host in (
            "localhost",
            "LOCALHOST:1",
            "localhost.",
            "127.0.0.1",
            "127.255.0.9:80",
            "[::1]:8000",
            "[::ffff:127.0.0.1]",
        ):
            assert client.get("/v1/papers", headers={"Host": host}).status_code == 200, host
        for host in ("papers.example", "PAPERS.example:443", "lab", "192.0.2.1"):  # by which it is no loopback rule's
            assert client.get("/v1/papers", headers={"Host": host}).status_code == 401, host
            assert client.get("/v1/papers", headers={"Host": host} | bearer(CHANGE)).status_code == 200, host
    with client_of(given_) as client:
        for host in (
            "192.0.2.77",
            "[2001:db8::1]:8000",
            "10.0.0.5",
            "papers.example",
            "localhost",
        ):  # where others may ask
            assert client.get("/v1/papers", headers={"Host": host} | bearer(CHANGE)).status_code == 200, host
        for host in ("evil.example", "0.0.0.0", "[::]", "127.1"):
            assert client.get("/v1/papers", headers={"Host": host} | bearer(CHANGE)).status_code == 421, host
    access = Access.of(given_, "papers.lab.example")
    assert access.knows("papers.lab.example") and not access.knows("lab.example")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9000", "file://", "http://127.0.0.1.evil.example:8000",
                                    "http://127.0.0.1:8000/", "http://user@127.0.0.1:8000", ""])  # fmt: skip
def test_pages_of_other_servers_are_refused(settings: Settings, origin: str) -> None:
    build(settings.library)
    with TestClient(create_app(with_(settings, token=CHANGE))) as client:
        for method, path in (
            ("GET", "/v1/papers"),
            ("POST", "/v1/reindex"),
            ("PUT", "/v1/papers/2311.08105/marks"),
            ("GET", "/"),
        ):
            answer = client.request(method, path, headers={"Origin": origin} | bearer(CHANGE))
            assert answer.status_code == 403 and answer.json()["type"].endswith(":wrong-origin"), path
            assert "access-control-allow-origin" not in answer.headers
        preflight = client.options("/v1/papers", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
        assert preflight.status_code == 403


def test_what_a_browser_says_of_where_a_request_comes_from(settings: Settings) -> None:
    build(settings.library)
    with TestClient(create_app(settings)) as client:
        for site, mode, status in (("cross-site", "no-cors", 403), ("same-site", "no-cors", 403), ("cross-site", "cors", 403),
                                   ("cross-site", "navigate", 200), ("none", "navigate", 200), ("same-origin", "cors", 200)):  # fmt: skip
            answer = client.get("/v1/papers", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
            assert answer.status_code == status, (site, mode)


def test_a_named_page_may_ask_by_cors(settings: Settings) -> None:
    build(settings.library)
    notes = {"Origin": "https://notes.example"}
    with TestClient(create_app(with_(settings, origins="https://notes.example", token=CHANGE))) as client:
        answer = client.get("/v1/papers", headers=notes | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"})
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "https://notes.example"
        assert "access-control-allow-credentials" not in answer.headers
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        assert client.options("/v1/reindex", headers=notes | asked).status_code == 200
        refused = client.post("/v1/reindex", headers=notes)
        assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == "https://notes.example"
        assert client.put("/v1/papers/2311.08105/marks", json={"read": True}, headers=notes).status_code == 401
        assert client.get("/v1/papers", headers={"Origin": "https://notes.example.evil.example"}).status_code == 403


@given(st.binary(max_size=40))
def test_any_host_is_a_name_or_none(raw: bytes) -> None:
    found = host_of({"type": "http", "headers": [(b"host", raw)]})
    assert found is None or (found and all(c.isascii() and (c.isalnum() or c in ".-_:") for c in found))


@given(st.lists(st.tuples(st.just(b"authorization"), st.binary(max_size=60)), max_size=2))
def test_what_is_sent_as_a_token_never_fails(headers: list[tuple[bytes, bytes]]) -> None:
    access = Access(tokens=((b"x" * 32, Right.READ),))
    assert access.right_of(headers)[0] == Right.NONE


# ---------------------------------------------------------------------- every answer


def test_every_answer_has_the_security_headers(two: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("inside")

    with client_of(two) as client:
        answers = [client.request(method, path, headers=headers) for method, path in routes_of(client.app)  # type: ignore[arg-type]
                   if not path.endswith("/events") and path != "/v1/reindex" for headers in ({}, bearer(CHANGE))]  # fmt: skip
        answers += [client.get("/nowhere", headers=bearer(READ)), client.get("/v1/papers", headers={"Host": "evil.example"}),
                    client.get("/v1/search?q=x&limit=0", headers=bearer(READ))]  # fmt: skip
        monkeypatch.setattr("service.papers.papers", fails)
        answers.append(client.get("/v1/papers", headers=bearer(READ)))
        assert answers[-1].status_code == 500 and "inside" not in answers[-1].text
    for answer in answers:
        for name, value in SECURITY.items():
            assert answer.headers[name] == value, (answer.request.url, name)
        assert (
            answer.headers["Cache-Control"]
            and answer.headers.get_list("Cache-Control", split_commas=False).__len__() == 1
        )


def test_answers_are_packed_for_who_is_elsewhere(two: Settings) -> None:
    for client, packed in ((client_of(two), True), (TestClient(create_app(two)), False)):
        with client:
            answer = client.get("/library", headers=bearer(READ) | {"Accept-Encoding": "gzip"})
            assert (answer.headers.get("Content-Encoding") == "gzip") == packed and "<html" in answer.text


def test_a_large_answer_is_packed_beside_the_loop() -> None:
    """While it is, the loop goes round for all others."""
    body = random.Random(7).randbytes(4 << 20)
    scope = {"type": "http", "client": ("192.0.2.1", 1), "headers": [(b"accept-encoding", b"gzip")]}
    came: list[Message] = []
    rounds = [0]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"x"')]})
        rounds[0] = 0
        await send({"type": "http.response.body", "body": body})
        assert rounds[0] > 10

    async def go_round() -> None:
        while True:
            rounds[0] += 1
            await asyncio.sleep(0)

    async def send(message: Message) -> None:
        came.append(message)

    async def run() -> None:
        going = asyncio.create_task(go_round())
        await _Packed(app, Access())(scope, None, send)  # type: ignore[arg-type]
        going.cancel()

    asyncio.run(run())
    start, packed = came
    assert gzip.decompress(packed["body"]) == body
    assert {(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"), (b"etag", b'"x"')} < set(start["headers"])


def test_long_headers_are_refused(settings: Settings) -> None:
    build(settings.library)
    with TestClient(create_app(settings)) as client:
        assert client.get("/v1/graph?id=" + "&id=".join(["2311.08105"] * 4000)).status_code == 200
        assert client.get("/v1/papers", headers={"X-Long": "x" * 33_000}).status_code == 431
        assert client.get("/v1/papers", headers=[(f"X-{n}", "x") for n in range(101)]).status_code == 431


def test_a_body_has_its_bounds(settings: Settings) -> None:
    with TestClient(create_app(with_(settings, token=CHANGE, max_megabytes=0.2))) as client:

        def status(method: str, path: str, **given_: Any) -> int:
            return client.request(method, path, **given_).status_code

        def pieces() -> Iterator[bytes]:
            yield b"{}"

        assert status("POST", "/v1/reindex", content=b"x" * 70_000, headers=bearer(CHANGE)) == 413
        assert status("POST", "/v1/uploads?name=a.md", content=b"x" * 210_000, headers=bearer(CHANGE)) == 413
        assert status("POST", "/v1/uploads?name=a.md", content=b"x" * 190_000, headers=bearer(CHANGE)) == 201
        assert status("POST", "/v1/reindex", content=pieces(), headers=bearer(CHANGE)) == 413
        assert status("GET", "/v1/papers", content=pieces()) == 413
        assert status("GET", "/v1/papers", content=b"x" * 70_000) == 413
        large: httpx.Response = client.post("/v1/reindex", content=b"x" * 70_000)
        assert large.status_code == 401 and large.headers["connection"] == "close"
