"""No regular expression of ours can be made to take ages: each is found in the source and tried on texts made against it."""

from __future__ import annotations

import json
import multiprocessing
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from tests import regexes

# Slower than linear, and why that does no harm: (module, how the pattern begins) -> where its text is bounded.
BOUNDED = {
    ("service.pages.showing", r"[.!?:;…。！？]\W*\Z"): "the last 40 characters",
    ("service.pages.lacking", r"(?:no connection to"): "2000 characters",
    ("indexer.extract.cleaning", r"[^\W\d_]*$"): "the last 64 characters",
    ("indexer.extract.furniture", r"[ivxlc]+(?=\W*$)"): "16 characters",
    ("indexer.extract.headings", r"(?:\.\s?){3,}"): "the last 80 characters of a line",
    ("indexer.extract.html", r"<meta[^>]{0,200}?charset"): "a page's first 4096 bytes, once",
    ("indexer.extract.mentions", r"[\w.^_’'-]*$"): "40 characters before a mark",
    ("indexer.extract.mentions", r"[^\W\d_]{2,}\)$"): "40 characters before a mark",
    ("indexer.extract.reference_fields", r"\S+\.[a-z]{2,4}"): "800 characters behind a title",
    ("indexer.extract.reference_fields", r"[,(\s]*(?:[Ee]ditors?"): "800 characters behind a title",
    ("indexer.extract.references", r"[\d?!)\]”\"/]$"): "the last 300 characters of a line",
    ("indexer.extract.references", r"\s*\[\s*(\d{1,4})"): "only tried at the beginning of a line",
    ("indexer.extract.references", r"\s*\((\d{1,3})\)"): "only tried at the beginning of a line",
    ("indexer.extract.references", r"\s*(\d{1,3})\."): "only tried at the beginning of a line",
    ("indexer.extract.references", r"\s*(\d{1,3})\s+"): "only tried at the beginning of a line",
    ("indexer.extract.web.chrome", r"(?:related|similar|recent"): "300 characters of a heading",
    ("indexer.extract.web.formulas", r"\$\$(?P<dollars>"): "no formula has more than 5000 characters",
    ("indexer.extract.web.markup", r"\$\$(?P<dollars>"): "no formula has more than 5000 characters",
    ("indexer.sources.pieces", r"(?:\s*[\[(][^\[\]()]{0,60}"): "the last 200 characters",
    ("service.citations.naming", r"([A-Z][\w@!:’'-]*(?:\s+"): "400 characters before an id",
    (
        "service.citations.roles",
        r"(?:[A-Z][\w’'-]+,? (?:et al",
    ): "a sentence, 1500 characters at both sides of a mark at most",
}

# Patterns that are put together at run time, which can't be tried here: what goes into them.
MADE_LATER = {
    r"indexer.embed.choice: f'^{key}\\s*:\\s*(.*)$'": "three words of ours, on a file of the kernel's",
    "indexer.embed.described: pattern": "a table of ours, on the name of a model",
    "indexer.extract.dates: pattern": "a table whose patterns are tried here",
    r"indexer.extract.mentions: f'(?<!\\d){reference.year}([a-z])\\b'": "a number",
    r"indexer.extract.mentions: f'(?<!\\d){year}(?!\\d)'": "a number",
    r"indexer.extract.web.pieces: f'\\[{re.escape(entry.label)}\\]\\s*'": "escaped text, matched at the beginning",
    'indexer.sources.pieces: f"""\\\\s{name}\\\\s*=\\\\s*(?:\\\\"([^\\\\"]*)\\\\"|\'([^\']*)\'|([^\\\\s\\\\"\'>]+))"""': "a name of ours",
    r"service.evidence: f'(?<![^\\W_]){inner}(?![^\\W_])'": "escaped words of a question, which has 1000 characters at most",
    "service.related.facets: cue": "a table whose patterns are tried here",
    "service.search.filters: re.escape(wanted)": "escaped text",
    "service.search.query: f'[{group}]'": "a set of quotation marks",
    r"service.citations.roles: f'(?<!\\w){re.escape(name)}(?!\\w)'": "an escaped name",
}


def measured(most: int, seconds: float) -> dict[str, Any]:
    """What `tests/regexes.py` says, in a process of its own: a pattern that hangs can be ended."""
    done = subprocess.run([sys.executable, "-m", "tests.regexes", str(most)], cwd=regexes.ROOT, capture_output=True,
                          text=True, timeout=seconds)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def known(name: str) -> bool:
    module, _, pattern = name.partition(": ")
    return any(module == place and pattern.startswith(begins) for place, begins in BOUNDED)


def judged(most: int, seconds: float) -> None:
    found = measured(most, seconds)
    names = found["names"]
    assert len(names) > 500
    slow = [each for each in found["bad"] if not known(each["name"])]
    if slow:  # on a busy machine one may have been held up: what is slow is so again
        again = {each["name"] for each in measured(most, seconds)["bad"]}
        slow = [each for each in slow if each["name"] in again]
    assert not slow, "\n".join(f"{each['ratio']} times the time for 4 times the text: {each}" for each in slow)
    gone = [place for place in BOUNDED if not any(name.startswith(": ".join(place)) for name in names)]
    assert not gone, "the table has patterns that are no more"
    assert set(found["later"]) == set(MADE_LATER), "what is made at run time is listed by hand"


@pytest.mark.torture  # growth is seen in times, which a busy machine spoils
def test_no_pattern_grows_faster_than_its_text_where_that_is_not_bounded() -> None:
    judged(24, 300)


def test_every_pattern_is_known() -> None:
    """Those that grow faster than their text are listed, each with what bounds its text; so is what is made at run time."""
    found, later = regexes.uses()
    names = [use.name for use in found]
    assert len(names) > 500 and set(later) == set(MADE_LATER)
    assert not [place for place in BOUNDED if not any(name.startswith(": ".join(place)) for name in names)]


@pytest.mark.torture
def test_no_pattern_grows_faster_whatever_is_made_against_it() -> None:
    judged(10**6, 1200)


@pytest.mark.torture
@pytest.mark.parametrize(
    ("pattern", "methods"),
    [
        (r"\s+$", {"search"}),
        (r"\s*;\s*", {"split"}),
        (r"^[\W_]+|[\W_]+$", {"sub"}),
        (r"<!--.*?-->", {"sub"}),
        (r"(?:[A-Z]\. ?)+[A-Z]\w+,", {"search"}),
        (r"(?:\w+\s?)*:", {"match"}),
        (r"(a|aa)+b", {"match"}),
        (r"\s*,?\s*and", {"match"}),
        (r".*=.*;", {"match"}),
    ],
)
def test_the_measure_finds_what_is_known_to_be_slow(pattern: str, methods: set[str]) -> None:
    flags = re.compile(pattern, re.DOTALL).flags
    use = regexes.Use("here", 1, pattern, flags, methods)
    assert any(ticking(use)[0] > regexes.WORSE for _ in range(5))  # a busy machine can hide it


@pytest.mark.parametrize(
    ("pattern", "methods"),
    [
        (r"(?<!\s)\s+$", {"search"}),
        (r"(?:(?<!\s)\s+)?;\s*", {"split"}),
        (r"\w+", {"findall"}),
        (r"(?:\w++\s?)*+:", {"match"}),
        (r"\s+$", {"match"}),
        (r"[^()]{3,300}\(\d\)", {"match"}),
    ],
)
def test_the_measure_lets_pass_what_is_linear(pattern: str, methods: set[str]) -> None:
    assert ticking(regexes.Use("here", 1, pattern, re.compile(pattern).flags, methods))[0] <= regexes.WORSE


def ticking(use: regexes.Use) -> tuple[float, float, str, tuple[str, str, str]]:
    """The growth, measured in a process of its own: one that had run other tests for minutes was ended by such a signal."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(regexes.growth_within_limits, use, 100).result()


def test_every_call_of_re_is_one_that_is_looked_for() -> None:
    """`re` is only ever used by its own name, and no other package of its kind is."""
    for package in regexes.PACKAGES:
        for path in (regexes.ROOT / package).rglob("*.py"):
            text = path.read_text("utf-8")
            assert not re.search(
                r"^\s*(?:from re import|import re as|import regex|from regex|import re2)", text, re.M
            ), path
