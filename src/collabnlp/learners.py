"""What looks at a passage: words (TF-IDF), meaning (the encoder's vector), indicators, tone; each a plain model for each code."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import re
import runpy
import unicodedata
import warnings
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.codebook import Codebook, indicators_of, keyword_hits
from collabnlp.gold import STANCES, Bools, Gold

Floats = NDArray[np.float64]
LEARNERS = ("words", "vectors", "indicators")


OPINIONS = ("tuned", *LEARNERS)


class Look(NamedTuple):
    """What the encoders say of passages.

    Attributes
    ----------
    vectors
        (n_passages, n_dimensions), of the encoder.
    codes
        (n_passages, n_codes) logits of the fine-tuned encoder; NaN where it did not read.
    stances
        (n_passages, n_codes, n_stances) logits of the fine-tuned encoder.
    """

    vectors: NDArray[np.float32]
    codes: NDArray[np.float32]
    stances: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> Look:
        """The passages of these rows."""
        return Look(self.vectors[rows], self.codes[rows], self.stances[rows])


Places = tuple[NDArray[np.int64], list[tuple[int, int]]]


class Counted(NamedTuple):
    """How often texts hold each word and each pair of words.

    Attributes
    ----------
    matrix
        (n_texts, n_terms), sparse, columns in order.
    terms
        Those of the columns, by alphabet.
    """

    matrix: Any
    terms: Sequence[str]

    def take(self, rows: NDArray[np.int64]) -> Counted:
        """The texts of these rows."""
        return Counted(self.matrix[rows], self.terms)


def count_words(texts: Sequence[str]) -> Counted:
    """The words and pairs of words of texts, counted once for all folds: to count takes longer than to learn."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(ngram_range=(1, 2), strip_accents="unicode", token_pattern=WORD.pattern)
    matrix = counter.fit_transform(texts)
    return Counted(matrix, [str(term) for term in counter.get_feature_names_out()])


class Words:
    """TF-IDF of words and pairs of words, held as plain numbers so that it can be written as JSON."""

    def __init__(self, vocabulary: dict[str, int], idf: Floats) -> None:
        self.vocabulary, self.idf_ = vocabulary, idf
        self._last: tuple[str, Places] = ("", (np.empty(0, dtype=np.int64), []))

    @classmethod
    def fit(cls, counted: Counted) -> Words:
        """The words and pairs of words that stand in two texts or more."""
        from sklearn.feature_extraction.text import TfidfTransformer

        kept = np.flatnonzero(np.bincount(counted.matrix.indices, minlength=len(counted.terms)) >= 2)
        weighing = TfidfTransformer(sublinear_tf=True).fit(counted.matrix[:, kept])
        return cls({counted.terms[int(column)]: i for i, column in enumerate(kept)}, np.asarray(weighing.idf_))

    def weigh(self, counted: Counted) -> Any:
        """(n_texts, n_words), sparse: what `transform` gives for texts that were counted together with those of `fit`."""
        place = {term: i for i, term in enumerate(counted.terms)}
        counts = counted.matrix[:, [place[term] for term in self.vocabulary]].sorted_indices()
        return self._weighed(counts.indices, counts.data, counts.indptr)

    def transform(self, texts: Sequence[str]) -> Any:
        """(n_texts, n_words), sparse: to the last digit what scikit-learn's vectorizer gives, which takes a second to load."""
        columns, counts, ends = array("i"), array("i"), [0]
        for text in texts:
            words = WORD.findall(plain_word(text))
            pairs = [f"{a} {b}" for a, b in itertools.pairwise(words)]
            found = Counter(map(self.vocabulary.get, words + pairs))
            known = sorted((column, n) for column, n in found.items() if column is not None)
            columns.extend(column for column, _ in known)
            counts.extend(n for _, n in known)
            ends.append(len(columns))
        return self._weighed(np.asarray(columns), counts, ends)

    def _weighed(self, columns: NDArray[Any], counts: Any, ends: Any) -> Any:
        from scipy.sparse import csr_matrix

        values = (np.log(np.array(counts, dtype=np.float64)) + 1.0) * self.idf_[columns]
        row = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        length = np.sqrt(np.bincount(row, weights=values * values, minlength=len(ends) - 1))
        return csr_matrix((values / length[row], columns, ends), shape=(len(ends) - 1, len(self.vocabulary)))

    def places(self, text: str) -> Places:
        """Columns of the words of a text, and (start, end) of each; without common words, and those that stood in no coded passage."""
        last, places = self._last
        if text != last:  # the tags of a passage come one behind the other
            places = self._places(text)
            self._last = text, places
        return places

    def _places(self, text: str) -> Places:
        common = stop_words()
        found = [
            (column, match.span())
            for match in WORD.finditer(text)
            if (column := self.vocabulary.get(word := plain_word(match.group()))) is not None and word not in common
        ]
        return np.array([column for column, _ in found], dtype=np.int64), [span for _, span in found]


WORD = re.compile(r"(?u)\b[a-zA-Z][a-zA-Z'’-]+\b")


def plain_word(word: str) -> str:
    """The word, or a text, as the vocabulary has it: small letters without accents."""
    word = word.lower()
    if word.isascii():
        return word
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))


@functools.cache
def stop_words() -> frozenset[str]:
    """scikit-learn's list of common English words, read from its file: to load all of it takes a second."""
    spec = importlib.util.find_spec("sklearn")
    folder = Path(str(spec and spec.origin)).parent
    return frozenset(runpy.run_path(str(folder / "feature_extraction" / "_stop_words.py"))["ENGLISH_STOP_WORDS"])


def fixed_features(codebook: Codebook, texts: Sequence[str], vectors: NDArray[np.float32]) -> dict[str, Any]:
    """By name, (n_texts, n_features): what does not depend on the passages learnt from."""
    return {
        "vectors": vectors,
        "indicators": indicator_matrix(codebook, texts),
        "tone": _tone(texts),
    }


def keywords_given(codebook: Codebook, texts: Sequence[str]) -> Bools:
    """(n_texts, n_codes): whether a keyword of the code stands in the text."""
    hits = [[bool(keyword_hits(code, text)) for code in codebook.codes] for text in texts]
    return np.array(hits, dtype=bool).reshape(len(texts), len(codebook.codes))


def rows_of(features: dict[str, Any], rows: NDArray[np.int64]) -> dict[str, Any]:
    """The features of these passages."""
    return {name: matrix[rows] for name, matrix in features.items()}


def indicator_matrix(codebook: Codebook, texts: Sequence[str]) -> Floats:
    """(n_texts, 2 n_codes): for each code whether an indicator hits, and the square root of how many do."""
    counts = count_indicators(codebook, texts)
    matrix = np.zeros((len(texts), 2 * len(codebook.codes)))
    matrix[:, ::2], matrix[:, 1::2] = counts > 0, np.sqrt(counts)
    return matrix


def count_indicators(codebook: Codebook, texts: Sequence[str]) -> NDArray[np.int64]:
    """(n_texts, n_codes): how many of each code's indicators hit."""
    searcher = indicators_of(codebook.codes)
    owner = [j for j, code in enumerate(codebook.codes) for _ in code.indicators]
    counts = np.zeros((len(texts), len(codebook.codes)), dtype=np.int64)
    for row, text in zip(counts, texts, strict=True):
        for i, _ in searcher.hits(text):
            row[owner[i]] += 1
    return counts


_STRENGTH = {"words": 10.0, "vectors": 10.0, "indicators": 1.0}
_SPARSE: dict[str, Any] = {"solver": "liblinear", "max_iter": 500}
# few columns, many rows: five steps come nearer to the optimum than a hundred of lbfgs
_DENSE: dict[str, Any] = {"solver": "newton-cholesky", "tol": 1e-6, "max_iter": 5000}
_SOLVING = {"words": _SPARSE, "vectors": _DENSE, "indicators": _DENSE}


def fit_learners(
    gold: Gold, fixed: dict[str, Any], counted: Counted, regularisation: float, seed: int
) -> tuple[dict[str, Floats], Words]:
    """Weights of the learners and of the stance model, and the words they know."""
    from sklearn.linear_model import LogisticRegression

    words = Words.fit(counted)
    features = {**fixed, "words": words.weigh(counted)}
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
                random_state=seed,
                **_SOLVING[name],
            )
            with warnings.catch_warnings():  # where rounding holds Newton's steps up, it goes on by lbfgs and says so
                warnings.filterwarnings("ignore", "Line search of Newton solver")
                model.fit(features[name], y)
            coefs.append(model.coef_[0])
            biases.append(model.intercept_[0])
        weights[f"{name}.coef"] = np.asarray(coefs)
        weights[f"{name}.bias"] = np.asarray(biases, dtype=np.float64)
    weights["stance.coef"], weights["stance.bias"] = _fit_stance(gold, features, seed)
    return weights, words


def linear(features: Any, coef: Floats, bias: Floats) -> Floats:
    """(n_passages, n_outputs): what linear models say, unnormalised."""
    return np.asarray(features @ coef.T) + bias


def opinions_of(features: dict[str, Any], seen: Look, weights: Mapping[str, Floats]) -> Floats:
    """(n_passages, n_codes, n_learners) in the order of `OPINIONS`; nothing (0) where the fine-tuned encoder did not read."""
    learnt = [linear(features[name], weights[f"{name}.coef"], weights[f"{name}.bias"]) for name in LEARNERS]
    return np.stack([np.nan_to_num(seen.codes.astype(np.float64)), *learnt], axis=2)


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

    rows, codes = np.nonzero(gold.labels)
    X = hstack([_stance_input(features)[rows], csr_matrix(_CODE_WEIGHT * np.eye(gold.labels.shape[1])[codes])]).tocsr()
    y = gold.stances[rows, codes]
    return _multinomial(X, y, 0.3, seed)


def _multinomial(X: Any, y: NDArray[np.int64], C: float, seed: int) -> tuple[Floats, Floats]:
    """(n_stances, n_features) weights and (n_stances,) biases; a stance that never occurs is never given."""
    from sklearn.linear_model import LogisticRegression

    present = np.unique(y)
    coef, bias = np.zeros((len(STANCES), X.shape[1])), np.full(len(STANCES), -20.0)
    if len(present) < 2:
        bias[present] = 0.0
        return coef, bias
    # a tenth of the tolerance takes twice the steps, for stances that are no better out of fold
    model = LogisticRegression(C=C, solver="lbfgs", random_state=seed, max_iter=2000, tol=1e-3)
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


def stance_scores(features: dict[str, Any], coef: Floats, bias: Floats) -> Floats:
    """(n_passages, n_codes, n_stances), unnormalised."""
    X = _stance_input(features)
    by_passage = linear(X, coef[:, : X.shape[1]], bias)
    by_code = _CODE_WEIGHT * coef[:, X.shape[1] :].T
    return by_passage[:, None, :] + by_code[None, :, :]
