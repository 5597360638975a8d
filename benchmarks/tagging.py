"""Seconds for tagging passages with reasons, as a ratio to the bare encoder on the same texts, in one run.

`python benchmarks/tagging.py [--passages 1000]`, in the project's folder after `dvc repro`.
"""

import argparse
import time

from collabnlp.records import GoldPassage, Passage, read_jsonl
from collabnlp.tagger import Tagger


def main() -> None:
    """Print one line a part: seconds, passages a second, and times the bare encoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=1000)
    n = parser.parse_args().passages
    texts = [row.text for row in read_jsonl("corpus/gold/passages.jsonl", GoldPassage)]
    texts = texts[:: max(1, len(texts) // n)][:n]
    passages = [
        Passage(
            passage_id=f"new:{i:04d}",
            document_id="new",
            ordinal=i,
            start_char=0,
            end_char=len(text),
            text=text,
            kind="paragraph",
            section=(),
            page=None,
            speaker=None,
            time=None,
        )
        for i, text in enumerate(texts, start=1)
    ]
    tagger = Tagger()
    bare = getattr(tagger.encoder, "encoder", tagger.encoder)
    for warm in (bare, tagger.encoder):
        warm.encode(texts[:5])
    parts = {}
    for name, call in (
        ("bare encoder", lambda: bare.encode(texts)),
        ("vectors and readings", lambda: tagger.encoder.encode(texts)),
        ("all, with mentions and reasons", lambda: tagger.tag_passages(passages, [p.passage_id for p in passages])),
    ):
        start = time.perf_counter()
        call()
        parts[name] = time.perf_counter() - start
    yardstick = parts["bare encoder"]
    for name, seconds in parts.items():
        print(f"{name:32} {seconds:7.2f} s  {n / seconds:7.1f} passages/s  {seconds / yardstick:5.2f} x bare encoder")


if __name__ == "__main__":
    main()
