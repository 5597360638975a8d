"""One file a DVC stage: read parameters and records, call, write, log counts."""

from __future__ import annotations

import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from collabnlp.discreet import DISK
from collabnlp.files import sweep
from collabnlp.params import Params, load_params
from collabnlp.records import Document, InputError, Passage, Table

CORPUS, MODELS, OUTPUTS, PRIVATE = Path("corpus"), Path("models"), Path("outputs"), Path("private")
log = logging.getLogger("collabnlp")
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is loaded: sums come out the same on however many processors


def load_documents() -> list[Document]:
    """The documents without their texts, which are as large as all passages together."""
    return [row.model_copy(update={"text": ""}) for row in Table(OUTPUTS / "documents.parquet", Document)]


def by_document(passages: Table[Passage]) -> Iterator[tuple[int, list[Passage]]]:
    """The passages of each document, and the row of the first among all passages."""
    start = 0
    for _, group in itertools.groupby(passages, key=lambda row: row.document_id):
        rows = list(group)
        yield start, rows
        start += len(rows)


def main(stage: Callable[[Params], None]) -> None:
    """Run a stage in the project's folder; bad input, a full disk or one that may not be written is one line and exit status 2."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # no library looks for models outside
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        for folder in (OUTPUTS, MODELS):
            sweep(folder)
        stage(load_params())
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno not in DISK:
            raise
        remedy = "free some space there, or see to it that you may write; then run `dvc repro` again"
        where = Path(error.filename).parent if error.filename else "outputs, .cache or private"
        sys.stderr.write(f"{InputError(where, f'cannot be written ({os.strerror(error.errno)})', remedy)}\n")
        raise SystemExit(2) from None
