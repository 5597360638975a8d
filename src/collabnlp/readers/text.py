"""Plain text and Markdown.

A text file may break its lines at a fixed width (and leave no blank line between paragraphs),
may have one paragraph a line, or may change between the two: each line is judged by its
neighbours.
"""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from collabnlp.readers.turns import find_turns
from collabnlp.records import Block, InputError

MAX_LINE = 1_000_000
_MAX_NESTING = 100  # of lists and quotes in Markdown, each list counting twice

_BULLET = re.compile(  # a sign that touches a figure is the figure's own
    r"^\s*(?:[•·▪■◦●‣∙\uf0b7\uf0a7\uf0d8\x7f-\x9f]|[*+>–—-](?![\d£$€])|o(?=\s{2,}))\s*(?:[·•-]\s+)?(?=\S)"
)
_NUMBERED = re.compile(r"^\s*(?:\(?\d{1,2}[.)]|\(?[a-z][.)]|\(?[ivx]{1,4}[.)])\s+(?=\S)")
_HEADING_NUMBER = re.compile(
    r"^(?:\d+(?:\.\d+)*\.?|[A-Z]\.|Appendix \w+:?|Part \w+:?|Chapter \w+:?|Section \w+:?)\s+(?=\S)"
)
_MARKS = re.compile(r"</?[a-z]{1,8}/?>|\[bookmark: [^\]]*\]|^\s*#{1,6}\s+|(?<!\w)\*{1,3}(?=\S)|(?<=\S)\*{1,3}(?!\w)")
_SMALL = set("a an and as at but by for from in is of on or the to what with & – -".split())


def decode(path: Path) -> str:
    """The file's text, from UTF-8 (with or without mark) or marked UTF-16, line ends as newlines.

    Raises
    ------
    InputError
        Where the bytes are not UTF-8, hold NUL, or a single line is over a million characters.
    """
    data = path.read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        # utf-8-sig would count the place of an error from behind the mark.
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        line = data.count(b"\n", 0, error.start) + 1
        guess = " (it looks like Windows-1252)" if 0x80 <= byte <= 0x9F or byte in (0xA3, 0xE9) else ""
        raise InputError(
            path,
            f"the byte 0x{byte:02x} is not {encoding.upper()}{guess}",
            "save the file as UTF-8",
            place=f"line {line}",
        ) from error
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise InputError(
            path,
            "holds a NUL byte",
            "it is not a text file, or is damaged: save it again as UTF-8",
            place=f"line {line}",
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n\n")
    for number, content in enumerate(text.split("\n"), start=1):
        if len(content) > MAX_LINE:
            raise InputError(
                path, f"one line has {len(content):,} characters", "break it into paragraphs", place=f"line {number}"
            )
    return text


def read_txt(path: Path) -> list[Block]:
    """Blocks of a plain text file: headings guessed, broken lines joined, speaker turns found."""
    return lines_to_blocks(decode(path).split("\n"))


def lines_to_blocks(lines: list[str]) -> list[Block]:
    """Blocks of lines as a text file has them; a blank line parts paragraphs."""
    cleaned = [(line.expandtabs(8) if not line.strip() else line).rstrip() for line in lines]
    turns = find_turns(cleaned)
    if turns is not None:
        return turns
    blocks: list[Block] = []
    group: list[str] = []
    for line in [*cleaned, ""]:
        if line.strip():
            group.append(line)
        elif group:
            blocks.extend(_group_to_blocks(group))
            group = []
    return _mend(blocks)


def _group_to_blocks(lines: list[str]) -> list[Block]:
    """Blocks of a run of lines without a blank between them."""
    blocks: list[Block] = []
    width = _width(lines)
    current: list[str] = []
    kind = "paragraph"

    def close() -> None:
        nonlocal current, kind
        if current:
            text = tidy(" ".join(part.strip() for part in current))
            if text:
                blocks.append(Block(text, kind, 1 if kind == "list" else 0))  # type: ignore[arg-type]
        current, kind = [], "paragraph"

    for i, line in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else ""
        mark = re.match(r"\s*(#{1,6})\s+(.*)", line)
        if mark:
            close()
            blocks.append(Block(tidy(mark.group(2)), "heading", len(mark.group(1))))
            continue
        if line.count("\t") >= 1 and re.search(r"\S\t+\s*\S", line) and not _BULLET.match(line):
            close()
            cells = [tidy(cell) for cell in line.split("\t")]
            blocks.append(Block(" | ".join(cell for cell in cells if cell), "table"))
            continue
        if current and _starts_afresh(current[-1], line, width):
            close()
        level = 0 if current and not _HEADING_NUMBER.match(line.strip()) else guess_heading(line, following)
        bullet = _BULLET.match(line)
        if level and not (_NUMBERED.match(line) and _NUMBERED.match(following)):
            close()
            blocks.append(Block(tidy(line), "heading", level))
            continue
        if bullet or _NUMBERED.match(line):
            close()
            current, kind = [line[bullet.end() :] if bullet else line.strip()], "list"
        else:
            current.append(line)
        if len(line) > 1.6 * width or not following:
            close()
    close()
    return blocks


def _width(lines: list[str]) -> float:
    """The width at which the lines seem to be broken; small where each line is a paragraph."""
    lengths = [len(line) for line in lines if len(line) > 25]
    if len(lines) < 2 or not lengths:
        return 60.0
    return min(100.0, statistics.quantiles(lengths, n=10)[7]) if len(lengths) > 1 else float(min(100, lengths[0]))


def _starts_afresh(before: str, line: str, width: float) -> bool:
    """Whether `line` begins a paragraph although no blank line stands before it."""
    if re.match(r"\s*[a-z]", line):
        return False
    ended = re.search(r"[.!?:;][\"'”’)\]]*\s*$", before) is not None
    if len(before) > 130 or len(line) > 130:  # one paragraph a line
        return ended or len(before) > 130
    first_word = len(line.split()[0])
    return ended and len(before) + 1 + first_word < 0.86 * width


def guess_heading(line: str, following: str = "") -> int:
    """Level of the heading that a bare line seems to be, 1 outermost; 0 where it seems none.

    Examples
    --------
    >>> guess_heading("3. Making collaboration a success"), guess_heading("CONTENTS"), guess_heading("It rained.")
    (1, 1, 0)
    """
    text = tidy(line)
    words = text.split()
    if (
        not 1 <= len(words) <= 14
        or len(text) > 100
        or re.search(r"[.;,]$|[”\"]$|\t", text)
        or re.match(r"[“\"'(]", text)
    ):
        return 0
    if re.search(r"@|https?:|www\.|^\d+$|^Tel\b", text) or _BULLET.match(line):
        return 0
    number = _HEADING_NUMBER.match(text)
    body = text[number.end() :] if number else text
    if not body or not re.match(r"[A-Z‘'“0-9]", body):
        return 0
    if text.endswith(":") and not re.match(r"(?i)case stud|box|figure|part|key ", text):
        return 0
    if body.isupper() and len(body) > 3:
        return 1
    if number:
        alone = not following.strip() or re.match(r"\s*[A-Z“‘\"'•·\uf0b7-]", following) is not None
        return number.group().strip(" .").count(".") + 1 if alone and len(body.split()) <= 10 else 0
    if re.match(r"(?i)case stud[yu]\b", text):
        return 2
    follows_text = len(following.split()) >= 6 and re.match(r"\s*[A-Z“‘\"'•·\uf0b7-]", following) is not None
    lone = not following.strip()
    titled = all(w[0].isupper() or w.lower() in _SMALL or not w[0].isalpha() for w in words)
    if (
        len(words) <= 10
        and (follows_text or lone)
        and not re.search(r"\b(is|are|was|were|has|have|will)\b .*\b\w+ed\b", body)
    ):
        return 2 if titled or len(words) <= 8 else 0
    return 0


def tidy(text: str) -> str:
    """The text without mark-up left over from conversions, white space folded."""
    text = _MARKS.sub("", text).replace("\xad", "").replace("\ufeff", "").replace("\u200b", "")
    return re.sub(r"\s+", " ", text).strip()


def _mend(blocks: list[Block]) -> list[Block]:
    """Paragraphs that a page break or stray blank line cut in two, joined again."""
    mended: list[Block] = []
    for block in blocks:
        before = mended[-1] if mended else None
        if (
            before is not None
            and before.kind == block.kind == "paragraph"
            and re.match(r"[a-z]", block.text)
            and not re.search(r"[.!?:]$", before.text)
            and len(before.text.split()) > 4
        ):
            mended[-1] = before._replace(text=f"{before.text} {block.text}")
        else:
            mended.append(block)
    return mended


def read_md(path: Path) -> list[Block]:
    """Blocks of a Markdown file; its front matter, if any, is left out."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    from collabnlp.readers.html import fragment_blocks  # here, because it imports this module

    source = decode(path)
    options = {"html": True, "maxNesting": _MAX_NESTING}
    parser = MarkdownIt("commonmark", options).enable("table").use(front_matter_plugin).use(footnote_plugin)
    blocks: list[Block] = []
    lists = 0
    quote = 0
    cells: list[str] | None = None
    heading = 0
    for token in parser.parse(source):
        if token.level >= _MAX_NESTING - 1:  # beyond it the parser leaves words out
            place = f"line {token.map[0] + 1}" if token.map else ""
            raise InputError(path, "has lists or quotes nested too deep", "take out the outer ones", place=place)
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists -= 1
        elif token.type == "blockquote_open":
            quote += 1
        elif token.type == "blockquote_close":
            quote -= 1
        elif token.type == "heading_open":
            heading = int(token.tag[1:])
        elif token.type == "heading_close":
            heading = 0
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and cells is not None:
            blocks.append(Block(" | ".join(cells), "table"))
            cells = None
        elif token.type in ("fence", "code_block"):
            blocks.append(Block("\n".join(tidy(line) for line in token.content.split("\n"))))
        elif token.type == "html_block":
            blocks.extend(fragment_blocks(token.content, path))
        elif token.type == "inline":
            words = _inline(token)
            if cells is not None:
                cells.append(words)
            elif heading:
                blocks.append(Block(words, "heading", heading))
            elif lists:
                blocks.append(Block(words, "list", lists))
            else:
                blocks.append(Block(words, "box" if quote else "paragraph"))
    turns = find_turns(blocks)
    return turns if turns is not None else [block._replace(text=" ".join(block.text.split())) for block in blocks]


def _inline(token: object) -> str:
    """The words of a line or paragraph, its line breaks kept, since a turn may begin behind one."""
    children = getattr(token, "children", None) or []
    parts = []
    for child in children:
        if child.type in ("text", "code_inline", "text_special"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak") or child.content.lower().startswith("<br"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
    return "".join(parts).strip()
