"""The REFI-QDA project of a tagging pack, for NVivo, MAXQDA, ATLAS.ti, QualCoder and others, and what a project says of a pack."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collabnlp.codebook import Codebook
from collabnlp.codebook_exchange import ORIGIN, clean, codes_element, guid, known_codes
from collabnlp.exchange.marks import Mark
from collabnlp.exchange.pack import MARKED, Pack, PackedDocument
from collabnlp.export.projects import Project, Source
from collabnlp.files import atomic
from collabnlp.records import Passage, PassageTag, TagReason, key_of

PROJECT = "urn:QDA-XML:project:1.0"
_WHEN = "2020-01-01T00:00:00Z"  # fixed: the same pack gives the same bytes
_NAME = 60  # characters of a selection's text that name it


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
