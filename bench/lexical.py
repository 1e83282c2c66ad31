"""Lexical engines over the same passages, each in a process of its own: what it costs to build, change and ask them.

    python bench/made_up.py FOLDER 1000000 CORPUS.jsonl ...
    python bench/lexical.py FOLDER COUNT QUERIES.jsonl,... CORPUS.jsonl ...

A passage's words are those of six sentences and its document's title twice, already stemmed, the same for every engine.
Engines that aren't installed are left out. A query is all of a question's terms, any of which may match; the best 1,000
passages are asked for. "Changed" is 100 passages added and 100 removed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import made_up
import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
SENTENCES = 6
BEST = 1000
CHANGED = 100
ASKED = 300
K1, B = 1.2, 0.75


@dataclass(frozen=True)
class Tokens:
    """Passages as term numbers: passage i is `terms[starts[i] : starts[i + 1]]`."""

    starts: np.ndarray
    terms: np.ndarray
    vocabulary: list[str]

    @property
    def count(self) -> int:
        """How many passages."""
        return len(self.starts) - 1

    def text(self, i: int) -> str:
        """A passage as its terms with a space between."""
        return " ".join([self.vocabulary[term] for term in self.terms[self.starts[i] : self.starts[i + 1]].tolist()])

    def part(self, first: int, last: int) -> Tokens:
        """The passages from `first` to `last`."""
        a, b = self.starts[first], self.starts[last]
        return Tokens(self.starts[first : last + 1] - a, self.terms[a:b], self.vocabulary)


def prepare(folder: Path, count: int, queries: Sequence[Path], corpora: Sequence[Path]) -> None:
    """Writes `tokens-COUNT.npz` and `asked.json` into `folder`, where they are missing."""
    if (folder / f"tokens-{count}.npz").exists():
        return
    sys.path.insert(0, str(PROJECT))
    from indexer.terms import terms

    numbers: dict[str, int] = {}

    def numbered(text: str) -> np.ndarray:
        return np.array([numbers.setdefault(term, len(numbers)) for term in terms(text)], np.int32)

    real = made_up.read(corpora)
    sentences = [numbered(sentence) for sentence in real.sentences]
    titles = [numbered(title) for title in real.titles]
    windows = []
    for i, document in enumerate(real.documents):
        end = min(i + SENTENCES, len(sentences), int(np.searchsorted(real.documents, document, side="right")))
        windows.append(np.concatenate([*sentences[i:end], titles[document], titles[document]]))
    lengths = np.array([len(window) for window in windows])
    flat, begin = np.concatenate(windows), np.concatenate([[0], np.cumsum(lengths)])[:-1]
    pairs = np.load(folder / "pairs.npz")
    chance = np.random.default_rng(5)
    parts, sizes = [flat], [lengths]
    for start in range(0, max(0, count - len(windows)), 20_000):
        end = min(start + 20_000, count - len(windows))
        rows, found = [], []
        for which, share in ((pairs["first"], pairs["share"]), (pairs["second"], 1 - pairs["share"])):
            size = lengths[which[start:end]]
            row = np.repeat(np.arange(end - start), size)
            place = (
                np.arange(size.sum())
                - np.repeat(np.cumsum(size) - size, size)
                + np.repeat(begin[which[start:end]], size)
            )
            kept = chance.random(len(row)) < share[start:end][row]
            rows.append(row[kept])
            found.append(flat[place[kept]])
        order = np.argsort(np.concatenate(rows), kind="stable")
        parts.append(np.concatenate(found)[order])
        sizes.append(np.bincount(np.concatenate(rows), minlength=end - start))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes)[:count])])
    asked = []
    for path in queries:
        lines = path.read_text("utf-8").splitlines()
        for i in np.random.default_rng(1).choice(len(lines), min(len(lines), ASKED // len(queries)), replace=False):
            known = [numbers[term] for term in terms(json.loads(lines[i])["text"]) if term in numbers]
            if known:
                asked.append(known)
    (folder / "asked.json").write_text(json.dumps(asked), "utf-8")
    np.savez(folder / f"tokens-{count}.npz", starts=starts, terms=np.concatenate(parts)[: starts[-1]],
             vocabulary=np.array(list(numbers)))  # fmt: skip


class Fts5:
    """SQLite's own full-text index, contentless."""

    def build(self, folder: Path, tokens: Tokens) -> None:
        self._open(folder)
        self._db.execute("CREATE VIRTUAL TABLE p USING fts5(words, content='')")
        self._add(tokens, 0)
        self._first = [tokens.text(i) for i in range(CHANGED)]  # to remove a passage, its words must be told again

    def change(self, folder: Path, added: Tokens, removed: Sequence[int], first: int) -> Path:
        copy = folder.with_name("changed")  # a generation is never changed in place
        shutil.copytree(folder, copy)
        self._db.close()
        self._open(copy)
        rows = [(i, old) for i, old in zip(removed, self._first, strict=True)]
        self._db.executemany("INSERT INTO p(p, rowid, words) VALUES ('delete', ?, ?)", rows)
        self._add(added, first)
        return copy

    def open(self, folder: Path) -> None:
        self._open(folder)

    def ask(self, terms: Sequence[str]) -> int:
        query = " OR ".join(f'"{term}"' for term in dict.fromkeys(terms))
        return len(
            self._db.execute(
                "SELECT rowid, bm25(p) FROM p WHERE p MATCH ? ORDER BY rank LIMIT ?", (query, BEST)
            ).fetchall()
        )

    def _open(self, folder: Path) -> None:
        import sqlite3

        self._db = sqlite3.connect(folder / "words.db", isolation_level=None)

    def _add(self, tokens: Tokens, first: int) -> None:
        self._db.execute("BEGIN")
        rows = ((first + i, tokens.text(i)) for i in range(tokens.count))
        self._db.executemany("INSERT INTO p(rowid, words) VALUES (?, ?)", rows)
        self._db.execute("COMMIT")


class Tantivy:
    """tantivy: immutable segments, written by one thread."""

    def build(self, folder: Path, tokens: Tokens) -> None:
        self._open(folder)
        self._add(tokens, 0, ())

    def change(self, folder: Path, added: Tokens, removed: Sequence[int], first: int) -> Path:
        copy = folder.with_name("changed")
        shutil.copytree(folder, copy, copy_function=os.link)  # its files are never changed, so may be shared
        for changing in ("meta.json", ".managed.json"):
            (copy / changing).unlink()
            shutil.copy(folder / changing, copy / changing)
        self._open(copy)
        self._add(added, first, removed)
        return copy

    def open(self, folder: Path) -> None:
        self._open(folder)

    def ask(self, terms: Sequence[str]) -> int:
        query = self._index.parse_query(" ".join(f'"{term}"' for term in terms), ["words"])
        return len(self._searcher.search(query, BEST, count=False).hits)

    def _open(self, folder: Path) -> None:
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_text_field("words", stored=False, tokenizer_name="whitespace", index_option="freq")
        schema.add_unsigned_field("id", stored=True, indexed=True, fast=True)
        self._index = tantivy.Index(schema.build(), path=str(folder), reuse=True)
        self._index.reload()
        self._searcher = self._index.searcher()

    def _add(self, tokens: Tokens, first: int, removed: Sequence[int]) -> None:
        import tantivy

        writer = self._index.writer(heap_size=500_000_000, num_threads=1)
        for i in removed:
            writer.delete_documents("id", i)
        for i in range(tokens.count):
            document = tantivy.Document()
            document.add_text("words", tokens.text(i))
            document.add_unsigned("id", first + i)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()


class Bm25s:
    """bm25s: every posting's score computed beforehand. It has no way to add or remove: it is built anew."""

    backend = "numpy"

    def build(self, folder: Path, tokens: Tokens) -> None:
        import bm25s

        self._tokens = tokens
        numbers = {term: i for i, term in enumerate(tokens.vocabulary)}
        lists = [tokens.terms[a:b].tolist() for a, b in zip(tokens.starts[:-1], tokens.starts[1:], strict=True)]
        engine = bm25s.BM25(k1=K1, b=B, method="lucene", backend=self.backend)
        engine.index(bm25s.tokenization.Tokenized(lists, numbers), show_progress=False)
        engine.save(str(folder))

    def change(self, folder: Path, added: Tokens, removed: Sequence[int], first: int) -> Path:
        stay = self._tokens.part(CHANGED, self._tokens.count)
        copy = folder.with_name("changed")
        copy.mkdir()
        starts = np.concatenate([stay.starts, stay.starts[-1] + added.starts[1:]])
        self.build(copy, Tokens(starts, np.concatenate([stay.terms, added.terms]), stay.vocabulary))
        return copy

    def open(self, folder: Path) -> None:
        import bm25s

        self._tokens = None
        self._engine = bm25s.BM25.load(str(folder), mmap=True)
        self._engine.backend = self.backend
        if self.backend == "numba":
            self._engine.activate_numba_scorer()

    def ask(self, terms: Sequence[str]) -> int:
        found = self._engine.retrieve([list(terms)], k=BEST, show_progress=False, sorted=True)
        return len(found.documents[0])


class Bm25sNumba(Bm25s):
    """The same, compiled."""

    backend = "numba"


class Postings:
    """Plain arrays, memory-mapped: per term the passages that have it and how often; scored as it is asked."""

    def build(self, folder: Path, tokens: Tokens) -> None:
        save(folder, *postings(tokens), lengths=np.diff(tokens.starts).astype(np.float32))

    def change(self, folder: Path, added: Tokens, removed: Sequence[int], first: int) -> Path:
        copy = folder.with_name("changed")
        copy.mkdir()
        save(copy, *merged(folder, added, removed))
        return copy

    def open(self, folder: Path) -> None:
        self._starts = np.load(folder / "starts.npy")
        self._passages = np.load(folder / "passages.npy", mmap_mode="r").view(np.ndarray)
        self._counts = np.load(folder / "counts.npy", mmap_mode="r").view(np.ndarray)
        lengths = np.load(folder / "lengths.npy")
        self._norm = K1 * (1 - B + B * lengths / lengths.mean())
        vocabulary = np.load(folder / "vocabulary.npy")
        self._numbers = {term: i for i, term in enumerate(vocabulary.tolist())}

    def ask(self, terms: Sequence[str]) -> int:
        scores = np.zeros(len(self._norm), np.float32)
        for number in (self._numbers[term] for term in terms):
            a, b = self._starts[number], self._starts[number + 1]
            if a == b:
                continue
            ids = self._passages[a:b]
            counts = self._counts[a:b].astype(np.float32)
            idf = np.float32(np.log(1 + (len(scores) - (b - a) + 0.5) / (b - a + 0.5)))
            scores[ids] += idf * (K1 + 1) * counts / (counts + self._norm[ids])
        mean, spread = scores.mean(), scores.std()
        best = np.argpartition(scores, -BEST)[-BEST:]
        best = best[np.argsort(-scores[best])]
        return len(best) + 0 * int(mean + spread)


def postings(tokens: Tokens) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Where each term's postings begin (int64), their passages (int32, ascending) and counts (uint8)."""
    passage = np.repeat(np.arange(tokens.count, dtype=np.int64), np.diff(tokens.starts))
    key = tokens.terms.astype(np.int64) * tokens.count + passage
    key.sort()
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    counts = np.diff(np.concatenate([first, [len(key)]]))
    key = key[first]
    sizes = np.bincount(key // tokens.count, minlength=len(tokens.vocabulary))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return starts, (key % tokens.count).astype(np.int32), np.minimum(counts, 255).astype(np.uint8), tokens.vocabulary


def merged(folder: Path, added: Tokens, removed: Sequence[int]) -> tuple:
    """Another generation's postings: without those removed, later passages moved up, the added ones behind them."""
    starts = np.load(folder / "starts.npy")
    passages, counts = np.load(folder / "passages.npy"), np.load(folder / "counts.npy")
    lengths = np.load(folder / "lengths.npy")
    stays = np.ones(len(lengths), bool)
    stays[list(removed)] = False
    moved = np.cumsum(stays, dtype=np.int32) - 1
    kept = stays[passages]
    before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[starts]
    passages, counts = moved[passages[kept]], counts[kept]
    starts2, passages2, counts2, vocabulary = postings(added)
    at = np.repeat(before[1:], np.diff(starts2))
    passages = np.insert(passages, at, passages2 + int(stays.sum()))
    counts = np.insert(counts, at, counts2)
    lengths = np.concatenate([lengths[stays], np.diff(added.starts).astype(np.float32)])
    return before + starts2, passages, counts, vocabulary, lengths


def save(folder: Path, starts: np.ndarray, passages: np.ndarray, counts: np.ndarray, vocabulary: list[str],
         lengths: np.ndarray) -> None:  # fmt: skip
    """Writes postings to `folder`."""
    arrays = {"starts": starts, "passages": passages, "counts": counts, "lengths": lengths}
    for name, array in (arrays | {"vocabulary": np.array(vocabulary)}).items():
        np.save(folder / f"{name}.npy", array)


ENGINES: dict[str, tuple[Callable, str]] = {
    "SQLite FTS5": (Fts5, "sqlite3"), "tantivy": (Tantivy, "tantivy"), "bm25s": (Bm25s, "bm25s"),
    "bm25s, numba": (Bm25sNumba, "numba"), "postings in arrays": (Postings, "numpy"),
}  # fmt: skip


def measure(name: str, folder: Path, count: int, step: str) -> None:
    """One step of one engine, in this process: `build` (with the change) or `ask`. Prints its figures."""
    engine, place = ENGINES[name][0](), folder / "engine" / "built"
    if step == "build":
        kept = np.load(folder / f"tokens-{count}.npz")
        tokens = Tokens(kept["starts"], kept["terms"], kept["vocabulary"].tolist())
        shutil.rmtree(folder / "engine", ignore_errors=True)
        place.mkdir(parents=True)
        start, began = time.perf_counter(), time.process_time()
        engine.build(place, tokens)
        built, worked = time.perf_counter() - start, time.process_time() - began
        before = inodes(place)
        start = time.perf_counter()
        copy = engine.change(place, tokens.part(0, CHANGED), range(CHANGED), count)
        changed = time.perf_counter() - start
        written = sum(size for inode, size in inodes(copy).items() if inode not in before)
        said = {
            "build s": built,
            "build cpu s": worked,
            "disk MB": sum(before.values()) / 1e6,
            "change s": changed,
            "written MB": written / 1e6,
        }
    else:
        vocabulary = np.load(folder / f"tokens-{count}.npz")["vocabulary"].tolist()
        asked = [[vocabulary[i] for i in query] for query in json.loads((folder / "asked.json").read_text("utf-8"))]
        asked = asked[:: 1 if count <= 200_000 else 4]
        resident = memory()
        engine.open(place)
        for query in asked[:20]:
            engine.ask(query)
        took, worked = [], []
        for query in asked:
            start, began = time.perf_counter(), time.process_time()
            engine.ask(query)
            took.append((time.perf_counter() - start) * 1e3)
            worked.append((time.process_time() - began) * 1e3)
        said = {"p50 ms": np.median(took), "p99 ms": np.quantile(took, 0.99), "cpu p50 ms": np.median(worked),
                "cpu p99 ms": np.quantile(worked, 0.99), "serving MB": memory() - resident}  # fmt: skip
    said["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(said))


def inodes(folder: Path) -> dict[int, int]:
    """The size of each file in `folder` by its number on disk."""
    return {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def memory() -> float:
    """Megabytes that this process holds in memory, mapped files included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Prints a line for each engine."""
    if len(sys.argv) > 4 and sys.argv[1] == "--one":
        measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
        return
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    prepare(folder, count, [Path(name) for name in sys.argv[3].split(",")], [Path(name) for name in sys.argv[4:]])
    only = os.environ.get("ENGINES", "").split(";")
    for name, (_, package) in ENGINES.items():
        if importlib.util.find_spec(package) is None or (only != [""] and name not in only):
            continue
        said = {}
        for step in ("build", "ask"):
            command = [sys.executable, __file__, "--one", name, str(folder), str(count), step]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(name, step, "failed:", done.stderr[-600:])
                break
            said |= {
                f"{step} {key}" if key == "peak MB" else key: round(v, 2) for key, v in json.loads(done.stdout).items()
            }
        print(name, count, json.dumps(said), flush=True)
    shutil.rmtree(folder / "engine", ignore_errors=True)


if __name__ == "__main__":
    main()
