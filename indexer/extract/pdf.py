"""PDF to document with pypdf, page by page."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from pathlib import Path

from indexer import arxiv
from indexer.document import Extracted, Page, Section
from indexer.errors import Damaged, Encrypted, ExtractError, LimitReached, NotAPdf, NoText
from indexer.extract.cleaning import clean, join_hyphens

VERSION = "pdf-1"
MAX_PAGES = 3000
MAX_CHARACTERS = 20_000_000

_KNOWN_HEADINGS = (
    "abstract|acknowledge?ments?|appendix|background|bibliography|broader impact|conclusions?|conclusion and future work|"
    "discussion|evaluation|experiments|experimental results|introduction|limitations|method|methods|preliminaries|"
    "references|related works?|results|future work|summary"
)
_HEADING = re.compile(
    rf"(?P<number>(?:\d{{1,2}}|[A-Z])(?:\.\d{{1,2}}){{0,3}})\.?\s+(?P<text>[A-Z][^\n.=]{{2,70}})|(?P<known>{_KNOWN_HEADINGS})",
    re.IGNORECASE,
)


def read_pdf(path: Path) -> Extracted:
    """What pypdf makes of the PDF at `path`. Nothing in it is followed or run.

    Raises `NotAPdf`, `Encrypted`, `Damaged`, `NoText` or `LimitReached`.
    """
    import pypdf
    from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its remarks on sloppy files are no help to a reader
    with path.open("rb") as file:
        if b"%PDF-" not in file.read(1024):
            raise NotAPdf("It is not a PDF: its first kilobyte has no PDF header.")
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Encrypted("It is encrypted and asks for a password.")
        count = len(reader.pages)
        if count > MAX_PAGES:
            raise LimitReached(f"It has {count} pages; more than {MAX_PAGES} are not read.")
        texts = []
        for page in reader.pages:
            texts.append(clean(page.extract_text() or ""))
            if sum(map(len, texts)) > MAX_CHARACTERS:
                raise LimitReached(f"It holds more than {MAX_CHARACTERS:,} characters.")
        title = _title(reader)
    except ExtractError:
        raise
    except (FileNotDecryptedError, WrongPasswordError, DependencyError):
        raise Encrypted("It is encrypted and asks for a password.") from None
    except (MemoryError, RecursionError):
        raise LimitReached("Reading it takes too much memory.") from None
    except Exception as error:  # a reader of hostile files fails in every way there is
        raise Damaged(f"pypdf can't read it: {type(error).__name__}: {str(error)[:200]}.") from None
    if not any(text.strip() for text in texts):
        raise NoText(
            f"Its {count} pages hold no characters: a scan, or drawings only." if count else "It has no pages."
        )
    pages = tuple(Page(text, number) for number, text in enumerate(join_hyphens(texts), 1))
    stamp = arxiv.stamp(pages[0].text)
    return Extracted(
        pages=pages,
        title=title,
        date=_iso(stamp[1]) if stamp else "",
        sections=tuple(_sections(pages)),
        arxiv_id=stamp[0].id if stamp else None,
        version=stamp[0].version if stamp else None,
    )


def _iso(printed: str) -> str:
    try:
        return datetime.strptime(printed, "%d %b %Y").date().isoformat()
    except ValueError:
        return ""


def _title(reader) -> str:
    """The file's own title if it looks like one, else what is set in the largest type on the first page, else ""."""
    own = clean(str((reader.metadata or {}).get("/Title") or "")).strip()
    if len(own.split()) >= 2 and not re.search(
        r"\.(docx?|tex|dvi|pdf|indd)\b|^untitled|^microsoft", own, re.IGNORECASE
    ):
        return " ".join(own.split())
    runs: list[tuple[float, str]] = []

    def visit(text, cm, tm, _font, font_size) -> None:
        across = tm[0] * cm[0] + tm[1] * cm[2]
        up = tm[0] * cm[1] + tm[1] * cm[3]
        if abs(up) > abs(across):  # turned by 90 degrees: arXiv's stamp
            return
        size = round(font_size * abs(across), 1) if text.strip() else (runs[-1][0] if runs else 0.0)
        if runs and abs(runs[-1][0] - size) < 0.3:
            runs[-1] = (size, runs[-1][1] + text)
        else:
            runs.append((size, text))

    if not reader.pages:
        return ""
    reader.pages[0].extract_text(visitor_text=visit)
    candidates = [(size, " ".join(clean(text).split())) for size, text in runs]
    candidates = [(size, text) for size, text in candidates if 12 <= len(text) <= 300 and len(text.split()) >= 2]
    return max(candidates, key=lambda candidate: candidate[0], default=(0.0, ""))[1]


def _sections(pages: tuple[Page, ...]) -> list[Section]:
    """Lines that read like headings. A first guess: numbered lines and the words that head most papers' sections."""
    found = []
    for index, page in enumerate(pages):
        start = 0
        for line in page.text.split("\n"):
            match = _HEADING.fullmatch(line.strip())
            if match and (match["known"] or _plausible(match["number"], match["text"])):
                level = match["number"].count(".") + 1 if match["number"] else 1
                found.append(Section(" ".join(line.split()), level, index, start))
            start += len(line) + 1
    return found


def _plausible(number: str, text: str) -> bool:
    words = text.split()
    letters = sum(c.isalpha() or c in " -:,'()" for c in text)
    return (
        len(words) + (len(text) > 8) >= 2 and len(words) <= 10 and text[0].isupper() and letters >= 0.9 * len(text)
        and (not number[0].isdigit() or int(number.split(".")[0]) <= 30)
        and (number[0].isdigit() or "." in number or text.istitle() or text.isupper())
    )  # fmt: skip
