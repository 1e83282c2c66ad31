"""A document as a bibliography has it: BibTeX and CSL-JSON, of what is known of it and no more.

No journal, no pages and no publisher are known here, so that an entry is a `misc`, as arXiv exports its papers, and in
CSL an `article` (a preprint), a `webpage` or a `document`. Text stays in its own script, in UTF-8; what LaTeX would take
for its own is escaped, `$…$` that can be a formula stays one, and capitals that a style must not lower are in braces.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from indexer import arxiv, links
from indexer.library import Generation, Summary
from service.derived import Once
from service.papers import summary_of

# Each is one character of text. BibTeX counts a brace behind a backslash too, so that \{ alone would open a group.
_LATEX = {"\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}",
          "^": r"\textasciicircum{}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_"}  # fmt: skip
_FORMULA = re.compile(r"(?<!\\)\$(?![\s$])((?:[^$\\]|\\.)*?[^\s$\\])\$(?![\w$])")
_STOP = frozenset(
    "a an the on in of for to toward towards and or with from by is are at as via how what why do does".split()
)
_GROUPS = ("team", "group", "collaboration", "consortium", "community", "project", "et al", "et al.")
_SUFFIX = re.compile(r"(?:,|(?<!\s))\s+(?P<suffix>(?:Jr|Sr)\.?|I{2,3}|IV)\Z")


@dataclass(frozen=True)
class Citation:
    """How one paper is cited: its key, its BibTeX entry, and its CSL-JSON item."""

    id: str
    key: str
    bibtex: str
    csl: dict[str, Any]


def cite(generation: Generation, ids: Sequence[str]) -> tuple[Citation, ...]:
    """How these papers are cited, in their order, each once. Raises `UnknownDocument`."""
    summaries = {summary.id: summary for summary in (summary_of(generation, name) for name in ids)}
    named = keys(generation)
    return tuple(_cited(summary, named[summary.position]) for summary in summaries.values())


def keys(generation: Generation) -> tuple[str, ...]:
    """The key of each document, by position: family name, year and a word of the title, as in `vaswani2017attention`;
    of one whose authors nobody knows, the word and the year.

    Where several have the same, each has its id behind it. So a key changes only when its author, year or title does, or
    when a paper joins that has the same.
    """
    return _made(generation)


def _unique(generation: Generation) -> tuple[str, ...]:
    summaries = generation.catalogue.summaries
    plain = [_key(summary) for summary in summaries]
    counts = Counter(plain)
    found = [key if counts[key] == 1 else f"{key}-{_ascii(s.id, '-')}" for key, s in zip(plain, summaries, strict=True)]
    taken: set[str] = set()
    for place, key in enumerate(found):
        while key in taken:  # two ids that differ in signs alone
            key += "x"
        taken.add(key)
        found[place] = key
    return tuple(found)


_made = Once(_unique)


def _key(summary: Summary) -> str:
    family = _ascii(_name(summary.authors[0]).get("family") or _name(summary.authors[0]).get("literal", "")
                    if summary.authors else "", "")  # fmt: skip
    words = [_ascii(word, "") for word in re.findall(r"[^\W_]+", _FORMULA.sub(" ", summary.title))]
    word = next((word for word in words if word and word not in _STOP), "")
    word, year = word[:30], _year(summary) or ""
    return f"{family}{year}{word}" if family else f"{word or 'untitled'}{year}"


def _ascii(text: str, separator: str) -> str:
    from slugify import slugify

    return slugify(text, separator=separator, max_length=80)


def _year(summary: Summary) -> int | None:
    identifier = arxiv.parse(summary.arxiv_id) if summary.arxiv_id else None
    return summary.year or (identifier.year if identifier else None)


def _cited(summary: Summary, key: str) -> Citation:
    return Citation(summary.id, key, _bibtex(summary, key), _csl(summary, key))


def _doi(summary: Summary) -> str | None:
    """The DOI that the list gives it, arXiv's own apart, which says no more than its id."""

    given = [address.removeprefix("doi:") for address in summary.entry.addresses if address.startswith("doi:")]
    given += [found for link in summary.entry.links if link.label == "doi" and (found := links.doi(link.url))]
    return next((doi for doi in given if not doi.startswith("10.48550/")), None)


def _url(summary: Summary) -> str:
    url = summary.link or next((a for a in summary.entry.addresses if a.startswith("http")), "")
    if not url.startswith(("http://", "https://")):
        url = f"https://arxiv.org/abs/{summary.arxiv_id}" if summary.arxiv_id else ""
    return quote(url, safe="%!$&'()*+,/:;=?@_~#-.[]", errors="replace")


def _is_page(summary: Summary) -> bool:
    """Whether it is a page on the web, and no paper that has pages, an id or a DOI."""
    return bool(_url(summary)) and not (summary.arxiv_id or _doi(summary) or summary.pages or summary.text == "record")


# ---------------------------------------------------------------- BibTeX


def _bibtex(summary: Summary, key: str) -> str:
    """The entry, a field a line, with a line break at its end."""
    from bibtexparser.library import Library
    from bibtexparser.model import Entry, Field
    from bibtexparser.writer import BibtexFormat, write

    form = BibtexFormat()
    form.indent, form.trailing_comma = "  ", True
    fields = [Field(name, f"{{{value}}}") for name, value in _fields(summary)]
    return write(Library([Entry("misc", key, fields)]), form)


def _fields(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "title", title_in_latex(summary.title)
    if people := " and ".join(filter(None, map(_author, summary.authors))):
        yield "author", people
    if year := _year(summary):
        yield "year", str(year)
    if re.match(r"\d{4}-\d\d", summary.date) and 1 <= (month := int(summary.date[5:7])) <= 12:
        yield "month", str(month)
    if summary.arxiv_id:
        yield "eprint", summary.arxiv_id
        yield "archiveprefix", "arXiv"
    if doi := _doi(summary):
        yield "doi", _verbatim(doi)
    if url := _url(summary):
        yield "url", url
    if _is_page(summary) and (day := summary.origin.fetched[:10]):
        yield "urldate", day


def title_in_latex(title: str) -> str:
    """A title as LaTeX has it, formulas as they are, in braces what has to keep its capitals."""
    title = _one_line(title)
    parts, at = [], 0
    keeps = _keeping_capitals(_FORMULA.sub(" ", title))
    for match in _FORMULA.finditer(title):
        if not _is_formula(match[1]):
            continue
        parts += [_words_in_latex(title[at : match.start()], keeps), f"{{{match[0]}}}"]
        at = match.end()
    latex = "".join((*parts, _words_in_latex(title[at:], keeps)))
    paired = latex.replace(r"\textbraceleft{}", r"\{").replace(r"\textbraceright{}", r"\}")  # which more programs know
    return paired if _balanced(paired) else latex


def _balanced(text: str) -> bool:
    depth = 0
    for sign in re.findall(r"[{}]", text):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _is_formula(inside: str) -> bool:
    """Whether what stands between two dollars can be set as a formula: its braces match, and no sign ends the line."""
    signs = re.findall(r"\\.|[{}%#&]", inside)
    groups = "".join(sign for sign in signs if len(sign) == 1)
    return _balanced(inside) and _balanced(groups) and not {"%", "#", "&", r"\\"} & set(signs)


def _keeping_capitals(title: str) -> bool:
    """Whether a capital at the beginning of a word says something: in a title that has few of them, it is a name's."""
    words = [word for word in re.findall(r"[^\W\d_]+", title)[1:] if len(word) > 3]
    return bool(words) and sum(word[0].isupper() for word in words) * 2 < len(words)


def _words_in_latex(text: str, keeps: bool) -> str:
    """Words, escaped; in braces those with a capital behind their first letter, and names where `keeps` says so."""
    shouts = text.isupper() and len(text.split()) > 2
    parts = []
    for place, part in enumerate(re.split(r"(\s+)", text)):
        inner = re.search(r"[^\W_](?:.*[^\W_])?", part)
        begins = place == 0 or (place > 1 and parts[place - 2].endswith((":", ".", "?", "!")))
        if inner and not shouts and (_has_capital(inner[0]) or (keeps and not begins and inner[0][0].isupper())):
            start, end = inner.span()
            part = f"{_in_latex(part[:start])}{{{_in_latex(inner[0])}}}{_in_latex(part[end:])}"
        else:
            part = _in_latex(part)
        parts.append(part)
    return "".join(parts)


def _has_capital(word: str) -> bool:
    """Whether a word has a capital that is no beginning of it, or of a part of it behind a hyphen."""
    parts = [part for part in re.split(r"[-–—/]", word) if part]
    return any(c.isupper() for part in parts for c in part[1:]) or any(
        len(part) == 1 and part.isupper() for part in parts if len(parts) > 1
    )


def _in_latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)


def _verbatim(text: str) -> str:
    return re.sub(r"[{}\\\s]", lambda match: quote(match[0]), text)


def _one_line(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _author(name: str) -> str:
    """A name as BibTeX parts it: "Last, Jr, First" where it has a suffix, in braces where it is a group's."""
    parts = _name(name)
    if not parts:
        return ""
    if "literal" in parts:
        return f"{{{_in_latex(parts['literal'])}}}"
    own = {part: _braced(value) for part, value in parts.items()}
    family = " ".join(filter(None, (own.get("non-dropping-particle"), own["family"])))
    return ", ".join(filter(None, (family, own.get("suffix"), own.get("given"))))


def _braced(part: str) -> str:
    """A part of a name, in braces where BibTeX would part it further."""
    text = _in_latex(part)
    return f"{{{text}}}" if re.search(r",|(?:^|\s)and(?:\s|$)", part, re.IGNORECASE) else text


def _name(name: str) -> dict[str, str]:
    """A name as CSL parts it: given, non-dropping-particle, family, suffix; a group's as `literal`; {} for no name."""
    name = _one_line(name)
    if not re.search(r"[^\W_]", name):
        return {"literal": name} if name else {}
    grouped = name.casefold().endswith(_GROUPS) or re.search(r"\band\b|&", name)
    if grouped or (" " not in name and "," not in name):
        return {"literal": name}
    suffix = ""
    if match := _SUFFIX.search(name):
        suffix, name = match["suffix"], name[: match.start()]
    family, comma, given = (part.strip() for part in name.partition(","))
    if not comma:
        words = name.split()
        at = len(words) - 1
        while at > 1 and words[at - 1][0].islower():  # van der Maaten
            at -= 1
        if words[at] in ("y", "i") and at > 1:  # Agüera y Arcas
            at -= 1
        given, family = " ".join(words[:at]), " ".join(words[at:])
    words = family.split()
    at = 0
    while at < len(words) - 1 and words[at][0].islower():
        at += 1
    found = {
        "given": given,
        "non-dropping-particle": " ".join(words[:at]),
        "family": " ".join(words[at:]),
        "suffix": suffix,
    }
    return {part: value for part, value in found.items() if value} if found["family"] else {"literal": name}


# ---------------------------------------------------------------- CSL-JSON


def _csl(summary: Summary, key: str) -> dict[str, Any]:
    kind = "article" if summary.arxiv_id else "webpage" if _is_page(summary) else "document"
    item: dict[str, Any] = {"id": key, "type": kind, "title": _one_line(summary.title)}
    if people := [parts for name in summary.authors if (parts := _name(name))]:
        item["author"] = people
    if parts := _date(summary.date) or ([year] if (year := _year(summary)) else []):
        item["issued"] = {"date-parts": [parts]}
    if summary.arxiv_id:
        item |= {"publisher": "arXiv", "number": f"arXiv:{summary.arxiv_id}"}
    if doi := _doi(summary):
        item["DOI"] = doi
    if url := _url(summary):
        item["URL"] = url
    if kind == "webpage" and (day := _date(summary.origin.fetched[:10])):
        item["accessed"] = {"date-parts": [day]}
    if summary.abstract.strip() and summary.text != "digest":
        item["abstract"] = _one_line(summary.abstract)
    return item


def _date(date: str) -> list[int]:
    match = re.match(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", date)
    return [int(part) for part in match.groups() if part] if match else []
