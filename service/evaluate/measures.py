"""How good a ranking is: the measures of one question, and their mean over many with its interval."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RETRIEVAL = ("ndcg@10", "recall@10", "recall@100", "mrr@10")
KNOWN_ITEM = ("recall@1", "recall@10", "mrr@10", "page@3")
_RESAMPLES = 5_000
_AT_ONCE = 1 << 20  # values drawn at once


@dataclass(frozen=True)
class Figure:
    """A mean over `questions` questions, and the interval that holds it in 95 of 100 draws of as many such questions."""

    mean: float
    low: float
    high: float
    questions: int


def retrieval(ranked: Sequence[str], relevant: Mapping[str, float]) -> tuple[float, float, float, float]:
    """nDCG@10 (the grade itself is the gain), recall@10, recall@100 and MRR@10 of one question, as `RETRIEVAL` has them.

    `ranked` has documents, best first, `relevant` grades above zero, at least one. What was not ranked was not found, and
    a relevant document that is nowhere lowers the figures all the same.
    """
    grades = [relevant.get(document, 0.0) for document in ranked]
    first = next((rank for rank, grade in enumerate(grades[:10], 1) if grade > 0), None)
    return (
        _dcg(grades[:10]) / _dcg(sorted(relevant.values(), reverse=True)[:10]),
        sum(grade > 0 for grade in grades[:10]) / len(relevant),
        sum(grade > 0 for grade in grades[:100]) / len(relevant),
        1 / first if first else 0.0,
    )


def known_item(
    ranked: Sequence[str], wanted: str, pages: Collection[int], shown: Collection[int | None]
) -> tuple[float, float, float, float | None]:
    """Recall@1, recall@10, MRR@10 and page@3 of a question whose answer is the document `wanted`, as `KNOWN_ITEM` has them.

    `pages` are those on which the answer stands, `shown` those of the passages shown with `wanted`. Page@3 is None where
    the answer's pages have no numbers.
    """
    rank = ranked[:10].index(wanted) + 1 if wanted in ranked[:10] else None
    page = float(rank is not None and bool(set(pages) & set(shown))) if pages else None
    return float(rank == 1), float(rank is not None), 1 / rank if rank else 0.0, page


def figure(values: Sequence[float], seed: int) -> Figure:
    """The mean of `values`, one for each question, with its 95 % interval by the percentile bootstrap over questions.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Of the differences of two rankings on the
    same questions it makes the paired interval. Equal values and seed make equal figures. Raises `ValueError` where there
    are no values.
    """
    if not len(values):
        raise ValueError("there is no question")
    held = np.asarray(values, np.float64)
    draws = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // len(held))
    means = np.concatenate([
        held[draws.integers(len(held), size=(min(rows, _RESAMPLES - start), len(held)))].mean(axis=1)
        for start in range(0, _RESAMPLES, rows)
    ])  # fmt: skip
    low, high = np.percentile(means, (2.5, 97.5))
    return Figure(_rounded(held.mean()), _rounded(low), _rounded(high), len(held))


def _dcg(grades: Sequence[float]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))


def _rounded(value: float) -> float:
    return round(float(value), 6) + 0.0  # no -0.0
