"""Entities as text: all of them, or one with what is known of it."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collabnlp.clusters import normal_form
from collabnlp.codebook import load_codebook
from collabnlp.export.text import format_columns, format_jsonl, snippet
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.records import FoundEntity, InputError, Relation, csv_text
from collabnlp.release import Released, exporter, load_released


@exporter
def find_entity(name: str, released: Released, gazetteer: Gazetteer, path: str | Path) -> FoundEntity:
    """The entity of a name, an alias or an id, whatever its capitals; of several the one with most mentions.

    Raises
    ------
    InputError
        Where the documents name no such entity; the message suggests what they do name. What only
        interviews not for attribution name is no such entity.
    """
    by_name: dict[str, list[FoundEntity]] = defaultdict(list)
    found = {entity.entity_id: entity for entity in released.entities}
    for entity in released.entities:
        for form in {entity.entity_id, entity.name, *entity.aliases}:
            by_name[normal_form(form)].append(entity)
    for alias, (_, ids) in gazetteer.aliases.items():
        by_name[normal_form(alias)] += [found[i] for i in ids if i in found]
    wanted = by_name.get(normal_form(name))
    if not wanted:
        shown = {form: bearers[0].name for form, bearers in by_name.items() if bearers}
        close = difflib.get_close_matches(normal_form(name), list(shown), n=3, cutoff=0.6)
        hint = " or ".join(dict.fromkeys(shown[form] for form in close))
        raise InputError(
            path, f"no document names {name!r}", f"did you mean {hint}?" if hint else "see `collabnlp entities`"
        )
    return min(wanted, key=lambda entity: (-entity.n_mentions, entity.entity_id))


@exporter
def format_entities(released: Released, form: str) -> str:
    """All entities that open passages name, as text, those with most passages first: table, csv or jsonl."""
    ordered = sorted(released.entities, key=lambda e: (-e.n_passages, e.name, e.entity_id))
    if form == "jsonl":
        return format_jsonl("entity", [entity.model_dump(mode="json") for entity in ordered])
    header = ["name", "label", "documents", "passages", "years", "id"]
    rows = [
        [e.name, e.label, len(e.documents), e.n_passages, _years(e.first_year, e.last_year), e.entity_id]
        for e in ordered
    ]
    return csv_text(rows, header) if form == "csv" else format_columns(header, rows) if rows else ""


@exporter
def format_entity(
    entity_id: str, released: Released, form: str, *, gazetteer: Gazetteer, titles: Mapping[str, str], limit: int = 10
) -> str:
    """One entity as text: names, dates, successors, county, partners, codes with counts, passages.

    Parameters
    ----------
    titles
        Title by code.
    form
        table or jsonl: facts, partners, codes and passages each under `record`; csv: the partners alone.
    """
    entity = next(e for e in released.entities if e.entity_id == entity_id)
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
    for r in released.relations:
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
    kind = entity.label.lower()
    cells = [c for c in released.cells if (c.rows, c.row_id) == (kind, own) and not c.suppressed]
    code_rows = [
        [titles.get(c.code, c.code), c.n_passages] for c in sorted(cells, key=lambda c: (-c.n_passages, c.code))
    ]
    named = sorted({m.passage_id for m in released.mentions if own in m.entity_ids})[: limit or None]
    wanted = set(named)
    text_of = {p.passage_id: p.text for p in released.passages if p.passage_id in wanted}
    quotes = [{"passage_id": i, "text": text_of[i]} for i in named]
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
    parts += [f"{quote['passage_id']}\n{snippet(quote['text'])}" for quote in quotes]
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
    released = load_released(project).released
    if name is None:
        return format_entities(released, form)
    gazetteer = load_gazetteer(project / "corpus" / "gazetteer.csv")
    titles = {c.code: c.title for c in load_codebook(project / "corpus" / "codebook.yaml", searched=False).codes}
    entity = find_entity(name, released, gazetteer, project / "outputs" / "entities.parquet")
    return format_entity(entity.entity_id, released, form, gazetteer=gazetteer, titles=titles, limit=limit)
