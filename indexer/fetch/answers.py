"""What came: whether a body is what was asked for, which version it is, and what an answer that is no paper means."""

from __future__ import annotations

import html
import re

import httpx

from indexer import arxiv
from indexer.errors import FetchError, Gone, NotAsClaimed, NotRendered, Refused, Withdrawn
from indexer.fetch.sending import header, named
from indexer.fetch.wanted import Wanted

_SNIFF = 1024  # a PDF says so within its first 1024 bytes
_TEXTS = {"text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown"}


def names_a_pdf(wanted: Wanted, final: httpx.URL | None = None) -> bool:
    """Whether nothing but a PDF will do, by the address or by that to which it led."""
    urls = (httpx.URL(wanted.url), final or httpx.URL(wanted.url))
    return bool(wanted.arxiv_id) or any(url.path.lower().endswith(".pdf") for url in urls)


def can_be_judged(head: bytes, most: int) -> bool:
    """Whether `head` says what its body is: a PDF says so soon, of a page `most` bytes are wanted."""
    return _is_pdf(head) or len(head) >= most


def judged(wanted: Wanted, final: httpx.URL, response: httpx.Response, head: bytes) -> str:
    """The content type of a body that begins with `head`. Raises `NotAsClaimed` or its like if not wanted."""
    said = header(response, "content-type")
    media = said.partition(";")[0].strip().lower()
    if not head:
        raise NotAsClaimed(f"{final} has an empty body.")
    if _is_pdf(head):
        return "application/pdf"
    looks_html = re.search(rb"<(?:!doctype\s+html|html)", head[:_SNIFF], re.IGNORECASE)
    if names_a_pdf(wanted, final) or media == "application/pdf":
        if wanted.arxiv_id and (looks_html or media in _TEXTS) and (error := arxiv_page(wanted, head)):
            raise error
        is_page = looks_html or media == "text/html"
        what = f"a web page came{_titled(head)}" if is_page else f"it is {media or 'something else'}, and not one"
        raise NotAsClaimed(
            f"{final} was to be a PDF, but {what}.", cure="Open the link in a browser to see what is there."
        )
    if media in _TEXTS:
        return said
    if not media and looks_html:
        return "text/html"
    raise NotAsClaimed(
        f"{final} is {media or 'of a kind that its server does not name'}; only PDFs, web pages and plain text are read."
    )


def version_got(wanted: Wanted, final: httpx.URL, response: httpx.Response) -> int | None:
    """The version that an answer says it is, by its URL or the file name it gives; else the one it was to be."""
    if not wanted.arxiv_id:
        return None
    file_name = re.search(r"filename=\"?([^\";]+)", header(response, "content-disposition"))
    said = (
        arxiv.parse(final.path.rpartition("/pdf/")[2].removesuffix(".pdf")),
        arxiv.from_file_name(file_name[1].strip().removesuffix(".pdf")) if file_name else None,
    )
    for found in said:
        if found and found.id == wanted.arxiv_id and found.version:
            return found.version
    return wanted.version or wanted.newest


def arxiv_page(wanted: Wanted, page: bytes) -> FetchError | None:
    """What arXiv's own page says that came instead of a PDF; None if it says nothing known.

    The wording is that of the templates in github.com/arXiv/arxiv-browse, and of pages seen by others. The page
    for a file that "was not provided" stands for withdrawn papers and for those announced some minutes ago alike.
    """
    text = " ".join(re.sub(r"<[^<>]*>", " ", page.decode("utf-8", "replace")).split()).lower()
    if re.search(r"\b(?:paper|submission|article|version) (?:has been|is|was) (?:\w+ )?withdrawn\b", text):
        return was_withdrawn(wanted)
    if re.search(r"not provided to generate|provided no source to generate", text):
        fresh = wanted.newest is not None and not wanted.withdrawn and wanted.version in (None, wanted.newest)
        return _not_rendered(wanted, "has no file of it yet") if fresh else was_withdrawn(wanted)
    if re.search(r"(?:failed|unable) to produce pdf|does not build pdf", text):
        return _not_rendered(wanted, "could not make a PDF of it")
    if re.search(r"(?:pdf|it|file) is (?:being|not yet) (?:generated|available|processed)|not yet available", text):
        return _not_rendered(wanted, "has not made its PDF yet")
    return None


def was_withdrawn(wanted: Wanted) -> Withdrawn:
    """The error for a paper that has no file since it was withdrawn."""
    version = wanted.version or wanted.newest
    cure = f"Name an earlier version in the list, e.g. {wanted.arxiv_id}v{version - 1 if version else 1}."
    return Withdrawn(
        f"{wanted.address} was withdrawn by its authors{f' with version {version}' if version else ''}; that version"
        " has no file.",
        cure="It has no earlier version; take it off the list." if version == 1 else cure,
    )


def no(url: httpx.URL, response: httpx.Response) -> FetchError:
    """The error that a status stands for."""
    status = response.status_code
    if status in (404, 410):
        return Gone(f"{url} is not there: {named(status)}.")
    cure = "Open the link in a browser, save the paper, and list the file." if status in (401, 403, 451) else None
    return Refused(f"{url} was answered {named(status)}.", cure=cure)


def _is_pdf(head: bytes) -> bool:
    return b"%PDF-" in head[:_SNIFF]


def _not_rendered(wanted: Wanted, why: str) -> NotRendered:
    return NotRendered(f"{wanted.address} can't be had as a PDF now: arXiv {why} ({wanted.url}).")


def _titled(page: bytes) -> str:
    """The title of a web page, for a message: printable, one line, short."""
    match = re.search(r"<title[^<>]*>([^<>]{1,400})", page[:8192].decode("utf-8", "replace"), re.IGNORECASE)
    title = " ".join(html.unescape(match[1]).split()) if match else ""
    title = "".join(char for char in title if char.isprintable())[:80]
    return f', titled "{title}"' if title else ""
