"""The pages as they are sent: whole without a script, safe whatever a paper holds, and with the headers that keep them so."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import serving
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from libraries import build, build_documents, document
from loopback_arxiv import tiny_pdf
from lxml import html
from pydantic import SecretStr

from indexer.document import Link, Origin, Page, Section
from indexer.library import Library
from indexer.library.uploads import SUFFIXES, BadUpload
from indexer.settings import Settings
from service.api import create_app
from service.pages import lacking, outcome, showing
from service.serving.guard import Access
from service.serving.guard.headers import SECURITY
from service.serving.jobs import Job, Jobs

PROJECT = Path(__file__).parents[1]
TOKEN = {"Authorization": "Bearer secret"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = "<script>document.title='owned'</script>"
IMAGE = '"><img src=x onerror="document.title=\'owned\'">'
RTL = "מבוא ללמידה עמוקה וגם English"
EMOJI = "👩‍🔬 Émigré 🧪 papers"
LONG = "w" * 1000 + " " + "ward " * 200
UNREACHED = (
    "https://arxiv.org/pdf/2311.08105 could not be fetched: no connection to arxiv.org"
    " (its name can't be resolved: [Errno -2] Name or service not known)."
)
HOSTILE = {
    "script": SCRIPT,
    "image": IMAGE,
    "rtl": RTL,
    "emoji": EMOJI,
    "long": LONG,
    "formula": "An $O(n^2)$ bound & <b>",
}


def hostile_library(folder: Path) -> None:
    """Papers whose title, authors, abstract, section, note, links and file are each hostile."""
    made = []
    for number, (name, text) in enumerate(HOSTILE.items(), 1):
        page = f"{text} The islands communicate rarely, as {text} says. More of it is said below."
        one = document(name, [page, "Second page of the islands."], number)
        mention = dataclasses.replace(one.entry.mentions[0], section=(text,), note=text, title=text)
        entry = dataclasses.replace(one.entry, mentions=(mention,), links=(Link("javascript:alert(1)", text), Link("https://example.org/code", "code")))  # fmt: skip
        made.append(dataclasses.replace(
            one, title=text, authors=(text, "Ana Example"), abstract=f"{text} is what this is about.",
            sections=(Section(text, 1, 0, 0),), entry=entry, origin=Origin(path=f"/papers/{text}.pdf"),
        ))  # fmt: skip
    build_documents(folder, made)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    build(settings.library)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(app, raise_server_exceptions=False, headers=BROWSER) as client:
        yield client


@pytest.fixture
def hostile(settings: Settings) -> Iterator[TestClient]:
    hostile_library(settings.library)
    with TestClient(create_app(settings), raise_server_exceptions=False, headers=BROWSER) as client:
        yield client


def checked(answer: httpx.Response, status: int = 200) -> html.HtmlElement:
    """The page of an answer, which has to be one that its policy lets work: nothing inline, nothing from elsewhere."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name, value in SECURITY.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    page = html.document_fromstring(answer.text)
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        assert not any(name == "style" or name.startswith("on") for name in element.attrib), html.tostring(element)
        for name in ("href", "src", "action"):
            value = element.get(name, "")
            assert not value.lower().startswith(("javascript:", "data:", "file:")), value
            if element.tag in ("script", "link", "img", "form"):
                assert value == "" or (value.startswith("/") and not value.startswith("//")), value
    assert not page.xpath("//style") and not page.xpath("//script[not(@src)]")
    assert len(page.xpath("//h1")) == 1 and page.get("lang") == "en" and page.xpath("//title")[0].text_content()
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids)), sorted(ids)
    return page


def texts(page: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(one.text_content().split()) for one in page.xpath(path)]


# ---------------------------------------------------------------------- each page


def test_the_search_without_a_question_shows_what_there_is(client: TestClient) -> None:
    page = checked(client.get("/"))
    assert {"The paper 2311.08105", "The paper cs/0502012"} <= set(texts(page, "//div[@class='themes']//li/a"))
    assert page.xpath("//form[@role='search']//input[@name='q']/@value") == [""]


def test_results_have_their_passages_marks_and_reasons(client: TestClient) -> None:
    page = checked(client.get("/", params={"q": "how do islands communicate"}))
    first = page.xpath("//ol[@id='found']/li")[0]
    assert texts(first, ".//h2")[0] == "The paper 2311.08105"
    assert set(texts(first, ".//mark")) >= {"islands", "communicate"}
    assert "p. 2" in texts(first, ".//span[@class='page']")
    assert any("meaning" in told and "words" in told for told in texts(first, ".//details"))
    assert first.xpath(".//h2/a/@href") == ["/papers/2311.08105?q=how+do+islands+communicate"]
    assert page.xpath("//input[@name='q']/@value") == ["how do islands communicate"]


def test_filters_of_the_form(client: TestClient) -> None:
    def titles(**asked: str) -> list[str]:
        return texts(checked(client.get("/", params=asked)), "//ol[@id='found']/li//h2")

    assert len(titles(q="paper", since="2023", until="2023")) == 3  # one has no text
    assert titles(q="paper", since="2024") == [] == titles(q="paper", until="2022")
    assert titles(q="paper", state="read") == []
    theme = checked(client.get("/")).xpath("//select[@name='theme']/option[2]")[0].text
    assert 0 < len(titles(theme=theme)) <= 4
    assert set(titles(q="in:2311.08105 paper", theme=theme)) <= {"The paper 2311.08105"}
    assert titles(theme="no such theme") == []
    wrong = checked(client.get("/", params={"q": "x", "since": "soon"}), 422)
    assert "year can't be" in texts(wrong, "//p[@id='said']")[0]


def test_more_results_are_a_page_on(client: TestClient, settings: Settings) -> None:
    build(settings.library, {f"p{n}": [f"Paper number {n} on islands and how they talk."] for n in range(25)})
    seen: list[str] = []
    path = "/?q=islands"
    while path:
        page = checked(client.get(path))
        seen += page.xpath("//ol[@id='found']/li//h2/a/@href")
        path = next(iter(page.xpath("//p[@class='more']/a/@href")), "")
    assert len(seen) == len(set(seen)) == 25
    gone = checked(client.get("/?q=islands&cursor=nonsense"), 422)
    assert texts(gone, "//p[@id='said']")[0]


def test_the_page_of_a_paper(client: TestClient) -> None:
    page = checked(client.get("/papers/2311.08105", params={"q": "islands communicate"}))
    assert texts(page, "//h1") == ["The paper 2311.08105"]
    headings = " | ".join(texts(page, "//h2"))
    for heading in (
        "What answers",
        "Cites here",
        "Cited here by",
        "To read before it",
        "Related",
        "Your note",
        "BibTeX",
    ):
        assert heading in headings
    assert "@misc{" in texts(page, "//pre")[0]
    assert set(texts(page, "//section//mark")) >= {"islands"}
    assert checked(client.get("/papers/cs/0502012")) is not None
    moved = client.get("/papers/https://example.org/cs/0502012", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (307, "/papers/cs/0502012")
    checked(client.get("/papers/title-only"))
    missing = checked(client.get("/papers/2311.0810"), 404)
    assert "2311.08105" in texts(missing, "//main")[0]


def test_a_paper_that_was_brought_as_a_file_says_how_it_is_opened(settings: Settings) -> None:
    one = dataclasses.replace(
        document("my trees", ["Trees are parsed.", "More trees."], 1),
        link="",
        origin=Origin(path="/home/ana/my trees.pdf"),
    )
    build_documents(settings.library, [one])
    with TestClient(create_app(settings), headers=BROWSER) as client:
        answer = client.get("/papers/my trees", params={"q": "trees"})
        said = texts(checked(answer), "//header[not(@class)]")[0]
        assert "the file /home/ana/my trees.pdf" in said and "paperpath open 'my trees' opens it" in said
        assert "p. 1" in texts(checked(answer), "//span[@class='page']")
    with TestClient(create_app(settings.model_copy(update={"anyone_may_read": True})), headers=BROWSER) as client:
        from_elsewhere = {"X-Forwarded-For": "192.0.2.7"}
        for path in ("/papers/my trees", "/library"):
            answer = client.get(path, headers=from_elsewhere)
            assert "my trees.pdf" in texts(checked(answer), "//main")[0]
            assert "/home/ana" not in answer.text, "where it lies is this machine's own"


def test_a_digest_is_read_on_its_page_and_said_to_be_one(settings: Settings) -> None:
    text = f"The islands\nProblem\nThey talk too much, as {SCRIPT} says.\nTerms\n- Island: a group.\n- Sea: between.\nNo more."
    one = dataclasses.replace(
        document("islands", [text], 1), text="digest", reason=UNREACHED, pages=(Page(text),),
        sections=(Section("Problem", 2, 0, text.index("Problem")), Section("Terms", 2, 0, text.index("Terms"))),
    )  # fmt: skip
    build_documents(settings.library, [one])
    with TestClient(create_app(settings), headers=BROWSER) as client:
        page = checked(client.get("/papers/islands"))
        assert texts(page, "//section[@class='digest']//h3") == ["Problem", "Terms"]
        assert texts(page, "//section[@class='digest']//p") == [f"They talk too much, as {SCRIPT} says.", "No more."]
        assert texts(page, "//section[@class='digest']//li") == ["Island: a group.", "Sea: between."]
        links = page.xpath("//nav[@class='outline']//a/@href")
        assert [page.get_element_by_id(link[1:]).text for link in links] == ["Problem", "Terms"]
        (said,) = texts(page, "//p[@class='notice']")
        assert "written for this project" in said and "Errno" not in said and "arxiv.org could not be reached" in said
        assert "the paper takes about" in texts(page, "//header[not(@class)]")[0]
        assert "1 paper in your library, as a digest" in texts(checked(client.get("/")), "//p[@id='said']")[0]


def test_a_reason_that_many_share_is_said_once(settings: Settings) -> None:
    made = [dataclasses.replace(document(f"p{n}", [], n), reason=UNREACHED) for n in range(4)]
    made += [
        dataclasses.replace(document("other", [], 5), reason="https://x.example/a.pdf was answered 404 (not found).")
    ]
    build_documents(settings.library, [*made, document("here", ["Some text."], 6)])
    with TestClient(create_app(settings), headers=BROWSER) as client:
        page = checked(client.get("/library"))
        assert texts(page, "//p[@class='notice']") == [
            "4 papers are not here in full. arxiv.org could not be reached: its name can't be resolved."
        ]
        told = texts(page, "//td//span[contains(@class, 'reason')]")
        assert told == ["not reached"] * 4 + ["was answered 404 (not found)"]
        assert "Errno" not in page.text_content()
        assert "1 in full; 5 by their titles alone" in texts(checked(client.get("/")), "//p[@id='said']")[0]


def report(lines: list[tuple[str, str, str]], **given: Any) -> Job:
    made = [{"id": i, "title": f"The paper {i}", "outcome": outcome, "why": why, "source": "/a/list.md", "line": 1}
            for i, outcome, why in lines]  # fmt: skip
    told = {"lines": made, "added": [], "removed": [], "warnings": [], "documents": 4, "published": True} | given
    return Job("0", "done", 0.0, report=told)


def test_what_became_of_a_reindex_begins_with_what_is_new(settings: Settings) -> None:
    build(settings.library)
    generation = Library(settings.library).open()
    warnings = [
        {
            "source": "",
            "line": None,
            "kind": "metadata",
            "message": f"arXiv's metadata could not be asked for: {UNREACHED}",
        },
        {"source": "/home/ana/list.md", "line": 3, "kind": "repeat", "message": "It is listed already."},
    ]
    lines = [("2311.08105", "cached", ""), ("title-only", "failed", "bad.pdf is damaged."),
             *((f"old{n}", "digest", UNREACHED) for n in range(3)), ("1703.03400", "full text", "")]  # fmt: skip
    became = outcome.of(report(lines, added=["2311.08105", "title-only"], warnings=warnings), generation)
    assert became is not None
    assert [(one.id, one.text, one.why) for one in became.added] == [
        ("2311.08105", "full", ""), ("title-only", "title", "bad.pdf is damaged."),
    ]  # fmt: skip
    assert [one.id for one in became.read] == ["1703.03400"]
    assert [(one.id, one.why) for one in became.still] == [(f"old{n}", "") for n in range(3)]
    assert became.network == "arxiv.org could not be reached: its name can't be resolved."
    assert became.remarks == ["list.md, line 3: It is listed already."]
    assert outcome.of(Job("0", "running", 0.0), generation) is None
    failed = outcome.of(Job("0", "failed", 0.0, messages=("a", "b")), None)
    assert failed is not None and failed.failed and failed.messages == ("a", "b")


def test_a_reindex_whose_report_was_too_long_has_not_failed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(settings.library)
    job = Job("0", "done", 0.0, 1.0, exit_code=0, messages=("The report is longer than 64 MiB, and isn't kept.",))
    monkeypatch.setattr(Jobs, "get", lambda *_: job)
    with TestClient(create_app(settings), headers=BROWSER) as client:
        became = texts(checked(client.get("/library?ended=0")), "//div[@id='outcome']")
    assert became == ["It came to its end. What it did was too long to be kept: the list below is as it is now."]


@pytest.mark.parametrize(("told", "kind", "text"), [
    ("https://a.org/x was not asked for: a.org could not be reached before (timed out).", "reach timed out",
     "a.org could not be reached: timed out."),
    ("https://a.org/x was not asked for: there is no network (a, b could not be reached).", "reach no network",
     "The network could not be reached."),
    ("arxiv:1 is not held, and the network is not to be used.", "offline",
     "It was not asked for: the network was not to be used."),
    ("It has no link.", "It has no link.", "It has no link."),
    ("https://a.org/x broke off ([Errno 104] reset).", "broke off (reset).", "https://a.org/x broke off (reset)."),
])  # fmt: skip
def test_reasons(told: str, kind: str, text: str) -> None:
    found = lacking.reason(told)
    assert (found.kind, found.text) == (kind, text)


@given(st.lists(st.text(max_size=80)))
def test_any_reason_is_told(told: list[str]) -> None:
    assert sum(one.count for one in lacking.shared(told).values()) <= len(told)
    assert all("Errno" not in lacking.reason(f"{one} [Errno 7] x").text for one in told if "Errno" not in one)


def test_what_fails_within_a_page(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from service import marking, related

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(related, "related", fails)
    page = checked(client.get("/papers/2311.08105"))
    assert "could not be made" in texts(page, "//main")[0] and "Cites here" in texts(page, "//main")[0]
    monkeypatch.setattr(marking, "marked", fails)
    assert client.get("/papers/2311.08105").status_code == 500


def test_the_page_of_the_library(client: TestClient) -> None:
    page = checked(client.get("/library"))
    assert len(page.xpath("//table//tbody/tr")) == 4
    assert texts(page, "//tbody/tr[4]/td[1]/span")[0] == "No text"
    one = checked(client.get("/library?state=title"))
    assert texts(one, "//tbody//th//a") == ["The paper title-only"]


def test_before_there_is_a_library(settings: Settings) -> None:
    with TestClient(create_app(settings), headers=BROWSER) as client:
        assert "paperpath reindex" in texts(checked(client.get("/library")), "//main")[0]
        assert "There is no library" in texts(checked(client.get("/"), 503), "//main")[0]
        assert "There is no library" in texts(checked(client.get("/papers/x"), 503), "//main")[0]


def test_who_asks_for_json_gets_problems_in_json(client: TestClient) -> None:
    checked(client.get("/nowhere"), 404)
    assert client.get("/nowhere", headers={"Accept": "*/*"}).headers["content-type"] == "application/problem+json"
    assert client.get("/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_files_are_kept_by_a_browser_until_they_change(client: TestClient) -> None:
    page = checked(client.get("/library"))
    addresses = page.xpath("//link/@href | //script/@src")
    assert len(addresses) >= 4
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        plain = client.get(address.partition("?")[0])
        assert plain.headers["cache-control"] == "no-cache"
        again = client.get(address.partition("?")[0], headers={"If-None-Match": plain.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for name in ("..%2Fframe.py", "none.js", "%2e%2e/frame.py"):
        assert client.get(f"/static/{name}").status_code == 404


def test_a_long_library_is_in_parts_none_of_which_weighs_much(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.pages import order_map

    monkeypatch.setattr(order_map, "MOST_CARDS", 100)
    build(settings.library, {f"p{n}": [f"Paper number {n} on islands and how they talk."] for n in range(300)})
    with TestClient(create_app(settings), headers=BROWSER) as client:
        for path, rows in (
            ("/library", "//tbody/tr//th//a/@href"),
            ("/order", "//li[contains(@class, 'step')]/p[1]/a/@href"),
        ):
            first = checked(client.get(path))
            assert not first.xpath("//a[@rel='prev']")
            (on,) = first.xpath("//a[@rel='next']/@href")
            second = checked(client.get(on))
            assert not second.xpath("//a[@rel='next']")
            shown = [len(page.xpath(rows)) for page in (first, second)]
            assert shown == [250, 50] and len({*first.xpath(rows), *second.xpath(rows)}) == 300
            assert checked(client.get(path + "?page=99")).xpath(rows) == second.xpath(rows)
            assert weight(client, path) < 60_000
        back = checked(client.get("/library?page=2")).xpath("//tbody//input[@name='back']/@value")
        assert set(back) == {"/library?page=2"}, "who marks a paper without scripts comes back to where it stands"
        asked = checked(client.get("/order")).get_element_by_id("goal")
        assert asked.tag == "input", "nobody chooses from so many"
        assert checked(client.get("/order?goal=p7")).get_element_by_id("goal").get("value") == "p7"


def weight(client: TestClient, path: str) -> int:
    """The bytes of a page and its files, compressed as they are sent to another machine."""
    page = checked(client.get(path))
    files = {path, *page.xpath("//link/@href | //script/@src")}
    return sum(len(gzip.compress(client.get(file).content, 4)) for file in files)


@pytest.mark.parametrize("path", ["/?q=islands", "/papers/2311.08105", "/library", "/order"])
def test_what_a_page_weighs(client: TestClient, path: str) -> None:
    assert weight(client, path) < 30_000


def test_what_is_sent_is_compressed_and_still_comes_in_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service import related

    build(settings.library)
    goes_on, real = threading.Event(), related.related

    def waits(*given: Any, **named: Any) -> Any:
        assert goes_on.wait(60)
        return real(*given, **named)

    monkeypatch.setattr(related, "related", waits)
    monkeypatch.setattr(Access, "is_local", lambda *_: False)  # for who is on this machine, nothing is compressed
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with serving(app) as base, httpx.Client(base_url=base, headers={**BROWSER, **TOKEN}) as client:
        with client.stream("GET", "/papers/2311.08105") as answer:
            assert answer.headers["content-encoding"] == "gzip" and "accept-encoding" in answer.headers["vary"].lower()
            seen = ""
            for part in answer.iter_text():
                seen += part
                if "Cited here by" in seen and not goes_on.is_set():
                    assert 'id="cite"' not in seen
                    goes_on.set()
        assert 'id="cite"' in seen and "</html>" in seen
        for path in ("/static/style.css", "/static/order.js", "/openapi.json"):
            assert client.get(path).headers.get("content-encoding") == "gzip", path
        assert "content-encoding" not in client.get("/healthz").headers
        plain = client.get("/static/style.css", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers and plain.text.startswith("/*")


# ---------------------------------------------------------------------- whatever a paper holds


@pytest.mark.parametrize(
    "path", ["/", "/?q=islands+communicate", "/library", *(f"/papers/{name}?q=islands" for name in HOSTILE)]
)
def test_nothing_of_a_paper_is_read_as_html(hostile: TestClient, path: str) -> None:
    page = checked(hostile.get(path))
    assert (
        not page.xpath("//img")
        and not page.xpath("//main//script")
        and not page.xpath("//main//b[not(parent::blockquote)]")
    )
    said = page.text_content()
    if not path.startswith("/papers"):
        assert LONG[:280] in said
        assert SCRIPT in said and IMAGE in said and RTL in said and EMOJI in said


def test_what_is_asked_is_shown_as_text(client: TestClient) -> None:
    for q in (SCRIPT, IMAGE, RTL, EMOJI, LONG, "\0 \x1b[31m", "'\"<&>"):
        page = checked(client.get("/", params={"q": q}))
        assert not page.xpath("//img") and not page.xpath("//main//script")
    checked(client.get(f"/papers/{SCRIPT}"), 404)
    assert SCRIPT in texts(checked(client.get("/papers/2311.08105", params={"q": SCRIPT})), "//main")[0]


@given(st.data())
def test_pieces_are_the_text(data: st.DataObject) -> None:
    text = data.draw(st.text(max_size=900))
    spans = data.draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted), max_size=6))
    marks = [{"start": a, "end": b} for a, b in spans]
    found = showing.pieces(text, marks)
    assert "".join(piece.text for piece in found) == text
    for piece_text in (text[a:b] for a, b in spans):
        assert piece_text in "".join(p.text if p.marked else "\0" * len(p.text) for p in found) or not piece_text.strip(
            "\0"
        )
    if spans:
        low, high = spans[0]
        around = showing.pieces(text, marks, {"start": low, "end": high})
        inside = "".join(piece.text for piece in around if piece.inside)
        assert inside.replace("•", "-") == text[low:high].replace("•", "-")


@pytest.mark.parametrize(("printed", "read"), [
    (r"Robust PCA and $\ell_1$-norm", "Robust PCA and ℓ₁-norm"), ("An $O(n^2)$ bound", "An O(n²) bound"),
    (r"Poincar\'e Embeddings", "Poincaré Embeddings"), (r"Yor\`ub\'a", "Yorùbá"), ("$g$-measures", "g-measures"),
    ("costs $5 and 20% more", "costs $5 and 20% more"), (r'G\"{o}del and $x^{10}$', "Gödel and x¹⁰"),
    (r"$\alpha$-divergence in $\mathbb{R}^d$", "α-divergence in ℝ^d"), ("<b> & $", "<b> & $"), (r"C:\new", r"C:\new"),
])  # fmt: skip
def test_formulas_in_titles(printed: str, read: str) -> None:
    assert showing.title(printed) == read


@given(st.text(alphabet="$\\^_{}'%a1 <", max_size=60))
def test_any_title_is_shown(text: str) -> None:
    assert isinstance(showing.title(text), str) and len(showing.title(text)) <= 4 * len(text) + 40


def test_addresses_that_a_page_may_open() -> None:
    for bad in (
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "",
        "http://[",
        " javascript:alert(1)",
    ):
        assert showing.opened(bad) == ""
    assert showing.opened("https://arxiv.org/abs/1706.03762") == "https://arxiv.org/abs/1706.03762"


# ---------------------------------------------------------------------- marks by a form


def own_page(settings: Settings) -> TestClient:
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    return TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000), headers=BROWSER)


def test_marks_by_the_form(settings: Settings) -> None:
    build(settings.library)
    origin = {"Origin": "http://127.0.0.1:8000"}
    with own_page(settings) as client:
        for paper in ("2311.08105", "cs/0502012"):
            form = checked(client.get(f"/papers/{paper}")).xpath("//form[@class='mark']")[0]
            data = {field.get("name"): field.get("value") for field in form.xpath(".//input")}
            answer = client.post(form.get("action"), data=data, headers=origin, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/papers/{paper}")
            assert client.get(f"/v1/papers/{paper}/marks").json()["read"] is True
        client.post("/papers/2311.08105/marks", data={"note": SCRIPT}, headers=origin)
        page = checked(client.get("/papers/2311.08105"))
        assert page.xpath("//textarea")[0].text == SCRIPT and page.xpath(
            "//form[@class='mark']//button/@aria-pressed"
        ) == ["true"]
        for back in (
            "https://example.com/",
            "//example.com",
            "/\\example.com",
            "javascript:alert(1)",
            "/x\r\nSet-Cookie: a",
        ):
            answer = client.post(
                "/papers/2311.08105/marks", data={"read": "0", "back": back}, headers=origin, follow_redirects=False
            )
            assert answer.headers["location"] == "/papers/2311.08105"
        elsewhere = client.post(
            "/papers/2311.08105/marks", data={"read": "1"}, headers={"Origin": "http://example.com"}
        )
        assert elsewhere.status_code == 403


# ---------------------------------------------------------------------- adding


def test_a_file_is_taken_and_added(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    monkeypatch.chdir(PROJECT)
    body = tiny_pdf(["A paper on tree parsing and nothing else."])
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(app, headers=BROWSER) as client:
        taken = client.post("/v1/uploads", params={"name": "C:\\my\\trees.pdf"}, content=body, headers=TOKEN)
        assert taken.status_code == 201
        assert taken.json() == {
            "source": taken.json()["source"],
            "name": "trees.pdf",
            "bytes": len(body),
            "kind": "pdf",
        }
        again = client.post("/v1/uploads", params={"name": "trees.pdf"}, content=body, headers=TOKEN)
        assert again.json() == taken.json()
        assert [path.name for path in (settings.library / "uploads").rglob("*") if path.is_file()] == ["trees.pdf"]
        job = client.post("/v1/reindex", json={"add": [taken.json()["source"]]}, headers=TOKEN).json()
        events = told(client.get(f"/v1/reindex/{job['id']}/events"))
        kinds = [kind for _, kind, _ in events]
        assert kinds[-1] == "end" and {"stage", "step"} <= set(kinds) and events[-1][2]["report"]["documents"] == 1
        assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
        rest = told(client.get(f"/v1/reindex/{job['id']}/events", headers={"Last-Event-ID": str(events[-2][0])}))
        assert rest == events[-1:]
        for odd in ("9" * 5000, str(len(events) + 1), "-1", "1.5", "\u0661".encode()):
            assert told(client.get(f"/v1/reindex/{job['id']}/events", headers={"Last-Event-ID": odd})) == events
        assert client.get("/v1/search?q=parsing").json()["results"][0]["id"] == "trees"
        page = checked(client.get("/library"))
        assert "trees.pdf" in texts(page, "//tbody//th")[0]
        names = [f"{name}.pdf" for name in (IMAGE, RTL, EMOJI)]
        sources = []
        for name in names:
            body = tiny_pdf([f"Another paper on trees, the {len(sources)}th of them."])
            sources.append(
                client.post("/v1/uploads", params={"name": name}, content=body, headers=TOKEN).json()["source"]
            )
        job = client.post("/v1/reindex", json={"add": sources}, headers=TOKEN).json()
        assert told(client.get(f"/v1/reindex/{job['id']}/events"))[-1][2]["state"] == "done"
        page = checked(client.get("/library"))
        assert not page.xpath("//img") and all(name in page.text_content() for name in names)
        wanted = {"remove": [taken.json()["source"]]}  # by the name that it was added by
        job = client.post("/v1/reindex", json=wanted, headers=TOKEN).json()
        assert told(client.get(f"/v1/reindex/{job['id']}/events"))[-1][2]["state"] == "done"
        assert client.get("/v1/papers/trees").status_code == 404


def told(answer: httpx.Response) -> list[tuple[int, str, dict]]:
    """The events of an answer, each with its number and kind."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = re.findall(r"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n", answer.text)
    return [(int(number), kind, json.loads(data)) for number, kind, data in found]


def test_what_fails_is_told_where_it_happens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    monkeypatch.chdir(PROJECT)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(app) as client:
        sources = []
        for name, body in (("good.pdf", tiny_pdf(["Some words on trees here."])), ("bad.pdf", b"%PDF-1.4 and no more")):
            sources.append(
                client.post("/v1/uploads", params={"name": name}, content=body, headers=TOKEN).json()["source"]
            )
        job = client.post("/v1/reindex", json={"add": sources, "offline": True}, headers=TOKEN).json()
        events = told(client.get(f"/v1/reindex/{job['id']}/events"))
        failed = [said for _, kind, said in events if kind == "failed"]
        assert len(failed) == 1 and "bad.pdf" in failed[0]["what"] and failed[0]["why"]
    assert client.get("/v1/reindex/none/events").status_code == 404


def test_uploads_that_are_refused(client: TestClient, settings: Settings) -> None:
    def status(name: str, body: bytes = b"%PDF-1.4 x", headers: dict = TOKEN) -> int:
        return client.post("/v1/uploads", params={"name": name}, content=body, headers=headers).status_code

    assert status("a.pdf", headers={}) == 401
    assert status("a.pdf", headers={"Authorization": "Bearer wrong"}) == 401
    for name in ("a.exe", "pdf", ".pdf", "", "a.html", "..", "a/../..", "x\0"):
        assert status(name) == 422, name
    assert status("a.pdf", b"") == 422
    assert status("a.pdf", b"<html>") == 422
    assert status("a.md", b"\x00\x01") == 422
    assert list((settings.library / "uploads").iterdir()) == []
    for name in (
        "../../../a.pdf",
        "/etc/a.pdf",
        SCRIPT + ".pdf",
        RTL + ".pdf",
        "é" * 2000 + ".pdf",
        "\x1b[31m.pdf",
        "....pdf.pdf",
    ):
        answer = client.post("/v1/uploads", params={"name": name}, content=b"%PDF-1.4 x", headers=TOKEN)
        assert answer.status_code == 201, (name, answer.text)
        kept = answer.json()["name"]
        assert (
            "/" not in kept
            and len(kept.encode()) <= 200
            and kept.replace("\u200d", "").isprintable()
            and kept.endswith(".pdf")
        )
    files = [path for path in settings.library.parent.rglob("*.pdf")]
    assert files and all(path.parent.parent == settings.library / "uploads" for path in files)
    for source in (
        "upload:x/y.pdf",
        "upload:0123456789abcdef/none.pdf",
        "upload:../../CURRENT",
        "upload:0123456789abcdef/..",
    ):
        answer = client.post("/v1/reindex", json={"add": [source]}, headers=TOKEN)
        assert answer.json()["type"] == "urn:paperpath:problem:bad-source"


def test_an_upload_over_the_limit_is_refused_before_it_is_read(settings: Settings) -> None:
    build(settings.library)
    given = settings.model_copy(update={"token": SecretStr("secret"), "max_megabytes": 0.1})
    with TestClient(create_app(given)) as client:
        big = client.post("/v1/uploads?name=a.pdf", content=b"%PDF-" + b"x" * 100_000, headers=TOKEN)
        assert (big.status_code, big.json()["type"]) == (413, "urn:paperpath:problem:too-large")
        fits = client.post("/v1/uploads?name=a.pdf", content=b"%PDF-" + b"x" * 80_000, headers=TOKEN)
        assert fits.status_code == 201
        other = client.post("/v1/reindex", content=b"x" * 70_000, headers=TOKEN)
        assert other.status_code == 413


def test_the_kinds_that_are_taken_are_those_that_are_read() -> None:
    from indexer.sources import source

    assert set(SUFFIXES) == set(source._READERS)
    assert all(suffix in BadUpload.cure for suffix in SUFFIXES)
