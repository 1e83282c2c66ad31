"""Markdown and plain text: headings with GitHub's anchors, code whole, front matter, and nothing that stops the reading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_html import blocks, check

from indexer.digests import load
from indexer.errors import ExtractError, LimitReached, NoText
from indexer.extract import markdown
from indexer.extract.markdown import read_markdown, read_plain

DIGESTS = Path(__file__).parents[1] / "data" / "digests"

PAGE = """\
---
title: Rings, in short
authors: [Ida Brandt, {name: Otto Lind, email: o@example.org}]
date: 2024-03-01
draft: false
---

# Rings, in short

A ring of $p$ workers costs $5, a tree $6, and `a | b` costs *nothing*[^1].

Set-ext heading
---------------

List<int> is no tag, <kbd>Ctrl</kbd> is one; x < y &amp; y > z, <b>as</b> we say.

## What's *new* in `v2.0`?

* one item,
  wrapped
* another

  with a paragraph
  - nested

3. three
4. four
   ```python
   # no heading

   print(1)  # two  spaces
   ```

$$
E = mc^2
$$

| a | b |
|---|:-:|
| 1 | `x` |

    indented code

## What's *new* in `v2.0`?

> A quotation
> ## of a heading

![Picture](x.png)
*Its caption.*

- [x] done
- [ ] open

<details><summary>More</summary>

Folded *text*.

</details>

<script>alert("no")</script>
<!-- nor this -->

[^1]: Apart from
    the price.

## References

1. I. Brandt. *Rings for all*. 2019. https://arxiv.org/abs/1901.00042
2. [Trees for all](https://arxiv.org/abs/1901.00043v2)
"""

BLOCKS = """\
front: Rings, in short
body: A ring of $p$ workers costs $5, a tree $6, and a | b costs nothing.
heading 2 #set-ext-heading: Set-ext heading
body: List<int> is no tag, Ctrl is one; x < y & y > z, as we say.
heading 2 #whats-new-in-v20: What's new in v2.0?
body: - one item, wrapped
body: - another
body: with a paragraph
body: - nested
body: 3. three
body: 4. four
code: # no heading⏎⏎print(1)  # two  spaces
formula: E = mc^2
table: a | b⏎1 | x
code: indented code
heading 2 #whats-new-in-v20-1: What's new in v2.0?
body: A quotation
body: of a heading
caption: Its caption.
body: - done
body: - open
body: More
body: Folded text.
heading 2 #references: References
reference: [1] I. Brandt. Rings for all. 2019. https://arxiv.org/abs/1901.00042
reference: [2] Trees for all
footnote: 1. Apart from the price.
"""


def test_a_page_block_by_block() -> None:
    read = read_markdown(PAGE)
    check(read)
    assert blocks(read) == BLOCKS.splitlines()
    assert (read.title, read.authors, read.date) == ("Rings, in short", ("Ida Brandt", "Otto Lind"), "2024-03-01")
    assert [(r.year, r.arxiv_id) for r in read.references] == [(2019, "1901.00042"), (None, "1901.00043")]


def test_a_windows_page_is_the_same_page() -> None:
    assert read_markdown("\ufeff" + PAGE.replace("\n", "\r\n")) == read_markdown(PAGE)


@pytest.mark.parametrize(
    ("front", "title", "authors", "date"),
    [
        ("---\ntitle: A\nauthor: B C\ndate: 2020-05\n---\n", "A", ("B C",), "2020-05"),
        ("---\ntitle: A\nauthor: B C and D E\ndate: 2020-05-06T07:08:09Z\n...\n", "A", ("B C", "D E"), "2020-05-06"),
        ("---\nTitle: 'A: b'\nauthor: {name: B C}\ndate: 2020\n---\n", "A: b", ("B C",), "2020"),
        ('+++\ntitle = "A"\nauthors = ["B C"]\ndate = 2020-05-06\n+++\n', "A", ("B C",), "2020-05-06"),
        ("---\ntitle: [no, string]\nauthor: 3\ndate: soon\n---\n", "", (), ""),
        ("", "", (), ""),
    ],
)
def test_front_matter(front: str, title: str, authors: tuple[str, ...], date: str) -> None:
    read = read_markdown(f"{front}\nSome words.\n")
    assert (read.title, read.authors, read.date) == (title, authors, date)
    assert blocks(read) == ["body: Some words."]


@pytest.mark.parametrize(
    "front",
    [
        "---\n: [\n---\n",
        "---\n- a\n- b\n---\n",
        "---\njust words\n---\n",
        "+++\nno toml\n+++\n",
        "---\na: 2024-13-45\n---\n",
    ],
)
def test_what_only_looks_like_front_matter_is_text(front: str) -> None:
    words = re.findall(r"\w+", front)
    text = read_markdown(f"{front}\nAfter it.\n").pages[0].text
    assert re.findall(r"\w+", text) == [*words, "After", "it"]


@pytest.mark.parametrize(
    ("text", "title", "found"),
    [
        ("# T\n\nWords.", "T", ["front: T", "body: Words."]),
        ("Words.\n\n# T\n\nMore.", "T", ["body: Words.", "heading 1 #t: T", "body: More."]),
        ("# T\n\nWords.\n\n# Part\n\nMore.", "T", ["front: T", "body: Words.", "heading 1 #part: Part", "body: More."]),
        ("---\ntitle: Other\n---\n# T\n\nWords.", "Other", ["heading 1 #t: T", "body: Words."]),
        ("## T\n\nWords.", "", ["heading 2 #t: T", "body: Words."]),
        ("<h1 align='center'>T</h1>\n\n<p align='center'><img src=x></p>\n\nWords.", "T", ["front: T", "body: Words."]),
    ],
)
def test_the_title(text: str, title: str, found: list[str]) -> None:
    read = read_markdown(text)
    assert read.title == title and blocks(read) == found


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Über uns", "über-uns"), ("A  B", "a--b"), ("C++ & C#", "c--c"), ("1.2 Set-up_x",
        "12-set-up_x"), ("`code()` here", "code-here"),
        ("[link](x) it", "link-it"), ("中文", "中文"),
    ],
)  # fmt: skip
def test_anchors_are_those_of_github(heading: str, anchor: str) -> None:
    assert read_markdown(f"## {heading}\n\nWords.").sections[0].anchor == anchor


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="`~"), min_size=1),
        min_size=1,
    )
)
@settings(max_examples=60, deadline=None)
def test_fenced_code_is_whole(lines: list[str]) -> None:
    from indexer.extract.web.elements import tidy

    read = read_markdown("# T\n\n```\n  " + "\n\n".join(lines) + "\n```\n")
    (block,) = (block for block in read.blocks if block.kind == "code")
    expected = tidy("  " + "\n\n".join(lines)).rstrip()
    assert read.pages[0].text[block.start : block.end] == re.sub(r"\A(?:[ \t]*\n)+", "", expected)


@pytest.mark.parametrize(
    "text", ["", " \n\t\n", "# Only a title", "---\ntitle: T\n---\n", "```\n```", "<!-- nothing -->", "![](x.png)"]
)
def test_nothing_to_read(text: str) -> None:
    with pytest.raises(NoText):
        read_markdown(text)


@pytest.mark.parametrize("text", ["> " * 500 + "x", "- " * 400 + "x", "<div>" * 5000 + "x"])
def test_what_lies_too_deep_is_a_limit(text: str) -> None:
    with pytest.raises(LimitReached):
        read_markdown(text)


def test_what_is_too_long_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "MOST_CHARACTERS", 10)
    with pytest.raises(LimitReached):
        read_markdown("words " * 3)
    with pytest.raises(LimitReached):
        read_plain("words " * 3)


MARKS = st.sampled_from(
    ["# ", "## ", "\n", "\n\n", "- ", "1. ", "> ", "```", "~~~", "    ", "*", "**", "_", "`", "[", "](x)", "[^1]",
    "[^1]: ", "$", "$$", "|",
     "|-|-|\n", "---\n", "===\n", "<b>", "</b>", "<div>", "<script>", "<!--", "-->", "<title>", "\\", "&amp;",
     "words ", "\t", "title: x\n", "!"]
)  # fmt: skip


@given(st.lists(MARKS | st.text(max_size=5), max_size=60).map("".join))
@example("---\na: &a [*a]\n---\nx")
@example("+++\na = " + "[" * 500 + "\n+++\nx")
@settings(max_examples=300, deadline=None)
def test_any_text_is_markdown(text: str) -> None:
    try:
        check(read_markdown(text))
    except ExtractError as error:
        assert isinstance(error, (NoText, LimitReached))


def test_the_digests_are_read() -> None:
    digests = load(DIGESTS)
    assert len(digests) == 12
    for digest in digests.values():
        check(digest)
        assert [(s.heading, s.level, s.anchor) for s in digest.sections] == [
            ("Problem", 2, "problem"), ("Method", 2, "method"), ("Findings", 2, "findings"),
            ("Terms it introduces", 2, "terms-it-introduces"), ("Builds on", 2, "builds-on"),
        ]  # fmt: skip
        assert {block.kind for block in digest.blocks} <= {"front", "heading", "body"}
        assert "*" not in digest.pages[0].text and "A digest written" not in digest.pages[0].text


# Plain text


def test_paragraphs_of_a_plain_text_are_lines() -> None:
    read = read_plain(
        "A title\n\nSome words\nthat go on.\n  And on.\n \n\n    code(1)\n    code(2)\n\nname   size\none    1\n\nThe end.\n"
    )
    check(read)
    assert read.title == "A title"
    assert blocks(read) == [
        "body: A title", "body: Some words that go on. And on.", "code:     code(1)⏎    code(2)", "code: name   size⏎one    1",
        "body: The end.",
    ]  # fmt: skip


@given(st.text(max_size=2000))
@settings(deadline=None)
def test_any_text_is_plain(text: str) -> None:
    try:
        read = read_plain(text)
    except NoText:
        return
    check(read)
    assert len(read.title) <= 200


def test_no_word_of_a_plain_text_is_lost() -> None:
    text = "\n\n".join(f"Paragraph {n} says\nthis and   that." for n in range(50))
    assert re.findall(r"\w+", read_plain(text).pages[0].text) == re.findall(r"\w+", text)
