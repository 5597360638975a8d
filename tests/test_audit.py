"""The motivated intruder: finds a name wherever it stands, tells no name, and nothing is published while he finds one."""

import contextlib
import csv
import gzip
import json
import shlex
import shutil
import sqlite3
import subprocess
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML
from safetensors.numpy import save_file

from collabnlp import cli
from collabnlp.audit import Intruder, KeyEntry, _found, _Sought, audit, load_key_entries, publishing
from collabnlp.contents import texts_of
from collabnlp.embed import read_vectors, write_vectors
from collabnlp.private import changed_since, load_allowed, note_made
from collabnlp.records import Document, InputError, Passage, read_table, write_table
from collabnlp.release import RELEASED
from collabnlp.stages import audit as audit_stage
from conftest import ROOT, FakeEncoder, make_document, make_passage, run_stages

NAME = "Zebedee Quillfeather"
KEY = {"entries": [{"text": NAME, "kind": "person", "pseudonym": "Interviewee"}]}


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project after ingest: one report and one interview not for attribution."""
    documents = [make_document(), make_document("the-talk", access="non-attributable", title="The talk of may")]
    passages = [
        make_passage("The councils will agree."),
        make_passage("Well, [interviewee] said the bins were late.", "the-talk:0001"),
    ]
    keep(tmp_path, documents, passages, KEY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keep(folder, documents, passages, key):
    from collabnlp.records import Document, Passage

    write_table(folder / "outputs" / "documents.parquet", documents, Document)
    write_table(folder / "outputs" / "passages.parquet", passages, Passage)
    (folder / "private").mkdir(exist_ok=True)
    (folder / "private" / "key.json").write_text(json.dumps(key), encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------------------
# The key


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        (KEY, {NAME}),
        ({"a": {"name": "Ann Weir", "pseudonym": "Interviewee 1"}}, {"Ann Weir"}),
        ({"documents": [{"people": ["Ann Weir", "Bo"], "x": {"forms": ["Annie"]}}]}, {"Ann Weir", "Bo", "Annie"}),
        ([], set()),
        ({"people": []}, set()),
        (
            {"people": [{"identity": "ann weir"}, {"identity": "talk: tom"}, {"identity": "talk: a"}]},
            {"ann weir", "tom"},
        ),
    ],
)
def test_identities_are_found_however_deep_they_stand(tmp_path, key, texts):
    (tmp_path / "key.json").write_text(json.dumps(key))
    assert {entry.text for entry in load_key_entries(tmp_path)} == texts


def test_the_list_of_interviewees_adds_people_organisations_and_places(tmp_path):
    (tmp_path / "interviewees.csv").write_text("document_id,people,organisations,places\nx,Ann Weir,North,Anham;Ley\n")
    assert load_key_entries(tmp_path) == [
        KeyEntry("Anham", "place", "x"),
        KeyEntry("Ann Weir", "person", "x"),
        KeyEntry("Ley", "place", "x"),
        KeyEntry("North", "organisation", "x"),
    ]


@pytest.mark.parametrize(
    "text", ['{"people": [{"who": "Ann Weir"}]}', '{"entries": [{"text": "Ann Weir"', b'\xff"Ann Weir"', "[" * 100_000]
)
def test_a_broken_key_is_one_line_that_names_nobody(tmp_path, text):
    (tmp_path / "key.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        load_key_entries(tmp_path)
    assert "Weir" not in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.__cause__ is None


def test_without_a_key_nobody_can_look(project):
    (project / "private" / "key.json").unlink()
    with pytest.raises(InputError, match="nobody's name can be looked for"):
        Intruder()


def test_a_public_document_needs_no_key_for_what_it_says_off_the_record(tmp_path):
    passage = make_passage("That is off the record.", access="non-attributable", off_record=True)
    keep(tmp_path, [make_document()], [passage], {})
    (tmp_path / "private" / "key.json").unlink()
    assert Intruder(tmp_path).closed == {"report": ["That is off the record."]}


# ---------------------------------------------------------------------------------------------------------------------
# What counts as a name


@pytest.mark.parametrize(
    ("sought", "text", "found"),
    [
        ("Ann Weir", "ann\n  WEIR's bins", True),
        ("Ann Weir", '{"a": "Ann\\nWeir"}', True),
        ("Ann Weir", "interview-ann-weir.txt", True),
        ("Ann Weir", "ann_weir", True),
        ("Ann Weir", "Joann Weir", False),
        ("Ann Weir", "Ann Weirs", False),
        ("Ann Weir", "Weir, Ann", False),
        ("O'Dell", "Mr O’Dell left", True),
        ("Éamon", "éamon", True),
        ("a.weir@anham.gov.uk", "mailto:A.Weir@anham.gov.uk.", True),
        ("07700 900123", "tel 07700900123 or", True),
        ("07700900123", "(07700) 900-123", True),
        ("07700 900123", "07700 900124", False),
    ],
)
def test_a_name_is_found_as_whole_words_in_any_case(sought, text, found):
    assert bool(_found([_Sought(sought)], text)) is found


@pytest.mark.parametrize(
    ("text", "found"), [("We asked Will about it.", True), ("Will you come?", False), ("They will.", False)]
)
def test_an_ordinary_word_is_a_name_where_it_is_written_so_within_a_sentence(text, found):
    assert bool(_found([_Sought("Will", capital=True)], text)) is found


def test_a_name_that_open_sources_hold_is_looked_for_in_interviews_alone(project):
    documents = [make_document(), make_document("the-talk", access="non-attributable")]
    passages = [make_passage("Ann Weir will agree."), make_passage("As Ann Weir told me.", "the-talk:0001")]
    keep(project, documents, passages, {"people": ["Ann Weir", "Will"]})
    intruder = Intruder()
    assert len(intruder.names_in(project / "outputs" / "passages.parquet")) == 0
    assert len(intruder.left_in_interviews()) == 1
    assert len(intruder.told_by_quotes(["Then we told Will."])) == 1


def test_a_surname_that_is_an_ordinary_word_here_is_looked_for_as_a_name(project):
    documents = [make_document("the-talk", access="non-attributable")]
    said = "The fenlike bog is a fenny, and Bo is out."
    keep(project, documents, [make_passage(said, "the-talk:0001")], {"people": ["Fenny", "Bo", "Quagmore"]})
    (project / "outputs" / "terms.json").write_text('["fenny", "bo", "quagmore"]')
    assert len(Intruder().names_in(project / "outputs" / "terms.json")) == 1
    assert len(Intruder().left_in_interviews()) == 1  # Bo
    assert len(Intruder().told_by_quotes(["As Fenny said."])) == 1


def test_a_person_is_known_by_each_part_of_a_name_that_is_no_other_word(project):
    (project / "outputs" / "x.json").write_text('["Quillfeather"]')
    (project / "outputs" / "y.json").write_text('["Zebedee was late"]')
    assert [len(Intruder().names_in(project / "outputs" / name)) for name in ("x.json", "y.json")] == [1, 1]
    keep(project, [make_document()], [make_passage("Zebedee agreed.")], KEY)
    assert [len(Intruder().names_in(project / "outputs" / name)) for name in ("x.json", "y.json")] == [1, 0]


def test_a_third_person_is_looked_for_in_attributable_interviews(project):
    documents = [make_document("open-talk", access="attributable", kind="transcript")]
    said = make_passage(f"Then {NAME} left.", "open-talk:0001", speaker="Ann Weir")
    keep(project, documents, [said], {"people": [NAME, "Ann Weir"]})
    assert Intruder().names_in(project / "outputs" / "passages.parquet")
    keep(
        project, documents, [said.model_copy(update={"text": "Then [person 1] left."})], {"people": [NAME, "Ann Weir"]}
    )
    assert len(Intruder().names_in(project / "outputs" / "passages.parquet")) == 0


def test_a_role_that_says_nothing_by_itself_is_not_looked_for(project):
    keep(
        project,
        [make_document(), make_document("the-talk", access="non-attributable")],
        [make_passage("A chief executive agreed."), make_passage("Yes.", "the-talk:0001")],
        [{"text": "chief executive", "kind": "role"}, {"text": "chief executive of Anham", "kind": "role"}],
    )
    assert len(Intruder().told_by_quotes(["The chief executive left."])) == 0
    assert len(Intruder().told_by_quotes(["The chief executive of Anham left."])) == 1


def test_own_places_are_looked_for_in_their_own_interview_and_in_quotes(project):
    (project / "private" / "interviewees.csv").write_text(
        "document_id,people,organisations,places\nthe-talk,,Anham Council,Anham\nother,,,Late\n"
    )
    documents = [make_document("the-talk", access="non-attributable")]
    keep(project, documents, [make_passage("In Anham it was late.", "the-talk:0001")], KEY)
    assert len(Intruder().left_in_interviews()) == 1  # not the place of another interview
    assert len(Intruder().told_by_quotes(["In Anham it was late."])) == 1


# ---------------------------------------------------------------------------------------------------------------------
# Where it looks


def plant_text(path, secret):
    path.write_text(f"<p>{secret}</p>", encoding="utf-8")


def plant_escaped(path, secret):
    path.write_text("".join(f"\\u{ord(c):04x}" if c.isupper() else c for c in secret))


def plant_utf16(path, secret):
    path.write_text(secret, encoding="utf-16")


def plant_parquet(path, secret):
    pq.write_table(pa.table({"n": [1], "deep": [[{"a": [secret]}]]}), path)


def plant_parquet_metadata(path, secret):
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"note": secret}), path)


def plant_sqlite(path, secret):
    db = sqlite3.connect(path)
    db.execute('CREATE TABLE "odd name" (a)')
    db.execute('INSERT INTO "odd name" VALUES (?)', [secret + " and more" * 2000])
    db.commit()
    db.close()


def plant_zip(path, secret):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<?xml?><w>" + "</w><w> ".join(secret.split()) + "</w>")


def plant_zip_in_zip(path, secret):
    plant_zip(path.with_suffix(".inner"), secret)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix(".inner"), "a.docx")
    path.with_suffix(".inner").unlink()


def plant_png(path, secret):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(1, 1))
    figure.savefig(path, format="png", metadata={"Comment": secret})
    plt.close(figure)


def plant_svg(path, secret):
    path.write_text(f"<svg><!-- {secret.upper()} --></svg>")


def plant_safetensors(path, secret):
    save_file({"x": np.zeros(3, dtype=np.float32)}, path, metadata={"note": secret})


def plant_msgpack(path, secret):
    path.write_bytes(b"\x81\xa4name" + bytes([0xD9, len(secret)]) + secret.encode())


def plant_gzip(path, secret):
    path.write_bytes(gzip.compress(secret.encode()))


def plant_name(path, secret):
    path.with_name(f"{'-'.join(secret.split())}.json").write_text("{}")


PLANTS = [value for name, value in sorted(globals().items()) if name.startswith("plant_")]


PLACES = ["outputs/plots", ".cache/collabnlp/x", "models/m", ".dvc/cache/files/md5/ab", "logs"]
PLANTED = [(plant, PLACES[0]) for plant in PLANTS] + [(plant_text, place) for place in PLACES[1:]]


@pytest.mark.parametrize(
    ("plant", "place"), PLANTED, ids=lambda value: value if isinstance(value, str) else value.__name__
)
def test_a_name_is_found_in_any_kind_of_file_anywhere(project, plant, place, monkeypatch):
    no_gate(monkeypatch)
    (project / place).mkdir(parents=True, exist_ok=True)
    assert audit() == []
    plant(project / place / "planted", NAME)
    (finding,) = audit()
    assert finding.path.startswith(place)
    assert finding.n == 1
    assert "Quill" not in finding.path


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_name_is_found_in_any_kind_of_large_file(project, plant, monkeypatch):
    no_gate(monkeypatch)
    (project / "outputs" / "plots").mkdir(parents=True, exist_ok=True)
    plant(project / "outputs" / "plots" / "planted", NAME)
    monkeypatch.setattr("collabnlp.contents._WINDOW", 40)  # as if no more of a file could be held
    monkeypatch.setattr("collabnlp.contents._OVERLAP", 32)
    monkeypatch.setattr("collabnlp.contents._ROWS", 1)
    assert [finding.n for finding in audit()] == [1]


@pytest.mark.parametrize("first", [b"", b"\0"])
@pytest.mark.parametrize("before", range(0, 80, 9))
def test_a_name_is_not_lost_where_two_windows_meet(project, before, first, monkeypatch):
    path = project / "outputs" / "planted"
    path.write_bytes(first + b"x" * before + f" {NAME} ".encode() + b"y" * 90)
    monkeypatch.setattr("collabnlp.contents._WINDOW", 40)
    monkeypatch.setattr("collabnlp.contents._OVERLAP", 32)
    assert Intruder().names_in(path)


def no_gate(monkeypatch):
    """Leave out what needs a finished pipeline."""
    from collabnlp.gazetteer import Gazetteer
    from collabnlp.release import Gated, Rule, Tables, release

    gated = release(Tables(), [], Gazetteer([], []), {}, Rule())
    monkeypatch.setattr("collabnlp.audit.load_released", lambda _: Gated(gated.released, []))


def test_a_cache_elsewhere_is_looked_into(project, monkeypatch, tmp_path_factory):
    no_gate(monkeypatch)
    cache = tmp_path_factory.mktemp("elsewhere")
    (project / ".dvc").mkdir()
    (project / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {cache}\n")
    (cache / "ab").write_text(NAME)
    (finding,) = audit()
    assert (finding.path, finding.n) == ((cache / "ab").as_posix(), 1)


def test_what_cannot_be_looked_into_is_refused(project, monkeypatch):
    no_gate(monkeypatch)
    (project / "outputs" / "broken.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(InputError, match="cannot be looked into"):
        audit()


def test_names_that_come_by_chance_among_numbers_are_none(tmp_path):
    (tmp_path / "numbers.bin").write_bytes(b"\x00\x01Bo\x02\x00 ann \x00")
    assert "".join(texts_of(tmp_path / "numbers.bin")) == ""


def test_a_picture_without_notes_and_an_empty_file_hold_no_text(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert "".join(texts_of(tmp_path / "empty")) == ""


# ---------------------------------------------------------------------------------------------------------------------
# Nothing is published while something is found


def publish(texts, interruption=None):
    with publishing() as folder:
        for name, text in texts.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        if interruption:
            raise interruption


def test_nothing_is_put_in_place_where_a_file_holds_a_name(project):
    with pytest.raises(InputError) as error:
        publish({"plots/good.csv": "a,b\n", "evidence.csv": f"x,{NAME}\n"})
    assert str(error.value).startswith("evidence.csv: holds 1 names of the key; nothing is published")
    assert "Quill" not in str(error.value)
    assert sorted(p.name for p in (project / "outputs").iterdir()) == ["documents.parquet", "passages.parquet"]


def test_what_holds_no_name_is_put_in_place(project):
    publish({"plots/good.csv": "a,b\n"})
    assert (project / "outputs" / "plots" / "good.csv").read_text() == "a,b\n"
    assert not list((project / "outputs").glob(".held*"))


def test_an_interrupted_writer_publishes_nothing(project):
    with pytest.raises(KeyboardInterrupt):
        publish({"evidence.csv": "a,b\n"}, KeyboardInterrupt())
    assert not (project / "outputs" / "evidence.csv").exists()
    assert not list((project / "outputs").glob(".held*"))


@pytest.fixture
def whole(small_project, tmp_path, monkeypatch):
    """A copy of a small project with all outputs and a key."""
    folder = tmp_path / "whole"
    shutil.copytree(small_project, folder)
    (folder / "private").mkdir(exist_ok=True)
    if not (folder / "private" / "key.json").exists():
        (folder / "private" / "key.json").write_text(json.dumps({"entries": [{"text": "Bo Marsh", "kind": "person"}]}))
    monkeypatch.chdir(folder)
    return folder


def run_audit_stage():
    audit_stage.stage(None)


def published(folder):
    return {name for name in RELEASED if (folder / "outputs" / name).exists()}


def test_a_clean_project_passes_and_keeps_what_it_published(whole):
    run_audit_stage()
    assert published(whole) == set(RELEASED)
    assert (whole / "outputs" / "audit.csv").read_text() == "path,what,n\n"


def test_where_a_name_is_found_everything_is_taken_back_with_one_line(whole):
    (whole / "models" / "classifier" / "note.json").write_text('{"made by": "Bo Marsh"}')
    with pytest.raises(InputError) as error:
        run_audit_stage()
    assert published(whole) == set()
    assert str(error.value).startswith("models/classifier/note.json: holds 1 names of the key; nothing is published")
    assert "Marsh" not in str(error.value)


@pytest.mark.parametrize("broken", ["{", None], ids=["broken", "missing"])
def test_a_broken_or_missing_key_costs_no_data_and_publishes_nothing(whole, broken):
    key = whole / "private" / "key.json"
    key.unlink()
    if broken:
        key.write_text(broken)
    kept = {p: p.read_bytes() for p in (whole / "outputs").glob("*.parquet") if p.name not in RELEASED}
    with pytest.raises(InputError) as error:
        run_audit_stage()
    assert str(error.value).startswith("private/key.json")
    assert published(whole) == set()
    assert {p: p.read_bytes() for p in kept} == kept
    assert (key.read_text() if broken else None) == broken


def test_words_and_sources_not_for_attribution_are_found_in_what_is_handed_on(whole):
    from collabnlp.records import Passage, read_table

    said = max((p.text for p in read_table("outputs/passages.parquet", Passage) if p.document_id == "talk"), key=len)
    with open("outputs/evidence.csv", "a", encoding="utf-8") as handle:
        handle.write(f'"{said}"\n')
    found = {finding.what for finding in audit() if finding.path == "outputs/evidence.csv"}
    assert found == {"runs of eight words said not for attribution"}


def test_an_index_that_the_gate_does_not_let_out_is_found(whole):
    db = sqlite3.connect("outputs/evidence.db")
    db.execute("UPDATE matrix SET n_passages = n_passages + 1 WHERE rows = 'year'")
    db.execute("UPDATE matrix SET n_closed = 1 WHERE rows = 'council'")
    db.commit()
    db.close()
    found = {finding.what for finding in audit() if finding.path == "outputs/evidence.db"}
    assert found == {"rows and cells that the gate does not let out now", "cells or quotes with too few behind them"}


def test_where_nothing_is_said_in_confidence_nothing_is_counted_again(whole, monkeypatch):
    path = whole / "outputs" / "documents.parquet"
    rows = [row.model_copy(update={"access": "public"}) for row in read_table(path, Document)]
    write_table(path, rows, Document)
    path = whole / "outputs" / "passages.parquet"
    write_table(path, [row.model_copy(update={"access": "public"}) for row in read_table(path, Passage)], Passage)
    with contextlib.closing(sqlite3.connect("outputs/evidence.db", isolation_level=None)) as db:
        db.execute("UPDATE matrix SET n_closed = 1")
        what = "rows and cells that the gate does not let out now"  # the index is of a time when there was something
        assert what in {finding.what for finding in audit() if finding.path == "outputs/evidence.db"}
        db.execute("UPDATE matrix SET n_closed = 0")
    monkeypatch.setattr("collabnlp.audit.load_released", None)
    assert [finding for finding in audit() if finding.path.endswith("evidence.db")] == []


def test_the_command_lists_files_and_numbers_and_no_name(whole, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["collabnlp", "audit"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code or 0, capsys.readouterr().out) == (0, "")
    (whole / ".cache" / "old.json").write_text('"Bo Marsh"')
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code, capsys.readouterr().out) == (1, ".cache/old.json: 1 names of the key\n")
    assert published(whole) == set(RELEASED)  # the command only looks


def allow(project, *rows):
    lines = ["text,path,reason", *(",".join(row) for row in rows)]
    (project / "private" / "allowed.csv").write_text("\n".join(lines) + "\n")


def test_a_person_may_allow_a_false_alarm_with_a_reason(whole):
    (whole / ".cache" / "old.json").write_text('"Bo Marsh"')
    assert {finding.path for finding in audit()} == {".cache/old.json"}
    allow(whole, ("Bo Marsh", "outputs/*", "a place"))  # not there
    assert {finding.path for finding in audit()} == {".cache/old.json"}
    allow(whole, ("bo marsh", ".cache/*.json", "a place of that name in a county history"))
    assert audit() == []
    key = json.loads((whole / "private" / "key.json").read_text())
    key["people"].append({"identity": "zebedee quillfeather", "role": "person", "number": 99})
    (whole / "private" / "key.json").write_text(json.dumps(key))
    (whole / ".cache" / "old.json").write_text('"Bo Marsh and Zebedee Quillfeather"')
    assert [finding.n for finding in audit()] == [1]  # the other one


def test_what_is_allowed_stands_in_the_audit_of_the_release_without_the_name(whole, monkeypatch):
    monkeypatch.setattr("collabnlp.stages.evidence.load_encoder", lambda _: FakeEncoder())
    allow(whole, ("Bo Marsh", ".cache/*.json", "a place"), ("Ann Weir", ".cache/*.json", "a dam"))
    run_stages("evidence")
    rows = [row for row in read_csv(whole / "outputs" / "release_audit.csv") if row["what"] == "alarm"]
    assert rows == [
        {"what": "alarm", "row_id": ".cache/*.json", "row": "names that may stand there: 2", "code": "", "done": "allowed", "reason": "a place; a dam"}
    ]  # fmt: skip
    assert audit() == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("text,reason\nBo Marsh,a place\n", "row 1: has other columns"),
        ("text,path,reason\nBo Marsh,outputs/*,\n", "row 2: has an empty cell"),
        ("text,path,reason\nBo Marsh\n", "row 2: has 1 cells"),
        ('text,path,reason\n"Bo Marsh\n', "cannot be read"),
    ],
)
def test_a_broken_list_of_what_is_allowed_is_one_line_that_names_nobody(tmp_path, text, problem):
    (tmp_path / "allowed.csv").write_text(text)
    with pytest.raises(InputError) as error:
        load_allowed(tmp_path)
    assert problem in str(error.value)
    assert "Marsh" not in str(error.value)


def test_the_names_found_are_written_into_private_alone(whole, call):
    (whole / ".cache" / "old.json").write_text('"Bo Marsh"')
    status, out, told = call("audit", "--names")
    assert (status, out) == (1, ".cache/old.json: 1 names of the key\n")
    assert "arsh" not in told
    assert [row["path"] for row in read_csv(whole / "private" / "audit.csv")] == [".cache/old.json"]
    assert (whole / "private" / "audit.csv").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["always.csv", "never.csv", "interviewees.csv"])
def test_outputs_older_than_the_private_lists_are_told_and_taken_back(whole, name, call):
    assert changed_since() == []
    content = {
        "always.csv": "text,kind\nZebedee,name\n", "never.csv": "text,kind\nZebedee,name\n",
        "interviewees.csv": "document_id,people,organisations,places\ntalk,Zebedee Quillfeather,,\n",
    }[name]  # fmt: skip
    (whole / "private" / name).write_text(content)
    assert changed_since() == [name]
    status, _, told = call("audit")
    assert status == 1
    assert f"private: {name} changed after outputs/ was made from it" in told
    assert "Zebedee" not in told
    with pytest.raises(InputError, match="changed after outputs/ was made"):
        run_audit_stage()
    assert published(whole) == set()
    (whole / "private" / name).unlink()
    assert changed_since() == []


def test_a_key_that_grows_is_the_same_key_and_a_new_one_is_another(whole):
    key = json.loads((whole / "private" / "key.json").read_text())
    key["people"].append({"identity": "zebedee", "role": "person", "number": 99})
    (whole / "private" / "key.json").write_text(json.dumps(key))
    assert changed_since() == []
    (whole / "private" / "key.json").write_text(json.dumps({**key, "generation": "another"}))
    assert changed_since() == ["key.json"]


def test_without_a_private_folder_nothing_is_known_and_nothing_said(tmp_path):
    note_made("evidence", tmp_path / "private")
    assert not (tmp_path / "private").exists()
    assert changed_since(tmp_path / "private") == []


def test_what_must_always_go_is_looked_for_whole(whole):
    (whole / "private" / "always.csv").write_text("text,kind\nthe bridge that fell,name\n")
    run_stages("ingest")
    (whole / ".cache" / "old.json").write_text('"a bridge, and what fell"')
    (whole / ".cache" / "older.json").write_text('"The bridge that fell."')
    assert {finding.path for finding in audit() if finding.what == "names of the key"} == {".cache/older.json"}


def test_the_stage_ends_with_one_line_and_status_2(whole):
    (whole / ".cache" / "old.json").write_text('"Bo Marsh"')
    done = subprocess.run([sys.executable, "-m", "collabnlp.stages.audit"], cwd=whole, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert "Marsh" not in done.stderr
    assert published(whole) == set()


def test_the_evidence_stage_publishes_nothing_that_holds_a_name(whole, monkeypatch):
    for name in RELEASED:
        if not name.startswith(("agreement", "metrics")):
            (whole / "outputs" / name).unlink()
    (whole / "private" / "key.json").write_text(json.dumps({"entries": [{"text": "Evidence matrix"}]}))
    monkeypatch.setattr("collabnlp.stages.evidence.load_encoder", lambda _: FakeEncoder())
    with pytest.raises(InputError, match=r"holds 1 names of the key"):
        run_stages("evidence")
    assert published(whole) == {"agreement.csv", "agreement.parquet", "metrics.json"}


@pytest.mark.slow
def test_dvc_publishes_nothing_while_the_audit_fails(whole):
    """The last two stages of the real pipeline file, run by DVC in a small project; a copy stands for the stages before."""
    ids, _ = read_vectors("outputs/embeddings.parquet")  # the stage's own encoder has more dimensions than the fake
    write_vectors("outputs/embeddings.parquet", ids, np.full((len(ids), 384), 384**-0.5, dtype=np.float32))
    yaml = YAML(typ="safe")
    stages = yaml.load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    last = {name: stages[name] for name in ("evidence", "audit")}
    for stage in last.values():
        stage["cmd"] = stage["cmd"].replace("python", shlex.quote(sys.executable), 1)
        stage["deps"] = [dep for dep in stage["deps"] if not dep.startswith("src/") and (whole / dep).exists()]
    before = sorted({f"outputs/{name}" for name in RELEASED} - set(last["evidence"]["outs"]))
    for name in before:
        (whole / "kept" / name).parent.mkdir(parents=True, exist_ok=True)
        (whole / name).rename(whole / "kept" / name)
    copy = {"cmd": "cp -r kept/outputs .", "deps": ["kept"], "outs": before}
    with (whole / "dvc.yaml").open("w", encoding="utf-8") as handle:
        yaml.dump({"stages": {"before": copy, **last}}, handle)
    dvc("init", "--no-scm")
    assert dvc("repro").returncode == 0
    assert published(whole) == set(RELEASED)
    planted = whole / "models" / "classifier" / "note.json"
    planted.write_text('"Bo Marsh"')
    for _ in range(2):  # what DVC's own cache brings back is taken back again
        done = dvc("repro")
        assert done.returncode != 0
        assert "models/classifier/note.json: holds 1 names of the key" in done.stderr
        assert "Marsh" not in done.stdout + done.stderr
        assert published(whole) == set()
    planted.unlink()
    assert dvc("repro").returncode == 0
    assert published(whole) == set(RELEASED)


def dvc(*args):
    return subprocess.run([sys.executable, "-m", "dvc", *args], capture_output=True, text=True, check=False)
