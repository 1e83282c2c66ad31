"""Marks in the text: which there are, what they are tied to, and the sentence around them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.document import Block, BlockKind, Reference, Section
from indexer.extract.mentions import LONGEST_SENTENCE, name_key, tie
from indexer.extract.references import parse_all

RAWS = [
    "Douillard, A., Feng, Q., Rusu, A. A., and Shen, J. DiLoCo: Distributed low-communication training. 2023.",
    "Kingma, D. P. and Ba, J. Adam: A method for stochastic optimization. In ICLR, 2015.",
    "van den Oord, A., Dieleman, S., and Zen, H. WaveNet: A generative model for raw audio. 2016a.",
    "van den Oord, A., Li, Y., and Vinyals, O. Representation learning with contrastive coding. 2016b.",
    "OpenAI. GPT-4 technical report. 2023.",
    "Çelebi, O. and Ré, C. A title of some words. 2020.",
    "Li, X. A lonely title. 2019.",
    "Li, X. and Liang, P. Prefix-tuning of some kind. 2019.",
    "Li, M., Andersen, D. G., and Smola, A. Parameter servers. 2019.",
    "Sohl-Dickstein, J., Poole, B., and Ganguli, S. Fast large-scale optimization. 2014.",
    "Anil, R., Gupta, V., and Koren, T. Memory efficient adaptive optimization.",
    "Meta AI. Model cards. 2024.",
    "Zhang, B., Liu, C., and Wu, D. One of two alike. 2021.",
    "Zhang, E., Liu, F., and Wu, G. The other of two alike. 2021.",
]


def bibliography(*raws: str, labels: tuple[str, ...] = ()) -> tuple[Reference, ...]:
    return parse_all([(raw, labels[n] if labels else "", 9) for n, raw in enumerate(raws or RAWS)])


def numbered(count: int) -> tuple[Reference, ...]:
    return tuple(
        Reference(n, f"A. Bcd. Title {n}. 2001.", 9, label=str(n), authors=("A. Bcd",), year=2001)
        for n in range(1, count + 1)
    )


def paragraphs(*texts: str, kind: BlockKind = "body", continued: tuple[int, ...] = ()) -> tuple[list[str], list[Block]]:
    """One page of these paragraphs."""
    blocks, at = [], 0
    for n, text in enumerate(texts):
        blocks.append(Block(kind, 0, at, at + len(text), n in continued))
        at += len(text) + 1
    return ["\n".join(texts)], blocks


def marks(references: tuple[Reference, ...], *texts: str, kind: BlockKind = "body") -> list[tuple[str, int]]:
    """The marks found, in the text's order, each with the number of its reference."""
    pages, blocks = paragraphs(*texts, kind=kind)
    found = [(m.start, r.n, m.end) for r in tie(pages, blocks, references, []) for m in r.mentions]
    return [(pages[0][start:end], n) for start, n, end in sorted(found)]


# Authors and years

NAMED = bibliography()


@pytest.mark.parametrize(
    ("text", "tied"),
    [
        ("It was tried (Douillard et al., 2023) before.", [("Douillard et al., 2023", 1)]),
        ("As Douillard et al. (2023) show.", [("Douillard et al. (2023)", 1)]),
        ("As Douillard et al. [2023] show.", [("Douillard et al. [2023]", 1)]),
        ("It was tried [Douillard et al., 2023].", [("Douillard et al., 2023", 1)]),
        (
            "Kingma & Ba’s (2015) rule; Kingma and Ba (2015).",
            [("Kingma & Ba’s (2015)", 2), ("Kingma and Ba (2015)", 2)],
        ),
        (
            "See (Kingma and Ba, 2015; OpenAI, 2023; see also Li, 2019, Sec. 2).",
            [("Kingma and Ba, 2015", 2), ("OpenAI, 2023", 5), ("Li, 2019", 7)],
        ),
        (
            "Both (van den Oord et al., 2016a,b).",
            [("van den Oord et al., 2016a,b", 3), ("van den Oord et al., 2016a,b", 4)],
        ),
        (
            "Both (van den Oord et al., 2016b;a).",
            [("van den Oord et al., 2016b;a", 3), ("van den Oord et al., 2016b;a", 4)],
        ),
        ("One (Oord et al., 2016b).", [("Oord et al., 2016b", 4)]),
        ("Doubtful (van den Oord et al., 2016).", []),
        ("A third (van den Oord et al., 2016c).", []),
        (
            "Accents: Çelebi & Ré (2020), Celebi and Re (2020).",
            [("Çelebi & Ré (2020)", 6), ("Celebi and Re (2020)", 6)],
        ),
        (
            "Li (2019), Li and Liang (2019), Li et al. (2019).",
            [("Li (2019)", 7), ("Li and Liang (2019)", 8), ("Li et al. (2019)", 9)],
        ),
        (
            "Sohl-Dickstein et al. (2014), SohlDickstein et al. (2014).",
            [("Sohl-Dickstein et al. (2014)", 10), ("SohlDickstein et al. (2014)", 10)],
        ),
        ("No year is printed (Anil et al.; Li, 2019).", [("Anil et al.", 11), ("Li, 2019", 7)]),
        ("An organisation (Meta AI, 2024).", [("Meta AI, 2024", 12)]),
        ("Two alike (Zhang et al., 2021).", []),
        ("With more names, Zhang, Liu, et al. (2021) is as doubtful.", []),
        ("1Douillard et al. (2023) stand in a footnote.", [("Douillard et al. (2023)", 1)]),
        ("Years alone: in 2023, (2023), the 2015 meeting, Adam (2015).", []),
        ("Another year (Douillard et al., 2022).", []),
        ("Another name (Kingman and Ba, 2015).", []),
        ("Given names: Diederik Kingma and Jimmy Ba (2015).", [("Kingma and Jimmy Ba (2015)", 2)]),
        ("The optimizer of Kingma, Ba (2015).", [("Kingma, Ba (2015)", 2)]),
        ("It names nobody else: Douillard et al. found it.", [("Douillard et al.", 1)]),
        ("Several, Li et al. among them.", []),
    ],
)
def test_authors_and_years(text: str, tied: list[tuple[str, int]]) -> None:
    assert marks(NAMED, text) == tied


def test_capitals_tell_two_spellings_of_one_name_apart() -> None:
    listed = bibliography("Nvidia. Apex. 2020a.", "NVIDIA. Examples. 2020a.", "NVIDIA. TensorRT. 2020b.")
    assert marks(listed, "Apex (Nvidia, 2020a), examples (NVIDIA, 2020a) and (NVIDIA, 2020b).") == [
        ("Nvidia, 2020a", 1),
        ("NVIDIA, 2020a", 2),
        ("NVIDIA, 2020b", 3),
    ]


def test_no_letter_means_the_entry_without_one() -> None:
    listed = bibliography(
        "Microsoft. DeepSpeed. 2020a.", "Microsoft. Turing-NLG. 2020b.", "Microsoft. ONNX Runtime. 2020."
    )
    assert marks(listed, "The runtime (Microsoft, 2020) and the other (Microsoft, 2020b).") == [
        ("Microsoft, 2020", 3),
        ("Microsoft, 2020b", 2),
    ]


def test_names_as_they_are_printed_elsewhere() -> None:
    listed = bibliography(
        "Erik F Tjong Kim Sang and Fien De Meulder. 2003. Introduction to the shared task. In CoNLL.",
        "Karpathy, Andrej. NanoGPT. 2024.",
    )
    assert marks(listed, "Tagging (Tjong Kim Sang and De Meulder, 2003) and (Karpathy, Andrej, 2024).") == [
        ("Tjong Kim Sang and De Meulder, 2003", 1),
        ("Karpathy, Andrej, 2024", 2),
    ]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Kingma, D. P.", "d p kingma"),
        ("D. P. Kingma", "d p kingma"),
        ("Kingma DP", "dp kingma"),
        ("van den Oord, A.", "a van den oord"),
        ("Martin Luther King Jr.", "martin luther king"),
        ("Mercer, R. L., Jr.", "r l jr mercer"),
        ("Sohl-Dickstein, J.", "j sohldickstein"),
        ("Łukasz Kaiser", "lukasz kaiser"),
        ("NVIDIA AI", "nvidia ai"),
        ("", ""),
    ],
)
def test_one_spelling_of_a_name(name: str, key: str) -> None:
    assert name_key(name) == key


# Numbers


@pytest.mark.parametrize(
    ("text", "tied"),
    [
        ("It was tried [12] before.", [12]),
        ("It was tried [3, 7–9].", [3, 7, 8, 9]),
        ("It was tried [3], [4] and [5].", [3, 4, 5]),
        ("It was tried [3]–[6].", [3, 4, 5, 6]),
        ("It was tried [3-5].", [3, 4, 5]),
        ("As shown in [12, Sec. 3], [5, Theorem 2] and [7, p. 30].", [5, 7, 12]),
        ("See [e.g., 12], [see 4], [cf. 5] and [7, 8, inter alia].", [4, 5, 7, 8, 12]),
        ("Finn et al. [4], DiLoCo[5], FedAvg (FA)[6].", [4, 5, 6]),
        ("Approaches: [1], [2].", [1, 2]),
        ("Reported by Tay et al. [8]and others.", [8]),
        ("With a mark for a footnote [9]^b as well.", [9]),
        ("Values in [7, 3] are cited out of order.", [3, 7]),
        ("We took it from [3] to our surprise.", [3]),
        ("An interval [0, 1] or [0,1)", []),
        ("x ∈ [1, 2], y = [3, 4], scores in [1, 5], uniform in [2, 9].", []),
        ("A tensor of shape [3, 16, 20] and t in [1, 9].", []),
        ("We reshape it from [3, 2] to [6] at once.", []),
        ("x[1], a_i[2], f(x)[3], q.shape[1], x1[2], [1, 2]^n, [4]_i", []),
        ("A number beyond the list [21], [3, 44], [2019].", []),
        ("Words [sic], [Online], [12a], [CLS] and [].", []),
        ("A repeated pair [2, 2] is a shape.", []),
    ],
)
def test_numbers_in_brackets(text: str, tied: list[int]) -> None:
    # two marks elsewhere say that brackets are this paper's style
    found = marks(numbered(20), text, "It stands in brackets [19] and again [20].")
    assert sorted(n for _, n in found[:-2]) == tied
    assert found[-2:] == [("[19]", 19), ("[20]", 20)]


def test_the_mark_is_the_whole_bracket() -> None:
    assert marks(numbered(9), "It was tried [3, 7–9].") == [("[3, 7–9]", n) for n in (3, 7, 8, 9)]
    assert marks(numbered(9), "It was tried [3]–[5].") == [("[3]", 3), ("[3]–[5]", 4), ("[5]", 5)]


def test_an_entry_that_is_left_in_the_text_is_no_mention() -> None:
    assert marks(numbered(9), "[3] A. Bcd, and C. Def. A title.", "It was tried [4] and [5].") == [
        ("[4]", 4),
        ("[5]", 5),
    ]


def test_a_table_and_what_looks_like_a_formula() -> None:
    rows = "Method [3]  1.0  2.0\nOurs  [1, 2]  3.0"
    assert marks(numbered(9), rows, kind="table") == [("[3]", 3), ("[1, 2]", 1), ("[1, 2]", 2)]
    assert marks(numbered(9), "log n  [4]  x + 1\n[5]  x [6] y", kind="formula") == [("[4]", 4), ("[5]", 5)]
    assert marks(numbered(9), "Method [3] is code", kind="code") == []


def test_the_sentence_of_a_table_is_its_row() -> None:
    pages, blocks = paragraphs("Method [3]  1.0\nOurs [4]  2.0", kind="table")
    assert tie(pages, blocks, numbered(9), [])[3].mentions[0].sentence == "Ours [4] 2.0"


def test_raised_and_round_numbers_where_no_bracket_is() -> None:
    text = "First,^1 second^2 and third.^3,4 Then a fifth^5 and x^2, 10^6."
    assert [n for _, n in marks(numbered(6), text)] == [1, 2, 3, 4, 5]
    assert marks(numbered(6), text, "It stands in brackets [5] and [6].") == [("[5]", 5), ("[6]", 6)]
    text = "First (1), second (2), more (3, 4–5), and by Eq. (6)."
    assert [n for _, n in marks(numbered(6), text)] == [1, 2, 3, 4, 5]
    assert marks(numbered(40), "By Eq. (1) and (2) we have (3).") == []


def test_letters_as_labels() -> None:
    listed = bibliography(*RAWS[:3], labels=("DFR+23", "KB15", "Fou"))
    text = (
        "As in [DFR+23], [KB15, Sec. 2], [DFR^+23, KB15] and [Fou, MKAT18], but not [KB16], [CLS] or "
        "[KB15, whatever that means]."
    )
    assert marks(listed, text) == [
        ("[DFR+23]", 1),
        ("[KB15, Sec. 2]", 2),
        ("[DFR^+23, KB15]", 1),
        ("[DFR^+23, KB15]", 2),
        ("[Fou, MKAT18]", 3),
    ]


def test_a_numbered_list_that_is_cited_by_name() -> None:
    listed = bibliography(labels=tuple(str(n) for n in range(1, len(RAWS) + 1)))
    assert marks(listed, "As Douillard et al. (2023) and Kingma and Ba (2015) did.") == [
        ("Douillard et al. (2023)", 1),
        ("Kingma and Ba (2015)", 2),
    ]


def test_a_list_that_has_lost_its_numbers() -> None:
    text = " ".join(f"It was tried [{n}] once." for n in range(1, len(RAWS) + 1))
    assert [n for _, n in marks(NAMED, text)] == list(range(1, len(RAWS) + 1))
    assert marks(NAMED, "Only once [1].") == []


# Places and sentences


def test_the_sentence_the_page_and_the_section() -> None:
    pages = [
        "A heading\nIt began. The work of (Kingma and Ba, 2015) goes on over the page’s",
        "Figure 1: A picture\nend, as one sees. It ends here.\nMore\nLi (2019) says so.",
    ]
    blocks = [
        Block("heading", 0, 0, 9),
        Block("body", 0, 10, len(pages[0])),
        Block("caption", 1, 0, 19),
        Block("body", 1, 20, 51, continued=True),
        Block("heading", 1, 52, 56),
        Block("appendix", 1, 57, len(pages[1])),
    ]
    assert pages[1][20:51] == "end, as one sees. It ends here."
    sections = [Section("A heading", 1, 0, 0), Section("More", 1, 1, 52)]
    found = tie(pages, blocks, NAMED, sections)
    (adam,), (lonely,) = found[1].mentions, found[6].mentions
    assert (adam.page, pages[0][adam.start : adam.end], adam.section) == (0, "Kingma and Ba, 2015", 0)
    assert adam.sentence == "The work of (Kingma and Ba, 2015) goes on over the page’s end, as one sees."
    assert (lonely.page, pages[1][lonely.start : lonely.end], lonely.section) == (1, "Li (2019)", 1)
    assert lonely.sentence == "Li (2019) says so."
    assert [r.n for r in found if r.mentions] == [2, 7]


def test_a_mark_that_a_page_s_end_cuts_stands_where_it_begins() -> None:
    pages = ["It was tried (Kingma and", "Ba, 2015) before. As Douillard et al.", "(2023) show."]
    blocks = [
        Block("body", 0, 0, len(pages[0])),
        Block("body", 1, 0, len(pages[1]), continued=True),
        Block("body", 2, 0, len(pages[2])),
    ]
    found = tie(pages, blocks, NAMED, [])
    mention = found[1].mentions[0]
    assert (mention.page, pages[0][mention.start : mention.end]) == (0, "Kingma and")
    assert mention.sentence == "It was tried (Kingma and Ba, 2015) before."
    assert [(m.page, m.sentence) for m in found[0].mentions] == [(1, "As Douillard et al. (2023) show.")]


@pytest.mark.parametrize(
    ("before", "sentence", "after"),
    [
        ("It began.", "This is it [1], i.e. the first, as in Fig. 2 and Eq. (3).", "It ended."),
        ("“Was it?”", "By A. B. Smith et al. [1] it was.", "(It was.)"),
        ("It began in 2019.", "Smith vs. Jones [1] is cited, cf. Sec. 4, e.g. by J. Doe.", "3 of them were right."),
        ("It began, etc.", "Then this [1] came!", "It ended."),
        ("", "Without an end [1]", ""),
    ],
)
def test_a_sentence_s_ends(before: str, sentence: str, after: str) -> None:
    pages, blocks = paragraphs(" ".join(filter(None, (before, sentence, after))))
    assert tie(pages, blocks, numbered(2), [])[0].mentions[0].sentence == sentence


def test_no_mention_is_looked_for_outside_the_text() -> None:
    for kind in ("front", "heading", "reference", "code"):
        assert marks(NAMED, "It is (Kingma and Ba, 2015).", kind=kind) == []  # type: ignore[arg-type]
    for kind in ("abstract", "body", "caption", "footnote", "table", "appendix", "figure"):
        assert marks(NAMED, "It is (Kingma and Ba, 2015).", kind=kind) == [("Kingma and Ba, 2015", 2)]  # type: ignore[arg-type]


def test_names_of_nothing_but_signs() -> None:
    odd = (
        Reference(1, "***. 2019.", 0, authors=("***",), year=2019),
        Reference(2, "中. 2019.", 0, authors=("中",), year=2019),
    )
    assert marks(odd, "*** (2019) and 中 (2019).") == []


def test_without_references_or_text() -> None:
    assert tie(["It is [1]."], [Block("body", 0, 0, 10)], (), []) == ()
    assert [r.mentions for r in tie([], [], numbered(2), [])] == [(), ()]


# Properties

PIECES = st.sampled_from(
    ["Kingma and Ba", "(2015)", "2015", "Douillard", "et al.", "et al., 2023", "[1]", "[3, 7–9]", "[", "]", "(", ")",
     ";", ", ", ". ", "van den Oord", "2016a,b", "’s", "[1", "–", "^1", "\n", "OpenAI", "&", "and", "Li", "é", "2019b",
     "[DCM+12]"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=30).map(" ".join) | st.text(max_size=100)
KINDS = st.sampled_from(["body", "table", "formula", "caption", "appendix", "reference"])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, KINDS, st.booleans()), max_size=6),
    st.sampled_from([NAMED, numbered(12), bibliography(*RAWS[:2], labels=("DCM+12", "KB15"))]),
)
def test_every_mention_lies_in_its_page_and_in_its_sentence(
    texts: list[tuple[str, BlockKind, bool]], listed: tuple[Reference, ...]
) -> None:
    pages = [text for text, _, _ in texts]
    blocks = [Block(kind, n, 0, len(text), continued) for n, (text, kind, continued) in enumerate(texts)]
    found = tie(pages, blocks, listed, [])
    assert [r.n for r in found] == [r.n for r in listed]
    for reference in found:
        assert list(reference.mentions) == sorted(reference.mentions, key=lambda m: (m.page, m.start))
        for mention in reference.mentions:
            text, kind, _ = texts[mention.page]
            assert kind != "reference"
            assert 0 <= mention.start < mention.end <= len(text)
            assert len(mention.sentence) <= LONGEST_SENTENCE
            assert " ".join(text[mention.start : mention.end].split()) in mention.sentence


@pytest.mark.parametrize(
    "unit",
    ["[", "[1", "[1]", "[1]–", "(2019", "2019 ", "2019, ", "Li et al. ", "(Li et al., 2019; ", "Li, Li and Li (2019) ",
     "Li's ", "et al. ", "? ", "A. ", "^1", "(1) ", "n.d. ", "[A+", "\n"],
)  # fmt: skip
def test_hostile_text_takes_no_long(unit: str) -> None:
    """At these lengths anything worse than linear would not end; nor may what is kept grow without end."""
    text = unit * (100_000 // len(unit))
    many = tuple(
        Reference(n, f"Li, A. Title {n}. 2019.", 0, authors=("Li, A.", "Li, B."), year=2019) for n in range(2000)
    )
    for listed in (NAMED, numbered(200), many):
        found = tie([text], [Block("body", 0, 0, len(text))], listed, [])
        kept = sum(len(m.sentence) for r in found for m in r.mentions)
        assert kept <= 30_000 * LONGEST_SENTENCE
        assert all(re.search(r"\S", m.sentence) for r in found for m in r.mentions)
