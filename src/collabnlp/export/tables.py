"""Tables that may be handed on: evidence rows as CSV, cells as Parquet."""

from __future__ import annotations

import csv
from pathlib import Path

from collabnlp.files import atomic
from collabnlp.records import EvidenceRow, MatrixCell, columns, safe_cell, write_table
from collabnlp.release import Released, exporter
from collabnlp.streams import in_key_order


@exporter
def write_rows(path: str | Path, released: Released) -> None:
    """Write the evidence rows as CSV, with the mark that Excel needs for UTF-8."""
    names = columns(EvidenceRow)
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in in_key_order(released.rows, EvidenceRow):
            writer.writerow([safe_cell(getattr(row, name)) for name in names])


@exporter
def write_cells(path: str | Path, released: Released) -> None:
    """Write the cells of all matrices as Parquet."""
    write_table(path, released.cells, MatrixCell)
