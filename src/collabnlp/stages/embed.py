"""Passages and coded passages become vectors, each text once."""

from collabnlp.embed import SentenceEncoder, encode_cached, write_vectors
from collabnlp.engine import CACHE, progress
from collabnlp.params import Params
from collabnlp.records import GoldPassage, Passage, read_jsonl, read_table
from collabnlp.stages import CORPUS, OUTPUTS, log, main


def stage(params: Params) -> None:
    """Encode what the cache does not hold."""
    encoder = SentenceEncoder(params.embed.encoder, params.embed.sha256, params.embed.max_tokens)
    passages = read_table(OUTPUTS / "passages.parquet", Passage)
    gold = read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)
    ids = [*(row.passage_id for row in passages), *(row.passage_id for row in gold)]
    texts = [*(row.text for row in passages), *(row.text for row in gold)]
    vectors, n_new = encode_cached(encoder, texts, CACHE / "vectors", lambda items: progress(items, "Encoding"))
    write_vectors(OUTPUTS / "embeddings.parquet", ids[: len(passages)], vectors[: len(passages)])
    write_vectors(OUTPUTS / "gold_embeddings.parquet", ids[len(passages) :], vectors[len(passages) :])
    log.info("%d passages and %d coded passages, %d texts encoded anew", len(passages), len(gold), n_new)


if __name__ == "__main__":
    main(stage)
