import math

import numpy as np
import pytest

from collabnlp.agreement import alpha, compare, kappa, score_spans
from conftest import make_mention, make_tag


def test_kappa_of_the_published_example():
    """Cohen's kappa of two readers of 50 grant proposals: 20 both yes, 5 and 10 split, 15 both no: 0.4."""
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert kappa(a, b) == pytest.approx(0.4)


def test_alpha_of_krippendorffs_example():
    """Krippendorff (2011), binary data, two observers, no missing data: alpha = 0.095."""
    assert alpha([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]) == pytest.approx(0.095, abs=0.0005)


def test_what_is_undefined_is_nan():
    assert math.isnan(kappa([0, 0], [0, 0]))
    assert math.isnan(alpha([], []))


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
