"""Words of a text with what their shape says: capitals, sentence starts, what parts them from the word before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from collabnlp.redact.lexicon import plain

Mode = Literal["mixed", "lower", "upper"]
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_I = re.compile(r"i\b")
_OWNED = re.compile(r"(?:['’][sS])$")
_STARTS = re.compile(r"(?:^|[.!?…:\n>\])|–—])[\s\"'“‘(\[*_-]*$|[“\"‘(\[]\s*$")
_ARTICLE = re.compile(r"(?:a[lndrst]|ash|el|u[lr]|d|o|ap|de|t)[-'’][A-Z]")  # al-Rahman is a name as Rahman is
# What a pseudonym looks like: it is never looked into again.
PSEUDONYM = re.compile(
    r"\[(?:Interviewer|Interviewee(?: \d+)?|person(?: \d+)?|email|url|handle|phone|postcode|address|NI number|NHS number|vehicle|number|"
    r"date of birth|name|place in the area|(?:[a-z ]+ of an? )?(?:(?:county|district|unitary|metropolitan|borough|city|town|parish) council|council|London borough|"
    r"combined authority|local enterprise partnership|police force|fire service|health body|place of learning|partnership|housing association|organisation))\]"
)


class Token(NamedTuple):
    """A word: where, as written (without a possessive), as `plain` writes it.

    `first` is true where a sentence or a line begins, `owned` where 's follows; `gap` is what
    stands between it and the word before.
    """

    start: int
    end: int
    text: str
    low: str
    cap: bool
    first: bool
    owned: bool
    gap: str

    @property
    def shout(self) -> bool:
        """Whether it is all capitals, of two letters or more."""
        return len(self.text) > 1 and self.text.isupper()


class Covered:
    """Which stretches of a text are taken, so that one look tells whether another meets them, however many they are.

    Examples
    --------
    >>> covered = Covered(20, [(3, 8)])
    >>> covered.add(12, 15)
    >>> covered.meets(7, 9), covered.meets(8, 12)
    (True, False)
    """

    def __init__(self, length: int, stretches: Iterable[tuple[int, int]] = ()) -> None:
        self._marks = bytearray(length)
        for start, end in stretches:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Take a stretch, from `start` to `end` (exclusive)."""
        self._marks[start:end] = b"\x01" * (end - start)

    def meets(self, start: int, end: int) -> bool:
        """Whether a stretch has a letter in common with one that is taken."""
        return self._marks.find(1, start, end) >= 0


def tokens_of(text: str) -> list[Token]:
    """The words of a text that stand in no pseudonym.

    Examples
    --------
    >>> [(token.text, token.first, token.owned) for token in tokens_of("Yes. Ann's [person 3] left.")]
    [('Yes', True, False), ('Ann', True, True), ('left', False, False)]
    """
    masked = PSEUDONYM.sub(lambda match: "\x00" * len(match.group()), text)
    found: list[Token] = []
    end = 0
    for match in _WORD.finditer(masked):
        word = match.group()
        owned = _OWNED.search(word)
        base = word[: owned.start()] if owned else word
        found.append(
            Token(
                match.start(),
                match.start() + len(base),
                base,
                plain(base),
                base[0].isupper() or _ARTICLE.match(base) is not None,
                _STARTS.search(masked[max(0, match.start() - 12) : match.start()]) is not None,
                owned is not None or (masked[match.end() : match.end() + 1] in ("'", "’") and base.endswith("s")),
                masked[end : match.start()],
            )
        )
        end = match.end()
    return found


def mode_of(tokens: list[Token], usual: Mode = "mixed") -> Mode:
    """How a text uses capitals: as print does, not at all, or for everything; as is `usual` where it is too short to tell.

    A machine that writes no capitals may still write a few, for no reason that a reader would see, and
    I'm; people who type begin sentences with one. So a share decides, not a single capital, and in a
    document that has few a text needs more of them to count as print.
    """
    words = [token for token in tokens if len(token.text) > 1 and not _I.match(token.low)]
    capitals = sum(token.cap for token in words)
    if len(words) < 6:
        one = any(token.cap and not token.shout for token in words)
        return "mixed" if one and (usual != "lower" or 2 * capitals > len(words)) else usual
    if sum(token.text.isupper() for token in words) > 0.6 * len(words):
        return "upper"
    if usual == "lower":
        return "lower" if capitals <= max(1, 0.1 * len(words)) else "mixed"
    few = len(words) > 40 and capitals < 0.01 * len(words) and not any(token.cap and token.first for token in words)
    return "lower" if capitals == 0 or few else "mixed"


def overall(texts: list[list[Token]]) -> Mode:
    """The mode of a document: that of most words, or none where fewer than six words in a hundred have capitals."""
    words = [token for tokens in texts for token in tokens if len(token.text) > 1 and not _I.match(token.low)]
    if len(words) >= 60 and sum(token.cap for token in words) < 0.06 * len(words):
        return "lower"
    modes = [(mode_of(tokens), len(tokens)) for tokens in texts]
    weight = {mode: sum(n for m, n in modes if m == mode) for mode in ("lower", "upper", "mixed")}
    return max(("mixed", "lower", "upper"), key=lambda mode: weight[mode])  # type: ignore[return-value]
