"""From sources to a published generation: the way through, start to end.

    sources -> entries -> bytes -> texts -> documents -> passages -> vectors -> a generation -> CURRENT

What each arrow yields is cached by content, so a run that is cut anywhere goes on where it was, and an unchanged run
does nothing. One entry's failure never stops the others.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from indexer import digests, embed, errors, passages
from indexer.assemble import Line, assemble, merges, wrong_titles
from indexer.bring import Work, bring
from indexer.document import EMBEDDED, Document, Passage, Warning
from indexer.embed import Described, Embedder
from indexer.fetch import Fetcher, metadata
from indexer.library import DERIVED, FORMAT, Generation, Library, Manifest, Model
from indexer.library.cache import Cache
from indexer.progress import Progress
from indexer.settings import Settings
from indexer.wanted import Request, Wanted, wanted

__all__ = ["Line", "Report", "Request", "reindex"]

_DOCUMENT = TypeAdapter(Document)
_PASSAGES = TypeAdapter(list[Passage])
_BATCH = 256  # passages embedded between two writes to the cache: what a kill can cost


@dataclass(frozen=True)
class Report:
    """What a run did. `generation` is the one that is read now; `published` says whether this run made it.

    `requests` and `bodies` count what the network was asked for and what came; `embedded` the passages embedded anew.
    """

    generation: str
    published: bool
    lines: tuple[Line, ...]
    warnings: tuple[Warning, ...]
    skipped: tuple[str, ...]
    removed: tuple[str, ...]
    documents: int
    passages: int
    embedded: int
    requests: int
    bodies: int
    seconds: float
    exit_code: int


def reindex(request: Request, settings: Settings, progress: Progress | None = None) -> Report:
    """Makes the library hold what the sources list, and publishes it.

    Raises a `UsageError`, a `LibraryError`, a `ModelError` or `NothingKept`; the published generation is untouched then.
    """
    progress = progress or Progress()
    started = time.monotonic()
    described = embed.describe(settings)
    library = Library(settings.library)
    with library.writer() as writer:
        current, remembered = _before(library, request)
        want = wanted(request, current, remembered)
        works = [Work(entry) for entry in want.entries if entry.address not in want.reading.records]
        with Fetcher(settings, writer.cache, offline=request.offline) as fetcher:
            asides = _ask_metadata(works, fetcher, writer.cache, settings, request)
            bring(works, fetcher, writer.cache, settings, progress)
            requests, bodies = fetcher.requests, fetcher.transferred_bodies
        held = digests.load(settings.digests)
        brought = {work.entry.address: work for work in works}
        everything = [brought.get(entry.address) or Work(entry) for entry in want.entries]
        documents, lines = assemble(everything, want.reading, held, current, want.kept_apart)
        _something(documents, lines)
        exit_code = _exit_code(lines, want)
        inputs = _inputs(documents, described, want)
        unchanged = (
            current is not None
            and current.instead_of is None
            and (current.manifest.format, current.manifest.inputs) == (FORMAT, inputs)
        )
        embedded, name, count = 0, current.name if current else "", current.manifest.passages if current else 0
        publish = not unchanged and not (request.strict and exit_code)
        if publish:
            cut, matrix, model, embedded = _vectors(documents, described, writer.cache, progress)
            progress.stage("publish", 1)
            name = writer.publish(
                list(zip(documents, cut, strict=True)), matrix, model=model, inputs=inputs, sources=want.sources,
                excluded=sorted(want.excluded), kept_apart=sorted(want.kept_apart), keep=settings.keep_generations,
            )  # fmt: skip
            count = sum(map(len, cut))
            progress.step(name)
    before = {summary.id for summary in current.catalogue.summaries} if current and publish else set()
    warnings = (*want.reading.warnings, *want.missing.values(), *asides, *wrong_titles(works, held),
                *merges(documents, current), *_format_changes(current, publish))  # fmt: skip
    return Report(
        name, publish, tuple(lines), warnings,
        want.reading.skipped, tuple(sorted(before - {document.id for document in documents})), len(documents), count,
        embedded, requests, bodies, round(time.monotonic() - started, 2), exit_code,
    )  # fmt: skip


def _before(library: Library, request: Request) -> tuple[Generation | None, Manifest | None]:
    """The generation to go on from, None where none can be read, and the manifest that tells the sources.

    The manifest is of the newest one, even if its files are damaged; both may be of an earlier format. Raises
    `FormatUnknown` where a newer paperpath wrote it and the request doesn't say what to build.
    """
    try:
        remembered = library.remembered()
    except errors.FormatUnknown:
        if not request.sources:
            raise
        remembered = None
    try:
        return library.open(earlier=True), remembered
    except (errors.NoLibrary, errors.GenerationDamaged, errors.FormatUnknown):
        return None, remembered


def _format_changes(current: Generation | None, published: bool) -> list[Warning]:
    """A remark where a library of an earlier paperpath was built anew."""
    if current is None or current.manifest.format == FORMAT or not published:
        return []
    message = f"Generation {current.name} was an earlier paperpath's: its documents were read and indexed anew."
    return [Warning("", None, "format", message)]


def _ask_metadata(
    works: Sequence[Work], fetcher: Fetcher, cache: Cache, settings: Settings, request: Request
) -> list[Warning]:
    by_id = {
        work.entry.address.removeprefix("arxiv:"): work for work in works if work.entry.address.startswith("arxiv:")
    }
    found, reasons = metadata.ask(fetcher, cache, list(by_id), settings=settings, refresh=request.refresh)
    for arxiv_id, known in found.items():
        by_id[arxiv_id].known = known
    return [Warning("", None, "metadata", reason) for reason in reasons]


def _something(documents: Sequence[Document], lines: Sequence[Line]) -> None:
    """Raises `NothingKept` where there is no text at all, and no list whose lines could be kept."""
    if not documents:
        raise errors.NothingKept("Every entry of the sources was taken out with --remove.",
                                 cure="`--add` one again, or name other sources.")  # fmt: skip
    if not any(document.text != "title" or any(m.line for m in document.entry.mentions) for document in documents):
        whys = "; ".join(f"{line.title}: {line.why}" for line in lines[:3])
        more = f"; and {len(lines) - 3} more" if len(lines) > 3 else ""
        raise errors.NothingKept(f"No entry could be kept: {whys}{more}",
                                 cure="Mend the sources; what was published before is untouched.")  # fmt: skip


def _exit_code(lines: Sequence[Line], want: Wanted) -> int:
    outcomes = {line.outcome for line in lines}
    if "failed" in outcomes or want.missing:
        return 4
    return 3 if "digest" in outcomes else 0


def _inputs(documents: Sequence[Document], described: Described, want: Wanted) -> str:
    """A hash of all that goes into a generation."""
    everything = hashlib.sha256()
    everything.update(
        json.dumps(
            [passages.VERSION, DERIVED, described.fingerprint, want.sources, sorted(want.excluded), sorted(want.kept_apart)]
        ).encode()
    )
    for document in documents:
        everything.update(_DOCUMENT.dump_json(document))
    return everything.hexdigest()


def _vectors(
    documents: Sequence[Document], described: Described, cache: Cache, progress: Progress
) -> tuple[list[list[Passage]], np.ndarray, Model, int]:
    """The passages of each document, and a unit row for each of prose: float32 of shape (n, dimension).

    Also the model they were made with, and how many were embedded now.
    """
    embedder = embed.load(described)
    cut = [_cut(document, embedder, cache) for document in documents]
    keys: list[bytes] = []
    texts: dict[bytes, str] = {}
    for document, found in zip(documents, cut, strict=True):
        before = passages.context(document.own_title, embedder)
        for passage in found:
            if passage.kind not in EMBEDDED:
                continue
            own = document.pages[passage.page].text[passage.start : passage.end]
            text = own if own == document.title else before + own
            keys.append(passages.vector_key(described.fingerprint, text))
            texts[keys[-1]] = text
    held = cache.vectors(list(texts))
    lacking = sorted(
        (key for key in texts if key not in held), key=lambda key: len(texts[key])
    )  # like lengths together
    progress.stage("embed", len(lacking))
    for start in range(0, len(lacking), _BATCH):
        some = lacking[start : start + _BATCH]
        rows = list(zip(some, embedder.embed_passages([texts[key] for key in some]), strict=True))
        cache.keep_vectors(rows)
        held.update(rows)
        progress.step(count=len(some))
    matrix = np.empty((len(keys), embedder.model.dimension), np.float32)
    for row, key in enumerate(keys):
        matrix[row] = held[key]
    return cut, matrix, embedder.model, len(lacking)


def _cut(document: Document, embedder: Embedder, cache: Cache) -> list[Passage]:
    text = json.dumps(
        [
            document.own_title, [page.text for page in document.pages], [(s.page, s.start) for s in document.sections],
            [(b.kind, b.page, b.start, b.end, b.continued) for b in document.blocks],
        ]
    )  # fmt: skip
    key = f"{hashlib.sha256(text.encode()).hexdigest()}:{passages.VERSION}:{embedder.model.fingerprint}"
    if (held := cache.text(key)) is not None:
        return _PASSAGES.validate_python(held["passages"])
    found = passages.cut(document.pages, document.sections, document.own_title, embedder, document.blocks)
    cache.keep_text(key, {"passages": _PASSAGES.dump_python(found)})
    return found
