"""Requests a second: `paperpath serve` against txtai's API over the same abstracts, 32 clients asking at once.

    python bench/serving.py [--requests 2000] [--clients 32]

Both servers run as their documents say and are asked in turns, so that none is timed while the other
works. The clients are a process of their own on loopback, with connections kept open; every question is a different
one. An answer that isn't 200 or names nothing is an error. Txtai's index is filled with the vectors of paperpath's model
to save minutes; it encodes the questions itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import peers
import psutil

TURNS = 4
WARM_UP = 64
WARM_UP_SECONDS = 15.0  # the processes that a server starts while many ask are there then
START_SECONDS = 120


def client(address: str, clients: int, questions: list[str]) -> dict:
    """Asks all `questions`, `clients` at a time. Latencies in seconds, errors, seconds in all and of the processor."""
    import aiohttp

    latencies: list[float] = []
    errors = 0
    waiting = iter(questions)

    async def ask(session: aiohttp.ClientSession, name: str) -> None:
        nonlocal errors
        for question in waiting:
            started = time.perf_counter()
            try:
                async with session.get(address, params={name: question, "limit": "10"}) as response:
                    answer = json.loads(await response.read())
                    found = answer["results"] if isinstance(answer, dict) else answer
                    errors += response.status != 200 or not found
            except (aiohttp.ClientError, ValueError, KeyError):
                errors += 1
            latencies.append(time.perf_counter() - started)

    async def all_of_them() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
            name = "q" if "/v1/" in address else "query"
            await asyncio.gather(*(ask(session, name) for _ in range(clients)))

    started, spent = time.perf_counter(), time.process_time()
    asyncio.run(all_of_them())
    return {"latencies": latencies, "errors": errors, "seconds": time.perf_counter() - started,
            "busy": time.process_time() - spent}  # fmt: skip


def load(address: str, clients: int, questions: list[str]) -> dict:
    """`client` in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--address", address, "--clients", str(clients)],
        input=json.dumps(questions), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@contextlib.contextmanager
def server(command: list[str], address: str, **environment: str) -> Iterator[psutil.Process]:
    """A server as a child process, from its first answer on."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=peers.PROJECT, env=os.environ | environment, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + START_SECONDS
            while True:
                try:
                    with urllib.request.urlopen(address, timeout=30):
                        break
                except OSError as error:
                    if process.poll() is not None or time.monotonic() > until:
                        said.seek(0)
                        raise SystemExit(
                            f"{command} does not answer ({error}):\n{said.read().decode()[-2000:]}"
                        ) from None
                    time.sleep(0.2)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def busy(process: psutil.Process) -> float:
    """Seconds of the processor that a process and its children have used."""
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def txtai_index(source: Path) -> Path:
    """Txtai's index of the abstracts, saved; built unless it is there already."""
    from indexer import embed
    from indexer.settings import load as settings

    index = source.with_suffix(".txtai")
    if not index.exists():
        rows = peers.rows_of(source)
        texts = [f"{row['title']}\n{row['text']}" for row in rows]
        vectors = embed.load(embed.describe(settings())).embed_passages(texts)
        peers.index_txtai(peers.model_folder(), peers.Passages([row["_id"] for row in rows], texts, vectors)).save(
            str(index)
        )
    return index


def measure(requests: int, clients: int) -> None:
    """Prints the table."""
    source = peers.abstracts()
    library, index = peers.library_of(source), txtai_index(source)
    config = index.with_suffix(".yml")
    config.write_text(
        f"path: {index}\nembeddings:\n  path: {peers.model_folder()}\n  hybrid: true\n  content: true\n", "utf-8"
    )
    ours, theirs = free_port(), free_port()
    addresses = {
        "paperpath serve": f"http://127.0.0.1:{ours}/v1/search",
        "txtai API": f"http://127.0.0.1:{theirs}/search",
    }
    asked = peers.questions(requests + WARM_UP)
    results: dict[str, list[dict]] = {name: [] for name in addresses}
    with (
        server([sys.executable, "-m", "service.cli", "serve", "--library", str(library), "--port", str(ours)],
               f"http://127.0.0.1:{ours}/readyz") as our_server,
        server([sys.executable, "-m", "uvicorn", "txtai.api:app", "--port", str(theirs), "--log-level", "warning"],
               f"http://127.0.0.1:{theirs}/search?query=ready", CONFIG=str(config)) as their_server,
    ):  # fmt: skip
        servers = dict(zip(addresses, (our_server, their_server), strict=True))
        for address in addresses.values():
            end = time.monotonic() + WARM_UP_SECONDS
            while time.monotonic() < end:
                load(address, clients, asked[:WARM_UP])
        parts = np.array_split(np.array(asked[WARM_UP:], object), TURNS)
        for part in parts:
            for name, address in addresses.items():
                before = busy(servers[name])
                turn = load(address, clients, part.tolist())
                results[name].append(turn | {"server": busy(servers[name]) - before})
    print(
        f"{len(peers.rows_of(source))} abstracts, {clients} clients, {requests} requests each in {TURNS} turns,"
        f" {peers.described()}; milliseconds\n"
    )
    print(
        "| server | requests/s | p50 | p99 | errors | server's processor a request | clients' |\n|---|---|---|---|---|---|---|"
    )
    rates = {}
    for name, turns in results.items():
        waited = np.concatenate([turn["latencies"] for turn in turns]) * 1e3
        rates[name] = np.array([len(turn["latencies"]) / turn["seconds"] for turn in turns])
        spent = (sum(turn[which] for turn in turns) / requests * 1e3 for which in ("server", "busy"))
        print(
            f"| {name} | {np.median(rates[name]):.0f} | {np.percentile(waited, 50):.0f} | {np.percentile(waited, 99):.0f}"
            f" | {sum(turn['errors'] for turn in turns)} | {' | '.join(f'{each:.1f}' for each in spent)} |"
        )
    ratios = rates["paperpath serve"] / rates["txtai API"]
    print(f"\npaperpath's rate over txtai's, turn by turn: {', '.join(f'{ratio:.1f}' for ratio in ratios)}")


def main() -> None:
    """Prints a table in markdown."""
    options = argparse.ArgumentParser(description="Requests a second over HTTP, against txtai's API.")
    options.add_argument("--requests", type=int, default=2000)
    options.add_argument("--clients", type=int, default=32)
    options.add_argument("--address", help=argparse.SUPPRESS)  # this process is the clients
    given = options.parse_args()
    if given.address:
        print(json.dumps(client(given.address, given.clients, json.load(sys.stdin))))
    else:
        measure(given.requests, given.clients)


if __name__ == "__main__":
    main()
