"""Runs a function over many items, here or (later) on a cluster, and remembers what it has done.

Results are kept by a key that holds everything they depend on: content, parameters and the code
that made them. The store stands beside DVC, not in its place: it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from collabnlp.records import text_sha256, write_text

T = TypeVar("T")
CACHE = Path(".cache/collabnlp")


def content_key(*parts: Any) -> str:
    """SHA-256 of the parts as JSON: equal parts give equal keys, in any process.

    Examples
    --------
    >>> content_key("a", 1) == content_key("a", 1), content_key("a", 1) == content_key("a", 2)
    (True, False)
    """
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return text_sha256(text)


def code_version(*modules: ModuleType) -> str:
    """SHA-256 of the modules' source (of all files of a package): changes when the code does."""
    digest = hashlib.sha256()
    for module in modules:
        path = Path(module.__file__ or "")
        for file in sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def run(
    function: Callable[[T], Any],
    items: Sequence[T],
    keys: Sequence[str],
    *,
    store: Path | None = None,
    title: str = "",
    passing: Callable[[Any], bool] = lambda value: False,
) -> tuple[list[Any], int]:
    """Results of a function for all items, in order, and how many had to be computed.

    Parameters
    ----------
    function
        Gives a value that JSON can hold.
    items, keys
        What to work on, and for each the key under which its result is remembered.
    store
        Folder of the remembered results; None: nothing is remembered.
    title
        Name on the progress bar, which shows on a terminal only.
    passing
        Whether a result hangs on the moment, so that it is not remembered.

    Examples
    --------
    >>> run(str.upper, ["a", "b"], ["1", "2"])
    (['A', 'B'], 2)
    """
    results: list[Any] = []
    n_done = 0
    for item, key in zip(progress(items, title), keys, strict=True):
        path = store / key[:2] / f"{key}.json" if store else None
        known = _recall(path) if path is not None else None
        if known is not None:
            results.append(known)
            continue
        value = function(item)
        n_done += 1
        if path is not None and not passing(value):
            text = json.dumps(value, ensure_ascii=False)
            write_text(path, f"{_sum(text)}\n{text}")
        results.append(value)
    return results, n_done


def _recall(path: Path) -> Any:
    """A remembered result; None where there is none, or a disk or a killed machine spoilt it."""
    try:
        found, _, text = path.read_text(encoding="utf-8", errors="surrogateescape").partition("\n")
        return json.loads(text) if found == _sum(text) else None
    except (OSError, ValueError):
        return None


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def progress(items: Sequence[T], title: str) -> Iterable[T]:
    """The items, with a progress bar on stderr where that is a terminal."""
    if not title or not sys.stderr.isatty() or len(items) < 2:
        return items
    from rich.console import Console
    from rich.progress import track

    tracked: Iterable[T] = track(items, description=title, console=Console(stderr=True))
    return tracked
