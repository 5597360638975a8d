"""Time and memory of each stage from embed to evidence, by the number of passages, with an encoder that costs nothing.

`python benchmarks/scale.py [--times 1 10 100] [--passages 1000000] [--folder DIR]`, in the project's folder after
`dvc repro`. The passages are those of the sample corpus, each as often as it takes, in as many invented documents; a
number at the end of each makes every text another. The encoder is replaced by what it said of the sample passages. The
exponent is that of growth between the two largest runs: 1 where twice the passages take twice as long.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path.cwd()
STAGES = ("embed", "entities", "relations", "classify", "topics", "topic_tables", "evidence")
KEPT = (
    "gold_mentions.parquet", "agreement.parquet",
)  # fmt: skip


def main() -> None:
    """Print a table of the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="*", default=[1, 10, 100], help="sizes, in sample corpora")
    parser.add_argument("--passages", type=int, default=0, help="one more size, in passages")
    parser.add_argument("--folder", type=Path, help="where the made-up projects are kept; else they are deleted")
    parser.add_argument("--stages", nargs="*", default=STAGES)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        work(arguments.stage)
        return
    from collabnlp.records import Passage, Table

    n_sample = len(Table("outputs/passages.parquet", Passage))
    times = arguments.times + ([math.ceil(arguments.passages / n_sample)] if arguments.passages else [])
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for n in times:
            project = (arguments.folder or Path(scratch)) / f"x{n}"
            if not (project / "outputs").exists():
                lay_out(project, n)
            runs.append((n * n_sample, {stage: measure(stage, project) for stage in arguments.stages}))
            show(runs)


def lay_out(project: Path, n: int) -> None:
    """Write a project whose documents and passages are those of the sample corpus, n times."""
    from collabnlp.records import Document, Passage, read_table, table_writer

    for name in ("corpus", "models"):
        shutil.copytree(name, project / name, symlinks=True)
    shutil.copy("params.yaml", project)
    (project / "outputs").mkdir()
    for name in KEPT:
        shutil.copy(Path("outputs") / name, project / "outputs")
    documents = read_table("outputs/documents.parquet", Document)
    passages = read_table("outputs/passages.parquet", Passage)
    with table_writer(project / "outputs" / "documents.parquet", Document) as write:
        for i in range(n):
            write(row.model_copy(update={"document_id": f"c{i:06d}-{row.document_id}"}) for row in documents)
    with table_writer(project / "outputs" / "passages.parquet", Passage) as write:
        for i in range(n):
            write(
                row.model_copy(
                    update={
                        "passage_id": f"c{i:06d}-{row.passage_id}",
                        "document_id": f"c{i:06d}-{row.document_id}",
                        "text": f"{row.text} {i}",
                        "end_char": row.end_char + len(f" {i}"),
                    }
                )
                for row in passages
            )


def measure(stage: str, project: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor and largest memory in MB of a stage in a process of its own."""
    started = time.perf_counter()
    environment = {**os.environ, "COLLABNLP_SAMPLE": str(ROOT)}
    command = [sys.executable, str(Path(__file__).resolve()), "--stage", stage]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{stage} failed: {done.stderr[-3000:]}")
    used = json.loads(done.stdout.splitlines()[-1])
    print(f"  {stage}: {seconds:.1f} s, {used['memory']:.0f} MB; {done.stderr.splitlines()[-1]}", flush=True)
    return seconds, used["processor"], used["memory"]


def work(stage: str) -> None:
    """Run a stage here, with the stub in place of the encoder, and say what it took."""
    import importlib
    import resource

    import numpy as np

    from collabnlp import embed
    from collabnlp.records import GoldPassage, Passage, read_jsonl, read_table

    sample = Path(os.environ["COLLABNLP_SAMPLE"])
    known: dict[str, np.ndarray] = {}

    def learn() -> None:
        ids, vectors = embed.read_vectors(sample / "outputs" / "embeddings.parquet")
        _, readings = embed.read_vectors(sample / "outputs" / "readings.parquet")
        text_of = {row.passage_id: row.text for row in read_table(sample / "outputs" / "passages.parquet", Passage)}
        both = np.hstack([vectors, readings])
        known.update((text_of[i], row) for i, row in zip(ids, both, strict=True))
        gold = {
            row.passage_id: row.text for row in read_jsonl(sample / "corpus" / "gold" / "passages.jsonl", GoldPassage)
        }
        ids, vectors = embed.read_vectors(sample / "outputs" / "gold_embeddings.parquet")
        known.update((gold[i], row) for i, row in zip(ids, vectors, strict=True))

    def say(texts: list[str], width: int) -> np.ndarray:
        if not known:
            learn()
        rows = [known[text] if text in known else known.get(text.rpartition(" ")[0]) for text in texts]
        nothing = np.eye(1, width, dtype=np.float32)[0]  # a sentence, of which topics ask
        return np.array([nothing if row is None else row[:width] for row in rows], np.float32).reshape(
            len(texts), width
        )

    dimension = embed.read_vectors(sample / "outputs" / "embeddings.parquet")[1].shape[1]
    embed.SentenceEncoder.encode = lambda self, texts: say(texts, dimension)  # type: ignore[method-assign]
    embed.TunedEncoder.encode = lambda self, texts: say(  # type: ignore[method-assign]
        texts, dimension + embed.N_READING * len(self.codes)
    )
    from collabnlp.stages import main as run_stage

    run_stage(importlib.import_module(f"collabnlp.stages.{stage}").stage)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"processor": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}))


def show(runs: list[tuple[int, dict[str, tuple[float, float, float]]]]) -> None:
    """Print what was measured so far: seconds of processor and memory by stage and size."""
    print("\n| stage |" + "".join(f" {n:,} passages |" for n, _ in runs) + " exponent |")
    print("|---|" + "---|" * (len(runs) + 1))
    for stage in runs[0][1]:
        cells = "".join(f" {found[stage][1]:.1f} s, {found[stage][2]:,.0f} MB |" for _, found in runs)
        exponent = ""
        if len(runs) > 1:
            (few, before), (many, after) = runs[-2:]
            exponent = f"{math.log(after[stage][1] / before[stage][1]) / math.log(many / few):.2f}"
        print(f"| {stage} |{cells} {exponent} |", flush=True)


if __name__ == "__main__":
    main()
