"""What each page answers, as data: the page shows it, the JSON is it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from collabnlp.records import Document, EntityMention, EvidenceRow, MatrixCell, Passage, Topic

State = Literal["found", "nothing", "withheld", "not searched"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(_Answer):
    """A code as the head of a column, with how well the model finds it."""

    code: str = Field(description="machine name")
    title: str
    group: str = Field(description="title of its group")
    f1: float | None = Field(description="F1 of the model on coded passages that it had not seen; null where unknown")
    f1_low: float | None = Field(description="2.5 % point of F1")
    f1_high: float | None = Field(description="97.5 % point of F1")
    examples: int | None = Field(
        None, description="coded passages with the code, of a new code that has too few; null of any other"
    )


class Place(_Answer):
    """One place of a table."""

    state: State = Field(
        description="found; nothing: looked for and not found in what the table counts; withheld: to protect interviewees; "
        "not searched: no document that counts speaks of the row"
    )
    cell: MatrixCell | None = Field(description="the figures; null where there are none")


class Line(_Answer):
    """One row of a matrix."""

    row_id: str
    row: str = Field(description="its name")
    places: list[Place] = Field(description="one for each head")
    total: int = Field(description="sum of the passages of the cells; one that has two codes counts twice")


class Behind(_Answer):
    """What stands behind a table: open sources alone, each thing counted once."""

    passages: int
    documents: int
    sources: int = Field(description="independent sources: speakers of transcripts, and documents otherwise")


class MatrixAnswer(_Answer):
    """A matrix."""

    rows: str = Field(description="what the rows are")
    heads: list[Head]
    lines: list[Line]
    totals: list[int] = Field(description="sums of the columns, over all pages")
    total: int
    behind: Behind
    narrowed: bool = Field(description="true where a filter is set: then nothing not for attribution is counted")
    note: str = Field(description="what is withheld")
    n_lines: int = Field(description="rows on all pages")
    page: int
    n_pages: int


class CellAnswer(_Answer):
    """One cell and its quotes."""

    row_id: str
    row: str
    head: Head
    place: Place
    note: str
    quotes: list[EvidenceRow] = Field(description="strongest first")
    n_quotes: int = Field(description="quotes on all pages")
    page: int
    n_pages: int


class Segment(_Answer):
    """A piece of a text, marked or not."""

    text: str
    mark: str = Field("", description="empty; match: of the words looked for; or COUNCIL, PARTNERSHIP, SCHEME")
    entity_ids: list[str] = []


class Found(_Answer):
    """A passage that was found."""

    passage_id: str
    citation: str = Field(description="where it stands")
    text: str
    synthetic: bool = Field(description="true where people and events are invented")
    closed: bool = Field(description="true for a quote not for attribution, which has no page")
    segments: list[Segment] = Field(description="its text, matches marked")
    codes: list[EvidenceRow] = Field(description="one row for each code and coder")
    places: list[tuple[str, str]] = Field(description="id and name of the bodies that it is tied to")


class SearchAnswer(_Answer):
    """Passages that match."""

    q: str
    read_as: list[tuple[str, str]] = Field(description="what was typed, and what it was read as")
    found: list[Found] = Field(description="best first")
    n_found: int = Field(description="passages on all pages")
    page: int
    n_pages: int


class PassageAnswer(_Answer):
    """A passage in its document."""

    passage: Passage
    document: Document = Field(description="without its text")
    segments: list[Segment] = Field(description="the passage's text, mentions marked")
    before: list[Passage]
    after: list[Passage]
    previous: str = Field(description="id of the passage before; empty for the first")
    next: str = Field(description="id of the passage after; empty for the last")
    tags: list[EvidenceRow] = Field(description="one row for each code and coder")
    ties: list[EvidenceRow] = Field(description="one row for each body that it is tied to")
    mentions: list[EntityMention]


class EntityAnswer(_Answer):
    """A council, partnership or scheme."""

    entity_id: str
    name: str
    label: str
    facts: dict[str, str]
    heads: list[Head]
    places: list[Place]
    partners: list[dict[str, str | int]]
    quotes: list[EvidenceRow] = Field(description="the strongest of each code")
    documents: list[tuple[str, str]] = Field(description="id and title")


class Ranked(_Answer):
    """One of those that have most passages."""

    rows: str
    row_id: str
    row: str
    cell: MatrixCell


class CodeAnswer(_Answer):
    """A code."""

    head: Head
    definition: str
    include: list[str]
    exclude: list[str]
    baselines: dict[str, float]
    most: dict[str, list[Ranked]] = Field(description="rows with most passages, by kind of row")
    quotes: list[EvidenceRow]
    closed: list[EvidenceRow] = Field(description="quotes not for attribution")
    note: str


class TopicAnswer(_Answer):
    """A topic."""

    topic: Topic
    heads: list[Head]
    places: list[Place]
    exemplars: list[Passage]


class Part(_Answer):
    """A passage in a list of a document's passages."""

    passage_id: str
    section: str
    page: int | None
    beginning: str
    codes: list[str]


class DocumentAnswer(_Answer):
    """A document."""

    document: Document = Field(description="without its text")
    heads: list[Head]
    places: list[Place]
    parts: list[Part]
    n_parts: int
    page: int
    n_pages: int


class Side(_Answer):
    """One of two that are compared."""

    rows: str
    row_id: str
    row: str
    places: list[Place]
    total: int
    quotes: list[EvidenceRow | None] = Field(description="the strongest quote of each code")


class CompareAnswer(_Answer):
    """Two places or two reports side by side."""

    heads: list[Head]
    sides: list[Side] = Field(description="two; none where nothing was asked")
    note: str


class NetworkAnswer(_Answer):
    """Who works with whom."""

    edges: list[dict[str, str | int | bool | list[str]]]
    n_edges: int
    page: int
    n_pages: int


class MethodAnswer(_Answer):
    """What was read, and how well codes are found."""

    documents: list[Document] = Field(description="without their text")
    n_passages: dict[str, int] = Field(description="passages read, by document")
    n_coded: dict[str, int] = Field(description="passages with a code, by document")
    heads: list[Head]
    baselines: dict[str, dict[str, float]] = Field(description="F1 of plainer methods, by code")
    n_scored: int | None = Field(description="coded passages behind the figures")
    coders: list[str]
    rule: str
    narrowed: str
