"""Passages and coded passages become vectors and readings, each text once."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from collabnlp.codebook import load_codebook
from collabnlp.embed import (
    AT_A_TIME,
    N_READING,
    Readings,
    SentenceEncoder,
    TunedEncoder,
    Vectors,
    VectorStore,
    no_readings,
    read_vectors,
    unpack,
    vector_writer,
    write_vectors,
)
from collabnlp.engine import CACHE, Work, run
from collabnlp.params import Embed, Params
from collabnlp.params import Ray as Cluster
from collabnlp.records import GoldPassage, InputError, Passage, Table, read_jsonl, text_sha256
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main

_KEPT = 32  # groups of texts after which what was encoded is put down, so that a run which is killed loses no more


@contextmanager
def encoding(setup: dict[str, Any]) -> Iterator[Callable[[list[str]], Vectors]]:
    """Give what encodes some texts."""
    settings = Embed.model_validate(setup["embed"])
    plain = SentenceEncoder(settings.encoder, settings.sha256, settings.max_tokens, settings.precision)
    encoder = TunedEncoder(plain, MODELS / "finetuned", setup["exclude_sources"]) if setup["finetuned"] else plain
    if encoder.name != setup["name"]:
        problem = f"a machine of the cluster encodes as {encoder.name}, not as {setup['name']}"
        raise InputError("params.yaml", problem, "set it to float32", place="embed.precision")
    yield encoder.encode


def _encode(
    store: VectorStore, texts: Callable[[], Iterable[str]], setup: dict[str, Any], cluster: Cluster | None
) -> int:
    """Encode the texts that the store does not hold; how many they were."""
    n_new = len({key for text in texts() if (key := text_sha256(text)) not in store})
    asked: deque[list[str]] = deque()  # keys of the texts that are being encoded

    def items() -> Iterator[tuple[str, list[str]]]:
        seen: set[str] = set()
        new: dict[str, str] = {}
        for text in texts():
            if (key := text_sha256(text)) not in store and key not in seen:
                new[key] = text
                seen.add(key)
            if len(new) == AT_A_TIME:
                asked.append(list(new))
                yield "", list(new.values())
                new = {}
        if new:
            asked.append(list(new))
            yield "", list(new.values())

    work = Work("collabnlp.stages.embed:encoding", setup)
    results = run(work, items(), total=-(-n_new // AT_A_TIME), title="Encoding", ray=cluster)
    while done := list(itertools.islice(results, _KEPT)):
        store.add([key for _ in done for key in asked.popleft()], np.vstack([result.value for result in done]))
    return n_new


def _read_gold(gold: Sequence[GoldPassage], tuned: TunedEncoder, codes: Sequence[str]) -> Readings:
    """Readings of coded passages by adapters that never saw them; none of a passage that all of them saw."""
    readings = no_readings(len(gold), len(codes))
    keys, rows = read_vectors(MODELS / "finetuned" / "out_of_fold.parquet")
    held_out = unpack(rows, tuned.codes, codes)
    row_of = {key: i for i, key in enumerate(keys)}
    known = [(i, row_of[key]) for i, row in enumerate(gold) if (key := text_sha256(row.text)) in row_of]
    for at, there in known:
        readings.codes[at], readings.stances[at] = held_out.codes[there], held_out.stances[there]
    return readings


def stage(params: Params) -> None:
    """Encode what the cache does not hold."""
    settings, codes = params.embed, load_codebook(CORPUS / "codebook.yaml").names
    plain = SentenceEncoder(settings.encoder, settings.sha256, settings.max_tokens, settings.precision)
    tuned = TunedEncoder(plain, MODELS / "finetuned", params.train.exclude_sources) if settings.finetuned else None
    passages = Table(OUTPUTS / "passages.parquet", Passage)
    gold = read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)
    new = [i for i, row in enumerate(gold) if tuned and row.source not in tuned.sources]  # taught to no adapter
    setup = {"embed": settings.model_dump(), "exclude_sources": params.train.exclude_sources}

    store = VectorStore(CACHE / "vectors" / plain.name)
    n_new = _encode(
        store, lambda: (row.text for row in gold), {**setup, "finetuned": False, "name": plain.name}, params.cluster
    )
    gold_vectors = store.take([text_sha256(row.text) for row in gold])
    if tuned:
        store = VectorStore(CACHE / "vectors" / tuned.name)
    n_new += _encode(
        store,
        lambda: itertools.chain(passages.column("text"), (gold[i].text for i in new)),
        {**setup, "finetuned": tuned is not None, "name": (tuned or plain).name},
        params.cluster,
    )

    def looked_at(texts: Sequence[str]) -> tuple[Vectors, Readings]:
        rows = store.take([text_sha256(text) for text in texts])
        return tuned.split(rows, codes) if tuned else (rows, no_readings(len(texts), len(codes)))

    gold_readings = _read_gold(gold, tuned, codes) if tuned else no_readings(len(gold), len(codes))
    if new:
        _, read = looked_at([gold[i].text for i in new])
        gold_readings.codes[new], gold_readings.stances[new] = read.codes, read.stances
    ids = [row.passage_id for row in gold]
    write_vectors(OUTPUTS / "gold_embeddings.parquet", ids, gold_vectors)
    write_vectors(OUTPUTS / "gold_readings.parquet", ids, gold_readings.rows())
    with (
        vector_writer(OUTPUTS / "embeddings.parquet", gold_vectors.shape[1]) as write,
        vector_writer(OUTPUTS / "readings.parquet", N_READING * len(codes)) as write_readings,
    ):
        for rows in passages.batches():
            ids = [row.passage_id for row in rows]
            vectors, readings = looked_at([row.text for row in rows])
            write(ids, vectors)
            write_readings(ids, readings.rows())
    log.info("%d passages and %d coded passages, %d texts encoded anew", len(passages), len(gold), n_new)


if __name__ == "__main__":
    main(stage)
