"""Vectors of passages: at length 1, and without what all of a corpus or a document have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Floats = NDArray[np.float64]

OWN_MEAN = 20  # passages after which half of a document's own mean is taken away


def unit(vectors: Floats) -> Floats:
    """The rows at length 1; a row of zeros stays."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def centre(vectors: Vectors, documents: Sequence[str], mean: Floats) -> Floats:
    """The vectors without what all have in common and without what their document's have in common, at length 1.

    Otherwise topics part one report's way of writing from another's, and print from talk, instead
    of subject from subject. The fewer passages a document has, the less of its own mean goes: of a
    document with 20 passages half.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    common = np.repeat(mean[None], len(vectors), axis=0)
    names = np.asarray(documents)
    for document in sorted(set(documents)):
        rows = names == document
        n = int(rows.sum())
        common[rows] += n / (n + OWN_MEAN) * (vectors[rows].mean(axis=0) - mean)
    return unit(vectors - common)


def nearest(vectors: Floats, centres: Floats) -> Labels:
    """(n,) row of the centre with the greatest cosine."""
    return np.asarray((vectors @ centres.T).argmax(axis=1), dtype=np.int64)
