"""Fetching in its details: what each status means to whoever asked, and when a HEAD is asked again with a GET."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loopback_arxiv import SIGN_IN_PAGE, WITHDRAWN_PAGE, LoopbackArxiv, Page, answer, html, redirect
from test_fetch import ID, NAME, Make, cache, elsewhere, make, server, time  # noqa: F401

from indexer.errors import AddressRefused, Gone, NotAsClaimed, Refused, Withdrawn


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


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_neither_a_head_nor_a_get_finds_is_not_there(server: LoopbackArxiv, make: Make, status: int) -> None:  # noqa: F811
    server.on("/a", answer(405), answer(status))
    with pytest.raises((Gone, Refused), match=str(status)):
        make().probe(elsewhere(server, "/a"))


def test_an_empty_page_is_there(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    server.pages["/a"] = Page(b"")  # it has no first byte to give
    server.on("/a", answer(405), answer(416))
    make().probe(elsewhere(server, "/a"))
    assert len(server.requests) == 2


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


def test_only_arxiv_says_that_a_paper_of_its_own_was_withdrawn(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    server.on("/a", html(WITHDRAWN_PAGE, 404), html(WITHDRAWN_PAGE, 404))
    server.on("/list", html(WITHDRAWN_PAGE, 404))
    server.on(f"/pdf/{ID}v2", redirect(elsewhere(server, "/a")))
    server.on(f"/pdf/{ID}v3", html(WITHDRAWN_PAGE, 410))
    fetcher = make()
    for ask in (
        lambda: fetcher.fetch(elsewhere(server, "/a")),
        lambda: fetcher.fetch(f"{server.url}/list"),
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


def test_a_page_that_explains_itself_late_is_understood(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    menu = b"<!DOCTYPE html><html><body>" + b"<a href='/'>menu</a>" * 2000
    page = html(menu + b"<p>This paper has been withdrawn.</p>")
    server.on(f"/pdf/{ID}v3", replace(page, stall=5000), page)  # what came first is no reason to judge
    with pytest.raises(Withdrawn):
        make(read_seconds=2).fetch(NAME, newest=3)


def test_plain_text_can_say_that_a_paper_was_withdrawn_and_an_image_cannot(
    server: LoopbackArxiv, make: Make  # noqa: F811
) -> None:  # fmt: skip
    text = b"This paper has been withdrawn."
    server.on(f"/pdf/{ID}v3", answer(200, text, content_type="text/plain"), answer(200, text, content_type="image/png"))
    with pytest.raises(Withdrawn):
        make().fetch(NAME, newest=3)
    with pytest.raises(NotAsClaimed):
        make().fetch(NAME, newest=3)


def test_the_version_is_the_one_asked_for_where_no_answer_says_it(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    for version in (2, 3):
        server.on(f"/pdf/{ID}v{version}", redirect(elsewhere(server, f"/{version}", "cdn.example")))
        server.pages[f"/{version}"] = Page(b"%PDF-1.4 " + b"x" * version, "application/pdf")
    assert make().fetch(NAME, version=2).version == 2
    assert make().fetch(NAME, newest=3).version == 3


def test_a_long_page_that_is_no_paper_is_not_read_to_its_end(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    server.on(f"/pdf/{ID}v3", html(SIGN_IN_PAGE + b" " * 30_000_000, 404))
    with pytest.raises(Gone):
        make().fetch(NAME, newest=3)
    assert server.requests[-1].sent < 20_000_000
