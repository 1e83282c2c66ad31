"""The server under load: requests a second, latencies and memory by how many ask; beyond what it can; and while it reindexes.

    python bench/load.py [--library FOLDER] [--seconds 15] [--reindexes 10] [--json FILE]

The clients are a process of their own on loopback; every question is a different one. Each of 1, 8, 32 and 128 clients asks
again as soon as it has its answer. Capacity is the largest rate of answers; the latency there is that of the fewest clients
who get nine tenths of it. Beyond it, twice and four times as many requests come in a second, whatever becomes of them. Then
half of capacity is asked while nothing else goes on, and while documents are added and taken out by `POST /v1/reindex`.
A refusal is a 429; everything but that and a 200 is an error, and so is a 429 at half of capacity.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

import clients
import numpy as np
import peers
from served import Served, served

CLIENTS = (1, 8, 32, 128)
BEYOND = (2, 4)
WARM_UP_SECONDS = 20.0
QUESTIONS = 2000


@dataclass(frozen=True)
class Load:
    """What came of one load: `count` requests. `asked` and `answered` are a second; milliseconds are of what was answered."""

    name: str
    count: int
    asked: float
    answered: float
    p50: float
    p99: float
    longest: float
    refused: float
    errors: dict[str, int]
    megabytes: float
    processor_ms: float
    client_ms: float


# The clients


def ask(plan: dict) -> dict:
    """What the clients' process does: asks until its time is over, or its input ends."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    requests = [clients.Request("/v1/search?" + urlencode({"q": q, "limit": 10})) for q in plan["questions"]]
    endless = itertools.cycle(requests)
    came: Counter[str] = Counter()
    seconds: list[float] = []

    def take(_: clients.Request, reply: clients.Reply) -> None:
        came[clients.kind_of(reply)] += 1
        if reply.status == 200:
            seconds.append(reply.seconds)

    async def run() -> None:
        client = clients.Client(plan["port"])
        end = time.perf_counter() + plan["seconds"]

        def goes_on() -> bool:
            return time.perf_counter() < end and not over.is_set()

        if rate := plan.get("rate"):
            await clients.opened(client, endless, rate, goes_on, take)
        else:
            await clients.closed(client, endless, plan["clients"], goes_on, take)
        client.close()

    started, spent = time.perf_counter(), time.process_time()
    asyncio.run(run())
    return {"came": came, "seconds": seconds, "took": time.perf_counter() - started,
            "spent": time.process_time() - spent}  # fmt: skip


class Asking:
    """The clients at work in a process of their own."""

    def __init__(self, server: Served, name: str, seconds: float, questions: list[str], **how: float) -> None:
        self._server, self._name = server, name
        self._before = server.busy()
        plan = {"port": server.port, "seconds": seconds, "questions": questions} | how
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--clients"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()

    def result(self, stop: bool = False) -> Load:
        """What came of it, when its time is over; with `stop` it is over now."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if stop:
            self._process.stdin.close()
        told = json.loads(self._process.stdout.readline())
        self._process.stdin.close()
        self._process.wait()
        came: dict[str, int] = told["came"]
        asked, answered = max(sum(came.values()), 1), came.pop("200", 0)
        refused = came.pop("429", 0)
        waited = np.array(told["seconds"] or [np.nan]) * 1e3
        return Load(
            self._name, asked, asked / told["took"], answered / told["took"], *np.percentile(waited, (50, 99, 100)).tolist(),
            refused / asked, came, self._server.taken()["megabytes"],
            (self._server.busy() - self._before) / asked * 1e3, told["spent"] / asked * 1e3,
        )  # fmt: skip


# What is measured


def measure(server: Served, seconds: float, reindexes: int) -> tuple[list[Load], dict[str, float]]:
    """All loads, and what the issue's promises are held against."""
    questions = peers.questions(QUESTIONS)

    def load(name: str, **how: float) -> Load:
        found = Asking(server, name, seconds, questions, **how).result()
        print(row(found), flush=True)
        return found

    Asking(server, "", WARM_UP_SECONDS, questions, clients=32).result()
    print(HEAD, flush=True)
    loads = [load(f"{count} clients", clients=count) for count in CLIENTS]
    most = max(one.answered for one in loads)
    capacity = next(one for one in loads if one.answered >= 0.9 * most)
    beyond = [load(f"{times} x capacity", rate=times * most) for times in BEYOND]
    quiet = load("half of capacity", rate=most / 2)
    found = [*loads, *beyond, quiet]
    told = {"capacity": most, "p99_at_capacity": capacity.p99,
            "p99_beyond_over_capacity": max(one.p99 for one in beyond) / capacity.p99}  # fmt: skip
    if reindexes:
        asking = Asking(server, f"the same, {reindexes} reindexes", 3600, questions, rate=most / 2)
        took = [server.reindex() for _ in range(reindexes)]
        during = asking.result(stop=True)
        print(row(during), flush=True)
        found.append(during)
        told |= {"reindex_seconds": float(np.median(took)), "p99_reindexing_over_quiet": during.p99 / quiet.p99,
                 "failed_reindexing": sum(during.errors.values()) + round(during.refused * during.count)}  # fmt: skip
    return found, told


HEAD = (
    "| load | asked/s | answered/s | p50 ms | p99 ms | longest | refused | errors | memory MB | server's processor, ms a request"
    " | clients' |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(load: Load) -> str:
    """A load as a line of the table."""
    errors = ", ".join(f"{count} {kind}" for kind, count in load.errors.items()) or "0"
    waited = f"{load.p50:.0f} | {load.p99:.0f} | {load.longest:.0f}"
    return (f"| {load.name} | {load.asked:.0f} | {load.answered:.0f} | {waited} | {load.refused:.1%} | {errors}"
            f" | {load.megabytes:.0f} | {load.processor_ms:.1f} | {load.client_ms:.2f} |")  # fmt: skip


def main() -> None:
    """Prints a table in markdown, and what the promises come to."""
    options = argparse.ArgumentParser(description="The server under load.")
    options.add_argument("--library", type=Path, help="by default that of bench/serving.py, built if need be")
    options.add_argument("--seconds", type=float, default=15.0, help="for each load")
    options.add_argument("--reindexes", type=int, default=10)
    options.add_argument("--json", type=Path, default=peers.BUILD / "load.json", help="where the figures go")
    options.add_argument("--clients", action="store_true", help=argparse.SUPPRESS)  # this process is the clients
    given = options.parse_args()
    if given.clients:
        print(json.dumps(ask(json.loads(sys.stdin.readline()))))
        return
    with served(given.library or peers.library_of(peers.abstracts())) as server:
        loads, told = measure(server, given.seconds, given.reindexes)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps({"loads": [asdict(load) for load in loads], **told}, indent=1) + "\n", "utf-8")
    print(f"\ncapacity {told['capacity']:.0f} answers a second; beyond it p99 {told['p99_beyond_over_capacity']:.1f} times that"
          " at capacity (at most 2)")  # fmt: skip
    if "failed_reindexing" in told:
        print(f"{given.reindexes} reindexes of {told['reindex_seconds']:.1f} s: p99 {told['p99_reindexing_over_quiet']:.1f} times"
              f" the quiet one (at most 3), {told['failed_reindexing']:.0f} requests failed")  # fmt: skip


if __name__ == "__main__":
    main()
