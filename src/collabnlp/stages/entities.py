"""Passages become mentions of councils, partnerships and schemes."""

import itertools
import json
from typing import Any

import collabnlp.entities
import collabnlp.gazetteer
import collabnlp.names
import collabnlp.patterns
import collabnlp.tokenizer
from collabnlp.engine import CACHE, code_version, content_key, run
from collabnlp.entities import MentionFinder, passage_of
from collabnlp.gazetteer import load_gazetteer
from collabnlp.names import Names
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
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main

GOLD_YEAR = 2021  # coded passages stand alone: names that were borne lately


def stage(params: Params) -> None:
    """Search each document that changed, and the coded passages, which are scored against their marked mentions."""
    models = MODELS / "names"
    finder = MentionFinder(load_gazetteer(CORPUS / "gazetteer.csv"), Names.from_disk(models / "names.json"))
    modules = (
        collabnlp.entities,
        collabnlp.gazetteer,
        collabnlp.names,
        collabnlp.patterns,
        collabnlp.tokenizer,
    )
    version = content_key(
        code_version(*modules),
        (CORPUS / "gazetteer.csv").read_text(encoding="utf-8-sig"),
        (models / "names.json").read_text(encoding="utf-8"),
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
    gold = [row for row in read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage) if row.passage_id in marked]
    fold_of = json.loads((models / "folds.json").read_text(encoding="utf-8"))
    unseeing = {
        fold: finder.judging_by(Names.from_disk(models / f"fold-{fold}.json"))
        for fold in sorted({fold_of[row.source] for row in gold if row.source in fold_of})
    }

    def search_gold(row: GoldPassage) -> list[dict[str, Any]]:
        # by the models that saw nothing of its source; a source left out of training was seen by none
        searcher = unseeing[fold_of[row.source]] if row.source in fold_of else finder
        return [mention.model_dump() for mention in searcher.find([passage_of(row)], GOLD_YEAR)]

    in_gold, _ = run(
        search_gold,
        gold,
        [content_key(version, fold_of.get(row.source), row.passage_id, row.text) for row in gold],
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
