"""The server: each view at its address, as a page, as a file and as JSON."""

import difflib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import collabnlp
from collabnlp.desk import Desk
from collabnlp.records import InputError
from collabnlp.web import answers, questions
from collabnlp.web.exports import TYPES, export
from collabnlp.web.guard import LOOPBACK, Guard
from collabnlp.web.pages import Pages
from collabnlp.web.project import Keeper, Project
from collabnlp.web.questions import Question, Refused
from collabnlp.web.review import WRITES, ReviewPages
from collabnlp.web.views import matrix, method, network, reading, things
from collabnlp.web.views.view import View

HERE = Path(__file__).parent


class Route(NamedTuple):
    """A view: what makes it, what it is asked, what it answers, in words, and a question that works."""

    make: Callable[..., View]
    question: type[Question]
    answer: type
    what: str


ROUTES = {
    "matrix": Route(matrix.matrix, questions.MatrixQuestion, answers.MatrixAnswer, "The evidence matrix"),
    "cell": Route(matrix.cell, questions.CellQuestion, answers.CellAnswer, "One cell and its quotes, strongest first"),
    "search": Route(reading.search_view, questions.SearchQuestion, answers.SearchAnswer, "Passages that match, best first"),
    "passage": Route(reading.passage, questions.PassageQuestion, answers.PassageAnswer, "A passage in its document"),
    "document": Route(reading.document, questions.DocumentQuestion, answers.DocumentAnswer, "A document"),
    "entity": Route(things.entity, questions.EntityQuestion, answers.EntityAnswer, "A council, partnership or scheme"),
    "code": Route(things.code, questions.CodeQuestion, answers.CodeAnswer, "A code"),
    "topic": Route(things.topic, questions.TopicQuestion, answers.TopicAnswer, "A topic"),
    "compare": Route(things.compare, questions.CompareQuestion, answers.CompareAnswer, "Two places or two reports"),
    "network": Route(network.network, questions.NetworkQuestion, answers.NetworkAnswer, "Who works with whom"),
    "method": Route(method.method, questions.MethodQuestion, answers.MethodAnswer, "What was read, and how well codes are found"),
}  # fmt: skip


def create_app(
    database: str | Path, folder: str | Path = ".", hosts: Collection[str] = LOOPBACK, desk: Desk | None = None
) -> Guard:
    """The server as an ASGI application.

    Parameters
    ----------
    database
        evidence.db.
    folder
        The project's folder: the codebook, the gazetteer and the parameters are its.
    hosts
        Names under which it answers.
    desk
        Where a reviewer codes; without one, no address takes anything in.

    Raises
    ------
    InputError
        Where something that must be there is missing or broken.
    """
    keeper, pages = Keeper(database, folder), Pages()
    app = FastAPI(
        title="Collaboration evidence",
        version=collabnlp.__version__,
        description="Evidence on collaboration between councils: what the pages show, as JSON. Read only.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    for name, route in ROUTES.items():
        _add(app, keeper, pages, name, route)

    if desk is not None:
        pages.environment.globals["reviewer"] = desk.coder
        ReviewPages(desk, pages).add_to(app)

    @app.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse("/matrix", 307)

    @app.get("/api", include_in_schema=False)
    def api() -> Response:
        return pages.api(app.openapi())

    @app.get("/network.svg", include_in_schema=False)
    def picture() -> Response:
        try:
            data = keeper.ask(lambda project: project.picture.read_bytes())
        except FileNotFoundError:
            raise HTTPException(404) from None
        return Response(data, media_type="image/svg+xml")

    def refuse(request: Request, problem: str, remedy: str, status: int) -> Response:
        path = request.url.path
        if path.startswith("/api/") or path.endswith(".json"):
            return JSONResponse({"problem": problem, "remedy": remedy}, status)
        return pages.error(problem, remedy, status)

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return refuse(request, error.problem, error.remedy, error.status)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return refuse(request, *_first_problem(request, error), 400)

    @app.exception_handler(HTTPException)
    def missing(request: Request, error: HTTPException) -> Response:
        return refuse(request, "There is no such page.", "Begin at the matrix.", error.status_code)

    @app.exception_handler(InputError)
    def broken(request: Request, error: InputError) -> Response:
        problem = f"The evidence cannot be read at the moment, for want of {Path(error.path).name}."
        return refuse(request, problem, f"{error.remedy[:1].upper()}{error.remedy[1:]}.", 503)

    return Guard(app, hosts, WRITES if desk is not None else ())


def _add(app: FastAPI, keeper: Keeper, pages: Pages, name: str, route: Route) -> None:
    """Put a view at its addresses: /name, /name.xlsx and the like, /api/name."""
    model = route.question

    def page(request: Request, question: Annotated[model, Query()]) -> Response:  # type: ignore[valid-type]
        if "" in request.query_params.values():  # a form sends its empty fields; the address shall be the permanent one
            return RedirectResponse(question.address(f"/{name}"), 303)  # type: ignore[attr-defined]
        return keeper.ask(lambda project: pages.show(project, route.make(project, question)))

    def file(suffix: str) -> Callable[..., Response]:
        def answer(question: Annotated[model, Query()]) -> Response:  # type: ignore[valid-type]
            return keeper.ask(lambda project: _file(project, route, question, name, suffix))

        return answer

    def api(question: Annotated[model, Query()]) -> Response:  # type: ignore[valid-type]
        view = keeper.ask(lambda project: route.make(project, question, whole=True))
        return Response(export(view, "json", {}, ()), media_type="application/json")

    app.add_api_route(f"/{name}", page, methods=["GET"], include_in_schema=False)
    for suffix in TYPES:
        app.add_api_route(f"/{name}.{suffix}", file(suffix), methods=["GET"], include_in_schema=False)
    app.add_api_route(
        f"/api/{name}",
        api,
        methods=["GET"],
        response_model=route.answer,
        summary=route.what,
        operation_id=name,
        responses={400: {"description": "A value that is not allowed"}, 404: {"description": "Nothing of that id"}},
    )


def _file(project: Project, route: Route, question: Any, name: str, suffix: str) -> Response:
    view = route.make(project, question, whole=True)
    told = [*_told(project, view), ("Withheld", project.narrowed if _narrows(view.question) else project.rule)]
    data = export(view, suffix, {code.code: code.title for code in project.codebook.codes}, told)
    return Response(
        data, media_type=TYPES[suffix], headers={"content-disposition": f'attachment; filename="{name}.{suffix}"'}
    )


def _narrows(question: Question) -> bool:
    return isinstance(question, questions.Filters) and question.narrows


def _told(project: Project, view: View) -> list[tuple[str, str]]:
    """What was asked, in words, and the address that asks it again."""
    asked = [(name.replace("_", " ").capitalize(), value) for name, value in view.question.pairs()]
    return [*asked, ("Address", view.question.address(f"/{view.name}"))]


def _first_problem(request: Request, error: RequestValidationError) -> tuple[str, str]:
    """The first thing wrong in an address, and what to do, in words."""
    first = error.errors()[0]
    name = str(first["loc"][1]) if len(first["loc"]) > 1 else ""
    context = first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        model = next((route.question for n, route in ROUTES.items() if _is_of(request.url.path, n)), Question)
        near = difflib.get_close_matches(name, model.model_fields, n=1)
        return f"There is no filter “{name}”.", f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(model.model_fields) or 'none'}."  # fmt: skip
    if first["type"] == "missing":
        return f"The address lacks “{name}”.", "Begin at the matrix."
    expected = str(context.get("expected", "")).replace("'", "")
    remedy = f"Allowed: {expected}." if expected else f"{first['msg']}."
    return f"“{name}” cannot be “{str(first['input'])[:100]}”.", remedy


def _is_of(path: str, name: str) -> bool:
    return path in (f"/{name}", f"/api/{name}", *(f"/{name}.{suffix}" for suffix in TYPES))
