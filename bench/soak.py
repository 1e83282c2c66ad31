"""A long time of everything at once: does the server grow, leak, or fail?

    python bench/soak.py [--library FOLDER] [--hours 2] [--requests 1000000] [--reindexes 20] [--json FILE]

Every route is asked at three quarters of what the server can do, searches most of all, with errors that are planned, answers
that the client has, clients that leave, and reindexes in between, each of which adds two documents or takes them out, and is
told to who listens. It ends after so many requests or hours. Every few seconds the memory (parted among those who share it),
the open handles and the threads of the server and the processes beside it are read; a reindex's own are left out.

Their slopes are Theil and Sen's, the medians of all pairs', behind a warm-up; the intervals hold 95 % of those that a block
bootstrap of what is left over gives, since neighbouring readings are alike. A slope whose interval lies above nothing is
growth. At the end nothing is asked any more until the processes beside the server have ended: what is held then beyond what
was held at first is named too, and how many generations the server holds. Each reading is written beside FILE as it is made,
as `.readings.jsonl`: of a run that is cut off, those are left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.request import Request as Asked
from urllib.request import urlopen

import clients
import mixed
import numpy as np
import peers
from served import Served, served

SHARE = 0.75
WARM_UP = 0.2  # of the time
SAMPLE_SECONDS = 5.0
CAPACITY_SECONDS = 30.0
REST_SECONDS = 200.0  # the processes beside the server end after 120
LEAVERS = 0.005  # of the requests: asked, and not waited for
BLOCKS = 12
GROWING = ("megabytes", "server_megabytes", "handles", "threads")
DRAWS = 400


# The clients


def ask(plan: dict) -> dict:
    """What the clients' process does: asks until its time is over, it has asked enough, or its input ends."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    mix = mixed.Mix(plan["questions"], plan["ids"], plan["token"], plan["seed"])
    came: dict[str, Counter[str]] = {}
    seconds: dict[str, list[float]] = {}
    failures: list[str] = []
    count = 0

    def take(request: clients.Request, reply: clients.Reply) -> None:
        nonlocal count
        count += 1
        came.setdefault(request.kind, Counter())[str(reply.status)] += 1
        times = seconds.setdefault(request.kind, [])
        if len(times) < 20_000:
            times.append(reply.seconds)
        if reply.status not in (*mixed.PLANNED.get(request.kind, (200,)), 429):
            if len(failures) < 100:
                failures.append(
                    f"{request.kind} {request.method} {request.path[:200]}: {reply.status} {reply.body[:300]!r}"
                )
        mix.took(request, reply)

    async def leave(client: clients.Client, request: clients.Request) -> None:
        """Asks, and closes the connection while it is answered."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", plan["port"])
            writer.write(request.written(f"127.0.0.1:{plan['port']}"))
            await asyncio.sleep(0.01)
            writer.transport.abort()
        except OSError as error:
            take(request, clients.Reply(0, {}, repr(error).encode(), 0, 0))

    async def run() -> None:
        client = clients.Client(plan["port"])
        end = time.perf_counter() + plan["seconds"]

        def goes_on() -> bool:
            return time.perf_counter() < end and count < plan["requests"] and not over.is_set()

        async def leavers() -> None:
            requests = iter(mixed.Mix(plan["questions"], plan["ids"], plan["token"], plan["seed"] + 1))
            while goes_on():
                await asyncio.sleep(1 / (LEAVERS * plan["rate"]))
                await leave(client, next(requests))

        if plan.get("rate"):
            leaving = asyncio.create_task(leavers())
            await clients.opened(client, iter(mix), plan["rate"], goes_on, take)
            leaving.cancel()
        else:
            await clients.closed(client, iter(mix), plan["clients"], goes_on, take)
        client.close()

    started = time.perf_counter()
    asyncio.run(run())
    p99 = {kind: float(np.percentile(times, 99)) for kind, times in seconds.items()}
    return {"came": came, "p99": p99, "failures": failures, "count": count, "took": time.perf_counter() - started}


def clients_of(server: Served, **plan: object) -> subprocess.Popen[str]:
    """The clients at work in a process of their own."""
    ids = [paper["id"] for paper in server.ask("/v1/papers")["papers"]][:2000]
    process = subprocess.Popen(
        [sys.executable, __file__, "--clients"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    questions = peers.questions(2000)
    process.stdin.write(
        json.dumps({"port": server.port, "token": server.token, "questions": questions, "ids": ids, **plan}) + "\n"
    )
    process.stdin.flush()
    return process


def result(process: subprocess.Popen[str]) -> dict:
    """What came of it, when it has ended."""
    assert process.stdout is not None and process.stdin is not None
    told = process.stdout.readline()
    process.stdin.close()
    process.wait()
    return json.loads(told)


# Reindexes, and who listens to them


def listen(server: Served, job: str, whole: bool) -> None:
    """Is told of a job as it goes on: to its end, or for a moment."""
    with urlopen(Asked(f"http://127.0.0.1:{server.port}/v1/reindex/{job}/events"), timeout=900) as stream:
        stream.read() if whole else stream.read(16)


def reindex(server: Served, count: int, seconds: float, over: threading.Event, done: list[float]) -> None:
    """So many reindexes, spread over that time, each with one who is told of it to its end, and one who leaves."""
    started = time.monotonic()
    listeners: list[threading.Thread] = []

    def begun(job: str) -> None:
        for whole in (True, False):
            listeners.append(threading.Thread(target=listen, args=(server, job, whole), daemon=True))
            listeners[-1].start()

    for number in range(count):
        if over.wait(max(0.0, started + seconds * (number + 0.5) / count - time.monotonic())):
            return
        done.append(server.reindex(begun))
        while listeners:
            listeners.pop().join()


# What is made of the readings


def slope(times: np.ndarray, values: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """How much `values` grow an hour, and the interval of it."""
    hours = times / 3600

    def theil_sen(of: np.ndarray) -> float:
        first, second = np.triu_indices(len(hours), 1)
        if len(first) > 200_000:
            some = np.random.default_rng(seed).choice(len(first), 200_000, replace=False)
            first, second = first[some], second[some]
        return float(np.median((of[second] - of[first]) / (hours[second] - hours[first])))

    found = theil_sen(values)
    trend = found * hours + np.median(values - found * hours)
    left = values - trend
    chance = np.random.default_rng(seed)
    size = max(1, len(left) // BLOCKS)
    starts = chance.integers(0, len(left) - size + 1, (DRAWS, -(-len(left) // size)))
    draws = [
        theil_sen(trend + np.concatenate([left[start : start + size] for start in row])[: len(left)]) for row in starts
    ]
    return found, *np.percentile(draws, (2.5, 97.5)).tolist()


def soak(server: Served, seconds: float, requests: int, reindexes: int, kept: Path) -> dict:
    """Everything, and what came of it. `kept` is where the readings go, each as it is made."""
    before = server.taken()
    warm = result(clients_of(server, seed=1, seconds=CAPACITY_SECONDS, requests=10**9, clients=32))
    again = result(clients_of(server, seed=2, seconds=CAPACITY_SECONDS, requests=10**9, clients=32))
    refused = sum(statuses.get("429", 0) for statuses in again["came"].values())
    capacity = (again["count"] - refused) / again["took"]
    print(
        f"{capacity:.0f} answers a second can be given; {SHARE * capacity:.0f} are asked for",
        file=sys.stderr,
        flush=True,
    )
    seconds = min(seconds, requests / (SHARE * capacity))
    asking = clients_of(server, seed=3, seconds=seconds, requests=requests, rate=SHARE * capacity)
    over, done = threading.Event(), []
    changing = threading.Thread(target=reindex, args=(server, reindexes, seconds, over, done), daemon=True)
    changing.start()
    started, readings = time.monotonic(), []
    kept.write_text("", "utf-8")
    while asking.poll() is None and time.monotonic() - started < seconds + 120:
        generations = server.generations()
        readings.append({"at": time.monotonic() - started, **server.taken(), "generations": generations})
        with kept.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(readings[-1]) + "\n")
        if readings[-1]["at"] > seconds:
            break
        time.sleep(SAMPLE_SECONDS)
    told = result(asking)
    over.set()
    changing.join()
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until and server.taken()["processes"] > before["processes"]:
        time.sleep(SAMPLE_SECONDS)
    after = server.taken() | {"generations": server.generations()}
    late = [reading for reading in readings if reading["at"] > WARM_UP * seconds]
    at = np.array([reading["at"] for reading in late])
    slopes = {name: slope(at, np.array([reading[name] for reading in late], float)) for name in GROWING}
    parts = (warm, again, told)
    return {
        "capacity": capacity, "seconds": told["took"], "requests": sum(part["count"] for part in parts),
        "reindexes": len(done), "reindex_seconds": done, "came": told["came"], "p99": told["p99"],
        "failures": [failure for part in parts for failure in part["failures"]], "slopes": slopes, "before": before,
        "after": after, "readings": readings,
    }  # fmt: skip


def verdict(found: dict) -> list[str]:
    """What came of it, in words."""
    lines = [f"{found['requests']} requests in {found['seconds'] / 60:.0f} minutes, {found['reindexes']} reindexes"]
    refused = sum(statuses.get("429", 0) for statuses in found["came"].values())
    lines.append(f"{refused} refused for the line, {len(found['failures'])} failures" + (" (the first hundred)" if len(
        found["failures"]) >= 100 else ""))  # fmt: skip
    lines += [f"  {failure}" for failure in found["failures"][:10]]
    for name, (an_hour, low, high) in found["slopes"].items():
        says = "grows" if low > 0 else "does not grow, as far as can be told"
        lines.append(f"{name}: {an_hour:+.2f} an hour ({low:+.2f} to {high:+.2f}): {says}")
    most = max((reading["generations"] for reading in found["readings"]), default=0)
    lines.append(f"generations in memory: {most} at most, {found['after']['generations']} at rest")
    before, after = found["before"], found["after"]
    lines += [f"{name} at rest: {before[name]:.0f} before, {after[name]:.0f} after" for name in (*GROWING, "processes")]
    return lines


def main() -> None:
    """Prints a verdict, and writes all figures."""
    options = argparse.ArgumentParser(description="A long time of everything at once.")
    options.add_argument("--library", type=Path, help="by default that of bench/serving.py, built if need be")
    options.add_argument("--hours", type=float, default=2.0)
    options.add_argument("--requests", type=int, default=1_000_000)
    options.add_argument("--reindexes", type=int, default=20)
    options.add_argument("--json", type=Path, default=peers.BUILD / "soak.json", help="where the figures go")
    options.add_argument("--clients", action="store_true", help=argparse.SUPPRESS)  # this process is the clients
    given = options.parse_args()
    if given.clients:
        print(json.dumps(ask(json.loads(sys.stdin.readline()))))
        return
    given.json.parent.mkdir(parents=True, exist_ok=True)
    with served(given.library or peers.library_of(peers.abstracts())) as server:
        kept = given.json.with_suffix(".readings.jsonl")
        found = soak(server, given.hours * 3600, given.requests, given.reindexes, kept)
    given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print("\n".join(verdict(found)))
    sys.exit(bool(found["failures"]))


if __name__ == "__main__":
    main()
