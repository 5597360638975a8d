"""Texts become key phrases: runs of words that carry something, none of them a name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_BREAK = re.compile(r"[^\w\s'’-]|\s[-–—]\s|[\r\n•]")  # what no phrase reaches across
_ADDRESS = re.compile(r"(?i)\b(?:https?://|www\.)\S*|\S+@\S+")
MOST_WORDS = 3
_STEM = 6
_FEW = 3  # a word met less often is no name for being capitalised

# Words that carry nothing in this field, whatever the topic: those that all its documents are about,
# everyday verbs, and the words of talk.
_EMPTY = """
ground grounds background debate concern concerns difference differences interests saving living perspective perspectives
sum danger frame past round effort efforts problem problems style average gain gains
council councils county counties district districts borough boroughs city cities town towns local locally area areas
place places shire tier tiers two-tier three-tier unitary region regions upper lower work working works worked
collaborate collaborates collaborated collaborating collaboration collaborations collaborative jointly together across
between within around without among cross sharing share shares councillor councillors leading lead leads official
officials head director directors colleague colleagues one two three four five six seven eight nine ten first second
third once twice half hundred thousand million number numbers new old also many much way ways whole part parts good
better best great greater well big bigger high higher highest low small smaller large larger long longer short full
early late later recent recently current currently future different similar same various wide wider particular
particularly specific clear clearly important key main major strong stronger strongly real really right wrong fair far
able likely possible potential overall general common make makes making made take takes taking taken took give gives
giving gave given get gets getting got go goes going went gone come comes coming came see sees seen saw use uses used
using useful put puts set sets setting let keep keeps kept hold holds held bring brings bringing brought need needs
needed needing want wants wanted help helps helped helping enable enables enabled enabling ensure ensures ensuring
ensured provide provides provided providing include includes included including involve involves involved involving
require requires required develop develops developed developing create creates created creating build builds built
building-up deliver delivers delivered delivering achieve achieves achieved achieving improve improves improved
improving increase increased increasing reduce reduces reduced reducing supports supported supporting identify
identified identifying establish established establishing start starts started starting begin began begun continue
continues continued continuing become becomes became consider considered considering understand understood
understanding recognise recognised agree agrees agreed follow following followed meet meets met meeting-up allow
allows allowed allowing focus focused focusing focuses base based seek seeks seeking sought look looks looking looked
feel feels felt know known knows knew think thinks thought say says said saying tell told talk talked talking speak
spoke ask asked asking try tried trying turn turned show shows showed shown find finds found call called hear heard
run runs ran running remain remains remained act acts acted move moves moved moving offer offers offered offering face
faces faced facing expect expected report reports reported reporting example examples instance case cases study
studies research chapter section page figure table box appendix source sources resource-link note notes toolkit
question questions respondent respondents interview interviews interviewee interviewees survey literature author
authors evidence-base thing things something anything nothing everything someone anyone everyone somebody anybody
everybody nobody person people man woman men women day days week weeks month months year years time times today point
points matter matters issue issues level levels range term terms form forms kind sort type types aspect aspects factor
factors fact reason reasons result results outcome outcomes impact effect effects benefit benefits opportunity
opportunities challenge challenges process processes activity activities action actions aim aims objective objectives
goal goals purpose purposes role roles view views idea ideas sense basis lot bit end side line lines step steps mr mrs
ms dr sir cllr yes yeah um er oh ok okay just like actually probably maybe perhaps quite rather very even still
already always never often sometimes usually especially simply although though however therefore whilst while despite
would could may might must shall should cannot can't won't wouldn't couldn't shouldn't isn't wasn't aren't weren't
hasn't haven't hadn't don't doesn't didn't it's that's there's they've we've we're you've i've i'd we'd they'd i'm
you're they're he's she's let's who's what's here's i'll you'll we'll she'd he'd one's own per via etc e.g i.e eg ie
vs january february march april june july august september october november december monday tuesday wednesday thursday
friday saturday sunday north south east west northern southern eastern western british english england uk britain
further additional available set-up ongoing existing effective effectively successful successfully success
increasingly significant significantly largely mainly directly fully closely quickly easily approximately described
describes describe suggests suggested suggest argued argues argue noted states stated highlighted highlight highlights
explore explored set-out outlined outline discussed discuss discussion relating related relation regard regarding
according due resulting associated linked link links throughout towards toward upon alongside amongst situation
situations insight insights reality details website published publication appendices copyright acknowledge
acknowledging acknowledgement acknowledgements conference academic literature-review remaining adding placed contact
contacts visible reading typical estimated fewer conditions designed determined determining occurs localities locality
space exploring showing cent quote overcome facilitating mutually mutual exploration accompanying formally thank
thanks default pdf files file com org htm html topic topics theme themes concept concepts definition define defined
defining journey story stories lesson lessons learnt learn learning context contexts degree extent rest majority
number-one addition reference references article summary introduction conclusion conclusions recommendation
recommendations paragraph tool tools template guide guidance tip tips project-management respective relevant
appropriate necessary essential positive negative difficult easy hard simple complex does did doing done course
""".split()

# Words that say something only beside another: "waste services", "growth board".
_HALF_EMPTY = frozenset(
    """
    service services authority authorities partnership partnerships partner partners shared joint board boards
    committee committees team teams management manager managers executive executives chief officer officers member
    members leader leaders leadership strategy strategies strategic plan plans policy policies programme programmes
    project projects resource resources capacity support development model models network networks group groups body
    bodies arrangement arrangements structure structures meeting meetings organisation organisations organisational
    information approach approaches framework engagement agreement agreements change changes control review reviews
    data delivery sector sectors community communities public national government central political cost costs funding
    money budget budgets staff posts post system systems vision priority priorities provision practice practices
    performance access quality value culture
    """.split()
)
_BEFORE_A_VERB = frozenset(
    "to will would can could shall should must may might be is are was were been being not they we it i you he she who "
    "that which cannot also then".split()
)
_BEFORE_A_NOUN = frozenset(
    "the a an this these that those its their his her our your of in for on with by between from about as into through "
    "over under more less no any some each every all and or both such other own".split()
)
_JOINING = frozenset({"shared", "joint", "chief", "public", "political"})  # that make a phrase of two such words


_EVERYWHERE = frozenset({"council", "councils", "district", "districts", "county", "counties", "local"})


def stop_words(names: Iterable[str] = ()) -> frozenset[str]:
    """Words that no phrase rests on: English function words, words empty in this field, and those of names."""
    return _function_words() | parts_of(names)


def parts_of(names: Iterable[str]) -> frozenset[str]:
    """The words of names, in small letters."""
    return frozenset(part.lower() for name in names for part in re.findall(r"[A-Za-z]{3,}", name))


@cache
def _english() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


@cache
def _left_out() -> frozenset[str]:
    return _english() | _EVERYWHERE


@cache
def _function_words() -> frozenset[str]:
    return _english() | {word.replace("’", "'") for word in _EMPTY}


def plain(word: str) -> str:
    """Small letters, straight apostrophe, no possessive.

    Examples
    --------
    >>> plain("Council’s")
    'council'
    """
    word = word.lower().replace("’", "'")
    return word.removesuffix("'s").removesuffix("'") if "'" in word else word


Pieces = Sequence[Sequence[str]]


def pieces(text: str) -> Pieces:
    """The words, as `plain` writes them, of each piece of a text between marks of punctuation.

    Examples
    --------
    >>> pieces("The council's bins, in Kent.")
    [['the', 'council', 'bins'], ['in', 'kent']]
    """
    found = ([plain(word) for word in _WORD.findall(piece)] for piece in _BREAK.split(_ADDRESS.sub(" . ", text)))
    return [words for words in found if words]


def phrases(
    said: Pieces,
    stops: Collection[str],
    heads: Collection[str],
    verbs: Collection[str] = (),
    telling: Collection[str] = (),
    most_words: int = MOST_WORDS,
) -> list[str]:
    """All runs of one to three words that no empty word and no mark of punctuation parts and that end in a noun, in small letters.

    Parameters
    ----------
    said
        A text's `pieces`.
    stops
        Words that no phrase may hold.
    heads, verbs
        Words that may end one, and words that may not stand in one; see `find_heads`.
    telling
        Words that say something here, though they would not elsewhere.

    Examples
    --------
    >>> said = pieces("The new waste services, for bins.")
    >>> phrases(said, {"the", "new", "for"}, {"waste", "services", "bins"})
    ['waste', 'waste services', 'bins']
    """
    found = []
    for words in said:
        for start in range(len(words)):
            for end in range(start + 1, min(start + most_words, len(words)) + 1):
                word = words[end - 1]
                if (word in stops and word not in telling) or word in verbs or len(word) < 3:
                    break
                if word in heads and says_something(words[start:end], telling):
                    found.append(" ".join(words[start:end]))
    return found


class Company(NamedTuple):
    """Words by the company they keep: `heads` may end a noun phrase, `verbs` are no part of one."""

    heads: frozenset[str]
    verbs: frozenset[str]


def find_heads(texts: Iterable[Pieces]) -> Company:
    """Words that end a noun phrase, mostly with no word of content behind them and seldom with a verb's company before, and words that are mostly verbs.

    No tagger is asked: the words around tell enough for a label, in any corpus and without a model.

    Examples
    --------
    >>> said = ["The formal review of the housing is due.", "They engage with housing.", "A review."]
    >>> found = find_heads(map(pieces, said))
    >>> [word in found.heads for word in ("housing", "review", "formal", "engage")]
    [True, True, False, False]
    >>> "engage" in found.verbs
    True
    """
    function_words = _english()
    total: Counter[str] = Counter()
    last: Counter[str] = Counter()
    verbal: Counter[str] = Counter()
    nominal: dict[str, float] = defaultdict(float)
    for text in texts:
        for words in text:
            for far, before, word, after in zip(["", "", *words], ["", *words], words, [*words[1:], ""], strict=False):
                total[word] += 1
                last[word] += not after or after in function_words
                verbal[word] += before in _BEFORE_A_VERB
                nominal[word] += (before in _BEFORE_A_NOUN) + 0.5 * (
                    before not in function_words and far in _BEFORE_A_NOUN
                )
    verbs = frozenset(word for word, n in total.items() if verbal[word] > 0.3 * n)
    heads = frozenset(
        word
        for word, n in total.items()
        if last[word] >= 0.4 * n and nominal[word] >= 0.1 * n and not word.endswith(("ed", "ly"))
    )
    return Company(heads - verbs, verbs)


def says_something(words: Sequence[str], telling: Collection[str]) -> bool:
    """Whether words are more than those that say something only beside another."""
    return any(word not in _HALF_EMPTY or word in telling for word in words) or (
        len(words) > 1 and words[0] in _JOINING
    )


def words(text: str, names: Collection[str] = ()) -> list[str]:
    """The words but for English function words, what every document here is about, and names.

    Examples
    --------
    >>> words("The council's services in Kent.", {"kent"})
    ['services']
    """
    found = map(plain, _WORD.findall(_ADDRESS.sub(" ", text)))
    left_out = _left_out()
    return [word for word in found if len(word) >= 3 and word not in left_out and word not in names]


def find_names(texts: Iterable[str]) -> frozenset[str]:
    """Words that stand with a capital in the midst of sentences at least as often as not: names of people, places and firms.

    Words all in capitals but for a plural's last letter are left alone: most are abbreviations of
    schemes and bodies.

    Examples
    --------
    >>> sorted(find_names(["We met Ann Weir and the board.", "It was Ann Weir who met the board.", "Then Ann Weir left."]))
    ['ann', 'weir']
    """
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        for match in _WORD.finditer(text):
            word = match.group()
            if word[0].islower():
                small[plain(word)] += 1
            elif _midst(text, match.start()) and not word[:-1].isupper():
                capital[plain(word)] += 1
    return frozenset(word for word, n in capital.items() if n > small[word] or (n >= _FEW and n >= small[word]))


def _midst(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'“‘(")
    return bool(before) and before[-1] not in ".!?:•\n" and not before[-1:].isdigit()


def is_abbreviation(texts: Iterable[str]) -> Callable[[str], str | None]:
    """A function that gives a word as the texts write it where they write it all in capitals, else None."""
    capitals: Counter[str] = Counter()
    other: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for text in texts:
        for word in re.findall(r"[A-Za-z]+", text):
            key = word.lower()
            if 2 <= len(word) <= 6 and (word.isupper() or (word[:-1].isupper() and word[-1] == "s" and len(word) > 2)):
                capitals[key] += 1
                written.setdefault(key, Counter())[word] += 1
            else:
                other[key] += 1
    known = {
        key: min(written[key], key=lambda w: (-written[key][w], w)) for key, n in capitals.items() if n > other[key]
    }
    return known.get


def distinct(ranked: Sequence[str], most: int) -> list[str]:
    """The first phrases, each without words that an earlier one holds, plural and singular being one."""
    chosen: list[str] = []
    taken: set[str] = set()
    for phrase in ranked:
        stems = {stem(word) for word in phrase.split()}
        if len(chosen) < most and not stems & taken:
            chosen.append(phrase)
            taken |= stems
    return chosen


def stem(word: str) -> str:
    """The word without its ending, so far as letters can tell: enough to keep "prevention" and "preventative" apart from all else.

    Examples
    --------
    >>> [stem(word) for word in ("policies", "homes", "housing", "prevention", "preventative")]
    ['polic', 'hom', 'hous', 'preven', 'preven']
    """
    for ending in ("ing", "ies", "ed", "es", "e", "s", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:_STEM]
