"""All of it joins into evidence rows (long) and matrix cells (wide)."""

from __future__ import annotations

import itertools
import math
import typing
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from collabnlp.coded import is_language_model
from collabnlp.gazetteer import Entity, Gazetteer, Level, slug
from collabnlp.records import (
    Access,
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    Kind,
    MatrixCell,
    Passage,
    PassageTag,
    Stance,
    TagReason,
    Tie,
    TopicAssignment,
    access_of,
    key_of,
    sort_records,
)
from collabnlp.streams import Beside, Rows, in_key_order

CellKey = tuple[str, str, str, str]  # kind of rows, row's id, row's name, code
_TIES = typing.get_args(Tie)  # closest first
_SUMS: tuple[Level, ...] = ("county", "today")  # matrices whose rows sum up councils


class Light(NamedTuple):
    """What is counted and chosen by of an evidence row: all but its texts, so that a million of them can be held."""

    entity_id: str
    entity_name: str
    entity_label: str
    code: str
    passage_id: str
    coder: str
    tie: Tie
    stance: Stance
    score: float | None
    document_id: str
    document: str
    kind: Kind
    year: int | None
    access: Access
    synthetic: bool
    speaker: str | None
    topic: int | None
    n_words: int  # of the quote


Counted = EvidenceRow | Light
C = TypeVar("C", EvidenceRow, Light)


def lighten(rows: Iterable[EvidenceRow]) -> Iterator[Light]:
    """The rows without their texts; equal words in them are held once."""
    names = Light._fields[:-1]
    held: dict[str, str] = {}
    for row in rows:
        values: list[Any] = [getattr(row, name) for name in names]
        values = [held.setdefault(value, value) if isinstance(value, str) else value for value in values]
        yield Light._make([*values, len(row.quote.split())])


class Named(NamedTuple):
    """An entity as evidence shows it: a listed one, or one that only the text names (`found:`)."""

    entity_id: str
    name: str
    label: str


def named(entity: Entity) -> Named:
    """A listed entity as evidence shows it: what is invented says so in its name."""
    return Named(entity.entity_id, f"{entity.name} (invented)" if entity.invented else entity.name, entity.label)


def entities_of(
    mentions: Iterable[EntityMention], gazetteer: Gazetteer, names: Mapping[str, Named] | None = None
) -> list[Named]:
    """The entities that mentions name, each once, in order; what no list holds gets an id from its name.

    Parameters
    ----------
    names
        By id: the unlisted entities that clustering made of the mentions.
    """
    names = names or {}
    found: dict[str, Named] = {}
    for mention in mentions:
        ids = [i for i in mention.entity_ids if i in gazetteer.entities or i in names]
        for entity_id in ids or [f"found:{slug(mention.text)}"]:
            if entity_id in gazetteer.entities:
                entity = named(gazetteer.entities[entity_id])
            else:
                entity = names.get(entity_id) or Named(entity_id, " ".join(mention.text.split()), mention.label)
            found.setdefault(entity_id, entity)
    return list(found.values())


def link_mentions(mentions: Rows[EntityMention], links: Rows[EntityLink]) -> Iterator[EntityMention]:
    """Mentions in the order of their key, with the ids that clustering gave them."""
    beside = Beside(in_key_order(links, EntityLink))
    for passage_id, own in itertools.groupby(in_key_order(mentions, EntityMention), key=lambda m: m.passage_id):
        ids = {key_of(link): link.entity_ids for link in beside.of(passage_id)}
        for mention in own:
            yield mention.model_copy(update={"entity_ids": ids.get(key_of(mention), mention.entity_ids)})


def section_sizes(passages: Iterable[Passage]) -> dict[tuple[str, ...], int]:
    """How many passages stand below each chain of headings, those of deeper headings included.

    Two documents with one and the same chain count together: their headings are no names of cases.
    """
    sizes: Counter[tuple[str, ...]] = Counter()
    for passage in passages:
        for depth in range(1, len(passage.section) + 1):
            sizes[passage.section[:depth]] += 1
    return dict(sizes)


def build_rows(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    tags: Collection[PassageTag],
    mentions: Sequence[EntityMention],
    assignments: Sequence[TopicAssignment],
    gazetteer: Gazetteer,
    *,
    section_entities: Mapping[tuple[str, ...], Sequence[Named]],
    document_entities: Mapping[str, Sequence[Named]],
    names: Mapping[str, Named] | None = None,
    reasons: Iterable[TagReason] = (),
) -> list[EvidenceRow]:
    """One row for each tag and entity that its passage is tied to; a tag tied to none has one row without entity.

    A passage is tied to the entities that it names. A council is else tied by the nearest
    heading above that names one; else, by the title of the document. Titles of sources that are
    not for attribution tie nothing.

    Parameters
    ----------
    section_entities
        By the headings above a passage: the councils that the innermost one naming any names.
    document_entities
        By document id: the councils that its title names.
    names
        By id: the entities that no list holds, as clustering found them; mentions carry their ids.
    reasons
        Of the model's tags.
    """
    reason_of = {key_of(reason): reason for reason in reasons}
    document_by_id = {document.document_id: document for document in documents}
    topic_by_id = {row.passage_id: row.topic for row in assignments}
    mentions_by_id: dict[str, list[EntityMention]] = defaultdict(list)
    for mention in mentions:
        mentions_by_id[mention.passage_id].append(mention)
    tags_by_id: dict[str, list[PassageTag]] = defaultdict(list)
    for tag in tags:
        tags_by_id[tag.passage_id].append(tag)
    rows = []
    for passage in passages:
        if passage.passage_id not in tags_by_id:
            continue
        document = document_by_id[passage.document_id]
        access = access_of(passage, document)
        ties = [(entity, "named") for entity in entities_of(mentions_by_id[passage.passage_id], gazetteer, names)]
        if not any(entity.label == "COUNCIL" for entity, _ in ties):
            around = section_entities.get(passage.section, ())
            ties += [(entity, "section") for entity in around]
            if not around and access != "non-attributable":
                ties += [(entity, "document") for entity in document_entities.get(document.document_id, ())]
        for tag in tags_by_id[passage.passage_id]:
            reason = reason_of.get(key_of(tag))
            for entity, tie in ties or [(Named("", "", ""), "none")]:
                rows.append(
                    EvidenceRow(
                        entity_id=entity.entity_id,
                        entity_name=entity.name,
                        entity_label=entity.label,
                        code=tag.code,
                        passage_id=passage.passage_id,
                        coder=tag.coder,
                        tie=tie,
                        stance=tag.stance,
                        score=tag.score,
                        document_id=document.document_id,  # type: ignore[arg-type]
                        document=document.title,
                        kind=document.kind,
                        year=document.year,
                        access=access,
                        synthetic=document.synthetic,
                        section=" > ".join(passage.section),
                        page=passage.page,
                        speaker=passage.speaker,
                        topic=topic_by_id.get(passage.passage_id, -1),
                        review=tag.review,
                        sentence=reason.sentence if reason else "",
                        terms="; ".join(reason.terms) if reason else "",
                        quote=passage.text,
                    )
                )
    return rows


def build_matrix(
    rows: Iterable[Counted],
    codes: Collection[str],
    gazetteer: Gazetteer,
    *,
    topic_labels: Mapping[int, str],
    hidden: Iterable[Counted] = (),
    source_of: Callable[[Counted], Hashable] = lambda row: (
        row.document_id,
        row.speaker if row.kind == "transcript" else None,
    ),
) -> list[MatrixCell]:
    """The cells of all matrices; a cell without evidence is not listed.

    Rows not for attribution count by entity, county and council of today alone, without stance,
    score or tie.

    Parameters
    ----------
    rows
        Evidence rows that count.
    codes
        Codes that make columns.
    topic_labels
        Name of each topic.
    hidden
        Rows that must not count. Where a cell has no others, it is listed as suppressed, without
        numbers, if something else is shown of its matrix row; else it is not listed.
    source_of
        What makes a row's source the same as another's.
    """
    shown = _grouped(rows, set(codes), gazetteer, topic_labels)
    listed = {(kind, row_id) for kind, row_id, _, _ in shown}
    withheld = {key for key in _grouped(hidden, set(codes), gazetteer, topic_labels) if key[:2] in listed} - set(shown)
    cells = [_cell(key, members, source_of) for key, members in shown.items()]
    return sort_records([*cells, *(_cell(key, (), source_of) for key in withheld)], MatrixCell)


def _grouped(
    rows: Iterable[Counted], codes: Collection[str], gazetteer: Gazetteer, topic_labels: Mapping[int, str]
) -> dict[CellKey, list[Counted]]:
    """Rows by the cells that they count in."""
    grouped: dict[CellKey, list[Counted]] = defaultdict(list)
    for row in rows:
        if row.code not in codes:
            continue
        if row.entity_label:
            grouped[row.entity_label.lower(), row.entity_id, row.entity_name, row.code].append(row)
        if row.entity_label == "COUNCIL":
            for level in _SUMS:
                for entity_id in gazetteer.rolled_up(row.entity_id, level):
                    if entity_id in gazetteer.entities:
                        name = named(gazetteer.entities[entity_id]).name
                        grouped[level, entity_id, name, row.code].append(row)
        if row.access != "non-attributable":
            label = topic_labels.get(row.topic if row.topic is not None else -1, "Other")
            grouped["document", row.document_id, row.document, row.code].append(row)
            grouped["topic", str(row.topic), label, row.code].append(row)
            grouped["year", str(row.year), str(row.year), row.code].append(row)
    return grouped


def _cell(key: CellKey, rows: Sequence[Counted], source_of: Callable[[Counted], Hashable]) -> MatrixCell:
    """The cell of these rows; suppressed where there are none."""
    kind, row_id, name, code = key
    told = [row for row in rows if row.access != "non-attributable"]
    best: dict[str, Counted] = {}
    for row in sorted(
        told, key=lambda r: (r.score is not None, is_language_model(r.coder), r.coder, _TIES.index(r.tie))
    ):  # people before language models before the classifier
        best.setdefault(row.passage_id, row)
    closed = {row.passage_id for row in rows if row.access == "non-attributable"}
    stances = [row.stance for row in best.values()]
    scores = [row.score for row in told if row.score is not None]
    return MatrixCell(
        rows=kind,
        row_id=row_id,
        row=name,
        code=code,
        n_passages=len(best) + len(closed),
        n_closed=len(closed),
        n_documents=len({row.document_id for row in rows}),
        n_sources=len({source_of(row) for row in rows}),
        n_named=len({row.passage_id for row in told if row.tie == "named"}),
        positive=stances.count("positive"),
        negative=stances.count("negative"),
        neutral=stances.count("neutral"),
        mean_score=round(math.fsum(scores) / len(scores), 4) if scores else None,
        suppressed=not rows,
    )


def strongest(rows: Iterable[C], n_words: Callable[[C], int] = lambda row: len(row.quote.split())) -> list[C]:  # type: ignore[union-attr]
    """Rows of one cell, one a passage, the best quotes first: by tie, then score, then length near 60 words."""
    best: dict[str, C] = {}
    for row in sorted(
        rows, key=lambda r: (_TIES.index(r.tie), -(r.score if r.score is not None else 1.0), r.passage_id)
    ):
        best.setdefault(row.passage_id, row)
    return sorted(
        best.values(),
        key=lambda r: (
            _TIES.index(r.tie),
            -round(r.score if r.score is not None else 1.0, 1),
            abs(n_words(r) - 60),
            r.passage_id,
        ),
    )
