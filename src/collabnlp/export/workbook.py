"""The workbook, and found evidence rows as a workbook."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from collabnlp.codebook import Codebook
from collabnlp.export.sheets import NOTES, Sheets, quote_rows
from collabnlp.files import atomic
from collabnlp.quoting import NOT_NAMED
from collabnlp.records import AgreementRow
from collabnlp.release import CLOSED, Released, exporter

CREATED = datetime.datetime(2020, 1, 1)
BOOK = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}


@exporter
def write_workbook(
    path: str | Path,
    released: Released,
    *,
    codebook: Codebook,
    agreement: Sequence[AgreementRow],
    method: Mapping[str, str],
) -> None:
    """Write the evidence workbook: cover, contents, matrices, quotes, entities, documents, topics, codebook, method, notes.

    Every sheet holds one table that begins in column A, as the Analysis Function advises for
    accessible spreadsheets; a number in a matrix links to its first quote.
    """
    import xlsxwriter

    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(str(temporary), BOOK)
        book.set_properties({"title": "Evidence matrix", "subject": codebook.title, "created": CREATED})
        book.set_size(2400, 1600)
        sheets = Sheets(book)
        quotes, first_row, left_out = quote_rows(released)
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
            [
                f"{codebook.title}: what {len(released.documents)} documents say of how councils work together, by place and code.",
                *list(NOTES.values())[:2],
                released.rule,
            ]
        )
        sheets.contents(
            [(name, f"matrix: {title.lower()} by code") for name, _, title in matrices]
            + [
                ("Quotes", left_out or "every passage as evidence, with its source"),
                ("Entities", "councils, partnerships and schemes that the documents name"),
                ("Documents", "what was read"),
                ("Topics", "topics found across documents"),
                ("Codebook", "the codes and when they are given"),
                ("Method", "how well each code is found, and the figures behind it"),
                ("Notes", "signs and words that the tables use, and what is left out"),
            ]
        )
        for name, kind, title in matrices:
            sheets.matrix(
                name,
                title,
                kind,
                released,
                codebook,
                first_row if kind in ("council", "partnership", "scheme") else {},
            )
        titles = {code.code: code.title for code in codebook.codes}
        sheets.quotes(
            "Quotes",
            f"Evidence, strongest first within each row and code{left_out and ', '}{left_out}; [c]: not for attribution",
            quotes,
            titles,
        )
        sheets.table(
            "Entities",
            "Councils, partnerships and schemes that open documents name",
            ["Name", "Kind", "Also called", "Passages", "Documents", "First year", "Last year", "Id"],
            [
                [
                    e.name,
                    e.label.title(),
                    "; ".join(e.aliases),
                    e.n_passages,
                    len(e.documents),
                    e.first_year,
                    e.last_year,
                    e.entity_id,
                ]
                for e in sorted(released.entities, key=lambda e: (-e.n_passages, e.name, e.entity_id))
            ],
            [44, 14, 70, 10, 11, 10, 10, 40],
        )
        sheets.table(
            "Documents",
            "What was read",
            ["Document", "Title", "Publisher", "Year", "Kind", "Access", "Invented"],
            [
                [d.document_id, d.title, d.publisher, d.year, d.kind, d.access, "yes" if d.synthetic else "no"]
                for d in released.documents
            ]
            + [
                ["", f"{NOT_NAMED}: {released.interviews}", "", "", "transcript", CLOSED, ""]
                for _ in range(released.interviews != "none")
            ],
            [30, 60, 40, 7, 12, 18, 9],
        )
        sheets.table(
            "Topics",
            "Topics found across documents; -1 holds what fits none",
            ["Topic", "Label", "Passages", "Terms"],
            [[t.topic, t.label, t.n_passages, ", ".join(t.terms)] for t in released.topics],
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
                for c in codebook.for_readers().codes
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
        sheets.table(
            "Notes",
            "Signs and words that the tables use, and what is left out",
            ["Sign or word", "What it stands for"],
            [*NOTES.items(), *([("What is left out", released.rule)] if released.rule else [])],
            [24, 110],
        )
        book.close()
