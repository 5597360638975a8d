"""Pictures of the matrix."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from collabnlp.codebook import Codebook
from collabnlp.figures import drawing
from collabnlp.release import Released, exporter


@exporter
def write_heat_map(
    path: str | Path, released: Released, codebook: Codebook, *, kind: str, title: str, most: int = 25
) -> None:
    """Write a heat map of the fullest rows of one matrix by code, as .png and .svg; the path has no ending.

    Rows by falling number of passages; darker is more; the number stands in each cell, `c` where
    it is withheld.
    """
    import numpy as np

    chosen = [cell for cell in released.cells if cell.rows == kind]
    names = {cell.row_id: cell.row for cell in chosen}
    totals: dict[str, int] = defaultdict(int)
    for cell in chosen:
        totals[cell.row_id] += cell.n_passages
    order = sorted(names, key=lambda i: (-totals[i], names[i]))[:most]
    at = {(cell.row_id, cell.code): cell for cell in chosen}
    values = np.array([[at[i, c].n_passages if (i, c) in at else 0 for c in codebook.names] for i in order]).reshape(
        len(order), len(codebook.names)
    )
    with drawing(path, title, (12.5, 2.6 + 0.32 * max(1, len(order)))) as axes:
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


def _wrap(text: str, width: int, lines: int = 3) -> str:
    import textwrap

    return (
        "\n".join(textwrap.wrap(text, width)[:lines]) if lines > 1 else textwrap.shorten(text, width, placeholder="…")
    )
