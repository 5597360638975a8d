"""Views as HTML: the templates and what they are given. All text is escaped."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collabnlp.export.passages import citation
from collabnlp.web import questions
from collabnlp.web.answers import Place
from collabnlp.web.exports import plain
from collabnlp.web.project import Project
from collabnlp.web.questions import Filters, Question
from collabnlp.web.views.matrix import groups
from collabnlp.web.views.things import BASELINES
from collabnlp.web.views.view import NOUNS, TIES, View

QUESTIONS: Mapping[str, type[Question]] = {
    "matrix": questions.MatrixQuestion,
    "cell": questions.CellQuestion,
    "search": questions.SearchQuestion,
    "passage": questions.PassageQuestion,
    "document": questions.DocumentQuestion,
    "entity": questions.EntityQuestion,
    "code": questions.CodeQuestion,
    "topic": questions.TopicQuestion,
    "compare": questions.CompareQuestion,
    "network": questions.NetworkQuestion,
    "method": questions.MethodQuestion,
}
EXAMPLES = {
    "matrix": "?rows=county",
    "cell": "?rows=year&row=2018&column=trust",
    "search": "?q=shared+chief+executive",
    "code": "?id=trust",
    "topic": "?id=0",
}
LABELS = {
    "document": "Document",
    "year_from": "From year",
    "year_to": "To year",
    "kind": "Kind",
    "access": "Access",
    "stance": "Stance",
    "place": "Place",
    "code": "Code",
    "min_score": "Lowest score",
    "coder": "Coded by",
}
ROW_PAGES = {
    "council": "entity",
    "partnership": "entity",
    "scheme": "entity",
    "document": "document",
    "topic": "topic",
}
MOST_NAMES = 1000  # suggestions in a field


def link(name: str, like: Question | None = None, **given: Any) -> str:
    """Address of a page, with the filters of the question that the reader comes from."""
    fields = {}
    if isinstance(like, Filters) and issubclass(QUESTIONS[name], Filters):
        fields = {field: getattr(like, field) for field in Filters.model_fields}
    return QUESTIONS[name].model_validate(fields | given).address(f"/{name}")


def shade(place: Place) -> str:
    """Class of a cell of the matrix, by its number of passages."""
    if place.cell is None or place.state != "found":
        return place.state.replace(" ", "-")
    return f"n{1 + sum(place.cell.n_passages > bound for bound in (1, 4, 9, 24))}"


def allowed(schema: Mapping[str, Any]) -> str:
    """What a parameter of the API may be, in words."""
    found: list[str] = []
    for part in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
        found += map(str, part.get("enum", ()))
        if part.get("type") in ("integer", "number"):
            bounds = [part[name] for name in ("minimum", "maximum") if name in part]
            found.append("a number" + (f", {bounds[0]:g} to {bounds[1]:g}" if len(bounds) == 2 else ""))
        if part.get("type") == "boolean":
            found.append("yes, no")
    return ", ".join(found) or "text"


class Pages:
    """Makes the pages."""

    def __init__(self) -> None:
        self.environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=plain,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(link=link, citation=citation, shade=shade, ties=TIES, nouns=NOUNS, reviewer="")

    def show(self, project: Project, view: View) -> Response:
        """The page of a view."""
        question = view.question
        titles = {code.code: code.title for code in project.codebook.codes}
        filters = question.filters() if isinstance(question, Filters) else Filters()
        names = _names(project)
        rows = getattr(question, "rows", "")
        without = {name: Filters.model_fields[name].get_default() for name in LABELS}
        bare = question.address(f"/{view.name}", **without) if isinstance(question, Filters) else f"/{view.name}"
        html = self.environment.get_template(f"{view.name}.html").render(
            view=view,
            here=view.name,
            question=question,
            answer=view.answer,
            titles=titles,
            chips=_chips(project, view, filters),
            filter_pairs=filters.pairs(),
            names_of=names,
            name_of=lambda entity_id: (project.index.body(entity_id) or (entity_id,))[0],
            names_known=project.index.entity_names,
            documents=list(project.index.document_titles.items()),
            documents_of=project.index.document_titles,
            groups=groups(getattr(view.answer, "heads", [])),
            row_page=ROW_PAGES.get(rows, ""),
            cell_base=_cell_base(filters, rows),
            bare=bare,
            permanent=question.address(f"/{view.name}"),
            baselines=list(BASELINES.values()),
            has_network=bool(project.network),
            has_picture=project.picture.is_file(),
        )
        return HTMLResponse(html)

    def api(self, schema: Mapping[str, Any]) -> Response:
        """The page that describes the JSON."""
        examples = {path: path + EXAMPLES.get(path.removeprefix("/api/"), "") for path in schema["paths"]}
        template = self.environment.get_template("api.html")
        return HTMLResponse(template.render(here="api", schema=schema, examples=examples, allowed=allowed))

    def error(self, problem: str, remedy: str, status: int) -> Response:
        """The page that says what is wrong with an address."""
        heading = "Nothing here" if status == 404 else "This cannot be shown"
        template = self.environment.get_template("error.html")
        return HTMLResponse(template.render(here="", heading=heading, problem=problem, remedy=remedy), status)


def _cell_base(filters: Filters, rows: str) -> str:
    """Beginning of the addresses of a matrix's cells: a page has hundreds, so the common part is made once."""
    return f"/cell?{urlencode([*filters.pairs(), ('rows', rows)])}&"


def _names(project: Project) -> dict[str, str]:
    """Names of the bodies in the evidence by id, in alphabetical order, for suggestions."""
    return _sorted_names(project.index)


@functools.lru_cache(maxsize=2)
def _sorted_names(index: Any) -> dict[str, str]:
    names = sorted(index.entity_names.items(), key=lambda pair: (pair[1].casefold(), pair[0]))
    return {entity_id: name for entity_id, name in names[:MOST_NAMES] if entity_id}


def _chips(project: Project, view: View, filters: Filters) -> list[tuple[str, str, str]]:
    """The filters that are set: name, value in words, the address without it."""
    titles: Callable[[str, str], str] = lambda name, value: {  # noqa: E731
        "document": project.index.document_titles,
        "place": {filters.place: (project.index.body(filters.place) or (filters.place,))[0]},
        "code": {code.code: code.title for code in project.codebook.codes},
    }.get(name, {}).get(value, value)
    found = []
    for name, value in filters.pairs():
        present = getattr(filters, name)
        rest = [item for item in present if item != value] if isinstance(present, list) else Filters.model_fields[name].get_default()  # fmt: skip
        changes = {name: rest} | ({"page": 1} if hasattr(view.question, "page") else {})
        found.append((LABELS[name], titles(name, value), view.question.address(f"/{view.name}", **changes)))
    return found
