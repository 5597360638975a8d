"""Who is named in a document: the evidence, gathered over the whole of it.

Labels of turns, titles, "my name is", a given name before a surname, what the words around a name
say of it. `people` then finds every place where somebody so found is named.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rapidfuzz.distance import OSA

from collabnlp.redact.context import HEADS, NOT_AFTER, ROYAL, TITLES, WEAK_HEADS, is_phrase, score
from collabnlp.redact.lexicon import Lexicon, load_lexicon, plain
from collabnlp.redact.lexicon.usage import (
    ACRONYMS,
    BORN_IN,
    COMMON,
    FUNCTION,
    GENERIC,
    LONE_PARTICLES,
    MONTHS,
    NEARLY_ALWAYS,
    PARTICLES,
    PLACES_FIRST,
    SHORT_SURNAMES,
    SMALL,
)
from collabnlp.redact.nicknames import beside, called
from collabnlp.redact.tokens import Mode, Token, mode_of, overall, tokens_of

Who = Literal["speaker", "interviewer", "person"]
_INTRO = re.compile(
    r"(?i)\b(?P<sure>my (?:full |own |maiden )?name(?: is|['’]s)|name['’]?s|(?P<nick>call(?:s|ed|ing)? (?:him|her|them|me|myself|us)|know(?:s|n)? (?:him|her|them|me) (?:all )?as|known (?:to (?:[a-z]+ ){1,3})?as|went by|answer(?:s|ed)? to(?: the name(?: of)?)?|(?:was|were|got|always|just) called)|goes by(?: the name(?: of)?)?|(?:was|is|were|are|chap|fella|fellow|bloke|woman|man|guy|lady|officer|lad|girl|someone|somebody|one|colleague|friend|boss|person|councillor|leader|manager|director|daughter|son|wife|husband) (?:called|named)|nickname(?:d| is| was)?|"
    r"née|nee|signed|speaker is|interviewee is|interviewer is|present:|attendees:|participants?:|name:)"
    r"|\b(?P<soft>I am|I['’]m|this is|that['’]?s|that is|that was|it['’]s|here is|here['’]s|over to|thanks?(?: you)?(?: very much| so much)?,?|cheers,?|hi,?|hello,?|hiya,?|morning,?|dear|regards,?|wishes,?|welcome,?|sorry,?|bye,?)"
)
_HEAD = re.compile(
    r"(?:^|(?<=[.?!]))[ \t]*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]?[ \t]*[-–]?[ \t]*)?[*_#>\[<(]{0,3}(?:v )?"
    r"(?P<label>[^\W\d_][\w.'’ \-]{0,38}?[\w.)]?(?:[ \t]*[(,][^()\n:]{1,40}\)?)?)[\])*_>]{0,3}[ \t]*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?[\])]?[ \t]*)?(?::|>{1,2}|[ \t][-–—](?=[ \t]))[*_]{0,2}(?=\s|$)",
    re.M,
)


@functools.cache
def _bodies_of() -> re.Pattern[str]:
    names = sorted(load_lexicon().bodies, key=lambda name: (-len(name), name))
    return re.compile(rf"(?i)(?<!\w)(?:{'|'.join(re.escape(name) for name in names)})(?![\w-])")


# What is put before a given name to tell two people apart.
SORTS = frozenset("big little wee young old long tall".split())
# Behind these a word that is a name, too, is one.
_KIN = re.compile(
    r"(?i)\b(?:(?:my|our|his|her|their) (?:own |old |new |lovely |then )?(?:colleague|husband|wife|partner|brother|sister|son|daughter|friend|mate|boss|deputy|secretary|assistant|pa|predecessor|successor|manager|mum|dad)|called|named|woman|man|girl|lad|chap|bloke|lady|guy|name is|name['’]s)\s+$"
)


class Person(NamedTuple):
    """Somebody: the name as `plain` writes its words, given name first (or the one word there is), and who it is to the interview."""

    words: tuple[str, ...]
    who: Who


def initials_of(person: Person) -> frozenset[str]:
    """Initials of a name: of all its words, of all but particles, of the first and last, of both halves of a double name.

    Examples
    --------
    >>> sorted(initials_of(Person(("pieter", "van", "haalst-weir"), "person")))
    ['ph', 'phw', 'pvh', 'pvhw']
    """
    halves = [half for word in person.words for half in word.split("-") if half]
    large = [half for half in halves if half not in PARTICLES]
    letters = ["".join(word[0] for word in words) for words in (person.words, halves, large) if words]
    return frozenset([*letters, person.words[0][0] + person.words[-1][0]])


class Text(NamedTuple):
    """A block of a document: its text, its words, its use of capitals."""

    text: str
    tokens: list[Token]
    mode: Mode


class Sightings:
    """One document and whom it names.

    Attributes
    ----------
    texts
        Its blocks.
    people
        By the words of their names as `plain` writes them.
    strong
        Where evidence makes sure that a name stands: block, first word, word after the last, why.
    figures
        Where well-known people are named: block, first character, character after the last.
    barred
        For each block its words that belong to the names of firms.
    """

    def __init__(self, texts: Sequence[str], known: list[Person], places: frozenset[str], lexicon: Lexicon) -> None:
        self.lexicon, self.extra = lexicon, places
        tokens = [tokens_of(text) for text in texts]
        usual = overall(tokens)
        self.texts = [Text(text, t, mode_of(t, usual)) for text, t in zip(texts, tokens, strict=True)]
        self.people: dict[tuple[str, ...], Person] = {person.words: person for person in known}
        self.figures: list[tuple[int, int, int]] = []
        self.seen_low = Counter(token.low for t in tokens for token in t if not token.cap)
        self.seen_small = Counter(
            token.low for text in self.texts if text.mode == "mixed" for token in text.tokens if not token.cap
        )
        self.nicknames: set[str] = set()
        self.usually: dict[str, bool] = {}
        self.votes: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.barred = [self._bodies(text) for text in self.texts]
        for text in self.texts:
            self._vote(text)
        self.strong = [(block, *span) for block in range(len(self.texts)) for span in self._strong(block)]
        self._meet()

    def _bodies(self, text: Text) -> set[int]:
        """Words of firms and charities whose names look like people's."""
        found = [match.span() for match in _bodies_of().finditer(text.text)]
        return {i for i, token in enumerate(text.tokens) if token.cap and any(s <= token.start < e for s, e in found)}

    # -- classes of words ------------------------------------------------------------------------------------------

    def is_place(self, low: str) -> bool:
        """Whether a word is a place or an organisation, by the lists or by what the caller said."""
        return low in self.lexicon.places or low in PLACES_FIRST or low in self.extra

    def kind(self, token: Token) -> str:
        """G given name, g given name that is a word, S surname, s surname that is a word, P place, U unknown, W word, I initial, A acronym."""
        low, lexicon = token.low, self.lexicon
        if len(token.text) == 1:
            return "I" if token.cap else "W"
        if low in MONTHS or low in FUNCTION:
            return "W"
        low = re.sub(r"^(?:a[lndrst]|ash|el|u[lr])-(?=\w{3})", "", low)
        parts = low.split("-")
        given, surname = low in lexicon.given, low in lexicon.surnames
        if len(parts) == 2 and all(len(p) > 1 for p in parts) and not given and not surname:
            if all(p in lexicon.given and p not in lexicon.both_ways for p in parts):
                given = True
            elif token.cap and parts[1] in lexicon.given and not any(lexicon.is_ordinary(p) for p in parts):
                given = True  # Fitz-William
            elif token.cap and all(p in lexicon.surnames or p in lexicon.given for p in parts):
                surname = True
        word = low in lexicon.both_ways or low in lexicon.words
        if self.is_place(low) and (not given or low in self.extra or low in PLACES_FIRST):
            return "P"
        if given:
            return "g" if word else "G"
        if surname:
            return "s" if word else "S"
        if token.shout and len(token.text) <= 6 and not word:
            return "A"
        return (
            "W"
            if word or lexicon.is_ordinary(low) or self.seen_small[low] > 1 or re.search(r"['’](?!\w{3})", low)
            else "U"
        )

    # -- evidence ------------------------------------------------------------------------------------------------

    def _meet(self) -> None:
        """Note whom the names belong to: whole names, then those of whom one word is known, then labels of turns."""
        spans = [[token.low for token in self.texts[block].tokens[i:j]] for block, i, j, _ in self.strong]
        for words in sorted(spans, key=lambda words: words[0] in PARTICLES):  # a surname alone comes last
            self._register(words)
        for block, i, j, _ in self.strong:
            token = self.texts[block].tokens[i]
            known = any(
                token.low in person.words or (token.shout and token.low in initials_of(person))
                for person in self.people.values()
            )
            if j - i == 1 and len(token.low) > 1 and not known and not self._short_of_another(token.low):
                self.people[token.low,] = Person((token.low,), "person")
        self._heads()

    def _short_of_another(self, low: str) -> bool:
        """Whether a word is a short form of the given name of somebody who is named in full."""
        names = self.lexicon.long.get(low, frozenset())
        return any(len(person.words) > 1 and person.words[0] in names for person in self.people.values())

    def behind_initials(self) -> dict[tuple[str, ...], Person]:
        """For people named in full the one who speaks under their initials, where these fit nobody else."""
        found: dict[tuple[str, ...], Person] = {}
        for person in self.people.values():
            if person.who != "person" and len(person.words) == 1 and len(person.words[0]) in (2, 3):
                full = [
                    other
                    for other in self.people.values()
                    if len(other.words) > 1 and person.words[0] in initials_of(other)
                ]
                if len(full) == 1:
                    found[full[0].words] = person
        return found

    def _register(self, words: list[str]) -> None:
        name = tuple(word for word in words if word not in TITLES and (len(word) > 1 or len(words) > 1))
        if len(name) < 2 or name in self.people:
            return
        if name[0] in PARTICLES and any(name[-1] in person.words for person in self.people.values()):
            return
        same = self.same(name)
        if same is not None and same.who == "person" and len(same.words[0]) == 1 < len(name[0]):
            del self.people[same.words]  # R. Mirza becomes Rukhsana Mirza
            same = None
        if same is None:
            self.people[name] = Person(name, "person")

    def _heads(self) -> None:
        """Labels of turns that no reader took apart: "SJ: Yes." in paragraphs, two times or more."""
        labels: Counter[str] = Counter()
        for text in self.texts:
            for match in _HEAD.finditer(text.text):
                labels[re.split(r"\s*[(,]", match["label"].strip())[0].strip(" .[]")] += 1
        for label, n in labels.items():
            words = [token for token in tokens_of(label) if token.low not in TITLES]
            if not words or len(words) > 3:
                continue
            kinds = [self.kind(token) for token in words]
            initials = (
                len(words) == 1 and words[0].shout and 2 <= len(words[0].text) <= 3 and words[0].low not in ACRONYMS
            )
            named = any(k in "GgSU" for k in kinds) and not any(k in "WP" for k in kinds[:1])
            if (n >= 2 and (initials or named)) or (len(words) >= 2 and kinds[0] == "G" and kinds[1] in "SsUGP"):
                self.people.setdefault(
                    tuple(token.low for token in words), Person(tuple(token.low for token in words), "person")
                )

    def _vote(self, text: Text) -> None:
        for i, j in self.runs(text):
            if j - i > 1 and text.tokens[i].first and self.kind(text.tokens[i]) == "W":
                i += 1
            if j - i <= 2:
                person, place = score(text.text, text.tokens, i, j)
                for token in text.tokens[i:j]:
                    self.votes[token.low][0] = max(self.votes[token.low][0], person)
                    self.votes[token.low][1] += place

    def runs(self, text: Text) -> Iterator[tuple[int, int]]:
        """Stretches of capitalised words with nothing but blanks between; in texts without capitals every word by itself."""
        tokens = text.tokens
        i = 0
        while i < len(tokens):
            if text.mode != "mixed" or not tokens[i].cap:
                if text.mode != "mixed":
                    yield i, i + 1
                i += 1
                continue
            j = i + 1
            while j < len(tokens) and self._joined(tokens, j):
                j += 1
            while j > i + 1 and tokens[j - 1].low in PARTICLES and not tokens[j - 1].cap:
                j -= 1
            yield i, j
            i = j

    def _joined(self, tokens: list[Token], j: int) -> bool:
        before, token = tokens[j - 1], tokens[j]
        dotted = re.fullmatch(r"\.[ \xa0]?", token.gap) and (len(before.text) == 1 or before.low in TITLES)
        if not (dotted or re.fullmatch(r"[ \t\xa0]{1,3}|[ \t\xa0]*\n[ \t\xa0]*|[ ]?-[ ]?\n?", token.gap)) or (
            before.owned and not dotted
        ):
            return False
        if token.cap:
            lines = token.first and "\n" in token.gap and before.first
            return not lines or (self.kind(before) in "GgU" and self.kind(token) in "SU")
        return self._particles_lead_on(tokens, j)

    def _particles_lead_on(self, tokens: list[Token], j: int) -> bool:
        """Whether particles at j lead to a capitalised word: van der Berg."""
        k = j
        while (
            k < len(tokens)
            and k - j < 3
            and tokens[k].low in PARTICLES
            and not tokens[k].cap
            and len(tokens[k].low) > 1
        ):
            k += 1
            if k < len(tokens) and not re.fullmatch(r"[ \t\xa0]*\n?[ \t\xa0]*|['’-]", tokens[k].gap):
                return False
        return j < k < len(tokens) and tokens[k].cap

    def _strong(self, block: int) -> Iterator[tuple[int, int, str]]:
        """Names that evidence in the text itself makes sure."""
        text = self.texts[block]
        done: set[int] = set(self.barred[block])
        for i, j, why in (
            *self._particled(text),
            *self._introduced(text),
            *called(self, text),
            *beside(self, text),
            *self._titled(text),
        ):
            if not done & set(range(i, j)):
                done |= set(range(i, j))
                yield i, j, why
        for i, j, why in self._in_mails(text):
            yield i, j, why
        if text.mode == "mixed":
            for i, j in self.runs(text):
                for a, b, why in self._in_run(block, i, j):
                    if not done & set(range(a, b)):
                        done |= set(range(a, b))
                        yield a, b, why
            for i in self._listed_with(text, done - self.barred[block]):
                yield i, i + 1, "named beside somebody"
        else:
            for a, b, why in self._without_capitals(text):
                if not done & set(range(a, b)):
                    done |= set(range(a, b))
                    yield a, b, why
            for i in self._listed_with(text, done - self.barred[block]):
                yield i, i + 1, "named beside somebody"

    def _listed_with(self, text: Text, named: set[int]) -> list[int]:
        """Words that stand in a row with names, parted by commas or "and", and may be names themselves."""
        tokens = text.tokens
        found: list[int] = []
        at, ends = {tokens[k].start for k in named}, {tokens[k].end for k in named}
        for _ in range(3):
            for i, token in enumerate(tokens):
                wanted = "UgGS" if text.mode == "mixed" else "USG"
                if i in named or token.low in self.extra | ACRONYMS or self.kind(token) not in wanted:
                    continue
                if (text.mode == "mixed" and not token.cap) or len(token.low) < 3:
                    continue
                if (
                    self.kind(token) == "g"
                    and (token.first or token.low not in COMMON)
                    and token.low not in self.lexicon.long
                ):
                    continue
                after, before = text.text[token.end : token.end + 8], text.text[max(0, token.start - 8) : token.start]
                right = re.match(r",\s+(?:and\s+)?|\s+(?:and|&)\s+", after)
                left = re.search(r"(?:,\s+(?:and\s+|or\s+)?|\s(?:and|&|or)\s+)$", before)
                beside = (right and token.end + right.end() in at) or (left and token.start - len(left.group()) in ends)
                if beside and self.votes[token.low][1] == 0 and not (self.kind(token) == "U" and token.shout):
                    named.add(i)
                    at.add(token.start)
                    ends.add(token.end)
                    found.append(i)
        return found

    def _introduced(self, text: Text) -> Iterator[tuple[int, int, str]]:
        at = {token.start: i for i, token in enumerate(text.tokens)}
        for match in _INTRO.finditer(text.text):
            blank = re.compile(r"[\s,:\"“‘']*").match(text.text, match.end())
            i = at.get(blank.end() if blank else match.end())
            if (
                i is not None
                and match["nick"]
                and text.tokens[i].low == "the"
                and i + 1 < len(text.tokens)
                and text.tokens[i + 1].gap == " "
            ):
                i += 1  # calls him the Brigadier
            if i is None:
                continue
            kinds = [self.kind(token) for token in text.tokens[i : i + 3]]
            first = text.tokens[i]
            if first.low in TITLES or first.low in HEADS or first.low in NOT_AFTER:
                continue
            if match["soft"] and any(
                self.is_figure(text.tokens, i, k) for k in range(i + 2, min(i + 4, len(text.tokens)) + 1)
            ):
                continue
            if (
                match["nick"]
                and first.low not in SMALL | FUNCTION
                and not is_phrase(text.text, first)
                and (first.cap or (text.mode == "lower" and kinds[0] in "GSUgs"))
            ):
                self.nicknames.add(first.low)
                j = i + 1
                if kinds[0] in "Gg" and j < len(text.tokens) and self.goes_on(text, j):
                    j += 1
                yield i, j, "what somebody is called"
                continue
            if text.mode == "mixed":
                good = first.cap and (
                    kinds[0] in "GSUg"
                    or (
                        match["sure"] and ((kinds[0] in "sWP" and first.low not in self.extra) or self._initials(first))
                    )
                )
                if match["soft"] and kinds[0] in "sSU" and not (kinds[0] == "S" or self.votes[first.low][1] == 0):
                    good = False
                if (
                    match["soft"]
                    and kinds[0] == "U"
                    and not re.match(r"(?i)I", match["soft"])
                    and self.votes[first.low][0] < 1
                ):
                    good = False
                if match["soft"] and kinds[0] == "g" and first.low not in COMMON:
                    good = False
            else:
                good = (
                    kinds[0] in ("G", "g", "S", "U")
                    if match["sure"]
                    else kinds[0] == "G" or (kinds[0] == "U" and not self.is_place(first.low) and "-" not in first.low)
                )
            if not good:
                continue
            j = i + 1
            while j < len(text.tokens) and j - i < 4 and self.goes_on(text, j):
                j += 1
            yield i, j, "introduced"

    def _particled(self, text: Text) -> Iterator[tuple[int, int, str]]:
        """Names with a particle, alone or behind others: van der Berg, Ana Pereira da Silva."""
        tokens = text.tokens
        if text.mode != "mixed":
            return
        blank = re.compile(r"[ \t\xa0]*\n?[ \t\xa0]*|[’'-]|\.[ ]?")
        for i, token in enumerate(tokens):
            if (token.low not in LONE_PARTICLES | {"st"} and token.text != "Ó") or token.shout:
                continue
            if i and tokens[i - 1].low in PARTICLES and not tokens[i - 1].shout and token.gap.isspace():
                continue
            j = i + 1
            while j < len(tokens) and tokens[j].low in PARTICLES and blank.fullmatch(tokens[j].gap):
                j += 1
            if (
                j >= len(tokens)
                or not tokens[j].cap
                or not blank.fullmatch(tokens[j].gap)
                or "." in tokens[j].gap * (token.low != "st")
            ):
                continue
            kind = self.kind(tokens[j])
            headed = (
                j + 1 < len(tokens)
                and tokens[j + 1].gap == " "
                and tokens[j + 1].low in HEADS | WEAK_HEADS
                and tokens[j + 1].cap
            )
            whole = " ".join(t.low for t in tokens[i : j + 1])
            if headed or kind in "WA" or self.is_place(whole) or whole in self.lexicon.figures:
                continue
            a = i
            while (
                a and i - a < 3 and tokens[a - 1].cap and re.fullmatch(r"[ \t\xa0]*\n?[ \t\xa0]*|\. ?", tokens[a].gap)
            ):
                if self.kind(tokens[a - 1]) not in "GgSUsI" or tokens[a - 1].low in TITLES or tokens[a - 1].owned:
                    break
                if "." in tokens[a].gap and len(tokens[a - 1].text) > 1:
                    break
                a -= 1
            end = j + 1
            while end < len(tokens) and end - i < 5 and self.goes_on(text, end) and self.kind(tokens[end]) in "SUG":
                end += 1
            if self.is_figure(tokens, a, j + 1):
                continue
            behind_title = i > 0 and tokens[i - 1].low in TITLES
            if token.low == "st" and not (a < i and self.kind(tokens[a]) == "G") and not behind_title:
                continue
            if a == i and kind == "P" and not token.first and not behind_title:
                continue
            yield a, end, "a name with a particle"

    def goes_on(self, text: Text, j: int) -> bool:
        """Whether the word at j belongs to the name that ends before it."""
        token, before = text.tokens[j], text.tokens[j - 1]
        if before.owned or not re.fullmatch(r"\.?[ \t\xa0]+|[ \t\xa0]*\n[ \t\xa0]*", token.gap):
            return False
        if "." in token.gap and len(before.text) > 1:
            return False
        kind = self.kind(token)
        if token.low in HEADS or token.low in TITLES:
            return False
        if text.mode == "mixed":
            if token.low in PARTICLES and not token.cap:
                return self._particles_lead_on(text.tokens, j)
            return token.cap and (kind in "GSUgsPI" or token.low in MONTHS)
        if token.low in LONE_PARTICLES and j + 1 < len(text.tokens) and text.tokens[j + 1].gap.isspace():
            return self.kind(text.tokens[j + 1]) in "SUP"
        return (
            kind in "SG"
            or (kind == "U" and before.low not in SMALL)
            or (kind == "s" and self.seen_low[token.low] <= 2 and token.low not in SMALL)
        )

    def _initials(self, token: Token) -> bool:
        return token.shout and 2 <= len(token.text) <= 3 and token.low not in ACRONYMS

    def _titled(self, text: Text) -> Iterator[tuple[int, int, str]]:
        tokens = text.tokens
        for i, token in enumerate(tokens[:-1]):
            if token.low not in TITLES or not re.fullmatch(
                r"\.?[ \t\xa0]+|\.?[ \t\xa0]*\n[ \t\xa0]*|\.", tokens[i + 1].gap
            ):
                continue
            if text.mode == "mixed" and not token.cap and TITLES[token.low] < 2:
                continue
            j = i + 1
            first = tokens[j]
            kind = self.kind(first)
            if first.low in HEADS or (first.low in TITLES and kind not in "GSgs") or first.low in NOT_AFTER:
                continue
            if text.mode == "mixed":
                if not first.cap or (kind == "W" and TITLES[token.low] < 3) or (kind == "A" and len(first.text) > 2):
                    continue
            elif kind not in ("G", "S", "U", "g", "s") or (kind in ("g", "s") and TITLES[token.low] < 2):
                continue
            if self.is_figure(tokens, i, j + 1) or self.is_figure(tokens, j, j + 1):
                continue
            j += 1
            while j < len(tokens) and j - i < 5 and self.goes_on(text, j):
                j += 1
            yield i + 1, j, "after a title"

    def _in_mails(self, text: Text) -> Iterator[tuple[int, int, str]]:
        for match in re.finditer(
            r"(?i)([a-z'’]+)[._]([a-z'’-]+?)\d*(?=\s*@|\s+\(?at\)?\s+\w+(?:\.|\s+dot))", text.text
        ):
            words = [plain(match[1]), plain(match[2])]
            if not any(word in GENERIC for word in words) and len(words[1]) > 2:
                self._register(words)
        return iter(())

    def is_figure(self, tokens: list[Token], i: int, j: int) -> bool:
        """Whether the words i to j (exclusive) name a well-known person or a body, and nobody of the document."""
        words = tuple(token.low for token in tokens[i:j])
        if words in self.people:
            return False
        if " ".join(words) in self.lexicon.figures or " ".join(words) in self.lexicon.bodies:
            return True
        whole = self.lexicon.figures_alone.get(words[0]) if len(words) == 1 else None
        return whole is not None and not any(words[0] in person.words for person in self.people.values())

    def _in_run(self, block: int, i: int, j: int) -> Iterator[tuple[int, int, str]]:
        text = self.texts[block]
        tokens = text.tokens
        heads = [k for k in range(i + 1, j) if tokens[k].low in HEADS or tokens[k].low in WEAK_HEADS]
        a = i
        while a < j:
            figure = next((b for b in range(min(j, a + 4), a, -1) if self.is_figure(tokens, a, b)), None)
            if figure:
                if figure - a > 1 or not tokens[a].first or self.votes[tokens[a].low][0] >= 1:
                    self.figures.append((block, tokens[a].start, tokens[figure - 1].end))
                a = figure
                continue
            behind = heads[bisect.bisect_right(heads, a) :]
            head = next((k for k in behind if self._heads_name(tokens, a, k)), None)
            if head is not None:
                a = head + 1
                continue
            b = self._span(text, a, j)
            if b > a:
                named = a > i and tokens[a - 1].low in SORTS and tokens[a].gap == " " and self.kind(tokens[a]) in "Gg"
                yield (
                    a - named,
                    b,
                    "given name and surname"
                    if b - a > 1
                    else "given name"
                    if self.kind(tokens[a]) in "Gg"
                    else "named as a person is",
                )
                a = b
            else:
                a += 1

    def before_heads(self, text: Text) -> set[int]:
        """Words that a head makes part of a place's or an organisation's name: Wythen Vale District Council."""
        found: set[int] = set()
        if text.mode == "mixed":
            for i, j in self.runs(text):
                head = next((k for k in range(j - 1, i, -1) if self._heads_name(text.tokens, i, k)), i)
                for k in range(head - 1, i - 1, -1):
                    if self.kind(text.tokens[k]) == "G" and text.tokens[k].low not in ROYAL:
                        break
                    found.add(k)
        return found

    def _heads_name(self, tokens: list[Token], a: int, k: int) -> bool:
        """Whether the word at k makes a place or an organisation of the capitalised words before it."""
        low = tokens[k].low
        if low in HEADS and tokens[k - 1].low not in TITLES:
            return True
        if low not in WEAK_HEADS:
            return False
        return (
            tokens[a].low in ROYAL
            or self.kind(tokens[k - 1]) not in "Gg"
            or (k - a > 1 and self.kind(tokens[a]) not in "Gg" and not tokens[a].first and tokens[a].low not in TITLES)
        )

    def _span(self, text: Text, a: int, j: int) -> int:
        """Where a name that begins at a ends; a where none does."""
        tokens = text.tokens
        token, kind = tokens[a], self.kind(tokens[a])
        after = tokens[a + 1] if a + 1 < j else None
        next_kind = self.kind(after) if after else ""
        if token.low in TITLES and kind not in "Gg":
            return a
        if after is not None and after.low in TITLES and next_kind not in "GSgs":
            after, next_kind = None, ""
        if after is not None and not token.owned:
            given = (
                kind == "G"
                or token.low in ("abd", "abdul", "abu", "umm")
                or (
                    token.low in BORN_IN
                    and (
                        next_kind in "SUG"
                        or (after.low in self.lexicon.surnames and after.low not in HEADS | WEAK_HEADS)
                    )
                    and self.votes[after.low][1] == 0
                )
                or (kind == "g" and token.low in COMMON | NEARLY_ALWAYS)
                or (
                    kind == "P"
                    and token.low in self.lexicon.given
                    and (next_kind in "SU" or (next_kind in "gs" and after.low in self.lexicon.surnames - WEAK_HEADS))
                    and self.votes[after.low][1] == 0
                )
            )
            end = a
            if after.low in PARTICLES and not after.cap:
                last = next((k for k in range(a + 1, j) if tokens[k].low not in PARTICLES), a)
                end = last + 1 if given else a
            elif given:
                if (
                    next_kind in "SUG"
                    or (next_kind == "I" and (after.text != "I" or "." in after.gap))
                    or (next_kind == "P" and after.low not in self.extra)
                    or (next_kind == "P" and kind == "G" and after.low in self.lexicon.surnames)
                    or next_kind in "gs"
                    or (kind == "G" and next_kind == "W" and self._like_a_surname(text, a + 1))
                    or (
                        next_kind in "WA"
                        and kind == "G"
                        and any(
                            OSA.distance(after.low, w, score_cutoff=2) <= 2
                            for p in self.people.values()
                            for w in p.words
                            if len(w) > 4
                        )
                    )
                ):
                    end = a + 2
            elif (
                kind == "I"
                and (token.text not in "AI" or after.gap.startswith("."))
                and (next_kind in "SsUG" or (next_kind == "I" and a + 2 < j and self.kind(tokens[a + 2]) in "SsU"))
            ):
                end = a + 2 + (next_kind == "I")
            elif (
                (kind == "U" and after.low in SHORT_SURNAMES and not after.shout and self._nowhere_but_short(text, a))
                or (kind in "US" and next_kind in "SU" and self._surely_surname(after))
                or (kind in "US" and next_kind in "SU" and j - a == 2 and self._nowhere(text, a))
            ):
                end = a + 2
            elif kind in "USg" and next_kind in "SU" and not (token.first and kind == "g"):
                votes = sum(self.votes[t.low][0] - 2 * self.votes[t.low][1] for t in (token, after))
                sure = kind + next_kind in ("US", "gS", "SS") or self.votes[after.low][0] >= 1
                end = a + 2 if votes >= (1 if sure else 1.5) else a
            if end > a and not (a > 0 and token.gap.isspace() and tokens[a - 1].low in NOT_AFTER and kind != "G"):
                while end < j and end - a < 5 and self.goes_on(text, end) and self.kind(tokens[end]) in "SUG":
                    end += 1
                return min(end, j)
        return a + 1 if self._alone(text, a, j) else a

    def _like_a_surname(self, text: Text, k: int) -> bool:
        """Whether a capitalised word behind a given name is no word of the language but by an ending, or a month that nothing dates."""
        token = text.tokens[k]
        rest = text.text[token.end : token.end + 12]
        if token.low in MONTHS:
            return (
                token.low in self.lexicon.surnames | self.lexicon.given
                and re.match(r"[,.;:?!)'’\n]|\s+(?:and|who|is|was|said|has|had)\b", rest) is not None
            )
        return (
            not token.shout
            and token.low not in self.lexicon.words
            and token.low not in HEADS | WEAK_HEADS | FUNCTION | SMALL
            and self.seen_small[token.low] == 0
        )

    def _nowhere(self, text: Text, a: int) -> bool:
        """Whether two words that no list holds stand nowhere in the document as a place or a body does."""
        tokens = text.tokens
        pair = tokens[a : a + 2]
        before = tokens[a - 1] if a and tokens[a].gap.isspace() else None
        if before is not None and (before.low in NOT_AFTER or before.cap):
            return False
        if any(token.low in self.extra or token.shout or len(token.low) < 3 for token in pair):
            return False
        _, place = score(text.text, tokens, a, a + 2)
        return place < 1 and all(self.votes[token.low][1] < 1 for token in pair)

    def _nowhere_but_short(self, text: Text, a: int) -> bool:
        """As `_nowhere`, for a name that a short surname ends: Huan Le."""
        tokens = text.tokens
        before = tokens[a - 1] if a and tokens[a].gap.isspace() else None
        barred = before is not None and (before.low in NOT_AFTER or before.cap)
        _, place = score(text.text, tokens, a, a + 2)
        return not barred and tokens[a].low not in self.extra and place < 1 and self.votes[tokens[a].low][1] < 1

    def _surely_surname(self, token: Token) -> bool:
        """Whether a word has the build of a surname: O'Dell, McAra, Adeyemi-Smith."""
        halves = token.low.split("-")
        return re.match(r"(?:o'|d'|mc|mac|fitz)[^\W\d_]{3}", token.low) is not None or (
            len(halves) == 2 and any(half in self.lexicon.surnames for half in halves)
        )

    def _alone(self, text: Text, a: int, j: int) -> bool:
        tokens = text.tokens
        token, kind = tokens[a], self.kind(tokens[a])
        before = tokens[a - 1] if a else None
        person, place = score(text.text, tokens, a, a + 1)
        votes, against = self.votes[token.low]
        if (
            before is not None
            and token.gap.isspace()
            and before.low in NOT_AFTER
            and not (before.low == "that" and kind in "GSUg" and person >= 1.5)
            and (before.low != "the" or not text.text[token.end :].startswith((", ", " who")))
        ):
            return False
        in_run = (a + 1 < j and not token.owned and self.kind(tokens[a + 1]) == "W" and not tokens[a + 1].shout) or (
            before is not None
            and before.cap
            and not before.first
            and token.gap == " "
            and self.kind(before) in "WU"
            and before.low not in TITLES
        )
        if kind in "Gg" and token.shout and len(token.text) < 4 and text.mode == "mixed" and person < 2:
            return False  # SI, REG: an abbreviation
        if kind == "G":
            return place < 1.5 and not (in_run and token.low in ROYAL)
        if kind == "g":
            if in_run or place >= 1 or is_phrase(text.text, token):
                return False
            if token.low not in COMMON:  # a word, too, but acts as a person does, and nowhere stands small
                return (
                    not token.first
                    and person >= 1.75
                    and self.seen_small[token.low] == 0
                    and not self.is_place(token.low)
                )
            return person >= 1.25 if token.first else True
        if token.low in BORN_IN and not is_phrase(text.text, token):
            return person >= 1.75 and place == 0
        if kind == "S":
            return (
                not in_run
                and place == 0
                and (
                    person >= 1
                    or votes >= 1.5 > against
                    or (not token.first and against == 0 and not self._company(text, a))
                )
            )
        if kind in "sP":
            return (
                person >= 2
                and place == 0
                and not in_run
                and not (kind == "P" and (against > 0 or token.low in self.extra))
                and (not token.first or person >= 3)
            )
        if kind == "U":
            return token.low not in ACRONYMS and not in_run and votes >= 2 and votes > against and place == 0
        if self._initials(token) and text.mode == "mixed":
            return person >= 2 and place == 0 and votes > against
        return False

    def _company(self, text: Text, a: int) -> bool:
        return re.match(r"\s*(?:&|and (?:Sons?|Partners|Co)\b)", text.text[text.tokens[a].end :]) is not None

    def _without_capitals(self, text: Text) -> Iterator[tuple[int, int, str]]:
        tokens = text.tokens
        i = 0
        while i < len(tokens):
            token = tokens[i]
            kind = self.kind(token)
            j = i
            if kind == "g" and token.low in NEARLY_ALWAYS:
                kind = "G"
            if kind == "G" and len(token.low) > 2 and not (text.mode == "upper" and token.low in self.extra):
                j = i + 1
                while j < len(tokens) and j - i < 3 and self.goes_on(text, j):
                    j += 1
                if j < len(tokens) and tokens[j].low in HEADS | WEAK_HEADS and (j > i + 1 or token.low in ROYAL):
                    i = j + 1
                    continue
                if self.is_figure(tokens, i, j):
                    i = j
                    continue
            elif (
                kind == "g"
                and i + 1 < len(tokens)
                and (
                    self.kind(tokens[i + 1]) == "S"
                    or (
                        token.low not in SMALL
                        and self._more_a_surname(tokens[i + 1])
                        and not is_phrase(text.text, token)
                    )
                )
                and self.goes_on(text, i + 1)
                and not (i and token.gap.isspace() and tokens[i - 1].low in NOT_AFTER - {"a"})
            ):
                j = i + 2
            elif kind in ("S", "U") and token.low not in ACRONYMS and score(text.text, tokens, i, i + 1)[0] >= 2:
                j = i + 1
            elif kind == "g" and token.low not in SMALL and not is_phrase(text.text, token):
                j = i + (
                    score(text.text, tokens, i, i + 1)[0] >= 2
                    and _KIN.search(text.text[max(0, token.start - 30) : token.start]) is not None
                )
            elif (
                kind == "U"
                and token.low not in ACRONYMS
                and self.votes[token.low][0] >= 2 > 2 * self.votes[token.low][1]
            ):
                j = i + 1 + (i + 1 < len(tokens) and self.kind(tokens[i + 1]) in "SU" and self.goes_on(text, i + 1))
            if j > i:
                yield i, j, "in the lists of names"
            i = max(j, i + 1)

    def _more_a_surname(self, token: Token) -> bool:
        """Whether a name that may be given, too, is one of those that hardly anybody is given: Ellison, of which there is no short form."""
        low = token.low
        return (
            self.kind(token) == "G"
            and low in self.lexicon.surnames
            and low not in self.lexicon.short | self.lexicon.long
        )

    def same(self, words: tuple[str, ...]) -> Person | None:
        """The person whose surname it is, where the first words fit: S. Jenkins, Cath Jenkins."""
        for person in self.people.values():
            if len(person.words) > 1 and person.words[-1] == words[-1]:
                given, other = person.words[0], words[0]
                if (
                    other == given
                    or (min(len(other), len(given)) == 1 and other[0] == given[0])
                    or other in self.lexicon.short.get(given, ())
                ):
                    return person
        return None
