"""How well does a search find? Measured on judged sets of questions, or on questions drawn from a library itself.

Both go through the very path that a search takes, to its plain ranking: no operators, nothing folded.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np

from indexer.embed import Embedder
from indexer.errors import SourceUnreadable, UsageError
from indexer.library import Generation, Library
from indexer.progress import Progress
from indexer.settings import Settings
from service import search
from service.evaluate import known_items
from service.evaluate.beir import Half, Judged, read
from service.evaluate.measures import KNOWN_ITEM, RETRIEVAL, known_item, retrieval
from service.evaluate.report import (
    SEED,
    Change,
    Comparison,
    Difference,
    Report,
    Row,
    as_data,
    compare,
    comparison_lines,
    difference,
    digest,
    lines,
    load,
    row,
    save,
)
from service.opened import Opened
from service.search.query import Query, Words
from service.search.rerank import Reranker

__all__ = [
    "Change", "Comparison", "Difference", "Half", "Judged", "Report", "Row", "as_data", "compare", "comparison_lines",
    "evaluate_folder", "evaluate_library", "lines", "load", "read", "save",
]  # fmt: skip

_T = TypeVar("_T")
_DEPTH = 100
_BATCH = 64  # questions embedded together
_SHOWN = 10


def evaluate_folder(
    judged: Judged, settings: Settings, stages: Collection[search.Stage] = (), *, keep: Path | None = None,
    seed: int = SEED, progress: Progress | None = None,
) -> Report:  # fmt: skip
    """How well each of the `stages` of the ranking answers a judged set; without any, all that the settings allow.

    The corpus becomes a library, below the system's temporary folder or in `keep`, where vectors stay for another time.
    Raises a `UsageError`, a `LibraryError` or a `ModelError`.
    """
    progress = progress or Progress()
    if "reranked" in stages and not settings.reranker:
        raise UsageError("No reranker is set.", cure="Set PAPERPATH_RERANKER to a cross-encoder's folder or name.")
    possible = [stage for stage in get_args(search.Stage) if stage != "reranked" or settings.reranker]
    wanted = [stage for stage in possible if not stages or stage in stages]
    with _library(judged, settings, keep, progress) as (opened, remarks):
        generation, embedder, reranker = opened.now(), _Remembering(opened.embedder), opened.reranker
        names = _names(generation)
        unknown = {d for grades in judged.relevant.values() for d in grades} - {
            n for own in names.values() for n in own
        }
        if all(document in unknown for grades in judged.relevant.values() for document in grades):
            raise SourceUnreadable(f"No document that is judged relevant is in {judged.corpus}.",
                                   cure="Take the judgements and the corpus of one and the same set.")  # fmt: skip
        if unknown:
            remarks.append(f"{len(unknown)} documents that are judged relevant are not in the corpus, {min(unknown)} for"
                           " one: they can't be found, and count as not found.")  # fmt: skip
        texts = {name: text for name, text in judged.questions.items() if text}
        rows = []
        for stage in wanted:
            progress.stage(stage, len(texts))
            ranked = {}
            for some in _batches(list(texts)):
                found = search.rank(
                    generation, embedder, [texts[name] for name in some], _DEPTH, stage=stage, reranker=reranker
                )
                for name, results in zip(some, found, strict=True):
                    ranked[name] = [own for identifier, _ in results for own in names[identifier]]
                progress.step(count=len(some))
            values = {name: retrieval(ranked.get(name, ()), grades) for name, grades in judged.relevant.items()}
            watched = ("ndcg@10",) if stage == wanted[-1] else ()  # what a search gives
            rows.append(row(stage, RETRIEVAL, watched, values, seed))
        return Report(
            "folder", judged.name, generation.manifest.model.name, generation.manifest.model.fingerprint,
            generation.manifest.documents, generation.manifest.passages,
            _options(judged, settings.reranker if "reranked" in wanted else ""), seed,
            judged.left_out, tuple(rows), tuple(_differences(rows, seed)), (*judged.remarks, *remarks),
            {name: digest(text, judged.relevant[name]) for name, text in judged.questions.items()},
        )  # fmt: skip


class _Remembering:
    """An embedder that embeds each question once, whatever is asked of it how often."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self.model, self.window = embedder, embedder.model, embedder.window
        self.tokens, self.embed_passages = embedder.tokens, embedder.embed_passages
        self._held: dict[str, np.ndarray] = {}

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """As an `Embedder` does."""
        lacking = list(dict.fromkeys(text for text in texts if text not in self._held))
        if lacking:
            self._held.update(zip(lacking, self._embedder.embed_queries(lacking), strict=True))
        return np.stack([self._held[text] for text in texts])


def _options(judged: Judged, reranker: str) -> dict[str, str]:
    told = {"split": judged.split}
    if judged.half != "all":
        told["half"] = f"{judged.half} half"
    if reranker:
        told["reranker"] = f"reranked by {reranker}"
    return told


def evaluate_library(
    generation: Generation, embedder: Embedder, *, reranker: Reranker | None = None, most: int = known_items.MOST,
    seed: int = SEED, progress: Progress | None = None,
) -> Report:  # fmt: skip
    """How well a library finds what it holds: known-item questions of each kind, as printed and with words dropped.

    Raises a `UsageError` where nothing in it can be asked for.
    """
    progress = progress or Progress()
    embedder = _Remembering(embedder)
    items, shared = known_items.draw(generation, most, seed)
    if not items:
        raise UsageError("The library holds nothing to ask for: no paper has a title or a text of some length.")
    asked = [(item, how, text) for item in items for how, text in (("printed", item.printed), ("dropped", item.dropped))
             if text is not None]  # fmt: skip
    progress.stage("ask", len(asked))
    values: dict[tuple[str, str], dict[str, tuple[float | None, ...]]] = {}
    for some in _batches(asked):
        stage: search.Stage = "fused" if reranker is None else "reranked"
        texts = [text for _, _, text in some]
        ranked = search.rank(generation, embedder, texts, _SHOWN, stage=stage, reranker=reranker)
        for (item, how, text), results in zip(some, ranked, strict=True):
            found = [identifier for identifier, _ in results]
            there = item.pages and item.document in found
            shown = _pages(generation, embedder, reranker, text, item.document) if there else set()
            value = known_item(found, item.document, item.pages, shown)
            for kind in (item.kind, "all"):
                values.setdefault((kind, how), {})[f"{item.id} {how}"] = value
        progress.step(count=len(some))
    rows = [
        row(f"{kind}, {how}", KNOWN_ITEM, ("mrr@10", "page@3") if kind == "all" else (), values[kind, how], seed)
        for how in ("printed", "dropped")
        for kind in (*known_items.KINDS, "all")
        if (kind, how) in values
    ]
    remarks = ["printed: a title or a sentence as it stands in a paper. dropped: the same without the half of its words that"
               " the fewest papers have."]  # fmt: skip
    if shared:
        remarks.append(f"{shared} stretches that stand in two papers were passed over.")
    return Report(
        "library", f"generation {generation.name}", generation.manifest.model.name,
        generation.manifest.model.fingerprint, generation.manifest.documents, generation.manifest.passages, {}, seed,
        shared, tuple(rows), (), tuple(remarks),
        {f"{item.id} {how}": digest(text) for item, how, text in asked},
    )  # fmt: skip


def _pages(
    generation: Generation, embedder: Embedder, reranker: Reranker | None, text: str, document: str
) -> set[int | None]:
    """The pages of the passages that a search for plain words shows of a document."""
    answer = search.search(generation, embedder, Query((Words(text),)), _SHOWN, reranker=reranker)
    return {passage.page for found in answer.results if found.id == document for passage in found.passages}


@contextlib.contextmanager
def _library(
    judged: Judged, settings: Settings, keep: Path | None, progress: Progress
) -> Iterator[tuple[Opened, list[str]]]:
    """A library of the corpus alone, open, and what was wrong with the corpus."""
    from indexer import sources
    from indexer.reindex import Request, reindex

    with contextlib.ExitStack() as stack:
        if keep is None:
            keep = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paperpath-evaluate-")))
        source = sources.remembered(str(judged.corpus))
        held = Library(keep).remembered()
        if held is not None and held.sources != (source,):
            raise UsageError(f"{keep} holds another library, of {', '.join(held.sources)}.",
                             cure="Give --keep a folder of its own for each judged set.")  # fmt: skip
        own = settings.model_copy(update={"library": keep})
        report = reindex(Request((source,), offline=True, yes=True), own, progress)
        remarks = []
        if wrong := [w for w in report.warnings if w.kind in ("bad-line", "repeat-id")]:
            remarks.append(
                f"{len(wrong)} lines of the corpus were passed over; the first, line {wrong[0].line}: {wrong[0].message}"
            )
        opened = Opened(own)
        stack.callback(opened.now().close)
        yield opened, remarks


def _names(generation: Generation) -> dict[str, list[str]]:
    """The corpus's own ids of each document, by the library's; several where records were found to be one paper."""
    before = f"record:{generation.manifest.sources[0]}#"
    return {
        summary.id: [address.removeprefix(before) for address in summary.entry.addresses]
        for summary in generation.catalogue.summaries
    }


def _differences(rows: Sequence[Row], seed: int) -> list[Difference]:
    """What each stage adds: the last against the others, and fused against what it is fused from."""
    named = {row.name: row for row in rows}
    pairs = [("fused", "lexical"), ("fused", "dense"), ("reranked", "fused")]
    return [difference(named[a], named[b], "ndcg@10", seed) for a, b in pairs if a in named and b in named]


def _batches(things: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(things), _BATCH):
        yield things[start : start + _BATCH]
