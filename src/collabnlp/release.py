"""What may leave: the one gate that evidence goes through before it is written, shown or served.

What exporters and servers take is a `Released`, and only this module makes one: what public and
attributable sources say, and of interviews not for attribution what rests on enough people.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from collabnlp.codebook import load_codebook
from collabnlp.evidence import build_matrix, strongest
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.interviewees import Behind, Interviewees, load_interviewees
from collabnlp.params import load_params
from collabnlp.private import Allowed
from collabnlp.records import (
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    FoundEntity,
    MatrixCell,
    Passage,
    Relation,
    Topic,
    TopicAssignment,
    Withheld,
    access_of,
    key_of,
    read_table,
    sort_records,
    text_sha256,
)

# docs/decisions/0008-release-gate.md says why the gate is as it is.

CLOSED = "non-attributable"
NOT_NAMED = "Interviews not for attribution"
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

    rows: Sequence[EvidenceRow] = ()
    documents: Sequence[Document] = ()
    passages: Sequence[Passage] = ()
    mentions: Sequence[EntityMention] = ()
    links: Sequence[EntityLink] = ()
    entities: Sequence[FoundEntity] = ()
    relations: Sequence[Relation] = ()
    topics: Sequence[Topic] = ()
    assignments: Sequence[TopicAssignment] = ()


_GATE = object()


@dataclass(frozen=True, kw_only=True)
class Released:
    """What may leave. Everything that writes or shows evidence takes this and nothing else; only this module makes one.

    Attributes
    ----------
    rows
        Evidence rows of open sources, and quotes not for attribution without anything but text, code and stance.
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
    rows: tuple[EvidenceRow, ...] = ()
    cells: tuple[MatrixCell, ...] = ()
    documents: tuple[Document, ...] = ()
    passages: tuple[Passage, ...] = ()
    mentions: tuple[EntityMention, ...] = ()
    entities: tuple[FoundEntity, ...] = ()
    relations: tuple[Relation, ...] = ()
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
    document_by_id = {document.document_id: document for document in tables.documents}
    behind = Behind(interviewees)
    closed = {p.passage_id for p in tables.passages if access_of(p, document_by_id[p.document_id]) == CLOSED} | {
        row.passage_id for row in tables.rows if row.access == CLOSED
    }
    document_of = {p.passage_id: p.document_id for p in tables.passages}
    document_of |= {row.passage_id: row.document_id for row in tables.rows}
    told = [row for row in tables.rows if row.passage_id not in closed]
    kept = [row.model_copy(update={"access": CLOSED}) for row in tables.rows if row.passage_id in closed]

    by_cell: dict[tuple[str, str], set[str]] = defaultdict(set)
    by_code: dict[str, set[str]] = defaultdict(set)
    for row in kept:
        by_code[row.code].add(row.document_id)
        if row.entity_id:
            by_cell[row.entity_id, row.code].add(row.document_id)
    lacks = {cell: _lacking(documents, behind, rule) for cell, documents in by_cell.items()}
    counted = [row for row in kept if row.entity_id and not lacks[row.entity_id, row.code]]
    hidden = [row for row in kept if row.entity_id and lacks[row.entity_id, row.code]]

    passages = [p for p in tables.passages if p.passage_id not in closed]
    topics = _topics(tables, closed, document_of, behind, rule)
    cells = build_matrix(
        [*told, *counted],
        codes,
        gazetteer,
        topic_labels={topic.topic: topic.label for topic in topics},
        hidden=hidden,
        source_of=lambda row: _source(row, behind),
    )
    off_record = {p.passage_id for p in tables.passages if p.off_record}
    quotable = [row for row in kept if row.passage_id not in off_record]
    quotes = _quotes(quotable, tables.mentions, codes, gazetteer, behind, rule)
    entities = _entities(tables, closed, document_of, document_by_id)
    found = {entity.entity_id for entity in entities}
    relations = [  # one that the gazetteer gives is told where an open passage names the body
        r
        for r in tables.relations
        if r.access != CLOSED and (r.passage_id not in closed if r.passage_id else r.object_id in found)
    ]
    holding = {document_of[passage_id] for passage_id in closed}
    open_documents = [
        document.model_copy(update={"text": ""}) if document.document_id in holding else document
        for document in tables.documents
        if document.access != CLOSED
    ]
    n = behind.people(holding)
    released = Released(
        gate=_GATE,
        rows=(*sort_records(told, EvidenceRow), *quotes),
        cells=tuple(cells),
        documents=tuple(sort_records(open_documents, Document)),
        passages=tuple(sort_records(passages, Passage)),
        mentions=tuple(_mentions(tables, closed)),
        entities=tuple(entities),
        relations=tuple(sort_records(relations, Relation)),
        topics=tuple(topics),
        interviews="none" if not n else str(n) if n >= rule.people else f"fewer than {rule.people}",
        rule=RULE.format(**rule._asdict()),
    )
    reasons = {code: _lacking(documents, behind, rule) for code, documents in by_code.items()}
    return Gated(released, _withheld(tables, closed, kept, lacks, reasons, released, off_record))


def let_pass(allowed: Iterable[Allowed]) -> list[Withheld]:
    """What a person decided that the audit shall not stop at, by file, without the names."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for one in allowed:
        reasons[one.path].append(one.reason)
    return [
        Withheld(
            what="alarm",
            row_id=path,
            row=f"names that may stand there: {len(why)}",
            code="",
            done="allowed",
            reason="; ".join(dict.fromkeys(why)),
        )
        for path, why in sorted(reasons.items())
    ]


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
        if row.access == CLOSED and row != _bare(row, row.passage_id, row.quote):
            raise TypeError("a row not for attribution has not come through the gate")
    return Released(gate=_GATE, rows=rows, passages=tuple(passages), narrowed=True)


def read_tables(outputs: str | Path) -> Tables:
    """What the pipeline wrote into a folder, for the gate."""
    outputs = Path(outputs)
    return Tables(
        rows=read_table(outputs / "evidence.parquet", EvidenceRow),
        documents=read_table(outputs / "documents.parquet", Document),
        passages=read_table(outputs / "passages.parquet", Passage),
        mentions=read_table(outputs / "mentions.parquet", EntityMention),
        links=read_table(outputs / "links.parquet", EntityLink),
        entities=read_table(outputs / "entities.parquet", FoundEntity),
        relations=read_table(outputs / "relations.parquet", Relation),
        topics=read_table(outputs / "topics.parquet", Topic),
        assignments=read_table(outputs / "topic_assignments.parquet", TopicAssignment),
    )


def load_released(project: str | Path = ".") -> Gated:
    """What may leave of a project, after `dvc repro`: what an exporter or a server begins with."""
    project = Path(project)
    settings = load_params(project / "params.yaml").evidence
    return release(
        read_tables(project / "outputs"),
        load_codebook(project / "corpus" / "codebook.yaml").names,
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


def _source(row: EvidenceRow, behind: Behind) -> tuple[str, str | None]:
    if row.access == CLOSED:
        return behind.person(row.document_id), CLOSED
    return row.document_id, row.speaker if row.kind == "transcript" else None


def _bare(row: EvidenceRow, passage_id: str, quote: str) -> EvidenceRow:
    """A row not for attribution as it may be shown: text, code, stance, and whether it is invented."""
    return EvidenceRow(
        entity_id="",
        entity_name="",
        entity_label="",
        code=row.code,
        passage_id=passage_id,
        coder="",
        tie="none",
        stance=row.stance,
        score=None,
        document_id="",
        document=NOT_NAMED,
        kind="transcript",
        year=None,
        access=CLOSED,
        synthetic=row.synthetic,
        section="",
        page=None,
        speaker=None,
        topic=None,
        review=False,
        sentence="",
        terms="",
        quote=quote,
    )


def _quotes(
    rows: Sequence[EvidenceRow],
    mentions: Iterable[EntityMention],
    codes: Sequence[str],
    gazetteer: Gazetteer,
    behind: Behind,
    rule: Rule,
) -> list[EvidenceRow]:
    """Quotes of each code that has enough behind what may be quoted of it: one from each interviewee, as many as the rule asks or a multiple of it.

    The number is rounded down so that it does not say how many there are, and the order is one of
    the texts themselves, so that it says nothing of where they come from.
    """
    spans: dict[str, list[EntityMention]] = defaultdict(list)
    for mention in mentions:
        spans[mention.passage_id].append(mention)
    mask = _Mask(gazetteer)
    shown: list[EvidenceRow] = []
    for code in codes:
        own = [row for row in rows if row.code == code]
        if _lacking({row.document_id for row in own}, behind, rule):
            continue
        of_person: dict[str, EvidenceRow] = {}
        for row in strongest(row.model_copy(update={"tie": "none"}) for row in own):  # not by what it is tied to
            of_person.setdefault(behind.person(row.document_id), row)
        texts = [(mask(row.quote, spans[row.passage_id]), row) for row in of_person.values()]
        texts.sort(key=lambda pair: (text_sha256(pair[0]), pair[1].stance))
        shown += [
            _bare(row, f"not-for-attribution:{code}:{i:04d}", text)
            for i, (text, row) in enumerate(texts[: len(texts) // rule.people * rule.people], start=1)
        ]
    return shown


class _Mask:
    """Puts [council], [partnership] or [scheme] in place of names: those found in the text, and all of the gazetteer."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._by_word: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for alias, (_, ids) in gazetteer.aliases.items():
            if alias[:1].isupper():
                self._by_word[_WORD.findall(alias)[0]].append((alias, gazetteer.entities[ids[0]].label))

    def __call__(self, text: str, mentions: Iterable[EntityMention]) -> str:
        names: dict[str, str] = {mention.text: mention.label for mention in mentions}
        names |= {a: label for word in set(_WORD.findall(text)) for a, label in self._by_word.get(word, ())}
        if not names:
            return text
        either = "|".join(
            r"\s+".join(map(re.escape, name.split())) for name in sorted(names, key=lambda name: (-len(name), name))
        )
        labels = {" ".join(name.split()): label for name, label in names.items()}
        return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda m: f"[{labels[' '.join(m.group().split())].lower()}]", text)


_WORD = re.compile(r"\w+")


def _entities(
    tables: Tables, closed: Collection[str], document_of: Mapping[str, str], document_by_id: Mapping[str, Document]
) -> list[FoundEntity]:
    """The entities that open passages name, with counts and years of these alone."""
    where: dict[str, list[str]] = defaultdict(list)
    for link in tables.links:
        if link.passage_id not in closed:
            for entity_id in link.entity_ids:
                where[entity_id].append(link.passage_id)
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
                        "n_mentions": len(passage_ids),
                        "n_passages": len(set(passage_ids)),
                        "documents": tuple(documents),
                    }
                )
            )
    return found


def _mentions(tables: Tables, closed: Collection[str]) -> list[EntityMention]:
    """Mentions of open passages, with the ids that clustering gave them."""
    ids = {key_of(link): link.entity_ids for link in tables.links}
    told = [m for m in tables.mentions if m.passage_id not in closed]
    return sort_records(
        (m.model_copy(update={"entity_ids": ids.get(key_of(m), m.entity_ids)}) for m in told), EntityMention
    )


def _topics(
    tables: Tables, closed: Collection[str], document_of: Mapping[str, str], behind: Behind, rule: Rule
) -> list[Topic]:
    """Topics of open passages, counted over these, in words that open passages use or enough interviewees."""
    users: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    for passage in tables.passages:
        words = set(_WORD.findall(passage.text.casefold()))
        if passage.passage_id not in closed:
            known |= words
        else:
            for word in words:
                users[word].add(passage.document_id)
    known |= {word for word, documents in users.items() if word not in known and not _lacking(documents, behind, rule)}
    counts = Counter(row.topic for row in tables.assignments if row.passage_id not in closed)

    def may(text: str) -> bool:
        return set(_WORD.findall(text.casefold())) <= known

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


def _withheld(
    tables: Tables,
    closed: Collection[str],
    kept: Sequence[EvidenceRow],
    cells: Mapping[tuple[str, str], str],
    codes: Mapping[str, str],
    released: Released,
    off_record: Collection[str],
) -> list[Withheld]:
    """What was kept back or made coarser, and why."""
    found: dict[tuple[str, str, str], Withheld] = {}

    def tell(what: str, row_id: str, row: str, code: str, done: str, reason: str) -> None:
        found.setdefault(
            (what, row_id, code),
            Withheld.model_validate(
                {"what": what, "row_id": row_id, "row": row, "code": code, "done": done, "reason": reason}
            ),
        )

    listed = {(cell.rows, cell.row_id) for cell in released.cells}
    for row in kept:
        if row.entity_id and (reason := cells[row.entity_id, row.code]):
            tell("cell", row.entity_id, row.entity_name, row.code, "withheld", reason)
        elif row.entity_id:
            why = "counted without stance, document, year and topic: not for attribution"
            tell("cell", row.entity_id, row.entity_name, row.code, "generalised", why)
        if row.entity_id and (row.entity_label.lower(), row.entity_id) not in listed:
            why = "nothing else that is shown is tied to it: its name would say where interviewees are from"
            tell("row", row.entity_id, row.entity_name, "", "withheld", why)
        if reason := codes[row.code]:
            tell("quotes", "", "", row.code, "withheld", reason)
        else:
            tell("quotes", "", "", row.code, "generalised", "a choice, without names of councils, source and year")
    for document in tables.documents:
        if document.access == CLOSED:
            why = "not for attribution: its title, sections and dates are in no list"
            tell("document", document.document_id, document.title, "", "withheld", why)
    for row in kept:
        if row.passage_id in off_record:
            why = "said off the record: never quoted"
            tell("quotes", row.passage_id, "", row.code, "withheld", why)
    holding = {p.document_id for p in tables.passages if p.passage_id in closed}
    for document in tables.documents:
        if document.access != CLOSED and document.document_id in holding:
            why = "a passage of it is not for attribution: shown passage by passage, without that one"
            tell("document", document.document_id, document.title, "", "generalised", why)
    for relation in tables.relations:
        if relation.passage_id in closed:
            why = "said not for attribution"
            tell("relation", relation.passage_id, relation.subject_name, "", "withheld", why)
    shown = {topic.topic: topic for topic in released.topics}
    for topic in tables.topics:
        if topic.topic not in shown:
            tell("topic", str(topic.topic), topic.label, "", "withheld", "no open passage has it")
        elif (topic.label, topic.terms) != (shown[topic.topic].label, shown[topic.topic].terms):
            why = "words that too few interviewees use, and no open passage"
            tell("topic", str(topic.topic), topic.label, "", "generalised", why)
    return sort_records(found.values(), Withheld)
