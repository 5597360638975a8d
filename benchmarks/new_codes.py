"""How well a new code is found: each code's examples are hidden but for 0, 10 or 30, and it is looked for all the same.

`python benchmarks/new_codes.py` prints average precision on passages of real reports in other words (kind `restated`),
none of which is learnt from. Hidden passages stay among those without the code, as they are when a code is added
to a codebook: nobody has looked for it in them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from collabnlp.codebook import load_codebook
from collabnlp.embed import read_vectors
from collabnlp.gold import load_gold
from collabnlp.learners import Words
from collabnlp.scarce import fit_transfer, scarce_features


def fit_one(X, y, strength, seed=20):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=0.1 * strength, class_weight="balanced", solver="liblinear", random_state=seed, max_iter=500
    )
    model.fit(X, y)
    return model


def main() -> None:
    from sklearn.metrics import average_precision_score as ap

    project = Path(__file__).resolve().parent.parent
    book = load_codebook(project / "corpus" / "codebook.yaml")
    gold = load_gold(project / "corpus" / "gold", book.names)
    ids, vectors = read_vectors(project / "outputs" / "gold_embeddings.parquet")
    row_of = {own: i for i, own in enumerate(ids)}
    V = vectors[[row_of[own] for own in gold.passage_ids]].astype(np.float64)
    test = np.array([kind == "restated" for kind in gold.kinds])
    train = np.flatnonzero(~test)
    words = Words.fit([gold.texts[i] for i in train])
    W = words.transform(gold.texts)
    F = scarce_features(book, gold.texts, words)
    rng = np.random.default_rng(20)
    print(len(train), int(test.sum()))
    rows = []
    for j, code in enumerate(book.names):
        others = np.array([k for k in range(len(book.names)) if k != j])
        transfer = fit_transfer(F[train][:, others], gold.labels[train][:, others], 20)
        z = F[test][:, j] @ transfer.coef + transfer.bias
        y = gold.labels[test, j]
        line = [code, int(y.sum()), y.mean(), ap(y, z), ap(y, F[test][:, j, 3]), ap(y, F[test][:, j, 1])]
        positives = rng.permutation(train[gold.labels[train, j]])
        for n in (10, 30, len(positives)):
            given = np.zeros(len(gold.texts), dtype=bool)
            given[positives[:n]] = True
            w = fit_one(W[train], given[train], 10.0).decision_function(W[test])
            v = fit_one(V[train], given[train], 10.0).decision_function(V[test])
            s = lambda x: (x - x.mean()) / x.std()
            line += [ap(y, w), ap(y, v), ap(y, s(w) + s(v)), ap(y, s(z) + 0.5 * (s(w) + s(v)))]
        rows.append(line)
        print(*(x if isinstance(x, str) else f"{x:.2f}" for x in line), flush=True)
    print("mean", *(f"{x:.2f}" for x in np.array([r[1:] for r in rows]).mean(axis=0)))


main()
