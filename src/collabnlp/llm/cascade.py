"""What it costs to let a language model decide what the classifier is not sure of, and what it gains, on coded passages."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.agreement import code_matrix
from collabnlp.codebook import Codebook
from collabnlp.coded import hand_over, load_coded, read_passages, still_said, tags_of
from collabnlp.llm.journal import Entry, journal_path, read_journal
from collabnlp.records import CodedRow, GoldPassage, GoldRead, InputError, Passage, PassageTag, read_jsonl, read_table
from collabnlp.redact.speakers import INTERVIEWER

Floats = NDArray[np.float64]
EDGES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # scores below which a tag of the classifier is handed over


class Band(NamedTuple):
    """One way to draw the band that the language model decides.

    Attributes
    ----------
    band
        In words.
    n_passages
        Coded passages in the band, of those that the language model was asked about.
    n_corpus
        Passages of the project in the band: what it would have to be asked about.
    calls, tokens, minutes
        What the passages of the band cost: questions sent, tokens as the server counts them, time of
        answers one after another. NaN where the answers are not at hand any more.
    precision, recall, f1
        Of classifier and language model together, micro, with the gold as reference.
    gain, gain_low, gain_high
        F1 above that of the classifier alone, with the 95 % interval over bootstrap draws of passages.
    """

    band: str
    n_passages: int
    n_corpus: int
    calls: float
    tokens: float
    minutes: float
    precision: float
    recall: float
    f1: float
    gain: float
    gain_low: float
    gain_high: float


class _Cost(NamedTuple):
    calls: float
    tokens: float
    seconds: float


def draw_bands(
    gold: Collection[PassageTag],
    model: Collection[PassageTag],
    rows: Sequence[CodedRow],
    measured: Collection[str],
    codes: Sequence[str],
    *,
    costs: Mapping[str, _Cost],
    corpus: Iterable[PassageTag],
    n_corpus: int,
    draws: int = 1000,
    seed: int = 20,
) -> list[Band]:
    """A row for each way to draw the band, from none to all passages.

    Parameters
    ----------
    gold, model
        What people (or whoever made the gold) and the classifier gave, of passages that it had not seen.
    rows
        What the language model gave; where it gave no answer that could be used, the classifier's tags stay.
    measured
        Passages on which the classifier was measured.
    costs
        By passage.
    corpus, n_corpus
        The classifier's tags of the project's passages, and how many passages can be coded.
    """
    asked = sorted({row.passage_id for row in rows} & set(measured))
    read = read_passages(rows)
    given = [tag for tag in tags_of(rows) if tag.passage_id in read]
    want = code_matrix(gold, asked, codes)
    alone = _counts(code_matrix(model, asked, codes), want)
    weights = np.random.default_rng(seed).multinomial(
        len(asked), np.full(len(asked), 1 / max(len(asked), 1)), size=draws
    )
    corpus = list(corpus)

    def band(name: str, marked: Sequence[PassageTag], within: set[str], n_within: int) -> Band:
        decided = read & within
        kept = hand_over(marked, decided)
        if name == _ALL:
            kept = [tag for tag in kept if tag.passage_id not in decided]
        both = kept + [tag for tag in given if tag.passage_id in decided]
        found = _counts(code_matrix(both, asked, codes), want)
        precision, recall, f1 = _scores(found.sum(axis=0))
        before = _scores(alone.sum(axis=0))[2]
        gains = [_scores(a)[2] - _scores(b)[2] for a, b in zip(weights @ found, weights @ alone, strict=True)]
        low, high = (
            np.nanquantile(gains, [0.025, 0.975]) if asked and not np.isnan(gains).all() else (math.nan, math.nan)
        )
        own = [costs.get(passage_id, _UNKNOWN) for passage_id in asked if passage_id in within]
        calls, tokens, seconds = (math.fsum(column) for column in zip(*own, strict=True)) if own else (0.0, 0.0, 0.0)
        return Band(
            *(name, len(own), n_within, calls, tokens, seconds / 60, precision, recall, f1),
            *(f1 - before, float(low), float(high)),
        )

    def below(edge: float | None, tags: Collection[PassageTag]) -> list[PassageTag]:
        return [
            tag if edge is None else tag.model_copy(update={"review": tag.score is not None and tag.score < edge})
            for tag in tags
        ]

    def in_band(tags: Iterable[PassageTag]) -> set[str]:
        return {tag.passage_id for tag in tags if tag.review}

    found = [band("none: the classifier alone", list(model), set(), 0)]
    for name, edge in ((f"codes below {edge}", edge) for edge in EDGES):
        marked = below(edge, model)
        found.append(band(name, marked, in_band(marked) & set(asked), len(in_band(below(edge, corpus)))))
    own, now = list(model), in_band(corpus)
    found.append(band("review, as it is drawn now", own, in_band(own) & set(asked), len(now)))
    every = below(math.inf, model)
    found.append(
        band("passages with any code", every, in_band(every) & set(asked), len(in_band(below(math.inf, corpus))))
    )
    found.append(band(_ALL, every, set(asked), n_corpus))
    return found


_ALL = "all: the language model alone"
_UNKNOWN = _Cost(math.nan, math.nan, math.nan)


def _counts(given: NDArray[np.bool_], want: NDArray[np.bool_]) -> Floats:
    """(n_passages, 3): codes that both gave, that were given, and that were wanted."""
    return np.stack([(given & want).sum(axis=1), given.sum(axis=1), want.sum(axis=1)], axis=1).astype(np.float64)


def _scores(counts: Floats) -> tuple[float, float, float]:
    both, given, want = (float(count) for count in counts)
    return (
        both / given if given else math.nan,
        both / want if want else math.nan,
        2 * both / (given + want) if given + want else math.nan,
    )


def costs_of(rows: Iterable[CodedRow], entries: Iterable[Entry]) -> dict[str, _Cost]:
    """What each passage cost, by the answers at hand; passages whose answer is not at hand are left out."""
    spent: dict[str, list[Entry]] = defaultdict(list)
    for entry in {entry.key: entry for entry in entries}.values():
        spent[entry.first].append(entry)
    return {
        row.passage_id: _Cost(
            sum(entry.answer.calls for entry in spent[row.prompt_sha256]),
            sum(entry.answer.prompt_tokens + entry.answer.answer_tokens for entry in spent[row.prompt_sha256]),
            math.fsum(entry.answer.seconds for entry in spent[row.prompt_sha256]),
        )
        for row in rows
        if row.prompt_sha256 in spent
    }


def load_bands(project: Path, coder: str, codebook: Codebook, *, draws: int = 1000, seed: int = 20) -> list[Band]:
    """The bands of a project, for a language model that has coded passages of corpus/gold.

    Raises
    ------
    InputError
        Where it has not, or is not known.
    """
    outputs = project / "outputs"
    coded = load_coded(project / "corpus")
    if coder not in coded:
        known = ", ".join(sorted(coded)) or "none has coded here; `collabnlp code` lets one"
        raise InputError(project / "corpus" / "coded", f"has no coder {coder!r}", f"name one of: {known}")
    gold = read_jsonl(project / "corpus" / "gold" / "passages.jsonl", GoldPassage)
    rows = still_said(coded[coder], {row.passage_id: row.text for row in gold})
    measured = {row.passage_id for row in read_table(outputs / "out_of_fold_reads.parquet", GoldRead)}
    if not measured & {row.passage_id for row in rows}:
        raise InputError(coder, "has coded no passage of corpus/gold", "use `collabnlp code --passages gold` first")
    tags = read_table(outputs / "out_of_fold_tags.parquet", PassageTag)
    own = read_table(outputs / "tags.parquet", PassageTag)
    ids = {row.passage_id for row in read_table(outputs / "passages.parquet", Passage) if row.speaker != INTERVIEWER}
    return draw_bands(
        [tag for tag in tags if tag.coder == "gold"],
        [tag for tag in tags if tag.coder == "model"],
        rows,
        measured,
        codebook.names,
        costs=costs_of(rows, read_journal(journal_path(coder, project))),
        corpus=own,
        n_corpus=len(ids),
        draws=draws,
        seed=seed,
    )
