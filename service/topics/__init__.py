"""The library in a handful of named themes: papers whose vectors lie together, named by words of their own.

What is known by its title alone is in none of these: a name like `Alpa` says nothing of what it is near to. It stands in one
of its own, which changes no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.library import Generation
from service import paper_vectors, wording
from service.derived import Last, Once
from service.topics import theme_names

TITLES_ALONE = "Titles alone"
"""What papers of which nothing but the title is here stand under."""


@dataclass(frozen=True)
class Theme:
    """Papers about one thing. `terms` are what tells them from the others, the best first; `name` is made of these.

    `positions` are the documents', ascending.
    """

    name: str
    terms: tuple[str, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True)
class TopicPaper:
    """A paper of a topic."""

    id: str
    title: str
    year: int | None


@dataclass(frozen=True)
class Topic:
    """Papers about one thing, in the order of the sources. `terms` tell it from the others; the name is made of
    these. `count` is how many papers it has."""

    name: str
    terms: tuple[str, ...]
    papers: tuple[TopicPaper, ...]
    count: int


@dataclass(frozen=True)
class Topics:
    """The library in a handful of topics, the largest first; each paper is in one."""

    generation: str
    topics: tuple[Topic, ...]


def topics(generation: Generation) -> Topics:
    """The topics of a library."""
    summaries = generation.catalogue.summaries
    return Topics(generation.name, tuple(
        Topic(theme.name, theme.terms, tuple(TopicPaper(s.id, s.title, s.year)
                                             for s in (summaries[position] for position in theme.positions)),
              len(theme.positions))
        for theme in of(generation)
    ))  # fmt: skip


def of(generation: Generation) -> tuple[Theme, ...]:
    """The themes of a generation, the largest first; made once."""
    return _made(generation)


def themes(generation: Generation, positions: Sequence[int] | None = None) -> tuple[Theme, ...]:
    """The themes of some documents, of all where `positions` is None; the largest first, titles alone last. Each document is
    in one."""
    known = range(len(generation.catalogue.summaries)) if positions is None else positions
    known, alone = wording.parted(generation, in_order(generation, known))
    groups = groups_of(generation, known, handful(len(known)))
    members = [[place for place, group in zip(known, groups.tolist(), strict=True) if group == number]
               for number in range(int(groups.max(initial=-1)) + 1)]  # fmt: skip
    named = theme_names.named(generation, members)
    made = [Theme(name, terms, tuple(sorted(places))) for (name, terms), places in zip(named, members, strict=True)]
    made.sort(key=lambda theme: (-len(theme.positions), theme.name))
    return (*made, Theme(TITLES_ALONE, (), tuple(sorted(alone)))) if alone else tuple(made)


_made = Once(themes, given="topics")


def handful(count: int) -> int:
    """How many themes so many papers have: 4 of 12, 7 of 36, 12 of a hundred and more."""
    return max(1, min(round(1.15 * count**0.5), 12, count // 2))


def in_order(generation: Generation, positions: Iterable[int]) -> list[int]:
    """The positions without repeats, in an order that says nothing of the list's own: by a hash of the ids."""
    summaries = generation.catalogue.summaries
    return sorted(set(positions), key=lambda position: wording.mixed(summaries[position].id))


def groups_of(generation: Generation, known: Sequence[int], count: int) -> np.ndarray:
    """`count` groups of the documents at the positions `known`, which `in_order` has put in order: int64, by place in
    it, numbered from 0. The tree that they are cut from is kept for the next count."""
    key = tuple(known)
    return cut(_trees(generation, key, key), len(key), count)


def _tree_of(generation: Generation, known: tuple[int, ...]) -> np.ndarray | None:
    return tree(paper_vectors.of(generation).raw[list(known)])


_trees: Last[np.ndarray | None] = Last(_tree_of, given="tree of topics")


def tree(vectors: np.ndarray) -> np.ndarray | None:
    """Which groups of vectors are joined, one after the other, as SciPy has it; None of fewer than two.

    Ward's method (1963): each step joins the two groups that stay the densest, so that none is left with hardly any
    papers and none swallows the rest, as single papers do under average linkage.
    """
    if len(vectors) < 2:
        return None
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    rows = vectors.astype(np.float64)
    squares = (rows**2).sum(1)
    distances = rows @ rows.T
    distances *= -2
    distances += squares
    distances += squares[:, None]
    np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
    np.fill_diagonal(distances, 0)
    return linkage(squareform(distances, checks=False), "ward")


def cut(tree: np.ndarray | None, size: int, count: int) -> np.ndarray:
    """The groups that are left of `size` vectors when there are `count`: int64, numbered from 0."""
    if tree is None or count < 2:
        return np.zeros(size, np.int64)
    from scipy.cluster.hierarchy import fcluster

    return fcluster(tree, count, "maxclust").astype(np.int64) - 1
