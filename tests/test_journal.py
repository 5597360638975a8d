"""A reviewer's journal: every decision once, whatever dies, whoever writes beside."""

import multiprocessing
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.exchange.journal import STORING, Journal, StaleError, check_coder, is_journal, text_mark
from collabnlp.locks import locked
from collabnlp.records import InputError

MARK = text_mark("The councils agreed.")


def put(journal, passage_id="a:0001", version=0, codes=None, **more):
    return journal.put(passage_id, MARK, version, {"trust": "positive"} if codes is None else codes, **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "review" / "anna.jsonl"


def test_what_was_decided_stands_for_whoever_opens_the_journal(path):
    first = Journal(path, "anna")
    assert put(first, note="Café 🌊\nagain", drawn=True, suggested_by="model-1")
    assert put(first, "a:0002", codes={})
    again = Journal(path)
    assert again.coder == "anna"
    assert [(d.passage_id, d.codes, d.note, d.drawn) for d in again.decisions()] == [
        ("a:0001", {"trust": "positive"}, "Café 🌊\nagain", True),
        ("a:0002", {}, "", False),
    ]
    assert is_journal(path)
    assert path.stat().st_mode & 0o077 == 0


def test_a_form_that_is_sent_twice_counts_once(path):
    journal = Journal(path, "anna")
    assert [put(journal), put(journal), put(Journal(path, "anna"))] == [True, False, False]
    assert len(path.read_bytes().splitlines()) == 1


def test_a_change_counts_and_an_older_page_changes_nothing(path):
    journal = Journal(path, "anna")
    put(journal)
    assert put(journal, version=1, codes={"risk": "negative"})
    with pytest.raises(StaleError):
        put(journal, version=0)
    assert journal.current("a:0001", MARK).codes == {"risk": "negative"}
    assert len(journal.decisions()) == 1


def test_taking_back_and_deciding_again(path):
    journal = Journal(path, "anna")
    put(journal)
    assert journal.put("a:0001", MARK, 1, None)
    assert journal.current("a:0001", MARK) is None
    assert journal.decisions() == []
    assert not journal.put("a:0001", MARK, 1, None)  # the button pressed twice
    with pytest.raises(StaleError):
        put(journal, version=0)  # the page from before, sent again, does not bring it back
    assert put(journal, version=2, codes={})
    assert not Journal(path, "anna").put("b:0001", MARK, 0, None)  # nothing to take back


def test_another_text_under_the_same_id_is_another_passage(path):
    journal = Journal(path, "anna")
    put(journal)
    assert journal.current("a:0001", text_mark("Another text.")) is None


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(1, 400), bad=st.booleans())
def test_a_line_that_was_cut_off_costs_that_line_alone(tmp_path_factory, cut, bad):
    path = tmp_path_factory.mktemp("cut") / "anna.jsonl"
    journal = Journal(path, "anna")
    for i in range(3):
        put(journal, f"a:{i}")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    if bad:  # a byte turned in the middle
        at = len(lines[0]) + cut % (len(lines[1]) - 1)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    else:
        path.write_bytes(whole[: -min(cut, len(lines[2]))])
    again = Journal(path, "anna")
    held = {d.passage_id for d in again.decisions()}
    assert {"a:0", "a:2"} <= held if bad else held == {"a:0", "a:1"}
    for i in range(3):  # what is missing is decided again, and nothing twice
        if f"a:{i}" not in held:
            assert put(again, f"a:{i}")
    last = Journal(path, "anna")
    assert sorted(d.passage_id for d in last.decisions()) == ["a:0", "a:1", "a:2"]


def test_damaged_lines_are_listed(path):
    journal = Journal(path, "anna")
    put(journal)
    with path.open("ab") as file:
        file.write(b'0123456789ab {"format": 1, "cod')
    journal = Journal(path, "anna")
    put(journal, "a:0002")
    assert Journal(path, "anna").damaged == [2]
    assert [d.passage_id for d in Journal(path).decisions()] == ["a:0001", "a:0002"]


def test_nobody_writes_into_anothers_journal(path):
    put(Journal(path, "anna"))
    with pytest.raises(InputError, match="journal of anna"):
        Journal(path, "ben")


@pytest.mark.parametrize("name", ["", "../anna", "a/b", "model-1234", ".anna", "a\nb/..", "a" * 80])
def test_names_that_cannot_be_a_file(name):
    with pytest.raises(InputError):
        check_coder(name)


def test_names_that_can():
    assert [check_coder(name) for name in ("anna", "Anna  Weir", "Siân-2")] == ["anna", "Anna Weir", "Siân-2"]


def _write(path, first):
    journal = Journal(path, "anna")
    for i in range(first, first + 60):
        put(journal, f"a:{i}")


def test_processes_that_write_at_once_lose_and_double_nothing(path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, first)) for first in (0, 30)]  # half of it twice
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert sorted(d.passage_id for d in Journal(path).decisions()) == sorted(f"a:{i}" for i in range(90))
    assert len(path.read_bytes().splitlines()) == 90


def _die_holding(folder, ready):
    with locked(folder, STORING):
        ready.set()
        os.kill(os.getpid(), 9)


def test_a_writer_that_was_killed_locks_nobody_out(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    writer = context.Process(target=_die_holding, args=(tmp_path, ready))
    writer.start()
    assert ready.wait(30)
    writer.join(30)
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path, STORING):
        pass
    assert not (tmp_path / ".lock").exists()


def test_a_folder_is_one_writers_at_a_time(tmp_path):
    with (
        locked(tmp_path, STORING),
        pytest.raises(InputError, match="another review is being stored"),
        locked(tmp_path, STORING, wait=0.05),
    ):
        pass  # fmt: skip
    with pytest.raises(InputError, match="no such folder"), locked(tmp_path / "none", STORING):
        pass
