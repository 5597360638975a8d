"""How well codes, mentions and topics are found: agreement, metrics and plots."""

from collections import defaultdict
from collections.abc import Iterable

from collabnlp.agreement import compare, score_spans
from collabnlp.codebook import load_codebook
from collabnlp.params import Params
from collabnlp.records import (
    AgreementRow,
    EntityMention,
    GoldRead,
    Passage,
    PassageTag,
    Topic,
    TopicAssignment,
    csv_text,
    read_jsonl,
    read_table,
    write_csv,
    write_json,
    write_table,
    write_text,
)
from collabnlp.stages import CORPUS, OUTPUTS, log, main
from collabnlp.topics import quality

BASELINES = ("keywords", "words", "vectors")


def _share(right: Iterable[bool]) -> float | None:
    """Share of what is right, 0 to 1; None of nothing."""
    answers = list(right)
    return round(sum(answers) / len(answers), 4) if answers else None


def stage(params: Params) -> None:
    """Compare the model and the baselines with the gold on passages that they had not seen."""
    codebook = load_codebook(CORPUS / "codebook.yaml")
    by_coder: dict[str, list[PassageTag]] = defaultdict(list)
    for tag in read_table(OUTPUTS / "out_of_fold_tags.parquet", PassageTag):
        by_coder[tag.coder].append(tag)
    gold, model = by_coder["gold"], by_coder["model"]
    passage_ids = [row.passage_id for row in read_table(OUTPUTS / "out_of_fold_reads.parquet", GoldRead)]
    rows: list[AgreementRow] = []
    for coder in ("model", *BASELINES):
        rows += compare(
            gold,
            by_coder[coder],
            passage_ids,
            codebook.names,
            coder_a="gold",
            coder_b=coder,
            draws=params.evaluate.draws,
            seed=params.evaluate.seed,
        )
    write_table(OUTPUTS / "agreement.parquet", rows, AgreementRow)
    write_csv(OUTPUTS / "agreement.csv", rows, AgreementRow)
    by_key = {(row.coder_b, row.code): row for row in rows}
    figures = {
        code: {
            name: round(getattr(by_key["model", code], name), 4)
            for name in ("precision", "recall", "f1", "f1_low", "f1_high")
        }
        | {f"f1_{coder}": round(by_key[coder, code].f1, 4) for coder in BASELINES}
        for code in ("micro", "macro", *codebook.names)
    }
    stance_of = {(tag.passage_id, tag.code): tag.stance for tag in gold}
    shared = [(tag, stance_of[tag.passage_id, tag.code]) for tag in model if (tag.passage_id, tag.code) in stance_of]
    stance = {
        "n": len(shared),
        "model": _share(tag.stance == said for tag, said in shared),
        "always_the_default": _share(codebook[tag.code].default_stance == said for tag, said in shared),
    }
    marked = {row.passage_id for row in read_jsonl(CORPUS / "gold" / "reads.jsonl", GoldRead) if row.task == "mentions"}
    spans = score_spans(
        read_jsonl(CORPUS / "gold" / "mentions.jsonl", EntityMention),
        [m for m in read_table(OUTPUTS / "gold_mentions.parquet", EntityMention) if m.passage_id in marked],
    )
    topics, assignments = (
        read_table(OUTPUTS / "topics.parquet", Topic),
        read_table(OUTPUTS / "topic_assignments.parquet", TopicAssignment),
    )
    text_of = {row.passage_id: row.text for row in read_table(OUTPUTS / "passages.parquet", Passage)}
    write_json(
        OUTPUTS / "metrics.json",
        {
            "passages": len(passage_ids),
            "codes": figures,
            "stance": stance,
            "mentions": spans,
            "topics": {
                name: round(value, 4)
                for name, value in quality([text_of[a.passage_id] for a in assignments], assignments, topics).items()
            },
        },
    )
    write_text(
        OUTPUTS / "plots" / "f1_by_code.csv",
        csv_text(
            [[row.code, row.coder_b, f"{row.f1:.4f}", f"{row.f1_low:.4f}", f"{row.f1_high:.4f}"] for row in rows],
            ["code", "coder", "f1", "low", "high"],
        ),
    )
    log.info(
        "micro-F1 %.3f (keywords %.3f, words %.3f, vectors %.3f) on %d passages",
        *(by_key[coder, "micro"].f1 for coder in ("model", *BASELINES)),
        len(passage_ids),
    )


if __name__ == "__main__":
    main(stage)
