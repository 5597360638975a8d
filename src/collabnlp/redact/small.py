"""Names that are words, too, in texts without capitals: known by who speaks, is spoken to, acts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from collabnlp.redact.context import NOT_AFTER, is_phrase, score
from collabnlp.redact.lexicon.usage import MONTHS, SMALL

if TYPE_CHECKING:
    from collabnlp.redact.sightings import Sightings, Text

# How a name that is a word, too, is known in a text without capitals: by who is spoken to, who does something, to whom it is done.
_SPEAKS = re.compile(r"\b(?:said|says|say|goes|went|thanks|cheers|sorry|hello|hi|morning) $")
_SPOKEN_TO = re.compile(
    r"\s+(?:you|we|i|you['’]?re|you['’]?ve|you['’]?ll|i['’]?ll|i['’]?m|i['’]?ve|we['’]?ve|we['’]?ll|can|could|there['’]?s|that['’]?s|it['’]?s|what|why|how|listen|look)\b"
)
_ACTS = re.compile(
    r"(?:['’]s)?\s+(?:is|was|has|had|isn['’]?t|wasn['’]?t|she|he|she['’]s|he['’]s|says|said|reckons|thinks|came|rang|who|didn['’]?t|doesn['’]?t|wouldn['’]?t|always|never)\b"
)
_BEGINS = re.compile(
    r"(?:^|\b(?:and|but|so|because|cos|that|when|if|as|then|well|yeah|yes|no|or|where|while|until|before|after|since|like|think|thought|said|says|know|knew|reckon|why|how|of the|except|though|although|now)) $"
)
_DONE_TO = re.compile(
    r"\b(?:(?:said|spoke|speak|talk|talked|went|listen|listened|sent it|gave it|wrote) to|send you|sent you|send|rang|phoned|asked|told|met|thanked|emailed|texted|me and|because of(?: the)?) $"
)
_GOES_ON = re.compile(
    r"\s*(?:$|\n)|\s+(?:what|that|about|and|who|i|we|he|she|she['’]s|he['’]s|you|where|how|why|if|whether|again|because|in|at|on)\b"
)


_BEFORE_ADJECTIVES = frozenset(
    "is was are were be been being very too quite more most so how really rather fairly such as my your his her its our their".split()
)


def meant_small(doc: Sightings, text: Text, i: int, *, listed: bool) -> bool:
    """Whether a name that is an ordinary word, too, is meant as a name in a text without capitals."""
    token = text.tokens[i]
    person, place = score(text.text, text.tokens, i, i + 1)
    if listed and not is_phrase(text.text, token):
        before, rest = (
            text.text[max(0, token.start - 24) : token.start].replace("\n", " "),
            text.text[token.end : token.end + 24],
        )
        if (
            (_SPEAKS.search(before) and _SPOKEN_TO.match(rest))
            or (_ACTS.match(rest) and (not before or _BEGINS.search(before)))
            or (_DONE_TO.search(before) and _GOES_ON.match(rest))
        ) and token.low not in MONTHS | {"will"}:
            return True
    if is_phrase(text.text, token) or token.low in SMALL:
        return person >= 3 and place == 0
    rare = doc.seen_low[token.low] <= 4 and listed
    return person >= (0.75 if rare else 2) and place == 0


def mostly(doc: Sightings, text: Text, i: int) -> bool:
    """Whether a word that is a name is one at most places where it stands in a document without capitals."""
    token = text.tokens[i]
    before = text.tokens[i - 1] if i else None
    if (
        is_phrase(text.text, token)
        or token.low in SMALL | MONTHS
        or (before is not None and before.low in NOT_AFTER | _BEFORE_ADJECTIVES)
    ):
        return False
    if token.low not in doc.usually:
        at = [
            (other, k)
            for other in doc.texts
            if other.mode != "mixed"
            for k, t in enumerate(other.tokens)
            if t.low == token.low
        ]
        meant = sum(meant_small(doc, other, k, listed=True) or _beside_own(doc, other, k) for other, k in at)
        doc.usually[token.low] = meant >= 2 and 3 * meant >= 2 * len(at)
    return doc.usually[token.low]


def _beside_own(doc: Sightings, text: Text, k: int) -> bool:
    """Whether a word stands within the whole name of somebody of the document."""
    low = [token.low for token in text.tokens]
    return any(
        tuple(low[max(0, k - n) : k - n + len(words)]) == words
        for words in doc.people
        if len(words) > 1 and low[k] in words
        for n in (words.index(low[k]),)
    )
