"""Searches the evidence index by words and by meaning at once, within filters."""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.embed import Encoder, SentenceEncoder
from collabnlp.meaning import QuestionEncoder, is_readable
from collabnlp.params import Embed
from collabnlp.query.index import open_index
from collabnlp.query.words import Understood, understand
from collabnlp.records import Access, EvidenceRow, InputError, Kind, Passage, Stance, columns
from collabnlp.release import CLOSED, Released, reread

Way = Literal["words", "meaning"]
Span = tuple[int, int]
MATCHES = 200  # most passages that words give
NEAREST = 50  # and that meaning gives: something is always nearest, however far it is
RANK = 10  # constant of the fusion: how little the first places of a list count above the next
_CHUNK = 900  # values of one SQL query


class Filters(NamedTuple):
    """What is searched: only what passes all of them; the filters of tags must be passed by one and the same tag.

    Attributes
    ----------
    document
        Ids of documents, or parts of titles.
    year_from, year_to
        First and last year of the document.
    kind, access
        Of the document.
    stance, code, min_score, coder
        Of a tag: its stance, machine name or title of its code, lowest score (people's tags have
        none and pass), by people or by the model.
    place
        Name, alias or id of an entity that a tag is tied to; with no other filter of tags, a mention is enough.
    """

    document: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    kind: Kind | None = None
    access: Access | None = None
    stance: Stance | None = None
    place: str = ""
    code: tuple[str, ...] = ()
    min_score: float | None = None
    coder: Literal["human", "model"] | None = None

    @property
    def of_tags(self) -> bool:
        """Whether a filter asks for a tag of some kind, whatever it is tied to."""
        return bool(self.stance or self.code or self.min_score is not None or self.coder)


_NO_FILTERS = Filters()


class Hit(NamedTuple):
    """A passage that was found.

    Attributes
    ----------
    spans
        Where the words looked for stand in the text: code points from 0, end exclusive, in order.
    by
        What found it: words, meaning or both; empty where no words were given.
    document, year, section, page, speaker
        Where it stands; empty or None in a quote not for attribution.
    rows
        Its evidence rows that pass the filters: one for each code, tied as closely as any.
    """

    passage_id: str
    text: str
    spans: tuple[Span, ...]
    by: tuple[Way, ...]
    document_id: str
    document: str
    year: int | None
    kind: Kind
    access: Access
    synthetic: bool
    section: str
    page: int | None
    speaker: str | None
    rows: tuple[EvidenceRow, ...]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    released
        The evidence rows and open passages of the hits, as exporters take them.
    hits
        Those of this page, best first.
    total
        Passages on all pages.
    more
        True where the words stand in still more passages, which are not ranked.
    ways
        What was searched by: words, meaning or both.
    read_as
        What was typed, and what it was read as: a misspelt name mended, an abbreviation spelt out.
    """

    released: Released
    hits: tuple[Hit, ...]
    total: int
    more: bool = False
    ways: tuple[Way, ...] = ()
    read_as: tuple[tuple[str, str], ...] = ()
    rows: tuple[EvidenceRow, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", self.released.rows)


class Searcher:
    """An index with its vectors in memory, for many searches; it may be used by several threads.

    Parameters
    ----------
    path
        evidence.db.
    encoder
        The encoder that made its vectors, such as `load_encoder` gives; None: words alone.

    Raises
    ------
    InputError
        Where the index is missing or no index, or another encoder made its vectors.
    """

    def __init__(self, path: str | Path, encoder: Encoder | None = None) -> None:
        from threadpoolctl import ThreadpoolController

        self.path, self.encoder, self._threads = Path(path), encoder, ThreadpoolController()
        self._ids = np.empty(0, dtype=np.int64)
        self._vectors = np.empty((0, 0), dtype=np.float32)
        with open_index(path) as db:
            if encoder is None:
                return
            made_by = db.execute("SELECT value FROM about WHERE name = 'encoder'").fetchone()[0]
            if not made_by:
                self.encoder = None
                return
            if made_by != encoder.name:
                raise InputError(
                    path, f"its vectors are by the encoder {made_by}, not {encoder.name}", "run `dvc repro`"
                )
            lines = db.execute("SELECT id, vector FROM vector ORDER BY id").fetchall()
            self._ids = np.array([line[0] for line in lines], dtype=np.int64)
            packed = b"".join(line[1] for line in lines)
            self._vectors = np.frombuffer(packed, dtype="<f2").astype(np.float32).reshape(len(lines), -1)

    def search(
        self,
        words: str = "",
        filters: Filters = _NO_FILTERS,
        *,
        offset: int = 0,
        limit: int = 20,
        ways: Collection[Way] = ("words", "meaning"),
    ) -> Found:
        """Passages that match, best first.

        Words and meaning each rank the passages; the ranks are fused (reciprocal rank fusion, Cormack
        et al. 2009). Without words, all that the filters let through, in the order of the documents.

        Parameters
        ----------
        words
            Any of them may stand in the passage, its headings or its document's title, in any form
            ("sharing" finds "shared"); words in double quotes must stand side by side. Nothing in
            them is an operator.
        offset, limit
            Place of the first hit of the page, from 0, and hits on it; limit 0: all that follow.
        ways
            What to search by; meaning goes without saying where there is no encoder.

        Raises
        ------
        InputError
            Where a filter names nothing that is there; the message suggests what is.
        """
        with open_index(self.path) as db:
            sql, values = _condition(self.path, db, filters)
            passing = f"SELECT f.id FROM findable f {sql} ORDER BY f.document_id IS NULL, f.id"
            asked = understand(db, words)
            used: tuple[Way, ...] = ()
            found_by: dict[int, tuple[Way, ...]] = {}
            more = False
            if asked.match:
                allowed = {row[0] for row in db.execute(passing, values)} if sql else None
                rankings: dict[Way, list[int]] = {}
                if "words" in ways or self.encoder is None:
                    rankings["words"], more = _by_words(db, asked, allowed)
                if "meaning" in ways and self.encoder is not None:
                    rankings["meaning"] = self._by_meaning(db, asked, allowed)
                order, used = fuse(rankings.values()), tuple(rankings)
                for way, ids in rankings.items():
                    found_by |= {i: (*found_by.get(i, ()), way) for i in ids}
            elif words.strip():
                order = []  # signs without a letter or a figure stand for nothing
            else:
                order = [row[0] for row in db.execute(passing, values)]
            page = order[offset : offset + limit if limit else None]
            hits, passages = _hits(db, page, found_by, asked, filters, self.path)
        released = reread([row for hit in hits for row in hit.rows], passages)
        return Found(released, tuple(hits), len(order), more, used, asked.read_as)

    def _by_meaning(self, db: sqlite3.Connection, asked: Understood, allowed: Collection[int] | None) -> list[int]:
        if self.encoder is None or not len(self._ids):
            return []
        keep = np.ones(len(self._ids), dtype=bool)
        if allowed is not None:
            keep &= np.isin(self._ids, np.fromiter(allowed, dtype=np.int64, count=len(allowed)))
        if asked.phrases:
            must = " AND ".join(f'"{phrase}"' for phrase in asked.phrases)
            holding = [
                row[0] for row in db.execute("SELECT rowid FROM passage_text WHERE passage_text MATCH ?", (must,))
            ]
            keep &= np.isin(self._ids, np.array(holding, dtype=np.int64))
        ids, vectors = (self._ids, self._vectors) if keep.all() else (self._ids[keep], self._vectors[keep])
        question = self.encoder.encode([asked.text])[0]
        with self._threads.limit(limits=1):  # threads would wait for each other longer than they work
            near = vectors @ question
        best = nearest(near, NEAREST)
        return [int(i) for i in ids[best]]


def search(
    path: str | Path,
    words: str = "",
    *,
    encoder: Encoder | None = None,
    offset: int = 0,
    limit: int = 20,
    **filters: Any,
) -> Found:
    """Passages that match, best first: `Searcher.search`, once.

    Parameters
    ----------
    **filters
        The fields of `Filters`; a document or a code may stand by itself.
    """
    for name in ("document", "code"):
        if isinstance(filters.get(name), str):
            filters[name] = (filters[name],)
    chosen = Filters(**{name: value for name, value in filters.items() if value is not None})
    return Searcher(path, encoder).search(words, chosen, offset=offset, limit=limit)


def load_encoder(settings: Embed) -> Encoder:
    """The encoder of the parameters, by numpy alone where its kind allows: it is there at once."""
    whole = SentenceEncoder(settings.encoder, settings.sha256, settings.max_tokens, settings.precision)
    return QuestionEncoder(whole.folder, settings.max_tokens, whole.model_name) if is_readable(whole.folder) else whole


def fuse(rankings: Iterable[Sequence[int]]) -> list[int]:
    """Ids of several rankings in one, best first: each ranking gives 1 / (RANK + place).

    Examples
    --------
    >>> fuse([[1, 2, 3], [3, 1]])
    [1, 3, 2]
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, i in enumerate(ranking, start=1):
            scores[i] = scores.get(i, 0.0) + 1 / (RANK + place)
    return sorted(scores, key=lambda i: (-scores[i], i))


def nearest(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Places of the `n` highest scores, highest first; of equal ones the first."""
    if len(scores) > n:
        among = np.sort(np.argpartition(-scores, n)[:n])
        return among[np.argsort(-scores[among], kind="stable")]
    return np.argsort(-scores, kind="stable")


def _by_words(db: sqlite3.Connection, asked: Understood, allowed: Collection[int] | None) -> tuple[list[int], bool]:
    """Ids by BM25, best first, and whether there are more than are ranked."""
    found: list[int] = []
    for (i,) in db.execute(
        "SELECT rowid FROM passage_text WHERE passage_text MATCH ? ORDER BY rank, rowid", (asked.match,)
    ):
        if allowed is None or i in allowed:
            if len(found) == MATCHES:
                return found, True
            found.append(i)
    return found, False


def _condition(path: Path, db: sqlite3.Connection, filters: Filters) -> tuple[str, list[Any]]:
    """The filters as the end of a query over `findable f`, and its values; nothing where there are none."""
    joins, where, values = "", [], []  # type: str, list[str], list[Any]
    of_document, of_rows = _document_tests(path, db, filters), _row_tests(path, db, filters)
    if of_document or filters.kind or filters.access:
        joins = "LEFT JOIN document d ON d.document_id = f.document_id"
    for test, given in of_document:
        where.append(test)
        values += given
    if filters.kind:  # what is not for attribution is said in interviews
        where.append("coalesce(d.kind, 'transcript') = ?")
        values.append(_one_of(path, "kind", filters.kind, ("report", "transcript")))
    if filters.access:
        access = _one_of(path, "access", filters.access, ("public", "attributable", CLOSED))
        where.append("coalesce(d.access, ?) = ?")
        values += [CLOSED, access]
    if of_rows:
        tests = " AND ".join(test for test, _ in of_rows)
        chosen = f"f.passage_id IN (SELECT e.passage_id FROM evidence e WHERE {tests})"
        values += [value for _, given in of_rows for value in given]
        if filters.place and not filters.of_tags:
            chosen = f"({chosen} OR f.passage_id IN (SELECT passage_id FROM mention WHERE ' > ' || entity_ids || ' > ' LIKE ?))"
            values.append(f"% > {_entity(path, db, filters.place)} > %")
        where.append(chosen)
    return (f"{joins} WHERE {' AND '.join(where)}" if where else ""), values


def _document_tests(path: Path, db: sqlite3.Connection, filters: Filters) -> list[tuple[str, list[Any]]]:
    tests: list[tuple[str, list[Any]]] = []
    if filters.document:
        pairs = db.execute(
            "SELECT document_id, document_id FROM document UNION ALL SELECT title, document_id FROM document"
        ).fetchall()
        ids = [_known(path, "document", value, pairs, partial=True) for value in filters.document]
        tests.append((f"f.document_id IN ({','.join('?' * len(ids))})", ids))
    if filters.year_from is not None:
        tests.append(("d.year >= ?", [filters.year_from]))
    if filters.year_to is not None:
        tests.append(("d.year <= ?", [filters.year_to]))
    return tests


def _row_tests(path: Path, db: sqlite3.Connection, filters: Filters) -> list[tuple[str, list[Any]]]:
    """Tests of an evidence row `e`, each with its values."""
    tests: list[tuple[str, list[Any]]] = []
    if filters.code:
        pairs = db.execute("SELECT code, code FROM code UNION ALL SELECT title, code FROM code").fetchall()
        codes = [_known(path, "code", value, pairs) for value in filters.code]
        tests.append((f"e.code IN ({','.join('?' * len(codes))})", codes))
    if filters.stance:
        tests.append(("e.stance = ?", [_one_of(path, "stance", filters.stance, ("positive", "negative", "neutral"))]))
    if filters.place:
        tests.append(("e.entity_id = ?", [_entity(path, db, filters.place)]))
    if filters.min_score is not None:
        tests.append(("(e.score IS NULL OR e.score >= ?) AND e.access <> ?", [filters.min_score, CLOSED]))
    if filters.coder:
        human = _one_of(path, "coder", filters.coder, ("human", "model")) == "human"
        tests.append((f"e.score IS {'' if human else 'NOT '}NULL AND e.access <> ?", [CLOSED]))
    return tests


def _entity(path: Path, db: sqlite3.Connection, name: str) -> str:
    pairs = db.execute("SELECT entity_id, entity_id FROM entity").fetchall()
    pairs += db.execute("SELECT alias, entity_id FROM alias ORDER BY length(entity_id), entity_id, alias").fetchall()
    return _known(path, "place", name, pairs)


def _hits(
    db: sqlite3.Connection,
    ids: Sequence[int],
    found_by: dict[int, tuple[Way, ...]],
    asked: Understood,
    filters: Filters,
    path: Path,
) -> tuple[list[Hit], list[Passage]]:
    """The hits with these ids, in their order, and the open passages among them."""
    lines = {line["id"]: line for line in _in_chunks(db, _TEXTS, ids)}
    rows = _rows(db, [lines[i]["passage_id"] for i in ids], _row_tests(path, db, filters))
    marked = _marked(db, ids, asked) if asked.match else {}
    hits, passages = [], []
    for i in ids:
        line, own = lines[i], tuple(rows.get(lines[i]["passage_id"], ()))
        shut = line["document_id"] is None
        hits.append(
            Hit(
                passage_id=line["passage_id"],
                text=line["text"],
                spans=marked.get(i, ()),
                by=found_by.get(i, ()),
                document_id=line["document_id"] or "",
                document=own[0].document if shut else line["title"],
                year=line["year"],
                kind="transcript" if shut else line["document_kind"],
                access="non-attributable" if shut else line["access"],
                synthetic=own[0].synthetic if shut else bool(line["synthetic"]),
                section=line["section"],
                page=line["page"],
                speaker=line["speaker"],
                rows=own,
            )
        )
        if not shut:
            values = {name: line[name] for name in columns(Passage)}
            section = tuple(values["section"].split(" > ")) if values["section"] else ()
            passages.append(Passage(**{**values, "section": section}))
    return hits, passages


_TEXTS = (
    "SELECT f.id, f.document_id, f.title, d.year, d.kind AS document_kind, d.access, d.synthetic, f.passage_id, p.ordinal, p.start_char, "
    "p.end_char, f.text, p.kind, f.section, p.page, p.speaker, p.time, p.off_record FROM findable f LEFT JOIN document d "
    "ON d.document_id = f.document_id LEFT JOIN passage p ON p.passage_id = f.passage_id WHERE f.id IN ({})"
)


def _in_chunks(
    db: sqlite3.Connection, sql: str, values: Sequence[Any], more: Sequence[Any] = ()
) -> Iterable[sqlite3.Row]:
    for at in range(0, len(values), _CHUNK):
        part = values[at : at + _CHUNK]
        yield from db.execute(sql.format(",".join("?" * len(part))), (*part, *more))


def _rows(
    db: sqlite3.Connection, passage_ids: Sequence[str], tests: Sequence[tuple[str, list[Any]]]
) -> dict[str, list[EvidenceRow]]:
    """Evidence rows of passages: one for each code, of the surest tag (people's first), with the closest tie."""
    names = columns(EvidenceRow)
    sql = f"SELECT {', '.join(names)} FROM evidence e WHERE e.passage_id IN ({{}})" + "".join(
        f" AND {test}" for test, _ in tests
    )
    order = " ORDER BY score IS NOT NULL, -score, code, coder, CASE tie WHEN 'named' THEN 0 WHEN 'section' THEN 1 WHEN 'document' THEN 2 ELSE 3 END, entity_label, entity_id"
    found: dict[str, dict[str, EvidenceRow]] = {}
    for line in _in_chunks(db, sql + order, passage_ids, [value for _, given in tests for value in given]):
        values = {name: line[name] for name in names}
        row = EvidenceRow(**{**values, "synthetic": bool(values["synthetic"]), "review": bool(values["review"])})
        found.setdefault(row.passage_id, {}).setdefault(row.code, row)
    return {passage_id: list(rows.values()) for passage_id, rows in found.items()}


def _marked(db: sqlite3.Connection, ids: Sequence[int], asked: Understood) -> dict[int, tuple[Span, ...]]:
    """Where the words looked for stand in the texts, as the full-text index sees it."""
    found: dict[int, tuple[Span, ...]] = {}
    begin, end = "\ue000", "\ue001"
    sql = (
        "SELECT t.rowid AS id, highlight(passage_text, 0, char(57344), char(57345)) AS marked, f.text FROM passage_text t "
        "JOIN findable f ON f.id = t.rowid WHERE t.rowid IN ({}) AND passage_text MATCH ?"
    )
    for line in _in_chunks(db, sql, ids, [asked.match]):
        marked, text = line["marked"], line["text"]
        if marked.replace(begin, "").replace(end, "") != text:
            continue  # the text holds such signs itself, or a NUL
        spans, at = [], 0
        for piece in re.split(f"({begin}[^{end}]*{end})", marked):
            inside = piece.startswith(begin)
            size = len(piece) - 2 * inside
            if inside:
                spans.append((at, at + size))
            at += size
        found[line["id"]] = tuple(spans)
    return found


def _one_of(path: str | Path, what: str, value: str, allowed: Sequence[str]) -> str:
    return _known(path, what, value, [(name, name) for name in allowed])


def _known(path: str | Path, what: str, value: str, pairs: Sequence[Any], *, partial: bool = False) -> str:
    """The id that a name stands for, whatever its capitals."""
    by_name: dict[str, str] = {}
    for name, key in pairs:
        by_name.setdefault(str(name).lower(), key)
    folded = value.lower().strip()
    if folded in by_name:
        return by_name[folded]
    inside = [key for name, key in by_name.items() if folded in name] if partial else []
    if inside:
        return inside[0]
    close = difflib.get_close_matches(folded, list(by_name), n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(dict.fromkeys(by_name[name] for name in close))}?"
        if close
        else "see `collabnlp codebook` or the evidence workbook"
    )
    raise InputError(path, f"{what} {value!r} has no evidence here", hint)
