"""Asks an OpenAI-compatible chat endpoint (httpx2): waits, tries again, keeps to a budget, and tells no secrets.

Messages hold nothing that the server sent but short names of errors: a server may repeat the key or
the passage in what it answers.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from collabnlp.llm.address import KEY_VARIABLE, Address
from collabnlp.params import Code
from collabnlp.records import InputError

LARGEST = 4_000_000  # bytes of an answer; what is longer is no answer
_LATER = (408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)
_PASSAGE = (400, 413, 422)  # may be the fault of one passage, such as one that is too long


class Answer(NamedTuple):
    """What came back to one question.

    Attributes
    ----------
    finish
        Why it ended, as the server says.
    prompt_tokens, answer_tokens
        As the server counts them; 0 where it does not.
    calls
        Times that the question was sent until the answer came.
    seconds
        From the first of them to the answer, waiting for others included.
    """

    text: str
    finish: str
    prompt_tokens: int
    answer_tokens: int
    calls: int
    seconds: float


class NoAnswerError(Exception):
    """The server gave no answer to this question; the message is fit to be shown."""


class StoppedError(Exception):
    """The run is to end: the question was not answered, and is to be asked the next time."""


class Budget:
    """Calls and tokens that may still be spent; None: as many as it takes.

    A question counts with the most that it may cost as long as it is under way, so that several at
    a time do not spend more than there is. Where that leaves too little for another one, it waits
    until those under way are counted. Tokens are estimates until the server has counted them.
    """

    def __init__(self, calls: int | None = None, tokens: int | None = None) -> None:
        self._calls = math.inf if calls is None else calls
        self._tokens = math.inf if tokens is None else tokens
        self._counted = threading.Condition()
        self._n_under_way = 0
        self.spent_calls = self.spent_tokens = 0

    def take(self, tokens: int) -> bool:
        """Whether one more call of about so many tokens may be made; it then counts as spent until it is settled."""
        with self._counted:
            while self._n_under_way and self.spent_tokens + tokens > self._tokens and self.spent_calls < self._calls:
                self._counted.wait()
            if self.spent_calls + 1 > self._calls or self.spent_tokens + tokens > self._tokens:
                return False
            self.spent_calls += 1
            self.spent_tokens += tokens
            self._n_under_way += 1
            return True

    def settle(self, taken: int, used: int) -> None:
        """Count what a call has used in place of what it was taken for."""
        with self._counted:
            self.spent_tokens += used - taken
            self._n_under_way -= 1
            self._counted.notify_all()


class _LaterError(Exception):
    """Worth another try, after so many seconds where the server says so."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.wait = wait


class Client:
    """One endpoint and one model; several threads may ask at a time.

    Parameters
    ----------
    address, key
        Where to ask, and the key to send; empty: none.
    settings
        Section `code` of the parameters.
    budget
        What may be spent.
    """

    def __init__(self, address: Address, key: str, settings: Code, budget: Budget) -> None:
        try:
            import httpx2
        except ModuleNotFoundError:
            remedy = 'pip install "collabnlp[llm]", or the packages of requirements.lock'
            raise InputError("httpx2", "is not installed, and only `collabnlp code` needs it", remedy) from None

        self._url, self._key, self._settings, self._budget = address.chat, key, settings, budget
        self._stop, self._lock, self._not_before = threading.Event(), threading.Lock(), 0.0
        self._http = httpx2.Client(
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "collabnlp"},
            timeout=httpx2.Timeout(settings.timeout, connect=min(settings.timeout, 10.0)),
            limits=httpx2.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency),
            follow_redirects=False,
            # a proxy of the environment sees what is not encrypted, and is no part of this machine
            trust_env=address.scheme == "https" and not address.loopback,
        )

    def stop(self) -> None:
        """Send nothing more; questions that wait for another try give up."""
        self._stop.set()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def ask(self, payload: Mapping[str, Any]) -> Answer:
        """The answer to a question, however often it must be sent.

        Raises
        ------
        NoAnswerError
            Where the server has failed, or refuses this question.
        StoppedError
            Where the run was stopped or the budget is spent.
        InputError
            Where no question can be answered: a wrong key or model, another address.
        """
        body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        expected = len(body) // 4 + int(payload.get("max_tokens", 0))
        started = time.monotonic()
        for attempt in range(self._settings.retries + 1):
            self._wait()
            if self._stop.is_set() or not self._budget.take(expected):
                raise StoppedError
            used = 0
            try:
                text, finish, prompt_tokens, answer_tokens = self._read(self._send(body))
                used = prompt_tokens + answer_tokens or (len(body) + len(text)) // 4
                return Answer(
                    text, finish, prompt_tokens, answer_tokens, attempt + 1, round(time.monotonic() - started, 3)
                )
            except _LaterError as problem:
                said = str(problem)
                wait = min(self._settings.backoff * 2**attempt, self._settings.max_wait)
                if problem.wait is not None:
                    if problem.wait > self._settings.max_wait:
                        raise InputError(
                            "--base-url",
                            f"asks to wait {problem.wait:.0f} seconds, more than code.max_wait",
                            "run the command again later: what was answered is kept",
                        ) from None
                    self._hold(problem.wait)
                    wait = problem.wait
            finally:
                self._budget.settle(expected, used)
            if attempt < self._settings.retries and self._stop.wait(wait):
                raise StoppedError
        raise NoAnswerError(f"{said}, {self._settings.retries + 1} times")

    def _hold(self, seconds: float) -> None:
        """Let all threads wait: the server counts them together."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _wait(self) -> None:
        while (left := self._not_before - time.monotonic()) > 0 and not self._stop.wait(left):
            pass

    def _send(self, body: bytes) -> bytes:
        """The body of a good response. What the library raises is told by its kind alone, and not chained."""
        import httpx2

        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        deadline = time.monotonic() + self._settings.timeout
        try:
            with self._http.stream("POST", self._url, content=body, headers=headers) as response:
                data = bytearray()
                for piece in response.iter_raw():
                    data += piece
                    if len(data) > LARGEST:
                        raise _LaterError("the server sent more than an answer can be")
                    if time.monotonic() > deadline:
                        raise _LaterError("the answer took too long")
                self._check(response.status_code, response.headers, bytes(data))
                return bytes(data)
        except httpx2.TimeoutException:
            raise _LaterError("the answer took too long") from None
        except httpx2.ConnectError:
            raise _LaterError("nothing answers at the address") from None
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise _LaterError(f"the connection failed ({type(error).__name__})") from None

    def _check(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        if status == 200:
            return
        named = _error_name(data)
        if status in _LATER:
            wait = retry_after(headers.get("retry-after", "")) if status in (429, 503) else None
            raise _LaterError(f"the server failed ({status})", wait)
        if 300 <= status < 400:
            raise InputError("--base-url", "answers that it has moved", "give the new address: none is followed")
        if status in (401, 403):
            raise InputError("--base-url", f"does not let us in ({status}{named})", f"look at {KEY_VARIABLE}")
        if status in _PASSAGE:
            raise NoAnswerError(f"the server refuses the question ({status}{named})")
        raise InputError(
            "--base-url", f"does not answer as a chat endpoint ({status}{named})", "look at the address and --model"
        )

    def _read(self, data: bytes) -> tuple[str, str, int, int]:
        """Text, reason of ending and tokens, from a body of which nothing is known."""
        try:
            said = json.loads(data)
            choice = said["choices"][0]
            message = choice["message"]
            text, finish = message.get("content") or "", str(choice.get("finish_reason") or "")
            if message.get("refusal"):
                text, finish = "", "refusal"
            if not isinstance(text, str):
                raise TypeError
            usage = said.get("usage") or {}
            tokens = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise _LaterError("the server's answer is broken") from None
        counted = [n if isinstance(n, int) and 0 <= n < 10**9 else 0 for n in tokens]
        if self._key:
            text, finish = text.replace(self._key, "[key]"), finish.replace(self._key, "[key]")
        text, finish = (said.encode("utf-8", "replace").decode() for said in (text, finish[:40]))
        return text, finish, counted[0], counted[1]


def _error_name(data: bytes) -> str:
    """The server's short name for an error, such as `context_length_exceeded`, with a comma before it; no free text."""
    try:
        error = json.loads(data)["error"]
        names = [error.get(field) for field in ("code", "type")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    found = [name for name in names if isinstance(name, str) and re.fullmatch(r"[a-z]+(_[a-z]+){0,5}", name)]
    return f", {found[0]}" if found and len(found[0]) <= 40 else ""


def retry_after(header: str) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date; None where it says nothing that can be read.

    Examples
    --------
    >>> retry_after("2"), retry_after("soon"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT")
    (2.0, None, 0.0)
    """
    try:
        seconds = float(header)
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)
