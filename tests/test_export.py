import openpyxl
import pytest

from collabnlp.export import citation, format_codebook
from collabnlp.query import search
from conftest import run_stages


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
