"""Files that people open: the workbook, the tables as CSV, the pictures."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collabnlp.clusters import normal_form
from collabnlp.codebook import Codebook
from collabnlp.evidence import strongest
from collabnlp.gazetteer import Gazetteer
from collabnlp.records import (
    AgreementRow,
    Document,
    EntityLink,
    EvidenceRow,
    FoundEntity,
    InputError,
    MatrixCell,
    Passage,
    Relation,
    Topic,
    atomic,
    columns,
    safe_cell,
    write_figure,
)
from collabnlp.release import releasable

_EPOCH = datetime.datetime(2020, 1, 1)
_SHEET_ROWS = 1_048_000
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

INTRO = (
    "Who or where, by code: each number is how many passages say something of the code and are tied to the row. Click a number to go to its "
    "quotes. Tags were given by a classifier unless the coder column says otherwise; how well it finds each code stands on the sheet Method."
)
SHORTHAND = "[c] withheld: all evidence is not for attribution and comes from too few interviews, or the number would give such a cell away. [z] nothing found."
TIES = {
    "named": "the passage names the row",
    "section": "the heading above the passage names it",
    "document": "the title of the document names it",
    "none": "tied to none",
}


def write_workbook(
    path: str | Path,
    *,
    rows: Sequence[EvidenceRow],
    cells: Sequence[MatrixCell],
    codebook: Codebook,
    documents: Sequence[Document],
    topics: Sequence[Topic],
    agreement: Sequence[AgreementRow],
    method: Mapping[str, str],
) -> None:
    """Write the evidence workbook: cover, matrices, quotes, documents, topics, codebook, method.

    Every sheet holds one table that begins in column A, as the Analysis Function advises for
    accessible spreadsheets; a number in a matrix links to its first quote.
    """
    import xlsxwriter

    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(
            str(temporary), {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
        )
        book.set_properties({"title": "Evidence matrix", "subject": codebook.title, "created": _EPOCH})
        book.set_size(2400, 1600)
        sheets = _Sheets(book)
        quotes, first_row = _quote_rows(rows)
        matrices = [
            ("Councils", "council", "Council"),
            ("Counties", "county", "County"),
            ("Councils today", "today", "Council of today"),
            ("Partnerships", "partnership", "Partnership"),
            ("Schemes", "scheme", "Scheme"),
            ("By document", "document", "Document"),
            ("By topic", "topic", "Topic"),
            ("By year", "year", "Year"),
        ]
        sheets.cover(
            [(name, what) for name, _, what in [(m[0], m[1], f"matrix: {m[2].lower()} by code") for m in matrices]]
            + [
                ("Quotes", "every passage as evidence, with its source"),
                ("Documents", "what was read"),
                ("Topics", "topics found across documents"),
                ("Codebook", "the codes and when they are given"),
                ("Method", "how well each code is found, and the figures behind it"),
            ]
        )
        for name, kind, title in matrices:
            sheets.matrix(
                name,
                title,
                [cell for cell in cells if cell.rows == kind],
                codebook,
                first_row if kind in ("council", "partnership", "scheme") else {},
            )
        titles = {code.code: code.title for code in codebook.codes}
        sheets.quotes("Quotes", "Evidence, strongest first within each row and code", quotes, titles)
        sheets.table(
            "Documents",
            "What was read",
            ["Document", "Title", "Publisher", "Year", "Kind", "Access", "Invented"],
            [
                [d.document_id, d.title, d.publisher, d.year, d.kind, d.access, "yes" if d.synthetic else "no"]
                for d in documents
            ],
            [30, 60, 40, 7, 12, 18, 9],
        )
        sheets.table(
            "Topics",
            "Topics found across documents; -1 holds what fits none",
            ["Topic", "Label", "Passages", "Terms"],
            [[t.topic, t.label, t.n_passages, ", ".join(t.terms)] for t in topics],
            [7, 44, 10, 90],
        )
        sheets.table(
            "Codebook",
            codebook.title,
            ["Code", "Title", "Group", "Counts under", "Definition", "Given when", "Not given for"],
            [
                [
                    c.code,
                    c.title,
                    codebook.groups[c.group],
                    titles.get(c.parent or "", ""),
                    c.definition,
                    "\n".join(c.include),
                    "\n".join(c.exclude),
                ]
                for c in codebook.codes
            ],
            [18, 28, 24, 14, 60, 70, 70],
        )
        sheets.table(
            "Method",
            "How well the model finds each code (on coded passages of documents it had not seen), and the figures behind this workbook",
            ["Item", "Value"],
            [
                [
                    f"{titles.get(a.code, a.code)}: F1 of {a.coder_b} ({a.n_a} coded passages)",
                    f"{a.f1:.2f} ({a.f1_low:.2f} to {a.f1_high:.2f})",
                ]
                for a in agreement
                if a.f1 == a.f1
            ]
            + [list(pair) for pair in method.items()],
            [70, 90],
        )
        book.close()


def _quote_rows(rows: Sequence[EvidenceRow]) -> tuple[list[EvidenceRow], dict[tuple[str, str], int]]:
    """Rows in the order of the sheet of quotes, and the sheet row on which each (entity, code) begins."""
    grouped: dict[tuple[str, str, str, str], list[EvidenceRow]] = defaultdict(list)
    for row in rows:
        grouped[row.entity_label or "~", row.entity_name.lower(), row.entity_id, row.code].append(row)
    ordered: list[EvidenceRow] = []
    first: dict[tuple[str, str], int] = {}
    for key in sorted(grouped):
        first[key[2], key[3]] = len(ordered) + 4
        ordered.extend(strongest(grouped[key]))
    return ordered[:_SHEET_ROWS], first


class _Sheets:
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

    def cover(self, contents: Sequence[tuple[str, str]]) -> None:
        sheet = self.book.add_worksheet("Cover")
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 100)
        sheet.write_string(0, 0, "Evidence matrix: collaboration between councils", self.title)
        for i, line in enumerate(
            (
                INTRO,
                SHORTHAND,
                "Where “Invented” says yes, people and events are invented: rows of the sample interviews, not findings.",
            ),
            start=1,
        ):
            sheet.set_row(i, 15 * (len(line) // 95 + 1))
            sheet.write_string(i, 1, line, self.text)
        sheet.write_string(5, 0, "Sheet", self.bold)
        sheet.write_string(5, 1, "What it holds", self.bold)
        for i, (name, what) in enumerate(contents, start=6):
            sheet.write_url(i, 0, f"internal:'{name}'!A1", self.jump, name)
            sheet.write_string(i, 1, what, self.text)

    def matrix(
        self,
        name: str,
        what: str,
        cells: Sequence[MatrixCell],
        codebook: Codebook,
        first_row: Mapping[tuple[str, str], int],
    ) -> None:
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
            [36, *[14] * len(codebook.codes), 10],
        )
        sheet.set_row(2, 48)
        data: list[list[Any]] = []
        for row_id in order:
            line: list[Any] = [safe_cell(names[row_id])]
            for code in codebook.names:
                found = by_place.get((row_id, code))
                line.append("[z]" if found is None else "[c]" if found.suppressed else found.n_passages)
            data.append([*line, totals[row_id]])
        self._write(sheet, name, header, data or [["(nothing found)", *[""] * (len(header) - 1)]])
        for i, row_id in enumerate(order):
            for j, code in enumerate(codebook.names, start=1):
                found = by_place.get((row_id, code))
                if found and not found.suppressed and (row_id, code) in first_row:
                    tip = f"{found.positive} positive, {found.negative} negative, {found.neutral} neutral; {found.n_sources} sources"
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
        sheet = self._sheet(name, what, widths, back)
        self._write(
            sheet,
            name,
            header,
            [[safe_cell(cell) for cell in line] for line in data] or [["(none)"] + [""] * (len(header) - 1)],
        )

    def quotes(
        self, name: str, what: str, rows: Sequence[EvidenceRow], titles: Mapping[str, str], *, back: bool = True
    ) -> None:
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
                    r.entity_name or "(none named)",
                    r.entity_label.title(),
                    titles.get(r.code, r.code),
                    r.stance,
                    r.quote,
                    r.document,
                    r.year,
                    r.section,
                    r.page,
                    r.speaker,
                    TIES[r.tie],
                    r.score,
                    r.coder,
                    r.access,
                    "yes" if r.synthetic else "no",
                    r.passage_id,
                ]
                for r in map(releasable, rows)
            ],
            list(header.values()),
            back=back,
        )

    def _sheet(self, name: str, what: str, widths: Sequence[int], back: bool = True) -> Any:
        sheet = self.book.add_worksheet(name)
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width)
        sheet.write_string(0, 0, what, self.title)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(2)
        if back:
            sheet.write_url(1, 0, "internal:'Cover'!A1", self.jump, "Back to the cover")
        sheet.freeze_panes(3, 1)
        return sheet

    def _write(self, sheet: Any, name: str, header: Sequence[str], data: Sequence[Sequence[Any]]) -> None:
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
                        i, j, _ILLEGAL.sub("", str(cell))[:32_000], self.number if cell in ("[z]", "[c]") else self.text
                    )


def write_heat_map(
    path: str | Path, cells: Sequence[MatrixCell], codebook: Codebook, *, kind: str, title: str, most: int = 25
) -> None:
    """Write a heat map of the fullest rows of one matrix by code, as .png or .svg by the path's ending.

    Rows by falling number of passages; darker is more; the number stands in each cell, `c` where
    it is withheld.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    chosen = [cell for cell in cells if cell.rows == kind]
    names = {cell.row_id: cell.row for cell in chosen}
    totals: dict[str, int] = defaultdict(int)
    for cell in chosen:
        totals[cell.row_id] += cell.n_passages
    order = sorted(names, key=lambda i: (-totals[i], names[i]))[:most]
    at = {(cell.row_id, cell.code): cell for cell in chosen}
    values = np.array([[at[i, c].n_passages if (i, c) in at else 0 for c in codebook.names] for i in order]).reshape(
        len(order), len(codebook.names)
    )
    with plt.rc_context(
        {"svg.hashsalt": "collabnlp", "font.family": "DejaVu Sans", "font.size": 9, "svg.fonttype": "path"}
    ):
        figure, axes = plt.subplots(figsize=(12.5, 2.6 + 0.32 * max(1, len(order))), layout="constrained")
        top = max(1, int(values.max())) if values.size else 1
        if len(order):
            axes.imshow(np.sqrt(values), cmap="Blues", aspect="auto", vmin=0, vmax=np.sqrt(top) * 1.1)
        axes.set_xticks(
            range(len(codebook.codes)),
            [_wrap(code.title, 26) for code in codebook.codes],
            rotation=60,
            ha="left",
            rotation_mode="anchor",
        )
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(order)), [_wrap(names[i], 60, lines=1) for i in order])
        for i, row_id in enumerate(order):
            for j, code in enumerate(codebook.names):
                place = at.get((row_id, code))
                if place is not None:
                    shade = np.sqrt(values[i, j] / top)
                    axes.text(
                        j,
                        i,
                        "c" if place.suppressed else str(values[i, j]),
                        ha="center",
                        va="center",
                        color="white" if shade > 0.65 else "black",
                    )
        axes.set_xticks(np.arange(-0.5, len(codebook.codes)), minor=True)
        axes.set_yticks(np.arange(-0.5, len(order)), minor=True)
        axes.grid(which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="both", length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        n_drivers = sum(code.group == codebook.codes[0].group for code in codebook.codes)
        axes.axvline(n_drivers - 0.5, color="#444444", linewidth=1.2)
        groups = list(codebook.groups.values())
        axes.set_xlabel(
            f"{groups[0]} (left of the line), {groups[-1].lower()} (right). Number of passages; blank: nothing found; c: withheld."
        )
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        write_figure(path, figure)
        plt.close(figure)


def _wrap(text: str, width: int, lines: int = 3) -> str:
    import textwrap

    return (
        "\n".join(textwrap.wrap(text, width)[:lines]) if lines > 1 else textwrap.shorten(text, width, placeholder="…")
    )


def format_rows(rows: Sequence[EvidenceRow], form: str, titles: Mapping[str, str]) -> str:
    """Evidence rows as text: table, csv, jsonl or md."""
    import json

    from collabnlp.records import csv_text

    if form == "jsonl":
        return "".join(json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n" for row in rows)
    if form == "csv":
        return csv_text([[getattr(row, name) for name in columns(EvidenceRow)] for row in rows], columns(EvidenceRow))
    if form == "md":
        return "\n".join(
            f"> {' '.join(row.quote.split())}\n>\n> — {citation(row)}. *{titles.get(row.code, row.code)}* ({row.stance}"
            f"{f', {row.score:.2f}' if row.score is not None else ''})\n"
            for row in rows
        )
    return "\n".join(
        f"{titles.get(row.code, row.code)} ({row.stance}{f', {row.score:.2f}' if row.score is not None else ''})"
        f"{f'  |  {row.entity_name}' if row.entity_name else ''}\n  {citation(row)}\n  {_fold(row.quote)}\n"
        for row in rows
    )


def _fold(text: str) -> str:
    import textwrap

    return textwrap.fill(" ".join(text.split()), 110, subsequent_indent="  ")


def citation(row: EvidenceRow) -> str:
    """Where a quote stands: title, year, section, page, speaker.

    A row that is not for attribution is cited by its document's title alone.
    """
    if row.access == "non-attributable":
        return f"{row.document} ({row.year}), not for attribution"
    parts = [f"{row.document} ({row.year})", row.section, f"p. {row.page}" if row.page else "", row.speaker or ""]
    return ", ".join(part for part in parts if part) + (" [invented]" if row.synthetic else "")


def format_tagged(lines: Sequence[Mapping[str, Any]], form: str, titles: Mapping[str, str]) -> str:
    """Tagged passages, as `tagger` gives them, as text: table, csv, jsonl or md."""
    import json

    from collabnlp.records import csv_text

    if form == "jsonl":
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if form == "csv":
        header = [
            "id",
            "document_id",
            "passage_id",
            "section",
            "page",
            "speaker",
            "codes",
            "suggestions",
            "mentions",
            "text",
        ]
        return csv_text(
            [
                [
                    line["id"],
                    line["document_id"],
                    line["passage_id"],
                    line["section"],
                    line["page"],
                    line["speaker"],
                    "; ".join(f"{tag['code']} ({_how_sure(tag)})" for tag in line["tags"]),
                    "; ".join(f"{found['code']} ({found['score']:.2f})" for found in line["suggestions"]),
                    "; ".join(mention["text"] for mention in line["mentions"]),
                    line["text"],
                ]
                for line in lines
            ],
            header,
        )
    parts = []
    for line in lines:
        tags = (
            ", ".join(f"{titles.get(tag['code'], tag['code'])} ({_how_sure(tag)})" for tag in line["tags"]) or "no code"
        )
        head = f"{line['id']}  {line['speaker'] or ' > '.join(line['section'])}".rstrip()
        if form == "md":
            parts.append(f"**{head}** *{tags}*\n\n> {' '.join(line['text'].split())}\n")
        else:
            parts.append(f"{head}\n  [{tags}]\n  {_fold(line['text'])}\n")
    return "\n".join(parts)


def _how_sure(tag: Mapping[str, Any]) -> str:
    return f"{tag['stance']}, {tag['score']:.2f}{', review' if tag['review'] else ''}"


def format_codebook(codebook: Codebook, code: str | None, form: str) -> str:
    """The codebook, or one of its codes, as text: a table in short, or Markdown in full."""
    codes = [c for c in codebook.codes if code in (None, c.code)]
    if form == "table" and code is None:
        width = max(len(c.code) for c in codes)
        return "".join(
            f"{c.code:<{width}}  {c.title}  ({codebook.groups[c.group]}{', under ' + c.parent if c.parent else ''})\n"
            for c in codes
        )
    parts = (
        []
        if code
        else [
            f"# Codebook: {codebook.title}\n",
            f"{codebook.provenance}\n",
            *[f"{line}\n" for line in codebook.unit],
            "Stance:\n",
            *[f"- {stance}: {text}" for stance, text in codebook.stance.items()],
            "",
        ]
    )
    for c in codes:
        parent = f", counts under `{c.parent}` when rolled up" if c.parent else ""
        parts += [
            f"## {c.title}\n",
            f"`{c.code}`; {codebook.groups[c.group]}{parent}.\n",
            f"{c.definition}\n",
            "Given when:\n",
            *[f"- {line}" for line in c.include],
            "\nNot given for:\n",
            *[f"- {line}" for line in c.exclude],
            "\nExamples, written for this codebook:\n",
            *[f"- *{stance}*: {text}" for stance, texts in c.exemplars.model_dump().items() for text in texts],
            "",
        ]
    return "\n".join(parts)


def write_rows_workbook(path: str | Path, rows: Sequence[EvidenceRow], titles: Mapping[str, str]) -> None:
    """Write found evidence rows as a workbook of one sheet."""
    import xlsxwriter

    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(
            str(temporary), {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
        )
        book.set_properties({"title": "Evidence", "created": _EPOCH})
        _Sheets(book).quotes("Quotes", "Evidence found", rows, titles, back=False)
        book.close()


def format_columns(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Rows as text in aligned columns, numbers to the right; a fraction has two digits, what is undefined is a dash.

    Examples
    --------
    >>> print(format_columns(["code", "n", "f1"], [["trust", 12, 0.5], ["momentum", 3, float("nan")]]), end="")
    code       n    f1
    trust     12  0.50
    momentum   3     -
    """
    lines = [list(header), *[[_figure(cell) for cell in row] for row in rows]]
    left = [all(isinstance(row[j], str) for row in rows) for j in range(len(header))]
    widths = [max(len(line[j]) for line in lines) for j in range(len(header))]
    return "".join(
        "  ".join(
            cell.ljust(width) if flush else cell.rjust(width)
            for cell, width, flush in zip(line, widths, left, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def _figure(cell: Any) -> str:
    if isinstance(cell, float):
        return "-" if cell != cell else f"{cell:.2f}"
    return str(cell)


def format_jsonl(record: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """Dictionaries as JSON Lines, each with the name of its kind under `record`; NaN as null."""
    import json

    return "".join(
        json.dumps({"record": record, **{k: None if v != v else v for k, v in line.items()}}, ensure_ascii=False) + "\n"
        for line in lines
    )


_BASES = {
    "read": "All passages that both read",
    "coded": "Passages that both read and at least one of them gave a code",
}


def format_agreement(
    rows: Sequence[AgreementRow], disagreements: Sequence[Mapping[str, Any]], form: str, limit: int = 20
) -> str:
    """Agreement of two coders as text: table or jsonl, with the first disagreements; csv, the figures alone."""
    from collabnlp.records import csv_text

    if form == "csv":
        names = columns(AgreementRow)
        return csv_text([[getattr(row, name) for name in names] for row in rows], names)
    shown = disagreements[:limit]
    if form == "jsonl":
        return format_jsonl("agreement", [row.model_dump() for row in rows]) + format_jsonl("disagreement", shown)
    a, b = rows[0].coder_a, rows[0].coder_b
    header = ["code", "n", "n_a", "n_b", "n_both", "percent", "kappa", "alpha", "precision", "recall", "F1", "95 %"]
    parts = [f"a: {a} (the reference)\nb: {b}\n"]
    for basis, what in _BASES.items():
        own = [row for row in rows if row.basis == basis]
        table = [
            [
                row.code,
                *(row.n_passages, row.n_a, row.n_b, row.n_both),
                *(row.percent, row.kappa, row.alpha, row.precision, row.recall, row.f1),
                _interval(row.f1_low, row.f1_high),
            ]
            for row in own
        ]
        parts.append(f"{what} ({own[0].n_passages})\n{format_columns(header, table)}")
    parts.append(
        "percent: share on which they agree; kappa: Cohen's; alpha: Krippendorff's, of sets with the MASI distance; 95 %: interval of F1.\n"
    )
    if limit:
        parts.append(f"Passages with different codes: {len(shown)} of {len(disagreements)}\n")
    for line in shown:
        told = [(f"only {a}", line["only_a"]), (f"only {b}", line["only_b"]), ("both", line["both"])]
        said = "".join(f"  {who}: {', '.join(codes)}\n" for who, codes in told if codes)
        parts.append(f"{line['passage_id']}\n{said}{_snippet(line['text'])}")
    return "\n".join(parts)


def format_evaluation(
    n_passages: int,
    scores: Sequence[Mapping[str, Any]],
    figures: Mapping[str, float],
    worst: Sequence[Mapping[str, Any]],
    form: str,
) -> str:
    """An `Evaluation`'s parts as text: table or jsonl, with figures and the worst errors; csv, the scores of codes alone."""
    from collabnlp.records import csv_text

    if form == "csv":
        return csv_text([list(score.values()) for score in scores], list(scores[0]))
    if form == "jsonl":
        told = [{"figure": name, "value": value} for name, value in figures.items()]
        return format_jsonl("score", scores) + format_jsonl("figure", told) + format_jsonl("error", worst)
    others = [name for name in scores[0] if name not in _OWN]
    table = [
        [
            *(score["code"], score["n"], score["f1"], _interval(score["f1_low"], score["f1_high"])),
            *(score["precision"], score["recall"], *(score[name] for name in others)),
        ]
        for score in scores
    ]
    header = ["code", "n", "F1", "95 %", "precision", "recall", *others]
    parts = [
        f"The model, on {n_passages} coded passages; F1 of others in the last columns\n"
        + format_columns(header, table),
        format_columns(["all codes together", ""], [[name, _figure(value)] for name, value in figures.items()]),
    ]
    for line in worst:
        head = f"{line['kind']}: {line['code']} ({line['score']:.2f})  {line['passage_id']}"
        parts.append(f"{head}\n{_snippet(line['text'])}")
    return "\n".join(parts)


_OWN = ("code", "n", "f1", "f1_low", "f1_high", "precision", "recall")


def _interval(low: float, high: float) -> str:
    return "-" if low != low else f"{low:.2f} to {high:.2f}"


def _snippet(text: str) -> str:
    return f"  {' '.join(text.split())[:160]}\n"


def find_entity(name: str, entities: Sequence[FoundEntity], gazetteer: Gazetteer, path: str | Path) -> FoundEntity:
    """The entity of a name, an alias or an id, whatever its capitals; of several the one with most mentions.

    Raises
    ------
    InputError
        Where the documents name no such entity; the message suggests what they do name, but for
        names that only interviews not for attribution hold.
    """
    import difflib

    by_name: dict[str, list[FoundEntity]] = defaultdict(list)
    found = {entity.entity_id: entity for entity in entities}
    for entity in entities:
        for form in {entity.entity_id, entity.name, *entity.aliases}:
            by_name[normal_form(form)].append(entity)
    for alias, (_, ids) in gazetteer.aliases.items():
        by_name[normal_form(alias)] += [found[i] for i in ids if i in found]
    wanted = by_name.get(normal_form(name))
    if not wanted:
        shown = {
            form: own[0].name for form, bearers in by_name.items() if (own := [e for e in bearers if _may_list(e)])
        }
        close = difflib.get_close_matches(normal_form(name), list(shown), n=3, cutoff=0.6)
        hint = " or ".join(dict.fromkeys(shown[form] for form in close))
        raise InputError(
            path, f"no document names {name!r}", f"did you mean {hint}?" if hint else "see `collabnlp entities`"
        )
    return min(wanted, key=lambda entity: (-entity.n_mentions, entity.entity_id))


def format_entities(entities: Sequence[FoundEntity], form: str) -> str:
    """All entities as text, those with most passages first: table, csv or jsonl.

    What only interviews not for attribution name is left out, unless the gazetteer holds it.
    """
    from collabnlp.records import csv_text

    ordered = sorted(filter(_may_list, entities), key=lambda e: (-e.n_passages, e.name, e.entity_id))
    if form == "jsonl":
        return format_jsonl("entity", [entity.model_dump(mode="json") for entity in ordered])
    header = ["name", "label", "documents", "passages", "years", "id"]
    rows = [
        [e.name, e.label, len(e.documents), e.n_passages, _years(e.first_year, e.last_year), e.entity_id]
        for e in ordered
    ]
    return csv_text(rows, header) if form == "csv" else format_columns(header, rows) if rows else ""


def _may_list(entity: FoundEntity) -> bool:
    return entity.listed or entity.access != "non-attributable"


def format_entity(
    entity: FoundEntity,
    form: str,
    *,
    gazetteer: Gazetteer,
    relations: Sequence[Relation],
    links: Sequence[EntityLink],
    passages: Mapping[str, Passage],
    access: Mapping[str, str],
    rows: Sequence[EvidenceRow],
    titles: Mapping[str, str],
    limit: int = 10,
) -> str:
    """One entity as text: names, dates, successors, county, partners, codes with counts, passages.

    Parameters
    ----------
    passages, access
        Passage by its id; access by document id: words not for attribution are withheld, and so are
        partners that only such interviews give.
    titles
        Title by code.
    form
        table or jsonl: facts, partners, codes and passages each under `record`; csv: the partners alone.
    """
    from collabnlp.records import csv_text
    from collabnlp.release import WITHHELD

    own = entity.entity_id
    listed = gazetteer.entities.get(own)
    known = sorted({alias for alias, (_, ids) in gazetteer.aliases.items() if own in ids} - {entity.name})
    today = [i for i in gazetteer.today(own) if i != own]
    facts: dict[str, Any] = {
        "name": entity.name,
        "id": own,
        "label": entity.label,
        "type": listed.type if listed else "in no list",
        "in the texts as": list(entity.aliases),
        "other names": known,
        "there": " to ".join([listed.start_date or "before", listed.end_date or "now"]) if listed else "",
        "successors": [gazetteer.entities[i].name for i in listed.successors] if listed else [],
        "today": [gazetteer.entities[i].name for i in today],
        "county": [gazetteer.entities[i].name for i in gazetteer.rolled_up(own, "county") if i != own],
        "named in": f"{entity.n_passages} passages of {len(entity.documents)} documents, {_years(entity.first_year, entity.last_year)}",
        "documents": list(entity.documents),
    }
    partners: dict[tuple[str, str, str], list[Relation]] = defaultdict(list)
    for r in relations:
        if r.access == "non-attributable":
            continue
        if own == r.subject_id:
            partners[_RELATIONS[r.relation][0], r.object_name, r.object_id].append(r)
        elif own == r.object_id:
            partners[_RELATIONS[r.relation][1], r.subject_name, r.subject_id].append(r)
    partner_rows = [
        [
            what,
            name,
            len({r.passage_id for r in found if r.passage_id}),
            ", ".join(sorted({r.passage_id or "gazetteer" for r in found})),
        ]
        for (what, name, _), found in sorted(partners.items())
    ]
    codes: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.entity_id == own:
            codes[row.code].add(row.passage_id)
    code_rows = [
        [titles.get(c, c), len(p)] for c, p in sorted(codes.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]
    ids = sorted({link.passage_id for link in links if own in link.entity_ids})[: limit or None]
    quotes = []
    for i in ids:
        closed = access[passages[i].document_id] == "non-attributable"
        quotes.append({"passage_id": i, "text": WITHHELD if closed else passages[i].text})
    header = ["relation", "partner", "passages", "where"]
    if form == "csv":
        return csv_text(partner_rows, header)
    if form == "jsonl":
        return (
            format_jsonl("entity", [facts])
            + format_jsonl("partner", [dict(zip(header, row, strict=True)) for row in partner_rows])
            + format_jsonl("code", [{"code": c, "passages": n} for c, n in code_rows])
            + format_jsonl("passage", quotes)
        )
    told = [[k, "; ".join(v) if isinstance(v, list) else v] for k, v in facts.items() if v]
    parts = ["".join(f"{k:<16}{v}\n" for k, v in told)]
    if partner_rows:
        parts.append(format_columns(header, partner_rows))
    if code_rows:
        parts.append(format_columns(["code", "passages"], code_rows))
    parts += [f"{quote['passage_id']}\n{_snippet(quote['text'])}" for quote in quotes]
    return "\n".join(parts)


_RELATIONS = {
    "member_of": ("member of", "has the member"),
    "between": ("between", "takes part in"),
    "shares_post_with": ("shares a post with", "shares a post with"),
}


def _years(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def load_entities(project: Path, name: str | None, form: str, limit: int = 10) -> str:
    """The entities of a project as text, or the one of a name, from the tables in its folder `outputs`."""
    from collabnlp.codebook import load_codebook
    from collabnlp.gazetteer import load_gazetteer
    from collabnlp.records import read_table

    outputs = project / "outputs"
    found = read_table(outputs / "entities.parquet", FoundEntity)
    if name is None:
        return format_entities(found, form)
    gazetteer = load_gazetteer(project / "corpus" / "gazetteer.csv")
    return format_entity(
        find_entity(name, found, gazetteer, outputs / "entities.parquet"),
        form,
        gazetteer=gazetteer,
        relations=read_table(outputs / "relations.parquet", Relation),
        links=read_table(outputs / "links.parquet", EntityLink),
        passages={p.passage_id: p for p in read_table(outputs / "passages.parquet", Passage)},
        access={d.document_id: d.access for d in read_table(outputs / "documents.parquet", Document)},
        rows=read_table(outputs / "evidence.parquet", EvidenceRow),
        titles={c.code: c.title for c in load_codebook(project / "corpus" / "codebook.yaml").codes},
        limit=limit,
    )
