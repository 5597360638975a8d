"""Passages become tags, with a reason for each."""

import numpy as np

from collabnlp.classify import Classifier
from collabnlp.embed import read_readings, read_vectors
from collabnlp.learners import Look
from collabnlp.params import Params
from collabnlp.reasons import explain, load_neighbours
from collabnlp.records import Passage, PassageTag, TagReason, read_table, write_table
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main


def stage(params: Params) -> None:
    """Tag all passages but the interviewers' own."""
    classifier = Classifier.from_disk(MODELS / "classifier")
    ids, vectors = read_vectors(OUTPUTS / "embeddings.parquet")
    _, readings = read_readings(OUTPUTS / "readings.parquet", len(classifier.codes))
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    passages = [row for row in read_table(OUTPUTS / "passages.parquet", Passage) if row.speaker != INTERVIEWER]
    rows = np.array([row_of[row.passage_id] for row in passages], dtype=np.int64)
    vectors, readings = vectors[rows], readings.take(rows)
    tags = classifier.tag(
        [row.passage_id for row in passages],
        [row.text for row in passages],
        Look(vectors, readings.codes, readings.stances),
        sources=[row.document_id for row in passages],
        shift=params.classify.shift,
    )
    reasons = explain(classifier, passages, tags, vectors, readings, load_neighbours(CORPUS, OUTPUTS, classifier.codes))
    write_table(OUTPUTS / "tags.parquet", tags, PassageTag)
    write_table(OUTPUTS / "reasons.parquet", reasons, TagReason)
    log.info(
        "%d tags on %d of %d passages, %d of them for review",
        len(tags),
        len({tag.passage_id for tag in tags}),
        len(passages),
        sum(tag.review for tag in tags),
    )


if __name__ == "__main__":
    main(stage)
