"""The order in the reader's own list: what `paperpath order --write` puts into a markdown text, and how it is read back.

Two blocks are ours, each between two HTML comments that no viewer shows:

    <!-- paperpath:order … -->        the order: its stages are headings, its documents items with a check box. It is
    <!-- /paperpath:order -->         written anew each time, where it stands. Nothing in it lists a paper; its boxes count.
    <!-- paperpath:missing … -->      papers that the list leans on and lacks. They are entries like any other from the
    <!-- /paperpath:missing … -->     next reindex on: what stands there stays, and what is taken out isn't put back.

A comment behind each item of the order names its entry, whether the box was written ticked, and the date of the mark that
this was known by: so a box that a person changed since is told from one that nobody touched, or touched earlier. A block is
only one where markdown sees its markers as blocks of their own: what stands in a code block or in a list is the reader's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from indexer import arxiv, folding, links
from indexer.errors import UsageError
from indexer.sources import comments, titles

if TYPE_CHECKING:
    from markdown_it.token import Token

ORDER_HEADING = "Reading order"
MISSING_HEADING = "Missing from this list"

_Kind = Literal["order", "missing"]
_MARKER = re.compile(r"<!-- (?P<end>/?)paperpath:(?P<kind>order|missing)(?: (?P<said>.*))?-->[ \t]*")
_BREAK = re.compile(r"\r\n|\n|\r")
_LAST_BREAK = re.compile(r"(?:\r\n|\n|\r)\Z")
_ITEM = re.compile(r"[ \t]*[-*+][ \t]+\[(?P<box>[^\[\]]?)\](?=[ \t])(?P<rest>.*)")
_NAMED = re.compile(r"<!-- (?P<read>read )?(?:since=(?P<since>\S*) )?(?P<addresses>[^<>]*?) ?-->[ \t]*$")
_LINK = re.compile(r"\]\(<?(?P<url>[^()<>\s]+)>?\)")
_REMARK = ("<!-- paperpath: -->", "<!-- : -->")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_TICKED = "xX✓✔"


class NotWritable(UsageError):
    """A list that the order can't be put into."""

    cure = "Put it into a markdown list of its own, or print it with `paperpath order`."


@dataclass(frozen=True)
class Item:
    """A document of the order: `address` and `also` are its entry's, `link` is where it is read, "" for none.

    `read` is its state (`marks.state`), `since` when its mark was made, "" for none; `remark` a few words shown behind the
    title: "2017, about 40 min".
    """

    address: str
    title: str
    read: bool = False
    link: str = ""
    remark: str = ""
    also: tuple[str, ...] = ()
    since: str = ""


@dataclass(frozen=True)
class Stage:
    """A stage of the order, in the order of reading."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Absent:
    """A paper that the list leans on and lacks. `remark` is shown behind its title: who cites it."""

    title: str
    arxiv_id: str | None = None
    doi: str | None = None
    remark: str = ""

    @property
    def address(self) -> str:
        """The address that it has as an entry."""
        if self.arxiv_id:
            return f"arxiv:{self.arxiv_id}"
        return f"doi:{self.doi.lower()}" if self.doi else f"title:{titles.slug(self.title, 200)}"


@dataclass(frozen=True, order=True)
class Changed:
    """A box of the order that a person ticked or unticked since the order was written; `since` is as `Item` has it."""

    ticked: bool
    since: str = ""


@dataclass(frozen=True)
class Titled:
    """A missing paper of which nothing but the title is known. `line` counts from 1."""

    line: int
    title: str
    checked: bool


# ---------------------------------------------------------------- writing


def written(text: str, stages: Sequence[Stage], missing: Sequence[Absent] = ()) -> str:
    """The list with the order in it, where it was before, else at the end; without `stages` it has none.

    Missing papers are added to those that were proposed before, unless the list has them by now or somebody took them out.
    All else stays as it is, byte for byte, and what is written twice is the same as once. Raises `NotWritable`.
    """
    blocks = [block for block in _blocks(text) if block.kind == "order"]
    for block in reversed(blocks[1:] if stages else blocks):
        text = _without(text, block)
    if stages:
        order = list(_order_lines(stages))
        text = _replaced(text, blocks[0], order) if blocks else _inserted(text, order)
    if new := list(_unlisted(text, missing)):
        earlier = [block for block in _blocks(text) if block.kind == "missing"][-1:]
        before = _BREAK.split(text[earlier[0].start : earlier[0].end]) if earlier else _missing_frame()
        lines = _missing_lines(before, new)
        text = _replaced(text, earlier[0], lines) if earlier else _inserted(text, lines)
    return text


def removed(text: str) -> str:
    """The list without our blocks: the text before they were written into it, byte for byte."""
    for block in reversed(_blocks(text)):
        text = _without(text, block)
    return text


def _order_lines(stages: Sequence[Stage]) -> Iterator[str]:
    yield "<!-- paperpath:order tick the boxes, they are read back; all else in here is written anew -->"
    yield f"## {ORDER_HEADING}"
    for number, stage in enumerate(stages, 1):
        yield ""
        yield f"### {number}. {_escaped(stage.name)}"
        yield ""
        for item in stage.items:
            named = " ".join(map(_encoded, (item.address, *item.also)))
            box = "[x]" if item.read else "[ ]"
            remark = f" ({_escaped(item.remark)})" if item.remark.strip() else ""
            state = ("read " if item.read else "") + (f"since={_encoded(item.since)} " if item.since else "")
            yield f"- {box} {_linked(item.title, item.link)}{remark} <!-- {state}{named} -->"
    yield ""
    yield "<!-- /paperpath:order -->"


def _missing_lines(before: Sequence[str], new: Sequence[Absent]) -> list[str]:
    """The lines of the block, markers included, that has what stood there `before` and the new ones."""
    lines = list(before)
    end = _MARKER.fullmatch(lines[-1])
    proposed = (end["said"] or "").split() if end else []
    proposed += [_encoded(paper.address) for paper in new]
    rows = []
    for paper in new:
        url = f"https://arxiv.org/abs/{paper.arxiv_id}" if paper.arxiv_id else ""
        url = url or (f"https://doi.org/{paper.doi}" if paper.doi else "")
        named = "" if url else f" <!-- {_encoded(paper.address)} -->"
        remark = f" {_REMARK[0]}({_escaped(paper.remark)}){_REMARK[1]}" if paper.remark.strip() else ""
        rows.append(f"- [ ] {_linked(paper.title, url)}{named}{remark}")
    while lines[-2:-1] == [""]:
        del lines[-2]
    if not _ITEM.match(lines[-2]):
        rows.insert(0, "")
    return [*lines[:-1], *rows, "", f"<!-- /paperpath:missing {' '.join(proposed)} -->"]


def _missing_frame() -> list[str]:
    return [
        "<!-- paperpath:missing cited by papers of this list; from the next reindex on these are listed too -->",
        f"## {MISSING_HEADING}",
        "<!-- /paperpath:missing -->",
    ]


def _unlisted(text: str, missing: Sequence[Absent]) -> Iterator[Absent]:
    """Those of the missing papers that the text neither names nor has proposed before, each once."""
    known = {f"arxiv:{identifier.id}" for _, identifier in arxiv.find_all(text)}
    for block in _blocks(text):
        known.update(map(unquote, block.proposed))
    words = lower = None
    for paper in missing:
        address = paper.address
        if address in known or not paper.title.strip():
            continue
        known.add(address)
        if address.startswith("doi:"):
            lower = text.lower() if lower is None else lower
            if address.removeprefix("doi:") in lower:
                continue
        elif address.startswith("title:"):
            words = _words(text) if words is None else words
            if _words(paper.title) in words:
                continue
        yield paper


def _words(text: str) -> str:
    return " ".join(("", *folding.words(text), ""))


def _linked(title: str, url: str) -> str:
    title = _escaped(title) or "?"
    if not url.startswith(("http://", "https://")):
        return title
    return f"[{title}]({quote(url, safe=_SAFE_IN_URL)})"


_SAFE_IN_URL = "%!$&'*+,/:;=?@_~#-."


def _escaped(text: str) -> str:
    """A text on one line that markdown shows as it is."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return re.sub(r"[\\`*\[\]<~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<!#)#+$", r"\\\g<0>", text)


def _encoded(address: str) -> str:
    """An address without what ends a comment, or parts two addresses."""
    return quote(address, safe="!$&'()*+,/:;=?@_~#.", errors="surrogatepass").replace("--", "-%2D")


# ---------------------------------------------------------------- reading


def of_entry(boxes: Mapping[str, Changed], addresses: Iterable[str]) -> Changed | None:
    """What the changed boxes say of the entry with these addresses, None for nothing: of several the ticked one."""
    return max((boxes[address] for address in addresses if address in boxes), default=None)


def changed(text: str) -> dict[str, Changed]:
    """The boxes of the order that a person ticked or unticked since it was written, by every address of the entry."""
    found: dict[str, Changed] = {}
    for block in _blocks(text):
        if block.kind != "order":
            continue
        for line in _BREAK.split(text[block.start : block.end])[1:-1]:
            if item := _ITEM.fullmatch(line):
                ticked = bool(item["box"]) and item["box"] in _TICKED
                addresses, before, since = _named(item["rest"])
                if ticked != before:
                    box = Changed(ticked, since)
                    found |= {address: max(box, found.get(address, box)) for address in addresses}
    return found


def _named(rest: str) -> tuple[list[str], bool, str]:
    """The addresses of an item's entry, whether its box was written ticked, and the date of the mark that it was written by."""
    if match := _NAMED.search(rest):
        names = [unquote(name, errors="surrogatepass") for name in match["addresses"].split()]
        return names, bool(match["read"]), unquote(match["since"] or "", errors="surrogatepass")
    if match := _LINK.search(rest):  # some editors drop comments
        address = links.address(match["url"])
        return [address[0]] if address else [], False, ""
    return [], False, ""


def apart(text: str) -> tuple[str, list[Titled]]:
    """The list as it is without the order, line for line, and the missing papers that have nothing but a title.

    Of the block of missing papers the items are left, without what we say behind them.
    """
    blocks = _blocks(text)
    if not blocks:
        return text, []
    found: list[Titled] = []
    parts, at = [], 0
    for block in blocks:
        lines = re.split(f"({_BREAK.pattern})", text[block.start : block.end])
        if block.kind == "order":
            lines[::2] = [""] * len(lines[::2])
        else:
            number = 1 + len(_BREAK.findall(text, 0, block.start))
            for place in range(0, len(lines), 2):
                lines[place], titled = _missing_read(lines[place], number + place // 2)
                found += titled
        parts += [text[at : block.start], *lines]
        at = block.end
    return "".join((*parts, text[at:])), found


def _missing_read(line: str, number: int) -> tuple[str, list[Titled]]:
    """A line of the block of missing papers as its reader would have written it, and what it lists by title alone."""
    if _MARKER.fullmatch(line):
        return "", []
    line = comments.replaced(line, lambda _: "", *_REMARK)
    item, named = _ITEM.fullmatch(line), re.search(r"<!-- title:\S+ -->", line)
    if item and named and not links_in(line):
        title = _ESCAPED.sub(r"\1", " ".join(comments.replaced(item["rest"], lambda _: " ").split()))
        if title:
            return "", [Titled(number, title, bool(item["box"]) and item["box"] in _TICKED)]
    return line, []


def links_in(line: str) -> bool:
    """Whether a line has a link, so that a person gave one to what had only a title."""
    return bool(re.search(r"https?://|\]\(", line)) or bool(arxiv.find_all(line))


# ---------------------------------------------------------------- blocks


@dataclass(frozen=True)
class _Block:
    """A block of ours: `text[start:end]`, both markers included, without the line break behind it."""

    kind: _Kind
    start: int
    end: int
    proposed: tuple[str, ...] = ()


def _blocks(text: str) -> list[_Block]:
    """Our blocks in a text, in their order. One that isn't closed, or that another begins in, is none."""
    if "<!-- /paperpath:" not in text:
        return []
    starts, ends = _lines(text)
    found: list[_Block] = []
    open_: tuple[str, int] | None = None
    for token in _tokens(text):
        if token.type != "html_block" or token.level or not token.map:
            continue
        line = token.map[0]
        start = starts[line] + (text[starts[line]] == "\ufeff" if line == 0 and text else 0)
        match = _MARKER.fullmatch(text, start, ends[line])
        if not match:
            continue
        if not match["end"]:
            open_ = match["kind"], start
        else:
            if open_ and open_[0] == match["kind"]:
                kind: _Kind = "order" if match["kind"] == "order" else "missing"
                found.append(_Block(kind, open_[1], match.end(), tuple((match["said"] or "").split())))
            open_ = None
    return found


def _lines(text: str) -> tuple[list[int], list[int]]:
    """Where each line of a text begins, and where it ends before its break."""
    breaks = list(_BREAK.finditer(text))
    return [0, *(found.end() for found in breaks)], [*(found.start() for found in breaks), len(text)]


def _tokens(text: str) -> Sequence[Token]:
    """The blocks that markdown sees in a text, as the reader of lists has them, by line."""
    from indexer.sources.items import block_tokens

    return block_tokens(text)


def _replaced(text: str, block: _Block, lines: Sequence[str]) -> str:
    line_end = _first_break(text[block.start : block.end])
    return text[: block.start] + line_end.join(lines) + text[block.end :]


def _first_break(text: str) -> str:
    return found[0] if (found := _BREAK.search(text)) else "\n"


def _without(text: str, block: _Block) -> str:
    """The text without a block and the blank line that `_inserted` put around it."""
    before, after = text[: block.start], text[block.end :]
    most = 2
    if found := _BREAK.match(after):
        after, most = after[found.end() :], 1
    return _without_blank(before, most) + after


def _without_blank(before: str, most: int) -> str:
    """A text that ends in a blank line, without its last breaks, at most so many; any other as it is."""
    shorter = _LAST_BREAK.sub("", before)
    if shorter == before or (shorter not in ("", "\ufeff") and not _LAST_BREAK.search(shorter)):
        return before
    return _LAST_BREAK.sub("", shorter) if most > 1 else shorter


def _inserted(text: str, lines: Sequence[str]) -> str:
    """The text with a block at its end; before the last code block or HTML where one that isn't closed swallows the rest.

    Its lines end as the one before it does. Where the text ends without a break, so does the block.
    """
    known = len(_blocks(text))
    starts, _ = _lines(text)
    begins = int(text.startswith("\ufeff"))
    tops = {token.map[0] for token in _tokens(text) if token.map and not token.level}
    places = [len(text), *(starts[line] for line in sorted(tops, reverse=True)[:3])]
    for place in (*(place for place in places if place > begins), begins):
        before, after = text[:place], text[place:]
        last = _LAST_BREAK.search(before)
        line_end = last[0] if last else _first_break(text)
        block = line_end.join(lines)
        if place == begins:
            whole = before + block + (line_end + after if after else "")
        elif last:
            whole = before + line_end + block + line_end + after
        else:
            whole = before + 2 * line_end + block
        now = _blocks(whole)
        ours = next((b for b in now if whole[b.start : b.end] == block), None)
        if ours is not None and len(now) == known + 1 and _without(whole, ours) == text:
            return whole
    raise NotWritable("There is no place in this list where markdown would see the order as text.")
