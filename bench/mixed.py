"""What the soak asks: every route, searches most of all, with what is planned to be refused and what a client gives up."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from clients import Reply, Request

PLANNED: dict[str, tuple[int, ...]] = {
    "next page": (200, 410), "known": (200, 304), "no such paper": (404,), "no such job": (404,), "no such page": (404,),
    "bad limit": (422,), "bad cursor": (422,), "bad filter": (422,), "nothing asked": (422,), "wrong method": (405,),
    "no token": (401, 403), "wrong host": (421,), "bad body": (422,), "too large": (413,), "marks": (200, 204),
    "ready": (200, 503),
}  # fmt: skip
"""The statuses that each kind of request may have; (200,) where it isn't named. Beside them 429."""
_HEAVY = 0.02  # of whole-library answers, against one of a paper


@dataclass
class Mix:
    """Endless requests. `took` is told of the answers, of which later ones are made: known tags and next pages."""

    questions: list[str]
    ids: list[str]
    token: str
    seed: int = 0
    _known: dict[str, str] = field(default_factory=dict)
    _pages: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Request]:
        self._chance = random.Random(self.seed)
        kinds = {
            self._search: 60, self._filtered: 6, self._known_answer: 8, self._next_page: 3, self._quote: 3, self._paper: 6,
            self._page: 6, self._small: 4, self._refused: 3, self._marks: 1, self._whole: 40 * _HEAVY,
        }  # fmt: skip
        made, weights = list(kinds), list(kinds.values())
        while True:
            yield self._chance.choices(made, weights)[0]()

    def took(self, request: Request, reply: Reply) -> None:
        """Is told of an answer."""
        if reply.status == 200 and request.kind in ("search", "filtered"):
            if len(self._known) < 500 and (tag := reply.headers.get("etag")):
                self._known[request.path] = tag
            if len(self._pages) < 100 and (following := json.loads(reply.body).get("next")):
                self._pages.append(f"{request.path}&{urlencode({'cursor': following})}")

    def _any(self, texts: list[str]) -> str:
        return self._chance.choice(texts)

    def _id(self) -> str:
        return quote(self._any(self.ids), safe="/")

    def _search(self) -> Request:
        return Request(_path("/v1/search", q=self._any(self.questions), limit=10), kind="search")

    def _filtered(self) -> Request:
        how = self._any(["explain", "by", "kind", "without", "phrase", "year", "limit"])
        given = {"explain": "true", "by": "passage", "kind": "abstract", "without": "mice", "phrase": "t cells",
                 "year": "2000..", "limit": "50"}[how]  # fmt: skip
        return Request(_path("/v1/search", q=self._any(self.questions), **{how: given}), kind="filtered")

    def _known_answer(self) -> Request:
        if not self._known:
            return self._search()
        path = self._any(list(self._known))
        return Request(path, headers=(("If-None-Match", self._known.pop(path)),), kind="known")

    def _next_page(self) -> Request:
        return Request(self._pages.pop(), kind="next page") if self._pages else self._search()

    def _quote(self) -> Request:
        words = self._any(self.questions).split()[:8]
        return Request(_path("/v1/quote", q=" ".join(words)), kind="quote")

    def _paper(self) -> Request:
        kind, route = self._chance.choice([
            ("paper", "/v1/papers/{}"), ("related", "/v1/papers/{}/related"), ("cite", "/v1/papers/{}/cite"),
            ("marks of one", "/v1/papers/{}/marks"), ("graph of one", "/v1/graph?id={}&mentions=0"),
            ("order to a goal", "/v1/reading-order?goal={}"),
        ])  # fmt: skip
        return Request(route.format(self._id()), kind=kind)

    def _page(self) -> Request:
        kind, path = self._chance.choice([
            ("first page", "/"), ("page of results", _path("/", q=self._any(self.questions))),
            ("page of a paper", f"/papers/{self._id()}"), ("style", "/static/style.css"), ("script", "/static/order.js"),
        ])  # fmt: skip
        return Request(path, kind=kind)

    def _small(self) -> Request:
        kind, path = self._chance.choice([
            ("alive", "/healthz"), ("ready", "/readyz"), ("metrics", "/metrics"), ("home", "/v1"), ("schema", "/openapi.json"),
        ])  # fmt: skip
        return Request(path, kind=kind)

    def _whole(self) -> Request:
        kind, path = self._chance.choice([
            ("papers", "/v1/papers"), ("topics", "/v1/topics"), ("status", "/v1/status"), ("graph", "/v1/graph?mentions=0"),
            ("page of the library", "/library"), ("page of the order", "/order"), ("order", "/v1/reading-order"),
        ])  # fmt: skip
        return Request(path, kind=kind)

    def _refused(self) -> Request:
        authorised = (("Authorization", f"Bearer {self.token}"), ("Content-Type", "application/json"))
        return self._chance.choice([
            Request("/v1/papers/no-such-paper", kind="no such paper"), Request("/v1/reindex/none", kind="no such job"),
            Request("/nowhere", kind="no such page"), Request("/v1/search?q=a&limit=0", kind="bad limit"),
            Request("/v1/search?q=a&cursor=x", kind="bad cursor"), Request("/v1/search?q=a&year=x", kind="bad filter"),
            Request("/v1/search?q=", kind="nothing asked"), Request("/v1/search?q=a", "DELETE", authorised, kind="wrong method"),
            Request("/v1/reindex", "POST", body=b"{}", kind="no token"),
            Request("/v1/reindex", "POST", authorised, b'{"add": 1}', kind="bad body"),
            Request("/v1/reindex", "POST", authorised, b" " * 70_000, kind="too large"),
        ])  # fmt: skip

    def _marks(self) -> Request:
        body = json.dumps({"read": self._chance.random() < 0.5, "note": f"note {self._chance.randrange(9)}"}).encode()
        headers = (("Authorization", f"Bearer {self.token}"), ("Content-Type", "application/json"))
        return Request(
            f"/v1/papers/{quote(self._chance.choice(self.ids[:50]), safe='/')}/marks", "PUT", headers, body, "marks"
        )


def _path(route: str, **given: object) -> str:
    return f"{route}?{urlencode(given)}"
