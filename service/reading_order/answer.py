"""The answer: an order, and what it rests on. Positions in it count from 1; papers go by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from indexer.errors import UsageError

Kind = Literal["builds on", "uses", "compares with", "mentions", "covers", "explains", "earlier work"]
"""Why one stands before another. The first four are a citation's role, the later paper citing the earlier; `covers`: a
survey, before a paper that it cites; `explains`: the later text names what the earlier one is about; `earlier work`: older
and near in what it says, with no citation to show."""

ReasonKind = Literal["after", "before", "survey", "theme", "year", "goal", "no year", "title"]


@dataclass(frozen=True)
class Evidence:
    """A sentence as it stands on a page, of the later paper (of the survey, where one covers another)."""

    sentence: str
    page: int | None
    section: str | None = None


@dataclass(frozen=True)
class Edge:
    """Read `before` before `after`. `basis` says what prints it, `count` how often; `strict` that the order never breaks it
    outside a cycle."""

    before: str
    after: str
    kind: Kind
    weight: float
    basis: str
    count: int
    strict: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Reason:
    """Why a paper stands where it does, in words; `ids` are the papers that the words speak of."""

    kind: ReasonKind
    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A paper of the order. `stage` is its stage's name, `minutes` an estimate of what reading takes, made as `timing` says."""

    id: str
    title: str
    position: int
    stage: str
    minutes: int
    year: int | None
    text: str
    reasons: tuple[Reason, ...]
    timing: str = ""


@dataclass(frozen=True)
class Stage:
    """Papers that are read together. `terms` tell them from the other stages; `minutes` is the estimate for all of them."""

    name: str
    terms: tuple[str, ...]
    ids: tuple[str, ...]
    minutes: int


@dataclass(frozen=True)
class Cycle:
    """Papers that cite one another in a ring, as the order has them, and the citations that it breaks: the weakest."""

    ids: tuple[str, ...]
    dropped: tuple[Edge, ...]
    text: str


@dataclass(frozen=True)
class CitedBy:
    """A paper here that cites what is missing, how often, and in which role."""

    id: str
    count: int
    role: str


@dataclass(frozen=True)
class Missing:
    """A paper that the list leans on and lacks. It would stand right before `before`, in the stage `stage`."""

    title: str
    authors: tuple[str, ...]
    year: int | None
    arxiv_id: str | None
    doi: str | None
    needed: float
    cited_by: tuple[CitedBy, ...]
    before: str
    stage: str


@dataclass(frozen=True)
class Skipped:
    """A paper that is left out, and why; `no_time`: only because there is no time for it."""

    id: str
    title: str
    minutes: int
    why: str
    no_time: bool = False


@dataclass(frozen=True)
class Change:
    """The order without the citations that rest on a digest's words alone: `edges` of them are left out.

    `agreement` is Kendall's tau of the two orders, `moved` the papers that stand elsewhere then.
    """

    edges: int
    agreement: float
    order: tuple[str, ...]
    moved: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """What to read, in which order, and why.

    `start_here` ranks all papers by where a newcomer should open. `minutes` is the sum of the steps'. `known` are the
    papers asked for that were read already, `skipped` those that a goal or a budget leaves out. Over HTTP some papers at a
    time: `next` is the cursor of those that follow.
    """

    generation: str
    order: tuple[Step, ...]
    start_here: tuple[str, ...]
    edges: tuple[Edge, ...]
    missing: tuple[Missing, ...]
    stages: tuple[Stage, ...]
    cycles: tuple[Cycle, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    known: tuple[str, ...] = ()
    minutes: int = 0
    goal: str | None = None
    topic: str | None = None
    budget: int | None = None
    without_digests: Change | None = None
    warnings: tuple[str, ...] = ()
    next: str | None = None


class BadBudget(UsageError):
    """A time that can't be read."""

    cure = "Write it like 6h, 90m or 2h30m."


class NothingToOrder(UsageError):
    """What was asked for names no paper."""

    cure = "`paperpath papers` lists the ids; with none given, the whole library is ordered."
