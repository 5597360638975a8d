import json

import openpyxl
import pytest

from collabnlp.clusters import cluster
from collabnlp.export.codes import format_codebook
from collabnlp.export.entities import find_entity, format_entities, format_entity
from collabnlp.export.passages import citation
from collabnlp.query import search
from collabnlp.records import InputError, key_of
from collabnlp.relations import find_relations
from collabnlp.release import WITHHELD
from conftest import make_document, make_mention, make_passage, run_stages


@pytest.fixture
def workbook(project):
    run_stages()
    return openpyxl.load_workbook("outputs/evidence.xlsx")


def test_every_sheet_but_the_cover_holds_one_table(workbook):
    assert workbook.sheetnames[0] == "Cover"
    for sheet in workbook.worksheets[1:]:
        assert len(sheet.tables) == 1, sheet.title
        assert not sheet.merged_cells.ranges


def test_a_number_in_the_matrix_leads_to_that_many_quotes(workbook):
    sheet, quotes = workbook["Councils"], workbook["Quotes"]
    header = [cell.value for cell in sheet[3]]
    checked = 0
    for row in sheet.iter_rows(min_row=4):
        for cell in row[1:-1]:
            if isinstance(cell.value, int):
                target = int(cell.hyperlink.location.split("!A")[1])
                assert quotes.cell(target, 1).value == row[0].value
                assert quotes.cell(target, 3).value == header[cell.column - 1]
                block = [
                    r
                    for r in quotes.iter_rows(min_row=4, values_only=True)
                    if r[0] == row[0].value and r[2] == header[cell.column - 1]
                ]
                assert len(block) == cell.value
                checked += 1
    assert checked


def test_the_workbook_holds_no_word_of_what_is_not_for_attribution(workbook):
    words = " ".join(
        str(cell) for sheet in workbook for row in sheet.iter_rows(values_only=True) for cell in row if cell
    )
    assert "Marsh" not in words
    assert "nobody asked whose job" not in words
    assert "quote withheld" in words


def test_a_citation_tells_where_it_stands(project):
    run_stages()
    rows = {row.access: row for row in search("outputs/evidence.db", limit=0)}
    assert citation(rows["public"]).startswith("Joint work (2019), ")
    assert citation(rows["public"]).endswith("[invented]")
    assert citation(rows["non-attributable"]) == "An interview (2019), not for attribution"


def test_the_codebook_page_holds_every_code(codebook):
    page = format_codebook(codebook, None, "md")
    assert all(f"## {code.title}" in page for code in codebook.codes)


@pytest.fixture
def told(gazetteer):
    """What `format_entity` needs, of two passages that name Selby."""
    passages = [
        make_passage("Selby and North Yorkshire share a chief executive.", "a:0001"),
        make_passage("Selby paid.", "b:0001"),
    ]
    mentions = [
        make_mention("Selby", "a:0001", ids=("selby",)),
        make_mention("North Yorkshire", "a:0001", 10, ids=("north-yorkshire-county-council",)),
        make_mention("Selby", "b:0001", ids=("selby",)),
    ]
    documents = [make_document("a", year=2015), make_document("b", year=2019, access="non-attributable")]
    links, entities, _ = cluster(mentions, passages, documents, gazetteer)
    keys = {key_of(k): k.entity_ids for k in links}
    return entities, {
        "gazetteer": gazetteer,
        "relations": find_relations(passages, mentions, documents, gazetteer, keys, {}),
        "links": links,
        "passages": {p.passage_id: p for p in passages},
        "access": {d.document_id: d.access for d in documents},
        "rows": [],
        "titles": {},
    }


def test_entities_are_listed_by_passages(told):
    lines = format_entities(told[0], "table").splitlines()
    assert lines[1].split() == ["Selby", "District", "Council", "COUNCIL", "2", "2", "2015", "to", "2019", "selby"]
    assert len(format_entities(told[0], "jsonl").splitlines()) == 2
    assert format_entities(told[0], "csv").startswith("name,label,documents,passages,years,id\n")
    assert format_entities([], "table") == ""


def test_one_entity_with_its_successor_county_and_partner(told, gazetteer):
    entities, rest = told
    text = format_entity(find_entity("selby bc", entities, gazetteer, "x"), "table", **rest)
    for line in (
        "today           North Yorkshire Council",
        "county          North Yorkshire County Council",
        "shares a post with  North Yorkshire County Council         1  a:0001",
    ):
        assert line in text
    assert WITHHELD in text
    assert "Selby paid" not in text
    kinds = [json.loads(line)["record"] for line in format_entity(entities[1], "jsonl", **rest).splitlines()]
    assert kinds == ["entity", "partner", "passage", "passage"]


def test_an_unknown_entity_is_refused_with_a_hint(told, gazetteer):
    with pytest.raises(InputError, match="did you mean Selby District Council"):
        find_entity("Selbi", told[0], gazetteer, "x")


@pytest.fixture
def closed(gazetteer):
    """A public text and an interview not for attribution, which alone names the Moor Growth Board and its members."""
    passages = [
        make_passage("Selby is a member of the Fen Growth Board.", "open:0001"),
        make_passage("Selby and Ryedale formed the Moor Growth Board.", "shut:0001"),
    ]
    mentions = [
        make_mention("Selby", "open:0001", ids=("selby",)),
        make_mention("Fen Growth Board", "open:0001", 25, "PARTNERSHIP", ()),
        make_mention("Selby", "shut:0001", ids=("selby",)),
        make_mention("Ryedale", "shut:0001", 10, ids=("ryedale",)),
        make_mention("Moor Growth Board", "shut:0001", 29, "PARTNERSHIP", ()),
    ]
    documents = [make_document("open"), make_document("shut", access="non-attributable")]
    links, entities, _ = cluster(mentions, passages, documents, gazetteer)
    keys = {key_of(k): k.entity_ids for k in links}
    names = {e.entity_id: e.name for e in entities}
    return entities, {
        "gazetteer": gazetteer,
        "relations": find_relations(passages, mentions, documents, gazetteer, keys, names),
        "links": links,
        "passages": {p.passage_id: p for p in passages},
        "access": {d.document_id: d.access for d in documents},
        "rows": [],
        "titles": {},
    }


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_no_list_names_what_only_interviews_not_for_attribution_name(closed, gazetteer, form):
    entities, rest = closed
    assert any(row.object_name == "Moor Growth Board" for row in rest["relations"])
    listed = format_entities(entities, form)
    assert "Moor Growth Board" not in listed
    assert "Fen Growth Board" in listed
    assert "Ryedale" in listed  # the gazetteer holds it
    shown = format_entity(find_entity("Selby", entities, gazetteer, "x"), form, **rest)
    assert "Moor Growth Board" not in shown
    assert "Fen Growth Board" in shown


def test_no_hint_names_what_only_interviews_not_for_attribution_name(closed, gazetteer):
    with pytest.raises(InputError) as error:
        find_entity("More Growth Board", closed[0], gazetteer, "x")
    assert "Moor Growth Board" not in str(error.value)
