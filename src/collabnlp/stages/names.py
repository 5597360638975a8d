"""Marked passages become the models that judge names; they are measured by folds of whole documents."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from collabnlp import params as settings
from collabnlp.entities import Example, MentionFinder, passage_of
from collabnlp.gazetteer import load_gazetteer
from collabnlp.names import CLASSES, Names, fit, ordinary_words
from collabnlp.params import Params
from collabnlp.records import EntityMention, GoldPassage, GoldRead, Label, Passage, read_jsonl, write_json
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, log, main

GOLD_YEAR = 2021  # coded passages stand alone: names that were borne lately
WHOLE = ("restated", "names")  # kinds whose passages stand alone; the others are documents
_LABELS: tuple[Label, ...] = ("COUNCIL", "PARTNERSHIP", "SCHEME")

Marks = Mapping[str, Sequence[EntityMention]]


class _Gold(NamedTuple):
    """Marked passages in the groups that are searched as one document, by source."""

    groups: dict[str, list[list[Passage]]]
    marks: dict[str, list[EntityMention]]
    kinds: dict[str, str]


def stage(params: Params) -> None:
    """Fit on all sources and, for the measuring, without each fold of them."""
    gold = _gold(params.train.exclude_sources)
    texts = [row.text for row in read_jsonl(CORPUS / "gold" / "passages.jsonl", GoldPassage)]
    ordinary = ordinary_words(texts, params.names.ordinary)
    finder = MentionFinder(load_gazetteer(CORPUS / "gazetteer.csv"))
    examples = {
        source: [example for group in groups for example in finder.examples(group, GOLD_YEAR, ordinary, places)]
        for source, groups in gold.groups.items()
        for places in [_places(itertools.chain.from_iterable(groups), gold.marks)]
    }
    fold_of = {source: i % params.names.folds for i, source in enumerate(sorted(gold.groups))}
    counts: dict[tuple[str, str, str], list[int]] = {}
    for fold in range(params.names.folds):
        without = [e for source, rows in examples.items() if fold_of[source] != fold for e in rows]
        names = _fitted(without, gold.marks, ordinary, params.names)
        names.to_disk(MODELS / "names" / f"fold-{fold}.json")
        for way, searcher in (("rules", finder), ("with models", finder.judging_by(names))):
            for source in (s for s, f in fold_of.items() if f == fold):
                for group in gold.groups[source]:
                    _count(counts, way, gold.kinds[source], searcher.find(group, GOLD_YEAR), group, gold.marks)
    every = [e for rows in examples.values() for e in rows]
    _fitted(every, gold.marks, ordinary, params.names).to_disk(MODELS / "names" / "names.json")
    write_json(MODELS / "names" / "folds.json", dict(sorted(fold_of.items())))
    write_json(OUTPUTS / "names.json", _scores(counts))
    log.info("models of names fitted on %d spans and places of %d sources", len(every), len(examples))


def _gold(excluded: Sequence[str]) -> _Gold:
    folders = (CORPUS / "gold", CORPUS / "gold-names")
    rows = [row for folder in folders for row in read_jsonl(folder / "passages.jsonl", GoldPassage)]
    read = {
        row.passage_id
        for folder in folders
        for row in read_jsonl(folder / "reads.jsonl", GoldRead)
        if row.task == "mentions"
    }
    groups: dict[str, list[list[Passage]]] = {}
    kinds: dict[str, str] = {}
    for row in rows:
        if row.passage_id in read and row.source not in excluded:
            kinds[row.source] = row.kind if row.kind in WHOLE else "documents"
            of_source = groups.setdefault(row.source, [])
            if row.kind in WHOLE or not of_source:
                of_source.append([])
            of_source[-1].append(passage_of(row))
    marks: dict[str, list[EntityMention]] = {}
    for folder in folders:
        for mention in read_jsonl(folder / "mentions.jsonl", EntityMention):
            marks.setdefault(mention.passage_id, []).append(mention)
    return _Gold(groups, marks, kinds)


def _places(passages: Iterable[Passage], marks: Marks) -> set[str]:
    """Places of a document whose councils are marked: in invented documents no gazetteer has them."""
    words = {"council", "county", "district", "borough", "city", "town", "parish", "dc", "bc", "cc"}
    found = set()
    for passage in passages:
        for mention in marks.get(passage.passage_id, ()):
            name = mention.text.split()
            while name and name[-1].lower() in words:
                name.pop()
            if mention.label == "COUNCIL" and name and name[0][0].isupper() and "and" not in name:
                found.add(" ".join(name))
    return found


def _fitted(examples: Sequence[Example], marks: Marks, ordinary: set[str], params: settings.Names) -> Names:
    label_of = {(passage_id, m.start_char, m.end_char): m.label for passage_id, rows in marks.items() for m in rows}
    rows: dict[str, list[list[str]]] = {"span": [], "place": []}
    labels: dict[str, list[int]] = {"span": [], "place": []}
    for e in examples:
        inside = any(
            m.start_char <= e.start and e.end <= m.end_char and m.end_char - m.start_char > e.end - e.start
            for m in marks.get(e.passage_id, ())
        )
        if e.kind == "place" and inside:
            continue  # a place in a longer name is never asked about
        label = label_of.get((e.passage_id, e.start, e.end), "")
        rows[e.kind].append(e.features)
        labels[e.kind].append(
            label == "COUNCIL" if e.kind == "place" else CLASSES.index(label) if label in CLASSES else 0
        )
    spans = fit(rows["span"], labels["span"], len(CLASSES), params.regularisation)
    places = fit(rows["place"], labels["place"], 2, params.regularisation)
    return Names(spans, places, ordinary, params.threshold)


def _count(
    counts: dict[tuple[str, str, str], list[int]],
    way: str,
    kind: str,
    found: Sequence[EntityMention],
    passages: Sequence[Passage],
    marks: Marks,
) -> None:
    """Add right, wrong and missed exact spans."""
    for label in _LABELS:
        got = {(m.passage_id, m.start_char, m.end_char) for m in found if m.label == label}
        want = {
            (m.passage_id, m.start_char, m.end_char)
            for p in passages
            for m in marks.get(p.passage_id, ())
            if m.label == label
        }
        row = counts.setdefault((kind, way, label), [0, 0, 0])
        for i, spans in enumerate((got & want, got - want, want - got)):
            row[i] += len(spans)


def _scores(counts: Mapping[tuple[str, str, str], Sequence[int]]) -> dict[str, Any]:
    """Exact spans by kind of passage, way of finding and label: precision, recall and F1; null where undefined."""
    scores: dict[str, Any] = {}
    for (kind, way, label), (right, wrong, missed) in sorted(counts.items()):
        scores.setdefault(kind, {}).setdefault(way, {})[label] = {
            "precision": round(right / (right + wrong), 4) if right + wrong else None,
            "recall": round(right / (right + missed), 4) if right + missed else None,
            "f1": round(2 * right / (2 * right + wrong + missed), 4) if right + wrong + missed else None,
            "marked": right + missed,
        }
    return scores


if __name__ == "__main__":
    main(stage)
