"""Text is told from the noise of a broken encoding; what is merely unusual is text."""

from __future__ import annotations

import random

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st
from printed import LOREM, filler

from indexer.extract.garbage import is_garbage

ENGLISH = [word for n in range(8) for word in filler(25, f"Sentence{n}").split()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        "12",
        "3.1 Introduction",
        "E = mc²",
        "arXiv:2301.00001v2 [cs.LG]",
        "（図１）",
        "Table 2: BLEU, FLOPs, 12.5 and so on for GPT-3 (175B) in the FP16 setting",
        "x ∈ ℝᵈ, ‖x‖₂ ≤ 1, ∇f(x) = Aᵀ(Ax − b), ∀i ∈ {1, …, n}: wᵢ ← wᵢ − γ∇fᵢ(w)",
        "分散学習 は 多く の 計算機 を 使う 。 通信 の 量 が 問題 に なる 。" * 3,
        "Распределённое обучение требует много связи между машинами и потому медленно" * 2,
        "التعلم الموزع يحتاج إلى كثير من الاتصال بين الآلات في كل خطوة من الخطوات",
        "η κατανεμημένη μάθηση χρειάζεται πολλή επικοινωνία ανάμεσα στις μηχανές",
    ],
)
def test_text_of_any_kind_is_none(text: str) -> None:
    assert not is_garbage(text.split())


def test_prose_is_none_in_capitals_and_small_letters() -> None:
    for words in (ENGLISH, [w.upper() for w in ENGLISH], [w.title() for w in ENGLISH]):
        assert not is_garbage(words)


def test_pages_of_numbers_and_of_code_are_none() -> None:
    chance = random.Random(1)
    numbers = [f"{chance.uniform(0, 100):.2f}" for _ in range(300)]
    assert not is_garbage(numbers)
    assert not is_garbage(["Model", "Steps", "BLEU", *numbers])
    code = [
        "def",
        "step",
        "(",
        "model",
        ",",
        "batch",
        ")",
        ":",
        "loss",
        "=",
        "model",
        "(",
        "batch",
        ")",
        ".",
        "mean",
        "(",
        ")",
        ";",
        "loss",
        ".",
        "backward",
        "(",
        ")",
        ";",
        "return",
        "loss",
        "#",
        "done",
    ]
    assert not is_garbage(code * 10)


def test_letters_drawn_one_by_one_are_text() -> None:
    assert not is_garbage(list("aseparateletterforeachwordofthepage" * 10))


@pytest.mark.parametrize("shift", [29, -29, 3, 13])
def test_codes_that_are_off_by_some_are_garbage(shift: int) -> None:
    # what a font without a map gives: numbers of glyphs, for "The" it is "7KH"
    words = [word for word in ENGLISH if word.isascii()]
    assert is_garbage(["".join(chr(ord(c) + shift) for c in word) for word in words])
    letters_only = ["".join(chr(ord(c) + shift) for c in word if c.isalpha()) for word in words]
    assert is_garbage(letters_only)


def test_mixed_letters_are_garbage() -> None:
    chance = random.Random(2)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    assert is_garbage(["".join(chance.choices(letters, k=len(word))) for word in ENGLISH])


def test_case_that_changes_within_words_is_garbage() -> None:
    assert is_garbage([word[0] + word[1:].upper() for word in ENGLISH if len(word) > 2])


@pytest.mark.parametrize("character", ["\ufffd", "\ue001", "\x03", "\udc80", "\U000f0001"])
def test_characters_of_no_script_are_garbage(character: str) -> None:
    assert is_garbage([character * 3] * 4)
    assert is_garbage([character * 5] * 40)
    assert is_garbage([*ENGLISH, *[character * 6] * 60])
    assert not is_garbage([*ENGLISH, character])


def test_signs_alone_are_garbage() -> None:
    assert is_garbage(["!\"#$%&'", "()*+,-./"] * 40)
    assert is_garbage(["!#%a(&", "$)/="])
    assert is_garbage(["!#%a(&", "..."])


def test_a_formula_or_a_fold_line_alone_is_none() -> None:
    for words in (["(a+b)", "=", "c"], ["***"], ["-", "12", "-"], ["[12]"], ["f(x)", "=", "0"]):
        assert not is_garbage(words)


@given(
    st.lists(
        st.sampled_from([*LOREM, "The", "GPT-3", "12.5%", "(2023).", "x", "=", "naïve", "[7]", "U.S.", "it’s"]),
        max_size=300,
    )
)
def test_words_in_any_order_are_text(words: list[str]) -> None:
    text = "".join(words)
    if len(text) >= 40 and sum(c.isalpha() for c in text) >= 0.5 * len(text):
        assert not is_garbage(words)


@given(st.lists(st.text(st.characters(), min_size=1, max_size=20), max_size=100))
def test_anything_is_judged(words: list[str]) -> None:
    assert is_garbage(words) in (True, False)


@needs_shared
def test_no_page_of_a_real_paper_is_garbage() -> None:
    from indexer.extract.engines import pdfium

    for name in ("1706.03762", "2311.08105", "1412.6980", "2101.03961"):
        path = SHARED / f"papers/{name}.pdf"
        if path.is_file():
            for sheet in pdfium.read(path):
                assert not is_garbage([word.text for word in sheet.words]), (name, sheet.number)
