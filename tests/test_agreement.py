import math
import time

import numpy as np
import pytest

from collabnlp.agreement import (
    alpha,
    alpha_of_sets,
    compare,
    compare_all,
    compare_matrices,
    kappa,
    masi_distances,
    score_spans,
)
from conftest import make_mention, make_tag


def test_kappa_of_the_published_example():
    """Cohen's kappa of two readers of 50 grant proposals: 20 both yes, 5 and 10 split, 15 both no: 0.4."""
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert kappa(a, b) == pytest.approx(0.4)


def test_kappa_of_cohens_example():
    """Cohen (1968), psychiatric diagnoses of 200 patients in three categories, as R's psych::cohen.kappa gives it: .492."""
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    a = [i for i in range(3) for j in range(3) for _ in range(table[i, j])]
    b = [j for i in range(3) for j in range(3) for _ in range(table[i, j])]
    assert kappa(a, b) == pytest.approx(0.492, abs=0.0005)


def test_alpha_of_krippendorffs_example():
    """Krippendorff (2011), binary data, two observers, no missing data: alpha = 0.095."""
    assert alpha([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]) == pytest.approx(0.095, abs=0.0005)


def test_alpha_of_krippendorffs_nominal_example():
    """Krippendorff (2011), nominal data, two observers, no missing data: alpha = 0.692."""
    assert alpha("aabbdcccedda", "babbbccceddd") == pytest.approx(0.692, abs=0.0005)


def nltk_alpha(a, b, distance=None):
    from nltk.metrics.agreement import AnnotationTask

    data = [(coder, i, label) for coder, labels in (("a", a), ("b", b)) for i, label in enumerate(labels)]
    return AnnotationTask(data=data, **({"distance": distance} if distance else {})).alpha()


def as_sets(matrix):
    return [frozenset(np.flatnonzero(row).tolist()) or frozenset({"none"}) for row in matrix]


@pytest.mark.parametrize("seed", range(5))
def test_alphas_equal_nltks(seed):
    from nltk.metrics import masi_distance

    rng = np.random.default_rng(seed)
    a = rng.random((40, 4)) < 0.3
    b = np.where(rng.random(a.shape) < 0.8, a, rng.random(a.shape) < 0.3)
    assert alpha_of_sets(a, b) == pytest.approx(nltk_alpha(as_sets(a), as_sets(b), masi_distance), abs=1e-12)
    assert alpha(a[:, 0], b[:, 0]) == pytest.approx(nltk_alpha(a[:, 0].tolist(), b[:, 0].tolist()), abs=1e-12)
    sets = np.unique(a[a.any(axis=1)], axis=0)
    expected = [[masi_distance(one, other) for other in as_sets(sets)] for one in as_sets(sets)]
    assert masi_distances(sets) == pytest.approx(np.array(expected), abs=1e-12)


def test_masi_by_its_four_cases():
    """Passonneau (2006): Jaccard's share by 1, 2/3, 1/3 or 0: same, one within the other, overlap, apart."""
    sets = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 1]], dtype=bool)
    assert masi_distances(sets)[0] == pytest.approx([0, 1 - 2 / 4 * 2 / 3, 1 - 1 / 3 * 1 / 3, 1])


def test_alpha_of_sets_worked_by_hand():
    """Pairs x|xy, y|y, none|none: observed 2/9; expected, over 30 ordered pairs of the six sets, 24/30; so 1 - 10/36."""
    a, b = np.array([[1, 0], [0, 1], [0, 0]], dtype=bool), np.array([[1, 1], [0, 1], [0, 0]], dtype=bool)
    assert alpha_of_sets(a, b) == pytest.approx(1 - (2 / 9) / 0.8)


def test_both_bases_and_the_sets():
    """Ten passages: one has the same codes from both, one has one code more from b, eight have none."""
    ids = [f"r:{i:04d}" for i in range(10)]
    a = [make_tag(ids[0]), make_tag(ids[1])]
    b = [make_tag(ids[0]), make_tag(ids[1]), make_tag(ids[1], code="momentum")]
    rows = {
        (row.basis, row.code): row
        for row in compare_all(a, b, ids, ["trust", "momentum"], coder_a="a", coder_b="b", draws=100)
    }
    assert list(rows) == [
        (basis, code) for basis in ("read", "coded") for code in ("trust", "momentum", "micro", "macro", "sets")
    ]
    assert (rows["read", "trust"].n_passages, rows["coded", "trust"].n_passages) == (10, 2)
    assert rows["read", "micro"].f1 == rows["coded", "micro"].f1 == pytest.approx(0.8)
    assert (rows["read", "sets"].percent, rows["coded", "sets"].percent) == (0.9, 0.5)
    assert (rows["read", "sets"].n_a, rows["read", "sets"].n_b, rows["read", "sets"].n_both) == (2, 2, 2)
    assert all(
        math.isnan(getattr(rows["read", "sets"], name)) for name in ("kappa", "precision", "recall", "f1", "f1_low")
    )
    assert rows["coded", "trust"].percent == 1
    assert math.isnan(rows["coded", "trust"].kappa)


def test_where_neither_gave_a_code_the_coded_basis_is_empty():
    rows = compare_all([], [], ["r:0001"], ["trust"], coder_a="a", coder_b="b", draws=100)
    assert {row.n_passages for row in rows if row.basis == "coded"} == {0}
    assert all(math.isnan(row.alpha) for row in rows)


def test_many_passages_are_no_burden():
    """12,000 passages and 12 codes in seconds; NLTK's own alpha of sets would take hours."""
    rng = np.random.default_rng(3)
    a = rng.random((12_000, 12)) < 0.1
    b = np.where(rng.random(a.shape) < 0.9, a, rng.random(a.shape) < 0.1)
    start = time.process_time()
    alpha_of_sets(a, b)
    compare_matrices(a, b, [str(j) for j in range(12)], coder_a="a", coder_b="b", draws=100)
    assert time.process_time() - start < 20


def test_what_is_undefined_is_nan():
    assert math.isnan(kappa([0, 0], [0, 0]))
    assert math.isnan(alpha([], []))
    assert math.isnan(alpha([1, 1], [1, 1]))
    assert math.isnan(alpha_of_sets(np.zeros((3, 2), dtype=bool), np.zeros((3, 2), dtype=bool)))


def test_counts_and_rates_of_one_code():
    ids = [f"r:{i:04d}" for i in range(10)]
    gold = [make_tag(i, coder="gold", score=None) for i in ids[:4]]
    model = [make_tag(i) for i in ids[2:5]]
    row, micro, macro = compare(gold, model, ids, ["trust"], coder_a="gold", coder_b="model", draws=200)
    assert (row.n_a, row.n_b, row.n_both) == (4, 3, 2)
    assert (row.precision, row.recall) == (pytest.approx(2 / 3), 0.5)
    assert row.percent == pytest.approx(0.7)
    assert row.f1_low <= row.f1 <= row.f1_high
    assert micro.f1 == row.f1 == macro.f1


def test_tags_on_passages_that_were_not_both_read_do_not_count():
    rows = compare(
        [make_tag("r:0009")], [make_tag("r:0009")], ["r:0001"], ["trust"], coder_a="a", coder_b="b", draws=100
    )
    assert rows[0].n_a == 0
    assert math.isnan(rows[0].f1)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """The 95 % interval holds the true F1 in 90 to 99 % of samples from a known process."""
    rng = np.random.default_rng(1)
    truth = 2 * 0.16 / (0.2 + 0.24)
    inside = 0
    for seed in range(60):
        gold = rng.random(300) < 0.2
        model = np.where(gold, rng.random(300) < 0.8, rng.random(300) < 0.1)
        ids = [str(i) for i in range(300)]
        row = compare(
            [make_tag(i) for i, g in zip(ids, gold, strict=True) if g],
            [make_tag(i) for i, m in zip(ids, model, strict=True) if m],
            ids,
            ["trust"],
            coder_a="a",
            coder_b="b",
            draws=200,
            seed=seed,
        )[0]
        inside += row.f1_low <= truth <= row.f1_high
    assert 52 <= inside <= 60


def test_only_the_exact_span_counts():
    result = score_spans([make_mention("Kent County Council")], [make_mention("Kent")])
    assert result["COUNCIL"]["f1"] == 0
    assert result["SCHEME"]["f1"] is None
