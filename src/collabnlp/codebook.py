"""The coding guide as data: codes, their group, parent, definition, keywords, indicators and exemplars."""

from __future__ import annotations

import functools
import re
import string
from pathlib import Path
from typing import Any

import regex
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from collabnlp.records import InputError, Stance


@functools.cache  # a codebook has more than the library itself keeps, and is loaded in several places
def compiled(pattern: str) -> Any:
    """The pattern, compiled once."""
    return regex.compile(pattern)


class Exemplars(BaseModel):
    """Passages that a careful coder would give the code, by stance."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()


class Code(BaseModel):
    """One code of the guide."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str = Field(description="machine name", pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(description="name for people")
    group: str = Field(description="name of the group it belongs to")
    parent: str | None = Field(None, description="the code under which it counts when rolled up")
    default_stance: Stance = Field("positive", description="stance where nothing speaks against it")
    definition: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    keywords: tuple[str, ...] = Field(description="words an evaluator would search for: the keyword baseline")
    indicators: tuple[str, ...] = Field(
        (), description="regular expressions, in lower case, whose hits the classifier weighs"
    )
    exemplars: Exemplars


class Codebook(BaseModel):
    """The whole guide, in its order.

    Attributes
    ----------
    unit
        What a passage is and when a code is given.
    groups
        Machine name to human name of each group, in order.
    codes
        The codes, in order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    provenance: str
    unit: tuple[str, ...]
    stance: dict[Stance, str]
    groups: dict[str, str]
    sources: dict[str, str]
    codes: tuple[Code, ...]

    @model_validator(mode="after")
    def _check(self) -> Codebook:
        names = [code.code for code in self.codes]
        if len(set(names)) < len(names):
            raise ValueError(f"a code stands twice: {sorted(n for n in set(names) if names.count(n) > 1)}")
        for code in self.codes:
            if code.group not in self.groups:
                raise ValueError(f"{code.code}: the group {code.group} is not among {list(self.groups)}")
            if code.parent is not None and code.parent not in names:
                raise ValueError(f"{code.code}: the parent {code.parent} is not a code")
            for pattern in code.indicators:
                if re.search("[A-Z]", re.sub(r"\\.", "", pattern)):
                    raise ValueError(f"{code.code}: the indicator {pattern!r} has a capital; texts are lowered first")
                try:
                    compiled(pattern)
                except regex.error as error:
                    raise ValueError(
                        f"{code.code}: the indicator {pattern!r} is no regular expression ({error})"
                    ) from error
        return self

    @property
    def names(self) -> list[str]:
        """Machine names, in the guide's order."""
        return [code.code for code in self.codes]

    def __getitem__(self, name: str) -> Code:
        return next(code for code in self.codes if code.code == name)


@functools.lru_cache(maxsize=8)  # a thousand indicators take a second
def _parse(text: str) -> Codebook:
    from ruamel.yaml import YAML

    return Codebook.model_validate(YAML(typ="safe").load(text))


def load_codebook(path: str | Path) -> Codebook:
    """The codebook of a project.

    Raises
    ------
    InputError
        Where the file is missing, not YAML, or breaks a rule of the codebook.
    """
    from ruamel.yaml.error import YAMLError

    path = Path(path)
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "restore it from git") from error
    except YAMLError as error:
        raise InputError(path, f"is not YAML ({error})", "mend the line") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            path, str(first["msg"]), "mend it and run again", place=".".join(map(str, first["loc"]))
        ) from error


@functools.lru_cache(maxsize=64)
def _pattern(phrases: tuple[str, ...], whole_words: bool) -> re.Pattern[str]:
    if whole_words:
        phrases = tuple(rf"\b{re.escape(phrase)}" for phrase in phrases)
    return re.compile("|".join(f"(?:{phrase})" for phrase in phrases) or r"(?!)", re.IGNORECASE)


def keyword_hits(code: Code, text: str) -> list[tuple[int, int]]:
    """(start, end) of the code's keywords in a text, whatever their endings and capitals."""
    return [match.span() for match in _pattern(code.keywords, True).finditer(text)]


_FOLD = str.maketrans(string.ascii_uppercase + string.whitespace, string.ascii_lowercase + " " * len(string.whitespace))


@functools.lru_cache(maxsize=64)
def _indicator_patterns(code: Code) -> tuple[Any, Any, tuple[int, ...]]:
    """The code's patterns; what finds which of them a text may hold; and those that any text may hold."""
    import ahocorasick

    owners: dict[str, list[int]] = {}
    anywhere = []
    for i, pattern in enumerate(code.indicators):
        pieces = _needed(pattern)
        if not pieces:
            anywhere.append(i)
        for piece in sorted(pieces):
            owners.setdefault(piece, []).append(i)
    finder = ahocorasick.Automaton()
    for piece, indices in owners.items():
        finder.add_word(piece, indices)
    finder.make_automaton()
    return tuple(map(compiled, code.indicators)), finder, tuple(anywhere)


def _needed(pattern: str) -> frozenset[str]:
    """Pieces of text of which every match holds one or more; none where nothing is known.

    Five patterns in six cannot match a passage since none of their pieces stands in it: one look
    for all pieces saves most searches.
    """
    try:
        from re import _parser  # type: ignore[attr-defined]  # no public way to a parsed pattern

        parsed = _parser.parse(pattern)
        return frozenset() if parsed.state.flags & re.IGNORECASE else _pieces(parsed)
    except (ImportError, AttributeError, re.error):
        return frozenset()


def _pieces(parsed: Any) -> frozenset[str]:
    """The best of the pieces that the parts of a parsed pattern need: those whose shortest is longest."""
    best: frozenset[str] = frozenset()
    run = ""
    for what, value in [*parsed, (None, None)]:
        name = str(what)
        found: frozenset[str] = frozenset()
        if name == "LITERAL":
            run += chr(value)
            continue
        if name == "SUBPATTERN" and not value[1] and not value[2]:
            found = _pieces(value[3])
        elif name == "BRANCH":
            branches = [_pieces(branch) for branch in value[1]]
            found = frozenset().union(*branches) if all(branches) else frozenset()
        elif name in ("MAX_REPEAT", "MIN_REPEAT") and value[0] >= 1:
            found = _pieces(value[2])
        for pieces in (frozenset({run} - {""}), found):
            if pieces and (not best or min(map(len, pieces)) > min(map(len, best))):
                best = pieces
        run = ""
    return best


def indicator_hits(code: Code, text: str) -> list[tuple[int, int]]:
    """(start, end) of the first hit of each of the code's indicators in a text, in the order of the indicators."""
    if not code.indicators:
        return []
    patterns, finder, anywhere = _indicator_patterns(code)
    folded = text.translate(_FOLD)  # no letter changes its place; lowered once, it is searched twice as fast
    possible = set(anywhere)
    if len(finder):
        possible.update(i for _, indices in finder.iter(folded) for i in indices)
    return [match.span() for i in sorted(possible) if (match := patterns[i].search(folded))]
