"""Sources become documents, passages and the ingest report; what is not public goes under pseudonyms first."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import collabnlp.readers
import collabnlp.records
import collabnlp.redact.attribution
import collabnlp.redact.badges
import collabnlp.redact.blocks
import collabnlp.redact.context
import collabnlp.redact.door
import collabnlp.redact.lexicon
import collabnlp.redact.lexicon.usage
import collabnlp.redact.people
import collabnlp.redact.posts
import collabnlp.redact.pseudonyms
import collabnlp.redact.recognisers
import collabnlp.redact.roles
import collabnlp.redact.sightings
import collabnlp.redact.speakers
import collabnlp.redact.tokens
import collabnlp.segment
from collabnlp.apart import Apart, Lost
from collabnlp.discreet import discreet, without_words
from collabnlp.engine import CACHE, Work, code_version, content_key, run
from collabnlp.params import Ingest, Params
from collabnlp.private import PRIVATE, note_made
from collabnlp.readers import pdf, read_blocks
from collabnlp.records import (
    Document,
    IngestRow,
    InputError,
    Passage,
    file_sha256,
    sort_records,
    table_writer,
    write_csv,
)
from collabnlp.redact.blocks import redact
from collabnlp.redact.door import Door
from collabnlp.redact.lexicon import FILES, FOLDER
from collabnlp.redact.pseudonyms import fingerprint
from collabnlp.redact.speakers import names_in_path
from collabnlp.register import Entry, load_register, refused
from collabnlp.segment import segment
from collabnlp.stages import CORPUS, OUTPUTS, log, main

_CODE = (
    collabnlp.redact.attribution, collabnlp.redact.context, collabnlp.redact.door, collabnlp.redact.lexicon, collabnlp.redact.people, collabnlp.redact.pseudonyms, collabnlp.readers,
    collabnlp.redact.recognisers, collabnlp.records, collabnlp.redact.blocks, collabnlp.redact.roles, collabnlp.segment,
    collabnlp.redact.sightings, collabnlp.redact.speakers, collabnlp.redact.tokens, collabnlp.redact.badges, collabnlp.redact.posts, collabnlp.redact.lexicon.usage,
)  # fmt: skip


def read_source(entry: Entry, settings: Ingest, door: Door | None = None, corpus: Path = CORPUS) -> dict[str, Any]:
    """One source as document, passages and report line, ready for JSON; the report line alone where it cannot be read.

    Of a source that is not public no word stands in the report or in an error.
    """
    with discreet(entry.document_id, closed=entry.access != "public" and door is not None):
        return _read_source(entry, settings, door, corpus)


def _read_source(entry: Entry, settings: Ingest, door: Door | None, corpus: Path) -> dict[str, Any]:
    path = corpus / entry.source_path
    try:
        blocks = read_blocks(path, settings.limits)
        done = (
            door.redact(entry.document_id, blocks, entry.access, settings.third_people)
            if door
            else redact(blocks, access="public")
        )
        text, passages = segment(
            entry.document_id, done.blocks, min_words=settings.min_words, max_words=settings.max_words
        )
        if not passages:
            raise InputError(path, "holds no passage", f"its parts are all under {settings.min_words} words")
    except InputError as error:
        problem = f"{error.place}: {error.problem}" if error.place else error.problem
        problem = problem if entry.access == "public" else without_words(problem)
        return {"row": refused(entry.document_id, entry.source_path, problem, error.remedy).model_dump()}
    document = Document(**entry.model_dump(exclude={"note"}), source_sha256=file_sha256(path), text=text)
    named = entry.access == "non-attributable" and names_in_path(entry.source_path)
    row = IngestRow(
        document_id=entry.document_id,
        source_path=entry.source_path,
        status="warning" if named else "read",
        problem="the file's name may name a person or a role" if named else "",
        remedy="rename the file and its line in documents.csv: both stand in the outputs" if named else "",
        n_words=sum(len(passage.text.split()) for passage in passages),
        n_passages=len(passages),
        n_pages=pdf.page_count(path) if path.suffix.lower() == ".pdf" else 0,
    )
    return {
        "row": row.model_dump(),
        "document": document.model_dump(),
        "passages": [passage.model_dump() for passage in passages],
    }


def reader(setup: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What reads a source in a process of its own: called once there, it gives the function for each source."""
    settings, door = Ingest.model_validate(setup["settings"]), Door() if setup["closed"] else None
    return lambda entry: read_source(Entry.model_validate(entry), settings, door)


@contextmanager
def reading(setup: dict[str, Any]) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Give what reads a source; what a source breaks or holds up becomes its line of the report."""
    limits = Ingest.model_validate(setup["settings"]).limits
    if not limits.seconds:
        yield reader(setup)
        return

    def read(entry: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(apart.call(entry))
        except Lost as loss:
            remedy = "save it in another format or split it; the limits are in params.yaml, ingest.limits"
            row = refused(entry["document_id"], entry["source_path"], str(loss), remedy)
            return {"row": row.model_dump(), "lost": True}

    with Apart("collabnlp.stages.ingest:reader", setup, seconds=limits.seconds, memory_mb=limits.memory_mb) as apart:
        yield read


def _readable(entries: list[Entry], file_mb: int) -> tuple[list[tuple[Entry, str]], list[IngestRow]]:
    """The entries whose files can be opened, each with what tells its content from any other, and rows for the others."""
    found, rows = [], []
    for entry in entries:
        path = CORPUS / entry.source_path
        try:
            size = path.stat().st_size
            found.append((entry, file_sha256(path) if size <= file_mb * 1_000_000 else f"{size} bytes"))
        except OSError as error:
            problem, remedy = f"cannot be opened ({error.strerror})", "see to it that you may read the file"
            rows.append(refused(entry.document_id, entry.source_path, problem, remedy))
    return found, rows


def stage(params: Params) -> None:
    """Read all sources of the register; those that did not change come from the store."""
    with discreet("private/", closed=PRIVATE.exists(), quotes=True):
        _read_all(params)


def _read_all(params: Params) -> None:
    entries, problems = load_register(CORPUS)
    closed = any(entry.access != "public" for entry in entries)
    door = None
    private: list[Any] = []
    if closed:
        door = Door()
        door.key.save(PRIVATE)
        listed = file_sha256(CORPUS / "gazetteer.csv")
        private = [door.key.generation, fingerprint(PRIVATE), listed]
    version = code_version(*_CODE)
    lists = [file_sha256(FOLDER / name) for name in FILES]
    readable, unreadable = _readable(entries, params.ingest.limits.file_mb)
    keys = [
        content_key(
            version,
            lists,
            entry.model_dump(),
            params.ingest.model_dump(exclude={"on_error": True, "limits": {"seconds", "memory_mb"}}),
            private if entry.access != "public" else None,
            digest,
        )
        for entry, digest in readable
    ]
    items = sorted(
        ((key, entry.model_dump()) for key, (entry, _) in zip(keys, readable, strict=True)),
        key=lambda item: f"{item[1]['document_id']}:",  # the order of passages by their ids
    )
    results = run(
        Work("collabnlp.stages.ingest:reading", {"settings": params.ingest.model_dump(), "closed": closed}),
        items,
        store=CACHE / "ingest",
        total=len(items),
        title="Reading",
        passing=lambda result: "lost" in result,
        ray=params.cluster,
    )
    rows, n_new = [*problems, *unreadable], 0
    documents: dict[str, Document | None] = {}  # in wait for those before them by id
    order = deque(sorted(entry["document_id"] for _, entry in items))
    with (
        table_writer(OUTPUTS / "documents.parquet", Document) as write_documents,
        table_writer(OUTPUTS / "passages.parquet", Passage) as write_passages,
    ):
        for (_, entry), done in zip(items, results, strict=True):
            rows.append(IngestRow.model_validate(done.value["row"]))
            n_new += done.new
            document = done.value.get("document")
            documents[entry["document_id"]] = Document.model_validate(document) if document else None
            passages = (Passage.model_validate(passage) for passage in done.value.get("passages", ()))
            write_passages(sort_records(passages, Passage))
            while order and order[0] in documents:
                write_documents(filter(None, [documents.pop(order.popleft())]))
        _report(rows, params.ingest.on_error)
    if closed:
        note_made("ingest")
    log.info(
        "%d documents (%d read anew), %d passages, %d refused",
        sum(row.n_passages > 0 for row in rows),
        n_new,
        sum(row.n_passages for row in rows),
        sum(row.status == "refused" for row in rows),
    )


def _report(rows: list[IngestRow], on_error: str) -> None:
    """Write down what became of each source; raises where none could be read, or one could not and that is to stop."""
    for row in rows:
        if row.status != "read":
            log.warning("%s: %s; %s", row.source_path, row.problem, row.remedy)
    write_csv(OUTPUTS / "ingest_report.csv", rows, IngestRow)
    bad = [row for row in rows if row.status == "refused"]
    if bad and on_error == "fail":
        raise InputError(bad[0].source_path, bad[0].problem, bad[0].remedy)
    if len(bad) == len(rows):
        raise InputError(CORPUS / "documents.csv", "names no source that can be read", "add one with `collabnlp add`")


if __name__ == "__main__":
    main(stage)
