"""The evidence index in memory: its rows as columns of numbers, so that any filter is counted at once.

What is counted here equals what `release.select` counts, but for speed; tests compare the two. The
whole table, with what is counted of interviews not for attribution, is read as the gate wrote it.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from collabnlp.evidence import named
from collabnlp.gazetteer import Gazetteer
from collabnlp.query import open_index
from collabnlp.records import Access, EvidenceRow, Kind, MatrixCell, Stance, Tie, columns, key_of
from collabnlp.release import CLOSED, Released, reread
from collabnlp.web.questions import Filters, RowKind

STANCES: tuple[Stance, ...] = typing.get_args(Stance)
KINDS: tuple[Kind, ...] = typing.get_args(Kind)
ACCESSES: tuple[Access, ...] = typing.get_args(Access)
TIES: tuple[Tie, ...] = typing.get_args(Tie)
ENTITY_ROWS = ("council", "partnership", "scheme")
SUMS = ("county", "today")
COUNTS = (
    "n_passages",
    "n_closed",
    "n_documents",
    "n_sources",
    "n_named",
    "positive",
    "negative",
    "neutral",
)
_CHUNK = 500  # values of one SQL query
Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


class Codes:
    """Values as numbers, in the order in which they come."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.values = list(values)
        self._number = {value: i for i, value in enumerate(self.values)}

    def __call__(self, value: Any) -> int:
        """The number of a value; a new value gets the next."""
        number = self._number.get(value)
        if number is None:
            number = self._number[value] = len(self.values)
            self.values.append(value)
        return number

    def of(self, value: Any) -> int:
        """The number of a value, -1 for one that is not there."""
        return self._number.get(value, -1)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Table:
    """Cells of one matrix as arrays, one entry a cell; `ids` and `names` are of the rows.

    Attributes
    ----------
    row, code
        int64 [n_cells]: places in `ids` and in the codes.
    counts
        int64 [n_cells, 8]: what `COUNTS` names.
    mean_score
        float64 [n_cells]: NaN where only people coded.
    suppressed
        bool [n_cells].
    """

    rows: RowKind
    ids: Sequence[str]
    names: Sequence[str]
    codes: Sequence[str]
    row: Ints
    code: Ints
    counts: Ints
    mean_score: Any
    suppressed: Bools

    def cell(self, i: int) -> MatrixCell:
        """One cell as a record."""
        score = float(self.mean_score[i])
        return MatrixCell(
            rows=self.rows,
            row_id=self.ids[self.row[i]],
            row=self.names[self.row[i]],
            code=self.codes[self.code[i]],
            mean_score=None if score != score else round(score, 4),
            suppressed=bool(self.suppressed[i]),
            **dict(zip(COUNTS, map(int, self.counts[i]), strict=True)),
        )

    def cells(self, of_rows: Iterable[int] | None = None) -> Iterator[MatrixCell]:
        """The cells of some rows, or all of them."""
        chosen = range(len(self.row)) if of_rows is None else np.flatnonzero(np.isin(self.row, list(of_rows)))
        return (self.cell(int(i)) for i in chosen)


class Index:
    """The rows of an evidence index, and what stands around them.

    Parameters
    ----------
    path
        evidence.db.
    codes
        Machine names of the codes, in order.
    gazetteer
        Which county a district belongs to, and what councils have become.
    """

    def __init__(self, path: str | Path, codes: Sequence[str], gazetteer: Gazetteer) -> None:
        self.path, self.codes, self.gazetteer = Path(path), Codes(codes), gazetteer
        self.entities, self.passages, self.documents, self.coders = Codes(), Codes(), Codes(), Codes()
        self.entity_names: dict[str, str] = {}
        self.entity_labels: dict[str, str] = {}
        self.document_titles: dict[str, str] = {}
        self.document_years: dict[str, int] = {}
        self.topics: dict[int, str] = {}
        self.aliases: dict[str, str] = {}
        with open_index(path) as db:
            self._load_rows(db)
            self._load_whole(db)
            self._load_searched(db)
            for alias, entity_id in db.execute(
                "SELECT alias, entity_id FROM alias ORDER BY length(entity_id), entity_id, alias"
            ):
                self.aliases.setdefault(alias.casefold(), entity_id)
            self.topics = dict(db.execute("SELECT topic, label FROM topic ORDER BY topic").fetchall())
        for entity_id, name in self.entity_names.items():
            self.aliases.setdefault(name.casefold(), entity_id)
        for alias, (_, ids) in gazetteer.aliases.items():  # of places, too, of which no document speaks
            self.aliases.setdefault(alias.casefold(), max(ids, key=lambda i: gazetteer.entities[i].end_date or "9"))
        self._tables: dict[str, Table] = {}
        self._expansions: dict[str, tuple[Ints, Ints, list[str]]] = {}

    def _load_rows(self, db: Any) -> None:
        sources, labels = Codes(), Codes(["", *(label.upper() for label in ENTITY_ROWS)])
        lines: list[tuple[int, ...]] = []
        scores: list[float] = []
        for (
            entity_id, name, label, code, passage_id, coder, tie, stance, score, document_id, kind, year, access, speaker, topic,
        ) in db.execute(
            "SELECT entity_id, entity_name, entity_label, code, passage_id, coder, tie, stance, score, document_id, kind, year, "
            "access, speaker, topic FROM evidence"
        ):  # fmt: skip
            if entity_id and entity_id not in self.entity_names:
                self.entity_names[entity_id], self.entity_labels[entity_id] = name, label
            lines.append(
                (
                    self.entities(entity_id),
                    labels(label),
                    self.codes(code),
                    self.passages(passage_id),
                    self.coders(coder),
                    TIES.index(tie),
                    STANCES.index(stance),
                    self.documents(document_id),
                    KINDS.index(kind),
                    -1 if year is None else year,
                    ACCESSES.index(access),
                    sources((document_id, speaker if kind == "transcript" else None)),
                    -2 if topic is None else topic,
                )
            )
            scores.append(float("nan") if score is None else score)
        table = np.array(lines, dtype=np.int64).reshape(len(lines), 13).T
        (self.entity, self.label, self.code, self.passage, self.coder, self.tie, self.stance, self.document) = table[:8]
        self.kind, self.year, self.access, self.source, self.topic = table[8:]
        self.score = np.array(scores, dtype=np.float64)
        self.human = np.isnan(self.score)
        self.closed = self.access == ACCESSES.index(CLOSED)
        self._labels = labels
        self._topics_seen = {topic for topic in np.unique(self.topic).tolist() if topic > -2}
        alphabet = np.argsort(np.argsort(np.array([*self.coders.values, ""], dtype=object)))
        self._preferred = np.empty(len(lines), dtype=np.int64)  # people before the model, then the closest tie
        self._preferred[np.lexsort((self.tie, alphabet[self.coder], ~self.human))] = np.arange(len(lines))

    def _load_whole(self, db: Any) -> None:
        """The tables without any filter, as the gate wrote them."""
        self._whole: dict[str, list[MatrixCell]] = {}
        for line in db.execute(f"SELECT {', '.join(columns(MatrixCell))} FROM matrix ORDER BY rows, row_id, code"):
            cell = MatrixCell(**{**dict(line), "suppressed": bool(line["suppressed"])})
            self._whole.setdefault(cell.rows, []).append(cell)
            if cell.rows in ENTITY_ROWS:
                self.entity_names.setdefault(cell.row_id, cell.row)
                self.entity_labels.setdefault(cell.row_id, cell.rows.upper())

    def _load_searched(self, db: Any) -> None:
        """In which documents an entity was seen at all, and what there is of documents."""
        self.document_access: dict[str, Access] = {}
        self.document_kinds: dict[str, Kind] = {}
        for document_id, title, year, kind, access in db.execute(
            "SELECT document_id, title, year, kind, access FROM document ORDER BY document_id"
        ):
            self.document_titles[document_id], self.document_years[document_id] = title, year
            self.document_kinds[document_id], self.document_access[document_id] = kind, access
        self.seen_in: dict[str, set[str]] = {}
        for passage_id, entity_ids in db.execute("SELECT passage_id, entity_ids FROM mention"):
            for entity_id in filter(None, entity_ids.split(" > ")):
                self.seen_in.setdefault(entity_id, set()).add(passage_id.rsplit(":", 1)[0])
        for entity, document in {*zip(self.entity.tolist(), self.document.tolist(), strict=True)}:
            self.seen_in.setdefault(self.entities.values[entity], set()).add(self.documents.values[document])

    def __len__(self) -> int:
        return len(self.entity)

    def mask(self, filters: Filters) -> Bools:
        """Which rows the filters let through; names in them are known to be there."""
        keep = np.ones(len(self), dtype=bool)
        if filters.document:
            keep &= np.isin(self.document, [self.documents.of(i) for i in filters.document])
        if filters.code:
            keep &= np.isin(self.code, [self.codes.of(i) for i in filters.code])
        if filters.place:
            keep &= self.entity == self.entities.of(filters.place)
        if filters.year_from is not None:
            keep &= self.year >= filters.year_from
        if filters.year_to is not None:
            keep &= (self.year <= filters.year_to) & (self.year >= 0)
        for value, allowed, column in (
            (filters.kind, KINDS, self.kind),
            (filters.access, ACCESSES, self.access),
            (filters.stance, STANCES, self.stance),
        ):
            if value is not None:
                keep &= column == allowed.index(value)  # type: ignore[arg-type]
        if filters.coder is not None:
            keep &= (self.human if filters.coder == "human" else ~self.human) & ~self.closed
        if filters.min_score is not None:
            keep &= (self.human | (self.score >= filters.min_score)) & ~self.closed
        return keep

    def places(self, rows: RowKind) -> tuple[Ints, Ints, list[str]]:
        """Rows and the matrix row that each counts in, with the ids of these; a row may count in several."""
        if rows not in self._expansions:
            self._expansions[rows] = self._places(rows)
        return self._expansions[rows]

    def _places(self, rows: RowKind) -> tuple[Ints, Ints, list[str]]:
        told = np.flatnonzero(~self.closed)
        if rows in ENTITY_ROWS:
            own = told[self.label[told] == self._labels.of(rows.upper())]
            return own, self.entity[own], self.entities.values
        if rows in ("county", "today"):
            ids = Codes()
            goes = [
                [ids(target) for target in self.gazetteer.rolled_up(entity_id, rows) if target in self.gazetteer.entities]
                if self.entity_labels.get(entity_id) == "COUNCIL"
                else []
                for entity_id in self.entities.values
            ]  # fmt: skip
            own = told[self.label[told] == self._labels.of("COUNCIL")]
            n = np.array([len(targets) for targets in goes], dtype=np.int64)[self.entity[own]]
            flat = [target for entity in self.entity[own].tolist() for target in goes[entity]]
            return np.repeat(own, n), np.array(flat, dtype=np.int64), ids.values
        if rows == "document":
            return told, self.document[told], self.documents.values
        column = self.topic if rows == "topic" else self.year
        values, inverse = np.unique(column[told], return_inverse=True)
        return told, inverse.astype(np.int64), [str(value) for value in values]

    def row_name(self, rows: RowKind, row_id: str) -> str:
        """Name of a matrix row; empty where there is none of this id."""
        if rows == "document":
            return self.document_titles.get(row_id, "")
        if rows == "topic":
            topic = int(row_id) if re.fullmatch(r"-?\d{1,9}", row_id) else -2
            return self.topics.get(topic, "Other" if topic in self._topics_seen else "")
        if rows == "year":
            return row_id if row_id.isdecimal() else ""
        body = self.body(row_id)
        return body[0] if body and body[1] == ("COUNCIL" if rows in SUMS else rows.upper()) else ""

    def body(self, entity_id: str) -> tuple[str, str] | None:
        """Name and label of a council, partnership or scheme: of the evidence, or else of the gazetteer; None for no such id."""
        if entity_id in self.entity_names:
            return self.entity_names[entity_id], self.entity_labels[entity_id]
        entity = self.gazetteer.entities.get(entity_id)
        return (named(entity).name, entity.label) if entity is not None else None

    def whole(self, rows: RowKind) -> Table:
        """The table without any filter, with what the gate counts of interviews not for attribution."""
        if rows not in self._tables:
            self._tables[rows] = self._whole_table(rows)
        return self._tables[rows]

    def _whole_table(self, rows: RowKind) -> Table:
        ids = Codes()
        cells = self._whole.get(rows, [])
        names: list[str] = []
        place: list[tuple[int, int]] = []
        for cell in cells:
            if ids.of(cell.row_id) < 0:
                names.append(cell.row)
            place.append((ids(cell.row_id), self.codes.of(cell.code)))
        where = np.array(place, dtype=np.int64).reshape(len(place), 2)
        return Table(
            rows,
            ids.values,
            names,
            self.codes.values,
            where[:, 0],
            where[:, 1],
            np.array([[getattr(c, name) for name in COUNTS] for c in cells], dtype=np.int64).reshape(len(cells), 8),
            np.array([np.nan if c.mean_score is None else c.mean_score for c in cells], dtype=np.float64),
            np.array([c.suppressed for c in cells], dtype=bool),
        )

    def narrowed(self, rows: RowKind, keep: Bools) -> Table:
        """The table of the rows that a filter lets through: open sources alone, as the gate has it."""
        at, group, ids = self.places(rows)
        inside = keep[at]
        at, group = at[inside], group[inside]
        n_codes = len(self.codes)
        key = group * n_codes + self.code[at]
        cells, cell = np.unique(key, return_inverse=True)
        size = len(cells)
        order = np.lexsort((self._preferred[at], self.passage[at], cell))
        at, cell = at[order], cell[order]
        passage = self.passage[at]
        first = np.ones(len(at), dtype=bool)
        first[1:] = (cell[1:] != cell[:-1]) | (passage[1:] != passage[:-1])

        def distinct(column: Ints, among: Any = slice(None)) -> Ints:
            width = int(column.max(initial=0)) + 1
            pairs = np.unique(cell[among] * width + column[among])
            return np.bincount(pairs // width, minlength=size)

        stance = np.bincount(cell[first] * 3 + self.stance[at[first]], minlength=size * 3).reshape(size, 3)
        told = ~self.human[at]
        n_scores = np.bincount(cell[told], minlength=size)
        sums = np.bincount(cell[told], weights=self.score[at[told]], minlength=size)
        counts = np.stack(
            [
                np.bincount(cell[first], minlength=size),
                np.zeros(size, dtype=np.int64),
                distinct(self.document[at]),
                distinct(self.source[at]),
                distinct(passage, self.tie[at] == TIES.index("named")),
                *(stance[:, STANCES.index(s)] for s in ("positive", "negative", "neutral")),  # type: ignore[arg-type]
            ],
            axis=1,
        )
        with np.errstate(invalid="ignore"):
            mean = np.where(n_scores > 0, sums / np.maximum(n_scores, 1), np.nan)
        names = [self.row_name(rows, row_id) for row_id in ids]
        return Table(
            rows,
            ids,
            names,
            self.codes.values,
            cells // n_codes,
            cells % n_codes,
            counts,
            mean,
            np.zeros(size, dtype=bool),
        )

    def in_row(self, rows: RowKind, row_id: str, keep: Bools) -> Ints:
        """Places of the rows that count in one matrix row."""
        at, group, ids = self.places(rows)
        wanted = ids.index(row_id) if row_id in ids else -1
        inside = (group == wanted) & keep[at]
        return np.unique(at[inside])

    def passage_ids(self, at: Ints) -> list[str]:
        """The passages of some rows, each once."""
        return [self.passages.values[i] for i in np.unique(self.passage[at])]

    def n_distinct(self, keep: Bools) -> dict[str, int]:
        """How many open passages, documents and independent sources stand behind a selection."""
        told = keep & ~self.closed
        return {
            "passages": len(np.unique(self.passage[told])),
            "documents": len(np.unique(self.document[told])),
            "sources": len(np.unique(self.source[told])),
        }

    def searched(self, filters: Filters) -> set[str]:
        """Ids of the documents in which the filters let anything be looked for."""
        found = {
            i
            for i in self.document_titles
            if (not filters.document or i in filters.document)
            and (filters.kind is None or self.document_kinds[i] == filters.kind)
            and (filters.access is None or self.document_access[i] == filters.access)
            and (filters.year_from is None or self.document_years[i] >= filters.year_from)
            and (filters.year_to is None or self.document_years[i] <= filters.year_to)
        }
        if filters.coder is not None:  # a person who read nothing of a document has not looked there
            by = self.mask(Filters(coder=filters.coder))
            found &= {self.documents.values[i] for i in np.unique(self.document[by])}
        return found

    def read(self, at: Ints) -> Released:
        """The evidence rows at some places, in these places' order, through the gate."""
        wanted = [
            (
                self.entities.values[self.entity[i]],
                self.codes.values[self.code[i]],
                self.passages.values[self.passage[i]],
                self.coders.values[self.coder[i]],
            )
            for i in at.tolist()
        ]
        by_key = {key_of(row): row for row in self.read_passages(dict.fromkeys(key[2] for key in wanted))}
        return reread(by_key[key] for key in wanted)

    def read_passages(self, passage_ids: Iterable[str]) -> list[EvidenceRow]:
        """All evidence rows of some passages."""
        ids = list(passage_ids)
        names = columns(EvidenceRow)
        found: list[EvidenceRow] = []
        with open_index(self.path) as db:
            for start in range(0, len(ids), _CHUNK):
                part = ids[start : start + _CHUNK]
                found += [
                    evidence_row(line)
                    for line in db.execute(
                        f"SELECT {', '.join(names)} FROM evidence WHERE passage_id IN ({','.join('?' * len(part))})",
                        part,
                    )
                ]
        return found


def evidence_row(line: Mapping[str, Any]) -> EvidenceRow:
    """A line of the table `evidence` as a record."""
    values = {name: line[name] for name in columns(EvidenceRow)}
    return EvidenceRow(**{**values, "synthetic": bool(values["synthetic"]), "review": bool(values["review"])})
