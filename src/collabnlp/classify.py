"""Vectors, texts and tags become a classifier; the classifier gives tags (scikit-learn).

Three learners look at each code apart: words (TF-IDF), meaning (the encoder's vector) and the
codebook's indicators. One small model, the same for all codes, weighs their opinions; it and the
threshold learn only from opinions on passages that the learners did not see (stacking by folds of
whole documents). So what is shown as a score is a probability measured out of fold.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.codebook import Codebook, indicator_hits, keyword_hits
from collabnlp.records import GoldPassage, GoldRead, InputError, PassageTag, Stance, atomic, write_json

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
STANCES: tuple[Stance, ...] = ("positive", "negative", "neutral")
ADJUDICATED = "adjudicated"
LEARNERS = ("words", "vectors", "indicators")
_FORMAT = 1


class Gold(NamedTuple):
    """Coded passages as arrays.

    Attributes
    ----------
    passage_ids, texts
        n_passages each.
    vectors
        (n_passages, n_dimensions), of the encoder.
    labels
        (n_passages, n_codes), true where the code was given.
    stances
        (n_passages, n_codes), index into `STANCES`; -1 where the code was not given.
    groups
        The document or source of each passage: it is never in two folds.
    """

    passage_ids: list[str]
    texts: list[str]
    vectors: NDArray[np.float32]
    labels: Bools
    stances: NDArray[np.int64]
    groups: list[str]


class OutOfFold(NamedTuple):
    """What models said of passages that they had not seen.

    Attributes
    ----------
    scores
        (n_passages, n_codes), calibrated probabilities of the classifier.
    stances
        (n_passages, n_codes), index into `STANCES`.
    given
        By coder (`model` and the baselines `keywords`, `words`, `vectors`): (n_passages, n_codes), true where it gives the code.
    folds
        Fold of each passage.
    """

    scores: Floats
    stances: NDArray[np.int64]
    given: dict[str, Bools]
    folds: NDArray[np.int64]


def gather_gold(
    passages: Sequence[GoldPassage],
    tags: Sequence[PassageTag],
    reads: Sequence[GoldRead],
    vectors: Mapping[str, NDArray[np.float32]],
    codes: Sequence[str],
    *,
    exclude_sources: Collection[str] = (),
) -> Gold:
    """Coded passages as arrays, by passage id; only passages that somebody read for codes.

    Where a passage has an agreed version (coder `adjudicated`), that counts alone. Else a code
    counts as given where at least half of the passage's readers gave it; its stance is that of
    most of them, neutral where they are split.

    Parameters
    ----------
    vectors
        Vector of each passage by its id.
    exclude_sources
        Sources left out as a whole.

    Raises
    ------
    InputError
        Where nothing is left to learn from.
    """
    readers: dict[str, set[str]] = defaultdict(set)
    for read in reads:
        if read.task == "codes":
            readers[read.passage_id].add(read.coder)
    readers = {p: {ADJUDICATED} if ADJUDICATED in coders else coders for p, coders in readers.items()}
    kept = sorted(
        (p for p in passages if p.passage_id in readers and p.source not in exclude_sources), key=lambda p: p.passage_id
    )
    if not kept:
        raise InputError(
            "corpus/gold", "holds no coded passage that may be used", "look at train.exclude_sources in params.yaml"
        )
    row_of, column_of = {p.passage_id: i for i, p in enumerate(kept)}, {code: j for j, code in enumerate(codes)}
    votes: dict[tuple[int, int], list[Stance]] = defaultdict(list)
    for tag in tags:
        if tag.passage_id in row_of and tag.code in column_of and tag.coder in readers[tag.passage_id]:
            votes[row_of[tag.passage_id], column_of[tag.code]].append(tag.stance)
    labels = np.zeros((len(kept), len(codes)), dtype=bool)
    stances = np.full(labels.shape, -1, dtype=np.int64)
    for (i, j), given in votes.items():
        if 2 * len(given) >= len(readers[kept[i].passage_id]):
            labels[i, j] = True
            top = max(set(given), key=lambda s: (given.count(s), s == "neutral"))
            stances[i, j] = STANCES.index(top if 2 * given.count(top) > len(given) else "neutral")
    return Gold(
        [p.passage_id for p in kept],
        [p.text for p in kept],
        np.stack([vectors[p.passage_id] for p in kept]),
        labels,
        stances,
        [p.source for p in kept],
    )


def out_of_fold_tags(gold: Gold, out_of_fold: OutOfFold, codes: Sequence[str]) -> list[PassageTag]:
    """The gold (`gold`), the model and the baselines as coders' tags."""
    tags = []
    for i, passage_id in enumerate(gold.passage_ids):
        for j, code in enumerate(codes):
            if gold.labels[i, j]:
                tags.append(
                    PassageTag(
                        passage_id=passage_id, code=code, coder="gold", stance=STANCES[gold.stances[i, j]], score=None
                    )
                )
            for coder, given in out_of_fold.given.items():
                if given[i, j]:
                    tags.append(
                        PassageTag(
                            passage_id=passage_id,
                            code=code,
                            coder=coder,
                            stance=STANCES[out_of_fold.stances[i, j]],
                            score=round(float(out_of_fold.scores[i, j]), 4) if coder == "model" else None,
                        )
                    )
    return tags


class _Words:
    """TF-IDF of words and pairs of words, held as plain numbers so that it can be written as JSON."""

    def __init__(self, vocabulary: dict[str, int], idf: Floats) -> None:
        self.vocabulary, self.idf_ = vocabulary, idf
        self._vectorizer = _vectorizer(vocabulary)
        self._vectorizer.idf_ = idf

    @classmethod
    def fit(cls, texts: Sequence[str]) -> _Words:
        vectorizer = _vectorizer(None).fit(texts)
        vocabulary = {str(term): int(index) for term, index in sorted(vectorizer.vocabulary_.items())}
        return cls(vocabulary, np.asarray(vectorizer.idf_, dtype=np.float64))

    def transform(self, texts: Sequence[str]) -> Any:
        return self._vectorizer.transform(texts)


def _vectorizer(vocabulary: dict[str, int] | None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        vocabulary=vocabulary,
        ngram_range=(1, 2),
        sublinear_tf=True,
        strip_accents="unicode",
        dtype=np.float64,
        min_df=1 if vocabulary else 2,
        token_pattern=r"(?u)\b[a-zA-Z][a-zA-Z'’-]+\b",
    )


class Classifier:
    """Gives each passage the codes it carries, with stance and calibrated score.

    Made by `fit` or `from_disk`.

    Attributes
    ----------
    codes
        Machine names, in the order of the columns of all arrays.
    thresholds_
        (n_codes,) score from which a code is given.
    version_
        Eight hexadecimal digits that change with anything the classifier learnt.
    """

    def __init__(self, codebook: Codebook, words: _Words, weights: dict[str, Floats], thresholds: Floats) -> None:
        self.codebook = codebook
        self.codes = codebook.names
        self.thresholds_ = thresholds
        self._words = words
        self._weights = weights
        digest = hashlib.sha256(json.dumps([self.codes, list(words.vocabulary)]).encode())
        for name in sorted(weights):
            digest.update(np.ascontiguousarray(weights[name]).tobytes())
        digest.update(thresholds.tobytes() + codebook.model_dump_json().encode())
        self.version_ = digest.hexdigest()[:8]

    @property
    def coder(self) -> str:
        """The name under which its tags stand."""
        return f"model-{self.version_}"

    def predict(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> tuple[Floats, NDArray[np.int64]]:
        """Scores and stances, (n_texts, n_codes) each; a stance is an index into `STANCES`."""
        if not len(texts):
            shape = (0, len(self.codes))
            return np.zeros(shape), np.zeros(shape, dtype=np.int64)
        features = {**_fixed_features(self.codebook, texts, vectors), "words": self._words.transform(texts)}
        opinions = np.stack(
            [
                _linear(features[name], self._weights[f"{name}.coef"], self._weights[f"{name}.bias"])
                for name in LEARNERS
            ],
            axis=2,
        )
        scores = _weigh(opinions, self._weights["stack.coef"], self._weights["stack.bias"])
        stances = _stance_scores(features, self._weights["stance.coef"], self._weights["stance.bias"]).argmax(axis=2)
        return scores, stances

    def tag(
        self, passage_ids: Sequence[str], texts: Sequence[str], vectors: NDArray[np.float32], *, min_score: float = 0.0
    ) -> list[PassageTag]:
        """Tags of passages: the codes whose score reaches the threshold, in the order of passages and codes."""
        scores, stances = self.predict(texts, vectors)
        return [
            PassageTag(
                passage_id=passage_id,
                code=code,
                coder=self.coder,
                stance=STANCES[stances[i, j]],
                score=round(float(scores[i, j]), 4),
            )
            for i, passage_id in enumerate(passage_ids)
            for j, code in enumerate(self.codes)
            if scores[i, j] >= max(self.thresholds_[j], min_score)
        ]

    def to_disk(self, folder: str | Path) -> None:
        """Write the classifier as safetensors and JSON."""
        from safetensors.numpy import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {**self._weights, "thresholds": self.thresholds_, "words.idf": self._words.idf_}
        with atomic(folder / "weights.safetensors") as temporary:
            save_file({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}, temporary)
        write_json(
            folder / "classifier.json",
            {
                "format": _FORMAT,
                "version": self.version_,
                "vocabulary": list(self._words.vocabulary),
                "codebook": self.codebook.model_dump(mode="json"),
            },
        )

    @classmethod
    def from_disk(cls, folder: str | Path) -> Classifier:
        """A classifier as `to_disk` wrote it; runs no code from the files.

        Raises
        ------
        InputError
            Where files are missing, damaged or of another format.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        try:
            data = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "weights.safetensors")
            if data["format"] != _FORMAT:
                raise InputError(
                    folder, f"is a classifier of format {data['format']}, not {_FORMAT}", "run `dvc repro`"
                )
            words = _Words({term: i for i, term in enumerate(data["vocabulary"])}, arrays.pop("words.idf"))
            thresholds = arrays.pop("thresholds")
            return cls(Codebook.model_validate(data["codebook"]), words, arrays, thresholds)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(
                folder, f"holds no classifier ({type(error).__name__}: {error})", "run `dvc repro`"
            ) from error


def fit(
    gold: Gold, codebook: Codebook, *, folds: int = 5, regularisation: float = 0.1, seed: int = 20
) -> tuple[Classifier, OutOfFold]:
    """A classifier fitted on all coded passages, and what its like said out of fold.

    The learners of each fold are fitted without its documents. Their opinions train the weighing
    model and the threshold, again without the fold that is then scored.

    Parameters
    ----------
    gold
        The coded passages.
    codebook
        Codes in the order of the columns of `gold.labels`.
    folds
        Number of folds.
    regularisation
        C of the logistic regressions: smaller is plainer.
    seed
        Of the solvers.

    Raises
    ------
    ValueError
        Where there are fewer groups than folds.
    """
    fold = assign_folds(gold.groups, folds)
    n_codes = gold.labels.shape[1]
    opinions = np.zeros((len(gold.texts), n_codes, len(LEARNERS)))
    stance_scores = np.zeros((len(gold.texts), n_codes, len(STANCES)))
    fixed = _fixed_features(codebook, gold.texts, gold.vectors)
    for k in range(folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        weights, words = _fit_learners(_take(gold, train), _rows(fixed, train), regularisation, seed)
        features = {**_rows(fixed, test), "words": words.transform([gold.texts[i] for i in test])}
        for m, name in enumerate(LEARNERS):
            opinions[test, :, m] = _linear(features[name], weights[f"{name}.coef"], weights[f"{name}.bias"])
        stance_scores[test] = _stance_scores(features, weights["stance.coef"], weights["stance.bias"])
    scores = np.zeros(gold.labels.shape)
    given = {name: np.zeros_like(gold.labels) for name in ("model", "words", "vectors")}
    for k in range(folds):
        train, test = fold != k, fold == k
        coef, bias = _fit_stack(opinions[train], gold.labels[train], seed)
        scores[test] = _weigh(opinions[test], coef, bias)
        given["model"][test] = scores[test] >= choose_thresholds(
            _weigh(opinions[train], coef, bias), gold.labels[train]
        )
        for name in ("words", "vectors"):
            opinion = opinions[:, :, LEARNERS.index(name)]
            given[name][test] = opinion[test] >= choose_thresholds(opinion[train], gold.labels[train])
    given["keywords"] = np.array([[bool(keyword_hits(code, text)) for code in codebook.codes] for text in gold.texts])
    weights, words = _fit_learners(gold, fixed, regularisation, seed)
    weights["stack.coef"], weights["stack.bias"] = _fit_stack(opinions, gold.labels, seed)
    thresholds = choose_thresholds(_weigh(opinions, weights["stack.coef"], weights["stack.bias"]), gold.labels)
    return Classifier(codebook, words, weights, thresholds), OutOfFold(
        scores, stance_scores.argmax(axis=2), given, fold
    )


def assign_folds(groups: Sequence[str], folds: int) -> NDArray[np.int64]:
    """Fold of each passage, (n_passages,): a group is in one fold, folds are of like size, order of rows does not matter.

    Examples
    --------
    >>> assign_folds(["a", "a", "b", "c"], 2).tolist()
    [0, 0, 1, 1]
    """
    sizes = dict.fromkeys(groups, 0)
    for group in groups:
        sizes[group] += 1
    if len(sizes) < folds:
        raise ValueError(f"{len(sizes)} groups cannot make {folds} folds")
    load = [0] * folds
    fold_of: dict[str, int] = {}
    for group in sorted(sizes, key=lambda g: (-sizes[g], hashlib.sha256(g.encode()).hexdigest())):
        k = load.index(min(load))
        fold_of[group] = k
        load[k] += sizes[group]
    return np.array([fold_of[group] for group in groups], dtype=np.int64)


def choose_thresholds(scores: Floats, labels: Bools, shrink: float = 30.0) -> Floats:
    """(n_codes,) thresholds: each code's best for F1, drawn towards the best common one where the code is rare.

    The pull is `shrink / (shrink + n)`, with n the passages that have the code. Thresholds of
    rare codes that are chosen alone carry over badly to other reports.
    """
    grid = np.unique(np.quantile(scores, np.linspace(0.5, 0.995, 120)))
    common = grid[int(np.argmax([_f1(scores >= t, labels) for t in grid]))]
    thresholds = np.empty(labels.shape[1])
    for j in range(labels.shape[1]):
        best = grid[int(np.argmax([_f1(scores[:, j] >= t, labels[:, j]) for t in grid]))]
        pull = shrink / (shrink + labels[:, j].sum())
        thresholds[j] = pull * common + (1 - pull) * best
    return thresholds


def _f1(given: Bools, labels: Bools) -> float:
    both = np.count_nonzero(given & labels)
    return 2 * float(both) / max(1, int(np.count_nonzero(given)) + int(np.count_nonzero(labels)))


def _take(gold: Gold, rows: NDArray[np.int64]) -> Gold:
    return Gold(
        [gold.passage_ids[i] for i in rows],
        [gold.texts[i] for i in rows],
        gold.vectors[rows],
        gold.labels[rows],
        gold.stances[rows],
        [gold.groups[i] for i in rows],
    )


def _fixed_features(codebook: Codebook, texts: Sequence[str], vectors: NDArray[np.float32]) -> dict[str, Any]:
    """By name, (n_texts, n_features): what does not depend on the passages learnt from."""
    return {
        "vectors": np.asarray(vectors, dtype=np.float64),
        "indicators": indicator_matrix(codebook, texts),
        "tone": _tone(texts),
    }


def _rows(features: dict[str, Any], rows: NDArray[np.int64]) -> dict[str, Any]:
    return {name: matrix[rows] for name, matrix in features.items()}


def indicator_matrix(codebook: Codebook, texts: Sequence[str]) -> Floats:
    """(n_texts, 2 n_codes): for each code whether an indicator hits, and the square root of how many do."""
    matrix = np.zeros((len(texts), 2 * len(codebook.codes)))
    for i, text in enumerate(texts):
        for j, code in enumerate(codebook.codes):
            n = len(indicator_hits(code, text))
            matrix[i, 2 * j : 2 * j + 2] = (n > 0, np.sqrt(n))
    return matrix


_STRENGTH = {"words": 10.0, "vectors": 10.0, "indicators": 1.0}


def _fit_learners(
    gold: Gold, fixed: dict[str, Any], regularisation: float, seed: int
) -> tuple[dict[str, Floats], _Words]:
    """Weights of the learners and of the stance model, and the words they know."""
    from sklearn.linear_model import LogisticRegression

    words = _Words.fit(gold.texts)
    features = {**fixed, "words": words.transform(gold.texts)}
    weights: dict[str, Floats] = {}
    for name in LEARNERS:
        coefs, biases = [], []
        for j in range(gold.labels.shape[1]):
            y = gold.labels[:, j]
            if y.all() or not y.any():
                coefs.append(np.zeros(features[name].shape[1]))
                biases.append(np.array(8.0 if y.all() else -8.0))
                continue
            model = LogisticRegression(
                C=regularisation * _STRENGTH[name],
                class_weight="balanced",
                solver="liblinear",
                random_state=seed,
                max_iter=500,
            )
            model.fit(features[name], y)
            coefs.append(model.coef_[0])
            biases.append(model.intercept_[0])
        weights[f"{name}.coef"] = np.asarray(coefs)
        weights[f"{name}.bias"] = np.asarray(biases, dtype=np.float64)
    weights["stance.coef"], weights["stance.bias"] = _fit_stance(gold, features, seed)
    return weights, words


def _linear(features: Any, coef: Floats, bias: Floats) -> Floats:
    return np.asarray(features @ coef.T) + bias


def _stack_input(opinions: Floats) -> Floats:
    """(n_passages * n_codes, n_learners + 1): the opinions, and the strongest opinion on any other code."""
    n, codes, learners = opinions.shape
    mean = opinions.mean(axis=2)
    rival = np.empty((n, codes))
    for j in range(codes):
        rival[:, j] = np.delete(mean, j, axis=1).max(axis=1) if codes > 1 else 0.0
    return np.concatenate([opinions, rival[:, :, None]], axis=2).reshape(n * codes, learners + 1)


def _fit_stack(opinions: Floats, labels: Bools, seed: int) -> tuple[Floats, Floats]:
    """Weights shared by all codes, and a bias for each code, drawn towards the common one."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, solver="lbfgs", random_state=seed, max_iter=1000)
    model.fit(_stack_input(opinions), labels.reshape(-1))
    logits = (_stack_input(opinions) @ model.coef_[0] + model.intercept_[0]).reshape(labels.shape)
    bias = np.empty(labels.shape[1])
    for j in range(labels.shape[1]):  # one Newton-like step of the code's own bias, shrunk by its number of passages
        p = 1 / (1 + np.exp(-logits[:, j]))
        bias[j] = model.intercept_[0] + (labels[:, j].sum() - p.sum()) / (np.sum(p * (1 - p)) + 10)
    return np.asarray(model.coef_[0]), bias


def _weigh(opinions: Floats, coef: Floats, bias: Floats) -> Floats:
    n, codes, _ = opinions.shape
    logits = (_stack_input(opinions) @ coef).reshape(n, codes) + bias
    return 1 / (1 + np.exp(-logits))


_NEGATIVE = (
    "not|no|never|nor|n['’]t|without|lack\\w*|fail\\w*|difficult\\w*|hard|problem\\w*|barrier\\w*|obstacle\\w*|slow\\w*|delay\\w*|stall\\w*|"
    "suspicio\\w*|mistrust\\w*|distrust\\w*|refus\\w*|reluctan\\w*|weak\\w*|poor\\w*|lost|lose|loss|broke\\w*|collapse\\w*|undermin\\w*|"
    "resist\\w*|oppos\\w*|tension\\w*|conflict\\w*|fear\\w*|afraid|risk\\w*|unable|unwilling|abandon\\w*|drift\\w*|against|little|few|"
    "threat\\w*|row|rows|blame\\w*|protect\\w*|hostil\\w*|resent\\w*"
)
_POSITIVE = (
    "good|strong\\w*|better|best|help\\w*|enabl\\w*|success\\w*|support\\w*|improv\\w*|benefit\\w*|achiev\\w*|deliver\\w*|agreed|together|"
    "shared|effective\\w*|key|essential|important|build|built|overc\\w*|solved|won|quick\\w*|willing\\w*|generous\\w*|should|can|commit\\w*"
)
_MIXING = "but|however|although|though|while|whereas|yet|both|mixed|other hand|despite|depends|neither|varied|sometimes"
_TONES = tuple(
    re.compile(rf"(?:\\b|(?=n['’]t))(?:{words})\\b", re.IGNORECASE) for words in (_NEGATIVE, _POSITIVE, _MIXING)
)


def _tone(texts: Sequence[str]) -> Floats:
    """(n_texts, 3): square roots of the numbers of negative, positive and mixing words."""
    return np.array([[np.sqrt(len(pattern.findall(text))) for pattern in _TONES] for text in texts]).reshape(
        len(texts), 3
    )


def _fit_stance(gold: Gold, features: dict[str, Any], seed: int) -> tuple[Floats, Floats]:
    """(n_stances, n_features + n_codes) weights and (n_stances,) biases."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    rows, codes = np.nonzero(gold.labels)
    X = hstack([_stance_input(features)[rows], csr_matrix(_CODE_WEIGHT * np.eye(gold.labels.shape[1])[codes])]).tocsr()
    y = gold.stances[rows, codes]
    present = np.unique(y)
    coef, bias = np.zeros((len(STANCES), X.shape[1])), np.full(len(STANCES), -20.0)
    if len(present) == 1:
        bias[present[0]] = 0.0
        return coef, bias
    model = LogisticRegression(C=0.3, solver="lbfgs", random_state=seed, max_iter=2000)
    model.fit(X, y)
    if len(present) == 2:
        coef[present[1]], bias[present] = model.coef_[0], (0.0, model.intercept_[0])
    else:
        coef[present], bias[present] = model.coef_, model.intercept_
    return coef, bias


_CODE_WEIGHT = 2.0


def _stance_input(features: dict[str, Any]) -> Any:
    """(n_passages, n_features), sparse: vector, tone and words."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([csr_matrix(4 * features["vectors"]), csr_matrix(features["tone"]), features["words"]]).tocsr()


def _stance_scores(features: dict[str, Any], coef: Floats, bias: Floats) -> Floats:
    """(n_passages, n_codes, n_stances), unnormalised."""
    X = _stance_input(features)
    by_passage = _linear(X, coef[:, : X.shape[1]], bias)
    by_code = _CODE_WEIGHT * coef[:, X.shape[1] :].T
    return by_passage[:, None, :] + by_code[None, :, :]
