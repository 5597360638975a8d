"""Pseudonyms at the door: what is replaced, what stays, and that nothing else changes."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collabnlp.discreet import without_words
from collabnlp.interviewees import Interviewees
from collabnlp.private import Corrections
from collabnlp.records import Block, strictest
from collabnlp.redact.attribution import mark_access
from collabnlp.redact.blocks import redact
from collabnlp.redact.pseudonyms import Key
from collabnlp.redact.recognisers import find_numbers
from collabnlp.redact.speakers import INTERVIEWER
from marked import read_marked, score

DATA = sorted((Path(__file__).parent / "data" / "redact").glob("*.txt"))


def turns(*said):
    return [Block(text, "turn", speaker=speaker) for speaker, text in said]


def named(*said, access="non-attributable", **more):
    return [(block.speaker, block.text) for block in redact(turns(*said), access=access, **more).blocks]


def said(text, access="non-attributable", **more):
    return redact([Block(text)], access=access, **more).blocks[0].text


# ---------------------------------------------------------------------------------------------------------------------
# The marked transcripts


def test_recall_and_what_is_kept(gazetteer):
    result = score(DATA, gazetteer)
    direct = [kind for kind in result.marked if kind not in ("decoy", "role", "own", "place")]
    n_direct = sum(result.marked[kind] for kind in direct)
    assert n_direct >= 150
    assert result.marked["decoy"] >= 120
    assert sum(result.right[kind] for kind in direct) >= 0.98 * n_direct, result.wrong
    for kind, share in (("role", 0.90), ("own", 0.90), ("place", 0.90), ("decoy", 0.95)):
        assert result.right[kind] >= share * result.marked[kind], result.wrong


def test_the_score_sees_what_is_wrong(tmp_path, gazetteer):
    """An ordinary word marked as a name, and a name as a decoy, count as errors."""
    path = tmp_path / "t.txt"
    path.write_text("#access=non-attributable\nINT: Hm?\nA: The ‹name|table› is «Priya Nandakumar»'s own.\n")
    result = score([path], gazetteer)
    assert (result.right["name"], result.right["decoy"], len(result.wrong)) == (0, 0, 2)


# ---------------------------------------------------------------------------------------------------------------------
# Speakers


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("I am Ann Weir.", "I am [Interviewee 1]."),
        ("Ann, you said so.", "[Interviewee 1], you said so."),
        ("That is Ann's view.", "That is [Interviewee 1]'s view."),
        ("Mrs Weir left.", "Mrs [Interviewee 1] left."),
        ("Ann\nWeir left.", "[Interviewee 1] left."),
        ("So AW left.", "So [Interviewee 1] left."),
        ("A. Weir left.", "[Interviewee 1] left."),
        ("We went to Annfield by the weirs.", "We went to Annfield by the weirs."),
    ],
    ids=["whole", "given name", "possessive", "surname", "over a line", "initials", "initial", "other words"],
)
def test_a_speaker_is_replaced_in_what_is_said(text, replaced):
    assert named(("INT", text), ("Ann Weir", "Yes."))[0][1] == replaced


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("Pieter van\nder Berg left.", "[person 1] left."),
        ("We asked Ana Pereira da Silva.", "We asked [person 1]."),
        ("Everybody calls him Spanner. Spanner left.", "Everybody calls him [person 1]. [person 1] left."),
        ("A spanner fell.", "A spanner fell."),
        ("My initials are AJW.", "My initials are [person 1]."),
        ("La Rochelle and St Albans agreed.", "La Rochelle and St Albans agreed."),
    ],
    ids=["over a line", "particle", "nickname", "the word", "initials", "places"],
)
def test_other_people_by_what_they_are_called(text, replaced):
    assert named(("INT", "Hm?"), ("Ann Weir", text))[1][1] == replaced


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("Wilfred Oakes rang. Wilf was late.", "[person 1] rang. [person 1] was late."),
        ("Peter Wood left. Woody, bless him.", "[person 1] left. [person 1], bless him."),
        ("Kevin Dale came. His badge said Kelvin.", "[person 1] came. His badge said [person 1]."),
        ("Kevin Dale came. Units are in Kelvin.", "[person 1] came. Units are in Kelvin."),
        ("I met Sandeep Rai, or Sandip, I forget.", "I met [person 1], or [person 2], I forget."),
        ("So ask Hugh Banks. Behind him it's Banks.", "So ask [person 1]. Behind him it's [person 1]."),
        ("So ask Hugh Banks. The banks are closed.", "So ask [person 1]. The banks are closed."),
        ("I say that. Charity Osei-Bonsu wrote it.", "I say that. [person 1] wrote it."),
        ("Simon Ingle came, SI. See SI 2008/2867.", "[person 1] came, [person 1]. See SI 2008/2867."),
        ("Spud, we all used to call him. Spud drove.", "[person 1], we all used to call him. [person 1] drove."),
    ],
)
def test_short_forms_slips_and_names_that_are_words(text, replaced):
    assert named(("INT", "Hm?"), ("Ann Weir", text))[1][1] == replaced


def test_a_machine_that_writes_no_capitals_but_for_a_few():
    text = (
        "so I'm on the joint Venture board and it Came out of a meeting with olayinka sowande at the time and olayinka had the land and "
        "we had the money and bill van der meer said why not and van der meer is careful with money um there was a girl precious moyo she "
        "was an apprentice and precious came to see me and will you mark my words she said and i hope so i said may be the rate will rose"
    )
    done = said(text)
    for name in ("olayinka", "sowande", "van der meer", "moyo", "precious"):
        assert name not in done
    for word in ("Venture", "will you mark my words", "i hope so", "may be"):
        assert word in done


@pytest.mark.parametrize("text", ["it's ng 39 4 r w, that's all", "my number is a c 5 0 1 1 2, with them"])
def test_what_is_spelt_out_is_replaced(text):
    assert re.search(r"\d", said(text)) is None


@pytest.mark.parametrize("access", ["public", "attributable"])
def test_speakers_of_an_attributable_source_keep_their_names(access):
    assert named(("INT", "And then, Ann?"), ("Ann Weir", "I left."), access=access) == [
        (INTERVIEWER, "And then, Ann?"),
        ("Ann Weir", "I left."),
    ]


def test_every_interviewer_is_named_so():
    said_ = named(("INT1", "Why?"), ("Ann Weir", "It was wet."), ("INT2", "And then?"))
    assert [speaker for speaker, _ in said_] == [INTERVIEWER, "Interviewee 1", INTERVIEWER]


def test_interviewees_are_numbered_by_their_first_turn():
    said_ = named(("INT", "Who?"), ("Bo Marsh", "I."), ("Ann Weir", "And I."), ("Bo Marsh", "Yes."))
    assert [speaker for speaker, _ in said_] == [INTERVIEWER, "Interviewee 1", "Interviewee 2", "Interviewee 1"]


def test_two_speakers_of_one_given_name_are_told_apart():
    assert named(("INT", "Is Ann Marsh here?"), ("Ann Weir", "No."), ("Ann Marsh", "Yes."))[0][1] == (
        "Is [Interviewee 2] here?"
    )


def test_a_whole_name_of_ordinary_words_is_replaced():
    assert "Mark Hall" not in named(("INT", "You are Mark Hall?"), ("Mark Hall", "I am."))[0][1]


def test_a_word_that_a_speaker_bears_as_a_name_stays_where_it_is_a_word():
    assert named(("INT", "Will it be May?"), ("Will May Ashdown", "It will."))[0][1] == "Will it be May?"


@pytest.mark.parametrize("label", ["Speaker 1", "R1", "Respondent 2", "Participant"])
def test_a_label_is_not_looked_for_in_what_is_said(label):
    text = "A Respondent said that R1 was a Speaker or Participant 1."
    assert named(("INT", text), (label, "Yes."))[0][1] == text


def test_a_name_is_replaced_in_headings():
    blocks = [Block("Interview with Ann Weir", "heading", 1), *turns(("INT", "And?"), ("Ann Weir", "I left."))]
    assert redact(blocks, access=None).blocks[0].text == "Interview with [Interviewee 1]"


def test_unnamed_speakers_of_two_documents_are_two_people():
    key = Key()
    speakers = [
        redact(turns(("INT", "Why?"), ("R1", "So.")), access=None, document_id=name, key=key).blocks[1].speaker
        for name in ("a", "b")
    ]
    assert speakers == ["Interviewee 1", "Interviewee 2"]


def test_the_same_person_has_the_same_pseudonym_in_two_interviews_only_by_the_whole_name():
    key = Key()
    first = redact(turns(("INT", "Why?"), ("Ann Weir", "Bo told me.")), access=None, document_id="a", key=key).blocks
    other = redact([Block("I met Ann Weir there. Bo came.")], access=None, document_id="b", key=key).blocks
    assert first[1].speaker == "Interviewee 1"
    assert other[0].text == "I met [Interviewee 1] there. [person 2] came."


# ---------------------------------------------------------------------------------------------------------------------
# Contact data and numbers


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Write to bo.marsh@example.org.", "email", "bo.marsh@example.org"),
        ("Write to bo dot marsh at example dot org please", "email", "bo dot marsh at example dot org"),
        ("Ring 01632 960 123.", "phone", "01632 960 123"),
        ("Ring (01632) 960.123 ext 44.", "phone", "(01632) 960.123 ext 44"),
        ("Ring +44 (0)20 7946 0018.", "phone", "+44 (0)20 7946 0018"),
        ("Ring 07700-900-123 now", "phone", "07700-900-123"),
        ("it is oh seven seven double oh nine oh oh one two three", "phone", "oh seven seven double oh nine oh oh one two three"),
        ("I am on extension 4471.", "phone", "4471"),
        ("At TN99 9ZZ.", "postcode", "TN99 9ZZ"),
        ("She is at 4 Mill Lane, Nether Marle TN99 9ZZ.", "address", "4 Mill Lane, Nether Marle TN99 9ZZ"),
        ("At The Old Rectory, Church Lane.", "address", "The Old Rectory, Church Lane"),
        ("he lives at 14 mill lane in town", "address", "14 mill lane"),
        ("NI number QQ 12 34 56 C.", "ni_number", "QQ 12 34 56 C"),
        ("NHS number 943 476 5919.", "nhs_number", "943 476 5919"),
        ("Her car is AB12 CDE.", "vehicle", "AB12 CDE"),
        ("Her car is P123 ABC.", "vehicle", "P123 ABC"),
        ("I am @bo_marsh there.", "handle", "@bo_marsh"),
        ("See www.bomarsh.example.org/me.", "url", "www.bomarsh.example.org/me"),
        ("My payroll number is 0048213.", "number", "0048213"),
        ("It is case number CX/2019/4471.", "number", "CX/2019/4471"),
        ("My lanyard says T/44871.", "number", "T/44871"),
        ("The letter has 943 476 5919, I think.", "nhs_number", "943 476 5919"),
        ("We parked the old van, 417 GPX.", "vehicle", "417 GPX"),
        ("The plate is m t six seven x y k.", "vehicle", "m t six seven x y k"),
        ("She lives on Hobgate Lane.", "address", "Hobgate Lane"),
        ("Born on 12 March 1961.", "birth_date", "12 March 1961"),
    ],
)  # fmt: skip
def test_an_identifier_by_its_shape(text, kind, words):
    assert [(f.kind, text[f.start : f.end]) for f in find_numbers(text)] == [(kind, words)]


@pytest.mark.parametrize(
    "text",
    [
        "A budget of £1,250,000, or 4.99 per cent, in 2019/20.",
        "See minute CAB/2018/114, item 9, and planning application 19/01234/FUL.",
        "The A303, the M3 and junction 15 of the M1.",
        "Section 106 and section 151 of the Act of 1972, from 10 Downing Street.",
        "We had 1,204 responses, 14 to 3, at 10.30 on 14 July 2016.",
        "THE M25 AND THE A1 TOO.",
        "The case was put in report CX/2019/4471 to 3500 staff.",
        "Policy H12 of 417 GPX pages.",
        "The High Street and Mill Lane were dug up.",
    ],
)
def test_a_number_that_finds_nobody_stays(text):
    assert find_numbers(text) == []


# ---------------------------------------------------------------------------------------------------------------------
# Roles, the interviewee's own organisation and place


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("The chief executive of Harrowmere left.", "The [chief executive of a district council] left."),
        ("Harrowmere's leader left.", "[leader of a district council] left."),
        ("The Orrenshire chief exec left.", "The [chief executive of a county council] left."),
        ("The county's director of place left.", "The [senior officer of a county council] left."),
        ("The chief exec over at Tarnholt DC left.", "The [chief executive of a district council] left."),
        ("Sallowby's head of planning left.", "[senior officer of a council] left."),
        ("The leader over at Gressing Moor left.", "The [leader of a council] left."),
        ("The Mayor of London left.", "The Mayor of London left."),
        ("The Labour leader and the Finance Director left.", "The Labour leader and the Finance Director left."),
        ("A chief executive and two leaders left.", "A chief executive and two leaders left."),
        ("Officers of Orrenshire County Council left.", "Officers of Orrenshire County Council left."),
    ],
)
def test_a_role_with_its_organisation(text, replaced, gazetteer):
    assert said(text, gazetteer=gazetteer) == replaced


def test_the_own_organisation_goes_by_all_its_names(gazetteer):
    own = Interviewees(organisations=("Tarnholt District Council",), places=("Nether Marle",))
    text = "Tarnholt District Council, Tarnholt DC, TDC, Tarnholt Council. In Tarnholt and Nether Marle. Orrenshire County Council."
    assert said(text, interviewee=own, gazetteer=gazetteer) == (
        "[district council], [district council], [district council], [district council]. "
        "In [place in the area] and [place in the area]. Orrenshire County Council."
    )


def test_the_own_organisation_is_guessed_and_the_guess_is_told(gazetteer):
    blocks = turns(("INT", "Who are you?"), ("Ann Weir", "We at Tarnholt District Council like Harrowmere."))
    done = redact(blocks, access=None, gazetteer=gazetteer)
    assert done.blocks[1].text == "We at [district council] like Harrowmere."
    assert [(f.text, f.block) for f in done.findings if f.action == "guessed"] == [("Tarnholt District Council", -1)]


def test_an_attributable_source_keeps_roles_and_organisations(gazetteer):
    text = "The chief executive of Harrowmere left."
    assert said(text, access="attributable", gazetteer=gazetteer) == text


@pytest.mark.parametrize(("third_people", "expected"), [("replace", "[person 1] rang"), ("keep", "Bo Marsh rang")])
def test_other_people_in_an_attributable_source(third_people, expected):
    blocks = turns(("INT", "Who?"), ("Ann Weir", "Bo Marsh rang from 01632 960 123."))
    text = redact(blocks, access="attributable", third_people=third_people).blocks[1].text
    assert text == f"{expected} from [phone]."


def test_a_public_source_stays_as_it_is():
    blocks = [Block("Bo Marsh, chief executive of Harrowmere, is on 01632 960 123.")]
    assert [block.text for block in redact(blocks, access="public").blocks] == [blocks[0].text]


# ---------------------------------------------------------------------------------------------------------------------
# Access


def test_the_most_restrictive_access_wins_and_none_is_not_for_attribution():
    assert strictest("public", "attributable", "non-attributable") == "non-attributable"
    assert strictest("public", "attributable") == "attributable"
    assert strictest("public", None) == "non-attributable"
    assert strictest() == "non-attributable"


def accesses(*texts):
    return [block.access for block in mark_access([Block(t, "turn", speaker="A") for t in texts], "attributable")]


CLOSED, OPEN = "non-attributable", "attributable"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["We agreed."], [OPEN]),
        (["Yes. [off the record] He drank. [back on the record] We signed."], [OPEN, CLOSED, OPEN]),
        (["[not for attribution] He drank.", "And more."], [CLOSED, CLOSED]),
        (["(off the record) He drank.", "More.", "[on the record] We signed."], [CLOSED, CLOSED, CLOSED, OPEN]),
        (["Fine.", "Please don't quote me on this, but he drank and drank, all day long, as all of us who were there could see in the end.", "Fine."], [OPEN, CLOSED, OPEN]),
        (["This is off the record: he drank.", "Right.", "OK, back on the record. We signed."], [CLOSED, CLOSED, CLOSED]),
        (["Nothing I say is off the record.", "Good."], [OPEN, OPEN]),
        (["I will put the recorder between us.", "Good."], [OPEN, OPEN]),
        (["Keep this between us, he drank and drank, all day long, as all of us who were there could see in the end."], [CLOSED]),
    ],
)  # fmt: skip
def test_what_is_off_the_record(texts, expected):
    assert accesses(*texts) == expected


@pytest.mark.parametrize("access", ["public", "attributable", "non-attributable", None])
@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("We agreed.", []),
        ("We agreed. [off the record] He drank. [back on the record] We signed.", ["He drank."]),
        ("We agreed. (confidential) He drank.", ["He drank."]),
        ("Please don't quote me on this, but he drank.", ["he drank."]),
        ("Between you and me, he drank.", ["he drank."]),
        ("Can you turn the recorder off, he drank.", ["he drank."]),
        ("[not for attribution] He drank.", []),  # may be quoted, without a name
        ("This is under the Chatham House rule: he drank.", []),
        ("Don't attribute this to me, and leave this bit out of the report, he drank.", ["he drank."]),
    ],
)
def test_what_is_off_the_record_is_marked_whatever_the_access(text, off, access):
    marked = mark_access([Block(text, "turn", speaker="A")], access)
    told = " ".join(block.text for block in marked if not block.off_record)
    assert [words for words in ("He drank.", "he drank.") if words in text and words not in told] == off
    assert all(block.access == "non-attributable" for block in marked if block.off_record)
    assert "".join("".join(block.text for block in marked).split()) == "".join(text.split())


def test_a_speaker_loses_the_name_where_it_is_off_the_record():
    blocks = turns(
        ("INT", "Why?"), ("Ann Weir", "It rained. [off the record] Ann Weir drank. [back on the record] Yes.")
    )
    done = redact(blocks, access="attributable").blocks
    assert [(b.speaker, b.access) for b in done[1:]] == [
        ("Ann Weir", OPEN), ("Interviewee 1", CLOSED), ("Ann Weir", OPEN),
    ]  # fmt: skip
    assert "Weir" not in done[2].text


# ---------------------------------------------------------------------------------------------------------------------
# A person has the last word


def test_corrections_hold():
    corrections = Corrections(always=(("the old firm", "name"), ("Plot 9", "place")), never=("Priya", "01632 960 123"))
    text = "Priya of the old firm sold Plot 9; ring 01632 960 123 or 01632 960 124."
    assert said(text, corrections=corrections) == (
        "Priya of [name] sold [place in the area]; ring 01632 960 123 or [phone]."
    )


def test_findings_say_what_was_left_and_why():
    done = redact([Block("Mark my words, said Michael Gove to Priya.")], access=None)
    told = {(f.text, f.action) for f in done.findings}
    assert told == {("Mark", "left"), ("Michael Gove", "left"), ("Priya", "replaced")}
    assert all(f.reason for f in done.findings)


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        ("the file is empty", "the file is empty"),
        ("is not JSON (Expecting value: Ann Weir)", "is not JSON"),
        ("the id 'Ann Weir' comes twice", "the id … comes twice"),
        ("has the columns Ann Weir, leader", "has the columns …"),
    ],
)
def test_a_problem_with_a_file_is_told_without_its_words(problem, shown):
    assert without_words(problem) == shown


# ---------------------------------------------------------------------------------------------------------------------
# Properties

GIVEN = st.sampled_from(["Priya", "Siobhan", "Oluwaseun", "Zbigniew", "Fatima", "Gethin", "Mei-Ling", "Mark", "Grace"])
SURNAME = st.sampled_from(
    ["Nandakumar", "O'Shaughnessy", "Bamgbose", "Wojciechowski", "Tranmere", "Llwyd-Jones", "Hill"]
)
FRAME = st.sampled_from(
    [
        "I met {} there.", "My name is {}, as you know.", "{} rang me.", "As {} told us, it was wet.", "Thanks, {}.",
        "That was {}'s view of it.", "Councillor {} agreed.", "We asked {} and the council.",
    ]
)  # fmt: skip
PLAIN = st.sampled_from(
    ["The budget was £4m in 2019.", "Mark my words.", "Reading helps.", "We may agree.", "Trust grew slowly in May."]
)


@st.composite
def documents(draw):
    """Blocks with people planted in them, by their whole names."""
    blocks, planted = [], set()
    for _ in range(draw(st.integers(1, 6))):
        name = f"{draw(GIVEN)} {draw(SURNAME)}"
        planted.add(name)
        sentences = [draw(PLAIN), draw(FRAME).format(name), draw(PLAIN)]
        speaker = draw(st.sampled_from(["INT", "Bo Marsh", "R1", None]))
        blocks.append(Block(" ".join(sentences), "turn" if speaker else "paragraph", speaker=speaker))
    return blocks, planted


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_no_planted_name_is_left_and_nothing_else_changes(document):
    blocks, planted = document
    done = redact(blocks, access="non-attributable")
    for block in done.blocks:
        assert not [
            part
            for name in planted
            for part in name.split()
            if part not in ("Mark", "Hill", "Grace") and part in block.text
        ]
        assert not [name for name in planted if name in block.text]
    for i, (before, after) in enumerate(zip(blocks, done.blocks, strict=True)):
        found = sorted(
            (f for f in done.findings if f.block == i and f.action == "replaced"), key=lambda f: f.start_char
        )
        text, at = "", 0
        for f in found:
            assert f.start_char >= at
            assert before.text[f.start_char : f.end_char] == f.text
            text += before.text[at : f.start_char] + f.replaced_by
            at = f.end_char
        assert text + before.text[at:] == after.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_a_second_time_changes_nothing(document):
    once = redact(document[0], access="non-attributable").blocks
    assert [b.text for b in redact(once, access="non-attributable").blocks] == [b.text for b in once]


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_a_marked_transcript_is_done_in_one_go(path, gazetteer):
    blocks, _, head = read_marked(path)
    own = Interviewees(organisations=tuple(filter(None, head.get("own", "").split(";"))) or ("Acme Parish Council",))
    once = redact(blocks, access=head["access"], interviewee=own, gazetteer=gazetteer).blocks
    twice = redact(once, access=head["access"], interviewee=own, gazetteer=gazetteer)
    assert [b.text for b in twice.blocks] == [b.text for b in once]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ABab ilnoy.,:'’-\n[]()@0179£ “é\u200b"), max_size=80))
def test_any_text_goes_through(text):
    blocks = [Block(text, "turn", speaker=text[:5].strip() or "INT"), Block(text)]
    done = redact(blocks, access=None)
    assert len(done.blocks) == 2
    assert all(b.access == "non-attributable" for b in done.blocks)
