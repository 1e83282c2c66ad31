"""JSON-lines records: BEIR's layout, arXiv's metadata dump, and what people make of them."""

from __future__ import annotations

import json

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st

from indexer.document import Warning
from indexer.sources.records import Record, read_records


def read(*lines: object) -> tuple[list[tuple[int, Record]], list[Warning]]:
    data = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    found = list(read_records([line + b"\n" for line in data], "a.jsonl"))
    return [item for item in found if not isinstance(item, Warning)], [
        item for item in found if isinstance(item, Warning)
    ]


def record(**fields: object) -> Record:
    ((_, made),), warnings = read({"_id": "a", **fields})
    assert warnings == []
    return made


def test_the_two_layouts():
    beir = record(title="A title", text="  Text,\n\nkept as it is. ", metadata={"x": 1})
    assert beir == Record("A title", "Text,\n\nkept as it is.", (), "", "a")
    ((_, dump),), _ = read(
        {
            "id": "0704.0001",
            "title": "Calculation of\n  prompt diphotons",
            "abstract": "  A fully\n",
            "update_date": "2008-11-26",
            "authors": "C. Bal\\'azs, E. L. Berger, C.-P. Yuan",
            "doi": None,
            "versions": [],
        }
    )
    assert dump == Record(
        "Calculation of prompt diphotons",
        "A fully",
        ("C. Bal\\'azs", "E. L. Berger", "C.-P. Yuan"),
        "2008-11-26",
        "0704.0001",
    )


def test_null_is_absent_and_nothing_but_an_id_is_needed():
    assert record(title=None, text=None, abstract="x", authors=None, year=None) == Record("", "x", (), "", "a")
    assert record() == Record("", "", (), "", "a")
    assert record(title=["no"], text={"no": 1}, authors=7, date=True) == Record("", "", (), "", "a")


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("Ann Doe and Bob Roe", ("Ann Doe", "Bob Roe")),
        ("Ann Doe, Bob Roe", ("Ann Doe", "Bob Roe")),
        ("Ann Doe, Bob Roe, and Cy Poe", ("Ann Doe", "Bob Roe", "Cy Poe")),
        ("Ann Doe; Bob Roe", ("Ann Doe", "Bob Roe")),
        ("Doe, Ann and Roe, Bob", ("Ann Doe", "Bob Roe")),
        ("Doe, A., Roe, B. C.", ("A. Doe", "B. C. Roe")),
        ("Alexandra Anderson", ("Alexandra Anderson",)),
        (["Ann  Doe", None, ""], ("Ann Doe",)),
        ([{"name": "Ann Doe", "ids": [1]}, {"x": 1}, "Bob Roe"], ("Ann Doe", "Bob Roe")),
        ("", ()),
    ],
)
def test_authors(authors, expected):
    assert record(authors=authors).authors == expected


@pytest.mark.parametrize(
    ("fields", "date"),
    [
        ({"year": 2021}, "2021"),
        ({"year": "2021"}, "2021"),
        ({"year": 2021.0}, "2021"),
        ({"date": "2021-05-03T10:00:00Z"}, "2021-05-03"),
        ({"date": "2021-05"}, "2021-05"),
        ({"update_date": "2008-11-26"}, "2008-11-26"),
        ({"date": "3 May 2021"}, "2021"),
        ({"year": 2007, "update_date": "2008-11-26"}, "2007"),
        ({"date": "soon", "year": 1999}, "1999"),
        ({"date": "2021-13-40"}, "2021"),
        ({"year": 20210503}, ""),
        ({}, ""),
    ],
)
def test_dates(fields, date):
    assert record(**fields).date == date


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["b", 7, " ", None, True, [], "b"], [("b", "", None, None, None), ("7", "", None, None, None)]),
        (
            ["2311.08105v2", "arXiv:2311.08105"],
            [("2311.08105v2", "", "2311.08105", None, None), ("arXiv:2311.08105", "", "2311.08105", None, None)],
        ),
        (["https://doi.org/10.1000/XYZ"], [("https://doi.org/10.1000/XYZ", "", None, "10.1000/xyz", None)]),
        (["A title of\n words"], [("A title of words", "A title of words", None, None, None)]),
        ([{"id": "b", "title": "T", "year": "2019"}], [("b", "T", None, None, 2019)]),
        (
            [{"arxiv_id": "2311.08105", "doi": "10.1000/xyz"}, {"year": 2019}, {}],
            [("", "", "2311.08105", "10.1000/xyz", None)],
        ),
        ([{"title": ["x"], "id": {}}], []),
        ("b", []),
        ({"id": "b"}, []),
        (None, []),
    ],
)
def test_references(references, expected):
    found = record(references=references).references
    assert [(r.label, r.title, r.arxiv_id, r.doi, r.year) for r in found] == expected
    assert [r.n for r in found] == list(range(1, len(expected) + 1)) and all(r.raw and "\n" not in r.raw for r in found)


def test_ids_may_be_numbers():
    found, _ = read({"_id": 4983}, {"id": 7, "title": "x"}, {"_id": None, "id": "b"}, {"_id": "0"})
    assert [made.own_id for _, made in found] == ["4983", "7", "b", "0"]


def test_a_bad_line_is_told_and_the_others_kept():
    found, warnings = read(
        b"\xef\xbb\xbf" + json.dumps({"_id": "a"}).encode(),
        b"",
        b"  \t",
        b"{not json",
        b"[1]",
        {"title": "no id"},
        {"_id": " "},
        b'{"_id": "\xff"}',
        b"[" * 100_000,
        {"_id": "a", "title": "again"},
        b'"' + b"x" * 10,
        {"_id": "b"},
    )
    assert [(line, made.own_id, made.title) for line, made in found] == [(1, "a", ""), (12, "b", "")]
    assert [(w.line, w.kind) for w in warnings] == [
        (4, "bad-line"),
        (5, "bad-line"),
        (6, "bad-line"),
        (7, "bad-line"),
        (8, "bad-line"),
        (9, "bad-line"),
        (10, "repeat-id"),
        (11, "bad-line"),
    ]
    assert "character 2" in warnings[0].message
    assert "_id" in warnings[2].message
    assert "UTF-8" in warnings[4].message
    assert "line 1" in warnings[6].message


def test_half_a_surrogate_can_still_be_written():
    assert record(title="a\ud800b").title.encode() == b"a?b"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["_id", "id", "title", "text", "abstract", "authors", "year", "date", "name", "references", "doi"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_record_or_told(value):
    found, warnings = read(value)
    assert len(found) + len(warnings) == 1
    for _, made in found:
        assert made.own_id
        assert "\n" not in made.title


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_are_read(lines):
    list(read_records(lines, "a.jsonl"))


@needs_shared
def test_a_corpus():
    with (SHARED / "eval" / "scifact" / "corpus.jsonl").open("rb") as lines:
        found = list(read_records(lines, "corpus.jsonl"))
    assert len(found) == 5183
    assert not any(isinstance(item, Warning) for item in found)
