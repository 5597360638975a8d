"""Opinions become scores, scores become decisions: how learners are weighed, and where the cuts lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collabnlp.codebook import Codebook
from collabnlp.gold import STANCES, Bools
from collabnlp.learners import Floats, Look


def choose_thresholds(scores: Floats, labels: Bools, shrink: float = 30.0) -> Floats:
    """(n_codes,) thresholds: each code's best for F1, drawn towards the best common one where the code is rare.

    The pull is `shrink / (shrink + n)`, with n the passages that have the code. Thresholds of
    rare codes that are chosen alone carry over badly to other reports.
    """
    grid = np.unique(np.quantile(scores, np.linspace(0.5, 0.995, 120)))
    common = grid[int(np.argmax([_f1(scores >= t, labels) for t in grid]))]
    thresholds = np.empty(labels.shape[1])
    for j in range(labels.shape[1]):
        best = grid[int(np.argmax([_f1(scores[:, j] >= t, labels[:, j]) for t in grid]))]
        pull = shrink / (shrink + labels[:, j].sum())
        thresholds[j] = pull * common + (1 - pull) * best
    return thresholds


def choose_sure(scores: Floats, labels: Bools, thresholds: Floats, precision: float) -> float:
    """Lowest score from which tags are right in the share asked for; 1 where none is."""
    given = scores >= thresholds
    order = np.argsort(-scores[given], kind="stable")
    ranked, right = scores[given][order], labels[given][order]
    share = np.cumsum(right) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero((share >= precision) & (np.arange(1, len(right) + 1) >= 20))
    return float(ranked[enough[-1]]) if len(enough) else 1.0


def choose_shift(scores: Floats, labels: Bools, thresholds: Floats, shrink: float = 60.0) -> float:
    """How far, in logits, one source's cuts lie from the others': best for F1 there, drawn towards 0 where few passages speak.

    Examples
    --------
    >>> scores = np.tile([[0.30], [0.35], [0.10]], (40, 1))
    >>> choose_shift(scores, scores > 0.2, np.array([0.5])) < 0
    True
    """
    logits, cuts = logit(np.clip(scores, 1e-6, 1 - 1e-6)), logit(thresholds)
    grid = sorted(np.round(np.arange(-1.5, 1.55, 0.1), 2), key=abs)  # of equal ones, the smallest
    best = grid[int(np.argmax([_f1(logits >= cuts + shift, labels) for shift in grid]))]
    return round(float(best * len(scores) / (len(scores) + shrink)), 4)


def _f1(given: Bools, labels: Bools) -> float:
    both = np.count_nonzero(given & labels)
    return 2 * float(both) / max(1, int(np.count_nonzero(given)) + int(np.count_nonzero(labels)))


def _stack_input(opinions: Floats) -> Floats:
    """(n_passages * n_codes, n_learners + 1): the opinions, and the strongest opinion on any other code."""
    n, codes, learners = opinions.shape
    mean = opinions.mean(axis=2)
    rival = np.empty((n, codes))
    for j in range(codes):
        rival[:, j] = np.delete(mean, j, axis=1).max(axis=1) if codes > 1 else 0.0
    return np.concatenate([opinions, rival[:, :, None]], axis=2).reshape(n * codes, learners + 1)


def fit_stack(opinions: Floats, labels: Bools, seed: int) -> tuple[Floats, Floats]:
    """Weights shared by all codes, and a bias for each code, drawn towards the common one."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, solver="lbfgs", random_state=seed, max_iter=1000)
    model.fit(_stack_input(opinions), labels.reshape(-1))
    logits = (_stack_input(opinions) @ model.coef_[0] + model.intercept_[0]).reshape(labels.shape)
    bias = [model.intercept_[0] + _step(logits[:, j], labels[:, j], 10.0) for j in range(labels.shape[1])]
    return np.asarray(model.coef_[0]), np.array(bias)


def _step(logits: Floats, labels: Bools, shrink: float) -> float:
    """Change of bias that gives as many codes as were given (a few Newton steps), shrunk."""
    change = 0.0
    for _ in range(8):
        p = sigmoid(logits + change)
        change += float((labels.sum() - p.sum() - shrink * change) / (np.sum(p * (1 - p)) + shrink))
    return change


def weigh(opinions: Floats, coef: Floats, bias: Floats) -> Floats:
    """(n_passages, n_codes) scores, 0 to 1, from (n_passages, n_codes, n_learners) opinions."""
    n, codes, _ = opinions.shape
    logits = (_stack_input(opinions) @ coef).reshape(n, codes) + bias
    return sigmoid(logits)


def sigmoid(logits: Floats) -> Floats:
    """Logits as probabilities."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def logit(scores: Floats) -> Floats:
    """Probabilities as logits."""
    return np.asarray(np.log(scores / (1 - scores)))


def stance_opinions(codebook: Codebook, lexical: Floats, seen: Look) -> Floats:
    """(n_passages, n_codes, n_stances, 3): log-probabilities by the fine-tuned encoder and by the words, and 1 for the code's default."""
    from scipy.special import log_softmax

    default = np.eye(len(STANCES))[[STANCES.index(code.default_stance) for code in codebook.codes]]
    return np.stack(
        [
            log_softmax(seen.stances.astype(np.float64), axis=2),
            log_softmax(lexical, axis=2),
            np.broadcast_to(default, lexical.shape),
        ],
        axis=3,
    )


def fit_stance_stack(opinions: Floats, stances: NDArray[np.int64]) -> Floats:
    """(3,) weight of each opinion, the same for all codes and stances, from the codes that were given (McFadden's conditional logit)."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax, softmax

    X, y = opinions[stances >= 0], stances[stances >= 0]  # (n_tags, n_stances, 3)
    if not len(y):
        return np.array([1.0, 1.0, 0.5])

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = X @ weights
        told = log_softmax(logits, axis=1)[np.arange(len(y)), y]
        slope = (softmax(logits, axis=1)[:, :, None] * X).sum(axis=1) - X[np.arange(len(y)), y]
        return float(weights @ weights / 2 - told.sum()), weights + slope.sum(axis=0)

    return np.asarray(minimize(loss, np.ones(3), jac=True, method="L-BFGS-B").x)
