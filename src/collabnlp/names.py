"""What a name stands for, learnt from marked passages: a partnership, a scheme or neither; a council or its place.

Two small logistic regressions over features that a person can read, such as `head=board` or
`after=programme`. The first judges every span of capitalised words; the second judges bare place
names. scikit-learn fits them; applying them is a sum of weights, so that a passage takes well under
a millisecond.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from collabnlp.records import InputError, is_whole, sealed, write_json

CLASSES = ("", "PARTNERSHIP", "SCHEME")
PARTNERSHIP_HEADS = frozenset(
    """
    partnership board group committee forum alliance network lep cluster consortium taskforce federation lsp
    commission assembly company compact panel conference concordat collaborative council team cell
    """.split()
)
SCHEME_HEADS = frozenset(
    """
    programme project fund deal deals initiative pilot scheme strategy framework award challenge pathfinder hub
    masterplan bypass agreement arc vision offer exchange service services campaign plan grant link quarter
    corridor growth
    """.split()
)
HEADS = PARTNERSHIP_HEADS | SCHEME_HEADS
LINKS = frozenset("and of for & the on in to with a at upon by / ’s 's ’ '".split())
_WORD = re.compile(r"[^\W_]*?[Cc]ouncils?(?=[A-Z])|[^\W_]+(?:[-’'&](?!s\b)[^\W_]+)*|[’']s\b|\S")
_CITES = re.compile(
    r"https?:|www\.|\bibid\b|\bop cit|\((?:19|20)\d\d\)|\bVol\. ?\d|\bpp?\.? ?\d|\beds?\b|(?i:publication)|[Rr]eport:"
)
_LONGEST = 12
_NEVER = -10.0  # weight that stands where no example has a class
_FORMAT = 1


class Word(NamedTuple):
    """A word or sign of a text."""

    text: str
    lower: str
    start: int
    end: int
    capital: bool


def cut(text: str) -> list[Word]:
    """The words and signs of a text; a possessive s is a word of its own.

    Examples
    --------
    >>> [word.text for word in cut("Kent’s board (KB)")]
    ['Kent', '’s', 'board', '(', 'KB', ')']
    """
    return [
        Word(found, found.lower(), match.start(), match.end(), found[0].isupper())
        for match in _WORD.finditer(text)
        if (found := match.group())
    ]


def spans(words: Sequence[Word]) -> list[tuple[int, int]]:
    """First and last-but-one index of every span that may be a name.

    Capitalised words, with links between them ("Raising the Bar") and at most three small words
    and a head noun behind ("Kent leaders group"); what stands in quotes; and small words whose
    initials the bracket behind them spells ("community strategy executive board (CSEB)").
    """
    found: set[tuple[int, int]] = set()
    n, i = len(words), 0
    while i < n:
        if not words[i].capital:
            i += 1
            continue
        inside, last = [i], i
        while (following := _next_capital(words, last)) and len(inside) < 24:
            inside.append(following)
            last = following
        for k, start in enumerate(inside):
            ends = [end for end in inside[k:] if end - start < _LONGEST]
            for end in ends:
                commas = any(words[m].text == "," for m in range(start, end))
                if not commas or words[end].lower in HEADS:
                    found.add((start, end + 1))
            for end in ends[:6]:
                for step in range(1, 5):
                    at = end + step
                    if at >= n or not words[at].text.islower() or words[at].lower in LINKS:
                        break
                    if words[at].lower in HEADS:
                        found.add((start, at + 1))
        i = last + 1
    found.update(_quoted(words))
    found.update(_spelt(words))
    return sorted((i, j) for i, j in found if j - i > 1 or words[i].lower not in HEADS)


def _next_capital(words: Sequence[Word], at: int) -> int:
    """Index of the next capitalised word of the same run; 0 where the run ends."""
    n, i = len(words), at + 1
    if i < n and (words[i].capital or words[i].text.isdigit()) and words[i].text != "I":
        return i
    if i + 3 < n and words[i].text == "(" and words[i + 1].text.isupper() and words[i + 2].text == ")":
        return i + 3 if words[i + 3].capital else 0
    if i + 1 < n and words[i].text == "," and words[i + 1].capital:
        ahead = [word.lower for word in words[i + 1 : i + 8]]
        return i + 1 if "and" in ahead or "&" in ahead else 0
    for step in (1, 2):
        if i + step < n and all(words[i + m].lower in LINKS for m in range(step)) and words[i + step].capital:
            return i + step
    return 0


def _quoted(words: Sequence[Word]) -> Iterable[tuple[int, int]]:
    """What stands in quotes, up to seven words."""
    for i, word in enumerate(words):
        if word.text in "“‘\"'":
            for j in range(i + 2, min(len(words), i + 9)):
                if words[j].text in "”’\"'" and words[j].text != "’s":
                    if words[i + 1].text.isalpha():
                        yield i + 1, j
                    break


def _spelt(words: Sequence[Word]) -> Iterable[tuple[int, int]]:
    """Words whose initials are the abbreviation in the brackets behind them."""
    for i in range(2, len(words) - 2):
        short = words[i + 1].text
        if words[i].text == "(" and words[i + 2].text == ")" and short.isupper() and 2 < len(short) < 8:
            start, left = i, len(short)
            while start and left and words[start - 1].text[0].isalpha():
                start -= 1
                if words[start].lower[0] == short[left - 1].lower():
                    left -= 1
                elif words[start].lower not in LINKS:
                    break
            if not left:
                yield start, i


def is_reference(text: str) -> bool:
    """Whether a text has the marks of a reference: a year in brackets, an address, "ibid"."""
    return _CITES.search(text) is not None


class Hints(NamedTuple):
    """What the rules and the gazetteer say of a passage, in code points.

    Attributes
    ----------
    ruled
        Label of the spans that the patterns take for names.
    councils
        Spans of councils named in full.
    cites
        Whether the passage has the marks of a reference: a year in brackets, an address, "ibid".
    """

    ruled: Mapping[tuple[int, int], str]
    councils: Sequence[tuple[int, int]]
    cites: bool


def describe(
    words: Sequence[Word], start: int, end: int, hints: Hints, ordinary: Collection[str], times: Mapping[str, int]
) -> list[str]:
    """The features of a span.

    Parameters
    ----------
    ordinary
        Words that are common in small letters: what is not among them is likely a proper name.
    times
        How often each word and pair of words stands in the document, by its small letters.
    """
    inside = words[start:end]
    first, last = inside[0], inside[-1]
    lowers = [word.lower for word in inside]
    head = last.lower
    before, before2 = (words[i].lower if i >= 0 else "^" for i in (start - 1, start - 2))
    after, after2 = (words[i].lower if i < len(words) else "$" for i in (end, end + 1))
    kinds = [_kind(word, ordinary) for word in inside]
    shape = "".join(kinds)
    n = len(inside)
    features = [
        "bias",
        f"head={head}",
        f"first={lowers[0]}",
        f"pair={' '.join(lowers[-2:])}",
        f"shape={shape[:3]}~{shape[-3:]}",
        f"whole={shape}",
        f"n={min(n, 7)}",
        f"before={before}",
        f"before2={before2} {before}",
        f"after={after}",
        f"after2={after} {after2}",
        f"head={head}&before={before}",
        f"shape={shape[-2:]}&before={before}",
        f"shape={shape[-2:]}&after={after}",
        f"headkind={kinds[-1]}{last.capital:d}&n={min(n, 4)}",
        f"own={min(kinds.count('x'), 3)}&headkind={kinds[-1]}",
        f"ordinary={kinds.count('o') + kinds.count('P') + kinds.count('S') == n}&headkind={kinds[-1]}&n={min(n, 4)}",
        f"whole={' '.join(lowers)}",
    ]
    features += [f"in={word}" for word in set(lowers)]
    features += [f"end={word.lower[-3:]}" for word in inside if word.capital]
    left, right = words[start - 1] if start else None, words[end] if end < len(words) else None
    if left is None or left.text in ".:;?!•–—":
        features += ["starts", f"starts&shape={shape[:2]}"]
    if left is not None and right is not None and left.text in "“‘\"'" and right.text in "”’\"',":
        features += ["quoted", f"quoted&headkind={kinds[-1]}", f"quoted&capital={first.capital:d}&n={min(n, 4)}"]
    if left is not None and (left.capital or (left.lower in LINKS and start > 1 and words[start - 2].capital)):
        features += [f"wider<{left.lower if left.lower in LINKS else 'C'}", f"wider<{left.lower}"]
    if right is not None and (
        right.capital or (right.lower in LINKS and end + 1 < len(words) and words[end + 1].capital)
    ):
        features += [
            f"wider>{right.lower if right.lower in LINKS else 'C'}&headkind={kinds[-1]}",
            f"wider>{right.lower}",
        ]
    elif right is not None and right.lower in HEADS:
        features += [f"wider>small&headkind={kinds[-1]}"]
    for link in ("and", "of", "for", ",", "(", "’s", "'s"):
        if link in lowers:
            features.append(f"holds={link}&headkind={kinds[-1]}")
    if hints.cites:
        features += ["cites", f"cites&headkind={kinds[-1]}"]
    said = times.get(" ".join(lowers[:2]) if n > 1 else lowers[0], 0)
    features.append(f"times={min(said, 4)}&n={min(n, 3)}")
    a, b = first.start, last.end
    for (c, d), label in hints.ruled.items():
        if (c, d) == (a, b):
            features.append(f"rule={label}")
        elif c < b and a < d:
            features.append(f"rule~{label}&{'in' if c <= a and b <= d else 'over' if a <= c and d <= b else 'across'}")
    for c, d in hints.councils:
        if c < b and a < d:
            features.append("council" if (c, d) == (a, b) else "council~in" if c <= a and b <= d else "council~over")
    return features


def _kind(word: Word, ordinary: Collection[str]) -> str:
    """One letter for a word: P or S a head noun, A an abbreviation, o ordinary, x a proper name, d a number, l a link."""
    if word.lower in PARTNERSHIP_HEADS:
        return "P"
    if word.lower in SCHEME_HEADS:
        return "S"
    if word.lower in LINKS:
        return "l"
    if word.text[0].isdigit():
        return "d"
    if not word.text[0].isalpha():
        return "."
    if len(word.text) > 1 and word.text.isupper():
        return "A"
    return "o" if word.lower in ordinary else "x"


_AUXILIARIES = frozenset(
    """
    has have had was were is are will would did does do also now both each all then itself themselves never always
    still only not already jointly together could should may might must been be recently since first who which that
    """.split()
)
_TITLES = frozenset(
    """
    leader leaders executive executives director directors officer officers member members councillor councillors
    cabinet staff colleagues treasurer chairman chair mayor manager managers head
    """.split()
)


class Place(NamedTuple):
    """A bare place name that may stand for its council.

    Attributes
    ----------
    start, end
        Index of its first word and of the one behind its last.
    ruled
        What the rules say: how likely it is the council, 0 to 1.
    county
        Whether the council is a county or combined authority.
    joined
        Whether "and", a comma or the like joins it to another place or council.
    """

    start: int
    end: int
    ruled: float
    county: bool
    joined: bool


def describe_place(words: Sequence[Word], place: Place) -> list[str]:
    """The features of a bare place name."""
    n = len(words)
    before = [words[i].lower if i >= 0 else "^" for i in range(place.start - 1, place.start - 4, -1)]
    after = [words[i].lower if i < n else "$" for i in range(place.end, place.end + 3)]
    doing = next((w for w in words[place.end : place.end + 5] if w.lower not in _AUXILIARIES), None)
    verb = doing.lower if doing is not None else "$"
    tier = "county" if place.county else "district"
    features = [
        "bias",
        tier,
        f"rule={place.ruled:.1f}",
        f"rule={place.ruled:.1f}&{tier}",
        f"before={before[0]}",
        f"before={before[0]}&{tier}",
        f"before2={before[1]} {before[0]}",
        f"before3={before[2]} {before[1]} {before[0]}",
        f"after={after[0]}",
        f"after2={after[0]} {after[1]}",
        f"around={before[0]}_{after[0]}",
        f"joined={place.joined:d}",
    ]
    if verb.isalpha():
        features += [f"verb={verb}", f"ends={verb[-2:]}&{tier}", f"ends={verb[-2:]}&before={before[0]}"]
    if after[0] in ("’s", "'s", "’", "'"):
        features += ["owns", f"owns={after[1]}", f"owns={after[2]}"]
    if _TITLES.intersection(before[1:]) or _TITLES.intersection(after[:2]):
        features.append(f"title&before={before[0]}")
    if place.start == 0 or words[place.start - 1].text in ".:;?!•–—|":
        features += ["starts", f"starts&after={after[0]}", f"starts&verb={verb}"]
    if n < 9:
        features += ["short", f"short&after={after[0]}"]
    if place.end < n and words[place.end].capital:
        features.append("capital>")
    if place.start and words[place.start - 1].capital:
        features.append("capital<")
    return features


class Weights(NamedTuple):
    """Fitted logistic regressions: by feature, one weight for each class but the first."""

    by_feature: Mapping[str, tuple[float, ...]]
    n: int

    def odds(self, features: Iterable[str]) -> list[float]:
        """Sum of the weights for each class but the first."""
        sums = [0.0] * self.n
        for feature in features:
            if (row := self.by_feature.get(feature)) is not None:
                for k, weight in enumerate(row):
                    sums[k] += weight
        return sums


def _chance(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, odds))))


class Names:
    """The two fitted models.

    Parameters
    ----------
    spans, places
        Weights for spans (partnership, scheme) and for bare places (council).
    ordinary
        Words that are common in small letters.
    threshold
        A span is a name where partnership and scheme together are likelier than this.
    """

    def __init__(self, spans: Weights, places: Weights, ordinary: Collection[str], threshold: float) -> None:
        self.spans, self.places, self.threshold = spans, places, threshold
        self.ordinary = frozenset(ordinary)

    def judge(
        self, words: Sequence[Word], hints: Hints, times: Mapping[str, int]
    ) -> dict[tuple[int, int], tuple[str, float]]:
        """By span in code points: the likelier label and how likely it is that the span names either, 0 to 1."""
        judged = {}
        for start, end in spans(words):
            features = describe(words, start, end, hints, self.ordinary, times)
            partnership, scheme = map(_chance, self.spans.odds(features))
            label = CLASSES[1] if partnership >= scheme else CLASSES[2]
            judged[words[start].start, words[end - 1].end] = (label, 1 - (1 - partnership) * (1 - scheme))
        return judged

    def acts(self, words: Sequence[Word], place: Place) -> float:
        """How likely a bare place name stands for its council, 0 to 1: the mean of what the rules and the model say."""
        return (_chance(*self.places.odds(describe_place(words, place))) + place.ruled) / 2

    def to_disk(self, path: str | Path) -> None:
        """Write the models as one JSON file."""
        data = {
            "format": _FORMAT,
            "threshold": self.threshold,
            "ordinary": " ".join(sorted(self.ordinary)),
            "spans": dict(sorted(self.spans.by_feature.items())),
            "places": dict(sorted(self.places.by_feature.items())),
        }
        write_json(path, sealed(data))

    @classmethod
    def from_disk(cls, path: str | Path) -> Names:
        """Models as `to_disk` wrote them.

        Raises
        ------
        InputError
            Where the file is missing or damaged, or another version of this project wrote it.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(path, "there is no such file", "run `dvc repro names`") from error
        except ValueError as error:
            raise InputError(path, "is not JSON", "run `dvc repro names`") from error
        if data.get("format") != _FORMAT:
            raise InputError(path, f"has the format {data.get('format')!r}", "run `dvc repro names`")
        if not is_whole(data):
            raise InputError(path, "is damaged: its SHA-256 is another", "run `dvc repro names`")
        weights = [
            Weights({feature: tuple(row) for feature, row in data[key].items()}, n)
            for key, n in (("spans", 2), ("places", 1))
        ]
        return cls(weights[0], weights[1], data["ordinary"].split(), data["threshold"])


def ordinary_words(texts: Iterable[str], at_least: int) -> set[str]:
    """Words that stand in small letters that often or more."""
    counts = Counter(word for text in texts for word in re.findall(r"(?<![\w’'-])[a-z][a-z’'-]+", text))
    return {word for word, n in counts.items() if n >= at_least}


def word_counts(passages: Iterable[Sequence[Word]]) -> Counter[str]:
    """How often each word and pair of words stands in a document, in small letters."""
    counts: Counter[str] = Counter()
    for words in passages:
        lowers = [word.lower for word in words]
        counts.update(lowers)
        counts.update(f"{a} {b}" for a, b in itertools.pairwise(lowers))
    return counts


def fit(rows: Sequence[Sequence[str]], labels: Sequence[int], n_classes: int, regularisation: float) -> Weights:
    """Weights of one logistic regression for each class but the first, rounded, so that a library's last digits do not show.

    Parameters
    ----------
    rows, labels
        The features of each example, and the index of its class; 0 is neither.
    regularisation
        Inverse strength of the penalty (C).
    """
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    counts = Counter(feature for row in rows for feature in set(row))
    column = {feature: i for i, feature in enumerate(sorted(f for f, n in counts.items() if n > 1))}
    indices, ends = [], [0]
    for row in rows:
        indices += sorted({column[feature] for feature in row if feature in column})
        ends.append(len(indices))
    matrix = csr_matrix((np.ones(len(indices)), indices, ends), shape=(len(rows), len(column)))
    truth = np.asarray(labels)
    table = np.zeros((n_classes - 1, len(column)))
    for k in range(1, n_classes):
        if not (truth == k).any() or (truth == k).all():
            table[k - 1, column["bias"]] = _NEVER if not (truth == k).any() else -_NEVER
            continue
        # "bias" is a feature of every example, so no intercept; the solver draws the examples in a seeded order
        model = LogisticRegression(C=regularisation, solver="liblinear", fit_intercept=False, random_state=0)
        table[k - 1] = model.fit(matrix, truth == k).coef_[0]
    return Weights(
        {
            feature: tuple(round(float(w), 3) for w in table[:, i])
            for feature, i in column.items()
            if np.abs(table[:, i]).max() >= 0.005
        },
        n_classes - 1,
    )
