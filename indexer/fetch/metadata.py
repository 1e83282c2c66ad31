"""What arXiv's API says of papers: title, authors, abstract, dates, the newest version, and whether it is withdrawn.

One query for up to 50 ids, kept in the cache. A paper's row says no more than arXiv did; nothing here is guessed.
https://info.arxiv.org/help/api/user-manual.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import httpx

from indexer import arxiv
from indexer.errors import FetchError
from indexer.fetch import Fetcher
from indexer.library.cache import Cache
from indexer.settings import Settings

_BATCH = 50
_QUERIES = 30  # that one batch may cost; one bad id among 50 takes about 12
_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"

# "This paper has been withdrawn by the authors", as a sentence or clause of its own; not "withdrawn from the workshop".
_SELF = r"(?:this|the) (?:\w+ )?(?:paper|article|submission|manuscript|preprint|work|version|note|document|report)"
_STATE = r"(?:has been|have been|has now been|is|was|is being|is hereby|is now)"
_NOT_FROM = r"(?!\s+from\b(?! (?:the )?arxiv))"
_WITHDRAWN = re.compile(
    rf"(?:^|[.;:!(\[]\s*){_SELF} {_STATE} (?:\w+ )?(?:withdrawn|retracted)\b{_NOT_FROM}", re.IGNORECASE
)
_WITHDRAWN_NOTE = re.compile(
    r"(?:^|[.;:!,(\[]\s*)(?:(?:paper|article|submission|manuscript|temporarily|has been|was|is)\s+)*withdrawn\b"
    rf"{_NOT_FROM}(?=\s*(?:$|[.;:!,)\]]|(?:by|due|because|since|as|for|pending|owing|from|until|in order)\b))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ArxivMetadata:
    """arXiv's row on a paper. `newest` is its newest version; `withdrawn` says that this one has no file.

    `published` and `updated` are ISO dates of the first and the newest version. Absent fields are "".
    """

    id: str
    newest: int
    title: str
    authors: tuple[str, ...] = ()
    abstract: str = ""
    published: str = ""
    updated: str = ""
    withdrawn: bool = False
    doi: str = ""
    journal_ref: str = ""
    comment: str = ""
    categories: tuple[str, ...] = ()


def ask(
    fetcher: Fetcher, cache: Cache, ids: Sequence[str], *, settings: Settings, refresh: bool = False
) -> tuple[dict[str, ArxivMetadata], list[str]]:
    """The metadata of arXiv ids (without version), by id, and the reasons why some could not be asked for now.

    Only ids whose cached answer is older than the setting (or all, with `refresh`) are asked for. Where arXiv can't
    be asked, offline among that, the cached answer is taken whatever its age. Ids that arXiv doesn't know are in
    neither: see `unknown`. Raises nothing but `LibraryUnwritable`.
    """
    ids = list(dict.fromkeys(ids))
    reasons: list[str] = []
    if not fetcher.offline:
        stale = [each for each in ids if refresh or not _is_fresh(cache, each, fetcher.now(), settings)]
        for start in range(0, len(stale), _BATCH):
            reasons.append(_ask_batch(fetcher, cache, stale[start : start + _BATCH], settings))
    known = {}
    for each in ids:
        row = _row(cache, each)
        if row is not None:
            known[each] = row
    return known, list(dict.fromkeys(filter(None, reasons)))


def unknown(cache: Cache, ids: Sequence[str]) -> set[str]:
    """Those of `ids` of which arXiv said, when last asked, that it doesn't have them."""
    return {each for each in ids if (found := cache.metadata(each)) and found[1].get("unknown")}


def parse(feed: bytes) -> dict[str, ArxivMetadata]:
    """The papers of an Atom feed of arXiv's API, by id.

    Raises `ValueError` if it isn't one, or if it is arXiv's way to say that the query was wrong.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(feed)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise ValueError(f"it isn't XML: {error}") from None
    if root.tag != f"{_ATOM}feed":
        raise ValueError("it isn't an Atom feed")
    papers = {}
    for entry in root.iterfind(f"{_ATOM}entry"):
        if "api/errors" in _text(entry, f"{_ATOM}id"):
            raise _WrongQuery(_text(entry, f"{_ATOM}summary") or "that there is an error")
        paper = _paper(entry)
        if paper is not None:
            papers[paper.id] = paper
    return papers


def says_withdrawn(comment: str, abstract: str) -> bool:
    """Whether arXiv's comment or abstract says that the paper itself was withdrawn, not merely that something was."""
    return bool(
        _WITHDRAWN.search(comment)
        or _WITHDRAWN_NOTE.search(comment)
        or _WITHDRAWN.search(abstract)
        or (len(abstract) < 200 and _WITHDRAWN_NOTE.match(abstract))
    )


def _ask_batch(fetcher: Fetcher, cache: Cache, ids: list[str], settings: Settings) -> str:
    """Asks for some ids and keeps the answers. Returns why that could not be done for all of them, or "".

    A query that arXiv calls wrong is halved until the bad id stands alone, so that it doesn't spoil the others.
    """
    waiting, queries, lost = [ids], 0, list[str]()
    while waiting:
        some = waiting.pop()
        queries += 1
        if queries > _QUERIES:
            return f"arXiv called its queries wrong again and again; {len(some)} ids or more were not asked for."
        try:
            papers = _query(fetcher, settings, some) or _query(fetcher, settings, some)  # at times it sends nothing
        except FetchError as error:
            message = re.sub(r"[?&]id_list=\S+", "", error.message)  # fifty ids say little
            return f"arXiv's metadata could not be asked for: {message}"
        except _WrongQuery as error:
            if len(some) > 1:
                waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
                continue
            if not error.names_id:
                return f"arXiv's metadata could not be asked for: it says {error}."
            papers = {}
        except ValueError as error:
            return f"arXiv's metadata could not be read: {error}."
        missing = [each for each in some if each not in papers]
        lost += [each for each in missing if _row(cache, each) is not None]  # no paper leaves arXiv
        answers = {each: asdict(papers[each]) for each in some if each in papers}
        answers |= {each: {"unknown": True} for each in missing if each not in lost}
        cache.keep_metadata(fetcher.now(), answers)
    return f"arXiv's answer left out {', '.join(lost)}, which it knew before." if lost else ""


class _WrongQuery(ValueError):
    """arXiv says that a query is wrong, and perhaps that it is so because of an id (`names_id`)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.names_id = "incorrect id" in message


def _query(fetcher: Fetcher, settings: Settings, ids: list[str]) -> dict[str, ArxivMetadata]:
    """One request. Raises a `FetchError`, `_WrongQuery`, or `ValueError` for an answer that isn't a feed."""
    given = {"id_list": ",".join(ids), "max_results": str(len(ids))}  # without max_results it stops at ten
    url = httpx.URL(str(settings.arxiv_api_url)).copy_merge_params(given)
    status, feed = fetcher.get(str(url), also=(400,))
    try:
        papers = parse(feed)
    except _WrongQuery:
        raise
    except ValueError as error:
        if status == 400:
            raise _WrongQuery(f"400 (bad request); {error}") from None
        raise
    if status == 400:
        raise _WrongQuery("400 (bad request)")
    return papers


def _paper(entry: Element) -> ArxivMetadata | None:
    """An entry of the feed; None where it has no id or no title, which is how some unknown ids come back."""
    found = arxiv.parse(_text(entry, f"{_ATOM}id"))
    title = _text(entry, f"{_ATOM}title")
    if found is None or not title:
        return None
    abstract, comment = _text(entry, f"{_ATOM}summary"), _text(entry, f"{_ARXIV}comment")
    authors = [" ".join((each.text or "").split()) for each in entry.iterfind(f"{_ATOM}author/{_ATOM}name")]
    categories = [each.get("term", "") for each in entry.iterfind(f"{_ATOM}category")]
    return ArxivMetadata(
        id=found.id,
        newest=found.version or 1,
        title=title,
        authors=tuple(filter(None, authors)),
        abstract=abstract,
        published=_date(_text(entry, f"{_ATOM}published")),
        updated=_date(_text(entry, f"{_ATOM}updated")),
        withdrawn=says_withdrawn(comment, abstract),
        doi=_text(entry, f"{_ARXIV}doi"),
        journal_ref=_text(entry, f"{_ARXIV}journal_ref"),
        comment=comment,
        categories=tuple(filter(None, categories)),
    )


def _text(entry: Element, tag: str) -> str:
    return " ".join((entry.findtext(tag) or "").split())


def _date(text: str) -> str:
    return text[:10] if re.match(r"\d{4}-\d\d-\d\d", text) else ""


def _is_fresh(cache: Cache, arxiv_id: str, now: float, settings: Settings) -> bool:
    found = cache.metadata(arxiv_id)
    if found is None or (_row(cache, arxiv_id) is None and not found[1].get("unknown")):
        return False
    return 0 <= now - found[0] < settings.metadata_hours * 3600


def _row(cache: Cache, arxiv_id: str) -> ArxivMetadata | None:
    """The cached row, or None: never asked, unknown to arXiv, or kept by a paperpath with other fields."""
    found = cache.metadata(arxiv_id)
    if found is None or found[1].get("unknown"):
        return None
    answer: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in found[1].items()}
    if answer.keys() != {field.name for field in fields(ArxivMetadata)}:
        return None
    return ArxivMetadata(**answer)
