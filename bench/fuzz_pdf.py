"""Breaks real PDFs in every way it can think of, and looks for what extraction does not take as it should.

    python bench/fuzz_pdf.py --minutes 60 --jobs 4 --seed 1

It is guided by coverage: a broken file that makes `indexer/extract` take a path not taken before is broken further. Each is
read in a worker with the limits of a reindex. What is kept below `build/fuzz`, each with a note on how it came about: files
at which something raised what is no `ExtractError`, that took too long or too much memory, that killed the process, or whose
text is at odds with itself. `--replay FILE` reads one file again.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import logging
import random
import re
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from indexer import extract  # noqa: E402
from indexer.document import Extracted  # noqa: E402
from indexer.errors import ExtractError, Interrupted, LimitReached, PaperpathError  # noqa: E402
from indexer.extract.workers import Workers  # noqa: E402

SECONDS, MEGABYTES = 20, 1024
ENGINES = ("auto", "pdfium", "pypdf")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_OURS = str(PROJECT / "indexer" / "extract")


# ---------------------------------------------------------------------- in the worker


@dataclass(frozen=True)
class Seen:
    """What came of a file: its text, or what was raised. `edges` are the jumps from line to line that it made us take."""

    found: Extracted | None
    error: str = ""
    message: str = ""
    trace: str = ""
    expected: bool = True
    edges: frozenset[int] = frozenset()
    wrong: tuple[str, ...] = ()


def traced(path: Path, kind: str, url: str = "", **options) -> Seen:
    """`extract.read` with what it does written down. Stands in for it in the workers."""
    edges: set[int] = set()
    last = 0

    def lines(frame, event, _argument):
        nonlocal last
        if event == "line":
            here = (_number_of(frame.f_code.co_filename) + frame.f_lineno) * 2654435761 & 0xFFFFFFFF
            edges.add((last >> 1) ^ here)
            last = here
        return lines

    def calls(frame, _event, _argument):
        return lines if frame.f_code.co_filename.startswith(_OURS) else None

    sys.settrace(calls)
    try:
        seen = plainly(path, kind, url, **options)
    finally:
        sys.settrace(None)
    return Seen(None, seen.error, seen.message, seen.trace, seen.expected, frozenset(edges), seen.wrong)


@cache
def _number_of(filename: str) -> int:
    return zlib.crc32(filename.encode())  # the same in every worker, which `hash` is not


def plainly(path: Path, kind: str, url: str = "", **options) -> Seen:
    """`extract.read` with nothing hidden: an exception that is none of ours is told with its trace."""
    from indexer.extract import pdf

    try:
        found = pdf.read_pdf(path, options["engine"], options["ocr"], options["told"])
    except ExtractError as error:
        return Seen(None, type(error).__name__, error.message)
    except (MemoryError, RecursionError) as error:
        return Seen(
            None, type(error).__name__, str(error), traceback.format_exc()[-3000:], isinstance(error, MemoryError)
        )
    except Exception as error:
        return Seen(None, type(error).__name__, str(error)[:500], traceback.format_exc()[-6000:], False)
    try:
        return Seen(None, wrong=tuple(wrong_with(found)))
    except Exception as error:
        return Seen(None, type(error).__name__, str(error)[:500], traceback.format_exc()[-6000:], False)


def wrong_with(found: Extracted) -> Iterator[str]:
    """What is at odds with itself in a text: blocks that don't tile their page, spans outside it, control characters."""
    from indexer.text import described
    from service.text import for_markdown, for_terminal

    texts = [page.text for page in found.pages]
    if [page.number for page in found.pages] != list(range(1, len(texts) + 1)):
        yield "pages are not numbered from 1"
    at = [0] * len(texts)
    before = 0
    for block in found.blocks:
        if block.page < before:
            yield "blocks go back a page"
        before = block.page
        text = texts[block.page]
        if not 0 <= block.start < block.end <= len(text):
            yield f"a block's span is outside its page: {block.kind}"
        if text[at[block.page] : block.start].strip("\n") or block.start < at[block.page]:
            yield f"text between blocks, or in two: before {block.kind}"
        if not text[block.start : block.end].strip():
            yield f"an empty block: {block.kind}"
        at[block.page] = block.end
    if any(text[end:].strip() for text, end in zip(texts, at, strict=True)):
        yield "text after the last block"
    for section in found.sections:
        text = texts[section.page]
        if not text.startswith(section.heading, section.start):
            yield "a section does not begin with its heading"
        if section.level < 1 or not section.heading.strip():
            yield "a section without heading or level"
    for n, reference in enumerate(found.references, 1):
        if reference.n != n or not reference.raw.strip() or not 0 <= reference.page < len(texts):
            yield "a reference out of order, empty, or on no page"
        for mention in reference.mentions:
            mark = texts[mention.page][mention.start : mention.end]
            if not mark.strip() or not mention.sentence.strip() or "\n" in mention.sentence:
                yield "a mention without mark or sentence"
            if mention.section is not None and not 0 <= mention.section < len(found.sections):
                yield "a mention in no section"
    if any(not 1 <= number <= len(texts) for number, _ in found.missing):
        yield "a missing page that is none"
    shown = described(found)
    for text in (json.dumps([shown.title, shown.authors, shown.abstract, shown.date]), *texts):
        if _CONTROL.search(text):
            yield "control characters"
            break
    if any(
        "\n" in text for text in (shown.title, shown.abstract, *shown.authors, *(r.title for r in shown.references))
    ):
        yield "a title, name or abstract of several lines"
    "\n".join([*for_terminal(shown, found), *for_markdown(shown, found)]).encode()


# ---------------------------------------------------------------------- breaking


NUMBERS = (b"0", b"-1", b"1", b"2", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"-2147483648",
           b"4294967295", b"99999999999", b"1e9", b".0001", b"-.5", b"0.0", b"1" * 40, b"--1", b"1.2.3", b"")  # fmt: skip
TOKENS = (
    *b"BT ET q Q BI ID EI Do << >> [ ] ( ) < > obj endobj stream endstream R null true".split(),
    *b"/Type /Kids /Parent /Length /Filter /FlateDecode".split(),
    b"0 0 0 0 0 0 Tm", b"1 0 0 -1 0 0 cm", b"0 1 -1 0 300 300 Tm", b"0 Tf", b"1000 Ts", b"-5 Tz", b"50 Tc", b"3 Tr",
    b"(\\377\\000\\012) Tj", b"<FFFE0000D800> Tj", b"[(a) -9999 (b)] TJ", b"/Rotate 90", b"/Rotate 45",
)  # fmt: skip


def _places(chance: random.Random, data: bytes, most: int) -> list[int]:
    return [chance.randrange(len(data)) for _ in range(chance.choice((1, 1, 2, 4, 16, most)))]


def flipped(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    found = bytearray(data)
    for at in _places(chance, data, 200):
        found[at] = chance.choice((found[at] ^ 1 << chance.randrange(8), chance.randrange(256), 0, 255, 32))
    return bytes(found)


def cut_out(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at, length = chance.randrange(len(data)), int(2 ** chance.uniform(0, 14))
    return data[:at] + data[at + length :]


def doubled(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at, length, to = chance.randrange(len(data)), int(2 ** chance.uniform(0, 12)), chance.randrange(len(data))
    return data[:to] + data[at : at + length] * chance.choice((1, 1, 2, 100)) + data[to:]


def spliced(chance: random.Random, data: bytes, other: bytes) -> bytes:
    at, to, length = chance.randrange(len(other)), chance.randrange(len(data)), int(2 ** chance.uniform(2, 15))
    return data[:to] + other[at : at + length] + data[to + chance.choice((0, length)) :]


def renumbered(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    return _replaced(
        chance, data, rb"(?<![\w.])-?\d+(?:\.\d+)?", lambda old: chance.choice((*NUMBERS, old[::-1], b"9" + old))
    )


def renamed(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    names = re.findall(rb"/[A-Za-z0-9]{1,20}", data[: 1 << 20]) or [b"/X"]
    return _replaced(chance, data, rb"/[A-Za-z0-9]{1,20}", lambda _old: chance.choice(names))


def redirected(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    targets = re.findall(rb"\d+ 0 R", data) or [b"1 0 R"]
    return _replaced(
        chance, data, rb"\d+ 0 R", lambda _old: chance.choice((chance.choice(targets), b"null", b"9999 0 R"))
    )


def interspersed(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    for at in sorted(_places(chance, data, 30), reverse=True):
        data = data[:at] + b" " + chance.choice(TOKENS) + b" " + data[at:]
    return data


def swapped_lines(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    lines = data.split(b"\n")
    for _ in range(chance.choice((1, 4, 40))):
        a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def truncated(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _replaced(chance: random.Random, data: bytes, pattern: bytes, by: Callable[[bytes], bytes]) -> bytes:
    found = list(re.finditer(pattern, data))
    for match in sorted(chance.sample(found, min(len(found), chance.choice((1, 2, 8, 60)))), key=lambda m: -m.start()):
        data = data[: match.start()] + by(match[0]) + data[match.end() :]
    return data


BYTES = (flipped, cut_out, doubled, spliced, renumbered, renamed, redirected, interspersed, swapped_lines)


def broken(chance: random.Random, data: bytes, other: bytes) -> tuple[bytes, list[str]]:
    """A file broken in one to four ways, within its streams or anywhere, and how."""
    how = []
    for _ in range(chance.choice((1, 1, 2, 4))):
        if len(data) < 2:
            break
        if chance.random() < 0.4:
            data, name = _within_streams(chance, data, other)
        else:
            change = chance.choice(BYTES) if chance.random() < 0.95 else truncated
            data, name = change(chance, data, other or data), change.__name__
        how.append(name)
    return data, how


def _within_streams(chance: random.Random, data: bytes, other: bytes) -> tuple[bytes, str]:
    """A sound file whose streams say something else: pages, forms, fonts' tables."""
    import pypdf
    from pypdf.generic import DecodedStreamObject, NameObject, StreamObject

    try:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
        streams = [
            thing for thing in writer._objects if isinstance(thing, StreamObject) and thing.get("/Subtype") != "/Image"
        ]
        for stream in chance.sample(streams, min(len(streams), chance.choice((1, 1, 3)))):
            inside = stream.get_data()
            if not inside or (number := stream.indirect_reference) is None:
                continue
            fresh = DecodedStreamObject()
            fresh.update(
                {key: value for key, value in stream.items() if key not in ("/Filter", "/DecodeParms", "/Length")}
            )
            fresh.set_data(
                chance.choice((*BYTES, renumbered, interspersed, swapped_lines))(chance, inside, other or inside)
            )
            fresh.indirect_reference = number
            writer._objects[number.idnum - 1] = fresh
        if chance.random() < 0.2:
            page = writer.pages[chance.randrange(len(writer.pages))]
            page[NameObject("/Rotate")] = pypdf.generic.NumberObject(chance.choice((90, 180, 270)))
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue(), "streams"
    except Exception:
        return renumbered(chance, data, other), "renumbered"


def bases(folders: list[Path], chance: random.Random) -> list[bytes]:
    """Real files to begin with: each small one as it is, and a page or two of each with what is packed unpacked."""
    import pypdf

    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.pdf")):
        data = path.read_bytes()
        if len(data) < 100_000:
            found.append(data)
        try:
            reader = pypdf.PdfReader(io.BytesIO(data))
            starts = {0, len(reader.pages) - 1, *(chance.randrange(len(reader.pages)) for _ in range(2))}
            for start in sorted(starts):
                writer = pypdf.PdfWriter()
                for page in reader.pages[start : start + 2]:
                    writer.add_page(page)
                for page in writer.pages:
                    page.replace_contents(page.get_contents())
                out = io.BytesIO()
                writer.write(out)
                if out.tell() < 600_000:
                    found.append(out.getvalue())
        except Exception:
            continue
    return found


# ---------------------------------------------------------------------- the run


@dataclass
class Run:
    """What is known so far."""

    out: Path
    seed: int
    corpus: list[bytes]
    edges: set[int] = field(default_factory=set)
    cases: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)

    def case(self, number: int) -> tuple[bytes, str, list[str]]:
        chance = random.Random(f"{self.seed}:{number}")
        among = self.corpus if chance.random() < 0.6 else self.corpus[-len(self.corpus) // 4 :]  # new ways more often
        data, how = broken(chance, chance.choice(among), chance.choice(self.corpus))
        return data, chance.choice(ENGINES), how

    def keep(self, data: bytes, what: str, **note: object) -> None:
        """A finding, at most three of a kind."""
        kind = (
            re.sub(r"[^a-z0-9]+", "-", what.lower())[:60].strip("-")
            + "-"
            + hashlib.sha256(what.encode()).hexdigest()[:6]
        )
        self.kept[kind] = self.kept.get(kind, 0) + 1
        if self.kept[kind] <= 3:
            folder = self.out / kind
            folder.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(data).hexdigest()[:12]
            (folder / f"{name}.pdf").write_bytes(data)
            (folder / f"{name}.json").write_text(json.dumps({"what": what, "seed": self.seed, **note}, indent=1))
            print(f"FOUND {what[:150]}: {folder / name}.pdf", flush=True)


def read(data: bytes, path: Path, workers: Workers, how: Callable[..., Seen]) -> tuple[Seen | ExtractError, float]:
    """What a worker makes of a file, and after how many seconds."""
    path.write_bytes(data)
    extract.read = how  # type: ignore[assignment]  # handed over by reference with each job
    started = time.monotonic()
    try:
        return workers.start(path, "pdf")(), time.monotonic() - started  # type: ignore[return-value]
    except PaperpathError as error:
        return error, time.monotonic() - started  # type: ignore[return-value]
    finally:
        path.unlink(missing_ok=True)


def judge(
    run: Run, data: bytes, engine: str, how: list[str], seen: Seen | ExtractError, again: Callable[[], tuple]
) -> None:
    """Keeps what is not as it should be, and takes up what went a new way."""
    note = {"engine": engine, "how": how, "case": run.cases}
    if isinstance(seen, LimitReached) and not isinstance(seen, Interrupted) and "longer than" in seen.message:
        seen, seconds = again()  # tracing takes its time: once more without
        note["seconds"] = seconds
    if isinstance(seen, ExtractError):
        run.outcomes[type(seen).__name__] = run.outcomes.get(type(seen).__name__, 0) + 1
        run.keep(data, f"{engine}: {seen.message}", **note)
        return
    outcome = seen.error or "text"
    run.outcomes[outcome] = run.outcomes.get(outcome, 0) + 1
    if not seen.expected:
        places = re.findall(r'File "[^"]*/(indexer/[^"]+)", line (\d+)', seen.trace)
        where = ":".join(places[-1]) if places else ""
        run.keep(data, f"{seen.error} at {where}", message=seen.message, trace=seen.trace, **note)
    elif seen.error == "MemoryError":
        run.keep(data, f"{engine}: memory", trace=seen.trace, **note)
    for wrong in seen.wrong:
        run.keep(data, wrong, **note)
    if new := seen.edges - run.edges:
        run.edges |= new
        if len(data) < 1_000_000:
            run.corpus.append(data)


def main() -> None:
    """Runs until the time is over, then says what was found; exit code 1 if anything was."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--jobs", type=int, default=4)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--from", dest="folders", type=Path, nargs="*",
                           default=[PROJECT.parent / "shared" / "papers", PROJECT.parent / "shared" / "nasty"])  # fmt: skip
    arguments.add_argument("--out", type=Path, default=PROJECT / "build" / "fuzz")
    arguments.add_argument("--replay", type=Path)
    given = arguments.parse_args()
    logging.disable(logging.CRITICAL)
    given.out.mkdir(parents=True, exist_ok=True)
    pools = {engine: Workers(given.jobs, SECONDS, MEGABYTES, engine=engine) for engine in ENGINES}
    if given.replay:
        for engine, pool in pools.items():
            with pool:
                print(engine, *read(given.replay.read_bytes(), given.out / "replay.pdf", pool, plainly))
        return
    corpus = bases(given.folders, random.Random(given.seed))
    if not corpus:
        sys.exit(f"No PDF in {', '.join(map(str, given.folders))}: name a folder with --from.")
    run = Run(given.out, given.seed, corpus)
    print(f"{len(run.corpus)} files to begin with", flush=True)
    end, told = time.monotonic() + 60 * given.minutes, time.monotonic()
    under_way: dict[Future, tuple[bytes, str, list[str], Path]] = {}
    with ThreadPoolExecutor(given.jobs) as threads, pools["auto"], pools["pdfium"], pools["pypdf"]:
        while time.monotonic() < end or under_way:
            while len(under_way) <= given.jobs and time.monotonic() < end:
                data, engine, how = run.case(run.cases)
                path = given.out / f"case-{run.cases}.pdf"
                under_way[threads.submit(read, data, path, pools[engine], traced)] = data, engine, how, path
                run.cases += 1
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                data, engine, how, path = under_way.pop(future)
                seen, _seconds = future.result()
                judge(run, data, engine, how, seen, lambda d=data, p=path, e=engine: read(d, p, pools[e], plainly))
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{run.cases} cases, {len(run.edges)} edges, {len(run.corpus)} files, {run.outcomes}", flush=True)
    print(f"{run.cases} cases, {len(run.edges)} edges; {run.outcomes}; found: {run.kept or 'nothing'}")
    sys.exit(1 if run.kept else 0)


if __name__ == "__main__":
    main()
