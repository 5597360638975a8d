"""Blocks become one document's text and its passages, every passage a slice of that text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from collabnlp.records import Block, Passage, strictest
from collabnlp.tokenizer import blank_english

_CONTENTS_LINE = re.compile(r"(\.{3,}|\s\|\s|\t)\s*\d{1,3}$")
_LONG_ITEM = 40  # words from which a list item is a paragraph of its own


@functools.cache
def _sentencizer() -> Any:
    nlp = blank_english()
    nlp.add_pipe("sentencizer")
    nlp.max_length = 30_000_000
    return nlp


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence of a text in code points, in order, without blanks around it.

    Examples
    --------
    >>> sentences("We agreed. They did not.")
    [(0, 10), (11, 24)]
    """
    spans = []
    for sent in _sentencizer()(text).sents:
        piece = text[sent.start_char : sent.end_char]
        start = sent.start_char + len(piece) - len(piece.lstrip())
        if piece.strip():
            spans.append((start, start + len(piece.strip())))
    return spans


def segment(
    document_id: str, blocks: Sequence[Block], *, min_words: int = 5, max_words: int = 200
) -> tuple[str, list[Passage]]:
    """The document's text and its passages, in reading order.

    Headings become the `section` of what follows. List items stay with the sentence that
    introduces them; a table gives a passage a row; a turn is a passage. What has fewer than
    `min_words` words, and tables of contents, stay in the text without being passages. What has
    more than `max_words` is cut at the end of a sentence. A `row` is taken as it stands. A passage
    has the access of its blocks; where they say none it is not for attribution.

    Parameters
    ----------
    document_id
        Prefix of the passage ids.
    blocks
        As a reader gave them.
    min_words, max_words
        Shortest and longest passage, in words parted by white space.

    Examples
    --------
    >>> text, passages = segment("d", [Block("Trust", "heading", 1), Block("The two leaders talk every week.")])
    >>> passages[0].passage_id, passages[0].section, text[passages[0].start_char:passages[0].end_char]
    ('d:0001', ('Trust',), 'The two leaders talk every week.')
    """
    text, spans = _lay_out(blocks)
    title = _title(blocks)
    passages: list[Passage] = []
    section: list[tuple[int, str]] = []
    for group in _groups(blocks, max_words):
        first = blocks[group[0]]
        if first.kind == "heading":
            while section and section[-1][0] >= first.level:
                section.pop()
            if group[0] != title:
                section.append((first.level, first.text))
            continue
        start, end = spans[group[0]][0], spans[group[-1]][1]
        if first.kind != "row" and (len(text[start:end].split()) < min_words or _is_contents(text[start:end])):
            continue
        kinds = {blocks[i].kind for i in group}
        for left, right in _cut(text, start, end, min_words, max_words) if first.kind != "row" else [(start, end)]:
            ordinal = len(passages) + 1
            passages.append(
                Passage(
                    passage_id=f"{document_id}:{ordinal:04d}",
                    document_id=document_id,
                    ordinal=ordinal,
                    start_char=left,
                    end_char=right,
                    text=text[left:right],
                    kind="list" if "list" in kinds else first.kind,  # type: ignore[arg-type]
                    section=tuple(name for _, name in section),
                    page=first.page,
                    speaker=first.speaker,
                    time=first.time,
                    access=strictest(first.access, *(blocks[i].access for i in group[1:])),
                    off_record=any(blocks[i].off_record for i in group),
                )
            )
    return text, passages


def _title(blocks: Sequence[Block]) -> int:
    """Index of the heading that is the document's title: the only one of the outermost level, before most of the text; -1 where there is none."""
    levels = [block.level for block in blocks if block.kind == "heading"]
    if len(levels) < 2 or levels.count(min(levels)) != 1:
        return -1
    index = next(i for i, block in enumerate(blocks) if block.kind == "heading" and block.level == min(levels))
    return (
        index
        if sum(len(block.text) for block in blocks[:index]) < 0.1 * sum(len(block.text) for block in blocks)
        else -1
    )


def _lay_out(blocks: Sequence[Block]) -> tuple[str, list[tuple[int, int]]]:
    """The blocks' texts one below the other, and where each stands."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    for i, block in enumerate(blocks):
        if i:
            tight = (block.kind == "list" and blocks[i - 1].kind in ("list", "paragraph", "box")) or (
                block.kind == "table" and blocks[i - 1].kind == "table"
            )
            gap = "\n" if tight else "\n\n"
            parts.append(gap)
            at += len(gap)
        parts.append(block.text)
        spans.append((at, at + len(block.text)))
        at += len(block.text)
    return "".join(parts), spans


def _groups(blocks: Sequence[Block], max_words: int) -> Iterator[list[int]]:
    """Runs of blocks that make one passage: a list with its introduction, or a block alone."""
    current: list[int] = []
    words = 0
    for i, block in enumerate(blocks):
        length = len(block.text.split())
        joins = (
            bool(current)
            and block.kind == "list"
            and words + length <= max_words
            and (block.access, block.off_record) == (blocks[current[-1]].access, blocks[current[-1]].off_record)
            and (
                (
                    blocks[current[-1]].kind == "list"
                    and len(blocks[current[-1]].text.split()) < _LONG_ITEM
                    and length < _LONG_ITEM
                )
                or (
                    blocks[current[-1]].kind in ("paragraph", "box") and blocks[current[-1]].text.rstrip().endswith(":")
                )
            )
        )
        if joins:
            current.append(i)
            words += length
        else:
            if current:
                yield current
            current, words = [i], length
    if current:
        yield current


def _is_contents(text: str) -> bool:
    """Whether a text is (part of) a table of contents: lines or phrases that end in page numbers."""
    lines = text.split("\n")
    if all(_CONTENTS_LINE.search(line) for line in lines):
        return True
    numbers = len(re.findall(r"\s\d{1,3}(?=\s+[A-Z]|$)", text))
    return numbers >= 4 and numbers >= len(text.split()) / 12 and not re.search(r"[.!?](\s|$)", text)


def _cut(text: str, start: int, end: int, min_words: int, max_words: int) -> list[tuple[int, int]]:
    """Spans of `min_words` to `max_words` words, cut at sentence ends (at blanks where a sentence is longer), of even length."""
    n_words = len(text[start:end].split())
    if n_words <= max_words:
        return [(start, end)]
    n_parts = -(-n_words // int(max_words * 0.85))
    target = n_words / n_parts
    pieces: list[tuple[int, int]] = []
    for left, right in sentences(text[start:end]):
        pieces.extend(_cut_at_blanks(text, start + left, start + right, max_words))
    spans: list[tuple[int, int]] = []
    left, count = pieces[0][0], 0
    for i, (piece_start, piece_end) in enumerate(pieces):
        size = len(text[piece_start:piece_end].split())
        if count and (count + size > max_words or count + size / 2 > target):
            spans.append((left, pieces[i - 1][1]))
            left, count = piece_start, 0
        count += size
    spans.append((left, pieces[-1][1]))
    return _join_short(text, spans, min_words, max_words)


def _join_short(text: str, spans: list[tuple[int, int]], min_words: int, max_words: int) -> list[tuple[int, int]]:
    """The spans, each under `min_words` joined to its neighbour; what is too long then is cut in half."""
    joined: list[tuple[int, int]] = []
    for left, right in spans:
        if joined and min(_n_words(text, *joined[-1]), _n_words(text, left, right)) < min_words:
            left = joined.pop()[0]
        n_words = _n_words(text, left, right)
        joined.extend(_cut_at_blanks(text, left, right, n_words if n_words <= max_words else -(-n_words // 2)))
    return joined


def _n_words(text: str, start: int, end: int) -> int:
    return len(text[start:end].split())


def _cut_at_blanks(text: str, start: int, end: int, max_words: int) -> list[tuple[int, int]]:
    words = [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", text[start:end])]
    return [(words[i][0], words[min(i + max_words, len(words)) - 1][1]) for i in range(0, len(words), max_words)]
