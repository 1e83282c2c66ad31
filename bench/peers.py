"""What people would take instead, each behind one small shape, and the texts and questions that all are measured on.

A peer is a function that takes a model's folder and `Passages` and returns a `Search`. The passages' vectors are given
to it, so that no bench waits for four engines to encode the same texts; each encodes every question itself, by its own
default way. Without vectors a peer encodes the passages too.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the model is a folder: nothing is to be asked for
PROJECT = Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build" / "bench"
EVAL = PROJECT.parent / "shared" / "eval"
SETS = ("scifact", "qasper", "acl_tutorials", "csfcube", "metacademy")

Search = Callable[[str, int], list[str]]
"""A question and how many are wanted, to the ids of the passages found, best first. Their texts are read too."""


@dataclass(frozen=True)
class Passages:
    """Passages with unique ids. `vectors`: float32 unit rows, or None where each engine is to encode the texts itself."""

    ids: list[str]
    texts: list[str]
    vectors: np.ndarray | None = None

    def save(self, folder: Path) -> None:
        """Writes them into `folder`, for `read`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "passages.json").write_text(json.dumps([self.ids, self.texts]), "utf-8")
        if self.vectors is not None:
            np.save(folder / "vectors.npy", self.vectors)

    @staticmethod
    def read(folder: Path) -> Passages:
        """What was saved in `folder`."""
        ids, texts = json.loads((folder / "passages.json").read_text("utf-8"))
        vectors = folder / "vectors.npy"
        return Passages(ids, texts, np.load(vectors) if vectors.exists() else None)


def described() -> str:
    """The machine and the versions, for a table's heading."""
    packages = ("sentence-transformers", "faiss-cpu", "txtai", "chromadb")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {versions}"


# What is measured on


def records(count: int, words: int) -> list[dict]:
    """`count` records, each a stretch of a judged set's text of at most `words` words; made up where there are no sets."""
    cut = itertools.islice(_stretches(words) if EVAL.is_dir() else _made_up(words), count)
    rows = [{"_id": str(number), "title": title, "text": text} for number, (title, text) in enumerate(cut)]
    if len(rows) < count:
        raise SystemExit(f"The judged sets have {len(rows)} stretches of {words} words; ask for fewer or shorter ones.")
    return rows


def abstracts() -> Path:
    """The records of SciFact's abstracts, or of as many made-up ones."""
    source, judged = BUILD / "scifact.jsonl", EVAL / "scifact" / "corpus.jsonl"
    if not source.exists():
        write_rows(source, rows_of(judged) if judged.exists() else records(5183, 200))
    return source


def questions(count: int) -> list[str]:
    """`count` different questions: the judged sets', in an order of their own, or made up of the made-up words."""
    if not EVAL.is_dir():
        chance = random.Random(2)
        found: Iterator[str] = (" ".join(text.split()[:10]) for _, text in _made_up(60, chance.random()))
    else:
        files = [
            *EVAL.glob("scifact/queries.jsonl"),
            *EVAL.glob("scifact/train/queries.jsonl"),
            EVAL / "qasper/queries.jsonl",
        ]
        # without quotation marks, which would ask for an exact phrase
        found = iter(row["text"].replace('"', "") for file in files for row in rows_of(file))
    different = list(dict.fromkeys(itertools.islice(found, count * 2)))
    if len(different) < count:
        raise SystemExit(f"There are {len(different)} different questions; ask for fewer.")
    random.Random(1).shuffle(different)
    return different[:count]


def rows_of(path: Path) -> list[dict]:
    """The rows of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def write_rows(path: Path, rows: Sequence[dict]) -> None:
    """Writes JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _stretches(words: int) -> Iterator[tuple[str, str]]:
    """Titles and stretches of the judged sets' texts, each text once, cut where sentences end."""
    seen: set[str] = set()
    for row in itertools.chain.from_iterable(rows_of(EVAL / name / "corpus.jsonl") for name in SETS):
        for text in cut(row["text"] or "", words):
            if text not in seen:
                seen.add(text)
                yield row.get("title") or "", text


def cut(text: str, words: int) -> Iterator[str]:
    """Stretches of `text` of at most `words` words that end where a sentence does, if it isn't longer than that."""
    held: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        said = sentence.split()
        for part in (said[at : at + words] for at in range(0, len(said), words)):
            if len(held) + len(part) > words:
                yield " ".join(held)
                held = []
            held += part
    if held:
        yield " ".join(held)


def _made_up(words: int, seed: float = 1) -> Iterator[tuple[str, str]]:
    """Titles and texts without end, of words as often as Zipf has it."""
    letters = random.Random(1)
    vocabulary = [
        "".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=letters.randint(3, 9))) for _ in range(30_000)
    ]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
    chance = random.Random(seed)
    while True:
        said = chance.choices(vocabulary, cum_weights=weights, k=words + 9)
        sentences = (" ".join(said[at : at + 15]) for at in range(9, len(said), 15))
        yield " ".join(said[:9]), ". ".join(sentences) + "."


# Paperpath


def model_folder() -> Path:
    """The folder of the model that is set."""
    from indexer import embed
    from indexer.settings import load

    folder = embed.describe(load()).folder
    if folder is None:
        raise SystemExit("The toy model is set; the peers need one with files.")
    return folder


def library_of(source: Path) -> Path:
    """The library of a file of records, built beside it unless it is there already."""
    library = source.with_suffix(".library")
    if not (library / "CURRENT").exists() or (library / "CURRENT").stat().st_mtime < source.stat().st_mtime:
        command = [sys.executable, "-m", "service.cli", "reindex", str(source), "--library", str(library)]
        subprocess.run([*command, "--offline", "--json"], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    return library


def passages_of(library: Path) -> Passages:
    """A library's passages that have a vector, with their documents' titles as they were embedded, and those vectors."""
    from indexer.library import Library

    generation = Library(library).open()
    catalogue, vectors = generation.catalogue, generation.vectors
    found = catalogue.passages(vectors.ids.tolist())
    ids, texts = [], []
    for number in vectors.ids.tolist():
        summary = catalogue.summaries[catalogue.documents_of[number]]
        ids.append(f"{summary.id}#{number}")
        texts.append(f"{summary.title}\n{found[number].text}")
    return Passages(ids, texts, vectors.matrix.copy())


def open_paperpath(library: Path) -> Search:
    """Searches as `paperpath search` and `/v1/search` do. Finds papers; their ids are the records'."""
    from indexer.settings import load
    from service.opened import Opened
    from service.search import search as answer

    opened = Opened(load(library=library))
    opened.now()

    def search(question: str, limit: int) -> list[str]:
        return [paper.id for paper in answer(opened.now(), opened.embedder, question, limit).results]

    return search


# The peers


def open_plain(model: Path, passages: Passages) -> Search:
    """Sentence-transformers and an exact FAISS index, as both projects' first pages show it."""
    import faiss
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu")
    vectors = passages.vectors
    if vectors is None:
        vectors = encoder.encode(passages.texts, normalize_embeddings=True)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, np.float32))

    def search(question: str, limit: int) -> list[str]:
        _, found = index.search(encoder.encode([question], normalize_embeddings=True), limit)
        return [(passages.ids[number], passages.texts[number])[0] for number in found[0]]

    return search


def open_txtai(model: Path, passages: Passages) -> Search:
    """Txtai with words and vectors fused, texts kept; all else as it comes."""
    embeddings = index_txtai(model, passages)

    def search(question: str, limit: int) -> list[str]:
        return [row["id"] for row in embeddings.search(question, limit)]

    return search


def index_txtai(model: Path, passages: Passages) -> Any:
    """A filled `txtai.Embeddings`. The class that it encodes with is taught the vectors while it is filled, then not."""
    from txtai import Embeddings
    from txtai.vectors import HFVectors

    own = HFVectors.encode
    if passages.vectors is not None:
        known = dict(zip(passages.texts, passages.vectors, strict=True))
        HFVectors.encode = lambda self, texts, category=None: np.stack([known[text] for text in texts])
    try:
        embeddings = Embeddings(path=str(model), hybrid=True, content=True)
        embeddings.index((one, text, None) for one, text in zip(passages.ids, passages.texts, strict=True))
    finally:
        HFVectors.encode = own
    return embeddings


def open_chroma(model: Path, passages: Passages) -> Search:
    """Chroma in memory with its own function for sentence-transformers; its default one would need a download."""
    import chromadb
    from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

    encoder = SentenceTransformerEmbeddingFunction(str(model), device="cpu", normalize_embeddings=True)
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection(
        "passages", embedding_function=encoder, configuration={"hnsw": {"space": "cosine"}}
    )
    for start in range(0, len(passages.ids), 1000):
        part = slice(start, start + 1000)
        vectors = None if passages.vectors is None else passages.vectors[part]
        collection.add(ids=passages.ids[part], documents=passages.texts[part], embeddings=vectors)

    def search(question: str, limit: int) -> list[str]:
        return collection.query(query_texts=[question], n_results=limit)["ids"][0]

    return search


PEERS: dict[str, Callable[[Path, Passages], Search]] = {
    "txtai, hybrid": open_txtai,
    "sentence-transformers + FAISS": open_plain,
    "Chroma": open_chroma,
}
