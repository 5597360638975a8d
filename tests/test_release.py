"""Speakers under pseudonyms."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.records import Block
from collabnlp.release import INTERVIEWER, find_interviewer, name_speakers


def turns(*said):
    return [Block(text, "turn", speaker=speaker) for speaker, text in said]


def named(*said, access="non-attributable"):
    return [(block.speaker, block.text) for block in name_speakers(turns(*said), access)]


# ---------------------------------------------------------------------------------------------------------------------
# Who interviews


@pytest.mark.parametrize(
    "label", ["INT", "Int", "Interviewer", "INTERVIEWER", "Moderator", "Facilitator", "Researcher", "Q", "IV"]
)
def test_an_interviewer_is_known_by_the_label(label):
    assert find_interviewer(turns((label, "Tell me about it."), ("R1", "It was wet?"))) == label


@pytest.mark.parametrize("label", ["INT1", "Interviewer 1", "INT 2"])
def test_an_interviewer_is_known_by_a_numbered_label(label):
    assert find_interviewer(turns((label, "Tell me about it."), ("R1", "It was wet?"))) == label


@pytest.mark.parametrize("label", ["Quentin", "Ivor", "Integrity Board", "R1"])
def test_a_label_that_only_begins_alike_is_no_interviewer(label):
    assert find_interviewer(turns((label, "It was wet."), ("Ann Weir", "So it was."))) is None


def test_an_interviewer_is_known_by_asking_much_and_saying_little():
    blocks = turns(("Ann Weir", "It began with the bridge, as I said."), ("Tom Ashdown", "And then?"))
    assert find_interviewer(blocks) == "Tom Ashdown"


def test_a_question_in_quotation_marks_is_a_question():
    blocks = turns(("Ann Weir", "It began with the bridge, as I said."), ("Tom Ashdown", "“And then?”"))
    assert find_interviewer(blocks) == "Tom Ashdown"


@pytest.mark.parametrize(
    "said",
    [
        [],
        [("Ann Weir", "Why not?")],
        [("Ann Weir", "It was wet."), ("Bo Marsh", "So it was.")],
        [("Ann Weir", "It was wet that year."), ("Bo Marsh", "And was it not wet in the year before that one?")],
    ],
    ids=["nobody", "one speaker", "nobody asks", "the one who asks says most"],
)
def test_where_nobody_interviews_there_is_none(said):
    assert find_interviewer(turns(*said)) is None


def test_paragraphs_have_no_interviewer():
    assert find_interviewer([Block("Why?", speaker="INT")]) is None


# ---------------------------------------------------------------------------------------------------------------------
# Pseudonyms


@pytest.mark.parametrize("access", ["public", "attributable"])
def test_speakers_of_an_attributable_source_keep_their_names(access):
    assert named(("INT", "And then, Ann?"), ("Ann Weir", "I left."), access=access) == [
        ("Interviewer", "And then, Ann?"),
        ("Ann Weir", "I left."),
    ]


def test_a_single_interviewee_has_no_number():
    assert [speaker for speaker, _ in named(("INT", "And then?"), ("Ann Weir", "I left."))] == [
        "Interviewer",
        "Interviewee",
    ]


def test_interviewees_are_numbered_by_their_first_turn():
    said = named(("INT", "Who?"), ("Bo Marsh", "I."), ("Ann Weir", "And I."), ("Bo Marsh", "Yes."))
    assert [speaker for speaker, _ in said] == ["Interviewer", "Interviewee 1", "Interviewee 2", "Interviewee 1"]


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("I am Ann Weir.", "I am [interviewee]."),
        ("Ann, you said so.", "[interviewee], you said so."),
        ("That is Ann's view.", "That is [interviewee]'s view."),
        ("Mrs Weir left.", "Mrs [interviewee] left."),
        ("Ann\nWeir left.", "[interviewee] left."),
        ("We went to Annfield by the Weirs.", "We went to Annfield by the Weirs."),
    ],
    ids=["whole", "first name", "possessive", "surname", "over a line", "other words"],
)
def test_a_name_is_replaced_in_what_is_said(text, replaced):
    assert named(("INT", text), ("Ann Weir", "Yes."))[0][1] == replaced


def test_a_name_is_replaced_in_headings():
    blocks = [Block("Interview with Ann Weir", "heading", 1), *turns(("INT", "And then?"), ("Ann Weir", "I left."))]
    assert name_speakers(blocks, "non-attributable")[0].text == "Interview with [interviewee]"


def test_an_everyday_word_is_left_standing():
    assert named(("INT", "Will it be May?"), ("Will May Ashdown", "It will."))[0][1] == "Will it be May?"


@pytest.mark.parametrize("label", ["Speaker 1", "R1", "Respondent 2", "Participant"])
def test_a_label_is_not_looked_for_in_what_is_said(label):
    assert named(("INT", "A Respondent said that R1 was a Speaker or Participant 1."), (label, "Yes."))[0][1] == (
        "A Respondent said that R1 was a Speaker or Participant 1."
    )


def test_text_without_turns_stays_as_it_is():
    blocks = [Block("The councils agreed.")]
    assert name_speakers(blocks, "non-attributable") == blocks


def test_the_blocks_handed_in_are_not_changed():
    blocks = turns(("INT", "And then, Ann?"), ("Ann Weir", "I left."))
    before = list(blocks)
    name_speakers(blocks, "non-attributable")
    assert blocks == before


def test_a_whole_name_of_everyday_words_is_replaced():
    assert "Mark Hall" not in named(("INT", "You are Mark Hall?"), ("Mark Hall", "I am."))[0][1]


def test_a_name_in_capitals_is_replaced_in_any_case():
    assert "Ann" not in named(("INT", "You are Ann?"), ("ANN WEIR", "I am."))[0][1]


def test_a_short_first_name_is_replaced():
    assert "Jo" not in named(("INT", "You are Jo?"), ("Jo", "I am."))[0][1]


def test_two_speakers_of_one_first_name_are_told_apart():
    said = named(("INT", "Is Ann Marsh here?"), ("Ann Weir", "No."), ("Ann Marsh", "Yes."))
    assert said[0][1] == "Is [interviewee 2] here?"


def test_a_role_beside_the_name_is_left_standing():
    assert named(("INT", "Who is Leader of the council?"), ("Ann Weir (Leader)", "I am."))[0][1] == (
        "Who is Leader of the council?"
    )


NAMES = st.sampled_from(["Tom Ashdown", "Ann Weir", "Bo Marsh", "Éamon Orr", "Anne-Marie O’Dell", "Cllr Ida Penn"])


@settings(max_examples=100, deadline=None)
@given(
    said=st.lists(st.tuples(NAMES, NAMES.map(lambda name: f"As {name} told us, it was wet.")), min_size=1, max_size=12)
)
def test_no_speaker_is_named_anywhere(said):
    speakers = {speaker for speaker, _ in said}
    blocks = name_speakers(turns(*said), "non-attributable")
    assert not any(speaker in block.text or speaker == block.speaker for block in blocks for speaker in speakers)


@pytest.mark.parametrize("label", ["Interviewee 1 (Bo Marsh)", "Cllr Bo Marsh", "Marsh, Bo", "BO MARSH"])
def test_a_name_is_found_in_a_label_that_holds_more(label):
    assert named(("INT", "Bo Marsh?"), (label, "I am."))[0][1] in ("[interviewee]?", "[interviewee] [interviewee]?")


def test_a_name_that_is_a_word_is_looked_for_as_the_label_writes_it():
    assert named(("INT", "Is it so, IT? It is."), ("IT", "Yes."))[0][1] == "Is it so, [interviewee]? It is."


def test_every_interviewer_is_named_so():
    said = named(("INT1", "Why?"), ("Ann Weir", "It was wet."), ("INT2", "And then?"))
    assert [speaker for speaker, _ in said] == ["Interviewer", "Interviewee", "Interviewer"]


def test_the_pseudonym_of_the_interviewer_is_the_constant():
    assert named(("INT", "And then?"), ("Ann Weir", "I left."))[0][0] == INTERVIEWER
