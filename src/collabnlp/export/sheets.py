"""The sheets of a workbook, in one style."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from collabnlp.codebook import Codebook
from collabnlp.evidence import strongest
from collabnlp.export.choice import choose_rows
from collabnlp.records import EvidenceRow, safe_cell
from collabnlp.release import CLOSED, Released, exporter, reread

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

NOTES = {
    "What the numbers are": "Who or where, by code: each number is how many passages say something of the code and are tied to the row. "
    "A number with a link leads to its quotes.",
    "Who coded": "Codes were given by a classifier unless the column Coder says otherwise; how well it finds each code stands on the sheet Method.",
    "0": "Looked for, and nothing found in what the table counts. A small number is no sign of little collaboration: it counts what was read.",
    "[c]": "In a matrix: withheld, since only interviewees not for attribution speak of it and too few of them. At a quote: not for attribution; "
    "names stand in square brackets.",
    "Invented": "Where a column Invented says yes, or a name ends in (invented), people and events are invented: rows of the sample interviews, not findings.",
}
CONTENTS = "Contents"
MOST_QUOTES = 100_000  # a workbook with more takes minutes to open
_SHEET_ROWS = 1_048_000  # Excel takes 1,048,576, and as many links to a sheet as below
_SHEET_LINKS = 65_000
TIES = {
    "named": "the passage names the row",
    "section": "the heading above the passage names it",
    "document": "the title of the document names it",
    "none": "tied to none",
}


class Sheets:
    """Writes the workbook's sheets in one style."""

    def __init__(self, book: Any) -> None:
        self.book = book
        base = {"font_name": "Arial", "font_size": 11, "valign": "top"}
        self.text = book.add_format({**base, "text_wrap": True})
        self.bold = book.add_format({**base, "bold": True, "text_wrap": True})
        self.title = book.add_format({**base, "bold": True, "font_size": 15})
        self.number = book.add_format({**base, "align": "right"})
        self.link = book.add_format({**base, "align": "right", "font_color": "#0b3d91", "underline": 1})
        self.jump = book.add_format({**base, "font_color": "#0b3d91", "underline": 1})

    def cover(self, lines: Sequence[str]) -> None:
        """Add the cover: what the workbook is, one line a cell, and the way to the contents."""
        sheet = self.book.add_worksheet("Cover")
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 100)
        _on_paper(sheet)
        sheet.write_string(0, 0, "Evidence matrix: collaboration between councils", self.title)
        for i, line in enumerate(lines, start=1):
            sheet.set_row(i, 16 * (len(line) // 90 + 1))
            sheet.write_string(i, 0, line, self.text)
        sheet.write_url(len(lines) + 2, 0, f"internal:'{CONTENTS}'!A1", self.jump, "To the contents")

    def contents(self, sheets: Sequence[tuple[str, str]]) -> None:
        """Add the list of the other sheets, each with a link."""
        self.table(CONTENTS, "Contents", ["Sheet", "What it holds"], sheets, [24, 100], back=False)
        for i, (name, _) in enumerate(sheets, start=3):
            self.book.get_worksheet_by_name(CONTENTS).write_url(i, 0, f"internal:'{name}'!A1", self.jump, name)

    def matrix(
        self,
        name: str,
        what: str,
        kind: str,
        released: Released,
        codebook: Codebook,
        first_row: Mapping[tuple[str, str], int],
    ) -> None:
        """Add a matrix: rows by code, a number leading to its first quote."""
        cells = [cell for cell in released.cells if cell.rows == kind]
        by_place = {(cell.row_id, cell.code): cell for cell in cells}
        names = {cell.row_id: cell.row for cell in cells}
        totals: dict[str, int] = defaultdict(int)
        for cell in cells:
            totals[cell.row_id] += cell.n_passages
        order = (
            sorted(names, key=lambda i: i) if name == "By year" else sorted(names, key=lambda i: (-totals[i], names[i]))
        )
        header = [what, *[code.title for code in codebook.codes], "All codes"]
        sheet = self._sheet(
            name,
            f"{name.removeprefix('By ').capitalize()} by code: number of passages",
            [36, *[13] * len(codebook.codes), 10],
        )
        sheet.set_row(2, 48)
        data: list[list[Any]] = []
        for row_id in order:
            line: list[Any] = [safe_cell(names[row_id])]
            for code in codebook.names:
                found = by_place.get((row_id, code))
                line.append(0 if found is None else "[c]" if found.suppressed else found.n_passages)
            data.append([*line, totals[row_id]])
        self._write(sheet, name, header, data or [["(nothing found)", *[""] * (len(header) - 1)]])
        n_links = 0
        for i, row_id in enumerate(order):
            for j, code in enumerate(codebook.names, start=1):
                found = by_place.get((row_id, code))
                if found and not found.suppressed and (row_id, code) in first_row and n_links < _SHEET_LINKS:
                    n_links += 1
                    tip = f"{found.positive} positive, {found.negative} negative, {found.neutral} neutral; {found.n_sources} sources"
                    if found.n_closed:
                        tip += f"; {found.n_closed} more not for attribution"
                    sheet.write_url(
                        3 + i, j, f"internal:'Quotes'!A{first_row[row_id, code]}", self.link, str(found.n_passages), tip
                    )
                    sheet.write_number(3 + i, j, found.n_passages, self.link)
        if order:
            sheet.conditional_format(
                3,
                1,
                2 + len(order),
                len(codebook.codes),
                {"type": "2_color_scale", "min_color": "#ffffff", "max_color": "#8fbbe8"},
            )

    def table(
        self,
        name: str,
        what: str,
        header: Sequence[str],
        data: Sequence[Sequence[Any]],
        widths: Sequence[int],
        *,
        back: bool = True,
    ) -> None:
        """Add a sheet of one table."""
        sheet = self._sheet(name, what, widths, back)
        self._write(
            sheet,
            name,
            header,
            [[safe_cell(cell) for cell in line] for line in data] or [["(none)"] + [""] * (len(header) - 1)],
        )

    def quotes(self, name: str, what: str, released: Released, titles: Mapping[str, str], *, back: bool = True) -> None:
        """Add the quotes, one a row: by entity and code, the strongest first; in the order found for a selection."""
        rows = released.rows if released.narrowed else quote_rows(released)[0].rows
        header = {
            "Row": 28,
            "Kind": 12,
            "Code": 26,
            "Stance": 10,
            "Quote": 90,
            "Document": 40,
            "Year": 7,
            "Section": 34,
            "Page": 6,
            "Speaker": 14,
            "Tie": 24,
            "Score": 7,
            "Coder": 16,
            "Access": 16,
            "Invented": 9,
            "Passage": 24,
        }
        self.table(
            name,
            what,
            list(header),
            [
                [
                    "[c]" if r.access == CLOSED else r.entity_name or "(none named)",
                    r.entity_label.title(),
                    titles.get(r.code, r.code),
                    r.stance,
                    r.quote,
                    r.document,
                    r.year,
                    r.section,
                    r.page,
                    r.speaker,
                    "[c]" if r.access == CLOSED else TIES[r.tie],
                    r.score,
                    r.coder,
                    r.access,
                    "yes" if r.synthetic else "no",
                    r.passage_id,
                ]
                for r in itertools.islice(rows, _SHEET_ROWS)
            ],
            list(header.values()),
            back=back,
        )

    def _sheet(self, name: str, what: str, widths: Sequence[int], back: bool = True) -> Any:
        sheet = self.book.add_worksheet(name)
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width)
        sheet.write_string(0, 0, what, self.title)
        _on_paper(sheet)
        sheet.repeat_rows(2)
        if back:
            sheet.write_url(1, 0, f"internal:'{CONTENTS}'!A1", self.jump, "Back to the contents")
        sheet.freeze_panes(3, 1)
        return sheet

    def _write(self, sheet: Any, name: str, header: Sequence[str], data: Sequence[Sequence[Any]]) -> None:
        data = data[:_SHEET_ROWS]
        sheet.add_table(
            2,
            0,
            2 + len(data),
            len(header) - 1,
            {
                "name": re.sub(r"\W+", "_", name),
                "style": "Table Style Light 1",
                "banded_rows": False,
                "columns": [{"header": title, "header_format": self.bold} for title in header],
            },
        )
        for i, line in enumerate(data, start=3):
            for j, cell in enumerate(line):
                if isinstance(cell, (int, float)) and not isinstance(cell, bool):
                    sheet.write_number(i, j, cell, self.number)
                else:
                    sheet.write_string(
                        i, j, _ILLEGAL.sub("", str(cell))[:32_000], self.number if cell == "[c]" else self.text
                    )


def _on_paper(sheet: Any) -> None:
    """Print on A4, landscape, as wide as one page."""
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


@exporter
def quote_rows(released: Released) -> tuple[Released, dict[tuple[str, str], int], str]:
    """Rows in the order of the sheet of quotes, the sheet row on which each (entity, code) begins, and what is left out, in words."""
    chosen, n = choose_rows(released, MOST_QUOTES)
    grouped: dict[tuple[str, str, str, str], list[EvidenceRow]] = defaultdict(list)
    for row in chosen.rows:
        last = "~~" if row.access == CLOSED else "~"
        grouped[row.entity_label or last, row.entity_name.lower(), row.entity_id, row.code].append(row)
    ordered: list[EvidenceRow] = []
    first: dict[tuple[str, str], int] = {}
    for key in sorted(grouped):
        first[key[2], key[3]] = len(ordered) + 4
        ordered.extend(grouped[key] if key[0] == "~~" else strongest(grouped[key]))
    return reread(ordered), first, f"at most {n} of each row and code: all stand in evidence.csv" if n else ""
