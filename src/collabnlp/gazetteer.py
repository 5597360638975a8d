"""Names of councils, partnerships and schemes: aliases, dates, successors, and who bore a name in a given year."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collabnlp.records import InputError, Label

Form = Literal["full", "bare", "abbreviation"]
Level = Literal["time", "today", "county"]
TODAY = "2026-11-21"  # the day that the list speaks from; not the clock's, so that outputs stay the same


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


def slug(name: str) -> str:
    """A name as an id: lower case, hyphens, no article.

    Examples
    --------
    >>> slug("The Kent Leaders’ Group")
    'kent-leaders-group'
    """
    plain = (
        unicodedata.normalize("NFKD", name.replace("’", "'").replace("&", " and "))
        .encode("ascii", "ignore")
        .decode()
        .lower()
    )
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"^(the|a|an)\s+", "", plain.replace("'", ""))).strip("-")


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

    def today(self, entity_id: str) -> tuple[str, ...]:
        """Ids of what an entity has become: itself where it is still there, several where it was split.

        What ended and has no successor stands for itself, so that nothing is lost in a table
        that is rolled up; an end after `TODAY` is only planned. An id of no list gives itself.

        Examples
        --------
        >>> facts = {"label": "COUNCIL", "type": "county", "nation": "England", "gss_code": "", "start_date": ""}
        >>> facts |= {"parent": "", "members": (), "invented": True, "source": ""}
        >>> old = Entity(entity_id="old", name="Old", end_date="2019-03-31", successors=("new",), **facts)
        >>> new = Entity(entity_id="new", name="New", end_date="", successors=(), **facts)
        >>> Gazetteer([old, new], []).today("old")
        ('new',)
        """
        entity = self.entities.get(entity_id)
        if entity is None or not entity.successors or not entity.end_date or entity.end_date >= TODAY:
            return (entity_id,)
        return tuple(dict.fromkeys(last for successor in entity.successors for last in self.today(successor)))

    def rolled_up(self, entity_id: str, to: Level = "time") -> tuple[str, ...]:
        """Ids that stand for an entity in a table: of its own time, of today, or its county.

        Parameters
        ----------
        to
            `time`: itself. `today`: what it has become. `county`: the county council above a
            district, in its own time; for any other council itself; what is no council has none.
        """
        if to == "today":
            return self.today(entity_id)
        if to == "county":
            county = self.county_of(entity_id)
            return (county,) if county else ()
        return (entity_id,)


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
        Where a column is missing, a row names no known entity, a value is not allowed, or
        successors are unknown or come back to where they began.
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
    row_of: dict[str, int] = {}
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
        row_of[row["entity_id"]] = number
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
    _check_successors(path, entities, row_of)
    return Gazetteer(entities.values(), aliases)


def _check_successors(path: Path, entities: dict[str, Entity], row_of: dict[str, int]) -> None:
    """Refuse a successor that no row names, and a chain of successors that comes back to its beginning."""
    done: set[str] = set()

    def follow(entity_id: str, chain: tuple[str, ...]) -> None:
        for successor in entities[entity_id].successors:
            if successor not in entities:
                problem, remedy = f"the successor {successor!r} has no row with a `name`", "add one, or mend the id"
            elif successor in (*chain, entity_id):
                problem = f"successors go round: {' to '.join((*chain, entity_id, successor))}"
                remedy = "take one of them out of `successors`"
            else:
                if successor not in done:
                    follow(successor, (*chain, entity_id))
                continue
            raise InputError(path, problem, remedy, place=f"row {row_of[entity_id]}")
        done.add(entity_id)

    for entity_id in entities:
        follow(entity_id, ())
