"""In which order passages are best read, what that saves, and what it is safe to leave unread.

The queue holds two orders of the same passages, both fixed before anybody reads: by worth (what
the model expects of a passage) and by chance. Every so many places the next one comes by chance.
What is found among those says what the unread ones hold, whatever the model is worth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import EffortRow, text_sha256

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHARE = 0.1  # of the queue comes by chance
TARGET = 0.95  # share of a code's passages that shall be found
ALPHA = 0.05  # risk at which one may stop
ORDERS = ("queue", "random", "uncertainty")


class Queue(NamedTuple):
    """Passages in reading order.

    Attributes
    ----------
    order
        (n_passages,) numbers of the passages, first to read first.
    drawn
        (n_passages,) true where a place of the queue went to the next passage by chance.
    """

    order: Integers
    drawn: Bools


def rank_by_worth(scores: Floats, disputed: Bools | None = None) -> Integers:
    """(n_passages,) numbers of the passages, most worth reading first.

    A passage is worth the sum of its scores, each divided by the number of passages that the code
    is expected in: a rare code weighs as much as a common one.

    Parameters
    ----------
    scores
        (n_passages, n_codes) calibrated probabilities.
    disputed
        (n_passages, n_codes) true where coders differ: the code then counts as even, whatever the
        model says.

    Examples
    --------
    >>> rank_by_worth(np.array([[0.9, 0.0], [0.8, 0.0], [0.0, 0.5]])).tolist()
    [2, 0, 1]
    """
    likely = scores if disputed is None else np.where(disputed, 0.5, scores)
    worth = (likely / np.maximum(likely.sum(axis=0), 1e-9)).sum(axis=1)
    return np.argsort(-worth, kind="stable")


def rank_by_chance(passage_ids: Sequence[str], seed: int) -> Integers:
    """(n_passages,) numbers of the passages in an order that only their ids and the seed decide.

    Passages that join later fall in between and leave the order of the others as it was.
    """
    return np.array(
        sorted(
            range(len(passage_ids)),
            key=lambda i: (text_sha256(f"{seed}:{passage_ids[i]}"), i),
        ),
        dtype=np.int64,
    )


def mix(by_worth: Integers, by_chance: Integers, share: float = SHARE) -> Queue:
    """The queue: the order by worth, with a share of the places going to the next passage by chance.

    Examples
    --------
    >>> mix(np.array([0, 1, 2, 3]), np.array([3, 1, 2, 0]), 0.5).order.tolist()
    [0, 3, 1, 2]
    """
    n = len(by_worth)
    places = np.floor(np.arange(n + 1) * share + 1e-9)
    drawn = np.diff(places) > 0
    placed, order = bytearray(n), []
    worth, chance = iter(by_worth.tolist()), iter(by_chance.tolist())
    for by_lot in drawn.tolist():
        i = next(i for i in (chance if by_lot else worth) if not placed[i])
        order.append(i)
        placed[i] = True
    return Queue(np.array(order, dtype=np.int64), drawn)


# ---------------------------------------------------------------------------------------------------------------------
# What may be left unread


class Sample(NamedTuple):
    """What was read, as the test needs it.

    Attributes
    ----------
    n_below
        Passages below the place to which the order by worth has been read without a gap.
    drawn
        Numbers of those of them that were read in the order by chance without a gap: a simple
        random sample of the passages below.
    """

    n_below: int
    drawn: Integers


def take_sample(by_worth: Integers, by_chance: Integers, read: Bools) -> Sample:
    """The random sample of what the order by worth has not reached.

    Only the two orders, fixed before the reading, and how far each was read decide what is in it,
    not what was found; so it stands for the passages below, those unread among them.

    Examples
    --------
    >>> take_sample(np.arange(5), np.array([0, 4, 2, 3, 1]), np.array([True, True, False, False, True]))
    Sample(n_below=3, drawn=array([4]))
    """
    gaps = np.flatnonzero(~read[by_worth])
    reached = int(gaps[0]) if len(gaps) else len(by_worth)
    below = np.zeros(len(read), dtype=bool)
    below[by_worth[reached:]] = True
    waiting = by_chance[below[by_chance]]
    unread = np.flatnonzero(~read[waiting])
    return Sample(len(waiting), waiting[: int(unread[0])] if len(unread) else waiting)


def risk_of_missing(
    n_below: int, n_drawn: int, n_hits: int, n_found: int, *, found_above: int, target: float = TARGET
) -> float:
    """Largest chance of so few hits if less than the target share had been found: the risk of stopping now.

    Callaghan, M. and Müller-Hansen, F. (2020) Statistical stopping criteria for automated screening
    in systematic reviews. Systematic Reviews 9, 273. If the target were missed, the passages below
    would hold at least floor(found / target - found above + 1) with the code; the hits among those
    drawn then follow the hypergeometric distribution.

    Parameters
    ----------
    n_below
        Passages that the order by worth had not reached.
    n_drawn
        How many of them were drawn by chance and read.
    n_hits
        How many of these have the code.
    n_found
        Passages with the code found so far, wherever.
    found_above
        How many of these the order by worth had reached.
    target
        Share of the code's passages that shall be found.

    Examples
    --------
    Twenty found above; below are 100, of which 60 were drawn without a hit. Had less than 95 % been
    found, at least two would be below, and both escaped the 60:

    >>> round(risk_of_missing(100, 60, 0, 20, found_above=20), 4), round(40 / 100 * 39 / 99, 4)
    (0.1576, 0.1576)
    """
    from scipy.stats import hypergeom

    least = math.floor(n_found / target - found_above + 1 + 1e-9)
    if least > n_below - n_drawn + n_hits:  # more than could be: the target is met for certain
        return 0.0
    return float(hypergeom.cdf(n_hits, n_below, least, n_drawn))


def sure_recall(
    n_below: int, n_drawn: int, n_hits: int, n_found: int, *, found_above: int, alpha: float = ALPHA
) -> float:
    """The share of the code's passages that is found at least, but for a risk of `alpha`; NaN where none can be.

    Parameters are those of `risk_of_missing`.

    Examples
    --------
    >>> round(sure_recall(100, 60, 0, 20, found_above=20), 3)
    0.87
    """
    from scipy.stats import hypergeom

    below = np.arange(n_hits, n_below - n_drawn + n_hits + 1)
    possible = below[hypergeom.cdf(n_hits, n_below, below, n_drawn) > alpha]
    most = found_above + int(possible[-1]) if len(possible) else n_found
    return n_found / max(most, n_found) if max(most, n_found) else math.nan


def draws_to_go(
    n_below: int,
    n_drawn: int,
    n_hits: int,
    n_found: int,
    *,
    found_above: int,
    target: float = TARGET,
    alpha: float = ALPHA,
) -> int:
    """How many more passages must be drawn, none of them with the code, until the risk is `alpha` or less.

    Parameters are those of `risk_of_missing`.

    Examples
    --------
    >>> draws_to_go(100, 60, 0, 20, found_above=20)
    18
    """

    def risk(more: int) -> float:
        return risk_of_missing(n_below, n_drawn + more, n_hits, n_found, found_above=found_above, target=target)

    low, high = 0, n_below - n_drawn
    while low < high:  # the risk falls with every passage drawn in vain
        middle = (low + high) // 2
        low, high = (low, middle) if risk(middle) <= alpha else (middle + 1, high)
    return low


# ---------------------------------------------------------------------------------------------------------------------
# What an order saves


def read_until(order: Integers, labels: Bools, target: float = TARGET) -> float:
    """The share of the passages read when the target share of those with the code is found; NaN where there are none.

    Examples
    --------
    >>> read_until(np.array([2, 0, 1, 3]), np.array([True, False, True, False]))
    0.5
    """
    places = np.flatnonzero(labels[order]) + 1
    return float(places[math.ceil(target * len(places) - 1e-9) - 1]) / len(order) if len(places) else math.nan


def work_saved(read: float, target: float = TARGET) -> float:
    """Work saved over sampling (WSS): what was left unread, less what random reading would leave at that recall.

    Cohen, A. M. et al. (2006) Reducing workload in systematic review preparation using automated
    citation classification. JAMIA 13, 206.

    Examples
    --------
    >>> round(work_saved(0.3), 2)
    0.65
    """
    return target - read


def time_to_discovery(order: Integers, labels: Bools) -> float:
    """Average share of the passages read when one with the code turns up (ATD); NaN where there are none.

    Ferdinands, G. et al. (2023) Performance of active learning models for screening prioritization
    in systematic reviews. Systematic Reviews 12, 100.

    Examples
    --------
    >>> time_to_discovery(np.array([2, 0, 1, 3]), np.array([True, False, True, False]))
    0.375
    """
    places = np.flatnonzero(labels[order]) + 1
    return float(places.mean()) / len(order) if len(places) else math.nan


def simulate(
    passage_ids: Sequence[str],
    scores: Floats,
    labels: Bools,
    codes: Sequence[str],
    *,
    kind: str = "all",
    share: float = SHARE,
    target: float = TARGET,
    draws: int = 50,
    seed: int = 20,
) -> list[EffortRow]:
    """What reading coded passages in the queue's order would have saved, beside random order and plain uncertainty.

    Once for a reader who wants all codes, and once for readers who want one code each. The row
    `mean` is the mean of the codes.

    Parameters
    ----------
    scores
        (n_passages, n_codes) of the model, on passages that it had not seen.
    labels
        (n_passages, n_codes) what the coders gave.
    kind
        Of text, as it shall stand in the rows.
    draws, seed
        Random orders to average over.
    """
    rows = []
    by_chance = [rank_by_chance(passage_ids, seed + draw) for draw in range(draws)]
    for aim, columns in (("all", [tuple(range(len(codes)))] * len(codes)), ("one", [(j,) for j in range(len(codes))])):
        for name in ORDERS:
            figures = []
            orders_of = {own: _orders(name, scores[:, own], by_chance, share) for own in dict.fromkeys(columns)}
            for j, own in enumerate(columns):
                orders = orders_of[own]
                read = float(np.mean([read_until(order, labels[:, j], target) for order in orders]))
                found = float(np.mean([time_to_discovery(order, labels[:, j]) for order in orders]))
                figures.append((int(labels[:, j].sum()), read, work_saved(read, target), found))
            known = [f for f in figures if f[0]]
            mean = [float(np.mean([f[i] for f in known])) if known else math.nan for i in (1, 2, 3)]
            told = [*zip(codes, figures, strict=True), ("mean", (int(labels.sum()), *mean))]
            rows += [
                EffortRow(
                    kind=kind,
                    aim=aim,  # type: ignore[arg-type]
                    order=name,  # type: ignore[arg-type]
                    code=code,
                    n_passages=len(scores),
                    n=n,
                    read=round(read, 4),
                    wss=round(wss, 4),
                    atd=round(atd, 4),
                )
                for code, (n, read, wss, atd) in told
            ]
    return rows


def _orders(name: str, scores: Floats, by_chance: Sequence[Integers], share: float) -> Iterable[Integers]:
    if name == "random":
        return by_chance
    if name == "uncertainty":
        return [np.argsort(np.abs(scores - 0.5).min(axis=1), kind="stable")]
    by_worth = rank_by_worth(scores)
    return [mix(by_worth, chance, share).order for chance in by_chance]
