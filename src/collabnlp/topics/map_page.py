"""The map of passages as a page that stands alone: no network, all text as text, quotes on hover or touch."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from collabnlp.records import Topic, TopicArea, write_text
from collabnlp.topics.plots import COLOURS, MAP_TITLE, Dot, Picture, lines, map_text
from collabnlp.topics.vectors import Floats


def write_map_page(
    path: Path,
    middles: Floats,
    spots: Floats,
    dots: Sequence[Dot],
    topics: Sequence[Topic],
    areas: Sequence[TopicArea],
) -> Picture:
    """Write the map as a page that stands alone: no network, all text as text, quotes on hover."""
    text = map_text(topics, areas, len(dots))
    middles, spots = middles * (1, -1), spots * (1, -1)  # on a page y runs downwards
    low, high = spots.min(axis=0), spots.max(axis=0)
    scale = 1000 / max(float((high - low).max()), 1e-9)
    data = {
        "points": [
            [round(float(x), 1), round(float(y), 1), dot.topic, dot.area, dot.quote, dot.source]
            for (x, y), dot in zip((spots - low) * scale, dots, strict=True)
        ],
        "topics": {
            str(t.topic): [
                t.label,
                lines(t.label).split("\n"),
                *(np.round((middles[t.topic] - low) * scale, 1).tolist()),
            ]
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
        for t in sorted(topics, key=lambda t: (t.topic < 0, t.topic))
    )
    page = _PAGE.replace("{{title}}", _escape(MAP_TITLE)).replace("{{text}}", _escape(text)).replace("{{rows}}", rows)
    page = page.replace("{{width}}", str(size[0] + 120)).replace("{{height}}", str(size[1] + 40))
    write_text(path, page.replace("{{data}}", script))
    return Picture(path.name, MAP_TITLE, text)


def _escape(text: str) -> str:
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
#key button { font: inherit; border: 1px solid #999; background: #fff; border-radius: 4px; margin: 0 .3rem .3rem 0; padding: .1rem .5rem; cursor: pointer; text-align: left; }
#key button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
#map { overflow-x: auto; border: 1px solid #ccc; }
svg { display: block; width: 100%; min-width: 820px; height: auto; }
svg text { font-size: 13px; font-weight: 600; text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 4px; pointer-events: none; }
#said { min-height: 5.2em; border-left: 4px solid #0072B2; padding: .3rem .8rem; margin: .5rem 0; background: #f6f6f6; }
#said p { margin: .1rem 0; }
table { border-collapse: collapse; margin-top: 1rem; }
caption { text-align: left; font-weight: 600; }
td, th { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
td:nth-child(3), th:nth-child(3) { text-align: right; }
@media (max-width: 700px) {
  #said { position: sticky; top: 0; }
  thead { display: none; }
  tr, td, td:nth-child(3) { display: block; text-align: left; border: 0; padding: .05rem 0; }
  tr { border-bottom: 1px solid #ddd; padding: .4rem 0; }
  td:first-child { font-weight: 600; }
  td:nth-child(3)::after { content: " passages"; }
}
</style>
</head>
<body>
<h1>{{title}}</h1>
<p>Each mark is a passage; the nearer to the middle of its topic, the more typical. Topics near each other are alike.
Point at a mark, or touch it, to read it; words of interviews that are not public are not shown. A button hides or shows an area.</p>
<div id="key" role="group" aria-label="Areas"></div>
<div id="said" aria-live="polite"><p>Point at a mark.</p></div>
<div id="map"><svg viewBox="-60 -20 {{width}} {{height}}" role="img" aria-labelledby="t d"><title id="t">{{title}}</title><desc id="d">{{text}}</desc></svg></div>
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
for (const [, parts, x, y] of Object.values(data.topics)) {
  const text = svg.appendChild(make("text", { x: x, y: y + 4 - 7.5 * (parts.length - 1) }));
  parts.forEach((part, i) => {
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
