"""What reviewers send back is read, whatever tool it comes from, and becomes coded passages of the project.

Nothing that stands in corpus/gold is changed: passages, tags, reads and notes are added. What a
coder has read before stays as it is, and a row says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from collabnlp.codebook import Codebook, load_codebook
from collabnlp.codebook_exchange import read_qdc, take_codes, write_codebook
from collabnlp.exchange.decisions import read_journal
from collabnlp.exchange.journal import STORING, is_journal
from collabnlp.exchange.marks import Mark
from collabnlp.exchange.notes import load_check
from collabnlp.exchange.pack import Pack, check_model
from collabnlp.exchange.recode import carry_over, parse_changes
from collabnlp.exchange.settle import Settled, settle
from collabnlp.export.annotate import read_annotations
from collabnlp.export.comments import read_comments
from collabnlp.export.pack import LIST, load_pack
from collabnlp.export.projects import read_qdpx
from collabnlp.export.qdpx import marks_of
from collabnlp.export.sheet import read_sheet
from collabnlp.gold import ADJUDICATED, REVIEWED
from collabnlp.locks import locked
from collabnlp.records import (
    Access,
    GoldNote,
    GoldPassage,
    GoldRead,
    GoldSeen,
    GoldSource,
    InputError,
    PassageTag,
    RecodedRow,
    ReviewRow,
    key_of,
    read_jsonl,
    strictest,
    text_sha256,
    write_jsonl,
)
from collabnlp.runs import keep_run
from collabnlp.scoring import OUT_OF_FOLD

PERSON = "person"
ENDINGS = (".xlsx", ".docx", ".qdpx", ".json", ".jsonl")
_NOBODY = (ADJUDICATED, *OUT_OF_FOLD)
_TAKEN = ("as suggested", "changed", "coded")


def find_pack(file: Path, named: Path | None) -> Pack:
    """The pack that a file came from: the one named, else that of the file's folder.

    Without it nobody knows what was suggested, and `all` in a sheet would mean something else.

    Raises
    ------
    InputError
        Where there is none.
    """
    if named is None and not (file.parent / LIST).is_file():
        raise InputError(file, f"has no {LIST} beside it", "name the folder of the pack that it came from with --pack")
    return load_pack(named or file.parent)


def read_review(file: Path, pack: Pack, codebook: Codebook, *, coder: str = "", whole: bool = False) -> Settled:
    """What a file says, by coder.

    Parameters
    ----------
    coder
        Who coded, where the file names nobody or one person.
    whole
        The coder read every passage: what is left as the model suggested it is agreed to.

    Raises
    ------
    InputError
        Where the file cannot be read, or nobody is named.
    """
    suffix = file.suffix.lower()
    if suffix not in ENDINGS:
        raise InputError(file, f"the ending {suffix or '(none)'} is not known", f"use one of {', '.join(ENDINGS)}")
    if not file.is_file():
        raise InputError(file, "there is no such file", "check the name")
    marks: list[Mark]
    if suffix == ".xlsx":
        marks = read_sheet(file, pack, codebook)
    elif suffix == ".docx":
        marks = read_comments(file, pack, codebook)
    elif suffix == ".qdpx":
        project = read_qdpx(file)
        check_model(project.users, pack, file)
        marks = marks_of(project, pack, codebook)
    else:
        marks = read_annotations(file, pack, codebook)
    settled = settle(marks, pack, codebook, file=file.name, coder=" ".join(coder.split()), whole=whole)
    if any(not coding.coder for coding in settled.codings) or any(not who for _, who in settled.notes):
        raise InputError(file, "does not say who coded", "say it with --coder")
    if taken := [coding.coder for coding in settled.codings if coding.coder in _NOBODY]:
        raise InputError(file, f"is coded by {taken[0]!r}, which is no person's name", "say who coded with --coder")
    return settled


class Gold(NamedTuple):
    """The tables of a project's folder of coded passages that a review adds to."""

    passages: list[GoldPassage]
    tags: list[PassageTag]
    reads: list[GoldRead]
    notes: list[GoldNote]
    sources: list[GoldSource]
    seen: list[GoldSeen]


def add_review(
    gold: Gold,
    settled: Settled,
    pack: Pack,
    codebook: Codebook,
    suspects: Callable[[str, Access, str], Sequence[str]],
) -> tuple[Gold, list[ReviewRow]]:
    """The tables with a review added, and its rows, with those that stood there already told.

    Parameters
    ----------
    suspects
        What in a note on a passage of an access and a document may point to a person.
    """
    passages = {passage.passage_id: passage for passage in gold.passages}
    access = {document.document_id: document.access for document in pack.documents}
    access_to = {p.passage_id: strictest(access[p.document_id], p.access) for p in pack.passages}
    source_of = {passage.passage_id: passage.document_id for passage in pack.passages}
    text_of = {passage.passage_id: passage.text for passage in pack.passages}
    tags: dict[tuple[str, str], list[PassageTag]] = {}
    for tag in gold.tags:
        tags.setdefault((tag.passage_id, tag.coder), []).append(tag)
    reads = {(read.passage_id, read.coder) for read in gold.reads if read.task == "codes"}
    rows, known = list(settled.rows), {key_of(note) for note in gold.notes}
    new = Gold([], [], [], [], [], [])
    orphans: set[tuple[str, str]] = set()

    def gold_id(own: str) -> str:
        for name in (own, f"{own}@{text_sha256(text_of[own])[:8]}"):
            if name not in passages or passages[name].text == text_of[own]:
                break
        if name not in passages:
            passages[name] = GoldPassage(
                passage_id=name, source=source_of[own], kind=REVIEWED, restates="", provenance=PERSON, text=text_of[own]
            )
            new.passages.append(passages[name])
        return name

    for coding in settled.codings:
        for own, codes in coding.codes.items():
            at = (gold_id(own), coding.coder)
            if at in reads:
                before = {tag.code: tag.stance for tag in tags.get(at, []) if tag.code in codebook.names}
                rows = [
                    _before(row, before == codes, before) if _tells(row, own, coding.coder) else row for row in rows
                ]
                continue
            orphans.add(at)  # tags without a read are left from a run that was cut off
            new.reads.append(GoldRead(passage_id=at[0], coder=coding.coder, task="codes"))
            by, drawn = settled.seen.get((own, coding.coder), ("" if pack.blind else pack.coder, False))
            new.seen.append(GoldSeen(passage_id=at[0], coder=coding.coder, suggested_by=by, drawn=drawn))
            new.tags.extend(
                PassageTag(passage_id=at[0], code=code, coder=coding.coder, stance=stance, score=None)
                for code, stance in codes.items()
            )
    for (own, coder), notes in settled.notes.items():
        for note in notes:
            if found := suspects(note, access_to[own], source_of[own]):
                said = f"the note holds {', '.join(map(repr, found[:5]))}, which may point to a person: it is not stored; write it without"
                rows.append(_row(settled, own, coder, said))
            elif (record := GoldNote(passage_id=gold_id(own), coder=coder, note=note)) and key_of(record) not in known:
                new.notes.append(record)
    there = {source.source for source in gold.sources}
    used = {passage.source for passage in new.passages} - there
    new.sources.extend(GoldSource(source=name, access=access[name]) for name in sorted(used))
    merged = Gold(
        gold.passages + new.passages,
        [tag for tag in gold.tags if (tag.passage_id, tag.coder) not in orphans] + new.tags,
        gold.reads + new.reads,
        gold.notes + new.notes,
        gold.sources + new.sources,
        [row for row in gold.seen if (row.passage_id, row.coder) not in orphans] + new.seen,
    )
    return merged, rows


def _tells(row: ReviewRow, own: str, coder: str) -> bool:
    return row.passage_id == own and row.coder == coder and row.outcome in _TAKEN


def _before(row: ReviewRow, same: bool, before: Mapping[str, str]) -> ReviewRow:
    if same:
        return row.model_copy(update={"outcome": "there already", "detail": "the same as before"})
    told = ", ".join(f"{code} ({stance})" for code, stance in before.items()) or "no code"
    remedy = "to store this reading too, review it under another name, such as NAME-2"
    said = f"{row.coder} has coded it before ({told}), which stays; now: {row.detail}; {remedy}"
    return row.model_copy(update={"outcome": "not taken", "detail": said})


def _row(settled: Settled, own: str, coder: str, detail: str) -> ReviewRow:
    file = settled.rows[0].file if settled.rows else ""
    place = next((row.place for row in settled.rows if row.passage_id == own), "note")
    return ReviewRow(file=file, place=place, passage_id=own, coder=coder, outcome="not taken", detail=detail, text="")


def load_tables(folder: Path) -> Gold:
    """The tables of a folder of coded passages; notes, sources and what was seen may be missing."""
    return Gold(
        read_jsonl(folder / "passages.jsonl", GoldPassage),
        read_jsonl(folder / "tags.jsonl", PassageTag),
        read_jsonl(folder / "reads.jsonl", GoldRead),
        read_jsonl(folder / "notes.jsonl", GoldNote) if (folder / "notes.jsonl").exists() else [],
        read_jsonl(folder / "sources.jsonl", GoldSource) if (folder / "sources.jsonl").exists() else [],
        read_jsonl(folder / "seen.jsonl", GoldSeen) if (folder / "seen.jsonl").exists() else [],
    )


def write_tables(folder: Path, before: Gold, after: Gold) -> None:
    """Write those tables that have grown; reads last, since a passage counts as coded only when its read is there."""
    if after.sources != before.sources:
        write_jsonl(folder / "sources.jsonl", after.sources, GoldSource)
    if after.passages != before.passages:
        write_jsonl(folder / "passages.jsonl", after.passages, GoldPassage)
    if after.notes != before.notes:
        write_jsonl(folder / "notes.jsonl", after.notes, GoldNote)
    if after.seen != before.seen:
        write_jsonl(folder / "seen.jsonl", after.seen, GoldSeen)
    if after.tags != before.tags:
        write_jsonl(folder / "tags.jsonl", after.tags, PassageTag)
    if after.reads != before.reads:
        write_jsonl(folder / "reads.jsonl", after.reads, GoldRead)


def review_files(
    files: Sequence[Path],
    project: Path,
    codebook: Codebook,
    *,
    coder: str = "",
    pack: Path | None = None,
    whole: bool = False,
    dry_run: bool = False,
    wait: float = 0.0,
) -> tuple[list[ReviewRow], list[InputError]]:
    """Read files back and store what they say, all of it or, with `dry_run`, none; the rows, and the files that could not be read.

    Before anything is stored, the run's tables are kept aside, so that `collabnlp diff` can say after
    the next run what the review changed.

    Parameters
    ----------
    wait
        Seconds to wait for a review that is being stored.
    """
    folder, check = project / "corpus" / "gold", load_check(project)
    rows: list[ReviewRow] = []
    failures: list[InputError] = []
    with locked(folder, STORING, wait=wait):
        before = after = load_tables(folder)
        for file in files:
            try:
                if file.suffix == ".jsonl" and file.is_file() and is_journal(file):
                    settled, own = read_journal(file, project, codebook, coder)
                else:
                    own = find_pack(file, pack)
                    settled = read_review(file, own, codebook, coder=coder, whole=whole)
                after, told = add_review(after, settled, own, codebook, check.suspects)
                rows += told
            except InputError as error:
                failures.append(error)
        if not dry_run and after != before:
            with contextlib.suppress(InputError):  # before the first run there is nothing to compare with
                keep_run(project)
            write_tables(folder, before, after)
    return rows, failures


def recode_project(project: Path, file: Path, told: Sequence[str], *, dry_run: bool = False) -> list[RecodedRow]:
    """Take over the codebook of a file (.qdc, .yaml) and carry the project's codings over; what became of them.

    Raises
    ------
    InputError
        Where the file is no codebook, or a change names a code that is not there.
    """
    path, folder = project / "corpus" / "codebook.yaml", project / "corpus" / "gold"
    old = load_codebook(path)
    new = load_codebook(file) if file.suffix.lower() in (".yaml", ".yml") else take_codes(old, read_qdc(file), file)
    changes = parse_changes(told, old, new, file)
    with locked(folder, STORING):
        before = load_tables(folder)
        texts = {passage.passage_id: passage.text for passage in before.passages}
        added, rows = carry_over(before.tags, texts, old, new, changes)
        if not dry_run:
            write_tables(folder, before, before._replace(tags=before.tags + added))
            write_codebook(path, new)  # last: tags of codes that no codebook holds yet do no harm
    return rows
