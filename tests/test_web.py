"""The pages, asked as a browser asks them: every view, filter and file, and what must not get through."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser

import docx
import openpyxl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from collabnlp.query import fts_query
from collabnlp.records import InputError, columns
from collabnlp.release import CLOSED, NARROWED, select
from collabnlp.web.app import ROUTES, create_app
from collabnlp.web.guard import HEADERS
from collabnlp.web.index import Index
from collabnlp.web.project import Keeper
from collabnlp.web.questions import CompareQuestion, Filters, MatrixQuestion
from collabnlp.web.serve import hosts_of, serve
from conftest import ROOT
from web_world import FORMULA, HOSTILE, SECRET, write_world

ROWS = ("council", "county", "today", "partnership", "scheme", "document", "topic", "year")
PAGES = {  # each view with a question that it answers
    "matrix": "",
    "cell": "row=harrowmere&column=trust",
    "search": "q=trust",
    "passage": "id=report:0003",
    "document": "id=evil",
    "entity": "id=harrowmere",
    "code": "id=trust",
    "topic": "id=1",
    "compare": "a=harrowmere&b=tarnholt",
    "network": "",
    "method": "",
}


@pytest.fixture(scope="session")
def world(tmp_path_factory, codebook, gazetteer):
    """The folder of a small index, and what was released into it."""
    folder = tmp_path_factory.mktemp("world")
    return folder, write_world(folder, codebook, gazetteer)


class OpenRows:
    """The open rows; in a wrapper, since a test that fails would else print them all."""

    def __init__(self, released):
        self.rows = [row for row in released.rows if row.access != CLOSED]


@pytest.fixture(scope="session")
def open_rows(world):
    return OpenRows(world[1])


@pytest.fixture(scope="session")
def client(world):
    return TestClient(create_app(world[0] / "evidence.db", ROOT), base_url="http://localhost", follow_redirects=False)


@pytest.fixture(scope="session")
def index(world, codebook, gazetteer):
    return Index(world[0] / "evidence.db", codebook.names, gazetteer)


def address(name, query="", suffix=""):
    return f"/{name}{suffix}{'?' if query else ''}{query}"


def asked(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return answer


class Seen(HTMLParser):
    """What a reader sees of a page: its text, its links, and every tag with its attributes."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self._quiet = "", [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    @property
    def links(self):
        return [attrs["href"] for tag, attrs in self.tags if tag == "a" and attrs.get("href")]


def cell_texts(html):
    """Texts of the body cells of a page's first table, row by row."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.S).group(1)
    return [[Seen(cell).text.strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Every view


@pytest.mark.parametrize("name", PAGES)
def test_every_view_is_a_page_with_one_heading_and_a_way_to_everything(client, name):
    seen = Seen(asked(client, address(name, PAGES[name])).text)
    tags = [tag for tag, _ in seen.tags]
    assert tags.count("h1") == 1
    assert tags.count("main") == 1
    assert {"/matrix", "/search", "/compare", "/network", "/method", "/api"} <= set(seen.links)
    assert seen.links[0] == "#main"
    labelled = {attrs.get("for") for tag, attrs in seen.tags if tag == "label"}
    fields = [a for tag, a in seen.tags if tag in ("input", "select") and a.get("type") not in ("hidden", "checkbox")]
    assert all(field["id"] in labelled for field in fields)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_every_view_leads_somewhere(client, name):
    for link in dict.fromkeys(Seen(asked(client, address(name, PAGES[name])).text).links):
        if link.startswith("/") and not re.search(r"\.(xlsx|docx)", link):
            assert client.get(link).status_code == 200, link


def test_every_view_is_tested_here():
    assert set(PAGES) == set(ROUTES)


@pytest.mark.parametrize("rows", ROWS)
def test_the_matrix_has_a_table_with_caption_heads_and_totals(client, rows):
    html = asked(client, f"/matrix?rows={rows}").text
    if rows == "scheme":
        assert "Nothing in the evidence" in html
        return
    assert "<caption" in html
    assert html.count('scope="col"') == 14
    assert html.count('scope="colgroup"') == 2
    assert re.search(r"<tfoot>.*scope=\"row\">All \d+ rows", html, re.S)


def test_the_api_says_of_itself_what_it_is(client):
    schema = asked(client, "/api/openapi.json").json()
    assert {path.removeprefix("/api/") for path in schema["paths"]} == set(ROUTES)
    names = {p["name"] for p in schema["paths"]["/api/matrix"]["get"]["parameters"]}
    assert names == set(MatrixQuestion.model_fields)
    page = Seen(asked(client, "/api").text)
    assert "GET /api/matrix" in page.text
    assert not [
        src for _, attrs in page.tags if (src := attrs.get("src") or attrs.get("href") or "").startswith("http")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_the_api_answers_what_it_promises(client, name):
    answer = asked(client, address(f"api/{name}", PAGES[name])).json()
    assert ROUTES[name].answer.model_validate(answer)


def test_home_is_the_matrix(client):
    assert client.get("/").headers["location"] == "/matrix"


# ---------------------------------------------------------------------------------------------------------------------
# Numbers: the same as the gate's


def figures(cells):
    return {
        (c.rows, c.row_id, c.code): (
            *(c.row, c.n_passages, c.n_closed, c.n_documents, c.n_sources, c.n_named),
            *(c.positive, c.negative, c.neutral, c.suppressed),
        )
        for c in cells
    }


def test_the_whole_matrix_is_what_the_gate_wrote(index, world):
    _, released = world
    counted = [cell for rows in ROWS for cell in index.whole(rows).cells()]
    assert figures(counted) == figures(released.cells)
    assert any(cell.suppressed for cell in counted)
    assert any(cell.n_closed for cell in counted)


NARROW = st.builds(
    Filters,
    document=st.lists(st.sampled_from(["report", "old", "evil", "talk"]), max_size=2),
    year_from=st.sampled_from([None, 2009, 2010, 2019]),
    year_to=st.sampled_from([None, 2009, 2015, 2020]),
    kind=st.sampled_from([None, None, "report", "transcript"]),
    access=st.sampled_from([None, None, "public", "attributable", CLOSED]),
    stance=st.sampled_from([None, None, "positive", "negative", "neutral"]),
    place=st.sampled_from(["", "", "harrowmere", "tarnholt", "found:orren-board"]),
    code=st.lists(st.sampled_from(["trust", "momentum", "risk"]), max_size=2),
    min_score=st.sampled_from([None, None, 0.6, 0.75]),
    coder=st.sampled_from([None, None, "human", "model"]),
)


def kept_by(filters):
    """The filter, said row by row."""

    def keep(row):
        scored = row.score is not None
        return (
            (not filters.document or row.document_id in filters.document)
            and (filters.year_from is None or (row.year is not None and row.year >= filters.year_from))
            and (filters.year_to is None or (row.year is not None and row.year <= filters.year_to))
            and filters.kind in (None, row.kind)
            and filters.access in (None, row.access)
            and filters.stance in (None, row.stance)
            and filters.place in ("", row.entity_id)
            and (not filters.code or row.code in filters.code)
            and (filters.min_score is None or (row.access != CLOSED and (not scored or row.score >= filters.min_score)))
            and (filters.coder is None or (row.access != CLOSED and scored == (filters.coder == "model")))
        )

    return keep


@given(filters=NARROW)
@settings(max_examples=60, deadline=None)
def test_a_filtered_matrix_is_what_the_gate_selects(index, world, codebook, gazetteer, filters):
    chosen = select(world[1], kept_by(filters), codebook.names, gazetteer)
    keep = index.mask(filters)
    counted = [cell for rows in ROWS for cell in index.narrowed(rows, keep).cells()]
    assert figures(counted) == figures(chosen.cells)
    scores = {(c.rows, c.row_id, c.code): c.mean_score for c in chosen.cells}
    for cell in counted:
        expected = scores[cell.rows, cell.row_id, cell.code]
        assert cell.mean_score == (None if expected is None else pytest.approx(expected, abs=1e-4))


@given(filters=NARROW)
@settings(max_examples=25, deadline=None)
def test_a_file_of_a_filter_holds_the_rows_that_it_keeps(client, open_rows, filters):
    assume(not (filters.year_from and filters.year_to and filters.year_from > filters.year_to))
    query = MatrixQuestion(**filters.model_dump(), rows="document").address("/matrix.xlsx").partition("?")[2]
    book = openpyxl.load_workbook(io.BytesIO(asked(client, f"/matrix.xlsx?{query}").content))
    told = sorted((row.passage_id, row.coder.replace("\x00", "")) for row in open_rows.rows if kept_by(filters)(row))
    lines = list(book["Quotes"].iter_rows(min_row=4, values_only=True)) if "Quotes" in book.sheetnames else []
    assert sorted((line[15], line[12].removeprefix("'")) for line in lines) == told


def test_a_page_shows_the_numbers_of_the_matrix(client, world):
    _, released = world
    cell = next(c for c in released.cells if (c.rows, c.row_id, c.code) == ("council", "harrowmere", "trust"))
    text = cell_texts(asked(client, "/matrix").text)
    column = 1 + [head["code"] for head in client.get("/api/matrix").json()["heads"]].index("trust")
    line = next(line for line in text if line[0].startswith("Harrowmere"))
    shown = line[column]
    assert shown.startswith(f"{cell.n_passages} passages: Harrowmere")
    assert f"{cell.n_sources} source" in shown
    assert f"{cell.positive} positive, {cell.negative} negative, {cell.neutral} neutral" in shown
    assert f"mean score {cell.mean_score:.2f}" in shown


def test_nothing_is_told_from_withheld_and_from_not_searched(client):
    answer = asked(client, "/api/matrix?empty=yes").json()
    state = {(line["row_id"], h["code"]): p["state"] for line in answer["lines"] for h, p in zip(answer["heads"], line["places"], strict=True)}  # fmt: skip
    assert state["harrowmere", "trust"] == "found"
    assert state["harrowmere", "leadership"] == "nothing"
    assert state["tarnholt", "risk"] == "withheld"
    assert state["suffolk", "trust"] == "not searched"
    html = asked(client, "/matrix").text
    line = next(line for line in cell_texts(html) if line[0].startswith("Tarnholt"))
    assert {"[c] withheld", "0"} <= set(line)
    for line in cell_texts(asked(client, "/matrix?empty=yes&sort=name&order=up").text)[:5]:
        assert set(line[1:13]) == {"[x] not searched"}


def test_a_person_has_not_looked_where_a_person_read_nothing(client):
    answer = asked(client, "/api/matrix?rows=document&coder=human&empty=yes").json()
    states = {line["row_id"]: {p["state"] for p in line["places"]} for line in answer["lines"]}
    assert states["old"] == {"not searched"}
    assert states["report"] == {"found", "nothing"}


@pytest.mark.parametrize(
    "query", ["stance=positive", "year_from=2000", "kind=transcript", "code=trust", "place=tarnholt"]
)
def test_a_filtered_view_counts_nothing_said_not_for_attribution(client, query):
    answer = asked(client, f"/api/matrix?{query}").json()
    cells = [p["cell"] for line in answer["lines"] for p in line["places"] if p["cell"]]
    assert all(not cell["n_closed"] and not cell["suppressed"] for cell in cells)
    assert answer["note"] == NARROWED
    assert NARROWED in asked(client, f"/matrix?{query}").text


@pytest.mark.parametrize(
    ("sort", "first"), [("passages", "harrowmere"), ("joint_posts", "tarnholt"), ("name", "harrowmere")]
)
def test_rows_are_ordered_as_asked(client, sort, first):
    down = [line["row_id"] for line in asked(client, f"/api/matrix?sort={sort}").json()["lines"]]
    up = [line["row_id"] for line in asked(client, f"/api/matrix?sort={sort}&order=up").json()["lines"]]
    assert down[0] == first
    assert up[0] != first


def test_totals_are_the_sums_of_the_cells(client):
    for rows in ROWS:
        answer = asked(client, f"/api/matrix?rows={rows}").json()
        grid = [[p["cell"]["n_passages"] if p["cell"] else 0 for p in line["places"]] for line in answer["lines"]]
        assert [line["total"] for line in answer["lines"]] == [sum(line) for line in grid]
        assert answer["totals"] == [sum(column) for column in zip(*grid, strict=True)] or not grid
        assert answer["total"] == sum(answer["totals"])


def test_a_county_sums_its_districts(client):
    county = asked(client, "/api/cell?rows=county&row=orrenshire&column=joint_posts").json()
    own = asked(client, "/api/cell?rows=council&row=orrenshire&column=joint_posts").json()
    assert county["place"]["cell"]["n_passages"] == 3
    assert own["place"]["state"] == "nothing"


# ---------------------------------------------------------------------------------------------------------------------
# Addresses


def test_an_address_holds_the_whole_question(client):
    question = MatrixQuestion(rows="year", year_from=2010, code=["trust", "risk"], min_score=0.5, sort="trust", page=1)
    path = question.address("/matrix")
    assert path == "/matrix?year_from=2010&code=risk&code=trust&min_score=0.5&rows=year&sort=trust"
    assert f'href="{path.replace("&", "&amp;")}">Permanent link' in asked(client, path).text
    assert MatrixQuestion().address("/matrix") == "/matrix"


def test_empty_fields_of_a_form_are_left_out(client):
    answer = client.get("/matrix?rows=year&place=&year_from=&kind=&document=&stance=negative")
    assert (answer.status_code, answer.headers["location"]) == (303, "/matrix?stance=negative&rows=year")


@given(filters=NARROW)
@settings(max_examples=40, deadline=None)
def test_an_address_reads_back_as_the_question_that_made_it(filters):
    from urllib.parse import parse_qsl

    pairs = parse_qsl(filters.address("/x").partition("?")[2])
    back = {k: [v for n, v in pairs if n == k] if k in ("document", "code") else value for k, value in pairs}
    assert Filters.model_validate(back) == filters


def test_a_name_in_an_address_becomes_its_id(client):
    html = asked(client, "/matrix?place=harrowmere+bc").text
    assert "/matrix?place=harrowmere" in Seen(html).links
    assert "Place: Harrowmere Borough Council" in html
    names = asked(client, "/api/compare?a=Harrowmere&b=TARNHOLT").json()["sides"]
    assert [side["row_id"] for side in names] == ["harrowmere", "tarnholt"]


def test_filters_stay_set_on_the_way_to_a_cell_and_back(client):
    seen = Seen(asked(client, "/matrix?stance=negative").text)
    cell = next(link for link in seen.links if link.startswith("/cell?"))
    assert "stance=negative" in cell
    back = Seen(asked(client, cell).text)
    assert "/matrix?stance=negative" in back.links


def test_lists_have_pages(client):
    first = asked(client, "/cell?row=harrowmere&column=trust").text
    assert "Page 1 of 2" in first
    second = asked(client, "/cell?row=harrowmere&column=trust&page=2").text
    assert second.count("<blockquote") == 10
    assert client.get("/cell?row=harrowmere&column=trust&page=3").status_code == 400


# ---------------------------------------------------------------------------------------------------------------------
# What is not there


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/matrix?rows=towns", "Allowed: council, county"),
        ("/matrix?kind=memo", "Allowed: report or transcript"),
        ("/matrix?access=secret", "Allowed: public"),
        ("/matrix?stance=glad", "Allowed: positive"),
        ("/matrix?coder=robot", "Allowed: human or model"),
        ("/matrix?code=trusst", "Did you mean Trust?"),
        ("/matrix?document=report-1", "Did you mean A report?"),
        ("/matrix?place=Harowmere", "Did you mean Harrowmere"),
        ("/matrix?place=" + "x" * 300, "200 characters"),
        ("/matrix?year_from=soon", "year_from"),
        ("/matrix?year_from=2020&year_to=2010", "Put the earlier year first"),
        ("/matrix?min_score=2", "min_score"),
        ("/matrix?min_score=nan", "min_score"),
        ("/matrix?sort=size", "There is no order"),
        ("/matrix?page=99", "The last page is 1"),
        ("/matrix?page=0", "page"),
        ("/matrix?stanc=positive", "Did you mean stance?"),
        ("/matrix?<script>=1", "There is no filter"),
        ("/cell?row=harrowmere", "lacks “column”"),
        ("/cell?row=harrowmere&column=x", "There is no code"),
        ("/compare?a=harrowmere", "One of the two"),
        ("/compare?a=harrowmere&b=report", "cannot be compared"),
        ("/topic?id=one", "id"),
        ("/network?relation=likes", "Allowed: member_of"),
        ("/method?x=1", "There is no filter"),
    ],
)
def test_a_value_that_is_not_allowed_gets_a_plain_page(client, path, words):
    answer = client.get(path)
    assert answer.status_code == 400
    assert words in Seen(answer.text).text
    assert "<script>" not in answer.text.replace('<script src="/static/page.js" defer></script>', "")
    data = client.get(path.replace("/", "/api/", 1))
    assert data.status_code == 400
    assert set(data.json()) == {"problem", "remedy"}


@pytest.mark.parametrize(
    "path",
    ["/x", "/matrix.pdf", "/entity?id=nowhere", "/topic?id=99", "/passage?id=report:9999", "/document?id=x", "/cell?row=x&column=trust",
     "/cell?rows=topic&row=%00&column=trust", "/static/../app.py", "/static/..%2fapp.py"],
)  # fmt: skip
def test_a_thing_that_is_not_there_gets_a_plain_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in answer.text


def test_an_unknown_code_page_says_so(client):
    assert client.get("/code?id=x").status_code == 400


# ---------------------------------------------------------------------------------------------------------------------
# Interviews not for attribution


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("suffix", ["", ".csv", ".json", ".xlsx", ".docx"])
def test_nothing_closed_gets_into_any_view_or_file(client, name, suffix, tmp_path):
    """Not the documents' names, nor passages around a quote; the quotes themselves are shown as the gate made them."""
    from collabnlp.contents import texts_of

    queries = {PAGES[name]}
    if name in ("matrix", "search"):
        queries |= {"access=non-attributable", f"access=non-attributable{'&q=trust' if name == 'search' else ''}"}
    for query in queries:
        path = tmp_path / f"x{suffix}"
        path.write_bytes(asked(client, address(name, query, suffix)).content)
        for text in texts_of(path):
            assert "closed-" not in text
            assert f"{SECRET} talk" not in text
            assert f"{SECRET} 0" not in text


@pytest.mark.parametrize("path", ["/passage?id=closed-0:0001", "/document?id=closed-0", "/passage?id=not-for-attribution:trust:0001",
                                  "/cell?rows=document&row=closed-0&column=trust"])  # fmt: skip
def test_what_is_closed_has_no_page(client, path):
    assert client.get(path).status_code == 404


def test_a_closed_document_is_no_filter(client):
    assert client.get("/matrix?document=closed-0").status_code == 400


def test_quotes_not_for_attribution_stand_on_the_page_of_their_code(client, world):
    html = asked(client, "/code?id=trust").text
    closed = [row for row in world[1].rows if row.access == CLOSED]
    assert closed
    assert "[c] Interviews not for attribution" in html
    for row in closed:
        assert f"/passage?id={row.passage_id}" not in html


# ---------------------------------------------------------------------------------------------------------------------
# Hostile texts


def shown(text):
    """A hostile text as a page may show it: signs that are no text as such."""
    return text.replace("\x00", "\ufffd")


EVIL = {
    "matrix": "rows=document",
    "cell": "rows=document&row=evil&column=trust",
    "search": "q=alert",
    "passage": "id=evil:0001",
    "document": "id=evil",
    "entity": "id=found:orren-board",
    "code": "id=risk",
    "topic": "id=1",
    "compare": "a=evil&b=report",
    "network": "place=found:orren-board",
    "method": "",
}


@pytest.mark.parametrize("name", EVIL)
def test_a_hostile_text_is_text_on_every_page(client, name):
    html = asked(client, address(name, EVIL[name])).text
    seen = Seen(html)
    assert "\x00" not in html
    scripts = [attrs for tag, attrs in seen.tags if tag == "script"]
    assert scripts == [{"src": "/static/page.js", "defer": None}]
    assert not [attrs for _, attrs in seen.tags if any(n.startswith("on") or n == "style" for n in attrs)]
    assert {attrs["src"] for tag, attrs in seen.tags if tag == "img"} <= {"/network.svg"}
    assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b", seen.text)
    if name in ("network", "entity"):
        assert "Orren <b>Board</b>" in seen.text
    else:
        assert shown(HOSTILE)[:60] in seen.text
    if name in ("cell", "search", "passage", "compare"):
        assert shown(HOSTILE) in seen.text


@pytest.mark.parametrize("name", EVIL)
def test_a_hostile_text_is_text_in_every_file(client, name):
    query = EVIL[name]
    book = openpyxl.load_workbook(io.BytesIO(asked(client, address(name, query, ".xlsx")).content))
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", (sheet.title, cell.coordinate)
                assert not str(cell.value or "").startswith("=")
    text = asked(client, address(name, query, ".csv")).content.decode("utf-8-sig")
    assert "\x00" not in text
    for row in csv.reader(io.StringIO(text, newline="")):
        assert not [cell for cell in row if cell.lstrip()[:1] in ("=", "+", "@")]
    paragraphs = docx.Document(io.BytesIO(asked(client, address(name, query, ".docx")).content))
    assert paragraphs.paragraphs
    json.loads(asked(client, address(name, query, ".json")).content)


def test_a_formula_reaches_a_file_as_the_words_that_it_is(client):
    query = "q=calc+board"
    book = openpyxl.load_workbook(io.BytesIO(asked(client, f"/search.xlsx?{query}").content))
    assert f"'{FORMULA}" in [cell.value for row in book["Quotes"].iter_rows() for cell in row]
    word = docx.Document(io.BytesIO(asked(client, f"/search.docx?{query}").content))
    assert FORMULA in [p.text for p in word.paragraphs]
    rows = list(
        csv.DictReader(io.StringIO(asked(client, f"/search.csv?{query}").content.decode("utf-8-sig"), newline=""))
    )
    assert f"'{FORMULA}" in [row["quote"] for row in rows]


@pytest.mark.parametrize(
    "words",
    ['"', "a OR b", "NEAR(", "text:x", "*", "-x", "'; DROP TABLE evidence; --", "a^2", "{", "\x00", "trust AND", "NOT trust", "(", "^",
     "<script>alert(1)</script>", "\u202etrust", "%00", "\ue000\ue001trust"],
)  # fmt: skip
def test_operators_that_a_reader_types_are_words(client, words):
    answer = client.get("/search", params={"q": words})
    assert answer.status_code == 200
    assert "\x00" not in answer.text
    found = client.get("/api/search", params={"q": words}).json()
    assert found["n_found"] == 0 or all(
        word.strip('"').lower() in str(found).lower() for word in fts_query(words).split()
    )
    assert asked(client, "/search?q=trust").text.count("<mark>") > 3


@given(words=st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_words_break_the_search(client, words):
    assert client.get("/api/search", params={"q": words}).status_code in (200, 400)


@given(name=st.sampled_from(sorted(PAGES)), field=st.sampled_from(["id", "row", "column", "place", "a", "b", "document", "code", "rows", "sort"]),
       value=st.text(max_size=30))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_no_value_breaks_a_page(client, name, field, value):
    assert client.get(f"/{name}", params={field: value}).status_code in (200, 303, 400, 404)


# ---------------------------------------------------------------------------------------------------------------------
# Files


def test_a_matrix_as_csv_has_a_line_for_each_cell(client):
    text = asked(client, "/matrix.csv?rows=year").content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    years = {line["Row id"] for line in lines}
    assert len(lines) == 12 * len(years)
    found = next(line for line in lines if (line["Row id"], line["Code id"]) == ("2009", "joint_posts"))
    assert (found["State"], found["Passages"], found["Negative"]) == ("found", "3", "3")


def test_a_matrix_as_excel_and_word_says_what_was_asked(client):
    query = "rows=year&stance=negative"
    book = openpyxl.load_workbook(io.BytesIO(asked(client, f"/matrix.xlsx?{query}").content))
    assert book.sheetnames == ["About", "Cells", "Matrix", "Quotes"]
    about = {row[0].value: row[1].value for row in book["About"].iter_rows(min_row=4)}
    assert about["Stance"] == "negative"
    assert about["Address"] == "/matrix?stance=negative&rows=year"
    assert about["Withheld"] == NARROWED
    assert all(sheet.tables for sheet in book)
    assert {row[3].value for row in book["Quotes"].iter_rows(min_row=4)} == {"negative"}
    word = docx.Document(io.BytesIO(asked(client, f"/matrix.docx?{query}").content))
    assert word.tables[0].rows[0].cells[1].text == "People and trust"
    quotes = [p.text for p in word.paragraphs if p.style.name == "Quote"]
    assert len(quotes) == sum(1 for _ in book["Quotes"].iter_rows(min_row=4))
    assert "— An older report (2009), Part one > The board, p. 3 [invented]. Joint posts and double hatting; negative; coded by model-1, score 0.80; Tarnholt District Council (invented) (the passage names it)." in [p.text for p in word.paragraphs]  # fmt: skip


def test_a_cell_as_csv_holds_its_quotes_with_citations(client):
    text = asked(client, "/cell.csv?row=tarnholt&column=joint_posts").content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [line["passage_id"] for line in lines] == ["old:0001", "old:0002", "old:0003"]
    assert lines[0]["citation"] == "An older report (2009), Part one > The board, p. 3 [invented]"


@pytest.mark.parametrize("suffix", ["xlsx", "csv", "docx", "json"])
def test_a_file_is_downloaded_and_never_run(client, suffix):
    answer = asked(client, f"/search.{suffix}?q=trust")
    assert answer.headers["content-disposition"] == f'attachment; filename="search.{suffix}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


# ---------------------------------------------------------------------------------------------------------------------
# Search, passage, things


def test_search_finds_words_in_any_form_and_marks_them(client):
    html = asked(client, "/search?q=share+chief").text
    assert "<mark>sharing</mark>" in html
    assert "<b>4</b> passages found" in html  # any of the words may stand in a passage or its headings
    assert asked(client, '/api/search?q="sharing+a+chief"&year_from=2010').json()["n_found"] == 0
    assert asked(client, '/api/search?q="executive+chief"').json()["n_found"] == 0


def test_search_without_words_finds_nothing_but_by_filters(client):
    assert asked(client, "/api/search").json()["n_found"] == 0
    assert asked(client, "/api/search?code=joint_posts").json()["n_found"] == 3


def test_a_passage_stands_in_its_document_with_tags_and_mentions(client):
    html = asked(client, "/passage?id=report:0036").text
    seen = Seen(html)
    for ordinal in (34, 35, 37, 38):
        assert f"Passage {ordinal}: Harrowmere" in seen.text
    assert '<mark class="council"><a href="/entity?id=harrowmere">Harrowmere</a>' in html
    assert {"/passage?id=report%3A0035", "/passage?id=report%3A0037"} <= set(seen.links)
    assert "anna (a person)" in seen.text
    assert "the model (model-1), score" in seen.text
    assert "Words that spoke for it: agreed; councils." in seen.text
    assert "the heading above the passage names it" in seen.text
    first = asked(client, "/api/passage?id=report:0001").json()
    assert (first["previous"], first["next"]) == ("", "report:0002")


def test_quotes_of_a_cell_come_strongest_first_each_with_its_reason(client):
    quotes = asked(client, "/api/cell?row=orrenshire&column=trust").json()["quotes"]
    scores = [round(q["score"], 1) for q in quotes]
    assert scores == sorted(scores, reverse=True)
    text = Seen(asked(client, "/cell?row=orrenshire&column=trust").text).text
    assert "the heading above the passage names it" in text
    assert "The sentence that carries it most: “The councils agreed.”" in text


def test_an_entity_shows_facts_codes_partners_and_documents(client):
    seen = Seen(asked(client, "/entity?id=harrowmere").text)
    for words in ("non-metropolitan district", "Orrenshire County Council", "is a member of", "Orren <b>Board</b>"):
        assert words in seen.text
    assert "/document?id=report" in seen.links


def test_a_place_of_which_no_document_speaks_has_a_page(client):
    text = Seen(asked(client, "/entity?id=suffolk").text).text
    assert "Suffolk County Council" in text
    assert text.count("[x] not searched") == 12


def test_a_code_shows_how_well_it_is_found(client):
    text = Seen(asked(client, "/code?id=trust").text).text
    assert "F1 0.77 (0.70 to 0.82)" in text
    assert "words 0.60" in text
    assert "F1 0.77" in asked(client, "/matrix").text


def test_without_figures_and_network_the_pages_say_so(tmp_path, codebook, gazetteer):
    write_world(tmp_path, codebook, gazetteer)
    for name in ("metrics.json", "network.graphml"):
        (tmp_path / name).unlink()
    client = TestClient(create_app(tmp_path / "evidence.db", ROOT), base_url="http://localhost")
    assert "Not measured here" in asked(client, "/code?id=trust").text
    assert "there is no outputs/network.graphml" in asked(client, "/network").text
    assert asked(client, "/matrix").text.count("F1 0") == 0
    assert client.get("/network.svg").status_code == 404


def test_two_are_compared_code_by_code(client):
    sides = asked(client, "/api/compare?a=harrowmere&b=tarnholt").json()["sides"]
    assert [len(side["places"]) for side in sides] == [12, 12]
    assert CompareQuestion(a="x", b="y").level == "own"
    county = asked(client, "/api/compare?a=harrowmere&b=tarnholt&level=county").json()["sides"]
    assert {side["row_id"] for side in county} == {"orrenshire"}
    reports = asked(client, "/api/compare?a=report&b=An+older+report").json()["sides"]
    assert [side["rows"] for side in reports] == ["document", "document"]


# ---------------------------------------------------------------------------------------------------------------------
# The server


@pytest.mark.parametrize(
    "path", ["/matrix", "/x", "/matrix?kind=x", "/static/page.css", "/api/matrix", "/matrix.xlsx", "/api/openapi.json"]
)
def test_every_answer_has_the_headers_that_keep_a_browser_in(client, path):
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "host", ["example.org", "localhost.example.org", "127.0.0.1.nip.io", "", "[::2]", "localhost@evil"]
)
def test_another_host_is_refused(client, host):
    answer = client.get("/matrix", headers={"host": host})
    assert answer.status_code == 400
    assert "quote" not in answer.text
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_this_machine_is_served_under_any_of_its_names(client, host):
    assert client.get("/matrix", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_sent(client, method):
    assert client.request(method, "/matrix").status_code == 405


def test_the_index_is_only_read(client, world):
    path = world[0] / "evidence.db"
    before = path.read_bytes()
    for name, query in PAGES.items():
        asked(client, address(name, query))
    assert path.read_bytes() == before
    assert not list(world[0].glob("*-wal")) + list(world[0].glob("*-journal"))


def test_a_new_index_is_read_without_a_restart(tmp_path, codebook, gazetteer):
    write_world(tmp_path, codebook, gazetteer)
    keeper = Keeper(tmp_path / "evidence.db", ROOT)
    first = keeper.project()
    assert keeper.project() is first
    write_world(tmp_path, codebook, gazetteer)
    assert keeper.project() is not first


def test_while_the_index_is_gone_a_page_says_so(tmp_path, codebook, gazetteer):
    write_world(tmp_path, codebook, gazetteer)
    client = TestClient(create_app(tmp_path / "evidence.db", ROOT), base_url="http://localhost")
    (tmp_path / "evidence.db").unlink()
    answer = client.get("/matrix")
    assert answer.status_code == 503
    assert "cannot be read at the moment, for want of evidence.db." in answer.text
    assert "Run `dvc repro` first." in answer.text
    assert str(tmp_path) not in answer.text


def test_the_picture_of_the_network_comes_and_goes_with_its_file(tmp_path, codebook, gazetteer):
    write_world(tmp_path, codebook, gazetteer)
    client = TestClient(create_app(tmp_path / "evidence.db", ROOT), base_url="http://localhost")
    assert client.get("/network.svg").status_code == 404
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "network.svg").write_text("<svg/>")
    assert client.get("/network.svg").content == b"<svg/>"
    assert client.get("/network.svg").headers["content-type"] == "image/svg+xml"
    assert "/network.svg" in client.get("/network").text
    (tmp_path / "plots" / "network.svg").unlink()
    assert client.get("/network.svg").status_code == 404


def test_the_index_calls_codes_by_their_titles(world):
    with closing(sqlite3.connect(world[0] / "evidence.db")) as db:
        rules = [rule for (rule,) in db.execute("SELECT definition FROM code")]
    assert any("“People and trust”" in rule for rule in rules)
    assert not [rule for rule in rules if "people_and_trust" in rule]


@pytest.mark.parametrize(
    ("host", "public", "names", "words"),
    [
        ("0.0.0.0", False, (), "--public"),
        ("192.168.1.9", False, (), "--public"),
        ("example.org", False, ("example.org",), "--public"),
        ("0.0.0.0", True, (), "--name"),
        ("::", True, (), "--name"),
    ],
)
def test_others_are_let_in_only_on_purpose(host, public, names, words):
    with pytest.raises(InputError, match=words):
        hosts_of(host, public=public, names=names)


def test_a_public_server_answers_to_the_names_it_was_given():
    assert "evidence.example.org" in hosts_of("0.0.0.0", public=True, names=["evidence.example.org"])


def test_a_taken_port_is_one_line(tmp_path, codebook, gazetteer, monkeypatch, capsys):
    import socket
    import sys

    from collabnlp import cli

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}"):
            serve(tmp_path / "evidence.db", "127.0.0.1", port, public=False, folder=ROOT)
    monkeypatch.setattr(sys, "argv", ["collabnlp", "serve", "--host", "0.0.0.0"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("--host: 0.0.0.0 can be reached")


def test_a_missing_index_is_one_line(tmp_path):
    with pytest.raises(InputError, match="there is no evidence index"):
        create_app(tmp_path / "evidence.db", ROOT)


def test_rows_of_the_json_are_rows_of_the_records(client):
    quote = asked(client, "/api/cell?row=harrowmere&column=trust").json()["quotes"][0]
    from collabnlp.records import EvidenceRow

    assert list(quote) == columns(EvidenceRow)
