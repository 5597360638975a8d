import json

import openpyxl
import pytest

from collabnlp.readers.rows import read_coded, read_rows
from collabnlp.records import InputError

CODES = {"trust": "positive", "momentum": "positive", "difficult": "negative"}


def write_lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["trust", "difficult"], {"trust": "positive", "difficult": "negative"}),
        ([{"code": "trust", "stance": "Neutral"}, {"code": "momentum"}], {"trust": "neutral", "momentum": "positive"}),
        ({"trust": "negative", "difficult": None}, {"trust": "negative", "difficult": "negative"}),
        ("trust; momentum = negative", {"trust": "positive", "momentum": "negative"}),
        ("trust (negative, 0.83); momentum (neutral)", {"trust": "negative", "momentum": "neutral"}),
        ([], {}),
        ("", {}),
        ({}, {}),
    ],
)
@pytest.mark.parametrize("key", ["codes", "tags"])
def test_every_way_to_write_codes_in_jsonl(tmp_path, key, codes, expected):
    path = write_lines(tmp_path / "c.jsonl", {"text": "We agreed.", key: codes})
    assert read_coded(path, CODES) == [("1", "We agreed.", expected, "")]


def test_a_row_without_the_key_was_not_read(tmp_path):
    path = write_lines(
        tmp_path / "c.jsonl",
        {"id": "a", "text": "One.", "codes": []},
        {"id": "b", "text": "Two."},
        {"id": "c", "text": "Three.", "codes": ["trust"], "coder": " anna "},
    )
    assert [(row.id, row.coder) for row in read_coded(path, CODES)] == [("a", ""), ("c", "anna")]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_column_of_codes_in_csv(tmp_path, mark):
    path = tmp_path / "c.csv"
    cell = '"trust; momentum=negative"'
    path.write_text(
        f"id{mark}text{mark}coder{mark}codes\nx{mark}We agreed.{mark}anna{mark}{cell}\ny{mark}Nothing.{mark}anna{mark}\nz{mark}Cut off\n"
    )
    assert read_coded(path, CODES) == [
        ("x", "We agreed.", {"trust": "positive", "momentum": "negative"}, "anna"),
        ("y", "Nothing.", {}, "anna"),
    ]
    assert [row_id for row_id, _ in read_rows(path)] == ["x", "y", "z"]


def test_a_column_of_codes_in_xlsx(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["A heading"],
        ["Text", "Codes"],
        ["We agreed.", "difficult\ntrust"],
        ["Nothing.", None],
        [None, "trust"],
    ):
        book.active.append(row)
    book.save(tmp_path / "c.xlsx")
    assert read_coded(tmp_path / "c.xlsx", CODES) == [
        ("1", "We agreed.", {"difficult": "negative", "trust": "positive"}, ""),
        ("2", "Nothing.", {}, ""),
    ]


def test_two_coders_may_share_an_id(tmp_path):
    rows = [{"id": "1", "text": "One.", "codes": [], "coder": coder} for coder in ("anna", "ben")]
    assert len(read_coded(write_lines(tmp_path / "c.jsonl", *rows), CODES)) == 2
    with pytest.raises(InputError, match="row 3: the id '1' comes twice"):
        read_coded(write_lines(tmp_path / "c.jsonl", *rows, rows[0]), CODES)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (["trust", "hope"], "row 2: the code 'hope' is unknown; write trust, momentum or difficult"),
        ("trust, momentum", "the code 'trust, momentum' is unknown"),
        ([["trust"]], "is unknown"),
        ([{"stance": "positive"}], "the code None is unknown"),
        ({"trust": "good"}, "row 2: the stance 'good' of trust is unknown; write positive, negative or neutral"),
        ({"trust": 1}, "the stance 1 of trust is unknown"),
        ("trust; trust=negative", "trust is both positive and negative"),
        (None, r"codes is null; write \[\]"),
        (3, "codes is 3"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, codes, message):
    path = write_lines(tmp_path / "c.jsonl", {"text": "One.", "codes": []}, {"text": "Two.", "codes": codes})
    with pytest.raises(InputError, match=message):
        read_coded(path, CODES)


def test_a_file_without_codes_is_refused(tmp_path):
    (tmp_path / "c.csv").write_text("id,text\n1,We agreed.\n")
    with pytest.raises(InputError, match="has no codes, only id, text"):
        read_coded(tmp_path / "c.csv", CODES)
    with pytest.raises(InputError, match="has no codes"):
        read_coded(write_lines(tmp_path / "c.jsonl", {"text": "One."}), CODES)


def test_a_code_that_slipped_into_the_next_column_is_not_lost(tmp_path):
    (tmp_path / "c.csv").write_text("text;codes\nWe agreed.;trust; momentum\n")
    with pytest.raises(InputError, match="row 1: has more cells than the header"):
        read_coded(tmp_path / "c.csv", CODES)


@pytest.mark.parametrize(
    ("name", "message"), [("none.csv", "there is no such file"), ("c.docx", "is no file of coded")]
)
def test_another_kind_of_file_is_refused(tmp_path, name, message):
    (tmp_path / "c.docx").write_bytes(b"")
    with pytest.raises(InputError, match=message):
        read_coded(tmp_path / name, CODES)
