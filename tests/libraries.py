"""Small libraries for tests, made straight from texts, without sources or fetching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from indexer import passages
from indexer.document import EMBEDDED, Document, Entry, Mention, Page
from indexer.embed import Toy
from indexer.library import Library, Writer

TEXTS: Mapping[str, Sequence[str]] = {
    "2311.08105": [
        "DiLoCo trains language models on islands of devices that are poorly connected.",
        "Each worker takes five hundred inner steps before the islands communicate, so communication falls a lot.",
    ],
    "1703.03400": ["Meta learning finds initial parameters from which few gradient steps solve a new task."],
    "cs/0502012": ["An old paper on parsing with a slash in its identifier, about grammars and trees."],
    "title-only": [],
}


def document(identifier: str, pages: Sequence[str], position: int = 0) -> Document:
    """A document with these pages, listed at line `position`."""
    return Document(
        id=identifier, text="full" if pages else "title", title=f"The paper {identifier}", date="2023-11",
        entry=Entry(f"https://example.org/{identifier}", (Mention("list.md", position, identifier, ("Theme",)),)),
        authors=("Ana Example",), link=f"https://example.org/{identifier}",
        pages=tuple(Page(text, number) for number, text in enumerate(pages, 1)),
    )  # fmt: skip


def build(folder: Path, texts: Mapping[str, Sequence[str]] = TEXTS, *, inputs: str = "") -> str:
    """Publishes a library of `texts` {id: pages} with the toy model; returns the generation's name."""
    documents = [document(identifier, pages, n) for n, (identifier, pages) in enumerate(texts.items(), 1)]
    return build_documents(folder, documents, inputs=inputs)


def build_documents(folder: Path, documents: Sequence[Document], *, inputs: str = "") -> str:
    """Publishes a library of these documents with the toy model; returns the generation's name."""
    toy = Toy()
    cut = [passages.cut(d.pages, d.sections, d.title, toy, d.blocks) for d in documents]
    rows = [
        toy.embed_passages([passages.context(d.title, toy) + d.pages[p.page].text[p.start : p.end]])
        for d, found in zip(documents, cut, strict=True)
        for p in found
        if p.kind in EMBEDDED
    ]
    matrix = np.concatenate(rows) if rows else np.empty((0, toy.model.dimension), np.float32)
    with Writer(Library(folder)) as writer:
        return writer.publish(list(zip(documents, cut, strict=True)), matrix, model=toy.model, inputs=inputs,
                              sources=["list.md"], excluded=[], keep=3)  # fmt: skip
