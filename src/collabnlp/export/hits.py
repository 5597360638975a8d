"""Passages that a search found, as text and as a workbook, each with its citation."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from collabnlp.export.sheets import Sheets
from collabnlp.export.text import cite
from collabnlp.export.workbook import BOOK, CREATED
from collabnlp.files import atomic
from collabnlp.query import Hit
from collabnlp.quoting import NOT_NAMED
from collabnlp.records import csv_text
from collabnlp.release import CLOSED, Released, exporter

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ue000\ue001]+")
_WIDTHS = (34, 26, 64)  # of the columns of the table, in signs
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|!&~])")
HEADER = {
    "rank": 6,
    "passage_id": 30,
    "citation": 60,
    "document": 40,
    "year": 7,
    "section": 40,
    "page": 6,
    "speaker": 16,
    "access": 16,
    "invented": 9,
    "codes": 50,
    "places": 40,
    "found_by": 16,
    "passage": 90,
}


def citation_of(hit: Hit) -> str:
    """Where a passage stands; one that is not for attribution is marked [c] and tells nothing of it."""
    if hit.access == CLOSED:
        return cite(f"[c] {NOT_NAMED}", None, "", None, None, synthetic=hit.synthetic)
    return cite(hit.document, hit.year, hit.section, hit.page, hit.speaker, synthetic=hit.synthetic)


@exporter
def format_hits(released: Released, hits: Sequence[Hit], form: str, titles: Mapping[str, str]) -> str:
    """Passages that were found as text: table, csv, jsonl or md.

    Parameters
    ----------
    released
        What the search let out; a hit that does not stand in it raises a KeyError.
    titles
        Titles of codes.
    """
    _check(released, hits)
    if form == "jsonl":
        return "".join(json.dumps(_line(hit), ensure_ascii=False) + "\n" for hit in hits)
    if form == "csv":
        return csv_text(_cells(hits, titles), list(HEADER))
    if form == "md":
        return "\n".join(
            f"> {_bold(hit)}\n>\n> — {_plain(citation_of(hit))}. *{_plain(_codes(hit, titles)) or 'no code'}*\n"
            for hit in hits
        )
    return "\n".join(_table_row(i, hit, titles) for i, hit in enumerate(hits, start=1))


@exporter
def write_hits_workbook(path: str | Path, released: Released, hits: Sequence[Hit], titles: Mapping[str, str]) -> None:
    """Write passages that were found as a workbook of one sheet."""
    import xlsxwriter

    _check(released, hits)
    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(str(temporary), BOOK)
        book.set_properties({"title": "Passages found", "created": CREATED})
        head = [name.replace("_", " ").capitalize() for name in HEADER]
        Sheets(book).table(
            "Passages", "Passages found, best first", head, _cells(hits, titles), list(HEADER.values()), back=False
        )
        book.close()


def _check(released: Released, hits: Sequence[Hit]) -> None:
    known = {row.passage_id for row in released.rows} | {passage.passage_id for passage in released.passages}
    for hit in hits:
        if hit.passage_id not in known:
            raise KeyError(f"{hit.passage_id} is not among what was released")


def _codes(hit: Hit, titles: Mapping[str, str]) -> str:
    return "; ".join(
        f"{titles.get(row.code, row.code)} ({row.stance}{f', {row.score:.2f}' if row.score is not None else ''})"
        for row in hit.rows
    )


def _places(hit: Hit) -> list[str]:
    return sorted({row.entity_name for row in hit.rows if row.entity_name})


def _cells(hits: Sequence[Hit], titles: Mapping[str, str]) -> list[list[Any]]:
    return [
        [
            i,
            hit.passage_id,
            citation_of(hit),
            hit.document,
            hit.year,
            hit.section,
            hit.page,
            hit.speaker,
            hit.access,
            "yes" if hit.synthetic else "no",
            _codes(hit, titles),
            "; ".join(_places(hit)),
            " and ".join(hit.by),
            hit.text,
        ]
        for i, hit in enumerate(hits, start=1)
    ]


def _line(hit: Hit) -> dict[str, Any]:
    told = {name: value for name, value in hit._asdict().items() if name != "rows"}
    return {
        **told,
        "citation": citation_of(hit),
        "tags": [row.model_dump(mode="json", exclude={"quote"}) for row in hit.rows],
    }


def _plain(text: str) -> str:
    """A text on one line as Markdown that is nothing but text."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_CONTROLS.sub(" ", text).split()))


def _bold(hit: Hit) -> str:
    parts, at = [], 0
    for start, end in hit.spans:
        parts += [_MARKDOWN.sub(r"\\\1", hit.text[at:start]), "**" + _MARKDOWN.sub(r"\\\1", hit.text[start:end]) + "**"]
        at = end
    parts.append(_MARKDOWN.sub(r"\\\1", hit.text[at:]))
    return " ".join(_CONTROLS.sub(" ", "".join(parts)).split())


def _table_row(i: int, hit: Hit, titles: Mapping[str, str]) -> str:
    """One passage in three columns: where it stands, its codes and places, its text."""
    about = [_codes(hit, titles) or "no code", *_places(hit)]
    columns = [f"{i}. {citation_of(hit)}", "\n".join(about), hit.text]
    wrapped = [
        [
            piece
            for line in column.split("\n")
            for piece in textwrap.wrap(" ".join(_CONTROLS.sub(" ", line).split()), width)
        ]
        for column, width in zip(columns, _WIDTHS, strict=True)
    ]
    return "".join(
        "  ".join(piece.ljust(width) for piece, width in zip(pieces, _WIDTHS, strict=True)).rstrip() + "\n"
        for pieces in zip_longest(*wrapped, fillvalue="")
    )
