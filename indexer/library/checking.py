"""Whether a generation is sound: whether its parts agree, each of them being what was written."""

from __future__ import annotations

import numpy as np

from indexer.errors import GenerationDamaged
from indexer.library.generation import Generation
from indexer.library.manifest import FORMAT


def check(generation: Generation) -> None:
    """Raises `GenerationDamaged` unless the parts of a generation agree.

    Counts agree, every vector is finite and of length one, and a sample of passages finds itself. Of one of an earlier
    format, what it has.
    """
    manifest, name = generation.manifest, generation.name
    counts = generation.catalogue.counts()
    must(counts == (manifest.documents, manifest.passages), name, "the catalogue's counts differ")
    count, ids = generation.vectors.count, generation.vectors.ids
    must(
        generation.vectors.dimension == manifest.model.dimension,
        name,
        "the vectors' dimension differs from the model's",
    )
    if manifest.format == FORMAT:
        words, space = generation.words, generation.space
        must(words.count == manifest.passages, name, "the words are not those of all passages")
        must(
            np.array_equal(np.flatnonzero(words.prose), ids), name, "there is not one vector for each passage of prose"
        )
        must(len(space.norms) == len(space.kin) == count, name, "the space is not that of the vectors")
    else:
        must(count == manifest.passages, name, "there is not one vector for each passage")
    for block in generation.vectors.blocks():
        must_be_unit(block, name)
    if count:
        sample = np.unique(np.linspace(0, count - 1, 50, dtype=int))
        asked = generation.vectors.rows(sample)
        _, found = generation.vectors.nearest(asked, 1)
        rows = np.searchsorted(ids, found[:, 0])
        same = np.einsum("ij,ij->i", generation.vectors.rows(rows), asked)  # an equal passage may stand in front of it
        must(bool((same > 1 - 1e-3).all()), name, "a passage does not find itself")


def must(truth: bool, generation: str, what: str) -> None:
    """Raises `GenerationDamaged` saying `what` is wrong, unless it is not."""
    if not truth:
        raise GenerationDamaged(f"Generation {generation} is not sound: {what}.")


def must_be_unit(matrix: np.ndarray, generation: str) -> None:
    """Raises `GenerationDamaged` unless every row is finite and of length one."""
    must(bool(np.isfinite(matrix).all()), generation, "a vector is not finite")
    must(bool(np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-3)), generation, "a vector is not of length one")
