"""The matrix, and one cell of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from collabnlp.evidence import strongest
from collabnlp.gazetteer import TODAY
from collabnlp.release import Released, reread
from collabnlp.web.answers import Behind, CellAnswer, Line, MatrixAnswer
from collabnlp.web.index import COUNTS, Table
from collabnlp.web.project import Project
from collabnlp.web.questions import CellQuestion, MatrixQuestion, Refused
from collabnlp.web.views.view import (
    NOUNS,
    PER_PAGE,
    Sheet,
    View,
    figures,
    figures_header,
    heads,
    known,
    note_of,
    one_place,
    pages,
    places,
    resolve,
    table_of,
)

MARKS = "0: looked for, nothing found in what the table counts. [c]: withheld to protect interviewees. [x]: not searched, no document that counts speaks of it."


def matrix(project: Project, question: MatrixQuestion, *, whole: bool = False) -> View:
    """The matrix: one page of its rows, or all of them."""
    question = resolve(project, question)
    index, columns = project.index, heads(project, question.code)
    if question.sort not in ("passages", "name"):
        known("order", question.sort, {"passages": "passages", "name": "name", **dict.fromkeys(index.codes.values, "")})
    table = table_of(project, question.rows, question)
    order, names, totals = _order(project, question, table)
    shown, n_pages = pages(len(order), question.page, PER_PAGE, whole)
    lines = [
        Line.model_construct(row_id=row_id, row=names[row_id], places=line, total=totals.get(row_id, 0))
        for row_id, line in zip(
            order[shown], places(project, table, order[shown], columns, question), strict=True
        )
    ]  # fmt: skip
    n_passages = table.counts[:, COUNTS.index("n_passages")]
    by_code = np.bincount(table.code, weights=n_passages, minlength=len(index.codes)).astype(int)
    keep = index.mask(question)
    answer = MatrixAnswer.model_construct(
        rows=question.rows,
        heads=columns,
        lines=lines,
        totals=[int(by_code[index.codes.of(head.code)]) for head in columns],
        total=int(n_passages.sum()),
        behind=Behind(**index.n_distinct(keep)),
        narrowed=question.narrows,
        note=note_of(project, question),
        n_lines=len(order),
        page=question.page,
        n_pages=n_pages,
    )

    def sheets() -> list[Sheet]:
        everything = matrix(project, question, whole=True).answer if not whole else answer
        return _sheets(everything)  # type: ignore[arg-type]

    def quotes() -> Released:
        at, _, _ = index.places(question.rows)
        return index.read(np.unique(at[keep[at]]))

    return View("matrix", f"{NOUNS[question.rows][1]} by code", question, answer, sheets, quotes)


def _order(project: Project, question: MatrixQuestion, table: Table) -> tuple[list[str], dict[str, str], dict[str, int]]:  # fmt: skip
    """Ids of the rows in the order asked for, their names, and their totals."""
    index = project.index
    n_passages = table.counts[:, COUNTS.index("n_passages")]
    counted = np.ones(len(table.row), dtype=bool)
    if question.sort not in ("passages", "name"):
        counted = table.code == index.codes.of(question.sort)
    sums = np.bincount(table.row, weights=n_passages, minlength=len(table.ids)).astype(int)
    ranks = np.bincount(table.row[counted], weights=n_passages[counted], minlength=len(table.ids)).astype(int)
    present = set(table.row.tolist())
    names = {row_id: table.names[i] for i, row_id in enumerate(table.ids) if i in present}
    totals = {row_id: int(sums[i]) for i, row_id in enumerate(table.ids)}
    rank = {row_id: int(ranks[i]) for i, row_id in enumerate(table.ids)}
    if question.empty:
        names |= {row_id: name for row_id, name in _unheard(project, question).items() if row_id not in names}
    down = question.order == "down"
    if question.sort == "name" or (question.rows == "year" and question.sort == "passages"):
        order = sorted(names, key=lambda i: (names[i].casefold(), i), reverse=not down)
    else:
        sign = -1 if down else 1
        order = sorted(names, key=lambda i: (sign * rank.get(i, 0), names[i].casefold(), i))
    return order, names, totals


def _unheard(project: Project, question: MatrixQuestion) -> dict[str, str]:
    """Names of rows that there could be: all that the whole table has, English councils still there, documents, years between."""
    index, rows = project.index, question.rows
    whole = index.whole(rows)
    found = dict(zip(whole.ids, whole.names, strict=True))
    if rows in ("council", "county", "today"):
        for entity in project.gazetteer.entities.values():
            there = not entity.end_date or entity.end_date >= TODAY
            above = rows != "county" or project.gazetteer.county_of(entity.entity_id) == entity.entity_id
            if entity.label == "COUNCIL" and entity.nation == "England" and not entity.invented and there and above:
                found.setdefault(entity.entity_id, entity.name)
    elif rows in ("partnership", "scheme"):
        wanted = rows.upper()
        found |= {i: name for i, name in index.entity_names.items() if i and index.entity_labels[i] == wanted}
    elif rows == "document":
        found |= index.document_titles
    elif rows == "topic":
        found |= {str(topic): label for topic, label in index.topics.items()}
    elif years := list(index.document_years.values()):
        found |= {str(year): str(year) for year in range(min(years), max(years) + 1)}
    return found


def _sheets(answer: MatrixAnswer) -> list[Sheet]:
    noun, title = NOUNS[answer.rows]
    wide = [[line.row, *(figures(place)[0] for place in line.places), line.total] for line in answer.lines]
    wide.append(["All rows", *answer.totals, answer.total])
    long = [
        [line.row, line.row_id, head.title, head.code, place.state, *figures(place)]
        for line in answer.lines
        for head, place in zip(answer.heads, line.places, strict=True)
    ]
    return [
        Sheet(
            "Cells",
            f"{title} by code: every cell",
            [noun.capitalize(), "Row id", "Code", "Code id", "State", *figures_header()],
            long,
        ),
        Sheet(
            "Matrix",
            f"{title} by code: number of passages. {MARKS}",
            [noun.capitalize(), *(head.title for head in answer.heads), "All codes"],
            wide,
        ),
    ]


def cell(project: Project, question: CellQuestion, *, whole: bool = False) -> View:
    """One cell: its figures and its quotes, strongest first."""
    question = resolve(project, question)
    index = project.index
    name = index.row_name(question.rows, question.row)
    if not name:
        raise Refused(f"There is no {NOUNS[question.rows][0]} “{question.row}”.", "Go back to the matrix.", 404)  # fmt: skip
    known("code", question.column, {code: project.codebook[code].title for code in project.codebook.names})
    head = heads(project, [question.column])[0]
    place = one_place(project, question.rows, question.row, [head], question)[0]
    at = index.in_row(question.rows, question.row, index.mask(question) & (index.code == index.codes.of(head.code)))
    released = index.read(at)
    quotes = strongest(released.rows)
    shown, n_pages = pages(len(quotes), question.page, PER_PAGE, whole)
    answer = CellAnswer(
        row_id=question.row,
        row=name,
        head=head,
        place=place,
        note=note_of(project, question),
        quotes=quotes[shown],
        n_quotes=len(quotes),
        page=question.page,
        n_pages=n_pages,
    )

    def sheets() -> list[Sheet]:
        what = f"{name}, {head.title}. {MARKS}"
        return [Sheet("Figures", what, ["Row", "Code", "State", *figures_header()], [[name, head.title, place.state, *figures(place)]])]  # fmt: skip

    return View("cell", f"{head.title}: {name}", question, answer, sheets, lambda: reread(quotes), "quotes")


def groups(columns: list[Any]) -> list[tuple[str, int]]:
    """Titles of the groups and how many columns each spans, in order."""
    spans: dict[str, int] = defaultdict(int)
    for head in columns:
        spans[head.group] += 1
    return list(spans.items())
