"""Characters and words as a reader wants them: ligatures, accents, what nobody sees, and words that a line's end cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.extract.cleaning import clean, english, joined, words_of

# Characters


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("e\ufb03cient \ufb01ne \ufb00 \ufb02ow \ufb04", "efficient fine ff flow ffl"),
        ("\ufb05op", "stop"),
        ("𝑥 = 𝐀𝑦 + 𝟏𝟐 ℝ 𝔼", "x = Ay + 12 ℝ E"),
        ("ℎ of Ω and Å", "h of Ω and Å"),
        ("ＡＢｃ１２", "ABc12"),
        ("µs", "μs"),
        ("non\u2010iid and non\u2011iid", "non-iid and non-iid"),
        ("a\u00a0b\u202fc\u2007d", "a b c d"),
        ("⽂", "文"),
        ("⒈ 🄀", "⒈ 0."),
    ],
)
def test_forms_of_a_letter_are_the_letter(printed: str, text: str) -> None:
    assert clean(printed) == text


@pytest.mark.parametrize(
    "text",
    [
        "x²",
        "½ of it",
        "10⁻³",
        "CO₂",
        "№ 5",
        "™",
        "ﷺ"[:0] + "①",
        "… and “so” – on — ’tis",
        "naïve",
        "日本語",
        "Ελλάδα",
        "a × b ≤ c",
    ],
)
def test_what_has_a_meaning_of_its_own_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("soft\u00adhyphen", "softhyphen"), ("zero\u200bwidth\ufeff", "zerowidth"), ("a\u202eb\u2066c", "abc"), ("a\x00b\x07c\x7f\x85", "abc"),
        ("\ud800x", "x"), ("\ue000\ufffdx", "x"), ("a\r\nb\rc", "a\nb\nc"), ("tab\tand\nline", "tab\tand\nline"), ("é\r\n\x0cé", "é\né"),
    ],
)  # fmt: skip
def test_what_nobody_sees_goes(printed: str, text: str) -> None:
    assert clean(printed) == text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("r´esum´e", "résumé"), ("M¨uller", "Müller"), ("Poincar´e", "Poincaré"), ("na¨ıve", "naïve"), ("Erd˝os", "Erdős"),
        ("ˇCesk´y", "Český"), ("franc¸ais", "français"), ("˚Angstr¨om", "Ångström"), ("crème bru\u0302le\u0301e", "crème brûlée"),
        ("Ren`e", "Renè"), ("´x", "´x"), ("5 ¨", "5 ¨"), ("p¸", "p¸"),
    ],
)  # fmt: skip
def test_accents_that_stand_before_their_letter(printed: str, text: str) -> None:
    assert clean(printed) == text


@pytest.mark.parametrize("text", ["``a word'' is quoted", "`a word' é", "run `all` of it — now", "``is'' it ‘so’"])
def test_a_grave_that_opens_a_quotation_is_no_accent(text: str) -> None:
    assert clean(text) == text


@given(st.text(max_size=300))
@example("\u1feea\u00e9")
@example("\u1fefa\u00e9")
@example("\u00b4\u212a")
@example("\u2028\u00b4\u2029e")
@example("``a\u0300\u0300`a")
@example("\u00b4\u200be")
def test_cleaning_is_done_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


ODD = st.text(
    st.sampled_from("aeiEK`´¨ˆ˜ˇ˘¸˚˝˙ıé\u0301\u0327\u1fef\u1ffd\u212a\ufb01\u200b\u2028\r\n\t -"), max_size=30
)


@given(ODD)
def test_accents_in_any_order_are_cleaned_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert once == unicodedata.normalize("NFC", once)


@given(st.text(st.characters(), max_size=300))
def test_nothing_that_can_t_be_written_or_seen_is_left(text: str) -> None:
    found = clean(text)
    found.encode("utf-8")
    for c in found:
        assert c in "\t\n" or unicodedata.category(c) not in ("Cc", "Cs"), hex(ord(c))
        assert (not 0xFB00 <= ord(c) <= 0xFB06 and not 0x1D400 <= ord(c) <= 0x1D7FF) or unicodedata.category(c) == "Cn"


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]).filter(lambda c: c != "`"), max_size=200))
def test_plain_text_stays(text: str) -> None:
    assert clean(text) == text


# Words that a line's end cut


@pytest.mark.parametrize(
    ("first", "second", "words", "whole"),
    [
        # what the document says
        ("de", "centralized", {"decentralized"}, "decentralized"),
        ("low", "communication", {"low-communication"}, "low-communication"),
        ("data", "set", {"dataset"}, "dataset"),
        ("data", "set", {"data-set"}, "data-set"),
        ("non", "iid", {"iid"}, "non-iid"),
        ("gos", "sip", {"gossip", "gos-sip"}, "gossip"),
        ("re", "train", {"retrain", "re-train"}, "retrain"),
        ("multi", "head", {"multihead", "multi-head"}, "multi-head"),
        # what English says
        ("communi", "cation", (), "communication"),
        ("para", "graph,", (), "paragraph,"),
        ("(inter", "net)", (), "(internet)"),
        ("IMPOR", "TANT", (), "IMPORTANT"),
        ("well", "known", (), "well-known"),
        ("data", "parallel", (), "data-parallel"),
        ("gradi", "ents", (), "gradients"),
        ("zqvx", "wkpt", (), "zqvxwkpt"),
        # compounds
        ("state", "of-the-art", (), "state-of-the-art"),
        ("state-of", "the-art", (), "state-of-the-art"),
        ("orders-of", "magnitude", (), "orders-of-magnitude"),
        ("left-to", "right", (), "left-to-right"),
        ("end", "to-end", (), "end-to-end"),
        ("built", "in", (), "built-in"),
        ("GPT", "based", (), "GPT-based"),
        ("self-super", "vised", (), "self-supervised"),
        ("client/ser", "ver", (), "client/server"),
        # names, numbers, other scripts
        ("Hoff", "mann", (), "Hoffmann"),
        ("Good", "fellow,", (), "Goodfellow,"),
        ("Self", "attention", (), "Self-attention"),
        ("Staleness", "aware", (), "Staleness-aware"),
        ("Weight", "decay", {"weight", "decay"}, "Weight-decay"),
        ("Kullback", "Leibler", (), "Kullback-Leibler"),
        ("Mül", "ler", (), "Müller"),
        ("BERT", "Large", (), "BERT-Large"),
        ("v", "2", (), "v-2"),
        ("3", "fold", (), "3-fold"),
        ("децентра", "лизация", (), "децентрализация"),
        ("see", "(there)", (), "see-(there)"),
    ],
)  # fmt: skip
def test_a_cut_word_is_joined_by_evidence(first: str, second: str, words: set[str], whole: str) -> None:
    assert joined(first, second, words) == whole


@given(st.text(max_size=80), st.text(max_size=80), st.sets(st.text(max_size=5)))
def test_joining_loses_nothing(first: str, second: str, words: set[str]) -> None:
    assert joined(first, second, words) in (first + second, f"{first}-{second}")


def test_a_word_without_an_end_is_joined_as_fast() -> None:
    first = "a" * 200_000 + "1"
    assert joined(first, "b", ()) == first + "-b"


def test_words_are_the_evidence_but_not_those_that_a_line_s_end_cut() -> None:
    text = "Decentralized work, state-of-the-art; it's low-\ncommunication and de-\ncentralized (ÉTÉ) 3 x_1"
    assert words_of(text) == {"decentralized", "work", "state-of-the-art", "it's", "and", "été", "x"}
    assert words_of("") == set()


def test_the_words_of_english_are_there() -> None:
    assert {"communication", "the", "network"} <= english()
    assert all(word == word.lower() for word in english())
