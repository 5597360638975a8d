"""Texts a second through the encoder, beside two yardsticks: sentence-transformers as it comes, and its matrix products alone.

`python benchmarks/encode.py [--passages 400] [--rounds 3]`, in the project's folder. Also says how near the vectors are
to each other, and how many tags are equal. The least of the rounds counts: what else the machine does can only slow it.
With OMP_NUM_THREADS=1, all is measured on one core, and seconds of processor compare even on a machine that is busy.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch

from collabnlp.classify import Classifier
from collabnlp.embed import SentenceEncoder, TunedEncoder, each_on_a_core
from collabnlp.layers import has_bfloat16
from collabnlp.learners import Look
from collabnlp.records import GoldPassage, read_jsonl

YARDSTICK = "sentence-transformers"


def main() -> None:
    """Print one line a way: seconds, processor seconds, texts a second, and both as times sentence-transformers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    gold = read_jsonl("corpus/gold/passages.jsonl", GoldPassage)
    gold = gold[:: max(1, len(gold) // arguments.passages)][: arguments.passages]
    texts = [row.text for row in gold]
    encoders = {"float32": SentenceEncoder(precision="float32")}
    if has_bfloat16():
        encoders["bfloat16"] = SentenceEncoder(precision="bfloat16")
    tuned = {name: TunedEncoder(encoder, "models/finetuned") for name, encoder in encoders.items()}
    model = encoders["float32"].load()
    n_tokens = [len(encoders["float32"].bert.tokens(text).ids) for text in texts]
    weights = _weights(model[0].auto_model)

    ways: dict[str, Callable[[], Any]] = {
        YARDSTICK: lambda: model.encode(texts, normalize_embeddings=True, show_progress_bar=False),
        "matrix products alone": lambda: each_on_a_core(lambda n: _multiply(weights, n), n_tokens),
        "the same, a batch of all": lambda: _multiply(weights, sum(n_tokens)),
    }
    for name in encoders:
        ways[name] = lambda encoder=encoders[name]: encoder.encode(texts)
        ways[f"{name}, with readings"] = lambda encoder=tuned[name]: encoder.encode(texts)
    found, seconds, processor = {}, {}, {}
    for way in ways.values():
        way()
    for _ in range(arguments.rounds):  # in turn, so that a busy minute falls on all
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            found[name] = way()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            seconds[name] = min(wall, seconds.get(name, wall))
            processor[name] = min(cpu, processor.get(name, cpu))
    print(f"{len(texts)} texts of {sum(n_tokens) / len(texts):.0f} tokens, {torch.get_num_threads()} cores")
    for name in ways:
        print(
            f"{name:26} {seconds[name]:6.2f} s  {len(texts) / seconds[name]:6.1f} texts/s"
            f"  {seconds[YARDSTICK] / seconds[name]:5.2f} x;  {processor[name]:6.2f} s of processor"
            f"  {processor[YARDSTICK] / processor[name]:5.2f} x"
        )
    width = model.get_embedding_dimension()
    for name in encoders:
        cosine = (found[YARDSTICK] * found[name][:, :width]).sum(axis=1)
        print(f"{name}: cosine with sentence-transformers at least {cosine.min():.7f}, {cosine.mean():.7f} in the mean")
    if len(encoders) > 1:
        first, second = (_tags(gold, tuned[name], found[f"{name}, with readings"]) for name in encoders)
        print(f"equal tags: {len(first & second)} of {len(first | second)}")


def _weights(bert: Any) -> list[Any]:
    """The weights of all matrix products of a BERT."""
    return [module.weight for module in bert.encoder.modules() if isinstance(module, torch.nn.Linear)]


def _multiply(weights: list[Any], n_tokens: int) -> None:
    """As many float32 multiplications as a text of so many tokens takes, and nothing else."""
    with torch.inference_mode():
        for weight in weights:
            torch.nn.functional.linear(torch.ones(n_tokens, weight.shape[1]), weight)


def _tags(gold: list[GoldPassage], tuned: TunedEncoder, rows: Any) -> set[tuple[str, str, str]]:
    """Passage, code and stance of all tags that the project's classifier gives."""
    classifier = Classifier.from_disk("models/classifier")
    vectors, readings = tuned.split(rows, classifier.codes)
    tags = classifier.tag(
        [row.passage_id for row in gold],
        [row.text for row in gold],
        Look(vectors, readings.codes, readings.stances),
        sources=[row.source for row in gold],
        shift=0.0,
    )
    return {(tag.passage_id, tag.code, str(tag.stance)) for tag in tags}


if __name__ == "__main__":
    main()
