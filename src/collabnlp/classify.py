"""Vectors, readings, texts and tags become a classifier; the classifier gives tags (scikit-learn).

Four learners look at each code: the fine-tuned encoder (its readings come in from outside), words
(TF-IDF), meaning (the encoder's vector) and the codebook's indicators. One small model, the same
for all codes, weighs their opinions; it and the thresholds learn only from opinions on passages
that the learners did not see (stacking by folds of whole documents). So what is shown as a score
is a probability measured out of fold.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.codebook import Codebook, indicators_of
from collabnlp.files import atomic
from collabnlp.gold import REVIEWED, STANCES, Bools, Gold, take_rows
from collabnlp.indicators import Searcher
from collabnlp.learners import (
    OPINIONS,
    Floats,
    Look,
    Words,
    count_words,
    fit_learners,
    fixed_features,
    keywords_given,
    linear,
    opinions_of,
    rows_of,
    stance_scores,
)
from collabnlp.records import InputError, PassageTag, file_sha256, text_sha256, write_json
from collabnlp.scarce import ENOUGH, OWN, Transfer, blend, caveat, fit_transfer, rows_for, scarce_features
from collabnlp.stacking import (
    choose_shift,
    choose_sure,
    choose_thresholds,
    fit_stack,
    fit_stance_stack,
    logit,
    sigmoid,
    stance_opinions,
    weigh,
)

_FORMAT = 3


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
    scarce_
        Codes with few coded passages, with how many: those that the fine-tuned encoder does not know are
        scored mostly by what the codebook says of them.
    version_
        Eight hexadecimal digits that change with anything the classifier learnt.
    """

    def __init__(
        self,
        codebook: Codebook,
        words: Words,
        weights: dict[str, Floats],
        thresholds: Floats,
        sure: float,
        shifts: Mapping[str, float],
        scarce: Mapping[str, int] | None = None,
    ) -> None:
        self.codebook = codebook
        self.codes = codebook.names
        self.thresholds_ = thresholds
        self.sure_ = sure
        self.shifts_ = dict(sorted(shifts.items()))
        self.scarce_ = dict(scarce or {})
        self._words = words
        self._weights = weights
        digest = hashlib.sha256(json.dumps([self.codes, list(words.vocabulary), sure, self.shifts_]).encode())
        for name in sorted(weights):
            digest.update(np.ascontiguousarray(weights[name]).tobytes())
        digest.update(thresholds.tobytes() + codebook.model_dump_json().encode())
        if self.scarce_:
            digest.update(json.dumps(self.scarce_).encode())
        self.version_ = digest.hexdigest()[:8]

    @functools.cached_property
    def _indicators(self) -> Searcher:
        return indicators_of(self.codebook.codes)

    @property
    def coder(self) -> str:
        """The name under which its tags stand."""
        return f"model-{self.version_}"

    def predict(self, texts: Sequence[str], seen: Look) -> tuple[Floats, NDArray[np.int64]]:
        """Scores and stances, (n_texts, n_codes) each; a stance is an index into `STANCES`."""
        from scipy.sparse import csr_matrix

        if not len(texts):
            shape = (0, len(self.codes))
            return np.zeros(shape), np.zeros(shape, dtype=np.int64)
        fixed = fixed_features(self.codebook, texts, seen.vectors)
        # a sparse row is summed by itself, whereas a dense one's last digits depend on the rows around it
        features = {**{name: csr_matrix(rows) for name, rows in fixed.items()}, "words": self._words.transform(texts)}
        scores = weigh(
            opinions_of(features, seen, self._weights), self._weights["stack.coef"], self._weights["stack.bias"]
        )
        unread = np.flatnonzero(np.isnan(seen.codes).all(axis=0)).tolist()
        if columns := [j for j in unread if self.codes[j] in self.scarce_]:
            told = scarce_features(self.codebook, texts, self._words)[:, columns]
            transfer = Transfer(*(self._weights[f"transfer.{name}"] for name in Transfer._fields))
            kinds = rows_for([self.codebook.codes[j] for j in columns])
            examples = np.array([self.scarce_[self.codes[j]] for j in columns])
            scores[:, columns] = blend(scores[:, columns], told, transfer, kinds, examples)
        lexical = stance_scores(features, self._weights["stance.coef"], self._weights["stance.bias"])
        stances = stance_opinions(self.codebook, lexical, seen) @ self._weights["stance_stack"]
        return scores, stances.argmax(axis=2)

    def baselines(self, texts: Sequence[str], seen: Look) -> dict[str, Bools]:
        """What plainer coders would give, by name, (n_texts, n_codes): `keywords`, `words` (TF-IDF alone), `vectors` alone."""
        features = {"words": self._words.transform(texts), "vectors": seen.vectors}
        given = {
            name: linear(features[name], self._weights[f"{name}.coef"], self._weights[f"{name}.bias"])
            >= self._weights[f"{name}.cut"]
            for name in ("words", "vectors")
        }
        return {"keywords": keywords_given(self.codebook, texts), **given}

    def cuts(self, source: str = "", shift: float = 0.0) -> Floats:
        """(n_codes,) scores from which a code is given in passages of a source, moved by `shift` logits."""
        shift += self.shifts_.get(source, 0.0)
        return np.asarray(sigmoid(logit(self.thresholds_) + shift)) if shift else self.thresholds_

    def review(self, score: float, code: str = "") -> bool:
        """Whether a person should look at a tag of this score, and of this code."""
        return score < self.sure_ or code in self.new_

    @property
    def new_(self) -> dict[str, int]:
        """Codes that have too few coded passages to trust a tag, with how many: every tag is left for review."""
        return {code: n for code, n in self.scarce_.items() if n < ENOUGH}

    def caveats(self) -> list[str]:
        """What a reader should know of codes with few examples, a line for each."""
        return [caveat(self.codebook[code].title, n) for code, n in self.new_.items()]

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
                review=self.review(scores[i, j], code),
            )
            for i, passage_id in enumerate(passage_ids)
            for j, code in enumerate(self.codes)
            if scores[i, j] >= cuts[i][j]
        ]

    def terms(self, text: str, code: str, limit: int = 5) -> list[tuple[int, int]]:
        """(start, end) of what in the text spoke for a code: indicators first, then the words of most weight."""
        j = self.codes.index(code)
        first = sum(len(other.indicators) for other in self.codebook.codes[:j])
        own = range(first, first + len(self.codebook.codes[j].indicators))
        found = [span for i, span in self._indicators.hits(text) if i in own]
        hits = sorted(found, key=lambda span: (span[0] - span[1], span))
        spans: list[tuple[int, int]] = []
        for start, end in hits:  # the longest first; what lies within another says nothing more
            if not any(start < e and s < end for s, e in spans):
                spans.append((start, end))
        columns, places = self._words.places(text)
        coef = self._weights["words.coef"][j, columns]
        weight = (coef * self._words.idf_[columns]).tolist()
        weighed = [
            (-weight[i], places[i])
            for i in np.flatnonzero(coef > 0).tolist()
            if not any(s <= places[i][0] < e for s, e in spans)
        ]
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
                "sha256": file_sha256(folder / "weights.safetensors"),
                "shifts": self.shifts_,
                **({"scarce": self.scarce_} if self.scarce_ else {}),
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
            if data.get("sha256", "") not in ("", file_sha256(folder / "weights.safetensors")):
                raise InputError(
                    folder / "weights.safetensors", "is damaged: its SHA-256 is another", "run `dvc repro`"
                )
            words = Words({term: i for i, term in enumerate(data["vocabulary"])}, arrays.pop("words.idf"))
            thresholds, sure = arrays.pop("thresholds"), arrays.pop("sure").item()
            codebook = Codebook.model_validate(data["codebook"])
            found = cls(codebook, words, arrays, thresholds, sure, data["shifts"], data.get("scarce"))
            if found.version_ != data["version"]:  # a hash over everything that was learnt
                raise InputError(folder, f"is damaged: it is not what {data['version']} was", "run `dvc repro`")
            return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
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
    fixed, counted = fixed_features(codebook, gold.texts, seen.vectors), count_words(gold.texts)
    for k in range(folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        weights, words = fit_learners(
            take_rows(gold, train), rows_of(fixed, train), counted.take(train), regularisation, seed
        )
        features = {**rows_of(fixed, test), "words": words.weigh(counted.take(test))}
        opinions[test] = opinions_of(features, seen.take(test), weights)
        lexical[test] = stance_scores(features, weights["stance.coef"], weights["stance.bias"])
    told_stances = stance_opinions(codebook, lexical, seen)
    target = np.array([kind in like for kind in gold.kinds])
    scores, stances = np.zeros(gold.labels.shape), np.zeros(gold.labels.shape, dtype=np.int64)
    review = np.ones_like(gold.labels)
    given = {name: np.zeros_like(gold.labels) for name in ("model", "tuned", "words", "vectors")}
    scored = fold >= 0
    again = assign_folds(gold.groups, min(5, len(set(gold.groups))))
    for k in range(int(again.max()) + 1):
        train, test = scored & (again != k), scored & (again == k)
        own = _target_rows(train, target)
        coef, bias = fit_stack(opinions[own], gold.labels[own], seed)
        scores[test] = weigh(opinions[test], coef, bias)
        fitted = weigh(opinions[own], coef, bias)
        cuts = choose_thresholds(fitted, gold.labels[own])
        given["model"][test] = scores[test] >= cuts
        review[test] = scores[test] < choose_sure(fitted, gold.labels[own], cuts, precision)
        for name in ("tuned", "words", "vectors"):
            opinion = opinions[:, :, OPINIONS.index(name)]
            given[name][test] = opinion[test] >= choose_thresholds(opinion[own], gold.labels[own])
        sides = fit_stance_stack(told_stances[own], gold.stances[own])
        stances[test] = (told_stances[test] @ sides).argmax(axis=2)
    given["keywords"] = keywords_given(codebook, gold.texts)
    weights, words = fit_learners(gold, fixed, counted, regularisation, seed)
    own = _target_rows(scored, target)
    examples, unread = gold.labels.sum(axis=0), np.isnan(seen.codes).all(axis=0)
    few = examples < ENOUGH
    told_of = unread & (examples < OWN)  # the fine-tuned encoder may know a code that has few examples here
    rest = ~(few | told_of)
    if not rest.any():  # all codes are new: there is none to carry over from
        few, told_of = np.zeros_like(few), np.zeros_like(few)
    scarce = {code: int(examples[j]) for j, code in enumerate(codebook.names) if few[j] or told_of[j]}
    if scarce:
        told = scarce_features(codebook, gold.texts, words)
        transfer = fit_transfer(told[own][:, rest], gold.labels[own][:, rest], seed)
        weights.update({f"transfer.{name}": value for name, value in transfer._asdict().items()})
        kinds = rows_for([codebook.codes[j] for j in np.flatnonzero(told_of)])
        scores[:, told_of] = blend(scores[:, told_of], told[:, told_of], transfer, kinds, examples[told_of])
        given["model"][:, told_of] = (scores[:, told_of] >= transfer.cut[kinds]) & scored[:, None]
    review[:, few] = True
    weights["stack.coef"], weights["stack.bias"] = fit_stack(opinions[own], gold.labels[own], seed)
    weights["stance_stack"] = fit_stance_stack(told_stances[own], gold.stances[own])
    fitted = weigh(opinions, weights["stack.coef"], weights["stack.bias"])
    thresholds = choose_thresholds(fitted[own], gold.labels[own])
    if scarce:
        thresholds[told_of] = transfer.cut[kinds]
    for name in ("words", "vectors"):
        weights[f"{name}.cut"] = choose_thresholds(opinions[own][:, :, OPINIONS.index(name)], gold.labels[own])
    sure = choose_sure(scores[own][:, ~few], gold.labels[own][:, ~few], thresholds[~few], precision)
    shifts = {
        group: choose_shift(scores[rows], gold.labels[rows], thresholds)
        for group in sorted({g for g, kind in zip(gold.groups, gold.kinds, strict=True) if kind == REVIEWED})
        if np.count_nonzero(rows := scored & np.array([g == group for g in gold.groups])) >= _ENOUGH_OF_SOURCE
    }
    classifier = Classifier(codebook, words, weights, thresholds, sure, shifts, scarce)
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
    for group in sorted(sizes, key=lambda g: (-sizes[g], text_sha256(g))):
        k = load.index(min(load))
        fold_of[group] = k
        load[k] += sizes[group]
    return np.array([fold_of[group] for group in groups], dtype=np.int64)


_ENOUGH = 200


_ENOUGH_OF_SOURCE = 40


def _target_rows(rows: Bools, target: Bools) -> Bools:
    """Those of the rows that stand for what will be met, or all of them where these are too few."""
    return rows & target if np.count_nonzero(rows & target) >= _ENOUGH else rows
