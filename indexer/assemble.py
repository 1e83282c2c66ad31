"""What was brought, to documents: the best text there is for each, one document for each paper, and ids that stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexer import arxiv, merging
from indexer.bring import Work
from indexer.document import Block, Document, Entry, Extracted, Origin, Page, Warning
from indexer.extract.cleaning import clean
from indexer.library import Generation
from indexer.sources import Reading, titles


@dataclass(frozen=True)
class Line:
    """What became of one entry. `outcome`: "full text" (read in this run), "cached", "record", "digest" or "failed"."""

    id: str
    title: str
    outcome: str
    why: str = ""
    source: str = ""
    line: int | None = None


@dataclass(frozen=True)
class _Candidate:
    document: Document
    outcome: str
    why: str = ""


def assemble(
    works: Sequence[Work],
    reading: Reading,
    digests: Mapping[str, Extracted],
    current: Generation | None,
    apart: Collection[str] = (),
) -> tuple[list[Document], list[Line]]:
    """The documents of the library to be, in the order of the sources, and what became of each entry.

    Entries with the addresses `apart` stay documents of their own.
    """
    held = current.catalogue.summaries if current else ()
    kept = {
        address: s.id
        for s in held
        if s.text in ("full", "record")
        for address in s.entry.addresses
        if address == s.entry.address or address not in apart  # else it would be given the text of another
    }
    candidates = []
    for work in works:
        address = work.entry.address
        if address in reading.records:
            candidates.append(_from_record(work.entry, reading))
        elif work.text is None and current and address in kept:  # it can't be had now, but the library holds it
            before = current.catalogue.document(kept[address], later=True)
            assert before is not None
            newest = work.known.newest if work.known else before.newest
            outcome = "record" if before.text == "record" else "cached"
            why = work.failure.message if work.failure else ""
            candidates.append(_Candidate(replace(before, entry=work.entry, newest=newest, versions=()), outcome, why))
        else:
            candidates.append(_from_text(work, reading, digests))
    papers = [
        [candidates[index] for index in group]
        for group in merging.same_papers([candidate.document for candidate in candidates], apart)
    ]
    merged = [merging.merged([candidate.document for candidate in group]) for group in papers]
    documents = [_titled(document) for document in _with_ids(merged, current)]
    lines = []
    for document, group in zip(documents, papers, strict=True):
        for candidate in group:
            first = candidate.document.entry.mentions[0]
            lacks = document.text == "full" and candidate.outcome in ("digest", "failed")  # another has the text
            outcome = "cached" if lacks else candidate.outcome
            lines.append(Line(document.id, document.title, outcome, candidate.why, first.source, first.line))
    return documents, lines


def merges(documents: Iterable[Document], current: Generation | None) -> list[Warning]:
    """A warning for each entry that is merged with another from this run on because their titles are the same."""
    held = current.catalogue.summaries if current else ()
    before = {address: s.position for s in held for address in s.entry.addresses}
    found = []
    for document in documents:
        for version in document.versions:
            ours, theirs = before.get(document.entry.address), before.get(version.address)
            if version.why.startswith("the same title") and (ours is None or ours != theirs):
                name = version.address.removeprefix("file:")
                found.append(Warning("", None, "same-paper",
                                     f"{name} is taken for {document.id}, “{document.title}”: it has {version.why}."
                                     f" If it is not: `paperpath reindex --keep-apart '{name}'`."))  # fmt: skip
    return found


def replaced(documents: Iterable[Document], current: Generation | None) -> list[Warning]:
    """A warning for each local file that another paper was put into: its bytes and its title are others.

    A title that may name the same paper, or that is nothing but the file's name, says nothing of that.
    """
    found = []
    for document in documents:
        if current is None or not document.entry.address.startswith("file:"):
            continue
        before, file = current.catalogue.summary(document.id), Path(document.entry.address)
        if before is None or before.entry.address != document.entry.address:
            continue
        unchanged = document.origin.sha256 in ("", before.origin.sha256)
        unnamed = file.stem in (before.title, document.title)
        if not (unchanged or unnamed or titles.same_title(before.title, document.title)):
            found.append(Warning("", None, "replaced",
                                 f"{file.name} now holds “{document.title}”, was “{before.title}”: what was marked for it stays"
                                 f" with its id {document.id}. A paper of its own needs a file name of its own."))  # fmt: skip
    return found


def wrong_titles(works: Iterable[Work], digests: Mapping[str, Extracted]) -> list[Warning]:
    """A warning for each mention whose title is not the title of what its link leads to, as arXiv or a digest says it."""
    found = []
    for work in works:
        digest = digests.get(work.entry.address)
        true = work.known.title if work.known else digest.title if digest else ""
        for mention in work.entry.mentions:
            if true and mention.title and not titles.same_title(mention.title, true):
                found.append(Warning(mention.source, mention.line, "wrong-title",
                                     f"It is called “{mention.title}” here, but {work.entry.address.replace('arxiv:', 'arXiv:')}"
                                     f" is “{true}”."))  # fmt: skip
    return found


def _from_record(entry: Entry, reading: Reading) -> _Candidate:
    record = reading.records[entry.address]
    title, text = clean(record.title), clean(record.text).strip()
    identifier = arxiv.parse(record.own_id)
    document = Document(
        id=record.own_id, text="record" if text else "title", entry=entry, title=title or record.own_id,
        authors=record.authors, abstract=text, date=record.date, pages=(Page(text),) if text else (),
        blocks=(Block("abstract", 0, 0, len(text)),) if text else (),
        link=_link(f"arxiv:{identifier.id}", None) if identifier else "", arxiv_id=identifier.id if identifier else None,
        part_of=record.part_of, references=record.references,
    )  # fmt: skip
    return _Candidate(document, document.text)


def _from_text(work: Work, reading: Reading, digests: Mapping[str, Extracted]) -> _Candidate:
    entry, known, given = work.entry, work.known, reading.given.get(work.entry.address)
    digest = digests.get(entry.address)
    text, version, reason = work.text, work.version, work.failure.message if work.failure else ""
    kind = "full"
    outcome = "full text" if work.fresh else "cached"
    if text is None:
        text, kind, outcome = (digest, "digest", "digest") if digest else (Extracted(()), "title", "failed")
    identifier = arxiv.parse(entry.address.removeprefix("arxiv:")) if entry.address.startswith("arxiv:") else None
    arxiv_id = identifier.id if identifier else text.arxiv_id
    if arxiv_id is None and entry.address.startswith("file:"):
        named = arxiv.from_file_name(Path(entry.address).stem)
        arxiv_id, version = (named.id, named.version) if named else (None, None)
    elif arxiv_id and version is None:
        version = text.version
    document = Document(
        id="", text=kind, entry=entry,
        title=_title(entry, known.title if known else "", digest.title if digest else "", text.title),
        authors=(known.authors if known else ()) or text.authors or (digest.authors if digest else ())
        or (given.authors if given else ()),
        abstract=(known.abstract if known else "") or text.abstract,
        date=(known.published if known else "") or (digest.date if digest else "") or _month(arxiv_id) or text.date
        or (given.date if given else ""),
        pages=text.pages, sections=text.sections, blocks=text.blocks, references=text.references, missing=text.missing,
        arxiv_id=arxiv_id, version=version if kind == "full" else None,
        newest=known.newest if known else None, link=_link(entry.address, arxiv_id), reason=reason,
        origin=work.origin if kind == "full" else Origin(),
    )  # fmt: skip
    return _Candidate(document, outcome, reason or work.note)


def _title(entry: Entry, known: str, digest: str, own: str) -> str:
    """arXiv's title, else the digest's, else the text's own where the list doesn't contradict it, else the list's."""
    given = entry.title
    fallback = (
        Path(entry.address).stem if entry.address.startswith("file:") else entry.address.replace("arxiv:", "arXiv:")
    )
    if own and given and not titles.same_title(given, own):
        own = ""
    return clean(known or digest or own or given or fallback)


def _month(arxiv_id: str | None) -> str:
    """The month that an arXiv id tells, e.g. "2023-11"."""
    if not arxiv_id:
        return ""
    identifier = arxiv.ArxivId(arxiv_id)
    return f"{identifier.year}-{arxiv_id.rpartition('/')[2][2:4]}"


def _link(address: str, arxiv_id: str | None) -> str:
    """Where a person reads about a document: arXiv's abs page, the web page, the file."""
    if arxiv_id or address.startswith("arxiv:"):
        return f"https://arxiv.org/abs/{arxiv_id or address.removeprefix('arxiv:')}"
    if address.startswith("doi:"):
        return f"https://doi.org/{address.removeprefix('doi:')}"
    if address.startswith("file:"):
        return Path(address.removeprefix("file:")).as_uri()
    return address if address.startswith("http") else ""


def _with_ids(documents: Sequence[Document], current: Generation | None) -> list[Document]:
    """The documents with their ids: the one they have in `current`, else one that a person can type."""
    held = current.catalogue.summaries if current else ()
    ids: dict[int, str] = {}
    taken: set[str] = set()
    # Where one was parted into several, what led it keeps the id.
    for before in ({s.entry.address: s.id for s in held}, {address: s.id for s in held for address in s.entry.also}):
        for number, document in enumerate(documents):
            known = (before.get(address, "") for address in document.entry.addresses if number not in ids)
            if identifier := next((identifier for identifier in known if identifier and identifier not in taken), ""):
                ids[number] = identifier
                taken.add(identifier)
    named = []
    for number, document in enumerate(documents):
        if number not in ids:
            base = wish = _wish(document)
            copy = 1
            while wish in taken:
                copy += 1
                wish = f"{base}-{copy}"
            ids[number] = wish
            taken.add(wish)
        named.append(replace(document, id=ids[number]))
    return named


def _titled(document: Document) -> Document:
    """The document; one without any text has its title for a text, so that a search finds it by that."""
    if document.text != "title" or not document.title:
        return document
    return replace(document, pages=(Page(document.title),), blocks=(Block("front", 0, 0, len(document.title)),))


def _wish(document: Document) -> str:
    if document.id:  # a record keeps its own
        return document.id
    if document.arxiv_id:
        return document.arxiv_id
    if document.entry.address.startswith("file:"):
        return Path(document.entry.address).stem
    return titles.slug(document.title)
