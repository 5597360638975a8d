"""Topics get a name that a council officer understands, a sentence that says what they are about, and examples.

Everything shown comes from passages that anybody may read; the caller leaves the others out.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from collabnlp.topics.phrases import (
    Company,
    Pieces,
    distinct,
    find_heads,
    find_names,
    is_abbreviation,
    parts_of,
    phrases,
    pieces,
    says_something,
    stop_words,
    words,
)
from collabnlp.topics.vectors import Floats, Labels, Vectors, unit
from collabnlp.unloaded import without

OTHER = "Other"
UNNAMED = "No public passage"
_CANDIDATES = 40
_MOST_WORDS, _FEW_WORDS = 5, 3
_MORE_THAN_A_WORD, _ONE_DOCUMENT = 2.4, 0.6  # what a phrase gains and loses in rank
_UNTOLD = 0.02  # weight of a phrase none of whose words tells its topic from others
_TELLING = 5  # heaviest words of a topic, which may name it even where they say little elsewhere
_TELLING_WEIGHT, _OFTEN = 0.2, 10  # if they have as much weight, and stand in as many of its passages
_NAMING = 3  # first phrases of a cluster, among which its label is likely to be
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


@dataclass(frozen=True)
class Shown:
    """Passages that may be shown, and what their words are, made out once for topics and areas.

    Attributes
    ----------
    ids, texts, documents
        n_shown each.
    vectors
        (n_shown, n_dimensions) as `vectors.centre` treats them.
    names
        Names of places, which say nothing about a topic.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    documents: Sequence[str]
    vectors: Floats
    names: Collection[str] = ()

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The words of names."""
        return parts_of(self.names) | find_names(self.texts)

    @cached_property
    def words(self) -> list[frozenset[str]]:
        """The words of each passage that carry something."""
        return [frozenset(words(text, self.own_names)) for text in self.texts]

    @cached_property
    def pieces(self) -> list[Pieces]:
        """Each passage between its marks of punctuation."""
        return list(map(pieces, self.texts))

    @cached_property
    def company(self) -> Company:
        """Words by the company they keep."""
        return find_heads(self.pieces)

    @cached_property
    def written(self) -> Callable[[str], str | None]:
        """What writes a word in capitals that stands in capitals."""
        return is_abbreviation(self.texts)


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
    """
    held = shown.words
    weights = word_weights(held, labels, len(centres))
    telling = [
        frozenset(
            word
            for word in _heaviest(own, _TELLING)
            if own[word] >= _TELLING_WEIGHT and sum(word in held[i] for i in np.flatnonzero(labels == number)) >= _OFTEN
        )
        for number, own in enumerate(weights)
    ]
    stops, (heads, verbs) = stop_words() | shown.own_names, shown.company
    unlocked = frozenset().union(*telling)
    said = [phrases(one, stops, heads, verbs, unlocked) for one in shown.pieces]
    candidates = {
        number: [p for p, _ in pairs if _fits(p.split(), stops, telling[number])]
        for number, pairs in _class_weights(said, labels).items()
    }
    keys = _rank(candidates, weights, said, labels, shown, centres)
    own_keys = _apart(keys)
    glosses = _glosses(shown, labels, centres, keys, encode, sentences)
    found = {}
    for number in range(len(centres)):
        rows = np.flatnonzero(labels == number)
        ranked, naming = (
            [" ".join(shown.written(word) or word for word in phrase.split()) for phrase in chosen.get(number, ())]
            for chosen in (keys, own_keys)
        )
        found[number] = Description(
            label=_label(naming),
            gloss=glosses.get(number, ""),
            terms=tuple(ranked[:10]),
            words=tuple(_heaviest(weights[number], 10)),
            exemplars=exemplars(shown, rows, centres[number]),
        )
    return found


def top_words(said: Sequence[Sequence[str]], labels: Labels, n_topics: int, n: int = 10) -> list[list[str]]:
    """For each topic the `n` heaviest words of `word_weights`."""
    return [_heaviest(own, n) for own in word_weights(said, labels, n_topics)]


def word_weights(said: Sequence[Collection[str]], labels: Labels, n_topics: int) -> list[dict[str, float]]:
    """For each topic the words that set it apart, with the share of its passages that hold a word times the logarithm of its lift.

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
        weight = {
            word: round(k / len(rows) * math.log(k * len(said) / (len(rows) * usual[word])), 9)
            for word, k in own.items()
            if usual[word] >= fewest
        }
        found.append({word: value for word, value in weight.items() if value > 0})
    return found


def _heaviest(weight: Mapping[str, float], n: int) -> list[str]:
    return sorted(weight, key=lambda word: (-weight[word], word))[:n]


def _fits(words: Sequence[str], stops: Collection[str], telling: Collection[str]) -> bool:
    """Whether a phrase may name a topic: its empty words are among those that tell this topic from others."""
    return all(word not in stops or word in telling for word in words) and says_something(words, telling)


def exemplars(shown: Shown, rows: Sequence[int] | Labels, centre: Floats, n: int = 3) -> tuple[str, ...]:
    """Ids of the passages nearest to a centre, of different documents as long as there are some."""
    prose = [i for i in map(int, rows) if reads_as_prose(shown.texts[i])]
    rows = prose if len(prose) >= n else list(map(int, rows))
    ranked = sorted(rows, key=lambda i: (-round(float(shown.vectors[i] @ centre), 6), shown.ids[i]))
    chosen: list[int] = []
    for fresh in (True, False):
        for i in ranked:
            new = not fresh or shown.documents[i] not in {shown.documents[j] for j in chosen}
            if len(chosen) < n and i not in chosen and new:
                chosen.append(i)
    return tuple(shown.ids[i] for i in chosen)


# what BERTopic loads and does not use here: eight seconds
_UNUSED = ("torch", "transformers", "sentence_transformers", "umap", "hdbscan", "plotly")


def _class_weights(said: Sequence[Sequence[str]], labels: Labels) -> dict[int, list[tuple[str, float]]]:
    """Phrases of each cluster with their class-based TF-IDF, heaviest first (BERTopic, topics given by hand)."""
    import logging
    import warnings

    import scipy.cluster.hierarchy  # noqa: F401  # looks for torch when loaded, and minds one that is hidden
    import sklearn.cluster  # noqa: F401  # the same

    with warnings.catch_warnings(), without(*_UNUSED):
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
    candidates: Mapping[int, Sequence[str]],
    weights: Sequence[Mapping[str, float]],
    said: Sequence[Sequence[str]],
    labels: Labels,
    shown: Shown,
    centres: Floats,
) -> dict[int, dict[str, float]]:
    """Phrases of each cluster with their worth: those first whose words tell it from others, that many of its passages hold, of several documents, and whose passages lie near its centre."""
    every = {phrase for found in candidates.values() for phrase in found}
    holders: dict[str, list[int]] = defaultdict(list)
    for row, line in enumerate(said):
        for phrase in every.intersection(line):
            holders[phrase].append(row)
    meaning = {
        phrase: len(rows) / (len(rows) + _SOME) * unit(shown.vectors[rows].mean(axis=0))
        for phrase, rows in holders.items()
    }
    sizes = Counter(labels.tolist())
    ranked = {}
    for number, found in candidates.items():
        score = {}
        for phrase in found:
            own = [row for row in holders[phrase] if labels[row] == number]
            told = sum(weights[number].get(word, 0.0) for word in phrase.split()) / len(phrase.split()) ** 0.5
            score[phrase] = (
                (told + _UNTOLD)
                * (len(own) / sizes[number]) ** 0.5
                * max(0.05, 0.3 + float(meaning[phrase] @ centres[number]))
                * (_MORE_THAN_A_WORD if " " in phrase else 1.0)
                * (1.0 if len({shown.documents[row] for row in own}) > 1 else _ONE_DOCUMENT)
            )
        kept = distinct(sorted(score, key=lambda p: (-round(score[p], 9), p)), _CANDIDATES)
        ranked[number] = {phrase: round(score[phrase], 9) for phrase in kept}
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


def _apart(ranked: Mapping[int, Mapping[str, float]]) -> dict[int, list[str]]:
    """The phrases of each cluster without those that would name another better; the first stays where the second goes, too.

    Examples
    --------
    >>> _apart({0: {"bins": 0.9, "waste": 0.5, "lorries": 0.4}, 1: {"homes": 0.8, "waste": 0.6, "rents": 0.5}})
    {0: ['bins', 'lorries'], 1: ['homes', 'waste', 'rents']}
    """
    best: dict[str, float] = {}
    for score in ranked.values():
        for phrase in list(score)[:_NAMING]:
            best[phrase] = max(best.get(phrase, 0.0), score[phrase])
    own = {}
    for number, score in ranked.items():
        first = list(score)[:2]
        lost = {phrase for phrase in score if score[phrase] < best.get(phrase, 0.0)}
        own[number] = [
            phrase for phrase in score if phrase not in lost or (phrase == first[0] and lost.issuperset(first))
        ]
    return own


def _glosses(
    shown: Shown,
    labels: Labels,
    centres: Floats,
    keys: Mapping[int, Collection[str]],
    encode: Callable[[Sequence[str]], Vectors],
    sentences: Callable[[str], Sequence[tuple[int, int]]],
) -> dict[int, str]:
    """The sentence of each cluster's most central passages that lies nearest to its centre, among those that are no list and no scrap."""
    told: list[tuple[int, str]] = []
    for number in range(len(centres)):
        rows = np.flatnonzero(labels == number)
        prose = [i for i in rows.tolist() if reads_as_prose(shown.texts[i])]
        nearest = sorted(prose, key=lambda i: (-round(float(shown.vectors[i] @ centres[number]), 6), i))
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
        says_a_term = any(phrase in sentence.lower() for phrase in list(keys.get(number, ()))[:10])
        worth = (
            float(vector @ centres[number])
            + _SAYS_A_TERM * says_a_term
            - _ABOUT_ITSELF * bool(_ITSELF.search(sentence))
        )
        nearness = round(worth, 6)
        if number not in best or (nearness, sentence) > best[number]:
            best[number] = (nearness, sentence)
    return {number: sentence for number, (_, sentence) in best.items()}


def reads_as_prose(text: str) -> bool:
    """
    Whether a text has a sentence of some length, and is no row of a table, note or list of names.

    Examples
    --------
    >>> reads_as_prose("The two councils have shared one team of planners since the spring.")
    True
    >>> reads_as_prose("Weirshire | 5 | 4"), reads_as_prose("Ann Weir, Chief Executive, Weirshire District Council, Orren Street")
    (False, False)
    """
    found = re.findall(r"[^\W\d_][\w'’-]*", text)
    small = sum(word[0].islower() for word in found)
    return len(found) >= _GLOSS_WORDS[0] and small >= 0.6 * len(found) and " | " not in text


def _flat(text: str) -> str:
    return " ".join(text.split())


def _is_whole(sentence: str) -> bool:
    end = sentence.rstrip("”\"'’)")
    return _has_words(sentence) and sentence[:1].isupper() and end.endswith(".") and not end.endswith("..")


def _has_words(sentence: str) -> bool:
    return _GLOSS_WORDS[0] <= len(sentence.split()) <= _GLOSS_WORDS[1]
