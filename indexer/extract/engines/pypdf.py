"""pypdf: pure Python, a complete path of its own. Its reader and its fonts are used; where words lie is worked out here.

pypdf's own `extract_text` guesses at spaces while it writes text. Here the pen is followed instead, as ISO 32000-1:2008,
9.4.4 says a viewer does: each string moves it by its glyphs' widths, and only a gap as wide as a space is one.
"""

from __future__ import annotations

import logging
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from indexer.errors import Damaged, Encrypted, LimitReached
from indexer.extract import limits
from indexer.extract.engines.operators import lines, operations, unescaped
from indexer.extract.engines.pdfium import font_of
from indexer.extract.sheet import Font, Sheet, Word, way_of

NAME = "pypdf"

_GAP = 0.13  # of the type's size: TeX shrinks the space of Libertine to 0.16, and kerns letters by less than 0.1
_GAP_OF_MATH = 0.15  # after a letter of a formula, whose slant TeX makes up for by up to 0.14
_BACK = 0.9  # how far the pen may go back within a word: an accent set over its letter
_DEPTH = 12  # of forms within forms
_FORMS = 5000  # forms drawn on one page
_PAINTS = re.compile(rb"(?<![A-Za-z])(?:T[jJ]|['\"]|Do|sh|BI|[SsfFBb]\*?)(?![A-Za-z])")
_RULES = 20_000  # lines of one page
_SPACE = re.compile(r"[\s\0\xa0\u200b]+")

_Matrix = tuple[float, float, float, float, float, float]
_UNIT: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def read(path: Path) -> Iterator[Sheet]:
    """The sheets of the PDF at `path`, one after the other. Raises `Encrypted`, `Damaged` or `LimitReached`.

    A page that can't be read gives what was read of it before; where that is so of every page, `Damaged` is raised at
    the end.
    """
    reader = _opened(path)
    fonts: dict[Any, _Glyphs] = {}
    trouble: Exception | None = None
    fine = False
    for index in range(len(reader.pages)):
        page = _Page(reader, index, fonts)
        try:
            page.run()
            fine = True
        except MemoryError:
            raise LimitReached("Reading it takes too much memory.") from None
        except Exception as error:  # a reader of hostile files fails in every way there is
            trouble = trouble or error
            fine = fine or bool(page.runs)
        yield page.sheet()
    if trouble is not None and not fine:
        raise _damaged(trouble)


def count(path: Path) -> int:
    """How many pages pypdf finds; 0 if it can't open the file."""
    try:
        return len(_opened(path).pages)
    except (Encrypted, Damaged, LimitReached):
        return 0


def _opened(path: Path) -> Any:
    """A reader whose pages have been counted, so that the page tree is known to be sound."""
    import pypdf
    from pypdf.errors import DependencyError, FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its remarks on sloppy files are no help to a reader
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Encrypted("It is encrypted and asks for a password.")
        len(reader.pages)
        return reader
    except Encrypted:
        raise
    except (FileNotDecryptedError, DependencyError):
        raise Encrypted("It is encrypted and asks for a password.") from None
    except (MemoryError, RecursionError):
        raise LimitReached("Reading it takes too much memory.") from None
    except Exception as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> Damaged | LimitReached:
    from pypdf.errors import LimitReachedError

    if isinstance(error, LimitReachedError):
        return LimitReached(f"pypdf's limits stop it: {str(error)[:200]}")
    return Damaged(f"pypdf can't read it: {type(error).__name__}: {str(error)[:200]}.")


# Fonts


class _Stretch(NamedTuple):
    """A part of a shown string without a space: widths in glyph units, characters and spaces before its start and end."""

    text: str
    start: float
    end: float
    before: int
    after: int
    spaces: int


class _Shown(NamedTuple):
    """A shown string: its stretches, its whole width, its characters, its spaces of code 32."""

    stretches: tuple[_Stretch, ...]
    width: float
    characters: int
    spaces: int
    opens: bool  # begins with a space
    closes: bool  # ends with one


@dataclass
class _Glyphs:
    """A font's characters and widths. `unit` makes a width of 1 one unit of text space at size 1."""

    type: Font
    unit: float
    decode: Callable[[bytes], list[tuple[str, float, bool]]]  # character(s), width, whether it is code 32
    held: dict[bytes, _Shown] = field(default_factory=dict)

    def shown(self, string: bytes) -> _Shown:
        """What a string shows that is given as written, with its brackets."""
        found = self.held.get(string)
        if found is None:
            found = self.held[string] = _cut(self.decode(unescaped(string)))
        return found


def _cut(glyphs: Sequence[tuple[str, float, bool]]) -> _Shown:
    stretches = []
    text, start, width, before, spaces, at = "", 0.0, 0.0, 0, 0, 0
    for at, (character, advance, single) in enumerate(glyphs):
        if _SPACE.fullmatch(character):
            if text:
                stretches.append(_Stretch(text, start, width, before, at, spaces))
                text = ""
            spaces += single
        else:
            if not text:
                start, before = width, at
            text += character
        width += advance
    if text:
        stretches.append(_Stretch(text, start, width, before, len(glyphs), spaces))
    opens = bool(glyphs) and bool(_SPACE.fullmatch(glyphs[0][0]))
    closes = bool(glyphs) and bool(_SPACE.fullmatch(glyphs[-1][0]))
    return _Shown(tuple(stretches), width, len(glyphs), spaces, opens, closes)


def _glyphs(resource: Any) -> _Glyphs:
    from pypdf.generic._font import Font as Known

    font = Known.from_font_resource(resource)
    name = next((name for name in (font.name, font.font_descriptor.name) if name != "Unknown"), "").removeprefix("/")
    unit = 0.001
    if font.sub_type == "Type3":
        matrix = resource.get("/FontMatrix")
        unit = abs(float(matrix[0])) if matrix else 0.001
    widths = font.character_widths
    usual = float(widths["default"])
    own = font.character_map
    encoding = font.encoding
    if isinstance(encoding, dict):
        own, drawn = _named(resource, own)
        if "dingbats" in name.lower() and not drawn and "/ToUnicode" not in resource:
            from pypdf._codecs import charset_encoding

            own, encoding = {}, dict(enumerate(charset_encoding["/ZapfDingbats"]))
        table = [
            (
                _character(drawn.get(code, encoding.get(code, chr(code))), code, own),
                _width(widths, code, usual),
                code == 32,
            )
            for code in range(256)
        ]
        return _Glyphs(font_of(name, _flags(font)), unit, lambda codes: [table[code] for code in codes])

    def decode(codes: bytes) -> list[tuple[str, float, bool]]:
        if encoding == "utf-16-be":  # two-byte codes, whatever they stand for
            raw = [chr(codes[i] << 8 | codes[i + 1]) for i in range(0, len(codes) - 1, 2)]
        else:
            raw = list(codes.decode(encoding, "replace"))
        return [(own.get(code, code) or "\ufffd", _width(widths, ord(code), usual), False) for code in raw]

    return _Glyphs(font_of(name, _flags(font)), unit, decode)


def _named(resource: Any, own: dict[Any, Any]) -> tuple[dict[Any, Any], dict[int, str]]:
    """A font's own characters, by the code as a character, and those that its /Encoding names, by code.

    pypdf lets the font program's encoding win over the one that the file gives, and reads `/f_i` as letters.
    """
    from pypdf.generic import DictionaryObject
    from pypdf.generic._font import Font as Known

    encoding = _object(resource.get("/Encoding"))
    if "/ToUnicode" in resource:
        if encoding is None and resource.get("/Subtype") == "/Type1":
            # Mathematical fonts give half of their characters there, the program's encoding the rest.
            bare = DictionaryObject({name: resource.raw_get(name) for name in resource if name != "/ToUnicode"})
            own = Known.from_font_resource(bare).character_map | own
        return own, {}
    if isinstance(encoding, str):
        return {}, {}
    drawn: dict[int, str] = {}
    if isinstance(encoding, DictionaryObject):
        code = 0
        for each in _object(encoding.get("/Differences")) or ():
            if isinstance(each, str):
                drawn[code] = _of_glyph_name(each) or each
                code += 1
            elif isinstance(each, int):
                code = each
    return own, drawn


def _flags(font: Any) -> int:
    flags, angle = font.font_descriptor.flags, font.font_descriptor.italic_angle
    told = int(flags) if isinstance(flags, (int, float)) and flags > 0 else 0
    return told | (1 << 6 if isinstance(angle, (int, float)) and angle else 0)


def _width(widths: dict[str, Any], code: int, usual: float) -> float:
    width = widths.get(chr(code), usual)
    return float(width) if isinstance(width, (int, float)) else usual


def _character(named: str, code: int, own: dict[Any, Any]) -> str:
    if found := own.get(named) or own.get(chr(code)):
        return found
    if len(named) > 1 and named.startswith("/"):  # a name that means nothing: often the code is the character
        return _of_glyph_name(named) or (chr(code) if code >= 32 else "\ufffd")
    return named or "\ufffd"


@lru_cache(maxsize=4096)
def _of_glyph_name(name: str) -> str:
    """The characters of a glyph's name by Adobe's glyph list specification (`/f_f_i`, `/a.sc`), or ""."""
    from pypdf._codecs import adobe_glyphs

    found = ""
    for part in name[1:].split(".")[0].split("_"):
        if (known := adobe_glyphs.get("/" + part)) is None and (
            match := re.fullmatch(r"(?:uni|u)([0-9A-F]{4,6})", part)
        ):
            code = int(match[1], 16)
            known = chr(code) if code < 0x110000 else None
        if known is None:
            return ""
        found += known
    return found


# Pages


class _Run:
    """Characters of one font and size in a row, growing while the pen goes on where it stopped."""

    __slots__ = ("font", "glued", "pen_x", "pen_y", "size", "text", "ux", "uy", "x0", "x1", "y0", "y1")

    def __init__(
        self, text: str, x0: float, y0: float, ux: float, uy: float, size: float, font: Font, glued: bool
    ) -> None:
        self.text, self.x0, self.y0, self.ux, self.uy = text, x0, y0, ux, uy
        self.size, self.font, self.glued = size, font, glued
        self.x1 = self.pen_x = x0
        self.y1 = self.pen_y = y0


@dataclass
class _State:
    """What `q` saves and `Q` restores, as far as text goes."""

    ctm: _Matrix
    glyphs: _Glyphs | None = None
    size: float = 0.0
    letter: float = 0.0
    word: float = 0.0
    stretch: float = 1.0
    leading: float = 0.0
    rise: float = 0.0

    def copy(self) -> _State:
        return _State(
            self.ctm, self.glyphs, self.size, self.letter, self.word, self.stretch, self.leading, self.rise
        )  # fmt: skip


class _Page:
    """One page's runs. Coordinates are those of the page as it is displayed, from its lower left corner."""

    def __init__(self, reader: Any, index: int, fonts: dict[Any, _Glyphs]) -> None:
        self.reader, self.index, self.fonts = reader, index, fonts
        self.runs: list[_Run] = []
        self.pictures: list[tuple[float, float, float, float]] = []
        self.rules: list[tuple[float, float, float]] = []
        self.blank = True
        self.width, self.height = 612.0, 792.0
        self.spaced = True
        self.forms = 0
        self.entered: set[int] = set()
        self.tm = self.line = _UNIT
        self.shown: deque[tuple[Sequence[Any], float, float]] = deque(maxlen=5)

    def run(self) -> None:
        from pypdf.generic import ContentStream

        page = self.reader.pages[self.index]
        self.state = _State(self._base(page))
        contents = page.get("/Contents")
        if contents is not None and (contents := contents.get_object()) is not None:
            self._operations(ContentStream(contents, self.reader).get_data(), _resources(page), 0)

    def sheet(self) -> Sheet:
        ways: dict[int, list[Word]] = {0: [], 1: [], 2: [], 3: [], -1: []}
        for run in self.runs:
            if not math.isfinite(run.x0 + run.x1 + run.y0 + run.y1 + run.ux + run.uy + run.size):
                continue  # the numbers of a broken file
            angle = math.degrees(math.atan2(run.uy, run.ux))
            quarter = round(angle / 90)
            turn = -1 if abs(angle - 90 * quarter) > 5 else -quarter % 4  # quarter turns, clockwise
            x0, x1, y = self._placed(run, turn)
            text = run.text[:-1] + "-" if run.text.endswith("\xad") else run.text
            ways[turn].append(Word(text, x0, x1, y, run.size, run.font, run.glued))
        # most words lie the same way; what doesn't is a stamp or an axis label
        way = way_of(ways)
        width, height = (self.width, self.height) if way % 2 == 0 else (self.height, self.width)
        turned = [word for turn, words in ways.items() if turn != way for word in words]
        pictures, rules = (self.pictures, self.rules) if way == 0 else ([], [])
        return Sheet(self.index + 1, width, height, ways[way], turned, pictures, rules, self.blank)

    def _placed(self, run: _Run, turn: int) -> tuple[float, float, float]:
        """Left edge, right edge and baseline as one sees them who turns the page until the words stand upright."""
        if turn == 1:
            return self.height - run.y0, self.height - run.y1, self.width - run.x0
        if turn == 2:
            return self.width - run.x0, self.width - run.x1, run.y0
        if turn == 3:
            return run.y0, run.y1, run.x0
        return min(run.x0, run.x1), max(run.x0, run.x1), self.height - run.y0

    def _base(self, page: Any) -> _Matrix:
        """From the page's own coordinates to those of the page as it is displayed, its corner at (0, 0)."""
        try:
            crop, media = page.cropbox, page.mediabox
            left, bottom = max(float(crop.left), float(media.left)), max(float(crop.bottom), float(media.bottom))
            right, top = min(float(crop.right), float(media.right)), min(float(crop.top), float(media.top))
            if right <= left or top <= bottom:
                left, bottom, right, top = (float(side) for side in (media.left, media.bottom, media.right, media.top))
            turn = int(page.rotation) // 90 % 4
        except (ValueError, TypeError, AttributeError):
            left, bottom, right, top, turn = 0.0, 0.0, 612.0, 792.0, 0
        width, height = right - left, top - bottom
        self.width, self.height = (width, height) if turn % 2 == 0 else (height, width)
        if turn == 1:
            return (0.0, -1.0, 1.0, 0.0, -bottom, right)
        if turn == 2:
            return (-1.0, 0.0, 0.0, -1.0, right, top)
        if turn == 3:
            return (0.0, 1.0, -1.0, 0.0, top, -left)
        return (1.0, 0.0, 0.0, 1.0, -left, -bottom)

    def _operations(self, data: bytes, resources: Any, depth: int) -> None:
        if not _PAINTS.search(data):
            return
        self.blank = False
        saved: list[_State] = []
        handlers = _HANDLERS
        for operator, operands in operations(data):
            handler = handlers.get(operator)
            if handler is not None:
                try:
                    handler(self, operands)
                except (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError):
                    continue  # an operator without its operands is passed over, as viewers do
            elif operator == b"q":
                saved.append(self.state.copy())
            elif operator == b"Q":
                if saved:
                    self.state = saved.pop()
            elif operator == b"Tf":
                self._font(operands, resources)
            elif operator == b"Do":
                self._draw(operands, resources, depth)
            elif operator == b"paths":
                if depth == 0:
                    self._rule(operands[0])
            elif operator == b"BI" and depth == 0:
                self._picture(self.state.ctm, (0.0, 0.0, 1.0, 1.0))

    # Text state

    def _begin(self, _: Any) -> None:
        self.tm = self.line = _UNIT

    def _cm(self, operands: Any) -> None:
        a, b, c, d, e, f = (float(operand) for operand in operands[-6:])
        self.state.ctm = _times((a, b, c, d, e, f), self.state.ctm)

    def _matrix(self, operands: Any) -> None:
        a, b, c, d, e, f = operands[-6:]
        self.tm = self.line = (float(a), float(b), float(c), float(d), float(e), float(f))

    def _move(self, operands: Any) -> None:
        x, y = operands[-2:]
        a, b, c, d, e, f = self.line
        self.tm = self.line = (a, b, c, d, x * a + y * c + e, x * b + y * d + f)

    def _move_leading(self, operands: Any) -> None:
        self.state.leading = -float(operands[-1])
        self._move(operands)

    def _next(self, _: Any) -> None:
        self._move((0.0, -self.state.leading))

    def _letter(self, operands: Any) -> None:
        self.state.letter = float(operands[-1])

    def _word(self, operands: Any) -> None:
        self.state.word = float(operands[-1])

    def _stretch(self, operands: Any) -> None:
        self.state.stretch = float(operands[-1]) / 100

    def _leading(self, operands: Any) -> None:
        self.state.leading = float(operands[-1])

    def _rise(self, operands: Any) -> None:
        self.state.rise = float(operands[-1])

    def _font(self, operands: Any, resources: Any) -> None:
        try:
            name, size = operands[-2:]
            self.state.size = float(size)
        except (TypeError, ValueError):
            return
        self.state.glyphs = self._found(name, resources)

    def _found(self, name: Any, resources: Any) -> _Glyphs:
        """The font of this name; each is read once for a document."""
        from pypdf.generic import DictionaryObject, IndirectObject, NameObject

        held = _object(resources.get("/Font"))
        there = isinstance(name, str) and isinstance(held, DictionaryObject) and name in held
        resource = held.raw_get(name) if there else None
        key: Any = (resource.idnum, resource.generation) if isinstance(resource, IndirectObject) else id(resource)
        if key not in self.fonts:
            try:
                found = _object(resource)
                self.fonts[key] = _glyphs(found)
                if not isinstance(resource, IndirectObject):
                    self.fonts[id(found), "kept"] = found  # so that its id stays its own
            except MemoryError:
                raise
            except Exception:  # missing or broken: viewers take Helvetica
                plain = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
                named = {NameObject(entry): NameObject(value) for entry, value in plain.items()}
                self.fonts[key] = _glyphs(DictionaryObject(named))
        return self.fonts[key]

    # Showing

    def _show(self, operands: Any) -> None:
        self._show_all(operands[-1:])

    def _show_array(self, operands: Any) -> None:
        self._show_all(operands[-1])

    def _show_next(self, operands: Any) -> None:
        self._next(None)
        self._show_all(operands[-1:])

    def _show_spaced(self, operands: Any) -> None:
        word, letter, text = operands[-3:]
        self.state.word, self.state.letter = float(word), float(letter)
        self._show_next((text,))

    def _show_all(self, items: Sequence[Any]) -> None:
        state = self.state
        glyphs = state.glyphs
        if glyphs is None:
            return
        a, b, c, d, e, f = _times(self.tm, state.ctm)
        if state.rise:
            e, f = e + state.rise * c, f + state.rise * d
        unit = state.size * state.stretch  # of text space, for a width of one
        per = unit * glyphs.unit
        letter, word = state.letter * state.stretch, state.word * state.stretch
        long = math.hypot(a, b)
        way = math.copysign(1.0, unit)
        ux, uy = (way * a / long, way * b / long) if long else (1.0, 0.0)
        size = round(abs(state.size) * math.hypot(c, d), 1)
        again = self._again(items, e, f, 0.1 * size)
        last, spaced = (self.runs[-1] if self.runs else None), self.spaced
        held = glyphs.held
        x = 0.0
        for item in items:
            if isinstance(item, bytes):
                shown = held.get(item) or glyphs.shown(item)
                spaced = spaced or shown.opens
                for stretch in shown.stretches if not again else ():
                    at = x + stretch.start * per + stretch.before * letter + stretch.spaces * word
                    to = x + stretch.end * per + stretch.after * letter + stretch.spaces * word
                    last = self._add(
                        last, spaced, stretch.text, at * a + e, at * b + f, to * a + e, to * b + f, letter, a, b, ux, uy,
                        size, glyphs.type,
                    )  # fmt: skip
                    spaced = True
                if shown.stretches:
                    spaced = shown.closes
                x += shown.width * per + shown.characters * letter + shown.spaces * word
            elif isinstance(item, float):
                x -= item * unit / 1000
        self.spaced = spaced
        a, b, c, d, e, f = self.tm
        self.tm = (a, b, c, d, x * a + e, x * b + f)

    def _again(self, items: Sequence[Any], x: float, y: float, near: float) -> bool:
        """Whether the same has just been shown at the same place: printed twice to look bold."""
        found = any(
            abs(x - was_x) < near and abs(y - was_y) < near and items == was for was, was_x, was_y in self.shown
        )
        if not found:
            self.shown.append((items, x, y))
        return found

    def _add(self, last, spaced, text, x0, y0, x1, y1, letter, a, b, ux, uy, size, font) -> _Run:  # fmt: skip
        """Adds a stretch to the last run, or begins another: glued to it, or parted by a space."""
        glued = False
        if last is not None and not spaced:
            dx, dy = x0 - last.pen_x, y0 - last.pen_y
            along, across = dx * ux + dy * uy, dy * ux - dx * uy
            most = max(size, last.size)
            gap = (_GAP_OF_MATH if last.font.math else _GAP) * min(size, last.size or size)
            if -_BACK * most < along < gap and last.ux * ux + last.uy * uy > 0.99:
                if size == last.size and font is last.font and abs(across) < 0.05 * size:
                    last.text += text
                    last.pen_x, last.pen_y, last.x1, last.y1 = x1, y1, x1 - letter * a, y1 - letter * b
                    return last
                glued = abs(across) < 0.8 * most
        if len(self.runs) >= limits.WORDS_ON_PAGE:
            raise LimitReached(f"A page holds more than {limits.WORDS_ON_PAGE:,} words.")
        run = _Run(text, x0, y0, ux, uy, size, font, glued)
        run.pen_x, run.pen_y, run.x1, run.y1 = x1, y1, x1 - letter * a, y1 - letter * b
        self.runs.append(run)
        return run

    # Drawings

    def _draw(self, operands: Any, resources: Any, depth: int) -> None:
        from pypdf.generic import DictionaryObject, StreamObject

        held = _object(resources.get("/XObject"))
        named = bool(operands) and isinstance(operands[-1], str) and isinstance(held, DictionaryObject)
        thing = _object(held.get(operands[-1])) if named else None
        if not isinstance(thing, StreamObject):
            return
        state = self.state
        if thing.get("/Subtype") == "/Image":
            if depth == 0:
                self._picture(state.ctm, (0.0, 0.0, 1.0, 1.0))
            return
        if id(thing) in self.entered or depth >= _DEPTH or self.forms >= _FORMS:
            return
        self.forms += 1
        self.entered.add(id(thing))
        tm, line = self.tm, self.line
        matrix = _numbers(thing.get("/Matrix"), 6)
        self.state = state.copy()
        if matrix:
            self.state.ctm = _times(matrix, state.ctm)
        if depth == 0 and (box := _numbers(thing.get("/BBox"), 4)):
            self._picture(self.state.ctm, box)
        try:
            own = _object(thing.get("/Resources"))
            inner = own if isinstance(own, DictionaryObject) else resources
            self._operations(thing.get_data(), inner, depth + 1)
        except (MemoryError, LimitReached):
            raise
        except Exception:  # a broken figure is no reason to lose the page
            pass
        finally:
            self.state, self.tm, self.line = state, tm, line
            self.entered.discard(id(thing))

    def _rule(self, paths: bytes) -> None:
        a, b, c, d, e, f = self.state.ctm
        for x0, y0, x1, y1 in lines(paths):
            left, right = sorted((x0 * a + y0 * c + e, x1 * a + y1 * c + e))
            bottom, top = sorted((x0 * b + y0 * d + f, x1 * b + y1 * d + f))
            if right - left > 59 and top - bottom < 2 and len(self.rules) < _RULES:
                self.rules.append((left, self.height - bottom, right))

    def _picture(self, ctm: _Matrix, box: Sequence[float]) -> None:
        a, b, c, d, e, f = ctm
        xs = [x * a + y * c + e for x in box[::2] for y in box[1::2]]
        ys = [x * b + y * d + f for x in box[::2] for y in box[1::2]]
        left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
        if right - left > 20 and top - bottom > 20 and len(self.pictures) < 20_000:
            self.pictures.append((left, self.height - top, right, self.height - bottom))


_HANDLERS: dict[bytes, Callable[[_Page, Any], None]] = {
    b"BT": _Page._begin, b"cm": _Page._cm, b"Tm": _Page._matrix, b"Td": _Page._move, b"TD": _Page._move_leading,
    b"T*": _Page._next, b"Tc": _Page._letter, b"Tw": _Page._word, b"Tz": _Page._stretch, b"TL": _Page._leading,
    b"Ts": _Page._rise, b"Tj": _Page._show, b"TJ": _Page._show_array, b"'": _Page._show_next, b'"': _Page._show_spaced,
}  # fmt: skip


def _times(m: _Matrix, n: _Matrix) -> _Matrix:
    a, b, c, d, e, f = m
    g, h, i, j, k, l = n  # noqa: E741
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l)


def _object(value: Any) -> Any:
    return value.get_object() if value is not None else None


def _resources(page: Any) -> Any:
    """A page's resources, or those of the first node above it that has some."""
    from pypdf.generic import DictionaryObject

    node, steps = page, 0
    while isinstance(node, DictionaryObject) and steps < 100:
        if isinstance(found := _object(node.get("/Resources")), DictionaryObject):
            return found
        node, steps = _object(node.get("/Parent")), steps + 1
    return DictionaryObject()


def _numbers(value: Any, count: int) -> Any:
    value = _object(value)
    try:
        return tuple(float(_object(each)) for each in value) if value is not None and len(value) == count else None
    except (TypeError, ValueError):
        return None
