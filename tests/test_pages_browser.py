"""The pages in a browser, as people use them: by mouse, by keyboard alone, without scripts, on a phone, in the dark.

What each page asks of other hosts, and what its policy refuses, is counted by `visiting`: both have to be nothing.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import PHONE, PROJECT, WIDE, chromium, needs_axe, needs_chromium, serving, tab_to, visiting
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr
from test_pages import EMOJI, IMAGE, LONG, RTL, SCRIPT, hostile_library

from indexer.library import Library
from indexer.settings import Settings
from service.api import create_app

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

PAPERS = {
    "islands": [
        "Training on islands\nThe islands communicate rarely, so communication falls a lot.",
        "More on islands.",
    ],
    "parsing": ["Parsing of trees\nTrees are parsed by grammars that islands of text follow."],
    "gradients": ["Gradient descent\nGradient descent takes steps and nothing else."],
}
PATHS = ("/", "/?q=islands+communicate", "/papers/islands?q=islands", "/library", "/papers/none")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of three papers, to be copied."""
    from indexer.reindex import Request, reindex

    folder = tmp_path_factory.mktemp("pages")
    (folder / "papers").mkdir()
    for name, pages in PAPERS.items():
        (folder / "papers" / f"{name}.pdf").write_bytes(tiny_pdf(pages))
    settings = Settings(library=folder / "library", model="toy", digests=folder / "none", workers=1)
    reindex(Request(sources=(str(folder / "papers"),)), settings)
    return settings.library


@pytest.fixture
def base(settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server over three papers, whose library can be added to."""
    shutil.copytree(built, settings.library)
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    monkeypatch.chdir(PROJECT)
    with serving(create_app(settings.model_copy(update={"token": SecretStr("secret")}))) as base:
        yield base


def is_read(settings: Settings, paper: str) -> bool:
    from indexer.library import marks

    library = Library(settings.library)
    return marks.state(library.open().catalogue.summary(paper), marks.load(library.marks))


# ---------------------------------------------------------------------- searching


def test_results_come_as_one_types(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/")
        page.wait_for_function(
            "() => document.activeElement.id === 'q'"
        )  # with the first frame, if later than all loaded
        page.keyboard.type("talk rarely", delay=15)
        page.locator("#found h2 a[href$='?q=talk+rarely']").first.wait_for()  # what came while typing is replaced
        assert page.locator("#found h2 a").first.get_attribute("href") == "/papers/islands?q=talk+rarely"
        assert "What is nearest" in page.locator("#told[role=status]").inner_text()
        page.wait_for_function("() => location.search === '?q=talk+rarely'")
        assert page.locator("#found mark").count() > 0 and page.input_value("#q") == "talk rarely"
        page.keyboard.press("Enter")
        page.keyboard.type(" parsed", delay=15)
        page.wait_for_function("() => location.search === '?q=talk+rarely+parsed'")
        page.go_back()
        page.wait_for_function("() => document.getElementById('q').value === 'talk rarely'")
        page.wait_for_function("() => document.querySelector('#found h2 a').href.endsWith('?q=talk+rarely')")
        page.go_back()
        page.locator(".themes").wait_for()
        assert page.input_value("#q") == "" and page.title() == "paperpath"
        page.go_forward()
        page.locator("#found > li").first.wait_for()
        assert page.input_value("#q") == "talk rarely"


def test_a_late_answer_does_not_replace_a_later_one(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.go("/")
        held: list[Any] = []
        page.route("**/?q=trees", lambda route: held.append(route))
        with page.expect_request("**/?q=trees"):
            page.fill("#q", "trees")
        page.fill("#q", "descent")
        page.locator("#found h2 a").first.wait_for()
        (late,) = held
        late.continue_()
        page.evaluate("fetch('/?q=trees again').then((answer) => answer.text())")  # answered after the late one
        assert page.locator("#found h2 a").first.get_attribute("href") == "/papers/gradients?q=descent"
        assert page.get_attribute("#results", "aria-busy") == "false"


def test_filters_and_the_address(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.go("/?q=islands")
        count = page.locator("#found > li").count()
        page.select_option("#state", "read")
        page.locator("#said", has_text="Nothing here fits these filters.").wait_for()
        assert page.evaluate("location.search") == "?q=islands&state=read"
        page.select_option("#state", "unread")
        page.locator("#found > li").first.wait_for()
        assert page.locator("#found > li").count() == count
        page.reload()
        assert page.input_value("#state") == "unread" and page.locator("#found > li").count() == count
        page.fill("#since", "20")  # no year yet: nothing is asked
        page.fill("#since", "2999")
        page.locator("#said", has_text="Nothing here fits these filters.").wait_for()
        page.go_back()
        page.wait_for_function("() => document.getElementById('since').value === ''")


def test_a_server_that_is_gone_is_told(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.go("/")
        page.route("**/?q=*", lambda route: route.abort())
        page.fill("#q", "islands")
        page.locator(".said", has_text="The server doesn’t answer.").wait_for()
        page.unroute("**/?q=*")
        page.fill("#q", "islands communicate")
        page.locator("#found > li").first.wait_for()


# ---------------------------------------------------------------------- marks, notes, keys


def test_a_note_is_kept_and_a_mark_taken_back(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/papers/islands")
        page.locator(".actions .mark button").click()
        page.locator(".actions .mark button[aria-pressed=true]").wait_for()
        page.fill("#note", "again, " + SCRIPT)
        page.get_by_role("button", name="Keep").click()
        page.get_by_text("Kept.").wait_for()
        page.reload()
        assert page.input_value("#note") == "again, " + SCRIPT
        visit.go("/library")
        page.locator("tr.done .mark button").click()
        page.locator("tr.done").wait_for(state="detached")
        assert not is_read(settings, "islands")


def test_keys_lead_through_the_results(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/library")
        page.keyboard.press("?")
        page.locator("dialog#keys").wait_for()
        page.keyboard.press("Escape")
        page.locator("dialog#keys").wait_for(state="hidden")
        with page.expect_navigation():  # to its end: before the scripts run, nobody hears what is typed
            page.keyboard.press("/")
        page.wait_for_function("() => document.activeElement.id === 'q'")
        page.keyboard.type("islands communicate rarely")
        page.locator("#found h2 a[href$='rarely']").first.wait_for()
        page.wait_for_function("() => document.querySelector('#results').ariaBusy === 'false'")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement === document.querySelector('#found h2 a')")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement === document.querySelectorAll('#found h2 a')[1]")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.id") == "q"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "q"


def test_a_wrong_token_is_asked_for_again(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/library")
        tab_to(page, "#link")
        page.keyboard.type("http://127.0.0.1:9/none.pdf")
        page.keyboard.press("Enter")
        page.locator("dialog#token").wait_for()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("This is not the token.").wait_for()
        page.keyboard.type("secret")
        page.keyboard.press("Enter")
        page.locator("#outcome", has_text="1 added").wait_for()
        assert "127.0.0.1:9" in page.locator("#outcome").inner_text()
        page.get_by_text("4 documents").first.wait_for()


def test_keys_can_be_switched_off(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.go("/library")
        page.get_by_role("button", name="Keys").click()
        page.locator("#usekeys").uncheck()
        page.get_by_role("button", name="Close").click()
        page.locator("dialog#keys").wait_for(state="hidden")
        page.keyboard.press("?")
        assert not page.locator("dialog#keys").is_visible()
        page.reload()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.keyboard.press("/")
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # comes after what the key would have asked
        assert base + "/healthz" in asked and base + "/" not in asked


# ---------------------------------------------------------------------- adding


def test_a_drop_is_followed_to_its_end(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/library")
        page.evaluate("sessionStorage.setItem('paperpath-token', 'secret')")
        listed = "# To read\n\n- [A whale](http://127.0.0.1:9/whale.pdf)\n- [Another](http://127.0.0.1:9/other.pdf)\n"
        page.evaluate(
            """(text) => {
              const data = new DataTransfer();
              data.items.add(new File([text], "list.md", {type: "text/markdown"}));
              data.items.add(new File(["<html>"], "page.html", {type: "text/html"}));
              document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
            }""",
            listed,
        )
        page.locator("#outcome", has_text="5 documents").wait_for()
        assert "page.html" in page.locator("#wrong").inner_text()
        became = page.locator("#outcome").inner_text()
        assert "2 added" in became and "A whale" in became and "Another" in became
        page.locator(".state.title").nth(1).wait_for()
        visit.shot("progress")
        page.fill("#link", "http://127.0.0.1:9/third.pdf")
        page.keyboard.press("Enter")
        page.locator("#outcome", has_text="1 added").wait_for()
        became = page.locator("#outcome").inner_text()
        assert "2 papers from before are still not here in full" in became
        assert not page.locator("#outcome a", has_text="A whale").is_visible(), "what was not touched is one line"
        assert page.locator("#outcome a", has_text="third").first.is_visible()
        assert page.locator("#wrong li").count() == 0 and not page.locator("#failures").is_visible()
        assert page.locator("main").inner_text().count("no web server is asked at") == 1, (
            "what all three share is said once"
        )
        page.reload()
        assert page.locator("main").inner_text().count("no web server is asked at") == 1


def test_a_source_is_taken_out_once_it_is_said_what_goes(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=PHONE) as visit:
        page = visit.go("/library")
        page.evaluate("sessionStorage.setItem('paperpath-token', 'secret')")
        assert page.locator("[data-remove]").count() == 0, "the only source stays"
        pdf = tiny_pdf(["Whales of the sea\nWhales sing over long distances and nothing else."])
        page.set_input_files("#files", [{"name": "whales.pdf", "mimeType": "application/pdf", "buffer": pdf}])
        page.locator("#outcome", has_text="1 added").wait_for()
        remove = page.locator(".sources li", has_text="whales.pdf").get_by_role("button")
        remove.click()
        said = page.locator("dialog#removing").inner_text()
        assert "Remove whales.pdf?" in said and "1 paper goes with it" in said and "Whales of the sea" in said
        page.get_by_role("button", name="Cancel").click()
        page.locator("dialog#removing").wait_for(state="hidden")
        assert len(Library(settings.library).open().catalogue.summaries) == 4, "nothing went"
        remove.click()
        page.locator("dialog#removing").get_by_role("button", name="Remove").click()
        page.locator("#outcome", has_text="1 removed").wait_for()
        assert page.locator("tbody tr").count() == 3 and page.locator("[data-remove]").count() == 0
        assert len(Library(settings.library).open().catalogue.summaries) == 3


def test_a_key_marks_the_paper_one_is_at(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/papers/islands")
        page.keyboard.press("r")
        page.locator("#marked", has_text="Marked as read.").wait_for(state="attached")
        assert is_read(settings, "islands")
        page.keyboard.press("r")
        page.locator("#marked", has_text="No longer").wait_for(state="attached")
        page = visit.go("/?q=islands")
        assert not is_read(settings, "islands")
        page.locator("#found h2 a[href^='/papers/parsing']").focus()
        page.keyboard.press("r")
        page.locator("#found li.done a[href^='/papers/parsing']").wait_for()
        assert is_read(settings, "parsing") and not is_read(settings, "islands")
        page = visit.go("/order")
        page.locator(".card:not(.missing)").first.focus()
        page.keyboard.press("r")
        page.locator(".card.read").nth(1).wait_for()


def test_a_token_that_is_not_given_changes_nothing(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.go("/library")
        page.fill("#link", "2311.08105")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("Nothing was changed.").wait_for()
        page.fill("#link", "/etc/passwd")
        page.get_by_role("button", name="Add", exact=True).click()
        page.fill("#tokenvalue", "secret")
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("/etc/passwd is neither an arXiv id").wait_for()


@contextmanager
def slow_paper() -> Iterator[tuple[str, threading.Event]]:
    """The address of a PDF that comes once the event is set."""
    given = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.wait(120)
            body = tiny_pdf(["Whales of the sea\nWhales sing over long distances and nothing else."])
            self.send_response(200)
            self.send_header("Content-Type", "application/pdf")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/whales.pdf", given
    finally:
        given.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_reindex_that_runs_is_followed_by_who_comes_later(
    browser: Any, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ALLOW_PRIVATE": "true", "HOST_SECONDS": "0", "RETRIES": "0", "READ_SECONDS": "120"}.items():
        monkeypatch.setenv(f"PAPERPATH_{name}", value)
    with slow_paper() as (address, given), visiting(browser, base) as visit:
        told = httpx.post(f"{base}/v1/reindex", json={"add": [address]}, headers={"Authorization": "Bearer secret"})
        assert told.status_code == 202
        for _ in range(2):  # and by who comes back
            page = visit.go("/library")
            page.locator("#stages li", has_text="Fetching").wait_for()
            assert page.locator("#running").inner_text() == "At work" and page.locator("#outcome a").count() == 0
        given.set()
        page.locator("#outcome a", has_text="Whales").wait_for()
        assert page.locator("#stages li", has_text="Fetching").count() == 1, "nothing is told twice"
        page.locator("tbody th a", has_text="Whales").wait_for()
        page = visit.go("/library")
        assert page.locator("#adding").get_attribute("data-job") == "" and not page.locator("#progress").is_visible()


def test_a_reindex_that_the_server_forgot_is_not_waited_for(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.page
        page.route("**/library", lambda route: route.fulfill(
            response=(answer := route.fetch()), body=answer.text().replace('data-job=""', 'data-job="0123456789abcdef"')))  # fmt: skip
        visit.go("/library")
        page.get_by_text("The server no longer knows of it.").wait_for()


# ---------------------------------------------------------------------- how it looks, and to whom


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_everybody_can_use_it(browser: Any, base: str, size: dict, scheme: str) -> None:
    with visiting(browser, base, viewport=size, color_scheme=scheme) as visit:
        names = dict(zip(PATHS, ("home", "search", "paper", "library", "trouble"), strict=True))
        for path in PATHS:
            page = visit.go(path)
            visit.shot(f"{names[path]}-{size['width']}-{scheme}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            assert visit.axe() == [], path
            assert not visit.overflows(), path
        page.locator("#showkeys").click()  # the dialogs are the same on every page
        assert visit.axe() == [], "keys"
        page.evaluate("document.getElementById('keys').close(); document.getElementById('token').showModal()")
        assert visit.axe() == [], "token"
        visit.shot(f"token-{size['width']}-{scheme}")


@needs_axe
def test_everybody_can_begin(browser: Any, settings: Settings) -> None:
    """Before there is a library: each page says what to do, and to do it is offered."""
    with serving(create_app(settings.model_copy(update={"token": SecretStr("secret")}))) as base:
        for size, scheme in ((PHONE, "dark"), (WIDE, "light")):
            with visiting(browser, base, viewport=size, color_scheme=scheme) as visit:
                page = visit.go("/")
                assert visit.axe() == [] and not visit.overflows()
                visit.shot(f"begin-{size['width']}")
                with page.expect_navigation():
                    page.get_by_role("link", name="Add papers").click()
                assert page.locator("#link").is_visible() and visit.axe() == [] and not visit.overflows()
                visit.shot(f"begin-library-{size['width']}")


@pytest.mark.parametrize("path", [*PATHS, "/order"])
def test_large_letters_and_much_room_between_them_hide_nothing(browser: Any, base: str, path: str) -> None:
    """WCAG 1.4.4, 1.4.10 and 1.4.12: twice the size on half a screen, and text spaced as a reader may set it."""
    spaced = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    with visiting(browser, base, viewport={"width": 320, "height": 512}, bypass_csp=True) as visit:
        page = visit.go(path)
        page.add_style_tag(content=spaced)
        assert not visit.overflows()
        cut = page.evaluate(
            """() => [...document.querySelectorAll("main button, main a, main label, main h1, main h2, main summary")]
              .filter((one) => one.checkVisibility() && !one.closest(".sr, .map") && !one.matches(".sr, .title")
                && getComputedStyle(one).overflow === "hidden" && one.scrollWidth > one.clientWidth + 1)
              .map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert cut == []


def test_with_forced_colours_what_is_marked_is_still_seen(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE, forced_colors="active") as visit:
        page = visit.go("/?q=islands+communicate")
        page.locator("#found .mark button").first.click()
        page.locator("#found .mark button[aria-pressed=true]").first.wait_for()
        tick = page.evaluate(
            """() => ["true", "false"].map((how) => {
              const tick = document.querySelector(`[aria-pressed="${how}"] .tick`);
              return getComputedStyle(tick).backgroundColor;
            })"""
        )
        assert tick[0] != tick[1], "read and unread look alike"
        visit.shot("forced-search")
        visit.go("/order")
        visit.shot("forced-order")


def test_hostile_texts_are_shown_as_text(browser: Any, settings: Settings) -> None:
    hostile_library(settings.library)
    with serving(create_app(settings)) as base:
        for size in (PHONE, WIDE):
            with visiting(browser, base, viewport=size) as visit:
                for path in (
                    "/",
                    "/?q=islands+communicate",
                    "/library",
                    *(f"/papers/{name}?q=islands" for name in ("image", "rtl", "long")),
                ):
                    page = visit.go(path)
                    assert page.title() != "owned" and page.locator("main img").count() == 0
                    assert not visit.overflows(), (path, size)
                    said = page.locator("main").inner_text()
                    if path == "/library":
                        assert SCRIPT in said and IMAGE in said and EMOJI in said and RTL in said and LONG[:280] in said
                        assert f"{EMOJI}.pdf" in said and f"{RTL}.pdf" in said
                    visit.shot(f"hostile-{path.strip('/').split('?')[0].replace('/', '-') or 'search'}-{size['width']}")
                page = visit.go("/papers/rtl")
                assert page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
