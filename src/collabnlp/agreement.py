"""Two coders' tags become agreement rows; the model is a coder like any other (scikit-learn)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import AgreementRow, EntityMention, PassageTag

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Basis = Literal["read", "coded"]
BASES: tuple[Basis, ...] = ("read", "coded")


def compare_all(
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
    """The rows of `compare` and one for whole sets of codes (`sets`), on the basis `read` and then on the basis `coded`.

    Most passages carry no code, and two coders who leave them all alike agree on much that is
    plain. `coded` leaves out the passages to which neither gave any of the codes.

    Examples
    --------
    >>> tag = lambda p, coder: PassageTag(passage_id=p, code="trust", coder=coder, stance="positive", score=None)
    >>> rows = compare_all([tag("1", "a"), tag("2", "a")], [tag("1", "b")], ["1", "2", "3"], ["trust"], coder_a="a", coder_b="b")
    >>> [(row.code, row.basis, row.n_passages, round(row.percent, 2)) for row in rows if row.code == "sets"]
    [('sets', 'read', 3, 0.67), ('sets', 'coded', 2, 0.5)]
    """
    a, b = code_matrix(tags_a, passage_ids, codes), code_matrix(tags_b, passage_ids, codes)
    some = (a | b).any(axis=1)
    rows: list[AgreementRow] = []
    for basis in BASES:
        own_a, own_b = (a, b) if basis == "read" else (a[some], b[some])
        rows += compare_matrices(
            own_a, own_b, codes, coder_a=coder_a, coder_b=coder_b, basis=basis, draws=draws, seed=seed
        )
        rows.append(_sets_row(own_a, own_b, coder_a, coder_b, basis))
    return rows


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
    a, b = code_matrix(tags_a, passage_ids, codes), code_matrix(tags_b, passage_ids, codes)
    return compare_matrices(a, b, codes, coder_a=coder_a, coder_b=coder_b, draws=draws, seed=seed)


def code_matrix(tags: Collection[PassageTag], passage_ids: Sequence[str], codes: Sequence[str]) -> Bools:
    """(n_passages, n_codes), true where a passage was given a code; tags of other passages and codes do not count."""
    at = {passage_id: i for i, passage_id in enumerate(passage_ids)}
    column = {code: j for j, code in enumerate(codes)}
    given = np.zeros((len(at), len(column)), dtype=bool)
    for tag in tags:
        if tag.passage_id in at and tag.code in column:
            given[at[tag.passage_id], column[tag.code]] = True
    return given


def compare_matrices(
    a: Bools,
    b: Bools,
    codes: Sequence[str],
    *,
    coder_a: str,
    coder_b: str,
    basis: Basis = "read",
    draws: int = 1000,
    seed: int = 20,
) -> list[AgreementRow]:
    """As `compare`, of two (n_passages, n_codes) matrices that are true where a coder gave the code."""
    both = a & b
    drawn = _draw_counts([both, a, b], draws, seed)  # (3, draws, n_codes)
    by_draw = _f1(drawn[0], drawn[1], drawn[2])
    names = (coder_a, coder_b, basis)
    rows = [_row(code, a[:, j], b[:, j], by_draw[:, j], *names) for j, code in enumerate(codes)]
    micro = _f1(drawn[0].sum(axis=1), drawn[1].sum(axis=1), drawn[2].sum(axis=1))
    pooled = _row("micro", a.reshape(-1), b.reshape(-1), micro, *names)
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
            basis=basis,
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


def _draw_counts(given: Sequence[Bools], draws: int, seed: int) -> Floats:
    """(n_matrices, draws, n_codes): how often each code is given among the passages of each draw."""
    n = len(given[0])
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, n, size=(draws, n)) if n else np.zeros((draws, 0), dtype=np.int64)
    weights = np.zeros((draws, n))  # floats: whole numbers of this size are exact, and products of matrices are fast
    for weight, pick in zip(weights, picks, strict=True):
        weight[:] = np.bincount(pick, minlength=n)
    return np.stack([weights @ matrix.astype(np.float64) for matrix in given])


def _f1(both: Floats, n_a: Floats, n_b: Floats) -> Floats:
    total = n_a + n_b
    return np.where(total > 0, 2 * both / np.maximum(total, 1), np.nan)


def _row(code: str, a: Bools, b: Bools, draws: Floats, coder_a: str, coder_b: str, basis: Basis) -> AgreementRow:
    n_a, n_b, n_both = int(a.sum()), int(b.sum()), int((a & b).sum())
    low, high = _interval(draws)
    return AgreementRow(
        code=code,
        coder_a=coder_a,
        coder_b=coder_b,
        basis=basis,
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


def _sets_row(a: Bools, b: Bools, coder_a: str, coder_b: str, basis: Basis) -> AgreementRow:
    any_a, any_b = a.any(axis=1), b.any(axis=1)
    return AgreementRow(
        code="sets",
        coder_a=coder_a,
        coder_b=coder_b,
        basis=basis,
        n_passages=len(a),
        n_a=int(any_a.sum()),
        n_b=int(any_b.sum()),
        n_both=int((any_a & any_b).sum()),
        percent=float(np.mean((a == b).all(axis=1))) if len(a) else math.nan,
        kappa=math.nan,
        alpha=alpha_of_sets(a, b),
        precision=math.nan,
        recall=math.nan,
        f1=math.nan,
        f1_low=math.nan,
        f1_high=math.nan,
    )


def _interval(draws: Floats) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _mean(values: Sequence[float] | Floats) -> float:
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
    labels = list(Counter([*a, *b]))
    at = {label: i for i, label in enumerate(labels)}
    own_a, own_b = (np.array([at[label] for label in one], dtype=np.int64) for one in (a, b))
    return _alpha(own_a, own_b, 1 - np.eye(len(labels)))


def alpha_of_sets(a: Bools, b: Bools) -> float:
    """Krippendorff's alpha with the MASI distance, of two coders' sets of codes; NaN where only one set is used.

    Passonneau, R. (2006) Measuring agreement on set-valued items (MASI) for semantic and pragmatic
    annotation. LREC. A passage left without a code has the set of one label, "none".

    Parameters
    ----------
    a, b
        (n_passages, n_codes), true where the coder gave the code.

    Examples
    --------
    >>> a, b = np.array([[1, 0], [0, 1], [0, 0]], dtype=bool), np.array([[1, 1], [0, 1], [0, 0]], dtype=bool)
    >>> round(alpha_of_sets(a, b), 3)
    0.722
    """
    both = np.concatenate([a, b])
    sets, index = np.unique(np.column_stack([both, ~both.any(axis=1)]), axis=0, return_inverse=True)
    index = index.reshape(-1)
    return _alpha(index[: len(a)], index[len(a) :], masi_distances(sets))


def masi_distances(sets: Bools) -> Floats:
    """(n_sets, n_sets) MASI distances, 0 to 1, between the rows of (n_sets, n_labels); no row may be empty.

    One minus Jaccard's share times 1 where two sets are the same, 2/3 where one holds the other,
    1/3 where they overlap, 0 where they do not (Passonneau 2006).

    Examples
    --------
    >>> masi_distances(np.array([[1, 1, 0, 0], [1, 1, 1, 1]], dtype=bool)).round(2).tolist()
    [[0.0, 0.67], [0.67, 0.0]]
    """
    ones = sets.astype(np.float64)
    size = ones.sum(axis=1)
    shared = ones @ ones.T
    union = size[:, None] + size[None, :] - shared
    smaller = np.minimum(size[:, None], size[None, :])
    factor = np.select([shared == union, shared == smaller, shared > 0], [1.0, 2 / 3, 1 / 3], 0.0)
    return np.asarray(1 - shared / union * factor)


def _alpha(a: NDArray[np.int64], b: NDArray[np.int64], distance: Floats) -> float:
    """Alpha of two coders' labels, numbered as the rows of (n_labels, n_labels) distances; NaN where only one is used."""
    if not len(a):
        return math.nan
    used = np.bincount(np.concatenate([a, b]), minlength=len(distance)).astype(np.float64)
    n = 2 * len(a)
    expected = used @ distance @ used / (n * (n - 1))
    return float(1 - distance[a, b].mean() / expected) if expected > 0 else math.nan


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


def intervals(a: Bools, b: Bools, *, draws: int = 1000, seed: int = 20) -> dict[str, list[tuple[float, float]]]:
    """By statistic (`kappa`, `alpha`), for each code the 2.5 % and 97.5 % points over bootstrap draws of passages; NaN where undefined.

    Draws in which the statistic is undefined, since one label is used throughout, do not count.

    Parameters
    ----------
    a, b
        (n_passages, n_codes), true where the coder gave the code.

    Examples
    --------
    >>> a, b = np.array([[1], [1], [0], [0]] * 10, dtype=bool), np.array([[1], [0], [0], [0]] * 10, dtype=bool)
    >>> low, high = intervals(a, b)["kappa"][0]
    >>> 0 < low < kappa(a[:, 0], b[:, 0]) < high < 1
    True
    """
    n = len(a)
    both, n_a, n_b = _draw_counts([a & b, a, b], draws, seed)  # (draws, n_codes) each
    agreed = (n - n_a - n_b + 2 * both) / max(n, 1)
    by_chance = (n_a * n_b + (n - n_a) * (n - n_b)) / max(n, 1) ** 2
    used = (n_a + n_b) / max(2 * n, 1)
    expected = 2 * used * (1 - used) * 2 * n / max(2 * n - 1, 1)  # disagreement of two labels drawn without return
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "kappa": np.where(by_chance < 1, (agreed - by_chance) / (1 - by_chance), np.nan),
            "alpha": np.where(expected > 0, 1 - (1 - agreed) / expected, np.nan),
        }
    return {name: [_interval(values[:, j]) for j in range(values.shape[1])] for name, values in found.items()}
