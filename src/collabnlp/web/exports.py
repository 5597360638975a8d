"""A view as a file: Excel, CSV, Word, JSON. All evidence in it comes from the gate."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from collabnlp.export.passages import citation
from collabnlp.export.sheets import Sheets
from collabnlp.records import EvidenceRow, columns, csv_text
from collabnlp.release import CLOSED
from collabnlp.web.views.view import TIES, Sheet, View

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
}
MOST_QUOTES = 2000  # in a Word file: more is no reading, and .xlsx holds them all
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160), 0xFFFE, 0xFFFF), "\ufffd")


def plain(value: Any) -> Any:
    r"""A value as it may stand in any file or page: signs that are no text are shown as such.

    Examples
    --------
    >>> plain("a\x00b"), plain(3)
    ('a�b', 3)
    """
    return value.translate(_CONTROLS) if type(value) is str else value


def export(view: View, suffix: str, titles: Mapping[str, str], told: Sequence[tuple[str, str]]) -> bytes:
    """The file of a view.

    Parameters
    ----------
    suffix
        xlsx, csv, docx or json.
    titles
        Title by code.
    told
        What the file says of itself: what was filtered, where it is from, what is withheld.
    """
    if suffix == "json":
        return (view.answer.model_dump_json(indent=1) + "\n").encode("utf-8", "backslashreplace")
    if suffix == "csv":
        return ("\ufeff" + _csv(view)).encode("utf-8", "replace")
    return _xlsx(view, titles, told) if suffix == "xlsx" else _docx(view, titles, told)


def _csv(view: View) -> str:
    sheets = view.sheets() if view.csv == "sheet" else []
    if sheets:
        return csv_text([list(map(plain, row)) for row in sheets[0].rows], sheets[0].header)
    names = columns(EvidenceRow)
    rows = [[*(plain(getattr(row, name)) for name in names), plain(citation(row))] for row in view.quotes().rows]
    return csv_text(rows, [*names, "citation"])


def _xlsx(view: View, titles: Mapping[str, str], told: Sequence[tuple[str, str]]) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True})
    book.set_properties({"title": plain(view.title)[:200]})
    sheets = Sheets(book)
    sheets.table("About", plain(view.title), ["What", "Value"], [[k, plain(v)] for k, v in told], [24, 100], back=False)
    for sheet in view.sheets():
        _sheet(sheets, sheet)
    released = view.quotes()
    if released.rows:
        sheets.quotes("Quotes", "The evidence behind this view", released, titles, back=False)
    book.close()
    return out.getvalue()


def _sheet(sheets: Sheets, sheet: Sheet) -> None:
    rows = [list(map(plain, row)) for row in sheet.rows]
    widths = [
        min(60, max(10, *(len(str(row[j] or "")) for row in rows[:50]), 0) + 2) if rows else 14
        for j in range(len(sheet.header))
    ]
    sheets.table(sheet.name, plain(sheet.what), sheet.header, rows, widths, back=False)


def _docx(view: View, titles: Mapping[str, str], told: Sequence[tuple[str, str]]) -> bytes:
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Pt

    document = docx.Document()
    document.core_properties.title = plain(view.title)[:200]
    document.core_properties.author = "collabnlp"
    document.styles["Normal"].font.size = Pt(10)
    document.add_heading(plain(view.title), 0)
    for what, value in told:
        document.add_paragraph(plain(f"{what}: {value}"))
    sheets = [sheet for sheet in view.sheets() if sheet.rows]
    page = document.sections[0]
    if any(len(sheet.header) > 6 for sheet in sheets):
        page.orientation, page.page_width, page.page_height = WD_ORIENT.LANDSCAPE, page.page_height, page.page_width
    for sheet in sheets:
        if sheet.name == "Cells":  # every cell is in the wide table, and in the other files
            continue
        document.add_heading(plain(sheet.what), 1)
        table = document.add_table(rows=1 + len(sheet.rows), cols=len(sheet.header), style="Table Grid")
        _repeat_head(table.rows[0])
        for line, cells in _lines(table, sheet):
            for cell, value in zip(cells, line, strict=True):
                cell.text = "" if value is None else str(plain(value))
                for paragraph in cell.paragraphs:
                    for run in paragraph.runs:
                        run.font.size = Pt(8)
    rows = list(view.quotes().rows)
    if rows:
        document.add_heading("Quotes", 1)
        if len(rows) > MOST_QUOTES:
            document.add_paragraph(f"The first {MOST_QUOTES} of {len(rows)}; the Excel file holds all.")
    for row in rows[:MOST_QUOTES]:
        document.add_paragraph(plain(row.quote), style="Quote")
        document.add_paragraph(plain(f"— {citation(row)}. {_said(row, titles)}"))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _repeat_head(row: Any) -> None:
    """Mark a table's first row as its head, repeated on each page."""
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _lines(table: Any, sheet: Sheet) -> Any:
    """Pairs of values and the cells that take them, row by row."""
    width, cells = len(sheet.header), table._cells  # the cells in one go: row by row takes time by the square
    for i, line in enumerate([sheet.header, *sheet.rows]):
        yield line, cells[i * width : (i + 1) * width]


def _said(row: EvidenceRow, titles: Mapping[str, str]) -> str:
    parts = [titles.get(row.code, row.code), row.stance]
    if row.access != CLOSED:
        parts.append(f"coded by {row.coder}" + (f", score {row.score:.2f}" if row.score is not None else ""))
        if row.entity_name:
            parts.append(f"{row.entity_name} ({TIES[row.tie]})")
    return "; ".join(parts) + "."
