"""What may be attributed: where a speaker goes off the record, and where back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from collabnlp.records import Access, Block, strictest

OFF_RECORD = "[off the record]"  # stands in what is handed on for what was said so
_OPEN = (
    r"off[ -]?(?:the[ -])?record|not for attribution|non[ -]attributable|not to be (?:quoted|attributed)|"
    r"do not (?:quote|attribute)|confidential|unattributable|background only|chatham house(?: rule)?"
)
_CLOSE = (
    r"(?:back )?on[ -]?(?:the[ -])?record(?: again)?|(?:end|ends|end of) (?:of )?(?:off[ -]?(?:the[ -])?record|confidential)|"
    r"back on(?: record)?|for attribution(?: again)?|attributable(?: again)?"
)
# Marks that a typist set, in brackets or a line of their own.
_BRACKET = re.compile(
    rf"(?i)[\[({{<*]+\s*(?:(?P<close>(?:{_CLOSE})[^\])}}>*]{{0,30}})|(?P<open>[^\])}}>*]{{0,30}}?(?:{_OPEN})[^\])}}>*]{{0,30}}))[\])}}>*]+"
)
# What speakers say. What they deny ("nothing is off the record") does not count.
_SAID = re.compile(
    r"(?i)\b(?:off[ -]the[ -]record|not for attribution|(?:between|betwixt) (?:you and (?:me|I)|ourselves|these four walls)|(?:just|strictly|keep (?:this|that|it)|(?:this|that|it)(?:['’]ll)? (?:stays?|remains?)) between us"
    r"|(?:strictly )?in (?:strict |strictest )?confidence|don['’]?t (?:you )?(?:dare )?(?:quote|attribute|name) (?:me|us|this|that|it)"
    r"|(?:do not|not to|never|wouldn['’]?t want (?:you )?to|rather (?:you )?(?:didn['’]?t|not)|without|please not) (?:be )?(?:quot|attribut)(?:e|ed|ing)(?: (?:me|us|this|that|it|to me))?"
    r"|(?:can|could|must)(?:no|n['’]?)t (?:use|quote|print|attribute) (?:this|that|it|me)\b"
    r"|(?:leave|keep|take|strike) (?:this|that|it|me|my name) (?:bit |part )?out(?: of (?:it|this|the|your) ?(?:report|write[- ]?up|transcript|notes)?)?"
    r"|(?:this|that)(?:['’]s| is| stays| must stay) (?:strictly )?(?:confidential|between us)|not for quoting|unattributabl[ey]"
    r"|turn (?:that|the (?:recorder|tape|recording)) off|under (?:the )?chatham house(?: rules?)?)"
)
_DENIED = re.compile(
    r"(?i)\b(?:nothing|none|isn['’]?t|not|never|wasn['’]?t|needn['’]?t|no need (?:to|for))(?:\W+\w+){0,4}\W*$"
)
_BACK = re.compile(
    r"(?i)\b(?:back )?on (?:the )?record(?: again| now)?\b|\byou can quote (?:me|that|this) (?:again|now)\b"
)


# Words by which somebody forbids a name, not the words: these may be quoted as any that are not for attribution.
_UNNAMED = re.compile(r"(?i)attribut|chatham|\bname (?:me|us)|my name\b(?! out of it)|background only")


def mark_access(blocks: Sequence[Block], access: Access) -> list[Block]:
    """The blocks with the access of each: its own or its source's, whichever is more restrictive, and what is off the record.

    What is off the record has `off_record` set, and is never to be quoted; what is only not for
    attribution ("don't attribute this", "Chatham House rule") has not.

    A mark in brackets holds until a mark ends it, else to the end of the source; a block is cut at
    such marks. Where a speaker says it, the whole turn counts, and the turns around it that it may
    be about: the one before where the interviewer or a short turn says it, all until somebody says
    "back on the record" where somebody does, else the interviewee's next one.

    Examples
    --------
    >>> said = "We agreed. [off the record] He was drunk. [back on the record] We signed."
    >>> [(b.text, b.access) for b in mark_access([Block(said)], "attributable")][1]
    ('[off the record] He was drunk. [back on the record]', 'non-attributable')
    """
    cut = _cut_at_marks([block._replace(access=strictest(access, block.access or access)) for block in blocks])
    return _spoken(cut)


def _cut_at_marks(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, cut where a bracketed mark opens or ends what is off the record; the marks stay with what is off it."""
    result: list[Block] = []
    mark = ""  # that which opened what is off the record now
    for block in blocks:
        at = 0
        pieces: list[tuple[str, str]] = []
        for match in _BRACKET.finditer(block.text):
            if match["open"] and not mark:
                pieces.append((block.text[at : match.start()], ""))
                at, mark = match.start(), match["open"]
            elif match["close"] and mark:
                pieces.append((block.text[at : match.end()], mark))
                at, mark = match.end(), ""
        pieces.append((block.text[at:], mark))
        for text, opened in pieces:
            if text.strip() or len(pieces) == 1:
                piece = block._replace(text=text.strip() if len(pieces) > 1 else text)
                result.append(_closed(piece, opened) if opened else piece)
    return result


def _closed(block: Block, words: str) -> Block:
    """A block off the record, or not for attribution alone, as the words say."""
    return block._replace(access="non-attributable", off_record=block.off_record or not _UNNAMED.search(words))


def _spoken(blocks: list[Block]) -> list[Block]:
    said: dict[int, list[str]] = {}
    for i, block in enumerate(blocks):
        asked = [m.group() for m in _SAID.finditer(block.text) if _asks(block.text, m.start())]
        if block.off_record or not asked:
            continue
        closed = {i}
        words = len(block.text.split())
        if block.kind == "turn":
            back = next((j for j in range(i, len(blocks)) if _ends(blocks[j].text)), None)
            if back is not None and back - i <= 20:
                closed.update(range(i, back + 1))
            else:
                closed.update(
                    range(i, min(i + (3 if block.text.rstrip().endswith("?") or words < 25 else 1), len(blocks)))
                )
            if words < 25:
                closed.update(range(max(0, i - 2), i))
        for j in closed:
            said.setdefault(j, []).extend(asked)
    result = list(blocks)
    for i, asked in said.items():
        if blocks[i].kind != "heading":
            for words_said in asked:
                result[i] = _closed(result[i], words_said)
    return result


def _asks(text: str, start: int) -> bool:
    return _DENIED.search(text[max(0, start - 40) : start]) is None


def _ends(text: str) -> bool:
    return any("off" not in text[max(0, m.start() - 5) : m.start()] for m in _BACK.finditer(text))
