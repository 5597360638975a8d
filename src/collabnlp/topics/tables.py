"""Topics counted against codes, documents, years and councils, and where topics and codebook pass each other by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from collabnlp.records import (
    Document,
    PassageTag,
    Topic,
    TopicArea,
    TopicAssignment,
    TopicCode,
    TopicCount,
    TopicGap,
)

Level = Literal["topic", "area"]
_FEW = 10  # passages of a topic or code below which a gap says nothing
_UNCODED = 0.6  # share of coded passages, beside that of all, below which a topic counts as without code
_NOWHERE = 1.5  # lift with a topic that a code must reach to count as a topic's
INTERVIEWS = "interviews not for attribution"


class Placed(NamedTuple):
    """A passage's place: its document, its topic and its area (-1: outlier)."""

    passage_id: str
    document_id: str
    topic: int
    area: int

    def at(self, level: Level) -> int:
        """Its number at a level."""
        return self.topic if level == "topic" else self.area


class Given(NamedTuple):
    """A code that a passage has."""

    passage_id: str
    code: str


def place(assignments: Iterable[TopicAssignment]) -> list[Placed]:
    """Assignments with the document of each."""
    return [Placed(a.passage_id, a.passage_id.rsplit(":", 1)[0], a.topic, a.area) for a in assignments]


def labels_of(topics: Iterable[Topic], areas: Iterable[TopicArea]) -> dict[tuple[Level, int], str]:
    """Label by level and number; "Other" for outliers."""
    labels: dict[tuple[Level, int], str] = {("topic", -1): "Other", ("area", -1): "Other"}
    labels |= {("topic", topic.topic): topic.label for topic in topics}
    return labels | {("area", area.area): area.label for area in areas}


def count_codes(
    placed: Sequence[Placed],
    tags: Sequence[Given | PassageTag],
    codes: Sequence[str],
    labels: Mapping[tuple[Level, int], str],
    documents: Mapping[str, Document],
    min_interviews: int,
) -> list[TopicCode]:
    """Topics by codes at both levels: passages, what chance would give, and lift.

    A cell whose passages are all of interviews not for attribution, and of fewer than
    `min_interviews` of them, is withheld.
    """
    own = {passage.passage_id: passage for passage in placed}
    coded: dict[str, set[str]] = defaultdict(set)
    for tag in tags:
        if tag.passage_id in own:
            coded[tag.code].add(tag.passage_id)
    rows = []
    for level in ("topic", "area"):
        members: dict[int, set[str]] = defaultdict(set)
        for passage in placed:
            members[passage.at(level)].add(passage.passage_id)  # type: ignore[arg-type]
        for number in sorted(members):
            for code in codes:
                both = members[number] & coded[code]
                expected = len(members[number]) * len(coded[code]) / len(placed)
                hidden = _is_thin({own[i].document_id for i in both}, documents, min_interviews)
                rows.append(
                    TopicCode(
                        level=level,  # type: ignore[arg-type]
                        topic=number,
                        label=labels[level, number],  # type: ignore[index]
                        code=code,
                        n_passages=None if hidden else len(both),
                        expected=None if hidden else round(expected, 2),
                        lift=None if hidden or not expected else round(len(both) / expected, 3),
                        share=None if hidden else round(len(both) / len(members[number]), 4),
                    )
                )
    return rows


def _is_thin(document_ids: set[str], documents: Mapping[str, Document], min_interviews: int) -> bool:
    return 0 < len(document_ids) < min_interviews and all(
        documents[i].access == "non-attributable" for i in document_ids
    )


def count_places(
    placed: Sequence[Placed],
    labels: Mapping[tuple[Level, int], str],
    documents: Mapping[str, Document],
    councils: Mapping[str, Iterable[str]],
    names: Mapping[str, str],
    min_interviews: int,
) -> list[TopicCount]:
    """Topics by document, year and council, at both levels.

    Parameters
    ----------
    councils
        Ids of the councils that each passage names.
    names
        Name of each council.
    min_interviews
        Interviews not for attribution count as one document, and only if they are this many.
    """
    counts: Counter[tuple[str, str, Level, int]] = Counter()
    interviews = {p.document_id for p in placed if documents[p.document_id].access == "non-attributable"}
    for passage in placed:
        document = documents[passage.document_id]
        hidden = document.access == "non-attributable"
        if hidden and len(interviews) < min_interviews:
            continue
        values = [("year", str(document.year)), ("document", INTERVIEWS if hidden else passage.document_id)]
        if not hidden:
            values += [("council", council) for council in sorted(set(councils.get(passage.passage_id, ())))]
        for by, value in values:
            for level in ("topic", "area"):
                counts[by, value, level, passage.at(level)] += 1  # type: ignore[index, arg-type]
    totals: Counter[tuple[str, str, Level]] = Counter()
    for (by, value, level, _), n in counts.items():
        totals[by, value, level] += n
    return [
        TopicCount.model_validate(
            {
                "by": by,
                "value": value,
                "name": {"year": value, "council": names.get(value, value)}.get(
                    by, documents[value].title if value in documents else value.capitalize()
                ),
                "level": level,
                "topic": number,
                "label": labels[level, number],
                "n_passages": n,
                "share": round(n / totals[by, value, level], 4),
            }
        )
        for (by, value, level, number), n in sorted(counts.items())
    ]


def find_gaps(
    placed: Sequence[Placed], tags: Sequence[Given | PassageTag], rows: Sequence[TopicCode], codes: Sequence[str]
) -> list[TopicGap]:
    """Topics that codes hardly see, where the codebook may be blind, and codes that belong to no topic.

    A topic counts as without code where the share of its passages with any code is below six
    tenths of that of all passages; a code as without topic where no topic holds it half as often
    again as chance would. Topics and codes of fewer than ten passages are left out.
    """
    coded = {tag.passage_id for tag in tags} & {passage.passage_id for passage in placed}
    usual = len(coded) / max(1, len(placed))
    own = [row for row in rows if row.level == "topic"]
    found = []
    for number in sorted({row.topic for row in own if row.topic >= 0}):
        members = [passage.passage_id for passage in placed if passage.topic == number]
        share = sum(i in coded for i in members) / len(members)
        if len(members) >= _FEW and usual and share < _UNCODED * usual:
            label = next(row.label for row in own if row.topic == number)
            why = f"{share:.0%} of its passages have a code, of all passages {usual:.0%}"
            found.append(_gap("topic without code", label, number, len(members), share, share / usual, why))
    for code in codes:
        with_it = {tag.passage_id for tag in tags if tag.code == code}
        n = sum(passage.passage_id in with_it for passage in placed)
        seen = [row for row in own if row.code == code and row.topic >= 0 and row.n_passages and row.lift is not None]
        if n < _FEW or not seen:
            continue
        best = max(seen, key=lambda row: (row.lift or 0, -row.topic))
        share = max(row.n_passages or 0 for row in seen) / n
        if (best.lift or 0) < _NOWHERE:
            why = f"spread over all topics: most in {best.label}, {best.lift:.1f} times as often as chance would"
            found.append(_gap("code without topic", code, None, n, share, best.lift or 0, why))
    return found


def _gap(gap: str, name: str, topic: int | None, n: int, share: float, lift: float, why: str) -> TopicGap:
    return TopicGap.model_validate(
        {
            "gap": gap,
            "name": name,
            "topic": topic,
            "n_passages": n,
            "share": round(share, 4),
            "lift": round(lift, 3),
            "why": why,
        }
    )
