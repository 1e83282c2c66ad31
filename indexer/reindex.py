"""From sources to a published generation: the way through, start to end.

    sources -> entries -> bytes -> texts -> documents -> passages -> vectors -> a generation -> CURRENT

What each arrow yields is cached by content, so a run that is cut anywhere goes on where it was, and an unchanged run
does nothing. A document whose body and title are those of one in the generation before is taken from there, with its
passages, words and vectors, and its body is never read. One entry's failure never stops the others.
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
from indexer.assemble import Line, assemble, merges, replaced, wrong_titles
from indexer.bring import Work, bring
from indexer.document import EMBEDDED, Document, Passage, Warning
from indexer.embed import Described, Embedder
from indexer.fetch import Fetcher, metadata
from indexer.library import DERIVED, FORMAT, Generation, Library, Manifest, Model, Writer, bodies
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

    `added` and `removed` have the ids of the documents that this run brought new, and of those that went.
    `requests` and `bodies` count what the network was asked for and what came; `embedded` the passages embedded anew.
    """

    generation: str
    published: bool
    lines: tuple[Line, ...]
    warnings: tuple[Warning, ...]
    skipped: tuple[str, ...]
    added: tuple[str, ...]
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
    with Writer(library) as writer:
        current, remembered = _before(library, request)
        want = wanted(request, current, remembered)
        works = [Work(entry) for entry in want.entries if entry.address not in want.reading.records]
        with Fetcher(settings, writer.cache, offline=request.offline) as fetcher:
            asides = _ask_metadata(works, fetcher, writer.cache, settings, request)
            bring(works, fetcher, writer.cache, settings, progress, current)
            requests, came = fetcher.requests, fetcher.transferred_bodies
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
            own = [_digest(document, described) for document in documents]
            kept = _kept(own, current)
            cut, matrix, model, embedded = _vectors(documents, kept, described, writer.cache, progress, current)
            progress.stage("publish", 1)
            name = writer.publish(
                list(zip(documents, cut, strict=True)), matrix, digests=own, before=current, kept=kept, model=model,
                inputs=inputs, sources=want.sources, excluded=sorted(want.excluded), kept_apart=sorted(want.kept_apart),
                keep=settings.keep_generations,
            )  # fmt: skip
            count = library.manifest(name).passages
            progress.step(name)
    before = {summary.id for summary in current.catalogue.summaries} if current else set()
    held_now = [document.id for document in documents] if publish else list(before)
    warnings = (*want.reading.warnings, *want.missing.values(), *asides, *wrong_titles(works, held),
                *merges(documents, current), *replaced(documents, current), *_format_changes(current, publish))  # fmt: skip
    return Report(
        name, publish, tuple(lines), warnings,
        want.reading.skipped, tuple(one for one in held_now if one not in before), tuple(sorted(before - set(held_now))),
        len(documents), count, embedded, requests, came, round(time.monotonic() - started, 2), exit_code,
    )  # fmt: skip


def _before(library: Library, request: Request) -> tuple[Generation | None, Manifest | None]:
    """The generation to go on from, None where none can be read, and the manifest that tells the sources.

    The manifest is of the newest one, even if its files are damaged; both may be of an earlier format. Raises
    `FormatUnknown` where a newer paperpath wrote it, and `GenerationDamaged` where no manifest can be read, unless the
    request says what to build.
    """
    try:
        remembered = library.remembered()
    except errors.FormatUnknown:
        if not request.sources:
            raise
        remembered = None
    if remembered is None and not request.sources and library.names():
        raise errors.GenerationDamaged(
            f"No generation in {library.folder / 'generations'} can be read: what they list is not known any more.",
            cure="Name all its sources: `paperpath reindex SOURCE…` builds it anew, and downloads nothing that it holds;"
            " or bring a backup back: `paperpath library import FILE`.",
        )
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


def _digest(document: Document, described: Described) -> str:
    """A hash of all that a document's passages, their words and their vectors are made from, and of who makes them."""
    notes = dict.fromkeys(mention.note for mention in document.entry.mentions)
    made_from = [
        passages.VERSION, DERIVED, described.fingerprint, bodies.digest_of(document), document.own_title, list(notes)
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def _inputs(documents: Sequence[Document], described: Described, want: Wanted) -> str:
    """A hash of all that goes into a generation."""
    everything = hashlib.sha256()
    everything.update(
        json.dumps(
            [
                passages.VERSION,
                DERIVED,
                described.fingerprint,
                want.sources,
                sorted(want.excluded),
                sorted(want.kept_apart),
            ]
        ).encode()
    )
    for document in documents:
        everything.update(_DOCUMENT.dump_json(document, exclude=set(bodies.FIELDS)))
        everything.update(bodies.digest_of(document).encode())
    return everything.hexdigest()


def _kept(own: Sequence[str], current: Generation | None) -> list[int]:
    """For each document, by its digest, the position of its like in `current`, each at most once; -1 where it has none."""
    there: dict[str, list[int]] = {}
    if current is not None and current.manifest.format == FORMAT:
        for summary in reversed(current.catalogue.summaries):
            there.setdefault(summary.digest, []).append(summary.position)
    return [there[digest].pop() if there.get(digest) else -1 for digest in own]


def _vectors(
    documents: Sequence[Document], kept: Sequence[int], described: Described, cache: Cache, progress: Progress,
    current: Generation | None,
) -> tuple[list[list[Passage]], np.ndarray, Model, int]:  # fmt: skip
    """The passages of each document, and a unit row for each of prose: float32 of shape (n, dimension).

    There are none of what is `kept` of `current`; where all is, no model is loaded. Also the model that the passages are
    made with, and how many were embedded now.
    """
    if current is not None and min(kept) >= 0:
        model = current.manifest.model
        return [[] for _ in documents], np.empty((0, model.dimension), np.float32), model, 0
    embedder = embed.load(described)
    cut = [
        [] if position >= 0 else _cut(document, embedder, cache)
        for document, position in zip(documents, kept, strict=True)
    ]
    keys: list[bytes] = []
    texts: dict[bytes, str] = {}
    for document, found in zip(documents, cut, strict=True):
        prose = [passage for passage in found if passage.kind in EMBEDDED]
        before = passages.context(document.own_title, embedder) if prose else ""
        for passage in prose:
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
    made_from = [passages.VERSION, embedder.model.fingerprint, bodies.digest_of(document), document.own_title]
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    if (held := cache.text(key)) is not None:
        return _PASSAGES.validate_python(held["passages"])
    found = passages.cut(document.pages, document.sections, document.own_title, embedder, document.blocks)
    cache.keep_text(key, {"passages": _PASSAGES.dump_python(found)})
    return found
