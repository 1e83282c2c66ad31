"""What is there and what is missing, said plainly, with the next step."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from indexer import embed
from indexer.embed import Described
from indexer.errors import ModelMismatch, NoLibrary, PaperpathError
from indexer.library.cache import Cache
from indexer.settings import DEFAULT_LIST, Settings, unknown
from service import terminal
from service.opened import Opened


@dataclass(frozen=True)
class Item:
    """One thing that was looked at. `ok` is None where nothing is broken, and something could be better."""

    what: str
    ok: bool | None
    found: str


@dataclass(frozen=True)
class Diagnosis:
    """All that was looked at, and what to do next."""

    items: tuple[Item, ...]
    next_step: str


def examine(settings: Settings) -> Diagnosis:
    """Looks at the model, the engine, the library and the settings that touch the network.

    Makes no request, but that a model set by its hub name is fetched where it is not held.
    """
    items = [_model(settings), _engine(settings)]
    library, next_step = _library(settings)
    items += [library, *_network(settings), *doubtful(settings)]
    broken = next((item for item in items[:2] if item.ok is False), None)
    return Diagnosis(tuple(items), _mended(settings) if broken else next_step)


def _mended(settings: Settings) -> str:
    """What to do where there is no model, or not what runs it."""
    try:
        embed.describe(settings)
    except PaperpathError as error:
        return error.cure
    return "`make install`"


def _model(settings: Settings) -> Item:
    try:
        described = embed.describe(settings)
    except PaperpathError as error:
        return Item("model", False, f"{error.message} {error.cure}")
    where = "built in" if described.folder is None else f"files checked in {described.folder}"
    return Item("model", True, f"{described.name} ({described.fingerprint}), {where}; no network needed")


def _engine(settings: Settings) -> Item:
    try:
        found = ", ".join(
            f"{name} {version(name)}" for name in ("torch", "sentence-transformers", "faiss-cpu", "pypdf")
        )
    except PackageNotFoundError as error:
        return Item("engine", False, f"{error.name} is not installed")
    try:
        described = embed.describe(settings)
    except PaperpathError:
        return Item("engine", True, f"{found}, on the CPU")  # the model's own item says what is wrong
    return Item("engine", True, f"{_encoder(described)}. Also {found}, on the CPU")


def _encoder(described: Described) -> str:
    """What runs the model, and the measurements that chose it."""
    if described.folder is None:
        return "the toy model runs in plain Python"
    choice = embed.chosen(described)
    if choice is None:
        return "the first search or reindex exports the model and measures what runs it fastest: half a minute, once"
    runs = f"{choice.engine} runs the model in {choice.precision}: {choice.why}"
    if choice.speeds:
        speeds = sorted(choice.speeds.items(), key=lambda speed: -speed[1])
        runs += " (" + ", ".join(f"{name} {speed:.0f}" for name, speed in speeds) + " passages/s measured with"
        runs += f" {choice.threads} threads; a short query alone {min((choice.query_ms or {'': 0.0}).values()):.1f} ms"
        runs += f"; lowest cosine to float32 {choice.agreement:.5f})" if choice.agreement is not None else ")"
    return runs


def _library(settings: Settings) -> tuple[Item, str]:
    opened = Opened(settings)
    try:
        generation = opened.now()
    except NoLibrary as error:
        return Item("library", False, error.message), _to_begin()
    except ModelMismatch as error:
        return Item("library", False, error.message), error.cure
    except PaperpathError as error:
        return Item("library", False, f"{error.message} {error.cure}"), error.cure
    kinds: dict[str, int] = {}
    for summary in generation.catalogue.summaries:
        kinds[summary.text] = kinds.get(summary.text, 0) + 1
    held = ", ".join(f"{number} {terminal.TEXTS.get(kind, kind)}" for kind, number in kinds.items())
    found = f"generation {generation.name} in {settings.library}: {terminal.counted(generation.manifest.documents, 'document')}"
    found += f" ({held}); {terminal.counted(generation.manifest.passages, 'passage')}"
    if opened.trouble is not None:
        return Item("library", False, f"{found}. But: {opened.trouble.message}"), opened.trouble.cure
    if set(kinds) - {"full", "record"}:
        return Item("library", True, found), "`paperpath reindex` where arXiv can be reached brings the missing texts."
    return Item("library", True, found), '`paperpath search "…"`, or `paperpath serve`.'


def _to_begin() -> str:
    if Path(DEFAULT_LIST).is_file():
        return f"`paperpath reindex` builds the library from {DEFAULT_LIST}."
    return "`paperpath reindex LIST` builds the library from a list of yours."


def _network(settings: Settings) -> list[Item]:
    asked = f"a reindex asks {settings.arxiv_api_url.host} and {settings.arxiv_url.host}, one request in" \
            f" {settings.arxiv_seconds:g} s; searching asks nobody"  # fmt: skip
    contact = settings.contact or "not given: set PAPERPATH_CONTACT so that a server's operator can write to you"
    failed = _failed_last(settings)
    network = Item("network", None, f"what was asked for last did not come: {failed} {asked}") if failed else None
    return [network or Item("network", True, asked), Item("contact", True if settings.contact else None, contact)]


def doubtful(settings: Settings) -> list[Item]:
    """What is set and can't be meant so, each with what to do."""
    return [*_unknown(), *_set_twice(settings), *_open_tokens(settings)]


def _unknown() -> list[Item]:
    """What looks like a setting and is none."""
    return [
        Item("setting", None, f"{terminal.plain(name)} is no setting, and is not looked at"
                              + (f": {like} is meant?" if like else ". README's table has all."))
        for name, like in unknown().items()
    ]  # fmt: skip


def _set_twice(settings: Settings) -> list[Item]:
    """The files with tokens that are not looked at, since the token itself is set."""
    given = (("PAPERPATH_TOKEN", settings.token, settings.token_file),
             ("PAPERPATH_READ_TOKEN", settings.read_token, settings.read_token_file))  # fmt: skip
    return [Item("token", None, f"{name} is set, and so {file} (of {name}_FILE) is not looked at: unset one of them")
            for name, token, file in given if token is not None and file is not None]  # fmt: skip


def _open_tokens(settings: Settings) -> list[Item]:
    """The files with tokens that every user of this machine may read, each with what to do."""
    if os.name != "posix":  # elsewhere a file's mode doesn't tell
        return []
    found = []
    for file in filter(None, (settings.token_file, settings.read_token_file)):
        with contextlib.suppress(OSError):  # `serve` refuses one that it can't read
            if file.stat().st_mode & stat.S_IROTH:
                found.append(Item("token", None, f"every user of this machine may read {file}:"
                                                 f" `chmod 600 {shlex.quote(str(file))}`"))  # fmt: skip
    return found


def _failed_last(settings: Settings) -> str:
    """Why what was asked for last did not come, "" where it did, or nothing was asked for."""
    folder = settings.library / "cache"
    with contextlib.suppress(PaperpathError, OSError):
        if (folder / "cache.sqlite").exists():
            with Cache(folder) as cache:
                last = max(cache.downloads(), key=lambda row: (row.time, row.address), default=None)
            return last.reason if last and last.outcome == "failed" else ""
    return ""
