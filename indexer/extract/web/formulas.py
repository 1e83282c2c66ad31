"""Formulas of a page as TeX: from MathML, KaTeX, MathJax, images of formulas, and what is written between TeX's marks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexer.extract.web.elements import class_names, tag_of, text_of

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# What MathJax and KaTeX find in running text; the length is bounded so that a page of openings costs no time.
TEX = re.compile(
    r"\$\$(?P<dollars>.{1,5000}?)\$\$|\\\[(?P<brackets>.{1,5000}?)\\\]|\\\((?P<inline>.{1,2000}?)\\\)|"
    r"(?P<environment>\\begin\{(?P<name>equation|align|gather|multline|eqnarray|displaymath)(?P<star>\*?)\}"
    r".{1,5000}?\\end\{(?P=name)(?P=star)\})",
    re.DOTALL,
)
_MATH_IMAGE = re.compile(r"latex\.codecogs\.com|latex\.php|/math/render/|chart\.googleapis\.com/chart\?cht=tx")


def formula_of(element: HtmlElement, tag: str, classes: frozenset[str], mathjax: bool) -> tuple[str, bool] | None:
    """The TeX of an element that is a formula, and whether it stands on lines of its own; None for other elements.

    `mathjax`: the page has its formulas in scripts, and what MathJax drew of them, to be left out, beside them.
    """
    if tag == "math":
        return tex_of(element), element.get("display") == "block" or element.get("mode") == "display"
    if tag == "script":
        kind = element.get("type") or ""
        return (element.text or "", "mode=display" in kind) if kind.startswith("math/tex") else None
    if tag in ("d-math", "dt-math"):
        return "".join(element.itertext()), "block" in element.attrib
    if tag == "math-renderer":  # GitHub
        return "".join(element.itertext()).strip().strip("$"), "js-display-math" in classes
    if tag == "img":
        alt = element.get("alt") or ""
        if alt and (classes & {"latex", "tex", "math"} or _MATH_IMAGE.search(element.get("src") or "")):
            return alt.strip("$"), False
        return None
    if mathjax and classes & {
        "MathJax",
        "MathJax_Display",
        "MathJax_SVG",
        "MathJax_CHTML",
        "MathJax_SVG_Display",
    }:
        return "", False
    if tag == "mjx-container" or classes & {"katex", "katex-display", "mwe-math-element"}:
        display = element.get("display") == "true" or bool(classes & {"katex-display", "mwe-math-element-block"})
        for inner in element.iter("math"):
            return tex_of(inner), display or inner.get("display") == "block"
        return "".join(element.itertext()), display
    if classes & {"math", "arithmatex"} and tag in ("span", "div", "p"):
        return _delimited(element, tag, classes)
    return None


def tex_of(math: HtmlElement) -> str:
    """TeX of a MathML element where it gives any, else its signs in a row."""
    for annotation in math.iter("annotation"):
        if "tex" in (annotation.get("encoding") or ""):
            return _bare(annotation.text or "")
    if alttext := math.get("alttext"):
        return _bare(alttext)
    return _bare(_signs(math))


def _bare(tex: str) -> str:
    tex = re.sub(r"%\s*\n\s*", "", tex).strip()
    match = re.fullmatch(r"\{(\\(?:display|text)style\b.*)\}", tex, re.DOTALL)
    return re.sub(r"^\\(?:display|text)style\b\s*", "", match[1].strip() if match else tex)


def _signs(element: HtmlElement) -> str:
    tag = tag_of(element)
    if tag in ("annotation", "annotation-xml", ""):
        return ""
    between = {"msup": "^", "msub": "_", "mfrac": "/", "mover": "^", "munder": "_"}.get(tag, "")
    inner = [_signs(child) for child in element]
    return (element.text or "").strip() + between.join(filter(None, inner))


def _delimited(element: HtmlElement, tag: str, classes: frozenset[str]) -> tuple[str, bool] | None:
    """The formula of an element of class `math` that holds nothing but TeX, perhaps with its number."""
    numbers = [inner for inner in element.iter("span") if "eqno" in class_names(inner)]
    if any(True for _ in element.iter("math", "img", "script", "svg", "mjx-container")) or len(element) > len(numbers):
        return None
    text = "".join([element.text or "", *(number.tail or "" for number in numbers)]).strip()
    if match := re.fullmatch(r"\\\[(.*)\\\]|\\\((.*)\\\)|\$\$(.*)\$\$|\$(.*)\$", text, re.DOTALL):
        text = next(found for found in match.groups() if found is not None)
    number = next((found[0] for n in numbers if (found := re.search(r"\([^()]*\)", text_of(n)))), "")
    display = tag != "span" or bool(classes & {"display", "block"}) or bool(numbers)
    return f"{text.strip()} {number}".strip(), display
