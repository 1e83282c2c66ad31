"""What a citation is for: the paper builds on the cited one, uses it, compares itself with it, or just mentions it.

Read off the sentences that mention it, as Teufel et al. do it ("Automatic classification of citation function" (2006):
cue phrases of an agent and an action, where the agent is the citing paper itself) with the classes that Jurgens et al.
("Measuring the Evolution of a Scientific Field through Citation Frames" (2018)) draw from them: extends, uses, compares or
contrasts, and background, which is "mentions". Their features that are kept: the verb, its subject, where the mark stands
towards it, the section, and the table row. What the text doesn't say is not guessed: most citations are mentions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Role = Literal["builds on", "uses", "compares with", "mentions"]
ROLES: tuple[Role, ...] = ("builds on", "uses", "compares with", "mentions")
"""The roles, those that say most first."""

Part = Literal["own", "front", "related", "other"]
"""What a section is about, by its heading: the paper's own work, its opening, other people's work, or unknown."""


class Said(NamedTuple):
    """One mention: the sentence, the mark as it stands in it (`[12]`, `Douillard et al., 2023`), the section's heading."""

    sentence: str
    mark: str
    heading: str | None


_PARTS: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("related", re.compile(r"related|previous|prior|background|preliminar|literature|state of the art|survey", re.I)),
    ("front", re.compile(r"abstract|introduction|motivation|overview|problem", re.I)),
    ("own", re.compile(
        r"method|approach|model|architect|algorithm|design|implement|experiment|evaluat|result|set-?up|setting|train|optimi"
        r"|data|ablation|analys|perform|detail|hyper-?param|system|builds on|baseline|comparison|appendix", re.I)),
)  # fmt: skip
_OTHER = "@o"
_BRACKETS = re.compile(r"\[[\d,;\s–—-]{1,80}\]|[(\[][^()\[\]]{0,200}\b(?:1[89]|20)\d\d[a-z]?\b[^()\[\]]{0,60}[)\]]")
_NAMED = re.compile(r"(?:[A-Z][\w’'-]+,? (?:et al\.?,?|and [A-Z][\w’'-]+)) ?(?=@o)")
_CLAUSE = re.compile(
    r"[;:]\s|,?\s(?:whereas|while|although|though|however|but)\s"
    r"|,\s(?:which|where|who|as|and (?=it|they|this|these|we|our|cites?))\b"
)
_WE = (
    r"\b(?:we|our|ours|us|i|my|this (?:paper|work|study|article|survey|report|thesis|post|section|method|digest)"
    r"|the present (?:paper|work|study)|the proposed|ours?elves)\b"
)
# Words of other people's doings: what follows them is not the paper's own.
_THEY = (
    r"\b(?:they|their|he|she|his|her|authors?|others|researchers|prior work|previous works?|recent works?|existing"
    r"|followed by)\b"
)
_BUILDS = (
    r"\b(?:buil[dt]s?(?:ing)? (?:directly )?(?:up)?on(?: top of)?|leans? (?:up)?on|extend(?:s|ed|ing)?|extensions? (?:of|to)"
    r"|generali[sz](?:e|es|ed|ing)|generali[sz]ations? of|improv(?:e|es|ed|ing) (?:up)?on|adapt(?:s|ed|ing)?|adapt(?:at)?ions? of"
    r"|modif(?:y|ies|ied|ying)|modifications? (?:of|to|we made to)|simplif(?:y|ies|ied|ying)|(?:based|bases?) (?:up)?on"
    r"|start(?:s|ed|ing)? (?:off )?(?:from|with)|inspired by|motivated by|deriv(?:e|es|ed) from|variants? of|variations? of"
    r"|(?:re-?)parametri[sz]ations? of|combin(?:e|es|ed|ing)|in the spirit of|inherits?|borrow(?:s|ed)?|revisit(?:s|ed)?"
    r"|take (?:as )?(?:a )?starting point|instan(?:ce|tiation)s? of|scal(?:e|es|ing) up)\b"
)
_USES = (
    r"\b(?:us(?:e|es|ed|ing)|adopt(?:s|ed|ing)?|employ(?:s|ed|ing)?|utili[sz](?:e|es|ed|ing)|appl(?:y|ies|ied|ying)"
    r"|leverag(?:e|es|ed|ing)|rel(?:y|ies|ied|ying) (?:up)?on|train(?:s|ed)?|fine-?tun(?:e|es|ed)|pre-?train(?:s|ed)?"
    r"|implement(?:s|ed|ing)?|initiali[sz](?:e|es|ed|ing)|follow(?:s|ed|ing)?|optimi[sz](?:e|es|ed|ing) (?:with|by|using)"
    r"|run|tak(?:e|es|en) from|obtained (?:with|from|by)|perform(?:ed|s)? (?:with|using|on)|evaluat(?:e|es|ed) on|tested? on"
    r"|focus(?:es|ed|ing)? on|benefits? from|same [\w ,-]{0,60}?\bas|as (?:done |described |proposed |suggested )?(?:in|by)"
    r"|accord(?:ing|ance) (?:to|with)|per)\b"
)
_COMPARES = (
    r"\b(?:compar(?:e|es|ed|ing|isons?|able)|contrast(?:s|ed|ing)?|outperform(?:s|ed|ing)?|surpass(?:es|ed|ing)?|exceed(?:s|ed)?"
    r"|baselines?|versus|vs|than|beat(?:s|en)?|unlike|differ(?:s|ed|ent|ently)? from|on par with|competitive with|similar to"
    r"|(?:the |is |are )same as|identical to|equivalent to|analogous to|as opposed to|instead of|match(?:es|ed|ing)?"
    r"|speed-?ups? over|over)\b"
)
_NEUTRAL = re.compile(
    r"\b(?:we|readers?) (?:also )?(?:refer|note that|see|point)\b|\brefer(?:red)? (?:the )?readers?\b|\bsee (?:also|e\.?g)\b",
    re.I,
)
_PASSIVE = re.compile(r"\b(?:is|are|was|were|been|be) (?:\w+ly )?\w+(?:ed|en|un|lt)\b")
_NEAR = 140  # characters between a cue and the mark
_CLOSE = 60
_WINDOW: dict[Role, re.Pattern[str]] = {
    "builds on": re.compile(_BUILDS, re.I), "uses": re.compile(_USES, re.I), "compares with": re.compile(_COMPARES, re.I)
}  # fmt: skip
_CITES = re.compile(r"\b(?:cites?|mentions?|names?|lists?|refers? to)\b", re.I)  # what a digest says of a bare mention
_MEASURED = re.compile(r"\b(?:outperform|baseline|faster|slower|better|worse|speed-?up|higher|lower)", re.I)
_INSPIRED = re.compile(r"(?:inspired|motivated) by", re.I)
_RELATIVE = re.compile(r"\b(?:that|which|who)\s+(?:[\w’'-]+\s+){0,4}$", re.I)
_AS_IN = re.compile(r"\b(?:following|per|as (?:done |described |proposed )?(?:in|by))\W*$", re.I)
_OWN = re.compile(_WE, re.I)
_FOREIGN = re.compile(_THEY, re.I)
_NUMBER = re.compile(r"(?<![\w@])[-+±×~]?\d[\d.,%×]*\b")
_SURVEY = re.compile(
    r"\b(?:survey|review|overview|primer|tutorial|handbook|introduction to|open problems|challenges)\b", re.I
)


def role_of(mentions: Sequence[Said], title: str = "", *, about: bool = False) -> Role:
    """The role of a citation from all places that mention it; `title` is the citing paper's.

    `about` says that the text speaks of the paper as another does: of a digest it is "it" that builds on.
    """
    names = own_names(title)
    survey = bool(_SURVEY.search(title))
    votes = Counter(said_role(said, names, survey=survey, about=about) for said in mentions)
    if votes["builds on"]:
        return "builds on"
    if not (votes["uses"] or votes["compares with"]):
        return "mentions"
    return "uses" if votes["uses"] >= votes["compares with"] else "compares with"


def by_role(mentions: Sequence[Said], role: Role, title: str = "", *, about: bool = False) -> list[int]:
    """The mentions by number, those first that speak of this role; else as they stand. The rest as for `role_of`."""
    names, survey = own_names(title), bool(_SURVEY.search(title))
    said = [said_role(each, names, survey=survey, about=about) for each in mentions]
    return sorted(range(len(mentions)), key=lambda number: (said[number] != role, number))


def said_role(said: Said, names: Iterable[str] = (), *, survey: bool = False, about: bool = False) -> Role:
    """The role that one mention speaks of; `names` are what the citing paper calls its own work, in its title's case."""
    before, after = _around(said.sentence, said.mark)
    part = part_of(said.heading)
    if about and said.heading and re.search(r"\bbuilds? on\b", said.heading, re.I) and not before.strip(" -–•*"):
        return "mentions" if survey else "builds on"
    if _NEUTRAL.search(before):
        return "mentions"
    if _is_row(before + after):
        return "compares with" if part != "related" and not survey else "mentions"
    own = _is_own(before, names)
    own_after = bool(re.match(rf"[^.]{{0,30}}?{_WE}", after, re.I))
    foreign = bool(_FOREIGN.search(before)) and not own
    quiet = part in ("own", "other") and not survey and not foreign  # a passive there is the paper's own doing
    if about:
        own = own or not foreign
    cues: list[tuple[int, re.Match[str], Role]] = []
    for role, pattern in _WINDOW.items():
        cues += [(m.end(), m, role) for m in pattern.finditer(before)]
    if about:
        cues += [(m.end(), m, "mentions") for m in _CITES.finditer(before)]
    for end, cue, role in sorted(cues, key=lambda c: (c[0], c[2] == "builds on"), reverse=True):
        distance = len(before) - end
        if distance > _NEAR:
            break
        subject = before[: cue.start()]
        mine = _is_own(subject, names) or bool(_OWN.search(before[end:])) or (about and own)
        if mine and _OTHER in subject[-40:] and not _OWN.search(subject[-40:]):  # "… by Roe et al., who use"
            mine = role == "compares with"
        leads = not subject.strip(" ,(") and (own_after or quiet)  # "Following Roe et al., we …"
        passive = role == "uses" and distance <= _CLOSE and bool(_PASSIVE.search(before[max(0, cue.start() - 12) :]))
        passive = passive and not _RELATIVE.search(subject)  # what is told of a thing is nobody's doing here
        if role == "builds on" and _INSPIRED.fullmatch(cue[0]) and mine and _WINDOW["uses"].search(subject):
            return "uses"  # "We use a kernel inspired by …": the kernel is, not the paper
        measured = role == "compares with" and bool(_MEASURED.search(before))
        if mine or leads or (quiet and (passive or measured)):
            return role
        if role == "uses" and quiet and distance <= 3 and _AS_IN.search(before):
            return role
    if re.match(r"[^.]{0,40}\bwhich we (?:extend|build|generali[sz]e|modify|adapt)", after, re.I):
        return "builds on"
    if re.match(r"[^.]{0,40}\b(?:which we (?:use|adopt|employ)|is used (?:here|as|in our))", after, re.I):
        return "uses"
    return "mentions"


def part_of(heading: str | None) -> Part:
    """What a section is about, by its heading."""
    return next((part for part, pattern in _PARTS if heading and pattern.search(heading)), "other")


def own_names(title: str) -> tuple[str, ...]:
    """What a paper calls its own work, as its title has it: `DiLoCo: …`, `Mixtral of Experts`, `… Switch Transformers …`."""
    name, colon, _ = title.partition(":")
    found = [name.strip()] if colon and len(name.split()) <= 3 else []
    if not title.isupper():
        found += [word for word in re.findall(r"[\w-]+", title) if re.search(r"\w[A-Z]|\d", word) and len(word) > 2]
        first = title.split()[0] if title.split() else ""
        if re.match(r"\S+ of \S+$", title) and first not in found:
            found.append(first)
    return tuple(dict.fromkeys(found))


def _is_own(subject: str, names: Iterable[str]) -> bool:
    """Whether the paper speaks of itself in these words."""
    return bool(_OWN.search(subject)) or any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", subject) for name in names)


def _around(sentence: str, mark: str) -> tuple[str, str]:
    """The clause around a mark: what stands before it and after it, other marks masked."""
    mark = " ".join(mark.split())
    at = sentence.find(mark) if mark else -1
    if at < 0:
        return _masked(sentence), ""
    left, right = sentence[:at], sentence[at + len(mark) :]
    # The bracket that the mark stands in is a part of it: (Roe et al., 2019; Doe et al., 2020).
    opened = max(left.rfind("("), left.rfind("["))
    if opened > max(left.rfind(")"), left.rfind("]")) and re.search(r"\d{4}|e\.g|see", left[opened:] + mark):
        closing = re.search(r"[)\]]", right)
        left, right = left[:opened], right[closing.end() :] if closing else ""
    left, right = _masked(left), _masked(right)
    starts = [m.end() for m in _CLAUSE.finditer(left)]
    ends = [m.start() for m in _CLAUSE.finditer(right)]
    clause = left[starts[-1] :] if starts else left
    if len(clause.split()) < 4 and not _OWN.search(clause):  # a clause of a few words leans on the one before
        clause = left[starts[-2] :] if len(starts) > 1 else left
    return clause, right[: ends[0]] if ends else right


def _masked(text: str) -> str:
    return _NAMED.sub("", _BRACKETS.sub(_OTHER, text))


def _is_row(text: str) -> bool:
    """Whether a text is a table's row: a name and figures."""
    numbers = len(_NUMBER.findall(text))
    return numbers >= 3 and numbers * 3 >= len(text.split())
