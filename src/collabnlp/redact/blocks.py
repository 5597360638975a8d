"""Pseudonyms at the door: what names or finds a person is replaced before anything else sees the text.

For what is not public: names, addresses, numbers, handles. For what is not for attribution,
roles with their organisation and the interviewee's own organisation and place, too. What was
found and what was left comes back as a table, so that a person has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from collabnlp.gazetteer import Gazetteer
from collabnlp.interviewees import Interviewees
from collabnlp.private import Corrections
from collabnlp.records import Access, Block, Finding, strictest
from collabnlp.redact.attribution import mark_access
from collabnlp.redact.lexicon import load_lexicon, plain
from collabnlp.redact.people import Name, find_people
from collabnlp.redact.posts import find_posts, names_heard, paired_bodies
from collabnlp.redact.pseudonyms import Key, identity
from collabnlp.redact.recognisers import find_numbers
from collabnlp.redact.roles import (
    Organisation,
    Own,
    bare_name,
    find_organisations,
    find_roles,
    general_role,
    guess_own,
    own_names,
)
from collabnlp.redact.sightings import Person
from collabnlp.redact.speakers import INTERVIEWER, find_interviewer, interviews, name_in
from collabnlp.redact.tokens import PSEUDONYM, Covered, Mode, mode_of, overall, tokens_of

_SHOWN = {
    "email": "[email]",
    "url": "[url]",
    "handle": "[handle]",
    "phone": "[phone]",
    "postcode": "[postcode]",
    "address": "[address]",
    "ni_number": "[NI number]",
    "nhs_number": "[NHS number]",
    "vehicle": "[vehicle]",
    "number": "[number]",
    "birth_date": "[date of birth]",
    "name": "[name]",
    "place": "[place in the area]",
    "organisation": "[organisation]",
}
_IN = re.compile(
    r"(?i)\b(?:in|around|across|near|outside|inside|within|throughout|to|from|into|through|of|over|beyond|south|north|east|west)\s+(?:the\s+)?$"
)


_KEPT_IN_MIND = ("number", "vehicle", "nhs_number", "ni_number", "phone")


class _Span(NamedTuple):
    start: int
    end: int
    kind: str
    replaced_by: str
    reason: str
    rank: int


class Redacted(NamedTuple):
    """Blocks as they may go on, and what was found and left in each as it was handed in (cut where its access changes)."""

    blocks: list[Block]
    findings: list[Finding]


def redact(
    blocks: Sequence[Block],
    *,
    access: Access | None,
    document_id: str = "document",
    interviewee: Interviewees = Interviewees(),  # noqa: B008  (a tuple: nothing can change it)
    corrections: Corrections = Corrections(),  # noqa: B008
    key: Key | None = None,
    gazetteer: Gazetteer | None = None,
    third_people: Literal["replace", "keep"] = "replace",
) -> Redacted:
    """The blocks under pseudonyms, each with its access, and the findings.

    Parameters
    ----------
    access
        Of the source; None counts as not for attribution. A public one is left as it is, but that
        its interviewer is named so. In an attributable one the speakers keep their names.
    document_id
        Tells people of whom only a part of the name is known from those of other documents.
    interviewee
        Who is interviewed, of what organisations and places; what is missing is guessed.
    corrections
        What a person decided on an earlier run.
    key
        Of the project; without one, pseudonyms are stable within this call only.
    gazetteer
        Tells councils from people, and what kind each is.
    third_people
        Whether people other than the speakers lose their names in an attributable source, too.

    Examples
    --------
    >>> turns = [Block("Ready?", "turn", speaker="Tom Ashdown"), Block("Yes, Tom. I am Ann Weir.", "turn", speaker="Ann Weir")] * 2
    >>> [(b.speaker, b.text) for b in redact(turns, access="non-attributable").blocks][:2]
    [('Interviewer', 'Ready?'), ('Interviewee 1', 'Yes, [Interviewer]. I am [Interviewee 1].')]
    """
    key = key or Key()
    marked = mark_access(blocks, strictest(access))
    found = find_interviewer(blocks)
    speakers = list(dict.fromkeys(block.speaker for block in blocks if block.speaker))
    asking = {speaker for speaker in speakers if speaker == found or interviews(speaker)}
    if strictest(access) == "public" and all(block.access == "public" for block in marked):
        return Redacted(
            [block._replace(speaker=INTERVIEWER) if block.speaker in asking else block for block in marked], []
        )
    labels = {speaker: name_in(speaker) for speaker in speakers}
    shown = {
        s: INTERVIEWER if s in asking else key.pseudonym(identity(document_id, labels[s] or [s]), "Interviewee")
        for s in speakers
        if s in asking or _closed(s, marked)
    }
    texts = [block.text for block in marked]
    usual = overall([tokens_of(text) for text in texts])
    own, guess = _own(marked, asking, interviewee, gazetteer)
    organisations = [find_organisations(text, own, gazetteer, usual) for text in texts]
    known = [
        Person(tuple(map(plain, words)), "interviewer" if s in asking else "speaker")
        for s, words in labels.items()
        if words
    ]
    known += [Person(tuple(plain(name).split()), "speaker") for name in interviewee.people]
    pairs = paired_bodies(texts, usual)
    places = _no_people(organisations, own, gazetteer) | {word for pair in pairs for word in pair.split(" and ")}
    names = find_people(texts, known, places=places)
    borne, heard = (
        _borne(names),
        names_heard(texts) | pairs | {plain(bare_name(o.name)) for some in organisations for o in some},
    )
    label_of = {tuple(map(plain, words)): s for s, words in labels.items() if words}
    numbers = [list(_numbers(text, texts[i - 1] if i else "")) for i, text in enumerate(texts)]
    again = _said_again(texts, numbers)
    result, findings = [], []
    for i, block in enumerate(marked):
        spans = [
            *_corrected(block.text, corrections),
            *numbers[i],
            *_repeated(block.text, again),
            *(_roles(block.text, organisations[i], borne, heard, usual) if block.access == "non-attributable" else ()),
            *(
                _people([n for n in names if n.block == i], block, label_of, asking, key, document_id)
                if block.access != "public"
                else ()
            ),
            *(_own_spans(block.text, organisations[i], own, usual) if block.access == "non-attributable" else ()),
        ]
        if block.access == "public":
            spans = []
        elif block.access == "attributable" and third_people == "keep":
            spans = [span for span in spans if span.rank != 3]
        kept, left = _settled(block.text, spans, corrections)
        findings += [_finding(i, block.text, span) for span in sorted([*kept, *left])]
        text = block.text
        for span in sorted(kept, reverse=True):
            text = text[: span.start] + span.replaced_by + text[span.end :]
        speaker = block.speaker
        if speaker is not None and (block.access == "non-attributable" or speaker in asking):
            speaker = shown[speaker]
        result.append(block._replace(text=text, speaker=speaker))
    return Redacted(result, guess + findings)


def _closed(speaker: str, blocks: Iterable[Block]) -> bool:
    return any(block.speaker == speaker and block.access == "non-attributable" for block in blocks)


def _own(
    blocks: Sequence[Block], asking: set[str], interviewee: Interviewees, gazetteer: Gazetteer | None
) -> tuple[Own, list[Finding]]:
    """The interviewee's own organisations and places, and a finding that says what was guessed."""
    if interviewee.organisations:
        return own_names(interviewee.organisations, interviewee.places, gazetteer), []
    answers = [i for i, block in enumerate(blocks) if block.speaker and block.speaker not in asking]
    labels = dict.fromkeys(block.speaker for i in answers if (block := blocks[i]).speaker)
    guessed, why = guess_own([block.text for block in blocks], filter(None, labels), gazetteer, answers[:2])
    own = own_names(guessed, interviewee.places, gazetteer)
    return own, [
        Finding(
            block=-1,
            start_char=0,
            end_char=0,
            text=name,
            kind="own_organisation",
            action="guessed",
            replaced_by="",
            reason=f"taken for the interviewee's own: {why}",
        )
        for name in guessed
    ]


def _no_people(organisations: list[list[Organisation]], own: Own, gazetteer: Gazetteer | None) -> frozenset[str]:
    words = {plain(name) for found in organisations for o in found for name in (o.name, bare_name(o.name))} | own.plain
    lexicon = load_lexicon()
    parts = {part for name in words if " " in name for part in name.split()}
    words |= {
        part for part in parts if not any(part in known for known in (lexicon.given, lexicon.surnames, lexicon.words))
    }
    if gazetteer is not None:
        words |= {plain(alias) for alias, (form, _) in gazetteer.aliases.items() if form != "full"}
    return frozenset(words)


def _corrected(text: str, corrections: Corrections) -> Iterable[_Span]:
    for wanted, kind in corrections.always:
        words = r"\s+".join(map(re.escape, wanted.split()))
        for match in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.I):
            yield _Span(match.start(), match.end(), kind or "name", _SHOWN.get(kind, "[name]"), "always.csv", 0)


def _numbers(text: str, before: str) -> Iterable[_Span]:
    masked = PSEUDONYM.sub(lambda match: "\0" * len(match.group()), text)
    for found in find_numbers(masked, before):
        yield _Span(found.start, found.end, found.kind, _SHOWN[found.kind], found.reason, 1)


def _said_again(texts: Sequence[str], numbers: Sequence[Sequence[_Span]]) -> dict[str, str]:
    """Numbers and addresses of people in a document, with their kinds: they are such wherever they stand, be there no word to tell it."""
    said = {
        texts[i][s.start : s.end]: s.kind for i, spans in enumerate(numbers) for s in spans if s.kind in _KEPT_IN_MIND
    }
    return {code: kind for code, kind in said.items() if len(code) > 5 and sum(map(str.isdigit, code)) > 2}


def _repeated(text: str, again: dict[str, str]) -> Iterable[_Span]:
    for code, kind in again.items():
        words = r"\s+".join(map(re.escape, code.split()))
        for match in re.finditer(rf"(?<![\w-]){words}(?![\w-])", text):
            yield _Span(match.start(), match.end(), kind, _SHOWN[kind], "the same as elsewhere in the document", 1)


def _borne(names: Iterable[Name]) -> frozenset[str]:
    """Words that the people of a document bear as names, but for a lone one that may as well be a place's."""
    given = load_lexicon().given
    people = {name.person for name in names if name.person}
    return frozenset(
        word
        for person in people
        if len(person.words) > 1 or person.who != "person" or person.words[0] in given
        for word in person.words
    )


def _roles(
    text: str, organisations: Sequence[Organisation], borne: frozenset[str], heard: frozenset[str], usual: Mode
) -> Iterable[_Span]:
    taken = []
    for found, general in find_roles(text, organisations):
        taken.append((found.start, found.end))
        yield _Span(found.start, found.end, "role", general, found.reason, 2)
    for post in find_posts(text, borne, heard, taken, usual):
        kinds = [o.kind for o in organisations if o.start < post.end and post.start < o.end]
        general = general_role(post.role, kinds[0] if kinds else "council")
        yield _Span(post.start, post.end, "role", general, "a role and the name of a body or place", 2)


def _people(
    names: Sequence[Name],
    block: Block,
    label_of: dict[tuple[str, ...], str],
    asking: set[str],
    key: Key,
    document_id: str,
) -> Iterable[_Span]:
    for name in names:
        if name.person is None:
            yield _Span(name.start, name.end, "name", "", name.reason, 9)
            continue
        label = label_of.get(name.person.words)
        if (
            name.person.who != "person"
            and block.access == "attributable"
            and (label is not None or name.person.who == "speaker")
        ):
            yield _Span(name.start, name.end, "name", "", "a speaker of an interview that may be attributed", 9)
        elif label in asking:
            yield _Span(name.start, name.end, "name", f"[{INTERVIEWER}]", name.reason, 3)
        else:
            role = "Interviewee" if name.person.who == "speaker" else "person"
            yield _Span(
                name.start,
                name.end,
                "name",
                f"[{key.pseudonym(identity(document_id, name.person.words), role)}]",
                name.reason,
                3,
            )


def _own_spans(text: str, organisations: Sequence[Organisation], own: Own, usual: Mode) -> Iterable[_Span]:
    lower = mode_of(tokens_of(text), usual) == "lower"
    for o in organisations:
        if not o.own:
            yield _Span(o.start, o.end, "organisation", "", "another organisation", 9)
        elif o.bare and _IN.search(text[max(0, o.start - 20) : o.start]):
            yield _Span(o.start, o.end, "own_place", _SHOWN["place"], "the interviewee's own place", 4)
        else:
            yield _Span(o.start, o.end, "own_organisation", f"[{o.kind}]", "the interviewee's own organisation", 4)
    others = [(o.start, o.end) for o in organisations if not o.own]
    for pattern in [*own.places, *(p for p, _, bare in own.organisations if bare)]:
        for match in pattern.finditer(text):
            if match.group()[0].islower() and not lower:
                continue
            if not any(
                s <= match.start() and match.end() <= e and _another(text[s:e], match.group()) for s, e in others
            ):
                yield _Span(match.start(), match.end(), "own_place", _SHOWN["place"], "the interviewee's own place", 5)


def _another(name: str, own: str) -> bool:
    """Whether a longer name that holds one's own is another council's: South Orren beside Orren."""
    return (
        re.search(
            rf"(?i)\b(?:north|south|east|west|mid|upper|lower|greater|new|great|little)[\s-]+{re.escape(own)}", name
        )
        is not None
    )


def _settled(text: str, spans: Iterable[_Span], corrections: Corrections) -> tuple[list[_Span], list[_Span]]:
    """What is replaced, the surest and longest where spans overlap, and what is left."""
    never = {plain(one) for one in corrections.never}
    taken = Covered(len(text), [match.span() for match in PSEUDONYM.finditer(text)])
    passed = Covered(len(text))
    kept: list[_Span] = []
    left: list[_Span] = []
    for span in sorted(spans, key=lambda s: (s.rank, -(s.end - s.start), s.start)):
        if taken.meets(span.start, span.end):
            continue
        said = plain(" ".join(text[span.start : span.end].split()))
        if span.rank and said in never:
            left.append(span._replace(replaced_by="", reason="never.csv", rank=9))
            passed.add(span.start, span.end)
        elif span.rank == 9:
            if not passed.meets(span.start, span.end):
                left.append(span)
                passed.add(span.start, span.end)
        else:
            kept.append(span)
            taken.add(span.start, span.end)
    return kept, left


def _finding(block: int, text: str, span: _Span) -> Finding:
    return Finding(
        block=block,
        start_char=span.start,
        end_char=span.end,
        text=text[span.start : span.end],
        kind=span.kind,
        action="left" if span.rank == 9 else "replaced",
        replaced_by=span.replaced_by,
        reason=span.reason,
    )
