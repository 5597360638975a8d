"""Coded passages become the classifier, and its tags out of fold."""

import numpy as np

from collabnlp.classify import fit, out_of_fold_tags
from collabnlp.codebook import load_codebook
from collabnlp.embed import read_readings, read_vectors, write_vectors
from collabnlp.finetune import plan_folds
from collabnlp.gold import load_gold
from collabnlp.learners import Look
from collabnlp.params import Params
from collabnlp.records import GoldRead, PassageTag, write_table
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main


def stage(params: Params) -> None:
    """Fit on the coded passages, without the sources that params.yaml leaves out."""
    codebook, settings = load_codebook(CORPUS / "codebook.yaml"), params.train
    gold = load_gold(CORPUS / "gold", codebook.names, exclude_sources=settings.exclude_sources)
    ids, vectors = read_vectors(OUTPUTS / "gold_embeddings.parquet")
    _, readings = read_readings(OUTPUTS / "gold_readings.parquet", len(codebook.names))
    seen = Look(vectors, readings.codes, readings.stances)
    row_of = {passage_id: i for i, passage_id in enumerate(ids)}
    classifier, out_of_fold = fit(
        gold,
        seen.take(np.array([row_of[passage_id] for passage_id in gold.passage_ids])),
        codebook,
        plan_folds(gold.kinds, params.finetune.whole_kinds),
        like=settings.like,
        regularisation=settings.regularisation,
        precision=settings.precision,
        seed=settings.seed,
    )
    classifier.to_disk(MODELS / "classifier")
    write_table(OUTPUTS / "out_of_fold_tags.parquet", out_of_fold_tags(gold, out_of_fold, codebook.names), PassageTag)
    write_table(
        OUTPUTS / "out_of_fold_reads.parquet",
        [
            GoldRead(passage_id=p, coder="model", task="codes")
            for p, fold in zip(gold.passage_ids, out_of_fold.folds, strict=True)
            if fold >= 0
        ],
        GoldRead,
    )
    scored = np.flatnonzero(out_of_fold.folds >= 0)
    write_vectors(
        OUTPUTS / "out_of_fold_scores.parquet",
        [gold.passage_ids[i] for i in scored],
        out_of_fold.scores[scored].astype(np.float32),
    )
    log.info(
        "%d coded passages of %d sources, classifier %s", len(gold.texts), len(set(gold.groups)), classifier.version_
    )


if __name__ == "__main__":
    main(stage)
