"""Is a question answered here at all? Where the line lies, and why there.

A question counts as answered where

    the largest cosine of a passage with it  +  a third of the largest share of it that one passage has in words  >=  0.55

each among the passages that may be found; and where a question is nothing but key words, two or more of a longer one
even, all of which one passage has. The share is of the question's terms, each weighed by its inverse document frequency;
a word that stands nowhere here weighs most of all. Both parts are measured by themselves and not against the library, as
the ranking's scores are: the best of a bad lot stands as high there as a good answer does. So one line does for twelve
papers and for five thousand, though a larger library says more by chance.

The weight of a third is what a logistic regression gives on questions written for it (`tests/questions-line.json`) and
on claims of another field. The line is the highest, in steps of 0.05, above which all 60 questions lie that the 36
papers answer: of 100 that they don't 73 lie below, and of 400 claims of another field 399. Near misses of one's own
field are what it can't tell: it knows that the words and the theme are there, not that they say what was asked.
"""

from __future__ import annotations

import numpy as np

from indexer.terms import is_all_terms
from service.search.ranking import Ranking, Scores

_LINE = 0.55
_WORDS = 1 / 3
_ALL = 1 - 1e-6  # of the 100 unanswerable ones the highest share is .74
_NEAREST = 50  # the model's own cosine and that of the library's space agree on these, BM25 and the share do nearly


def answered(ranked: Ranking, scores: Scores, text: str, vector: np.ndarray, among: np.ndarray) -> bool:
    """Whether something that may be found (`among`) answers the question `text`, as far as can be told."""
    allowed = np.flatnonzero(among)
    if not len(allowed):
        return False
    cosine = ranked.cosines(_largest(scores.dense[allowed], allowed), vector).max(initial=0)
    if cosine >= _LINE:  # whatever is said in words
        return True
    share = ranked.coverage(scores.query, _largest(scores.lexical[allowed], allowed)).max(initial=0)
    if share > _ALL and (len(scores.query) > 1 or is_all_terms(text)):  # "what is love" asks for more than one word
        return True
    return float(cosine + _WORDS * share) >= _LINE


def _largest(scores: np.ndarray, passages: np.ndarray) -> np.ndarray:
    few = min(_NEAREST, len(scores))
    return np.sort(passages[np.argpartition(scores, len(scores) - few)[-few:]])
