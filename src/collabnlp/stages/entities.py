"""Passages become mentions of councils, partnerships and schemes."""

import itertools
from typing import Any

import collabnlp.entities
import collabnlp.gazetteer
from collabnlp.engine import CACHE, code_version, content_key, run
from collabnlp.entities import MentionFinder
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.records import (
    Document,
    EntityMention,
    GoldPassage,
    GoldRead,
    Passage,
    read_jsonl,
    read_table,
    write_table,
)
from collabnlp.stages import CORPUS, OUTPUTS, log, main

GOLD_YEAR = 2021  # coded passages stand alone: names that were borne lately


def stage(params: Params) -> None:
    """Search each document that changed, and the coded passages, which are scored against their marked mentions."""
    finder = MentionFinder(load_gazetteer(CORPUS / "gazetteer.csv"))
    version = content_key(
        code_version(collabnlp.entities, collabnlp.gazetteer),
        (CORPUS / "gazetteer.csv").read_text(encoding="utf-8-sig"),
    )
    year = {row.document_id: row.year for row in read_table(OUTPUTS / "documents.parquet", Document)}
    passages = read_table(OUTPUTS / "passages.parquet", Passage)
    groups = [
        (document_id, list(rows)) for document_id, rows in itertools.groupby(passages, key=lambda row: row.document_id)
    ]
    keys = [
        content_key(version, year[document_id], [(row.passage_id, row.text) for row in rows])
        for document_id, rows in groups
    ]

    def search(group: tuple[str, list[Passage]]) -> list[dict[str, Any]]:
        return [mention.model_dump() for mention in finder.find(group[1], year[group[0]])]

    found, n_searched = run(search, groups, keys, store=CACHE / "entities", title="Searching")
    mentions = [EntityMention.model_validate(mention) for rows in found for mention in rows]
    write_table(OUTPUTS / "mentions.parquet", mentions, EntityMention)
    reads = read_jsonl(CORPUS / "gold" / "reads.jsonl", GoldRead)
    marked = {row.passage_id for row in reads if row.task == "mentions"}
    gold = [
        Passage(
            passage_id=row.passage_id,
            document_id=row.source,
            ordinal=1,
            start_char=0,
            end_char=len(row.text),
            text=row.text,
            kind="row",
            section=(),
            page=None,
            speaker=None,
            time=None,
        )
        for row in read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)
        if row.passage_id in marked
    ]
    in_gold, _ = run(
        lambda row: [m.model_dump() for m in finder.find([row], GOLD_YEAR)],
        gold,
        [content_key(version, row.passage_id, row.text) for row in gold],
        store=CACHE / "entities",
    )
    write_table(
        OUTPUTS / "gold_mentions.parquet",
        [EntityMention.model_validate(m) for rows in in_gold for m in rows],
        EntityMention,
    )
    log.info("%d mentions in %d documents (%d searched anew)", len(mentions), len(groups), n_searched)


if __name__ == "__main__":
    main(stage)
