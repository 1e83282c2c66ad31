"""Markdown and plain text to document: the text as it stands, its headings as sections."""

from __future__ import annotations

import re

from indexer.document import Extracted, Page, Section
from indexer.errors import NoText
from indexer.extract.cleaning import clean

VERSION = "markdown-1"


def read_markdown(text: str) -> Extracted:
    """A markdown page: one page without a number. Its ATX headings become sections and lose their marks; the first
    one of level 1 is the title and leaves the text. Code stays as it is.

    Raises `NoText` where there is nothing.
    """
    text = clean(text).strip("\n")
    if not text.strip():
        raise NoText("It is empty.")
    sections: list[Section] = []
    lines: list[str] = []
    title, fence, start = "", "", 0
    for line in text.split("\n"):
        if mark := re.match(r" {0,3}(`{3,}|~{3,})", line):
            fence = mark[1][0] if not fence else "" if mark[1][0] == fence else fence
        elif not fence and (match := re.match(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$", line)):
            line, level = match[2], len(match[1])
            if level == 1 and not title:
                title = line
                continue
            sections.append(Section(line, level, 0, start))
        if lines or line.strip():
            lines.append(line)
            start += len(line) + 1
    if not lines:
        raise NoText("It holds a title and nothing else.")
    return Extracted(pages=(Page("\n".join(lines)),), title=title, sections=tuple(sections))


def read_plain(text: str) -> Extracted:
    """Plain text: one page without a number. Raises `NoText` where there is nothing."""
    text = clean(text).strip()
    if not text:
        raise NoText("It is empty.")
    return Extracted(pages=(Page(text),), title=text.split("\n", 1)[0][:200].strip())
