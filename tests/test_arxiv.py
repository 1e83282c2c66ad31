"""arXiv identifiers, in every spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import arxiv
from indexer.arxiv import ArxivId

_MONTHS = st.integers(1, 12).map("{:02d}".format)
_OLD_ARCHIVES = ("cs", "math", "hep-th", "astro-ph", "cond-mat", "q-bio", "quant-ph", "math-ph", "cmp-lg")
_CLASSES = ("", ".AI", ".GT", ".stat-mech", ".CO")

four_digits = st.builds("{:02d}{}.{:04d}".format, st.integers(8, 14), _MONTHS, st.integers(1, 9999))
five_digits = st.builds("{:02d}{}.{:05d}".format, st.integers(15, 49), _MONTHS, st.integers(1, 99999))
new_style = st.one_of(four_digits, five_digits)
old_style = st.builds(
    "{}/{}{}{:03d}".format, st.sampled_from(_OLD_ARCHIVES), st.sampled_from(["92", "99", "00", "06"]), _MONTHS,
    st.integers(1, 999),
)  # fmt: skip
identifiers = st.one_of(new_style, old_style)
versions = st.one_of(st.none(), st.integers(1, 40))

BARE = ("{}", " {} ", "arXiv:{}", "arxiv: {}", "ARXIV:{}", "arXiv : {}")
URLS = (
    "https://arxiv.org/abs/{}", "http://arxiv.org/pdf/{}", "https://arxiv.org/pdf/{}.pdf", "https://arxiv.org/html/{}",
    "arxiv.org/abs/{}", "www.arxiv.org/pdf/{}.pdf", "https://export.arxiv.org/abs/{}", "//arxiv.org/abs/{}",
    "https://www.arxiv.org/pdf/{}#page=3", "https://arxiv.org/abs/{}?context=cs", "HTTPS://ARXIV.ORG/ABS/{}",
    "https://arxiv.org/format/{}", "https://arxiv.org/src/{}", "https://arxiv.org/e-print/{}", "http://de.arxiv.org/ps/{}",
    "https://arxiv.org/abs/arXiv:{}", "https://arxiv.org//abs/{}", "https://ar5iv.labs.arxiv.org/html/{}",
    "https://ar5iv.org/abs/{}", "https://www.alphaxiv.org/abs/{}", "https://huggingface.co/papers/{}",
)  # fmt: skip
DOIS = ("10.48550/arXiv.{}", "doi:10.48550/arxiv.{}", "https://doi.org/10.48550/arXiv.{}", "10.48550/ARXIV.{}")


def written(identifier: str, version: int | None) -> str:
    return identifier if version is None else f"{identifier}v{version}"


@given(identifiers, versions, st.sampled_from(BARE + URLS + DOIS))
def test_every_spelling_is_the_same_id(identifier, version, spelling):
    assert arxiv.parse(spelling.format(written(identifier, version))) == ArxivId(identifier, version)


@given(identifiers, versions, st.sampled_from(BARE[2:] + URLS + DOIS))
def test_every_spelling_is_found_in_running_text(identifier, version, spelling):
    mention = spelling.format(written(identifier, version)).strip()
    text = f"As shown (see {mention}), it holds [{mention}]."
    assert [found for _, found in arxiv.find_all(text)] == [ArxivId(identifier, version)] * 2
    for start, end, found in arxiv.find_spans(text):
        assert arxiv.parse(text[start:end]) == found


@given(old_style, st.sampled_from(_CLASSES))
def test_a_subject_class_is_no_part_of_an_old_id(identifier, subject):
    archive, number = identifier.split("/")
    assert arxiv.parse(f"{archive}{subject}/{number}") == ArxivId(identifier)


@given(identifiers, versions)
def test_a_file_is_named_after_its_paper(identifier, version):
    name = written(identifier, version).replace("/", "_")
    assert arxiv.from_file_name(name) == ArxivId(identifier, version)
    assert arxiv.from_file_name(f"arXiv-{name}") == ArxivId(identifier, version)


@given(st.text(max_size=200))
def test_any_text_can_be_asked_about(text):
    arxiv.parse(text)
    arxiv.from_file_name(text)
    assert all(text[start:end] for start, end, _ in arxiv.find_spans(text))


@pytest.mark.parametrize(
    "text",
    [
        "", "2311", "2313.12345", "1706.037621", "17060.3762", "v2", "https://arxiv.org/", "https://arxiv.org/list/cs.LG/2401",
        "https://arxiv.org/abs/1706.037621", "https://notarxiv.org/abs/1706.03762", "https://arxiv.org.evil.net/abs/x",
        "data/2301011", "papers/0502012", "10.1145/1706.03762", "read arXiv:1706.03762", "3.14159", "2024.12345",
    ],
)  # fmt: skip
def test_what_is_no_id(text):
    assert arxiv.parse(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CoRR, abs/1510.00149 2 (2015)", ["1510.00149"]),
        ("preprintarXiv:1503.02531v1, 2015", ["1503.02531"]),
        ("1706.03762 is no mention, nor is 10.1000/arxiv", []),
        ("https://www.google.com/url?q=https://arxiv.org/abs/1706.03762&sa=D", ["1706.03762"]),
        ("arXiv:cs/0502012 and cs.AI/0502012", ["cs/0502012"]),
        ("arXiv:1706.037621 has a digit too many", []),
    ],
)
def test_mentions_in_running_text(text, found):
    assert [identifier.id for _, identifier in arxiv.find_all(text)] == found


@pytest.mark.parametrize(("identifier", "year"), [("0704.0001", 2007), ("2311.08105", 2023), ("hep-th/9901001", 1999)])
def test_the_year_is_in_the_id(identifier, year):
    assert ArxivId(identifier).year == year


def test_only_the_stamp_counts_on_a_first_page():
    page = "as in arXiv:1706.03762\narXiv:2311.08105v3  [cs.LG]  23 Sep 2024\n"
    assert arxiv.stamp(page) == (ArxivId("2311.08105", 3), "23 Sep 2024")
    assert arxiv.stamp("see arXiv:1706.03762 [cs.CL]") is None


@pytest.mark.parametrize(
    "piece", ["a", "a-", "a.", "//", "http://", "arxiv.org/abs/", "arXiv:", "1706.0376", "cs/", "10.48550/"]
)
def test_a_megabyte_of_anything_is_read_through(piece):
    text = piece * (1_000_000 // len(piece))
    assert arxiv.find_all(text) == []
    assert arxiv.parse(text) is None
