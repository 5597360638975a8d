"""Topics beside codes, documents, years and councils: tables, pictures, and how good the topics are."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from collabnlp.codebook import load_codebook
from collabnlp.embed import Vectors, VectorTable
from collabnlp.params import Params
from collabnlp.records import (
    Document,
    EntityLink,
    FoundEntity,
    Passage,
    PassageTag,
    Table,
    Topic,
    TopicArea,
    TopicAssignment,
    TopicCode,
    TopicCount,
    TopicGap,
    csv_text,
    read_table,
    write_csv,
    write_json,
    write_text,
)
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, by_document, load_documents, log, main
from collabnlp.topics import TopicModel, sample
from collabnlp.topics.map_page import write_map_page
from collabnlp.topics.plots import Dot, lay_out, write_codes, write_map, write_tree, write_years
from collabnlp.topics.quality import quality
from collabnlp.topics.tables import Given, Placed, count_codes, count_places, find_gaps, labels_of, place

QUOTE = 240  # characters of a passage that the map shows
MOST_DOTS = 20_000  # about as many passages are on the map, since a page with more does not open, and are measured


def stage(params: Params) -> None:
    """Count, measure and draw."""
    codebook = load_codebook(CORPUS / "codebook.yaml", searched=False)
    documents = {row.document_id: row for row in load_documents()}
    topics = read_table(OUTPUTS / "topics.parquet", Topic)
    areas = read_table(OUTPUTS / "topic_areas.parquet", TopicArea)
    tags = [Given(row.passage_id, row.code) for row in Table(OUTPUTS / "tags.parquet", PassageTag)]
    councils = {
        row.entity_id: row.name
        for row in read_table(OUTPUTS / "entities.parquet", FoundEntity)
        if row.label == "COUNCIL" and (row.listed or row.access != "non-attributable")
    }
    named: dict[str, set[str]] = defaultdict(set)
    for link in Table(OUTPUTS / "links.parquet", EntityLink):
        if own := councils.keys() & link.entity_ids:
            named[link.passage_id] |= own
    placed = place(Table(OUTPUTS / "topic_assignments.parquet", TopicAssignment))
    labels = labels_of(topics, areas)
    few = params.evidence.min_interviews
    codes = count_codes(placed, tags, codebook.names, labels, documents, few)
    counts = count_places(placed, labels, documents, named, councils, few)
    gaps = find_gaps(placed, tags, codes, codebook.names)
    write_csv(OUTPUTS / "topics_by_code.csv", codes, TopicCode)
    write_csv(OUTPUTS / "topics_by_place.csv", counts, TopicCount)
    write_csv(OUTPUTS / "topic_gaps.csv", gaps, TopicGap)

    passages, vectors = _shown(placed, params.topics.seed)
    model = TopicModel.from_disk(MODELS / "topics")
    found = model.place(vectors, [row.document_id for row in passages])
    measured = quality([row.text for row in passages], found.topic, topics)
    write_json(OUTPUTS / "topic_quality.json", {name: round(value, 4) for name, value in measured.items()})
    middles, spots = lay_out(model.clusters_, found.treated, found.topic)
    dots = [
        _dot(passage, documents[passage.document_id], int(topic), int(area))
        for passage, topic, area in zip(passages, found.topic, found.area, strict=True)
    ]
    plots = OUTPUTS / "plots"
    title_of = {code.code: code.title for code in codebook.codes}
    pictures = [
        *write_map(plots / "topic_map", middles, spots, dots, topics, areas),
        write_map_page(plots / "topic_map.html", middles, spots, dots, topics, areas),
        *write_tree(plots / "topic_tree", topics, areas),
        *write_years(plots / "areas_by_year", counts, areas),
        *write_codes(plots / "topics_by_code", codes, codebook.names, title_of.__getitem__, topics),
    ]
    write_text(plots / "topic_pictures.csv", csv_text(pictures, ["file", "title", "text"]))
    log.info(
        "%d topics without code, %d codes without topic",
        sum(gap.gap == "topic without code" for gap in gaps),
        sum(gap.gap == "code without topic" for gap in gaps),
    )


def _shown(placed: Sequence[Placed], seed: int) -> tuple[list[Passage], Vectors]:
    """The passages that are measured and drawn, of whole documents until there are enough, and their vectors."""
    drawn = sample(Counter(row.document_id for row in placed), MOST_DOTS, seed)
    wanted = {row.passage_id for row in placed if row.document_id in drawn}
    table = VectorTable(OUTPUTS / "embeddings.parquet")
    passages: list[Passage] = []
    vectors = []
    for start, rows in by_document(Table(OUTPUTS / "passages.parquet", Passage)):
        if rows[0].document_id in drawn:
            own = [i for i, row in enumerate(rows) if row.passage_id in wanted]
            passages += [rows[i] for i in own]
            vectors.append(table.rows(start, start + len(rows))[1][own])
    return passages, np.vstack(vectors)


def _dot(passage: Passage, document: Document, topic: int, area: int) -> Dot:
    """The passage as the map shows it: words and heading only where anybody may read them."""
    if document.access != "public":
        return Dot(topic, area, "", f"Interview, {document.year}")
    text = " ".join(passage.text.split())
    quote = text if len(text) <= QUOTE else text[:QUOTE].rsplit(" ", 1)[0] + " …"
    return Dot(topic, area, quote, ", ".join([document.title, str(document.year), *passage.section[-1:]]))


if __name__ == "__main__":
    main(stage)
