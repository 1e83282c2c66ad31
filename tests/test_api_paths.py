"""Where the owner's files lie is told to who is on their machine or may change the library, and in no answer to anyone else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import build_documents, document
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr
from serving import WAIT, live, until

from indexer.document import Document, Link, Mention, Origin, Reference, TextMention, Version
from indexer.settings import Settings
from service.api import create_app
from service.api.paths import named
from service.api.searching import Wanted, found
from service.opened import Opened
from service.serving import jobs
from service.serving.guard import Access

PROJECT = Path(__file__).parents[1]
FOLDER = "a tell-tale place"
TOLD = FOLDER.split()[1]
READ, CHANGE = {"Authorization": "Bearer to-read"}, {"Authorization": "Bearer to-change"}
BROUGHT = {"Via": "1.1 proxy"}  # what a proxy adds: who asks is not on this machine
OPERATIONS = json.loads((PROJECT / "service" / "api" / "openapi.json").read_text("utf-8"))["paths"]
ASKED = {
    "/v1": [""],
    "/healthz": [""],
    "/readyz": ["", "?reading=true"],
    "/metrics": [""],
    "/v1/search": ["?q=islands", "?q=islands&by=passage&explain=true", "?q=in:broken", "?in=2311.08105", "?q=file"],
    "/v1/quote": ["?q=islands+communicate+rarely", "?q=nobody+said+any+of+this"],
    "/v1/papers": ["", "?limit=1"],
    "/v1/papers/{paper_id}": [""],
    "/v1/papers/{paper_id}/related": ["", "?facet=method", "?like=2403.10616"],
    "/v1/papers/{paper_id}/cite": [""],
    "/v1/papers/{paper_id}/marks": [""],
    "/v1/status": [""],
    "/v1/reading-order": ["", "?goal=2403.10616", "?topic=islands"],
    "/v1/graph": [""],
    "/v1/topics": [""],
    "/v1/reindex/{job_id}": ["", "?wait=0"],
    "/v1/reindex/{job_id}/events": [""],
}
"""Every route that is read, with what to ask it."""
TELLING = {"/v1/search", "/v1/quote", "/v1/papers", "/v1/papers/{paper_id}", "/v1/papers/{paper_id}/related",
           "/v1/reindex/{job_id}", "/v1/reindex/{job_id}/events"}  # fmt: skip


def papers(folder: Path) -> list[Document]:
    """Three local PDFs that cite each other, and one that can't be read, from a list that stands in the same folder."""
    made = []
    texts = {
        "2311.08105": "The islands communicate rarely. Each worker takes many inner steps before they do.",
        "2403.10616": "We let the islands communicate rarely, as [1] does. Many inner steps are taken before.",
        "both": "Workers on islands take many inner steps [1, 2]. They communicate rarely, which is enough.",
        "broken": "",
    }
    for number, (name, text) in enumerate(texts.items(), 1):
        path = folder / f"{name}.pdf"
        one = document(name, [text] if text else [], number)
        mention = Mention(str(folder / "list.md"), number, name, ("Theme",), "read it soon")
        cited = ["2311.08105", "2403.10616"][: {"2403.10616": 1, "both": 2}.get(name, 0)]
        references = [
            Reference(n, f"A work, arXiv:{one}.", 0, str(n), arxiv_id=one,
                      mentions=(TextMention(0, text.index("["), text.index("]") + 1, text.partition(". ")[0] + "."),))
            for n, one in enumerate(cited, 1)
        ]  # fmt: skip
        made.append(replace(
            one, arxiv_id=name if "." in name else None, link=path.as_uri(), references=tuple(references),
            entry=replace(one.entry, address=f"file:{path}", mentions=(mention,), links=(Link("https://example.org/code", "code"),)),
            origin=Origin("0" * 64, 100, path=str(path)) if text else Origin(),
            reason="" if text else f"{path} can't be read: Permission denied.",
            versions=(Version(f"file:{folder / 'copy.pdf'}", "full", 1, 1, "the same bytes"),
                      Version(f"record:{folder / 'all.jsonl'}#cs/0502012", "record")) if text else (),
        ))  # fmt: skip
    return made


def program(folder: Path) -> str:
    """What a reindex says and prints, for Python to run."""
    path, said = f"file:{folder / 'broken.pdf'}", [f"Warning: {folder / 'list.md'}:3: It is listed already."]
    why = f"{folder / 'broken.pdf'} can't be read: Permission denied."
    for one in ({"stage": "fetch", "total": 1}, {"failed": path, "why": why}, {"step": path, "count": 1, "pages": 0}):
        said.append(json.dumps(one))
    report = {
        "lines": [{"id": "broken", "title": "broken", "outcome": "failed", "why": why, "source": str(folder / "pdfs"),
                   "line": None}],
        "warnings": [{"source": str(folder), "line": None, "kind": "source-missing", "message": f"{folder} is not there."}],
        "skipped": [f"{folder / 'a.txt'}: it is no PDF"], "documents": 4, "published": False,
    }  # fmt: skip
    return f"import sys; print({chr(10).join(said)!r}, file=sys.stderr); print({json.dumps(report)!r})"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server with both tokens, and a reindex of it that has ended."""
    place = tmp_path_factory.mktemp("paths")
    build_documents(place / "library", papers(place / FOLDER))
    settings = Settings(library=place / "library", model="toy", digests=place / "none", rate=0,
                        token=SecretStr("to-change"), read_token=SecretStr("to-read"))  # fmt: skip
    real = jobs.subprocess.Popen
    with live(create_app(settings), settings) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jobs.subprocess, "Popen",
                          lambda _, **given: real([sys.executable, "-c", program(place / FOLDER)], **given))  # fmt: skip
            job = httpx.post(f"{url}/v1/reindex", headers=CHANGE, json={}).json()["id"]
        state = "running"
        while state == "running":
            state = httpx.get(f"{url}/v1/reindex/{job}?wait=60", headers=READ, timeout=WAIT).json()["state"]
        assert state == "done"
        yield url, job


def addresses(job: str, path: str) -> list[str]:
    """What to ask of a route."""
    ids = ["2311.08105", "both", "broken", "none"] if "{paper_id}" in path else [job]
    return [path.format(paper_id=one, job_id=one) + query for one in ids for query in ASKED[path]]


def all_of(answer: httpx.Response) -> str:
    """Everything that an answer says."""
    return f"{answer.headers}{answer.text}"


def test_every_route_that_is_read_is_asked() -> None:
    assert set(ASKED) == {path for path, operations in OPERATIONS.items() if "get" in operations}


@pytest.mark.parametrize("path", ASKED)
def test_where_files_lie_is_in_no_answer_to_others(served: tuple[str, str], path: str) -> None:
    url, job = served
    seen = {"others": "", "here": "", "changing": ""}
    asks = {"others": READ | BROUGHT, "here": READ, "changing": CHANGE | BROUGHT}
    with httpx.Client(base_url=url, timeout=WAIT) as client:
        for address in addresses(job, path):
            for who, headers in asks.items():
                seen[who] += all_of(client.get(address, headers=headers))
            assert TOLD not in all_of(client.head(address, headers=asks["others"]))
    assert TOLD not in seen["others"]
    assert (TOLD in seen["here"], TOLD in seen["changing"]) == (path in TELLING, path in TELLING)


@pytest.mark.parametrize("page", ["/", "/?q=islands", "/library", "/library?ended={job}", "/order", "/order?goal=2403.10616",
                                  "/papers/both", "/papers/both?q=islands", "/papers/broken"])  # fmt: skip
def test_nor_on_a_page(served: tuple[str, str], page: str) -> None:
    url, job = served
    answer = httpx.get(url + page.format(job=job), headers=READ | BROUGHT | {"Accept": "text/html"}, timeout=WAIT)
    assert answer.status_code == 200 and answer.text.startswith("<!doctype html>") and TOLD not in all_of(answer)


def test_what_others_are_told_in_place_of_a_path(served: tuple[str, str]) -> None:
    url, job = served
    with httpx.Client(base_url=url, headers=READ | BROUGHT, timeout=WAIT) as client:
        one, broken = (client.get(f"/v1/papers/{name}").json() for name in ("both", "broken"))
        assert one["listed"][0] == {"source": "list.md", "line": 3, "title": "both", "section": ["Theme"],
                                    "note": "read it soon", "checked": None}  # fmt: skip
        assert [version["address"] for version in one["versions"]] == ["file:copy.pdf", "record:all.jsonl#cs/0502012"]
        assert (one["paper"]["link"], one["paper"]["reason"], one["links"]) == ("", "", ["https://example.org/code"])
        assert broken["paper"]["reason"] == "broken.pdf can't be read: Permission denied."
        related = client.get("/v1/papers/2311.08105/related").json()["results"]
        assert {reason["kind"] for paper in related for reason in paper["reasons"]} >= {
            "cited-by",
            "cited-together",
            "passages",
        }
        told = client.get(f"/v1/reindex/{job}").json()
        assert told["report"] == {
            "lines": [{"id": "broken", "title": "broken", "outcome": "failed", "source": "pdfs", "line": None,
                       "why": "broken.pdf can't be read: Permission denied."}],
            "documents": 4, "published": False,
        }  # fmt: skip
        assert (told["state"], told["messages"], told["step"]) == ("done", [], "file:broken.pdf")
        events = client.get(f"/v1/reindex/{job}/events").text
        assert [line.removeprefix("event: ") for line in events.splitlines() if line.startswith("event: ")] == [
            "stage", "failed", "step", "end"]  # fmt: skip


@pytest.mark.parametrize("address", ["/v1/search?q=islands", "/v1/quote?q=islands+communicate+rarely",
                                     "/v1/papers", "/v1/papers/both", "/v1/papers/both/related"])  # fmt: skip
def test_what_one_was_told_is_nothing_that_another_has(served: tuple[str, str], address: str) -> None:
    url, _ = served
    with httpx.Client(base_url=url, timeout=WAIT) as client:
        here, others = (client.get(address, headers=headers) for headers in (READ, READ | BROUGHT))
        assert here.headers["ETag"] != others.headers["ETag"] and "file:/" in here.text and "file:/" not in others.text
        for mine, headers in ((here, READ), (others, READ | BROUGHT)):
            theirs = others if mine is here else here
            asked = client.get(address, headers=headers | {"If-None-Match": mine.headers["ETag"]})
            assert (asked.status_code, asked.content) == (304, b"")
            again = client.get(address, headers=headers | {"If-None-Match": theirs.headers["ETag"]})
            assert (again.status_code, again.text, again.headers["ETag"]) == (200, mine.text, mine.headers["ETag"])
            assert "no-cache" in again.headers["Cache-Control"]


def test_questions_answered_together_are_each_told_their_own(settings: Settings, tmp_path: Path) -> None:
    build_documents(settings.library, papers(tmp_path / FOLDER))
    asked = [Wanted("islands", {}, 10, "paper", "", False, "", told) for told in (True, False, True)]
    with_paths, without, again = (
        answer.body for _, answer in sorted(found(Opened(settings), asked), key=lambda one: one[0])
    )
    assert with_paths == again and TOLD.encode() in with_paths and TOLD.encode() not in without
    links = {
        link
        for paper in json.loads(without)["results"]
        for link in (paper["link"], *(p["link"] for p in paper["passages"]))
    }
    assert links == {""}


def test_what_a_real_reindex_says_is_told_without_paths(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.reindex import Request, reindex

    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    folder = tmp_path / FOLDER
    (folder / "pdfs").mkdir(parents=True)
    (folder / "pdfs" / "good.pdf").write_bytes(tiny_pdf(["Some words on trees here, and how they are read."]))
    for name in ("list", "gone"):
        (folder / f"{name}.md").write_text("- [One](https://example.org/one)\n- [One](https://example.org/one)\n")
    reindex(
        Request(sources=tuple(str(folder / name) for name in ("pdfs", "list.md", "gone.md")), offline=True), settings
    )
    (folder / "gone.md").unlink()
    (folder / "pdfs" / "bad.pdf").write_bytes(b"%PDF-1.4 and no more")
    given = settings.model_copy(update={"token": SecretStr("to-change"), "read_token": SecretStr("to-read")})
    with live(create_app(given), given) as url, httpx.Client(base_url=url, timeout=WAIT) as client:
        job = client.post("/v1/reindex", headers=CHANGE | BROUGHT, json={"offline": True}).json()["id"]
        until(lambda: client.get(f"/v1/reindex/{job}", headers=READ).json()["state"] != "running")
        for address in (f"/v1/reindex/{job}", f"/v1/reindex/{job}/events"):
            for headers in (READ, CHANGE | BROUGHT):
                assert TOLD in all_of(client.get(address, headers=headers))
            assert TOLD not in all_of(client.get(address, headers=READ | BROUGHT))
        told = client.get(f"/v1/reindex/{job}", headers=READ | BROUGHT).json()
    assert (told["state"], told["exit_code"], told["report"]["documents"]) == ("done", 4, 3)
    assert {line["source"] for line in told["report"]["lines"]} == {"pdfs", "list.md"}
    assert not {"warnings", "skipped"} & set(told["report"])


def scope(client: str = "127.0.0.1", host: str = "127.0.0.1:8000", **headers: str) -> dict[str, Any]:
    named = {"host": host, **headers}
    return {"client": (client, 1), "headers": [(name.encode(), value.encode()) for name, value in named.items()]}


def test_who_is_told(settings: Settings) -> None:
    given = settings.model_copy(update={"token": SecretStr("to-change"), "read_token": SecretStr("to-read")})
    access = Access.of(given, "0.0.0.0")
    to_read, to_change = ({"authorization": one["Authorization"]} for one in (READ, CHANGE))
    assert access.tells_paths(scope()) and access.tells_paths(scope("::1", "localhost", **to_read))
    for elsewhere in (scope("192.0.2.7", **to_read), scope(host="papers.example", **to_read), scope(via="1.1 proxy", **to_read),
                      scope("192.0.2.7"), scope("192.0.2.7", authorization="Bearer wrong")):  # fmt: skip
        assert not access.tells_paths(elsewhere)
    assert access.tells_paths(scope("192.0.2.7", **to_change))
    anyone = Access.of(settings.model_copy(update={"anyone_may_read": True}), "0.0.0.0")
    assert anyone.may_read(scope("192.0.2.7")) and not anyone.tells_paths(scope("192.0.2.7"))
    behind = Access.of(given.model_copy(update={"proxies": "127.0.0.1"}), "127.0.0.1")
    assert not behind.tells_paths(scope(**to_read)) and behind.tells_paths(scope(**to_change))


@given(st.sampled_from(["/", "/home/one#1/and two/"]), st.text(st.characters(exclude_characters="/"), min_size=1),
       st.text(st.characters(exclude_characters="#")))  # fmt: skip
def test_of_any_path_the_name_is_left(folder: str, name: str, own: str) -> None:
    assert named(folder + name) == name and named(f"file:{folder}{name}") == f"file:{name}"
    assert named(f"record:{folder}{name}#{own}") == f"record:{name}#{own}"


@pytest.mark.parametrize("told", ["", "list.md", "arxiv:2311.08105", "https://example.org/a/b.pdf", "title:a/b", "doi:10.1/2",
                                  "record:", "It has no link."])  # fmt: skip
def test_what_is_no_path_is_left(told: str) -> None:
    assert named(told) == told
