"""Coded passages become adapters for the encoder's upper layers; frozen, `make finetune` runs it."""

from collabnlp.codebook import load_codebook
from collabnlp.embed import SentenceEncoder, write_vectors
from collabnlp.finetune import Task, finetune, plan_folds
from collabnlp.gold import load_gold
from collabnlp.params import Params
from collabnlp.records import text_sha256
from collabnlp.stages import CORPUS, MODELS, log, main


def stage(params: Params) -> None:
    """Train an adapter on all coded passages and one without each fold, and keep what these say of it."""
    settings, codes = params.finetune, load_codebook(CORPUS / "codebook.yaml").names
    gold = load_gold(CORPUS / "gold", codes)
    fold = plan_folds(gold.kinds, settings.whole_kinds)
    log.info("%d coded passages, %d adapters", len(fold), fold.max() + 2)
    encoder = SentenceEncoder(params.embed.encoder, params.embed.sha256, params.embed.max_tokens)
    encoder.check_bert()
    task = Task(gold.texts, gold.labels, gold.stances, gold.groups)
    readings = finetune(task, fold, codes, encoder, MODELS / "finetuned", settings)
    keys = {text_sha256(text): i for i, text in enumerate(gold.texts) if fold[i] >= 0}
    rows = sorted(keys.items())
    write_vectors(
        MODELS / "finetuned" / "out_of_fold.parquet", [key for key, _ in rows], readings[[i for _, i in rows]]
    )


if __name__ == "__main__":
    main(stage)
