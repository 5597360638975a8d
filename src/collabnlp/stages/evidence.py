"""All tables join into evidence: rows, matrix, index, workbook, pictures."""

from collections.abc import Mapping, Sequence

import numpy as np

from collabnlp.audit import publishing
from collabnlp.codebook import load_codebook
from collabnlp.coded import count_coders, is_language_model, load_coded
from collabnlp.discreet import discreet
from collabnlp.embed import Encoder, Vectors, read_vectors
from collabnlp.entities import MentionFinder
from collabnlp.evidence import Named, build_rows, entities_of, section_sizes
from collabnlp.export.map import write_map
from collabnlp.export.pictures import write_heat_map
from collabnlp.export.tables import write_cells, write_rows
from collabnlp.export.workbook import write_workbook
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.interviewees import load_interviewees
from collabnlp.network import write_graphml, write_network
from collabnlp.params import Params
from collabnlp.private import PRIVATE, load_allowed, note_made
from collabnlp.query import build_index, load_encoder
from collabnlp.query.views import write_metadata
from collabnlp.records import (
    AgreementRow,
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    FoundEntity,
    Passage,
    PassageTag,
    Relation,
    TagReason,
    Topic,
    TopicAssignment,
    Withheld,
    key_of,
    read_table,
    write_csv,
    write_table,
)
from collabnlp.release import CLOSED, Rule, Tables, let_pass, release
from collabnlp.stages import CORPUS, OUTPUTS, log, main

CASE_PASSAGES = 25  # a case study is shorter than this; a longer section is a chapter, whatever its heading names
NETWORK = "Who works with whom, as the texts say"
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


class _Known:
    """An encoder that knows the vectors of the passages already."""

    def __init__(self, encoder: Encoder, passages: Sequence[Passage]) -> None:
        self.name, self._encoder = encoder.name, encoder
        text = {passage.passage_id: passage.text for passage in passages}
        self._vectors = {
            text[i]: vector for i, vector in zip(*read_vectors(OUTPUTS / "embeddings.parquet"), strict=True)
        }

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, (n_texts, n_dimensions) float32."""
        new = sorted(set(texts) - set(self._vectors))
        self._vectors |= dict(zip(new, self._encoder.encode(new), strict=True))
        return np.array([self._vectors[text] for text in texts])


def stage(params: Params) -> None:
    """Join, write and draw."""
    with discreet("private/", closed=PRIVATE.exists(), quotes=True):
        _join(params)


def _join(params: Params) -> None:
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
    links = read_table(OUTPUTS / "links.parquet", EntityLink)
    assignments = read_table(OUTPUTS / "topic_assignments.parquet", TopicAssignment)
    ids = {key_of(link): link.entity_ids for link in links}
    linked = [mention.model_copy(update={"entity_ids": ids[key_of(mention)]}) for mention in mentions]
    measured = read_table(OUTPUTS / "agreement.parquet", AgreementRow)
    tags, named_words = count_coders(
        [
            tag
            for tag in read_table(OUTPUTS / "tags.parquet", PassageTag)
            if tag.score is None or tag.score >= settings.min_score
        ],
        load_coded(CORPUS),
        settings.coders,
        measured,
        {passage.passage_id: passage.text for passage in passages},
        codes=codebook.names,
        min_measured=settings.min_measured,
    )
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
        assignments,
        gazetteer,
        section_entities=section_entities,
        document_entities=document_entities,
        names=names,
        reasons=[*read_table(OUTPUTS / "reasons.parquet", TagReason), *named_words],
    )
    tables = Tables(
        rows=rows,
        documents=documents,
        passages=passages,
        mentions=mentions,
        links=links,
        entities=entities,
        relations=read_table(OUTPUTS / "relations.parquet", Relation),
        topics=topics,
        assignments=assignments,
    )
    known = load_interviewees(PRIVATE / "interviewees.csv")
    if strangers := len(set(known) - set(year)):
        log.warning("private/interviewees.csv: %d rows name no document that was read", strangers)
    rule = Rule(settings.min_interviews, settings.min_organisations)
    released, withheld = release(tables, codebook.names, gazetteer, known, rule)
    write_table(OUTPUTS / "evidence.parquet", rows, EvidenceRow)
    write_csv(OUTPUTS / "release_audit.csv", [*withheld, *let_pass(load_allowed())], Withheld)
    told = {row.passage_id for row in released.rows if row.access != CLOSED}
    method = {
        "Passages read": str(len(released.passages)),
        "Passages with a code": str(len(told)),
        "Documents": str(len(released.documents)),
        "Interviewees not for attribution": released.interviews,
        "Coders": ", ".join(sorted({row.coder for row in released.rows if row.coder})),
        "Gold": "passages written and coded by language models; figures say how well the model follows them, not people",
        "Withheld": released.rule,
        "Names": "names of one partnership or scheme are put together across documents; Councils today counts a council that is "
        "gone under each of its successors",
    }
    for row in measured:
        if (
            row.code == "micro"
            and row.basis == "read"
            and is_language_model(row.coder_b)
            and row.coder_b in settings.coders
        ):
            said = f"F1 {row.f1:.2f} ({row.f1_low:.2f} to {row.f1_high:.2f}) on {row.n_passages} coded passages"
            method[f"Agreement of {row.coder_b} with the gold"] = said
    agreement = [row for row in measured if row.coder_b == "model" and row.basis == "read"]
    encoder = _Known(load_encoder(params.embed), passages)
    with publishing() as folder:
        write_rows(folder / "evidence.csv", released)
        write_cells(folder / "matrix.parquet", released)
        build_index(folder / "evidence.db", released, codebook=codebook, gazetteer=gazetteer, encoder=encoder)
        write_metadata(folder / "metadata.json", released.rule)
        write_map(folder / "evidence-map.html", released, codebook=codebook, gazetteer=gazetteer, agreement=agreement)
        write_workbook(folder / "evidence.xlsx", released, codebook=codebook, agreement=agreement, method=method)
        write_graphml(folder / "network.graphml", released)
        for suffix in ("png", "svg"):
            for kind, name, title in MAPS:
                path = folder / "plots" / f"{name}_by_code.{suffix}"
                write_heat_map(path, released, codebook, kind=kind, title=title)
            write_network(folder / "plots" / f"network.{suffix}", released, title=NETWORK)
    note_made("evidence")
    log.info("%d evidence rows, %d cells may leave", len(released.rows), len(released.cells))


if __name__ == "__main__":
    main(stage)
