import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabnlp.records import InputError
from collabnlp.segment import sentences
from collabnlp.topics import TopicModel, fit
from collabnlp.topics.consensus import cluster
from collabnlp.topics.keywords import factor, nearness
from collabnlp.topics.quality import quality
from collabnlp.topics.vectors import centre, unit
from conftest import FakeEncoder

SUBJECTS = ["waste bins recycling lorries depot", "housing homes tenants rents estate", "flood river water pumps sand"]


def tell(subject, when):
    return f"Here are the {', the '.join(subject.split())} {when}."


@pytest.fixture(scope="module")
def corpus():
    texts = [tell(SUBJECTS[i % 3], ["once", "now", "still", "again"][i % 4]) for i in range(90)]
    documents = [f"d{i % 5}" for i in range(90)]
    return ([f"{d}:{i:04d}" for i, d in enumerate(documents)], texts, FakeEncoder().encode(texts), documents)


def fitted(corpus, order=None, public=None, **settings):
    ids, texts, vectors, documents = corpus
    order = list(order if order is not None else range(len(ids)))
    return fit(
        [ids[i] for i in order],
        [texts[i] for i in order],
        vectors[order],
        [documents[i] for i in order],
        [True if public is None else public[i] for i in order],
        encode=FakeEncoder().encode,
        sentences=sentences,
        **{
            "n_areas": 1,
            "n_topics": 3,
            "draws": 20,
            "min_cosine": 0.0,
            "min_area_cosine": -1.0,
            **settings,
        },
    )


def test_three_subjects_are_three_topics(corpus):
    model, rows = fitted(corpus)
    topic = {row.passage_id: row.topic for row in rows}
    assert [len({topic[i] for i in corpus[0][k::3]}) for k in range(3)] == [1, 1, 1]
    assert len({topic[i] for i in corpus[0]}) == 3
    assert [t.topic for t in model.topics_] == [0, 1, 2]


def test_each_topic_is_part_of_an_area_and_numbers_fall_by_size(corpus):
    model, rows = fitted(corpus, n_areas=3)
    assert sorted(t for area in model.areas_ for t in area.topics) == [t.topic for t in model.topics_ if t.topic >= 0]
    assert all(t.topic in model.areas_[t.area].topics for t in model.topics_ if t.topic >= 0)
    assert all(row.area == model.topics_[row.topic].area for row in rows)
    for sizes in ([t.n_passages for t in model.topics_], [a.n_passages for a in model.areas_]):
        assert sizes == sorted(sizes, reverse=True)
        assert sum(sizes) == 90


def test_labels_come_from_the_topics_own_words_and_have_two_to_five(corpus):
    for topic in fitted(corpus)[0].topics_:
        own = next(s for s in SUBJECTS if any(word in topic.label.lower() for word in s.split()))
        found = topic.label.lower().replace(",", "").split()
        assert set(found) <= set(own.split())
        assert 2 <= len(found) <= 5
        assert topic.gloss in corpus[1]
        assert own.split()[0] in topic.gloss


def test_the_order_of_rows_does_not_matter(corpus):
    order = np.random.default_rng(1).permutation(90)
    (model, rows), (again, rows_again) = fitted(corpus), fitted(corpus, order)
    assert rows == rows_again
    assert (model.topics_, model.areas_) == (again.topics_, again.areas_)
    assert all(np.array_equal(a, b) for a, b in zip(model.clusters_, again.clusters_, strict=True))


def test_exemplars_are_of_different_documents(corpus):
    for topic in fitted(corpus)[0].topics_:
        assert len({e.split(":")[0] for e in topic.exemplars}) == 3


def test_rows_of_tables_are_no_examples_and_no_gloss(corpus):
    ids, texts, vectors, documents = corpus
    texts = [t if i % 2 else " | ".join(t.split()) for i, t in enumerate(texts)]
    for topic in fitted((ids, texts, vectors, documents))[0].topics_:
        assert len(topic.exemplars) == 3
        assert not any(" | " in texts[ids.index(e)] for e in topic.exemplars)
        assert topic.gloss
        assert "|" not in topic.gloss


def test_what_may_not_be_shown_is_shown_nowhere(corpus):
    """The second document alone may be shown; words that only the others use stand in no label, gloss or example."""
    ids, texts, _, documents = corpus
    texts = [
        t if d == "d1" else t.replace(" are", " are the Weatherby,").replace("bins", "Ashdown")
        for t, d in zip(texts, documents, strict=True)
    ]
    model, _ = fitted((ids, texts, FakeEncoder().encode(texts), documents), public=[d == "d1" for d in documents])
    shown = str([t.model_dump() for t in (*model.topics_, *model.areas_)]).lower()
    assert "weatherby" not in shown
    assert "ashdown" not in shown
    assert all(e.startswith("d1:") for t in (*model.topics_, *model.areas_) for e in t.exemplars)
    assert any(t.exemplars for t in model.topics_)


def test_topics_that_nothing_public_speaks_of_say_so(corpus):
    model, _ = fitted(corpus, public=[False] * 90)
    assert {t.label for t in model.topics_} == {"No public passage"}
    assert all(not t.terms and not t.gloss and not t.exemplars for t in model.topics_)


def test_names_of_places_are_no_labels(corpus):
    labels = " ".join(t.label.lower() for t in fitted(corpus, names=("Depot", "Bins"))[0].topics_)
    assert "depot" not in labels
    assert "bins" not in labels


def test_what_is_far_from_every_centre_is_an_outlier(corpus):
    model, rows = fitted(corpus, min_cosine=0.87)
    outliers = [row for row in rows if row.topic == -1]
    assert 0 < len(outliers) < 90
    assert {row.area for row in outliers} == {0}
    assert {row.area for row in fitted(corpus, min_cosine=0.87, min_area_cosine=0.99)[1] if row.topic == -1} == {-1}
    assert (model.topics_[0].topic, model.topics_[0].label) == (-1, "Other")
    assert model.topics_[0].n_passages == len(outliers)


def test_a_model_from_disk_assigns_the_same_and_changes_nothing(corpus, tmp_path):
    model, rows = fitted(corpus)
    model.to_disk(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    again = TopicModel.from_disk(tmp_path)
    found = again.assign(corpus[0], corpus[2], corpus[3])
    assert sorted(found, key=lambda r: r.passage_id) == rows
    again.to_disk(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_new_documents_get_topics(corpus):
    model, _ = fitted(corpus)
    texts = [tell(subject, "then") for subject in SUBJECTS * 4]
    rows = model.assign([f"new:{i:04d}" for i in range(12)], FakeEncoder().encode(texts), ["new"] * 12)
    assert len({row.topic for row in rows}) == 3
    assert all(row.topic == rows[i % 3].topic for i, row in enumerate(rows))


@pytest.mark.parametrize("text", ["{", '{"format": 1}', '{"format": 2, "topics": [], "areas": [], "min_cosine": 0}'])
def test_a_damaged_model_is_one_line(tmp_path, text):
    (tmp_path / "topics.json").write_text(text)
    with pytest.raises(InputError, match="dvc repro"):
        TopicModel.from_disk(tmp_path)


def test_centres_that_do_not_fit_each_other_are_refused(corpus, tmp_path):
    from safetensors.numpy import load_file, save_file

    fitted(corpus)[0].to_disk(tmp_path)
    arrays = load_file(tmp_path / "centres.safetensors")
    save_file({**arrays, "parents": arrays["parents"] + 7}, tmp_path / "centres.safetensors")
    with pytest.raises(InputError, match="SHA-256"):
        TopicModel.from_disk(tmp_path)
    data = json.loads((tmp_path / "topics.json").read_text())
    del data["sha256"], data["centres"]  # as older versions wrote it
    (tmp_path / "topics.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="no area"):
        TopicModel.from_disk(tmp_path)


def test_too_few_passages_are_one_line():
    with pytest.raises(InputError, match="too few"):
        fit(
            ["a"],
            ["b"],
            np.ones((1, 3), dtype=np.float32),
            ["d"],
            [True],
            encode=FakeEncoder().encode,
            sentences=sentences,
        )


def test_words_that_always_go_together_are_coherent(corpus):
    model, rows = fitted(corpus)
    texts = [corpus[1][corpus[0].index(row.passage_id)] for row in rows]
    measures = quality(texts, np.array([row.topic for row in rows]), model.topics_)
    assert measures["npmi"] > 0.2
    assert 0 < measures["diversity"] <= 1
    assert 0 < measures["c_v"] <= 1
    assert measures["outliers"] == 0


def clusters_of(rows, vectors, seed=20, draws=30):
    return cluster(
        [f"p{i:04d}" for i in rows],
        vectors[rows],
        [f"d{i % 3}" for i in rows],
        [[f"w{j}" for j in np.argsort(-vectors[i])[:3]] for i in rows],
        n_areas=2,
        n_topics=5,
        area_components=4,
        draws=draws,
        seed=seed,
    )


def test_a_passage_less_hardly_moves_the_centres():
    """The draws of a passage are its own: leaving one out leaves those of all others as they were."""
    vectors = unit(np.random.default_rng(3).normal(size=(120, 12)) + 2 * np.eye(12)[np.arange(120) % 4])
    every = clusters_of(np.arange(120), vectors)
    fewer = clusters_of(np.delete(np.arange(120), 17), vectors)
    assert every.topics.shape == fewer.topics.shape
    assert (every.topics @ fewer.topics.T).max(axis=1).min() > 0.9


def test_other_seeds_draw_otherwise():
    vectors = unit(np.random.default_rng(3).normal(size=(120, 12)))
    a, b = (clusters_of(np.arange(120), vectors, seed, draws=1) for seed in (20, 21))
    assert a.topics.shape != b.topics.shape or not np.allclose(a.topics, b.topics)


def test_what_a_document_has_in_common_is_taken_away():
    rng = np.random.default_rng(5)
    subjects, ways = np.eye(8)[rng.integers(0, 4, 200)], np.eye(8)[4 + np.arange(200) % 2]
    vectors = unit(subjects + 3 * ways + 0.01 * rng.normal(size=(200, 8)))
    documents = [f"d{i % 2}" for i in range(200)]
    treated = centre(vectors.astype(np.float32), documents, vectors.mean(axis=0))
    same_subject = subjects[0] @ subjects.T > 0
    nearest = np.argsort(-treated @ treated[0])[: same_subject.sum()]
    assert same_subject[nearest].mean() > 0.95
    plain = np.argsort(-vectors @ vectors[0])[: same_subject.sum()]
    assert same_subject[plain].mean() < 0.8


def test_a_passage_is_near_the_words_it_holds_and_no_others():
    vectors = unit(np.eye(3)[np.arange(30) % 3] + 0.1)
    said = [[["waste"], ["homes"], ["rivers", "once"]][i % 3] if i else ["rare"] for i in range(30)]
    near = nearness(vectors, said)
    assert near.shape == (30, 3 + 1)
    assert not near[0].any()  # its one word is too rare to count
    assert all((near[i] > 0.5).sum() == (2 if i % 3 == 2 else 1) for i in range(1, 30))


def test_factors_part_what_shares_no_word_and_hang_on_no_order():
    rng = np.random.default_rng(7)
    block = np.kron(np.eye(3), np.ones((10, 4))) * rng.uniform(0.5, 1, (30, 12))
    weights = factor(block, 3)
    assert sorted(weights.argmax(axis=1).reshape(3, 10)[:, 0]) == [0, 1, 2]
    assert all(len(set(part)) == 1 for part in weights.argmax(axis=1).reshape(3, 10))
    order = rng.permutation(30)
    assert np.allclose(factor(block[order], 3), weights[order], atol=1e-2)


def test_there_are_no_more_factors_than_passages_or_words():
    assert factor(np.zeros((5, 4)), 3).shape == (5, 0)
    assert factor(np.ones((5, 2)), 3).shape[1] <= 2
    assert nearness(np.eye(3), [[], [], []]).shape == (3, 0)


@given(st.integers(10, 60), st.integers(1, 9), st.integers(1, 30), st.integers(1, 4))
def test_any_numbers_give_a_tree_without_gaps(n, n_areas, n_topics, n_documents):
    vectors = unit(np.random.default_rng(n).normal(size=(n, 6)))
    found = cluster(
        [f"p{i:03d}" for i in range(n)],
        vectors.astype(np.float32),
        [f"d{i % n_documents}" for i in range(n)],
        [["waste", "homes", "rivers"][i % 4 : i % 3 + 2] for i in range(n)],
        n_areas=n_areas,
        n_topics=n_topics,
        area_components=3,
        draws=3,
        seed=1,
    )
    assert sorted(set(found.parents.tolist())) == list(range(len(found.areas)))
    assert len(found.parents) == len(found.topics) <= n
    assert np.allclose(np.linalg.norm(found.topics, axis=1), 1)
