"""How well codes and mentions are found in coded passages: agreement, metrics and plots."""

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from collabnlp.agreement import code_matrix, compare, compare_all, compare_matrices, score_spans
from collabnlp.codebook import load_codebook
from collabnlp.coded import load_coded, read_passages, still_said, tags_of
from collabnlp.embed import read_vectors
from collabnlp.params import Params
from collabnlp.reading_order import simulate
from collabnlp.records import (
    AgreementRow,
    EffortRow,
    EntityMention,
    GoldPassage,
    GoldRead,
    PassageTag,
    csv_text,
    read_jsonl,
    read_table,
    write_csv,
    write_json,
    write_table,
    write_text,
)
from collabnlp.scoring import best_three, calibration_error, reliability, worst_errors
from collabnlp.stages import CORPUS, OUTPUTS, log, main

BASELINES = ("tuned", "keywords", "words", "vectors")
NOT_SHOWN = "(not shown: from a source, not written for the project)"  # the table is handed on
BLIND = ("lm-writer", "lm-second")  # who wrote and coded, and who coded blind


def _share(right: Iterable[bool]) -> float | None:
    """Share of what is right, 0 to 1; None of nothing."""
    answers = list(right)
    return round(sum(answers) / len(answers), 4) if answers else None


def stage(params: Params) -> None:
    """Compare the model and the baselines with the gold on passages that they had not seen."""
    codebook = load_codebook(CORPUS / "codebook.yaml", searched=False)
    by_coder: dict[str, list[PassageTag]] = defaultdict(list)
    for tag in read_table(OUTPUTS / "out_of_fold_tags.parquet", PassageTag):
        by_coder[tag.coder].append(tag)
    gold, model = by_coder["gold"], by_coder["model"]
    passage_ids = [row.passage_id for row in read_table(OUTPUTS / "out_of_fold_reads.parquet", GoldRead)]
    rows: list[AgreementRow] = []
    for coder in ("model", *BASELINES):
        rows += compare_all(
            gold,
            by_coder[coder],
            passage_ids,
            codebook.names,
            coder_a="gold",
            coder_b=coder,
            draws=params.evaluate.draws,
            seed=params.evaluate.seed,
        )
    own = [row for row in rows if row.basis == "read" and row.code != "sets"]
    gold_rows = {row.passage_id: row for row in read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)}
    for coder, coded in load_coded(CORPUS).items():
        said_of = still_said(coded, {passage_id: row.text for passage_id, row in gold_rows.items()})
        if both_read := sorted(read_passages(said_of) & set(passage_ids)):
            rows += compare_all(
                gold,
                tags_of(said_of),
                both_read,
                codebook.names,
                coder_a="gold",
                coder_b=coder,
                draws=params.evaluate.draws,
                seed=params.evaluate.seed,
            )
    write_table(OUTPUTS / "agreement.parquet", rows, AgreementRow)
    write_csv(OUTPUTS / "agreement.csv", rows, AgreementRow)
    by_key = {(row.coder_b, row.code): row for row in own}
    figures = {
        code: {
            name: round(getattr(by_key["model", code], name), 4)
            for name in ("precision", "recall", "f1", "f1_low", "f1_high")
        }
        | {f"f1_{coder}": round(by_key[coder, code].f1, 4) for coder in BASELINES}
        for code in ("micro", "macro", *codebook.names)
    }
    scored_ids, vectors = read_vectors(OUTPUTS / "out_of_fold_scores.parquet")
    scores = vectors.astype(np.float64)
    labels = code_matrix(gold, scored_ids, codebook.names)
    given = code_matrix(model, scored_ids, codebook.names)
    sure = code_matrix([tag for tag in model if not tag.review], scored_ids, codebook.names)
    kinds = np.array([gold_rows[passage_id].kind for passage_id in scored_ids])
    by_kind, effort = {}, []
    for kind in ("all", *sorted(set(kinds))):
        at = np.full(len(kinds), True) if kind == "all" else kinds == kind
        if kind == "all" or len(set(kinds)) > 1:
            own_ids = [passage_id for passage_id, own_kind in zip(scored_ids, at.tolist(), strict=True) if own_kind]
            effort += simulate(own_ids, scores[at], labels[at], codebook.names, kind=kind, seed=params.evaluate.seed)
        rows_of_kind = compare_matrices(
            labels[at], given[at], codebook.names, coder_a="gold", coder_b="model", draws=params.evaluate.draws
        )
        micro = next(row for row in rows_of_kind if row.code == "micro")
        by_kind[kind] = {
            "passages": int(at.sum()),
            "f1": round(micro.f1, 4),
            "f1_low": round(micro.f1_low, 4),
            "f1_high": round(micro.f1_high, 4),
            "best_three": round(best_three(scores[at], labels[at]), 4),
            "outside_review": {"tags": int(sure[at].sum()), "precision": _share(labels[at][sure[at]].tolist())},
            "calibration_error": {
                group: round(calibration_error(scores[at][:, columns], labels[at][:, columns]), 4)
                for group in codebook.groups
                if (columns := [j for j, code in enumerate(codebook.codes) if code.group == group])
            },
        }
    write_csv(OUTPUTS / "review_effort.csv", effort, EffortRow)
    reads = read_jsonl(CORPUS / "gold" / "reads.jsonl", GoldRead)
    by_reader = {name: {r.passage_id for r in reads if r.coder == name and r.task == "codes"} for name in BLIND}
    both = sorted(by_reader[BLIND[0]] & by_reader[BLIND[1]])
    tags = read_jsonl(CORPUS / "gold" / "tags.jsonl", PassageTag)
    second = compare(
        [tag for tag in tags if tag.coder == BLIND[0]],
        [tag for tag in tags if tag.coder == BLIND[1]],
        both,
        codebook.names,
        coder_a=BLIND[0],
        coder_b=BLIND[1],
        draws=params.evaluate.draws,
        seed=params.evaluate.seed,
    )
    stance_of = {(tag.passage_id, tag.code): tag.stance for tag in gold}
    shared = [(tag, stance_of[tag.passage_id, tag.code]) for tag in model if (tag.passage_id, tag.code) in stance_of]
    stance = {
        "n": len(shared),
        "model": _share(tag.stance == said for tag, said in shared),
        "always_the_default": _share(codebook[tag.code].default_stance == said for tag, said in shared),
    }
    marked = {row.passage_id for row in reads if row.task == "mentions"}
    spans = score_spans(
        read_jsonl(CORPUS / "gold" / "mentions.jsonl", EntityMention),
        [m for m in read_table(OUTPUTS / "gold_mentions.parquet", EntityMention) if m.passage_id in marked],
    )
    write_json(
        OUTPUTS / "metrics.json",
        {
            "passages": len(passage_ids),
            "codes": figures,
            "second_coder": {
                "passages": len(both),
                **{row.code: round(row.f1, 4) for row in second if not math.isnan(row.f1)},
            },
            "by_kind": by_kind,
            "stance": stance,
            "mentions": spans,
        },
    )
    write_text(
        OUTPUTS / "plots" / "f1_by_code.csv",
        csv_text(
            [[row.code, row.coder_b, f"{row.f1:.4f}", f"{row.f1_low:.4f}", f"{row.f1_high:.4f}"] for row in own],
            ["code", "coder", "f1", "low", "high"],
        ),
    )
    said = [gold_rows[i].text if gold_rows[i].provenance == "model" else NOT_SHOWN for i in scored_ids]
    errors = worst_errors(scored_ids, said, scores, codebook.names, labels, given)
    write_text(
        OUTPUTS / "worst_errors.csv",
        csv_text(
            [[e["kind"], e["passage_id"], e["code"], e["score"], e["text"]] for e in errors],
            ["kind", "passage_id", "code", "score", "text"],
        ),
    )
    write_text(
        OUTPUTS / "plots" / "reliability.csv",
        csv_text([[f"{a:.4f}", f"{b:.4f}", n] for a, b, n in reliability(scores, labels)], ["score", "right", "n"]),
    )
    log.info(
        "micro-F1 %.3f (tuned %.3f, keywords %.3f, words %.3f, vectors %.3f) on %d passages",
        *(by_key[coder, "micro"].f1 for coder in ("model", *BASELINES)),
        len(passage_ids),
    )


if __name__ == "__main__":
    main(stage)
