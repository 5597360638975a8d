"""Method and limits: what was read, how well each code is found."""

from __future__ import annotations

from collections import Counter

import numpy as np

from collabnlp.query import open_index
from collabnlp.records import Document, columns
from collabnlp.web.answers import MethodAnswer
from collabnlp.web.project import Project
from collabnlp.web.questions import MethodQuestion
from collabnlp.web.views.things import BASELINES
from collabnlp.web.views.view import Sheet, View, heads


def method(project: Project, question: MethodQuestion, *, whole: bool = False) -> View:
    """What was read, and the figures of `collabnlp evaluate` for each code."""
    index, columns_ = project.index, heads(project)
    names = [name for name in columns(Document) if name != "text"]
    with open_index(index.path) as db:
        documents = [
            Document(**{**dict(line), "synthetic": bool(line["synthetic"]), "text": ""})
            for line in db.execute(f"SELECT {', '.join(names)} FROM document ORDER BY kind, year, document_id")
        ]
        n_passages = dict(db.execute("SELECT document_id, count(*) FROM passage GROUP BY 1").fetchall())
    told = ~index.closed
    _, first = np.unique(index.passage[told], return_index=True)
    coded = Counter(index.documents.values[i] for i in index.document[told][first].tolist())
    measured = project.metrics.get("codes", {})
    answer = MethodAnswer(
        documents=documents,
        n_passages={d.document_id: n_passages.get(d.document_id, 0) for d in documents},
        n_coded={d.document_id: coded[d.document_id] for d in documents},
        heads=columns_,
        baselines={
            h.code: {what: measured[h.code][key] for key, what in BASELINES.items() if key in measured.get(h.code, {})}
            for h in columns_
        },
        n_scored=project.metrics.get("passages"),
        coders=sorted(coder for coder in index.coders.values if coder),
        rule=project.rule,
        narrowed=project.narrowed,
    )

    def sheets() -> list[Sheet]:
        return [
            Sheet(
                "Documents",
                "What was read",
                ["Document", "Title", "Publisher", "Year", "Kind", "Access", "Invented", "Passages", "Passages with a code"],
                [
                    [d.document_id, d.title, d.publisher, d.year, d.kind, d.access, "yes" if d.synthetic else "no", answer.n_passages[d.document_id], answer.n_coded[d.document_id]]
                    for d in documents
                ],
            ),
            Sheet(
                "Codes",
                "How well the model finds each code, on coded passages of documents that it had not seen",
                ["Code", "F1", "from", "to", *BASELINES.values()],
                [[h.title, h.f1, h.f1_low, h.f1_high, *(answer.baselines[h.code].get(what) for what in BASELINES.values())] for h in columns_],
            ),
        ]  # fmt: skip

    return View("method", "Method and limits", question, answer, sheets)
