"""Changes small valid files at random and reads them: a reader gives records or an InputError in bounded time, nothing else.

    python tests/fuzz.py docx --minutes 30 --seed 1

Each reading happens in a process apart. What breaks a reader is made as small as it will go and kept
in tests/data/fuzz/, where the normal tests read it again. In formats that are archives, the XML
within is changed, since a damaged archive is only ever refused as such.
"""

from __future__ import annotations

import argparse
import copy
import functools
import hashlib
import io
import json
import random
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collabnlp.apart import Apart, Lost
from collabnlp.codebook import Codebook, load_codebook
from collabnlp.export.annotate import read_annotations
from collabnlp.export.comments import read_comments
from collabnlp.export.pack import write_pack
from collabnlp.export.projects import read_qdpx
from collabnlp.export.sheet import read_sheet
from collabnlp.readers import READERS, read_blocks
from collabnlp.records import InputError
from collabnlp.segment import segment
from packs import make_pack
from test_readers import LEFT, RIGHT, make_pdf, opendocument, p, run, w, word, workbook

DATA = Path(__file__).resolve().parent / "data"
KEPT = DATA / "fuzz"
SECONDS = 20
ARCHIVES = ("docx", "odt", "xlsx", "qdpx", "review-docx", "review-xlsx")
REVIEWS = {"review-docx": read_comments, "review-xlsx": read_sheet, "review-json": read_annotations, "review-jsonl": read_annotations}  # fmt: skip
NAMES = [*(suffix[1:] for suffix in READERS if suffix != ".htm"), "qdpx", *REVIEWS]
QDE = """<?xml version="1.0" encoding="utf-8"?>
<Project xmlns="urn:QDA-XML:project:1.0" name="a" origin="NVivo 14"><Users><User guid="{0}1" name="Ann"/></Users>
<CodeBook><Codes><Code guid="{0}2" name="Trust" isCodable="true" color="#ff0000"><Description>When</Description>
<Code guid="{0}3" name="negative" isCodable="true"/></Code></Codes></CodeBook>
<Sources><TextSource guid="{0}4" name="talk" plainTextPath="internal://a.txt"><PlainTextSelection guid="{0}5" name="We agreed"
startPosition="0" endPosition="9"><Description>yes</Description><Coding guid="{0}6" creatingUser="{0}1"><CodeRef targetGUID="{0}2"/></Coding>
</PlainTextSelection></TextSource><PDFSource guid="{0}7" name="b"><Representation plainTextPath="internal://a.txt"/></PDFSource>
<TextSource guid="{0}8" name="c"><PlainTextContent>We agreed on it.</PlainTextContent></TextSource></Sources></Project>"""
DONE = {
    "data": {"passage_id": "talk-1:0002", "text": "It began with the flood.", "model": "model-0123abcd"},
    "predictions": [{"model_version": "model-0123abcd", "result": []}],
    "annotations": [
        {
            "completed_by": {"email": "ann@example.org", "id": 1},
            "was_cancelled": False,
            "result": [
                {"type": "choices", "value": {"choices": ["trust", "trust=negative"]}},
                {"type": "taxonomy", "value": {"taxonomy": [["trust", "negative"]]}},
                {"type": "textarea", "value": {"text": ["A note."]}},
            ],
        }
    ],
}
TALK = "Ann Weir: How did it begin?\nBo Marsh: I think it began with the flood, and nobody asked.\n" * 4
TOKENS = [
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n\n", b"\t", b'"', b"'", b"<", b">", b"&", b"&#0;", b"&#x10ffff;", b"&lt;"),
    *(b"<!--", b"]]>", b"<![CDATA[", b"</p>", b"<p>", b"<td>", b"<table>", b"<ul>", b"<li>", b"<main>", b"<br/>", b"-->", b"::", b"00:00"),
    *(b"-1", b"0", b"9" * 30, b"1e999", b"NaN", b"null", b"{}", b"[", b"]", b"{", b"\\ud800", b"\\u0000", b"x" * 3000, b"(" * 200, b"|-|-|"),
    *(b"```", b"> ", b"- ", b"# ", b"[^1]:", b"---\n", b"<v Ann>", b"Ann: ", b"[00:01] ", b"w:val=", b"text:c=", b"/Kids ", b" 0 R", b"<<", b">>"),
    *("\u202e".encode(), "\u0301".encode(), "\U0001f600".encode(), b"\xed\xa0\x80", b"\xc0\x80", b"\x0b", b"\x0c", b"\x85", b"\xe2\x80\xa8"),
]  # fmt: skip


@functools.cache
def codebook() -> Codebook:
    """The codebook of the sample corpus."""
    return load_codebook(Path(__file__).resolve().parents[1] / "corpus" / "codebook.yaml")


def ending(reader: str) -> str:
    """What the name of a reader's files ends in."""
    return f".{reader.rpartition('-')[2]}"


def seeds(reader: str) -> list[bytes]:
    """Small valid files of a format; for reviews, those of a tagging pack."""
    if reader in REVIEWS:
        with tempfile.TemporaryDirectory() as folder:
            files = write_pack(Path(folder), make_pack(access="public"), codebook())
            texts = [
                path.read_bytes() for path in sorted(files) if path.suffix == ending(reader) and _reads(reader, path)
            ]
        if reader == "review-json":
            texts.append(json.dumps([DONE]).encode())
        return texts
    if reader == "docx":
        table = w(
            "tbl", "<w:tr><w:tc><w:p>" + run("One") + "</w:p></w:tc><w:tc><w:p>" + run("Two") + "</w:p></w:tc></w:tr>"
        )
        listed = w(
            "p",
            '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="2"/></w:pPr>'
            + run("An item of it"),
        )
        return [
            word(("Heading 1", "Trust"), "We agreed to share a depot by the river.", raw=[table, listed]),
            word(*TALK.split("\n")),
        ]
    if reader == "odt":
        rows = "<table:table><table:table-row><table:table-cell><text:p>One two</text:p></table:table-cell></table:table-row></table:table>"
        lists = "<text:list><text:list-item><text:p>We agreed on<text:s text:c='3'/>it<text:tab/>all</text:p></text:list-item></text:list>"
        return [
            opendocument("<text:h text:outline-level='1'>Trust</text:h>", p("We agreed to share a depot."), rows, lists)
        ]
    if reader == "xlsx":
        return [
            workbook(
                ("A", [["Title"]]),
                (
                    "B",
                    [
                        ["id", "text", "codes"],
                        [1, "We agreed.", "trust"],
                        ["b", "They did not.", None],
                        [None, 3.5, True],
                    ],
                ),
            )
        ]
    if reader == "qdpx":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("project.qde", QDE.format("00000000-0000-4000-8000-00000000000"))
            archive.writestr("sources/a.txt", "\ufeffWe agreed\r\non it 😀 all.")
        return [out.getvalue()]
    if reader == "pdf":
        return [
            make_pdf(LEFT, RIGHT),
            make_pdf([(50, 700, 12, "We agreed to share a de-"), (50, 686, 12, "pot by the river.")]),
        ]
    texts = {
        "txt": [TALK, "CONTENTS\n\n1. Trust\nWe agreed to share\na depot.\n\n\u2022 one item\n\u2022 two items\n\nA\tB\n1\t2\n"],
        "md": ["---\na: b\n---\n# Trust\n\nWe *agreed* [it](x).[^1]\n\n- a\n  - b\n\n> q\n\n|a|b|\n|-|-|\n|1|2|\n\n<div>x</div>\n\n```\nc\n```\n\n[^1]: Note.\n"],
        "html": ["<html><body><main><h1>Trust</h1><p>We agreed to share a depot.</p><ul><li>a<ul><li>b</li></ul></li></ul><table><tr><td>1</td><td>2</td></tr></table><blockquote>q</blockquote></main></body></html>", "<html><body><div><p>" + "We agreed to share a depot by the river. " * 9 + "</p></div></body></html>"],
        "vtt": ["WEBVTT\n\n1\n00:00:01.000 --> 00:00:04.000\n<v Ann>How did it begin?</v>\n\n00:00:04.000 --> 00:00:09.000\n- Bo: with the <i>flood</i>\n"],
        "srt": ["1\n00:00:01,000 --> 00:00:04,000\nAnn: How did it begin?\n\n2\n00:00:04,000 --> 00:00:09,000\nBo: with the flood\n"],
        "csv": ["\ufeffid;text;codes\n1;We agreed.;trust\n2;\"They; did\n not.\";\n"],
        "jsonl": ['{"id": "1", "text": "We agreed.", "codes": ["trust"]}\n{"text": "They did \\u00e9 not."}\n'],
    }  # fmt: skip
    return [text.encode() for text in texts[reader]]


def _reads(reader: str, path: Path) -> bool:
    return look(reader, path) == "read"


def change(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one to four changes."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        i, j = sorted((draw.randint(0, len(data)), draw.randint(0, len(data))))
        j = min(j, i + draw.choice((1, 4, 30, 300)))
        how = draw.randrange(8)
        if how == 0 and data:
            at = min(i, len(data) - 1)
            data = data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
        elif how in (1, 2):
            data = data[:i] + draw.choice(TOKENS) + data[i:]
        elif how == 3:
            data = data[:i] + draw.choice(TOKENS) + data[j:]
        elif how == 4:
            data = data[:i] + data[j:]
        elif how == 5:
            data = data[:j] + data[i:j] * draw.choice((1, 1, 3, 50)) + data[j:]
        elif how == 6:
            k = draw.randint(0, len(data))
            data = data[:k] + data[i:j] + data[k:]
        else:
            data = data[:j] if draw.random() < 0.3 else data[:i] + draw.randbytes(draw.choice((1, 2, 8))) + data[i:]
    return data


def change_tree(data: bytes, draw: random.Random) -> bytes:
    """XML that stays well formed, with an element moved, doubled, taken out, nested or given a strange value."""
    from lxml import etree

    try:
        root = etree.fromstring(data)
    except etree.XMLSyntaxError:
        return change(data, draw)
    for _ in range(draw.choice((1, 1, 2, 5))):
        elements = [e for e in root.iter() if isinstance(e.tag, str)]
        one, other = draw.choice(elements), draw.choice(elements)
        how = draw.randrange(6)
        inside = any(above is one for above in [other, *other.iterancestors()])
        if how == 0 and one is not root:
            one.getparent().remove(one)
        elif how == 1 and not inside and one is not root:
            other.append(one)
        elif how == 2 and len(elements) < 3_000:
            other.append(copy.deepcopy(one))
        elif how == 3 and one.attrib:
            name = draw.choice(list(one.attrib))
            one.set(name, draw.choice(["", "-1", "0", "x", "9" * 30, "NaN", " ", "\u00e9", "true"]))
        elif how == 4 and one.attrib:
            del one.attrib[draw.choice(list(one.attrib))]
        else:
            one.text = draw.choice([None, "", "x", "\u2028 \u0301", "Ann: ", "word " * 300, "1"])
            one.tag = draw.choice([one.tag, one.tag, other.tag])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def change_json(data: bytes, draw: random.Random) -> bytes:
    """JSON that stays JSON, with one value in the place of another, or a strange one."""
    try:
        whole = [json.loads(line) for line in data.splitlines()] if data[:1] == b"{" else json.loads(data)
    except ValueError:
        return change(data, draw)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])

    walk(whole)
    for _ in range(draw.choice((1, 1, 2, 4))):
        holder, key = draw.choice(places)
        other, at = draw.choice(places)
        strange = [None, 5, -1.5, True, "", "x", [], {}, [[]], {"a": 1}, [None], "9" * 40, "\x00", "model-00000000"]
        if draw.random() < 0.2 and isinstance(holder, dict):
            holder.pop(key, None)
        elif isinstance(holder, list) and key >= len(holder):
            continue
        else:
            given = (
                other[at] if draw.random() < 0.3 and (isinstance(other, list) or at in other) else draw.choice(strange)
            )
            holder[key] = copy.deepcopy(given)
    if data[:1] == b"{":
        return b"\n".join(json.dumps(row).encode() for row in whole)
    return json.dumps(whole).encode()


def mutant(reader: str, given: bytes, draw: random.Random) -> bytes:
    """A file made from a valid one."""
    if reader.endswith(("json", "jsonl")) and draw.random() < 0.7:
        return change_json(given, draw)
    if reader not in ARCHIVES or draw.random() < 0.05:
        return change(given, draw)
    try:
        with zipfile.ZipFile(io.BytesIO(given)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, EOFError, MemoryError):  # one that once broke a reader
        return change(given, draw)
    for _ in range(draw.choice((1, 1, 2))):
        name = draw.choice(list(members))
        how = draw.random()
        if how < 0.04 and len(members) > 1:
            del members[name]
        else:
            members[name] = change_tree(members[name], draw) if how < 0.6 else change(members[name], draw)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def look(reader: str, path: Path) -> str:
    """Read a file as the pipeline does: `read`, `refused`, or what broke and where."""
    try:
        if reader in REVIEWS:
            texts = [mark.text + mark.note for mark in REVIEWS[reader](path, make_pack(access="public"), codebook())]
        elif reader == "qdpx":
            project = read_qdpx(path)
            texts = [source.text for source in project.sources]
            assert all(
                0 <= s.start <= s.end <= len(source.text) for source in project.sources for s in source.selections
            )
        else:
            blocks = read_blocks(path)
            assert all(block.text.strip() for block in blocks)
            text, passages = segment("a", blocks)
            assert all(text[one.start_char : one.end_char] == one.text for one in passages)
            texts = [text, *(block.speaker or "" for block in blocks)]
        "".join(texts).encode()  # no table holds half a letter
    except InputError as error:
        message = str(error)
        return (
            "refused"
            if message.startswith(str(path)) and message.isprintable()
            else f"a message of several lines: {message}"
        )
    except Exception as error:
        at = [frame for frame in traceback.extract_tb(error.__traceback__) if "collabnlp" in frame.filename][-1]
        return f"{type(error).__name__} in {Path(at.filename).name}, line {at.lineno}: {str(error)[:200]}"
    return "read"


def make(reader: str) -> Callable[[str], str]:
    """What reads in a process of its own."""
    import warnings

    warnings.simplefilter("ignore")
    return lambda path: look(reader, Path(path))


def smallest(data: bytes, breaks: Callable[[bytes], bool], until: float) -> bytes:
    """The data with all taken out that is not needed to break the reader (Zeller and Hildebrandt 2002, ddmin in short)."""
    size = len(data) // 2
    while size and time.monotonic() < until:
        at = 0
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            if breaks(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def fuzz(reader: str, minutes: float, seed: int) -> Counter[str]:
    """How often which outcome came; each new way to break is kept as a file."""
    draw = random.Random(seed)
    given, outcomes, found = seeds(reader), Counter[str](), set[str]()
    given += [path.read_bytes() for path in sorted((KEPT / reader).glob("*"))]
    with tempfile.TemporaryDirectory() as folder, Apart("fuzz:make", reader, seconds=SECONDS, memory_mb=1_000) as apart:
        path = Path(folder) / f"a{ending(reader)}"

        def tell(data: bytes) -> str:
            path.write_bytes(data)
            try:
                return str(apart.call(str(path)))
            except Lost as loss:
                return str(loss)

        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            data = mutant(reader, draw.choice(given), draw)
            told = tell(data)
            outcomes[told if told in ("read", "refused") else "broken"] += 1
            kind = told.split(":")[0]
            assert [one.name for one in Path(folder).iterdir()] == [path.name], "a reader wrote a file"
            if told in ("read", "refused") or kind in found:
                continue
            found.add(kind)
            least = smallest(data, lambda one, kind=kind: tell(one).split(":")[0] == kind, time.monotonic() + 60)
            target = KEPT / reader / f"{hashlib.sha256(least).hexdigest()[:12]}{ending(reader)}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(least)
            sys.stderr.write(f"{target.relative_to(DATA)}, {len(least)} bytes: {told}\n")
    return outcomes


def main() -> None:
    """Fuzz one reader, or all one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=[*NAMES, "all"])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for name in NAMES if asked.reader == "all" else [asked.reader]:
        outcomes = fuzz(name, asked.minutes, asked.seed)
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        sys.stdout.write(f"{name}: {outcomes.total():,} executions in {asked.minutes:g} minutes, {told}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
