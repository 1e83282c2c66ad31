"""BibTeX files, as managers and people write them."""

from __future__ import annotations

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.document import Link
from indexer.sources.bibtex import Given, read_bibtex


def one(fields: str):
    entries, given_, warnings = read_bibtex(f"@article{{key, {fields}}}", "a.bib")
    assert warnings == []
    (entry,) = entries
    return entry, given_[entry.address]


@pytest.mark.parametrize(
    ("fields", "address", "version"),
    [
        ("title={T}, journal={arXiv preprint arXiv:1503.02531}", "arxiv:1503.02531", None),
        ("title={T}, eprint={1503.02531v2}, archivePrefix={arXiv}, primaryClass={cs.LG}", "arxiv:1503.02531", 2),
        ("title={T}, eprint={2311.08105}, eprinttype=arxiv", "arxiv:2311.08105", None),
        ("title={T}, eprint={hep-th/9901001}", "arxiv:hep-th/9901001", None),
        ("title={T}, eprint={9901001}, archivePrefix={hep-th}", "arxiv:hep-th/9901001", None),
        ("title={T}, journal={CoRR}, volume={abs/1412.3555}", "arxiv:1412.3555", None),
        ("title={T}, journal={arXiv e-prints}, eid={arXiv:1706.03762}", "arxiv:1706.03762", None),
        ("title={T}, doi={10.48550/arXiv.1706.03762}", "arxiv:1706.03762", None),
        ("title={T}, howpublished={\\url{https://arxiv.org/abs/1706.03762}}", "arxiv:1706.03762", None),
        ("title={T}, note={arXiv:1706.03762}", "arxiv:1706.03762", None),
        ("title={T}, note={Extends arXiv:1706.03762}", "title:t", None),
        ("title={T}, eprint={hal-01234567}, archivePrefix={hal}", "title:t", None),
        ("title={T}, doi={10.1145/AB.1}, url={https://x.test/p}", "doi:10.1145/ab.1", None),
        ("title={T}, doi={https://doi.org/10.1145/AB\\_1}", "doi:10.1145/ab_1", None),
        ("title={T}, url={https://X.test/a\\_b\\%20c/{\\textasciitilde}me}", "https://x.test/a_b%20c/~me", None),
        ("title={T}, howpublished={Online: \\url{http://x.test/p}.}", "http://x.test/p", None),
        ("url={https://x.test/p}", "https://x.test/p", None),
        ("title={{Mask R-CNN}}", "title:mask-r-cnn", None),
    ],
)
def test_addresses(fields, address, version):
    entry, _ = one(fields)
    assert (entry.address, entry.version) == (address, version)


def test_what_else_it_links_to_stays_attached():
    entry, _ = one(
        "title={T}, eprint={1503.02531}, doi={10.1145/1.2}, url={https://x.test/p}, note={code: https://github.com/x/y}"
    )
    assert entry.links == (
        Link("https://doi.org/10.1145/1.2", "doi"),
        Link("https://x.test/p", "url"),
        Link("https://github.com/x/y", "note"),
    )


@pytest.mark.parametrize(
    ("latex", "title"),
    [
        ("{{BERT}: Pre-training of {D}eep Transformers}", "BERT: Pre-training of Deep Transformers"),
        ("{Schr{\\\"o}dinger's na\\\"{\\i}ve {\\'E}tude}", "Schrödinger's naïve Étude"),
        ('"Quoted in {"}quotes{"}"', 'Quoted in "quotes"'),
        ("{50% of $\\ell_1$ \\& more & less}", "50% of ℓ_1 & more & less"),
        ("{A title\n   over lines.}", "A title over lines"),
        ("{\\textbf{Bold} \\emph{em} --- dash}", "Bold em — dash"),
    ],
)
def test_titles_are_read_without_latex(latex, title):
    entry, _ = one(f"title={latex}")
    assert entry.title == title


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            "author={Hinton, Geoffrey and Oriol Vinyals and others}, year=2015",
            Given(("Geoffrey Hinton", "Oriol Vinyals"), "2015"),
        ),
        (
            'author={M{\\"u}ller, J{\\"o}rg and {The OLMo Team} and von Beethoven, Ludwig}, date={2015-03-01}',
            Given(("Jörg Müller", "The OLMo Team", "Ludwig von Beethoven"), "2015-03-01"),
        ),
        ("year={in press}", Given()),
        ("year={c. 1998}", Given((), "1998")),
        ("date={2019-05/2019-07}", Given((), "2019-05")),
    ],
)
def test_authors_and_dates(fields, expected):
    assert one(f"title={{T}}, {fields}")[1] == expected


BROKEN = """% a comment
@string{nips = "NeurIPS"}
@article{a, title={First}, booktitle=nips # " 2017", year=2015}
@article{a, title={Second}, year=2016}
@article{b, title={Third}, title={Not this}}
@article{c, title={unclosed, author={x}
@article{d, title="Fourth", url={https://x.test/d}}
@misc{e, year=2020}
some junk between
@inproceedings{f title={x}}
@article{g, title={Fifth}}
"""


def test_what_is_broken_is_told_and_the_rest_kept():
    entries, _, warnings = read_bibtex(BROKEN, "a.bib")
    assert [(e.title, e.mentions[0].line) for e in entries] == [
        ("First", 3), ("Second", 4), ("Third", 5), ("Fourth", 7), ("Fifth", 11),
    ]  # fmt: skip
    assert [(w.source, w.line, w.kind) for w in warnings] == [
        ("a.bib", 4, "repeat-id"), ("a.bib", 5, "bad-line"), ("a.bib", 6, "bad-line"), ("a.bib", 8, "bad-line"),
        ("a.bib", 10, "bad-line"),
    ]  # fmt: skip
    assert "line 3" in warnings[0].message
    assert "neither a title nor a link" in warnings[3].message


def test_braces_by_the_thousand():
    entry, _ = one("title=" + "{" * 3000 + "x" + "}" * 3000)
    assert entry.title == "x"


def test_two_long_titles_stay_two_entries():
    start = "word " * 20
    entries, _, _ = read_bibtex(f"@misc{{a, title={{{start} one}}}}\n@misc{{b, title={{{start} two}}}}", "a.bib")
    assert len({entry.address for entry in entries}) == 2


MARKS = [
    "@article{",
    "@misc{k,",
    "@string{",
    "@comment{",
    "}",
    "{",
    '"',
    "title",
    "author",
    "=",
    ",",
    "\\",
    "\n",
    "#",
    "%",
    "$",
    "x",
    " and ",
]


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(MARKS), max_size=40).map("".join)))
def test_any_text_is_read(text):
    entries, given_, _ = read_bibtex(text, "a.bib")
    assert given_.keys() == {entry.address for entry in entries}


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(blacklist_characters="{}@", blacklist_categories=("Cs", "Cc")), max_size=60))
def test_any_title_and_author_is_read(text):
    entries, _, _ = read_bibtex(
        f"@article{{a, title={{x{text}}}, author={{{text}}}, url={{https://x.test/p}}}}", "a.bib"
    )
    assert [entry.address for entry in entries][:1] in ([], ["https://x.test/p"])


@needs_shared
def test_a_bibliography_of_a_hundred_papers():
    text = (SHARED / "lists" / "top-100-deep-learning.bib").read_text("utf-8")
    entries, given_, warnings = read_bibtex(text, "top.bib")
    assert (len(entries), len({entry.address for entry in entries}), warnings) == (101, 101, [])
    assert all(entry.title and given_[entry.address].authors and given_[entry.address].date for entry in entries)
    assert (
        sum(entry.address.startswith("arxiv:") for entry in entries)
        == text.count("arXiv:") + text.count("CoRR abs/")
        == 35
    )
    first = entries[0]
    assert (first.address, first.title, first.mentions[0].line) == (
        "arxiv:1503.02531",
        "Distilling the knowledge in a neural network",
        1,
    )
    assert given_[first.address] == Given(("Geoffrey Hinton", "Oriol Vinyals", "Jeff Dean"), "2015")
