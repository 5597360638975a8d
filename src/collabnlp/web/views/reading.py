"""Search, a passage in its document, a document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collabnlp.export.hits import citation_of
from collabnlp.query import Filters as SearchFilters
from collabnlp.query import Found as Searched
from collabnlp.query import Hit, open_index
from collabnlp.records import Document, EntityMention, EvidenceRow, Passage, columns
from collabnlp.release import CLOSED, Released, reread
from collabnlp.web.answers import DocumentAnswer, Found, Part, PassageAnswer, SearchAnswer, Segment
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


def search_view(project: Project, question: SearchQuestion, *, whole: bool = False) -> View:
    """Passages that hold the words and pass the filters, best first."""
    question = resolve(project, question)
    start = 0 if whole else (question.page - 1) * FOUND_PER_PAGE
    hits = _search(project, question, start, 0 if whole else FOUND_PER_PAGE)
    n_found = hits.total if hits else 0
    _, n_pages = pages(n_found, question.page, FOUND_PER_PAGE, whole)
    found = [
        Found(
            passage_id=hit.passage_id,
            citation=citation_of(hit),
            text=hit.text,
            synthetic=hit.synthetic,
            closed=hit.access == CLOSED,
            segments=_matched(hit),
            codes=one_a_code(reread(hit.rows)),
            places=_named(hit.rows),
        )
        for hit in (hits.hits if hits else ())
    ]
    answer = SearchAnswer(
        q=question.q,
        read_as=list(hits.read_as) if hits else [],
        found=found,
        n_found=n_found,
        page=question.page,
        n_pages=n_pages,
    )

    def quotes() -> Released:
        everything = hits if whole else _search(project, question, 0, 0)
        return reread(row for hit in (everything.hits if everything else ()) for row in one_a_code(reread(hit.rows)))

    title = f"Search: {question.q}" if question.q else "Search"
    return View("search", title, question, answer, list, quotes, "quotes")


def _search(project: Project, question: SearchQuestion, offset: int, limit: int) -> Searched | None:
    """What words and meaning find; None where nothing was asked."""
    if not (question.q.strip() or question.narrows):
        return None
    values = question.filters().model_dump()
    given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    filters = SearchFilters(**given)
    return project.searcher.search(question.q, filters, offset=offset, limit=limit)


def _named(rows: Iterable[EvidenceRow]) -> list[tuple[str, str]]:
    return sorted({(row.entity_id, row.entity_name) for row in rows if row.entity_id}, key=lambda pair: pair[1])


def _matched(hit: Hit) -> list[Segment]:
    """The text of a hit with what the words match marked."""
    found, at = [], 0
    for start, end in hit.spans:
        found += [Segment(text=hit.text[at:start]), Segment(text=hit.text[start:end], mark="match")]
        at = end
    return [segment for segment in (*found, Segment(text=hit.text[at:])) if segment.text]


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
