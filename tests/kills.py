"""Kills stages at random points and sees whether `dvc repro` then gives the same bytes (by hand; it takes an hour).

`python tests/kills.py [--times 200] [--seed 20] [--folder DIR]`. A small project is worked through once; then, again and
again, one stage is run anew and its whole process group is killed with -9 after a random part of the time that it takes;
`dvc repro` follows, and every file of outputs/ and models/ must be what it was.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from conftest import ROOT, lay_out

DVC = [sys.executable, "-m", "dvc"]
SECONDS = 900
LIST_OF_LOCKS = Path(".dvc", "tmp", "rwlock")


def main() -> None:
    """Kill and repeat; ends with 1 where bytes differed or something hung."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=None, help="where the project is made; it is kept")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="kills"))
    stages = make_project(folder)
    good = digests(folder)
    takes = {stage: timed(folder, stage) for stage in stages}
    print(f"{len(good)} files; seconds by stage:", {name: round(t, 1) for name, t in takes.items()}, flush=True)
    chance, tally = random.Random(arguments.seed), Counter()
    before: set[str] = set()
    lock = (folder / "dvc.lock").read_bytes()  # in git, elsewhere
    for i in range(arguments.times):
        stage = stages[i % len(stages)]
        after = chance.uniform(0.02, 1) * takes[stage]
        alive = kill(folder, stage, after)
        missing = len(good.keys() - digests(folder).keys())
        result = repro(folder)
        if result:  # DVC was killed while it wrote a file of its own: what docs/faults.md says to do
            (folder / LIST_OF_LOCKS).unlink(missing_ok=True)
            (folder / "dvc.lock").write_bytes(lock)
            tally[stage, "DVC", "its own file spoilt"] += 1
            result = repro(folder)
        found = digests(folder)
        what = "hung" if result is None else "failed" if result else "same" if found == good else "other"
        tally[stage, "killed" if alive else "had ended", what] += 1
        left = leftovers(folder)  # of this killing: the next stage that runs removes it
        old, before = sorted(left & before), left
        print(
            f"{i + 1:3} {stage:12} after {after:5.1f} s, {'killed' if alive else 'had ended'}, {missing} files not there, "
            f"{len(left)} half written: {what}",
            flush=True,
        )
        if what != "same" or old:
            print({name for name in good | found if good.get(name) != found.get(name)}, old, flush=True)
            tally[stage, "left", "not removed"] += len(old)
    for (stage, how, what), n in sorted(tally.items()):
        print(f"{stage:12} {how:10} {what:6} {n}")
    sys.exit(any(what != "same" and how != "DVC" and n for (_, how, what), n in tally.items()))


def make_project(folder: Path) -> list[str]:
    """A small project under DVC, worked through; its stages."""
    lay_out(folder)
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copytree(ROOT / "src", folder / "src")  # as it is now: somebody may go on working there
    os.environ["PYTHONPATH"] = str(folder / "src")
    (folder / "models" / "finetuned").mkdir(parents=True)
    (folder / "models" / "topics-kept").mkdir()
    (folder / "corpus" / "coded").mkdir()
    for name in ("models/finetuned", "models/topics-kept"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("    seconds: 0", "    seconds: 300"))
    subprocess.run([*DVC, "init", "--quiet", "--no-scm"], cwd=folder, check=True)
    if repro(folder) != 0:
        sys.exit("the project cannot be worked through")
    text = (folder / "dvc.yaml").read_text()
    return [name for name in stages_of(text) if name not in ("finetune", "audit")]


def stages_of(text: str) -> list[str]:
    """Names of the stages in dvc.yaml."""
    from ruamel.yaml import YAML

    return list(YAML(typ="safe").load(text)["stages"])


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of outputs and models."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("outputs", "models")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def leftovers(folder: Path) -> set[str]:
    """Hidden files and folders below outputs and models."""
    return {
        str(path) for name in ("outputs", "models") for path in (folder / name).rglob(".*") if path.name != ".gitignore"
    }


def repro(folder: Path, *arguments: str) -> int | None:
    """Exit status of `dvc repro`; None where it hung."""
    try:
        done = subprocess.run([*DVC, "repro", *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], flush=True)
    return done.returncode


def timed(folder: Path, stage: str) -> float:
    """Seconds that a stage takes when it runs anew."""
    started = time.monotonic()
    if repro(folder, "--force", "--single-item", stage) != 0:
        sys.exit(f"{stage} cannot be run anew")
    return time.monotonic() - started


def kill(folder: Path, stage: str, after: float) -> bool:
    """Run a stage anew and kill it and all that it started after some seconds; whether it was still running."""
    process = subprocess.Popen(
        [*DVC, "repro", "--force", "--single-item", stage],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


if __name__ == "__main__":
    main()
