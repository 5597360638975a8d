"""Why a passage was given a code: the sentence that carries it, the terms that spoke for it, the nearest coded passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collabnlp.classify import Classifier
from collabnlp.codebook import Code, indicator_hits
from collabnlp.embed import Readings, read_vectors
from collabnlp.gold import Gold, load_gold
from collabnlp.records import Passage, PassageTag, TagReason
from collabnlp.segment import sentences

N_NEAREST = 3
_CLOSE = 1e-5  # more than single precision errs in a product of two vectors of length 1
_AT_ONCE = 512


class Neighbours:
    """Coded passages, to find those of a code that lie nearest to a text.

    Parameters
    ----------
    gold
        The coded passages.
    vectors
        (n_passages, n_dimensions) of length 1.
    codes
        In the order of the columns of `gold.labels`.
    """

    def __init__(self, gold: Gold, vectors: NDArray[np.float32], codes: Sequence[str]) -> None:
        self._ids = gold.passage_ids
        self._text_of = dict(zip(gold.passage_ids, gold.texts, strict=True))
        self._rows = {code: np.flatnonzero(gold.labels[:, j]) for j, code in enumerate(codes)}
        self._vectors = vectors
        self._own: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]] = {}

    def nearest(self, code: str, vectors: NDArray[np.float32], texts: Sequence[str]) -> list[tuple[str, ...]]:
        """For each text, (n_texts, n_dimensions), ids of the nearest coded passages of the code, nearest first; not the text itself."""
        rows, own = self._of(code)
        k = min(N_NEAREST + 1, len(rows))
        found: list[tuple[str, ...]] = []
        for start in range(0, len(texts), _AT_ONCE):
            some = vectors[start : start + _AT_ONCE]
            if not k:
                found.extend([()] * len(some))
                continue
            likeness = np.asarray(some @ own.T)
            least = np.partition(likeness, len(rows) - k, axis=1)[:, len(rows) - k]
            for vector, row, text in zip(some, likeness >= least[:, None] - _CLOSE, texts[start:], strict=False):
                near = np.flatnonzero(row)
                # the product's last digits depend on what else is looked for; those few are measured one by one
                exact = (own[near] * vector.astype(np.float64)).sum(axis=1)
                ids = [i for _, i in sorted(zip((-exact).tolist(), (self._ids[i] for i in rows[near]), strict=True))]
                found.append(tuple(i for i in ids[:k] if self._text_of[i] != text)[:N_NEAREST])
        return found

    def _of(self, code: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows of the coded passages of a code, and their vectors."""
        if code not in self._own:
            rows = self._rows.get(code, np.empty(0, dtype=np.int64))
            self._own[code] = rows, self._vectors[rows]
        return self._own[code]

    def text(self, passage_id: str) -> str:
        """Text of a coded passage."""
        return self._text_of[passage_id]


def load_neighbours(corpus: Path, outputs: Path, codes: Sequence[str]) -> Neighbours:
    """The coded passages of a project that may be shown to anyone: those written for it, none from an interview."""
    gold = load_gold(corpus / "gold", codes, written_only=True)
    ids, vectors = read_vectors(outputs / "gold_embeddings.parquet")
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    return Neighbours(gold, vectors[[row_of[passage_id] for passage_id in gold.passage_ids]], codes)


def explain(
    classifier: Classifier,
    passages: Sequence[Passage],
    tags: Sequence[PassageTag],
    vectors: NDArray[np.float32],
    readings: Readings,
    neighbours: Neighbours,
) -> list[TagReason]:
    """A reason for each tag, in the order of the tags.

    Parameters
    ----------
    passages
        The passages that were tagged.
    vectors, readings
        Of the passages, in their order.
    """
    row_of = {passage.passage_id: i for i, passage in enumerate(passages)}
    tagged = dict.fromkeys(tag.passage_id for tag in tags)
    spans = {passage_id: sentences(passages[row_of[passage_id]].text) for passage_id in tagged}
    by_code: dict[str, list[PassageTag]] = {}
    for tag in tags:
        by_code.setdefault(tag.code, []).append(tag)
    nearest: dict[tuple[str, str], tuple[str, ...]] = {}
    for code, own in by_code.items():
        rows = [row_of[tag.passage_id] for tag in own]
        found = neighbours.nearest(code, vectors[rows], [passages[i].text for i in rows])
        nearest.update(((tag.passage_id, code), ids) for tag, ids in zip(own, found, strict=True))
    reasons = []
    for tag in tags:
        i, j = row_of[tag.passage_id], classifier.codes.index(tag.code)
        text = passages[i].text
        terms = classifier.terms(text, tag.code)
        place = int(readings.places[i, j])
        pieces = spans[tag.passage_id] or [(0, len(text))]
        looked = place if place >= 0 else terms[0][0] if terms else 0
        start, end = _sentence(classifier.codebook.codes[j], text, pieces, looked)
        reasons.append(
            TagReason(
                passage_id=tag.passage_id,
                code=tag.code,
                coder=tag.coder,
                start_char=start,
                end_char=end,
                sentence=text[start:end],
                terms=tuple(dict.fromkeys(" ".join(text[s:e].split()) for s, e in terms)),
                nearest=nearest[tag.passage_id, tag.code],
            )
        )
    return reasons


def _sentence(code: Code, text: str, spans: Sequence[tuple[int, int]], place: int) -> tuple[int, int]:
    """The sentence around a place of the text, or the one with most indicators where that one has none."""

    def n_hits(i: int) -> int:
        return len(indicator_hits(code, text[slice(*spans[i])]))

    looked = next((i for i, (_, end) in enumerate(spans) if place < end), len(spans) - 1)
    return spans[looked if n_hits(looked) else max(range(len(spans)), key=lambda i: (n_hits(i), i == looked))]
