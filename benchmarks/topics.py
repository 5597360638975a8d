"""Seconds that topics take to fit and to assign, as a ratio to BERTopic as it comes on the same vectors, in one run.

`python benchmarks/topics.py [--passages 3000]`, in the project's folder after `dvc repro`. The passages are coded ones of
corpus/gold; no text is encoded in any of the timings.
"""

import argparse
import logging
import time
import warnings

import numpy as np

from collabnlp.embed import read_vectors
from collabnlp.params import load_params
from collabnlp.records import GoldPassage, read_jsonl
from collabnlp.segment import sentences
from collabnlp.topics import fit


def main() -> None:
    """Print seconds of processor by way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=3000)
    n = parser.parse_args().passages
    rows = read_jsonl("corpus/gold/passages.jsonl", GoldPassage)
    sources = sorted({row.source for row in rows})
    rows = [row for source in sources for row in rows if row.source == source][:n]
    ids, vectors = read_vectors("outputs/gold_embeddings.parquet")
    at = {passage_id: i for i, passage_id in enumerate(ids)}
    own = vectors[[at[row.passage_id] for row in rows]]
    texts, documents = [row.text for row in rows], [row.source for row in rows]
    settings = load_params().topics
    # first: to name our topics, BERTopic is loaded without UMAP
    spent = {"BERTopic, fit and assign": bertopic(texts, own)}
    start = time.process_time()
    model, _ = fit(
        [row.passage_id for row in rows], texts, own, documents, [True] * len(rows),
        encode=lambda some: np.tile(own[:1], (len(some), 1)), sentences=sentences,
        n_areas=settings.n_areas, n_topics=settings.n_topics, area_components=settings.area_components,
        draws=settings.draws, min_cosine=settings.min_cosine, min_area_cosine=settings.min_area_cosine, seed=settings.seed,
    )  # fmt: skip
    spent["fit"] = time.process_time() - start
    start = time.process_time()
    model.assign([row.passage_id for row in rows], own, documents)
    spent["assign"] = time.process_time() - start
    for name, seconds in spent.items():
        print(f"{name:26} {seconds:7.2f} s  {seconds / spent['BERTopic, fit and assign']:5.2f} x BERTopic")


def bertopic(texts: list[str], vectors: np.ndarray) -> float:
    """Seconds of processor that BERTopic takes as it comes, imports and compilation left out."""
    warnings.simplefilter("ignore")
    from bertopic import BERTopic
    from bertopic.backend import BaseEmbedder

    logging.getLogger("BERTopic").setLevel(logging.ERROR)
    BERTopic(embedding_model=BaseEmbedder()).fit_transform(texts[:300], vectors[:300])  # compiles
    start = time.process_time()
    BERTopic(embedding_model=BaseEmbedder()).fit_transform(texts, vectors)
    return time.process_time() - start


if __name__ == "__main__":
    main()
