"""Passages become topics and their assignments."""

from collections import Counter

from collabnlp.embed import SentenceEncoder, encode_cached, read_vectors
from collabnlp.engine import CACHE
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.records import (
    Document,
    InputError,
    Passage,
    Topic,
    TopicArea,
    TopicAssignment,
    TopicChange,
    read_table,
    write_csv,
    write_table,
)
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.segment import sentences
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main
from collabnlp.topics import TopicModel, fit
from collabnlp.topics.changes import compare

KEPT = MODELS / "topics-kept"


def stage(params: Params) -> None:
    """Fit topics on all passages but the interviewers' own, or assign these to topics that are kept."""
    vector_ids, vectors = read_vectors(OUTPUTS / "embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(vector_ids)}
    passages = [row for row in read_table(OUTPUTS / "passages.parquet", Passage) if row.speaker != INTERVIEWER]
    access = {row.document_id: row.access for row in read_table(OUTPUTS / "documents.parquet", Document)}
    settings = params.topics
    ids, documents = [row.passage_id for row in passages], [row.document_id for row in passages]
    own = vectors[[row_of[passage_id] for passage_id in ids]]
    kept = TopicModel.from_disk(KEPT) if (KEPT / "topics.json").exists() else None
    if settings.refit:
        encoder = SentenceEncoder(
            params.embed.encoder, params.embed.sha256, params.embed.max_tokens, params.embed.precision
        )
        aliases = load_gazetteer(CORPUS / "gazetteer.csv").aliases
        model, assignments = fit(
            ids,
            [row.text for row in passages],
            own,
            documents,
            [access[document_id] == "public" for document_id in documents],
            encode=lambda texts: encode_cached(encoder, texts, CACHE / "vectors")[0],
            sentences=sentences,
            n_areas=settings.n_areas,
            n_topics=settings.n_topics,
            area_components=settings.area_components,
            draws=settings.draws,
            min_cosine=settings.min_cosine,
            min_area_cosine=settings.min_area_cosine,
            seed=settings.seed,
            names=[alias for alias, (form, _) in aliases.items() if form == "bare"],
        )
    elif kept is not None:
        model, assignments = kept, kept.assign(ids, own, documents)
    else:
        raise InputError(KEPT, "holds no topics to keep", "copy models/topics there, or set topics.refit to true")
    model.to_disk(MODELS / "topics")
    n_of = Counter(row.topic for row in assignments)
    n_of_area = Counter(row.area for row in assignments)
    topics = [row.model_copy(update={"n_passages": n_of[row.topic]}) for row in model.topics_]
    areas = [row.model_copy(update={"n_passages": n_of_area[row.area]}) for row in model.areas_]
    write_table(OUTPUTS / "topics.parquet", topics, Topic)
    write_table(OUTPUTS / "topic_areas.parquet", areas, TopicArea)
    write_table(OUTPUTS / "topic_assignments.parquet", assignments, TopicAssignment)
    changes = (
        compare(kept.assign(ids, own, documents), assignments, kept.topics_, model.topics_) if kept is not None else []
    )
    write_csv(OUTPUTS / "topic_changes.csv", changes, TopicChange)
    log.info(
        "%d topics in %d areas, %d of %d passages in none",
        sum(topic.topic >= 0 for topic in topics),
        len(areas),
        n_of[-1],
        len(assignments),
    )


if __name__ == "__main__":
    main(stage)
