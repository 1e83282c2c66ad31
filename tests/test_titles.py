"""Whether two titles name the same paper, and slugs."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources import read
from indexer.sources.titles import overlap, same_title, slug

letters = st.text("abcdefghijklmnopqrstuvwxyzäéîøñABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=9)
titles = st.lists(letters, min_size=1, max_size=12).map(" ".join)

DILOCO = "DiLoCo: Distributed Low-Communication Training of Language Models"
SAME = [
    ("deepmind's diloco: distributed low-communication training of language models", DILOCO),
    ("diloco", DILOCO),
    ("DiLoCo (DeepMind, 2023)", DILOCO),
    ("arxiv", DILOCO),
    ("[pdf]", DILOCO),
    ("", DILOCO),
    (DILOCO, ""),
    ("distributed low communication training of LMs", DILOCO),
    ("swarm parallelism: training large models\ncan be surprisingly communication-efficient",
     "SWARM Parallelism: Training Large Models Can Be Surprisingly Communication-Efficient"),
    ("GPT-3", "Language Models are Few-Shot Learners"),
    ("BERT", "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"),
    ("Turing-NLG", "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models"),
    ("Llama 3.1-8|70|405B", "Llama 3.2-1|3|11|90B"),
    ("pretraining of deep bidirectional transformers", "BERT: Pre-Training of Deep Bi-directional Transformers"),
    ("Adam: A method for stochastic optimization", "{ADAM}: A Method for Stochastic Optimization."),
    ("Schrodinger cats and where to find them", "Schr{\\\"o}dinger Cats and Where to Find Them"),
    ("注意力机制综述与展望 论文 阅读", "Attention Is All You Need"),
    ("The Future of LLM Pre-training is Federated", "The Future of Large Language Model Pre-training is Federated"),
]  # fmt: skip
DIFFERENT = [
    ("lo-fi: distributed fine-tuning without communication", DILOCO),
    ("asynchronous local-sgd training for language modeling", DILOCO),
    ("decentralized training of foundation models in heterogeneous environments", DILOCO),
    ("Attention Is All You Need", DILOCO),
    ("ServerlessLoRA: Minimizing Latency and Cost", "ZenFlow: Enabling Stall-Free Offloading Training"),
    ("a comprehensive survey of continual learning: theory, method and application",
     "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks"),
]  # fmt: skip


@pytest.mark.parametrize(("listed", "true"), SAME)
def test_titles_that_may_be_one_paper(listed, true):
    assert same_title(listed, true)


@pytest.mark.parametrize(("listed", "true"), DIFFERENT)
def test_titles_that_clearly_disagree(listed, true):
    assert not same_title(listed, true)
    assert not same_title(true, listed)


@given(st.text(max_size=300))
def test_a_title_agrees_with_itself(title):
    assert same_title(title, title)
    assert overlap(title, title) == 1.0


@given(titles, st.data())
def test_case_space_and_punctuation_make_no_difference(title, data):
    joints = data.draw(st.lists(st.sampled_from([" ", "  ", "\n", " - ", ": ", ", ", "-"]), min_size=12, max_size=12))
    changed = "".join(word + joint for word, joint in zip(title.split(), joints, strict=False))
    assert same_title(data.draw(st.sampled_from([changed.upper(), changed.lower(), f"“{changed}”."])), title)
    assert same_title(title, changed.swapcase())


@given(titles, titles)
def test_the_verdict_does_not_hang_on_case(first, second):
    assert same_title(first, second) == same_title(first.upper(), f" {second.lower()} ")


@given(st.text(max_size=200), st.integers(5, 80))
def test_a_slug_can_be_typed(title, limit):
    made = slug(title, limit)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
    assert len(made) <= max(limit, len("untitled"))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("A Deep Dive into 3D!", "a-deep-dive-into-3d"),
        ("", "untitled"),
        ("…", "untitled"),
        ("Müller's Maß", "muller-s-mass"),
    ],
)
def test_slugs(title, expected):
    assert slug(title) == expected


@needs_shared
def test_titles_of_one_field_are_told_apart():
    lines = (SHARED / "papers" / "papers.jsonl").read_text("utf-8").splitlines()
    true = [title for title in (json.loads(line)["title"] for line in lines) if len(title.split()) > 3]
    pairs = list(itertools.combinations(true, 2))
    mixed = [pair for pair in pairs if same_title(*pair)]
    assert len(pairs) == 595
    assert len(mixed) <= 12, mixed  # "… Stochastic Gradient Descent" twice, and the like


@needs_shared
def test_ids_that_the_lists_name_twice_are_told_apart_only_where_the_titles_are_others():
    found = []
    for path in (SHARED / "seed" / "reading-list.md", *sorted((SHARED / "lists").glob("*.md"))):
        found += [w.message for w in read(str(path)).warnings if w.kind == "two-titles"]
    assert len(found) == 4
    for name in ("ServerlessLoRA", "TurboMoE", "ResCCL", "E2ETune"):
        assert any(name in message for message in found)
