"""Errors told without the words of what is being read: a message, a traceback or a log outlives the run."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from collabnlp.records import InputError

# What goes wrong with a disk and tells nothing of what was to be written: full, or not to be written.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


class Unsaid(RuntimeError):
    """An error that happened over what must not be told: its type and where, and nothing else."""


@contextlib.contextmanager
def discreet(what: str, *, closed: bool = True, quotes: bool = False) -> Iterator[None]:
    """Whatever goes wrong within is told without a word of what was read there.

    Any error but an `InputError` and those of `DISK` becomes one that says its type and the places in the code that it
    went through, and nothing of its message or its causes.

    Parameters
    ----------
    what
        What is read, as the message may call it: an id, not a title.
    closed
        False for what is public: errors then pass as they are.
    quotes
        True where what an `InputError` quotes is no secret.

    Examples
    --------
    >>> try:
    ...     with discreet("talk"):
    ...         raise ValueError("cannot read: Ann Weir said so")
    ... except RuntimeError as error:
    ...     print(str(error).partition(" in ")[0])
    talk is not public, so no word of it is shown: ValueError
    """
    if not closed:
        yield
        return
    try:
        yield
        return
    except Unsaid as error:
        told: Exception = error
    except InputError as error:
        told = error
        if not quotes:
            problem, place = without_words(error.problem), without_words(error.place)
            told = InputError(error.path, problem, without_words(error.remedy), place=place)
    except Exception as error:  # a bug: its message may hold anything
        if isinstance(error, OSError) and error.errno in DISK:
            told = OSError(error.errno, os.strerror(error.errno))
        else:
            told = Unsaid(f"{what} is not public, so no word of it is shown: {type(error).__name__} in {_way(error)}")
    raise told from None


def _way(error: Exception) -> str:
    """The places in the code that an error went through, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return " < ".join(f"{Path(frame.filename).name}, line {frame.lineno}" for frame in reversed(frames[-5:]))


def without_words(problem: str) -> str:
    """A problem with a file, without what was quoted from it.

    Examples
    --------
    >>> without_words("line 3: is not JSON (Expecting value: Ann Weir)")
    'line 3: is not JSON'
    >>> without_words("row 4: the id 'Ann Weir' comes twice")
    'row 4: the id … comes twice'
    """
    short = re.sub(r"(has the columns|has no codes, only) .*", r"\1 …", problem, flags=re.S)
    short = re.sub(r"\s*\(.*\)", "", short, flags=re.S)
    return re.sub(r"'.*'|\".*\"|“.*”", "…", short, flags=re.S)
