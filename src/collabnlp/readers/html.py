"""Web pages: the article with its headings, lists and tables, without menus and footers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collabnlp.readers.text import decode, tidy
from collabnlp.readers.turns import find_turns
from collabnlp.records import Block, InputError


def read_html(path: Path) -> list[Block]:
    """Blocks of a saved web page.

    trafilatura finds the article; where the page marks it itself (`article` or `main`), only
    menus, forms and scripts are taken out of that element, so that nothing is lost to guessing.

    Raises
    ------
    InputError
        Where no article is found.
    """
    from lxml import etree, html

    source = decode(path)
    parser = html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        tree = html.fromstring(source.encode("utf-8"), parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise InputError(path, f"is not HTML ({error})", "save the page again") from error
    _check_whole(parser, path)
    marked = tree.xpath("//article[not(ancestor::article)]") or tree.xpath("//main | //*[@role='main']")
    blocks = [block for element in marked for block in _walk(element)]
    if sum(len(block.text.split()) for block in blocks) < 50:
        from trafilatura import extract

        try:
            xml = extract(
                source,
                output_format="xml",
                include_tables=True,
                include_comments=False,
                include_formatting=False,
                favor_recall=True,
                deduplicate=False,
            )
            own = etree.XMLParser(resolve_entities=False, no_network=True)
            found = list(_walk(etree.fromstring(xml.encode("utf-8"), own))) if xml else []
        except (etree.LxmlError, ValueError):  # it makes XML of broken marks and reads that again
            found = []
        if not found and not (marked and blocks):
            raise InputError(path, "holds no article", "save the page as text, or copy its words into a .txt file")
        blocks = found or blocks
    turns = find_turns(blocks)
    return turns if turns is not None else blocks


def fragment_blocks(source: str, path: Path) -> list[Block]:
    """Blocks of a piece of HTML, as it may stand within Markdown; its elements need not be closed."""
    from lxml import html

    parser = html.HTMLParser(encoding="utf-8", no_network=True)
    body = html.document_fromstring(b"<body>" + source.encode("utf-8"), parser=parser).find("body")
    _check_whole(parser, path)
    return [] if body is None else list(_walk(body))


def _check_whole(parser: Any, path: Path) -> None:
    """Refuse what the parser gave up on: it leaves out the rest without a word."""
    for error in parser.error_log:
        if error.type_name == "ERR_RESOURCE_LIMIT":
            problem = f"is nested too deep or too long to be read whole ({error.message.split(', use')[0]})"
            raise InputError(path, problem, "save the page as text", place=f"line {error.line}")


_DROP = {"nav", "script", "style", "noscript", "form", "aside", "button", "template", "svg", "iframe", "header_menu"}
_HEADS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_LISTS = frozenset({"ul", "ol", "list"})
_PARTS = {
    "div",
    "section",
    "article",
    "main",
    "body",
    "figure",
    "blockquote",
    "quote",
    "details",
    "header",
    "footer",
    "dl",
    "fieldset",
    "text",
    "doc",
}
_TEXT = {"p", "dd", "dt", "pre", "figcaption", "address", "summary"}
_APART = {*"br lb table tr row td th cell caption li item".split(), *_HEADS, *_LISTS, *_PARTS, *_TEXT}


def _walk(element: Any) -> Iterator[Block]:
    """Blocks of an element of HTML or of trafilatura's XML, in order."""
    inline: list[str] = []

    def flush() -> Iterator[Block]:
        text = tidy(" ".join(inline))
        inline.clear()
        if text:
            yield Block(text, "box" if element.tag in ("blockquote", "quote") else "paragraph")

    if element.text:
        inline.append(element.text)
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag in _DROP or not tag:
            pass
        elif tag in _HEADS or tag == "head":
            yield from flush()
            level = _HEADS.get(tag) or _HEADS.get(child.get("rend", ""), 2)
            yield Block(tidy(_words(child)), "heading", level)
        elif tag in _TEXT and not child.xpath(".//ul|.//ol|.//table"):
            yield from flush()
            yield Block(tidy(_words(child)), "box" if element.tag in ("blockquote", "quote") else "paragraph")
        elif tag in _LISTS:
            yield from flush()
            yield from _items(child, 1)
        elif tag == "table":
            yield from flush()
            for row in child.xpath(".//tr|.//row"):
                cells = [tidy(_words(cell)) for cell in row if isinstance(cell.tag, str)]
                if any(cells):
                    yield Block(" | ".join(cells), "table")
        elif tag in _PARTS or child.xpath(".//p|.//li|.//h2|.//h3|.//table"):
            yield from flush()
            if tag != "footer":
                yield from _walk(child)
        elif tag in ("br", "lb"):
            inline.append(" ")
        else:
            inline.append(_words(child))
        if child.tail:
            inline.append(child.tail)
    yield from flush()


def _items(element: Any, level: int) -> Iterator[Block]:
    """Blocks of a list: each item's own words, then the lists within it, one level deeper."""
    for item in element:
        if item.tag in _LISTS:  # a list that stands beside the item it belongs to
            yield from _items(item, level + 1)
        elif isinstance(item.tag, str):
            own = tidy(_words(item, skip=_LISTS))
            if own:
                yield Block(own, "list", level)
            for inner in _lists_within(item):
                yield from _items(inner, level + 1)


def _lists_within(element: Any) -> Iterator[Any]:
    """The outermost lists in an element."""
    for child in element:
        if child.tag in _LISTS:
            yield child
        elif child.tag not in _DROP:
            yield from _lists_within(child)


def _words(element: Any, skip: frozenset[str] = frozenset()) -> str:
    """The words of an element, without those in `skip`; a blank parts what the page shows apart."""
    parts = [element.text or ""]
    for child in element:
        blank = " " if child.tag in _APART else ""
        shown = isinstance(child.tag, str) and child.tag not in _DROP and child.tag not in skip
        parts += [blank, _words(child, skip) if shown else "", blank, child.tail or ""]
    return "".join(parts)
