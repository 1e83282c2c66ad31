"""Mutation testing: one small fault at a time is put into a copy of the project, and the tests are asked to notice.

    python bench/mutants.py indexer/library/publishing.py --tests tests/test_library.py tests/test_crash.py --sample 60

Prints each fault that no test noticed, with its line; at the end, how many were tried and killed. A sample is drawn by the
seed, so that it can be drawn again. Faults: comparisons moved or turned round, `and`/`or`, `not` dropped, numbers one up,
truths turned, plus/minus, a call or a `raise` left out, a condition turned, `return None`, `break`/`continue`."""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

_MEMORY = 12 << 30  # bytes of address space for each process: a loop that a fault has made endless may eat all there is
PROJECT = Path(__file__).resolve().parent.parent
TURNED: dict[type[ast.AST], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in",
    ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is", ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*",
    ast.Div: "*", ast.Mod: "//"}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """`file` with the bytes `start` to `end` replaced by `by`."""

    file: str
    line: int
    start: int
    end: int
    was: str
    by: str

    def text(self, source: bytes) -> bytes:
        return source[: self.start] + self.by.encode() + source[self.end :]


def mutants(file: str, source: bytes) -> Iterator[Mutant]:
    """Every fault that could be put into `source`. What is only for types, messages or readers is left alone."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))

    def place(node: ast.AST) -> tuple[int, int]:
        return lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def fault(node: ast.AST, by: str, start: int = -1, end: int = -1) -> Mutant:
        if start < 0:
            start, end = place(node)
        return Mutant(file, node.lineno, start, end, source[start:end].decode(), by)  # type: ignore[attr-defined]

    def said(node: ast.AST) -> str:
        return source[slice(*place(node))].decode()

    def within(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.keyword) and child.arg in ("frozen", "strict"):  # nothing to see when it runs
                continue
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            if isinstance(child, (ast.JoinedStr, ast.arg)) or child is getattr(node, "annotation", None) \
               or child is getattr(node, "returns", None):  # fmt: skip
                continue
            if isinstance(child, ast.Raise):
                yield child
                continue
            yield child
            yield from within(child)

    for node in within(ast.parse(source)):
        match node:
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in TURNED:
                yield fault(node, f"{said(left)} {TURNED[type(operator)]} {said(right)}")
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in TURNED \
                 and not any(isinstance(side, (ast.JoinedStr, ast.List)) or isinstance(getattr(side, "value", 0), (str, bytes))
                             for side in (left, right)):  # fmt: skip
                yield fault(node, f"{said(left)} {TURNED[type(operator)]} {said(right)}")
            case ast.BoolOp(op=operator):
                other = " or " if isinstance(operator, ast.And) else " and "
                yield fault(node, "(" + other.join(said(value) for value in node.values) + ")")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield fault(node, said(operand))
            case ast.Constant(value=bool(value)):
                yield fault(node, str(not value))
            case ast.Constant(value=int(value)):
                yield fault(node, str(value + 1))
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
                yield fault(test, f"(not ({said(test)}))")
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise() | ast.Delete():
                yield fault(node, "pass")
            case ast.Return(value=ast.AST() as value) if not (isinstance(value, ast.Constant) and value.value is None):
                yield fault(node, "return None")
            case ast.Break():
                yield fault(node, "continue")
            case ast.Continue():
                yield fault(node, "break")
            case _:
                continue


def copied(into: Path) -> Path:
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=PROJECT, check=True,
                           capture_output=True).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, names):
        if (PROJECT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes((PROJECT / name).read_bytes())
    for beside in ("shared",):
        if (PROJECT.parent / beside).exists() and not (into.parent / beside).exists():
            (into.parent / beside).symlink_to((PROJECT.parent / beside).resolve())
    return into


def passes(folder: Path, tests: list[str], limit: float) -> bool | None:
    """Whether the tests pass; None if they were not done in `limit` seconds, which counts as noticed."""
    command = ["prlimit", f"--as={_MEMORY}", sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
               "-m", "not torture", *tests]  # fmt: skip
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                             env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    try:
        output, _ = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return None
    if child.returncode not in (0, 1, 2):
        raise SystemExit(f"The tests could not be run:\n{output.decode(errors='replace')[-2000:]}")
    return child.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--tests", nargs="+", required=True, help="the tests of the room, quick ones first")
    parser.add_argument("--sample", type=int, default=0, help="as many faults, drawn by the seed (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--lines", help="only faults at these: 10-40,77 (with one file)")
    parser.add_argument("--json", type=Path, help="write what was found there")
    asked = parser.parse_args()
    every = [one for file in asked.files for one in mutants(file, (PROJECT / file).read_bytes())]
    if asked.lines:
        spans = [tuple(map(int, (span.split("-") * 2)[:2])) for span in asked.lines.split(",")]
        every = [one for one in every if any(first <= one.line <= last for first, last in spans)]
    chosen = random.Random(asked.seed).sample(every, min(asked.sample or len(every), len(every)))
    chosen.sort(key=lambda one: (one.file, one.start))
    with tempfile.TemporaryDirectory() as scratch:
        folders: SimpleQueue[Path] = SimpleQueue()
        for job in range(asked.jobs):
            folders.put(copied(Path(scratch) / str(job) / "main"))
        began = time.monotonic()
        first = folders.get()
        if not passes(first, asked.tests, 3600):
            raise SystemExit("The tests fail without a fault.")
        limit = 5 * (time.monotonic() - began) + 60
        folders.put(first)
        print(
            f"{len(every)} faults possible, {len(chosen)} tried; the tests take {time.monotonic() - began:.0f} s",
            flush=True,
        )

        def tried(one: Mutant) -> bool:
            folder = folders.get()
            source = (folder / one.file).read_bytes()
            try:
                (folder / one.file).write_bytes(one.text(source))
                lives = passes(folder, asked.tests, limit)
            finally:
                (folder / one.file).write_bytes(source)
                folders.put(folder)
            print(
                f"{'LIVES ' if lives else 'killed'} {one.file}:{one.line}  {one.was[:70]!r} -> {one.by[:70]!r}",
                flush=True,
            )
            return bool(lives)

        with ThreadPoolExecutor(asked.jobs) as pool:
            lived = [one for one, lives in zip(chosen, pool.map(tried, chosen), strict=True) if lives]
    print(f"{len(chosen)} tried, {len(chosen) - len(lived)} killed, {len(lived)} live")
    if asked.json:
        asked.json.write_text(
            json.dumps({"possible": len(every), "tried": len(chosen), "live": [asdict(one) for one in lived]})
        )


if __name__ == "__main__":
    main()
