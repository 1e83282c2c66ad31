"""Who wrote what a reference names: its authors, read off the beginning of its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_YEAR = r"(?:1[89]|20)\d\d"


class Names(NamedTuple):
    """Authors read off an entry's beginning: where they end, and how sure (0 to 1) the reading is."""

    authors: tuple[str, ...]
    end: int
    sure: float


class _Token(NamedTuple):
    start: int
    end: int
    core: str  # without what trails it
    trail: str  # of `,` `;` `.` `:`


PARTICLES = frozenset(
    "de del della der den di da das do dos du el la le les lo van von vom zu zum zur ten ter te 't op y e bin ibn ben al av af".split()  # noqa: E501
)
SUFFIXES = frozenset(["jr", "sr", "ii", "iii", "iv"])
_ORGANISATION_WORDS = frozenset(
    ["of", "the", "for", "and", "&", "in", "on", "at", "und", "für", "de", "la", "et", "des"]
)
DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.[-–]?)*[^\W\d_]\.?")  # J, J., J.-B., C.T., Ch.B
_MOST_TOKENS = 900
_VOTERS = 12
_SURE = 0.8


def read_names(texts: Sequence[str]) -> list[Names]:
    """The authors of each entry of one list, from the entries' texts; none where a text begins with its title.

    The form of names is voted on by a sample; an entry that can't be read in it is read in the form that fits it best.
    """
    tokens = [_tokens(text) for text in texts]
    votes = dict.fromkeys(_FORMS, 0.0)
    for at in range(0, len(texts), 1 + len(texts) // _VOTERS):
        for form, read in _FORMS.items():
            names = read(texts[at], tokens[at])
            if names.sure >= _SURE:
                votes[form] += names.sure * min(len(names.authors), 4)
    order = sorted(_FORMS, key=lambda form: -votes[form])
    # These make a title's first words names where they aren't the list's own form.
    order = [form for form in order if form not in _FAR_FETCHED or votes[form] > 0.3 * votes[order[0]]]
    return [_authors(text, parts, order) for text, parts in zip(texts, tokens, strict=True)]


def only_names(text: str) -> bool:
    """Whether `text` is nothing but names of persons."""
    text = text.rstrip(" .,(") + "."
    names = _direct(text, _tokens(text))
    return names.sure >= 0.75 and len(names.authors[0].split()) <= 4


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in re.finditer(r"\S+", text):
        word = match[0]
        core = word.rstrip(",;.:")
        tokens.append(_Token(match.start(), match.end(), core, word[len(core) :]))
        if len(tokens) >= _MOST_TOKENS:
            break
    return tokens


@lru_cache(maxsize=8192)
def _is_initials(core: str, trail: str = "") -> bool:
    """`J`, `J.-B`, `C.T`, `G.E`; also two letters before a full stop (`Yu.`, `Ch.`) where the caller allows it."""
    if not core or len(core) > 9 or not core[0].isalpha():
        return False
    return bool(DOTTED.fullmatch(core)) or (len(core) <= 3 and core.isupper() and not trail.startswith("."))


@lru_cache(maxsize=8192)
def _is_name_word(core: str) -> bool:
    """Whether a word may be part of a name: it begins with a capital, or is a particle."""
    plain = core.strip("()*†‡{}")
    if not plain or _DIGIT.search(plain) or not (plain[0].isalpha() or plain[0] in "’'"):
        return False
    if plain.lower() in PARTICLES:
        return True
    at = plain[1:] if plain[0] in "’'" else plain
    return not at[:1].islower() or bool(re.match(r"[a-z]{1,2}[’'][A-Z]|[a-z]{1,3}[A-Z]|al-", at))


_DIGIT = re.compile(r"\d")


def _name_like(piece: Sequence[_Token]) -> float:
    """How much `First M. Last` a piece between separators is: 0 to 1."""
    words = [t.core for t in piece]
    if not words or len(words) > 7:
        return 0.0
    wrong = sum(not (_is_name_word(w) or _is_initials(w)) for w in words)
    if wrong:
        # a surname in lower case (`Ronan Le bras`) is a name still; a title's word among three is not
        return 0.6 if wrong == 1 and 2 <= len(words) <= 4 and words[0][:1].isupper() and len(words[-1]) > 2 else 0.0
    if all(_is_initials(w) for w in words):
        return 0.1
    if len(words) == 1:
        return 0.35
    return 1.0


def _separator(token: _Token) -> bool:
    return token.core.lower() in ("and", "&", "und", "et") and not token.trail


def _ends_all(tokens: Sequence[_Token], i: int) -> int:
    """If `et al.`, `and others`, `and N others` stands at `i`: the index after it, else -1."""
    at = i
    if tokens[at].core.lower() in ("and", "&") and at + 1 < len(tokens):
        at += 1
    word = tokens[at].core.lower()
    if word == "et" and at + 1 < len(tokens) and tokens[at + 1].core.lower() == "al":
        return at + 2
    if word in ("others", "et.al", "etal") and (at > i or word != "others"):
        return at + 1
    if word.isdigit() and at > i and at + 1 < len(tokens) and tokens[at + 1].core.lower() == "others":
        return at + 2
    return -1


_YEAR_TOKEN = re.compile(
    rf"[(\[]?{_YEAR}[a-z]?[)\]]?|\((?:{_YEAR}|in press|to appear|forthcoming|n\.d).*", re.IGNORECASE
)


def _text_of(text: str, piece: Sequence[_Token]) -> str:
    last = piece[-1]
    keep = 1 if last.trail.startswith(".") and DOTTED.fullmatch(last.core) and len(piece) > 1 else 0
    name = text[piece[0].start : last.start + len(last.core) + keep]
    return name.strip(" *†‡")


def _direct(
    text: str, tokens: Sequence[_Token], initial_ends: bool = False, by_comma: bool = False, by_colon: bool = False
) -> Names:
    """`First M. Last, F. Last, and Last` up to a full stop, a year, a quotation mark.

    `initial_ends`: names end with initials (`Last FM`). `by_comma`, `by_colon`: the title follows after one.
    """
    authors: list[str] = []
    scores: list[float] = []
    piece: list[_Token] = []

    def flush() -> None:
        if piece:
            if piece[0].core.lower() in SUFFIXES and len(piece) == 1 and authors:
                authors[-1] += f", {piece[0].core}" + "." * piece[0].trail.startswith(".")
            else:
                authors.append(_text_of(text, piece))
                scores.append(_name_like(piece))
            piece.clear()

    def done(end: int, factor: float = 1.0) -> Names:
        flush()
        if not authors:
            return Names((), 0, 0.0)
        sure = sum(scores) / len(scores)
        if len(scores) >= 3 and all(score == 0.35 for score in scores):
            sure = 0.6  # Vinyals, Kaiser, Koo, and Hinton
        return Names(tuple(authors), end, factor * sure)

    i = 0
    while i < len(tokens):
        token = tokens[i]
        after = _ends_all(tokens, i)
        if after >= 0:
            flush()
            if not authors:
                return Names((), 0, 0.0)
            return done(tokens[after - 1].end)
        if token.core[:1] in ("“", '"', "‘"):
            names = done(token.start)
            one = len(names.authors) == 1 and not (names.authors[0][0].islower() and names.authors[0].islower())
            return names._replace(sure=max(names.sure, 0.8)) if one and text[token.start - 2] == "," else names
        if _YEAR_TOKEN.fullmatch(token.core):
            return done(token.start)
        if token.core.lower() in ("(eds", "(ed", "editors", "editor", "eds"):
            return done(token.end)
        if _separator(token):
            flush()
            i += 1
            continue
        if by_comma and not piece and authors and not _starts_name(tokens, i):
            return done(token.start)
        if not token.core:
            if "," in token.trail:
                flush()
            i += 1
            continue
        piece.append(token)
        if len(piece) > 8:
            return Names((), 0, 0.0)
        if token.trail.startswith((",", ";")):
            flush()
        elif token.trail.startswith(":") and by_colon:
            return done(token.end)
        elif token.trail.startswith("."):
            if "," in token.trail or ";" in token.trail:
                flush()
            elif DOTTED.fullmatch(token.core) and not (initial_ends and len(piece) > 1):
                if i + 1 < len(tokens) and tokens[i + 1].core.lower() in ("and", "&"):
                    flush()
            elif not (token.core in ("St", "Ste", "Md", "Mohd") or (len(piece) == 1 and _transliterated(tokens, i))):
                return done(token.end)
        i += 1
    return done(len(text), 0.5) if len(text) < 60 else Names((), 0, 0.0)


def _transliterated(tokens: Sequence[_Token], i: int) -> bool:
    """Whether the two letters at `i` are an initial: `Yu. Nesterov.`"""
    if i + 1 >= len(tokens) or len(tokens[i].core) != 2 or not tokens[i].core[0].isupper():
        return False
    return tokens[i + 1].core[:1].isupper() and tokens[i + 1].trail[:1] in (",", ".")


def _starts_name(tokens: Sequence[_Token], i: int) -> bool:
    """Whether the piece that begins at token `i` and ends with a comma is a name with initials."""
    piece: list[_Token] = []
    for token in tokens[i : i + 6]:
        if _separator(token):
            if piece:
                break
            continue
        piece.append(token)
        if "," in token.trail or ";" in token.trail:
            break
    else:
        return False
    return len(piece) >= 2 and _name_like(piece) == 1.0 and any(_is_initials(t.core) for t in piece)


def _inverted(text: str, tokens: Sequence[_Token]) -> Names:
    """`Last, F. M., Last, First, and Last, F.`, also ended by a colon or a year."""
    authors: list[str] = []
    scores: list[float] = []
    i = 0
    while i < len(tokens):
        after = _ends_all(tokens, i)
        if after >= 0 and authors:
            return Names(tuple(authors), tokens[after - 1].end, _mean(scores))
        if _separator(tokens[i]) or tokens[i].core in ("", "…"):
            i += 1
            continue
        if tokens[i].core.lower() in ("(eds", "(ed", "editors", "eds", "others") and authors:
            return Names(tuple(authors), tokens[i].end, _mean(scores))
        surname_end = _surname(tokens, i)
        if surname_end < 0:
            break
        given_end, stops = _given(tokens, surname_end)
        if given_end == surname_end:
            break
        surname = tokens[i:surname_end]
        given = tokens[surname_end:given_end]
        suffix = ""
        if not stops and given_end < len(tokens) and tokens[given_end].core.lower() in SUFFIXES:
            suffix = f", {tokens[given_end].core}" + "." * tokens[given_end].trail.startswith(".")
            given_end += 1
        last = given[-1]
        dot = "." if last.trail.startswith(".") and DOTTED.fullmatch(last.core) else ""
        authors.append(text[surname[0].start : last.start] + last.core + dot + suffix)
        plain = [t for t in surname if t.core.lower() not in PARTICLES]
        easy = all(_is_initials(t.core, t.trail) or DOTTED.fullmatch(t.core) for t in given)
        scores.append(1.0 if easy else (0.9 if len(plain) == 1 and len(given) <= 3 else 0.3))
        i = given_end
        if stops:
            return Names(tuple(authors), tokens[i - 1].end, _mean(scores))
    if not authors:
        return Names((), 0, 0.0)
    end = tokens[i].start if i < len(tokens) else len(text)
    return Names(tuple(authors), end, _mean(scores) * (1.0 if i < len(tokens) else 0.5))


def _surname(tokens: Sequence[_Token], i: int) -> int:
    """The index after a surname of up to four words, the last with a comma; -1 if there is none at `i`."""
    for at in range(i, min(i + 5, len(tokens))):
        token = tokens[at]
        if _YEAR_TOKEN.fullmatch(token.core):
            return -1
        if not _is_name_word(token.core):
            lower = token.core.isalpha() and token.trail == "," and at + 1 < len(tokens)
            return at + 1 if lower and tokens[at + 1].trail and _is_dotted(tokens[at + 1]) else -1
        if token.trail == ",":
            return at + 1
        if token.trail and not (token.trail == "." and token.core.lower() in ("st", "ste")):
            return -1
    return -1


def _given(tokens: Sequence[_Token], i: int) -> tuple[int, bool]:
    """The index after the given names that begin at `i`, and whether the list of names ends with them."""
    at = i
    if at >= len(tokens):
        return i, False
    initials = _is_dotted(tokens[at])
    while at < len(tokens):
        token = tokens[at]
        if at > i and (_separator(token) or _ends_all(tokens, at) >= 0):
            return at, False
        if _YEAR_TOKEN.fullmatch(token.core) or token.core[:1] in ("“", '"', "‘", "("):
            return at, at > i
        if initials:
            if not (_is_dotted(token) or (at > i and token.core.lower() in PARTICLES)):
                return at, at > i
        elif not (_is_name_word(token.core) or _is_initials(token.core)) or at - i >= 4:
            return i, False
        at += 1
        if "," in token.trail or ";" in token.trail:
            return at, False
        if ":" in token.trail:
            return at, True
        if token.trail.startswith(".") and not initials:
            one_more = at < len(tokens) and _is_dotted(tokens[at]) and tokens[at].trail.startswith(".")
            follows = at < len(tokens) and (_separator(tokens[at]) or _ends_all(tokens, at) >= 0)
            if not (one_more or follows):
                return at, True
    return at, True


def _is_dotted(token: _Token) -> bool:
    """`J.`, `J.-B.`, `J.B.`, or a bare `J`; a single letter that begins a title (`A method`) is none."""
    if not DOTTED.fullmatch(token.core) and not (
        len(token.core) == 2 and token.core[0].isupper() and token.trail[:1] == "."
    ):
        return False
    return bool(token.trail) or "." in token.core or token.core not in ("A", "I")


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0


def _first_inverted(text: str, tokens: Sequence[_Token]) -> Names:
    """`Last, First, First Last, and First Last` (Chicago, MLA)."""
    match = re.match(r"([^\s,“\"]+(?: [^\s,“\"]+){0,2}), ([^,.“\"]{1,40}?)(?:\.,|,) (?=\S)", text)
    if not match or any(not _is_name_word(w) for w in match[1].split()):
        return Names((), 0, 0.0)
    rest = _direct(text[match.end() :], _tokens(text[match.end() :]))
    if not rest.authors:
        return rest
    several = any(len(a.split()) > 1 and not DOTTED.fullmatch(a.split()[-1].rstrip(".")) for a in rest.authors)
    return Names((match[0].rstrip(", "), *rest.authors), match.end() + rest.end, 0.9 * rest.sure if several else 0.0)


def _vancouver(text: str, tokens: Sequence[_Token]) -> Names:
    """`Last FM, Last F, Last FM.`: only initials without full stops count, at a name's end."""
    names = _direct(text, tokens, initial_ends=True)
    names = names._replace(authors=tuple(author.rstrip(".") for author in names.authors))
    fit = sum(bool(re.search(r" [A-Z]{1,3}$", a)) for a in names.authors)
    return names._replace(sure=1.05 * names.sure if names.authors and fit == len(names.authors) else 0.0)


def _by_comma(text: str, tokens: Sequence[_Token]) -> Names:
    """`F. Last, F. Last, A title, in: …` (Elsevier, SIAM): what is no name with initials is the title."""
    names = _direct(text, tokens, by_comma=True)
    if not names.authors or text[names.end - 1 : names.end] in ".:" or _quote_or_year(text[names.end :]):
        return names._replace(sure=0.0)
    fit = sum(any(_is_initials(w.rstrip(".")) for w in a.split()) for a in names.authors)
    return names._replace(sure=1.02 * names.sure if fit == len(names.authors) else 0.0)


def _by_colon(text: str, tokens: Sequence[_Token]) -> Names:
    """`First Last and First Last: A title.`"""
    names = _direct(text, tokens, by_colon=True)
    return names if text[names.end - 1 : names.end] == ":" else names._replace(sure=0.0)


def _quote_or_year(rest: str) -> bool:
    return bool(re.match(rf"[\s,.]*(?:[“\"‘]|[(\[]?{_YEAR})", rest))


_FORMS = {
    "direct": _direct,
    "inverted": _inverted,
    "first-inverted": _first_inverted,
    "vancouver": _vancouver,
    "by-comma": _by_comma,
    "by-colon": _by_colon,
}
_FAR_FETCHED = ("vancouver", "by-comma", "by-colon")


def _authors(text: str, tokens: Sequence[_Token], order: Sequence[str]) -> Names:
    """Who wrote it, read in the list's own form of names; where that doesn't fit, in the one that fits best."""
    best = _FORMS[order[0]](text, tokens)
    if best.sure < _SURE:
        others = [_FORMS[form](text, tokens) for form in order[1:]]
        best = (
            max([best, *others], key=lambda names: names.sure)
            if best.sure < 0.5
            else next((names for names in others if names.sure >= 0.95), best)
        )
    return best if best.sure >= 0.5 else _organisation(text)


_ORGANISATIONS = re.compile(
    r"\b(?:team|group|lab|labs|laborator(?:y|ies)|universit\w+|institut\w*|school|foundation|cent(?:er|re)|consortium|"
    r"committee|corporation|community|collaboration|department|project|contributors|developers|inc|ltd)\b",
    re.IGNORECASE,
)


def _organisation(text: str) -> Names:
    """`OpenAI. GPT-4 technical report`: a first sentence of capitalised words, or one that names an organisation."""
    none = Names((), 0, 0.0)
    match = re.match(
        r"([^“\"]{2,200}?)(?:(?<![\s.][A-Z])\.\s|\s?\((?=(?:1[89]|20)\d\d)|,\s(?=[“\"]|(?:1[89]|20)\d\d))", text
    )
    if not match or ":" in match[1] or not (match[1][0].isupper() or re.fullmatch(r"[\w-]+(?:\.[\w-]+)+", match[1])):
        return none
    words = match[1].split()
    told = bool(_ORGANISATIONS.search(match[1])) and (len(words) <= 5 or match[1].count(",") >= 2)
    named = len(words) <= 8 and "," not in match[1]
    named = named and all(
        _is_name_word(w) or w.lower() in _ORGANISATION_WORDS or w[:1].isupper() or "." in w for w in words
    )
    if not (told or named):
        return none
    return Names((match[1].strip(),), match.end(1) + (1 if text[match.end(1)] in ".," else 0), 0.5)
