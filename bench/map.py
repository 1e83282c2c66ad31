"""The map of the reading order against Graphviz's `dot`: crossings of arrows, size and time.

    python bench/map.py LIBRARY ... [--made CARDS,ARROWS ...]

`dot` gets the same cards and arrows twice: plain, as it would lay them out itself, and with our columns, which leaves it
the order within them and the ways of the arrows. Crossings of all three are counted alike, on the curves as they are
drawn. `--made` adds maps of random stages and arrows.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from service.pages import order_map  # noqa: E402
from service.pages.order_layout import SIZES, Layout, layout  # noqa: E402

_POINTS = 13  # odd, so that none lies where curves meet by symmetry: into which a curve is cut
_INCH = 72


def crossings(curves: Sequence[np.ndarray]) -> int:
    """How often the curves (each [n, 2]) cross, two that only touch not counted."""
    boxes = [(curve.min(0), curve.max(0)) for curve in curves]
    found = 0
    for one, other in combinations(range(len(curves)), 2):
        if (boxes[one][0] <= boxes[other][1]).all() and (boxes[other][0] <= boxes[one][1]).all():
            found += _meet(curves[one], curves[other])
    return found


def _meet(one: np.ndarray, other: np.ndarray) -> int:
    a, b = one[:-1, None], one[1:, None]
    c, d = other[None, :-1], other[None, 1:]

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])

    return int(((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)).sum())


def bezier(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Cubic curves joined end to end, as lines."""
    t = np.linspace(0, 1, _POINTS + 1)[:, None]
    pieces = [
        (1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3]
        for p in (np.array(points[n : n + 4], float) for n in range(0, len(points) - 3, 3))
    ]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def ours(drawn: Layout) -> list[np.ndarray]:
    """The curves of our map, as `order_svg` draws them."""
    found = []
    for route in drawn.routes:
        points = [route.points[0]]
        for number, ((x, y), (u, v)) in enumerate(zip(route.points[::2], route.points[1::2], strict=True)):
            if number:
                points += [points[-1], (x, y), (x, y)]
            points += [((x + u) / 2, y), ((x + u) / 2, v), (u, v)]
        found.append(bezier(points))
    return found


def by_dot(drawn: Layout, columns: bool) -> tuple[list[np.ndarray], float, float, float]:
    """What `dot` makes of the same cards and arrows: the curves, the width and height, and the seconds."""
    size = f"width={SIZES.card_width / _INCH}, height={SIZES.card_height / _INCH}"
    lines = [f'digraph {{ rankdir=LR; nodesep={SIZES.between_cards / _INCH}; ranksep={SIZES.gap / _INCH};',
             f'node [shape=box, fixedsize=true, label="", {size}];']  # fmt: skip
    lines += [f"{card.number};" for card in drawn.cards]
    if columns:
        last = max(card.column for card in drawn.cards)
        lines.append("node [style=invis, width=0.01, height=0.01]; edge [style=invis];")
        lines += [f"c{n} -> c{n + 1};" for n in range(last)]
        for n in range(last + 1):
            lines.append(f"{{rank=same; c{n}; {' '.join(str(c.number) + ';' for c in drawn.cards if c.column == n)}}}")
        lines.append("edge [style=solid];")
    lines += [f"{route.before} -> {route.after};" for route in drawn.routes]
    begun = time.perf_counter()
    made = subprocess.run(["dot", "-Tjson"], input="\n".join((*lines, "}")), text=True, capture_output=True, check=True)
    seconds = time.perf_counter() - begun
    told = json.loads(made.stdout)
    curves = []
    for edge in told.get("edges", ()):
        if edge.get("style") == "invis":
            continue
        places = [part for part in edge["pos"].split() if part[0] not in "es"]
        curves.append(bezier([tuple(map(float, place.split(","))) for place in places]))  # type: ignore[misc]
    _, _, width, height = map(float, told["bb"].split(","))
    return curves, width, height, seconds


def made_up(cards: int, arrows: int, seed: int = 0) -> Layout:
    """A map of stages of up to 15 cards, with arrows mostly to near ones."""
    drawn, stages, at = random.Random(seed), [], 0
    while at < cards:
        size = min(drawn.randint(3, 15), cards - at)
        stages.append(tuple(range(at, at + size)))
        at += size
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < arrows:
        one = drawn.randrange(cards - 1)
        pairs.add((one, min(cards - 1, one + 1 + int(drawn.expovariate(1 / 15)))))
    return layout(stages, sorted(pairs))


def of_library(folder: Path) -> tuple[Layout, float]:
    """The map of a library, with the milliseconds of everything between the order and the SVG."""
    from indexer.library import Library
    from service.reading_order import reading_order

    order = reading_order(Library(folder).open())
    keys = {step.id: order_map.key_of(step.position) for step in order.order}
    held: list[Layout] = []
    real = order_map._laid_out

    def kept(*args) -> Layout:
        held.append(layout(*args))
        return held[-1]

    order_map._laid_out = kept  # type: ignore[assignment]
    begun = time.perf_counter()
    order_map.drawn(order, order, set(), keys, False)
    seconds = time.perf_counter() - begun
    order_map._laid_out = real
    return held[0], 1000 * seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", type=Path, nargs="*")
    parser.add_argument("--made", action="append", default=[])
    given = parser.parse_args()
    if shutil.which("dot") is None:
        print("Graphviz's dot is not here: apt-get install graphviz", file=sys.stderr)
        return
    maps = [(str(folder.name), *of_library(folder)) for folder in given.libraries]
    for sizes in given.made:
        cards, arrows = map(int, sizes.split(","))
        begun = time.perf_counter()
        drawn = made_up(cards, arrows)
        maps.append((f"made {sizes}", drawn, 1000 * (time.perf_counter() - begun)))
    print("map             cards arrows columns   crossings: ours  dot, our columns  dot, its own"
          "      ms: ours, dot, dot")  # fmt: skip
    for name, drawn, milliseconds in maps:
        own = crossings(ours(drawn))
        assert own == drawn.crossings, (own, drawn.crossings)
        same, free = by_dot(drawn, True), by_dot(drawn, False)
        print(f"{name:<16}{len(drawn.cards):>6}{len(drawn.routes):>7}{len(drawn.columns):>8}{own:>18}{crossings(same[0]):>18}"
              f"{crossings(free[0]):>14}{milliseconds:>14.0f}{1000 * same[3]:>6.0f}{1000 * free[3]:>6.0f}"
              f"   {drawn.width:.0f}x{drawn.height:.0f}, {same[1]:.0f}x{same[2]:.0f}, {free[1]:.0f}x{free[2]:.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
