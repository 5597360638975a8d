import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.entities import MentionFinder
from conftest import make_passage


@pytest.fixture(scope="session")
def finder(gazetteer):
    return MentionFinder(gazetteer)


def found(finder, text, year=2019):
    return [(m.label, m.text, m.entity_ids) for m in finder.find([make_passage(text)], year)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Suffolk County Council agreed.", [("COUNCIL", "Suffolk County Council", ("suffolk",))]),
        ("the suffolk county council", []),
        ("Leicestershire county council paid.", [("COUNCIL", "Leicestershire county council", ("leicestershire",))]),
        ("Melton BC’s hub", [("COUNCIL", "Melton BC", ("melton",))]),
        (
            "Babergh and Mid Suffolk District Councils share staff.",
            [("COUNCIL", "Babergh and Mid Suffolk District Councils", ("babergh", "mid-suffolk"))],
        ),
        ("Godalming Town Council said no.", [("COUNCIL", "Godalming Town Council", ())]),
        ("Sufolk County Council agreed.", [("COUNCIL", "Sufolk County Council", ("suffolk",))]),
        ("Lecestershire County Council agreed.", [("COUNCIL", "Lecestershire County Council", ("leicestershire",))]),
        ("We met Cherwlel District Council.", [("COUNCIL", "Cherwlel District Council", ("cherwell",))]),
        ("Kant County Council agreed.", [("COUNCIL", "Kant County Council", ())]),
        (
            "Cherwell District CouncilThe work began.",
            [("COUNCIL", "Cherwell District Council", ("cherwell",))],
        ),
        ("Melton Borough Council⁴⁷ paid.", [("COUNCIL", "Melton Borough Council", ("melton",))]),
        (
            "Godalming Town Council and Ashby Town Council met.",
            [("COUNCIL", "Godalming Town Council", ()), ("COUNCIL", "Ashby Town Council", ())],
        ),
        ("Orrenby and the County Council agree.", []),
        ("the city of Lincoln", []),
        ("GMCA decides.", [("COUNCIL", "GMCA", ("greater-manchester-combined-authority",))]),
    ],
)
def test_names_in_full(finder, text, expected):
    assert found(finder, text) == expected


@pytest.mark.parametrize(
    ("text", "acts"),
    [
        ("In Harrowmere the shops are shut.", False),
        ("Harrowmere has agreed to pay.", True),
        ("across Tarnholt and beyond", False),
        ("The leader of Tarnholt walked out.", True),
        ("Tarnholt’s chief executive wrote back.", True),
        ("Residents of the county of Orrenshire like it.", False),
        ("A survey in Kent and Medway found little.", False),
        ("She studied at Birmingham University.", False),
        ("Cllr John Harrowmere spoke.", False),
        ("It covers the districts of Tarnholt and Harrowmere.", False),
        ("Tarnholt is a member of the board.", True),
        ("Leaders in Orrenshire are members of the board.", False),
    ],
)
def test_a_bare_place_is_a_council_only_where_it_acts(finder, text, acts):
    assert any(label == "COUNCIL" for label, _, _ in found(finder, text)) is acts


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("The Marlshire Growth Board met.", "PARTNERSHIP", "Marlshire Growth Board"),
        ("In September the Board met.", None, None),
        ("The growth board met.", None, None),
        ("It fell to the Scrutiny Committee.", None, None),
        ("The Marlshire Clinical Commissioning Group paid.", None, None),
        ("Through the Penmoor Deal, money came.", "SCHEME", "Penmoor Deal"),
        ("A scheme called ‘Lowfold Rising’ began.", "SCHEME", "Lowfold Rising"),
        ("The new Local Plan is late.", None, None),
        ("In Penmoor’s deal the money came late.", None, None),
        ("It covers North Marlshire and the committee.", None, None),
    ],
)
def test_partnerships_and_schemes_by_pattern(finder, text, label, name):
    assert [(lab, text) for lab, text, _ in found(finder, text)] == ([(label, name)] if label else [])


def test_two_names_joined_by_and_are_two_mentions(finder):
    names = [
        text for _, text, _ in found(finder, "We sit on the Marlshire Growth Board and the Penmoor Leaders Group.")
    ]
    assert names == ["Marlshire Growth Board", "Penmoor Leaders Group"]


def test_an_abbreviation_holds_for_the_document_that_defines_it(finder):
    passages = [
        make_passage("The Marlshire Leaders Group (MLG) met.", "a:0001"),
        make_passage("MLG met again.", "a:0002"),
    ]
    assert [m.text for m in finder.find(passages, 2019)] == ["Marlshire Leaders Group", "MLG", "MLG"]
    assert finder.find(passages[1:], 2019) == []


def test_a_head_noun_stands_for_the_one_name_that_ends_in_it(finder):
    passages = [
        make_passage("The Marlshire Growth Board met.", "a:0001"),
        make_passage("Then the Board paid. A board is a board. The Board Room was cold.", "a:0002"),
    ]
    assert [m.text for m in finder.find(passages, 2019)] == ["Marlshire Growth Board", "Board"]
    two = [*passages, make_passage("The Penmoor Housing Board met.", "a:0003")]
    assert [m.text for m in finder.find(two, 2019)] == ["Marlshire Growth Board", "Penmoor Housing Board"]


def test_a_heading_is_about_the_place_that_it_names(finder):
    assert [m.entity_ids for m in finder.find_in_heading("Reform without restructuring in Derbyshire", 2019)] == [
        ("derbyshire",)
    ]
    assert finder.find_in_heading("What the study found", 2019) == []


def test_a_title_does_not_swallow_the_council_in_it(finder):
    assert [
        m.text for m in finder.find_in_heading("Interview with the Leader of South Orren District Council", 2019)
    ] == ["South Orren District Council"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "Kent",
                "and",
                "the",
                "Suffolk County Council",
                "Growth Board",
                "’s",
                "(GNGB)",
                "\n",
                "😀",
                "é",
                "in",
                "Deal",
                ",",
                "District Councils",
            ]
        ),
        max_size=14,
    )
)
def test_every_mention_is_its_slice_and_none_overlap(finder, words):
    text = " ".join(words)
    mentions = finder.find([make_passage(text)], 2019)
    assert all(text[m.start_char : m.end_char] == m.text for m in mentions)
    assert all(a.end_char <= b.start_char for a, b in itertools.pairwise(mentions))
