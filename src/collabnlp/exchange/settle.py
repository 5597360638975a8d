"""Marks find their passages again and become codings; what cannot be placed, or is contradictory, is a row with its reason.

A file that comes back may have been sorted, cut, retyped or saved by another program.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from collabnlp.codebook import Codebook
from collabnlp.exchange.marks import Mark
from collabnlp.exchange.pack import Pack
from collabnlp.records import ReviewRow, Stance
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.scoring import Coding, bare_text

SAME = 0.6  # likeness from which a text is its passage, edited
FOUND = 0.85  # likeness from which a text without an id is a passage
REFUSED: Collection[str] = ("not placed", "not taken")
_CELL = 32_000  # characters of a passage that fit into a cell


class Settled(NamedTuple):
    """What marks come to: codings by coder, notes by (passage id, coder), and a row for everything that a person should know.

    `seen` holds, where a file knows it, by (passage id, coder) the model version whose suggestions
    the coder saw and whether the passage came by chance.
    """

    codings: list[Coding]
    notes: dict[tuple[str, str], list[str]]
    rows: list[ReviewRow]
    seen: Mapping[tuple[str, str], tuple[str, bool]] = {}


class _Places:
    """Finds the passages of a pack by id, by text and by position."""

    def __init__(self, pack: Pack) -> None:
        self.passages = {passage.passage_id: passage for passage in pack.passages}
        self._bare = {own: bare_text(passage.text) for own, passage in self.passages.items()}
        self._words = {own: set(passage.text.casefold().split()) for own, passage in self.passages.items()}
        self._by_bare: dict[str, list[str]] = defaultdict(list)
        for own, bare in self._bare.items():
            self._by_bare[bare].append(own)

    def find(self, mark: Mark) -> tuple[list[str], str]:
        """Ids of a mark's passages, and what is doubtful about it; none with the reason where it cannot be placed."""
        if mark.span is not None:
            return self._at(*mark.span)
        own, text = mark.passage_id, mark.text
        if own in self.passages:
            if not text.strip():
                return [own], ""
            if self._same(own, text):
                return [own], ""
            if self._likeness(own, text) >= SAME:
                return [own], "the text was changed; taken by its id"
            if self._by_text(text):
                return [], "the id is of one passage and the text of another: was only a part of the table sorted?"
            return [], "the text is not that of the passage with its id"
        if not text.strip():
            return (
                [],
                f"the id {own!r} is none of the pack's, and there is no text" if own else "has neither id nor text",
            )
        found = self._by_text(text)
        if len(found) == 1:
            return found, "" if own == "" and self._same(found[0], text) else "found by its text"
        if found:
            return [], f"the text stands in {len(found)} passages, and there is no id to tell them apart"
        return [], "the text is none of the pack's"

    def _same(self, own: str, text: str) -> bool:
        bare = bare_text(text)
        return bare == self._bare[own] or (len(text) >= _CELL and self._bare[own].startswith(bare))

    def _likeness(self, own: str, text: str) -> float:
        return difflib.SequenceMatcher(None, text.split(), self.passages[own].text.split(), autojunk=False).ratio()

    def _by_text(self, text: str) -> list[str]:
        """Passages of just this text; else those that hold it; else the one that is most like it, if it is like enough."""
        bare = bare_text(text)
        if bare in self._by_bare:
            return self._by_bare[bare]
        if len(bare) >= 20 and (held := [own for own, other in self._bare.items() if bare in other]):
            return held
        words = set(text.casefold().split())
        near = sorted(
            self._words, key=lambda own: (-len(words & self._words[own]) / len(words | self._words[own]), own)
        )
        ranked = sorted(((self._likeness(own, text), own) for own in near[:5]), reverse=True)
        if not ranked or ranked[0][0] < FOUND:
            return []
        return [ranked[0][1]] if len(ranked) == 1 or ranked[1][0] < ranked[0][0] - 0.05 else [o for _, o in ranked[:2]]

    def _at(self, document_id: str, start: int, end: int) -> tuple[list[str], str]:
        found, exact = [], False
        for passage in self.passages.values():
            shared = min(end, passage.end_char) - max(start, passage.start_char)
            if passage.document_id != document_id or shared <= 0:
                continue
            length = passage.end_char - passage.start_char
            if 2 * shared >= min(length, end - start):
                found.append(passage.passage_id)
                exact = exact or (start, end) == (passage.start_char, passage.end_char)
        if not found:
            return [], f"characters {start} to {end} of {document_id} are in no passage"
        if exact:
            return found, ""
        return found, f"characters {start} to {end} are not just a passage; counted for {', '.join(found)}"


def settle(marks: Sequence[Mark], pack: Pack, codebook: Codebook, *, file: str, coder: str, whole: bool) -> Settled:
    """What the marks of a file come to.

    Parameters
    ----------
    file
        Its name, for the rows.
    coder
        Who made the marks that name nobody, and those of a file that names one person only.
    whole
        The coder read every passage that the file holds: what was left as it was is taken as agreed.

    Returns
    -------
    Settled
        A passage that was read and left without a code has empty codes. A passage of which marks
        contradict each other, or one mark cannot be taken, is left out as a whole.
    """
    rows: list[ReviewRow] = []

    def tell(outcome: Any, place: str, detail: str, own: str = "", who: str = "", text: str = "") -> None:
        rows.append(
            ReviewRow(file=file, place=place, passage_id=own, coder=who, outcome=outcome, detail=detail, text=text)
        )

    named = {mark.coder for mark in marks if mark.coder}
    places, gathered = _Places(pack), defaultdict[tuple[str, str], list[Mark]](list)
    for mark in marks:
        if not mark.read and not mark.note and not mark.problem and not whole:
            continue
        found, doubt = places.find(mark)
        who = coder if coder and len(named) < 2 else mark.coder or coder
        if not found:
            tell("not placed", mark.place, mark.problem or doubt, mark.passage_id, who, mark.text)
        elif doubt:
            tell("doubtful", mark.place, doubt, found[0], who, mark.text)
        for own in found:
            if mark.read or mark.note or mark.problem or places.passages[own].speaker != INTERVIEWER:
                gathered[own, who].append(mark)
    suggested, order = pack.suggested(), {p.passage_id: i for i, p in enumerate(pack.passages)}
    codings: dict[str, Coding] = {}
    notes: dict[tuple[str, str], list[str]] = {}
    for (own, who), own_marks in sorted(gathered.items(), key=lambda item: (item[0][1], order[item[0][0]])):
        place, text = ", ".join(dict.fromkeys(mark.place for mark in own_marks)), places.passages[own].text
        if said := list(dict.fromkeys(mark.note.strip() for mark in own_marks if mark.note.strip())):
            notes[own, who] = said
        problems = [mark.problem for mark in own_marks if mark.problem]
        if not problems and not whole and not any(mark.read for mark in own_marks):
            tell("noted", place, "a note without a decision: the passage does not count as read", own, who)
            continue
        try:
            if problems:
                raise _ContradictionError("; ".join(problems))
            given = _decide([m for m in own_marks if m.read or whole], suggested[own], codebook)
        except _ContradictionError as contradiction:
            tell("not taken", place, str(contradiction), own, who, text)
            continue
        coding = codings.setdefault(who, Coding(who, {}, {}))
        coding.texts[own], coding.codes[own] = text, given
        outcome = "coded" if pack.blind else "as suggested" if given == suggested[own] else "changed"
        tell(outcome, place, _difference(given, {} if pack.blind else suggested[own]), own, who)
    return Settled(list(codings.values()), notes, rows)


class _ContradictionError(ValueError):
    """Marks of one passage that cannot all hold."""


def _decide(marks: Sequence[Mark], suggested: Mapping[str, Stance], codebook: Codebook) -> dict[str, Stance]:
    """Codes and stances, in the codebook's order, that marks of one passage leave and give."""
    kept = {frozenset(mark.keep) for mark in marks if mark.keep is not None}
    if len(kept) > 1:
        raise _ContradictionError("two rows of the passage accept different codes")
    dropped = {code for mark in marks for code in mark.drop}
    added: dict[str, Stance] = {}
    for mark in marks:
        for code, said in mark.add:
            stance = said or suggested.get(code) or codebook[code].default_stance
            if added.setdefault(code, stance) != stance:
                raise _ContradictionError(f"{code} is added as {added[code]} and as {stance}")
    if both := dropped & added.keys():
        raise _ContradictionError(f"{', '.join(sorted(both))} is dropped and added")
    start = next(iter(kept)) if kept else frozenset(suggested)
    if kept and (both := dropped & start):
        raise _ContradictionError(f"{', '.join(sorted(both))} is accepted and dropped")
    given = {code: suggested.get(code) or codebook[code].default_stance for code in start if code not in dropped}
    given.update(added)
    return {code: given[code] for code in codebook.names if code in given}


def _difference(given: Mapping[str, Stance], suggested: Mapping[str, Stance]) -> str:
    parts = [("kept", [c for c in given if suggested.get(c) == given[c]])]
    parts.append(("dropped", [c for c in suggested if c not in given]))
    parts.append(("added", [f"{c} ({s})" for c, s in given.items() if c not in suggested]))
    parts.append(("stance changed", [f"{c} ({s})" for c, s in given.items() if suggested.get(c, s) != s]))
    return "; ".join(f"{what} {', '.join(codes)}" for what, codes in parts if codes) or "no code"
