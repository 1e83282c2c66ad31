"""BibTeX files to entries."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from indexer import arxiv, links
from indexer.document import Entry, Link, Mention, Warning
from indexer.sources import titles

if TYPE_CHECKING:
    from bibtexparser.model import Block
    from bibtexparser.model import Entry as Block_Entry


_LONGEST = 4000  # characters of a title or a name: reading more as LaTeX can be made to take long


@dataclass(frozen=True)
class Given:
    """What a bibliography says of a document whose own text may not be had. `date` is ISO, perhaps a year, or ""."""

    authors: tuple[str, ...] = ()
    date: str = ""


def read_bibtex(text: str, source: str) -> tuple[list[Entry], dict[str, Given], list[Warning]]:
    """The entries of a .bib file in its order, what it says of them by address, and warnings.

    An entry's address is its arXiv id, else its DOI, else its URL, else its title. A block that can't be read is a
    `bad-line` and the others stand; so is an entry with a field twice, of which the first is taken. Of a key used twice
    (`repeat-id`) both entries stand.
    """
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, ParsingFailedBlock
    from bibtexparser.model import Entry as Parsed

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # what it can't read is told in the warnings
    entries: list[Entry] = []
    given: dict[str, Given] = {}
    warnings: list[Warning] = []
    lines: dict[str, int] = {}

    def bad(block: Block, why: str) -> None:
        warnings.append(Warning(source, _line(block), "bad-line", why))

    for block in parse_string(text).blocks:
        if isinstance(block, DuplicateBlockKeyBlock):
            first = lines.get(block.key)
            message = f"The key {block.key} is used twice, before on line {first}; both are kept."
            warnings.append(Warning(source, _line(block), "repeat-id", message))
            block = block.ignore_error_block or block
        elif isinstance(block, DuplicateFieldKeyBlock):
            named = ", ".join(sorted(block.duplicate_keys))
            bad(block, f"The entry has the field {named} twice; the first is taken.")
            block = block.ignore_error_block or block
        if isinstance(block, ParsingFailedBlock):
            bad(block, f"An entry can't be read: {getattr(block.error, 'abort_reason', block.error)}.")
        if not isinstance(block, Parsed):
            continue
        lines.setdefault(block.key, _line(block))
        fields = _fields(block)
        title = _decoded(fields.get("title", "")).removesuffix(".")
        if (found := _addresses(fields, title)) is None:
            bad(block, f"The entry {block.key} has neither a title nor a link.")
            continue
        address, version, beside = found
        entries.append(Entry(address, (Mention(source, _line(block), title),), version, beside))
        given.setdefault(address, Given(_people(fields.get("author", "")), _date(fields)))
    return entries, given, warnings


def _line(block: Block) -> int:
    return (block.start_line or 0) + 1


def _fields(block: Block_Entry) -> dict[str, str]:
    """An entry's fields by lower-case name, the first of each."""
    fields: dict[str, str] = {}
    for field in block.fields:
        fields.setdefault(field.key.lower(), str(field.value).strip())
    return fields


def _addresses(fields: Mapping[str, str], title: str) -> tuple[str, int | None, tuple[Link, ...]] | None:
    """The entry's address, the arXiv version that it names, and its other links; None if nothing names it."""
    found: dict[str, Link] = {}
    version = None
    if identifier := _arxiv_id(fields):
        version = identifier.version
        found[f"arxiv:{identifier.id}"] = Link(f"https://arxiv.org/abs/{identifier.versioned}", "arxiv")
    if doi := links.doi(_plain_url(fields.get("doi", ""))):
        found.setdefault(f"doi:{doi}", Link(f"https://doi.org/{doi}", "doi"))
    for name in ("url", "howpublished", "note", "link", "biburl"):
        for match in re.finditer(r"https?://[^\s{}\"]+", _plain_url(fields.get(name, ""))):
            url = match[0].rstrip(".,;)")
            if (known := links.address(url)) and name != "biburl":
                found.setdefault(known[0], Link(url, "url" if name == "link" else name))
    if found:
        address, *others = found
        return address, version, tuple(found[other] for other in others if not other.startswith("arxiv:"))
    return (f"title:{titles.slug(title, 200)}", None, ()) if title else None


def _arxiv_id(fields: Mapping[str, str]) -> arxiv.ArxivId | None:
    """The arXiv id that an entry names in any of the fields in which people and exporters put it."""
    archive = (fields.get("archiveprefix") or fields.get("eprinttype") or "arxiv").lower()
    eprint = fields.get("eprint", "")
    if archive == "arxiv" and (found := arxiv.parse(eprint)):
        return found
    if found := arxiv.parse(f"{archive}/{eprint}"):  # archivePrefix = {hep-th}, eprint = {9901001}
        return found
    journal = fields.get("journal") or fields.get("journaltitle") or ""
    if re.match(r"(?:arxiv|corr)\b", journal, re.IGNORECASE):
        for name in ("volume", "number", "eid", "pages"):
            if found := arxiv.parse(re.sub(r"^abs/", "", fields.get(name, ""))):
                return found
    note = fields.get("note", "")
    places = [journal, fields.get("doi", ""), fields.get("url", ""), fields.get("eid", ""), fields.get("pages", "")]
    places += [fields.get("howpublished", ""), note if re.match(r"\W*(?:arxiv|preprint)", note, re.IGNORECASE) else ""]
    for place in places:
        for _, found in arxiv.find_all(_plain_url(place)):
            return found
    return None


def _plain_url(text: str) -> str:
    """A field with links as LaTeX has them, as it would be typed into a browser."""
    text = re.sub(r"\\(?:url|href|nolinkurl)\s*\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"\{?\\(?:textasciitilde|~)(?:\{\s*\})?\}?", "~", text)
    return re.sub(r"\\([_%&#{}$])", r"\1", text).strip("{} ")


def _people(text: str) -> tuple[str, ...]:
    """The persons of an author field, first name first, without "and others"."""
    from bibtexparser.middlewares.names import parse_single_name_into_parts, split_multiple_persons_names

    people = []
    for name in split_multiple_persons_names(text):
        with suppress(ValueError):  # braces that don't match: as it stands
            name = parse_single_name_into_parts(name, strict=False).merge_first_name_first
        people.append(_decoded(name))
    return tuple(name for name in people if name and name != "others")


def _date(fields: Mapping[str, str]) -> str:
    iso = re.match(r"\s*(\d{4}-\d\d(?:-\d\d)?)\b", fields.get("date", ""))
    year = re.search(r"\b(?:1[5-9]|20)\d\d\b", fields.get("year", "") + " " + fields.get("date", ""))
    return iso[1] if iso else year[0] if year else ""


def _decoded(text: str) -> str:
    """Text without LaTeX: accents, braces and commands resolved, on one line."""
    text = re.sub(r"(?<!\\)([%&])", r"\\\1", text[:_LONGEST])  # a bare % would begin a comment, & a column
    try:
        plain = _latex().latex_to_text(text)
    except RecursionError:  # braces by the thousand
        plain = re.sub(r"[{}\\]", "", text)
    return " ".join(plain.split())


@cache
def _latex() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="text")
