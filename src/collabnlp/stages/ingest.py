"""Sources become documents, passages and the ingest report."""

import hashlib
from pathlib import Path
from typing import Any

import collabnlp.readers
import collabnlp.records
import collabnlp.release
import collabnlp.segment
from collabnlp.engine import CACHE, code_version, content_key, run
from collabnlp.params import Ingest, Params
from collabnlp.readers import pdf, read_blocks
from collabnlp.records import Document, IngestRow, InputError, Passage, write_csv, write_table
from collabnlp.register import Entry, load_register, refused
from collabnlp.release import name_speakers
from collabnlp.segment import segment
from collabnlp.stages import CORPUS, OUTPUTS, log, main


def read_source(entry: Entry, settings: Ingest, corpus: Path = CORPUS) -> dict[str, Any]:
    """One source as document, passages and report line, ready for JSON; the report line alone where it cannot be read."""
    path = corpus / entry.source_path
    try:
        blocks = name_speakers(read_blocks(path), entry.access)
        text, passages = segment(entry.document_id, blocks, min_words=settings.min_words, max_words=settings.max_words)
        if not passages:
            raise InputError(path, "holds no passage", f"its parts are all under {settings.min_words} words")
    except InputError as error:
        problem = f"{error.place}: {error.problem}" if error.place else error.problem
        return {"row": refused(entry.document_id, entry.source_path, problem, error.remedy).model_dump()}
    document = Document(
        **entry.model_dump(exclude={"note"}), source_sha256=hashlib.sha256(path.read_bytes()).hexdigest(), text=text
    )
    row = IngestRow(
        document_id=entry.document_id,
        source_path=entry.source_path,
        status="read",
        problem="",
        remedy="",
        n_words=sum(len(passage.text.split()) for passage in passages),
        n_passages=len(passages),
        n_pages=pdf.page_count(path) if path.suffix.lower() == ".pdf" else 0,
    )
    return {
        "row": row.model_dump(),
        "document": document.model_dump(),
        "passages": [passage.model_dump() for passage in passages],
    }


def stage(params: Params) -> None:
    """Read all sources of the register; those that did not change come from the store."""
    entries, problems = load_register(CORPUS)
    version = code_version(collabnlp.readers, collabnlp.segment, collabnlp.release, collabnlp.records)
    keys = [
        content_key(
            version,
            entry.model_dump(),
            params.ingest.min_words,
            params.ingest.max_words,
            hashlib.sha256((CORPUS / entry.source_path).read_bytes()).hexdigest(),
        )
        for entry in entries
    ]
    results, n_read = run(
        lambda entry: read_source(entry, params.ingest), entries, keys, store=CACHE / "ingest", title="Reading"
    )
    rows = [IngestRow.model_validate(result["row"]) for result in results] + problems
    bad = [row for row in rows if row.status == "refused"]
    for row in bad:
        log.warning("%s: %s; %s", row.source_path, row.problem, row.remedy)
    write_csv(OUTPUTS / "ingest_report.csv", rows, IngestRow)
    if bad and params.ingest.on_error == "fail":
        raise InputError(bad[0].source_path, bad[0].problem, bad[0].remedy)
    read = [result for result in results if "document" in result]
    if not read:
        raise InputError(CORPUS / "documents.csv", "names no source that can be read", "add one with `collabnlp add`")
    write_table(
        OUTPUTS / "documents.parquet", [Document.model_validate(result["document"]) for result in read], Document
    )
    passages = [Passage.model_validate(passage) for result in read for passage in result["passages"]]
    write_table(OUTPUTS / "passages.parquet", passages, Passage)
    log.info("%d documents (%d read anew), %d passages, %d refused", len(read), n_read, len(passages), len(bad))


if __name__ == "__main__":
    main(stage)
