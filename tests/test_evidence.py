import pytest

from collabnlp.clusters import cluster
from collabnlp.evidence import Named, build_matrix, build_rows, section_sizes, strongest
from collabnlp.gazetteer import slug
from conftest import make_document, make_mention, make_passage, make_tag


def rows_of(gazetteer, passages, tags, mentions=(), documents=None, **changes):
    documents = documents or [make_document()]
    return build_rows(
        documents,
        passages,
        tags,
        list(mentions),
        [],
        gazetteer,
        **{"section_entities": {}, "document_entities": {}, **changes},
    )


KENT = Named("kent", "Kent County Council", "COUNCIL")


def test_a_passage_is_tied_to_what_it_names(gazetteer):
    (row,) = rows_of(gazetteer, [make_passage("Kent County Council agreed.")], [make_tag()], [make_mention()])
    assert (row.entity_id, row.tie, row.quote) == ("kent", "named", "Kent County Council agreed.")


def test_a_tag_without_entity_keeps_its_row(gazetteer):
    (row,) = rows_of(gazetteer, [make_passage()], [make_tag()])
    assert (row.entity_id, row.tie) == ("", "none")


def test_the_section_ties_only_where_no_council_is_named(gazetteer):
    passages = [
        make_passage("The county council agreed.", "report:0001", section=("Kent",)),
        make_passage("Suffolk agreed.", "report:0002", section=("Kent",)),
    ]
    mentions = [make_mention("Suffolk", "report:0002", ids=("suffolk",))]
    rows = rows_of(
        gazetteer, passages, [make_tag(p.passage_id) for p in passages], mentions, section_entities={("Kent",): [KENT]}
    )
    assert [(r.entity_id, r.tie) for r in rows] == [("kent", "section"), ("suffolk", "named")]


def test_the_title_of_a_source_not_for_attribution_ties_nothing(gazetteer):
    for access, tie in (("public", "document"), ("non-attributable", "none")):
        rows = rows_of(
            gazetteer,
            [make_passage()],
            [make_tag()],
            documents=[make_document(access=access)],
            document_entities={"report": [KENT]},
        )
        assert [r.tie for r in rows] == [tie]


def test_an_unlisted_name_is_one_entity_however_written(gazetteer):
    texts = ["Moor Public Sector Leaders", "The Moor public sector leaders", "MPSL"]
    passages = [make_passage(text, f"report:{i:04d}") for i, text in enumerate(texts)]
    mentions = [make_mention(p.text, p.passage_id, label="PARTNERSHIP", ids=()) for p in passages]
    links, entities, _ = cluster(mentions, passages, [make_document()], gazetteer)
    linked = [m.model_copy(update={"entity_ids": link.entity_ids}) for m, link in zip(mentions, links, strict=True)]
    names = {e.entity_id: Named(e.entity_id, e.name, e.label) for e in entities}
    rows = rows_of(gazetteer, passages, [make_tag(p.passage_id) for p in passages], linked, names=names)
    assert {(r.entity_id, r.entity_name) for r in rows} == {
        ("found:moor-public-sector-leaders", "Moor Public Sector Leaders")
    }
    assert len(rows) == 3


def test_an_unlisted_name_without_link_gets_its_own_id(gazetteer):
    mention = make_mention("The Moor  Board", label="PARTNERSHIP", ids=())
    (row,) = rows_of(gazetteer, [make_passage("The Moor  Board")], [make_tag()], [mention])
    assert (row.entity_id, row.entity_name) == ("found:moor-board", "The Moor Board")


def test_what_is_invented_says_so(gazetteer):
    (row,) = rows_of(
        gazetteer, [make_passage("Harrowmere agreed.")], [make_tag()], [make_mention("Harrowmere", ids=("harrowmere",))]
    )
    assert row.entity_name.endswith("(invented)")


def test_every_matrix_adds_up_to_its_evidence(gazetteer):
    passages = [make_passage("x", f"report:{i:04d}", section=("S",)) for i in range(1, 6)]
    tags = [make_tag(p.passage_id, code) for p in passages for code in ("trust", "risk")]
    mentions = [make_mention("Kent County Council", p.passage_id) for p in passages[:3]]
    rows = rows_of(gazetteer, passages, tags, mentions)
    cells = build_matrix(rows, ["trust", "risk"], gazetteer, topic_labels={})
    for kind, total in (("document", 10), ("year", 10), ("council", 6), ("county", 6), ("today", 6)):
        assert sum(c.n_passages for c in cells if c.rows == kind) == total
    assert all(c.positive + c.negative + c.neutral == c.n_passages for c in cells)


def test_two_coders_of_one_passage_count_it_once_and_people_come_first(gazetteer):
    tags = [make_tag(), make_tag(coder="ann", stance="negative", score=None)]
    (cell,) = (
        c
        for c in build_matrix(rows_of(gazetteer, [make_passage()], tags), ["trust"], gazetteer, topic_labels={})
        if c.rows == "document"
    )
    assert (cell.n_passages, cell.negative, cell.mean_score) == (1, 1, 0.8)


def test_the_strongest_quote_names_the_row(gazetteer):
    passages = [
        make_passage("The county council.", "report:0001", section=("Kent",)),
        make_passage("Kent County Council.", "report:0002"),
    ]
    rows = rows_of(
        gazetteer,
        passages,
        [make_tag("report:0001", score=0.99), make_tag("report:0002", score=0.4)],
        [make_mention(passage_id="report:0002")],
        section_entities={("Kent",): [KENT]},
    )
    assert [r.tie for r in strongest(rows)] == ["named", "section"]


def test_a_section_counts_what_stands_below_it():
    sizes = section_sizes([make_passage(section=("A",)), make_passage(section=("A", "B"))])
    assert sizes == {("A",): 2, ("A", "B"): 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("The Kent Leaders’ Group", "kent-leaders-group"), ("Fen & Moor", "fen-and-moor"), ("Café", "cafe")],
)
def test_names_become_ids(name, expected):
    assert slug(name) == expected
