"""The map as SVG: what the layout placed, with its texts. Colours and states are classes: `static/map.css` has their look.

All text is escaped; nothing of a paper gets into the drawing but as text or as the value of an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from service.pages.order_layout import Band, Card, Layout, Route
from service.pages.order_text import lines, plain, right_to_left, short

_TITLE, _NOTE, _HEADING = 13.0, 11.5, 15.0  # sizes of text: map.css sets them
_LEADING = 17.0
_INSIDE = 12.0  # from a card's edge to its text
_AROUND = 12.0  # from a stage's edge to its cards
_HEAD = 6.5  # half the width of an arrow's head
_SPOKEN = 300  # characters of a title or sentence that are read out
_PAGE_WIDTH, _PAGE_HEIGHT = 1240.0, 860.0  # of the drawing on a page of paper across: 8 points for a title
_TALL_WIDTH, _TALL_HEIGHT = 920.0, 1200.0
_FULL = 0.6  # how much of a page is used at least, where a stage would have to be cut otherwise


@dataclass(frozen=True)
class CardText:
    """What a card says. `states` are its classes, `address` where it leads, `note` its line below the title."""

    key: str
    title: str
    note: str
    address: str
    states: tuple[str, ...] = ()
    flag: str = ""
    spoken: str = ""


@dataclass(frozen=True)
class ArrowText:
    """What an arrow says: `label` in a few words, `sentence` as its evidence has it."""

    address: str
    label: str
    sentence: str
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageText:
    name: str
    note: str


@dataclass(frozen=True)
class Part:
    """A part of the drawing for one page of paper."""

    x: float
    width: float


def svg(
    drawn: Layout, cards: Sequence[CardText], arrows: Sequence[ArrowText], stages: Sequence[StageText], label: str
) -> Markup:
    """The drawing. `cards` and `arrows` go as in the layout."""
    into: dict[int, list[int]] = {}
    for number, route in enumerate(drawn.routes):
        into.setdefault(route.after, []).append(number)
    parts: list[str] = [
        _element("svg", "open", id="drawing", class_="map", viewBox=f"0 0 {_number(drawn.width)} {_number(drawn.height)}",
                 width=_number(drawn.width), height=_number(drawn.height), role="group", aria_label=short(label, _SPOKEN),
                 data_width=_number(drawn.width), data_height=_number(drawn.height)),
        '<g id="all">',
    ]  # fmt: skip
    for band in drawn.bands:
        parts.append(_band(band, stages[band.stage], drawn))
        for card in sorted((c for c in drawn.cards if _inside(c, band)), key=lambda c: (c.x, c.y)):
            parts.append(_card(card, cards[card.number], drawn))
            parts += [_arrow(drawn.routes[n], arrows[n], cards) for n in into.get(card.number, ())]
        parts.append("</g>")
    return Markup("".join((*parts, "</g></svg>")))


def parts_for_paper(drawn: Layout) -> tuple[bool, list[Part]]:
    """Whether the pages stand upright, and the parts that the drawing is cut into: between stages, else between columns."""
    tall = drawn.height > _PAGE_HEIGHT
    width, height = (_TALL_WIDTH, _TALL_HEIGHT) if tall else (_PAGE_WIDTH, _PAGE_HEIGHT)
    most = width * max(1.0, drawn.height / height)
    stages = {band.x for band in drawn.bands}
    cuts = [(x - _AROUND - 4, x in stages) for x in drawn.columns[1:]] + [(drawn.width, True)]
    found, start = [], 0.0
    while start < drawn.width:
        near = [cut for cut in cuts if start < cut[0] <= start + most] or [next(cut for cut in cuts if cut[0] > start)]
        between = [x for x, is_stage in near if is_stage and x > start + _FULL * most]
        end = between[-1] if between else near[-1][0]
        found.append(Part(start, end - start))
        start = end
    return tall, found


def _inside(card: Card, band: Band) -> bool:
    return band.x <= card.x < band.x + band.width


def _band(band: Band, text: StageText, drawn: Layout) -> str:
    """A stage's ground and heading; its group stays open for the cards."""
    x, width = band.x - _AROUND, band.width + 2 * _AROUND
    name = lines(text.name, (band.width - 4) / (_HEADING * 1.06), 2)
    rtl = right_to_left(text.name)
    heading = "".join(
        _text(line, band.x, 28 + 19 * row, "stage-name", band.width, rtl) for row, line in enumerate(name)
    )
    note = _text(text.note, band.x, 28 + 19 * len(name) - 1, "stage-note", band.width, False)
    ground = _element("rect", class_="ground", x=_number(x), y="4", width=_number(width),
                      height=_number(drawn.height - 8), rx="10")  # fmt: skip
    return (
        _element("g", "open", role="group", aria_label=short(f"Stage: {text.name}", _SPOKEN)) + ground + heading + note
    )


def _card(card: Card, text: CardText, drawn: Layout) -> str:
    sizes = drawn.sizes
    inner = sizes.card_width - 2 * _INSIDE
    rtl = right_to_left(text.title)
    rows = lines(text.title, inner / _TITLE, 3) or ["–"]
    # An svg of its own cuts off what an unforeseen font makes wider than its card.
    return "".join((
        _element("a", "open", class_=" ".join(("card", *text.states)), href=text.address, data_key=text.key,
                 data_row=_number(card.y), data_column=str(card.column)),
        f"<title>{escape(short(text.spoken or text.title, _SPOKEN))}</title>",
        _element("svg", "open", x=_number(card.x), y=_number(card.y), width=_number(sizes.card_width),
                 height=_number(sizes.card_height), overflow="hidden"),
        _element("rect", class_="face", x="1.5", y="1.5", width=_number(sizes.card_width - 3),
                 height=_number(sizes.card_height - 3), rx="7"),
        *(_text(row, _INSIDE, 25 + _LEADING * n, "card-title", inner, rtl) for n, row in enumerate(rows)),
        _text(text.note, _INSIDE, sizes.card_height - 13, "card-note", inner, False),
        _flag(text.flag, sizes.card_width - _INSIDE, sizes.card_height - 13),
        _tick(sizes.card_width - 15),
        "</svg></a>",
    ))  # fmt: skip


def _flag(text: str, right: float, y: float) -> str:
    if not text:
        return ""
    return (
        _element("text", "open", class_="card-flag", x=_number(right), y=_number(y), text_anchor="end")
        + f"{escape(text)}</text>"
    )


def _tick(x: float) -> str:
    """Shown where a paper is read."""
    return _element("path", class_="seen", d=f"M{_number(x - 5)} 14l4 4 7-8")


def _arrow(route: Route, text: ArrowText, cards: Sequence[CardText]) -> str:
    points = route.points
    end_x, end_y = points[-1]
    # The line ends where the head begins.
    path = [f"M{_number(points[0][0])} {_number(points[0][1])}"]
    for number in range(0, len(points), 2):
        (x, y), (other_x, other_y) = points[number], points[number + 1]
        if number:
            path.append(f"H{_number(x)}")
        if number + 2 == len(points):
            other_x -= 2 * _HEAD - 2
        if abs(y - other_y) < 0.05:
            path.append(f"H{_number(other_x)}")
            continue
        middle = (x + other_x) / 2
        path.append(
            f"C{_number(middle)} {_number(y)} {_number(middle)} {_number(other_y)} {_number(other_x)} {_number(other_y)}"
        )
    way = "".join(path)
    head = f"M{_number(end_x - 1)} {_number(end_y)}l-{2 * _HEAD} -{_HEAD * 0.7:.1f}v{_HEAD * 1.4:.1f}z"
    return "".join((
        _element("a", "open", class_=" ".join(("arrow", *text.states)), href=text.address,
                 data_before=cards[route.before].key, data_after=cards[route.after].key),
        f"<title>{escape(short(text.label, _SPOKEN))}</title>",
        f"<desc>{escape(short(text.sentence, _SPOKEN))}</desc>" if text.sentence else "",
        _element("path", class_="reach", d=way), _element("path", class_="line", d=way), _element("path", class_="tip", d=head),
        "</a>",
    ))  # fmt: skip


def _text(text: str, x: float, y: float, class_: str, width: float, rtl: bool) -> str:
    """A line of text: one that runs from the right begins at the right end of the `width`."""
    given = {"direction": "rtl"} if rtl else {}
    opened = _element("text", "open", class_=class_, x=_number(x + width if rtl else x), y=_number(y), **given)
    return f"{opened}{escape(plain(text))}</text>"


def _element(name: str, how: str = "", /, **attributes: str) -> str:
    """A tag, closed at once unless it is to stay `open`. `class_` is `class`, `data_key` is `data-key`."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in _given(attributes))
    return f"<{name}{told}>" if how else f"<{name}{told}/>"


def _given(attributes: dict[str, str]) -> Iterable[tuple[str, str]]:
    return ((key, value) for key, value in attributes.items() if value != "")


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
