"""What changed between two runs, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

from collabnlp.diff import Change, Rows, ScoreChange, TagChange, compare_rows
from collabnlp.export.passages import citation
from collabnlp.export.text import figure, fold, format_columns, format_jsonl, format_markdown
from collabnlp.records import csv_text
from collabnlp.release import Released, exporter

SIGNS = {"new": "+", "gone": "-", "changed": "~"}
_COLUMNS = (
    *("what", "row_id", "row", "code", "passage_id_before", "passage_id", "document_id", "document", "year", "section"),
    *("page", "differences", "stance_before", "stance", "score_before", "score", "coders_before", "coders", "quote"),
)
_SCOPE = (
    "Only what public and attributable sources say is compared, and only where the later run still shows the passage.\n"
)

_NOT_SHOWN = "[not shown: not for attribution]"


@exporter
def format_evidence_difference(
    before: Released,
    after: Released,
    form: str,
    *,
    matched: Mapping[str, str],
    titles: Mapping[str, str],
    rows: Rows = "entity",
    limit: int = 20,
) -> str:
    """New, gone and changed evidence as text: table or md with the first quotes; csv and jsonl, all of it.

    Parameters
    ----------
    matched
        As `diff.match_passages` gives it, of the passages that each run shows.
    titles
        Titles of the codes.
    limit
        Cells and quotes to show; 0: all.
    """
    changes, cells, n_left_out = compare_rows(before.rows, after.rows, matched, rows)
    if form == "csv":
        return csv_text([list(_line(change).values()) for change in changes], _COLUMNS)
    if form == "jsonl":
        return format_jsonl("cell", [cell._asdict() for cell in cells]) + format_jsonl(
            "change", [_line(change) for change in changes]
        )
    n = {what: sum(change.what == what for change in changes) for what in SIGNS}
    parts = [f"Evidence: {n['new']} new, {n['gone']} gone, {n['changed']} changed, in {len(cells)} cells.\n"]
    if n_left_out:
        parts.append(f"{n_left_out} more stood in passages that the later run does not show.\n")
    parts.append(_SCOPE)
    if cells:
        told = cells[: limit or None]
        table = [[shorten(c.row, 60), titles.get(c.code, c.code), *c[3:]] for c in told]
        parts.append(_table(("row", "code", "before", "after", "new", "gone", "changed"), table, form))
        parts += _more(told, cells, "cells")
    shown = changes[: limit or None]
    parts += [_quote(change, titles, form) for change in shown]
    return "\n".join([*parts, *_more(shown, changes, "quotes")])


def _more(shown: Sequence[Any], found: Sequence[Any], what: str) -> list[str]:
    return [f"The first {len(shown)} of {len(found)} {what}; --limit 0 shows all.\n"] if len(shown) < len(found) else []


def _line(change: Change) -> dict[str, Any]:
    a, b = change.before, change.after
    row = b or a
    assert row is not None
    return {
        "what": change.what,
        "row_id": change.row_id,
        "row": change.row,
        "code": change.code,
        "passage_id_before": a.passage_id if a else None,
        "passage_id": b.passage_id if b else None,
        "document_id": row.document_id,
        "document": row.document,
        "year": row.year,
        "section": row.section,
        "page": row.page,
        "differences": "; ".join(change.differences),
        "stance_before": a.stance if a else None,
        "stance": b.stance if b else None,
        "score_before": a.score if a else None,
        "score": b.score if b else None,
        "coders_before": ", ".join(change.coders_before),
        "coders": ", ".join(change.coders),
        "quote": row.quote,
    }


def _quote(change: Change, titles: Mapping[str, str], form: str) -> str:
    row = change.after or change.before
    assert row is not None
    told = "; ".join(change.differences) or f"{row.stance}{f', {row.score:.2f}' if row.score is not None else ''}"
    code = titles.get(change.code, change.code)
    if form == "md":
        return f"**{change.what}**: {change.row}, *{code}* ({told})\n\n> {' '.join(row.quote.split())}\n>\n> — {citation(row)}\n"
    return f"{SIGNS[change.what]} {change.row}  |  {code} ({told})\n  {citation(row)}\n  {fold(row.quote)}\n"


def format_run_difference(
    scores: Sequence[ScoreChange],
    tags: Sequence[TagChange],
    form: str,
    *,
    versions: tuple[Sequence[str], Sequence[str]],
    texts: Mapping[str, str],
    limit: int = 20,
) -> str:
    """Scores and codes of passages before and after, as text: table or md; csv, the codes; jsonl, both.

    Parameters
    ----------
    versions
        Of the model, before and after.
    texts
        Text of each passage that may be shown, by id; of others nothing is.
    limit
        Passages to show; 0: all.
    """
    if form == "csv":
        return csv_text([[*change, _text(texts, change.passage_id)] for change in tags], [*TagChange._fields, "text"])
    if form == "jsonl":
        lines = [{**change._asdict(), "text": _text(texts, change.passage_id)} for change in tags]
        return format_jsonl("score", [score._asdict() for score in scores]) + format_jsonl("tag", lines)
    before, after = (", ".join(names) or "none" for names in versions)
    model = f"Model: {before}, the same in both.\n" if before == after else f"Model: {before} before, {after} after.\n"
    first = scores[0]
    table = [
        [s.code, s.f1_before, s.f1, s.shared_before, s.shared, s.shared - s.shared_before, _interval(s)] for s in scores
    ]
    header = ("code", "F1 before", "F1 after", "shared before", "shared after", "gain", "95 %")
    passage_ids = list(dict.fromkeys(change.passage_id for change in tags))
    shown = passage_ids[: limit or None]
    parts = [
        model,
        f"Scores: the model before on {first.n_before} coded passages, after on {first.n}; shared: on the "
        f"{first.n_shared} that both were scored on, against the later gold.\n",
        _table(header, table, form),
        f"Codes: {sum(t.before is None for t in tags)} given, {sum(t.after is None for t in tags)} taken back, "
        f"{sum(t.before is not None and t.after is not None for t in tags)} of another stance, on {len(passage_ids)} passages.\n",
    ]
    for passage_id in shown:
        told = [_told(t) for t in tags if t.passage_id == passage_id]
        if form == "md":
            parts.append(f"**{passage_id}**: {'; '.join(told)}\n\n> {' '.join(_text(texts, passage_id).split())}\n")
        else:
            parts.append(
                f"{passage_id}\n" + "".join(f"  {line}\n" for line in told) + f"  {fold(_text(texts, passage_id))}\n"
            )
    parts += _more(shown, passage_ids, "passages")
    parts.append(
        "For the project's own use: it names passages of interviews not for attribution, though not their words.\n"
    )
    return "\n".join(parts)


def _text(texts: Mapping[str, str], passage_id: str) -> str:
    return texts.get(passage_id, _NOT_SHOWN)


def _told(change: TagChange) -> str:
    who = "" if change.who == "model" else f" by {change.who}"
    if change.before is None:
        return f"+ {change.code} ({change.after}{_score(change.score)}){who}"
    if change.after is None:
        return f"- {change.code} ({change.before}{_score(change.score_before)}){who}"
    return f"~ {change.code} ({change.before} to {change.after}){who}"


def _score(score: float | None) -> str:
    return "" if score is None else f", {score:.2f}"


def _interval(score: ScoreChange) -> str:
    return "-" if score.low != score.low else f"{score.low:+.2f} to {score.high:+.2f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> str:
    if form == "md":
        return format_markdown(header, [[figure(cell) for cell in row] for row in rows])
    return format_columns(header, rows)
