"""Writes and opens the evidence index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from collabnlp.codebook import Codebook
from collabnlp.embed import Encoder, Vectors
from collabnlp.files import atomic
from collabnlp.gazetteer import Gazetteer
from collabnlp.query.views import RECORDS, REFERS, describe
from collabnlp.query.words import name_words
from collabnlp.records import EvidenceRow, InputError, Record, columns, sort_records
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.release import CLOSED, Released, exporter, reread
from collabnlp.streams import Rows, in_batches, in_key_order

_AT_A_TIME = 4096  # vectors in memory
_HEADINGS = 50_000  # whose vectors are kept for passages further on
HEADING = 0.4  # share of the headings in the vector of a passage; docs/method.md says how it was found


@exporter
def build_index(
    path: str | Path,
    released: Released,
    *,
    codebook: Codebook,
    gazetteer: Gazetteer,
    encoder: Encoder | None = None,
    known: Iterable[tuple[str, Vectors]] = (),
) -> None:
    """Write the index, atomically; equal input gives equal bytes.

    Tables of records have the records' columns (lists joined by ' > '); the table
    `column_dictionary` says what each column of every table and view means.

    Parameters
    ----------
    encoder
        Gives the vectors of what is released; None: the index is searched by words alone.
    known
        Ids of passages in order, each with the vector that the encoder gave its text.
    """
    with atomic(path) as temporary, closing(sqlite3.connect(temporary)) as db:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA page_size=4096")
        db.execute(
            "CREATE TABLE code (code TEXT PRIMARY KEY, title TEXT, code_group TEXT, parent TEXT REFERENCES code(code), definition TEXT)"
        )
        db.executemany(
            "INSERT INTO code VALUES (?,?,?,?,?)",
            [(c.code, c.title, codebook.groups[c.group], c.parent, c.definition) for c in codebook.for_readers().codes],
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
        _findable(db)
        if encoder:
            _vectors(db, encoder, known)
        _name_words(db)
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
    rows = db.execute("SELECT DISTINCT entity_id, entity_name, entity_label FROM evidence WHERE entity_id != ''")
    known = {entity_id: (name, label) for entity_id, name, label in rows}
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


def _findable(db: sqlite3.Connection) -> None:
    """Add what the search looks in, in order of the passages' ids, and its full-text index.

    An interviewer's question is no evidence and would often be the best match; it is left out.
    """
    db.execute(
        "CREATE TABLE findable (id INTEGER PRIMARY KEY, passage_id TEXT UNIQUE, document_id TEXT REFERENCES document(document_id), "
        "text TEXT, section TEXT, title TEXT)"
    )
    db.execute(
        """
        INSERT INTO findable SELECT row_number() OVER (ORDER BY passage_id), * FROM (
            SELECT p.passage_id, p.document_id, p.text, p.section, d.title FROM passage p JOIN document d USING (document_id)
                WHERE p.speaker IS NOT ?
            UNION ALL SELECT passage_id, NULL, quote, '', '' FROM evidence WHERE access = ?
        ) ORDER BY passage_id
        """,
        (INTERVIEWER, CLOSED),
    )
    db.execute(
        'CREATE VIRTUAL TABLE passage_text USING fts5(text, section, title, content="findable", content_rowid="id", tokenize=\'porter unicode61\')'
    )
    db.execute("INSERT INTO passage_text(passage_text) VALUES ('rebuild')")
    db.execute("INSERT INTO passage_text(passage_text) VALUES ('optimize')")
    db.execute("CREATE TABLE vector (id INTEGER PRIMARY KEY REFERENCES findable(id), vector BLOB)")


def _vectors(db: sqlite3.Connection, encoder: Encoder, known: Iterable[tuple[str, Vectors]]) -> None:
    """Add the vectors of what the search looks in: those of passages known before, then those of all else.

    The vector of a passage is that of its text with a share of that of the headings above it: a
    passage seldom repeats what its heading says.
    """
    above: dict[str, Vectors] = {"": np.float32(0)}  # type: ignore[dict-item]

    def add(lines: list[tuple[int, str]], vectors: Vectors) -> None:
        nonlocal above
        own = {heading for _, heading in lines}
        if len(above) > _HEADINGS:
            above = {heading: above[heading] for heading in own | {""} if heading in above}
        if new := sorted(own - set(above)):
            above |= zip(new, encoder.encode([heading.replace(" > ", ". ") for heading in new]), strict=True)
        for row, (_, heading) in enumerate(lines):
            vectors[row] += HEADING * above[heading]
        packed = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f2")
        db.executemany(
            "INSERT INTO vector VALUES (?,?)",
            ((i, row.tobytes()) for (i, _), row in zip(lines, packed, strict=True)),
        )

    heading = "CASE section WHEN '' THEN title ELSE section END"
    places = db.execute(f"SELECT id, passage_id, {heading} FROM findable ORDER BY id")
    for some in in_batches(_met(places, known), _AT_A_TIME):
        add([line for line, _ in some], np.array([vector for _, vector in some]))
    rest = f"SELECT id, {heading}, text FROM findable WHERE id > ? AND id NOT IN (SELECT id FROM vector) ORDER BY id LIMIT ?"
    last = 0
    while lines := db.execute(rest, (last, _AT_A_TIME)).fetchall():
        add([line[:2] for line in lines], np.array(encoder.encode([text for *_, text in lines])))
        last = lines[-1][0]


def _met(
    places: Iterable[tuple[int, str, str]], known: Iterable[tuple[str, Vectors]]
) -> Iterator[tuple[tuple[int, str], Vectors]]:
    """The places whose passage has a known vector, with it; both come in the order of the passages."""
    vectors = iter(known)
    at = next(vectors, None)
    for i, passage_id, heading in places:
        while at is not None and at[0] < passage_id:
            at = next(vectors, None)
        if at is not None and at[0] == passage_id:
            yield (i, heading), at[1]


def _name_words(db: sqlite3.Connection) -> None:
    """Add the words that a misspelt one may stand for."""
    names = (name for (name,) in db.execute("SELECT alias FROM alias UNION SELECT text FROM mention"))
    texts = (text for line in db.execute("SELECT text, section, title FROM findable") for text in line)
    words = name_words(texts, names)
    db.execute("CREATE TABLE name_word (word TEXT PRIMARY KEY, initial TEXT) WITHOUT ROWID")
    db.executemany("INSERT INTO name_word VALUES (?,?)", [(word, word[0]) for word in words])
    db.execute("CREATE INDEX name_word_initial ON name_word(initial)")


def _table(db: sqlite3.Connection, name: str, record: type[Record], records: Rows[Record]) -> None:
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
        (
            [" > ".join(v) if isinstance(v, tuple) else v for v in (getattr(r, c) for c in columns(record))]
            for r in in_key_order(records, record)
        ),
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
