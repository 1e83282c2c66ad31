"""JSON-lines files of records (BEIR's corpora, arXiv's metadata dump) to records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from indexer import arxiv, links
from indexer.document import Reference, Warning
from indexer.folding import writable


@dataclass(frozen=True)
class Record:
    """A line of a JSON-lines source. `date` is ISO, perhaps only a year, or "".

    `part_of` names the paper that the text is a part of, where its maker says so: passages of one paper share it.
    `references` are what it says that it cites: each one's `label` is the id that it is named by (another record's, or
    ""), `raw` what stands there.
    """

    title: str
    text: str
    authors: tuple[str, ...]
    date: str
    own_id: str
    part_of: str = ""
    references: tuple[Reference, ...] = ()


def read_records(lines: Iterable[bytes], source: str) -> Iterator[tuple[int, Record] | Warning]:
    """The records of a file's lines, each with its line's number, and a warning for each line that is none.

    Blank lines are passed over. A line that is no JSON object or has no id is a `bad-line`; one whose id was had
    before is a `repeat-id`.
    """
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip(b"\xef\xbb\xbf \t\r\n"):
            continue
        try:
            record = _record(json.loads(line))
        except (ValueError, RecursionError) as error:
            why = "its brackets nest too deep" if isinstance(error, RecursionError) else _why(error)
            yield Warning(source, number, "bad-line", f"Not a record: {why}.")
            continue
        if (before := first.setdefault(record.own_id, number)) != number:
            message = f"The id {record.own_id} was had on line {before}; that one is kept."
            yield Warning(source, number, "repeat-id", message)
            continue
        yield number, record


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _record(data: Any) -> Record:
    """The record that a JSON value is. Raises `ValueError` if it is none."""
    if not isinstance(data, dict):
        raise ValueError("a JSON object is needed")
    own_id = _text(data, "_id") or _text(data, "id")
    if not own_id:
        raise ValueError("it has no _id or id")
    return Record(
        title=" ".join(_text(data, "title").split()),
        text=_text(data, "text") or _text(data, "abstract"),
        authors=_authors(data.get("authors")),
        date=_date(data),
        own_id=own_id,
        part_of=_text(data, "paper"),
        references=_references(data.get("references")),
    )


def _references(value: Any) -> tuple[Reference, ...]:
    """The references of a list of ids, titles or objects, without what can't be read; each once."""
    if not isinstance(value, list):
        return ()
    found: dict[Reference, None] = {}
    for item in value:
        if reference := _reference(item if isinstance(item, dict) else {"id": item}):
            found.setdefault(reference)
    return tuple(replace(reference, n=n) for n, reference in enumerate(found, 1))


def _reference(item: dict[str, Any]) -> Reference | None:
    """What an object names, or a string that may be an id, an arXiv id, a DOI, a link or a title."""
    own_id = " ".join((_text(item, "_id") or _text(item, "id")).split())
    title = " ".join(_text(item, "title").split())
    given = [text for name in ("arxiv_id", "doi") if (text := _text(item, name))]
    addresses = [known for text in (*given, own_id) if text and (known := _address(text))]
    if not title and own_id.count(" ") >= 2 and not addresses:
        title = own_id
    raw = title or own_id or " ".join(given)
    if not raw:
        return None
    arxiv_id = next((address.removeprefix("arxiv:") for address in addresses if address.startswith("arxiv:")), None)
    doi = next((address.removeprefix("doi:") for address in addresses if address.startswith("doi:")), None)
    year = _date({"year": item.get("year"), "date": item.get("date")})[:4]
    return Reference(
        n=0, raw=raw, page=0, label=own_id, title=title, authors=_authors(item.get("authors")),
        year=int(year) if year else None, arxiv_id=arxiv_id, doi=doi,
    )  # fmt: skip


def _address(text: str) -> str | None:
    """The arXiv id or DOI that a text as a whole is, as an address; None for any other."""
    if identifier := arxiv.parse(text):
        return f"arxiv:{identifier.id}"
    return f"doi:{found}" if (found := links.doi(text)) else None


def _text(data: dict[str, Any], name: str) -> str:
    """A field as stripped text; "" where it is absent, null or neither text nor number."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    # A lone surrogate ("\ud800" in the JSON) can't be written as UTF-8 later.
    return writable(str(value)).strip()


def _authors(value: Any) -> tuple[str, ...]:
    """The authors of "A and B", "A, B", a list of names or a list of {"name": …}."""
    if isinstance(value, list):
        each = [item.get("name") if isinstance(item, dict) else item for item in value]
        return tuple(" ".join(name.split()) for name in each if isinstance(name, str) and name.strip())
    if not isinstance(value, str):
        return ()
    parts = [part for part in re.split(r" ?; ?|(?: ?,)? and ", " ".join(value.split())) if part]
    if len(parts) > 1 and all(part.count(",") == 1 for part in parts):  # "Doe, Ann and Roe, Bob"
        return tuple(" ".join(reversed([name.strip() for name in part.split(",")])) for part in parts)
    names: list[str] = []
    for name in (name.strip() for part in parts for name in part.split(",")):
        if names and re.fullmatch(r"(?:[A-Z]\.?[ -]?){1,3}", name):  # "Doe, A., Roe, B."
            names[-1] = f"{name} {names[-1]}"
        elif name:
            names.append(name)
    return tuple(names)


def _date(data: dict[str, Any]) -> str:
    """The date, else the year, else the date of the last change, as far as it can be read."""
    for name in ("date", "year", "update_date"):
        value = _text(data, name)
        if match := re.match(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?(?!\d)", value):
            return match[0]
        if match := re.search(r"\b(?:1[5-9]|20)\d\d\b", value):
            return match[0]
    return ""
