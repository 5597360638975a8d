"""Vectors, readings, texts and tags become a classifier; the classifier gives tags (scikit-learn).

Four learners look at each code: the fine-tuned encoder (its readings come in from outside), words
(TF-IDF), meaning (the encoder's vector) and the codebook's indicators. One small model, the same
for all codes, weighs their opinions; it and the thresholds learn only from opinions on passages
that the learners did not see (stacking by folds of whole documents). So what is shown as a score
is a probability measured out of fold.
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
from collabnlp.records import GoldPassage, GoldRead, InputError, PassageTag, Stance, atomic, read_jsonl, write_json

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
STANCES: tuple[Stance, ...] = ("positive", "negative", "neutral")
ADJUDICATED = "adjudicated"
REVIEWED = "reviewed"  # kind of the passages that people coded in the project
LEARNERS = ("words", "vectors", "indicators")
OPINIONS = ("tuned", *LEARNERS)
_FORMAT = 2


class Gold(NamedTuple):
    """Coded passages as arrays.

    Attributes
    ----------
    passage_ids, texts
        n_passages each.
    labels
        (n_passages, n_codes), true where the code was given.
    stances
        (n_passages, n_codes), index into `STANCES`; -1 where the code was not given.
    groups
        The document or source of each passage: it is never in two folds.
    kinds
        The kind of text of each passage.
    """

    passage_ids: list[str]
    texts: list[str]
    labels: Bools
    stances: NDArray[np.int64]
    groups: list[str]
    kinds: list[str]


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


class OutOfFold(NamedTuple):
    """What models said of passages that they had not seen.

    Attributes
    ----------
    scores
        (n_passages, n_codes), calibrated probabilities of the classifier.
    stances
        (n_passages, n_codes), index into `STANCES`.
    review
        (n_passages, n_codes), true where a tag would be left for a person to look at.
    given
        By coder (`model`, its part `tuned`, and the baselines `keywords`, `words`, `vectors`): (n_passages, n_codes),
        true where it gives the code.
    folds
        Fold of each passage; -1: it was only learnt from, and nothing is said of it.
    """

    scores: Floats
    stances: NDArray[np.int64]
    review: Bools
    given: dict[str, Bools]
    folds: NDArray[np.int64]


def gather_gold(
    passages: Sequence[GoldPassage],
    tags: Sequence[PassageTag],
    reads: Sequence[GoldRead],
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
        labels,
        stances,
        [p.source for p in kept],
        [p.kind for p in kept],
    )


def load_gold(
    folder: str | Path, codes: Sequence[str], *, exclude_sources: Collection[str] = (), written_only: bool = False
) -> Gold:
    """The coded passages of a project's folder `gold`, as `gather_gold` gives them; `written_only`: none from anybody's document.

    Raises
    ------
    InputError
        Where a file is missing or damaged, or nothing is left to learn from.
    """
    folder = Path(folder)
    passages = read_jsonl(folder / "passages.jsonl", GoldPassage)
    return gather_gold(
        [row for row in passages if row.provenance == "model" or not written_only],
        read_jsonl(folder / "tags.jsonl", PassageTag),
        read_jsonl(folder / "reads.jsonl", GoldRead),
        codes,
        exclude_sources=exclude_sources,
    )


def out_of_fold_tags(gold: Gold, out_of_fold: OutOfFold, codes: Sequence[str]) -> list[PassageTag]:
    """The gold (`gold`), the model and the baselines as coders' tags."""
    tags = []
    for i, passage_id in enumerate(gold.passage_ids):
        if out_of_fold.folds[i] < 0:
            continue
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
                            review=coder == "model" and bool(out_of_fold.review[i, j]),
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
        token_pattern=_WORD.pattern,
    )


_WORD = re.compile(r"(?u)\b[a-zA-Z][a-zA-Z'’-]+\b")


def _plain(word: str) -> str:
    """The word as the vocabulary has it."""
    from sklearn.feature_extraction.text import strip_accents_unicode

    return str(strip_accents_unicode(word.lower()))


class Classifier:
    """Gives each passage the codes it carries, with stance and calibrated score.

    Made by `fit` or `from_disk`.

    Attributes
    ----------
    codes
        Machine names, in the order of the columns of all arrays.
    thresholds_
        (n_codes,) score from which a code is given.
    sure_
        Score from which a code needs no review: above it, tags out of fold were right as often as `fit` was asked.
    shifts_
        By source whose passages people have coded: how far, in logits, its thresholds lie from the others'.
    version_
        Eight hexadecimal digits that change with anything the classifier learnt.
    """

    def __init__(
        self,
        codebook: Codebook,
        words: _Words,
        weights: dict[str, Floats],
        thresholds: Floats,
        sure: float,
        shifts: Mapping[str, float],
    ) -> None:
        self.codebook = codebook
        self.codes = codebook.names
        self.thresholds_ = thresholds
        self.sure_ = sure
        self.shifts_ = dict(sorted(shifts.items()))
        self._words = words
        self._weights = weights
        digest = hashlib.sha256(json.dumps([self.codes, list(words.vocabulary), sure, self.shifts_]).encode())
        for name in sorted(weights):
            digest.update(np.ascontiguousarray(weights[name]).tobytes())
        digest.update(thresholds.tobytes() + codebook.model_dump_json().encode())
        self.version_ = digest.hexdigest()[:8]

    @property
    def coder(self) -> str:
        """The name under which its tags stand."""
        return f"model-{self.version_}"

    def predict(self, texts: Sequence[str], seen: Look) -> tuple[Floats, NDArray[np.int64]]:
        """Scores and stances, (n_texts, n_codes) each; a stance is an index into `STANCES`."""
        if not len(texts):
            shape = (0, len(self.codes))
            return np.zeros(shape), np.zeros(shape, dtype=np.int64)
        features = {**_fixed_features(self.codebook, texts, seen.vectors), "words": self._words.transform(texts)}
        scores = _weigh(
            _opinions(features, seen, self._weights), self._weights["stack.coef"], self._weights["stack.bias"]
        )
        lexical = _stance_scores(features, self._weights["stance.coef"], self._weights["stance.bias"])
        stances = (
            _stance_stack_input(lexical, seen) @ self._weights["stance_stack.coef"].T
            + self._weights["stance_stack.bias"]
        )
        return scores, stances.argmax(axis=2)

    def baselines(self, texts: Sequence[str], seen: Look) -> dict[str, Bools]:
        """What plainer coders would give, by name, (n_texts, n_codes): `keywords`, `words` (TF-IDF alone), `vectors` alone."""
        features = {"words": self._words.transform(texts), "vectors": seen.vectors}
        given = {
            name: _linear(features[name], self._weights[f"{name}.coef"], self._weights[f"{name}.bias"])
            >= self._weights[f"{name}.cut"]
            for name in ("words", "vectors")
        }
        return {"keywords": _keywords(self.codebook, texts), **given}

    def cuts(self, source: str = "", shift: float = 0.0) -> Floats:
        """(n_codes,) scores from which a code is given in passages of a source, moved by `shift` logits."""
        shift += self.shifts_.get(source, 0.0)
        return np.asarray(_sigmoid(_logit(self.thresholds_) + shift)) if shift else self.thresholds_

    def review(self, score: float) -> bool:
        """Whether a person should look at a tag of this score."""
        return score < self.sure_

    def tag(
        self,
        passage_ids: Sequence[str],
        texts: Sequence[str],
        seen: Look,
        *,
        sources: Sequence[str] = (),
        shift: float = 0.0,
    ) -> list[PassageTag]:
        """Tags of passages: `predict`, then `decide`."""
        scores, stances = self.predict(texts, seen)
        return self.decide(passage_ids, scores, stances, sources=sources, shift=shift)

    def decide(
        self,
        passage_ids: Sequence[str],
        scores: Floats,
        stances: NDArray[np.int64],
        *,
        sources: Sequence[str] = (),
        shift: float = 0.0,
    ) -> list[PassageTag]:
        """Tags from what `predict` said: the codes whose score reaches the threshold, in the order of passages and codes."""
        cuts = [self.cuts(source, shift) for source in sources or [""] * len(passage_ids)]
        return [
            PassageTag(
                passage_id=passage_id,
                code=code,
                coder=self.coder,
                stance=STANCES[stances[i, j]],
                score=round(float(scores[i, j]), 4),
                review=self.review(scores[i, j]),
            )
            for i, passage_id in enumerate(passage_ids)
            for j, code in enumerate(self.codes)
            if scores[i, j] >= cuts[i][j]
        ]

    def terms(self, text: str, code: str, limit: int = 5) -> list[tuple[int, int]]:
        """(start, end) of what in the text spoke for a code: indicators first, then the words of most weight."""
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        j = self.codes.index(code)
        hits = sorted(indicator_hits(self.codebook.codes[j], text), key=lambda span: (span[0] - span[1], span))
        spans: list[tuple[int, int]] = []
        for start, end in hits:  # the longest first; what lies within another says nothing more
            if not any(start < e and s < end for s, e in spans):
                spans.append((start, end))
        coef = self._weights["words.coef"][j]
        weighed = []
        for match in _WORD.finditer(text):
            word = _plain(match.group())
            k = self._words.vocabulary.get(word)
            if k is None or coef[k] <= 0 or word in ENGLISH_STOP_WORDS:
                continue
            if not any(s <= match.start() < e for s, e in spans):
                weighed.append((-coef[k] * self._words.idf_[k], match.span()))
        words = dict.fromkeys(span for _, span in sorted(weighed))
        return [*spans, *words][:limit]

    def to_disk(self, folder: str | Path) -> None:
        """Write the classifier as safetensors and JSON."""
        from safetensors.numpy import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            **self._weights,
            "thresholds": self.thresholds_,
            "sure": np.array(self.sure_),
            "words.idf": self._words.idf_,
        }
        with atomic(folder / "weights.safetensors") as temporary:
            save_file({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}, temporary)
        write_json(
            folder / "classifier.json",
            {
                "format": _FORMAT,
                "version": self.version_,
                "shifts": self.shifts_,
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
            thresholds, sure = arrays.pop("thresholds"), arrays.pop("sure").item()
            return cls(Codebook.model_validate(data["codebook"]), words, arrays, thresholds, sure, data["shifts"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(
                folder, f"holds no classifier ({type(error).__name__}: {error})", "run `dvc repro`"
            ) from error


def fit(
    gold: Gold,
    seen: Look,
    codebook: Codebook,
    fold: NDArray[np.int64],
    *,
    like: Collection[str] = (),
    regularisation: float = 0.1,
    precision: float = 0.9,
    seed: int = 20,
) -> tuple[Classifier, OutOfFold]:
    """A classifier fitted on all coded passages, and what its like said out of fold.

    The learners of each fold are fitted without its documents. Their opinions train the weighing
    model and the thresholds, again without the fold that is then scored.

    Parameters
    ----------
    gold
        The coded passages.
    seen
        What the encoders say of them; the fine-tuned one must not have learnt from them (`finetune` sees to that).
    codebook
        Codes in the order of the columns of `gold.labels`.
    fold
        (n_passages,) fold of each; -1: in none, only learnt from.
    like
        Kinds of text that stand for what the classifier will meet: their scores set biases and
        thresholds, where there are enough of them.
    regularisation
        C of the logistic regressions: smaller is plainer.
    precision
        Share of tags that must be right among those that need no review.
    seed
        Of the solvers.

    Raises
    ------
    ValueError
        Where nothing is held out.
    """
    folds = int(fold.max()) + 1
    if folds < 1 or not (fold != fold.max()).any():
        raise ValueError("nothing is held out, or nothing is left to learn from")
    n_passages, n_codes = gold.labels.shape
    opinions = np.zeros((n_passages, n_codes, len(OPINIONS)))
    lexical = np.zeros((n_passages, n_codes, len(STANCES)))
    fixed = _fixed_features(codebook, gold.texts, seen.vectors)
    for k in range(folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        weights, words = _fit_learners(_take(gold, train), _rows(fixed, train), regularisation, seed)
        features = {**_rows(fixed, test), "words": words.transform([gold.texts[i] for i in test])}
        opinions[test] = _opinions(features, seen.take(test), weights)
        lexical[test] = _stance_scores(features, weights["stance.coef"], weights["stance.bias"])
    stance_input = _stance_stack_input(lexical, seen)
    target = np.array([kind in like for kind in gold.kinds])
    scores, stances = np.zeros(gold.labels.shape), np.zeros(gold.labels.shape, dtype=np.int64)
    review = np.ones_like(gold.labels)
    given = {name: np.zeros_like(gold.labels) for name in ("model", "tuned", "words", "vectors")}
    scored = fold >= 0
    again = assign_folds(gold.groups, min(5, len(set(gold.groups))))
    for k in range(int(again.max()) + 1):
        train, test = scored & (again != k), scored & (again == k)
        own = _target_rows(train, target)
        coef, bias = _fit_stack(opinions[own], gold.labels[own], seed)
        scores[test] = _weigh(opinions[test], coef, bias)
        fitted = _weigh(opinions[own], coef, bias)
        cuts = choose_thresholds(fitted, gold.labels[own])
        given["model"][test] = scores[test] >= cuts
        review[test] = scores[test] < choose_sure(fitted, gold.labels[own], cuts, precision)
        for name in ("tuned", "words", "vectors"):
            opinion = opinions[:, :, OPINIONS.index(name)]
            given[name][test] = opinion[test] >= choose_thresholds(opinion[own], gold.labels[own])
        weigh, shift = _fit_stance_stack(stance_input[train], gold.stances[train], seed)
        stances[test] = (stance_input[test] @ weigh.T + shift).argmax(axis=2)
    given["keywords"] = _keywords(codebook, gold.texts)
    weights, words = _fit_learners(gold, fixed, regularisation, seed)
    own = _target_rows(scored, target)
    weights["stack.coef"], weights["stack.bias"] = _fit_stack(opinions[own], gold.labels[own], seed)
    weights["stance_stack.coef"], weights["stance_stack.bias"] = _fit_stance_stack(
        stance_input[scored], gold.stances[scored], seed
    )
    fitted = _weigh(opinions, weights["stack.coef"], weights["stack.bias"])
    thresholds = choose_thresholds(fitted[own], gold.labels[own])
    for name in ("words", "vectors"):
        weights[f"{name}.cut"] = choose_thresholds(opinions[own][:, :, OPINIONS.index(name)], gold.labels[own])
    sure = choose_sure(scores[own], gold.labels[own], thresholds, precision)
    shifts = {
        group: choose_shift(scores[rows], gold.labels[rows], thresholds)
        for group in sorted({g for g, kind in zip(gold.groups, gold.kinds, strict=True) if kind == REVIEWED})
        if np.count_nonzero(rows := scored & np.array([g == group for g in gold.groups])) >= _ENOUGH_OF_SOURCE
    }
    classifier = Classifier(codebook, words, weights, thresholds, sure, shifts)
    return classifier, OutOfFold(scores, stances, review, given, fold)


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


def choose_sure(scores: Floats, labels: Bools, thresholds: Floats, precision: float) -> float:
    """Lowest score from which tags are right in the share asked for; 1 where none is."""
    given = scores >= thresholds
    order = np.argsort(-scores[given], kind="stable")
    ranked, right = scores[given][order], labels[given][order]
    share = np.cumsum(right) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero((share >= precision) & (np.arange(1, len(right) + 1) >= 20))
    return float(ranked[enough[-1]]) if len(enough) else 1.0


def choose_shift(scores: Floats, labels: Bools, thresholds: Floats, shrink: float = 60.0) -> float:
    """How far, in logits, one source's cuts lie from the others': best for F1 there, drawn towards 0 where few passages speak.

    Examples
    --------
    >>> scores = np.tile([[0.30], [0.35], [0.10]], (40, 1))
    >>> choose_shift(scores, scores > 0.2, np.array([0.5])) < 0
    True
    """
    logits, cuts = _logit(np.clip(scores, 1e-6, 1 - 1e-6)), _logit(thresholds)
    grid = sorted(np.round(np.arange(-1.5, 1.55, 0.1), 2), key=abs)  # of equal ones, the smallest
    best = grid[int(np.argmax([_f1(logits >= cuts + shift, labels) for shift in grid]))]
    return round(float(best * len(scores) / (len(scores) + shrink)), 4)


def _f1(given: Bools, labels: Bools) -> float:
    both = np.count_nonzero(given & labels)
    return 2 * float(both) / max(1, int(np.count_nonzero(given)) + int(np.count_nonzero(labels)))


def _take(gold: Gold, rows: NDArray[np.int64]) -> Gold:
    return Gold(
        [gold.passage_ids[i] for i in rows],
        [gold.texts[i] for i in rows],
        gold.labels[rows],
        gold.stances[rows],
        [gold.groups[i] for i in rows],
        [gold.kinds[i] for i in rows],
    )


def _fixed_features(codebook: Codebook, texts: Sequence[str], vectors: NDArray[np.float32]) -> dict[str, Any]:
    """By name, (n_texts, n_features): what does not depend on the passages learnt from."""
    return {
        "vectors": np.asarray(vectors, dtype=np.float64),
        "indicators": indicator_matrix(codebook, texts),
        "tone": _tone(texts),
    }


def _keywords(codebook: Codebook, texts: Sequence[str]) -> Bools:
    """(n_texts, n_codes): whether a keyword of the code stands in the text."""
    hits = [[bool(keyword_hits(code, text)) for code in codebook.codes] for text in texts]
    return np.array(hits, dtype=bool).reshape(len(texts), len(codebook.codes))


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


def _opinions(features: dict[str, Any], seen: Look, weights: Mapping[str, Floats]) -> Floats:
    """(n_passages, n_codes, n_learners) in the order of `OPINIONS`; nothing (0) where the fine-tuned encoder did not read."""
    learnt = [_linear(features[name], weights[f"{name}.coef"], weights[f"{name}.bias"]) for name in LEARNERS]
    return np.stack([np.nan_to_num(seen.codes.astype(np.float64)), *learnt], axis=2)


_ENOUGH = 200
_ENOUGH_OF_SOURCE = 40


def _target_rows(rows: Bools, target: Bools) -> Bools:
    """Those of the rows that stand for what will be met, or all of them where these are too few."""
    return rows & target if np.count_nonzero(rows & target) >= _ENOUGH else rows


def _fit_stack(opinions: Floats, labels: Bools, seed: int) -> tuple[Floats, Floats]:
    """Weights shared by all codes, and a bias for each code, drawn towards the common one."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, solver="lbfgs", random_state=seed, max_iter=1000)
    model.fit(_stack_input(opinions), labels.reshape(-1))
    logits = (_stack_input(opinions) @ model.coef_[0] + model.intercept_[0]).reshape(labels.shape)
    bias = [model.intercept_[0] + _step(logits[:, j], labels[:, j], 10.0) for j in range(labels.shape[1])]
    return np.asarray(model.coef_[0]), np.array(bias)


def _step(logits: Floats, labels: Bools, shrink: float) -> float:
    """Change of bias that gives as many codes as were given (a few Newton steps), shrunk."""
    change = 0.0
    for _ in range(8):
        p = _sigmoid(logits + change)
        change += float((labels.sum() - p.sum() - shrink * change) / (np.sum(p * (1 - p)) + shrink))
    return change


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _logit(scores: Floats) -> Floats:
    return np.asarray(np.log(scores / (1 - scores)))


def _weigh(opinions: Floats, coef: Floats, bias: Floats) -> Floats:
    n, codes, _ = opinions.shape
    logits = (_stack_input(opinions) @ coef).reshape(n, codes) + bias
    return _sigmoid(logits)


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
    model = LogisticRegression(C=C, solver="lbfgs", random_state=seed, max_iter=2000)
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


def _stance_stack_input(lexical: Floats, seen: Look) -> Floats:
    """(n_passages, n_codes, n_features): what the words and what the fine-tuned encoder say of each stance, and the code."""
    n, n_codes, _ = lexical.shape
    tuned = seen.stances.astype(np.float64)
    codes = np.broadcast_to(np.eye(n_codes), (n, n_codes, n_codes))
    return np.concatenate([lexical, tuned, codes], axis=2)


def _fit_stance_stack(features: Floats, stances: NDArray[np.int64], seed: int) -> tuple[Floats, Floats]:
    """(n_stances, n_features) weights and (n_stances,) biases, from the codes that were given."""
    X, y = features[stances >= 0], stances[stances >= 0]
    return _multinomial(X, y, 1.0, seed)
