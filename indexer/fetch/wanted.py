"""What is after a call to fetch, and whether what is held already does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from indexer import arxiv
from indexer.errors import AddressRefused
from indexer.fetch.addresses import Guard
from indexer.fetch.sending import plain
from indexer.library.cache import Cache, Download
from indexer.settings import Settings


@dataclass(frozen=True)
class Wanted:
    """What one call is after. `key` is its line in the ledger, `part` the key of its part file.

    `version` is the one asked for, `newest` the newest one known, both None for anything but arXiv; `withdrawn` says
    that the newest has no file.
    """

    address: str
    key: str
    part: str
    url: str
    arxiv_id: str = ""
    version: int | None = None
    newest: int | None = None
    withdrawn: bool = False


def stands_for(
    address: str,
    settings: Settings,
    guard: Guard,
    *,
    version: int | None = None,
    newest: int | None = None,
    withdrawn: bool = False,
) -> Wanted:
    """What is wanted where `address` (`arxiv:…`, `doi:…`, `http(s)://…`) is asked for.

    Raises `AddressRefused` for what is none of these, or may not be asked for.
    """
    scheme, _, rest = address.partition(":")
    if scheme == "arxiv":
        known = arxiv.parse(rest)
        if known is None:
            raise AddressRefused(f"{address} is not an arXiv id.", cure="Mend the id in the list.")
        version = version or known.version
        key = "arxiv:" + arxiv.ArxivId(known.id, version).versioned
        asked = arxiv.ArxivId(known.id, version or newest).versioned  # the very version saves a redirect
        url = f"{str(settings.arxiv_url).rstrip('/')}/pdf/{asked}"
        return Wanted(address, key, f"arxiv:{asked}", url, known.id, version, newest, withdrawn)
    if scheme == "doi":
        return Wanted(address, address, address, "https://doi.org/" + quote(rest, safe="/()._;:-"))
    return Wanted(address, address, address, str(guard.check(address)))


def held_for(wanted: Wanted, cache: Cache) -> Download | None:
    """The ledger's line on the body that serves this call best, or None."""
    own = cache.download(wanted.key)
    if own is not None and cache.body(own.sha256) is None:
        own = None
    if not wanted.arxiv_id or (own is not None and is_current(own, wanted)):
        return own
    # The same version may be held because another list names it, or doesn't.
    version = wanted.version or wanted.newest
    others = [f"arxiv:{wanted.arxiv_id}", *([f"arxiv:{wanted.arxiv_id}v{version}"] if version else [])]
    for key in others:
        other = cache.download(key) if key != wanted.key else None
        if other and version and other.version == version and cache.body(other.sha256):
            return replace(other, address=wanted.key)
    return own


def is_current(held: Download, wanted: Wanted) -> bool:
    """Whether a held body needs no question: a version of arXiv's never changes."""
    if wanted.version is not None:
        return held.version == wanted.version
    return wanted.newest is not None and held.version is not None and held.version >= wanted.newest


def conditions(held: Download, wanted: Wanted) -> dict[str, str]:
    """The headers that ask for a body only if it is not the held one. Another version's tag would mean nothing."""
    if (wanted.version or wanted.newest) and wanted.url not in (held.asked_url, held.final_url):
        return {}
    given = {"If-None-Match": plain(held.etag), "If-Modified-Since": plain(held.last_modified)}
    return {name: value for name, value in given.items() if value}
