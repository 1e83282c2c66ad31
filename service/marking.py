"""What a reader did with the papers: marks set and read back, and how far the list is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.library import Generation, Summary, marks
from indexer.library.marks import Box, Mark, Marks
from service import minutes
from service.derived import Once
from service.papers import by_id, summary_of

if TYPE_CHECKING:
    from indexer.sources.ordered_list import Changed


@dataclass(frozen=True)
class Marked:
    """A paper and its marks: whether it is read, and the reader's own note ("": none).

    `read_at` and `note_at` say when that was said by a mark, "" where it wasn't; a check box has no date.
    """

    id: str
    title: str
    read: bool
    read_at: str
    note: str
    note_at: str


@dataclass(frozen=True)
class Part:
    """How far a part of the library is read. `minutes_left` is the estimate for what isn't."""

    name: str
    documents: int
    read: int
    unread: int
    minutes_left: int


@dataclass(frozen=True)
class Status:
    """How far the library is read: in all, by section of the list, by theme.

    A paper counts in each section that it is listed under, and in one theme. `minutes_left` is estimated.
    """

    generation: str
    documents: int
    read: int
    unread: int
    minutes_left: int
    sections: tuple[Part, ...]
    themes: tuple[Part, ...]


def read(generation: Generation, held: Marks) -> set[int]:
    """The positions of the documents that were read, as `marks.state` tells it of each."""
    found = set(_by_their_boxes(generation))
    for position, _ in placed(generation, held):
        read_now = marks.state(generation.catalogue.summaries[position], held)
        (found.add if read_now else found.discard)(position)
    return found


_by_their_boxes: Once[tuple[int, ...]] = Once(
    lambda generation: tuple(s.position for s in generation.catalogue.summaries if marks.state(s, marks.NONE))
)


def placed(generation: Generation, held: Marks) -> list[tuple[int, Mark]]:
    """The marks of documents that are here, each with the position of its document."""
    at = by_id(generation)
    return [(at[mark.id], mark) for mark in held.by_id.values() if mark.id in at]


def marked(generation: Generation, held: Marks, document_id: str) -> Marked:
    """One paper's marks. Raises `UnknownDocument`."""
    return _marked(summary_of(generation, document_id), held)


def set_read(folder: Path, generation: Generation, ids: Sequence[str], read: bool) -> tuple[Marked, ...]:
    """Marks papers as read or unread in the `folder` of marks. Raises `UnknownDocument` before any is marked."""
    summaries = _several(generation, ids)
    marks.set_all_read(folder, [(summary, read, marks.box_of(summary)) for summary in summaries])
    held = marks.load(folder)
    return tuple(_marked(summary, held) for summary in summaries)


def set_note(folder: Path, generation: Generation, document_id: str, note: str) -> Marked:
    """Writes a note to a paper, in place of the one before; "" takes it away. Raises `UnknownDocument`."""
    summary = summary_of(generation, document_id)
    marks.set_note(folder, summary.id, note.strip())
    return _marked(summary, marks.load(folder))


def take_over(folder: Path, generation: Generation, boxes: Mapping[str, Changed]) -> tuple[Marked, ...]:
    """Makes marks of the boxes that a person changed in an order, before it is written anew. Returns what that changed.

    `boxes` are as `ordered_list.changed` has them, by the entry's address.
    """
    from indexer.sources import ordered_list

    held = marks.load(folder)
    found, said_now = [], []
    for summary in generation.catalogue.summaries:
        changed = ordered_list.of_entry(boxes, summary.entry.addresses)
        if changed is None:
            continue
        mark, box = held.by_id.get(summary.id), Box(marks.box_of(summary).ticked, changed.ticked, changed.since)
        now = marks.said(mark, box)
        if mark is None or (mark.read, mark.by_hand, mark.since) != (now, box.by_hand, box.since):
            said_now.append((summary, now, box))
        if now != marks.state(summary, held):
            found.append(summary)
    marks.set_all_read(folder, said_now)
    held = marks.load(folder)
    return tuple(_marked(summary, held) for summary in found)


def status(generation: Generation, held: Marks) -> Status:
    """How far the library is read."""
    from service import topics

    summaries = generation.catalogue.summaries
    done = read(generation, held)
    times = [found.minutes for found in minutes.of(generation)]
    sections: dict[str, list[int]] = {}
    for summary in summaries:
        for path in dict.fromkeys(mention.section for mention in summary.entry.mentions):
            sections.setdefault(" > ".join(path), []).append(summary.position)

    def part(name: str, positions: Iterable[int]) -> Part:
        places = list(positions)
        left = [place for place in places if place not in done]
        return Part(name, len(places), len(places) - len(left), len(left), sum(times[place] for place in left))

    whole = part("", range(len(summaries)))
    return Status(
        generation.name, whole.documents, whole.read, whole.unread, whole.minutes_left,
        tuple(part(name, positions) for name, positions in sections.items()),
        tuple(part(theme.name, theme.positions) for theme in topics.of(generation)) if summaries else (),
    )  # fmt: skip


def _several(generation: Generation, ids: Sequence[str]) -> list[Summary]:
    return list({summary.id: summary for summary in (summary_of(generation, name) for name in ids)}.values())


def _marked(summary: Summary, held: Marks) -> Marked:
    mark = held.by_id.get(summary.id)
    return Marked(
        summary.id, summary.title, marks.state(summary, held), held.read_at(summary.id),
        (mark.note or "") if mark else "", mark.note_at if mark else "",
    )  # fmt: skip
