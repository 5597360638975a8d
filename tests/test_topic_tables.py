"""Counts of topics against codes and places, gaps, changes between models, measures of agreement, pictures."""

import json
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabnlp.records import InputError, Topic, TopicArea, TopicAssignment, TopicCode
from collabnlp.topics.changes import compare
from collabnlp.topics.consensus import Clusters
from collabnlp.topics.listing import describe_topic, find_topic, list_topics
from collabnlp.topics.map_page import write_map_page
from collabnlp.topics.phrases import distinct, find_heads, find_names, phrases, pieces, stop_words
from collabnlp.topics.plots import Dot, _lift, lay_out, write_codes, write_map, write_tree, write_years
from collabnlp.topics.quality import Fit, agreement, same_place, word_agreement, word_quality
from collabnlp.topics.tables import INTERVIEWS, count_codes, count_places, find_gaps, labels_of, place
from collabnlp.topics.vectors import unit
from conftest import make_document, make_passage, make_tag


def make_topic(number, label="Waste, bins", area=0, n=10, **changes):
    return Topic(
        **{"topic": number, "label": label, "terms": ("waste", "bins"), "n_passages": n, "exemplars": (), "area": area,
           "gloss": "Bins are emptied.", "words": ("waste", "bins"), **changes}
    )  # fmt: skip


def make_area(number, label="Services", topics=(0,), n=10):
    return TopicArea(area=number, label=label, gloss="", terms=(), topics=topics, n_passages=n, exemplars=())


def assign(*topics, document="report", start=1):
    return [
        TopicAssignment(passage_id=f"{document}:{i:04d}", topic=t, score=0.5, area=min(t, 0))
        for i, t in enumerate(topics, start=start)
    ]


TOPICS = [make_topic(0), make_topic(1, "Homes, rents")]
AREAS = [make_area(0, topics=(0, 1))]
LABELS = labels_of(TOPICS, AREAS)
DOCUMENTS = {
    "report": make_document(),
    "talk": make_document("talk", access="non-attributable", title="Interview 1"),
    "chat": make_document("chat", access="non-attributable", title="Interview 2"),
}


def cell(rows, number, code, level="topic"):
    return next(r for r in rows if (r.level, r.topic, r.code) == (level, number, code))


def test_lift_is_what_stands_there_beside_what_chance_would_give():
    placed = place(assign(*[0] * 4, *[1] * 6))
    tags = [make_tag(f"report:{i:04d}") for i in (1, 2, 3, 5)]
    found = cell(count_codes(placed, tags, ["trust", "risk"], LABELS, DOCUMENTS, 3), 0, "trust")
    assert (found.n_passages, found.expected, found.lift, found.share) == (3, 1.6, 1.875, 0.75)
    none = cell(count_codes(placed, tags, ["trust", "risk"], LABELS, DOCUMENTS, 3), 0, "risk")
    assert (none.n_passages, none.lift) == (0, None)


@given(st.lists(st.tuples(st.integers(-1, 1), st.booleans()), min_size=1, max_size=30))
def test_sums_over_topics_are_the_passages_with_the_code(pairs):
    placed = place(assign(*[t for t, _ in pairs]))
    tags = [make_tag(p.passage_id) for p, (_, coded) in zip(placed, pairs, strict=True) if coded]
    rows = count_codes(placed, tags, ["trust"], LABELS, DOCUMENTS, 3)
    for level in ("topic", "area"):
        assert sum(r.n_passages for r in rows if r.level == level) == len(tags)
        assert sum(r.expected for r in rows if r.level == level) == pytest.approx(len(tags), abs=0.05)


def test_a_cell_of_few_interviews_not_for_attribution_is_withheld():
    placed = place(assign(0, 0, document="talk") + assign(1, 1))
    tags = [make_tag("talk:0001"), make_tag("report:0001")]
    rows = count_codes(placed, tags, ["trust"], LABELS, DOCUMENTS, 3)
    assert (cell(rows, 0, "trust").n_passages, cell(rows, 0, "trust").lift) == (None, None)
    assert cell(rows, 1, "trust").n_passages == 1
    assert cell(count_codes(placed, tags, ["trust"], LABELS, DOCUMENTS, 1), 0, "trust").n_passages == 1


def test_topics_are_counted_by_document_year_and_council():
    placed = place(assign(0, 0, 1))
    rows = count_places(
        placed, LABELS, DOCUMENTS, {"report:0001": ["kent"], "report:0003": ["kent"]}, {"kent": "Kent"}, 3
    )
    found = {(r.by, r.value, r.topic): (r.name, r.n_passages, r.share) for r in rows if r.level == "topic"}
    assert found["document", "report", 0] == ("A report", 2, 0.6667)
    assert found["year", "2019", 1] == ("2019", 1, 0.3333)
    assert found["council", "kent", 0] == ("Kent", 1, 0.5)


def test_interviews_not_for_attribution_are_counted_together_and_only_if_there_are_enough():
    placed = place(assign(0, document="talk") + assign(1, document="chat"))
    councils = {"talk:0001": ["kent"]}
    assert count_places(placed, LABELS, DOCUMENTS, councils, {"kent": "Kent"}, 3) == []
    rows = count_places(placed, LABELS, DOCUMENTS, councils, {"kent": "Kent"}, 2)
    assert {r.value for r in rows if r.by == "document"} == {INTERVIEWS}
    assert not [r for r in rows if r.by == "council"]


def test_a_topic_that_codes_do_not_see_and_a_code_that_is_no_topics_are_told():
    placed = place(assign(*[0] * 20, *[1] * 20))
    tags = [make_tag(f"report:{i:04d}") for i in range(21, 41)]
    tags += [make_tag(f"report:{i:04d}", code="risk") for i in range(25, 30)]
    spread = [make_tag(f"report:{i:04d}", code="risk") for i in range(1, 6)]
    rows = count_codes(placed, tags, ["trust", "risk"], LABELS, DOCUMENTS, 3)
    assert [(g.gap, g.name, g.share) for g in find_gaps(placed, tags, rows, ["trust", "risk"])] == [
        ("topic without code", "Waste, bins", 0.0)
    ]
    rows = count_codes(placed, tags + spread, ["trust", "risk"], LABELS, DOCUMENTS, 3)
    gaps = {g.gap: g for g in find_gaps(placed, tags + spread, rows, ["trust", "risk"])}
    assert gaps["code without topic"].name == "risk"
    assert gaps["code without topic"].lift == 1.0


def changes(old, new):
    return {
        (row.old, row.new): row.change
        for row in compare(Counter(zip(old, new, strict=True)), [make_topic(t) for t in sorted(set(old))], [make_topic(t) for t in sorted(set(new))])
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([0] * 6 + [1] * 4, [1] * 6 + [0] * 4, {(0, 1): "kept", (1, 0): "kept"}),
        ([0] * 10, [0] * 5 + [1] * 5, {(0, 0): "split", (0, 1): "split"}),
        ([0] * 5 + [1] * 5, [0] * 10, {(0, 0): "merged", (1, 0): "merged"}),
        ([0] * 5 + [-1] * 5, [0] * 5 + [1] * 5, {(0, 0): "kept", (-1, 1): "new"}),
        ([0] * 5 + [1] * 5, [0] * 5 + [-1] * 5, {(0, 0): "kept", (1, -1): "gone"}),
    ],
)
def test_what_became_of_topics(old, new, expected):
    assert changes(old, new) == expected


def test_every_topic_of_both_models_stands_in_the_table():
    rng = np.random.default_rng(2)
    for _ in range(20):
        old, new = rng.integers(-1, 5, 40).tolist(), rng.integers(-1, 5, 40).tolist()
        found = changes(old, new)
        assert {a for a, _ in found} - {-1} == set(old) - {-1}
        assert {b for _, b in found} - {-1} == set(new) - {-1}


def fit_of(labels, rows=None, words=()):
    return Fit(np.arange(len(labels)) if rows is None else np.array(rows), np.array(labels), words)


def test_agreement_is_one_for_the_same_parts_whatever_their_numbers():
    assert agreement([fit_of([0, 0, 1, 1]), fit_of([1, 1, 0, 0])]) == 1
    assert agreement([fit_of([0, 0, 1, 1]), fit_of([0, 1, 0, 1])]) < 0.1
    assert agreement([fit_of([0, 0, 1, 1]), fit_of([1, 0, 0, 5], rows=[2, 1, 0, 9])]) == 1
    assert math.isnan(agreement([fit_of([0, 1])]))


def test_words_of_topics_are_compared_with_the_topic_most_like():
    a, b = fit_of([0], words=[["a", "b"], ["c", "d"]]), fit_of([0], words=[["c", "d"], ["a", "x"]])
    assert word_agreement([a, a]) == 1
    assert word_agreement([a, b]) == pytest.approx((1 / 3 + 1 + 1 + 1 / 3) / 4)


def test_a_passage_left_out_is_in_place_where_its_topic_stands_for_that_of_the_full_fit():
    full = np.array([0, 0, 1, 1, 0, 1])
    out = np.array([False] * 4 + [True] * 2)
    assert same_place(full, out, np.array([7, 7, 3, 3]), np.array([7, 7])) == 0.5
    assert same_place(full, out, np.array([7, 7, 3, 3]), np.array([7, 9])) == 0.5


def test_coherence_of_words_that_meet_and_of_words_that_never_do():
    texts = ["waste bins"] * 5 + ["homes rents"] * 5
    assert word_quality(texts, [["waste", "bins"], ["homes", "rents"]])["npmi"] == pytest.approx(1)
    assert word_quality(texts, [["waste", "homes"]])["npmi"] == -1
    assert word_quality(texts, [["waste", "bins"], ["waste", "bins"]])["diversity"] == 0.5
    assert math.isnan(word_quality(texts, [])["npmi"])


def test_npmi_follows_its_formula():
    texts = ["a b"] * 2 + ["a c"] * 3 + ["d e"] * 5
    expected = math.log(0.2 / (0.5 * 0.2)) / -math.log(0.2)
    assert word_quality(texts, [["a", "b"]])["npmi"] == pytest.approx(expected)


def test_phrases_hold_no_empty_words_and_cross_no_comma():
    heads = find_heads([pieces("The collection, and bins. A waste collection of less waste, and more bins.")])
    found = phrases(pieces("The council's waste collection, bins. See www.bins.gov.uk"), stop_words(), heads.heads)
    assert found == ["waste", "waste collection", "collection", "bins"]


def test_no_verb_opens_a_phrase():
    said = ["They will raise awareness of bins.", "To raise the awareness.", "An awareness of waste."]
    heads, verbs = find_heads(map(pieces, said))
    assert "raise" in verbs
    assert phrases(pieces("They raise awareness."), stop_words(), heads, verbs) == ["awareness"]


def test_an_empty_word_is_a_phrase_where_it_tells_something():
    heads = frozenset({"report", "members"})
    assert phrases(pieces("The report of members."), stop_words(), heads) == []
    assert phrases(pieces("The report of members."), stop_words(), heads, telling={"report", "members"}) == [
        "report",
        "members",
    ]


def test_names_are_found_by_their_capitals():
    names = find_names(
        ["Then Ann Weatherby said that housing mattered to Kent.", "Housing is what Ann wants.", "We saw Ann."]
    )
    assert {"ann", "weatherby", "kent"} <= names
    assert "housing" not in names


def test_names_of_mixed_letters_are_names_and_abbreviations_are_none():
    names = find_names(["We told the ORReN of the LEPs and the CCG.", "So said ORReN."])
    assert names == {"orren"}


def test_phrases_that_share_a_stem_are_one():
    assert distinct(["waste collection", "collecting bins", "prevention", "preventative", "rents"], 5) == [
        "waste collection", "prevention", "rents",
    ]  # fmt: skip


def picture_of(n=60):
    rng = np.random.default_rng(4)
    centres = unit(rng.normal(size=(3, 8)))
    treated = unit(centres[np.arange(n) % 3] + 0.3 * rng.normal(size=(n, 8)))
    number = np.where(np.arange(n) % 10 == 9, -1, np.arange(n) % 3)
    clusters = Clusters(np.zeros(8), unit(rng.normal(size=(2, 8))), centres, np.array([0, 0, 1]))
    return clusters, treated, number


MAP_TOPICS = [
    make_topic(-1, "Other", -1),
    make_topic(0),
    make_topic(1, "Homes, <b>rents</b>"),
    make_topic(2, "Floods, pumps", 1),
]
MAP_AREAS = [make_area(0, topics=(0, 1)), make_area(1, "Water", topics=(2,))]


def test_topics_on_the_map_do_not_lie_on_each_other_and_typical_passages_lie_inside():
    clusters, treated, number = picture_of()
    middles, spots = lay_out(clusters, treated, number)
    gaps = np.linalg.norm(middles[:, None] - middles[None], axis=2)[~np.eye(3, dtype=bool)]
    assert gaps.min() > 1.9
    for topic in range(3):
        rows = np.flatnonzero(number == topic)
        far = np.linalg.norm(spots[rows] - middles[topic], axis=1)
        assert far.max() <= 1
        assert np.corrcoef(far, treated[rows] @ clusters.topics[topic])[0, 1] < -0.7
    assert np.isfinite(spots).all()


def dots_of(number):
    return [
        Dot(int(t), -1 if t < 0 else int(clusters_parent), "A </script> & {{data}} quote" if i % 2 else "", "Source")
        for i, (t, clusters_parent) in enumerate(zip(number, np.array([0, 0, 1])[number], strict=True))
    ]


def test_the_page_stands_alone_and_holds_text_as_text(tmp_path):
    clusters, treated, number = picture_of()
    path = tmp_path / "map.html"
    picture = write_map_page(path, *lay_out(clusters, treated, number), dots_of(number), MAP_TOPICS, MAP_AREAS)
    page = path.read_text(encoding="utf-8")
    assert page.count("</script>") == 2
    assert "<b>rents" not in page
    assert not re.search(r"(?:src|href)=|url\(|@import", page)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))
    assert len(data["points"]) == 60
    assert {p[4] for p in data["points"]} == {"", "A </script> & {{data}} quote"}
    assert data["topics"]["1"][0] == "Homes, <b>rents</b>"
    assert picture.text.replace("&", "&amp;") in page


def test_pictures_are_the_same_twice_and_say_what_they_show(tmp_path):
    clusters, treated, number = picture_of()
    places = lay_out(clusters, treated, number)
    placed = place(assign(*number.tolist()))
    labels = labels_of(MAP_TOPICS, MAP_AREAS)
    tags = [make_tag(f"report:{i:04d}") for i in range(1, 30)]
    codes = count_codes(placed, tags, ["trust", "risk"], labels, DOCUMENTS, 3)
    counts = count_places(placed, labels, DOCUMENTS, {}, {}, 3)
    made = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        pictures = [
            *write_map(folder / "map", *places, dots_of(number), MAP_TOPICS, MAP_AREAS),
            *write_tree(folder / "tree", MAP_TOPICS, MAP_AREAS),
            *write_years(folder / "years", counts, MAP_AREAS),
            *write_codes(folder / "codes", codes, ["trust", "risk"], str.title, MAP_TOPICS),
        ]
        made.append({p.file: (folder / p.file).read_bytes() for p in pictures})
    assert made[0] == made[1]
    assert sorted(made[0]) == ["codes.png", "codes.svg", "map.png", "tree.png", "tree.svg", "years.png", "years.svg"]
    assert all("Services" in p.text for p in pictures[:5])
    assert "Trust" in pictures[5].text
    ET.parse(tmp_path / "a" / "tree.svg")


@pytest.mark.parametrize(
    ("n", "expected", "told"),
    [(0, 8.0, -2), (0, 1.0, None), (2, 0.5, None), (4, 2.0, 1), (90, 3.0, 2), (None, None, None)],
)
def test_a_cell_has_a_colour_where_passages_are_enough_found_or_by_chance(n, expected, told):
    lift = None if n is None else n / expected
    row = TopicCode(
        level="topic", topic=0, label="Waste", code="trust", n_passages=n, expected=expected, lift=lift, share=None
    )
    assert _lift(row) == told or (told is None and math.isnan(_lift(row)))


def test_topics_are_listed_by_area_and_found_by_number_or_words():
    header, rows = list_topics(MAP_TOPICS, MAP_AREAS)
    assert header[0] == "topic"
    assert [row[0] for row in rows] == [0, 1, 2, -1]
    assert find_topic("2", MAP_TOPICS, "x").label == "Floods, pumps"
    assert find_topic("pumps", MAP_TOPICS, "x").topic == 2
    for wrong, told in (("nothing", "no topic"), ("s", "several"), ("", "no topic")):
        with pytest.raises(InputError, match=told):
            find_topic(wrong, MAP_TOPICS, "x")


def test_a_topic_is_described_with_codes_documents_and_examples():
    from collections import Counter

    placed = place(assign(0, 0, 1))
    codes = count_codes(placed, [make_tag("report:0001")], ["trust"], LABELS, DOCUMENTS, 3)
    facts = describe_topic(TOPICS[0], AREAS, codes, Counter({"A report": 2}), [make_passage("Bins are\nfull.")])
    assert ("area", "Services") in facts
    assert ("codes", "trust 1 (1.5 times chance)") in facts
    assert ("documents", "A report 2") in facts
    assert ("example", "report:0001: Bins are full.") in facts
