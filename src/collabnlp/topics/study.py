"""Which settings give topics that stay, and how other methods do on the same vectors: the table of what was tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from collabnlp.records import TopicStability
from collabnlp.topics.consensus import cluster
from collabnlp.topics.labels import top_words
from collabnlp.topics.model import place
from collabnlp.topics.phrases import find_names, parts_of, words
from collabnlp.topics.quality import Fit, agreement, same_place, stability, word_agreement, word_quality
from collabnlp.topics.vectors import Floats, Labels, Vectors

_N_WORDS = 10


class Corpus(NamedTuple):
    """Passages sorted by id, with vectors of length 1, and the words of each that carry something."""

    ids: Sequence[str]
    texts: Sequence[str]
    vectors: Vectors
    documents: Sequence[str]
    words: Sequence[Sequence[str]]


Assign = Callable[[Labels], Any]  # rows to their labels, one row of labels a level
Method = Callable[[Corpus, Labels, int], tuple[Any, Sequence[Sequence[str]], Assign | None]]


def make_corpus(
    ids: Sequence[str],
    texts: Sequence[str],
    vectors: Vectors,
    documents: Sequence[str],
    names: Collection[str] = (),
) -> Corpus:
    """The corpus in the order of ids."""
    order = np.argsort(np.array(ids))
    texts = [texts[i] for i in order]
    own_names = parts_of(names) | find_names(texts)
    return Corpus(
        [ids[i] for i in order],
        texts,
        np.asarray(vectors)[order],
        [documents[i] for i in order],
        [words(text, own_names) for text in texts],
    )


def consensus(
    settings: Mapping[str, Any], min_cosine: float, min_area_cosine: float, known: dict[bytes, Floats] | None = None
) -> Method:
    """Our own method; the upper level is level 1.

    Parameters
    ----------
    known
        Areas of fits before, kept by passages, number of areas and seed: fits that differ in the
        number of topics alone share them.
    """
    known = {} if known is None else known

    def method(corpus: Corpus, rows: Labels, seed: int) -> tuple[Any, Sequence[Sequence[str]], Assign]:
        rows = rows[np.argsort(np.array([corpus.ids[i] for i in rows]))]  # as `fit` does
        key = rows.tobytes() + f"{sorted({**settings, 'seed': seed, 'n_topics': 0}.items())}".encode()
        clusters = cluster(
            [corpus.ids[i] for i in rows],
            corpus.vectors[rows],
            [corpus.documents[i] for i in rows],
            [corpus.words[i] for i in rows],
            **{**settings, "seed": seed},
            areas=known.get(key),
        )
        known[key] = clusters.areas

        def assign(others: Labels) -> Any:
            documents = [corpus.documents[i] for i in others]
            found = place(clusters, corpus.vectors[others], documents, min_cosine, min_area_cosine)
            return np.stack([found.topic, found.area])

        labels = assign(rows)
        return (rows, labels), _words_of(corpus, rows, labels[0]), assign

    return method


def bertopic_defaults(corpus: Corpus, rows: Labels, seed: int) -> tuple[Any, Sequence[Sequence[str]], None]:
    """BERTopic as it comes, but for the seed of UMAP; its own words."""
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bertopic import BERTopic
        from bertopic.backend import BaseEmbedder
        from umap import UMAP

        logging.getLogger("BERTopic").setLevel(logging.ERROR)
        reducer = UMAP(
            n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", low_memory=False, random_state=seed
        )
        model = BERTopic(embedding_model=BaseEmbedder(), umap_model=reducer)
        labels, _ = model.fit_transform([corpus.texts[i] for i in rows], embeddings=corpus.vectors[rows])
    found = [[word for word, _ in model.get_topic(topic)][:_N_WORDS] for topic in sorted(set(labels) - {-1})]
    return (rows, np.array(labels)), found, None


def k_means(n_topics: int) -> Method:
    """Seeded k-means on the vectors, ten starts."""

    def method(corpus: Corpus, rows: Labels, seed: int) -> tuple[Any, Sequence[Sequence[str]], Assign]:
        from sklearn.cluster import KMeans

        model = KMeans(n_topics, n_init=10, random_state=seed).fit(corpus.vectors[rows])
        labels = model.labels_.astype(np.int64)
        return (rows, labels), _words_of(corpus, rows, labels), lambda others: model.predict(corpus.vectors[others])

    return method


def nmf(n_topics: int) -> Method:
    """Non-negative matrix factorisation of TF-IDF; a passage's topic is that of its greatest weight."""

    def method(corpus: Corpus, rows: Labels, seed: int) -> tuple[Any, Sequence[Sequence[str]], Assign]:
        import warnings

        from sklearn.decomposition import NMF
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer=lambda i: corpus.words[i], min_df=3)
        model = NMF(n_topics, init="nndsvdar", random_state=seed, max_iter=400)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            weights = model.fit_transform(vectorizer.fit_transform(rows))
        names = vectorizer.get_feature_names_out()
        found = [[str(names[j]) for j in np.argsort(-row, kind="stable")[:_N_WORDS]] for row in model.components_]

        def assign(others: Labels) -> Any:
            return _strongest(model.transform(vectorizer.transform(others)))

        return (rows, _strongest(weights)), found, assign

    return method


def _words_of(corpus: Corpus, rows: Labels, labels: Labels) -> list[list[str]]:
    return top_words([corpus.words[i] for i in rows], labels, int(labels.max()) + 1, _N_WORDS)


def _strongest(weights: Any) -> Labels:
    return np.where(weights.max(axis=1) > 0, weights.argmax(axis=1), -1).astype(np.int64)


def measure(name: str, method: Method, corpus: Corpus, *, repeats: int, settings: str = "") -> Iterator[TopicStability]:
    """How one method does: a row for each of its levels.

    Parameters
    ----------
    repeats
        Fits over seeds, over orders of rows and over draws of nine tenths of the passages, each.
    settings
        What to write beside the name.
    """

    def fit(rows: Labels, seed: int) -> Fit:
        (seen, labels), found, _ = method(corpus, rows, seed)
        return Fit(seen, labels, found)

    n, every = len(corpus.ids), np.arange(len(corpus.ids))
    began = time.monotonic()
    (rows, labels), found, _ = method(corpus, every, 20)
    seconds = time.monotonic() - began
    full = np.atleast_2d(labels)
    fits = stability(fit, n, repeats=repeats)
    held_out = _hold_out(method, corpus, full)
    for level, own in enumerate(full):
        measures = (
            word_quality(corpus.texts, found)
            if level == 0
            else word_quality(corpus.texts, _words_of(corpus, rows, own))
        )
        yield TopicStability(
            method=name,
            settings=settings,
            level="area" if level else "topic",
            n_topics=len(set(own.tolist()) - {-1}),
            ari_seeds=agreement(fits["seeds"], level),
            ari_orders=agreement(fits["orders"], level),
            ari_draws=agreement(fits["draws"], level),
            words_draws=word_agreement(fits["draws"]) if level == 0 else float("nan"),
            held_out=held_out[level],
            outliers=float((own < 0).mean()),
            seconds=round(seconds, 1),
            repeats=repeats,
            **measures,
        )


def _hold_out(method: Method, corpus: Corpus, full: Any) -> list[float]:
    """For each level the mean over documents of `quality.same_place`, each document left out once; NaN where a method cannot assign."""
    documents = np.array(corpus.documents)
    shares: list[list[float]] = [[] for _ in full]
    for document in sorted(set(corpus.documents)):
        out = documents == document
        (rows, labels), _, assign = method(corpus, np.flatnonzero(~out), 20)
        if assign is None:
            return [float("nan")] * len(full)
        assigned = np.atleast_2d(assign(np.flatnonzero(out)))
        kept = np.atleast_2d(labels)[:, np.argsort(rows)]
        for level, own in enumerate(full):
            shares[level].append(same_place(own, out, kept[level], assigned[level]))
    return [float(np.mean(share)) for share in shares]
