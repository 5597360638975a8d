"""Codes with few examples: found by what the codebook says of them, and never without a word of caution."""

import numpy as np
import pytest

from collabnlp.classify import Classifier, fit
from collabnlp.codebook import Code, Exemplars
from collabnlp.gold import Gold
from collabnlp.learners import Look, Words
from collabnlp.scarce import ENOUGH, Transfer, blend, caveat, fit_transfer, likeness, rows_for, scarce_features
from conftest import FakeEncoder

RNG = np.random.default_rng(5)
WORDS = {
    "trust": "the leaders trust each other and respect their partners",
    "risk": "nobody dared to take the risk of a joint venture",
    "patience": "the partners waited for years and were patient with the slow board",
    "": "the office was painted green in spring and the lift was mended",
}


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
    for i in range(420):
        kind = ("trust", "risk", "", "")[i % 4] if i < 360 else "patience"
        own = WORDS[kind].split()
        texts.append(" ".join([*RNG.permutation(own)[: len(own) - 2], f"number {i}"]))
        labels.append([kind == "trust", kind == "risk", False])
    labels = np.array(labels)
    groups = [f"d{i % 12}" for i in range(420)]
    return Gold([f"g:{i:04d}" for i in range(420)], texts, labels, np.where(labels, 0, -1), groups, ["free"] * 420)


def fitted(gold, book, n=0):
    labels = gold.labels.copy()
    labels[360 : 360 + n, 2] = True
    own = gold._replace(labels=labels, stances=np.where(labels, 0, -1))
    vectors = FakeEncoder().encode(gold.texts)
    seen = Look(vectors, np.full(labels.shape, np.nan, np.float32), np.zeros((*labels.shape, 3), np.float32))
    return (*fit(own, seen, book, np.array([int(g[1:]) % 3 for g in gold.groups])), seen)


@pytest.mark.parametrize("n", [0, 4, 12])
def test_a_new_code_is_found_and_left_for_review(gold, book, n, tmp_path):
    classifier, out_of_fold, seen = fitted(gold, book, n)
    assert classifier.scarce_ == {"patience": n}
    assert classifier.caveats() == [caveat("Patience", n)]
    tags = classifier.tag(gold.passage_ids, gold.texts, seen)
    found = {tag.passage_id for tag in tags if tag.code == "patience"}
    meant = set(gold.passage_ids[360:])
    assert len(found & meant) >= 50
    assert len(found - meant) <= 5
    assert all(tag.review for tag in tags if tag.code == "patience")
    assert not all(tag.review for tag in tags if tag.code == "trust")
    assert out_of_fold.review[:, 2].all()
    assert out_of_fold.scores[360:, 2].mean() > 3 * out_of_fold.scores[:360, 2].mean()
    classifier.to_disk(tmp_path)
    again = Classifier.from_disk(tmp_path)
    assert (again.scarce_, again.version_) == (classifier.scarce_, classifier.version_)
    assert again.tag(gold.passage_ids, gold.texts, seen) == tags


def test_without_it_a_new_code_is_never_suggested(gold, book, monkeypatch):
    monkeypatch.setattr("collabnlp.classify.ENOUGH", 0)
    classifier, _, seen = fitted(gold, book)
    assert classifier.scarce_ == {}
    assert not [tag for tag in classifier.tag(gold.passage_ids, gold.texts, seen) if tag.code == "patience"]


def test_a_code_with_enough_examples_is_as_any_other(gold, book):
    classifier, _, _ = fitted(gold, book, ENOUGH)
    assert classifier.scarce_ == {}
    assert not any(name.startswith("transfer") for name in classifier._weights)


def test_one_example_more_takes_the_learners_further_in():
    transfer = Transfer(np.zeros((2, 4)), np.zeros(2), np.full(2, 0.5))
    scores, features = np.full((1, 1), 0.9), np.zeros((1, 1, 4))
    told = [
        float(blend(scores, features, transfer, np.array([0]), np.array([n]))[0, 0]) for n in (0, 10, 20, ENOUGH, 500)
    ]
    assert told[0] == 0.5
    assert told == sorted(told)
    assert told[3:] == pytest.approx([0.9, 0.9])


def test_codes_without_indicators_are_weighed_apart(gold, book):
    words = Words.fit(gold.texts)
    features = scarce_features(book, gold.texts, words)
    assert features.shape == (420, 3, 4)
    assert (features[:, 2, :2] == 0).all()
    transfer = fit_transfer(features[:, :2], gold.labels[:, :2], 20)
    assert (transfer.coef[1, :2] == 0).all()
    assert (transfer.coef[1, 2:] != 0).all()
    assert rows_for(book.codes).tolist() == [0, 0, 1]
    like = likeness(book, gold.texts, words)
    assert like[360:, 2].min() > like[:360, 2].max()
