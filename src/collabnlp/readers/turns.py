"""Speaker turns in the styles that transcription tools and typists write.

Known heads: `Name: text`, `INT: text`, `Q. text`, `[00:01:12] Name: text`, `Name (00:12): text`,
and heads on a line of their own, `Name  0:12` or `00:01:12 Name`, with the text below.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from collabnlp.records import Block

# re has no class for capitals: those of the Latin (with Vietnamese), Greek and Cyrillic alphabets.
_CAPITAL = "".join(letter for letter in map(chr, range(0x2000)) if letter.isupper())
_WORD = rf"[{_CAPITAL}][\w\u0300-\u036f.'’&-]*"  # an accent may be a mark of its own
NAME = (
    rf"(?:(?:Cllr|Councillor|Dr|Mr|Mrs|Ms|Prof|Sir|Dame)\.?[ \xa0]+)?{_WORD}"
    rf"(?:[ \xa0]+(?:{_WORD}|of|de|van|&|\d+(?!:\d))){{0,4}}(?:[ \xa0]*\([^():]{{1,60}}\))?"
)
_TIME = r"[\[(]?(?P<{0}>\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:[.,]\d{{1,3}})?)[\])]?"
_BEFORE, _AFTER = _TIME.format("before"), _TIME.format("after")
_INLINE = re.compile(
    rf"(?:{_BEFORE}\s*(?:[-–]\s*)?)?(?:(?P<name>{NAME})\s*(?:{_AFTER}\s*)?:|(?P<letter>[QA])\.)\s*(?P<text>.*)", re.S
)
_ALONE = re.compile(rf"{_BEFORE}\s+(?P<name>{NAME})|(?P<name2>{NAME})\s+{_AFTER}")
_ENDED = re.compile(r"(?:^|[.!?…—–\])-])[\"'”’]*$")
_TALK = re.compile(r"\?|\bI\b|\bi[ '’]")


def find_turns(lines: Sequence[str | Block]) -> list[Block] | None:
    """Blocks of a transcript, one a turn, or None where the lines are not a transcript.

    A block may hold several lines. What stands before the first head stays as it is (a title
    becomes a heading), and so does a heading between turns. A text counts as a transcript where
    at least six lines open a turn, a few names take most turns, most of the words stand in
    turns, and in one turn of five somebody asks or says "I": labels of a report
    (`Challenge: ...`, `Outcome: ...`) look like names, but they do not talk.
    """
    blocks = [line if isinstance(line, Block) else Block(line) for line in lines]
    rows = [(i, text) for i, block in enumerate(blocks) for text in block.text.split("\n")]
    heads = [_head(text) for _, text in rows]
    found = [head for head in heads if head is not None]
    if len(found) < 6:
        return None
    names = Counter(head[0] for head in found)
    repeated = {name for name, n in names.items() if n >= 2}
    if sum(n for _, n in names.most_common(6)) < 0.8 * len(found) or len(repeated) > 25:
        return None
    sure = [bool(head and (head[0] in repeated or head[1] is not None)) for head in heads]
    if not any(sure):
        return None
    first = sure.index(True)
    result = _before(blocks, rows[:first])
    speaker, time, page, parts = "", None, None, []  # type: str, float | None, int | None, list[str]

    def close() -> None:
        words = _fold(" ".join(parts))
        if words:
            result.append(Block(words, "turn", page=page, speaker=speaker, time=time))
        parts.clear()

    ended = True  # a name that comes once opens a turn too, but not within a sentence broken over two lines
    for (i, text), head, certain in zip(rows[first:], heads[first:], sure[first:], strict=True):
        heading = blocks[i].kind == "heading"
        if head and (certain or (ended and not heading)):
            close()
            speaker, time, page = head[0], head[1], blocks[i].page
            parts.append(head[2])
        elif heading:
            close()
            result.append(blocks[i]._replace(text=_fold(text)))
        else:
            parts.append(text)
        ended = heading or _ENDED.search(text.rstrip()) is not None
    close()
    turns = [block.text for block in result if block.kind == "turn"]
    n_words = sum(len(text.split()) for _, text in rows)
    in_turns = sum(len(text.split()) for text in turns)
    if in_turns < 0.6 * n_words or in_turns > 250 * len(turns):
        return None
    return result if sum(bool(_TALK.search(text)) for text in turns) >= 0.2 * len(turns) else None


def _before(blocks: list[Block], rows: list[tuple[int, str]]) -> list[Block]:
    """What stands before the first turn, each block whole again; a short first one is the title."""
    folded = [
        blocks[i]._replace(text=_fold(" ".join(text for _, text in group)))
        for i, group in groupby(rows, key=lambda row: row[0])
    ]
    kept = [block for block in folded if block.text]
    if kept and kept[0].kind != "heading" and len(kept[0].text.split()) <= 15:
        kept[0] = kept[0]._replace(kind="heading", level=1)
    return kept


def _head(line: str) -> tuple[str, float | None, str] | None:
    """Speaker, seconds and words of a line that seems to open a turn."""
    line = line.strip()
    match = _ALONE.fullmatch(line)
    if match:
        return (_name(match["name"] or match["name2"]), seconds(match["before"] or match["after"]), "")
    match = _INLINE.fullmatch(line)
    if match:
        name = _name(match["name"] or match["letter"])
        return (name, seconds(match["before"] or match["after"]), match["text"])
    return None


def _name(name: str) -> str:
    return _fold(name).strip(" .")


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


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
