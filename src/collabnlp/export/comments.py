"""The Word document of a tagging pack: the text, with the codes of each passage as a comment on it; and its comments read back."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from collabnlp.codebook import Codebook
from collabnlp.exchange.marks import Mark, UnknownCodeError, parse_code
from collabnlp.exchange.pack import MARKED, Pack, PackedDocument, check_model
from collabnlp.export.qdpx import new_zip
from collabnlp.files import atomic
from collabnlp.readers import check_file
from collabnlp.readers.office import damaged_word
from collabnlp.records import Passage, Stance, TagReason, key_of
from collabnlp.redact.speakers import INTERVIEWER

_WHEN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)  # fixed: the same pack gives the same bytes
_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_ID = re.compile(r"^\[([^\[\]]+:\d{4,})\]$")
_YES, _NO = ("ok", "okay", "yes", "agreed", "accept", "all"), ("no", "none", "no code")
HOW = (
    "Comments hold the codes that a model suggests. Take a line out of a comment, or write - before it, to drop a code; write a line such as "
    "+ {code}, negative to add one; write ok to agree, none where no code applies. A comment of your own on a passage may name codes, too. "
    "Comments that you leave as they are count as not read."
)
HOW_BLIND = "Put a comment on each passage that you have read: a code a line, such as {code}, negative; or none, where no code applies."


def write_comments(path: str | Path, pack: Pack, document: PackedDocument, codebook: Codebook) -> None:
    """Write one document of a pack for Word; what is no passage stands between them in grey."""
    import docx
    from docx.shared import Pt, RGBColor

    word = docx.Document()
    for name, value in (("title", document.name), ("author", "collabnlp"), ("identifier", document.document_id)):
        setattr(word.core_properties, name, _clean(value)[:255])
    word.core_properties.created = word.core_properties.modified = _WHEN.replace(tzinfo=None)
    word.styles["Normal"].font.name = "Arial"
    word.styles["Normal"].font.size = Pt(11)
    word.add_heading(_clean(document.name), level=1)
    word.add_paragraph((HOW_BLIND if pack.blind else HOW).format(code=codebook.codes[0].title)).runs[0].italic = True
    if document.access == "non-attributable":
        word.add_paragraph(MARKED).runs[0].bold = True
        word.sections[0].header.paragraphs[0].text = MARKED
    reasons = {key_of(reason): reason for reason in pack.reasons}
    at = 0
    head: tuple[str | None, tuple[str, ...]] = (None, ())
    for passage in [p for p in pack.passages if p.document_id == document.document_id]:
        for line in filter(str.strip, document.text[at : passage.start_char].split("\n")):
            word.add_paragraph().add_run(_clean(line.strip())).font.color.rgb = RGBColor(0x76, 0x76, 0x76)
        at = passage.end_char
        if passage.speaker and (passage.speaker, passage.section) != head:
            word.add_paragraph(style="Heading 3").add_run(_clean(passage.speaker))
        head = (passage.speaker, passage.section)
        run = word.add_paragraph().add_run(_clean(passage.text))
        if passage.speaker == INTERVIEWER:
            run.italic = True
        elif lines := _lines(pack, passage, reasons, codebook):
            told = "\n".join([*lines, f"[{passage.passage_id}]"])
            comment = word.add_comment(run, _clean(told), author=pack.coder, initials="m")
            comment._comment_elm.date = _WHEN  # the library has no public way to set it
    buffer = io.BytesIO()
    word.save(buffer)
    with zipfile.ZipFile(buffer) as archive, atomic(path) as temporary:
        temporary.write_bytes(new_zip({name: archive.read(name) for name in archive.namelist()}))


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _lines(pack: Pack, passage: Passage, reasons: Mapping[tuple[Any, ...], TagReason], codebook: Codebook) -> list[str]:
    lines = []
    for tag in pack.tags:
        if tag.passage_id == passage.passage_id and tag.coder == pack.coder:
            why = reasons.get(key_of(tag))
            score = "" if tag.score is None else f", {tag.score:.2f}{', unsure' if tag.review else ''}"
            lines.append(f"{codebook[tag.code].title} ({tag.stance}{score})")
            lines += [f"> {' '.join(why.sentence.split())}"] if why else []
    return lines


def read_comments(path: str | Path, pack: Pack, codebook: Codebook) -> list[Mark]:
    """What the comments of a Word file say of the passages they are on.

    A comment of the model counts where it was changed or answered; any other one counts where it
    names a code, and else is a note.

    Raises
    ------
    InputError
        Where the file is damaged, or of another pack.
    """
    import docx

    path = Path(path)
    check_file(path)
    with damaged_word(path):
        word = docx.Document(str(path))
        paragraphs = _paragraphs(word)
        texts, on = [paragraph.text for paragraph in paragraphs], _commented(paragraphs)
        identifier = word.core_properties.identifier or ""
        comments = [(c.comment_id, c.author or "", [p.text for p in c.paragraphs]) for c in word.comments]
    check_model([author for _, author, _ in comments], pack, path)
    reasons = {key_of(reason): reason for reason in pack.reasons}
    as_written = {p.passage_id: [*_lines(pack, p, reasons, codebook), f"[{p.passage_id}]"] for p in pack.passages}
    marks, gone = [], {own: lines for own, lines in as_written.items() if len(lines) > 1}
    own_passages = _own_passages(identifier, set(texts), pack)
    here, passage_at = {p.passage_id for p in own_passages}, _passages_of(texts, own_passages)
    for comment_id, author, said in comments:
        lines = [line for paragraph in said for line in paragraph.split("\n") if line.strip()]
        own = next((m[1] for line in lines if (m := _ID.fullmatch(line.strip()))), "")
        at = on.get(comment_id, -1)
        if own in as_written:
            gone.pop(own, None)
            untouched = [line.strip() for line in lines] == [_clean(line) for line in as_written[own]]
            marks.append(_of_model(f"comment {comment_id}", own, lines, codebook, read=not untouched))
        else:
            mark = _of_person(f"comment {comment_id}", texts[at] if at >= 0 else "", author, lines, codebook)
            marks.append(mark._replace(passage_id=passage_at.get(at, "")))
    marks += [Mark("a comment taken out", own, keep=()) for own in gone if own in here]
    commented = {own for own, lines in as_written.items() if len(lines) > 1}
    return marks + [Mark("no comment", own, read=False) for own in as_written if own in here - commented]


def _own_passages(identifier: str, texts: Collection[str], pack: Pack) -> list[Passage]:
    """The passages of the document that a file is: the one it names, else the one that most of its paragraphs are of."""
    held = Counter(p.document_id for p in pack.passages if _clean(p.text) in texts)
    known = {document.document_id for document in pack.documents}
    document_id = identifier if identifier in known else next((name for name, _ in held.most_common(1)), "")
    return [p for p in pack.passages if p.document_id == document_id]


def _commented(paragraphs: Sequence[Any]) -> dict[int, int]:
    """By comment id, the number of the paragraph that it begins in."""
    found: dict[int, int] = {}
    for i, paragraph in enumerate(paragraphs):
        for start in paragraph._p.iter(f"{_W}commentRangeStart", f"{_W}commentReference"):
            found.setdefault(int(start.get(f"{_W}id")), i)
    return found


def _passages_of(texts: Sequence[str], here: Sequence[Passage]) -> dict[int, str]:
    """Passage id by number of paragraph; of passages with the same text, by their order."""
    ids: dict[str, list[str]] = {}
    for passage in here:
        ids.setdefault(_clean(passage.text), []).append(passage.passage_id)
    at: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        at.setdefault(text, []).append(i)
    return {
        i: own
        for text, own_ids in ids.items()
        if len(at.get(text, ())) == len(own_ids)
        for i, own in zip(at[text], own_ids, strict=True)
    }


def _paragraphs(word: Any) -> list[Any]:
    from docx.text.paragraph import Paragraph

    return [Paragraph(element, word) for element in word.element.body.iter(f"{_W}p")]


def _of_model(place: str, own: str, lines: Sequence[str], codebook: Codebook, *, read: bool) -> Mark:
    """The mark of a comment that the pack wrote: the codes that stand in it stay, those with + come, those with - go."""
    keep: list[str] = []
    drop: list[str] = []
    add: list[tuple[str, Stance | None]] = []
    notes: list[str] = []
    problems: list[str] = []
    for line in (line.strip() for line in lines):
        bare = line.casefold().rstrip(".!")
        if _ID.fullmatch(line) or line.startswith(">") or bare in _YES:
            continue
        if bare in _NO:
            keep, drop, add = [], [], []
            return Mark(place, own, keep=())
        sign, rest = (line[0], line[1:].strip()) if line[0] in "+-−–" else ("", line)
        try:
            code, stance = parse_code(rest, codebook)
        except UnknownCodeError as error:
            (problems if sign else notes).append(str(error) if sign else line)
            continue
        if sign in ("-", "−", "–"):
            drop.append(code)
        elif sign or stance is None:
            add.append((code, stance))
        else:
            keep.append(code)
            add.append((code, stance))
    stays = tuple(code for code in keep if code not in drop)
    given = tuple(pair for pair in add if pair[0] not in drop or pair[0] not in keep)
    return Mark(place, own, read=read, keep=stays, add=given, note="\n".join(notes), problem="; ".join(problems))


def _of_person(place: str, text: str, author: str, lines: Sequence[str], codebook: Codebook) -> Mark:
    """The mark of a comment of a person's own."""
    drop: list[str] = []
    add: list[tuple[str, Stance | None]] = []
    notes: list[str] = []
    problems: list[str] = []
    agreed = False
    for line in (line.strip() for line in lines):
        bare = line.casefold().rstrip(".!")
        if bare in _NO:
            return Mark(place, text=text, coder=author, keep=())
        if bare in _YES:
            agreed = True
            continue
        sign, rest = (line[0], line[1:].strip()) if line[0] in "+-−–" else ("", line)
        try:
            pairs = [parse_code(part, codebook) for part in filter(None, map(str.strip, rest.split(";")))]
        except UnknownCodeError as error:
            (problems if sign else notes).append(str(error) if sign else line)
            continue
        if sign in ("-", "−", "–"):
            drop += [code for code, _ in pairs]
        else:
            add += pairs
    read = bool(drop or add or agreed or problems)
    note = "\n".join(notes)
    return Mark(
        place,
        text=text,
        coder=author,
        read=read,
        drop=tuple(drop),
        add=tuple(add),
        note=note,
        problem="; ".join(problems),
    )
