"""People in a document: who is named in full, by which parts they are named again, and every place where they are.

Two passes. The first, in `sightings`, gathers evidence over the whole document. The second finds every
place where somebody so found is named: whole, in part, by a short form, by initials, misspelt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import OSA, JaroWinkler

from collabnlp.redact.context import HEADS, NOT_AFTER, TITLES, is_phrase, score
from collabnlp.redact.lexicon import Lexicon, load_lexicon, plain
from collabnlp.redact.lexicon.usage import ACRONYMS, COMMON, FEW_ACRONYMS, MONTHS, PARTICLES, SMALL
from collabnlp.redact.nicknames import JOBS
from collabnlp.redact.sightings import Person, Sightings, Text, initials_of
from collabnlp.redact.small import meant_small, mostly
from collabnlp.redact.tokens import Token

_INITIALS = re.compile(r"\b[Ii]nitials?\b[^.?!\n]{0,24}?\b([A-Z]{2,5}|[A-Za-z](?:[. ]{1,2}[A-Za-z]){1,4})\b(?![\w'’])")


# What somebody did, in verbs that no ending tells.
_PAST = re.compile(
    r"\s+(?:heard|knew|said|told|got|went|came|took|gave|made|kept|held|led|left|lost|met|paid|read|ran|saw|sent|sat|spoke|stood|"
    r"taught|thought|understood|won|wrote|began|bought|brought|built|caught|chose|drew|drove|fell|felt|found|flew|forgot|"
    r"rang|sold|shook|threw|swore|slept|says|knows|reckons|thinks|wants|has|had|does|did|never|always|just|still|didn['’]?t|wasn['’]?t|isn['’]?t)\b"
)


# What comes before a name that somebody got wrong.
_MISHEARD = re.compile(
    r"(?i)\b(?:(?:mis-?)?spel(?:t|led|ling|ls?)(?: (?:it|him|her|me|that))?(?: (?:as|like))?|typed(?: it| in)?(?: as)?|writ(?:es?|ten)(?: it)?(?: as)?|wrote(?: it| down)?(?: as)?|printed(?: it)?(?: as)?|said|says|reads?|"
    r"(?:down|out|up|it|me|him|her|them|name|minuted|recorded|heard|listed|hears it) as|(?:it|that|name) (?:to|into)|was once|once|not|never|or) [\"'“‘]?$"
)


# Behind these a name stands as it was got wrong, where the words around speak of names and how they are written.
_GOT_WRONG = re.compile(
    r"(?i)(?:\b(?:down|put|out|it|me|him|her|them|us|minuted|recorded|listed|spelt|written|typed|printed|heard|up|list|badge|sheet|register|envelope|minutes|then|through) as|\bmade out to|\baddressed to|"
    r"\b(?:I|she|he|they)(?:['’]ve|['’]s|['’]d| have| has| had) (?:been|had|got|become)|\bask(?:s|ed|ing)? for|\b(?:they|people|everyone|everybody) (?:all |always |keep )?(?:write|type|spell|put|hear)s?(?: it| me| her| him)?|\bapolog\w+ (?:were |was )?(?:received )?from|\bdear|\bturn(?:s|ed)? (?:it |me |him |her |that )?into|\bcomes? out as|\bcame out as) [\"'“‘]?$"
)
_WRONG = re.compile(
    r"(?i)\b(?:mis-?)?spel(?:t|l|led|ling|ls)\b|\bwrong|\bmis(?:heard|hear|printed?|pronounc\w+)|\bpronounc|\btypos?\b|\btranscri|\bauto-?correct|\b(?:my|his|her|their|your|own|proper|whole) names?\b|\bcall list|\bname badge|\b\w['’]s in it"
)


class Name(NamedTuple):
    """A place where somebody is named; `person` is None for what looks like a name and is left, `reason` says why."""

    block: int
    start: int
    end: int
    person: Person | None
    reason: str


def find_people(
    texts: Sequence[str],
    known: Iterable[Person] = (),
    *,
    places: frozenset[str] = frozenset(),
    lexicon: Lexicon | None = None,
) -> list[Name]:
    """Every place in a document where a person is named, and what looks like a name and is none, in reading order.

    Parameters
    ----------
    texts
        The document's blocks.
    known
        People known beforehand: its speakers, and those whom somebody listed.
    places
        Further names, as `plain` writes them, that are places or organisations and no people.
    lexicon
        In place of the one that comes with the package.

    Examples
    --------
    >>> texts = ["Priya Nandakumar rang me. Mark my words, I said to Priya."]
    >>> [(texts[0][n.start : n.end], n.person.words) for n in find_people(texts) if n.person]
    [('Priya Nandakumar', ('priya', 'nandakumar')), ('Priya', ('priya', 'nandakumar'))]
    """
    doc = Sightings(texts, list(known), places, lexicon or load_lexicon())
    parts, behind = _parts(doc), doc.behind_initials()
    names = [Name(*figure, None, "well-known person") for figure in doc.figures]
    for block in range(len(doc.texts)):
        strong = [(i, j, why) for b, i, j, why in doc.strong if b == block]
        for name in _names(doc, parts, block, strong):
            names.append(name._replace(person=behind.get(name.person.words, name.person)) if name.person else name)
    return sorted(names, key=lambda name: name[:3])


def _parts(doc: Sightings) -> dict[str, Person]:
    """Who is meant by one word: the first person found who bears it, speakers before others."""
    order = sorted(doc.people.values(), key=lambda person: ("speaker", "interviewer", "person").index(person.who))
    parts: dict[str, Person] = {}
    for person in order:
        for word in person.words:
            if len(word) > 1 and word not in PARTICLES:
                parts.setdefault(word, person)
                if "-" in word:
                    for piece in word.split("-"):
                        if len(piece) > 2:
                            parts.setdefault(piece, person)
    for person in order:
        if len(person.words) > 1 or person.who != "person":
            given = person.words[0]
            related = set(doc.lexicon.short.get(given, ())) | set(doc.lexicon.long.get(given, ()))
            related |= {s for name in doc.lexicon.long.get(given, ()) for s in doc.lexicon.short.get(name, ())}
            # Abdulaziz is an Abdul, and called so
            related |= {s for k in range(5, len(given)) for s in doc.lexicon.short.get(given[:k], ())}
            for form in sorted(related):
                parts.setdefault(form, person)
    return parts


def _names(
    doc: Sightings, parts: dict[str, Person], block: int, strong: Sequence[tuple[int, int, str]]
) -> Iterator[Name]:
    text = doc.texts[block]
    tokens = text.tokens
    taken: set[int] = set(doc.barred[block])
    for i, j, why in _whole(doc, text):
        if not taken & set(range(i, j)):
            taken |= set(range(i, j))
            yield Name(block, tokens[i].start, tokens[j - 1].end, doc.people[tuple(t.low for t in tokens[i:j])], why)
    for i, j, why in strong:
        if taken & set(range(i, j)):
            continue
        taken |= set(range(i, j))
        words = tuple(t.low for t in tokens[i:j] if t.low not in TITLES) or tuple(t.low for t in tokens[i:j])
        if words[0] in PARTICLES and words not in doc.people:
            words = words[-1:]
        person = doc.people.get(words) or (parts.get(words[0]) if len(words) == 1 else doc.same(words))
        if person is None and j - i == 1:
            person = (_part(doc, parts, text, i, taken - {i}) or (None,))[0]
        yield Name(block, tokens[i].start, tokens[j - 1].end, person or Person(words, "person"), why)
    yield from _run_together(doc, block, text, taken)
    headed = doc.before_heads(text)
    figures = {
        k for b, start, end in doc.figures if b == block for k, token in enumerate(tokens) if start <= token.start < end
    }
    for i, token in enumerate(tokens):
        if i in taken or i in figures or i in headed:
            continue
        part = _part(doc, parts, text, i, taken)
        if part:
            taken.add(i)
            yield Name(block, token.start, token.end, *part)
        elif _doubtful(doc, text, i):
            yield Name(block, token.start, token.end, None, "an ordinary word, or a place, that may be a name")
    yield from _dotted(doc, block, text)
    yield from _broken(parts, block, text)


def _whole(doc: Sightings, text: Text) -> Iterator[tuple[int, int, str]]:
    tokens = text.tokens
    longest = max((len(words) for words in doc.people), default=0)
    for i in range(len(tokens)):
        for j in range(min(len(tokens), i + longest), i + 1, -1):
            if tuple(t.low for t in tokens[i:j]) in doc.people and all(
                re.fullmatch(r"[\s.,-]{1,4}", t.gap) for t in tokens[i + 1 : j]
            ):
                if (
                    text.mode == "mixed"
                    and not all(t.cap or t.low in PARTICLES for t in tokens[i:j])
                    and all(doc.kind(t) in "gsW" for t in tokens[i:j])
                ):
                    continue
                yield i, j, "whole name"
                break


def _run_together(doc: Sightings, block: int, text: Text, taken: set[int]) -> Iterator[Name]:
    """Names written in one word or in several, with or without hyphens and apostrophes, and nearly so: Vanderberg, O Dell."""
    keys: dict[str, Person] = {}
    for person in doc.people.values():
        if len(person.words) > 1:
            for words in (person.words, person.words[1:], person.words[-1:]):
                key = _letters(words)
                if len(key) > 5 and not (len(words) == 1 and doc.lexicon.is_ordinary(words[0])):
                    keys.setdefault(key, person)
    tokens = text.tokens
    for i, token in enumerate(tokens):
        if i in taken or (text.mode == "mixed" and not token.cap and token.low not in PARTICLES):
            continue
        for j in range(min(len(tokens), i + 5), i, -1):
            if taken & set(range(i, j)) or not all(
                re.fullmatch(r"[\s'’-]{1,3}|\.\s?", t.gap) for t in tokens[i + 1 : j]
            ):
                continue
            if text.mode == "mixed" and not all(t.cap or t.low in PARTICLES for t in tokens[i:j]):
                continue
            key = _letters([t.low for t in tokens[i:j]])
            found = keys.get(key)
            rare = any(doc.kind(t) in "USA" for t in tokens[i:j])
            if found is None and rare and len(key) > 6 and (text.mode == "mixed" or j - i > 1):
                limit = 2 if len(key) > 7 else 1
                found = next(
                    (
                        p
                        for k, p in keys.items()
                        if k[0] == key[0] and OSA.distance(k, key, score_cutoff=limit) <= limit
                    ),
                    None,
                ) or next((p for k, p in keys.items() if len(_sound(k)) > 4 and _sound(k) == _sound(key)), None)
            if found is not None:
                taken |= set(range(i, j))
                yield Name(block, tokens[i].start, tokens[j - 1].end, found, "a name run together, or nearly so")
                break


def _letters(words: Iterable[str]) -> str:
    """The letters of a name, with Mac as Mc."""
    return re.sub(r"^mac(?=[a-z]{3})", "mc", re.sub(r"[^a-z]", "", "".join(words)))


def _part(doc: Sightings, parts: dict[str, Person], text: Text, i: int, taken: set[int]) -> tuple[Person, str] | None:
    """Who is meant by the word at i, and how it is known; None where nobody is."""
    tokens = text.tokens
    token = tokens[i]
    kind = doc.kind(token)
    known = parts.get(token.low)
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    near = i - 1 in taken or i + 1 in taken
    headed = after is not None and after.cap and after.gap == " " and not token.owned and after.low in HEADS
    abbreviated = text.mode == "mixed" and token.shout and len(token.low) < 4
    if known is not None and not (abbreviated and token.low not in known.words):
        listed = token.low in known.words
        why = "part of a name" if listed else "short form of a name"
        if text.mode != "mixed":
            ordinary = kind in "gsWP" or token.low in MONTHS
            if not ordinary or near or meant_small(doc, text, i, listed=listed):
                return known, why
            return (known, "a name, as mostly in this document") if listed and mostly(doc, text, i) else None
        if token.low in doc.nicknames and token.cap:
            return known, "what somebody is called"
        if not token.cap:
            return (known, why) if kind in "GSU" and listed and len(token.low) > 3 else None
        if headed:
            return None
        if kind in "GSU" or (token.shout and listed and known.words == (token.low,)):
            return known, why
        return (known, why) if _meant(doc, text, i) else None
    if text.mode == "mixed" and not token.cap:
        return None
    if text.mode == "lower" and len(token.low) in (2, 3) and kind == "U" and token.low not in ACRONYMS | FEW_ACRONYMS:
        bearers = [
            person for person in doc.people.values() if len(person.words) > 1 and token.low in initials_of(person)
        ]
        if bearers:
            return bearers[0], "initials"
    if _like_initials(token) and text.mode == "mixed" and not re.match(r"[/-]\w|[ \xa0]?\d{2}", text.text[token.end :]):
        for person in doc.people.values():
            if len(person.words) > 1 and token.low in initials_of(person):
                common = ACRONYMS if person.who == "person" else FEW_ACRONYMS
                if token.low not in common or _at_head(doc, text, token):
                    return person, "initials"
    if headed or abbreviated or len(token.low) < 3 or kind == "P" or token.low in doc.extra or token.low in MONTHS:
        return None
    drawn = _drawn_out(parts, token.low) if token.cap and kind in "gsW" and not token.shout else None
    if drawn is not None and (not token.first or score(text.text, tokens, i, i + 1)[0] >= 1):
        return drawn, "short form of a name"
    if text.mode == "mixed" and token.cap and (wrong := _got_wrong(doc, parts, text, i)) is not None:
        return wrong, "a name that somebody got wrong"
    heard = _MISHEARD.search(text.text[max(0, token.start - 40) : token.start]) is not None
    if heard and token.cap and (found := _nearly(doc, parts, token, "U")) is not None:
        return found
    if kind in "Wgs" and not ((near and kind != "W") or (token.cap and not token.first and near)):
        return None
    if text.mode != "mixed" and kind in "W":
        return None
    if text.mode == "mixed" and kind in "GSU" and (cut := _cut_short(doc, token.low)) is not None:
        return cut, "a name cut short"
    return _nearly(doc, parts, token, kind)


def _nearly(doc: Sightings, parts: dict[str, Person], token: Token, kind: str) -> tuple[Person, str] | None:
    """Whose name a word nearly is: a letter or two aside, or by its sound."""
    for part, person in parts.items():
        shorter = min(len(part), len(token.low))
        if shorter < 4 or not any(part in (word, *word.split("-")) for word in person.words):
            continue
        alike = _sound(part) == _sound(token.low)
        if kind == "G" and not alike:
            continue  # Jane is not Jade
        limit = 2 if shorter > 6 or (alike and shorter > 4) or (kind == "U" and shorter > 5) else 1
        if OSA.distance(part, token.low, score_cutoff=limit) <= limit and (
            part[0] == token.low[0] or (limit > 1 and part[1:] == token.low[1:])
        ):
            return person, "a misspelt part of a name"
    return None


def _got_wrong(doc: Sightings, parts: dict[str, Person], text: Text, i: int) -> Person | None:
    """Whose name the word at i, or the one before it, is a mistake for, where somebody says that names were got wrong."""
    tokens = text.tokens
    token = tokens[i]
    k = i - 1 if i and tokens[i - 1].cap and token.gap == " " and not tokens[i - 1].first else i
    for at in dict.fromkeys((i, k)):
        start = tokens[at].start
        if _GOT_WRONG.search(text.text[max(0, start - 40) : start]) and _WRONG.search(
            text.text[max(0, start - 250) : start + 200]
        ):
            break
    else:
        return None
    if token.low in TITLES or token.low in SMALL or token.low in doc.extra or token.low in HEADS:
        return None
    likely = [
        (JaroWinkler.similarity(part, token.low), part)
        for part, person in parts.items()
        if part in person.words and len(part) > 2
    ]
    best = max(likely, default=(0.0, ""))
    ordinary = doc.kind(token) == "W" or token.low in JOBS
    return parts[best[1]] if best[0] >= (0.75 if ordinary else 0.6) else None


def _meant(doc: Sightings, text: Text, i: int) -> bool:
    """Whether a name that is an ordinary word, or a place, is meant as a name where it stands."""
    token = text.tokens[i]
    if is_phrase(text.text, token):
        return False
    person, place = score(text.text, text.tokens, i, i + 1)
    before = text.tokens[i - 1] if i else None
    rest = text.text[token.end :]
    if re.match(r"\s+(?:family|household|brothers|sisters|residence)\b", rest) and not token.first:
        return True
    if re.match(r"\s+(?!need|inde|speed|seed|feed|bed\b|red\b|shed)[a-z]{2,}(?:ed|ts to|es to)\b", rest):
        person += 1
    if token.owned and re.match(r"['’]?s?\s+(?!and\b)[a-z]{3,}", rest) and token.low not in MONTHS:
        person += 0.5
    if _PAST.match(rest):
        person += 1
    if token.first or token.low in MONTHS:
        return person >= (0.75 if token.low not in MONTHS else 1.25) and place == 0
    if doc.kind(token) == "P":
        said = doc.votes[token.low][1] > 0 or token.low in doc.extra
        return person >= (0.75 if said else 0) and place == 0
    if before is not None and before.low in NOT_AFTER and not (before.low == "that" and person >= 1.5):
        return False
    return place == 0 or person > place


def _at_head(doc: Sightings, text: Text, token: Token) -> bool:
    return token.first and text.text[token.end : token.end + 1] in (":", ">")


def _doubtful(doc: Sightings, text: Text, i: int) -> bool:
    token = text.tokens[i]
    return (
        text.mode == "mixed"
        and token.cap
        and token.low in doc.lexicon.given
        and doc.kind(token) in "gPW"
        and not (token.first and token.low not in COMMON)
    )


def _dotted(doc: Sightings, block: int, text: Text) -> Iterator[Name]:
    for match in re.finditer(
        r"(?<![\w.])(?:[A-Za-z]\.[ ]?){2,5}(?!\w)|(?<![\w.])[A-Z](?: [A-Z]){1,4}(?![\w'’])", text.text
    ):
        letters = "".join(c for c in match.group() if c.isalpha()).casefold()
        for person in doc.people.values():
            if len(person.words) > 1 and letters in initials_of(person):
                yield Name(block, match.start(), match.start() + len(match.group().rstrip()), person, "initials")
                break
    for match in _INITIALS.finditer(text.text):
        letters = re.sub(r"\W", "", match[1]).casefold()
        bearer = next((p for p in doc.people.values() if len(p.words) > 1 and letters in initials_of(p)), None)
        yield Name(
            block, match.start(1), match.end(1), bearer or Person((letters,), "person"), "after the word initials"
        )


def _like_initials(token: Token) -> bool:
    """Whether a word may be somebody's initials: HQB, PvdH."""
    capitals = sum(map(str.isupper, token.text))
    return 2 <= len(token.text) <= 5 and (
        token.shout or (capitals >= 2 and token.text[0].isupper() and token.text[-1].isupper())
    )


def _broken(parts: dict[str, Person], block: int, text: Text) -> Iterator[Name]:
    """Names that a hyphen breaks at the end of a line."""
    for match in re.finditer(r"([^\W\d_]+)[-\u00ad]\n\s*([^\W\d_]+)", text.text):
        person = parts.get(plain(match[1] + match[2]))
        if person is not None:
            yield Name(block, match.start(), match.end(), person, "broken over a line")


def _cut_short(doc: Sightings, low: str) -> Person | None:
    """The person whose given name begins so: Geth for Gethin."""
    if len(low) < 3 or low in doc.lexicon.words:
        return None
    stems = {low, low.rstrip("sy"), low.removesuffix("ie"), low.removesuffix("zza"), low.removesuffix("o")}
    for person in doc.people.values():
        for given in dict.fromkeys((person.words[0], *person.words[-1].split("-"))):
            if any(
                (2 if given == person.words[0] else 3) < len(stem) < len(given) and given.startswith(stem)
                for stem in stems
            ):
                return person
            same = next(
                (n for n, (a, b) in enumerate(zip(low, given, strict=False)) if a != b), min(len(low), len(given))
            )
            if same >= 4 and re.fullmatch(r"[a-z]?(?:ers|sters?|e?y|ie|zy|o|bo|s|ski|dog)|", low[same:]):
                return person  # Rhodders for Rhodri
    return None


def _drawn_out(parts: dict[str, Person], low: str) -> Person | None:
    """The person part of whose name, with an ending that makes light of it, is a word: Woody for Wood, Pips for Pip."""
    for ending in ("y", "ie", "s", "sy", "ers"):
        stem = low.removesuffix(ending)
        if stem != low and len(stem) > 2 and stem in parts:
            return parts[stem]
    return None


def _sound(name: str) -> str:
    """A name as it sounds, roughly: Sara and Sarah, Catherine and Kathryn are one."""
    low = (
        name.replace("ph", "f")
        .replace("ck", "k")
        .replace("c", "k")
        .replace("y", "i")
        .replace("z", "s")
        .replace("h", "")
    )
    return low[:1] + re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiou]", "", low[1:]))
