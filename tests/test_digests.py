"""The digests: one true page for each document of the reading list, in the form that the indexer reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared"
READING_LIST = PROJECT / "data" / "reading-list.md"
DIGESTS = PROJECT / "data" / "digests"

SECTIONS = {
    "Problem": "problem",
    "Method": "method",
    "Findings": "findings",
    "Terms it introduces": "terms",
    "Builds on": "builds_on",
}
"""The headings of a digest, in order, with the name under which the header says how each was checked."""

CHECKED = re.compile(r"(?:seen in a source|known, not seen) \(\S.*\)")


class Expected(NamedTuple):
    """What a digest's header has to say. `published` is "" where nothing is known of it."""

    date: str
    published: str
    authors: str
    builds_on: tuple[str, ...] = ()


# Typed in from what the project knows of the twelve documents, not from the digests.
EXPECTED = {
    "arxiv:2401.17555": Expected("2024-01-31", "", "KD Conway, Cathie So, Xiaohang Yu, Kartin Wong"),
    "arxiv:2301.11913": Expected(
        "2023-01",
        "ICML 2023",
        "Max Ryabinin, Tim Dettmers, Michael Diskin, Alexander Borzunov",
        ("2002.04013", "2206.01288"),
    ),
    "arxiv:2311.08105": Expected(
        "2023-11",
        "",
        "Arthur Douillard, Qixuan Feng, Andrei A. Rusu, Rachita Chhaparia, Yani Donchev, Adhiguna Kuncoro, "
        "Marc'Aurelio Ranzato, Arthur Szlam, Jiajun Shen",
        ("2210.11948",),
    ),
    "arxiv:2206.01288": Expected(
        "2022-06",
        "NeurIPS 2022",
        "Binhang Yuan, Yongjun He, Jared Quincy Davis, Tianyi Zhang, Tri Dao, Beidi Chen, Percy Liang, "
        "Christopher Ré, Ce Zhang",
    ),
    "arxiv:2403.10616": Expected(
        "2024-03",
        "",
        "Arthur Douillard, Qixuan Feng, Andrei A. Rusu, Adhiguna Kuncoro, Yani Donchev, Rachita Chhaparia, Ionel Gog, "
        "Marc'Aurelio Ranzato, Jiajun Shen, Arthur Szlam",
        ("2311.08105",),
    ),
    "arxiv:2002.04013": Expected("2020-02", "NeurIPS 2020", "Max Ryabinin, Anton Gusev"),
    "arxiv:2302.00487": Expected(
        "2023-01", "IEEE TPAMI 2024", "Liyuan Wang, Xingxing Zhang, Hang Su, Jun Zhu", ("1703.03400",)
    ),
    "arxiv:1703.03400": Expected("2017-03", "ICML 2017", "Chelsea Finn, Pieter Abbeel, Sergey Levine"),
    "arxiv:2405.10853": Expected(
        "2024-05",
        "",
        "Lorenzo Sani, Alex Iacob, Zeyu Cao, Bill Marino, Yan Gao, Tomas Paulik, Wanru Zhao, William F. Shen, "
        "Preslav Aleksandrov, Xinchi Qiu, Nicholas D. Lane",
        ("2311.08105",),
    ),
    "arxiv:2401.09135": Expected(
        "2024-01",
        "",
        "Bo Liu, Rachita Chhaparia, Arthur Douillard, Satyen Kale, Andrei A. Rusu, Jiajun Shen, Arthur Szlam, "
        "Marc'Aurelio Ranzato",
        ("2311.08105",),
    ),
    "arxiv:2210.11948": Expected(
        "2022-10",
        "TMLR 2023",
        "Mitchell Wortsman, Suchin Gururangan, Shen Li, Ali Farhadi, Ludwig Schmidt, Michael Rabbat, Ari S. Morcos",
    ),
    "https://tj-solergibert.github.io/post/3d-parallelism/": Expected("2024-06-10", "", "Toni J. Solergibert"),
}


class Digest(NamedTuple):
    header: dict[str, Any]
    body: str

    def section(self, heading: str) -> str:
        """The text below `heading`, up to the next heading."""
        return self.body.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def read(path: Path) -> Digest:
    opening, header, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert opening == ""
    return Digest(yaml.safe_load(header), body)


def listed() -> set[str]:
    """The addresses of the reading list, found without the project's own parser."""
    urls = re.findall(r"\]\((\S+?)\)", READING_LIST.read_text(encoding="utf-8"))
    return {re.sub(r"^https://arxiv\.org/(?:pdf|abs)/(\d{4}\.\d{5}).*$", r"arxiv:\1", url) for url in urls}


FILES = sorted(DIGESTS.glob("*"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def digest(path: Path) -> Digest:
    return read(path)


def test_each_listed_document_has_exactly_one_digest() -> None:
    addresses = [read(file).header["address"] for file in FILES]
    assert sorted(addresses) == sorted(listed())
    assert len(addresses) == 12


def test_the_file_is_named_after_its_address(path: Path, digest: Digest) -> None:
    last = re.split("[:/]", digest.header["address"].rstrip("/"))[-1]
    assert path.name == f"{last}.md"


def test_the_header_says_what_is_known(digest: Digest) -> None:
    header = digest.header
    expected = EXPECTED[header["address"]]
    assert header["authors"] == expected.authors.split(", ")
    assert header["date"] == expected.date
    assert header.get("published", "") == expected.published
    assert set(header) == {"address", "title", "authors", "date", "checked"} | (
        {"published"} if expected.published else set()
    )


def test_the_title_is_the_one_in_the_list(digest: Digest) -> None:
    """The list writes titles in lower case, wraps them and puts a name before some of them."""
    words = " ".join(READING_LIST.read_text(encoding="utf-8").lower().split())
    assert digest.header["title"].lower() in words


def test_each_field_and_section_says_how_it_was_checked(digest: Digest) -> None:
    fields = set(digest.header) - {"address", "checked"}
    assert set(digest.header["checked"]) == fields | set(SECTIONS.values())
    for name, note in digest.header["checked"].items():
        assert CHECKED.fullmatch(note), f"{name}: {note}"


def test_the_body_has_its_headings_in_order_and_says_that_it_is_a_digest(digest: Digest) -> None:
    assert re.findall(r"^#+ .*$", digest.body, re.MULTILINE) == [
        f"# {digest.header['title']}",
        *(f"## {heading}" for heading in SECTIONS),
    ]
    assert re.match(r"# .+\n\n\*A digest written for this project; not the (?:paper|post)\.\*\n", digest.body)
    for heading in SECTIONS:
        assert digest.section(heading).strip(), heading


def test_the_body_has_300_to_500_words(digest: Digest) -> None:
    assert 300 <= len(digest.body.split()) <= 500


def test_builds_on_names_the_documents_of_the_list_with_their_own_titles(digest: Digest) -> None:
    """Both ways: what is known stands there, and nothing else of the list does."""
    expected = EXPECTED[digest.header["address"]].builds_on
    text = " ".join(digest.section("Builds on").split())
    among = {address.removeprefix("arxiv:") for address in EXPECTED}
    assert sorted(found for found in re.findall(r"\d{4}\.\d{5}", text) if found in among) == sorted(expected)
    for cited in expected:
        assert f"- {read(DIGESTS / f'{cited}.md').header['title']} (arXiv:{cited})" in text
    assert text.startswith("None of the list, as far as was checked") is (not expected)


@pytest.mark.skipif(not (SHARED / "seed").is_dir(), reason="the material in ../shared is not here")
def test_the_reading_list_is_carried_over_byte_for_byte() -> None:
    assert READING_LIST.read_bytes() == (SHARED / "seed" / "reading-list.md").read_bytes()
