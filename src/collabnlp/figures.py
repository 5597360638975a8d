"""Pictures by matplotlib: one look, and the same bytes from the same figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collabnlp.files import atomic

ENDINGS = (".png", ".svg")
_LOOK = {
    "svg.hashsalt": "collabnlp",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def drawing(
    path: str | Path,
    title: str,
    size: tuple[float, float],
    rows: int = 1,
    columns: int = 1,
    *,
    font: int = 9,
    title_font: int = 13,
    endings: Sequence[str] = ENDINGS,
) -> Iterator[Any]:
    """Give one set of axes, or an array of them that share their scales; the picture is written when the block ends.

    Parameters
    ----------
    path
        Without an ending.
    title
        Stands above it all.
    size
        Width and height in inches.
    rows, columns
        Of axes.
    font, title_font
        Sizes of letters in points.
    endings
        Files to write: `.png`, `.svg`.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context({**_LOOK, "font.size": font}):
        figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", sharex=True, sharey=True)
        try:
            figure.suptitle(title, x=0.01, ha="left", fontsize=title_font, fontweight="bold")
            yield axes
            write_figure(path, figure, endings)
        finally:
            plt.close(figure)


def write_figure(path: str | Path, figure: Any, endings: Sequence[str] = ENDINGS) -> None:
    """Write a matplotlib figure to a path with each of these endings, atomically; equal figures give equal bytes."""
    for ending in endings:
        with atomic(f"{path}{ending}") as temporary:
            figure.savefig(
                temporary,
                dpi=160,
                format=ending[1:],
                metadata={"Date": None} if ending == ".svg" else {"Software": "collabnlp"},
            )
        figure.set_layout_engine("none")  # all is in its place now: to find it takes as long as to draw
