"""The pages on which one reviewer codes: the queue, a passage at a time. There are none without a reviewer's name.

Forms are taken from these pages alone: each carries a token that is also in a cookie which no other
site can have sent, and comes from this address.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from collabnlp.desk import Desk, NotTakenError, Task
from collabnlp.exchange.settle import REFUSED
from collabnlp.records import InputError
from collabnlp.web.pages import Pages

QUEUE, PASSAGE, NEXT = "/review", "/review/passage", "/review/next"
UNDO, HAND_IN = "/review/undo", "/review/hand-in"
WRITES = (PASSAGE, UNDO, HAND_IN)
MAX_BODY = 64 * 1024
KEYS = "1234567890qwertyiop"  # of codes, in the codebook's order; the other letters are commands
Form = Mapping[str, str]


class _RefusedError(Exception):
    def __init__(self, status: int, problem: str, remedy: str) -> None:
        self.status, self.problem, self.remedy = status, problem, remedy


class ReviewPages:
    """The pages of one reviewer.

    Parameters
    ----------
    desk
        Where the reviewer codes.
    pages
        Makes HTML.
    """

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self.desk, self.pages = desk, pages
        self._secret = secrets.token_urlsafe(32)
        self._told: dict[str, Any] | None = None  # what became of the last handing in

    def add_to(self, app: FastAPI) -> None:
        """Put the pages at their addresses."""
        for path, show in ((QUEUE, self._queue), (PASSAGE, self._passage), (NEXT, self._next)):
            app.add_route(path, self._shown(show), methods=["GET"], include_in_schema=False)
        for path, take in ((PASSAGE, self._save), (UNDO, self._undo), (HAND_IN, self._hand_in)):
            app.add_route(path, self._taken(take), methods=["POST"], include_in_schema=False)

    # How a request comes in and an answer goes out

    def _shown(self, show: Callable[[Request], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            return await run_in_threadpool(self._answer, request, lambda: show(request))

        return answer

    def _taken(self, take: Callable[[Request, Form], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                form = await _read_form(request)
            except _RefusedError as error:
                return self.pages.error(error.problem, error.remedy, error.status)
            return await run_in_threadpool(self._answer, request, lambda: take(request, form))

        return answer

    def _answer(self, request: Request, make: Callable[[], Response]) -> Response:
        try:
            with self.desk.lock:
                self.desk.refresh()
                response = make()
        except _RefusedError as error:
            return self.pages.error(error.problem, error.remedy, error.status)
        except InputError as error:
            return self.pages.error("The project cannot be read at the moment; what you saved is safe.", f"{error.remedy.capitalize()}.", 503)  # fmt: skip
        except OSError as error:
            return self.pages.error(f"Nothing was saved: the disk said “{error.strerror or error}”.", "Make room, then go back and save again.", 507)  # fmt: skip
        if request.cookies.get(_cookie(request)) != self._secret:
            response.set_cookie(_cookie(request), self._secret, httponly=True, samesite="strict", path=QUEUE)
        return response

    def _check(self, request: Request, form: Form) -> bool:
        """Whether a form has this server's token; false where it was made by one that has ended.

        Raises
        ------
        _RefusedError
            Where it does not come from a page of this address.
        """
        origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site", "same-origin")
        if origin != f"{request.url.scheme}://{request.headers['host']}" or site != "same-origin":
            raise _RefusedError(403, "This form was not sent from these pages.", "Begin at the queue.")
        held, sent = request.cookies.get(_cookie(request), ""), form.get("token", "")
        return _equal(held, self._secret) and _equal(sent, self._token())

    def _token(self) -> str:
        return hmac.new(self._secret.encode(), b"form", "sha256").hexdigest()

    def _render(self, name: str, status: int = 200, **given: Any) -> Response:
        template = self.pages.environment.get_template(name)
        own = {"here": "review", "coder": self.desk.coder, "token": self._token(), "book": self.desk.codebook}
        return HTMLResponse(template.render(**own, **given), status)

    # Pages

    def _queue(self, request: Request, problem: str = "", status: int = 200) -> Response:
        desk = self.desk
        told, self._told = self._told, None
        ids = [row.passage_id for row in desk.rows()]
        waiting = desk.waiting()
        return self._render(
            "queue.html",
            status,
            problem=problem,
            told=told,
            progress=desk.progress(),
            n_open=sum(desk.is_open(own) for own in ids),
            n_mine=len(ids),
            n_drawn=sum(row.drawn for row in desk.rows()),
            part=desk.part,
            waiting=waiting,
            recent=[d for d in reversed(waiting) if d.passage_id in desk.shelf.at][:10],
            documents={own: d.title for own, d in desk.shelf.documents.items()},
            damaged=desk.journal.damaged,
            journal=desk.journal_path.name,
            blind=desk.blind,
        )

    def _next(self, request: Request) -> Response:
        own = self.desk.next_id(request.query_params.get("after", ""))
        return RedirectResponse(_address(own) if own else QUEUE, 303)

    def _passage(self, request: Request) -> Response:
        task = self.desk.task(request.query_params.get("id", ""))
        if task is None:
            raise _RefusedError(404, "This passage is not in your part of the queue.", "Go back to the queue.")
        return self._show(task)

    def _show(self, task: Task, *, problem: str = "", status: int = 200, sent: Form | None = None) -> Response:
        """The page of a passage; `sent`: what the reviewer had chosen, where it could not be saved."""
        book = self.desk.codebook.for_readers()
        suggested = {s.code: s for s in task.suggestions}
        if sent is not None:
            chosen, note = _codes(sent), sent.get("note", "")
        elif task.decision is not None:
            chosen, note = dict(task.decision.codes or {}), task.decision.note
        else:
            chosen, note = {s.code: s.stance for s in task.suggestions if s.given}, ""
        order = [*suggested, *(code for code in book.names if code not in suggested)]
        return self._render(
            "reading.html",
            status,
            task=task,
            problem=problem,
            suggested=suggested,
            chosen=chosen,
            note=note,
            codes=[book[code] for code in order],
            key_of=dict(zip(book.names, KEYS, strict=False)),
            n_open=sum(self.desk.is_open(row.passage_id) for row in self.desk.rows()),
            last=self.desk.last(),
            scarce=self.desk.shelf.classifier.new_,
            blind=self.desk.blind,
        )

    # What a reviewer sends

    def _save(self, request: Request, form: Form) -> Response:
        task = self.desk.task(form.get("id", ""))
        if not self._check(request, form):
            if task is None:
                raise _RefusedError(
                    403, "The server was started anew since you opened this page.", "Go back to the queue."
                )
            return self._show(task, problem=ANEW, status=409, sent=form)
        if task is None:
            raise _RefusedError(404, "This passage is not in your part of the queue.", "Go back to the queue.")
        try:
            self.desk.save(form["id"], form.get("text", ""), _number(form), _codes(form), form.get("note", ""))
        except NotTakenError as error:
            return self._show(self.desk.task(form["id"]) or task, problem=str(error), status=409, sent=form)
        own = self.desk.next_id(form["id"])
        return RedirectResponse(_address(own) if own else QUEUE, 303)

    def _undo(self, request: Request, form: Form) -> Response:
        if not self._check(request, form):
            return self._queue(request, ANEW, 409)
        own = form.get("id", "")
        task = self.desk.task(own)
        try:
            self.desk.undo(own, form.get("text", ""), _number(form))
        except NotTakenError as error:
            return self._queue(request, str(error), 409)
        return RedirectResponse(_address(own) if task else QUEUE, 303)

    def _hand_in(self, request: Request, form: Form) -> Response:
        if not self._check(request, form):
            return self._queue(request, ANEW, 409)
        rows, failures = self.desk.hand_in()
        refused = [row for row in rows if row.outcome in REFUSED]
        stored = [row for row in rows if row.outcome in ("as suggested", "changed", "coded")]
        self._told = {"n": len(stored), "refused": refused, "failures": [str(error) for error in failures]}
        return RedirectResponse(QUEUE, 303)


ANEW = "The server was started anew since you opened this page. Nothing was saved: what you chose is still here, save it again."


async def _read_form(request: Request) -> Form:
    """The fields of a form, the last of each name; no more than `MAX_BODY` bytes are taken in."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise _RefusedError(415, "This is no form of these pages.", "Begin at the queue.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _RefusedError(
                413, "That is too much for one passage. Nothing was saved.", "Go back and write a shorter note."
            )
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200))
    except ValueError:
        raise _RefusedError(400, "The form is damaged. Nothing was saved.", "Begin at the queue.") from None


def _codes(form: Form) -> dict[str, str]:
    return {name.removeprefix("code-"): stance for name, stance in form.items() if name.startswith("code-") and stance}


def _number(form: Form) -> int:
    version = form.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 9 else -1


def _address(passage_id: str) -> str:
    return f"{PASSAGE}?{urlencode({'id': passage_id})}"


def _cookie(request: Request) -> str:
    """A name for each port, for cookies are the host's: two reviewers may use one browser."""
    return f"review-{request.url.port or 80}"


def _equal(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode("utf-8", "replace"), b.encode())
