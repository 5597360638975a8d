"""Roles at an organisation that no list knows: Sallowby's chief executive, the leader over at Gressing.

What stands beside a role is a body or a place, unless it is a person's name; of what kind, nobody
can tell, so that the role becomes that of "a council".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from collabnlp.redact.lexicon import load_lexicon, plain
from collabnlp.redact.tokens import Covered, Mode, mode_of, tokens_of

_BEFORE = (
    r"(?:(?:former|current|then|previous|new|old|ex|acting|interim|deputy|assistant|vice|joint|shared|first|outgoing|incoming|lead|senior|retired|last|next|longest[- ]serving|long[- ]serving|newly elected|newly appointed|own|statutory|permanent|part[- ]time|"
    r"executive|corporate|strategic|managing|service|group|cabinet)[\s-]+)*"
)
_FIELDS = (
    r"(?:adults?|assets?|benefits|building|business|care|change|children(?:['’]?s)?|climate|commissioning|communications|communities|community|corporate|culture|customers?|"
    r"delivery|democratic|development|digital|economic|economy|education|elections|engagement|environment|environmental|estates|families|finance|governance|growth|"
    r"health|highways|homelessness|homes|housing|human|improvement|infrastructure|innovation|integration|it|ict|hr|law|learning|legal|leisure|licensing|localities|neighbourhoods?|operations|"
    r"partnerships?|parks|people|performance|place|places|planning|policy|procurement|programmes?|property|protection|public|recycling|regeneration|resources|revenues|safeguarding|safety|"
    r"schools|services?|skills|social|sport|strategy|support|sustainability|technology|tourism|transformation|transport|treasury|waste|wellbeing|work|youth|paid|internal|audit|comms|control|standards|"
    r"scrutiny|council|opposition)"
)
_OF = rf"(?:\s+(?:of|for)\s+(?:the\s+)?{_FIELDS}(?:(?:,\s+|\s+(?:and|&)\s+|\s+)(?:the\s+)?{_FIELDS}\b){{0,4}})"
_POST = (
    rf"(?:(?:chief executive(?: officer)?|chief exec|chief ex|ceo|cex|(?:council |group |opposition )?leader|(?:executive |corporate |strategic |finance |managing )?director(?:{_OF})?|"
    rf"(?:cabinet member|portfolio holder|lead member|executive member)(?:{_OF})?|(?:section (?:151|one five one|one fifty[- ]one)|s\.?\s?151)(?: officer)?|monitoring officer|returning officer|"
    rf"(?:lord |metro )?mayor|town clerk|clerk|treasurer|finance director|city solicitor|borough solicitor|solicitor|chief officer|chief constable|chief planner|chief (?:operating|finance|financial) officer|"
    rf"(?:head|service head){_OF}|head of paid service|chair(?:man|woman|person)?(?:{_OF})?|(?:planning|licensing|audit|standards|housing|policy|transport|programme|project|finance|hr|communications|comms|scrutiny|regeneration|partnerships?) (?:manager|officer|lead|director|chair(?:man|woman|person)?)|"
    r"(?:principal|senior) (?:planner|planning officer|policy officer|solicitor|engineer|surveyor|accountant)))"
)
_POST = rf"(?:{_POST}(?:\s+(?:and|&)\s+{_POST})?|counterpart|opposite number)"
# Whoever works somewhere, of whatever seniority: a payroll assistant at Gressing.
_WORKER = (
    r"(?:assistant|manager|officer|lead|director|chair(?:man|woman|person)?|co-?ordinator|advis[eo]r|analyst|planner|solicitor|lawyer|barrister|paralegal|counsel|engineer|surveyor|valuer|accountant|auditor|administrator|"
    r"clerk|secretary|receptionist|technician|apprentice|trainee|graduate|intern|inspector|warden|ranger|caretaker|supervisor|foreman|forewoman|driver|worker|caseworker|social worker|practitioner|specialist|expert|consultant|"
    r"partner|associate|economist|statistician|researcher|ecologist|archivist|librarian|curator|architect|designer|developer|programmer|buyer|registrar|superintendent|commissioner|controller|treasurer|bursar|cashier|owner|guardian|"
    r"champion|ambassador|spokesman|spokeswoman|spokesperson|editor|head|deputy|boss|number two|chief|executive|principal|governor|trustee|chaplain|matron|midwife|nurse|therapist|psychologist|teacher|headteacher|professor|lecturer|"
    r"fellow|scientist|(?:comms|it|hr|finance|legal|policy|planning|press) (?:person|man|woman|lady|guy|girl)|toxicologist|enforcer|negotiator|investigator|facilitator|operative|cleaner|cook|gardener|groundsman|electrician|plumber|joiner|mechanic|loader|whip|agent|pa|mp)"
)
_OF_ANY = r"(?:\s+(?:of|for|to)\s+(?:(?!(?:of|at|in|on|with|from|our|my|a|an|their|her|his|who|here|over|and|who|was|is)\b)[a-zA-Z&'’-]+[ \n]+(?:(?:and|&)[ \n]+)?){0,4}?[a-zA-Z&'’-]+)?"
_JOB = rf"(?:(?:(?!(?:the|a|an|our|my|their|his|her|its|your|this|that|every|each|any|no|some|was|is|as|by|and|or|to|of|with|from|for|s)\b)[a-z0-9&'’-]+[ \n]+){{0,3}}?{_WORKER}{_OF_ANY})"
_CAP = r"(?:St\.?[ ])?[A-Z][a-z’']*[A-Za-z-]+"
_NAME = rf"{_CAP}(?:(?:[ -](?:on|upon|under|le|in|the|and|of|cum|super|by)[ -](?:the[ -])?|[ -]|\n){_CAP}){{0,3}}"
_AT = r"(?:\s*\((?:of |at )?|\s*,?\s+(?:(?:over|down|up|across|out|back|there|based|working|employed|in post)\s+)?(?:of|at|for|in|from|with|to)\s+)(?:both\s+)?(?:the\s+(?:old\s+)?|what was (?:then )?|neighbouring\s+|nearby\s+|our friends at\s+)?"
_POST_FIRST = re.compile(rf"(?<![\w-])(?P<role>(?i:{_BEFORE}{_POST})){_AT}(?P<name>{_NAME})")
_NAME_FIRST = re.compile(
    rf"(?<![\w-])(?P<name>{_NAME})(?:['’]s?|s['’])?[ \n]+(?:own\s+)?(?P<role>(?i:{_BEFORE}{_POST}))(?![\w-])"
)
_JOB_FIRST = re.compile(
    rf"(?<![\w-])(?P<role>(?i:{_JOB}))(?:,?[ \n]+(?:(?:over|down|up|across|out|back|there|based|working|employed|in post)[ \n]+)?(?:at|for)[ \n]+)(?:the\s+(?:old\s+)?|what was (?:then )?|neighbouring\s+|nearby\s+)?(?P<name>{_NAME})"
)
_JOB_OWNED = re.compile(
    rf"(?<![\w-])(?P<name>{_NAME})(?:['’]s|s['’])[ \n]+(?:own[ \n]+)?(?P<role>(?i:{_BEFORE}{_JOB}))(?![\w-])"
)
# Of one word, or of two where one of them is a part of many places' names, or of two bodies that became one.
_LOWER_PLACE = (
    r"(?:(?:north|south|east|west|mid|upper|lower|great|little|new|old) [a-z'’-]{4,}|[a-z'’-]{4,}[ \n](?:vale|valley|moors?|forest|marsh(?:es)?|fens?|ridge|coast|downs|wolds|hills|dale|levels|bay|sands|heath|regis|magna|parva)"
    r"|[a-z'’-]{4,} and [a-z'’-]{4,}|[a-z'’-]{4,}(?: (?:up)?on [a-z]{3,})?)"
)
_LOWER_JOB_FIRST = re.compile(
    rf"(?<![\w-])(?P<role>{_JOB})[ \n]+(?:(?:over|down|up|across|out|back|there|based|working|employed|in post)[ \n]+)?(?:at|for)[ \n]+(?:the\s+(?:old\s+)?)?(?P<name>{_LOWER_PLACE})(?![\w-])"
)
_LOWER_JOB_OWNED = re.compile(rf"(?<![\w-])(?P<name>{_LOWER_PLACE})['’]s[ \n]+(?:own[ \n]+)?(?P<role>{_JOB})(?![\w-])")
_LOWER_FIRST = re.compile(rf"(?<![\w-])(?P<role>{_BEFORE}{_POST}){_AT}(?P<name>{_LOWER_PLACE})(?![\w-])")
_LOWER_OWNED = re.compile(
    rf"(?<![\w-])(?P<name>{_LOWER_PLACE}?)(?:['’]s?|s['’]?)\s+(?P<role>{_BEFORE}{_POST})(?![\w-])"
)
_LOWER_NAMED = re.compile(rf"(?<![\w-])(?P<name>{_LOWER_PLACE})\s+(?P<role>{_BEFORE}{_POST})(?![\w-])")
# What may be capitalised beside a role and is no organisation of somebody's.
_NOBODY = frozenset(
    """
    the a an and but so then our their his her its my your this that these those when where who what which how why if as at in on of for from with to by we i he she they it you yes no well
    former current interim acting deputy assistant chief executive director leader head mayor chair cabinet council county district borough city town parish councillor cllr mr mrs ms dr sir
    finance housing planning place people resources legal corporate democratic children adult adults highways transport environment regeneration growth communities culture health social
    january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday christmas easter
    london labour tory conservative conservatives lib dem dems liberal democrat democrats green greens ukip independent independents england britain uk wales scotland ireland europe whitehall westminster parliament government
    treasury cabinet defra nhs lga mhclg dfe bbc brexit north south east west english british welsh scottish european local national regional another every each one two three both any some no new old
    economic public services service section monitoring returning officer lead senior principal head strategic group executive opposition political overview scrutiny human commercial digital
    economy development operations waste strategy policy communications transformation children's
    """.split()
)


_SIDES = frozenset("north south east west mid upper lower great little new old".split())


class Post(NamedTuple):
    """A role with the name of its organisation: where, and the role's words."""

    start: int
    end: int
    role: str
    name: str


def find_posts(
    text: str,
    people: Collection[str],
    heard: Collection[str],
    taken: Sequence[tuple[int, int]],
    usual: Mode = "mixed",
) -> Iterator[Post]:
    """Roles beside a name that is no person's.

    Parameters
    ----------
    people
        Words of the names of the document's people, as `plain` writes them.
    heard
        Names that are said for places or bodies elsewhere in the document, as `names_heard` gives them: in a
        text without capitals, only they and words of no language are taken for such.
    taken
        Where other names stand that are to be left alone.
    usual
        How the document uses capitals.

    Examples
    --------
    >>> text = "I met Sallowby's chief executive and the director of place over at Gressing Moor, not Ann's leader."
    >>> sorted(text[post.start : post.end] for post in find_posts(text, {"ann"}, (), ()))
    ["Sallowby's chief executive", 'director of place over at Gressing Moor']
    """
    lower = mode_of(tokens_of(text), usual) != "mixed"
    patterns = (
        (_LOWER_FIRST, _LOWER_OWNED, _LOWER_NAMED, _LOWER_JOB_FIRST, _LOWER_JOB_OWNED)
        if lower
        else (_POST_FIRST, _NAME_FIRST, _JOB_FIRST, _JOB_OWNED)
    )
    source = text.lower() if lower and len(text.lower()) == len(text) else text
    covered = Covered(len(text), taken)
    for pattern in patterns:
        for match in pattern.finditer(source):
            start, end = match.span()
            name = match["name"]
            if pattern in (_NAME_FIRST, _JOB_OWNED) and (cut := _said_first(name)):
                name, start = name[cut:], start + cut
            if pattern in (_POST_FIRST, _JOB_FIRST):
                name, end = _cut_people(name, end, people)
            if not name or covered.meets(start, end):
                continue
            if _is_body(
                name,
                people,
                heard,
                lower=lower,
                owned=pattern in (_NAME_FIRST, _JOB_OWNED, _LOWER_OWNED, _LOWER_JOB_OWNED),
            ):
                covered.add(start, end)
                yield Post(start, end, match["role"], name)


def names_heard(texts: Sequence[str]) -> frozenset[str]:
    """Names that stand as a place's or a body's does in some sentence: in Sallowby, Sallowby Council.

    Examples
    --------
    >>> sorted(names_heard(["We met in Sallowby with Gressing Council. Sallowby's roads are bad."]))
    ['gressing', 'sallowby']
    """
    heard = set()
    for text in texts:
        for match in re.finditer(
            rf"\b(?:in|near|around|across|outside|throughout)\s+({_CAP})|\b({_CAP})\s+(?:Council|Borough|District|County|City)\b",
            text,
        ):
            heard.add(plain(match[1] or match[2]))
        for match in re.finditer(r"\b([a-z]{4,}) (?:council|borough|district|county|city|metropolitan)\b", text):
            heard.add(plain(match[1]))
            if match[1] not in _SIDES and (
                before := re.search(r"\b([a-z'’-]{4,}) $", text[max(0, match.start() - 25) : match.start()])
            ):
                heard.add(f"{plain(before[1])} {plain(match[1])}")
    return frozenset(heard)


def paired_bodies(texts: Sequence[str], usual: Mode) -> frozenset[str]:
    """In a document without capitals, two words that stand only together, and more than once: garth and wyke, a body of two.

    Examples
    --------
    >>> sorted(paired_bodies(["we joined orrley and tarn in may", "then orrley and tarn left us and the rest"], "lower"))
    ['orrley and tarn']
    """
    if usual != "lower":
        return frozenset()
    lexicon = load_lexicon()
    words = Counter(plain(word) for text in texts for word in re.findall(r"[a-zA-Z'’-]+", text))
    pairs = Counter(
        (plain(match[1]), plain(match[2]))
        for text in texts
        for match in re.finditer(r"\b([a-z'’-]{4,})(?=\s+and\s+([a-z'’-]{4,})\b)", text)
    )
    return frozenset(
        f"{first} and {second}"
        for (first, second), n in pairs.items()
        if n > 1
        and words[first] == words[second] == n
        and not any(word in lexicon.words and word not in lexicon.places for word in (first, second))
        and not (first in lexicon.given and second in lexicon.given)
    )


def _said_first(name: str) -> int:
    """Letters of the words before a name that are none of it: And Sallowby."""
    match = re.match(
        r"(?:(?:The|At|In|And|But|So|When|For|With|From|If|As|Then|We|Our|Both|Now|Of|To|That|Because|Is|Was|Even|Old|By|My|Their|Poor|Only)[ \n]+)+",
        name,
    )
    return match.end() if match else 0


def _cut_people(name: str, end: int, people: Collection[str]) -> tuple[str, int]:
    """A name up to where a person's begins, with where it ends."""
    for match in re.finditer(r"[ \n]", name):
        if plain(name[match.end() :].split()[0]) in people:
            return name[: match.start()], end - len(name) + match.start()
    return name, end


def _is_body(name: str, people: Collection[str], heard: Collection[str], *, lower: bool, owned: bool) -> bool:
    lexicon = load_lexicon()
    words = [plain(word) for word in re.split(r"[\s-]+", name)]
    if len(words) > 1 and words[0] in _SIDES:
        words = words[1:]
        name = " ".join(words)
    first = words[0].removesuffix("'s")
    stem = first[:-1] if first.endswith("s") else first
    if (
        len(words) > 1
        and words[-1] in ("council", "authority", "borough", "county", "district", "city")
        and first not in _NOBODY
        and not {first, stem} & set(people)
    ):
        return True
    if plain(name) in heard and " and " in name:
        return True
    if {first, stem} & set(people) or first in _NOBODY or any(word in _NOBODY for word in words[-1:]):
        return False
    known = {first, stem, plain(name)} & set(heard) or first in lexicon.places or plain(name) in lexicon.places
    if lower:
        ordinary = lexicon.is_ordinary(first) or lexicon.is_ordinary(stem) or first in lexicon.given
        return bool(known and first not in lexicon.words) or not ordinary
    if known:
        return True
    if first in lexicon.given and first not in lexicon.places:
        return False
    if name.isupper() and len(name) < 7:
        return False
    return not (owned and lexicon.is_ordinary(first)) or len(words) > 1
