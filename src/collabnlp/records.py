"""The records that stages hand to each other, their tables on disk, and the one error for bad input.

Every table between stages is Parquet with the schema of its record and sorted by its key; CSV is
for what people open. A field's description is the only place where a column is explained: the
data dictionary in docs/ is made from here.
"""

from __future__ import annotations

import bisect
import contextlib
import csv
import hashlib
import io
import itertools
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from collabnlp.files import atomic

Access = Literal["public", "attributable", "non-attributable"]
Kind = Literal["report", "transcript"]
Stance = Literal["positive", "negative", "neutral"]
Label = Literal["COUNCIL", "PARTNERSHIP", "SCHEME"]
PassageKind = Literal["paragraph", "list", "table", "box", "turn", "row"]
Tie = Literal["named", "section", "document", "none"]
RelationName = Literal["member_of", "between", "shares_post_with"]


class InputError(Exception):
    """The user's file is wrong; the command line prints this as one line and ends with 2.

    Parameters
    ----------
    path
        The file.
    problem
        What stood there and why it will not do.
    remedy
        What to do about it.
    place
        Line, row, column or page within the file; empty for the whole file.

    Examples
    --------
    >>> print(InputError("corpus/documents.csv", "access is 'secret'", "write public", place="row 3"))
    corpus/documents.csv, row 3: access is 'secret'; write public
    """

    def __init__(self, path: str | Path, problem: str, remedy: str, *, place: str = "") -> None:
        self.path, self.problem, self.remedy, self.place = str(path), problem, remedy, place
        super().__init__(str(path), problem, remedy, place)

    def __str__(self) -> str:
        where = f"{self.path}, {self.place}" if self.place else self.path
        return printable(" ".join(f"{where}: {self.problem}; {self.remedy}".split()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild_error, (self.path, self.problem, self.remedy, self.place))


def _rebuild_error(path: str, problem: str, remedy: str, place: str) -> InputError:
    return InputError(path, problem, remedy, place=place)


def printable(text: str) -> str:
    r"""The text with what no terminal should get (control characters, half letters of a file's name) written out.

    Examples
    --------
    >>> printable("a\x1b[2J\udcff.txt")
    'a\\x1b[2J\\udcff.txt'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Block(typing.NamedTuple):
    """One piece of a source as a reader found it, before it is cut into passages.

    `level` is the depth of a heading (1 outermost) or of a list item; `time` is in seconds; `access`
    is that of the source where it is None. What is `off_record` is never quoted.
    """

    text: str
    kind: Literal["heading", "paragraph", "list", "table", "box", "turn", "row"] = "paragraph"
    level: int = 0
    page: int | None = None
    speaker: str | None = None
    time: float | None = None
    access: Access | None = None
    off_record: bool = False


def strictest(*levels: Access | None) -> Access:
    """The most restrictive of levels of access; a missing one counts as not for attribution.

    Examples
    --------
    >>> strictest("public", "attributable"), strictest("public", None)
    ('attributable', 'non-attributable')
    """
    order: tuple[Access, ...] = typing.get_args(Access)
    return max((level or "non-attributable" for level in levels), key=order.index, default="non-attributable")


class Record(BaseModel):
    """A frozen row: field order is column order, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: ClassVar[tuple[str, ...]]


class Document(Record):
    """One source, whole."""

    key = ("document_id",)
    document_id: str = Field(description="name of the document, from its file's name")
    title: str = Field(description="title as registered")
    publisher: str = Field(description="who published it or held the interview")
    year: int = Field(description="calendar year it speaks from")
    kind: Kind = Field(description="report or transcript")
    access: Access = Field(description="who may see it, and whether it may be traced to a speaker")
    synthetic: bool = Field(description="true where people and events are invented")
    language: str = Field(description="ISO 639-1 code")
    source_path: str = Field(description="path of the file, relative to the corpus folder")
    source_sha256: str = Field(description="SHA-256 of the file's bytes, hexadecimal")
    text: str = Field(description="the text that all passages are slices of")


class Passage(Record):
    """The unit of coding: a slice of its document's text."""

    key = ("passage_id",)
    passage_id: str = Field(description="document_id, a colon, and the ordinal with four digits or more")
    document_id: str = Field(description="the document it is a slice of")
    ordinal: int = Field(description="place in reading order, from 1")
    start_char: int = Field(description="first code point in the document's text, from 0")
    end_char: int = Field(description="code point after the last")
    text: str = Field(description="the slice itself")
    kind: PassageKind = Field(description="what it was in the source")
    section: tuple[str, ...] = Field(description="headings above it, outermost first")
    page: int | None = Field(description="page of the PDF it begins on, from 1; null where a format has none")
    speaker: str | None = Field(
        description="who speaks, as a pseudonym where the interview is not public; null outside turns"
    )
    time: float | None = Field(description="seconds from the start of the recording; null where unknown")
    access: Access = Field(
        "non-attributable",
        description="of the document, or non-attributable where this was said off the record: the more restrictive of the two",
    )
    off_record: bool = Field(
        False, description="said off the record, or so marked: counted where the gate lets counts through, never quoted"
    )


def access_of(passage: Passage, document: Document) -> Access:
    """Who may see a passage: its own mark or its document's, whichever is more restrictive."""
    return strictest(document.access, passage.access)


class EntityMention(Record):
    """A span of a passage that names a council, partnership or scheme."""

    key = ("passage_id", "start_char", "end_char", "label")
    passage_id: str = Field(description="the passage it stands in")
    start_char: int = Field(description="first code point in the passage's text, from 0")
    end_char: int = Field(description="code point after the last")
    text: str = Field(description="the slice itself")
    label: Label = Field(description="what is named")
    entity_ids: tuple[str, ...] = Field(
        description="gazetteer ids; empty: not linked; two for a name that joins two councils"
    )
    method: Literal["gazetteer", "pattern", "model", "human"] = Field(description="how it was found")
    score: float = Field(description="how sure the method is, 0 to 1")


class FoundEntity(Record):
    """A council, partnership or scheme that the documents name, under whatever names."""

    key = ("entity_id",)
    entity_id: str = Field(description="gazetteer id, or `found:` and a slug for a name that no list holds")
    name: str = Field(description="name to show: the gazetteer's, or the full form that is used most")
    label: Label = Field(
        description="what it is; for a name that no list holds, what its mentions are mostly taken for"
    )
    listed: bool = Field(description="true where the gazetteer holds it")
    aliases: tuple[str, ...] = Field(
        description="forms of the name in the texts, most used first; those that only interviews not for attribution "
        "use are left out where other documents name it, too"
    )
    first_year: int = Field(description="year of the first document that names it")
    last_year: int = Field(description="year of the last document that names it")
    n_mentions: int = Field(description="mentions")
    n_passages: int = Field(description="passages that name it")
    documents: tuple[str, ...] = Field(description="ids of the documents that name it")
    access: Access = Field(
        description="of the most open document that names it; non-attributable where only such interviews do"
    )


class EntityLink(Record):
    """The entities that a mention names, those that no list holds included."""

    key = ("passage_id", "start_char", "end_char", "label")
    passage_id: str = Field(description="the passage that the mention stands in")
    start_char: int = Field(description="first code point of the mention in the passage's text, from 0")
    end_char: int = Field(description="code point after the last")
    label: Label = Field(description="what the mention was taken for")
    entity_ids: tuple[str, ...] = Field(description="one id; several for a name that joins councils")


class DoubtfulMerge(Record):
    """Two entities that may be one: a person decides, by a row in corpus/gazetteer.csv."""

    key = ("entity_id_a", "entity_id_b")
    entity_id_a: str = Field(description="the entity with more mentions")
    name_a: str = Field(description="its name")
    n_mentions_a: int = Field(description="its mentions; 0 for a listed name that no text holds")
    entity_id_b: str = Field(description="the other")
    name_b: str = Field(description="its name")
    n_mentions_b: int = Field(description="its mentions")
    reason: str = Field(description="why they may be one")


class Relation(Record):
    """A council and a partnership, a scheme and a council, or two councils, tied by a sentence or by the gazetteer."""

    key = ("subject_id", "relation", "object_id", "passage_id", "start_char")
    subject_id: str = Field(description="the council; for `between` the scheme or partnership")
    subject_name: str = Field(description="its name")
    relation: RelationName = Field(
        description="member_of: a council is in a partnership; between: a scheme or partnership is between councils; "
        "shares_post_with: two councils have a post or a team of officers together, the lesser id first"
    )
    object_id: str = Field(description="the partnership, or the council")
    object_name: str = Field(description="its name")
    basis: Literal["named", "collective", "gazetteer"] = Field(
        description="named: the sentence names both; collective: it says `all eight districts` or the like, and the gazetteer says "
        "which they are; gazetteer: a listed member of a partnership that the texts name"
    )
    document_id: str = Field(description="the document; empty where the gazetteer says it")
    passage_id: str = Field(description="the passage that proves it; empty where the gazetteer says it")
    start_char: int = Field(description="first code point of the sentence in the passage's text, from 0")
    end_char: int = Field(description="code point after the last")
    year: int | None = Field(description="year of the document; null where the gazetteer says it")
    access: Access = Field(description="of the document; public where the gazetteer says it")


class PassageTag(Record):
    """One code given to one passage by one coder, a person or the classifier."""

    key = ("passage_id", "code", "coder")
    passage_id: str = Field(description="the passage")
    code: str = Field(description="machine name of the code in the codebook")
    coder: str = Field(description="name of the person or of the model version")
    stance: Stance = Field(description="what the passage says of the code")
    score: float | None = Field(description="calibrated probability, 0 to 1; null for people and language models")
    review: bool = Field(False, description="true where the model is not sure enough: a person should look")


class CodedRow(Record):
    """One code that a language model gave to a passage, or that it gave none, or why the passage is not coded."""

    key = ("passage_id", "coder", "code", "outcome")
    passage_id: str = Field(description="the passage, of the project or of corpus/gold")
    coder: str = Field(description="`llm:`, the model's name, a colon, and the version of the prompt")
    code: str = Field(description="machine name of the code; empty where the row is about the whole passage")
    outcome: Literal["code", "no code", "void", "not coded", "no answer"] = Field(
        description="code: given; no code: read and left without one; void: given, but does not count; not coded: no answer that could be "
        "used; no answer: the server gave none"
    )
    stance: Stance | None = Field(description="what the passage says of the code; null where none is given")
    start_char: int | None = Field(
        description="first code point, in the passage's text, of the words that carry the code; null where none is given"
    )
    end_char: int | None = Field(description="code point after the last; null where none is given")
    reason: str = Field(description="why the code is void or the passage not coded; else empty")
    text_sha256: str = Field(description="SHA-256 of the passage's text: codes of a text that has changed do not count")
    prompt_sha256: str = Field(description="SHA-256 of what was sent: prompt, model and settings")


class TagReason(Record):
    """Why the classifier gave a code to a passage."""

    key = ("passage_id", "code", "coder")
    passage_id: str = Field(description="the passage")
    code: str = Field(description="machine name of the code")
    coder: str = Field(description="the model version")
    start_char: int = Field(
        description="first code point, in the passage's text, of the sentence that carries the code most"
    )
    end_char: int = Field(description="code point after the last")
    sentence: str = Field(description="the slice itself")
    terms: tuple[str, ...] = Field(description="what in the text spoke for the code, strongest first")
    nearest: tuple[str, ...] = Field(
        description="ids of the coded passages of this code nearest in meaning, nearest first"
    )


class Topic(Record):
    """A topic found by the model; -1 holds the passages that belong to none."""

    key = ("topic",)
    topic: int = Field(description="number of the topic, by falling size; -1 is outlier")
    label: str = Field(description="key phrases, two to five words, from passages that anybody may read")
    terms: tuple[str, ...] = Field(description="ten phrases that set it apart, strongest first")
    n_passages: int = Field(description="passages assigned")
    exemplars: tuple[str, ...] = Field(
        description="passage ids nearest to its centre, of different documents where there are some"
    )
    area: int = Field(description="the area that it is part of; -1 for outliers")
    gloss: str = Field(
        description="the sentence nearest to its centre, word for word, from a document that anybody may read"
    )
    words: tuple[str, ...] = Field(description="ten single words that set it apart, strongest first")


class TopicArea(Record):
    """The upper level: an area of policy or of working together that topics are part of."""

    key = ("area",)
    area: int = Field(description="number of the area, by falling size")
    label: str = Field(description="key phrases, two to five words, from passages that anybody may read")
    gloss: str = Field(
        description="the sentence nearest to its centre, word for word, from a document that anybody may read"
    )
    terms: tuple[str, ...] = Field(description="ten phrases that set it apart, strongest first")
    topics: tuple[int, ...] = Field(description="its topics")
    n_passages: int = Field(description="passages in it, those near none of its topics included")
    exemplars: tuple[str, ...] = Field(
        description="passage ids nearest to its centre, of different documents where there are some"
    )


class TopicAssignment(Record):
    """The topic of one passage."""

    key = ("passage_id",)
    passage_id: str = Field(description="the passage")
    topic: int = Field(description="its topic; -1 is outlier")
    score: float = Field(
        description="cosine of the topic's centre and the passage's vector without what all passages and its document's have in common, -1 to 1"
    )
    area: int = Field(description="its area, also where no topic of the area is near enough; -1 is outlier")


class TopicStability(Record):
    """How well a way to find topics does on this corpus, at one level."""

    key = ("method", "settings", "level")
    method: str = Field(description="consensus (ours), or what it is compared with")
    settings: str = Field(description="settings that differ")
    level: Literal["topic", "area"] = Field(description="lower or upper level; methods of one level have topics alone")
    n_topics: int = Field(description="topics or areas found")
    ari_seeds: float = Field(
        description="mean adjusted Rand index of all pairs of fits over seeds, outliers as one topic"
    )
    ari_orders: float = Field(description="the same over orders of rows")
    ari_draws: float = Field(
        description="the same over draws of nine tenths of the passages, over the passages that both fits saw"
    )
    words_draws: float = Field(
        description="mean Jaccard index of the ten words of a topic and of the topic most like it, over pairs of draws; NaN for areas"
    )
    npmi: float = Field(description="coherence of the ten words over passages, -1 to 1")
    c_v: float = Field(description="coherence C_v of the ten words over windows of 110 words, 0 to 1")
    diversity: float = Field(description="share of different words among the ten words of all topics, 0 to 1")
    outliers: float = Field(description="share of passages without topic, 0 to 1")
    held_out: float = Field(
        description="mean over documents of the share of its passages that a fit without it assigns to the topic of the full fit; "
        "NaN where a method assigns none"
    )
    seconds: float = Field(description="time of one fit, words included, names and glosses not")
    repeats: int = Field(description="fits over seeds, orders and draws, each")


class TopicChange(Record):
    """What became of a topic of an earlier model in a later one, over the same passages."""

    key = ("old", "new")
    old: int = Field(description="number in the earlier model; -1: other, or a topic that is new")
    old_label: str = Field(description="its label")
    new: int = Field(description="number in the later model; -1: other, or a topic that is gone")
    new_label: str = Field(description="its label")
    change: Literal["kept", "split", "merged", "moved", "new", "gone"] = Field(
        description="kept: each is mostly the other; split: the new is mostly part of the old; merged: the old is mostly part of the new; "
        "moved: a larger part than a tenth, but less than half of either; new, gone: no topic has half of it"
    )
    n_passages: int = Field(description="passages that both models give to the pair")
    share_old: float = Field(description="of the old topic's passages, 0 to 1")
    share_new: float = Field(description="of the new topic's passages, 0 to 1")


class TopicCount(Record):
    """How many passages of a topic a document, a year or a council has."""

    key = ("by", "value", "level", "topic")
    by: Literal["document", "year", "council"] = Field(description="what is counted by")
    value: str = Field(description="id of the document, the year, or id of the council")
    name: str = Field(description="title, year or name")
    level: Literal["topic", "area"] = Field(description="lower or upper level")
    topic: int = Field(description="number of the topic or area; -1 is outlier")
    label: str = Field(description="its label")
    n_passages: int = Field(
        description="passages; by council, those that name it and are not of interviews not for attribution"
    )
    share: float = Field(description="of the passages of the document, year or council, 0 to 1")


class TopicCode(Record):
    """How often a topic and a code meet, beside how often they would by chance."""

    key = ("level", "topic", "code")
    level: Literal["topic", "area"] = Field(description="lower or upper level")
    topic: int = Field(description="number of the topic or area; -1 is outlier")
    label: str = Field(description="its label")
    code: str = Field(description="machine name of the code")
    n_passages: int | None = Field(description="passages of the topic with the code; null where withheld")
    expected: float | None = Field(
        description="passages that would have both if topics and codes did not hang together; null where withheld"
    )
    lift: float | None = Field(description="n_passages / expected; null where expected is 0 or withheld")
    share: float | None = Field(description="of the topic's passages, 0 to 1; null where withheld")


class TopicGap(Record):
    """Where codebook and topics pass each other by: a topic that no code sees, or a code that is no topic's."""

    key = ("gap", "name")
    gap: Literal["topic without code", "code without topic"] = Field(description="which of the two")
    name: str = Field(description="label of the topic, or machine name of the code")
    topic: int | None = Field(description="number of the topic; null for a code")
    n_passages: int = Field(description="passages of the topic, or with the code")
    share: float = Field(
        description="topic: share of its passages with any code; code: the largest share of its passages in one topic, 0 to 1"
    )
    lift: float = Field(description="topic: the share beside that of all passages; code: its largest lift with a topic")
    why: str = Field(description="in words")


class AgreementRow(Record):
    """How far two coders agree on one code, over passages that both read."""

    key = ("code", "coder_a", "coder_b", "basis")
    code: str = Field(
        description="machine name of the code; `micro` and `macro` for all codes together; `sets` for the whole set of codes of a passage"
    )
    coder_a: str = Field(description="the coder taken as reference for precision and recall")
    coder_b: str = Field(description="the other coder")
    basis: Literal["read", "coded"] = Field(
        description="read: over all passages that both read; coded: over those to which at least one of the two gave any code"
    )
    n_passages: int = Field(description="passages of the basis")
    n_a: int = Field(description="passages that coder a gave the code; for `sets`: any code")
    n_b: int = Field(description="passages that coder b gave the code; for `sets`: any code")
    n_both: int = Field(description="passages that both gave the code; for `sets`: any code")
    percent: float = Field(
        description="share of passages on which they agree, 0 to 1; for `sets`: of passages with the same set of codes; NaN where undefined"
    )
    kappa: float = Field(description="Cohen's kappa, -1 to 1; NaN where undefined")
    alpha: float = Field(
        description="Krippendorff's alpha, nominal; for `sets`: with the MASI distance between sets; NaN where undefined"
    )
    precision: float = Field(description="n_both / n_b; NaN where undefined")
    recall: float = Field(description="n_both / n_a; NaN where undefined")
    f1: float = Field(description="harmonic mean of precision and recall; NaN where undefined")
    f1_low: float = Field(description="2.5 % point of F1 over bootstrap draws of passages; NaN where undefined")
    f1_high: float = Field(description="97.5 % point of F1 over bootstrap draws of passages; NaN where undefined")


class EvidenceRow(Record):
    """One passage as evidence on one code for one entity."""

    key = ("entity_id", "code", "passage_id", "coder")
    entity_id: str = Field(
        description="gazetteer id, or `found:` and a slug for a name that no list holds; empty where the passage is tied to none"
    )
    entity_name: str = Field(description="name to show; empty where the passage is tied to none")
    entity_label: str = Field(description="COUNCIL, PARTNERSHIP or SCHEME; empty where the passage is tied to none")
    code: str = Field(description="machine name of the code")
    passage_id: str = Field(description="the passage")
    coder: str = Field(description="name of the person, of the model version or of the language model")
    tie: Tie = Field(
        description="how the passage is tied to the entity: named in it; its section is about it; its document is; none"
    )
    stance: Stance = Field(description="what the passage says of the code")
    score: float | None = Field(description="calibrated probability, 0 to 1; null for people and language models")
    document_id: str = Field(description="the document")
    document: str = Field(description="its title")
    kind: Kind = Field(description="report or transcript")
    year: int | None = Field(description="its year; null in a quote not for attribution")
    access: Access = Field(description="of the document or of the passage, whichever is more restrictive")
    synthetic: bool = Field(description="true where the document's people and events are invented")
    section: str = Field(description="headings above the passage, joined by ' > '")
    page: int | None = Field(description="page of the PDF, from 1; null where a format has none")
    speaker: str | None = Field(description="speaker or pseudonym; null outside turns")
    topic: int | None = Field(description="topic of the passage; -1 is outlier; null in a quote not for attribution")
    review: bool = Field(description="true where the model is not sure enough: a person should look")
    sentence: str = Field(
        description="the sentence of the quote that carries the code most, or the words that a language model named; empty for people's tags"
    )
    terms: str = Field(description="what in the quote spoke for the code, joined by '; '; empty for people's tags")
    quote: str = Field(
        description="the passage, word for word; names in square brackets where it is not for attribution"
    )


class MatrixCell(Record):
    """One place of a matrix: a row (an entity or a document) by a code."""

    key = ("rows", "row_id", "code")
    rows: str = Field(
        description="what the rows are: council, county, today (what councils have become), partnership, scheme, document, topic or year"
    )
    row_id: str = Field(description="id of the row")
    row: str = Field(description="name of the row")
    code: str = Field(description="machine name of the code")
    n_passages: int = Field(
        description="distinct passages, those of interviews not for attribution that may be counted among them"
    )
    n_closed: int = Field(description="of these, passages of interviews not for attribution")
    n_documents: int = Field(description="distinct documents")
    n_sources: int = Field(
        description="independent sources: distinct speakers of transcripts, distinct interviewees not for attribution, and documents otherwise"
    )
    n_named: int = Field(
        description="passages that name the row's entity themselves; this and what follows without those not for attribution"
    )
    positive: int = Field(description="passages with stance positive")
    negative: int = Field(description="passages with stance negative")
    neutral: int = Field(description="passages with stance neutral")
    mean_score: float | None = Field(
        description="mean calibrated score of the model's tags; null where only people coded"
    )
    suppressed: bool = Field(description="true where the cell is withheld to protect interviewees")


class Withheld(Record):
    """What the release gate kept back or showed in a coarser form, and why: for the owner of the project alone."""

    key = ("what", "row_id", "code")
    what: Literal["cell", "quotes", "row", "document", "relation", "topic", "alarm"] = Field(
        description="cell: an entity by a code; quotes: of a code; row: an entity; document; relation: its passage; topic: its words; "
        "alarm: a finding of the audit that a person allows"
    )
    row_id: str = Field(
        description="id of the entity, document, passage or topic; path of a file; empty for the quotes of a code"
    )
    row: str = Field(description="its name")
    code: str = Field(description="machine name of the code; empty where all codes are meant")
    done: Literal["withheld", "generalised", "allowed"] = Field(
        description="withheld: nothing of it is shown; generalised: shown without what could be traced; "
        "allowed: left as it is, by private/allowed.csv"
    )
    reason: str = Field(description="why")


class EffortRow(Record):
    """What reading in some order saves, simulated on coded passages with scores of a model that had not seen them."""

    key = ("kind", "aim", "order", "code")
    kind: str = Field(description="kind of the passages read; `all` for all that were scored")
    aim: Literal["all", "one"] = Field(
        description="all: the reader wants all codes, in one queue; one: the reader wants this code, in a queue of its own"
    )
    order: Literal["queue", "random", "uncertainty"] = Field(
        description="queue: by worth, with a share by chance; random; uncertainty: scores next to 0.5 first"
    )
    code: str = Field(description="machine name of the code; `mean` for the mean of the codes")
    n_passages: int = Field(description="passages to read")
    n: int = Field(description="passages with the code; for `mean`: codes given")
    read: float = Field(
        description="share of the passages read when 95 % of those with the code are found, 0 to 1; NaN where there are none"
    )
    wss: float = Field(description="work saved over sampling at 95 %: 0.95 less `read`")
    atd: float = Field(
        description="average share of the passages read when one with the code turns up, 0 to 1; NaN where there are none"
    )


class QueueRow(Record):
    """One passage in the reading queue of a review; both orders are fixed before the reading begins."""

    key = ("place",)
    place: int = Field(description="place in the queue, from 1")
    passage_id: str = Field(description="the passage")
    by_worth: int = Field(description="its place by what the model expects of it, from 1")
    by_chance: int = Field(description="its place in the random order, from 1")
    drawn: bool = Field(description="true where it has its place in the queue by chance")


class IngestRow(Record):
    """What became of one file or one line of the register."""

    key = ("document_id", "source_path", "problem")
    document_id: str = Field(description="id in the register, or from the file's name")
    source_path: str = Field(description="path of the file, relative to the corpus folder")
    status: Literal["read", "warning", "refused"] = Field(description="read; read with a warning; refused")
    problem: str = Field(description="what was wrong; empty where nothing was")
    remedy: str = Field(description="what to do about it; empty where nothing was wrong")
    n_words: int = Field(description="words kept in passages")
    n_passages: int = Field(description="passages made")
    n_pages: int = Field(description="pages of a PDF; 0 for other formats")


class Finding(Record):
    """Something in a source that names or finds a person, or looks like it: replaced, or left with a reason. It stays in private/."""

    key = ("block", "start_char", "end_char", "kind")
    block: int = Field(
        description="number of the piece of the source that it stands in, from 0; -1 for the whole source"
    )
    start_char: int = Field(description="first code point in that piece as it was read, from 0")
    end_char: int = Field(description="code point after the last")
    text: str = Field(description="the words themselves")
    kind: str = Field(description="name, email, phone, address, role, own_organisation, and so on")
    action: Literal["replaced", "left", "guessed"] = Field(
        description="replaced; left as it stands; guessed: taken for the interviewee's own organisation, for lack of private/interviewees.csv"
    )
    replaced_by: str = Field(description="what stands in its place; empty where it was left")
    reason: str = Field(description="why it was found, or why it was left")


class GoldPassage(Record):
    """A passage that people or language models coded; it stands on its own text."""

    key = ("passage_id",)
    passage_id: str = Field(description="id of the coded passage")
    source: str = Field(
        description="the group that is held out as a whole: the document, or the report that it restates"
    )
    kind: str = Field(
        description="kind of text: restated (a passage of a real report in other words), free, interview, report, guide and others"
    )
    restates: str = Field(description="the passage of a public report that it restates; empty for any other")
    provenance: str = Field(
        description="who wrote the text: model (a language model), person (a document that people coded in the project), or the name of the document"
    )
    text: str = Field(description="the text that was coded")


class GoldRead(Record):
    """Who read what: a passage read and left without a code is told from one that nobody read."""

    key = ("passage_id", "coder", "task")
    passage_id: str = Field(description="id of the coded passage")
    coder: str = Field(description="who read it")
    task: Literal["codes", "mentions"] = Field(description="what it was read for")


class GoldSource(Record):
    """A document whose passages people coded in the project."""

    key = ("source",)
    source: str = Field(description="id of the document; `source` of its coded passages")
    access: Access = Field(
        description="of the document; its words are shown to others only where it is not non-attributable"
    )


class GoldNote(Record):
    """What a coder wrote beside a coded passage."""

    key = ("passage_id", "coder", "note")
    passage_id: str = Field(description="id of the coded passage")
    coder: str = Field(description="who wrote it")
    note: str = Field(description="the note; of an interview not for attribution only where it names nobody")


class GoldSeen(Record):
    """What a coder saw when reading a passage in the project, and how the passage came up."""

    key = ("passage_id", "coder")
    passage_id: str = Field(description="id of the coded passage")
    coder: str = Field(description="who read it")
    suggested_by: str = Field(
        description="the model version whose suggestions the coder saw; empty where there were none"
    )
    drawn: bool = Field(
        description="true where the passage came by chance out of a reading queue: such passages stand for all"
    )


class RecodedRow(Record):
    """What became of a code, or of one coding, when the codebook changed."""

    key = ("passage_id", "coder", "code", "heirs")
    passage_id: str = Field(description="the passage; empty where the row is about all codings of a code")
    coder: str = Field(description="who had coded; empty where the row is about all codings of a code")
    code: str = Field(description="the code that was given; a new code where it has no codings yet")
    heirs: tuple[str, ...] = Field(
        description="the codes that its codings count under now; empty where they count no more"
    )
    n: int = Field(description="codings")
    detail: str = Field(description="kept, carried over, gone or new; or what is doubtful about this coding")


class ReviewRow(Record):
    """What became of one place of a file that came back from a reviewer."""

    key = ("file", "place", "passage_id", "coder", "outcome")
    file: str = Field(description="name of the file")
    place: str = Field(description="row, comment, coding or line in it")
    passage_id: str = Field(description="the passage; empty where none was found")
    coder: str = Field(description="who coded")
    outcome: Literal[
        "as suggested", "changed", "coded", "noted", "doubtful", "not placed", "not taken", "there already"
    ] = Field(
        description="as suggested, changed or coded: stored so; noted: a note alone; doubtful: taken, but look at it; not placed and not "
        "taken: left out; there already: the coder had coded the passage before"
    )
    detail: str = Field(description="what was kept, dropped and added, or why it is doubtful or left out")
    text: str = Field(description="what stood there; empty where the passage tells it")


R = TypeVar("R", bound=Record)


def columns(record: type[Record]) -> list[str]:
    """Field names of a record, in column order."""
    return list(record.model_fields)


def _arrow_type(annotation: Any) -> Any:
    import pyarrow as pa

    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _arrow_type(next(arg for arg in args if arg is not type(None)))
    if origin is Literal:
        return pa.string()
    if origin is tuple:
        return pa.list_(_arrow_type(args[0]))
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[annotation]


def schema(record: type[Record]) -> Any:
    """Arrow schema of a record, with each field's description in its metadata."""
    import pyarrow as pa

    hints = typing.get_type_hints(record)
    return pa.schema(
        [
            pa.field(name, _arrow_type(hints[name]), metadata={"description": field.description or ""})
            for name, field in record.model_fields.items()
        ]
    )


def key_of(row: Record) -> tuple[Any, ...]:
    """What tells a row from all others of its record; rows about one thing in two tables have equal keys."""
    return tuple(getattr(row, name) for name in row.key)


def sort_records(rows: Iterable[R], record: type[R]) -> list[R]:
    """The rows in the order of the record's key."""
    return sorted(rows, key=key_of)


def text_sha256(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically, with line ends as given."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically, indented, keys in the order given, NaN as null."""

    def clean(item: Any) -> Any:
        if isinstance(item, dict):
            return {str(k): clean(v) for k, v in item.items()}
        if isinstance(item, (list, tuple)):
            return [clean(v) for v in item]
        return None if isinstance(item, float) and item != item else item

    write_text(path, json.dumps(clean(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


ROW_GROUP = 8192  # rows that a reader of a table holds at once, and that a writer waits for


@contextlib.contextmanager
def table_writer(path: str | Path, record: type[R]) -> Iterator[Callable[[Iterable[R]], None]]:
    """Give a function that adds records to a Parquet table; the table is there when the block ends well.

    The bytes depend on the rows alone, not on how many came at a time.

    Raises
    ------
    ValueError
        Where a row does not come after the one before, by its key: a bug of the stage that made them.
    """
    names, shape = columns(record), schema(record)
    last: tuple[Any, ...] | None = None

    def columns_of(rows: Iterable[R]) -> dict[str, list[Any]]:
        nonlocal last
        ordered = list(rows)
        for row in ordered:
            before, last = last, key_of(row)
            if before is not None and last <= before:
                problem = "two rows have the key" if last == before else f"out of order, after {before} comes"
                raise ValueError(f"{path}: {problem} {last}")
        return {name: [getattr(row, name) for row in ordered] for name in names}

    with row_group_writer(path, shape) as write:
        yield lambda rows: write(columns_of(rows))


@contextlib.contextmanager
def row_group_writer(path: str | Path, shape: Any) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that adds columns of rows to a Parquet file of an Arrow schema, atomically, `ROW_GROUP` rows to a group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, shape, compression="zstd", write_page_checksum=True) as writer,
    ):
        waiting, n_groups = shape.empty_table(), 0

        def write(data: dict[str, Any]) -> None:
            nonlocal waiting, n_groups
            waiting = pa.concat_tables([waiting, pa.table(data, schema=shape)])
            while len(waiting) >= ROW_GROUP:
                writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks())
                waiting, n_groups = waiting.slice(ROW_GROUP), n_groups + 1

        yield write
        if len(waiting) or not n_groups:
            writer.write_table(waiting.combine_chunks())


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """The data and, as `sha256`, the SHA-256 of it as JSON.

    Examples
    --------
    >>> is_whole(sealed({"a": 1})), is_whole({**sealed({"a": 1}), "a": 2}), is_whole({"a": 1})
    (True, False, True)
    """
    return {**data, "sha256": text_sha256(json.dumps(data, ensure_ascii=False, sort_keys=True))}


def is_whole(data: dict[str, Any]) -> bool:
    """Whether data that were `sealed` are still what they were; true of what carries no seal."""
    rest = {key: value for key, value in data.items() if key != "sha256"}
    return data.get("sha256") in (None, sealed(rest)["sha256"])


def write_table(path: str | Path, rows: Iterable[R], record: type[R]) -> None:
    """Write records as Parquet, sorted by key, atomically.

    Raises
    ------
    ValueError
        Where two rows have one key: a bug of the stage that made them.
    """
    with table_writer(path, record) as write:
        write(sort_records(rows, record))


class RowGroups:
    """A Parquet file of which one group of rows is in memory at a time.

    Raises
    ------
    InputError
        Where the file is missing, not Parquet, damaged, or has other columns than those expected.
    """

    def __init__(self, path: str | Path, expected: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = Path(path)
        self._failures = (pa.ArrowException, OSError, ValueError)
        if not self._path.exists():
            raise InputError(self._path, "there is no such table", "run `dvc repro` first")
        try:
            self._file = pq.ParquetFile(self._path, page_checksum_verification=True)
            found = self._file.schema_arrow.names
        except self._failures as error:
            raise self._damaged(error) from error
        if found != list(expected):
            raise InputError(self._path, f"has the columns {', '.join(found)}", "delete it and run `dvc repro`")
        about = self._file.metadata
        sizes = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
        self._ends = list(itertools.accumulate(sizes))
        self._held: tuple[int, Any] = (-1, None)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _damaged(self, error: BaseException) -> InputError:
        return InputError(self._path, f"not a Parquet table ({error})", "delete it and run `dvc repro`")

    def group(self, number: int) -> Any:
        """The Arrow table of a group."""
        if self._held[0] != number:
            try:
                self._held = (number, self._file.read_row_group(number))
            except self._failures as error:
                raise self._damaged(error) from error
        return self._held[1]

    def groups(self) -> Iterator[Any]:
        """The Arrow tables of all groups, in order."""
        return (self.group(number) for number in range(len(self._ends)))

    def rows(self, start: int, stop: int) -> Any:
        """The Arrow table of the rows from `start` to before `stop`."""
        import pyarrow as pa

        pieces = []
        for number in range(bisect.bisect_right(self._ends, start), len(self._ends)):
            first = self._ends[number - 1] if number else 0
            if first >= stop:
                break
            piece = self.group(number)
            pieces.append(piece.slice(max(start - first, 0), stop - max(start, first)))
        return pa.concat_tables(pieces) if pieces else self._file.schema_arrow.empty_table()


class Table(Generic[R]):
    """Records of a Parquet table, some at a time.

    Raises
    ------
    InputError
        As `RowGroups` does.
    """

    def __init__(self, path: str | Path, record: type[R]) -> None:
        self._groups = RowGroups(path, columns(record))
        self._validate = TypeAdapter(list[record]).validate_python  # type: ignore[valid-type]

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[R]:
        return itertools.chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[R]]:
        """All records, a group of rows at a time, in order."""
        return (self._validate(group.to_pylist()) for group in self._groups.groups())

    def column(self, name: str) -> Iterator[Any]:
        """The values of one field, of all rows, in order."""
        for group in self._groups.groups():
            yield from group[name].to_pylist()

    def rows(self, start: int, stop: int) -> list[R]:
        """The records from `start` to before `stop`."""
        return self._validate(self._groups.rows(start, stop).to_pylist())


def read_table(path: str | Path, record: type[R]) -> list[R]:
    """Read records from a Parquet table of that record's schema.

    Raises
    ------
    InputError
        Where the file is missing, not Parquet or of another schema.
    """
    return list(Table(path, record))


def write_jsonl(path: str | Path, rows: Iterable[R], record: type[R]) -> None:
    """Write records as JSON Lines, sorted by key, atomically: for records that people review in git."""
    lines = [json.dumps(row.model_dump(mode="json"), ensure_ascii=False) for row in sort_records(rows, record)]
    write_text(path, "".join(line + "\n" for line in lines))


def read_jsonl(path: str | Path, record: type[R]) -> list[R]:
    """Read records from JSON Lines.

    Raises
    ------
    InputError
        Where the file is missing or a line does not hold such a record.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, "there is no such file", "restore it from git")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(record.model_validate_json(line))
        except ValueError as error:
            first = str(error).splitlines()[:3]
            raise InputError(
                path, f"not a {record.__name__} ({' '.join(first)})", "mend the line", place=f"line {number}"
            ) from error
    return rows


def csv_text(rows: Iterable[Sequence[Any]], header: Sequence[str]) -> str:
    r"""Rows as CSV text; a cell that a spreadsheet would run as a formula is quoted with an apostrophe.

    Examples
    --------
    >>> csv_text([["=1+1", 2]], ["a", "b"])
    "a,b\n'=1+1,2\n"
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return out.getvalue()


def safe_cell(cell: Any) -> Any:
    """The cell as it may stand in a spreadsheet: no formula, null as empty, lists joined by ' > '."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return ""
    if isinstance(cell, (tuple, list)):
        cell = " > ".join(map(str, cell))
    if isinstance(cell, str) and cell.lstrip()[:1] in ("=", "+", "-", "@") and not _is_number(cell):
        return "'" + cell
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_csv(path: str | Path, rows: Iterable[R], record: type[R], *, encoding: str = "utf-8-sig") -> None:
    """Write records as CSV for people, sorted by key, atomically, with the mark that Excel needs for UTF-8."""
    ordered = sort_records(rows, record)
    names = columns(record)
    text = csv_text([[getattr(row, name) for name in names] for row in ordered], names)
    with atomic(path) as temporary:
        temporary.write_text(text, encoding=encoding, newline="")
