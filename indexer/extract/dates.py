"""Dates as papers print them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

# English, German, French, Spanish, Italian and Portuguese: a month's name, or its first letters.
_MONTHS = (
    "january jan januar jänner janvier enero gennaio janeiro", "february feb februar février febrero febbraio fevereiro",
    "march mar märz mars marzo março", "april apr avril abril aprile", "may mai mayo maggio maio",
    "june jun juni juin junio giugno junho", "july jul juli juillet julio luglio julho", "august aug août agosto",
    "september sep sept septembre septiembre settembre setembro", "october oct oktober octobre octubre ottobre outubro",
    "november nov novembre noviembre novembro", "december dec dezember décembre diciembre dicembre dezembro",
)  # fmt: skip
_NUMBER_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH = rf"(?P<m>{'|'.join(sorted(_NUMBER_OF, key=len, reverse=True))})\.?"
_YEAR = r"(?P<y>(?:19[5-9]|20[0-9])\d)"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.|º|er)?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_DAY}\s+(?:of\s+|de\s+)?{_MONTH},?\s+(?:de\s+)?{_YEAR}\b",
        rf"\b{_MONTH}\s+{_DAY}(?:\s*,)?\s+{_YEAR}\b",
        rf"\b{_MONTH},?\s+(?:de\s+)?{_YEAR}\b",
        rf"\b{_YEAR}[-/.](?P<m>0[1-9]|1[0-2])[-/.](?P<d>[0-3]\d)\b",
        rf"{_YEAR}\s?年\s?(?P<m>\d{{1,2}})\s?月(?:\s?(?P<d>\d{{1,2}})\s?日)?",
    )
)
_ANY_YEAR = re.compile(rf"(?<![\d/.:-]){_YEAR}(?![\d/])")
_APPEARED = re.compile(
    r"conference|proceedings|journal|transactions|workshop|symposium|published|accepted|\bvol(?:ume|\.)|©|copyright|"
    r"\d\s*\((?:19|20)\d\d\)\s*\d|\bissn\b|preprint|technical report|white paper|\bpress\b|(?<![a-z])[A-Z]{3,8}\s?['’]\s?\d\d",
    re.IGNORECASE,
)
# When somebody fetched it, what its template says, when a link was looked at: none of them is the paper's date.
_OTHER = re.compile(r"downloaded|licen[sc]ed use|accessed|class files|permission|https?:", re.IGNORECASE)


def date_in(text: str) -> str:
    """The first date in a text, in ISO form, with its day or only its month, as printed; "" if there is none."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            month = match["m"].casefold()
            number = int(month) if month.isdigit() else _NUMBER_OF[month]
            day = match.groupdict().get("d")
            try:
                date = datetime(int(match["y"]), number, int(day) if day else 1)
            except ValueError:
                continue
            return date.date().isoformat() if day else f"{date:%Y-%m}"
    return ""


def is_date(text: str) -> bool:
    """Whether a line is a date, perhaps with a word or two before it."""
    return len(text.split()) <= 6 and bool(date_in(text))


def printed_date(around: Iterable[str], edges: Iterable[str]) -> str:
    """When a paper appeared: the date in a line around its title or one that says `Date:`, else a year.

    The year is that of a line, first among those at the page's `edges`, which says where the paper appeared.
    """
    around, edges = list(around), list(edges)
    dated = [text for text in around if len(text.split()) <= 14]
    dated += [text for text in edges if re.match(r"\W*date\W", text, re.IGNORECASE)]
    for text in dated:
        if not _OTHER.search(text) and (date := date_in(text)):
            return date
    for text in edges + around:
        if len(text.split()) <= 20 and _APPEARED.search(text) and not _OTHER.search(text):
            match = _ANY_YEAR.search(text)
            if match:
                return match["y"]
    return ""


def iso(printed: str) -> str:
    """A date such as `12 Mar 2019` in ISO form, "" if it is none."""
    try:
        return datetime.strptime(" ".join(printed.split()), "%d %b %Y").date().isoformat()
    except ValueError:
        return ""
