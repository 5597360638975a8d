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
from collabnlp.coded import text_sha256
from collabnlp.engine import content_key
from collabnlp.llm.answers import Verdict, judge
from collabnlp.llm.client import Answer, Client, NoAnswerError, StoppedError
from collabnlp.llm.journal import Entry, Journal
from collabnlp.llm.prompt import Passages, Prompter
from collabnlp.params import Code
from collabnlp.records import CodedRow, InputError

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
    rows: list[CodedRow] = []
    todo: deque[Task] = deque()
    for task in tasks:
        before = own.get(task.passage_id, [])
        if before and all(row.prompt_sha256 == task.key and row.outcome != "no answer" for row in before):
            rows += before
        else:
            todo.append(task)
    under_way: dict[Future[Answer], tuple[str, list[Task]]] = {}
    asked: dict[str, list[Task]] = {}  # passages that wait for the answer to one question: two may be the same
    in_run: set[str] = set()  # passages that this run has asked about
    done = in_a_row = n_left = 0
    error: InputError | None = None
    stopped = False
    with ThreadPoolExecutor(coder.settings.concurrency) as pool:
        try:
            while todo or under_way:
                while todo and not stopped and len(under_way) < coder.settings.concurrency:
                    task = todo.popleft()
                    next_step = coder.look(task, journal.answers)
                    if isinstance(next_step, Verdict):
                        rows += coder.rows(task, next_step)
                        done += task.passage_id in in_run
                        continue
                    in_run.add(task.passage_id)
                    key = content_key(next_step)
                    if key in asked:
                        asked[key].append(task)
                        continue
                    asked[key] = [task]
                    under_way[pool.submit(client.ask, next_step)] = (key, asked[key])
                tell(done, len(todo) + sum(map(len, asked.values())), len(under_way))
                if not under_way:
                    break
                entries = []
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    key, waiting = under_way.pop(future)
                    del asked[key]
                    try:
                        entries.append(Entry(key, waiting[0].key, future.result()))
                        todo.extendleft(reversed(waiting))
                        in_a_row = 0
                    except NoAnswerError as problem:
                        for task in waiting:
                            rows += coder.rows(task, None, str(problem))
                        done += len(waiting)
                        in_a_row += 1
                    except StoppedError:
                        todo.extendleft(reversed(waiting))
                        stopped = True
                    except InputError as problem:
                        todo.extendleft(reversed(waiting))
                        error = error or problem
                    if in_a_row >= GIVE_UP and not error:
                        error = InputError(
                            "--base-url",
                            f"has given no answer {GIVE_UP} times in a row",
                            "look at the server and run the command again: what was answered is kept",
                        )
                if entries:
                    journal.add(entries)
                if error and not stopped:
                    client.stop()
                    stopped = True
        except BaseException:
            client.stop()
            raise
    for task in todo:  # answered, but not looked at before the end
        verdict = coder.look(task, journal.answers)
        if isinstance(verdict, Verdict):
            rows += coder.rows(task, verdict)
        else:
            n_left += 1
    return Outcome(rows, n_left, error)


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
