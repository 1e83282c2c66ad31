"""Where a person reads on: the page of a document, at the place that was found."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from indexer.library import Summary


def page_link(summary: Summary, page: int | None = None, anchor: str | None = None) -> str:
    """The link that opens a document at a page (PDF) or an anchor (web page); "" where there is nothing to open.

    arXiv papers are opened at arXiv: their PDFs are never served on. A digest is no page of the paper, so its link
    names none.
    """
    if summary.text != "full":
        return summary.link
    if summary.origin.path:
        base = _file_uri(summary.origin.path)
    elif summary.arxiv_id and page is not None:
        version = f"v{summary.version}" if summary.version else ""
        base = f"https://arxiv.org/pdf/{summary.arxiv_id}{version}"
    else:
        base = summary.origin.final_url or summary.link
    if page is not None:
        return f"{base}#page={page}"
    return f"{base}#{anchor}" if anchor else base


@lru_cache(maxsize=4096)
def _file_uri(path: str) -> str:
    return Path(path).as_uri()
