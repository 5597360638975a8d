"""What a workbook and a page hold of more rows than they can: the strongest of each place and code, and word of the rest."""

import itertools
import json
import re
import shutil
import subprocess
from collections import Counter

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.evidence import build_rows, strongest
from collabnlp.export.choice import choose_rows
from collabnlp.export.map import write_map
from collabnlp.export.tables import write_rows
from collabnlp.export.workbook import write_workbook
from collabnlp.release import Rule, Tables, release
from conftest import make_document, make_mention, make_passage, make_tag


def released_of(sizes, gazetteer):
    """Rows that may leave: of each (entity, code) so many, each of a passage of its own and another score."""
    passages, tags, mentions = [], [], []
    for (entity, code), size in sizes.items():
        for _ in range(size):
            i = f"report:{len(passages) + 1:04d}"
            passages.append(make_passage(f"Said of {code} in passage {len(passages) + 1}.", i))
            tags.append(make_tag(i, code, score=round(0.5 + len(passages) % 7 / 20, 2)))
            if entity:
                mentions.append(make_mention(passage_id=i, ids=(entity,)))
    documents = [make_document()]
    rows = build_rows(documents, passages, tags, mentions, [], gazetteer, section_entities={}, document_entities={})
    tables = Tables(rows=rows, documents=documents, passages=passages, mentions=mentions)
    return release(tables, ["trust", "momentum"], gazetteer, {}, Rule()).released


def sizes_of(rows):
    return Counter((row.entity_id, row.code) for row in rows)


GROUPS = list(itertools.product(("", "kent", "selby"), ("trust", "momentum")))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 6), min_size=6, max_size=6), st.integers(6, 20))
def test_each_place_and_code_keeps_as_many_of_its_strongest_as_can_be(gazetteer, sizes, most):
    released = released_of(dict(zip(GROUPS, sizes, strict=True)), gazetteer)
    chosen, n = choose_rows(released, most)
    before, after = sizes_of(released.rows), sizes_of(chosen.rows)
    if sum(sizes) <= most:
        assert (chosen, n) == (released, 0)
        return
    assert after == {group: min(size, n) for group, size in before.items()}
    assert sum(after.values()) <= most < sum(min(size, n + 1) for size in before.values())
    assert [row for row in released.rows if row in set(chosen.rows)] == list(chosen.rows)  # in their order
    for group in before:
        own = [row for row in released.rows if (row.entity_id, row.code) == group]
        assert {r for r in chosen.rows if (r.entity_id, r.code) == group} == set(strongest(own)[:n])


@pytest.fixture
def large(gazetteer):
    return released_of({("kent", "trust"): 9, ("kent", "momentum"): 2, ("", "trust"): 5}, gazetteer)


def test_a_workbook_says_what_it_leaves_out_and_where_that_stands(large, codebook, tmp_path, monkeypatch):
    monkeypatch.setattr("collabnlp.export.sheets.MOST_QUOTES", 8)
    write_workbook(tmp_path / "w.xlsx", large, codebook=codebook, agreement=[], method={})
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    assert book["Quotes"].max_row == 3 + 8
    assert "at most 3 of each row and code: all stand in evidence.csv" in book["Quotes"]["A1"].value
    header, line = ([cell.value for cell in book["Councils"][n]] for n in (3, 4))
    assert dict(zip(header, line, strict=True))["Trust"] == 9  # counted, all of them
    write_rows(tmp_path / "evidence.csv", large)
    assert len((tmp_path / "evidence.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + 16


def test_a_workbook_has_no_more_links_on_a_sheet_than_excel_takes(large, codebook, tmp_path, monkeypatch):
    monkeypatch.setattr("collabnlp.export.sheets._SHEET_LINKS", 1)
    write_workbook(tmp_path / "w.xlsx", large, codebook=codebook, agreement=[], method={})
    cells = [
        cell for row in openpyxl.load_workbook(tmp_path / "w.xlsx")["Councils"].iter_rows(min_row=4) for cell in row
    ]
    assert sum(cell.hyperlink is not None for cell in cells) == 1
    assert {9, 2} <= {cell.value for cell in cells}


@pytest.fixture
def page(large, codebook, gazetteer, tmp_path, monkeypatch):
    monkeypatch.setattr("collabnlp.export.map.MOST_ROWS", 8)
    monkeypatch.setattr("collabnlp.export.map._STATIC_ROWS", 0)
    write_map(tmp_path / "m.html", large, codebook=codebook, gazetteer=gazetteer)
    return tmp_path / "m.html"


def test_a_page_counts_all_and_holds_the_strongest(page, large):
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert (data["most"], len(data["tags"])) == (3, 8)
    council = next(c for c in large.cells if (c.rows, c.row_id, c.code) == ("council", "kent", "trust"))
    assert any(counts[2:4] == [9, council.positive] for counts in data["cells"]["council"])
    assert "the first 0 documents" in text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_in_a_browser_such_a_page_has_no_filters_and_says_what_it_holds(page):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    address = f"{page.as_uri()}#rows=council&stance=negative&open=kent%0Atrust"
    shown = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True).stdout
    assert re.search(r'<label hidden="">Stance', shown)
    assert not re.search(r'<label hidden="">Rows', shown)
    assert "only the 3 strongest quotes" in shown
    assert 'aria-label="9 passages: 9 positive' in shown
    assert "3 quotes of it in this file" in shown
    assert shown.count("<article>") == 3
