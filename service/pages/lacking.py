"""Why papers are not here in full, as a page says it: what many share is said once, and each has a short word for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from service.api.paths import named

_MANY = 3  # papers that share a reason, from which on it is said once
_ERRNO = re.compile(r"\[Errno -?\d+\]\s*")
_ADDRESS = re.compile(r"^(?:https?://|arxiv:|doi:)\S+ ")
_HOST = re.compile(
    r"(?:no connection to (?P<first>\S+)|was not asked for: (?P<again>\S+) could not be reached before)"
    r" \((?P<why>.*)\)\.?$"
)
_RESOLVER = re.compile(r"its name can't be resolved: .*")  # behind it, the words of the system


@dataclass(frozen=True)
class Reason:
    """A reason, as it is told: `text` in a sentence, `word` in a row, `kind` the same for those that are one.

    `host` is the one that could not be reached, "" where it is something else.
    """

    kind: str
    word: str
    text: str
    host: str = ""


@dataclass(frozen=True)
class Shared:
    """A reason that many papers have: how many, and what to say of them."""

    count: int
    text: str


def reason(told: str) -> Reason:
    """What a paper's reason says, without the address, which its page has, without a file's folder and the system's numbers."""
    if match := _HOST.search(told[:2000]):
        host = match["first"] or match["again"]
        why = _ERRNO.sub("", _RESOLVER.sub("its name can't be resolved", match["why"])).strip()
        return Reason(f"reach {why}", "not reached", f"{host} could not be reached: {why}.", host)
    if "there is no network" in told:
        return Reason("reach no network", "not reached", "The network could not be reached.")
    if "the network is not to be used" in told:
        return Reason("offline", "not asked for", "It was not asked for: the network was not to be used.")
    text = _ERRNO.sub("", named(told)).strip()
    if told.startswith("It has no link"):
        return Reason(text, "no link", text)
    without = _ADDRESS.sub("", text)
    return Reason(without, without, text)


def shared(reasons: Iterable[str]) -> dict[str, Shared]:
    """By their kind, the reasons that many have, the most frequent first; "" is none."""
    found: dict[str, list[Reason]] = {}
    for told in filter(None, reasons):
        one = reason(told)
        found.setdefault(one.kind, []).append(one)
    many = sorted((some for some in found.values() if len(some) >= _MANY), key=lambda some: -len(some))
    return {some[0].kind: Shared(len(some), _said(some)) for some in many}


def _said(some: list[Reason]) -> str:
    """A reason once, for all who have it."""
    if some[0].kind == "offline":
        return "They were not asked for: the network was not to be used."
    hosts = list(dict.fromkeys(one.host for one in some if one.host))
    if not hosts:
        word = some[0].word
        return some[0].text if some[0].host or word == "not reached" or not word[:1].islower() else f"Each {word}"
    why = some[0].kind.removeprefix("reach ")
    if len(hosts) == 1:
        return f"{hosts[0]} could not be reached: {why}."
    if len(hosts) <= 3:
        return f"{', '.join(hosts[:-1])} and {hosts[-1]} could not be reached: {why}."
    return f"{hosts[0]} and {len(hosts) - 1} other hosts could not be reached: {why}."
