import json
import re
import shutil
import subprocess
import zipfile

import docx
import openpyxl
import pytest

from collabnlp.exchange.marks import Mark, UnknownCodeError, parse_code
from collabnlp.exchange.notes import NoteCheck
from collabnlp.exchange.pack import Pack, PackedDocument
from collabnlp.exchange.settle import settle
from collabnlp.export.annotate import label_studio_config, read_annotations
from collabnlp.export.comments import read_comments
from collabnlp.export.pack import LIST, check_name, load_pack, write_pack
from collabnlp.export.sheet import ACCEPT, ADD, DROP, ID, NOTE, PASSAGE, STANCE, read_sheet
from collabnlp.records import Block, InputError
from collabnlp.redact.pseudonyms import Corrections, Key
from collabnlp.scarce import caveat
from collabnlp.segment import segment
from packs import MODEL, make_pack


@pytest.fixture
def pack():
    return make_pack()


@pytest.fixture
def folder(tmp_path, pack, codebook):
    write_pack(tmp_path / "pack", pack, codebook)
    return tmp_path / "pack"


def settled(marks, pack, codebook, *, coder="anna", whole=False):
    return settle(marks, pack, codebook, file="f", coder=coder, whole=whole)


def codes_of(found):
    return {own: codes for coding in found.codings for own, codes in coding.codes.items()}


def only(pack, document_id):
    ids = {p.passage_id for p in pack.passages if p.document_id == document_id}
    return pack._replace(
        passages=tuple(p for p in pack.passages if p.passage_id in ids),
        tags=tuple(t for t in pack.tags if t.passage_id in ids),
    )


# The pack as a whole.


def test_the_same_pack_gives_the_same_bytes(folder, tmp_path, pack, codebook):
    write_pack(tmp_path / "again" / "pack", pack, codebook)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again" / "pack").iterdir())
    assert [n for n in names if (folder / n).read_bytes() != (tmp_path / "again" / "pack" / n).read_bytes()] == []


def test_a_pack_is_read_as_it_was_written(folder, pack):
    assert load_pack(folder) == pack


def test_a_changed_list_is_refused(folder):
    held = json.loads((folder / LIST).read_text())
    held["passages"][0]["start_char"] = "soon"
    (folder / LIST).write_text(json.dumps(held))
    with pytest.raises(InputError, match="changed or damaged"):
        load_pack(folder)
    (folder / LIST).write_text("[]")
    with pytest.raises(InputError, match="no list"):
        load_pack(folder)


def everything(folder):
    """All text of all files of a pack, by file."""
    found = {}
    for path in folder.iterdir():
        if path.suffix in (".xlsx", ".docx", ".qdpx"):
            with zipfile.ZipFile(path) as archive:
                found[path.name] = "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
        else:
            found[path.name] = path.read_text(encoding="utf-8")
    return found


def test_every_file_with_words_not_for_attribution_is_marked(folder):
    held = everything(folder)
    words = [name for name, text in held.items() if "asked whose job it was" in text and name != LIST]
    assert {re.sub(r"^talk-1|^report-2", "x", name) for name in words} >= {
        "x.xlsx",
        "x.docx",
        "project.qdpx",
        "label-studio.json",
    }
    for name in words:
        assert re.search("Not for attribution|non-attributable", held[name]), name
    assert "Not for attribution" not in held["report-2.xlsx"]
    assert "Not for attribution" in held["README.txt"]


def test_a_blind_pack_holds_no_suggestion_anywhere(tmp_path, codebook):
    write_pack(tmp_path / "pack", make_pack(blind=True), codebook)
    held = everything(tmp_path / "pack")
    for name, text in held.items():
        assert "0.91" not in text, name
        assert "predictions" not in text, name
    assert json.loads(held[LIST])["tags"] == []
    assert all(json.loads(line)["accept"] == [] for line in held["prodigy.jsonl"].splitlines())
    header = [
        cell.value
        for cell in next(
            r
            for r in openpyxl.load_workbook(tmp_path / "pack" / "talk-1.xlsx")["Passages"].iter_rows()
            if r[0].value == ID
        )
    ]
    assert {"Suggested", "Also likely", DROP}.isdisjoint(header)


def test_a_file_named_after_a_speaker_is_refused(tmp_path):
    turns = [Block("Ready?", "turn", speaker="Tom Ashdown"), Block("Yes, I am.", "turn", speaker="Ann Weir")] * 2
    with pytest.raises(InputError, match="named after a speaker"):
        check_name(tmp_path / "interview-ann_weir-2.docx", turns)
    check_name(tmp_path / "interview-leader-2.docx", turns)


# The sheet.


def rows_of(sheet):
    """(header by name, rows below it) of a tagging sheet."""
    for row in sheet.iter_rows():
        if row[0].value == ID:
            return {cell.value: cell.column for cell in row}, list(range(row[0].row + 1, sheet.max_row + 1))
    raise AssertionError("no header")


@pytest.fixture
def sheet(folder):
    book = openpyxl.load_workbook(folder / "talk-1.xlsx")
    columns, rows = rows_of(book["Passages"])

    class Sheet:
        path = folder / "edited.xlsx"

        def put(self, own, **cells):
            row = self.row(own)
            for name, value in cells.items():
                book["Passages"].cell(row, columns[name.replace("_", " ")], value)
            return self

        def row(self, own):
            return next(r for r in rows if book["Passages"].cell(r, 1).value == own)

        def save(self):
            book.save(self.path)
            return self.path

    Sheet.book, Sheet.columns, Sheet.rows = book, columns, rows
    return Sheet()


def test_a_sheet_left_alone_says_nothing(folder, pack, codebook):
    assert settled(read_sheet(folder / "talk-1.xlsx", pack, codebook), pack, codebook).rows == []


def test_no_cell_of_a_sheet_is_a_formula_or_a_number(folder):
    for sheet in openpyxl.load_workbook(folder / "talk-1.xlsx").worksheets:
        assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    texts = [c.value for c in openpyxl.load_workbook(folder / "talk-1.xlsx")["Passages"]["D"]]
    assert "=1+1 is what the finance people say, and +44 is not a number I answer to." in texts


def test_lists_to_choose_from_stand_in_the_sheet(folder, codebook):
    sheet = openpyxl.load_workbook(folder / "talk-1.xlsx")["Passages"]
    lists = {rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert f"Codebook!$A$2:$A${len(codebook.codes) + 1}" in lists
    assert '"positive,negative,neutral"' in lists
    assert any("all,none," in rule for rule in lists)


def test_decisions_of_a_sheet(sheet, pack, codebook):
    sheet.put("talk-1:0002", Accept="all", Note="Good quote.")
    sheet.put("talk-1:0004", Drop="Joint posts and double hatting", Add="This is difficult; momentum=negative")
    sheet.put("talk-1:0005", Add="Trust", Stance="neutral", Add_2="leadership", Stance_2="negative")
    sheet.put("talk-1:0007", Accept="none")
    sheet.put("talk-1:0008", Accept="Leadership")
    sheet.put("talk-1:0009", Note="Only a note.")
    found = settled(read_sheet(sheet.save(), pack, codebook), pack, codebook)
    assert codes_of(found) == {
        "talk-1:0002": {"people_and_trust": "positive", "trust": "positive"},
        "talk-1:0004": {"difficult": codebook["difficult"].default_stance, "momentum": "negative"},
        "talk-1:0005": {"leadership": "negative", "trust": "neutral"},
        "talk-1:0007": {},
        "talk-1:0008": {"leadership": "positive"},
    }
    assert found.notes == {("talk-1:0002", "anna"): ["Good quote."], ("talk-1:0009", "anna"): ["Only a note."]}
    assert {row.passage_id: row.outcome for row in found.rows}["talk-1:0009"] == "noted"


def test_a_stance_is_corrected_by_adding_the_code_again(sheet, pack, codebook):
    sheet.put("talk-1:0008", Add="Leadership", Stance="negative")
    sheet.put("talk-1:0002", Accept="Trust (neutral)")
    found = settled(read_sheet(sheet.save(), pack, codebook), pack, codebook)
    assert codes_of(found) == {
        "talk-1:0002": {"trust": "neutral"},
        "talk-1:0008": {"joint_posts": "positive", "leadership": "negative"},
    }


def test_with_whole_what_was_left_alone_is_agreed_to(sheet, pack, codebook):
    sheet.put("talk-1:0008", Drop="Leadership")
    found = codes_of(settled(read_sheet(sheet.save(), pack, codebook), only(pack, "talk-1"), codebook, whole=True))
    assert found["talk-1:0008"] == {"joint_posts": "positive"}
    assert found["talk-1:0002"] == {"people_and_trust": "positive", "trust": "positive"}
    assert found["talk-1:0003"] == {}
    assert "talk-1:0001" not in found  # the interviewer's


def test_a_sheet_survives_what_people_do_to_sheets(sheet, pack, codebook):
    """Sorted, filtered, rows deleted, a row copied to add a third code, columns added and moved, texts edited."""
    sheet.put("talk-1:0002", Accept="all").put("talk-1:0004", Add="Trust").put("talk-1:0008", Drop="Leadership")
    ws, columns = sheet.book["Passages"], sheet.columns
    data = [[cell.value for cell in ws[r]] for r in sheet.rows]
    top = sheet.rows[0] - 1
    header = [cell.value for cell in ws[top]]
    extra = list(data[[row[0] for row in data].index("talk-1:0004")])
    extra[columns[ADD] - 1] = "momentum"
    data.append(extra)
    data = [row for row in data if row[0] != "talk-1:0003"]  # deleted
    edited = next(row for row in data if row[0] == "talk-1:0008")
    edited[columns[PASSAGE] - 1] = edited[columns[PASSAGE] - 1].replace("every week", "every second week")
    data.sort(key=lambda row: str(row[columns[PASSAGE] - 1])[::-1])
    book = openpyxl.Workbook()
    other = book.active
    other.append(["My own heading"])
    order = sorted(range(len(header)), key=lambda j: str(header[j]), reverse=True)
    other.append(["Theme of mine", *[header[j] for j in order]])
    for i, row in enumerate(data):
        other.append([f"x{i}", *[row[j] for j in order]])
    other.auto_filter.ref = f"A2:N{len(data) + 2}"
    book.save(sheet.path)
    found = settled(read_sheet(sheet.path, pack, codebook), pack, codebook)
    assert codes_of(found) == {
        "talk-1:0002": {"people_and_trust": "positive", "trust": "positive"},
        "talk-1:0004": {"joint_posts": "negative", "trust": "positive", "momentum": "positive"},
        "talk-1:0008": {"joint_posts": "positive"},
    }
    assert [(row.passage_id, row.detail) for row in found.rows if row.outcome == "doubtful"] == [
        ("talk-1:0008", "the text was changed; taken by its id")
    ]


def test_rows_without_ids_are_found_by_their_text(sheet, pack, codebook):
    for row in sheet.rows:
        sheet.book["Passages"].cell(row, 1).value = None
    ws = sheet.book["Passages"]
    place = {ws.cell(r, sheet.columns[PASSAGE]).value: r for r in sheet.rows}
    by_id = {p.passage_id: p.text for p in pack.passages}
    ws.cell(place[by_id["talk-1:0004"]], sheet.columns[ADD], "Trust")
    ws.cell(place[by_id["talk-1:0005"]], sheet.columns[ADD], "Trust")
    retyped = by_id["talk-1:0005"].replace(" ", "  ").rstrip(".")
    ws.cell(place[by_id["talk-1:0005"]], sheet.columns[PASSAGE], retyped)
    found = settled(read_sheet(sheet.save(), pack, codebook), pack, codebook)
    assert set(codes_of(found)) == {"talk-1:0004", "talk-1:0005"}


@pytest.mark.parametrize(
    ("own", "text", "said"),
    [
        (
            "talk-1:0004",
            "The leaders speak every week, and that is how the shared chief executive came about.",
            "only a part of the table sorted",
        ),
        ("talk-1:0004", "Something else entirely was said here by nobody at all.", "not that of the passage"),
        ("", "Something else entirely was said here by nobody at all.", "none of the pack's"),
        ("", "The leaders speak every week, and that is how the shared chief executive", "2 passages"),
        ("other:0001", "", "none of the pack's"),
        ("", "", "neither id nor text"),
    ],
)
def test_what_cannot_be_placed_is_listed_with_its_reason(pack, codebook, own, text, said):
    found = settled([Mark("row 9", own, text, add=(("trust", None),))], pack, codebook)
    assert found.codings == []
    ((row),) = found.rows
    assert row.outcome == "not placed"
    assert said in row.detail


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"Add": "Biscuits"}, "the code 'Biscuits' is unknown"),
        ({"Add": "Trust", "Stance": "perhaps"}, "the stance 'perhaps' is unknown"),
        ({"Stance": "negative"}, "a stance stands without a code"),
        ({"Drop": "Leadership", "Add": "Leadership"}, "leadership is dropped and added"),
        ({"Accept": "Leadership", "Drop": "Leadership"}, "leadership is accepted and dropped"),
        (
            {"Add": "Trust", "Stance": "negative", "Add_2": "Trust", "Stance_2": "positive"},
            "as negative and as positive",
        ),
    ],
)
def test_rows_that_cannot_be_taken_are_listed_and_the_others_stored(sheet, pack, codebook, cells, said):
    sheet.put("talk-1:0008", **cells).put("talk-1:0002", Accept="all")
    found = settled(read_sheet(sheet.save(), pack, codebook), pack, codebook)
    assert set(codes_of(found)) == {"talk-1:0002"}
    assert [said in row.detail for row in found.rows if row.outcome == "not taken"] == [True]


def test_another_workbook_is_refused_with_a_line(tmp_path, pack, codebook):
    book = openpyxl.Workbook()
    book.active.append(["Budget", "2024"])
    book.save(tmp_path / "b.xlsx")
    with pytest.raises(InputError, match=r"no sheet of passages, only the columns budget, 2024"):
        read_sheet(tmp_path / "b.xlsx", pack, codebook)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.slow
def test_a_sheet_saved_by_libreoffice_says_the_same(sheet, pack, codebook, tmp_path):
    sheet.put("talk-1:0002", Accept="all").put("talk-1:0004", Drop="Joint posts and double hatting", Add="Trust")
    sheet.put("talk-1:0003", Accept="none").put("talk-1:0005", Add="Momentum", Stance="negative", Note="=not a formula")
    edited = sheet.save()
    for source, form in ((edited, "ods"), (tmp_path / "ods" / "edited.ods", "xlsx")):  # through its own format and back
        home = f"-env:UserInstallation=file://{tmp_path}/home"
        command = ["soffice", "--headless", home, "--convert-to", form, "--outdir", tmp_path / form, source]
        subprocess.run(command, check=True, capture_output=True, timeout=240)
    found = settled(read_sheet(tmp_path / "xlsx" / "edited.xlsx", pack, codebook), pack, codebook)
    want = settled(read_sheet(edited, pack, codebook), pack, codebook)
    assert codes_of(found) == codes_of(want) != {}
    assert [row.outcome for row in found.rows if row.outcome == "doubtful"] == []


# The Word document.


def comments_of(path):
    word = docx.Document(str(path))
    return word, {re.search(r"\[(.+?:\d+)\]", c.text)[1]: c for c in word.comments}


def test_comments_left_alone_say_nothing(folder, pack, codebook):
    assert settled(read_comments(folder / "talk-1.docx", pack, codebook), pack, codebook).rows == []


def test_comments_stand_on_their_passages(folder, pack):
    word, comments = comments_of(folder / "talk-1.docx")
    by_id = {p.passage_id: p.text for p in pack.passages}
    assert set(comments) == {"talk-1:0002", "talk-1:0004", "talk-1:0008"}
    for own, comment in comments.items():
        (start,) = word.element.xpath(f'.//w:commentRangeStart[@w:id="{comment.comment_id}"]')
        assert docx.text.paragraph.Paragraph(start.getparent(), word).text == by_id[own]
        assert comment.author == MODEL


def test_a_comment_without_its_number_is_one_line(folder, pack, codebook):
    word, comments = comments_of(folder / "talk-1.docx")
    element = comments["talk-1:0002"]._comment_elm
    del element.attrib[next(name for name in element.attrib if name.endswith("}id"))]
    word.save(folder / "broken.docx")
    with pytest.raises(InputError, match="damaged"):
        read_comments(folder / "broken.docx", pack, codebook)


def test_edited_answered_new_and_deleted_comments(folder, pack, codebook):
    word, comments = comments_of(folder / "talk-1.docx")

    def line(own, begins):
        return next(p for p in comments[own].paragraphs if p.text.startswith(begins))

    line("talk-1:0002", "Trust").text = "-trust"
    comments["talk-1:0002"].add_paragraph("+ momentum, negative")
    comments["talk-1:0002"].add_paragraph("A remark beside it")
    comments["talk-1:0008"].add_paragraph("OK.")
    own = next(p for p in word.paragraphs if p.text.startswith("- the board met"))
    word.add_comment(own.runs[0], "A shared understanding of what is on the table: negative", author="anna")
    deleted = comments["talk-1:0004"].comment_id
    for element in word.element.xpath(f'.//*[@w:id="{deleted}" and starts-with(name(), "w:comment")]'):
        element.getparent().remove(element)
    element = comments["talk-1:0004"]._comment_elm
    element.getparent().remove(element)
    word.save(folder / "edited.docx")
    found = settled(read_comments(folder / "edited.docx", pack, codebook), pack, codebook)
    assert codes_of(found) == {
        "talk-1:0002": {"people_and_trust": "positive", "momentum": "negative"},
        "talk-1:0004": {},
        "talk-1:0007": {"on_the_table": "negative"},
        "talk-1:0008": {"joint_posts": "positive", "leadership": "positive"},
    }
    assert found.notes == {("talk-1:0002", "anna"): ["A remark beside it"]}


def test_comments_on_the_same_words_said_twice_are_told_apart_by_their_order(tmp_path, codebook):
    turns = [Block(said, "turn", speaker="B") for said in ("Yes, that is how it was.", "No, not at all, I say.")] * 3
    documents, passages = [], []
    for name in ("one", "two"):
        text, cut = segment(name, turns)
        documents.append(PackedDocument(name, name, "public", text))
        passages += cut
    pack = Pack(MODEL, False, tuple(documents), tuple(passages))
    write_pack(tmp_path, pack, codebook)
    word = docx.Document(str(tmp_path / "two.docx"))
    last = [p for p in word.paragraphs if p.text.startswith("Yes")][1]
    word.add_comment(last.runs[0], "Trust", author="anna")
    word.save(tmp_path / "edited.docx")
    found = settled(read_comments(tmp_path / "edited.docx", pack, codebook), pack, codebook)
    assert codes_of(found) == {"two:0003": {"trust": "positive"}}


def test_a_comment_with_an_unknown_code_is_listed(folder, pack, codebook):
    word, comments = comments_of(folder / "talk-1.docx")
    comments["talk-1:0008"].add_paragraph("+ biscuits")
    word.save(folder / "edited.docx")
    found = settled(read_comments(folder / "edited.docx", pack, codebook), pack, codebook)
    assert found.codings == []
    assert [(row.outcome, row.detail) for row in found.rows] == [("not taken", "the code 'biscuits' is unknown")]


def test_a_word_file_of_another_kind_says_nothing_that_can_be_placed(tmp_path, pack, codebook):
    word = docx.Document()
    paragraph = word.add_paragraph("A letter about something else that nobody packed.")
    word.add_comment(paragraph.runs[0], "Trust", author="anna")
    word.save(tmp_path / "l.docx")
    found = settled(read_comments(tmp_path / "l.docx", pack, codebook), pack, codebook)
    assert [row.outcome for row in found.rows] == ["not placed"]


# Annotation tools.


def test_label_studio_there_and_back(folder, pack, codebook):
    tasks = json.loads((folder / "label-studio.json").read_text(encoding="utf-8"))
    assert all(task["data"]["access"] for task in tasks)
    for i, task in enumerate(
        tasks
    ):  # as the tool exports: predictions taken over, the third changed, the fourth skipped
        result = [dict(r) for p in task.pop("predictions") for r in p["result"]]
        if i == 2:
            result = [
                {
                    "type": "taxonomy",
                    "from_name": "codes",
                    "to_name": "text",
                    "value": {"taxonomy": [["Trust"], ["Trust", "neutral"], ["Attitude to risk"]]},
                },
                {"type": "textarea", "from_name": "note", "to_name": "text", "value": {"text": ["see above"]}},
            ]
        task |= {"id": i, "annotations": [{"id": i, "completed_by": 3, "was_cancelled": i == 3, "result": result}]}
    (folder / "export.json").write_text(json.dumps(tasks))
    found = settled(read_annotations(folder / "export.json", pack, codebook), pack, codebook)
    third, fourth = tasks[2]["data"]["passage_id"], tasks[3]["data"]["passage_id"]
    usual = codebook["risk"].default_stance
    want = {own: codes for own, codes in pack.coding().codes.items() if own != fourth} | {
        third: {"risk": usual, "trust": "neutral"}
    }
    assert codes_of(found) == want
    assert found.notes == {(third, "anna"): ["see above"]}


def test_the_labelling_interface_is_xml_with_all_codes(codebook):
    from lxml import etree

    root = etree.fromstring(label_studio_config(codebook))
    assert [e.get("value") for e in root.findall("Taxonomy/Choice")] == [code.title for code in codebook.codes]
    assert {e.get("toName") for e in root.iter() if e.get("toName")} == {root.find("Text").get("name")}


def test_prodigy_there_and_back(folder, pack, codebook):
    lines = [json.loads(line) for line in (folder / "prodigy.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        assert set(line["accept"]) <= {option["id"] for option in line["options"]}
        line |= {"answer": "accept", "_annotator_id": "coding-anna", "_view_id": "choice"}
    lines[1]["answer"], lines[0]["accept"] = "ignore", ["momentum"]
    (folder / "out.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = settled(read_annotations(folder / "out.jsonl", pack, codebook), pack, codebook, coder="")
    assert found.codings[0].coder == "coding-anna"
    want = pack.coding().codes
    want.pop(lines[1]["meta"]["passage_id"])
    want[lines[0]["meta"]["passage_id"]] = {"momentum": "positive"}
    assert codes_of(found) == want


def test_prodigy_with_one_label_or_spans(tmp_path, pack, codebook):
    text = pack.passages[7].text
    rows = [
        {"text": text, "label": "leadership", "answer": "reject"},
        {"text": text, "label": "trust", "answer": "accept"},
        {"text": pack.passages[8].text, "spans": [{"start": 0, "end": 9, "label": "momentum"}], "answer": "accept"},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert codes_of(settled(read_annotations(tmp_path / "p.jsonl", pack, codebook), pack, codebook)) == {
        "talk-1:0008": {"joint_posts": "positive", "trust": "positive"},
        "talk-1:0009": {"momentum": "positive"},
    }


def test_doccano_there_and_back(folder, pack, codebook):
    lines = [json.loads(line) for line in (folder / "doccano.jsonl").read_text(encoding="utf-8").splitlines()]
    for i, line in enumerate(lines):
        line |= {"id": i + 100, "Comments": []}
    lines[0]["label"] = ["people_and_trust"]
    lines[2]["label"] = ["momentum=negative", "Trust"]
    (folder / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    changed = {
        lines[0]["passage_id"]: {"people_and_trust": "positive"},
        lines[2]["passage_id"]: {"trust": "positive", "momentum": "negative"},
    }
    marks = read_annotations(folder / "all.jsonl", pack, codebook)
    assert codes_of(settled(marks, pack, codebook)) == changed
    assert codes_of(settled(marks, pack, codebook, whole=True)) == pack.coding().codes | changed


def test_doccano_with_stretches_of_text(tmp_path, pack, codebook):
    spans = {"text": pack.passages[7].text, "label": [[0, 4, "Trust"], [2, 9, "momentum"]]}
    (tmp_path / "s.jsonl").write_text(json.dumps(spans))
    found = settled(read_annotations(tmp_path / "s.jsonl", pack, codebook), pack, codebook)
    assert codes_of(found) == {"talk-1:0008": {"trust": "positive", "momentum": "positive"}}


def test_tasks_that_nobody_opened_say_nothing(folder, pack, codebook):
    for name in ("prodigy.jsonl", "doccano.jsonl", "label-studio.json"):
        assert settled(read_annotations(folder / name, pack, codebook), pack, codebook).rows == [], name


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", '{"a": 1}', "no list of tasks"),
        ("a.json", "[1]", "no list of tasks"),
        ("a.jsonl", "[]\n", "is no object"),
        ("a.jsonl", '{"colour": "red"}\n', "none of the tools writes"),
        ("a.jsonl", "[" * 100_000, "is not JSON"),
        ("a.jsonl", '{"text": "half a wave \\ud83c", "label": []}\n', "is not JSON"),
    ],
)
def test_other_json_is_refused_with_a_line(tmp_path, pack, codebook, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_annotations(tmp_path / name, pack, codebook)
    assert "\n" not in str(error.value)


def test_odd_values_are_no_reason_to_fall_over(tmp_path, pack, codebook):
    rows = [
        {
            "data": {"text": "x"},
            "annotations": [{"result": None}, 3, {"result": [4, {"value": {"choices": "no list"}}]}],
        },
        {"data": None, "annotations": "none"},
    ]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert [mark.add for mark in read_annotations(tmp_path / "a.json", pack, codebook)] == [(), ()]


# Codes as people write them, and notes.


@pytest.mark.parametrize(
    ("said", "code", "stance"),
    [
        ("trust", "trust", None),
        (" Joint posts and double hatting ", "joint_posts", None),
        ("JOINT_POSTS=negative", "joint_posts", "negative"),
        ("Trust: negative", "trust", "negative"),
        ("trust negative", "trust", "negative"),
        ("Trust – Neutral", "trust", "neutral"),
        ("Leadership (positive, 0.58, unsure)", "leadership", "positive"),
        ("One size does not always fit all (negative)", "one_size", "negative"),
    ],
)
def test_codes_as_people_write_them(codebook, said, code, stance):
    assert parse_code(said, codebook) == (code, stance)


@pytest.mark.parametrize("said", ["", "trustful", "trust fund", "negative", "I trust them, negative as it is"])
def test_what_is_no_code(codebook, said):
    with pytest.raises(UnknownCodeError):
        parse_code(said, codebook)


KEY = {
    "ann weir": ("person", 1),
    "talk-1: bo": ("Interviewee", 2),
    "talk-1: leader": ("Interviewee", 3),
    "talk-2: ivo": ("Interviewee", 4),
}


@pytest.mark.parametrize(
    ("note", "found"),
    [
        ("Compare with the board again.", []),
        ("[person 3] again: the leader of the council?", []),
        ("Is this Trust or People and trust? See Momentum.", []),
        ("Weir said so.", ["Weir"]),
        ("as Weir's deputy", ["Weir's"]),
        ("ask ann weir's deputy", ["ann weir's"]),
        ("Bo said so", ["Bo"]),
        ("Ivo said so, in another interview", None),
        ("write to a.weir@example.org or 01603 555123", ["a.weir@example.org", "01603 555123"]),
        ("see @annw, NR1 4AB", ["@annw", "NR1 4AB"]),
        ("Ask Delia Thornbury about this", ["Delia Thornbury"]),
        ("as the chief executive of Kent County Council says", ["chief executive of Kent County Council"]),
    ],
)
def test_notes_pass_the_check_of_interviews(note, found):
    check = NoteCheck(Key(KEY))
    said = check.suspects(note, "non-attributable", "talk-1")
    assert found is None or said == found
    assert check.suspects(note, "public", "talk-1") == []
    if "eir's" in note or "@" in note:  # third people and addresses go out of attributable interviews, too
        assert check.suspects(note, "attributable", "talk-1")


def test_packs_call_a_new_code_new(tmp_path, codebook):
    pack = make_pack()._replace(caveats=(caveat("Trust", 4), caveat("Momentum", 1)))
    write_pack(tmp_path, pack, codebook)
    assert load_pack(tmp_path).caveats == pack.caveats
    said = "Trust is a new code: 4 examples; treat its tags as suggestions only"
    assert said in (tmp_path / "README.txt").read_text(encoding="utf-8")
    cells = openpyxl.load_workbook(tmp_path / "talk-1.xlsx")["Passages"].iter_rows(max_row=5, values_only=True)
    assert any(said in str(cell) for row in cells for cell in row)
    write_pack(tmp_path / "plain", make_pack(), codebook)
    assert "new code" not in (tmp_path / "plain" / "README.txt").read_text(encoding="utf-8")


def test_a_note_gives_nobody_a_pseudonym():
    key = Key(KEY)
    NoteCheck(key).suspects("Ask Delia Thornbury", "non-attributable", "talk-1")
    assert key.entries == KEY


def test_what_a_person_corrected_holds_for_notes_too():
    corrections = Corrections(always=(("the bees", "name"),), never=("Thornbury",))
    check = NoteCheck(Key(), corrections=corrections)
    assert check.suspects("Ask Thornbury about the bees", "non-attributable", "talk-1") == ["the bees"]


def test_stance_and_note_names_are_those_of_the_sheet(folder):
    columns, _ = rows_of(openpyxl.load_workbook(folder / "talk-1.xlsx")["Passages"])
    assert {ID, PASSAGE, ACCEPT, DROP, ADD, STANCE, NOTE} <= set(columns)
