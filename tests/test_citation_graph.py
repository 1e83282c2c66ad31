"""The citation graph: which document a reference means, whoever prints it and however, and what texts say of each other."""

from __future__ import annotations

import gc
import json
import math
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from libraries import build_documents, document

from indexer.document import Document, Entry, Mention, Page, Reference, Section, TextMention
from indexer.embed import Toy
from indexer.folding import letters
from indexer.library import Generation, Library, Writer
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service import citations, paper_vectors
from service.citations import Citation, Graph, naming
from service.citations.shelf import works

DILOCO = "DiLoCo: Distributed Low-Communication Training of Language Models"
ADAM = "Adam: A Method for Stochastic Optimization"


def paper(
    id_: str, title: str, authors: Sequence[str] = (), year: int | None = 2020, cites: Sequence[Reference] = (),
    text: str = "", address: str = "", arxiv_id: str | None = None, kind: str = "full",
) -> Document:  # fmt: skip
    return Document(
        id=id_, text=kind, title=title, authors=tuple(authors), date=str(year or ""), arxiv_id=arxiv_id,
        entry=Entry(address or f"https://example.org/{id_}", (Mention("list.md", 1),)),
        pages=(Page(text or "A page of text.", 1),), references=tuple(cites),
    )  # fmt: skip


def reference(title: str = "", raw: str = "", **more: object) -> Reference:
    mentions = more.pop("mentions", ())
    return Reference(n=1, raw=raw or title, page=0, title=title, mentions=mentions, **more)  # type: ignore[arg-type]


def opened(folder: Path, documents: Sequence[Document]) -> Generation:
    build_documents(folder, documents)
    return Library(folder).open()


def without_passages(folder: Path, documents: Sequence[Document]) -> Generation:
    """A library in which nothing can be searched: the citations need none of it."""
    toy = Toy()
    with Writer(Library(folder)) as writer:
        writer.publish([(d, ()) for d in documents], np.empty((0, toy.model.dimension), np.float32), model=toy.model,
                       inputs="", sources=["list.md"], excluded=[], keep=3)  # fmt: skip
    return Library(folder).open()


def edges(generation: Generation) -> dict[tuple[str, str], Citation]:
    ids = [s.id for s in generation.catalogue.summaries]
    return {(ids[c.citing], ids[c.cited]): c for c in citations.of(generation).citations}


SHELF = (
    paper("diloco", DILOCO, ["Arthur Douillard", "Qixuan Feng"], 2023, arxiv_id="2311.08105"),
    paper("adam", ADAM, ["Diederik P. Kingma", "Jimmy Ba"], 2014, arxiv_id="1412.6980"),
    paper("zero", "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", ["Samyam Rajbhandari"], 2019,
          address="doi:10.1109/sc41405.2020.00024"),
    paper("tensorflow", "TensorFlow: Large-Scale Machine Learning on Heterogeneous Distributed Systems", ["Martín Abadi"], 2015),
    paper("server", "Scaling Distributed Machine Learning with the Parameter Server", ["Mu Li", "David Andersen"], 2014),
    paper("fedprox", "Federated Optimization in Heterogeneous Networks", ["Tian Li", "Anit Kumar Sahu"], 2018),
    paper("gpt2", "Language Models of Series GPT-2 Are Learners of Many Tasks", ["Ann Doe"], 2019),
    paper("bert", "BERT", ["Jacob Devlin"], 2018),
)  # fmt: skip


@pytest.mark.parametrize(
    ("cited", "found", "how"),
    [
        (reference("Some other name of it", arxiv_id="2311.08105v3"), "diloco", "arXiv id"),
        (reference("Zero", doi="10.1109/SC41405.2020.00024"), "zero", "DOI"),
        (reference("ADAM: a method for stochastic optimisation"), "adam", "nearly the title"),
        (reference("Tensorﬂow: Large-scale machine learning on heterogeneous systems"), "tensorflow", "nearly the title"),
        (reference(DILOCO.upper(), authors=("A. Douillard",)), "diloco", "title"),
        (reference("", "M. Li et al. Scaling distributed machine learning with the parameter server. OSDI, 2014."), "server", "title in the entry"),
        (reference("On the convergence of federated optimization in heterogeneous networks", authors=("Anit Kumar Sahu", "Tian Li"), year=2018), "fedprox", "earlier title"),
        (reference("DiLoCo", authors=("Arthur Douillard",), year=2023), "diloco", "name"),
        (reference("Bert", authors=("J. Devlin",), year=2019), "bert", "title"),
        # others
        (reference("Bert", authors=("E. Ernie",), year=2019), None, ""),
        (reference("DiLoCo", authors=("Ann Other",), year=2023), None, ""),
        (reference("TensorFlow: A System for Large-Scale Machine Learning", authors=("Martín Abadi",), year=2016), None, ""),
        (reference("Communication Efficient Distributed Machine Learning with the Parameter Server", authors=("Mu Li",), year=2014), None, ""),
        (reference("A Simple Convergence Proof of Adam and Adagrad"), None, ""),
        (reference("Language Models of Series GPT-3 Are Learners of Many Tasks", authors=("Ann Doe",)), None, ""),
        (reference("A wholly different matter of cells", authors=("Zoe Roe",), arxiv_id="2311.08105"), None, ""),  # a misprint
        (reference("Nearly DiLoCo: Distributed Low-Communication Training of Language Models", arxiv_id="2401.00001"), None, ""),
        (reference(), None, ""),
    ],
)  # fmt: skip
def test_which_document_a_reference_means(tmp_path: Path, cited: Reference, found: str | None, how: str) -> None:
    generation = without_passages(tmp_path, [*SHELF, paper("new", "A Paper That Cites", cites=[cited])])
    assert {pair: c.how for pair, c in edges(generation).items()} == ({("new", found): how} if found else {})
    assert len(citations.of(generation).wanted) == (0 if found or not (cited.title or cited.arxiv_id) else 1)


def test_an_earlier_title_is_learned_from_who_prints_it_with_the_id(tmp_path: Path) -> None:
    old = "Local training across islands of devices"
    cites = reference(old, arxiv_id="2311.08105v1", authors=("A. Douillard",))
    one = paper("one", "The First That Cites", cites=[cites])
    other = paper("other", "The Second That Cites", cites=[reference(old)])
    found = edges(without_passages(tmp_path, [*SHELF, one, other]))
    assert found["other", "diloco"].how == "earlier title" and found["one", "diloco"].how == "arXiv id"


def test_mentions_have_their_place_and_are_counted_once(tmp_path: Path) -> None:
    text = "1 Method\nWe train with Adam [1]. It is robust [1, 2]."
    marks = [text.index("[1]"), text.index("[1, 2]")]
    said = tuple(
        TextMention(0, at, at + size, sentence, 0)
        for at, size, sentence in zip(marks, (3, 6), ("We train with Adam [1].", "It is robust [1, 2]."), strict=True)
    )
    cites = [reference(ADAM, mentions=said), reference("Adam", authors=("D. Kingma",), mentions=said[1:])]
    citing = paper("new", "A Paper That Cites", cites=cites, text=text)
    citing = Document(**{**vars(citing), "sections": (Section("1 Method", 1, 0, 0),)})
    found = edges(without_passages(tmp_path, [*SHELF, citing]))["new", "adam"]
    assert (found.count, found.role, found.basis) == (2, "uses", "bibliography")
    assert [(p.page, p.section, text[p.start : p.end]) for p in found.mentions] == [
        (1, "1 Method", "[1]"),
        (1, "1 Method", "[1, 2]"),
    ]


def test_a_mention_weighs_by_its_section_and_by_how_near_the_two_are(tmp_path: Path) -> None:
    headings = ("1 Introduction", "2 Related Work", "3 Method", "4 Conclusion")
    text = "\n".join(f"{heading}\nIt is told of ten things [{n}] and more." for n, heading in enumerate(headings))
    marks = [text.index(f"[{n}]") for n in range(4)]

    def mentions(*some: int) -> tuple[TextMention, ...]:
        return tuple(TextMention(0, marks[n], marks[n] + 3, "It is told of ten things.", n) for n in some)

    counted = {"adam": (0,), "diloco": (1,), "zero": (2,), "server": (3,), "fedavg": (0, 1, 2, 3), "listed": ()}
    works = [
        paper(one, f"The Account of a Thing Named {one.upper()}", text=f"Of {one}, of ten things.") for one in counted
    ]
    cites = [reference(work.title, mentions=mentions(*counted[work.id])) for work in works]
    sections = tuple(Section(heading, 1, 0, text.index(heading)) for heading in headings)
    citing = replace(paper("new", "A Paper That Cites", cites=cites, text=text), sections=sections)
    generation = opened(tmp_path, [*works, citing])
    rows = paper_vectors.of(generation).raw
    worth = {"1": 0.8, "2": 0.5, "3": 1.0, "4": 0.9}
    found = citations.of(generation).cites(len(works))
    assert len(found) == len(works)
    for citation in found:
        one = works[citation.cited].id
        said = sum(worth[headings[n][0]] for n in counted[one]) or 0.75
        near = max(float(rows[citation.citing] @ rows[citation.cited]), 0)
        assert citation.weight == pytest.approx(math.log1p(said) * (0.5 + near), rel=1e-5)
        assert citation.count == max(1, len(counted[one]))


def test_a_title_is_told_as_most_print_it_with_its_capitals() -> None:
    for printed, told in (
        ([], ""), (["A thing"], "A thing"), (["a thing", "A Thing", "A thing"], "A Thing"),
        (["A THING", "A thing", "A Thing"], "A Thing"), (["A THING"], "A THING"), (["B", "A thing", "a THING"], "a THING"),
        (["B b", "A a"], "A a"),
    ):  # fmt: skip
        assert citations._title(printed) == told
    assert citations._commonest([None, "", None]) is None and citations._commonest([2, 3, 3, None, None, None]) == 3
    assert citations._commonest([3, 2]) == 2


def test_two_versions_in_the_library_are_one(tmp_path: Path) -> None:
    title, authors = "One Paper in Two Places", ["Ann Doe", "Bob Roe"]
    preprint = paper("preprint", title, authors, 2019, kind="record", cites=[reference(ADAM)])
    journal = paper(
        "journal",
        title,
        ["A. Doe"],
        2021,
        kind="record",
        cites=[reference(title, authors=("Ann Doe",)), reference(DILOCO)],
    )
    other = paper("other", title, ["Eve Poe"], 2021, kind="record")
    citing = paper(
        "citing", "Who Cites Them All", cites=[reference(title, authors=("B. Roe", "A. Doe")), reference(ADAM)]
    )
    generation = without_passages(tmp_path, [*SHELF, preprint, journal, other, citing])
    graph = citations.of(generation)
    ids = [s.id for s in generation.catalogue.summaries]
    stands = {ids[p]: ids[q] for p, q in enumerate(graph.same_as) if p != q}
    assert stands == {"preprint": "journal"}
    assert set(edges(generation)) == {
        ("journal", "adam"),
        ("journal", "diloco"),
        ("citing", "journal"),
        ("citing", "adam"),
    }
    assert graph.cites(ids.index("preprint")) == graph.cites(ids.index("journal")) != ()
    assert [ids[c.citing] for c in graph.cited_by(ids.index("preprint"))] == ["citing"]


def test_years_are_those_under_which_others_cite(tmp_path: Path) -> None:
    undated = paper("undated", "A Paper Without Any Date on It", year=None)
    citing = [
        paper(f"c{n}", f"Citing Number {n} of Them", cites=[reference("A paper without any date on it", year=year)])
        for n, year in enumerate((2011, 2010, 2011))
    ]
    assert dict(citations.of(without_passages(tmp_path, [undated, *citing])).years) == {0: 2011}


def test_what_is_wanted_is_merged(tmp_path: Path) -> None:
    first = [reference("GPipe: Efficient Training of Giant Neural Networks", year=2019, authors=("Y. Huang",))]
    second = [
        reference(
            "Gpipe: Eficient training of giant neural networks",
            arxiv_id="1811.06965v1",
            year=2018,
            authors=("Yanping Huang", "Youlong Cheng"),
        ),
        reference("Something else entirely of this kind", year=2000),
    ]
    third = [reference("The same by its id", arxiv_id="1811.06965", year=2018)]
    papers = [
        paper(f"p{n}", f"Paper Number {n} of Three", cites=cites) for n, cites in enumerate((first, second, third))
    ]
    gpipe, other = citations.of(without_passages(tmp_path, papers)).wanted
    assert gpipe.cited_by == ((0, 1, "mentions"), (1, 1, "mentions"), (2, 1, "mentions"))
    assert (gpipe.arxiv_id, gpipe.year, gpipe.authors) == ("1811.06965", 2018, ("Yanping Huang", "Youlong Cheng"))
    assert other.title == "Something else entirely of this kind" and [p for p, *_ in other.cited_by] == [1]


def test_what_is_wanted_is_merged_once_and_its_references_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = []
    whole = citations.works
    monkeypatch.setattr(citations, "works", lambda references: merged.append(len(references)) or whole(references))
    graph = citations.of(
        without_passages(tmp_path, [paper("p", "A Paper", cites=[reference("A Work That Is Not Here")])])
    )
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: graph.wanted, range(8)))
    assert merged == [1] and all(one is found[0] for one in found) and len(found[0]) == 1
    assert not any(isinstance(one, Reference) for one in gc.get_referents(graph._lacking))


titles = st.lists(
    st.sampled_from("deep sparse local global models training of experts on graphs with memory".split()),
    min_size=3,
    max_size=9,
).map(" ".join)
printed = st.builds(
    reference, titles, arxiv_id=st.sampled_from([None, None, "2001.00001", "2001.00002v2", "2001.00003"]),
    year=st.sampled_from([None, 2018, 2020]), authors=st.sampled_from([(), ("Ann Doe",), ("Bob Roe", "Cy Poe")]),
)  # fmt: skip


@given(st.lists(printed, max_size=12))
@example(
    [
        reference("sparse sparse sparse sparse deep"),
        reference("sparse sparse sparse sparse deep", authors=("Ann Doe",)),
        reference("deep sparse sparse sparse sparse deep"),
    ]
)  # one title with and without its author, in either order
def test_works_are_an_equivalence_and_no_order_of_the_references_matters(references: list[Reference]) -> None:
    def groups(some: Sequence[Reference]) -> set[frozenset[int]]:
        found: dict[int, set[int]] = {}
        for r, number in zip(some, works(some), strict=True):
            found.setdefault(number, set()).add(id(r))
        return {frozenset(group) for group in found.values()}

    numbers = works(references)
    for a, x in zip(references, numbers, strict=True):
        for b, y in zip(references, numbers, strict=True):
            if a.arxiv_id and b.arxiv_id and a.arxiv_id.split("v")[0] == b.arxiv_id.split("v")[0]:
                assert x == y
            if len(letters(a.title)) >= 12 and letters(a.title) == letters(b.title):
                assert x == y
    assert groups(references) == groups(references[::-1])


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_the_order_of_the_sources_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rng = random.Random(data.draw(st.integers(0, 10_000)))
    made = [
        paper(f"d{n}", data.draw(titles), ["Ann Doe"] if n % 2 else ["Bob Roe"], 2015 + n, kind=rng.choice(["full", "record"]),
              cites=data.draw(st.lists(printed, max_size=4)), arxiv_id=f"2001.0000{n}" if n < 3 else None)
        for n in range(6)
    ]  # fmt: skip
    one = edges(without_passages(tmp_path_factory.mktemp("one"), made))
    rng.shuffle(made)
    other = edges(without_passages(tmp_path_factory.mktemp("other"), made))
    assert {pair: (c.count, c.role, c.how, c.basis) for pair, c in one.items()} == {
        pair: (c.count, c.role, c.how, c.basis) for pair, c in other.items()
    }


# ---------------------------------------------------------------- records


def reindexed(settings: Settings, rows: Sequence[dict], folder: Path) -> tuple[Generation, bool]:
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    report = reindex(Request(sources=(str(path),), offline=True), settings)
    return Library(settings.library).open(), report.published


def test_records_cite_by_ids_titles_and_objects(settings: Settings, tmp_path: Path) -> None:
    rows = [
        {"_id": "a", "title": "The First of These Records", "text": "Some text."},
        {"_id": "2311.08105", "title": DILOCO, "text": "Some text.", "references": ["a", "a", None, 7, {}, {"year": 3}]},
        {"_id": "10.1000/xyz", "title": "A Record Named by Its DOI", "references": ["d"]},
        {"_id": "d", "title": "Only a Title With References", "references": [
            "a", "https://arxiv.org/abs/2311.08105v2", {"doi": "10.1000/XYZ", "year": 2001}, {"title": "The first of these records"},
            {"id": "d"}, "A Title That Nobody Here Has", {"title": "Another Title That Nobody Has", "year": "1999"}]},
    ]  # fmt: skip
    generation, _ = reindexed(settings, rows, tmp_path)
    found = edges(generation)
    assert set(found) == {
        ("2311.08105", "a"),
        ("10.1000/xyz", "d"),
        ("d", "a"),
        ("d", "2311.08105"),
        ("d", "10.1000/xyz"),
    }
    assert {c.basis for c in found.values()} == {"record"} and {c.role for c in found.values()} == {"mentions"}
    assert all(c.count == 1 and c.weight > 0 and not c.mentions for c in found.values())
    lacking = {(w.title, w.year) for w in citations.of(generation).wanted}
    assert {("A Title That Nobody Here Has", None), ("Another Title That Nobody Has", 1999)} <= lacking
    assert citations.of(generation).years == {2: 2001}

    from service.papers import paper as one_paper

    assert one_paper(generation, "d").references[0].page is None  # it has no page to stand on


def test_a_changed_list_of_references_is_a_change_and_an_unchanged_one_is_none(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [
        {"_id": f"r{n}", "title": f"Record Number {n} of Some", "text": "Words.", "references": [f"r{n - 1}"]}
        for n in range(4)
    ]
    first, published = reindexed(settings, rows, tmp_path)
    assert published and set(edges(first)) == {("r1", "r0"), ("r2", "r1"), ("r3", "r2")}
    assert reindexed(settings, rows, tmp_path)[1] is False
    rows[3]["references"] = ["r0", "r1"]
    second, published = reindexed(settings, rows, tmp_path)
    assert published and set(edges(second)) == {("r1", "r0"), ("r2", "r1"), ("r3", "r0"), ("r3", "r1")}
    del rows[3]["references"]
    third, published = reindexed(settings, rows, tmp_path)
    assert published and set(edges(third)) == {("r1", "r0"), ("r2", "r1")}


def test_many_records_give_what_a_plain_count_gives(tmp_path: Path) -> None:
    rng = random.Random(5)
    lists = {f"r{n}": [f"r{rng.randrange(300)}" for _ in range(rng.randrange(12))] for n in range(300)}
    made = [
        paper(id_, f"Title Number {id_} of Many", kind="record", cites=[Reference(1, to, 0, label=to) for to in cited])
        for id_, cited in lists.items()
    ]
    expected = {(one, to) for one, cited in lists.items() for to in cited if one != to}
    assert set(edges(without_passages(tmp_path, made))) == expected


# ---------------------------------------------------------------- texts without a bibliography


def said(
    folder: Path, text: str, kind: str = "digest", year: int = 2025, title: str = "What Is Written Here"
) -> dict[str, Citation]:
    generation = without_passages(folder, [*SHELF, paper("post", title, text=text, kind=kind, year=year)])
    return {to: c for (_, to), c in edges(generation).items()}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It follows DiLoCo in this.", {"diloco": "name"}),
        ("See arXiv:2311.08105v2, or https://arxiv.org/abs/1412.6980.", {"diloco": "arXiv id", "adam": "arXiv id"}),
        ("See https://doi.org/10.1109/SC41405.2020.00024.", {"zero": "link"}),
        ("Scaling Distributed Machine Learning with the Parameter Server is older.", {"server": "title"}),
        ("It is about scaling distributed machine learning with the parameter server.", {"server": "title"}),
        ("It deals with federated optimization in heterogeneous networks.", {}),  # a subject, and no title
        ("Here diloco is a word, as zero is; DiLoCo-SWARM and AsyncDiLoCo are others.", {}),
        ("The work is named Adam's, and BERT is its neighbour.", {}),  # an ordinary name; a title of one word
        ("It cites neither DiLoCo nor ZeRO.", {}),
        ("It does not mention DiLoCo. It uses ZeRO.", {"zero": "name"}),
        ("A later report joins it with DiLoCo.", {}),
        ("We call ours a Distributed Low Cost method (DiLoCo). DiLoCo is cheap.", {}),
    ],
)  # fmt: skip
def test_what_a_digest_says(tmp_path: Path, text: str, found: dict[str, str]) -> None:
    got = said(tmp_path, text)
    assert {to: c.how for to, c in got.items()} == found
    for citation in got.values():
        assert citation.basis == "digest" and citation.count == len(citation.mentions) == 1
        place = citation.mentions[0]
        assert text[place.start : place.end] in place.sentence and place.sentence in text


def test_what_a_digest_names_by_an_id_that_nobody_has_is_wanted(tmp_path: Path) -> None:
    text = "It builds on FedAvg (arXiv:1602.05629), and cites Adam (arXiv:1412.6980). It does not cite BigThing (arXiv:2001.00001)."
    digests = [paper(f"d{n}", f"Digest Number {n} of Two", text=text, kind="digest") for n in range(2)]
    (wanted,) = citations.of(without_passages(tmp_path, [*SHELF, *digests])).wanted
    assert (wanted.title, wanted.year, wanted.arxiv_id) == ("FedAvg", 2016, "1602.05629")
    assert wanted.cited_by == ((8, 1, "builds on"), (9, 1, "builds on"))


def test_a_post_speaks_for_itself_and_a_paper_by_its_bibliography(tmp_path: Path) -> None:
    assert said(tmp_path / "post", "It follows DiLoCo.", "full")["diloco"].basis == "text"
    assert said(tmp_path / "old", "It follows DiLoCo.", "record", year=2019) == {}  # what came later can't be meant
    text = "It follows DiLoCo, and Adam [1]."
    listed = paper("paper", "A Paper With a List", text=text, cites=[reference(ADAM)])
    assert set(edges(without_passages(tmp_path / "listed", [*SHELF, listed]))) == {("paper", "adam")}


def test_a_page_that_only_links_papers_has_no_bibliography(tmp_path: Path) -> None:
    link = reference("", "https://arxiv.org/abs/1412.6980", arxiv_id="1412.6980")
    post = paper(
        "post", "What Is Written on a Page", year=2025, text="It follows DiLoCo with Adam's rule [1].", cites=[link]
    )
    assert {to: c.basis for (_, to), c in edges(without_passages(tmp_path, [*SHELF, post])).items()} == {
        "adam": "text",
        "diloco": "text",
    }


def test_a_name_in_use_before_is_nobodys(tmp_path: Path) -> None:
    coins = paper("odyssey", "LSTM: A Search Space Odyssey", year=2015)
    before = paper("before", "A Thing of Long Ago", year=2001, text="We use an LSTM.", kind="record")
    after = paper("after", "A Thing of Today", year=2020, text="We use an LSTM.", kind="record")
    assert set(edges(without_passages(tmp_path / "a", [coins, after]))) == {("after", "odyssey")}
    assert edges(without_passages(tmp_path / "b", [coins, before, after])) == {}


@pytest.mark.parametrize(
    ("ours", "theirs", "ahead"),
    [
        ("2019", "2020", False), ("2019", "2021", True), ("2020", "2019", False), ("", "2021", False), ("2019", "", False),
        ("2019-01", "2021", True), ("2019-12", "2020", False), ("2019-01", "2019-12", None), ("2018-06", "2019-12", True),
    ],
)  # fmt: skip
def test_who_is_too_old_to_name_another(tmp_path: Path, ours: str, theirs: str, ahead: bool | None) -> None:
    made = [replace(paper(n, f"Paper {n}"), date=date) for n, date in (("a", ours), ("b", theirs))]
    one, other = without_passages(tmp_path, made).catalogue.summaries
    months = naming._AHEAD
    expected = months < 11 if ahead is None else ahead
    assert naming._ahead(one, other) == expected


@given(
    st.lists(
        st.text(max_size=9) | st.sampled_from(["DiLoCo", "diloco", "-", " ", "DILOCO", "ﬁ", "\u0345"]), max_size=20
    ).map("".join)
)
def test_any_text_is_read(text: str) -> None:
    names = {"diloco": [naming._Name(("diloco",), "DiLoCo", 0, "name")]}
    for start, end, position, _ in naming._called(text, names):
        assert text[start:end] == "DiLoCo" and position == 0


# ---------------------------------------------------------------- the graph


def test_cycles_are_kept(tmp_path: Path) -> None:
    def cites(*numbers: int) -> list[Reference]:
        return [reference(f"Paper Number {n} of a Ring") for n in numbers]

    rings = {0: cites(1), 1: cites(2), 2: cites(0, 3), 3: cites(4), 4: cites(3), 5: cites(0)}
    made = [paper(f"p{n}", f"Paper Number {n} of a Ring", year=2010 + n, cites=each) for n, each in rings.items()]
    graph = citations.of(without_passages(tmp_path, made))
    assert len(graph.citations) == 7 and graph.cycles == ((0, 1, 2), (3, 4))


def test_a_library_without_citations_has_none(tmp_path: Path) -> None:
    graph = citations.of(opened(tmp_path, [document("a", ["Some text."]), document("b", [])]))
    assert (graph.citations, graph.wanted, graph.cycles, graph.cites(0), graph.cited_by(1)) == ((), (), (), (), ())


def test_it_is_made_once(tmp_path: Path) -> None:
    generation = opened(tmp_path, [document("a", ["Some text."])])
    assert isinstance(citations.of(generation), Graph) and citations.of(generation) is citations.of(generation)
