"""How well a new code is found: examples of codes are hidden but for a few, and they are looked for all the same.

`python benchmarks/new_codes.py` prints average precision, a line a code, on passages of real reports in other words (kind
`restated`), none of which is learnt from. Hidden examples stay among the passages without the code, as they do
when a code is added to a codebook: nobody has looked for it in them. The fine-tuned encoder knows nothing of a hidden
code. Half of the codes are hidden at a time. About ten minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from collabnlp import classify, scarce
from collabnlp.codebook import Codebook, Exemplars, load_codebook
from collabnlp.embed import read_readings, read_vectors
from collabnlp.gold import Bools, Gold, load_gold, take_rows
from collabnlp.learners import Floats, Look

ROOT = Path(__file__).resolve().parent.parent
N_TRAIN = 2000
SEED = 20


def bare(book: Codebook, codes: list[str], what: str) -> Codebook:
    """The codebook as it is where somebody has just added codes: without indicators, or with title and definition alone."""
    changes = {"indicators": ()}
    if what == "definition":
        changes |= {"exemplars": Exemplars(), "include": (), "exclude": ()}
    made = []
    for code in book.codes:
        own = changes | ({"keywords": (code.title.casefold(),)} if what == "definition" else {})
        made.append(code.model_copy(update=own) if code.code in codes else code)
    return book.model_copy(update={"codes": tuple(made)})


def precision_of(
    gold: Gold, seen: Look, book: Codebook, hidden: list[int], n: int, scored: Bools, *, heard: int
) -> Floats:
    """(n_hidden,) average precision of codes of which `n` examples are known; the codebook is heard up to `heard` of them."""
    from sklearn.metrics import average_precision_score

    draw = np.random.default_rng(SEED)
    labels, stances, codes = gold.labels.copy(), gold.stances.copy(), seen.codes.copy()
    for j in hidden:
        lost = np.ones(len(labels), dtype=bool)
        lost[draw.permutation(np.flatnonzero(labels[:, j] & ~scored))[:n]] = False
        stances[lost, j], labels[lost, j] = -1, False
        codes[:, j] = np.nan
    classify.ENOUGH, classify.OWN = min(scarce.ENOUGH, heard), heard  # type: ignore[attr-defined]
    fold = np.where(scored, 0, -1)
    own = gold._replace(labels=labels, stances=stances)
    _, found = classify.fit(own, seen._replace(codes=codes), book, fold, like=("restated",), seed=SEED)
    return np.array(
        [average_precision_score(gold.labels[scored, j], np.nan_to_num(found.scores[scored, j])) for j in hidden]
    )


def main() -> None:
    """Print the table."""
    book = load_codebook(ROOT / "corpus" / "codebook.yaml")
    gold = load_gold(ROOT / "corpus" / "gold", book.names)
    ids, vectors = read_vectors(ROOT / "outputs" / "gold_embeddings.parquet")
    _, readings = read_readings(ROOT / "outputs" / "gold_readings.parquet", len(book.names))
    row_of = {own: i for i, own in enumerate(ids)}
    restated = np.array([kind == "restated" for kind in gold.kinds])
    train = np.random.default_rng(SEED).permutation(np.flatnonzero(~restated))[:N_TRAIN]
    rows = np.sort(np.concatenate([train, np.flatnonzero(restated)]))
    gold, scored = take_rows(gold, rows), restated[rows]
    seen = Look(vectors, readings.codes, readings.stances).take(np.array([row_of[own] for own in gold.passage_ids]))
    halves = [list(range(0, len(book.names), 2)), list(range(1, len(book.names), 2))]
    out = sys.stdout.write
    out("what is known of the code".ljust(44) + "".join(code[:9].rjust(10) for code in book.names) + "      mean\n")
    plans = [(0, what, scarce.OWN) for what in ("guide", "no indicators", "definition")]
    plans += [(n, "no indicators", limit) for n in (10, 30, 100) for limit in (scarce.OWN, 0)]
    for n, what, limit in plans:
        figures = np.zeros(len(book.names))
        for hidden in halves:
            own = book if what == "guide" else bare(book, [book.names[j] for j in hidden], what)
            figures[hidden] = precision_of(gold, seen, own, hidden, n, scored, heard=limit)
        told = f"{n} examples, {what}{'' if limit else ', learners alone'}"
        out(told.ljust(44) + "".join(f"{x:10.2f}" for x in figures) + f"{figures.mean():10.2f}\n")
        sys.stdout.flush()
    share = gold.labels[scored].mean(axis=0)
    out("by chance".ljust(44) + "".join(f"{x:10.2f}" for x in share) + f"{share.mean():10.2f}\n")


if __name__ == "__main__":
    main()
