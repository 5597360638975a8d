import csv
import json
import threading
from types import MappingProxyType

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import judged
from collabnlp.embed import SentenceEncoder
from collabnlp.evidence import build_rows
from collabnlp.export.hits import format_hits, write_hits_workbook
from collabnlp.export.tables import write_rows
from collabnlp.export.workbook import write_workbook
from collabnlp.meaning import QuestionEncoder, is_readable
from collabnlp.params import load_params
from collabnlp.query import MATCHES, Filters, Searcher, build_index, load_encoder, open_index, search
from collabnlp.query.search import NEAREST, fuse, nearest
from collabnlp.query.views import OWN_TABLES, RECORDS, VIEWS, write_metadata
from collabnlp.records import InputError
from collabnlp.release import Rule, Tables, release
from conftest import ROOT, FakeEncoder, make_document, make_mention, make_passage, make_tag

TEXTS = {
    "kent:0001": "Kent County Council shared a chief executive with its districts.",
    "kent:0002": "They trusted each other, and sharing came easily.",
    "kent:0003": "Nobody paid for the depot.",
    "old:0001": "Suffolk was slow, and the Lowestoft Rising board never met.",
    "talk:0001": "We in Suffolk lost a depot.",
}


def make_released(gazetteer, codebook, texts=TEXTS, documents=None, speakers=MappingProxyType({})):
    documents = documents or [
        make_document("kent", title="The Kent story", year=2019),
        make_document("old", title="An older report", year=2009, access="attributable"),
        make_document("talk", title="A talk", year=2015, kind="transcript", synthetic=True),
    ]
    passages = [
        make_passage(text, passage_id, section=("Posts",), speaker=speakers.get(passage_id))
        for passage_id, text in texts.items()
    ]
    tags = [
        make_tag("kent:0001", "joint_posts", score=0.9),
        make_tag("kent:0002", "trust", coder="ann", score=None),
        make_tag("kent:0002", "people_and_trust", score=0.6),
        make_tag("old:0001", "momentum", stance="negative", score=0.4),
    ]
    mentions = [
        make_mention(passage_id="kent:0001"),
        make_mention("Suffolk", "old:0001", ids=("suffolk",)),
        make_mention("Suffolk", "talk:0001", 6, ids=("suffolk",)),
    ]
    mentions = [m for m in mentions if texts[m.passage_id][m.start_char : m.end_char] == m.text]
    rows = build_rows(documents, passages, tags, mentions, [], gazetteer, section_entities={}, document_entities={})
    tables = Tables(rows=rows, documents=documents, passages=passages, mentions=mentions)
    return release(tables, codebook.names, gazetteer, {}, Rule()).released


@pytest.fixture(scope="module")
def index(tmp_path_factory, codebook, gazetteer):
    path = tmp_path_factory.mktemp("index") / "evidence.db"
    released = make_released(gazetteer, codebook)
    build_index(path, released, codebook=codebook, gazetteer=gazetteer, encoder=FakeEncoder())
    return path


@pytest.fixture(scope="module")
def searcher(index):
    return Searcher(index, FakeEncoder())


def ids(found):
    return [hit.passage_id for hit in found.hits]


def test_a_question_of_the_interviewer_is_not_found(tmp_path, codebook, gazetteer):
    texts = {**TEXTS, "talk:0002": "Would you share a chief executive again?"}
    released = make_released(gazetteer, codebook, texts, speakers={"talk:0002": "Interviewer"})
    build_index(tmp_path / "x.db", released, codebook=codebook, gazetteer=gazetteer, encoder=FakeEncoder())
    assert set(ids(Searcher(tmp_path / "x.db", FakeEncoder()).search("share a chief executive"))) == set(TEXTS)


def test_words_come_first_and_meaning_adds_to_them(searcher):
    found = searcher.search("shared depot")
    assert found.ways == ("words", "meaning")
    assert set(ids(found)) == set(TEXTS)  # meaning ranks them all
    by = {hit.passage_id: hit.by for hit in found.hits}
    assert by["kent:0003"] == ("words", "meaning")
    assert by["old:0001"] == ("meaning",)
    assert set(ids(searcher.search("shared depot", ways=["words"]))) == {i for i in by if "words" in by[i]}


def test_without_an_encoder_words_alone_are_searched(index):
    found = search(index, "depot")
    assert (found.ways, found.total, set(ids(found))) == (("words",), 2, {"kent:0003", "talk:0001"})


def test_an_index_without_vectors_is_searched_by_words(tmp_path, codebook, gazetteer):
    build_index(tmp_path / "x.db", make_released(gazetteer, codebook), codebook=codebook, gazetteer=gazetteer)
    assert search(tmp_path / "x.db", "depot", encoder=FakeEncoder()).ways == ("words",)


def test_vectors_of_another_encoder_are_refused(index):
    other = FakeEncoder()
    other.name = "other"
    with pytest.raises(InputError, match="by the encoder fake, not other; run `dvc repro`"):
        Searcher(index, other)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"document": ("older",)}, {"old:0001"}),
        ({"document": ("old", "talk")}, {"old:0001", "talk:0001"}),
        ({"year_from": 2010}, {"kent:0001", "kent:0002", "kent:0003", "talk:0001"}),
        ({"year_to": 2010}, {"old:0001"}),
        ({"kind": "transcript"}, {"talk:0001"}),
        ({"access": "attributable"}, {"old:0001"}),
        ({"stance": "negative"}, {"old:0001"}),
        ({"code": ("trust", "Momentum")}, {"kent:0002", "old:0001"}),
        ({"code": ("trust",), "stance": "negative"}, set()),
        ({"coder": "human"}, {"kent:0002"}),
        ({"coder": "model"}, {"kent:0001", "kent:0002", "old:0001"}),
        ({"min_score": 0.5}, {"kent:0001", "kent:0002"}),
        ({"min_score": 0.7, "coder": "model"}, {"kent:0001"}),
        ({"place": "Suffolk"}, {"old:0001", "talk:0001"}),  # named, whether coded or not
        ({"place": "suffolk", "stance": "negative"}, {"old:0001"}),
        ({"place": "KENT COUNTY COUNCIL"}, {"kent:0001"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "-".join(sorted(value)),
)
@pytest.mark.parametrize("words", ["", "shared depot Suffolk board trusted"])
def test_filters_hold_for_words_and_for_meaning(searcher, words, filters, expected):
    found = searcher.search(words, Filters(**filters))
    assert set(ids(found)) == expected
    assert found.total == len(expected)


def test_the_rows_of_a_hit_are_those_that_pass_the_filters(searcher):
    (hit,) = searcher.search("", Filters(code=("trust",))).hits
    assert [(row.code, row.coder) for row in hit.rows] == [("trust", "ann")]
    (hit,) = searcher.search('"sharing came"').hits
    assert [row.code for row in hit.rows] == ["trust", "people_and_trust"]  # people's before the model's


def test_what_is_found_is_what_exporters_take(searcher):
    found = searcher.search("depot")
    assert {row.passage_id for row in found.released.rows} <= set(ids(found))
    assert {passage.passage_id for passage in found.released.passages} == set(ids(found))
    assert found.rows == found.released.rows
    assert found.released.narrowed


@pytest.mark.parametrize(
    ("filters", "hint"),
    [
        ({"place": "Sufolk"}, "did you mean suffolk"),
        ({"code": ("momentun",)}, "did you mean momentum"),
        ({"document": ("The Kont story",)}, "did you mean kent"),
        ({"stance": "bad"}, "has no evidence here"),
        ({"kind": "book"}, "has no evidence here"),
    ],
)
def test_a_filter_that_names_nothing_is_refused_with_a_hint(searcher, filters, hint):
    with pytest.raises(InputError, match=hint):
        searcher.search("", Filters(**filters))


def test_pages_make_up_the_whole(searcher):
    whole = ids(searcher.search("shared depot", limit=0))
    pages = [ids(searcher.search("shared depot", offset=at, limit=2)) for at in range(0, 6, 2)]
    assert [i for page in pages for i in page] == whole
    assert searcher.search("shared depot", offset=99).hits == ()
    assert searcher.search("shared depot", offset=99).total == len(whole)


def test_spans_are_where_the_words_stand_in_any_form(searcher):
    spans = {h.passage_id: [h.text[a:b] for a, b in h.spans] for h in searcher.search("share depots", limit=0).hits}
    assert spans["kent:0001"] == ["shared"]
    assert spans["kent:0002"] == ["sharing"]
    assert spans["kent:0003"] == ["depot"]
    assert spans["old:0001"] == []
    (hit,) = searcher.search('"chief executive"').hits
    assert [hit.text[a:b] for a, b in hit.spans] == ["chief executive"]


def test_words_in_quotes_stand_side_by_side(searcher):
    assert ids(searcher.search('"executive chief" depot')) == []
    assert ids(searcher.search("“chief executive” depot")) == ["kent:0001"]


def test_headings_and_titles_are_searched_too(index):
    assert set(ids(search(index, "posts"))) == set(TEXTS)
    assert set(ids(search(index, "story"))) == {"kent:0001", "kent:0002", "kent:0003"}


@pytest.mark.parametrize(
    ("typed", "read_as", "first"),
    [
        ("Lowestoff", ("Lowestoff", "Lowestoft"), "old:0001"),
        ("sufolk board", ("sufolk", "suffolk"), "old:0001"),
        ("KCC", ("KCC", "Kent County Council"), "kent:0001"),
    ],
)
def test_a_misspelt_or_short_name_finds_its_place(index, typed, read_as, first):
    found = search(index, typed)
    assert any(a == read_as[0] and read_as[1] in b for a, b in found.read_as)
    assert ids(found)[0] == first


def test_a_word_like_no_name_is_left_as_it_is(index):
    assert search(index, "xylophone").read_as == ()
    assert search(index, "xylophone").total == 0


def test_signs_alone_find_nothing_and_no_words_find_everything(searcher):
    assert searcher.search("*** --").total == 0
    assert ids(searcher.search("", limit=0)) == sorted(TEXTS)


HOSTILE = ['"', "a OR b", "NEAR(", "text:x", "*", "-x", "'; DROP TABLE evidence; --", "a^2", "{", "\x00", "\ue000", "ſ", "_ _", "<script>", "=cmd|' /C calc'!A0", "\u202edepot"]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_hostile_words_are_only_words(searcher, words):
    searcher.search(words)
    assert searcher.search("depot").total


@settings(max_examples=200, deadline=None)
@given(words=st.text(max_size=60))
def test_nothing_that_is_typed_breaks_the_search(searcher, words):
    found = searcher.search(words)
    assert len(found.hits) == min(found.total, 20)


def test_several_threads_search_at_once(searcher):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ids(searcher.search("shared depot")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(answer) for answer in answers}) == 1
    assert len(answers) == 8


def test_no_way_gives_more_than_it_may(tmp_path, codebook, gazetteer):
    texts = {f"kent:{i:04d}": f"depot number {i}" for i in range(1, MATCHES + 10)}
    released = make_released(gazetteer, codebook, {**TEXTS, **texts})
    build_index(tmp_path / "x.db", released, codebook=codebook, gazetteer=gazetteer, encoder=FakeEncoder())
    searcher = Searcher(tmp_path / "x.db", FakeEncoder())
    words = searcher.search("depot", limit=0, ways=["words"])
    assert (words.total, words.more) == (MATCHES, True)
    assert searcher.search("depot", limit=0, ways=["meaning"]).total == NEAREST


@given(st.lists(st.floats(-1, 1, width=32), max_size=40), st.integers(1, 50))
def test_the_nearest_are_those_of_a_full_sort(scores, n):
    array = np.array(scores, dtype=np.float32)
    assert array[nearest(array, n)].tolist() == sorted(array.tolist(), reverse=True)[:n]


@given(st.lists(st.permutations(range(5)), min_size=1, max_size=3))
def test_what_every_ranking_has_first_comes_first(rankings):
    rankings = [[9, *ranking] for ranking in rankings]
    assert fuse(rankings)[0] == 9
    assert sorted(fuse(rankings)) == [0, 1, 2, 3, 4, 9]


# ---------------------------------------------------------------------------------------------------------------------
# The index as other tools see it


def test_every_table_and_column_is_in_the_dictionary(index):
    with open_index(index) as db:
        told = {(t, c) for t, c, _ in db.execute("SELECT table_name, column_name, meaning FROM column_dictionary")}
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        names = [n for n in names if not n.startswith(("passage_text_", "sqlite_"))]
        there = {(n, r[1]) for n in names for r in db.execute(f"PRAGMA table_info({n})") if n != "passage_text"}
        assert there | {(n, "") for n in names} == told
        assert all(r[0] for r in db.execute("SELECT meaning FROM column_dictionary"))
    assert set(names) == set(RECORDS) | set(OWN_TABLES) | set(VIEWS)


def test_foreign_keys_hold(index):
    with open_index(index) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        keys = {
            t: len(db.execute(f"PRAGMA foreign_key_list({t})").fetchall()) for t in ("passage", "evidence", "matrix")
        }
    assert keys == {"passage": 1, "evidence": 2, "matrix": 1}


def test_views_read_as_they_stand(index):
    with open_index(index) as db:
        (row,) = db.execute("SELECT * FROM quotes WHERE code = 'joint_posts'").fetchall()
        assert (row["code_title"], row["place"], row["document"]) == (
            "Joint posts and double hatting",
            "Kent County Council",
            "The Kent story",
        )
        codes = dict(db.execute("SELECT passage_id, codes FROM coded_passages").fetchall())
        assert codes["kent:0002"] == "People and trust; Trust"
        assert codes["kent:0003"] is None
        assert (
            db.execute("SELECT count(*) FROM cells").fetchone() == db.execute("SELECT count(*) FROM matrix").fetchone()
        )


def test_metadata_describes_what_is_there(index, tmp_path):
    write_metadata(tmp_path / "metadata.json", "Some is withheld.")
    told = json.loads((tmp_path / "metadata.json").read_text())
    assert "Some is withheld." in told["description"]
    tables = told["databases"]["evidence"]["tables"]
    with open_index(index) as db:
        for name, about in tables.items():
            columns = [r[1] for r in db.execute(f"PRAGMA table_info({name})")]
            assert set(about.get("columns", {})) <= set(columns), name
            assert set(about.get("facets", [])) <= set(columns)
            if "fts_pk" in about:
                query = f"SELECT count(*) FROM {name} WHERE {about['fts_pk']} IN (SELECT rowid FROM {about['fts_table']} WHERE {about['fts_table']} MATCH 'sharing')"
                assert db.execute(query).fetchone()[0]


def test_datasette_shows_it(index, tmp_path):
    app = pytest.importorskip("datasette.app", reason="datasette is not installed")
    import asyncio

    write_metadata(tmp_path / "metadata.json", "")
    served = app.Datasette([str(index)], metadata=json.loads((tmp_path / "metadata.json").read_text()))

    async def ask(path):
        return await served.client.get(path)

    for path in (
        "/",
        "/evidence",
        "/evidence/quotes?_search=shared",
        "/evidence/findable?_search=depot",
        *(f"/evidence/{n}" for n in VIEWS),
    ):
        assert asyncio.run(ask(path)).status_code == 200, path


NASTY = "<script>alert(1)</script> =cmd|' /C calc'!A0 \"quoted\" 'single' \u202eright to left\u202c nul\x00after \u2028 & done"


def test_hostile_text_is_text_in_the_index_and_in_answers(tmp_path, codebook, gazetteer):
    texts = {**TEXTS, "kent:0001": NASTY, "kent:0002": "=1+1 is a sum", "kent:0003": "\ue000marked\ue001 depot"}
    released = make_released(gazetteer, codebook, texts)
    build_index(tmp_path / "x.db", released, codebook=codebook, gazetteer=gazetteer, encoder=FakeEncoder())
    found = Searcher(tmp_path / "x.db", FakeEncoder()).search("alert sum marked calc", limit=0)
    hits = {hit.passage_id: hit for hit in found.hits}
    assert hits["kent:0001"].text == NASTY
    for hit in found.hits:
        assert all(0 <= a < b <= len(hit.text) for a, b in hit.spans)
    assert [hits["kent:0002"].text[a:b] for a, b in hits["kent:0002"].spans] == ["sum"]
    for form in ("table", "md"):
        text = format_hits(found.released, found.hits, form, {})
        assert not any(sign in text for sign in "\x00\u202e\u202c\ue000")
    assert "\\<script\\>" in format_hits(found.released, found.hits, "md", {})
    assert "'=1+1 is a sum" in format_hits(found.released, found.hits, "csv", {})
    lines = [json.loads(line) for line in format_hits(found.released, found.hits, "jsonl", {}).split("\n") if line]
    assert {line["text"] for line in lines} >= {NASTY}


def test_hostile_text_is_text_in_the_workbook_and_the_table(tmp_path, codebook, gazetteer):
    texts = {**TEXTS, "kent:0001": NASTY, "kent:0002": "=1+1 is a sum", "old:0001": "\u200f@SUM(A1) and -2 and +3"}
    released = make_released(gazetteer, codebook, texts)
    build_index(tmp_path / "x.db", released, codebook=codebook, gazetteer=gazetteer, encoder=FakeEncoder())
    found = search(tmp_path / "x.db", limit=0)
    write_hits_workbook(tmp_path / "hits.xlsx", found.released, found.hits, {})
    write_workbook(tmp_path / "all.xlsx", released, codebook=codebook, agreement=[], method={})
    write_rows(tmp_path / "rows.csv", released)
    for name in ("hits.xlsx", "all.xlsx"):
        cells = [c for sheet in openpyxl.load_workbook(tmp_path / name) for row in sheet.iter_rows() for c in row]
        assert not [c.coordinate for c in cells if c.data_type in ("f", "e")]
        texts_shown = [c.value for c in cells if isinstance(c.value, str)]
        assert "'=1+1 is a sum" in texts_shown
        assert any(text.startswith("<script>alert(1)</script> =cmd|") and "nul" in text for text in texts_shown)
        assert all(c.hyperlink is None or c.hyperlink.location for c in cells)  # links lead nowhere else
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        quotes = [row["quote"] for row in csv.DictReader(file)]
    assert "'=1+1 is a sum" in quotes
    assert not any(quote.startswith(("=", "+", "-", "@")) for quote in quotes)


# ---------------------------------------------------------------------------------------------------------------------
# The real encoder


@pytest.mark.slow
def test_questions_are_encoded_as_the_encoder_does():
    settings = load_params(ROOT / "params.yaml").embed
    whole = SentenceEncoder(settings.encoder, settings.sha256, settings.max_tokens)
    own = load_encoder(settings)
    assert isinstance(own, QuestionEncoder)
    assert own.name == whole.model_name
    texts = ["Who pays?", "", "torn between two masters " * 90, "İstanbul café 日本 \x00 \ud800", "x" * 300]
    assert np.allclose(
        own.encode(texts), whole.encode([t.encode("utf-8", "replace").decode() for t in texts]), atol=1e-5
    )
    assert own.encode([]).shape == (0, 384)
    assert not is_readable(ROOT)


@pytest.mark.slow
def test_words_and_meaning_together_find_more_than_either_alone():
    """Over the sample corpus as `dvc repro` leaves it; docs/method.md has the table."""
    path = ROOT / "outputs" / "evidence.db"
    questions, _, without = judged.judged(path)
    assert len(questions) + without == 44
    scores = judged.score(Searcher(path, load_encoder(load_params(ROOT / "params.yaml").embed)), questions)
    words, meaning, both = scores.mean(axis=1)
    assert both > max(words, meaning)
    assert both > 0.48
