"""Organisations in a text, the interviewee's own among them, and roles that name one person at one of them."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from collabnlp.gazetteer import Gazetteer
from collabnlp.redact.badges import Found
from collabnlp.redact.lexicon import load_lexicon, plain
from collabnlp.redact.tokens import Covered, Mode, mode_of, tokens_of

_TYPES = {
    "county": "county council",
    "non-metropolitan district": "district council",
    "NI district": "district council",
    "unitary": "unitary council",
    "Welsh unitary authority": "unitary council",
    "Scottish unitary authority": "unitary council",
    "metropolitan district": "metropolitan council",
    "London borough": "London borough",
    "combined authority": "combined authority",
    "lep": "local enterprise partnership",
}
_WORDS = (  # what a name's own words say of its kind, the first that fits
    (r"county council|\bCC$|county$|shire$", "county council"),
    (r"london borough|royal borough", "London borough"),
    (r"district|\bDC$", "district council"),
    (r"metropolitan|\bMBC$|\bMDC$", "metropolitan council"),
    (r"borough|\bBC$|\bCBC$", "borough council"),
    (r"city", "city council"),
    (r"town", "town council"),
    (r"parish", "parish council"),
    (r"combined authority|\bCA$", "combined authority"),
    (r"enterprise partnership|\bLEP$", "local enterprise partnership"),
    (r"police|constabulary", "police force"),
    (r"fire", "fire service"),
    (r"nhs|hospital|health|icb|ccg", "health body"),
    (r"universit|college|school|academy", "place of learning"),
    (r"partnership|board|alliance|committee", "partnership"),
    (r"housing|homes", "housing association"),
    (r"council|authority", "council"),
)
_COUNCILS = frozenset(
    (*_TYPES.values(), "borough council", "city council", "town council", "parish council", "council")
)
KINDS = (*dict.fromkeys([*_TYPES.values(), *(kind for _, kind in _WORDS)]), "organisation")
_COUNCIL_TAIL = r"(?:(?:(?:County|District|Borough|City|Town|Parish|Metropolitan|Unitary|Royal)\s+){1,3}(?:Borough\s+)?(?:Council|Authority)|Council|Combined\s+Authority|CC|DC|BC|CBC|MBC|MDC|LEP|LBC|UA)"
_CAP = r"[A-Z][\w'’-]*"
_NAMED = re.compile(
    rf"\b(?:{_CAP}(?:\s+(?:and|&|upon|on|under|in|the|of|with)\s+|[\s-]+)){{1,4}}?{_COUNCIL_TAIL}\b(?!\s+(?:and|&)\s+{_CAP}\s+(?:District|Borough)\s+Councils)"
)
_STYLED = re.compile(
    rf"\b(?:London\s+|Royal\s+|Metropolitan\s+)?(?:Borough|City|County|District|Council)\s+of\s+{_CAP}(?:\s+(?:and|&|upon|on)\s+{_CAP}|\s+{_CAP})?"
)
_OTHER = re.compile(
    rf"\b(?:{_CAP}\s+(?:(?:and|&|for|of|the|on)\s+)?){{1,5}}?(?:Partnership|Board|Trust|Alliance|Police|Constabulary|University|College|Academy|Hospitals?|Association|"
    r"Homes|Housing|Foundation|Commission|Agency|Service|Services|Fund|Network|Forum|Group|ICB|CCG|NHS|Chamber|Chamber\s+of\s+Commerce|Fire\s+and\s+Rescue(?:\s+Service)?|Ltd|Limited|Society|Institute|Centre)\b"
)
_GENERIC = re.compile(
    r"\b(?:the|our|your|my|that|this|neighbouring|a neighbouring|next door)\s+(?:(?:county|district|borough|city|town|parish|unitary|combined)(?:\s+(?:council|authority))?|lep)(?![\w-])",
    re.I,
)
_WHO = (
    r"chief executives?(?: officer)?|chief execs?\b|chief ex\b|ceo|cex|chief officer|chief operating officer|coo|chief financ(?:e|ial) officer|cfo|chief information officer|chief planner|chief planning officer|chief constable|"
    r"chief internal auditor|chief accountant|chief of staff|head of paid service|(?:council|group|opposition|party|labour|conservative|tory|lib ?dem|liberal democrat|green|independent)?[ -]?leader(?:ship)?(?: of (?:the )?(?:opposition|council|(?:labour|conservative|tory|lib ?dem|liberal democrat|green|independent)(?: group)?))?|"
    r"cabinet members?|portfolio holders?|lead members?|executive members?|monitoring officer|section[ -]?151(?: officer)?|s\.? ?151(?: officer)?|returning officer|treasurer|finance director|"
    r"(?:executive |corporate |strategic |assistant |service |managing |programme |regional |area |group |deputy |interim |county |city |borough |district |finance |commercial |medical |nursing |hr |it )*directors?|"
    r"(?:assistant |deputy |joint |shared |service |group )*head(?=\s+(?:of|for)\b)|town clerk|county clerk|clerk|lord mayor|metro mayor|mayor|lord lieutenant|vice[ -]?chair(?:man|woman|person)?|chair(?:man|woman|person)?|"
    r"county solicitor|borough solicitor|city solicitor|(?:county|city|borough|district) (?:treasurer|architect|engineer|surveyor|planner|planning officer|archivist|librarian|secretary|auditor|ecologist)|"
    r"police and crime commissioner|pcc\b|crime commissioner|(?:[a-z]+ ){0,2}(?:manager|officer|lead|co-?ordinator|adviser|advisor|planner|solicitor|lawyer|engineer|surveyor|accountant|auditor|analyst|commissioner|secretary|spokesperson|spokesman|spokeswoman|whip|superintendent|commander|inspector|principal|headteacher|head teacher|vice[- ]chancellor|registrar|ecologist|architect|librarian|archivist|pa to the [a-z ]+|pa)|"
    r"member(?= for)|councillor(?= for)|mp\b|ward (?:member|councillor)"
)
_QUALIFIED = r"(?:(?:former|current|then|previous|new|old|ex|acting|interim|deputy|assistant|vice|joint|shared|group|first|outgoing|incoming|lead|senior|principal|longest[- ]serving|retired|late|own|then|present|last|next|in-?coming|newly appointed|political|opposition|conservative|labour|tory|lib ?dem|liberal democrat|independent|green|statutory|permanent|temporary|part-time|then-?)[\s-]+)*"
_PORTFOLIO = r"(?:\s+(?:of|for|in charge of|with responsibility for|responsible for|on)\s+(?:(?!(?:of|at|in|on|with|from|the|our|my|a|an|their|her|his|who|here|over)\b)[\w&'’-]+(?:,?\s+|\s*/\s*)?(?:and\s+|&\s+|to\s+)?){1,5}?)?"
_LINK = r"(?:\s*,?\s+(?:over\s+|here\s+|down\s+|up\s+|across\s+|out\s+|back\s+|there\s+|based\s+|working\s+|employed\s+)?(?:of|at|for|in|on|with|from|to|within|by)|\s*,|\s*\(|\s+[-–—])\s*(?:both\s+|what (?:was|is)\s+|what['’]s\s+|the\s+(?:old\s+|former\s+|new\s+|then\s+)?|neighbouring\s+|nearby\s+|our\s+(?:neighbours?,?\s+)?)?"
_LEFT = re.compile(rf"(?i)(?<![\w-])(?P<role>{_QUALIFIED}(?:{_WHO}){_PORTFOLIO}){_LINK}$")
_FIELD = (
    r"(?:adults?|adult|assets|asset|benefits|business|care|change|children(?:['’]s)?|climate|commercial|commissioning|communications|communities|community|corporate|culture|customers?|"
    r"delivery|democratic|development|digital|economic|economy|education|elections|engagement|environment|environmental|estates|families|finance|financial|governance|growth|"
    r"health|highways|homelessness|housing|human|improvement|infrastructure|innovation|integration|investment|law|learning|legal|leisure|localities|neighbourhoods?|networks|operations|"
    r"partnerships?|people|performance|place|places|planning|policy|procurement|programmes?|property|protection|public|recycling|regeneration|relations|resources|revenues|safeguarding|safety|"
    r"schools|security|services?|skills|social|sport|strategic|strategy|support|sustainability|technology|tourism|transformation|transport|travel|waste|wellbeing|work|youth|cleansing|street|"
    r"parks|open|spaces|audit|risk|hr|it|ict|well-being|inclusion|equalities|libraries|registration|emergency|resilience)"
)
_RIGHT = re.compile(
    r"(?i)(?:['’]s?|s['’])?(?P<link>,?\s+(?:whose\s+|where\s+(?:I|she|he)(?:['’]m|['’]s|\s+am|\s+is|\s+was)\s+(?:the\s+)?|\()?|\s*\((?:the\s+)?)"
    rf"(?P<role>{_QUALIFIED}(?:{_WHO})(?:\s+(?:of|for)\s+(?:the\s+)?[\w&'’-]+(?:,?\s+(?:and\s+|&\s+)?{_FIELD}\b)*)?)(?![\w-])"
)
_VAGUE = frozenset(
    "manager managers officer officers lead leads group leadership planners officers' members member leaders directors chairs mayors".split()
)


_NO_NAMES = frozenset(
    "Council County District Borough City Town Head Director Manager Chief Leader Chair Deputy Cabinet Portfolio Officer Clerk".split()
)


class Organisation(NamedTuple):
    """An organisation where a text names it; `kind` as in `KINDS`; `bare` for a place's name that stands for its council."""

    start: int
    end: int
    name: str
    kind: str
    own: bool
    bare: bool


class Own(NamedTuple):
    """The interviewee's organisations and places: patterns of their names with what each is replaced by."""

    organisations: tuple[tuple[re.Pattern[str], str, bool], ...]
    places: tuple[re.Pattern[str], ...]
    plain: frozenset[str]


def kind_of(name: str, gazetteer: Gazetteer | None = None) -> str:
    """What an organisation is, from the gazetteer or the name's own words.

    Examples
    --------
    >>> kind_of("Orrenshire County Council"), kind_of("Tarnholt DC"), kind_of("Acme")
    ('county council', 'district council', 'organisation')
    """
    if gazetteer is not None:
        ids = gazetteer.aliases.get(name, ("bare", ()))[1]
        kind = _TYPES.get(gazetteer.entities[ids[0]].type) if ids else None
        if kind:
            return kind
    return next(
        (
            kind
            for words, kind in _WORDS
            if re.search(words, name, re.I if words.islower() else 0) or re.search(words, name.lower())
        ),
        "organisation",
    )


def bare_name(name: str) -> str:
    """A council's name without the words for what it is.

    Examples
    --------
    >>> bare_name("London Borough of Marle"), bare_name("Tarnholt District Council"), bare_name("Acme Ltd")
    ('Marle', 'Tarnholt', 'Acme Ltd')
    """
    bare = re.sub(
        r"(?i)^(?:the\s+)?(?:(?:london|royal|metropolitan)\s+)?(?:(?:borough|city|county|district|council)\s+of\s+)?",
        "",
        name.strip(),
    )
    return re.sub(rf"\s+{_COUNCIL_TAIL}$", "", bare).strip() or name


def own_names(organisations: Iterable[str], places: Iterable[str], gazetteer: Gazetteer | None = None) -> Own:
    """Patterns of everything that the interviewee's own organisations and places are called."""
    patterns: list[tuple[re.Pattern[str], str, bool]] = []
    words: set[str] = set()
    for name in dict.fromkeys(filter(None, map(str.strip, organisations))):
        names, kind = _called(name, gazetteer)
        bare = bare_name(name)
        council = bare != name or kind in KINDS[:6]
        for alias in sorted(names, key=lambda alias: (-len(alias), alias)):
            single = alias == bare and council
            patterns.append((_pattern(alias, exact=alias.isupper()), kind, single))
            words.add(plain(alias))
        if council and bare not in names:
            patterns.append((_pattern(bare), kind, True))
            words.add(plain(bare))
    found = [_pattern(place.strip()) for place in dict.fromkeys(places) if place.strip()]
    words.update(plain(place.strip()) for place in places if place.strip())
    return Own(tuple(patterns), tuple(found), frozenset(words))


def _called(name: str, gazetteer: Gazetteer | None) -> tuple[set[str], str]:
    """All names of an organisation: of the gazetteer, and those that people make of it."""
    names, kind = {name}, kind_of(name, gazetteer)
    if gazetteer is not None:
        known = next((alias for alias in gazetteer.aliases if plain(alias) == plain(name)), None)
        if known:
            ids = set(gazetteer.aliases[known][1])
            names |= {alias for alias, (_, bearers) in gazetteer.aliases.items() if ids & set(bearers)}
            kind = kind_of(known, gazetteer)
    bare = bare_name(name)
    if bare != name:
        for tail in (
            "Council",
            "County Council",
            "District Council",
            "Borough Council",
            "City Council",
            "County",
            "City",
            "District",
            "Borough",
            "CC",
            "DC",
            "BC",
            "CBC",
            "MBC",
        ):
            names.add(f"{bare} {tail}")
        names |= {
            f"{style} of {bare}"
            for style in ("Borough", "City", "County", "District", "Royal Borough", "London Borough")
        }
    for full in list(names):
        letters = [word[0] for word in re.findall(r"[A-Za-z]+", full) if word[0].isupper()]
        collective = re.search(
            r"(?i)council|authority|partnership|board|trust|alliance|association|service|group|lep$", full
        )
        ours = full == name or plain(full).startswith(plain(bare))
        if len(letters) >= 3 and not full.isupper() and collective and ours:
            names.add("".join(letters))
    return {alias for alias in names if len(alias) > 2}, kind


def _pattern(name: str, *, exact: bool = False) -> re.Pattern[str]:
    parts = re.split(r"[\s-]+", re.sub(r"['’]", "'", name))
    words = [r"(?:and|&)" if part in ("and", "&") else re.escape(part).replace("'", "['’]?") for part in parts]
    joined = r"(?:[ \t\xa0-]+|[ \t]*\n[ \t]*)".join(words)
    return re.compile(rf"(?<![\w@.])(?:{joined})(?!\w)", 0 if exact else re.I)


_OURS = re.compile(
    r"(?i)\b(?:(?:we|us|here|I['’]m|I am|I['’]ve been|people here|colleagues|my (?:job|role|time|work|desk)) (?:here )?(?:at|in|for|with|on)|"
    r"I (?:work|lead|run|manage|represent|chair|sit)(?: (?:for|at|in|with|here at|on))?|(?:our|my) (?:own )?(?:council|authority|employer|organisation|patch),?(?: which is)?|"
    r"(?:I['’]m|I am|I['’]ve been|my name is|my name['’]s|call me|I serve as|I act as)\b[^.?!]{0,90}?(?:\b(?:of|at|for|in|on|with|from)|,|\band)|we are|we['’]re|"
    r"interview(?:ed)? (?:with|at|for)\b[^.]{0,60}?)\s+(?:the\s+)?$"
)
_PAST = re.compile(
    r"(?i)\b(?:was|used to|before|former(?:ly)?|previous(?:ly)?|until|ex|years ago|started (?:out )?|began|spell|stint|came from|moved from|left|not)\b"
)
_OURS_AFTER = re.compile(
    r",? where (?:I|we)['’]?\b|,? (?:we|I) (?:do|have|are|work)\b|,? (?:is|are) (?:my|our) (?:council|authority|employer|patch|own)|,? my (?:council|authority|employer)\b"
)


def guess_own(
    texts: Sequence[str], labels: Iterable[str], gazetteer: Gazetteer | None, first: Iterable[int] = ()
) -> tuple[list[str], str]:
    """The interviewee's own organisations, guessed, and on what grounds; none where nothing tells.

    `first` are the interviewee's first turns, in which people say who they are.
    """
    firm: Counter[str] = Counter()
    named: Counter[str] = Counter()
    longest: dict[str, str] = {}
    empty, opening = own_names((), ()), set(first)
    found = [[o for o in find_organisations(text, empty, gazetteer) if o.kind in _COUNCILS] for text in texts]
    bare = {bare_name(o.name) for some in found for o in some}
    for i, text in enumerate(texts):
        spots = [(o.start, o.end, o.name) for o in found[i]]
        for name in bare:
            spots += [
                (m.start(), m.end(), name)
                for m in _pattern(name).finditer(text)
                if m.group()[0].isupper() or text.islower()
            ]
        for start, end, name in dict.fromkeys(spots):
            group = plain(bare_name(name))
            longest[group] = max(longest.get(group, ""), name, key=len)
            named[group] += 1
            before = text[max(0, start - 110) : start]
            sentence = re.split(r"[.?!]\s", before)[-1]
            if (_OURS.search(before) or _OURS_AFTER.match(text[end:])) and not _PAST.search(sentence):
                firm[group] += 3
            elif i in opening and _leftmost(text, start) and not _PAST.search(sentence):
                firm[group] += 2
    for label in labels:
        for o in find_organisations(label, empty, gazetteer):
            group = plain(bare_name(o.name))
            longest[group] = max(longest.get(group, ""), o.name, key=len)
            firm[group] += 6
    if firm:
        best = max(firm.values())
        return [
            longest[group] for group in sorted(firm) if firm[group] >= max(2, 0.6 * best)
        ], "the interviewee says so"
    ranked = named.most_common(2)
    if ranked and ranked[0][1] >= 4 and (len(ranked) == 1 or ranked[0][1] >= 2 * ranked[1][1]):
        return [longest[ranked[0][0]]], "named most"
    return [], ""


def find_organisations(text: str, own: Own, gazetteer: Gazetteer | None, usual: Mode = "mixed") -> list[Organisation]:
    """Organisations that a text names, the longest where two overlap, in reading order; `usual` is the document's use of capitals."""
    found: list[Organisation] = []
    mode = mode_of(tokens_of(text), usual)
    for pattern, kind, bare in own.organisations:
        for match in pattern.finditer(text):
            if bare and match.group().islower() and mode != "lower":
                continue
            found.append(Organisation(match.start(), match.end(), match.group(), kind, True, bare))
    for pattern in (_NAMED, _STYLED, _OTHER):
        for match in pattern.finditer(text):
            start = (
                match.start()
                + len(match.group())
                - len(
                    re.sub(
                        r"^(?:(?:The|At|In|And|But|So|When|For|With|From|If|As|Then|We|I|Our|Both|Now|Of|To|That|Because|Is|Was|Does|Did|Has|Had)\s+)+",
                        "",
                        match.group(),
                    )
                )
            )
            name = text[start : match.end()]
            if start < match.end() and name.split()[0] not in _NO_NAMES:
                found.append(Organisation(start, match.end(), name, kind_of(name, gazetteer), False, False))
    if gazetteer is not None:
        found += _listed(text, gazetteer, mode)
    kept: list[Organisation] = []
    taken = Covered(len(text))
    for one in sorted(found, key=lambda o: (-(o.end - o.start), not o.own, o.start)):
        if not taken.meets(one.start, one.end):
            kept.append(one)
            taken.add(one.start, one.end)
    return sorted(kept)


@functools.lru_cache(maxsize=4)
def _index(gazetteer: Gazetteer) -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """Aliases by the first of their words, the longest first; words as `plain` writes them, without "and"."""
    index: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for alias in gazetteer.aliases:
        words = tuple(word for word in re.findall(r"[^\W\d_]+", plain(alias)) if word != "and")
        if words:
            index.setdefault(words[0], []).append((words, alias))
    for rows in index.values():
        rows.sort(key=lambda row: (-len(row[0]), row[1]))
    return index


def _listed(text: str, gazetteer: Gazetteer, mode: Mode) -> Iterator[Organisation]:
    """Names of the gazetteer; where a text has no use of capitals, those that are no ordinary words."""
    lexicon = load_lexicon()
    words = list(re.finditer(r"[^\W\d_]+", text))
    low = [plain(word.group()) for word in words]
    for i, word in enumerate(words):
        if mode == "mixed" and not word.group()[0].isupper():
            continue
        for wanted, alias in _index(gazetteer).get(low[i], ()):
            j, at = i, 0
            while at < len(wanted) and j < len(words) and (low[j] == wanted[at] or (low[j] == "and" and at)):
                at += low[j] == wanted[at]
                j += 1
            if at < len(wanted) or any(
                re.search(r"[^\s&'’.-]", text[words[k].end() : words[k + 1].start()]) for k in range(i, j - 1)
            ):
                continue
            form = gazetteer.aliases[alias][0]
            if form == "abbreviation" and text[word.start() : words[j - 1].end()] != alias:
                continue
            if (
                mode != "mixed"
                and len(wanted) == 1
                and (low[i] in lexicon.both_ways | lexicon.words or form == "abbreviation")
            ):
                continue
            yield Organisation(
                word.start(), words[j - 1].end(), alias, kind_of(alias, gazetteer), False, form == "bare"
            )
            break


def find_roles(text: str, organisations: Sequence[Organisation]) -> list[tuple[Found, str]]:
    """Roles at a named organisation, or at "the county" and its like, with what each is generalised to.

    Examples
    --------
    >>> text = "I met Tarnholt District Council's leader and the chief exec over at Wythen Vale DC, and a chief executive."
    >>> organisations = find_organisations(text, own_names((), ()), None)
    >>> [(text[f.start : f.end], general) for f, general in find_roles(text, organisations)]
    [("Tarnholt District Council's leader", '[leader of a district council]'), ('chief exec over at Wythen Vale DC', '[chief executive of a district council]')]
    """
    spans = [(o.start, o.end, o.kind) for o in organisations]
    taken = Covered(len(text), [(o.start, o.end) for o in organisations])
    for match in _GENERIC.finditer(text):
        start = match.start() + len(match.group()) - len(match.group().split(None, 1)[-1])
        if not taken.meets(start, match.end()):
            taken.add(start, match.end())
            spans.append(
                (
                    start,
                    match.end(),
                    kind_of(match.group()) if "lep" not in match.group().lower() else "local enterprise partnership",
                )
            )
    roles: list[tuple[Found, str]] = []
    for start, end, kind in sorted(spans):
        left = _leftmost(text, start)
        if left:
            roles.append(
                (
                    Found(left.start("role"), end, "role", "a role and its organisation"),
                    general_role(left["role"], kind),
                )
            )
            continue
        right = _RIGHT.match(text, end)
        if (
            right
            and not _plural(right["role"])
            and (
                right["link"].strip()
                or right.group().strip()[:1] in "'’"
                or _definite(text, start)
                or right["role"].lower().split()[-1] not in _VAGUE
            )
        ):
            roles.append(
                (
                    Found(start, right.end(), "role", "an organisation and a role at it"),
                    general_role(right["role"], kind),
                )
            )
    return roles


def _leftmost(text: str, start: int) -> re.Match[str] | None:
    window = text[max(0, start - 140) : start]
    offset = max(0, start - 140)
    cut = max((m.end() for m in re.finditer(r"[.!?:;]\s", window)), default=0)
    for match in re.finditer(rf"(?i)(?<![\w-])(?={_QUALIFIED}(?:{_WHO}))", window[cut:]):
        found = re.compile(_LEFT.pattern).match(text, offset + cut + match.start(), start)
        if found and not _plural(found["role"]):
            return found
    return None


def _plural(role: str) -> bool:
    return (
        re.search(
            r"(?i)\b(?:executives|leaders|directors|officers|managers|chairs|mayors|members|execs|clerks|holders|leadership|planners)\b",
            role,
        )
        is not None
    )


def _definite(text: str, start: int) -> bool:
    return (
        re.search(r"(?i)\b(?:the|our|their|its|former|then|by|from|with|to)\s+$", text[max(0, start - 12) : start])
        is not None
    )


def general_role(role: str, kind: str) -> str:
    """What stands in a role's place: the kind of role where many hold such a one, else how senior it is."""
    low = re.sub(r"\s+", " ", role.lower())
    for words, general in (
        (r"deputy leader", "deputy leader"),
        (r"opposition", "opposition leader"),
        (r"\bleader", "leader"),
        (r"chief ex|ceo|cex|paid service", "chief executive"),
        (r"cabinet|portfolio|lead member|executive member", "cabinet member"),
        (r"mayor", "mayor"),
        (r"chair", "chair"),
        (r"councillor|member for|ward|\bmp\b", "elected member"),
        (
            r"director|chief|head of|monitoring|151|treasurer|solicitor|clerk|commissioner|constable|registrar|principal",
            "senior officer",
        ),
    ):
        if re.search(words, low):
            return f"[{general} of {'an' if kind[0] in 'aeio' else 'a'} {kind}]"
    return f"[officer of {'an' if kind[0] in 'aeio' else 'a'} {kind}]"
