"""Processes beside the server's own: started when questions wait, missed by nobody when they die, ended when unused."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from libraries import build

from indexer.library import Generation, Library
from indexer.settings import Settings
from service.opened import Opened
from service.serving import beside
from service.serving.beside import IN_LINE, Beside

WAIT = 300  # seconds, for a process that starts on a slow machine
LINE = tuple(range(IN_LINE))
HALT, GO_ON = -3, -4


def work(held: Opened, questions: Sequence[int]) -> Iterator[tuple[int, tuple[int, int, int] | Exception]]:
    """Answers each number with itself, the process that answers, and how many documents it knows of; -1 with an error;
    -2 fails all of its batch."""
    if -2 in questions:
        raise ValueError("the whole batch")
    for place, number in enumerate(questions):
        yield place, KeyError(str(number)) if number == -1 else (number, os.getpid(), held.now().manifest.documents)


def generations(held: Opened, questions: Sequence[int]) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """As `work`, each number being how many generations there are in the process, what it began with among them."""
    gc.unfreeze()
    there = sum(type(one) is Generation for one in gc.get_objects())  # `isinstance` asks proxies of what is gone
    return work(held, [there for _ in questions])


def at_a_halt(held: Opened, questions: Sequence[int]) -> Iterator[tuple[int, tuple[int, int, int] | Exception]]:
    """As `work`; between HALT and GO_ON nothing new is opened to its end."""
    if HALT in questions:
        held._opening.acquire()
    if GO_ON in questions:
        held._opening.release()
    return work(held, questions)


class Halting:
    """Nothing new answers until it may `go_on`."""

    def __init__(self, begun: threading.Event, go_on: threading.Event) -> None:
        self._begun, self._go_on = begun, go_on

    def __call__(self, old: Generation, new: Generation) -> None:
        self._begun.set()
        assert self._go_on.wait(WAIT)

    def close(self) -> None:
        self._go_on.set()


@pytest.fixture
def held(settings: Settings) -> Opened:
    build(settings.library)
    return Opened(settings)


@pytest.fixture
def two(held: Opened) -> Iterator[Beside]:
    two = Beside(held, work, 2, 2)
    yield two
    two.stop()


def until(so: Callable[[], bool]) -> None:
    """Returns when it is so; fails after some minutes."""
    end = time.monotonic() + WAIT
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


def who(answers: Iterator) -> set[int]:
    return {answer[1] for _, answer in answers}


def test_one_alone_is_answered_here_and_starts_nothing(two: Beside, held: Opened) -> None:
    assert list(two([7])) == [(0, (7, os.getpid(), held.now().manifest.documents))]
    assert two.running == 0 and two._starting is None


def test_a_line_starts_them_and_they_answer(two: Beside) -> None:
    assert who(two(LINE)) == {os.getpid()}
    until(lambda: two.running == 2)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: list(two([n, n + 1])), range(100)))
    assert [[number for _, (number, *_) in answers] for answers in found] == [[n, n + 1] for n in range(100)]
    assert os.getpid() not in {pid for answers in found for _, (_, pid, _) in answers}
    (_, error), (_, answer) = list(two([-1, 3]))
    assert isinstance(error, KeyError) and answer[0] == 3
    with pytest.raises(ValueError, match="whole batch"):
        list(two([-2]))
    assert two.running == 2


def test_they_hold_one_generation(held: Opened, settings: Settings) -> None:
    one = Beside(held, generations, 1, 1)
    try:
        list(one(LINE))
        until(lambda: one.running == 1)
        for number in range(3):
            build(settings.library, {f"other-{n}": ["Words."] for n in range(number + 1)})
            one.catch_up()
            (_, (there, pid, documents)), *_ = one([0])
            assert (there, documents) == (1, number + 1) and pid != os.getpid()
    finally:
        one.stop()


def test_a_killed_one_costs_nobody_an_answer(two: Beside) -> None:
    list(two(LINE))
    until(lambda: two.running == 2)
    for one in list(two._all):
        os.kill(one._process.pid, signal.SIGKILL)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: list(two([n])), range(20)))
    assert [answers[0][1][:2] for answers in found] == [(n, os.getpid()) for n in range(20)]
    until(lambda: two._starting is None)
    assert two.running == 0
    list(two(LINE))
    until(lambda: two.running == 2)
    assert os.getpid() not in who(two([1]))


def test_unused_they_end(two: Beside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(beside, "IDLE_SECONDS", 0.0)
    caplog.set_level("INFO")
    list(two(LINE))
    until(lambda: two._starting is None)
    assert "2 processes answer" in caplog.text
    assert two.running == 0 and who(two([1])) == {os.getpid()}


def test_stopped_they_end_and_none_starts_again(two: Beside) -> None:
    others = set(threading.enumerate())  # another test's may still see its processes end
    list(two(LINE))
    until(lambda: two.running == 2)
    processes = [one._process.pid for one in two._all]
    two.stop()
    for pid in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert who(two(LINE)) == {os.getpid()} and two.running == 0
    assert not any(thread.name == "beside" for thread in set(threading.enumerate()) - others)


def test_none_are_started_where_none_may_be(held: Opened) -> None:
    none = Beside(held, work, 0, 2)
    assert who(none(LINE)) == {os.getpid()} and none._starting is None


def test_a_start_that_fails_leaves_this_one_answering(
    two: Beside, held: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held.now()
    broken = held.settings.model_copy(update={"library": held.settings.library / "none"})
    monkeypatch.setattr(held, "settings", broken)
    assert who(two(LINE)) == {os.getpid()}
    until(lambda: two._starting is None)
    assert who(two(LINE)) == {os.getpid()} and two._starting is None and "No process" in caplog.text


def test_they_follow_the_library(two: Beside, settings: Settings) -> None:
    list(two(LINE))
    until(lambda: two.running == 2)
    build(settings.library, {"other": ["Another paper. "]})
    assert Library(settings.library).open().manifest.documents == 1

    def followed() -> bool:  # each opens it while it goes on answering
        ((_, (_, pid, documents)),) = two([1])
        assert pid != os.getpid()
        return documents == 1

    until(followed)


def test_what_is_published_is_what_all_answer_from_once_they_caught_up(two: Beside, settings: Settings) -> None:
    list(two(LINE))
    until(lambda: two.running == 2)
    for count in (2, 1, 3):
        build(settings.library, {f"paper {n}": ["A paper. "] for n in range(count)})
        two.catch_up()
        free, two._idle = list(two._idle), []
        for process in free:  # each of them, and the server's own
            two._idle = [process]
            assert [documents for _, (_, _, documents) in two([1])] == [count]
        two._idle = free
        assert two._held.now().manifest.documents == count


def test_what_is_published_while_one_begins_is_what_it_answers_from(
    held: Opened, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = beside._Process.ready

    def late(process: beside._Process, stopped: Callable[[], bool]) -> None:
        ready(process, stopped)
        build(settings.library, {"other": ["Another paper. "]})
        one.catch_up()

    monkeypatch.setattr(beside._Process, "ready", late)
    one = Beside(held, work, 1, 1)
    try:
        list(one(LINE))
        until(lambda: one.running == 1)
        assert next(one([1]))[1][1:] == (one.processes[0], 1)
    finally:
        one.stop()


def test_who_opens_what_is_new_goes_on_answering(held: Opened, settings: Settings) -> None:
    one = Beside(held, at_a_halt, 1, 1)
    try:
        list(one(LINE))
        until(lambda: one.running == 1)
        ((_, (_, _, count)),) = one([HALT])
        build(settings.library, {"other": ["Another paper. "]})
        opening = threading.Thread(target=one.catch_up)
        opening.start()
        until(lambda: held.now().manifest.documents == 1)
        before = [next(one([n]))[1][2] for n in range(20)]
        assert opening.is_alive() and set(before) == {count} != {1}, "it answers from what it holds"
        list(one([GO_ON]))
        opening.join(WAIT)
        assert next(one([1]))[1][1:] == (one.processes[0], 1)
    finally:
        one.stop()


def test_none_answers_from_what_is_new_before_it_is_known_here(settings: Settings) -> None:
    """What a process finds in a new generation is asked of the server's own next: it has to know of it."""
    build(settings.library)
    begun, go_on = threading.Event(), threading.Event()

    held = Opened(settings, behind=threading.Lock(), ahead=Halting(begun, go_on))
    held.prepare()
    before = held.now().manifest.documents
    two = Beside(held, work, 2, 2)
    try:
        list(two(LINE))
        until(lambda: two.running == 2)
        build(settings.library, {"other": ["Another paper. "]})
        until(lambda: [list(two([1])) for _ in range(2)] and begun.is_set())
        for _ in range(20):
            assert [documents for _, (_, _, documents) in two([1])] == [before]
        go_on.set()
        until(lambda: [documents for _, (_, _, documents) in two([1])] == [1])
        assert held.now().manifest.documents == 1
    finally:
        go_on.set()
        two.stop()


def test_one_that_starts_meanwhile_answers_when_it_is_known_here(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(settings.library)
    begun, go_on = threading.Event(), threading.Event()
    held = Opened(settings, behind=threading.Lock(), ahead=Halting(begun, go_on))
    held.prepare()
    build(settings.library, {"other": ["Another paper. "]})
    held.now()
    assert begun.wait(WAIT)
    waits, catch_up = threading.Event(), held.catch_up
    monkeypatch.setattr(held, "catch_up", lambda: (waits.set(), catch_up()))
    two = Beside(held, work, 1, 2)
    try:
        list(two(LINE))
        assert waits.wait(WAIT)
        assert not two.running and who(two([1])) == {os.getpid()}
        go_on.set()
        until(lambda: two.running == 1)
        assert [documents for _, (_, _, documents) in two([1])] == [1]
    finally:
        go_on.set()
        two.stop()


def test_who_ends_one_does_not_wait_for_its_turn_to_open(two: Beside, settings: Settings) -> None:
    list(two(LINE))
    until(lambda: two.running == 2)
    turn = threading.Lock()

    def waits() -> None:
        with contextlib.suppress(EOFError):
            two._all[0].catch_up(turn)

    with turn:
        threading.Thread(target=waits, daemon=True).start()
        stops = threading.Thread(target=two.stop, daemon=True)
        stops.start()
        stops.join(WAIT)
        assert not stops.is_alive()


def test_who_waits_longest_for_one_that_is_free_has_it(two: Beside) -> None:
    """Else a thread that gives one back has it again, with the next question, before who waits has woken up."""
    process = SimpleNamespace(leaves=False)
    two._all, two._idle = [process], [process]
    had: list[str] = []

    def have(name: str) -> None:
        assert two._taken() is process
        had.append(name)
        two._give_back(process)

    two._taken()
    waiting = [threading.Thread(target=have, args=(name,)) for name in ("first", "second")]
    for count, thread in enumerate(waiting, 1):
        thread.start()
        until(lambda count=count: len(two._line) == count)
    two._give_back(process)
    have("who gave it back")
    for thread in waiting:
        thread.join(WAIT)
    two._all, two._idle = [], []
    assert had == ["first", "second", "who gave it back"] and not two._line


def test_who_dies_at_a_new_generation_is_missed_by_nobody(two: Beside, settings: Settings) -> None:
    list(two(LINE))
    until(lambda: two.running == 2)
    first, second = two._all
    os.kill(first.pid, signal.SIGKILL)
    build(settings.library, {"other": ["Another paper. "]})
    two.catch_up()
    assert two._all == [second] == two._idle
    ((_, (_, pid, documents)),) = two([1])
    assert pid == second.pid and documents == 1


def test_one_that_is_lost_while_it_answers_is_not_free_behind_that(two: Beside) -> None:
    """As where it doesn't open what is new: it would count as one that is free for ever, and be asked in vain."""
    list(two(LINE))
    until(lambda: two.running == 2)
    process = two._taken()
    assert process is not None
    two._lose(process)
    two._give_back(process)
    assert two._idle == two._all and len(two._all) == 1


def test_one_that_hangs_costs_nobody_an_answer_and_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(beside, "_END_SECONDS", 0.1)
    monkeypatch.setattr(beside, "_AGAIN_SECONDS", 0.0)
    build(settings.library)
    two = Beside(Opened(settings.model_copy(update={"request_seconds": 2.0})), work, 2, 2)
    try:
        list(two(LINE))
        until(lambda: two.running == 2)
        first, second = two.processes
        two._all[0]._seconds = WAIT  # that one is only slow
        os.kill(second, signal.SIGSTOP)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda n: list(two([n])), range(20)))
        assert [answers[0][1][0] for answers in found] == list(range(20))
        assert second not in {pid for answers in found for _, (_, pid, _) in answers} and "hangs" in caplog.text
        until(lambda: two.running == 2)
        assert first in two.processes and second not in two.processes
        with pytest.raises(ProcessLookupError):
            os.kill(second, 0)
    finally:
        two.stop()


def test_one_that_hangs_while_it_opens_keeps_nobody_from_opening(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_END_SECONDS", 0.1)
    monkeypatch.setattr(beside, "_TURN_SECONDS", 0.1)
    build(settings.library)
    turn = threading.Lock()
    two = Beside(Opened(settings, behind=turn), work, 1, 1)
    try:
        list(two(LINE))
        until(lambda: two.running == 1)
        (pid,) = two.processes
        os.kill(pid, signal.SIGSTOP)
        build(settings.library, {"2401.00001": ["Sparse experts are chosen by a router."]})
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(two.catch_up)
            until(two._idle[0]._opening.locked)
            assert two._held.serving.name == "000002"
            assert turn.acquire(timeout=WAIT) and two._idle[0]._opening.locked()
            turn.release()
            os.kill(pid, signal.SIGKILL)
            waits.result(WAIT)
        assert two.running == 0
    finally:
        two.stop()


def test_where_none_can_be_started_in_the_place_of_another_the_rest_go_on(
    two: Beside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(beside, "_AGAIN_SECONDS", 0.1)
    list(two(LINE))
    until(lambda: two.running == 2)
    gone, stays = two._idle[-1].pid, two._idle[0].pid
    real = beside._Process

    def none_more(*given: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(beside, "_Process", none_more)
    os.kill(gone, signal.SIGKILL)
    list(two([1]))
    until(lambda: "in the place of another" in caplog.text)
    assert two.processes == [stays] and who(two([1])) == {stays}
    monkeypatch.setattr(beside, "_Process", real)
    until(lambda: two.running == 2)
    assert stays in two.processes


def test_one_that_has_opened_many_generations_is_replaced_once_another_answers(
    two: Beside, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_GENERATIONS", 3)
    monkeypatch.setattr(beside, "_AGAIN_SECONDS", 0.0)
    least = 2
    list(two(LINE))
    until(lambda: two.running == 2)
    before = set(two.processes)
    for _ in range(3):
        two.catch_up()
    assert [process.opened for process in two._all] == [1, 1], "there was nothing to open"
    for number in range(2):
        build(settings.library, {f"other {number}": ["Another paper. "]})
        two.catch_up()
    end = time.monotonic() + WAIT
    while before & set(two.processes) or two.running != 2:
        least = min(least, two.running)
        assert who(two([1])) <= {*before, *two.processes} and time.monotonic() < end
    assert least == 2
    with ThreadPoolExecutor(4) as pool:
        found = [answer for answers in pool.map(lambda n: list(two([n])), range(20)) for answer in answers]
    assert {pid for _, (_, pid, _) in found} <= set(two.processes)
    assert {documents for _, (_, _, documents) in found} == {two._held.now().manifest.documents}
