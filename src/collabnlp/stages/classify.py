"""Passages become tags, with a reason for each, a document at a time."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

import collabnlp.classify
import collabnlp.codebook
import collabnlp.indicators
import collabnlp.learners
import collabnlp.reasons
import collabnlp.scarce
import collabnlp.segment
import collabnlp.stacking
import collabnlp.tokenizer
from collabnlp.classify import Classifier
from collabnlp.embed import VectorTable, unpack
from collabnlp.engine import CACHE, Work, code_version, content_key, run
from collabnlp.learners import Look
from collabnlp.params import Params
from collabnlp.reasons import explain, load_neighbours
from collabnlp.records import Passage, PassageTag, Table, TagReason, file_sha256, sort_records, table_writer
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.stages import CORPUS, MODELS, OUTPUTS, by_document, log, main

_CODE = (
    collabnlp.classify, collabnlp.codebook, collabnlp.learners, collabnlp.reasons, collabnlp.scarce, collabnlp.segment,
    collabnlp.stacking, collabnlp.indicators, collabnlp.tokenizer,
)  # fmt: skip
_GOLD = (OUTPUTS / "gold_embeddings.parquet", *(CORPUS / "gold" / f"{name}.jsonl" for name in ("passages", "reads", "tags")))  # fmt: skip


class _Tables:
    """What is known of passages, some rows at a time: the three tables hold the same passages in the same order."""

    def __init__(self) -> None:
        self.passages = Table(OUTPUTS / "passages.parquet", Passage)
        self._vectors = VectorTable(OUTPUTS / "embeddings.parquet")
        self._readings = VectorTable(OUTPUTS / "readings.parquet")

    def rows(self, start: int, stop: int) -> tuple[Any, Any]:
        """Vectors and readings, (n, n_dimensions) and (n, 5 n_codes), of the rows from `start` to before `stop`."""
        return self._vectors.rows(start, stop)[1], self._readings.rows(start, stop)[1]


@contextmanager
def coding(setup: dict[str, Any]) -> Iterator[Callable[[list[int]], dict[str, Any]]]:
    """Give what tags the passages of some rows and says why, all but the interviewers' own."""
    classifier = Classifier.from_disk(MODELS / "classifier")
    neighbours, tables = load_neighbours(CORPUS, OUTPUTS, classifier.codes), _Tables()

    def code(place: list[int]) -> dict[str, Any]:
        passages, (vectors, read) = tables.passages.rows(*place), tables.rows(*place)
        own = [i for i, row in enumerate(passages) if row.speaker != INTERVIEWER]
        passages, vectors = [passages[i] for i in own], vectors[own]
        readings = unpack(read[own], classifier.codes, classifier.codes)
        tags = classifier.tag(
            [row.passage_id for row in passages],
            [row.text for row in passages],
            Look(vectors, readings.codes, readings.stances),
            sources=[row.document_id for row in passages],
            shift=setup["shift"],
        )
        reasons = explain(classifier, passages, tags, vectors, readings, neighbours)
        return {"tags": [row.model_dump() for row in tags], "reasons": [row.model_dump() for row in reasons]}

    with threadpool_limits(1):  # sums come out the same however many processors there are
        yield code


def stage(params: Params) -> None:
    """Tag what changed."""
    setup, tables = {"shift": params.classify.shift}, _Tables()
    version = content_key(
        code_version(*_CODE), setup, file_sha256(MODELS / "classifier" / "classifier.json"), *map(file_sha256, _GOLD)
    )

    def items() -> Iterator[tuple[str, list[int]]]:
        for start, rows in by_document(tables.passages):
            place = [start, start + len(rows)]
            looks = [array.tobytes() for array in tables.rows(*place)]
            yield (
                content_key(
                    version,
                    [(row.passage_id, row.speaker, row.text) for row in rows],
                    *(hashlib.sha256(look).hexdigest() for look in looks),
                ),
                place,
            )

    results = run(
        Work("collabnlp.stages.classify:coding", setup),
        items(),
        store=CACHE / "classify",
        title="Coding",
        ray=params.cluster,
    )
    n_tags = n_review = n_tagged = n_new = 0
    with (
        table_writer(OUTPUTS / "tags.parquet", PassageTag) as write_tags,
        table_writer(OUTPUTS / "reasons.parquet", TagReason) as write_reasons,
    ):
        for done in results:
            tags = [PassageTag.model_validate(row) for row in done.value["tags"]]
            write_tags(sort_records(tags, PassageTag))
            write_reasons(sort_records([TagReason.model_validate(row) for row in done.value["reasons"]], TagReason))
            n_tags, n_new = n_tags + len(tags), n_new + done.new
            n_tagged += len({tag.passage_id for tag in tags})
            n_review += sum(tag.review for tag in tags)
    log.info(
        "%d tags on %d of %d passages, %d of them for review (%d documents coded anew)",
        n_tags, n_tagged, len(tables.passages), n_review, n_new,
    )  # fmt: skip


if __name__ == "__main__":
    main(stage)
