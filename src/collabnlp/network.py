"""Relations as a network: GraphML for Gephi and the like, and a picture."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collabnlp.figures import drawing
from collabnlp.files import atomic
from collabnlp.records import Relation
from collabnlp.release import Released, exporter

_LABELS = {"COUNCIL": ("#0072B2", "o", "council"), "PARTNERSHIP": ("#D55E00", "s", "partnership"), "SCHEME": ("#009E73", "^", "scheme")}  # fmt: skip
_LINES = {
    "member_of": ("-", "is a member of"),
    "between": ("--", "scheme between"),
    "shares_post_with": (":", "share a post"),
}
MOST_NODES = 60


@exporter
def build_network(released: Released) -> Any:
    """A networkx MultiDiGraph: entities, and one edge for each pair and relation with what it rests on."""
    import networkx

    edges: dict[tuple[str, str, str], list[Relation]] = defaultdict(list)
    names: dict[str, str] = {}
    guesses: dict[str, str] = {}
    labels = {entity.entity_id: entity.label for entity in released.entities}
    for row in released.relations:
        edges[row.subject_id, row.object_id, row.relation].append(row)
        names |= {row.subject_id: row.subject_name, row.object_id: row.object_name}
        guesses |= {row.subject_id: "SCHEME" if row.relation == "between" else "COUNCIL"}
        guesses |= {row.object_id: "PARTNERSHIP" if row.relation == "member_of" else "COUNCIL"}
    graph = networkx.MultiDiGraph()
    for node in sorted(names):
        graph.add_node(node, name=names[node], label=labels.get(node, guesses[node]))
    for (subject, obj, relation), rows in sorted(edges.items()):
        said = [row for row in rows if row.passage_id]
        years = [row.year for row in said if row.year is not None]
        graph.add_edge(
            subject,
            obj,
            key=relation,
            relation=relation,
            n_passages=len({row.passage_id for row in said}),
            n_documents=len({row.document_id for row in said}),
            first_year=min(years, default=0),
            last_year=max(years, default=0),
            listed=any(row.basis == "gazetteer" for row in rows),
            passages=" ".join(sorted({row.passage_id for row in said})),
        )
    return graph


@exporter
def write_graphml(path: str | Path, released: Released) -> None:
    """Write the network as GraphML, which Gephi, Cytoscape and yEd open; equal networks give equal bytes."""
    import networkx

    with atomic(path) as temporary:
        networkx.write_graphml_xml(build_network(released), temporary, encoding="utf-8", prettyprint=True)


@exporter
def write_network(path: str | Path, released: Released, *, title: str, most: int = MOST_NODES, seed: int = 7) -> None:
    """Write a picture of the network, as .png and .svg, the path having no ending: what is joined to most, at most `most` of it.

    Only what texts say is drawn, not what the gazetteer alone says. Colours can be told apart by
    colour-blind readers, and shapes say the same as colours.
    """
    import networkx

    graph = build_network(released)
    said = networkx.MultiDiGraph()
    said.add_nodes_from(graph.nodes(data=True))
    said.add_edges_from(e for e in graph.edges(keys=True, data=True) if e[3]["n_passages"])
    joined = sorted((n for n in said if said.degree(n)), key=lambda n: (-said.degree(n), n))
    chosen = joined[:most]
    drawn = said.subgraph(chosen)
    nodes = [n for n in sorted(chosen) if drawn.degree(n)]
    plain = networkx.Graph()
    plain.add_nodes_from(nodes)
    plain.add_edges_from(sorted({tuple(sorted((a, b))) for a, b in drawn.edges()}))
    at = _places(plain, seed)
    part = f": the {len(nodes)} joined to most, of {len(joined)}" if len(nodes) < len(joined) else ""
    with drawing(path, title + part, (15, 10), font=8, title_font=14) as axes:
        axes.set_axis_off()
        for a, b, relation in sorted((a, b, r) for a, b, r in drawn.edges(keys=True)):
            axes.plot(*zip(at[a], at[b], strict=True), _LINES[relation][0], color="#666666", lw=1.0, zorder=1)
        for label, (colour, shape, _) in _LABELS.items():
            own = [n for n in nodes if drawn.nodes[n]["label"] == label]
            axes.scatter(
                [at[n][0] for n in own],
                [at[n][1] for n in own],
                s=[40 + 14 * plain.degree(n) for n in own],
                c=colour,
                marker=shape,
                edgecolors="white",
                linewidths=0.6,
                zorder=2,
            )
        axes.margins(0.07)
        keys = [axes.scatter([], [], c=c, marker=m, label=what) for c, m, what in _LABELS.values()]
        keys += [axes.plot([], [], line, color="#666666", label=what)[0] for line, what in _LINES.values()]
        axes.figure.legend(handles=keys, loc="outside lower left", ncols=6, frameon=False, fontsize=9)
        order = sorted(nodes, key=lambda n: (-plain.degree(n), n))
        _write_labels(axes.figure, axes, [(at[n], _short(drawn.nodes[n]["name"])) for n in order])


def _short(name: str) -> str:
    import textwrap

    plain = re.sub(r" (?:(?:Metropolitan |Royal )?(?:District|Borough|City)) Council$", "", name)
    return "\n".join(textwrap.wrap(plain, 26, max_lines=3, placeholder=" …"))


def _places(graph: Any, seed: int) -> dict[str, tuple[float, float]]:
    """Where each node stands: every part that hangs together laid out by springs, the parts side by side in rows."""
    import networkx

    parts = sorted((sorted(part) for part in networkx.connected_components(graph)), key=lambda p: (-len(p), p))
    width = 1.6 * sum((len(part) ** 0.5 + 1) ** 2 for part in parts) ** 0.5
    at: dict[str, tuple[float, float]] = {}
    x = y = height = 0.0
    for part in parts:
        own = networkx.Graph()
        own.add_nodes_from(part)
        own.add_edges_from(sorted(tuple(sorted(e)) for e in graph.subgraph(part).edges()))
        size = len(part) ** 0.5 + 1
        if x and x + size > width:
            x, y, height = 0.0, y - height, 0.0
        spots = networkx.spring_layout(own, seed=seed, iterations=200, k=1.6 / len(part) ** 0.5)
        for node in part:
            left, up = (float(v) for v in spots[node])
            at[node] = (x + size * (0.5 + 0.4 * left), y - size * (0.5 - 0.36 * up))
        x, height = x + size, max(height, size)
    return at


def _write_labels(figure: Any, axes: Any, labels: Sequence[tuple[tuple[float, float], str]]) -> None:
    """Write each name at the side of its node where it covers least of what is there already."""
    from matplotlib.patheffects import withStroke

    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    points = [axes.transData.transform(spot) for spot, _ in labels]
    boxes = [(x - 7, y - 7, x + 7, y + 7) for x, y in points]
    sides = [(0, 8), (0, -8), (8, 0), (-8, 0), (7, 7), (-7, 7), (7, -7), (-7, -7), (0, 20), (0, -20), (0, 32), (0, -32)]
    for i, (spot, name) in enumerate(labels):
        best = None
        for dx, dy in sides:
            text = axes.annotate(
                name,
                spot,
                (dx, dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right" if dx < 0 else "center",
                va="bottom" if dy > 0 else "top" if dy < 0 else "center",
                linespacing=1.2,
                zorder=3,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )
            box = text.get_window_extent(renderer).extents
            covered = sum(_overlap(box, other) for j, other in enumerate(boxes) if j != i)
            if best is None or covered < best[0]:
                if best is not None:
                    best[1].remove()
                best = (covered, text, box)
            else:
                text.remove()
            if covered == 0:
                break
        if best is not None:
            boxes.append(tuple(best[2]))


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    return float(max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1])))
