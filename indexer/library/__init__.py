"""The format on disk. Nobody else touches the files of a library."""

from indexer.library.catalogue import StoredPassage
from indexer.library.generation import DERIVED, Generation
from indexer.library.manifest import FORMAT, Manifest, Model
from indexer.library.publishing import Writer
from indexer.library.reading import Library
from indexer.library.summaries import Summary

__all__ = ["DERIVED", "FORMAT", "Generation", "Library", "Manifest", "Model", "StoredPassage", "Summary", "Writer"]
