"""The queue, what it saves, and what may be left unread: formulas against their papers, promises against simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.reading_order import (
    draws_to_go,
    mix,
    rank_by_chance,
    rank_by_worth,
    read_until,
    risk_of_missing,
    simulate,
    sure_recall,
    take_sample,
    time_to_discovery,
    work_saved,
)

IDS = [f"a:{i:04d}" for i in range(60)]


def test_a_rare_code_weighs_as_much_as_a_common_one():
    scores = np.array([[0.9, 0.0], [0.9, 0.0], [0.9, 0.0], [0.0, 0.4], [0.1, 0.0]])
    assert rank_by_worth(scores).tolist() == [3, 0, 1, 2, 4]


def test_what_coders_differ_on_counts_as_even():
    scores = np.array([[0.4], [0.01], [0.02]])
    disputed = np.array([[False], [True], [False]])
    assert rank_by_worth(scores, disputed).tolist() == [1, 0, 2]


def test_the_order_by_chance_depends_on_ids_and_seed_alone_and_bears_additions():
    order = [IDS[i] for i in rank_by_chance(IDS, 20)]
    assert order == [IDS[::-1][i] for i in rank_by_chance(IDS[::-1], 20)]
    assert order != [IDS[i] for i in rank_by_chance(IDS, 21)]
    more = [*IDS, "b:0001", "b:0002"]
    assert [i for i in (more[j] for j in rank_by_chance(more, 20)) if i in IDS] == order


@given(st.permutations(range(30)), st.permutations(range(30)), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_a_queue_holds_every_passage_once_with_the_share_by_chance(worth, chance, share):
    queue = mix(np.array(worth), np.array(chance), share)
    assert sorted(queue.order.tolist()) == list(range(30))
    assert abs(int(queue.drawn.sum()) - 30 * share) < 1
    if share in (0.0, 1.0):
        assert queue.order.tolist() == (worth if share == 0 else chance)


# ---------------------------------------------------------------------------------------------------------------------
# Definitions of the literature


def test_work_saved_and_time_to_discovery_by_hand():
    labels = np.array([True, True, False, True, *[False] * 6])  # the worked list of ASReview's own test, and six more
    order = np.arange(10)
    assert read_until(order, labels) == 0.4
    assert work_saved(read_until(order, labels)) == pytest.approx(6 / 10 - 0.05)  # (TN + FN) / N - (1 - recall)
    assert time_to_discovery(order, labels) == pytest.approx((1 + 2 + 4) / 3 / 10)


def test_of_twenty_one_may_be_missed_and_of_nineteen_none():
    for n, late in ((20, 0.2), (19, 1.0)):
        labels = np.zeros(100, dtype=bool)
        labels[: n - 1] = labels[99] = True
        assert read_until(np.arange(100), labels) == (0.19 if n == 20 else late)


def test_nothing_to_find_is_undefined():
    none = np.zeros(4, dtype=bool)
    assert math.isnan(read_until(np.arange(4), none))
    assert math.isnan(time_to_discovery(np.arange(4), none))


def test_the_risk_is_the_share_of_all_samples_that_hold_so_few():
    """By counting: of 8 passages below, 3 have the code if 7 found are just less than 70 %; 4 were drawn, 1 hit."""
    n_below, n_drawn, n_hits, n_found, above, target = 8, 4, 1, 5, 4, 0.7
    least = math.floor(n_found / target - above + 1)
    samples = list(combinations(range(n_below), n_drawn))
    few = sum(len(set(sample) & set(range(least))) <= n_hits for sample in samples)
    risk = risk_of_missing(n_below, n_drawn, n_hits, n_found, found_above=above, target=target)
    assert risk == pytest.approx(few / len(samples))


@pytest.mark.parametrize(
    ("labels", "n_passages", "target", "expected"),
    [
        ([1] * 20 + [0] * 60, 120, 0.95, 0.15757575757575756),
        ([1, 1, 0, 1, 1, 0, 0, 1] * 5 + [0] * 100, 300, 0.9, 0.23135632437958023),
        ([1, 0] * 30 + [0] * 200 + [1] + [0] * 300, 1000, 0.95, 0.3525638909975026),
    ],
)
def test_the_risk_is_that_of_the_authors_own_package(labels, n_passages, target, expected):
    """buscarpy 0.0.2 of Callaghan and Müller-Hansen: the least risk over all ways to take the last read as the sample."""
    found = sum(labels)
    risks = [
        risk_of_missing(
            n_passages - len(labels) + n,
            n,
            sum(labels[-n:]),
            found,
            found_above=found - sum(labels[-n:]),
            target=target,
        )
        for n in range(1, len(labels) + 1)
    ]
    assert min(risks) == pytest.approx(expected, rel=1e-9)


# ---------------------------------------------------------------------------------------------------------------------
# What the hint promises


def test_nothing_read_is_no_knowledge_and_all_read_no_risk():
    assert risk_of_missing(50, 0, 0, 0, found_above=0) == 1.0
    assert risk_of_missing(50, 0, 0, 20, found_above=20) == 1.0
    assert risk_of_missing(0, 0, 0, 20, found_above=20) == 0.0
    assert risk_of_missing(50, 50, 3, 20, found_above=17) == 0.0
    assert sure_recall(0, 0, 0, 20, found_above=20) == 1.0
    assert sure_recall(50, 0, 0, 20, found_above=20) == pytest.approx(20 / 70)
    assert math.isnan(sure_recall(0, 0, 0, 0, found_above=0))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 8), st.integers(0, 40))
def test_the_draws_to_go_are_the_fewest_that_do(n_below, n_drawn, n_hits, above):
    n_drawn = min(n_drawn, n_below)
    n_hits = min(n_hits, n_drawn)
    found = above + n_hits
    more = draws_to_go(n_below, n_drawn, n_hits, found, found_above=above)
    assert 0 <= more <= n_below - n_drawn
    risks = [
        risk_of_missing(n_below, n_drawn + i, n_hits, found, found_above=above) for i in range(n_below - n_drawn + 1)
    ]
    assert risks[more] <= 0.05
    assert all(risk > 0.05 for risk in risks[:more])


@given(st.permutations(range(20)), st.permutations(range(20)), st.sets(st.integers(0, 19)))
def test_the_sample_is_what_was_read_by_chance_below_the_first_gap(worth, chance, read):
    by_worth, by_chance, done = np.array(worth), np.array(chance), np.isin(np.arange(20), list(read))
    n_below, drawn = take_sample(by_worth, by_chance, done)
    above = worth[: 20 - n_below]
    assert set(above) <= read
    assert n_below == 0 or worth[20 - n_below] not in read
    waiting = [i for i in chance if i not in above]
    assert drawn.tolist() == waiting[: len(drawn)]
    assert set(drawn.tolist()) <= read
    assert len(drawn) == len(waiting) or waiting[len(drawn)] not in read


@pytest.mark.parametrize("skill", [0.0, 2.0, -2.0], ids=["no model", "a good one", "one that is wrong"])
def test_what_is_sure_is_so_in_19_of_20_whatever_the_model_is_worth(skill):
    """Reading stops at a place fixed before; the share found is at least what was said, but for one time in twenty."""
    rng = np.random.default_rng(5)
    labels = np.zeros(150, dtype=bool)
    labels[rng.choice(150, 24, replace=False)] = True
    ids = [str(i) for i in range(150)]
    by_worth = rank_by_worth((1 / (1 + np.exp(-skill * labels - rng.normal(size=150))))[:, None])
    kept, misses, runs = 0, 0, 400
    for seed in range(runs):
        by_chance = rank_by_chance(ids, seed)
        read = np.isin(np.arange(150), mix(by_worth, by_chance, 0.5).order[:90])
        n_below, drawn = take_sample(by_worth, by_chance, read)
        found, above = int(labels[read].sum()), int(labels[by_worth[: 150 - n_below]].sum())
        state = (n_below, len(drawn), int(labels[drawn].sum()), found)
        kept += found / 24 >= sure_recall(*state, found_above=above) - 1e-12
        misses += risk_of_missing(*state, found_above=above) <= 0.05 and found / 24 < 0.95
    assert kept / runs >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / runs)
    assert misses / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)


# ---------------------------------------------------------------------------------------------------------------------
# The simulation


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_model_that_knows_saves_and_one_that_does_not_saves_nothing(seed):
    rng = np.random.default_rng(seed)
    labels = rng.random((60, 2)) < 0.2
    labels[:3] = True
    knowing = simulate(IDS, np.where(labels, 0.9, 0.1) + rng.random(labels.shape) / 100, labels, ["x", "y"], draws=10)
    by_key = {(row.aim, row.order, row.code): row for row in knowing}
    own = by_key["one", "queue", "x"]
    assert labels[:, 0].mean() * 0.95 <= own.read <= labels[:, 0].mean() / 0.9 + 3 / 60
    assert own.wss == pytest.approx(0.95 - own.read, abs=1e-4)
    assert own.atd < by_key["one", "random", "x"].atd
    assert by_key["all", "queue", "x"].read >= own.read - 1 / 60  # a place of one passage, more or less
    blind = simulate(IDS, np.full(labels.shape, 0.5), labels, ["x", "y"], draws=10)
    assert {(row.aim, row.code): row.read for row in blind if row.order == "random"} == {
        (row.aim, row.code): row.read for row in knowing if row.order == "random"
    }


def test_the_simulation_is_the_same_twice_and_means_are_over_codes_that_are_there():
    labels = np.zeros((60, 3), dtype=bool)
    labels[::7, 0] = labels[::5, 1] = True
    scores = np.random.default_rng(1).random((60, 3))
    rows = simulate(IDS, scores, labels, ["x", "y", "none"], draws=5)
    assert str(rows) == str(simulate(IDS, scores, labels, ["x", "y", "none"], draws=5))
    by_key = {(row.aim, row.order, row.code): row for row in rows}
    assert math.isnan(by_key["one", "queue", "none"].read)
    for aim in ("all", "one"):
        mean = by_key[aim, "queue", "mean"]
        assert mean.read == pytest.approx(
            (by_key[aim, "queue", "x"].read + by_key[aim, "queue", "y"].read) / 2, abs=1e-4
        )
        assert mean.n == labels.sum()
