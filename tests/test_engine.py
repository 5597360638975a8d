"""Work is done once, in order, and the same wherever it is done; tables are the same however their rows came."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import collabnlp.records
from collabnlp.embed import VectorStore, VectorTable, vector_writer, write_vectors
from collabnlp.engine import content_key
from collabnlp.params import Ray
from collabnlp.records import InputError, Passage, Table, read_table, table_writer, text_sha256, write_table
from conftest import make_passage, work

SMALL = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_what_is_remembered_is_not_computed_again(tmp_path):
    items = [(content_key(x), x) for x in "abc"]
    assert work(str.upper, items, tmp_path)[1] == 3
    assert work(str.upper, [*items, (content_key("d"), "d")], tmp_path) == (list("ABCD"), 1)


def test_a_half_written_result_is_computed_again(tmp_path):
    work(str.upper, [("k1", "a")], tmp_path)
    (tmp_path / "k1" / "k1.json").write_text('"A')
    assert work(str.upper, [("k1", "a")], tmp_path) == (["A"], 1)


def test_an_item_is_taken_when_the_one_before_is_done(tmp_path):
    seen = []

    def items():
        for x in "abc":
            seen.append(f"take {x}")
            yield content_key(x), x

    work(lambda x: seen.append(f"do {x}"), items(), None)
    assert seen == [f"{what} {x}" for x in "abc" for what in ("take", "do")]


def test_what_does_the_work_is_made_only_where_there_is_some(tmp_path):
    work(str.upper, [("k1", "a")], tmp_path)
    assert work(None, [("k1", "a")], tmp_path) == (["A"], 0)


def test_no_cluster_is_sought_for_what_is_remembered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work(str.upper, [("k1", "a")], tmp_path)
    nowhere = Ray(address="127.0.0.1:1", scratch=str(tmp_path / "scratch"))
    assert work(str.upper, [("k1", "a")], tmp_path, ray=nowhere) == (["A"], 0)
    assert not (tmp_path / "scratch").exists()


def passages(n):
    return [make_passage(f"The councils agreed on item {i}.", f"report:{i:04d}") for i in range(1, n + 1)]


@SMALL
@given(n=st.integers(0, 30), cuts=st.lists(st.integers(0, 30), max_size=5), size=st.integers(1, 9))
def test_a_table_is_the_same_however_its_rows_came(tmp_path, n, cuts, size):
    rows = passages(n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collabnlp.records, "ROW_GROUP", size)
        write_table(tmp_path / "whole", rows[::-1], Passage)
        with table_writer(tmp_path / "pieces", Passage) as write:
            for start, stop in pairwise(sorted({0, n, *(min(cut, n) for cut in cuts)})):
                write(rows[start:stop])
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    table = Table(tmp_path / "whole", Passage)
    assert (len(table), list(table), list(table.column("text"))) == (n, rows, [row.text for row in rows])
    assert [len(batch) for batch in table.batches()][:-1] == [size] * max(-(-n // size) - 1, 0)
    for start, stop in [(0, n), *((min(a, b), max(a, b)) for a, b in pairwise(cuts))]:
        assert table.rows(start, stop) == rows[start:stop]


def test_rows_out_of_order_are_a_fault_and_leave_the_last_good_table(tmp_path):
    one, two = passages(2)
    write_table(tmp_path / "t", [one], Passage)
    for rows in ([two, one], [one, one]):
        with pytest.raises(ValueError, match=r"report:0001"), table_writer(tmp_path / "t", Passage) as write:
            write(rows)
    assert read_table(tmp_path / "t", Passage) == [one]


@SMALL
@given(n=st.integers(1, 30), size=st.integers(1, 9), start=st.integers(0, 30), length=st.integers(0, 30))
def test_some_vectors_of_a_table_are_those_that_were_written(tmp_path, n, size, start, length):
    vectors = np.random.default_rng(n).random((n, 3), dtype=np.float32)
    ids = [str(i) for i in range(n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collabnlp.records, "ROW_GROUP", size)
        write_vectors(tmp_path / "whole", ids, vectors)
        with vector_writer(tmp_path / "pieces", 3) as write:
            for i in range(n):
                write(ids[i : i + 1], vectors[i : i + 1])
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    found, rows = VectorTable(tmp_path / "whole").rows(start, start + length)
    assert found == ids[start : start + length]
    assert (rows == vectors[start : start + length]).all()


@SMALL
@given(runs=st.lists(st.lists(st.text(max_size=3), max_size=6), max_size=5), kept=st.booleans())
def test_a_store_of_vectors_gives_back_what_it_got(tmp_path_factory, runs, kept):
    folder = tmp_path_factory.mktemp("store") if kept else None
    store, known = VectorStore(folder), {}
    for texts in runs:
        new = {text_sha256(text): [len(known) + i] for i, text in enumerate(dict.fromkeys(texts))}
        new = {key: row for key, row in new.items() if key not in store}
        if new:
            store.add(list(new), np.array(list(new.values()), np.float32))
        known |= new
        if kept:
            store = VectorStore(folder)
        asked = list(known)[::-1]
        assert store.take(asked).tolist() == [known[key] for key in asked]


def test_a_cluster_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no Ray cluster answers at 127.0.0.1:1 .*; start one"):
        work(str.upper, [("k1", "a")], None, ray=Ray(address="127.0.0.1:1"))
    assert not list(tmp_path.rglob("*.parquet"))
