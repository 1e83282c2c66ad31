"""A real browser at a server that asks for a token: it reads with it, without JavaScript too, and changes nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import chromium, needs_chromium, serving, visiting
from libraries import build
from pydantic import SecretStr

from indexer.library import Library, marks
from indexer.settings import Settings
from service.api import create_app

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]
TOKEN = {"username": "ana", "password": "a-token-to-read"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("script", [True, False])
def test_a_browser_reads_with_the_token(browser: Any, settings: Settings, script: bool) -> None:
    build(settings.library)
    app = create_app(settings.model_copy(update={"read_token": SecretStr(TOKEN["password"])}))
    refused = pytest.raises(Exception, match="INVALID_AUTH_CREDENTIALS")  # nobody is there to be asked for it
    with serving(app) as base, visiting(browser, base, java_script_enabled=script) as visit, refused:
        visit.page.goto(base + "/")
    with serving(app) as base, visiting(browser, base, java_script_enabled=script, http_credentials=TOKEN) as visit:
        statuses: dict[str, int] = {}
        visit.page.on("response", lambda answer: statuses.update({answer.url: answer.status}))
        assert visit.page.goto(base + "/?q=islands").status == 200
        assert "islands" in visit.page.inner_text("main")
        assert visit.page.goto(base + "/papers/2311.08105").status == 200
        # The page is this server's, in a browser on this machine, and may read: it may mark.
        visit.page.locator("form.mark button").first.click()
        visit.page.locator("form.mark button[aria-pressed=true]").first.wait_for()
        assert len(statuses) > 3 and all(status < 400 for status in statuses.values()), statuses
    assert [one for one in marks.load(Library(settings.library).marks).by_id.values() if one.read]
