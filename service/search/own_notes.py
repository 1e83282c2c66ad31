"""Notes that a reader set by hand count in a search like those of the list, which stand in the index.

A note is younger than the generation, so that its words are scored when a question is asked. They count where the list's
do: in the first passage of prose.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from indexer.document import EMBEDDED
from indexer.library import Generation
from indexer.library.marks import Marks
from indexer.terms import terms
from service.search.ranking import K1, Ranking, Scores


def added(generation: Generation, ranked: Ranking, scores: Scores, marks: Marks) -> Scores:
    """The scores of a question, with what the words of own notes add; the same where no note has a word of it."""
    gains: dict[int, float] = {}
    for mark in marks.by_id.values():
        counts = Counter(terms(mark.note)) if mark.note else {}
        if not counts.keys() & scores.query.keys() or (passage := _first(generation, mark.id)) is None:
            continue
        gains[passage] = sum(
            times * ranked.weight(term) * (K1 + 1) * counts[term] / (counts[term] + K1)  # as one of middling length
            for term, times in scores.query.items()
            if term in counts
        )
    if not gains:
        return scores
    lexical, dense, fused = scores.lexical.copy(), scores.dense.copy(), scores.fused.copy()
    for passage, gain in gains.items():
        if np.isneginf(lexical[passage]):  # nothing else had it scored
            lexical[passage], dense[passage] = -scores.mean / scores.deviation, 0.0
        lexical[passage] += gain / scores.deviation
        fused[passage] = lexical[passage] + dense[passage]
    scored = scores.scored
    if scored is not None:
        scored = np.union1d(scored, np.fromiter(gains, np.int64))
    return replace(scores, lexical=lexical, dense=dense, fused=fused, scored=scored)


def _first(generation: Generation, document_id: str) -> int | None:
    """The first passage of prose of a document, else its first; None where it has none."""
    catalogue = generation.catalogue
    if (summary := catalogue.summary(document_id)) is None:
        return None
    first, end = np.searchsorted(catalogue.documents_of, (summary.position, summary.position + 1))
    names, which = catalogue.kinds_of
    prose = np.flatnonzero(np.isin(names[which[first:end]], EMBEDDED)) if end > first else []
    return int(first + prose[0]) if len(prose) else int(first) if end > first else None
