"""The engines: what they say of a page's words is so, both say the same, and no content stream stops them."""

from __future__ import annotations

import math
import os
import re
import shutil
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loopback_arxiv import tiny_pdf

from indexer.errors import BadSetting, Damaged, Encrypted, Interrupted
from indexer.extract import limits
from indexer.extract.engines import pdfium, pypdf, tesseract
from indexer.extract.engines.operators import operations, unescaped
from indexer.extract.sheet import Sheet, Word

ENGINES = [pdfium, pypdf]
both = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.NAME)

HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def made(
    folder: Path, content: str | bytes, *, fonts: dict[str, str] | None = None, page: str = "",
    more: tuple[str | bytes, ...] = (), xobjects: str = "", media: str = "0 0 600 800",
) -> Path:  # fmt: skip
    """A PDF of one page. `more` are objects numbered from 10; `page` stands in the page's dictionary."""
    content = content.encode("latin-1") if isinstance(content, str) else content
    fonts = fonts or {"F1": HELVETICA}
    held = " ".join(f"/{name} {font}" for name, font in fonts.items())
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: f"<< /Type /Page /Parent 2 0 R /MediaBox [{media}] /Contents 4 0 R {page} /Resources"
           f" << /Font << {held} >> /XObject << {xobjects} >> >> >>".encode(),
        4: b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
    }  # fmt: skip
    objects |= {n: o.encode("latin-1") if isinstance(o, str) else o for n, o in enumerate(more, 10)}
    out, offsets = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    size = max(objects) + 1
    rows = "".join(f"{offsets[n]:010d} 00000 n \n" if n in offsets else "0000000000 65535 f \n" for n in range(size))
    out += f"xref\n0 {size}\n{rows}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    path = folder / "made.pdf"
    path.write_bytes(out)
    return path


def stream(content: str, entries: str) -> str:
    return f"<< {entries} /Length {len(content)} >>\nstream\n{content}\nendstream"


def sheet(engine, path: Path) -> Sheet:
    (found,) = engine.read(path)
    return found


def texts(words: list[Word]) -> list[str]:
    """Words as they are read: what is glued is part of the word before."""
    found: list[str] = []
    for word in words:
        if word.glued and found:
            found[-1] += word.text
        else:
            found.append(word.text)
    return found


# ---------------------------------------------------------------------- where words lie


@both
def test_a_word_has_its_place_size_and_font(engine, tmp_path: Path) -> None:
    read = sheet(engine, made(tmp_path, "BT /F1 10 Tf 100 700 Td (Hello there) Tj ET"))
    assert (read.number, read.width, read.height) == (1, 600, 800)
    hello, there = read.words
    assert (hello.text, there.text, hello.size, hello.font.name) == ("Hello", "there", 10, "Helvetica")
    assert (hello.x0, hello.y) == (pytest.approx(100, abs=1), pytest.approx(100, abs=0.1))
    assert hello.x1 == pytest.approx(100 + 22.78, abs=1)  # Helvetica: H 722, e 556, l 222, l 222, o 556, space 278
    assert there.x0 == pytest.approx(100 + 22.78 + 2.78, abs=1)
    assert not hello.glued and not there.glued


@both
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[(Hel) 20 (lo) -300 (wo) 60 (rld)] TJ", ["Hello", "world"]),  # kerning is no space, a wide step is
        ("[(L) -90 (arge) -400 (caps)] TJ", ["Large", "caps"]),
        ("(one) Tj 40 0 Td (two) Tj", ["one", "two"]),
        ("(on) Tj 11.12 0 Td (ward) Tj", ["onward"]),  # where the pen stands already
        ("1 Tc (spaced) Tj", ["spaced"]),  # letters set apart
        ("(Bold Title) Tj 1 0 0 1 100.3 700 Tm (Bold Title) Tj", ["Bold", "Title"]),  # printed twice to look bold
        ("(no no) Tj 1 0 0 1 100 680 Tm (no no) Tj", ["no", "no", "no", "no"]),
        ("10 Tw (a b) Tj (c) Tj", ["a", "bc"]),
        ("50 Tz (half) Tj [-400 (wide)] TJ", ["half", "wide"]),
        ("(up) Tj 0 -12 Td (down) Tj", ["up", "down"]),
        ("12 TL (first) Tj (next) ' 0 0 (last) \"", ["first", "next", "last"]),
        (r"(a\(b\)c \144\145f\\) Tj <6768 69> Tj", ["a(b)c", "def\\ghi"]),
        ("(un\\\nbroken) Tj", ["unbroken"]),
        ("/F1 10 Tf q 1 0 0 1 0 -20 cm (in) Tj Q", ["in"]),
        ("% a remark (with) Tj\n(text) Tj", ["text"]),
        ("[(nested (brackets)) ] TJ", ["nested", "(brackets)"]),
        ("(one) Tj 100 100 m 200 200 l S 0 1 0 rg 10 10 20 20 re f 0 -15 Td (two) Tj", ["one", "two"]),
    ],
)
def test_spaces_are_where_the_page_has_them(engine, tmp_path: Path, content: str, words: list[str]) -> None:
    assert texts(sheet(engine, made(tmp_path, f"BT /F1 10 Tf 100 700 Td {content} ET")).words) == words


def test_a_superscript_is_glued_to_its_letter(tmp_path: Path) -> None:
    path = made(tmp_path, "BT /F1 10 Tf 100 700 Td (x) Tj 4 Ts /F1 6 Tf (2) Tj 0 Ts /F1 10 Tf ( y) Tj ET")
    x, two, y = sheet(pypdf, path).words
    assert (x.glued, two.glued, y.glued) == (False, True, False)
    assert (x.size, two.size, x.y, two.y) == (10, 6, pytest.approx(100), pytest.approx(96))


@both
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_is_read_as_it_is_shown(engine, tmp_path: Path, turn: int) -> None:
    matrix = {0: "1 0 0 1 50 700", 90: "0 1 -1 0 100 50", 180: "-1 0 0 -1 550 100", 270: "0 -1 1 0 500 750"}[turn]
    path = made(tmp_path, f"BT /F1 10 Tf {matrix} Tm (read me upright) Tj ET", page=f"/Rotate {turn}")
    read = sheet(engine, path)
    assert (read.width, read.height) == ((600, 800) if turn % 180 == 0 else (800, 600))
    assert [word.text for word in read.words] == ["read", "me", "upright"] and not read.turned
    assert read.words[0].x0 == pytest.approx(50, abs=1) and read.words[0].y == pytest.approx(100, abs=0.1)
    assert read.words[0].x1 < read.words[1].x0 < read.words[2].x0


@both
def test_what_is_set_at_an_angle_is_turned(engine, tmp_path: Path) -> None:
    content = "BT /F1 20 Tf 0 1 -1 0 30 300 Tm (STAMP) Tj ET BT /F1 9 Tf .7 .7 -.7 .7 300 300 Tm (axis) Tj ET"
    read = sheet(engine, made(tmp_path, content + " BT /F1 10 Tf 100 700 Td (the text of it) Tj ET"))
    assert [word.text for word in read.words] == ["the", "text", "of", "it"]
    assert sorted(word.text for word in read.turned) == ["STAMP", "axis"]


@both
def test_the_page_begins_where_its_boxes_say(engine, tmp_path: Path) -> None:
    path = made(
        tmp_path, "BT /F1 10 Tf 150 700 Td (word) Tj ET", media="50 100 550 800", page="/CropBox [100 100 500 750]"
    )
    read = sheet(engine, path)
    assert (read.width, read.height) == (400, 650)
    assert (read.words[0].x0, read.words[0].y) == (pytest.approx(50, abs=1), pytest.approx(50, abs=0.1))


@both
def test_forms_are_read_in_place_and_never_for_ever(engine, tmp_path: Path) -> None:
    own = "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> /XObject << /Me 10 0 R >> >>"
    form = stream(
        "BT /F1 10 Tf 0 0 Td (inside) Tj ET /Me Do",
        f"/Type /XObject /Subtype /Form /BBox [0 0 90 90] /Matrix [1 0 0 1 10 20] {own}",
    )
    path = made(
        tmp_path,
        "q 2 0 0 2 100 100 cm /Fm Do Q BT /F1 10 Tf 10 10 Td (outside) Tj ET",
        xobjects="/Fm 10 0 R",
        more=(form,),
    )
    words = {word.text: word for word in reversed(sheet(engine, path).words)}
    assert (words["inside"].size, words["inside"].font.name, words["inside"].font.mono) == (20, "Courier", True)
    assert (words["inside"].x0, words["inside"].y) == (pytest.approx(120, abs=2), pytest.approx(800 - 140, abs=0.1))
    assert words["outside"].size == 10


@both
def test_pictures_have_their_boxes(engine, tmp_path: Path) -> None:
    image = stream(
        "\0" * 4, "/Type /XObject /Subtype /Image /Width 2 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceGray"
    )
    path = made(
        tmp_path, "q 200 0 0 100 50 600 cm /Im Do Q BT /F1 10 Tf 9 9 Td (x) Tj ET", xobjects="/Im 10 0 R", more=(image,)
    )
    (box,) = sheet(engine, path).pictures
    assert box == pytest.approx((50, 100, 250, 200), abs=0.5)


@both
def test_horizontal_lines_are_rules(engine, tmp_path: Path) -> None:
    lines = (
        "q 1 0 0 1 100 500 cm []0 d 0 J 0.4 w 0 0 m 300 0 l S Q 72 400 200 .5 re f 50 50 m 50 700 l S 10 20 m 40 20 l S"
    )
    read = sheet(engine, made(tmp_path, f"{lines} BT /F1 10 Tf 50 700 Td (text) Tj ET"))
    assert [tuple(round(side) for side in rule) for rule in read.rules] == [(100, 300, 400), (72, 400, 272)]
    assert not read.blank


@both
def test_a_page_with_nothing_on_it_is_blank(engine, tmp_path: Path) -> None:
    assert sheet(engine, made(tmp_path, "q Q BT ET")).blank
    assert not sheet(engine, made(tmp_path, "0 0 100 100 re f")).blank


@both
def test_inline_images_are_passed_over(engine, tmp_path: Path) -> None:
    image = b"BI /W 4 /H 2 /BPC 8 /CS /G ID \x00 EI\xff\x01(A EI"
    content = b"BT /F1 10 Tf 50 700 Td (before) Tj ET\n%b\nBT /F1 10 Tf 50 600 Td (after) Tj ET" % image
    assert texts(sheet(engine, made(tmp_path, content)).words) == ["before", "after"]


# ---------------------------------------------------------------------- which characters


def test_characters_come_from_the_file_s_own_tables(tmp_path: Path) -> None:
    cmap = (
        "1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <0041> <0002> <00660069> endbfchar"
    )
    below = "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /W [1 [500 900]] >>"
    fonts = {
        "F1": HELVETICA,
        "F2": "<< /Type /Font /Subtype /Type1 /BaseFont /Own /FirstChar 1 /LastChar 3 /Widths [500 500 500]"
              " /Encoding << /Differences [1 /f_f_i /uni2192 /one.oldstyle] >> >>",
        "F3": "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 10 0 R"
              f" /DescendantFonts [{below}] >>",
    }  # fmt: skip
    shown = ("/F2 10 Tf 50 700 Td <010203>", "/F3 10 Tf 50 600 Td <0001000200010001>", "/F1 10 Tf 50 500 Td (f\\374r)")
    content = " ".join(f"BT {each} Tj ET" for each in shown)
    read = sheet(pypdf, made(tmp_path, content, fonts=fonts, more=(stream(cmap, ""),)))
    assert [word.text for word in read.words] == ["ffi→1", "AfiAA", "für"]
    assert read.words[1].x1 - read.words[1].x0 == pytest.approx(24)


def test_a_soft_hyphen_at_the_end_of_a_word_is_its_hyphen(tmp_path: Path) -> None:
    read = sheet(pypdf, made(tmp_path, "BT /F1 10 Tf 50 700 Td (commu\\255) Tj 0 -12 Td (nication) Tj ET"))
    assert [word.text for word in read.words] == ["commu-", "nication"]


@pytest.mark.parametrize(
    ("name", "flags", "styles"),
    [
        ("ABCDEF+CMBX10", 0, "bold"), ("CMTI10", 0, "italic"), ("CMTT9", 0, "mono"), ("CMMI7", 0, "math"),
        ("Times-BoldItalic", 0, "bold italic"), ("Any", 1 << 18 | 1 << 6, "bold italic"), ("NimbusRomNo9L-Regu", 0, ""),
        ("NimbusRomNo9L-Medi", 0, "bold"),
    ],
)  # fmt: skip
def test_a_font_s_name_and_flags_tell_its_style(name: str, flags: int, styles: str) -> None:
    font = pdfium.font_of(name, flags)
    assert [style for style in ("bold", "italic", "mono", "math") if getattr(font, style)] == styles.split()
    assert not font.name.startswith("ABCDEF+")


# ---------------------------------------------------------------------- files that are not as they should be


@both
@pytest.mark.parametrize(("password", "opens"), [("", True), ("secret", False)])
@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_an_empty_password_opens(engine, tmp_path: Path, password: str, opens: bool, algorithm: str) -> None:
    import pypdf as library

    path = tmp_path / "a.pdf"
    path.write_bytes(tiny_pdf(["locked away", "page two"]))
    writer = library.PdfWriter(clone_from=path)
    writer.encrypt(password, "owner", algorithm=algorithm)
    writer.write(path)
    if opens:
        assert [texts(read.words) for read in engine.read(path)] == [["locked", "away"], ["page", "two"]]
        assert engine.count(path) == 2
    else:
        with pytest.raises(Encrypted):
            list(engine.read(path))
        assert engine.count(path) == 0


@both
@pytest.mark.parametrize("body", [b"", b"%PDF-1.7\nnothing", tiny_pdf(["text"])[:150]])
def test_what_can_t_be_opened_is_damaged(engine, tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(body)
    with pytest.raises(Damaged):
        list(engine.read(path))
    assert engine.count(path) == 0


@pytest.mark.parametrize(
    "fault",
    [
        "(never closed", "[(never) 3 (closed", "<< /A", "<zz", "1 2 Td Td (x", "Q Q Q", "1e9 Tj", "/None 9 Tf", "/F1 /F1 Tf",
        "BI", "ET", "1 0 0 1 Tm", "] ) >", "9" * 500 + " 0 0 1 0 0 Tm (huge) Tj", "0 0 0 0 0 0 Tm (flat) Tj",
        "--5 1.2.3 Td", "/Gone Do", "} {",
    ],
)  # fmt: skip
def test_a_fault_in_a_page_costs_what_follows_at_most(tmp_path: Path, fault: str) -> None:
    read = sheet(pypdf, made(tmp_path, f"BT /F1 10 Tf 50 700 Td (kept safe) Tj ET BT {fault}"))
    assert texts(read.words)[:2] == ["kept", "safe"]
    assert all(abs(word.x0) < 1e9 and abs(word.y) < 1e9 for word in read.words)


@both
@pytest.mark.parametrize(
    "matrices",
    [f"{'9' * 38} " * 6 + "cm " + f"{'9' * 38} " * 6 + "cm", "20 577 165 cm " + "9" * 38 + " cm", "0 0 0 0 0 0 cm"],
)
def test_impossible_places_are_no_places(engine, tmp_path: Path, matrices: str) -> None:
    form = stream(f"{matrices} (lost) Tj", "/Type /XObject /Subtype /Form /BBox [0 0 600 371]")
    content = (
        f"BT /F1 10 Tf 50 700 Td (kept safe) Tj ET q .4 0 0 .4 0 0 cm /Fm Do Q {matrices} BT /F1 10 Tf (lost) Tj ET"
    )
    path = made(tmp_path, content, xobjects="/Fm 10 0 R", more=(form,))
    read = sheet(engine, path)
    assert "kept" in [word.text for word in read.words]
    assert all(math.isfinite(word.x0 + word.x1 + word.y + word.size) for word in read.words + read.turned)


def test_a_font_that_is_no_font_is_read_as_plain(tmp_path: Path) -> None:
    fonts = {"F1": "42", "F2": "<< /Type /Font /Subtype /Type1 /Encoding /Nonsense /Widths 3 >>"}
    read = sheet(pypdf, made(tmp_path, "BT /F1 10 Tf 50 700 Td (some) Tj /F2 10 Tf 0 -20 Td (text) Tj ET", fonts=fonts))
    assert texts(read.words) == ["some", "text"]


# ---------------------------------------------------------------------- content streams


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=400)
def test_any_bytes_are_a_content_stream(data: bytes) -> None:
    for operator, operands in operations(data):
        assert operator and isinstance(operands, list)


TOKENS = st.sampled_from([
    b"1 0 0 1 5 5", b"\n",
    *b"BT ET q Q (a) ( ) <41> < > << >> [ ] TJ Tj /F1 9 -.5 Tf Td Tm cm ' \" BI ID EI % \\ Do re f T* Tz Ts".split(),
])  # fmt: skip


@given(st.lists(TOKENS, max_size=60).map(b" ".join))
@example(b"[ ] Do")
@example(b"[ ] 9 Tf (a) Tj")
@settings(deadline=None, max_examples=300)
def test_any_operators_are_a_page(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    read = sheet(pypdf, made(tmp_path_factory.mktemp("page"), b"/F1 10 Tf " + content))
    for word in read.words + read.turned:
        assert word.text and not re.search(r"\s", word.text) and word.x0 <= word.x1 + 1e-6


@given(st.binary(max_size=60))
def test_a_string_means_its_bytes_however_it_is_written(data: bytes) -> None:
    literal = b"(" + re.sub(rb"[()\\\r]", lambda m: b"\\%03o" % m[0][0], data) + b")"
    hexadecimal = b"<" + data.hex(" ").encode() + b">"
    for written in (literal, hexadecimal):
        ((operator, operands),) = operations(written + b" Tj")
        assert operator == b"Tj" and unescaped(operands[0]) == data
        ((operator, (items,)),) = operations(b"[" + written + b"-20.5]TJ")
        assert operator == b"TJ" and unescaped(items[0]) == data and items[1] == -20.5


@needs_shared
@pytest.mark.parametrize("name", ["1706.03762", "1812.06127", "2104.04473"])
def test_operators_are_those_of_pypdf(name: str) -> None:
    import pypdf as library
    from pypdf.generic import ContentStream

    wanted = {b"Tf", b"Td", b"TD", b"Tm", b"T*", b"Tj", b"TJ", b"Tc", b"Tw", b"q", b"Q", b"cm", b"Do", b"BT"}
    reader = library.PdfReader(SHARED / f"papers/{name}.pdf")
    for page in reader.pages:
        contents = ContentStream(page["/Contents"], reader, "bytes")
        ours = [
            (operator, _plain(operands)) for operator, operands in operations(contents.get_data()) if operator in wanted
        ]
        theirs = [(operator, _plain(operands)) for operands, operator in contents.operations if operator in wanted]
        assert ours == theirs


def _plain(value):
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if type(value) is bytes:  # as written; pypdf's are a type of their own
        return unescaped(value)
    return (
        bytes(value) if isinstance(value, bytes) else str(value) if isinstance(value, str) else round(float(value), 6)
    )


# ---------------------------------------------------------------------- the two against each other


def prose(sheets: Iterator[Sheet]) -> Counter[str]:
    """Words of at least three letters that are not part of a formula."""
    found: Counter[str] = Counter()
    for read in sheets:
        text = unicodedata.normalize("NFKC", " ".join(texts([word for word in read.words if not word.font.math])))
        found.update(word.casefold() for word in re.findall(r"(?<!\S)[(“]?([^\W\d_]{3,})[.,;:)”]*(?!\S)", text))
    return found


@needs_shared
@pytest.mark.parametrize("path", sorted((SHARED / "papers").glob("*.pdf")), ids=lambda path: path.stem)
def test_both_engines_read_the_same_words(path: Path) -> None:
    ours, theirs = prose(pypdf.read(path)), prose(pdfium.read(path))
    agreed = 2 * sum((ours & theirs).values()) / (sum(ours.values()) + sum(theirs.values()))
    assert agreed >= 0.97, ((ours - theirs).most_common(20), (theirs - ours).most_common(20))


@needs_shared
@pytest.mark.parametrize("name", ["1706.03762", "2104.04473", "diloco-swarm-report", "2303.06318", "1912.04977"])
def test_both_engines_see_words_at_the_same_places(name: str) -> None:
    path = SHARED / f"papers/{name}.pdf"
    apart = seen = 0
    for ours, theirs in zip(pypdf.read(path), pdfium.read(path), strict=True):
        assert (ours.width, ours.height) == (
            pytest.approx(theirs.width, abs=0.1),
            pytest.approx(theirs.height, abs=0.1),
        )
        known = {word.text: word for word in theirs.words}
        for text, count in Counter(word.text for word in ours.words).items():
            if count == 1 and len(text) > 3 and [word.text for word in theirs.words].count(text) == 1:
                word = next(word for word in ours.words if word.text == text)
                other = known[text]
                seen += 1
                near = abs(word.x0 - other.x0) < 3 and abs(word.x1 - other.x1) < 3 and abs(word.y - other.y) < 0.3
                apart += not (near and abs(word.size - other.size) < 0.2 and word.font.bold == other.font.bold)
    assert seen > 200 and apart <= 0.01 * seen


@needs_shared
def test_a_font_program_s_encoding_does_not_win_over_the_file_s() -> None:
    """pypdf reads capitals of this one as other letters: its `In` is `–n`."""
    first = next(iter(pypdf.read(SHARED / "papers/parallelized-stochastic-gradient-descent.pdf")))
    read = " ".join(texts(first.words))
    assert "In this paper we present" in read and "Yahoo! Labs" in read


# ---------------------------------------------------------------------- Tesseract

TABLE = """level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext
1\t1\t0\t0\t0\t0\t0\t0\t2550\t3300\t-1\t
5\t1\t1\t1\t1\t1\t300\t300\t150\t40\t96.5\tScanned
5\t1\t1\t1\t1\t2\t470\t310\t100\t40\t90.1\tpage,
5\t1\t1\t1\t2\t1\t300\t400\t100\t30\t5.0\tspeck
5\t1\t1\t1\t2\t2\t300\t400\t100\t30\t95\t \n"""


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program `tesseract` that runs this shell script, alone on the PATH but for what it needs."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "tesseract"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")


def scanned(folder: Path, text: str) -> Path:
    """A PDF of one page that is a picture of this text, without a character."""
    import pypdfium2

    (folder / "typed.pdf").write_bytes(tiny_pdf([text]))
    document = pypdfium2.PdfDocument(folder / "typed.pdf")
    bitmap = document[0].render(scale=3, grayscale=True)
    rows = b"".join(
        bytes(bitmap.buffer)[y * bitmap.stride : y * bitmap.stride + bitmap.width] for y in range(bitmap.height)
    )
    packed = zlib.compress(rows)
    entries = f"/Type /XObject /Subtype /Image /Width {bitmap.width} /Height {bitmap.height} /BitsPerComponent 8"
    image = (
        f"<< {entries} /ColorSpace /DeviceGray /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode()
        + packed
        + b"\nendstream"
    )
    bitmap.close()
    document.close()
    return made(folder, "q 612 0 0 792 0 0 cm /Im Do Q", xobjects="/Im 10 0 R", more=(image,), media="0 0 612 792")


def test_tesseract_s_table_is_words_at_their_places() -> None:
    scan, page = tesseract.words(TABLE, 300)
    assert (scan.text, page.text) == ("Scanned", "page,")
    assert (scan.x0, scan.x1, scan.y) == (72, 108, pytest.approx(340 * 0.24))
    assert page.y == scan.y and page.size == scan.size == pytest.approx(40 * 0.24 / 0.75, abs=0.1)
    assert tesseract.words("", 300) == [] and tesseract.words("5\tnonsense\n\n", 300) == []


def test_a_page_is_drawn_and_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/asked; cat > {tmp_path}/picture; cat {tmp_path}/table\n')
    (tmp_path / "table").write_text(TABLE)
    (read,) = tesseract.read(scanned(tmp_path, "anything"), [1])
    assert [word.text for word in read.words] == ["Scanned", "page,"]
    assert (tmp_path / "asked").read_text().split() == ["stdin", "stdout", "--dpi", "300", "tsv"]
    head, pixels = (tmp_path / "picture").read_bytes().split(b" 255\n", 1)
    kind, width, height = head.split()
    assert (kind, int(width), int(height)) == (b"P5", 2550, pytest.approx(3300, abs=1))
    assert len(pixels) == int(width) * int(height)


def test_a_vast_page_is_drawn_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, f"cat > {tmp_path}/picture\n")
    list(tesseract.read(made(tmp_path, "", media="0 0 14000 14000"), [1]))
    assert (tmp_path / "picture").stat().st_size <= limits.OCR_PIXELS * 1.01


def test_without_the_program_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadSetting, match="tesseract") as caught:
        list(tesseract.read(made(tmp_path, ""), [1]))
    assert "install" in caught.value.cure.lower()


def test_a_program_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "cat > /dev/null; echo no language data >&2; exit 1\n")
    with pytest.raises(Interrupted, match="no language data"):
        list(tesseract.read(made(tmp_path, ""), [1]))


def test_a_page_that_takes_too_long_has_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "cat > /dev/null; exec sleep 600\n")
    monkeypatch.setattr(limits, "OCR_PAGE_SECONDS", 0.3)
    (read,) = tesseract.read(made(tmp_path, ""), [1])
    assert read.words == []


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_tesseract_reads_a_scan(tmp_path: Path) -> None:
    path = scanned(tmp_path, "A scanned page has no characters,\nbut it can be read again.")
    assert all(not sheet(engine, path).words for engine in ENGINES)
    (read,) = tesseract.read(path, [1])
    assert " ".join(word.text for word in read.words) == "A scanned page has no characters, but it can be read again."
    assert all(9 <= word.size <= 13 for word in read.words)  # it is set in 11 points, at (72, 740) and 14 below
    assert read.words[0].x0 == pytest.approx(72, abs=2) and read.words[0].y == pytest.approx(52, abs=1.5)
    assert read.words[-1].y == pytest.approx(66, abs=1.5)
