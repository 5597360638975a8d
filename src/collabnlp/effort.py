"""The reading queue of a project, and how much of it is left: what was found, what the rest may hold."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from collabnlp.classify import Classifier
from collabnlp.codebook import Codebook
from collabnlp.embed import read_readings, read_vectors
from collabnlp.gold import ADJUDICATED, REVIEWED, gather_gold
from collabnlp.learners import Look
from collabnlp.params import load_params
from collabnlp.reading_order import (
    SHARE,
    Bools,
    Floats,
    draws_to_go,
    mix,
    rank_by_chance,
    rank_by_worth,
    risk_of_missing,
    sure_recall,
    take_sample,
)
from collabnlp.records import (
    EffortRow,
    GoldPassage,
    GoldRead,
    InputError,
    Passage,
    PassageTag,
    QueueRow,
    Record,
    columns,
    read_jsonl,
    read_table,
)
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.scoring import bare_text

R = TypeVar("R", bound=Record)


class Reading(NamedTuple):
    """What people read of the project's passages, and what they gave.

    Attributes
    ----------
    passage_ids
        Passages that can be coded, in order.
    read
        (n_passages,) true where somebody read it and nobody differs.
    labels
        (n_passages, n_codes) codes given, as the gold has them.
    disputed
        (n_passages, n_codes) true where readers differ and no agreed version is there.
    """

    passage_ids: list[str]
    read: Bools
    labels: Bools
    disputed: Bools


class Left(NamedTuple):
    """How far the reading of a queue has come for one code.

    Attributes
    ----------
    found
        Passages of the queue with the code, so far.
    expected
        How many more the model expects among the unread; a guess, with no certainty about it.
    sure
        Share that is found at least, but for a risk of 5 %; NaN where nothing can be said.
    risk
        That less than 95 % are found, if one stopped now.
    to_go
        Passages to draw by chance, none with the code, until the risk is 5 %.
    """

    code: str
    found: int
    expected: float
    sure: float
    risk: float
    to_go: int


class Progress(NamedTuple):
    """How far the reading of a queue has come.

    Attributes
    ----------
    n_passages, n_read
        Passages in the queue, and those read.
    n_drawn
        Those of the random sample: drawn by chance from what the order by worth has not reached.
    codes
        One for each code.
    """

    n_passages: int
    n_read: int
    n_drawn: int
    codes: list[Left]


def load_reading(project: Path, codebook: Codebook) -> Reading:
    """What people read of the project's passages: gold of the kind `reviewed`, found again by document and text."""
    folder = project / "corpus" / "gold"
    return find_reading(
        read_table(project / "outputs" / "passages.parquet", Passage),
        read_jsonl(folder / "passages.jsonl", GoldPassage),
        read_jsonl(folder / "reads.jsonl", GoldRead),
        read_jsonl(folder / "tags.jsonl", PassageTag),
        codebook,
    )


def find_reading(
    passages: Sequence[Passage],
    coded: Sequence[GoldPassage],
    reads: Sequence[GoldRead],
    tags: Sequence[PassageTag],
    codebook: Codebook,
) -> Reading:
    """What people read of passages: coded ones of the kind `reviewed`, found again by document and text."""
    passages = [row for row in passages if row.speaker != INTERVIEWER]
    gold = [row for row in coded if row.kind == REVIEWED]
    own = {row.passage_id for row in gold}
    reads = [read for read in reads if read.passage_id in own and read.task == "codes"]
    tags = [tag for tag in tags if tag.passage_id in own]
    labels = np.zeros((len(passages), len(codebook.names)), dtype=bool)
    disputed, read = np.zeros_like(labels), np.zeros(len(passages), dtype=bool)
    if reads:
        agreed = gather_gold(gold, tags, reads, codebook.names)
        differing = _disputes(reads, tags)
        waiting: dict[tuple[str, str], list[int]] = defaultdict(list)  # several passages may have one text
        for row in reversed(range(len(agreed.texts))):
            waiting[agreed.groups[row], bare_text(agreed.texts[row])].append(row)
        for i, passage in enumerate(passages):
            if same := waiting.get((passage.document_id, bare_text(passage.text))):
                row = same.pop()
                labels[i] = agreed.labels[row]
                disputed[i] = [code in differing[agreed.passage_ids[row]] for code in codebook.names]
                read[i] = not disputed[i].any()
    return Reading([row.passage_id for row in passages], read, labels, disputed)


def _disputes(reads: Sequence[GoldRead], tags: Sequence[PassageTag]) -> dict[str, set[str]]:
    """By passage: the codes that one reader gave and another did not, where nobody has decided."""
    readers: dict[str, set[str]] = defaultdict(set)
    for read in reads:
        readers[read.passage_id].add(read.coder)
    givers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for tag in tags:
        if tag.coder in readers[tag.passage_id]:
            givers[tag.passage_id, tag.code].add(tag.coder)
    found: dict[str, set[str]] = defaultdict(set)
    for (passage_id, code), coders in givers.items():
        if ADJUDICATED not in readers[passage_id] and coders != readers[passage_id]:
            found[passage_id].add(code)
    return found


def score_passages(project: Path, passage_ids: Sequence[str]) -> Floats:
    """(n_passages, n_codes) what the fitted classifier expects of passages of the project."""
    outputs = project / "outputs"
    classifier = Classifier.from_disk(project / "models" / "classifier")
    ids, vectors = read_vectors(outputs / "embeddings.parquet")
    _, readings = read_readings(outputs / "readings.parquet", len(classifier.codes))
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    rows = np.array([row_of[passage_id] for passage_id in passage_ids], dtype=np.int64)
    text_of = {row.passage_id: row.text for row in read_table(outputs / "passages.parquet", Passage)}
    look = Look(vectors, readings.codes, readings.stances).take(rows)
    return classifier.predict([text_of[passage_id] for passage_id in passage_ids], look)[0]


def plan_queue(
    project: Path,
    codebook: Codebook,
    *,
    codes: Collection[str] = (),
    documents: Collection[str] = (),
    share: float = SHARE,
    seed: int | None = None,
) -> list[QueueRow]:
    """The reading queue: passages that nobody has read, and those on which readers differ.

    Parameters
    ----------
    codes
        Codes that the reader looks for; none: all.
    documents
        Ids of the documents to read; none: all.
    share
        Of the queue that comes by chance, 0 to 1.
    seed
        Of the random order; none: `evaluate.seed` of params.yaml.

    Raises
    ------
    InputError
        Where a code or document is unknown, or nothing is left to read.
    """
    if unknown := sorted(set(codes) - set(codebook.names)):
        raise InputError("--code", f"there is no code {unknown[0]!r}", f"the codes are {', '.join(codebook.names)}")
    reading = load_reading(project, codebook)
    known = {passage_id.rpartition(":")[0] for passage_id in reading.passage_ids}
    if unknown := sorted(set(documents) - known):
        raise InputError(
            "--document", f"there is no document {unknown[0]!r} with passages", f"there are {', '.join(sorted(known))}"
        )
    kept = [
        i
        for i, passage_id in enumerate(reading.passage_ids)
        if not reading.read[i] and (not documents or passage_id.rpartition(":")[0] in documents)
    ]
    if not kept:
        raise InputError(project / "corpus" / "gold" / "reads.jsonl", "says that all is read", "add documents to read")
    ids = [reading.passage_ids[i] for i in kept]
    wanted = [j for j, code in enumerate(codebook.names) if not codes or code in codes]
    by_worth = rank_by_worth(score_passages(project, ids)[:, wanted], reading.disputed[np.ix_(kept, wanted)])
    by_chance = rank_by_chance(ids, load_params(project / "params.yaml").evaluate.seed if seed is None else seed)
    queue = mix(by_worth, by_chance, share)
    worth, chance = np.argsort(by_worth), np.argsort(by_chance)
    return [
        QueueRow(
            place=place,
            passage_id=ids[i],
            by_worth=int(worth[i]) + 1,
            by_chance=int(chance[i]) + 1,
            drawn=bool(drawn),
        )
        for place, (i, drawn) in enumerate(zip(queue.order.tolist(), queue.drawn.tolist(), strict=True), start=1)
    ]


def measure_progress(project: Path, codebook: Codebook, queue: Sequence[QueueRow]) -> Progress:
    """How far the reading of a queue has come: what was found, and what the rest may hold."""
    reading = load_reading(project, codebook)
    left = unread(reading, queue)
    expected = score_passages(project, left).sum(axis=0) if left else np.zeros(len(codebook.names))
    return count_progress(reading, queue, codebook, expected)


def unread(reading: Reading, queue: Sequence[QueueRow]) -> list[str]:
    """Ids of a queue's passages that are still to be read; a document that is gone is read by nobody."""
    done = dict(zip(reading.passage_ids, reading.read.tolist(), strict=True))
    return [row.passage_id for row in queue if not done.get(row.passage_id, True)]


def count_progress(reading: Reading, queue: Sequence[QueueRow], codebook: Codebook, expected: Floats) -> Progress:
    """As `measure_progress`, of what was read; `expected`: (n_codes,) how many the model expects in what is unread."""
    at = {passage_id: i for i, passage_id in enumerate(reading.passage_ids)}
    rows = [row for row in queue if row.passage_id in at]
    own = np.array([at[row.passage_id] for row in rows], dtype=np.int64)
    read, labels = reading.read[own], reading.labels[own]
    by_worth = np.argsort([row.by_worth for row in rows], kind="stable")
    by_chance = np.argsort([row.by_chance for row in rows], kind="stable")
    sample = take_sample(by_worth, by_chance, read)
    above = by_worth[: len(rows) - sample.n_below]
    left = []
    for j, code in enumerate(codebook.names):
        hits, found = int(labels[sample.drawn, j].sum()), int(labels[read, j].sum())
        state = (sample.n_below, len(sample.drawn), hits, found)
        found_above = int(labels[above, j].sum())
        left.append(
            Left(
                code,
                found,
                float(expected[j]),
                sure_recall(*state, found_above=found_above),
                risk_of_missing(*state, found_above=found_above),
                draws_to_go(*state, found_above=found_above),
            )
        )
    return Progress(len(rows), int(read.sum()), len(sample.drawn), left)


def read_queue(path: Path) -> list[QueueRow]:
    """The queue that `collabnlp queue` wrote.

    Raises
    ------
    InputError
        Where the file is missing or no queue.
    """
    return _read_csv(path, QueueRow, "write one with `collabnlp queue`")


def read_effort(path: Path) -> list[EffortRow]:
    """What reading in some order saves, as the stage `evaluate` wrote it.

    Raises
    ------
    InputError
        Where the file is missing or another.
    """
    return _read_csv(path, EffortRow, "run `dvc repro` first")


def _read_csv(path: Path, record: type[R], remedy: str) -> list[R]:
    if not path.exists():
        raise InputError(path, "there is no such file", remedy)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != columns(record):
            raise InputError(path, f"has not the columns {', '.join(columns(record))}", remedy)
        rows = []
        for line in reader:
            try:
                rows.append(record.model_validate({k: v or "nan" for k, v in line.items()}))
            except ValueError as error:
                raise InputError(
                    path,
                    f"not a {record.__name__} ({str(error).splitlines()[0]})",
                    remedy,
                    place=f"line {reader.line_num}",
                ) from error
        return rows
