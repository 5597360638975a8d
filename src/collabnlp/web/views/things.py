"""Pages about one thing or two: a council, partnership or scheme, a code, a topic, a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from collabnlp.evidence import strongest
from collabnlp.query import open_index
from collabnlp.records import EvidenceRow, Passage, Topic, columns
from collabnlp.release import CLOSED, Released
from collabnlp.web.answers import (
    CodeAnswer,
    CompareAnswer,
    EntityAnswer,
    Head,
    Place,
    Ranked,
    Side,
    TopicAnswer,
)
from collabnlp.web.index import COUNTS
from collabnlp.web.project import Project
from collabnlp.web.questions import (
    CodeQuestion,
    CompareQuestion,
    EntityQuestion,
    Filters,
    Refused,
    TopicQuestion,
)
from collabnlp.web.views.network import partners_of
from collabnlp.web.views.view import (
    Sheet,
    View,
    figures,
    figures_header,
    heads,
    known,
    note_of,
    one_place,
    place_id,
    resolve,
    table_of,
)

MOST = 10
BASELINES = {"f1_tuned": "fine-tuned encoder alone", "f1_words": "words", "f1_vectors": "vectors", "f1_keywords": "keyword list"}  # fmt: skip


def entity(project: Project, question: EntityQuestion, *, whole: bool = False) -> View:
    """A council, partnership or scheme: what it is, with whom it works, what is said of it."""
    question = resolve(project, question)
    index, gazetteer = project.index, project.gazetteer
    body = index.body(question.id)
    if body is None:
        raise Refused(f"There is no council, partnership or scheme “{question.id}”.", "Search for it, or choose it from the matrix.", 404)  # fmt: skip
    name, label = body
    rows, columns_ = label.lower(), heads(project, question.code)
    listed = gazetteer.entities.get(question.id)
    seen = sorted(index.seen_in.get(question.id, ()), key=lambda i: (index.document_years.get(i, 0), i))
    facts = {"What it is": label.lower()}
    if listed:
        today = [gazetteer.entities[i].name for i in gazetteer.today(question.id) if i != question.id]
        county = [gazetteer.entities[i].name for i in gazetteer.rolled_up(question.id, "county") if i != question.id]
        facts |= {
            "Type": listed.type,
            "Nation": listed.nation,
            "There": f"{listed.start_date or 'from before what was read'} to {listed.end_date or 'now'}",
            "Became": ", ".join(today),
            "County": ", ".join(county),
        }
    else:
        facts["Type"] = "in no list: the name stands in the documents"
    found = one_place(project, rows, question.id, columns_, question)
    at = index.in_row(rows, question.id, index.mask(question))  # type: ignore[arg-type]
    best = _best(index.read(at), columns_)
    answer = EntityAnswer(
        entity_id=question.id,
        name=name,
        label=label,
        facts={k: v for k, v in facts.items() if v},
        heads=columns_,
        places=found,
        partners=partners_of(project, question.id),
        quotes=[row for row in best if row is not None],
        documents=[(i, index.document_titles[i]) for i in seen if i in index.document_titles],
    )

    def sheets() -> list[Sheet]:
        return [
            _by_code(name, columns_, found),
            Sheet("Partners", f"{name}: who it works with", ["Tie", "Partner", "Passages"], [[p["tie"], p["name"], p["n_passages"]] for p in answer.partners]),
        ]  # fmt: skip

    return View("entity", name, question, answer, sheets, lambda: index.read(at))


def _by_code(name: str, columns_: Sequence[Head], found: Sequence[Place]) -> Sheet:
    return Sheet("Codes", f"{name}: what is said of each code", ["Code", "Code id", *figures_header()], [[h.title, h.code, *figures(p)] for h, p in zip(columns_, found, strict=True)])  # fmt: skip


def _best(released: Released, columns_: Sequence[Head]) -> list[EvidenceRow | None]:
    """The strongest quote of each code."""
    found: dict[str, EvidenceRow] = {}
    by_code: dict[str, list[EvidenceRow]] = {}
    for row in released.rows:
        by_code.setdefault(row.code, []).append(row)
    for code, rows in by_code.items():
        found[code] = strongest(rows)[0]
    return [found.get(head.code) for head in columns_]


def code(project: Project, question: CodeQuestion, *, whole: bool = False) -> View:
    """A code: what it means, how well it is found, where it stands most, its strongest quotes."""
    if question.id not in project.codebook.names:
        known("code", question.id, {c.code: c.title for c in project.codebook.codes})
    question = resolve(project, question)
    index, own = project.index, project.codebook.for_readers()[question.id]
    head = heads(project, [own.code])[0]
    filters = question.filters()
    most = {rows: _most(project, rows, own.code, filters) for rows in ("council", "partnership", "scheme", "document")}
    keep = index.mask(question) & (index.code == index.codes.of(own.code))
    told = np.flatnonzero(keep & ~index.closed)
    closed = index.read(np.flatnonzero(keep & index.closed))
    _, first = np.unique(index.passage[told], return_index=True)
    likely = told[first][np.argsort(-np.nan_to_num(index.score[told[first]], nan=2.0), kind="stable")][: 20 * MOST]
    measured = project.metrics.get("codes", {}).get(own.code, {})
    answer = CodeAnswer(
        head=head,
        definition=own.definition,
        include=list(own.include),
        exclude=list(own.exclude),
        baselines={what: measured[key] for key, what in BASELINES.items() if key in measured},
        most=most,
        quotes=strongest(index.read(likely).rows)[:MOST],
        closed=[row for row in closed.rows if row.access == CLOSED],
        note=note_of(project, filters),
    )

    def sheets() -> list[Sheet]:
        lines: list[list[Any]] = [
            [kind, row.row, row.row_id, *figures(Place(state="found", cell=row.cell))]
            for kind in most
            for row in _most(project, kind, own.code, filters, n=None)
        ]
        return [Sheet("Where", f"{own.title}: where it stands", ["What", "Name", "Id", *figures_header()], lines)]

    return View("code", own.title, question, answer, sheets, lambda: index.read(np.flatnonzero(keep)))


def _most(project: Project, rows: str, code: str, filters: Filters, n: int | None = MOST) -> list[Ranked]:
    table = table_of(project, rows, filters)
    own = np.flatnonzero((table.code == project.index.codes.of(code)) & ~table.suppressed)
    order = sorted(own.tolist(), key=lambda i: (-table.counts[i, COUNTS.index("n_passages")], table.names[int(table.row[i])]))  # fmt: skip
    cells = [table.cell(i) for i in order[:n]]
    return [Ranked(rows=rows, row_id=c.row_id, row=c.row, cell=c) for c in cells]


def topic(project: Project, question: TopicQuestion, *, whole: bool = False) -> View:
    """A topic: its terms, its codes, the passages nearest to its centre."""
    question = resolve(project, question)
    index, columns_ = project.index, heads(project, question.code)
    names = columns(Passage)
    with open_index(index.path) as db:
        line = db.execute(f"SELECT {', '.join(columns(Topic))} FROM topic WHERE topic = ?", [question.id]).fetchone()
        if line is None:
            raise Refused(f"There is no topic {question.id}.", "Choose one from the matrix, with topics as rows.", 404)
        lists = {name: tuple(filter(None, line[name].split(" > "))) for name in ("terms", "exemplars", "words")}
        own = Topic(**{**dict(line), **lists})
        marks = ",".join("?" * len(own.exemplars))
        exemplars = [
            Passage(**{**dict(p), "section": tuple(filter(None, p["section"].split(" > ")))})
            for p in db.execute(f"SELECT {', '.join(names)} FROM passage WHERE passage_id IN ({marks}) ORDER BY passage_id", own.exemplars)
        ]  # fmt: skip
    row_id = str(question.id)
    found = one_place(project, "topic", row_id, columns_, question)
    at = index.in_row("topic", row_id, index.mask(question))
    answer = TopicAnswer(topic=own, heads=columns_, places=found, exemplars=exemplars)
    return View("topic", f"Topic: {own.label}", question, answer, lambda: [_by_code(own.label, columns_, found)], lambda: index.read(at))  # fmt: skip


def compare(project: Project, question: CompareQuestion, *, whole: bool = False) -> View:
    """Two places or two reports side by side."""
    question = resolve(project, question)
    columns_ = heads(project, question.code)
    if bool(question.a) != bool(question.b):
        raise Refused("One of the two to compare is missing.", "Name two places, or two reports.")
    asked = [_side_of(project, name, question.level) for name in (question.a, question.b) if name]
    if len({rows == "document" for rows, _ in asked}) > 1:
        raise Refused("A place cannot be compared with a report.", "Name two places, or two reports.")
    if asked:
        question = CompareQuestion.model_validate({**question.model_dump(), "a": asked[0][1], "b": asked[1][1]})
    filters, index = question.filters(), project.index
    sides, rows_at = [], []
    for rows, row_id in asked:
        found = one_place(project, rows, row_id, columns_, filters)
        at = index.in_row(rows, row_id, index.mask(filters))  # type: ignore[arg-type]
        rows_at.append(at)
        sides.append(
            Side(
                rows=rows,
                row_id=row_id,
                row=index.row_name(rows, row_id),  # type: ignore[arg-type]
                places=found,
                total=sum(place.cell.n_passages for place in found if place.cell),
                quotes=_best(index.read(at), columns_),
            )
        )
    answer = CompareAnswer(heads=columns_, sides=sides, note=note_of(project, filters))

    def sheets() -> list[Sheet]:
        lines = [
            [head.title, side.row, side.row_id, *figures(place)]
            for i, head in enumerate(columns_)
            for side, place in ((side, side.places[i]) for side in sides)
        ]
        return [Sheet("Comparison", "Side by side", ["Code", "Name", "Id", *figures_header()], lines)]

    def quotes() -> Released:
        return index.read(np.unique(np.concatenate(rows_at))) if rows_at else index.read(np.array([], dtype=np.int64))

    title = f"{sides[0].row} and {sides[1].row}" if sides else "Compare two places or two reports"
    return View("compare", title, question, answer, sheets, quotes)


def _side_of(project: Project, name: str, level: str) -> tuple[str, str]:
    """What a name stands for: kind of matrix row and id."""
    index = project.index
    titles = {title.casefold(): i for i, title in index.document_titles.items()}
    document_id = name if name in index.document_titles else titles.get(name.casefold())
    if document_id:
        return "document", document_id
    found = place_id(index, name)
    rows = (index.body(found) or ("", ""))[1].lower()
    if level == "own" or rows != "council":
        return rows, found
    return level, next(iter(project.gazetteer.rolled_up(found, level)), found)  # type: ignore[arg-type]
