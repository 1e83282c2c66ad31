"""A reference's text to its authors, title, year, venue and identifiers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from indexer import arxiv
from indexer.document import Reference
from indexer.extract.accents import accented
from indexer.extract.reference_names import DOTTED, Names, only_names, read_names

_LONGEST = 6000  # characters of an entry that are looked at; hundreds of authors fit

YEAR = r"(?:1[89]|20)\d\d"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>{}]+")
URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
ARXIV_WORD = re.compile(r"arxiv|\bCoRR\b", re.IGNORECASE)
_BARE_ARXIV = re.compile(r"(?<![\d./])(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})(?:v\d+)?(?!\d)")
# A spacing accent before the letter that it belongs to (TeX draws it first), within a word that it cut, or anywhere.
_ACCENT_BEFORE = re.compile(r"(?<!\s)([´`¨ˇ˜ˆ¸˚˙˝˘¯˛])([^\W\d_])")
_ACCENT_CUTS = re.compile(r" ?[´`¨ˇ˜ˆ¸˚˙˝˘¯˛] (?=[a-zı]+[,.;]|[a-zı]{3,}\b)(?!(?:and|van|von|del|den|der)\b)")
_ACCENT_LOST = re.compile(r" ?[´`¨ˇ˜ˆ¸˚˙˝˘¯˛]")


ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"'])(?:[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]?|[^\W\d_]\.-[^\W\d_]|al|pp|p|vol|vols|no|nos|ed|eds|proc|conf|int|"
    r"intl|trans|symp|adv|ann|j|jr|sr|st|dr|prof|vs|cf|e\.g|i\.e|ch|sec|fig|approx|univ|dept|tech|rep|comput|commun|soc|"
    r"math|phys|sci|lett|rev|syst|mag|select|ser|mach|learn|res|assoc|art)\.$",
    re.IGNORECASE,
)


def parse(raw: str, label: str = "", page: int = 0, n: int = 1) -> Reference:
    """The entry `raw`, on one line and without its label, understood by itself. See `parse_all`, which knows better."""
    return parse_all([(raw, label, page)], first=n)[0]


def parse_all(entries: Sequence[tuple[str, str, int]], first: int = 1) -> tuple[Reference, ...]:
    """The references of one list from their (raw, label, page), numbered from `first`.

    A list tells more than an entry: see `reference_names.read_names`.
    """
    texts = [_readable(raw) for raw, _, _ in entries]
    return tuple(
        _reference(Reference(first + at, raw, page, label), text, names)
        for at, ((raw, label, page), text, names) in enumerate(zip(entries, texts, read_names(texts), strict=True))
    )


def _readable(raw: str) -> str:
    text = unicodedata.normalize("NFC", raw[:_LONGEST])
    text = text.replace("\u00ad", "").replace("``", "“").replace("''", "”")
    if _ACCENT_LOST.search(text):
        text = _ACCENT_LOST.sub(
            "", _ACCENT_CUTS.sub("", _ACCENT_BEFORE.sub(lambda m: accented(m[2], m[1]) or m[2], text))
        )
    text = re.sub(r"\b([ÇŁØÅŠŽĆĐŚ]) (?=[a-zğı])", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()


def _reference(bare: Reference, text: str, names: Names) -> Reference:
    by_comma = text[: names.end].endswith(", ")
    title, after, year = _title(text[names.end :], by_comma)
    if (
        len(names.authors) > 1
        and " " not in names.authors[-1]
        and " " in names.authors[0]
        and re.fullmatch(r"\w+", title)
    ):
        # a full stop within a name, as the list has it: `Reinhard Kneser and Hermann. Ney. Improved`
        whole = f"{names.authors[-1]}. {title}"
        title, after, year = _title(after)
        names = names._replace(authors=(*names.authors[:-1], whole))
    if len(names.authors) == 1 and not title and not any(DOTTED.fullmatch(w) for w in names.authors[0].split()):
        # nothing is left that could be a title: what was taken for a name is one (`PyTorch. https://…`)
        title, names = names.authors[0], names._replace(authors=())
    elif not names.authors and not title:
        title, after, year = _title(text)
    return replace(
        bare,
        title=title,
        authors=names.authors,
        year=year if year is not None else _year(after, text, title),
        venue=_venue(after),
        arxiv_id=_arxiv_id(text),
        doi=_doi(text),
    )


def _is_title(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2,}", text)) and not re.match(
        rf"(?:https?:|www\.|URL\b|doi\b|arXiv\b|Accessed\b|Available\b|In [A-Z]|{_MONTH} {YEAR})", text, re.IGNORECASE
    )


_AFTER_TITLE = re.compile(
    r"In:? (?=[\W\dA-Z])|in: |arXiv|ArXiv|arxiv|CoRR\b|Proc\.|Proceedings\b|Advances in\b|Journal of\b|IEEE\b|ACM\b|"
    r"https?:|www\.|(?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|edu|gov|nl|de|uk|fr)\b|pages? \d|pp\. ?\d|doi\b|DOI\b|URL\b|"
    r"Technical [Rr]eport|Tech\. [Rr]ep|PhD [Tt]hesis|Ph\.D\.|Master.s [Tt]hesis|Springer|Transactions\b|Nature\b|"
    r"Science\b|Neural [Cc]omputation|PMLR|\[Online\]|Available|Accessed|Preprint|preprint"
)
_COMMA_ENDS = re.compile(
    r",\s+(?=(?:in: |in (?:Proc|Advances|Int|IEEE|ACM|The |Conference|\d)|In:? [A-Z\d]|arXiv|ArXiv|CoRR|URL\b|https?:|"
    rf"doi:|(?:(?i:{_MONTH})\s+)?{YEAR}[a-z]?(?:[.,;]|$)|vol(?:ume|\.)? ?\d|\d+(?:st|nd|rd|th) (?:ed|edition)|"
    r"(?:[Ff]irst|[Ss]econd|[Tt]hird) edition))"
)
_MONTH_YEAR = re.compile(rf"{_MONTH} {YEAR}", re.IGNORECASE)
_STOP = re.compile(r"[.?!][”\"’')\]]*(?:\s+|$)")
_TITLE_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[-])(?:vs|e\.g|i\.e|etc|cf|al|St|Dr|Mr|Mrs|No|no|vol|approx|Jr|Inc|U\.S|U\.K|U\.S\.A|Ph|Prof|Eq|Fig|Sec|"
    r"pt|Pt|ver|v)$"
)
_PAIRS = {"“": "”", '"': '"', "‘": "’", "«": "»"}
_JOURNAL_AT = re.compile(rf"(?:,|\.)\s+(?=[A-Z][^,.]{{2,80}}?,?\s\d+\s?(?:\(\d+\)|,|:|\({YEAR}))")


def _title(rest: str, by_comma: bool = False) -> tuple[str, str, int | None]:
    """The title that `rest` begins with, what follows it, and the year if one stands before it.

    `by_comma`: commas part the fields of this entry.
    """
    rest = rest.lstrip(" .,;:")
    year = None
    match = re.match(
        rf"[(\[]({YEAR})([a-z]?)(?:,? ?{_MONTH}(?: \d+)?| ?\[\d{{4}}\]|/\d+)?[)\]][.,:;]*(?:\s+|$)|"
        rf"({YEAR})[a-z]?(?: ?\[\d{{4}}\]|/\d+)?[.,:;]+(?:\s+|$)|"
        rf"\(({YEAR})[^()]{{0,30}}\)[.,:;]*(?:\s+|$)|[(\[]?n\. ?d\.?[)\]]?[.,:]*\s+",
        rest,
    )
    if match:
        digits = match[1] or match[3] or match[4]
        year = int(digits) if digits else None
        rest = rest[match.end() :]
    if rest[:1] in _PAIRS:
        quoted = _quoted(rest)
        if quoted:
            return (*quoted, year)
    end = _comma_end(rest) if by_comma else _title_end(rest)
    title = re.sub(r" \([A-Z][\w/ -]{1,24} [’']\d\d\)$", "", rest[:end].strip(" .,;:"))
    if not _is_title(title):
        return "", rest, year
    return title, rest[end:].lstrip(' .,;:”"’'), year


def _quoted(rest: str) -> tuple[str, str] | None:
    """A title in quotation marks and what follows; None where only its first words are quoted."""
    close = _PAIRS[rest[0]]
    at = 0
    while True:
        at = rest.find(close, at + 1)
        if at < 0:
            return None
        before, after = rest[at - 1], rest[at + 1 : at + 2]
        # an apostrophe is no end of a quotation, nor are words that are quoted within it
        if close == "’" and after.isalpha():
            continue
        if after == ":" or at > 600:
            return None
        if before in ",.?!" or after in (",", ".", "") or _AFTER_TITLE.match(rest[at + 1 :].lstrip()):
            break
    title = rest[1:at].strip().rstrip(",.;").strip()
    return title, rest[at + 1 :].lstrip(" .,;:")


def _comma_end(rest: str) -> int:
    """Where a title ends that a comma parts from its venue: proceedings, a journal and volume, a publisher and year."""
    match = _COMMA_ENDS.search(rest, 0, 700) or _COMMA_JOURNAL.search(rest, 0, 700)
    return match.start() if match else _title_end(rest)


_COMMA_JOURNAL = re.compile(
    rf",\s(?=[A-Z][\w.&’' -]{{1,80}}?,?\s(?:\d+\s?(?:[(:,]|$)|\(?{YEAR})|[A-Z][\w.&’' -]{{1,60}}, {YEAR}|[Vv]ol)"
)


def _title_end(rest: str) -> int:
    limit = min(len(rest), 700)
    stops: list[tuple[int, int]] = []
    for match in _STOP.finditer(rest, 0, limit):
        stops.append((match.start(), match.end()))
    comma = _COMMA_ENDS.search(rest, 0, limit)
    commas = comma.start() if comma else len(rest)
    for start, after in stops:
        if start >= commas:
            return commas
        follows = rest[after:]
        venue = bool(_AFTER_TITLE.match(follows))
        if rest[start] in "?!":
            if venue or not follows or _journal(follows):
                return start + 1
            continue
        word = rest[max(0, start - 12) : start]
        if _TITLE_ABBREVIATION.search(word) and not venue:
            continue
        if re.search(r"(?:^|[\s.])[A-Z]$", word) and not venue and re.match(r"[A-Z]\.|[a-z]", follows):
            continue
        if (
            follows[:1].islower()
            and not venue
            and not _MONTH_YEAR.match(follows)
            and not re.match(r"[a-z]{0,3}(?:arXiv|Rxiv|corr\b|http|pp\b|vol)", follows)
        ):
            continue
        return start
    if comma:
        return commas
    journal = _JOURNAL_AT.search(rest, 0, limit)
    if journal:
        return journal.start()
    return len(rest.rstrip(" .")) if len(rest) < 400 else limit


def _journal(text: str) -> bool:
    """Whether `text` begins with a journal's name and volume, or a venue and a year, before any full stop."""
    return bool(_JOURNAL.match(text))


_JOURNAL = re.compile(
    rf"[A-Z][^.?!]{{2,120}}?(?:,\s?(?:vol|no|pp|pages|\d)|\s\d+\s?\(|,\s(?:{_MONTH} )?{YEAR})"
    r"|(?:[A-Z][A-Za-z]{0,10}\.?,? ){1,6}\d"
)
_EDITORS = re.compile(r".{3,200}?(?:,\s[Ee]ditors?,|\(?[Ee]ds?\.\)?[,.:]?)\s+")
_VENUE_ENDS = re.compile(
    rf",?\s\(?(?=(?:pp?\.|pages?\b|vol\.|vols?\b|[Vv]olume\b|no\.|[Aa]rticle\b|abs/|{_MONTH}\s|doi\b|URL\b|https?:|arXiv:))"
    rf"|,?\s\(?(?={YEAR}[a-z]?(?:[).,;]|$))|,?\s(?=\d+\s?(?:\(|:|,|–|$)|\d+\.$)|\.\s+|\.$"
)
_NO_VENUE = re.compile(
    rf"(?:https?:|www\.|URL\b|doi\b|Accessed|Available|From\b|[Pp]ublic(?:al)?ly\b|\[|\(?{YEAR}|{_MONTH}\s|pp?\.|pages\b|\d+[,:(]|ISBN|"
    r"Last |Software|volume\b|vol\.|$)",
    re.IGNORECASE,
)


_VENUE_GOES_ON = re.compile(r"(?:and|on|of|in|for)\b|[A-Z][a-z]{0,9}\.(?:[\s,]|$)|\([A-Z]")


def _editors(text: str) -> bool:
    """Whether what stands before the word `editors` is nothing but names, so that the venue follows."""
    return only_names(re.sub(r"[,(\s]*(?:[Ee]ditors?|[Ee]ds?\.?)\W*$", "", text))


def _venue(after: str) -> str:
    after = re.sub(r"^(?:[Ii]n:?\s+)+", "", after[:800].lstrip(' .,;:”"'))
    if re.match(r"arXiv|ArXiv|arxiv", after):
        return "arXiv"
    after = re.sub(rf"^{YEAR} (?=[A-Z])", "", after)
    if _NO_VENUE.match(after):
        return ""
    editors = _EDITORS.match(after)
    if editors and editors.end() < len(after) - 5 and _editors(editors[0]):
        after = re.sub(r"^[Ii]n:?\s+", "", after[editors.end() :])
    for match in _VENUE_ENDS.finditer(after):
        if match[0].startswith(".") and (
            ABBREVIATION.search(after[max(0, match.start() - 20) : match.start() + 1])
            or _VENUE_GOES_ON.match(after, match.end())
        ):
            continue
        if match.start() > 1:
            after = after[: match.start()]
            break
    venue = after.strip(" .,;:")
    if re.fullmatch(r"\S+\.[a-z]{2,4}(?:/\S*)?", venue):
        return ""  # an address
    if venue.count("(") > venue.count(")"):
        venue = venue + ")" if re.search(r"\([A-Z][\w’' -]{1,20}$", venue) else venue[: venue.rindex("(")].rstrip(" ,")
    return venue if re.search(r"[^\W\d_]{2}", venue) and len(venue) <= 300 else ""


_ACCESSED = re.compile(
    r"\[?(?:Online[;,.]?\s*)?(?:last\s+)?(?:accessed|visited|retrieved|checked)\b[^.\]]{0,40}", re.IGNORECASE
)
_YEARS = re.compile(rf"(?<![\d–/:.])(?<!\d-)({YEAR})[a-z]?(?![\d–])(?!-\d{{3,}})(?!\.\d)")


def _year(after: str, text: str, title: str) -> int | None:
    """The year that is printed after the title; then one anywhere outside it."""
    for place in (after, text.replace(title, " ") if title else text):
        plain = _ACCESSED.sub(" ", DOI.sub(" ", URL.sub(" ", place)))
        plain = re.sub(r"abs/\S+|arXiv:\S+", " ", plain, flags=re.IGNORECASE)
        plain = re.sub(r"(?:pp?\.|pages?)\s*\d+(?:\s?[–-]\s?\d+)?", " ", plain)
        years = _YEARS.findall(plain)
        years = [year for year in years if year >= "1900"] or years
        if years:
            bracketed = re.findall(rf"\((?:{_MONTH} )?({YEAR})[a-z]?\)", plain)
            return int(bracketed[-1]) if bracketed else int(years[-1])
    return None


def _arxiv_id(text: str) -> str | None:
    found = arxiv.find_all(text)
    if found:
        return found[0][1].id
    if ARXIV_WORD.search(text):
        match = (
            _BARE_ARXIV.search(text)
            or re.search(r"\babs/(\d{4}\.\d{4,5})", text)
            or re.search(r"arXiv:\s*[a-z-]+(?:\.[A-Z]{2})?/(\d{4}\.\d{4,5})", text)
        )
        if match:
            return match[1]
    return None


def _doi(text: str) -> str | None:
    match = DOI.search(text)
    if not match:
        return None
    doi = match[0].rstrip(".,;:")
    while doi and doi[-1] in ")]" and doi.count(doi[-1]) > doi.count("(["[")]".index(doi[-1])]):
        doi = doi[:-1].rstrip(".,;:")
    return doi
