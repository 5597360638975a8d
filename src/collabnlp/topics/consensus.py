"""Vectors and words become two levels of clusters that hardly change when passages come or go.

The upper level: one run of k-means on short texts is a matter of luck: a tenth of the passages left out, and a
third of the rest change place. Here many runs, each on other passages, vote on which passages
belong together (Monti et al. 2003, consensus clustering); the votes are cut by average linkage,
and k-means settles what the cut leaves open. The draws of a passage hang on its id alone, never
on its row or on how many there are, so the order of rows cannot matter and a passage more or
less leaves all other draws as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import text_sha256
from collabnlp.topics.keywords import factor, nearness
from collabnlp.topics.vectors import Floats, Labels, Vectors, centre, nearest, unit

Numbers = NDArray[Any]  # of either width

_DRAWN = 0.8  # share of passages that a run sees
_MOST = 4000  # passages that vote: the table of votes has its square
_SMALLEST = 15  # passages of a topic; twice as many of an area
_STEPS = 50
_TOGETHER = 50  # runs whose votes are added at once


class Clusters(NamedTuple):
    """What a fit found.

    Attributes
    ----------
    mean
        (n_dimensions,) mean of all vectors.
    areas, topics
        (n_areas, n_dimensions) and (n_topics, n_dimensions): centres, rows of length 1, of
        vectors that `vectors.centre` has treated.
    parents
        (n_topics,) row of each topic's area.
    """

    mean: Floats
    areas: Floats
    topics: Floats
    parents: Labels


def cluster(
    ids: Sequence[str],
    vectors: Vectors,
    documents: Sequence[str],
    said: Sequence[Sequence[str]],
    *,
    n_areas: int,
    n_topics: int,
    area_components: int,
    draws: int,
    seed: int,
    areas: Floats | None = None,
) -> Clusters:
    """Areas, and topics within each, of as many passages as there are; rows must be sorted by id.

    Parameters
    ----------
    ids, vectors, documents, said
        n_passages each; `vectors` with rows of length 1; `said` the words of each passage that
        carry something.
    n_areas, n_topics
        How many to look for; an area gets topics by its share of the passages. Few passages give
        fewer.
    area_components
        Principal components that k-means sees.
    draws
        Runs of k-means that vote.
    seed
        Goes into the draws of each passage.
    areas
        Those that the same passages, numbers and seed gave before, to spare the finding of them.
    """
    mean = np.asarray(vectors, dtype=np.float64).mean(axis=0)
    treated = centre(vectors, documents, mean)
    n_areas = max(1, min(n_areas, len(ids) // (2 * _SMALLEST)))
    n_topics = max(n_areas, min(n_topics, len(ids) // 4))
    if areas is None:
        voters = _voters(ids, n_areas, f"{seed} areas")
        chances = _chances([ids[row] for row in voters], draws, n_areas, f"{seed} areas")
        areas = _part(treated, voters, chances, n_areas, area_components)
    area_of, near = nearest(treated, areas), nearness(treated, said)
    found, parents = [], []
    for area in range(len(areas)):
        rows = np.flatnonzero(area_of == area)
        k = max(1, round(n_topics * len(rows) / len(ids)))
        centres = _divide(treated[rows], near[rows], k) if k > 1 else areas[[area]]
        found.append(centres if len(centres) else areas[[area]])
        parents += [area] * len(found[-1])
    return Clusters(mean, areas, np.vstack(found), np.array(parents, dtype=np.int64))


def _divide(vectors: Floats, near: Floats, k: int) -> Floats:
    """(at most k, n_dimensions) centres of the topics of one area, each the mean of its passages by their weight; none too small."""
    centres = unit(factor(near, k).T @ vectors)
    smallest = min(_SMALLEST, max(1, len(vectors) // (2 * k)))
    while len(centres) > 1:
        sizes = np.bincount(nearest(vectors, centres), minlength=len(centres))
        if sizes.min() >= smallest:
            break
        centres = np.delete(centres, sizes.argmin(), axis=0)
    return centres


def _voters(ids: Sequence[str], k: int, salt: str) -> Labels:
    """Rows of the passages that vote: those of the lowest last chance in the first draw."""
    lots = np.array([_generator(salt, i).random(k + 1)[-1] for i in ids], dtype=np.float32)
    return np.sort(np.argsort(lots, kind="stable")[:_MOST])


def _chances(ids: Sequence[str], draws: int, k: int, salt: str) -> NDArray[np.float32]:
    """(n_passages, draws, k + 1) numbers from 0 to 1 that hang on salt and passage id alone."""
    chances = np.empty((len(ids), draws, k + 1), dtype=np.float32)
    for row, passage_id in enumerate(ids):
        chances[row] = _generator(salt, passage_id).random((draws, k + 1))
    return chances


def _generator(salt: str, passage_id: str) -> np.random.Generator:
    return np.random.default_rng(int(text_sha256(f"{salt}:{passage_id}")[:16], 16))


def _part(vectors: Floats, voters: Labels, chances: NDArray[np.float32], k: int, n_components: int) -> Floats:
    """(at most k, n_dimensions) centres of clusters of the vectors, by the votes of some of them; `chances` are theirs."""
    n_components = min(n_components, len(vectors), vectors.shape[1])
    reduced = unit(_principal(vectors, n_components))
    votes = _votes(reduced[voters].astype(np.float32), chances, k)
    labels = _cut(votes, k, min(2 * _SMALLEST, max(1, len(voters) // (2 * k))))
    starts = np.stack([reduced[voters][labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    settled = _settle(reduced, starts)
    labels = _closest(reduced, settled)
    return unit(np.stack([vectors[labels == label].mean(axis=0) for label in np.unique(labels)]))


def _principal(vectors: Floats, n_components: int) -> Floats:
    """(n, n_components) principal components, each turned so that its largest weight is positive."""
    shifted = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(shifted.T @ shifted)
    axes = axes[:, ::-1][:, :n_components]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(shifted @ axes)


def _votes(vectors: NDArray[np.float32], chances: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(n, n) share of runs of k-means, each on four fifths of the passages, that put two passages together.

    The first centres of a run are drawn as k-means++ draws them (Arthur and Vassilvitskii 2007),
    by a race between passages, each with clocks of its own: who takes part changes who wins only
    if the winner is gone.
    """
    n, draws, _ = chances.shape
    votes = np.zeros((n, n), dtype=np.float32)
    cast: list[NDArray[np.float32]] = []
    for draw in range(draws):
        drawn = np.flatnonzero(chances[:, draw, -1] < _DRAWN)
        drawn = drawn if len(drawn) >= k else np.arange(n)
        seen = vectors[drawn]
        clocks = -np.log1p(-np.minimum(chances[drawn, draw, :k], 0.9999999))
        first = [int(clocks[:, 0].argmin())]
        distance = ((seen - seen[first[0]]) ** 2).sum(axis=1)
        for step in range(1, k):
            first.append(int((clocks[:, step] / np.maximum(distance, 1e-9)).argmin()))
            distance = np.minimum(distance, ((seen - seen[first[-1]]) ** 2).sum(axis=1))
        cast.append(_members(_closest(vectors, _settle(seen, seen[first])), k))
        if len(cast) == _TOGETHER or draw == draws - 1:
            members = np.hstack(cast)
            votes += members @ members.T  # whole numbers: exact, in whatever order
            cast = []
    votes /= draws
    return votes


def _closest(vectors: Numbers, centres: Numbers) -> Labels:
    return np.asarray((vectors @ (2 * centres.T) - (centres**2).sum(axis=1)).argmax(axis=1), dtype=np.int64)


def _members(labels: Labels, k: int) -> NDArray[np.float32]:
    member = np.zeros((len(labels), k), dtype=np.float32)
    member[np.arange(len(labels)), labels] = 1
    return member


def _settle(vectors: Numbers, centres: Numbers) -> Numbers:
    """Centres after Lloyd's steps; one that loses all its passages stays where it is."""
    labels = None
    for _ in range(_STEPS):
        now = _closest(vectors, centres)
        if labels is not None and np.array_equal(now, labels):
            break
        labels, member = now, _members(now, len(centres))
        sizes = np.bincount(now, minlength=len(centres)).astype(member.dtype)[:, None]
        centres = np.where(sizes > 0, (member.T @ vectors) / np.maximum(sizes, 1), centres)
    return centres


def _cut(votes: NDArray[np.float32], k: int, smallest: int) -> Labels:
    """(n,) clusters from 0: the tree of average linkage cut where k of them are not too small; -1 in the small ones."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(votes) == 1 or k == 1:
        return np.zeros(len(votes), dtype=np.int64)
    apart = 1 - votes.astype(np.float64)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average")
    best = np.zeros(len(votes), dtype=np.int64)
    for n_clusters in range(k, 3 * k + 1):
        labels = fcluster(tree, n_clusters, "maxclust") - 1
        large = np.flatnonzero(np.bincount(labels) >= smallest)
        if len(large) > best.max() + 1:
            rank = np.full(labels.max() + 1, -1)
            rank[large] = np.arange(len(large))
            best = rank[labels]
        if len(large) >= k:
            break
    return np.asarray(best, dtype=np.int64)
