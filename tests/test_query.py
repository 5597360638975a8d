import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabnlp.evidence import build_rows
from collabnlp.query import build_index, fts_query, search
from collabnlp.records import InputError
from collabnlp.release import Rule, Tables, release
from conftest import make_document, make_mention, make_passage, make_tag

TEXTS = {
    "kent:0001": "Kent County Council shared a chief executive with its districts.",
    "kent:0002": "They trusted each other, and sharing came easily.",
    "old:0001": "Suffolk was slow, and the growth board never met.",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory, codebook, gazetteer):
    path = tmp_path_factory.mktemp("index") / "evidence.db"
    documents = [
        make_document("kent", title="The Kent story", year=2019),
        make_document("old", title="An older report", year=2009),
    ]
    passages = [make_passage(text, passage_id) for passage_id, text in TEXTS.items()]
    tags = [
        make_tag("kent:0001", "joint_posts", score=0.9),
        make_tag("kent:0002", "trust"),
        make_tag("kent:0002", "people_and_trust"),
        make_tag("old:0001", "momentum", stance="negative"),
    ]
    mentions = [make_mention(passage_id="kent:0001"), make_mention("Suffolk", "old:0001", ids=("suffolk",))]
    rows = build_rows(documents, passages, tags, mentions, [], gazetteer, section_entities={}, document_entities={})
    tables = Tables(rows=rows, documents=documents, passages=passages, mentions=mentions)
    released = release(tables, codebook.names, gazetteer, {}, Rule()).released
    build_index(path, released, codebook=codebook, gazetteer=gazetteer)
    build_index(path.with_name("again.db"), released, codebook=codebook, gazetteer=gazetteer)
    return path


def found(index, *args, **filters):
    return [(row.passage_id, row.code) for row in search(index, *args, **filters).rows]


def test_an_index_is_the_same_bytes_twice(index):
    assert index.read_bytes() == index.with_name("again.db").read_bytes()


@pytest.mark.parametrize(
    ("words", "filters", "expected"),
    [
        ("sharing", {}, ["kent:0001", "kent:0002", "kent:0002"]),
        ('"chief executive"', {}, ["kent:0001"]),
        ("executive chief", {}, ["kent:0001"]),
        ('"executive chief"', {}, []),
        ("", {"code": "momentum"}, ["old:0001"]),
        ("", {"code": "Joint posts and double hatting"}, ["kent:0001"]),
        ("", {"place": "kent county council"}, ["kent:0001"]),
        ("", {"place": "Suffolk"}, ["old:0001"]),
        ("", {"document": "older"}, ["old:0001"]),
        ("", {"stance": "negative"}, ["old:0001"]),
        ("", {"year_from": 2010}, ["kent:0001", "kent:0002", "kent:0002"]),
        ("", {"year_to": 2010}, ["old:0001"]),
        ("", {"limit": 1}, ["kent:0001"]),
    ],
)
def test_words_and_filters(index, words, filters, expected):
    assert sorted(passage_id for passage_id, _ in found(index, words, **filters)) == expected


def test_a_passage_comes_once_for_each_code(index):
    assert found(index, "trusted") == [("kent:0002", "people_and_trust"), ("kent:0002", "trust")]


@pytest.mark.parametrize("filters", [{"place": "Sufolk"}, {"code": "momentun"}, {"document": "Knet story"}])
def test_a_slip_of_the_pen_is_met_with_a_suggestion(index, filters):
    with pytest.raises(InputError, match="did you mean"):
        search(index, **filters)


def test_no_index_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="dvc repro"):
        search(tmp_path / "evidence.db")
    (tmp_path / "bad.db").write_text("no database")
    with pytest.raises(InputError, match="no evidence index"):
        search(tmp_path / "bad.db")


@given(st.text(max_size=30))
def test_no_words_can_break_the_query(words):
    query = fts_query(words)
    assert query.count('"') % 2 == 0


@pytest.mark.parametrize(
    "words", ['"', "a OR b", "NEAR(", "text:x", "*", "-x", "'; DROP TABLE evidence; --", "a^2", "{", "\x00"]
)
def test_hostile_words_are_only_words(index, words):
    search(index, words)
    assert found(index, "sharing")
