"""What all views share: checked names, heads of columns, places of a table, and the form in which a page is handed on."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from collabnlp.records import EvidenceRow
from collabnlp.release import Released, exporter, reread
from collabnlp.web.answers import Head, Place
from collabnlp.web.index import Index, Table
from collabnlp.web.project import Project
from collabnlp.web.questions import Filters, Question, Refused

PER_PAGE = 50
NOUNS = {
    "council": ("council", "Councils"),
    "county": ("county", "Counties"),
    "today": ("council of today", "Councils today"),
    "partnership": ("partnership", "Partnerships"),
    "scheme": ("scheme", "Schemes"),
    "document": ("document", "Documents"),
    "topic": ("topic", "Topics"),
    "year": ("year", "Years"),
}
TIES = {
    "named": "the passage names it",
    "section": "the heading above the passage names it",
    "document": "the title of the document names it",
    "none": "tied to no council, partnership or scheme",
}
NOTHING = Place(state="nothing", cell=None)
Q = TypeVar("Q", bound=Filters)


@dataclass(frozen=True)
class Sheet:
    """A table of an export."""

    name: str
    what: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class View:
    """A page, ready to be shown or handed on.

    Attributes
    ----------
    name
        Of the page in its address, and of its template.
    question
        As asked, names in it resolved to ids: its address is the permanent one.
    sheets, quotes
        What an export holds, made when it is asked for.
    csv
        What a .csv file holds: the first sheet, or the quotes.
    """

    name: str
    title: str
    question: Question
    answer: BaseModel
    sheets: Callable[[], list[Sheet]] = list
    quotes: Callable[[], Released] = field(default=lambda: reread(()))
    csv: str = "sheet"


def resolve(project: Project, question: Q) -> Q:
    """The question with ids for names.

    Raises
    ------
    Refused
        Where a filter names what is not there; the message suggests what is.
    """
    index = project.index
    for document_id in question.document:
        known("document", document_id, index.document_titles)
    for code in question.code:
        known("code", code, {code: project.codebook[code].title for code in project.codebook.names})
    if question.year_from is not None and question.year_to is not None and question.year_from > question.year_to:
        raise Refused(
            f"The years {question.year_from} to {question.year_to} hold no year.", "Put the earlier year first."
        )
    if not question.place:
        return question
    return type(question).model_validate({**question.model_dump(), "place": place_id(index, question.place)})


def known(what: str, value: str, names: Mapping[str, str]) -> str:
    """The value, where it is one of the ids.

    Raises
    ------
    Refused
        Where it is not.
    """
    if value in names:
        return value
    raise Refused(f"There is no {what} “{value}”.", _hint(value, names))


def place_id(index: Index, name: str) -> str:
    """The id of a council, partnership or scheme by its id or any of its names, whatever the capitals.

    Raises
    ------
    Refused
        Where nothing bears the name.
    """
    if index.body(name):
        return name
    found = index.aliases.get(" ".join(name.casefold().split()))
    if found is None:
        raise Refused(
            f"No council, partnership or scheme is called “{name}”.",
            _hint(name, {alias: (index.body(i) or (i,))[0] for alias, i in index.aliases.items()}),
        )
    return found


def _hint(value: str, names: Mapping[str, str]) -> str:
    """What may have been meant."""
    folded = {key.casefold(): title for key, title in names.items()}
    folded |= {title.casefold(): title for title in names.values()}
    near = difflib.get_close_matches(value.casefold(), list(folded), n=3, cutoff=0.6)
    meant = list(dict.fromkeys(folded[name] for name in near))
    if meant:
        return f"Did you mean {' or '.join(meant)}?"
    if len(names) <= 40:
        return f"Allowed: {', '.join(names)}."
    return "Choose one from the matrix, or search for it."


def heads(project: Project, codes: Iterable[str] | None = None) -> list[Head]:
    """The codes as heads of columns, in the codebook's order."""
    wanted = None if codes is None else set(codes)
    measured = project.metrics.get("codes", {})
    return [
        Head(
            code=code.code,
            title=code.title,
            group=project.codebook.groups[code.group],
            **{name: measured.get(code.code, {}).get(name) for name in ("f1", "f1_low", "f1_high")},
            examples=project.scarce.get(code.code),
        )
        for code in project.codebook.codes
        if not wanted or code.code in wanted
    ]


def table_of(project: Project, rows: Any, filters: Filters) -> Table:
    """The cells of one matrix: whole as the gate wrote them, or counted anew where a filter is set."""
    index = project.index
    if not filters.narrows:
        return index.whole(rows)
    return index.narrowed(rows, index.mask(filters))


def searched(project: Project, rows: str, row_id: str, documents: set[str]) -> bool:
    """Whether any document that counts speaks of a row, so that what is not there was looked for."""
    index, gazetteer = project.index, project.gazetteer
    if rows == "document":
        return row_id in documents
    if rows == "year":
        return any(str(index.document_years[i]) == row_id for i in documents)
    if rows == "topic":
        return bool(documents)
    if rows in ("county", "today"):
        members = [i for i in index.seen_in if row_id in gazetteer.rolled_up(i, rows)]  # type: ignore[arg-type]
        return any(index.seen_in[i] & documents for i in members)
    return bool(index.seen_in.get(row_id, set()) & documents)


def places(project: Project, table: Table, row_ids: Sequence[str], columns: Sequence[Head], filters: Filters) -> list[list[Place]]:  # fmt: skip
    """For each of the row ids one place a head."""
    at = {row_id: i for i, row_id in enumerate(table.ids)}
    chosen = {at[i] for i in row_ids if i in at}
    cells = {(cell.row_id, cell.code): cell for cell in table.cells(chosen)}
    documents = project.index.searched(filters)
    found = []
    for row_id in row_ids:
        line = [cells.get((row_id, head.code)) for head in columns]
        looked = any(line) or searched(project, table.rows, row_id, documents)
        nothing = NOTHING if looked else Place(state="not searched", cell=None)
        found.append(
            [
                nothing
                if cell is None
                else Place.model_construct(state="withheld" if cell.suppressed else "found", cell=cell)
                for cell in line
            ]
        )
    return found


def one_place(project: Project, rows: Any, row_id: str, columns: Sequence[Head], filters: Filters) -> list[Place]:
    """The places of one row."""
    return places(project, table_of(project, rows, filters), [row_id], columns, filters)[0]


def note_of(project: Project, filters: Filters) -> str:
    """What is withheld, in words."""
    return project.narrowed if filters.narrows else project.rule


def pages(n: int, page: int, per_page: int, whole: bool) -> tuple[slice, int]:
    """The part of a list that a page shows, and how many pages there are.

    Raises
    ------
    Refused
        Where there is no such page.
    """
    n_pages = max(1, -(-n // per_page))
    if page > n_pages:
        raise Refused(f"There is no page {page}.", f"The last page is {n_pages}.")
    return (slice(None) if whole else slice((page - 1) * per_page, page * per_page)), n_pages


@exporter
def one_a_code(released: Released) -> list[EvidenceRow]:
    """Of the rows of one passage, one for each code and coder: people first, then the surest."""
    best: dict[tuple[str, str], EvidenceRow] = {}
    for row in sorted(
        released.rows, key=lambda r: (r.score is not None, -(r.score or 0.0), r.code, r.coder, r.entity_id)
    ):
        best.setdefault((row.code, row.coder), row)
    return list(best.values())


def figures_header() -> list[str]:
    """Column names of the figures of a cell in an export."""
    return ["Passages", "Not for attribution among them", "Documents", "Independent sources", "Naming the row", "Positive", "Negative", "Neutral", "Mean score"]  # fmt: skip


def figures(place: Place) -> list[Any]:
    """The figures of a place in an export: 0 where nothing was found, [c] where withheld, [x] where not searched."""
    cell = place.cell
    if place.state == "found" and cell is not None:
        return [cell.n_passages, cell.n_closed, cell.n_documents, cell.n_sources, cell.n_named, cell.positive, cell.negative, cell.neutral, cell.mean_score]  # fmt: skip
    mark: Any = {"withheld": "[c]", "not searched": "[x]", "nothing": 0}[place.state]
    return [mark] * 8 + [None]
