"""The query language: plain words, and operators that say which papers and passages may be found.

    local sgd "outer momentum" -survey -"federated averaging" author:"le cun" year:2020..2023 section:method
    in:2311.08105 kind:caption list:"parallel and decentralized training" is:unread has:code -is:digest

Several values of one field mean any of them, different fields mean all of them; a minus in front excludes. What can't be
meant as an operator is words: a query is never an error. One pass over the text, at most `LONGEST` characters of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from indexer.document import PASSAGE_KINDS, TextKind
from indexer.errors import UsageError

LONGEST = 10_000
"""How many characters of a query are read."""

Field = Literal["author", "year", "section", "in", "kind", "list", "topic", "is", "has"]
FIELDS: tuple[Field, ...] = get_args(Field)
KINDS: tuple[str, ...] = (*PASSAGE_KINDS, "all")
STATES: tuple[str, ...] = ("read", "unread", *get_args(TextKind))
THINGS: tuple[str, ...] = ("note", "code", "link")

_MOST_REMARKS = 10
_QUOTES = ('"＂', "“”„‟", "«»", "「」『』")  # an opening one is closed by the next of its own group, else of any
_QUOTE = re.compile(f"[{''.join(_QUOTES)}]")
_CLOSING = {quote: re.compile(f"[{group}]") for group in _QUOTES for quote in group}
_MINUS = "-−－"
_FIELD = re.compile(r"([^\W\d_]{1,32})[:：]")
_BARE = re.compile(r"\S*")
_NUMBER = re.compile(r"[\d.,:%]+")
_SIMPLE = re.compile(r"[^\W_][\w./+-]*")  # a value that needs no quotes
_WORD = re.compile(r"[^\W_]")
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # controls, and halves of characters
_YEAR = r"(\d{4})"
_YEARS = re.compile(rf"{_YEAR}?(?:\.{{2,3}}|…|[-–—]){_YEAR}?")
_COMPARED = re.compile(rf"(<=?|>=?|=|≤|≥){_YEAR}")
_SINCE = re.compile(rf"{_YEAR}\+")


class NothingAsked(UsageError):
    """A query that holds nothing to look for."""

    cure = "Give words, or a filter."


class BadFilter(UsageError):
    """A filter given as a parameter has a value that can't be meant."""


@dataclass(frozen=True)
class Words:
    """Words to be found; `exact`: these words in a row."""

    text: str
    exact: bool = False


@dataclass(frozen=True)
class Filter:
    """What a paper or passage must be, or with `excluded` must not be. `value` is in its canonical spelling."""

    field: Field
    value: str
    excluded: bool = False


@dataclass(frozen=True)
class Query:
    """What is asked. `words` are in the order given; `without` are words and phrases that must not be there.

    `remarks` say, for a person, what was not understood and was taken as plain words.
    """

    words: tuple[Words, ...] = ()
    filters: tuple[Filter, ...] = ()
    without: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """The words to embed and look up: those of phrases too, never those of filters or the excluded ones."""
        return " ".join(words.text for words in self.words)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What must stand there word by word, each once."""
        return tuple(dict.fromkeys(words.text for words in self.words if words.exact))

    @property
    def restricts(self) -> bool:
        """Whether it says more than plain words: a phrase, a filter, or something excluded."""
        return bool(self.filters or self.without or any(words.exact for words in self.words))

    def values(self, field: Field, *, excluded: bool = False) -> tuple[str, ...]:
        """The values of a field, any of which is meant; with `excluded` those none of which is."""
        return tuple(f.value for f in self.filters if f.field == field and f.excluded == excluded)


def parse(text: str) -> Query:
    """What a query means. Never raises; of a text longer than `LONGEST` characters the rest is left out, with a remark."""
    remarks = [f"Only the first {LONGEST:,} characters were read."] if len(text) > LONGEST else []
    reader = _Reader(_NOT_TEXT.sub(" ", text[:LONGEST]), remarks)
    reader.read()
    if len(remarks) > _MOST_REMARKS:
        remarks[_MOST_REMARKS:] = [f"And {len(remarks) - _MOST_REMARKS} more."]
    return Query(_joined(reader.words), _once(reader.filters), _once(reader.without), tuple(remarks))


def unparse(query: Query) -> str:
    """The query as a text that `parse` reads as an equal one, whatever its length."""
    parts = [f'"{words.text}"' if words.exact else words.text for words in query.words]
    parts += [f'-"{text}"' for text in query.without]
    for f in query.filters:
        simple = f.field == "year" or _SIMPLE.fullmatch(f.value)
        value = f.value if simple else f'"{f.value}"'
        parts.append(f"{'-' * f.excluded}{f.field}:{value}")
    return " ".join(parts)


def required(query: Query) -> Query:
    """The query itself. Raises `NothingAsked` where it has neither a word nor a filter."""
    if not (query.text or query.restricts):
        raise NothingAsked("The question has neither a word nor a filter.")
    return query


def with_parameters(
    query: Query, *, author: Sequence[str] = (), year: Sequence[str] = (), section: Sequence[str] = (),
    in_: Sequence[str] = (), kind: Sequence[str] = (), list_: Sequence[str] = (), topic: Sequence[str] = (),
    is_: Sequence[str] = (), has: Sequence[str] = (), without: Sequence[str] = (), phrase: Sequence[str] = (),
) -> Query:  # fmt: skip
    """The query with filters given beside it: a parameter's values are what would stand behind `author:` and so on.

    `without` are words and phrases to exclude, `phrase` ones that must be there. Raises `BadFilter` for a value that
    can't be meant: what was given by name is no plain word.
    """
    given: tuple[tuple[Field, Sequence[str]], ...] = (
        ("author", author), ("year", year), ("section", section), ("in", in_), ("kind", kind), ("list", list_),
        ("topic", topic), ("is", is_), ("has", has),
    )  # fmt: skip
    filters = list(query.filters)
    for name, values in given:
        for value in values:
            canonical = _CANONICAL[name](_said(value))
            if canonical is None:
                raise BadFilter(f"{name} can't be {shown(value)}.", cure=f"Give {_EXPECTED[name]}.")
            filters.append(Filter(name, canonical))
    said: dict[str, list[str]] = {"without": [], "phrase": []}
    for name, texts in (("without", without), ("phrase", phrase)):
        for text in texts:
            if not _WORD.search(text):
                raise BadFilter(f"{name} can't be {shown(text)}.", cure="Give a word or several.")
            said[name].append(_said(text))
    words = (*query.words, *(Words(text, True) for text in said["phrase"]))
    return replace(query, words=words, filters=_once(filters), without=_once((*query.without, *said["without"])))


def years(value: str) -> tuple[int, int]:
    """The first and the last year of a `year` filter's value, 0 and 9999 where it is open."""
    low, dots, high = value.partition("..")
    return (int(low or 0), int(high or 9999)) if dots else (int(low), int(low))


class _Reader:
    """One reading of a query, from left to right."""

    def __init__(self, text: str, remarks: list[str]) -> None:
        self.words: list[Words] = []
        self.filters: list[Filter] = []
        self.without: list[str] = []
        self._text = text
        self._remarks = remarks
        self._at = 0
        self._unclosed: set[re.Pattern[str]] = set()  # quotes that don't come again: never looked for twice
        self._astray = False

    def read(self) -> None:
        while self._at < len(self._text):
            if self._text[self._at].isspace():
                self._at += 1
            else:
                self._one()

    def _one(self) -> None:
        """Reads from the beginning of a word or an operator to its end."""
        self._skip_astray()
        excluded = self._minus()
        if excluded:
            self._at += 1
            self._skip_astray()
        quoted = self._quoted()
        if quoted is not None:
            if _WORD.search(quoted):
                self._say(quoted, excluded, exact=True)
            else:
                self._remark(f"{shown(quoted)} in quotation marks has no word.")
                self._say(_plain(quoted), False)
        elif named := _FIELD.match(self._text, self._at):
            self._field(named, excluded)
        else:
            self._say(self._bare(), excluded)

    def _field(self, named: re.Match[str], excluded: bool) -> None:
        spelled, name = named[0], named[1].lower()
        self._at = named.end()
        self._skip_astray()
        quoted = self._quoted()
        if name not in FIELDS:
            if quoted is None:
                value = self._bare()
                whole = spelled + value
            else:
                value, whole = quoted, _plain(f"{spelled} {quoted}")
            if value:  # "DiLoCo: …" is a title
                self._remark(f"{shown(spelled)} is no field; {shown(whole)} was taken as plain words.")
            self._say(whole, excluded)
            return
        values = [quoted] if quoted is not None else self._several(name, self._bare().rstrip(",;?!)"))
        canonical = [_CANONICAL[name](_said(value)) for value in values]
        if all(canonical):
            self.filters += [Filter(name, value, excluded) for value in canonical]  # type: ignore[arg-type]
            return
        value = ",".join(values)
        self._remark(
            f"{shown(spelled + value)} is not understood: {name}: takes {_EXPECTED[name]}. It was taken as plain words."
        )
        self._say(_plain(f"{spelled} {value}"), excluded)

    @staticmethod
    def _several(name: str, value: str) -> list[str]:
        """`kind:caption,table` as people write it. A comma is part of a name."""
        return value.split(",") if name in ("year", "kind", "is", "has") else [value]

    def _say(self, text: str, excluded: bool, exact: bool = False) -> None:
        if not text:
            return
        if excluded and _WORD.search(text):
            self.without.append(_said(text))
        else:
            self.words.append(Words(_said(text) if exact else text, exact))

    def _minus(self) -> bool:
        """Whether a minus stands here that excludes what follows: not a dash, nor a number's sign."""
        if self._text[self._at : self._at + 1] not in tuple(_MINUS):
            return False
        after = self._text[self._at + 1 : self._at + 2]
        if not after or after.isspace() or after in _MINUS:
            return False
        own = _BARE.match(self._text, self._at + 1)
        assert own is not None
        return after in _CLOSING or bool(_WORD.search(own[0]) and not _NUMBER.fullmatch(own[0]))

    def _quoted(self) -> str | None:
        """What stands in the quotation marks that open here, with the reading moved behind them; None if none does."""
        opening = self._text[self._at : self._at + 1]
        if opening not in _CLOSING:
            return None
        for closing in (_CLOSING[opening], _QUOTE):
            if closing in self._unclosed:
                continue
            if found := closing.search(self._text, self._at + 1):
                inside = self._text[self._at + 1 : found.start()]
                self._at = found.end()
                return _said(inside)
            self._unclosed.add(closing)
        return None

    def _skip_astray(self) -> None:
        """Passes over quotation marks that nothing closes: they are as if they weren't there."""
        while self._text[self._at : self._at + 1] in _CLOSING and self._unclosed_here():
            self._at += 1
            if not self._astray:
                self._remark("A quotation mark isn't closed; it was left out.")
            self._astray = True

    def _unclosed_here(self) -> bool:
        at = self._at
        found = self._quoted() is None
        self._at = at
        return found

    def _bare(self) -> str:
        found = _BARE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]

    def _remark(self, text: str) -> None:
        self._remarks.append(text)


def _joined(words: Sequence[Words]) -> tuple[Words, ...]:
    """The words with neighbours that are plain made one."""
    found: list[list[str]] = []
    exact: list[bool] = []
    for one in words:
        if exact and not exact[-1] and not one.exact:
            found[-1].append(one.text)
        else:
            found.append([one.text])
            exact.append(one.exact)
    return tuple(Words(" ".join(texts), is_exact) for texts, is_exact in zip(found, exact, strict=True))


def _once(values: Collection) -> tuple:
    return tuple(dict.fromkeys(values))


def _said(text: str) -> str:
    """A phrase's or a value's own words: on one line, without quotation marks."""
    return " ".join(_QUOTE.sub(" ", _NOT_TEXT.sub(" ", text)).split())


def _plain(text: str) -> str:
    """`text` with nothing in it that could be an operator."""
    words = (word.lstrip(_MINUS) for word in re.sub("[:：]", " ", _said(text)).split())
    return " ".join(word for word in words if word)


def shown(text: str) -> str:
    """A stretch of a query in a message: in quotes, on one line, shortened, with nothing that could steer a terminal."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"'{one_line if len(one_line) <= 60 else one_line[:59] + '…'}'"


def _year(value: str) -> str | None:
    value = "".join(value.split())
    low: int | None = None
    high: int | None = None
    if re.fullmatch(_YEAR, value):
        low = high = int(value)
    elif found := _YEARS.fullmatch(value):
        low, high = (int(year) if year else None for year in found.groups())
    elif found := _SINCE.fullmatch(value):
        low = int(found[1])
    elif found := _COMPARED.fullmatch(value):
        sign, year = found[1], int(found[2])
        if sign == "=":
            low = high = year
        elif sign in (">", ">=", "≥"):
            low = year + (sign == ">")
        else:
            high = year - (sign == "<")
    known = [year for year in (low, high) if year is not None]
    if not known or known != sorted(known) or not all(1000 <= year <= 9999 for year in known):
        return None
    return str(low) if low == high else f"{low or ''}..{high or ''}"


def _one_of(names: Sequence[str]) -> Callable[[str], str | None]:
    def canonical(value: str) -> str | None:
        value = value.lower()
        return next((name for name in names if value in (name, name + "s")), None)

    return canonical


def _with_a_word(value: str) -> str | None:
    return value if _WORD.search(value) else None


_CANONICAL: dict[str, Callable[[str], str | None]] = {
    "author": _with_a_word, "year": _year, "section": _with_a_word, "in": _with_a_word, "kind": _one_of(KINDS),
    "list": _with_a_word, "topic": _with_a_word, "is": _one_of(STATES), "has": _one_of(THINGS),
}  # fmt: skip
_EXPECTED = {
    "author": "a name", "year": "a year or a range as 2020..2023, 2020.. or >2019", "section": "a section's heading",
    "in": "a paper's id", "kind": f"one of {', '.join(KINDS)}", "list": "a heading of the reading list",
    "topic": "words of a topic's name",
    "is": f"one of {', '.join(STATES)}", "has": f"one of {', '.join(THINGS)}",
}  # fmt: skip
