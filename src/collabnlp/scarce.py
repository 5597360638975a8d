"""Codes that few coded passages have: what the codebook says of them stands in for examples.

A code that a project adds to its codebook has no examples on the first day. What can be told of
any code without one is how a passage answers to its indicators and keywords, and how like it is to
its definition and exemplars. How much these are worth is learnt from the codes that have examples,
and carried over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.codebook import Code, Codebook, keyword_hits
from collabnlp.gold import Bools
from collabnlp.learners import Floats, Words, count_indicators
from collabnlp.stacking import choose_thresholds, logit, sigmoid

N_OF_INDICATORS = 2  # features that rest on indicators, which stand first
ENOUGH = 30  # coded passages with the code; below, every tag of it is left for a person
OWN = 300  # and from so many on, the learners alone are heard (benchmarks/new_codes.py)


def said_of(code: Code) -> list[str]:
    """What the codebook says of a code: its definition with when it is given, and each exemplar."""
    told = " ".join([code.title, code.definition, *code.include, *code.keywords])
    return [told, *code.exemplars.positive, *code.exemplars.negative, *code.exemplars.neutral]


def likeness(codebook: Codebook, texts: Sequence[str], words: Words) -> Floats:
    """(n_texts, n_codes): cosine, by words, of each text and what it is most like of what the codebook says of a code."""
    rows = words.transform(texts)
    return np.stack(
        [np.asarray((rows @ words.transform(said_of(code)).T).todense()).max(axis=1) for code in codebook.codes], axis=1
    )


def scarce_features(codebook: Codebook, texts: Sequence[str], words: Words) -> Floats:
    """(n_texts, n_codes, 4): whether an indicator hits, roots of the numbers of indicators and keywords that do, likeness."""
    indicators = count_indicators(codebook, texts)
    keywords = np.array([[len(keyword_hits(c, text)) for c in codebook.codes] for text in texts]).reshape(
        indicators.shape
    )
    like = likeness(codebook, texts, words)
    return np.stack([indicators > 0, np.sqrt(indicators), np.sqrt(keywords), 10 * like], axis=2)


class Transfer(NamedTuple):
    """What the features of a code are worth, learnt from codes that have examples.

    Row 0 is for codes that have indicators, row 1 for those that have none.

    Attributes
    ----------
    coef, bias
        (2, n_features) and (2,): from features to log odds.
    cut
        (2,) probability from which a code is suggested.
    """

    coef: Floats
    bias: Floats
    cut: Floats


def fit_transfer(features: Floats, labels: Bools, seed: int) -> Transfer:
    """What features are worth, (n_texts, n_codes, n_features), from (n_texts, n_codes) labels of codes that have examples."""
    from sklearn.linear_model import LogisticRegression

    y, width = labels.reshape(-1), features.shape[2]
    coef, bias, cut = np.zeros((2, width)), np.zeros(2), np.zeros(2)
    for row, columns in enumerate((np.arange(width), np.arange(N_OF_INDICATORS, width))):
        X = features.reshape(-1, width)[:, columns]
        model = LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000, random_state=seed).fit(X, y)
        coef[row, columns], bias[row] = model.coef_[0], model.intercept_[0]
        cut[row] = choose_thresholds(model.predict_proba(X)[:, 1:], y[:, None])[0]
    return Transfer(coef, bias, cut)


def rows_for(codes: Sequence[Code]) -> NDArray[np.int64]:
    """Which row of a transfer is for each code."""
    return np.array([0 if code.indicators else 1 for code in codes], dtype=np.int64)


def blend(
    scores: Floats, features: Floats, transfer: Transfer, rows: NDArray[np.int64], examples: NDArray[np.int64]
) -> Floats:
    """(n_texts, n_codes) probabilities: of the transfer where there is no example, more of `scores` with each that there is.

    Parameters
    ----------
    scores
        (n_texts, n_codes) of the learners.
    rows
        Row of the transfer for each code.
    examples
        Of each code.
    """
    share = np.minimum(examples / OWN, 1.0)
    told = np.einsum("ncf,cf->nc", features, transfer.coef[rows]) + transfer.bias[rows]
    return np.asarray(sigmoid((1 - share) * told + share * logit(np.clip(scores, 1e-6, 1 - 1e-6))))


def caveat(title: str, n: int) -> str:
    """What a reader should know of a code with few examples.

    Examples
    --------
    >>> caveat("Patience", 4)
    'Patience is a new code: 4 examples; treat its tags as suggestions only'
    """
    return f"{title} is a new code: {n} {'example' if n == 1 else 'examples'}; treat its tags as suggestions only"
