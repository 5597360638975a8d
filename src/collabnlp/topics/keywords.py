"""Passages by the words they hold: how near each passage is to each of its words, and the factors of that.

After KeyNMF (Kardos et al. 2024), which asks an encoder for the vector of a word; here a word lies
where the passages that hold it lie on average, which costs nothing and was found steadier. No
chance is in it: the factors start from the exact singular vectors (Boutsidis and Gallopoulos 2008).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collabnlp.topics.vectors import Floats, unit

_FEWEST, _SHARE = 3, 0.005  # passages, and share of all, that must hold a word
_STEPS = 400


def nearness(vectors: Floats, said: Sequence[Sequence[str]]) -> Floats:
    """(n_passages, n_words) cosine of each passage and each word that it holds; 0 where it does not hold it, or is far from it.

    Parameters
    ----------
    vectors
        (n_passages, n_dimensions) as `vectors.centre` treats them.
    said
        Words of each passage.
    """
    lines = [frozenset(line) for line in said]
    usual = Counter(word for line in lines for word in line)
    vocabulary = sorted(word for word, n in usual.items() if n >= max(_FEWEST, _SHARE * len(lines)))
    at = {word: i for i, word in enumerate(vocabulary)}
    holds = np.zeros((len(lines), len(vocabulary)))
    for row, line in enumerate(lines):
        holds[row, [at[word] for word in line if word in at]] = 1
    if not vocabulary:
        return holds
    meaning = unit(holds.T @ vectors)
    meaning = unit(meaning - meaning.mean(axis=0))
    return np.asarray(np.maximum(vectors @ meaning.T, 0) * holds)


def factor(near: Floats, k: int) -> Floats:
    """(n_passages, at most k) weights of the passages in the factors of their nearness to words (non-negative matrix factorisation)."""
    import warnings

    from sklearn.decomposition import non_negative_factorization
    from sklearn.exceptions import ConvergenceWarning

    near = near[:, near.any(axis=0)]
    k = min(k, *near.shape)
    if k < 1:
        return np.zeros((len(near), 0))
    weights, words = _start(near, k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        weights, words, _ = non_negative_factorization(
            near, W=weights, H=words, n_components=k, init="custom", tol=1e-4, max_iter=_STEPS
        )
    weights = weights * np.linalg.norm(words, axis=1)
    return np.asarray(weights[:, weights.any(axis=0)])


def _start(near: Floats, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and words of the positive part of each singular vector, or of the negative one where that is larger."""
    left, size, right = np.linalg.svd(near, full_matrices=False)
    weights, words = np.zeros((len(near), k)), np.zeros((k, near.shape[1]))
    for i in range(k):
        halves = [(np.maximum(sign * left[:, i], 0), np.maximum(sign * right[i], 0)) for sign in (1.0, -1.0)]
        own, theirs = max(halves, key=lambda half: round(float(np.linalg.norm(half[0]) * np.linalg.norm(half[1])), 12))
        norms = np.linalg.norm(own) * np.linalg.norm(theirs)
        scale = np.sqrt(size[i] * norms)
        weights[:, i] = scale * own / max(np.linalg.norm(own), 1e-12)
        words[i] = scale * theirs / max(np.linalg.norm(theirs), 1e-12)
    return weights, words
