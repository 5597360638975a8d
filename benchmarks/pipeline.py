"""The whole pipeline from nothing, stage by stage, and once more with one new document, in one run, in seconds of processor.

`python benchmarks/pipeline.py [--passages 10000] [--folder DIR]`, in the project's folder. The documents are made of the
coded passages of corpus/gold, which are invented: one file for each source, without those of the sample corpus. Nothing is
remembered at the start. `dvc repro` runs once for the whole; each stage notes at its end what it took, the rest is DVC's. The
yardstick of the whole is the stage `embed`, which is encoding but for its start; that of the new document is the whole.
"""

import argparse
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from collabnlp.records import GoldPassage, csv_text, read_jsonl

DVC = [sys.executable, "-m", "dvc"]
METER = """
import atexit, resource, sys

def note():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    name = getattr(sys.modules["__main__"].__spec__, "name", "")
    if name.startswith("collabnlp.stages."):
        with open({path!r}, "a") as file:
            file.write(f"{{name.rpartition('.')[2]}} {{sum(one.ru_utime + one.ru_stime for one in used)}}\\n")

atexit.register(note)
"""
COLUMNS = "document_id source_path title publisher year kind access synthetic language note".split()


def main() -> None:
    """Print seconds by stage, and those of the run with one more document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where the project is made; it is kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = arguments.folder or Path(scratch)
        texts = documents(arguments.passages)
        *first, last = texts
        lay_out(project, first)
        whole, seconds = repro(project)
        seconds["DVC"] = whole - sum(seconds.values())
        for stage, taken in sorted(seconds.items(), key=lambda pair: -pair[1]):
            print(f"{stage:14} {taken:7.1f} s  {taken / whole:6.1%}", flush=True)
        print(f"{'all':14} {whole:7.1f} s; embed is {seconds['embed'] / whole:.1%} of it", flush=True)
        for refit in (True, False):
            register(
                project,
                [*first, last]
                if refit
                else [*first, (last[0] + "-again", last[1] + "\n\nAnd so it went on for years.")],
            )
            if not refit:
                shutil.copytree(project / "models" / "topics", project / "models" / "topics-kept", dirs_exist_ok=True)
                params = project / "params.yaml"
                params.write_text(params.read_text().replace("refit: true", "refit: false"))
            taken, seconds = repro(project)
            how = "topics fitted again" if refit else "topics kept"
            print(f"one document more, {how}: {taken:.1f} s, {taken / whole:.1%} of the whole", flush=True)
            print("  " + ", ".join(f"{stage} {own:.1f}" for stage, own in seconds.items()), flush=True)


def documents(n_passages: int) -> list[tuple[str, str]]:
    """Id and text of documents that together hold so many passages or a few more, and one document more."""
    rows = sorted(read_jsonl("corpus/gold/passages.jsonl", GoldPassage), key=lambda row: (row.source, row.passage_id))
    found, n = [], 0
    for source, group in itertools.groupby(rows, key=lambda row: row.source):
        texts = [" ".join(row.text.split()) for row in group]
        found.append((source.lower().replace(":", "-"), "\n\n".join(texts)))
        if n >= n_passages:
            return found
        n += len(texts)
    return found


def lay_out(project: Path, texts: list[tuple[str, str]]) -> None:
    """Write a project under DVC, without outputs."""
    shutil.copytree(
        "corpus", project / "corpus", dirs_exist_ok=True, ignore=shutil.ignore_patterns("reports", "transcripts")
    )
    for name in ("reports", "transcripts"):
        (project / "corpus" / name).mkdir()
    shutil.copytree("models/finetuned", project / "models" / "finetuned")
    (project / "models" / "topics-kept").mkdir()
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(name, project)
    (project / "src").symlink_to(Path("src").resolve())
    register(project, texts)
    subprocess.run([*DVC, "init", "--quiet", "--no-scm"], cwd=project, check=True)


def register(project: Path, texts: list[tuple[str, str]]) -> None:
    """Write the documents and the register."""
    rows = []
    for name, text in texts:
        path = project / "corpus" / "reports" / f"{name}.md"
        if not path.exists():
            path.write_text(f"# {name}\n\n{text}\n", encoding="utf-8")
        rows.append([name, f"reports/{name}.md", name, "Invented", 2020, "report", "public", "yes", "en", ""])
    (project / "corpus" / "documents.csv").write_text(csv_text(rows, COLUMNS), encoding="utf-8")


def repro(project: Path) -> tuple[float, dict[str, float]]:
    """Seconds of processor that `dvc repro` takes, and those of each stage that ran."""
    started = spent()
    with tempfile.TemporaryDirectory() as scratch:
        notes = Path(scratch) / "notes"
        notes.touch()
        (Path(scratch) / "sitecustomize.py").write_text(METER.format(path=str(notes)))  # what Python loads at its start
        paths = [scratch, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        done = subprocess.run([*DVC, "repro"], cwd=project, capture_output=True, text=True, env=environment)
        if done.returncode:
            sys.exit(f"dvc repro failed: {done.stdout[-1000:]} {done.stderr[-2000:]}")
        lines = [line.split() for line in notes.read_text().splitlines()]
    return spent() - started, {stage: float(taken) for stage, taken in lines}


def spent() -> float:
    """Seconds of processor that ended processes took so far, with those that they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
