"""Models: the packaged one is upstream's and needs no hub, the toy is the same everywhere, prompts are applied."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer import embed
from indexer.embed import Toy, choice, described, encoder
from indexer.errors import ModelDamaged, ModelUnknown
from indexer.settings import Settings

packaged_folder = described._folder("")


@pytest.fixture(scope="module")
def packaged() -> embed.Embedder:
    return embed.load(embed.describe(Settings()))


def test_the_toy_is_the_same_on_every_machine() -> None:
    vector = Toy().embed_queries(["Distributed training of large models"])[0]
    assert vector.dtype == np.float32 and abs(float(np.linalg.norm(vector)) - 1) < 1e-6
    assert np.allclose(vector[:4] / vector[2], [-1, -1, 1, 5], atol=1e-5)


def test_the_toy_finds_words() -> None:
    toy = Toy()
    passages = toy.embed_passages(["worker sends gradients", "cats sleep all day", ""])
    assert passages.shape == (3, 128)
    assert int((passages @ toy.embed_queries(["gradients of a worker"])[0]).argmax()) == 0
    assert toy.embed_passages([]).shape == (0, 128)


def test_describing_a_model_needs_no_torch() -> None:
    code = (
        "import sys; from indexer import embed; from indexer.settings import Settings\n"
        "d = embed.describe(Settings(model='')); assert 'torch' not in sys.modules; print(d.name, d.fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "all-MiniLM-L6-v2"


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    shutil.copytree(packaged_folder, folder, ignore=shutil.ignore_patterns("paperpath-exports"))
    weights = folder / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    monkeypatch.setattr(described, "_folder", lambda _: folder)
    with pytest.raises(ModelDamaged, match=r"model\.safetensors"):
        embed.describe(Settings())


@pytest.mark.parametrize("name", ["no-such-model-here", "./nowhere", "/nowhere/at/all", "a b", "../x", "x/y/z"])
def test_an_unknown_model_is_named(name: str) -> None:
    with pytest.raises(ModelUnknown) as caught:
        embed.describe(Settings(model=name))
    assert name.split("/")[-1] in caught.value.message
    assert "PAPERPATH_MODEL" in caught.value.cure


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelUnknown, match="safetensors"):
        embed.describe(Settings(model=str(tmp_path)))


def test_prompts_change_the_fingerprint() -> None:
    plain = embed.describe(Settings(model=str(packaged_folder)))
    prompted = embed.describe(Settings(model=str(packaged_folder), query_prompt="query: "))
    assert plain.fingerprint != prompted.fingerprint


def test_known_families_get_their_prompts(tmp_path: Path) -> None:
    folder = tmp_path / "multilingual-e5-small"
    shutil.copytree(packaged_folder, folder, ignore=shutil.ignore_patterns("paperpath-exports"))
    found = embed.describe(Settings(model=str(folder)))
    assert (found.query_prompt, found.document_prompt) == ("query: ", "passage: ")


@pytest.mark.model
def test_the_packaged_model_embeds(packaged: embed.Embedder) -> None:
    assert (packaged.model.name, packaged.model.dimension, packaged.window) == ("all-MiniLM-L6-v2", 384, 256)
    texts = ["Workers exchange gradients rarely.", "The recipe needs two eggs.", "word " * 2000, ""]
    vectors = packaged.embed_passages(texts)
    assert vectors.shape == (4, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    question = packaged.embed_queries(["How often do machines communicate?"])[0]
    assert int((vectors[:2] @ question).argmax()) == 0
    assert packaged.embed_queries([]).shape == (0, 384)


@pytest.mark.model
def test_warm_nothing_is_compiled_any_more() -> None:
    model = embed.load(embed.describe(Settings(encoder="openvino")), threads=1)
    embed.warm_up(model)
    assert isinstance(model, encoder.Exported) and set(model._fixed) == set(encoder.LENGTHS)
    assert {"_many", "_one"} <= vars(model).keys()


@pytest.mark.model
def test_tokens_are_spans_of_the_text(packaged: embed.Embedder) -> None:
    text = "Ünïcode de-\nnoising, 漢字 and 3.5×"
    spans = packaged.tokens(text)
    assert "".join(text[a:b] for a, b in spans) == "".join(text.split())


@pytest.mark.model
def test_prompts_reach_the_model(packaged: embed.Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, less in (
        ("_SECONDS", 0.05),
        ("_QUERIES", 4),
        ("SAMPLES", choice.SAMPLES[-6:-3]),
        ("_ASKED", ["a", "why"]),
    ):
        monkeypatch.setattr(choice, name, less)  # how good and how fast an export is, is asked elsewhere
    folder = tmp_path / "prompted"
    shutil.copytree(packaged_folder, folder, ignore=shutil.ignore_patterns("paperpath-exports"))
    config = json.loads((folder / "config_sentence_transformers.json").read_text())
    config["prompts"] = {"query": "question: ", "document": "passage: "}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    prompted = embed.load(replace(embed.describe(Settings(model=str(folder))), threads=1))
    query, passage = prompted.embed_queries(["why"])[0], prompted.embed_passages(["why"])[0]
    # Which engine runs each of the two may differ: the speeds were hardly measured.
    assert query @ packaged.embed_queries(["question: why"])[0] > 0.999
    assert passage @ packaged.embed_passages(["passage: why"])[0] > 0.999
    assert query @ packaged.embed_queries(["why"])[0] < 0.99
    assert prompted.window < packaged.window
