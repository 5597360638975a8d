"""People in a document: who is named in full, by which parts they are named again, and every place where they are.

Two passes. The first gathers evidence over the whole document: labels of turns, titles, "my name is",
a given name before a surname, what the words around a name say of it. The second finds every place
where somebody so found is named: whole, in part, by a short form, by initials, misspelt.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from collabnlp.context import HEADS, NOT_AFTER, ROYAL, TITLES, WEAK_HEADS, is_phrase, score
from collabnlp.lexicon import Lexicon, load_lexicon, plain
from collabnlp.tokens import Mode, Token, distance, mode_of, overall, tokens_of

Who = Literal["speaker", "interviewer", "person"]
# Ordinary words that are given names often enough to be taken for one within a sentence.
_COMMON = frozenset(
    """
    mark will rose grace hope frank bill sue guy jack art joy faith dawn penny rob pat ray rich nick max drew dean dale glen grant
    chase carol heather hazel iris ivy jade amber ruby pearl crystal daisy lily poppy violet olive rosemary robin jay josh gene herb
    don hank duke earl basil clement christian victor constance patience prudence mercy charity verity felicity blessing comfort
    precious sandy rusty scarlet summer melody harmony destiny justice trinity bonnie eve holly fern flora rowan ash cliff jean lee
    lea miles wade ward rex ginger dot kit pip sunny bob martin jason ally gay jasmine myrtle primrose herbert lance jerry john dick
    chuck bella di ad gus pete tony gene stew norm viv des mel val jo al ed mo tom dan kim jan ann anna sam ken ben tim jim joe kit
    """.split()
)
# Towns and countries before they are given names.
_PLACES_FIRST = frozenset(
    """
    chelsea lincoln kent chester preston london florence paris sydney jordan israel georgia india china asia chad kenya austin dallas brooklyn
    madison savannah carolina virginia alexandria milan roma vienna verona devon york bristol carlisle beverley kimberley kendal barry
    warwick washington stafford bradford nelson ramsey richmond boston brent bedford elgin hamilton harlow irvine mansfield melbourne
    milford norton paisley stanley stone thornton walton wellington wells weston wilton winston houston houghton dudley ely flint ford
    wing rock hope hale grove hill fleet banks burton clayton clifton denton eston easton eden cumbria wales scotland ireland england
    holland france spain germany jamaica cuba malta cyprus persia arabia egypt sudan ghana mali oman qatar iran iraq syria turkey
    lourdes geneva lima rio havana adelaide perth darwin durham essex sussex surrey dorset rutland cornwall avon tyne trent severn
    """.split()
)
_FUNCTION = frozenset(
    "he she we they you it i me him her us them his hers its their our your my who what that this these those and but or so the an in on at to of".split()
)
# Words that go on a sentence after a name where a text has no capitals.
_SMALL = frozenset(
    """
    will may said man too so then there now well just very also really back away off up down out about again all more most much some any
    both each few other such own same than was had has would could should might must can do did does done go goes going went come came
    comes get got make made take took know knew think thought see saw say says tell told ask asked is are were be been being not never
    always ever still yet here where when while until since as if like from with without for by over under between before after day
    week year time way thing things people long short good great new old big small first last next part side head hand work works
    """.split()
)
_BORN_IN = frozenset("april may june august".split())
_FEW_ACRONYMS = frozenset(
    "uk eu us mp pm it tv hr ok ai am no on so to be is me my we he do go if in of or up at as an by".split()
)
_MONTHS = frozenset("may june april august march january february july september october november december".split())
_ACRONYMS = frozenset(
    """
    ce dc cc bc uc it hr pr pm mp am uk eu us usa tv gp pa ok id ai ps vat ict cex ceo cfo coo lgr lga mou sla kpi asc icb ics ccg pct pcc
    bbc itv cic llp plc ltd cil ppe dwp phe pcn hq nb eg ie re vs phd mba ba bsc ma tbc tba fyi aob cv dj diy fe hs jv kc pc qa qc nhs lep
    led gdp gva roi rag npv faq pdf url sme hmo lpa lha psb ngo cab cvs vcs pta pta sen ehc hra sar dpa foi gis crm erp mtfs rsg bcf uksp
    se sw ne nw a b c d e f ad bc cd dvd atm pin sim sms usb mps gps dcn ccn sigoma solace cipfa mhclg dluhc dclg defra hmt hmrc mod
    dfe dft doh dhsc ofsted cqc rtpi cih iod fsb cbi tuc gmb con lab ld ukip snp dup no ex op st mr ms dr km mph pcs rv ev bt rbs hsbc bp gb
    m n o p q r s t u v w x y z i ii iii iv vi vii viii ix xi xii int iv dcs das dass dph dops ads hos cmt smt slt elt clt
    """.split()
)
_PARTICLES = frozenset(
    "de van von der den del della di da dos das du la le al el bin ibn bint ul ur ap ab ferch mac o st ter ten af".split()
)
_GENERIC = frozenset(
    """
    info enquiries enquiry contact contactus planning office admin team press comms hello support council clerk help mail email post
    customer customers services service democratic elections housing benefits noreply reply feedback consultation policy general
    reception media news jobs hr it finance legal leader chief executive parish mayor research interviews study project
    """.split()
)
_INTRO = re.compile(
    r"(?i)\b(?P<sure>my (?:full |own |maiden )?name(?: is|['’]s)|name['’]?s|(?:please |just |you can )?call me|known as|goes by(?: the name(?: of)?)?|(?:was|is|were|are|chap|fella|fellow|bloke|woman|man|guy|lady|officer|lad|girl|someone|somebody|one|colleague|friend|boss|person|councillor|leader|manager|director|daughter|son|wife|husband) (?:called|named)|nickname(?:d| is| was)?|"
    r"née|nee|signed|speaker is|interviewee is|interviewer is|present:|attendees:|participants?:|name:)"
    r"|\b(?P<soft>I am|I['’]m|this is|it['’]s|here is|here['’]s|over to|thanks?(?: you)?(?: very much| so much)?,?|cheers,?|hi,?|hello,?|hiya,?|morning,?|dear|regards,?|wishes,?|welcome,?|sorry,?|bye,?)"
)
_HEAD = re.compile(
    r"(?:^|(?<=[.?!]))[ \t]*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]?[ \t]*[-–]?[ \t]*)?[*_#>\[<(]{0,3}(?:v )?"
    r"(?P<label>[^\W\d_][\w.'’ \-]{0,38}?[\w.)]?(?:[ \t]*[(,][^()\n:]{1,40}\)?)?)[\])*_>]{0,3}[ \t]*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?[\])]?[ \t]*)?(?::|>{1,2}|[ \t][-–—](?=[ \t]))[*_]{0,2}(?=\s|$)",
    re.M,
)


@functools.cache
def _bodies_of() -> re.Pattern[str]:
    names = sorted(load_lexicon().bodies, key=lambda name: (-len(name), name))
    return re.compile(rf"(?i)(?<!\w)(?:{'|'.join(re.escape(name) for name in names)})(?!\w)")


class Person(NamedTuple):
    """Somebody: the name as `plain` writes its words, given name first (or the one word there is), and who it is to the interview."""

    words: tuple[str, ...]
    who: Who


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


def _initials_of(person: Person) -> tuple[str, str]:
    """Initials of all words of a name, and of its first and last."""
    return "".join(word[0] for word in person.words), person.words[0][0] + person.words[-1][0]


class Name(NamedTuple):
    """A place where somebody is named; `person` is None for what looks like a name and is left, `reason` says why."""

    block: int
    start: int
    end: int
    person: Person | None
    reason: str


class _Text(NamedTuple):
    text: str
    tokens: list[Token]
    mode: Mode


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
    return _Finder(texts, list(known), places, lexicon or load_lexicon()).find()


class _Finder:
    """One document under search."""

    def __init__(self, texts: Sequence[str], known: list[Person], places: frozenset[str], lexicon: Lexicon) -> None:
        self.lexicon, self.extra = lexicon, places
        tokens = [tokens_of(text) for text in texts]
        usual = overall(tokens)
        self.texts = [_Text(text, t, mode_of(t, usual)) for text, t in zip(texts, tokens, strict=True)]
        self.people: dict[tuple[str, ...], Person] = {person.words: person for person in known}
        self.left: list[Name] = []
        self.seen_low = Counter(token.low for t in tokens for token in t if not token.cap)
        self.votes: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.barred = [self._bodies(text) for text in self.texts]

    def _bodies(self, text: _Text) -> set[int]:
        """Words of firms and charities whose names look like people's."""
        found = [match.span() for match in _bodies_of().finditer(text.text)]
        return {i for i, token in enumerate(text.tokens) if token.cap and any(s <= token.start < e for s, e in found)}

    # -- classes of words ------------------------------------------------------------------------------------------

    def is_place(self, low: str) -> bool:
        return low in self.lexicon.places or low in self.extra

    def kind(self, token: Token) -> str:
        """G given name, g given name that is a word, S surname, s surname that is a word, P place, U unknown, W word, I initial, A acronym."""
        low, lexicon = token.low, self.lexicon
        if len(token.text) == 1:
            return "I" if token.cap else "W"
        if low in _MONTHS or low in _FUNCTION:
            return "W"
        parts = low.split("-")
        given, surname = low in lexicon.given, low in lexicon.surnames
        if len(parts) == 2 and all(len(p) > 1 for p in parts) and not given and not surname:
            if all(p in lexicon.given and p not in lexicon.both_ways for p in parts):
                given = True
            elif token.cap and all(p in lexicon.surnames or p in lexicon.given for p in parts):
                surname = True
        word = low in lexicon.both_ways or low in lexicon.words
        if self.is_place(low) and (not given or low in self.extra or low in _PLACES_FIRST):
            return "P"
        if given:
            return "g" if word else "G"
        if surname:
            return "s" if word else "S"
        if token.shout and len(token.text) <= 6 and not word:
            return "A"
        return "W" if word or lexicon.is_ordinary(low) or self.seen_low[low] > 1 or re.search(r"['’]", low) else "U"

    # -- first pass ------------------------------------------------------------------------------------------------

    def find(self) -> list[Name]:
        for text in self.texts:
            self._vote(text)
        first: list[tuple[int, int, int, str]] = []
        for block in range(len(self.texts)):
            first += [(block, i, j, why) for i, j, why in self._strong(block)]
        for block, i, j, _ in first:
            self._register([token.low for token in self.texts[block].tokens[i:j]])
        for block, i, j, _ in first:  # then those of whom one word is known
            token = self.texts[block].tokens[i]
            if (
                j - i == 1
                and len(token.low) > 1
                and not any(token.low in person.words for person in self.people.values())
            ):
                self.people.setdefault((token.low,), Person((token.low,), "person"))
        self._heads()
        self.parts = self._parts()
        behind = self._behind_initials()
        names = [
            name
            for block in range(len(self.texts))
            for name in self._names(block, [f[1:] for f in first if f[0] == block])
        ]
        names = [
            name._replace(person=behind.get(name.person.words, name.person)) if name.person else name for name in names
        ]
        return sorted(names + self.left, key=lambda name: name[:3])

    def _behind_initials(self) -> dict[tuple[str, ...], Person]:
        """For people named in full the one who speaks under their initials, where these fit nobody else."""
        found: dict[tuple[str, ...], Person] = {}
        for person in self.people.values():
            if person.who != "person" and len(person.words) == 1 and len(person.words[0]) in (2, 3):
                full = [
                    other
                    for other in self.people.values()
                    if len(other.words) > 1 and person.words[0] in _initials_of(other)
                ]
                if len(full) == 1:
                    found[full[0].words] = person
        return found

    def _register(self, words: list[str]) -> None:
        name = tuple(word for word in words if word not in TITLES and (len(word) > 1 or len(words) > 1))
        if len(name) < 2 or name in self.people:
            return
        same = self._same(name)
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
                len(words) == 1 and words[0].shout and 2 <= len(words[0].text) <= 3 and words[0].low not in _ACRONYMS
            )
            named = any(k in "GgSU" for k in kinds) and not any(k in "WP" for k in kinds[:1])
            if (n >= 2 and (initials or named)) or (len(words) >= 2 and kinds[0] == "G" and kinds[1] in "SsUGP"):
                self.people.setdefault(
                    tuple(token.low for token in words), Person(tuple(token.low for token in words), "person")
                )

    def _vote(self, text: _Text) -> None:
        for i, j in self._runs(text):
            if j - i > 1 and text.tokens[i].first and self.kind(text.tokens[i]) == "W":
                i += 1
            if j - i <= 2:
                person, place = score(text.text, text.tokens, i, j)
                for token in text.tokens[i:j]:
                    self.votes[token.low][0] = max(self.votes[token.low][0], person)
                    self.votes[token.low][1] += place

    def _runs(self, text: _Text) -> Iterator[tuple[int, int]]:
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
            while j > i + 1 and tokens[j - 1].low in _PARTICLES and not tokens[j - 1].cap:
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
            return not (token.first and "\n" in token.gap and before.first)
        return (
            token.low in _PARTICLES
            and len(token.low) > 1
            and j + 1 < len(tokens)
            and tokens[j + 1].cap
            and tokens[j + 1].gap in (" ", "'", "’")
        )

    def _strong(self, block: int) -> Iterator[tuple[int, int, str]]:
        """Names that evidence in the text itself makes sure."""
        text = self.texts[block]
        done: set[int] = set(self.barred[block])
        for i, j, why in (*self._introduced(text), *self._titled(text)):
            if not done & set(range(i, j)):
                done |= set(range(i, j))
                yield i, j, why
        for i, j, why in self._in_mails(text):
            yield i, j, why
        if text.mode == "mixed":
            for i, j in self._runs(text):
                for a, b, why in self._in_run(block, i, j):
                    if not done & set(range(a, b)):
                        done |= set(range(a, b))
                        yield a, b, why
            for i in self._listed_with(text, done - self.barred[block]):
                yield i, i + 1, "named beside somebody"
        else:
            for a, b, why in self._without_capitals(text):
                if not done & set(range(a, b)):
                    yield a, b, why

    def _listed_with(self, text: _Text, named: set[int]) -> list[int]:
        """Words that stand in a row with names, parted by commas or "and", and may be names themselves."""
        tokens = text.tokens
        found: list[int] = []
        for _ in range(3):
            for i, token in enumerate(tokens):
                if i in named or not token.cap or self.kind(token) not in "UgGS" or token.low in self.extra:
                    continue
                if (
                    self.kind(token) == "g"
                    and (token.first or token.low not in _COMMON)
                    and token.low not in self.lexicon.long
                ):
                    continue
                after, before = text.text[token.end : token.end + 8], text.text[max(0, token.start - 8) : token.start]
                right = re.match(r",\s+(?:and\s+)?|\s+(?:and|&)\s+", after)
                left = re.search(r"(?:,\s+(?:and\s+|or\s+)?|\s(?:and|&|or)\s+)$", before)
                at = {tokens[k].start for k in named}
                ends = {tokens[k].end for k in named}
                beside = (right and token.end + right.end() in at) or (left and token.start - len(left.group()) in ends)
                if beside and self.votes[token.low][1] == 0 and not (self.kind(token) == "U" and token.shout):
                    named.add(i)
                    found.append(i)
        return found

    def _introduced(self, text: _Text) -> Iterator[tuple[int, int, str]]:
        at = {token.start: i for i, token in enumerate(text.tokens)}
        for match in _INTRO.finditer(text.text):
            blank = re.compile(r"[\s,:\"“‘']*").match(text.text, match.end())
            i = at.get(blank.end() if blank else match.end())
            if i is None:
                continue
            kinds = [self.kind(token) for token in text.tokens[i : i + 3]]
            first = text.tokens[i]
            if first.low in TITLES or first.low in HEADS or first.low in NOT_AFTER:
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
                if match["soft"] and kinds[0] == "g" and first.low not in _COMMON:
                    good = False
            else:
                good = kinds[0] in ("G", "g", "S", "U") if match["sure"] else kinds[0] == "G"
            if not good:
                continue
            j = i + 1
            while j < len(text.tokens) and j - i < 4 and self._goes_on(text, j):
                j += 1
            yield i, j, "introduced"

    def _goes_on(self, text: _Text, j: int) -> bool:
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
            if token.low in _PARTICLES and not token.cap:
                return j + 1 < len(text.tokens) and text.tokens[j + 1].cap
            return token.cap and (kind in "GSUgsPI" or token.low in _MONTHS)
        return kind in "SG" or (kind == "s" and self.seen_low[token.low] <= 2 and token.low not in _SMALL)

    def _cut_short(self, low: str) -> Person | None:
        """The person whose given name begins so: Geth for Gethin."""
        if len(low) < 3 or low in self.lexicon.words:
            return None
        stems = {low, low.rstrip("sy"), low.removesuffix("ie"), low.removesuffix("zza"), low.removesuffix("o")}
        for person in self.people.values():
            given = person.words[0]
            if any(2 < len(stem) < len(given) and given.startswith(stem) for stem in stems):
                return person
            same = next(
                (n for n, (a, b) in enumerate(zip(low, given, strict=False)) if a != b), min(len(low), len(given))
            )
            if same >= 4 and re.fullmatch(r"[a-z]?(?:ers|sters?|e?y|ie|zy|o|bo|s|ski|dog)|", low[same:]):
                return person  # Rhodders for Rhodri
        return None

    def _initials(self, token: Token) -> bool:
        return token.shout and 2 <= len(token.text) <= 3 and token.low not in _ACRONYMS

    def _titled(self, text: _Text) -> Iterator[tuple[int, int, str]]:
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
            if self._figure(tokens, i, j + 1) or self._figure(tokens, j, j + 1):
                continue
            j += 1
            while j < len(tokens) and j - i < 5 and self._goes_on(text, j):
                j += 1
            yield i + 1, j, "after a title"

    def _in_mails(self, text: _Text) -> Iterator[tuple[int, int, str]]:
        for match in re.finditer(
            r"(?i)([a-z'’]+)[._]([a-z'’-]+?)\d*(?=\s*@|\s+\(?at\)?\s+\w+(?:\.|\s+dot))", text.text
        ):
            words = [plain(match[1]), plain(match[2])]
            if not any(word in _GENERIC for word in words) and len(words[1]) > 2:
                self._register(words)
        return iter(())

    def _figure(self, tokens: list[Token], i: int, j: int) -> bool:
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
        a = i
        while a < j:
            figure = next((b for b in range(min(j, a + 4), a, -1) if self._figure(tokens, a, b)), None)
            if figure:
                if figure - a > 1 or not tokens[a].first or self.votes[tokens[a].low][0] >= 1:
                    self.left.append(Name(block, tokens[a].start, tokens[figure - 1].end, None, "well-known person"))
                a = figure
                continue
            head = next((k for k in range(a + 1, j) if self._heads_name(tokens, a, k)), None)
            if head is not None:
                a = head + 1
                continue
            b = self._span(text, a, j)
            if b > a:
                yield (
                    a,
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

    def _before_heads(self, text: _Text) -> set[int]:
        """Words that a head makes part of a place's or an organisation's name: Wythen Vale District Council."""
        found: set[int] = set()
        if text.mode == "mixed":
            for i, j in self._runs(text):
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

    def _span(self, text: _Text, a: int, j: int) -> int:
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
                or (token.low in _BORN_IN and next_kind in "SU" and self.votes[after.low][1] == 0)
                or (kind == "g" and token.low in _COMMON)
                or (
                    kind == "P"
                    and token.low in self.lexicon.given
                    and next_kind in "SU"
                    and self.votes[after.low][1] == 0
                )
            )
            end = a
            if after.low in _PARTICLES and not after.cap:
                end = a + 3 if given else a
            elif given:
                if (
                    next_kind in "SUGI"
                    or (next_kind == "P" and after.low not in self.extra)
                    or (next_kind == "P" and kind == "G" and after.low in self.lexicon.surnames)
                    or next_kind in "gs"
                    or (
                        next_kind in "WA"
                        and kind == "G"
                        and any(
                            distance(after.low, w) <= 2 for p in self.people.values() for w in p.words if len(w) > 4
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
            elif kind in "USg" and next_kind in "SU" and not (token.first and kind == "g"):
                votes = sum(self.votes[t.low][0] - 2 * self.votes[t.low][1] for t in (token, after))
                sure = kind + next_kind in ("US", "gS", "SS") or self.votes[after.low][0] >= 1
                end = a + 2 if votes >= (1 if sure else 1.5) else a
            if end > a and not (a > 0 and tokens[a - 1].low in NOT_AFTER and kind != "G"):
                while end < j and end - a < 5 and self._goes_on(text, end) and self.kind(tokens[end]) in "SUG":
                    end += 1
                return min(end, j)
        return a + 1 if self._alone(text, a, j) else a

    def _alone(self, text: _Text, a: int, j: int) -> bool:
        tokens = text.tokens
        token, kind = tokens[a], self.kind(tokens[a])
        before = tokens[a - 1] if a else None
        person, place = score(text.text, tokens, a, a + 1)
        votes, against = self.votes[token.low]
        if (
            before is not None
            and token.gap.isspace()
            and before.low in NOT_AFTER
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
        if kind == "G":
            return place < 1.5 and not (in_run and token.low in ROYAL)
        if kind == "g":
            if token.low not in _COMMON or in_run or place >= 1 or is_phrase(text.text, token):
                return False
            return person >= 1.25 if token.first else True
        if token.low in _BORN_IN and not is_phrase(text.text, token):
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
            return not in_run and votes >= 2 and votes > against and place == 0
        if self._initials(token) and text.mode == "mixed":
            return person >= 2 and place == 0 and votes > against
        return False

    def _company(self, text: _Text, a: int) -> bool:
        return re.match(r"\s*(?:&|and (?:Sons?|Partners|Co)\b)", text.text[text.tokens[a].end :]) is not None

    def _without_capitals(self, text: _Text) -> Iterator[tuple[int, int, str]]:
        tokens = text.tokens
        i = 0
        while i < len(tokens):
            token = tokens[i]
            kind = self.kind(token)
            j = i
            if kind == "G" and len(token.low) > 2 and not (text.mode == "upper" and token.low in self.extra):
                j = i + 1
                while j < len(tokens) and j - i < 3 and self._goes_on(text, j):
                    j += 1
                if j < len(tokens) and tokens[j].low in HEADS | WEAK_HEADS and (j > i + 1 or token.low in ROYAL):
                    i = j + 1
                    continue
                if self._figure(tokens, i, j):
                    i = j
                    continue
            elif kind in ("S", "U") and score(text.text, tokens, i, i + 1)[0] >= (2 if kind == "S" else 3):
                j = i + 1
            if j > i:
                yield i, j, "in the lists of names"
            i = max(j, i + 1)

    # -- second pass -----------------------------------------------------------------------------------------------

    def _parts(self) -> dict[str, Person]:
        """Who is meant by one word: the first person found who bears it, speakers before others."""
        order = sorted(self.people.values(), key=lambda person: ("speaker", "interviewer", "person").index(person.who))
        parts: dict[str, Person] = {}
        for person in order:
            for word in person.words:
                if len(word) > 1 and word not in _PARTICLES:
                    parts.setdefault(word, person)
                    if "-" in word:
                        for piece in word.split("-"):
                            if len(piece) > 2:
                                parts.setdefault(piece, person)
        for person in order:
            if len(person.words) > 1 or person.who != "person":
                given = person.words[0]
                related = set(self.lexicon.short.get(given, ())) | set(self.lexicon.long.get(given, ()))
                related |= {s for name in self.lexicon.long.get(given, ()) for s in self.lexicon.short.get(name, ())}
                for form in sorted(related):
                    parts.setdefault(form, person)
        return parts

    def _names(self, block: int, strong: list[tuple[int, int, str]]) -> Iterator[Name]:
        text = self.texts[block]
        tokens = text.tokens
        taken: set[int] = set(self.barred[block])
        for i, j, why in self._whole(text):
            if not taken & set(range(i, j)):
                taken |= set(range(i, j))
                yield Name(
                    block, tokens[i].start, tokens[j - 1].end, self.people[tuple(t.low for t in tokens[i:j])], why
                )
        for i, j, why in strong:
            if taken & set(range(i, j)):
                continue
            taken |= set(range(i, j))
            words = tuple(t.low for t in tokens[i:j] if t.low not in TITLES) or tuple(t.low for t in tokens[i:j])
            person = self.people.get(words) or (self.parts.get(words[0]) if len(words) == 1 else self._same(words))
            if person is None and j - i == 1:
                person = (self._part(text, i, taken - {i}) or (None,))[0]
            yield Name(block, tokens[i].start, tokens[j - 1].end, person or Person(words, "person"), why)
        headed = self._before_heads(text)
        figures = {
            k
            for name in self.left
            if name.block == block
            for k, t in enumerate(tokens)
            if name.start <= t.start < name.end
        }
        for i, token in enumerate(tokens):
            if i in taken or i in figures or i in headed:
                continue
            part = self._part(text, i, taken)
            if part:
                taken.add(i)
                yield Name(block, token.start, token.end, *part)
            elif self._doubtful(text, i):
                yield Name(block, token.start, token.end, None, "an ordinary word, or a place, that may be a name")
        yield from self._dotted(block, text)
        yield from self._broken(block, text)

    def _same(self, words: tuple[str, ...]) -> Person | None:
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

    def _whole(self, text: _Text) -> Iterator[tuple[int, int, str]]:
        tokens = text.tokens
        longest = max((len(words) for words in self.people), default=0)
        for i in range(len(tokens)):
            for j in range(min(len(tokens), i + longest), i + 1, -1):
                if tuple(t.low for t in tokens[i:j]) in self.people and all(
                    re.fullmatch(r"[\s.,-]{1,4}", t.gap) for t in tokens[i + 1 : j]
                ):
                    if (
                        text.mode == "mixed"
                        and not all(t.cap or t.low in _PARTICLES for t in tokens[i:j])
                        and all(self.kind(t) in "gsW" for t in tokens[i:j])
                    ):
                        continue
                    yield i, j, "whole name"
                    break

    def _part(self, text: _Text, i: int, taken: set[int]) -> tuple[Person, str] | None:
        """Who is meant by the word at i, and how it is known; None where nobody is."""
        tokens = text.tokens
        token = tokens[i]
        kind = self.kind(token)
        known = self.parts.get(token.low)
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        near = i - 1 in taken or i + 1 in taken
        headed = after is not None and after.cap and after.gap == " " and not token.owned and after.low in HEADS
        if known is not None:
            listed = token.low in known.words
            why = "part of a name" if listed else "short form of a name"
            if text.mode != "mixed":
                ordinary = kind in "gsWP" or token.low in _MONTHS
                return None if ordinary and not near and score(text.text, tokens, i, i + 1)[0] < 2 else (known, why)
            if not token.cap:
                return (known, why) if kind in "GSU" and listed and len(token.low) > 3 else None
            if headed:
                return None
            if kind in "GSU" or (token.shout and listed and known.words == (token.low,)):
                return known, why
            return (known, why) if self._meant(text, i) else None
        if text.mode == "mixed" and not token.cap:
            return None
        if token.shout and 2 <= len(token.text) <= 3 and text.mode == "mixed":
            for person in self.people.values():
                if len(person.words) > 1 and token.low in _initials_of(person):
                    common = _ACRONYMS if person.who == "person" else _FEW_ACRONYMS
                    if token.low not in common or self._at_head(text, token):
                        return person, "initials"
        if headed or len(token.low) < 3 or kind == "P" or token.low in self.extra or token.low in _MONTHS:
            return None
        if kind in "Wgs" and not ((near and kind != "W") or (token.cap and not token.first and near)):
            return None
        if text.mode != "mixed" and kind in "W":
            return None
        if text.mode == "mixed" and kind in "GSU" and (cut := self._cut_short(token.low)) is not None:
            return cut, "a name cut short"
        for part, person in self.parts.items():
            if min(len(part), len(token.low)) < 4 or part not in person.words:
                continue
            limit = 1 if min(len(part), len(token.low)) < 7 else 2
            if kind == "G" and _sound(part) != _sound(token.low):
                continue  # Jane is not Jade
            if distance(part, token.low, limit) <= limit and (
                part[0] == token.low[0] or (limit > 1 and part[1:] == token.low[1:])
            ):
                return person, "a misspelt part of a name"
        return None

    def _meant(self, text: _Text, i: int) -> bool:
        """Whether a name that is an ordinary word, or a place, is meant as a name where it stands."""
        token = text.tokens[i]
        if is_phrase(text.text, token):
            return False
        person, place = score(text.text, text.tokens, i, i + 1)
        before = text.tokens[i - 1] if i else None
        if token.first or token.low in _MONTHS or self.kind(token) == "P":
            return person >= (0.75 if token.low not in _MONTHS else 1.25) and place == 0
        if before is not None and before.low in NOT_AFTER:
            return False
        return place == 0 or person > place

    def _at_head(self, text: _Text, token: Token) -> bool:
        return token.first and text.text[token.end : token.end + 1] in (":", ">")

    def _doubtful(self, text: _Text, i: int) -> bool:
        token = text.tokens[i]
        return (
            text.mode == "mixed"
            and token.cap
            and token.low in self.lexicon.given
            and self.kind(token) in "gPW"
            and not (token.first and token.low not in _COMMON)
        )

    def _dotted(self, block: int, text: _Text) -> Iterator[Name]:
        for match in re.finditer(r"(?<![\w.])(?:[A-Z]\.[ ]?){2,3}(?!\w)", text.text):
            letters = "".join(c for c in match.group() if c.isalpha()).casefold()
            for person in self.people.values():
                if len(person.words) > 1 and letters in _initials_of(person):
                    yield Name(block, match.start(), match.start() + len(match.group().rstrip()), person, "initials")
                    break

    def _broken(self, block: int, text: _Text) -> Iterator[Name]:
        """Names that a hyphen breaks at the end of a line."""
        for match in re.finditer(r"([^\W\d_]+)[-\u00ad]\n\s*([^\W\d_]+)", text.text):
            person = self.parts.get(plain(match[1] + match[2]))
            if person is not None:
                yield Name(block, match.start(), match.end(), person, "broken over a line")
