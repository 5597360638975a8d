"""The private folder: the key, what a person wrote into it, and that nothing of it leaves."""

import json
import os
import stat

import pytest
from typer.testing import CliRunner

from collabnlp import cli
from collabnlp.interviewees import load_interviewees
from collabnlp.records import Document, InputError, Passage, read_table
from collabnlp.redact.pseudonyms import (
    Key,
    identity,
    load_key,
    made_before,
    new_key,
    read_corrections,
    write_private,
)  # fmt: skip
from collabnlp.stages import ingest
from conftest import run_stages


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def call(*args):
    done = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    if isinstance(done.exception, InputError):
        return 2, done.stdout, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def everything(project):
    """All bytes that a run leaves outside private/ and the sources."""
    return b"".join(
        path.read_bytes()
        for folder in ("outputs", "models", ".cache")
        for path in sorted((project / folder).rglob("*"))
        if path.is_file()
    )


# ---------------------------------------------------------------------------------------------------------------------
# The key


def test_a_key_gives_one_pseudonym_to_one_identity(tmp_path):
    key = Key()
    first = key.pseudonym("ann weir", "person")
    assert (first, key.pseudonym("bo marsh", "person"), key.pseudonym("ann weir", "Interviewee")) == (
        "person 1", "person 2", "person 1",
    )  # fmt: skip
    key.save(tmp_path / "private")
    again = load_key(tmp_path / "private")
    assert again.entries == key.entries
    assert again.generation == key.generation
    assert again.pseudonym("ida penn", "person") == "person 3"


def test_the_key_is_for_its_owner_alone(tmp_path):
    private = tmp_path / "private"
    Key({"ann weir": ("person", 1)}).save(private)
    assert (mode(private), mode(private / "key.json")) == (0o700, 0o600)
    os.chmod(private, 0o755)
    os.chmod(private / "key.json", 0o644)
    load_key(private)
    assert (mode(private), mode(private / "key.json")) == (0o700, 0o600)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"people": 3}', b'{"people": [{"identity": "ann weir"}], "generation": "x"}', b"\xff\xfe\x00Ann Weir",
        b'{"generation": "x", "people": [{"identity": "ann weir", "role": "person", "number": 1}, {"identity": "bo", "role": "person", "number": 1}]}',
    ],
)  # fmt: skip
def test_a_broken_key_is_refused_in_one_line_and_left_as_it_is(tmp_path, content):
    private = tmp_path / "private"
    write_private(private / "key.json", content)
    with pytest.raises(InputError) as refused:
        load_key(private)
    assert "eir" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert len(str(refused.value).splitlines()) == 1
    assert (private / "key.json").read_bytes() == content


def test_a_missing_key_is_made_only_where_none_was_made_before(tmp_path):
    assert load_key(tmp_path / "private").entries == {}
    with pytest.raises(InputError, match="the key is missing"):
        load_key(tmp_path / "private", made_before=True)
    assert not (tmp_path / "private").exists()


def test_a_new_key_keeps_the_old_one_beside_it(tmp_path):
    private = tmp_path / "private"
    assert new_key(private) is None
    write_private(private / "key.json", b"{broken")
    kept = new_key(private)
    assert kept.read_bytes() == b"{broken"
    assert load_key(private).entries == {}
    assert new_key(private) != kept


def test_a_key_that_cannot_be_written_loses_nothing(tmp_path, monkeypatch):
    private = tmp_path / "private"
    key = Key({"ann weir": ("person", 1)})
    key.save(private)
    before = (private / "key.json").read_bytes()
    key.pseudonym("bo marsh", "person")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        key.save(private)
    assert (private / "key.json").read_bytes() == before
    assert [path.name for path in private.iterdir()] == ["key.json"]


def test_only_a_whole_name_is_one_person_everywhere():
    assert identity("a", ["Ann", "Weir"]) == identity("b", ["ann", "weir"])
    assert identity("a", ["Ann"]) != identity("b", ["Ann"])
    assert identity("a", ["A", "Weir"]) != identity("b", ["A", "Weir"])


# ---------------------------------------------------------------------------------------------------------------------
# What a person wrote


def test_lists_are_read_and_may_be_missing(tmp_path):
    assert load_interviewees(tmp_path / "interviewees.csv") == {}
    assert read_corrections(tmp_path) == ((), ())
    (tmp_path / "interviewees.csv").write_text(
        "document_id,people,organisations,places\ntalk,Ann Weir; Bo Marsh,Tarnholt District Council,\n"
    )
    (tmp_path / "always.csv").write_text("text,kind\nthe old firm,name\n,\n")
    (tmp_path / "never.csv").write_text("text,kind\nPriya,name\n")
    assert load_interviewees(tmp_path / "interviewees.csv")["talk"] == (
        ("Ann Weir", "Bo Marsh"),
        ("Tarnholt District Council",),
        (),
    )
    assert read_corrections(tmp_path) == ((("the old firm", "name"),), ("Priya",))


@pytest.mark.parametrize("content", [b"name\nAnn Weir\n", b"\xff\xfeAnn"])
def test_a_broken_list_is_refused_without_its_words(tmp_path, content):
    (tmp_path / "always.csv").write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_corrections(tmp_path)
    assert "Ann" not in str(refused.value)
    assert refused.value.__cause__ is None


# ---------------------------------------------------------------------------------------------------------------------
# The pipeline


SECRET = "Zebedee Quillfeather"


@pytest.fixture
def planted(project):
    """The small project with somebody named in its interview, and a line with all kinds of numbers."""
    talk = project / "corpus" / "transcripts" / "talk.txt"
    talk.write_text(
        talk.read_text()
        + f"\nAnn Weir: Who told you?\nBo Marsh: {SECRET} told me, and Quillfeather is on 01632 960 771, zq@example.org.\n"
    )
    return project


def test_ingest_leaves_no_name_outside_private(planted, caplog):
    run_stages("ingest", "embed", "names", "entities")
    left = everything(planted) + caplog.text.encode()
    for word in (b"Quillfeather", b"quillfeather", b"Zebedee", b"Marsh", b"Weir", b"960 771", b"zq@example"):
        assert word not in left
    key = (planted / "private" / "key.json").read_text()
    assert "zebedee quillfeather" in key
    passages = read_table("outputs/passages.parquet", Passage)
    assert {p.speaker for p in passages} == {None, "Interviewer", "Interviewee 1"}
    assert {p.access for p in passages if p.document_id == "talk"} == {"non-attributable"}
    assert {p.access for p in passages if p.document_id == "orren"} == {"public"}
    text = {d.document_id: d.text for d in read_table("outputs/documents.parquet", Document)}
    assert all(text[p.document_id][p.start_char : p.end_char] == p.text for p in passages)


def test_a_second_run_gives_the_same_pseudonyms_and_bytes(planted):
    run_stages("ingest")
    first = (planted / "outputs" / "passages.parquet").read_bytes()
    key = (planted / "private" / "key.json").read_bytes()
    run_stages("ingest")
    assert (planted / "outputs" / "passages.parquet").read_bytes() == first
    assert (planted / "private" / "key.json").read_bytes() == key


def test_a_lost_key_stops_the_run_until_somebody_decides(planted):
    run_stages("ingest")
    before = everything(planted)
    assert made_before(planted / "outputs", planted / ".cache" / "collabnlp" / "ingest")
    (planted / "private" / "key.json").unlink()
    with pytest.raises(InputError, match="the key is missing"):
        run_stages("ingest")
    assert everything(planted) == before
    assert call("redact", "--new-key")[0] == 0
    run_stages("ingest")
    assert "quillfeather" in (planted / "private" / "key.json").read_text()


def test_a_broken_key_stops_the_run_and_costs_nothing(planted):
    run_stages("ingest")
    before = everything(planted)
    (planted / "private" / "key.json").write_text('{"people": [{"identity": "zebedee')
    with pytest.raises(InputError) as refused:
        run_stages("ingest")
    assert "zebedee" not in str(refused.value)
    assert everything(planted) == before


def test_corrections_hold_on_the_next_run(planted):
    run_stages("ingest")
    (planted / "private" / "always.csv").write_text("text,kind\nthe flood came,name\n")
    (planted / "private" / "never.csv").write_text("text,kind\n01632 960 771,phone\n")
    run_stages("ingest")
    text = next(d.text for d in read_table("outputs/documents.parquet", Document) if d.document_id == "talk")
    assert "when [name]" in text
    assert "01632 960 771" in text
    assert "Quillfeather" not in text


def test_an_error_in_the_middle_tells_no_word(planted, monkeypatch):
    def fail(document_id, blocks, **_):
        raise ValueError(f"cannot do {[block.text for block in blocks]}, {SECRET}")

    monkeypatch.setattr(ingest, "segment", fail)
    register = planted / "corpus" / "documents.csv"
    register.write_text("\n".join(line for line in register.read_text().splitlines() if "orren.md" not in line) + "\n")
    (planted / "corpus" / "reports" / "orren.md").unlink()
    with pytest.raises(RuntimeError) as raised:
        run_stages("ingest")
    import traceback

    told = "".join(traceback.format_exception(raised.value))
    assert SECRET not in told
    assert "flood" not in told
    assert "ValueError in test_redact_private.py, line" in str(raised.value)


def test_what_cannot_be_read_and_is_not_public_is_told_without_its_words(planted, caplog):
    (planted / "corpus" / "transcripts" / "bad.jsonl").write_text(f'{{"id": "1", "text": "{SECRET}"\n')
    register = planted / "corpus" / "documents.csv"
    register.write_text(register.read_text() + "bad,transcripts/bad.jsonl,Bad,Us,2019,transcript,,yes,en,\n")
    run_stages("ingest")
    report = (planted / "outputs" / "ingest_report.csv").read_text(encoding="utf-8-sig")
    assert "is not JSON" in report
    assert "Quillfeather" not in report + caplog.text


def test_missing_access_is_not_for_attribution_and_unknown_access_is_refused(planted):
    register = planted / "corpus" / "documents.csv"
    register.write_text(register.read_text().replace(",non-attributable,", ",,"))
    run_stages("ingest")
    assert next(d.access for d in read_table("outputs/documents.parquet", Document) if d.document_id == "talk") == (
        "non-attributable"
    )
    register.write_text(register.read_text().replace(",transcript,,", ",transcript,restricted,"))
    run_stages("ingest")
    assert "access is 'restricted'" in (planted / "outputs" / "ingest_report.csv").read_text(encoding="utf-8-sig")


def test_a_file_name_that_may_name_somebody_is_warned_of(planted):
    corpus = planted / "corpus"
    (corpus / "transcripts" / "talk.txt").rename(corpus / "transcripts" / "talk-priya-leader.txt")
    register = corpus / "documents.csv"
    register.write_text(register.read_text().replace("talk.txt", "talk-priya-leader.txt"))
    run_stages("ingest")
    assert "warning,the file's name may name" in (planted / "outputs" / "ingest_report.csv").read_text(
        encoding="utf-8-sig"
    )


# ---------------------------------------------------------------------------------------------------------------------
# The command


def test_redact_shows_the_text_under_pseudonyms(planted):
    status, out, _ = call("redact", "corpus/transcripts/talk.txt")
    assert status == 0
    assert "Interviewee 1: [person 1] told me" in out
    assert "Quillfeather" not in out
    assert json.loads((planted / "private" / "key.json").read_text())["people"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_review_goes_into_private_and_nowhere_else(planted, suffix):
    inside, outside = planted / "private" / f"review{suffix}", planted / f"review{suffix}"
    assert call("redact", "corpus/transcripts/talk.txt", "--review", "--output", inside)[0] == 0
    assert mode(inside) == 0o600
    status, _, told = call("redact", "corpus/transcripts/talk.txt", "--review", "--output", outside)
    assert status == 2
    assert "holds the names themselves" in told
    assert not outside.exists()
    assert call("redact", "corpus/transcripts/talk.txt", "--review", "--output", outside, "--force")[0] == 0
    if suffix == ".csv":
        assert SECRET in inside.read_text(encoding="utf-8-sig")


def test_a_review_has_a_place_of_its_own(planted):
    status, out, told = call("redact", "corpus/transcripts/talk.txt", "--review")
    assert (status, out) == (0, "")
    assert "private/review-talk.csv" in told
    assert "Quillfeather" not in told


def test_redact_takes_the_access_from_the_register_and_else_the_strictest(planted):
    assert call("redact", "corpus/reports/orren.md")[1].count("Harrowmere Borough Council") >= 3
    other = planted / "other.txt"
    other.write_text(f"{SECRET} came.\n")
    assert "Quillfeather" not in call("redact", other)[1]
    assert "Quillfeather" in call("redact", other, "--access", "public")[1]


def test_redact_needs_a_file_or_a_new_key():
    assert call("redact")[0] == 2
