"""All tables join into evidence: rows, matrix, index, workbook, pictures."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import collabnlp.meaning
from collabnlp.audit import publishing
from collabnlp.codebook import Codebook, load_codebook
from collabnlp.coded import check_coders, count_coders, is_language_model, load_coded
from collabnlp.discreet import discreet
from collabnlp.embed import Remembering, VectorTable
from collabnlp.engine import CACHE, code_version
from collabnlp.entities import MentionFinder
from collabnlp.evidence import Named, build_rows, entities_of, link_mentions, section_sizes
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
    ROW_GROUP,
    AgreementRow,
    CodedRow,
    EntityLink,
    EntityMention,
    EvidenceRow,
    FoundEntity,
    Passage,
    PassageTag,
    Table,
    TagReason,
    TopicAssignment,
    Withheld,
    read_table,
    table_writer,
    write_csv,
)
from collabnlp.release import CLOSED, Rule, read_tables, release
from collabnlp.stages import CORPUS, OUTPUTS, load_documents, log, main
from collabnlp.streams import Beside, in_batches, sorted_on_disk
from collabnlp.withheld import let_pass

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


def stage(params: Params) -> None:
    """Join, write and draw."""
    with discreet("private/", closed=PRIVATE.exists(), quotes=True):
        _join(params)


def _evidence(
    params: Params, codebook: Codebook, gazetteer: Gazetteer, measured: Sequence[AgreementRow]
) -> Iterator[EvidenceRow]:
    """The evidence rows, in the order of the passages; some passages are held at a time."""
    settings, finder = params.evidence, MentionFinder(gazetteer)
    documents = {d.document_id: d for d in load_documents()}
    passages, tags = Table(OUTPUTS / "passages.parquet", Passage), Table(OUTPUTS / "tags.parquet", PassageTag)
    coders: dict[str, bool] = {}  # whether a person
    for tag in tags:
        coders[tag.coder] = coders.get(tag.coder, False) or tag.score is None
    people, machines = ({name for name, person in coders.items() if person is one} for one in (True, False))
    said = {name: _by_passage(rows) for name, rows in load_coded(CORPUS).items()}
    check_coders(people, machines, said, settings.coders, measured, min_measured=settings.min_measured)
    sizes = section_sizes(passages)
    sections = sorted({(passage.section, documents[passage.document_id].year) for passage in passages})
    around = {
        section: found for section, year in sections if (found := _about(section, year, finder, sizes, gazetteer))
    }
    titles = {
        d.document_id: entities_of(finder.find_in_heading(d.title, d.year), gazetteer) for d in documents.values()
    }
    entities = Table(OUTPUTS / "entities.parquet", FoundEntity)
    names = {e.entity_id: Named(e.entity_id, e.name, e.label) for e in entities if not e.listed}
    tags_of = Beside(tag for tag in tags if tag.score is None or tag.score >= settings.min_score)
    reasons_of = Beside(Table(OUTPUTS / "reasons.parquet", TagReason))
    topics_of = Beside(Table(OUTPUTS / "topic_assignments.parquet", TopicAssignment))
    mentions_of = Beside(
        link_mentions(Table(OUTPUTS / "mentions.parquet", EntityMention), Table(OUTPUTS / "links.parquet", EntityLink))
    )
    for batch in in_batches(passages, ROW_GROUP):
        ids = [passage.passage_id for passage in batch]
        counted, named_words = count_coders(
            [tag for i in ids for tag in tags_of.of(i)],
            {name: [row for i in ids for row in rows.get(i, ())] for name, rows in said.items()},
            settings.coders,
            machines,
            {passage.passage_id: passage.text for passage in batch},
            codes=codebook.names,
        )
        yield from build_rows(
            [documents[i] for i in sorted({passage.document_id for passage in batch})],
            batch,
            counted,
            [mention for i in ids for mention in mentions_of.of(i)],
            [row for i in ids for row in topics_of.of(i)],
            gazetteer,
            section_entities=around,
            document_entities=titles,
            names=names,
            reasons=[*(reason for i in ids for reason in reasons_of.of(i)), *named_words],
        )


def _by_passage(rows: Sequence[CodedRow]) -> dict[str, list[CodedRow]]:
    found: dict[str, list[CodedRow]] = defaultdict(list)
    for row in rows:
        found[row.passage_id].append(row)
    return found


def _join(params: Params) -> None:
    codebook = load_codebook(CORPUS / "codebook.yaml", searched=False)
    gazetteer = load_gazetteer(CORPUS / "gazetteer.csv")
    settings = params.evidence
    known = load_interviewees(PRIVATE / "interviewees.csv")
    measured = read_table(OUTPUTS / "agreement.parquet", AgreementRow)
    with table_writer(OUTPUTS / "evidence.parquet", EvidenceRow) as write:
        rows = sorted_on_disk(_evidence(params, codebook, gazetteer, measured), EvidenceRow, OUTPUTS)
        for batch in in_batches(rows, ROW_GROUP):
            write(batch)
    tables = read_tables(OUTPUTS)
    if strangers := len(set(known) - {document.document_id for document in tables.documents}):
        log.warning("private/interviewees.csv: %d rows name no document that was read", strangers)
    rule = Rule(settings.min_interviews, settings.min_organisations)
    released, withheld = release(tables, codebook.names, gazetteer, known, rule)
    write_csv(OUTPUTS / "release_audit.csv", [*withheld, *let_pass(load_allowed())], Withheld)
    told: set[str] = set()
    coders: set[str] = set()
    for row in released.rows:
        if row.access != CLOSED:
            told.add(row.passage_id)
            coders.add(row.coder)
    method = {
        "Passages read": str(len(released.passages)),
        "Passages with a code": str(len(told)),
        "Documents": str(len(released.documents)),
        "Interviewees not for attribution": released.interviews,
        "Coders": ", ".join(sorted(filter(None, coders))),
        "Gold": "passages written and coded by language models; figures say how well the model follows them, not people",
        "Withheld": released.rule,
        "Names": "names of one partnership or scheme are put together across documents; Councils today counts a council that is "
        "gone under each of its successors",
    }
    del told
    for of in measured:
        if (
            of.code == "micro"
            and of.basis == "read"
            and is_language_model(of.coder_b)
            and of.coder_b in settings.coders
        ):
            said = f"F1 {of.f1:.2f} ({of.f1_low:.2f} to {of.f1_high:.2f}) on {of.n_passages} coded passages"
            method[f"Agreement of {of.coder_b} with the gold"] = said
    agreement = [of for of in measured if of.coder_b == "model" and of.basis == "read"]
    vectors = VectorTable(OUTPUTS / "embeddings.parquet")
    with publishing() as folder:
        write_rows(folder / "evidence.csv", released)
        write_cells(folder / "matrix.parquet", released)
        build_index(
            folder / "evidence.db",
            released,
            codebook=codebook,
            gazetteer=gazetteer,
            encoder=Remembering(load_encoder(params.embed), CACHE / "searched" / code_version(collabnlp.meaning)[:16]),
            known=(pair for ids, rows in vectors for pair in zip(ids, rows, strict=True)),
        )
        write_metadata(folder / "metadata.json", released.rule)
        write_map(folder / "evidence-map.html", released, codebook=codebook, gazetteer=gazetteer, agreement=agreement)
        write_workbook(folder / "evidence.xlsx", released, codebook=codebook, agreement=agreement, method=method)
        write_graphml(folder / "network.graphml", released)
        for kind, name, title in MAPS:
            write_heat_map(folder / "plots" / f"{name}_by_code", released, codebook, kind=kind, title=title)
        write_network(folder / "plots" / "network", released, title=NETWORK)
    note_made("evidence")
    log.info("%d evidence rows, %d cells may leave", len(released.rows), len(released.cells))


if __name__ == "__main__":
    main(stage)
