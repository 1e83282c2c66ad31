"""The log: a line for each request, whatever came from outside; nothing private in it; and no request waits for it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from libraries import build
from serving import WAIT, sent, served, until

from indexer.settings import Settings
from service.api import create_app
from service.serving import logs
from service.serving.logs import FIELDS, Background, Json, Text, printable, request_id


def record(message: str, fields: dict | None = None, exc_info: object = None) -> logging.LogRecord:
    made = logging.LogRecord("paperpath", logging.INFO, "x.py", 1, message, (), exc_info)  # type: ignore[arg-type]
    if fields is not None:
        setattr(made, FIELDS, fields)
    return made


@given(message=st.text(), path=st.text(), client=st.text())
def test_whatever_came_from_outside_a_line_is_one_line_of_plain_signs(message: str, path: str, client: str) -> None:
    for form in (Json(), Text()):
        for made in (record(message), record("", {"path": path, "client": client, "status": 404})):
            line = form.format(made)
            assert line.isprintable() and len(line.splitlines()) == 1
    said = json.loads(Json().format(record("", {"path": path})))
    assert said["path"] == path and said["level"] == "info"


@given(st.text())
def test_no_outside_text_imitates_a_line_of_its_own(text: str) -> None:
    try:
        raise ValueError(text + "\n2026-11-23T00:00:00.000Z INFO    status=200")
    except ValueError:
        told = Text().format(record("failed", exc_info=sys.exc_info()))
    first, *rest = told.split("\n")
    assert first.endswith("failed ") and all(line.startswith("    | ") and line.isprintable() for line in rest)


def test_values_with_spaces_are_told_apart() -> None:
    line = Text().format(record("", {"path": 'a b" status=200', "empty": ""}))
    assert r'path="a b\" status=200"' in line and 'empty=""' in line
    assert printable("a\x1b[2Jb\r\n\u2028c") == r"a\x1b[2Jb\r\n\u2028c"


def test_lines_have_the_id_of_their_request() -> None:
    token = request_id.set("abc")
    try:
        assert json.loads(Json().format(record("x")))["request_id"] == "abc" and "request_id=abc" in Text().format(
            record("x")
        )
    finally:
        request_id.reset(token)
    assert "request_id" not in json.loads(Json().format(record("x")))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_behind_the_log_costs_lines_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    with open("/dev/full", "w") as full:
        log = Background(full, Json())
        for n in range(100):
            log.handle(record(f"line {n}"))
        until(lambda: log.dropped > 0)
        log.close()
        with contextlib.suppress(OSError):  # what it still held can't be written either
            full.close()
    assert capfd.readouterr() == ("", "")


def test_a_reader_that_stands_still_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as stream:
        log = Background(stream, Json())
        for _ in range(logs._WAITING + 5000):  # far more than the pipe and the queue hold
            log.handle(record("x" * 1000))
        assert log.dropped >= 1000
        until_read = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 1 << 20), b"")])
        until_read.start()
        log.close()
        log._thread.join(WAIT)
    until_read.join(WAIT)
    os.close(reading)


def test_a_record_that_can_not_be_told_is_dropped() -> None:
    log = Background(sys.stderr, Json())
    log.handle(logging.LogRecord("paperpath", logging.INFO, "x.py", 1, "%d", ("no number",), None))
    assert log.dropped == 1
    log.close()


# ---------------------------------------------------------------------- as it is run


def test_a_servers_log(settings: Settings, tmp_path: Path) -> None:
    """One line for each request, with its id; never the token, never the question; on a file it is JSON."""
    build(settings.library)
    with served(settings.library, tmp_path / "log", token="very-secret") as server:
        assert server.line(message="Generation 000001 answers: 4 papers, 4 passages.")["level"] == "info"
        headers = {"Authorization": "Bearer very-secret", "X-Request-ID": "mine"}
        answer = httpx.get(f"{server.url}/v1/search?q=a+private+question&limit=3", headers=headers)
        line = server.line(request_id="mine", route="/v1/search")
        assert line.items() >= {"method": "GET", "path": "/v1/search", "status": 200, "client": "127.0.0.1"}.items()
        assert line["bytes"] == int(answer.headers["content-length"]) and line["ms"] > 0
        httpx.get(f"{server.url}/v1/papers/none%0a2026%1b[2J", headers={"X-Request-ID": "odd"})
        assert server.line(request_id="odd")["path"] == "/v1/papers/none\n2026\x1b[2J"
        answer = httpx.post(f"{server.url}/v1/reindex", json={}, headers={"Authorization": "Bearer guess"})
        line = server.line(request_id=answer.headers["x-request-id"])
        assert (line["status"], line["problem"]) == (401, "token-required")
        sent(server.url, b"nonsense\r\n\r\n")
        assert server.line(status=400, problem="bad-request")["client"] == "127.0.0.1"
        build(settings.library, {"other": ["Another paper."]})
        httpx.get(f"{server.url}/v1/papers")
        assert "1 papers" in server.line(message="Generation 000002 answers: 1 papers, 1 passages.")["message"]
        job = httpx.post(f"{server.url}/v1/reindex", json={"remove": ["none"]}, headers=headers).json()["id"]
        while httpx.get(f"{server.url}/v1/reindex/{job}?wait=60", timeout=WAIT).json()["state"] == "running":
            pass
        until(lambda: f"Reindex {job} ended after" in server.log.read_text())
        said = server.log.read_text()
    assert "very-secret" not in said and "guess" not in said and "private" not in said and "\x1b" not in said
    for line in said.splitlines():
        assert {"time", "level", "logger"} <= set(json.loads(line))


@pytest.mark.parametrize(
    ("proxies", "told"), [("127.0.0.1", "192.0.2.7"), ("10.0.0.0/8", "127.0.0.1"), ("", "127.0.0.1")]
)
def test_the_client_is_who_a_believed_proxy_says(
    settings: Settings, caplog: pytest.LogCaptureFixture, proxies: str, told: str
) -> None:
    caplog.set_level(logging.INFO, "paperpath")
    app = create_app(settings.model_copy(update={"proxies": proxies, "anyone_may_read": True}))
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
    client.get("/v1", headers={"X-Forwarded-For": "192.0.2.7"})
    (line,) = [r.fields for r in caplog.records if r.name == "paperpath.requests"]
    assert (line["client"], line["status"]) == (told, 200)


def test_questions_are_logged_where_that_is_asked_for_and_text_is_text(settings: Settings, tmp_path: Path) -> None:
    build(settings.library)
    with served(settings.library, tmp_path / "log", log="text", log_questions=1) as server:
        httpx.get(f"{server.url}/v1/search?q=a+question", headers={"X-Request-ID": "mine"})
        until(lambda: "request_id=mine" in server.log.read_text())
        (line,) = [line for line in server.log.read_text().splitlines() if "request_id=mine" in line]
    assert "route=/v1/search" in line and "query=q=a+question" in line and "status=200" in line
