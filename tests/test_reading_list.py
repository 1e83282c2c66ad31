"""Reading lists in markdown: nothing lost, nothing invented, titles and notes where people put them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.document import Entry, Link
from indexer.sources.labels import only_labels
from indexer.sources.reading_list import read_markdown

A, B, C = (f"https://arxiv.org/abs/{number}" for number in ("1706.03762", "1810.04805", "2005.14165"))
LISTS = SHARED / "lists"


def entries(text: str) -> list[Entry]:
    return read_markdown(text, "list.md")[0]


def one(text: str) -> Entry:
    (entry,) = entries(text)
    return entry


def addresses(text: str) -> list[str]:
    return [entry.address for entry in entries(text)]


# ---------------------------------------------------------------- generated lists

names = st.text("bcdfghjklmnprstvwxz", min_size=4, max_size=9)  # no vowels: no word that means anything
# At least one word that could not be a label: "html html html" is no title.
title_words = st.lists(names, min_size=3, max_size=9).filter(lambda words: not only_labels(" ".join(words)))
ids = st.builds("{:02d}{:02d}.{:05d}".format, st.integers(15, 39), st.integers(1, 12), st.integers(1, 99999))
SPELLINGS = (
    "https://arxiv.org/abs/{}", "http://arxiv.org/pdf/{}", "https://arxiv.org/pdf/{}.pdf", "https://arxiv.org/html/{}",
    "https://export.arxiv.org/abs/{}", "https://www.arxiv.org/abs/{}", "https://doi.org/10.48550/arXiv.{}",
)  # fmt: skip
# How an item names its paper, and whether the title can be told from it.
FORMS = (
    ("[{title}]({url})", True),
    ("[{title}](<{url}>)", True),
    ('[{title}]({url} "a tip")', True),
    ("**[{title}]({url})**", True),
    ("[**{title}**]({url})", True),
    ("[ICML'25] [{title}]({url})", True),
    ("{title} [pdf]({url})", True),
    ("{title} [[arXiv]({url})]", True),
    ("**{title}** ([paper]({url}))", True),
    ('"{title}", [link]({url})', True),
    ("{title}: {url}", True),
    ("{title} <{url}>", True),
    ('<a href="{url}">{title}</a>', True),
    ("[![badge](https://img.shields.io/x.svg)]({url})", False),
    ("{url}", False),
    ("<{url}>", False),
    ("[pdf]({url})", False),
)
NOTES = (
    "",
    " - qqq note",
    ": qqq note",
    " (qqq)",
    " [[code](https://github.com/x/y)] qqq",
    " ([blog](https://blog.test/p))",
)


@dataclass(frozen=True)
class Written:
    """A generated item: what it says, and what must come of it."""

    text: str
    title: str | None
    id: str
    version: int | None
    checked: bool | None


@st.composite
def items(draw, identifier: str) -> Written:
    version = draw(st.one_of(st.none(), st.integers(1, 12)))
    url = draw(st.sampled_from(SPELLINGS)).format(identifier + (f"v{version}" if version else ""))
    words = draw(title_words)
    form, titled = draw(st.sampled_from(FORMS))
    box, checked = draw(st.sampled_from([("", None), ("", None), ("[ ] ", False), ("[x] ", True), ("[X] ", True)]))
    joint = draw(st.sampled_from([" ", " ", "\n"]))  # a title may be wrapped
    written = form.format(title=" ".join(words[:2]) + joint + " ".join(words[2:]), url=url)
    note = draw(st.sampled_from(NOTES))
    return Written(box + written + note, " ".join(words) if titled else None, identifier, version, checked)


@st.composite
def lists(draw) -> tuple[str, list[tuple[Written, int, tuple[str, ...]]]]:
    """A markdown list with its items, the line where each begins, and its section."""
    lines: list[str] = []
    expected = []
    section: tuple[str, ...] = ()
    for identifier in draw(st.lists(ids, max_size=8, unique=True)):
        item = draw(items(identifier))
        shape = draw(st.sampled_from(["bullet", "bullet", "bullet", "nested", "row", "paragraph", "quote"]))
        if item.title is None and shape == "nested":
            shape = "bullet"  # what says nothing belongs to the item above it
        if draw(st.integers(0, 4)) == 0:
            section = (" ".join(draw(title_words)),)
            lines += ["", f"# {section[0]}", ""]
        text = item.text
        if shape in ("bullet", "nested"):
            marker = draw(st.sampled_from(["-", "*", "+", "1."]))
            indent = ""
            if shape == "nested":
                lines += ["", f"- {' '.join(draw(title_words))}"]
                indent = "  "
            elif draw(st.booleans()):
                lines.append("")
            hang = indent + " " * (len(marker) + 1)
            lines += [f"{indent}{marker} " + text.replace("\n", f"\n{hang}")]
        elif shape == "row":
            lines += ["", "| Title | Note |", "|---|:-:|", "| " + text.replace("\n", " ") + " | qqq |"]
        elif shape == "paragraph":
            lines += ["", text]
        else:
            lines += ["", "> - " + text.replace("\n", "\n>   ")]
        count = len("\n".join(lines).split("\n"))
        expected.append((item, count - (0 if shape == "row" else text.count("\n")), section))
        if shape in ("row", "paragraph", "quote"):
            lines.append("")
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + "\n".join(lines).replace("\n", newline), expected


@settings(max_examples=150, deadline=None)
@given(lists())
def test_a_list_gives_its_papers_and_nothing_else(generated):
    text, expected = generated
    found = entries(text)
    assert [entry.address for entry in found] == [f"arxiv:{item.id}" for item, _, _ in expected]
    for entry, (item, line, section) in zip(found, expected, strict=True):
        mention = entry.mentions[0]
        assert entry.version == item.version
        assert (mention.line, mention.section) == (line, section)
        if item.title and "\n" not in item.text.partition(item.title)[0]:
            assert mention.title in (item.title, "")
        if item.title is None:
            assert mention.title == ""


@settings(max_examples=150, deadline=None)
@given(st.lists(ids, min_size=1, max_size=6, unique=True).flatmap(lambda all_: st.tuples(*(items(i) for i in all_))))
def test_a_bullet_list_gives_titles_boxes_and_notes(written):
    found = entries("\n".join("- " + item.text.replace("\n", "\n  ") for item in written))
    assert [entry.address for entry in found] == [f"arxiv:{item.id}" for item in written]
    for entry, item in zip(found, written, strict=True):
        mention = entry.mentions[0]
        assert (mention.title, mention.checked) == (item.title or "", item.checked)
        assert ("qqq" in mention.note) == ("qqq" in item.text)
        assert "http" not in mention.note
        assert not mention.title or mention.title not in mention.note


@settings(max_examples=100, deadline=None)
@given(ids, st.lists(ids, min_size=1, max_size=4, unique=True), title_words, st.booleans())
def test_nested_papers_are_entries_of_their_own(parent, children, words, linked):
    children = [child for child in children if child != parent]
    head = f"[{' '.join(words)}](https://arxiv.org/abs/{parent})" if linked else "a topic"
    text = f"* {head}\n" + "".join(f"    * [zzz {c} zzz zzz](https://arxiv.org/abs/{c})\n" for c in children)
    assert addresses(text) == [f"arxiv:{i}" for i in ([parent] if linked else []) + children]


BITS = st.sampled_from(
    [
        "\n",
        "\n\n",
        "- ",
        "* ",
        "1. ",
        "    ",
        "\t",
        "> ",
        "# ",
        "|",
        "|-|-|",
        "[",
        "](",
        ")",
        "![",
        "]",
        "**",
        "_",
        "`",
        "```\n",
        "~~~",
        "<a href='",
        "'>",
        "</a>",
        "<td>",
        "<tr>",
        "<li>",
        "</details>",
        "<details>",
        "<h2>",
        "[ ]",
        "[x]",
        ":",
        "&amp;",
        "\\",
        "\0",
        "\r\n",
        "\ufeff",
        "---\n",
        "===",
        "[1]: ",
        "http://",
        "https://x.test/a",
        "10.1145/1.2",
        "title",
        "“",
        "”",
        '"',
        "\f",
    ]
)
MENTIONS = ids.flatmap(
    lambda i: st.sampled_from(["https://arxiv.org/abs/{}", "http://arxiv.org/pdf/{}v3", "arXiv:{}"]).map(
        lambda form: f" {form.format(i)} "
    )
)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.one_of(BITS, BITS, MENTIONS, st.text(max_size=6)), max_size=40).map("".join))
def test_whatever_is_written_no_arxiv_link_is_lost(text):
    found = addresses(text)
    assert set(re.findall(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{5})(?!\d)", text)) <= {
        a.removeprefix("arxiv:") for a in found
    }
    assert {a.removeprefix("arxiv:") for a in found if a.startswith("arxiv:")} <= set(re.findall(r"\d{4}\.\d{5}", text))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read(text):
    read_markdown(text, "list.md")


@pytest.mark.parametrize(
    "piece", ["[", "![", "[ ", "*", "* ", "a", "<", "<!--", "> ", "|", "`", "\\", "- ", "\n", "\0", "]"]
)
def test_a_megabyte_of_one_mark_is_read_through(piece):
    assert entries(piece * (1_000_000 // len(piece))) == []


@pytest.mark.parametrize(
    "piece",
    ["[a](", "<a href='x'>", "**a *b ", "(a) ", "[a] ", "<td>", "1. a\n", "# a\n", "A. ", '"a b" ', "10.1234/a) "],
)
def test_long_stretches_of_marks_are_read_through(piece):
    entries(piece * (100_000 // len(piece)))


def test_many_papers_in_one_paragraph():
    text = " ".join(f"[Paper {n} on things {n}](https://arxiv.org/abs/1706.{n:05})" for n in range(1, 2001))
    assert len(entries(text)) == 2000


# ---------------------------------------------------------------- where it stands


def test_line_section_and_version():
    text = f"# Top\n\nwords\n\n## Sub **two** <br>\n\n* [a\ntitle]({A}v5)\n\n"
    text += f"# Other [![b](c)](d)\n\n1. [next title here]({B})\n"
    first, second = entries(text)
    assert (first.version, first.mentions[0].line, first.mentions[0].section) == (5, 7, ("Top", "Sub two"))
    assert first.title == "a title"
    assert (second.version, second.mentions[0].line, second.mentions[0].section) == (None, 12, ("Other",))


def test_headings_without_the_space_after_the_marks():
    text = f"# One\n\n## Deep\n\n#2 Two\n\n- [some title here]({A})\n\n#tag is no heading\n\n- [other title here]({B})"
    assert [entry.mentions[0].section for entry in entries(text)] == [("2 Two",), ("2 Two",)]


def test_front_matter_is_no_list_and_no_heading():
    text = f"---\ntitle: A list\ntags:\n  - http://tag.test/x\n---\n- [a b c]({A})\n"
    assert (one(text).mentions[0].line, one(text).mentions[0].section) == (6, ())


def test_several_items_in_details_with_no_blank_line_before_them():
    text = f"<details><summary>More</summary>\n- [a b c]({A})\n  - note\n- [Page one](https://x.test/1)\n</details>\n"
    first, second = entries(text)
    assert (first.address, first.mentions[0].line, first.mentions[0].note) == ("arxiv:1706.03762", 2, "note")
    assert (second.address, second.mentions[0].line) == ("https://x.test/1", 4)


def test_raw_html():
    text = (
        "<table>\n<tr><th>Title</th><th>Link</th></tr>\n"
        f"<tr><td>Some title here</td><td><a href='{A}'>pdf</a></td></tr>\n\n"
        f'<tr>\n<td><a href="{B}"><b>Other title</b></a></td><td>read</td></tr></table>\n\n<h2>Sec</h2>\n\n'
        f"<ul>\n<li><a href={C}>Third title</a> nice</li>\n"
        "<li><a href='https://x.test/p'>Fourth title</a></li></ul>\n\n"
        "<p align=center><a href='https://home.test'>Home of it</a> | <a href='#x'>Anchor</a></p>\n"
    )
    found = [(e.address, e.title, e.mentions[0].line, e.mentions[0].section) for e in entries(text)]
    assert found == [
        ("arxiv:1706.03762", "Some title here", 3, ()),
        ("arxiv:1810.04805", "Other title", 5, ()),
        ("arxiv:2005.14165", "Third title", 11, ("Sec",)),
        ("https://x.test/p", "Fourth title", 12, ("Sec",)),
    ]


def test_comments_are_no_part_of_the_list_and_code_is_swept():
    text = f"<!-- [a]({A})\n- x {C} -->\n- [b c d]({B}) <!-- {A} -->\n\n```\n{A} <!--\n```\n\n`<!--` {C}v2 `-->`\n"
    assert [(e.address, e.version, e.mentions[0].line) for e in entries(text)] == [
        ("arxiv:1810.04805", None, 3), ("arxiv:1706.03762", None, 6), ("arxiv:2005.14165", 2, 9),
    ]  # fmt: skip


def test_the_name_of_a_file_is_no_host():
    assert [entry.links for entry in entries(f"- [a paper]({A}), notes in README.md, code in train.py")] == [()]


def test_the_cells_of_an_html_table_stay_apart():
    text = (f"<table>\n<tr><th>Year</th><th>Title</th><th>Paper</th><th>Remarks</th></tr>\n<tr><td>2017</td>"
            f"<td>Attention is all you need</td><td><a href='{A}'>pdf</a></td><td>read it twice</td></tr>\n</table>\n")  # fmt: skip
    mention = one(text).mentions[0]
    assert (mention.title, mention.note) == ("Attention is all you need", "2017 · read it twice")


def test_comment_marks_shown_in_code_hide_nothing_between_them():
    assert addresses(f"```html\n<!--\n```\n\n```\nwget {A}\n```\n\n    a -->\n\n- [b]({B})") == [
        "arxiv:1706.03762", "arxiv:1810.04805",
    ]  # fmt: skip


def test_a_comment_that_is_never_closed_hides_nothing():
    assert addresses(f"<!-- closed -->\n<!-- open\n\n- [a]({A})\n<!-- again\n- [b]({B})") == [
        "arxiv:1706.03762",
        "arxiv:1810.04805",
    ]


# ---------------------------------------------------------------- titles


@pytest.mark.parametrize(
    ("item", "title"),
    [
        (f"[[ICML'25] Real title here]({A})", "Real title here"),
        (f"[Survey :mag:] [ACM CSUR'25] [Real title here]({A}) (`X`)", "Real title here"),
        (f"Real title here. Doe et al. NeurIPS 2017. [[pdf]]({A})", "Real title here"),
        (f"Doe et al. (2017). Real title here. NeurIPS. {A}", "Real title here"),
        (f"Smith, J., Doe, A. (2020). Real title here. *Journal*. {A}", "Real title here"),
        (f"J. Smith and A. Doe. Real title here. In ICML, 2019. [PDF]({A})", "Real title here"),
        (
            f'Doe, Ann, et al. "**Real title here**." arXiv preprint arXiv:1706.03762 (2017). [[pdf]]({A}) **(Great)**',
            "Real title here",
        ),
        (f"Real title here. *Ann Doe, Bob Roe*, NeurIPS 2017 [paper]({A})", "Real title here"),
        (f"*Real title here*, Doe et al., [arXiv:1706.03762]({A})", "Real title here"),
        (f"Read “Real title here” [here]({A})", "Real title here"),
        (f"2017 | Real title here | [pdf]({A})", "Real title here"),
        (f"(ICLR 2019) Real title here [pdf]({A})", "Real title here"),
        (f"title: Real title here\n  url: {A}", "Real title here"),
        (f"Real title here ({A}), read it", "Real title here"),
        (f"Keras: {A}", "Keras"),
        (f"[Tool](https://github.com/x/y) - a tool, see [paper]({A})", "Tool"),
        (f"[Stanford]({A})", "Stanford"),
        (f"[![arXiv](b.svg)]({A}) Real title here [![s](c.svg)](https://github.com/x/y)", "Real title here"),
        (f"Real title here [![arXiv](b.svg)]({A}) - a note", "Real title here"),
        (f"[![arXiv](b.svg)]({A}) - a note", ""),
        (f"see {A}.", ""),
        (f"[here]({A}) is **the best** of all", ""),
        (f"[1]({A})", ""),
        (f"[arXiv version (2017)]({A})", ""),
        (f"Doe et al. [pdf]({A})", ""),
        (f"{A} Real title here", ""),
        ("[stanford](https://cs.stanford.edu/x.pdf)", ""),
        ("[LiveBench](https://livebench.test/#/)", "LiveBench"),
        ("[mistral.rs](https://github.com/x/mistral.rs)", "mistral.rs"),
    ],
)
def test_titles(item, title):
    assert one(f"- {item}").title == title


def test_titles_in_tables():
    text = (
        "| Year | Name | What | Paper | Done |\n|--|--|--|--|--|\n"
        f"| 2017 | [GPipe](https://github.com/x/gpipe) | pipelines | [arxiv]({A}) | [x] |\n"
        f"| 2018 | Chimera | bidirectional | [dl.acm](https://dl.acm.org/doi/pdf/10.1145/1.2), [arxiv]({B}) | [ ] |\n"
        "| 2019 | None | of these has a link | soon | |\n"
    )
    first, second = entries(text)
    assert (first.address, first.title, first.mentions[0].note) == ("arxiv:1706.03762", "GPipe", "2017 · pipelines")
    assert (first.mentions[0].line, first.mentions[0].checked) == (3, True)
    assert first.links == (Link("https://github.com/x/gpipe", "GPipe"),)
    assert (second.address, second.title, second.mentions[0].checked) == ("arxiv:1810.04805", "Chimera", False)
    assert second.links == (Link("https://dl.acm.org/doi/pdf/10.1145/1.2", "dl.acm"),)


def test_a_heading_over_a_list_of_bare_labels_is_the_title():
    text = f"### Some Real Title\n- [Paper]({A})\n- [Code](https://github.com/x/y)\n\n### Resources\n- [Paper]({B})\n- [Blog](https://x.test)\n"
    first, second = entries(text)
    assert (first.title, first.links) == ("Some Real Title", (Link("https://github.com/x/y", "Code"),))
    assert (second.title, second.links) == ("", (Link("https://x.test", "Blog"),))


# ---------------------------------------------------------------- what is an entry


def test_the_paper_is_the_entry_and_the_rest_stays_attached():
    entry = one(
        "- [Blog about it](https://blog.test/x) [code](https://github.com/x/y) [PDF](https://x.test/p.pdf) "
        f"([arXiv]({A})), slides: https://s.test/s.pdf"
    )
    assert entry.address == "arxiv:1706.03762"
    assert entry.links == (
        Link("https://blog.test/x", "Blog about it"),
        Link("https://github.com/x/y", "code"),
        Link("https://x.test/p.pdf", "PDF"),
        Link("https://s.test/s.pdf", "slides"),
    )


@pytest.mark.parametrize(
    ("item", "address"),
    [
        ("[code](https://github.com/x/y) [paper](https://x.test/p.pdf)", "https://x.test/p.pdf"),
        (
            "[slides](https://x.test/s.pdf) [paper](https://openreview.net/forum?id=1)",
            "https://openreview.net/forum?id=1",
        ),
        ("[video](https://youtu.be/x) [page](https://x.test/p)", "https://x.test/p"),
        ("[A tool](https://github.com/x/y) by [Lab](https://lab.test)", "https://github.com/x/y"),
        ("Some words (https://doi.org/10.1145/ABC.1)", "doi:10.1145/abc.1"),
        ("doi:10.1145/ABC.1, chimera", "doi:10.1145/abc.1"),
        ("A thing. arXiv:cs/0502012v2", "arxiv:cs/0502012"),
        ("2311.08105v2", "arxiv:2311.08105"),
        ("HTTPS://X.Test:443/A?b=C#d", "https://x.test/A?b=C"),
        ("[LLM]([https://github.com/x/llm) - a slip of the pen", "https://github.com/x/llm"),
        ("(see https://x.test/a_(b)): a note", "https://x.test/a_(b)"),
        ("链接：https://x.test/a。", "https://x.test/a"),
        ("[Title here](https://openreview.net/pdf?id=1) arXiv:2311.08105", "arxiv:2311.08105"),
        ("[arXiv:2311.08105](https://openreview.net/pdf?id=1)", "arxiv:2311.08105"),
    ],
)
def test_addresses(item, address):
    assert one(f"- {item}").address == address


def test_two_papers_in_one_item_are_two_entries():
    first, second = entries(
        f"- [Some first title]({A}) [code](https://github.com/1/1) and [some other thing]({B}) [code](https://github.com/2/2)"
    )
    assert (first.title, first.links) == ("Some first title", (Link("https://github.com/1/1", "code"),))
    assert (second.title, second.links) == ("some other thing", (Link("https://github.com/2/2", "code"),))
    book, survey = entries(
        f"- [A book of many chapters](https://book.test) - based on [*A survey of something else*]({A})"
    )
    assert (book.address, survey.address) == ("https://book.test", "arxiv:1706.03762")


def test_nested_items():
    text = (
        f"- topic\n  - [A first paper title]({A})\n    - good\n    - not so good\n    - [code](https://github.com/x/y)\n"
        "  - [A second paper title](https://x.test/p.pdf)\n"
        f"    - arxiv version (2023): [link]({B})\n    - slides: [link](https://x.test/s.pdf)\n"
        f"    - [A third paper title]({C})\n"
    )
    first, second, third = entries(text)
    assert (first.mentions[0].line, first.mentions[0].note) == (2, "good; not so good")
    assert first.links == (Link("https://github.com/x/y", "code"),)
    assert (second.address, second.title) == ("arxiv:1810.04805", "A second paper title")
    assert second.links == (
        Link("https://x.test/p.pdf", "A second paper title"),
        Link("https://x.test/s.pdf", "slides"),
    )
    assert (third.address, third.mentions[0].line) == ("arxiv:2005.14165", 9)


def test_paragraphs():
    assert addresses("Read [this post](https://x.test) today, and mail me@x.test.") == []
    assert addresses(f"We like it ([pdf]({A})), and [this](https://x.test).") == ["arxiv:1706.03762"]
    assert addresses("*[A fine post](https://x.test)* by someone\n\n> https://y.test/a\n\n[x] <https://z.test>") == [
        "https://x.test", "https://y.test/a", "https://z.test",
    ]  # fmt: skip
    assert addresses("[English](https://x.test/en) | [中文](https://x.test/cn)") == []
    assert addresses("[Home](https://x.test) [Docs](https://d.test)") == []
    assert addresses(
        '**[1]** Doe. "Title." [[html]](https://x.test/1)\n**[2]** Roe. "Title." [[html]](https://x.test/2)'
    ) == [
        "https://x.test/1",
        "https://x.test/2",
    ]
    assert addresses(f"[First of them](https://x.test/1)  \n[Second of them]({A})\\\nhttps://x.test/3") == [
        "https://x.test/1", "arxiv:1706.03762", "https://x.test/3",
    ]  # fmt: skip


def test_furniture_is_no_entry():
    text = (
        "# List [![Awesome](https://awesome.re/badge.svg)](https://awesome.re)\n\n"
        "[![PRs](https://img.shields.io/x.svg)](https://github.com/x/y/pulls) ![](a.png)\n\n"
        "- [Contents](#contents)\n- [Local file](notes/a.pdf)\n- [mail](mailto:a@b.test)\n"
        "- [Contributing](https://github.com/x/y/blob/main/CONTRIBUTING.md)\n- [![s](https://x.test/s.svg)](https://x.test)\n"
        "\n## [Home](https://home.test)\n\n### [A real title](https://openreview.net/forum?id=1)\n"
    )
    assert addresses(text) == ["https://openreview.net/forum?id=1"]


def test_an_id_that_can_be_none_is_told():
    found, warnings = read_markdown(
        "- [a](https://arxiv.org/abs/2313.12345)\n- [b](https://arxiv.org/list/cs.LG/recent)", "list.md"
    )
    assert [entry.address for entry in found] == [
        "https://arxiv.org/abs/2313.12345",
        "https://arxiv.org/list/cs.LG/recent",
    ]
    assert [(w.source, w.line, w.kind) for w in warnings] == [("list.md", 1, "bad-line")]
    assert "2313.12345" in warnings[0].message


def test_link_definitions_that_nobody_uses_are_swept():
    assert addresses(f"# x\n\n[1]: {A}\n[b]: {B}\n\nsee [b]") == ["arxiv:1706.03762", "arxiv:1810.04805"]


# ---------------------------------------------------------------- notes


@pytest.mark.parametrize(
    ("item", "note"),
    [
        (f"[A title here]({A})", ""),
        (f"[A title here]({A}) - my note", "my note"),
        (f"[A title here]({A}): read *twice*, see [code](https://github.com/x/y).", "read twice, see."),
        (f"[ICML'25] [A title here]({A}) (`X`) [[Code](https://github.com/x/y)]", "[ICML'25] (X)"),
        (
            f"[A title here]({A}) :star::star: [[pdf](https://x.test/p.pdf)] [[code](https://github.com/x/y)]",
            ":star::star:",
        ),
        (
            f"[A title here]({A}) comes with a [GitHub repository](https://github.com/x/y) that helps",
            "comes with a GitHub repository that helps",
        ),
        (f"[A title here]({A})\n\n  Second paragraph.", "Second paragraph."),
        (f"[A title here]({A}) — made by [Some Lab](https://lab.test)", "made by Some Lab"),
    ],
)
def test_notes(item, note):
    assert one(f"- {item}").mentions[0].note == note


# ---------------------------------------------------------------- other people's lists


def dumb_count(text: str) -> set[str]:
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    patterns = (
        r"arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5})",
        r"(?i)arxiv:\s?(\d{4}\.\d{4,5})",
        r"(?i)10\.48550/arxiv\.(\d{4}\.\d{4,5})",
    )
    return {found for pattern in patterns for found in re.findall(pattern, text)}


# Mentions, papers at arXiv, and those that only "CoRR, abs/…" names.
COUNTS = {
    "auto-parallelism": (39, 19, 0),
    "awesome-llm": (370, 50, 0),
    "big-model-training": (52, 31, 0),
    "deep-learning-roadmap": (133, 97, 2),
    "distributed-deep-learning": (48, 14, 0),
    "ml-systems-papers": (1542, 944, 0),
}


@needs_shared
@pytest.mark.parametrize("name", COUNTS)
def test_no_link_of_other_peoples_lists_is_lost_and_no_entry_invented(name):
    text = (LISTS / f"{name}.md").read_text("utf-8")
    found, warnings = read_markdown(text, name)
    mentions, papers, corr = COUNTS[name]
    at_arxiv = {entry.address.removeprefix("arxiv:") for entry in found if entry.address.startswith("arxiv:")}
    assert dumb_count(text) <= at_arxiv
    assert (len(found), len(at_arxiv), len(at_arxiv - dumb_count(text))) == (mentions, papers, corr)
    assert {warning.kind for warning in warnings} <= {"no-link"}
    lines = text.split("\n")
    assert not any("http" in lines[(warning.line or 0) - 1] for warning in warnings)
    for entry in found:
        around = "".join(lines[(entry.mentions[0].line or 0) - 1 :][:3])
        assert "http" in around or "arXiv" in around
        assert not re.search(r"shields\.io|awesome\.re|/pulls|contribut", entry.address)


@needs_shared
@pytest.mark.parametrize(
    ("name", "line", "address", "title"),
    [
        ("auto-parallelism", 31, "arxiv:2004.09910", "torchgpipe"),
        ("auto-parallelism", 60, "https://cs.stanford.edu/~zhihao/papers/sysml19a.pdf", "FlexFlow"),
        ("awesome-llm", 546, "https://github.com/simonw/llm", "LLM"),
        ("awesome-llm", 580, "http://aibox.ruc.edu.cn/zws/index.htm", "The Chinese Book for Large Language Models"),
        ("big-model-training", 3, "arxiv:2207.11912", ""),
        ("big-model-training", 13, "https://github.com/pytorch/pytorch", "PyTorch"),
        ("deep-learning-roadmap", 25, "http://www.deeplearningbook.org/", "Deep learning"),
        (
            "deep-learning-roadmap",
            227,
            "arxiv:1605.06409",
            "R-FCN: Object Detection via Region-based Fully Convolutional Networks",
        ),
        (
            "distributed-deep-learning",
            69,
            "doi:10.1109/icdm.2016.0028",
            "Model Accuracy and Runtime Tradeoff in Distributed Deep Learning",
        ),
        (
            "ml-systems-papers",
            80,
            "arxiv:2210.14826",
            "tf.data service: A Case for Disaggregating ML Input Data Processing",
        ),
    ],
)
def test_lines_of_other_peoples_lists(name, line, address, title):
    found = entries((LISTS / f"{name}.md").read_text("utf-8"))
    assert (address, title) in [(entry.address, entry.title) for entry in found if entry.mentions[0].line == line]


@needs_shared
def test_nearly_every_entry_of_other_peoples_lists_has_its_title():
    found = [entry for name in COUNTS for entry in entries((LISTS / f"{name}.md").read_text("utf-8"))]
    untitled = [entry.address for entry in found if not entry.title]
    assert len(untitled) == 8  # a report, and bare URLs of repositories


def titles_left_out(text: str) -> list[tuple[int | None, str]]:
    return [
        (warning.line, warning.message) for warning in read_markdown(text, "list.md")[1] if warning.kind == "no-link"
    ]


def test_a_title_without_a_link_is_told() -> None:
    text = """# To read
- [DiLoCo](https://arxiv.org/abs/2311.08105)
  - Outer Momentum Is What Counts Here
- Scaling Laws for Neural Language Models
- [ ] Where Is My Bottleneck? Hidden Costs of Pipelines, Smith et al. 2019
- [SWARM](https://arxiv.org/abs/2301.11913)
- read the second one first, it is short
- This one is a remark. It has two sentences.
- Others

# Contents
- The Papers of This Year
- The Papers of Last Year

# By topic
- Training on Slow Networks
  - [Petals](https://arxiv.org/abs/2209.01188)
  - Hivemind and Its Younger Siblings
"""
    assert titles_left_out(text) == [
        (4, "“Scaling Laws for Neural Language Models” has no link: it is not taken."),
        (5, "“Where Is My Bottleneck? Hidden Costs of Pipelines, Smith et al. 2019” has no link: it is not taken."),
        (18, "“Hivemind and Its Younger Siblings” has no link: it is not taken."),
    ]


@needs_shared
def test_titles_without_a_link_in_other_peoples_lists() -> None:
    """Of six lists one has such titles, and each of its lines names where it was published: none is a note or a heading."""
    for path in sorted(LISTS.glob("*.md")):
        told = titles_left_out(path.read_text("utf-8"))
        lines = path.read_text("utf-8").split("\n")
        assert bool(told) == (path.stem == "ml-systems-papers")
        strange = [
            line for line, _ in told if not re.search(r"\[[^\]]*\d\d[^\]]*\]|arxiv", lines[(line or 0) - 1], re.I)
        ]
        assert len(told) == 0 or (len(told) > 200 and not strange), strange
