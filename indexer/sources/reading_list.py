"""Reading lists in markdown, as people write them, to entries.

Each item of the list says which of its links is the paper, what its title is and what the person noted. Last, a sweep
over the raw text sees to it that no arXiv link is lost, wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from indexer import arxiv, links
from indexer.document import Entry, Link, Mention, Warning
from indexer.links import Kind
from indexer.sources import comments, ordered_list, titles
from indexer.sources.items import Item, Listing, read_items, says_nothing, set_apart
from indexer.sources.labels import FRAMEWORKS, is_label, only_labels, words_of
from indexer.sources.pieces import (
    BOX,
    NUMBER,
    TAG,
    Piece,
    address_of,
    is_paper,
    numbered,
    opening_link,
    plain,
    unmarked,
)

_TITLE_HEADERS = ("title", "paper", "name", "model", "method", "system", "article", "work")
_OTHER_HEADER_WORDS = """
    abstract author authors code comment comments conference date description github institute keyword keywords link
    links note notes organization pdf rating remark remarks repo source status summary tag tags topic url venue year
"""
_OTHER_HEADERS = frozenset(_OTHER_HEADER_WORDS.split())
_QUOTED = re.compile('["“”„«](?P<inner>[^"“”„«»]{2,400})["“”»]')
_NOTE_MARK = re.compile(r"[-–—:：;,.|(\[]")  # what follows is said of the link before it
_PEOPLE = re.compile(r"\bet\.? al\b|\b[A-Z]\. ?[A-Z][a-z]+|[A-Z][a-z]+, [A-Z]\.", re.ASCII)
_SENTENCE_END = re.compile(r"(?<=[\w)’'\"”][\w)’'\"”])[.?!]\s+(?=[\w\"“(\[*])")


def read_markdown(text: str, source: str) -> tuple[list[Entry], list[Warning]]:
    """The entries of a reading list, by line, each with one mention: repeats are not merged here.

    The warnings (`bad-line`) are of arXiv links with an id that can't be one. The order that paperpath wrote into the list
    lists nothing.
    """
    whole = text
    text, missing = ordered_list.apart(whole)
    listing = read_items(text)
    entries = [entry for item in listing.items for entry in _entries(item, source)]
    entries += _lost(listing, entries, source)
    for paper in missing:
        mention = Mention(source, paper.line, paper.title, _section(listing, paper.line), checked=paper.checked)
        entries.append(Entry(f"title:{titles.slug(paper.title, 200)}", (mention,)))
    if text != whole:
        entries = [replace(e, mentions=tuple(replace(m, section=_own(m.section)) for m in e.mentions)) for e in entries]
    entries.sort(key=lambda entry: entry.mentions[0].line or 0)
    return entries, [*_impossible_ids(entries), *_without_link(listing.items, source)]


# ---------------------------------------------------------------- items to entries


@dataclass
class _Group:
    """The links of one item that lead to one thing."""

    address: str
    version: int | None
    links: list[Piece]

    @property
    def title(self) -> str:
        """The text of its first link that is a title, or ""."""
        return next((_cleaned(link.text) for link in self.links if not link.label), "")


def _entries(item: Item, source: str) -> list[Entry]:
    """The entries that an item and the items nested in it make."""
    below = [child for child in item.children if child.all_links()]
    remarks = "; ".join(plain(child.all_pieces()) for child in item.children if not child.all_links())
    attached, apart = _attached(item, below)
    nested = [entry for child in apart for entry in _entries(child, source)]
    pieces = item.pieces + set_apart(attached)
    groups = _groups(item, [p for p in pieces if p.url and not links.is_furniture(p.url)])
    if not groups:
        return nested
    title, taken = _item_title(item, groups)
    said = item.pieces + set_apart(child for child in attached if not says_nothing(child))
    notes = _notes(item, said, groups, taken, remarks)
    own = []
    for group, note, beside in zip(groups, notes, _beside(groups, pieces), strict=True):
        first = group is groups[0]
        line = item.line if first and item.style != "html" else group.links[0].line
        given = group.title or (title if first else "")
        mention = Mention(source, line, given, item.section, note, _checked(item))
        own.append(Entry(group.address, (mention,), group.version, beside))
    return own + nested


def _groups(item: Item, found: list[Piece]) -> list[_Group]:
    """Which links are what the item lists: each arXiv paper, else the paper, else the page, else the code."""
    groups: dict[str, _Group] = {}
    for link in found:
        if links.kind(link.url) == Kind.ARXIV:
            _join(groups, link)
    papers = [p for p in found if links.kind(p.url) == Kind.PAPER and not p.side and not (p.image and groups)]
    if not groups and papers:
        _join(groups, papers.pop(0))
    for link in papers:
        if address_of(link) in groups:
            _join(groups, link)
        elif not link.label:
            others = [group.title or plain(item.pieces[:50]) for group in list(groups.values())[-10:]]
            if not any(_may_be_same(link.text, other) for other in others):
                _join(groups, link)  # another paper, under a title of its own
    opening = opening_link(item.pieces)
    titled = opening is not None and not opening.label
    if groups and opening and titled and item.style in ("item", "row") and not links.is_furniture(opening.url):
        apart = all(g.title and not _may_be_same(opening.text, g.title) for g in groups.values())
        if apart and address_of(opening) not in groups:
            return [_joined(opening), *groups.values()]  # a book [by its title] that is based on a paper
    if groups or item.style in ("html", "heading"):
        return list(groups.values())
    begins = opening is not None and (titled or opening.bare)
    if item.style == "paragraph" and not begins and not numbered(item.pieces):
        return []
    rest = [link for link in found if not link.image]
    best = next((link for link in rest if not link.label), None) or min(
        rest, key=lambda link: (link.side, links.kind(link.url)), default=None
    )
    return [_joined(best)] if best else []


def _join(groups: dict[str, _Group], link: Piece) -> None:
    address, version = links.address(link.url) or ("", None)
    if address in groups:
        group = groups[address]
        group.links.append(link)
        group.version = max((v for v in (group.version, version) if v is not None), default=None)
    else:
        groups[address] = _Group(address, version, [link])


def _joined(link: Piece) -> _Group:
    groups: dict[str, _Group] = {}
    _join(groups, link)
    return next(iter(groups.values()))


def _attached(parent: Item, below: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """The nested items that only add links to what their parent lists ("slides: [link](…)"), and the others.

    An address alone adds to a paper, or to a title that has no other; under anything else it is an item of its own.
    """
    own = parent.links()
    has_paper = any(is_paper(link) for link in own)
    has_title = parent.style == "item" and bool(plain(parent.pieces))
    bare = [link for child in below for link in child.all_links() if link.bare and links.kind(link.url) != Kind.CODE]
    attached: list[Item] = []
    apart: list[Item] = []
    for child in below:
        found = child.all_links()
        if any(link.bare for link in found):
            fits = has_paper if own else has_title and len(bare) <= 1
        else:
            fits = bool(own) or has_title
        adds = fits and all(link.label for link in found) and says_nothing(child)
        code = has_paper and all(links.kind(link.url) == Kind.CODE for link in found)
        (attached if adds or code else apart).append(child)
    return attached, apart


def _beside(groups: Sequence[_Group], pieces: Sequence[Piece]) -> list[tuple[Link, ...]]:
    """For each group the item's other links, each on the last paper named before it."""
    position = {group.address: i for i, group in enumerate(groups)}
    found: list[dict[str, Link]] = [{} for _ in groups]
    owner = 0
    before = ""
    for piece in pieces:
        if not piece.url:
            before = piece.text
            continue
        if address_of(piece) in position:
            owner = position[address_of(piece)]
        elif not links.is_furniture(piece.url):
            label = "" if piece.bare else piece.text.strip("[] ")
            if set(words_of(label)) <= {"link", "here", "url"}:
                named = re.search(r"(\w[\w ]{0,24}?)\s*:\s*[\[(]?$", before[-40:])
                label = named[1] if named and only_labels(named[1]) else label
            found[owner].setdefault(piece.url, Link(piece.url, label))
        before = ""
    return [tuple(beside.values()) for beside in found]


# ---------------------------------------------------------------- titles


def _item_title(item: Item, groups: Sequence[_Group]) -> tuple[str, str]:
    """The title that an item gives its first paper outside of the paper's link, as it is and as it is written there."""
    if groups[0].title:
        return "", ""
    if item.style == "row":
        return _row_title(item)
    found = _title_in(_before_links(item.pieces), item.style == "item" or numbered(item.pieces))
    if not found:
        opening = opening_link(item.pieces)
        if opening and not opening.label:
            return _cleaned(opening.text), opening.text
        return _cleaned(item.lead), ""
    return _cleaned(found), found


def _row_title(item: Item) -> tuple[str, str]:
    """The title in a row: in the cell under "title", "paper" or the like, else in the first that may hold one."""
    named = [(set(re.findall(r"\w+", header)), cell) for header, cell in item.cells]
    wanted = [cell for word in _TITLE_HEADERS for words, cell in named if word in words]
    for cell in wanted or [cell for words, cell in named if not words & _OTHER_HEADERS]:
        before = _before_links(cell)
        if len(before) < len(cell) and plain(before):
            text = _title_in(before, True)
        else:
            text = plain(p for p in cell if not (p.url and p.label))
        if cell and cell[0].url and cell[0].bare:  # what follows an address is a note
            continue
        if text and not _NOTE_MARK.match(text) and not is_label(text) and not BOX.fullmatch(text):
            return _cleaned(text), text
    return "", ""


def _before_links(pieces: Sequence[Piece]) -> list[Piece]:
    """The text before the first link. Badges at the beginning stand beside the title, not after it."""
    text: list[Piece] = []
    for piece in pieces:
        if piece.url and (not piece.image or plain(text)):
            break
        if not piece.url:
            text.append(piece)
    return [] if pieces and pieces[0].url and _NOTE_MARK.match(plain(text)) else text


def _title_in(pieces: Sequence[Piece], listed: bool) -> str:
    """The title in the text before a link: what is bold or quoted, else what stands first. "" where it isn't plain.

    `listed` says that the text is an item of a list; in running text only a marked title counts.
    """
    pieces = [p for p in pieces if not p.url]
    text = plain(pieces)
    for piece in pieces:
        marked = plain([piece])
        titled = not is_label(marked) and not NUMBER.fullmatch(marked + " ") and marked[:1] != "("
        if piece.strong and titled and (listed or len(marked.split()) > 2):
            return marked
    for match in _QUOTED.finditer(text):
        before = text[: match.start()].rstrip()
        inner = match["inner"].strip()
        ends = not before or before[-1] in ".,:;])-–—" or only_labels(before)
        if ends and (listed or len(inner.split()) > 2) and not is_label(inner):
            return inner
    own_line = pieces and _ends_a_line(pieces[-1].text) and "." not in text
    if not listed and not own_line and not re.search(r"[:–—-]\s*$", text):
        return ""
    for i, piece in enumerate(pieces):
        marked = plain([piece])
        lead = unmarked(plain(pieces[:i]))
        if piece.em and marked:
            if not lead:
                return marked if len(marked.split()) > 1 and not _PEOPLE.search(marked) else ""
            if re.search(r"[.,:;–—-]$", lead):
                text = lead
                break
    return _leading_title(unmarked(text))


def _ends_a_line(text: str) -> bool:
    return any(break_ in text[len(text.rstrip()) :] for break_ in "\n\v\f")


def _leading_title(text: str) -> str:
    """The part of "Title. Authors. Venue" (or "Authors (2017). Title.") that is the title; "" if that can't be told."""
    text = re.sub(r"^(?:title|paper|name)\s?[:：]\s*", "", text, flags=re.IGNORECASE)
    text = re.sub(
        r"(?<![\s,;|–—-])[\s,;|–—-]+(?:url|link|pdf|paper|arxiv|code)\s?[:：]$", "", text, flags=re.IGNORECASE
    )
    text = re.sub(r"(?<!\s)\s+(?:by|in|at|from|see|via|and|the|a)$", "", text.rstrip(" -–—:：,;|(["))
    if match := re.match(r"[^()]{3,300}\((?:19|20)\d\d[a-z]?\)[.,:]?\s+(?P<rest>\S.*)", text):
        text = match["rest"]  # as the APA has it
    for sentence in _SENTENCE_END.split(text):
        if _PEOPLE.search(sentence) or re.fullmatch(r"\W*\d{4}\W*", sentence):
            continue
        sentence = sentence.rstrip(" -–—:：,;|([")
        named = not only_labels(sentence) or bool(FRAMEWORKS & set(words_of(sentence)))
        return sentence if named and len(sentence.split()) <= 30 else ""
    return ""


def _cleaned(title: str) -> str:
    """A title on one line, without the quotes around it, a venue's tag before it or a full stop after it."""
    title = " ".join(title[:1000].split())
    while match := TAG.match(title):
        rest = title[match.end() :]
        if not rest or not (re.search(r"\d", match[0]) or only_labels(match[0]) or "urvey" in match[0]):
            break
        title = rest
    title = title.strip(" *_|-–—:：,;").removesuffix("...")
    if title.endswith(".") and not title.endswith((" al.", "etc.", "Inc.")):
        title = title.rstrip(".")
    if len(title) > 1 and (title[0], title[-1]) in (('"', '"'), ("“", "”"), ("'", "'"), ("‘", "’"), ("«", "»")):
        title = title[1:-1]
    elif title[:1] in "“”„" and not re.search('[”"]', title[1:]):
        title = title[1:]
    return title.strip().rstrip(",")


def _may_be_same(title: str, other: str) -> bool:
    """Whether two titles in one item may be of one thing; a name and a full title may."""
    return titles.overlap(title, other) >= 0.8


# ---------------------------------------------------------------- notes and check boxes


def _notes(item: Item, pieces: Sequence[Piece], groups: Sequence[_Group], taken: str, remarks: str) -> list[str]:
    """For each group what the item says beyond its title and links; `taken` is the title as it stands in the text."""
    running = item.style in ("paragraph", "html") and not taken and opening_link(pieces) is None
    if running or len(groups) > 20:  # a sentence with links in it, not a title with a note
        whole = "; ".join(part for part in (plain(p for p in pieces if not p.image), remarks) if part)
        return [whole] * len(groups)
    return [_note(pieces, group, taken, remarks) for group in groups]


def _note(pieces: Sequence[Piece], group: _Group, taken: str, remarks: str) -> str:
    own = {id(link) for link in group.links}
    said = []
    for piece in pieces:
        if not piece.url:
            said.append(piece.text)
        elif piece.label or piece.bare:
            said.append(f"\ue000{'' if piece.image or piece.bare else piece.text}\ue001")
        elif id(piece) not in own:
            said.append(piece.text)
    text = " ".join("".join(said).split())
    if taken:
        text = text.replace(" ".join(taken.split()), "", 1)
    # A label stays where a sentence runs through it, and goes where it stands by itself.
    text = re.sub(r"(?<=\w) \ue000([^\ue000\ue001]*)\ue001(?= \w)", r" \1", text)
    text = re.sub(r"[\[(]?\ue000[^\ue000\ue001]*\ue001[\])]?", "\ue001", text)
    text = re.sub(r"(\b\w{1,30}:\s?)?\ue001", lambda m: " " if only_labels(m[1] or "") else f"{m[1]} ", text)
    match = BOX.match(text) or NUMBER.match(text)
    text = text[match.end() :] if match else text
    for _ in range(3):
        text = re.sub(r"[\[(“\"‘*]\s?[.,|/·;]{0,3}\s?[\])”\"’*]", " ", text)
    text = " ".join(text.split())
    text = re.sub(r" ?([|·;,/])(?: ?[|·;,/])+ ?", r" \1 ", text)
    text = re.sub(r" ([.,;!?)\]]|:(?!\w))", r"\1", " ".join(text.split()))
    text = re.sub(r"([.,]) ?\.(?!\.)", r"\1", text)
    text = re.sub(r"^(?:[\s\-–—：;,.|·•>/*\"”]|:(?!\w+:))+", "", text).rstrip(" -–—;,|·/")
    return "; ".join(part for part in (text, remarks) if part)


def _checked(item: Item) -> bool | None:
    """The state of the item's check box, None where it has none."""
    begins = [p.text for p in item.pieces[:1] if not p.url]
    cells = [plain(cell) or "-" for _, cell in item.cells]
    for text in begins + [cell for cell in cells if re.fullmatch(r"\[[ xX]\]", cell)]:
        if match := BOX.match(text) or re.match(r"\s*\[([ xX])\](?=\s*$)", text):
            return match[1] in "xX✓✔" and match[1] != ""
    return None


# ---------------------------------------------------------------- the sweep


def _lost(listing: Listing, entries: Iterable[Entry], source: str) -> Iterator[Entry]:
    """An entry for each arXiv paper that the text names outside of comments and that no item had."""
    known = {entry.address for entry in entries}
    visible = _without_comments(listing.text, listing.code)
    counted, line = 0, 1
    for offset, identifier in arxiv.find_all(visible):
        line += visible.count("\n", counted, offset)
        counted = offset
        address = f"arxiv:{identifier.id}"
        if address not in known:
            known.add(address)
            yield Entry(address, (Mention(source, line, section=_section(listing, line)),), identifier.version)


def _section(listing: Listing, line: int) -> tuple[str, ...]:
    """The path of headings that a line stands under."""
    return max((h for h in listing.headings if h[0] <= line), key=lambda h: h[0])[1]


def _own(section: tuple[str, ...]) -> tuple[str, ...]:
    """A path of headings without the one that paperpath wrote: what stands under it was sorted into no section."""
    ours = ordered_list.MISSING_HEADING
    return section[section.index(ours) + 1 :] if ours in section else section


def _without_comments(text: str, code: Iterable[tuple[int, int]]) -> str:
    """The text with HTML comments blanked; what looks like one in code is none."""
    lines = [re.sub(r"(?<!`)`[^`]+`(?!`)", lambda m: m[0].replace("<", " "), line) for line in text.split("\n")]
    for first, end in code:
        for number in range(first - 1, min(end - 1, len(lines))):
            lines[number] = lines[number].replace("<", " ")
    shown, at = [], 0
    for start, end in comments.spans("\n".join(lines)):
        shown += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = end
    return "".join((*shown, text[at:]))


def _without_link(items: Sequence[Item], source: str) -> Iterator[Warning]:
    """A `no-link` for each item that seems to be a title alone, in a list where a quarter of the items link to papers."""
    lists: list[list[Item]] = [[]]
    for item in items:
        same = lists[-1] and (lists[-1][-1].section, lists[-1][-1].style) == (item.section, item.style)
        if not same:
            lists.append([])
        lists[-1].append(item)
    for beside in lists:
        linked = sum(any(is_paper(link) for link in item.all_links()) for item in beside)
        for item in beside:
            if item.style == "item" and not item.all_links() and 4 * linked >= len(beside):
                title = _title_alone(item)
                if title:
                    yield Warning(source, item.line, "no-link", f"“{title}” has no link: it is not taken.")
            own = item.children
            if not item.links():  # what is below a paper is said of it
                yield from _without_link(own, source)


def _title_alone(item: Item) -> str:
    """The title that an item is, "" where it may be anything else: a sentence, a heading of what is below it, a word."""
    box = BOX.match(text := plain(item.pieces))
    text = _cleaned(text[box.end() :] if box else text)
    words = re.findall(r"\w[\w’'-]*", text)
    begins = text.split(" ")[0]  # "tf.data", "gSampler"
    if item.children or not 3 <= len(words) <= 20 or not re.search(r"[A-Z0-9]|\w\.\w", begins):
        return ""
    return "" if text[-1:] in ".:;!,…" or re.search(r"\w{3}[.!;] ", text) else text


def _impossible_ids(entries: Iterable[Entry]) -> list[Warning]:
    found = []
    for entry in entries:
        if re.match(r"https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/", entry.address):
            mention = entry.mentions[0]
            found.append(Warning(mention.source, mention.line, "bad-line", f"{entry.address} holds no arXiv id."))
    return found
