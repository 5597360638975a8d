"""Pictures of topics: a map of passages, the tree, topics over time, topics by code; each with a text for who cannot see it."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.figures import ENDINGS, drawing
from collabnlp.records import Topic, TopicArea, TopicCode, TopicCount
from collabnlp.topics.consensus import Clusters
from collabnlp.topics.labels import OTHER
from collabnlp.topics.vectors import Floats, Labels, unit

# Okabe and Ito's colours, black for yellow, which does not show on white; shapes say the same as colours.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F00")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
_GREY = "#BBBBBB"
_SPACING, _STEPS = 2.3, 200
_MAP_ENDINGS = (".png",)  # of so many marks an .svg would be large and slow
_TELLING = 3  # passages, found or by chance, from which a cell is coloured
MAP_TITLE = "Map of passages by topic"


class Picture(NamedTuple):
    """A picture, what it is called, and what it shows in words."""

    file: str
    title: str
    text: str


class Dot(NamedTuple):
    """A passage on the map; `quote` is empty where its words may not be shown."""

    topic: int
    area: int
    quote: str
    source: str


def lay_out(clusters: Clusters, treated: Floats, number: Labels) -> tuple[Floats, Floats]:
    """Places of the topics, (n_topics, 2), and of the passages, (n_passages, 2).

    Topics that are alike stand near each other: the first two principal components of their
    centres, then pushed apart until none overlap. A passage stands the nearer to the middle of
    its topic the more typical it is; its direction is that of the first two principal components
    of the topic's passages. A passage of no topic stands between the centres that it is nearest to.
    """
    middles = _push_apart(_plane(clusters.topics + 0.8 * clusters.areas[clusters.parents]))
    spots = np.zeros((len(treated), 2))
    cosines = treated @ clusters.topics.T
    for topic in range(len(middles)):
        rows = np.flatnonzero(number == topic)
        if len(rows):
            rank = np.argsort(np.argsort(-cosines[rows, topic], kind="stable"), kind="stable")
            turn = _plane(treated[rows])
            angle = np.arctan2(turn[:, 1], turn[:, 0])
            spots[rows] = middles[topic] + np.sqrt((rank + 0.5) / len(rows))[:, None] * np.column_stack(
                [np.cos(angle), np.sin(angle)]
            )
    rows = np.flatnonzero(number < 0)
    pull = np.maximum(cosines[rows], 0.01) ** 4
    spots[rows] = pull @ middles / pull.sum(axis=1, keepdims=True)
    return middles, spots


def _plane(vectors: Floats) -> Floats:
    """(n, 2) first two principal components, turned so that the largest weight of each axis is positive."""
    if len(vectors) < 3:
        return np.column_stack([np.arange(len(vectors), dtype=np.float64), np.zeros(len(vectors))])
    shifted = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(shifted.T @ shifted)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return np.asarray(shifted @ axes)


def _push_apart(spots: Floats) -> Floats:
    """The places, spread out and moved until they are `_SPACING` from each other or more."""
    n = len(spots)
    scale = np.abs(spots - spots.mean(axis=0)).max()
    spots = (spots - spots.mean(axis=0)) / max(scale, 1e-9) * _SPACING * max(1.0, n**0.5 / 2)
    for _ in range(_STEPS):
        gap = spots[:, None] - spots[None]
        distance = np.linalg.norm(gap, axis=2)
        close = np.maximum(0, _SPACING - distance) / 2
        np.fill_diagonal(close, 0)
        if close.max(initial=0) < 1e-3:
            break
        away = unit(gap + 1e-6 * np.arange(n)[:, None, None])
        spots = spots + (away * close[:, :, None]).sum(axis=1)
    return spots


def _told(path: Path, title: str, text: str, endings: Sequence[str] = ENDINGS) -> list[Picture]:
    return [Picture(f"{path.name}{ending}", title, text) for ending in endings]


def write_map(
    path: Path,
    middles: Floats,
    spots: Floats,
    dots: Sequence[Dot],
    topics: Sequence[Topic],
    areas: Sequence[TopicArea],
) -> list[Picture]:
    """Write the map of passages as .png; the path has no ending."""
    of_topic = {topic.topic: topic for topic in topics}
    low, high = spots.min(axis=0) - 0.3, spots.max(axis=0) + 0.3
    width, key = 12.0, 0.9 + 0.22 * (len(areas) // 2 + 1)  # inches
    height = width * min(1.2, max(0.4, float((high - low)[1] / (high - low)[0])))
    with drawing(path, MAP_TITLE, (width, height + key), endings=_MAP_ENDINGS) as axes:
        colour = np.array([dot.area for dot in dots])
        rows = np.flatnonzero(colour < 0)
        for area in areas:
            own = np.flatnonzero(colour == area.area)
            axes.scatter(*spots[own].T, s=15, **_mark(area.area), linewidths=0, alpha=0.5, label=area.label)
        axes.scatter(*spots[rows].T, s=8, c=_GREY, linewidths=0, label=f"{OTHER}, near none")
        for number, (x, y) in enumerate(middles):
            if number in of_topic:
                axes.text(
                    x, y, lines(of_topic[number].label), ha="center", va="center", fontsize=9, fontweight="bold",
                    linespacing=1.05, path_effects=_halo(),
                )  # fmt: skip
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes.set_axis_off()
        axes.set_title(
            "Each mark is a passage; the nearer to the middle of its topic, the more typical. Topics near each other are alike.",
            loc="left", fontsize=9,
        )  # fmt: skip
        axes.figure.legend(
            loc="outside lower left", frameon=False, ncols=2, title="Areas", alignment="left", markerscale=2
        )
    return _told(path, MAP_TITLE, map_text(topics, areas, len(dots)), _MAP_ENDINGS)


def lines(label: str, width: int = 17) -> str:
    r"""
    The label in short lines, a phrase beginning a new one.

    Examples
    --------
    >>> lines("Housing development, infrastructure")
    'Housing\ndevelopment,\ninfrastructure'
    """
    phrases = label.split(", ")
    marked = [f"{phrase}," for phrase in phrases[:-1]] + phrases[-1:]
    return "\n".join(textwrap.fill(phrase, width, break_long_words=False) for phrase in marked)


def _mark(number: int) -> dict[str, str]:
    look = number % len(COLOURS)
    return {"color": COLOURS[look], "marker": SHAPES[look]}


def _halo() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3, foreground="white")]


def map_text(topics: Sequence[Topic], areas: Sequence[TopicArea], n: int) -> str:
    """What the map shows, in words."""
    own = [topic for topic in topics if topic.topic >= 0]
    other = sum(topic.n_passages for topic in topics if topic.topic < 0)
    parts = "; ".join(f"{area.label} ({area.n_passages})" for area in areas)
    every = sum(topic.n_passages for topic in topics)
    shown = f"{n} passages" if n >= every else f"{n} of {every} passages, in whole documents drawn by chance,"
    return f"{shown} in {len(own)} topics of {len(areas)} areas, by falling size: {parts}. In no topic: {other}."


def write_tree(path: Path, topics: Sequence[Topic], areas: Sequence[TopicArea]) -> list[Picture]:
    """Write the tree of areas and topics, bars saying how many passages, as .png and .svg; the path has no ending."""
    title = "Areas and their topics"
    of_topic = {topic.topic: topic for topic in topics}
    bars: list[tuple[float, str, int, int, bool]] = []
    at = 0.0
    for area in areas:
        bars.append((at, area.label, area.n_passages, area.area, True))
        own = [of_topic[t] for t in area.topics if t in of_topic]
        bars += [(at - 0.85 * (i + 1), t.label, t.n_passages, area.area, False) for i, t in enumerate(own)]
        at -= 0.85 * len(own) + 1.3
    if -1 in of_topic:
        bars.append((at, "Near no topic (most have an area)", of_topic[-1].n_passages, -1, True))
        at -= 1
    indent = 4.2  # inches for the labels
    with drawing(path, title, (11, 0.9 + 0.27 * -at)) as axes:
        for y, label, n, number, upper in bars:
            colour = _GREY if number < 0 else COLOURS[number % len(COLOURS)]
            axes.barh(y, n, color=colour, height=0.75 if upper else 0.55, alpha=1.0 if upper else 0.55)
            axes.annotate(
                str(n), (n, y), xytext=(4, 0), textcoords="offset points", va="center", fontweight="bold" if upper else "normal"
            )  # fmt: skip
            axes.annotate(
                label, (0, y), xytext=(-72 * indent + (0 if upper else 22), 0), textcoords="offset points", va="center",
                fontweight="bold" if upper else "normal", annotation_clip=False,
            )  # fmt: skip
        _branches(axes, bars, -72 * indent + 6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Passages")
        axes.set_xlim(0, max((n for _, _, n, _, _ in bars), default=1) * 1.08)
        axes.set_ylim(at + 0.3, 0.6)
    parts = "; ".join(
        f"{area.label} ({area.n_passages}): " + ", ".join(f"{of_topic[t].label} ({of_topic[t].n_passages})" for t in area.topics if t in of_topic)
        for area in areas
    )  # fmt: skip
    return _told(path, title, f"A tree of {len(areas)} areas with passages in brackets. {parts}.")


def _branches(axes: Any, bars: Sequence[tuple[float, str, int, int, bool]], left: float) -> None:
    """Lines from each area to its topics, `left` points from the foot of the bars."""
    from matplotlib.transforms import offset_copy

    where = offset_copy(axes.get_yaxis_transform(), fig=axes.figure, x=left, units="points")
    twig = offset_copy(axes.get_yaxis_transform(), fig=axes.figure, x=left + 12, units="points")
    stem = None
    for y, _, _, _, upper in bars:
        if upper:
            stem = y - 0.4
            continue
        axes.plot([0, 0], [stem, y], transform=where, color="#888888", lw=0.8, clip_on=False)
        axes.annotate(
            "", (0, y), xycoords=where, xytext=(0, y), textcoords=twig, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#888888", "lw": 0.8, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def write_years(path: Path, counts: Sequence[TopicCount], areas: Sequence[TopicArea]) -> list[Picture]:
    """Write the share of each area in the passages of each year as .png and .svg, the path having no ending; a picture of the documents there are, not of a trend."""
    title = "Areas by year of the document"
    own = [row for row in counts if row.by == "year" and row.level == "area"]
    years = sorted({row.value for row in own})
    share: dict[tuple[str, int], float] = defaultdict(float, {(r.value, r.topic): r.share for r in own})
    n_of = {year: sum(row.n_passages for row in own if row.value == year) for year in years}
    columns = min(4, max(1, len(areas)))
    rows = -(-max(1, len(areas)) // columns)
    with drawing(path, title, (12, 0.9 + 2.3 * rows), rows, columns) as grid:
        panels = np.ravel(grid)
        for axes, area in zip(panels, areas, strict=False):
            values = [100 * share[year, area.area] for year in years]
            places = range(len(years))
            axes.bar(places, values, color=COLOURS[area.area % len(COLOURS)], width=0.7)
            for x, value in zip(places, values, strict=True):
                axes.text(x, value, f"{value:.0f}", ha="center", va="bottom")
            axes.set_title(textwrap.fill(area.label, 30), loc="left", fontsize=9, fontweight="bold")
            axes.set_xticks(places, years)
            axes.tick_params(axis="x", length=0, labelbottom=True)
        for axes in panels[len(areas) :]:
            axes.set_axis_off()
        panels[0].set_ylim(0, 118 * max((share[year, area.area] for year in years for area in areas), default=1.0))
        figure = panels[0].figure
        figure.supylabel("Share of the year's passages, per cent", fontsize=9)
        told = ", ".join(f"{year}: {n_of[year]}" for year in years)
        figure.supxlabel(
            f"Passages in {told}. Each year stands for the few documents of that year, not for the country.", fontsize=9
        )
    said = []
    for year in years:
        best = max(areas, key=lambda area: share[year, area.area], default=None)
        if best is not None:
            said.append(f"{year}: most {best.label} ({share[year, best.area]:.0%} of {n_of[year]} passages)")
    return _told(path, title, f"Bars of {len(areas)} areas over {len(years)} years. " + "; ".join(said) + ".")


def write_codes(
    path: Path,
    rows: Sequence[TopicCode],
    codes: Sequence[str],
    title_of: Callable[[str], str],
    topics: Sequence[Topic],
) -> list[Picture]:
    """Write a heat map of topics by codes as .png and .svg, the path having no ending: colour says lift, the number passages; topics of an area stand together."""
    title = "Topics by code"
    own = [row for row in rows if row.level == "topic"]
    ordered = sorted((topic for topic in topics if topic.topic >= 0), key=lambda t: (t.area, t.topic))
    numbers = [topic.topic for topic in ordered]
    labels = {topic.topic: topic.label for topic in topics}
    at: Mapping[tuple[int, str], TopicCode] = {(row.topic, row.code): row for row in own}
    lift = np.array([[_lift(at[number, code]) for code in codes] for number in numbers]).reshape(-1, len(codes))
    with drawing(path, title, (12, 2.6 + 0.3 * len(numbers))) as axes:
        shown: NDArray[Any] = np.ma.masked_invalid(lift)
        picture = axes.imshow(shown, cmap="PuOr_r", vmin=-2, vmax=2, aspect="auto")
        axes.set_xticks(
            range(len(codes)),
            [textwrap.fill(title_of(c), 26) for c in codes],
            rotation=50,
            ha="left",
            rotation_mode="anchor",
        )
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(numbers)), [labels[number] for number in numbers])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for i, number in enumerate(numbers):
            if i and ordered[i].area != ordered[i - 1].area:
                axes.axhline(i - 0.5, color="black", lw=0.8)
            for j, code in enumerate(codes):
                n = at[number, code].n_passages
                axes.text(
                    j,
                    i,
                    "c" if n is None else str(n),
                    ha="center",
                    va="center",
                    color="white" if abs(lift[i, j]) > 1.3 else "black",
                )
        bar = axes.figure.colorbar(picture, ax=axes, shrink=0.6, pad=0.01, aspect=30)
        bar.set_ticks(
            [-2, -1, 0, 1, 2], labels=["a quarter\nor less", "half", "as chance", "twice", "four times\nor more"]
        )
        bar.set_label("Passages with both, beside what chance would give")
        axes.set_xlabel(
            f"Number: passages of the topic with the code; c: withheld. No colour: fewer than {_TELLING} and fewer than {_TELLING} by chance. "
            "Lines part areas."
        )
    best = sorted(
        (r for r in own if r.topic >= 0 and (r.n_passages or 0) >= 5), key=lambda r: (-(r.lift or 0), r.topic, r.code)
    )[:5]
    parts = "; ".join(
        f"{r.label} and {title_of(r.code)} ({r.n_passages} passages, {r.lift:.1f} times chance)" for r in best
    )
    return _told(path, title, f"A grid of {len(numbers)} topics by {len(codes)} codes. Strongest: {parts or 'none'}.")


def _lift(row: TopicCode) -> float:
    """Logarithm of the lift to base 2, between -2 and 2; NaN where so few passages tell nothing."""
    if row.n_passages is None or max(row.n_passages, row.expected or 0) < _TELLING:
        return float("nan")
    return float(np.log2(min(max(row.lift or 0, 0.25), 4)))
