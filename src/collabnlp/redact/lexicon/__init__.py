"""What names look like: given names and surnames, ordinary words, places, well-known people, short forms.

The lists say what a word may be, never what it is: that is for `people` to judge from the words around it.
Where they come from stands in docs/decisions/0007-pseudonyms.md.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
FILES = ("bodies.txt", "figures.csv", "names.csv", "nicknames.csv", "places.txt", "words.txt")


class Lexicon(NamedTuple):
    """Sets of words as `plain` writes them.

    Attributes
    ----------
    given, surnames
        Names of people.
    both_ways
        Those of them that are ordinary words, too.
    words
        Ordinary words.
    places
        Towns and villages of the United Kingdom, of one word or several.
    figures
        Well-known people, whole names; they are not replaced.
    figures_alone
        The part of such a name that is enough to know them by.
    bodies
        Firms and charities whose names look like people's.
    short
        Short forms by the given name; and given names by the short form in `long`.
    """

    given: frozenset[str]
    surnames: frozenset[str]
    both_ways: frozenset[str]
    words: frozenset[str]
    places: frozenset[str]
    figures: frozenset[str]
    figures_alone: dict[str, str]
    bodies: frozenset[str]
    short: dict[str, frozenset[str]]
    long: dict[str, frozenset[str]]

    def is_ordinary(self, word: str) -> bool:
        """Whether a word, or what it is made from by an ending, is in the language."""
        low = plain(word)
        if low in self.words or low in self.both_ways:
            return True
        return any(
            len(stem) > 2 and (stem in self.words or stem + "e" in self.words)
            for stem in (re.sub(r"(?:ing|ed|ly|s|es|er|ers|ness|ment|able|ally|isation|ise|ised)$", "", low),)
            if stem != low
        )


def plain(word: str) -> str:
    """A word to compare by: no capitals, no accents, straight apostrophes.

    Examples
    --------
    >>> plain("Siân"), plain("O’Dell"), plain("Łukasz")
    ('sian', "o'dell", 'lukasz')
    """
    folded = word.replace("’", "'").replace("ł", "l").replace("Ł", "L").replace("ø", "o").casefold()
    if folded.isascii():
        return folded
    return "".join(letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter))


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _lines(name: str) -> frozenset[str]:
    return frozenset(plain((FOLDER / name).read_text(encoding="utf-8")).split("\n")) - {""}


@functools.cache
def load_lexicon() -> Lexicon:
    """The lists that come with the package.

    Examples
    --------
    >>> lexicon = load_lexicon()
    >>> "priya" in lexicon.given, "mark" in lexicon.both_ways, "cath" in lexicon.short["catherine"]
    (True, True, True)
    """
    names = _rows("names.csv")
    short = {plain(row["name"]): frozenset(plain(row["short"]).split()) for row in _rows("nicknames.csv")}
    long: dict[str, set[str]] = {}
    for name, forms in short.items():
        for form in forms:
            long.setdefault(form, set()).add(name)
    figures = _rows("figures.csv")
    return Lexicon(
        given=frozenset(plain(row["name"]) for row in names if row["kind"] != "surname")
        | frozenset(long)
        | frozenset(short),
        surnames=frozenset(plain(row["name"]) for row in names if row["kind"] != "given"),
        both_ways=frozenset(plain(row["name"]) for row in names if row["also"]),
        words=_lines("words.txt"),
        places=_lines("places.txt"),
        figures=frozenset(plain(row["name"]) for row in figures),
        figures_alone={row["alone"].casefold(): plain(row["name"]) for row in figures if row["alone"]},
        bodies=_lines("bodies.txt"),
        short=short,
        long={form: frozenset(names) for form, names in long.items()},
    )
