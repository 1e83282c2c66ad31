"""Code of a page as it was typed: without the numbers of its lines, the buttons, and the tags that colour it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexer.extract.web.elements import MEDIA, class_names, is_unread, one_line, tag_of, tidy, words
from indexer.extract.web.formulas import tex_of

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_GUTTER = words(
    "lineno linenos linenumber linenumbers line-number line-numbers lnt ln gutter gl rouge-gutter linenodiv blob-num "
    "hljs-ln-numbers hljs-ln-n react-code-line-number code-line-number ltx_tag_listingline"
)
_CODE_LINE = words("line token-line code-line ltx_listingline view-line cm-line CodeMirror-line")
DIGITS = re.compile(r"[\d\s.:|]*")


def code_text(element: HtmlElement) -> str:
    """The text of a `<pre>` or the like as it stands, without numbers of lines and what can be pressed."""
    listed = [line for line in element.iter("div", "span") if "ltx_listingline" in class_names(line)]
    if listed:  # LaTeXML's lines, in which only hard spaces count
        for space in element.iter("span"):
            if class_names(space) & {"ltx_lst_space", "ltx_lst_whitespace"} and space.text:
                space.text = space.text.replace(" ", "\xa0")
        lines = (re.sub(r"[ \t\n\r\f]+", " ", _raw_code(line)).strip(" ") for line in listed)
        text = "\n".join(lines)
    else:
        text = _raw_code(element)
    return re.sub(r"\A(?:[ \t]*\n)+", "", tidy(text)).rstrip()


def _raw_code(element: HtmlElement) -> str:
    parts: list[str] = []

    def at_start() -> bool:
        return not parts or parts[-1].endswith("\n")

    def walk(node: HtmlElement) -> None:
        tag, classes = tag_of(node), class_names(node)
        if tag == "br":
            parts.append("\n")
            return
        if tag == "math":
            parts.append(f"${one_line(tex_of(node))}$")
            return
        numbers = classes & _GUTTER or "user-select" in (node.get("style") or "") or "data-line-number" in node.attrib
        if numbers and DIGITS.fullmatch("".join(node.itertext())):
            return
        if tag in MEDIA or is_unread(node, tag, classes):
            return
        line = bool(classes & _CODE_LINE) or tag in ("tr", "li")
        if (line or tag in ("div", "p")) and not at_start():
            parts.append("\n")
        before = len(parts)
        inside(node)
        after = node.getnext()
        broken = (node.tail or "").startswith("\n") or (not node.tail and after is not None and tag_of(after) == "br")
        if line and not broken:
            ended = at_start() and len(parts) > before  # else it was an empty line
            parts.extend([] if ended else ["\n"])
        elif tag in ("div", "p") and not at_start():
            parts.append("\n")

    def inside(node: HtmlElement) -> None:
        if node.text:
            parts.append(node.text)
        for child in node:
            if isinstance(child.tag, str):
                walk(child)
            if child.tail and not (child.tail.isspace() and tag_of(child) in ("tr", "td", "tbody", "thead", "li")):
                parts.append(child.tail)

    inside(element)
    return "".join(parts)
