"""Codes with few examples: found by what the codebook says of them, and never without a word of caution."""

import numpy as np
import pytest

from collabnlp.classify import Classifier, fit
from collabnlp.codebook import Code, Exemplars
from collabnlp.gold import Gold
from collabnlp.learners import Look, Words, count_words
from collabnlp.scarce import ENOUGH, Transfer, blend, caveat, fit_transfer, likeness, rows_for, scarce_features
from conftest import FakeEncoder

RNG = np.random.default_rng(5)
WORDS = {
    "trust": "the leaders trust each other and respect their partners",
    "risk": "nobody dared to take the risk of a joint venture",
    "patience": "the partners waited for years and were patient with the slow board",
    "": "the office was painted green in spring and the lift was mended",
}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """The passages here are few: learners are heard alone from a hundred examples on."""
    monkeypatch.setattr("collabnlp.classify.OWN", 100)
    monkeypatch.setattr("collabnlp.scarce.OWN", 100)


def code(name, definition, indicators=(), keywords=()):
    return Code(
        code=name, title=name.capitalize(), group="driver", definition=definition, include=(), exclude=(),
        keywords=keywords or (name,), indicators=indicators, exemplars=Exemplars(positive=(definition,)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def book(codebook):
    """Two codes with indicators, and one that was just added without any."""
    codes = (
        code("trust", WORDS["trust"], (r"\btrust\b",)),
        code("risk", WORDS["risk"], (r"\brisk\b",)),
        code("patience", WORDS["patience"], keywords=("patien", "waited")),
    )
    return codebook.model_copy(update={"codes": codes})


@pytest.fixture(scope="module")
def gold():
    """Passages of the two known codes, of none, and, in the last 60, of the new one, of which the coders know nothing."""
    texts, labels = [], []
    for i in range(500):
        kind = ("trust", "risk", "", "")[i % 4] if i < 440 else "patience"
        own = WORDS[kind].split()
        texts.append(" ".join([*RNG.permutation(own)[: len(own) - 2], f"number {i}"]))
        labels.append([kind == "trust", kind == "risk", False])
    labels = np.array(labels)
    groups = [f"d{i % 12}" for i in range(500)]
    return Gold([f"g:{i:04d}" for i in range(500)], texts, labels, np.where(labels, 0, -1), groups, ["free"] * 500)


def fitted(gold, book, n=0, readings=None):
    labels = gold.labels.copy()
    labels[440 : 440 + n, 2] = True
    own = gold._replace(labels=labels, stances=np.where(labels, 0, -1))
    vectors = FakeEncoder().encode(gold.texts)
    codes = np.full(labels.shape, np.nan, np.float32) if readings is None else readings
    seen = Look(vectors, codes, np.zeros((*labels.shape, 3), np.float32))
    return (*fit(own, seen, book, np.array([int(g[1:]) % 3 for g in gold.groups])), seen)


@pytest.mark.parametrize("n", [0, 4, 12])
def test_a_new_code_is_found_and_left_for_review(gold, book, n, tmp_path):
    classifier, out_of_fold, seen = fitted(gold, book, n)
    assert classifier.new_ == {"patience": n}
    assert classifier.caveats() == [caveat("Patience", n)]
    tags = classifier.tag(gold.passage_ids, gold.texts, seen)
    found = {tag.passage_id for tag in tags if tag.code == "patience"}
    meant = set(gold.passage_ids[440:])
    assert len(found & meant) >= 50
    assert len(found - meant) <= 40  # of 440
    assert all(tag.review for tag in tags if tag.code == "patience")
    assert not all(tag.review for tag in tags if tag.code == "trust")
    assert out_of_fold.review[:, 2].all()
    assert out_of_fold.scores[440:, 2].mean() > 3 * out_of_fold.scores[:440, 2].mean()
    classifier.to_disk(tmp_path)
    again = Classifier.from_disk(tmp_path)
    assert (again.scarce_, again.version_) == (classifier.scarce_, classifier.version_)
    assert again.tag(gold.passage_ids, gold.texts, seen) == tags


def test_without_it_a_new_code_is_never_suggested(gold, book, monkeypatch):
    monkeypatch.setattr("collabnlp.classify.ENOUGH", 0)
    monkeypatch.setattr("collabnlp.classify.OWN", 0)
    classifier, _, seen = fitted(gold, book)
    assert classifier.scarce_ == {}
    assert not [tag for tag in classifier.tag(gold.passage_ids, gold.texts, seen) if tag.code == "patience"]


def test_a_code_with_enough_examples_is_as_any_other(gold, book, monkeypatch):
    classifier, _, _ = fitted(gold, book, ENOUGH)
    assert (classifier.new_, classifier.caveats(), classifier.scarce_) == ({}, [], {"patience": ENOUGH})
    monkeypatch.setattr("collabnlp.classify.OWN", ENOUGH)
    classifier, _, _ = fitted(gold, book, ENOUGH)
    assert classifier.scarce_ == {}
    assert not any(name.startswith("transfer") for name in classifier._weights)


def test_a_code_that_the_fine_tuned_encoder_knows_is_weighed_as_before_but_left_for_review(gold, book):
    readings = np.where(gold.labels, 3.0, -3.0).astype(np.float32)
    classifier, _, seen = fitted(gold, book, 4, readings)
    assert classifier.new_ == {"patience": 4}
    scores, _ = classifier.predict(gold.texts, seen)
    assert scores[440:, 2].mean() < 0.2  # the reading says no, and is heard
    tags = classifier.tag(gold.passage_ids, gold.texts, seen)
    assert all(tag.review for tag in tags if tag.code == "patience")


def test_one_example_more_takes_the_learners_further_in():
    transfer = Transfer(np.zeros((2, 4)), np.zeros(2), np.full(2, 0.5))
    scores, features = np.full((1, 1), 0.9), np.zeros((1, 1, 4))
    told = [float(blend(scores, features, transfer, np.array([0]), np.array([n]))[0, 0]) for n in (0, 10, 20, 100, 500)]
    assert told[0] == 0.5
    assert told == sorted(told)
    assert told[3:] == pytest.approx([0.9, 0.9])


def test_codes_without_indicators_are_weighed_apart(gold, book):
    words = Words.fit(count_words(gold.texts))
    features = scarce_features(book, gold.texts, words)
    assert features.shape == (500, 3, 4)
    assert (features[:, 2, :2] == 0).all()
    transfer = fit_transfer(features[:, :2], gold.labels[:, :2], 20)
    assert (transfer.coef[1, :2] == 0).all()
    assert (transfer.coef[1, 2:] != 0).all()
    assert rows_for(book.codes).tolist() == [0, 0, 1]
    like = likeness(book, gold.texts, words)
    assert like[440:, 2].min() > like[:440, 2].max()
