"""The coding guide as data: codes, their group, parent, definition, keywords, indicators and exemplars."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from collabnlp.indicators import Searcher, fault_of
from collabnlp.records import InputError, Stance


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
    def _check(self, info: ValidationInfo) -> Codebook:
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
                if info.context != _UNSEARCHED and (fault := fault_of(pattern)):
                    raise ValueError(f"{code.code}: the indicator {pattern!r} is no regular expression ({fault})")
        return self

    @property
    def names(self) -> list[str]:
        """Machine names, in the guide's order."""
        return [code.code for code in self.codes]

    def for_readers(self) -> Codebook:
        """The same codebook, where the rules call codes by their titles and not by names such as `joint_posts`; one word stays."""
        title_of = {code.code: f"“{code.title}”" for code in self.codes if "_" in code.code}
        named = re.compile(rf"\b(?:{'|'.join(title_of)})\b" if title_of else r"(?!)")

        def told(text: str) -> str:
            return named.sub(lambda match: title_of[match.group()], text)

        rules = [
            {
                "definition": told(code.definition),
                "include": tuple(map(told, code.include)),
                "exclude": tuple(map(told, code.exclude)),
            }
            for code in self.codes
        ]
        codes = tuple(code.model_copy(update=own) for code, own in zip(self.codes, rules, strict=True))
        return self.model_copy(update={"codes": codes})

    def __getitem__(self, name: str) -> Code:
        return next(code for code in self.codes if code.code == name)


_UNSEARCHED = "indicators are not searched"


@functools.lru_cache(maxsize=8)
def _parse(text: str, searched: bool) -> Codebook:
    from ruamel.yaml import YAML

    return Codebook.model_validate(YAML(typ="safe").load(text), context=None if searched else _UNSEARCHED)


def load_codebook(path: str | Path, *, searched: bool = True) -> Codebook:
    """The codebook of a project.

    Parameters
    ----------
    path
        The file.
    searched
        False where no indicator will be searched: a thousand of them take half a second to check.

    Raises
    ------
    InputError
        Where the file is missing, not YAML, or breaks a rule of the codebook.
    """
    from ruamel.yaml.error import YAMLError

    path = Path(path)
    try:
        return _parse(path.read_text(encoding="utf-8"), searched)
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
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(re.escape(phrase.lower()) for phrase in phrases)
    return re.compile(rf"\b(?:{either})" if phrases else r"(?!)")


def keyword_hits(code: Code, text: str) -> list[tuple[int, int]]:
    """(start, end) of the code's keywords in a text, whatever their endings and capitals."""
    lowered = text.replace("İ", "i").lower()  # the one letter that would become two; thrice as fast as re.IGNORECASE
    return [match.span() for match in _pattern(code.keywords).finditer(lowered)]


_searcher = functools.lru_cache(maxsize=64)(Searcher)


def indicators_of(codes: Sequence[Code]) -> Searcher:
    """What finds the indicators of codes in a text, those of one code behind those of the other."""
    return _searcher(tuple(pattern for code in codes for pattern in code.indicators))


def indicator_hits(code: Code, text: str) -> list[tuple[int, int]]:
    """(start, end) of the first hit of each of the code's indicators in a text, in the order of the indicators."""
    return [span for _, span in _searcher(code.indicators).hits(text)]
