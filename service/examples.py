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
    "answered": True,
    "results": [{
        "id": "1706.03762", "title": "Attention Is All You Need", "score": 8.31, "text": "full", "year": 2017,
        "authors": ["Ashish Vaswani", "Noam Shazeer"], "link": "https://arxiv.org/abs/1706.03762",
        "marks": [{"start": 0, "end": 9}], "notes": ["start here"], "read": False,
        "passages": [{
            "text": "(a passage of the paper, as its page has it)", "page": 6, "kind": "body",
            "section": "4 Why Self-Attention", "path": ["4 Why Self-Attention"], "start": 1204, "end": 2310,
            "score": 8.31, "link": "https://arxiv.org/pdf/1706.03762v5#page=6",
            "sentence": {"start": 210, "end": 342}, "marks": [{"start": 231, "end": 240}, {"start": 280, "end": 285}],
            "matched": True, "also": [],
            "parts": {"lexical": 3.9, "title": 0.62, "dense": 3.79, "paper": 0.0, "cosine": 0.61, "reranked": None},
        }],
    }],
    "remarks": [],
    "next": None,
}  # fmt: skip

QUOTE: dict[str, Any] = {
    "query": "attention is all you need",
    "generation": "000012",
    "matches": [{
        "id": "1706.03762", "title": "Attention Is All You Need", "page": 1, "start": 0, "end": 25,
        "text": "Attention Is All You Need", "exact": True, "score": 1.0, "link": "https://arxiv.org/pdf/1706.03762v5#page=1",
    }],
}  # fmt: skip

PAPERS: dict[str, Any] = {"generation": "000012", "papers": [_PAPER]}

PAPER: dict[str, Any] = {
    "generation": "000012",
    "paper": _PAPER,
    "abstract": "(the paper's abstract)",
    "outline": [{"heading": "4 Why Self-Attention", "level": 1, "page": 6, "anchor": None, "appendix": False}],
    "listed": [{"source": "/home/ana/list.md", "line": 12, "title": "attention is all you need",
                "section": ["To read", "Foundations"], "note": "start here", "checked": False}],
    "links": ["https://github.com/tensorflow/tensor2tensor"],
    "passages": 62,
    "kinds": {"reference": 40, "body": 20, "caption": 2},
    "reference_count": 40,
    "references": [{
        "n": 1, "label": "1", "title": "Layer Normalization", "authors": ["Jimmy Lei Ba", "Jamie Ryan Kiros"],
        "year": 2016, "arxiv_id": "1607.06450", "doi": None, "page": 10, "mentions": 1, "raw": "(the entry as printed)",
    }],
    "missing": [{"page": 14, "why": "it is a scan"}],
    "versions": [{"address": "file:/home/ana/attention.pdf", "text": "full", "version": 1, "pages": 11,
                  "why": "the same arXiv id"}],
}  # fmt: skip

JOB: dict[str, Any] = {
    "id": "9f86d081884c7d65", "state": "running", "started": 1795363200.0, "ended": None, "stage": "fetch", "done": 3,
    "total": 12, "step": "Attention Is All You Need", "exit_code": None, "report": None, "messages": [],
}  # fmt: skip


def of(example: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer is like `example`."""
    return {status: {"content": {"application/json": {"example": example}}}}
