"""What became of the topics of an earlier model: kept, split, merged, new, gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from collabnlp.records import Topic, TopicChange

_HALF, _WORTH_A_ROW = 0.5, 0.1


def compare(
    both: Mapping[tuple[int, int], int], old_topics: Sequence[Topic], new_topics: Sequence[Topic]
) -> list[TopicChange]:
    """How the topics of two models go over into each other, from the same passages assigned by both.

    A pair of topics has a row where one holds more than half of the other, or a tenth. A topic of
    which no other holds half has a row of its own: gone, or new.

    Parameters
    ----------
    both
        By old and new topic: the passages that the two models give to them.
    """
    n_old, n_new = _totals(both, 0), _totals(both, 1)
    old_labels = {topic.topic: topic.label for topic in old_topics}
    new_labels = {topic.topic: topic.label for topic in new_topics}
    rows: list[TopicChange] = []
    for (a, b), n in sorted(both.items()):
        of_old, of_new = n / n_old[a], n / n_new[b]
        if a >= 0 and b >= 0 and max(of_old, of_new) >= _WORTH_A_ROW:
            rows.append(_row(a, b, old_labels, new_labels, _kind(of_old, of_new), n, of_old, of_new))
    lost = {a for a in old_labels if a >= 0} - {row.old for row in rows if row.change not in ("moved",)}
    fresh = {b for b in new_labels if b >= 0} - {row.new for row in rows if row.change not in ("moved",)}
    rows += [_row(a, -1, old_labels, new_labels, "gone", n_old[a], 1.0, 0.0) for a in sorted(lost)]
    rows += [_row(-1, b, old_labels, new_labels, "new", n_new[b], 0.0, 1.0) for b in sorted(fresh)]
    return rows


def _kind(of_old: float, of_new: float) -> str:
    """
    Name of what two topics that share passages are to each other.

    Examples
    --------
    >>> [_kind(0.8, 0.9), _kind(0.3, 0.9), _kind(0.9, 0.3), _kind(0.2, 0.2)]
    ['kept', 'split', 'merged', 'moved']
    """
    if of_old > _HALF and of_new > _HALF:
        return "kept"
    if of_new > _HALF:
        return "split"
    return "merged" if of_old > _HALF else "moved"


def _totals(both: Mapping[tuple[int, int], int], side: int) -> Counter[int]:
    totals: Counter[int] = Counter()
    for pair, n in both.items():
        totals[pair[side]] += n
    return totals


def _row(
    old: int,
    new: int,
    old_labels: Mapping[int, str],
    new_labels: Mapping[int, str],
    change: str,
    n: int,
    of_old: float,
    of_new: float,
) -> TopicChange:
    return TopicChange.model_validate(
        {
            "old": old,
            "old_label": old_labels.get(old, "") if change != "new" else "",
            "new": new,
            "new_label": new_labels.get(new, "") if change != "gone" else "",
            "change": change,
            "n_passages": n,
            "share_old": round(of_old, 4),
            "share_new": round(of_new, 4),
        }
    )
