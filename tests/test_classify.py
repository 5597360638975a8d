import json

import numpy as np
import pytest

from collabnlp.classify import Classifier, assign_folds, fit, out_of_fold_tags
from collabnlp.gold import STANCES, Gold, gather_gold
from collabnlp.learners import WORD, Look, Words, count_words, indicator_matrix, stop_words
from collabnlp.records import GoldPassage, GoldRead, InputError
from collabnlp.stacking import choose_sure, choose_thresholds
from conftest import FakeEncoder, make_tag


@pytest.fixture(scope="module")
def gold(codebook):
    """Passages that a word gives away: "trust", "chief executive" and "slow", and others without code."""
    texts, labels, stances, groups = [], [], [], []
    for i in range(160):
        word = ["we trust each other", "a shared chief executive", "it was slow and stalled", "the bins are green"][
            i % 4
        ]
        texts.append(f"{word} number{i % 7} place{i % 11} in the year {i}")
        row = [False] * len(codebook.names)
        for code, k in (("trust", 0), ("joint_posts", 1), ("momentum", 2)):
            row[codebook.names.index(code)] = i % 4 == k
        labels.append(row)
        stances.append(
            [(1 if code == "momentum" else 0) if given else -1 for code, given in zip(codebook.names, row, strict=True)]
        )
        groups.append(f"doc{i // 10}")
    ids, kinds = [f"g:{i:04d}" for i in range(160)], ["restated" if i < 80 else "free" for i in range(160)]
    return Gold(ids, texts, np.array(labels), np.array(stances), groups, kinds)


def seen(texts, n_codes=12):
    """What the fake encoder says; nothing fine-tuned read."""
    shape = (len(texts), n_codes)
    return Look(FakeEncoder().encode(texts), np.full(shape, np.nan, np.float32), np.zeros((*shape, 3), np.float32))


def fit_by(gold, codebook, folds=4, **more):
    return fit(gold, more.pop("look", seen(gold.texts)), codebook, assign_folds(gold.groups, folds), **more)


@pytest.fixture(scope="module")
def fitted(gold, codebook):
    return fit_by(gold, codebook)


def test_what_a_word_gives_away_is_learnt(fitted, codebook):
    tags = fitted[0].tag(
        ["n:1", "n:2"],
        ["here we trust each other", "the bins are green"],
        seen(["here we trust each other", "the bins are green"]),
    )
    assert "trust" in {tag.code for tag in tags if tag.passage_id == "n:1"}
    assert not [tag for tag in tags if tag.passage_id == "n:2"]


def test_scores_are_probabilities_and_stance_is_learnt(fitted):
    scores, stances = fitted[0].predict(["it was slow and stalled"], seen(["it was slow and stalled"]))
    assert ((scores >= 0) & (scores <= 1)).all()
    j = fitted[0].codes.index("momentum")
    assert STANCES[stances[0, j]] == "negative"


def test_a_classifier_comes_back_from_disk_as_it_went(fitted, tmp_path):
    fitted[0].to_disk(tmp_path)
    again = Classifier.from_disk(tmp_path)
    texts = ["we trust each other", "a shared chief executive"]
    assert again.version_ == fitted[0].version_
    assert (again.predict(texts, seen(texts))[0] == fitted[0].predict(texts, seen(texts))[0]).all()


def test_a_classifier_is_the_same_bytes_twice(gold, codebook, fitted, tmp_path):
    fit_by(gold, codebook)[0].to_disk(tmp_path / "b")
    fitted[0].to_disk(tmp_path / "a")
    for name in ("weights.safetensors", "classifier.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("damage", ["{", "{}", json.dumps({"format": 99})])
def test_a_damaged_classifier_is_one_line(fitted, tmp_path, damage):
    fitted[0].to_disk(tmp_path)
    (tmp_path / "classifier.json").write_text(damage)
    with pytest.raises(InputError, match="dvc repro"):
        Classifier.from_disk(tmp_path)


def test_no_group_is_in_two_folds_and_order_does_not_matter():
    groups = [f"d{i % 13}" for i in range(200)]
    folds = assign_folds(groups, 5)
    assert all(len({int(f) for g, f in zip(groups, folds, strict=True) if g == name}) == 1 for name in set(groups))
    assert (assign_folds(groups[::-1], 5)[::-1] == folds).all()
    assert np.bincount(folds).min() >= 30


def test_too_few_groups_are_refused():
    with pytest.raises(ValueError, match="cannot make"):
        assign_folds(["a", "a"], 2)


def test_scores_out_of_fold_do_not_know_their_own_label(codebook):
    """With labels that nothing explains, out-of-fold scores must not be better than chance."""
    rng = np.random.default_rng(3)
    n = 300
    texts = [" ".join(rng.choice(["oak", "elm", "ash", "fir", "yew"], 6)) for _ in range(n)]
    labels = np.zeros((n, len(codebook.names)), dtype=bool)
    labels[:, 0] = rng.random(n) < 0.4
    stances = np.where(labels, 0, -1)
    ids = [str(i) for i in range(n)]
    gold = Gold(ids, texts, labels, stances, ids, ["free"] * n)
    scores = fit_by(gold, codebook, 5)[1].scores[:, 0]
    higher = np.mean(
        [scores[i] > scores[j] for i in np.flatnonzero(labels[:, 0]) for j in np.flatnonzero(~labels[:, 0])]
    )
    assert 0.4 < higher < 0.6


def test_the_threshold_of_a_rare_code_is_drawn_to_the_common_one():
    rng = np.random.default_rng(0)
    labels = np.zeros((400, 2), dtype=bool)
    labels[:200, 0] = True
    labels[0, 1] = True
    scores = np.where(labels, 0.7, 0.2) + rng.random((400, 2)) * 0.1
    scores[0, 1] = 0.25
    thresholds = choose_thresholds(scores, labels)
    assert abs(thresholds[1] - thresholds[0]) < 0.1


def test_indicators_are_counted_by_code(codebook):
    matrix = indicator_matrix(codebook, ["mutual trust and good relationships", "bins"])
    assert matrix.shape == (2, 24)
    assert matrix[0, 0] == 1
    assert not matrix[1].any()


def test_only_passages_that_somebody_read_are_learnt_from():
    passages = [
        GoldPassage(
            passage_id=f"p:{i}", source="s" if i < 3 else "t", kind="free", restates="", provenance="model", text="x"
        )
        for i in range(4)
    ]
    reads = [
        GoldRead(passage_id=p, coder=c, task="codes")
        for p, c in [("p:0", "a"), ("p:0", "b"), ("p:1", "a"), ("p:3", "a")]
    ]
    tags = [
        make_tag("p:0", coder="a", score=None),
        make_tag("p:0", coder="b", stance="negative", score=None),
        make_tag("p:2", coder="a", score=None),
    ]
    gold = gather_gold(passages, tags, reads, ["trust"])
    assert gold.passage_ids == ["p:0", "p:1", "p:3"]
    assert gold.labels[:, 0].tolist() == [True, False, False]
    assert STANCES[gold.stances[0, 0]] == "neutral"
    assert gather_gold(passages, tags, reads, ["trust"], exclude_sources=["t"]).passage_ids == ["p:0", "p:1"]
    with pytest.raises(InputError, match="no coded passage"):
        gather_gold(passages, tags, reads, ["trust"], exclude_sources=["s", "t"])


def test_the_agreed_version_counts_alone():
    passages = [GoldPassage(passage_id="p:0", source="s", kind="free", restates="", provenance="model", text="x")]
    reads = [GoldRead(passage_id="p:0", coder=c, task="codes") for c in ("a", "b", "adjudicated")]
    tags = [
        make_tag("p:0", code, coder=coder, score=None)
        for code, coder in [("trust", "a"), ("risk", "b"), ("risk", "adjudicated")]
    ]
    gold = gather_gold(passages, tags, reads, ["trust", "risk"])
    assert gold.labels.tolist() == [[False, True]]


def test_what_the_fine_tuned_encoder_says_is_weighed(gold, codebook):
    """Where nothing else tells the passages apart, its readings decide; where it did not read, it counts for nothing."""
    texts = ["the same words"] * len(gold.texts)
    vectors = FakeEncoder().encode(texts)
    logits = np.where(gold.labels, 3.0, -3.0).astype(np.float32)
    look = Look(vectors, logits, np.zeros((*logits.shape, 3), np.float32))
    classifier, out_of_fold = fit_by(gold._replace(texts=texts), codebook, look=look)
    assert (out_of_fold.given["model"] == gold.labels).mean() > 0.99
    unread = classifier.predict(texts[:1], seen(texts[:1]))[0]
    assert (unread < 0.5).all()


def test_passages_in_no_fold_are_learnt_from_and_not_scored(gold, codebook):
    fold = assign_folds(gold.groups, 4)
    fold[::2] = -1
    _, out_of_fold = fit(gold, seen(gold.texts), codebook, fold)
    assert (out_of_fold.folds == fold).all()
    assert not out_of_fold.given["model"][::2].any()
    tagged = {tag.passage_id for tag in out_of_fold_tags(gold, out_of_fold, codebook.names)}
    assert not tagged & {gold.passage_ids[i] for i in np.flatnonzero(fold < 0)}
    with pytest.raises(ValueError, match="held out"):
        fit(gold, seen(gold.texts), codebook, np.full(len(fold), -1))


def test_sure_tags_are_right_as_often_as_asked():
    rng = np.random.default_rng(1)
    scores = rng.random((3000, 1))
    labels = rng.random((3000, 1)) < scores
    sure = choose_sure(scores, labels, np.array([0.3]), 0.9)
    assert 0.75 < sure < 0.85
    assert labels[scores >= sure].mean() == pytest.approx(0.9, abs=0.01)
    assert choose_sure(scores, np.zeros_like(labels), np.array([0.3]), 0.9) == 1.0


def test_a_shift_moves_the_cuts_and_nothing_else(fitted):
    classifier = fitted[0]
    assert (classifier.cuts() == classifier.thresholds_).all()
    assert (classifier.cuts(shift=1.0) > classifier.thresholds_).all()
    assert (classifier.cuts(shift=-1.0) < classifier.thresholds_).all()


def test_the_terms_of_a_tag_stand_in_the_text(fitted):
    text = "Mutual trust and good relationships grew; we trust each other."
    spans = fitted[0].terms(text, "trust")
    assert spans
    assert "trust" in {text[start:end].lower() for start, end in spans} | {
        word for start, end in spans for word in text[start:end].lower().split()
    }


def test_a_passage_alone_has_the_scores_it_has_among_others(fitted, gold):
    """To the last digit: results do not depend on how passages are batched."""
    texts = [f"{text} and {n} other things" for n, text in enumerate(gold.texts[:40])]
    together = fitted[0].predict(texts, seen(texts))
    for size in (1, 7):
        for start in range(0, len(texts), size):
            part = texts[start : start + size]
            scores, stances = fitted[0].predict(part, seen(part))
            assert (scores == together[0][start : start + size]).all()
            assert (stances == together[1][start : start + size]).all()


def test_words_are_weighed_as_scikit_learn_weighs_them(gold):
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = [*gold.texts, "The café’s co-operation, again and again", "the CAFE’S co-operation again"]
    words = Words.fit(count_words(known))
    plain = TfidfVectorizer(
        vocabulary=words.vocabulary, ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode",
        token_pattern=WORD.pattern,
    )  # fmt: skip
    plain.idf_ = words.idf_
    texts = [*gold.texts, "", "zzz", "The Café’s co-operation: again, AGAIN and again; the café’s", "İ ﬁne naïve"]
    ours, theirs = words.transform(texts), plain.transform(texts)
    assert (ours.indptr == theirs.indptr).all()
    assert (ours.indices == theirs.indices).all()
    assert (ours.data == theirs.data).all()
    assert words.transform([]).shape == (0, len(words.vocabulary))
    some = np.array([len(known) - 1, 0, 5])
    counted, again = words.weigh(count_words(known).take(some)), words.transform([known[i] for i in some])
    assert (counted.indices == again.indices).all()
    assert (counted.data == again.data).all()
    learnt = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode", min_df=2, token_pattern=WORD.pattern
    ).fit(known)
    assert list(words.vocabulary) == learnt.get_feature_names_out().tolist()
    assert (words.idf_ == learnt.idf_).all()


def test_common_words_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    assert stop_words() == ENGLISH_STOP_WORDS


def test_baselines_are_plainer_coders(fitted):
    given = fitted[0].baselines(["we trust each other"], seen(["we trust each other"]))
    assert set(given) == {"keywords", "words", "vectors"}
    assert all(matrix.shape == (1, 12) for matrix in given.values())
