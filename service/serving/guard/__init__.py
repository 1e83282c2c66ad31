"""Who may ask what, and how much at once: what stands around the application, before any work is done.

    hosts      the names this server goes by, and the pages that may ask it
    limits     so many requests a second for each address; so many at once, and a short line behind them
    rights     reading and changing, each by its token
    patience   a time for each answer, and nothing more for who has left

`layers` has them in their order; `headers` are for every answer, whoever gives it. What is below HTTP, slow and long heads, slow
bodies and too many connections, is `service/serving/connections.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from indexer.settings import Settings
from service.serving.guard.access import Access, token_of
from service.serving.guard.hosts import Hosts
from service.serving.guard.limits import Lanes, Rate
from service.serving.guard.patience import Patience
from service.serving.guard.rights import Rights

__all__ = ["Access", "Layer", "layers", "token_of"]

Layer = tuple[Callable[..., Any], Mapping[str, Any]]
_SHOWN = ["ETag", "Location", "Retry-After", "X-Index-Generation", "X-Request-ID"]


def layers(settings: Settings, access: Access, line_is_full: Callable[[], bool]) -> list[Layer]:
    """What stands around the application, each with its options, the outermost first.

    `line_is_full` says whether so many searches wait that the next would wait too long.

    The order: the client's address is known before anything depends on it; who comes by a foreign name or page is refused
    before a token is looked at; a refusal by rate or by right can be read by the pages that CORS names; what is refused by rate
    costs no look at what it may, and its body is never read; the time of an answer includes its waiting in line.
    """
    largest = int(settings.max_megabytes * 1_000_000)
    found: list[Layer] = []
    if access.proxies:
        found.append((ProxyHeadersMiddleware, {"trusted_hosts": list(access.proxies)}))
    found.append((Hosts, {"access": access}))
    if access.origins:
        found.append((CORSMiddleware, {
            "allow_origins": access.origins, "allow_methods": ["GET", "HEAD", "POST", "PUT"], "expose_headers": _SHOWN,
            "allow_headers": ["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"],
        }))  # fmt: skip
    found += [
        (Rate, {"access": access, "a_second": settings.rate, "burst": settings.burst}),
        (Rights, {"access": access, "largest_file": largest}),
        (Patience, {"seconds": settings.request_seconds}),
        (Lanes, {"line_is_full": line_is_full}),
    ]
    return found
