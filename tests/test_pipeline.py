"""The stages on a small project: same bytes, only what changed is done, nothing half written."""

import hashlib
import io
import json
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from collabnlp.codebook import load_codebook
from collabnlp.embed import read_adapters
from collabnlp.params import Params, load_params
from collabnlp.query import search
from collabnlp.records import Document, EvidenceRow, InputError, Passage, PassageTag, Topic, read_table
from collabnlp.release import RELEASED
from conftest import ROOT, STAGES, FakeEncoder, enter, run_stages
from imports import imported_files


@pytest.fixture
def done(small_project, monkeypatch):
    """The small project with all its outputs, to be read only, as the working folder."""
    enter(small_project, monkeypatch)
    return small_project


def digests(folder):
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_from_sources_to_evidence(done):
    passages = read_table("outputs/passages.parquet", Passage)
    text = {d.document_id: d.text for d in read_table("outputs/documents.parquet", Document)}
    assert all(text[p.document_id][p.start_char : p.end_char] == p.text for p in passages)
    rows = read_table("outputs/evidence.parquet", EvidenceRow)
    assert {row.passage_id for row in rows} == {
        tag.passage_id for tag in read_table("outputs/tags.parquet", PassageTag)
    }
    for name in (
        "evidence.csv",
        "evidence.xlsx",
        "evidence.db",
        "plots/places_by_code.png",
        "plots/documents_by_code.svg",
        "metrics.json",
    ):
        assert (done / "outputs" / name).stat().st_size > 100


def test_a_second_run_gives_equal_bytes(small_project, project):
    run_stages()
    first = digests(small_project / "outputs") | digests(small_project / "models")
    assert len(first) > 50
    assert digests(project / "outputs") | digests(project / "models") == first


def test_what_interviewees_said_not_for_attribution_stays_inside(done):
    shown = (done / "outputs" / "evidence.csv").read_text(encoding="utf-8-sig")
    assert "Bo Marsh" not in shown
    assert "nobody asked whose job it was" not in shown
    everything = b"".join(p.read_bytes() for p in (done / "outputs").glob("*.csv"))
    assert b"Marsh" not in everything
    speakers = {p.speaker for p in read_table("outputs/passages.parquet", Passage)}
    assert speakers == {None, "Interviewer", "Interviewee 1"}


def test_one_document_added_to_many_is_the_only_one_worked_on(project, monkeypatch, capsys, caplog):
    register = project / "corpus" / "documents.csv"
    lines = []
    for i in range(200):
        (project / "corpus" / "reports" / f"r{i}.txt").write_text(
            f"Report number {i} says that the councils of place{i} agreed to share a depot.\n"
        )
        lines.append(f"r{i},reports/r{i}.txt,Report {i},Us,2019,report,public,yes,en,")
    register.write_text(register.read_text() + "\n".join(lines) + "\n")
    run_stages("ingest", "embed", "names", "entities")
    read, searched = [], []
    import collabnlp.stages.entities as entities
    import collabnlp.stages.ingest as ingest

    original, find = ingest.read_blocks, entities.MentionFinder.find
    monkeypatch.setattr(ingest, "read_blocks", lambda path, limits: read.append(path.name) or original(path, limits))
    monkeypatch.setattr(
        entities.MentionFinder,
        "find",
        lambda self, passages, year: searched.append(passages[0].document_id) or find(self, passages, year),
    )
    fresh = FakeEncoder()
    monkeypatch.setattr("collabnlp.stages.embed.SentenceEncoder", lambda *_: fresh)
    (project / "corpus" / "transcripts" / "new.txt").write_text(
        "The new interview says that Harrowmere has agreed to trust its neighbours.\n"
    )
    register.write_text(register.read_text() + "new,transcripts/new.txt,New,Us,2019,transcript,attributable,yes,en,\n")
    run_stages("ingest", "embed", "entities")
    assert read == ["new.txt"]
    assert searched == ["new"]
    assert fresh.encoded == ["The new interview says that Harrowmere has agreed to trust its neighbours."]


def test_what_cannot_be_read_is_listed_and_costs_nobody_else(project, caplog):
    (project / "corpus" / "reports" / "empty.txt").write_text("")
    (project / "corpus" / "reports" / "stray.txt").write_text("Nobody registered this.")
    register = project / "corpus" / "documents.csv"
    register.write_text(
        register.read_text()
        + "empty,reports/empty.txt,E,Us,2019,report,public,no,en,\nsecret,reports/s.txt,S,Us,2019,report,secret,no,en,\n"
        "gone,reports/gone.txt,G,Us,2019,report,public,no,en,\n"
    )
    run_stages("ingest")
    report = (project / "outputs" / "ingest_report.csv").read_text(encoding="utf-8-sig")
    for problem in ("the file is empty", "is not in the register", "access is 'secret'", "there is no such file"):
        assert problem in report
    assert {d.document_id for d in read_table("outputs/documents.parquet", Document)} == {"orren", "talk"}


def test_on_error_fail_stops_with_one_line(project):
    (project / "corpus" / "reports" / "orren.md").write_text("")
    (project / "params.yaml").write_text(
        (project / "params.yaml").read_text().replace("on_error: skip", "on_error: fail")
    )
    with pytest.raises(InputError, match="the file is empty"):
        run_stages("ingest")
    assert not (project / "outputs" / "passages.parquet").exists()


def test_a_stage_that_is_interrupted_leaves_the_last_good_tables(project, monkeypatch):
    run_stages("ingest", "embed", "names", "entities")
    before = digests(project / "outputs")
    import pyarrow.parquet as pq

    monkeypatch.setattr(pq.ParquetWriter, "write_table", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for stage in ("ingest", "embed", "entities"):
        with pytest.raises(KeyboardInterrupt):
            run_stages(stage)
    assert digests(project / "outputs") == before


def test_search_finds_what_the_pipeline_made(done):
    rows = search("outputs/evidence.db", "trust", limit=0).rows
    assert rows
    assert all("trust" in row.quote.lower() for row in rows)


def dvc_stages():
    return YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


# fine-tuning is frozen: its result is committed
ALL_STAGES = (STAGES[0], "finetune", *STAGES[1:])


@pytest.mark.parametrize("name", ALL_STAGES)
def test_a_stage_depends_on_exactly_the_files_it_imports(name):
    listed = [dep for dep in dvc_stages()[name]["deps"] if dep.endswith(".py")]
    assert listed == imported_files(f"collabnlp.stages.{name}")


@pytest.mark.parametrize("name", ALL_STAGES)
def test_a_stage_lists_the_parameters_that_it_reads(name):
    source = (ROOT / "src" / "collabnlp" / "stages" / f"{name}.py").read_text(encoding="utf-8")
    read = {section for section in Params.model_fields if f"params.{section}" in source}
    listed = dvc_stages()[name].get("params", [])
    assert {param.split(".")[0] for param in listed} == read
    for section, _, field in (param.partition(".") for param in listed if "." in param):
        assert f"params.{section}.{field}" in source


def test_dvc_yaml_holds_the_stages_in_order():
    assert tuple(dvc_stages()) == ALL_STAGES
    assert [name for name, stage in dvc_stages().items() if stage.get("frozen")] == ["finetune"]


def test_the_adapters_that_are_committed_are_those_they_are_said_to_be():
    about = read_adapters(ROOT / "models" / "finetuned")
    assert about["codes"] == load_codebook(ROOT / "corpus" / "codebook.yaml").names
    for name, adapter in about["adapters"].items():
        found = hashlib.sha256((ROOT / "models" / "finetuned" / name).read_bytes()).hexdigest()
        assert found == adapter["sha256"]
    assert about["encoder_sha256"] == load_params(ROOT / "params.yaml").embed.sha256


def test_bad_input_of_a_stage_is_one_line_and_status_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "collabnlp.stages.ingest"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "params.yaml" in done.stderr


def test_metrics_hold_no_score_on_training_data(done):
    """Every passage that is scored was in a fold of its own: the model of that fold did not see it."""
    metrics = json.loads((done / "outputs" / "metrics.json").read_text())
    figures = metrics["codes"]["micro"]
    assert set(figures) >= {"precision", "recall", "f1", "f1_low", "f1_high", "f1_keywords", "f1_words", "f1_vectors"}
    assert figures["f1_low"] <= figures["f1"] <= figures["f1_high"] < 0.95


def test_how_good_topics_are_is_no_part_of_what_is_handed_on(done):
    assert "topics" not in json.loads((done / "outputs" / "metrics.json").read_text())
    assert "topic_quality.json" not in RELEASED
    figures = json.loads((done / "outputs" / "topic_quality.json").read_text())
    assert set(figures) == {"npmi", "c_v", "diversity", "outliers", "n_topics"}
    assert 0 <= figures["outliers"] <= 1
    assert figures["n_topics"] == sum(row.topic >= 0 for row in read_table("outputs/topics.parquet", Topic))


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, collabnlp.cli; print([m for m in ('torch', 'spacy', 'bertopic', 'sklearn', 'pandas', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert io.StringIO(done.stderr).read() == ""
