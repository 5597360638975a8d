"""Topics get a name that a council officer understands, a sentence that says what they are about, and examples.

Everything shown comes from passages that anybody may read; the caller leaves the others out.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from collabnlp.topics.consensus import Floats, Labels, Vectors, unit
from collabnlp.topics.phrases import (
    distinct,
    find_heads,
    find_names,
    is_abbreviation,
    parts_of,
    phrases,
    stem,
    stop_words,
    words,
)

OTHER = "Other"
UNNAMED = "No public passage"
_CANDIDATES = 40
_MOST_WORDS, _FEW_WORDS = 5, 3
_MORE_THAN_A_WORD, _ONE_DOCUMENT = 2.4, 0.6  # what a phrase gains and loses in rank
_SOME = 2  # passages that a phrase needs for half of its nearness to count
_GLOSS_PASSAGES = 5
_GLOSS_WORDS = (8, 38)
_ITSELF = re.compile(
    r"(?i)\b(?:report|toolkit|section|chapter|research|interviewees?|study|studies|authors?|figure|table|we|our|us|my)\b"
)
_ABOUT_ITSELF, _SAYS_A_TERM = (
    0.15,
    0.1,
)  # what a sentence loses that speaks of the report, and gains by a term of its topic
_SEPARATOR = "|"


class Shown(NamedTuple):
    """Passages that may be shown: ids, texts, documents, and vectors as `consensus.centre` treats them."""

    ids: Sequence[str]
    texts: Sequence[str]
    documents: Sequence[str]
    vectors: Floats


class Description(NamedTuple):
    """What is shown of a topic or an area."""

    label: str
    gloss: str
    terms: tuple[str, ...]
    words: tuple[str, ...]
    exemplars: tuple[str, ...]


def describe(
    shown: Shown,
    labels: Labels,
    centres: Floats,
    *,
    encode: Callable[[Sequence[str]], Vectors],
    sentences: Callable[[str], Sequence[tuple[int, int]]],
    names: Collection[str] = (),
) -> dict[int, Description]:
    """Label, gloss, terms and exemplars of each cluster, by its number.

    Parameters
    ----------
    labels
        (n_shown,) cluster of each passage; -1: none.
    centres
        (n_clusters, n_dimensions) centres, rows of length 1.
    encode
        Gives vectors of sentences.
    sentences
        Gives start and end of each sentence of a text.
    names
        Names of places, which say nothing about a topic.
    """
    own_names = parts_of(names) | find_names(shown.texts)
    stops = stop_words() | own_names
    heads = find_heads(shown.texts)
    said = [phrases(text, stops, heads) for text in shown.texts]
    written = is_abbreviation(shown.texts)
    keys = _rank(_class_weights(said, labels), said, labels, shown, centres)
    own_keys = _apart(keys)
    own_words = top_words([words(text, own_names) for text in shown.texts], labels, len(centres))
    glosses = _glosses(shown, labels, centres, keys, encode, sentences)
    found = {}
    for number in range(len(centres)):
        rows = np.flatnonzero(labels == number)
        ranked, naming = (
            [" ".join(written(word) or word for word in phrase.split()) for phrase in chosen.get(number, [])]
            for chosen in (keys, own_keys)
        )
        found[number] = Description(
            label=_label(naming),
            gloss=glosses.get(number, ""),
            terms=tuple(ranked[:10]),
            words=tuple(own_words[number]),
            exemplars=exemplars(shown, rows, centres[number]),
        )
    return found


def top_words(said: Sequence[Sequence[str]], labels: Labels, n_topics: int, n: int = 10) -> list[list[str]]:
    """For each topic the words that set it apart: the share of its passages with a word times the logarithm of its lift.

    Words in fewer than one passage of a hundred are left out: a word that hardly anybody uses says
    little about a topic, however well it parts it from others.
    """
    passages = [frozenset(line) for line in said]
    usual = Counter(word for line in passages for word in line)
    fewest = max(1, len(said) // 100)
    found = []
    for topic in range(n_topics):
        rows = np.flatnonzero(labels == topic)
        own = Counter(word for i in rows for word in passages[i])
        score = {
            word: k / len(rows) * math.log(k * len(said) / (len(rows) * usual[word]))
            for word, k in own.items()
            if usual[word] >= fewest
        }
        ranked = sorted((word for word in score if score[word] > 0), key=lambda w: (-round(score[w], 9), w))
        found.append(ranked[:n])
    return found


def exemplars(shown: Shown, rows: Sequence[int] | Labels, centre: Floats, n: int = 3) -> tuple[str, ...]:
    """Ids of the passages nearest to a centre, of different documents as long as there are some."""
    ranked = sorted(map(int, rows), key=lambda i: (-round(float(shown.vectors[i] @ centre), 6), shown.ids[i]))
    chosen: list[int] = []
    for fresh in (True, False):
        for i in ranked:
            new = not fresh or shown.documents[i] not in {shown.documents[j] for j in chosen}
            if len(chosen) < n and i not in chosen and new:
                chosen.append(i)
    return tuple(shown.ids[i] for i in chosen)


def _class_weights(said: Sequence[Sequence[str]], labels: Labels) -> dict[int, list[tuple[str, float]]]:
    """Phrases of each cluster with their class-based TF-IDF, heaviest first (BERTopic, topics given by hand)."""
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bertopic import BERTopic
        from bertopic.backend import BaseEmbedder
        from bertopic.cluster import BaseCluster
        from bertopic.dimensionality import BaseDimensionalityReduction
        from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.feature_extraction.text import CountVectorizer

    in_passages = Counter(phrase for line in said for phrase in set(line))
    fewest = 3 if len(said) >= 200 else 2 if len(said) >= 40 else 1
    kept = [[p for p in line if in_passages[p] >= fewest] for line in said]
    different = sorted({phrase for line in kept for phrase in line})
    if len(different) < 2 or not (labels >= 0).any():  # too few for a weighting
        return {int(n): [(phrase, 1.0) for phrase in different] for n in np.unique(labels[labels >= 0])}
    lines = [_SEPARATOR.join([*line, ""]) for line in kept]
    logging.getLogger("BERTopic").setLevel(logging.ERROR)
    model = BERTopic(
        language="multilingual",  # else it would take our separators out
        embedding_model=BaseEmbedder(),
        umap_model=BaseDimensionalityReduction(),
        hdbscan_model=BaseCluster(),
        vectorizer_model=CountVectorizer(analyzer=_split),
        ctfidf_model=ClassTfidfTransformer(bm25_weighting=True, reduce_frequent_words=True),
        top_n_words=_CANDIDATES,
    )
    found, _ = model.fit_transform(lines, embeddings=np.zeros((len(lines), 2)), y=labels)
    number_of = {int(theirs): int(ours) for theirs, ours in zip(found, labels, strict=True)}
    by_topic = model.get_topics()
    return {
        number_of[topic]: sorted(
            ((phrase, float(weight)) for phrase, weight in pairs if phrase not in ("", "emptydoc") and weight > 0),
            key=lambda pair: (-round(pair[1], 9), pair[0]),
        )
        for topic, pairs in by_topic.items()
        if number_of.get(topic, -1) >= 0
    }


def _split(line: str) -> list[str]:
    return [phrase.strip() for phrase in line.split(_SEPARATOR) if phrase.strip()]


def _rank(
    weights: Mapping[int, Sequence[tuple[str, float]]],
    said: Sequence[Sequence[str]],
    labels: Labels,
    shown: Shown,
    centres: Floats,
) -> dict[int, list[str]]:
    """Phrases of each cluster: those first that weigh much, whose passages lie near its centre, that say more than one word and stand in more than one document."""
    every = {phrase for pairs in weights.values() for phrase, _ in pairs}
    holders: dict[str, list[int]] = defaultdict(list)
    used_in: dict[tuple[int, str], set[str]] = defaultdict(set)
    for row, line in enumerate(said):
        for phrase in every.intersection(line):
            holders[phrase].append(row)
            used_in[int(labels[row]), phrase].add(shown.documents[row])
    meaning = {
        phrase: len(rows) / (len(rows) + _SOME) * unit(shown.vectors[rows].mean(axis=0))
        for phrase, rows in holders.items()
    }
    ranked = {}
    for number, pairs in weights.items():
        heaviest = max((weight for _, weight in pairs), default=1.0)
        score = {
            phrase: (weight / heaviest) ** 0.5
            * max(0.05, 0.3 + float(meaning[phrase] @ centres[number]))
            * (_MORE_THAN_A_WORD if " " in phrase else 1.0)
            * (1.0 if len(used_in[number, phrase]) > 1 else _ONE_DOCUMENT)
            for phrase, weight in pairs
        }
        ranked[number] = distinct(sorted(score, key=lambda p: (-round(score[p], 9), p)), _CANDIDATES)
    return ranked


def _label(ranked: Sequence[str]) -> str:
    """The first phrases: one or two where the first has words enough, three where each has but one.

    Examples
    --------
    >>> _label(["waste collection", "recycling", "street cleaning", "bins"])
    'Waste collection, recycling'
    >>> _label(["homes", "rents", "tenants"])
    'Homes, rents, tenants'
    """
    chosen: list[str] = []
    for phrase in ranked:
        n = sum(len(other.split()) for other in chosen)
        if len(chosen) < 2 or n < _FEW_WORDS:
            chosen += [phrase] if n + len(phrase.split()) <= _MOST_WORDS else []
    text = ", ".join(chosen)
    return text[0].upper() + text[1:] if text else UNNAMED


def _apart(ranked: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
    """The phrases of each cluster without those that name an earlier one, as long as three others are left."""
    taken: list[set[str]] = []
    own = {}
    for number in sorted(ranked):
        fresh = [p for p in ranked[number] if not any({stem(w) for w in p.split()} <= other for other in taken)]
        own[number] = fresh if len(fresh) >= 3 else list(ranked[number])
        named = _label(own[number]).lower().replace(",", " ").split()
        taken.append({stem(word) for word in named})
    return own


def _glosses(
    shown: Shown,
    labels: Labels,
    centres: Floats,
    keys: Mapping[int, Sequence[str]],
    encode: Callable[[Sequence[str]], Vectors],
    sentences: Callable[[str], Sequence[tuple[int, int]]],
) -> dict[int, str]:
    """The sentence of each cluster's most central passages that lies nearest to its centre, among those that are no list and no scrap."""
    told: list[tuple[int, str]] = []
    for number in range(len(centres)):
        rows = np.flatnonzero(labels == number)
        nearest = sorted(rows.tolist(), key=lambda i: (-round(float(shown.vectors[i] @ centres[number]), 6), i))
        for i in nearest[:_GLOSS_PASSAGES]:
            text = shown.texts[i]
            told += [(number, _flat(text[start:end])) for start, end in sentences(text)]
    fit = [(number, sentence) for number, sentence in told if _is_whole(sentence)]
    named = {number for number, _ in fit}
    fit += [(number, sentence) for number, sentence in told if number not in named and _has_words(sentence)]
    if not fit:
        return {}
    vectors = np.asarray(encode([sentence for _, sentence in fit]), dtype=np.float64)
    vectors = unit(vectors - vectors.mean(axis=0)) if len(fit) > 1 else vectors
    best: dict[int, tuple[float, str]] = {}
    for (number, sentence), vector in zip(fit, vectors, strict=True):
        says_a_term = any(phrase in sentence.lower() for phrase in keys.get(number, ())[:10])
        worth = (
            float(vector @ centres[number])
            + _SAYS_A_TERM * says_a_term
            - _ABOUT_ITSELF * bool(_ITSELF.search(sentence))
        )
        nearness = round(worth, 6)
        if number not in best or (nearness, sentence) > best[number]:
            best[number] = (nearness, sentence)
    return {number: sentence for number, (_, sentence) in best.items()}


def _flat(text: str) -> str:
    return " ".join(text.split())


def _is_whole(sentence: str) -> bool:
    end = sentence.rstrip("”\"'’)")
    return _has_words(sentence) and sentence[:1].isupper() and end.endswith(".") and not end.endswith("..")


def _has_words(sentence: str) -> bool:
    return _GLOSS_WORDS[0] <= len(sentence.split()) <= _GLOSS_WORDS[1]
