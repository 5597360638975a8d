"""What one place of a file says of one passage, and codes as people write them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, get_args

from collabnlp.codebook import Codebook
from collabnlp.records import Stance


class Mark(NamedTuple):
    """What one place of a file says of one passage.

    Attributes
    ----------
    place
        Where in the file, for a person: row 12, comment 3.
    passage_id, text
        As they stand in the file; empty where it has none.
    span
        Document id, first code point and the one after the last, where the file counts in documents.
    coder
        Who says it, where the file knows.
    read
        Whether it shows that somebody read the passage; false for what was left as it was.
    keep
        Suggested codes that stay; None: all but those in `drop`.
    drop, add
        Codes taken away and given; a stance of None is the code's usual one.
    note
        What the coder wrote beside it.
    problem
        Why it cannot be taken.
    """

    place: str
    passage_id: str = ""
    text: str = ""
    span: tuple[str, int, int] | None = None
    coder: str = ""
    read: bool = True
    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    add: tuple[tuple[str, Stance | None], ...] = ()
    note: str = ""
    problem: str = ""


class UnknownCodeError(ValueError):
    """A name that is no code, or a stance that is none; its text says which."""


_STANCED = re.compile(
    rf"(.+?)\s*(?:[=:,]\s*|\s[-–]\s+|[(\[]\s*|\s)({'|'.join(get_args(Stance))})\b[^\n]*", re.IGNORECASE
)


def parse_code(said: str, codebook: Codebook) -> tuple[str, Stance | None]:
    """Code and stance of what a person wrote, by machine name or title; the stance is None where none is written.

    Raises
    ------
    UnknownCodeError
        Where it is no code of the codebook.

    Examples
    --------
    >>> from pathlib import Path
    >>> from collabnlp.codebook import load_codebook
    >>> book = load_codebook(Path(__file__).parents[3] / "corpus" / "codebook.yaml")
    >>> parse_code("Trust (negative, 0.83)", book), parse_code("joint_posts", book)
    (('trust', 'negative'), ('joint_posts', None))
    """
    names = {_folded(name): code.code for code in codebook.codes for name in (code.code, code.title)}
    whole = names.get(_folded(said))
    if whole is not None:
        return whole, None
    match = _STANCED.fullmatch(said.strip())
    if match and _folded(match[1]) in names:
        stance: Any = match[2].lower()
        return names[_folded(match[1])], stance
    raise UnknownCodeError(f"the code {said.strip()!r} is unknown")


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
