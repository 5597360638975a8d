"""Vectors and texts become topics (BERTopic); new texts are assigned to them.

BERTopic's own reducer and clusterer change their result with the machine and with the order of
rows. Here it is given principal components and k-means, both seeded, over rows in a fixed order;
a passage far from the centre of its topic is an outlier (-1).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import InputError, Topic, TopicAssignment, atomic, write_json

Vectors = NDArray[np.float32]
_TOKEN = r"(?u)\b[a-zA-Z][a-zA-Z'’-]*[a-zA-Z]\b"

# Words that carry nothing in this field, whatever the topic.
_EMPTY = """
council councils county counties district districts borough boroughs city authority authorities local area areas
work working works worked one two three four five six first second new also many much way ways make made makes
making take taken takes took say says said thing things people different part parts good well like just think know
going really got get came come see use used using including include includes example year years need needs number
part time case study report place places mr mrs yes yeah um er well went would could may might must own lot bit put
let set half councillor councillors leader leaders officer officers chief executive executives interviewee
interviewees told whole said says because people partner partners partnership partnerships collaboration
collaborative joint jointly together across between within around without among one's don't didn't it's that's
there's they've we've we're you've i've i'd we'd they'd isn't wasn't did done sat sit send sent asked ask goes end
march april held sign send knew thought wanted want talk talked met meet tried try somebody anybody everybody nobody
person man woman day days week weeks month months past left round far best right wrong fair little check wrote saw
began began started couldn't wouldn't hasn't doesn't hadn't aren't weren't haven't who's what's here's i'll you'd
she'd he'd i'm you're they're he's she's let's won't can't shire tier tiers
""".split()


class TopicModel:
    """Topics of a corpus.

    Attributes
    ----------
    topics_
        The topics, -1 (outliers) first where there are any.
    centres_
        (n_topics, n_dimensions), rows of length 1, of the topics from 0.
    """

    def __init__(self, topics: list[Topic], centres: Vectors, min_cosine: float) -> None:
        self.topics_, self.centres_, self.min_cosine = topics, centres, min_cosine

    def assign(self, passage_ids: Sequence[str], vectors: Vectors) -> list[TopicAssignment]:
        """The topic of each passage: that of the nearest centre, -1 where none is near enough."""
        return [
            TopicAssignment(passage_id=passage_id, topic=topic, score=score)
            for passage_id, (topic, score) in zip(
                passage_ids, _nearest(vectors, self.centres_, self.min_cosine), strict=True
            )
        ]

    def to_disk(self, folder: str | Path) -> None:
        """Write topics and centres as safetensors and JSON."""
        from safetensors.numpy import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / "centres.safetensors") as temporary:
            save_file({"centres": np.ascontiguousarray(self.centres_)}, temporary)
        write_json(
            folder / "topics.json",
            {"min_cosine": self.min_cosine, "topics": [topic.model_dump() for topic in self.topics_]},
        )

    @classmethod
    def from_disk(cls, folder: str | Path) -> TopicModel:
        """A model as `to_disk` wrote it; runs no code from the files.

        Raises
        ------
        InputError
            Where files are missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        try:
            data = json.loads((folder / "topics.json").read_text(encoding="utf-8"))
            centres = load_file(folder / "centres.safetensors")["centres"]
            return cls([Topic.model_validate(topic) for topic in data["topics"]], centres, data["min_cosine"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(folder, f"holds no topic model ({error})", "run `dvc repro`") from error


def fit(
    passage_ids: Sequence[str],
    texts: Sequence[str],
    vectors: Vectors,
    documents: Sequence[str],
    kinds: Sequence[str],
    *,
    encode: Callable[[Sequence[str]], Vectors],
    n_topics: int = 12,
    n_components: int = 20,
    min_cosine: float = 0.3,
    seed: int = 20,
    names: Sequence[str] = (),
) -> tuple[TopicModel, list[TopicAssignment]]:
    """Topics of passages, and the topic of each.

    Parameters
    ----------
    passage_ids, texts, vectors, documents, kinds
        n_passages each; `vectors` is (n_passages, n_dimensions) with rows of length 1; `kinds` says
        report or transcript. The order of rows has no influence.
    encode
        Gives vectors of terms: those nearest to what sets a topic apart make its label.
    n_topics
        Number of topics; 0: the square root of half the number of passages, 2 to 30.
    n_components
        Principal components that k-means sees.
    min_cosine
        A passage whose vector is farther from its topic's centre is an outlier.
    seed
        Of k-means.
    names
        Names of places, which say nothing about a topic and are kept out of labels.
    """
    order = np.argsort(np.array(passage_ids))
    ids = [passage_ids[i] for i in order]
    texts, vectors, documents = [texts[i] for i in order], vectors[order], [documents[i] for i in order]
    register = _register_means(vectors, [kinds[i] for i in order])
    if len(ids) < 10:
        raise InputError("corpus", f"holds {len(ids)} passages, too few for topics", "add documents")
    k = n_topics or min(30, max(2, round(math.sqrt(len(ids) / 2))))
    k = min(k, len(ids) // 3)
    labels, terms = _bertopic(
        texts, vectors - register, k, min(n_components, len(ids) - 1, vectors.shape[1]), seed, names
    )
    terms = [
        _nearest_terms(words, (vectors - register)[labels == t].mean(axis=0), encode) for t, words in enumerate(terms)
    ]
    centres = np.stack([_unit(vectors[labels == t].mean(axis=0)) for t in range(k)]).astype(np.float32)
    assigned = [
        (t, s) if s >= min_cosine else (-1, s)
        for t, s in ((int(t), round(float(vectors[i] @ centres[t]), 4)) for i, t in enumerate(labels))
    ]
    model = TopicModel(_describe(ids, documents, assigned, terms), centres, min_cosine)
    rows = [TopicAssignment(passage_id=p, topic=t, score=s) for p, (t, s) in zip(ids, assigned, strict=True)]
    return model, rows


def _register_means(vectors: Vectors, kinds: Sequence[str]) -> Vectors:
    """(n_passages, n_dimensions): the mean vector of all passages of the same kind.

    Taken away, it keeps topics from parting talk from print instead of subject from subject.
    """
    means = np.zeros_like(vectors)
    for kind in sorted(set(kinds)):
        rows = [i for i, other in enumerate(kinds) if other == kind]
        means[rows] = vectors[rows].mean(axis=0)
    return means


def _nearest_terms(terms: Sequence[str], direction: Vectors, encode: Callable[[Sequence[str]], Vectors]) -> list[str]:
    """The terms, those first whose meaning lies nearest to a direction; c-TF-IDF's own order weighs as much."""
    if not terms:
        return []
    cosines = encode(terms) @ _unit(direction)
    score = cosines / max(float(np.abs(cosines).max()), 1e-9) - 0.5 * np.arange(len(terms)) / len(terms)
    return [terms[i] for i in np.argsort(-score, kind="stable")]


def _bertopic(
    texts: Sequence[str], vectors: Vectors, k: int, n_components: int, seed: int, names: Sequence[str]
) -> tuple[NDArray[np.int64], list[list[str]]]:
    """Topic of each text by falling size, and the terms of each topic, strongest first."""
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bertopic import BERTopic
        from bertopic.backend import BaseEmbedder
        from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.feature_extraction.text import CountVectorizer

    logging.getLogger("BERTopic").setLevel(logging.ERROR)
    vectorizer = CountVectorizer(
        preprocessor=_plain,
        ngram_range=(1, 2),
        stop_words=stop_words(names),
        min_df=min(6, max(1, len(texts) // 80)),
        token_pattern=_TOKEN,
    )
    model = BERTopic(
        embedding_model=BaseEmbedder(),
        umap_model=PCA(n_components=n_components, svd_solver="full"),
        hdbscan_model=KMeans(n_clusters=k, n_init=20, random_state=seed),
        vectorizer_model=vectorizer,
        ctfidf_model=ClassTfidfTransformer(bm25_weighting=True),
        top_n_words=40,
        calculate_probabilities=False,
    )
    topics, _ = model.fit_transform(list(texts), embeddings=np.asarray(vectors, dtype=np.float64))
    labels = np.asarray(topics, dtype=np.int64)
    by_topic = model.get_topics()
    found = sorted(set(labels.tolist()), key=lambda t: (-int(np.sum(labels == t)), int(np.flatnonzero(labels == t)[0])))
    rank = {t: i for i, t in enumerate(found)}
    terms = [[word for word, weight in by_topic[t] if word and weight > 0] for t in found]
    return np.array([rank[t] for t in labels.tolist()], dtype=np.int64), terms


def _plain(text: str) -> str:
    """Small letters, straight apostrophes, no possessives."""
    return re.sub(r"'s\b", "", text.lower().replace("’", "'"))


def stop_words(names: Sequence[str] = ()) -> list[str]:
    """Words that no label should rest on: English function words, words empty in this field, and names of places."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    parts = {part.lower() for name in names for part in re.findall(r"[A-Za-z]{3,}", name)}
    return sorted({*ENGLISH_STOP_WORDS, *(re.sub(r"'s$", "", word) for word in _EMPTY), *parts} - {""})


def _unit(vector: Vectors) -> Vectors:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _nearest(vectors: Vectors, centres: Vectors, min_cosine: float) -> list[tuple[int, float]]:
    cosines = np.asarray(vectors) @ centres.T
    best = cosines.argmax(axis=1)
    return [
        (int(t) if row[t] >= min_cosine else -1, round(float(row[t]), 4)) for row, t in zip(cosines, best, strict=True)
    ]


def _describe(
    ids: Sequence[str], documents: Sequence[str], assigned: Sequence[tuple[int, float]], terms: Sequence[Sequence[str]]
) -> list[Topic]:
    topics = []
    for topic in sorted({t for t, _ in assigned}):
        rows = [i for i, (t, _) in enumerate(assigned) if t == topic]
        ranked = sorted(rows, key=lambda i: (-assigned[i][1], ids[i]))
        exemplars: list[int] = []
        for fresh in (True, False):  # three of different documents first
            for i in ranked:
                if (
                    len(exemplars) < 3
                    and i not in exemplars
                    and (not fresh or documents[i] not in {documents[j] for j in exemplars})
                ):
                    exemplars.append(i)
        words = terms[topic] if topic >= 0 else []
        topics.append(
            Topic(
                topic=topic,
                label=_label(words) if topic >= 0 else "Other",
                terms=tuple(words[:10]),
                n_passages=len(rows),
                exemplars=tuple(ids[i] for i in exemplars),
            )
        )
    return topics


def _label(terms: Sequence[str]) -> str:
    """Up to three phrases that share no word, two-word phrases before the words they hold.

    Examples
    --------
    >>> _label(["waste", "waste collection", "bins", "recycling"])
    'Waste collection, bins, recycling'
    """
    chosen: list[str] = []
    for term in terms:
        pair = next((t for t in terms if " " in t and term in t.split()), None)
        phrase = pair if pair and " " not in term else term
        words = {w.rstrip("s") for w in phrase.split()}
        if not any(words & {w.rstrip("s") for w in other.split()} for other in chosen):
            chosen.append(phrase)
        if len(chosen) == 3:
            break
    text = ", ".join(chosen) or "Unnamed"
    return text[0].upper() + text[1:]


def quality(
    texts: Sequence[str], assignments: Sequence[TopicAssignment], topics: Sequence[Topic], n_words: int = 10
) -> dict[str, float]:
    """Coherence, diversity and outlier share of topics, over the passages themselves.

    Returns
    -------
    dict
        `npmi`: mean normalised pointwise mutual information of the top words of a topic, taken
        pairwise over passages, -1 to 1 (Bouma 2009; Roeder et al. 2015). `diversity`: share of
        different words among the top words of all topics, 0 to 1 (Dieng et al. 2020). `outliers`:
        share of passages without topic. NaN where undefined.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    words = [[term for term in topic.terms if " " not in term][:n_words] for topic in topics if topic.topic >= 0]
    vocabulary = sorted({word for topic_words in words for word in topic_words})
    outliers = sum(row.topic == -1 for row in assignments) / max(1, len(assignments))
    if not vocabulary:
        return {"npmi": math.nan, "diversity": math.nan, "outliers": outliers, "n_topics": float(len(words))}
    counts = CountVectorizer(
        vocabulary=vocabulary, preprocessor=_plain, binary=True, token_pattern=_TOKEN
    ).fit_transform(texts)
    joint = (counts.T @ counts).toarray() / len(texts)
    at = {word: i for i, word in enumerate(vocabulary)}
    scores = []
    for topic_words in words:
        pairs = [(at[a], at[b]) for i, a in enumerate(topic_words) for b in topic_words[i + 1 :]]
        values = [_npmi(joint[a, b], joint[a, a], joint[b, b]) for a, b in pairs]
        if values:
            scores.append(float(np.mean(values)))
    n_terms = sum(len(topic_words) for topic_words in words)
    return {
        "npmi": float(np.mean(scores)) if scores else math.nan,
        "diversity": len(vocabulary) / max(1, n_terms),
        "outliers": outliers,
        "n_topics": float(len(words)),
    }


def _npmi(joint: float, a: float, b: float) -> float:
    if joint <= 0 or a <= 0 or b <= 0:
        return -1.0
    if joint >= 1:
        return 1.0
    return math.log(joint / (a * b)) / -math.log(joint)
