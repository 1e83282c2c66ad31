"""What is worked out for the next generation before it answers: what this one was asked for, elsewhere, and never waited for
without end."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest
from libraries import TEXTS, build_documents, document

from indexer.document import Document, Reference
from indexer.library import Generation, Library
from indexer.settings import Settings
from service import citations, derived, topics
from service.opened import Opened
from service.reading_order import reading_order
from service.reading_order.kept import whole_order
from service.serving import ahead, spawning
from service.serving.ahead import WORKED_OUT, Ahead

SOON = 120  # seconds, for a process that starts on a slow machine


def documents(more: str = "") -> list[Document]:
    """Some that cite each other, and `more`."""
    texts = {**TEXTS, "2402.00001": ["We build on the paper 1703.03400 and on DiLoCo, and extend both of them."]}
    if more:
        texts = {**texts, more: ["Another paper on islands, devices and parsing."]}
    found = [document(identifier, pages, n) for n, (identifier, pages) in enumerate(texts.items(), 1)]
    title = "Fast adaptation of deep networks by gradient steps"
    cited = (
        Reference(1, f"Example, A. {title}. 2017.", 0, title=title, authors=("A. Example",), year=2017),
        Reference(2, "Example, B. A work that nobody here has brought. 2016.", 0, year=2016,
                  title="A work that nobody here has brought"),
    )  # fmt: skip
    return [
        replace(one, title=title if one.id == "1703.03400" else one.title,
                references=cited if one.id == "2402.00001" else ())
        for one in found
    ]  # fmt: skip


def published(settings: Settings, more: str = "") -> Generation:
    build_documents(settings.library, documents(more))
    return Library(settings.library).open()


@pytest.fixture(autouse=True)
def _however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_MANY", 0)


@pytest.fixture
def old(settings: Settings) -> Generation:
    """One that was asked for all that may be given."""
    found = published(settings)
    for work in WORKED_OUT.values():
        work(found)
    return found


def test_what_was_asked_of_the_old_one_is_known_of_the_new_and_the_same_as_made_here(
    settings: Settings, old: Generation
) -> None:
    assert citations.of(old).citations and citations.of(old).wanted
    new, same = published(settings, "more"), Library(settings.library).open()
    Ahead(settings)(old, new)
    given = derived.made_of(new)
    assert given.keys() == derived.made_of(old).keys() >= WORKED_OUT.keys()
    before = derived.counted()
    here, there = citations.of(same), citations.of(new)
    assert there.citations == here.citations and there.wanted == here.wanted and there.cycles == here.cycles
    assert there.same_as == here.same_as and dict(there.years) == dict(here.years)
    for position in range(new.manifest.documents):
        assert there.cites(position) == here.cites(position) and there.cited_by(position) == here.cited_by(position)
    assert topics.of(new) == topics.of(same)
    assert whole_order(new) == whole_order(same)
    for goal in ("2402.00001", "more"):
        assert reading_order(new, goal=goal) == reading_order(same, goal=goal)
    after = derived.counted()
    made = {key: after[key] - before.get(key, 0) for key in after}
    for name in ("citations", "topics", "reading_order", "reading_order.kept"):
        assert made[name, "miss"] == 1 + (name == "topics"), (name, made)  # of `same` alone; topics keeps its tree too


def test_only_what_was_asked_is_worked_out(settings: Settings) -> None:
    old = published(settings)
    topics.of(old)
    new = published(settings, "more")
    Ahead(settings)(old, new)
    assert derived.made_of(new).keys() == derived.made_of(old).keys()
    assert "topics" in derived.made_of(new) and "citations" not in derived.made_of(new)


def test_what_was_worked_out_and_is_wanted_soon_is_worked_out_again(settings: Settings, old: Generation) -> None:
    """Though nobody came between two publishings that follow each other soon."""
    second, works = published(settings, "more"), Ahead(settings)
    works(old, second)
    third = published(settings, "another")
    works(second, third)
    assert derived.made_of(third).keys() == derived.made_of(old).keys()


def test_what_nobody_asked_for_again_is_not_worked_out_again(
    settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derived, "_WANTED_SECONDS", 0)
    second, works = published(settings, "more"), Ahead(settings)
    works(old, second)
    topics.of(second)
    third = published(settings, "another")
    works(second, third)
    assert "topics" in derived.made_of(third) and "citations" not in derived.made_of(third)
    fourth = published(settings, "more")
    works(third, fourth)
    assert not derived.made_of(fourth)


def test_where_nothing_was_asked_or_all_is_small_no_process_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead.spawning, "started", lambda *given, name: pytest.fail("one was started"))
    old, new = published(settings), published(settings, "more")
    Ahead(settings)(old, new)
    topics.of(old)
    monkeypatch.setattr(ahead, "_MANY", new.manifest.passages + 1)
    Ahead(settings)(old, new)
    assert not derived.made_of(new)


def running() -> list:
    return [process for process in multiprocessing.active_children() if process.name == "ahead"]


def silent(pipe: Connection, settings: Settings, name: str, names: Sequence[str]) -> None:
    (settings.library / "began").touch()
    time.sleep(10 * SOON)


def dies(pipe: Connection, settings: Settings, name: str, names: Sequence[str]) -> None:
    os._exit(1)


def breaks_off(pipe: Connection, settings: Settings, name: str, names: Sequence[str]) -> None:
    os.write(pipe.fileno(), (1000).to_bytes(4, "big") + b"and no more")
    os._exit(1)


def fails_at_topics(pipe: Connection, settings: Settings, name: str, names: Sequence[str]) -> None:
    """The usual work, of which one part fails. In the other process: nothing is patched there."""

    def fails(generation: Generation) -> None:
        raise ValueError("a fault of ours")

    ahead.WORKED_OUT["topics"] = fails
    ahead._work_out(pipe, settings, name, names)


def works_on(pipe: Connection) -> None:
    """As `silent`, and ends with who started it."""
    ahead.end_with(pipe)
    time.sleep(10 * SOON)


@pytest.mark.parametrize("work", [dies, breaks_off, silent])
def test_where_it_fails_or_takes_too_long_all_is_worked_out_when_it_is_asked(
    work, settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "_work_out", work)
    monkeypatch.setattr(ahead, "_MOST_SECONDS", SOON if work is not silent else 0.1)
    new = published(settings, "more")
    caplog.set_level(logging.WARNING)
    Ahead(settings)(old, new)
    told = f"What generation {new.name} needs could not be worked out before it answers: "
    why = {dies: "it was ended", breaks_off: "", silent: "it took more than 0.1 s, and is not tried again"}[work]
    assert told + why in caplog.text
    assert not derived.made_of(new) and not running()
    assert len(whole_order(new).order) == new.manifest.documents


def test_what_fails_keeps_nothing_else_from_being_worked_out(
    settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "_work_out", fails_at_topics)
    new = published(settings, "more")
    caplog.set_level(logging.WARNING)
    Ahead(settings)(old, new)
    assert "could not be worked out before it answers: ValueError('a fault of ours')." in caplog.text
    assert {"citations", "whole order"} <= derived.made_of(new).keys() and "topics" not in derived.made_of(new)


def test_what_takes_too_long_is_not_tried_again(
    settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_work_out", silent)
    monkeypatch.setattr(ahead, "_MOST_SECONDS", 0.1)
    new, works = published(settings, "more"), Ahead(settings)
    works(old, new)
    monkeypatch.setattr(ahead.spawning, "started", lambda *given, name: pytest.fail("one was started"))
    works(old, new)


def test_it_is_not_waited_for_where_what_answers_can_answer_no_more(
    settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "_work_out", silent)
    monkeypatch.setattr(Generation, "is_as_it_was", lambda self: self is not old)
    new = published(settings, "more")
    caplog.set_level(logging.WARNING)
    Ahead(settings)(old, new)
    assert "what answers was changed under it" in caplog.text and not running()


def test_it_ends_with_the_server() -> None:
    pipe, there = spawning.pipe()
    process = spawning.started(works_on, (there,), name="ahead")
    assert not pipe.poll(1)
    pipe.close()  # as the system does for a server that is killed
    process.join(SOON)
    assert process.exitcode == 1
    process.close()


def test_where_no_process_can_be_started_the_new_one_answers_all_the_same(
    settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(*given: object, name: str) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(ahead.spawning, "started", none)
    held = Opened(settings, behind=threading.Lock(), ahead=Ahead(settings))
    held.prepare()
    whole_order(held.now())
    new = published(settings, "more")
    caplog.set_level(logging.WARNING)
    held.catch_up()
    assert held.now().name == new.name
    assert "temporarily unavailable" in caplog.text


def test_what_fails_there_is_told(settings: Settings, old: Generation, caplog: pytest.LogCaptureFixture) -> None:
    new = published(settings, "more")
    shutil.rmtree(settings.library)
    caplog.set_level(logging.WARNING)
    Ahead(settings)(old, new)
    told = f"What generation {new.name} needs could not be worked out before it answers: Generation {new.name}: "
    assert f"{told}{settings.library / 'generations' / f'{new.name}.json'} is missing." in caplog.text


def test_something_newer_is_no_hindrance(settings: Settings, old: Generation) -> None:
    new = published(settings, "more")
    published(settings, "another")
    Ahead(settings)(old, new)
    assert whole_order(new) == whole_order(Library(settings.library).open_generation(new.name))
    assert derived.made_of(new).keys() >= WORKED_OUT.keys()


def test_closed_it_ends_what_it_is_at_and_begins_nothing(
    settings: Settings, old: Generation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "_work_out", silent)
    new = published(settings, "more")
    works = Ahead(settings)
    caplog.set_level(logging.WARNING)
    thread = threading.Thread(target=works, args=(old, new))
    thread.start()
    end = time.monotonic() + SOON
    while not (settings.library / "began").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    works.close()
    thread.join(SOON)
    assert not thread.is_alive()
    works(old, new)
    assert not running()
    assert not caplog.text and not derived.made_of(new)


def test_a_new_generation_answers_once_it_is_worked_out(settings: Settings, old: Generation) -> None:
    works = Ahead(settings)
    told: list[str] = []

    class Looking:
        def __call__(self, old: Generation, new: Generation) -> None:
            works(old, new)
            told.append(held.now().name)

        def close(self) -> None:
            works.close()

    held = Opened(settings, behind=threading.Lock(), ahead=Looking())
    held.prepare()
    first = held.now()
    whole_order(first)
    new = published(settings, "more")
    held.catch_up()
    assert told == [first.name] and held.now().name == new.name
    assert "whole order" in derived.made_of(held.now())
    assert whole_order(held.now()) == whole_order(new)


def test_what_was_changed_under_the_old_one_is_not_held_against_the_new(settings: Settings, old: Generation) -> None:
    class Changes:
        def __call__(self, old: Generation, new: Generation) -> None:
            held._altered = True

        def close(self) -> None: ...

    held = Opened(settings, behind=threading.Lock(), ahead=Changes())
    held.prepare()
    published(settings, "more")
    held.catch_up()
    found = held.serving
    assert held.now() is found
