"""Rows too many to hold: made anew for each who goes through them, met passage by passage, put in order on disk."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from collabnlp.files import scratch
from collabnlp.records import R, Record, Table, key_of, sort_records, write_table

T = TypeVar("T")
R_co = TypeVar("R_co", bound=Record, covariant=True)
_RUN = 50_000  # rows in memory while they are put in order


class Rows(Protocol[R_co]):
    """Records that may be gone through more than once: a sequence, a `Table` on disk, or a `Stream`."""

    def __iter__(self) -> Iterator[R_co]: ...

    def __len__(self) -> int: ...


class Stream(Generic[R]):
    """Rows that are made anew each time somebody goes through them; no more than a few are held at once.

    Parameters
    ----------
    make
        Begins anew at each call, and gives the same rows.
    """

    def __init__(self, make: Callable[[], Iterable[R]]) -> None:
        self._make = make
        self._n: int | None = None

    def __iter__(self) -> Iterator[R]:
        return iter(self._make())

    def __len__(self) -> int:
        if self._n is None:
            self._n = sum(1 for _ in self)
        return self._n


def in_key_order(rows: Rows[R], record: type[R]) -> Rows[R]:
    """The rows in the order of the record's key; tables on disk are in it already."""
    return rows if isinstance(rows, (Table, Stream)) else sort_records(rows, record)


def streamed(rows: Rows[R], make: Callable[[], Iterator[R]]) -> Rows[R]:
    """What is made of rows: at once where they are in memory, else whenever somebody goes through it."""
    return Stream(make) if isinstance(rows, (Table, Stream)) else tuple(make())


class Beside(Generic[R]):
    """The rows about each passage, for somebody who goes through the passages in the order of their ids.

    Parameters
    ----------
    rows
        In the order of their key, which begins with `passage_id`.
    """

    def __init__(self, rows: Iterable[R]) -> None:
        self._groups = itertools.groupby(rows, key=lambda row: row.passage_id)  # type: ignore[attr-defined]
        self._next = next(self._groups, None)

    def of(self, passage_id: str) -> list[R]:
        """The rows about one passage; later calls may ask for later passages only."""
        while self._next is not None and self._next[0] < passage_id:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != passage_id:
            return []
        found = list(self._next[1])
        self._next = next(self._groups, None)
        return found


def sorted_on_disk(rows: Iterable[R], record: type[R], folder: Path, *, run: int = _RUN) -> Iterator[R]:
    """The rows in the order of the record's key; `run` of them are in memory at once, the rest waits in `folder`."""
    rows = iter(rows)
    with scratch(folder, "sorting") as held:
        runs: list[Table[R]] = []
        while some := list(itertools.islice(rows, run)):
            path = held / f"{len(runs)}.parquet"
            write_table(path, some, record)
            runs.append(Table(path, record))
        yield from heapq.merge(*runs, key=key_of)


def in_batches(rows: Iterable[T], n: int) -> Iterator[list[T]]:
    """What there is, at most `n` at a time."""
    rows = iter(rows)
    while batch := list(itertools.islice(rows, n)):
        yield batch
