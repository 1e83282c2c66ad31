"""One afternoon on the pages, from the first letter that is typed to a paper that appears: by mouse, by keys, without scripts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PHONE, PROJECT, WIDE, chromium, needs_chromium, serving, tab_to, visiting
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr
from test_order_page import BEFORE, GOAL, build_seed

from indexer.library import Library, marks
from indexer.settings import Settings
from service.api import create_app

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

QUESTION = "diloco communication"
WHALES = {"name": "whales.pdf", "mimeType": "application/pdf",
          "buffer": tiny_pdf(["Whales of the sea\nWhales sing over long distances and nothing else."])}  # fmt: skip


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_seed(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def base(settings: Settings, seeded: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server over twelve digests, whose library can be added to; arXiv is a port that nobody listens on."""
    shutil.copytree(seeded, settings.library)
    for name, value in {"MODEL": "toy", "ARXIV_URL": "http://127.0.0.1:9", "ARXIV_API_URL": "http://127.0.0.1:9/api",
                        "ARXIV_SECONDS": "0", "HOST_SECONDS": "0", "RETRIES": "0", "ALLOW_PRIVATE": "true"}.items():  # fmt: skip
        monkeypatch.setenv(f"PAPERPATH_{name}", value)
    monkeypatch.chdir(PROJECT)
    with serving(create_app(settings.model_copy(update={"token": SecretStr("secret")}))) as base:
        yield base


def is_read(settings: Settings, paper: str) -> bool:
    library = Library(settings.library)
    return marks.state(library.open().catalogue.summary(paper), marks.load(library.marks))


def by_mouse(page: Any) -> None:
    page.locator("#q").click()
    page.keyboard.type(QUESTION, delay=10)
    page.locator(f"#found h2 a[href$='?q={QUESTION.replace(' ', '+')}']").first.wait_for()
    with page.expect_navigation():
        page.locator(f"#found h2 a[href^='/papers/{BEFORE}']").click()
    page.locator(".actions .mark button").click()
    page.locator(".actions .mark button[aria-pressed=true]").wait_for()
    with page.expect_navigation():
        page.get_by_role("link", name="Reading order").click()
    page.locator(".card.read").wait_for()
    key = (
        page.locator(f"form[data-id='{GOAL}']")
        .locator("xpath=ancestor::li[contains(@class, 'step')]")
        .get_attribute("id")
    )
    page.locator(f".card[data-key='{key}'] .face").click()
    page.locator("#panel .to-goal").click()
    page.locator(f".card.goal[data-key='{key}']").wait_for()
    for card in page.locator(".card.lit").all():
        card.locator(".face").click()
        own = page.locator(f"#{card.get_attribute('data-key')} .step-title").inner_text()
        page.locator("#panel .step-title", has_text=own).wait_for()
    with page.expect_navigation():
        page.get_by_role("link", name="Library").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("choose files").click()
    chooser.value.set_files([WHALES])
    page.locator("#tokenvalue").click()
    page.keyboard.type("secret")
    page.get_by_role("button", name="Go on").click()
    with page.expect_navigation():
        page.locator("#outcome a", has_text="Whales").click()


def by_keyboard(page: Any) -> None:
    # heard from here on: who begins to listen with the key may be too late for it
    page.on("filechooser", lambda chooser: None)
    page.wait_for_function("() => document.activeElement.id === 'q'")
    page.keyboard.type(QUESTION, delay=10)
    page.locator(f"#found h2 a[href$='?q={QUESTION.replace(' ', '+')}']").first.wait_for()
    page.wait_for_function("() => document.querySelector('#results').ariaBusy === 'false'")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        if page.evaluate(f"document.activeElement.matches('[href^=\"/papers/{BEFORE}\"]')"):
            break
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to(page, "form.mark button")
    page.keyboard.press("Space")
    page.locator(".actions .mark button[aria-pressed=true]").wait_for()
    follow(page, "nav [href='/order']")
    tab_to(page, "#goal")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        if page.input_value("#goal") == GOAL:
            break
    page.wait_for_function(f"() => location.search === '?goal={GOAL}'")
    page.locator(".card.goal").wait_for()
    tab_to(page, "#pane")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.card.goal')"), "the map is entered at the goal"
    page.keyboard.press("Tab")
    page.locator("#panel.told blockquote").first.wait_for()  # the arrow to it, and why
    for key in ("ArrowLeft", "ArrowUp", "ArrowDown", "ArrowDown"):  # what is missing here may stand on the way
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.matches('.card.lit:not(.goal)')"):
            break
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "panel"
    follow(page, "#panel .step-title a")
    assert "/papers/" in page.url
    follow(page, "nav [href='/library']")
    tab_to(page, "#files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([WHALES])
    page.locator("dialog#token[open]").wait_for()
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    page.locator("#outcome a", has_text="Whales").wait_for()
    tab_to(page, "#outcome a")
    with page.expect_navigation():
        page.keyboard.press("Enter")


def follow(page: Any, link: str) -> None:
    """Goes to a link by keys, and follows it."""
    tab_to(page, link)
    with page.expect_navigation():
        page.keyboard.press("Enter")


torture = pytest.mark.torture


@pytest.mark.parametrize(("way", "size", "scheme"), [
    pytest.param(by_mouse, PHONE, "dark", id="mouse-phone-dark"),
    pytest.param(by_keyboard, WIDE, "light", id="keys-wide-light"),
    pytest.param(by_mouse, WIDE, "light", id="mouse-wide-light", marks=torture),
    pytest.param(by_keyboard, PHONE, "dark", id="keys-phone-dark", marks=torture),
])  # fmt: skip
def test_an_afternoon(
    browser: Any, base: str, settings: Settings, way: Callable[[Any], None], size: dict, scheme: str
) -> None:
    with visiting(browser, base, viewport=size, color_scheme=scheme) as visit:
        page = visit.go("/")
        way(page)
        assert "/papers/whales" in page.url and page.locator("h1").inner_text().startswith("Whales of the sea")
        assert not visit.overflows()
        visit.go("/library")
        assert page.locator("tbody tr").count() == 13 and is_read(settings, BEFORE)


def test_an_afternoon_without_scripts(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=PHONE, java_script_enabled=False) as visit:
        page = visit.go("/")
        page.locator("#q").fill(QUESTION)
        with page.expect_navigation():
            page.locator("#q").press("Enter")
        with page.expect_navigation():
            page.locator(f"#found h2 a[href^='/papers/{BEFORE}']").click()
        with page.expect_navigation():
            page.locator(".actions .mark button").click()
        assert page.url.endswith(f"/papers/{BEFORE}?q={QUESTION.replace(' ', '+')}") and is_read(settings, BEFORE)
        page.locator("#note").fill("kept without a script")
        with page.expect_navigation():
            page.get_by_role("button", name="Keep").click()
        assert page.locator("#note").input_value() == "kept without a script"
        with page.expect_navigation():
            page.get_by_role("link", name="Reading order").click()
        page.select_option("#goal", GOAL)
        with page.expect_navigation():
            page.get_by_role("button", name="Show").click()
        assert page.locator(".card.goal").count() == 1
        target = page.locator(".card.lit").first.get_attribute("href")
        page.locator(".card.lit .face").first.click()
        page.wait_for_url(f"**{target}")
        with page.expect_navigation():
            page.get_by_role("link", name="Library").click()
        assert page.locator("tbody tr").count() == 12 and not page.locator("#addform").is_visible()
        assert "paperpath reindex --add" in page.locator("#adding").inner_text()
        assert not visit.overflows()


def test_who_comes_by_another_name_is_told_on_a_page(settings: Settings, seeded: Path) -> None:
    """A form without scripts, at a name that isn't this machine's: what refuses it tells so on a page."""
    from fastapi.testclient import TestClient

    shutil.copytree(seeded, settings.library)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(app, base_url="http://127.0.0.1:8000", headers={"Accept": "text/html"}) as client:
        answer = client.post(f"/papers/{BEFORE}/marks", data={"read": "1"}, headers={"Origin": "http://papers.example"})
        assert answer.status_code in (401, 403) and answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "127.0.0.1" in answer.text and "<h1>" in answer.text
        assert not is_read(settings, BEFORE)
