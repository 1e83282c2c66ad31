"""Which engine runs the model: what is installed, agrees with torch in float32, and was measured as the fastest."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.cores import cores
from indexer.embed import exports, openvino
from indexer.embed.described import Described
from indexer.embed.encoder import Exported, Networks
from indexer.embed.exports import Export, Record
from indexer.embed.plain import SentenceTransformers, open_model, prompt, unit
from indexer.errors import BadSetting

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from indexer.embed import Embedder

LEAST_COSINE = 0.999
_PRECISIONS = ("bf16", "f32")
_SECONDS = 1.0  # for each engine, twice
_QUERIES = 40


@dataclass(frozen=True)
class Choice:
    """The engine that runs, "torch" or "openvino", and why.

    `speeds`: passages a second of about 190 tokens, by engine and precision, measured once on this processor with
    `threads` threads; empty where nothing was measured. `query_ms`: a short query alone, lower quartile, by threads.
    """

    engine: str
    precision: str
    why: str
    threads: int = 0
    speeds: dict[str, float] | None = None
    query_ms: dict[str, float] | None = None
    agreement: float | None = None

    @property
    def query_threads(self) -> int:
        """The threads that answer a query alone fastest; the fewer where that costs it less than a third of its time."""
        found = {int(threads): ms for threads, ms in (self.query_ms or {}).items()}
        least = min(found.values(), default=0.0)
        return next((threads for threads in sorted(found) if found[threads] <= least * 4 / 3), self.threads or 1)


def chosen(described: Described) -> Choice | None:
    """What `load` would take, from what is kept of earlier starts; None where it has to be measured first."""
    if described.encoder == "torch":
        return Choice("torch", _torch_precision(), "it is set")
    if openvino.installed() is None:
        return Choice("torch", _torch_precision(), "no other engine is installed")
    assert described.folder is not None
    homes = exports.homes(described.folder, described.exports)
    export = exports.find(_name(described), homes)
    choice = None if export is None else _choice(described, export, _held_speeds(described, homes))
    return choice or (_unkept(described, export, homes) if exports.writable_home(homes) is None else None)


def load(described: Described, threads: int = 0) -> Embedder:
    """The embedder of the engine that is chosen; where none is, the model is exported and the engines are measured.

    That takes about half a minute, once for a model, and again without the export on another processor. Raises
    `ModelUnknown`, or `BadSetting` where the engine that is set can't run the model.
    """
    if described.encoder == "openvino" and openvino.installed() is None:
        raise BadSetting("PAPERPATH_ENCODER is openvino, which is not installed.",
                         cure="Install it with `pip install openvino`, or leave the setting empty.")  # fmt: skip
    choice = chosen(described)
    model = None
    if choice is None:
        model = open_model(described)
        choice = _settle(described, model)
    if described.encoder == "openvino" and choice.engine != "openvino":
        raise BadSetting(f"PAPERPATH_ENCODER is openvino, but {choice.why}.",
                         cure="Leave the setting empty: then the model runs with torch.")  # fmt: skip
    if threads:  # what was measured with more still says which engine is the fastest
        described, choice = replace(described, threads=threads), replace(choice, threads=threads, query_ms=None)
    if choice.engine == "openvino":
        assert described.folder is not None
        export = exports.find(_name(described), exports.homes(described.folder, described.exports))
        if export is not None:
            return exported(described, export, choice)
    return SentenceTransformers(described, model)


def exported(described: Described, export: Export, choice: Choice) -> Exported:
    """The embedder that runs an export as `choice` says."""
    threads, few = choice.threads or described.threads or cores(), choice.query_threads

    def network(streams: int, on: int, shape: tuple[int, int] | None = None) -> Callable[[], openvino.Network]:
        return lru_cache(maxsize=1)(lambda: openvino.Network(export.folder, choice.precision, streams, on, shape))

    many = network(threads, threads)
    one = many if few == 1 else network(1, few)  # a stream of `many` has one thread too: a hundred megabytes less
    return Exported(described, export, Networks(many, one, lambda length: network(1, few, (1, length))(), threads))


def _settle(described: Described, model: SentenceTransformer) -> Choice:
    """Exports the model where it is not yet, compares, measures, and keeps all that."""
    assert described.folder is not None
    homes = exports.homes(described.folder, described.exports)
    home = exports.writable_home(homes)
    export = exports.find(_name(described), homes)
    if export is None:
        if home is None:
            return _unkept(described, None, homes)
        try:
            export = exports.make(_name(described), home, lambda folder: _fill(described, model, folder))
        except (OSError, MemoryError) as error:
            return Choice("torch", _torch_precision(), f"no export can be kept in {home} ({error})")
    if (choice := _choice(described, export, _held_speeds(described, homes))) is None:
        speeds = _measured(described, export, model)
        if home is not None:
            exports.keep_json(home / _speeds_name(described), speeds)
        choice = _choice(described, export, speeds)
    assert choice is not None
    return choice


def _unkept(described: Described, export: Export | None, homes: Sequence[Path]) -> Choice:
    """What runs where neither an export nor what was measured could be kept: it would be made again at every start."""
    where = " or ".join(map(str, homes))
    if export is None:
        return Choice("torch", _torch_precision(), f"no export can be kept in {where}: set PAPERPATH_ENCODER_CACHE")
    agreed = [p for p in _PRECISIONS if (export.record.agreement or {}).get(p, 0.0) >= LEAST_COSINE]
    precision = "bf16" if "bf16" in agreed and _torch_precision() == "bf16" else "f32"
    return Choice("openvino", precision, f"nothing measured can be kept in {where}", described.threads or cores(),
                  agreement=(export.record.agreement or {}).get(precision))  # fmt: skip


def _choice(described: Described, export: Export, held: dict[str, Any]) -> Choice | None:
    if export.record.refused:
        return Choice("torch", _torch_precision(), f"the model can't be exported: {export.record.refused}")
    try:
        speeds = {str(name): float(speed) for name, speed in held["speeds"].items()}
        query_ms = {str(threads): float(ms) for threads, ms in held["query_ms"].items()}
        best = max((name for name in speeds if described.encoder == "auto" or name.startswith(described.encoder)),
                   key=lambda name: speeds[name])  # fmt: skip
        engine, precision = best.split()
        threads = int(held["threads"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    why = "it was the fastest here" if described.encoder == "auto" else "it is set"
    return Choice(engine, precision, why, threads, speeds, query_ms, (export.record.agreement or {}).get(precision))


def _fill(described: Described, model: SentenceTransformer, folder: Path) -> Record:
    """Exports the model into `folder`. A model that can't be reproduced leaves only the reason."""
    try:
        return _exported_record(described, model, folder)
    except (OSError, MemoryError):
        raise  # of this moment, not of the model
    except Exception as error:  # whatever the tracer, the converter and the engine raise
        for left in folder.iterdir():
            left.unlink()
        reason = f"{type(error).__name__}: {str(error).strip()[:200]}"
        return Record(described.fingerprint, f"openvino {openvino.installed()}", refused=reason)


def _exported_record(described: Described, model: SentenceTransformer, folder: Path) -> Record:
    """Exports the model and compares it with torch. Raises ValueError where their vectors differ, and more."""
    fast = getattr(model.tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ValueError("it has no fast tokenizer")
    openvino.export(model, folder)
    (folder / "tokenizer").write_text(fast.to_str(), "utf-8")
    record = Record(
        described.fingerprint,
        f"openvino {openvino.installed()}",
        int(model.get_embedding_dimension()),
        int(model.max_seq_length or 512),
        int(model.tokenizer.pad_token_id or 0),
        prompt(described, model, "query"),
        prompt(described, model, "document"),
    )
    plain = SentenceTransformers(described, model, bfloat16=False)
    passages, queries = plain.embed_passages(SAMPLES), plain.embed_queries(_ASKED)
    agreement = {}
    for precision in _PRECISIONS:
        tried = exported(described, Export(folder, record), Choice("openvino", precision, ""))
        agreement[precision] = min(
            _lowest_cosine(passages, tried.embed_passages(SAMPLES)),
            _lowest_cosine(queries, np.concatenate([tried.embed_queries([text]) for text in _ASKED])),
        )
    if agreement["f32"] < LEAST_COSINE:
        raise ValueError(f"its vectors differ from torch's (cosine {agreement['f32']:.4f})")
    return replace(record, agreement=agreement)


def _measured(described: Described, export: Export, model: SentenceTransformer) -> dict[str, Any]:
    """Passages a second of each engine, the best of some rounds in turn, and a query's milliseconds by threads."""
    threads = described.threads or cores()
    good = [p for p in _PRECISIONS if (export.record.agreement or {}).get(p, 0.0) >= LEAST_COSINE]
    plain = SentenceTransformers(described, model)
    engines: dict[str, Embedder] = {f"torch {'bf16' if plain.bfloat16 else 'f32'}": plain}
    for precision in good:
        engines[f"openvino {precision}"] = exported(described, export, Choice("openvino", precision, "", threads))
    texts = [_made_up(190 - 2 * number, number) for number in range(12 * threads)]
    speeds: dict[str, float] = {}
    for _ in range(2):  # in turn: what else the machine does should strike them alike
        for name, engine in engines.items():
            engine.embed_passages(texts[:1])
            end, some = time.perf_counter() + _SECONDS, texts[::4]
            while (started := time.perf_counter()) < end:
                engine.embed_passages(some)
                speed = len(some) / (time.perf_counter() - started)
                speeds[name] = max(speeds.get(name, 0.0), speed)
                some = texts if speed > len(texts) / _SECONDS / 2 else some  # all of them where they are soon done
    del engines
    best = max(good, key=lambda precision: speeds[f"openvino {precision}"])
    tried = {on: exported(described, export, Choice("openvino", best, "", threads, query_ms={str(on): 0.0}))
             for on in sorted({1, min(2, threads), threads})}  # fmt: skip
    times: dict[int, list[float]] = {on: [] for on in tried}
    for number in range(_QUERIES):
        for on, engine in tried.items():
            started = time.perf_counter()
            engine.embed_queries([_made_up(8, number)])
            times[on].append(1e3 * (time.perf_counter() - started))
    return {
        "processor": processor(),
        "threads": threads,
        "speeds": {name: round(speed, 1) for name, speed in speeds.items()},
        "query_ms": {str(on): round(sorted(some)[_QUERIES // 4], 2) for on, some in times.items()},
    }


def _lowest_cosine(some: np.ndarray, others: np.ndarray) -> float:
    if some.shape != others.shape:
        return -1.0
    return float(np.nan_to_num((unit(some) * unit(others)).sum(1), nan=-1.0).min())


def _name(described: Described) -> str:
    return f"{described.fingerprint}-openvino-{openvino.installed()}-{exports.FORMAT}"


def _speeds_name(described: Described) -> str:
    which = re.sub(r"\W+", "-", f"{processor()} {described.threads or cores()}").strip("-")
    return f"{_name(described)}.{which}"


def _held_speeds(described: Described, homes: Sequence[Path]) -> dict[str, Any]:
    return next((found for home in homes if (found := exports.read_json(home / _speeds_name(described)))), {})


def _torch_precision() -> str:
    """What torch computes with here, told without loading it: `plain.has_bfloat16` decides."""
    return "bf16" if {"avx512_bf16", "amx_bf16"} & _flags() else "f32"


@lru_cache(maxsize=1)
def _flags() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    found = re.search(r"^flags\s*:(.*)$", text, re.M)
    return frozenset(found.group(1).split()) if found else frozenset()


@lru_cache(maxsize=1)
def processor() -> str:
    """The processor's name, with what tells apart those that share one."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor() or platform.machine() or "unknown"
    parts = []
    for key in ("model name", "cpu family", "model"):
        if found := re.search(rf"^{key}\s*:\s*(.*)$", text, re.M):
            parts.append(found.group(1).strip())
    return " ".join(parts) or platform.machine() or "unknown"


_TEXT = """the model of training data large language models and parameters gradient with optimizer we show that results
is a method for pipeline parallel workers which communication cost in figure table (2020) 3.5x -- et al. attention
heads layers tokens per second, throughput; memory: federated learning clients server aggregation privacy"""


def _made_up(words: int, number: int) -> str:
    known = _TEXT.split()
    return " ".join(known[(number * 7 + place * (3 + number % 5)) % len(known)] for place in range(max(words, 3)))


# What every export has to agree on with torch: any length, any script, what is odd.
SAMPLES = [
    "",
    " ",
    "a",
    "?",
    "Word",
    "  Spaces\tand\n\nlines  ",
    "ÜBER naïve coöperation, Straße, İstanbul",
    "漢字とかな、한국어, русский язык, العربية, עברית, हिन्दी, ไทย",
    "α ≤ β₂ ∑ ∇f(x) → 10⁻³ … ﬁne",
    "e\u0301 versus \u00e9; zero\u200bwidth\ufeff; \ud800 half",
    "🙂🏽 emoji 👩‍👩‍👧",
    "pneumonoultramicroscopicsilicovolcanoconiosis" * 4,
    "x" * 300,
    "[CLS] special [SEP] words [MASK] <s> </s>",
    *(_made_up(words, words) for words in (2, 5, 9, 15, 33, 61, 150, 400)),
]
_ASKED = SAMPLES[::2]
