"""What changed between two runs: evidence by row and code, codes of passages, and scores of the model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from collabnlp.agreement import code_matrix
from collabnlp.records import EvidenceRow, PassageTag, Stance, Tie
from collabnlp.scoring import Bools, Floats, bare_text

Rows = Literal["entity", "document"]
What = Literal["new", "gone", "changed"]
MODEL = "model"  # any version of it: versions differ between any two runs
_TIES: tuple[Tie, ...] = ("named", "section", "document", "none")
_ALIKE = 0.6  # share of words that two versions of one passage have in common
_WHAT: tuple[What, ...] = ("new", "gone", "changed")


class Change(NamedTuple):
    """Evidence that one run has and the other has not, or has otherwise.

    Attributes
    ----------
    what
        new, gone or changed.
    row_id, row
        Id and name of the matrix row: an entity or a document.
    code
        Machine name of the code.
    before, after
        The evidence row of each run, a person's before the model's; None where a run has none.
    coders_before, coders
        Who gave the code; the model without its version.
    differences
        What is otherwise, in words; empty where evidence is new or gone.
    """

    what: What
    row_id: str
    row: str
    code: str
    before: EvidenceRow | None
    after: EvidenceRow | None
    coders_before: tuple[str, ...]
    coders: tuple[str, ...]
    differences: tuple[str, ...]


class CellChange(NamedTuple):
    """One place of the matrix, counted in passages."""

    row_id: str
    row: str
    code: str
    before: int
    after: int
    new: int
    gone: int
    changed: int


class EvidenceDifference(NamedTuple):
    """Changes, the cells they are in, and how much was left out because the later run does not show its passage."""

    changes: list[Change]
    cells: list[CellChange]
    n_left_out: int


class TagChange(NamedTuple):
    """A code that a passage was given, lost, or has with another stance.

    Attributes
    ----------
    who
        `model`, or the person.
    before, after
        Stance in each run; None where the code was not given.
    score_before, score
        Of the model; None for people, and where the code was not given.
    """

    passage_id: str
    code: str
    who: str
    before: Stance | None
    after: Stance | None
    score_before: float | None
    score: float | None


class ScoreChange(NamedTuple):
    """F1 of the model before and after.

    Attributes
    ----------
    n_before, n
        Passages that each run was scored on.
    f1_before, f1
        Each run on its own passages, against the gold that it had; NaN where undefined.
    n_shared
        Passages that both runs were scored on.
    shared_before, shared
        Both runs on these, against the later gold: this alone says what the model learnt.
    low, high
        95 % interval of `shared` less `shared_before`, by bootstrap of the passages.
    """

    code: str
    n_before: int
    n: int
    f1_before: float
    f1: float
    n_shared: int
    shared_before: float
    shared: float
    low: float
    high: float


class Coded(NamedTuple):
    """Passages that a model was scored on, their gold, and what the model gave: (n_passages, n_codes) each."""

    passage_ids: list[str]
    gold: Bools
    model: Bools

    def take(self, passage_ids: Iterable[str]) -> Coded:
        """Those of these passages, in the order given."""
        at = {passage_id: i for i, passage_id in enumerate(self.passage_ids)}
        ids = list(passage_ids)
        rows = np.array([at[passage_id] for passage_id in ids], dtype=np.int64)
        return Coded(ids, self.gold[rows], self.model[rows])


def code_passages(tags: Collection[PassageTag], passage_ids: Collection[str], codes: Sequence[str]) -> Coded:
    """What coders `gold` and `model` gave, as `out_of_fold_tags` holds it."""
    ids = sorted(passage_ids)
    gold, model = (code_matrix([tag for tag in tags if tag.coder == coder], ids, codes) for coder in ("gold", "model"))
    return Coded(ids, gold, model)


def match_passages(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """By the id of an earlier passage, the id of the same passage in the later run: same document and text, or nearly.

    Ids move when a document is cut otherwise; so text goes first. Passages left over are the same
    where the id is, and most of the words.

    Examples
    --------
    >>> match_passages({"a:0001": "One.", "a:0002": "Two."}, {"a:0001": "Nought.", "a:0002": "One."})
    {'a:0001': 'a:0002'}
    """
    free: dict[tuple[str, str], list[str]] = defaultdict(list)
    for passage_id in sorted(after, reverse=True):
        free[_document(passage_id), bare_text(after[passage_id])].append(passage_id)
    matched = {}
    for passage_id in sorted(before):
        if same := free.get((_document(passage_id), bare_text(before[passage_id]))):
            matched[passage_id] = same.pop()
    taken = set(matched.values())
    for passage_id in sorted(set(before).difference(matched)):
        if passage_id in after and passage_id not in taken and _alike(before[passage_id], after[passage_id]):
            matched[passage_id] = passage_id
    return dict(sorted(matched.items()))


def _document(passage_id: str) -> str:
    return passage_id.rpartition(":")[0]


def _alike(a: str, b: str) -> bool:
    words_a, words_b = set(a.casefold().split()), set(b.casefold().split())
    return len(words_a & words_b) >= _ALIKE * max(len(words_a), len(words_b))


def compare_rows(
    before: Iterable[EvidenceRow], after: Iterable[EvidenceRow], matched: Mapping[str, str], rows: Rows = "entity"
) -> EvidenceDifference:
    """New, gone and changed evidence, the cells with most changes first, those tied to no entity last.

    A score that moved, or a mark for review, is no change. Evidence of a passage that the later run does not show is left
    out and only counted: it may have been withdrawn.

    Parameters
    ----------
    matched
        As `match_passages` gives it, of passages that each run shows.
    rows
        What makes a row of the matrix: the entity that the passage is tied to, or its document.
    """
    earlier, later = list(before), list(after)
    kept = [
        row.model_copy(update={"passage_id": matched[row.passage_id]}) for row in earlier if row.passage_id in matched
    ]
    old, new = _by_place(kept, rows), _by_place(later, rows)
    changes, left_out = [], _by_place((row for row in earlier if row.passage_id not in matched), rows)
    for place in sorted(old.keys() | new.keys()):
        a, b = old.get(place, []), new.get(place, [])
        differences = _differences(a, b) if a and b else ()
        if a and b and not differences:
            continue
        what: What = "changed" if a and b else "gone" if a else "new"
        row_id, name = _row_of((b or a)[0], rows)
        changes.append(
            Change(
                what, row_id, name, place[1], a[0] if a else None, b[0] if b else None, _who(a), _who(b), differences
            )
        )
    n_before, n_after = (Counter(place[:2] for place in run) for run in (old, new))
    counts = Counter((c.row_id, c.code, c.what) for c in changes)
    cells = [
        CellChange(
            row_id,
            name,
            code,
            n_before[row_id, code],
            n_after[row_id, code],
            *(counts[row_id, code, what] for what in _WHAT),
        )
        for (row_id, code), name in {(c.row_id, c.code): c.row for c in changes}.items()
    ]
    cells.sort(key=lambda cell: (cell.row_id == "", -(cell.new + cell.gone + cell.changed), cell.row, cell[:3]))
    rank = {(cell.row_id, cell.code): i for i, cell in enumerate(cells)}
    changes.sort(key=lambda c: (rank[c.row_id, c.code], _WHAT.index(c.what)))
    return EvidenceDifference(changes, cells, len(left_out))


def _by_place(found: Iterable[EvidenceRow], rows: Rows) -> dict[tuple[str, str, str], list[EvidenceRow]]:
    """Rows by matrix row, code and passage; people before the model, the closest tie first."""
    places: dict[tuple[str, str, str], list[EvidenceRow]] = defaultdict(list)
    for row in sorted(found, key=lambda r: (r.score is not None, r.coder, _TIES.index(r.tie), r.entity_id)):
        places[_row_of(row, rows)[0], row.code, row.passage_id].append(row)
    return dict(places)


def _row_of(row: EvidenceRow, rows: Rows) -> tuple[str, str]:
    if rows == "document":
        return row.document_id, row.document
    return row.entity_id, row.entity_name or "(no council, partnership or scheme)"


def _who(rows: Iterable[EvidenceRow]) -> tuple[str, ...]:
    return tuple(sorted({MODEL if row.score is not None else row.coder for row in rows}))


def _differences(before: Sequence[EvidenceRow], after: Sequence[EvidenceRow]) -> tuple[str, ...]:
    a, b = before[0], after[0]
    found = [
        f"{name} {old} to {new}"
        for name, old, new in (("stance", a.stance, b.stance), ("tie", a.tie, b.tie))
        if old != new
    ]
    if _who(before) != _who(after):
        found.append(f"coded by {', '.join(_who(before))} to {', '.join(_who(after))}")
    if bare_text(a.quote) != bare_text(b.quote):
        found.append("text")
    return tuple(found)


def compare_tags(
    before: Iterable[PassageTag], after: Iterable[PassageTag], matched: Mapping[str, str]
) -> list[TagChange]:
    """Codes given, lost or of another stance, by passage and code, on passages that both runs have.

    Parameters
    ----------
    matched
        As `match_passages` gives it.
    """
    shared = set(matched.values())
    old = {(matched[t.passage_id], t.code, _coder(t)): t for t in before if t.passage_id in matched}
    new = {(t.passage_id, t.code, _coder(t)): t for t in after if t.passage_id in shared}
    changes = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if a is None or b is None or a.stance != b.stance:
            changes.append(
                TagChange(
                    *key,
                    a.stance if a else None,
                    b.stance if b else None,
                    a.score if a else None,
                    b.score if b else None,
                )
            )
    return changes


def _coder(tag: PassageTag) -> str:
    return MODEL if tag.score is not None else tag.coder


def compare_scores(
    before: Coded, after: Coded, codes: Sequence[str], *, draws: int = 1000, seed: int = 20
) -> list[ScoreChange]:
    """F1 of each code, then `micro` and `macro`, of two runs: each on its own passages, and both on those they share."""
    seen = set(after.passage_ids)
    shared = [passage_id for passage_id in before.passage_ids if passage_id in seen]
    old, new = before.take(shared), after.take(shared)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(shared), size=(draws, len(shared))) if shared else np.zeros((draws, 0), dtype=np.int64)
    drawn = np.stack([np.bincount(pick, minlength=len(shared)) for pick in picks]).astype(np.float64)
    low, high = _interval(_f1(drawn, new.gold, new.model) - _f1(drawn, new.gold, old.model))
    columns = [
        _f1(np.ones((1, len(gold))), gold, model)[0]
        for gold, model in (
            (before.gold, before.model),
            (after.gold, after.model),
            (new.gold, old.model),
            (new.gold, new.model),
        )
    ]
    return [
        ScoreChange(
            code,
            len(before.passage_ids),
            len(after.passage_ids),
            float(columns[0][j]),
            float(columns[1][j]),
            len(shared),
            float(columns[2][j]),
            float(columns[3][j]),
            float(low[j]),
            float(high[j]),
        )
        for j, code in enumerate((*codes, "micro", "macro"))
    ]


def _f1(weights: Floats, gold: Bools, model: Bools) -> Floats:
    """(n_draws, n_codes + 2) F1 of each code, micro and macro, with passages weighted by (n_draws, n_passages)."""
    both, total = weights @ (gold & model).astype(np.float64), weights @ (gold.astype(np.float64) + model)
    both, total = (np.column_stack([x, x.sum(axis=1)]) for x in (both, total))
    f1 = np.where(total > 0, 2 * both / np.maximum(total, 1), np.nan)
    known = ~np.isnan(f1[:, :-1])
    macro = np.where(known, f1[:, :-1], 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.column_stack([f1, np.where(known.any(axis=1), macro, np.nan)])


def _interval(gains: Floats) -> tuple[Floats, Floats]:
    """2.5 and 97.5 % points of each column; NaN where nothing is known."""
    points = [
        np.quantile(known, [0.025, 0.975]) if len(known := column[~np.isnan(column)]) else (np.nan, np.nan)
        for column in gains.T
    ]
    low, high = np.array(points).T
    return low, high
