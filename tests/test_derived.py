"""What is worked out once: by one of many threads, for each generation apart, and never for longer than it lives."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from service import derived
from service.derived import Last, Once


class Held:
    """What stands for a generation: anything that can be held weakly."""


def opened() -> Any:
    return Held()


def test_of_many_threads_one_works_it_out() -> None:
    made: list[object] = []
    begun = threading.Barrier(8)

    def make(generation: object) -> list[object]:
        made.append(generation)
        return []

    once, generation = Once(make), opened()

    def ask(_: int) -> list[object]:
        begun.wait()
        return once(generation)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert made == [generation]
    assert all(one is found[0] for one in found)
    assert once(opened()) is not found[0]


def test_what_is_known_is_given_while_another_generation_is_worked_out() -> None:
    begun, go_on = threading.Event(), threading.Event()
    old, new = opened(), opened()

    def make(generation: object) -> str:
        if generation is new:
            begun.set()
            assert go_on.wait(60)
            return "new"
        return "old"

    once = Once(make)
    assert once(old) == "old"
    with ThreadPoolExecutor(2) as threads:
        coming = threads.submit(once, new)
        assert begun.wait(60)
        assert threads.submit(once, old).result(60) == "old"
        go_on.set()
        assert coming.result(60) == "new"


def test_what_could_not_be_worked_out_is_tried_again() -> None:
    tries = []

    def make(_: object) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the first time")
        return 7

    once, generation = Once(make), opened()
    with pytest.raises(OSError, match="the first time"):
        once(generation)
    assert once(generation) == 7


def test_it_goes_with_its_generation() -> None:
    once, generation = Once(lambda _: Held()), opened()
    held, made = weakref.ref(generation), weakref.ref(once(generation))
    del generation
    gc.collect()
    assert held() is None and made() is None


def test_the_last_that_was_asked_is_kept() -> None:
    made: list[tuple[object, ...]] = []

    def make(generation: object, *others: int) -> list[int]:
        made.append((generation, *others))
        return list(others)

    one, other, last = opened(), opened(), Last(make)
    assert last(one, (1,), 1) is last(one, (1,), 1) and last(other, (2,), 2) == [2]
    assert made == [(one, 1), (other, 2)]
    assert last(one, (2,), 2) == [2] and last(one, (1,), 1) == [1] and len(made) == 4
    gone = weakref.ref(one)
    made.clear()
    del one
    gc.collect()
    assert gone() is None


def test_what_may_be_given_is_known_without_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_given", {})
    made: list[object] = []

    def make(generation: object, *others: object) -> str:
        made.append(generation)
        return f"{len(made)}{others}"

    once, last, here, there = Once(make, given="once"), Last(make, given="last"), opened(), opened()
    Once(make)(here)
    assert derived.made_of(here) == {}
    once(here)
    assert derived.made_of(here) == {"once": "2()"}
    last(here, ("a",), "a")
    last(here, ("b",), "b")
    found = derived.made_of(here)
    assert found == {"once": "2()", "last": (("b",), "4('b',)")}
    derived.give(there, found)
    assert derived.asked_of(here) == ["once", "last"] == derived.asked_of(there)
    later = time.monotonic() + 700
    monkeypatch.setattr(derived, "time", SimpleNamespace(monotonic=lambda: later))
    assert derived.asked_of(here) == ["once", "last"] and derived.asked_of(there) == []
    assert (once(there), last(there, ("b",), "b"), len(made)) == ("2()", "4('b',)", 4)
    assert derived.asked_of(there) == ["once", "last"]
    assert last(there, ("a",), "a") == "5('a',)"  # what is given is what was asked for last, and no more
    derived.give(there, {"once": "another", "last": (("b",), "another")})  # what is known stays
    assert (once(there), last(there, ("a",), "a")) == ("2()", "5('a',)")


@pytest.mark.parametrize("kind", [Once, Last])
def test_what_is_being_made_was_asked_for(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_given", {})
    begun, go_on = threading.Event(), threading.Event()

    def make(generation: object) -> str:
        begun.set()
        assert go_on.wait(60)
        return "made"

    one, generation = kind(make, given="one"), opened()
    assert derived.asked_of(generation) == []
    with ThreadPoolExecutor(1) as threads:
        coming = threads.submit(one, generation, *([("key",)] if kind is Last else []))
        assert begun.wait(60)
        assert derived.asked_of(generation) == ["one"]
        go_on.set()
        assert coming.result(60) == "made"


def test_what_fails_is_tried_again_and_not_wanted_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_given", {})
    fails = iter((True, False))

    def make(generation: object) -> str:
        if next(fails):
            raise KeyError("a fault of ours")
        return "made"

    once, generation = Once(make, given="once"), opened()
    with pytest.raises(KeyError):
        once(generation)
    assert derived.asked_of(generation) == []
    assert once(generation) == "made" and derived.asked_of(generation) == ["once"]


@pytest.mark.parametrize("was", [True, False])
def test_the_collector_is_held_off_and_is_as_it_was_behind_that(was: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was else gc.disable)()
        with pytest.raises(KeyError), derived.without_collector():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() is was
    finally:
        (gc.enable if before else gc.disable)()
