import json
import subprocess
import sys

import openpyxl
import pytest

from collabnlp import cli
from collabnlp.register import load_register
from conftest import run_stages


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process; gives status, standard output, standard error."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["collabnlp", *map(str, args)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        out = capsys.readouterr()
        return status, out.out, out.err

    return run


@pytest.fixture
def ready(project, monkeypatch):
    from conftest import FakeEncoder

    run_stages()
    monkeypatch.setattr("collabnlp.tagger.SentenceEncoder", FakeEncoder)
    return project


ADD = ("--title", "A talk", "--publisher", "Us", "--year", "2020", "--kind", "transcript", "--access", "attributable")


def test_add_copies_and_registers(project, call, tmp_path):
    source = tmp_path / "New Talk (2).txt"
    source.write_text("Harrowmere has agreed to share its depot with Tarnholt.")
    status, _, err = call("add", source, *ADD)
    assert status == 0
    assert "dvc repro" in err
    entries, problems = load_register("corpus")
    assert "new-talk-2" in {entry.document_id for entry in entries}
    assert not problems


def test_add_refuses_what_is_there_unless_forced(project, call, tmp_path):
    source = tmp_path / "talk.txt"
    source.write_text("Something else was said by somebody else.")
    status, _, err = call("add", source, *ADD)
    assert (status, len(err.strip().splitlines())) == (2, 1)
    assert "Ann Weir" in (project / "corpus/transcripts/talk.txt").read_text()
    assert call("add", source, *ADD, "--force")[0] == 0
    assert "Something else" in (project / "corpus/transcripts/talk.txt").read_text()


@pytest.mark.parametrize(("option", "value"), [("--access", "secret"), ("--kind", "memo"), ("--year", "soon")])
def test_add_refuses_an_unknown_value(project, call, tmp_path, option, value):
    source = tmp_path / "x.txt"
    source.write_text("Some words were said here.")
    args = list(ADD)
    args[args.index(option) + 1] = value
    status, _, err = call("add", source, *args)
    assert status == 2
    assert option in err


def test_add_refuses_what_cannot_be_read(project, call, tmp_path):
    (tmp_path / "empty.pdf").write_bytes(b"")
    status, _, err = call("add", tmp_path / "empty.pdf", *ADD)
    assert status == 2
    assert "empty" in err


def test_add_outside_a_project_makes_nothing(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.txt").write_text("Some words were said here.")
    assert call("add", "x.txt", *ADD)[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_tag_writes_a_passage_a_line(ready, call):
    status, out, _ = call("tag", "corpus/reports/orren.md", "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert list(lines[0]) == [
        "id",
        "document_id",
        "passage_id",
        "start_char",
        "end_char",
        "text",
        "section",
        "page",
        "speaker",
        "tags",
        "mentions",
    ]
    assert any(mention["entities"] for line in lines for mention in line["mentions"])
    for line in lines:
        assert all(line["text"][m["start_char"] : m["end_char"]] == m["text"] for m in line["mentions"])
        assert all(set(tag) == {"code", "stance", "score"} for tag in line["tags"])


def test_tag_takes_rows_as_they_are(ready, call, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "b", "text": "  Two  words "}\n{"id": "a", "text": "We trust Kent County Council."}\n')
    out = [json.loads(line) for line in call("tag", rows, "--format", "jsonl")[1].splitlines()]
    assert [(line["id"], line["text"]) for line in out] == [
        ("b", "  Two  words "),
        ("a", "We trust Kent County Council."),
    ]
    assert out[1]["mentions"][0]["entities"] == [{"id": "kent", "name": "Kent County Council"}]


def test_one_bad_file_costs_the_others_nothing(ready, call, tmp_path):
    (tmp_path / "bad.docx").write_bytes(b"PK\x03\x04 cut off")
    status, out, err = call("tag", tmp_path / "bad.docx", "corpus/reports/orren.md", "--format", "jsonl")
    assert status == 2
    assert out
    assert "bad.docx" in err


def test_tag_hides_the_speaker_where_told(ready, call):
    out = call("tag", "corpus/transcripts/talk.txt", "--format", "jsonl", "--access", "non-attributable")[1]
    assert "Ann" not in out
    assert '"speaker": "Interviewee"' in out


def test_an_output_is_not_overwritten_unless_forced(ready, call, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")
    args = ("tag", "corpus/reports/orren.md", "--format", "jsonl", "--output", tmp_path / "out.jsonl")
    assert call(*args)[0] == 2
    assert (tmp_path / "out.jsonl").read_text() == "mine"
    assert call(*args, "--force")[0] == 0


@pytest.mark.parametrize("form", ["table", "csv", "jsonl", "md"])
def test_query_in_every_format(ready, call, form):
    status, out, err = call("query", "trust", "--format", form)
    assert status == 0
    assert "trust" in out.lower()
    assert "quotes" in err


def test_query_jsonl_has_the_columns_of_an_evidence_row(ready, call):
    from collabnlp.records import EvidenceRow, columns

    line = json.loads(call("query", "--format", "jsonl", "--limit", "1")[1])
    assert list(line) == columns(EvidenceRow)
    assert line["quote"]


def test_query_as_a_workbook(ready, call, tmp_path):
    assert call("query", "trust", "--format", "xlsx")[0] == 2
    assert call("query", "trust", "--format", "xlsx", "--output", tmp_path / "q.xlsx")[0] == 0
    assert openpyxl.load_workbook(tmp_path / "q.xlsx")["Quotes"].max_row > 3


def test_codebook_shows_one_code_or_all(project, call):
    assert len(call("codebook")[1].splitlines()) == 12
    assert "Given when" in call("codebook", "momentum")[1]
    assert "its codes are" in call("codebook", "nothing")[2]


@pytest.mark.parametrize("command", ["add", "tag", "query", "codebook"])
def test_every_help_ends_with_an_example(call, command):
    status, out, _ = call(command, "--help")
    assert status == 0
    assert f"Example: collabnlp {command}" in " ".join(out.split())


def test_python_m_is_the_same(tmp_path):
    done = subprocess.run([sys.executable, "-m", "collabnlp", "query"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
