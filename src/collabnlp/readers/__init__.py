"""A file of any format becomes blocks of text in reading order.

`read_blocks` chooses the reader by the file's ending after checking that the content fits it;
`read_apart` does so in another process.
Everything from outside is hostile until checked: archives are measured before they are
unpacked, XML with a document type is refused, and no reader follows a link.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collabnlp.apart import Apart, Lost
from collabnlp.archives import check_archive
from collabnlp.params import Limits
from collabnlp.readers import captions, html, office, pdf, rows, text
from collabnlp.records import Block, InputError

LIMITS = Limits()

READERS: dict[str, Callable[[Path], list[Block]]] = {
    ".txt": text.read_txt,
    ".md": text.read_md,
    ".docx": office.read_docx,
    ".odt": office.read_odt,
    ".pdf": pdf.read_pdf,
    ".html": html.read_html,
    ".htm": html.read_html,
    ".vtt": captions.read_captions,
    ".srt": captions.read_captions,
    ".csv": rows.read_row_blocks,
    ".xlsx": rows.read_row_blocks,
    ".jsonl": rows.read_row_blocks,
}
_ARCHIVES = {".docx": "word/document.xml", ".odt": "content.xml", ".xlsx": "xl/workbook.xml"}


def read_blocks(path: str | Path, limits: Limits = LIMITS) -> list[Block]:
    r"""Blocks of a file, in reading order, with page, speaker and time where the format has them.

    Parameters
    ----------
    limits
        Sizes beyond which a file is refused; those of time and memory are the caller's to keep.

    Raises
    ------
    InputError
        Where the file is missing, empty, of an unknown or false ending, protected, damaged,
        without text, or beyond a limit.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.md"
    >>> _ = path.write_text("# Minutes\n\nThe two councils agreed.")
    >>> [(block.kind, block.text) for block in read_blocks(path)]
    [('heading', 'Minutes'), ('paragraph', 'The two councils agreed.')]
    """
    path = Path(path)
    check_file(path, limits)
    if path.suffix.lower() == ".pdf":
        found = pdf.read_pdf(path, max_pages=limits.pages)
    else:
        found = READERS[path.suffix.lower()](path)
    blocks = [block for block in found if block.text.strip()]
    if not blocks:
        raise InputError(path, "holds no text", "check that it is the right file")
    if sum(len(block.text) for block in blocks) > limits.characters:
        raise InputError(path, f"holds more than {limits.characters:,} characters", "split it into several files")
    _check_lengths(path, blocks, limits)
    return blocks


def read_apart(path: str | Path, limits: Limits = LIMITS) -> list[Block]:
    """As `read_blocks`, in a process of its own within limits of time and memory: for a file that somebody hands over.

    Raises
    ------
    InputError
        As `read_blocks`, and where the file breaks the process that reads it, or holds it up.
    """
    if not limits.seconds:
        return read_blocks(path, limits)
    try:
        setup = limits.model_dump()
        with Apart("collabnlp.readers:_reading", setup, seconds=limits.seconds, memory_mb=limits.memory_mb) as apart:
            answer = apart.call(str(path))
    except Lost as loss:
        remedy = "save it in another format or split it; the limits are in params.yaml, ingest.limits"
        raise InputError(path, str(loss), remedy) from None
    if "blocks" not in answer:
        raise InputError(path, answer["problem"], answer["remedy"], place=answer["place"])
    return [Block(*block) for block in answer["blocks"]]


def _reading(setup: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """What answers `read_apart`."""
    limits = Limits.model_validate(setup)

    def read(path: str) -> dict[str, Any]:
        try:
            return {"blocks": read_blocks(path, limits)}
        except InputError as error:
            return {"problem": error.problem, "remedy": error.remedy, "place": error.place}

    return read


def _check_lengths(path: Path, blocks: list[Block], limits: Limits) -> None:
    """Refuse what no person writes: it would only slow down all that follows."""
    for number, block in enumerate(blocks, start=1):
        place = f"page {block.page}" if block.page else f"paragraph {number}"
        if len(block.text) > limits.paragraph:
            problem = f"one paragraph has {len(block.text):,} characters"
            raise InputError(path, problem, "break it into paragraphs", place=place)
        longest = max(map(len, block.text.split())) if len(block.text) > limits.word else 0
        if longest > limits.word:
            remedy = "take it out: it is no word, but data"
            raise InputError(path, f"one word has {longest:,} characters", remedy, place=place)


def check_file(path: Path, limits: Limits = LIMITS) -> None:
    """Refuse a file that is missing, empty, too large, or not what its ending says."""
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise InputError(path, f"the ending {suffix or '(none)'} is not known", f"use one of {', '.join(READERS)}")
    if not os.path.isfile(path):  # also false for a name that no system can hold
        raise InputError(path, "there is no such file", "check the name, or take it out of the register")
    size = path.stat().st_size
    if size == 0:
        raise InputError(path, "the file is empty", "put the text in, or take it out of the register")
    if size > limits.file_mb * 1_000_000:
        raise InputError(path, f"{size:,} bytes is more than {limits.file_mb} MB", "split it into several files")
    with path.open("rb") as handle:
        head = handle.read(2048)
    found = _kind(head)
    if found == "ole":
        raise InputError(
            path,
            "is protected by a password, or is an old binary Office file",
            "save it without a password, as .docx or .xlsx",
        )
    expected = "zip" if suffix in _ARCHIVES else "pdf" if suffix == ".pdf" else "text"
    if found != expected:
        looks = {
            "zip": "an Office document or other archive",
            "pdf": "a PDF",
            "text": "plain text",
            "binary": "binary data",
        }[found]
        raise InputError(path, f"ends in {suffix} but the content is {looks}", "give it the ending of its content")
    if expected == "zip":
        _check_archive(path, _ARCHIVES[suffix], limits)


def _kind(head: bytes) -> str:
    """What the first bytes of a file say that it is: zip, pdf, ole, binary or text."""
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "zip"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    signatures = (
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"\x1f\x8b",
        b"7z\xbc\xaf",
        b"Rar!",
        b"RIFF",
        b"ID3",
        b"\x7fELF",
    )
    # a text may begin with these letters; what sets the binary formats apart is a NUL near their head
    return "binary" if b"\x00" in head and (head.startswith(signatures) or head[4:8] == b"ftyp") else "text"


def _check_archive(path: Path, member: str, limits: Limits) -> None:
    """Refuse an archive that is damaged, locked, far larger than a document, or not of its ending's kind."""
    with office.damaged(path), zipfile.ZipFile(path) as archive:
        check_archive(archive, path, unpacked=limits.unpacked_mb * 1_000_000, parts=limits.parts)
        if member not in archive.namelist():
            raise InputError(path, f"ends in {path.suffix} but holds no {member}", "give it the ending of its content")
        for info in archive.infolist():
            if _is_xml(archive, info) and _has_doctype(archive, info):
                raise InputError(
                    path, f"{info.filename} declares XML entities", "no office program writes this; do not open it"
                )


def _is_xml(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a part is XML by its name, or by how it begins, since a name may say what it likes."""
    if info.filename.endswith((".xml", ".rels")):
        return True
    with archive.open(info) as handle:
        return handle.read(512).replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def _has_doctype(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a part has a document type, without which no entity can be declared.

    All of it is read: comments of any length may stand before it, and a wrong checksum shows at the end.
    """
    mark = b"<!DOCTYPE"
    rest = b""
    with archive.open(info) as handle:
        for piece in iter(lambda: handle.read(1 << 20), b""):
            piece = rest + piece.replace(b"\x00", b"")  # UTF-16 and UTF-32 have a NUL beside each letter
            if mark in piece:
                return True
            rest = piece[-len(mark) :]
    return False
