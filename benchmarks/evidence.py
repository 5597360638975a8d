"""How time and memory of the stage `evidence` grow with the corpus.

`python benchmarks/evidence.py [--times 1 10 100]`, in the project's folder after `dvc repro`. The sample corpus' own
tables are laid out so many times over, each copy under ids, titles and headings of its own; vectors are drawn by chance,
since the encoder's time is measured elsewhere. Processor time, the most memory held, rows a second, the exponent by which
time grows from one size to the next, and how long a bare SQLite insert of the same rows takes.
"""

import argparse
import json
import math
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collabnlp.embed import VectorTable
from collabnlp.params import load_params
from collabnlp.records import (
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    Passage,
    PassageTag,
    Relation,
    Table,
    TagReason,
    TopicAssignment,
    columns,
)
from collabnlp.stages import evidence

TABLES = {
    "documents": Document,
    "passages": Passage,
    "mentions": EntityMention,
    "links": EntityLink,
    "tags": PassageTag,
    "reasons": TagReason,
    "topic_assignments": TopicAssignment,
    "relations": Relation,
}
ONCE = ("entities", "topics", "agreement")


class Random:
    """Vectors as good as any for timing."""

    def __init__(self, width: int) -> None:
        self.name, self._width = "random", width

    def encode(self, texts: list[str]) -> np.ndarray:
        """(n_texts, width) float32."""
        draws = (np.random.default_rng(zlib.crc32(text.encode())) for text in texts)
        rows = [draw.standard_normal(self._width, dtype=np.float32) for draw in draws]
        return np.array(rows, np.float32).reshape(len(texts), self._width)


def lay_out(folder: Path, times: int) -> None:
    """Write a project of so many copies of the sample corpus' tables."""
    (folder / "outputs").mkdir(parents=True)
    (folder / "private").mkdir()
    (folder / "corpus").symlink_to(Path("corpus").resolve())
    shutil.copy("params.yaml", folder)
    for name in ONCE:
        shutil.copy(f"outputs/{name}.parquet", folder / "outputs")
    for name in (*TABLES, "embeddings"):
        table = pq.read_table(f"outputs/{name}.parquet")
        said = table.filter(pc.not_equal(table["passage_id"], "")) if name == "relations" else table
        whole = pa.concat_tables([table, *(copy(said, i) for i in range(1, times))])
        keys = TABLES[name].key if name in TABLES else ("id",)
        order = pc.sort_indices(whole.select(keys), [(key, "ascending") for key in keys])
        path = folder / "outputs" / f"{name}.parquet"
        pq.write_table(whole.take(order), path, row_group_size=8192, compression="zstd", write_page_checksum=True)


def copy(table: pa.Table, number: int) -> pa.Table:
    """The rows under other ids, titles and headings."""
    for at, name in enumerate(table.column_names):
        column = table[name]
        if name in ("passage_id", "id"):
            column = pc.replace_substring_regex(column, ":([0-9]+)$", rf"-x{number:05d}:\1")
        elif name in ("document_id", "title"):
            column = pc.binary_join_element_wise(column, pa.scalar(f"-x{number:05d}"), "")
        elif name == "section":
            named = [[f"{parts[0]} {number}", *parts[1:]] if parts else [] for parts in column.to_pylist()]
            column = pa.chunked_array([pa.array(named, column.type)])
        table = table.set_column(at, table.schema.field(name), column)
    return table


def measure(folder: Path) -> dict[str, float]:
    """Run the stage in a folder, then insert its rows into SQLite, and give what it took."""
    os.chdir(folder)
    _, vectors = next(iter(VectorTable("outputs/embeddings.parquet")))
    evidence.load_encoder = lambda _: Random(vectors.shape[1])  # type: ignore[assignment]
    busy, wall = time.process_time(), time.perf_counter()
    evidence.stage(load_params())
    told = {"processor": time.process_time() - busy, "wall": time.perf_counter() - wall}
    told["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    names = columns(EvidenceRow)
    rows = [[getattr(row, name) for name in names] for row in Table("outputs/evidence.parquet", EvidenceRow)]
    db = sqlite3.connect("bare.db")
    busy = time.process_time()
    db.execute(f"CREATE TABLE evidence ({', '.join(names)})")
    db.executemany(f"INSERT INTO evidence VALUES ({', '.join('?' * len(names))})", rows)
    db.commit()
    return told | {"rows": len(rows), "bare": time.process_time() - busy}


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--measure", type=Path)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure)))
        return
    header = f"{'copies':>7} {'rows':>9} {'processor s':>12} {'wall s':>8} {'rows/s':>8} {'MB':>6} {'exponent':>9}"
    print(f"{header} {'bare insert s':>14} {'ratio':>6}")
    before: dict[str, float] = {}
    for times in args.times:
        with tempfile.TemporaryDirectory() as held:
            lay_out(Path(held, "project"), times)
            command = [sys.executable, str(Path(__file__).resolve()), "--measure", str(Path(held, "project"))]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        told = json.loads(answer.splitlines()[-1])
        grown = (
            math.log(told["processor"] / before["processor"]) / math.log(told["rows"] / before["rows"])
            if before
            else math.nan
        )
        print(
            f"{times:7,} {told['rows']:9,} {told['processor']:12.1f} {told['wall']:8.1f} {told['rows'] / told['processor']:8,.0f} "
            f"{told['mb']:6,.0f} {grown:9.2f} {told['bare']:14.2f} {told['processor'] / told['bare']:6.0f}"
        )
        before = told


if __name__ == "__main__":
    main()
