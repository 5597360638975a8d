"""Search, a passage in its document, a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from collabnlp.query import fts_query, open_index, search
from collabnlp.records import Document, EntityMention, EvidenceRow, Passage, columns
from collabnlp.release import CLOSED, Released, reread
from collabnlp.web.answers import DocumentAnswer, Found, Part, PassageAnswer, SearchAnswer, Segment
from collabnlp.web.index import Index
from collabnlp.web.project import Project
from collabnlp.web.questions import (
    DocumentQuestion,
    Filters,
    PassageQuestion,
    Refused,
    SearchQuestion,
)
from collabnlp.web.views.view import (
    Sheet,
    View,
    figures,
    figures_header,
    heads,
    one_a_code,
    one_place,
    pages,
    resolve,
)

FOUND_PER_PAGE = 20
PARTS_PER_PAGE = 100
AROUND = 2  # passages shown before and after one
_OPEN, _CLOSE = "\ue000", "\ue001"  # marks of a match, taken out of texts that hold them


def find(index: Index, words: str) -> list[str]:
    """Ids of the passages that words find, best first: the one place where the pages search."""
    rows = search(index.path, words, limit=0).rows
    return list(dict.fromkeys(row.passage_id for row in rows))


def search_view(project: Project, question: SearchQuestion, *, whole: bool = False) -> View:
    """Passages that hold the words and pass the filters, best first."""
    question = resolve(project, question)
    index = project.index
    keep = index.mask(question)
    asked = bool(question.q.strip() or question.narrows)
    inside = {index.passages.values[i] for i in np.unique(index.passage[keep])} if asked else set()
    ranked = [i for i in find(index, question.q) if i in inside] if asked else []
    shown, n_pages = pages(len(ranked), question.page, FOUND_PER_PAGE, whole)
    ids = ranked[shown]
    rows = _rows_of(index, ids, keep)
    marked = _matches(index, question.q, ids)
    found = [
        Found(
            passage_id=i,
            quote=rows[i][0],
            segments=marked.get(i) or [Segment(text=rows[i][0].quote)],
            codes=one_a_code(reread(rows[i])),
            places=_named(rows[i]),
        )
        for i in ids
    ]
    answer = SearchAnswer(
        q=question.q, found=found, n_found=len(ranked), page=question.page, n_pages=n_pages
    )  # fmt: skip

    def quotes() -> Released:
        of = _rows_of(index, ranked, keep)
        return reread(row for i in ranked for row in one_a_code(reread(of[i])))

    title = f"Search: {question.q}" if question.q else "Search"
    return View("search", title, question, answer, list, quotes, "quotes")


def _rows_of(index: Index, passage_ids: Sequence[str], keep: Any) -> dict[str, list[EvidenceRow]]:
    """The evidence rows of some passages that a filter keeps, by passage; each has one or more."""
    wanted = [index.passages.of(i) for i in passage_ids]
    found: dict[str, list[EvidenceRow]] = {i: [] for i in passage_ids}
    for row in index.read(np.flatnonzero(keep & np.isin(index.passage, wanted))).rows:
        found[row.passage_id].append(row)
    return found


def _named(rows: Iterable[EvidenceRow]) -> list[tuple[str, str]]:
    return sorted({(row.entity_id, row.entity_name) for row in rows if row.entity_id}, key=lambda pair: pair[1])


def _matches(index: Index, words: str, passage_ids: Sequence[str]) -> dict[str, list[Segment]]:
    """The texts of passages with what the words match marked, by passage; those without a match are left out."""
    query = fts_query(words)
    if not query or not passage_ids:
        return {}
    marks = ",".join("?" * len(passage_ids))
    with open_index(index.path) as db:
        lines = db.execute(
            f"SELECT passage_id, highlight(passage_text, 1, ?, ?) FROM passage_text WHERE passage_text MATCH ? AND passage_id IN ({marks})",
            [_OPEN, _CLOSE, query, *passage_ids],
        ).fetchall()
    return {passage_id: _segments(text) for passage_id, text in lines}


def _segments(text: str) -> list[Segment]:
    found: list[Segment] = []
    for i, part in enumerate(text.split(_OPEN)):
        inside, closes, after = part.partition(_CLOSE)
        if i and closes:
            found += [Segment(text=inside, mark="match"), Segment(text=after.replace(_CLOSE, ""))]
        else:
            found.append(Segment(text=part.replace(_CLOSE, "")))
    return [segment for segment in found if segment.text]


def passage(project: Project, question: PassageQuestion, *, whole: bool = False) -> View:
    """A passage in its document: the text around it, its tags and mentions."""
    index = project.index
    with open_index(index.path) as db:
        line = db.execute(
            f"SELECT {', '.join(columns(Passage))} FROM passage WHERE passage_id = ?", [question.id]
        ).fetchone()
        if line is None:
            raise Refused(f"There is no passage “{question.id}” that may be shown.", "Interviews not for attribution are shown as single quotes, without what stands around them.", 404)  # fmt: skip
        own = _passage(line)
        document = _document(db, own.document_id)
        near = _near(db, own)
        mentions = [
            EntityMention(**{**dict(row), "entity_ids": _split(row["entity_ids"])})
            for row in db.execute(
                f"SELECT {', '.join(columns(EntityMention))} FROM mention WHERE passage_id = ? ORDER BY start_char, end_char DESC",
                [question.id],
            )
        ]
    rows = [row for row in index.read_passages([question.id]) if row.access != CLOSED]
    released = reread(sorted(rows, key=lambda r: (r.code, r.coder, r.entity_name)))
    ties = {row.entity_id: row for row in released.rows if row.entity_id}
    before = [p for p in near if p.ordinal < own.ordinal]
    after = [p for p in near if p.ordinal > own.ordinal]
    answer = PassageAnswer(
        passage=own,
        document=document,
        segments=_marked(own.text, mentions),
        before=before,
        after=after,
        previous=before[-1].passage_id if before else "",
        next=after[0].passage_id if after else "",
        tags=one_a_code(released),
        ties=sorted(ties.values(), key=lambda r: r.entity_name),
        mentions=mentions,
    )

    def sheets() -> list[Sheet]:
        return [
            Sheet(
                "Passage",
                f"{document.title}: the passage and what stands around it",
                ["Passage", "Section", "Page", "Speaker", "Text"],
                [[p.passage_id, " > ".join(p.section), p.page, p.speaker, p.text] for p in (*before, own, *after)],
            ),
            Sheet(
                "Mentions",
                "Councils, partnerships and schemes that the passage names",
                ["Name", "What it is", "Ids", "Found by"],
                [[m.text, m.label.lower(), " ".join(m.entity_ids), m.method] for m in mentions],
            ),
        ]

    return View("passage", f"Passage {own.ordinal} of {document.title}", question, answer, sheets, lambda: reread(answer.tags))  # fmt: skip


def _passage(line: Any) -> Passage:
    return Passage(**{**dict(line), "section": _split(line["section"])})


def _split(joined: str) -> tuple[str, ...]:
    return tuple(part for part in joined.split(" > ") if part)


def _document(db: Any, document_id: str) -> Document:
    """A document without its text."""
    names = [name for name in columns(Document) if name != "text"]
    line = db.execute(f"SELECT {', '.join(names)} FROM document WHERE document_id = ?", [document_id]).fetchone()
    if line is None:
        raise Refused(f"There is no document “{document_id}”.", "The page Method and limits lists what was read.", 404)
    return Document(**{**dict(line), "synthetic": bool(line["synthetic"]), "text": ""})


def _near(db: Any, own: Passage) -> list[Passage]:
    """The passages around one, those that may be shown."""
    names = ", ".join(columns(Passage))
    found: list[Passage] = []
    for test, order in (("<", "DESC"), (">", "ASC")):
        lines = db.execute(
            f"SELECT {names} FROM passage WHERE passage_id > ? AND passage_id < ? AND document_id = ? AND ordinal {test} ? "
            f"ORDER BY ordinal {order} LIMIT ?",
            [f"{own.document_id}:", f"{own.document_id};", own.document_id, own.ordinal, AROUND],
        )
        found += map(_passage, lines)
    return sorted(found, key=lambda p: p.ordinal)


def _marked(text: str, mentions: Iterable[EntityMention]) -> list[Segment]:
    """A text with its mentions marked; of two that overlap, the first and longest."""
    found, at = [], 0
    for mention in mentions:
        if mention.start_char < at or text[mention.start_char : mention.end_char] != mention.text:
            continue
        found.append(Segment(text=text[at : mention.start_char]))
        found.append(Segment(text=mention.text, mark=mention.label, entity_ids=list(mention.entity_ids)))
        at = mention.end_char
    found.append(Segment(text=text[at:]))
    return [segment for segment in found if segment.text]


def document(project: Project, question: DocumentQuestion, *, whole: bool = False) -> View:
    """A document: what it says of each code, and its passages."""
    index, all_heads = project.index, heads(project)
    with open_index(index.path) as db:
        own = _document(db, question.id)
        lines = db.execute(
            "SELECT passage_id, section, page, substr(text, 1, 160) AS beginning FROM passage "
            "WHERE passage_id > ? AND passage_id < ? AND document_id = ? ORDER BY ordinal",
            [f"{question.id}:", f"{question.id};", question.id],
        ).fetchall()
    at = index.in_row("document", question.id, index.mask(Filters()))
    codes: dict[str, set[str]] = {}
    for i in at.tolist():
        codes.setdefault(index.passages.values[index.passage[i]], set()).add(index.codes.values[index.code[i]])
    parts = [
        Part(
            passage_id=line["passage_id"],
            section=line["section"],
            page=line["page"],
            beginning=line["beginning"],
            codes=[head.code for head in all_heads if head.code in codes.get(line["passage_id"], ())],
        )
        for line in lines
    ]
    shown, n_pages = pages(len(parts), question.page, PARTS_PER_PAGE, whole)
    found = one_place(project, "document", question.id, all_heads, Filters())
    answer = DocumentAnswer(
        document=own,
        heads=all_heads,
        places=found,
        parts=parts[shown],
        n_parts=len(parts),
        page=question.page,
        n_pages=n_pages,
    )

    def sheets() -> list[Sheet]:
        return [
            Sheet("Codes", f"{own.title}: what it says of each code", ["Code", *figures_header()], [[h.title, *figures(p)] for h, p in zip(all_heads, found, strict=True)]),
            Sheet("Passages", f"{own.title}: its passages", ["Passage", "Section", "Page", "Beginning", "Codes"], [[p.passage_id, p.section, p.page, p.beginning, ", ".join(p.codes)] for p in parts]),
        ]  # fmt: skip

    return View("document", own.title, question, answer, sheets, lambda: index.read(at))
