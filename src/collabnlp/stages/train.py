"""Coded passages become the classifier, and its tags out of fold."""

from collabnlp.classify import fit, gather_gold, out_of_fold_tags
from collabnlp.codebook import load_codebook
from collabnlp.embed import read_vectors
from collabnlp.params import Params
from collabnlp.records import GoldPassage, GoldRead, PassageTag, read_jsonl, write_table
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main


def stage(params: Params) -> None:
    """Fit on the coded passages, without the sources that params.yaml leaves out."""
    codebook = load_codebook(CORPUS / "codebook.yaml")
    folder = CORPUS / "gold"
    ids, vectors = read_vectors(OUTPUTS / "gold_embeddings.parquet")
    gold = gather_gold(
        read_jsonl(folder / "passages.jsonl", GoldPassage),
        read_jsonl(folder / "tags.jsonl", PassageTag),
        read_jsonl(folder / "reads.jsonl", GoldRead),
        dict(zip(ids, vectors, strict=True)),
        codebook.names,
        exclude_sources=params.train.exclude_sources,
    )
    classifier, out_of_fold = fit(
        gold, codebook, folds=params.train.folds, regularisation=params.train.regularisation, seed=params.train.seed
    )
    classifier.to_disk(MODELS / "classifier")
    write_table(OUTPUTS / "out_of_fold_tags.parquet", out_of_fold_tags(gold, out_of_fold, codebook.names), PassageTag)
    write_table(
        OUTPUTS / "out_of_fold_reads.parquet",
        [GoldRead(passage_id=p, coder="model", task="codes") for p in gold.passage_ids],
        GoldRead,
    )
    log.info(
        "%d coded passages of %d sources, classifier %s", len(gold.texts), len(set(gold.groups)), classifier.version_
    )


if __name__ == "__main__":
    main(stage)
