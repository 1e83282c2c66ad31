"""A browser for tests: the system's Chromium, and pages that say when something was refused, failed, or asked elsewhere."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

PROJECT = Path(__file__).parents[1]
PHONE = {"width": 360, "height": 740}
WIDE = {"width": 1440, "height": 900}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = PROJECT / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = PROJECT / "build" / "screenshots"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here: `make test` brings it where npm is")
# The rules of WCAG 2.2 AA and axe's own of good practice.
_AXE = "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
_TELLS = """document.addEventListener("securitypolicyviolation",
  (event) => tellOfViolation(`${event.violatedDirective} refused ${event.blockedURI || event.sample}`));"""


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser."""
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    alone = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet + alone)
        yield browser
        browser.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address at which an application is served on a real socket."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@dataclass
class Visit:
    """A page of a browser, and what happened on it that must not."""

    page: Any
    base: str
    wrong: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Opens a path of the server, and gives the page."""
        self.page.goto(self.base + path)
        return self.page

    def axe(self) -> list[str]:
        """What axe-core finds wrong on the page as it is."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(_AXE)["violations"]
        return [f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found]

    def overflows(self) -> bool:
        """Whether the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")

    def shot(self, name: str) -> None:
        """A picture of the page, for a person to look at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@contextmanager
def visiting(browser: Any, base: str, **context: Any) -> Iterator[Visit]:
    """A page in a context of its own. At its end nothing may have been refused by the policy, failed, or asked elsewhere."""
    made = browser.new_context(**context)
    made.set_default_timeout(120_000)  # what a slow machine may need; what comes sooner is not waited for
    visit = Visit(made.new_page(), base)
    made.expose_binding("tellOfViolation", lambda _, what: visit.wrong.append(what))
    made.add_init_script(_TELLS)
    visit.page.on("pageerror", lambda error: visit.wrong.append(str(error)))
    visit.page.on("console", lambda told: visit.wrong.append(told.text) if "Content Security" in told.text else None)
    made.on("request", lambda request: None if request.url.startswith(base) else visit.elsewhere.append(request.url))
    try:
        yield visit
    finally:
        made.close()
    assert not visit.wrong, visit.wrong
    assert not visit.elsewhere, visit.elsewhere


def tab_to(page: Any, selector: str) -> None:
    """Presses Tab until something is reached; each stop on the way has to be seen."""
    for _ in range(90):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """(s) => {
              const at = document.activeElement;
              const around = at.closest(".drop") ?? at;  // a field may have its ring around it
              const shown = [at, around].some((one) => getComputedStyle(one).outlineStyle !== "none");
              return [at.matches(s), shown || at === document.body || at.closest("#drawing") !== null]; // the end goes on at the beginning
            }""",
            selector,
        )
        assert seen[1], page.evaluate("document.activeElement.outerHTML")
        if seen[0]:
            return
    raise AssertionError(f"{selector} is not reached")
