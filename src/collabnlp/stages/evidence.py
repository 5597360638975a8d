"""All tables join into evidence: rows, matrix, index, workbook, pictures."""

from collabnlp.codebook import load_codebook
from collabnlp.entities import MentionFinder
from collabnlp.evidence import build_matrix, build_rows, entities_of
from collabnlp.export import write_heat_map, write_workbook
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params
from collabnlp.query import build_index
from collabnlp.records import (
    AgreementRow,
    Document,
    EntityMention,
    EvidenceRow,
    MatrixCell,
    Passage,
    PassageTag,
    Topic,
    TopicAssignment,
    read_table,
    write_csv,
    write_table,
)
from collabnlp.release import releasable, withheld
from collabnlp.stages import CORPUS, OUTPUTS, log, main

MAPS = (("council", "places", "Councils by code"), ("document", "documents", "Documents by code"))


def stage(params: Params) -> None:
    """Join, write and draw."""
    codebook, gazetteer = load_codebook(CORPUS / "codebook.yaml"), load_gazetteer(CORPUS / "gazetteer.csv")
    finder, settings = MentionFinder(gazetteer), params.evidence
    documents, passages = read_table(OUTPUTS / "documents.parquet", Document), read_table(OUTPUTS / "passages.parquet", Passage)
    mentions, topics = read_table(OUTPUTS / "mentions.parquet", EntityMention), read_table(OUTPUTS / "topics.parquet", Topic)
    tags = [tag for tag in read_table(OUTPUTS / "tags.parquet", PassageTag)
            if (not settings.coders or tag.coder in settings.coders) and (tag.score is None or tag.score >= settings.min_score)]
    year = {document.document_id: document.year for document in documents}
    section_entities = {}
    for passage in passages:
        for heading in reversed(passage.section if passage.section not in section_entities else ()):
            if found := entities_of(finder.find_in_heading(heading, year[passage.document_id]), gazetteer):
                section_entities[passage.section] = found
                break
    document_entities = {d.document_id: entities_of(finder.find_in_heading(d.title, d.year), gazetteer) for d in documents}
    rows = build_rows(documents, passages, tags, mentions, read_table(OUTPUTS / "topic_assignments.parquet", TopicAssignment), gazetteer,
                      section_entities=section_entities, document_entities=document_entities)
    cells = build_matrix(rows, codebook.names, gazetteer, topic_labels={topic.topic: topic.label for topic in topics},
                         withheld=lambda members: withheld(members, settings.min_interviews))
    write_table(OUTPUTS / "evidence.parquet", rows, EvidenceRow)
    write_table(OUTPUTS / "matrix.parquet", cells, MatrixCell)
    write_csv(OUTPUTS / "evidence.csv", [releasable(row) for row in rows], EvidenceRow)
    build_index(OUTPUTS / "evidence.db", documents=documents, passages=passages, mentions=mentions, topics=topics, rows=rows, cells=cells,
                codebook=codebook, gazetteer=gazetteer)
    method = {"Passages read": str(len(passages)), "Passages with a code": str(len({tag.passage_id for tag in tags})), "Tags": str(len(tags)),
              "Documents": str(len(documents)), "Coders": ", ".join(sorted({tag.coder for tag in tags})),
              "Gold": "passages written and coded by language models; figures say how well the model follows them, not people",
              "Withheld": f"cells whose evidence is all not for attribution, from fewer than {settings.min_interviews} interviews"}
    write_workbook(OUTPUTS / "evidence.xlsx", rows=rows, cells=cells, codebook=codebook, documents=documents, topics=topics,
                   agreement=[row for row in read_table(OUTPUTS / "agreement.parquet", AgreementRow) if row.coder_b == "model"], method=method)
    for kind, name, title in MAPS:
        for suffix in ("png", "svg"):
            write_heat_map(OUTPUTS / "plots" / f"{name}_by_code.{suffix}", cells, codebook, kind=kind, title=title)
    log.info("%d evidence rows, %d cells (%d withheld)", len(rows), len(cells), sum(cell.suppressed for cell in cells))


if __name__ == "__main__":
    main(stage)
