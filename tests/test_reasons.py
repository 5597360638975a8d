import itertools

import numpy as np
import pytest

from collabnlp.classify import assign_folds, fit
from collabnlp.embed import no_readings
from collabnlp.gold import Gold
from collabnlp.reasons import Neighbours, explain
from conftest import FakeEncoder, make_passage, make_tag
from test_classify import seen

TEXT = "The committee met in May. We have come to trust each other. Bins were emptied."


@pytest.fixture(scope="module")
def gold(codebook):
    texts = [f"{'we trust each other' if i % 2 else 'the bins are green'} in place {i}" for i in range(60)]
    labels = np.zeros((60, len(codebook.names)), dtype=bool)
    labels[1::2, codebook.names.index("trust")] = True
    groups = [f"d{i // 6}" for i in range(60)]
    return Gold([f"g:{i:02d}" for i in range(60)], texts, labels, np.where(labels, 0, -1), groups, ["free"] * 60)


@pytest.fixture(scope="module")
def neighbours(gold, codebook):
    return Neighbours(gold, FakeEncoder().encode(gold.texts), codebook.names)


@pytest.fixture(scope="module")
def classifier(gold, codebook):
    return fit(gold, seen(gold.texts), codebook, assign_folds(gold.groups, 3))[0]


def explained(classifier, neighbours, place, text=TEXT):
    readings = no_readings(1, len(classifier.codes))
    readings.places[:] = place
    tag = make_tag(coder=classifier.coder)
    return explain(classifier, [make_passage(text)], [tag], FakeEncoder().encode([text]), readings, neighbours)[0]


def test_the_sentence_is_where_the_fine_tuned_encoder_looked(classifier, neighbours):
    text = "They trust us. Bins were emptied. We trust them."
    reason = explained(classifier, neighbours, text.index("We trust"), text)
    assert reason.sentence == "We trust them."
    assert text[reason.start_char : reason.end_char] == reason.sentence


def test_a_sentence_without_any_indicator_gives_way_to_one_with(classifier, neighbours):
    assert explained(classifier, neighbours, TEXT.index("Bins")).sentence == "We have come to trust each other."


def test_terms_are_no_stop_words_and_do_not_overlap(classifier):
    text = "There is mutual trust between them which they would not lose, and trust each other we do."
    spans = classifier.terms(text, "trust")
    assert spans
    assert not {text[start:end].lower() for start, end in spans} & {"which", "they", "would", "there", "them", "we"}
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(sorted(spans)))


def test_without_its_reading_the_strongest_term_points_to_the_sentence(classifier, neighbours):
    reason = explained(classifier, neighbours, -1)
    assert reason.sentence == "We have come to trust each other."
    assert any("trust" in term for term in reason.terms)
    assert all(term in TEXT for term in reason.terms)


def test_the_nearest_coded_passages_carry_the_code_and_are_not_the_text_itself(neighbours, gold):
    found = neighbours.nearest("trust", FakeEncoder().encode([gold.texts[1]]), [gold.texts[1]])[0]
    assert len(found) == 3
    assert gold.passage_ids[1] not in found
    assert all(gold.labels[gold.passage_ids.index(i)].any() for i in found)
    assert neighbours.nearest("risk", FakeEncoder().encode(["x"]), ["x"]) == [()]


def test_the_nearest_do_not_depend_on_what_else_is_looked_for(gold, codebook):
    """Vectors that differ less than a product of matrices errs, and some that do not differ: ids decide."""
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(1, 384)) + 1e-7 * rng.normal(size=(60, 384))
    vectors[20:40] = rng.normal(size=384)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    neighbours = Neighbours(gold, vectors, codebook.names)
    texts = [f"new {i}" for i in range(60)]
    together = neighbours.nearest("trust", vectors, texts)
    assert [neighbours.nearest("trust", vectors[i : i + 1], texts[i : i + 1])[0] for i in range(60)] == together
    assert together[21] == tuple(gold.passage_ids[i] for i in (21, 23, 25))
