import random

import pytest

from collabnlp.clusters import cluster, normal_form
from collabnlp.gazetteer import Gazetteer
from conftest import make_document, make_mention, make_passage


def clustered(gazetteer, *texts, label="PARTNERSHIP", years=None, closed=(), shuffle=None):
    """Texts with [names] in square brackets, `document| text`; a passage each."""
    passages, mentions = [], []
    for i, line in enumerate(texts, start=1):
        document_id, _, text = line.rpartition("|")
        passage_id, plain = f"{document_id or 'report'}:{i:04d}", ""
        for j, part in enumerate(text.replace("]", "[").split("[")):
            if j % 2:
                found = gazetteer.aliases.get(part, ("", ()))[1]
                mentions.append(make_mention(part, passage_id, len(plain), label, found[:1]))
            plain += part
        passages.append(make_passage(plain, passage_id))
    documents = [
        make_document(d, year=(years or {}).get(d, 2019), access="non-attributable" if d in closed else "public")
        for d in sorted({p.document_id for p in passages})
    ]
    if shuffle is not None:
        for rows in (mentions, passages, documents):
            random.Random(shuffle).shuffle(rows)
    return cluster(mentions, passages, documents, gazetteer)


@pytest.fixture
def empty():
    return Gazetteer([], [])


def test_an_abbreviation_and_its_full_name_are_one(empty):
    links, (entity,), doubtful = clustered(
        empty,
        "The [Orren Public Sector Leaders (OPSL) group] met.",
        "[OPSL] paid, and the [Orren Public Sector Leaders group] agreed.",
        "The [OPSL group] met.",
        "[Orren Public Sector Leaders] were glad.",
    )
    assert (entity.entity_id, entity.name) == (
        "found:orren-public-sector-leaders-group",
        "Orren Public Sector Leaders group",
    )
    assert entity.n_mentions == 5
    assert "OPSL" in entity.aliases
    assert {link.entity_ids for link in links} == {(entity.entity_id,)}
    assert doubtful == []


def test_an_abbreviation_in_brackets_behind_or_never_explained_is_found_by_its_letters(empty):
    _, entities, _ = clustered(
        empty, "The [Marl Leaders Board] (MLB) met.", "b|The [Fen Growth Fund] and the [FGF].", "[MLB]"
    )
    assert [e.aliases for e in entities] == [("FGF", "Fen Growth Fund"), ("MLB", "Marl Leaders Board")]


def test_a_short_form_holds_within_its_document(empty):
    _, entities, _ = clustered(
        empty,
        "The [Mereham Hub] opened. [The Hub] is busy.",
        "b|The [Lowfold Hub] and [the Hub].",
        "c|[The Hub]",
        label="SCHEME",
    )
    assert [(e.name, e.n_mentions) for e in entities] == [("Hub", 1), ("Lowfold Hub", 2), ("Mereham Hub", 2)]


def test_a_short_form_of_two_names_is_neither(empty):
    _, entities, _ = clustered(empty, "The [Fen Hub], the [Moor Hub] and [the Hub].", label="SCHEME")
    assert [e.n_mentions for e in entities] == [1, 1, 1]


@pytest.mark.parametrize(
    "other",
    ["Fen and Moor partnership", "The Fen & Moor Partnership", "Fen & Moor Partnerships", "FEN & MOOR PARTNERSHIP"],
)
def test_capitals_articles_ampersands_and_plurals_tell_no_names_apart(empty, other):
    _, (entity,), _ = clustered(
        empty, "a|[Fen & Moor Partnership]", "b|[Fen & Moor Partnership]", f"c|[{other}]", years={"a": 2012, "c": 2020}
    )
    assert (entity.name, entity.first_year, entity.last_year) == ("Fen & Moor Partnership", 2012, 2020)
    assert entity.documents == ("a", "b", "c")


def test_names_a_word_or_a_letter_apart_are_left_to_a_person(empty):
    _, entities, doubtful = clustered(
        empty,
        "a|[Orren Waste Partnership] [Orren Waste Partnership] [Marlshire Growth Board]",
        "b|[Orren Joint Waste Partnership] [Marlshyre Growth Board]",
    )
    assert len(entities) == 4
    assert [(d.name_a, d.n_mentions_a, d.name_b, d.n_mentions_b, d.reason) for d in doubtful] == [
        ("Marlshire Growth Board", 1, "Marlshyre Growth Board", 1, "a letter apart"),
        ("Orren Waste Partnership", 2, "Orren Joint Waste Partnership", 1, "one has the word “joint” more"),
    ]


def test_east_and_west_are_not_doubtful(empty):
    _, _, doubtful = clustered(empty, "[East Marl Leaders Group] [West Marl Leaders Group] [Marl Leaders Group]")
    assert doubtful == []


def test_an_abbreviation_that_only_another_document_explains_is_left_to_a_person(empty):
    _, entities, doubtful = clustered(empty, "a|The [Marl Leaders Board] (MLB)", "b|[MLB]")
    assert len(entities) == 2
    assert [d.reason for d in doubtful] == ["another document calls it MLB"]


def test_the_gazetteer_wins(gazetteer):
    _, entities, doubtful = clustered(gazetteer, "The [Publica Group], [publica group] and [Publica Groups].")
    assert [(e.entity_id, e.listed, e.n_mentions) for e in entities] == [("named-publica-group", True, 3)]
    assert doubtful == []


def test_the_order_of_rows_does_not_matter(gazetteer):
    texts = [
        "a|[Marl Leaders Board] (MLB) and [the Board]; [Fen Hub]",
        "b|[MLB] and the [Marl Leaders Boards]",
        "c|[Fens Hub] [Publica Group] [marl leaders board]",
    ]
    first = clustered(gazetteer, *texts)
    for seed in range(5):
        assert clustered(gazetteer, *texts, shuffle=seed) == first


def test_a_normal_form_is_stable():
    for name in ("The Fen & Moor Partnerships (FMP)", "Kent’s Growth Boards", "A12 Pilot"):
        assert normal_form(normal_form(name)) == normal_form(name)


def test_what_only_interviews_not_for_attribution_name_is_in_no_doubtful_merge(empty):
    texts = ("a|[Orren Waste Partnership]", "b|[Orren Joint Waste Partnership]")
    assert len(clustered(empty, *texts).doubtful) == 1
    _, entities, doubtful = clustered(empty, *texts, closed=("b",))
    assert {e.name: e.access for e in entities} == {
        "Orren Waste Partnership": "public",
        "Orren Joint Waste Partnership": "non-attributable",
    }
    assert doubtful == []


def test_an_abbreviation_that_only_an_interview_not_for_attribution_explains_is_in_no_doubtful_merge(empty):
    texts = ("a|The [Marl Leaders Board] (MLB)", "b|[MLB]", "c|[Marl Leaders Board]")
    assert len(clustered(empty, *texts).doubtful) == 1
    assert clustered(empty, *texts, closed=("a",)).doubtful == []


def test_forms_of_interviews_not_for_attribution_are_no_name_and_no_alias(empty):
    said = "The [Orren Public Sector Leaders (OPSL) group] met. [OPSL] and [Orren Public Sector Leaders] paid."
    _, (entity,), _ = clustered(empty, f"a|{said} {said}", "b|[Orren Public Sector Leaders group]", closed=("a",))
    assert (entity.name, entity.aliases) == (
        "Orren Public Sector Leaders group",
        ("Orren Public Sector Leaders group",),
    )
    assert (entity.access, entity.n_mentions) == ("public", 7)
