"""The gate: what may leave of interviews not for attribution, and that nothing else can be worked out."""

import ast
import dataclasses
import importlib
import inspect
import itertools
import re
import tomllib
from collections import defaultdict

import openpyxl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from collabnlp.contents import texts_of
from collabnlp.export.workbook import write_workbook
from collabnlp.gazetteer import Entity, Gazetteer
from collabnlp.interviewees import Behind, Interviewees, load_interviewees
from collabnlp.query import build_index, search
from collabnlp.records import (
    EntityLink,
    EvidenceRow,
    FoundEntity,
    InputError,
    Relation,
    Topic,
    TopicAssignment,
    columns,
)
from collabnlp.release import (
    CLOSED,
    RELEASED,
    Released,
    Rule,
    Tables,
    exporter,
    release,
    reread,
    select,
)
from conftest import ROOT, FakeEncoder, make_document, make_mention, make_passage

CODES = ("trust", "risk")
RULE = Rule(3, 2)
FACTS = {"label": "COUNCIL", "type": "district", "nation": "England", "gss_code": "", "start_date": ""}
FACTS |= {"members": (), "invented": False, "source": ""}


def council(entity_id, parent="k", successor=""):
    end, after = ("2021-03-31", (successor,)) if successor else ("", ())
    return Entity(
        entity_id=entity_id, name=f"Council {entity_id.upper()}", parent=parent, end_date=end, successors=after, **FACTS
    )


# Two districts of county k became n; c is still there.
MAP = Gazetteer(
    [council("k", ""), council("a", successor="n"), council("b", successor="n"), council("c"), council("n", "")], []
)
# Seven interviews with six people of three organisations; of the last one nothing is known.
WHO = {
    "i0": Interviewees(("Ann",), ("North",), ()),
    "i1": Interviewees(("Ann",), ("North",), ()),
    "i2": Interviewees(("Bo",), ("North",), ()),
    "i3": Interviewees(("Cy",), ("South",), ()),
    "i4": Interviewees(("Di",), ("South",), ()),
    "i5": Interviewees(("Ed",), ("West",), ()),
}
INTERVIEWS = (*WHO, "i6")
REPORTS = ("r0", "r1")
LABELS = {"a": "COUNCIL", "b": "COUNCIL", "c": "COUNCIL", "found:board": "PARTNERSHIP", "": ""}


def make_row(
    document_id, code, entity_id, passage_id, *, access=CLOSED, stance="positive", year=2019, topic=0, text=""
):
    return EvidenceRow(
        entity_id=entity_id,
        entity_name=MAP.entities[entity_id].name if entity_id in MAP.entities else entity_id,
        entity_label=LABELS[entity_id],
        code=code,
        passage_id=passage_id,
        coder="model",
        tie="named" if entity_id else "none",
        stance=stance,
        score=0.8,
        document_id=document_id,
        document=document_id,
        kind="report" if document_id in REPORTS else "transcript",
        year=year,
        access=access,
        synthetic=True,
        section="Ann Weir, leader",
        page=None,
        speaker=None if document_id in REPORTS else "Interviewee",
        topic=topic,
        review=False,
        sentence="",
        terms="trust",
        quote=text or f"Words of {passage_id}.",
    )


def out(rows, who=WHO, rule=RULE, **tables):
    documents = [make_document(i) for i in REPORTS]
    documents += [make_document(i, access=CLOSED, kind="transcript", title=i) for i in INTERVIEWS]
    passages = {row.passage_id: make_passage(row.quote, row.passage_id, document_id=row.document_id) for row in rows}
    # somebody of every interview said something without a code: who was interviewed is no secret of a cell
    passages |= {f"{i}:9999": make_passage("Well.", f"{i}:9999") for i in INTERVIEWS}
    tables = {"rows": rows, "documents": documents, "passages": list(passages.values()), **tables}
    return release(Tables(**tables), CODES, MAP, who, rule)


def cell(released, kind, row_id, code="trust"):
    return next((c for c in released.cells if (c.rows, c.row_id, c.code) == (kind, row_id, code)), None)


def said(document_ids, entity_id="a", code="trust"):
    return [make_row(i, code, entity_id, f"{i}:{n:04d}") for n, i in enumerate(document_ids, start=1)]


PUBLIC = make_row("r0", "risk", "a", "r0:0001", access="public")


# ---------------------------------------------------------------------------------------------------------------------
# The rule


@pytest.mark.parametrize(
    ("interviews", "shown"),
    [
        (["i0"], False),
        (["i0", "i2"], False),
        (["i0", "i0", "i0", "i0"], False),
        (["i0", "i1", "i3"], False),  # Ann twice
        (["i0", "i2", "i6"], False),  # one organisation, and one that may be the same
        (["i0", "i2", "i3"], True),
        (["i0", "i3", "i6"], True),
    ],
)
def test_a_cell_needs_three_interviewees_of_two_organisations(interviews, shown):
    released = out([PUBLIC, *said(interviews)]).released
    found = cell(released, "council", "a")
    assert found.suppressed is not shown
    assert (found.n_passages, found.n_closed) == ((len(interviews),) * 2 if shown else (0, 0))


def test_without_a_list_of_interviewees_nothing_of_theirs_is_counted():
    released = out([PUBLIC, *said(["i0", "i2", "i3", "i4", "i5"])], who={}).released
    assert cell(released, "council", "a").suppressed
    assert not [row for row in released.rows if row.access == CLOSED]


def test_public_evidence_is_counted_alone_where_the_rest_is_withheld():
    rows = [PUBLIC, make_row("r1", "trust", "a", "r1:0001", access="public"), *said(["i0", "i3"])]
    found = cell(out(rows).released, "council", "a")
    assert (found.n_passages, found.n_closed, found.n_documents, found.n_sources) == (1, 0, 1, 1)
    assert found == cell(out(rows[:2]).released, "council", "a")


def test_what_is_counted_has_no_stance_and_stands_in_no_other_table():
    released = out([PUBLIC, *said(["i0", "i2", "i3"])]).released
    for kind, row_id in (("council", "a"), ("county", "k"), ("today", "n")):
        found = cell(released, kind, row_id)
        assert (found.n_passages, found.n_closed, found.n_sources) == (3, 3, 3)
        assert (found.positive, found.negative, found.neutral, found.mean_score, found.n_named) == (0, 0, 0, None, 0)
    assert {c.row_id for c in released.cells if c.rows in ("document", "topic", "year")} == {"r0", "0", "2019"}
    assert {c.code for c in released.cells if c.rows in ("document", "topic", "year")} == {"risk"}


def test_a_row_known_from_too_few_interviews_alone_is_not_listed():
    released = out([PUBLIC, *said(["i0"], "c"), *said(["i2"], "found:board")]).released
    assert {c.row_id for c in released.cells if c.rows in ("council", "partnership")} == {"a"}


def test_quotes_are_one_from_each_interviewee_without_names_or_source():
    rows = said(["i0", "i0", "i1", "i2", "i3", "i4", "i6"])
    released = out([PUBLIC, *rows]).released
    quotes = [row for row in released.rows if row.access == CLOSED]
    assert len(quotes) == 3  # five people: rounded down to a multiple of three
    for row in quotes:
        assert (row.entity_id, row.document_id, row.year, row.section, row.speaker, row.topic) == (
            "",
            "",
            None,
            "",
            None,
            None,
        )
        assert row.passage_id.startswith("not-for-attribution:trust:")
    assert out([PUBLIC, *reversed(rows)]).released == released


def test_names_in_a_quote_are_masked():
    gazetteer = Gazetteer([*MAP.entities.values()], [("Anham", "bare", "a"), ("Council A", "full", "a")])
    texts = ["The Moor Board met at Anham.", "In Council\nA the Moor Board met.", "Anhamers met."]
    rows = [make_row(i, "trust", "", f"{i}:0001", text=t) for i, t in zip(("i0", "i2", "i3"), texts, strict=True)]
    tables = Tables(
        rows=rows,
        documents=[make_document(i, access=CLOSED) for i in INTERVIEWS],
        passages=[make_passage(r.quote, r.passage_id) for r in rows],
        mentions=[
            make_mention("Moor Board", "i0:0001", 4, "PARTNERSHIP", ()),
            make_mention("Moor Board", "i2:0001", 17, "PARTNERSHIP", ()),
        ],
    )
    released = release(tables, CODES, gazetteer, WHO, RULE).released
    assert {row.quote for row in released.rows} == {
        "The [partnership] met at [council].",
        "In [council] the [partnership] met.",
        "Anhamers met.",
    }


def test_the_owner_is_told_what_was_withheld_and_why():
    gated = out([PUBLIC, *said(["i0", "i2", "i3"]), *said(["i0"], "b"), *said(["i0"], "a", "risk")])
    told = {(w.what, w.row_id, w.code): (w.done, w.reason) for w in gated.withheld}
    assert told["cell", "a", "trust"][0] == "generalised"
    assert told["cell", "a", "risk"] == ("withheld", "fewer than 3 interviewees")
    assert told["row", "b", ""][0] == "withheld"
    assert told["quotes", "", "risk"][0] == "withheld"
    assert {w.row_id for w in gated.withheld if w.what == "document"} == set(INTERVIEWS)


def test_an_off_record_passage_is_closed_in_an_open_document():
    row = make_row("r0", "trust", "a", "r0:0002", access=CLOSED)
    released = out([PUBLIC, row]).released
    assert {p.passage_id for p in released.passages} == {"r0:0001"}
    assert next(d for d in released.documents if d.document_id == "r0").text == ""
    assert cell(released, "document", "r0") is None


def test_a_threshold_below_three_is_refused(tmp_path):
    from collabnlp.params import load_params

    (tmp_path / "params.yaml").write_text("evidence:\n  min_interviews: 2\n")
    with pytest.raises(InputError, match="min_interviews"):
        load_params(tmp_path / "params.yaml")


# ---------------------------------------------------------------------------------------------------------------------
# Nothing can be worked out: worlds that differ in what is withheld look the same in every view

contributions = st.tuples(
    st.sampled_from(INTERVIEWS),
    st.sampled_from(CODES),
    st.sampled_from(tuple(LABELS)),
    st.sampled_from(("positive", "negative")),
)
openly = st.tuples(
    st.sampled_from(REPORTS), st.sampled_from(CODES), st.sampled_from(tuple(LABELS)), st.integers(2017, 2020)
)
FILTERS = {
    "positive": lambda row: row.stance == "positive",
    "2018 on": lambda row: row.year is not None and row.year >= 2018,
    "to 2018": lambda row: row.year is not None and row.year <= 2018,
    "council a": lambda row: row.entity_id == "a",
    "not council a": lambda row: row.entity_id != "a",
    "trust": lambda row: row.code == "trust",
    "public": lambda row: row.access == "public",
    "closed": lambda row: row.access == CLOSED,
    "report r0": lambda row: row.document_id == "r0",
    "topic 0": lambda row: row.topic == 0,
    "words": lambda row: "1" in row.quote,
}


def rows_of(told, kept):
    rows = [
        make_row(d, code, e, f"{d}:{n:04d}", access="public", year=y) for n, (d, code, e, y) in enumerate(told, start=1)
    ]
    return rows + [make_row(d, code, e, f"{d}:{n:04d}", stance=s) for n, (d, code, e, s) in enumerate(kept, start=1)]


def views(world, sequence):
    """All that an attacker may ask for: everything at once, and a sequence of filters, one upon the other and each alone."""
    released = out(world).released
    seen, narrowed = [released], released
    for name in sequence:
        narrowed = select(narrowed, FILTERS[name], CODES, MAP)
        seen += [narrowed, select(released, FILTERS[name], CODES, MAP)]
    return seen


def variants(rows):
    """Worlds that differ from this one in one contribution that is withheld, with the same cells marked as withheld."""
    behind = Behind(WHO)
    of_cell, of_code = defaultdict(list), defaultdict(set)
    for row in rows:
        if row.access == CLOSED:
            of_cell[row.entity_id, row.code].append(row)
            of_code[row.code].add(row.document_id)

    def enough(documents):
        documents = set(documents)
        return behind.people(documents) >= RULE.people and behind.organisations(documents) >= RULE.organisations

    dark = {key for key, own in of_cell.items() if key[0] and not enough(r.document_id for r in own)}
    silent = {code for code in CODES if not enough(of_code[code])}
    for i, row in enumerate(rows):
        if row.access != CLOSED or (row.entity_id, row.code) not in dark:
            continue
        rest = rows[:i] + rows[i + 1 :]
        cell_of_row = of_cell[row.entity_id, row.code]
        if row.code in silent:
            # said another way, in another year, of another topic; said twice; by another interviewee; not said
            yield [*rest, row.model_copy(update={"stance": "neutral", "year": 1999, "topic": 7, "quote": "Else."})]
            yield [*rows, row.model_copy(update={"passage_id": f"{row.document_id}:8888"})]
            for other in INTERVIEWS:
                moved = {r.document_id for r in cell_of_row if r is not row} | {other}
                if not enough(moved) and not enough((of_code[row.code] - {row.document_id}) | {row.document_id, other}):
                    yield [
                        *rest,
                        row.model_copy(update={"document_id": other, "document": other, "passage_id": f"{other}:8888"}),
                    ]
            if len(cell_of_row) > 1:
                yield rest
        elif len(cell_of_row) > 1:  # the words may be among the quotes: what they are tied to is withheld
            yield [
                *rest,
                row.model_copy(update={"entity_id": "", "entity_name": "", "entity_label": "", "tie": "none"}),
            ]
            for entity_id, code in dark:
                if code == row.code and not enough(
                    {row.document_id, *(r.document_id for r in of_cell[entity_id, code])}
                ):
                    named = {"entity_id": entity_id, "entity_name": make_row("i0", code, entity_id, "x").entity_name}
                    yield [*rest, row.model_copy(update={**named, "entity_label": LABELS[entity_id]})]


@settings(max_examples=150, deadline=None)
@given(
    told=st.lists(openly, max_size=6),
    kept=st.lists(contributions, min_size=1, max_size=12),
    sequence=st.lists(st.sampled_from(sorted(FILTERS)), max_size=4),
)
def test_no_suppressed_count_can_be_worked_out(told, kept, sequence):
    world = rows_of(told, kept)
    others = list(itertools.islice(variants(world), 12))
    assume(others)
    seen = views(world, sequence)
    for other in others:
        assert views(other, sequence) == seen


@settings(max_examples=100, deadline=None)
@given(told=st.lists(openly, max_size=6), kept=st.lists(contributions, max_size=14))
def test_whatever_is_shown_of_interviews_has_enough_people_behind_it(told, kept):
    rows, behind = rows_of(told, kept), Behind(WHO)
    released = out(rows).released
    of_cell, of_code = defaultdict(set), defaultdict(set)
    for row in rows:
        if row.access == CLOSED:
            of_cell[row.entity_id, row.code].add(row.document_id)
            of_code[row.code].add(row.document_id)
    for found in released.cells:
        if found.n_closed and found.rows in ("council", "partnership"):
            documents = of_cell[found.row_id, found.code]
            assert behind.people(documents) >= 3
            assert behind.organisations(documents) >= 2
        if found.suppressed:
            assert found.n_passages == found.n_closed == found.n_documents == found.n_sources == 0
            assert any(c.row_id == found.row_id and c.rows == found.rows and not c.suppressed for c in released.cells)
        assert found.positive + found.negative + found.neutral == found.n_passages - found.n_closed
    for code in CODES:
        n = sum(row.access == CLOSED and row.code == code for row in released.rows)
        assert n % 3 == 0
        assert not n or (behind.people(of_code[code]) >= 3 and behind.organisations(of_code[code]) >= 2)


@settings(max_examples=60, deadline=None)
@given(told=st.lists(openly, min_size=1, max_size=6), kept=st.lists(contributions, max_size=14))
def test_open_numbers_are_those_of_open_sources_alone(told, kept):
    with_all, alone = (out(rows_of(told, rows)).released for rows in (kept, []))
    for found in alone.cells:
        same = cell(with_all, found.rows, found.row_id, found.code)
        open_part = same.model_copy(
            update={
                "n_passages": same.n_passages - same.n_closed,
                "n_closed": 0,
                "n_documents": found.n_documents,
                "n_sources": found.n_sources,
            }
        )
        assert open_part == found


def test_the_search_answers_alike_in_worlds_that_differ_in_what_is_withheld(tmp_path, codebook):
    world = rows_of(
        [("r0", "trust", "a", 2018), ("r1", "risk", "b", 2019)],
        [("i0", "trust", "b", "positive"), ("i2", "trust", "b", "negative")],
    )
    others = list(variants(world))
    assert len(others) > 5
    paths = []
    for n, rows in enumerate([world, *others]):
        paths.append(tmp_path / f"{n}.db")
        build_index(paths[-1], out(rows).released, codebook=codebook, gazetteer=MAP, encoder=FakeEncoder())
    assert len({path.read_bytes() for path in paths}) == 1
    assert len(search(paths[0], limit=0).rows) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Only through the gate


def test_nobody_else_makes_what_may_leave():
    with pytest.raises(TypeError, match=r"only collabnlp\.release"):
        Released(gate=None)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(out([PUBLIC]).released, rows=())


def test_rows_that_have_not_been_through_do_not_come_back_as_released():
    released = out([PUBLIC, *said(["i0", "i2", "i3"])]).released
    assert reread(released.rows).rows == released.rows
    with pytest.raises(TypeError, match="has not come through"):
        reread(said(["i0"]))


INSIDE = {
    "cli", "cli_code", "llm", "stages", "audit", "tagger", "effort", "exchange", "review", "desk", "shelf",
}  # fmt: skip


def exporting_modules():
    """Modules beside or above the gate, but for the command line, stages, the audit, and what is for the project's own coders.

    Tagging packs, the desk where a coder reads on this machine, and what comes back of both hold no evidence: passages
    under pseudonyms, marked as such. What a language
    model is sent goes by its address (test_llm.py, test_llm_run.py).
    """
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    names = {name for layer in itertools.takewhile(lambda x: x != "release", layers) for name in layer.split(" | ")}
    for name in sorted(names - INSIDE):
        base = ROOT / "src" / "collabnlp" / name
        files = sorted(base.rglob("*.py")) if base.is_dir() else [base.with_suffix(".py")]
        yield from (path for path in files if (path.parent.name, path.stem) not in PACKS)


PACKS = {("export", name) for name in ("annotate", "comments", "pack", "projects", "qdpx", "report", "sheet")}


CONTENT = {
    *(
        "EvidenceRow",
        "MatrixCell",
        "Passage",
        "Document",
        "EntityMention",
        "EntityLink",
        "FoundEntity",
        "Relation",
        "Topic",
    ),
    *("TopicAssignment", "PassageTag", "TagReason", "Tables", "Gated", "Block"),
}
RAW = {"read_table", "read_jsonl", "read_parquet", "read_tables", "release", "build_rows", "read_blocks", "read_apart"}
RAW_TABLES = {"collabnlp.records.Table", "collabnlp.records.RowGroups"}  # the pages have tables of their own
ROWS_ONLY = {"citation"}  # says where a row stands that it is handed; writes nothing


def past_the_gate(source):
    """What in a module could go past the gate: functions that take unreleased records, or read them, or are no exporter."""
    tree = ast.parse(source)
    faults = [
        f"imports {alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("collabnlp", "pyarrow"))
        for alias in node.names
        if alias.name in RAW or f"{node.module}.{alias.name}" in RAW_TABLES
    ]
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    for node in functions:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        words = {w for a in arguments if a.annotation for w in re.findall(r"\w+", ast.unparse(a.annotation))}
        marked = any(isinstance(d, ast.Name) and d.id == "exporter" for d in node.decorator_list)
        if words & CONTENT and node.name not in ROWS_ONLY:
            faults.append(f"{node.name} takes {', '.join(sorted(words & CONTENT))}")
        if "Released" in words and not marked and node in tree.body:
            faults.append(f"{node.name} is no @exporter")
    return faults


@pytest.mark.parametrize("path", list(exporting_modules()), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_exporter_goes_past_the_gate(path):
    assert past_the_gate(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("def write_x(path: str, rows: Sequence[EvidenceRow]) -> None: ...", "write_x takes EvidenceRow"),
        ("def serve(passages: dict[str, Passage]) -> None: ...", "serve takes Passage"),
        ("def write_x(path: str, released: Released) -> None: ...", "write_x is no @exporter"),
        ("from collabnlp.records import read_table", "imports read_table"),
        ("from collabnlp.records import Table", "imports Table"),
        ("def f():\n    from collabnlp.release import read_tables", "imports read_tables"),
        ("def write_x(tables: Tables) -> None: ...", "write_x takes Tables"),
    ],
)
def test_the_check_finds_an_exporter_that_goes_past(source, fault):
    assert past_the_gate(source) == [fault]


def test_an_exporter_refuses_rows_that_are_not_released(tmp_path):
    @exporter
    def write(path, released):
        path.write_text("written")

    for raw in ([PUBLIC], Tables(rows=[PUBLIC])):
        with pytest.raises(TypeError, match="and nothing else"):
            write(tmp_path / "x", raw)
    assert not (tmp_path / "x").exists()


def stage_writes():
    """(stage, file) for each file of RELEASED that a stage names in a call of a function of records."""
    for path in sorted((ROOT / "src" / "collabnlp" / "stages").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("write_csv", "write_table", "write_text", "write_json", "write_jsonl")
            ):
                parts = [n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant)]
                name = "/".join(p for p in ("plots", *parts[-1:]) if p != "plots" or "plots" in parts)
                if name in RELEASED:
                    yield path.stem, name


def test_stages_write_what_is_handed_on_through_exporters():
    """But for figures about the gold, which holds no source's words, and merges left to a person, made of open mentions."""
    assert {stage for stage, _ in stage_writes()} == {"evaluate", "relations"}
    assert [name for stage, name in stage_writes() if stage == "relations"] == ["doubtful_merges.csv"]


def test_what_is_handed_on_is_made_by_the_pipeline():
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    outs = {
        out
        for stage in stages.values()
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]
        if isinstance(out, str)
    }
    assert {f"outputs/{name}" for name in RELEASED} <= outs
    assert {out for out in outs if out.startswith("outputs/")} - {"outputs/audit.csv"} <= set(stages["audit"]["deps"])


# ---------------------------------------------------------------------------------------------------------------------
# A planted secret in every format

SECRET = "Zyxquell"


@pytest.fixture
def planted():
    """One public report, and one interview whose every part holds the secret."""
    closed = make_document(
        "zyxquell-talk", access=CLOSED, kind="transcript", title=f"Talk with {SECRET}", publisher=SECRET, text=SECRET
    )
    told = make_passage("Council A trusts Council B.", "r0:0001")
    kept = make_passage(
        f"{SECRET} of Zyxquell Board and Council A said so.", "zyxquell-talk:0001", section=(SECRET,), speaker=SECRET
    )
    row = make_row("r0", "trust", "a", "r0:0001", access="public", text=told.text)
    shut = make_row("zyxquell-talk", "trust", "a", kept.passage_id, text=kept.text).model_copy(
        update={"section": SECRET, "speaker": SECRET, "sentence": kept.text, "terms": SECRET, "document": closed.title}
    )
    named = shut.model_copy(
        update={"entity_id": "found:zyxquell-board", "entity_name": "Zyxquell Board", "entity_label": "PARTNERSHIP"}
    )
    entity = FoundEntity(
        entity_id="a", name="Council A", label="COUNCIL", listed=True, aliases=("Council A",), first_year=2019, last_year=2019,
        n_mentions=2, n_passages=2, documents=("r0", "zyxquell-talk"), access="public",
    )  # fmt: skip
    board = entity.model_copy(
        update={"entity_id": "found:zyxquell-board", "name": "Zyxquell Board", "label": "PARTNERSHIP", "listed": False,
                "aliases": ("Zyxquell Board",), "documents": ("zyxquell-talk",), "access": CLOSED}
    )  # fmt: skip
    mentions = [
        make_mention("Council A", "r0:0001", ids=("a",)),
        make_mention("Zyxquell Board", "zyxquell-talk:0001", 12, "PARTNERSHIP", ()),
        make_mention("Council A", "zyxquell-talk:0001", 31, ids=("a",)),
    ]
    links = [
        EntityLink(
            passage_id=m.passage_id,
            start_char=m.start_char,
            end_char=m.end_char,
            label=m.label,
            entity_ids=m.entity_ids or ("found:zyxquell-board",),
        )
        for m in mentions
    ]
    relation = Relation(
        subject_id="a", subject_name="Council A", relation="shares_post_with", object_id="b", object_name="Council B", basis="named",
        document_id="r0", passage_id="r0:0001", start_char=0, end_char=9, year=2019, access="public",
    )  # fmt: skip
    secret = relation.model_copy(
        update={"relation": "member_of", "object_id": "found:zyxquell-board", "object_name": "Zyxquell Board",
                "document_id": "zyxquell-talk", "passage_id": "zyxquell-talk:0001", "access": CLOSED}
    )  # fmt: skip
    listed = secret.model_copy(update={"document_id": "", "passage_id": "", "basis": "gazetteer", "access": "public"})
    tables = Tables(
        rows=[row, shut, named],
        documents=[make_document("r0"), closed],
        passages=[told, kept],
        mentions=mentions,
        links=links,
        entities=[entity, board],
        relations=[relation, secret, listed],
        topics=[
            Topic(topic=0, label="Zyxquell, trusts", terms=("zyxquell", "trusts"), n_passages=2, exemplars=("r0:0001", "zyxquell-talk:0001"), area=0, gloss="", words=()),
            Topic(topic=1, label="Zyxquell", terms=("zyxquell",), n_passages=1, exemplars=("zyxquell-talk:0001",), area=0, gloss="", words=()),
        ],
        assignments=[
            TopicAssignment(passage_id="r0:0001", topic=0, score=0.5, area=0),
            TopicAssignment(passage_id="zyxquell-talk:0001", topic=0, score=0.5, area=0),
        ],
    )  # fmt: skip
    gated = release(tables, CODES, MAP, {}, RULE)
    assert SECRET.casefold() in str(gated.withheld).casefold()  # the owner is told
    return gated.released


def found_in(path, released, codebook):
    """What a search of an index of the released finds: everything."""
    build_index(path.with_suffix(".db"), released, codebook=codebook, gazetteer=MAP, encoder=FakeEncoder())
    return search(path.with_suffix(".db"), "council trusts", encoder=FakeEncoder(), limit=0).hits


def calls(codebook):
    """For each exporter, how to have it write or give text: a new exporter needs a line here."""
    titles = {c.code: c.title for c in codebook.codes}
    entity = {"gazetteer": MAP, "titles": titles}
    return {
        "build_index": lambda f, path, r: f(
            path.with_suffix(".db"), r, codebook=codebook, gazetteer=MAP, encoder=FakeEncoder()
        ),
        "build_network": lambda f, path, r: str(f(r).nodes(data=True)) + str(f(r).edges(data=True)),
        "choose_rows": lambda f, path, r: f(r, 1),
        "find_entity": lambda f, path, r: f("Council A", r, MAP, "x"),
        "format_evidence_difference": lambda f, path, r: [
            f(*pair, form, matched={}, titles=titles)
            for form in ("table", "md", "csv", "jsonl")
            for pair in ((r, reread([])), (reread([]), r))
        ],
        "format_entities": lambda f, path, r: [f(r, form) for form in ("table", "csv", "jsonl")],
        "format_entity": lambda f, path, r: [f("a", r, form, **entity) for form in ("table", "csv", "jsonl")],
        "one_a_code": lambda f, path, r: [repr(row) for row in f(r)],
        "format_hits": lambda f, path, r: [
            f(r, found_in(path, r, codebook), form, titles) for form in ("table", "csv", "jsonl", "md")
        ],
        "quote_rows": lambda f, path, r: f(r),
        "write_cells": lambda f, path, r: f(path.with_suffix(".parquet"), r),
        "write_graphml": lambda f, path, r: f(path.with_suffix(".graphml"), r),
        "write_heat_map": lambda f, path, r: [
            f(path.with_name(kind), r, codebook, kind=kind, title="Map")
            for kind in ("council", "partnership", "document")
        ],
        "write_hits_workbook": lambda f, path, r: f(path.with_suffix(".xlsx"), r, found_in(path, r, codebook), titles),
        "write_map": lambda f, path, r: f(path.with_suffix(".html"), r, codebook=codebook, gazetteer=MAP),
        "write_network": lambda f, path, r: f(path.with_suffix(""), r, title="Network"),
        "write_rows": lambda f, path, r: f(path.with_suffix(".csv"), r),
        "write_workbook": lambda f, path, r: f(path.with_name("w.xlsx"), r, codebook=codebook, agreement=[], method={}),
    }


def exporters():
    for path in exporting_modules():
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if (
                function.__module__ == module.__name__
                and hasattr(function, "__wrapped__")
                and "Released" in str(inspect.signature(function))
            ):
                yield name, function


@pytest.mark.parametrize(
    ("name", "function"), list(exporters()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_format_holds_a_planted_secret(name, function, planted, codebook, tmp_path):
    given_back = calls(codebook)[name](function, tmp_path / "file", planted)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert given_back or written
    assert "Council A" in str(given_back) + "".join(
        text for path in written for text in texts_of(path)
    ) or ".png" in str(written)
    assert SECRET.casefold() not in str(given_back).casefold()
    for path in written:
        assert not any(SECRET.casefold() in text.casefold() for text in texts_of(path)), path.name


@pytest.fixture
def off_record():
    """Enough interviews behind a cell to quote; in half of them the words were said off the record, and in a report some."""
    rows = [
        make_row(i, "trust", "a", f"{i}:0001", text=f"Trust is what {i} has, and Council A.")
        for i in ("i0", "i2", "i3")
    ]
    rows += [make_row(i, "trust", "a", f"{i}:0002", text=f"{SECRET} {i} drank.") for i in INTERVIEWS]
    rows = [row.model_copy(update={"score": 0.99}) if SECRET in row.quote else row for row in rows]
    rows += [make_row("r0", "trust", "a", "r0:0001", access="public", text="Council A trusts.")]
    rows += [make_row("r0", "trust", "a", "r0:0002", text=f"{SECRET} in a report.")]
    passages = [
        make_passage(r.quote, r.passage_id, access=r.access, off_record=SECRET in r.quote)
        for r in rows
    ]  # fmt: skip
    entity = FoundEntity(
        entity_id="a", name="Council A", label="COUNCIL", listed=True, aliases=("Council A",), first_year=2019, last_year=2019,
        n_mentions=1, n_passages=1, documents=("r0",), access="public",
    )  # fmt: skip
    mention = make_mention("Council A", "r0:0001", ids=("a",))
    link = EntityLink(**{name: getattr(mention, name) for name in columns(EntityLink)})
    return out(rows, passages=passages, entities=[entity], mentions=[mention], links=[link])


def test_what_is_off_the_record_counts_and_is_never_quoted(off_record):
    quotes = [row.quote for row in off_record.released.rows if row.access == CLOSED]
    assert len(quotes) == 3
    assert not any(SECRET in quote for quote in quotes)
    assert cell(off_record.released, "council", "a").n_closed > 3
    told = [row for row in off_record.withheld if row.reason == "said off the record: never quoted"]
    assert {row.row_id for row in told} == {f"{i}:0002" for i in (*INTERVIEWS, "r0")}


@pytest.mark.parametrize(
    ("name", "function"), list(exporters()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_format_quotes_what_is_off_the_record(name, function, off_record, codebook, tmp_path):
    given_back = calls(codebook)[name](function, tmp_path / "file", off_record.released)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert given_back or written
    assert SECRET.casefold() not in str(given_back).casefold()
    for path in written:
        assert not any(SECRET.casefold() in text.casefold() for text in texts_of(path)), path.name


def test_a_search_does_not_find_what_is_off_the_record(off_record, codebook, tmp_path):
    build_index(tmp_path / "x.db", off_record.released, codebook=codebook, gazetteer=MAP)
    assert search(tmp_path / "x.db", SECRET).rows == ()
    assert search(tmp_path / "x.db", "trust").rows


def test_a_withheld_cell_is_told_from_an_empty_one_and_explained(codebook, tmp_path):
    released = out([PUBLIC, *said(["i0"])]).released
    write_workbook(tmp_path / "w.xlsx", released, codebook=codebook, agreement=[], method={})
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    for sheet in ("Councils", "Counties", "Councils today"):
        header, line = ([cell.value for cell in book[sheet][n]] for n in (3, 4))
        shown = dict(zip(header, line, strict=True))
        assert (shown["Trust"], shown["Attitude to risk"], shown["Selflessness"]) == ("[c]", 1, 0)
        assert shown["All codes"] == 1
    notes = {row[0]: row[1] for row in book["Notes"].iter_rows(values_only=True)}
    assert notes["[c]"].startswith("In a matrix: withheld")
    assert "3 interviewees of 2 organisations" in notes["What is left out"]


def test_a_search_of_an_index_does_not_know_the_secret(planted, codebook, tmp_path):
    build_index(tmp_path / "x.db", planted, codebook=codebook, gazetteer=MAP)
    assert search(tmp_path / "x.db", SECRET).rows == ()
    for filters in ({"place": "Zyxquell Board"}, {"document": "zyxquell"}):
        with pytest.raises(InputError, match="no evidence here"):
            search(tmp_path / "x.db", **filters)


# ---------------------------------------------------------------------------------------------------------------------
# private/interviewees.csv


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("document_id,people\ni0,Ann Weir\n", "row 1: has other columns"),
        ("document_id,people,organisations,places\ni0,Ann Weir\n", "row 2: has 2 cells"),
        ("document_id,people,organisations,places\n,Ann Weir,,\n", "row 2: has no document_id"),
        (
            "document_id,people,organisations,places\ni0,Ann Weir,,\ni0,Ann Weir,,\n",
            "row 3: its document_id stands twice",
        ),
        ('document_id,people,organisations,places\ni0,"Ann Weir,,\n', "is not CSV"),
        ("", "row 1: has other columns"),
    ],
)
def test_a_broken_list_of_interviewees_is_one_line_that_names_nobody(tmp_path, text, problem):
    (tmp_path / "interviewees.csv").write_text(text)
    with pytest.raises(InputError) as error:
        load_interviewees(tmp_path / "interviewees.csv")
    assert problem in str(error.value)
    assert "Weir" not in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_list_of_interviewees_may_be_missing(tmp_path):
    assert load_interviewees(tmp_path / "interviewees.csv") == {}
    (tmp_path / "interviewees.csv").write_text("document_id,people,organisations,places\ni0, Ann Weir ; Bo ,,\n\n")
    assert load_interviewees(tmp_path / "interviewees.csv") == {"i0": Interviewees(("Ann Weir", "Bo"), (), ())}


def test_documents_joined_by_people_count_as_one():
    known = {i: Interviewees(people, (), ()) for i, people in {"x": ("A", "B"), "y": ("C",), "z": ("b", " c ")}.items()}
    assert Behind(known).people(["x", "y", "z", "w"]) == 2
