"""Passages become mentions of councils, partnerships and schemes."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import collabnlp.entities
import collabnlp.gazetteer
import collabnlp.names
import collabnlp.patterns
import collabnlp.tokenizer
from collabnlp.engine import CACHE, Work, code_version, content_key, run
from collabnlp.entities import MentionFinder, passage_of
from collabnlp.gazetteer import load_gazetteer
from collabnlp.names import Names
from collabnlp.params import Params
from collabnlp.records import (
    EntityMention,
    GoldPassage,
    GoldRead,
    Passage,
    Table,
    read_jsonl,
    sort_records,
    table_writer,
    write_table,
)
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, by_document, load_documents, log, main

GOLD_YEAR = 2021  # coded passages stand alone: names that were borne lately


@contextmanager
def searching(setup: None) -> Iterator[Callable[[dict[str, Any]], list[dict[str, Any]]]]:
    """Give what searches passages of one year by the models of some name."""
    finder = MentionFinder(load_gazetteer(CORPUS / "gazetteer.csv"), Names.from_disk(MODELS / "names" / "names.json"))
    judging = {"names": finder}

    def search(item: dict[str, Any]) -> list[dict[str, Any]]:
        name = item["models"]
        if name not in judging:
            judging[name] = finder.judging_by(Names.from_disk(MODELS / "names" / f"{name}.json"))
        passages = [Passage.model_validate(row) for row in item["passages"]]
        return [mention.model_dump() for mention in judging[name].find(passages, item["year"])]

    yield search


def stage(params: Params) -> None:
    """Search each document that changed, and the coded passages, which are scored against their marked mentions."""
    models, work = MODELS / "names", Work("collabnlp.stages.entities:searching")
    modules = (
        collabnlp.entities, collabnlp.gazetteer, collabnlp.names, collabnlp.patterns, collabnlp.tokenizer,
    )  # fmt: skip
    version = content_key(
        code_version(*modules),
        (CORPUS / "gazetteer.csv").read_text(encoding="utf-8-sig"),
        (models / "names.json").read_text(encoding="utf-8"),
    )
    year = {row.document_id: row.year for row in load_documents()}
    passages = Table(OUTPUTS / "passages.parquet", Passage)

    def items() -> Iterator[tuple[str, dict[str, Any]]]:
        for _, rows in by_document(passages):
            own_year = year[rows[0].document_id]
            key = content_key(version, own_year, [(row.passage_id, row.text) for row in rows])
            yield key, {"models": "names", "year": own_year, "passages": [row.model_dump() for row in rows]}

    n_mentions = n_new = 0
    with table_writer(OUTPUTS / "mentions.parquet", EntityMention) as write:
        results = run(work, items(), store=CACHE / "entities", total=len(year), title="Searching", ray=params.cluster)
        for done in results:
            mentions = [EntityMention.model_validate(mention) for mention in done.value]
            write(sort_records(mentions, EntityMention))
            n_mentions, n_new = n_mentions + len(mentions), n_new + done.new
    write_table(OUTPUTS / "gold_mentions.parquet", _search_gold(work, version, params), EntityMention)
    log.info("%d mentions in %d documents (%d searched anew)", n_mentions, len(year), n_new)


def _search_gold(work: Work, version: str, params: Params) -> list[EntityMention]:
    """Mentions in the coded passages that were marked, by the models that saw nothing of their source.

    A source that was left out of training was seen by none of the models.
    """
    reads = read_jsonl(CORPUS / "gold" / "reads.jsonl", GoldRead)
    marked = {row.passage_id for row in reads if row.task == "mentions"}
    gold = [row for row in read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage) if row.passage_id in marked]
    fold_of = json.loads((MODELS / "names" / "folds.json").read_text(encoding="utf-8"))

    def items() -> Iterator[tuple[str, dict[str, Any]]]:
        for row in gold:
            fold = fold_of.get(row.source)
            models = "names" if fold is None else f"fold-{fold}"
            item = {"models": models, "year": GOLD_YEAR, "passages": [passage_of(row).model_dump()]}
            yield content_key(version, fold, row.passage_id, row.text), item

    found = run(work, items(), store=CACHE / "entities", ray=params.cluster)
    return [EntityMention.model_validate(mention) for done in found for mention in done.value]


if __name__ == "__main__":
    main(stage)
