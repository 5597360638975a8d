"""Nicknames: said to be what somebody is called, or beside the name of who bears them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from collabnlp.redact.context import HEADS, NOT_AFTER, ROYAL, TITLES, score
from collabnlp.redact.lexicon import plain
from collabnlp.redact.lexicon.usage import FUNCTION, MONTHS, SMALL
from collabnlp.redact.tokens import Token

if TYPE_CHECKING:
    from collabnlp.redact.sightings import Sightings, Text

_NICKNAME = re.compile(
    r"\b(?P<nick>[^\W\d_]{3,})['\"’”]?,?\s+(?:to\s+(?:his|her|their|my|all|everyone|everybody|most|us|our|anyone|those)\b(?: (?:friends|mates|colleagues|staff|family|team|own|pals|face|who|of us|people|enemies|old|closest|work\w*))"
    r"|as (?:[\w'’]+\s+){1,6}?call(?:s|ed)?\s+(?:him|her|me|them|us)\b|for short\b"
    r"|(?:we|they|everyone|everybody|people|I|folk|some)\s+(?:\w+\s+){0,2}?call(?:s|ed)?\s+(?:him|her|them|me|us)\b"
    r"|(?:that['’]s|that was|is|was)\s+(?:how|what)\s+(?:\w+\s+){1,3}?(?:say|says|said|spell|spells|spelt|pronounce|pronounced|call|calls|called|write|writes)\b)"
)
_FULL = r"[A-Z][\w'’-]+(?:[ \n](?:[a-z]{2,3}[ \n]){0,2}[A-Z][\w'’-]+){1,3}"
# A nickname beside the name of who bears it, or beside words that tell a person: Badger, that's Ann Weir; a man, Badger, he.
_BESIDE = re.compile(
    rf"(?P<nick>(?-i:[A-Z][a-z]+)),\s+(?:that['’]?s|that is|that was|who is|who['’]s|i\.e\.|meaning|alias|a\.?k\.?a\.?|real name|proper name|properly|which is|short for)\s+(?P<full>{_FULL})"
    rf"|(?P<full2>{_FULL}),?\s+(?:(?:also )?known as|alias|a\.?k\.?a\.?|or|who['’]?s|who is|who answers to|or just|better known as)\s+[\"'“‘]?(?P<nick2>(?-i:[A-Z][a-z]+))(?=[\"'”’]?[,.;)]| to\b| because\b)"
    r"|\b(?:man|woman|lad|lass|girl|fella|fellow|bloke|chap|guy|lady|boy|character|colleague|driver|caretaker|clerk|mate|friend),\s+(?P<nick3>[A-Z][a-z]+),\s+(?:he|she|who|his|her|they|a|used|always)\b"
    r"|\b(?:(?:that['’]s|which is|and that['’]s) (?:where|why|how) (?:the )?|hence (?:the )?)(?P<nick4>[A-Z][a-z]+)(?: (?:comes?|came) from|[,.;])"
    r"|\b(?:who|whom|that)\s+(?:we|I|they|everyone|everybody|people|folk|the (?:lads|team|staff|office|girls))\s+(?:all |always |just |used to |only |still )?(?:calls?|called)\s+(?:the )?(?P<nick5>[A-Z][a-z]+)\b"
    r"|\b(?:we|they|people|everyone|everybody) (?:all |just |always |only |usually )?says? (?P<nick7>[A-Z][a-z]+)(?=[,.;)])"
    r"|\b(?:it['’]s|he['’]s|she['’]s|always|just) (?P<nick8>[A-Z][a-z]+) to (?:us|me|him|her|them|everyone|everybody)\b"
    r"|(?P<nick6>\b[A-Z][a-z]+),?\s+to\s+(?:absolutely |nearly |almost |virtually |practically |just about |pretty much )?(?:everyone|everybody|anybody|all (?:and sundry|of us)|most (?:people|of us))(?=[,.;]| (?:who|here|in|at|on|else)\b)"
)
# Behind these stands a body, not a nickname: leader of Gressing, that's Ann Weir.
_AFTER_ROLE = re.compile(r"\b(?:of|at|for|in|from|over|near|by|with|council)\s+$")
# The same without words between; what stands so is a nickname only where it acts as a person does elsewhere.
_APPOSED = re.compile(
    rf"(?P<nick>\b[A-Z][a-z]+)(?:,|\s+(?:is|was|being))\s+(?P<full>{_FULL})(?=,|\.|;| at\b| of\b| from\b)|(?P<full2>{_FULL})(?:(?:\s+in\s+\w+)?\s+(?:is|was)|,)\s+[\"'“‘]?(?P<nick2>[A-Z][a-z]+)(?=[\"'”’]?[,.;])"
)
# Capitalised words before a name that say what somebody does, not what somebody is called.
JOBS = frozenset(
    "solicitor treasurer planner engineer accountant secretary president vice governor trustee professor counsel colleague friend husband wife son daughter mum dad mother father brother sister boss predecessor successor "
    "finance housing planning place people legal resources highways transport environment regeneration communities culture health social education children adults housing waste policy communications procurement monitoring "
    "scrutiny comms audit licensing operations development democratic estates property digital commercial corporate elections revenues benefits safeguarding policing parks libraries museums "
    "labour conservative tory green independent liberal democrat monday tuesday wednesday thursday friday saturday sunday yes no well so right okay ok thanks hello hi morning sorry dear present apologies minutes also then now "
    "first second third last finally next today yesterday tomorrow one two three four five other another".split()
)


def _sounds_like_start(low: str, full: str) -> bool:
    """Whether a word is the start of one of a name's words, with an ending that makes light of it: Abs for Abdulaziz."""
    stem = re.sub(r"(?:ie|sy|ers|s|y|z|o)$", "", low)
    return len(stem) > 1 and any(word.startswith(stem) for part in full.split() for word in (part, *part.split("-")))


def called(doc: Sightings, text: Text) -> Iterator[tuple[int, int, str]]:
    """Names that are said to be what somebody is called: Spanner to his friends, as we all called her."""
    at = {token.start: i for i, token in enumerate(text.tokens)}
    for match in _NICKNAME.finditer(text.text):
        i = at.get(match.start("nick"))
        if i is None:
            continue
        token = text.tokens[i]
        plain_word = token.low in SMALL | FUNCTION | NOT_AFTER | HEADS or token.low in TITLES
        if not plain_word and (token.cap or (text.mode == "lower" and doc.kind(token) in "GSUgs")):
            doc.nicknames.add(token.low)
            yield i, i + 1, "what somebody is called"


def beside(doc: Sightings, text: Text) -> Iterator[tuple[int, int, str]]:
    """Nicknames beside the names of those who bear them."""
    if text.mode != "mixed":
        return
    at = {token.start: i for i, token in enumerate(text.tokens)}
    for pattern in (_BESIDE, _APPOSED):
        for match in pattern.finditer(text.text):
            group = next(name for name, value in match.groupdict().items() if name.startswith("nick") and value)
            full = next((name for name, value in match.groupdict().items() if name.startswith("full") and value), None)
            i, j = at.get(match.start(group)), at.get(match.start(full)) if full else None
            if i is None or (full and (j is None or not _full_name(doc, text.tokens, j))):
                continue
            token = text.tokens[i]
            low = token.low
            if (
                _no_nickname(doc, low)
                or (i and text.tokens[i - 1].low in TITLES)
                or low in ((full and plain(match[full])) or "").split()
            ):
                continue
            if group == "nick" and _AFTER_ROLE.search(text.text[max(0, match.start() - 12) : match.start()]):
                continue
            if ((group == "nick6" and token.first) or group in ("nick7", "nick8")) and doc.kind(token) == "W":
                continue
            alike = full is not None and _sounds_like_start(low, plain(match[full]))
            if pattern is _APPOSED and not alike and (doc.is_place(low) or not _acts_elsewhere(doc, text, i)):
                continue
            doc.nicknames.add(low)
            yield i, i + 1, "what somebody is called"


def _acts_elsewhere(doc: Sightings, here: Text, i: int) -> bool:
    """Whether the word at i stands as a person does at another place of the document, and nowhere as a place does."""
    low = here.tokens[i].low
    others = [
        (score(text.text, text.tokens, k, k + 1), k > 0 and text.tokens[k - 1].low == "the")
        for text in doc.texts
        for k, token in enumerate(text.tokens)
        if token.low == low and token.cap and not (text is here and k == i)
    ]
    return any(person >= 0.75 for (person, _), _ in others) and not any(
        place > 0.5 * article for (_, place), article in others
    )


def _full_name(doc: Sightings, tokens: list[Token], j: int) -> bool:
    return (
        j + 1 < len(tokens)
        and doc.kind(tokens[j]) in "GgU"
        and doc.kind(tokens[j + 1]) in "SsUGg"
        and tokens[j].low not in ROYAL - doc.lexicon.given
        and not any(
            token.low in HEADS or token.low in doc.extra for token in tokens[j : j + 3] if token.cap and not token.first
        )
    )


def _no_nickname(doc: Sightings, low: str) -> bool:
    return (
        low in SMALL | FUNCTION | NOT_AFTER | HEADS | MONTHS | JOBS or low in TITLES or low in doc.extra or len(low) < 2
    )
