"""The pages in a browser, as people use them: by mouse, by keyboard alone, without scripts, on a phone, in the dark.

What each page asks of other hosts, and what its policy refuses, is counted by `visiting`: both have to be nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, needs_axe, needs_chromium, serving, visiting
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr
from test_pages import EMOJI, IMAGE, LONG, RTL, SCRIPT, hostile_library

from indexer.library import Library
from indexer.settings import Settings
from service.api import create_app

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

PROJECT = Path(__file__).parents[1]
PHONE = {"width": 360, "height": 740}
WIDE = {"width": 1440, "height": 900}
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
        assert page.evaluate("document.activeElement.id") == "q"
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
        page.fill("#q", "trees")
        with page.expect_request("**/?q=trees"):
            pass
        page.fill("#q", "descent")
        page.locator("#found h2 a").first.wait_for()
        for route in held:
            route.continue_()
        page.wait_for_load_state("networkidle")
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


# ---------------------------------------------------------------------- the whole way, by mouse and by keyboard


def test_the_way_by_mouse(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/")
        page.fill("#q", "islands communicate rarely")
        page.locator("#found h2 a").first.click()
        page.locator(".sheet .beside h2").first.wait_for()
        assert page.locator("section mark").count() > 0
        page.locator(".actions .mark button").click()
        page.locator(".actions .mark button[aria-pressed=true]").wait_for()
        assert is_read(settings, "islands")
        page.fill("#note", "again, " + SCRIPT)
        page.get_by_role("button", name="Keep").click()
        page.get_by_text("Kept.").wait_for()
        page.reload()
        assert page.input_value("#note") == "again, " + SCRIPT
        page.get_by_role("link", name="Library").click()
        page.locator("tr.done").wait_for()
        page.locator("tr.done .mark button").click()
        page.locator("tr.done").wait_for(state="detached")
        assert not is_read(settings, "islands")
        add(page, "files", "secret")
        page.locator("tbody th a", has_text="Whales").wait_for()
        assert page.locator("#outcome").inner_text().startswith("4 documents")
        assert page.locator("#stages progress").count() >= 3


def add(page: Any, field: str, token: str, name: str = "whales.pdf", body: bytes = b"") -> None:
    """Gives the page a file, and the token when it asks."""
    pdf = body or tiny_pdf(["Whales of the sea\nWhales sing over long distances and nothing else."])
    page.set_input_files(f"#{field}", {"name": name, "mimeType": "application/pdf", "buffer": pdf})
    page.fill("#tokenvalue", token)
    page.keyboard.press("Enter")


def test_the_way_by_keyboard_alone(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/library")
        page.keyboard.press("?")
        assert page.locator("dialog#keys").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("dialog#keys").is_visible()
        page.keyboard.press("/")
        page.locator("#q").wait_for()
        page.wait_for_function("() => document.activeElement.id === 'q'")
        page.keyboard.type("islands communicate rarely")
        page.locator("#found h2 a").first.wait_for()
        page.wait_for_function(
            "() => location.search.endsWith('rarely') && document.querySelector('#results').ariaBusy === 'false'"
        )
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement === document.querySelector('#found h2 a')")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement === document.querySelectorAll('#found h2 a')[1]")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.id") == "q"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator(".sheet .beside h2").first.wait_for()
        tab_to(page, "form.mark button")
        page.keyboard.press("Space")
        page.locator(".actions .mark button[aria-pressed=true]").wait_for()
        assert is_read(settings, "islands")
        page.go_back()
        page.locator("#found li.done").wait_for()
        visit.go("/library")
        tab_to(page, "#link")
        page.keyboard.type("http://127.0.0.1:9/none.pdf")
        page.keyboard.press("Enter")
        page.locator("dialog#token").wait_for()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("This is not the token.").wait_for()
        page.keyboard.type("secret")
        page.keyboard.press("Enter")
        page.locator("#wrong li").first.wait_for()
        assert "127.0.0.1:9" in page.locator("#wrong li").first.inner_text()
        page.get_by_text("4 documents").first.wait_for()


def tab_to(page: Any, selector: str) -> None:
    """Presses Tab until something is reached; each stop on the way has to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "(s) => [document.activeElement.matches(s), getComputedStyle(document.activeElement).outlineStyle]",
            selector,
        )
        assert seen[1] != "none", page.evaluate("document.activeElement.outerHTML")
        if seen[0]:
            return
    raise AssertionError(f"{selector} is not reached")


def test_keys_can_be_switched_off(browser: Any, base: str) -> None:
    with visiting(browser, base) as visit:
        page = visit.go("/library")
        page.get_by_role("button", name="Keys").click()
        page.locator("#usekeys").uncheck()
        page.get_by_role("button", name="Close").click()
        page.keyboard.press("?")
        assert not page.locator("dialog#keys").is_visible()
        page.reload()
        page.keyboard.press("/")
        assert page.evaluate("location.pathname") == "/library"


def test_without_scripts(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, java_script_enabled=False) as visit:
        page = visit.go("/")
        page.locator("#q").fill("islands communicate rarely")
        page.locator("#q").press("Enter")
        assert page.url.startswith(base + "/?q=islands+communicate+rarely")
        page.locator("#found h2 a").first.click()
        assert page.locator("section mark").count() > 0
        page.locator(".actions .mark button").click()
        assert page.url == base + "/papers/islands?q=islands+communicate+rarely" and is_read(settings, "islands")
        page.locator("#note").fill("kept without a script")
        page.get_by_role("button", name="Keep").click()
        assert page.locator("#note").input_value() == "kept without a script"
        page.locator(".back a").click()
        page.locator("#found .done").wait_for()
        page.get_by_role("link", name="Library").click()
        assert page.locator("tbody tr").count() == 3 and not page.locator("#addform").is_visible()


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
        wrong = page.locator("#wrong").inner_text()
        assert "page.html" in wrong and "A whale" in wrong and "Another" in wrong
        page.locator(".state.title").nth(1).wait_for()
        visit.shot("progress")


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
            if page.locator("#showkeys").is_visible():
                page.locator("#showkeys").click()
                assert visit.axe() == [], f"{path}, keys"


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
                    visit.shot(f"hostile-{path.strip('/').split('?')[0].replace('/', '-') or 'search'}-{size['width']}")
                page = visit.go("/papers/rtl")
                assert page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
