"""What became of a reindex, as the page of the library tells it: what is new first, and what was there before in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.library import Generation
from service.pages import lacking
from service.serving.jobs import Job

_NAMED = 12


@dataclass(frozen=True)
class Paper:
    """A paper of the report: `text` is what is here of it, "" where it went again; `why` why that isn't all of it."""

    id: str
    title: str
    text: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """`added` papers are new, `read` ones are now here in full; `still` ones were there before, and are not in full yet.

    `told` is false where there is no report: the job failed, or it was too long to be kept. `network` says once who could not be
    reached; `added_count` and `read_count` count those too that are not named.
    """

    failed: bool
    told: bool
    messages: tuple[str, ...]
    documents: int
    changed: bool
    added: Sequence[Paper]
    added_count: int
    read: Sequence[Paper]
    read_count: int
    removed: Sequence[str]
    network: str
    still: Sequence[Paper]
    remarks: Sequence[str]


def of(job: Job, generation: Generation | None) -> Outcome | None:
    """The outcome of a job that has ended, None while it runs."""
    if job.state == "running":
        return None
    report: Mapping[str, Any] = job.report or {}
    lines: dict[str, Mapping[str, Any]] = {}
    for line in report.get("lines", ()):  # of those that were merged, the one whose text was read
        if lines.get(line["id"], {}).get("outcome") != "full text":
            lines[line["id"]] = line
    catalogue = generation.catalogue if generation else None
    shared = lacking.shared(line["why"] for line in lines.values())

    def paper(line: Mapping[str, Any]) -> Paper:
        summary = catalogue.summary(line["id"]) if catalogue else None
        text = summary.text if summary else ""
        reason = lacking.reason(line["why"]) if line["why"] and text != "full" else None
        why = "" if reason is None or reason.kind in shared else reason.text
        return Paper(line["id"], line["title"], text, why)

    added = [paper(lines[one]) for one in report.get("added", ()) if one in lines]
    new = {one.id for one in added}
    rest = [line for name, line in lines.items() if name not in new]
    read = [paper(line) for line in rest if line["outcome"] == "full text"]
    still = [paper(line) for line in rest if line["why"] and line["outcome"] in ("digest", "failed", "record")]
    warnings = [warning for warning in report.get("warnings", ()) if not _of_the_network(warning, shared)]
    return Outcome(
        job.state == "failed", job.report is not None, job.messages[-3:], report.get("documents", 0),
        bool(report.get("published")),
        added[:_NAMED], len(added) + report.get("left_out", {}).get("added", 0), read[:_NAMED], len(read),
        report.get("removed", ()),
        " ".join(one.text for one in shared.values()), still, [_remark(warning) for warning in warnings],
    )  # fmt: skip


def _of_the_network(warning: Mapping[str, Any], shared: Mapping[str, Any]) -> bool:
    """Whether a warning says again what is said of the network."""
    kind = lacking.reason(warning["message"]).kind
    return warning["kind"] == "metadata" and (kind in shared or (kind.startswith("reach") and bool(shared)))


def _remark(warning: Mapping[str, Any]) -> str:
    source = str(warning["source"]).rstrip("/").replace("\\", "/").rsplit("/", 1)[-1]
    where = ", line ".join(str(part) for part in (source, warning["line"]) if part)
    return f"{where}: {lacking.reason(warning['message']).text}" if where else lacking.reason(warning["message"]).text
