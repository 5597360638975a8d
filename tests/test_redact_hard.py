"""Kinds of names, numbers and roles that were missed in transcripts of other hands: each with what looks like it and stays."""

import pytest

from collabnlp.records import Block
from collabnlp.redact.blocks import redact
from collabnlp.redact.posts import paired_bodies
from collabnlp.redact.recognisers import find_numbers
from test_redact import said

NO_CAPITALS = "and so it was that we went on with the work for all of that year and nobody knew whose it was "


def left(text, *words):
    """Those of some words that are still in a text once it is under pseudonyms."""
    after = said(text)
    return [word for word in words if word.casefold() in after.casefold()]


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Siobhan Kettleborough in legal, who we call Kettle. I rang Kettle.", "Kettle"),
        ("There was Obi, that's Obinna Chukwu, and Obi ran the lot.", "Obi"),
        ("A chap, Buster, he drove us. I liked Buster.", "Buster"),
        ("Everybody calls him the Brigadier. The Brigadier said no.", "Brigadier"),
        ("The Admiral is Pauline Greaves, she ran the ferry. The Admiral rang me.", "Admiral"),
        ("So that's where Duckling comes from. We told Duckling.", "Duckling"),
        ("Cllr Mohsin Akhtar, Mo to absolutely everybody. We heard Mo.", "Mo "),
        ("Abdulaziz Karim in finance is Abs. Then Abs went home.", "Abs"),
        ("Everyone in the office knows him as Tiger. I rang Tiger.", "Tiger"),
        ("Zbigniew Wrona in IT, we just say Zibi. Zibi fixed it.", "Zibi"),
        ("It was Badger, Gareth Pryce, at the depot. Badger said it was done.", "Badger"),
    ],
)
def test_a_nickname_is_known_by_what_stands_beside_it_and_again(text, gone):
    assert left(text, gone) == []


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("The Treasurer is Pauline Greaves. The Treasurer signs.", "Treasurer"),
        ("Housing is Pauline Greaves. Scrutiny, Kofi Owusu, said yes. Scrutiny meets on Monday.", "Scrutiny"),
        ("We met Homes England, Kofi Owusu and Defra. Defra said no.", "Defra"),
        ("There's Ofsted, who come each year.", "Ofsted"),
        ("He told us that Brexit would be hard.", "Brexit"),
        ("Speak to everybody. Listen to everyone in the team.", "Speak"),
    ],
)
def test_what_stands_beside_a_name_and_is_no_nickname_stays(text, stays):
    assert left(text, stays) == [stays]


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Ioana Petrescu says her name is always spelt wrong. She has been Joanna.", "Joanna"),
        ('They got Wei Zhang wrong: they had him on the list as "Way Zang".', "Way Zang"),
        ("Rhiannon Probert is mispronounced, too. A card was made out to Rianna.", "Rianna"),
    ],
)
def test_a_name_is_known_as_somebody_got_it_wrong(text, gone):
    assert left(text, gone) == []


@pytest.mark.parametrize("stays", ["Planning", "Cabinet", "Highways"])
def test_a_word_that_is_like_no_name_of_the_document_stays(stays):
    assert left(f"Ioana Petrescu got the spelling wrong. They asked for {stays}.", stays) == [stays]


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("There's Hyacinta, who reads it all. We let Hyacinta talk.", "Hyacinta"),
        ("He thinks that Grace ought to run it.", "Grace"),
        ("Her proper name is Deborah Sparkes.", "Sparkes"),
        ("She is Rosalind May, and Rosalind May was there.", "May"),
        ("They are Huan Le and Prakash Varma.", "Huan Le"),
    ],
)
def test_a_name_is_known_by_what_its_bearer_does_or_by_the_one_before_it(text, gone):
    assert left(text, gone) == []


@pytest.mark.parametrize(
    ("text", "gone", "stays"),
    [
        ("that was drew hammond and i said to drew what now and drew is a good sort", ["drew"], []),
        ("mark ellison ran it and i said mark you were right", ["mark ellison", "mark you"], []),
        ("mark ellison ran it and mark my words he said the mark was high", ["ellison"], ["mark my words", "the mark"]),
        ("bill tranter ran it and the legal bill was huge", [], ["legal bill"]),
    ],
)
def test_names_that_are_words_in_a_text_without_capitals(text, gone, stays):
    after = said(NO_CAPITALS + text)
    assert [words for words in gone if words in after] == []
    assert [words for words in stays if words not in after] == []


def test_a_body_of_two_names_is_no_two_people():
    text = NO_CAPITALS + "we went to garth and wyke and then garth and wyke left us"
    assert paired_bodies([text], "lower") == {"garth and wyke"}
    assert paired_bodies([text], "mixed") == set()
    assert said(text) == text


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("He was a payroll assistant at Skelby then.", "payroll assistant at Skelby"),
        ("Ask the principal solicitor at North\nSkelby.", "principal solicitor at North\nSkelby"),
        ("I met South Skelby's chief executive.", "South Skelby's chief executive"),
        ("Skelby's highways manager came.", "Skelby's highways manager"),
        ("She is head\nof street scene at Skelby.", "head\nof street scene at Skelby"),
        ("That's the quantity surveyor at Skelby Marsh.", "quantity surveyor at Skelby Marsh"),
        ("We hired a partner at Corvane Advisory.", "partner at Corvane Advisory"),
        ("The interim section 151 officer at Skelby Borough came.", "interim section 151 officer at Skelby Borough"),
        ("The information risk owner at Skelby signs.", "information risk owner at Skelby"),
        (NO_CAPITALS + "it was skelby vale's monitoring officer", "skelby vale's monitoring officer"),
    ],
)
def test_a_role_of_any_seniority_with_its_organisation(text, role):
    found = redact([Block(text)], access="non-attributable").findings
    whole = [f.text for f in found if f.kind == "role" and f.action == "replaced"]
    assert any(role.endswith(one) for one in whole), whole
    assert role not in said(text)


@pytest.mark.parametrize(
    "text",
    [
        "The manager at work said so, and the head at Christmas.",
        "Our monitoring officer and the payroll team were there.",
        "The lead at the time was out.",
    ],
)
def test_a_role_without_an_organisation_stays(text):
    assert said(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We had a hut at the depot on Gasworks Approach.", "Gasworks Approach"),
        ("The site is Plot 6, Eelcatcher Drove.", "Plot 6, Eelcatcher Drove"),
        ("His office is on Tanner's Yard, I want to say Unit 7.", "Unit 7"),
        ("It is the Old Mangle Works site, TN99 9ZZ.", "Old Mangle Works"),
        ("They bought The Old Bakehouse, 2 Chapel Loke, TN99 9ZZ.", "The Old Bakehouse, 2 Chapel Loke, TN99 9ZZ"),
        ("She lives at Keeper's Cottage on Navigation Row.", "Keeper's Cottage on Navigation Row"),
        ("write to him at the old lock house tallow street it's tn99 9zz", "the old lock house tallow street"),
    ],
)
def test_an_address_without_a_number(text, words):
    assert words in [text[f.start : f.end] for f in find_numbers(text) if f.kind == "address"]


@pytest.mark.parametrize(
    "text",
    [
        "One Public Estate came later.",
        "We met in the town hall on high street.",
        "Plot 14 of the allocation, and Table 4, Unit 5 of the course.",
        "We met at the depot on Tuesday and at the site in May.",
    ],
)
def test_what_is_no_address_stays(text):
    assert find_numbers(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The ombudsman found against us. 22 009 614, you could look it up.", "22 009 614"),
        ("Her payroll number is 20 441 7.", "20 441 7"),
        ("he'd say what about s 20934 because he would not use a name", "s 20934"),
        ("There was a complaint, some resident, AC/0931/23, that went up.", "AC/0931/23"),
        ("There was a standards complaint,\nSC/14/24, over parking.", "SC/14/24"),
    ],
)
def test_a_number_with_blanks_or_letters_apart(text, code):
    assert [text[f.start : f.end] for f in find_numbers(text) if f.kind == "number"] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "The ombudsman found 12 300 cases.",
        "The complaint cost 22 000 pounds.",
        "She has run payroll since 2004.",
        "The planning application, AC/0931/23, went up.",
    ],
)
def test_a_number_of_nobody_stays(text):
    assert find_numbers(text) == []


def test_a_number_said_once_is_known_again_in_another_turn():
    blocks = [Block("Her staff number is T/44871."), Block("We looked and looked. Who was T/44871?")]
    assert "44871" not in redact(blocks, access="non-attributable").blocks[1].text
    assert "44871" in redact(blocks[1:], access="non-attributable").blocks[0].text
