"""How good topics are: coherence, diversity, outliers, and how far two fits agree."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import Topic
from collabnlp.topics.vectors import Labels

_WINDOW = 110  # words, as C_v takes them
_EPSILON = 1e-12


def quality(texts: Sequence[str], numbers: Labels, topics: Sequence[Topic], n_words: int = 10) -> dict[str, float]:
    """Coherence, diversity and outlier share of topics, over passages that have them.

    Parameters
    ----------
    numbers
        (n_texts,) topic of each text; -1 is outlier.

    Returns
    -------
    dict
        `npmi`: mean normalised pointwise mutual information of the first words of a topic, taken
        pairwise over passages, -1 to 1 (Bouma 2009). `c_v`: mean cosine of each word's NPMI with
        the topic's words and their sum, over windows of 110 words, 0 to 1 (Roeder et al. 2015).
        `diversity`: share of different words among the first words of all topics, 0 to 1 (Dieng et
        al. 2020). `outliers`: share of passages without topic. NaN where undefined.
    """
    words = [topic.words[:n_words] for topic in topics if topic.topic >= 0]
    outliers = float((numbers == -1).mean()) if len(numbers) else 0.0
    return {**word_quality(texts, words), "outliers": outliers, "n_topics": float(len(words))}


def word_quality(texts: Sequence[str], words: Sequence[Sequence[str]]) -> dict[str, float]:
    """`npmi`, `c_v` and `diversity` of the first words of topics; see `quality`."""
    vocabulary = sorted({word for topic_words in words for word in topic_words})
    n_terms = sum(map(len, words))
    if not vocabulary:
        return {"npmi": math.nan, "c_v": math.nan, "diversity": math.nan}
    at = {word: i for i, word in enumerate(vocabulary)}
    tokens = [_tokens(text) for text in texts]
    by_passage = _npmi_matrix(tokens, at)
    by_window = _npmi_matrix([window for line in tokens for window in _windows(line)], at)
    groups = [[at[word] for word in topic_words] for topic_words in words if len(topic_words) > 1]
    npmi = [float(np.mean([by_passage[a, b] for a, b in itertools.combinations(group, 2)])) for group in groups]
    return {
        "npmi": float(np.mean(npmi)) if npmi else math.nan,
        "c_v": float(np.mean([_c_v(by_window[np.ix_(group, group)]) for group in groups])) if groups else math.nan,
        "diversity": len(vocabulary) / max(1, n_terms),
    }


def _tokens(text: str) -> list[str]:
    return [
        t.removesuffix("'s").removesuffix("'")
        for t in re.findall(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+", text.lower().replace("’", "'"))
    ]


def _windows(tokens: Sequence[str]) -> list[Sequence[str]]:
    return [tokens[i : i + _WINDOW] for i in range(max(1, len(tokens) - _WINDOW + 1))]


def _npmi_matrix(texts: Sequence[Sequence[str]], at: Mapping[str, int]) -> NDArray[np.float64]:
    """(n_words, n_words) NPMI; -1 for words that never meet, 1 for a word and itself."""
    from scipy.sparse import csr_matrix

    rows, columns = [], []
    for i, tokens in enumerate(texts):
        found = {at[token] for token in tokens if token in at}
        rows += [i] * len(found)
        columns += sorted(found)
    seen = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(at)))
    joint = (seen.T @ seen).toarray() / max(1, len(texts))
    single = np.diag(joint)
    with np.errstate(divide="ignore", invalid="ignore"):
        npmi = np.log(joint / np.outer(single, single)) / -np.log(joint)
    npmi[joint <= 0] = -1.0
    npmi[joint >= 1] = 1.0
    return np.asarray(npmi)


def _c_v(npmi: NDArray[np.float64]) -> float:
    """Mean cosine of each word's row with the sum of all rows."""
    rows = np.where(npmi <= -1, 0.0, npmi)
    total = rows.sum(axis=0)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(total)
    return float(np.mean(rows @ total / np.maximum(lengths, _EPSILON)))


class Fit(NamedTuple):
    """What a method made of some passages, as far as stability is concerned.

    Attributes
    ----------
    rows
        Row of each passage in the whole corpus.
    labels
        (n_rows,) or, for two levels, (n_levels, n_rows); -1 is outlier.
    words
        First words of each topic from 0, of the level that words are counted for.
    """

    rows: Labels
    labels: Labels
    words: Sequence[Sequence[str]]


def agreement(fits: Sequence[Fit], level: int = 0) -> float:
    """Mean adjusted Rand index of all pairs of fits, over the passages that both saw, outliers as one topic; NaN of fewer than two."""
    from sklearn.metrics import adjusted_rand_score

    found = []
    for a, b in itertools.combinations(fits, 2):
        _, in_a, in_b = np.intersect1d(a.rows, b.rows, return_indices=True)
        found.append(adjusted_rand_score(np.atleast_2d(a.labels)[level][in_a], np.atleast_2d(b.labels)[level][in_b]))
    return float(np.mean(found)) if found else math.nan


def word_agreement(fits: Sequence[Fit]) -> float:
    """Mean Jaccard index of the words of each topic and of the topic of another fit that is most like it; NaN of fewer than two."""
    found = []
    for a, b in itertools.permutations(fits, 2):
        for words in map(set, a.words):
            likes = [len(words & set(other)) / len(words | set(other)) for other in b.words if words or other]
            found.append(max(likes, default=0.0))
    return float(np.mean(found)) if found else math.nan


def same_place(full: Labels, left_out: NDArray[np.bool_], kept: Labels, assigned: Labels) -> float:
    """Share of passages left out of a fit that it assigns to the topic that the full fit gives them.

    A topic of the smaller fit stands for the topic of the full fit with which it has most of the
    other passages in common.

    Parameters
    ----------
    full
        (n,) topics of the full fit; -1 is outlier.
    left_out
        (n,) which passages the smaller fit did not see.
    kept, assigned
        Topics that the smaller fit gives to the passages it saw, and to those left out.
    """
    stands_for = {
        int(topic): int(np.bincount(full[~left_out][kept == topic] + 1).argmax()) - 1 for topic in np.unique(kept)
    }
    return float(
        np.mean(
            [stands_for.get(int(topic), -2) == other for topic, other in zip(assigned, full[left_out], strict=True)]
        )
    )


def stability(
    fit: Callable[[Labels, int], Fit], n: int, *, repeats: int, share: float = 0.9, seed: int = 1000
) -> dict[str, list[Fit]]:
    """Fits over seeds, over orders of rows and over draws of passages, by those three names.

    Parameters
    ----------
    fit
        Takes rows in the order in which they shall be given, and a seed.
    n
        Passages in all.
    repeats
        Fits of each kind.
    share
        Of the passages, in a draw.
    """
    rng = np.random.default_rng(seed)
    every = np.arange(n)
    return {
        "seeds": [fit(every, seed) for seed in range(repeats)],
        "orders": [fit(rng.permutation(n), 20) for _ in range(repeats)],
        "draws": [fit(np.sort(rng.choice(n, round(share * n), replace=False)), 20) for _ in range(repeats)],
    }
