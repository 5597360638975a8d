"""Passages are asked about, some at a time, until each is coded or listed; what was answered is never asked again."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from collabnlp.codebook import Codebook
from collabnlp.engine import content_key
from collabnlp.llm.answers import Verdict, judge
from collabnlp.llm.client import Answer, Client, NoAnswerError, StoppedError
from collabnlp.llm.journal import Entry, Journal
from collabnlp.llm.prompt import Passages, Prompter
from collabnlp.params import Code
from collabnlp.records import CodedRow, InputError, text_sha256

TRIES = 2  # questions about a passage: after an answer that cannot be used, one more
GIVE_UP = 10  # questions in a row without an answer: then something is wrong with the server


class Task(NamedTuple):
    """One passage to be coded.

    Attributes
    ----------
    key
        SHA-256 of the first question about it.
    """

    passage_id: str
    text: str
    user_message: str
    key: str


class Outcome(NamedTuple):
    """What became of a run.

    Attributes
    ----------
    rows
        Of all passages that are coded or listed, those that were already included.
    n_left
        Passages that are neither, since the run was stopped.
    error
        Why the run could not go on; None where it could.
    """

    rows: list[CodedRow]
    n_left: int
    error: InputError | None

    def counts(self) -> Counter[str]:
        """How many passages are `coded` (with a code), left with `no code`, `not coded`, or had `no answer`; and codes that are `void`."""
        found = Counter({"void": sum(row.outcome == "void" for row in self.rows)})
        for name in ("code", "no code", "not coded", "no answer"):
            found[name] = len({row.passage_id for row in self.rows if row.outcome == name})
        return found


class Coder:
    """A language model as a coder: its name, its questions, and what its answers come to.

    Parameters
    ----------
    model
        As the server calls it.
    prompter, codebook, settings
        What is asked.
    """

    def __init__(self, model: str, prompter: Prompter, codebook: Codebook, settings: Code) -> None:
        self.model, self.prompter, self.codes, self.settings = model, prompter, codebook.names, settings
        self.name = prompter.coder(model)

    def tasks(self, passages: Passages) -> list[Task]:
        """The passages as tasks, in their order."""
        asked = zip(passages.passage_ids, passages.texts, self.prompter.user_messages(passages), strict=True)
        return [Task(own, text, said, content_key(self.payload(said))) for own, text, said in asked]

    def payload(self, user_message: str, problem: str = "") -> dict[str, Any]:
        """A question as the server gets it; `problem`: why the answer before could not be used."""
        return self.prompter.payload(self.model, self.prompter.messages(user_message, problem))

    def look(self, task: Task, answers: Mapping[str, Answer]) -> Verdict | dict[str, Any]:
        """What the answers at hand come to, or the next question."""
        verdict = Verdict()
        for _ in range(TRIES):
            payload = self.payload(task.user_message, verdict.problem)
            answer = answers.get(content_key(payload))
            if answer is None:
                return payload
            verdict = judge(answer.text, answer.finish, task.text, self.codes, self.settings.max_codes)
            if not verdict.problem:
                break
        return verdict

    def rows(self, task: Task, verdict: Verdict | None, reason: str = "") -> list[CodedRow]:
        """A passage as it stands in the coder's file; without a verdict: no answer, with the reason."""

        def row(outcome: Any, code: str = "", why: str = "", **given: Any) -> CodedRow:
            none: dict[str, Any] = {"stance": None, "start_char": None, "end_char": None}
            about = {"passage_id": task.passage_id, "coder": self.name, "code": code, "outcome": outcome, "reason": why}
            return CodedRow(**about, **{**none, **given}, text_sha256=text_sha256(task.text), prompt_sha256=task.key)

        if verdict is None:
            return [row("no answer", why=reason)]
        if verdict.problem:
            return [row("not coded", why=f"{verdict.problem}, {TRIES} times")]
        given = [
            row("code", g.code, stance=g.stance, start_char=g.start_char, end_char=g.end_char) for g in verdict.given
        ]
        return (given or [row("no code")]) + [row("void", code, why) for code, why in verdict.void]


def code_passages(
    coder: Coder,
    tasks: Sequence[Task],
    journal: Journal,
    known: Sequence[CodedRow],
    client: Client,
    tell: Callable[[int, int, int], None] = lambda done, left, under_way: None,
) -> Outcome:
    """Code the passages that are not coded yet.

    A question whose answer is in the journal is not asked, nor is one about a passage whose row in
    `known` was made of the same question.

    Parameters
    ----------
    known
        Rows of the coder's file.
    client
        Answers questions, several at a time.
    tell
        Called with the passages that were asked about in this run and are done, those left, and the questions under way.
    """
    own: dict[str, list[CodedRow]] = {}
    for row in known:
        own.setdefault(row.passage_id, []).append(row)
    settled: list[CodedRow] = []
    todo: deque[Task] = deque()
    for task in tasks:
        before = own.get(task.passage_id, [])
        if before and all(row.prompt_sha256 == task.key and row.outcome != "no answer" for row in before):
            settled += before
        else:
            todo.append(task)
    run = _Run(coder, journal, client, todo)
    with ThreadPoolExecutor(coder.settings.concurrency) as pool:
        try:
            while run.ask(pool):
                tell(run.n_done, run.n_left, len(run.under_way))
                run.collect()
        except BaseException:
            client.stop()
            raise
    return Outcome(settled + run.rows, run.n_left, run.error)


class _Run:
    """The state of a run: passages to do, questions under way, rows of those that are done.

    Attributes
    ----------
    under_way
        By question that was sent: its key, and the passages that wait for it; two may be the same.
    """

    def __init__(self, coder: Coder, journal: Journal, client: Client, todo: deque[Task]) -> None:
        self._coder, self._journal, self._client, self._todo = coder, journal, client, todo
        self.under_way: dict[Future[Answer], tuple[str, list[Task]]] = {}
        self.rows: list[CodedRow] = []
        self.error: InputError | None = None
        self.n_done = 0  # of the passages that this run has asked about
        self._asked: set[str] = set()
        self._stopped = False
        self._in_a_row = 0  # questions without an answer

    @property
    def n_left(self) -> int:
        """Passages that are neither coded nor listed."""
        return len(self._todo) + sum(len(waiting) for _, waiting in self.under_way.values())

    def ask(self, pool: ThreadPoolExecutor) -> bool:
        """Settle what can be settled and send as many questions as may be under way; whether any is."""
        if self._stopped and self.under_way:
            return True
        waiting_for = dict(self.under_way.values())
        beyond: deque[Task] = deque()  # passages that were not asked about, once no more may be sent
        while self._todo and (self._stopped or len(self.under_way) < self._coder.settings.concurrency):
            # passages that no server can answer often lie together: others tell whether it is there at all
            task = self._todo.pop() if self._in_a_row else self._todo.popleft()
            step = self._coder.look(task, self._journal.answers)
            if isinstance(step, Verdict):
                self._settle(task, self._coder.rows(task, step))
            elif (key := content_key(step)) in waiting_for:
                waiting_for[key].append(task)
            elif self._stopped:
                beyond.append(task)
            else:
                self._asked.add(task.passage_id)
                waiting_for[key] = [task]
                self.under_way[pool.submit(self._client.ask, step)] = (key, waiting_for[key])
        self._todo.extendleft(reversed(beyond))
        return bool(self.under_way)

    def collect(self) -> None:
        """Wait for an answer, and write it down; what it means is seen when its passage is looked at again."""
        entries = []
        for future in wait(self.under_way, return_when=FIRST_COMPLETED).done:
            key, waiting = self.under_way.pop(future)
            try:
                entries.append(Entry(key, waiting[0].key, future.result()))
                self._in_a_row = 0
            except NoAnswerError as problem:
                for task in waiting:
                    self._settle(task, self._coder.rows(task, None, str(problem)))
                self._in_a_row += 1
                times = max(GIVE_UP, 2 * self._coder.settings.concurrency)
                if self._in_a_row >= times:
                    remedy = "look at the server and run the command again: what was answered is kept"
                    self._stop(InputError("--base-url", f"has given no answer {times} times in a row", remedy))
                continue
            except StoppedError:
                self._stop(None)
            except InputError as problem:
                self._stop(problem)
            self._todo.extendleft(reversed(waiting))
        if entries:
            self._journal.add(entries)

    def _settle(self, task: Task, rows: list[CodedRow]) -> None:
        self.rows += rows
        self.n_done += task.passage_id in self._asked

    def _stop(self, error: InputError | None) -> None:
        self.error = self.error or error
        self._stopped = True
        self._client.stop()


def merge_rows(known: Sequence[CodedRow], new: Sequence[CodedRow]) -> list[CodedRow]:
    """The rows of a coder's file with those of a run in place of those about the same passages."""
    passages = {row.passage_id for row in new}
    return [row for row in known if row.passage_id not in passages] + list(new)


@contextmanager
def stops_cleanly(client: Client) -> Iterator[None]:
    """Take Ctrl+C, and the signal to end, as a wish to stop when the questions under way are answered; a second one ends at once."""

    def first(number: int, frame: FrameType | None) -> None:
        client.stop()
        for one in signals:
            signal.signal(one, second)

    def second(number: int, frame: FrameType | None) -> None:
        if sys.stderr.isatty():
            os.write(2, b"\x1b[?25h\n")  # the progress line had hidden the cursor
        os._exit(130)  # threads wait for answers that nobody wants; what was answered is on the disk

    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = [signal.signal(one, first) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def pace(done: int, left: int, seconds: float) -> str:
    """How far a run has come, how fast, and how long it will still take.

    Examples
    --------
    >>> pace(0, 2000, 3.0), pace(500, 1500, 600.0)
    ('0 passages done, 2,000 left', '500 passages done, 1,500 left; 50 a minute; 30 minutes to go')
    """
    said = f"{done:,} passages done, {left:,} left"
    if not done or seconds <= 0:
        return said
    to_go = left * seconds / done
    shown = f"{to_go / 60:.0f} minutes" if to_go >= 90 else f"{to_go:.0f} seconds"
    return f"{said}; {60 * done / seconds:,.0f} a minute; {shown} to go"
