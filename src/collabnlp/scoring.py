"""Codings, by whom they may be, are matched passage by passage and scored: coder against coder, model against people."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.agreement import compare_all, compare_matrices
from collabnlp.codebook import Codebook
from collabnlp.coded import is_language_model, load_coded, read_passages, still_said, tags_of
from collabnlp.readers.rows import read_coded
from collabnlp.records import (
    AgreementRow,
    CodedRow,
    GoldPassage,
    GoldRead,
    InputError,
    Passage,
    PassageTag,
    Stance,
    read_jsonl,
    read_table,
)

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
OUT_OF_FOLD = ("model", "gold", "tuned", "keywords", "words", "vectors")
BASELINES = ("keywords", "words", "vectors")
N_SUGGESTIONS = 3


class Coding(NamedTuple):
    """What one coder read, and the codes given.

    Attributes
    ----------
    coder
        Name of the coder.
    texts
        Text of each passage that was read, by id.
    codes
        Codes of each passage that was read, with their stance, by id; empty where it was left without one.
    """

    coder: str
    texts: dict[str, str]
    codes: dict[str, dict[str, Stance]]

    def tags(self, ids: Mapping[str, str]) -> list[PassageTag]:
        """The codes of the passages named in `ids`, as tags under the ids given there."""
        return [
            PassageTag(passage_id=ids[own], code=code, coder=self.coder, stance=stance, score=None, review=False)
            for own, given in self.codes.items()
            if own in ids
            for code, stance in given.items()
        ]


def load_coding(name: str, project: Path, codebook: Codebook) -> Coding:
    """The coding of a coder of corpus/gold, of a language model, of the model or a baseline out of fold, or of a file.

    Parameters
    ----------
    name
        A coder in corpus/gold; a language model in corpus/coded; one of `OUT_OF_FOLD`; or a file that `read_coded` reads, with a
        colon and a coder's name behind it where it holds several coders.

    Raises
    ------
    InputError
        Where nobody has that name, or the file does not hold one coder's coding.
    """
    folder, outputs = project / "corpus" / "gold", project / "outputs"
    if Path(name).exists() or re.search(r"\.(csv|xlsx|jsonl)(:|$)", name, re.IGNORECASE):
        return _file_coding(name, codebook)
    if is_language_model(name):
        return _coding_of_language_model(name, project, codebook)
    reads = [row for row in read_jsonl(folder / "reads.jsonl", GoldRead) if row.task == "codes"]
    if name in OUT_OF_FOLD:
        read = {row.passage_id for row in read_table(outputs / "out_of_fold_reads.parquet", GoldRead)}
        tags = read_table(outputs / "out_of_fold_tags.parquet", PassageTag)
    else:
        read = {row.passage_id for row in reads if row.coder == name}
        tags = read_jsonl(folder / "tags.jsonl", PassageTag)
    if not read:
        known = sorted({row.coder for row in reads}.difference(OUT_OF_FOLD))
        raise InputError(
            folder / "reads.jsonl",
            f"has no coder {name!r}",
            f"name {', '.join((*known, *OUT_OF_FOLD))} or a file of coded passages",
        )
    passages = read_jsonl(folder / "passages.jsonl", GoldPassage)
    texts = {row.passage_id: row.text for row in passages if row.passage_id in read}
    codes: dict[str, dict[str, Stance]] = {passage_id: {} for passage_id in texts}
    for tag in tags:
        if tag.coder == name and tag.passage_id in codes and tag.code in codebook.names:
            codes[tag.passage_id][tag.code] = tag.stance
    return Coding(name, texts, codes)


def _coding_of_language_model(name: str, project: Path, codebook: Codebook) -> Coding:
    """What a language model coded of corpus/gold and of the project's passages, as far as their text is still the same."""
    coded, table = load_coded(project / "corpus"), project / "outputs" / "passages.parquet"
    if name not in coded:
        known = ", ".join(sorted(coded)) or "none has coded here; `collabnlp code` lets one"
        raise InputError(project / "corpus" / "coded", f"has no coder {name!r}", f"name one of: {known}")
    own = read_table(table, Passage) if table.exists() else []
    gold = read_jsonl(project / "corpus" / "gold" / "passages.jsonl", GoldPassage)
    texts: dict[str, str] = {}
    rows: list[CodedRow] = []
    for there in ({row.passage_id: row.text for row in own}, {row.passage_id: row.text for row in gold}):
        said = [row for row in still_said(coded[name], there) if row.passage_id not in texts]
        rows += said
        texts |= {row.passage_id: there[row.passage_id] for row in said}
    read = sorted(read_passages(rows))
    codes: dict[str, dict[str, Stance]] = {passage_id: {} for passage_id in read}
    for tag in tags_of(rows):
        if tag.code in codebook.names:
            codes[tag.passage_id][tag.code] = tag.stance
    return Coding(name, {passage_id: texts[passage_id] for passage_id in read}, codes)


def _file_coding(name: str, codebook: Codebook) -> Coding:
    path, _, coder = (name, "", "") if Path(name).exists() else name.rpartition(":")
    codings = read_codings([Path(path or name)], codebook)
    found = [coding for coding in codings if coder in ("", coding.coder)]
    if len(found) != 1:
        names = ", ".join(coding.coder for coding in codings) or "(none)"
        problem = f"has no coder {coder!r}, only {names}" if coder else f"has the coders {names}"
        raise InputError(path or name, problem, f"write one of them behind a colon, such as {path or name}:anna")
    return found[0]


def read_codings(paths: Sequence[Path], codebook: Codebook) -> list[Coding]:
    """The coding of each coder in files of coded passages, in the order in which they come.

    A passage's id is that of its row, with the file's name before it where there are several
    files; a coder without a name has the name of the file.

    Raises
    ------
    InputError
        As `read_coded` does, or where two files have one name.
    """
    defaults = {code.code: code.default_stance for code in codebook.codes}
    codings: dict[str, Coding] = {}
    stems: set[str] = set()
    for path in paths:
        if path.stem in stems:
            raise InputError(path, "has the name of another file", "give each file a name of its own")
        stems.add(path.stem)
        for row in read_coded(path, defaults):
            coder = row.coder or path.stem
            coding = codings.setdefault(coder, Coding(coder, {}, {}))
            passage_id = f"{path.stem}:{row.id}" if len(paths) > 1 else row.id
            coding.texts[passage_id], coding.codes[passage_id] = row.text, row.codes
    return list(codings.values())


def bare_text(text: str) -> str:
    """Letters and digits of a text alone, so that blanks, quotation marks and capitals do not part two copies of it.

    Examples
    --------
    >>> bare_text("“Trust” is  built.") == bare_text('"trust" is built')
    True
    """
    return re.sub(r"[\W_]+", "", text.casefold()) or text


def match_passages(a: Coding, b: Coding) -> dict[str, str]:
    """Id in coding b of each passage of coding a that both read: the same id and text, or else the same text.

    Two passages with one id and different texts (rows that were merely numbered) are not the same.

    Examples
    --------
    >>> a = Coding("a", {"1": "Yes.", "2": "No."}, {"1": {}, "2": {}})
    >>> b = Coding("b", {"1": "No.", "9": "Perhaps."}, {"1": {}, "9": {}})
    >>> match_passages(a, b)
    {'2': '1'}
    """
    keys = {own: bare_text(text) for own, text in b.texts.items()}
    matched = {own: own for own, text in a.texts.items() if keys.get(own) == bare_text(text)}
    free: dict[str, list[str]] = defaultdict(list)
    for other, key in reversed(keys.items()):
        if other not in matched:
            free[key].append(other)
    for own, text in a.texts.items():
        if own not in matched and free[bare_text(text)]:
            matched[own] = free[bare_text(text)].pop()
    return {own: matched[own] for own in a.texts if own in matched}


def find_disagreements(a: Coding, b: Coding, matched: Mapping[str, str]) -> list[dict[str, Any]]:
    """Passages to which two coders gave different codes: those that differ in most codes first, then by id.

    Returns
    -------
    list of dict
        `passage_id` (of coding a), `only_a`, `only_b`, `both` (codes with stance, such as
        `trust (negative)`; where both gave a code, the stance of either), `text`.
    """
    found = []
    for own, other in matched.items():
        codes_a, codes_b = a.codes[own], b.codes[other]
        if codes_a.keys() != codes_b.keys():
            found.append(
                {
                    "passage_id": own,
                    "only_a": [f"{c} ({s})" for c, s in codes_a.items() if c not in codes_b],
                    "only_b": [f"{c} ({s})" for c, s in codes_b.items() if c not in codes_a],
                    "both": [
                        f"{c} ({s if s == codes_b[c] else f'{s} / {codes_b[c]}'})"
                        for c, s in codes_a.items()
                        if c in codes_b
                    ],
                    "text": a.texts[own],
                }
            )
    return sorted(found, key=lambda d: (-len(d["only_a"]) - len(d["only_b"]), d["passage_id"]))


def compare_codings(
    a: Coding, b: Coding, codebook: Codebook, *, draws: int = 1000, seed: int = 20
) -> tuple[list[AgreementRow], list[dict[str, Any]]]:
    """The rows of `compare_all` of two coders, and where they differ, as `find_disagreements` gives it.

    Raises
    ------
    InputError
        Where there is no passage that both read.
    """
    matched = match_passages(a, b)
    if not matched:
        raise InputError(
            f"{a.coder} and {b.coder}",
            f"read no passage in common ({a.coder} read {len(a.texts)}, {b.coder} {len(b.texts)})",
            "passages are the same where their text is",
        )
    ids, back = {own: own for own in matched}, {other: own for own, other in matched.items()}
    coders = (a.coder, b.coder) if a.coder != b.coder else (f"{a.coder} (a)", f"{b.coder} (b)")
    rows = compare_all(
        a.tags(ids),
        b.tags(back),
        list(matched),
        codebook.names,
        coder_a=coders[0],
        coder_b=coders[1],
        draws=draws,
        seed=seed,
    )
    return rows, find_disagreements(a, b, matched)


class Said(NamedTuple):
    """What the model and the baselines say of passages.

    Attributes
    ----------
    scores
        (n_passages, n_codes), probability of each code.
    cuts
        (n_codes,) or (n_passages, n_codes), score from which a code is given.
    stances
        (n_passages, n_codes) words.
    sure
        Score from which a tag needs no review; one, or (n_codes,).
    baselines
        By name, (n_passages, n_codes), true where a baseline gives the code.
    """

    scores: Floats
    cuts: Floats
    stances: NDArray[np.str_]
    sure: float | Floats
    baselines: Mapping[str, Bools]


class Evaluation(NamedTuple):
    """How well a model does what a coder did.

    Attributes
    ----------
    n_passages
        Passages that the coder read.
    scores
        One dictionary for each code, then `micro` and `macro`: `code`, `n` (passages that the coder
        gave the code), `f1`, `f1_low`, `f1_high`, `precision`, `recall` of the model, the F1 of
        each baseline under its name, and of a second coder where there is one. NaN where undefined.
    figures
        What was measured of all codes together, with what it is a share of, by name; NaN where undefined.
    worst
        Wrong tags of highest score and missed codes of lowest score, by turns: `kind`, `passage_id`,
        `code`, `score`, `text`.
    """

    n_passages: int
    scores: list[dict[str, Any]]
    figures: dict[str, float]
    worst: list[dict[str, Any]]


def score_model(
    coding: Coding,
    said: Said,
    codebook: Codebook,
    *,
    second: Coding | None = None,
    worst: int = 20,
    draws: int = 1000,
    seed: int = 20,
) -> Evaluation:
    """How well the model and the baselines do what a coder did, on the passages that the coder read, in their order.

    Parameters
    ----------
    second
        Another coder, compared with the first on the passages that both read.
    worst
        How many errors to list.
    draws, seed
        Of the bootstrap of passages behind the intervals.
    """
    codes, ids = codebook.names, list(coding.texts)
    gold = _matrix(coding, ids, codes)
    given = said.scores >= said.cuts

    def rows(a: Bools, b: Bools) -> dict[str, AgreementRow]:
        found = compare_matrices(a, b, codes, coder_a="a", coder_b="b", draws=draws, seed=seed)
        return {row.code: row for row in found}

    model = rows(gold, given)
    others = {name: rows(gold, said.baselines[name]) for name in BASELINES}
    figures: dict[str, float] = {}
    if second is not None:
        matched = match_passages(coding, second)
        figures["second coder: passages that both read"] = len(matched)
        others["second coder"] = rows(
            _matrix(coding, list(matched), codes), _matrix(second, list(matched.values()), codes)
        )
    scores = [
        {
            "code": code,
            "n": row.n_a,
            **{name: getattr(row, name) for name in ("f1", "f1_low", "f1_high", "precision", "recall")},
            **{name: other[code].f1 for name, other in others.items()},
        }
        for code, row in model.items()
    ]
    figures.update(_figures(coding, said, codebook, gold, given))
    return Evaluation(
        len(ids),
        scores,
        figures,
        worst_errors(ids, list(coding.texts.values()), said.scores, codes, gold, given, worst),
    )


def first_and_second(codings: Sequence[Coding], path: str | Path) -> tuple[Coding, Coding | None]:
    """The coder who read most passages, the first of them where several did, and the other one where there are two.

    Raises
    ------
    InputError
        Where there are no coders or more than two.
    """
    if not 1 <= len(codings) <= 2:
        names = ", ".join(coding.coder for coding in codings)
        problem = f"has {len(codings)} coders: {names}" if codings else "holds no passage that was read for codes"
        raise InputError(path, problem, "keep one coder to score the model by, and at most one more to compare with")
    first, *more = sorted(codings, key=lambda coding: -len(coding.texts))
    return first, more[0] if more else None


def reliability(scores: Floats, labels: Bools, bins: int = 10) -> list[tuple[float, float, int]]:
    """Of each tenth of the scores, in rising order: mean score, share that is right, number.

    Examples
    --------
    >>> reliability(np.array([0.1, 0.1, 0.9, 0.9]), np.array([False, False, True, False]), bins=2)
    [(0.1, 0.0, 2), (0.9, 0.5, 2)]
    """
    order = np.argsort(scores.reshape(-1), kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    flat, right = scores.reshape(-1), labels.reshape(-1)
    return [(float(flat[part].mean()), float(right[part].mean()), len(part)) for part in parts]


def calibration_error(scores: Floats, labels: Bools, bins: int = 10) -> float:
    """Expected calibration error, 0 to 1, over bins of equal number (Naeini et al. 2015); NaN of nothing.

    Examples
    --------
    >>> round(calibration_error(np.array([0.1, 0.1, 0.9, 0.9]), np.array([False, False, True, False]), bins=2), 6)
    0.25
    """
    rows = reliability(scores, labels, bins)
    total = sum(n for *_, n in rows)
    return sum(n * abs(mean - share) for mean, share, n in rows) / total if total else float("nan")


def best_three(scores: Floats, labels: Bools) -> float:
    """Share of the codes given that stand among each passage's three likeliest; NaN of nothing."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :N_SUGGESTIONS]
    suggested = np.zeros_like(labels)
    np.put_along_axis(suggested, top, True, axis=1)
    return _share(suggested[labels])


def _matrix(coding: Coding, ids: Sequence[str], codes: Sequence[str]) -> Bools:
    return np.array([[code in coding.codes[own] for code in codes] for own in ids], dtype=bool).reshape(
        len(ids), len(codes)
    )


def _share(right: Iterable[bool] | Bools) -> float:
    answers = np.array(list(right), dtype=bool)
    return float(answers.mean()) if len(answers) else float("nan")


def _figures(coding: Coding, said: Said, codebook: Codebook, gold: Bools, given: Bools) -> dict[str, float]:
    codes, coded = codebook.names, list(coding.codes.values())
    shared = [(i, j, coded[i][codes[j]]) for i, j in np.argwhere(gold & given)]
    sure = given & (said.scores >= said.sure)
    return {
        "codes that coder and model both gave": len(shared),
        "stance of these right": _share(said.stances[i, j] == stance for i, j, stance in shared),
        "stance right if always the default": _share(codebook[codes[j]].default_stance == s for _, j, s in shared),
        f"codes among the best {N_SUGGESTIONS} suggestions": best_three(said.scores, gold),
        "tags of the model": int(given.sum()),
        "tags outside the review band": int(sure.sum()),
        "precision outside the review band": _share(gold[sure]),
    }


def worst_errors(
    ids: Sequence[str],
    texts: Sequence[str],
    scores: Floats,
    codes: Sequence[str],
    gold: Bools,
    given: Bools,
    limit: int = 20,
) -> list[dict[str, Any]]:
    """Wrong tags of highest score and missed codes of lowest, by turns: `kind`, `passage_id`, `code`, `score`, `text`."""
    wrong = sorted(map(tuple, np.argwhere(given & ~gold).tolist()), key=lambda p: -scores[p])
    missed = sorted(map(tuple, np.argwhere(gold & ~given).tolist()), key=lambda p: scores[p])
    turns = [(rank, kind, p) for kind, places in enumerate((wrong, missed)) for rank, p in enumerate(places)]
    return [
        {
            "kind": ("wrong tag", "missed code")[kind],
            "passage_id": ids[i],
            "code": codes[j],
            "score": round(float(scores[i, j]), 4),
            "text": texts[i],
        }
        for _, kind, (i, j) in sorted(turns)[:limit]
    ]


def find_learnt(texts: Collection[str], project: Path, exclude_sources: Collection[str]) -> tuple[int, list[str]]:
    """How many of the texts stand among the coded passages that the classifier learns from, and their sources."""
    folder = project / "corpus" / "gold"
    read = {row.passage_id for row in read_jsonl(folder / "reads.jsonl", GoldRead) if row.task == "codes"}
    source_of = {
        bare_text(row.text): row.source
        for row in read_jsonl(folder / "passages.jsonl", GoldPassage)
        if row.passage_id in read and row.source not in exclude_sources
    }
    found = [source_of[key] for key in map(bare_text, texts) if key in source_of]
    return len(found), sorted(set(found))
