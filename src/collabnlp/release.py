"""What may leave: speakers under pseudonyms, small cells withheld, quotes only where they may be shown.

This is the first, plain form of it: speakers that are not for attribution lose their names before
anything else sees the text, their words stay out of files that are handed on, and cells that rest
on too few of them are withheld. Other people's names in a transcript are not yet looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from collabnlp.records import Access, Block, EvidenceRow

INTERVIEWER = "Interviewer"
WITHHELD = "[quote withheld: not for attribution]"
_INTERVIEWS = re.compile(r"(?i)(?:interviewer|int|moderator|facilitator|researcher|q|iv)\.?\s*\d*")
# Names that are also everyday words: as part of a name they are left standing, alone they go as the label writes them.
_EVERYDAY = frozenset(
    """
    will mark may rose grace hope frank art bill sue page hall hill field cook king price young long short brown white
    black green wood stone rich faith joy dawn june april august summer penny guy jack bond law
    the de of van ah am an as at be by do go ha he hi if in is it me my no oh ok on or so to up us we
    """.split()
)
# Words of a label that are no name: titles, roles, and what stands for a name.
_TITLES = frozenset(
    """
    cllr councillor dr mr mrs ms miss sir dame lord lady prof professor rev
    leader deputy vice chair chairman chairwoman chief executive officer director manager head member mayor clerk
    speaker interviewee respondent participant unknown
    """.split()
)


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
    speakers = list(dict.fromkeys(block.speaker for block in blocks if block.speaker))
    found = find_interviewer(blocks)
    interviewers = {speaker for speaker in speakers if speaker == found or _INTERVIEWS.fullmatch(speaker)}
    if access != "non-attributable":
        return [block._replace(speaker=INTERVIEWER) if block.speaker in interviewers else block for block in blocks]
    others = [speaker for speaker in speakers if speaker not in interviewers]
    pseudonyms = dict.fromkeys(interviewers, INTERVIEWER) | {
        speaker: "Interviewee" if len(others) == 1 else f"Interviewee {i}" for i, speaker in enumerate(others, start=1)
    }
    replaced = _replacer(pseudonyms)
    return [block._replace(text=replaced(block.text), speaker=pseudonyms.get(block.speaker or "")) for block in blocks]


def _replacer(pseudonyms: dict[str, str]) -> Callable[[str], str]:
    """A function that puts pseudonyms in place of names: all names in one pass, the longest first, so that a part of one name never cuts another."""
    patterns = [(pattern, pseudonyms[speaker]) for speaker in pseudonyms for pattern in _name_patterns(speaker)]
    patterns.sort(key=lambda pair: -len(pair[0]))
    if not patterns:
        return lambda text: text
    any_name = re.compile(rf"(?<!\w)(?:{'|'.join(f'({pattern})' for pattern, _ in patterns)})(?!\w)")
    return lambda text: any_name.sub(lambda match: f"[{patterns[(match.lastindex or 1) - 1][1].lower()}]", text)


def _name_patterns(speaker: str) -> list[str]:
    """Patterns of a name: whole, in any case, and each part that is no everyday word, if it begins with a capital; none for labels such as "Speaker 1"."""
    outside = re.sub(r"[(\[][^)\]]*[)\]]?", " ", speaker)  # in brackets stands a role: "Ann Weir (Leader)"
    words = _name_words(outside) or _name_words(speaker)  # or the name: "Interviewee 1 (Ann Weir)"
    parts = [word for word in words if len(word) >= 2 and word.casefold() not in _EVERYDAY]
    patterns = [f"{re.escape(part[0].upper())}(?i:{re.escape(part[1:])})" for part in parts if part[0].isupper()]
    if len(words) > 1:
        return ["(?i:" + r"[.,]?\s+".join(map(re.escape, words)) + ")", *patterns]
    return patterns or [re.escape(word) for word in words]


def _name_words(label: str) -> list[str]:
    """The words of a label without titles and roles; empty where none of them can be a name."""
    words = [word.strip("()[].,") for word in label.split()]
    words = [word for word in words if word and word.casefold() not in _TITLES and not word[-1].isdigit()]
    named = any(len(word) >= 2 and word[0].isupper() for word in words)
    return words if named and not _INTERVIEWS.fullmatch(label.strip()) else []


def find_interviewer(blocks: Iterable[Block]) -> str | None:
    """The speaker who interviews: named so, or the one who mostly asks and says little; None where nobody does."""
    turns: dict[str, list[str]] = {}
    for block in blocks:
        if block.kind == "turn" and block.speaker:
            turns.setdefault(block.speaker, []).append(block.text)
    for speaker in turns:
        if _INTERVIEWS.fullmatch(speaker):
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
    interviews = {row.document_id for row in rows}
    return all(row.access == "non-attributable" for row in rows) and 0 < len(interviews) < min_interviews


def releasable(row: EvidenceRow) -> EvidenceRow:
    """The row as it may stand in a file that is handed on: words and speaker withheld where the source is not for attribution."""
    if row.access != "non-attributable":
        return row
    return row.model_copy(update={"quote": WITHHELD, "sentence": "", "terms": "", "speaker": None, "section": ""})
