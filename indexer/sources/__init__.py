"""What a person hands over, read into entries: `source` says what kind it is, and each kind has its reader."""

from indexer.sources.bibtex import Given
from indexer.sources.records import Record
from indexer.sources.source import Reading, read, read_all, remembered

__all__ = ["Given", "Reading", "Record", "read", "read_all", "remembered"]
