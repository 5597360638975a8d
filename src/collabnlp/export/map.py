"""The evidence map: one HTML file with the matrix and its quotes inside, for a shared drive or an e-mail."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from collabnlp.codebook import Codebook
from collabnlp.export.choice import choose_rows
from collabnlp.gazetteer import Gazetteer, Level
from collabnlp.records import AgreementRow, write_text
from collabnlp.release import CLOSED, NARROWED, Released, exporter

# What the rows of the matrix may be; a row of the first is chosen when the file is opened.
ROWS = {
    "document": "Documents",
    "council": "Councils",
    "county": "Counties (with their districts)",
    "today": "Councils of today",
    "partnership": "Partnerships",
    "scheme": "Schemes",
    "topic": "Topics",
    "year": "Years",
}
MOST_ROWS = 20_000  # a page with more takes long to open
_STATIC_ROWS = 1_000
_STANCES = ("positive", "negative", "neutral")
_TIES = ("named", "section", "document", "none")
_ROLLED_UP: tuple[Level, ...] = ("county", "today")


@exporter
def write_map(
    path: str | Path,
    released: Released,
    *,
    codebook: Codebook,
    gazetteer: Gazetteer,
    agreement: Sequence[AgreementRow] = (),
) -> None:
    """Write the map: no other file, no network, nothing that runs but its own script.

    The script's and the style's hashes stand in the page's content security policy; texts stand in a
    block of JSON in which no sign can end the block, and are put on the page as text. Of more rows
    than such a page can hold, it has the counts of all and the strongest quotes, and no filters.

    Parameters
    ----------
    gazetteer
        Which county a district belongs to, and what councils have become.
    agreement
        How well the model finds each code: rows of coder b `model`.
    """
    style, script, page = (_page(name) for name in ("map.css", "map.js", "map.html"))
    data = _data(released, codebook, gazetteer, {row.code: row for row in agreement})
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    invented = any(document.synthetic for document in released.documents)
    parts = {
        "policy": html.escape(policy),
        "style": style,
        "script": script,
        "data": _json(data),
        "rule": _escape(released.rule),
        "narrowed": _escape(NARROWED),
        "invented": "Rows and quotes marked invented are of sample interviews: people, councils and events in them do not exist."
        if invented
        else "",
        "static": _static(released, codebook),
    }
    filled = re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], page)  # in one go: no text is taken for a place
    write_text(path, filled)


def _page(name: str) -> str:
    return (files("collabnlp.export") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}"


def _json(data: Any) -> str:
    """Data as JSON that may stand in a script element: without the signs that could end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escape(text: str) -> str:
    """A text as HTML that is nothing but text."""
    return html.escape(text).replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _data(
    released: Released, codebook: Codebook, gazetteer: Gazetteer, scores: Mapping[str, AgreementRow]
) -> dict[str, Any]:
    """What the script reads: lists whose entries name each other by place; map.js says which is which."""
    codes = {code: i for i, code in enumerate(codebook.names)}
    chosen, most = choose_rows(released, MOST_ROWS)
    told = [row for row in chosen.rows if row.access != CLOSED and row.code in codes]
    quotes = [row for row in chosen.rows if row.access == CLOSED and row.code in codes]
    quotes.sort(key=lambda row: (codes[row.code], row.passage_id))
    documents = {document.document_id: i for i, document in enumerate(released.documents)}
    passages: dict[str, int] = {}
    texts: list[list[Any]] = []
    entities: dict[str, int] = {}
    named: list[list[Any]] = []
    tags: list[list[Any]] = []
    for row in told:
        if row.passage_id not in passages:
            passages[row.passage_id] = len(texts)
            texts.append(
                [documents[row.document_id], row.section, row.page, row.speaker, row.topic, row.quote, row.passage_id]
            )
        if row.entity_id and row.entity_id not in entities:
            entities[row.entity_id] = len(named)
            rolled = [
                list(gazetteer.rolled_up(row.entity_id, level)) if row.entity_label == "COUNCIL" else []
                for level in _ROLLED_UP
            ]
            named.append([row.entity_id, row.entity_name, row.entity_label.lower(), *rolled])
        tags.append(
            [
                passages[row.passage_id],
                codes[row.code],
                entities.get(row.entity_id, -1),
                _STANCES.index(row.stance),
                row.score,
                _TIES.index(row.tie),
                row.coder,
                row.sentence,
            ]
        )
    rows: dict[str, list[list[str]]] = {kind: [] for kind in ROWS}
    cells: dict[str, list[list[Any]]] = {kind: [] for kind in ROWS}
    for cell in released.cells:
        if cell.rows in rows and cell.code in codes:
            if not rows[cell.rows] or rows[cell.rows][-1][0] != cell.row_id:
                rows[cell.rows].append([cell.row_id, cell.row])
            counts = [cell.n_passages, cell.positive, cell.negative, cell.neutral, cell.n_sources, cell.n_closed]
            cells[cell.rows].append([len(rows[cell.rows]) - 1, codes[cell.code], *counts, int(cell.suppressed)])
    return {
        "codes": [
            [
                code.code,
                code.title,
                codebook.groups[code.group],
                code.definition,
                round(found.f1, 2) if (found := scores.get(code.code)) and found.f1 == found.f1 else None,
            ]
            for code in codebook.for_readers().codes
        ],
        "documents": [[d.document_id, d.title, d.year, d.kind, d.access, int(d.synthetic)] for d in released.documents],
        "entities": named,
        "passages": texts,
        "tags": tags,
        "closed": [[codes[row.code], _STANCES.index(row.stance), row.quote] for row in quotes],
        "rowKinds": [[kind, title] for kind, title in ROWS.items() if rows[kind]],
        "rows": rows,
        "cells": cells,
        "most": most,
    }  # fmt: skip


def _static(released: Released, codebook: Codebook) -> str:
    """Documents by code as a plain table: what stands there until the script runs, and where none may."""
    cells = {(cell.row_id, cell.code): cell for cell in released.cells if cell.rows == "document"}
    heads = "".join(f'<th scope="col">{_escape(code.title)}</th>' for code in codebook.codes)
    lines = []
    for document in itertools.islice(released.documents, _STATIC_ROWS):
        found = [cells.get((document.document_id, code)) for code in codebook.names]
        numbers = "".join(f"<td>{cell.n_passages if cell else 0}</td>" for cell in found)
        lines.append(f'<tr><th scope="row">{_escape(document.title)}</th>{numbers}</tr>')
    part = f", the first {_STATIC_ROWS} documents" if len(released.documents) > _STATIC_ROWS else ""
    caption = f"Documents by code: number of passages{part}"
    return f'<table><caption>{caption}</caption><thead><tr><th scope="col">Document</th>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
