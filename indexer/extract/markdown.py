"""Markdown and plain text to document: the text as it stands, its headings as sections."""

from __future__ import annotations

import re

from indexer.document import Extracted, Page, Section
from indexer.errors import NoText
from indexer.extract.cleaning import clean

VERSION = "markdown-1"


def read_markdown(text: str) -> Extracted:
    """A markdown page: one page without a number. Headings are ATX headings outside of code.

    Raises `NoText` where there is nothing.
    """
    text = clean(text).strip("\n")
    if not text.strip():
        raise NoText("It is empty.")
    sections, title = [], ""
    fence: str | None = None
    start = 0
    for line in text.split("\n"):
        if mark := re.match(r" {0,3}(`{3,}|~{3,})", line):
            fence = mark[1][0] if fence is None else (None if mark[1][0] == fence else fence)
        elif fence is None and (match := re.match(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$", line)):
            level = len(match[1])
            if level == 1 and not title:
                title = match[2]
            else:
                sections.append(Section(match[2], level, 0, start))
        start += len(line) + 1
    return Extracted(pages=(Page(text),), title=title, sections=tuple(sections))


def read_plain(text: str) -> Extracted:
    """Plain text: one page without a number. Raises `NoText` where there is nothing."""
    text = clean(text).strip()
    if not text:
        raise NoText("It is empty.")
    return Extracted(pages=(Page(text),), title=text.split("\n", 1)[0][:200].strip())
