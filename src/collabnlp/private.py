"""The project's private folder as a place: how files are written into it, and whether outputs were made with what lies there now.

Nothing of it may leave: the folder is for its owner alone, and no message repeats what stands in it.
DVC does not look into it, so a change there makes no stage run again; stages note here what they read.
"""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from collabnlp.files import atomic
from collabnlp.records import InputError, file_sha256, text_sha256

PRIVATE = Path("private")
KEY_NAME = "key.json"
MADE_WITH = "made_with.json"
READ_BY = {"ingest": ("always.csv", "interviewees.csv", "never.csv", KEY_NAME), "evidence": ("interviewees.csv",)}
AGAIN = "run `dvc repro --force --single-item ingest evidence`, then `dvc repro`"


def tighten(private: Path = PRIVATE) -> None:
    """Take the rights of others away from the folder and what lies in it."""
    for path in (private, *private.glob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) != wanted:
            os.chmod(path, wanted)


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner may read, in a folder that only its owner may enter; all of it or nothing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.name == PRIVATE.name:
        os.chmod(path.parent, 0o700)
    with atomic(path, 0o600) as temporary, temporary.open("wb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def note_made(stage: str, private: Path = PRIVATE) -> None:
    """Note with what lists a stage made its outputs; nothing where there is no such folder."""
    if not private.is_dir():
        return
    noted = _noted(private)
    now = {name: _digest(private / name) for name in READ_BY[stage]}
    if noted.get(stage) != now:
        write_private(private / MADE_WITH, json.dumps({**noted, stage: now}, indent=1, sort_keys=True) + "\n")


def changed_since(private: Path = PRIVATE) -> list[str]:
    """Names of the files that changed after the outputs were made from them; of what no stage noted nothing is known."""
    noted = _noted(private)
    return sorted(
        {
            name
            for stage, names in READ_BY.items()
            for name in names
            if name in noted.get(stage, {}) and noted[stage][name] != _digest(private / name)
            if name != KEY_NAME or _digest(private / name)  # a lost key is another matter
        }
    )


def outdated(changed: Sequence[str]) -> InputError:
    """The one line that says that outputs are older than the lists."""
    return InputError(
        PRIVATE, f"{' and '.join(changed)} changed after outputs/ was made from it, and DVC does not see that", AGAIN
    )


def _noted(private: Path) -> dict[str, dict[str, str]]:
    try:
        noted = json.loads((private / MADE_WITH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in noted.items() if isinstance(v, dict)} if isinstance(noted, dict) else {}


def _digest(path: Path) -> str:
    """Of a list its bytes; of the key which one it is, since it grows with every new name. Empty where there is none."""
    try:
        if path.name == KEY_NAME:
            return text_sha256(str(json.loads(path.read_bytes())["generation"]))
        return file_sha256(path)
    except (OSError, ValueError, KeyError, TypeError):
        return ""


class Corrections(NamedTuple):
    """What a person decided: texts that are always replaced, with their kind, and texts that never are."""

    always: tuple[tuple[str, str], ...] = ()
    never: tuple[str, ...] = ()


def read_corrections(private: Path = PRIVATE) -> Corrections:
    """A person's corrections, from always.csv and never.csv; none where there are no such files.

    Raises
    ------
    InputError
        Where a file is no CSV table with the columns text and kind.
    """
    always = _table(private / "always.csv", ("text", "kind"))
    never = _table(private / "never.csv", ("text",))
    return Corrections(
        tuple((row["text"], row["kind"]) for row in always if row["text"]),
        tuple(row["text"] for row in never if row["text"]),
    )


def read_rows(path: Path, columns: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not blank, each with its number; none where there is no such file.

    Raises
    ------
    InputError
        Where the columns are others. The message repeats nothing that stands there.
    OSError, UnicodeDecodeError, csv.Error
        Where it cannot be read.
    """
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except FileNotFoundError:
        return []
    if not lines or [cell.strip() for cell in lines[0]] != list(columns):
        raise InputError(path, "has other columns", f"its columns are {', '.join(columns)}", place="row 1")
    rows = [(number, [cell.strip() for cell in line]) for number, line in enumerate(lines[1:], start=2)]
    return [(number, cells) for number, cells in rows if any(cells)]


def _table(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        raise InputError(path, "cannot be read", "save it as CSV UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for name in columns:
            if name not in (reader.fieldnames or ()):
                raise InputError(
                    path, f"lacks the column {name}", f"its columns are {', '.join(columns)}", place="row 1"
                )
        return [{name: (row[name] or "").strip() for name in columns} for row in reader]
    except csv.Error:
        raise InputError(
            path, "is not CSV", "save it again from the spreadsheet", place=f"line {reader.reader.line_num}"
        ) from None


class Allowed(NamedTuple):
    """A name that the audit may find in a file, because a person says that it is none there."""

    text: str
    path: str
    reason: str


def load_allowed(private: str | Path = PRIVATE) -> list[Allowed]:
    """What a person wrote into allowed.csv, with the columns text, path and reason; nothing where there is no such file.

    `path` is one within the project, such as outputs/documents.parquet, or a pattern: outputs/*.

    Raises
    ------
    InputError
        Where it is not such a table, or a cell is empty. The message repeats nothing that stands in it.
    """
    path = Path(private) / "allowed.csv"
    try:
        rows = read_rows(path, Allowed._fields)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(path, "cannot be read", "save it as CSV UTF-8") from None
    found = []
    for number, cells in rows:
        if len(cells) != len(Allowed._fields) or not all(cells):
            problem = "has an empty cell" if len(cells) == len(Allowed._fields) else f"has {len(cells)} cells"
            raise InputError(path, problem, "say what is allowed, where, and why", place=f"row {number}")
        found.append(Allowed(*cells))
    return found
