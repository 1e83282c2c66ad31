"""The prose of a paper twice, from its LaTeX source and from what the extraction made of its PDF, to compare them.

Both sides are what a reader would read aloud: headings with their numbers, abstract, paragraphs, list items with their
numbers, references to figures and sections as printed. Both are without title page, title and authors, floats with
their captions, displayed formulas, code, footnotes, citation marks and the list of references.

A formula within a line can't be cut from the PDF side without trusting the source, nor compared word by word. So the
source's side has a marker for each word that the formula could print, and `compare` leaves out of the count PDF words
that stand just where the formula stands: between the partners of the words at its two sides, and no more of them than
there are markers. Where a neighbour has no partner nothing is left out, and every word counts as a fault.

Words are compared in lower case and composed (NFC), no further: a ligature, a soft hyphen, a lost or an invented space,
a hyphen too many or too few each makes a word differ.

This knows as much of LaTeX as papers use in their text. A command that it does not know prints its arguments in braces.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from indexer.document import Extracted

FORMULA = "\ue000"
"""Stands for one word of a formula; private, and so in no source."""

_REF, _REF_END = "\ue001", "\ue002"

_WORD = re.compile(rf"{FORMULA}|[^\W_]+(?:[-'.,_][^\W_]+)*")
_SAME = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-"})

PROSE_KINDS = ("heading", "abstract", "body", "appendix")

# o: an argument in brackets, x: one in braces, neither printed; braces that follow are printed.
_COMMANDS = {
    "addcontentsline": "xxx", "addtocounter": "xx", "author": "ox", "bibliographystyle": "x", "captionsetup": "ox",
    "color": "ox", "colorbox": "ox", "date": "x", "def": "xx", "definecolor": "xxx", "enlargethispage": "x",
    "fcolorbox": "xx", "fontsize": "xx", "footnotemark": "o", "graphicspath": "x", "hspace": "x", "hypersetup": "x",
    "icmltitlerunning": "x", "includegraphics": "ox", "index": "x", "input": "x", "lstset": "x", "newcommand": "xoox",
    "nocite": "x", "pagestyle": "x", "printAffiliationsAndNotice": "x", "providecommand": "xoox", "raisebox": "xoo",
    "renewcommand": "xoox", "resizebox": "xx", "rule": "oxx", "scalebox": "x", "setcounter": "xx", "setlength": "xx",
    "textcolor": "ox", "thanks": "x", "thispagestyle": "x", "title": "ox", "twocolumn": "o", "usepackage": "ox",
    "vspace": "x",
}  # fmt: skip
_ENVIRONMENTS = {
    "description": "o", "enumerate": "o", "itemize": "o", "minipage": "ox", "multicols": "x", "tcolorbox": "o",
}  # fmt: skip
_FLOATS = {"figure": "figure", "wrapfigure": "figure", "table": "table", "wraptable": "table", "algorithm": "algorithm"}
_SUBFLOATS = {"subfigure": "figure", "subtable": "table"}
_NO_PROSE = {
    "algorithmic", "align", "alignat", "array", "displaymath", "eqnarray", "equation", "flalign", "gather",
    "icmlauthorlist", "math", "multline", "tabbing", "tabular", "tabularx", "thebibliography", "tikzpicture",
    "titlepage",
}  # fmt: skip
_LEVELS = {"section": 1, "subsection": 2, "subsubsection": 3}
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331",
}  # fmt: skip
_CITE = re.compile(r"(?:paren|text|auto|foot|full|super)?cite(?:p|t|alp|alt|author|year|yearpar|num)?s?", re.IGNORECASE)
_TYPED_MARK = re.compile(r"\([^\W\d_][\w-]+ (?:et al\.|(?:and|&) [^\W\d_][\w-]+),? \d{4}[a-z]?\)")

_NOT_TEX = re.compile(  # comments, addresses and code: told apart in one go, since each may hold another
    r"(?P<keep>\\[\\%])|%[^\n]*(?:\n[ \t]*|\Z)|\\href\{[^{}]*\}|\\url\{(?P<url>[^{}]*)\}"
    r"|\\verb\*?(?P<q>[^\w\s])(?P<code>.*?)(?P=q)|\\begin\{(?P<env>(?:lstlisting|verbatim|Verbatim|minted|comment)\*?)\}"
    r".*?\\end\{(?P=env)\}",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\\(?P<name>[A-Za-z@]+)(?P<star>\*?)[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?|\\(?P<sign>.)|\$\$(?P<shown>.*?)\$\$"
    r"|\$(?P<math>(?:[^$\\]|\\.)*)\$|(?P<dash>---?)|(?P<quotes>``|'')|(?P<char>.)",
    re.DOTALL,
)
_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand)\*?\s*(?:\{\s*\\([A-Za-z@]+)\s*\}|\\([A-Za-z@]+))\s*(?:\[(\d)\])?\s*(?=\{)"
    r"|\\def\s*\\([A-Za-z@]+)\s*(?=\{)"
)


@dataclass(frozen=True)
class Heading:
    """A heading as printed: `number` without a closing dot (`2.1`, `A.1`), "" where none is printed; `level` from 1."""

    number: str
    text: str
    level: int
    appendix: bool = False


@dataclass(frozen=True)
class Source:
    """What a LaTeX source prints. `prose` has `FORMULA` for each word of a formula; `cited` counts the marks by key."""

    prose: str
    headings: tuple[Heading, ...]
    cited: dict[str, int]


@dataclass(frozen=True)
class Comparison:
    """`f1` is 2·common / (words of the source + words of the PDF not left out); `faults` says where they differ."""

    f1: float
    common: int
    source: int
    pdf: int
    left_out: int
    faults: tuple[str, ...]


@dataclass
class _Reading:
    """Where a reading of a source stands: open environments, counters, what `\\label` would name now."""

    macros: dict[str, tuple[int, str]]
    open: list[str] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    numbers: Counter[str] = field(default_factory=Counter)
    levels: list[int] = field(default_factory=lambda: [0, 0, 0])
    appendix: bool = False
    named: list[str] = field(default_factory=lambda: [""])
    labels: dict[str, str] = field(default_factory=dict)
    headings: list[Heading] = field(default_factory=list)
    cited: Counter[str] = field(default_factory=Counter)

    @property
    def silent(self) -> bool:
        """Whether what is read now is no prose."""
        return any(name in _NO_PROSE or name in _FLOATS or name in _SUBFLOATS for name in self.open)


def read_tex(tex: str) -> Source:
    """What `tex`, a whole source or a part of a body, prints. Never raises."""
    tex = re.sub(f"[{FORMULA}-{_REF_END}]", "", tex)
    tex = _NOT_TEX.sub(lambda match: match["keep"] or _literal(match["code"] or match["url"] or ""), tex)
    tex = tex.replace(r"\begin{thebibliography}", r"\bibliography{}\begin{thebibliography}")
    reading = _Reading(dict(_definitions(tex)))
    begin, end = r"\begin{document}", r"\end{document}"
    body = tex.partition(begin)[2] if begin in tex else tex
    text = _printed(body.partition(end)[0], reading, reading.macros)
    return Source(_finished(text, reading.labels), tuple(
        Heading(h.number, _finished(h.text, reading.labels), h.level, h.appendix) for h in reading.headings
    ), dict(reading.cited))  # fmt: skip


def _finished(text: str, labels: dict[str, str]) -> str:
    """`text` with references resolved, as LaTeX does in its second run, without citation marks typed by hand."""
    text = re.sub(f"{_REF}(.*?){_REF_END}", lambda match: labels.get(match[1], "??"), text, flags=re.DOTALL)
    text = re.sub(f"[{_REF}{_REF_END}]", "", text)
    text = _TYPED_MARK.sub("", unicodedata.normalize("NFC", text))
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _literal(code: str) -> str:
    return "".join(f"\\{c}" if c in "#$%&_{}" else " " if c in "\\^~" else c for c in code)


def _definitions(tex: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """The source's own commands: name, number of arguments, body."""
    for match in _DEFINITION.finditer(tex):
        yield match[1] or match[2] or match[4], (int(match[3] or 0), _argument(tex, match.end())[0])


def _argument(tex: str, at: int, brackets: str = "{}") -> tuple[str, int]:
    """The argument that begins at `at` (spaces aside) and where it ends; "" and `at` if none does.

    Without braces a mandatory argument is one command or one character.
    """
    start = at
    while start < len(tex) and tex[start].isspace():
        start += 1
    if tex[start : start + 1] != brackets[0]:
        if brackets == "[]" or start == len(tex):
            return "", at
        match = re.compile(r"\\[A-Za-z@]+|\\.|[^{}\\]", re.DOTALL).match(tex, start)
        return (match[0], match.end()) if match else ("", at)
    depth = 0
    for match in re.compile(r"\\.|[{}\[\]]", re.DOTALL).finditer(tex, start + 1):
        if match[0] == brackets[1] and depth == 0:
            return tex[start + 1 : match.start()], match.end()
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth < 0:
            break
    return ("", at) if brackets == "[]" else (tex[start + 1 :], len(tex))


def _skip(tex: str, at: int, signature: str) -> int:
    for kind in signature:
        at = _argument(tex, at, "[]" if kind == "o" else "{}")[1]
    return at


@cache
def _symbols() -> dict[str, str]:
    """Commands that print a character or a name: `\\theta`, `\\ss`, `\\log`."""
    from pylatexenc.latex2text import get_default_latex_context_db

    known = {spec.macroname: spec.simplify_repl for spec in get_default_latex_context_db().iter_macro_specs()}
    return {name: text for name, text in known.items() if isinstance(text, str) and "%" not in text}


def formula_words(math: str) -> int:
    """How many words a formula could print at most: runs of letters, and numbers, parted by all that is neither."""
    printed = re.sub(
        r"\\(?:([A-Za-z]+)|.)", lambda match: f" {_symbols().get(match[1] or '', '')} ", math, flags=re.DOTALL
    )
    return len(re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?", printed))


def _printed(tex: str, reading: _Reading, macros: dict[str, tuple[int, str]], depth: int = 0) -> str:
    """The text that `tex` prints, floats and the like not; `reading` is brought forward."""
    out: list[str] = []
    at = 0
    while at < len(tex) and depth < 30:
        match = _TOKEN.match(tex, at)
        assert match  # its last alternative takes any character
        at = match.end()
        if name := match["name"]:
            if name in macros:
                count, text = macros[name]
                for n in range(count):
                    argument, at = _argument(tex, at)
                    text = text.replace(f"#{n + 1}", argument)
                # a command within its own body would never end
                piece = _printed(text, reading, {k: v for k, v in macros.items() if k != name}, depth + 1)
            else:
                piece, at = _command(tex, at, name, bool(match["star"]), reading, macros, depth)
        elif sign := match["sign"]:
            piece, at = _sign(tex, at, sign, reading)
        elif match["math"] is not None:
            piece = f" {FORMULA * formula_words(match['math'])} "
        elif match["shown"] is not None:
            piece = "\n"
        elif match["dash"] or match["quotes"]:
            piece = {"--": "–", "---": "—", "``": "“", "''": "”"}[match[0]]
        else:
            piece = {"{": "", "}": "", "$": "", "~": " ", "&": " "}.get(match[0], match[0])
        if not reading.silent:
            out.append(piece)
    return "".join(out)


def _sign(tex: str, at: int, sign: str, reading: _Reading) -> tuple[str, int]:
    """What a backslash with a sign prints, and where reading goes on."""
    if sign in "([":
        close = tex.find(r"\)" if sign == "(" else r"\]", at)
        inside, at = (tex[at:], len(tex)) if close < 0 else (tex[at:close], close + 2)
        return (f" {FORMULA * formula_words(inside)} " if sign == "(" else "\n"), at
    if sign == "\\":
        return "\n", _skip(tex, at, "o")
    if sign in _ACCENTS:
        return _accented(tex, at, sign)
    return ("" if sign in "/-@)]" else " " if sign in ",;:! \n\t" else sign), at


def _accented(tex: str, at: int, accent: str) -> tuple[str, int]:
    letter, at = _argument(tex, at)
    letter = {r"\i": "i", r"\j": "j"}.get(letter.strip(), letter.strip())
    return letter[:1] + (_ACCENTS[accent] if letter else "") + letter[1:], at


def _command(
    tex: str, at: int, name: str, star: bool, reading: _Reading, macros: dict[str, tuple[int, str]], depth: int
) -> tuple[str, int]:
    """What the command that ends at `at` prints, and where reading goes on."""
    if name in ("begin", "end"):
        environment, at = _argument(tex, at)
        environment = environment.rstrip("*")
        if name == "end":
            return _close(environment, reading), at
        return _open(environment, tex, at, reading), _skip(tex, at, _ENVIRONMENTS.get(environment, ""))
    if name in _LEVELS:
        at = _skip(tex, at, "o")
        title, at = _argument(tex, at)
        return _heading(_printed(title, reading, macros, depth + 1), _LEVELS[name], star, reading), at
    if _CITE.fullmatch(name):
        keys, at = _argument(tex, _skip(tex, at, "oo"))
        reading.cited.update(key.strip() for key in keys.split(",") if key.strip())
        return "", at
    if name in ("caption", "footnote", "footnotetext"):  # no prose, but marks and labels stand in them
        text, at = _argument(tex, _skip(tex, at, "o"))
        _printed(text, reading, macros, depth + 1)
        return "", at
    if name == "label":
        key, at = _argument(tex, at)
        reading.labels[key] = reading.named[-1]
        return "", at
    if name in ("ref", "eqref"):
        key, at = _argument(tex, at)
        return f"({_REF}{key}{_REF_END})" if name == "eqref" else f"{_REF}{key}{_REF_END}", at
    if name in ("bibliography", "printbibliography"):
        at = _skip(tex, at, "o" if name == "printbibliography" else "x")
        return _heading("References", 1, True, reading), at
    if name == "appendix":
        reading.appendix, reading.levels = True, [0, 0, 0]
        return "", at
    if name == "item":
        label, at = _argument(tex, at, "[]")
        return f"\n\n{_printed(label, reading, macros, depth + 1) or _item(reading)} ", at
    if name in _ACCENTS:
        return _accented(tex, at, name)
    if name in _COMMANDS:
        return "", _skip(tex, at, _COMMANDS[name])
    return _symbols().get(name, ""), at


def _heading(text: str, level: int, star: bool, reading: _Reading) -> str:
    number = ""
    if not star:
        reading.levels[level - 1] += 1
        reading.levels[level:] = [0] * (3 - level)
        first = _letter(reading.levels[0]).upper() if reading.appendix else str(reading.levels[0])
        number = ".".join([first, *map(str, reading.levels[1:level])])
        reading.named[0] = number
    text = " ".join(text.split())
    reading.headings.append(Heading(number, text, level, reading.appendix))
    return f"\n\n{number}{'. ' if number else ''}{text}\n\n"


def _letter(n: int) -> str:
    return string.ascii_lowercase[(n - 1) % 26]


def _item(reading: _Reading) -> str:
    """The mark of the next item: numbered lists count, with letters where they stand in another."""
    lists = [(name, i) for i, name in enumerate(reading.open) if name in ("enumerate", "itemize", "description")]
    if not lists or lists[-1][0] != "enumerate":
        return ""
    reading.items[-1] += 1
    numbered = sum(name == "enumerate" for name, _ in lists)
    return f"{reading.items[-1]}." if numbered == 1 else f"({_letter(reading.items[-1])})"


def _open(name: str, tex: str, at: int, reading: _Reading) -> str:
    reading.open.append(name)
    if name == "enumerate":
        reading.items.append(0)
    elif name in _FLOATS or name == "equation":
        kind = _FLOATS.get(name, name)
        inside = tex[at : (tex.find(rf"\end{{{name}", at) + 1 or len(tex) + 1) - 1]
        reading.numbers[kind] += name == "equation" or r"\caption" in inside
        reading.numbers["sub"] = 0
        reading.named.append(str(reading.numbers[kind]))
    elif name in _SUBFLOATS:
        reading.numbers["sub"] += 1
        reading.named.append(f"{reading.numbers[_SUBFLOATS[name]]}{_letter(reading.numbers['sub'])}")
    elif name == "abstract":
        return _heading("Abstract", 1, True, reading)
    return "\n\n"


def _close(name: str, reading: _Reading) -> str:
    """Closes the environment with all that was left open in it."""
    while name in reading.open:
        closed = reading.open.pop()
        if closed == "enumerate":
            reading.items.pop()
        elif closed in _FLOATS or closed in _SUBFLOATS or closed == "equation":
            reading.named.pop()
        if closed == name:
            break
    return "\n\n"


def pdf_prose(extracted: Extracted) -> str:
    """The prose blocks of `extracted`, one to a line, the spans of its mentions cut out."""
    cut: set[tuple[int, int]] = set()
    for reference in extracted.references:
        for mention in reference.mentions:
            cut.update((mention.page, at) for at in range(mention.start, mention.end))
    lines = []
    for block in extracted.blocks:
        if block.kind in PROSE_KINDS:
            text = extracted.pages[block.page].text
            lines.append("".join(
                " " if (block.page, at) in cut else text[at] for at in range(block.start, min(block.end, len(text)))
            ))  # fmt: skip
    return "\n".join(lines)


def words(text: str) -> list[str]:
    """The words of `text` in lower case: letters and digits, with the signs that join them (`2,000`, `all-to-all`)."""
    return _WORD.findall(unicodedata.normalize("NFC", text).translate(_SAME).lower())


def compare(source: list[str], pdf: list[str]) -> Comparison:
    """How well the words of the PDF agree with those of the source, which may have `FORMULA` among them.

    They are aligned by a longest common subsequence.
    """
    from rapidfuzz.distance import LCSseq

    pdf = [word for word in pdf if word != FORMULA]
    plain: list[str] = []
    markers: Counter[int] = Counter()  # how many stand before the word of `plain` at that index
    for word in source:
        if word == FORMULA:
            markers[len(plain)] += 1
        else:
            plain.append(word)
    opcodes = LCSseq.opcodes(plain, pdf)
    partner = {-1: -1, len(plain): len(pdf)}
    for op in opcodes:
        if op.tag == "equal":
            partner.update(zip(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end), strict=True))
    common = len(partner) - 2
    left_out: set[int] = set()
    for at, most in markers.items():
        if at - 1 in partner and at in partner:
            left_out.update(range(partner[at - 1] + 1, partner[at])[:most])
    counted = len(plain) + len(pdf) - len(left_out)
    return Comparison(
        f1=2 * common / counted if counted else 1.0,
        common=common,
        source=len(plain),
        pdf=len(pdf),
        left_out=len(left_out),
        faults=tuple(_faults(plain, pdf, partner, left_out)),
    )


def _faults(plain: list[str], pdf: list[str], partner: dict[int, int], left_out: set[int]) -> Iterator[str]:
    """Each place where the two differ: after which words, what the source has, what the PDF has."""
    aligned = sorted(partner.items())
    for (i, j), (next_i, next_j) in pairwise(aligned):
        extra = [pdf[n] for n in range(j + 1, next_j) if n not in left_out]
        if next_i - i > 1 or extra:
            before = " ".join(plain[max(0, i - 3) : i + 1])
            yield f"after “{before}”: source “{' '.join(plain[i + 1 : next_i])}”, PDF “{' '.join(extra)}”"
