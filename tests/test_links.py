"""Links: one address for all spellings, and what stands behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import links
from indexer.links import Kind


@pytest.mark.parametrize(
    ("link", "address", "version"),
    [
        ("https://arxiv.org/abs/2405.10853v2", "arxiv:2405.10853", 2),
        ("https://doi.org/10.48550%2FarXiv.1706.03762", "arxiv:1706.03762", None),
        ("https://www.google.com/url?q=https%3A%2F%2Farxiv.org%2Fabs%2F1706.03762", "arxiv:1706.03762", None),
        ("https://doi.org/10.1109/ICDM.2016.0028", "doi:10.1109/icdm.2016.0028", None),
        ("http://dx.doi.org/10.1145/A%3CB?x=1#y", "doi:10.1145/a<b", None),
        ("doi: 10.1145/X.Y", "doi:10.1145/x.y", None),
        ("10.1145/X.Y", "doi:10.1145/x.y", None),
        ("https://dl.acm.org/doi/10.1145/A", "https://dl.acm.org/doi/10.1145/A", None),
        (" HTTP://Foo.COM:80/A?b=C#d ", "http://foo.com/A?b=C", None),
        ("https://foo.com:8443", "https://foo.com:8443", None),
        ("https://[::1]:443/x", "https://[::1]/x", None),
        ("https://Me:Pw@Foo.com/", "https://Me:Pw@foo.com/", None),
    ],
)
def test_addresses(link, address, version):
    assert links.address(link) == (address, version)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "#top",
        "notes/a.md",
        "mailto:a@b.c",
        "ftp://a.b/c",
        "file:///etc/passwd",
        "http://",
        "http://[",
        "http://a b",
        "https://x.y:99999/",
        "javascript:alert(1)",
        "//x.y/z",
        "10.1145",
    ],
)
def test_what_is_no_address(link):
    assert links.address(link) is None


@given(st.text(max_size=100))
def test_an_address_is_its_own_normal_form(text):
    for link in (text, f"https://{text}", f"https://x.test/{text}", f"https://doi.org/10.1145/{text}"):
        found = links.address(link)
        if found and found[0].startswith("http"):
            assert links.normal_url(found[0]) == found[0]


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("https://arxiv.org/abs/1706.03762", Kind.ARXIV),
        ("https://arxiv.org/abs/nonsense", Kind.PAPER),
        ("https://doi.org/10.1145/1.2", Kind.PAPER),
        ("https://github.com/x/y/raw/master/paper.PDF", Kind.PAPER),
        ("https://link.springer.com/chapter/10.1007/1", Kind.PAPER),
        ("https://openreview.net/forum?id=1", Kind.PAPER),
        ("https://research.google/pubs/pub1/", Kind.PAPER),
        ("https://research.google/blog/1", Kind.PAGE),
        ("https://x.github.io/y", Kind.PAGE),
        ("https://myopenreview.net/forum", Kind.PAGE),
        ("https://github.com/x/y", Kind.CODE),
        ("https://gist.github.com/x/y", Kind.CODE),
        ("https://www.youtube.com/watch?v=1", Kind.CODE),
        ("https://huggingface.co/papers/2311.08105", Kind.ARXIV),
    ],
)
def test_kinds(link, kind):
    assert links.kind(link) == kind


def test_furniture():
    for link in (
        "https://img.shields.io/a.svg",
        "https://github.com/x/y/issues",
        "https://github.com/x/y/blob/main/LICENSE",
    ):
        assert links.is_furniture(link)
    for link in ("https://github.com/x/y", "https://github.com/x/y/issues/12", "https://x.test/pulls"):
        assert not links.is_furniture(link)
