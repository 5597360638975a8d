"""Word and OpenDocument text: heading styles, lists, tables, footnotes and text boxes.

What a reviewer deleted under tracked changes is left out, what was inserted is kept.
"""

from __future__ import annotations

import contextlib
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collabnlp.readers.text import guess_heading, lines_to_blocks, tidy
from collabnlp.readers.turns import find_turns
from collabnlp.records import Block, InputError

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_BOX = f"{_W}txbxContent"
_SKIP = {f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}delText", _FALLBACK, _BOX}

# What a damaged file raises in zipfile, lxml, python-docx, odfdo and openpyxl, which look at a part only when they use
# it; errors of a library's own are named where it is imported.
_DAMAGE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),  # the packed bytes
    SyntaxError,  # XML that is not well formed, in lxml and in the standard library
    *(LookupError, AttributeError, TypeError, AssertionError),  # a part or element that is missing or another one
    *(ValueError, ArithmeticError),  # a name or number that is none
    RuntimeError,  # nested too deep, or packed in a way that is not known
)


@contextlib.contextmanager
def damaged(path: Path, *own: type[Exception]) -> Iterator[None]:
    """Give the block in which an Office file is opened and walked; what breaks it there is an InputError.

    Parameters
    ----------
    path
        The file.
    own
        Errors of the library that reads it.

    Raises
    ------
    InputError
        Where the file is damaged.
    """
    try:
        yield
    except (*_DAMAGE, *own) as error:
        reason = str(error) or type(error).__name__
        raise InputError(path, f"is cut off or damaged ({reason})", "save or copy it again") from error


@contextlib.contextmanager
def damaged_word(path: Path) -> Iterator[None]:
    """Give the block in which python-docx opens a file and walks it, as `damaged` does."""
    from docx.exceptions import PythonDocxError
    from docx.opc.exceptions import OpcError
    from docx.oxml.exceptions import XmlchemyError

    with damaged(path, PythonDocxError, OpcError, XmlchemyError):
        yield


def read_docx(path: Path) -> list[Block]:
    """Blocks of a Word file.

    Headings come from styles and outline levels; where a file has none, from the look of its
    lines. A footnote follows the paragraph that refers to it, a text box the paragraph that it
    is tied to. A table gives a block a row, its cells parted by ' | '.

    Raises
    ------
    InputError
        Where the file is damaged.
    """
    import docx

    with damaged_word(path):
        document = docx.Document(str(path))
        blocks = list(_walk(document.element.body, _heading_levels(document), _notes(document)))
    return _finish(blocks)


def _finish(blocks: list[Block]) -> list[Block]:
    """Turns where the file is a transcript; headings also where a short line of body text stands for one."""
    turns = find_turns(blocks)
    if turns is not None:
        return turns
    folded: list[Block] = []
    for i, block in enumerate(blocks):
        text = tidy(block.text)
        following = blocks[i + 1].text if i + 1 < len(blocks) else ""
        if not text:
            continue
        if block.kind == "paragraph":
            level = guess_heading(block.text, following)
            if level and len(following.split()) >= 6:
                folded.append(Block(text, "heading", level))
            else:
                folded.extend(lines_to_blocks([block.text.replace("\n", " ")]))
        else:
            folded.append(block._replace(text=text))
    return folded


def _heading_levels(document: Any) -> dict[str, int]:
    """Depth of each paragraph style that is a heading; 0 marks a list style."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iter(f"{_W}style"):
        if style.get(f"{_W}type") != "paragraph":
            continue
        name = style.find(f"{_W}name")
        label = (name.get(f"{_W}val") or "").lower() if name is not None else ""
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        match = re.fullmatch(r"heading (\d)", label)
        if match:
            levels[style.get(f"{_W}styleId")] = int(match.group(1))
        elif label == "title":
            levels[style.get(f"{_W}styleId")] = 1
        elif outline is not None and int(outline.get(f"{_W}val", 9)) < 9:
            levels[style.get(f"{_W}styleId")] = int(outline.get(f"{_W}val")) + 1
        elif label.startswith("list"):
            levels[style.get(f"{_W}styleId")] = 0
    return levels


def _notes(document: Any) -> dict[str, str]:
    """Text of each footnote and endnote by its kind and id."""
    from lxml import etree

    notes = {}
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind in ("footnotes", "endnotes") and not relation.is_external:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(relation.target_part.blob, parser)
            for note in root:
                if note.get(f"{_W}type") in (None, "normal"):
                    text = " ".join(_text(p) for p in note.iter(f"{_W}p"))
                    notes[f"{kind}:{note.get(f'{_W}id')}"] = tidy(text)
    return notes


def _walk(parent: Any, levels: dict[str, int], notes: dict[str, str]) -> Iterator[Block]:
    for child in parent:
        if child.tag == f"{_W}p":
            yield from _paragraph(child, levels, notes)
        elif child.tag == f"{_W}tbl":
            yield from _table(child, levels, notes)
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml", f"{_W}smartTag", f"{_W}moveTo"):
            yield from _walk(child, levels, notes)


def _paragraph(paragraph: Any, levels: dict[str, int], notes: dict[str, str]) -> Iterator[Block]:
    text = _text(paragraph)
    properties = paragraph.find(f"{_W}pPr")
    style = outline = number = None
    if properties is not None:
        style, outline, number = (properties.find(f"{_W}{tag}") for tag in ("pStyle", "outlineLvl", "numPr"))
    level = levels.get(style.get(f"{_W}val"), -1) if style is not None else -1
    if outline is not None and int(outline.get(f"{_W}val", 9)) < 9:
        level = int(outline.get(f"{_W}val")) + 1
    if text.strip():
        if level > 0:
            yield Block(text, "heading", level)
        elif level == 0 or (
            number is not None
            and number.find(f"{_W}numId") is not None
            and number.find(f"{_W}numId").get(f"{_W}val") != "0"
        ):
            yield Block(text, "list", 1)
        else:
            yield Block(text)
    for box in _outermost(paragraph, _BOX):
        for block in _walk(box, levels, notes):
            yield block._replace(kind="box", level=0) if block.kind != "table" else block
    for kind in ("footnote", "endnote"):
        for reference in paragraph.iter(f"{_W}{kind}Reference"):
            note = notes.get(f"{kind}s:{reference.get(f'{_W}id')}")
            if note:
                yield Block(note)


def _outermost(element: Any, tag: str) -> Iterator[Any]:
    for child in element:
        if child.tag == _FALLBACK:
            continue
        if child.tag == tag:
            yield child
        else:
            yield from _outermost(child, tag)


def _table(table: Any, levels: dict[str, int], notes: dict[str, str]) -> Iterator[Block]:
    """A block a row; a table of one cell is a box, as reports use them."""
    rows = [
        [list(_walk(cell, levels, notes)) for cell in row.iter(f"{_W}tc") if _nearest(cell, f"{_W}tbl") is table]
        for row in table.iter(f"{_W}tr")
        if _nearest(row, f"{_W}tbl") is table
    ]
    single = all(len(row) == 1 for row in rows)
    for row in rows:
        if single:
            for block in row[0]:
                yield block._replace(kind="box", level=0) if block.kind == "paragraph" else block
        else:
            text = " | ".join(tidy(" ".join(block.text for block in cell)) for cell in row)
            if text.replace("|", "").strip():
                yield Block(text, "table")


def _nearest(element: Any, tag: str) -> Any:
    parent = element.getparent()
    while parent is not None and parent.tag != tag:
        parent = parent.getparent()
    return parent


def _text(element: Any) -> str:
    """Words of a paragraph with line breaks, without deleted text and text boxes."""
    parts: list[str] = []

    def visit(node: Any) -> None:
        for child in node:
            if child.tag in _SKIP:
                continue
            if child.tag == f"{_W}t":
                parts.append(child.text or "")
            elif child.tag in (f"{_W}br", f"{_W}cr"):
                parts.append("\n")
            elif child.tag == f"{_W}tab" and node.tag == f"{_W}r":
                parts.append("\t")
            elif child.tag == f"{_W}noBreakHyphen":
                parts.append("-")
            else:
                visit(child)

    visit(element)
    return "".join(parts)


def read_odt(path: Path) -> list[Block]:
    """Blocks of an OpenDocument text file, by the same rules as a Word file.

    Raises
    ------
    InputError
        Where the file is damaged.
    """
    from odfdo import Document
    from odfdo.security import SecurityError

    with damaged(path, SecurityError):
        blocks = list(_odt_walk(Document(str(path)).body))
    return _finish(blocks)


_ODT_PARTS = {
    *("office:text", "text:section", "text:index-body", "text:list-item", "text:list-header"),
    *("draw:frame", "draw:g", "draw:a"),  # drawings tied to the page stand beside the paragraphs
}
_ODT_ASIDE = {"text:note", "office:annotation", "draw:frame", "draw:text-box", "text:tracked-changes"}


def _odt_walk(parent: Any, depth: int = 0) -> Iterator[Block]:
    for child in parent.children:
        if child.tag == "text:h":
            yield Block(_odt_text(child), "heading", int(child.get_attribute("text:outline-level") or 1))
            yield from _odt_tied(child)
        elif child.tag == "text:p":
            yield Block(_odt_text(child), "list" if depth else "paragraph", depth)
            yield from _odt_tied(child)
        elif child.tag == "text:list":
            yield from _odt_walk(child, depth + 1)
        elif child.tag == "draw:text-box":
            for block in _odt_walk(child):
                yield block._replace(kind="box", level=0)
        elif child.tag == "table:table":
            for row in _odt_rows(child):
                cells = [
                    tidy(" ".join(block.text for block in _odt_walk(cell)))
                    for cell in row.get_elements("table:table-cell")
                ]
                if any(cells):
                    yield Block(" | ".join(cells), "table")
        elif child.tag in _ODT_PARTS:
            yield from _odt_walk(child, depth)


def _odt_tied(element: Any) -> Iterator[Block]:
    """Notes and text boxes that are tied to a place in a paragraph or heading."""
    for child in element.children:
        if child.tag == "text:note":
            yield Block(tidy(" ".join(_odt_text(p) for p in child.get_elements(".//text:note-body//text:p"))))
        elif child.tag == "draw:frame":
            yield from _odt_walk(child)
        elif child.tag not in _ODT_ASIDE:
            yield from _odt_tied(child)


def _odt_rows(table: Any) -> Iterator[Any]:
    """Rows of a table, also of its head and its groups, without those of tables in its cells."""
    for child in table.children:
        if child.tag == "table:table-row":
            yield child
        elif child.tag.startswith("table:table-"):
            yield from _odt_rows(child)


def _odt_text(element: Any) -> str:
    """Words of an ODF paragraph, without notes, comments and text boxes."""
    parts = [element.text or ""]
    for child in element.children:
        if child.tag in ("text:line-break",):
            parts.append("\n")
        elif child.tag == "text:tab":
            parts.append("\t")
        elif child.tag == "text:s":
            parts.append(
                " " * min(8, int(child.get_attribute("text:c") or 1))
            )  # a false number must not fill the memory
        elif child.tag not in _ODT_ASIDE:
            parts.append(_odt_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
