"""Pictures of topics: a map of passages, the tree, topics over time, topics by code; each with a text for who cannot see it."""

from __future__ import annotations

import json
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import Topic, TopicArea, TopicCode, TopicCount, write_figure, write_text
from collabnlp.topics.consensus import Clusters, Floats, Labels, unit

# Okabe and Ito's colours, black for yellow, which does not show on white; shapes say the same as colours.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F00")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
_GREY = "#BBBBBB"
_SPACING, _STEPS = 2.3, 200


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


@contextmanager
def _figure(path: Path, title: str, size: tuple[float, float]) -> Iterator[Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = {"svg.hashsalt": "collabnlp", "font.family": "DejaVu Sans", "font.size": 9, "svg.fonttype": "path"}
    with plt.rc_context(style):
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        yield axes
        write_figure(path, figure)
        plt.close(figure)


def write_map(
    path: Path,
    middles: Floats,
    spots: Floats,
    dots: Sequence[Dot],
    topics: Sequence[Topic],
    areas: Sequence[TopicArea],
) -> Picture:
    """Write the map of passages as .png or .svg."""
    title = "Map of passages by topic"
    of_topic = {topic.topic: topic for topic in topics}
    with _figure(path, title, (14, 10)) as axes:
        colour = np.array([dot.area for dot in dots])
        rows = np.flatnonzero(colour < 0)
        axes.scatter(*spots[rows].T, s=7, c=_GREY, linewidths=0, label="Other")
        for area in areas:
            rows = np.flatnonzero(colour == area.area)
            look = area.area % len(COLOURS)
            axes.scatter(
                *spots[rows].T, s=13, c=COLOURS[look], marker=SHAPES[look], linewidths=0, alpha=0.55, label=area.label
            )
        for number, (x, y) in enumerate(middles):
            if number in of_topic:
                text = textwrap.fill(of_topic[number].label, 22)
                axes.text(x, y, text, ha="center", va="center", fontsize=8.5, fontweight="bold", path_effects=_halo())
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.figure.legend(loc="outside right upper", frameon=False, title="Area", alignment="left", markerscale=2)
        axes.text(
            0, -0.01, "Each mark is a passage; the nearer to the middle of its topic, the more typical. Topics near each other are alike.",
            transform=axes.transAxes, va="top", fontsize=9,
        )  # fmt: skip
    return Picture(path.name, title, _map_text(topics, areas, len(dots)))


def _halo() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5, foreground="white")]


def _map_text(topics: Sequence[Topic], areas: Sequence[TopicArea], n: int) -> str:
    own = [topic for topic in topics if topic.topic >= 0]
    other = sum(topic.n_passages for topic in topics if topic.topic < 0)
    parts = "; ".join(f"{area.label} ({area.n_passages})" for area in areas)
    return f"{n} passages in {len(own)} topics of {len(areas)} areas, by falling size: {parts}. In no topic: {other}."


def write_map_page(
    path: Path,
    middles: Floats,
    spots: Floats,
    dots: Sequence[Dot],
    topics: Sequence[Topic],
    areas: Sequence[TopicArea],
) -> Picture:
    """Write the map as a page that stands alone: no network, all text as text, quotes on hover."""
    title = "Map of passages by topic"
    text = _map_text(topics, areas, len(dots))
    low, high = spots.min(axis=0), spots.max(axis=0)
    scale = 1000 / max(float((high - low).max()), 1e-9)
    data = {
        "points": [
            [round(float(x), 1), round(float(y), 1), dot.topic, dot.area, dot.quote, dot.source]
            for (x, y), dot in zip((spots - low) * scale, dots, strict=True)
        ],
        "topics": {
            str(t.topic): [t.label, t.gloss, *(np.round((middles[t.topic] - low) * scale, 1).tolist())]
            for t in topics
            if t.topic >= 0
        },
        "areas": {str(area.area): [area.label, area.n_passages] for area in areas},
        "colours": list(COLOURS),
    }
    size = [round(float(side)) for side in (high - low) * scale]
    script = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
    rows = "".join(
        f"<tr><td>{_escape(t.label)}</td><td>{_escape(next((a.label for a in areas if a.area == t.area), ''))}</td>"
        f"<td>{t.n_passages}</td><td>{_escape(t.gloss)}</td></tr>"
        for t in topics
    )
    page = _PAGE.replace("{{title}}", _escape(title)).replace("{{text}}", _escape(text)).replace("{{rows}}", rows)
    page = page.replace("{{width}}", str(size[0] + 120)).replace("{{height}}", str(size[1] + 40))
    write_text(path, page.replace("{{data}}", script))
    return Picture(path.name, title, text)


def _escape(text: str) -> str:
    import html

    return html.escape(text).replace("{", "&#123;").replace("}", "&#125;")


_PAGE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 1250px; padding: 0 1rem; color: #111; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; }
#key button { font: inherit; border: 1px solid #999; background: #fff; border-radius: 4px; margin: 0 .3rem .3rem 0; padding: .1rem .5rem; cursor: pointer; }
#key button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
svg { width: 100%; height: auto; border: 1px solid #ccc; }
svg text { font-size: 13px; font-weight: 600; text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 4px; pointer-events: none; }
#said { min-height: 5.2em; border-left: 4px solid #0072B2; padding: .3rem .8rem; margin: .5rem 0; background: #f6f6f6; }
#said p { margin: .1rem 0; }
table { border-collapse: collapse; margin-top: 1rem; }
td, th { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
</style>
</head>
<body>
<h1>{{title}}</h1>
<p>Each mark is a passage; the nearer to the middle of its topic, the more typical. Topics near each other are alike.
Point at a mark to read it; words of interviews that are not public are not shown. A button hides or shows an area.</p>
<div id="key" role="group" aria-label="Areas"></div>
<div id="said" aria-live="polite"><p>Point at a mark.</p></div>
<svg viewBox="-60 -20 {{width}} {{height}}" role="img" aria-labelledby="t d"><title id="t">{{title}}</title><desc id="d">{{text}}</desc></svg>
<table><caption>The topics</caption><thead><tr><th>Topic</th><th>Area</th><th>Passages</th><th>In a sentence</th></tr></thead><tbody>{{rows}}</tbody></table>
<script type="application/json" id="data">{{data}}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const svg = document.querySelector("svg"), said = document.getElementById("said"), key = document.getElementById("key");
const make = (name, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  return node;
};
const shapes = ["M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0", "M-3.6,-3.6h7.2v7.2h-7.2z", "M0,-4.6L4.4,3.4H-4.4z", "M0,-5L4,0L0,5L-4,0z",
  "M0,4.6L4.4,-3.4H-4.4z", "M-1.6,-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z", "M-4.4,-2.6L-2.6,-4.4L0,-1.8L2.6,-4.4L4.4,-2.6L1.8,0L4.4,2.6L2.6,4.4L0,1.8L-2.6,4.4L-4.4,2.6L-1.8,0z",
  "M0,-5.4L1.5,-1.7L5.2,-1.7L2.2,.7L3.3,4.5L0,2.2L-3.3,4.5L-2.2,.7L-5.2,-1.7L-1.5,-1.7z"];
const groups = {};
const group = (area) => groups[area] ??= svg.appendChild(make("g", { fill: area < 0 ? "#BBBBBB" : data.colours[area % data.colours.length], "fill-opacity": .6 }));
data.points.forEach(([x, y, topic, area], i) => {
  const mark = make("path", { d: shapes[Math.max(area, 0) % shapes.length], transform: `translate(${x},${y})` });
  mark.dataset.i = i;
  group(area).appendChild(mark);
});
for (const [label, , x, y] of Object.values(data.topics)) {
  const text = svg.appendChild(make("text", { x: x, y: y }));
  label.split(", ").forEach((part, i) => {
    const line = text.appendChild(make("tspan", { x: x, dy: i ? 15 : 0 }));
    line.textContent = part;
  });
}
const paragraph = (text, bold) => {
  const p = document.createElement("p");
  p.textContent = text;
  if (bold) p.style.fontWeight = "600";
  return p;
};
svg.addEventListener("pointerover", (event) => {
  const i = event.target.dataset && event.target.dataset.i;
  if (i === undefined) return;
  const [, , topic, , quote, source] = data.points[i];
  const about = topic < 0 ? ["Other", ""] : data.topics[topic];
  said.replaceChildren(paragraph(about[0], true), paragraph(quote || "[words not shown]"), paragraph(source));
});
for (const [area, [label, n]] of [...Object.entries(data.areas), ["-1", ["Other", data.points.filter(p => p[3] < 0).length]]]) {
  if (!groups[area]) continue;
  const button = key.appendChild(document.createElement("button"));
  button.textContent = `${label} (${n})`;
  button.style.borderLeft = `10px solid ${area < 0 ? "#BBBBBB" : data.colours[area % data.colours.length]}`;
  button.setAttribute("aria-pressed", "true");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    groups[area].style.display = on ? "" : "none";
  });
}
</script>
</body>
</html>
"""


def write_tree(path: Path, topics: Sequence[Topic], areas: Sequence[TopicArea]) -> Picture:
    """Write the tree of areas and topics, bars saying how many passages, as .png or .svg."""
    title = "Areas and their topics"
    of_topic = {topic.topic: topic for topic in topics}
    lines: list[tuple[str, int, int, bool]] = []
    for area in areas:
        lines.append((area.label, area.n_passages, area.area, True))
        lines += [(of_topic[t].label, of_topic[t].n_passages, area.area, False) for t in area.topics if t in of_topic]
    if -1 in of_topic:
        lines.append(("Near no topic (most have an area)", of_topic[-1].n_passages, -1, True))
    with _figure(path, title, (11, 1.2 + 0.3 * len(lines))) as axes:
        for i, (label, n, area_number, upper) in enumerate(lines):
            colour = _GREY if area_number < 0 else COLOURS[area_number % len(COLOURS)]
            axes.barh(-i, n, color=colour, height=0.78 if upper else 0.5, alpha=1.0 if upper else 0.6)
            axes.text(n, -i, f" {n}", va="center")
            axes.annotate(
                label if upper else f"— {label}",
                (0, -i),
                xytext=(-330 if upper else -310, 0),
                textcoords="offset points",
                va="center",
                fontweight="bold" if upper else "normal",
                annotation_clip=False,
            )
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Passages")
        axes.set_xlim(0, max((n for _, n, _, _ in lines), default=1) * 1.1)
    parts = "; ".join(
        f"{area.label} ({area.n_passages}): " + ", ".join(f"{of_topic[t].label} ({of_topic[t].n_passages})" for t in area.topics if t in of_topic)
        for area in areas
    )  # fmt: skip
    return Picture(path.name, title, f"A tree of {len(areas)} areas with passages in brackets. {parts}.")


def write_years(path: Path, counts: Sequence[TopicCount], areas: Sequence[TopicArea]) -> Picture:
    """Write the share of each area in the passages of each year as .png or .svg; a picture of the documents there are, not of a trend."""
    title = "Areas by year of the document"
    own = [row for row in counts if row.by == "year" and row.level == "area"]
    years = sorted({row.value for row in own})
    share: dict[tuple[str, int], float] = defaultdict(float, {(r.value, r.topic): r.share for r in own})
    n_of = {year: sum(row.n_passages for row in own if row.value == year) for year in years}
    with _figure(path, title, (11, 6.5)) as axes:
        for area in areas:
            look = area.area % len(COLOURS)
            values = [100 * share[year, area.area] for year in years]
            axes.plot(range(len(years)), values, color=COLOURS[look], marker=SHAPES[look], lw=1.6, label=area.label)
        axes.set_xticks(range(len(years)), [f"{year}\n{n_of[year]} passages" for year in years])
        axes.set_xlabel(
            "Year of the document. Each year stands for the few documents of that year, not for the country."
        )
        axes.set_ylabel("Share of the year's passages, per cent")
        axes.set_ylim(bottom=0)
        axes.figure.legend(loc="outside right upper", frameon=False)
    said = []
    for year in years:
        best = max(areas, key=lambda area: share[year, area.area], default=None)
        if best is not None:
            said.append(f"{year}: most {best.label} ({share[year, best.area]:.0%} of {n_of[year]} passages)")
    return Picture(path.name, title, f"Lines of {len(areas)} areas over {len(years)} years. " + "; ".join(said) + ".")


def write_codes(
    path: Path,
    rows: Sequence[TopicCode],
    codes: Sequence[str],
    title_of: Callable[[str], str],
    topics: Sequence[Topic],
) -> Picture:
    """Write a heat map of topics by codes as .png or .svg: colour says lift, the number passages."""
    title = "Topics by code"
    own = [row for row in rows if row.level == "topic"]
    numbers = [topic.topic for topic in topics if topic.topic >= 0]
    labels = {topic.topic: topic.label for topic in topics}
    at: Mapping[tuple[int, str], TopicCode] = {(row.topic, row.code): row for row in own}
    lift = np.full((len(numbers), len(codes)), np.nan)
    for i, number in enumerate(numbers):
        for j, code in enumerate(codes):
            value = at[number, code].lift
            if value is not None and at[number, code].n_passages:
                lift[i, j] = np.log2(min(max(value, 0.25), 4))
    with _figure(path, title, (13, 3.2 + 0.34 * len(numbers))) as axes:
        shown: NDArray[Any] = np.ma.masked_invalid(lift)
        picture = axes.imshow(shown, cmap="PuOr_r", vmin=-2, vmax=2, aspect="auto")
        axes.set_xticks(
            range(len(codes)),
            [textwrap.fill(title_of(c), 26) for c in codes],
            rotation=60,
            ha="left",
            rotation_mode="anchor",
        )
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(numbers)), [labels[number] for number in numbers])
        axes.tick_params(length=0)
        for i, number in enumerate(numbers):
            for j, code in enumerate(codes):
                n = at[number, code].n_passages
                dark = abs(lift[i, j]) > 1.3
                axes.text(
                    j,
                    i,
                    "c" if n is None else str(n or ""),
                    ha="center",
                    va="center",
                    color="white" if dark else "black",
                )
        bar = axes.figure.colorbar(picture, ax=axes, shrink=0.5, pad=0.01)
        bar.set_ticks([-2, -1, 0, 1, 2], labels=["a quarter", "half", "as chance", "twice", "four times"])
        bar.set_label("Passages with both, beside what chance would give")
        axes.set_xlabel("Number: passages of the topic with the code; blank: none; c: withheld.")
    best = sorted(
        (r for r in own if r.topic >= 0 and (r.n_passages or 0) >= 5), key=lambda r: (-(r.lift or 0), r.topic, r.code)
    )[:5]
    parts = "; ".join(
        f"{r.label} and {title_of(r.code)} ({r.n_passages} passages, {r.lift:.1f} times chance)" for r in best
    )
    return Picture(
        path.name, title, f"A grid of {len(numbers)} topics by {len(codes)} codes. Strongest: {parts or 'none'}."
    )
