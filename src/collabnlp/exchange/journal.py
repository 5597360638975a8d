"""A reviewer's journal: one line for each decision, on disk before the reviewer sees the next passage.

Lines are only ever added. Each carries a check of its own, so that a line that was cut off when
the machine or the server died is known, left out and listed, and the lines around it hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collabnlp.gold import ADJUDICATED
from collabnlp.locks import locked
from collabnlp.records import InputError, Stance, text_sha256
from collabnlp.scoring import OUT_OF_FOLD

FORMAT = 1
STORING = "another review is being stored"
_NAME = re.compile(r"[^\W_](?:[\w .-]{0,58}[^\W_])?")


class Decision(BaseModel):
    """What a reviewer decided on one passage, as one line of the journal."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = FORMAT
    coder: str = Field(description="who decided")
    passage_id: str = Field(description="the passage")
    text: str = Field(description="first 16 hexadecimal digits of the SHA-256 of the text that was read")
    version: int = Field(description="how many decisions on the passage stand before this one")
    codes: dict[str, Stance] | None = Field(description="codes and stances; none given: empty; null: the decision before is taken back")  # fmt: skip
    note: str = Field(description="what the reviewer wrote beside it, checked")
    drawn: bool = Field(description="true where the passage came by chance")
    suggested_by: str = Field(description="the model version whose suggestions the reviewer saw; empty where none")


class StaleError(ValueError):
    """The passage was decided otherwise since the reviewer's page was made."""


def check_coder(name: str) -> str:
    """A reviewer's name as it may stand in a file's name.

    Raises
    ------
    InputError
        Where it holds anything but letters, digits, blanks, dots, hyphens and underscores, or is no person's.
    """
    name = " ".join(name.split())
    nobody = name.casefold() in (ADJUDICATED, *OUT_OF_FOLD) or name.casefold().startswith("model-")
    if nobody or not _NAME.fullmatch(name):
        raise InputError("--review", f"{name!r} cannot be a reviewer's name", "use letters, digits and hyphens, such as anna")  # fmt: skip
    return name


def text_mark(text: str) -> str:
    """What tells the text that was read from a later one of the same passage id."""
    return text_sha256(text)[:16]


def _line(decision: Decision) -> bytes:
    said = json.dumps(decision.model_dump(mode="json"), ensure_ascii=True, sort_keys=True)
    return f"{_check(said)} {said}\n".encode("ascii")


def _check(said: str) -> str:
    return hashlib.sha256(said.encode("ascii", "replace")).hexdigest()[:12]


def _parse(line: bytes) -> Decision | None:
    try:
        check, _, said = line.decode("ascii").partition(" ")
        return Decision.model_validate_json(said) if check == _check(said) else None
    except (ValueError, ValidationError):
        return None


def is_journal(path: Path) -> bool:
    """Whether a file is a journal, by its first whole line."""
    with path.open("rb") as file:
        return any(_parse(line.rstrip(b"\n")) for line in file.read(1 << 16).splitlines(keepends=True)[:5])


class Journal:
    """One reviewer's decisions, on disk and as they stand.

    Several servers may write one journal: each reads what the others added before it adds a line.

    Parameters
    ----------
    path
        The file; it is made with the first decision.
    coder
        Whose it is; empty: whoever wrote it.

    Attributes
    ----------
    damaged
        Numbers of the lines that cannot be read, from 1: they count for nothing.

    Raises
    ------
    InputError
        Where it is somebody else's.
    """

    def __init__(self, path: str | Path, coder: str = "") -> None:
        self.path, self.coder = Path(path), coder
        self.damaged: list[int] = []
        self._lines: list[Decision] = []
        self._of: dict[tuple[str, str], list[Decision]] = {}
        self._at, self._n = 0, 0
        self._threads = threading.RLock()
        self.refresh()

    def refresh(self) -> None:
        """Read what was added since."""
        with self._threads:
            try:
                with self.path.open("rb") as file:
                    file.seek(self._at)
                    added = file.read()
            except FileNotFoundError:
                return
            whole = added[: added.rfind(b"\n") + 1]  # what has no end yet is being written, or was cut off
            for line in whole.splitlines():
                self._n += 1
                if (decision := _parse(line)) is not None:
                    self._take(decision)
                elif line:
                    self.damaged.append(self._n)
            self._at += len(whole)

    def _take(self, decision: Decision) -> None:
        if self.coder and decision.coder != self.coder:
            raise InputError(self.path, f"is the journal of {decision.coder}", "take another name with --review")
        self.coder = decision.coder
        self._lines.append(decision)
        self._of.setdefault((decision.passage_id, decision.text), []).append(decision)

    def history(self, passage_id: str, text: str) -> list[Decision]:
        """The decisions on a passage, those taken back included, oldest first; `text` as `text_mark` gives it."""
        return list(self._of.get((passage_id, text), ()))

    def current(self, passage_id: str, text: str) -> Decision | None:
        """The decision that holds on a passage."""
        past = self._of.get((passage_id, text))
        return past[-1] if past and past[-1].codes is not None else None

    def decisions(self) -> list[Decision]:
        """The decisions that hold, in the order in which they were made; one a passage."""
        last = {id(past[-1]) for past in self._of.values()}
        return [line for line in self._lines if id(line) in last and line.codes is not None]

    def put(
        self,
        passage_id: str,
        text: str,
        version: int,
        codes: Mapping[str, Stance] | None,
        *,
        note: str = "",
        drawn: bool = False,
        suggested_by: str = "",
    ) -> bool:
        """Add a decision; false where it stands already, since a browser may send a form twice.

        Parameters
        ----------
        version
            How many decisions on the passage the reviewer knew of.
        codes
            None takes the decision back.

        Raises
        ------
        StaleError
            Where the passage was decided otherwise since.
        """
        new = Decision(
            coder=self.coder, passage_id=passage_id, text=text, version=version, note=note, drawn=drawn,
            codes=None if codes is None else dict(codes), suggested_by=suggested_by,
        )  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._threads, locked(self.path.parent, STORING, wait=10.0, name=f".{self.path.name}.lock"):
            self.refresh()
            past = self._of.get((passage_id, text), [])
            if version != len(past):
                if past and (past[-1].codes, past[-1].note) == (new.codes, new.note):
                    return False
                raise StaleError
            if codes is None and not (past and past[-1].codes is not None):
                return False
            self._append(_line(new))
            self.refresh()
        return True

    def _append(self, line: bytes) -> None:
        """Add a line and have it on the disk; one that was cut off before gets its end first."""
        begun = self.path.exists()
        handle = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if os.fstat(handle).st_size:
                os.lseek(handle, -1, os.SEEK_END)
                line = line if os.read(handle, 1) == b"\n" else b"\n" + line
            if os.write(handle, line) != len(line):
                raise OSError("the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)
        if not begun and os.name == "posix":
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
