"""Web pages: what is text of them and what is not, block by block, and what can't be read says why.

`pages/` has pages in the shapes of common sites and generators, each with all of its blocks in a `.txt` beside it,
written down from the page: kind (`+` where it goes on the paragraph before), a heading's level and anchor, and the text
(⏎ for a line's end).
"""

from __future__ import annotations

import html as entities
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import SHARED, needs_shared
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.document import Extracted
from indexer.errors import ExtractError, LimitReached, NoText
from indexer.extract import html
from indexer.extract.html import read_html

PAGES = Path(__file__).parent / "pages"


class Said(NamedTuple):
    """What a page says of itself."""

    title: str
    authors: tuple[str, ...] = ()
    date: str = ""


SAID = {
    "arxiv": Said("Rings and Trees: A Small Comparison", ("Ada Vries", "Jun Ito"), "2023-02-14"),
    "columns": Said("Why my cluster is loud", (), "2011-05-12"),
    "distill": Said("Looking at gradients", ("Mara Quist", "Tom Eze"), "2019-09-04"),
    "docs": Said("Collectives"),
    "github": Said("ringbench"),
    "hugo": Said("Counting bytes on a ring", ("Ida Brandt",), "2023-03-07"),
    "jekyll": Said("When stages wait", ("Otto Lind",), "2021-11-05"),
    "medium": Said("What I learned from a slow optimizer", ("Noor Haddad",), "2022-08-19"),
    "plain": Said("Notes on Message Passing", ("Jürgen König",), "1998-10-12"),
    "substack": Said("Letters to a scheduler", ("Wen Park", "Lea Novak"), "2024-05-30"),
    "wiki": Said("Ring all-reduce"),
}


def read(page: str, url: str = "") -> Extracted:
    return read_html(page.encode(), url)


def blocks(read: Extracted) -> list[str]:
    """The blocks as the `.txt` files have them."""
    sections = iter(read.sections)
    lines = []
    for block in read.blocks:
        lead = block.kind + "+" * block.continued
        if block.kind == "heading":
            section = next(sections)
            lead += f" {section.level}" + (f" #{section.anchor}" if section.anchor else "")
        lines.append(f"{lead}: {read.pages[0].text[block.start : block.end]}".replace("\n", "⏎"))
    return lines


def check(read: Extracted) -> None:
    """What holds for every page: its blocks are its text, a line's end between them, and every section is a heading."""
    (page,) = read.pages
    page.text.encode("utf-8")
    end = -1
    for block in read.blocks:
        assert block.page == 0 and block.start == end + 1 and block.end > block.start
        text = page.text[block.start : block.end]
        assert text == text.strip("\n") and text.strip()
        assert "\n" not in text or block.kind in ("code", "formula", "table")
        end = block.end
    assert end == len(page.text)
    headings = [(block.start, page.text[block.start : block.end]) for block in read.blocks if block.kind == "heading"]
    assert [(section.start, section.heading) for section in read.sections] == headings
    assert [reference.n for reference in read.references] == list(range(1, len(read.references) + 1))
    for reference in read.references:
        for mention in reference.mentions:
            assert page.text[mention.start : mention.end].strip()


def test_every_page_has_its_expectations() -> None:
    assert {path.stem for path in PAGES.iterdir()} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_a_page_is_its_text_and_nothing_around_it(name: str) -> None:
    read = read_html((PAGES / f"{name}.html").read_bytes(), "https://example.org/a/page.html")
    check(read)
    assert blocks(read) == (PAGES / f"{name}.txt").read_text("utf-8").splitlines()
    assert Said(read.title, read.authors, read.date) == SAID[name]


@needs_shared
def test_the_listed_post_is_read_whole() -> None:
    body = (SHARED / "seed/post/3d-parallelism/index.html").read_bytes()
    read = read_html(body, "https://tj-solergibert.github.io/post/3d-parallelism/")
    check(read)
    assert [(s.heading, s.level, s.anchor) for s in read.sections] == [
        ("Introduction", 2, None), ("Setting up 3D parallelism", 2, None), ("Pipeline Parallelism", 2, "pp"),
        ("Tensor Parallelism", 2, "tp"), ("Data Parallelism", 2, None), ("To sum up", 2, None),
    ]  # fmt: skip
    assert (read.title, read.authors, read.date) == (
        "A Deep Dive into 3D Parallelism with Nanotron", ("Toni Solergibert",), "2024-06-10",
    )  # fmt: skip
    text = read.pages[0].text
    code = [text[block.start : block.end] for block in read.blocks if block.kind == "code"]
    source = body.decode()
    assert code == [
        entities.unescape(c).rstrip() for c in re.findall(r"<pre><code[^>]*>(.*?)</code></pre>", source, re.DOTALL)
    ]
    assert len(code) == 5
    captions = re.findall(r'\.png">\s*<em>(.*?)</em>', source, re.DOTALL)
    assert [text[block.start : block.end] for block in read.blocks if block.kind == "caption"] == [
        entities.unescape(re.sub("<[^>]*>", "", caption)) for caption in captions
    ]
    for left_over in ("Home", "Contact", "Cookie", "Twitter", "LinkedIn", "sharing", "static site"):
        assert left_over not in text
    # Nothing else is lost: every word of the article stands in the text, in order.
    article = source[source.index("<article") : source.index("<h1>Did you find")]
    printed = entities.unescape(re.sub(r"<[^>]*>", " ", article.replace("—", " ")))
    assert re.findall(r"\w+", text) == re.findall(r"\w+", printed)


@needs_shared
def test_the_papers_that_the_listed_post_links_to_are_its_references() -> None:
    read = read_html((SHARED / "seed/post/3d-parallelism/index.html").read_bytes())
    assert [(r.n, r.label, r.arxiv_id) for r in read.references] == [
        (1, "1", "1909.08053"), (2, "2", "2104.04473"), (3, "3", "2205.05198"), (4, "4", "1811.06965"),
        (5, "5", "2006.09503"), (6, "6", "2401.10241"), (7, "7", "2405.04434"), (8, "8", "1910.02054"),
    ]  # fmt: skip
    assert [len(r.mentions) for r in read.references] == [1, 4, 3, 1, 1, 1, 1, 1]
    text = read.pages[0].text
    assert all(text[m.start : m.end] == f"[{r.label}]" for r in read.references for m in r.mentions)


def test_a_bibliography_becomes_references_with_their_mentions() -> None:
    read = read_html((PAGES / "arxiv.html").read_bytes())
    assert (read.arxiv_id, read.version) == ("2301.00099", 2)
    assert read.abstract == "We compare rings with trees and find that each wins somewhere."
    first, second = read.references
    assert (first.label, first.title, first.authors, first.year, first.arxiv_id) == (
        "1", "Rings for everybody", ("Carla Baum",), 2016, "1601.00007",
    )  # fmt: skip
    assert (second.title, second.year, second.doi) == ("Trees for nobody", 2017, "10.1000/trees.17")
    assert [m.sentence for m in first.mentions] == ["Rings are old [1, 2]."]
    assert [m.sentence for m in second.mentions] == [
        "Rings are old [1, 2].",
        "to start all its messages, as Ito (2017) says.",
    ]
    assert {read.sections[m.section].heading for m in second.mentions if m.section is not None} == {"1 Introduction"}
    assert [s.heading for s in read.sections if s.appendix] == ["Appendix A Machines"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("distill", [("1601.00007", 2016, 2), (None, 2017, 1)]),
        ("jekyll", [("1901.00042", 2019, 0), (None, 2020, 0)]),
        ("plain", [(None, 1996, 1), (None, 1997, 1)]),
        ("wiki", [("1601.00007", 2016, 2), (None, 2017, 1)]),
        ("hugo", []),
        ("docs", []),
    ],
)
def test_lists_of_references_of_other_pages(name: str, found: list[tuple[str | None, int, int]]) -> None:
    read = read_html((PAGES / f"{name}.html").read_bytes())
    assert [(r.arxiv_id, r.year, len(r.mentions)) for r in read.references] == found


def test_links_tie_what_words_do_not() -> None:
    read_page = read(
        "<article><h1>T</h1><p>One was <a href='#b'>the first of them</a>, as all the others said at once. And so on.</p>"
        "<h2>References</h2><ul><li id='a'>A. Alder. On firsts. Journal of Firsts, 2001.</li>"
        "<li id='b'>B. Birch. On seconds. Journal of Seconds, 2002. doi:10.1000/s.2</li></ul></article>"
    )
    assert [[m.sentence for m in r.mentions] for r in read_page.references] == [
        [], ["One was the first of them, as all the others said at once."],
    ]  # fmt: skip
    assert read_page.references[1].doi == "10.1000/s.2"


# Headings


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("<h2 id='own'>H</h2>", "own"),
        ("<h2><a name='inside'></a>H</h2>", "inside"),
        ("<h2><a name='around'>H</a></h2>", "around"),
        ("<h2><span id='span'>H</span></h2>", "span"),
        ("<section id='parent'><h2>H</h2></section>", "parent"),
        ("<div class='section' id='parent'><h2>H</h2></div>", "parent"),
        ("<a name='before'></a><h2>H</h2>", "before"),
        ("<p><a id='before'></a></p><h2>H</h2>", "before"),
        ("<h2 id='own'>H<a class='headerlink' href='#own'>¶</a></h2>", "own"),
        ("<h2 id='own'><a class='toc-backref' href='#id3'>H</a> <a href='#own'>#</a></h2>", "own"),
        ("<h2 id='own'>H <a class='anchor' href='#own' aria-hidden='true'><svg><text>x</text></svg></a></h2>", "own"),
        ("<h2 id='user-content-own'>H</h2>", "own"),
        ("<div role='heading' aria-level='2' id='own'>H</div>", "own"),
        ("<h2>H</h2>", None),
        ("<p id='other'>Words.</p><h2>H</h2>", None),
    ],
)
def test_a_heading_has_its_anchor(heading: str, anchor: str | None) -> None:
    found = read(f"<article><h1>T</h1><p>Some words before.</p>{heading}<p>And some after it.</p></article>")
    assert [(s.heading, s.level, s.anchor) for s in found.sections] == [("H", 2, anchor)]


def test_headings_of_the_site_are_none_of_the_page() -> None:
    found = read(
        "<title>Rings - My site</title><nav><h2>Menu</h2></nav><header><h1>My site</h1></header><article><h1>Rings</h1>"
        "<p>Rings are round, and so on.</p><h1>Rings</h1><h2>Why</h2><aside><h3>By the way</h3><p>They roll.</p></aside>"
        "<p>Nobody knows, and so on.</p><h2>Share this post</h2><ul class=share><li><a href=x>Mail</a></ul></article>"
        "<div class=sidebar><h2>About me</h2><p>I am round too.</p></div>"
    )
    assert found.title == "Rings"
    assert blocks(found) == [
        "front: Rings", "body: Rings are round, and so on.", "heading 1: Rings", "heading 2: Why", "body: By the way",
        "body: They roll.", "body: Nobody knows, and so on.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page",
    [
        "<section id=social-networks><h2>Social networks</h2><p>%s</p></section>",
        "<section id=comments><h2>Comments</h2><p>%s</p></section>",
        "<section class=related-work><h2>Related work</h2><p>%s</p></section>",
        "<div class='content has-sidebar'><h2>X</h2><p>%s</p></div>",
        "<aside class=sidebar><pre>code of mine</pre><p>%s</p></aside>",
        "<h2>Sharing weights</h2><p>%s</p>",
        "<h2>Is this a ring?</h2><p>%s</p>",
        "<h2>Archives</h2><p>%s</p>",
        "<h2>Next</h2><p>Next %s</p>",
    ],
)
def test_names_and_words_of_chrome_are_not_enough(page: str) -> None:
    words = "we show that nothing of it is lost, whatever it is called."
    found = read(f"<article><h1>T</h1><p>{'Some words. ' * 30}</p>{page % words}</article>")
    assert words in found.pages[0].text


# Code


LINES = "def f(x):\n    return x\n\nprint(f(1))"


@pytest.mark.parametrize(
    "markup",
    [
        "<pre>\n{}\n</pre>",
        "<pre><code class='language-python'>{}\n</code></pre>",
        "<div class=highlight><button>Copy</button><pre><span></span>{}</pre></div>",
        "<pre>def f(x):<br>    return x<br><br>print(f(1))</pre>",
        # line by line, as Shiki, Prism, CodeMirror and Hexo do
        "<pre class=shiki><code><span class=line>def f(x):</span>\n<span class=line>"
        "    return x</span>\n<span class=line></span>\n"
        "<span class=line>print(f(1))</span></code></pre>",
        "<pre><code><span class=line>def f(x):</span><span class=line>    return x</span><span class=line></span>"
        "<span class=line>print(f(1))</span></code></pre>",
        "<pre><code><span class='token-line'>def f(x):<br></span><span class='token-line'>    return x<br></span>"
        "<span class='token-line'><br></span><span class='token-line'>print(f(1))<br></span></code></pre>",
        "<pre><div class=line>def f(x):</div><div class=line>    return x</div><div class=line></div>"
        "<div class=line>print(f(1))</div></pre>",
        "<figure class=highlight><table><tr><td class=gutter><pre><span class=line>1</span><br><span class=line>2</span><br>"
        "<span class=line>3</span><br><span class=line>4</span><br></pre></td><td class=code><pre>"
        "<span class=line>def f(x):</span><br>"
        "<span class=line>    return x</span><br><span class=line></span><br><span class=line>print(f(1))</span>"
        "<br></pre></td></table></figure>",
        # numbers of lines beside them, as Pygments, Chroma, highlight.js and GitHub do
        "<pre><span class=linenos>1</span>def f(x):\n<span class=linenos>2</span>    return x\n<span class=linenos>3</span>\n"
        "<span class=linenos>4</span>print(f(1))</pre>",
        "<pre><code>"
        "<span style='user-select:none;color:#7f7f7f'>1</span>def f(x):\n<span style='user-select:none'>2</span>    return x\n"
        "<span style='user-select:none'>3</span>\n<span style='user-select:none'>4</span>print(f(1))</code></pre>",
        "<table class=highlighttable><tr><td class=linenos><pre>1\n2\n3\n4</pre></td><td><pre>{}</pre></td></table>",
        "<pre><code class=hljs><table class=hljs-ln><tr><td class=hljs-ln-numbers data-line-number=1>1</td>"
        "<td>def f(x):</td></tr>"
        "<tr><td class=hljs-ln-numbers data-line-number=2>2</td><td>    return x</td></tr><tr>"
        "<td class=hljs-ln-numbers>3</td><td></td></tr>"
        "<tr><td class=hljs-ln-numbers data-line-number=4>4</td><td>print(f(1))</td></tr></table></code></pre>",
        "<table class='highlight js-file-line-container'><tr><td data-line-number=1></td>"
        "<td class=blob-code>def f(x):</td></tr>"
        "<tr><td data-line-number=2></td><td class=blob-code>    return x</td></tr><tr><td data-line-number=3></td>"
        "<td class=blob-code>\n</td></tr>"
        "<tr><td data-line-number=4></td><td class=blob-code>print(f(1))</td></tr></table>",
    ],
)  # fmt: skip
def test_code_is_whole(markup: str) -> None:
    found = read(
        f"<article><h1>T</h1><p>Before it.</p>{markup.format(LINES) if '{}' in markup else markup}<p>After it.</p></article>"
    )
    assert blocks(found)[1:] == ["body: Before it.", "code: " + LINES.replace("\n", "⏎"), "body: After it."]


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"])), min_size=1))
@settings(max_examples=60, deadline=None)
def test_any_code_is_whole(lines: list[str]) -> None:
    text = "\n".join(lines)
    if not text.strip():
        return
    found = read(f"<article><h1>T</h1><p>Before.</p><pre><code>{entities.escape(text)}</code></pre></article>")
    block = found.blocks[-1]
    assert block.kind == "code"
    without_empty = re.sub(r"\A(?:[ \t]*\n)+", "", text)
    assert found.pages[0].text[block.start : block.end] == without_empty.rstrip()


def test_backquotes_are_no_accents() -> None:
    found = read("<article><h1>T</h1><p>Über `axes` and ´x.</p><pre>`echo é`</pre></article>")
    assert blocks(found)[1:] == ["body: Über `axes` and ´x.", "code: `echo é`"]


# Formulas, tables, and the rest of what a page holds


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<math alttext='x^{2}'><mi>x</mi></math>", "$x^{2}$"),
        ("<math><msup><mi>x</mi><mn>2</mn></msup><mo>+</mo><mi>y</mi></math>", "$x^2+y$"),
        ("<span class=katex><span class=katex-mathml><math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x^2"
         "</annotation></semantics></math></span><span class=katex-html aria-hidden=true>x2</span></span>", "$x^2$"),
        ("<span class=MathJax_Preview>x2</span><span class=MathJax>x2</span><script type='math/tex'>x^2</script>", "$x^2$"),
        ("<mjx-container class=MathJax><mjx-math aria-hidden=true>x2</mjx-math><mjx-assistive-mml><math><msup><mi>"
        "x</mi><mn>2</mn>"
         "</msup></math></mjx-assistive-mml></mjx-container>", "$x^2$"),
        ("<span class='math notranslate nohighlight'>\\(x^2\\)</span>", "$x^2$"),
        ("<span class='math inline'>\\(x^2\\)</span>", "$x^2$"),
        ("<img class=latex src=x.png alt='x^2'>", "$x^2$"),
        ("<math-renderer class=js-inline-math>$x^2$</math-renderer>", "$x^2$"),
        ("\\(x^2\\)", "$x^2$"),
        ("x<sup>2</sup>", "x^2"),
        ("the 2<sup>nd</sup>", "the 2nd"),
        ("x<sub>i</sub>", "x_i"),
        ("<code>\\(x\\)</code>", "\\(x\\)"),
        ("a &lt; b &amp;&amp; c&nbsp;d &#8212; e&shy;f", "a < b && c d — ef"),
        ("<q>yes</q>", "“yes”"),
        ("a <img src=x.png alt='A picture'> b", "a b"),
        ("o<wbr>ne<!-- no --> <b>t</b>wo", "one two"),
        ("it<sup><a href='#fn9'>9</a></sup> is", "it is"),
        ("it<a role=doc-noteref href='#x'>9</a> is", "it is"),
    ],
)  # fmt: skip
def test_what_stands_in_a_sentence(markup: str, text: str) -> None:
    found = read(
        f"<script src=mathjax.js></script><article><h1>T</h1><p>So {markup} stands here.</p>"
        "<div class=footnotes><ol><li id=fn9>A note. <a href='#r'>↩</a></ol></div></article>"
    )
    assert blocks(found)[1] == f"body: So {text} stands here."
    assert blocks(found)[-1] == "footnote: 1. A note."


@pytest.mark.parametrize(
    "markup",
    [
        "<p>So</p><div class=katex-display><span class=katex><math>"
        "<annotation encoding='application/x-tex'>E = mc^2</annotation></math>"
        "</span></div><p>holds.</p>",
        "<p>So</p><script type='math/tex; mode=display'>E = mc^2</script><p>holds.</p>",
        "<p>So</p><div class='math notranslate'>\\[E = mc^2\\]</div><p>holds.</p>",
        "<p>So</p><math display=block alttext='E = mc^2'></math><p>holds.</p>",
        "<p>So</p><p>$$E = mc^2$$</p><p>holds.</p>",
        "<p>So</p><div class=arithmatex>\\[\nE = mc^2\n\\]</div><p>holds.</p>",
    ],
)
def test_a_formula_on_its_own_line_is_a_block(markup: str) -> None:
    found = read(f"<script>window.MathJax = {{}}</script><article><h1>T</h1>{markup}</article>")
    assert blocks(found)[1:] == ["body: So", "formula: E = mc^2", "body: holds."]


def test_dollars_are_no_formulas_where_no_script_sets_them() -> None:
    found = read("<article><h1>T</h1><p>It costs $$5 or $$6 \\(more\\) or less.</p></article>")
    assert blocks(found)[1:] == ["body: It costs $$5 or $$6 \\(more\\) or less."]


def test_tables_are_rows_and_those_of_a_layout_are_none() -> None:
    data = "<table><caption>Of two</caption><tr><th>a<th>b<tr><td>1<td>2 <br>x<tr><td colspan=2>both</table>"
    layout = "<table><tr><td><h2>H</h2><p>One.</p></td><td><p>Two.</p></td></tr></table>"
    found = read(f"<article><h1>T</h1><p>Words.</p>{data}{layout}</article>")
    assert blocks(found)[2:] == [
        "caption: Of two",
        "table: a | b⏎1 | 2 x⏎both",
        "heading 2: H",
        "body: One.",
        "body: Two.",
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>HIDDEN</p>", "<div style='display: none'>HIDDEN</div>", "<p style='visibility:hidden'>HIDDEN</p>",
        "<p aria-hidden=true>HIDDEN</p>", "<span class=sr-only>HIDDEN</span>", "<script>HIDDEN</script>",
        "<style>HIDDEN</style>", "<template><p>HIDDEN</p></template>", "<noscript>HIDDEN</noscript>",
        "<button>HIDDEN</button>", "<textarea>HIDDEN</textarea>", "<select><option>HIDDEN</select>", "<svg>"
        "<text>HIDDEN</text></svg>",
        "<form><p>HIDDEN</p></form>", "<iframe>HIDDEN</iframe>", "<object>HIDDEN</object>", "<dialog>HIDDEN</dialog>",
        "<div role=dialog>HIDDEN</div>", "<!-- HIDDEN -->", "<img alt=HIDDEN src=x>", "<input value=HIDDEN>",
        "<p title=HIDDEN></p>",
    ],
)  # fmt: skip
def test_what_a_page_does_not_show_is_no_text(hidden: str) -> None:
    found = read(f"<article><h1>T</h1><p>Words that are seen.</p>{hidden}<p>And more of them.</p></article>")
    assert blocks(found)[1:] == ["body: Words that are seen.", "body: And more of them."]


def test_panels_behind_tabs_and_folded_details_are_text() -> None:
    found = read(
        "<article><h1>T</h1><p>Words.</p><ul role=tablist><li role=tab>Python</ul><div role=tabpanel><pre>one()</pre></div>"
        "<div role=tabpanel hidden><pre>two();</pre></div><details><summary>More</summary><p>Folded.</p></details></article>"
    )
    assert blocks(found)[2:] == ["code: one()", "code: two();", "body: More", "body: Folded."]


def test_a_plain_text_in_a_page_is_prose() -> None:
    paragraph = "\n".join(["A line of a letter that somebody once sent to a list of people,"] * 4)
    found = read(
        f"<title>Re: rings</title><pre>{paragraph}\n\n{paragraph}\n\n    made()\n    by_hand()\n\n{paragraph}</pre>"
    )
    assert [block.kind for block in found.blocks] == ["body", "body", "code", "body"]
    assert found.title == "Re: rings"


# Bytes


@pytest.mark.parametrize(
    ("charset", "declared"),
    [
        ("utf-8", ""), ("utf-8", "<meta charset=utf-8>"), ("utf-8-sig", ""), ("utf-16", ""), ("utf-16-le", ""),
        ("utf-8", "<meta charset=iso-8859-1>"), ("utf-8", "<meta charset=no-such-thing>"), ("cp1252", ""),
        ("cp1252", "<meta charset=utf-8>"), ("cp1252", "<meta charset=iso-8859-1>"),
        ("cp1252", "<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=windows-1252'>"),
        ("cp1252", "<meta charset=hex>"), ("iso-8859-15", "<meta charset=iso-8859-15>"), ("utf-8", "<meta charset=utf-16>"),
        ("mac_roman", "<meta charset=x-mac-roman>"),
    ],
)  # fmt: skip
def test_a_page_is_decoded_whatever_it_declares(charset: str, declared: str) -> None:
    page = f"<html><head>{declared}</head><body><p>Über Käse und Öl, “naïve” café.</p></body></html>"
    if charset == "iso-8859-15":
        page = page.translate({0x201C: '"', 0x201D: '"'})
    assert "Über Käse und Öl" in read_html(page.encode(charset)).pages[0].text
    assert "naïve" in read_html(page.encode(charset)).pages[0].text


@pytest.mark.parametrize(
    ("charset", "name"), [("shift_jis", "Shift_JIS"), ("euc-jp", "euc-jp"), ("iso2022_jp", "iso-2022-jp"), ("gbk", "gb2312"),
                          ("big5", "big5"), ("cp1251", "windows-1251"), ("koi8-r", "koi8-r"), ("euc-kr", "euc-kr")],
)  # fmt: skip
def test_other_alphabets(charset: str, name: str) -> None:
    text = {"cp1251": "Привет, мир", "koi8-r": "Привет, мир", "euc-kr": "안녕하세요"}.get(
        charset, "中日本語" if charset != "big5" else "中文"
    )
    page = f"<html><head><meta charset='{name}'></head><body><p>{text}</p></body></html>"
    assert read_html(page.encode(charset)).pages[0].text == text


def test_a_few_broken_bytes_spoil_no_page() -> None:
    assert read_html("<p>Ärger über ß".encode() + b"\xff und mehr ").pages[0].text.startswith("Ärger über ß")


def test_xhtml_is_read() -> None:
    found = read(
        '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "xhtml1-strict.dtd">'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head><title>Rings</title>'
        '<script type="text/javascript" src="x"/>'
        '</head><body><h1>Rings</h1><p>One<br/>two.<a name="x"/></p><h2>H</h2>'
        '<p>Three <m:math xmlns:m="x" alttext="y"/>.</p></body></html>'
    )
    assert blocks(found) == ["front: Rings", "body: One two.", "heading 2: H", "body: Three $y$."]


# Nothing to read, or too much


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("<html></html>", "no text"),
        ("<!DOCTYPE html><html><body></body></html>", "no text"),
        ("<!-- nothing -->", "no web page"),
        ("<title>T</title><h1>T</h1>", "no text"),
        ("<title>404 Not Found</title><center><h1>404 Not Found</h1></center><hr><center>nginx</center>", "error page"),
        ("<title>Oops</title><h1>Page not found</h1><p>It may have moved. Try the search.</p>", "error page"),
        ("<title>Access Denied</title><h1>Access Denied</h1><p>You have no permission.</p>", "error page"),
        ("<title>Just a moment...</title><p>Checking that the connection is secure.</p>", "a person asks"),
        (
            "<title>App</title><noscript>Enable JavaScript to see anything here.</noscript><div id=root></div>",
            "scripts",
        ),
        ("<title>App</title><div id=__next></div><script src=app.js></script>", "scripts"),
        ("<title>Site</title><h1>Sign in</h1><p>Members only.</p><form><input type=password></form>", "password"),
        ("<meta http-equiv=refresh content='0; url=https://example.org/new'><p>Moved.</p>", "https://example.org/new"),
    ],
)
def test_a_page_without_text_says_why(body: str, why: str) -> None:
    with pytest.raises(NoText, match=why):
        read(body)


def test_a_short_page_is_no_error_page() -> None:
    assert blocks(read("<title>Notes</title><p>Rings are round.</p>")) == ["body: Rings are round."]
    article = "<article><h1>Rings</h1><p>They are round, all of them.</p></article>"
    with_comments = article + "<noscript>Please enable JavaScript.</noscript>"
    with pytest.raises(NoText):
        read(with_comments)
    assert read(with_comments.replace("all of them", "all of them, as far as anybody knows" * 10))


@pytest.mark.parametrize(
    "tag", ["div", "blockquote", "ul><li", "table><tr><td", "sup", "pre><font", "a href=x", "math><mrow"]
)
def test_elements_too_deep_in_each_other_are_a_limit(tag: str) -> None:
    check(read(f"<{tag}>" * 50 + "deep words"))
    try:
        check(read(f"<{tag}>" * 20_000 + "deep words"))
    except LimitReached:
        pass
    else:
        assert tag == "a href=x"  # which ends the one before


def test_tags_that_were_never_closed_are_no_depth() -> None:
    assert read("<font size=2><b>" * 700 + "<p>words").pages[0].text == "words"


def test_a_page_that_is_too_large_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST_CHARACTERS", 1000)
    image = "<img src='data:image/png;base64," + "A" * 5000 + "'>"
    assert read(f"<p>words and words</p>{image}").pages[0].text == "words and words"
    with pytest.raises(LimitReached):
        read("<p>" + "words " * 1000)
    monkeypatch.setattr(html, "MOST_ELEMENTS", 10)
    with pytest.raises(LimitReached):
        read("<p>x" * 50)


# Anything at all

TEXTS = st.sampled_from(
    ["words", "Some words of a sentence. ", "References", "Abstract", "[1] A. Name. Title. 2019.", "[1]", "\n",
    " ", "$$x$$", "\\(y\\)",
     "&lt;", "&#0;", "\x0c", "é", "\ud7ff", "中", "1", "©", "Appendix", "Contents", "`", "2020-01-01", "by A Name"]
)  # fmt: skip
TAGS = st.sampled_from(
    ["p", "div", "h1", "h2", "h3", "ul", "ol", "li", "pre", "code", "table", "tr", "td", "th", "a href='#x'",
    "a name=x", "sup", "sub",
     "span class=line", "span class=ln", "br", "hr", "img alt=x", "figure", "figcaption", "em", "math alttext=x",
     "math display=block",
     "article", "section id=x", "main", "nav", "aside", "blockquote", "dl", "dt", "dd", "details", "summary", "q",
     "script", "style",
     "div class=footnotes", "ol class=references", "li class=ltx_bibitem id=bib.bib1", "span class=ltx_note",
     "span class=katex",
     "table class=ltx_equation", "table class=highlighttable", "d-cite key=x", "d-footnote", "d-title", "form",
     "template", "title",
     "div class=abstract", "div class=share", "p hidden", "svg", "select", "div class=math", "div class=byline",
     "address", "font", "b"]
)  # fmt: skip
OPENED = TAGS.map(lambda tag: f"<{tag}>")
CLOSED = TAGS.map(lambda tag: f"</{tag.split()[0]}>")


@given(st.lists(TEXTS | OPENED | CLOSED, max_size=60).map("".join))
@example("<ol class=references><li>x</ol>")
@example("<h1>x</h1><h1>x</h1><p>y")
@settings(max_examples=300, deadline=None)
def test_any_page_is_read_or_refused(page: str) -> None:
    try:
        check(read_html(page.encode("utf-8", "surrogatepass"), "https://example.org/"))
    except ExtractError as error:
        assert isinstance(error, (NoText, LimitReached))


@given(st.binary(max_size=500))
@example(b"\xff\xfe\x00")
@example(b"<?xml version='1.0' encoding='utf-8'?>")
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        check(read_html(body))
    except ExtractError as error:
        assert isinstance(error, (NoText, LimitReached))


@given(st.sampled_from(sorted(SAID)), st.integers(0, 9000), st.integers(0, 300), st.binary(max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_damaged_page_is_read_or_refused(name: str, at: int, length: int, instead: bytes) -> None:
    body = (PAGES / f"{name}.html").read_bytes()
    at = at % len(body)
    try:
        check(read_html(body[:at] + instead + body[at + length :]))
    except ExtractError as error:
        assert isinstance(error, (NoText, LimitReached))


@given(st.lists(st.text("abcdefgh ", min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_paragraph_is_lost_or_moved(paragraphs: list[str]) -> None:
    page = "".join(f"<h2>{number}</h2><p>{text}</p>" for number, text in enumerate(paragraphs))
    found = read(f"<body><h1>T</h1>{page}</body>")
    expected = [
        line
        for number, text in enumerate(paragraphs)
        for line in (f"heading 2: {number}", f"body: {' '.join(text.split())}")
    ]
    assert blocks(found)[1:] == expected
