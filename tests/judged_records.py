"""Libraries of the judged sets, made straight from their records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexer import passages
from indexer.document import EMBEDDED, Block, Document, Entry, Mention, Page
from indexer.embed import Embedder, Toy
from indexer.library import Generation, Library, Writer


def record(identifier: str, title: str, text: str, year: int | None = None) -> Document:
    """The document that a record becomes."""
    page = text or title
    return Document(
        id=identifier, text="record" if text else "title", title=title, abstract=text, date=str(year or ""),
        entry=Entry(f"record:/set.jsonl#{identifier}", (Mention("set.jsonl", 1, title),)), pages=(Page(page),),
        blocks=(Block("abstract" if text else "body", 0, 0, len(page)),),
    )  # fmt: skip


def library(
    folder: Path, corpus: Path, only: Sequence[str] | None = None, embedder: Embedder | None = None
) -> Generation:
    """A library of a corpus of records, with the toy model by default, in an order that says nothing of the corpus's
    own."""
    rows = [json.loads(line) for line in corpus.read_text("utf-8").splitlines()]
    wanted = None if only is None else set(only)
    rows = [row for row in rows if wanted is None or row["_id"] in wanted]
    rows.sort(key=lambda row: hashlib.sha256(b"order" + row["_id"].encode()).hexdigest())
    return built(folder, [record(r["_id"], r["title"], r["text"] or "", r.get("year")) for r in rows], embedder)


def built(folder: Path, documents: Sequence[Document], embedder: Embedder | None = None) -> Generation:
    """A library of these documents, each with its prose embedded."""
    model = embedder or Toy()
    cut = [passages.cut(d.pages, d.sections, d.title, model, d.blocks) for d in documents]
    texts = [
        passages.context(d.title, model) + d.pages[p.page].text[p.start : p.end]
        for d, found in zip(documents, cut, strict=True)
        for p in found
        if p.kind in EMBEDDED
    ]
    matrix = model.embed_passages(texts) if texts else np.empty((0, model.model.dimension), np.float32)
    with Writer(Library(folder)) as writer:
        writer.publish(list(zip(documents, cut, strict=True)), matrix, model=model.model, inputs="", sources=["set.jsonl"],
                       excluded=[], keep=1)  # fmt: skip
    return Library(folder).open()
