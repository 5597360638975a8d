"""Passages become mentions of councils, partnerships and schemes (spaCy).

Councils come from the gazetteer, by the names they bore in the document's year. A bare place
name is a council only where it acts ("Suffolk has agreed"), not where it is geography ("in
Suffolk"). Partnerships and schemes come from the gazetteer, from patterns and from a fitted model
that judges every span of capitalised words; abbreviations that a document defines, and short forms
of a name given in full, hold for that document.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from collabnlp.gazetteer import Gazetteer
from collabnlp.names import (
    HEADS,
    Hints,
    Names,
    Place,
    Word,
    cut,
    describe,
    describe_place,
    is_reference,
    spans,
    word_counts,
)
from collabnlp.patterns import (
    COORDINATOR,
    COUNCIL_WORDS,
    TYPES,
    Candidate,
    actor_score,
    definitions,
    outermost,
    patterned,
    unlisted_councils,
)
from collabnlp.records import EntityMention, GoldPassage, Passage
from collabnlp.tokenizer import blank_english

_SURE_NOT = 0.03  # what the model gives less than this is no name, whatever the patterns say
_LISTED = 0.95
_MISSPELT = 0.8
_LONG_NAME = 6  # letters of a place's first word from which one letter may be wrong
_REMEMBERED = 5000  # passages, more than are marked for names
_COUNTIES = ("county", "combined authority")


class Example(NamedTuple):
    """A span that a model judges, with its features; the label comes from marked mentions."""

    passage_id: str
    start: int
    end: int
    kind: Literal["span", "place"]
    features: list[str]


class _Look(NamedTuple):
    """What is seen in a passage before anything is decided."""

    words: list[Word]
    full: list[Candidate]
    bare: list[Candidate]
    ruled: list[Candidate]
    unlisted: list[Candidate]
    hints: Hints


class MentionFinder:
    """Finds mentions in the passages of documents; made once from a gazetteer.

    Parameters
    ----------
    gazetteer
        Names and what they name.
    names
        The fitted models; None: rules alone.
    """

    def __init__(self, gazetteer: Gazetteer, names: Names | None = None) -> None:
        self.gazetteer, self.names = gazetteer, names
        self._look = lru_cache(_REMEMBERED)(self._look_at)  # what several models are asked of
        self._nlp = _tokenizing(blank_english())
        from spacy.matcher import PhraseMatcher

        self._exact = PhraseMatcher(self._nlp.vocab, attr="ORTH")
        self._folded = PhraseMatcher(self._nlp.vocab, attr="LOWER")
        self._by_lower: dict[str, str] = {}
        self._in_full = [
            alias
            for alias, (form, ids) in sorted(gazetteer.aliases.items())
            if form == "full" and gazetteer.entities[ids[0]].label == "COUNCIL"
        ]
        self._places = {alias.split()[0] for alias, (form, _) in gazetteer.aliases.items() if form == "bare"}
        for alias, (form, ids) in sorted(gazetteer.aliases.items()):
            label = gazetteer.entities[ids[0]].label
            variants = {alias, alias.replace("'", "’"), alias.replace("’", "'")}
            for variant in sorted(variants):
                doc = self._nlp.make_doc(variant)
                if (
                    form == "full"
                    and (
                        label == "COUNCIL"
                        and len(variant.split()) >= 2
                        and variant.split()[-1].lower() in COUNCIL_WORDS
                        and not variant.isupper()
                    )
                ) or (form == "full" and len(variant.split()) >= 3):
                    self._folded.add(variant, [doc])
                else:
                    self._exact.add(variant, [doc])
                self._by_lower.setdefault(" ".join(token.lower_ for token in doc), alias)

    def judging_by(self, names: Names | None) -> MentionFinder:
        """The same finder with other models; the gazetteer is not matched anew."""
        other = copy(self)
        other.names = names
        return other

    def find(self, passages: Sequence[Passage], year: int) -> list[EntityMention]:
        """Mentions in the passages of one document, in order.

        Parameters
        ----------
        passages
            The passages of one document: what it defines as an abbreviation holds for all of them.
        year
            The document's year, which decides who bore a name.
        """
        looks = [self._look(passage.text, year) for passage in passages]
        times = word_counts(look.words for look in looks) if self.names else {}
        found = [self._decide(passage.text, look, times) for passage, look in zip(passages, looks, strict=True)]
        defined: dict[str, Candidate] = {}
        for passage, candidates in zip(passages, found, strict=True):
            defined.update(definitions(passage.text, candidates))
        heads = _short_forms(
            [(passage.text, c) for passage, candidates in zip(passages, found, strict=True) for c in candidates]
        )
        short_form = re.compile(rf"(?<=\b[Tt]he )(?:{'|'.join(heads)})(?![\w-])(?! [A-Z(])") if heads else None
        shorter = re.compile(
            "|".join(rf"(?<![\w-]){re.escape(short)}(?!\w)" for short in sorted(defined, key=len, reverse=True))
        )
        mentions: list[EntityMention] = []
        for passage, candidates in zip(passages, found, strict=True):
            if defined:
                extra = [
                    defined[m.group()]._replace(start=m.start(), end=m.end()) for m in shorter.finditer(passage.text)
                ]
                candidates = outermost([*candidates, *extra])
            if short_form is not None:
                extra = [
                    heads[m.group()]._replace(start=m.start(), end=m.end()) for m in short_form.finditer(passage.text)
                ]
                candidates = outermost([*candidates, *extra])
            for c in candidates:
                mentions.append(_mention(passage.passage_id, passage.text, c))
        return mentions

    def find_in_heading(self, heading: str, year: int) -> list[EntityMention]:
        """Councils that a heading or title is about: there, a bare place name stands for its council.

        Names of fewer than four letters do not count, nor does a name inside a longer one.
        """
        doc = self._nlp.make_doc(heading)
        full, bare = self._listed(doc, heading, year)
        kept = [
            c
            for c in outermost([*full, *unlisted_councils(heading, full), *bare])
            if c.label == "COUNCIL" and c.end - c.start >= 4
        ]
        whole = [
            c
            for c in kept
            if not (
                c in bare
                and re.match(r"[ -][A-Z]\w+", heading[c.end :])
                and not heading.isupper()
                and not re.match(r" (?:District|Borough|City|County|Council)", heading[c.end :])
            )
        ]
        return [_mention("heading", heading, c._replace(method="gazetteer")) for c in whole]

    def examples(
        self, passages: Sequence[Passage], year: int, ordinary: Collection[str], places: Collection[str] = ()
    ) -> Iterator[Example]:
        """The spans and bare places of one document that the models would judge, with their features.

        Parameters
        ----------
        places
            Names of places that have a council and stand in no gazetteer, such as those of invented documents.
        """
        looks = [self._look(passage.text, year) for passage in passages]
        times = word_counts(look.words for look in looks)
        others = "|".join(sorted(map(re.escape, places), key=lambda name: (-len(name), name)))
        for passage, look in zip(passages, looks, strict=True):
            words, text = look.words, passage.text
            for start, end in spans(words):
                features = describe(words, start, end, look.hints, ordinary, times)
                yield Example(passage.passage_id, words[start].start, words[end - 1].end, "span", features)
            taken = outermost([*look.full, *look.unlisted])
            bare = list(look.bare)
            if others:
                bare += [
                    Candidate(m.start(), m.end(), "COUNCIL", (), "pattern", 0.7)
                    for m in re.finditer(rf"(?<![\w-])(?:{others})(?![\w-])", text)
                ]
            bare = _outside(outermost(bare), taken)
            for c, place in zip(bare, self._places_of(text, words, bare, taken), strict=True):
                yield Example(passage.passage_id, c.start, c.end, "place", describe_place(words, place))

    def listed(self, text: str, year: int) -> tuple[list[Candidate], list[Candidate]]:
        """What the gazetteer alone finds: names in full, and bare places that are still to be judged."""
        return self._listed(self._nlp.make_doc(text), text, year)

    def _look_at(self, text: str, year: int) -> _Look:
        doc = self._nlp.make_doc(text)
        full, bare = self._listed(doc, text, year)
        ruled = outermost(patterned(doc, text, self._places))
        unlisted = [self._meant(text, c, year) for c in unlisted_councils(text, full)]
        hints = Hints(
            {(c.start, c.end): c.label for c in ruled},
            [(c.start, c.end) for c in outermost([*full, *unlisted]) if c.label == "COUNCIL"],
            is_reference(text),
        )
        return _Look(cut(text), full, bare, ruled, unlisted, hints)

    def _meant(self, text: str, unlisted: Candidate, year: int) -> Candidate:
        """A council that no list names, or the one whose name it is but for a letter: "Sufolk County Council".

        Short names of places are left as they are: Barnet is not Burnet misspelt.
        """
        name = text[unlisted.start : unlisted.end].replace("’", "'")
        if len(name.split(" ")[0]) < _LONG_NAME:
            return unlisted
        aliases = [alias for alias, *_ in process.extract(name, self._in_full, scorer=OSA.distance, score_cutoff=1)]
        borne = {self.gazetteer.bearers(alias, year) for alias in aliases}
        if len(borne) != 1:
            return unlisted
        return unlisted._replace(entity_ids=borne.pop(), method="gazetteer", score=_MISSPELT)

    def _decide(self, text: str, look: _Look, times: Mapping[str, int]) -> list[Candidate]:
        named = look.ruled if self.names is None else _judged(self.names, look, times)
        taken = outermost([*look.full, *named, *look.unlisted])
        bare = _outside(look.bare, taken)
        joined = _joined_councils(text, bare, taken)
        bare = _outside(bare, joined)
        councils = [c for c in [*taken, *joined] if c.label == "COUNCIL"]
        places = self._places_of(text, look.words, bare, councils) if bare else []
        if self.names is None:
            verdicts = [place.ruled for place in places]
        else:
            verdicts = [self.names.acts(look.words, place) for place in places]
        return outermost([*taken, *joined, *_acting(text, bare, councils, verdicts)])

    def _places_of(
        self, text: str, words: Sequence[Word], bare: Sequence[Candidate], councils: Sequence[Candidate]
    ) -> list[Place]:
        """What the model is told of each bare name."""
        starts = [word.start for word in words]
        found = []
        for c in bare:
            kinds = [self.gazetteer.entities[i].type for i in c.entity_ids[:1]]
            county = kinds[0] in _COUNTIES if kinds else text[c.start : c.end].endswith("shire")
            joined = any(
                COORDINATOR.match(text[min(c.end, o.end) : max(c.start, o.start)])
                for o in (*bare, *councils)
                if o is not c and -40 < o.start - c.end < 12 and not (o.start < c.end and c.start < o.end)
            )
            ruled = actor_score(text, c.start, c.end, county)
            found.append(Place(bisect_left(starts, c.start), bisect_left(starts, c.end), ruled, county, joined))
        return found

    def _listed(self, doc: Any, text: str, year: int) -> tuple[list[Candidate], list[Candidate]]:
        """Mentions of listed names, and of bare place names that are still to be judged."""
        full: list[Candidate] = []
        bare: list[Candidate] = []
        for matcher in (self._exact, self._folded):
            for _, start, end in matcher(doc):
                span = doc[start:end]
                alias = self._by_lower.get(" ".join(token.lower_ for token in span))
                if alias is None or not re.search(r"[A-Z]", span.text):
                    continue
                if span.text[0].islower():
                    continue  # "the city of Moor"
                form, ids = self.gazetteer.aliases[alias]
                entity_ids = self.gazetteer.bearers(alias, year)
                label = self.gazetteer.entities[ids[0]].label
                end = span.end_char
                if label == "COUNCIL" and span[-1].lower_ in ("county", "district", "borough", "city"):
                    rest = re.match(r" councils?(?![a-z])", text[end : end + 10])  # "Moor County councils"
                    if rest is not None:
                        end, form = end + rest.end(), "full"
                target = bare if form == "bare" else full
                target.append(
                    Candidate(span.start_char, end, label, entity_ids, "gazetteer", _LISTED if form == "full" else 0.9)
                )
        return full, outermost(bare)


def _tokenizing(nlp: Any) -> Any:
    """The pipeline, parting also words that a lost line break has joined ("CouncilThe") and marks of footnotes."""
    from spacy.util import compile_infix_regex

    glued = (r"(?<=[Cc]ouncil)(?=[A-Z])", r"(?<=[Cc]ouncils)(?=[A-Z])", r"(?<=[a-z])(?=[¹²³⁰⁴-⁹])")
    nlp.tokenizer.infix_finditer = compile_infix_regex((*nlp.Defaults.infixes, *glued)).finditer
    return nlp


def passage_of(row: GoldPassage) -> Passage:
    """A coded passage as one that can be searched; it stands on its own text."""
    return Passage(
        passage_id=row.passage_id,
        document_id=row.source,
        ordinal=1,
        start_char=0,
        end_char=len(row.text),
        text=row.text,
        kind="row",
        section=(),
        page=None,
        speaker=None,
        time=None,
    )


def _mention(passage_id: str, text: str, c: Candidate) -> EntityMention:
    return EntityMention(
        passage_id=passage_id,
        start_char=c.start,
        end_char=c.end,
        text=text[c.start : c.end],
        label=c.label,
        entity_ids=c.entity_ids,
        method=c.method,
        score=c.score,
    )


def _short_forms(found: Sequence[tuple[str, Candidate]]) -> dict[str, Candidate]:
    """Head nouns that stand for the one partnership or scheme of a document that ends in them: "the Board", "the Fund"."""
    named: dict[str, dict[str, Candidate]] = defaultdict(dict)
    for text, c in found:
        words = text[c.start : c.end].split()
        if c.label != "COUNCIL" and len(words) > 2 and words[-1][0].isupper() and words[-1].lower() in HEADS:
            named[words[-1]].setdefault(" ".join(words).casefold(), c._replace(score=round(c.score * 0.8, 2)))
    return {head: next(iter(names.values())) for head, names in sorted(named.items()) if len(names) == 1}


def _outside(candidates: Sequence[Candidate], others: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that lie in none of the others."""
    return [c for c in candidates if not any(o.start <= c.start and c.end <= o.end for o in others)]


def _judged(names: Names, look: _Look, times: Mapping[str, int]) -> list[Candidate]:
    """The partnerships and schemes that the model finds, the surest first where they overlap, and those that only the patterns do."""
    judged = names.judge(look.words, look.hints, times)
    likely = sorted((-p, a, b, label) for (a, b), (label, p) in judged.items() if p > names.threshold)
    signs = {word.start: word.text for word in look.words}
    owners = [(end, signs.get(end, "")) for _, end in look.hints.councils]
    kept: list[Candidate] = []
    for p, a, b, label in likely:
        owned = any((a < end < b and mark in ("’s", "'s")) for end, mark in owners)  # "the county council's fund"
        if not owned and not any(a < k.end and k.start < b for k in kept):
            kept.append(Candidate(a, b, label, (), "model", round(min(-p, _LISTED - 0.01), 2)))  # type: ignore[arg-type]
    ruled = [c for c in look.ruled if judged.get((c.start, c.end), ("", 1.0))[1] > _SURE_NOT]
    return [*kept, *ruled]


def _joined_councils(text: str, bare: Sequence[Candidate], taken: Sequence[Candidate]) -> list[Candidate]:
    """Bare names under one head noun: "Babergh and Mid Suffolk District Councils" is one mention of two councils."""
    found = []
    whole = [
        c for c in taken if c.label == "COUNCIL" and not re.search(r"(?i)(council|authority)$", text[c.start : c.end])
    ]
    names = sorted([*bare, *whole])
    for i in range(len(names)):
        j = i
        while (
            j + 1 < len(names)
            and re.fullmatch(r"(, | and | & |, and |/)", text[names[j].end : names[j + 1].start])
            and not re.search(r"(?i)councils?$", text[names[j].start : names[j].end])
        ):
            j += 1
            tail = re.match(
                rf"(?: (?:{TYPES}|district|borough|county|city))* ([Cc]ouncils|DCs|BCs)(?![a-z])", text[names[j].end :]
            )
            closed = re.search(r"\b([Cc]ouncils)$", text[names[j].start : names[j].end])
            if tail or closed:
                end = names[j].end + (tail.end() if tail else 0)
                ids = tuple(dict.fromkeys(e for c in names[i : j + 1] for e in c.entity_ids))
                found.append(Candidate(names[i].start, end, "COUNCIL", ids, "gazetteer", 0.95))
    return outermost(found)


def _acting(
    text: str, bare: Sequence[Candidate], councils: Sequence[Candidate], verdicts: Sequence[float]
) -> list[Candidate]:
    """The bare place names that stand for a council as an actor; what is joined to an actor acts too, and so with geography."""
    verdict = list(verdicts)
    for _ in range(2):
        for i, c in enumerate(bare):
            for other, score in [*zip(bare, verdict, strict=True), *((council, 0.75) for council in councils)]:
                left, right = (other, c) if other.start < c.start else (c, other)
                if (
                    other is not c
                    and right.start - left.end < 12
                    and COORDINATOR.match(text[left.end : right.start])
                    and abs(score - 0.5) > abs(verdict[i] - 0.5)
                ):
                    verdict[i] = score
    return [c._replace(score=round(min(0.9, verdict[i]), 2)) for i, c in enumerate(bare) if verdict[i] >= 0.5]
