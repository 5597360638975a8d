"""A project with enough passages to review: invented councils and people, written by rule."""

import contextlib
import sqlite3

import numpy as np

from collabnlp.embed import no_readings, write_readings, write_vectors
from collabnlp.records import Document, Passage, write_table
from conftest import FakeEncoder, make_document, make_passage

OPENINGS = (
    "The county and Harrowmere trust each other, and their leaders speak every week",
    "Nobody in Tarnholt took the risk, and the growth board waited for the county",
    "The shared chief executive of Wythen Vale saved money in the first year",
    "The joint committee never met, and the minutes say so",
    "Officers were pleased that the scheme had gained momentum before the election",
)
HOSTILE = "<script>alert('x')</script> & <img src=x onerror=alert(1)> {{ 7*7 }} said the leader of nowhere"


def fill(project, n=60):
    """Put a report and an interview not for attribution in the place of a project's documents; `n` passages of each."""
    documents, passages = [], []
    for document_id, kind, access in (
        ("report", "report", "public"),
        ("closed", "transcript", "non-attributable"),
    ):
        texts = [f"{OPENINGS[i % 5]}; so it is written in part {i} of the {kind}." for i in range(n)]
        texts[3] = HOSTILE
        at = 0
        for i, text in enumerate(texts, start=1):
            passages.append(
                make_passage(
                    text,
                    f"{document_id}:{i:04d}",
                    start_char=at,
                    end_char=at + len(text),
                    section=("Part one",),
                    speaker="Interviewee 1" if kind == "transcript" else None,
                    kind="turn" if kind == "transcript" else "paragraph",
                    access=access,
                )
            )
            at += len(text) + 1
        documents.append(
            make_document(
                document_id, title=f"A {kind}", kind=kind, access=access, synthetic=True, text="\n".join(texts)
            )
        )
    outputs, ids = project / "outputs", [passage.passage_id for passage in passages]
    write_table(outputs / "documents.parquet", documents, Document)
    write_table(outputs / "passages.parquet", passages, Passage)
    order = np.argsort(ids)
    vectors = FakeEncoder().encode([passages[i].text for i in order])
    write_vectors(outputs / "embeddings.parquet", sorted(ids), vectors)
    write_readings(outputs / "readings.parquet", sorted(ids), no_readings(len(ids), 12))
    with contextlib.closing(sqlite3.connect(outputs / "evidence.db")) as db, db:
        db.execute("UPDATE about SET value = '' WHERE name = 'encoder'")  # servers of their own know no fake encoder
    return passages
