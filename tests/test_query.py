"""The query language: what people type, what they mistype, and that any text at all is a query."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service import search
from service.search.query import (
    FIELDS,
    KINDS,
    LONGEST,
    STATES,
    THINGS,
    BadFilter,
    Field,
    Filter,
    Query,
    Words,
    parse,
    unparse,
    with_parameters,
    years,
)


def test_the_kinds_are_those_of_the_search() -> None:
    assert set(KINDS) == set(search.KINDS)


def test_all_of_it_at_once() -> None:
    query = parse(
        'local sgd "outer momentum" -survey -"federated averaging" author:"Le Cun" author:Dean year:2020..2023'
        ' section:method in:arXiv:2311.08105v2 kind:caption list:"parallel and decentralized training"'
        " is:unread has:code -is:digest with momentum"
    )
    assert query == Query(
        (Words("local sgd"), Words("outer momentum", True), Words("with momentum")),
        (Filter("author", "Le Cun"), Filter("author", "Dean"), Filter("year", "2020..2023"), Filter("section", "method"),
         Filter("in", "arXiv:2311.08105v2"), Filter("kind", "caption"),
         Filter("list", "parallel and decentralized training"), Filter("is", "unread"), Filter("has", "code"),
         Filter("is", "digest", True)),
        ("survey", "federated averaging"),
    )  # fmt: skip
    assert query.remarks == ()
    assert query.text == "local sgd outer momentum with momentum"
    assert query.phrases == ("outer momentum",)
    assert query.values("author") == ("Le Cun", "Dean")
    assert (query.values("is"), query.values("is", excluded=True)) == (("unread",), ("digest",))
    assert parse(unparse(query)) == query


@pytest.mark.parametrize(
    "text",
    ["how does diloco reduce communication", "low-communication training", "5% of 3.5", "ring - all reduce", "C++ & C#",
     "what is 1F1B?", "DiLoCo: Distributed Low-Communication Training", "a 2:1 ratio", "it's a 5\" disk", "--help", "-",
     "--", "from -1 to -0.5", "it is what it is", "分布式训练", "что такое DiLoCo"],
)  # fmt: skip
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert parse(text) == Query((Words(text),))
    assert parse(text).remarks == ()
    assert not parse(text).restricts


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [("2020", "2020"), ("2020..2023", "2020..2023"), ("2020...2023", "2020..2023"), ("2020-2023", "2020..2023"),
     ("2020–2023", "2020..2023"), ("2020..", "2020.."), ("2020-", "2020.."), ("..2023", "..2023"), (">2019", "2020.."),
     (">=2019", "2019.."), ("<2019", "..2018"), ("<=2019", "..2019"), ("≥2019", "2019.."), ("2019+", "2019.."),
     ("=2019", "2019"), ("2019..2019", "2019"), ('"2020 .. 2023"', "2020..2023"), ("２０２０", "2020")],
)  # fmt: skip
def test_years(typed: str, canonical: str) -> None:
    query = parse(f"year:{typed}")
    assert query == Query(filters=(Filter("year", canonical),))
    assert parse(unparse(query)) == query
    low, high = years(canonical)
    assert low <= high


@pytest.mark.parametrize(
    ("text", "words"),
    [("year:2023..2020", "year 2023..2020"), ("year:soon", "year soon"), ("year:..", "year .."), ("year:>9999", "year >9999"),
     ("year:20", "year 20"), ("author:", "author"), ('author:""', "author"), ("kind:picture", "kind picture"),
     ("is:good", "is good"), ('has:"a dream"', "has a dream"), ("foo:bar", "foo:bar"), ("http://a.b/c", "http://a.b/c"),
     ('foo:"bar baz"', "foo bar baz"), ('"not closed', "not closed"), ("“not closed", "not closed"),
     ('kind:"x -y author:z"', "kind x y author z"), ('"…" x', "… x")],
)  # fmt: skip
def test_what_is_not_understood_is_plain_words_and_is_reported(text: str, words: str) -> None:
    query = parse(text)
    assert (query.text, query.filters, query.phrases, query.without) == (words, (), (), ())
    assert len(query.remarks) == 1
    assert parse(unparse(query)) == query


def test_a_quotation_mark_that_is_not_closed_is_as_if_it_were_not_there() -> None:
    query = parse('author:"hinton year:2015 distilling')
    assert query == parse("author:hinton year:2015 distilling")
    assert query.remarks == ("A quotation mark isn't closed; it was left out.",)


@pytest.mark.parametrize(
    "text",
    ['author:"le cun" "exact words"', "author：“le cun” “exact words”", "AUTHOR:«le cun» „exact words“", "Author:＂le cun＂ 「exact words」",
     "author:“le cun\" «exact words\""],
)  # fmt: skip
def test_the_signs_that_other_keyboards_have(text: str) -> None:
    assert parse(text) == Query((Words("exact words", True),), (Filter("author", "le cun"),))


def test_quotes_within_quotes() -> None:
    assert parse("“the ”exact“ words“").remarks == ()
    assert parse('“say "cheese" now”').phrases == ("say cheese now",)
    assert parse('"a"b"c"') == Query((Words("a", True), Words('b"c"')))


def test_several_values_at_once() -> None:
    assert parse("kind:caption,table").values("kind") == ("caption", "table")
    assert parse("kind:Captions").values("kind") == ("caption",)
    assert parse("author:Hinton,").values("author") == ("Hinton",)
    assert parse('author:"Hinton, Geoffrey"').values("author") == ("Hinton, Geoffrey",)
    assert parse("is:read is:read").filters == (Filter("is", "read"),)


def test_excluded() -> None:
    assert parse("-self-attention −survey －x").without == ("self-attention", "survey", "x")
    assert parse('- "a b" -"c d"').without == ("c d",)
    assert parse('-"').words == ()
    assert parse("-kind:nonsense").text == ""  # never what was to be excluded
    assert parse("-year:2020").filters == (Filter("year", "2020", True),)


def test_length() -> None:
    text = "word " * 1_000_000
    query = parse(text)
    assert query.text == text[:LONGEST].strip()
    assert len(query.remarks) == 1
    assert parse(text[:LONGEST]).remarks == ()
    assert len(parse("foo:bar " * 1000).remarks) == 11


@pytest.mark.parametrize(
    "piece",
    ['"', "“", '-"', "a:", "author:", 'author:"', "-", "年", '“"', "「“«", '"" ', "-author:-", "\x00", "\ud800"],
)
def test_no_text_takes_long(piece: str) -> None:
    for text in (piece * 1_000_000, (piece + " ") * 500_000, (piece + "x ") * 500_000):
        assert len(parse(text).text) <= LONGEST


_PIECES = st.one_of(
    st.sampled_from(
        ['"', "“", "”", "«", "-", "−", " ", ":", "：", "..", "\x00", "\ud800", "\n", "(", ",", "2020", "word", "é"]
    ),
    st.sampled_from([f"{name}:" for name in (*FIELDS, "foo", "http")]),
    st.sampled_from([*KINDS, *STATES, *THINGS]),
    st.text(max_size=8),
)
_ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=200),
    st.lists(_PIECES, max_size=30).map("".join),
    st.lists(_PIECES, max_size=15).map(" ".join),
)


@given(_ANY_TEXT)
@example('-"')
@example('""""')
@example('"a"b"c" -“')
@example("-\"-foo author:'x")
@hypothesis_settings(deadline=None, max_examples=600)
def test_any_text_is_a_query_and_can_be_written_again(text: str) -> None:
    query = parse(text)
    assert parse(unparse(query)) == query
    assert unparse(parse(unparse(query))) == unparse(query)
    query.text.encode()  # no half of a character is left
    assert "\x00" not in query.text
    for remark in query.remarks:
        assert remark.isprintable()
    for f in query.filters:
        assert f.field in FIELDS
        assert f.value.strip()
    assert all(phrase.strip() for phrase in (*query.phrases, *query.without))


_VALUES: dict[Field, st.SearchStrategy[str]] = {
    "author": st.text(max_size=20), "section": st.text(max_size=20), "in": st.text(max_size=20), "list": st.text(max_size=20),
    "topic": st.text(max_size=20),
    "year": st.one_of(st.integers(0, 10_000).map(str), st.tuples(st.integers(1990, 2030), st.integers(1990, 2030)).map(lambda p: f"{p[0]}..{p[1]}")),
    "kind": st.sampled_from((*KINDS, "nonsense")), "is": st.sampled_from(STATES), "has": st.sampled_from(THINGS),
}  # fmt: skip


@given(st.sampled_from(get_args(Field)).flatmap(lambda name: st.tuples(st.just(name), _VALUES[name])))
@hypothesis_settings(deadline=None, max_examples=500)
def test_a_parameter_is_the_field_of_that_name(pair: tuple[Field, str]) -> None:
    name, value = pair
    typed = parse(f'word {name}:"{value.replace(chr(34), " ")}"')
    try:
        given = with_parameters(parse("word"), **{f"{name}_" if name in ("in", "is", "list") else name: [value]})
    except BadFilter as error:
        assert typed.filters == () or any(quote in value for quote in "“”„‟«»「」『』＂")
        assert error.cure
    else:
        assert parse(unparse(given)) == given
        if not any(quote in value for quote in '“”„‟«»「」『』＂"'):
            assert given == typed


def test_phrases_and_exclusions_as_parameters() -> None:
    query = with_parameters(parse("a"), phrase=['say "it"'], without=["-b", "c d"])
    assert query == Query((Words("a"), Words("say it", True)), (), ("-b", "c d"))
    assert parse(unparse(query)) == query
    for name in ("phrase", "without"):
        with pytest.raises(BadFilter):
            with_parameters(query, **{name: [" …"]})
