"""What somebody typed becomes words to look for: misspelt names mended, abbreviations spelt out, no operators."""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

MOST_WORDS = 64  # of what was typed; the rest is not looked for
_LIKE = 0.8  # share of letters that a misspelt word and a name have in common
_SHORTEST = 4  # letters of a word that may be misspelt
_LONGEST_NAME = 9  # words of a name
_COMMON = frozenset(
    """
    a an the and or but of in on at to for from by with as is are was were be been being it its this that these those
    who whom whose which what where when why how do does did done has have had having can could may might shall should
    will would must not no nor so than then there their they them he she his her we our us you your i me my if into
    about over under out up down off all any each both together one other some such own same just only very s t
    """.split()
)


class Understood(NamedTuple):
    """What is looked for.

    Attributes
    ----------
    phrases
        Runs of words that must stand side by side: what was typed in double quotes.
    words
        Words of which any may stand in the passage, in any form, and other names of what was named.
    text
        What was typed, mended, as the encoder reads it.
    read_as
        What was typed, and what it was read as.
    """

    phrases: tuple[str, ...]
    words: tuple[str, ...]
    text: str
    read_as: tuple[tuple[str, str], ...]

    @property
    def match(self) -> str:
        """The full-text query; empty where nothing is looked for."""
        must = " AND ".join(_quoted(self.phrases))
        any_of = " OR ".join(_quoted((*self.phrases, *self.words)))
        return f"({must}) AND ({any_of})" if must else any_of


def _quoted(terms: Iterable[str]) -> list[str]:
    return [f'"{term}"' for term in terms]


def fts_query(words: str) -> str:
    """Words as a full-text query that asks for all of them and cannot be anything else.

    Every word is quoted, quoted runs are kept together.

    Examples
    --------
    >>> fts_query('growth "joint chief executive" OR*')
    '"growth" "joint chief executive" "OR"'
    """
    return " ".join(_quoted(term for _, term in _terms(words)))


def _terms(typed: str) -> list[tuple[bool, str]]:
    """Words and phrases as typed, in order, each with whether it stood in double quotes."""
    parts = re.findall(r'["“”]([^"“”]+)["“”]|([^\s"“”]+)', typed)
    found = []
    for quoted, single in parts:
        if words := re.findall(r"\w+", quoted or single):
            found.append((bool(quoted), " ".join(words)))
    return found[:MOST_WORDS]


def understand(db: sqlite3.Connection, typed: str) -> Understood:
    """What somebody typed, as the index can look for it."""
    terms = _terms(typed)
    read_as: list[tuple[str, str]] = []
    mended: list[tuple[bool, str]] = []
    for in_quotes, term in terms:
        better = [_mended(db, word) for word in term.split()]
        read_as += [(a, b) for a, b in zip(term.split(), better, strict=True) if a != b]
        mended.append((in_quotes, " ".join(better)))
    text = " ".join(" ".join(typed.split()).replace("\0", " ").split()[:MOST_WORDS])
    for wrong, right in read_as:
        text = text.replace(wrong, right)
    single = [term for in_quotes, term in mended if not in_quotes]
    other: dict[str, None] = {}
    for alias, names in _also_called(db, [word for _, term in mended for word in term.split()]):
        read_as.append((alias, " or ".join(names)))
        other |= dict.fromkeys(names)
        if alias.isupper():
            text = re.sub(rf"\b{re.escape(alias)}\b", lambda _, name=names[0]: name, text)  # type: ignore[misc]
    words = [word for word in single if word.lower() not in _COMMON] or single
    clean = [" ".join(re.findall(r"\w+", name)) for name in other]
    return Understood(
        tuple(term for in_quotes, term in mended if in_quotes),
        tuple(dict.fromkeys([*words, *filter(None, clean)])),
        text,
        tuple(read_as),
    )


def _mended(db: sqlite3.Connection, word: str) -> str:
    """The name that a word which stands in no passage is most like; the word itself where it is like none."""
    low = word.lower()
    if len(low) < _SHORTEST or low in _COMMON or not low.isalpha() or _stands(db, word):
        return word
    near = db.execute(
        "SELECT word FROM name_word WHERE initial = ? AND length(word) BETWEEN ? AND ? ORDER BY word",
        (low[0], len(low) - 2, len(low) + 2),
    )
    close: list[str] = difflib.get_close_matches(low, [row[0] for row in near], n=1, cutoff=_LIKE)
    if not close:
        return word
    return close[0].capitalize() if word[0].isupper() else close[0]


def _stands(db: sqlite3.Connection, word: str) -> bool:
    query = "SELECT 1 FROM passage_text WHERE passage_text MATCH ? LIMIT 1"
    return db.execute(query, (f'"{word}"',)).fetchone() is not None


def _also_called(db: sqlite3.Connection, words: list[str]) -> list[tuple[str, list[str]]]:
    """Abbreviations among the words with the full names, and full names with their abbreviations, the longest first."""
    found: list[tuple[str, list[str]]] = []
    at = 0
    while at < len(words):
        for size in range(min(_LONGEST_NAME, len(words) - at), 0, -1):
            name = " ".join(words[at : at + size])
            short = size == 1 and name.isupper() and len(name) > 1
            if size == 1 and not short:
                continue
            names = [
                row[0]
                for row in db.execute(
                    "SELECT DISTINCT b.alias FROM alias a JOIN alias b ON a.entity_id = b.entity_id "
                    "WHERE a.alias = ? COLLATE NOCASE ORDER BY length(b.alias) DESC, b.alias",
                    (name,),
                )
            ]
            if short and not names:
                names = _with_initials(db, name)
            names = [n for n in names if "(" not in n and n.lower() != name.lower() and n.isupper() != short]
            if names:
                found.append((name, names[:4]))
                at += size - 1
                break
        at += 1
    return found


def _with_initials(db: sqlite3.Connection, initials: str) -> list[str]:
    """Councils in the index whose names begin with these letters, word by word: SCC may be Suffolk County Council."""
    names = [row[0] for row in db.execute("SELECT name FROM entity WHERE label = 'COUNCIL' ORDER BY name")]
    words = {name: re.findall(r"\w+", name.partition(" (")[0]) for name in names}
    return [
        " ".join(parts) for parts in words.values() if len(parts) > 1 and "".join(part[0] for part in parts) == initials
    ]


def name_words(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """Words that a misspelt one may stand for: those of names, and those that texts write with a capital only.

    Examples
    --------
    >>> name_words(["In Lowestoft the councils met. The town gained."], ["Fen Board"])
    ['board', 'lowestoft']
    """
    small: set[str] = set()
    large: set[str] = set()
    for text in texts:
        for word in re.findall(r"[^\W\d_]+", text):
            if len(word) >= _SHORTEST:
                (large if word[0].isupper() else small).add(word.lower())
    own = {word.lower() for name in names for word in re.findall(r"[^\W\d_]+", name) if len(word) >= _SHORTEST}
    return sorted((large - small) | own)
