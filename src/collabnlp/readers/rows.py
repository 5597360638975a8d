"""Tables whose rows are passages already: .csv, .xlsx and .jsonl with a `text` column, coded or not."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from collabnlp.readers.office import damaged
from collabnlp.readers.text import decode
from collabnlp.records import Block, InputError, Stance

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
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    for number, row_id, row in _rows(path):
        if row_id in seen:
            raise InputError(
                path, f"the id {row_id!r} comes twice", "give each row an id of its own", place=f"row {number}"
            )
        seen.add(row_id)
        rows.append((row_id, str(row["text"])))
    return rows


class CodedRow(NamedTuple):
    """A passage that one coder read: the codes given to it with their stance; none where it was left without a code."""

    id: str
    text: str
    codes: dict[str, Stance]
    coder: str


def read_coded(path: Path, codes: Mapping[str, Stance]) -> list[CodedRow]:
    """Passages and the codes that people gave them, of each row that was read, in order.

    The column `codes` (or `tags`) holds codes such as `trust; momentum=negative`; in .jsonl also
    a list of names, a list of objects with `code` and `stance`, or an object of code and stance.
    Where it is empty, the passage was read and left without a code; where a row does not have it
    at all, nobody read the passage and the row is left out. A row without an id gets its number,
    from 1; `coder` is empty where the file names none. What `collabnlp tag` writes as .jsonl or
    .csv can be read.

    Parameters
    ----------
    codes
        Each code of the codebook with the stance that it has where a row gives none.

    Raises
    ------
    InputError
        Where the file is of another kind, has no `text` or no `codes`, a coder has an id twice, or
        a code or a stance is unknown.
    """
    if path.suffix.lower() not in ROW_ENDINGS or not path.is_file():
        problem = "is no file of coded passages" if path.exists() else "there is no such file"
        raise InputError(path, problem, f"name a file that ends in {', '.join(ROW_ENDINGS)}")
    found: list[CodedRow] = []
    seen: set[tuple[str, str]] = set()
    columns: set[str] = set()
    for number, row_id, row in _rows(path):
        columns.update(name for name in row if name)
        given = row.get("codes", row.get("tags", _UNREAD))
        if None in row:
            raise InputError(
                path, "has more cells than the header", 'put quotes around "text; codes"', place=f"row {number}"
            )
        if given is _UNREAD:
            continue
        place, coder = f"row {number}", str(row.get("coder") or "").strip()
        if (row_id, coder) in seen:
            raise InputError(
                path, f"the id {row_id!r} comes twice", "give each row of a coder an id of its own", place=place
            )
        seen.add((row_id, coder))
        found.append(CodedRow(row_id, str(row["text"]), _codes(path, place, given, codes), coder))
    if not columns & {"codes", "tags"}:
        raise InputError(
            path,
            f"has no codes, only {', '.join(sorted(columns)) or 'rows without text'}",
            "add a column `codes`, such as trust; momentum=negative",
        )
    return found


_UNREAD = object()
_GIVEN = re.compile(r"([^=(]+?)\s*(?:=\s*([^=]*)|\(\s*([^(),]*)[^()]*\))?")  # code, code=stance or code (stance, 0.83)


def _codes(path: Path, place: str, given: Any, codes: Mapping[str, Stance]) -> dict[str, Stance]:
    """Code and stance, as a cell or a value of JSON holds them."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(given, str):
        for part in filter(None, map(str.strip, re.split(r"[;\n]", given))):
            match = _GIVEN.fullmatch(part)
            pairs.append((match[1], match[2] or match[3]) if match else (part, None))
    elif isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, list):
        pairs = [(one.get("code"), one.get("stance")) if isinstance(one, dict) else (one, None) for one in given]
    else:
        raise InputError(
            path,
            f"codes is {json.dumps(given, default=str)}",
            "write [] where it was read and has no code, and leave `codes` out where nobody read it",
            place=place,
        )
    result: dict[str, Stance] = {}
    for code, stance in pairs:
        name = code.strip() if isinstance(code, str) else code
        if not isinstance(name, str) or name not in codes:
            raise InputError(path, f"the code {name!r} is unknown", f"write {_one_of(codes)}, parted by ;", place=place)
        said: Any = (stance.strip().lower() if isinstance(stance, str) else stance) or codes[name]
        if said not in get_args(Stance):
            raise InputError(
                path, f"the stance {stance!r} of {name} is unknown", f"write {_one_of(get_args(Stance))}", place=place
            )
        if result.setdefault(name, said) != said:
            raise InputError(
                path, f"{name} is both {result[name]} and {said}", "give it one stance, neutral for both", place=place
            )
    return result


def _one_of(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Number, from 1, id and row of each row with text."""
    table: Iterable[dict[str, Any]] = {".csv": _csv_rows, ".xlsx": _xlsx_rows, ".jsonl": _jsonl_rows}[
        path.suffix.lower()
    ](path)
    for number, row in enumerate(table, start=1):
        text = row.get("text")
        if text is not None and str(text).strip():
            yield number, str(row.get("id") if row.get("id") not in (None, "") else number), row


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
        return [{name: cell for name, cell in row.items() if cell is not None} for row in reader]
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
                    yield from (_cells(names, line) for line in rows)
                    return
                headers.append([name for name in names if name])
    _need_text(path, next(filter(None, headers), []))


def _cells(names: list[str], line: Iterable[Any]) -> dict[str, Any]:
    row = dict(itertools.zip_longest(names, line))
    return {name: "" if cell is None and name in ("codes", "tags") else cell for name, cell in row.items() if name}


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
        held = _UNHELD.search(f"{row['text']}{row.get('id')}{row.get('coder')}")
        if held:
            raise InputError(
                path, f"has the escape \\u{ord(held[0]):04x}", "take it out, it is no letter", place=f"line {number}"
            )
        rows.append(row)
    return rows
