"""Passages become topics and their assignments."""

from collabnlp.embed import SentenceEncoder, encode_cached, read_vectors
from collabnlp.engine import CACHE
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.records import Document, Passage, Topic, TopicAssignment, read_table, write_table
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main
from collabnlp.topics import fit


def stage(params: Params) -> None:
    """Fit topics on all passages but the interviewers' own."""
    ids, vectors = read_vectors(OUTPUTS / "embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    passages = [row for row in read_table(OUTPUTS / "passages.parquet", Passage) if row.speaker != INTERVIEWER]
    kind = {row.document_id: row.kind for row in read_table(OUTPUTS / "documents.parquet", Document)}
    encoder = SentenceEncoder(params.embed.encoder, params.embed.sha256, params.embed.max_tokens)
    names = [alias for alias, (form, _) in load_gazetteer(CORPUS / "gazetteer.csv").aliases.items() if form == "bare"]
    settings = params.topics
    model, assignments = fit(
        [row.passage_id for row in passages],
        [row.text for row in passages],
        vectors[[row_of[row.passage_id] for row in passages]],
        [row.document_id for row in passages],
        [kind[row.document_id] for row in passages],
        encode=lambda terms: encode_cached(encoder, terms, CACHE / "vectors")[0],
        n_topics=settings.n_topics,
        n_components=settings.n_components,
        min_cosine=settings.min_cosine,
        seed=settings.seed,
        names=names,
    )
    model.to_disk(MODELS / "topics")
    write_table(OUTPUTS / "topics.parquet", model.topics_, Topic)
    write_table(OUTPUTS / "topic_assignments.parquet", assignments, TopicAssignment)
    log.info(
        "%d topics, %d of %d passages in none",
        sum(t.topic >= 0 for t in model.topics_),
        sum(a.topic < 0 for a in assignments),
        len(assignments),
    )


if __name__ == "__main__":
    main(stage)
