"""How long a document takes to read: an estimate, and said to be one.

Adults read English non-fiction at 238 words a minute, most of them at 175 to 300 (Brysbaert, "How many words do we read
per minute?", Journal of Memory and Language 109, 2019). A paper is read at the slow end of that: its words are longer, and
it is read to be understood. To its prose comes time for what is looked at and not read in a line. With that a paper of usual
length takes about as long as researchers said that they spent on one in 1977, 48 minutes; by 2005 it was 32 (Tenopir and
King's surveys, as Nature told of them in 2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from indexer.document import BlockKind
from indexer.library import Generation
from service.derived import Once

WORDS_A_MINUTE = 175
USUAL = 45
"""Minutes for a paper of which no full text is here, where no other paper of the library tells a usual length."""

_CHARACTERS_A_WORD = 6.2  # with the space behind it, in papers
_PROSE: tuple[BlockKind, ...] = ("abstract", "heading", "body", "caption", "footnote")
_SECONDS: Mapping[BlockKind, int] = {
    "formula": 20,
    "caption": 20,
    "code": 60,
}  # for each; a figure or table has a caption
_FEW = 3  # papers with full text, from which on their median is taken for usual


@dataclass(frozen=True)
class Minutes:
    """An estimate of the time that a document takes to read, and what it was made from, in words.

    `guessed` says that its own text is not here: it is taken to be as long as others.
    """

    minutes: int
    why: str
    guessed: bool = False


def minutes(generation: Generation, position: int) -> Minutes:
    """The estimate for the document at `position`."""
    return of(generation)[position]


def spoken(minutes: int) -> str:
    """A time as people say it: 45 min, 3 h 20 min, and from ten hours on 26 h. `static/order.js` does the same."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours + (rest >= 30)} h"


def about(minutes: int, text: str) -> str:
    """The time for a paper of which the library has such a `text`, in words."""
    return f"{'perhaps' if text == 'title' else 'about'} {minutes} min"


def of(generation: Generation) -> tuple[Minutes, ...]:
    """The estimates for all documents, by position; made once for a generation."""
    return _made(generation)


def _estimated(generation: Generation) -> tuple[Minutes, ...]:
    summaries, lengths = generation.catalogue.summaries, generation.catalogue.lengths()
    own = [_of_text(length) if s.text == "full" else None for s, length in zip(summaries, lengths, strict=True)]
    whole = [found.minutes for found in own if found]
    usual = round(median(whole)) if len(whole) >= _FEW else USUAL
    than = "as long as the others here" if len(whole) >= _FEW else "of usual length"
    held = {
        "digest": "only a digest is here",
        "record": "only an abstract is here",
        "title": "a guess: only its title is here",
    }
    return tuple(
        found or Minutes(usual, f"{held.get(s.text, 'no text is here')}; taken to be {than}", True)
        for s, found in zip(summaries, own, strict=True)
    )


_made = Once(_estimated)


def _of_text(length: Mapping[str, tuple[int, int]]) -> Minutes | None:
    """The estimate for a text that has so many blocks and characters of each kind; None where it has no prose."""
    words = sum(length.get(kind, (0, 0))[1] for kind in _PROSE) / _CHARACTERS_A_WORD
    if not words:
        return None
    seconds = sum(each * length.get(kind, (0, 0))[0] for kind, each in _SECONDS.items())
    rounded = round(words, -2) if words >= 100 else round(words)
    said = [f"about {rounded:,.0f} words at {WORDS_A_MINUTE} a minute"]
    for kind, name in (("formula", "formula"), ("caption", "figure or table"), ("code", "listing")):
        if count := length.get(kind, (0, 0))[0]:
            said.append(f"{count} {name}" if count == 1 else f"{count} {_PLURAL[name]}")
    out = ["references"] * ("reference" in length) + ["appendix"] * ("appendix" in length)
    why = ", ".join(said) + (f"; without {' and '.join(out)}" if out else "")
    return Minutes(max(1, round(words / WORDS_A_MINUTE + seconds / 60)), why)


_PLURAL = {"formula": "formulas", "figure or table": "figures and tables", "listing": "listings"}
