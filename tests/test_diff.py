"""What changed between two runs: of evidence, codes and scores; and what a comparison must not tell."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabnlp.diff import Coded, compare_rows, compare_scores, compare_tags, match_passages
from collabnlp.export.differences import format_evidence_difference, format_run_difference
from collabnlp.gazetteer import Gazetteer
from collabnlp.query import build_index, read_open, search
from collabnlp.records import EvidenceRow, InputError
from collabnlp.release import CLOSED, Rule, Tables, release, reread
from conftest import make_document, make_passage, make_tag

TEXTS = {
    "kent:0001": "The districts trust the county.",
    "kent:0002": "Nobody would say who pays.",
    "kent:0003": "A joint chief executive came.",
}


def row(passage_id="kent:0001", code="trust", entity="kent", coder="model-1", stance="positive", score=0.8, **changes):
    return EvidenceRow(
        **{
            "entity_id": entity,
            "entity_name": entity.title(),
            "entity_label": "COUNCIL" if entity else "",
            "code": code,
            "passage_id": passage_id,
            "coder": coder,
            "tie": "named" if entity else "none",
            "stance": stance,
            "score": score,
            "document_id": passage_id.split(":")[0],
            "document": "A report",
            "kind": "report",
            "year": 2019,
            "access": "public",
            "synthetic": False,
            "section": "",
            "page": None,
            "speaker": None,
            "topic": -1,
            "review": False,
            "sentence": "",
            "terms": "",
            "quote": TEXTS.get(passage_id, "Other words stand here."),
            **changes,
        }
    )


SAME = match_passages(TEXTS, TEXTS)


def test_new_gone_and_changed_evidence_by_row_and_code():
    before = [row(), row("kent:0002", "momentum", stance="negative"), row("kent:0003", "trust", "bath")]
    after = [row(), row("kent:0002", "momentum", stance="positive"), row("kent:0003", "trust")]
    found = compare_rows(before, after, SAME)
    assert [(c.what, c.row, c.code, c.differences) for c in found.changes] == [
        ("gone", "Bath", "trust", ()),
        ("changed", "Kent", "momentum", ("stance negative to positive",)),
        ("new", "Kent", "trust", ()),
    ]
    assert [tuple(cell) for cell in found.cells] == [
        ("bath", "Bath", "trust", 1, 0, 0, 1, 0),
        ("kent", "Kent", "momentum", 1, 1, 0, 0, 1),
        ("kent", "Kent", "trust", 1, 2, 1, 0, 0),
    ]


@pytest.mark.parametrize(
    "after",
    [
        [row(coder="model-2", score=0.7)],
        [row(review=True)],
        [row(), row(entity="bath")][:1],
    ],
    ids=["a retrained model", "a mark for review", "the same"],
)
def test_what_is_no_change(after):
    assert compare_rows([row()], after, SAME).changes == []


def test_a_person_goes_before_the_model_and_their_agreement_is_told():
    person = row(coder="anna", score=None, stance="negative")
    (change,) = compare_rows([row()], [row(), person], SAME).changes
    assert change.differences == ("stance positive to negative", "coded by model to anna, model")
    assert change.after == person


def test_rows_may_be_documents_and_a_passage_tied_to_two_places_counts_once():
    before = [row()]
    after = [row(), row(entity="bath"), row("kent:0002"), row("kent:0002", entity="bath")]
    (cell,) = compare_rows(before, after, SAME, "document").cells
    assert tuple(cell) == ("kent", "A report", "trust", 1, 2, 1, 0, 0)
    assert len(compare_rows(before, after, SAME).cells) == 2


def test_passages_are_found_again_when_a_document_is_cut_otherwise():
    later = {"kent:0001": "A foreword.", **{f"kent:{i:04d}": text for i, text in enumerate(TEXTS.values(), start=2)}}
    matched = match_passages(TEXTS, later)
    assert matched == {"kent:0001": "kent:0002", "kent:0002": "kent:0003", "kent:0003": "kent:0004"}
    assert compare_rows([row()], [row("kent:0002", quote=TEXTS["kent:0001"])], matched).changes == []
    mended = {"kent:0001": "The districts do trust the county."}
    matched = match_passages(TEXTS, mended)
    (change,) = compare_rows([row()], [row(quote=mended["kent:0001"])], matched).changes
    assert change.differences == ("text",)


def test_the_same_words_in_another_document_are_another_passage():
    assert match_passages({"a:0001": "Trust."}, {"b:0001": "Trust."}) == {}


@given(
    st.dictionaries(st.sampled_from([f"a:{i:04d}" for i in range(9)]), st.sampled_from(["x y", "x y z", "q", ""])),
    st.dictionaries(st.sampled_from([f"a:{i:04d}" for i in range(9)]), st.sampled_from(["x y", "x y z", "q", ""])),
)
def test_a_passage_is_matched_with_one_other(before, after):
    matched = match_passages(before, after)
    assert set(matched) <= set(before)
    assert set(matched.values()) <= set(after)
    assert len(set(matched.values())) == len(matched)
    assert match_passages(after, after) == {i: i for i in sorted(after)}


@given(st.data())
def test_cells_add_up(data):
    def some():
        keys = data.draw(
            st.sets(
                st.tuples(
                    st.sampled_from(list(TEXTS)),
                    st.sampled_from(["trust", "risk"]),
                    st.sampled_from(["kent", "bath", ""]),
                )
            )
        )
        return [row(*key, stance=data.draw(st.sampled_from(["positive", "negative"]))) for key in sorted(keys)]

    before, after = some(), some()
    found = compare_rows(before, after, SAME)
    for cell in found.cells:
        assert cell.before + cell.new - cell.gone == cell.after
        assert cell.changed <= min(cell.before, cell.after)
    back = compare_rows(after, before, SAME)
    assert sum(c.what == "new" for c in found.changes) == sum(c.what == "gone" for c in back.changes)


# ---------------------------------------------------------------------------------------------------------------------
# What must not be told

HIDDEN = "Zyxquell said it was all about the bins."


def index(path, codebook, *, rows, passages, documents):
    tables = Tables(rows=rows, documents=documents, passages=passages)
    released = release(tables, codebook.names, Gazetteer([], []), {}, Rule(3, 1)).released
    build_index(path, released, codebook=codebook, gazetteer=Gazetteer([], []))
    return path


def compared(codebook, before, after, form="table"):
    (told, texts), (later, later_texts) = read_open(before), read_open(after)
    titles = {c.code: c.title for c in codebook.codes}
    return format_evidence_difference(
        told, later, form, matched=match_passages(texts, later_texts), titles=titles, limit=0
    )


def world(path, codebook, *, interviews=0, open_talk=False):
    """A public report, some interviews not for attribution, and one interview that may be open or gone."""
    documents, passages, rows = [make_document("kent")], [make_passage(t, i) for i, t in TEXTS.items()], [row()]
    for n in range(interviews):
        name = f"closed{n}"
        documents.append(make_document(name, access=CLOSED, kind="transcript"))
        passages.append(make_passage(f"{HIDDEN} {n}", f"{name}:0001"))
        rows.append(row(f"{name}:0001", quote=f"{HIDDEN} {n}", access=CLOSED, kind="transcript"))
    if open_talk:
        documents.append(make_document("talk", kind="transcript", title="Zyxquell interview"))
        passages.append(make_passage(HIDDEN, "talk:0001"))
        rows.append(
            row("talk:0001", entity="found:zyxquell", quote=HIDDEN, kind="transcript", document="Zyxquell interview")
        )
    return index(path, codebook, rows=rows, passages=passages, documents=documents)


@pytest.mark.parametrize("form", ["table", "md", "csv", "jsonl"])
@pytest.mark.parametrize(("before", "after"), [(0, 1), (2, 3), (3, 4), (3, 2), (6, 5)])
def test_interviews_not_for_attribution_make_no_difference(before, after, form, codebook, tmp_path):
    one = world(tmp_path / "one.db", codebook, interviews=before)
    other = world(tmp_path / "other.db", codebook, interviews=after)
    closed = [search(path, "bins").rows for path in (one, other)]
    assert [len(rows) for rows in closed] == [n // 3 * 3 for n in (before, after)]  # the indexes do differ
    assert compared(codebook, one, other, form) == compared(codebook, one, one, form)


@pytest.mark.parametrize("form", ["table", "md", "csv", "jsonl"])
def test_what_was_withdrawn_is_counted_and_not_quoted(form, codebook, tmp_path):
    told = compared(
        codebook, world(tmp_path / "a.db", codebook, open_talk=True), world(tmp_path / "b.db", codebook), form
    )
    assert "Zyxquell" not in told
    assert "zyxquell" not in told
    assert ("1 more stood in passages that the later run does not show" in told) == (form in ("table", "md"))


def test_an_index_of_an_older_version_is_read(codebook, tmp_path):
    import sqlite3
    from contextlib import closing

    path = world(tmp_path / "a.db", codebook)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE older AS SELECT entity_id, entity_name, entity_label, code, passage_id, coder, tie, stance, "
                   "score, document_id, document, kind, year, access, quote, 1 AS strange FROM evidence")  # fmt: skip
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
            db.execute(f"DROP VIEW {name}")  # an older index had none
        db.execute("DROP TABLE evidence")
        db.execute("ALTER TABLE older RENAME TO evidence")
        db.commit()
    released, texts = read_open(path)
    (found,) = released.rows
    assert (found.quote, found.section, found.topic, found.review) == (TEXTS["kent:0001"], "", None, False)
    assert texts == TEXTS


def test_what_is_no_index_is_refused(tmp_path):
    (tmp_path / "x.db").write_text("no database at all, but long enough to be looked at")
    with pytest.raises(InputError, match="is no evidence index"):
        read_open(tmp_path / "x.db")


# ---------------------------------------------------------------------------------------------------------------------
# How it is told


def test_the_text_forms_say_the_same():
    before, after = (
        reread([row(stance="negative")]),
        reread([row(), row("kent:0003", "joint_posts", quote="=1+1 | a\nb")]),
    )
    told = {
        form: format_evidence_difference(
            before, after, form, matched={**SAME}, titles={"trust": "Trust"}, rows="entity", limit=0
        )
        for form in ("table", "md", "csv", "jsonl")
    }
    for form in ("table", "md"):
        assert "Evidence: 1 new, 0 gone, 1 changed, in 2 cells." in told[form]
    assert "~ Kent  |  Trust (stance negative to positive)" in told["table"]
    assert "| Kent | Trust | 1 | 1 | 0 | 0 | 1 |" in told["md"]
    lines = list(csv.DictReader(io.StringIO(told["csv"])))
    assert [(line["what"], line["code"], line["stance_before"], line["stance"]) for line in lines] == [
        ("new", "joint_posts", "", "positive"),
        ("changed", "trust", "negative", "positive"),
    ]
    assert lines[0]["quote"].startswith("'=1+1")
    records = [json.loads(line) for line in told["jsonl"].splitlines()]
    assert [line["record"] for line in records] == ["cell", "cell", "change", "change"]


def test_codes_given_taken_back_and_of_another_stance():
    before = [
        make_tag("a:0001", "trust", "model-1"),
        make_tag("a:0001", "risk", "model-1"),
        make_tag("a:0002", "risk", "model-1"),
    ]
    after = [
        make_tag("a:0001", "trust", "model-2", "negative"),
        make_tag("a:0001", "momentum", "model-2", score=0.6),
        make_tag("a:0002", "risk", "model-2", score=0.9),
        make_tag("a:0002", "risk", "anna", score=None),
        make_tag("new:0001", "risk", "model-2"),
    ]
    found = compare_tags(before, after, {"a:0001": "a:0001", "a:0002": "a:0002"})
    assert [(t.passage_id, t.code, t.who, t.before, t.after) for t in found] == [
        ("a:0001", "momentum", "model", None, "positive"),
        ("a:0001", "risk", "model", "positive", None),
        ("a:0001", "trust", "model", "positive", "negative"),
        ("a:0002", "risk", "anna", None, "positive"),
    ]
    told = format_run_difference(
        compare_scores(coded(1, 0), coded(1, 1), ["trust"], draws=20),
        found,
        "table",
        versions=(["model-1"], ["model-2"]),
        texts={"a:0001": "One.", "a:0002": "Two."},
        limit=1,
    )
    for line in (
        "Model: model-1 before, model-2 after.",
        "Codes: 2 given, 1 taken back, 1 of another stance, on 2 passages.",
        "  + momentum (positive, 0.60)",
        "  - risk (positive, 0.80)",
        "  ~ trust (positive to negative)",
        "The first 1 of 2 passages; --limit 0 shows all.",
    ):
        assert line in told
    assert "Two." not in told


def coded(*model, ids=None):
    """One code: the gold gives it to every passage, the model to those named."""
    ids = ids or [str(i) for i in range(len(model))]
    return Coded(ids, np.ones((len(ids), 1), dtype=bool), np.array(model, dtype=bool)[:, None])


def test_scores_on_shared_passages_are_told_from_scores_on_other_passages():
    before = coded(1, 0, 0, 0, ids=["a", "b", "c", "d"])
    after = coded(1, 1, 1, ids=["a", "b", "new"])
    code, micro, macro = compare_scores(before, after, ["trust"], draws=200)
    assert (code.n_before, code.n, code.n_shared) == (4, 3, 2)
    assert code.f1_before == pytest.approx(2 / 5)
    assert code.f1 == 1.0
    assert code.shared_before == pytest.approx(2 / 3)  # a found, b missed
    assert code.shared == 1.0
    assert 0 <= code.low <= code.shared - code.shared_before <= code.high <= 1
    assert micro[1:] == macro[1:] == code[1:]
    assert compare_scores(before, after, ["trust"], draws=200) == [code, micro, macro]


def test_the_later_gold_judges_both():
    before, after = coded(1, 1), coded(1, 1)
    after = after._replace(gold=np.array([[True], [False]]))
    (code, *_) = compare_scores(before, after, ["trust"], draws=10)
    assert code.f1_before == 1.0
    assert code.shared_before == code.shared == pytest.approx(2 / 3)
    assert code.low == code.high == 0


def test_scores_of_runs_that_share_no_passage_are_undefined():
    (code, *_) = compare_scores(coded(1, ids=["a"]), coded(1, ids=["b"]), ["trust"], draws=10)
    assert (code.n_shared, code.f1_before, code.f1) == (0, 1.0, 1.0)
    assert np.isnan([code.shared_before, code.shared, code.low, code.high]).all()
