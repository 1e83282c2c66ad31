"""The engines: which one runs, that each gives torch's vectors, and that a search loads no torch."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from indexer import embed
from indexer.embed import choice, exports, openvino
from indexer.embed.choice import Choice
from indexer.embed.described import Described
from indexer.embed.exports import Record
from indexer.embed.plain import SentenceTransformers
from indexer.errors import BadSetting
from indexer.settings import Settings

DESCRIBED = Described("some", "abc", Path("/nowhere"), None, None)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Described:
    """A model with an export of openvino 1 and speeds measured here."""
    monkeypatch.setattr(openvino, "installed", lambda: "1")
    described = dataclasses.replace(DESCRIBED, exports=tmp_path, threads=2)
    record = Record("abc", "openvino 1", 384, 256, agreement={"bf16": 0.9999, "f32": 1.0})
    home = exports.writable_home(exports.homes(tmp_path, tmp_path))
    assert home is not None
    exports.make(choice._name(described), home, lambda folder: record)
    exports.keep_json(
        home / choice._speeds_name(described),
        {
            "threads": 2,
            "speeds": {"torch f32": 50, "openvino f32": 80, "openvino bf16": 200},
            "query_ms": {"1": 2.0, "2": 1.9},
        },
    )
    return described


def test_the_fastest_runs(kept: Described) -> None:
    found = choice.chosen(kept)
    assert found is not None and (found.engine, found.precision, found.agreement) == ("openvino", "bf16", 0.9999)
    assert found.query_threads == 1  # 2 threads would save it a twentieth


def test_what_is_set_runs(kept: Described) -> None:
    torch, other = (choice.chosen(dataclasses.replace(kept, encoder=name)) for name in ("torch", "openvino"))
    assert torch is not None and torch.engine == "torch" and "set" in torch.why
    assert other is not None and other.engine == "openvino" and "set" in other.why


def test_another_processor_or_number_of_threads_is_measured_again(
    kept: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choice.chosen(dataclasses.replace(kept, threads=1)) is None
    monkeypatch.setattr(choice, "processor", lambda: "another")
    assert choice.chosen(kept) is None


@pytest.mark.parametrize(
    "broken", ["", "{}", '{"speeds": {"x": "y"}}', '{"threads": 2, "speeds": {}, "query_ms": {}}', "[1]"]
)
def test_broken_speeds_are_measured_again(kept: Described, broken: str) -> None:
    (exports.homes(Path(), kept.exports)[0] / choice._speeds_name(kept)).write_text(broken)
    assert choice.chosen(kept) is None


def test_without_an_engine_torch_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "installed", lambda: None)
    found = choice.chosen(DESCRIBED)
    assert found is not None and found.engine == "torch"
    with pytest.raises(BadSetting, match="PAPERPATH_ENCODER"):
        choice.load(dataclasses.replace(DESCRIBED, encoder="openvino"))


def test_a_model_that_was_refused_runs_with_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "installed", lambda: "1")
    described = dataclasses.replace(DESCRIBED, exports=tmp_path)
    home = exports.writable_home(exports.homes(tmp_path, tmp_path))
    assert home is not None
    exports.make(choice._name(described), home, lambda folder: Record("abc", "openvino 1", refused="it is odd"))
    found = choice.chosen(described)
    assert found is not None and found.engine == "torch" and "odd" in found.why


def test_a_model_that_cannot_be_exported_leaves_the_reason_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: object, folder: Path) -> None:
        (folder / "model.bin").write_bytes(b"half")
        raise RuntimeError("no such operation")

    class Model:
        class tokenizer:
            backend_tokenizer = object()

    monkeypatch.setattr(openvino, "installed", lambda: "1")
    monkeypatch.setattr(openvino, "export", fail)
    described = dataclasses.replace(DESCRIBED, exports=tmp_path)
    for _ in range(2):
        found = choice._settle(described, Model())
        assert found.engine == "torch" and "no such operation" in found.why
    assert not list(tmp_path.rglob("model.bin"))

    def full(model: object, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(openvino, "export", full)
    found = choice._settle(dataclasses.replace(described, fingerprint="other"), Model())
    assert found.engine == "torch" and "No space left" in found.why
    assert choice.chosen(dataclasses.replace(described, fingerprint="other")) is None  # tried again next time


@pytest.mark.model
def test_every_engine_gives_the_vectors_of_float32() -> None:
    described = embed.describe(Settings())
    plain = SentenceTransformers(described, bfloat16=False)
    texts = choice.SAMPLES
    passages, queries = plain.embed_passages(texts), plain.embed_queries(texts)
    if find_spec("openvino") is None:
        pytest.skip("only torch is installed")
    export = _export(described)
    for precision in ("bf16", "f32"):
        engine = choice.exported(described, export, Choice("openvino", precision, "", 2, query_ms={"1": 1.0}))
        together = engine.embed_passages(texts)
        assert together.shape == passages.shape and together.dtype == np.float32
        assert float((together * passages).sum(1).min()) >= choice.LEAST_COSINE
        assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
        asked = engine.embed_queries(texts)
        assert float((asked * queries).sum(1).min()) >= choice.LEAST_COSINE
        alone = np.concatenate([engine.embed_queries([text]) for text in texts[::3]])
        assert float((alone * asked[::3]).sum(1).min()) >= 1 - 1e-3  # padding does not matter
        alone = np.concatenate([engine.embed_passages([text]) for text in texts[::3]])
        assert float((alone * together[::3]).sum(1).min()) >= 1 - 1e-3
        assert np.allclose(engine.embed_passages(texts), together, atol=1e-3)  # the networks are as before
        assert engine.embed_queries([]).shape == engine.embed_passages([]).shape == (0, 384)
        assert engine.window == plain.window
        assert all(engine.tokens(text) == plain.tokens(text) for text in texts)


@pytest.mark.model
def test_threads_that_ask_at_once_get_their_own_vectors() -> None:
    embedder = embed.load(embed.describe(Settings()))
    texts = [f"question {number} of {'workers ' * (number % 9)}" for number in range(48)]
    expected = embedder.embed_passages(texts)
    found: dict[int, np.ndarray] = {}

    def ask(start: int) -> None:
        for number in range(start, len(texts), 8):
            found[number] = embedder.embed_queries([texts[number]])[0]

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(float(found[number] @ expected[number]) for number in range(len(texts))) >= choice.LEAST_COSINE


@pytest.mark.model
def test_a_search_with_an_export_loads_no_torch() -> None:
    described = embed.describe(Settings())
    _export(described)
    code = (
        "import sys; from indexer import embed; from indexer.settings import Settings\n"
        "embed.load(embed.describe(Settings(encoder='openvino'))).embed_queries(['why'])\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr


def _export(described: Described) -> exports.Export:
    if openvino.installed() is None:
        pytest.skip("openvino is not installed")
    embed.load(described)  # exports and measures where that was not done yet
    assert described.folder is not None
    export = exports.find(choice._name(described), exports.homes(described.folder, described.exports))
    assert export is not None and not export.record.refused
    return export
