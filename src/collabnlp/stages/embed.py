"""Passages and coded passages become vectors and readings, each text once."""

from collections.abc import Sequence

import numpy as np

from collabnlp.codebook import load_codebook
from collabnlp.embed import (
    Encoder,
    Readings,
    SentenceEncoder,
    TunedEncoder,
    Vectors,
    encode_cached,
    no_readings,
    read_vectors,
    text_key,
    unpack,
    write_readings,
    write_vectors,
)
from collabnlp.engine import CACHE, progress
from collabnlp.params import Params
from collabnlp.records import GoldPassage, Passage, read_jsonl, read_table
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main


def _encode(encoder: Encoder, texts: Sequence[str]) -> tuple[Vectors, int]:
    return encode_cached(encoder, texts, CACHE / "vectors", lambda items: progress(items, "Encoding"))


def _read_gold(gold: Sequence[GoldPassage], tuned: TunedEncoder, codes: Sequence[str]) -> Readings:
    """Readings of coded passages by adapters that never saw them; none of a passage that all of them saw."""
    readings = no_readings(len(gold), len(codes))
    keys, rows = read_vectors(MODELS / "finetuned" / "out_of_fold.parquet")
    held_out = unpack(rows, tuned.codes, codes)
    row_of = {key: i for i, key in enumerate(keys)}
    known = [(i, row_of[key]) for i, row in enumerate(gold) if (key := text_key(row.text)) in row_of]
    for at, there in known:
        readings.codes[at], readings.stances[at] = held_out.codes[there], held_out.stances[there]
    new = np.array([i for i, row in enumerate(gold) if row.source not in tuned.sources], dtype=np.int64)
    if len(new):
        _, read = tuned.split(_encode(tuned, [gold[i].text for i in new])[0], codes)
        readings.codes[new], readings.stances[new] = read.codes, read.stances
    return readings


def stage(params: Params) -> None:
    """Encode what the cache does not hold."""
    settings, codes = params.embed, load_codebook(CORPUS / "codebook.yaml").names
    encoder = SentenceEncoder(settings.encoder, settings.sha256, settings.max_tokens, settings.precision)
    passages = read_table(OUTPUTS / "passages.parquet", Passage)
    gold = read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)
    texts = [row.text for row in passages]
    if settings.finetuned:
        tuned = TunedEncoder(encoder, MODELS / "finetuned", params.train.exclude_sources)
        rows, n_new = _encode(tuned, texts)
        vectors, readings = tuned.split(rows, codes)
        gold_readings = _read_gold(gold, tuned, codes)
    else:
        vectors, n_new = _encode(encoder, texts)
        readings, gold_readings = no_readings(len(texts), len(codes)), no_readings(len(gold), len(codes))
    gold_vectors, n_new_gold = _encode(encoder, [row.text for row in gold])
    ids, gold_ids = [row.passage_id for row in passages], [row.passage_id for row in gold]
    write_vectors(OUTPUTS / "embeddings.parquet", ids, vectors)
    write_readings(OUTPUTS / "readings.parquet", ids, readings)
    write_vectors(OUTPUTS / "gold_embeddings.parquet", gold_ids, gold_vectors)
    write_readings(OUTPUTS / "gold_readings.parquet", gold_ids, gold_readings)
    log.info("%d passages and %d coded passages, %d texts encoded anew", len(ids), len(gold), n_new + n_new_gold)


if __name__ == "__main__":
    main(stage)
