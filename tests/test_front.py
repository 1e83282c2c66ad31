"""Title, authors, abstract and date: of the 36 papers, and of pages made up here."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.document import Extracted
from indexer.extract import authors, dates, front, printed
from indexer.extract.layout import Layout, Line
from indexer.extract.sheet import Font, Word

PAPERS = Path(__file__).parents[2] / "shared" / "papers"
EXPECTED = json.loads((Path(__file__).parent / "expected" / "front.json").read_text(encoding="utf-8"))
needs_papers = pytest.mark.skipif(not PAPERS.is_dir(), reason="the test papers are not beside the project")

PROSE = (
    "Neural networks are trained on many machines, and the time that they",
    "spend on sending gradients grows with their number. We show that most",
    "of these messages can be left out without harm, and we give a bound on",
    "how many of them have to be sent at all.",
)


def words(
    text: str, y: float, size: float = 10, x0: float = 100, gap: float = 0.3, font: Font | None = None, page: int = 0
) -> list[Word]:
    """Words on a line. `text^12` has a raised mark, `A~DAM` is a capital with small capitals."""
    font = font or Font("Body")
    made: list[Word] = []
    x = x0
    for part in text.split(" "):
        for n, piece in enumerate(re.split(r"([\^~])", part)[::2]):
            kind = re.split(r"([\^~])", part)[2 * n - 1] if n else ""
            own = size * (0.7 if kind == "^" else 0.8 if kind == "~" else 1.0)
            width = 0.5 * own * len(piece)
            if piece:
                made.append(Word(piece, x, x + width, y - (0.35 * size if kind == "^" else 0.0), own, font, bool(n)))
            x += width
        x += gap * size
    return made


def line(text: str, y: float, size: float = 10, x0: float = 100, **more) -> Line:
    page = more.pop("page", 0)
    font = more.get("font") or Font("Body")
    made = words(text, y, size, x0, **more)
    common = 0.8 * size if "~" in text else size
    return Line(made, page, made[0].x0, made[-1].x1, y, common, font)


def bold(text: str, y: float, size: float = 10, x0: float = 100, **more) -> Line:
    return line(text, y, size, x0, font=Font("Bold", bold=True), **more)


def italic(text: str, y: float, size: float = 10, x0: float = 100, **more) -> Line:
    return line(text, y, size, x0, font=Font("Italic", italic=True), **more)


def paragraph(y: float, size: float = 10, x0: float = 100, page: int = 0, lines: Sequence[str] = PROSE) -> list[Line]:
    return [line(text, y + 1.2 * size * i, size, x0, page=page) for i, text in enumerate(lines)]


def page_of(lines: list[Line], number: int = 1, turned: str = "") -> Layout:
    turned_words = [Word(word, 20, 30, 400, 20, Font()) for word in turned.split()]
    return Layout(number, 612, 792, lines, [], turned_words)


def bare(text: str) -> set[str]:
    """The letters and digits of a text without case and accents, which are put together on the way."""
    return {c for c in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()) if c.isalnum()}


def read_page(*lines: Line, turned: str = "", own_title: str = "", own_author: str = "") -> front.Front:
    return front.read_front([page_of(list(lines), turned=turned)], [list(lines)], own_title, own_author)


def names_in(*lines: Line) -> tuple[str, ...]:
    return authors.find_authors(list(lines))


def text_of(lines: Sequence[Line]) -> str:
    return front.without_label(" ".join(one.text for one in lines))


@needs_papers
@pytest.mark.parametrize("name", EXPECTED)
def test_the_papers_from_the_file_alone(name: str, read_paper: Callable[[str], Extracted]) -> None:
    expected = EXPECTED[name]
    found = read_paper(name)
    assert printed.fold(found.title) == printed.fold(expected["title"])
    assert [printed.fold(a) for a in found.authors] == [printed.fold(a) for a in expected["authors"]]
    assert (found.date, found.arxiv_id, found.version) == (
        expected["date"], expected["arxiv_id"], expected["version"],
    )  # fmt: skip
    abstract = found.abstract.split()
    assert " ".join(abstract[:5]) == expected["abstract"]["first"]
    assert " ".join(abstract[-5:]) == expected["abstract"]["last"]
    assert len(abstract) == expected["abstract"]["words"]
    assert hashlib.sha256(printed.fold(found.abstract).encode()).hexdigest() == expected["abstract"]["sha256"]


def test_small_capitals_come_out_whole() -> None:
    title = line("A~DAM~: A M~ETHOD FOR S~TOCHASTIC O~PTIMIZATION", 90, 17)
    found = read_page(title, bold("Mary Brown", 120), bold("Abstract", 150, 12), *paragraph(170))
    assert found.title == "ADAM: A METHOD FOR STOCHASTIC OPTIMIZATION"


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        (["Sparse Messages for", "Distributed Training^∗"], "Sparse Messages for Distributed Training"),
        (["Llama 2: Open Models^1"], "Llama 2: Open Models"),
        (["GPT-4 Technical Report"], "GPT-4 Technical Report"),
        (["Messages in L^2 Spaces"], "Messages in L2 Spaces"),
        (
            ["Sparse Messages Speed up the Trai-", "ning of Networks"],
            "Sparse Messages Speed up the Training of Networks",
        ),
        (["Better Low-", "Communication Training"], "Better Low-Communication Training"),
        (["Why C# and F# ?"], "Why C# and F#?"),
    ],
)
def test_titles_keep_their_words_and_lose_their_marks(lines: list[str], title: str) -> None:
    set_in = [line(text, 80 + 20 * i, 17) for i, text in enumerate(lines)]
    found = read_page(*set_in, line("Mary Brown", 140), bold("Abstract", 170, 12), *paragraph(190))
    assert found.title == title
    assert found.authors == ("Mary Brown",)


def test_a_journals_name_above_the_title_is_no_title() -> None:
    found = read_page(
        line("Pattern Studies", 60, 20), line("Pattern Studies 45 (2012) 123–145", 80, 8),
        line("Sparse messages for distributed training", 120, 17), line("Xiao Li^a,b, Yu Wang^a", 150, 12),
        italic("^a School of Computing, Foo University, Beijing 100084", 170, 8), *paragraph(200), bold("1 Introduction", 260),
    )  # fmt: skip
    assert found.title == "Sparse messages for distributed training"
    assert found.authors == ("Xiao Li", "Yu Wang")
    assert found.date == "2012"


def test_a_title_of_two_words_stays_although_names_below_are_nearly_as_large() -> None:
    found = read_page(
        line("Sparse Messages", 80, 14),
        line("Mary Brown, John Smith, Ann Poe", 110, 12),
        bold("Abstract", 150, 12),
        *paragraph(170),
    )
    assert found.title == "Sparse Messages"
    assert len(found.authors) == 3


def test_what_the_file_says_of_itself_decides_only_if_it_is_printed() -> None:
    lines = [
        line("Studies of Machines", 60, 18),
        line("Sparse Messages for All", 90, 17),
        line("Mary Brown", 120),
        *paragraph(160),
    ]
    assert read_page(*lines).title == "Studies of Machines"
    assert read_page(*lines, own_title="sparse messages for all").title == "Sparse Messages for All"
    assert read_page(*lines, own_title="Microsoft Word - draft7.doc").title == "Studies of Machines"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["Feng Niu, Benjamin Recht and Stephen J. Wright"], ["Feng Niu", "Benjamin Recht", "Stephen J. Wright"]),
        (["Samyam Rajbhandari^∗, Jeff Rasley^∗, and Yuxiong He^†"], ["Samyam Rajbhandari", "Jeff Rasley", "Yuxiong He"]),
        (["Chelsea Finn ^1 Pieter Abbeel ^1 ^2 Sergey Levine ^1"], ["Chelsea Finn", "Pieter Abbeel", "Sergey Levine"]),
        (["Andy Davis, Quoc Le, Geoffrey", "Hinton and Jeff Dean"], ["Andy Davis", "Quoc Le", "Geoffrey Hinton", "Jeff Dean"]),
        (["Mary Brown, Alexander J.", "Smola and Ann Poe"], ["Mary Brown", "Alexander J. Smola", "Ann Poe"]),
        (["Diego de las Casas, Blaise Agüera y Arcas"], ["Diego de las Casas", "Blaise Agüera y Arcas"]),
        (["Hugo Touvron^∗, Xavier Martinet", "Marie-Anne Lachaux, Naman Goyal"],
         ["Hugo Touvron", "Xavier Martinet", "Marie-Anne Lachaux", "Naman Goyal"]),
        (["Mary Brown, Ph.D., Jimmy Lei Ba and Dr. Ann Poe"], ["Mary Brown", "Jimmy Lei Ba", "Ann Poe"]),
        (["John Smith, Jr., and Mary Brown"], ["John Smith Jr.", "Mary Brown"]),
        (["J. Smith (Foo University), M. Brown (Bar)"], ["J. Smith", "M. Brown"]),
        (["Alex Nichol and John Schulman", "OpenAI"], ["Alex Nichol", "John Schulman"]),
        (["Yuan Yu, and Xiaoqiang Zheng", "Google Brain^∗"], ["Yuan Yu", "Xiaoqiang Zheng"]),
        (["Mary Brown, University of Foo", "John Smith, Bar Institute of Technology"], ["Mary Brown", "John Smith"]),
        (["Feng Niu and Ann Poe", "Computer Sciences Department, University of Foo", "1210 W Dayton St, Madison, WI 53706"],
         ["Feng Niu", "Ann Poe"]),
        (["Tri Dao^†, Daniel Y. Fu^‡", "^† Stanford ^‡ Buffalo, SUNY", "{tri,dan}@foo.edu"], ["Tri Dao", "Daniel Y. Fu"]),
        (["by", "Mary Brown", "Supervisor: John Smith", "Ann Poe"], ["Mary Brown"]),
        (["(Preliminary White Paper, May 2015)", "Mary Brown and Ann Poe", "June 2016"], ["Mary Brown", "Ann Poe"]),
        (["DeepSeek-AI", "research@deepseek.com"], ["DeepSeek-AI"]),
        (["王小明, 李华"], ["王小明", "李华"]),
        (["Мария Иванова, Пётр Сидоров", "Московский университет"], ["Мария Иванова", "Пётр Сидоров"]),
        (["M~IKA S~ENGHAAS"], ["Mika Senghaas"]),
        (["1^st John Smith"], ["John Smith"]),
        (["Wei Wang^1, Ann Poe^1, Wei Wang^2"], ["Wei Wang", "Ann Poe", "Wei Wang"]),
    ],
)  # fmt: skip
def test_names_are_told_from_what_stands_around_them(rows: list[str], expected: list[str]) -> None:
    assert names_in(*(line(text, 100 + 14 * i) for i, text in enumerate(rows))) == tuple(expected)


def test_names_keep_their_type_apart_from_houses_and_ranks() -> None:
    ranked = line("Haijun Zhang,", 100)
    ranked.words += words("Fellow, IEEE,", 100, x0=170, font=Font("Italic", italic=True))
    ranked.words += words("Gaojie Chen", 100, x0=240)
    assert names_in(ranked) == ("Haijun Zhang", "Gaojie Chen")
    housed = line("QIANG YANG,", 100, 11)
    housed.words += words("Hong Kong Tech, Hong Kong", 100, 9, x0=180)
    assert names_in(housed, line("YANG LIU,", 114, 11)) == ("QIANG YANG", "YANG LIU")


def test_a_grid_of_authors_is_read_row_by_row_whatever_order_the_file_has() -> None:
    cells = [
        [bold("Ann Poe", 100, x0=100), line("Google Brain", 112, x0=100), line("ann@foo.com", 124, x0=100)],
        [bold("Bob Roe", 100, x0=300), line("Mountain View", 112, x0=300), line("bob@foo.com", 124, x0=300)],
        [bold("Cid Low", 150, x0=200), line("Bar Corporation", 162, x0=200), line("cid@foo.com", 174, x0=200)],
    ]
    by_cell = [one for cell in cells for one in cell]
    by_row = sorted(by_cell, key=lambda one: (one.y, one.x0))
    assert names_in(*by_cell) == names_in(*by_row) == ("Ann Poe", "Bob Roe", "Cid Low")


def test_what_the_file_says_of_its_authors_counts_where_no_name_is_understood() -> None:
    lines = [
        line("Sparse Messages", 80, 17),
        line("~ Plato, Sappho ~", 110),
        bold("Abstract", 150, 12),
        *paragraph(170),
    ]
    assert read_page(*lines, own_author="Plato, Sappho").authors == ("Plato", "Sappho")
    assert "Homer" not in read_page(*lines, own_author="Homer").authors


@pytest.mark.parametrize("label", ["Abstract", "ABSTRACT", "A B S T R A C T", "Zusammenfassung", "Résumé", "摘要"])
def test_an_abstract_below_its_label(label: str) -> None:
    body = paragraph(170)
    found = read_page(
        line("Sparse Messages", 80, 17),
        line("Mary Brown", 110),
        bold(label, 150),
        *body,
        bold("1 Introduction", 240, 12),
        *paragraph(260),
    )
    assert found.label is not None
    assert found.abstract == body
    assert [one.text for one in found.lines] == ["Sparse Messages", "Mary Brown"]


@pytest.mark.parametrize("label", ["Abstract—", "Abstract. ", "Abstract: ", "Abstract - ", "Summary. "])
def test_an_abstract_with_its_label_run_in(label: str) -> None:
    body = paragraph(150, lines=(label + PROSE[0], *PROSE[1:]))
    found = read_page(
        line("Sparse Messages", 80, 17), line("Mary Brown", 110), *body, line("Index Terms—sparse, training", 200),
        line("I. INTRODUCTION", 220), *paragraph(240),
    )  # fmt: skip
    assert found.label is None
    assert found.abstract == body
    assert text_of(found.abstract) == " ".join(PROSE)


@pytest.mark.parametrize(
    "after",
    ["Keywords: sparse, training", "CCS Concepts: • Computing", "ACM Reference Format:", "Code: https://foo.org/x",
     "Date: May 3, 2019", "1 INTRODUCTION", "Introduction"],
)  # fmt: skip
def test_an_abstract_ends_where_something_else_begins(after: str) -> None:
    body = paragraph(150)
    found = read_page(line("Sparse Messages", 80, 17), bold("Abstract", 130), *body, line(after, 200), *paragraph(220))
    assert found.abstract == body


def test_an_abstract_ends_at_smaller_type_at_a_wide_gap_and_at_wider_lines() -> None:
    head = [line("Sparse Messages", 80, 17), bold("Abstract", 130)]
    body = paragraph(150, x0=140)
    assert read_page(*head, *body, *paragraph(198, 8, x0=140)).abstract == body
    assert read_page(*head, *body, *paragraph(240, x0=140)).abstract == body
    assert read_page(*head, *body, *paragraph(198, x0=100)).abstract == body


def test_a_label_is_taken_off_and_a_first_word_is_not() -> None:
    assert front.without_label("Abstract—We show") == "We show"
    assert front.without_label("Abstract We show") == "We show"
    assert front.without_label("Abstract interpretation is a theory") == "Abstract interpretation is a theory"
    assert front.without_label("Summary statistics help") == "Summary statistics help"


def test_an_abstract_of_two_paragraphs_is_one() -> None:
    body = paragraph(150) + paragraph(212)
    found = read_page(line("Sparse Messages", 80, 17), bold("Abstract", 130), *body, bold("1 Introduction", 300, 12))
    assert found.abstract == body


def test_an_abstract_that_is_not_called_one() -> None:
    body = paragraph(150, 9)
    lines = [line("Sparse Messages", 80, 17), line("Mary Brown", 110, 11), *body]
    assert read_page(*lines, line("Keywords: sparse", 210, 9), *paragraph(230)).abstract == body
    assert read_page(*lines, bold("1 Introduction", 210, 12), *paragraph(230)).abstract == body


def test_the_first_section_is_no_abstract() -> None:
    lines = [line("Sparse Messages", 80, 17), line("Mary Brown", 110)]
    assert not read_page(*lines, bold("1 Introduction", 140, 12), *paragraph(160)).abstract
    assert not read_page(*lines, bold("Motivation", 140, 12), *paragraph(160), bold("Method", 240, 12)).abstract
    assert not read_page(*lines, *paragraph(160)).abstract  # nothing marks where it would end


def test_a_cover_page_and_the_abstract_behind_it() -> None:
    cover = [
        line("UNIVERSITY OF FOO", 60, 14),
        line("Sparse Messages", 300, 25),
        line("Mary Brown", 370, 12),
        line("May 2016", 700),
    ]
    inner = [bold("Abstract", 80, 14, page=1), *paragraph(110, page=1)]
    found = front.read_front([page_of(cover), page_of(inner, 2)], [cover, inner])
    assert (found.title, found.authors, found.date) == ("Sparse Messages", ("Mary Brown",), "2016-05")
    assert found.abstract == inner[1:]
    assert found.lines == cover


def test_running_text_is_no_title_and_no_front() -> None:
    found = read_page(*(one for i in range(8) for one in paragraph(80 + 60 * i)))
    assert (found.title, found.authors, found.abstract, found.lines) == ("", (), [], [])


def test_pages_without_letters_tell_nothing() -> None:
    assert front.read_front([], []) == front.Front()
    assert front.read_front([page_of([])], [[]]) == front.Front()
    assert read_page(line("12 34", 80)) == front.Front()


def test_the_stamp_gives_date_and_identifier() -> None:
    found = read_page(
        line("Sparse Messages", 80, 17), line("June 2016", 110), turned="arXiv:1706.03762v5 [cs.CL] 6 Dec 2017"
    )
    assert (found.arxiv_id, found.version, found.date) == ("1706.03762", 5, "2017-12-06")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("November 9, 2015", "2015-11-09"), ("9 November 2015", "2015-11-09"), ("3rd of May, 2019", "2019-05-03"),
        ("Optional Project, January 2025", "2025-01"), ("Dated: Sept. 3, 2011", "2011-09-03"), ("3. Mai 2012", "2012-05-03"),
        ("le 1er août 1998", "1998-08-01"), ("3 de mayo de 2019", "2019-05-03"), ("2022-06-24", "2022-06-24"),
        ("2022年6月24日", "2022-06-24"), ("2022年6月", "2022-06"), ("31 February 2019", "2019-02"), ("version 2019", ""),
        ("march of 3000 men", ""), ("", ""),
    ],
)  # fmt: skip
def test_dates_as_they_are_printed(text: str, expected: str) -> None:
    assert dates.date_in(text) == expected


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        (["Published as a conference paper at ICLR 2015"], "2015"),
        (["Authorized licensed use limited to: Foo. Downloaded on August 03,2022", "Foo Conference 2021"], "2021"),
        (["JOURNAL OF CLASS FILES, VOL. 14, AUGUST 2015"], ""),
        (["Date: March 3, 2014."], "2014-03-03"),
        (["see Foo et al. 2019"], ""),
    ],
)
def test_the_year_of_a_venue_stands_at_the_edge(edges: list[str], expected: str) -> None:
    assert dates.printed_date([], edges) == expected


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=12
)
_WORDS = st.one_of(
    _TEXT,
    st.sampled_from(["Abstract", "and", "1", "∗", "Keywords:", "Introduction", "Ann", "Poe,", "(", "May", "2016"]),
)


@st.composite
def _lines(draw: st.DrawFn) -> list[Line]:
    made = []
    for _ in range(draw(st.integers(0, 12))):
        size = draw(st.sampled_from([0.0, 7.0, 10.0, 17.0]))
        font = Font("F", bold=draw(st.booleans()), italic=draw(st.booleans()))
        x0, y = draw(st.sampled_from([60.0, 100.0, 320.0])), draw(st.floats(0, 792))
        run = [
            Word(
                text,
                x0 + 30 * i,
                x0 + 30 * i + 25,
                y - draw(st.sampled_from([0.0, 4.0])),
                size,
                font,
                draw(st.booleans()),
            )
            for i, text in enumerate(draw(st.lists(_WORDS, min_size=1, max_size=12)))
        ]
        made.append(Line(run, 0, x0, run[-1].x1, y, size, font))
    return made


@settings(deadline=None)
@given(_lines(), st.text(max_size=30), st.text(max_size=30))
def test_any_page_gives_only_what_it_prints(lines: list[Line], own_title: str, own_author: str) -> None:
    found = front.read_front([page_of(lines)], [lines], own_title, own_author)
    known = {id(one): i for i, one in enumerate(lines)}
    assert all(id(one) in known for one in [*found.abstract, *found.lines, *([found.label] if found.label else [])])
    places = [known[id(one)] for one in found.abstract]
    assert places == sorted(set(places))
    assert not {id(one) for one in found.abstract} & {id(one) for one in found.lines}
    letters = bare("".join(one.text for one in lines))
    assert all(bare(text) <= letters for text in [found.title, *found.authors])
    assert all(name == name.strip() and name for name in found.authors)
    assert re.fullmatch(r"|(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?", found.date)


@given(st.lists(st.text("abcdé", min_size=2, max_size=8), min_size=2, max_size=4))
def test_a_name_in_capitals_and_small_letters_is_itself(parts: list[str]) -> None:
    name = [part.capitalize() for part in parts]
    assert authors.is_name(name)
    assert authors.printed_name(name) == " ".join(name)


@given(st.text(max_size=60))
def test_a_date_is_iso_or_nothing(text: str) -> None:
    assert re.fullmatch(r"|(?:19|20)\d\d-\d\d(?:-\d\d)?", dates.date_in(text))


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_is_read_back(day: date) -> None:
    for form in ("%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d. %b. %Y"):
        assert dates.date_in(f"Dated {day.strftime(form)}.") == day.isoformat()
