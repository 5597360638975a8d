"""Tables whose rows are passages already: .csv, .xlsx and .jsonl with a `text` column."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from collabnlp.readers.office import damaged
from collabnlp.readers.text import decode
from collabnlp.records import Block, InputError

ROW_ENDINGS = (".csv", ".xlsx", ".jsonl")
_MAX_ROWS = 1_048_576  # of a sheet, by its format; a false row number must not fill the memory
_UNHELD = re.compile("[\\x00\\ud800-\\udfff]")  # what an escape in JSON may name and no text can hold


def read_rows(path: Path) -> list[tuple[str, str]]:
    """(id, text) of each row with text, in order; a row without an id gets its number, from 1.

    Raises
    ------
    InputError
        Where there is no `text` column, an id comes twice, or a line is not JSON.
    """
    suffix = path.suffix.lower()
    table: Iterable[dict[str, Any]] = {".csv": _csv_rows, ".xlsx": _xlsx_rows, ".jsonl": _jsonl_rows}[suffix](path)
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    for number, row in enumerate(table, start=1):
        text = row.get("text")
        if text is None or not str(text).strip():
            continue
        row_id = str(row.get("id") if row.get("id") not in (None, "") else number)
        if row_id in seen:
            raise InputError(
                path, f"the id {row_id!r} comes twice", "give each row an id of its own", place=f"row {number}"
            )
        seen.add(row_id)
        rows.append((row_id, str(text)))
    return rows


def read_row_blocks(path: Path) -> list[Block]:
    """Each row as one block, its text as given."""
    return [Block(text, "row") for _, text in read_rows(path)]


def _need_text(path: Path, names: list[str]) -> None:
    if "text" not in names:
        raise InputError(path, f"has the columns {', '.join(map(str, names)) or '(none)'}", "name one of them `text`")


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    source = decode(path)
    try:
        dialect: Any = csv.Sniffer().sniff(source[:20_000].split("\n")[0], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    reader = csv.DictReader(io.StringIO(source, newline=""), delimiter=getattr(dialect, "delimiter", ","))
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
        _need_text(path, names)
        reader.fieldnames = names
        return list(reader)
    except csv.Error as error:  # the inner reader has counted the line that failed, the outer one has not
        raise InputError(
            path, f"is not CSV ({error})", "save it again from the spreadsheet", place=f"line {reader.reader.line_num}"
        ) from error


def _xlsx_rows(path: Path) -> Iterator[dict[str, Any]]:
    import openpyxl
    from openpyxl.utils.exceptions import CellCoordinatesException, InvalidFileException

    headers: list[list[str]] = []
    own = (CellCoordinatesException, InvalidFileException)
    with damaged(path, *own), path.open("rb") as handle, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sheet in openpyxl.load_workbook(handle, read_only=True, data_only=True).worksheets:
            sheet.reset_dimensions()  # or each row is filled with blanks as far as a stray cell stands
            rows = itertools.islice(sheet.iter_rows(values_only=True), _MAX_ROWS)
            for row in itertools.islice(rows, 10):
                names = [str(cell).strip().lower() if cell is not None else "" for cell in row]
                if "text" in names:
                    yield from (dict(zip(names, line, strict=False)) for line in rows)
                    return
                headers.append([name for name in names if name])
    _need_text(path, next(filter(None, headers), []))


def _jsonl_rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(decode(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                path, f"is not JSON ({error})", "write one object a line", place=f"line {number}"
            ) from error
        if not isinstance(row, dict) or "text" not in row:
            raise InputError(
                path,
                "has no `text`",
                'write one object a line, such as {"id": "1", "text": "..."}',
                place=f"line {number}",
            )
        held = _UNHELD.search(f"{row['text']}{row.get('id')}")
        if held:
            raise InputError(
                path, f"has the escape \\u{ord(held[0]):04x}", "take it out, it is no letter", place=f"line {number}"
            )
        rows.append(row)
    return rows
