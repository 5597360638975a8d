"""Rows gone through from disk: the gate decides as it does over lists, and nothing is lost or doubled on the way."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collabnlp.evidence import build_rows
from collabnlp.gazetteer import Entity, Gazetteer
from collabnlp.interviewees import Interviewees
from collabnlp.records import (
    Document,
    EntityLink,
    EntityMention,
    EvidenceRow,
    FoundEntity,
    Passage,
    PassageTag,
    Relation,
    Topic,
    TopicAssignment,
    columns,
    key_of,
    write_table,
)
from collabnlp.release import Rule, Tables, read_tables, release
from collabnlp.streams import Beside, Stream, in_batches, sorted_on_disk
from conftest import make_document, make_mention, make_passage, make_tag
from plain_gate import plain_release

CODES = ("trust", "risk")
DOCUMENTS = ("d0", "d1", "d2", "d3", "d4", "d5")
ACCESS = ("public", "attributable", "non-attributable")
WORDS = ("Aham", "council", "trusts", "Bham", "board", "risk", "and", "quietly")
FACTS = {"label": "COUNCIL", "type": "district", "nation": "England", "gss_code": "", "start_date": "", "end_date": ""}
FACTS |= {"members": (), "invented": False, "source": "", "successors": ()}
MAP = Gazetteer(
    [
        Entity(entity_id="k", name="Kshire", parent="", **FACTS),
        Entity(entity_id="a", name="Aham", parent="k", **FACTS),
        Entity(entity_id="b", name="Bham", parent="k", **FACTS),
    ],
    [],
)
FILES = {
    "rows": ("evidence", EvidenceRow),
    "documents": ("documents", Document),
    "passages": ("passages", Passage),
    "mentions": ("mentions", EntityMention),
    "links": ("links", EntityLink),
    "entities": ("entities", FoundEntity),
    "relations": ("relations", Relation),
    "topics": ("topics", Topic),
    "assignments": ("topic_assignments", TopicAssignment),
}


@st.composite
def projects(draw):
    """A small project: documents and passages of any access, mentions that are linked or not, codes of several coders."""
    documents = [
        make_document(i, access=draw(st.sampled_from(ACCESS)), year=2015 + n, text="x", title=f"About {i}",
                      kind=draw(st.sampled_from(("report", "transcript"))))
        for n, i in enumerate(DOCUMENTS)
    ]  # fmt: skip
    sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
    passages, tags, mentions, links, assignments = [], [], [], [], []
    for document in documents:
        for n in range(draw(st.integers(0, 3))):
            own = f"{document.document_id}:{n + 1:04d}"
            access, off = draw(st.sampled_from((*ACCESS, "public", "public"))), draw(st.integers(0, 5)) == 0
            passages.append(make_passage(draw(sentences), own, access=access, off_record=off, speaker=f"P{n}"))
            for code, coder in itertools.product(CODES, ("anna", "model")):
                if draw(st.booleans()):
                    stance, score = draw(st.sampled_from(("positive", "negative"))), None
                    if coder == "model":
                        score = draw(st.sampled_from((0.51, 0.52, 0.9)))
                    tags.append(make_tag(own, code, coder, stance, score))
            for start, (text, ids) in enumerate((("Aham", ("a",)), ("Bham", ("b",)), ("board", ("found:board",)))):
                if draw(st.integers(0, 2)):
                    label = "PARTNERSHIP" if text == "board" else "COUNCIL"
                    mentions.append(make_mention(text, own, start, label, () if text == "board" else ids))
                    links.append(
                        EntityLink(**{c: getattr(mentions[-1], c) for c in columns(EntityLink)} | {"entity_ids": ids})
                    )
            assignments.append(TopicAssignment(passage_id=own, topic=draw(st.integers(-1, 1)), score=0.5, area=0))
    linked = [m.model_copy(update={"entity_ids": link.entity_ids}) for m, link in zip(mentions, links, strict=True)]
    names = ("a", "Aham", "COUNCIL", True), ("found:board", "board", "PARTNERSHIP", False)
    entities = [
        FoundEntity(entity_id=i, name=name, label=label, listed=listed, aliases=(name,), first_year=1, last_year=1, n_mentions=1,
                    n_passages=1, documents=(), access="public")
        for i, name, label, listed in names
    ]  # fmt: skip
    relations = [
        Relation(subject_id="a", subject_name="Aham", relation="member_of", object_id="found:board", object_name="board", basis=basis,
                 document_id=i.split(":")[0], passage_id=i, start_char=0, end_char=1, year=None, access="public")
        for i, basis in (("", "gazetteer"), *((p.passage_id, "named") for p in passages))
    ]  # fmt: skip
    topics = [
        Topic(topic=t, label=label, terms=("board", "quietly"), n_passages=1, exemplars=tuple(p.passage_id for p in passages), area=0,
              gloss="Aham trusts", words=("trusts", "risk"))
        for t, label in ((-1, "Other"), (0, "risk, quietly"), (1, "board"))
    ]  # fmt: skip
    rows = build_rows(
        documents, passages, tags, linked, assignments, MAP, section_entities={}, document_entities={}
    )  # fmt: skip
    who = {
        i: Interviewees((draw(st.sampled_from(("Ann", "Bo", "Cy"))),), (draw(st.sampled_from(("North", "South"))),), ())
        for i in DOCUMENTS
        if draw(st.booleans())
    }
    tables = Tables(
        rows=draw(st.permutations(rows)), documents=documents, passages=passages, mentions=mentions, links=links,
        entities=entities, relations=relations, topics=topics, assignments=assignments,
    )  # fmt: skip
    return tables, who, Rule(draw(st.integers(1, 3)), draw(st.integers(1, 2)))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(project=projects())
def test_from_disk_the_gate_decides_as_it_does_over_lists(project, tmp_path_factory):
    tables, who, rule = project
    folder = tmp_path_factory.mktemp("outputs")
    for field, (name, record) in FILES.items():
        write_table(folder / f"{name}.parquet", getattr(tables, field), record)
    held, read = (release(t, CODES, MAP, who, rule) for t in (tables, read_tables(folder)))
    assert isinstance(read.released.rows, Stream)
    expected = plain_release(tables, CODES, MAP, who, rule)
    for name, value in expected.items():
        for gated in (held, read):
            own = getattr(gated.released, name)
            assert (own if isinstance(own, str) else list(own)) == value, name
    assert held.withheld == read.withheld


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), unique=True), st.integers(1, 5))
def test_rows_sorted_on_disk_are_those_sorted_in_memory(tmp_path_factory, pairs, run):
    rows = [make_tag(f"{letter}:{n:04d}") for letter, n in pairs]
    folder = tmp_path_factory.mktemp("runs")
    assert list(sorted_on_disk(rows, PassageTag, folder, run=run)) == sorted(rows, key=key_of)
    assert not list(folder.iterdir())


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdefg")))
def test_beside_a_passage_stand_its_rows_and_no_others(passages, asked):
    rows = [make_tag(i, coder=str(n)) for n, i in enumerate(sorted(passages))]
    beside = Beside(rows)
    assert {i: beside.of(i) for i in sorted(asked)} == {i: [r for r in rows if r.passage_id == i] for i in asked}


@pytest.mark.parametrize(("n", "sizes"), [(2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_batches_hold_all_in_order(n, sizes):
    batches = list(in_batches(range(5), n))
    assert [len(batch) for batch in batches] == sizes
    assert list(itertools.chain(*batches)) == list(range(5))
