"""The map of the reading order: cards that never overlap, arrows that meet no card, texts that stay in their cards."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from service.pages import order_svg, order_text
from service.pages.order_layout import SIZES, Layout, fewest, layout
from service.pages.order_svg import ArrowText, CardText, StageText

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "مقدمة في التعلم العميق", "\u202eabc\u202c", "👩‍👩‍👧‍👦" * 40,
         "x" * 2000, "深層学習" * 500, "e\u0301" * 300, "a &amp; b ]]>", "\x00\x1b[31m\ud800\uffff", "", " "]  # fmt: skip


def random_map(cards: int, arrows: int, seed: int, longest: int = 15) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Stages of up to `longest` cards, and arrows that never go back."""
    drawn = random.Random(seed)
    stages, at = [], 0
    while at < cards:
        size = min(drawn.randint(1, longest), cards - at)
        stages.append(list(range(at, at + size)))
        at += size
    pairs = set()
    while len(pairs) < min(arrows, cards * (cards - 1) // 2):
        pairs.add(tuple(sorted(drawn.sample(range(cards), 2))))
    return stages, sorted(pairs)  # type: ignore[arg-type]


maps = st.builds(random_map, st.integers(1, 40), st.integers(0, 50), st.integers(0, 10**6), st.integers(1, 15))


def whole(drawn: Layout) -> None:
    """Holds a layout against all that a map promises."""
    width, height = SIZES.card_width, SIZES.card_height
    for card in drawn.cards:
        assert 0 <= card.x <= drawn.width - width and SIZES.head <= card.y + 0.1 and card.y + height <= drawn.height
    for one, other in combinations(drawn.cards, 2):
        apart = abs(one.x - other.x) >= width + 20 or abs(one.y - other.y) >= height + SIZES.between_cards - 0.2
        assert apart, (one, other)
    for band, following in pairwise(drawn.bands):
        assert band.x + band.width < following.x
    for route in drawn.routes:
        before, after = drawn.cards[route.before], drawn.cards[route.after]
        assert route.points[0][0] == before.x + width and before.y < route.points[0][1] < before.y + height
        assert route.points[-1][0] == after.x and after.y < route.points[-1][1] < after.y + height
        assert all(x < other for (x, _), (other, _) in pairwise(route.points)), "an arrow goes back"
        for (x, y), (right, same) in zip(route.points[1::2], route.points[2::2], strict=False):
            assert y == same, "a lane bends"
            for card in drawn.cards:
                over = card.x < right and x < card.x + width
                assert not over or not card.y < y < card.y + height, "an arrow goes through a card"
        for (x, _), (right, _) in zip(route.points[::2], route.points[1::2], strict=True):
            assert not any(card.x < right and x < card.x + width for card in drawn.cards), "a bend lies outside a gap"


@given(maps)
@settings(deadline=None, max_examples=60)
def test_no_card_overlaps_and_no_arrow_meets_one(made) -> None:
    stages, arrows = made
    drawn = layout(stages, arrows)
    whole(drawn)
    assert [(route.before, route.after) for route in drawn.routes] == arrows
    assert layout(stages, arrows) == drawn
    place = {card: number for number, stage in enumerate(stages) for card in stage}
    for card in drawn.cards:
        band = drawn.bands[place[card.number]]
        assert band.x <= card.x and card.x + SIZES.card_width <= band.x + band.width + 0.1, (
            "a card is outside its stage"
        )


@pytest.mark.parametrize(("cards", "arrows"), [(12, 10), (36, 60), (300, 300)])
def test_a_map_of_any_size_is_whole(cards: int, arrows: int) -> None:
    stages, pairs = random_map(cards, arrows, 3)
    near = [pair for pair in pairs if pair[1] - pair[0] < 60]
    drawn = layout(stages, near)
    whole(drawn)
    # No endless ribbon, and no tower.
    assert drawn.height < drawn.width


def test_crossings_are_counted_as_they_are_drawn() -> None:
    for seed in range(10):
        stages, arrows = random_map(14, 18, seed, 5)
        drawn = layout(stages, arrows)
        assert drawn.crossings == seen_crossings(drawn), seed


def seen_crossings(drawn: Layout) -> int:
    """Crossings counted pair by pair: in the gap that two pieces share, the upper one at one end is the lower at the other."""
    pieces = [(a, b) for route in drawn.routes for a, b in zip(route.points[::2], route.points[1::2], strict=True)]
    return sum(
        one[0][0] == other[0][0] and (one[0][1] - other[0][1]) * (one[1][1] - other[1][1]) < 0
        for one, other in combinations(pieces, 2)
    )


def test_what_can_be_drawn_without_a_crossing_is() -> None:
    # A tree, its leaves in an unlucky order.
    stages = [[0], [1, 2, 3], [4, 5, 6, 7, 8, 9]]
    arrows = [(0, 1), (0, 2), (0, 3), (3, 4), (1, 5), (2, 6), (1, 7), (3, 8), (2, 9)]
    assert layout(stages, arrows).crossings == 0


def test_a_long_chain_in_a_stage_gets_columns() -> None:
    drawn = layout([[0, 1, 2, 3]], [(0, 1), (1, 2), (2, 3)])
    assert [card.column for card in drawn.cards] == [0, 1, 2, 3] and len(drawn.bands) == 1
    assert len({card.y for card in drawn.cards}) == 1, "a chain is a straight line"


def test_a_map_of_nothing() -> None:
    assert layout([], []).cards == ()


@given(st.integers(2, 14), st.data())
def test_arrows_that_a_longer_way_says_are_left_out(cards: int, data) -> None:
    pairs = st.sampled_from(list(combinations(range(cards), 2)))
    strong, faint = data.draw(st.lists(pairs, max_size=20)), data.draw(st.lists(pairs, max_size=20))
    kept, some = fewest(strong, faint, 2)
    assert reach(cards, kept) == reach(cards, strong), "what rests on what is as before"
    for arrow in kept:
        assert reach(cards, [one for one in kept if one != arrow]) != reach(cards, kept), "one too many"
    assert set(some) <= set(faint) - set(strong)
    assert all(sum(after == card for _, after in some) <= 2 for card in range(cards))
    assert reach(cards, [*strong, *some]) <= reach(cards, [*strong, *faint])
    free = fewest(strong, faint, cards)
    assert reach(cards, [*free[0], *free[1]]) == reach(cards, [*strong, *faint])


def reach(cards: int, arrows: list[tuple[int, int]]) -> set[tuple[int, int]]:
    found = set(arrows)
    for middle in range(cards):
        found |= {(a, c) for a, b in found if b == middle for b2, c in found if b2 == middle}
    return found


@given(st.one_of(st.sampled_from(NASTY), st.text(max_size=300)), st.floats(3, 30), st.integers(1, 4))
def test_a_title_stays_in_its_lines(title: str, ems: float, most: int) -> None:
    made = order_text.lines(title, ems, most)
    assert len(made) <= most
    assert all(order_text.width(line) <= ems for line in made)
    if order_text.plain(title):
        assert made, "a title is shown, if only its beginning"
    letters = "".join(made).replace(" ", "").rstrip("…")
    assert "".join(order_text.plain(title).split()).startswith(letters[:-1]), "the text is what is shown"


def test_words_break_only_where_one_fills_a_line() -> None:
    assert order_text.lines("Attention is all you need", 7.5, 3) == ["Attention is", "all you need"]
    assert order_text.lines("Word by word it goes on and on without an end", 9, 2)[-1].endswith("…")
    assert len(order_text.lines("donaudampfschifffahrtsgesellschaftskapitän", 9, 3)) == 3
    assert order_text.right_to_left("“مقدمة” in English") and not order_text.right_to_left("BERT مقدمة")


def drawing(title: str) -> str:
    stages, arrows = [[0, 1], [2]], [(0, 1), (1, 2)]
    cards = [CardText(f"p{n}", title, "2020", f"#p{n}", ("read",), "digest", title) for n in range(3)]
    labels = [ArrowText("#e", title, title, ("strict",)) for _ in arrows]
    return str(order_svg.svg(layout(stages, arrows), cards, labels, [StageText(title, "1 paper")] * 2, title))


@given(st.one_of(st.sampled_from(NASTY), st.text(max_size=300)))
@settings(deadline=None)
def test_no_title_is_anything_but_text(title: str) -> None:
    root = etree.fromstring(drawing(title).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    plain = etree.fromstring(drawing("Plain").replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    allowed = {f"{SVG}{name}" for name in ("svg", "g", "a", "title", "desc", "rect", "text", "path")}
    assert {node.tag for node in root.iter()} <= allowed
    names = {name for node in root.iter() for name in node.attrib}
    assert names <= {name for node in plain.iter() for name in node.attrib} | {"direction"}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert {node.get("href") for node in root.iter(f"{SVG}a")} == {"#p0", "#p1", "#p2", "#e"}


def test_the_drawing_is_cut_for_paper_between_columns() -> None:
    stages, arrows = random_map(80, 60, 1)
    drawn = layout(stages, arrows)
    tall, parts = order_svg.parts_for_paper(drawn)
    assert parts[0].x == 0 and parts[-1].x + parts[-1].width == pytest.approx(drawn.width)
    for part, following in pairwise(parts):
        assert part.x + part.width == pytest.approx(following.x)
        assert not any(card.x < following.x < card.x + SIZES.card_width for card in drawn.cards), "a card is cut"
    assert tall == (drawn.height > 860)
