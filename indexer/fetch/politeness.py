"""When a server may be asked, and whether at all: the pace of requests and what is known of each host.

arXiv counts as one party, whatever the host: its API and its PDFs share one pace, and a refusal by one ends both.
Every other host is a party of its own. When a party was asked last, and how long it asked to be left alone, is kept from one
run to the next. This is the only place of the fetcher that waits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf

import httpx

from indexer.errors import FetchError, Refused, Unreachable
from indexer.library.cache import Asked, Cache
from indexer.settings import Settings

_FIRST_BACKOFF = 5.0  # seconds; doubled with each try
_NO_NETWORK = 3  # hosts that can't be connected to, with none that can, before there counts as no network
_WORN_OUT = 3  # entries in a row that fail at one party after all their tries, before it is left alone


@dataclass
class _Party:
    name: str
    seconds: float  # from the end of one request to the start of the next
    ended: float = -inf
    not_before: float = -inf
    worn_out: int = 0
    closed: FetchError | None = None  # why it is asked nothing more in this run


class Politeness:
    """The pace and the state of every party over one run; `cache` is what it knows of earlier ones.

    `clock` counts seconds from anywhere, `sleep` waits that long, `now` is the time since 1970, `jitter` gives
    numbers from 0 to 1.
    """

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._clock, self._sleep, self._now, self._jitter = clock, sleep, now, jitter
        self._arxiv_hosts = {httpx.URL(str(url)).host for url in (settings.arxiv_url, settings.arxiv_api_url)}
        self._parties: dict[str, _Party] = {}
        self._down: dict[tuple[str, int | None], str] = {}
        self._reached = False
        self._sent = False

    def is_arxiv(self, url: httpx.URL) -> bool:
        """Whether arXiv's rules hold for a URL."""
        return url.host in self._arxiv_hosts or url.host == "arxiv.org" or url.host.endswith(".arxiv.org")

    @contextmanager
    def turn(self, url: httpx.URL) -> Iterator[None]:
        """Waits until the URL's party may be asked; the request, with its body, is made inside.

        Raises `Refused` or `Unreachable` without a wait where the party is not to be asked any more.
        """
        party = self._party(url)
        if party.closed:
            raise type(party.closed)(f"{url} was not asked for: {party.closed.message}", cure=party.closed.cure)
        if why := self._down.get((url.host, url.port)):
            raise Unreachable(f"{url} was not asked for: {url.host} could not be reached before ({why}).")
        if not self._reached and len(self._down) >= _NO_NETWORK:
            hosts = ", ".join(host for host, _ in self._down)
            raise Unreachable(f"{url} was not asked for: there is no network ({hosts} could not be reached).")
        if party.not_before - self._clock() > self._settings.retry_cap_seconds:
            raise self._too_long(url, party.not_before - self._clock())
        wait = max(party.not_before, party.ended + party.seconds) - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._sent = True
        try:
            yield
        finally:
            if self._sent:
                party.ended = self._clock()
                self._keep(party)

    def reached(self) -> None:
        """A host was connected to: there is a network."""
        self._reached = True

    def not_connected(self, url: httpx.URL, why: str) -> Unreachable:
        """The URL's host could not be connected to, and is not tried again in this run. Returns the error."""
        self._down[url.host, url.port] = why
        self._sent = False  # nothing was asked, so nothing is to be waited for
        return Unreachable(f"{url} could not be fetched: no connection to {url.host} ({why}).")

    def hold(self, url: httpx.URL, tries: int, retry_after: float | None) -> None:
        """The URL's party waits before it is asked again: as long as it said, else longer with every try."""
        cap = self._settings.retry_cap_seconds
        backoff = min(cap, _FIRST_BACKOFF * 2**tries) * (0.5 + 0.5 * self._jitter())
        self._leave_alone(self._party(url), backoff if retry_after is None else retry_after)

    def check_wait(self, url: httpx.URL, retry_after: float | None) -> None:
        """Raises `Refused` if the server asks for a longer wait than the settings allow; arXiv is then left alone."""
        if retry_after is None or retry_after <= self._settings.retry_cap_seconds:
            return
        party = self._party(url)
        self._leave_alone(party, retry_after)
        error = self._too_long(url, retry_after)
        if self.is_arxiv(url):
            party.closed = error
        raise error

    def close_arxiv(self, url: httpx.URL) -> Refused:
        """arXiv has said no, and is asked nothing more in this run. Returns the error."""
        closed = self._party(url).closed = Refused(
            f"arXiv answered 403 (forbidden) to {url}; nothing more is asked of it in this run, since going on"
            " would be taken as an attack.",
            cure="Wait a day before the next run, set PAPERPATH_CONTACT, and write to arXiv if it says no again.",
        )
        return Refused(closed.message, cure=closed.cure)

    def answered(self, url: httpx.URL) -> None:
        """The URL's party gave a plain answer, good or bad."""
        self._party(url).worn_out = 0

    def worn_out(self, url: httpx.URL) -> None:
        """All tries for one entry were used up at the URL's party."""
        party = self._party(url)
        party.worn_out += 1
        if party.worn_out >= _WORN_OUT:
            party.closed = Unreachable(f"{url.host} gave no whole answer to {_WORN_OUT} addresses in a row.")

    def retry_after(self, header: str | None) -> float | None:
        """The seconds that a Retry-After header asks for, given in seconds or as an HTTP date; None if it has none."""
        if header is None:
            return None
        if re.fullmatch(r"\d+", header.strip()):
            return float(header) if len(header) < 10 else 1e9
        try:
            return parsedate_to_datetime(header).timestamp() - self._now()  # past, if the clocks disagree
        except (ValueError, OverflowError):
            return None

    def _party(self, url: httpx.URL) -> _Party:
        of_arxiv = self.is_arxiv(url)
        name = "arxiv" if of_arxiv else url.host
        if name not in self._parties:
            seconds = self._settings.arxiv_seconds if of_arxiv else self._settings.host_seconds
            self._parties[name] = self._remembered(_Party(name, seconds))
        return self._parties[name]

    def _remembered(self, party: _Party) -> _Party:
        asked, clock, now = self._cache.asked(party.name), self._clock(), self._now()
        if asked and asked.at <= now:  # else the clock was set back since
            party.ended = clock - (now - asked.at)
            party.not_before = clock + (asked.not_before - now)
        return party

    def _leave_alone(self, party: _Party, seconds: float) -> None:
        party.not_before = self._clock() + seconds
        self._keep(party)

    def _keep(self, party: _Party) -> None:
        clock, now = self._clock(), self._now()
        not_before = now + max(0.0, party.not_before - clock)
        self._cache.keep_asked(party.name, Asked(now - min(clock - party.ended, now), not_before))

    def _too_long(self, url: httpx.URL, seconds: float) -> Refused:
        cap = self._settings.retry_cap_seconds
        return Refused(
            f"{url.host} asks for a wait of {seconds:.0f} s before {url}, more than the {cap:.0f} s that are set.",
            cure="Run again later, or raise PAPERPATH_RETRY_CAP_SECONDS.",
        )
