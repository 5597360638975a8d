"""What a language model answered, by what it was asked: each answer a line, on the disk before anything is made of it.

Lines hold the SHA-256 of the question, not the question. A run that is killed loses the questions
under way and no answer; a last line that was cut off is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from collabnlp.engine import CACHE, content_key
from collabnlp.llm.client import Answer
from collabnlp.locks import take
from collabnlp.records import InputError

FOLDER = CACHE / "answers"


class Entry(NamedTuple):
    """An answer, by its question.

    Attributes
    ----------
    key
        SHA-256 of the question.
    first
        Of the first question about the passage, where this one asks again; else the same.
    """

    key: str
    first: str
    answer: Answer


def journal_path(coder: str, project: Path = Path()) -> Path:
    """Where the answers of a language model lie."""
    return project / FOLDER / f"{content_key(coder)[:16]}.jsonl"


class Journal:
    """The answers of one coder; made by `open_journal`."""

    def __init__(self, file: BinaryIO, entries: Iterable[Entry]) -> None:
        self._file = file
        self.answers = {entry.key: entry.answer for entry in entries}

    def add(self, entries: Iterable[Entry]) -> None:
        """Write answers, and come back when they are on the disk."""
        entries = list(entries)
        lines = [json.dumps([e.key, e.first, *e.answer], ensure_ascii=False) for e in entries]
        self._file.write("".join(line + "\n" for line in lines).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.answers.update((entry.key, entry.answer) for entry in entries)


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """The answers at hand, and a place to add to; nobody else can open it meanwhile.

    Raises
    ------
    InputError
        Where another run has it open, or a line is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if not take(file.fileno()):
            raise InputError(path, "another run writes its answers here", "wait for it, or stop it")
        file.seek(0)
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):  # cut off when a run was killed
            file.truncate(whole)
        yield Journal(file, _entries(data[:whole], path))


def read_journal(path: Path) -> list[Entry]:
    """The answers at hand; none where there is no such file."""
    data = path.read_bytes() if path.exists() else b""
    return list(_entries(data[: data.rfind(b"\n") + 1], path))


def _entries(data: bytes, path: Path) -> Iterator[Entry]:
    for number, line in enumerate(data.splitlines(), 1):
        try:
            key, first, *answer = json.loads(line)
            yield Entry(key, first, Answer(*answer))
        except (ValueError, TypeError) as error:
            remedy = "delete the line: its passage is then asked about again"
            raise InputError(path, "is no answer", remedy, place=f"line {number}") from error
