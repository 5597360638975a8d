"""The gate over lists of whole records: the plain way, which the gate that reads from disk is held against."""

import hashlib
from collections import Counter, defaultdict

from collabnlp.evidence import build_matrix, strongest
from collabnlp.interviewees import Behind
from collabnlp.quoting import _Mask, bare
from collabnlp.records import EntityMention, EvidenceRow, FoundEntity, Topic, access_of, key_of, sort_records
from collabnlp.release import CLOSED, WORD, _lacking


def plain_release(tables, codes, gazetteer, interviewees, rule):
    """All that `Released` holds, by name."""
    behind = Behind(interviewees)
    documents = {d.document_id: d for d in tables.documents}
    rows = sort_records(tables.rows, EvidenceRow)
    closed = {p.passage_id for p in tables.passages if access_of(p, documents[p.document_id]) == CLOSED}
    closed |= {row.passage_id for row in rows if row.access == CLOSED}
    document_of = {p.passage_id: p.document_id for p in tables.passages}
    document_of |= {row.passage_id: row.document_id for row in rows}
    told = [row for row in rows if row.passage_id not in closed]
    kept = [row.model_copy(update={"access": CLOSED}) for row in rows if row.passage_id in closed]

    def enough(own):
        return not _lacking({row.document_id for row in own}, behind, rule)

    by_cell = defaultdict(list)
    for row in kept:
        by_cell[row.entity_id, row.code].append(row)
    counted = [r for r in kept if r.entity_id and enough(by_cell[r.entity_id, r.code])]
    hidden = [r for r in kept if r.entity_id and not enough(by_cell[r.entity_id, r.code])]
    topics = plain_topics(tables, closed, lambda ids: not _lacking(ids, behind, rule))
    cells = build_matrix(
        [*told, *counted],
        codes,
        gazetteer,
        topic_labels={topic.topic: topic.label for topic in topics},
        hidden=hidden,
        source_of=lambda row: (
            (behind.person(row.document_id), CLOSED)
            if row.access == CLOSED
            else (row.document_id, row.speaker if row.kind == "transcript" else None)
        ),
    )
    off_record = {p.passage_id for p in tables.passages if p.off_record}
    quotes = []
    for code in codes:
        own = [row for row in kept if row.code == code and row.passage_id not in off_record]
        if not enough(own):
            continue
        of_person = {}
        for row in strongest(row.model_copy(update={"tie": "none"}) for row in own):
            of_person.setdefault(behind.person(row.document_id), row)
        mask = _Mask(gazetteer)
        texts = [
            (mask(row.quote, [m for m in tables.mentions if m.passage_id == row.passage_id]), row)
            for row in of_person.values()
        ]
        texts.sort(key=lambda pair: (hashlib.sha256(pair[0].encode()).digest(), pair[1].stance))
        quotes += [
            bare(code, f"not-for-attribution:{code}:{i:04d}", row.stance, row.synthetic, text)
            for i, (text, row) in enumerate(texts[: len(texts) // rule.people * rule.people], start=1)
        ]
    where = defaultdict(list)
    for link in tables.links:
        if link.passage_id not in closed:
            for entity_id in link.entity_ids:
                where[entity_id].append(link.passage_id)
    entities = []
    for entity in sort_records(tables.entities, FoundEntity):
        if ids := where[entity.entity_id]:
            own = sorted({document_of[i] for i in ids})
            years = [documents[i].year for i in own]
            counts = {"n_mentions": len(ids), "n_passages": len(set(ids)), "documents": tuple(own)}
            entities.append(entity.model_copy(update=counts | {"first_year": min(years), "last_year": max(years)}))
    found = {entity.entity_id for entity in entities}
    linked = {key_of(link): link.entity_ids for link in tables.links}
    holding = {document_of[passage_id] for passage_id in closed}
    n = behind.people(holding)
    return {
        "rows": sort_records([*told, *quotes], EvidenceRow),
        "cells": cells,
        "documents": [
            d.model_copy(update={"text": ""}) if i in holding else d
            for i, d in sorted(documents.items())
            if d.access != CLOSED
        ],
        "passages": [
            p for p in sorted(tables.passages, key=lambda p: p.passage_id) if p.passage_id not in closed
        ],
        "mentions": [
            m.model_copy(update={"entity_ids": linked.get(key_of(m), m.entity_ids)})
            for m in sort_records(tables.mentions, EntityMention)
            if m.passage_id not in closed
        ],
        "entities": entities,
        "relations": [
            r
            for r in sorted(tables.relations, key=key_of)
            if r.access != CLOSED and (r.passage_id not in closed if r.passage_id else r.object_id in found)
        ],
        "topics": topics,
        "interviews": "none" if not n else str(n) if n >= rule.people else f"fewer than {rule.people}",
    }  # fmt: skip


def plain_topics(tables, closed, enough):
    """Topics of open passages, in words that these use or enough interviewees."""

    def words_of(text):
        return set(WORD.findall(text.casefold()))

    known, users = set(), defaultdict(set)
    for p in tables.passages:
        for word in words_of(p.text):
            if p.passage_id in closed:
                users[word].add(p.document_id)
            else:
                known.add(word)
    known |= {word for word, documents in users.items() if enough(documents)}
    counts = Counter(row.topic for row in tables.assignments if row.passage_id not in closed)
    shown = []
    for topic in sort_records(tables.topics, Topic):
        if counts[topic.topic]:
            terms = tuple(t for t in topic.terms if words_of(t) <= known)
            keep = words_of(topic.label) <= known or topic.topic < 0
            label = topic.label if keep else ", ".join(terms[:3]).capitalize()
            changes = {
                "label": label or f"Topic {topic.topic}",
                "terms": terms,
                "words": tuple(w for w in topic.words if words_of(w) <= known),
                "gloss": topic.gloss if words_of(topic.gloss) <= known else "",
                "n_passages": counts[topic.topic],
                "exemplars": tuple(i for i in topic.exemplars if i not in closed),
            }
            shown.append(topic.model_copy(update=changes))
    return shown
