"""So many requests a second for each address, so many at once, and a short line behind them.

A line is short in time, not in number: nobody is let into it who would wait longer than an answer usually takes, or a tenth of
a second where that is quicker. So what is served under any load takes at most about twice what it takes at capacity; the rest is
refused at once, and told when to come back. Where all stands still for a moment, as when a new generation is opened, who waits
goes on waiting, up to a second.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.cores import cores
from service import deadline
from service.serving.guard.access import Access
from service.serving.guard.refusing import refuse
from service.serving.guard.rights import OPEN, READS
from service.serving.logs import noted

_ADDRESSES = 10_000
LEAST_WAIT, STANDING_STILL = 0.1, 1.0
_ALWAYS = 8  # who may wait, however long answers take, for no longer than one takes: some people who click at once
_NEWEST = 0.1  # how much of the usual time is the newest answer's

# Which line a request stands in; the first that matches. What is told without work stands in none.
_LANES = (
    ("", re.compile(r"/(?:healthz|readyz|metrics|openapi\.json|static/.*|v1|v1/reindex/[^/]*)")),
    ("told", re.compile(r"/v1/reindex/[^/]*/events")),
    ("search", re.compile(r"/v1/search")),
    ("long", re.compile(r"/order|/papers/.*|/v1/(?:reading-order|graph|topics|quote|status|papers/.+/related)")),
    ("quick", re.compile(r".*", re.DOTALL)),
)
_USUAL = 200  # characters of a path; a longer one is not remembered
_AHEAD = 1 << 20  # bytes; a page of a paper seldom has a tenth of that
_AT_ONCE = {"told": 64, "long": max(2, cores() // 2), "quick": 2 * cores(), "changes": 8}


def lane_of(method: str, path: str) -> str:
    """The line that a request stands in, "" for none."""
    if method not in READS:
        return "changes"
    return _lane_of(path) if len(path) < _USUAL else _lane_of.__wrapped__(path)


@lru_cache(maxsize=1024)  # it is asked for each request, a refused one too
def _lane_of(path: str) -> str:
    return next(name for name, fits in _LANES if fits.fullmatch(path))


class Line:
    """Lets `at_once` in, and has others wait as the first lines of this file say. For one event loop."""

    def __init__(self, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = self.at_once = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._usual = 0.0
        self._clock = clock

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def patience(self) -> float:
        """Seconds that one may have to wait."""
        return max(LEAST_WAIT, self._usual)

    async def enter(self) -> float | None:
        """Waits until there is room. Returns when one was let in, as `leave` takes it, or None where there is none soon."""
        if self._free:
            self._free -= 1
            return self._clock()
        soon = self.patience * self.at_once / max(self._usual, 1e-3)
        if len(self._waiting) >= max(_ALWAYS, soon):
            return None
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(max(STANDING_STILL, self.patience)):
                await mine
        except TimeoutError:
            return self._clock() if self._given_up(mine) else None
        except asyncio.CancelledError:
            if self._given_up(mine):
                self._let_in()
            raise
        return self._clock()

    def leave(self, entered: float) -> None:
        """Makes room for the next."""
        took = self._clock() - entered
        self._usual = took if not self._usual else (1 - _NEWEST) * self._usual + _NEWEST * took
        self._let_in()

    def _given_up(self, mine: asyncio.Future[None]) -> bool:
        """Takes one who waits no more out of the line. True where it was let in at the last moment."""
        if mine.done() and not mine.cancelled():
            return True
        if mine in self._waiting:
            self._waiting.remove(mine)
        return False

    def _let_in(self) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():
                next_one.set_result(None)
                return
        self._free += 1


class Lanes:
    """ASGI layer of lines: a request that works stands in that of its kind, so that long answers hold up no quick ones.

    Searches have a line of their own (`service/serving/asking.py`): `line_is_full` says when that is too long.
    """

    def __init__(self, app: ASGIApp, line_is_full: Callable[[], bool]) -> None:
        self._app = app
        self._line_is_full = line_is_full
        self.lines = {name: Line(at_once) for name, at_once in _AT_ONCE.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = lane_of(scope["method"], scope["path"]) if scope["type"] == "http" else ""
        if not lane:
            await self._app(scope, receive, send)
            return
        line = self.lines.get(lane)
        if line is None:
            entered: float | None = None if self._line_is_full() else 0.0
        else:
            entered = await line.enter()
        if entered is None:
            if (said := noted.get()) is not None:
                said["line"] = lane
            await refuse(scope, receive, send, 429, "More is asked than can be answered soon.", code="overloaded",
                         headers={"Retry-After": "1"})  # fmt: skip
            return
        answer = _Answer(line, entered, send)
        try:
            if not deadline.gone():
                await self._app(scope, receive, answer.send)
                answer.leave()
                await answer.taken()
        finally:
            answer.end()


class _Answer:
    """An answer that leaves its line once it is made, since who takes it may take it slowly.

    One that is sent in parts is made further while its first parts are taken; where `_AHEAD` bytes wait to be, that waits too.
    """

    def __init__(self, line: Line | None, entered: float, send: Send) -> None:
        self._line, self._entered, self._send = line, entered, send
        self._made: deque[Message] = deque()  # and not handed on yet
        self._ahead = 0  # bytes of those
        self._handing: asyncio.Task[None] | None = None

    def leave(self) -> None:
        """Leaves the line, the first time that it is called."""
        if self._line is not None:
            self._line.leave(self._entered)
            self._line = None

    async def send(self, message: Message) -> None:
        """Sends the next message, or has it wait behind those before it. Raises what handing on those raised."""
        self._made.append(message)
        self._ahead += len(message.get("body", b""))
        if message["type"] == "http.response.start":  # waits for the body, to see whether that is whole
            return
        if not message.get("more_body"):
            self.leave()
            if self._handing is None:
                await self._hand_on()
                return
        if self._handing is None or self._handing.done():
            await self.taken()
            self._handing = asyncio.create_task(self._hand_on())
            await asyncio.sleep(0)  # as much of it as is taken at once
        if self._handing.done() or self._ahead > _AHEAD:
            await self._handing

    async def _hand_on(self) -> None:
        while self._made:
            message = self._made.popleft()
            self._ahead -= len(message.get("body", b""))
            await self._send(message)

    async def taken(self) -> None:
        """Returns when all that was sent is handed on, or no more of it is to be: an application gave its own sending up."""
        if self._handing is not None and not self._handing.cancelled():
            await self._handing

    def end(self) -> None:
        """Leaves the line; what is not handed on yet, never is."""
        self.leave()
        if self._handing is not None:
            self._handing.cancel()


class Rate:
    """ASGI layer that lets each address ask `a_second` requests a second, and `burst` at once; who has a token apart from who
    has none. None is counted on this machine. 0 is no limit.

    An address is one of IPv4, or a network /64 of IPv6: whoever has one has all of it. The last `_ADDRESSES` are remembered.
    """

    def __init__(
        self, app: ASGIApp, access: Access, a_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._access = access
        self._a_second, self._burst = a_second, max(burst, 1)
        self._clock = clock
        self._left: OrderedDict[tuple[str, int], tuple[float, float]] = OrderedDict()  # by who asks: how many, and when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._wait(scope) if scope["type"] == "http" and self._a_second else 0.0
        if not wait:
            await self._app(scope, receive, send)
            return
        await refuse(scope, receive, send, 429, f"More than {self._a_second:g} requests a second are asked from this address.",
                     headers={"Retry-After": str(math.ceil(wait))})  # fmt: skip

    def _wait(self, scope: Scope) -> float:
        """Seconds until this request may be asked, 0 where it may be now."""
        client = scope.get("client")
        if scope["path"] in OPEN or client is None or self._access.is_local(scope):
            return 0.0
        key = (network_of(client[0]), int(self._access.right_of(scope["headers"])[0]))
        now = self._clock()
        left, since = self._left.pop(key, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._a_second)
        allowed = left >= 1
        self._left[key] = (left - allowed, now)
        if len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._a_second


def network_of(address: str) -> str:
    """What is counted as one who asks."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(getattr(found, "ipv4_mapped", None) or found)
