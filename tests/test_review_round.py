"""A round of review on a small project: queue, readings, what is left, what the corrections changed."""

import json
import subprocess
import sys

import pytest

from collabnlp.effort import load_reading, measure_progress, plan_queue, read_queue
from collabnlp.records import (
    GoldPassage,
    GoldRead,
    InputError,
    Passage,
    PassageTag,
    QueueRow,
    read_jsonl,
    read_table,
    write_csv,
    write_jsonl,
)
from collabnlp.runs import FILES, KEPT, keep_run, load_run
from conftest import run_stages


def review(project, codes, coder="bo"):
    """Add a person's readings to the gold: codes by passage."""
    folder = project / "corpus" / "gold"
    text = {row.passage_id: row for row in read_table(project / "outputs" / "passages.parquet", Passage)}
    passages = {row.passage_id: row for row in read_jsonl(folder / "passages.jsonl", GoldPassage)}
    reads, tags = read_jsonl(folder / "reads.jsonl", GoldRead), read_jsonl(folder / "tags.jsonl", PassageTag)
    for passage_id, given in codes.items():
        own = f"reviewed:{passage_id}"
        passages[own] = GoldPassage(
            passage_id=own,
            source=text[passage_id].document_id,
            kind="reviewed",
            restates="",
            provenance=text[passage_id].document_id,
            text=text[passage_id].text,
        )
        reads.append(GoldRead(passage_id=own, coder=coder, task="codes"))
        tags += [PassageTag(passage_id=own, code=c, coder=coder, stance="positive", score=None) for c in given]
    write_jsonl(folder / "passages.jsonl", passages.values(), GoldPassage)
    write_jsonl(folder / "reads.jsonl", reads, GoldRead)
    write_jsonl(folder / "tags.jsonl", tags, PassageTag)


def test_a_queue_holds_what_nobody_has_read_and_what_coders_differ_on(ready, codebook):
    every = {row.passage_id for row in plan_queue(ready, codebook)}
    assert every == {
        r.passage_id for r in read_table("outputs/passages.parquet", Passage) if r.speaker != "Interviewer"
    }
    read = sorted(every)[:3]
    review(ready, {read[0]: ["trust"], read[1]: [], read[2]: ["trust"]})
    review(ready, {read[0]: ["trust"], read[1]: ["risk"]}, coder="ann")
    reading = load_reading(ready, codebook)
    at = {passage_id: i for i, passage_id in enumerate(reading.passage_ids)}
    assert [bool(reading.read[at[i]]) for i in read] == [True, False, True]
    assert reading.disputed[at[read[1]]].tolist() == [code == "risk" for code in codebook.names]
    assert every - {row.passage_id for row in plan_queue(ready, codebook)} == {read[0], read[2]}
    rank = {row.passage_id: row.by_worth for row in plan_queue(ready, codebook, codes=["risk"])}
    assert rank[read[1]] <= 2  # even: after the one passage that speaks of a risk
    review(ready, {read[1]: ["risk"]}, coder="adjudicated")
    assert load_reading(ready, codebook).read[at[read[1]]]


def test_a_queue_of_one_document_and_its_refusals(ready, call, codebook):
    rows = plan_queue(ready, codebook, documents=["talk"], share=0.5)
    assert {row.passage_id.split(":")[0] for row in rows} == {"talk"}
    assert sorted(row.by_chance for row in rows) == list(range(1, len(rows) + 1))
    status, out, err = call("queue", "review/queue.csv", "--document", "nowhere")
    assert (status, out) == (2, "")
    assert "there is no document 'nowhere'" in err
    assert call("queue", "review/queue.csv", "--code", "nonsense")[0] == 2
    review(ready, {passage_id: [] for passage_id in load_reading(ready, codebook).passage_ids})
    with pytest.raises(InputError, match="all is read"):
        plan_queue(ready, codebook)


def test_how_much_is_left_follows_the_reading(ready, call, codebook):
    status, _, err = call("queue", "review/queue.csv")
    assert status == 0
    assert "passages," in err
    assert call("queue", "review/queue.csv")[0] == 2  # there already
    queue = read_queue(ready / "review" / "queue.csv")
    trusting = {row.passage_id for row in read_table("outputs/passages.parquet", Passage) if "trust" in row.text}
    half = [row.passage_id for row in queue[: len(queue) // 2]]
    review(ready, {i: ["trust"] if i in trusting else [] for i in half})
    done = measure_progress(ready, codebook, queue)
    trust = next(left for left in done.codes if left.code == "trust")
    assert (done.n_passages, done.n_read) == (len(queue), len(half))
    assert trust.found == len(trusting & set(half))
    assert 0 < trust.risk <= 1
    assert trust.sure <= 1
    assert 0 < trust.to_go <= len(queue) - len(half)
    review(ready, {row.passage_id: ["trust"] if row.passage_id in trusting else [] for row in queue[len(half) :]})
    status, out, _ = call("effort", "review/queue.csv", "--format", "jsonl")
    left = {line["code"]: line for line in map(json.loads, out.splitlines())}
    assert (left["trust"]["found"], left["trust"]["sure"], left["trust"]["risk"], left["trust"]["to_go"]) == (
        len(trusting),
        1.0,
        0.0,
        0,
    )
    assert left["risk"]["sure"] is None  # none of none
    for form in ("table", "md", "csv"):
        assert "trust" in call("effort", "review/queue.csv", "--format", form)[1]


def test_what_a_queue_saves_is_told_without_one(ready, call):
    status, out, _ = call("effort")
    assert status == 0
    assert "Looking for one code" in out
    assert "| mean |" in call("effort", "--format", "md")[1]
    assert len(call("effort", "--format", "csv")[1].splitlines()) > 2 * 3 * 13
    (ready / "outputs" / "review_effort.csv").unlink()
    status, _, err = call("effort")
    assert status == 2
    assert "run `dvc repro` first" in err


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a,b\n1,2\n", "has not the columns"), ("place,passage_id,by_worth,by_chance,drawn\nx,a,1,1,True\n", "line 2")],
)
def test_a_file_that_is_no_queue_is_refused(text, problem, tmp_path):
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(InputError, match=problem):
        read_queue(tmp_path / "q.csv")


def test_a_queue_is_read_as_it_was_written(tmp_path):
    rows = [QueueRow(place=1, passage_id="é:0001", by_worth=2, by_chance=1, drawn=True)]
    write_csv(tmp_path / "q.csv", rows, QueueRow)
    assert read_queue(tmp_path / "q.csv") == rows


def test_what_corrections_changed_without_knowing_git(ready, call, codebook):
    status, _, err = call("diff")
    assert status == 2
    assert "collabnlp keep" in err
    assert call("keep")[0] == 0
    told = call("diff")[1]
    assert "the same in both" in told
    assert "Codes: 0 given, 0 taken back, 0 of another stance, on 0 passages." in told
    assert "Evidence: 0 new, 0 gone, 0 changed, in 0 cells." in told
    reading = load_reading(ready, codebook)
    review(ready, {passage_id: ["risk"] for passage_id in reading.passage_ids})
    run_stages("embed", "train", "classify", "topics", "evaluate", "evidence")
    old, new = load_run(KEPT, codebook.names), load_run(ready / "outputs", codebook.names)
    status, told, _ = call("diff", "--limit", "0")
    assert status == 0
    assert f"Model: {old.versions[0]} before, {new.versions[0]} after." in told
    assert "+ risk (" in told
    assert f"on {len(old.coded.passage_ids)} coded passages, after on {len(new.coded.passage_ids)}" in told
    assert len(new.coded.passage_ids) == len(old.coded.passage_ids) + len(reading.passage_ids)
    assert "Attitude to risk" in told  # the evidence, too
    closed = next(r.text for r in read_table("outputs/passages.parquet", Passage) if "nobody asked" in r.text)
    assert closed[:40] not in told
    assert "not shown: not for attribution" in told
    records = {json.loads(line)["record"] for line in call("diff", "--format", "jsonl")[1].splitlines()}
    assert records == {"score", "tag", "cell", "change"}
    assert call("diff", "--format", "csv")[1].startswith("passage_id,code,who,before,after,score_before,score,text\n")
    assert call("diff", KEPT / "evidence.db", "outputs", "--format", "md", "--output", "changes.md")[0] == 0
    assert "Scores" not in (ready / "changes.md").read_text()
    keep_run(ready)
    assert "the same in both" in call("diff")[1]


def test_a_run_that_is_not_complete_is_not_kept(ready):
    (ready / "outputs" / FILES[-1]).unlink()
    with pytest.raises(InputError, match="run `dvc repro` first"):
        keep_run(ready)
    assert not (ready / KEPT).exists()


def test_a_run_of_another_version_is_refused_in_one_line(ready, codebook):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"passage_id": ["a"]}), ready / "outputs" / "tags.parquet")
    with pytest.raises(InputError, match="written by another version of collabnlp"):
        load_run(ready / "outputs", codebook.names)


def test_a_commit_is_compared_from_git_and_the_cache_alone(ready, call):
    """A project of its own in git and DVC; what was committed is compared with what lies there now."""
    for command in (
        ["git", "init", "-q"],
        ["dvc", "init", "-q"],
        ["dvc", "add", "-q", *(f"outputs/{name}" for name in FILES)],
        ["git", "add", "-A"],
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first"],
    ):
        subprocess.run([sys.executable, "-m", "dvc", *command[1:]] if command[0] == "dvc" else command, check=True)
    status, told, err = call("diff", "HEAD")
    assert (status, err) == (0, "")
    assert "Codes: 0 given" in told
    status, _, err = call("diff", "no-such-commit")
    assert status == 2
    assert "is neither a folder nor a commit" in err
    assert "\n" not in err.strip()
