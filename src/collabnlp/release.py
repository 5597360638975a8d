"""What may leave: speakers under pseudonyms, small cells withheld, quotes only where they may be shown.

This is the first, plain form of it: speakers that are not for attribution lose their names before
anything else sees the text, their words stay out of files that are handed on, and cells that rest
on too few of them are withheld. Other people's names in a transcript are not yet looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from collabnlp.records import Access, Block, EvidenceRow

INTERVIEWER = "Interviewer"
WITHHELD = "[quote withheld: not for attribution]"
_ROLES = re.compile(r"(?i)^(interviewer|int|moderator|facilitator|researcher|q|iv)\b\.?\d*$")
# First names and surnames that are also everyday words: alone, they are left standing.
_EVERYDAY = {
    "Will",
    "Mark",
    "May",
    "Rose",
    "Grace",
    "Hope",
    "Frank",
    "Art",
    "Bill",
    "Sue",
    "Page",
    "Hall",
    "Hill",
    "Field",
    "Cook",
    "King",
    "Price",
    "Young",
    "Long",
    "Short",
    "Brown",
    "White",
    "Black",
    "Green",
    "Wood",
    "Stone",
    "Rich",
    "Faith",
    "Joy",
    "Dawn",
    "June",
    "April",
    "August",
    "Summer",
    "Penny",
    "Guy",
    "Jack",
    "Bond",
    "Law",
    "Speaker",
    "The",
    "Cllr",
    "Councillor",
    "Dr",
    "Mr",
    "Mrs",
    "Ms",
    "Sir",
}


def name_speakers(blocks: Sequence[Block], access: Access) -> list[Block]:
    """The blocks with the interviewer marked as such and, where the source is not for attribution, every speaker under a pseudonym.

    Pseudonyms are "Interviewee" (or "Interviewee 1", "Interviewee 2", in order of first turn). The
    speakers' names are replaced in what is said, too: whole, and each part that is no everyday word.

    Examples
    --------
    >>> turns = [Block("Ready?", "turn", speaker="Tom Ashdown"), Block("Yes, Tom. I am Ann Weir.", "turn", speaker="Ann Weir")] * 2
    >>> [(b.speaker, b.text) for b in name_speakers(turns, "non-attributable")][:2]
    [('Interviewer', 'Ready?'), ('Interviewee', 'Yes, [interviewer]. I am [interviewee].')]
    """
    interviewer = find_interviewer(blocks)
    if access != "non-attributable":
        return [
            block._replace(speaker=INTERVIEWER) if block.speaker is not None and block.speaker == interviewer else block
            for block in blocks
        ]
    speakers = list(dict.fromkeys(block.speaker for block in blocks if block.speaker))
    others = [speaker for speaker in speakers if speaker != interviewer]
    pseudonyms = {
        speaker: "Interviewee" if len(others) == 1 else f"Interviewee {i}" for i, speaker in enumerate(others, start=1)
    }
    if interviewer:
        pseudonyms[interviewer] = INTERVIEWER
    patterns = [
        (re.compile(pattern), f"[{pseudonyms[speaker].lower()}]")
        for speaker in speakers
        for pattern in _name_patterns(speaker)
    ]

    def replaced(text: str) -> str:
        for pattern, pseudonym in patterns:
            text = pattern.sub(pseudonym, text)
        return text

    return [block._replace(text=replaced(block.text), speaker=pseudonyms.get(block.speaker or "")) for block in blocks]


def _name_patterns(speaker: str) -> list[str]:
    """Patterns of a name, the whole before its parts; none for labels such as "Speaker 1"."""
    parts = [part.strip("().,") for part in speaker.split()]
    parts = [part for part in parts if len(part) >= 3 and part[0].isupper() and not part[-1].isdigit()]
    parts = [
        part
        for part in parts
        if part not in _EVERYDAY
        and not _ROLES.match(part)
        and part.lower() not in ("interviewee", "respondent", "participant")
    ]
    if not parts:
        return []
    whole = r"\s+".join(re.escape(part) for part in speaker.split())
    return [rf"(?<!\w){whole}(?!\w)", *(rf"(?<!\w){re.escape(part)}(?!\w)" for part in parts)]


def find_interviewer(blocks: Iterable[Block]) -> str | None:
    """The speaker who interviews: named so, or the one who mostly asks and says little; None where nobody does."""
    turns: dict[str, list[str]] = {}
    for block in blocks:
        if block.kind == "turn" and block.speaker:
            turns.setdefault(block.speaker, []).append(block.text)
    for speaker in turns:
        if _ROLES.match(speaker):
            return speaker
    if len(turns) < 2:
        return None
    asks = {s: sum(t.rstrip("”\"’' ").endswith("?") for t in said) / len(said) for s, said in turns.items()}
    length = {s: sum(len(t.split()) for t in said) / len(said) for s, said in turns.items()}
    best = max(turns, key=lambda s: (asks[s], -length[s]))
    others = [length[s] for s in turns if s != best]
    return best if asks[best] >= 0.4 and length[best] < max(others) else None


def withheld(rows: Iterable[EvidenceRow], min_interviews: int) -> bool:
    """Whether the cell that these rows make must be withheld.

    It must where all of it is not for attribution and comes from fewer than `min_interviews`
    interviews: a chief executive of a named council is one person.
    """
    rows = list(rows)
    return (
        all(row.access == "non-attributable" for row in rows)
        and len({row.document_id for row in rows}) < min_interviews
    )


def releasable(row: EvidenceRow) -> EvidenceRow:
    """The row as it may stand in a file that is handed on: words and speaker withheld where the source is not for attribution."""
    if row.access != "non-attributable":
        return row
    return row.model_copy(update={"quote": WITHHELD, "speaker": None, "section": ""})
