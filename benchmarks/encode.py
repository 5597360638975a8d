"""Texts a second through the encoder: sentence-transformers as it comes, ours, and what one core would take, in one run.

`python benchmarks/encode.py [--passages 400] [--rounds 3]`, in the project's folder. Also says how near the vectors are
to each other. The least of the rounds counts: what else the machine does can only slow it.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch

from collabnlp.embed import SentenceEncoder, TunedEncoder
from collabnlp.records import GoldPassage, read_jsonl


def main() -> None:
    """Print one line a way: seconds, processor seconds, texts a second, and times sentence-transformers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    texts = [row.text for row in read_jsonl("corpus/gold/passages.jsonl", GoldPassage)]
    texts = texts[:: max(1, len(texts) // arguments.passages)][: arguments.passages]
    encoder = SentenceEncoder()
    tuned = TunedEncoder(encoder, "models/finetuned")
    model = encoder.load()
    cores = torch.get_num_threads()

    def as_it_comes() -> Any:
        return model.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    def on_one_core() -> Any:
        torch.set_num_threads(1)
        try:
            return encoder.encode(texts)
        finally:
            torch.set_num_threads(cores)

    ways: dict[str, Callable[[], Any]] = {
        "sentence-transformers": as_it_comes,
        f"ours, on {cores} cores": lambda: encoder.encode(texts),
        "ours, on one core": on_one_core,
        "ours, with the readings": lambda: tuned.encode(texts),
    }
    found, seconds, processor = {}, {}, {}
    for name, way in ways.items():
        way()
        for _ in range(arguments.rounds):
            wall, cpu = time.perf_counter(), time.process_time()
            found[name] = way()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if wall < seconds.get(name, float("inf")):
                seconds[name], processor[name] = wall, cpu
    yardstick = seconds["sentence-transformers"]
    for name in ways:
        rate = len(texts) / seconds[name]
        print(
            f"{name:24} {seconds[name]:6.2f} s  {processor[name]:6.2f} s of processor  {rate:6.1f} texts/s  {yardstick / seconds[name]:5.2f} x"
        )
    width = found["sentence-transformers"].shape[1]
    cosine = {
        name: float((found["sentence-transformers"] * rows[:, :width]).sum(axis=1).min())
        for name, rows in found.items()
    }
    print("lowest cosine with sentence-transformers:", json.dumps({name: round(x, 7) for name, x in cosine.items()}))


if __name__ == "__main__":
    main()
