"""The names below a title: told from houses, addresses, marks and degrees by type, by place and by the shape of words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from indexer.extract.dates import is_date
from indexer.extract.layout import Line
from indexer.extract.printed import MARKS, Token, alike, fold, letters, rows_of

_PLACE = re.compile(
    r"\b(?:univ|institut|colleg|school|depart|dept|facult|laborator|labs?\b|cent(?:er|re|ro)\b|academ|acad[eé]m|research|"
    r"technolog|polytech|politec|[ée]cole|escuela|scuola|hochschul|hospital|clinic|klinik|inc\b|ltd|llc|gmbh|corp|compan|"
    r"foundation|minist|council|division|agency|sciences?\b|engineering|computer|mathemati|physics|nationa[lu]|systems|"
    r"group\b|cnrs|inria|street|avenue|road\b|box\b|usa|u\.s\.a|uk\b|china|germany|france|india|japan|korea|canada|"
    r"australia|israel|switzerland|netherlands|singapore|italy|spain|sweden|austria|belgium|brazil|taiwan|hong kong)|"
    r"大学|学院|研究所|研究院|公司|대학교|연구소|университет|институт",
    re.IGNORECASE,
)
_PARTICLES = frozenset(
    [
        "de", "da", "do", "dos", "das", "del", "della", "di", "du", "la", "las", "le", "les", "lo", "los", "van", "von",
        "der", "den", "het", "ter", "ten", "te", "zu", "zum", "zur", "af", "av", "bin", "ibn", "ben", "el", "al", "y",
        "e", "i",
    ]
)  # fmt: skip
_AND = frozenset(["and", "&", "und", "et", "и", "och", "og", "en", "by"])
_DEGREE = re.compile(
    r"(?:Ph\.?\s?D|M\.?D|M\.?Sc?|B\.?Sc?|M\.?A|B\.?A|M\.?B\.?A|D\.?Phil|M\.?P\.?H|Dr|Prof|Esq|FRCP|RN|Member|Fellow|IEEE|"
    r"(?:Student|Senior|Life|Associate|Graduate)(?: Life)? (?:Member|Fellow)|ACM|AAAI|SIAM)\.?"
)
_GENERATION = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")
_HONORIFIC = re.compile(r"^(?:(?:Dr|Prof|Professor|Mr|Mrs|Ms|Sir|Dipl\.-Ing|Dr\.-Ing)\.?\s+(?=\S))+", re.IGNORECASE)
_ROLE = re.compile(
    r"\W*(?:supervis|advis|professor|editor|edited by|commun(?:icated|icating)|examin|referee|review|committee|jury|"
    r"laborator(?:y|ies)\s*$|betreu|gutachter|prüfer|encadr|directeur|tutor|received|accepted|submitted|correspond|"
    r"contact|equal contrib)",
    re.IGNORECASE,
)
_BY = re.compile(r"(?:by|von|par|por|author\(?s?\)?|autor(?:en|es)?)\s*:?", re.IGNORECASE)
_ORDINAL = re.compile(r"\d*1st|\d*2nd|\d*3rd|\d+th")
_EAST_ASIAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"


@dataclass
class _List:
    """Where the reading of names stands between two rows."""

    names: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)  # a name that the row before broke off
    open: bool = False  # it ended with a comma
    many: bool = False  # it had several names
    marked: bool = False  # its names had marks
    fresh: bool = False  # it is the row just above

    def finish(self) -> None:
        """Takes a name that was broken off as it stands, if it is one."""
        if is_name(self.rest):
            self.names.append(printed_name(self.rest))
        self.rest = []


def find_authors(header: Sequence[Line], own: str = "") -> tuple[str, ...]:
    """The names among the lines below a title, in the order in which one reads them: row by row.

    Names share one type, that of the first; what else stands there has another one, or words, marks and places in the
    list that tell it from names. Where none is understood, they are those of `own`, what the file says of itself, if all
    of them are printed; else the organisation that signs, if one does.
    """
    rows = [_without_numbers(_without_brackets(row)) for row in rows_of(header)]
    style: Token | None = None
    state = _List()
    for row in rows:
        text = " ".join(token.text for token in row)
        if _ROLE.match(text) and (state.names or not is_name(text.split())):
            break
        if not text or _BY.fullmatch(text) or is_date(text) or _bracketed(text):
            continue
        style = style or _style(row)
        if style is not None:
            _read_row(row, style, state)
    state.finish()
    return tuple(state.names or _printed_own(own, header) or _organisation(rows))


def cells_of(row: Sequence[Token]) -> list[list[Token]]:
    """A row cut where the gap between words is that of a grid's columns."""
    cells: list[list[Token]] = []
    for token in row:
        if cells and token.x0 - cells[-1][-1].x1 < 1.6 * max(token.size, cells[-1][-1].size):
            cells[-1].append(token)
        else:
            cells.append([token])
    return cells


def segments_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """Words between commas, marks, "and", wide gaps and changes of type."""
    segments: list[list[Token]] = [[]]
    before: Token | None = None
    for token in tokens:
        text = token.text
        if _mark(token) or text.casefold() in _AND or not letters(text):
            segments.append([])
        else:
            apart = before is not None and (token.x0 - before.x1 > 0.7 * token.size or not alike(token, before))
            if apart or text[0] in ",;|":
                segments.append([])
            segments[-1].append(token._replace(text=token.cased.strip(" ,;|" + MARKS)))
            if text[-1] in ",;|" + MARKS:
                segments.append([])
        before = token
    return [segment for segment in segments if segment]


def is_name(words: Sequence[str]) -> bool:
    """Whether words look like a person's name: two to seven with a capital or a particle each, and no place."""
    text = printed_name(words)
    parts = text.split()
    if re.search(f"[{_EAST_ASIAN}]", text):
        return bool(re.fullmatch(f"[{_EAST_ASIAN}·・ ]{{2,8}}", text)) and not _PLACE.search(text)
    if not 2 <= len(parts) <= 7 or len(text) > 60 or _PLACE.search(text):
        return False
    if any(c.isdigit() or c in "@{}/:=<>[]()!?_%+" for c in text):
        return False
    small = [part for part in parts if part[0].islower()]
    if any(part not in _PARTICLES and not re.match(r"(?:d|l|dell)['’]", part) for part in small):
        return False
    proper = [part for part in parts if part[0].isalpha() and not part[0].islower()]
    return len(proper) + bool(small) >= 2 and any(letters(part) >= 2 for part in proper)


def printed_name(words: Sequence[str]) -> str:
    """A name without degrees and forms of address, as printed."""
    text = _HONORIFIC.sub("", " ".join(words))
    mixed = any(c.islower() for c in text)  # else MA may be a name
    kept = [word for i, word in enumerate(text.split()) if not (mixed and i and _DEGREE.fullmatch(word.strip(",.()")))]
    return " ".join(kept).strip(" ,;")


def _style(row: Sequence[Token]) -> Token | None:
    """The first word of the first name in a row: all names are set as it is."""
    for cell in cells_of(row):
        for segment in segments_of(cell):
            if is_name(_words(segment)) and not segment[0].mono:
                return segment[0]
    return None


def _read_row(row: Sequence[Token], style: Token, state: _List) -> None:
    cells = cells_of(row)
    before = len(state.names)
    for cell in cells:
        if _begins_with_mark(cell):
            state.finish()
            continue
        own = [token for token in cell if token.raised or alike(token, style) or not letters(token.text)]
        segments = [_words(segment) for segment in segments_of(own)]
        if _address(own):
            if len(segments) > 1 and is_name(segments[0]) and any(_PLACE.search(" ".join(s)) for s in segments[1:]):
                state.names.append(printed_name(segments[0]))
        elif not (len(cells) == 1 and len(segments) == 1 and _house(own, style, state)):
            _read_cell(segments, len(cells) == 1 and not _ended(own), state)
    found = len(state.names) - before + bool(state.rest)
    state.fresh = found > 0
    if found:
        closed = any(alike(token, style) and token.text.casefold().strip(",") in _AND for token in row)
        closed = closed and not _ended(row) and not state.rest
        state.open = _ended(row)
        state.many = found > 1 or closed
        state.marked = any(token.raised for token in row) and not closed


def _read_cell(segments: Sequence[Sequence[str]], may_go_on: bool, state: _List) -> None:
    """Takes the names among segments; the last one may go on in the next row."""
    taken = 0
    for i, segment in enumerate(segments):
        words = [*state.rest, *segment] if i == 0 else list(segment)
        state.rest = []
        if state.names and _GENERATION.fullmatch(" ".join(words)):
            state.names[-1] += f" {' '.join(words)}"
        elif may_go_on and i == len(segments) - 1 and (taken or len(words) > 1) and _broken_off(words):
            state.rest = words
        elif is_name(words):
            state.names.append(printed_name(words))
            taken += 1


def _house(own: Sequence[Token], style: Token, state: _List) -> bool:
    """Whether a lone phrase in the type of the names is none: a list of names is followed by the house they are of."""
    marked = state.marked and any(token.raised for token in own)
    return state.fresh and state.many and not (state.rest or state.open or style.bold or marked)


def _without_numbers(row: Sequence[Token]) -> list[Token]:
    """A row without the numbers of its authors: "1st", "2nd"."""
    kept: list[Token] = []
    for token in row:
        if token.raised and kept and _ORDINAL.fullmatch(kept[-1].text + token.text):
            kept.pop()
        elif not _ORDINAL.fullmatch(token.text):
            kept.append(token)
    return kept


def _without_brackets(row: Sequence[Token]) -> list[Token]:
    """A row with a comma for what stands in round brackets behind a name. A row that is all brackets stays."""
    kept: list[Token] = []
    inside = closed = False
    for token in row:
        if closed and token.text[:1].islower() and token.text not in _AND:
            return list(row)  # a sentence goes on
        closed = False
        inside = inside or (bool(kept) and token.text.startswith("("))
        if not inside:
            kept.append(token)
        elif ")" in token.text:
            inside, closed = False, True
            kept.append(token._replace(text=",", cased=","))
    return kept


def _mark(token: Token) -> bool:
    """Whether a word is no more than a pointer to a note or a house."""
    if token.raised and not any(len(part) > 2 and part.isalpha() for part in token.text.split(",")):
        return True
    return not token.text.strip(MARKS + "0123456789,() ")


def _begins_with_mark(cell: Sequence[Token]) -> bool:
    """Whether a cell begins with a mark that names point to: it is where a house stands."""
    raised = cell[0].raised and _mark(cell[0])
    return len(cell) > 1 and (raised or bool(re.match(r"[\d∗*†‡§¶]+(?:[^\W\d_]|$)", cell[0].text)))


def _address(tokens: Sequence[Token]) -> bool:
    """Whether words hold a place, a house, a number or an e-mail address."""
    text = " ".join(token.text for token in tokens if not _mark(token))
    return bool(_PLACE.search(text) or re.search(r"[\d@{]|,\s*[A-Z]{2}$", text))


def _broken_off(words: Sequence[str]) -> bool:
    """Whether a name seems to go on: it is one word, or has an initial or a particle at its end."""
    if not words or not words[0][:1].isalpha():
        return False
    last = words[-1]
    return len(words) == 1 or last.casefold() in _PARTICLES or bool(re.fullmatch(r"[^\W\d_]\.", last))


def _ended(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and tokens[-1].text.rstrip(MARKS + " ").endswith((",", ";"))


def _words(segment: Sequence[Token]) -> list[str]:
    return [part for token in segment for part in token.text.split()]


def _printed_own(own: str, header: Sequence[Line]) -> list[str]:
    printed = fold(" ".join(line.text for line in header))
    names = [name.strip() for name in re.split(r"[;,]|\band\b", own) if name.strip()]
    return names if all(len(fold(name)) > 3 and fold(name) in printed for name in names) else []


def _organisation(rows: Sequence[Sequence[Token]]) -> list[str]:
    """Who signs a paper that names no person: the first row that is no address and no date."""
    for row in rows:
        kept = [token for token in row if not _mark(token)]
        text = " ".join(token.text for token in kept).strip(" ,;")
        if not text or is_date(text) or _bracketed(text) or any(token.mono for token in kept) or "@" in text:
            continue
        short = letters(text) >= 2 and len(kept) <= 6 and not any(c.isdigit() for c in text)
        return [text] if short and text[0].isupper() else []
    return []


def _bracketed(text: str) -> bool:
    return text.startswith(("(", "[")) and text.endswith((")", "]"))
