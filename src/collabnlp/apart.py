"""Runs a function in a process of its own, within limits of time and memory: what breaks there breaks nothing here.

Questions and answers are lines of JSON, so that what a hostile file makes of the other process is
only ever read as data.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_START_SECONDS = 300  # imports and lists, on a slow and busy machine
_MAX_ANSWER = 1_000_000_000
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no question can cause these: they hold for all


class Lost(Exception):
    """The other process gave no answer; its text says why, in words and without any of the question."""


class Apart:
    """Calls a function in a process of its own, which starts with the first question and is replaced after a loss.

    Parameters
    ----------
    target
        `module:function`; called once there with `setup`, it gives the function that answers.
    setup
        What JSON can hold.
    seconds
        Wall time for an answer.
    memory_mb
        What an answer may need beyond what the process holds when it begins; 0: no limit. Kept where
        the system can limit a process's memory (Linux).

    Examples
    --------
    >>> with Apart("operator:attrgetter", "real", seconds=60) as apart:
    ...     apart.call(3)
    3
    """

    def __init__(self, target: str, setup: Any, *, seconds: float, memory_mb: int = 0) -> None:
        self._order = {"target": target, "setup": setup, "seconds": seconds, "memory_mb": memory_mb}
        self._seconds, self._memory_mb = seconds, memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def call(self, question: Any) -> Any:
        """The answer to a question; both are what JSON can hold.

        Raises
        ------
        Lost
            Where the process took too long, needed too much memory, died or failed.
        OSError
            Where it could not write what it must, since the disk is full or may not be written.
        RuntimeError
            Where it does not even start.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        line = self._ask(question, self._seconds)
        if line is None:
            self.close()
            raise Lost(f"took longer than {self._seconds:g} seconds")
        try:
            answer = json.loads(line)
            if "value" in answer:
                return answer["value"]
        except (ValueError, TypeError):
            answer = {}
        code = self.close()
        if answer.get("errno") in _DISK:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        if answer.get("lost") == "MemoryError":
            raise Lost(f"needs more than {self._memory_mb:,} MB of memory")
        if "lost" in answer:
            raise Lost(f"made the program fail ({answer['lost']})")
        raise Lost(f"ended the program that read it ({_how(code)})")

    def close(self) -> int:
        """End the process, whatever it is doing; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05 if self._lines.empty() else 1)  # one that died has its own status
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return code

    def _start(self) -> None:
        self.close()
        paths = os.pathsep.join(path for path in sys.path if path)  # the same modules as here
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "collabnlp.apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self._lines = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
        if not self._ask(self._order, _START_SECONDS):
            self.close()
            raise RuntimeError("the process that reads the documents does not start")

    def _ask(self, question: Any, seconds: float) -> bytes | None:
        """The line that comes back: empty where the process ended, None where the time is up."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        except OSError:
            return b""


def _pump(source: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Hand on the lines of a pipe, and an empty one at its end."""
    with contextlib.suppress(OSError, ValueError):  # closed from this side
        for line in iter(lambda: source.readline(_MAX_ANSWER), b""):
            lines.put(line)
    lines.put(b"")


def _how(code: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"status {code}"


def main() -> None:
    """Answer questions until there are no more, or one is too much."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    order = json.loads(questions.readline())
    module, _, name = order["target"].partition(":")
    function = getattr(importlib.import_module(module), name)(order["setup"])
    _limit_memory(order["memory_mb"])
    _answer(answers, {"value": "ready"})
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # nor shall words of a document get onto the terminal
        os.dup2(nothing, number)
    for line in questions:
        _limit_time(order["seconds"])
        try:
            answer = {"value": function(json.loads(line))}
        except MemoryError:
            answer = {"lost": "MemoryError"}
        except Exception as error:
            answer = {"lost": _where(error), "errno": getattr(error, "errno", None)}
        _answer(answers, answer)
        if "lost" in answer:
            return  # who knows what it left behind


def _answer(answers: IO[bytes], answer: Any) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _where(error: Exception) -> str:
    """Kind and place of an error, without its words: they may be the document's."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return type(error).__name__ + (
        f" in {Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}" if at else ""
    )


def _limit_memory(megabytes: int) -> None:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return  # the system cannot
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a memory image would hold the document's words
    if megabytes:
        most = pages * resource.getpagesize() + megabytes * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _limit_time(seconds: float) -> None:
    """See to it that the process ends also where the one that waits for it was killed."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + 4 * seconds + 10), most))


if __name__ == "__main__":
    main()
