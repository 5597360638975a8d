"""Text of commands: aligned columns, JSON Lines, snippets."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any


def format_columns(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Rows as text in aligned columns, numbers to the right; a fraction has two digits, what is undefined is a dash.

    Examples
    --------
    >>> print(format_columns(["code", "n", "f1"], [["trust", 12, 0.5], ["momentum", 3, float("nan")]]), end="")
    code       n    f1
    trust     12  0.50
    momentum   3     -
    """
    lines = [list(header), *[[figure(cell) for cell in row] for row in rows]]
    left = [all(isinstance(row[j], str) for row in rows) for j in range(len(header))]
    widths = [max(len(line[j]) for line in lines) for j in range(len(header))]
    return "".join(
        "  ".join(
            cell.ljust(width) if flush else cell.rjust(width)
            for cell, width, flush in zip(line, widths, left, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def figure(cell: Any) -> str:
    """A cell as text: a fraction with two digits, what is undefined as a dash."""
    if isinstance(cell, float):
        return "-" if cell != cell else f"{cell:.2f}"
    return str(cell)


def format_jsonl(record: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """Dictionaries as JSON Lines, each with the name of its kind under `record`; NaN as null."""
    return "".join(
        json.dumps({"record": record, **{k: None if v != v else v for k, v in line.items()}}, ensure_ascii=False) + "\n"
        for line in lines
    )


def cite(
    document: str, year: int | None, section: str, page: int | None, speaker: str | None, *, synthetic: bool
) -> str:
    """Where a quote stands: title, year, section, page, speaker.

    Examples
    --------
    >>> cite("Working together", 2009, "Working together > Trust", 12, None, synthetic=False)
    'Working together (2009), Trust, p. 12'
    """
    section = section.removeprefix(document).removeprefix(" > ")
    parts = [f"{document} ({year})" if year else document, section, f"p. {page}" if page else "", speaker or ""]
    return ", ".join(part for part in parts if part) + (" [invented]" if synthetic else "")


def interval(low: float, high: float) -> str:
    """An interval as text; a dash where it is undefined."""
    return "-" if low != low else f"{low:.2f} to {high:.2f}"


def snippet(text: str) -> str:
    """The beginning of a text on one line, indented."""
    return f"  {' '.join(text.split())[:160]}\n"


def fold(text: str) -> str:
    """A text broken into lines of at most 110 signs, all but the first indented."""
    return textwrap.fill(" ".join(text.split()), 110, subsequent_indent="  ")


def format_markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Rows as a Markdown table; a bar in a cell is no border, and a line break no new row.

    Examples
    --------
    >>> print(format_markdown(["code", "n"], [["a|b", 2]]), end="")
    | code | n |
    |---|---|
    | a\|b | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    shown = [[" ".join(str(cell).split()).replace("|", "\\|") for cell in line] for line in lines]
    return "".join(
        f"|{'|'.join(line)}|\n" if line[0] == "---" and i == 1 else f"| {' | '.join(line)} |\n"
        for i, line in enumerate(shown)
    )
