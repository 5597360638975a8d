"""Coded passages as arrays: who gave which code, with which stance, in which document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import GoldPassage, GoldRead, InputError, PassageTag, Stance, read_jsonl

Bools = NDArray[np.bool_]
STANCES: tuple[Stance, ...] = ("positive", "negative", "neutral")


ADJUDICATED = "adjudicated"


REVIEWED = "reviewed"  # kind of the passages that people coded in the project


class Gold(NamedTuple):
    """Coded passages as arrays.

    Attributes
    ----------
    passage_ids, texts
        n_passages each.
    labels
        (n_passages, n_codes), true where the code was given.
    stances
        (n_passages, n_codes), index into `STANCES`; -1 where the code was not given.
    groups
        The document or source of each passage: it is never in two folds.
    kinds
        The kind of text of each passage.
    """

    passage_ids: list[str]
    texts: list[str]
    labels: Bools
    stances: NDArray[np.int64]
    groups: list[str]
    kinds: list[str]


def gather_gold(
    passages: Sequence[GoldPassage],
    tags: Sequence[PassageTag],
    reads: Sequence[GoldRead],
    codes: Sequence[str],
    *,
    exclude_sources: Collection[str] = (),
) -> Gold:
    """Coded passages as arrays, by passage id; only passages that somebody read for codes.

    Where a passage has an agreed version (coder `adjudicated`), that counts alone. Else a code
    counts as given where at least half of the passage's readers gave it; its stance is that of
    most of them, neutral where they are split.

    Parameters
    ----------
    exclude_sources
        Sources left out as a whole.

    Raises
    ------
    InputError
        Where nothing is left to learn from.
    """
    readers: dict[str, set[str]] = defaultdict(set)
    for read in reads:
        if read.task == "codes":
            readers[read.passage_id].add(read.coder)
    readers = {p: {ADJUDICATED} if ADJUDICATED in coders else coders for p, coders in readers.items()}
    kept = sorted(
        (p for p in passages if p.passage_id in readers and p.source not in exclude_sources), key=lambda p: p.passage_id
    )
    if not kept:
        raise InputError(
            "corpus/gold", "holds no coded passage that may be used", "look at train.exclude_sources in params.yaml"
        )
    row_of, column_of = {p.passage_id: i for i, p in enumerate(kept)}, {code: j for j, code in enumerate(codes)}
    votes: dict[tuple[int, int], list[Stance]] = defaultdict(list)
    for tag in tags:
        if tag.passage_id in row_of and tag.code in column_of and tag.coder in readers[tag.passage_id]:
            votes[row_of[tag.passage_id], column_of[tag.code]].append(tag.stance)
    labels = np.zeros((len(kept), len(codes)), dtype=bool)
    stances = np.full(labels.shape, -1, dtype=np.int64)
    for (i, j), given in votes.items():
        if 2 * len(given) >= len(readers[kept[i].passage_id]):
            labels[i, j] = True
            top = max(set(given), key=lambda s: (given.count(s), s == "neutral"))
            stances[i, j] = STANCES.index(top if 2 * given.count(top) > len(given) else "neutral")
    return Gold(
        [p.passage_id for p in kept],
        [p.text for p in kept],
        labels,
        stances,
        [p.source for p in kept],
        [p.kind for p in kept],
    )


def load_gold(
    folder: str | Path, codes: Sequence[str], *, exclude_sources: Collection[str] = (), written_only: bool = False
) -> Gold:
    """The coded passages of a project's folder `gold`, as `gather_gold` gives them; `written_only`: none from anybody's document.

    Raises
    ------
    InputError
        Where a file is missing or damaged, or nothing is left to learn from.
    """
    folder = Path(folder)
    passages = read_jsonl(folder / "passages.jsonl", GoldPassage)
    return gather_gold(
        [row for row in passages if row.provenance == "model" or not written_only],
        read_jsonl(folder / "tags.jsonl", PassageTag),
        read_jsonl(folder / "reads.jsonl", GoldRead),
        codes,
        exclude_sources=exclude_sources,
    )


def take_rows(gold: Gold, rows: NDArray[np.int64]) -> Gold:
    """The coded passages of these rows."""
    return Gold(
        [gold.passage_ids[i] for i in rows],
        [gold.texts[i] for i in rows],
        gold.labels[rows],
        gold.stances[rows],
        [gold.groups[i] for i in rows],
        [gold.kinds[i] for i in rows],
    )
