import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabnlp.entities import MentionFinder
from collabnlp.names import (
    CLASSES,
    Hints,
    Names,
    Place,
    Weights,
    cut,
    describe,
    describe_place,
    fit,
    spans,
    word_counts,
)
from collabnlp.records import InputError
from conftest import make_passage

NO_HINTS = Hints({}, [], False)
SAMPLE = [
    ("The Marl Growth Board met on Friday.", "Marl Growth Board", "PARTNERSHIP"),
    ("The Orsey Growth Board met again.", "Orsey Growth Board", "PARTNERSHIP"),
    ("The Hale Growth Board met twice.", "Hale Growth Board", "PARTNERSHIP"),
    ("Harbour Rising began as a talk.", "Harbour Rising", "SCHEME"),
    ("Easter Rising began as a talk.", "Easter Rising", "SCHEME"),
    ("Denny Rising began as a talk.", "Denny Rising", "SCHEME"),
    ("Peter Marsh met the team.", "", ""),
    ("Anne Low met the team.", "", ""),
    ("Victoria Road was closed.", "", ""),
]


def texts_of(text):
    words = cut(text)
    return {text[words[i].start : words[j - 1].end] for i, j in spans(words)}


@pytest.fixture(scope="module")
def names():
    rows, labels = [], []
    for text, name, label in SAMPLE * 4:
        words = cut(text)
        for i, j in spans(words):
            rows.append(describe(words, i, j, NO_HINTS, {"rising", "growth", "road"}, word_counts([words])))
            labels.append(CLASSES.index(label) if text[words[i].start : words[j - 1].end] == name else 0)
    places = [
        (describe_place(cut(text), Place(start, start + 1, ruled, False, False)), acts)
        for text, start, ruled, acts in (
            ("Marl has agreed to pay .", 0, 0.6, 1),
            ("People in Marl shop online .", 2, 0.4, 0),
        )
    ] * 8
    return Names(
        fit(rows, labels, len(CLASSES), 10.0),
        fit([row for row, _ in places], [acts for _, acts in places], 2, 10.0),
        {"rising", "growth", "road"},
        0.3,
    )


@pytest.fixture(scope="module")
def finder(gazetteer, names):
    return MentionFinder(gazetteer, names)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("We ran Raising the Bar together.", "Raising the Bar"),
        ("The Kent leaders group met.", "Kent leaders group"),
        ("the community strategy executive board (CSEB) met", "community strategy executive board"),
        ("their ‘housing offer to health’ grew", "housing offer to health"),
        ("the Vale, Orsey and Hale (VOH) Care Partnership Board", "Vale, Orsey and Hale (VOH) Care Partnership Board"),
    ],
)
def test_what_may_be_a_name_is_a_span(text, name):
    assert name in texts_of(text)


def test_a_head_noun_alone_is_no_span():
    assert "Board" not in texts_of("So the Board met.")


def test_words_that_a_lost_line_break_joined_are_parted():
    assert [word.text for word in cut("Moor CouncilsThe board")] == ["Moor", "Councils", "The", "board"]


def test_a_fitted_model_finds_names_like_those_it_saw(names):
    for text, name, label in (
        ("The Teme Growth Board met.", "Teme Growth Board", "PARTNERSHIP"),
        ("Fenby Rising began as a talk.", "Fenby Rising", "SCHEME"),
    ):
        words = cut(text)
        judged = names.judge(words, NO_HINTS, word_counts([words]))
        start = text.index(name)
        assert judged[start, start + len(name)][0] == label
        assert judged[start, start + len(name)][1] > 0.5
    words = cut("Mary Grant met the team.")
    assert all(p < 0.5 for _, p in names.judge(words, NO_HINTS, word_counts([words])).values())


def test_what_a_place_does_is_the_mean_of_rules_and_model(names):
    words = cut("Orsey has agreed to pay .")
    place = Place(0, 1, 0.6, False, False)
    low, high = names.acts(words, place._replace(ruled=0.0)), names.acts(words, place)
    assert 0.5 < high <= 0.8
    assert low < high


def test_models_read_back_judge_alike(tmp_path, names):
    names.to_disk(tmp_path / "names.json")
    again = Names.from_disk(tmp_path / "names.json")
    words = cut("The Teme Growth Board met Fenby Rising.")
    assert again.judge(words, NO_HINTS, {}) == names.judge(words, NO_HINTS, {})
    again.to_disk(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "names.json").read_bytes()


def test_fitting_twice_gives_the_same_weights():
    rows = [["bias", "a"], ["bias", "b"], ["bias", "a"], ["bias", "b"]]
    assert fit(rows, [1, 0, 1, 0], 2, 1.0) == fit(rows, [1, 0, 1, 0], 2, 1.0)
    assert fit(rows, [1, 0, 1, 0], 2, 1.0).odds(["a"])[0] > 0


def test_a_file_of_another_format_is_refused(tmp_path):
    path = tmp_path / "names.json"
    with pytest.raises(InputError, match="no such file"):
        Names.from_disk(path)
    path.write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        Names.from_disk(path)


def test_the_model_adds_names_that_no_pattern_knows_and_keeps_listed_ones(finder):
    found = [(m.label, m.text, m.method) for m in finder.find([make_passage("Fenby Rising began as a talk.")], 2019)]
    assert found == [("SCHEME", "Fenby Rising", "model")]
    found = finder.find([make_passage("Suffolk County Council joined Fenby Rising.")], 2019)
    assert (found[0].text, found[0].entity_ids) == ("Suffolk County Council", ("suffolk",))


def test_a_passage_is_looked_at_once_for_several_models(gazetteer, names):
    finder, passages = MentionFinder(gazetteer), [make_passage("The Marlshire Growth Board met Fenby Rising.")]
    finder.find(passages, 2019)
    finder.judging_by(names).find(passages, 2019)
    assert finder._look.cache_info().misses == 1


def test_without_weights_only_rules_speak(gazetteer):
    empty = Names(Weights({}, 2), Weights({}, 1), (), 0.9)
    text = "The Marlshire Growth Board met Fenby Rising."
    ruled, judged = (
        f.find([make_passage(text)], 2019) for f in (MentionFinder(gazetteer), MentionFinder(gazetteer, empty))
    )
    assert [m.text for m in ruled] == [m.text for m in judged] == ["Marlshire Growth Board"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "Rising",
                "Growth Board",
                "and",
                "the",
                "(CSEB)",
                "‘",
                "’s",
                "Suffolk",
                "County CouncilThe",
                "é",
                "😀",
                ",",
                "\n",
            ]
        ),
        max_size=14,
    )
)
def test_with_a_model_too_every_mention_is_its_slice_and_none_overlap(finder, parts):
    text = " ".join(parts)
    mentions = finder.find([make_passage(text)], 2019)
    assert all(text[m.start_char : m.end_char] == m.text for m in mentions)
    assert all(a.end_char <= b.start_char for a, b in itertools.pairwise(mentions))
