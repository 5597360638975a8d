"""An error in the middle of anything tells no name: not in its traceback, nor on standard error, in logs or in files."""

import importlib
import inspect
import json
import os
import shutil
import traceback

import pytest

from collabnlp import audit, cli, stages
from collabnlp.private import READ_BY, note_made
from collabnlp.records import InputError
from conftest import STAGES, FakeEncoder, enter, lay_out, run_stages

SECRET = "Zebedee Quillfeather"
NAMES = ("quillfeather", "zebedee", "ann weir", "bo marsh", "960 771", "zq@example")
READ_PRIVATE = ("ingest", "evidence", "audit")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The small project after `dvc repro`, with one more person in its interview and lists in private/; and how often each stage calls a function of the package."""
    folder = tmp_path_factory.mktemp("planted")
    lay_out(folder)
    talk = folder / "corpus" / "transcripts" / "talk.txt"
    more = f"\nAnn Weir: Who told you?\nBo Marsh: {SECRET} told me, and he is on 01632 960 771, zq@example.org.\n"
    talk.write_text(talk.read_text() + more)
    (folder / "private").mkdir()
    (folder / "private" / "interviewees.csv").write_text(
        f"document_id,people,organisations,places\ntalk,Bo Marsh; {SECRET},Orrenshire County Council,Orrenshire\n"
    )
    (folder / "private" / "always.csv").write_text(f"text,kind\n{SECRET},name\n")
    n_calls = {}
    for name in STAGES:
        with pytest.MonkeyPatch.context() as patch:
            enter(folder, patch)
            calls = watch(importlib.import_module(f"collabnlp.stages.{name}"), patch, lambda *_: None)
            run_stages(name)
            n_calls[name] = len(calls)
    for stage in READ_BY:
        note_made(stage, folder / "private")  # the lists are no later than the outputs
    return folder, n_calls


@pytest.fixture
def planted(prepared, tmp_path, monkeypatch):
    """A copy of it, whose interview is to be read anew."""
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    enter(tmp_path, monkeypatch)
    monkeypatch.setattr("collabnlp.tagger.SentenceEncoder", FakeEncoder)
    shutil.rmtree(tmp_path / ".cache" / "collabnlp" / "ingest")
    return tmp_path


def watch(module, patch, before):
    """The names of functions of the package that a module calls, in their order; `before` sees each call first, and may fail."""
    calls = []

    def watched(own, function):
        def call(*args, **kwargs):
            calls.append(own)
            before(calls, args, kwargs)
            return function(*args, **kwargs)

        return call

    for own, function in functions_of(module).items():
        patch.setattr(module, own, watched(own, function))
    return calls


def secrets(project):
    """What must not be told: the names planted, and each identity of the key."""
    key = json.loads((project / "private" / "key.json").read_text())
    return {*NAMES, *(row["identity"].casefold() for row in key["people"])}


def told_in(project, *texts):
    """The secrets that stand in texts, or in a file outside private/ and the sources."""
    written = [
        path
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.relative_to(project).parts[0] not in ("private", "corpus")
    ]
    everything = "\n".join(texts).casefold() + "".join(
        path.read_bytes().decode("latin-1").casefold() for path in written
    )
    return {secret for secret in secrets(project) if secret in everything}


def private_words(project):
    return "".join(path.read_text() for path in sorted((project / "private").glob("*.*")))


def functions_of(module):
    """Functions of the package that a stage uses, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__.startswith("collabnlp")
        and name not in ("main", "stage", "discreet")
    }


def run_stage(name, capfd, caplog):
    """A stage as DVC runs it; what it said, with its traceback, and how it ended."""
    caplog.clear()
    module = importlib.import_module(f"collabnlp.stages.{name}")
    ended = None
    try:
        stages.main(module.stage)
    except (Exception, SystemExit) as error:
        ended = error
    out, err = capfd.readouterr()
    told = "".join(traceback.format_exception(ended)) if ended else ""
    return ended, [out, err, caplog.text, told]


@pytest.mark.parametrize("name", STAGES)
def test_an_error_in_the_middle_of_a_stage_tells_no_name(name, prepared, planted, monkeypatch, capfd, caplog):
    monkeypatch.setattr(os, "environ", dict(os.environ))

    def fail(calls, args, kwargs):
        if len(calls) == fails_at:
            more = private_words(planted) if name in READ_PRIVATE else ""
            raise ValueError(f"{calls[-1]} cannot do {args!r}, {kwargs!r} {more}")

    calls = watch(importlib.import_module(f"collabnlp.stages.{name}"), monkeypatch, fail)
    n_calls = prepared[1][name]
    assert n_calls
    for fails_at in sorted({1, n_calls // 2 or 1, n_calls}):
        calls.clear()
        shutil.rmtree(planted / ".cache" / "collabnlp", ignore_errors=True)  # so that it works as it did
        ended, told = run_stage(name, capfd, caplog)
        assert isinstance(ended, ValueError | RuntimeError), (fails_at, calls)
        assert told_in(planted, *told) == set()


DEEP = [
    ("ingest", "collabnlp.stages.ingest.segment"),
    ("ingest", "collabnlp.redact.blocks.find_people"),
    ("ingest", "collabnlp.redact.blocks.find_numbers"),
    ("ingest", "collabnlp.redact.pseudonyms.Key.save"),
    ("ingest", "collabnlp.redact.pseudonyms.Key.pseudonym"),
    ("ingest", "collabnlp.redact.pseudonyms.write_private"),
    ("ingest", "collabnlp.stages.ingest.fingerprint"),
    ("evidence", "collabnlp.stages.evidence.release"),
    ("evidence", "collabnlp.release.Behind"),
    ("evidence", "collabnlp.audit.load_key_entries"),
    ("audit", "collabnlp.audit.load_key_entries"),
    ("audit", "collabnlp.audit.texts_of"),
    ("audit", "collabnlp.audit.load_interviewees"),
]


@pytest.mark.parametrize(("name", "function"), DEEP)
def test_an_error_over_names_themselves_tells_none(name, function, planted, monkeypatch, capfd, caplog):
    def fail(*args, **kwargs):
        raise ValueError(f"cannot do {args!r}, {kwargs!r}: {private_words(planted)}")

    key = (planted / "private" / "key.json").read_text()
    if "redact" in function:  # new people come in, so that the key is written
        (planted / "private" / "key.json").write_text('{"generation": "x", "people": []}')
    monkeypatch.setattr(function, fail)
    ended, told = run_stage(name, capfd, caplog)
    (planted / "private" / "key.json").write_text(key)
    assert isinstance(ended, RuntimeError), ended
    assert "ValueError" in str(ended)
    assert told_in(planted, *told) == set()


def test_a_source_with_broken_input_is_told_without_its_words(planted, capfd, caplog):
    corpus = planted / "corpus"
    for name, content in (
        ("bad.docx", SECRET.encode()),
        ("bad.json", f'{{"a": "{SECRET}'.encode()),
        ("bad.jsonl", f'{{"id": "1", "text": "{SECRET}"\n'.encode()),
        ("bad.csv", f'id,text\n"{SECRET},x\n1\n'.encode()),
        ("bad.vtt", f"WEBVTT\n\n00:00 {SECRET}\n".encode("utf-16")),
        ("bad.pdf", f"%PDF-1.4 {SECRET}".encode()),
        ("bad.html", b"\xff\xfe\x00" + SECRET.encode()),
        ("bad.txt", b""),
    ):
        (corpus / "transcripts" / name).write_bytes(content)
        register = corpus / "documents.csv"
        line = f"bad-{name[4:]},transcripts/{name},Bad,Us,2019,transcript,,yes,en,\n"
        register.write_text(register.read_text() + line)
    _, told = run_stage("ingest", capfd, caplog)
    assert told_in(planted, *told) == set()


# ---------------------------------------------------------------------------------------------------------------------
# The command line

PLACES = {
    "add": ["collabnlp.readers.read_apart", "collabnlp.register.add_entry"],
    "tag": [
        "collabnlp.tagger.read_apart", "collabnlp.tagger.segment", "collabnlp.redact.blocks.find_people", "collabnlp.redact.pseudonyms.Key.save",
        "collabnlp.tagger.explain", "collabnlp.export.passages.format_tagged",
    ],
    "pack": ["collabnlp.readers.read_apart", "collabnlp.tagger.segment", "collabnlp.export.pack.write_pack", "collabnlp.exchange.pack.pack_tagged"],
    "redact": ["collabnlp.redact.door.read_apart", "collabnlp.redact.blocks.find_people", "collabnlp.redact.door.load_key", "collabnlp.redact.door.write_private"],
    "review": ["collabnlp.review.read_sheet", "collabnlp.review.settle", "collabnlp.review.add_review"],
    "audit": ["collabnlp.audit.texts_of", "collabnlp.audit.load_key_entries"],
}  # fmt: skip


def command(name, project):
    talk = project / "other.txt"
    talk.write_text((project / "corpus" / "transcripts" / "talk.txt").read_text())
    return {
        "add": ["add", talk, "--title", "A talk", "--publisher", "Us", "--year", "2024", "--kind", "transcript", "--access", "non-attributable"],
        "tag": ["tag", talk],
        "pack": ["tag", talk, "--pack", "pack", "--force"],
        "redact": ["redact", talk, "--review"],
        "review": ["review", "pack/other.xlsx", "--coder", "anna"],
        "audit": ["audit"],
    }[name]  # fmt: skip


def run_command(args, monkeypatch, capfd, caplog):
    caplog.clear()
    monkeypatch.setattr("sys.argv", ["collabnlp", *map(str, args)])
    ended = None
    try:
        cli.main()
    except (Exception, SystemExit) as error:
        ended = error
    out, err = capfd.readouterr()
    return ended, [out, err, caplog.text, "".join(traceback.format_exception(ended)) if ended else ""]


@pytest.mark.parametrize(("name", "function"), [(name, place) for name in PLACES for place in PLACES[name]])
def test_an_error_in_the_middle_of_a_command_tells_no_name(name, function, planted, monkeypatch, capfd, caplog):
    if name == "review":
        run_command(command("pack", planted), monkeypatch, capfd, caplog)
    args = command(name, planted)
    (planted / "other.txt").rename(planted / "corpus" / "other.txt")  # the user's own file is no leak
    args = [planted / "corpus" / "other.txt" if arg == planted / "other.txt" else arg for arg in args]
    reads_raw = function.rpartition(".")[2] in (
        "read_apart",
        "find_people",
        "save",
        "load_key",
        "load_key_entries",
        "texts_of",
    )

    def fail(*given, **more):
        words = private_words(planted) + (planted / "corpus" / "other.txt").read_text() if reads_raw else ""
        raise ValueError(f"cannot do {given!r}, {more!r}: {words}")

    monkeypatch.setattr(function, fail)
    ended, told = run_command(args, monkeypatch, capfd, caplog)
    assert isinstance(ended, ValueError | RuntimeError), ended
    assert told_in(planted, *told) == set()


def test_an_input_error_over_an_interview_quotes_nothing(planted, monkeypatch, capfd, caplog):
    def fail(path, *_):
        raise InputError(path, f"the id '{SECRET}' comes twice", "write each once", place=f"row '{SECRET}'")

    for name, place in (
        ("tag", "collabnlp.tagger.read_apart"),
        ("redact", "collabnlp.redact.door.read_apart"),
        ("add", "collabnlp.readers.read_apart"),
    ):
        args = command(name, planted)
        (planted / "other.txt").rename(planted / "corpus" / "other.txt")
        args = [planted / "corpus" / "other.txt" if arg == planted / "other.txt" else arg for arg in args]
        monkeypatch.setattr(place, fail)
        ended, told = run_command(args, monkeypatch, capfd, caplog)
        assert isinstance(ended, SystemExit)
        assert ended.code == 2
        assert "comes twice" in told[1]
        assert told_in(planted, *told) == set()


def test_a_name_in_an_error_would_be_seen(planted):
    assert told_in(planted, f"ValueError: {SECRET}") >= {"quillfeather", "zebedee"}
    (planted / "outputs" / "x.log").write_text(SECRET)
    assert "quillfeather" in told_in(planted)
    assert audit  # the module that looks for them in earnest
