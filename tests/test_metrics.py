"""What Prometheus is told: counted as it was, by few labels, for each application apart, in other processes too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from libraries import build
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from serving import WAIT, served, until

from indexer.settings import Settings
from service.api import create_app
from service.serving import beside
from service.serving.metrics import OUTCOMES, Metrics, plain_name
from service.stages import STAGES, listening, stage

LOCAL = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50000), "raise_server_exceptions": False}
TOKEN = {"Authorization": "Bearer secret"}
Values = dict[tuple[str, frozenset], float]


def values(text: str, parse=text_string_to_metric_families) -> Values:
    """All samples by name and labels."""
    return {(s.name, frozenset(s.labels.items())): s.value for family in parse(text) for s in family.samples}


def asked(client: TestClient) -> Values:
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=")
    return values(answer.text)


def of(found: Values, name: str, **labels: str) -> float:
    return found[f"paperpath_{name}", frozenset(labels.items())]


@pytest.fixture
def client(settings: Settings):
    build(settings.library)
    with TestClient(create_app(settings.model_copy(update={"token": SecretStr("secret")})), **LOCAL) as client:
        yield client


def test_requests_are_counted_by_route_method_and_status(client: TestClient) -> None:
    for _ in range(3):
        client.get("/v1/search?q=islands")
    client.head("/v1/papers")
    client.get("/v1/papers/2311.08105")
    client.get("/v1/papers/none")
    client.get("/v1/search?q=x&limit=0")
    found = asked(client)
    assert of(found, "http_requests_total", route="/v1/search", method="GET", status="200") == 3
    assert of(found, "http_requests_total", route="/v1/papers", method="HEAD", status="200") == 1
    assert of(found, "http_requests_total", route="/v1/papers/{paper_id:path}", method="GET", status="404") == 1
    assert of(found, "http_request_seconds_count", route="/v1/search") == 4
    assert of(found, "http_request_seconds_sum", route="/v1/search") > 0
    assert of(found, "problems_total", code="unknown-document") == of(found, "problems_total", code="invalid") == 1
    assert of(found, "http_requests_open") == 1  # the one that asks
    assert of(found, "problems_total", code="overloaded") == of(found, "queue_length") == 0


def test_labels_are_few_whatever_is_asked_for(client: TestClient) -> None:
    asked(client)
    client.get("/nowhere/0")
    client.get("/v1/papers/none-0")
    client.request("ODD0", "/v1/papers")
    before = set(asked(client))
    for n in range(1, 200):
        client.get(f"/nowhere/{n}?q={n}")
        client.get(f"/v1/papers/none-{n}")
        client.request(f"ODD{n}", "/v1/papers")
    assert set(asked(client)) == before


def test_the_stages_of_a_search(client: TestClient) -> None:
    for n in range(5):
        client.get(f"/v1/search?q=islands+{n}")
    found = asked(client)
    for name in set(STAGES) - {"reranking"}:
        assert of(found, "search_stage_seconds_count", stage=name) == 5, name
    total = sum(of(found, "search_stage_seconds_sum", stage=name) for name in STAGES)
    assert 0 < total <= of(found, "http_request_seconds_sum", route="/v1/search")
    assert of(found, "search_stage_seconds_count", stage="reranking") == 0


def test_the_generation_and_what_is_worked_out_of_it(client: TestClient, settings: Settings) -> None:
    client.get("/v1/topics")
    client.get("/v1/topics")
    found = asked(client)
    assert of(found, "generation_info", generation="000001", model="toy") == 1
    assert (of(found, "documents"), of(found, "passages"), of(found, "generations_in_memory")) == (4, 4, 1)
    assert abs(of(found, "generation_published_timestamp_seconds") - settings.library.stat().st_mtime) < 3600
    assert of(found, "cache_total", cache="topics", outcome="hit") >= 1
    assert of(found, "cache_total", cache="topics", outcome="miss") >= 1
    build(settings.library, {"other": ["Another paper."]})
    client.get("/v1/papers")
    found = asked(client)
    assert of(found, "generation_info", generation="000002", model="toy") == 1 and of(found, "documents") == 1
    assert of(found, "generations_in_memory") == 1  # the other is let go of
    assert not any(dict(labels).get("generation") == "000001" for _, labels in found)


def test_before_there_is_a_library(settings: Settings) -> None:
    with TestClient(create_app(settings), **LOCAL) as client:
        client.get("/v1/papers")
        found = asked(client)
        assert of(found, "generation_trouble") == 1 and ("paperpath_documents", frozenset()) not in found


def test_two_applications_share_nothing(client: TestClient, settings: Settings) -> None:
    client.get("/v1/papers")
    with TestClient(create_app(settings), **LOCAL) as other:
        assert not any(name == "paperpath_http_requests_total" for name, _ in asked(other))


def test_both_forms_can_be_parsed(client: TestClient) -> None:
    client.get("/v1/search?q=islands")
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert values(answer.text, open_metrics).keys() >= {
        ("paperpath_http_requests_total", frozenset({"route": "/v1/search", "method": "GET", "status": "200"}.items()))
    }


def test_memory_handles_and_threads(client: TestClient) -> None:
    found = asked(client)
    assert of(found, "threads") >= 2
    if Path("/proc/self/statm").exists():
        assert found["process_resident_memory_bytes", frozenset()] > 1e7
        assert found["process_open_fds", frozenset()] > 3


def test_nothing_private_is_told(client: TestClient, settings: Settings) -> None:
    client.get("/v1/search?q=private", headers=TOKEN)
    text = client.get("/metrics", headers=TOKEN).text
    assert "private" not in text and "secret" not in text and str(settings.library) not in text


def test_reindexes_and_who_is_told_of_them(settings: Settings, tmp_path: Path) -> None:
    """Real processes: one reindex that fails, with a stream of its events open."""
    build(settings.library)
    with served(settings.library, tmp_path / "log", token="secret") as server:

        def now() -> Values:
            return values(httpx.get(f"{server.url}/metrics").text)

        assert {of(now(), "reindexes_total", outcome=outcome) for outcome in OUTCOMES} == {0}
        failed, open_at_once = 0, 0.0
        while open_at_once != 1 and failed < 20:  # on a slow machine the job has ended before that is asked
            job = httpx.post(f"{server.url}/v1/reindex", json={"remove": ["none"]}, headers=TOKEN).json()["id"]
            with httpx.stream("GET", f"{server.url}/v1/reindex/{job}/events", timeout=WAIT) as events:
                for line in events.iter_lines():
                    if line.startswith("retry"):
                        open_at_once = of(now(), "event_streams_open")
            failed += 1
            until(lambda failed=failed: of(now(), "reindexes_total", outcome="failed") == failed)
        assert open_at_once == 1
        until(lambda: of(now(), "event_streams_open") == 0)
        found = now()
        assert of(found, "reindex_running") == 0 and of(found, "reindex_last_seconds") > 0
        assert (
            of(found, "http_requests_total", route="/v1/reindex/{job_id}/events", method="GET", status="200") == failed
        )
        assert (
            "paperpath_http_request_seconds_count",
            frozenset({("route", "/v1/reindex/{job_id}/events")}),
        ) not in found
        assert of(found, "log_lines_dropped_total") == 0


def test_what_other_processes_answer_counts_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    build(settings.library)
    monkeypatch.setattr(beside, "IN_LINE", 1)
    with TestClient(create_app(settings.model_copy(update={"search_processes": 1})), **LOCAL) as client:
        client.get("/v1/search?q=first")
        until(lambda: of(asked(client), "processes_beside") == 1)
        before = asked(client)
        with ThreadPoolExecutor(4) as pool:
            assert all(
                a.status_code == 200 for a in pool.map(lambda n: client.get(f"/v1/search?q=islands+{n}"), range(20))
            )
        found = asked(client)
        for name in ("waiting", "evidence", "writing"):
            count = ("search_stage_seconds_count", {"stage": name})
            assert of(found, count[0], **count[1]) - of(before, count[0], **count[1]) == 20, name
        hits = of(found, "cache_total", cache="search.ranking", outcome="hit")
        assert hits - of(before, "cache_total", cache="search.ranking", outcome="hit") >= 20
        if Path("/proc/self/statm").exists():
            assert of(found, "processes_beside_resident_bytes") > 1e7


# ---------------------------------------------------------------------- the parts


def test_stages_are_told_to_who_listens_in_this_thread_alone() -> None:
    told: list[str] = []
    with stage("nobody hears"):
        pass
    with listening(lambda name, seconds: told.append(name)):
        with pytest.raises(KeyError), stage("fails"):
            raise KeyError
        other = threading.Thread(target=lambda: stage("elsewhere").__enter__())
        other.start()
        other.join()
        with listening(None), stage("not here"):
            pass
    assert told == ["fails"]


@given(st.lists(st.tuples(st.sampled_from(["/a", "/b"]), st.integers(100, 599), st.floats(0, 100)), max_size=30))
def test_what_is_counted_is_what_was(requests: list[tuple[str, int, float]]) -> None:
    metrics = Metrics()
    for route, status, seconds in requests:
        metrics.began()
        metrics.ended(route, "GET", status, seconds, "")
    found = values(metrics.told("")[0].decode())
    for route in ("/a", "/b"):
        mine = [seconds for where, _, seconds in requests if where == route]
        key = ("paperpath_http_request_seconds_count", frozenset({("route", route)}))
        assert found.get(key, 0) == len(mine)
    assert of(found, "http_requests_open") == 0


def test_a_models_folder_is_not_told() -> None:
    for name, told in (
        ("/home/ana/models/minilm", "minilm"), ("~/models/x/", "x"), ("./x", "x"), ("C:\\models\\x", "x"),
        ("all-MiniLM-L6-v2", "all-MiniLM-L6-v2"), ("BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
    ):  # fmt: skip
        assert plain_name(name) == told
