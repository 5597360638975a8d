"""Fine-tuning, on an encoder of a few thousand weights that is made here."""

import json
import shutil

import numpy as np
import pytest

from collabnlp.codebook import load_codebook
from collabnlp.embed import SentenceEncoder, TunedEncoder, no_readings, read_readings, unpack, write_readings
from collabnlp.finetune import Task, finetune, plan_folds
from collabnlp.params import Finetune
from collabnlp.records import GoldPassage, InputError, read_jsonl
from conftest import run_stages

CODES = ["trust", "momentum"]
SETTINGS = Finetune(first_layer=1, rank=4, epochs=15, batch_size=8, learning_rate=0.02, whole_kinds=("restated",))


@pytest.fixture(scope="module")
def encoder(bert_folder):
    return SentenceEncoder(str(bert_folder))


@pytest.fixture(scope="module")
def task():
    """`trust` where the word trust stands, `momentum` negative where slowly does."""
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for i in range(48):
        words = list(rng.choice(["bins", "green", "leaders", "meet", "now"], 5))
        given = [i % 3 == 0, i % 4 == 0]
        texts.append(" ".join([*words, *(w for w, g in zip(["trust", "slowly"], given, strict=True) if g)]) + ".")
        labels.append(given)
    labels = np.array(labels)
    stances = np.where(labels, [[0, 1]], -1)
    return Task(texts, labels, stances, [f"s{i // 8}" for i in range(48)])


@pytest.fixture(scope="module")
def made(encoder, task, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetuned")
    fold = np.array([0] * 16 + [-1] * 32)
    return folder, fold, finetune(task, fold, CODES, encoder, folder, SETTINGS)


def test_what_was_learnt_shows_on_passages_that_were_held_out(made, task):
    _, fold, readings = made
    held = fold == 0
    assert ((readings[held, :2] > 0) == task.labels[held]).mean() > 0.9
    stances = readings[:, 2:].reshape(len(fold), 2, 3).argmax(axis=2)
    given = task.labels & held[:, None]
    assert (stances[given] == task.stances[given]).mean() > 0.9
    assert not readings[~held].any()


def test_the_encoder_from_disk_says_what_training_said(made, task, encoder):
    """One text at a time, adapters merged into the weights, against batches with the adapters apart."""
    folder, fold, readings = made
    tuned = TunedEncoder(encoder, folder, exclude_sources=["s0", "s1"])
    texts = [task.texts[i] for i in np.flatnonzero(fold == 0)]
    vectors, said = tuned.split(tuned.encode(texts), CODES)
    assert np.abs(said.codes - readings[fold == 0, :2]).max() < 0.05  # states were kept in half precision
    assert np.abs(vectors - encoder.encode(texts)).max() < 1e-5


def test_the_place_of_a_code_is_near_the_word_that_carries_it(made, encoder):
    folder, *_ = made
    tuned = TunedEncoder(encoder, folder)
    text = "bins green bins leaders meet now green bins leaders meet now bins green meet now bins meet trust."
    _, said = tuned.split(tuned.encode([text]), CODES)
    assert said.places[0, 0] > len(text) / 2


def test_made_again_it_is_the_same_and_costs_nothing(made, task, encoder, tmp_path, monkeypatch):
    folder, fold, readings = made
    shutil.copytree(folder, tmp_path / "again")
    (tmp_path / "again" / "full.safetensors").unlink()
    trained = []
    from collabnlp import finetune as module

    original = module._train
    monkeypatch.setattr(module, "_train", lambda *args: (trained.append(args[-1]), original(*args)))
    again = finetune(task, fold, CODES, encoder, tmp_path / "again", SETTINGS)
    assert trained == ["full"]
    assert (again == readings).all()
    for name in ("full.safetensors", "fold-0.safetensors", "finetuned.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_an_excluded_source_takes_the_adapter_that_never_saw_it(made, encoder):
    folder, *_ = made
    assert TunedEncoder(encoder, folder)._file == "full.safetensors"
    assert TunedEncoder(encoder, folder, ["s1"])._file == "fold-0.safetensors"
    assert TunedEncoder(encoder, folder, ["a-new-one"])._file == "full.safetensors"
    with pytest.raises(InputError, match="never saw"):
        TunedEncoder(encoder, folder, ["s1", "s5"])


def test_a_changed_or_missing_adapter_is_one_line(made, encoder, tmp_path):
    folder, *_ = made
    shutil.copytree(folder, tmp_path / "a")
    path = tmp_path / "a" / "full.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="SHA-256"):
        TunedEncoder(encoder, tmp_path / "a").encode(["trust"])
    about = json.loads((tmp_path / "a" / "finetuned.json").read_text())
    (tmp_path / "a" / "finetuned.json").write_text(json.dumps({**about, "encoder_sha256": "0" * 64}))
    with pytest.raises(InputError, match="made for the encoder"):
        TunedEncoder(encoder, tmp_path / "a")
    with pytest.raises(InputError, match="make finetune"):
        TunedEncoder(encoder, tmp_path / "nothing")


def test_a_code_that_was_not_taught_has_no_reading():
    rows = np.arange(20, dtype=np.float32).reshape(2, 10)
    said = unpack(rows, CODES, ["momentum", "new"])
    assert said.codes[:, 0].tolist() == [1, 11]
    assert np.isnan(said.codes[:, 1]).all()
    assert said.stances[0, 0].tolist() == [5, 6, 7]
    assert said.places.tolist() == [[9, -1], [19, -1]]


def test_readings_come_back_from_disk(tmp_path):
    said = unpack(np.arange(20, dtype=np.float32).reshape(2, 10), CODES, ["momentum", "new"])
    write_readings(tmp_path / "r.parquet", ["a", "b"], said)
    ids, again = read_readings(tmp_path / "r.parquet", 2)
    assert ids == ["a", "b"]
    for before, after in zip(said, again, strict=True):
        np.testing.assert_array_equal(before, after)
    write_readings(tmp_path / "none.parquet", [], no_readings(0, 2))
    assert read_readings(tmp_path / "none.parquet", 2)[0] == []


def test_kinds_that_are_held_out_are_a_fold_each():
    assert plan_folds(["free", "report", "restated", "free"], ("restated", "interview", "free")).tolist() == [
        1,
        -1,
        0,
        1,
    ]


def test_the_stages_read_each_coded_passage_by_an_adapter_that_never_saw_it(project, encoder, monkeypatch):
    from collabnlp.stages import embed
    from collabnlp.stages import finetune as stage

    for module in (embed, stage):
        monkeypatch.setattr(module, "SentenceEncoder", lambda *_: encoder)
    params = (project / "params.yaml").read_text()
    for before, after in [("finetuned: false", "finetuned: true"), ("first_layer: 3", "first_layer: 1")]:
        assert before in params
        params = params.replace(before, after)
    (project / "params.yaml").write_text(params.replace("epochs: 3", "epochs: 1"))
    run_stages("ingest", "finetune", "embed", "train")
    gold = {row.passage_id: row for row in read_jsonl("corpus/gold/passages.jsonl", GoldPassage)}
    ids, readings = read_readings("outputs/gold_readings.parquet", 12)
    read = ~np.isnan(readings.codes).any(axis=1)
    assert [i for i, r in zip(ids, read, strict=True) if r] == [
        i for i in ids if gold[i].kind in Finetune().whole_kinds
    ]
    _, own = read_readings("outputs/readings.parquet", 12)
    assert not np.isnan(own.codes).any()
    tuned = TunedEncoder(encoder, "models/finetuned", ["idea-opm-2009"])
    at = next(i for i in ids if gold[i].source == "idea-opm-2009")
    _, said = tuned.split(tuned.encode([gold[at].text]), tuned.codes)
    order = [load_codebook("corpus/codebook.yaml").names.index(code) for code in tuned.codes]
    assert np.abs(said.codes[0] - readings.codes[ids.index(at)][order]).max() < 0.05
