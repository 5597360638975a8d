"""Who interviews, and what of a turn's label is a name."""

import pytest

from collabnlp.records import Block
from collabnlp.redact.speakers import find_interviewer, name_in, names_in_path


def turns(*said):
    return [Block(text, "turn", speaker=speaker) for speaker, text in said]


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


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Bo Marsh", ("Bo", "Marsh")),
        ("Cllr Bo Marsh (Leader)", ("Bo", "Marsh")),
        ("Bo Marsh, Leader of the Council", ("Bo", "Marsh")),
        ("Marsh, Bo", ("Bo", "Marsh")),
        ("Interviewee 1 (Bo Marsh)", ("Bo", "Marsh")),
        ("Bo Marsh [HBC]", ("Bo", "Marsh")),
        ("BM", ("BM",)),
        ("Speaker 1", ()),
        ("R1", ()),
        ("Director of Place", ()),
        ("INT", ()),
        ("Participant", ()),
    ],
)
def test_the_name_in_a_label(label, name):
    assert name_in(label) == name


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("transcripts/interview-ann-weir.docx", True),
        ("transcripts/harrowmere-leader.docx", True),
        ("transcripts/interview-03.docx", False),
        ("reports/minutes-of-may.pdf", False),
    ],
)
def test_a_file_whose_name_may_name_somebody(path, named):
    assert names_in_path(path) is named
