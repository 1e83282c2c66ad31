"""What all tests share: no test reaches past loopback, and none sees the settings of who runs it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from indexer.settings import Settings

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the test papers are not beside the project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: "questions" not in item.nodeid)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("PAPERPATH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    real = socket.socket.connect

    def connect(self: socket.socket, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
            raise AssertionError(f"a test tried to reach {address}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A library of one's own with the toy model, no digests, and no waiting."""
    return Settings(
        library=tmp_path / "library", model="toy", digests=tmp_path / "none", arxiv_seconds=0, host_seconds=0,
        retries=1, retry_cap_seconds=0, workers=1, allow_private=True,
    )  # fmt: skip
