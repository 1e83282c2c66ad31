"""The format on disk. Nobody else touches the files of a library."""

from indexer.library.catalogue import StoredPassage, Summary
from indexer.library.generations import DERIVED, FORMAT, Generation, Library, Manifest, Model, Writer

__all__ = ["DERIVED", "FORMAT", "Generation", "Library", "Manifest", "Model", "StoredPassage", "Summary", "Writer"]
