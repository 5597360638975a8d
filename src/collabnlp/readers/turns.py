"""Speaker turns in the styles that transcription tools and typists write.

Known heads: `Name: text`, `INT: text`, `Q. text`, `[00:01:12] Name: text`, `Name (00:12): text`,
and heads on a line of their own, `Name  0:12` or `00:01:12 Name`, with the text below.
"""

from __future__ import annotations

import re
from collections import Counter

from collabnlp.records import Block

_TIME = r"[\[(]?(?P<{0}>\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:[.,]\d{{1,3}})?)[\])]?"
_NAME = (
    r"(?P<name>(?:(?:Cllr|Councillor|Dr|Mr|Mrs|Ms|Prof|Sir|Dame)\.? )?[A-Z][\w.'’-]*(?: (?:[A-Z(][\w.'’&)-]*|of|de|van|\d+)){0,4}"
    r"|Speaker \d+|SPEAKER[_ ]\d+)"
)
_INLINE = re.compile(
    rf"^\s*(?:{_TIME.format('before')}\s*[-–]?\s*)?{_NAME}\s*(?:{_TIME.format('after')})?\s*(?::|(?<=^[QA])\.)\s*(?P<text>.*)$",
    re.S,
)
_ALONE = re.compile(
    rf"^\s*(?:{_TIME.format('before')}\s+{_NAME}|{_NAME.replace('?P<name>', '?P<name2>')}\s+{_TIME.format('after')})\s*$"
)


def find_turns(lines: list[str]) -> list[Block] | None:
    """Blocks of a transcript, one a turn, or None where the lines are not a transcript.

    Lines before the first head stay paragraphs (a title becomes a heading). A text counts as a
    transcript where at least six lines open a turn, a few names take most turns, and most of
    the words stand in turns.
    """
    heads = [_head(line) for line in lines]
    found = [head for head in heads if head is not None]
    if len(found) < 6:
        return None
    names = Counter(head[0] for head in found)
    repeated = {name for name, n in names.items() if n >= 2}
    if sum(n for _, n in names.most_common(6)) < 0.8 * len(found) or len(repeated) > 25:
        return None
    heads = [head if head and (head[0] in repeated or head[1] is not None) else None for head in heads]
    first = next((i for i, head in enumerate(heads) if head), None)
    if first is None:
        return None
    blocks = _before(lines[:first])
    speaker, time, parts = "", None, []  # type: str, float | None, list[str]

    def close() -> None:
        words = re.sub(r"\s+", " ", " ".join(parts)).strip()
        if words:
            blocks.append(Block(words, "turn", speaker=speaker, time=time))

    for line, head in zip(lines[first:], heads[first:], strict=True):
        if head:
            close()
            speaker, time, parts = head[0], head[1], [head[2]]
        elif line.strip():
            parts.append(line.strip())
    close()
    turns = [block for block in blocks if block.kind == "turn"]
    n_words = sum(len(line.split()) for line in lines)
    in_turns = sum(len(block.text.split()) for block in turns)
    mean_length = in_turns / max(1, len(turns))
    if in_turns < 0.6 * n_words or mean_length > 250:
        return None
    return blocks


def _before(lines: list[str]) -> list[Block]:
    blocks = []
    for i, line in enumerate(line for line in lines if line.strip()):
        text = re.sub(r"\s+", " ", line).strip()
        blocks.append(Block(text, "heading", 1) if i == 0 and len(text.split()) <= 15 else Block(text))
    return blocks


def _head(line: str) -> tuple[str, float | None, str] | None:
    match = _ALONE.match(line)
    if match:
        return (_name(match["name"] or match["name2"]), seconds(match["before"] or match["after"]), "")
    match = _INLINE.match(line)
    if match and len(match["name"].split()) <= 5:
        return (_name(match["name"]), seconds(match["before"] or match["after"]), match["text"])
    return None


def _name(name: str) -> str:
    return re.sub(r"\s+", " ", name).strip(" .")


def seconds(stamp: str | None) -> float | None:
    """Seconds of a time stamp such as 1:02, 00:01:02 or 00:01:02.500; None stays None.

    Examples
    --------
    >>> seconds("00:01:02.500"), seconds("1:02")
    (62.5, 62.0)
    """
    if not stamp:
        return None
    total = 0.0
    for part in stamp.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total
