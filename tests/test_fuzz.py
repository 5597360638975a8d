"""A few hundred changed files for each reader, and every file that once broke one."""

import random
import warnings

import pytest

from collabnlp.readers import READERS
from fuzz import KEPT, NAMES, ending, look, mutant, seeds, smallest

ROUNDS = {
    "docx": 25,
    "xlsx": 40,
    "odt": 40,
    "html": 60,
    "review-docx": 25,
    "review-xlsx": 25,
}  # the slow ones; the others 150


@pytest.mark.parametrize("reader", NAMES)
def test_changed_files_are_read_or_refused(tmp_path, reader):
    draw = random.Random(20)
    path = tmp_path / f"a{ending(reader)}"
    given = seeds(reader)
    outcomes = set()
    for _ in range(ROUNDS.get(reader, 150)):
        path.write_bytes(mutant(reader, draw.choice(given), draw))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.add(look(reader, path))
    assert outcomes == {"read", "refused"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reader", NAMES)
def test_the_fuzzer_starts_from_files_that_can_be_read(tmp_path, reader):
    for data in seeds(reader):
        (tmp_path / f"a{ending(reader)}").write_bytes(data)
        assert look(reader, tmp_path / f"a{ending(reader)}") == "read"


@pytest.mark.parametrize("path", sorted(KEPT.glob("*/*")), ids=lambda path: path.name)
def test_what_once_broke_a_reader_no_longer_does(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert look(path.parent.name, path) in ("read", "refused")


@pytest.mark.parametrize("path", sorted(KEPT.glob("*/*")), ids=lambda path: path.name)
def test_the_fuzzer_goes_on_from_what_once_broke_a_reader(path):
    given = path.read_bytes()
    assert any(mutant(path.parent.name, given, random.Random(seed)) != given for seed in range(5))


def test_the_fuzzer_finds_a_reader_that_breaks(tmp_path, monkeypatch):
    def breaks(path):
        if b"w:val" in path.read_bytes():
            raise ZeroDivisionError
        return []

    monkeypatch.setitem(READERS, ".txt", breaks)
    draw = random.Random(20)
    path = tmp_path / "a.txt"
    told = set()
    for _ in range(400):
        path.write_bytes(mutant("txt", seeds("txt")[0], draw))
        told.add(look("txt", path).split(":")[0])
    assert any(one.startswith("ZeroDivisionError in __init__.py") for one in told)


def test_what_breaks_a_reader_is_made_small():
    assert smallest(b"some words " * 50 + b"XY" + b" and more" * 50, lambda data: b"XY" in data, float("inf")) == b"XY"
