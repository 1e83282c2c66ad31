"""Citing: what is written is read back by a parser, whatever the title says; keys are unique and stay."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares.names import parse_single_name_into_parts, split_multiple_persons_names
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import build_documents, document
from pylatexenc.latex2text import LatexNodes2Text
from test_cli import Shell, explained, shell  # noqa: F401

from indexer.document import Document, Entry, Link, Mention, Origin
from indexer.library import Library, Summary, catalogue, catalogue_writing
from indexer.settings import Settings
from indexer.sources.bibtex import read_bibtex
from service import citing
from service.api import create_app
from service.citing import title_in_latex

ATTENTION = replace(
    document("1706.03762", ["text"]), title="Attention Is All You Need", authors=("Ashish Vaswani", "Łukasz Kaiser"),
    date="2017-06-12", arxiv_id="1706.03762", version=5, link="https://arxiv.org/abs/1706.03762",
)  # fmt: skip


def summary_of(document_: Document, folder: Path) -> Summary:
    path = folder / "catalogue"
    path.unlink(missing_ok=True)
    catalogue_writing.write(path, [(document_, [])])
    return catalogue.Catalogue(path).summaries[0]


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return summary_of(ATTENTION, tmp_path_factory.mktemp("library"))


def fields_of(bibtex: str) -> dict[str, str]:
    parsed = parse_string(bibtex)
    assert not parsed.failed_blocks and len(parsed.entries) == 1
    return {field.key: str(field.value) for field in parsed.entries[0].fields}


def balanced(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0


def shown(latex: str) -> str:
    """What LaTeX prints of a text without formulas."""
    latex = latex.replace(r"\textbraceleft{}", r"\{").replace(r"\textbraceright{}", r"\}")  # it knows them not
    return LatexNodes2Text(math_mode="verbatim", keep_comments=True, strict_latex_spaces=True).latex_to_text(latex)


# ---------------------------------------------------------------- BibTeX


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Co", "Cn", "Cf"]), min_size=1, max_size=60)
)
@hypothesis_settings(deadline=None, max_examples=300)
@example("C# & {braces} 100% \\alpha ~x^2_3 $5")
@example("@article{x, y = {z}}")
@example("分布式训练 и DiLoCo: l'été")
def test_any_title_is_read_back(paper: Summary, title: str) -> None:
    title = title.replace("$", "S")  # formulas have a test of their own
    for each in (title, f"On {title} and BERT's {title}"):
        value = fields_of(citing._bibtex(replace(paper, title=each), "key"))["title"]
        assert value == title_in_latex(each) and balanced(value)
        assert re.sub(r"\s", "", shown(value)) == re.sub(r"\s", "", shown_plain(each))


def shown_plain(text: str) -> str:
    """LaTeX makes one sign of some: -- is a dash, `` a quotation mark."""
    return shown("".join({"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
                         .get(c, f"\\{c}" if c in "$&%#_" else c) for c in text))  # fmt: skip


@given(st.text(max_size=60))
@hypothesis_settings(deadline=None, max_examples=200)
@example("$x$ $ {$} \\$y\\$ $a%b$ $}{$")
def test_any_text_at_all_gives_an_entry(paper: Summary, text: str) -> None:
    odd = replace(paper, title=text, authors=(text, "Ana Example", text), date=text, link=f"https://example.org/{text}")
    value = fields_of(citing._bibtex(odd, "key"))
    assert all(map(balanced, value.values())) and set(value) >= {"title", "author"}
    assert json.loads(json.dumps(citing._csl(odd, "key")))["id"] == "key"


@pytest.mark.parametrize(
    ("title", "latex"),
    [("Attention Is All You Need", "Attention Is All You Need"),
     ("BERT: Pre-training of Deep Transformers", "{BERT}: Pre-training of Deep Transformers"),
     ("DiLoCo, (LoRA) and GPT-3's Heirs", "{DiLoCo}, ({LoRA}) and {GPT-3's} Heirs"),
     ("Q-Learning and A*", "{Q-Learning} and A*"),
     ("On the convergence of Nesterov momentum in Hilbert spaces", "On the convergence of {Nesterov} momentum in {Hilbert} spaces"),
     ("ADAM: A METHOD", "ADAM: A METHOD"), ("BERT", "{BERT}"), ("In $\\{0,1\\}^n$", "In {$\\{0,1\\}^n$}"),
     ("Learning $\\ell_1$-norms in $O(n^{2})$", "Learning {$\\ell_1$}-norms in {$O(n^{2})$}"),
     ("It costs $5 and $10 & 3%", r"It costs \$5 and \$10 \& 3\%"),
     ("A $ {open brace", r"A \$ \textbraceleft{}open brace"),
     ("two\nlines\tand more", "two lines and more")],
)  # fmt: skip
def test_titles(title: str, latex: str) -> None:
    assert title_in_latex(title) == latex


@pytest.mark.parametrize(
    ("name", "bibtex", "csl"),
    [("Ashish Vaswani", "Vaswani, Ashish", {"given": "Ashish", "family": "Vaswani"}),
     ("Laurens van der Maaten", "van der Maaten, Laurens", {"given": "Laurens", "non-dropping-particle": "van der", "family": "Maaten"}),
     ("LeCun, Yann", "LeCun, Yann", {"given": "Yann", "family": "LeCun"}),
     ("Robert L. Logan IV", "Logan, IV, Robert L.", {"given": "Robert L.", "family": "Logan", "suffix": "IV"}),
     ("DeepSeek-AI", "{DeepSeek-AI}", {"literal": "DeepSeek-AI"}),
     ("The Llama Team", "{The Llama Team}", {"literal": "The Llama Team"}),
     ("Smith & Sons", r"{Smith \& Sons}", {"literal": "Smith & Sons"}),
     ("Søren Ødegård", "Ødegård, Søren", {"given": "Søren", "family": "Ødegård"}),
     ("王伟", "{王伟}", {"literal": "王伟"})],
)  # fmt: skip
def test_names(paper: Summary, name: str, bibtex: str, csl: dict[str, str]) -> None:
    both = replace(paper, authors=(name, "Ana Example"))
    author = fields_of(citing._bibtex(both, "key"))["author"]
    assert author == f"{bibtex} and Example, Ana" and citing._csl(both, "key")["author"][0] == csl
    people = split_multiple_persons_names(author)
    parts = parse_single_name_into_parts(people[0])
    assert len(people) == 2 and " ".join(parts.last).strip("{}").endswith(csl.get("family") or bibtex.strip("{}"))


def test_what_is_known_is_said_and_no_more(tmp_path: Path) -> None:
    paper = summary_of(ATTENTION, tmp_path)
    assert (
        citing._bibtex(paper, "vaswani2017attention")
        == """@misc{vaswani2017attention,
  title = {Attention Is All You Need},
  author = {Vaswani, Ashish and Kaiser, Łukasz},
  year = {2017},
  month = {6},
  eprint = {1706.03762},
  archiveprefix = {arXiv},
  url = {https://arxiv.org/abs/1706.03762},
}
"""
    )
    assert citing._csl(paper, "v") == {
        "id": "v", "type": "article", "title": "Attention Is All You Need", "issued": {"date-parts": [[2017, 6, 12]]},
        "author": [{"given": "Ashish", "family": "Vaswani"}, {"given": "Łukasz", "family": "Kaiser"}],
        "publisher": "arXiv", "number": "arXiv:1706.03762", "URL": "https://arxiv.org/abs/1706.03762",
    }  # fmt: skip
    entries, given_, warnings = read_bibtex(citing._bibtex(paper, "x"), "x.bib")
    assert not warnings and [(e.address, e.title) for e in entries] == [
        ("arxiv:1706.03762", "Attention Is All You Need")
    ]
    assert given_["arxiv:1706.03762"].authors == ("Ashish Vaswani", "Łukasz Kaiser")
    old = summary_of(replace(ATTENTION, date="", arxiv_id="cs/0502012"), tmp_path)
    assert fields_of(citing._bibtex(old, "k"))["year"] == "2005"


def test_a_web_page_and_a_journal_s_paper(tmp_path: Path) -> None:
    page = Document("post", "full", Entry("https://example.org/p_q", (Mention("l.md"),)), "A Post", link="https://example.org/p_q{1}",
                    origin=Origin(fetched="2026-03-01T10:00:00+00:00"))  # fmt: skip
    found = summary_of(page, tmp_path)
    assert fields_of(citing._bibtex(found, "k")) == {
        "title": "A Post",
        "url": "https://example.org/p_q%7B1%7D",
        "urldate": "2026-03-01",
    }
    assert citing._csl(found, "k")["type"] == "webpage" and citing._csl(found, "k")["accessed"] == {
        "date-parts": [[2026, 3, 1]]
    }
    links = (Link("https://doi.org/10.1000/182", "doi"), Link("https://doi.org/10.48550/arXiv.1", "doi"))
    with_doi = summary_of(
        replace(ATTENTION, entry=replace(ATTENTION.entry, links=links[::-1]), arxiv_id=None), tmp_path
    )
    assert fields_of(citing._bibtex(with_doi, "k"))["doi"] == citing._csl(with_doi, "k")["DOI"] == "10.1000/182"
    assert citing._csl(with_doi, "k")["type"] == "document"


# ---------------------------------------------------------------- keys


def test_keys_are_unique_and_hang_on_no_other_paper(tmp_path: Path) -> None:
    twins = [replace(ATTENTION, id=identifier, entry=replace(ATTENTION.entry, address=f"record:{identifier}"))
             for identifier in ("a/b", "a.b", "1706.03762")]  # fmt: skip
    others = [replace(ATTENTION, id=str(n), title=title, authors=authors, date=date, arxiv_id=None) for n, (title, authors, date) in enumerate(
        [("The $\\ell_1$ norm", ("Blaise Agüera y Arcas",), "2016"), ("分布式", (), ""), ("", ("The Llama Team",), "2024-01"), ("A of the", ("Ø. É",), "1")])]  # fmt: skip
    build_documents(tmp_path / "one", [*twins, *others])
    build_documents(tmp_path / "two", [*others[::-1], *twins[::-1]])
    one, two = (Library(tmp_path / name).open() for name in ("one", "two"))
    found = dict(zip([s.id for s in one.catalogue.summaries], citing.keys(one), strict=True))
    assert found == {
        "a/b": "vaswani2017attention-a-b", "a.b": "vaswani2017attention-a-bx", "1706.03762": "vaswani2017attention-1706-03762",
        "0": "aguerayarcas2016norm", "1": "fenbushi", "2": "thellamateam2024", "3": "e1",
    }  # fmt: skip
    same = dict(zip([s.id for s in two.catalogue.summaries], citing.keys(two), strict=True))
    assert {i: same[i] for i in "0123"} == {i: found[i] for i in "0123"} and len(set(same.values())) == len(same)
    assert all(re.fullmatch(r"[a-z0-9-]+", key) and unicodedata.is_normalized("NFC", key) for key in found.values())


# ---------------------------------------------------------------- the faces


def test_on_the_command_line(shell: Shell) -> None:  # noqa: F811
    build_documents(shell.library, [ATTENTION, document("other", ["x"])])
    assert shell("cite", "arXiv:1706.03762v3").stdout.startswith("@misc{vaswani2017attention,\n")
    both = shell("cite", "--all").stdout
    assert len(parse_string(both).entries) == 2 and "\n\n@misc{example2023paper,\n" in both
    items = json.loads(shell("cite", "https://arxiv.org/pdf/1706.03762", "other", "--format", "csl-json").stdout)
    assert [item["id"] for item in items] == ["vaswani2017attention", "example2023paper"]
    known = json.loads(shell("cite", "1706.03762", "--json").stdout)["papers"]
    assert [set(one) for one in known] == [{"id", "key", "bibtex", "csl"}]
    explained(shell("cite", "1706.0376", code=2), "1706.0376", "1706.03762")
    assert "--all" in shell("cite", code=2).stderr


def test_over_http(settings: Settings) -> None:
    build_documents(settings.library, [ATTENTION, document("cs/0502012", ["x"])])
    with TestClient(create_app(settings)) as client:
        found = client.get("/v1/papers/1706.03762/cite").json()
        assert found["key"] == found["csl"]["id"] == "vaswani2017attention" and "Łukasz" in found["bibtex"]
        assert client.get("/v1/papers/cs/0502012/cite").json()["csl"]["title"] == "The paper cs/0502012"
        assert client.get("/v1/papers/none/cite").json()["type"] == "urn:paperpath:problem:unknown-document"
