"""Builds and searches the evidence index: a SQLite file with a full-text index over the passages."""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from collabnlp.codebook import Codebook
from collabnlp.gazetteer import Gazetteer
from collabnlp.records import (
    Document,
    EntityMention,
    EvidenceRow,
    InputError,
    MatrixCell,
    Passage,
    Record,
    Topic,
    atomic,
    columns,
    sort_records,
)
from collabnlp.release import CLOSED, Released, exporter, reread


@exporter
def build_index(
    path: str | Path,
    released: Released,
    *,
    codebook: Codebook,
    gazetteer: Gazetteer,
) -> None:
    """Write the index, atomically; equal input gives equal bytes.

    Tables `document`, `passage`, `mention`, `topic`, `evidence` and `matrix` have the columns of
    their records (lists joined by ' > '), `code` the codebook, `alias` the names of the entities
    that occur, and `passage_text` is the full-text index, quotes not for attribution among it.
    """
    with atomic(path) as temporary, closing(sqlite3.connect(temporary)) as db:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA page_size=4096")
        for name, record, records in (
            ("document", Document, released.documents),
            ("passage", Passage, released.passages),
            ("mention", EntityMention, released.mentions),
            ("topic", Topic, released.topics),
            ("evidence", EvidenceRow, released.rows),
            ("matrix", MatrixCell, released.cells),
        ):
            _table(db, name, record, records)  # type: ignore[arg-type]
        db.execute(
            "CREATE TABLE code (code TEXT PRIMARY KEY, title TEXT, code_group TEXT, parent TEXT, definition TEXT)"
        )
        db.executemany(
            "INSERT INTO code VALUES (?,?,?,?,?)",
            [(c.code, c.title, codebook.groups[c.group], c.parent, c.definition) for c in codebook.codes],
        )
        names = {(row.entity_name, row.entity_id) for row in released.rows if row.entity_id}
        names |= {(c.row, c.row_id) for c in released.cells if c.rows in ("council", "partnership", "scheme")}
        seen = {entity_id for _, entity_id in names}
        names |= {
            (alias, e.entity_id)
            for e in released.entities
            if e.entity_id in seen
            for alias in e.aliases
            if not e.listed
        }
        names |= {(alias, i) for alias, (_, ids) in gazetteer.aliases.items() for i in ids if i in seen}
        db.execute("CREATE TABLE alias (alias TEXT, entity_id TEXT)")
        db.executemany("INSERT INTO alias VALUES (?,?)", sorted(names))
        db.execute("CREATE INDEX evidence_passage ON evidence(passage_id)")
        db.execute("CREATE INDEX evidence_cell ON evidence(entity_id, code)")
        db.execute(
            "CREATE VIRTUAL TABLE passage_text USING fts5(passage_id UNINDEXED, text, tokenize='porter unicode61')"
        )
        db.executemany(
            "INSERT INTO passage_text VALUES (?,?)",
            sorted(
                {(p.passage_id, p.text) for p in released.passages}
                | {(row.passage_id, row.quote) for row in released.rows if row.access == CLOSED}
            ),
        )
        db.execute("INSERT INTO passage_text(passage_text) VALUES ('optimize')")
        db.commit()
        db.execute("VACUUM")


def _table(db: sqlite3.Connection, name: str, record: type[Record], records: Iterable[Record]) -> None:
    import typing

    hints = typing.get_type_hints(record)
    kinds = [
        f"{column} {'INTEGER' if hints[column] in (int, bool) or int in typing.get_args(hints[column]) else 'REAL' if hints[column] is float or float in typing.get_args(hints[column]) else 'TEXT'}"
        for column in columns(record)
    ]
    db.execute(f"CREATE TABLE {name} ({', '.join(kinds)}, PRIMARY KEY ({', '.join(record.key)})) WITHOUT ROWID")
    marks = ",".join("?" * len(kinds))
    db.executemany(
        f"INSERT INTO {name} VALUES ({marks})",
        [
            [" > ".join(v) if isinstance(v, tuple) else v for v in (getattr(r, c) for c in columns(record))]
            for r in sort_records(records, record)
        ],
    )


@contextmanager
def open_index(path: str | Path) -> Iterator[sqlite3.Connection]:
    """The index, read-only.

    Raises
    ------
    InputError
        Where it is missing or no index.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, "there is no evidence index", "run `dvc repro` first")
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        db.execute("SELECT 1 FROM evidence LIMIT 1")
        yield db
    except sqlite3.DatabaseError as error:
        raise InputError(path, f"is no evidence index ({error})", "delete it and run `dvc repro`") from error
    finally:
        db.close()


def search(
    path: str | Path,
    words: str = "",
    *,
    code: str | None = None,
    council: str | None = None,
    document: str | None = None,
    stance: str | None = None,
    year_from: int | None = None,
    year_to: int | None = None,
    limit: int = 20,
) -> Released:
    """Evidence rows that match, best first: one for each passage and code, with the entity it is tied to most closely.

    Quotes not for attribution have no document, year or council: a filter by these leaves them out.

    Parameters
    ----------
    words
        All must stand in the passage, in any form ("sharing" finds "shared"); words in double
        quotes must stand side by side. Empty: every passage that the filters let through.
    code, stance, document
        Code, stance, document id (or part of the title).
    council
        Name, alias or id of an entity.
    year_from, year_to
        First and last year of the document.
    limit
        At most so many rows; 0: all.

    Raises
    ------
    InputError
        Where the index is missing, or a filter names nothing that is there; the message suggests what is.
    """
    with open_index(path) as db:
        where, values = ["1"], []  # type: list[str], list[Any]
        if code:
            where.append("e.code = ?")
            values.append(
                _known(
                    path,
                    "code",
                    code,
                    [(r[0], r[0]) for r in db.execute("SELECT code FROM code")]
                    + [(r[1], r[0]) for r in db.execute("SELECT code, title FROM code")],
                )
            )
        if council:
            where.append("e.entity_id = ?")
            values.append(
                _known(
                    path,
                    "council",
                    council,
                    [(r[0], r[0]) for r in db.execute("SELECT DISTINCT entity_id FROM alias")]
                    + [
                        tuple(r)
                        for r in db.execute("SELECT alias, entity_id FROM alias ORDER BY length(entity_id), alias")
                    ],
                )
            )
        if document:
            where.append("e.document_id = ?")
            values.append(
                _known(
                    path,
                    "document",
                    document,
                    [(r[0], r[0]) for r in db.execute("SELECT document_id FROM document")]
                    + [(r[1], r[0]) for r in db.execute("SELECT document_id, title FROM document")],
                    partial=True,
                )
            )
        if stance:
            where.append("e.stance = ?")
            values.append(_known(path, "stance", stance, [(s, s) for s in ("positive", "negative", "neutral")]))
        for bound, test in ((year_from, "e.year >= ?"), (year_to, "e.year <= ?")):
            if bound is not None:
                where.append(test)
                values.append(bound)
        match = fts_query(words)
        if match:
            source = "(SELECT passage_id AS pid, rank AS r FROM passage_text WHERE passage_text MATCH ?) f JOIN evidence e ON e.passage_id = f.pid"
            values.insert(0, match)
        else:
            source = "(SELECT 0 AS r) f CROSS JOIN evidence e"
        names = columns(EvidenceRow)
        cursor = db.execute(
            f"SELECT {', '.join('e.' + name for name in names)} FROM {source} WHERE {' AND '.join(where)} "
            "ORDER BY f.r, e.passage_id, e.score IS NOT NULL, -e.score, e.code, e.coder, "
            "CASE e.tie WHEN 'named' THEN 0 WHEN 'section' THEN 1 WHEN 'document' THEN 2 ELSE 3 END, e.entity_label, e.entity_id",
            values,
        )
        rows: dict[tuple[str, str], EvidenceRow] = {}
        for found in cursor:
            row = EvidenceRow(
                **{name: bool(found[name]) if name in ("synthetic", "review") else found[name] for name in names}
            )
            rows.setdefault((row.passage_id, row.code), row)
            if limit and len(rows) > limit:
                rows.popitem()
                break
    return reread(rows.values())


def fts_query(words: str) -> str:
    """Words as a full-text query that cannot be anything else: every word quoted, quoted runs kept together.

    Examples
    --------
    >>> fts_query('growth "joint chief executive" OR*')
    '"growth" "joint chief executive" "OR"'
    """
    parts = re.findall(r'"([^"]+)"|(\S+)', words)
    terms = [" ".join(re.findall(r"\w+", quoted or single)) for quoted, single in parts]
    return " ".join(f'"{term}"' for term in terms if term)


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


def read_open(path: str | Path) -> tuple[Released, dict[str, str]]:
    """What an index shows of open sources: its evidence rows, and the text of each passage by id.

    Nothing that is not for attribution comes along: two counts of it, or two choices of quotes,
    could tell together what each keeps back. Columns that an older index has not are empty.

    Raises
    ------
    InputError
        Where it is missing or no index.
    """
    names = columns(EvidenceRow)
    with open_index(path) as db:
        rows = []
        for found in db.execute("SELECT * FROM evidence WHERE access != ?", (CLOSED,)):
            values = {name: found[name] if name in found.keys() else _EMPTY.get(name, "") for name in names}  # noqa: SIM118
            rows.append(EvidenceRow(**{k: bool(v) if k in ("synthetic", "review") else v for k, v in values.items()}))
        texts = {
            row["passage_id"]: row["quote"]
            for row in db.execute("SELECT passage_id, quote FROM evidence WHERE access != ?", (CLOSED,))
        }
        texts |= {row["passage_id"]: row["text"] for row in db.execute("SELECT * FROM passage")}
    return reread(sort_records(rows, EvidenceRow)), texts


_EMPTY: dict[str, Any] = dict.fromkeys(("score", "year", "page", "speaker", "topic", "synthetic", "review"))
