"""Where is this said? Papers, best first, each with the passages that earned it its place.

    query -> what it means -> scores of all passages -> those that may be found -> papers -> passages, folded, quoted

Only passages of the kinds asked for count, by default those in which a paper says something itself: a bibliography has
the words of every question and answers none. `rank` is the same path without operators, folding and quotations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from indexer.document import BlockKind, TextKind
from indexer.embed import Embedder
from indexer.errors import PaperpathError
from indexer.library import Generation, StoredPassage, Summary
from indexer.library.marks import NONE, Marks, notes, state
from indexer.terms import terms
from service import evidence
from service.links import page_link
from service.search import cursors, filters, line, own_notes, ranking
from service.search.folding import Also, Place, fold
from service.search.query import Query, parse, unparse
from service.search.ranking import Ranking, Scores
from service.search.rerank import Reranker
from service.stages import stage

T = TypeVar("T")

PASSAGES_SHOWN = 3
_CONSIDERED = 4  # passages of one paper, of which those that repeat each other are folded
_SPARE = 4  # papers beyond those asked for, of which some may be folded
RERANKED = 50

Kind = Literal[
    "body", "abstract", "caption", "appendix", "table", "formula", "code", "figure", "footnote", "reference", "all"
]
"""What may be asked for: a kind of passage, or `all` of them."""

KINDS: tuple[Kind, ...] = get_args(Kind)
SEARCHED: tuple[Kind, ...] = ("body", "abstract", "caption", "appendix")
"""The kinds that are looked in where none is asked for."""

Stage = Literal["lexical", "dense", "fused", "reranked"]
"""How far the ranking goes: words alone, meaning alone, both, or both and then a cross-encoder."""

By = Literal["paper", "passage"]
"""What a result is: a paper with its best passages, or one passage."""


@dataclass(frozen=True)
class Span:
    """Characters of the text it belongs to: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True)
class Parts:
    """What a score is the sum of, in standard deviations over the library: words, words that the title has, meaning.

    `paper` is what a passage has from its paper, where each result is a passage. `reranked` is the cross-encoder's
    score, no part of the sum: where there is one, it alone orders. `cosine` is the model's own, of question and passage, 0 where
    the passage has no vector.
    """

    lexical: float
    title: float
    dense: float
    paper: float
    cosine: float
    reranked: float | None


@dataclass(frozen=True)
class FoundPassage:
    """A passage that was found. `text` is the stored page's from character `start` to `end`.

    `page` is null where the document has no pages. `section` is the heading it stands under, `path` the headings that
    lead there, `kind` what it is. `sentence` is the part of `text` that earned the passage its place and `marks` the
    words in it that the question has; `matched` is false where it has none of them and was found by its meaning.
    `also` says where the same is said again. `link` opens it there.
    """

    text: str
    page: int | None
    kind: BlockKind
    section: str | None
    path: tuple[str, ...]
    start: int
    end: int
    score: float
    link: str
    sentence: Span
    marks: tuple[Span, ...]
    matched: bool
    also: tuple[Also, ...] = ()
    parts: Parts | None = None


@dataclass(frozen=True)
class FoundPaper:
    """A paper that was found. `text` says what its text is: full, digest, record or title.

    `marks` are the words of its title that the question has, `notes` what its reader noted on it, by hand or in the list, and
    `read` whether it is marked as read.
    """

    id: str
    title: str
    score: float
    text: TextKind
    year: int | None
    authors: tuple[str, ...]
    link: str
    marks: tuple[Span, ...]
    notes: tuple[str, ...]
    read: bool
    passages: tuple[FoundPassage, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to a question, from one generation.

    `answered` is false where nothing here answers it: `results` are then only what is nearest. `remarks` say what of the
    query was taken as plain words. `next` is the cursor of the next page, null on the last.
    """

    query: str
    generation: str
    answered: bool
    results: tuple[FoundPaper, ...]
    remarks: tuple[str, ...] = ()
    next: str | None = None


@dataclass(frozen=True)
class _Hit:
    """A passage in the running, with its score."""

    passage: int
    score: float
    reranked: float | None = None


@dataclass(frozen=True)
class Asked:
    """A question, and what is wanted of its answer, as `search` has it."""

    query: str | Query
    limit: int = 10
    by: By = "paper"
    cursor: str = ""
    explain: bool = False


@dataclass(frozen=True)
class _Page:
    """Which part of the answer to what was `asked` is wanted: `limit` results behind the first `offset`."""

    asked: Query
    query: str
    remarks: tuple[str, ...]
    offset: int
    limit: int
    by: By
    explain: bool
    key: tuple[str, ...]

    def answer(
        self, generation: Generation, answered: bool, results: tuple[FoundPaper, ...], used: int, there: int
    ) -> Answer:
        """The answer, with a cursor behind the `used` results where there are more of them."""
        end = self.offset + used
        more = cursors.make(end, generation.stamp, *self.key) if there > end else None
        return Answer(self.query, generation.name, answered, results, self.remarks, more)


@dataclass
class _Candidate:
    """A document in the running, with its best passages, best first."""

    position: int
    hits: list[_Hit]


def search(
    generation: Generation,
    embedder: Embedder,
    query: str | Query,
    limit: int = 10,
    kinds: Collection[Kind] = (),
    *,
    marks: Marks = NONE,
    by: By = "paper",
    cursor: str = "",
    explain: bool = False,
    reranker: Reranker | None = None,
) -> Answer:
    """The `limit` papers that answer `query` best, with up to three passages each.

    Only passages of these `kinds` are looked in, or of those the query names; of `SEARCHED` where there are none.
    `cursor` goes on where an earlier answer of this generation ended. Raises `CursorInvalid` for one that doesn't fit.
    """
    asked = Asked(query, limit, by, cursor, explain)
    (answer,) = together(generation, embedder, [asked], kinds, marks=marks, reranker=reranker)
    if isinstance(answer, Exception):
        raise answer
    return answer


def together(
    generation: Generation,
    embedder: Embedder,
    asked: Sequence[Asked],
    kinds: Collection[Kind] = (),
    *,
    marks: Marks = NONE,
    reranker: Reranker | None = None,
) -> Iterator[Answer | Exception]:
    """What `search` answers to each of some questions, or raises, in order: they are encoded and scored all at once."""
    pages = [_or_error(_page, generation, one, kinds) for one in asked]
    worded = [page for page in pages if isinstance(page, _Page) and page.asked.text]
    texts = [page.asked.text for page in worded]
    found: dict[int, tuple[np.ndarray, Scores]] = {}
    if texts:
        searched = filters.of_kinds(generation, kinds or SEARCHED)
        try:
            with stage("embedding"):
                vectors = embedder.embed_queries(texts)
            with stage("scoring"):
                scores = ranking.of(generation).scores(texts, vectors, searched)
        except Exception as error:
            if len(asked) == 1:
                yield error
                return
            for one in asked:
                yield from together(generation, embedder, [one], kinds, marks=marks, reranker=reranker)
            return
        found = {id(page): pair for page, *pair in zip(worded, vectors, scores, strict=True)}
    for page in pages:
        if isinstance(page, Exception):
            yield page
        elif id(page) in found:
            yield _or_error(_answer, generation, page, *found[id(page)], kinds, marks, reranker)
        else:
            yield _or_error(_listed, generation, page, kinds or SEARCHED, marks)


def _or_error(work: Callable[..., T], *given: Any) -> T | Exception:
    try:
        return work(*given)
    except PaperpathError as error:
        return error.bare()  # its frames have the generation, and a list that it comes to be in
    except Exception as error:
        return error


def _page(generation: Generation, one: Asked, kinds: Collection[Kind]) -> _Page:
    """What a question means, and which part of its answer is asked for."""
    asked = parse(one.query) if isinstance(one.query, str) else one.query
    plain = unparse(asked)
    remarks = (*asked.remarks, *filters.remarks(generation, asked))
    key = (plain, *sorted(kinds), one.by)
    offset = cursors.offset(one.cursor, generation.stamp, *key) if one.cursor else 0
    told = one.query if isinstance(one.query, str) else plain
    return _Page(asked, told, remarks, offset, one.limit, one.by, one.explain, key)


def _answer(
    generation: Generation, page: _Page, vector: np.ndarray, scores: Scores, kinds: Collection[Kind], marks: Marks,
    reranker: Reranker | None,
) -> Answer:  # fmt: skip
    """The answer to a question with words, whose `vector` and `scores` these are."""
    ranked, asked = ranking.of(generation), page.asked
    with stage("ranking"):
        among = filters.among(generation, asked, marks, kinds or SEARCHED, scores.fused)
        if among is not None:
            scores = ranked.within(scores, vector, among)
        scores = own_notes.added(generation, ranked, scores, marks)
        among = scores.among(filters.of_kinds(generation, kinds or SEARCHED) if among is None else among)
        reach = max(page.offset + page.limit + 1 + _SPARE, RERANKED if reranker else 0)
        candidates = _candidates(generation, ranked, scores.fused, among, reach, page.by)
    if reranker is not None:
        with stage("reranking"):
            candidates = _reranked(generation, reranker, asked.text, candidates)
    with stage("evidence"):
        shown, used, held = _folded(generation, candidates[page.offset :], page.limit)
        weights = {term: ranked.weight(term) for term in scores.query}
        teller = _Teller(generation, ranked, scores, weights, asked, marks, vector if page.explain else None)
        results = tuple(teller.paper(candidate, hits, held) for candidate, hits in shown)
        answered = bool(results) and line.answered(ranked, scores, asked.text, vector, among)
    return page.answer(generation, answered, results, used, len(candidates))


def rank(
    generation: Generation,
    embedder: Embedder,
    queries: Sequence[str],
    k: int,
    kinds: Collection[Kind] = (),
    *,
    stage: Stage = "fused",
    reranker: Reranker | None = None,
) -> list[list[tuple[str, float]]]:
    """For each of `queries` the ids of the `k` best papers with their scores, best first, as many as there are.

    The plain ranking: all of a query is words. `kinds` is as `search` has it; "reranked" needs the `reranker`.
    """
    ranked = ranking.of(generation)
    summaries = generation.catalogue.summaries
    among = filters.of_kinds(generation, kinds or SEARCHED)
    answers = []
    for query, scores in zip(queries, ranked.scores(queries, embedder.embed_queries(queries), among), strict=True):
        by_stage = {"lexical": scores.lexical, "dense": scores.dense}.get(stage, scores.fused)
        found = _candidates(generation, ranked, by_stage, scores.among(among), k, "paper")
        if stage == "reranked" and reranker is not None:
            found = _reranked(generation, reranker, query, found)
        answers.append([(summaries[c.position].id, _rounded(c.hits[0].score)) for c in found[:k]])
    return answers


def _candidates(
    generation: Generation, ranked: Ranking, scores: np.ndarray, among: np.ndarray, wanted: int, by: By
) -> list[_Candidate]:
    """The best documents, best first, each with its best passages; or with `by` passage, the best passages, one each.

    Ties go to the order of the sources, on every machine.
    """
    scores = ranked.with_siblings(scores, among)
    documents = generation.catalogue.documents_of
    there = int(np.count_nonzero(among))
    if by == "passage":
        order, values = _top(ranking.with_best(scores, documents, among), among, wanted)
        return [_Candidate(int(documents[p]), [_Hit(p, score)]) for p, score in zip(order, values, strict=True)]
    few = max(64, wanted * 4)
    while True:
        found: dict[int, _Candidate] = {}
        order, values = _top(scores, among, few)
        for passage, document, score in zip(order, documents[order].tolist(), values, strict=True):
            if (candidate := found.get(document)) is None:
                candidate = found[document] = _Candidate(document, [])
            if len(candidate.hits) < _CONSIDERED:
                candidate.hits.append(_Hit(passage, score))
        if len(found) >= wanted or few >= there:
            return list(found.values())[:wanted]
        few *= 4


def _top(scores: np.ndarray, among: np.ndarray, count: int) -> tuple[list[int], list[float]]:
    """The passages `among` with the `count` largest scores and those scores, largest first, ties by id."""
    some = scores[:: max(1, len(scores) // 2000)]  # what is large is told by a sample, so that few are sorted
    rank = min(len(some) - 1, 2 + 2 * count * len(some) // max(len(scores), 1))
    least = np.partition(some, len(some) - 1 - rank)[len(some) - 1 - rank] if len(some) else 0.0
    places = np.flatnonzero((scores >= least) & among)
    if len(places) < count:
        places = np.flatnonzero(among)
    values = scores[places].round(5)
    order = np.argsort(-values, kind="stable")[:count]
    return places[order].tolist(), values[order].tolist()


def _reranked(generation: Generation, reranker: Reranker, text: str, candidates: list[_Candidate]) -> list[_Candidate]:
    """The first candidates in the order in which the cross-encoder puts their best passages; the others behind them."""
    first, rest = candidates[:RERANKED], candidates[RERANKED:]
    held = generation.catalogue.passages([candidate.hits[0].passage for candidate in first])
    summaries = generation.catalogue.summaries
    pairs = [f"{summaries[c.position].title}\n{held[c.hits[0].passage].text}" for c in first]
    judged = reranker.scores(text, pairs)
    for candidate, score in zip(first, judged, strict=True):
        candidate.hits[0] = _Hit(candidate.hits[0].passage, candidate.hits[0].score, float(score))
    return sorted(first, key=lambda c: -(c.hits[0].reranked or 0.0)) + rest


def _folded(
    generation: Generation, candidates: Sequence[_Candidate], limit: int
) -> tuple[list[tuple[_Candidate, list[tuple[_Hit, list[Also]]]]], int, dict[int, StoredPassage]]:
    """The first `limit` papers with the passages to show, how many candidates they were taken from, and the passages.

    What is said almost alike is shown once, at its best place, which names the others.
    """
    summaries = generation.catalogue.summaries
    window = min(limit + _SPARE, len(candidates))
    while True:
        each = [(c, hit) for c in candidates[:window] for hit in c.hits]
        held = generation.catalogue.passages([hit.passage for _, hit in each])
        each = [(c, hit) for c, hit in each if hit.passage in held]
        passages = [held[hit.passage] for _, hit in each]
        groups = fold(
            [p.text for p in passages], [Place((p.document, p.page), p.start, p.end) for p in passages],
            generation.vectors.of([p.id for p in passages]),
        )  # fmt: skip
        kept: dict[int, list[tuple[_Hit, list[Also]]]] = {}
        for first, *others in sorted(groups):
            candidate, hit = each[first]
            also = [Also(summaries[passages[n].document].id, passages[n].page) for n in others]
            kept.setdefault(id(candidate), []).append((hit, also))
        shown, used = [], 0
        for candidate in candidates[:window]:
            if len(shown) == limit:
                break
            used += 1
            if hits := kept.get(id(candidate)):
                shown.append((candidate, hits[:PASSAGES_SHOWN]))
        if len(shown) == limit or window == len(candidates):
            return shown, used, held
        window = min(2 * window, len(candidates))


@dataclass(frozen=True)
class _Teller:
    """Says of what was found where it is and why."""

    generation: Generation
    ranked: Ranking
    scores: Scores | None
    weights: Mapping[str, float]
    query: Query
    marks: Marks
    vector: np.ndarray | None

    def paper(
        self, candidate: _Candidate, hits: Sequence[tuple[_Hit, list[Also]]], held: Mapping[int, StoredPassage]
    ) -> FoundPaper:
        summary = self.generation.catalogue.summaries[candidate.position]
        return FoundPaper(
            summary.id, summary.title, _rounded(candidate.hits[0].score) if candidate.hits else 0.0, summary.text,
            summary.year, summary.authors, summary.link,
            tuple(Span(*span) for span in evidence.marked(summary.title, self.weights, self.query.phrases)),
            notes(summary, self.marks), state(summary, self.marks),
            tuple(self._passage(summary, hit, also, held[hit.passage]) for hit, also in hits),
        )  # fmt: skip

    def _passage(self, summary: Summary, hit: _Hit, also: list[Also], p: StoredPassage) -> FoundPassage:
        why = evidence.earning(p.text, self.weights, self.query.phrases)
        return FoundPassage(
            p.text, p.page, p.kind, p.section, p.path, p.start, p.end, _rounded(hit.score),
            page_link(summary, p.page, p.anchor), Span(why.start, why.end), tuple(Span(*span) for span in why.marks),
            why.matched, tuple(also), self._parts(summary, hit),
        )  # fmt: skip

    def _parts(self, summary: Summary, hit: _Hit) -> Parts | None:
        if self.vector is None or self.scores is None:
            return None
        lexical, dense = float(self.scores.lexical[hit.passage]), float(self.scores.dense[hit.passage])
        title = self.ranked.share_of(self.scores, hit.passage, terms(summary.title))
        cosine = float(self.ranked.cosines(np.array([hit.passage]), self.vector)[0])
        return Parts(
            _rounded(lexical - title), _rounded(title), _rounded(dense), _rounded(hit.score - lexical - dense),
            _rounded(cosine), None if hit.reranked is None else _rounded(hit.reranked),
        )  # fmt: skip


def _listed(generation: Generation, page: _Page, kinds: Collection[Kind], marks: Marks) -> Answer:
    """What fits a query without words, in the order of the sources."""
    query = page.asked
    count = len(generation.catalogue.documents_of)
    among = filters.among(generation, query, marks, kinds, -np.arange(count, dtype=np.float32))
    if among is None:
        among = filters.of_kinds(generation, kinds)
    fitting = _fitting(generation, query, among, marks, page.by)
    window = fitting[page.offset : page.offset + page.limit]
    held = generation.catalogue.passages([hit.passage for candidate in window for hit in candidate.hits])
    teller = _Teller(generation, ranking.of(generation), None, {}, query, marks, None)
    results = tuple(teller.paper(c, [(hit, []) for hit in c.hits if hit.passage in held], held) for c in window)
    return page.answer(generation, bool(results), results, len(window), len(fitting))


def _fitting(generation: Generation, query: Query, among: np.ndarray, marks: Marks, by: By) -> list[_Candidate]:
    """The documents of the passages `among`, each with its first; or the passages, one each."""
    documents = generation.catalogue.documents_of
    passages = np.flatnonzero(among)
    if by == "passage":
        return [_Candidate(int(documents[p]), [_Hit(int(p), 0.0)]) for p in passages]
    found = {
        int(position): _Candidate(int(position), [_Hit(int(p), 0.0) for p in some[:PASSAGES_SHOWN]])
        for position, some in zip(*_grouped(documents[passages], passages), strict=True)
    }
    if filters.of_papers_alone(query):  # one that is nothing but a title fits as well
        for position in np.flatnonzero(filters.papers(generation, query, marks)).tolist():
            found.setdefault(position, _Candidate(position, []))
    return [found[position] for position in sorted(found)]


def _grouped(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The different keys, which are ascending, and the values of each."""
    different, first = np.unique(keys, return_index=True)
    return different, np.split(values, first[1:])[: len(different)]


def _rounded(score: float) -> float:
    return round(score, 4)
