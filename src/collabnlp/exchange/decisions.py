"""A journal's decisions become marks on the project's own passages."""

from __future__ import annotations

from pathlib import Path

from collabnlp.codebook import Codebook
from collabnlp.exchange.journal import Journal, text_mark
from collabnlp.exchange.marks import Mark
from collabnlp.exchange.pack import Pack, PackedDocument
from collabnlp.exchange.settle import Settled, settle
from collabnlp.records import Document, Passage, PassageTag, ReviewRow, read_table


def read_journal(file: Path, project: Path, codebook: Codebook, coder: str = "") -> tuple[Settled, Pack]:
    """What a journal of the browser says, and the project's own passages as its pack.

    A passage that was cut or numbered anew since is found by its text; where its text is no more, a
    row says so.

    Raises
    ------
    InputError
        Where the journal is somebody else's, or the project has no tables yet.
    """
    journal, pack = Journal(file, coder), _own_pack(project)
    by_id = {passage.passage_id: passage for passage in pack.passages}
    by_text: dict[tuple[str, str], list[str]] = {}
    for passage in pack.passages:
        by_text.setdefault((passage.document_id, text_mark(passage.text)), []).append(passage.passage_id)
    marks = []
    for number, decision in enumerate(journal.decisions(), start=1):
        own, problem = decision.passage_id, ""
        if own not in by_id or text_mark(by_id[own].text) != decision.text:
            same = by_text.get((own.rpartition(":")[0], decision.text), [])
            own, problem = (same[0], "") if len(same) == 1 else (own, "its text has changed since it was read")
        if gone := [code for code in decision.codes or {} if code not in codebook.names]:
            problem = f"the code {gone[0]!r} is unknown"
        marks.append(
            Mark(
                f"decision {number}",
                passage_id=own,
                coder=journal.coder,
                keep=(),
                add=tuple((decision.codes or {}).items()),
                note=decision.note,
                problem=problem,
            )
        )
    settled = settle(marks, pack, codebook, file=file.name, coder=journal.coder, whole=False)
    seen = {(mark.passage_id, mark.coder): d for mark, d in zip(marks, journal.decisions(), strict=True)}
    damaged = [
        ReviewRow(
            file=file.name,
            place=f"line {number}",
            passage_id="",
            coder=journal.coder,
            outcome="not placed",
            detail="the line was cut off or changed, and counts for nothing",
            text="",
        )
        for number in journal.damaged
    ]
    told = {key: (d.suggested_by, d.drawn) for key, d in seen.items()}
    return settled._replace(rows=settled.rows + damaged, seen=told), pack


def _own_pack(project: Path) -> Pack:
    """The passages of a project, as its last run has them, with what the model suggests."""
    outputs = project / "outputs"
    passages = read_table(outputs / "passages.parquet", Passage)
    there = {passage.passage_id for passage in passages}  # a run that was cut off leaves older tags
    tags = [
        t for t in read_table(outputs / "tags.parquet", PassageTag) if t.score is not None and t.passage_id in there
    ]
    documents = read_table(outputs / "documents.parquet", Document)
    return Pack(
        next((tag.coder for tag in tags), ""),
        False,
        tuple(PackedDocument(d.document_id, d.document_id, d.access, d.text) for d in documents),
        tuple(passages),
        tuple(tags),
    )
