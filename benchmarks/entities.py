"""Passages a second of one core's time that names are searched in, as a ratio to spaCy's PhraseMatcher alone on the same aliases, in one run.

`python benchmarks/entities.py [--passages 2000]`, in the project's folder after `dvc repro names`.
"""

import argparse
import time

import spacy
from spacy.matcher import PhraseMatcher

from collabnlp.entities import MentionFinder, passage_of
from collabnlp.gazetteer import load_gazetteer
from collabnlp.names import Names
from collabnlp.records import GoldPassage, read_jsonl

YEAR = 2021


def main() -> None:
    """Print one line a part: milliseconds a passage, passages a second, and times the PhraseMatcher alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=2000)
    n = parser.parse_args().passages
    rows = read_jsonl("corpus/gold/passages.jsonl", GoldPassage)
    first, rows = rows[1:51], rows[:: max(1, len(rows) // n)][:n]
    gazetteer = load_gazetteer("corpus/gazetteer.csv")
    nlp = spacy.blank("en")
    matcher = PhraseMatcher(nlp.vocab, attr="ORTH")
    for alias in gazetteer.aliases:
        matcher.add(alias, [nlp.make_doc(alias)])
    ruled = MentionFinder(gazetteer)
    judged = MentionFinder(gazetteer, Names.from_disk("models/names/names.json"))
    parts = {}
    for name, search in (
        ("PhraseMatcher alone", lambda row: matcher(nlp.make_doc(row.text))),
        ("gazetteer part", lambda row: ruled.listed(row.text, YEAR)),
        ("patterns and rules", lambda row: ruled.find([passage_of(row)], YEAR)),
        ("all, with models", lambda row: judged.find([passage_of(row)], YEAR)),
    ):
        for row in first:
            search(row)
        start = time.process_time()
        for row in rows:
            search(row)
        parts[name] = (time.process_time() - start) / len(rows)
    for name, seconds in parts.items():
        ratio = seconds / parts["PhraseMatcher alone"]
        print(f"{name:22} {1000 * seconds:6.2f} ms  {1 / seconds:8.0f} passages/s  {ratio:5.2f} x PhraseMatcher alone")


if __name__ == "__main__":
    main()
