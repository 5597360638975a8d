"""The register of sources, corpus/documents.csv: what is read, and what is wrong with it."""

from __future__ import annotations

import csv
import io
import re
import typing
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collabnlp.records import Access, IngestRow, InputError, Kind, csv_text, write_text

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
    access: Access
    synthetic: bool = Field(description="yes where people and events are invented")
    language: str = Field("en", pattern=r"^[a-z]{2}$")
    note: str = Field("", description="who wrote it, where it is from")


COLUMNS = tuple(Entry.model_fields)


def load_register(corpus: str | Path) -> tuple[list[Entry], list[IngestRow]]:
    """The entries that can be read, by document id, and a row for each line or file that cannot.

    Refused are: a line with a value that is not allowed, an id that stands twice (both lines), a
    file that is missing or lies outside the corpus folder, and a file of `reports/` or
    `transcripts/` that no line names.

    Raises
    ------
    InputError
        Where there is no register, or it lacks a column.
    """
    corpus = Path(corpus)
    path = corpus / "documents.csv"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            path, "there is no register", "restore it from git, or add a document with `collabnlp add`"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(path, "is not UTF-8", "save it as CSV UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise InputError(path, f"lacks the column {missing[0]}", f"its columns are {', '.join(COLUMNS)}", place="row 1")
    entries: list[Entry] = []
    problems: list[IngestRow] = []
    named: set[str] = set()
    for number, row in enumerate(reader, start=2):
        named.add(row.get("source_path") or "")
        try:
            entries.append(_entry(row))
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0])
            problems.append(
                refused(
                    row.get("document_id") or "",
                    row.get("source_path") or "",
                    f"{field} is {row.get(field)!r} in row {number} of documents.csv",
                    f"write {_allowed(field)}",
                )
            )
    seen: dict[str, list[Entry]] = {}
    for entry in entries:
        seen.setdefault(entry.document_id, []).append(entry)
    good: list[Entry] = []
    for document_id, same in sorted(seen.items()):
        entry = same[0]
        if len(same) > 1:
            problems += [
                refused(
                    document_id,
                    e.source_path,
                    f"the id stands {len(same)} times in documents.csv",
                    "give each document an id of its own",
                )
                for e in same
            ]
        elif not (corpus / entry.source_path).resolve().is_relative_to(corpus.resolve()):
            problems.append(
                refused(
                    document_id,
                    entry.source_path,
                    "lies outside the corpus folder",
                    "copy it there with `collabnlp add`",
                )
            )
        elif not (corpus / entry.source_path).is_file():
            problems.append(
                refused(
                    document_id,
                    entry.source_path,
                    "there is no such file",
                    "restore it, or take the line out of documents.csv",
                )
            )
        else:
            good.append(entry)
    for folder in FOLDERS.values():
        for file in sorted((corpus / folder).glob("**/*")):
            relative = file.relative_to(corpus).as_posix()
            if file.is_file() and not file.name.startswith(".") and relative not in named:
                problems.append(
                    refused(
                        file.stem, relative, "is not in the register", "register it with `collabnlp add`, or delete it"
                    )
                )
    return good, problems


def _entry(row: dict[str, str]) -> Entry:
    data = {name: (row.get(name) or "").strip() for name in COLUMNS}
    data["language"] = data["language"] or "en"
    return Entry.model_validate(data)


def _allowed(field: str) -> str:
    if field == "access":
        return ", ".join(typing.get_args(Access))
    if field == "kind":
        return ", ".join(typing.get_args(Kind))
    return {
        "year": "a year with four digits",
        "synthetic": "yes or no",
        "document_id": "small letters, digits, dots, hyphens",
        "language": "two small letters, such as en",
    }.get(field, "something")


def refused(document_id: str, source_path: str, problem: str, remedy: str) -> IngestRow:
    """A line of the ingest report for what could not be read."""
    return IngestRow(
        document_id=document_id,
        source_path=source_path,
        status="refused",
        problem=problem,
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


def add_entry(corpus: str | Path, entry: Entry, *, force: bool = False) -> None:
    """Write an entry into the register, its lines by document id; the file must lie in its place.

    Raises
    ------
    InputError
        Where the id is there already and `force` is not set.
    """
    path = Path(corpus) / "documents.csv"
    rows: list[dict[str, str]] = []
    if path.exists():
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
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
    rows = sorted([*rows, new], key=lambda row: row["document_id"])
    write_text(path, csv_text([[row.get(name, "") for name in COLUMNS] for row in rows], COLUMNS))
