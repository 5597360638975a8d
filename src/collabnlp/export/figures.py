"""Agreement and evaluation as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collabnlp.export.text import figure, format_columns, format_jsonl, interval, snippet
from collabnlp.records import AgreementRow, columns, csv_text

_BASES = {
    "read": "All passages that both read",
    "coded": "Passages that both read and at least one of them gave a code",
}


def format_agreement(
    rows: Sequence[AgreementRow], disagreements: Sequence[Mapping[str, Any]], form: str, limit: int = 20
) -> str:
    """Agreement of two coders as text: table or jsonl, with the first disagreements; csv, the figures alone."""
    if form == "csv":
        names = columns(AgreementRow)
        return csv_text([[getattr(row, name) for name in names] for row in rows], names)
    shown = disagreements[:limit]
    if form == "jsonl":
        return format_jsonl("agreement", [row.model_dump() for row in rows]) + format_jsonl("disagreement", shown)
    a, b = rows[0].coder_a, rows[0].coder_b
    header = ["code", "n", "n_a", "n_b", "n_both", "percent", "kappa", "alpha", "precision", "recall", "F1", "95 %"]
    parts = [f"a: {a} (the reference)\nb: {b}\n"]
    for basis, what in _BASES.items():
        own = [row for row in rows if row.basis == basis]
        table = [
            [
                row.code,
                *(row.n_passages, row.n_a, row.n_b, row.n_both),
                *(row.percent, row.kappa, row.alpha, row.precision, row.recall, row.f1),
                interval(row.f1_low, row.f1_high),
            ]
            for row in own
        ]
        parts.append(f"{what} ({own[0].n_passages})\n{format_columns(header, table)}")
    parts.append(
        "percent: share on which they agree; kappa: Cohen's; alpha: Krippendorff's, of sets with the MASI distance; 95 %: interval of F1.\n"
    )
    if limit:
        parts.append(f"Passages with different codes: {len(shown)} of {len(disagreements)}\n")
    for line in shown:
        told = [(f"only {a}", line["only_a"]), (f"only {b}", line["only_b"]), ("both", line["both"])]
        said = "".join(f"  {who}: {', '.join(codes)}\n" for who, codes in told if codes)
        parts.append(f"{line['passage_id']}\n{said}{snippet(line['text'])}")
    return "\n".join(parts)


def format_evaluation(
    n_passages: int,
    scores: Sequence[Mapping[str, Any]],
    figures: Mapping[str, float],
    worst: Sequence[Mapping[str, Any]],
    form: str,
) -> str:
    """An `Evaluation`'s parts as text: table or jsonl, with figures and the worst errors; csv, the scores of codes alone."""
    if form == "csv":
        return csv_text([list(score.values()) for score in scores], list(scores[0]))
    if form == "jsonl":
        told = [{"figure": name, "value": value} for name, value in figures.items()]
        return format_jsonl("score", scores) + format_jsonl("figure", told) + format_jsonl("error", worst)
    others = [name for name in scores[0] if name not in _OWN]
    table = [
        [
            *(score["code"], score["n"], score["f1"], interval(score["f1_low"], score["f1_high"])),
            *(score["precision"], score["recall"], *(score[name] for name in others)),
        ]
        for score in scores
    ]
    header = ["code", "n", "F1", "95 %", "precision", "recall", *others]
    parts = [
        f"The model, on {n_passages} coded passages; F1 of others in the last columns\n"
        + format_columns(header, table),
        format_columns(["all codes together", ""], [[name, figure(value)] for name, value in figures.items()]),
    ]
    for line in worst:
        head = f"{line['kind']}: {line['code']} ({line['score']:.2f})  {line['passage_id']}"
        parts.append(f"{head}\n{snippet(line['text'])}")
    return "\n".join(parts)


_OWN = ("code", "n", "f1", "f1_low", "f1_high", "precision", "recall")
