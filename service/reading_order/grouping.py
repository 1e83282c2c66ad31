"""Which papers are read together: those that say alike things, in like words, and stand close among the citations.

Three likenesses, each in its own standard deviations, summed: the cosine of what the texts mean, that of their words
(tf-idf), and how much they cite the same, one another included (bibliographic coupling: Kessler 1963). Meaning alone puts
all that is about language models into one heap; words tell a paper on pipelines from one on experts, references a school
from another. Ward's method (1963) makes groups of like size, which average linkage does not. Where citations
join few of the papers there are only the themes that the standing is made with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation
from service import paper_vectors, topics, wording
from service.reading_order import stages

if TYPE_CHECKING:
    from service.citations import Graph

_MOST = 1000  # papers: of more, the themes of the standing do
_JOINED = 0.5  # of the papers: where citations say nothing of most, groups by citations are groups of chance
_SIZE = 4.5  # papers in a group, about
_GROUPS = 12
_DIGITS = 6  # of a likeness: the rest is rounding


def groups(generation: Generation, graph: Graph, positions: Sequence[int]) -> np.ndarray | None:
    """The number of its group for each of `positions`, which are in an order that says nothing: int64. None where no
    citations join half of them, or where they are too many."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    from service.related import likeness

    count = len(positions)
    place = {graph.same_as[position]: number for number, position in enumerate(positions)}
    if not 4 <= count <= _MOST:
        return None
    joined = {one for p in positions for c in graph.cites(p) if c.cited in place for one in (c.citing, c.cited)}
    if len(joined) < _JOINED * count:
        return None
    own = list(positions)
    meaning = paper_vectors.of(generation).own[own].astype(np.float64)
    said = likeness.of(generation)
    alike = _standard(meaning @ meaning.T)
    alike += _standard(np.stack([said.words(position)[own] for position in own]))
    alone = wording.parted(generation, range(len(graph.same_as)))[1]
    alike += _standard(_coupled(graph, place, own, {graph.same_as[one] for one in alone} - place.keys()))
    distance = np.round(alike.max() - alike, _DIGITS)
    tree = linkage(squareform(distance, checks=False), "ward")
    wanted = max(2, min(round(count / _SIZE), _GROUPS))
    return settled(alike, fcluster(tree, wanted, "maxclust").astype(np.int64) - 1)


def finer(generation: Generation, positions: Sequence[int], group: np.ndarray) -> np.ndarray:
    """The themes that the standing is made with, or where these have more than a stage's papers, as many as leave it so."""
    count = len(positions) // stages.USUAL
    return group if count <= int(group.max()) + 1 else topics.groups_of(generation, positions, count)


def settled(alike: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The groups without those that are no more like the rest of theirs than any two papers are, which `alike` has as 0:
    they go where they are more alike, or stand alone. Numbered from 0."""
    count = int(group.max()) + 1
    alike = alike - np.diag(np.diag(alike))
    sums = np.stack([alike[:, group == number].sum(axis=1) for number in range(count)], axis=1)
    mean = np.round(sums / np.bincount(group), _DIGITS)  # of one's own group the sign alone counts: oneself is in it
    better = np.where(mean.max(axis=1) > 0, mean.argmax(axis=1), count + np.arange(len(group)))
    own = mean[np.arange(len(group)), group]
    return np.unique(np.where(own < 0, better, group), return_inverse=True)[1].astype(np.int64)


def _coupled(graph: Graph, place: dict[int, int], positions: Sequence[int], lacked: Collection[int] = ()) -> np.ndarray:
    """The cosines of the lists of works that the papers cite, each itself among them, the rarer the more: (n, n). The texts
    of those at the positions `lacked` are not here: they count as other works that the library lacks."""
    count = len(positions)
    works = [
        {place[c.citing]: c.count for c in graph.cited_by(position) if c.citing in place} | {number: 1}
        for number, position in enumerate(positions)
    ]
    for wanted in graph.wanted:
        own = {place[position]: times for position, times, _ in wanted.cited_by if position in place}
        if len(own) > 1:
            works.append(own)
    for one in sorted(lacked):
        own = {place[c.citing]: c.count for c in graph.cited_by(one) if c.citing in place}
        if len(own) > 1:
            works.append(own)
    lists = np.zeros((count, len(works)))
    for column, work in enumerate(works):
        for row, times in work.items():
            lists[row, column] = np.sqrt(np.log1p(times)) * np.log1p(count / len(work))
    lists /= np.maximum(np.linalg.norm(lists, axis=1, keepdims=True), 1e-12)
    return lists @ lists.T


def _standard(matrix: np.ndarray) -> np.ndarray:
    """A symmetric matrix with what is beside its diagonal in standard deviations from its mean."""
    from service.related import likeness

    return likeness.standard(matrix, ~np.eye(len(matrix), dtype=bool))
