"""What a language model answered becomes codes, void codes, or a reason why it cannot be used. Nothing of it is trusted."""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from collabnlp.records import Stance

SHARED = 3  # codes that one and the same quote may carry
MIN_WORDS = 2  # of a quote
NOT_JSON = "the answer is not a JSON object of the given form and nothing else"
UNKNOWN = "the answer names a code that is not in the guide"
TWICE = "the answer gives a code twice"
EMPTY = "the answer is empty"
CUT = "the answer was cut off"
REFUSAL = "the language model refused"
ALL_VOID = "no quote of the answer stands in the passage"
NO_QUOTE = "its quote does not stand in the passage"
SHORT = f"its quote has fewer than {MIN_WORDS} words"

_SAME = {
    **dict.fromkeys("“”„‟«»″＂", '"'),
    **dict.fromkeys("‘’‚‛‹›′`´＇", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
}
_NOTHING = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # signs that nobody sees


class Given(NamedTuple):
    """A code that counts, with the place of its words in the passage: code points, end exclusive."""

    code: str
    stance: Stance
    start_char: int
    end_char: int


class Verdict(NamedTuple):
    """What an answer comes to.

    Attributes
    ----------
    given
        Codes that count, in the guide's order.
    void
        Codes that do not, with the reason.
    problem
        Why the answer cannot be used; empty where it can. Then nothing is given.
    """

    given: tuple[Given, ...] = ()
    void: tuple[tuple[str, str], ...] = ()
    problem: str = ""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    code: str
    stance: Literal["positive", "negative", "neutral"]
    quote: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    codes: list[_Said]


def answer_schema(codes: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of an answer, as servers take it."""
    said = {
        "code": {"type": "string", "enum": list(codes)},
        "stance": {"type": "string", "enum": list(typing.get_args(Stance))},
        "quote": {"type": "string"},
    }
    item = {"type": "object", "properties": said, "required": list(said), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"codes": {"type": "array", "items": item}},
        "required": ["codes"],
        "additionalProperties": False,
    }


def judge(text: str, finish: str, passage: str, codes: Sequence[str], max_codes: int) -> Verdict:
    """What an answer about a passage comes to.

    An answer of too many codes, or of one quote for everything, is not taken at all: so answers
    somebody who obeys a passage that asks for every code.

    Parameters
    ----------
    text
        The answer, as it came.
    finish
        Why the server says that it ended: `stop`, `length`, `content_filter`, `refusal` and others.

    Examples
    --------
    >>> judge('{"codes": [{"code": "trust", "stance": "positive", "quote": "trust each"}]}', "stop", "They trust each other.", ["trust"], 6)
    Verdict(given=(Given(code='trust', stance='positive', start_char=5, end_char=15),), void=(), problem='')
    >>> judge("I think that trust applies.", "stop", "They trust each other.", ["trust"], 6).problem
    'the answer is not a JSON object of the given form and nothing else'
    """
    if finish in ("content_filter", "refusal"):
        return Verdict(problem=REFUSAL)
    if finish == "length":
        return Verdict(problem=CUT)
    if not text.strip():
        return Verdict(problem=EMPTY)
    try:
        said = _Answer.model_validate_json(text).codes
    except (ValidationError, ValueError, RecursionError):
        return Verdict(problem=NOT_JSON)
    names = [one.code for one in said]
    if not set(names) <= set(codes):
        return Verdict(problem=UNKNOWN)
    if len(set(names)) < len(names):
        return Verdict(problem=TWICE)
    if len(names) > max_codes:
        return Verdict(problem=f"the answer gives more than {max_codes} codes")
    given: list[Given] = []
    void: list[tuple[str, str]] = []
    for one in sorted(said, key=lambda one: list(codes).index(one.code)):
        span = find_quote(one.quote, passage)
        if span is None:
            void.append((one.code, NO_QUOTE))
        elif len(passage[slice(*span)].split()) < MIN_WORDS:
            void.append((one.code, SHORT))
        else:
            given.append(Given(one.code, one.stance, *span))
    if void and not given:
        return Verdict(problem=ALL_VOID)
    shared = Counter((one.start_char, one.end_char) for one in given)
    if shared and max(shared.values()) > SHARED:
        return Verdict(problem=f"the answer gives one quote for more than {SHARED} codes")
    return Verdict(tuple(given), tuple(void))


def find_quote(quote: str, passage: str) -> tuple[int, int] | None:
    r"""Where a quote stands in a passage first, (start, end) in code points; None where it does not.

    Blanks and line breaks count as one blank, kinds of quotation marks and dashes as one kind;
    capitals and all else must be those of the passage. Marks around the whole quote may be the
    language model's own.

    Examples
    --------
    >>> find_quote('"Trust" is built', "They say:  “Trust”\nis built slowly."), find_quote("trust is built", "“Trust” is built.")
    ((11, 27), None)
    """
    plain, places = _plain(passage)
    for wanted in dict.fromkeys((_plain(quote)[0].strip(), _plain(quote)[0].strip().strip("\"'").strip())):
        at = plain.find(wanted) if wanted else -1
        if at >= 0:
            return places[at], places[at + len(wanted) - 1] + 1
    return None


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in the plain signs that quotes are compared in, and the place of each of them in the text."""
    signs: list[str] = []
    places: list[int] = []
    for i, sign in enumerate(text):
        if sign in _NOTHING:
            continue
        sign = " " if sign.isspace() else _SAME.get(sign, sign)
        if sign == " " and signs and signs[-1] == " ":
            continue
        signs.append(sign)
        places.append(i)
    return "".join(signs), places
