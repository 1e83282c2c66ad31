"""The pages over real papers, in Chromium: how soon results are seen, what they weigh, and who else is asked.

    python bench/pages.py [FOLDER OF PDFS]

Each question is typed as people type. `typed to seen` begins with its last key, the wait for another one included;
`answer to seen` begins with the answer's last byte and ends with the frame that shows it.
"""

from __future__ import annotations

import gzip
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]
QUESTIONS = (
    "how is communication reduced", "sharded optimizer states", "what does attention cost per layer", "local sgd",
    "pipeline bubbles", "expert capacity and load balancing", "non-iid clients", "power law of loss and compute",
    "stale gradients", "mixed precision", "recipe for apple pie", "1F1B",
)  # fmt: skip
_SEEN = """(q) => new Promise((tell) => {
  const box = document.getElementById("q"), results = document.getElementById("results");
  const began = performance.now();
  new MutationObserver((_, watcher) => {
    watcher.disconnect();
    const got = performance.getEntriesByType("resource").filter((one) => one.initiatorType === "fetch").at(-1);
    requestAnimationFrame(() => setTimeout(() => {
      const now = performance.now();
      tell({typed: now - began, answered: now - got.responseEnd, server: got.responseEnd - got.requestStart});
    }));
  }).observe(results, {childList: true});
  box.value = q;
  box.dispatchEvent(new Event("input", {bubbles: true}));
})"""


def main() -> None:
    from browser import chromium, serving, visiting

    from indexer.reindex import Request, reindex
    from indexer.settings import Settings
    from service.api import create_app
    from service.opened import Opened

    papers = Path(sys.argv[1] if len(sys.argv) > 1 else PROJECT.parent / "shared" / "papers")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(library=Path(folder) / "library")
        if (papers / "CURRENT").is_file():
            settings = Settings(library=papers)  # a library that is there already
        else:
            reindex(Request(sources=(str(papers),), offline=True), settings)
        opened = Opened(settings)
        opened.prepare()
        with serving(create_app(settings, opened)) as base, chromium() as browser:
            with visiting(browser, base, viewport={"width": 1440, "height": 900}) as visit:
                page = visit.go("/")
                page.evaluate(_SEEN, "warm up")
                seen = [page.evaluate(_SEEN, question) for _ in range(3) for question in QUESTIONS]
            for name, what in (
                ("answered", "answer to seen"),
                ("server", "asked to answered"),
                ("typed", "typed to seen"),
            ):
                times = sorted(one[name] for one in seen)
                print(f"{what:<18} median {statistics.median(times):6.1f} ms   slowest {times[-1]:6.1f} ms")
            first = opened.now().catalogue.summaries[0].id
            for path in ("/", "/?q=attention", f"/papers/{first}?q=attention", "/order", "/library"):
                print(f"{path:<40} {_weight(browser, base, path) / 1000:6.1f} kB compressed, all files of the page")


def _weight(browser: Any, base: str, path: str) -> int:
    """The bytes of a page and its files, each compressed; fails where another host is asked."""
    from browser import visiting

    bodies: dict[str, bytes] = {}
    with visiting(browser, base) as visit:
        visit.page.on("response", lambda answer: bodies.setdefault(answer.url, answer.body()))
        visit.go(path).wait_for_load_state("networkidle")
    return sum(len(gzip.compress(body)) for body in bodies.values())


if __name__ == "__main__":
    main()
