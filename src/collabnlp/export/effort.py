"""How much of a reading queue is left, and what reading in its order saves, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collabnlp.export.text import figure, format_columns, format_jsonl, format_markdown
from collabnlp.records import EffortRow, columns, csv_text

_AIMS = {
    "one": "Looking for one code, each with a queue of its own",
    "all": "Looking for all codes, in one queue",
}
_NOTE = (
    "expected: more that the model expects among the unread, a guess; sure: share found at least, with 95 % certainty; "
    "risk: that less than 95 % are found, if you stopped now; to go: passages to read in the random order, none with the "
    "code, until that risk is 5 %. A risk that is looked at again and again until it is low is higher than it says."
)


def format_effort(rows: Sequence[EffortRow], form: str, *, kind: str = "all") -> str:
    """What each order saves as text: table or md, of one kind of passages; csv or jsonl, all."""
    if form == "csv":
        return csv_text([[getattr(row, name) for name in columns(EffortRow)] for row in rows], columns(EffortRow))
    if form == "jsonl":
        return format_jsonl("effort", [row.model_dump() for row in rows])
    parts = []
    for aim, title in _AIMS.items():
        by_key = {(row.order, row.code): row for row in rows if row.aim == aim and row.kind == kind}
        table = [
            [
                row.code,
                row.n,
                *(by_key[order, row.code].read for order in ("queue", "random", "uncertainty")),
                row.wss,
                *(by_key[order, row.code].atd for order in ("queue", "random", "uncertainty")),
            ]
            for (order, _), row in by_key.items()
            if order == "queue"
        ]
        table.sort(key=lambda line: line[0] == "mean")
        n = next(iter(by_key.values())).n_passages if by_key else 0
        header = ["code", "n", "read", "random", "uncertain", "WSS@95", "ATD", "ATD random", "ATD uncertain"]
        parts.append(f"{title} ({n} coded passages)\n\n" + _table(header, table, form))
    parts.append(
        "read: share of the passages read when 95 % of those with the code are found, in the queue's order, in random order, "
        "and where the model is least certain first; WSS@95: work saved over sampling; ATD: average share read when one with "
        "the code turns up.\n"
    )
    return "\n".join(parts)


def format_progress(n_passages: int, n_read: int, n_drawn: int, codes: Sequence[Mapping[str, Any]], form: str) -> str:
    """The parts of a `Progress` as text: table, md, csv or jsonl."""
    if form == "csv":
        return csv_text([list(line.values()) for line in codes], list(codes[0]))
    if form == "jsonl":
        return format_jsonl("progress", codes)
    table = [
        [
            line["code"],
            line["found"],
            f"{line['expected']:.1f}",
            *(_percent(line[k]) for k in ("sure", "risk")),
            line["to_go"],
        ]
        for line in codes
    ]
    return (
        f"Read: {n_read} of {n_passages} passages in the queue, {n_drawn} of them a random sample of what the model "
        "puts last\n\n" + _table(["code", "found", "expected", "sure", "risk", "to go"], table, form) + f"\n{_NOTE}\n"
    )


def _percent(share: float) -> str:
    return "-" if share != share else f"{100 * share:.0f} %"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> str:
    if form == "md":
        return format_markdown(header, [[figure(cell) for cell in row] for row in rows])
    return format_columns(header, rows)
