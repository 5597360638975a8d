"""Who speaks in a transcript: the interviewer, and what of a turn's label is a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from collabnlp.records import Block
from collabnlp.redact.lexicon import load_lexicon, plain

INTERVIEWER = "Interviewer"
_INTERVIEWS = re.compile(r"(?i)(?:interviewer|int|moderator|facilitator|researcher|q|iv)\.?\s*\d*")
# Words of a label that are no name: titles, roles, and what stands for a name.
TITLES = frozenset(
    """
    cllr councillor dr mr mrs ms miss mx sir dame lord lady prof professor rev reverend baroness
    leader deputy vice chair chairman chairwoman chief executive officer director manager head member mayor clerk
    speaker interviewee respondent participant unknown person voice guest panellist caller host male female man woman
    answer question a q r p transcript interview group focus
    """.split()
)


_ROLES = frozenset("leader executive director manager mayor chair chairman councillor officer clerk ceo head".split())


def interviews(label: str) -> bool:
    """Whether a label says of itself that it is an interviewer's, such as INT or Q.

    Examples
    --------
    >>> interviews("INT 2"), interviews("Ivor")
    (True, False)
    """
    return _INTERVIEWS.fullmatch(label.strip()) is not None


def find_interviewer(blocks: Iterable[Block]) -> str | None:
    """The speaker who interviews: named so, or the one who mostly asks and says little; None where nobody does."""
    turns: dict[str, list[str]] = {}
    for block in blocks:
        if block.kind == "turn" and block.speaker:
            turns.setdefault(block.speaker, []).append(block.text)
    for speaker in turns:
        if interviews(speaker):
            return speaker
    if len(turns) < 2:
        return None
    asks = {s: sum(t.rstrip("”\"’' ").endswith("?") for t in said) / len(said) for s, said in turns.items()}
    length = {s: sum(len(t.split()) for t in said) / len(said) for s, said in turns.items()}
    best = max(turns, key=lambda s: (asks[s], -length[s]))
    others = [length[s] for s in turns if s != best]
    return best if asks[best] >= 0.4 and length[best] < max(others) else None


def name_in(label: str) -> tuple[str, ...]:
    """The words of a label that are a name, given name first; empty where it holds none.

    Examples
    --------
    >>> name_in("Cllr Bo Marsh (Leader)"), name_in("Marsh, Bo"), name_in("Interviewee 1 (Bo Marsh)"), name_in("Speaker 1")
    (('Bo', 'Marsh'), ('Bo', 'Marsh'), ('Bo', 'Marsh'), ())
    """
    if interviews(label):
        return ()
    outside = re.sub(r"[(\[][^)\]]*[)\]]?", " ", label)  # in brackets stands a role: "Ann Weir (Leader)"
    words = _name_words(outside)
    if not words:  # or the name: "Interviewee 1 (Ann Weir)"
        inside = re.search(r"[(\[]([^)\]]*)", label)
        return tuple(_name_words(inside[1])) if inside else ()
    return tuple(words)


def _name_words(label: str) -> list[str]:
    first, comma, rest = label.partition(",")
    parts = [_words(first), _words(rest)]
    if comma and len(parts[0]) == 1 and len(parts[1]) in (1, 2) and not _roles(rest):
        return parts[1] + parts[0]  # "Weir, Ann"
    return parts[0] or parts[1]  # "Ann Weir, Leader of the Council"; "Leader, Ann Weir"


def _roles(text: str) -> bool:
    return any(word.strip(".").casefold() in TITLES for word in text.split())


def _words(text: str) -> list[str]:
    words = [word.strip("()[].,:-–—") for word in text.split()]
    if words and any(word.casefold() in ("of", "for", "at") for word in words):
        return []  # a role: "Director of Place"
    words = [word for word in words if word and word.casefold() not in TITLES and not any(c.isdigit() for c in word)]
    return words if any(word[0].isalpha() for word in words) else []


def names_in_path(path: str) -> bool:
    """Whether a file's name holds what may be a person's name or a role.

    Examples
    --------
    >>> names_in_path("transcripts/interview-ann-weir.docx"), names_in_path("transcripts/interview-03.docx")
    (True, False)
    """
    lexicon = load_lexicon()
    words = [plain(word) for word in re.findall(r"[^\W\d_]+", Path(path).stem)]
    return any(
        word in _ROLES or (word in lexicon.given | lexicon.surnames and word not in lexicon.both_ways | lexicon.words)
        for word in words
        if len(word) > 2
    )
