"""The stages of topics on a small project, and the command that lists them."""

import csv
import json
import shutil

import pytest
from typer.testing import CliRunner

from collabnlp.cli import app
from collabnlp.records import InputError, Passage, PassageTag, Topic, TopicAssignment, read_table, write_table
from conftest import enter, lay_out, make_tag, run_stages


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project up to its topics; tags as a person might have given them."""
    folder = tmp_path_factory.mktemp("topics")
    lay_out(folder)
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        run_stages("ingest", "embed", "names", "entities", "relations")
        passages = read_table("outputs/passages.parquet", Passage)
        write_table("outputs/tags.parquet", [make_tag(p.passage_id) for p in passages if "trust" in p.text], PassageTag)
        run_stages("topics")
    return folder


@pytest.fixture
def ready(made, tmp_path, monkeypatch):
    """A copy of it to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    enter(tmp_path, monkeypatch)
    return tmp_path


def rows_of(name):
    with open(f"outputs/{name}", encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_tables_and_pictures_come_out_the_same_twice(ready):
    run_stages("topic_tables")
    first = {p: p.read_bytes() for p in sorted(ready.joinpath("outputs").rglob("topic*")) if p.is_file()}
    assert len(first) >= 12
    run_stages("topics", "topic_tables")
    assert {p: p.read_bytes() for p in first} == first
    counted = [row for row in rows_of("topics_by_code.csv") if row["level"] == "topic" and row["code"] == "trust"]
    assert {int(row["topic"]) for row in counted} == {t.topic for t in read_table("outputs/topics.parquet", Topic)}
    pictures = rows_of("plots/topic_pictures.csv")
    assert all(row["title"] and len(row["text"]) > 20 for row in pictures)
    assert {row["file"].split(".")[1] for row in pictures} == {"png", "svg", "html"}


def test_nothing_that_was_said_not_for_attribution_stands_in_what_is_handed_on(ready):
    run_stages("topic_tables")
    said = [p.text for p in read_table("outputs/passages.parquet", Passage) if p.document_id == "talk"]
    words = {" ".join(text.split()[i : i + 6]) for text in said for i in range(len(text.split()) - 5)}
    paths = [p for pattern in ("topic*.csv", "plots/*") for p in ready.joinpath("outputs").glob(pattern)]
    shown = "".join(p.read_text(encoding="utf-8") for p in paths if p.suffix in (".csv", ".html"))
    shown += (ready / "models" / "topics" / "topics.json").read_text(encoding="utf-8")
    assert not [run for run in words if run in shown]
    page = (ready / "outputs" / "plots" / "topic_map.html").read_text(encoding="utf-8")
    assert "trust each other" in page
    assert "Interview, 2019" in page


def test_topics_that_are_kept_stay_and_new_passages_are_assigned(ready):
    shutil.copytree("models/topics", "models/topics-kept")
    before = {p.name: p.read_bytes() for p in ready.joinpath("models/topics").iterdir()}
    old = read_table("outputs/topic_assignments.parquet", TopicAssignment)
    with open("corpus/reports/orren.md", "a", encoding="utf-8") as handle:
        handle.write("\n\nThe new depot for waste lorries and bins has been built beside the river at last.\n")
    (ready / "params.yaml").write_text((ready / "params.yaml").read_text().replace("refit: true", "refit: false"))
    run_stages("ingest", "embed", "topics")
    assert {p.name: p.read_bytes() for p in ready.joinpath("models/topics").iterdir()} == before
    new = read_table("outputs/topic_assignments.parquet", TopicAssignment)
    assert len(new) == len(old) + 1
    assert sum(t.n_passages for t in read_table("outputs/topics.parquet", Topic)) == len(new)
    assert {row["change"] for row in rows_of("topic_changes.csv")} == {"kept"}


def test_a_refit_says_what_became_of_the_topics_before(ready):
    assert rows_of("topic_changes.csv") == []
    shutil.copytree("models/topics", "models/topics-kept")
    settings = (ready / "params.yaml").read_text().replace("n_topics: 3", "n_topics: 1")
    (ready / "params.yaml").write_text(settings.replace("min_cosine: 0.25", "min_cosine: -1.0"))
    run_stages("topics")
    rows = rows_of("topic_changes.csv")
    assert {row["old"] for row in rows} >= {"0", "1"}
    assert {row["change"] for row in rows} <= {"kept", "merged"}
    assert all(row["new"] for row in rows)


def test_keeping_topics_that_are_not_there_is_one_line(ready):
    (ready / "params.yaml").write_text((ready / "params.yaml").read_text().replace("refit: true", "refit: false"))
    with pytest.raises(InputError, match="no topics to keep"):
        run_stages("topics")


def test_the_command_lists_topics_and_shows_one(ready):
    run = CliRunner().invoke
    listed = run(app, ["topics"])
    assert listed.exit_code == 0
    topics = read_table("outputs/topics.parquet", Topic)
    assert all(topic.label in listed.stdout for topic in topics)
    assert len(run(app, ["topics", "--format", "csv"]).stdout.splitlines()) == len(topics) + 1
    shown = run(app, ["topics", "0", "--format", "jsonl"])
    facts = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {fact["what"] for fact in facts} >= {"topic", "area", "passages", "documents"}
    assert "nobody asked whose job" not in run(app, ["topics", "0"]).stdout
    assert isinstance(run(app, ["topics", "nothing of the kind"]).exception, InputError)
