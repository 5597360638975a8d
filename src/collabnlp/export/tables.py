"""Tables that may be handed on: evidence rows as CSV, cells as Parquet."""

from __future__ import annotations

from pathlib import Path

from collabnlp.records import EvidenceRow, MatrixCell, write_csv, write_table
from collabnlp.release import Released, exporter


@exporter
def write_rows(path: str | Path, released: Released) -> None:
    """Write the evidence rows as CSV."""
    write_csv(path, released.rows, EvidenceRow)


@exporter
def write_cells(path: str | Path, released: Released) -> None:
    """Write the cells of all matrices as Parquet."""
    write_table(path, released.cells, MatrixCell)
