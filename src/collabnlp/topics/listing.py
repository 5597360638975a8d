"""Topics of a project as rows: all by area, or one with all that is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collabnlp.records import (
    Document,
    InputError,
    Passage,
    PassageTag,
    Topic,
    TopicArea,
    TopicAssignment,
    TopicCode,
    read_table,
)
from collabnlp.topics.tables import INTERVIEWS, count_codes, labels_of, place

_STRONGEST = 5


def list_topics(topics: Sequence[Topic], areas: Sequence[TopicArea]) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of all topics, those of the largest area first, outliers last."""
    area_of = {area.area: area.label for area in areas}
    ordered = sorted(topics, key=lambda t: (t.area < 0, t.area, -t.n_passages, t.topic))
    rows = [[t.topic, t.label, area_of.get(t.area, ""), t.n_passages, ", ".join(t.terms[:5])] for t in ordered]
    return ["topic", "label", "area", "passages", "terms"], rows


def find_topic(name: str, topics: Sequence[Topic], path: str | Path) -> Topic:
    """The topic of a number, or the one whose label holds the words.

    Raises
    ------
    InputError
        Where none or several do.
    """
    found = [t for t in topics if str(t.topic) == name.strip()]
    words = name.lower().split()
    found = found or [t for t in topics if words and all(word in t.label.lower() for word in words)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(path, f"has several topics for {name!r}", "name " + " or ".join(str(t.topic) for t in found))
    raise InputError(path, f"has no topic {name!r}", "run `collabnlp topics` to see them all")


def describe_topic(
    topic: Topic,
    areas: Sequence[TopicArea],
    codes: Sequence[TopicCode],
    documents: Counter[str],
    passages: Sequence[Passage],
) -> list[tuple[str, str]]:
    """What is known of a topic as pairs of a heading and a text.

    Parameters
    ----------
    codes
        Rows of `tables.count_codes`.
    documents
        Passages of the topic by title.
    passages
        Its examples.
    """
    own = [row for row in codes if row.level == "topic" and row.topic == topic.topic and row.n_passages]
    strongest = sorted(own, key=lambda row: (-(row.lift or 0), row.code))[:_STRONGEST]
    facts = [
        ("topic", f"{topic.topic}: {topic.label}"),
        ("area", next((area.label for area in areas if area.area == topic.area), "")),
        ("passages", str(topic.n_passages)),
        ("in a sentence", topic.gloss),
        ("phrases", ", ".join(topic.terms)),
        ("codes", "; ".join(f"{r.code} {r.n_passages} ({r.lift:.1f} times chance)" for r in strongest)),
        ("documents", "; ".join(f"{title} {n}" for title, n in documents.most_common())),
    ]
    facts += [("example", f"{p.passage_id}: {' '.join(p.text.split())}") for p in passages]
    return [(heading, text) for heading, text in facts if text]


def load_topics(project: Path) -> tuple[list[Topic], list[TopicArea]]:
    """Topics and areas of a project, from the tables in its folder `outputs`."""
    outputs = project / "outputs"
    return read_table(outputs / "topics.parquet", Topic), read_table(outputs / "topic_areas.parquet", TopicArea)


def load_topic(project: Path, name: str, codes: Sequence[str], min_interviews: int) -> list[tuple[str, str]]:
    """What a project knows of one topic; words and counts that may not be shown left out."""
    outputs = project / "outputs"
    topics, areas = load_topics(project)
    topic = find_topic(name, topics, outputs / "topics.parquet")
    documents = {row.document_id: row for row in read_table(outputs / "documents.parquet", Document)}
    placed = place(read_table(outputs / "topic_assignments.parquet", TopicAssignment))
    counted = count_codes(
        placed,
        read_table(outputs / "tags.parquet", PassageTag),
        codes,
        labels_of(topics, areas),
        documents,
        min_interviews,
    )
    hidden = {i for i, document in documents.items() if document.access == "non-attributable"}
    titles = Counter(
        INTERVIEWS if row.document_id in hidden else documents[row.document_id].title
        for row in placed
        if row.topic == topic.topic
    )
    passages = {
        row.passage_id: row
        for row in read_table(outputs / "passages.parquet", Passage)
        if row.passage_id in topic.exemplars and documents[row.document_id].access == "public"
    }
    return describe_topic(topic, areas, counted, titles, [passages[i] for i in topic.exemplars if i in passages])
