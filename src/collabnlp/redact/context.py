"""What the words around a capitalised word say of it: a person, or a place or organisation."""

from __future__ import annotations

import re

from collabnlp.redact.tokens import Token

# Titles before a name, by how much they prove: 1 may be a role in general ("Father"), 2 in any case, 3 before any word.
TITLES: dict[str, int] = {
    **dict.fromkeys("cllr councillor councilor clr mr mrs ms miss mx mister missus dr prof".split(), 3),
    **dict.fromkeys("professor sir dame baroness rev reverend canon alderman ald doctor auntie uncle".split(), 2),
    **dict.fromkeys(
        "councillors cllrs lord lady father sister brother judge inspector superintendent sergeant sgt constable pc dci di ds captain major colonel "
        "nurse imam rabbi bishop archdeacon mayor nan grandma grandad".split(),
        1,
    ),
}
TITLES |= dict.fromkeys(
    "leader director manager officer executive chief chair chairman chairwoman deputy head clerk member assistant interim "
    "interviewer interviewee speaker respondent participant moderator facilitator".split(),
    0,
)
# What makes a place or an organisation of the capitalised words before it.
HEADS = frozenset(
    """
    council councils board partnership trust committee authority fund programme project scheme strategy plan centre hospital school
    academy college university road rd street avenue drive estate station airport stadium arena library museum theatre foundation group
    ltd limited plc llp associates review report act commission inquiry enquiry agenda charter award prize valley village town city county
    district borough parish industrial business enterprise zone quarter institute society association union club arms inn hotel cup
    league homes housing developments construction services solutions consulting deal alliance network forum collaborative consortium
    summit conference medical surgery practice clinic health week effect principle model index method formula bypass roundabout
    crescent terrace gardens mews reservoir canal dock docks harbour beach island islands cathedral priory castle
    police constabulary ambulance fire rescue bank building mall market green-belt corridor growth lep nhs
    shire constituency region coast moors dales wolds hills downs peninsula estuary river forest
    football fc united athletic rovers albion wanderers park-and-ride campus laboratory laboratories observatory gallery
    magazine times gazette echo herald guardian telegraph post chronicle mercury argus journal mail observer radio television regis magna parva
    """.split()
)
# Such words that are surnames, too.
WEAK_HEADS = frozenset(
    "lane hall park house close day way law church hill green field wood court place grove walk square row point cross gate ward wharf mill mills farm lodge woods bridge castle moor abbey lake water forest tower bay".split()
)
ROYAL = frozenset(
    "victoria albert elizabeth alexandra edward george charlotte st saint saints margaret mary james john william queen king princess prince".split()
)
# After these a capitalised word is no person's name.
NOT_AFTER = frozenset(
    """
    the a an no any some this that these those every each another project operation storm saint st lake port mount hurricane hms team
    programme scheme windows microsoft adobe north south east west upper lower great little new old royal county district borough la le los las san santa
    """.split()
) - {"old", "little"}
_HUMAN = re.compile(
    r"(?:rang|phoned|phones|emailed|emails|texted|texts|retired|retires|laughed|laughs|smiled|nodded|shrugged|cried|reckons|reckoned|thinks|lives|lived|died|sat|"
    r"stood|walked|drove|loves|hates|sees|saw|felt|told|tells|said|says|knows|knew|used to|sighed|resigned|jokes|joked|grew up|"
    r"chairs|chaired|popped|nipped|swears|swore|remembers|remembered|replied|whispered|shouted|hired|sacked|married|studied|"
    r"who['’]?s|who|whose|whom|herself|himself|and I\b|and me\b|and myself|['’]d always|was (?:born|brilliant|lovely|furious|livid|off sick|on leave|in tears|great|fantastic|very|really|my|our|the (?:one|person))|"
    r"is (?:my|our|lovely|brilliant|great|the (?:one|person)|away|off|on (?:leave|holiday|maternity))|mentioned|texted|messaged|pulled me)\b"
)
_DOES = re.compile(
    r"(?:reports? to|reported to|answers? to|answered to|fixed|fixes|voted|votes|shared|shares|objected|objects|nodded|signs|chose|drafted|drafts|insists|agrees|resigned|admitted|admits|wants?|wanted|asked|asks|came|comes|went|goes|left|leaves|joined|took|takes|feels|agreed|argued|explained|insisted|promised|suggested|wrote|leads|led|"
    r"runs|ran|manages|managed|gets|got|moved|made|makes|met|gave|gives|introduced|pushed|stepped|started|handed|thought|loved|hated|looked|signed|paid|pays|"
    r"brought|sent|sends|turned up|showed|helped|helps|called|worked|works|spoke|speaks|kept|keeps|had (?:the|a|to|his|her)|put|stopped|found|offered|refused|ended up)\b"
)
_IS = re.compile(
    r"(?:is|was|has|had|would|will|could|used|might|ought|does|did|(?:does|did|is|was|has|had|would|could|wo|ca|should)n['’]?t|always|never|also|still|just|can|should|then|once|actually|basically|really|probably)\b"
)
# What follows names that are ordinary words where they are such.
_PHRASES = {
    "mark": "my words|up|down|out|time|it",
    "will": "you|they|we|it|that|he|she|I|the|be|there|not|this|power",
    "hope": "that|so|to|we|you|they|springs|for|and pray|I|it",
    "grace": "period|under|notes?",
    "bill": "of|for|\\d+",
    "grant": "money|funding|from|scheme|income|aid|programme|regime|conditions|agreement",
    "rose": "by|to|from|gardens?|bush(?:es)?|in|above|sharply|steadily",
    "rich": "people|in|and|pickings|text",
    "frank": "talk|discussions?|about|exchanges?|conversations?|advice",
    "penny": "wise|pinching|dropped|drops",
    "art": "galler(?:y|ies)|for|of|centre|form",
    "dawn": "raids?|of|chorus",
    "jack": "of all|in the box",
    "max": "out|of|capacity",
    "pat": "on the back|answer",
    "joy": "of|to|that",
    "faith": "in|groups?|leaders?|communit(?:y|ies)|schools?|sector",
    "guy": "ropes?|from|in",
    "sue": "them|for|us|me|the",
    "chase": "up|them|the|it|down|money",
    "drew": "a|up|on|down|out|the|lots?|in|back",
    "hazel": "hedges?|eyes|trees?",
    "dean": "of",
    "robin": "redbreast|reliant",
    "christian": "values|charity|names?|church(?:es)?|faith|groups?|aid",
    "rosemary": "and thyme",
    "holly": "bush|and the ivy",
    "ray": "of",
    "rob": "them|us|Peter to",
    "nick": "of time",
    "ward": "members?|councillors?|boundar\\w+|budgets?|work|forums?",
    "miles": "away|from|of|ahead|apart|better|and miles|per",
    "ash": "dieback|trees?|wednesday",
    "cliff": "edges?|face|top",
    "summer": "recess|holidays?|term|of|break|schools?",
    "victor": "of|in",
    "patience": "is|was|and|wears|ran|with|runs",
    "charity": "begins|sector|commission|shops?|partners?",
    "justice": "system|is|for|secretary|and",
    "april": "of|to|and|this|last|showers|was|is|fool\\w*",
    "may": "of|to|and|be|we|I|the|they|not|elections?|this|last|was|day",
    "june": "of|to|and|this|last|was|budget|elections?",
    "august": "of|to|and|this|last|was|bank",
    "jordan": "is a|and|valley|river",
    "chance": "of|to|for|would",
    "harmony": "is|was|between",
    "dot": "com|the|gov|co",
    "don": "['’]t",
    "constance": "of",
    "amber": "alerts?|rating|light|rated|warning|box",
    "ruby": "anniversary|red|wedding",
    "jade": "green",
    "olive": "branch|oil|green",
    "ivy": "league|house",
    "violet": "light",
    "bob": "a job|up|along",
    "sandy": "soils?|beach\\w*",
    "sunny": "day|side|spell\\w*|uplands",
    "lance": "corporal",
    "price": "of|is|rise|list|per|tag",
    "page": "number|one|\\d",
}
_ORDINARY = re.compile("|".join(rf"{name} (?:{words})\b" for name, words in _PHRASES.items()), re.I)
_DESK = re.compile(
    r"\s+(?:in|from|on|at|over in|down in|up in)\s+(?:the\s+|our\s+)?(?:post ?room|office|reception|front desk|desk|hr|human resources|finance|planning|canteen|housing|legal|comms|communications|"
    r"it|payroll|highways|procurement|accounts|democratic services|policy|customer services|contact centre|call centre|adult (?:social )?care|children['’]?s services|public health|"
    r"licensing|elections|revenues|benefits|regeneration|economic development|the team|my team|our team|team|kitchen|depot|press office|environmental health|audit|facilities|estates|property|waste|parks|leisure)\b",
    re.I,
)
_OWNS = re.compile(
    r"(?:view|views|office|husband|wife|partner|team|idea|desk|phone|mobile|leaving|maternity|retirement|boss|deputy|pa|secretary|number|email|e-mail|house|car|kids|"
    r"children|son|daughter|mum|dad|diary|calendar|face|voice|job|role|replacement|successor|predecessor|point|words|opinion|style|leadership|funeral|birthday|"
    r"baby|handwriting|inbox|assistant|line manager|account|version|faults?|sister|brother|mother|father|approach|spreadsheet|notes)\b",
    re.I,
)
_BEFORE_HUMAN = re.compile(
    r"(?i)(?:\b(?:ask|asked|asking|tell|told|telling|thank|thanks|hi|hello|hiya|dear|called|named|met|meet|meeting|rang|phoned|ring|phone|emailed|email|texted|text|cc|poor|poor old|"
    r"old|bless|colleague|husband|wife|partner|brother|sister|son|daughter|friend|mate|mum|dad|boss|pa|deputy|secretary|mentor|predecessor|successor|and me|"
    r"me and|I and|myself and|her and|him and|you and|us and|spoke to|speak to|talk to|talked to|speaking to|talking to|spoken to|see|saw|seen|chat with|chatted to|chatting to|"
    r"heard from|hear from|said to|says to|say to|wrote to|trust|message from|email from|call from|note from|according to|report to|reports to|reported to|manager|leader|director|executive|officer|lead|exec|chair|chairman|"
    r"mayor|councillor|clerk|assistant|planner|solicitor|surveyor|engineer|treasurer|interviewer|cheers|sorry|welcome|please|yes|yeah|no|okay|ok|well|so|right|look|morning|bye|"
    r"like|as|because|if|when|that|while|until|unless|since|where|think|thought|reckon|guess|say|said|asked if|whether|but|than|sacked|hired|appointed|recruited|promoted|married|copied|copy|persuaded|convinced|remember|know|knew|love|loved|like|liked|blame|blamed|via|"
    r"introduce|introduced|invited|invite|replaced|replacing|worked (?:for|with|under|alongside)|working (?:for|with|under|alongside)|work (?:for|with|under|alongside))|\b(?:our|my) (?:own )?),?\s*$"
)
_WEAK_BEFORE = re.compile(
    r"(?i)\b(?:like|as|because|if|when|that|while|until|unless|since|where|think|thought|reckon|guess|say|said|whether|but|than|see|saw|seen|know|knew|love|loved|liked|well|so|right|look|leader|director|executive|manager|officer|chair|exec|yes|yeah|no|okay|ok|meet|meeting|met|replaced|appointed|via|our|old|lead|mayor|"
    r"work(?:ed|ing)? (?:for|with|under|alongside)|report(?:s|ed)? to|according to|spoke to|speak to|talk(?:ed|ing)? to|heard from|persuaded|convinced|invited?|asked if|like|me and|blamed?|call|called|named),?\s*$"
)
_PLACE_BEFORE = re.compile(
    r"(?i)\b(?:in|at|near|across|around|outside|towards|throughout|inside|into|within|beyond|from|to|of|between|over in|down in|up in|via|north|south|east|west|central|greater|rural|the|of the|all of|parts of|"
    r"town of|city of|borough of|county of|district of|village of|people of|residents of|council|river|royal|living in|based in)\s*$"
)
_FIRM_PLACE = re.compile(
    r"(?i)\b(?:in|near|across|around|outside|throughout|inside|within|over in|north|south|east|west|central|greater|rural|town of|city of|borough of|county of|parts of|all of)\s*$"
)
_PLACE_AFTER = re.compile(
    r"\s+(?:County|District|Borough|City|Town|Parish|Council|Road|Street|Lane|Valley|Vale|Village|LEP|NHS|(?:town|city) (?:centre|council|hall)|council|area|county|district|borough|station|hospital|airport|"
    r"residents|councillors|leaders|based|side|end|office|officers|members|people|taxpayers|voters|businesses)\b|\s*(?:/|&)\s*[A-Z]"
)
_THERE_IS = re.compile(r"(?i)\bthere(?:['’]s| is| was)(?: always| also)?\s+$")
_LET = re.compile(r"(?i)\b(?:let|lets|makes?|made|watch(?:ed)?|help(?:ed|s)?)\s+$")
_SHE = re.compile(r"\b(?:she|he|her|him|his|hers|she['’]s|he['’]s)\b", re.I)
_ROLE_AFTER = re.compile(
    r"(?i),?\s*\(?(?:,|-|–|—|\(|is|was|as)\s*(?:who (?:is|was)\s+)?(?:our|my|the|their|a|an|then|now|who)?\s*(?:former |current |new |old |then |deputy |interim |acting |assistant |senior )*"
    r"(?:chief|leader|head of|director|manager|officer|chair|councillor|clerk|mayor|monitoring|section 151|portfolio|cabinet|lead|deputy|colleague|boss|husband|wife|pa\b|secretary|assistant|planner|solicitor|"
    r"engineer|treasurer|predecessor|successor|interviewer|interviewee|receptionist|caretaker|driver|cleaner|teacher|nurse|doctor|mother|father|mum|dad|sister|brother|son|daughter|friend|mate|ceo|member for|mp\b)"
)


def score(text: str, tokens: list[Token], i: int, j: int) -> tuple[float, float]:
    """How much speaks for a person and how much for a place or organisation at the words i to j (exclusive)."""
    start, end = tokens[i].start, tokens[j - 1].end
    owned = tokens[j - 1].owned
    before = text[max(0, start - 40) : start]
    tail = text[end + 2 if owned and text[end : end + 1] in "'’" else end :][:60]
    after = tail.lstrip()
    person = place = 0.0
    same = not tokens[i].first  # nothing before a sentence's start says anything
    if same and _BEFORE_HUMAN.search(before):
        person += 1 if _WEAK_BEFORE.search(before) else 2
    if same and _PLACE_BEFORE.search(before):
        place += 1.5 if _FIRM_PLACE.search(before) else 0.5
    if re.search(
        r"(?i)\b(?:one|ones|some|someone|somebody|people|person|woman|man|chap|lady|team|officers?|two|three) from\s*$",
        before,
    ):
        place += 1.5
    if owned:
        person += 1.5 if _OWNS.match(after) else 0.25
    elif tail[:1] in (" ", "\n"):
        if _HUMAN.match(after):
            person += 2
        elif _DOES.match(after):
            person += 1.25
        elif _IS.match(after):
            person += 0.75
    if re.match(r",?\s+(?:bless (?:him|her|them)|God (?:rest|bless))", tail):
        person += 2
    if _DESK.match(tail):
        person += 2
    if _ROLE_AFTER.match(tail):
        person += 2
    if not owned and _PLACE_AFTER.match(tail):
        place += 2
    if re.match(r",(?:\s|$)", tail) and (
        tokens[i].first
        or re.search(r"(?i)\b(?:yes|yeah|no|okay|ok|well|so|right|thanks|thank you|look|now|and|but),?\s*$", before)
    ):
        person += 1  # spoken to
    if re.search(
        r"(?:thanks|thank you|right|yes|no|know|sorry|please|cheers|enough|true|question|that|it|me|on),\s*$",
        before,
        re.I,
    ) and re.match(r"[.?!]", tail):
        person += 1.5
    if _THERE_IS.search(before) and re.match(
        r",\s+(?:who(?:['’]s| \w+s| (?:always|never|just|still|only|really|actually) \w+s)|that['’]s|she|he)\b", tail
    ):
        person += 2
    if _LET.search(before) and re.match(
        r"\s+(?:talk|speak|go|do|get|take|know|run|lead|sit|decide|answer|finish|explain|off|in|have)\b", tail
    ):
        person += 2
    if re.match(r"\s+and\s+(?:I|me|myself)\b", tail):
        person += 2
    if person and _SHE.search(tail[:45]):
        person += 1
    elif _SHE.search(tail[:30]) and not place:
        person += 0.5
    return person, place


def is_phrase(text: str, token: Token) -> bool:
    """Whether a name that is an ordinary word begins a phrase in which it is one: Mark my words, a grace period.

    Examples
    --------
    >>> from collabnlp.redact.tokens import tokens_of
    >>> [is_phrase(text, tokens_of(text)[0]) for text in ("Mark my words.", "Mark rang.")]
    [True, False]
    """
    return not token.owned and _ORDINARY.match(text[token.start : token.end + 20]) is not None
