"""A judged set on disk, in the layout of BEIR: a corpus, questions, and which documents answer them."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from indexer.errors import SourceEmpty, SourceNotFound, SourceUnreadable
from indexer.folding import writable

Half = Literal["all", "even", "odd"]
"""All questions, or those whose id has an even or an odd CRC-32: weights are chosen on one half, reported on the other."""

_LAYOUT = (
    "A folder has corpus.jsonl, queries.jsonl and qrels.tsv (or qrels/SPLIT.tsv), another split below its own name."
)
_JUDGEMENT = "Its columns are query-id, corpus-id and score, parted by tabs, below one line of headings."


@dataclass(frozen=True)
class Judged:
    """A judged set. `relevant` has, by question, the grades above zero of documents: for each of `questions`.

    `questions` are texts by id; a question whose text is not there has "" and can't be answered. `left_out` counts the
    questions of this half without a relevant document.
    """

    name: str
    corpus: Path
    split: str
    half: Half
    questions: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, float]]
    left_out: int
    remarks: tuple[str, ...]


def read(folder: Path, split: str = "test", half: Half = "all") -> Judged:
    """The judged set in `folder`. Its corpus is not read, but must be there.

    A question that is judged but has no text counts as one that finds nothing; of two judgements of one pair the later
    holds; both are told in `remarks`. Raises `SourceNotFound`, `SourceUnreadable` (naming the line) or `SourceEmpty`.
    """
    if not folder.is_dir():
        raise SourceNotFound(f"{folder} is not a folder.", cure=_LAYOUT)
    corpus = _there(folder, "corpus.jsonl")
    own = (f"{split}/queries.jsonl",) if (folder / split).is_dir() else ()
    queries = _there(folder, *own, "queries.jsonl")
    default = ("qrels.tsv",) if split == "test" else ()
    judgements = _there(folder, f"{split}/qrels.tsv", f"qrels/{split}.tsv", *default)
    texts = _texts(queries)
    judged, repeated = _judgements(judgements)
    of_half = [name for name in judged if half == "all" or zlib.crc32(name.encode()) % 2 == (half == "odd")]
    relevant = {
        name: grades
        for name in of_half
        if (grades := {document: grade for document, grade in judged[name].items() if grade > 0})
    }
    if not relevant:
        raise SourceEmpty(
            f"{judgements} judges no document relevant" + ("." if half == "all" else f" in the {half} half.")
        )
    unasked = [name for name in texts if name not in judged]
    textless = [name for name in relevant if name not in texts]
    if len(textless) == len(relevant):
        raise SourceUnreadable(f"{judgements} judges no question of {queries}.", cure=_LAYOUT)
    remarks = []
    if unasked:
        remarks.append(f"{len(unasked)} questions have no judgement and are left out, {unasked[0]} for one.")
    if textless:
        remarks.append(
            f"{len(textless)} judged questions have no text and count as finding nothing, {textless[0]} for one."
        )
    if repeated:
        remarks.append(f"{repeated} judgements repeat an earlier one; the last of each holds.")
    return Judged(
        folder.resolve().name, corpus, split, half, {name: texts.get(name, "") for name in relevant}, relevant,
        len(of_half) - len(relevant), tuple(remarks),
    )  # fmt: skip


def _there(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise SourceNotFound(f"{folder} has no {' or '.join(names)}.", cure=_LAYOUT)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceUnreadable(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise SourceUnreadable(f"{path} can't be read: {error.strerror}.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r")


def _texts(path: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            name, text = row["_id"], row["text"]
            if isinstance(name, bool) or not isinstance(name, str | int) or not isinstance(text, str):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SourceUnreadable(f'{path}:{number}: not a line of JSON with "_id" and "text".') from None
        if texts.setdefault(writable(str(name)), writable(text)) != text:
            raise SourceUnreadable(f"{path}:{number}: the question {name} stands here with another text than before.")
    return texts


def _judgements(path: Path) -> tuple[dict[str, dict[str, float]], int]:
    """The grades of documents by question, and how many lines judge what an earlier one had judged."""
    judged: dict[str, dict[str, float]] = {}
    repeated = 0
    for number, line in _lines(path):
        columns = [column.strip() for column in line.split("\t")]
        try:
            query, document, score = columns
            grade = float(score)
            if not math.isfinite(grade) or not query or not document:
                raise ValueError
        except ValueError:
            if number == 1 and len(columns) == 3:
                continue  # the headings
            raise SourceUnreadable(f"{path}:{number}: not a judgement.", cure=_JUDGEMENT) from None
        repeated += document in judged.setdefault(query, {})
        judged[query][document] = grade
    return judged, repeated
