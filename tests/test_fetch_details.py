"""Fetching in its details: what each status means to whoever asked, and when a HEAD is asked again with a GET."""

from __future__ import annotations

import pytest
from loopback_arxiv import WITHDRAWN_PAGE, LoopbackArxiv, Page, answer, html, redirect
from test_fetch import ID, NAME, Make, cache, elsewhere, make, server, time  # noqa: F401

from indexer.errors import AddressRefused, Gone, Refused
from indexer.library.cache import Cache


@pytest.mark.parametrize(("status", "named", "browser"), [
    (401, "401 (Unauthorized)", True), (403, "403 (Forbidden)", True), (451, "451 (Unavailable For Legal Reasons)", True),
    (402, "402 (Payment Required)", False), (418, "418 (I'm a Teapot)", False), (499, "499", False),
])  # fmt: skip
def test_a_refusal_names_its_status_and_a_cure_where_there_is_one(
    server: LoopbackArxiv, make: Make, status: int, named: str, browser: bool  # noqa: F811
) -> None:  # fmt: skip
    server.on("/a", answer(status))
    with pytest.raises(Refused) as caught:
        make().fetch(elsewhere(server, "/a"))
    assert caught.value.message.endswith(f"was answered {named}.")
    assert ("Open the link in a browser" in caught.value.cure) == browser


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_told_as_gone(server: LoopbackArxiv, make: Make, status: int) -> None:  # noqa: F811
    server.on("/a", answer(status))
    with pytest.raises(Gone, match=f"is not there: {status}"):
        make().fetch(elsewhere(server, "/a"))


@pytest.mark.parametrize("status", [400, 405, 501])
def test_what_a_head_gets_is_asked_again_with_a_get(server: LoopbackArxiv, make: Make, status: int) -> None:  # noqa: F811
    server.pages["/a"] = Page(b"a page")
    server.on("/a", answer(status))
    make().probe(elsewhere(server, "/a"))
    assert [seen.method for seen in server.requests] == ["HEAD", "GET"]


@pytest.mark.parametrize(("status", "methods"), [(405, ["HEAD", "GET"]), (501, ["HEAD", "GET"]), (400, ["HEAD"])])
def test_arxiv_is_asked_again_only_where_it_does_not_know_head(
    server: LoopbackArxiv, make: Make, status: int, methods: list[str]  # noqa: F811
) -> None:  # fmt: skip
    fetcher = make(retries=0)
    fetcher.probe(NAME)
    path = server.requests[-1].path
    server.requests.clear()
    server.on(path, answer(status))
    try:
        fetcher.probe(NAME)
    except Refused:
        assert methods == ["HEAD"]
    assert [seen.method for seen in server.requests if seen.path == path] == methods


def test_what_is_no_id_is_refused_by_name(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    with pytest.raises(AddressRefused, match="arxiv:nonsense is not an arXiv id"):
        make().fetch("arxiv:nonsense")
    assert server.requests == []


def test_only_arxiv_says_that_a_paper_of_its_own_was_withdrawn(
    server: LoopbackArxiv, cache: Cache, make: Make  # noqa: F811
) -> None:  # fmt: skip
    server.on("/a", html(WITHDRAWN_PAGE, 404), html(WITHDRAWN_PAGE, 404))
    server.on(f"/pdf/{ID}v2", redirect(elsewhere(server, "/a")))
    server.on(f"/pdf/{ID}v3", html(WITHDRAWN_PAGE, 410))
    fetcher = make()
    for ask in (
        lambda: fetcher.fetch(elsewhere(server, "/a")),
        lambda: fetcher.fetch(NAME, newest=2),
        lambda: fetcher.fetch(NAME, newest=3),
    ):
        with pytest.raises(Gone):
            ask()


def test_metadata_ahead_of_the_papers_costs_no_second_body(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    server.on(f"/pdf/{ID}v3", redirect(f"/pdf/{ID}v2"), always=True)
    first, again = make().fetch(NAME, newest=3), make().fetch(NAME, newest=3)
    assert (first.version, again.version, again.transferred, again.note) == (2, 2, False, "")
    assert server.bodies == 1
