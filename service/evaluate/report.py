"""A report: how well questions were answered, with what is needed to compare it with a later one."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from indexer.errors import SourceNotFound, SourceUnreadable, UsageError
from service.evaluate.measures import Figure, figure

FORMAT = 1
SEED = 0

Values = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Row:
    """The questions of one kind, or one stage of the ranking. `values` has the `measures` in order, by question.

    A value is None where the question has no such measure. A drop of one of `watched` counts against a later report.
    """

    name: str
    measures: tuple[str, ...]
    watched: tuple[str, ...]
    figures: dict[str, Figure | None]
    values: dict[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class Difference:
    """By how much `row` is better in `measure` than `against`, on the same questions."""

    row: str
    against: str
    measure: str
    figure: Figure


@dataclass(frozen=True)
class Report:
    """What was evaluated and how it went. `questions` has a hash of each, by its id, so that like is compared with like.

    `of` is "folder" or "library", `name` the folder's, `model` the embedding model's and `fingerprint` its own. `options` is
    what chose the questions, `left_out` how many could not be asked. `remarks` are for a person.
    """

    of: Literal["folder", "library"]
    name: str
    model: str
    fingerprint: str
    documents: int
    passages: int
    options: dict[str, str]
    seed: int
    left_out: int
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...]
    questions: dict[str, str]
    format: int = FORMAT


@dataclass(frozen=True)
class Change:
    """How a row's measure moved since a saved report, on the questions that both have.

    `difference` is paired. `dropped` says that it is watched and fell.
    """

    row: str
    measure: str
    before: float
    now: float
    difference: Figure
    watched: bool
    dropped: bool


@dataclass(frozen=True)
class Comparison:
    """A report against a saved one. `unpaired` counts the questions of either that the other doesn't have."""

    changes: tuple[Change, ...]
    unpaired: int
    remarks: tuple[str, ...]

    @property
    def dropped(self) -> tuple[Change, ...]:
        """What fell."""
        return tuple(change for change in self.changes if change.dropped)


def row(name: str, measures: Sequence[str], watched: Sequence[str], values: Values, seed: int) -> Row:
    """A row with its figures; a measure that no question has is None."""
    held = {question: tuple(_rounded(value) for value in some) for question, some in values.items()}
    figures = {}
    for column, measure in enumerate(measures):
        found = [value for some in held.values() if (value := some[column]) is not None]
        figures[measure] = figure(found, seed) if found else None
    return Row(name, tuple(measures), tuple(watched), figures, held)


def difference(one: Row, other: Row, measure: str, seed: int) -> Difference:
    """By how much `one` is better than `other`, which has the same questions."""
    pairs = _pairs(one, other, measure, one.values)
    return Difference(one.name, other.name, measure, figure([now - before for now, before in pairs], seed))


def compare(now: Report, before: Report, tolerance: float | None = None) -> Comparison:
    """What moved between a saved report and this one, on the questions that both have.

    A watched measure dropped where its whole paired interval lies below zero; with a `tolerance`, where its mean fell by
    more than that. Raises `UsageError` where the two have no question in common.
    """
    if now.of != before.of:
        raise UsageError(f"The saved report is of a {before.of}, this one of a {now.of}.")
    same = {name for name, told in now.questions.items() if before.questions.get(name) == told}
    unpaired = len(now.questions.keys() | before.questions.keys()) - len(same)
    rows = {row.name: row for row in before.rows}
    changes = []
    for row in now.rows:
        for measure in row.measures if row.name in rows else ():
            if measure in rows[row.name].measures and (pairs := _pairs(row, rows[row.name], measure, same)):
                changes.append(_change(row, measure, pairs, now.seed, tolerance))
    if not changes:
        raise UsageError(
            "The saved report and this one have no question in common.", cure="Compare reports of the same questions."
        )
    remarks = []
    if unpaired:
        remarks.append(f"{unpaired} questions are in one of the reports alone, or differ: they are not compared.")
    if now.fingerprint != before.fingerprint:
        remarks.append(f"The saved report is of another model: {before.model} ({before.fingerprint}).")
    if now.documents != before.documents:
        remarks.append(f"The saved report is of {before.documents} documents, this one of {now.documents}.")
    if alone := sorted({row.name for row in now.rows} ^ set(rows)):
        remarks.append(f"In one of the reports alone: {', '.join(alone)}.")
    return Comparison(tuple(changes), unpaired, tuple(remarks))


def _pairs(one: Row, other: Row, measure: str, questions: Any) -> list[tuple[float, float]]:
    """The values of both for each of `questions` that both have, in the order of `one`."""
    a, b = one.measures.index(measure), other.measures.index(measure)
    both = [
        (some[a], other.values[name][b])
        for name, some in one.values.items()
        if name in questions and name in other.values
    ]
    return [(x, y) for x, y in both if x is not None and y is not None]


def _change(row: Row, measure: str, pairs: Sequence[tuple[float, float]], seed: int, tolerance: float | None) -> Change:
    moved = figure([now - before for now, before in pairs], seed)
    watched = measure in row.watched
    fell = moved.high < 0 if tolerance is None else moved.mean < -tolerance
    now, before = (round(sum(values) / len(pairs), 6) for values in zip(*pairs, strict=True))
    return Change(row.name, measure, before, now, moved, watched, watched and fell)


# ---------------------------------------------------------------------- on disk


def save(report: Report, path: Path) -> None:
    """Writes a report as JSON; the same evaluation writes the same bytes. Raises `UsageError` where it can't be written."""
    try:
        path.write_text(json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"The report can't be written to {path}: {error.strerror}.") from None


def load(path: Path) -> Report:
    """A saved report. Raises `SourceNotFound` or `SourceUnreadable`."""
    from pydantic import TypeAdapter, ValidationError

    try:
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise SourceUnreadable(
                f"{path} is not a report of this paperpath's.",
                cure="Make one with `paperpath evaluate … --report FILE`.",
            )
        found = TypeAdapter(Report).validate_python(data)
    except OSError as error:
        raise SourceNotFound(
            f"The report {path} can't be read: {error.strerror}.", cure="Save one with --report."
        ) from None
    except (ValueError, RecursionError) as error:
        why = f" ({error.errors()[0]['msg']})" if isinstance(error, ValidationError) else ""
        raise SourceUnreadable(f"{path} is not a report{why}.", cure="Save one with --report.") from None
    figures = [value for row in found.rows for values in row.values.values() for value in values if value is not None]
    if not all(map(math.isfinite, figures)):
        raise SourceUnreadable(f"{path} is not a report (a value is no number).", cure="Save one with --report.")
    lengths = {len(row.measures) == len(values) for row in found.rows for values in row.values.values()}
    if False in lengths:
        raise SourceUnreadable(f"{path} is not a report (a question lacks a value).", cure="Save one with --report.")
    return found


def as_data(report: Report, comparison: Comparison | None = None) -> dict[str, Any]:
    """The report as plain data, without each question's values, and how it compares."""
    told = asdict(report)
    told["questions"] = len(report.questions)
    for row in told["rows"]:
        row["questions"] = len(row.pop("values"))
    told["comparison"] = None if comparison is None else asdict(comparison)
    return told


def digest(*parts: object) -> str:
    """A short hash by which a question is known again."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, sort_keys=True).encode()).hexdigest()[:12]


# ---------------------------------------------------------------------- for a person

_NAMES = {"ndcg@10": "nDCG@10", "mrr@10": "MRR@10"}
_MEANS = {
    "ndcg@10": "how near the first ten come to the best order there is, 1 at best",
    "recall@1": "how often the right paper is first",
    "recall@10": "the share of the relevant papers that is among the first ten",
    "recall@100": "the share that is among the first hundred",
    "mrr@10": "one over the rank of the first right paper, 0 beyond the tenth",
    "page@3": "how often the right paper is among ten, and shown with a passage of the right page",
}


def lines(report: Report) -> list[str]:
    """The report for a terminal: what was asked, a table, what each stage adds, and what the numbers mean."""
    from service import terminal

    options = "".join(f", {value}" for value in report.options.values())
    measures = list(dict.fromkeys(measure for row in report.rows for measure in row.measures))
    heads = ("", "questions", *(_NAMES.get(measure, measure) for measure in measures))
    cells = [
        (row.name, str(len(row.values)), *(_cell(row.figures.get(measure)) for measure in measures))
        for row in report.rows
    ]
    told = [
        f"{report.name}{options}: {len(report.questions)} questions, {report.documents} documents, {report.passages}"
        f" passages, {report.model}",
        "", terminal.table(cells, heads), "",
    ]  # fmt: skip
    for d in report.differences:
        told.append(f"{d.row} against {d.against}: {_NAMES.get(d.measure, d.measure)} {_signed(d.figure)}")
    if report.differences:
        told.append("")
    told += [terminal.wrapped(f"{_NAMES.get(m, m)}: {_MEANS[m]}.", 0) for m in measures]
    told.append(terminal.wrapped("In brackets: where the figure lies in 95 of 100 draws of as many such questions.", 0))
    return [*told, *(terminal.wrapped(terminal.plain(remark), 0) for remark in report.remarks)]


def comparison_lines(comparison: Comparison) -> list[str]:
    """The comparison for a terminal: what is watched, and of the rest what moved by more than chance."""
    from service import terminal

    cells = [
        (c.row, _NAMES.get(c.measure, c.measure), _number(c.before), _number(c.now), _signed(c.difference),
         "worse" if c.dropped else "" if c.watched else "not watched")
        for c in comparison.changes
        if c.watched or c.difference.low > 0 or c.difference.high < 0
    ]  # fmt: skip
    heads = ("", "measure", "saved", "now", "difference, paired", "")
    return [terminal.table(cells, heads), *(terminal.wrapped(remark, 0) for remark in comparison.remarks)]


def _cell(found: Figure | None) -> str:
    return f"{_number(found.mean)} [{_number(found.low)}, {_number(found.high)}]" if found else "-"


def _signed(found: Figure) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)
