import json
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from collabnlp.records import FoundEntity, read_table
from collabnlp.register import load_register
from conftest import run_stages

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
        "suggestions",
        "mentions",
    ]
    assert any(mention["entities"] for line in lines for mention in line["mentions"])
    for line in lines:
        assert all(line["text"][m["start_char"] : m["end_char"]] == m["text"] for m in line["mentions"])
        assert all(set(tag) == {"code", "stance", "score", "review", "reasons"} for tag in line["tags"])


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
    assert '"speaker": "Interviewee 1"' in out


@pytest.mark.parametrize(("registered", "named"), [("attributable", True), ("non-attributable", False)])
def test_tag_takes_the_access_from_the_register(ready, call, registered, named):
    register = ready / "corpus" / "documents.csv"
    register.write_text(register.read_text().replace(",non-attributable,", f",{registered},"))
    out = call("tag", "corpus/transcripts/talk.txt", "--format", "jsonl")[1]
    assert ('"speaker": "Bo Marsh"' in out) is named


def test_tag_of_what_is_not_registered_names_nobody(ready, call, tmp_path):
    talk = ready / "corpus" / "transcripts" / "talk.txt"
    other = tmp_path / "other.txt"
    other.write_bytes(talk.read_bytes())
    out = call("tag", other, "--format", "jsonl")[1]
    assert "Marsh" not in out
    assert (ready / "private" / "key.json").exists()


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
    assert "Joint work (2019)" in " ".join(out.split())  # each passage has its citation
    assert "passages" in err


def test_query_table_has_source_codes_and_text_side_by_side(ready, call):
    out = call("query", "trust", "--words-only", "--limit", "1")[1]
    first = out.splitlines()[0]
    assert first.startswith("1. Joint work (2019)")
    assert len(first) > 65
    assert max(map(len, out.splitlines())) <= 130


def test_query_jsonl_tells_what_a_hit_is_and_where_its_words_stand(ready, call):
    line = json.loads(call("query", "trust", "--format", "jsonl", "--limit", "1")[1])
    assert {"passage_id", "text", "spans", "by", "citation", "tags"} <= set(line)
    assert all("trust" in line["text"][start:end].lower() for start, end in line["spans"])


def test_query_filters_as_the_matrix_does(ready, call):
    def found(*args):
        status, out, err = call("query", "--format", "jsonl", "--limit", "0", *args)
        assert status == 0, err
        return {json.loads(line)["passage_id"] for line in out.split("\n") if line}

    everything = found()
    assert found("--kind", "report") == found("--document", "orren") <= everything
    assert found("--code", "trust", "--code", "momentum") == found("--code", "trust") | found("--code", "momentum")
    assert found("--place", "Harrowmere") == found("--council", "Harrowmere") < everything
    assert found("--coder", "human") == set()
    assert call("query", "--place", "Harowmere")[0] == 2


def test_query_as_a_workbook(ready, call, tmp_path):
    assert call("query", "trust", "--format", "xlsx")[0] == 2
    assert call("query", "trust", "--format", "xlsx", "--output", tmp_path / "q.xlsx")[0] == 0
    assert openpyxl.load_workbook(tmp_path / "q.xlsx")["Passages"].max_row > 3


def gold_lines(name):
    path = Path("corpus/gold") / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_coded(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_agreement_of_two_coders_of_the_gold(project, call):
    from collabnlp.records import AgreementRow, columns

    status, out, err = call("agreement", "adjudicated", "lm-second", "--format", "jsonl", "--disagreements", "3")
    lines = [json.loads(line) for line in out.splitlines()]
    rows = [line for line in lines if line["record"] == "agreement"]
    read = {
        coder: {r["passage_id"] for r in gold_lines("reads") if r["coder"] == coder}
        for coder in ("adjudicated", "lm-second")
    }
    both = len(read["adjudicated"] & read["lm-second"])
    assert status == 0
    assert f"both {both}" in err
    assert list(rows[0]) == ["record", *columns(AgreementRow)]
    assert {(row["basis"], row["n_passages"]) for row in rows if row["basis"] == "read"} == {("read", both)}
    assert len(rows) == 2 * 15
    assert [row["kappa"] for row in rows if row["code"] == "sets"] == [None, None]
    assert sum(line["record"] == "disagreement" for line in lines) <= 3


def test_agreement_as_a_table_and_as_csv(project, call, tmp_path):
    out = call("agreement", "lm-writer", "lm-second")[1]
    assert "a: lm-writer (the reference)" in out
    assert out.count("\nsets ") == 2
    assert "Passages with different codes" in out
    file = tmp_path / "a.csv"
    assert call("agreement", "lm-writer", "lm-second", "--format", "csv", "--output", file)[0] == 0
    assert file.read_text().startswith("code,coder_a,coder_b,basis,")
    assert call("agreement", "lm-writer", "lm-second", "--output", file)[0] == 2
    assert call("agreement", "lm-writer", "lm-second", "--output", file, "--force")[0] == 0


def test_agreement_of_files_goes_by_text_and_names_who_gave_what(project, call, tmp_path):
    anna = write_coded(
        tmp_path / "anna.jsonl",
        [
            {"text": "One is here.", "codes": ["trust"]},
            {"text": "Two  are here.", "codes": []},
            {"text": "Three.", "codes": []},
        ],
    )
    (tmp_path / "ben.csv").write_text(
        "text,codes\nTwo are “here”.,momentum=negative\nOne is here.,trust\n", encoding="utf-8"
    )
    out = call("agreement", anna, tmp_path / "ben.csv", "--format", "jsonl")[1]
    lines = [json.loads(line) for line in out.splitlines()]
    trust = next(line for line in lines if line.get("code") == "trust")
    assert (trust["coder_a"], trust["coder_b"], trust["n_passages"], trust["n_both"]) == ("anna", "ben", 2, 1)
    assert [line for line in lines if line["record"] == "disagreement"] == [
        {
            "record": "disagreement",
            "passage_id": "2",
            "only_a": [],
            "only_b": ["momentum (negative)"],
            "both": [],
            "text": "Two  are here.",
        }
    ]


def test_agreement_of_the_model_with_a_file(ready, call, tmp_path):
    file = write_coded(
        tmp_path / "mine.jsonl", [{"text": p["text"], "codes": ["trust"]} for p in gold_lines("passages")]
    )
    status, out, _ = call("agreement", file, "model", "--disagreements", "1")
    assert (status, "b: model" in out) == (0, True)
    assert call("agreement", "gold", "keywords", "--disagreements", "0")[0] == 0


def test_one_coder_of_a_file_of_two(project, call, tmp_path):
    rows = [{"text": "One is here.", "codes": ["trust"], "coder": coder} for coder in ("anna", "ben")]
    file = write_coded(tmp_path / "two.jsonl", rows)
    assert call("agreement", f"{file}:anna", f"{file}:ben")[0] == 0
    status, _, err = call("agreement", file, f"{file}:ben")
    assert (status, "has the coders anna, ben" in err) == (2, True)
    assert "has no coder 'eve', only anna, ben" in call("agreement", f"{file}:anna", f"{file}:eve")[2]


def test_agreement_refuses_who_is_unknown_and_who_read_nothing_in_common(project, call, tmp_path):
    status, _, err = call("agreement", "nobody", "lm-second")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "has no coder 'nobody'; name adjudicated" in err
    file = write_coded(tmp_path / "mine.jsonl", [{"text": "Nobody else read this.", "codes": []}])
    status, _, err = call("agreement", file, "lm-second")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "read no passage in common (mine read 1, lm-second" in err
    assert "there is no such file" in call("agreement", "none.csv", "lm-second")[2]


CODED = [
    {
        "text": "The two leaders have come to trust each other and speak every week.",
        "codes": ["trust"],
        "coder": "anna",
    },
    {"text": "The bins are emptied on a Tuesday and a Friday.", "codes": [], "coder": "anna"},
    {"text": "They share one chief executive between the two councils.", "codes": ["joint_posts"], "coder": "anna"},
    {
        "text": "They share one chief executive between the two councils.",
        "codes": {"momentum": "negative"},
        "coder": "ben",
    },
]


def test_evaluate_scores_the_model_and_the_baselines(ready, call, tmp_path):
    file = write_coded(tmp_path / "mine.jsonl", CODED)
    status, out, err = call("evaluate", file, "--format", "jsonl", "--worst", "4")
    lines = [json.loads(line) for line in out.splitlines()]
    scores = {line["code"]: line for line in lines if line["record"] == "score"}
    assert status == 0
    assert "corpus/gold" not in err
    assert {"keywords", "words", "vectors", "second coder", "f1_low"} <= set(scores["micro"])
    assert (scores["micro"]["n"], scores["trust"]["n"], scores["micro"]["second coder"]) == (2, 1, 0)
    figures = {line["figure"]: line["value"] for line in lines if line["record"] == "figure"}
    assert figures["second coder: passages that both read"] == 1
    assert 0 <= figures["codes among the best 3 suggestions"] <= 1
    errors = [line for line in lines if line["record"] == "error"]
    assert len(errors) <= 4
    assert all(line["text"] and line["kind"] in ("wrong tag", "missed code") for line in errors)


def test_evaluate_says_what_the_model_has_learnt_from(ready, call, tmp_path):
    row = gold_lines("passages")[0]
    (tmp_path / "mine.csv").write_text(
        f'text,codes\n"{row["text"].replace(chr(34), chr(34) * 2)}",trust\nAnother one.,\n'
    )
    status, out, err = call("evaluate", tmp_path / "mine.csv")
    assert status == 0
    assert "The model, on 2 coded passages" in out
    assert "second coder" not in out
    assert (
        len([line for line in err.splitlines() if "is a new code" not in line]) == 1
    )  # the small gold has few of most
    assert "1 of the 2 passages stand in corpus/gold: the model has learnt from them" in err
    assert row["source"] in err
    assert "train.exclude_sources" in err
    assert call("evaluate", tmp_path / "mine.csv", "--format", "csv")[1].startswith("code,n,f1,f1_low")


def test_evaluate_refuses_what_it_cannot_score(ready, call, tmp_path):
    three = write_coded(tmp_path / "three.jsonl", [{"text": "One.", "codes": [], "coder": c} for c in "abc"])
    assert "has 3 coders: a, b, c" in call("evaluate", three)[2]
    wrong = write_coded(tmp_path / "wrong.jsonl", [{"text": "One.", "codes": ["hope"]}])
    status, _, err = call("evaluate", wrong)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "row 1: the code 'hope' is unknown" in err
    assert "trust" in err
    empty = write_coded(tmp_path / "empty.jsonl", [])
    assert call("evaluate", empty)[0] == 2
    (tmp_path / "out.txt").write_text("mine")
    assert call("evaluate", three, "--output", tmp_path / "out.txt")[0] == 2
    assert (tmp_path / "out.txt").read_text() == "mine"


def test_worst_errors_come_by_turns(codebook):
    import numpy as np

    from collabnlp.scoring import Coding, Said, score_model

    names = codebook.names
    coding = Coding(
        "anna",
        {"1": "One.", "2": "Two."},
        {"1": {names[0]: "positive"}, "2": {names[1]: "positive", names[2]: "negative"}},
    )
    scores = np.full((2, len(names)), 0.1)
    scores[0, [0, 3, 4]] = 0.9, 0.8, 0.95
    scores[1, [1, 2]] = 0.2, 0.05
    nothing = np.zeros(scores.shape, dtype=bool)
    said = Said(
        scores,
        np.full(len(names), 0.5),
        np.full(scores.shape, "positive"),
        0.85,
        dict.fromkeys(("keywords", "words", "vectors"), nothing),
    )
    found = score_model(coding, said, codebook, draws=100)
    assert [(error["kind"], error["code"]) for error in found.worst] == [
        ("wrong tag", names[4]),
        ("missed code", names[2]),
        ("wrong tag", names[3]),
        ("missed code", names[1]),
    ]
    micro = next(score for score in found.scores if score["code"] == "micro")
    assert (micro["precision"], micro["recall"], micro["keywords"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3), 0)
    assert found.figures["precision outside the review band"] == 0.5
    assert found.figures["stance of these right"] == 1
    assert found.figures["codes among the best 3 suggestions"] == pytest.approx(2 / 3)


def test_codebook_shows_one_code_or_all(project, call):
    assert len(call("codebook")[1].splitlines()) == 12
    assert "Given when" in call("codebook", "momentum")[1]
    assert "its codes are" in call("codebook", "nothing")[2]


def test_entities_lists_all_or_shows_one(ready, call, tmp_path):
    status, out, _ = call("entities")
    assert status == 0
    assert "Harrowmere" in out
    assert len(call("entities", "--format", "csv", "--output", tmp_path / "all.csv")[1]) == 0
    assert (tmp_path / "all.csv").read_text(encoding="utf-8").startswith("name,label,")
    status, out, _ = call("entities", "harrowmere borough council", "--limit", "1")
    assert status == 0
    assert "Harrowmere" in out
    assert "orren:0" in out
    status, _, err = call("entities", "Harowmere")
    assert status == 2
    assert "did you mean Harrowmere" in err


def test_entities_lists_no_name_that_only_an_interview_not_for_attribution_holds(project, call):
    talk = project / "corpus" / "transcripts" / "talk.txt"
    talk.write_text(talk.read_text() + "\nBo Marsh: Then we set up the Lowfold Secret Growth Board with Tarnholt.\n")
    run_stages("ingest", "names", "entities", "relations")
    found = {e.name: e for e in read_table("outputs/entities.parquet", FoundEntity)}
    assert found["Lowfold Secret Growth Board"].access == "non-attributable"
    for form in ("table", "csv", "jsonl"):
        assert "Secret" not in call("entities", "--format", form)[1]
    assert "Secret" not in (project / "outputs" / "doubtful_merges.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command", ["add", "tag", "query", "agreement", "evaluate", "codebook", "entities", "audit", "code", "cascade"]
)
def test_every_help_ends_with_an_example(call, command):
    status, out, _ = call(command, "--help")
    assert status == 0
    assert f"Example: collabnlp {command}" in " ".join(out.split())


def test_python_m_is_the_same(tmp_path):
    done = subprocess.run([sys.executable, "-m", "collabnlp", "query"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
