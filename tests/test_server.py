"""`paperpath serve` as it is run: a real process, asked over real sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

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


def test_it_serves_others_only_when_told_to_in_as_many_words(tmp_path: Path) -> None:
    build(tmp_path)
    with serve(tmp_path, "--host", "0.0.0.0") as refused:
        out, said = refused.communicate(timeout=WAIT)
    assert refused.returncode == 2 and not out and "--anyone-may-read" in said and "PAPERPATH_READ_TOKEN" in said
    with serve(tmp_path, "--host", "0.0.0.0", "--anyone-may-read", PAPERPATH_ARRIVE_SECONDS="3") as server:
        try:
            assert server.stdout is not None and "generation 000001" in server.stdout.readline()
            port = int(server.stdout.readline().strip().rstrip("/").rpartition(":")[2])
            address = f"http://127.0.0.1:{port}"
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
