"""Text to terms: what two texts must share to be found by their words. The writer and the answers take the same.

A word's term is its folded stem. Beside it stand, so that a name is found however it is written:
the letters and the digits of a word that has both (`GPT4`: gpt4, gpt, 4), a compound as one word (`low-rank`: low, rank,
lowrank), Greek letters by their names (`TGF-β`: tgf, beta, tgfbeta), and the pairs of neighbouring signs of Chinese,
Japanese and Korean, which need no spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from indexer.folding import plain

VERSION = "terms-3"

# Words of grammar, which tell no text from another.
_FUNCTION_WORDS = frozenset(
    """
    i me my myself we our ours ourselves you your yours yourself he him his himself she her hers herself it its itself
    they them their theirs themselves what which who whom this that these those am is are was were be been being have has
    had having do does did doing a an the and but if or because as until while of at by for with about against between
    into through during before after above below to from up down in out on off over under again further then once here
    there when where why how all any both each few more most other some such no nor not only own same so than too very s t
    can will just don should now could would may might must shall also however whether via per et al
    """.split()
)
_GREEK = str.maketrans(
    {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
        "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu",
        "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho", "σ": "sigma",
        "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    }
)  # fmt: skip
_SIGNS = "\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_COMPOUND = re.compile(r"[^\W_]+(?:[-\u2010\u2011\u00ad_./][^\W_]+)*")
_WORD = re.compile(rf"[{_SIGNS}]+|[^\W_{_SIGNS}]+")
_RUN = re.compile(r"\d+|[^\W\d_]+")
_ARE_SIGNS = re.compile(f"[{_SIGNS}]")
_MOST_RUNS = 4  # a word of more is a key or a checksum
_MOST_WORDS = 5  # likewise, an address
_LONGEST_KEPT = 60  # letters: a longer word is hardly met again


class Term(NamedTuple):
    """A term and where it stands: `text[start:end]` is its word, a part of it, or the compound."""

    term: str
    start: int
    end: int


def terms(text: str) -> list[str]:
    """The terms of a text in order, repeats included; the words of grammar have none. A word's own is its first."""
    return [place.term for compound in _COMPOUND.findall(text) for place in _places(compound)]


def located(text: str) -> list[Term]:
    """The same terms, each with its place. Places overlap: a compound's holds those of its words."""
    return [
        Term(term, match.start() + start, match.start() + end)
        for match in _COMPOUND.finditer(text)
        for term, start, end in _places(match.group())
    ]


def _places(compound: str) -> tuple[Term, ...]:
    return _kept(compound) if len(compound) <= _LONGEST_KEPT else _kept.__wrapped__(compound)


def is_all_terms(text: str) -> bool:
    """Whether no word of a text is one of grammar: key words, no sentence."""
    return not any(plain(word) in _FUNCTION_WORDS for word in _WORD.findall(text))


@lru_cache(maxsize=1 << 18)
def _kept(compound: str) -> tuple[Term, ...]:
    words = list(_WORD.finditer(compound))
    places = [place for word in words for place in _of_word(word.group(), word.start())]
    parted = re.split(r"[\W_]+", compound)
    if 1 < len(parted) <= _MOST_WORDS and (term := _term("".join(parted))) and not _ARE_SIGNS.search(compound):
        places.append(Term(term, 0, len(compound)))
    return tuple(places)


def _of_word(word: str, start: int) -> Iterator[Term]:
    if _ARE_SIGNS.match(word):
        for at in range(max(len(word) - 1, 1)):
            pair = word[at : at + 2]
            # Composed: without its marks a Japanese syllable is another.
            yield Term(unicodedata.normalize("NFKC", pair), start + at, start + at + len(pair))
        return
    if term := _term(word):
        yield Term(term, start, start + len(word))
        runs = list(_RUN.finditer(word))
        for run in runs if 1 < len(runs) <= _MOST_RUNS else ():
            if term := _term(run.group()):
                yield Term(term, start + run.start(), start + run.end())


def _term(word: str) -> str:
    folded = plain(word)
    return "" if folded in _FUNCTION_WORDS else _stem(folded.translate(_GREEK))


def _stem(word: str) -> str:
    return _stemmer().stemWord(word)


@lru_cache(maxsize=1)
def _stemmer():
    import Stemmer

    return Stemmer.Stemmer("english")
