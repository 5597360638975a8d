"""How well the search finds what was judged to answer a question: nDCG at 10 of words, meaning and both.

`python tests/judged.py`, in the project's folder after `dvc repro`, prints the table of docs/method.md.
"""

import json
from pathlib import Path

import numpy as np

from collabnlp.params import load_params
from collabnlp.query import Searcher, load_encoder, open_index

QUESTIONS = Path(__file__).resolve().parent / "data" / "search" / "questions.jsonl"
WAYS = {"words": ("words",), "meaning": ("meaning",), "both": ("words", "meaning")}
KINDS = ("words", "name", "meaning", "both")
DEPTH = 10


def ndcg(found, grades, depth=DEPTH):
    """Normalised discounted cumulative gain of ids as found, gain 2^grade - 1 (Burges et al. 2005).

    >>> round(ndcg(["a", "x", "b"], {"a": 3, "b": 1}), 4)
    0.9828
    """
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    gains = [2 ** grades.get(i, 0) - 1 for i in found[:depth]]
    ideal = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[:depth]
    return float(np.dot(gains, discounts[: len(gains)]) / np.dot(ideal, discounts[: len(ideal)]))


def judged(path):
    """Questions, with the grades of the passages that an index lets be found, and how many grades are left out."""
    with open_index(path) as db:
        known = {row[0] for row in db.execute("SELECT passage_id FROM findable")}
    questions, left_out = [], 0
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        grades = {j["passage_id"]: j["grade"] for j in question["judged"]}
        question["grades"] = {i: grade for i, grade in grades.items() if i in known}
        left_out += len(grades) - len(question["grades"])
        questions.append(question)
    return [q for q in questions if q["grades"]], left_out, sum(not q["grades"] for q in questions)


def score(searcher, questions):
    """(n_ways, n_questions) nDCG at 10."""
    return np.array(
        [
            [
                ndcg(
                    [hit.passage_id for hit in searcher.search(q["question"], limit=DEPTH, ways=ways).hits], q["grades"]
                )
                for q in questions
            ]
            for ways in WAYS.values()
        ]
    )


def interval(values, draws=10_000, seed=20):
    """Mean, and its 95 % interval over bootstrap draws of questions."""
    picks = np.random.default_rng(seed).integers(0, len(values), (draws, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return values.mean(), low, high


def main():
    """Print the table."""
    path = Path("outputs/evidence.db")
    questions, left_out, without = judged(path)
    scores = score(Searcher(path, load_encoder(load_params().embed)), questions)
    print(
        f"{len(questions)} questions; {left_out} judged passages kept back by the gate, {without} questions with them"
    )
    print("| searched by | all | 95 % interval | " + " | ".join(KINDS) + " |\n|---|---|---|" + "---|" * len(KINDS))
    for name, row in zip(WAYS, scores, strict=True):
        mean, low, high = interval(row)
        kinds = " | ".join(f"{row[[q['kind'] == kind for q in questions]].mean():.2f}" for kind in KINDS)
        print(f"| {name} | {mean:.3f} | {low:.2f} to {high:.2f} | {kinds} |")
    for i, name in ((0, "words"), (1, "meaning")):
        mean, low, high = interval(scores[2] - scores[i])
        print(f"both - {name}: {mean:.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
