"""Passages become topics and their assignments."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from collabnlp.embed import Remembering, SentenceEncoder, Vectors, VectorTable
from collabnlp.engine import CACHE
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.records import (
    InputError,
    Passage,
    Table,
    Topic,
    TopicArea,
    TopicAssignment,
    TopicChange,
    sort_records,
    table_writer,
    write_csv,
    write_table,
)
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.segment import sentences
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, by_document, load_documents, log, main
from collabnlp.topics import TopicModel, fit, sample
from collabnlp.topics.changes import compare

KEPT = MODELS / "topics-kept"


def stage(params: Params) -> None:
    """Fit topics on passages but the interviewers' own, or take those that are kept, and assign all such passages to them."""
    settings = params.topics
    kept = TopicModel.from_disk(KEPT) if (KEPT / "topics.json").exists() else None
    if settings.refit:
        model = _fit(params)
    elif kept is not None:
        model = kept
    else:
        raise InputError(KEPT, "holds no topics to keep", "copy models/topics there, or set topics.refit to true")
    model.to_disk(MODELS / "topics")
    n_of: Counter[int] = Counter()
    n_of_area: Counter[int] = Counter()
    moved: Counter[tuple[int, int]] = Counter()
    with table_writer(OUTPUTS / "topic_assignments.parquet", TopicAssignment) as write:
        for rows, vectors in _passages():
            place = [row.passage_id for row in rows], vectors, [row.document_id for row in rows]
            assignments = model.assign(*place)
            write(sort_records(assignments, TopicAssignment))
            n_of.update(row.topic for row in assignments)
            n_of_area.update(row.area for row in assignments)
            if kept is not None:
                before = kept.assign(*place)
                moved.update((old.topic, new.topic) for old, new in zip(before, assignments, strict=True))
    topics = [row.model_copy(update={"n_passages": n_of[row.topic]}) for row in model.topics_]
    areas = [row.model_copy(update={"n_passages": n_of_area[row.area]}) for row in model.areas_]
    write_table(OUTPUTS / "topics.parquet", topics, Topic)
    write_table(OUTPUTS / "topic_areas.parquet", areas, TopicArea)
    changes = compare(moved, kept.topics_, model.topics_) if kept is not None else []
    write_csv(OUTPUTS / "topic_changes.csv", changes, TopicChange)
    log.info(
        "%d topics in %d areas, %d of %d passages in none",
        sum(topic.topic >= 0 for topic in topics),
        len(areas),
        n_of[-1],
        n_of.total(),
    )


def _passages() -> Iterator[tuple[list[Passage], Vectors]]:
    """The passages of each document but the interviewers' own, and their vectors."""
    vectors = VectorTable(OUTPUTS / "embeddings.parquet")
    for start, rows in by_document(Table(OUTPUTS / "passages.parquet", Passage)):
        own = [i for i, row in enumerate(rows) if row.speaker != INTERVIEWER]
        if own:
            yield [rows[i] for i in own], vectors.rows(start, start + len(rows))[1][own]


def _fit(params: Params) -> TopicModel:
    """Topics of whole documents, drawn until they hold enough passages."""
    settings = params.topics
    access = {row.document_id: row.access for row in load_documents()}
    sizes = {rows[0].document_id: len(rows) for rows, _ in _passages()}
    drawn = sample(sizes, settings.sample, settings.seed)
    passages: list[Passage] = []
    vectors: list[Vectors] = []
    for rows, own in _passages():
        if rows[0].document_id in drawn:
            passages += rows
            vectors.append(own)
    encoder = SentenceEncoder(
        params.embed.encoder, params.embed.sha256, params.embed.max_tokens, params.embed.precision
    )
    aliases = load_gazetteer(CORPUS / "gazetteer.csv").aliases
    return fit(
        [row.passage_id for row in passages],
        [row.text for row in passages],
        np.vstack(vectors) if vectors else np.empty((0, 0), np.float32),
        [row.document_id for row in passages],
        [access[row.document_id] == "public" for row in passages],
        encode=Remembering(encoder, CACHE / "vectors").encode,
        sentences=sentences,
        n_areas=settings.n_areas,
        n_topics=settings.n_topics,
        area_components=settings.area_components,
        draws=settings.draws,
        min_cosine=settings.min_cosine,
        min_area_cosine=settings.min_area_cosine,
        seed=settings.seed,
        names=[alias for alias, (form, _) in aliases.items() if form == "bare"],
    )[0]


if __name__ == "__main__":
    main(stage)
