"""Two coders' tags become agreement rows; the model is a coder like any other (scikit-learn, NLTK)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import AgreementRow, EntityMention, PassageTag

Bools = NDArray[np.bool_]


def compare(
    tags_a: Collection[PassageTag],
    tags_b: Collection[PassageTag],
    passage_ids: Sequence[str],
    codes: Sequence[str],
    *,
    coder_a: str,
    coder_b: str,
    draws: int = 1000,
    seed: int = 20,
) -> list[AgreementRow]:
    """Agreement of two coders on each code, then over all codes (`micro`) and as mean of the codes (`macro`).

    Parameters
    ----------
    tags_a, tags_b
        The coders' tags; coder a is the reference for precision and recall.
    passage_ids
        The passages that both read. A passage without tags was read and left without a code.
    codes
        Codes to compare.
    draws, seed
        Of the bootstrap of passages behind the interval of F1.

    Examples
    --------
    >>> tag = lambda p, coder: PassageTag(passage_id=p, code="trust", coder=coder, stance="positive", score=None)
    >>> row = compare([tag("1", "a"), tag("2", "a")], [tag("1", "b")], ["1", "2", "3"], ["trust"], coder_a="a", coder_b="b")[0]
    >>> row.n_both, row.precision, row.recall
    (1, 1.0, 0.5)
    """
    at = {passage_id: i for i, passage_id in enumerate(passage_ids)}
    column = {code: j for j, code in enumerate(codes)}

    def matrix(tags: Collection[PassageTag]) -> Bools:
        given = np.zeros((len(at), len(column)), dtype=bool)
        for tag in tags:
            if tag.passage_id in at and tag.code in column:
                given[at[tag.passage_id], column[tag.code]] = True
        return given

    return compare_matrices(
        matrix(tags_a), matrix(tags_b), codes, coder_a=coder_a, coder_b=coder_b, draws=draws, seed=seed
    )


def compare_matrices(
    a: Bools, b: Bools, codes: Sequence[str], *, coder_a: str, coder_b: str, draws: int = 1000, seed: int = 20
) -> list[AgreementRow]:
    """As `compare`, of two (n_passages, n_codes) matrices that are true where a coder gave the code."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(a), size=(draws, len(a))) if len(a) else np.zeros((draws, 0), dtype=np.int64)
    both, n_a, n_b = (a & b), a, b
    drawn = np.stack([_counts(both, picks), _counts(n_a, picks), _counts(n_b, picks)])  # (3, draws, n_codes)
    by_draw = _f1(drawn[0], drawn[1], drawn[2])
    rows = [_row(code, a[:, j], b[:, j], by_draw[:, j], coder_a, coder_b) for j, code in enumerate(codes)]
    micro = _f1(drawn[0].sum(axis=1), drawn[1].sum(axis=1), drawn[2].sum(axis=1))
    pooled = _row("micro", a.reshape(-1), b.reshape(-1), micro, coder_a, coder_b)
    means = {
        name: _mean([getattr(row, name) for row in rows])
        for name in ("percent", "kappa", "alpha", "precision", "recall", "f1")
    }
    low, high = _interval(np.array([_mean(draw) for draw in by_draw]))
    rows.append(pooled.model_copy(update={"n_passages": len(a)}))
    rows.append(
        AgreementRow(
            code="macro",
            coder_a=coder_a,
            coder_b=coder_b,
            n_passages=len(a),
            n_a=int(a.sum()),
            n_b=int(b.sum()),
            n_both=int(both.sum()),
            f1_low=low,
            f1_high=high,
            **means,
        )
    )
    return rows


def _counts(given: Bools, picks: NDArray[np.int64]) -> NDArray[np.int64]:
    """(draws, n_codes): how often each code is given among the passages of each draw."""
    weights = (
        np.stack([np.bincount(pick, minlength=len(given)) for pick in picks])
        if len(given)
        else np.zeros((len(picks), 0), dtype=np.int64)
    )
    return np.asarray(weights @ given.astype(np.int64))


def _f1(both: NDArray[np.int64], n_a: NDArray[np.int64], n_b: NDArray[np.int64]) -> NDArray[np.float64]:
    total = n_a + n_b
    return np.where(total > 0, 2 * both / np.maximum(total, 1), np.nan)


def _row(code: str, a: Bools, b: Bools, draws: NDArray[np.float64], coder_a: str, coder_b: str) -> AgreementRow:
    n_a, n_b, n_both = int(a.sum()), int(b.sum()), int((a & b).sum())
    low, high = _interval(draws)
    return AgreementRow(
        code=code,
        coder_a=coder_a,
        coder_b=coder_b,
        n_passages=len(a),
        n_a=n_a,
        n_b=n_b,
        n_both=n_both,
        percent=float(np.mean(a == b)) if len(a) else math.nan,
        kappa=kappa(a, b),
        alpha=alpha(a, b),
        precision=n_both / n_b if n_b else math.nan,
        recall=n_both / n_a if n_a else math.nan,
        f1=2 * n_both / (n_a + n_b) if n_a + n_b else math.nan,
        f1_low=low,
        f1_high=high,
    )


def _interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def kappa(a: Sequence[object] | Bools, b: Sequence[object] | Bools) -> float:
    """Cohen's kappa (1960) of two coders' labels, one a passage; NaN where both use one and the same label throughout.

    Examples
    --------
    >>> round(kappa([1] * 45 + [1] * 15 + [0] * 25 + [0] * 15, [1] * 45 + [0] * 15 + [1] * 25 + [0] * 15), 4)
    0.1304
    """
    from sklearn.metrics import cohen_kappa_score

    if not len(a) or (len({*a, *b}) < 2):
        return math.nan
    return float(cohen_kappa_score(np.asarray(a), np.asarray(b)))


def alpha(a: Sequence[object] | Bools, b: Sequence[object] | Bools) -> float:
    """Krippendorff's alpha, nominal, of two coders' labels, one a passage; NaN where only one label is used.

    Krippendorff, K. (2011) Computing Krippendorff's alpha-reliability. Worked example there: two
    observers, ten articles, binary data.

    Examples
    --------
    >>> round(alpha([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]), 3)
    0.095
    """
    from nltk.metrics.agreement import AnnotationTask

    if not len(a) or len({*a, *b}) < 2:
        return math.nan
    data = [
        (coder, i, int(label) if isinstance(label, (bool, np.bool_)) else label)
        for coder, labels in (("a", a), ("b", b))
        for i, label in enumerate(labels)
    ]
    return float(AnnotationTask(data=data).alpha())


def score_spans(
    gold: Collection[EntityMention], found: Collection[EntityMention]
) -> dict[str, dict[str, float | int | None]]:
    """Precision, recall and F1 of mentions by label: the exact span and label count, nothing else does.

    Examples
    --------
    >>> m = EntityMention(passage_id="1", start_char=0, end_char=4, text="Kent", label="COUNCIL", entity_ids=(), method="human", score=1)
    >>> score_spans([m], [m])["COUNCIL"]["f1"]
    1.0
    """
    result: dict[str, dict[str, float | int | None]] = {}
    for label in ("COUNCIL", "PARTNERSHIP", "SCHEME"):
        want = {(m.passage_id, m.start_char, m.end_char) for m in gold if m.label == label}
        got = {(m.passage_id, m.start_char, m.end_char) for m in found if m.label == label}
        both = len(want & got)
        result[label] = {
            "n": len(want),
            "precision": round(both / len(got), 4) if got else None,
            "recall": round(both / len(want), 4) if want else None,
            "f1": round(2 * both / (len(want) + len(got)), 4) if want or got else None,
        }
    return result
