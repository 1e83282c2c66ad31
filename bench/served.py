"""A server to measure: on a copy of a library, with a token, and what it takes of memory, handles and threads."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peers
import psutil

_START_SECONDS = 120
_REINDEX_SECONDS = 600


@dataclass
class Served:
    """A server that answers, with its children. `token` allows changes; `library` is its own copy."""

    process: psutil.Process
    port: int
    token: str
    library: Path
    _added: list[str] = field(default_factory=list)
    _count: int = 0

    def taken(self) -> dict[str, float]:
        """What it takes now, with the children that answer beside it: megabytes (shared ones parted among those who share
        them; of the server's own process too), handles, threads, processes; a reindex counts apart."""
        found = {
            "megabytes": 0.0,
            "server_megabytes": 0.0,
            "handles": 0,
            "threads": 0,
            "processes": 0,
            "reindex_megabytes": 0.0,
        }
        for one, reindexes in self._processes():
            with contextlib.suppress(psutil.Error):
                megabytes = one.memory_full_info().pss / 1e6
                if reindexes:
                    found["reindex_megabytes"] += megabytes
                    continue
                found["megabytes"] += megabytes
                found["server_megabytes"] += megabytes if one == self.process else 0
                found["handles"] += one.num_fds()
                found["threads"] += one.num_threads()
                found["processes"] += 1
        return found

    def busy(self) -> float:
        """Seconds of the processor that it and the children that answer have used."""
        total = 0.0
        for one, reindexes in self._processes():
            with contextlib.suppress(psutil.Error):
                total += 0.0 if reindexes else sum(one.cpu_times()[:2])
        return total

    def _processes(self) -> list[tuple[psutil.Process, bool]]:
        """The server and its children, each with whether it is a reindex or a child of one."""
        found = [(self.process, False)]
        for child in self.process.children():
            with contextlib.suppress(psutil.Error):
                reindexes = "reindex" in child.cmdline()
                found += [(one, reindexes) for one in (child, *child.children(recursive=True))]
        return found

    def generations(self) -> int:
        """How many generations the server's own process holds."""
        told = re.search(r"^paperpath_generations_in_memory (\S+)$", self._read("/metrics").decode(), re.MULTILINE)
        return int(float(told[1])) if told else 0

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """The JSON that a route answers; with a body it is sent, with the token. Raises SystemExit where that fails."""
        return json.loads(self._read(path, body))

    def _read(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=90) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: {error.code} {error.read().decode()}") from None

    def reindex(self, begun: Callable[[str], None] = lambda job: None) -> float:
        """A reindex over HTTP that adds two documents, or takes those out that the one before has added. Its seconds.

        `begun` is told of its job.
        """
        if self._added:
            wanted = {"remove": [self._added.pop()]}
        else:
            self._count += 1
            said = "Nothing but a document that is soon taken out, of number "
            rows = [{"_id": name, "title": f"Document {name}", "text": f"{said}{name}."}
                    for name in (f"added-{self._count}-{n}" for n in (1, 2))]  # fmt: skip
            body = "".join(json.dumps(row) + "\n" for row in rows).encode()
            source = self.ask(f"/v1/uploads?name=added-{self._count}.jsonl", body)["source"]
            self._added.append(source)
            wanted = {"add": [source]}
        job = self.ask("/v1/reindex", json.dumps(wanted | {"offline": True}).encode())
        begun(job["id"])
        until = time.monotonic() + _REINDEX_SECONDS
        while job["state"] == "running" and time.monotonic() < until:
            job = self.ask(f"/v1/reindex/{job['id']}?wait=10")
        if job["state"] != "done" or job["exit_code"] not in (0, 3):
            raise SystemExit(f"A reindex failed: {job['exit_code']} {job['messages']}")
        return job["ended"] - job["started"]


@contextlib.contextmanager
def served(library: Path, **environment: str) -> Iterator[Served]:
    """A server on a copy of `library`, from when it is ready on."""
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="paperpath-") as folder, tempfile.TemporaryFile() as said:
        copy = Path(folder) / "library"
        shutil.copytree(library, copy)
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve", "--library", str(copy), "--port", "0"],
            cwd=peers.PROJECT, env=os.environ | {"PAPERPATH_TOKEN": token} | environment, stdout=subprocess.PIPE, stderr=said,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            process.stdout.readline()
            address = process.stdout.readline().decode()
            if not address.strip():
                said.seek(0)
                raise SystemExit(f"The server does not start:\n{said.read().decode()[-2000:]}")
            port = int(address.strip().rstrip("/").rpartition(":")[2])
            found = Served(psutil.Process(process.pid), port, token, copy)
            until = time.monotonic() + _START_SECONDS
            while True:
                try:
                    found.ask("/readyz")
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.1)
            yield found
        finally:
            process.terminate()
            process.wait()
