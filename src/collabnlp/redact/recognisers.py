"""Numbers, addresses and handles that stand for a person, found by their shape and by the words before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collabnlp.redact.badges import Found, find_badges
from collabnlp.redact.lexicon import load_lexicon, plain
from collabnlp.redact.tokens import Covered

_GAP = r"[ \t\xa0]*\n?[ \t\xa0]*"
_SEP = r"[\s.\-–/]"
_EMAIL = re.compile(
    rf"(?i)[\w.+'’-]*\w{_GAP}@{_GAP}[\w-]+(?:\n[\w-]+)?(?:\.[\w-]+)+"
    r"|\b\w+(?:(?:[._-]|\s*[\[(]\s*(?:dot|underscore)\s*[\])]\s*|[ ]+(?:dot|underscore|dash|hyphen)[ ]+)\w+){0,3}\s*(?:[\[(]\s*at\s*[\])]|\bat\b)\s*[\w-]+(?:\s*(?:[\[(]\s*dot\s*[\])]|\bdot\b)\s*[\w-]+)+"
)
_TLD = r"(?:co\.uk|gov\.uk|org\.uk|ac\.uk|nhs\.uk|police\.uk|me\.uk|ltd\.uk|com|org|net|uk|info|io|eu|wales|scot|london|biz|gov|edu)"
_URL = re.compile(
    rf"(?i)\bhttps?://[^\s<>\"”’)\]]+|\bwww\.[^\s<>\"”’)\]]+|(?<![@\w.])[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.{_TLD}\b(?:/[^\s<>\"”’)\]]*)?"
    r"|\bwww dot (?:\w+ dot )+\w+(?: slash \w+)*"
)
_HANDLE = re.compile(r"(?<![\w.@/])@[A-Za-z_](?:[\w.]*\w)?(?![\w@])")
_NAMED_HANDLE = re.compile(
    r"(?i)\b(?:twitter|insta(?:gram)?|tiktok|facebook|linkedin|bluesky|mastodon|threads|snapchat|whatsapp|skype|telegram|discord|slack|"
    r"reddit|handle|username|user name|login|screen name|x)\b[^.\n@]{0,30}?\b((?=\w*(?:[\d_]|\.\w))[A-Za-z][\w.-]{2,}\w)"
)
_PHONE = re.compile(
    rf"(?<![\d£$€.,/:@-])(?:(?:\+|00){_SEP}?44{_SEP}*(?:\(\s*0\s*\){_SEP}*)?\(?\d|\(?[0O][\s)\-–.]*[1-9])"
    rf"(?:[\s.\-–()/]{{0,3}}\d){{8,9}}(?!\d)(?:\s*(?:,\s*)?(?:ext(?:ension|n)?\.?|x|#)\s*\d{{2,6}})?"
)
_FOREIGN = re.compile(r"(?<![\w.,])\+(?!44)\d{1,3}(?:[\s.\-–()]{0,2}\d){7,11}(?!\d)")
_CALLED = re.compile(
    r"(?i)\b(?:phone|telephone|tel|mobile|mob|(?:my|her|his|their|your|our) (?:own )?number|landline|direct (?:line|dial)|ring|call|dial|text|fax|line|reach (?:me|her|him|them)|switchboard)\b"
    rf"[^.\n\d]{{0,30}}?((?<![\d£/-])\d{{3,6}}(?:{_SEP}\d{{3,4}}){{1,2}}(?![\d/-])|(?<![\d£/-])\d{{6,8}}(?![\d/-]))"
)
_EXTENSION = re.compile(r"(?i)\b(?:ext(?:ension|n)?\.?(?: (?:number|no\.?))?(?: is)?|x)\s?(\d{3,6})\b")
_DIGIT = r"(?:zero|oh|o|nought|one|two|three|four|five|six|seven|eight|nine|(?:double|triple|treble)[ -](?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine))"
_SPOKEN = re.compile(
    rf"(?i)\b{_DIGIT}(?:[\s,.\-–]+{_DIGIT}){{5,}}\b|\b(?:zero|oh)[\s,]+(?:{_DIGIT}|hundred|thousand)(?:[\s,.\-–]+(?:{_DIGIT}|hundred|thousand)){{4,}}\b"
)
_POSTCODE = re.compile(
    r"(?i)(?<![\w£])(?:GIR\s?0AA|[A-PR-UWYZ](?:[A-HK-Y]?\d{1,2}|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRV-Y])[\s-]{0,2}\d[ABD-HJLNP-UW-Z]{2})(?!\w)"
)
# Letter by letter, as it is said on the telephone.
_POSTCODE_SPELT = re.compile(
    rf"(?i)(?<![\w'’])[a-z](?: ?[a-z])? (?:\d ?\d?|{_DIGIT}(?: {_DIGIT})?)(?: [a-z])? (?:\d|{_DIGIT}) [abd-hjlnp-uw-z] [abd-hjlnp-uw-z](?![\w'’])"
)
_NINO = re.compile(rf"(?i)(?<!\w)[A-Z]{{2}}{_SEP}?\d{{2}}{_SEP}?\d{{2}}{_SEP}?\d{{2}}{_SEP}?[A-D](?!\w)")
_NINO_CUT = re.compile(
    rf"(?i)\b(?:ni|nino|national insurance)\b[^.\n\d]{{0,25}}?\b([A-Z]{{2}}{_SEP}?\d{{2}}{_SEP}?\d{{2}}{_SEP}?\d{{2}}(?:{_SEP}?[A-Z])?)(?!\w)"
)
_NHS = re.compile(r"(?<![\d£,.+/-])\d{3}[ \xa0-]\d{3}[ \xa0-]\d{4}(?!\d|,\d)")
_NHS_NAMED = re.compile(r"(?i)\bnhs\b[^.\n\d]{0,25}?((?<!\d)\d(?:[\s.-]?\d){9}(?!\d))")
_PLATE = re.compile(
    r"(?<![\w-])(?:[A-Z]{2}\d{2}\s?[A-Z]{3}|[A-Z]{2}\s\d{2}\s[A-Z]{3}|[A-HJ-NP-Y]\d{1,3}\s?[A-Z]{3}|[A-Z]{3}\s?\d{1,3}[A-HJ-NPR-Y]|[A-Z]{3}\s\d{1,4}|[a-z]{2}\d{2} ?[a-z]{3})(?![\w-])"
)
_PLATE_NAMED = re.compile(
    r"(?i)\b(?:reg(?:istration)?|number[- ]?plate|plates?|vrm|vehicle|car|van|permit for)\b[^.\n\d]{0,30}?\b((?=[A-Z]*\d)(?=\d*[A-Z])[A-Z0-9]{2,4}\s?[A-Z0-9]{2,4})\b"
)
_STREET = (
    r"(?:Road|Rd|Street|St|Avenue|Ave|Lane|Ln|Close|Cl|Drive|Way|Gardens|Gdns|Crescent|Cres|Terrace|Place|Court|Ct|Grove|Hill|Park|Rise|Walk|Mews|"
    r"Square|Sq|Row|Green|View|Parade|Yard|Wharf|Quay|Croft|Meadows?|Fold|Bank|Gate|Orchard|Paddocks?|Mount|Villas|Cottages?|Broadway|End|Chase|Dale|Brow|"
    r"Ridge|Vale|Buildings|Chambers|Approach|Boulevard|Spinney|Leys?|Garth|Wynd|Brae|Loan|Pastures?|Fields?|Side|Heights|Embankment|Esplanade|Promenade|Common|Causeway|Passage|Alley|Bypass|Drove|Loke|Staithe|"
    r"Nook|Ginnel|Snicket|Vennel|Pightle|Hythe|Strand|Knoll|Hollow|Glade|Reach|Landing|Dock|Docks|Circus|Precinct|Maltings|Works|Arcade|Entry|Drift|Drang|Hey|Rigg|Business Park|Industrial Estate|Trading Estate)"
)
_HOUSE = r"(?:House|Cottages?|Farm|Farmhouse|Barn|Lodge|Rectory|Vicarage|Hall|Mill|Manor|Villa|Bungalow|Grange|Croft|Stables|Forge|Oasthouse|Schoolhouse|Court|Maltings|Works|Brewery|Granary|Stores|Chapel|Priory|Gatehouse|Boathouse|Warehouse|Wharf|Yard|Tower|Buildings?|Chambers|Foundry|Gasworks|Depot)"
_CAPITAL = r"[A-Z][\w'’-]*"
_NUMBER = r"(?:\d{1,4}[A-Za-z]?(?:\s?[-–/]\s?\d{1,4}[A-Za-z]?)?|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen))"
_FLAT = r"(?:(?:Flat|Apartment|Apt|Unit|Room|Suite|Plot)\s+\w{1,4},?\s+)"
_ROAD = rf"(?:[Tt]he\s+)?{_CAPITAL}(?:\s+{_CAPITAL}){{0,3}}?\s+{_STREET}\b\.?"
_ADDRESS = re.compile(
    rf"\b(?:[Nn](?:umber|o\.?)\s+)?(?:{_FLAT}(?:{_CAPITAL}\s+){{1,3}}(?:{_HOUSE}|{_STREET})(?:,\s+(?:{_NUMBER}\s+)?{_ROAD})?|{_FLAT}?(?i:{_NUMBER}),?\s+{_ROAD}"
    rf"|(?:(?:[Tt]he\s+)(?:{_CAPITAL}\s+){{1,3}}|(?:(?!At\b|In\b|Council\b|Borough\b|District\b|County\b|The\b|And\b|From\b|Near\b|By\b){_CAPITAL}\s+){{1,3}}){_HOUSE},\s+(?:{_NUMBER}\s+)?{_ROAD})"
)
_LIVES = (
    r"(?i:\b(?:liv(?:e|es|ed|ing)|home|house|moved?|offices?|based|stay(?:s|ed|ing)?|post|letters?|parcels?|address|visit(?:ed)?|door|flat|born|buried|sent|write|wrote|went|deliver\w*|depot|workshop|portakabin|premises|studio|lock-?up|allotment|caravan)\b"
    r"(?:\s+(?:is|was|are|were|still|now|then|to|went|it|them|out|over|up|down|together|alone|there)){0,3}\s+(?:at|on|in|to|is|was|are|were|from|near|called|behind|opposite|above|off)\s+)"
)
# Without a number: after words for living there, or before a postcode.
_NAMED_ADDRESS = re.compile(
    rf"{_LIVES}(?P<lived>(?!(?:[Tt]he\s+)?(?:High|Main|Downing|Whitehall|Fleet)\b)(?:(?:[Tt]he\s+)?{_CAPITAL}(?:\s+{_CAPITAL}){{0,3}},\s+)?(?:{_NUMBER}\s+)?(?:{_ROAD}|[Tt]he\s+{_CAPITAL}\s+{_HOUSE}\b|{_CAPITAL}\s+{_HOUSE}\b))"
    rf"|(?P<house>\b[Tt]he\s+{_CAPITAL}(?:\s+{_CAPITAL}){{0,2}},\s+(?:{_NUMBER}\s+)?{_ROAD})"
    rf"|(?P<coded>(?:\b[Tt]he\s+)?\b{_CAPITAL}(?:\s+{_CAPITAL}){{0,3}},\s+(?:{_NUMBER}\s+)?{_ROAD}(?=(?:,?\s+(?:{_CAPITAL}|on|in|le|the|upon)){{0,5}},?\s+{_POSTCODE.pattern[4:]}))"
)
_LOWER_NAMED = re.compile(
    r"\b(?:live[sd]?|living|moved)\s+(?:at|on|in|to|down|up)\s+((?!(?:the|a|an|my|her|his|our|their|this|that|one|some|any|every|high|main)\b)[a-z'’-]+(?:\s+[a-z'’-]+){0,2}?\s+"
    r"(?:road|street|avenue|lane|close|crescent|terrace|grove|mews|croft|cottages?|brow|leys?)\b)"
)
_LOWER_ADDRESS = re.compile(
    rf"(?i)\b(?:lives?|lived|living|house|home|address|move[ds]?|door|flat|round|post(?:ed)? (?:it )?to|write to|send (?:it )?to|based|is|at|number|no\.?)\b[^.\n\d]{{0,25}}?"
    rf"\b((?:{_FLAT})?(?:number\s+)?{_NUMBER},?\s+(?:the\s+)?[a-z'’-]+(?:\s+[a-z'’-]+){{0,2}}?\s+"
    r"(?:road|street|avenue|lane|close|drive|gardens|crescent|terrace|grove|mews|croft|cottages?|rise|walk|court|villas)\b)"
)
# Whatever stands before a postcode with a number, or is a works or a house: Old Loom Works site, 2 Eel Pightle.
_LONG = r"[A-Z][a-z'’-]{2,}"
_CODED = re.compile(
    rf"(?:\b(?:[Tt]he\s+)?{_LONG}(?:\s+{_LONG}){{0,3}},\s+)?\b(?:{_FLAT}?{_NUMBER}\s+{_LONG}(?:\s+{_LONG}){{0,2}}|{_LONG}(?:\s+{_LONG}){{0,3}}\s+(?:{_HOUSE}|{_STREET}))"
    rf"(?=(?:\s+(?:site|depot|building|premises|yard|office))?(?:,\s+{_LONG}(?:[\s-]{_LONG})?){{0,2}},?\s+{_POSTCODE.pattern[4:]})"
)
_UNIT = re.compile(
    rf"\b(?:Unit|Plot|Flat|Suite|Apartment)\s+(?:\d{{1,4}}[A-Za-z]?|[A-Z])(?:,\s+{_CAPITAL}(?:\s+{_CAPITAL}){{1,2}}(?=[,.;?!]))?(?![\w-]| of\b)"
)
_LOWER_HOUSE = r"(?:house|cottages?|farm|farmhouse|barn|lodge|rectory|vicarage|hall|mill|manor|villa|bungalow|grange|stables|forge|maltings|works|chapel|chambers|granary)"
_LOWER_STREET = r"(?:road|street|avenue|lane|close|drive|gardens|crescent|terrace|grove|mews|croft|rise|walk|court|villas|row|yard|hill|square|wharf|quay|approach|drove|fold|brow|green|place)"
_LOWER_CODED = re.compile(
    rf"\b(?:at|is|on|in|to|best|from|near|address)\s+((?:the\s+)?(?!(?:the\s+)?(?:town|city|county|council|village|guild|civic|parish|church|school|court|country|care|full|whole)\b)(?:(?!the\b|is\b|at\b|on\b|in\b)[a-z'’-]+\s+){{1,3}}?{_LOWER_HOUSE},?\s+(?:on\s+)?(?:(?!the\b|is\b)[a-z'’-]+\s+){{1,2}}?{_LOWER_STREET}"
    rf"|(?:the\s+)?(?:(?!the\b|is\b|at\b|on\b|in\b)[a-z'’-]+\s+){{1,3}}?(?:{_LOWER_HOUSE}|{_LOWER_STREET})(?=,?\s+(?:it['’]?s\s+|that['’]?s\s+|postcode\s+)?(?i:{_POSTCODE.pattern[4:]})))\b"
)
_STREET_NEAR = re.compile(
    rf"{_CAPITAL}\s+(?:{_STREET}|{_HOUSE})\b|(?i:\b(?:lives?|office|workshop|address|home) (?:is|at|on|in)\b)"
)
_PUBLIC = re.compile(
    r"\b(?:Centre|Library|Museum|Arena|Council|Hospital|School|College|Theatre|University|Market|Stadium),"
)
_ON_STREET = re.compile(rf"(?:,|\s+(?:on|in|off))\s+{_ROAD}")
_TOWN = r"[A-Z][a-z'’]+"
_TAIL = re.compile(rf",?\s+(?:in\s+|near\s+)?({_TOWN}(?:[ -](?:{_TOWN}|on|upon|under|le|in|the)){{0,3}})")
_IDS = re.compile(
    r"(?i)\b(?:(?:staff|employee|payroll|pay|personnel|case|client|patient|customer|service[- ]user|complaint|claim|account|membership|member|passport|(?:driving )?licen[cs]e|"
    r"badge|id|file|tenancy|tenant|rent|council tax|student|pupil|upn|hospital|crime|incident|social (?:work|care)|safeguarding|grievance|disciplinary|warrant|oracle|"
    r"agresso|care ?first|liquidlogic|mosaic|works?|library card|blue badge|union|unison|pension|hr|user|tribunal|benefits?|housing|referral|record|unique)[ -]+"
    r"(?:(?:card|record|file|badge|case|payroll|ticket|claim|property|pass)[ -]+)?(?:number|no\b\.?|num\b|nr\b|ref(?:erence)?\b\.?(?:\s+(?:number|no\b\.?))?|id\b|code|#)"
    r"|(?:case|payroll|staff|employee|passport|client|patient|personnel|claim|badge)(?=\s+(?:is\s+|was\s+)?[#A-Z]{0,5}[-/ ]?\d{3}))"
    r"(?:\s*(?:is|was|being|of|for \w+(?: \w+)?|:|=|,|-|–|#|the|that['’]s|it['’]s|would be|[\"“'‘(])){0,3}\s*"
    r"((?:[A-Z]{1,5}[ -]?)?(?=[A-Z0-9/.-]*\d)[A-Z0-9]+(?:[/.-][A-Z0-9]+)*(?:[ ](?=\d{2,})[A-Z0-9/-]+|[ ]\d(?![\w%.,]*\w))*)(?!\w)"
)
_REFERENCE = re.compile(
    r"(?i)\b(?:case|complaint|grievance|claim|referral|investigation|disciplinary|whistle[- ]?blow\w*|safeguarding|tribunal|appeal|payslip|employee|staff|personnel)\b"
    r"[^.;\n]{0,40}?\b(?:ref(?:erence)?|number|no)\b\.?(?:\s+(?:is|was|being|of))?\s*[:#]?\s*((?:[A-Z]{1,5}[-/ ]?)?(?=[A-Z0-9/-]*\d{3})[A-Z0-9]+(?:[-/][A-Z0-9]+)*)(?!\w)"
)
_ID_SHAPE = re.compile(
    r"(?<![\w/-])(?:EMP|EMPL|PAY|PAYROLL|STAFF|STF|PERS|PER|HR|CASE|CSE|CAS|CL|CLI|CRN|SW|SWK|SC|ASC|CSC|CYP|SG|SGD|MASH|LAC|GRV|GR|DISC|CMP|COMP|COM|CP|PT|PAT|ID|EE|ESR|TEN|REF|UPN|UPRN|MEM|EN|PN|PR|SN)"
    r"[-/ ]?(?:\d{4,}|(?=[\w/-]*\d{3})[A-Z0-9]+(?:[-/][A-Z0-9]+)+)(?![\w/])"
)
_BORN = re.compile(
    r"(?i)\b(?:born(?: on)?|dob|d\.o\.b\.?|date of birth|birthday|birth date)\b[^.\n\d]{0,20}?"
    r"(\d{1,2}(?:st|nd|rd|th)?(?:\s+of)?[\s./-]+(?:jan\w*|feb\w*|mar\w*|apr\w*|may|jun\w*|jul\w*|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*|\d{1,2})[\s,./-]+\d{2,4})\b"
)
_BANK = re.compile(
    r"(?<![\d-])\d{2}-\d{2}-\d{2}(?:[\s,]+(?:and\s+)?(?:account|a/c|acc)?(?:\s+(?:number|no\.?))?\s*\d{8})?(?![\d-])"
)
_CARD = re.compile(r"(?<![\d-])(?:\d{4}[ -]){3}\d{4}(?![\d-])")
_NO_ID = re.compile(
    r"(?i)\b(?:minute|minutes|agenda|item|report|planning|application|policy|committee|decision|cabinet|paragraph|section|page|appendix|budget|contract|tender|gazetteer|version|schedule|map|isbn|standard|circular|statutory instrument|motion|resolution)\b"
)
_KNOWN = frozenset(
    {
        "10 downing street",
        "11 downing street",
        "2 marsham street",
        "1 horse guards road",
        "4 matthew parker street",
        "1 parliament street",
    }
)


def find_numbers(text: str, before: str = "") -> list[Found]:
    """Direct identifiers by shape, longest first where two overlap, in reading order.

    `before` is what was said last before the text: a question may say what number the answer is.

    Examples
    --------
    >>> text = "Ring 01632 960 123, she is at 4 Mill Lane, TN99 9ZZ; see minute 47/2019 on the A303."
    >>> [(found.kind, text[found.start : found.end]) for found in find_numbers(text)]
    [('phone', '01632 960 123'), ('address', '4 Mill Lane, TN99 9ZZ')]
    """
    found = sorted([*_candidates(text), *find_badges(text, before)], key=lambda f: (f.start, -f.end))
    kept: list[Found] = []
    taken = Covered(len(text))
    for one in sorted(found, key=lambda f: (-(f.end - f.start), f.start)):
        if not taken.meets(one.start, one.end):
            kept.append(one)
            taken.add(one.start, one.end)
    return sorted(kept)


def _candidates(text: str) -> Iterator[Found]:
    lexicon = load_lexicon()
    shouted = sum(map(str.isupper, text)) > 0.6 * sum(map(str.isalpha, text))
    yield from _whole(_EMAIL, text, "email", "shape of an e-mail address")
    yield from _whole(_URL, text, "url", "shape of a web address")
    yield from _whole(_HANDLE, text, "handle", "begins with @")
    yield from _group(_NAMED_HANDLE, text, "handle", "follows the name of a network")
    for match in _PHONE.finditer(text):
        if 10 <= sum(map(str.isdigit, match.group())) + match.group().startswith("O") <= 20:
            yield Found(match.start(), match.end(), "phone", "shape of a telephone number")
    yield from _whole(_FOREIGN, text, "phone", "shape of a telephone number abroad")
    yield from _group(_CALLED, text, "phone", "number after a word for telephoning")
    yield from _group(_EXTENSION, text, "phone", "an extension")
    yield from _whole(_SPOKEN, text, "phone", "six digits or more spelt out")
    for match in _POSTCODE.finditer(text):
        if match.group().isupper() or match.group()[-2:].casefold() not in ("st", "nd", "rd", "th"):
            yield Found(match.start(), match.end(), "postcode", "shape of a postcode")
    yield from _whole(_POSTCODE_SPELT, text, "postcode", "a postcode letter by letter")
    yield from _whole(_NINO, text, "ni_number", "shape of a National Insurance number")
    yield from _group(_NINO_CUT, text, "ni_number", "follows the words National Insurance")
    yield from _whole(_NHS, text, "nhs_number", "shape of an NHS number")
    yield from _group(_NHS_NAMED, text, "nhs_number", "ten digits after NHS")
    for match in _PLATE.finditer(text):
        letters = [plain(word) for word in re.findall(r"[A-Za-z]{3}", match.group())]
        spaced = re.fullmatch(r"[A-Z]{3}\s\d{1,4}", match.group())
        if spaced or ((shouted or match.group()[0] in "MAB") and any(word in lexicon.words for word in letters)):
            continue
        yield Found(match.start(), match.end(), "vehicle", "shape of a vehicle registration")
    for match in _PLATE_NAMED.finditer(text):
        if re.search(r"\d", match[1]) and not re.fullmatch(
            r"(?i)[AMB]\d{1,4}|\d+(?:k|m|pm|am|mph|th|st|nd|rd)", match[1]
        ):
            yield Found(*match.span(1), "vehicle", "follows a word for a vehicle")
    yield from _addresses(text)
    for match in (*_IDS.finditer(text), *_REFERENCE.finditer(text)):
        if re.match(r"(?i)(?:since|in|from|until|over|about|by|for|of|at|to|some|under|after|and|or|than)\b", match[1]):
            continue
        if sum(map(str.isdigit, match[1])) >= 3 and not _NO_ID.search(
            text[max(0, match.start() - 18) : match.start(1)]
        ):
            yield Found(*match.span(1), "number", "follows the words for a person's number")
    for match in _ID_SHAPE.finditer(text):
        if not _NO_ID.search(text[max(0, match.start() - 25) : match.start()]):
            yield Found(match.start(), match.end(), "number", "shape of a staff or case number")
    yield from _group(_BORN, text, "birth_date", "follows the words for a birthday")
    yield from _whole(_BANK, text, "number", "shape of a sort code")
    yield from _whole(_CARD, text, "number", "shape of a card number")


def _whole(pattern: re.Pattern[str], text: str, kind: str, reason: str) -> Iterator[Found]:
    for match in pattern.finditer(text):
        end = match.start() + len(match.group().rstrip(".,;:!?"))
        yield Found(match.start(), end, kind, reason)


def _group(pattern: re.Pattern[str], text: str, kind: str, reason: str) -> Iterator[Found]:
    for match in pattern.finditer(text):
        yield Found(*match.span(1), kind, reason)


def _addresses(text: str) -> Iterator[Found]:
    """Addresses, with the town and the postcode behind them."""
    for match in _ADDRESS.finditer(text):
        words = plain(match.group()).strip(" .")
        if words in _KNOWN or words.endswith("national park") or re.match(r"(?:19|20)\d\d\s", words):
            continue
        end = match.end() - match.group().endswith(".")
        yield Found(match.start(), _to_postcode(text, end), "address", "a number or a house and a street")
    for match in _NAMED_ADDRESS.finditer(text):
        group = match.lastgroup or "lived"
        if group == "house" and _PUBLIC.search(match[group]):
            continue
        yield Found(
            match.start(group),
            _to_postcode(text, match.end(group) - match[group].endswith(".")),
            "address",
            "a house or a street where somebody is at home",
        )
    for match in _CODED.finditer(text):
        yield Found(match.start(), _to_postcode(text, match.end()), "address", "before a postcode")
    for match in _UNIT.finditer(text):
        if "," in match[0] or (
            not match[0].startswith("Plot") and _STREET_NEAR.search(text[max(0, match.start() - 80) : match.end() + 60])
        ):
            yield Found(match.start(), match.end(), "address", "a unit or plot of an address")
    for match in _LOWER_CODED.finditer(text):
        yield Found(*match.span(1), "address", "a house and a street, or one of them before a postcode")
    for match in _LOWER_NAMED.finditer(text):
        yield Found(*match.span(1), "address", "a street after a word for living there")
    for match in _LOWER_ADDRESS.finditer(text):
        code = _POSTCODE.match(text, _skip(text, match.end(1)))
        yield Found(
            match.start(1),
            code.end() if code else match.end(1),
            "address",
            "a number and a street after a word for living there",
        )


def _to_postcode(text: str, end: int) -> int:
    """Where an address ends, with its street, its towns and its postcode."""
    street = _ON_STREET.match(text, end)
    end = street.end() - street.group().endswith(".") if street else end
    while (tail := _TAIL.match(text, end)) and (
        _town(text, end, tail[1]) or _POSTCODE.match(text, _skip(text, tail.end()))
    ):
        end = tail.end()
    code = _POSTCODE.match(text, _skip(text, end))
    return code.end() if code else end


def _town(text: str, end: int, words: str) -> bool:
    """Whether the capitalised words behind an address are its town: one that is known, or any behind a comma that is no person."""
    lexicon = load_lexicon()
    return plain(words) in lexicon.places or (text[end] == "," and plain(words).split()[0] not in lexicon.given)


def _skip(text: str, at: int) -> int:
    match = re.compile(r"[,\s]*(?:in\s+)?").match(text, at)
    return match.end() if match else at
