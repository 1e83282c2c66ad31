"""Filters: each mask is that of a slow and obvious loop over the passages."""

from __future__ import annotations

import gc
import re
import unicodedata
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import build, document

from indexer.document import Document, Link, Mention, Page, Passage, Section
from indexer.library import Library, Summary, catalogue, catalogue_writing, marks, words
from indexer.library.marks import Mark, Marks
from indexer.settings import Settings
from service import topics
from service.search import SEARCHED, filters
from service.search.query import parse

HEADINGS = (
    "1 Introduction",
    "2. Related Work",
    "3 Methods",
    "3.1 Outer momentum",
    "4 Experiments: results",
    "A Proofs",
    "Données",
)
SENTENCES = (
    "The outer momentum is Nesterov's.", "Local SGD takes many\ninner steps.", "Outer, momentum: apart.", "Low-communication training wins.",
    "A naïve worker lags.", "“Federated averaging” is older.", "to be or not to be", "Pre-\ntraining of models", "Outermomentum is one word.",
    "The MOMENTUM, outer or not.", "分布式训练方法 is distributed training.", "It costs 2³ steps.",
)  # fmt: skip
AUTHORS = ("Yann Le Cun", "LeCun, Yann", "Geoffrey E. Hinton", "G. Hinton", "Ana Hinton", "Søren Ødegård", "José García Márquez", "Vaswani A.",
           "van den Oord, Aäron", "Jean-Baptiste Alayrac", "Martin King Jr.", "OpenAI", "王小明", "Fei-Fei Li")  # fmt: skip
THEMES = ("parallel and decentralized training", "Surveys", "ML on blockchains", "Décentralisé")


class Made(SimpleNamespace):
    """Stands for a generation: what is worked out of one is kept for it."""

    __hash__ = object.__hash__


def generation_of(folder: Path, documents: list[tuple[Document, list[Passage]]]) -> SimpleNamespace:
    catalogue_writing.write(folder / "catalogue", documents)
    words.write(folder / "words", documents)
    return Made(catalogue=catalogue.Catalogue(folder / "catalogue"), words=words.Words(folder / "words"))


def made_up(number: int, random: np.random.Generator) -> tuple[Document, list[Passage]]:
    """A paper with a passage for each line of its one page, of whatever kind and under whatever heading."""

    def some(values: tuple, most: int) -> list:
        return list(random.choice(np.array(values, object), random.integers(0, most + 1), replace=False))

    texts = [" ".join(random.choice(SENTENCES, random.integers(1, 4))) for _ in range(random.integers(0, 9))]
    sections = tuple(Section(str(heading), int(random.integers(1, 3)), 0, 0) for heading in some(HEADINGS, 5))
    passages, at = [], 0
    for text in texts:
        section = int(random.integers(-1, len(sections)))
        kind = str(random.choice(["body", "abstract", "caption", "table", "reference", "appendix"]))
        passages.append(Passage(0, at, at + len(text), None if section < 0 else section, kind))
        at += len(text) + 1
    mentions = tuple(
        Mention("list.md", n, "", tuple(some(THEMES, 2)), str(random.choice(["", "", "read with Local SGD"])),
                [None, False, True][random.integers(0, 3)])
        for n in range(random.integers(0, 3))
    )  # fmt: skip
    links = tuple(
        some(
            (
                Link("https://github.com/a/b"),
                Link("https://example.org/blog"),
                Link("https://x.y/z", "the code"),
                Link("http://["),
            ),
            2,
        )
    )
    base = document(f"2{number:03}.00001" if number % 2 else f"paper-{number}", [])
    return replace(
        base, arxiv_id=base.id if number % 2 else None, title=str(random.choice(["A paper", "Outer momentum", "Naive steps"])),
        text=str(random.choice(["full", "digest", "record"])), authors=tuple(map(str, some(AUTHORS, 3))),
        date=str(random.choice(["", "2019", "2020-05", "2021-01-01", "2023"])), sections=sections,
        pages=(Page("\n".join(texts), 1),), entry=replace(base.entry, mentions=mentions, links=links),
    ), passages  # fmt: skip


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    random = np.random.default_rng(4)
    return generation_of(tmp_path_factory.mktemp("made-up"), [made_up(number, random) for number in range(120)])


# ---------------------------------------------------------------------- the slow and obvious way


def plain(text: str) -> str:
    """Words as they are said, one space between them."""
    text = re.sub(r"([一-鿿])", r" \1 ", text)
    found = (unicodedata.normalize("NFKD", word).casefold() for word in re.findall(r"[^\W_]+", text))
    return " " + " ".join("".join(c for c in word if not unicodedata.combining(c)) for word in found) + " "


def obvious(generation: SimpleNamespace, text: str, held: Marks) -> list[bool]:
    query = parse(text)
    fits = []
    rows = [(s, p) for s in generation.catalogue.summaries for p in generation.catalogue.passages_of(s.position)]
    stored = generation.catalogue.passages(range(len(rows)))
    for number, (summary, passage) in enumerate(rows):
        own = stored[number]

        def has(field: str, value: str, summary: Summary = summary, passage: Passage = passage, own=own) -> bool:
            mentions = summary.entry.mentions
            match field:
                case "year":
                    low, _, high = value.partition("..") if ".." in value else (value, "", value)
                    return summary.year is not None and int(low or 0) <= summary.year <= int(high or 9999)
                case "kind":
                    return value in ("all", passage.kind)
                case "is":
                    read = marks.state(summary, held)
                    return {"read": read, "unread": not read}.get(value, summary.text == value)
                case "has":
                    mine = held.by_id.get(summary.id)
                    return {
                        "note": any(m.note for m in mentions) or bool(mine and mine.note),
                        "link": bool(summary.entry.links),
                        "code": any("github" in link.url or "code" in link.label for link in summary.entry.links),
                    }[value]
                case "list":
                    return any(plain(value) in plain(heading) for m in mentions for heading in m.section)
                case "section":
                    return any(plain(value).rstrip() in plain(heading) for heading in own.path) or value == passage.kind
                case "in":
                    return value == summary.id
            raise AssertionError(field)

        def titled(phrase: str, summary: Summary = summary) -> bool:
            return any(
                plain(phrase) in plain(said) for said in (summary.title, *(m.note for m in summary.entry.mentions))
            )

        fitting = query.values("kind") or passage.kind in SEARCHED
        for field in ("year", "kind", "is", "has", "list", "section", "in"):
            if values := query.values(field):
                fitting = fitting and any(has(field, value) for value in values)
            fitting = fitting and not any(has(field, value) for value in query.values(field, excluded=True))
        fits.append((bool(fitting), own.text, summary.position, titled))
    for phrase in query.phrases:
        saying = {position for fit, text, position, _ in fits if fit and plain(phrase) in plain(text)}
        fits = [
            (
                fit and (plain(phrase) in plain(text) or (position not in saying and titled(phrase))),
                text,
                position,
                titled,
            )
            for fit, text, position, titled in fits
        ]
    return [
        fit and not any(plain(phrase) in plain(text) or titled(phrase) for phrase in query.without)
        for fit, text, _, titled in fits
    ]


HELD = Marks({
    "paper-0": Mark("paper-0", True, "2026-01-01T00:00:00Z"),
    "paper-2": Mark("paper-2", False, "2026-01-01T00:00:00Z", True, "a note", "2026-01-01T00:00:00Z"),
    "paper-4": Mark("paper-4", note="", note_at="2026-01-01T00:00:00Z"),
    "not here": Mark("not here", True, "2026-01-01T00:00:00Z", note="x", note_at="2026-01-01T00:00:00Z"),
})  # fmt: skip
_OPERATORS = (
    "year:2020", "year:2020..", "year:..2020", "year:2019 year:2023", "-year:2021", "kind:caption", "kind:all", "kind:table,body",
    "-kind:abstract", "is:read", "is:unread", "is:digest", "is:full is:record", "-is:read", "has:note", "has:code", "has:link", "-has:link",
    'list:"parallel and decentralized training"', "list:surveys", "list:DECENTRALISE", "-list:blockchains", 'section:"related work"',
    "section:method", "section:outer", "section:abstract", "-section:experiments", "section:donnees", "section:Introduction section:proofs",
    "in:paper-4", "in:paper-4 in:paper-6", "in:nothing", '"outer momentum"', '"OUTER-momentum"', '"naive worker"', '"low communication"',
    '"federated averaging"', '"to be"', '"not to be"', '"pre training"', '"分布"', '"训练方法"', '"2³"', '"local sgd" "outer momentum"',
    '"nobody says this"', "-momentum", "-naive", '-"local sgd"', "-older -lags", "-分布", "-训练", "words",
)  # fmt: skip


@given(st.lists(st.sampled_from(_OPERATORS), max_size=4, unique=True))
@hypothesis_settings(deadline=None, max_examples=150)
def test_a_mask_is_that_of_the_slow_way(generation, parts: list[str]) -> None:
    _same(generation, " ".join(parts))


@pytest.mark.parametrize("operator", _OPERATORS)
@pytest.mark.parametrize("also", ["", "kind:all"])
def test_each_operator_alone(generation, operator: str, also: str) -> None:
    _same(generation, f"{operator} {also}")


def _same(generation: SimpleNamespace, text: str) -> None:
    mask = filters.among(generation, parse(text), HELD, SEARCHED)
    if mask is None:
        assert not parse(text).restricts
    else:
        assert mask.tolist() == obvious(generation, text, HELD)


def test_the_numbering_of_a_heading_does_not_count(generation) -> None:
    own, other = (
        filters.among(generation, parse(f'section:"{heading}"'), HELD, SEARCHED)
        for heading in ("Related work", "7.1 related work")
    )
    assert own is not None and other is not None
    assert own.any()
    assert (own == other).all()


def test_plain_words_restrict_nothing(generation) -> None:
    assert filters.among(generation, parse("plain words, nothing else"), HELD, SEARCHED) is None


@given(
    st.lists(st.sampled_from([*"aAáéÉß½²ﬁİıςΣꭰᎠ1\xad-_.,'’\"\n Ωω", "the ", "models ", "训"]), max_size=12).map("".join)
)
@hypothesis_settings(deadline=None, max_examples=300)
def test_what_is_looked_up_misses_no_passage_that_says_it(
    tmp_path_factory: pytest.TempPathFactory, generation, text: str
) -> None:
    """The passages with all terms of a phrase are all that can say it, whatever the terms are."""
    phrase = text.replace("\xad", "")  # extraction leaves none in a text
    folder = tmp_path_factory.mktemp("one")
    base = document("one", [f"before {phrase} after"])
    made = generation_of(folder, [(base, [Passage(0, 0, len(base.pages[0].text))])])
    assert filters.says(base.pages[0].text, text) or not filters.spoken(text)
    if filters.spoken(text) and not re.search("[^\\W_]训|训[^\\W_]", phrase):
        assert filters._with_terms(made, text, np.array([0])).tolist() == [0]


def test_spoken() -> None:
    assert filters.spoken("  Café-au-lait, “ﬁne”\nnaïve_x  ½ ") == "cafe au lait fine naive x ½"
    assert filters.spoken("用DiLoCo训练") == "用 diloco 训 练"
    assert filters.spoken("commu\xadnication") == "communication"
    assert filters.says("Each worker, in turn, trains.", "worker in turn")
    assert not filters.says("workers in turn", "worker in turn")
    assert not filters.says("anything", "…")


# ---------------------------------------------------------------------- names and ids


@pytest.mark.parametrize(
    ("asked", "found"),
    [("lecun", {"Yann Le Cun", "LeCun, Yann"}), ("Le Cun", {"Yann Le Cun", "LeCun, Yann"}), ("Y. LeCun", {"Yann Le Cun", "LeCun, Yann"}),
     ("LeCun, Y.", {"Yann Le Cun", "LeCun, Yann"}), ("LeCun Yann", {"Yann Le Cun", "LeCun, Yann"}), ("Jane LeCun", set()), ("Yann", {"Yann Le Cun", "LeCun, Yann"}),
     ("hinton", {"Geoffrey E. Hinton", "G. Hinton", "Ana Hinton"}), ("Geoff Hinton", {"Geoffrey E. Hinton", "G. Hinton"}),
     ("Geoffrey Everest Hinton", {"Geoffrey E. Hinton", "G. Hinton"}), ("HINTON", {"Geoffrey E. Hinton", "G. Hinton", "Ana Hinton"}),
     ("ødegård", {"Søren Ødegård"}), ("Soren Odegard", {"Søren Ødegård"}), ("marquez", {"José García Márquez"}),
     ("García Márquez", {"José García Márquez"}), ("vaswani", {"Vaswani A."}), ("Ashish Vaswani", {"Vaswani A."}),
     ("van den Oord", {"van den Oord, Aäron"}), ("oord", {"van den Oord, Aäron"}), ("A. van den Oord", {"van den Oord, Aäron"}),
     ("J.-B. Alayrac", {"Jean-Baptiste Alayrac"}), ("alayrac", {"Jean-Baptiste Alayrac"}), ("king", {"Martin King Jr."}),
     ("openai", {"OpenAI"}), ("王小明", {"王小明"}), ("fei-fei li", {"Fei-Fei Li"}), ("li", {"Fei-Fei Li"}), ("Li Fei-Fei", {"Fei-Fei Li"}),
     ("a " * 50, set()), ("hint", set())],
)  # fmt: skip
def test_authors_in_every_spelling(generation, asked: str, found: set[str]) -> None:
    allowed = filters.papers(generation, parse(f'author:"{asked}"'), HELD)
    expected = [bool(found & set(summary.authors)) for summary in generation.catalogue.summaries]
    assert allowed.tolist() == expected
    assert any(expected) == bool(found)
    refused = filters.papers(generation, parse(f'-author:"{asked}"'), HELD)
    assert (refused == ~allowed).all()


@pytest.mark.parametrize("form", ["2001.00001", "arXiv:2001.00001v3", "https://arxiv.org/abs/2001.00001", "arxiv.org/pdf/2001.00001v1",
                                  "10.48550/arXiv.2001.00001", "https://example.org/2001.00001"])  # fmt: skip
def test_a_paper_by_its_id_in_any_form(generation, form: str) -> None:
    allowed = filters.papers(generation, parse(f"in:{form}"), HELD)
    assert [generation.catalogue.summaries[p].id for p in np.flatnonzero(allowed)] == ["2001.00001"]
    assert filters.remarks(generation, parse(f"in:{form}")) == ()


def test_what_nobody_has_is_remarked(generation) -> None:
    query = parse('in:nothing author:nobody list:"no such" section:none year:1999 in:paper-0')
    assert not filters.papers(generation, query, HELD).any()
    assert len(filters.remarks(generation, query)) == 4


def test_a_paper_without_passages_fits_filters_of_papers(generation) -> None:
    without = {s.position for s in generation.catalogue.summaries} - set(generation.catalogue.documents_of.tolist())
    assert without
    assert without <= set(np.flatnonzero(filters.papers(generation, parse("is:read is:unread"), HELD)).tolist())
    assert filters.of_papers_alone(parse("is:unread year:2020"))
    assert not any(
        filters.of_papers_alone(parse(text)) for text in ("kind:caption", "x is:read", "-x", '"x"', "section:x")
    )


def test_where_too_many_passages_have_the_words_the_best_are_read(generation, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(1).permutation(len(generation.catalogue.documents_of)).astype(np.float32)
    for text in ('"federated averaging" kind:all', "-is kind:all"):
        query = parse(text)
        whole = filters.among(generation, query, HELD, SEARCHED)
        assert (filters.among(generation, query, HELD, SEARCHED, scores) == whole).all()
        with monkeypatch.context() as patched:
            patched.setattr(filters, "MOST_READ", 40)
            some = filters.among(generation, query, HELD, SEARCHED, scores)
        titled = np.isin(
            generation.catalogue.documents_of,
            [s.position for s in generation.catalogue.summaries if s.title == "Outer momentum"],
        )
        assert not (some & ~whole & ~titled).any()
        best_first = np.flatnonzero(whole & ~titled)[np.argsort(-scores[whole & ~titled])]
        found = some[best_first].tolist()
        assert 0 < sum(found) < len(found)
        assert found == sorted(found, reverse=True)


def test_an_empty_library(tmp_path: Path) -> None:
    made = generation_of(tmp_path, [])
    for operator in _OPERATORS:
        mask = filters.among(made, parse(operator), HELD, SEARCHED)
        assert mask is None or mask.shape == (0,)
        filters.remarks(made, parse(operator))


def test_what_is_known_goes_with_the_generation(tmp_path: Path) -> None:
    made = generation_of(tmp_path, [made_up(1, np.random.default_rng(0))])
    filters.among(made, parse("section:x author:y"), HELD, SEARCHED)
    held, known = weakref.ref(made.catalogue), weakref.ref(filters._known(made.catalogue))
    gc.disable()
    try:
        del made
        assert held() is None and known() is None, "and waits for no collector"
    finally:
        gc.enable()


@given(st.text(max_size=60))
@hypothesis_settings(deadline=None, max_examples=200)
def test_any_text_as_a_value(generation, text: str) -> None:
    text = text.replace('"', " ")
    for field in ("author", "section", "in", "list", "year"):
        query = parse(f'{field}:"{text}" "{text}" -"{text}"')
        mask = filters.among(generation, query, HELD, SEARCHED)
        assert mask is None or mask.shape == generation.catalogue.documents_of.shape
        filters.remarks(generation, query)


def test_a_topic_is_that_of_the_topics(settings: Settings) -> None:
    about = ("federated averaging of clients", "pipeline stages and bubbles", "sparse expert routing")
    texts = {f"p{n}": [f"{about[n % 3]} paper{n}. {about[n % 3]} again. "] for n in range(12)}
    build(settings.library, texts)
    generation = Library(settings.library).open()
    themes = topics.of(generation)
    assert len(themes) > 1
    for theme in themes:
        query = parse(f'topic:"{theme.name}"')
        allowed = filters.papers(generation, query, Marks())
        assert set(theme.positions) == set(np.flatnonzero(allowed).tolist()), "a whole name is this topic alone"
        assert not filters.remarks(generation, query)
        without = filters.papers(generation, parse(f'-topic:"{theme.name}"'), Marks())
        assert (without == ~allowed).all()
    for word in {term.split()[0] for theme in themes for term in theme.terms} - {t.name.casefold() for t in themes}:
        said = {p for t in themes if any(filters.says(term, word) for term in (t.name, *t.terms)) for p in t.positions}
        assert said == set(np.flatnonzero(filters.papers(generation, parse(f"topic:{word}"), Marks())).tolist())
    (remark,) = filters.remarks(generation, parse("topic:nothing-like-it"))
    assert "No topic here" in remark
