"""What a disk does to files: a damaged one is found by its checksum and made again or refused, never used."""

import random
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from collabnlp.classify import Classifier
from collabnlp.embed import encode_cached, read_vectors, write_vectors
from collabnlp.names import Names
from collabnlp.records import Document, InputError, Passage, read_table, write_table
from collabnlp.topics import TopicModel
from collabnlp.web.app import create_app
from collabnlp.web.project import Keeper
from conftest import ROOT, make_passage, run_stages, work
from web_world import write_world

QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one bit turned, a piece gone, noughts over a piece, or the end cut off."""
    at = draw.randrange(len(data))
    how = draw.randrange(4)
    if how == 0:
        return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
    if how == 1:
        return data[:at] + data[at + draw.randint(1, 50) :]
    if how == 2:
        return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]
    return data[:at]


@QUICK
@given(
    draw=st.randoms(use_true_random=False),
    value=st.recursive(st.text(max_size=9) | st.integers() | st.none(), st.lists),
)
def test_a_damaged_result_in_the_store_is_made_again(tmp_path, draw, value):
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
    value = {"a": value}
    assert work(lambda _: value, [("key", 1)], tmp_path / "store") == ([value], 1)
    (path,) = (tmp_path / "store").rglob("*.json")
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, draw))
    results, n_done = work(lambda _: value, [("key", 1)], tmp_path / "store")
    assert results == [value]
    assert n_done == (path.read_bytes() != whole or n_done)
    assert work(lambda _: None, [("key", 1)], tmp_path / "store") == ([value], 0)


def test_a_result_that_hangs_on_the_moment_is_not_remembered(tmp_path):
    for _ in range(2):
        assert work(str.upper, [("key", "a")], tmp_path, passing=lambda value: value == "A") == (["A"], 1)
    assert not list(tmp_path.rglob("*.json"))


@QUICK
@given(draw=st.randoms(use_true_random=False))
def test_a_damaged_table_is_refused_or_read_as_it_was(tmp_path, draw):
    rows = [make_passage(f"The councils agreed on item {i} of the list.", f"report:{i:04d}") for i in range(1, 60)]
    path = tmp_path / "passages.parquet"
    write_table(path, rows, Passage)
    path.write_bytes(damaged(path.read_bytes(), draw))
    try:
        assert read_table(path, Passage) == rows
    except InputError as error:
        refusal = error
    else:
        return
    assert "run `dvc repro`" in str(refusal)


@QUICK
@given(draw=st.randoms(use_true_random=False))
def test_damaged_vectors_are_encoded_again(tmp_path, encoder, draw):
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    texts = [f"text {i}" for i in range(40)]
    before, _ = encode_cached(encoder, texts, tmp_path / "cache")
    (path,) = (tmp_path / "cache").rglob("*.parquet")
    path.write_bytes(damaged(path.read_bytes(), draw))
    after, _ = encode_cached(encoder, texts, tmp_path / "cache")
    assert np.array_equal(before, after)


def test_a_vector_with_one_bit_turned_is_refused(tmp_path):
    path = tmp_path / "v.parquet"
    write_vectors(path, ["a", "b"], np.ones((2, 300), dtype=np.float32) * np.arange(300, dtype=np.float32))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputError):
        read_vectors(path)


def test_a_damaged_classifier_is_refused(ready):
    folder = ready / "models" / "classifier"
    good = Classifier.from_disk(folder)
    draw = random.Random(20)
    for name in ("weights.safetensors", "classifier.json"):
        whole = (folder / name).read_bytes()
        for _ in range(60):
            (folder / name).write_bytes(damaged(whole, draw))
            if (folder / name).read_bytes() != whole:
                with pytest.raises(InputError, match="dvc repro"):
                    Classifier.from_disk(folder)
        (folder / name).write_bytes(whole)
    assert Classifier.from_disk(folder).version_ == good.version_


@pytest.mark.parametrize(
    ("load", "file"),
    [
        (lambda models: Names.from_disk(models / "names" / "names.json"), "names/names.json"),
        (lambda models: TopicModel.from_disk(models / "topics"), "topics/topics.json"),
        (lambda models: TopicModel.from_disk(models / "topics"), "topics/centres.safetensors"),
    ],
)
def test_damaged_models_of_names_and_topics_are_refused_or_read_as_they_were(ready, load, file):
    path = ready / "models" / file
    whole, draw, n_refused = path.read_bytes(), random.Random(20), 0
    for _ in range(60):
        path.write_bytes(damaged(whole, draw))
        try:
            found = load(ready / "models")
        except InputError as error:
            n_refused += "dvc repro" in str(error)
            continue
        found.to_disk(ready / "again" / (file if file.startswith("names") else "topics"))
        assert (ready / "again" / file).read_bytes() == whole
    assert n_refused > 40


def test_a_store_that_a_disk_spoilt_changes_no_output(project):
    run_stages("ingest", "embed")
    outputs = {path.name: path.read_bytes() for path in (project / "outputs").glob("*.parquet")}
    draw = random.Random(20)
    for path in sorted((project / ".cache").rglob("*.*")):
        if path.is_file():
            path.write_bytes(damaged(path.read_bytes(), draw))
    run_stages("ingest", "embed")
    assert {path.name: path.read_bytes() for path in (project / "outputs").glob("*.parquet")} == outputs


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
from collabnlp.stages import main
from collabnlp.stages.ingest import stage
main(stage)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of file sizes as on Linux")
@pytest.mark.parametrize("room", [0, 100, 2_000, 5_000])
def test_a_disk_that_is_full_is_one_line_and_leaves_the_last_good_tables(project, room):
    run_stages("ingest")
    before = {path.name: path.read_bytes() for path in (project / "outputs").iterdir()}
    (project / "corpus" / "reports" / "orren.md").write_text(
        "# Other\n\n" + "The councils agreed on this one. " * 2_000
    )
    done = subprocess.run([sys.executable, "-c", FULL.format(room)], capture_output=True, text=True, cwd=project)
    assert done.returncode == 2
    assert re.fullmatch(r".*cannot be written \(File too large\); free some space.*\n", done.stderr)
    after = {path.name: path.read_bytes() for path in (project / "outputs").iterdir()}
    after.pop("ingest_report.csv"), before.pop("ingest_report.csv")
    assert after == before
    run_stages("ingest")
    assert any("this one" in d.text for d in read_table("outputs/documents.parquet", Document))


def test_an_index_that_is_replaced_while_it_is_read_gives_whole_answers(tmp_path, codebook, gazetteer):
    client = TestClient(
        create_app(_world(tmp_path, codebook, gazetteer, 60), ROOT),
        base_url="http://localhost",
        raise_server_exceptions=False,
    )
    paths = ("/api/matrix?rows=document", "/api/search?q=trust", "/api/code?id=trust", "/search?q=board")
    wanted = {path: {client.get(path).text} for path in paths}
    _world(tmp_path, codebook, gazetteer, 40)
    for path in paths:
        wanted[path].add(client.get(path).text)
    over, wrong = threading.Event(), []

    def read(own):
        i = own
        while not over.is_set():
            path = paths[i % len(paths)]
            answer = client.get(path)
            if answer.status_code != 200 or answer.text not in wanted[path]:
                wrong.append((path, answer.status_code, re.sub(r"(?s)<head>.*</head>|<[^>]+>", "", answer.text)[:500]))
            i += 1

    readers = [threading.Thread(target=read, args=(own,)) for own in range(4)]
    for reader in readers:
        reader.start()
    try:
        for n_report in (60, 40) * 4:
            _world(tmp_path, codebook, gazetteer, n_report)
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert all(len(texts) == 2 for texts in wanted.values())


def _world(folder, codebook, gazetteer, n_report):
    write_world(folder, codebook, gazetteer, n_report)
    return folder / "evidence.db"


def test_no_answer_is_of_two_indexes(tmp_path, codebook, gazetteer):
    keeper = Keeper(_world(tmp_path, codebook, gazetteer, 60), ROOT)
    asked = []

    def read(project):
        ids = [i for i in project.index.passages.values if i.startswith("report")]
        if not asked:
            _world(tmp_path, codebook, gazetteer, 40)
        asked.append(len(ids))
        return len(ids), project.searcher.search("agreed", limit=0).total, len(project.index.read_passages(ids))

    answer = keeper.ask(read)
    assert asked == [60, 40]
    assert answer == Keeper(tmp_path / "evidence.db", ROOT).ask(read)


def test_an_index_that_is_replaced_without_end_is_one_line(tmp_path, codebook, gazetteer):
    keeper = Keeper(_world(tmp_path, codebook, gazetteer, 60), ROOT)
    with pytest.raises(InputError, match=r"evidence\.db: is replaced again and again; ask again"):
        keeper.ask(lambda project: _world(tmp_path, codebook, gazetteer, 40))


def test_an_error_that_has_nothing_to_do_with_a_new_index_is_told(tmp_path, codebook, gazetteer):
    keeper = Keeper(_world(tmp_path, codebook, gazetteer, 60), ROOT)
    with pytest.raises(ZeroDivisionError):
        keeper.ask(lambda project: 1 // 0)
