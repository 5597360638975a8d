"""What leaves for reviewers and what comes back: a tagging pack, and what files say of its passages.

A file that comes back may have been sorted, cut, retyped or saved by another program. Each format's
reader turns it into `Mark`s; here marks find their passages again and become codings. What cannot
be placed, or is contradictory, is a row with its reason.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from collabnlp.codebook import Codebook
from collabnlp.records import Access, Passage, PassageTag, ReviewRow, Stance, TagReason
from collabnlp.release import INTERVIEWER
from collabnlp.scoring import Coding, bare_text

MARKED = "Not for attribution: the text is pseudonymised. Do not pass it on, and write no names into it."
SAME = 0.6  # likeness from which a text is its passage, edited
FOUND = 0.85  # likeness from which a text without an id is a passage
LIKELY = 0.05  # score from which a code that is not suggested is named as likely
_CELL = 32_000  # characters of a passage that fit into a cell


class PackedDocument(NamedTuple):
    """A document of a pack; `text` is what its passages are slices of, never the file."""

    document_id: str
    name: str
    access: Access
    text: str


class Pack(NamedTuple):
    """Passages for people to code, with what the model suggests.

    Attributes
    ----------
    coder
        The model version that suggests.
    blind
        Whether suggestions are left out; `tags`, `reasons` and `likely` are empty then.
    likely
        By passage id: codes that the model finds likely without giving them, with their scores.
    """

    coder: str
    blind: bool
    documents: tuple[PackedDocument, ...]
    passages: tuple[Passage, ...]
    tags: tuple[PassageTag, ...] = ()
    reasons: tuple[TagReason, ...] = ()
    likely: Mapping[str, tuple[tuple[str, float], ...]] = {}

    def suggested(self) -> dict[str, dict[str, Stance]]:
        """Codes and stances that the model suggests, by passage id."""
        found: dict[str, dict[str, Stance]] = {passage.passage_id: {} for passage in self.passages}
        for tag in self.tags:
            if tag.coder == self.coder:
                found[tag.passage_id][tag.code] = tag.stance
        return found

    def coding(self) -> Coding:
        """The model as a coder who read every passage that can be coded."""
        suggested = self.suggested()
        texts = {p.passage_id: p.text for p in self.passages if p.speaker != INTERVIEWER}
        return Coding(self.coder, texts, {own: suggested[own] for own in texts})


def pack_tagged(
    documents: Sequence[PackedDocument],
    passages: Sequence[Passage],
    lines: Iterable[Mapping[str, Any]],
    coder: str,
    *,
    blind: bool = False,
) -> Pack:
    """A pack of passages and of what the tagger says of them, as `Tagger.tag_passages` gives it."""
    if blind:
        return Pack(coder, True, tuple(documents), tuple(passages))
    tags, reasons, likely = [], [], {}
    for line in lines:
        own = line["passage_id"]
        for tag in line["tags"]:
            stance, score, review, why = (tag[name] for name in ("stance", "score", "review", "reasons"))
            tags.append(
                PassageTag(passage_id=own, code=tag["code"], coder=coder, stance=stance, score=score, review=review)
            )
            reasons.append(
                TagReason(
                    passage_id=own,
                    code=tag["code"],
                    coder=coder,
                    start_char=why["start_char"],
                    end_char=why["end_char"],
                    sentence=why["sentence"],
                    terms=tuple(why["terms"]),
                    nearest=tuple(near["passage_id"] for near in why["nearest"]),
                )
            )
        given = {tag["code"] for tag in line["tags"]}
        near = [(s["code"], s["score"]) for s in line["suggestions"] if s["score"] >= LIKELY]
        likely[own] = tuple(pair for pair in near if pair[0] not in given)
    return Pack(coder, False, tuple(documents), tuple(passages), tuple(tags), tuple(reasons), likely)


class Mark(NamedTuple):
    """What one place of a file says of one passage.

    Attributes
    ----------
    place
        Where in the file, for a person: row 12, comment 3.
    passage_id, text
        As they stand in the file; empty where it has none.
    span
        Document id, first code point and the one after the last, where the file counts in documents.
    coder
        Who says it, where the file knows.
    read
        Whether it shows that somebody read the passage; false for what was left as it was.
    keep
        Suggested codes that stay; None: all but those in `drop`.
    drop, add
        Codes taken away and given; a stance of None is the code's usual one.
    note
        What the coder wrote beside it.
    problem
        Why it cannot be taken.
    """

    place: str
    passage_id: str = ""
    text: str = ""
    span: tuple[str, int, int] | None = None
    coder: str = ""
    read: bool = True
    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    add: tuple[tuple[str, Stance | None], ...] = ()
    note: str = ""
    problem: str = ""


class Settled(NamedTuple):
    """What marks come to: codings by coder, notes by (passage id, coder), and a row for everything that a person should know."""

    codings: list[Coding]
    notes: dict[tuple[str, str], list[str]]
    rows: list[ReviewRow]


class UnknownCodeError(ValueError):
    """A name that is no code, or a stance that is none; its text says which."""


_STANCED = re.compile(
    rf"(.+?)\s*(?:[=:,]\s*|\s[-–]\s+|[(\[]\s*|\s)({'|'.join(get_args(Stance))})\b[^\n]*", re.IGNORECASE
)


def parse_code(said: str, codebook: Codebook) -> tuple[str, Stance | None]:
    """Code and stance of what a person wrote, by machine name or title; the stance is None where none is written.

    Raises
    ------
    UnknownCodeError
        Where it is no code of the codebook.

    Examples
    --------
    >>> from pathlib import Path
    >>> from collabnlp.codebook import load_codebook
    >>> book = load_codebook(Path(__file__).parents[2] / "corpus" / "codebook.yaml")
    >>> parse_code("Trust (negative, 0.83)", book), parse_code("joint_posts", book)
    (('trust', 'negative'), ('joint_posts', None))
    """
    names = {_folded(name): code.code for code in codebook.codes for name in (code.code, code.title)}
    whole = names.get(_folded(said))
    if whole is not None:
        return whole, None
    match = _STANCED.fullmatch(said.strip())
    if match and _folded(match[1]) in names:
        stance: Any = match[2].lower()
        return names[_folded(match[1])], stance
    raise UnknownCodeError(f"the code {said.strip()!r} is unknown")


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


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


_UNSAFE = re.compile(
    r"(?i)[\w.+-]+@[\w-]+\.[\w.]+|https?://\S+|(?<!\w)@\w+|(?:\+44|\b0)[\d ()-]{8,}\d|\b[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}\b"
)
_CAPITAL = re.compile(r"[^\W\d_](?:[\w'’]|-(?=\w))*")


def suspect_words(note: str, known: str) -> list[str]:
    """What in a note may point to a person: addresses, numbers, and capitalised words that do not stand in `known`.

    A note on an interview that is not for attribution is stored only where this finds nothing. A
    word at the beginning of a sentence passes where `known` has it in small letters.

    Examples
    --------
    >>> suspect_words("Ask Weir about this. The board again?", "the growth Board met again; ask about this")
    ['Weir']
    """
    own = dict.fromkeys(_CAPITAL.findall(known), True)
    found = [match[0] for match in _UNSAFE.finditer(note)]
    for match in _CAPITAL.finditer(note):
        word = re.sub(r"['’]s$", "", match[0])
        opens = re.search(r"(?:^|[.!?:;\n(“\"])\s*$", note[: match.start()]) is not None
        if word[:1].isupper() and word not in own and word != "I" and not (opens and word.lower() in own):
            found.append(word)
    return list(dict.fromkeys(found))


REFUSED: Collection[str] = ("not placed", "not taken")
