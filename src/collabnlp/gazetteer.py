"""Names of councils, partnerships and schemes: aliases, dates, successors, and who bore a name in a given year."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collabnlp.records import InputError, Label

Form = Literal["full", "bare", "abbreviation"]


class Entity(BaseModel):
    """A council, partnership or scheme of the gazetteer."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    entity_id: str = Field(description="machine name")
    label: Label
    name: str = Field(description="name to show")
    type: str = Field(description="county, non-metropolitan district, lep, ...")
    nation: str
    gss_code: str = Field(description="code of the Government Statistical Service; empty where there is none")
    start_date: str = Field(description="first day, YYYY-MM-DD or YYYY; empty: before anything we read")
    end_date: str = Field(description="last day; empty: still there")
    successors: tuple[str, ...] = Field(description="entity ids of what took its place")
    parent: str = Field(description="entity id of the county council above a district; empty where there is none")
    members: tuple[str, ...] = Field(description="entity ids of the councils in a partnership")
    invented: bool = Field(description="true where it exists only in the sample interviews")
    source: str

    def exists_in(self, year: int) -> bool:
        """Whether it was there on any day of a year."""
        return not (self.start_date and int(self.start_date[:4]) > year) and not (
            self.end_date and int(self.end_date[:4]) < year
        )


class Gazetteer:
    """The names and what they name.

    Attributes
    ----------
    entities
        Entity by its id.
    aliases
        By alias as written: the form of the name and the ids that bear it.
    """

    def __init__(self, entities: Iterable[Entity], aliases: Iterable[tuple[str, Form, str]]) -> None:
        self.entities = {entity.entity_id: entity for entity in entities}
        self.aliases: dict[str, tuple[Form, tuple[str, ...]]] = {}
        found: dict[str, list[tuple[Form, str]]] = defaultdict(list)
        for alias, form, entity_id in aliases:
            found[alias].append((form, entity_id))
        for alias, pairs in found.items():
            forms = {form for form, _ in pairs}
            strongest: Form = "full" if "full" in forms else "abbreviation" if "abbreviation" in forms else "bare"
            self.aliases[alias] = (strongest, tuple(sorted({entity_id for _, entity_id in pairs})))

    def bearers(self, alias: str, year: int) -> tuple[str, ...]:
        """Ids of the entities that bore a name in a year; else the last ones that had borne it; else the first to bear it.

        Where several did, those with a lower tier's type give way to a county for a bare name.
        """
        ids = self.aliases.get(alias, ("bare", ()))[1]
        alive = [i for i in ids if self.entities[i].exists_in(year)]
        if not alive:
            gone = [i for i in ids if self.entities[i].end_date and int(self.entities[i].end_date[:4]) < year]
            alive = [max(gone, key=lambda i: self.entities[i].end_date)] if gone else list(ids[:1])
        if len(alive) > 1:
            ended = [i for i in alive if self.entities[i].end_date and int(self.entities[i].end_date[:4]) == year]
            alive = [i for i in alive if i not in ended] or alive
        if len(alive) > 1:
            councils = [i for i in alive if self.entities[i].type != "combined authority"]
            alive = councils or alive
        return tuple(alive[:1])

    def county_of(self, entity_id: str) -> str:
        """Id of the county council above a district; the id itself for any other council, empty for what is no council."""
        entity = self.entities.get(entity_id)
        if entity is None or entity.label != "COUNCIL":
            return ""
        return entity.parent or entity_id


_COLUMNS = (
    "entity_id",
    "label",
    "alias",
    "form",
    "name",
    "type",
    "nation",
    "gss_code",
    "start_date",
    "end_date",
    "successors",
    "parent",
    "members",
    "invented",
    "source",
)


def load_gazetteer(path: str | Path) -> Gazetteer:
    """The gazetteer of a project: one row per alias; the row whose alias is the entity's name carries its facts.

    Raises
    ------
    InputError
        Where a column is missing, a row names no known entity, or a value is not allowed.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise InputError(
                    path, f"lacks the column {missing[0]}", f"its columns are {', '.join(_COLUMNS)}", place="row 1"
                )
            rows = list(enumerate(reader, start=2))
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "restore it from git") from error
    except UnicodeDecodeError as error:
        raise InputError(path, "is not UTF-8", "save it as CSV UTF-8") from error
    entities: dict[str, Entity] = {}
    aliases: list[tuple[str, Form, str]] = []
    for number, row in rows:
        if not row["name"]:
            continue
        if row["entity_id"] in entities:
            raise InputError(
                path,
                f"{row['entity_id']!r} has a name twice",
                "leave `name` empty on the rows of its other aliases",
                place=f"row {number}",
            )
        for name in ("start_date", "end_date"):
            if row[name] and not re.fullmatch(r"\d{4}(-\d\d){0,2}", row[name]):
                raise InputError(path, f"{name} is {row[name]!r}", "write YYYY or YYYY-MM-DD", place=f"row {number}")
        try:
            entities[row["entity_id"]] = Entity.model_validate(
                {
                    **{key: row[key] for key in _COLUMNS if key not in ("alias", "form")},
                    "invented": row["invented"].lower() in ("yes", "true", "1"),
                    **{key: tuple(part for part in row[key].split("|") if part) for key in ("successors", "members")},
                }
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                path, f"{first['loc'][0]} is {first['input']!r} ({first['msg']})", "mend the row", place=f"row {number}"
            ) from error
    for number, row in rows:
        if row["entity_id"] not in entities:
            raise InputError(
                path, f"{row['entity_id']!r} has no row with a `name`", "add one, or mend the id", place=f"row {number}"
            )
        if row["form"] not in ("full", "bare", "abbreviation"):
            raise InputError(
                path, f"form is {row['form']!r}", "write full, bare or abbreviation", place=f"row {number}"
            )
        if row["alias"].strip():
            aliases.append((row["alias"].strip(), row["form"], row["entity_id"]))  # type: ignore[arg-type]
    return Gazetteer(entities.values(), aliases)
