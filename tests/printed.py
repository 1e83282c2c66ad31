"""Pages made for tests: one description of what is printed where, as sheets for the rooms or as a PDF for the engines.

    page = [*prose("Some words that fill a line or two.", y=100), shown("1 Method", y=160, font=BOLD)]
    sheet(page)                 what an engine would hand over
    pdf([page, page])           the bytes of a file of two such pages

Every character is half an em wide, m and w three quarters, a space one, in the file too: places can be worked out by
hand. A typewriter's are 0.6 wide, all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.extract.layout import Layout, Line, layout
from indexer.extract.sheet import Font, Sheet, Word

WIDTH, HEIGHT = 612.0, 792.0
LEFT, RIGHT = 72.0, 540.0
TWO = ((72.0, 297.0), (315.0, 540.0))
"""The edges of two columns."""

ROMAN = Font("Times-Roman")
BOLD = Font("Times-Bold", bold=True)
ITALIC = Font("Times-Italic", italic=True)
SANS = Font("Helvetica")
MONO = Font("Courier", mono=True)
MATH = Font("CMMI10", math=True)
_FONTS = (ROMAN, BOLD, ITALIC, SANS, MONO, MATH)

LOREM = [
    "the",
    "workers",
    "train",
    "a",
    "copy",
    "of",
    "the",
    "model",
    "for",
    "many",
    "steps",
    "and",
    "send",
    "what",
    "they",
    "have",
    "learned",
    "over",
    "a",
    "slow",
    "network",
    "where",
    "the",
    "mean",
    "of",
    "all",
    "their",
    "changes",
    "is",
    "taken",
    "as",
    "one",
    "large",
    "step",
    "of",
    "an",
    "outer",
    "optimizer",
    "before",
    "every",
    "worker",
    "starts",
    "again",
]


@dataclass(frozen=True)
class Shown:
    """Text on a baseline `y` points below the page's top, beginning at `x`. `stretch` widens its spaces, in ems."""

    text: str
    x: float = LEFT
    y: float = 100.0
    size: float = 10.0
    font: Font = ROMAN
    stretch: float = 0.0
    glued: bool = False

    @property
    def space(self) -> float:
        """The width of a space in points."""
        return self.size * ((0.6 if self.font.mono else 0.25) + self.stretch)

    @property
    def width(self) -> float:
        words = self.text.split()
        return sum(map(self.width_of, words)) + self.space * (len(words) - 1)

    def width_of(self, word: str) -> float:
        return self.size * sum(_ems(c, self.font) for c in word)

    @property
    def x1(self) -> float:
        return self.x + self.width


def shown(
    text: str, x: float = LEFT, y: float = 100.0, size: float = 10.0, font: Font = ROMAN, glued: bool = False
) -> Shown:
    return Shown(text, x, y, size, font, glued=glued)


def full(
    text: str, y: float = 100.0, x: float = LEFT, x1: float = RIGHT, size: float = 10.0, font: Font = ROMAN
) -> Shown:
    """A line whose spaces are stretched until it ends at `x1`."""
    line = Shown(text, x, y, size, font)
    return replace(line, stretch=(x1 - line.x1) / size / (len(text.split()) - 1))


def prose(
    text: str, y: float = 100.0, x: float = LEFT, x1: float = RIGHT, size: float = 10.0, font: Font = ROMAN,
    leading: float = 1.2, indent: float = 0.0, hang: float = 0.0,
) -> list[Shown]:  # fmt: skip
    """A justified paragraph: `indent` moves its first line, `hang` the others. `-\\n` in `text` ends a line within a word."""
    lines: list[Shown] = []
    row: list[str] = []

    def end(last: bool) -> None:
        nonlocal row
        left = x + (hang if lines else indent)
        line = Shown(" ".join(row), left, y + leading * size * len(lines), size, font)
        justified = not last and len(row) > 1 and x1 - line.x1 < size * (len(row) - 1)
        lines.append(full(line.text, line.y, left, x1, size, font) if justified else line)
        row = []

    for word in text.replace("-\n", "-\0 ").split():
        left = x + (hang if lines else indent)
        if row and Shown(" ".join([*row, word.rstrip("\0")]), left, y, size, font).x1 > x1:
            end(False)
        row.append(word.rstrip("\0"))
        if word.endswith("\0"):
            end(False)
    if row:
        end(True)
    return lines


def filler(words: int, begin: str = "Here", end: str = ".") -> str:
    """A sentence of so many words, none of them with a capital but the first."""
    return " ".join([begin, *(LOREM[i % len(LOREM)] for i in range(words - 1))]) + end


def words(line: Shown) -> list[Word]:
    found, x = [], line.x
    for n, text in enumerate(line.text.split()):
        x1 = x + line.width_of(text)
        found.append(Word(text, round(x, 3), round(x1, 3), line.y, line.size, line.font, line.glued and n == 0))
        x = x1 + line.space
    return found


def sheet(page: Sequence[Shown], number: int = 1, **rest) -> Sheet:
    return Sheet(number, WIDTH, HEIGHT, [word for line in page for word in words(line)], **rest)


def laid(page: Sequence[Shown], number: int = 1, **rest) -> Layout:
    return layout(sheet(page, number, **rest))


def lines(*page: Shown) -> list[Line]:
    """The lines of a page, as `layout` makes them."""
    return laid(page).lines


def pdf(pages: Sequence[Sequence[Shown]], angle: Sequence[Shown] = (), info: str = "", more: str = "") -> bytes:
    """A PDF of these pages, every word in its place.

    `angle` is written up the left side of the first, as a stamp is; `info` are the entries of what the file says of itself,
    `more` operators at each page's end.
    """
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    for font in _FONTS:
        widths = " ".join(f"{1000 * _ems(chr(code), font):g}" for code in range(32, 256))
        objects.append(
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{font.name} /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 255"
            f" /Widths [{widths}] /FontDescriptor << /Type /FontDescriptor /FontName /{font.name} /Flags 32"
            " /FontBBox [0 -200 1000 800] /ItalicAngle 0 /Ascent 750 /Descent -250 /CapHeight 700 /StemV 80 >> >>"
        )
    fonts = " ".join(f"/F{n} {3 + n} 0 R" for n in range(len(_FONTS)))
    kids = []
    for number, page in enumerate(pages):
        content = [_written(line, f"1 0 0 1 {line.x:.3f} {HEIGHT - line.y:.3f}") for line in page]
        content += [_written(line, f"0 1 -1 0 {line.y:.3f} {line.x:.3f}") for line in (angle if number == 0 else ())]
        stream = "\n".join(["BT", *content, "ET", more])
        objects.append(f"<< /Length {len(stream.encode('cp1252'))} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH:g} {HEIGHT:g}] /Contents {len(objects)} 0 R"
            f" /Resources << /Font << {fonts} >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects.append(f"<< {info} >>")
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return (
        out
        + f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{out.rfind(b'xref')}\n%%EOF\n".encode()
    )


def _ems(c: str, font: Font) -> float:
    return 0.6 if font.mono else 0.25 if c == " " else 0.75 if c in "mwMW" else 0.5


def _written(line: Shown, matrix: str) -> str:
    text = re.sub(r"([\\()])", r"\\\1", " ".join(line.text.split()))
    return f"/F{_FONTS.index(line.font)} {line.size:g} Tf {line.stretch * line.size:.4f} Tw {matrix} Tm ({text}) Tj"
