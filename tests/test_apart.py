"""A process that hangs, dies, fails or eats too much costs its own answer and no other."""

import errno
import os
import signal
import sys
import time

import pytest

from collabnlp.apart import Apart, Lost
from collabnlp.params import Limits
from collabnlp.readers import read_apart, read_blocks
from collabnlp.records import InputError


def make(setup):
    """What answers in the other process."""

    def answer(question):
        if question == "hang":
            time.sleep(60)
        if question == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if question == "leave":
            os._exit(3)
        if question == "eat":
            return len(bytearray(2_000_000_000))
        if question == "deep":
            return answer([question])
        if question == "fail":
            raise KeyError("the words of a document")
        if question == "full":
            raise OSError(errno.ENOSPC, "words")
        if question == "talk":
            print("not an answer")  # noqa: T201
            os.write(1, b"nor this\n")
        return [setup, question, os.getpid()]

    return answer


@pytest.fixture
def apart():
    with Apart("test_apart:make", {"a": 1}, seconds=20, memory_mb=300) as made:
        yield made


def test_many_questions_are_answered_by_one_process(apart):
    answers = [apart.call({"text": "Æ\n\ud800"}) for _ in range(3)]
    assert {tuple(answer[0]) for answer in answers} == {("a",)}
    assert answers[0][1] == {"text": "Æ\n\ud800"}
    assert len({answer[2] for answer in answers}) == 1
    assert answers[0][2] != os.getpid()


def test_what_is_printed_there_is_no_answer(apart):
    assert apart.call("talk")[1] == "talk"
    assert apart.call("next")[1] == "next"


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("die", "ended the program that read it (SIGSEGV)"),
        ("leave", "ended the program that read it (status 3)"),
        ("fail", "made the program fail (KeyError in test_apart.py, line"),
        pytest.param(
            "eat",
            "needs more than 300 MB of memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone"),
        ),
    ],
)
def test_a_loss_is_told_without_the_document_s_words_and_costs_no_other(apart, question, says):
    first = apart.call("before")[2]
    with pytest.raises(Lost) as loss:
        apart.call(question)
    assert str(loss.value).startswith(says)
    assert "words" not in str(loss.value)
    setup, asked, process = apart.call("after")
    assert (setup, asked) == ({"a": 1}, "after")
    assert process != first


def test_a_full_disk_is_no_fault_of_the_document(apart):
    with pytest.raises(OSError, match="No space left on device"):
        apart.call("full")
    assert apart.call("after")[1] == "after"


def test_a_process_that_hangs_is_ended_in_time():
    with Apart("test_apart:make", None, seconds=0.5) as apart:
        process = apart.call("before")[2]
        began = time.monotonic()
        with pytest.raises(Lost, match=r"took longer than 0\.5 seconds"):
            apart.call("hang")
        assert time.monotonic() - began < 20
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        assert apart.call("after")[1] == "after"


def test_nothing_is_left_running(apart):
    process = apart.call("one")[2]
    apart.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    apart.close()


def test_a_process_that_does_not_start_is_a_fault_of_the_program(capfd):
    with Apart("test_apart:gone", None, seconds=5) as apart, pytest.raises(RuntimeError, match="does not start"):
        apart.call("anything")
    assert "AttributeError" in capfd.readouterr().err


def test_a_file_read_apart_gives_the_same_blocks_and_the_same_refusal(tmp_path):
    path = tmp_path / "talk.md"
    path.write_text("# Talk\n\nINTERVIEWER: And then? \u2014 Æ\n\n- It held.\n- So far.\n")
    assert read_apart(path) == read_blocks(path)
    path.write_bytes(b"")
    with pytest.raises(InputError) as apart:
        read_apart(path)
    with pytest.raises(InputError) as here:
        read_blocks(path)
    assert str(apart.value) == str(here.value)
    path.write_text("These are longer.")
    with pytest.raises(InputError, match="one word has 7 characters"):
        read_apart(path, Limits(word=3))


def test_a_file_that_holds_up_its_reader_is_one_line(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("We met, and then we met again.\n\n" * 200_000)
    with pytest.raises(InputError, match=r"long.txt: took longer than 0.05 seconds; save it"):
        read_apart(path, Limits(seconds=0.05))
    with pytest.raises(InputError, match=r"long.txt: needs more than 5 MB of memory; save it"):
        read_apart(path, Limits(memory_mb=5))
