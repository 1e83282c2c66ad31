"""The command that says in which order to read."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.common import (
    batch_option,
    json_option,
    known_ids,
    library_option,
    opened_library,
    read_rows,
    settings_of,
)

if TYPE_CHECKING:
    from indexer.library import Generation
    from service.opened import Opened
    from service.reading_order import Order

_OPENING = 3
_SKIPPED = 10  # papers that are left out, of a kind, that are shown


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]…")
@click.option("--goal", metavar="ID", help="Only what leads to this paper, and why.")
@click.option("--topic", metavar="WORDS", help="Only what leads to the papers on this.")
@click.option("--budget", metavar="TIME", help="What to read in the time: 6h, 90m, 2h30m. Minutes are estimated.")
@click.option("--known", multiple=True, metavar="ID", help="Take this as read. Repeatable.")
@click.option("--again", is_flag=True, help="With what is marked as read too.")
@click.option("--without-digests", is_flag=True, help="Without citations that rest on a digest's words.")
@click.option("--evidence", is_flag=True, help="Show the sentences and pages behind each step.")
@click.option("--write", is_flag=True, help="Put the order into the markdown list that the library was made from.")
@click.option("--unwrite", is_flag=True, help="Take what --write put there out again; ticks are kept as marks.")
@click.option("--no-missing", is_flag=True, help="With --write: without the papers that the list leans on and lacks.")
@batch_option('Read lists from JSON lines {"_id", "ids"}; print an order of exactly these for each.')
@library_option
@json_option
def order(ids: tuple[str, ...], goal: str | None, topic: str | None, budget: str | None, known: tuple[str, ...],
          again: bool, without_digests: bool, evidence: bool, write: bool, unwrite: bool, no_missing: bool,
          batch: Path | None, library: Path | None, as_json: bool) -> None:  # fmt: skip
    """In which order to read: stages, and for each paper why it stands there. The stages follow the citations
    too: they are not the topics of `paperpath topics`.

    Without an ID, the whole library. What is marked or ticked as read is left out.

    \b
    Examples:
      paperpath order
      paperpath order --goal 2403.10616 --budget 6h
      paperpath order --topic "communication in pipeline training" --known 1706.03762
    """
    from dataclasses import asdict

    from indexer.errors import SourceUnreadable
    from service import terminal
    from service.reading_order import NothingToOrder, Order, reading_order

    if batch is not None and (ids or goal or topic or budget or known or write or unwrite):
        raise click.UsageError("--batch orders exactly the ids of its lines: it takes no ID and none of these options.")
    if write and unwrite:
        raise click.UsageError("--write puts the order into the list, --unwrite takes it out: not both.")
    if (write or unwrite) and (ids or goal or topic or budget or known):
        raise click.UsageError(
            "--write and --unwrite are for the order of the whole list: they take no ID and no other choice."
        )
    if no_missing and not write:
        raise click.UsageError("--no-missing goes with --write.")
    if topic is not None and not topic.strip():
        raise click.UsageError("The topic is empty.")
    opened, generation = opened_library(settings_of(library), model=topic is not None)
    if batch is not None:
        rows = read_rows(batch, {"ids": list})
        for row in rows:  # before the first answer
            if not all(isinstance(one, str) for one in row["ids"]):
                raise SourceUnreadable(f'{batch}, _id {row["_id"]}: "ids" is a list of ids.')
            known_ids(generation, batch, row, row["ids"])
        for row in rows:
            try:
                answer = reading_order(generation, row["ids"], without_digests=without_digests)
            except NothingToOrder:  # a list of none has an order of none
                answer = Order(generation.name, (), (), (), (), ())
            terminal.print_json({"_id": row["_id"], **asdict(answer)})
        return
    if unwrite:
        _unwrite(opened, generation, as_json)
        return
    if write:
        _write(opened, generation, not no_missing, without_digests, as_json)
        return
    marks = opened.marks()
    answer = reading_order(
        generation, ids or None, goal=goal, topic=topic, budget=budget, known=known,
        marks=None if again else marks, without_digests=without_digests,
        embedder=opened.embedder if topic is not None else None,
    )  # fmt: skip
    if as_json:
        terminal.print_json(answer)
    else:
        _print_order(answer, evidence)


def _print_order(answer: Order, evidence: bool) -> None:
    from service import minutes, terminal

    for remark in answer.warnings:
        terminal.say(f"Note: {terminal.plain(remark)}")
    if not answer.order:
        print("Nothing fits into that time." if answer.skipped else "Nothing is left to read.")
    else:
        print(f"{len(answer.order)} paper{'s' * (len(answer.order) > 1)}, about {minutes.spoken(answer.minutes)}"
              + (f"; {len(answer.known)} read already" if answer.known else ""))  # fmt: skip
    steps = {step.id: step for step in answer.order}
    if len(answer.order) > _OPENING and answer.goal is answer.topic is None:
        opening = "; ".join(f"{steps[one].title} ({one})" for one in answer.start_here[:_OPENING])
        print(terminal.wrapped(f"Where a newcomer may open: {terminal.plain(opening)}", indent=0))
    into: dict[str, list] = {}
    for edge in answer.edges:
        into.setdefault(edge.after, []).append(edge)
    for stage in answer.stages:
        how = "perhaps" if all(steps[one].text == "title" for one in stage.ids) else "about"
        print(f"\n{terminal.marked(stage.name, [(0, len(stage.name))])}  ({how} {minutes.spoken(stage.minutes)})")
        for step in (steps[one] for one in stage.ids):
            about = ", ".join(filter(None, (str(step.year or ""), minutes.about(step.minutes, step.text))))
            digest = "  [digest]" if step.text == "digest" else ""
            print(terminal.wrapped(f"{step.position}. {terminal.plain(step.title)}{digest}", indent=1))
            print(f"    {step.id}  {about}")
            for reason in step.reasons:
                print(terminal.wrapped(f"- {terminal.plain(reason.text)}", indent=4))
            for edge in into.get(step.id, ()) if evidence else ():
                for shown in edge.evidence[:1]:
                    where = f"page {shown.page}" if shown.page else shown.section or "text"
                    words = f"{edge.kind} {edge.before} ({edge.basis}), {where}: “{shown.sentence}”"
                    print(terminal.wrapped(terminal.plain(words), indent=6))
    for cycle in answer.cycles:
        print(f"\n{terminal.wrapped(terminal.plain(cycle.text), indent=0)}")
    _print_skipped(
        "Can be skipped", [f"{one.title} ({one.id}): {one.why}" for one in answer.skipped if not one.no_time]
    )
    _print_skipped("There is no time for", [f"{one.title} ({one.id})" for one in answer.skipped if one.no_time])
    if answer.missing:
        print("\nYour list leans on these and lacks them:")
    for one in answer.missing:
        where = f", {one.year}" if one.year else ""
        where += f", arXiv:{one.arxiv_id}" if one.arxiv_id else ""
        by = f"cited by {len(one.cited_by)} here; it would stand before {one.before}"
        print(terminal.wrapped(f"- {terminal.plain(one.title + where)}: {by}", indent=1))
    if (change := answer.without_digests) is not None:
        words = f"{change.edges} of the citations rest on what our digests say. Without them"
        words += f" {terminal.counted(len(change.moved), 'paper')} would stand elsewhere: --without-digests"
        print(
            terminal.wrapped(
                words if change.moved else f"{words[: words.index('. ')]}. Without them the order is the same.", 0
            )
        )


def _print_skipped(heading: str, lines: list[str]) -> None:
    from service import terminal

    if lines:
        print(f"\n{heading}:")
    for line in lines[:_SKIPPED]:
        print(terminal.wrapped(f"- {terminal.plain(line)}", indent=1))
    if len(lines) > _SKIPPED:
        print(f" and {len(lines) - _SKIPPED} more")


def _write(opened: Opened, generation: Generation, missing: bool, without_digests: bool, as_json: bool) -> None:
    """Puts the order of what each markdown list names into that list: all that it lists, read or not.

    Boxes ticked there by hand since the last reindex become marks first: they would be lost.
    """
    from indexer.library.marks import state
    from indexer.sources import list_file, ordered_list
    from indexer.sources.ordered_list import Absent, Item
    from service import marking, minutes, terminal
    from service.reading_order import reading_order

    summaries = {summary.id: summary for summary in generation.catalogue.summaries}
    told = []
    for source in _own(opened, generation):
        file = list_file.opened(source)
        marking.take_over(opened.library.marks, generation, ordered_list.changed(file.text))
        marks = opened.marks()
        ids = [one for one, s in summaries.items() if any(m.source == source for m in s.entry.mentions)]
        answer = reading_order(generation, ids, without_digests=without_digests) if ids else None
        stages = []
        for stage in answer.stages if answer else ():
            items = []
            for step in (step for step in answer.order if step.id in stage.ids) if answer else ():
                s = summaries[step.id]
                remark = ", ".join(filter(None, (str(step.year or ""), minutes.about(step.minutes, step.text))))
                items.append(Item(s.entry.address, step.title, state(s, marks), s.link, remark, s.entry.also,
                                  marks.read_at(s.id)))  # fmt: skip
            stages.append(ordered_list.Stage(stage.name, tuple(items)))
        absent = [
            Absent(one.title, one.arxiv_id, one.doi, f"cited by {len(one.cited_by)} of the list")
            for one in (answer.missing if answer and missing else ())
        ]
        changed = list_file.replace(file, ordered_list.written(file.text, stages, absent))
        told.append({"source": source, "changed": changed, "papers": sum(len(stage.items) for stage in stages),
                     "missing": len(absent)})  # fmt: skip
    if as_json:
        terminal.print_json({"written": told})
        return
    for one in told:
        what = "The order is written into" if one["changed"] else "The order is as it was in"
        print(f"{what} {terminal.plain(str(one['source']))}: {terminal.counted(int(one['papers']), 'paper')}.")


def _unwrite(opened: Opened, generation: Generation, as_json: bool) -> None:
    """Takes the order and what is missing out of each list, which is then as it was before they were written.

    Boxes ticked there by hand become marks first.
    """
    from indexer.sources import list_file, ordered_list
    from service import marking, terminal

    told = []
    for source in _own(opened, generation):
        file = list_file.opened(source)
        marking.take_over(opened.library.marks, generation, ordered_list.changed(file.text))
        told.append({"source": source, "changed": list_file.replace(file, ordered_list.removed(file.text))})
    if as_json:
        terminal.print_json({"unwritten": told})
        return
    for one in told:
        what = "The order is taken out of" if one["changed"] else "There is no order in"
        print(f"{what} {terminal.plain(str(one['source']))}.")


def _own(opened: Opened, generation: Generation) -> list[str]:
    """The lists that may be written into: not those that a browser handed over, which are named by what is in them.

    Says of those how to make them one's own. Raises `NotWritable` where there is no other.
    """
    from indexer.library import uploads
    from indexer.sources.ordered_list import NotWritable
    from service import terminal

    sources = list(dict.fromkeys(generation.manifest.sources))
    lists = [source for source in sources if source.lower().endswith((".md", ".markdown", ".txt"))] or sources[:1]
    own = [source for source in lists if not uploads.holds(opened.library.folder, source)]
    for source in (source for source in lists if source not in own):
        name = shlex.quote(Path(source).name)
        message = f"{name} was handed over in the browser: the library keeps it as it came, and no order goes into it."
        cure = f"To have a list of your own: cp -n {shlex.quote(source)} {name}; paperpath reindex --add {name} --remove {shlex.quote(source)}"  # noqa: E501
        if not own:
            raise NotWritable(message, cure=cure)
        terminal.say(f"Note: {message}\n  {cure}")
    return own
