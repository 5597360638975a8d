"""Mentions become entities with one id each, and sentences become relations between them."""

from collabnlp.clusters import cluster
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.records import (
    DoubtfulMerge,
    EntityLink,
    EntityMention,
    FoundEntity,
    Passage,
    Relation,
    Table,
    key_of,
    read_table,
    write_csv,
    write_table,
)
from collabnlp.relations import find_relations
from collabnlp.stages import CORPUS, OUTPUTS, load_documents, log, main


def stage(params: Params) -> None:
    """Cluster and relate."""
    gazetteer = load_gazetteer(CORPUS / "gazetteer.csv")
    documents = load_documents()
    mentions = read_table(OUTPUTS / "mentions.parquet", EntityMention)
    naming = {row.passage_id for row in mentions}
    passages = [row for row in Table(OUTPUTS / "passages.parquet", Passage) if row.passage_id in naming]
    links, entities, doubtful = cluster(mentions, passages, documents, gazetteer)
    relations = find_relations(
        passages,
        mentions,
        documents,
        gazetteer,
        {key_of(row): row.entity_ids for row in links},
        {entity.entity_id: entity.name for entity in entities},
    )
    write_table(OUTPUTS / "links.parquet", links, EntityLink)
    write_table(OUTPUTS / "entities.parquet", entities, FoundEntity)
    write_table(OUTPUTS / "relations.parquet", relations, Relation)
    write_csv(OUTPUTS / "doubtful_merges.csv", doubtful, DoubtfulMerge)
    log.info(
        "%d entities (%d not listed), %d doubtful merges, %d relations (%d from the texts)",
        len(entities),
        sum(not entity.listed for entity in entities),
        len(doubtful),
        len(relations),
        sum(bool(row.passage_id) for row in relations),
    )


if __name__ == "__main__":
    main(stage)
