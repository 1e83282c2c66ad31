"""arXiv identifiers: read from every form in which people write them, and turned into addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass

# YYMM.NNNN from April 2007 to 2014, YYMM.NNNNN since; before that archive[.SUBJECT]/YYMMNNN.
# https://info.arxiv.org/help/arxiv_identifier.html
_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga|"
    "funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|"
    "q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_NEW = r"(?P<new>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})"
_OLD = rf"(?P<old>(?:{_ARCHIVES})(?:\.[a-z-]{{2,12}})?/(?:9\d|0[0-7])(?:0[1-9]|1[0-2])\d{{3}})"
_ID = rf"(?:{_NEW}|{_OLD})(?:v(?P<version>[1-9]\d{{0,2}}))?"
_HOST = r"(?<![a-z0-9-])(?:[a-z0-9-]+\.)?arxiv\.org"
_PATH = r"/+(?:(?:abs|pdf|html|format|ps|e-print|src|list)/+|ftp/arxiv/papers/\d{4}/)(?:arxiv:)?"
# Other sites' pages for one arXiv paper, under its id.
_MIRROR = (
    r"(?<![a-z0-9-])(?:huggingface\.co/papers|alphaxiv\.org/(?:abs|pdf|html|overview)|ar5iv\.org/(?:abs|pdf|html)|"
    r"arxiv-vanity\.com/papers|xxx\.lanl\.gov/(?:abs|pdf|ps))/"
)
_BARE = re.compile(rf"{_ID}", re.IGNORECASE)
_PREFIXED = re.compile(rf"(?:arxiv\s?:\s?|\bCoRR,?\s*abs/){_ID}(?![\d.]*\d)", re.IGNORECASE)
_URL = re.compile(rf"(?:https?:)?(?://)?(?:{_HOST}{_PATH}|{_MIRROR}){_ID}(?![\d])", re.IGNORECASE)
_DOI = re.compile(rf"10\.48550/arxiv\.{_ID}(?![\d])", re.IGNORECASE)
_STAMP = re.compile(rf"arXiv:{_ID}\s*\[[a-z-]+(?:\.[A-Za-z-]+)?\]\s*(?P<date>\d{{1,2}}\s+[A-Z][a-z]{{2}}\s+\d{{4}})")


@dataclass(frozen=True)
class ArxivId:
    """An arXiv identifier. `id` has no version; `version` is None where none was named, which means the newest."""

    id: str
    version: int | None = None

    @property
    def versioned(self) -> str:
        """`id` with `vN` where a version is named."""
        return self.id if self.version is None else f"{self.id}v{self.version}"

    @property
    def year(self) -> int | None:
        """The year in which it was announced, as its id says it."""
        digits = self.id.rpartition("/")[2][:2]
        year = int(digits)
        return (1900 if year >= 91 else 2000) + year


def parse(text: str) -> ArxivId | None:
    """The identifier that `text` as a whole is: an id, `arXiv:id`, an arXiv URL or an arXiv DOI. None if it is none."""
    text = text.strip()
    for pattern in (_BARE, _PREFIXED):
        if match := pattern.fullmatch(text):
            return _made(match)
    if re.match(r"(?:https?:)?//|[a-z0-9.-]+\.(?:org|co|gov)/|doi:|10\.", text, re.IGNORECASE):
        for pattern in (_URL, _DOI):
            if match := pattern.search(text):
                return _made(match)
    return None


def find_all(text: str) -> list[tuple[int, ArxivId]]:
    """Every identifier written in running text as a URL, a DOI or `arXiv:id`, with its offset. Bare numbers are not."""
    return [(at, identifier) for at, identifier, _, _ in _found(text)]


def find_spans(text: str) -> list[tuple[int, int, ArxivId]]:
    """As `find_all`, with where each begins and ends, the URL or `arXiv:` around the id included."""
    return [(start, end, identifier) for _, identifier, start, end in _found(text)]


def _found(text: str) -> list[tuple[int, ArxivId, int, int]]:
    found: dict[int, tuple[int, ArxivId, int, int]] = {}
    for pattern in (_URL, _DOI, _PREFIXED):
        for match in pattern.finditer(text):
            at = match.start("new") if match["new"] else match.start("old")
            end = match.end() + (4 if text[match.end() : match.end() + 4].lower() == ".pdf" else 0)
            found.setdefault(at, (at, _made(match), match.start(), end))
    return [found[at] for at in sorted(found)]


def stamp(text: str) -> tuple[ArxivId, str] | None:
    """The stamp that arXiv prints in the margin of a first page, with its date as printed; None if there is none.

    Only the stamp counts, with its category and date: a first page may cite other papers by id.
    """
    match = _STAMP.search(text)
    return (_made(match), match["date"]) if match else None


def from_file_name(stem: str) -> ArxivId | None:
    """The identifier that a file's stem is: `2311.08105v2`, `arXiv-2311.08105`, `cs_0502012`."""
    stem = re.sub(r"^arxiv[-_. :]*", "", stem, flags=re.IGNORECASE)
    match = _BARE.fullmatch(stem) or _BARE.fullmatch(re.sub(r"^([a-z-]+(?:\.[A-Z]{2})?)[_-](?=\d{7})", r"\1/", stem))
    return _made(match) if match else None


def _made(match: re.Match[str]) -> ArxivId:
    if match["new"]:
        identifier = match["new"]
    else:
        archive, number = match["old"].split("/")  # arXiv's own ids leave the subject class out: cs.AI/… is cs/…
        identifier = f"{archive.partition('.')[0].lower()}/{number}"
    return ArxivId(identifier, int(match["version"]) if match["version"] else None)
