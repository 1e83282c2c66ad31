"""Bytes to document. Each reader is a plain function; `workers` runs them where they can do no harm.

The way of a PDF: `engines` give placed words (`sheet`), `layout` makes lines in reading order, `furniture` drops what is no
text, `blocks` groups lines, `front`, `kinds` and `headings` say what each block is, `references` and `mentions` read the
bibliography, and `structure` leads through it all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from indexer.document import Extracted
from indexer.errors import NotAPdf
from indexer.extract import html, markdown

_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s|<\?xml[^>]*>|<!--.*?-->)*+<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)

__all__ = ["kind_of", "read", "version"]


def kind_of(path: Path, content_type: str = "") -> str:
    """What a file is by its first bytes, its declared type and its name: `pdf`, `html`, `markdown` or `plain`."""
    with path.open("rb") as file:
        start = file.read(1024)
    if b"%PDF-" in start or path.suffix.lower() == ".pdf" or content_type.startswith("application/pdf"):
        return "pdf"
    if "html" in content_type or path.suffix.lower() in (".html", ".htm"):
        return "html"
    if "markdown" in content_type or path.suffix.lower() in (".md", ".markdown"):
        return "markdown"
    return "html" if _HTML.match(start) else "plain"


def version(kind: str, engine: str = "auto", ocr: bool = False) -> str:
    """The name of the reader of a kind with its version: a cached text is good for as long as this stays the same."""
    from importlib.metadata import version as installed

    if kind == "pdf":
        from indexer.extract.pdf import VERSION

        parts = [VERSION, *(f"{name}-{installed(name)}" for name in ("pypdfium2", "pypdf"))]
        return "/".join(parts + ([engine] if engine != "auto" else []) + (["ocr"] if ocr else []))
    if kind == "html":
        return f"{html.VERSION}/trafilatura-{installed('trafilatura')}"
    return markdown.VERSION


def read(
    path: Path, kind: str, url: str = "", *, engine: str = "auto", ocr: bool = False,
    told: Callable[[int], None] | None = None,
) -> Extracted:  # fmt: skip
    """The document in the file at `path`, read as `kind`. Raises an `ExtractError`."""
    if kind == "pdf":
        from indexer.extract.pdf import read_pdf

        return read_pdf(path, engine, ocr, told)
    body = path.read_bytes()
    if body.startswith(b"%PDF-"):
        raise NotAPdf(f"It was to be {kind}, but it is a PDF.")
    if kind == "html":
        return html.read_html(body, url)
    text = body.decode("utf-8", errors="replace")
    return markdown.read_markdown(text) if kind == "markdown" else markdown.read_plain(text)
