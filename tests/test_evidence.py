"""Evidence: the sentence that earned it, its marks, and that what is served is read back."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from indexer.terms import located, terms
from service.evidence import Evidence, earning, marked, sentences, verified

TEXT = (
    "Training is slow (see Fig. 3). Each worker, as Smith et al. say, sends its gradient to a server. The server adds"
    " the gradients of all workers. Nothing else is sent."
)


def weights(query: str, weight: float = 1.0) -> dict[str, float]:
    return {term: weight for term in terms(query)}


def shown(text: str, found: Evidence) -> tuple[str, list[str]]:
    return text[found.start : found.end], [text[a:b] for a, b in found.marks]


def test_the_sentence_with_most_of_the_query() -> None:
    found = earning(TEXT, weights("how do workers send gradients"))
    assert shown(TEXT, found) == (
        "Each worker, as Smith et al. say, sends its gradient to a server.",
        ["worker", "sends", "gradient"],
    )
    assert found.matched


def test_rare_words_count_more() -> None:
    text = "The rate of the model is small. Only a pebble tells."
    assert shown(text, earning(text, {"rate": 1.0, "model": 1.0, "pebbl": 5.0}))[0] == "Only a pebble tells."
    assert shown(text, earning(text, {"rate": 1.0, "model": 1.0, "pebbl": 1.5}))[0] == "The rate of the model is small."


def test_a_word_counts_once_and_the_first_of_equals_is_shown() -> None:
    text = "One gradient here. A gradient, a gradient, a gradient."
    found = earning(text, weights("gradient"))
    assert shown(text, found) == ("One gradient here.", ["gradient"])


def test_every_place_of_a_word_is_marked() -> None:
    text = "Gradients of gradients: GRADIENT, not gradientless."
    assert shown(text, earning(text, weights("gradient")))[1] == ["Gradients", "gradients", "GRADIENT"]


def test_a_long_sentence_pays_for_its_length() -> None:
    long = "Among " + "many other things that are said here " * 20 + "there is a gradient and a server."
    short = "A gradient is sent."
    text = f"{long} {short}"
    assert shown(text, earning(text, weights("gradient")))[0] == short
    assert shown(text, earning(text, {"gradient": 1.0, "server": 5.0}))[0] == long


def test_a_phrase_goes_before_words() -> None:
    text = "Stochastic steps, gradient and all, with momentum. We take Gradient-Descent here."
    found = earning(text, weights("stochastic gradient momentum"), ["gradient descent"])
    assert shown(text, found) == ("We take Gradient-Descent here.", ["Gradient-Descent"])


def test_a_phrase_is_found_where_no_weight_is() -> None:
    text = "First this. It is what it is, we say."
    found = earning(text, {}, ["what it is"])
    assert (shown(text, found), found.matched) == (("It is what it is, we say.", ["what it is"]), True)


def test_where_no_word_matches_it_says_so() -> None:
    assert shown(TEXT, earning(TEXT, weights("photosynthesis"))) == ("Training is slow (see Fig. 3).", [])
    assert not earning(TEXT, weights("photosynthesis")).matched


def test_sentences_are_not_cut_at_abbreviations() -> None:
    assert [TEXT[a:b] for a, b in sentences(TEXT)][:2] == [
        "Training is slow (see Fig. 3).",
        "Each worker, as Smith et al. say, sends its gradient to a server.",
    ]


def test_a_title_is_marked_too() -> None:
    title = "Sending Gradients, rarely: gradient-descent on a server"
    assert [title[a:b] for a, b in marked(title, weights("gradient server"))] == ["Gradients", "gradient", "server"]
    assert marked("", weights("gradient")) == ()


@pytest.mark.parametrize(
    ("start", "end", "text", "equal"),
    [(0, 3, "One", True), (4, 9, "page.", True), (0, 3, "one", False), (4, 10, "page.", False), (-5, 9, "page.", False),
     (3, 3, "", False), (5, 4, "", False), (9, 12, "", False)],
)  # fmt: skip
def test_what_is_served_is_read_back(start: int, end: int, text: str, equal: bool) -> None:
    assert verified("One page.", start, end, text) is equal


def merged(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that overlap made one: a compound and its words."""
    covered = {at for start, end in places for at in range(start, end)}
    starts = {start for start, _ in places}
    found: list[tuple[int, int]] = []
    for at in sorted(covered):
        if found and found[-1][1] == at and (at not in starts or any(a < at < b for a, b in places)):
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


SOME = st.lists(st.sampled_from(["gradient", "Gradients", "server", "study", "studies.", "e.g.", "et al.", "Fig. 2", "the", "ZeRO-3", "h_t",
                                 "\n", "\n\n", "…", "naïve", "ﬁne", "注意", "a.", "B?", "\u0301", "🙂"]), max_size=40)  # fmt: skip


@given(
    SOME.map(" ".join) | st.text(max_size=200),
    st.sampled_from(["gradient study", "server", "fine naive 3", "注意 h_t e.g."]),
)
@hypothesis_settings(deadline=None, max_examples=200)
def test_the_sentence_and_its_marks_are_those_of_the_slow_way(text: str, query: str) -> None:
    asked = {term: 1.0 + n for n, term in enumerate(terms(query))}
    found = earning(text, asked)
    every = [term for term in located(text) if term.term in asked]
    assert marked(text, asked) == tuple(merged([(term.start, term.end) for term in every]))
    inside = [(t.start, t.end) for t in every if found.start <= t.start and t.end <= found.end]
    assert found.marks == tuple(merged(inside))
    assert (found.start, found.end) in sentences(text)

    def worth(span: tuple[int, int]) -> float:
        own = {t.term for t in every if span[0] <= t.start and t.end <= span[1]}
        return sum(weight for term, weight in asked.items() if term in own) / (
            0.75 + 0.25 * max(1, (span[1] - span[0]) / 200)
        )

    best = max(map(worth, sentences(text)))
    assert worth((found.start, found.end)) == pytest.approx(best)
    assert found.matched == bool(every)


INFLECTED = ["use", "using", "uses", "dying", "die", "lying", "tie", "skies", "sky", "studying", "study", "hoping", "hopped",
             "sensibility", "sensible", "analogies", "analog", "early", "ZeRO", "zero-3", "GPT4", "gpt-4", "gpt", "4", "4bit", "low-rank",
             "lowrank", "Low\u2010Rank", "t-test", "ttest", "TGF-β1", "tgfbeta", "DNA–RNA", "dna/rna", "h_t", "naïve", "naive",
             "a.b.c", "ab", "İx", "x\u0307", "²", "x²", "(use)", "“use”", "re-use", "co\xadoperate", "cooperate", "1F1B", "word\nuse"]  # fmt: skip


@given(
    st.lists(st.sampled_from(INFLECTED), max_size=12).map(" ".join), st.lists(st.sampled_from(INFLECTED), max_size=3)
)
@hypothesis_settings(deadline=None, max_examples=400)
def test_no_word_is_missed_however_it_is_written(text: str, query: list[str]) -> None:
    asked = {term: 1.0 for term in terms(" ".join(query))}
    assert marked(text, asked) == tuple(merged([(t.start, t.end) for t in located(text) if t.term in asked]))


def test_every_form_of_a_word_is_found_by_its_stem() -> None:
    here = Path(__file__).parents[1]
    words = {word for path in [*here.glob("*.md"), *here.glob("indexer/**/*.py")] for word in
             re.findall(r"[a-z]{3,}", path.read_text("utf-8").lower())}  # fmt: skip
    endings = [
        "",
        "s",
        "ed",
        "ing",
        "ly",
        "y",
        "ies",
        "ation",
        "ational",
        "izer",
        "biliti",
        "fulness",
        "ying",
        "e",
        "logi",
    ]
    for word in sorted(words):
        for form in (word + ending for ending in endings):
            if own := terms(form):
                assert marked(f"a {form}.", {own[0]: 1.0}) == ((2, 2 + len(form)),), form


@given(st.text(max_size=300))
@hypothesis_settings(deadline=None)
def test_sentences_hold_all_but_the_space_between(text: str) -> None:
    spans = sentences(text)
    assert spans and all(a <= b for a, b in spans)
    assert list(spans) == sorted(spans) and all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))
    assert re.sub(r"\s", "", "".join(text[a:b] for a, b in spans)) == re.sub(r"\s", "", text)
