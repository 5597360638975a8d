"""Rules for names: patterns of partnerships, schemes and councils, and of places that act (spaCy's words).

The rules stand on their own where no model is fitted; where one is, it hears what they say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from collabnlp.records import Label

TYPES = r"(?:County|District|Borough|City|Town|Parish|Metropolitan|Unitary|Royal|London|Combined)"
COUNCIL_WORDS = {
    "council",
    "councils",
    "authority",
    "authorities",
    "county",
    "district",
    "borough",
    "city",
    "dc",
    "bc",
    "cc",
    "mbc",
    "dcs",
    "bcs",
}

PARTNERSHIP_HEADS = tuple(
    """
    partnership board group committee forum alliance network lep cluster consortium taskforce federation
    lsp commission assembly company
    """.split()
)
SCHEME_HEADS = tuple(
    """
    programme project fund deal deals initiative pilot scheme strategy framework award challenge pathfinder hub
    masterplan bypass agreement arc vision offer exchange
    """.split()
)
_CAPITAL_ONLY = {
    "offer",
    "vision",
    "exchange",
    "hub",
    "agreement",
    "challenge",
    "award",
    "framework",
    "arc",
    "masterplan",
    "bypass",
}

_GENERIC = set(
    """
    local joint strategic growth economic prosperity health wellbeing well-being partnership board group committee
    forum leaders leaders' leaders’ chief executive executives officers officer district county council councils
    regional national community communities public service services safety development enterprise management
    steering delivery working task finish scrutiny overview planning housing project programme strategy plan deal
    deals fund city devolution transformation transport the and of for a an & in area areas areawide cabinet policy
    review central government business plans shared sustainable sustainability core statement framework corporate
    medium term financial shadow main new investment infrastructure digital our your this these integrated care
    improvement performance resources audit standards governance members member senior thematic sub sub-regional
    collaboration collaborative innovation case study figure table box chapter section appendix key next first
    second third waste environment legal finance capital pilot initiative agreement formal whole system vision two
    three tier unitary authority authorities combined mayoral town parish neighbourhood clinical commissioning hub
    network alliance offer pathfinder award challenge early help children families adult adults social education
    skills rural urban coastal industrial climate emergency action taskforce january february march april may june
    july august september october november december sponsoring
    """.split()
)
_NOT_PARTNERSHIP = re.compile(
    r"(?i)(district councils.? network|county councils? network|local government association|clinical commissioning|"
    r"(overview and )?scrutiny (committee|board|commission)|select committee|audit commission|care quality commission|charity commission|"
    r"electoral commission|european commission|boundary commission|planning committee|infrastructure commission|working group$|steering group$|"
    r"new local government network|king.?s fund|interest company|health observatory|parliamentary group|special interest group|association of|nhs|\bplc\b|limited|\bltd\b)"
)
_NOT_SCHEME = re.compile(
    r"(?i)(local plan|core strategy|planning policy framework|industrial strategy|green paper|white paper|king.?s fund|process evaluation|peer challenge|leadership challenge|policy framework|making devolution)"
)

_GEO_BEFORE = re.compile(
    r"(?i)\b(in|across|around|throughout|within|near|outside|inside|over|beyond|into|to the (?:north|south|east|west) of|people of|county of|city of|"
    r"town of|borough of|districts? of|counties of|boroughs of|area of|areas of|parts of|part of|rest of|half of|whole of|all of|edge of|south of|north of|east of|west of|"
    r"centre of|university of|diocese of|bishop of|port of|residents of|towns of|communities of|map of|scale of|size of|sake of|for|from|"
    r"elsewhere in|as in|greater|east|west|north|south|mid|central|under the|the)\s+(?:\w+ and |\w+, )?[*“\"']*$"
)
_GEO_AFTER = re.compile(
    r"^(?:[’']s?)?[*”\"']*,?\s+(university|college|airport|hospital|nhs|police|constabulary|people|residents|area|areas|town|towns|city centre|"
    r"economy|event|case|as a whole|has a population|is (?:a|an|the|one of|home|divided|made|in|among)\b|county area|countryside|coast|railway|"
    r"station|road|street|villages?|population|businesses|tourism|sub-?region|region|housing market|workshop|proposal|version|market|"
    r"districts?\b|partners\b|councils\b|authorities\b)|^[’']s (districts|councils|population|economy|residents|towns|villages|largest|biggest|"
    r"future|communities|coast|roads|six|seven|five|eight|nine|ten|twelve|\w+ (districts|councils))|^\s*\(|^[\w ]*\bwith a population"
)
_ROLE_BEFORE = re.compile(
    r"(?i)\b(leaders?|chief executives?|director|directors|officers?|members|councillors?|cabinet|staff|colleagues|treasurer|chairman|chair|"
    r"portfolio holder|managing director|section 151 officer|head of [\w ]+|planners|people|team|teams|seconded|somebody|someone) "
    r"(?:[\w ]{0,25} )?(of|at|from|for|with|to|in) (?:both |the )?$"
)
_ACT_AFTER = re.compile(
    r"^(?:[’']s?)? (?:(?:has|have|had|was|were|is|are|will|would|did|does|also|now|both|each|all|then|itself|themselves|never|always|still|only) ){0,3}"
    r"(agreed|agrees|agree|share|shares|shared|sharing|decided|decides|wants?|wanted|asked|asks|led|leads|put|puts|gave|gives|took|takes|"
    r"joined|joins|join|belongs?|sits?|sat|plays?|played|responded|responds|used|uses|works?|worked|working|pays?|paid|saved|saves|set|sets|"
    r"cares?|rated|believes?|believed|insisted|refused|refuses|pulled|withdrew|stayed|merged|merges|signed|signs|approached|offered|offers|"
    r"employs?|employed|runs?|ran|created|established|formed|began|started|went|go|goes|going|came|said|says|told|made|makes|did|does|"
    r"collaborate[sd]?|collaborating|partnered|considered|hosts?|hosted|launched|delivered|delivers|provides?|provided|contributed|"
    r"recognised|developed|introduced|appointed|invested|chose|opted|opposed|supported|backed|voted|helped|sought|seeks|won|felt|feels|"
    r"thought|thinks|knew|knows|kept|keeps|needed|needs|got|gets|seconded|commissioned|procured|outsourced|transferred)\b"
)
_TAKES_PART = re.compile(
    r"^ (?:is|are|was|were) (?:also |both |all )?(?:an? |the )?(?:\w+ )?(?:parts?|members?|partners?|players?|signator(?:y|ies)) (?:of|in|to)\b|"
    r"^ (?:is|are|was|were) (?:also |both |all )?(?:an? |the )?(?:\w+ )?(?:part|members?|partners?)[,.]"
)
_FORENAME = re.compile(
    r"(?:\b(?:Cllrs?|Councillors?|Mrs?|Ms|Miss|Dr|Sir|Lord|Lady|Dame|Prof(?:essor)?)\.? (?:[A-Z][\w.’'-]* ){0,2}|"
    r"(?<![.!?:;•|] )(?<!^)\b(?!(?:Leader|Executive|Director|Officer|Councils?|Council|County|District|Members?|Cabinet|Treasurer|Chair|Mayor|Both|And|The)\b)"
    r"[A-Z][a-z]+ )$"
)
_POSSESSED = re.compile(
    r"^[’']s? (?:own |new |then |former |previous )?(leader|chief executive|managing director|cabinet|members?|officers?|section 151|deputy|"
    r"director|head of|treasurer|staff|councillors?|planners|offices?|budget|decision|scrutiny|monitoring|management team|lawyers|"
    r"chief officer|executive|portfolio|contribution|team)\b"
)
_PARTNERS_AFTER = re.compile(
    r"^,? (and|with|plus) (its |their |other |others|several |some )?(partners?|others|councils)\b"
)
COORDINATOR = re.compile(r"^(,|,? and|,? &|,? with|/| plus| or)\s+(?:both |the )?$")


class Candidate(NamedTuple):
    """A span that may be a mention, in code points of its passage."""

    start: int
    end: int
    label: Label
    entity_ids: tuple[str, ...]
    method: str
    score: float


def outermost(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The longest of candidates that overlap, in order; of equal ones the surest."""
    kept: list[Candidate] = []
    for c in sorted(candidates, key=lambda c: (-(c.end - c.start), -c.score, not c.entity_ids, c.start, c.label)):
        if not any(c.start < k.end and k.start < c.end for k in kept):
            kept.append(c)
    return sorted(kept)


def definitions(text: str, candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Abbreviations in brackets behind (or inside) a name, such as "Orrenshire Leaders' Board (OLB)"."""
    found = {}
    for c in candidates:
        match = re.match(r"\s*\((?:the |or )?[“\"‘']?([A-Z][A-Za-z&]{1,9})[”\"’']?\)", text[c.end :])
        inside = re.search(r"\(([A-Z][A-Za-z&]{1,9})\)", text[c.start : c.end])
        short = match.group(1) if match else inside.group(1) if inside else ""
        initials = "".join(word[0] for word in re.findall(r"[A-Za-z]+", text[c.start : c.end])).lower()
        if (
            short
            and sum(ch.isupper() for ch in short) >= 2
            and _subsequence(short.lower().replace("&", ""), initials + " ")
        ):
            found[short] = c
    return found


def _subsequence(short: str, long: str) -> bool:
    """Whether most letters of an abbreviation stand, in order, among the initials of the name."""
    hits, at = 0, 0
    for letter in short:
        position = long.find(letter, at)
        if position >= 0:
            hits, at = hits + 1, position + 1
    return hits >= max(2, len(short) - 1)


_BEFORE_COUNCIL = set(
    """
    the a an at in for both as when while from with since but and our their his her this each every although of by
    on if former new old member leader joint local shadow case study national district county borough city town
    parish metropolitan unitary combined upon cllr councillor royal london
    """.split()
)
_UNLISTED = re.compile(
    r"(?<!\w)((?:[A-Z][a-z’'-]+(?: (?:and|of|upon|the|in|with|on|under|le|by|&)(?: the)?(?= [A-Z]))?[ -]){1,4}?)"
    rf"((?:{TYPES} )*(?:Council(?![a-z])|(?:Combined|County) Authority(?![a-z]))|(?:DC|BC|CC|MBC)(?!\w))"
)


def unlisted_councils(text: str, listed: Sequence[Candidate]) -> list[Candidate]:
    """Councils named in full that the gazetteer lacks, such as town councils."""
    found = []
    for match in _UNLISTED.finditer(text):
        if any(c.start < match.end() and match.start() < c.end for c in listed):
            continue
        # "Moor and the County Council": the name before "and the" is another's
        start = match.start() + max((m.end() for m in re.finditer(r"\band the ", match.group(1))), default=0)
        words = text[start : match.end(1)].split()
        while words and words[0].lower() in _BEFORE_COUNCIL:
            start += len(words[0]) + 1
            words = words[1:]
        if words:
            found.append(Candidate(start, match.end(), "COUNCIL", (), "pattern", 0.7))
    return found


def actor_score(text: str, start: int, end: int, county: bool) -> float:
    """How likely a bare name is the council and not the place, 0 to 1, from the words around it."""
    before, after = text[max(0, start - 80) : start], text[end : end + 80]
    typed = re.search(rf" (?:{TYPES}|DC|BC|CC)$", text[start:end]) is not None
    if re.match(r"\s?[A-Z]\w", after) and not re.match(
        r"\s(?:[A-Z]\w+ )?(?:District|Borough|City|County|DC|BC|CC)\b", after
    ):
        return 0.1  # part of a longer name
    if re.search(
        r"(?<![.!?:] )(?<!^)\b(?:Greater|East|West|North|South|Mid|Central|New) $", before
    ) and not before.endswith((". ", ": ")):
        return 0.1
    if _FORENAME.search(before) or re.search(r"\b(?:East|West|North|South) (?:and|or) $", before):
        return 0.1  # a surname, or half of "East and West Suffolk"
    if re.search(r"\b(?:districts|boroughs|counties|cities) of (?:the )?$", before):
        return 0.1
    if typed:
        return 0.9
    if _POSSESSED.match(after) or _PARTNERS_AFTER.match(after):
        return 0.9
    role = _ROLE_BEFORE.search(before)
    if role and not (role.group(2) == "in" and county):
        return 0.85
    if _TAKES_PART.match(after) and not re.search(r"(?i)\b(?:in|within|across|around) $", before):
        return 0.8
    if _GEO_AFTER.match(after):
        return 0.15
    if re.search(r"(?i)\bat $", before):
        return 0.7
    if _GEO_BEFORE.search(before):
        return 0.1
    if _ACT_AFTER.match(after):
        return 0.8
    if re.search(r"(?i)\b(between|by|with|and|both|to which|joining|joined|against|than)\s$", before) and not county:
        return 0.6
    return 0.3 if county else 0.56


@functools.cache
def _heads() -> dict[int, tuple[str, Label]]:
    """The head nouns with what they name, by the number that spaCy gives a word."""
    from spacy.strings import get_string_id

    labels: dict[str, Label] = {
        **dict.fromkeys(SCHEME_HEADS, "SCHEME"),
        **dict.fromkeys(PARTNERSHIP_HEADS, "PARTNERSHIP"),
    }
    return {get_string_id(head): (head, label) for head, label in labels.items()}


def patterned(doc: Any, text: str, places: set[str]) -> list[Candidate]:
    """Partnerships and schemes by capitalised words that end in a head noun, and by names in quotes after "called"."""
    found = []
    heads = _heads()
    for i, number in enumerate(doc.to_array("LOWER").tolist()):  # by spaCy's numbers: few words are heads
        if number not in heads:
            continue
        head, label = heads[number]
        token = doc[i]
        start = _name_start(doc, i)
        if start is None:
            continue
        if token.text[0].islower() and doc[i - 1].lower_ in _LINKS:
            continue  # "Craven's scheme", "North Essex and the committee": no name, a word for something else
        span = doc[start : i + 1]
        words = [t.lower_ for t in span]
        distinctive = [
            t
            for t in span[:-1]
            if (t.text[0].isupper() or t.text[0].isdigit()) and t.lower_.strip("'’") not in _GENERIC and t.is_alpha
        ]
        capital = token.text[0].isupper()
        specialist = (
            label == "PARTNERSHIP" and len(span) >= 3 and "officers" in words and all(t.text[0].isupper() for t in span)
        )
        placed = span[0].text in places
        if not (distinctive or specialist) or (
            not capital and len([t for t in span if t.text[0].isupper()]) < 2 and not placed
        ):
            continue
        name = span.text
        if label == "PARTNERSHIP" and (_NOT_PARTNERSHIP.search(name) or (head == "company" and not capital)):
            continue
        if label == "SCHEME" and (_NOT_SCHEME.search(name) or (head in _CAPITAL_ONLY and not capital)):
            continue
        if len(words) > 12:
            continue
        tail = (
            re.match(r" (?:for|on) (?:the )?[A-Z][a-z]+(?: (?:and )?[A-Z][a-z]+){0,3}", text[span.end_char :])
            if head in ("board", "committee")
            else None
        )
        end = span.end_char + (tail.end() if tail else 0)
        found.append(Candidate(span.start_char, end, label, (), "pattern", 0.7 if capital else 0.55))
    for match in re.finditer(
        r"(?i:\b(?:called|known as|named|branded|entitled|dubbed))\s+(?:the\s+)?([“\"‘'])([A-Z][\w’'&-]*(?: [\w’'&-]+){0,5})[”\"’'](?!\w)",
        text,
    ):
        lower = match.group(2).lower()
        label = "PARTNERSHIP" if any(lower.endswith(head) for head in PARTNERSHIP_HEADS) else "SCHEME"
        found.append(Candidate(match.start(2), match.end(2), label, (), "pattern", 0.6))
    return found


def _ends_name(doc: Any, i: int) -> bool:
    """Whether the words left of a link at `i` end in the head noun of another name."""
    while i >= 0 and doc[i].lower_ in ("and", "&", "the", ","):
        i -= 1
    return (
        i >= 0
        and doc[i].text[0].isupper()
        and doc[i].lower_ in {*PARTNERSHIP_HEADS, "fund", "deal", "programme", "council", "network"}
    )


_LINKS = {"and", "of", "for", "&", "the", "'s", "’s", "-", "/", "'", "’", "upon"}
_LEAD = set(
    """
    the a an our its their this that these through under at in from both as when while for with since although and
    to by each every of on if where after before new county district council leader chair example case study other
    national cllr local joint but like
    """.split()
)


def _name_start(doc: Any, head: int) -> int | None:
    """Index of the first token of the capitalised name that ends in the head noun at `head`; None where there is none."""
    i = head - 1
    start = None
    while i >= 0 and head - i <= 11:
        token = doc[i]
        if token.text in ("The", "A", "An") or token.lower_ == doc[head].lower_:
            break  # another sentence, or the same name twice
        if token.text[0].isupper() or (token.text[0].isdigit() and start is not None):
            start = i
        elif token.text == "(" or token.text == ")":
            short = token.text == ")" and i >= 2 and doc[i - 2].text == "(" and doc[i - 1].text.isupper()
            if not short and not (token.text == "(" and start is not None):
                break
        elif token.lower_ in _LINKS:
            before = doc[i - 1] if i else None
            if before is None or not (before.text[0].isupper() or before.lower_ in _LINKS):
                break
            if token.lower_ == "the" and before.text[0].isupper():
                break  # "In September the Board"
            if start is not None and token.lower_ in ("and", "&", "the") and _ends_name(doc, i):
                break  # two names joined: "South East LEP and the Haven Gateway Partnership"
            if start is not None and token.lower_ in ("'s", "’s") and before.text.isupper():
                break  # "MHCLG's Transformation Award"
        elif (
            token.lower_.strip("'’") in _GENERIC
            and token.lower_ not in ("a", "an", "the", "of", "our", "your", "this")
            and token.text[0].islower()
            and start is None
            and head - i <= 3
        ):
            pass  # "Kent leaders group"
        else:
            break
        i -= 1
    if start is None:
        return None
    if (
        doc[head].text[0].islower()
    ):  # "Count of LEP board": what stands before "of" is no part of a name that ends in small letters
        start = next((j + 1 for j in range(head - 1, start, -1) if doc[j].lower_ == "of"), start)
    while start < head and (
        doc[start].lower_ in _LEAD
        or (doc[start].is_stop and doc[start].lower_ != "one")
        or doc[start].lower_ in _LINKS
        or doc[start].lower_ in PARTNERSHIP_HEADS
    ):
        start += 1
    return start if start < head and (doc[start].text[0].isupper() or doc[start].text[0].isdigit()) else None
