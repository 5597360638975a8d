"""Blocks become one text and passages that are slices of it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.records import Block
from collabnlp.segment import segment, sentences

LINE = "Orrenshire and Harrowmere agreed to share a depot."


def texts(blocks, **limits):
    return [passage.text for passage in segment("d", blocks, **limits)[1]]


def test_a_paragraph_is_a_passage_with_its_place_in_the_text():
    text, passages = segment("d", [Block(LINE), Block("Tarnholt joined them in the second year.")])
    assert text == f"{LINE}\n\nTarnholt joined them in the second year."
    assert [(p.passage_id, p.start_char, p.end_char) for p in passages] == [("d:0001", 0, 50), ("d:0002", 52, 92)]


def test_offsets_count_code_points():
    _, passages = segment("d", [Block("The leaders 😀 agreed at the café́ that day."), Block(LINE)])
    assert passages[1].start_char == len("The leaders 😀 agreed at the café́ that day.") + 2


@pytest.mark.parametrize(
    ("headings", "section"),
    [
        ([("Trust", 1)], ("Trust",)),
        ([("Drivers", 1), ("Trust", 2)], ("Drivers", "Trust")),
        ([("Drivers", 1), ("Trust", 2), ("Money", 2)], ("Drivers", "Money")),
        ([("Drivers", 1), ("Trust", 2), ("Barriers", 1)], ("Barriers",)),
        ([("Trust", 3), ("Money", 2)], ("Money",)),
    ],
)
def test_headings_above_become_the_section(headings, section):
    blocks = [
        Block("An opening of some length stands here."),
        *(Block(text, "heading", level) for text, level in headings),
    ]
    assert segment("d", [*blocks, Block(LINE)])[1][-1].section == section


def test_the_title_is_no_section():
    blocks = [Block("Shared services", "heading", 1), Block("Trust", "heading", 2), Block(LINE)]
    assert segment("d", blocks)[1][0].section == ("Trust",)


def test_a_heading_is_no_passage_but_stands_in_the_text():
    text, passages = segment("d", [Block("What did we learn from all of it", "heading", 1), Block(LINE)])
    assert text.startswith("What did we learn")
    assert [p.text for p in passages] == [LINE]


def test_list_items_stay_with_the_sentence_that_introduces_them():
    blocks = [Block("They agreed on three things:"), Block("one budget", "list", 1), Block("one office", "list", 1)]
    assert texts(blocks) == ["They agreed on three things:\none budget\none office"]


def test_a_list_with_its_introduction_is_of_kind_list():
    assert segment("d", [Block("They agreed on two things:"), Block("one budget", "list", 1)])[1][0].kind == "list"


def test_a_list_does_not_join_a_finished_paragraph():
    assert texts([Block(LINE), Block("one budget for the whole depot", "list", 1)]) == [
        LINE,
        "one budget for the whole depot",
    ]


def test_a_long_list_item_is_a_passage_of_its_own():
    long = "word " * 40 + "end"
    assert texts([Block("one budget for the whole depot", "list", 1), Block(long, "list", 1)]) == [
        "one budget for the whole depot",
        long,
    ]


def test_a_list_is_parted_where_it_grows_too_long():
    items = [Block("one budget for the whole depot", "list", 1)] * 5
    assert [len(text.split()) for text in texts(items, max_words=20)] == [18, 12]


def test_a_table_gives_a_passage_a_row():
    rows = [
        Block("Orrenshire | saved much in its first year", "table"),
        Block("Tarnholt | saved nothing at all", "table"),
    ]
    assert [p.kind for p in segment("d", rows)[1]] == ["table", "table"]


def test_what_is_too_short_stays_in_the_text_without_being_a_passage():
    text, passages = segment("d", [Block("Not now."), Block(LINE)])
    assert text.startswith("Not now.")
    assert [p.text for p in passages] == [LINE]


def test_a_row_is_taken_as_it_stands():
    long = "word " * 300
    assert texts([Block("Yes.", "row"), Block(long, "row")]) == ["Yes.", long]


@pytest.mark.parametrize(
    "contents",
    [
        "How it began and who began it ........ 4",
        "How it began and who began it\t4",
        "Foreword 3 Drivers 5 Trust between leaders 7 Money 12 Appendix 20",
    ],
)
def test_a_table_of_contents_is_no_passage(contents):
    assert texts([Block(contents), Block(LINE)]) == [LINE]


def test_a_sentence_that_ends_in_a_number_is_a_passage():
    assert texts([Block("The joint team grew from 3 people to 40")]) == ["The joint team grew from 3 people to 40"]


def test_a_long_paragraph_is_cut_at_the_end_of_a_sentence():
    assert texts([Block(" ".join([LINE] * 6))], max_words=30) == [" ".join([LINE] * 3)] * 2


def test_a_sentence_longer_than_a_passage_is_cut_at_a_blank():
    assert [len(text.split()) for text in texts([Block("word " * 50)], max_words=20)] == [20, 20, 10]


def test_no_cut_leaves_a_piece_below_the_shortest_passage():
    middle = "The leaders of the two councils met in Tarnholt and spoke until dark about the depot."
    assert min(len(text.split()) for text in texts([Block(f"{LINE} {middle} Yes.")], max_words=20)) >= 5


def test_speaker_time_and_page_are_handed_on():
    passage = segment("d", [Block(LINE, "turn", speaker="Interviewee", time=12.5, page=3)])[1][0]
    assert (passage.kind, passage.speaker, passage.time, passage.page) == ("turn", "Interviewee", 12.5, 3)


def test_every_piece_of_a_cut_turn_keeps_its_speaker():
    _, passages = segment("d", [Block(" ".join([LINE] * 6), "turn", speaker="Interviewee")], max_words=30)
    assert [p.speaker for p in passages] == ["Interviewee"] * 2


def test_no_blocks_give_no_passages():
    assert segment("d", []) == ("", [])


@pytest.mark.parametrize("text", ["", "   ", "We agreed.", "We agreed.  They did not. ", "1. We agreed!\nDid they?"])
def test_sentences_are_slices_without_blanks_around_them(text):
    assert all(text[a:b].strip() == text[a:b] for a, b in sentences(text))


# ---------------------------------------------------------------------------------------------------------------------
# Properties

ANY_TEXT = st.text(max_size=120) | st.lists(
    st.sampled_from("the agreed. Councils: 12 😀 e\u0301 a\u200d\u0327 \u2028 \xa0 \x85 ?! | ... 3 \t \n".split(" ")),
    max_size=90,
).map(" ".join)
BLOCKS = st.lists(
    st.builds(
        Block,
        text=ANY_TEXT,
        kind=st.sampled_from(["heading", "paragraph", "list", "table", "box", "turn", "row"]),
        level=st.integers(0, 6),
        page=st.none() | st.integers(1, 9),
        speaker=st.none() | st.just("Interviewee"),
        time=st.none() | st.floats(0, 9000),
    ),
    max_size=12,
)
MAX_WORDS = st.integers(20, 60)
PROPERTY = settings(max_examples=150, deadline=None)


@PROPERTY
@given(blocks=BLOCKS, max_words=MAX_WORDS)
def test_every_slice_equals_its_passage(blocks, max_words):
    text, passages = segment("d", blocks, max_words=max_words)
    assert [text[p.start_char : p.end_char] for p in passages] == [p.text for p in passages]


@PROPERTY
@given(blocks=BLOCKS, max_words=MAX_WORDS)
def test_passages_are_in_order_and_do_not_overlap(blocks, max_words):
    _, passages = segment("d", blocks, max_words=max_words)
    assert all(a.end_char <= b.start_char for a, b in itertools.pairwise(passages))
    assert all(p.start_char <= p.end_char for p in passages)


@PROPERTY
@given(blocks=BLOCKS, max_words=MAX_WORDS)
def test_no_passage_but_a_row_is_too_long(blocks, max_words):
    _, passages = segment("d", blocks, max_words=max_words)
    assert all(len(p.text.split()) <= max_words for p in passages if p.kind != "row")


@PROPERTY
@given(blocks=BLOCKS)
def test_ordinals_run_from_one_and_ids_are_unique(blocks):
    _, passages = segment("d", blocks, max_words=20)
    assert [p.ordinal for p in passages] == list(range(1, len(passages) + 1))
    assert len({p.passage_id for p in passages}) == len(passages)


@PROPERTY
@given(blocks=BLOCKS)
def test_the_text_holds_every_block_in_order(blocks):
    text, _ = segment("d", blocks)
    at = 0
    for block in blocks:
        at = text.index(block.text, at) + len(block.text)


@PROPERTY
@given(
    words=st.lists(st.sampled_from(["we", "agreed.", "Tarnholt", "😀", "no?", "e\u0301"]), min_size=30, max_size=200)
)
def test_no_word_of_a_cut_paragraph_is_lost(words):
    assert " ".join(texts([Block(" ".join(words))], max_words=20, min_words=1)).split() == words
