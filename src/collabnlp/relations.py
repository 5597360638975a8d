"""Who works with whom, read from sentences: members of partnerships, councils that a scheme is between, shared posts.

A sentence is rewritten with one sign for each name, so that a pattern reads "COUNCIL, COUNCIL and
COUNCIL formed PARTNERSHIP". Patterns are narrow: what is only proposed or denied is left out.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from collabnlp.gazetteer import Gazetteer
from collabnlp.records import Document, EntityMention, Passage, Relation, RelationName, access_of, key_of
from collabnlp.segment import sentences


class _Item(NamedTuple):
    """What one sign of a rewritten sentence stands for."""

    ids: tuple[str, ...]
    basis: Literal["named", "collective"]


class _Match(NamedTuple):
    relation: RelationName
    councils: Sequence[_Item]
    other: str


# Signs: C a council, W a bare place that may be one, D councils named together, P a partnership, S a scheme.
_C, _W, _D, _P, _S = 0xE000, 0xE400, 0xE800, 0xEC00, 0xF000
_ITEM, _ONE, _BODY, _SCHEME = (
    r"[\ue000-\uebff]",
    r"[\ue000-\ue7ff]",
    r"[‘'“\"]?(?P<body>[\uec00-\uf3ff])[’'”\"]?",
    r"[\uf000-\uf3ff]",
)
_NO_SIGN = r"[^.;\ue000-\uf3ff]"
_THE = r"(?:both |all |the |its neighbours? |neighbouring |districts of )*"
_LINK = r"(?:\s*,? (?:and|&|plus|with|as well as|together with|along with) (?:also )?|\s*[,/] ?)"
_LIST = rf"{_THE}{_ITEM}(?:(?:(?<![\ue800-\uebff]){_LINK}|, (?:and )?){_THE}{_ITEM})*"  # what follows "the other districts and" is a new clause
_TWO = rf"{_THE}{_ONE}(?:{_LINK}{_THE}{_ONE})*"
_LED = (
    r"(?:(?:the )?(?:political |senior |elected |council )?(?:leaders?|chief executives?|senior officers?|officers?|members|councillors|"
    rf"representatives|people|staff)(?:,? (?:and|or))? )*(?:of |from |at |for )?(?:(?:each of )?{_NO_SIGN}{{0,30}}{_ONE}?[’']?s?{_NO_SIGN}{{0,24}} [–—] ?)?"
)
_HELP = (
    r"(?: [–—])?(?:,? (?:which |who |that |leaders |leaders who )?(?:has |have |had |is |are |was |were |been |also |both |all |each |jointly |"
    r"together |now |first |then |recently |already )*)?"
)
_POST = (
    r"[‘'“\"]?(?i:(?:chief executives?(?: officer)?|ceos?|managing directors?|heads? of paid service|"
    r"(?:senior |joint |single |corporate |shared |officer |strategic )*(?:management|leadership|executive|officer) (?:team|structure|board|cadre)s?|"
    r"(?:section 151|s151|monitoring|chief finance) officers?|(?:[a-z]+ )?directors?\b(?: of [a-z ]{3,24}\b)?|heads? of [a-z]{3,20}\b|workforce|"
    r"senior (?:managers|officers|staff|posts?)|joint posts?|officer posts?|senior management))"
)
_SOLO = (
    r"(?:chief executive(?: officer)?|managing director|head of paid service|(?:section 151|s151|monitoring) officer|"
    r"(?:corporate |commissioning |executive |assistant |joint )director|assistant chief executive)"
)
_VERB = (
    r"(?P<verb>formed|set up|established|created|founded|joined|launched|came together (?:as|in|to form)|make up|makes up|made up|"
    r"(?:an? |founding |full |constituent |key |active )*(?:members?|parts?|partners?|players?|signator(?:y|ies)) (?:of|in)|sits? on|"
    r"belongs? to|participates? in|takes? part in|represented on|(?:work(?:s|ed|ing)?(?: together)|agreed to (?:work together|combine efforts|join forces)) (?:through|in|as|on)|"
    r"(?:meets?|met|collaborates?|working) (?:together )?(?:through|in|as))"
)
_HOLDS = (
    r"(?:brings? together|brought together|bringing together|comprises?|comprising|comprised|consists? of|consisting of|made up of|unites?|"
    r"(?:a |an )?(?:[\w-]+ ){0,4}(?:partnership|programme|project|committee|company|board|venture|alliance|body|collaboration|forum|"
    r"consortium|service|group|arrangement) (?:of|between|involving|formed by|set up by|owned by|run by|supported by|made up of|which includes|"
    r"including|with)|(?:formed|set up|established|created|founded|owned|shared|run|delivered|supported)(?: jointly)? (?:by|between)|"
    r"whose (?:members|partners|members and partners) (?:are|include)|membership (?:of the group )?(?:includes|comprises)|"
    r"includes|included|including|involves|involving|serves|enables the leaders of|allows the leaders of)"
)
_FORMS = r"(?:create|form|set up|establish|found|created|formed|established|founded|creating|forming|establishing)"
_CALLED = (
    r"(?:(?:the|a|an|their|our|what is now|what became) )*(?:(?:[\w-]+ ){1,6}(?:called|named|known as) (?:the )?)?"
)
_HAVING = (
    r"(?:,? (?:which |who )?(?:has |have |had |now |also |both |each |all |already |currently |successfully )*)? ?"
)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("body", rf"(?P<list>{_LIST}){_HELP} ?{_VERB} {_CALLED}{_BODY}(?:,? (?:along|together) with (?P<more>{_LIST}))?"),
        ("body", rf"(?P<list>{_LIST}) is (?:also )?(?:a )?(?:part|member) of (?:the )?{_BODY} alongside (?P<more>{_LIST})"),
        ("body", rf"(?P<list>{_LIST}) (?:sits?|sat|serves?|works?) (?:with|alongside|beside) (?P<more>{_LIST}) (?:on|in) {_CALLED}{_BODY}"),
        ("body", rf"(?P<list>{_LIST}){_HELP} ?(?:partnered|joined forces|joined up|teamed up) with (?P<more>{_LIST}) (?:to|and) {_FORMS} {_CALLED}{_BODY}"),
        ("body", rf"{_BODY}(?: \([^)]{{0,60}}\))?(?:,? chaired by {_NO_SIGN}{{0,60}},)?{_HELP} ?{_HOLDS} {_LED}(?P<list>{_LIST})"),
        ("body", rf"{_BODY} ?\((?:of )?(?P<list>{_THE}{_ITEM}(?:{_LINK}{_THE}{_ITEM})+)\)"),
        ("tail", rf"\b(?:members|partners|councils) (?:of|in) (?:the )?{_BODY}(?: are| include|,|:) (?P<list>[^.;]+)"),
        ("between", rf"{_BODY}(?:,| \([^)]{{0,40}}\))?(?: (?:is|was|has been))?(?: an?)?(?: [\w-]+){{0,6}} (?:between|agreed by|shared by|run by|delivered by) (?P<list>{_LIST})"),
        ("between", rf"(?P<list>{_LIST}){_HELP} ?(?:launched|signed|agreed|run|deliver|delivered|developed|share) {_CALLED}(?P<body>{_SCHEME})"),
        ("between", rf"(?P<list>{_LIST})(?: has| have)? (?:has|have|had|agreed|signed|made) (?:an? |the |its |their )?[‘'“\"]?(?P<body>{_SCHEME})[’'”\"]? with (?P<more>{_LIST})"),
        ("posts", rf"(?P<list>{_TWO}){_HAVING}shar(?:e|es|ed|ing) (?:(?:a|an|the|their|its|one|most|many|some|all) )*(?:[\w-]+ ){{0,2}}?{_POST}(?: with (?P<more>{_TWO}))?"),
        ("posts", rf"(?P<list>{_TWO}){_HAVING}(?:a |an |the |one )*(?:[\w-]+ )?(?:shared|joint|single|common|same) (?:[\w-]+ ){{0,2}}?{_POST}(?: with (?P<more>{_TWO}))?"),
        ("posts", rf"(?P<list>{_TWO}) {_NO_SIGN}{{0,100}}(?:they|, and|and both)(?: [a-z]+){{0,3}} (?:sharing|share|shared|joint|single) (?:(?:a|one) )?(?:joint |single |shared )?{_POST}"),
        ("posts", rf"\b(?:joint|shared|single|same) (?:[\w-]+ ){{0,2}}?{_POST}[’'”\"]?(?:,? [a-z]+)? (?:of|for|between|across|to|serving|at|with|covering) (?P<list>{_TWO})"),
        ("posts", rf"(?P<list>{_TWO})(?:[’']s?)? (?:joint|shared|single) (?:[\w-]+ ){{0,2}}?{_POST}"),
        ("posts", rf"\b(?i:{_SOLO})(?: of| at| for| –|,) (?P<list>{_TWO})"),
        ("titles", rf"\b(?i:{_SOLO}) (?:of|at|for) (?P<list>{_ONE}),? and (?:also )?(?i:(?:[a-z]+ ){{0,2}}{_SOLO}) (?:of|at|for) (?P<more>{_ONE})"),
        ("posts", rf"(?P<list>{_ONE})[’']s? (?i:{_SOLO}) (?:is also|holds|doubles as) (?:[\w-]+ ){{0,8}}(?:of|at|for|to) (?P<more>{_ONE})"),
        ("posts", rf"\b[Ii]n (?P<list>{_TWO}),? the (?:\w+ )?(?i:{_SOLO}) (?:is|was) also\b"),
    )
)  # fmt: skip
_PAIRWISE = re.compile(
    rf"\b(?:joint|shared) (?:[\w-]+ ){{0,2}}?(?:posts?|post-?holders?|chief executives?|officers)\b[^.]{{0,60}}\b(?P<n>two|three|four|five)\b[^.:]{{0,40}}: "
    rf"(?P<list>{_TWO})"
)
_UNREAL = re.compile(
    r"(?i)\b(would|could|should|might|may|propos\w+|consider\w*|explor\w+|not|never|no longer|(?:plan|plans|planned|planning) to|intend\w*|hope[sd]?|"
    r"abandon\w*|reject\w*|refus\w+|instead of|rather than|if|unless|withdr\w+|left|separate|potential\w*|possib\w+|discuss\w*|whether)\b"
)
_NUMBERS = {
    w: n for n, w in enumerate("two three four five six seven eight nine ten eleven twelve thirteen".split(), 2)
}
_DISTRICTS = r"(?:districts(?: and boroughs| councils?)?|(?:district|borough|city)(?:,? (?:and |& )?(?:district|borough|city))* council(?:s| leaders)|boroughs and districts)"
_COLLECTIVE = re.compile(
    r"\b(?P<county>(?:the|its|their) county(?: council)?)(?=,? (?:and|as well as|with)\b|\.|$)|"
    r"(?:\b(?P<all>all|the|its|each of the|all of the|the other|all the|and) )?"
    rf"(?:\b(?P<n>\d{{1,2}}|{'|'.join(_NUMBERS)}) )?(?:other )?(?P<what>{_DISTRICTS})\b(?: (?:in|of|across) (?P<where>[A-Z]\w+(?: [A-Z]\w+)?))?"
)
_BACK = re.compile(
    r"\b[Tt]h(?:e|is) (?P<head>board|committee|group|partnership|forum|network|alliance|company|consortium)\b(?! (?:of|between|for|members?|meetings?|leaders?|officers?)\b)"
)
_COUNTY_TYPES = ("county",)


def find_relations(
    passages: Iterable[Passage],
    mentions: Iterable[EntityMention],
    documents: Iterable[Document],
    gazetteer: Gazetteer,
    links: Mapping[tuple[str, int, int, str], tuple[str, ...]],
    names: Mapping[str, str],
) -> list[Relation]:
    """The relations that sentences state, each once a sentence, and the listed members of partnerships that the texts name.

    Parameters
    ----------
    links
        By mention (passage id, start, end, label): the ids of the entities that it names.
    names
        Name of each entity by its id.
    """
    document_by_id = {document.document_id: document for document in documents}
    of_passage: dict[str, list[EntityMention]] = defaultdict(list)
    for mention in mentions:
        of_passage[mention.passage_id].append(mention)
    reader = _Reader(gazetteer, links, names)
    found: dict[tuple[Any, ...], Relation] = {}
    for passage in sorted(passages, key=lambda p: p.passage_id):
        if passage.passage_id not in of_passage:
            continue
        document = document_by_id[passage.document_id]
        for start, end, match in reader.read(passage, of_passage[passage.passage_id], document.year):
            for subject, relation, obj, basis in _triples(match):
                row = Relation(
                    subject_id=subject,
                    subject_name=_name(subject, names, gazetteer),
                    relation=relation,
                    object_id=obj,
                    object_name=_name(obj, names, gazetteer),
                    basis=basis,
                    document_id=document.document_id,
                    passage_id=passage.passage_id,
                    start_char=start,
                    end_char=end,
                    year=document.year,
                    access=access_of(passage, document),
                )
                key = key_of(row)
                if key not in found or found[key].basis == "collective":
                    found[key] = row
    named = {entity_id for ids in links.values() for entity_id in ids}
    for entity_id in sorted(named & set(gazetteer.entities)):
        for member in gazetteer.entities[entity_id].members:
            row = Relation(
                subject_id=member,
                subject_name=_name(member, names, gazetteer),
                relation="member_of",
                object_id=entity_id,
                object_name=_name(entity_id, names, gazetteer),
                basis="gazetteer",
                document_id="",
                passage_id="",
                start_char=0,
                end_char=0,
                year=None,
                access="public",
            )
            found[key_of(row)] = row
    return [found[key] for key in sorted(found)]


def _name(entity_id: str, names: Mapping[str, str], gazetteer: Gazetteer) -> str:
    if entity_id in gazetteer.entities:
        return gazetteer.entities[entity_id].name
    return names.get(entity_id, entity_id)


def _triples(match: _Match) -> Iterator[tuple[str, RelationName, str, Literal["named", "collective"]]]:
    if match.relation == "shares_post_with":
        for one, other in itertools.combinations(match.councils, 2):
            for a, b in itertools.product(one.ids, other.ids):
                if a != b:
                    yield min(a, b), match.relation, max(a, b), "named"
        for item in match.councils:
            for a, b in itertools.combinations(sorted(set(item.ids)), 2):
                yield a, match.relation, b, "named"
        return
    for item in match.councils:
        for council in item.ids:
            pair = (council, match.other) if match.relation == "member_of" else (match.other, council)
            yield pair[0], match.relation, pair[1], item.basis


class _Reader:
    """Rewrites sentences and matches the patterns."""

    def __init__(
        self, gazetteer: Gazetteer, links: Mapping[tuple[str, int, int, str], tuple[str, ...]], names: Mapping[str, str]
    ) -> None:
        self.gazetteer, self.links, self.names = gazetteer, links, names
        self._places = {
            alias
            for alias, (form, ids) in gazetteer.aliases.items()
            if form != "abbreviation" and gazetteer.entities[ids[0]].label == "COUNCIL"
        }
        self._longest = max((len(alias.split()) for alias in self._places), default=1)
        self._children: dict[str, list[str]] = defaultdict(list)
        for entity in gazetteer.entities.values():
            if entity.parent and entity.parent != entity.entity_id:
                self._children[entity.parent].append(entity.entity_id)

    def read(self, passage: Passage, mentions: Sequence[EntityMention], year: int) -> Iterator[tuple[int, int, _Match]]:
        """What the sentences of a passage state, each with the sentence's start and end."""
        bodies: dict[tuple[str, ...], str] = {}  # partnerships that the passage has named so far
        for start, end in sentences(passage.text):
            own = [m for m in mentions if start <= m.start_char and m.end_char <= end]
            text, items = self._rewritten(passage, start, end, own, bodies, year)
            for match in self._matches(text, items):
                yield start, end, match
            for m in own:
                if m.label == "PARTNERSHIP" and (ids := self._ids(m)):
                    bodies[ids] = m.text.casefold()

    def _ids(self, m: EntityMention) -> tuple[str, ...]:
        return self.links.get(key_of(m), ())

    def _matches(self, text: str, items: Mapping[str, _Item]) -> Iterator[_Match]:
        posts = _PAIRWISE.search(text)
        if posts:
            councils = self._items(posts["list"], items)
            if len(councils) == 2 * _NUMBERS[posts["n"]]:
                for i in range(0, len(councils), 2):
                    yield _Match("shares_post_with", councils[i : i + 2], "")
                text = text[: posts.start()] + " " * (posts.end() - posts.start()) + text[posts.end() :]
        for kind, rule in _RULES:
            for match in rule.finditer(text):
                first = text[match.start("list")]
                place = _W <= ord(first) < _D and re.search(r"\b(?:in|across|around|within) $", text[: match.start()])
                if place or _UNREAL.search(text[max(0, match.start() - 40) : match.end()]):
                    continue  # "leaders in Moorshire": geography; "would share": not so
                groups = match.groupdict()
                councils = self._items((groups["list"] or "") + (groups.get("more") or ""), items, kind == "tail")
                n = len({i for item in councils for i in item.ids})
                if kind in ("posts", "titles"):
                    # two titles are one person's where they stand behind a name
                    if 2 <= n <= 4 and (kind == "posts" or re.search(r"[A-Z][\w’'-]+, $", text[: match.start()])):
                        yield _Match("shares_post_with", councils, "")
                    continue
                scheme = ord(groups["body"]) >= _S
                takes_part = re.match(
                    r".*\b(?:members?|parts?|partners?|players?|signator|belong|part)", groups.get("verb") or ""
                )
                if kind == "between" or scheme:
                    if n >= 2 or (n and takes_part):
                        yield _Match("between", councils, items[groups["body"]].ids[0])
                elif n:
                    yield _Match("member_of", councils, items[groups["body"]].ids[0])

    @staticmethod
    def _items(text: str, items: Mapping[str, _Item], only_named: bool = False) -> list[_Item]:
        """The councils of a matched list; where other words stand between them, bare places do not count."""
        last = _W if only_named else _P
        return [items[sign] for sign in text if sign in items and ord(sign) < last]

    def _rewritten(
        self,
        passage: Passage,
        start: int,
        end: int,
        own: Sequence[EntityMention],
        bodies: Mapping[tuple[str, ...], str],
        year: int,
    ) -> tuple[str, dict[str, _Item]]:
        """The sentence with one sign for each name, and what the signs stand for."""
        sentence = passage.text[start:end]
        spans: list[tuple[int, int, int, _Item]] = []
        for m in own:
            if ids := self._ids(m):
                base = {"COUNCIL": _C, "PARTNERSHIP": _P, "SCHEME": _S}[m.label]
                spans.append((m.start_char - start, m.end_char - start, base, _Item(ids, "named")))
        for match in _BACK.finditer(sentence):  # "the committee", where the passage has named one
            fitting = [ids for ids, name in bodies.items() if match["head"] in name]
            if len(fitting) == 1:
                spans.append((match.start(), match.end(), _P, _Item(fitting[0], "named")))
        bare = self._bare_places(sentence, year)
        for match in _COLLECTIVE.finditer(sentence):
            if ids := self._collective(match, self._county(sentence, match, spans, bare, passage, year), year):
                cut = match.start("what") if match["all"] == "and" else match.start()
                spans.append((cut, match.end(), _C if match["county"] else _D, _Item(ids, "collective")))
        spans += [(a, b, _W, _Item(ids, "named")) for a, b, ids in bare]
        kept: list[tuple[int, int, int, _Item]] = []
        for span in spans:
            if not any(span[0] < k[1] and k[0] < span[1] for k in kept):
                kept.append(span)
        out, items, at = [], {}, 0
        for number, (a, b, base, item) in enumerate(sorted(kept, key=lambda s: s[0])[:1000]):
            sign = chr(base + number)
            items[sign] = item
            out += [sentence[at:a], sign]
            at = b
        text = re.sub(r"\s", " ", "".join([*out, sentence[at:]]))
        for short in re.finditer(rf"({_ONE}) \(({_ONE})\)", text):  # "Moor District Council (MDC)"
            if items[short[1]].ids == items[short[2]].ids:
                text = text.replace(short.group(), short[1])
        return text, items

    def _bare_places(self, sentence: str, year: int) -> list[tuple[int, int, tuple[str, ...]]]:
        """Names of councils that were not taken for mentions: in a list of members, a place is its council."""
        words = [(m.start(), m.end()) for m in re.finditer(r"[\w’'-]*\w", sentence)]
        found, i = [], 0
        while i < len(words):
            step = 1
            if sentence[words[i][0]].isupper():
                for j in range(min(len(words), i + self._longest), i, -1):
                    a, b = words[i][0], words[j - 1][1]
                    b -= 2 if sentence[a:b].endswith(("’s", "'s")) else 0
                    if sentence[a:b] in self._places:
                        before = re.search(r"[A-Z][\w’'-]* $", sentence[:a])
                        after = re.match(r" [A-Z]\w", sentence[b:])
                        if not after and not (before and before.start() > 0):
                            found.append((a, b, self.gazetteer.bearers(sentence[a:b], year)))
                        step = j - i
                        break
            i += step
        return found

    def _county(
        self,
        sentence: str,
        match: re.Match[str],
        spans: Sequence[tuple[int, int, int, _Item]],
        bare: Sequence[tuple[int, int, tuple[str, ...]]],
        passage: Passage,
        year: int,
    ) -> str:
        """The county that "the districts" are in: as said behind it, in the partnership's name, the sentence or the heading; else empty."""
        named = sorted(
            (s for s in spans if s[2] >= _P), key=lambda s: (s[0] > match.start(), abs(match.start() - s[0]))
        )
        bodies = [
            name for s in named[:1] for name in (sentence[s[0] : s[1]], *(self.names.get(i, "") for i in s[3].ids))
        ]
        around = [i for *_, item in spans for i in item.ids] + [i for *_, ids in bare for i in ids]
        for ids in (
            self._inside(match["where"] or "", year),
            [i for name in bodies for i in self._inside(name, year)],
            around,
            self._inside(passage.section[-1], year) if passage.section else [],
        ):
            counties = {i for i in ids if i in self._children and self.gazetteer.entities[i].type in _COUNTY_TYPES}
            if counties:
                return counties.pop() if len(counties) == 1 else ""
        return ""

    def _inside(self, name: str, year: int) -> list[str]:
        """Councils whose place name stands inside a longer name, such as Kent in "Kent Leaders group"."""
        words = re.findall(r"[\w-]+", name.replace("’s", ""))
        spans = [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(len(words), i + 4) + 1)]
        return [i for span in spans if span in self._places for i in self.gazetteer.bearers(span, year)]

    def _collective(self, match: re.Match[str], county: str, year: int) -> tuple[str, ...]:
        """The councils that "the county council" or "all eight districts" stands for; none where the number does not fit."""
        if not county:
            return ()
        if match["county"]:
            return (county,)
        ids = [i for i in self._children[county] if self.gazetteer.entities[i].exists_in(year)]
        said = match["n"] or ""
        n = int(said) if said.isdigit() else _NUMBERS.get(said, 0)
        if not (match["all"] or n) or (n and len(ids) > n):
            return ()
        return tuple(sorted(ids))
