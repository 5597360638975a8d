"""What reviewers type beside an interview that is not for attribution is stored only where it names nobody."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    r"(?i)[\w.+-]+@[\w-]+\.[\w.]+|https?://\S+|(?<!\w)@\w+|(?:\+44|\b0)[\d ()-]{8,}\d|\b[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}\b"
)
_CAPITAL = re.compile(r"[^\W\d_](?:[\w'’]|-(?=\w))*")


def suspect_words(note: str, known: str) -> list[str]:
    """What in a note may point to a person: addresses, numbers, and capitalised words that do not stand in `known`.

    A note on an interview that is not for attribution is stored only where this finds nothing. A
    word at the beginning of a sentence passes where `known` has it in small letters.

    Examples
    --------
    >>> suspect_words("Ask Weir about this. The board again?", "the growth Board met again; ask about this")
    ['Weir']
    """
    own = dict.fromkeys(_CAPITAL.findall(known), True)
    found = [match[0] for match in _UNSAFE.finditer(note)]
    for match in _CAPITAL.finditer(note):
        word = re.sub(r"['’]s$", "", match[0])
        opens = re.search(r"(?:^|[.!?:;\n(“\"])\s*$", note[: match.start()]) is not None
        if word[:1].isupper() and word not in own and word != "I" and not (opens and word.lower() in own):
            found.append(word)
    return list(dict.fromkeys(found))
