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

PAPERS: dict[str, Any] = {"generation": "000012", "papers": [_PAPER], "next": None}

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

ORDER: dict[str, Any] = {
    "generation": "000012",
    "order": [
        {"id": "1706.03762", "title": "Attention Is All You Need", "position": 1, "stage": "Transformers", "minutes": 45,
         "year": 2017, "text": "full", "timing": "(what the estimate is made from)",
         "reasons": [{"kind": "before", "text": "1 here builds on it: BERT", "ids": ["1810.04805"]}]},
        {"id": "1810.04805", "title": "BERT", "position": 2, "stage": "Transformers", "minutes": 48, "year": 2018,
         "text": "full", "timing": "(what the estimate is made from)",
         "reasons": [{"kind": "after", "text": "builds on Attention Is All You Need", "ids": ["1706.03762"]}]},
    ],
    "start_here": ["1706.03762", "1810.04805"],
    "edges": [{
        "before": "1706.03762", "after": "1810.04805", "kind": "builds on", "weight": 1.42, "basis": "bibliography",
        "count": 4, "strict": True,
        "evidence": [{"sentence": "(the sentence, as the page has it)", "page": 3, "section": "3 BERT"}],
    }],
    "missing": [{
        "title": "Layer Normalization", "authors": ["Jimmy Lei Ba"], "year": 2016, "arxiv_id": "1607.06450", "doi": None,
        "needed": 1.39, "cited_by": [{"id": "1706.03762", "count": 2, "role": "uses"}], "before": "1706.03762",
        "stage": "Transformers",
    }],
    "stages": [{"name": "Transformers", "terms": ["Transformers"], "ids": ["1706.03762", "1810.04805"], "minutes": 93}],
    "cycles": [], "skipped": [], "known": [], "minutes": 93, "goal": None, "topic": None, "budget": None,
    "without_digests": None, "warnings": [], "next": None,
}  # fmt: skip

JOB: dict[str, Any] = {
    "id": "9f86d081884c7d65", "state": "running", "started": 1795363200.0, "ended": None, "stage": "fetch", "done": 3,
    "total": 12, "step": "Attention Is All You Need", "exit_code": None, "report": None, "messages": [],
}  # fmt: skip

UPLOAD: dict[str, Any] = {
    "source": "upload:9f86d081884c7d65/attention.pdf", "name": "attention.pdf", "bytes": 569417, "kind": "pdf",
}  # fmt: skip

MARKED: dict[str, Any] = {
    "id": "1706.03762", "title": "Attention Is All You Need", "read": True, "read_at": "2026-03-01T10:00:00+00:00",
    "note": "section 3 again", "note_at": "2026-03-01T10:05:00+00:00",
}  # fmt: skip

_PART: dict[str, Any] = {"name": "To read > Foundations", "documents": 12, "read": 5, "unread": 7, "minutes_left": 310}

STATUS: dict[str, Any] = {
    "generation": "000012", "documents": 12, "read": 5, "unread": 7, "minutes_left": 310,
    "sections": [_PART], "themes": [_PART | {"name": "pipeline, parallelism"}],
}  # fmt: skip

CITATION: dict[str, Any] = {
    "id": "1706.03762",
    "key": "vaswani2017attention",
    "bibtex": "@misc{vaswani2017attention,\n  title = {Attention Is All You Need},\n  author = {Vaswani, Ashish and"
    " Shazeer, Noam},\n  year = {2017},\n  eprint = {1706.03762},\n  archiveprefix = {arXiv},\n}\n",
    "csl": {
        "id": "vaswani2017attention", "type": "article", "title": "Attention Is All You Need",
        "author": [{"given": "Ashish", "family": "Vaswani"}, {"given": "Noam", "family": "Shazeer"}],
        "issued": {"date-parts": [[2017, 6, 12]]}, "number": "arXiv:1706.03762",
    },
}  # fmt: skip


_QUOTED: dict[str, Any] = {
    "id": "1706.03762", "text": "(a sentence, as its page has it)", "page": 2, "section": "3.2 Attention", "start": 1204,
    "end": 1310, "link": "https://arxiv.org/pdf/1706.03762v5#page=2",
}  # fmt: skip

RELATED: dict[str, Any] = {
    "id": "1706.03762", "generation": "000012", "like": [], "unlike": [], "facet": None,
    "results": [{
        "id": "1810.04805", "title": "BERT", "score": 3.41, "year": 2018, "text": "full",
        "link": "https://arxiv.org/abs/1810.04805",
        "reasons": [
            {"kind": "cited-by", "paper": "1706.03762", "why": "it cites 1706.03762 4 times and builds on 1706.03762",
             "role": "builds on", "count": 4, "basis": "bibliography", "sentence": "(the sentence that cites it)", "page": 3,
             "section": "3 BERT", "link": "https://arxiv.org/pdf/1810.04805v2#page=3"},
            {"kind": "cited-together", "paper": "1706.03762", "why": "one paper cites both it and 1706.03762, 2104.04473",
             "count": 1, "by": [{"id": "2104.04473", "title": "(its title)", "here": _QUOTED, "there": None}]},
            {"kind": "references", "paper": "1706.03762", "why": "1706.03762 and it both cite the same work: Adam", "count": 1,
             "references": [{"title": "Adam", "year": 2015, "id": None}]},
            {"kind": "passages", "paper": "1706.03762", "why": "p. 5 is near in meaning to p. 2 of 1706.03762",
             "facet": None, "nearness": 0.46, "here": _QUOTED, "there": _QUOTED},
            {"kind": "terms", "paper": "1706.03762", "why": "both print attend", "terms": ["attend"]},
        ],
    }],
}  # fmt: skip

GRAPH: dict[str, Any] = {
    "generation": "000012",
    "nodes": [
        {"id": "1706.03762", "title": "Attention Is All You Need", "year": 2017, "text": "full", "same_as": None},
        {"id": "1412.6980", "title": "Adam: A Method for Stochastic Optimization", "year": 2014, "text": "full",
         "same_as": None},
    ],
    "edges": [{
        "from": "1706.03762", "to": "1412.6980", "count": 1, "role": "uses", "basis": "bibliography", "how": "title",
        "weight": 0.7203,
        "mentions": [{"sentence": "(the sentence that cites)", "page": 7, "section": "5.3 Optimizer"}],
    }],
    "cycles": [],
    "next": None,
}  # fmt: skip

TOPICS: dict[str, Any] = {
    "generation": "000012",
    "topics": [{
        "name": "self-attention", "terms": ["self-attention", "Transformers", "sequence length"],
        "papers": [{"id": "1706.03762", "title": "Attention Is All You Need", "year": 2017}], "count": 1,
    }],
}  # fmt: skip


def of(example: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer is like `example`."""
    return {status: {"content": {"application/json": {"example": example}}}}
