"""Pages per second of extraction, structure and all, against plain single-process pypdf text of the same files.

    python bench/extract.py FOLDER [PROCESSES ...]

Each measurement is a process of its own, start included, as a user has it; plain pypdf and ours take turns, three times,
and the medians are compared: machines differ, the ratio hardly does.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TURNS = 3
PLAIN = """
import json, logging, sys, time
started = time.perf_counter()
import pypdf
logging.getLogger("pypdf").setLevel(logging.CRITICAL)
pages = sum(len([page.extract_text() for page in pypdf.PdfReader(name).pages]) for name in sys.argv[1:])
print(json.dumps({"pages": pages, "seconds": time.perf_counter() - started}))
"""
OURS = """
import json, resource, sys, time
from pathlib import Path
if __name__ == "__main__":
    started = time.perf_counter()
    from indexer.extract.workers import Workers
    with Workers(int(sys.argv[1]), 120, 2048, engine=sys.argv[2]) as workers:
        waiting = [workers.start(Path(name), "pdf") for name in sys.argv[3:]]
        pages = sum(len(wait().pages) for wait in waiting)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"pages": pages, "seconds": seconds, "peak": peak}))
"""


def run(script: Path, *arguments: str) -> dict:
    """What a script prints, run as a process of its own."""
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    return json.loads(done.stdout)


def main() -> None:
    """Prints a line for each engine and number of processes."""
    files = sorted(str(path) for path in Path(sys.argv[1]).resolve().glob("*.pdf"))
    counts = [int(n) for n in sys.argv[2:]] or [1, os.cpu_count() or 1]
    build = PROJECT / "build"
    build.mkdir(exist_ok=True)
    plain, ours = build / "bench-plain.py", build / "bench-ours.py"
    plain.write_text(PLAIN, encoding="utf-8")
    ours.write_text(f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n{OURS}", encoding="utf-8")
    cases = [(engine, n) for engine in ("auto", "pypdf") for n in counts]
    base: list[float] = []
    speeds: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
    peaks: dict[tuple[str, int], float] = {}
    for _ in range(TURNS):
        told = run(plain, *files)
        base.append(told["pages"] / told["seconds"])
        for engine, n in cases:
            told = run(ours, str(n), engine, *files)
            speeds[engine, n].append(told["pages"] / told["seconds"])
            peaks[engine, n] = max(peaks.get((engine, n), 0.0), told["peak"])
    usual = statistics.median(base)
    print(f"{len(files)} files, {told['pages']} pages; plain pypdf, 1 process: {usual:.1f} pages/s")
    for (engine, n), found in speeds.items():
        ratio = statistics.median(found) / usual
        print(
            f"--engine {engine:6}  {n} processes: {statistics.median(found):6.1f} pages/s, {ratio:5.2f} times plain pypdf "
            f"({ratio / n:.2f} for each process), peak {peaks[engine, n]:.0f} MB a process"
        )


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"measured in {time.perf_counter() - started:.0f} s", file=sys.stderr)
