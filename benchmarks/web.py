"""Milliseconds that the pages take, at the 95th percentile, in one process: the matrix and the search.

`python benchmarks/web.py [--rows 100000] [--rounds 60]`, in the project's folder after `dvc repro`. The made-up rows
stand in an index of their own, in a temporary folder.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from starlette.testclient import TestClient

from collabnlp.codebook import load_codebook
from collabnlp.gazetteer import load_gazetteer
from collabnlp.query import build_index
from collabnlp.records import Document, EvidenceRow, Passage
from collabnlp.release import Rule, Tables, release, select
from collabnlp.web.app import create_app

MATRIX = ("", "rows=county", "rows=document", "rows=year", "stance=negative", "rows=today&kind=report&min_score=0.5", "year_from=2015&sort=trust", "empty=yes&coder=model")  # fmt: skip
WORDS = ("trust", "shared chief executive", "growth board", '"joint committee"', "leaders", "unitary", "council", "waste", "savings and staff", "health")  # fmt: skip


def main() -> None:
    """Print the times of the sample's pages and of made-up rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    _measure("sample", Path("outputs/evidence.db"), arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "evidence.db"
        start = time.perf_counter()
        _make_up(path, arguments.rows)
        print(
            f"{arguments.rows} rows made up in {time.perf_counter() - start:.1f} s, {path.stat().st_size / 1e6:.0f} MB"
        )
        _measure("made up", path, arguments.rounds)


def _measure(what: str, path: Path, rounds: int) -> None:
    start = time.perf_counter()
    client = TestClient(create_app(path), base_url="http://localhost")
    print(f"{what}: read in {time.perf_counter() - start:.1f} s")
    for name, queries in (("matrix", MATRIX), ("search", [f"q={words}" for words in WORDS])):
        for query in queries:
            assert client.get(f"/{name}?{query}").status_code == 200
        times = []
        for i in range(rounds):
            start = time.perf_counter()
            client.get(f"/{name}?{queries[i % len(queries)]}")
            times.append(1000 * (time.perf_counter() - start))
        late = statistics.quantiles(times, n=20)[-1]
        print(
            f"{what:8} {name:7} median {statistics.median(times):6.0f} ms   95 % {late:6.0f} ms   most {max(times):6.0f} ms"
        )


def _make_up(path: Path, n: int) -> None:
    """Write an index of made-up rows: 50 documents, all councils of the gazetteer, four rows a passage."""
    codebook, gazetteer = load_codebook("corpus/codebook.yaml"), load_gazetteer("corpus/gazetteer.csv")
    councils = [e for e in gazetteer.entities.values() if e.label == "COUNCIL"]
    facts = {"publisher": "nobody", "kind": "report", "access": "public", "synthetic": True, "language": "en", "source_path": "", "source_sha256": "", "text": ""}  # fmt: skip
    documents = [Document(document_id=f"made-{i:02d}", title=f"Made-up report {i}", year=2005 + i % 20, **facts) for i in range(50)]  # fmt: skip
    texts = "trust waste growth board leaders shared chief executive staff savings unitary health joint committee council".split()
    passages, rows = [], []
    for i in range(n // 4):
        document = documents[i % 50]
        quote = (
            f"Made-up passage {i}: " + " ".join(texts[(i * 7 + j * (1 + i % 5)) % len(texts)] for j in range(40)) + "."
        )
        passage_id = f"{document.document_id}:{i // 50 + 1:04d}"
        passages.append(
            Passage(
                passage_id=passage_id, document_id=document.document_id, ordinal=i // 50 + 1, start_char=0, end_char=len(quote), text=quote,
                kind="paragraph", section=("Part",), page=1, speaker=None, time=None, access="public",
            )
        )  # fmt: skip
        for j in range(4):
            council = councils[(i * 31 + (j // 2) * 97) % len(councils)]
            rows.append(
                EvidenceRow(
                    entity_id=council.entity_id, entity_name=council.name, entity_label="COUNCIL", code=codebook.names[(i + j * 5) % 12],
                    passage_id=passage_id, coder="model", tie="named", stance=("positive", "negative", "neutral")[(i + j) % 3],
                    score=0.3 + (i * 7 + j) % 70 / 100, document_id=document.document_id, document=document.title, kind="report",
                    year=document.year, access="public", synthetic=True, section="Part", page=1, speaker=None, topic=i % 12,
                    review=False, sentence="", terms="", quote=quote,
                )
            )  # fmt: skip
    tables = Tables(rows=rows, documents=documents, passages=passages)
    released = release(tables, codebook.names, gazetteer, {}, Rule()).released
    assert len(released.rows) == n, "the gate kept rows back that were made to leave"
    build_index(path, released, codebook=codebook, gazetteer=gazetteer)
    start = time.perf_counter()
    select(released, lambda row: row.stance == "negative", codebook.names, gazetteer)
    print(f"release.select on {n} rows, which the pages do without: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
