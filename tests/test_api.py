"""The HTTP API: shapes that are kept, one form of error, changes only with the token, a server that follows the library."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from libraries import TEXTS, build, build_documents, document
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr

from indexer.document import Block, Page, Reference, Section, TextMention, Version
from indexer.library import Library, marks
from indexer.settings import Settings
from service.api import create_app
from service.opened import Opened
from service.search import cursors

PROJECT = Path(__file__).parents[1]
TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    build(settings.library)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_search(client: TestClient) -> None:
    answer = client.get("/v1/search", params={"q": "how do islands communicate", "limit": 2})
    body = answer.json()
    assert answer.status_code == 200 and answer.headers["X-Index-Generation"] == "000001"
    assert {"query", "generation", "results"} <= set(body)
    first = body["results"][0]
    assert {"id", "title", "score", "text", "passages"} <= set(first)
    found = first["passages"][0]
    assert set(found) == {"text", "page", "kind", "section", "path", "start", "end", "score", "link", "sentence", "marks",
                          "matched", "also", "parts"}  # fmt: skip
    sentence = found["text"][found["sentence"]["start"] : found["sentence"]["end"]]
    assert "islands communicate" in sentence and body["answered"] is True and body["next"]
    assert {found["text"][m["start"] : m["end"]] for m in found["marks"]} >= {"islands", "communicate"}
    assert (first["id"], first["text"], len(body["results"])) == ("2311.08105", "full", 2)


def test_filters_are_parameters_too(client: TestClient) -> None:
    def ids(**given: object) -> list[str]:
        return [found["id"] for found in client.get("/v1/search", params={"q": "paper", **given}).json()["results"]]

    assert ids(**{"in": "cs/0502012"}) == ids(q="in:cs/0502012 paper") == ["cs/0502012"]
    assert ids(year="2024..") == ids(author="nobody") == ids(phrase="no such words") == []
    assert set(ids(author="example", without="islands")) == set(ids()) - {"2311.08105"}
    listed = client.get("/v1/search", params={"list": "theme"}).json()
    assert [found["id"] for found in listed["results"]] == list(TEXTS) and listed["answered"] is True


def test_pages_of_results(client: TestClient) -> None:
    first = client.get("/v1/search", params={"q": "paper", "limit": 2}).json()
    second = client.get("/v1/search", params={"q": "paper", "limit": 2, "cursor": first["next"]}).json()
    whole = client.get("/v1/search", params={"q": "paper", "limit": 10}).json()
    assert [r["id"] for r in first["results"] + second["results"]] == [r["id"] for r in whole["results"]]
    assert second["next"] is None
    other = client.get("/v1/search", params={"q": "other", "limit": 2, "cursor": first["next"]})
    problem(other, 422, "cursor-invalid")


def test_what_the_client_has_is_not_sent_again(client: TestClient, settings: Settings) -> None:
    for path in ("/v1/search?q=islands", "/v1/quote?q=islands+communicate"):
        tag = client.get(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert client.get(path + "&limit=1").headers["ETag"] != tag
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    tag = client.get("/v1/search?q=islands").headers["ETag"]
    summary = Library(settings.library).open().catalogue.summary("2311.08105")
    marks.set_read(Library(settings.library).marks, summary, True)
    changed = client.get("/v1/search?q=islands", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.json()["results"][0]["read"] is True
    assert [r["id"] for r in client.get("/v1/search?q=is:read").json()["results"]] == ["2311.08105"]


def test_what_is_not_there_is_nothing_that_a_client_has(client: TestClient) -> None:
    """`*` names any answer that there is."""
    known = {"If-None-Match": "*"}
    for path in ("/v1/papers/2311.08105", "/v1/search?q=islands", "/v1/quote?q=islands"):
        assert client.get(path, headers=known).status_code == 304
    for path in ("/v1/papers/none", "/v1/papers/none/marks", "/v1/papers/none/related", "/v1/reading-order?goal=none"):
        problem(client.get(path, headers=known), 404, "unknown-document")
    for path in ("/v1/papers?cursor=none", "/v1/search?q=islands&cursor=none"):
        problem(client.get(path, headers=known), 422, "cursor-invalid")


def test_quote(client: TestClient) -> None:
    answer = client.get("/v1/quote", params={"q": "before the islands  communicate, so"}).json()
    match = answer["matches"][0]
    assert (match["id"], match["page"], match["exact"]) == ("2311.08105", 2, True)
    assert match["text"] == "before the islands communicate, so"
    assert client.get("/v1/quote", params={"q": "nobody ever wrote these words here"}).json()["matches"] == []


def test_explained_scores_add_up(client: TestClient) -> None:
    for by in ("paper", "passage"):
        body = client.get("/v1/search", params={"q": "paper on islands", "explain": True, "by": by}).json()
        for found in body["results"]:
            for passage in found["passages"]:
                parts = passage["parts"]
                told = parts["lexical"] + parts["title"] + parts["dense"] + parts["paper"]
                assert abs(told - passage["score"]) < 1e-3 and (parts["paper"] != 0) == (by == "passage")


def test_papers_and_one_paper(client: TestClient) -> None:
    listed = client.get("/v1/papers").json()["papers"]
    assert [paper["id"] for paper in listed] == list(TEXTS)
    assert {"id", "title", "year", "text", "pages"} <= set(listed[0])
    assert (listed[0]["year"], listed[0]["pages"], listed[3]["text"], listed[3]["pages"]) == (2023, 2, "title", None)
    for path in ("/v1/papers/2311.08105", "/v1/papers/cs/0502012", "/v1/papers/cs%2F0502012", "/v1/papers/title-only"):
        one = client.get(path).json()
        assert one["paper"]["id"] in path.replace("%2F", "/")
        assert one["listed"][0]["section"] == ["Theme"]


def test_the_outline_of_a_paper(settings: Settings) -> None:
    text = "Old gradients are bounded here by waiting for the slowest machine."
    pages = (
        Page(text, 1),
        Page("References\nA. Author. Stale gradients. 2020.", 2),
        Page("A proof of it is given here.", None),
    )
    made = dataclasses.replace(
        document("2301.00001", []), text="full", pages=pages, missing=((7, "no characters"),),
        sections=(Section("References", 1, 1, 0), Section("A Proofs", 2, 2, 0, "proofs", True)),
        blocks=(Block("body", 0, 0, len(text)), Block("heading", 1, 0, 10), Block("reference", 1, 11, 44),
                Block("appendix", 2, 0, 28)),
        references=(Reference(1, "A. Author. Stale gradients. 2020.", 1, "Aut20", "Stale gradients", ("A. Author",), 2020,
                              arxiv_id="2001.00001", doi="10.1/2", mentions=(TextMention(0, 0, 3, text),) * 2),),
        versions=(Version("file:/x.pdf", "full", 2, 11, "the same bytes"),),
    )  # fmt: skip
    build_documents(settings.library, [made])
    with TestClient(create_app(settings)) as client:
        one = client.get("/v1/papers/2301.00001").json()
        assert one["outline"] == [
            {"heading": "References", "level": 1, "page": 2, "anchor": None, "appendix": False},
            {"heading": "A Proofs", "level": 2, "page": None, "anchor": "proofs", "appendix": True},
        ]
        assert (one["paper"]["pages"], one["passages"], one["kinds"]) == (
            2,
            3,
            {"body": 1, "reference": 1, "appendix": 1},
        )
        assert (one["reference_count"], one["missing"]) == (1, [{"page": 7, "why": "no characters"}])
        assert one["references"] == [{
            "n": 1, "label": "Aut20", "title": "Stale gradients", "authors": ["A. Author"], "year": 2020,
            "arxiv_id": "2001.00001", "doi": "10.1/2", "page": 2, "mentions": 2, "raw": "A. Author. Stale gradients. 2020.",
        }]  # fmt: skip
        assert one["versions"] == [
            {"address": "file:/x.pdf", "text": "full", "version": 2, "pages": 11, "why": "the same bytes"}
        ]
        assert text not in json.dumps(one)
        for query, kinds in (("", {"body", "appendix"}), ("&kind=reference", {"reference"}),
                             ("&kind=reference&kind=body", {"reference", "body"}),
                             ("&kind=all", {"body", "reference", "appendix"})):  # fmt: skip
            results = client.get(f"/v1/search?q=stale+gradients{query}").json()["results"]
            assert {p["kind"] for found in results for p in found["passages"]} == kinds
        found = client.get("/v1/search?q=proof&kind=appendix").json()["results"][0]["passages"][0]
        assert (found["section"], found["path"]) == ("A Proofs", ["References", "A Proofs"])
        refused = problem(client.get("/v1/search?q=x&kind=nonsense"), 422, "invalid")
        assert refused["errors"][0]["pointer"] == "/query/kind/0"
        problem(client.get("/v1/search?q=x" + "&kind=body" * 21), 422, "invalid")


def test_an_earlier_format_is_refused_until_it_is_reindexed(settings: Settings) -> None:
    from indexer.reindex import Request, reindex

    with zipfile.ZipFile(PROJECT / "tests" / "fixtures" / "format-1.zip") as file:
        file.extractall(settings.library)
    with TestClient(create_app(settings)) as client:
        found = problem(client.get("/v1/search?q=sheep"), 503, "format-unknown")
        assert "Run `paperpath reindex`" in found["cure"]
        reindex(Request(offline=True), settings)
        assert client.get("/v1/search?q=dogs+and+sheep").json()["generation"] == "000004"


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    ready = client.get("/readyz").json()
    assert (ready["generation"], ready["model"], ready["documents"], ready["passages"]) == ("000001", "toy", 4, 4)
    assert client.get("/v1").json()["name"] == "paperpath"


def problem(answer: httpx.Response, status: int, code: str) -> dict:
    """Asserts that an answer is a problem of this kind, in the one shape."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert set(body) == {"type", "title", "status", "detail", "instance", "cure", "request_id", "errors"}
    assert (answer.status_code, body["status"], body["type"]) == (status, status, f"urn:paperpath:problem:{code}")
    assert body["detail"] and body["title"]
    return body


def test_every_error_has_one_shape(client: TestClient) -> None:
    found = problem(client.get("/v1/quote"), 422, "invalid")
    assert found["errors"] == [{"pointer": "/query/q", "detail": "Field required"}]
    problem(client.get("/v1/search"), 422, "nothing-asked")
    problem(client.get("/v1/search", params={"year": "soon"}), 422, "bad-filter")
    problem(client.get("/v1/search", params={"q": "x", "cursor": "?"}), 422, "cursor-invalid")
    old = cursors.make(10, "000099", "x", "paper")
    problem(client.get("/v1/search", params={"q": "x", "cursor": old}), 410, "cursor-expired")
    problem(client.get("/v1/search", params={"q": "x", "limit": 0}), 422, "invalid")
    problem(client.get("/v1/search", params={"q": "x" * 10_001}), 422, "invalid")
    assert "2311.99999" in problem(client.get("/v1/papers/2311.99999"), 404, "unknown-document")["detail"]
    problem(client.get("/nowhere"), 404, "not-found")
    problem(client.delete("/v1/papers", headers=TOKEN), 405, "method-not-allowed")
    problem(client.get("/v1/reindex/none"), 404, "unknown-job")


def test_without_a_library_it_says_what_to_do(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        assert "paperpath reindex" in problem(client.get("/v1/search?q=x"), 503, "no-library")["cure"]
        problem(client.get("/readyz"), 503, "no-library")
        assert client.get("/healthz").status_code == 200
        build(settings.library)
        assert client.get("/v1/search?q=x").status_code == 200


def test_another_model_is_refused_with_what_to_run(settings: Settings) -> None:
    build(settings.library)
    with TestClient(create_app(settings.model_copy(update={"model": ""}))) as client:
        found = problem(client.get("/v1/search?q=x"), 503, "model-mismatch")
        assert "another model" in found["detail"] and "PAPERPATH_MODEL" in found["cure"]


def test_an_unforeseen_error_shows_nothing_of_the_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("service.search.together", fails)
    assert "secret detail" not in json.dumps(problem(client.get("/v1/search?q=x"), 500, "internal"))
    assert "secret detail" in caplog.text


# ---------------------------------------------------------------------- changes


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"},
                                     {"Authorization": "Bearer"}])  # fmt: skip
def test_a_change_without_the_token_is_refused_before_the_body_is_read(client: TestClient, headers: dict) -> None:
    answer = client.post("/v1/reindex", content=b"{not json", headers=headers)
    problem(answer, 401, "token-required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_with_no_token_configured_no_change_is_taken(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        problem(client.post("/v1/reindex", json={}, headers={"Authorization": "Bearer "}), 403, "not-allowed")


def test_what_a_reindex_takes(client: TestClient) -> None:
    for body in ({"sources": ["/etc/passwd"]}, {"add": ["../list.md"]}, {"sources": ["--yes"]}):
        problem(client.post("/v1/reindex", json=body, headers=TOKEN), 422, "bad-source")
    problem(client.post("/v1/reindex", json={"nonsense": 1}, headers=TOKEN), 422, "invalid")
    problem(client.post("/v1/reindex", content=b"{not json", headers=TOKEN), 422, "invalid")
    problem(client.post("/v1/reindex", content=b"x" * 70_000, headers=TOKEN), 413, "too-large")


def ended(client: TestClient, job: str) -> dict:
    """A job at its end, however long that takes."""
    while (found := client.get(f"/v1/reindex/{job}", params={"wait": 60}).json())["state"] == "running":
        pass
    return found


def test_a_reindex_is_a_job_of_a_child(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexer.reindex import Request, reindex

    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "one.pdf").write_bytes(tiny_pdf(["The first paper is about gradient descent and nothing else."]))
    reindex(Request(sources=(str(papers),)), settings)
    (papers / "two.pdf").write_bytes(tiny_pdf(["The second paper is about tree parsing and nothing else."]))
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    monkeypatch.chdir(PROJECT)
    go_on, catch_up = threading.Event(), Opened.catch_up  # so that it runs still when the next one is asked for
    monkeypatch.setattr(Opened, "catch_up", lambda held: (go_on.wait(600), catch_up(held)))
    with TestClient(create_app(settings.model_copy(update={"token": SecretStr("secret")}))) as client:
        assert client.get("/v1/search?q=parsing").json()["results"][0]["id"] == "one"
        started = client.post("/v1/reindex", headers=TOKEN)  # without a body: what it remembers
        assert started.status_code == 202
        assert started.headers["Location"] == f"/v1/reindex/{started.json()['id']}"
        problem(client.post("/v1/reindex", json={"offline": True}, headers=TOKEN), 409, "library-busy")
        go_on.set()
        job = ended(client, started.json()["id"])
        assert (job["state"], job["exit_code"], job["report"]["documents"]) == ("done", 0, 2), job
        assert client.get("/v1/search?q=parsing").json()["results"][0]["id"] == "two"


def test_a_job_that_fails_says_why(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    monkeypatch.chdir(PROJECT)
    with TestClient(create_app(settings.model_copy(update={"token": SecretStr("secret")}))) as client:
        for what in ("remove", "keep_apart", "merge_again"):
            started = client.post("/v1/reindex", json={what: ["nothing-of-the-kind"]}, headers=TOKEN).json()
            job = ended(client, started["id"])
            assert (job["state"], job["exit_code"]) == ("failed", 2)
            assert any("nothing-of-the-kind" in message for message in job["messages"])


# ---------------------------------------------------------------------- following the library


def test_a_server_follows_what_is_published(client: TestClient, settings: Settings) -> None:
    """Searches run on while ten generations are published: none fails, none is mixed."""
    stop, failures, seen = threading.Event(), [], set()

    def ask() -> None:
        while not stop.is_set():
            answer = client.get("/v1/search", params={"q": "which paper is this", "limit": 1})
            if answer.status_code != 200:
                failures.append(answer.text)
                continue
            body = answer.json()
            name, first = body["generation"], body["results"][0]
            seen.add(name)
            if int(name) > 1 and first["id"] != f"paper-{int(name)}":
                failures.append(f"generation {name} answers with {first['id']}")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(2, 12):
        build(settings.library, {f"paper-{number}": [f"This is paper number {number} and which it is."]})
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert client.get("/readyz").json()["generation"] == "000011"


def test_a_damaged_generation_does_not_stop_a_server(client: TestClient, settings: Settings) -> None:
    client.get("/v1/search?q=x")
    name = build(settings.library, {"new": ["A new paper with a text of its own."]})
    from indexer.library import Library

    library = Library(settings.library)
    path = library.folder / "files" / library.manifest(name).files["vectors"].name
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    answer = client.get("/v1/search?q=x")
    assert (answer.status_code, answer.json()["generation"]) == (200, "000001")
    assert "missing or was altered" in client.get("/readyz").json()["trouble"]


# ---------------------------------------------------------------------- as others see it


def test_the_openapi_document_is_the_committed_one(settings: Settings) -> None:
    """Clients are made from it. After a change on purpose: `python -m service.api.openapi > service/api/openapi.json`."""
    made = create_app(settings).openapi()
    assert made == json.loads((PROJECT / "service" / "api" / "openapi.json").read_text("utf-8"))


def test_every_route_has_a_stable_name_and_typed_problems(settings: Settings) -> None:
    document = create_app(settings).openapi()
    operations = {o["operationId"]: o for path in document["paths"].values() for o in path.values()}
    assert set(operations) == {
        "home",
        "health",
        "ready",
        "metrics",
        "search",
        "quote",
        "papers",
        "paper",
        "graph",
        "related",
        "reading_order",
        "topics",
        "cite",
        "marks",
        "set_marks",
        "status",
        "start_reindex",
        "reindex_job",
        "reindex_events",
        "upload",
    }
    for operation in operations.values():
        assert operation["summary"] and operation["description"]
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], operation["operationId"]
    assert "HTTPValidationError" not in json.dumps(document)


def test_the_server_never_imports_the_fetcher_or_the_extractors(settings: Settings) -> None:
    code = (
        "import sys; from pathlib import Path; from indexer.settings import Settings\n"
        "from service.api import create_app\n"
        "import service.serving.server, service.doctor\n"
        f"app = create_app(Settings(library=Path({str(settings.library)!r}), model='toy'))\n"
        "bad = {'indexer.fetch', 'indexer.extract', 'indexer.reindex', 'indexer.sources', 'pypdf', 'trafilatura', 'torch'}\n"
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_name_that_is_too_long_for_any_file(client: TestClient) -> None:
    for name in ("a" * 300 + ".md", "😀" * 1100):
        body = {"add": [f"upload:0123456789abcdef/{name}"]}
        problem(client.post("/v1/reindex", json=body, headers=TOKEN), 422, "bad-source")


def test_control_characters_are_refused(client: TestClient) -> None:
    for body in (
        {"remove": ["a\0b"]},
        {"keep_apart": ["a\0b"]},
        {"merge_again": ["a\0b"]},
        {"add": ["http://x/\0"]},
        {"sources": ["2311.08105\n"]},
    ):
        problem(client.post("/v1/reindex", json=body, headers=TOKEN), 422, "bad-source")
    problem(client.get("/v1/search", params={"q": "  "}), 422, "nothing-asked")


def test_answers_have_examples(settings: Settings) -> None:
    document = create_app(settings).openapi()
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status in ("200", "201", "202") and "application/json" in response["content"]:
                    content = response["content"]["application/json"]
                    shape = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                    assert "example" in content or all(
                        "examples" in field or "default" in field for field in shape["properties"].values()
                    ), operation["operationId"]


def test_the_examples_have_the_shapes_they_show() -> None:
    from pydantic import TypeAdapter

    from service import papers, search
    from service.api import examples
    from service.serving.jobs import Job

    shapes = [(search.Answer, examples.SEARCH), (papers.Papers, examples.PAPERS), (papers.OnePaper, examples.PAPER),
              (Job, examples.JOB)]  # fmt: skip
    for shape, example in shapes:
        assert TypeAdapter(shape).dump_python(TypeAdapter(shape).validate_python(example), mode="json") == example
