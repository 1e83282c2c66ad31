"""Files that break readers: each ends as whoever opened it says it should, and reads no worse than either engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared

from indexer.document import Extracted
from indexer.errors import Damaged, Encrypted, ExtractError, LimitReached, NotAPdf, NoText
from indexer.extract.workers import Workers

NASTY = SHARED / "nasty"
SECONDS, MEGABYTES = 300, 1024  # no file ends by time: a slow machine may take what it needs
EXPECTED = json.loads((Path(__file__).parent / "expected/nasty.json").read_text(encoding="utf-8"))
OUTCOMES = {
    NoText: "no-text",
    Encrypted: "encrypted",
    Damaged: "damaged",
    NotAPdf: "not-a-pdf",
    LimitReached: "limit",
}

# Plain text of a file by one reader alone, as JSON: a page that fails is "", a file that fails ends the process.
READER = """
import json, logging, resource, sys, warnings
reader, path, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
if reader == "pypdf":
    import pypdf
    document = pypdf.PdfReader(path)
    if document.is_encrypted:
        document.decrypt("")
    pages, text_of = document.pages, lambda page: page.extract_text()
else:
    import pypdfium2
    pages, text_of = pypdfium2.PdfDocument(path), lambda page: page.get_textpage().get_text_bounded()
texts = []
for number in range(len(pages)):
    try:
        texts.append(text_of(pages[number]))
    except Exception:
        texts.append("")
print(json.dumps(texts))
"""

Reading = tuple[str, Extracted | None, str]
"""An outcome, what was understood, and what the error said."""


@pytest.fixture(scope="session")
def read() -> Iterator[Callable[[str], Reading]]:
    """Reads a file by its name in one worker, under limits; each file once for all tests."""
    known: dict[str, Reading] = {}
    with Workers(1, seconds=SECONDS, megabytes=MEGABYTES) as workers:

        def one(name: str) -> Reading:
            if name not in known:
                begun = workers.start(NASTY / name, "pdf")
                try:
                    known[name] = ("text", begun(), "")
                except ExtractError as error:
                    known[name] = (OUTCOMES.get(type(error), type(error).__name__), None, str(error))
            return known[name]

        yield one


def _text(extracted: Extracted | None) -> str:
    return "\n".join(page.text for page in extracted.pages) if extracted else ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _words(text: str) -> Counter[str]:
    """Runs of three letters and more. A word that a line's end cuts is put together: both readers leave the cut in."""
    text = re.sub(r"[\xad\x02\ufffe]\s*|-[ \t]*\r?\n\s*", "", text)
    return Counter(re.findall(r"[^\W\d_]{3,}", _folded(text)))


def _share(theirs: Counter[str], ours: str) -> tuple[float, list[str]]:
    """How much of `theirs` is in `ours`, and what is not.

    A word of four letters and more also counts where other spaces or hyphens stand in it or beside it: they are a
    matter of taste where readers differ, and losing a word is not.
    """
    have = Counter(re.findall(r"[^\W\d_]{3,}", _folded(ours)))
    letters = re.sub(r"[\W\d_]", "", _folded(ours))
    found, missing = 0, []
    for word, count in theirs.items():
        there = max(have[word], letters.count(word) if len(word) >= 4 else 0)
        found += min(count, there)
        if there < count:
            missing.append(f"{word} ({there} of {count})")
    return (found / theirs.total() if theirs else 1.0), missing


def test_a_lost_word_is_missed_and_a_cut_one_is_not() -> None:
    theirs = _words("The first di\ufb03cult exam-\nple of low-\r\ncommunication, marg\x02inal alone alone")
    assert theirs["difficult"] == theirs["example"] == theirs["marginal"] == 1 and theirs["alone"] == 2
    assert _share(theirs, "The first difficult example of low-communication, marginal alone alone") == (1.0, [])
    share, missing = _share(theirs, "The first example of low-communication marginal alone")
    assert share == 6 / 8 and missing == ["difficult (0 of 1)", "alone (1 of 2)"]
    assert _share(Counter(), "") == (1.0, [])


@needs_shared
def test_there_is_an_expectation_for_every_file() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in NASTY.glob("*.pdf")) and len(EXPECTED) == 82
    for expected in EXPECTED.values():
        assert {expected["outcome"], *expected["also"]} <= {"text", *OUTCOMES.values()}
        assert expected["why"] and all(expected["also"].values())


@needs_shared
@pytest.mark.parametrize("name", EXPECTED)
def test_a_nasty_file_ends_as_it_should(name: str, read: Callable[[str], Reading]) -> None:
    expected = EXPECTED[name]
    outcome, extracted, error = read(name)
    assert outcome in (expected["outcome"], *expected["also"]), f"{expected['why']} We say: {error or 'text'}"
    if extracted is None:
        assert error.strip()
        return
    text = _folded(_text(extracted))
    assert [word for word in expected["words"] if _folded(word) not in text] == []
    if expected["pages"] is not None:
        assert len(extracted.pages) == expected["pages"]


@needs_shared
@pytest.mark.torture
@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if not expected.get("garbage")])
def test_what_a_reader_reads_is_not_worse_in_ours(name: str, read: Callable[[str], Reading]) -> None:
    ours = _text(read(name)[1])
    for reader in ("pypdf", "pdfium"):
        command = [sys.executable, "-c", READER, reader, str(NASTY / name), str(MEGABYTES)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode != 0:
            continue
        theirs = _words("\n".join(json.loads(done.stdout)))
        for word in EXPECTED[name].get("aside", ()):  # what a right reading may leave out, see `aside_why`
            del theirs[word]
        share, missing = _share(theirs, ours)
        assert share >= 0.95, f"{reader} reads what we do not: {missing[:20]}"
