"""Passages become tags."""

from collabnlp.classify import Classifier
from collabnlp.embed import read_vectors
from collabnlp.params import Params
from collabnlp.records import Passage, PassageTag, read_table, write_table
from collabnlp.release import INTERVIEWER
from collabnlp.stages import MODELS, OUTPUTS, log, main


def stage(params: Params) -> None:
    """Tag all passages but the interviewers' own."""
    classifier = Classifier.from_disk(MODELS / "classifier")
    ids, vectors = read_vectors(OUTPUTS / "embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    passages = [row for row in read_table(OUTPUTS / "passages.parquet", Passage) if row.speaker != INTERVIEWER]
    tags = classifier.tag(
        [row.passage_id for row in passages],
        [row.text for row in passages],
        vectors[[row_of[row.passage_id] for row in passages]],
    )
    write_table(OUTPUTS / "tags.parquet", tags, PassageTag)
    log.info("%d tags on %d of %d passages", len(tags), len({tag.passage_id for tag in tags}), len(passages))


if __name__ == "__main__":
    main(stage)
