"""arXiv's metadata: one query for many ids, kept, asked again when old, and never a reason to fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.fetch import Fetcher, metadata
from indexer.fetch.metadata import ArxivMetadata, parse, says_withdrawn
from indexer.library.cache import Cache
from indexer.settings import Settings
from tests.loopback_arxiv import FakeTime, Fault, LoopbackArxiv, PaperFixture, answer, drop, html, paper

NOW = 1_795_000_000.0
DILOCO = PaperFixture(
    "DiLoCo: Distributed\n  Low-Communication Training",
    {1: b"", 2: b"", 3: b""},
    authors=("Arthur Douillard", "Qixuan  Feng"),
    abstract="Large language models\n are trained <here> & there.",
    published="2023-11-14",
    updated="2024-09-23",
    comment="12 pages",
    doi="10.1000/x",
    journal_ref="Journal 7 (2024)",
    categories=("cs.LG", "cs.CL"),
)


@pytest.fixture
def server() -> Iterator[LoopbackArxiv]:
    papers = {f"2401.{number:05}": PaperFixture(f"Paper {number}", {1: b""}) for number in range(1, 121)}
    with LoopbackArxiv({"2311.08105": DILOCO, "cs/0502012": paper("Old"), **papers}) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as cache:
        yield cache


Ask = Callable[..., tuple[dict[str, ArxivMetadata], list[str]]]


@pytest.fixture
def ask(server: LoopbackArxiv, cache: Cache) -> Iterator[Ask]:
    """`metadata.ask` with a fetcher of its own. `at` is seconds after NOW."""
    time = FakeTime()

    def ask(*ids: str, at: float = 0, offline: bool = False, **given: Any) -> Any:
        refresh = {"refresh": given.pop("refresh")} if "refresh" in given else {}
        defaults = {"arxiv_url": server.url, "arxiv_api_url": f"{server.url}/api/query", "retries": 0}
        settings = Settings(_env_file=None, **{**defaults, **given})
        with Fetcher(
            settings, cache, offline=offline, clock=time.clock, sleep=time.sleep, now=lambda: NOW + at
        ) as fetcher:
            return metadata.ask(fetcher, cache, ids, settings=settings, **refresh)

    return ask


def ids(first: int, last: int) -> list[str]:
    return [f"2401.{number:05}" for number in range(first, last + 1)]


def test_all_that_arxiv_says_of_a_paper(server: LoopbackArxiv, ask: Ask) -> None:
    known, reasons = ask("2311.08105")
    assert reasons == []
    assert known == {
        "2311.08105": ArxivMetadata(
            id="2311.08105",
            newest=3,
            title="DiLoCo: Distributed Low-Communication Training",
            authors=("Arthur Douillard", "Qixuan Feng"),
            abstract="Large language models are trained <here> & there.",
            published="2023-11-14",
            updated="2024-09-23",
            withdrawn=False,
            doi="10.1000/x",
            journal_ref="Journal 7 (2024)",
            comment="12 pages",
            categories=("cs.LG", "cs.CL"),
        )
    }
    again, _ = ask("2311.08105", offline=True)
    assert again == known


def test_one_query_for_fifty_ids(server: LoopbackArxiv, ask: Ask) -> None:
    known, reasons = ask(*ids(1, 120), *ids(1, 5))
    assert (len(known), reasons) == (120, [])
    assert [len(query) for query in server.queries] == [50, 50, 20]
    assert server.requests[0].query["max_results"] == ["50"]
    assert [known[each].title for each in ids(1, 3)] == ["Paper 1", "Paper 2", "Paper 3"]


def test_no_ids_no_query(server: LoopbackArxiv, ask: Ask) -> None:
    assert ask() == ({}, [])
    assert server.requests == []


def test_old_ids_keep_their_archive(server: LoopbackArxiv, ask: Ask) -> None:
    known, _ = ask("cs/0502012")
    assert known["cs/0502012"].title == "Old"


def test_an_answer_is_good_for_a_day(server: LoopbackArxiv, ask: Ask) -> None:
    ask(*ids(1, 3))
    ask(*ids(1, 3), at=86399)
    assert len(server.queries) == 1
    server.papers["2401.00001"] = replace(server.papers["2401.00001"], versions={1: b"", 2: b""})
    known, _ = ask(*ids(1, 4), at=3600)  # only what is not known yet
    assert server.queries[1:] == [["2401.00004"]]
    assert known["2401.00001"].newest == 1
    known, _ = ask(*ids(1, 3), at=86400)
    assert known["2401.00001"].newest == 2
    assert len(server.queries) == 3


def test_refresh_asks_whatever_the_age_and_a_clock_set_back_too(server: LoopbackArxiv, ask: Ask) -> None:
    ask(*ids(1, 2))
    ask(*ids(1, 2), refresh=True)
    ask(*ids(1, 2), at=-5000)
    assert len(server.queries) == 3


def test_offline_takes_what_is_known_of_any_age(server: LoopbackArxiv, ask: Ask) -> None:
    ask(*ids(1, 2))
    known, reasons = ask(*ids(1, 3), at=10**9, offline=True)
    assert (sorted(known), reasons) == (ids(1, 2), [])
    assert len(server.queries) == 1


def test_an_id_that_arxiv_does_not_know_is_remembered(server: LoopbackArxiv, cache: Cache, ask: Ask) -> None:
    some = ["2401.00001", "2412.00001", "2401.00002"]
    known, reasons = ask(*some)
    assert (sorted(known), reasons) == (ids(1, 2), [])
    assert metadata.unknown(cache, some) == {"2412.00001"}
    ask(*some)
    assert len(server.queries) == 1
    server.papers["2412.00001"] = paper("Now there")
    known, _ = ask(*some, at=86400)
    assert known["2412.00001"].title == "Now there"
    assert metadata.unknown(cache, some) == set()


def test_an_entry_without_a_title_is_an_unknown_id() -> None:
    feed = b"""<feed xmlns="http://www.w3.org/2005/Atom">
        <entry><id>http://arxiv.org/abs/2401.00001v1</id></entry>
        <entry><id>http://arxiv.org/abs/2401.00002v4</id><title>Two</title></entry>
        <entry><title>No id</title></entry></feed>"""
    assert {each: paper.newest for each, paper in parse(feed).items()} == {"2401.00002": 4}


ERROR = (
    b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/api/errors#x</id>'
    b"<title>Error</title><summary>%s</summary></entry></feed>"
)
EMPTY = answer(200, b'<feed xmlns="http://www.w3.org/2005/Atom"></feed>')


def test_an_answer_with_nothing_at_all_is_asked_for_once_more(server: LoopbackArxiv, cache: Cache, ask: Ask) -> None:
    server.on("/api/query", EMPTY)
    known, _ = ask(*ids(1, 3))
    assert (len(known), len(server.queries)) == (3, 2)
    ask("2412.00001")
    assert metadata.unknown(cache, ["2412.00001"]) == {"2412.00001"}
    assert len(server.queries) == 4


def test_what_was_known_is_not_made_unknown(server: LoopbackArxiv, cache: Cache, ask: Ask) -> None:
    ask(*ids(1, 2))
    del server.papers["2401.00001"]
    known, reasons = ask(*ids(1, 2), at=86400)
    assert sorted(known) == ids(1, 2)
    assert "2401.00001" in reasons[0]
    assert metadata.unknown(cache, ids(1, 2)) == set()


@pytest.mark.parametrize(
    "fault",
    [
        answer(500),
        answer(503),
        answer(403),
        answer(404),
        answer(429, retry_after=99999),
        drop(),
        html(b"<!DOCTYPE html><html><body>Sign in to the hotel</body></html>"),
        answer(200, b""),
        answer(200, b"\xff\xfe\x00garbage"),
        answer(200, b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>"),
        answer(200, b"<rss></rss>"),
        answer(200, b'<?xml version="1.0" encoding="nonsense"?><feed/>'),
        answer(
            200,
            b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
            b'<feed xmlns="http://www.w3.org/2005/Atom"><title>&b;</title></feed>',
        ),
        Fault(raw=b"nonsense\r\n\r\n"),
    ],
)
def test_a_failing_api_gives_a_reason_and_what_was_known(
    server: LoopbackArxiv, cache: Cache, ask: Ask, fault: Fault
) -> None:
    ask(*ids(1, 2))
    server.on("/api/query", fault, always=True)
    known, reasons = ask(*ids(1, 3), at=10**7)
    assert sorted(known) == ids(1, 2)
    assert len(reasons) == 1
    assert "metadata could not be" in reasons[0]
    assert "2401" not in reasons[0]
    assert metadata.unknown(cache, ids(1, 3)) == set()
    server._always.clear()
    known, reasons = ask(*ids(1, 3), at=2 * 10**7)
    assert (sorted(known), reasons) == (ids(1, 3), [])


def test_one_failing_batch_does_not_spoil_the_others(server: LoopbackArxiv, ask: Ask) -> None:
    server.on("/api/query", answer(500))
    known, reasons = ask(*ids(1, 120))
    assert sorted(known) == ids(51, 120)
    assert len(reasons) == 1


def test_a_bad_id_does_not_spoil_the_others(server: LoopbackArxiv, cache: Cache, ask: Ask) -> None:
    some = [*ids(1, 30), "nonsense", *ids(31, 49)]
    known, reasons = ask(*some)
    assert (sorted(known), reasons) == (ids(1, 49), [])
    assert metadata.unknown(cache, some) == {"nonsense"}
    assert len(server.queries) <= 14
    asked = len(server.queries)
    ask(*some)
    assert len(server.queries) == asked


@pytest.mark.parametrize(
    "fault",
    [answer(200, ERROR % b"incorrect id format for x"), answer(400, b"no"), answer(400, EMPTY.body)],
    ids=["200 with an error", "400", "400 with nothing"],
)
def test_a_query_that_is_called_wrong_is_halved(server: LoopbackArxiv, ask: Ask, fault: Fault) -> None:
    server.on("/api/query", fault)
    known, reasons = ask(*ids(1, 4))
    assert (len(known), reasons) == (4, [])
    assert [len(query) for query in server.queries] == [4, 2, 2]


@pytest.mark.parametrize("body", [b"no", EMPTY.body, ERROR % b"out of order"])
def test_a_server_that_calls_every_query_wrong_is_given_up(
    server: LoopbackArxiv, cache: Cache, ask: Ask, body: bytes
) -> None:
    server.on("/api/query", answer(400, body), always=True)
    known, reasons = ask(*ids(1, 50))
    assert (known, len(reasons)) == ({}, 1)
    assert len(server.queries) <= 30
    assert metadata.unknown(cache, ids(1, 50)) == set()  # that is not arXiv's word on an id


def test_an_api_that_errs_on_every_query_costs_no_more_than_thirty(server: LoopbackArxiv, ask: Ask) -> None:
    server.on("/api/query", answer(200, ERROR % b"incorrect id format for x"), always=True)
    _, reasons = ask(*ids(1, 50))
    assert "again and again" in reasons[0]
    assert len(server.queries) == 30


def test_a_row_of_another_shape_is_asked_for_again(server: LoopbackArxiv, cache: Cache, ask: Ask) -> None:
    cache.keep_metadata(NOW, {"2401.00001": {"id": "2401.00001", "title": "of another paperpath"}})
    known, _ = ask("2401.00001")
    assert known["2401.00001"].title == "Paper 1"


def test_an_api_address_with_a_query_of_its_own_keeps_it(server: LoopbackArxiv, ask: Ask) -> None:
    ask("2401.00001", arxiv_api_url=f"{server.url}/api/query?key=x")
    assert server.requests[-1].query == {"key": ["x"], "id_list": ["2401.00001"], "max_results": ["1"]}


WITHDRAWN = [
    ("This paper has been withdrawn by the author due to an error in Theorem 2", ""),
    ("This paper has been withdrawn", ""),
    ("this submission has been withdrawn by arXiv administrators because of overlap", ""),
    ("The paper was withdrawn by the authors.", ""),
    ("12 pages, 3 figures. This paper has been withdrawn by the authors", ""),
    ("This manuscript is withdrawn; see arXiv:2401.00001", ""),
    ("This article has been temporarily withdrawn", ""),
    ("Withdrawn", ""),
    ("withdrawn by the author", ""),
    ("Withdrawn due to an error in section 3", ""),
    ("Paper withdrawn. A new version will follow", ""),
    ("9 pages, withdrawn because the proof is wrong", ""),
    ("This paper has been withdrawn from arXiv", ""),
    ("", "This paper has been withdrawn by the author due to a crucial error in equation 1."),
    ("", "This work has been retracted by the authors."),
    ("", "Withdrawn by the author."),
]
NOT_WITHDRAWN = [
    ("", ""),
    ("12 pages; accepted", "We study how papers are withdrawn from arXiv, and why."),
    ("", "We ask when a paper has been withdrawn by its authors and what citations it keeps."),
    ("", "Withdrawn papers are cited long after. This paper studies why authors withdraw."),
    ("", "Retracted and withdrawn articles on COVID-19: this paper is about them."),
    ("This paper was withdrawn from ICML 2023 and is under review elsewhere", ""),
    ("withdrawn from NeurIPS", ""),
    ("Submitted to TMLR. The figures were withdrawn from the appendix", ""),
    ("", "Energy is withdrawn by the load. This paper has been written to say so."),
    ("On the heat withdrawn by a moving source", ""),
    ("", "The offer was withdrawn because of costs, which this paper models."),
]


@pytest.mark.parametrize(("comment", "abstract"), WITHDRAWN)
def test_a_withdrawn_paper_is_recognised(comment: str, abstract: str) -> None:
    assert says_withdrawn(comment, abstract)


@pytest.mark.parametrize(("comment", "abstract"), NOT_WITHDRAWN)
def test_a_paper_that_talks_of_withdrawal_is_not_withdrawn(comment: str, abstract: str) -> None:
    assert not says_withdrawn(comment, abstract)


def test_a_withdrawn_paper_says_so(server: LoopbackArxiv, ask: Ask) -> None:
    server.papers["2402.00001"] = PaperFixture(
        "Taken back", {1: b"", 2: None}, comment="This paper has been withdrawn by the author"
    )
    known, _ = ask("2402.00001")
    assert (known["2402.00001"].withdrawn, known["2402.00001"].newest) == (True, 2)


@given(st.binary(max_size=200) | st.text(alphabet="<>/feedntry &;xmlns='\"", max_size=80).map(str.encode))
def test_any_bytes_are_a_feed_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse(data), dict)


@given(st.text(max_size=300), st.text(alphabet="this paper has been withdrawn.,;( ", max_size=400))
def test_any_text_is_judged_quickly(comment: str, abstract: str) -> None:
    assert says_withdrawn(comment, abstract) in (True, False)
    assert says_withdrawn(abstract, comment) in (True, False)
