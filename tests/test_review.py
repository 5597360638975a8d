import json
import re
import shlex
import shutil

import docx
import openpyxl
import pytest
from lxml import etree

from collabnlp.agreement import alpha, intervals, kappa
from collabnlp.codebook import load_codebook
from collabnlp.codebook_exchange import CODEBOOK
from collabnlp.exchange.journal import STORING
from collabnlp.export.pack import write_pack
from collabnlp.export.report import build_report, shown_passages, write_report
from collabnlp.gold import REVIEWED, gather_gold, load_gold
from collabnlp.locks import locked
from collabnlp.records import GoldSource, InputError
from collabnlp.review import load_tables, recode_project, review_files
from collabnlp.runs import KEPT
from collabnlp.scoring import Coding
from conftest import ROOT, run_stages
from packs import make_pack


@pytest.fixture
def folder(project, codebook):
    write_pack("pack", make_pack(), codebook)
    return project


def decide(path, decisions, to):
    """A sheet as a person hands it back: cells by passage id and column."""
    book = openpyxl.load_workbook(path)
    sheet = book["Passages"]
    header = next(row for row in sheet.iter_rows() if row[0].value == "Passage id")
    columns = {cell.value: cell.column for cell in header}
    for row in range(header[0].row + 1, sheet.max_row + 1):
        for name, value in decisions.get(sheet.cell(row, 1).value, {}).items():
            sheet.cell(row, columns[name], value)
    book.save(to)
    return to


ANNA = {
    "talk-1:0002": {"Accept": "all"},
    "talk-1:0003": {"Accept": "none"},
    "talk-1:0004": {"Drop": "Joint posts and double hatting", "Add": "Momentum", "Stance": "negative"},
    "talk-1:0008": {"Accept": "Leadership"},
}


def review(project, codebook, files, **options):
    return review_files(files, project, codebook, **options)


@pytest.fixture
def anna(folder):
    return decide("pack/talk-1.xlsx", ANNA, folder / "pack" / "anna.xlsx")


def test_a_review_becomes_gold_with_the_coders_name(folder, anna, codebook):
    before = load_tables(folder / "corpus/gold")
    rows, failures = review(folder, codebook, [anna], coder="anna")
    after = load_tables(folder / "corpus/gold")
    assert failures == []
    assert {row.outcome for row in rows} == {"as suggested", "changed"}
    new = [p for p in after.passages if p.kind == REVIEWED]
    assert {(p.passage_id, p.source, p.provenance) for p in new} == {(own, "talk-1", "person") for own in ANNA}
    assert {(t.passage_id, t.code, t.stance) for t in after.tags if t.coder == "anna"} == {
        ("talk-1:0002", "trust", "positive"),
        ("talk-1:0002", "people_and_trust", "positive"),
        ("talk-1:0004", "momentum", "negative"),
        ("talk-1:0008", "leadership", "positive"),
    }
    assert {r.passage_id for r in after.reads if r.coder == "anna"} == set(ANNA)
    assert after.sources == [GoldSource(source="talk-1", access="non-attributable")]
    for name in ("passages", "tags", "reads"):  # nothing that stood there is changed
        old = {row.model_dump_json() for row in getattr(before, name)}
        assert old < {row.model_dump_json() for row in getattr(after, name)}
    gold = load_gold(folder / "corpus/gold", codebook.names)
    row = gold.passage_ids.index("talk-1:0003")
    assert (gold.labels[row].any(), gold.groups[row], gold.kinds[row]) == (False, "talk-1", REVIEWED)


def test_the_same_review_again_changes_no_byte(folder, anna, codebook):
    review(folder, codebook, [anna], coder="anna")
    held = {path.name: path.read_bytes() for path in (folder / "corpus/gold").iterdir()}
    rows, _ = review(folder, codebook, [anna], coder="anna")
    assert {row.outcome for row in rows} == {"there already"}
    assert held == {path.name: path.read_bytes() for path in (folder / "corpus/gold").iterdir()}


def test_a_dry_run_stores_nothing(folder, anna, codebook):
    held = {path.name: path.read_bytes() for path in (folder / "corpus/gold").iterdir()}
    rows, _ = review(folder, codebook, [anna], coder="anna", dry_run=True)
    assert len(rows) == 4
    assert held == {path.name: path.read_bytes() for path in (folder / "corpus/gold").iterdir()}


def test_a_coder_who_changes_her_mind_is_told_and_nothing_is_overwritten(folder, anna, codebook):
    review(folder, codebook, [anna], coder="anna")
    other = decide("pack/talk-1.xlsx", {"talk-1:0002": {"Drop": "Trust"}}, folder / "pack" / "other.xlsx")
    rows, _ = review(folder, codebook, [other], coder="anna")
    assert [row.outcome for row in rows] == ["not taken"]
    assert "has coded it before (people_and_trust (positive), trust (positive))" in rows[0].detail
    review(folder, codebook, [other], coder="anna-2")
    tags = load_tables(folder / "corpus/gold").tags
    assert {(t.coder, t.code) for t in tags if t.passage_id == "talk-1:0002"} == {
        ("anna", "trust"),
        ("anna", "people_and_trust"),
        ("anna-2", "people_and_trust"),
    }


def test_another_text_under_the_same_id_gets_an_id_of_its_own(folder, anna, codebook):
    review(folder, codebook, [anna], coder="anna")
    pack = make_pack()
    text = pack.documents[0].text.replace("flood", "flame")
    passages = tuple(
        p.model_copy(update={"text": text[p.start_char : p.end_char]}) if p.document_id == "talk-1" else p
        for p in pack.passages
    )
    pack = pack._replace(documents=(pack.documents[0]._replace(text=text), pack.documents[1]), passages=passages)
    write_pack("other", pack, codebook)
    decide("other/talk-1.xlsx", {"talk-1:0002": {"Accept": "all"}}, "other/b.xlsx")
    review(folder, codebook, [folder / "other/b.xlsx"], coder="ben")
    ids = {p.passage_id: p.text for p in load_tables(folder / "corpus/gold").passages if p.source == "talk-1"}
    (twin,) = [own for own in ids if own.startswith("talk-1:0002@")]
    assert "flame" in ids[twin]
    assert "flood" in ids["talk-1:0002"]


def test_what_a_crash_left_half_written_is_written_anew(folder, anna, codebook):
    review(folder, codebook, [anna], coder="anna")
    gold = folder / "corpus/gold"
    whole = {path.name: path.read_bytes() for path in gold.iterdir()}
    reads = [line for line in (gold / "reads.jsonl").read_text().splitlines() if '"anna"' not in line]
    (gold / "reads.jsonl").write_text("\n".join(reads) + "\n")
    tags = [
        line
        for line in (gold / "tags.jsonl").read_text().splitlines()
        if '"anna"' not in line or "leadership" not in line
    ]
    (gold / "tags.jsonl").write_text("\n".join(tags) + "\n")
    review(folder, codebook, [anna], coder="anna")
    assert whole == {path.name: path.read_bytes() for path in gold.iterdir()}


def test_two_at_once_do_not_lose_each_others_work(folder, anna, codebook):
    with locked(folder / "corpus/gold", STORING), pytest.raises(InputError, match="another review is being stored"):
        review(folder, codebook, [anna], coder="anna")
    review(folder, codebook, [anna], coder="anna")
    assert not (folder / "corpus/gold/.lock").exists()


def test_a_bad_file_costs_the_others_nothing(folder, anna, codebook):
    (folder / "pack/bad.xlsx").write_bytes(b"PK\x03\x04 cut off")
    (folder / "pack/bad.pdf").write_bytes(b"x")
    files = [folder / "pack/bad.xlsx", folder / "pack/bad.pdf", folder / "pack/none.qdpx", anna]
    rows, failures = review(folder, codebook, files, coder="anna")
    assert len(failures) == 3
    assert all("\n" not in str(error) for error in failures)
    assert {row.file for row in rows} == {"anna.xlsx"}


def test_somebody_must_have_coded(folder, anna, codebook):
    _, (error,) = review(folder, codebook, [anna])
    assert "say it with --coder" in str(error)
    _, (error,) = review(folder, codebook, [anna], coder="gold")
    assert "no person's name" in str(error)


def test_a_file_needs_the_pack_that_it_came_from(folder, anna, codebook):
    shutil.move(anna, folder / "anna.xlsx")
    _, (error,) = review(folder, codebook, [folder / "anna.xlsx"], coder="anna")
    assert "name the folder of the pack" in str(error)
    rows, failures = review(folder, codebook, [folder / "anna.xlsx"], coder="anna", pack=folder / "pack")
    assert (len(rows), failures) == (4, [])


def test_a_file_of_another_pack_is_refused_whatever_its_kind(folder, codebook):
    """What its coder left standing is what another model suggested, so `all` would mean something else."""
    older = make_pack()
    tags = tuple(tag.model_copy(update={"coder": "model-ffffffff"}) for tag in older.tags)
    write_pack("older", older._replace(coder="model-ffffffff", tags=tags), codebook)
    for name in ("talk-1.xlsx", "talk-1.docx", "project.qdpx", "label-studio.json", "prodigy.jsonl", "doccano.jsonl"):
        _, (error,) = review(
            folder, codebook, [folder / "older" / name], coder="anna", pack=folder / "pack", whole=True
        )
        assert "comes from another pack: model-ffffffff" in str(error), name


def test_notes_on_interviews_not_for_attribution_are_stored_only_where_they_name_nobody(folder, codebook):
    notes = {
        "talk-1:0002": {"Accept": "all", "Note": "Good quote on the flood."},
        "talk-1:0003": {"Accept": "none", "Note": "Ask Ann Weir about this."},
    }
    path = decide("pack/talk-1.xlsx", notes, folder / "pack" / "n.xlsx")
    rows, _ = review(folder, codebook, [path], coder="anna")
    gold = load_tables(folder / "corpus/gold")
    assert [(n.passage_id, n.note) for n in gold.notes] == [("talk-1:0002", "Good quote on the flood.")]
    assert [row.passage_id for row in rows if "may point to a person" in row.detail] == ["talk-1:0003"]
    assert "talk-1:0003" in {r.passage_id for r in gold.reads if r.coder == "anna"}
    assert "Ask Ann" not in "".join(path.read_text() for path in (folder / "corpus/gold").iterdir())


def test_notes_on_public_documents_may_name_anybody(folder, codebook):
    path = decide(
        "pack/report-2.xlsx",
        {"report-2:0001": {"Accept": "all", "Note": "As Ann Weir wrote."}},
        folder / "pack" / "r.xlsx",
    )
    review(folder, codebook, [path], coder="anna")
    assert [n.note for n in load_tables(folder / "corpus/gold").notes] == ["As Ann Weir wrote."]


def test_two_coders_make_gold_by_what_most_of_them_say(folder, anna, codebook):
    ben = decide(
        "pack/talk-1.xlsx",
        {"talk-1:0002": {"Drop": "Trust"}, "talk-1:0008": {"Accept": "all"}},
        folder / "pack" / "ben.xlsx",
    )
    review(folder, codebook, [anna], coder="anna")
    review(folder, codebook, [ben], coder="ben")
    tables = load_tables(folder / "corpus/gold")
    gold = gather_gold(tables.passages, tables.tags, tables.reads, codebook.names)
    given = {
        own: {codebook.names[j] for j in labels.nonzero()[0]}
        for own, labels in zip(gold.passage_ids, gold.labels, strict=True)
    }
    assert given["talk-1:0002"] == {"people_and_trust", "trust"}  # half of the readers suffices
    assert given["talk-1:0008"] == {"joint_posts", "leadership"}


# A codebook of the project's own.


def test_a_project_takes_over_a_codebook_and_its_codings_follow(folder, anna, codebook):
    review(folder, codebook, [anna], coder="anna")
    path = folder / "pack" / "codebook.qdc"
    root = etree.parse(path)
    gone = next(e for e in root.iter(f"{{{CODEBOOK}}}Code") if e.get("name") == "Momentum")
    gone.getparent().remove(gone)
    own = "11111111-2222-3333-4444-555555555555"
    etree.SubElement(root.find(f"{{{CODEBOOK}}}Codes"), f"{{{CODEBOOK}}}Code", guid=own, name="Pace", isCodable="true")
    root.write(path)
    held = {p.name: p.read_bytes() for p in (folder / "corpus").rglob("*.*") if p.is_file()}
    recode_project(folder, path, ["momentum=pace"], dry_run=True)
    assert held == {p.name: p.read_bytes() for p in (folder / "corpus").rglob("*.*") if p.is_file()}
    rows = recode_project(folder, path, ["momentum=pace"])
    names = load_codebook(folder / "corpus/codebook.yaml").names
    assert ("pace" in names, "momentum" in names) == (True, False)
    tags = load_tables(folder / "corpus/gold").tags
    assert ("talk-1:0004", "pace", "anna", "negative") in {(t.passage_id, t.code, t.coder, t.stance) for t in tags}
    assert {row.code: row.detail for row in rows}["momentum"] == "carried over"


# The report on agreement.


def two_coders():
    texts = {str(i): f"Passage {i} says <something> & more." for i in range(40)}
    a = {own: {"trust": "positive"} if int(own) < 20 else {} for own in texts}
    b = {own: {"trust": "positive"} if 5 <= int(own) < 22 else {} for own in texts}
    return [Coding("anna", texts, a), Coding("ben", texts, b)]


def test_the_figures_of_a_report_are_those_of_the_statistics(codebook):
    a, b = two_coders()
    report = build_report([a, b], codebook, None)
    row = next(row for row in report.pairs[0].tables["read"] if row[0] == codebook["trust"].title)
    one, other = ([bool(c.codes[own]) for own in c.texts] for c in (a, b))
    assert row[1:4] == ["20", "17", "15"]
    assert (row[5], row[7]) == (f"{kappa(one, other):.2f}", f"{alpha(one, other):.2f}")
    low, high = map(float, row[6].split(" to "))
    assert low < kappa(one, other) < high


def test_intervals_hold_the_statistic_and_shrink_with_more_passages():
    import numpy as np

    rng = np.random.default_rng(1)
    widths = []
    for n in (60, 1000):
        a = rng.random((n, 1)) < 0.3
        b = a ^ (rng.random((n, 1)) < 0.1)
        found = intervals(a, b)
        for name, statistic in (("kappa", kappa), ("alpha", alpha)):
            low, high = found[name][0]
            assert low < statistic(a[:, 0], b[:, 0]) < high
        widths.append(found["kappa"][0][1] - found["kappa"][0][0])
    assert widths[1] < widths[0] / 2
    never = np.zeros((20, 1), dtype=bool)
    assert all(low != low for ((low, _),) in intervals(never, never).values())


def test_the_page_and_the_word_file_say_the_same(codebook, tmp_path):
    report = build_report(two_coders(), codebook, {"1", "2"}, limit=3)
    write_report(tmp_path / "r.html", report)
    write_report(tmp_path / "r.docx", report)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    word = docx.Document(str(tmp_path / "r.docx"))
    assert page.count("<blockquote") == sum(p.style.name == "Intense Quote" for p in word.paragraphs) == 3
    assert "Passage 1 says &lt;something&gt; &amp; more." in page
    assert page.count("[text withheld") == 1
    table = word.tables[1]
    cells = [cell.text for cell in table.rows[1].cells]
    assert "".join(f"<td>{cell}</td>" for cell in cells[1:]) in page
    from lxml import html

    root = html.fromstring(page)
    assert root.get("lang") == "en-GB"
    assert all(th.get("scope") for th in root.iter("th"))
    assert all(t.find("caption") is not None for t in root.iter("table"))
    before = (tmp_path / "r.docx").read_bytes()
    write_report(tmp_path / "r.docx", report)
    assert (tmp_path / "r.docx").read_bytes() == before


def test_a_report_needs_two_coders_and_a_known_ending(codebook, tmp_path):
    a, b = two_coders()
    for codings in ([a], [a, a]):
        with pytest.raises(InputError, match="name two coders or more"):
            build_report(codings, codebook, None)
    with pytest.raises(InputError, match=r"\.html or \.docx"):
        write_report(tmp_path / "r.pdf", build_report([a, b], codebook, None))


def test_words_not_for_attribution_stay_out_of_reports(folder, anna, codebook):
    review(folder, codebook, [anna], coder="anna")
    report2 = decide("pack/report-2.xlsx", {"report-2:0001": {"Accept": "all"}}, folder / "pack" / "r.xlsx")
    review(folder, codebook, [report2], coder="anna")
    shown = shown_passages(folder / "corpus/gold")
    assert "report-2:0001" in shown
    assert not {own for own in shown if own.startswith("talk-1")}
    (folder / "corpus/gold/sources.jsonl").unlink()
    assert "report-2:0001" not in shown_passages(folder / "corpus/gold")


# The whole day, with commands.


def interviews(project):
    """Three invented interviews, like the one of the small project but for some words."""
    told = (project / "corpus/transcripts/talk.txt").read_text(encoding="utf-8")
    (project / "interviews").mkdir()
    for name, other in (("leader", "fire 🔥"), ("officer", "Überschwemmung"), ("member", "storm")):
        (project / "interviews" / f"{name}.txt").write_text(told.replace("flood", other), encoding="utf-8")


def edit_as_two_coders(pack):
    """What anna does in Excel and ben in Word, with the first two answers of an interview."""
    held = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    texts = {document["document_id"]: document["text"] for document in held["documents"]}
    for name in ("leader", "officer"):
        own = [p["passage_id"] for p in held["passages"] if p["document_id"] == name and p["speaker"] != "Interviewer"]
        cells = {
            own[0]: {"Accept": "none"},
            own[1]: {"Add": "Trust", "Stance": "negative", "Note": "Is this about the board?"},
        }
        decide(pack / f"{name}.xlsx", cells, pack / f"{name}-anna.xlsx")
    word = docx.Document(str(pack / "leader.docx"))
    answers = [p for p in held["passages"] if p["document_id"] == "leader" and p["speaker"] != "Interviewer"]
    for passage, said in zip(answers, ("none", "+Leadership"), strict=False):
        quote = texts["leader"][passage["start_char"] : passage["end_char"]]
        word.add_comment(next(p for p in word.paragraphs if p.text == quote).runs[0], said, author="ben")
    word.save(pack / "leader-ben.docx")


def test_the_day_in_the_docs_runs_as_it_stands(ready, call):
    page = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 11
    interviews(ready)
    told = {}
    for line in lines:
        program, *args = shlex.split(line)
        if program == "dvc":
            run_stages("embed", "train", "classify")
            continue
        status, out, err = call(*args)
        assert (program, status) == ("collabnlp", 0), (line, out, err)
        told[line] = out + err
        if "--pack pack " in line:
            edit_as_two_coders(ready / "pack")
    assert "F1" in told["collabnlp diff"]
    assert (ready / KEPT / "tags.parquet").exists()
    assert "nothing was stored" in told[next(line for line in lines if "--dry-run" in line)]
    tables = load_tables(ready / "corpus/gold")
    coded = {(r.coder, r.passage_id.split(":")[0]) for r in tables.reads if r.coder in ("anna", "ben")}
    assert coded == {("anna", "leader"), ("anna", "officer"), ("ben", "leader")}
    assert {n.note for n in tables.notes} == {"Is this about the board?"}
    page = (ready / "agreement.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 3
    assert "[text withheld" in page
    assert "Ann Weir" not in "".join(p.read_text(encoding="utf-8") for p in (ready / "pack").glob("*.json*"))
    assert call("tag", "interviews/leader.txt", "--pack", "pack")[0] == 2  # there already


def test_unknown_codes_are_refused_with_a_line_each_and_status_2(folder, call, codebook):
    decide("pack/talk-1.xlsx", {"talk-1:0002": {"Add": "Biscuits"}, "talk-1:0003": {"Add": "Cakes"}}, "pack/x.xlsx")
    status, out, _ = call("review", "pack/x.xlsx", "--coder", "anna")
    assert status == 2
    assert "Not taken: 2" in out
    assert [line.strip() for line in out.splitlines() if "unknown" in line] == [
        "x.xlsx, row 6 [talk-1:0002]: the code 'Biscuits' is unknown",
        "x.xlsx, row 7 [talk-1:0003]: the code 'Cakes' is unknown",
    ]
