"""A reviewer's desk: the queue, one passage at a time with what the model suggests, and the journal of what was decided."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from collabnlp.codebook import Codebook
from collabnlp.effort import Progress, count_progress, find_reading, plan_queue, read_queue, unread
from collabnlp.exchange.journal import Decision, Journal, StaleError, check_coder
from collabnlp.exchange.notes import load_check
from collabnlp.gold import REVIEWED, STANCES
from collabnlp.locks import stamps
from collabnlp.records import (
    Access,
    Document,
    GoldPassage,
    GoldRead,
    InputError,
    Passage,
    PassageTag,
    QueueRow,
    ReviewRow,
    Stance,
    access_of,
    read_jsonl,
    write_csv,
)
from collabnlp.review import review_files
from collabnlp.scoring import bare_text
from collabnlp.shelf import Shelf, Suggestion

FOLDER = Path("review")
AROUND = 1  # passages shown before and after


class Task(NamedTuple):
    """One passage as its reviewer sees it.

    Attributes
    ----------
    place, n_places
        Place among the reviewer's passages, from 1, and how many there are.
    drawn
        It came by chance: the model's suggestions are not shown, so that it stands for all.
    suggestions
        Likeliest first; none where the reviewer codes blind.
    version
        Decisions that stand in the journal, to be sent back with the next.
    decision
        What holds; or, with `undone`, what was taken back last.
    handed_in
        The decision is among the coded passages and stays.
    """

    passage: Passage
    document: Document
    access: Access
    before: Sequence[Passage]
    after: Sequence[Passage]
    place: int
    n_places: int
    drawn: bool
    suggestions: Sequence[Suggestion]
    text_mark: str
    version: int
    decision: Decision | None
    undone: bool
    handed_in: bool


def parse_part(said: str) -> tuple[int, int]:
    """A part of a queue as written: the number of the part, and of parts.

    Raises
    ------
    InputError
        Where it is not of this form.

    Examples
    --------
    >>> parse_part("1/2")
    (1, 2)
    """
    own, _, n = said.partition("/")
    if not (own.isdecimal() and n.isdecimal() and 1 <= int(own) <= int(n)):
        raise InputError("--part", f"{said!r} is no part of a queue", "write 1/2 for the first of two")
    return int(own), int(n)


class NotTakenError(ValueError):
    """What was sent cannot be stored; the text says why, as the reviewer may read it."""


class _Coded(NamedTuple):
    """Coded passages of the kind `reviewed`."""

    passages: list[GoldPassage]
    reads: list[GoldRead]
    tags: list[PassageTag]


def _same(passages: Sequence[Passage], coded: Sequence[GoldPassage]) -> dict[str, str]:
    """By id of a passage: the coded passage of the same document and text, the one of its own id before others."""
    waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in coded:
        waiting[row.source, bare_text(row.text)].append(row.passage_id)
    found: dict[str, str] = {}
    left = []
    for passage in passages:
        own, there = passage.passage_id, waiting.get((passage.document_id, bare_text(passage.text)), [])
        if named := next((name for name in there if name.partition("@")[0] == own), None):
            there.remove(named)
            found[own] = named
        elif there:
            left.append((own, there))
    found.update((own, there.pop(0)) for own, there in left if there)
    return found


class Desk:
    """Where one reviewer codes.

    Parameters
    ----------
    project
        The project's folder, after `dvc repro`.
    coder
        The reviewer's name.
    queue
        The reading queue; planned and written where there is none. None: review/queue.csv of the project.
    part
        Which part of the queue, of how many, where reviewers share it: (1, 2) is the first half, dealt
        out passage by passage.
    blind
        Show no suggestions.

    Raises
    ------
    InputError
        Where the name will not do, a table is missing, or nothing is left to read.
    """

    def __init__(
        self,
        project: str | Path,
        coder: str,
        *,
        queue: Path | None = None,
        part: tuple[int, int] = (1, 1),
        blind: bool = False,
    ) -> None:
        self.project, self.coder, self.blind, self.part = Path(project), check_coder(coder), blind, part
        self.queue_path = queue or self.project / FOLDER / "queue.csv"
        self.lock = threading.RLock()
        self._stamps: dict[str, object] = {}
        self._take_shelf()
        if not self.queue_path.exists():
            write_csv(self.queue_path, plan_queue(self.project, self.shelf.codebook), QueueRow)
        self.queue = read_queue(self.queue_path)
        name = "-".join(self.coder.split())
        self.journal_path = self.project / FOLDER / f"{name}.jsonl"
        self.journal = Journal(self.journal_path, self.coder)
        self._take_coded()

    # What stands on disk; another process may change it

    def _take_shelf(self) -> bool:
        """Read what the last run wrote, where it is another; whether it is."""
        outputs, model = self.project / "outputs", self.project / "models" / "classifier"
        stamp = stamps(outputs / "readings.parquet", model / "weights.safetensors")
        if stamp == self._stamps.get("shelf"):
            return False
        self.shelf = Shelf(self.project)
        self._stamps["shelf"] = stamp
        return True

    def _take_coded(self, *, anew: bool = False) -> None:
        folder = self.project / "corpus" / "gold"
        stamp = stamps(folder / "reads.jsonl")
        if stamp != self._stamps.get("coded"):
            passages = [p for p in read_jsonl(folder / "passages.jsonl", GoldPassage) if p.kind == REVIEWED]
            own = {passage.passage_id for passage in passages}
            self.coded = _Coded(
                passages,
                [r for r in read_jsonl(folder / "reads.jsonl", GoldRead) if r.passage_id in own],
                [t for t in read_jsonl(folder / "tags.jsonl", PassageTag) if t.passage_id in own],
            )
            self._stamps["coded"] = stamp
        elif not anew:
            return
        mine = {read.passage_id for read in self.coded.reads if read.coder == self.coder}
        self._handed_in = _same(self.shelf.passages, [p for p in self.coded.passages if p.passage_id in mine])

    def refresh(self) -> None:
        """Take up what changed on disk.

        Raises
        ------
        InputError
            Where it cannot be read, as during a run.
        """
        with self.lock:
            self._take_coded(anew=self._take_shelf())
            self.journal.refresh()

    # The queue

    def rows(self) -> list[QueueRow]:
        """The reviewer's part of the queue; those by chance are dealt out apart, so that each has a share of them."""
        there = [row for row in self.queue if row.passage_id in self.shelf.at]
        (own, n), count = self.part, {True: 0, False: 0}
        mine = []
        for row in there:
            if count[row.drawn] % n == own - 1:
                mine.append(row)
            count[row.drawn] += 1
        return mine

    def is_handed_in(self, passage: Passage) -> bool:
        """Whether the reviewer's reading of a passage is among the coded passages."""
        return passage.passage_id in self._handed_in

    def decision(self, passage_id: str) -> Decision | None:
        """What the reviewer decided on a passage as it reads now."""
        return self.journal.current(passage_id, self.shelf.marks[passage_id])

    def is_open(self, passage_id: str) -> bool:
        """Whether the reviewer has still to decide on a passage."""
        return not self.is_handed_in(self._passage(passage_id)) and self.decision(passage_id) is None

    def next_id(self, after: str = "") -> str | None:
        """The first passage of the queue that is open, behind another one if wanted; None where all is done."""
        ids = [row.passage_id for row in self.rows()]
        start = ids.index(after) + 1 if after in ids else 0
        return next((own for own in ids[start:] + ids[:start] if own != after and self.is_open(own)), None) or (
            after if after in ids and self.is_open(after) else None
        )

    def last(self) -> Decision | None:
        """The last decision that may still be taken back."""
        mine = [d for d in self.journal.decisions() if d.passage_id in self.shelf.at]
        return next((d for d in reversed(mine) if not self.is_handed_in(self._passage(d.passage_id))), None)

    def waiting(self) -> list[Decision]:
        """Decisions that are not handed in, in their order."""
        return [
            d
            for d in self.journal.decisions()
            if d.passage_id not in self.shelf.at or not self.is_handed_in(self._passage(d.passage_id))
        ]

    def _passage(self, passage_id: str) -> Passage:
        return self.shelf.passages[self.shelf.at[passage_id]]

    def task(self, passage_id: str) -> Task | None:
        """A passage of the queue, with all that belongs to it; None where it is not in the reviewer's part."""
        rows = self.rows()
        place = next((i for i, row in enumerate(rows) if row.passage_id == passage_id), None)
        if place is None:
            return None
        shelf, row = self.shelf, rows[place]
        at, passage = shelf.at[passage_id], self._passage(passage_id)
        own = [p for p in shelf.passages[max(0, at - AROUND) : at + AROUND + 1] if p.document_id == passage.document_id]
        here, document = own.index(passage), shelf.documents[passage.document_id]
        mark = shelf.marks[passage_id]
        history, holds = self.journal.history(passage_id, mark), self.journal.current(passage_id, mark)
        undone = next((d for d in reversed(history) if d.codes is not None), None) if holds is None else None
        return Task(
            passage=passage,
            document=document,
            access=access_of(passage, document),
            before=own[:here],
            after=own[here + 1 :],
            place=place + 1,
            n_places=len(rows),
            drawn=row.drawn,
            suggestions=() if self.blind or row.drawn else shelf.suggest(passage_id),
            text_mark=mark,
            version=len(history),
            decision=holds or undone,
            undone=undone is not None,
            handed_in=self.is_handed_in(passage),
        )

    # What the reviewer does

    def save(self, passage_id: str, text: str, version: int, codes: Mapping[str, str], note: str) -> bool:
        """Write a decision into the journal; false where it stood there already.

        Parameters
        ----------
        text, version
            As the task gave them.
        codes
            Stance by code.

        Raises
        ------
        NotTakenError
            Where it cannot be stored; nothing was.
        """
        row = next((row for row in self.rows() if row.passage_id == passage_id), None)
        if row is None or text != self.shelf.marks[passage_id]:
            raise NotTakenError(
                "The passage reads otherwise since the last run. Look at it as it is now, and save again."
            )
        passage, names = self._passage(passage_id), self.shelf.codebook.names
        if self.is_handed_in(passage):
            raise NotTakenError(f"You have handed this passage in, and that reading stays. To read it a second time, start the server as {self.coder}-2.")  # fmt: skip
        if bad := [code for code, stance in codes.items() if code not in names or stance not in STANCES]:
            raise NotTakenError(f"“{bad[0][:50]}” is no code with a stance. Choose from the codes below.")
        note = "\n".join(line.rstrip() for line in note.splitlines()).strip()
        access = access_of(passage, self.shelf.documents[passage.document_id])
        if note and (found := load_check(self.project).suspects(note, access, passage.document_id)):
            told = ", ".join(f"“{word}”" for word in found[:5])
            raise NotTakenError(f"The note holds {told}, which may point to a person. Nothing was saved: write the note without it.")  # fmt: skip
        given: dict[str, Stance] = {name: codes[name] for name in names if name in codes}  # type: ignore[misc]
        suggested_by = "" if self.blind or row.drawn else self.shelf.classifier.coder
        try:
            return self.journal.put(
                passage_id, text, version, given, note=note, drawn=row.drawn, suggested_by=suggested_by
            )
        except StaleError:
            raise NotTakenError("You have decided on this passage in another window since. Compare, and save again.") from None  # fmt: skip

    def undo(self, passage_id: str, text: str, version: int) -> bool:
        """Take a decision back; false where it is not there any more.

        Raises
        ------
        NotTakenError
            Where it was handed in.
        """
        if passage_id in self.shelf.at and self.is_handed_in(self._passage(passage_id)):
            raise NotTakenError("This passage was handed in, and that reading stays.")
        try:
            return self.journal.put(passage_id, text, version, None)
        except StaleError:
            return False

    def hand_in(self) -> tuple[list[ReviewRow], list[InputError]]:
        """Put the decisions among the coded passages of the project, as `collabnlp review` does; what became of each."""
        if not self.journal_path.exists():
            return [], []
        done = review_files([self.journal_path], self.project, self.shelf.codebook, coder=self.coder, wait=20.0)
        self._take_coded()
        return done

    # How much is left

    def progress(self) -> Progress:
        """How far the reading of the whole queue has come, decisions of all reviewers' journals counted."""
        passages, coded = self.shelf.passages, self._with_journals()
        reading = find_reading(passages, *coded, self.codebook)
        left = [self.shelf.at[own] for own in unread(reading, self.queue)]
        return count_progress(reading, self.queue, self.codebook, self.shelf.scores[left].sum(axis=0))

    @property
    def codebook(self) -> Codebook:
        """The project's codebook."""
        return self.shelf.codebook

    def _with_journals(self) -> _Coded:
        """The coded passages and what stands in journals beside them."""
        name_of = _same(self.shelf.passages, self.coded.passages)
        coded = self.coded
        passages, reads, tags = list(coded.passages), list(coded.reads), list(coded.tags)
        there = {(read.passage_id, read.coder) for read in reads}
        for path in sorted((self.project / FOLDER).glob("*.jsonl")):
            journal = self.journal if path == self.journal_path else Journal(path)
            for decision in journal.decisions():
                own = decision.passage_id
                if own not in self.shelf.at or decision.text != self.shelf.marks[own]:
                    continue
                passage = self._passage(own)
                if own not in name_of:
                    name_of[own] = f"waiting:{own}"
                    passages.append(
                        GoldPassage(
                            passage_id=name_of[own],
                            source=passage.document_id,
                            kind=REVIEWED,
                            restates="",
                            provenance="person",
                            text=passage.text,
                        )
                    )
                if (name_of[own], decision.coder) in there:
                    continue
                there.add((name_of[own], decision.coder))
                reads.append(GoldRead(passage_id=name_of[own], coder=decision.coder, task="codes"))
                for code, stance in (decision.codes or {}).items():
                    tags.append(
                        PassageTag(passage_id=name_of[own], code=code, coder=decision.coder, stance=stance, score=None)
                    )
        return _Coded(passages, reads, tags)
