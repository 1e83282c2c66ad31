"""Which part of a paper's argument a stretch of it belongs to: the problem, the method, or the findings.

Sentences of an abstract are told by cue phrases, words of reporting that every field uses alike, and by where they stand:
abstracts go from the problem over the method to the findings, and rarely back. Both are put together by a chain of three
states, as Teufel and Moens, "Summarizing Scientific Articles" (2002), do for more classes and whole papers, with
numbers set by hand. Passages of a full text are told by the headings they stand under.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

Facet = Literal["background", "method", "result"]
"""The problem and what is known of it; what is done about it; what comes out."""

FACETS: tuple[Facet, ...] = ("background", "method", "result")

_BACKGROUND, _METHOD, _RESULT = range(3)
_WE = r"\bwe (?:(?:\w+ly|also|further|then|here|thus|therefore|first|next|finally|now) )*"
_BACKWARDS = -2.0  # log odds: from findings to the method, or from the method to the problem
_ONWARDS = -0.7
# Cues with the log odds that each speaks for: of the problem, the method, the findings. No word of a subject.
_CUES: tuple[tuple[tuple[float, float, float], str], ...] = (
    # the findings
    ((-1, -0.5, 2), r"\b(?:results?|experiments?|evaluations?|analys[ei]s|findings?|tests?|stud(?:y|ies)) (?:[\w-]+ ){0,5}?"
                    r"(?:show|demonstrat|indicat|suggest|reveal|confirm|prov)\w*"),
    ((-1, 0, 1.5), _WE + r"(?:find|found|observe|show|demonstrate|obtain|report|conclude|achieve|verify|evaluate|test)"),
    ((-1, 0, 1.5), r"\b(?:outperform|surpass|achiev|attain|exceed|yield)\w*"),
    ((-0.5, 0, 1), r"\b(?:improv(?:es|ed|ements?|ing)|results|experiment\w*|empirical\w*|significant\w*|competitive"
                   r"|comparable|baselines?|superior|gains?|accurac(?:y|ies)|effectiveness|state[- ]of[- ]the[- ]art)\b"),
    ((-0.5, 0, 1), r"\d ?(?:%|percent\b|points?\b)|\b\d+(?:\.\d+)?(?:x|×| times)\b|\b\d+\.\d+\b"),
    ((-1, 0, 1), r"^(?:finally|overall|as a result|in conclusion|surprisingly|interestingly|remarkably|in summary)\b"),
    ((-1, 0, 0.7), r"\b(?:show|demonstrat|indicat|suggest|reveal)\w* that\b|\b(?:findings|implications|compared (?:to|with))\b"),
    # the method
    ((0, 1, -1.5), r"\b(?:in|this|our|the present) (?:this )?(?:paper|article|work)\b"),
    ((0, 1.3, -0.7), _WE + r"(?:propose|present|introduce|describe|develop|design|devise|formulate|extend|adapt|define"
                     r"|construct|build|derive|explore|investigate|examine|study|address|argue|aim|consider)"),
    ((-1, 1.5, -0.3), _WE + r"(?:apply|combine|employ|train|model|learn|adopt|use|compare|incorporate|leverage|exploit|have)"),
    ((-0.3, 1, -0.3), r"\b(?:is|are) (?:then |first |also )?(?:proposed|presented|introduced|described|trained|computed"
                      r"|learned|extracted|combined|applied|selected|represented)\b"),
    ((-1, 0.8, 0), r"^(?:our|the (?:proposed|resulting)|this) (?:[\w-]+ ){0,2}?(?:method|model|approach|system|algorithm"
                   r"|framework|architecture|network|technique|procedure)\b"),
    ((-0.7, 0.8, -0.3), r"\b(?:specifically|in particular|consists? of|instead of|by \w+ing|first|second|then|each)\b"),
    # the problem
    ((1.2, -0.7, -0.7), r"^(?:however|unfortunately|recent(?:ly)?|many|most|previous(?:ly)?|existing|traditional(?:ly)?"
                        r"|despite|although|while|there (?:is|are|has|have)|in recent|current(?:ly)?|one of|in many)\b"),
    ((0.8, -0.4, -0.4), r"(?<!we )\b(?:has|have) (?:\w+ly |also |long |not )?(?:been|become|shown|led|drawn|\w+ed)\b"),
    ((0.7, -0.4, -0.3), r"\b(?:often|typically|usually|traditionally|widely|commonly|increasingly|largely|recently|crucial"
                        r"|challenging|challenges?|difficult|expensive|important|essential|remains?|lacks?|prior|existing"
                        r"|previous|current|numerous|limited|suffers?|years|little)\b"),
    ((0.5, 0.3, -1), r"\b(?:aims?|goal|purpose|objective|task|problem) (?:is|of|to)\b"),
)  # fmt: skip
# What a sentence says that names the paper's own aim: it is the problem too, whatever else it is.
_AIM = re.compile(
    r"\b(?:in|this|our|the present) (?:this )?(?:paper|article|work|study)\b|\b(?:aims?|goal|purpose|objective|task|problem)"
    r" (?:is|of|to)\b|\bwe (?:address|propose|introduce|present|investigate|study|explore|examine|describe|develop)",
    re.IGNORECASE,
)
# What a heading says of the passages under it. The first that fits counts.
_HEADINGS: tuple[tuple[Facet, re.Pattern[str]], ...] = (
    ("background", re.compile(r"introduction|background|related work|problem|motivation|preliminar|literature|overview"
                              r"|prior work|state of the art|challenges", re.IGNORECASE)),
    ("result", re.compile(r"result|experiment|evaluation|finding|discussion|conclusion|ablation|analys[ei]s|performance"
                          r"|empirical|benchmark|comparison|limitation", re.IGNORECASE)),
    ("method", re.compile(r"method|approach|model|algorithm|architecture|design|implementation|framework|system|technique"
                          r"|procedure|training|setup|theory|proof|formulation", re.IGNORECASE)),
)  # fmt: skip
_PATTERNS = tuple((votes, re.compile(cue, re.IGNORECASE)) for votes, cue in _CUES)


def is_aim(sentence: str) -> bool:
    """Whether a sentence says what the paper itself sets out to do, and so what problem it has."""
    return _AIM.search(sentence) is not None


def of_headings(paths: Sequence[Sequence[str]]) -> list[Facet | None]:
    """What is told under each heading; `paths` lead to it from the outermost, in order.

    The innermost that says so counts. One that says nothing is the method where it stands between the problem and the
    findings, as most papers head their own by its name; else None.
    """
    told = [_of_path(path) for path in paths]
    for n, facet in enumerate(told):
        before = [t for t in told[:n] if t]
        after = any(t == "result" for t in told[n + 1 :])
        if facet is None and before and after and "result" not in before:
            told[n] = "method"
    return told


def _of_path(path: Sequence[str]) -> Facet | None:
    return next((facet for heading in reversed(path) for facet, pattern in _HEADINGS if pattern.search(heading)), None)


def of_abstract(sentences: Sequence[str]) -> list[tuple[float, float, float]]:
    """How much each sentence of an abstract, in order, speaks of the problem, the method and the findings: sums are 1."""
    return list(_of_abstract(tuple(sentences)))


@lru_cache(maxsize=1 << 12)
def _of_abstract(sentences: tuple[str, ...]) -> tuple[tuple[float, float, float], ...]:
    told = [_told(text, n / max(len(sentences) - 1, 1)) for n, text in enumerate(sentences)]
    forwards = _passed(told)
    backwards = _passed(told[::-1], reverse=True)[::-1]
    found: list[tuple[float, float, float]] = []
    for own, before, after in zip(told, forwards, backwards, strict=True):
        logs = [b + a - o for b, a, o in zip(before, after, own, strict=True)]
        odds = [math.exp(value - max(logs)) for value in logs]
        background, method, result = (value / sum(odds) for value in odds)
        found.append((background, method, result))
    return tuple(found)


def _told(text: str, place: float) -> list[float]:
    """The log odds of the three, from a sentence's place in its abstract (0: first, 1: last) and its cues."""
    logs = [1.5 - 4 * place, 0.6 - 4 * (place - 0.55) ** 2, 4 * place - 2.5]
    for votes, pattern in _PATTERNS:
        if pattern.search(text):
            logs = [log + vote for log, vote in zip(logs, votes, strict=True)]
    return logs


def _passed(told: Sequence[Sequence[float]], reverse: bool = False) -> list[list[float]]:
    """The log sums over all ways through the chain up to each sentence."""
    found: list[list[float]] = []
    for own in told:
        if found:
            own = [own[to] + _log_sum([found[-1][at] + _step(*((to, at) if reverse else (at, to))) for at in range(3)])
                   for to in range(3)]  # fmt: skip
        found.append(list(own))
    return found


def _step(before: int, after: int) -> float:
    return 0.0 if before == after else _ONWARDS if after > before else _BACKWARDS


def _log_sum(logs: Sequence[float]) -> float:
    most = max(logs)
    return most + math.log(sum(math.exp(value - most) for value in logs))
