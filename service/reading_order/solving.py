"""One score for each paper: what citations say of pairs, and what the papers' own standing says, in one problem.

    minimise  sum over pairs  w (s_before - s_after - STEP)^2  +  sum over papers  (s - standing)^2

Least squares over pairwise comparisons is HodgeRank (Jiang, Lim, Yao and Ye, "Statistical ranking and combinatorial Hodge
theory" (2011), section 2); the second sum makes it regular, so that a paper without citations keeps its standing, and a
list without any is ordered by that alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.reading_order.precedence import Pair

STEP = 0.25
"""How far apart a citation holds two papers; ages span 1. A longer one would drown what the standing says of surveys."""
_DIGITS = 9  # of a score: the rest is rounding, which differs between machines


def scores(standing: np.ndarray, pairs: Sequence[Pair]) -> np.ndarray:
    """The scores by place, the higher the earlier to read: float64, as `standing` is."""
    if not pairs:
        return np.round(standing, _DIGITS)
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import cg

    count = len(standing)
    before = np.array([pair.before for pair in pairs])
    after = np.array([pair.after for pair in pairs])
    weight = np.array([pair.weight for pair in pairs], np.float64)
    degree = np.bincount(before, weight, count) + np.bincount(after, weight, count)
    joined = coo_array((np.tile(weight, 2), (np.r_[before, after], np.r_[after, before])), (count, count)).tocsr()
    matrix = (diags_array(1 + degree) - joined).tocsr()
    pull = STEP * (np.bincount(before, weight, count) - np.bincount(after, weight, count))
    # Positive definite and with a heavy diagonal: conjugate gradients need few steps, however many the papers.
    found, failed = cg(
        matrix, standing + pull, x0=standing, rtol=1e-12, maxiter=10_000, M=diags_array(1 / (1 + degree))
    )
    assert not failed, "a positive definite system has a solution"
    return np.round(found, _DIGITS)
