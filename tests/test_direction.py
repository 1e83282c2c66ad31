"""What must be known before what: on a graph of concepts, and that nothing is said of papers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED, needs_shared
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_records import built, library, record

from indexer import embed
from indexer.document import Document
from indexer.library import Generation
from indexer.settings import Settings
from service import paper_vectors, wording
from service.reading_order import direction
from service.reading_order.direction import Direction, direction_of, needs, ranked
from service.wording import Told

SET = SHARED / "eval" / "metacademy"
CONCEPTS = [
    record("sets", "sets", "A set is a collection of different things."),
    record("functions", "functions", "A function maps each member of one of two sets to one of the other."),
    record("limits", "limits", "The limit is what functions come near to. It is used in derivatives."),
    record(
        "derivatives", "derivatives", "A derivative is one of the limits of a quotient of differences of functions."
    ),
    record("gradient", "gradient descent", "It follows the derivatives of functions downhill."),
    record("bare", "stochastic gradient descent", ""),
]


def drawn(seed: int, count: int = 8) -> list[Document]:
    """Concepts that name each other as it falls out, none in its first sentence."""
    chance, titles = random.Random(seed), dict[str, None]()
    words = ["tree", "root", "ring", "branch", "search", "order", "graph", "path"]
    while len(titles) < count:
        titles[" ".join(chance.sample(words, chance.choice([1, 2, 2, 3])))] = None
    return [
        record(f"c{n}", title, f"It is old. It has a {' and a '.join(chance.sample(words, chance.choice([1, 2, 3])))}.")
        for n, title in enumerate(titles)
    ]


DRAWN = drawn(22)  # of which two pairs are even, and two stand against the order of all


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Six concepts, each of which needs the one before."""
    return built(tmp_path_factory.mktemp("concepts") / "library", CONCEPTS)


def _accuracy(generation: Generation) -> float:
    ids = [summary.id for summary in generation.catalogue.summaries]
    rank = {ids[position]: n for n, position in enumerate(direction_of(generation).order())}
    lines = (SET / "edges.tsv").read_text("utf-8").splitlines()[1:]
    edges = [line.split("\t")[:2] for line in lines]
    return sum(rank[before] < rank[after] for before, after in edges) / len(edges)


@needs_shared
@pytest.mark.model
def test_prerequisites_come_first(tmp_path: Path) -> None:
    model = embed.load(embed.describe(Settings(library=tmp_path)))
    right = _accuracy(library(tmp_path / "library", SET / "corpus.jsonl", embedder=model))
    assert right >= 0.79, right


@needs_shared
def test_prerequisites_come_first_by_words_alone(tmp_path: Path) -> None:
    right = _accuracy(library(tmp_path / "library", SET / "corpus.jsonl"))
    assert right >= 0.76, right


@needs_shared
@pytest.mark.parametrize("corpus", ["acl_tutorials", "csfcube"])
def test_nothing_is_said_of_papers(tmp_path: Path, corpus: str) -> None:
    found = direction_of(library(tmp_path / "library", SHARED / "eval" / corpus / "corpus.jsonl"))
    assert not found.trusted and not found.score.any() and not len(found.before)


def test_a_chain_of_concepts(concepts: Generation) -> None:
    found = direction_of(concepts)
    assert found.trusted
    ids = [summary.id for summary in concepts.catalogue.summaries]
    order = [ids[position] for position in found.order()]
    assert order.index("functions") < order.index("derivatives") < order.index("gradient") < order.index("bare")
    assert order.index("limits") < order.index("derivatives"), "what it is used for is no need of it"


def test_which_needs_are_told(concepts: Generation) -> None:
    shown = needs(concepts, direction_of(concepts))
    summaries = concepts.catalogue.summaries
    assert {("sets", "functions"), ("gradient", "bare")} <= {
        (summaries[n.before].id, summaries[n.after].id) for n in shown
    }


@pytest.mark.parametrize("records", [CONCEPTS, DRAWN])
def test_each_need_stands_where_it_says(tmp_path: Path, records: list[Document]) -> None:
    concepts = built(tmp_path, records)
    found = direction_of(concepts)
    order = found.order()
    shown = needs(concepts, found)
    summaries = concepts.catalogue.summaries
    for need in shown:
        assert order.index(need.before) < order.index(need.after) and 0.5 < need.confidence <= 1
        assert all(word in need.sentence for word in need.words) and need.words
        if need.start is None:
            assert need.sentence == summaries[need.after].title
        else:
            page = concepts.catalogue.page_texts([(need.after, 0)])[need.after, 0]
            assert " ".join(page.text[need.start : need.end].split()) == need.sentence


# ------------------------------------------------------------------ the slow way


def slowly(generation: Generation, found: Direction) -> dict[tuple[int, int], tuple[float, float, float]]:
    """For each pair what the first lines of the module say: its weight, its votes, its mean lead."""
    told = wording.told(generation, found.positions)
    texts = direction._Texts([told[position] for position in found.positions])
    vectors = paper_vectors.of(generation)
    count = range(len(found.positions))
    shares = [texts.share(pairs=pairs).toarray() for pairs in (False, True)]
    rows = [rows[list(found.positions)].astype(float) for rows in (vectors.raw, vectors.own)]
    cosines = [np.maximum(some @ some.T, 0) for some in rows]
    titles = [{stem.stem for stem in wording.stems(told[position].title)} for position in found.positions]

    def inside(a: int, b: int) -> float:
        return len(titles[a] & titles[b]) / max(len(titles[a]), 1)

    pairs = {}
    for a in count:
        for b in count[a + 1 :]:
            named = max(shares[1][a, b], shares[1][b, a])
            weight = named**2 * float(np.mean([cosine[a, b] for cosine in cosines]))
            if weight <= 1e-4:
                continue
            leads = []
            for cosine in cosines:
                for share in shares:
                    q = [
                        sum(share[x, c] ** 2 * cosine[y, c] ** 2 for c in count) / sum(cosine[y, c] ** 2 for c in count)
                        for x, y in ((a, b), (b, a))
                    ]
                    leads.append(q[0] - q[1] + 0.2 * (inside(a, b) ** 2 - inside(b, a) ** 2))
            votes = [0 if abs(lead) < 1e-9 else 1 if lead > 0 else -1 for lead in leads]
            pairs[a, b] = weight, sum(votes) / 4, sum(leads) / 4
    return pairs


NESTED = [
    record("tree", "tree", "It has a root and no ring."),
    record("binary", "binary tree", "Each part of this tree has two branches."),
    record("search", "binary search tree", "A binary tree in order."),
    record("search2", "search", "It looks for one thing among many."),
    record("root", "root", "Where it begins."),
    record("untitled", "", "A tree that has no name."),
]

EVEN = [("root tree", "It has a branch."), ("ring tree", "It has a root."), ("ring", "It has a tree."),
        ("branch", "It has a tree and a root and a branch.")]  # fmt: skip
"""Of which two votes are for the root tree before the branch, and two against it."""


@pytest.mark.parametrize("records", [CONCEPTS, NESTED, DRAWN])
def test_each_pair_is_what_its_texts_say(tmp_path: Path, records: list[Document]) -> None:
    generation = built(tmp_path, records)
    found = direction_of(generation)
    expected = slowly(generation, found)
    columns = (found.before, found.after, found.weight, found.lead, found.confidence)
    seen = set()
    for before, after, weight, lead, confidence in zip(*map(np.ndarray.tolist, columns), strict=True):
        sign = 1 if (before, after) in expected else -1
        ends = (before, after)[::sign]
        seen.add(ends)
        assert weight == pytest.approx(expected[ends][0], abs=1e-5)
        assert lead == pytest.approx(sign * expected[ends][1]) and 0 <= lead <= 1
        odds = confidence / (1 - confidence)  # which tell two that are nearly sure apart
        assert odds == pytest.approx(np.exp(16 * sign * expected[ends][2]), rel=0.01)
    assert seen == expected.keys() and len(seen) > 5


def test_what_speaks_for_neither_says_nothing(tmp_path: Path) -> None:
    """Two that name each other alike, and two that need the one each."""
    generation = built(tmp_path, [
        record("hammer", "hammer", "It hits what anvil does hold."), record("anvil", "anvil", "It holds what hammer does hit."),
    ])  # fmt: skip
    found = direction_of(generation)
    assert (
        found.trusted and found.lead.tolist() == [0.0] and not found.score.any() and found.confidence.tolist() == [0.5]
    )
    assert not needs(generation, found)


def test_where_the_votes_are_even_the_mean_lead_tells_whatever_the_ids(tmp_path: Path) -> None:
    told = []
    for letter in "abcd":
        generation = built(tmp_path / letter, [record(f"{letter}{n}", *one) for n, one in enumerate(EVEN)])
        found = direction_of(generation)
        summaries = generation.catalogue.summaries
        even = {summaries[found.positions[place]].title for place in found.before[found.lead == 0]}
        assert "root tree" in even and found.confidence.min() >= 0.5
        shown = needs(generation, found)
        told.append({(summaries[n.before].title, summaries[n.after].title): round(n.confidence, 6) for n in shown})
    assert told == told[:1] * 4 and ("root tree", "branch") in told[0]


def test_where_nothing_is_said_all_is_empty(tmp_path: Path) -> None:
    records = [record(str(n), f"On the matter of part {n} of five of them", f"It is {n}.") for n in range(3)]
    found = direction_of(built(tmp_path, records))
    columns = (found.before, found.after, found.weight, found.lead, found.confidence)
    assert not found.trusted and not any(map(len, columns)) and found.score.tolist() == [0.0] * 3
    assert found.order() == list(found.positions) and found.tie.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("titles", "texts", "concepts"),
    [
        (["sets", "maps"], ["", "Of sets."], True),
        (["sets", "maps"], ["", "Of things."], False),
        (["sets", ""], ["", "Of sets."], False),
        (["sets", "maps", "", ""], ["", "Of sets.", "", ""], True),
        (["sets", "maps", "rings", "fields"], ["", "Of sets.", "", ""], True),
        (["sets", "maps", "rings", "fields", "groups"], ["", "Of sets.", "", "", ""], False),
        (["wide green open fields", "maps"], ["", "Of wide green open fields."], True),
        (["wide green open fields", "maps old new red"], ["", "Of wide green open fields."], True),
        (["wide green open wet fields", "maps old new red blue"], ["", "Of wide green open wet fields."], False),
        (["sets", "maps"], ["", "It is used in sets."], False),
        (["wet fields", "maps"], ["", "Of wet things."], False),
        (["wet fields", "maps"], ["", "Of fields that are wet."], True),
    ],
)
def test_what_describes_concepts(titles: list[str], texts: list[str], concepts: bool) -> None:
    """Short titles, a quarter of which another's text names in full, and not as an application."""
    made = direction._Texts([Told(title, text) for title, text in zip(titles, texts, strict=True)])
    assert made.concepts == concepts


def test_how_much_of_a_title_is_named() -> None:
    titles = ["gradient descent", "gradient", "descent of rivers", "rivers", ""]
    texts = [
        "It goes down.",
        "The gradient of gradient.",
        "Rivers go down the gradient.",
        "They descend.",
        "So they do.",
    ]
    made = direction._Texts([Told(title, text) for title, text in zip(titles, texts, strict=True)])
    words, pairs = made.share(pairs=False).toarray(), made.share(pairs=True).toarray()
    for share in (words, pairs):
        assert np.diag(share).tolist() == [1.0] * 5 and share.min() >= 0 and share.max() <= 1 + 1e-12
        assert share[1, 2] == pytest.approx(1) and share[1, 0] == pytest.approx(1), "a title names too"
        assert share[3, 2] == pytest.approx(1) and share[1, 3] == share[3, 0] == 0
        assert 0 < share[0, 1] < 1 and 0 < share[2, 3] < 1
    assert words[0, 1] < 0.5, "the gradient is named by three, descent by two: the rarer weighs more"
    assert pairs[0, 1] < words[0, 1], "that the words stand together counts"


@pytest.mark.parametrize(
    ("title", "other", "text", "named"),
    [
        ("copper wire steam engine", "mill", "It has a copper engine of steam.", ("It has a copper engine of steam.", 0)),
        ("copper wire steam engine", "mill", "It has a copper engine.", None),
        ("copper engine", "mill", "It turns. An engine of copper.", ("An engine of copper.", 10)),
        ("copper engine", "a copper engine", "It turns.", ("a copper engine", None)),
        ("wire", "wire mill", "It turns.", ("wire mill", None)),
        ("copper engine", "a copper engine", "It turns. It is a copper engine.", ("It is a copper engine.", 10)),
        ("wire", "mill", "A wire. Another wire. The wire.", ("A wire.", 0)),
        ("copper wire steam engine", "mill", "A copper wire engine. A copper wire steam engine.",
         ("A copper wire steam engine.", 22)),
        ("wire", "mill", "It turns. It is used in a wire.", None),
        ("wire", "mill", "A wire is used in mills.", ("A wire is used in mills.", 0)),
        ("wire", "mill", "", None),
        ("", "mill", "It turns.", None),
    ],
)  # fmt: skip
def test_which_sentence_names_a_title(title: str, other: str, text: str, named: tuple | None) -> None:
    stems = {stem.stem for stem in wording.stems(title)}
    found = direction._naming(stems, Told(other, text))
    assert (found and found[1:]) == named
    if found:
        words, sentence, _ = found
        assert {stem.stem for word in words for stem in wording.stems(word)} <= stems and len(set(words)) == len(words)
        assert all(word in sentence for word in words)


@pytest.mark.parametrize("records", [CONCEPTS, NESTED, DRAWN])
def test_every_need_that_the_order_has_is_told(tmp_path: Path, records: list[Document]) -> None:
    generation = built(tmp_path, records)
    found = direction_of(generation)
    told = wording.told(generation, found.positions)
    rows = paper_vectors.of(generation)
    expected = {}
    for before, after, confidence in zip(found.before, found.after, found.confidence, strict=True):
        first, second = found.positions[before], found.positions[after]
        near = float(rows.raw[first] @ rows.raw[second] + rows.own[first] @ rows.own[second]) / 2
        title = {stem.stem for stem in wording.stems(told[first].title)}
        if confidence > 0.5 and found.score[before] > found.score[after] and near >= 0.15:
            if direction._naming(title, told[second]):
                expected[first, second] = confidence
    shown = needs(generation, found)
    assert {(need.before, need.after): need.confidence for need in shown} == pytest.approx(expected)
    assert [need.confidence for need in shown] == sorted(expected.values(), reverse=True)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_order_of_the_input_is_nothing(concepts: Generation, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(range(len(CONCEPTS))), unique=True))
    one, other = direction_of(concepts, some), direction_of(concepts, data.draw(st.permutations(some)))
    assert one.order() == other.order() and sorted(one.order()) == sorted(some)


def test_the_order_of_the_library_is_nothing(tmp_path: Path) -> None:
    records, found = list(CONCEPTS), []
    for seed in (1, 2):
        random.Random(seed).shuffle(records)
        generation = built(tmp_path / str(seed), records)
        ids = [summary.id for summary in generation.catalogue.summaries]
        found.append([ids[position] for position in direction_of(generation).order()])
    assert found[0] == found[1]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0.1, 1), st.floats(-1, 1)).filter(
            lambda p: p[0] != p[1]
        ),
        max_size=20,
    )
)
def test_scores_are_the_least_squares(pairs: list[tuple[int, int, float, float]]) -> None:
    before, after, weight, lead = (
        (np.array(column) for column in zip(*pairs, strict=True)) if pairs else (np.empty(0),) * 4
    )
    scores = ranked(7, before.astype(np.int64), after.astype(np.int64), weight, lead)
    rows = np.zeros((len(pairs), 7))  # the slow way
    rows[np.arange(len(pairs)), before.astype(int)] = 1
    rows[np.arange(len(pairs)), after.astype(int)] = -1
    root = np.sqrt(weight)
    best = np.linalg.lstsq(rows * root[:, None], lead * root, rcond=None)[0]
    left, least = (((rows @ found - lead) ** 2 * weight).sum() for found in (scores, best))
    assert left == pytest.approx(least, abs=1e-4)
