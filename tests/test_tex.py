"""A report held to its own source: its references, its words, its headings; and the script that reads the source."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st
from tex_prose import FORMULA, Heading, Source, compare, formula_words, pdf_prose, read_tex, words

from indexer import extract
from indexer.document import Block, Extracted, Page, Reference, TextMention

REPORT = SHARED / "papers" / "diloco-swarm-report.pdf"
TYPED_BY_HAND = Counter({"douillard2023diloco": 1})  # one mark of section 4.1 is no \cite
UNNUMBERED = ("Abstract", "References")  # an extraction may keep them apart from its sections


@cache
def _report() -> tuple[Source, Extracted]:
    return read_tex(REPORT.with_suffix(".tex").read_text(encoding="utf-8")), extract.read(REPORT, "pdf")


@cache
def _bibliography() -> dict[str, tuple[str, int]]:
    """Title and year by key, from the .bib."""
    import bibtexparser

    entries = bibtexparser.parse_string(REPORT.with_suffix(".bib").read_text(encoding="utf-8")).entries
    found = {e.key: {name: field.value for name, field in e.fields_dict.items()} for e in entries}
    return {key: (fields["title"], int(fields["year"])) for key, fields in found.items() if "year" in fields}


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())


def _entries(key: str, references: tuple[Reference, ...]) -> list[Reference]:
    """The references with the title of `key` to the letter and with its year."""
    title, year = _bibliography()[key]
    return [r for r in references if _letters(r.title) == _letters(title) and r.year == year]


@needs_shared
def test_every_cited_key_is_a_reference_with_its_title_and_year() -> None:
    source, read = _report()
    printed = [(r.title, r.year) for r in read.references]
    wrong = {key: _bibliography()[key] for key in source.cited if len(_entries(key, read.references)) != 1}
    assert not wrong, f"{len(wrong)} of {len(source.cited)}, not once among {printed}"
    assert len(printed) == len(source.cited) == 26


@needs_shared
def test_every_mark_is_tied_to_its_reference() -> None:
    source, read = _report()
    due = Counter(source.cited) + TYPED_BY_HAND
    tied = Counter({key: len(r.mentions) for key in due for r in _entries(key, read.references)[:1]})
    said = {key: (due[key], tied[key]) for key in due if due[key] != tied[key]}
    right = (due & tied).total()
    assert right >= 0.95 * due.total(), f"printed and tied: {said}"
    assert right >= 0.95 * sum(len(r.mentions) for r in read.references), f"printed and tied: {said}"


@needs_shared
def test_the_words_are_those_of_the_source() -> None:
    source, read = _report()
    found = compare(words(source.prose), words(pdf_prose(read)))
    # three thousand words, so that agreement on a fragment is no success; formulas could excuse few of them
    assert found.source > 3200 and found.left_out < 80
    assert found.f1 >= 0.98, "\n".join((f"F1 {found.f1:.4f}", *found.faults))


@needs_shared
def test_every_heading_stands_at_its_level() -> None:
    source, read = _report()
    assert len(source.headings) == 25
    printed = [
        (re.sub(r"^([A-Z\d][.\d]*?)\.? ", r"\1 ", " ".join(s.heading.split())), s.level, s.appendix)
        for s in read.sections
    ]
    due = [(f"{h.number} {h.text}".strip(), h.level, h.appendix) for h in source.headings]
    assert [s for s in printed if s[0] not in UNNUMBERED] == [s for s in due if s[0] not in UNNUMBERED]
    assert [s for s in printed if s[0] in UNNUMBERED and s[1:] != (1, False)] == []


# ---------------------------------------------------------------------- the script itself


def _prose(tex: str) -> str:
    return read_tex(tex).prose.replace(FORMULA, "¤")


@pytest.mark.parametrize(
    ("tex", "prose"),
    [
        ("a % not this\nb 5\\% c%\n  d", "a b 5% cd"),
        ("\\documentclass{x}\nno\\begin{document}yes\\end{document}no", "yes"),
        ("one\ntwo\n\nthree \\par four", "one two\nthree four"),
        (r"``so'' -- it's~low---\emph{very {\bf low}}", "“so” – it's low—very low"),
        (r"Erd\H{o}s, \'Ecole, na\"{\i}ve, Fran\c{c}ais", "Erdős, École, naïve, Français"),
        (r"stra\ss{}e, \o re", "straße, øre"),
        (r"\href{https://example.org/a%20b}{a page}, \textcolor{red}{red}, \texttt{a\_b}", "a page, red, a_b"),
        (r"see \verb|x_%$| or", "see x_%$ or"),
        (r"so~\cite{a,b}, as \citet[p.~3]{c} say \citep[e.g.][]{d}; \citeauthor{e} too", "so , as say ; too"),
        ("as shown (Ames et al., 2019) before (Ames \\& Berg, 2020b)", "as shown before"),
        (r"A note\footnote{not \emph{this} one} here\footnotemark", "A note here"),
        (r"with $x_i$ and $0.5$, \(a+b\)\ thus", "with ¤¤ and ¤ , ¤¤ thus"),
        ("so\n\\[ x = 1 \\]\nand $$ y $$\\begin{align*}z\\end{align*}end", "so\nand\nend"),
        (r"\begin{figure*}[t]\centering x\caption{y}\end{figure*}z", "z"),
        ("a\\begin{lstlisting}[language=C]\n% $ {\n\\end{lstlisting}b", "ab"),
        (r"\begin{minipage}{0.5\textwidth}kept\end{minipage}", "kept"),
        (
            r"\begin{enumerate}[nosep]\item a\item b\begin{enumerate}\item c\end{enumerate}\item d\end{enumerate}",
            "1. a\n2. b\n(a) c\n3. d",
        ),
        (r"\begin{itemize}\item a\item[why] b\end{itemize}", "a\nwhy b"),
        (r"\newcommand{\us}{We, the \lab{}}\newcommand\lab[1]{lab#1}\us{} say", "We, the lab say"),
        (r"\newcommand{\a}{x\a}\a", "x"),
        (r"\begin{titlepage}no\end{titlepage}\twocolumn[\icmltitle{no}]\title{no}yes", "yes"),
    ],
)  # fmt: skip
def test_what_latex_prints(tex: str, prose: str) -> None:
    assert _prose(tex) == prose


def test_headings_are_numbered_as_printed() -> None:
    read = read_tex(
        r"\begin{abstract}Short.\end{abstract}\section{One}\subsection{Of \emph{it}}\subsubsection[s]{Deep}"
        r"\subsection{B}\section*{Thanks}\section{Two}\label{t}\subsection{C}\bibliography{x}"
        r"\appendix\section{More}\subsection{D} see \ref{t}"
    )
    assert read.headings == (
        Heading("", "Abstract", 1), Heading("1", "One", 1), Heading("1.1", "Of it", 2), Heading("1.1.1", "Deep", 3),
        Heading("1.2", "B", 2), Heading("", "Thanks", 1), Heading("2", "Two", 1), Heading("2.1", "C", 2),
        Heading("", "References", 1), Heading("A", "More", 1, True), Heading("A.1", "D", 2, True),
    )  # fmt: skip
    assert read.prose.startswith("Abstract\nShort.\n1. One\n1.1. Of it\n") and read.prose.endswith("see 2")


def test_references_to_floats_are_resolved() -> None:
    assert _prose(
        r"""See \ref{a}, \ref{a2}, \ref{b}, \ref{t}, \ref{e} and \eqref{e}; \ref{none}.
        \begin{figure}\begin{subfigure}{3cm}\caption{x}\label{a1}\end{subfigure}
        \begin{subfigure}{3cm}\caption{y}\label{a2}\end{subfigure}\caption{z}\label{a}\end{figure}
        \begin{table}\caption{\label{t}w}\end{table}\begin{equation}\label{e}x\end{equation}
        \begin{figure}\caption{v \cite{k}}\label{b}\end{figure}"""
    ) == "See 1, 1b, 2, 1, 1 and (1); ??."  # fmt: skip


def test_marks_are_counted_by_key() -> None:
    read = read_tex(r"\cite{a, b} \citeauthor{a} % \cite{c}" + "\n" + r"\caption{\citep[see][]{d}}\nocite{e}")
    assert read.cited == {"a": 2, "b": 1, "d": 1}


@pytest.mark.parametrize(
    ("math", "most"),
    [(r"\theta", 1), (r"\theta^{(t-1)}_{i,j}", 5), (r"4\cdot10^{-4}", 3), (r"\mathtt{OPT}", 1), (r"m \times n", 2),
     (r"\log n", 2), (r"\bullet", 0), (r"\{10, 20\}", 2), (r"\frac{1}{n}\sum_i g_i", 5), ("", 0)],
)  # fmt: skip
def test_a_formula_prints_no_more_words_than_this(math: str, most: int) -> None:
    assert formula_words(math) == most


def test_words_keep_what_joins_them() -> None:
    text = (
        "The low-communication “method”, SWARM’s 2,000 (of 30.15), torch.distributed; A—B and/or m×n. n\u2010th 2.1. ("
    )
    assert words(text) == [
        "the", "low-communication", "method", "swarm's", "2,000", "of", "30.15", "torch.distributed",
        "a", "b", "and", "or", "m", "n", "n-th", "2.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "printed", ["e\ufb03cient work", "effi- cient work", "ef\xadficient work", "efficientwork", "e fficient work"]
)
def test_unclean_text_is_a_fault(printed: str) -> None:
    found = compare(words("some efficient work"), words(f"some {printed}"))
    assert found.f1 < 0.9 and len(found.faults) == 1


@pytest.mark.parametrize(
    ("tex", "pdf", "left_out", "faults"),
    [
        (r"a shard $\theta_i$ of it", "a shard θi of it", 1, 0),
        (r"a shard $\theta_i$ of it", "a shard θ i of it", 2, 0),
        (r"a shard $\theta_i$ of it", "a shard θ i j of it", 2, 1),  # more than it could print
        (r"a shard $\theta_i$ of it", "a shard of it", 0, 0),
        (r"a shard $\theta_i$ of it", "a shard of it θi", 0, 1),  # elsewhere
        (r"a shard $\theta_i$ of it", "a sh ard θi of it", 0, 1),  # beside a fault
        (r"$x$ begins and ends $y$", "x begins and ends y", 2, 0),
        ("a shard of it", "a shard θi of it", 0, 1),
    ],
)
def test_formulas_are_left_out_only_where_they_stand(tex: str, pdf: str, left_out: int, faults: int) -> None:
    found = compare(words(read_tex(tex).prose), words(pdf))
    assert (found.left_out, len(found.faults)) == (left_out, faults)
    assert (found.f1 == 1.0) == (faults == 0)


def test_the_prose_of_a_pdf_is_without_marks_and_all_that_is_no_prose() -> None:
    text = "1. One\nAs said [3, 4] before.\nFigure 1: no\nx = 1"
    starts = [0, 7, 30, 43]
    kinds = ("heading", "body", "caption", "formula")
    blocks = tuple(
        Block(kind, 0, start, start + len(line))
        for kind, start, line in zip(kinds, starts, text.split("\n"), strict=True)
    )
    mention = TextMention(0, 15, 21, "As said [3, 4] before.")
    references = (Reference(3, "", 0, mentions=(mention,)), Reference(4, "", 0, mentions=(mention,)))
    read = Extracted((Page(text, 1),), blocks=blocks, references=references)
    assert [line.split() for line in pdf_prose(read).split("\n")] == [["1.", "One"], ["As", "said", "before."]]


_PIECES = st.sampled_from(
    [*"\\{}[]$%&~^_#\n -'`x1é", r"\cite{", r"\ref{a}", r"\label{a}", r"\section{", r"\begin{enumerate}", r"\item", "#1",
     r"\end{enumerate}", r"\begin{figure}", r"\end{figure}", r"\caption{", r"\newcommand{\x}[1]{", r"\x", r"\verb|",
     r"\'", r"\(", r"\begin{lstlisting}", r"\begin{abstract}", r"\bibliography{", r"\begin{subfigure}", r"\appendix",
     FORMULA, "\ue001"]
)  # fmt: skip


@given(st.text(max_size=500) | st.lists(_PIECES, max_size=60).map("".join))
def test_any_text_is_latex(tex: str) -> None:
    read = read_tex(tex)
    assert not re.search("[\ue001\ue002]", read.prose)
    assert all(h.level in (1, 2, 3) for h in read.headings)
    read.prose.encode("utf-8", "surrogatepass")


_WORDS = st.lists(st.sampled_from(["a", "b", "c", FORMULA]), max_size=12)


@given(_WORDS, _WORDS)
def test_a_comparison_is_within_its_bounds(source: list[str], pdf: list[str]) -> None:
    found = compare(source, pdf)
    assert 0 <= found.f1 <= 1
    assert found.left_out <= source.count(FORMULA)
    assert (found.f1 == 1) == (not found.faults)
    same = compare(source, [word for word in source if word != FORMULA])
    assert same.f1 == 1 and same.left_out == 0
