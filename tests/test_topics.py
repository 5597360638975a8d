import numpy as np
import pytest

from collabnlp.records import InputError
from collabnlp.topics import TopicModel, fit, quality
from conftest import FakeEncoder


@pytest.fixture(scope="module")
def corpus():
    subjects = [
        "waste bins recycling lorries depot",
        "housing homes tenants rents estate",
        "flood river water pumps sandbags",
    ]
    texts = [
        f"{subjects[i % 3]} {['first', 'second', 'third', 'fourth'][i % 4]} round in the winter" for i in range(60)
    ]
    return (
        [f"d{i % 5}:{i:04d}" for i in range(60)],
        texts,
        FakeEncoder().encode(texts),
        [f"d{i % 5}" for i in range(60)],
        ["report"] * 60,
    )


def fitted(corpus, order=None, **settings):
    ids, texts, vectors, documents, kinds = corpus
    order = order if order is not None else range(len(ids))
    return fit(
        [ids[i] for i in order],
        [texts[i] for i in order],
        vectors[list(order)],
        [documents[i] for i in order],
        [kinds[i] for i in order],
        encode=FakeEncoder().encode,
        **{"n_topics": 3, "n_components": 5, **settings},
    )


def test_three_subjects_are_three_topics(corpus):
    model, rows = fitted(corpus)
    topic = {row.passage_id: row.topic for row in rows}
    assert len({tuple(topic[i] for i in corpus[0][k::3]) for k in range(3)}) == 3
    assert all(len({topic[i] for i in corpus[0][k::3]}) == 1 for k in range(3))
    assert {t.topic for t in model.topics_} == {0, 1, 2}


def test_labels_come_from_the_topics_own_words(corpus):
    labels = " ".join(t.label.lower() for t in fitted(corpus)[0].topics_)
    assert any(word in labels for word in ("waste", "bins", "recycling", "lorries", "depot"))
    assert "winter" not in labels.split(",")[0]


def test_the_order_of_rows_does_not_matter(corpus):
    order = np.random.default_rng(1).permutation(60)
    assert fitted(corpus)[1] == fitted(corpus, order)[1]
    assert fitted(corpus)[0].topics_ == fitted(corpus, order)[0].topics_


def test_exemplars_are_of_different_documents(corpus):
    for topic in fitted(corpus)[0].topics_:
        assert len({e.split(":")[0] for e in topic.exemplars}) == 3


def test_what_is_far_from_every_centre_is_an_outlier(corpus):
    model, rows = fitted(corpus, min_cosine=0.9999)
    assert any(row.topic == -1 for row in rows)
    assert model.topics_[0].topic == -1


def test_a_model_from_disk_assigns_the_same_and_changes_nothing(corpus, tmp_path):
    model, rows = fitted(corpus)
    model.to_disk(tmp_path)
    again = TopicModel.from_disk(tmp_path).assign(corpus[0], corpus[2])
    assert sorted(again, key=lambda r: r.passage_id) == rows


def test_a_damaged_model_is_one_line(tmp_path):
    (tmp_path / "topics.json").write_text("{")
    with pytest.raises(InputError, match="dvc repro"):
        TopicModel.from_disk(tmp_path)


def test_too_few_passages_are_one_line():
    with pytest.raises(InputError, match="too few"):
        fit(["a"], ["b"], np.ones((1, 3), dtype=np.float32), ["d"], ["report"], encode=FakeEncoder().encode)


def test_words_that_always_go_together_are_coherent(corpus):
    model, rows = fitted(corpus)
    texts = [corpus[1][corpus[0].index(row.passage_id)] for row in rows]
    measures = quality(texts, rows, model.topics_)
    assert measures["npmi"] > 0.2
    assert 0 < measures["diversity"] <= 1
    assert measures["outliers"] == 0
