"""Words of a text with what their shape says: capitals, sentence starts, what parts them from the word before."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from collabnlp.redact.lexicon import plain

Mode = Literal["mixed", "lower", "upper"]
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
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


def mode_of(tokens: list[Token], fallback: Mode = "mixed") -> Mode:
    """How a text uses capitals: as print does, not at all, or for everything; `fallback` where it is too short to tell."""
    words = [token for token in tokens if len(token.text) > 1]
    if len(words) < 6:
        return fallback if not any(token.cap and not token.shout for token in words) else "mixed"
    if sum(token.text.isupper() for token in words) > 0.6 * len(words):
        return "upper"
    # a machine that writes no capitals may still write a few, of names that it knows
    starts = [token for token in words if token.first]
    capitals = sum(token.cap for token in words)
    if capitals == 0 or (len(words) > 40 and capitals < 0.01 * len(words) and not any(t.cap for t in starts)):
        return "lower"
    return "mixed"


def overall(texts: list[list[Token]]) -> Mode:
    """The mode of most words of a document."""
    modes = [(mode_of(tokens), len(tokens)) for tokens in texts]
    weight = {mode: sum(n for m, n in modes if m == mode) for mode in ("lower", "upper", "mixed")}
    return max(("mixed", "lower", "upper"), key=lambda mode: weight[mode])  # type: ignore[return-value]


def distance(a: str, b: str, limit: int = 2) -> int:
    """Letters to change, add, drop or swap with the next to get from one word to another; `limit` + 1 for any more.

    Optimal string alignment: the restricted form of Damerau's (1964) distance.

    Examples
    --------
    >>> distance("jenkins", "jenkyns"), distance("weir", "wier"), distance("ann", "bartholomew")
    (1, 1, 3)
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        older, before, row = before, row, [i]
        for j, other in enumerate(b, start=1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
