"""The page of the reading order: whole without a script, and in a browser by mouse, by keyboard, on a phone, on paper."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from browser import PHONE, PROJECT, WIDE, chromium, needs_axe, needs_chromium, serving, visiting
from fastapi.testclient import TestClient
from lxml import html
from test_pages import HOSTILE, hostile_library

from indexer.library import Library, marks
from indexer.settings import Settings
from service.api import create_app
from service.pages import showing
from service.reading_order import reading_order

GOAL, BEFORE, ASIDE = (
    "2403.10616",
    "2311.08105",
    "2401.17555",
)  # DiPaCo builds on DiLoCo; opML has nothing to do with it
in_browser = [needs_chromium, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_seed(tmp_path_factory.mktemp("order"))


def build_seed(folder: Path) -> Path:
    """The library of the list that comes with the project, of digests alone, to be copied."""
    from indexer.reindex import Request, reindex

    settings = Settings(library=folder / "library", model="toy", digests=PROJECT / "data" / "digests", workers=1)
    reindex(Request(sources=(str(PROJECT / "data" / "reading-list.md"),), offline=True), settings)
    return settings.library


@pytest.fixture
def library(settings: Settings, seeded: Path) -> Library:
    shutil.copytree(seeded, settings.library)
    return Library(settings.library)


@pytest.fixture
def client(settings: Settings, library: Library) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False, headers={"Accept": "text/html"}) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def base(settings: Settings, library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    with serving(create_app(settings)) as base:
        yield base


def read(client: TestClient, address: str = "/order") -> Any:
    """The page at an address, after what holds of any such page is checked."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text[:500]
    page = html.fromstring(answer.text)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids)), "an id stands twice"
    for link in page.xpath("//@href"):
        assert not link.startswith("#") or link[1:] in ids, link
    assert not page.xpath("//@*[starts-with(name(), 'on')] | //@style | //style | //script[not(@src)]")
    for reference in page.xpath("//*[@aria-labelledby]/@aria-labelledby | //*[@aria-describedby]/@aria-describedby"):
        assert reference in ids
    return page


def steps(page: Any) -> list[str]:
    return [one.rsplit("/", 1)[1] for one in page.xpath("//*[@id='list']//ol//p[@class='step-title']/a/@href")]


# ---------------------------------------------------------------------- as it is sent


def test_the_list_is_the_order_and_the_map_has_every_card_of_it(client: TestClient, library: Library) -> None:
    answer, page = reading_order(library.open()), read(client)
    assert steps(page) == [step.id for step in answer.order]
    assert [h.text for h in page.xpath("//ol[@class='order-stages']/li/h3/span[1]")] == [s.name for s in answer.stages]
    assert len(page.xpath("//a[starts-with(@class, 'card')]")) == len(answer.order) + len(answer.missing)
    assert len(page.xpath("//a[starts-with(@class, 'card missing')]")) == len(answer.missing) > 0
    strict = [edge for edge in answer.edges if edge.strict]
    assert len(page.xpath("//a[contains(@class, 'arrow strict')]")) == len(strict) > 0
    told = [" ".join(q.text_content().split()) for q in page.xpath("//*[@id='list']//blockquote")]
    assert all(" ".join(e.sentence.split()) in told for edge in answer.edges for e in edge.evidence)
    # What the eye sees first is first in the page, so that it is so for who listens.
    assert page.xpath("//section/@id")[:2] == ["list", "map"]


def test_every_arrow_says_what_and_why(client: TestClient) -> None:
    for arrow in read(client).xpath("//a[contains(@class, 'arrow strict')]"):
        assert re.search("builds on|uses", arrow.findtext("title")) and arrow.findtext("desc")


def test_a_way_lights_up_and_the_rest_stays(client: TestClient, library: Library) -> None:
    way = reading_order(library.open(), goal=GOAL)
    page = read(client, f"/order?goal={GOAL}")
    assert steps(page) == [step.id for step in way.order] and BEFORE in steps(page) and ASIDE not in steps(page)
    assert len(page.xpath("//a[contains(@class, 'card lit')]")) == len(way.order)
    assert len(page.xpath("//a[contains(@class, 'card off')]")) == 12 - len(way.order)
    assert len(page.xpath("//a[contains(@class, ' goal')]")) == 1
    lit = page.xpath("//a[contains(@class, 'arrow') and contains(@class, 'lit')]")
    assert len(lit) >= len(way.order) - 1, "each paper on the way leads on by an arrow that is lit"
    assert page.xpath("//select/option | //select/optgroup/option[@selected]/@value")[-1] == GOAL
    for step in reading_order(library.open()).order:
        page_of_it = read(client, f"/order?goal={quote(step.id)}")
        on_way = page_of_it.xpath("//a[contains(@class, 'arrow') and contains(@class, 'lit')]")
        assert len(on_way) >= len(steps(page_of_it)) - 1, step.id
    alone = read(client, f"/order?goal={GOAL}&only=1")
    assert not alone.xpath("//a[contains(@class, 'card off')]") and steps(alone) == steps(page)


@pytest.mark.parametrize(("budget", "most"), [("95", 95), ("2h", 120), ("90m", 90)])
def test_a_budget_is_kept(client: TestClient, budget: str, most: int) -> None:
    page = read(client, f"/order?budget={budget}")
    assert 0 < len(steps(page)) <= most // 45 and page.get_element_by_id("budget").get("value") == str(most)
    assert page.xpath("//details[@class='skipped']")


def test_a_slider_at_its_end_asks_for_no_time(client: TestClient) -> None:
    longest = read(client).get_element_by_id("budget").get("max")
    page = read(client, f"/order?goal=&budget={longest}")
    assert len(steps(page)) == 12 and not page.xpath("//details[@class='skipped']")


def test_what_is_known_is_left_out_and_kept(client: TestClient) -> None:
    page = read(client, f"/order?goal={GOAL}&known={BEFORE}")
    assert BEFORE not in steps(page) and page.xpath("//input[@name='known']/@value") == [BEFORE]


def test_what_is_read_fades_and_stays(client: TestClient, library: Library) -> None:
    from service import marking

    marking.set_read(library.marks, library.open(), [BEFORE], True)
    page = read(client)
    assert len(steps(page)) == 12
    entry = page.xpath(f"//form[@data-id='{BEFORE}']/ancestor::li[contains(@class, 'step')]")[0]
    assert "done" in entry.get("class")
    assert page.xpath(f"//a[@data-key='{entry.get('id')}']/@class")[0].split()[:2] == ["card", "read"]


@pytest.mark.parametrize(
    ("address", "status"), [("/order?goal=nothing", 404), ("/order?budget=soon", 422), ("/order?known=nothing", 404)]
)
def test_what_cannot_be_meant_is_told_on_a_page(client: TestClient, address: str, status: int) -> None:
    answer = client.get(address)
    assert answer.status_code == status and "text/html" in answer.headers["content-type"]


def test_nothing_of_a_paper_is_markup(settings: Settings) -> None:
    hostile_library(settings.library)
    with TestClient(create_app(settings)) as client:
        page = read(client)
        assert len(steps(page)) == len(HOSTILE) == len(page.xpath("//a[starts-with(@class, 'card')]"))
        assert not page.xpath("//img") and all(src.startswith("/static/") for src in page.xpath("//script/@src"))
        shown = [" ".join(a.text_content().split()) for a in page.xpath("//p[@class='step-title']/a")]
        assert sorted(shown) == sorted(" ".join(showing.title(title).split()) for title in HOSTILE.values())
        assert "An O(n²) bound & <b>" in shown and "An O(n²)" in page.get_element_by_id("drawing").text_content()
        for name in HOSTILE:
            read(client, f"/order?goal={quote(name)}&budget=1h")


def test_a_library_too_large_for_a_map_says_so(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.pages import order_map

    monkeypatch.setattr(order_map, "MOST_CARDS", 5)
    page = read(client)
    assert not page.xpath("//*[@id='drawing']") and "too many" in page.get_element_by_id("map").text_content()
    assert read(client, f"/order?goal={GOAL}&only=1").xpath("//*[@id='drawing']")


# ---------------------------------------------------------------------- in a browser


def browsed(*more: Any) -> Any:
    """Marks a test that needs a browser."""

    def marked(test: Any) -> Any:
        for one in (*in_browser, *more):
            test = one(test)
        return test

    return marked


@browsed()
def test_arrows_open_their_evidence_under_the_pointer(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/order")
        arrow = page.locator(".arrow.strict").first
        sentence = arrow.locator("desc").text_content()
        box = arrow.locator(".tip").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.locator("#panel blockquote").first.wait_for()
        assert " ".join(sentence.split())[:60] in " ".join(page.inner_text("#panel").split())
        assert page.locator("#drawing .near").count() == 2
        page.mouse.move(2, 2)
        page.locator("#panel blockquote").first.wait_for(state="detached")


@browsed()
def test_a_goal_is_chosen_and_followed_by_mouse(browser: Any, base: str, settings: Settings) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/order")
        page.select_option("#goal", GOAL)
        page.wait_for_function(f"() => location.search === '?goal={GOAL}'")
        page.locator(".card.goal").wait_for()
        assert page.locator(".card.lit").count() == page.locator("#list ol .step").count() < 12
        page.locator(".card.lit:not(.goal)").last.click()
        assert "DiLoCo" in page.inner_text("#panel .step-title")
        page.locator("#panel .mark button").click()
        page.locator(".card.read").wait_for()
        library = Library(settings.library)
        assert marks.state(library.open().catalogue.summary(BEFORE), marks.load(library.marks))
        page.go_back()
        page.wait_for_function("() => location.search === ''")
        page.wait_for_function(
            "() => document.querySelectorAll('.card.read').length === 1 && !document.querySelector('.card.lit')"
        )


@browsed()
def test_the_map_by_keyboard_alone(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/order")
        stops = page.locator("#drawing a[tabindex='0']")
        assert stops.count() >= 1, "one card is where Tab leads"
        page.locator("#pane").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.classList.contains('card')")
        seen = set()
        for _ in range(9):  # to the last column, by the arrow keys
            seen.add(page.evaluate("document.activeElement.dataset.column"))
            page.keyboard.press("ArrowRight")
        assert len(seen) == page.evaluate(
            "new Set([...document.querySelectorAll('.card')].map(c => c.dataset.column)).size"
        )
        while not page.evaluate("document.activeElement.nextElementSibling?.matches('.arrow.strict') ?? false"):
            before = page.evaluate("document.activeElement.dataset.column")
            page.keyboard.press("ArrowLeft")
            assert page.evaluate("document.activeElement.dataset.column") != before, (
                "no card with a strict arrow on the way"
            )
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('.arrow')")
        assert page.locator("#panel blockquote").count() > 0, "its evidence is open"
        page.keyboard.press("Home")
        assert page.evaluate("document.activeElement === document.querySelector('#drawing .card')")
        page.keyboard.press("Enter")
        assert page.locator(".card.chosen").count() == 1
        assert page.evaluate("document.activeElement.id") == "panel", "its links come next"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.matches('.card.chosen')")
        wide = page.evaluate("document.getElementById('drawing').getBoundingClientRect().width")
        page.keyboard.press("-")
        assert page.evaluate("document.getElementById('drawing').getBoundingClientRect().width") < wide
        page.keyboard.press("0")
        assert page.evaluate("pane.scrollWidth <= pane.clientWidth + 1"), "all of it is seen"


@browsed()
def test_the_budget_by_keyboard(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/order")
        page.locator("#budget").focus()
        page.keyboard.press("Home")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("() => location.search === '?budget=150'")
        page.wait_for_function("() => document.querySelectorAll('#list ol .step').length === 3")
        assert page.inner_text("#time") == "2 h 30 min" and page.evaluate("document.activeElement.id") == "budget"
        page.keyboard.press("End")
        page.wait_for_function("() => document.querySelectorAll('#list ol .step').length === 12")


@browsed()
def test_without_scripts_the_form_asks_and_the_map_leads_to_the_list(browser: Any, base: str) -> None:
    with visiting(browser, base, viewport=WIDE, java_script_enabled=False) as visit:
        page = visit.go("/order")
        page.select_option("#goal", GOAL)
        with page.expect_navigation():
            page.click("#asking button")
        assert f"goal={GOAL}" in page.url and page.locator(".card.goal").count() == 1
        target = page.locator(".card.lit").first.get_attribute("href")
        page.locator(".card.lit .face").first.click()
        page.wait_for_url(f"**{target}")
        with page.expect_navigation():
            page.locator("#list .mark button").first.click()
        assert page.locator(".step.done").count() == 1
        assert not page.locator(".zoom").is_visible()


@browsed()
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_nothing_runs_out_of_its_place(browser: Any, base: str, size: dict, scheme: str) -> None:
    with visiting(browser, base, viewport=size, color_scheme=scheme) as visit:
        for address in ("/order", f"/order?goal={GOAL}"):
            page = visit.go(address)
            page.locator("#panel").wait_for()
            assert not visit.overflows()
            assert page.evaluate(TOO_WIDE) == []
            name = "goal" if "?" in address else "all"
            visit.shot(f"order-{name}-{size['width']}-{scheme}")
        if size is PHONE:
            assert page.evaluate("document.getElementById('list').offsetTop < document.getElementById('map').offsetTop")


# The texts of the map that are wider than their card, as this browser's fonts have them.
TOO_WIDE = """() => [...document.querySelectorAll('#drawing .card text')]
  .filter((text) => text.getBBox().width > 212 - 22).map((text) => text.textContent)"""


@browsed()
def test_hostile_titles_leave_the_map_whole(browser: Any, settings: Settings) -> None:
    hostile_library(settings.library)
    with serving(create_app(settings)) as base:
        for size in (PHONE, WIDE):
            with visiting(browser, base, viewport=size) as visit:
                page = visit.go("/order")
                page.locator("#panel").wait_for()
                assert page.title() == "Reading order – paperpath" and not visit.overflows()
                assert page.evaluate(TOO_WIDE) == []
                for card in page.locator("#drawing .card").all():
                    card.focus()
                    assert page.inner_text("#panel .step-title")
                assert page.title() == "Reading order – paperpath" and page.locator("#answer img").count() == 0
                visit.shot(f"order-hostile-{size['width']}")


@browsed(needs_axe)
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_axe_finds_nothing(browser: Any, base: str, size: dict) -> None:
    for scheme in ("light", "dark"):
        with visiting(browser, base, viewport=size, color_scheme=scheme) as visit:
            for address in ("/order", f"/order?goal={GOAL}"):
                page = visit.go(address)
                page.locator("#panel").wait_for()
                page.locator("#drawing .card").first.focus()
                assert visit.axe() == []


@browsed()
def test_on_paper_the_map_stands_in_parts(browser: Any, base: str) -> None:
    import io

    from pypdf import PdfReader

    with visiting(browser, base, viewport=WIDE) as visit:
        page = visit.go("/order")
        parts = page.locator(".sheet-part").count()
        pdf = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
        lying = [one for one in pdf.pages if float(one.mediabox.width) > float(one.mediabox.height)]
        assert len(lying) == parts > 1
        assert "SWARM Parallelism" in " ".join("".join(one.extract_text() for one in lying).split())
        assert "As a list" in pdf.pages[0].extract_text()
