"""An example of each answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_PAPER: dict[str, Any] = {
    "id": "1706.03762", "title": "Attention Is All You Need", "year": 2017, "text": "full", "pages": 15,
    "authors": ["Ashish Vaswani", "Noam Shazeer"], "date": "2017-06-12", "link": "https://arxiv.org/abs/1706.03762",
    "arxiv_id": "1706.03762", "version": 5, "newest": 7, "reason": "",
}  # fmt: skip

SEARCH: dict[str, Any] = {
    "query": "what does attention cost per layer",
    "generation": "000012",
    "results": [{
        "id": "1706.03762", "title": "Attention Is All You Need", "score": 0.71, "text": "full", "year": 2017,
        "authors": ["Ashish Vaswani", "Noam Shazeer"], "link": "https://arxiv.org/abs/1706.03762",
        "passages": [{
            "text": "(a passage of the paper, as its page has it)", "page": 6, "section": "4 Why Self-Attention",
            "start": 1204, "end": 2310, "score": 0.71, "link": "https://arxiv.org/pdf/1706.03762v5#page=6",
        }],
    }],
}  # fmt: skip

PAPERS: dict[str, Any] = {"generation": "000012", "papers": [_PAPER]}

PAPER: dict[str, Any] = {
    "generation": "000012",
    "paper": _PAPER,
    "abstract": "(the paper's abstract)",
    "outline": [{"heading": "4 Why Self-Attention", "level": 1, "page": 6, "anchor": None}],
    "listed": [{"source": "/home/ana/list.md", "line": 12, "title": "attention is all you need",
                "section": ["To read", "Foundations"], "note": "start here", "checked": False}],
    "links": ["https://github.com/tensorflow/tensor2tensor"],
    "passages": 62,
}  # fmt: skip

JOB: dict[str, Any] = {
    "id": "9f86d081884c7d65", "state": "running", "started": 1795363200.0, "ended": None, "stage": "fetch", "done": 3,
    "total": 12, "step": "Attention Is All You Need", "exit_code": None, "report": None, "messages": [],
}  # fmt: skip


def of(example: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer is like `example`."""
    return {status: {"content": {"application/json": {"example": example}}}}
