"""Agreement, evaluation, reviews and recodings as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collabnlp.export.text import figure, format_columns, format_jsonl, interval, snippet
from collabnlp.records import AgreementRow, RecodedRow, ReviewRow, columns, csv_text

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


def format_review(rows: Sequence[ReviewRow], form: str) -> str:
    """What became of the places of files that came back: table (counts, and what a person should look at), csv or jsonl."""
    if form == "csv":
        names = columns(ReviewRow)
        return csv_text([[getattr(row, name) for name in names] for row in rows], names)
    if form == "jsonl":
        return format_jsonl("review", [row.model_dump() for row in rows])
    stored = [row for row in rows if row.outcome in _STORED]
    coders = sorted({row.coder for row in stored})
    table = [[who, *(sum(r.coder == who and r.outcome == o for r in stored) for o in _STORED)] for who in coders]
    parts = [format_columns(["coder", *_STORED], table)] if table else ["no passage was coded\n"]
    for outcome, what in _LISTED.items():
        own = [row for row in rows if row.outcome == outcome]
        if own:
            lines = [
                f"  {row.file}, {row.place}{f' [{row.passage_id}]' if row.passage_id else ''}: {row.detail}\n"
                for row in own
            ]
            parts.append(f"{what}: {len(own)}\n{''.join(lines)}")
    return "\n".join(parts)


_STORED = ("as suggested", "changed", "coded", "there already")
_LISTED = {
    "changed": "Changed against the suggestions",
    "noted": "Notes without a decision",
    "doubtful": "Taken, but look at them",
    "not taken": "Not taken",
    "not placed": "Not placed",
}


def format_recoding(rows: Sequence[RecodedRow], form: str) -> str:
    """What became of codes and codings under a new codebook: table, csv or jsonl."""
    if form == "csv":
        names = columns(RecodedRow)
        return csv_text([[getattr(row, name) for name in names] for row in rows], names)
    if form == "jsonl":
        return format_jsonl("recoding", [row.model_dump() for row in rows])
    codes = [[row.code, row.n, ", ".join(row.heirs) or "-", row.detail] for row in rows if not row.passage_id]
    doubts = [row for row in rows if row.passage_id]
    parts = [format_columns(["code", "codings", "now", ""], codes)]
    if doubts:
        lines = [
            f"  {row.passage_id} ({row.coder}): {row.code} to {', '.join(row.heirs)}: {row.detail}\n" for row in doubts
        ]
        parts.append(f"Codings to look at: {len(doubts)}\n{''.join(lines)}")
    return "\n".join(parts)
