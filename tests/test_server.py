"""`paperpath serve` as it is run: a real process, asked over real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from libraries import build

from indexer.settings import PROJECT

WAIT = 60


def serve(library: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PAPERPATH_MODEL": "toy", "PAPERPATH_LIBRARY": str(library), **settings}
    command = [sys.executable, "-m", "service.cli", "serve", "--port", "0", *arguments]
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ask(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=WAIT) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_a_token_file_that_everyone_may_read_is_named_at_the_start(tmp_path: Path) -> None:
    build(tmp_path / "library")
    token = tmp_path / "token"
    token.write_text("secret")
    for mode, warns in ((0o644, True), (0o400, False)):
        token.chmod(mode)
        with serve(tmp_path / "library", PAPERPATH_TOKEN_FILE=str(token)) as server:
            assert server.stdout is not None and "generation 000001" in server.stdout.readline()
            server.terminate()
            _, said = server.communicate(timeout=WAIT)
        assert (f"Warning: every user of this machine may read {token}: `chmod 600 {token}`\n" in said) == warns, said


def test_what_is_set_and_can_not_be_meant_so_is_named_at_the_start(tmp_path: Path) -> None:
    build(tmp_path / "library")
    given = {
        "PAPERPATH_TOKEN": "one",
        "PAPERPATH_TOKEN_FILE": "token",
        "PAPERPATH_READ_TOKENFILE": "x",
        "PAPERPATH_ODD": "1",
    }
    with serve(tmp_path / "library", **given) as server:
        assert server.stdout is not None
        told = [server.stdout.readline() for _ in range(6)]
        server.terminate()
        _, said = server.communicate(timeout=WAIT)
    assert told[-1] == "  The token for changes is what PAPERPATH_TOKEN has.\n"
    assert said.count("Warning") == 3
    for warning in ("PAPERPATH_TOKEN is set, and so token (of PAPERPATH_TOKEN_FILE) is not looked at",
                    "PAPERPATH_READ_TOKENFILE is no setting, and is not looked at: PAPERPATH_READ_TOKEN_FILE is meant?",
                    "PAPERPATH_ODD is no setting, and is not looked at."):  # fmt: skip
        assert f"Warning: {warning}" in said


@pytest.mark.parametrize(("name", "stops"), [("SIGTERM", True), ("SIGINT", True), ("SIGHUP", True), ("SIGHUP", False)])
def test_a_signal_stops_it_in_order(tmp_path: Path, name: str, stops: bool) -> None:
    """A closed terminal too; not below `nohup`, which has that ignored."""
    build(tmp_path / "library")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL if stops else signal.SIG_IGN)  # what it is started with
    try:
        server = serve(tmp_path / "library")
    finally:
        signal.signal(signal.SIGHUP, before)
    with server:
        try:
            assert server.stdout is not None and "generation 000001" in server.stdout.readline()
            address = server.stdout.readline().strip()
            assert ask(f"{address}healthz")[0] == 200  # it takes signals by now
            server.send_signal(signal.Signals[name])
            if not stops:
                assert ask(f"{address}healthz")[0] == 200
                server.terminate()
            _, log = server.communicate(timeout=WAIT)
        finally:
            server.kill()
    assert "Stopped." in log and "Traceback" not in log and server.returncode == 0


def test_it_serves_others_only_when_told_to_in_as_many_words(tmp_path: Path) -> None:
    build(tmp_path)
    with serve(tmp_path, "--host", "0.0.0.0") as refused:
        out, said = refused.communicate(timeout=WAIT)
    assert refused.returncode == 2 and not out and "--anyone-may-read" in said and "PAPERPATH_READ_TOKEN" in said
    with serve(tmp_path, "--host", "0.0.0.0", "--anyone-may-read", PAPERPATH_ARRIVE_SECONDS="3") as server:
        try:
            assert server.stdout is not None and "generation 000001" in server.stdout.readline()
            address = server.stdout.readline().strip().rstrip("/")
            port = int(address.removeprefix("http://127.0.0.1:"))  # 0.0.0.0 is no name to ask by
            status, headers, body = ask(f"{address}/v1/papers")
            assert (status, len(json.loads(body)["papers"])) == (200, 4)
            assert "server" not in {name.lower() for name in headers}
            assert ask(f"{address}/v1/papers", Host="evil.example")[0] == 421
            # No forwarded header is believed: uvicorn's own default believes those from this machine.
            assert ask(f"{address}/v1/papers", **{"X-Forwarded-For": "192.0.2.99"})[0] == 200
            with socket.create_connection(("127.0.0.1", port), WAIT) as slow:
                slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
                assert slow.recv(65536).startswith(b"HTTP/1.1 408 ")
        finally:
            server.terminate()
        _, log = server.communicate(timeout=WAIT)
    assert "192.0.2.99" not in log and "Traceback" not in log and server.returncode in (0, -15)
