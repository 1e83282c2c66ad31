"""What can be asked next with what an answer says: the links of the OpenAPI document."""

from __future__ import annotations

from typing import Any

_JOB = {"job_id": "$response.body#/id"}

# The operation and the status of its answer, a name, the operation that follows, and what that one is given.
_LINKS: tuple[tuple[str, int, str, str, dict[str, Any]], ...] = (
    ("search", 200, "next_page", "search",
     {"parameters": {"q": "$request.query.q", "cursor": "$response.body#/next"},
      "description": "The same question goes on behind this page, unless `next` is null."}),
    ("search", 200, "first_paper", "paper", {"parameters": {"paper_id": "$response.body#/results/0/id"}}),
    ("papers", 200, "first_paper", "paper", {"parameters": {"paper_id": "$response.body#/papers/0/id"}}),
    ("paper", 200, "related", "related", {"parameters": {"paper_id": "$response.body#/paper/id"}}),
    ("paper", 200, "marks", "marks", {"parameters": {"paper_id": "$response.body#/paper/id"}}),
    ("paper", 200, "set_marks", "set_marks", {"parameters": {"paper_id": "$response.body#/paper/id"}}),
    ("paper", 200, "cite", "cite", {"parameters": {"paper_id": "$response.body#/paper/id"}}),
    ("paper", 200, "before_it", "reading_order", {"parameters": {"goal": "$response.body#/paper/id"}}),
    ("upload", 201, "add", "start_reindex", {"requestBody": {"add": ["{$response.body#/source}"]}}),
    ("start_reindex", 202, "job", "reindex_job", {"parameters": _JOB}),
    ("start_reindex", 202, "events", "reindex_events", {"parameters": _JOB}),
)  # fmt: skip


def declare(schema: dict[str, Any]) -> None:
    """Adds the links to an OpenAPI document."""
    operations = {
        operation["operationId"]: operation for path in schema["paths"].values() for operation in path.values()
    }
    for first, status, name, then, given in _LINKS:
        assert then in operations, then
        links = operations[first]["responses"][str(status)].setdefault("links", {})
        links[name] = {"operationId": then, **given}
