"""The sheet of a tagging pack: a passage a row, what the model suggests, and columns for a person to accept, drop and add."""

from __future__ import annotations

import datetime
import itertools
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from collabnlp.codebook import Codebook
from collabnlp.exchange.marks import Mark, UnknownCodeError, parse_code
from collabnlp.exchange.pack import MARKED, Pack, PackedDocument, check_model
from collabnlp.files import atomic
from collabnlp.readers import check_file
from collabnlp.readers.office import damaged
from collabnlp.records import InputError, Passage, Stance, TagReason, key_of
from collabnlp.redact.speakers import INTERVIEWER

_WHEN = datetime.datetime(2020, 1, 1)  # fixed: the same pack gives the same bytes
_ILLEGAL = re.compile(r"[\x00-\x08\x0b-\x0d\x0e-\x1f\ufffe\uffff]")
_CELL = 32_000
_MAX_ROWS = 200_000
ALL, NONE = "all", "none"
ID, ACCEPT, DROP, ADD, STANCE, NOTE, PASSAGE = "Passage id", "Accept", "Drop", "Add", "Stance", "Note", "Passage"
SUGGESTED, LIKELY = "Suggested", "Also likely"
_WIDTHS = {
    ID: 14,
    "No.": 6,
    "Speaker": 13,
    PASSAGE: 62,
    SUGGESTED: 42,
    LIKELY: 22,
    ACCEPT: 18,
    DROP: 20,
    ADD: 22,
    STANCE: 11,
    "Add 2": 22,
    "Stance 2": 11,
    NOTE: 40,
}
HOW = (
    "Touch the rows that you have read. Accept: all, none, or some of the suggested codes, parted by ;. Drop: suggested codes that are "
    "wrong; the others stay. Add and Stance: codes that are missing; to correct a stance, add the code again with the right one. "
    "Rows may be sorted, filtered and deleted, columns added; leave the column Passage as it is."
)
HOW_BLIND = (
    "Touch the rows that you have read. Accept: none, where no code applies. Add and Stance: the codes that apply; several may stand in a "
    "cell, parted by ;. Rows may be sorted, filtered and deleted, columns added; leave the column Passage as it is."
)


def write_sheet(path: str | Path, pack: Pack, document: PackedDocument, codebook: Codebook) -> None:
    """Write the sheet of one document of a pack, with the codebook on a second one. Cells are text: none is run as a formula."""
    import xlsxwriter

    with atomic(path) as temporary:
        options = {
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "in_memory": True,
        }
        book = xlsxwriter.Workbook(str(temporary), options)
        book.set_properties({"title": document.name, "subject": codebook.title, "created": _WHEN})
        _write_codebook(book, codebook, _write_passages(book, pack, document, codebook))
        book.close()


def _write_passages(book: Any, pack: Pack, document: PackedDocument, codebook: Codebook) -> Any:
    base = {"font_name": "Arial", "font_size": 11, "valign": "top", "text_wrap": True, "num_format": "@"}
    text, bold = book.add_format(base), book.add_format({**base, "bold": True, "bg_color": "#dce6f1"})
    title, asked = (
        book.add_format({**base, "bold": True, "font_size": 15, "text_wrap": False}),
        book.add_format({**base, "italic": True, "font_color": "#595959"}),
    )
    quoted = book.add_format(
        {**base, "quote_prefix": True}
    )  # what begins like a formula stays text when it is typed again
    entry = book.add_format({**base, "bg_color": "#fff9e5", "border": 1, "border_color": "#d9d9d9"})
    headers = [name for name in _WIDTHS if not (pack.blind and name in (SUGGESTED, LIKELY, DROP))]
    sheet = book.add_worksheet("Passages")
    for j, name in enumerate(headers):
        sheet.set_column(j, j, _WIDTHS[name], None, {"hidden": name == ID})
    marked = [MARKED] if document.access == "non-attributable" else []
    marked += [f"{'; '.join(pack.caveats)}."] if pack.caveats else []
    sheet.write_string(0, 1, document.name, title)
    if not pack.blind:
        sheet.write_string(0, headers.index(SUGGESTED), f"Suggested by {pack.coder}", text)
    for i, line in enumerate(([HOW_BLIND if pack.blind else HOW, *marked]), start=1):
        sheet.merge_range(i, 1, i, len(headers) - 1, line, text)
        sheet.set_row(i, 50 if i == 1 else 20)
    top = 2 + len(marked)
    for j, name in enumerate(headers):
        sheet.write_string(top, j, name, bold)
    suggested, reasons = pack.suggested(), {key_of(reason): reason for reason in pack.reasons}
    titles = {code.code: code.title for code in codebook.codes}
    passages = [p for p in pack.passages if p.document_id == document.document_id]
    for i, passage in enumerate(passages, start=top + 1):
        cells = {
            ID: passage.passage_id,
            "No.": str(passage.ordinal),
            "Speaker": passage.speaker or " > ".join(passage.section),
            PASSAGE: passage.text,
            SUGGESTED: _told(pack, passage, reasons, titles),
            LIKELY: "\n".join(f"{titles[code]} {score:.2f}" for code, score in pack.likely.get(passage.passage_id, ())),
        }
        speaks = passage.speaker != INTERVIEWER
        sheet.set_row(i, _height(cells))
        for j, name in enumerate(headers):
            cell = _ILLEGAL.sub("", cells.get(name, ""))[:_CELL]
            form = (quoted if cell.lstrip()[:1] in tuple("=+-@") else text) if speaks else asked
            sheet.write_string(i, j, cell, entry if name not in cells and speaks else form)
        if speaks:
            _validate(sheet, i, headers, [titles[code] for code in suggested[passage.passage_id]], len(codebook.codes))
    last = top + max(1, len(passages))
    sheet.autofilter(top, 0, last, len(headers) - 1)
    sheet.freeze_panes(top + 1, headers.index(PASSAGE) + 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)
    return bold, text


def _height(cells: Mapping[str, str]) -> float:
    """Height of a row, in points, in which all of its text can be seen: programs differ in whether they find it themselves."""
    n_lines = max(sum(-(-len(line) // _WIDTHS[name]) or 1 for line in cell.split("\n")) for name, cell in cells.items())
    return min(15.0 * n_lines + 3, 409.0)


def _told(pack: Pack, passage: Passage, reasons: Mapping[tuple[Any, ...], TagReason], titles: Mapping[str, str]) -> str:
    lines = []
    for tag in pack.tags:
        if tag.passage_id == passage.passage_id and tag.coder == pack.coder:
            score = "" if tag.score is None else f", {tag.score:.2f}{', unsure' if tag.review else ''}"
            why = reasons.get(key_of(tag))
            lines.append(
                f"{titles[tag.code]} ({tag.stance}{score})" + (f"\n   {' '.join(why.sentence.split())}" if why else "")
            )
    return "\n".join(lines)


def _validate(sheet: Any, row: int, headers: Sequence[str], suggested: Sequence[str], n_codes: int) -> None:
    """Drop-downs; they forbid nothing, since a cell may hold several codes: what is unknown is told when the sheet comes back."""
    codes = f"=Codebook!$A$2:$A${n_codes + 1}"
    short = len(",".join((ALL, NONE, *suggested))) <= 255 and not any("," in title for title in suggested)
    own = list(suggested) if short else []
    lists: dict[str, Any] = {
        ADD: codes,
        "Add 2": codes,
        STANCE: list(get_args(Stance)),
        "Stance 2": list(get_args(Stance)),
    }
    lists |= {ACCEPT: [ALL, NONE, *own] if suggested else [NONE], DROP: own or codes}
    for name, source in lists.items():
        if name in headers:
            j, rule = headers.index(name), {"validate": "list", "source": source, "show_error": False}
            sheet.data_validation(row, j, row, j, rule)


def _write_codebook(book: Any, codebook: Codebook, formats: tuple[Any, Any]) -> None:
    bold, text = formats
    sheet = book.add_worksheet("Codebook")
    for j, (name, width) in enumerate(
        (("Code", 28), ("Group", 24), ("Definition", 70), ("Given when", 70), ("Not given for", 70))
    ):
        sheet.set_column(j, j, width)
        sheet.write_string(0, j, name, bold)
    for i, code in enumerate(codebook.for_readers().codes, start=1):
        cells = (
            code.title,
            codebook.groups[code.group],
            code.definition,
            "\n".join(code.include),
            "\n".join(code.exclude),
        )
        for j, cell in enumerate(cells):
            sheet.write_string(i, j, cell, text)
    sheet.freeze_panes(1, 1)


def read_sheet(path: str | Path, pack: Pack, codebook: Codebook) -> list[Mark]:
    """What a sheet says of its passages, whatever became of the order of its rows and columns.

    Raises
    ------
    InputError
        Where the file is damaged, of another pack, or no sheet has the columns of a tagging sheet.
    """
    import openpyxl
    from openpyxl.utils.exceptions import CellCoordinatesException, InvalidFileException

    path = Path(path)
    check_file(path)
    names: list[list[str]] = []
    with (
        damaged(path, CellCoordinatesException, InvalidFileException),
        path.open("rb") as handle,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        for sheet in openpyxl.load_workbook(handle, read_only=True, data_only=True).worksheets:
            sheet.reset_dimensions()  # or each row is filled with blanks as far as a stray cell stands
            rows = enumerate(itertools.islice(sheet.iter_rows(values_only=True), _MAX_ROWS), start=1)
            for _, row in itertools.islice(rows, 20):
                check_model(re.findall(r"\bmodel-[0-9a-f]{8}\b", " ".join(str(c) for c in row if c)), pack, path)
                header = [" ".join(str(cell or "").split()).casefold() for cell in row]
                if {ID.casefold(), PASSAGE.casefold()} & set(header) and {ACCEPT.casefold(), ADD.casefold()} & set(
                    header
                ):
                    marks = [
                        _mark(number, dict(itertools.zip_longest(header, map(_cell, line))), codebook)
                        for number, line in rows
                    ]
                    return [mark for mark in marks if mark.text or mark.passage_id or mark.read or mark.note]
                names.append([name for name in header if name])
    found = ", ".join(next(filter(None, names), [])[:8]) or "(none)"
    remedy = f"it needs {PASSAGE} and {ACCEPT} or {ADD}, as in a sheet of `collabnlp tag --pack`"
    raise InputError(path, f"has no sheet of passages, only the columns {found}", remedy)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("_x000D_", "\r")


def _mark(number: int, row: Mapping[Any, str], codebook: Codebook) -> Mark:
    """The mark of one row; a code that is unknown makes it one that cannot be taken."""
    get = {str(name): cell.strip() for name, cell in row.items() if name is not None}
    problems: list[str] = []

    def codes(name: str, stance: str = "") -> list[tuple[str, Stance | None]]:
        found = []
        for part in filter(None, map(str.strip, re.split(r"[;\n]", get.get(name.casefold(), "")))):
            try:
                code, said = parse_code(part, codebook)
                found.append((code, said or _stance(get.get(stance.casefold(), ""))))
            except UnknownCodeError as error:
                problems.append(str(error))
        return found

    accepted = get.get(ACCEPT.casefold(), "").casefold()
    keep: tuple[str, ...] | None = None
    corrected: list[tuple[str, Stance | None]] = []
    if accepted in (NONE, "no", "no code"):
        keep = ()
    elif accepted and accepted not in (ALL, "yes"):
        corrected = codes(ACCEPT)
        keep = tuple(code for code, _ in corrected)
    drop = tuple(code for code, _ in codes(DROP))
    add = tuple(pair for pair in corrected if pair[1]) + tuple(
        pair for name, stance in ((ADD, STANCE), ("Add 2", "Stance 2")) for pair in codes(name, stance)
    )
    problems += [
        f"a stance stands without a code ({get[stance.casefold()]})"
        for name, stance in ((ADD, STANCE), ("Add 2", "Stance 2"))
        if get.get(stance.casefold()) and not get.get(name.casefold())
    ]
    return Mark(
        f"row {number}",
        get.get(ID.casefold(), ""),
        row.get(PASSAGE.casefold()) or "",
        read=bool(accepted or drop or add or problems),
        keep=keep,
        drop=drop,
        add=add,
        note=get.get(NOTE.casefold(), ""),
        problem="; ".join(problems),
    )


def _stance(said: str) -> Stance | None:
    if not said:
        return None
    for stance in get_args(Stance):
        if said.casefold() == stance:
            return stance  # type: ignore[no-any-return]
    raise UnknownCodeError(f"the stance {said!r} is unknown")
