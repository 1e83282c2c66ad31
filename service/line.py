"""Is a question answered here at all? Where the line lies, and why there.

A question counts as answered where

    the largest cosine of a passage with it  +  a third of the largest share of it that one passage has in words  >=  0.55

each among the passages that may be found, and where one passage has all of it in words. The share is of the question's terms, each weighed by its inverse document
frequency; a word that stands nowhere here weighs most of all. Neither part knows how large the library is, so the line
is the same for twelve papers and for thousands: the ranking's own scores are measured against the library, and the best
of a bad lot stands as high in it as a good answer does in another.

The weight of a third is what a logistic regression gives on questions written for it (`tests/questions-line.json`) and
on claims of another field. The line is the highest, in steps of 0.05, above which all 60 questions lie that the 36
papers answer: of 100 that they don't 73 lie below, and of 400 claims of another field 399. Near misses of one's own
field are what it can't tell: it knows that the words and the theme are there, not that they say what was asked.
"""

from __future__ import annotations

import numpy as np

from service.ranking import Ranking, Scores

_LINE = 0.55
_WORDS = 1 / 3
_ALL = 1 - 1e-6  # of the 100 unanswerable ones the highest share is .74
_NEAREST = 50  # the model's own cosine and that of the library's space agree on these, BM25 and the share do nearly


def answered(ranked: Ranking, scores: Scores, vector: np.ndarray, among: np.ndarray) -> bool:
    """Whether something that may be found (`among`) answers the question whose vector this is, as far as can be told."""
    allowed = np.flatnonzero(among)
    if not len(allowed):
        return False
    cosine = ranked.cosines(_largest(scores.dense[allowed], allowed), vector).max(initial=0)
    share = ranked.coverage(scores.query, _largest(scores.lexical[allowed], allowed)).max(initial=0)
    return float(cosine + _WORDS * share) >= _LINE or float(share) > _ALL


def _largest(scores: np.ndarray, passages: np.ndarray) -> np.ndarray:
    few = min(_NEAREST, len(scores))
    return np.sort(passages[np.argpartition(scores, len(scores) - few)[-few:]])
