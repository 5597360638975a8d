"""Which passages a language model is asked about, what is shown beside them, and what it may not see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from collabnlp.codebook import Codebook
from collabnlp.effort import load_reading
from collabnlp.embed import read_vectors
from collabnlp.gold import load_gold, take_rows
from collabnlp.llm.address import may_see
from collabnlp.llm.prompt import Passages, Prompter
from collabnlp.params import Code
from collabnlp.records import (
    Access,
    Document,
    GoldPassage,
    GoldRead,
    GoldSource,
    InputError,
    Passage,
    PassageTag,
    access_of,
    read_jsonl,
    read_table,
    text_sha256,
)
from collabnlp.redact.speakers import INTERVIEWER

Which = Literal["all", "review", "unread", "gold"]


class Selection(NamedTuple):
    """Passages to code, and how many were left out since the address may not see them."""

    passages: Passages
    n_withheld: int


def select_passages(
    project: Path,
    codebook: Codebook,
    settings: Code,
    which: Which,
    highest: Access,
    *,
    below: float | None = None,
    documents: Collection[str] = (),
    limit: int | None = None,
) -> Selection:
    """The passages asked for, in the order of their documents, as far as the address may see them.

    Parameters
    ----------
    which
        `all` of the project; those with a code in the classifier's `review` band; those `unread` by
        people; or the coded passages of corpus/gold on which the classifier is measured.
    highest
        The most confidential text that the address may see; holds for what is shown beside a passage, too.
    below
        With `review`: those with a code of a lower score than this, in place of the classifier's own band.
    documents
        Ids of documents, or of sources of coded passages; empty: all.
    limit
        So many passages at most, drawn by a hash of the seed and their ids.

    Raises
    ------
    InputError
        Where a document is not known, or there is nothing to select.
    """
    select = _select_gold if which == "gold" else _select_project
    selected, ids = select(project, codebook, settings, which, highest, below)
    if unknown := set(documents) - set(selected.passages.sources) - ids:
        raise InputError(
            "--document", f"{sorted(unknown)[0]!r} is no document here", "look at outputs/documents.parquet"
        )
    rows = [i for i, source in enumerate(selected.passages.sources) if not documents or source in documents]
    if limit is not None:
        own = selected.passages.passage_ids
        order = sorted(rows, key=lambda i: text_sha256(f"{settings.seed}:{own[i]}"))
        rows = sorted(order[:limit])
    return Selection(selected.passages.take(rows), selected.n_withheld)


def _select_project(
    project: Path, codebook: Codebook, settings: Code, which: Which, highest: Access, below: float | None
) -> tuple[Selection, set[str]]:
    outputs = project / "outputs"
    document_by_id = {row.document_id: row for row in read_table(outputs / "documents.parquet", Document)}
    passages = sorted(read_table(outputs / "passages.parquet", Passage), key=lambda p: (p.document_id, p.ordinal))
    wanted = _wanted(project, codebook, which, below)
    ids, vectors = read_vectors(outputs / "embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    open_to = [may_see(highest, access_of(p, document_by_id[p.document_id])) for p in passages]
    chosen = [
        i for i, p in enumerate(passages) if p.speaker != INTERVIEWER and (wanted is None or p.passage_id in wanted)
    ]
    kept = [i for i in chosen if open_to[i]]

    def around(i: int, steps: Sequence[int]) -> tuple[str, ...]:
        near = [i + step for step in steps if 0 <= i + step < len(passages)]
        return tuple(
            passages[j].text for j in near if passages[j].document_id == passages[i].document_id and open_to[j]
        )

    found = Passages(
        [passages[i].passage_id for i in kept],
        [passages[i].text for i in kept],
        [passages[i].document_id for i in kept],
        [passages[i].section for i in kept],
        [around(i, range(-settings.context, 0)) for i in kept],
        [around(i, range(1, settings.context + 1)) for i in kept],
        vectors[[row_of[passages[i].passage_id] for i in kept]],
    )
    return Selection(found, len(chosen) - len(kept)), set(document_by_id)


def _wanted(project: Path, codebook: Codebook, which: Which, below: float | None) -> set[str] | None:
    """Ids of the passages asked for; None: all."""
    if which == "review":
        tags = read_table(project / "outputs" / "tags.parquet", PassageTag)
        scored = [tag for tag in tags if tag.score is not None]
        return {t.passage_id for t in scored if (t.review if below is None else (t.score or 0.0) < below)}
    if which == "unread":
        reading = load_reading(project, codebook)
        return {passage_id for passage_id, read in zip(reading.passage_ids, reading.read, strict=True) if not read}
    return None


def _select_gold(
    project: Path, codebook: Codebook, settings: Code, which: Which, highest: Access, below: float | None
) -> tuple[Selection, set[str]]:
    """Coded passages of documents that the classifier had not seen when it was measured on them; they stand alone."""
    reads = read_table(project / "outputs" / "out_of_fold_reads.parquet", GoldRead)
    measured, access = {row.passage_id for row in reads}, _gold_access(project / "corpus" / "gold")
    gold = read_jsonl(project / "corpus" / "gold" / "passages.jsonl", GoldPassage)
    chosen = [row for row in gold if row.passage_id in measured]
    kept = [row for row in chosen if may_see(highest, access[row.passage_id])]
    ids, vectors = read_vectors(project / "outputs" / "gold_embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    nothing: list[tuple[str, ...]] = [()] * len(kept)
    found = Passages(
        [row.passage_id for row in kept],
        [row.text for row in kept],
        [row.source for row in kept],
        nothing,
        nothing,
        nothing,
        vectors[[row_of[row.passage_id] for row in kept]],
    )
    return Selection(found, len(chosen) - len(kept)), {row.source for row in gold}


def _gold_access(folder: Path) -> dict[str, Access]:
    """Who may see each coded passage: anyone, where it was written for the project; else as its document."""
    path = folder / "sources.jsonl"
    sources: dict[str, Access] = (
        {row.source: row.access for row in read_jsonl(path, GoldSource)} if path.exists() else {}
    )
    return {
        row.passage_id: "public" if row.provenance == "model" else sources.get(row.source, "non-attributable")
        for row in read_jsonl(folder / "passages.jsonl", GoldPassage)
    }


def load_prompter(project: Path, codebook: Codebook, settings: Code, highest: Access) -> Prompter:
    """What makes the prompts of a project; examples are coded passages that the address may see.

    Raises
    ------
    InputError
        Where outputs of the pipeline are missing.
    """
    folder = project / "corpus" / "gold"
    gold, access = load_gold(folder, codebook.names), _gold_access(folder)
    ids, vectors = read_vectors(project / "outputs" / "gold_embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    shown = [i for i, p in enumerate(gold.passage_ids) if p in row_of and may_see(highest, access[p])]
    own = take_rows(gold, np.array(shown, dtype=np.int64))
    return Prompter(codebook, own, vectors[[row_of[passage_id] for passage_id in own.passage_ids]], settings)
