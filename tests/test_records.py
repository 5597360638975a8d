import math
import os
import subprocess
import sys

import pytest

from collabnlp import files
from collabnlp.files import atomic, scratch, sweep
from collabnlp.records import (
    AgreementRow,
    InputError,
    Passage,
    PassageTag,
    columns,
    read_jsonl,
    read_table,
    schema,
    write_csv,
    write_json,
    write_jsonl,
    write_table,
    write_text,
)
from conftest import make_passage, make_tag


def test_a_table_comes_back_as_it_went(tmp_path):
    rows = [
        make_passage("Zwei Räte – 😀", "b:0001", section=("One", "Two"), page=3),
        make_passage(passage_id="a:0002", speaker="Ann", time=1.5),
    ]
    write_table(tmp_path / "t.parquet", rows, Passage)
    assert read_table(tmp_path / "t.parquet", Passage) == [rows[1], rows[0]]


def test_a_table_is_the_same_bytes_whatever_the_order_of_rows(tmp_path):
    rows = [make_tag("a:0001"), make_tag("a:0002"), make_tag("a:0001", "risk", score=None)]
    write_table(tmp_path / "one", rows, PassageTag)
    write_table(tmp_path / "two", rows[::-1], PassageTag)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_two_rows_of_one_key_are_a_bug(tmp_path):
    with pytest.raises(ValueError, match="two rows have the key"):
        write_table(tmp_path / "t", [make_tag(), make_tag(score=0.1)], PassageTag)
    assert not list(tmp_path.iterdir())


def test_an_unknown_column_is_refused():
    with pytest.raises(ValueError, match="extra"):
        PassageTag(**make_tag().model_dump(), colour="red")


def test_every_field_has_a_description():
    for record in (Passage, PassageTag, AgreementRow):
        assert all(field.metadata[b"description"] for field in schema(record))


def test_a_missing_table_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="dvc repro"):
        read_table(tmp_path / "none.parquet", Passage)


def test_a_table_of_another_record_is_refused(tmp_path):
    write_table(tmp_path / "t", [make_tag()], PassageTag)
    with pytest.raises(InputError, match="has the columns"):
        read_table(tmp_path / "t", Passage)


def test_jsonl_names_the_line_that_is_wrong(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", [make_tag()], PassageTag)
    with (tmp_path / "t.jsonl").open("a") as handle:
        handle.write('{"passage_id": 1}\n')
    with pytest.raises(InputError, match="line 2"):
        read_jsonl(tmp_path / "t.jsonl", PassageTag)


def test_an_interrupted_write_leaves_the_last_good_file(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("good")

    def interrupted():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import os, signal, sys
from pathlib import Path
from collabnlp.files import atomic, scratch, sweep
with atomic(Path(sys.argv[1]) / "t.txt") as temporary, scratch(Path(sys.argv[1]), "held") as folder:
    temporary.write_text("half"); (folder / "x").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    assert subprocess.run([sys.executable, "-c", WRITER, tmp_path]).returncode < 0
    assert len(list(tmp_path.iterdir())) == 2
    with atomic(tmp_path / "other.txt"), scratch(tmp_path, "elsewhere"):
        pass
    assert len(list(tmp_path.glob(".*"))) == 2  # nobody else's
    write_text(tmp_path / "t.txt", "good")
    with scratch(tmp_path, "held") as folder:
        assert list(folder.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"t.txt", "other.txt"}
    (tmp_path / "deep").mkdir()
    assert subprocess.run([sys.executable, "-c", WRITER, tmp_path / "deep"]).returncode < 0
    with atomic(tmp_path / "busy.txt"):
        sweep(tmp_path)
    assert list((tmp_path / "deep").iterdir()) == []
    assert (tmp_path / "busy.txt").exists()


def test_what_a_writer_at_work_holds_is_left_alone(tmp_path):
    with atomic(tmp_path / "t.txt") as slow, scratch(tmp_path, "held") as folder:
        slow.write_text("slow")
        (folder / "x").write_text("slow")
        write_text(tmp_path / "t.txt", "fast")
        with scratch(tmp_path, "held"):
            pass
        assert (folder / "x").exists()
    assert (tmp_path / "t.txt").read_text() == "slow"


@pytest.mark.skipif(sys.platform != "linux", reason="when a process began is read as Linux tells it")
def test_what_a_killed_writer_left_is_removed_though_another_process_has_its_number(tmp_path):
    with atomic(tmp_path / "t.txt") as own:
        place, _, began = own.name.split(".")[3].rpartition("-")  # of this process, which lives
        left = tmp_path / own.name.replace(f"{place}-{began}", f"{place}-{int(began) - 1}")
        left.write_text("half")
        sweep(tmp_path)
        assert own.exists()
        assert not left.exists()


@pytest.mark.parametrize("told", ["", "-"])
def test_what_a_living_process_holds_is_left_alone_where_its_beginning_is_not_told(tmp_path, monkeypatch, told):
    held = tmp_path / f".t.txt.{files._HERE}-{os.getpid()}{told}.abc.txt"  # as an older version writes it, or no Linux
    held.write_text("half")
    sweep(tmp_path)
    assert held.exists()
    monkeypatch.setattr(files, "_began", lambda pid: "")
    held = held.rename(tmp_path / f".t.txt.{files._HERE}-{os.getpid()}-123.abc.txt")  # of another user, who hides it
    sweep(tmp_path)
    assert held.exists()


def test_what_dvc_left_half_copied_is_removed_when_it_is_a_minute_old(tmp_path):
    left, new = tmp_path / "plots" / ".4RlpZbRnptAQvUt8qd7twA.tmp", tmp_path / ".-_lpZbRnptAQvUt8qd7twA.tmp"
    others = [tmp_path / name for name in (".notes.tmp", "4RlpZbRnptAQvUt8qd7twA.tmp", ".4RlpZbRnptAQvUt8qd7twA.csv")]
    left.parent.mkdir()
    for path in (left, new, *others):
        path.write_text("half")
        if path != new:
            os.utime(path, (1, 1))
    sweep(tmp_path)
    assert not left.exists()
    assert all(path.exists() for path in (new, *others))


def test_csv_holds_no_formula_and_opens_in_excel(tmp_path):
    write_csv(tmp_path / "t.csv", [make_tag(passage_id="=HYPERLINK(1)")], PassageTag)
    data = (tmp_path / "t.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"'=HYPERLINK" in data


def test_json_writes_what_is_undefined_as_null(tmp_path):
    write_json(tmp_path / "m.json", {"a": math.nan, "b": [1.5, (2,)]})
    assert '"a": null' in (tmp_path / "m.json").read_text()


def test_an_input_error_is_one_line_and_survives_another_process():
    import pickle

    error = InputError("a.txt", "two\nlines", "mend it", place="line 3")
    assert str(error) == "a.txt, line 3: two lines; mend it"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_columns_are_fields_in_order():
    assert columns(PassageTag) == ["passage_id", "code", "coder", "stance", "score", "review"]
