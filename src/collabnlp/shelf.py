"""What a reviewer is shown: the passages of a project, and what the model suggests for each, with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from collabnlp.classify import Classifier
from collabnlp.codebook import load_codebook
from collabnlp.embed import Readings, read_readings, read_vectors
from collabnlp.exchange.journal import text_mark
from collabnlp.exchange.pack import LIKELY
from collabnlp.gold import STANCES, Gold
from collabnlp.learners import Look
from collabnlp.params import load_params
from collabnlp.reasons import Neighbours, explain
from collabnlp.records import Document, InputError, Passage, PassageTag, Stance, read_table


class Suggestion(NamedTuple):
    """What the model says of one code: `given` where its score reaches the threshold, `review` where it is not sure."""

    code: str
    stance: Stance
    score: float
    given: bool
    review: bool
    sentence: str
    terms: tuple[str, ...]


class Shelf:
    """The project as its last run has it.

    Parameters
    ----------
    project
        The project's folder.

    Attributes
    ----------
    at
        Row of each passage, by id.
    marks
        `text_mark` of each passage, by id.
    scores
        (n_passages, n_codes) probabilities.

    Raises
    ------
    InputError
        Where a table is missing, or is not of the same run as the others.
    """

    def __init__(self, project: Path) -> None:
        outputs = project / "outputs"
        self.codebook = load_codebook(project / "corpus" / "codebook.yaml")
        self.documents = {d.document_id: d for d in read_table(outputs / "documents.parquet", Document)}
        self.passages = read_table(outputs / "passages.parquet", Passage)
        self.at = {passage.passage_id: i for i, passage in enumerate(self.passages)}
        self.marks = {passage.passage_id: text_mark(passage.text) for passage in self.passages}
        self.classifier = Classifier.from_disk(project / "models" / "classifier")
        if self.classifier.codes != self.codebook.names:
            raise InputError("corpus/codebook.yaml", "has other codes than the model", "run `dvc repro` first")
        ids, vectors = read_vectors(outputs / "embeddings.parquet")
        _, readings = read_readings(outputs / "readings.parquet", len(self.classifier.codes))
        row_of = {passage_id: i for i, passage_id in enumerate(ids)}
        if missing := [own for own in self.at if own not in row_of]:
            raise InputError("outputs/embeddings.parquet", f"lacks {missing[0]}", "run `dvc repro` first")
        rows = np.array([row_of[own] for own in self.at], dtype=np.int64)
        self.look = Look(vectors, readings.codes, readings.stances).take(rows)
        self.places = readings.places[rows]
        self.shift = load_params(project / "params.yaml").classify.shift
        self.scores, self.stances = self.classifier.predict([p.text for p in self.passages], self.look)
        n_codes = len(self.classifier.codes)
        nobody = Gold([], [], np.zeros((0, n_codes), dtype=bool), np.zeros((0, n_codes), dtype=np.int64), [], [])
        self._neighbours = Neighbours(nobody, vectors[:0], self.classifier.codes)

    def suggest(self, passage_id: str) -> list[Suggestion]:
        """What the model says of a passage: the codes it gives or finds likely, likeliest first, with reasons."""
        i = self.at[passage_id]
        passage, classifier = self.passages[i], self.classifier
        cuts = classifier.cuts(passage.document_id, self.shift)
        told = [j for j in np.argsort(-self.scores[i], kind="stable") if self.scores[i, j] >= min(LIKELY, cuts[j])]
        tags = [
            PassageTag(
                passage_id=passage_id,
                code=classifier.codes[j],
                coder=classifier.coder,
                stance=STANCES[self.stances[i, j]],
                score=float(self.scores[i, j]),
            )
            for j in told
        ]
        look = self.look.take(np.array([i]))
        readings = Readings(look.codes, look.stances, self.places[i : i + 1])
        reasons = explain(classifier, [passage], tags, look.vectors, readings, self._neighbours)
        return [
            Suggestion(
                tag.code,
                tag.stance,
                self.scores[i, j],
                bool(self.scores[i, j] >= cuts[j]),
                classifier.review(self.scores[i, j], tag.code),
                reason.sentence,
                reason.terms,
            )
            for j, tag, reason in zip(told, tags, reasons, strict=True)
        ]
