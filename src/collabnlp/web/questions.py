"""What a page can be asked: the filters of every view, as they stand in its address."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collabnlp.records import Access, Kind, Stance

RowKind = Literal["council", "county", "today", "partnership", "scheme", "document", "topic", "year"]
Level = Literal["own", "county", "today"]
Sort = Literal["passages", "name"]


class Refused(Exception):
    """An address asks for what is not there; the reader gets a plain page that says so.

    Parameters
    ----------
    problem
        What was asked and why it cannot be answered.
    remedy
        What to do instead.
    status
        400 for a value that is not allowed, 404 for a thing that is not there.
    """

    def __init__(self, problem: str, remedy: str, status: int = 400) -> None:
        self.problem, self.remedy, self.status = problem, remedy, status
        super().__init__(problem, remedy, status)


class Question(BaseModel):
    """What stands in the address of a page; an empty value is none, an unknown name is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: Any) -> Any:
        """Leave out what a form sends for fields that nobody filled in."""
        if not isinstance(data, dict):
            return data
        kept = {k: [v for v in value if v != ""] if isinstance(value, list) else value for k, value in data.items()}
        return {k: v for k, v in kept.items() if v not in ("", None, [])}

    def pairs(self) -> list[tuple[str, str]]:
        """Names and values that differ from what goes without saying, in the order of the fields."""
        told: list[tuple[str, str]] = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value != field.get_default(call_default_factory=True):
                told += [(name, _written(item)) for item in (value if isinstance(value, list) else [value])]
        return told

    def address(self, path: str, **changes: Any) -> str:
        """The path with this question, some of it changed, as a link: equal questions give equal addresses."""
        changed = type(self).model_validate({**self.model_dump(), **changes})
        query = urlencode(changed.pairs())
        return f"{path}?{query}" if query else path


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


class Filters(Question):
    """What evidence counts."""

    document: list[str] = Field([], description="ids of documents; several may be given")
    year_from: int | None = Field(None, ge=1000, le=3000, description="first year of the document")
    year_to: int | None = Field(None, ge=1000, le=3000, description="last year of the document")
    kind: Kind | None = Field(None, description="kind of document")
    access: Access | None = Field(None, description="who may see the document")
    stance: Stance | None = Field(None, description="what the passage says of the code")
    place: str = Field("", max_length=200, description="a council, partnership or scheme, by id or any of its names")
    code: list[str] = Field([], description="machine names of codes; several may be given")
    min_score: float | None = Field(
        None, ge=0, le=1, description="lowest score of the model's tags; people's tags have none and pass"
    )
    coder: Literal["human", "model"] | None = Field(None, description="tags by people, or by the model")

    @field_validator("document", "code")
    @classmethod
    def _in_order(cls, values: list[str]) -> list[str]:
        return sorted(set(values))

    @property
    def narrows(self) -> bool:
        """True where a filter is set, so that the table counts open sources alone."""
        return bool(self.filters().pairs())

    def filters(self) -> Filters:
        """The filters alone, without what else the page was asked."""
        return Filters.model_validate({name: getattr(self, name) for name in Filters.model_fields})


class MatrixQuestion(Filters):
    """The matrix: what its rows are, their order, which page of them."""

    rows: RowKind = Field("council", description="what the rows are")
    sort: str = Field("passages", description="passages, name, or a code: what the rows are ordered by")
    order: Literal["down", "up"] = Field("down", description="down: most first, or A to Z")
    empty: bool = Field(False, description="yes: rows without evidence, too")
    show: Literal["all", "passages"] = Field("all", description="what a cell says: all figures, or passages alone")
    page: int = Field(1, ge=1, le=100_000, description="page of the rows, from 1")


class CellQuestion(Filters):
    """One cell, or a whole row where no code is given."""

    rows: RowKind = Field("council", description="what the rows are")
    row: str = Field(..., description="id of the row")
    column: str = Field(..., description="machine name of the code")
    page: int = Field(1, ge=1, le=100_000, description="page of the quotes, from 1")


class SearchQuestion(Filters):
    """Words to look for, and filters."""

    q: str = Field("", max_length=500, description="words; words in double quotes stand side by side")
    page: int = Field(1, ge=1, le=100_000, description="page of the passages, from 1")


class PassageQuestion(Question):
    """One passage."""

    id: str = Field(..., max_length=300, description="id of the passage")


class EntityQuestion(Filters):
    """A council, partnership or scheme."""

    id: str = Field(..., max_length=300, description="id of the council, partnership or scheme")


class CodeQuestion(Filters):
    """A code."""

    id: str = Field(..., max_length=100, description="machine name of the code")


class TopicQuestion(Filters):
    """A topic."""

    id: int = Field(..., ge=-1, le=1_000_000, description="number of the topic; -1 holds what fits none")


class DocumentQuestion(Question):
    """A document."""

    id: str = Field(..., max_length=300, description="id of the document")
    page: int = Field(1, ge=1, le=100_000, description="page of its passages, from 1")


class CompareQuestion(Filters):
    """Two places, or two reports."""

    a: str = Field("", max_length=300, description="a place or a report, by id or name")
    b: str = Field("", max_length=300, description="the other")
    level: Level = Field(
        "own", description="own: what is tied to the council itself; county: with its districts; today: what it became"
    )


class NetworkQuestion(Question):
    """Who works with whom."""

    place: str = Field("", max_length=200, description="a council, partnership or scheme, by id or any of its names")
    relation: Literal["member_of", "between", "shares_post_with"] | None = Field(None, description="kind of tie")
    page: int = Field(1, ge=1, le=100_000, description="page of the list, from 1")


class MethodQuestion(Question):
    """Method and limits: nothing to ask."""
