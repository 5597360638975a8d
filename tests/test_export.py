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
from collabnlp.release import Rule, Tables, release
from conftest import make_document, make_mention, make_passage


@pytest.fixture(scope="module")
def made(small_project):
    """The outputs of a small project, made once."""
    return small_project / "outputs"


@pytest.fixture
def workbook(made):
    return openpyxl.load_workbook(made / "evidence.xlsx")


def test_the_contents_lead_to_every_sheet_and_every_sheet_back(workbook):
    contents = workbook["Contents"]
    listed = {row[0].value: row[0].hyperlink.location for row in contents.iter_rows(min_row=4)}
    assert list(listed) == workbook.sheetnames[2:]
    assert all(location == f"'{name}'!A1" for name, location in listed.items())
    for sheet in workbook.worksheets[2:]:
        assert sheet["A2"].hyperlink.location == "'Contents'!A1", sheet.title


def test_every_table_has_a_frozen_head_filters_and_prints_one_page_wide(workbook):
    for sheet in workbook.worksheets[1:]:
        (table,) = sheet.tables.values()
        assert sheet.freeze_panes == "B4"
        assert table.autoFilter.ref == table.ref
        assert table.ref.startswith("A3:")
        assert sheet.page_setup.fitToHeight == 0
        heads = [cell.value for cell in sheet[3]]
        assert all(heads), sheet.title
        assert len(set(heads)) == len(heads)


def test_entities_and_notes_stand_on_sheets_of_their_own(workbook):
    heads = [cell.value for cell in workbook["Entities"][3]]
    assert heads == ["Name", "Kind", "Also called", "Passages", "Documents", "First year", "Last year", "Id"]
    assert isinstance(workbook["Entities"]["D4"].value, int)
    notes = {row[0]: row[1] for row in workbook["Notes"].iter_rows(min_row=4, values_only=True)}
    assert {"0", "[c]", "Invented", "What is left out"} <= set(notes)


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
            if isinstance(cell.value, int) and cell.value:
                target = int(cell.hyperlink.location.split("!A")[1])
                assert quotes.cell(target, 1).value == row[0].value
                assert quotes.cell(target, 3).value == header[cell.column - 1]
                block = [
                    r
                    for r in quotes.iter_rows(min_row=4, values_only=True)
                    if r[0] == row[0].value and r[2] == header[cell.column - 1]
                ]
                assert len(block) == cell.value  # nothing not for attribution is counted here
                checked += 1
    assert checked


def test_the_workbook_holds_no_word_of_what_is_not_for_attribution(workbook):
    words = " ".join(
        str(cell) for sheet in workbook for row in sheet.iter_rows(values_only=True) for cell in row if cell
    )
    assert "Marsh" not in words
    assert "nobody asked whose job" not in words
    assert "An interview" not in words
    assert "Interviews not for attribution: fewer than 3" in words
    assert "interviewees of 2 organisations" in words


def test_a_citation_tells_where_it_stands(made):
    row = search(made / "evidence.db", limit=1).rows[0]
    assert citation(row).startswith("Joint work (2019), ")
    assert citation(row).endswith("[invented]")
    closed = row.model_copy(update={"access": "non-attributable"})
    assert citation(closed) == "[c] Interviews not for attribution [invented]"


def test_the_codebook_page_holds_every_code(codebook):
    page = format_codebook(codebook, None, "md")
    assert all(f"## {code.title}" in page for code in codebook.codes)


def released(documents, passages, mentions, gazetteer):
    """What may leave of passages in which mentions were found."""
    links, entities, _ = cluster(mentions, passages, documents, gazetteer)
    keys = {key_of(k): k.entity_ids for k in links}
    names = {e.entity_id: e.name for e in entities}
    relations = find_relations(passages, mentions, documents, gazetteer, keys, names)
    tables = Tables(
        documents=documents, passages=passages, mentions=mentions, links=links, entities=entities, relations=relations
    )
    return tables, release(tables, ["trust"], gazetteer, {}, Rule()).released


@pytest.fixture
def told(gazetteer):
    """Two passages that name Selby, one of them not for attribution."""
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
    return released(documents, passages, mentions, gazetteer)[1]


def test_entities_are_listed_by_open_passages(told):
    lines = format_entities(told, "table").splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["north-yorkshire-county-council", "selby"]
    assert lines[2].split() == ["Selby", "District", "Council", "COUNCIL", "1", "1", "2015", "selby"]
    assert len(format_entities(told, "jsonl").splitlines()) == 2
    assert format_entities(told, "csv").startswith("name,label,documents,passages,years,id\n")


def test_one_entity_with_its_successor_county_and_partner(told, gazetteer):
    rest = {"gazetteer": gazetteer, "titles": {}}
    entity = find_entity("selby bc", told, gazetteer, "x")
    text = format_entity(entity.entity_id, told, "table", **rest)
    for line in (
        "today           North Yorkshire Council",
        "county          North Yorkshire County Council",
        "shares a post with  North Yorkshire County Council         1  a:0001",
    ):
        assert line in text
    assert "b:0001" not in text
    assert "Selby paid" not in text
    kinds = [json.loads(line)["record"] for line in format_entity("selby", told, "jsonl", **rest).splitlines()]
    assert kinds == ["entity", "partner", "passage"]


def test_an_unknown_entity_is_refused_with_a_hint(told, gazetteer):
    with pytest.raises(InputError, match="did you mean Selby District Council"):
        find_entity("Selbi", told, gazetteer, "x")


@pytest.fixture
def closed(gazetteer):
    """A public text and an interview not for attribution, which alone names the Moor Growth Board and Ryedale."""
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
    tables, found = released(documents, passages, mentions, gazetteer)
    assert any(row.object_name == "Moor Growth Board" for row in tables.relations)
    return found


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_no_list_names_what_only_interviews_not_for_attribution_name(closed, gazetteer, form):
    shown = format_entity("selby", closed, form, gazetteer=gazetteer, titles={})
    for text in (format_entities(closed, form), shown):
        assert "Moor Growth Board" not in text
        assert "Ryedale" not in text
        assert "Fen Growth Board" in text


@pytest.mark.parametrize("name", ["More Growth Board", "Moor Growth Board", "Ryedale", "Ryedal"])
def test_no_answer_tells_what_only_interviews_not_for_attribution_name(closed, gazetteer, name):
    with pytest.raises(InputError) as error:
        find_entity(name, closed, gazetteer, "x")
    assert str(error.value).startswith(f"x: no document names '{name}'; ")
    assert "Moor Growth Board" not in str(error.value).partition(";")[2]
    assert "Ryedale" not in str(error.value).partition(";")[2]
