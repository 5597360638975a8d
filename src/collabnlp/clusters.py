"""One entity, many names: mentions across documents become entities; merges that a machine should not decide are listed.

A name of the gazetteer wins always. Other names are one where they are equal but for capitals,
articles, ampersands, possessives and plurals; within one document also its abbreviations ("SPSL")
and the short forms of a name that it gives in full ("the Hub"). Names that differ by a word or a
letter stay apart: a person joins them by a row in corpus/gazetteer.csv.
"""

from __future__ import annotations

import itertools
import re
import typing
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from collabnlp.gazetteer import Gazetteer, slug
from collabnlp.records import (
    Access,
    Document,
    DoubtfulMerge,
    EntityLink,
    EntityMention,
    FoundEntity,
    Passage,
    access_of,
    key_of,
)

MentionKey = tuple[str, int, int, str]
_ACCESS = typing.get_args(Access)  # most open first


class Clusters(NamedTuple):
    """What `cluster` gives."""

    links: list[EntityLink]
    entities: list[FoundEntity]
    doubtful: list[DoubtfulMerge]


_HEADS = set(
    """
    partnership board group committee forum alliance network lep cluster consortium taskforce federation lsp
    commission assembly company programme project fund deal initiative pilot scheme strategy framework award
    challenge pathfinder hub masterplan agreement offer service council authority team
    """.split()
)
_ORDINARY = _HEADS | set(
    """
    growth economic prosperity leaders leader chief executive executives officers officer joint strategic local health
    wellbeing housing waste planning transport public sector services community safety enterprise city devolution
    county district and of for innovation integration infrastructure investment improvement shared steering delivery
    """.split()
)
_COMPASS = {"north", "south", "east", "west", "mid", "central", "greater", "upper", "lower", "new", "inner", "outer"}
_ABBREVIATION = re.compile(r"(?=(?:.*[A-Z]){2})[A-Z][A-Za-z0-9&]{1,9}")


def normal_form(name: str) -> str:
    """A name without what does not tell it from another: capitals, article, brackets, ampersand, possessive, plural.

    Examples
    --------
    >>> normal_form("The Fen & Moor Partnerships (FMP)")
    'fen and moor partnership'
    >>> normal_form("Marlshire’s Growth Board") == normal_form("Marlshire growth board")
    True
    """
    plain = unicodedata.normalize("NFKC", name).replace("’", "'").replace("‘", "'").casefold()
    plain = re.sub(r"\([^)]*\)", " ", plain).replace("&", " and ")
    plain = re.sub(r"'s\b|s'(?!\w)", lambda m: "" if m.group() == "'s" else "s", plain)
    words = re.findall(r"\w+", plain.replace("'", ""))
    while len(words) > 1 and words[0] in ("the", "a", "an", "our"):
        words = words[1:]
    return " ".join([*words[:-1], *(w[:-1] if w.endswith("s") and w[:-1] in _HEADS else w for w in words[-1:])])


def cluster(
    mentions: Iterable[EntityMention],
    passages: Iterable[Passage],
    documents: Iterable[Document],
    gazetteer: Gazetteer,
) -> Clusters:
    """The entities that mentions name, each mention's link to them, and the merges left to a person.

    The order of the rows does not matter. Ids in `entity_ids` that the gazetteer lacks do not count.
    Forms that only interviews not for attribution use are neither name nor alias of what other
    documents name, too; what only such interviews name is in no merge left to a person.
    """
    passage_by_id = {passage.passage_id: passage for passage in passages}
    document_by_id = {document.document_id: document for document in documents}
    ordered = sorted(mentions, key=key_of)
    access = {p: access_of(own, document_by_id[own.document_id]) for p, own in passage_by_id.items()}
    closed = {p for p, level in access.items() if level == "non-attributable"}
    by_document: dict[str, list[EntityMention]] = defaultdict(list)
    for mention in ordered:
        by_document[passage_by_id[mention.passage_id].document_id].append(mention)
    listed_names = _listed_names(gazetteer)
    nodes: dict[MentionKey, str] = {}
    full: dict[MentionKey, bool] = {}
    joins = _Joins()
    defined_in: dict[str, set[tuple[str, str]]] = defaultdict(set)  # abbreviation: (document, node)
    for document_id, own in sorted(by_document.items()):
        texts = {m.passage_id: passage_by_id[m.passage_id].text for m in own}
        node_of = _within_document(
            document_id, own, texts, document_by_id[document_id].year, gazetteer, listed_names, joins
        )
        for key, (node, is_full) in node_of.nodes.items():
            nodes[key], full[key] = node, is_full
        if not any(m.passage_id in closed for m in own):
            for short, node in node_of.defined.items():
                defined_in[short].add((document_id, node))
    groups: dict[str, list[EntityMention]] = defaultdict(list)
    links = []
    for mention in ordered:
        ids = tuple(i for i in mention.entity_ids if i in gazetteer.entities)
        if not ids:
            groups[joins.root(nodes[key_of(mention)])].append(mention)
        for entity_id in ids:
            groups[f"={entity_id}"].append(mention)
    identity = _identities({root: _shown_of(members, closed) for root, members in groups.items()}, full)
    id_of = {root: entity_id for root, (entity_id, _) in identity.items()}
    for mention in ordered:
        ids = tuple(i for i in mention.entity_ids if i in gazetteer.entities)
        ids = ids or (id_of[joins.root(nodes[key_of(mention)])],)
        links.append(
            EntityLink(
                passage_id=mention.passage_id,
                start_char=mention.start_char,
                end_char=mention.end_char,
                label=mention.label,
                entity_ids=ids,
            )
        )
    entities = []
    for root, members in groups.items():
        entity_id, name = identity[root]
        listed = gazetteer.entities.get(entity_id)
        where = {m.passage_id: document_by_id[passage_by_id[m.passage_id].document_id] for m in members}
        years = [document.year for document in where.values()]
        labels = Counter(m.label for m in members)
        forms = Counter(_shown(m.text) for m in _shown_of(members, closed))
        entities.append(
            FoundEntity(
                entity_id=entity_id,
                name=listed.name if listed else name,
                label=listed.label if listed else min(labels, key=lambda x: (-labels[x], x)),
                listed=listed is not None,
                aliases=tuple(sorted(forms, key=lambda form: (-forms[form], form))),
                first_year=min(years),
                last_year=max(years),
                n_mentions=len(members),
                n_passages=len(where),
                documents=tuple(sorted({document.document_id for document in where.values()})),
                access=min((access[passage_id] for passage_id in where), key=_ACCESS.index),
            )
        )
    entities.sort(key=lambda entity: entity.entity_id)
    forms_of: dict[str, set[str]] = defaultdict(set)
    for mention in ordered:
        known = any(i in gazetteer.entities for i in mention.entity_ids)
        if not known and full[key_of(mention)] and mention.passage_id not in closed:
            forms_of[id_of[joins.root(nodes[key_of(mention)])]].add(normal_form(mention.text))
    abbreviated = {
        (short, id_of[joins.root(node)] if joins.root(node) in id_of else joins.root(node)[1:])
        for short, pairs in defined_in.items()
        for _, node in pairs
    }
    n_told = {id_: sum(m.passage_id not in closed for m in groups[root]) for root, id_ in id_of.items()}
    told = [e.model_copy(update={"n_mentions": n}) for e in entities if (n := n_told[e.entity_id])]
    return Clusters(links, entities, _doubtful(told, forms_of, abbreviated, gazetteer))


def _shown_of(mentions: Sequence[EntityMention], closed: Collection[str]) -> Sequence[EntityMention]:
    """The mentions whose words may be shown: those outside closed passages, all where there are none."""
    return [m for m in mentions if m.passage_id not in closed] or mentions


def _shown(text: str) -> str:
    """A name as it is shown: one blank between words, no article, no abbreviation in brackets."""
    bare = re.sub(r"\s*\([A-Z][A-Za-z&]{1,9}\)", "", " ".join(text.split()))
    return re.sub(r"^(?:[Tt]he|THE|[Aa]n?) (?=\S)", "", bare)


class _Joins:
    """Names that are one, by the rules of their documents; a listed entity (`=id`) is the root of its own."""

    def __init__(self) -> None:
        self._up: dict[str, str] = {}

    def root(self, node: str) -> str:
        while node in self._up:
            node = self._up[node]
        return node

    def join(self, a: str, b: str) -> None:
        one, other = sorted((self.root(a), self.root(b)))
        if one != other and not (one.startswith("=") and other.startswith("=")):
            self._up[other] = one  # "=" sorts before "~": a listed entity is never below another


class _Own(NamedTuple):
    nodes: dict[MentionKey, tuple[str, bool]]
    defined: dict[str, str]


def _listed_names(gazetteer: Gazetteer) -> dict[str, list[str]]:
    """Aliases of listed partnerships and schemes by their normal form; abbreviations are left to the finder."""
    names: dict[str, list[str]] = defaultdict(list)
    for alias, (form, ids) in sorted(gazetteer.aliases.items()):
        if form != "abbreviation" and any(gazetteer.entities[i].label != "COUNCIL" for i in ids):
            names[normal_form(alias)].append(alias)
    return names


def _within_document(
    document_id: str,
    mentions: Sequence[EntityMention],
    texts: Mapping[str, str],
    year: int,
    gazetteer: Gazetteer,
    listed_names: Mapping[str, Sequence[str]],
    joins: _Joins,
) -> _Own:
    """The node of every mention of one document: a listed entity, a normal form, or one that holds for the document only."""
    nodes: dict[MentionKey, tuple[str, bool]] = {}
    short_forms: list[tuple[EntityMention, str]] = []
    for mention in mentions:
        form = normal_form(mention.text)
        ids = [i for i in mention.entity_ids if i in gazetteer.entities]
        bearers = [i for alias in listed_names.get(form, ()) for i in gazetteer.bearers(alias, year)]
        if ids:
            nodes[key_of(mention)] = (f"={ids[0]}", normal_form(gazetteer.entities[ids[0]].name) == form)
        elif mention.label != "COUNCIL" and bearers:
            nodes[key_of(mention)] = (f"={bearers[0]}", True)
        elif _is_abbreviation(mention.text) or set(form.split()) <= _ORDINARY:
            short_forms.append((mention, form))
        else:
            nodes[key_of(mention)] = (f"~{form}", True)
    fulls: dict[str, str] = {}  # node by the normal form of its name
    defined: dict[str, str] = {}
    for mention in mentions:
        if mention.label == "COUNCIL" or key_of(mention) not in nodes:
            continue
        node = nodes[key_of(mention)][0]
        fulls.setdefault(normal_form(mention.text), node)
        if short := _defined(texts[mention.passage_id], mention):
            defined.setdefault(short, node)
    for form, node in fulls.items():
        if node.startswith("~"):
            for short, of in defined.items():
                if _initials(form) == short.casefold() and len(short) >= 3:
                    joins.join(node, of)  # with or without the common noun behind the words that the letters spell
            stem, _, head = form.rpartition(" ")
            if head in _HEADS and stem in fulls and " " in stem:
                joins.join(node, fulls[stem])  # "Moor Together" and "Moor Together programme"
    for mention, form in short_forms:
        key = key_of(mention)
        if not form:
            nodes[key] = (f"~{document_id} {mention.text}", False)
        elif _is_abbreviation(mention.text):
            bare = mention.text.split()[0].removesuffix("s")
            spelt = {joins.root(node) for full, node in fulls.items() if _spells(bare, full)}
            target = defined.get(bare) or (spelt.pop() if len(spelt) == 1 else f"~{form}")
            nodes[key] = (target, False)
        else:
            ends = {joins.root(node) for full, node in fulls.items() if full.endswith(" " + form)}
            nodes[key] = (ends.pop(), False) if len(ends) == 1 else (f"~{form} {document_id}", False)
    return _Own(nodes, defined)


def _is_abbreviation(text: str) -> bool:
    """Whether a name is an abbreviation, alone or before a common noun ("SPSL group")."""
    words = _shown(text).split()
    rest = all(word.casefold() in _HEADS for word in words[1:])
    return bool(words) and rest and _ABBREVIATION.fullmatch(words[0]) is not None


def _defined(text: str, mention: EntityMention) -> str:
    """The abbreviation that a document gives in brackets behind or inside a name; empty where it gives none."""
    behind = re.match(
        r"\s*\((?:the |or |hereafter )*[“\"‘']?([A-Z][A-Za-z0-9&]{1,9})[”\"’']?\)", text[mention.end_char :]
    )
    inside = re.search(r"\(([A-Z][A-Za-z0-9&]{1,9})\)", mention.text)
    short = (inside or behind).group(1) if inside or behind else ""  # type: ignore[union-attr]
    return short if _ABBREVIATION.fullmatch(short) and _spells(short, normal_form(mention.text)) else ""


def _initials(form: str) -> str:
    return "".join(word[0] for word in form.split() if word not in ("and", "of", "the", "for"))


def _spells(short: str, form: str) -> bool:
    """Whether an abbreviation's letters are the initials of a name, a last common noun left out or not."""
    letters = short.casefold().replace("&", "")
    words = form.split()
    cut = words[:-1] if words and words[-1] in _HEADS else words
    spelt = {_initials(" ".join(w)) for w in (words, cut)} | {"".join(x[0] for x in w) for w in (words, cut)}
    return len(letters) >= 2 and letters in spelt


def _identities(
    groups: Mapping[str, Sequence[EntityMention]], full: Mapping[MentionKey, bool]
) -> dict[str, tuple[str, str]]:
    """The id and the name of each group; an id is the slug of the name, with a number where two groups come to one."""
    given: dict[str, tuple[str, str]] = {}
    used: set[str] = set()
    for root in sorted(groups):
        if root.startswith("="):
            given[root] = (root[1:], "")
            continue
        forms = Counter(_shown(m.text) for m in groups[root] if full[key_of(m)]) or Counter(
            _shown(m.text) for m in groups[root]
        )
        most = Counter[str]()
        for form, n in forms.items():
            most[normal_form(form)] += n
        best = min(most, key=lambda form: (-most[form], -len(form), form))
        same = [form for form in forms if normal_form(form) == best]
        name = min(same, key=lambda form: (-forms[form], -sum(map(str.isupper, form)), form))
        base = entity_id = f"found:{slug(name) or 'name'}"
        for number in range(2, len(groups) + 2):
            if entity_id not in used:
                break
            entity_id = f"{base}-{number}"
        used.add(entity_id)
        given[root] = (entity_id, name)
    return given


def _doubtful(
    entities: Sequence[FoundEntity],
    forms_of: Mapping[str, set[str]],
    abbreviated: Iterable[tuple[str, str]],
    gazetteer: Gazetteer,
) -> list[DoubtfulMerge]:
    """Pairs of which at least one is not listed, with names a word or a letter apart, or by another document's abbreviation."""
    counts = {entity.entity_id: entity.n_mentions for entity in entities}
    names = {entity.entity_id: entity.name for entity in entities}
    council = {entity.entity_id for entity in entities if entity.label == "COUNCIL"}
    owners: dict[str, set[str]] = defaultdict(set)
    for entity_id, forms in forms_of.items():
        for form in forms:
            owners[form].add(entity_id)
    for alias, (form_, ids) in gazetteer.aliases.items():
        for entity_id in ids:
            if form_ == "full":
                owners[normal_form(alias)].add(entity_id)
                names.setdefault(entity_id, gazetteer.entities[entity_id].name)
                if gazetteer.entities[entity_id].label == "COUNCIL":
                    council.add(entity_id)
    places = {word for alias in gazetteer.aliases for word in normal_form(alias).split()} - _ORDINARY
    pairs: dict[tuple[str, str], str] = {}
    for one, other, reason in [*_near(sorted(owners), places), *_short_elsewhere(entities, abbreviated)]:
        for a in owners.get(one, {one}):
            for b in owners.get(other, {other}):
                known = a in gazetteer.entities and b in gazetteer.entities
                if a != b and not known and (a in council) == (b in council):
                    first, last = sorted((a, b), key=lambda i: (-counts.get(i, 0), i))
                    pairs.setdefault((first, last), reason)
    return [
        DoubtfulMerge(
            entity_id_a=a,
            name_a=names[a],
            n_mentions_a=counts.get(a, 0),
            entity_id_b=b,
            name_b=names[b],
            n_mentions_b=counts.get(b, 0),
            reason=reason,
        )
        for (a, b), reason in sorted(pairs.items())
    ]


def _near(forms: Sequence[str], places: set[str]) -> Iterator[tuple[str, str, str]]:
    """Normal forms a letter or a word apart; two places or two points of the compass tell names apart beyond doubt."""
    by_letter: dict[str, list[str]] = defaultdict(list)
    by_word: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    known = set(forms)
    for form in forms:
        words = tuple(form.split())
        if len(form) >= 8:
            for cut in {form[:i] + form[i + 1 :] for i in range(len(form))} | {form}:
                by_letter[cut].append(form)
        for i, word in enumerate(words):
            rest = words[:i] + words[i + 1 :]
            if len(rest) >= 2 and not set(rest) <= _ORDINARY:
                by_word[(*rest[:i], "*", *rest[i:])].append((form, word))
                if (shorter := " ".join(rest)) in known and word not in _COMPASS:
                    yield shorter, form, f"one has the word “{word}” more"
    for near in by_letter.values():
        for a, b in itertools.combinations(sorted(set(near)), 2):
            if abs(len(a) - len(b)) <= 1 and not (set(a.split()) ^ set(b.split())) & _COMPASS:
                yield a, b, "a letter apart"
    for alike in by_word.values():
        for (a, word), (b, other) in itertools.combinations(sorted(set(alike)), 2):
            apart = {word, other} <= _COMPASS | places or any(x.isdigit() for x in (word, other))
            if not apart and len(a.split()) >= 4:
                yield a, b, f"“{word}” in one is “{other}” in the other"


def _short_elsewhere(
    entities: Sequence[FoundEntity], abbreviated: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Abbreviations that one document leaves unexplained and another explains."""
    unexplained = {e.name: e.entity_id for e in entities if not e.listed and _is_abbreviation(e.name)}
    for short, entity_id in sorted(abbreviated):
        for name, own in unexplained.items():
            if name.split()[0] == short:
                yield own, entity_id, f"another document calls it {short}"
