r"""Many regular expressions searched in many texts: those that cannot match a text are not tried on it.

A pattern such as `\b(joint|shared) (\w+ )?(post|team)s?\b` can match only where one of " joint " and
" shared " stands in the text, and one of " post" and " team". Such needs are read off the patterns
once; one look at a text for all pieces of all patterns (Aho-Corasick) leaves about one pattern in
eighty to be tried.
"""

from __future__ import annotations

import functools
import itertools
import re
import string
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import regex

Clause = frozenset[str]  # pieces of text of which a match holds one or more
Way = frozenset[Clause]  # clauses that all hold where a pattern matches in this way

_FOLD = str.maketrans(string.ascii_uppercase + string.whitespace, string.ascii_lowercase + " " * len(string.whitespace))
_SIGN = regex.compile(r"\W")
_EDGE = "\0"  # stands for \b in a piece until it is known what lies beside it
_LONGEST_RUN = 32  # strings that a run of parts may stand for
_SHORTEST = 3  # letters of a piece; what is shorter stands in every text
_MOST_WAYS = 16
_REMEMBERED = 5000  # texts
# what the parser of `re` takes for plain characters, or reads in another way than `regex` does
_FOREIGN = re.compile(r"\{(?!\d*,?\d*\})|\[[\[:]|\|\||&&|~~|--")


@functools.cache  # a codebook has more than the library itself keeps, and is loaded in several places
def compiled(pattern: str) -> Any:
    """The pattern, compiled once."""
    return regex.compile(pattern)


@functools.cache
def _parsed(pattern: str) -> Any:
    """The parts of a pattern that reads the same to `re` as to `regex`; None for any other."""
    try:
        from re import _parser  # type: ignore[attr-defined]  # no public way to a parsed pattern

        parsed = None if _FOREIGN.search(pattern) else _parser.parse(pattern)
        return None if parsed is None or parsed.state.flags & ~re.UNICODE else parsed
    except (ImportError, AttributeError, re.error):
        return None


def fault_of(pattern: str) -> str:
    """Why a pattern is no regular expression; empty where it is one."""
    if _parsed(pattern) is not None:  # read, but not compiled: of a thousand, most are never tried
        return ""
    try:
        compiled(pattern)
    except regex.error as error:
        return str(error)
    return ""


class Searcher:
    """Finds the first hit of each of many patterns in a text.

    Parameters
    ----------
    patterns
        Regular expressions in lower case; a text is searched in lower case, with blanks for all white space.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        import ahocorasick

        self._patterns = tuple(patterns)
        self._lately: OrderedDict[str, list[tuple[int, tuple[int, int]]]] = OrderedDict()
        self._anywhere: list[int] = []
        self._filed: dict[int, list[tuple[int, frozenset[int]]]] = {}
        number: dict[Clause, int] = {}
        for i, pattern in enumerate(self._patterns):
            ways = _ways(pattern)
            if not ways:
                self._anywhere.append(i)
            for way in ways:
                clauses = sorted(way, key=_rarity)
                numbers = [number.setdefault(clause, len(number)) for clause in clauses]
                self._filed.setdefault(numbers[-1], []).append((i, frozenset(numbers[:-1])))
        owners: dict[str, list[int]] = {}
        for clause, n in number.items():
            for piece in sorted(clause):
                owners.setdefault(piece, []).append(n)
        self._finder = ahocorasick.Automaton()
        for n, piece in enumerate(owners):
            self._finder.add_word(piece, n)
        self._finder.make_automaton()
        self._clauses = [frozenset(numbers) for numbers in owners.values()]

    def hits(self, text: str) -> list[tuple[int, tuple[int, int]]]:
        """(index of a pattern, (start, end) of its first hit) for each pattern that hits, in their order."""
        found = self._lately.get(text)
        if found is None:
            folded = text.translate(_FOLD)  # no letter changes its place; lowered once, it is searched twice as fast
            tried = [(i, compiled(self._patterns[i]).search(folded)) for i in self._possible(folded)]
            found = [(i, match.span()) for i, match in tried if match]
            if len(self._lately) >= _REMEMBERED:
                self._lately.popitem(last=False)
            self._lately[text] = found  # a passage is scored, and then asked for reasons
        return found

    def _possible(self, folded: str) -> list[int]:
        """Indices of the patterns that may match."""
        if not len(self._finder):
            return self._anywhere
        pieces = {n for _, n in self._finder.iter(f" {_SIGN.sub(' ', folded)} ")}
        found = frozenset().union(*[self._clauses[n] for n in pieces])
        possible = set(self._anywhere)
        for n in found & self._filed.keys():
            possible.update(i for i, others in self._filed[n] if others <= found)
        return sorted(possible)


def _rarity(clause: Clause) -> tuple[int, int, list[str]]:
    """Order of clauses: the rarer last."""
    return min(map(len, clause)), -len(clause), sorted(clause)


class _Need(NamedTuple):
    """What a part of a pattern needs.

    Attributes
    ----------
    exact
        All strings that it may stand for; None where they are too many.
    ways
        Where `exact` is None, the ways in which it can match; none: anything may match.
    """

    exact: frozenset[str] | None
    ways: tuple[Way, ...] = ()


_ANYTHING = _Need(None)
_NOTHING = _Need(frozenset([""]))


@functools.cache
def _ways(pattern: str) -> tuple[Way, ...]:
    """The ways in which a pattern can match; none where nothing is known."""
    parsed = _parsed(pattern)
    return () if parsed is None else _ways_of(_row(parsed))


def _ways_of(need: _Need) -> tuple[Way, ...]:
    if need.exact is None:
        return need.ways
    clause = _clause(need.exact)
    return (frozenset([clause]),) if clause else ()


def _row(parts: Any, run: frozenset[str] = frozenset([""])) -> _Need:
    """What parts one behind the other need, where one of the strings of `run` stands before them."""
    several: list[tuple[Way, ...]] = []
    exact = True
    for what, value in parts:
        edged = (
            run == {_EDGE} and str(what) in _GROUPS
        )  # the edge of a word belongs to each branch of the group behind it
        need = _part(str(what), value, run) if edged else _part(str(what), value)
        before = frozenset([""]) if edged else run
        if need.exact is not None and (edged or len(run) * len(need.exact) <= _LONGEST_RUN):
            run = frozenset(a + b for a in before for b in need.exact)
            continue
        exact = False
        several.append(_ways_of(_Need(before)))
        run = frozenset([""]) if need.exact is None else need.exact
        several.append(need.ways)
    if exact:
        return _Need(run)
    several.append(_ways_of(_Need(run)))
    ways: list[Way] = [frozenset()]
    for own in filter(None, several):
        if len(own) * len(ways) > _MOST_WAYS:
            own = (frozenset([_joined(own)]),)
        ways = [a | b for a in ways for b in own]
    return _Need(None, tuple(ways) if ways != [frozenset()] else ())


_GROUPS = ("BRANCH", "SUBPATTERN", "ATOMIC_GROUP")


def _part(what: str, value: Any, run: frozenset[str] = frozenset([""])) -> _Need:
    """What one part of a parsed pattern needs; a group, with one of the strings of `run` before it."""
    if what == "LITERAL":
        return _Need(frozenset([chr(value)]))
    if what == "AT":
        return _Need(frozenset([_EDGE])) if str(value) == "AT_BOUNDARY" else _NOTHING
    if what in ("ASSERT", "ASSERT_NOT"):
        return _NOTHING
    if what == "IN":
        return _set(value)
    if what == "SUBPATTERN":
        return _row(value[3], run) if not (value[1] or value[2]) else _ANYTHING
    if what == "ATOMIC_GROUP":
        return _row(value, run)
    if what == "BRANCH":
        return _branch([_row(branch, run) for branch in value[1]])
    if what in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _repeat(*value)
    return _ANYTHING


def _set(members: Any) -> _Need:
    letters: set[str] = set()
    for what, value in members:
        if str(what) == "LITERAL":
            letters.add(chr(value))
        elif str(what) == "RANGE" and value[1] - value[0] < 8:
            letters.update(map(chr, range(value[0], value[1] + 1)))
        else:
            return _ANYTHING
    return _Need(frozenset(letters))


def _branch(needs: Sequence[_Need]) -> _Need:
    if all(need.exact is not None for need in needs):
        return _Need(frozenset().union(*(need.exact or () for need in needs)))
    ways = [_ways_of(need) for need in needs]
    if not all(ways):
        return _ANYTHING
    return _one_way_where_it_says_the_same(tuple(itertools.chain.from_iterable(ways)))


def _one_way_where_it_says_the_same(ways: tuple[Way, ...]) -> _Need:
    """Ways of one clause each are one way: a clause with the pieces of all."""
    if all(len(way) == 1 for way in ways):
        ways = (frozenset([_joined(ways)]),)
    return _Need(None, ways)


def _repeat(least: int, most: int, parts: Any) -> _Need:
    need = _row(parts)
    if most <= 1 and need.exact is not None:
        return need if least else _Need(need.exact | {""})
    return _Need(None, _ways_of(need)) if least else _ANYTHING


def _joined(ways: Sequence[Way]) -> Clause:
    """One clause that holds in each of the ways: the pieces of the rarest of each."""
    return _least(frozenset().union(*(max(way, key=_rarity) for way in ways)))


def _clause(strings: frozenset[str]) -> Clause:
    """The pieces that stand for strings; none where one of them says nothing."""
    pieces = {piece for text in strings if (piece := _piece(text)) is not None}
    return _least(frozenset(pieces)) if pieces and min(map(len, pieces)) >= _SHORTEST else frozenset()


def _least(pieces: Clause) -> Clause:
    """The pieces without those that hold another."""
    return frozenset(p for p in pieces if not any(q in p for q in pieces if len(q) < len(p)))


def _piece(text: str) -> str | None:
    """The string as it stands where all signs are blanks; None where it can stand nowhere."""
    parts: list[str] = [_SIGN.sub(" ", part) for part in re.split(f"{_EDGE}+", text)]
    piece = parts[0]
    for i, part in enumerate(parts[1:], start=1):
        before, after = piece[-1:], part[:1]
        if before and after and (before == " ") == (after == " "):
            return None
        if not before and i == 1 and after not in ("", " "):
            piece = " "
        elif not after and i == len(parts) - 1 and before not in ("", " "):
            part = " "
        piece += part
    return piece
