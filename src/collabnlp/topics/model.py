"""Passages become topics within areas; other passages are assigned to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.files import atomic
from collabnlp.records import (
    InputError,
    Topic,
    TopicArea,
    TopicAssignment,
    file_sha256,
    is_whole,
    sealed,
    text_sha256,
    write_json,
)
from collabnlp.topics.consensus import Clusters, cluster
from collabnlp.topics.labels import OTHER, Description, Shown, describe
from collabnlp.topics.phrases import find_names, parts_of, words
from collabnlp.topics.vectors import Floats, Labels, Vectors, centre

_FEWEST = 10


def sample(sizes: Mapping[str, int], limit: int, seed: int) -> set[str]:
    """Documents, whole, that together hold `limit` passages or a few more: all where there are no more.

    What is drawn hangs on seed and name alone, so a document more or less leaves the draw nearly as it was.

    Parameters
    ----------
    sizes
        Passages of each document.

    Examples
    --------
    >>> sample({"a": 3, "b": 4}, 7, 20) == {"a", "b"}, len(sample({"a": 3, "b": 4}, 1, 20))
    (True, 1)
    """
    drawn: set[str] = set()
    n = 0
    for document_id in sorted(sizes, key=lambda i: text_sha256(f"{seed} {i}")):
        if n >= limit:
            break
        drawn.add(document_id)
        n += sizes[document_id]
    return drawn


class TopicModel:
    """Topics of a corpus, each within an area.

    Attributes
    ----------
    topics_
        The topics by number, -1 (other) first where a passage fell to it.
    areas_
        The areas by number.
    clusters_
        Centres of both; row and number are the same.
    """

    def __init__(
        self,
        topics: list[Topic],
        areas: list[TopicArea],
        clusters: Clusters,
        min_cosine: float,
        min_area_cosine: float,
    ) -> None:
        self.topics_, self.areas_, self.clusters_ = topics, areas, clusters
        self.min_cosine, self.min_area_cosine = min_cosine, min_area_cosine

    def assign(self, passage_ids: Sequence[str], vectors: Vectors, documents: Sequence[str]) -> list[TopicAssignment]:
        """The topic of each passage: of the nearest area its nearest topic, -1 where that is not near enough.

        A document should come whole, or as much of it as there is: what its passages have in common
        is taken away first.
        """
        found = self.place(vectors, documents)
        return [
            TopicAssignment(passage_id=passage_id, topic=int(topic), score=round(float(score), 4), area=int(area))
            for passage_id, topic, score, area in zip(passage_ids, found.topic, found.score, found.area, strict=True)
        ]

    def place(self, vectors: Vectors, documents: Sequence[str]) -> Placement:
        """Where passages belong, as arrays."""
        return place(self.clusters_, vectors, documents, self.min_cosine, self.min_area_cosine)

    def to_disk(self, folder: str | Path) -> None:
        """Write topics, areas and centres as safetensors and JSON."""
        from safetensors.numpy import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / "centres.safetensors") as temporary:
            save_file(
                {name: np.ascontiguousarray(array) for name, array in self.clusters_._asdict().items()}, temporary
            )
        data = {
            "format": 2,
            "min_cosine": self.min_cosine,
            "min_area_cosine": self.min_area_cosine,
            "topics": [topic.model_dump(mode="json") for topic in self.topics_],
            "areas": [area.model_dump(mode="json") for area in self.areas_],
            "centres": file_sha256(folder / "centres.safetensors"),
        }
        write_json(folder / "topics.json", sealed(data))

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
            if data["format"] != 2:
                raise ValueError(f"format {data['format']}")
            centres = folder / "centres.safetensors"
            if not is_whole(data) or data.get("centres", "") not in ("", file_sha256(centres)):
                raise ValueError("damaged: its SHA-256 is another")
            clusters = Clusters(**load_file(centres))
            _check(clusters)
            return cls(
                [Topic.model_validate(topic) for topic in data["topics"]],
                [TopicArea.model_validate(area) for area in data["areas"]],
                clusters,
                float(data["min_cosine"]),
                float(data["min_area_cosine"]),
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InputError(folder, f"holds no topic model ({error})", "run `dvc repro`") from error


def _check(clusters: Clusters) -> None:
    n = len(clusters.mean)
    if clusters.areas.shape[1:] != (n,) or clusters.topics.shape[1:] != (n,):
        raise ValueError("the centres differ in length")
    if len(clusters.parents) != len(clusters.topics) or not np.isin(clusters.parents, range(len(clusters.areas))).all():
        raise ValueError("a topic has no area")


class Placement(NamedTuple):
    """Where passages belong.

    Attributes
    ----------
    topic, area
        (n_passages,) numbers; -1: none is near enough. A passage of no topic may have an area.
    score
        (n_passages,) cosine with the centre of the nearest topic of its area.
    treated
        (n_passages, n_dimensions) vectors as `vectors.centre` treats them.
    """

    topic: Labels
    area: Labels
    score: Floats
    treated: Floats


def place(
    clusters: Clusters, vectors: Vectors, documents: Sequence[str], min_cosine: float, min_area_cosine: float
) -> Placement:
    """The nearest area of each passage, and of its topics the nearest, as far as they are near enough."""
    treated = centre(vectors, documents, clusters.mean)
    near_areas = treated @ clusters.areas.T
    area = near_areas.argmax(axis=1)
    cosines = treated @ clusters.topics.T
    cosines[clusters.parents[None] != area[:, None]] = -np.inf
    topic = cosines.argmax(axis=1)
    score = cosines.max(axis=1)
    topic = np.where(score >= min_cosine, topic, -1)
    area = np.where((topic >= 0) | (near_areas.max(axis=1) >= min_area_cosine), area, -1)
    return Placement(topic, area, score, treated)


def fit(
    passage_ids: Sequence[str],
    texts: Sequence[str],
    vectors: Vectors,
    documents: Sequence[str],
    public: Sequence[bool],
    *,
    encode: Callable[[Sequence[str]], Vectors],
    sentences: Callable[[str], Sequence[tuple[int, int]]],
    n_areas: int = 8,
    n_topics: int = 20,
    area_components: int = 15,
    draws: int = 1000,
    min_cosine: float = 0.15,
    min_area_cosine: float = 0.15,
    seed: int = 20,
    names: Collection[str] = (),
) -> tuple[TopicModel, list[TopicAssignment]]:
    """Topics of passages, and the topic of each.

    Parameters
    ----------
    passage_ids, texts, vectors, documents, public
        n_passages each; `vectors` is (n_passages, n_dimensions) with rows of length 1; `public`
        says whose words may be shown: labels, glosses and examples come from these alone. The order
        of rows has no influence.
    encode
        Gives vectors of sentences, for glosses.
    sentences
        Gives start and end of each sentence of a text.
    n_areas, n_topics, area_components, draws, seed
        See `consensus.cluster`.
    min_cosine
        A passage whose treated vector is farther from its topic's centre belongs to no topic.
    min_area_cosine
        The same for areas, of a passage that belongs to no topic.
    names
        Names of places, which say nothing about a topic and are kept out of labels.

    Raises
    ------
    InputError
        Where there are too few passages.
    """
    if len(passage_ids) < _FEWEST:
        raise InputError("corpus", f"holds {len(passage_ids)} passages, too few for topics", "add documents")
    order = np.argsort(np.array(passage_ids))
    ids = [passage_ids[i] for i in order]
    vectors, documents = np.asarray(vectors)[order], [documents[i] for i in order]
    own_names = parts_of(names) | find_names(texts)
    clusters = cluster(
        ids,
        vectors,
        documents,
        [words(texts[i], own_names) for i in order],
        n_areas=n_areas,
        n_topics=n_topics,
        area_components=area_components,
        draws=draws,
        seed=seed,
    )
    near = min_cosine, min_area_cosine
    clusters = _by_size(clusters, place(clusters, vectors, documents, *near))
    found = place(clusters, vectors, documents, *near)
    rows = [at for at, i in enumerate(order) if public[i]]
    shown = Shown(
        [ids[i] for i in rows],
        [texts[order[i]] for i in rows],
        [documents[i] for i in rows],
        found.treated[rows],
        names,
    )
    told = describe(shown, found.topic[rows], clusters.topics, encode=encode, sentences=sentences)
    told_areas = describe(shown, found.area[rows], clusters.areas, encode=encode, sentences=sentences)
    model = TopicModel(
        _topics(found.topic, clusters.parents, told), _areas(found.area, clusters.parents, told_areas), clusters, *near
    )
    return model, model.assign(ids, vectors, documents)


def _by_size(clusters: Clusters, found: Placement) -> Clusters:
    """The clusters numbered by falling number of passages."""
    sizes, of_areas = (
        np.bincount(numbers[numbers >= 0], minlength=n)
        for numbers, n in ((found.topic, len(clusters.topics)), (found.area, len(clusters.areas)))
    )
    areas, topics = np.argsort(-of_areas, kind="stable"), np.argsort(-sizes, kind="stable")
    rank: NDArray[np.int64] = np.argsort(areas)
    return Clusters(clusters.mean, clusters.areas[areas], clusters.topics[topics], rank[clusters.parents[topics]])


def _topics(number: Labels, parents: Labels, told: dict[int, Description]) -> list[Topic]:
    topics = [
        Topic(topic=topic, n_passages=int((number == topic).sum()), area=int(parents[topic]), **told[topic]._asdict())
        for topic in range(len(parents))
    ]
    n_other = int((number < 0).sum())
    other = Topic(topic=-1, label=OTHER, terms=(), n_passages=n_other, exemplars=(), area=-1, gloss="", words=())
    return [other, *topics] if n_other else topics


def _areas(area: Labels, parents: Labels, told: dict[int, Description]) -> list[TopicArea]:
    return [
        TopicArea(
            area=number,
            label=told[number].label,
            gloss=told[number].gloss,
            terms=told[number].terms,
            topics=tuple(np.flatnonzero(parents == number).tolist()),
            n_passages=int((area == number).sum()),
            exemplars=told[number].exemplars,
        )
        for number in range(len(told))
    ]
