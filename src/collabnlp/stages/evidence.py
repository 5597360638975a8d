"""All tables join into evidence: rows, matrix, index, workbook, pictures."""

from collections.abc import Mapping

from collabnlp.codebook import load_codebook
from collabnlp.entities import MentionFinder
from collabnlp.evidence import Named, build_matrix, build_rows, entities_of, section_sizes
from collabnlp.export.pictures import write_heat_map
from collabnlp.export.workbook import write_workbook
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.params import Params
from collabnlp.query import build_index
from collabnlp.records import (
    AgreementRow,
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    FoundEntity,
    MatrixCell,
    Passage,
    PassageTag,
    TagReason,
    Topic,
    TopicAssignment,
    key_of,
    read_table,
    write_csv,
    write_table,
)
from collabnlp.release import releasable, withheld
from collabnlp.stages import CORPUS, OUTPUTS, log, main

CASE_PASSAGES = 25  # a case study is shorter than this; a longer section is a chapter, whatever its heading names
MAPS = (("council", "places", "Councils by code"), ("document", "documents", "Documents by code"))


def _about(
    section: tuple[str, ...],
    year: int,
    finder: MentionFinder,
    sizes: Mapping[tuple[str, ...], int],
    gazetteer: Gazetteer,
) -> list[Named]:
    """The councils that the innermost heading naming any names; a heading over a whole chapter counts for none."""
    for depth in range(len(section), 0, -1):
        found = entities_of(finder.find_in_heading(section[depth - 1], year), gazetteer)
        if found:
            return found if sizes[section[:depth]] <= CASE_PASSAGES else []
    return []


def stage(params: Params) -> None:
    """Join, write and draw."""
    codebook, gazetteer = load_codebook(CORPUS / "codebook.yaml"), load_gazetteer(CORPUS / "gazetteer.csv")
    finder, settings = MentionFinder(gazetteer), params.evidence
    documents, passages = (
        read_table(OUTPUTS / "documents.parquet", Document),
        read_table(OUTPUTS / "passages.parquet", Passage),
    )
    mentions, topics = (
        read_table(OUTPUTS / "mentions.parquet", EntityMention),
        read_table(OUTPUTS / "topics.parquet", Topic),
    )
    entities = read_table(OUTPUTS / "entities.parquet", FoundEntity)
    names = {e.entity_id: Named(e.entity_id, e.name, e.label) for e in entities if not e.listed}
    ids = {key_of(link): link.entity_ids for link in read_table(OUTPUTS / "links.parquet", EntityLink)}
    linked = [mention.model_copy(update={"entity_ids": ids[key_of(mention)]}) for mention in mentions]
    tags = [
        tag
        for tag in read_table(OUTPUTS / "tags.parquet", PassageTag)
        if (not settings.coders or tag.coder in settings.coders)
        and (tag.score is None or tag.score >= settings.min_score)
    ]
    year = {document.document_id: document.year for document in documents}
    sizes = section_sizes(passages)
    section_entities = {
        section: found
        for section, year_of in sorted({(passage.section, year[passage.document_id]) for passage in passages})
        if (found := _about(section, year_of, finder, sizes, gazetteer))
    }
    document_entities = {
        d.document_id: entities_of(finder.find_in_heading(d.title, d.year), gazetteer) for d in documents
    }
    rows = build_rows(
        documents,
        passages,
        tags,
        linked,
        read_table(OUTPUTS / "topic_assignments.parquet", TopicAssignment),
        gazetteer,
        section_entities=section_entities,
        document_entities=document_entities,
        names=names,
        reasons=read_table(OUTPUTS / "reasons.parquet", TagReason),
    )
    cells = build_matrix(
        rows,
        codebook.names,
        gazetteer,
        topic_labels={topic.topic: topic.label for topic in topics},
        withheld=lambda members: withheld(members, settings.min_interviews),
    )
    write_table(OUTPUTS / "evidence.parquet", rows, EvidenceRow)
    write_table(OUTPUTS / "matrix.parquet", cells, MatrixCell)
    write_csv(OUTPUTS / "evidence.csv", [releasable(row) for row in rows], EvidenceRow)
    build_index(
        OUTPUTS / "evidence.db",
        documents=documents,
        passages=passages,
        mentions=mentions,
        topics=topics,
        rows=rows,
        cells=cells,
        codebook=codebook,
        gazetteer=gazetteer,
        entities=entities,
    )
    method = {
        "Passages read": str(len(passages)),
        "Passages with a code": str(len({tag.passage_id for tag in tags})),
        "Tags": str(len(tags)),
        "Documents": str(len(documents)),
        "Coders": ", ".join(sorted({tag.coder for tag in tags})),
        "Gold": "passages written and coded by language models; figures say how well the model follows them, not people",
        "Withheld": f"cells whose evidence is all not for attribution, from fewer than {settings.min_interviews} interviews, "
        "and sums over councils that would give such a cell away",
        "Names": "names of one partnership or scheme are put together across documents; Councils today counts a council that is "
        "gone under each of its successors",
    }
    write_workbook(
        OUTPUTS / "evidence.xlsx",
        rows=rows,
        cells=cells,
        codebook=codebook,
        documents=documents,
        topics=topics,
        agreement=[
            row
            for row in read_table(OUTPUTS / "agreement.parquet", AgreementRow)
            if row.coder_b == "model" and row.basis == "read"
        ],
        method=method,
    )
    for kind, name, title in MAPS:
        for suffix in ("png", "svg"):
            write_heat_map(OUTPUTS / "plots" / f"{name}_by_code.{suffix}", cells, codebook, kind=kind, title=title)
    log.info("%d evidence rows, %d cells (%d withheld)", len(rows), len(cells), sum(cell.suppressed for cell in cells))


if __name__ == "__main__":
    main(stage)
