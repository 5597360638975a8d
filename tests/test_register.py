"""The register of sources: what can be read, and a row for what cannot."""

import contextlib
import csv

import pytest

from collabnlp.records import InputError
from collabnlp.register import COLUMNS, Entry, add_entry, document_id_of, find_entry, load_register

HEADER = ",".join(COLUMNS) + "\n"
GOOD = {
    "document_id": "depot",
    "source_path": "reports/depot.txt",
    "title": "A depot for two",
    "publisher": "Orrenshire",
    "year": "2019",
    "kind": "report",
    "access": "public",
    "synthetic": "yes",
    "language": "en",
    "note": "",
}


@pytest.fixture
def corpus(tmp_path):
    """A corpus of one report, registered."""
    folder = tmp_path / "corpus"
    for name in ("reports", "transcripts"):
        (folder / name).mkdir(parents=True)
    (folder / "reports" / "depot.txt").write_text("The councils share a depot.\n")
    register(folder, {})
    return folder


def register(folder, *changes):
    with (folder / "documents.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        writer.writerows({**GOOD, **change} for change in changes)


def make_entry(**changes):
    return Entry.model_validate({**GOOD, **changes})


def test_a_good_line_becomes_an_entry(corpus):
    entries, problems = load_register(corpus)
    assert problems == []
    assert entries == [make_entry()]


def test_entries_come_by_document_id(corpus):
    (corpus / "reports" / "a.txt").write_text("Text.")
    register(corpus, {}, {"document_id": "a", "source_path": "reports/a.txt"})
    assert [entry.document_id for entry in load_register(corpus)[0]] == ["a", "depot"]


def test_blanks_around_a_value_are_taken_off(corpus):
    register(corpus, {"title": "  A depot for two ", "access": " public "})
    assert load_register(corpus)[0] == [make_entry()]


def test_an_empty_language_is_english(corpus):
    register(corpus, {"language": ""})
    assert load_register(corpus)[0][0].language == "en"


def test_a_byte_order_mark_is_read_over(corpus):
    path = corpus / "documents.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_register(corpus)[0]) == 1


@pytest.mark.parametrize(
    ("change", "problem", "remedy"),
    [
        ({"access": "secret"}, "access is 'secret' in row 2", "write public, attributable, non-attributable"),
        ({"kind": "memo"}, "kind is 'memo' in row 2", "write report, transcript"),
        ({"year": "soon"}, "year is 'soon' in row 2", "write a year with four digits"),
        ({"year": "19"}, "year is '19' in row 2", "write a year with four digits"),
        ({"synthetic": "maybe"}, "synthetic is 'maybe' in row 2", "write yes or no"),
        ({"language": "English"}, "language is 'English' in row 2", "write two small letters"),
        ({"document_id": "A depot"}, "document_id is 'A depot' in row 2", "write small letters"),
        ({"document_id": "../depot"}, "document_id is '../depot' in row 2", "write small letters"),
        ({"title": ""}, "title is '' in row 2", "write the title"),
        ({"access": "secret\nplan"}, "access is 'secret\\nplan' in row 2", "write public"),
        ({"source_path": "reports/gone.txt"}, "there is no such file", "restore it"),
        ({"source_path": "reports"}, "there is no such file", "restore it"),
        ({"source_path": "../outside.txt"}, "lies outside the corpus folder", "collabnlp add"),
        ({"source_path": "reports/../../outside.txt"}, "lies outside the corpus folder", "collabnlp add"),
        ({"source_path": "/etc/hostname"}, "lies outside the corpus folder", "collabnlp add"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_a_line_that_will_not_do_is_refused_with_its_reason(corpus, change, problem, remedy):
    (corpus.parent / "outside.txt").write_text("Not ours.")
    register(corpus, change)
    entries, problems = load_register(corpus)
    assert entries == []
    row = problems[0]
    assert (row.status, row.source_path) == ("refused", change.get("source_path", GOOD["source_path"]))
    assert row.problem.startswith(problem)
    assert remedy in row.remedy
    assert "\n" not in row.problem + row.remedy


def test_a_link_that_leads_out_of_the_corpus_is_refused(corpus):
    (corpus.parent / "outside.txt").write_text("Not ours.")
    (corpus / "reports" / "link.txt").symlink_to(corpus.parent / "outside.txt")
    register(corpus, {}, {"document_id": "link", "source_path": "reports/link.txt"})
    assert [row.problem for row in load_register(corpus)[1]] == ["lies outside the corpus folder"]


def test_an_id_that_stands_twice_refuses_both_lines(corpus):
    (corpus / "reports" / "other.txt").write_text("Text.")
    register(corpus, {}, {"source_path": "reports/other.txt"})
    entries, problems = load_register(corpus)
    assert entries == []
    assert [(row.source_path, row.problem) for row in problems] == [
        ("reports/depot.txt", "the id stands 2 times in documents.csv"),
        ("reports/other.txt", "the id stands 2 times in documents.csv"),
    ]


@pytest.mark.parametrize("path", ["reports/depot.txt", "./reports/depot.txt"])
def test_a_file_that_stands_twice_refuses_both_lines(corpus, path):
    register(corpus, {}, {"document_id": "other", "source_path": path})
    entries, problems = load_register(corpus)
    assert entries == []
    assert [(row.document_id, row.problem) for row in problems] == [
        ("depot", "the file stands 2 times in documents.csv"),
        ("other", "the file stands 2 times in documents.csv"),
    ]


@pytest.mark.parametrize("name", ["reports/new.txt", "transcripts/new.docx", "reports/deep/new.txt"])
def test_a_file_that_no_line_names_is_refused(corpus, name):
    (corpus / name).parent.mkdir(exist_ok=True)
    (corpus / name).write_text("Text.")
    row = load_register(corpus)[1][0]
    assert (row.document_id, row.source_path, row.problem) == ("new", name, "is not in the register")


def test_hidden_files_are_passed_over(corpus):
    (corpus / "reports" / ".DS_Store").write_text("")
    assert load_register(corpus)[1] == []


def test_one_bad_line_leaves_the_others_readable(corpus):
    register(corpus, {}, {"document_id": "bad", "access": "secret"})
    entries, problems = load_register(corpus)
    assert ([entry.document_id for entry in entries], len(problems)) == (["depot"], 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "row 1: lacks the column document_id"),
        (b"document_id,title\n", "row 1: lacks the column source_path"),
        (HEADER.replace(",", ";").encode(), "row 1: lacks the column document_id"),
        (HEADER.encode() + b"T\xe9\n", "is not UTF-8; save it as CSV UTF-8"),
    ],
    ids=["empty", "few columns", "semicolons", "Windows-1252"],
)
def test_a_register_that_cannot_be_read_is_refused(corpus, content, says):
    (corpus / "documents.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_register(corpus)
    assert str(caught.value).startswith(str(corpus / "documents.csv"))
    assert says in str(caught.value)


def test_a_missing_register_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"documents\.csv: there is no register; restore it"):
        load_register(tmp_path)


@pytest.mark.parametrize("path", [" reports/depot.txt", "./reports/depot.txt", "reports//depot.txt"])
def test_a_file_named_in_another_spelling_counts_as_registered(corpus, path):
    register(corpus, {"source_path": path})
    entries, problems = load_register(corpus)
    assert (len(entries), problems) == (1, [])


@pytest.mark.parametrize(
    "change",
    [{"source_path": "reports/a\x00.txt"}, {"source_path": f"reports/{'x' * 300}.txt"}, {"note": "x" * 140_000}],
    ids=["NUL in the path", "name too long", "very long note"],
)
def test_a_line_that_no_system_can_hold_is_refused(corpus, change):
    register(corpus, change)
    with contextlib.suppress(InputError):
        assert load_register(corpus)[1] != []


@pytest.mark.parametrize(
    ("name", "document_id"),
    [
        ("Interview 3 (Leader).docx", "interview-3-leader"),
        ("depot_v1.2.txt", "depot_v1.2"),
        ("Té — Tarnholt.md", "t-tarnholt"),
        ("___.txt", "document"),
    ],
)
def test_a_file_name_gives_an_id_that_the_register_takes(tmp_path, name, document_id):
    assert document_id_of(tmp_path / name) == document_id
    assert make_entry(document_id=document_id).document_id == document_id


def test_an_added_entry_comes_back(corpus):
    (corpus / "reports" / "a.txt").write_text("Text.")
    entry = make_entry(document_id="a", source_path="reports/a.txt", note="from the clerk, by hand")
    add_entry(corpus, entry)
    assert load_register(corpus) == ([entry, make_entry()], [])


def test_a_first_entry_makes_the_register(corpus):
    (corpus / "documents.csv").unlink()
    add_entry(corpus, make_entry())
    assert (corpus / "documents.csv").read_text().splitlines()[0] == HEADER.strip()


def test_an_id_that_is_there_is_not_replaced(corpus):
    with pytest.raises(InputError, match="'depot' is registered already"):
        add_entry(corpus, make_entry(title="Another"))


def test_an_id_that_is_there_is_replaced_by_force(corpus):
    add_entry(corpus, make_entry(title="Another"), force=True)
    assert [entry.title for entry in load_register(corpus)[0]] == ["Another"]


@pytest.mark.parametrize(
    "content",
    [b"T\xe9\n", b"title\nA depot\n", HEADER.replace(",", ";").encode() + b"a;b\n"],
    ids=["Windows-1252", "few columns", "semicolons"],
)
def test_nothing_is_added_to_a_register_that_cannot_be_read(corpus, content):
    (corpus / "documents.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"documents\.csv"):
        add_entry(corpus, make_entry(document_id="a"))
    assert (corpus / "documents.csv").read_bytes() == content


@pytest.mark.parametrize("title", ["=1+1", "-12% in Tarnholt", "@Orrenshire"])
def test_a_title_like_a_formula_comes_back_as_it_was(corpus, title):
    add_entry(corpus, make_entry(title=title), force=True)
    assert load_register(corpus)[0][0].title == title


def test_a_missing_access_counts_as_not_for_attribution(corpus):
    register(corpus, {"access": ""})
    entries, problems = load_register(corpus)
    assert ([entry.access for entry in entries], problems) == (["non-attributable"], [])


def test_a_file_finds_its_line_however_it_is_spelt(corpus):
    register(corpus, {})
    assert find_entry(corpus, corpus / "reports" / ".." / "reports" / "depot.txt").document_id == "depot"
    assert find_entry(corpus, corpus / "reports" / "other.txt") is None
    assert find_entry(corpus / "nowhere", corpus / "reports" / "depot.txt") is None
