"""TeX's mathematical fonts: what their codes mean where a reader does not know the glyphs' names.

Knuth's encodings OML, OMS and OMX (The TeXbook, appendix F), as the Computer Modern fonts have them. Only codes that can't
be what they seem are translated: a font of big brackets and sums holds no letters.
"""

from __future__ import annotations

import re
from functools import lru_cache

_GREEK = "ΓΔΘΛΞΠΣΥΦΨΩαβγδϵζηθικλμνξπρστυφχψω"
_OML = {**dict(enumerate(_GREEK)), 0x40: "∂", 0x60: "ℓ"}
del _OML[0x20], _OML[0x21]  # a space and an exclamation mark are what they seem
_OMS = {
    **dict(enumerate("−·×∗÷⋄±∓⊕⊖⊗⊘⊙◯∘•≍≡⊆⊇≤≥≼≽∼≈⊂⊃≪≫≺≻")),
    **dict(enumerate("→↑↓↔↗↘≃⇐⇒⇑⇓⇔↖↙∝′∞∈∋△▽̸↦∀∃¬∅ℜℑ⊤⊥ℵ", 0x21)),
    **dict(zip(range(0x5E, 0x6C), "∧∨⊢⊣⌊⌋⌈⌉{}⟨⟩|∥", strict=True)),
    **dict(zip(range(0x6C, 0x7B), "↕⇕\\≀√⨿∇∫⊔⊓⊑⊒§†‡", strict=True)),
}
_OMX = {
    **dict(enumerate("()[]⌊⌋⌈⌉{}⟨⟩|∥/\\()()[]⌊⌋⌈⌉{}⟨⟩/\\")),
    **dict(zip(range(0x21, 0x28), ")[]⌊⌋⌈⌉", strict=True)),
    **dict(
        zip(range(0x30, 0x46), ["(", ")", "[", "]", *[""] * 4, "{", "}", *[""] * 6, "(", ")", *[""] * 4], strict=True)
    ),
    **dict(zip(range(0x46, 0x5B), "⊔⊔∮∮⊙⊙⊕⊕⊗⊗∑∏∫∪∩⊎∧∨∑∏∫", strict=True)),
    **dict(zip(range(0x5E, 0x68), "∧∨∐∐ˆˆˆ˜˜˜", strict=True)),
    **dict(zip(range(0x68, 0x78), "[]⌊⌋⌈⌉{}√√√√√  ∥", strict=True)),
}
_MSA = {0x4F: "▽"}


@lru_cache(maxsize=256)
def table_of(font: str) -> dict[int, str] | None:
    """What to translate in a font of this name, None for other fonts than TeX's own."""
    name = re.match(r"(?:[A-Z]{6}\+)?(CMMIB?|CMB?SY|CMEX|MSAM)\d", font)
    if name is None:
        return None
    table = {"CMMI": _OML, "CMMIB": _OML, "CMSY": _OMS, "CMBSY": _OMS, "CMEX": _OMX, "MSAM": _MSA}[name[1]]
    return {code: text.strip() for code, text in table.items()}
