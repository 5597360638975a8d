"""What the release gate kept back or made coarser, and why: for the owner of a project alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from collabnlp.evidence import Light
from collabnlp.private import Allowed
from collabnlp.quoting import CLOSED
from collabnlp.records import Document, MatrixCell, Relation, Topic, Withheld, sort_records


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


def list_withheld(
    kept: Sequence[Light],
    *,
    cells: Mapping[tuple[str, str], str],
    codes: Mapping[str, str],
    listed: Collection[MatrixCell],
    documents: Iterable[Document],
    holding: Collection[str],
    relations: Iterable[Relation],
    closed: Collection[str],
    off_record: Collection[str],
    topics: Iterable[Topic],
    shown_topics: Iterable[Topic],
) -> list[Withheld]:
    """What was kept back or made coarser, and why.

    Parameters
    ----------
    kept
        Rows not for attribution.
    cells, codes
        What the cell of an entity and a code, and a code, lack by the rule, in words; empty where
        they have enough.
    listed
        Cells that are shown.
    holding
        Documents that hold a closed passage.
    closed, off_record
        Passages.
    """
    found: dict[tuple[str, str, str], Withheld] = {}

    def tell(what: str, row_id: str, row: str, code: str, done: str, reason: str) -> None:
        if (what, row_id, code) not in found:
            found[what, row_id, code] = Withheld.model_validate(
                {"what": what, "row_id": row_id, "row": row, "code": code, "done": done, "reason": reason}
            )

    shown_rows = {(cell.rows, cell.row_id) for cell in listed}
    for row in kept:
        if row.entity_id and (reason := cells[row.entity_id, row.code]):
            tell("cell", row.entity_id, row.entity_name, row.code, "withheld", reason)
        elif row.entity_id:
            why = "counted without stance, document, year and topic: not for attribution"
            tell("cell", row.entity_id, row.entity_name, row.code, "generalised", why)
        if row.entity_id and (row.entity_label.lower(), row.entity_id) not in shown_rows:
            why = "nothing else that is shown is tied to it: its name would say where interviewees are from"
            tell("row", row.entity_id, row.entity_name, "", "withheld", why)
        if reason := codes[row.code]:
            tell("quotes", "", "", row.code, "withheld", reason)
        else:
            tell("quotes", "", "", row.code, "generalised", "a choice, without names of councils, source and year")
        if row.passage_id in off_record:
            why = "said off the record: never quoted"
            tell("quotes", row.passage_id, "", row.code, "withheld", why)
    for document in documents:
        if document.access == CLOSED:
            why = "not for attribution: its title, sections and dates are in no list"
            tell("document", document.document_id, document.title, "", "withheld", why)
        elif document.document_id in holding:
            why = "a passage of it is not for attribution: shown passage by passage, without that one"
            tell("document", document.document_id, document.title, "", "generalised", why)
    for relation in relations:
        if relation.passage_id in closed:
            why = "said not for attribution"
            tell("relation", relation.passage_id, relation.subject_name, "", "withheld", why)
    shown = {topic.topic: topic for topic in shown_topics}
    for topic in topics:
        if topic.topic not in shown:
            tell("topic", str(topic.topic), topic.label, "", "withheld", "no open passage has it")
        elif (topic.label, topic.terms) != (shown[topic.topic].label, shown[topic.topic].terms):
            why = "words that too few interviewees use, and no open passage"
            tell("topic", str(topic.topic), topic.label, "", "generalised", why)
    return sort_records(found.values(), Withheld)
