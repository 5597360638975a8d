"""Milliseconds a search takes: words by SQLite's full-text index alone, words by ours, words and meaning.

`python benchmarks/search.py [--database outputs/evidence.db] [--made-up 0]`, in the project's folder after `dvc repro`.
With `--made-up 100000` the database is one of so many made-up passages, an evidence row each. Wall and processor time
are given apart: on a busy machine the first says more of the machine.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from collabnlp.codebook import load_codebook
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import load_params
from collabnlp.query import Filters, Searcher, build_index, fts_query, load_encoder, open_index
from collabnlp.records import Document, EvidenceRow, Passage
from collabnlp.release import Rule, Tables, release

QUESTIONS = 40
ROUNDS = 3


class Random:
    """Vectors as good as any for timing: the real encoder would take an hour over so many texts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def encode(self, texts: list[str]) -> np.ndarray:
        """(n_texts, 384) float32, each row of length 1."""
        rows = np.random.default_rng(20).standard_normal((len(texts), 384), dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make_up(path: Path, n: int, encoder_name: str) -> None:
    """Write an index of `n` passages of words drawn by Zipf's law, each with one code."""
    codebook, gazetteer = load_codebook("corpus/codebook.yaml"), load_gazetteer("corpus/gazetteer.csv")
    draw = random.Random(20)
    councils = [e for e in gazetteer.entities.values() if e.label == "COUNCIL"]
    common = "council county district shared joint chief executive savings trust leader growth fund board service partnership".split()
    words = common + [f"w{i}" for i in range(20_000)]
    weights = [1 / (i + 3) for i in range(len(words))]
    documents = [
        Document(
            document_id=f"d{i}", title=f"Made-up report {i}", publisher="Nobody", year=2000 + i % 25, kind="report", access="public",
            synthetic=True, language="en", source_path="", source_sha256="", text="",
        )
        for i in range(200)
    ]  # fmt: skip
    passages, rows = [], []
    for i in range(n):
        document = documents[i % 200]
        text = " ".join(draw.choices(words, weights, k=60))
        passage_id = f"{document.document_id}:{i:06d}"
        council = draw.choice(councils)
        passages.append(
            Passage(
                passage_id=passage_id, document_id=document.document_id, ordinal=i, start_char=0, end_char=len(text), text=text,
                kind="paragraph", section=(f"Part {i % 7}",), page=1, speaker=None, time=None,
            )
        )  # fmt: skip
        rows.append(
            EvidenceRow(
                entity_id=council.entity_id, entity_name=council.name, entity_label="COUNCIL", code=draw.choice(codebook.names),
                passage_id=passage_id, coder="model", tie="named", stance=draw.choice(["positive", "negative", "neutral"]),
                score=draw.random(), document_id=document.document_id, document=document.title, kind="report", year=document.year,
                access="public", synthetic=True, section=f"Part {i % 7}", page=1, speaker=None, topic=-1, review=False, sentence="",
                terms="", quote=text,
            )
        )  # fmt: skip
    tables = Tables(rows=rows, documents=documents, passages=passages)
    released = release(tables, codebook.names, gazetteer, {}, Rule()).released
    build_index(path, released, codebook=codebook, gazetteer=gazetteer, encoder=Random(encoder_name))


def questions_of(path: Path) -> list[str]:
    """Questions of two to six words that stand side by side in passages of the index."""
    draw = random.Random(20)
    with open_index(path) as db:
        texts = [row[0].split() for row in db.execute("SELECT text FROM findable ORDER BY id")]
    found = []
    while len(found) < QUESTIONS:
        words, size = draw.choice(texts), draw.randint(2, 6)
        if len(words) > size:
            at = draw.randrange(len(words) - size)
            found.append(" ".join(words[at : at + size]))
    return found


def time_of(call: Callable[[str], object], questions: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Wall and processor milliseconds of each question, after one that is not counted."""
    call(questions[0])
    wall, own = [], []
    for question in questions * ROUNDS:
        start, busy = time.perf_counter(), time.process_time()
        call(question)
        wall.append(time.perf_counter() - start)
        own.append(time.process_time() - busy)
    return np.array(wall) * 1000, np.array(own) * 1000


def main() -> None:
    """Print one line a way of searching."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=Path, default=Path("outputs/evidence.db"))
    parser.add_argument("--made-up", type=int, default=0)
    args = parser.parse_args()
    encoder = load_encoder(load_params().embed)
    with tempfile.TemporaryDirectory() as folder:
        path = args.database
        if args.made_up:
            path = Path(folder) / "made-up.db"
            make_up(path, args.made_up, encoder.name)
        questions = questions_of(path)
        start = time.perf_counter()
        searcher = Searcher(path, encoder)
        encoder.encode(["warm"])
        print(f"{path.stat().st_size / 1e6:.0f} MB, opened in {time.perf_counter() - start:.2f} s")
        plain = sqlite3.connect(path)

        def bare(question: str) -> object:
            any_of = fts_query(question).replace('" "', '" OR "')
            return plain.execute(
                "SELECT f.text FROM passage_text t JOIN findable f ON f.id = t.rowid WHERE passage_text MATCH ? ORDER BY rank LIMIT 20",
                (any_of,),
            ).fetchall()

        ways: dict[str, Callable[[str], object]] = {
            "SQLite FTS5 alone": bare,
            "words": lambda question: searcher.search(question, ways=["words"]),
            "words and meaning": lambda question: searcher.search(question),
            "both, positive, since 2010": lambda question: searcher.search(
                question, Filters(year_from=2010, stance="positive")
            ),
            "both, one council": lambda question: searcher.search(question, Filters(place="Suffolk County Council")),
            "encoding the question": lambda question: encoder.encode([question]),
        }
        print(f"{'':28} {'p50 ms':>8} {'p95 ms':>8} {'processor p95':>14}")
        for name, call in ways.items():
            wall, own = time_of(call, questions)
            print(
                f"{name:28} {np.percentile(wall, 50):8.1f} {np.percentile(wall, 95):8.1f} {np.percentile(own, 95):14.1f}"
            )
        plain.close()


if __name__ == "__main__":
    main()
