"""FAULTS.md is as it says: every line names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = (TESTS.parent / "FAULTS.md").read_text("utf-8")
LINES = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| injected")]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[1].strip()[:60])
def test_every_fault_names_its_tests(line: str) -> None:
    _, injected, promised, happens, tests, _ = line.split("|")
    assert injected.strip() and promised.strip() and happens.strip()
    module, found = "", re.findall(r"`(?:(test_\w+)::)?(test_\w+)`", tests)
    assert found
    for own, name in found:
        module = own or module
        text = (TESTS / f"{module}.py").read_text("utf-8")
        there = re.search(rf"((?:^@.*\n(?:[ )].*\n)*)*)^(?:async )?def {name}\(", text, re.MULTILINE)
        assert there, f"{module} has no {name}"
        assert ("torture" in there[1]) == (f"† `{name}`" in tests or f"† `{module}::{name}`" in tests), name


def test_every_test_of_faults_is_in_the_table() -> None:
    for path in TESTS.glob("test_faults_*.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE):
            assert f"`{name}`" in TABLE or f"::{name}`" in TABLE or name in _ASIDE, f"{name} is not in FAULTS.md"


_ASIDE = ("test_a_manifest_with_odd_values", "test_a_cache_of_an_earlier_paperpath_is_used")
