"""All of it joins into evidence rows (long) and matrix cells (wide)."""

from __future__ import annotations

import re
import typing
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from collabnlp.gazetteer import Entity, Gazetteer
from collabnlp.records import (
    Document,
    EntityMention,
    EvidenceRow,
    MatrixCell,
    Passage,
    PassageTag,
    Tie,
    TopicAssignment,
)

_TIES = typing.get_args(Tie)  # closest first


class Named(NamedTuple):
    """An entity as evidence shows it: a listed one, or one that only the text names (`found:`)."""

    entity_id: str
    name: str
    label: str


def slug(name: str) -> str:
    """A name as an id: lower case, hyphens, no article.

    Examples
    --------
    >>> slug("The Kent Leaders’ Group")
    'kent-leaders-group'
    """
    plain = (
        unicodedata.normalize("NFKD", name.replace("’", "'").replace("&", " and "))
        .encode("ascii", "ignore")
        .decode()
        .lower()
    )
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"^(the|a|an)\s+", "", plain.replace("'", ""))).strip("-")


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
        One name for each unlisted id, as `names_of_unlisted` chose it.
    """
    found: dict[str, Named] = {}
    for mention in mentions:
        ids = [i for i in mention.entity_ids if i in gazetteer.entities]
        for entity_id in ids:
            found.setdefault(entity_id, named(gazetteer.entities[entity_id]))
        if not ids:
            unlisted = _unlisted(mention)
            found.setdefault(unlisted.entity_id, (names or {}).get(unlisted.entity_id, unlisted))
    return list(found.values())


def _unlisted(mention: EntityMention) -> Named:
    return Named(f"found:{slug(mention.text)}", " ".join(mention.text.split()), mention.label)


def names_of_unlisted(mentions: Iterable[EntityMention]) -> dict[str, Named]:
    """For each entity that no list holds, the name and label that its mentions use most."""
    counts: dict[str, Counter[Named]] = defaultdict(Counter)
    for mention in mentions:
        if not mention.entity_ids:
            entity = _unlisted(mention)
            counts[entity.entity_id][entity] += 1
    return {entity_id: min(found, key=lambda n: (-found[n], n.name)) for entity_id, found in counts.items()}


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
    """
    document_by_id = {document.document_id: document for document in documents}
    topic_by_id = {row.passage_id: row.topic for row in assignments}
    names = names_of_unlisted(mentions)
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
        ties = [(entity, "named") for entity in entities_of(mentions_by_id[passage.passage_id], gazetteer, names)]
        if not any(entity.label == "COUNCIL" for entity, _ in ties):
            around = section_entities.get(passage.section, ())
            ties += [(entity, "section") for entity in around]
            if not around and document.access != "non-attributable":
                ties += [(entity, "document") for entity in document_entities.get(document.document_id, ())]
        for tag in tags_by_id[passage.passage_id]:
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
                        access=document.access,
                        synthetic=document.synthetic,
                        section=" > ".join(passage.section),
                        page=passage.page,
                        speaker=passage.speaker,
                        topic=topic_by_id.get(passage.passage_id, -1),
                        quote=passage.text,
                    )
                )
    return rows


def build_matrix(
    rows: Sequence[EvidenceRow],
    codes: Sequence[str],
    gazetteer: Gazetteer,
    *,
    topic_labels: Mapping[int, str],
    withheld: Callable[[Iterable[EvidenceRow]], bool] = lambda rows: False,
) -> list[MatrixCell]:
    """The cells of all matrices; a cell without evidence is not listed.

    Parameters
    ----------
    rows
        Evidence rows.
    codes
        Codes that make columns.
    topic_labels
        Name of each topic.
    withheld
        Whether a cell made of these rows must not be shown: it is listed, without its numbers.
    """
    grouped: dict[tuple[str, str, str, str], list[EvidenceRow]] = defaultdict(list)
    wanted = set(codes)
    for row in rows:
        if row.code not in wanted:
            continue
        if row.entity_label:
            grouped[row.entity_label.lower(), row.entity_id, row.entity_name, row.code].append(row)
        if row.entity_label == "COUNCIL" and (county := gazetteer.county_of(row.entity_id)):
            grouped["county", county, named(gazetteer.entities[county]).name, row.code].append(row)
        grouped["document", row.document_id, row.document, row.code].append(row)
        grouped["topic", str(row.topic), topic_labels.get(row.topic, "Other"), row.code].append(row)
        grouped["year", str(row.year), str(row.year), row.code].append(row)
    return [_cell(key, members, withheld(members)) for key, members in sorted(grouped.items())]


def _cell(key: tuple[str, str, str, str], rows: Sequence[EvidenceRow], hidden: bool) -> MatrixCell:
    kind, row_id, name, code = key
    if hidden:
        return MatrixCell(
            rows=kind,
            row_id=row_id,
            row=name,
            code=code,
            n_passages=0,
            n_documents=0,
            n_sources=0,
            n_named=0,
            positive=0,
            negative=0,
            neutral=0,
            mean_score=None,
            suppressed=True,
        )
    best: dict[str, EvidenceRow] = {}
    for row in sorted(
        rows, key=lambda r: (r.score is not None, r.coder, _TIES.index(r.tie))
    ):  # people before the model
        best.setdefault(row.passage_id, row)
    by_name = {row.passage_id for row in rows if row.tie == "named"}
    stances = [row.stance for row in best.values()]
    scores = [row.score for row in rows if row.score is not None]
    return MatrixCell(
        rows=kind,
        row_id=row_id,
        row=name,
        code=code,
        n_passages=len(best),
        n_documents=len({row.document_id for row in rows}),
        n_sources=len({(row.document_id, row.speaker if row.kind == "transcript" else None) for row in rows}),
        n_named=len(by_name),
        positive=stances.count("positive"),
        negative=stances.count("negative"),
        neutral=stances.count("neutral"),
        mean_score=round(sum(scores) / len(scores), 4) if scores else None,
        suppressed=False,
    )


def strongest(rows: Iterable[EvidenceRow]) -> list[EvidenceRow]:
    """Rows of one cell, one a passage, the best quotes first: by tie, then score, then length near 60 words."""
    best: dict[str, EvidenceRow] = {}
    for row in sorted(
        rows, key=lambda r: (_TIES.index(r.tie), -(r.score if r.score is not None else 1.0), r.passage_id)
    ):
        best.setdefault(row.passage_id, row)
    return sorted(
        best.values(),
        key=lambda r: (
            _TIES.index(r.tie),
            -round(r.score if r.score is not None else 1.0, 1),
            abs(len(r.quote.split()) - 60),
            r.passage_id,
        ),
    )
