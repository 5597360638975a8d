"""Writes and opens the evidence index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from collabnlp.codebook import Codebook
from collabnlp.embed import Encoder
from collabnlp.gazetteer import Gazetteer
from collabnlp.query.views import RECORDS, REFERS, describe
from collabnlp.query.words import name_words
from collabnlp.records import EvidenceRow, InputError, Record, atomic, columns, sort_records
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.release import CLOSED, Released, exporter, reread

HEADING = 0.4  # share of the headings in the vector of a passage; docs/method.md says how it was found


@exporter
def build_index(
    path: str | Path,
    released: Released,
    *,
    codebook: Codebook,
    gazetteer: Gazetteer,
    encoder: Encoder | None = None,
) -> None:
    """Write the index, atomically; equal input gives equal bytes.

    Tables of records have the records' columns (lists joined by ' > '); the table
    `column_dictionary` says what each column of every table and view means.

    Parameters
    ----------
    encoder
        Gives the vectors of what is released; None: the index is searched by words alone.
    """
    with atomic(path) as temporary, closing(sqlite3.connect(temporary)) as db:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA page_size=4096")
        db.execute(
            "CREATE TABLE code (code TEXT PRIMARY KEY, title TEXT, code_group TEXT, parent TEXT REFERENCES code(code), definition TEXT)"
        )
        db.executemany(
            "INSERT INTO code VALUES (?,?,?,?,?)",
            [(c.code, c.title, codebook.groups[c.group], c.parent, c.definition) for c in codebook.codes],
        )
        for name, records in (
            ("document", released.documents),
            ("passage", released.passages),
            ("mention", released.mentions),
            ("topic", released.topics),
            ("evidence", released.rows),
            ("matrix", released.cells),
            ("relation", released.relations),
        ):
            _table(db, name, RECORDS[name], records)
        _entities(db, released, gazetteer)
        _findable(db, released, encoder)
        db.execute("CREATE INDEX evidence_passage ON evidence(passage_id)")
        db.execute("CREATE INDEX evidence_cell ON evidence(entity_id, code)")
        db.execute("CREATE INDEX evidence_filter ON evidence(code, stance, score, access, entity_id, passage_id)")
        db.execute("CREATE INDEX mention_entity ON mention(entity_ids)")
        about = {"encoder": encoder.name if encoder else "", "interviews": released.interviews, "rule": released.rule}
        describe(db, about)
        db.commit()
        db.execute("VACUUM")


def _entities(db: sqlite3.Connection, released: Released, gazetteer: Gazetteer) -> None:
    """Add the entities that evidence is tied to or open passages name, and their names."""
    own = {e.entity_id: e for e in released.entities}
    known = {row.entity_id: (row.entity_name, row.entity_label) for row in released.rows if row.entity_id}
    known |= {
        c.row_id: (c.row, c.rows.upper()) for c in released.cells if c.rows in ("council", "partnership", "scheme")
    }
    known |= {e.entity_id: (e.name, e.label) for e in released.entities if e.entity_id not in known}
    names = {(name, entity_id) for entity_id, (name, _) in known.items()}
    names |= {(alias, e.entity_id) for e in released.entities if not e.listed for alias in e.aliases}
    names |= {(alias, i) for alias, (_, ids) in gazetteer.aliases.items() for i in ids if i in known}
    db.execute(
        "CREATE TABLE entity (entity_id TEXT PRIMARY KEY, name TEXT, label TEXT, n_passages INTEGER, first_year INTEGER, last_year INTEGER)"
    )
    db.executemany(
        "INSERT INTO entity VALUES (?,?,?,?,?,?)",
        [
            (i, *known[i], *((own[i].n_passages, own[i].first_year, own[i].last_year) if i in own else (None,) * 3))
            for i in sorted(known)
        ],
    )
    db.execute("CREATE TABLE alias (alias TEXT, entity_id TEXT REFERENCES entity(entity_id))")
    db.executemany("INSERT INTO alias VALUES (?,?)", sorted(names))
    db.execute("CREATE INDEX alias_name ON alias(alias COLLATE NOCASE)")
    db.execute("CREATE INDEX alias_entity ON alias(entity_id)")


def _findable(db: sqlite3.Connection, released: Released, encoder: Encoder | None) -> None:
    """Add what the search looks in: texts, their full-text index, their vectors, words that may be misspelt.

    An interviewer's question is no evidence and would often be the best match; it is left out.
    The vector of a passage is that of its text with a share of that of the headings above it: a
    passage seldom repeats what its heading says.
    """
    title = {document.document_id: document.title for document in released.documents}
    texts: dict[str, tuple[str | None, str, str, str]] = {
        p.passage_id: (p.document_id, p.text, " > ".join(p.section), title[p.document_id])
        for p in released.passages
        if p.speaker != INTERVIEWER
    }
    texts |= {row.passage_id: (None, row.quote, "", "") for row in released.rows if row.access == CLOSED}
    lines = [(i, passage_id, *texts[passage_id]) for i, passage_id in enumerate(sorted(texts), start=1)]
    db.execute(
        "CREATE TABLE findable (id INTEGER PRIMARY KEY, passage_id TEXT UNIQUE, document_id TEXT REFERENCES document(document_id), "
        "text TEXT, section TEXT, title TEXT)"
    )
    db.executemany("INSERT INTO findable VALUES (?,?,?,?,?,?)", lines)
    db.execute(
        'CREATE VIRTUAL TABLE passage_text USING fts5(text, section, title, content="findable", content_rowid="id", tokenize=\'porter unicode61\')'
    )
    db.execute("INSERT INTO passage_text(passage_text) VALUES ('rebuild')")
    db.execute("INSERT INTO passage_text(passage_text) VALUES ('optimize')")
    db.execute("CREATE TABLE vector (id INTEGER PRIMARY KEY REFERENCES findable(id), vector BLOB)")
    if encoder and lines:
        vectors = np.array(encoder.encode([line[3] for line in lines]))
        sections = sorted({line[4] or line[5] for line in lines} - {""})
        above = dict(zip(sections, encoder.encode([s.replace(" > ", ". ") for s in sections]), strict=True))
        for row, line in enumerate(lines):
            if heading := line[4] or line[5]:
                vectors[row] += HEADING * above[heading]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        packed = vectors.astype("<f2")
        db.executemany(
            "INSERT INTO vector VALUES (?,?)", [(line[0], packed[i].tobytes()) for i, line in enumerate(lines)]
        )
    names = [row[0] for row in db.execute("SELECT alias FROM alias")] + [m.text for m in released.mentions]
    words = name_words((text for line in lines for text in line[3:6]), names)
    db.execute("CREATE TABLE name_word (word TEXT PRIMARY KEY, initial TEXT) WITHOUT ROWID")
    db.executemany("INSERT INTO name_word VALUES (?,?)", [(word, word[0]) for word in words])
    db.execute("CREATE INDEX name_word_initial ON name_word(initial)")


def _table(db: sqlite3.Connection, name: str, record: type[Record], records: Iterable[Record]) -> None:
    import typing

    hints = typing.get_type_hints(record)
    kinds = [
        f"{column} {'INTEGER' if hints[column] in (int, bool) or int in typing.get_args(hints[column]) else 'REAL' if hints[column] is float or float in typing.get_args(hints[column]) else 'TEXT'}"
        for column in columns(record)
    ]
    kinds = [
        f"{kind} REFERENCES {REFERS[key]}" if (key := (name, kind.split()[0])) in REFERS else kind for kind in kinds
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
