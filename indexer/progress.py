"""How a long run tells what it is doing. The faces draw it; the rooms only say it."""

from __future__ import annotations


class Progress:
    """Hears of a run's stages and steps, and says nothing. A face derives from it."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins: `fetch`, `extract`, `embed` or `publish`, with so many steps."""

    def step(self, what: str = "", count: int = 1) -> None:
        """`count` steps of the stage are done, the last of them `what`."""

    def failed(self, what: str, why: str) -> None:
        """A document could not be had: the run goes on without it."""

    def pages(self, total: int) -> None:
        """So many pages have been read by now, of all documents. Called from other threads than the rest."""
