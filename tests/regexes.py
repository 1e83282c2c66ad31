"""Every regular expression of the two packages, found in their source, and how its cost grows on text made against it."""

from __future__ import annotations

import ast
import importlib
import itertools
import json
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ("indexer", "service")
_CALLS = ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
_METHODS = frozenset(_CALLS[1:])
_ANYWHERE = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})  # these try every place of a text


@dataclass
class Use:
    """A pattern, where it stands, and what is asked of it."""

    module: str
    line: int
    pattern: str
    flags: int
    methods: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"{self.module}: {self.pattern}"


def uses() -> tuple[list[Use], list[str]]:
    """Each pattern of the packages once for each module, and the calls whose pattern is only made at run time."""
    found: dict[tuple[str, str, int], Use] = {}
    made_later: list[str] = []
    trees = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if not name.endswith("__main__"):
                trees[name] = ast.parse(path.read_text("utf-8"))
    asked = _asked(trees)
    for name, tree in trees.items():
        module = importlib.import_module(name)

        def add(pattern: re.Pattern[Any], line: int, methods: set[str], name: str = name) -> None:
            text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
            use = found.setdefault((name, text, pattern.flags), Use(name, line, text, pattern.flags))
            use.methods |= methods

        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            function = call.func
            if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)):
                continue
            if function.value.id != "re" or function.attr not in _CALLS:
                continue
            try:
                pattern = _evaluated(call, function.attr, vars(module))
            except Exception:
                made_later.append(f"{name}: {ast.unparse(call.args[0])}")
                continue
            if function.attr != "compile":
                add(pattern, call.lineno, {function.attr})
            elif not any(pattern is each for _, each in _held(vars(module))):
                add(pattern, call.lineno, set(_METHODS))
        for held, pattern in _held(vars(module)):
            add(pattern, 0, asked.get((name, held), set()) | asked.get(("", held), set()))
    return list(found.values()), sorted(set(made_later))


def _evaluated(call: ast.Call, function: str, names: dict[str, Any]) -> re.Pattern[Any]:
    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(names))

    place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(function, 2)
    flags = [each.value for each in call.keywords if each.arg == "flags"] or call.args[place : place + 1]
    return re.compile(value(call.args[0]), value(flags[0]) if flags else 0)


def _held(names: dict[str, Any]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns among a module's names, those in tuples, lists and dicts too."""

    def inside(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
        if isinstance(value, re.Pattern):
            yield value
        elif depth < 3 and isinstance(value, dict):
            for each in (*value, *value.values()):
                yield from inside(each, depth + 1)
        elif depth < 3 and isinstance(value, (tuple, list, set, frozenset)):
            for each in value:
                yield from inside(each, depth + 1)

    for name, value in names.items():
        if not name.startswith("__"):
            for pattern in inside(value):
                yield name, pattern


def _asked(trees: dict[str, ast.Module]) -> dict[tuple[str, str], set[str]]:
    """The methods called on each name of each module; all of them where the name goes anywhere else.

    A name that a loop goes over has what is called on the loop's own name. A public name's are looked for everywhere.
    """
    asked: dict[tuple[str, str], set[str]] = {}
    for module, tree in trees.items():
        own: dict[str, set[str]] = {}
        spoken_for: set[int] = set()
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Attribute):
                held = node.value.value if isinstance(node.value, ast.Subscript) else node.value
                if isinstance(held, ast.Name):
                    spoken_for.add(id(held))
                    own.setdefault(held.id, set()).update({node.attr} & _METHODS)
        for node in nodes:
            if isinstance(node, (ast.For, ast.comprehension)):
                through = {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
                over = [each for each in ast.walk(node.iter) if isinstance(each, ast.Name)]
                for each in over:
                    spoken_for.add(id(each))
                    own.setdefault(each.id, set()).update(*(own.get(name, set()) for name in through))
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in spoken_for:
                own.setdefault(node.id, set()).update(_METHODS)
        for name, methods in own.items():
            asked.setdefault((module, name), set()).update(methods)
            if not name.startswith("_"):
                asked.setdefault(("", name), set()).update(methods)
    return asked


# Texts made against a pattern


def texts(pattern: str, flags: int) -> Iterator[tuple[str, str, str]]:
    """(before, pumped, after): what leads to each repeat of a pattern, what it repeats, and what lets it fail."""
    tree = parser.parse(pattern, flags & ~re.DEBUG)
    pumps: dict[tuple[str, str], None] = {}
    for before, repeated in _repeats(list(tree), flags):
        for pump in repeated:
            if pump:
                pumps.setdefault((before, pump))
    letters = list(dict.fromkeys(pump[:1] for _, pump in pumps))
    starts = list(dict.fromkeys(before for before, _ in pumps))
    for before, pump in list(pumps):
        if before:
            pumps.setdefault(("", before + pump))  # the way to it, over and over
            pumps.setdefault(("", pump + before))
    whole = _samples(list(tree), flags)
    for each in whole:
        if each:
            pumps.setdefault(("", each))
            pumps.setdefault(("", each[:-1] or each))
    for a, b in itertools.islice(itertools.permutations(letters, 2), 40):
        pumps.setdefault(("", a + b))
    for start in starts[:4]:
        for letter in (" ", "a", "1", ".", "\n", ","):
            pumps.setdefault((start, letter))
    for before, pump in pumps:
        yield before, pump, "\x00"
        yield "a" + before, pump, "a\x00"
    for before, pump in pumps:
        yield before, pump, "\n!"


def _repeats(nodes: Sequence[Any], flags: int, before: str = "") -> Iterator[tuple[str, list[str]]]:
    """For every repeat without a small limit: a text that leads to it, and texts that it repeats."""
    for position, (code, value) in enumerate(nodes):
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            _, most, inner = value
            if most > 20:
                repeated = _samples(list(inner), flags)
                after = _samples(nodes[position + 1 :], flags)[:3]
                then = dict.fromkeys([each[:1] for each in after] + after)
                yield (
                    before,
                    [*repeated[:2], *(each + more for each in repeated[:3] for more in then if more), *repeated[2:]],
                )
            yield from _repeats(list(inner), flags, before)
        elif code == codes.SUBPATTERN:
            yield from _repeats(list(value[-1]), flags, before)
        elif code == codes.ATOMIC_GROUP:
            yield from _repeats(list(value), flags, before)
        elif code == codes.BRANCH:
            for branch in value[1]:
                yield from _repeats(list(branch), flags, before)
        elif code in (codes.ASSERT, codes.ASSERT_NOT):
            yield from _repeats(list(value[1]), flags, before)
        own = _samples([(code, value)], flags)
        before += own[0] if own else ""


def _samples(nodes: Sequence[Any], flags: int, depth: int = 0) -> list[str]:
    """Some short texts that a part of a pattern matches."""
    found = [""]
    for code, value in nodes:
        some = _of_one(code, value, flags, depth)
        found = [a + b for a, b in itertools.islice(itertools.product(found, some), 8)] if some else found
    return list(dict.fromkeys(found))[:8]


def _of_one(code: Any, value: Any, flags: int, depth: int) -> list[str]:
    if code == codes.LITERAL:
        return [chr(value)]
    if code in (codes.NOT_LITERAL, codes.ANY, codes.IN):
        return _letters(code, value, flags)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        least, _, inner = value
        once = _samples(list(inner), flags, depth + 1)
        return [each * least for each in once] if least else ["", *once[:2]]
    if code == codes.SUBPATTERN:
        return _samples(list(value[-1]), flags, depth + 1)
    if code == codes.ATOMIC_GROUP:
        return _samples(list(value), flags, depth + 1)
    if code == codes.BRANCH:
        return [_samples(list(branch), flags, depth + 1)[0] for branch in value[1]][:8]
    return []


_SOME = (
    " a1.A,-_\n\t({[\"'/:;%@#&*+=?!<>\\|~$^`\u00e9\u4e2d\u2013\u201c"
    + "bcdefghijklmnopqrstuvwxyzBCDEXYZ023456789)]}\r\x00"
)


def _letters(code: Any, value: Any, flags: int) -> list[str]:
    """Some characters of a set."""
    state = parser.State()
    state.flags = flags
    part = parser.SubPattern(state, [(code, value)])
    one = re._compiler.compile(part, flags & ~re.VERBOSE)  # type: ignore[attr-defined]
    found = [c for c in _SOME if one.fullmatch(c)]
    return found[:5] or [c for c in map(chr, range(0x20, 0x3000)) if one.fullmatch(c)][:1]


# The cost


LIMIT = 0.1  # seconds of the processor for a match: what is ended there took long enough
WORSE = 10  # between linear and quadratic
SHORT, SURE = 4000, 0.002  # what takes less than so many seconds for so many characters is not looked at again


def growth(use: Use, most: int) -> tuple[float, float, str, tuple[str, str, str]]:
    """The worst of a pattern: by how much its time grows from a text to one four times as long, the time of the
    longer one in seconds, the method, and what the text is made of. (4, 16, 64: linear, quadratic, cubic.)

    Of the texts made against it at most so many are tried, spread over all of them.
    """
    pattern = re.compile(use.pattern.encode("latin-1") if _of_bytes(use) else use.pattern, use.flags)
    methods = {"finditer"} if use.methods & (_ANYWHERE - {"search"}) else use.methods & {"search"}
    methods |= use.methods & {"match", "fullmatch"}
    worst: tuple[float, float, str, tuple[str, str, str]] = (0.0, 0.0, "", ("", "", ""))
    made_against = list(texts(use.pattern, use.flags))
    if len(made_against) > most:
        made_against = [*made_against[: most // 2], *made_against[most // 2 :: 2 * len(made_against) // most]]
    for made in made_against:
        for method in sorted(methods):
            # An exponential one never ends at full length: it shows at a few dozen characters.
            for length in (30, 120, 500, SHORT):
                spent = _time(pattern, method, _text(made, length))
                if spent > 10 * SURE:
                    break
            if spent < SURE:
                continue
            ratio, spent = _ratio(pattern, method, made, length)
            if ratio > WORSE:  # again: another process may have been in the way
                ratio, spent = min((ratio, spent), *(_ratio(pattern, method, made, length) for _ in range(2)))
            if ratio > worst[0]:
                worst = (ratio, spent, method, made)
                if ratio > WORSE:
                    return worst
    return worst


def _ratio(pattern: re.Pattern[Any], method: str, made: tuple[str, str, str], length: int) -> tuple[float, float]:
    while length > 60 and _time(pattern, method, _text(made, length)) >= LIMIT:
        length //= 2  # what is ended there tells no growth
    shorter = min(_time(pattern, method, _text(made, length // 4)) for _ in range(7))
    longer = min(_time(pattern, method, _text(made, length)) for _ in range(3))
    return (longer / max(shorter, 2e-6) if longer >= SURE else 0.0), longer


def _of_bytes(use: Use) -> bool:
    return not use.flags & re.UNICODE


def _text(made: tuple[str, str, str], length: int) -> str:
    before, pump, after = made
    return before + pump * (length // len(pump)) + after


class _TooLong(Exception):
    pass


def _time(pattern: re.Pattern[Any], method: str, text: Any) -> float:
    if isinstance(pattern.pattern, bytes):
        text = text.encode("latin-1", "replace")
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
        started = time.thread_time()  # the processor's, as the limit is: other processes take none of it
        try:
            if method == "finditer":
                for _ in pattern.finditer(text):
                    pass
            else:
                getattr(pattern, method)(text)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return time.thread_time() - started
    except _TooLong:  # it may come as late as that
        return LIMIT


@contextmanager
def time_limits() -> Iterator[None]:
    """Inside, no match takes longer than `LIMIT`."""

    def stop(*_: object) -> None:
        raise _TooLong

    signal.signal(signal.SIGVTALRM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGVTALRM, signal.SIG_IGN)  # one that is under way must not end the process


def growth_within_limits(use: Use, most: int) -> tuple[float, float, str, tuple[str, str, str]]:
    """As `growth`, where no match takes longer than `LIMIT`. In the main thread of a process."""
    with time_limits():
        return growth(use, most)


def main(most: int) -> None:
    """Measures every pattern on up to `most` texts, and writes as JSON those that grow faster than their text."""
    found, later = uses()
    with time_limits():
        measured = [(use, *growth(use, most)) for use in found]
    bad = [
        {
            "name": use.name,
            "line": use.line,
            "ratio": round(ratio, 1),
            "seconds": round(spent, 4),
            "method": method,
            "made": made,
        }
        for use, ratio, spent, method, made in measured
        if ratio > WORSE
    ]
    print(json.dumps({"names": [use.name for use in found], "later": later, "bad": bad}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
