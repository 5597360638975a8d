"""Passages a second of one core's time that are given codes and reasons, as a ratio to scikit-learn alone on the same texts, in one run.

`python benchmarks/classify.py [--passages 3000]`, in the project's folder after `dvc repro`. scikit-learn alone is the least
that coding by words can cost: its TF-IDF of the same vocabulary, and one linear decision for each code. The encoder is not
counted: its vectors and readings of the coded passages are read from outputs/.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from collabnlp.classify import Classifier
from collabnlp.embed import read_readings, read_vectors
from collabnlp.entities import passage_of
from collabnlp.learners import WORD, Look
from collabnlp.reasons import explain, load_neighbours
from collabnlp.records import GoldPassage, read_jsonl

CORPUS, OUTPUTS = Path("corpus"), Path("outputs")


def main() -> None:
    """Print one line a part: milliseconds a passage, passages a second, and times scikit-learn alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=3000)
    n = parser.parse_args().passages
    rows = read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)
    step = max(2, len(rows) // n)
    classifier = Classifier.from_disk("models/classifier")
    neighbours = load_neighbours(CORPUS, OUTPUTS, classifier.codes)
    known, vectors = read_vectors(OUTPUTS / "gold_embeddings.parquet")
    _, readings = read_readings(OUTPUTS / "gold_readings.parquet", len(classifier.codes))
    row_of = {passage_id: i for i, passage_id in enumerate(known)}

    def tag_all(some: Sequence[GoldPassage]) -> dict[str, float]:
        """Seconds until tags are there, and until reasons are."""
        passages = [passage_of(row) for row in some]
        own = np.array([row_of[passage.passage_id] for passage in passages])
        near, read = vectors[own], readings.take(own)
        look = Look(near, read.codes, read.stances)
        start = time.process_time()
        tags = classifier.tag([p.passage_id for p in passages], [p.text for p in passages], look)
        seconds = {"tags": time.process_time() - start}
        explain(classifier, passages, tags, near, read, neighbours)
        return seconds | {"tags and reasons": time.process_time() - start}

    words = classifier._words
    vectorizer = TfidfVectorizer(
        vocabulary=words.vocabulary,
        ngram_range=(1, 2),
        sublinear_tf=True,
        strip_accents="unicode",
        token_pattern=WORD.pattern,
    )
    vectorizer.idf_ = words.idf_
    coef, bias = classifier._weights["words.coef"], classifier._weights["words.bias"]

    tag_all(
        rows[1::step][:n]
    )  # patterns are compiled at first use; other passages, so that nothing is known of the timed ones
    timed = rows[::step][:n]
    texts = [row.text for row in timed]
    vectorizer.transform(texts[:10])
    start = time.process_time()
    (vectorizer.transform(texts) @ coef.T + bias > 0).sum()
    parts = {"scikit-learn alone": time.process_time() - start} | tag_all(timed)
    for name, seconds in parts.items():
        ratio = seconds / parts["scikit-learn alone"]
        each = seconds / len(texts)
        print(f"{name:20} {1000 * each:6.3f} ms  {1 / each:8.0f} passages/s  {ratio:5.2f} x scikit-learn alone")


if __name__ == "__main__":
    main()
