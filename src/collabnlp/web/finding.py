"""The one place where the pages search: another search takes its place here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from collabnlp.query import fts_query, open_index, search
from collabnlp.records import EvidenceRow
from collabnlp.web.index import Bools, Index

_OPEN, _CLOSE = "\ue000", "\ue001"


class Hit(NamedTuple):
    """A passage that was found.

    Attributes
    ----------
    spans
        Where the words stand in the text: code points from 0, end exclusive, in order.
    rows
        Its evidence rows that pass the filters, one or more.
    """

    passage_id: str
    text: str
    spans: tuple[tuple[int, int], ...]
    rows: tuple[EvidenceRow, ...]


class Hits(NamedTuple):
    """What a search found: the hits of a page, how many there are on all pages, and what was read otherwise than typed."""

    hits: list[Hit]
    total: int
    read_as: tuple[tuple[str, str], ...] = ()


def find(index: Index, words: str, keep: Bools, start: int = 0, stop: int | None = None) -> Hits:
    """Passages that hold the words and have a row that a filter keeps, best first; without words, all of these.

    Parameters
    ----------
    keep
        Which rows of the index the filters let through.
    start, stop
        Places of the hits wanted, of all that there are.
    """
    inside = {index.passages.values[i] for i in np.unique(index.passage[keep])}
    ranked = dict.fromkeys(row.passage_id for row in search(index.path, words, limit=0).rows)
    chosen = [passage_id for passage_id in ranked if passage_id in inside]
    page = chosen[start:stop]
    rows = rows_of(index, page, keep)
    spans = _spans(index, words, page)
    hits = [Hit(i, rows[i][0].quote, spans.get(i, ()), tuple(rows[i])) for i in page]
    return Hits(hits, len(chosen))


def rows_of(index: Index, passage_ids: Sequence[str], keep: Bools) -> dict[str, list[EvidenceRow]]:
    """The evidence rows of some passages that a filter keeps, by passage."""
    wanted = [index.passages.of(i) for i in passage_ids]
    found: dict[str, list[EvidenceRow]] = {i: [] for i in passage_ids}
    for row in index.read(np.flatnonzero(keep & np.isin(index.passage, wanted))).rows:
        found[row.passage_id].append(row)
    return found


def _spans(index: Index, words: str, passage_ids: Sequence[str]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Where the words stand in the texts of passages, as the full-text index sees it."""
    query = fts_query(words)
    if not query or not passage_ids:
        return {}
    values: list[Any] = [_OPEN, _CLOSE, query, *passage_ids]
    with open_index(index.path) as db:
        lines = db.execute(
            "SELECT passage_id, text, highlight(passage_text, 1, ?, ?) FROM passage_text WHERE passage_text MATCH ? "
            f"AND passage_id IN ({','.join('?' * len(passage_ids))})",
            values,
        ).fetchall()
    return {passage_id: spans_of(text, marked) for passage_id, text, marked in lines}


def spans_of(text: str, marked: str) -> tuple[tuple[int, int], ...]:
    """Places of the marked pieces of a text; none where the text holds such marks itself.

    Examples
    --------
    >>> spans_of("a bc d", "a \ue000bc\ue001 d")
    ((2, 4),)
    """
    if marked.replace(_OPEN, "").replace(_CLOSE, "") != text:
        return ()
    found, at = [], 0
    for i, piece in enumerate(marked.split(_OPEN)):
        inside, closed, after = piece.partition(_CLOSE)
        if i and closed:
            found.append((at, at + len(inside)))
        at += len(inside) + len(after)
    return tuple(found)
