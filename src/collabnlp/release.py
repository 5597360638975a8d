"""What may leave: the one gate that evidence goes through before it is written, shown or served.

What exporters and servers take is a `Released`, and only this module makes one: what public and
attributable sources say, and of interviews not for attribution what rests on enough people.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from collabnlp.codebook import load_codebook
from collabnlp.evidence import Counted, build_matrix, lighten, link_mentions
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.interviewees import Behind, Interviewees, load_interviewees
from collabnlp.params import load_params
from collabnlp.quoting import CLOSED as CLOSED  # for those who read what may leave
from collabnlp.quoting import WORD, bare, choose_quotes, quote
from collabnlp.records import (
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    FoundEntity,
    MatrixCell,
    Passage,
    Relation,
    Table,
    Topic,
    TopicAssignment,
    Withheld,
    access_of,
    key_of,
    sort_records,
)
from collabnlp.streams import Rows, in_key_order, streamed
from collabnlp.withheld import list_withheld

# docs/decisions/0008-release-gate.md says why the gate is as it is.

RULE = (
    "What interviewees said not for attribution is counted for a council, partnership or scheme and a code only where at least {people} "
    "interviewees of {organisations} organisations stand behind it; never by document, topic, year or stance, nor in a table that is filtered. "
    "Their quotes, marked [c], are a choice, at most one from each interviewee, without names or places, for codes with as many behind them; "
    "nothing said off the record is quoted."
)
NARROWED = "A filtered table counts nothing that was said not for attribution."

# What may be handed on, relative to outputs/. All else there, and models/, is for the project's own use.
RELEASED = (
    "agreement.csv",
    "agreement.parquet",
    "doubtful_merges.csv",
    "evidence.csv",
    "evidence.db",
    "evidence-map.html",
    "evidence.xlsx",
    "matrix.parquet",
    "metadata.json",
    "metrics.json",
    "network.graphml",
    "plots/documents_by_code.png",
    "plots/documents_by_code.svg",
    "plots/f1_by_code.csv",
    "plots/network.png",
    "plots/network.svg",
    "plots/places_by_code.png",
    "plots/places_by_code.svg",
    "plots/reliability.csv",
    "worst_errors.csv",
)


class Rule(NamedTuple):
    """How many interviewees and organisations must stand behind what is shown of interviews not for attribution."""

    people: int = 3
    organisations: int = 2


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What the pipeline made of a project, closed sources and all: the gate takes it, nothing else may be handed it."""

    rows: Rows[EvidenceRow] = ()
    documents: Rows[Document] = ()
    passages: Rows[Passage] = ()
    mentions: Rows[EntityMention] = ()
    links: Rows[EntityLink] = ()
    entities: Rows[FoundEntity] = ()
    relations: Rows[Relation] = ()
    topics: Rows[Topic] = ()
    assignments: Rows[TopicAssignment] = ()


_GATE = object()


@dataclass(frozen=True, kw_only=True)
class Released:
    """What may leave. Everything that writes or shows evidence takes this and nothing else; only this module makes one.

    Large tables are gone through again from disk by whoever reads them.

    Attributes
    ----------
    rows
        Evidence rows of open sources in the order of their key, and among them quotes not for attribution without anything but text, code and stance.
    cells
        Of all matrices.
    documents, passages, mentions, entities, relations, topics
        Of open sources alone; counts are of open passages. A document with a closed passage has no text.
    interviews
        How many interviewees spoke not for attribution, in words.
    rule
        What is withheld, in words.
    narrowed
        True for a selection: its cells count nothing that is not for attribution.
    """

    gate: InitVar[object]
    rows: Rows[EvidenceRow] = ()
    cells: tuple[MatrixCell, ...] = ()
    documents: Rows[Document] = ()
    passages: Rows[Passage] = ()
    mentions: Rows[EntityMention] = ()
    entities: tuple[FoundEntity, ...] = ()
    relations: Rows[Relation] = ()
    topics: tuple[Topic, ...] = ()
    interviews: str = "none"
    rule: str = ""
    narrowed: bool = False

    def __post_init__(self, gate: object) -> None:
        if gate is not _GATE:
            raise TypeError("only collabnlp.release makes what may leave")


P = ParamSpec("P")
T = TypeVar("T")


def exporter(function: Callable[P, T]) -> Callable[P, T]:
    """Marks a function that writes, shows or serves evidence: called without a `Released` it raises a TypeError."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        if not any(isinstance(value, Released) for value in (*args, *kwargs.values())):
            raise TypeError(f"{function.__name__} takes what collabnlp.release lets out, and nothing else")
        return function(*args, **kwargs)

    return guarded


class Gated(NamedTuple):
    """What may leave, and for the owner alone what was kept back."""

    released: Released
    withheld: list[Withheld]


def release(
    tables: Tables, codes: Sequence[str], gazetteer: Gazetteer, interviewees: Mapping[str, Interviewees], rule: Rule
) -> Gated:
    """What may leave of a project.

    A row not for attribution is counted if the cell of its entity and code, over the whole project,
    has enough interviewees and organisations behind it; no other row of the kind is in any number.
    So every view is made of what is let out here, and none can say more.

    Parameters
    ----------
    codes
        Machine names of the codes, in order.
    interviewees
        By document id, as `load_interviewees` gives them.
    """
    behind = Behind(interviewees)
    lacking = functools.partial(_lacking, behind=behind, rule=rule)
    documents, rows = in_key_order(tables.documents, Document), in_key_order(tables.rows, EvidenceRow)
    document_by_id = {d.document_id: d.model_copy(update={"text": ""}) for d in documents}
    light = list(lighten(rows))
    document_of = {row.passage_id: row.document_id for row in light}
    closed, off_record = {row.passage_id for row in light if row.access == CLOSED}, set()
    for passage in tables.passages:
        document = document_by_id[passage.document_id]
        document_of.setdefault(passage.passage_id, document.document_id)
        if access_of(passage, document) == CLOSED:
            closed.add(passage.passage_id)
        if passage.off_record:
            off_record.add(passage.passage_id)
    kept = [row._replace(access="non-attributable") for row in light if row.passage_id in closed]

    by_cell: dict[tuple[str, str], set[str]] = defaultdict(set)
    by_code: dict[str, set[str]] = defaultdict(set)
    for row in kept:
        by_code[row.code].add(row.document_id)
        if row.entity_id:
            by_cell[row.entity_id, row.code].add(row.document_id)
    lacks = {cell: lacking(behind_it) for cell, behind_it in by_cell.items()}
    counted = [row for row in kept if row.entity_id and not lacks[row.entity_id, row.code]]
    hidden = [row for row in kept if row.entity_id and lacks[row.entity_id, row.code]]

    topics = _topics(tables, closed, lacking)
    cells = build_matrix(
        itertools.chain((row for row in light if row.passage_id not in closed), counted),
        codes,
        gazetteer,
        topic_labels={topic.topic: topic.label for topic in topics},
        hidden=hidden,
        source_of=lambda row: _source(row, behind),
    )
    del light
    quotable = (row for row in kept if row.passage_id not in off_record)
    chosen = choose_quotes(quotable, codes, lacking, behind.person)
    quotes = sort_records(quote(chosen, rows, tables.mentions, gazetteer, rule.people), EvidenceRow)
    entities = _entities(tables, closed, document_of, document_by_id)
    found = {entity.entity_id for entity in entities}
    holding = {document_of[passage_id] for passage_id in closed}
    del document_of
    passages, relations = in_key_order(tables.passages, Passage), in_key_order(tables.relations, Relation)
    n = behind.people(holding)
    released = Released(
        gate=_GATE,
        rows=streamed(rows, lambda: heapq.merge((r for r in rows if r.passage_id not in closed), quotes, key=key_of)),
        cells=tuple(cells),
        documents=streamed(
            documents,
            lambda: (
                document.model_copy(update={"text": ""}) if document.document_id in holding else document
                for document in documents
                if document.access != CLOSED
            ),
        ),
        passages=streamed(passages, lambda: (p for p in passages if p.passage_id not in closed)),
        mentions=streamed(
            tables.mentions,
            lambda: (m for m in link_mentions(tables.mentions, tables.links) if m.passage_id not in closed),
        ),
        entities=tuple(entities),
        relations=streamed(  # one that the gazetteer gives is told where an open passage names the body
            relations,
            lambda: (
                r
                for r in relations
                if r.access != CLOSED and (r.passage_id not in closed if r.passage_id else r.object_id in found)
            ),
        ),
        topics=tuple(topics),
        interviews="none" if not n else str(n) if n >= rule.people else f"fewer than {rule.people}",
        rule=RULE.format(**rule._asdict()),
    )
    withheld = list_withheld(
        kept,
        cells=lacks,
        codes={code: lacking(behind_it) for code, behind_it in by_code.items()},
        listed=cells,
        documents=document_by_id.values(),
        holding=holding,
        relations=tables.relations,
        closed=closed,
        off_record=off_record,
        topics=tables.topics,
        shown_topics=topics,
    )
    return Gated(released, withheld)


def select(
    released: Released, keep: Callable[[EvidenceRow], bool], codes: Sequence[str], gazetteer: Gazetteer
) -> Released:
    """The part of what may leave whose rows a filter lets through, with matrices of these rows.

    Quotes not for attribution are rows like others to the filter; their document, year, entity and
    topic are empty. They count in no matrix, nor does anything else that is not for attribution.
    """
    rows = tuple(row for row in released.rows if keep(row))
    told = [row for row in rows if row.access != CLOSED]
    passage_ids, document_ids = {row.passage_id for row in told}, {row.document_id for row in told}
    cells = build_matrix(told, codes, gazetteer, topic_labels={topic.topic: topic.label for topic in released.topics})
    return Released(
        gate=_GATE,
        rows=rows,
        cells=tuple(cells),
        documents=tuple(d for d in released.documents if d.document_id in document_ids),
        passages=tuple(p for p in released.passages if p.passage_id in passage_ids),
        mentions=tuple(m for m in released.mentions if m.passage_id in passage_ids),
        entities=released.entities,
        relations=tuple(r for r in released.relations if r.passage_id in passage_ids),
        topics=released.topics,
        interviews=released.interviews,
        rule=released.rule,
        narrowed=True,
    )


def reread(rows: Iterable[EvidenceRow], passages: Iterable[Passage] = ()) -> Released:
    """Rows and open passages that come back from a file that was made of what may leave.

    Raises
    ------
    TypeError
        Where a row not for attribution holds what the gate takes away: it cannot have come through.
    """
    rows = tuple(rows)
    for row in rows:
        if row.access == CLOSED and row != bare(row.code, row.passage_id, row.stance, row.synthetic, row.quote):
            raise TypeError("a row not for attribution has not come through the gate")
    return Released(gate=_GATE, rows=rows, passages=tuple(passages), narrowed=True)


def read_tables(outputs: str | Path) -> Tables:
    """What the pipeline wrote into a folder, for the gate."""
    outputs = Path(outputs)
    return Tables(
        rows=Table(outputs / "evidence.parquet", EvidenceRow),
        documents=Table(outputs / "documents.parquet", Document),
        passages=Table(outputs / "passages.parquet", Passage),
        mentions=Table(outputs / "mentions.parquet", EntityMention),
        links=Table(outputs / "links.parquet", EntityLink),
        entities=Table(outputs / "entities.parquet", FoundEntity),
        relations=Table(outputs / "relations.parquet", Relation),
        topics=Table(outputs / "topics.parquet", Topic),
        assignments=Table(outputs / "topic_assignments.parquet", TopicAssignment),
    )


def load_released(project: str | Path = ".") -> Gated:
    """What may leave of a project, after `dvc repro`: what an exporter or a server begins with."""
    project = Path(project)
    settings = load_params(project / "params.yaml").evidence
    return release(
        read_tables(project / "outputs"),
        load_codebook(project / "corpus" / "codebook.yaml", searched=False).names,
        load_gazetteer(project / "corpus" / "gazetteer.csv"),
        load_interviewees(project / "private" / "interviewees.csv"),
        Rule(settings.min_interviews, settings.min_organisations),
    )


def _lacking(documents: Iterable[str], behind: Behind, rule: Rule) -> str:
    """What the documents lack by the rule, in words; empty where they have enough."""
    documents = set(documents)
    if behind.people(documents) < rule.people:
        return f"fewer than {rule.people} interviewees"
    if behind.organisations(documents) < rule.organisations:
        return f"fewer than {rule.organisations} organisations that private/interviewees.csv tells apart"
    return ""


def _source(row: Counted, behind: Behind) -> tuple[str, str | None]:
    if row.access == CLOSED:
        return behind.person(row.document_id), CLOSED
    return row.document_id, row.speaker if row.kind == "transcript" else None


def _entities(
    tables: Tables, closed: Collection[str], document_of: Mapping[str, str], document_by_id: Mapping[str, Document]
) -> list[FoundEntity]:
    """The entities that open passages name, with counts and years of these alone."""
    n_mentions: Counter[str] = Counter()
    where: dict[str, set[str]] = defaultdict(set)
    for link in tables.links:
        if link.passage_id not in closed:
            n_mentions.update(link.entity_ids)
            for entity_id in link.entity_ids:
                where[entity_id].add(link.passage_id)
    found = []
    for entity in sort_records(tables.entities, FoundEntity):
        if passage_ids := where.get(entity.entity_id):
            documents = sorted({document_of[passage_id] for passage_id in passage_ids})
            years = [document_by_id[document_id].year for document_id in documents]
            found.append(
                entity.model_copy(
                    update={
                        "first_year": min(years),
                        "last_year": max(years),
                        "n_mentions": n_mentions[entity.entity_id],
                        "n_passages": len(passage_ids),
                        "documents": tuple(documents),
                    }
                )
            )
    return found


def _topics(tables: Tables, closed: Collection[str], lacking: Callable[[Iterable[str]], str]) -> list[Topic]:
    """Topics of open passages, counted over these, in words that open passages use or enough interviewees."""

    def words_of(text: str) -> set[str]:
        return set(WORD.findall(text.casefold()))

    asked = set().union(*(words_of(" ".join((t.label, *t.terms, *t.words, t.gloss))) for t in tables.topics))
    users: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    for passage in tables.passages:
        words = (words_of(passage.text) & asked) - known
        if passage.passage_id not in closed:
            known |= words
        else:
            for word in words:
                users[word].add(passage.document_id)
    known |= {word for word, documents in users.items() if not lacking(documents)}
    counts = Counter(row.topic for row in tables.assignments if row.passage_id not in closed)

    def may(text: str) -> bool:
        return words_of(text) <= known

    shown = []
    for topic in sort_records(tables.topics, Topic):
        if not counts[topic.topic]:
            continue
        terms = tuple(filter(may, topic.terms))
        label = topic.label if may(topic.label) or topic.topic < 0 else ", ".join(terms[:3]).capitalize()
        exemplars = tuple(i for i in topic.exemplars if i not in closed)
        shown.append(
            topic.model_copy(
                update={
                    "label": label or f"Topic {topic.topic}",
                    "terms": terms,
                    "words": tuple(filter(may, topic.words)),
                    "gloss": topic.gloss if may(topic.gloss) else "",
                    "n_passages": counts[topic.topic],
                    "exemplars": exemplars,
                }
            )
        )
    return shown
