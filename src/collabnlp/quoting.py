"""What the release gate quotes of interviews not for attribution: a choice, in words that name no place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from collabnlp.evidence import Light, strongest
from collabnlp.gazetteer import Gazetteer
from collabnlp.records import EntityMention, EvidenceRow, Stance, text_sha256
from collabnlp.streams import Rows

CLOSED = "non-attributable"
NOT_NAMED = "Interviews not for attribution"
WORD = re.compile(r"\w+")


def choose_quotes(
    rows: Iterable[Light],
    codes: Sequence[str],
    lacking: Callable[[Iterable[str]], str],
    person: Callable[[str], str],
) -> dict[str, list[Light]]:
    """Rows of each code that has enough behind what may be quoted of it: the best of each interviewee.

    Parameters
    ----------
    rows
        Of what may be quoted.
    lacking
        What documents lack by the rule, in words; empty where they have enough.
    person
        The interviewee of a document.
    """
    by_code: dict[str, list[Light]] = defaultdict(list)
    for row in rows:
        by_code[row.code].append(row._replace(tie="none"))  # chosen not by what it is tied to
    chosen = {}
    for code in codes:
        if by_code[code] and not lacking({row.document_id for row in by_code[code]}):
            of_person: dict[str, Light] = {}
            for row in strongest(by_code[code], lambda row: row.n_words):
                of_person.setdefault(person(row.document_id), row)
            chosen[code] = list(of_person.values())
    return chosen


def quote(
    chosen: Mapping[str, Sequence[Light]],
    rows: Rows[EvidenceRow],
    mentions: Rows[EntityMention],
    gazetteer: Gazetteer,
    multiple: int,
) -> list[EvidenceRow]:
    """The chosen rows as they may be shown, of each code as many as a multiple of a number.

    The number is rounded down so that it does not say how many there are, and the order is one of
    the texts themselves, so that it says nothing of where they come from.
    """
    wanted = {row.passage_id for own in chosen.values() for row in own}
    if not wanted:
        return []
    texts = {row.passage_id: row.quote for row in rows if row.passage_id in wanted}
    spans: dict[str, list[EntityMention]] = defaultdict(list)
    for mention in mentions:
        if mention.passage_id in wanted:
            spans[mention.passage_id].append(mention)
    mask = _Mask(gazetteer)
    shown: list[EvidenceRow] = []
    for code, own in chosen.items():
        masked = [(mask(texts[row.passage_id], spans[row.passage_id]), row) for row in own]
        masked.sort(key=lambda pair: (text_sha256(pair[0]), pair[1].stance))
        shown += [
            bare(code, f"not-for-attribution:{code}:{i:04d}", row.stance, row.synthetic, text)
            for i, (text, row) in enumerate(masked[: len(masked) // multiple * multiple], start=1)
        ]
    return shown


def bare(code: str, passage_id: str, stance: Stance, synthetic: bool, quote: str) -> EvidenceRow:
    """A row not for attribution as it may be shown: text, code, stance, and whether it is invented."""
    return EvidenceRow(
        entity_id="",
        entity_name="",
        entity_label="",
        code=code,
        passage_id=passage_id,
        coder="",
        tie="none",
        stance=stance,
        score=None,
        document_id="",
        document=NOT_NAMED,
        kind="transcript",
        year=None,
        access="non-attributable",
        synthetic=synthetic,
        section="",
        page=None,
        speaker=None,
        topic=None,
        review=False,
        sentence="",
        terms="",
        quote=quote,
    )


class _Mask:
    """Puts [council], [partnership] or [scheme] in place of names: those found in the text, and all of the gazetteer."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._by_word: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for alias, (_, ids) in gazetteer.aliases.items():
            if alias[:1].isupper():
                self._by_word[WORD.findall(alias)[0]].append((alias, gazetteer.entities[ids[0]].label))

    def __call__(self, text: str, mentions: Iterable[EntityMention]) -> str:
        names: dict[str, str] = {mention.text: mention.label for mention in mentions}
        names |= {a: label for word in set(WORD.findall(text)) for a, label in self._by_word.get(word, ())}
        if not names:
            return text
        either = "|".join(
            r"\s+".join(map(re.escape, name.split())) for name in sorted(names, key=lambda name: (-len(name), name))
        )
        labels = {" ".join(name.split()): label for name, label in names.items()}
        return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda m: f"[{labels[' '.join(m.group().split())].lower()}]", text)
