"""PDF: lines from the characters' boxes, put into reading order, with the page kept.

Running headers, footers and page numbers go; words broken at a line end are joined where the
rest of the document writes them so.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from collabnlp.readers.text import _BULLET, _NUMBERED, tidy
from collabnlp.readers.turns import find_turns
from collabnlp.records import Block, InputError

_BROKEN = "\x02"  # a word broken here at a line end: what pdfium gives in place of hyphen and line break
_SECOND_PARTS = {
    "related",
    "based",
    "wide",
    "led",
    "term",
    "tier",
    "level",
    "making",
    "free",
    "going",
    "standing",
    "specific",
}


class Line(NamedTuple):
    """A line of a page: box in points from the bottom left, font size in points."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    page: int


def read_pdf(path: Path, *, max_pages: int = 5_000) -> list[Block]:
    """Blocks of a PDF in reading order, each with the page (from 1) on which it begins.

    Raises
    ------
    InputError
        Where the file is protected, damaged, has more pages than `max_pages`, or has pictures of
        pages and no text.
    """
    import pypdfium2
    from pypdfium2 import PdfiumError

    try:
        pdf = pypdfium2.PdfDocument(str(path))
    except PdfiumError as error:
        if "assword" in str(error):
            raise InputError(path, "is protected by a password", "save it without a password") from error
        raise InputError(path, f"is cut off or damaged ({error})", "save or copy it again") from error
    try:
        if len(pdf) > max_pages:
            raise InputError(path, f"has {len(pdf):,} pages, more than {max_pages:,}", "split it into several files")
        pages = []
        for number in range(len(pdf)):
            try:
                pages.append(_page_lines(pdf[number], number + 1))
            except PdfiumError as error:
                raise InputError(
                    path, f"cannot be read ({error})", "save or copy it again", place=f"page {number + 1}"
                ) from error
    finally:
        pdf.close()
    if not any(line.text.strip() for lines, *_ in pages for line in lines):
        raise InputError(path, "has no text layer (pictures of pages)", "run it through text recognition (OCR) first")
    kept = _without_running([(lines, height) for lines, _, height in pages])
    ordered = [line for lines, (_, width, _) in zip(kept, pages, strict=True) for line in _reading_order(lines, width)]
    return _blocks(ordered)


def page_count(path: Path) -> int:
    """Number of pages of a PDF."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(str(path))
    try:
        return len(pdf)
    finally:
        pdf.close()


def _page_lines(page: object, number: int) -> tuple[list[Line], float, float]:
    import ctypes

    import pypdfium2.raw as raw

    width, height = page.get_size()  # type: ignore[attr-defined]
    textpage = page.get_textpage()  # type: ignore[attr-defined]
    handle = textpage.raw
    lines: list[Line] = []
    chars: list[tuple[str, float, float, float, float, float]] = []
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))

    def close() -> None:
        inked = [c for c in chars if c[0].strip()]
        if inked:
            lines.append(
                Line(
                    _whole("".join(c[0] for c in chars)).strip(),
                    min(c[1] for c in inked),
                    min(c[2] for c in inked),
                    max(c[3] for c in inked),
                    max(c[4] for c in inked),
                    statistics.median(c[5] for c in inked),
                    number,
                )
            )
        chars.clear()

    for i in range(textpage.count_chars()):
        code = raw.FPDFText_GetUnicode(handle, i)
        char = "-" if code in (0xFFFE, 0xAD) else chr(code)
        if char in "\r\n":
            close()
            continue
        raw.FPDFText_GetCharBox(handle, i, left, right, bottom, top)
        size = raw.FPDFText_GetFontSize(handle, i)
        if chars and char.strip():
            last = next((c for c in reversed(chars) if c[0].strip()), None)
            if last and left.value - last[3] > max(2.5 * size, 14):  # a gutter within one line of the page
                close()
        chars.append((char, left.value, bottom.value, right.value, top.value, size))
        if char == _BROKEN:
            close()
    close()
    textpage.close()
    for i, (line, following) in enumerate(itertools.pairwise(lines)):
        rest, blank, others = following.text.partition(" ")
        if lines[i].text.endswith(_BROKEN) and blank:  # the word goes whole to the line where it begins
            lines[i] = line._replace(text=lines[i].text + rest)
            lines[i + 1] = following._replace(text=others)
    return lines, width, height


def _whole(text: str) -> str:
    """The text with letters beyond the basic plane whole: pdfium gives them as two halves of UTF-16."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _without_running(pages: list[tuple[list[Line], float]]) -> list[list[Line]]:
    """The pages' lines without those that come back at the head or foot of pages."""

    def margin(line: Line, height: float) -> bool:
        return line.bottom > 0.9 * height or line.top < 0.09 * height

    def shape(text: str) -> str:
        return re.sub(r"\d+|\b[ivxl]+\b", "#", text.lower()).strip()

    seen = Counter(s for lines, height in pages for s in {shape(line.text) for line in lines if margin(line, height)})
    enough = max(2, round(0.25 * len(pages))) if len(pages) > 2 else 2
    kept = []
    for lines, height in pages:
        kept.append(
            [
                line
                for line in lines
                if not (
                    margin(line, height)
                    and (
                        seen[shape(line.text)] >= enough
                        or re.fullmatch(r"(page )?[\divxl]{1,4}( of \d+)?", line.text.lower())
                    )
                )
            ]
        )
    return kept


def _reading_order(lines: list[Line], width: float) -> list[Line]:
    """The lines of a page, left column before right; a line across the gutter parts the page."""
    if len(lines) < 6:
        return lines
    gutter = _gutter(lines, width)
    if gutter is None:
        return _rows(lines)
    ordered: list[Line] = []
    band: list[Line] = []

    def close() -> None:
        ordered.extend(_rows([line for line in band if line.left < gutter]))
        ordered.extend(_rows([line for line in band if line.left >= gutter]))
        band.clear()

    for line in sorted(lines, key=lambda line: -line.top):
        if line.left < gutter - 4 and line.right > gutter + 4:
            close()
            ordered.append(line)
        else:
            band.append(line)
    close()
    return ordered


def _gutter(lines: list[Line], width: float) -> float | None:
    """Where a page of two columns has its gutter, in points from the left; None for one column."""
    best = None
    for step in range(35, 66):
        x = width * step / 100
        crossing = sum(1 for line in lines if line.left < x - 2 and line.right > x + 2)
        left = sum(1 for line in lines if line.right <= x + 2)
        right = len(lines) - left - crossing
        if min(left, right) >= max(3, 0.12 * len(lines)) and crossing <= 0.2 * len(lines):
            score = (crossing, abs(step - 50))
            if best is None or score < best[0]:
                best = (score, x)
    return best[1] if best else None


def _rows(lines: list[Line]) -> list[Line]:
    """Lines from top to bottom; pieces at one height from left to right, joined."""
    merged: list[Line] = []
    for line in sorted(lines, key=lambda line: (-round((line.top + line.bottom) / 2), line.left)):
        before = merged[-1] if merged else None
        middle = (line.top + line.bottom) / 2
        if (
            before
            and before.bottom - 1 <= middle <= before.top + 1
            and line.left >= before.right - 2
            and line.left - before.right < 60
        ):
            merged[-1] = before._replace(
                text=f"{before.text} {line.text}" if line.left - before.right > 0.8 else before.text + line.text,
                right=line.right,
                top=max(before.top, line.top),
                bottom=min(before.bottom, line.bottom),
            )
        else:
            merged.append(line)
    return merged


def _blocks(lines: list[Line]) -> list[Block]:
    if not lines:
        return []
    weights: Counter[float] = Counter()
    for line in lines:
        weights[round(line.size, 1)] += len(line.text)
    body = weights.most_common(1)[0][0]
    sizes = sorted({round(line.size, 1) for line in lines if line.size > body * 1.08}, reverse=True)
    gaps = [
        a.bottom - b.bottom
        for a, b in itertools.pairwise(lines)
        if a.page == b.page and 0 < a.bottom - b.bottom < 4 * body and abs(a.size - b.size) < 0.3
    ]
    leading = statistics.median(gaps) if gaps else 1.2 * body
    groups: list[list[Line]] = []
    for line in lines:
        if groups and _belongs(groups[-1], line, body, leading):
            groups[-1].append(line)
        else:
            groups.append([line])
    unbroken = " ".join(re.sub(rf"\S*{_BROKEN}\S*|\S+-$", "", line.text) for line in lines)
    words = Counter(re.findall(r"[a-z]+(?:-[a-z]+)*", unbroken.lower()))
    blocks: list[Block] = []
    for group in groups:
        text = tidy(_join(group, words))
        size = round(group[0].size, 1)
        if not text:
            continue
        bullet = _BULLET.match(group[0].text)
        if size in sizes and len(text.split()) <= 25 and not bullet:
            blocks.append(Block(text, "heading", min(6, sizes.index(size) + 1), page=group[0].page))
        elif bullet:
            blocks.append(Block(tidy(_BULLET.sub("", text, count=1)), "list", 1, page=group[0].page))
        elif _NUMBERED.match(text):
            blocks.append(Block(text, "list", 1, page=group[0].page))
        else:
            blocks.append(Block(text, page=group[0].page))
    turns = find_turns(blocks)
    return turns if turns is not None else blocks


def _belongs(group: list[Line], line: Line, body: float, leading: float) -> bool:
    before = group[-1]
    if abs(before.size - line.size) > 0.6 or _BULLET.match(line.text):
        return False
    heading = before.size > body * 1.08
    finished = re.search(r"[.!?:][\"'”’)]?\d{0,2}$", before.text) is not None
    same_column = before.page == line.page and before.bottom > line.bottom and abs(before.left - line.left) < 60
    if same_column:
        gap = before.bottom - line.bottom
        if gap > (1.75 if heading else 1.35) * max(leading, 1.0 * before.size):
            return False
        return heading or not (finished and gap > 1.2 * leading)
    return (
        not heading and not finished and re.match(r"[a-z(‘“\"'A-Z0-9]", line.text) is not None
    )  # over a column or page


def _join(lines: list[Line], words: Counter[str]) -> str:
    """The lines' text; a hyphen at a line end stays where the document writes the word so, or writes both its parts alone."""
    text = lines[0].text
    for line in lines[1:]:
        if re.search(r"[A-Za-z]-$", text) and re.match(r"[a-z]", line.text):
            text = text[:-1] + _BROKEN + line.text
        elif re.search(rf"\w-$|[/–{_BROKEN}]$", text):
            text += line.text
        else:
            text += " " + line.text

    def mended(match: re.Match[str]) -> str:
        head, tail = match.groups()
        whole, hyphened = head + tail, f"{head}-{tail}"
        n_whole, n_hyphened = words[whole.lower()], words[hyphened.lower()]
        parts = words[head.lower()] > 0 and words[tail.lower()] > 0
        compound = n_whole == n_hyphened and (parts or tail.lower() in _SECOND_PARTS)
        return hyphened if n_hyphened > n_whole or compound else whole

    text = re.sub(rf"([A-Za-z]+(?:-[A-Za-z]+)*){_BROKEN}([a-z]+)", mended, text)
    return text.replace(_BROKEN, "-")
