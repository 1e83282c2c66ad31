"""Servers for tests, on loopback: one in this process, and one as people run it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from indexer.settings import Settings
from service.serving import connections

PROJECT = Path(__file__).parents[1]
WAIT = 120  # seconds for what takes a few on an idle machine


@contextmanager
def live(app: FastAPI, settings: Settings) -> Iterator[str]:
    """The application over real connections, in a thread of this process; its address."""
    protocol = connections.within(connections.rules_of(settings, app.state.access))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, ws="none", proxy_headers=False, log_config=None,
                                           access_log=False, timeout_graceful_shutdown=5))  # fmt: skip
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(WAIT)


@dataclass(frozen=True)
class Served:
    """`paperpath serve` as a process of its own: its address, and the file that its log goes to."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def line(self, **wanted: object) -> dict:
        """The first line of the log, of those in JSON, that says this; waits for it."""
        import json

        found: list[dict] = []

        def there() -> bool:
            for line in self.log.read_text().splitlines():
                with suppress(ValueError):
                    said = json.loads(line)
                    if wanted.items() <= said.items():
                        found.append(said)
            return bool(found)

        until(there)
        return found[0]


@contextmanager
def served(library: Path, to: Path, *, port: int = 0, **settings: object) -> Iterator[Served]:
    """Runs `paperpath serve` with these settings and its log in the file `to`, and kills what is left of it at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAPERPATH_")}
    environment |= {"PAPERPATH_MODEL": "toy", "PYTHONPATH": str(PROJECT)}
    environment |= {f"PAPERPATH_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "service.cli", "serve", "--port", str(port), "--library", str(library)]
    with to.open("w") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment,
                                   cwd=library.parent, start_new_session=True)  # fmt: skip
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        match = re.search(r"http://\S+?(?=/\s*$)", lines[1])
        assert match, f"{lines} {to.read_text()}"
        until(lambda: _answers(match[0]))
        yield Served(match[0], process, to)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait(WAIT)
        process.stdout.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def until(so, seconds: float = WAIT) -> None:
    """Returns when it is so; fails after a while."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


def sent(url: str, data: bytes) -> bytes:
    """What a server answers to these bytes, up to the end of the connection."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))
