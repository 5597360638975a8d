"""The register of sources, corpus/documents.csv: what is read, and what is wrong with it."""

from __future__ import annotations

import csv
import io
import os
import re
import typing
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collabnlp.records import Access, IngestRow, InputError, Kind, printable, write_text

FOLDERS = {"report": "reports", "transcript": "transcripts"}


class Entry(BaseModel):
    """One line of the register."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    document_id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]*$", description="from the file's name: small letters, digits, . _ -"
    )
    source_path: str = Field(description="path relative to the corpus folder")
    title: str = Field(min_length=1)
    publisher: str
    year: int = Field(ge=1800, le=2200)
    kind: Kind
    access: Access = Field(description="public, attributable or non-attributable; empty counts as non-attributable")
    synthetic: bool = Field(description="yes where people and events are invented")
    language: str = Field("en", pattern=r"^[a-z]{2}$")
    note: str = Field("", description="who wrote it, where it is from")


COLUMNS = tuple(Entry.model_fields)


def load_register(corpus: str | Path) -> tuple[list[Entry], list[IngestRow]]:
    """The entries that can be read, by document id, and a row for each line or file that cannot.

    Refused are: a line with a value that is not allowed, an id or a file that stands twice (both
    lines), a file that is missing or lies outside the corpus folder, and a file of `reports/` or
    `transcripts/` that no line names.

    Raises
    ------
    InputError
        Where there is no register, or it is not a CSV table with its columns.
    """
    corpus = Path(corpus)
    entries: list[Entry] = []
    problems: list[IngestRow] = []
    rows = _read(corpus / "documents.csv")
    for number, row in enumerate(rows, start=2):
        try:
            entries.append(_entry(row))
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            problem = f"{field} is {row[field]!r} in row {number} of documents.csv"
            problems.append(refused(row["document_id"], row["source_path"], problem, f"write {_ALLOWED[field]}"))
    ids = Counter(entry.document_id for entry in entries)
    files = Counter(_place(corpus, entry.source_path) for entry in entries)
    good: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.document_id):
        place = _place(corpus, entry.source_path)
        if ids[entry.document_id] > 1:
            problem = f"the id stands {ids[entry.document_id]} times in documents.csv"
            remedy = "give each document an id of its own"
        elif place is not None and not place.is_relative_to(corpus.resolve()):
            problem, remedy = "lies outside the corpus folder", "copy it there with `collabnlp add`"
        elif place is None or not os.path.isfile(place):  # false, where Path.is_file raises, for a name too long
            problem, remedy = "there is no such file", "restore it, or take the line out of documents.csv"
        elif files[place] > 1:
            problem = f"the file stands {files[place]} times in documents.csv"
            remedy = "leave one line for it"
        else:
            good.append(entry)
            continue
        problems.append(refused(entry.document_id, entry.source_path, problem, remedy))
    named = {_place(corpus, row["source_path"]) for row in rows}
    for folder in FOLDERS.values():
        for file in sorted((corpus / folder).glob("**/*")):
            relative = file.relative_to(corpus).as_posix()
            if file.is_file() and not file.name.startswith(".") and _place(corpus, relative) not in named:
                problem, remedy = "is not in the register", "register it with `collabnlp add`, or delete it"
                problems.append(refused(file.stem, relative, problem, remedy))
    return good, problems


def _read(path: Path) -> list[dict[str, str]]:
    """The register's lines as they stand, a text for every column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            path, "there is no register", "restore it from git, or add a document with `collabnlp add`"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(path, "is not UTF-8", "save it as CSV UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(
                path, f"lacks the column {missing[0]}", f"its columns are {', '.join(COLUMNS)}", place="row 1"
            )
        return [{name: row[name] or "" for name in COLUMNS} for row in reader]
    except csv.Error as error:  # the inner reader has counted the line that failed, the outer one has not
        raise InputError(
            path,
            f"is not CSV ({error})",
            "mend the line, or restore it from git",
            place=f"line {reader.reader.line_num}",
        ) from error


def _place(corpus: Path, source_path: str) -> Path | None:
    """Where a path leads, however it is spelled; None for one that no system can hold."""
    try:
        return (corpus / source_path.strip()).resolve()
    except (ValueError, OSError, RuntimeError):  # a NUL, a name too long, a ring of links
        return None


def _entry(row: dict[str, str]) -> Entry:
    data = {name: value.strip() for name, value in row.items()}
    data["language"] = data["language"] or "en"
    data["access"] = data["access"] or "non-attributable"
    return Entry.model_validate(data)


_ALLOWED = {
    "document_id": "small letters, digits, dots, hyphens",
    "title": "the title of the source",
    "year": "a year with four digits",
    "kind": ", ".join(typing.get_args(Kind)),
    "access": ", ".join(typing.get_args(Access)),
    "synthetic": "yes or no",
    "language": "two small letters, such as en",
}


def refused(document_id: str, source_path: str, problem: str, remedy: str) -> IngestRow:
    """A line of the ingest report for what could not be read."""
    return IngestRow(
        document_id=printable(document_id),
        source_path=printable(source_path),
        status="refused",
        problem=printable(problem),
        remedy=remedy,
        n_words=0,
        n_passages=0,
        n_pages=0,
    )


def document_id_of(path: Path) -> str:
    """The id that a file's name gives.

    Examples
    --------
    >>> document_id_of(Path("Interview 3 (Leader).docx"))
    'interview-3-leader'
    """
    return re.sub(r"[^a-z0-9._]+", "-", path.stem.lower()).strip("-._") or "document"


def find_entry(corpus: str | Path, file: str | Path) -> Entry | None:
    """The register's line for a file; None where it has none that can be read."""
    corpus = Path(corpus)
    if not (corpus / "documents.csv").is_file():
        return None
    place = _place(Path(), str(file))
    for row in _read(corpus / "documents.csv"):
        if place is not None and _place(corpus, row["source_path"]) == place:
            try:
                return _entry(row)
            except ValidationError:
                return None
    return None


def add_entry(corpus: str | Path, entry: Entry, *, force: bool = False) -> None:
    """Write an entry into the register, its lines by document id; the file must lie in its place.

    Raises
    ------
    InputError
        Where the register cannot be read, or the id is there already and `force` is not set.
    """
    path = Path(corpus) / "documents.csv"
    rows = _read(path) if path.exists() else []
    if any(row["document_id"] == entry.document_id for row in rows):
        if not force:
            raise InputError(
                path, f"{entry.document_id!r} is registered already", "rename the file, or use --force to replace it"
            )
        rows = [row for row in rows if row["document_id"] != entry.document_id]
    new = {
        name: ("yes" if value else "no") if isinstance(value, bool) else str(value)
        for name, value in entry.model_dump().items()
    }
    out = io.StringIO()  # not csv_text: the register is read back, so a title that begins with = stays as it is
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted([*rows, new], key=lambda row: row["document_id"]))
    write_text(path, out.getvalue())
