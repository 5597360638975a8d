import re

import pytest

from collabnlp.network import build_network, write_graphml, write_network
from collabnlp.records import Relation, read_table, write_table
from collabnlp.relations import find_relations
from collabnlp.release import Rule, Tables, release
from conftest import make_document, make_mention, make_passage

BOARD, SCHEME = ("PARTNERSHIP", "found:board"), ("SCHEME", "found:scheme")
NAMES = {"found:board": "Orrenshire Growth Board", "found:scheme": "Lowfold Rising"}


def related(gazetteer, text, year=2018, access="public", section=()):
    """Relations of a text with [councils], {partnerships} and <schemes> marked."""
    plain, mentions, links = "", [], {}
    for char, part in _parts(text):
        if char:
            label, ids = {
                "[": ("COUNCIL", gazetteer.bearers(part, year)),
                "{": ("PARTNERSHIP", ("found:board",)),
                "<": ("SCHEME", ("found:scheme",)),
            }[char]
            mention = make_mention(part, start=len(plain), label=label, ids=ids)
            mentions.append(mention)
            links["report:0001", mention.start_char, mention.end_char, label] = ids
        plain += part
    rows = find_relations(
        [make_passage(plain, section=section)],
        mentions,
        [make_document(year=year, access=access)],
        gazetteer,
        links,
        NAMES,
    )
    return [row for row in rows if row.passage_id], plain


def let_out(relations, gazetteer):
    """What may leave of relations."""
    return release(Tables(relations=relations), [], gazetteer, {}, Rule()).released


def _parts(text):
    for match in re.finditer(r"([\[{<])([^\]}>]*)[\]}>]|([^\[{<]+)", text):
        yield (match[1], match[2]) if match[1] else ("", match[3])


def triples(gazetteer, text, **kwargs):
    return [(r.subject_id, r.relation, r.object_id) for r in related(gazetteer, text, **kwargs)[0]]


THREE = [(i, "member_of", "found:board") for i in ("calderstow", "harrowmere", "tarnholt")]


@pytest.mark.parametrize(
    "text",
    [
        "[Calderstow], [Harrowmere] and [Tarnholt] formed the {Orrenshire Growth Board}.",
        "[Calderstow], [Harrowmere] and Tarnholt have jointly set up the {Orrenshire Growth Board} in 2016.",
        "The {Orrenshire Growth Board} brings together Calderstow, Harrowmere and [Tarnholt].",
        "The {Orrenshire Growth Board}, which brings together leaders of [Calderstow], [Harrowmere] and [Tarnholt], met.",
        "The {Orrenshire Growth Board} ([Calderstow], [Harrowmere] and [Tarnholt]) met.",
        "The {Orrenshire Growth Board} is a partnership of [Calderstow], [Harrowmere] and [Tarnholt].",
        "The {Orrenshire Growth Board} met. The board is made up of [Calderstow], [Harrowmere] and [Tarnholt].",
        "Three partner councils – [Calderstow], [Harrowmere] and [Tarnholt] – created {Orrenshire Growth Board}.",
        "The partners in the {Orrenshire Growth Board} include Moor Homes, [Calderstow], a college, [Harrowmere] and [Tarnholt].",
        "[Calderstow] sits with [Harrowmere] and [Tarnholt] on the {Orrenshire Growth Board}.",
        "[Calderstow] ([Calderstow]), together with [Harrowmere] and [Tarnholt], agreed to work together in the {Orrenshire Growth Board}.",
        "[Calderstow] and [Harrowmere] are part of the {Orrenshire Growth Board}, along with [Tarnholt].",
    ],
)
def test_members_of_a_partnership(gazetteer, text):
    assert triples(gazetteer, text) == THREE


@pytest.mark.parametrize(
    "text",
    [
        "[Calderstow] and [Tarnholt] proposed to form the {Orrenshire Growth Board}.",
        "[Calderstow] never joined the {Orrenshire Growth Board}.",
        "The {Orrenshire Growth Board} would bring together [Calderstow] and [Tarnholt].",
        "[Calderstow] wrote to the {Orrenshire Growth Board}.",
        "All leaders in Orrenshire are members of the {Orrenshire Growth Board}.",
        "[Calderstow] and [Tarnholt] could share a chief executive.",
        "[Calderstow] has a chief executive, and [Tarnholt] has a joint waste service.",
        "The chief executives of [Calderstow] and [Tarnholt] met.",
        "The leader of [Calderstow] and [Tarnholt] District Council's staff met.",
        "The {Orrenshire Growth Board} met. [Calderstow] and [Tarnholt] were glad.",
    ],
)
def test_what_is_not_said_is_not_found(gazetteer, text):
    assert triples(gazetteer, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "[Tarnholt] and [Wythen Vale] share a chief executive.",
        "[Tarnholt] shares its senior management team with [Wythen Vale].",
        "[Tarnholt] and Wythen Vale have a shared management team.",
        "[Tarnholt] and [Wythen Vale] have the same chief executive.",
        "[Tarnholt]’s chief executive holds the rank of assistant chief executive at [Wythen Vale].",
        "A joint management team of [Tarnholt] and [Wythen Vale] began work.",
        "Ann Weir, chief executive of [Tarnholt] and [Wythen Vale], agreed.",
        "Ann Weir, Chief Executive of [Tarnholt] and Assistant Chief Executive of [Wythen Vale], agreed.",
        "[Tarnholt] and [Wythen Vale] put their bin rounds together in 2007, and have had a joint chief executive since 2011.",
        "[Tarnholt]’s section 151 officer is also the director of finance of [Wythen Vale].",
    ],
)
def test_a_shared_post(gazetteer, text):
    assert triples(gazetteer, text) == [("tarnholt", "shares_post_with", "wythen-vale")]


@pytest.mark.parametrize(
    "text",
    [
        "<Lowfold Rising> is a programme between [Calderstow] and [Tarnholt].",
        "The ‘<Lowfold Rising>’ collaboration between [Calderstow] and [Tarnholt] began.",
        "[Calderstow] and [Tarnholt] launched <Lowfold Rising>.",
        "<Lowfold Rising> is a programme supported by [Calderstow] and [Tarnholt].",
    ],
)
def test_a_scheme_is_between_councils(gazetteer, text):
    assert triples(gazetteer, text) == [
        ("found:scheme", "between", "calderstow"),
        ("found:scheme", "between", "tarnholt"),
    ]


def test_one_council_alone_is_between_nobody(gazetteer):
    assert triples(gazetteer, "[Calderstow] launched <Lowfold Rising>.") == []


def test_pairs_of_joint_posts_are_pairs(gazetteer):
    text = (
        "We met joint post-holders in two of these areas: [Calderstow] and [Tarnholt], [Harrowmere] and [Wythen Vale]."
    )
    assert triples(gazetteer, text) == [
        ("calderstow", "shares_post_with", "tarnholt"),
        ("harrowmere", "shares_post_with", "wythen-vale"),
    ]


def test_councils_named_together_are_those_of_the_year(gazetteer):
    children = sorted(
        e.entity_id for e in gazetteer.entities.values() if e.parent == "orrenshire" and e.exists_in(2018)
    )
    text = "The {Orrenshire Growth Board} brings together the county council and all the districts."
    rows, _ = related(gazetteer, text)
    assert [r.subject_id for r in rows] == sorted([*children, "orrenshire"])
    assert {r.basis for r in rows} == {"collective"}
    assert triples(gazetteer, text.replace("all the", "two")) == [("orrenshire", "member_of", "found:board")]


def test_a_relation_holds_its_sentence(gazetteer):
    rows, text = related(
        gazetteer, "Much was said. [Tarnholt] and [Wythen Vale] share a chief executive. Then it rained."
    )
    (row,) = rows
    assert text[row.start_char : row.end_char] == "Tarnholt and Wythen Vale share a chief executive."
    assert (row.year, row.document_id, row.basis) == (2018, "report", "named")


def test_listed_members_of_a_named_partnership_are_relations_without_a_passage(gazetteer):
    mention = make_mention("Publica Group", label="PARTNERSHIP", ids=("named-publica-group",))
    key = (mention.passage_id, mention.start_char, mention.end_char, mention.label)
    rows = find_relations(
        [make_passage("Publica Group")], [mention], [make_document()], gazetteer, {key: mention.entity_ids}, {}
    )
    assert {r.subject_id for r in rows} == set(gazetteer.entities["named-publica-group"].members)
    assert {(r.basis, r.passage_id, r.year) for r in rows} == {("gazetteer", "", None)}


def test_relations_are_kept_as_a_table(gazetteer, tmp_path):
    rows, _ = related(gazetteer, "[Calderstow] and [Tarnholt] formed the {Orrenshire Growth Board}.")
    write_table(tmp_path / "relations.parquet", rows, Relation)
    assert read_table(tmp_path / "relations.parquet", Relation) == rows


def test_the_network_is_the_same_each_time_and_can_be_read_back(gazetteer, tmp_path):
    import networkx

    rows, _ = related(
        gazetteer,
        "[Calderstow], [Harrowmere] and [Tarnholt] formed the {Orrenshire Growth Board}. [Tarnholt] and [Wythen Vale] share a chief executive.",
    )
    for name, order in (("a", rows), ("b", rows[::-1])):
        network = let_out(order, gazetteer)
        write_graphml(tmp_path / f"{name}.graphml", network)
        write_network(tmp_path / name, network, title="Who works with whom")
    for suffix in ("graphml", "png", "svg"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    back = networkx.read_graphml(tmp_path / "a.graphml")
    assert back.nodes["found:board"] == {"name": "Orrenshire Growth Board", "label": "PARTNERSHIP"}
    assert back.number_of_edges() == 4


def test_interviews_not_for_attribution_stay_out_of_the_network(gazetteer):
    rows, _ = related(gazetteer, "[Tarnholt] and [Wythen Vale] share a chief executive.", access="non-attributable")
    assert len(rows) == 1
    assert build_network(let_out(rows, gazetteer)).number_of_nodes() == 0


def test_an_empty_network_is_drawn(tmp_path, gazetteer):
    write_network(tmp_path / "none", let_out([], gazetteer), title="Nobody")
    assert (tmp_path / "none.png").stat().st_size > 0


def test_a_name_of_interviews_not_for_attribution_stays_out_of_the_network_file(gazetteer, tmp_path):
    public, _ = related(gazetteer, "[Tarnholt] and [Wythen Vale] share a chief executive.")
    closed, _ = related(
        gazetteer, "[Tarnholt] and [Harrowmere] formed the {Orrenshire Growth Board}.", access="non-attributable"
    )
    write_graphml(tmp_path / "network.graphml", let_out([*public, *closed], gazetteer))
    written = (tmp_path / "network.graphml").read_text(encoding="utf-8")
    assert "Tarnholt" in written
    assert "Growth Board" not in written
    assert "Harrowmere" not in written
