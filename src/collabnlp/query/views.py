"""The evidence index as other people's tools see it: views, a column dictionary, metadata for Datasette."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collabnlp.records import (
    Document,
    EntityMention,
    EvidenceRow,
    MatrixCell,
    Passage,
    Record,
    Relation,
    Topic,
    columns,
    write_json,
)

RECORDS: Mapping[str, type[Record]] = {
    "document": Document,
    "passage": Passage,
    "mention": EntityMention,
    "topic": Topic,
    "evidence": EvidenceRow,
    "matrix": MatrixCell,
    "relation": Relation,
}
REFERS = {
    ("passage", "document_id"): "document(document_id)",
    ("mention", "passage_id"): "passage(passage_id)",
    ("evidence", "passage_id"): "findable(passage_id)",
    ("evidence", "code"): "code(code)",
    ("matrix", "code"): "code(code)",
}
# Tables that have no record: what they hold, and their columns.
OWN_TABLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "code": (
        "The codebook.",
        {
            "code": "machine name of the code",
            "title": "its name to show",
            "code_group": "title of its group",
            "parent": "machine name of the code that it counts under; null where there is none",
            "definition": "what it means",
        },
    ),
    "entity": (
        "Councils, partnerships and schemes that evidence is tied to or open passages name.",
        {
            "entity_id": "gazetteer id, or `found:` and a slug for a name that no list holds",
            "name": "name to show",
            "label": "COUNCIL, PARTNERSHIP or SCHEME",
            "n_passages": "open passages that name it; null where only a heading or a title ties it",
            "first_year": "year of the first open document that names it; null as above",
            "last_year": "year of the last; null as above",
        },
    ),
    "alias": (
        "Names of the entities.",
        {"alias": "a name or an abbreviation", "entity_id": "what it names; a name may stand for several"},
    ),
    "findable": (
        "What the search looks in: every open passage, and every quote not for attribution.",
        {
            "id": "number of the row",
            "passage_id": "the passage, or the number of the quote",
            "document_id": "the document; null for a quote not for attribution",
            "text": "the text, word for word",
            "section": "headings above it, joined by ' > '",
            "title": "title of the document",
        },
    ),
    "passage_text": ("The full-text index of `findable`, by word stems.", {}),
    "vector": (
        "The meaning of what the search looks in, as the encoder sees it.",
        {"id": "the row of `findable`", "vector": "16-bit floating point numbers, little-endian, of length 1"},
    ),
    "name_word": (
        "Words that a misspelt word may stand for.",
        {"word": "in lower case", "initial": "its first letter"},
    ),
    "about": (
        "How the file was made and what it leaves out.",
        {"name": "what is told", "value": "in words; `encoder` is the name of the encoder of the vectors"},
    ),
    "column_dictionary": (
        "What every column means.",
        {"table_name": "table or view", "column_name": "column; empty for the table itself", "meaning": "in words"},
    ),
}
VIEWS: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "quotes": (
        "Every quote with its source, one row for each passage, code and entity.",
        {
            "code_title": "name of the code",
            "place": "the council, partnership or scheme; empty where the quote is tied to none",
        },
        """
        SELECT c.title AS code_title, e.entity_name AS place, e.stance, e.score, e.quote, e.document, e.year, e.section, e.page,
            e.speaker, e.tie, e.coder, e.access, e.synthetic, e.passage_id, e.code, e.entity_id, f.id AS id
        FROM evidence e JOIN code c ON c.code = e.code JOIN findable f ON f.passage_id = e.passage_id
        ORDER BY e.entity_name, c.rowid, e.score DESC, e.passage_id
        """,
    ),
    "cells": (
        "Every place of every matrix with the names of its row and code.",
        {"code_title": "name of the code", "code_group": "title of the code's group"},
        """
        SELECT m.rows, m.row, c.title AS code_title, c.code_group, m.n_passages, m.n_documents, m.n_sources, m.positive, m.negative,
            m.neutral, m.n_closed, m.n_named, m.mean_score, m.suppressed, m.row_id, m.code
        FROM matrix m JOIN code c ON c.code = m.code
        """,
    ),
    "coded_passages": (
        "Every open passage with the codes that it was given.",
        {"codes": "names of its codes; empty where it was read and got none", "document": "title of the document"},
        """
        SELECT d.title AS document, d.year, p.section, p.page, p.speaker, p.text,
            (SELECT group_concat(title, '; ') FROM (SELECT DISTINCT c.title FROM evidence e JOIN code c ON c.code = e.code
                WHERE e.passage_id = p.passage_id ORDER BY c.rowid)) AS codes,
            p.passage_id, p.document_id, f.id AS id
        FROM passage p JOIN document d ON d.document_id = p.document_id JOIN findable f ON f.passage_id = p.passage_id
        """,
    ),
}


def describe(db: sqlite3.Connection, about: Mapping[str, str]) -> None:
    """Add the views, the column dictionary and what is told about the whole."""
    for name, (_, _, sql) in VIEWS.items():
        db.execute(f"CREATE VIEW {name} AS {' '.join(sql.split())}")
    db.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    db.executemany("INSERT INTO about VALUES (?,?)", list(about.items()))
    db.execute(
        "CREATE TABLE column_dictionary (table_name TEXT, column_name TEXT, meaning TEXT, PRIMARY KEY (table_name, column_name)) WITHOUT ROWID"
    )
    for name, (what, meanings) in _dictionary().items():
        lines = [(name, "", what), *((name, column, meaning) for column, meaning in meanings.items())]
        db.executemany("INSERT INTO column_dictionary VALUES (?,?,?)", lines)


def _dictionary() -> dict[str, tuple[str, dict[str, str]]]:
    """For each table and view, what it holds and what its columns mean."""
    told: dict[str, tuple[str, dict[str, str]]] = {
        name: (
            str(record.__doc__).splitlines()[0],
            {column: record.model_fields[column].description or "" for column in columns(record)},
        )
        for name, record in RECORDS.items()
    }
    told |= {name: (what, dict(meanings)) for name, (what, meanings) in OWN_TABLES.items()}
    evidence, cells, passage = told["evidence"][1], told["matrix"][1], told["passage"][1]
    known = {"quotes": evidence, "cells": cells, "coded_passages": told["document"][1] | passage}
    for name, (what, own, sql) in VIEWS.items():
        meanings = {"id": "the row of `findable`"} | known[name] | dict(own)
        told[name] = (what, {column: meanings[column] for column in _columns_of(sql)})
    return told


def _columns_of(sql: str) -> list[str]:
    """Names of the columns that a view gives, in order."""
    with sqlite3.connect(":memory:") as db:
        for name, record in RECORDS.items():
            db.execute(f"CREATE TABLE {name} ({', '.join(columns(record))})")
        for name, (_, meanings) in OWN_TABLES.items():
            if meanings:
                db.execute(f"CREATE TABLE {name} ({', '.join(meanings)})")
        found = [column[0] for column in db.execute(f"{sql} LIMIT 0").description]
    db.close()
    return found


def write_metadata(path: str | Path, rule: str) -> None:
    """Write what Datasette shows beside the index, for `datasette outputs/evidence.db --metadata outputs/metadata.json`.

    Parameters
    ----------
    rule
        What is withheld, in words.
    """
    tables: dict[str, dict[str, Any]] = {
        name: {"description": what, "columns": meanings} for name, (what, meanings) in _dictionary().items()
    }
    for name in ("quotes", "coded_passages"):
        tables[name] |= {"fts_table": "passage_text", "fts_pk": "id"}
    for name, label in (("document", "title"), ("code", "title"), ("entity", "name"), ("findable", "passage_id")):
        tables[name]["label_column"] = label
    for name in ("evidence", "quotes"):
        tables[name]["facets"] = ["code", "stance", "year"]
    tables["cells"]["facets"] = ["rows", "code_group"]
    for name in ("vector", "name_word", "passage_text"):
        tables[name]["hidden"] = True
    write_json(
        path,
        {
            "title": "Evidence on collaboration between councils",
            "description": f"Passages, codes and places. {rule}".strip(),
            "license": "Each document's own; see the table `document`",
            "databases": {"evidence": {"tables": tables}},
        },
    )
