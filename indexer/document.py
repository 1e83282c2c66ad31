"""The words of the project as data: entry, document, passage. Nothing here reads or writes a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

BlockKind = Literal[
    "front",
    "abstract",
    "heading",
    "body",
    "caption",
    "figure",
    "table",
    "formula",
    "code",
    "footnote",
    "reference",
    "appendix",
]
"""What a stretch of a page is. `front` is the title, the authors and what stands around them, `figure` words drawn inside
a picture, `appendix` the prose after the appendix begins."""

EMBEDDED: tuple[BlockKind, ...] = ("body", "abstract", "caption", "appendix", "footnote")
"""The kinds whose passages get a vector: prose. A table or a reference has no sentence to read; its words find it."""

PASSAGE_KINDS: tuple[BlockKind, ...] = tuple(kind for kind in get_args(BlockKind) if kind not in ("front", "heading"))
"""The kinds that there are passages of."""

TextKind = Literal["full", "digest", "record", "title"]
"""What a document's text is: the paper's own, our digest of it, a record's abstract, or nothing but a title."""


@dataclass(frozen=True)
class Mention:
    """One place where a source names an entry. `line` counts from 1; `title` is "" where none was given.

    `section` is the path of headings it stands under, `checked` the state of its check box (None: no box), `version` the
    arXiv version asked for here. `by_hand` is the state of its box in the order that paperpath wrote, None where nobody
    changed that since; `by_hand_since` is when its mark was made that the order was written by, "" for none.
    """

    source: str
    line: int | None = None
    title: str = ""
    section: tuple[str, ...] = ()
    note: str = ""
    checked: bool | None = None
    version: int | None = None
    by_hand: bool | None = None
    by_hand_since: str = ""


@dataclass(frozen=True)
class Link:
    """A link that stands on an entry beside the paper's own: code, a blog, slides."""

    url: str
    label: str = ""


@dataclass(frozen=True)
class Entry:
    """Something that a source lists, with every place where it does.

    `address` says where its bytes are, in one spelling: `arxiv:2311.08105`, `https://…`, `doi:10.…`,
    `file:/…`, `record:/…#id`, or `title:some-slug` where no link is given.
    `version` is the arXiv version asked for; None means the newest. `also` has the addresses of other entries that
    turned out to be the same paper.
    """

    address: str
    mentions: tuple[Mention, ...]
    version: int | None = None
    links: tuple[Link, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address under which it is listed."""
        return (self.address, *self.also)

    @property
    def title(self) -> str:
        """The first title that was given, or ""."""
        return next((m.title for m in self.mentions if m.title), "")

    def merged(self, other: Entry) -> Entry:
        """This entry with the mentions and links of a repeat; no version asked anywhere means the newest."""
        newest = None if self.version is None or other.version is None else max(self.version, other.version)
        known = {link.url for link in self.links}
        return replace(
            self,
            version=newest,
            mentions=self.mentions + tuple(m for m in other.mentions if m not in self.mentions),
            links=self.links + tuple(link for link in other.links if link.url not in known),
        )


@dataclass(frozen=True)
class Page:
    """The text of one page as it is stored. `number` counts from 1 as in the PDF; None where there are no pages."""

    text: str
    number: int | None = None


@dataclass(frozen=True)
class Section:
    """A heading and where its text begins: `page` is an index into the document's pages, `start` a character there.

    `anchor` is the heading's id on a web page. `level` counts from 1; `appendix` says that it stands in the appendix.
    """

    heading: str
    level: int
    page: int
    start: int
    anchor: str | None = None
    appendix: bool = False


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, a caption…: `pages[page].text[start:end]`, all of one kind, in reading order.

    `continued` says that it goes on a paragraph which a column's or a page's end, a float or a formula had cut.
    """

    kind: BlockKind
    page: int
    start: int
    end: int
    continued: bool = False


@dataclass(frozen=True)
class TextMention:
    """One place where the text mentions a reference: the mark is `pages[page].text[start:end]`.

    `sentence` is the whole sentence, on one line, also where it runs on from the page before; `section` is an index into
    the document's sections, None before the first heading.
    """

    page: int
    start: int
    end: int
    sentence: str
    section: int | None = None


@dataclass(frozen=True)
class Reference:
    """An entry of a document's bibliography, `n` counting from 1 in the order printed.

    `label` is the mark it is printed with, without brackets (`12`, `DCM+12`), or "". `raw` is the entry as printed, on one
    line, without the label. `page` is an index into the document's pages: where it begins. Fields that are not printed or
    not understood are empty; `authors` are names as printed, in order, without "et al.".
    """

    n: int
    raw: str
    page: int
    label: str = ""
    title: str = ""
    authors: tuple[str, ...] = ()
    year: int | None = None
    venue: str = ""
    arxiv_id: str | None = None
    doi: str | None = None
    mentions: tuple[TextMention, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A page whose text could not be had, and why."""

    page: int
    why: str


@dataclass(frozen=True)
class Extracted:
    """What an extractor understood of some bytes. Absent fields are empty, never guessed from the file's name.

    `missing` has the numbers of pages whose text could not be had (no characters, or garbage), each with why. `engine` is
    what read it.
    """

    pages: tuple[Page, ...]
    title: str = ""
    authors: tuple[str, ...] = ()
    abstract: str = ""
    date: str = ""
    sections: tuple[Section, ...] = ()
    arxiv_id: str | None = None
    version: int | None = None
    blocks: tuple[Block, ...] = ()
    references: tuple[Reference, ...] = ()
    missing: tuple[tuple[int, str], ...] = ()
    engine: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a document's bytes came from. `url` is what was asked for, `final_url` who answered, `path` a local file."""

    sha256: str = ""
    bytes: int = 0
    url: str = ""
    final_url: str = ""
    path: str = ""
    fetched: str = ""


@dataclass(frozen=True)
class Version:
    """What else was brought of a document and does not lead: another version of the paper, or another copy.

    `address` is the entry's, `version` the arXiv version where it is known, `pages` how many it has (None: not numbered).
    `why` says what shows that it is the same paper.
    """

    address: str
    text: TextKind
    version: int | None = None
    pages: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Document:
    """What an entry became. `reason` says why `text` is not "full"; `date` is ISO, perhaps only a year, or "".

    `version` is the arXiv version that the text is of; `newest` the newest one known. `versions` has what else was brought
    of the same paper. `part_of` names the paper that a record is a part of, in its source's own words, or "".
    """

    id: str
    text: TextKind
    entry: Entry
    title: str
    authors: tuple[str, ...] = ()
    abstract: str = ""
    date: str = ""
    pages: tuple[Page, ...] = ()
    sections: tuple[Section, ...] = ()
    arxiv_id: str | None = None
    version: int | None = None
    newest: int | None = None
    link: str = ""
    reason: str = ""
    origin: Origin = Origin()
    blocks: tuple[Block, ...] = ()
    references: tuple[Reference, ...] = ()
    missing: tuple[tuple[int, str], ...] = ()
    versions: tuple[Version, ...] = ()
    part_of: str = ""

    @property
    def own_title(self) -> str:
        """The title, "" where it has none but its id: that says nothing of what it is about."""
        return "" if self.title == self.id else self.title

    @property
    def year(self) -> int | None:
        """The year of the date, or None."""
        return int(self.date[:4]) if self.date[:4].isdecimal() else None


@dataclass(frozen=True)
class Passage:
    """A stretch of one page that fits the model: `text == pages[page].text[start:end]`.

    `page` is an index into the document's pages, `section` into its sections (None before the first heading).
    """

    page: int
    start: int
    end: int
    section: int | None = None
    kind: BlockKind = "body"


@dataclass(frozen=True)
class Warning:
    """Something wrong with a source that a person should know; the run goes on. `kind` is a stable name."""

    source: str
    line: int | None
    kind: str
    message: str
