"""What the page of the reading order shows: the steps of the list, and the map's cards and arrows with their words.

The map is of a base, the whole order, in which the answer to what was asked lights up; the list is of the answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from service.pages import order_svg
from service.pages.order_layout import Layout, fewest, layout
from service.pages.order_svg import ArrowText, CardText, Part, StageText
from service.pages.order_text import short
from service.pages.showing import counted, minutes, paper_address, title
from service.reading_order import Edge, Order, Step

MOST_CARDS = 400  # in one map: beyond, nobody gets on with it, and the page weighs more than a page may
_FAINT = 2  # faint arrows into each card, at most
_STAGES_CROSSED = 3  # by faint arrows, for each card: beyond, the map is a web that shows nothing
_FLAGS = {"digest": "digest", "record": "abstract", "title": "no text"}
_laid_out = lru_cache(16)(layout)


@dataclass(frozen=True)
class Map:
    """The drawing, the parts of it for paper, and whether those stand upright. `left_out` are arrows only the list has."""

    svg: Markup
    parts: tuple[Part, ...]
    tall: bool
    height: float
    left_out: int
    crossings: int


def key_of(number: int) -> str:
    """The name of a paper within the page, by its place in the whole order: no id of a paper is a name in HTML."""
    return f"p{number}"


def edge_key(before: str, after: str) -> str:
    return f"e-{before}-{after}"


_SAID = {"builds on": "it builds on", "uses": "it uses", "compares with": "it compares with", "mentions": "it mentions",
         "explains": "it speaks of what is explained in"}  # fmt: skip


def told(edge: Edge, titles: Mapping[str, str]) -> str:
    """An edge in a few words, said of the later paper."""
    before = titles.get(edge.before, edge.before)
    if edge.kind == "covers":
        return f"{before} is a survey that covers it"
    if edge.kind == "earlier work":
        return f"{before} is earlier work, near in what it says"
    return f"{_SAID[edge.kind]} {before}"


@dataclass(frozen=True)
class Gap:
    """A paper that the list leans on and lacks, as the map has it. `before` is the paper that it would stand before."""

    key: str
    title: str
    year: int | None
    before: str
    citing: int


def drawn(base: Order, answer: Order, read: Collection[str], keys: Mapping[str, str], narrowed: bool) -> Map | None:
    """The map of `base`, with what `answer` has lit where it is `narrowed`; None where there are too many cards.

    `keys` are the papers' names within the page, `read` the ids of those that are read.
    """
    if not base.order or len(base.order) > MOST_CARDS:
        return None
    cards = _cards(base)
    papers = {card.id: number for number, card in enumerate(cards) if isinstance(card, Step)}
    stage_of = {one: place for place, stage in enumerate(base.stages) for one in stage.ids}
    stages: list[list[int]] = [[] for _ in base.stages]
    for number, card in enumerate(cards):
        stages[stage_of[card.id if isinstance(card, Step) else card.before]].append(number)
    edges, left_out = _arrows(base, answer if answer.goal else None, papers, stage_of)
    gaps = {(number, papers[card.before]): card for number, card in enumerate(cards) if isinstance(card, Gap)}
    arrows = sorted([*edges, *gaps])
    placed: Layout = _laid_out(tuple(map(tuple, stages)), tuple(arrows))
    words = _Words(answer, read, keys, narrowed, {step.id: title(step.title) for step in base.order})
    svg = order_svg.svg(
        placed,
        [words.paper(card) if isinstance(card, Step) else words.gap(card) for card in cards],
        [words.lack(gaps[arrow]) if arrow in gaps else words.edge(edges[arrow]) for arrow in arrows],
        [StageText(s.name, f"{counted(len(s.ids), 'paper')} · {minutes(s.minutes)}") for s in base.stages],
        f"Map of {counted(len(base.order), 'paper')} in {counted(len(base.stages), 'stage')}",
    )
    tall, parts = order_svg.parts_for_paper(placed)
    return Map(svg, tuple(parts), tall, placed.height, left_out, placed.crossings)


def _cards(base: Order) -> list[Step | Gap]:
    """All cards as they would be read: what is missing right before what rests on it."""
    gaps: dict[str, list[Gap]] = {}
    for place, gap in enumerate(base.missing):
        gaps.setdefault(gap.before, []).append(
            Gap(f"m{place}", title(gap.title), gap.year, gap.before, len(gap.cited_by))
        )
    return [card for step in base.order for card in (*gaps.get(step.id, ()), step)]


def _arrows(
    base: Order, way: Order | None, papers: Mapping[str, int], stage_of: Mapping[str, int]
) -> tuple[dict[tuple[int, int], Edge], int]:
    """The edges to draw, by their numbers, and how many more there are.

    All strict ones and those of the `way` to a goal; others between stages only, and few into each card: within a stage
    all is near anyway. What a longer way says already is left out.
    """
    by_numbers: dict[tuple[int, int], Edge] = {}
    own = way.edges if way else ()
    for edge in (*base.edges, *own):
        if edge.before in papers and edge.after in papers and papers[edge.before] < papers[edge.after]:
            by_numbers.setdefault((papers[edge.before], papers[edge.after]), edge)
    on_way = {(papers[e.before], papers[e.after]) for e in own if e.before in papers and e.after in papers}
    strong = [arrow for arrow, edge in by_numbers.items() if edge.strict]
    faint = [arrow for arrow, edge in by_numbers.items() if stage_of[edge.before] != stage_of[edge.after]]
    faint.sort(key=lambda arrow: (-by_numbers[arrow].weight, arrow))
    some, others = fewest(strong, faint, _FAINT)
    left = _STAGES_CROSSED * len(papers)
    for arrow in sorted(others, key=lambda arrow: (-by_numbers[arrow].weight, arrow)):
        edge = by_numbers[arrow]
        if (crossed := stage_of[edge.after] - stage_of[edge.before]) <= left:
            left -= crossed
            some.append(arrow)
    kept = {arrow: by_numbers[arrow] for arrow in sorted({*some, *on_way})}
    return kept, len(by_numbers) - len(kept)


class _Words:
    """What cards and arrows say, and how they look: read or not, on the way to what was asked or off it."""

    def __init__(
        self, answer: Order, read: Collection[str], keys: Mapping[str, str], narrowed: bool, titles: Mapping[str, str]
    ) -> None:
        self._place = {step.id: step.position for step in answer.order}
        self._listed = {(edge.before, edge.after) for edge in answer.edges}
        self._goal = answer.goal
        self._read, self._keys, self._narrowed, self._titles = read, keys, narrowed, titles

    def _states(self, *ids: str) -> tuple[str, ...]:
        if not self._narrowed:
            return ()
        return ("lit",) if all(one in self._place for one in ids) else ("off",)

    def paper(self, step: Step) -> CardText:
        read, goal, place = step.id in self._read, step.id == self._goal, self._place.get(step.id)
        states = (*(["read"] if read else []), *self._states(step.id), *(["goal"] if goal else []))
        flag = _FLAGS.get(step.text, "")
        note = " · ".join(str(part) for part in (place, step.year, minutes(step.minutes)) if part)
        said = (flag, "read" if read else "", "the goal" if goal else "")
        spoken = ", ".join(filter(None, (short(self._titles[step.id], 200), note.replace(" · ", ", "), *said)))
        key = self._keys[step.id]
        address = f"#{key}" if place else paper_address(step.id)
        return CardText(key, self._titles[step.id], note, address, states, flag, spoken)

    def gap(self, gap: Gap) -> CardText:
        states = ("missing", *(state for state in self._states(gap.before) if state == "off"))
        note = f"{gap.year} · not here" if gap.year else "not here"
        return CardText(gap.key, gap.title, note, f"#{gap.key}", states, "", f"Missing here: {short(gap.title, 200)}")

    def lack(self, gap: Gap) -> ArrowText:
        """The arrow from what is missing."""
        states = ("gap", *(state for state in self._states(gap.before) if state == "off"))
        label = f"{self._titles[gap.before]} rests on {gap.title}, which is not here"
        return ArrowText(f"#{gap.key}", label, f"Cited by {counted(gap.citing, 'paper')} here.", states)

    def edge(self, edge: Edge) -> ArrowText:
        states = ("strict" if edge.strict else "faint", *self._states(edge.before, edge.after))
        is_listed = (edge.before, edge.after) in self._listed
        name = edge_key(self._keys[edge.before], self._keys[edge.after])
        address = f"#{name}" if is_listed else paper_address(edge.after)
        label = f"{self._titles[edge.after]}: {told(edge, self._titles)}"
        return ArrowText(address, label, edge.evidence[0].sentence if edge.evidence else "", states)
