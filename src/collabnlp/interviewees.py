"""Who was interviewed not for attribution, as private/interviewees.csv tells it, and how many people stand behind documents."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from collabnlp.private import read_rows
from collabnlp.records import InputError

COLUMNS = ("document_id", "people", "organisations", "places")


class Interviewees(NamedTuple):
    """The people of one interview, their organisations and places."""

    people: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Behind:
    """How many interviewees and organisations stand behind documents, at the least.

    Documents that share a person count as one interviewee, and those that share an organisation as
    one organisation; so does a group interview, for it does not say who spoke. A document of which
    nothing is known has one interviewee of its own; its organisation counts only where no other is
    known, since it may be any of them.

    Examples
    --------
    >>> known = {"a": Interviewees(("Ann",), ("North",), ()), "b": Interviewees(("Ann",), ("South",), ())}
    >>> behind = Behind(known)
    >>> behind.people(["a", "b", "c"]), behind.organisations(["a", "b", "c"]), behind.organisations(["c"])
    (2, 2, 1)
    """

    def __init__(self, known: Mapping[str, Interviewees]) -> None:
        self._person = _shared({i: who.people for i, who in known.items()})
        self._organisation = _shared({i: who.organisations for i, who in known.items()})

    def person(self, document_id: str) -> str:
        """A label that documents of one interviewee have in common."""
        return self._person.get(document_id, document_id)

    def people(self, documents: Iterable[str]) -> int:
        """Interviewees behind documents."""
        return len({self.person(document_id) for document_id in documents})

    def organisations(self, documents: Iterable[str]) -> int:
        """Organisations behind documents."""
        documents = set(documents)
        return len({self._organisation[i] for i in documents if i in self._organisation}) or min(1, len(documents))


def _shared(names: Mapping[str, Collection[str]]) -> dict[str, str]:
    """For each document that has names, a label that it shares with all documents joined to it by shared names."""
    joined_to: dict[str, str] = {}
    bearer: dict[str, str] = {}

    def first(document_id: str) -> str:
        while joined_to[document_id] != document_id:
            joined_to[document_id] = document_id = joined_to[joined_to[document_id]]
        return document_id

    for document_id in sorted(names):
        for name in {" ".join(name.casefold().split()) for name in names[document_id]}:
            joined_to.setdefault(document_id, document_id)
            low, high = sorted((first(document_id), first(bearer.setdefault(name, document_id))))
            joined_to[high] = low
    return {document_id: first(document_id) for document_id in joined_to}


def load_interviewees(path: str | Path) -> dict[str, Interviewees]:
    """Interviewees by document id; none where there is no such file.

    The columns are document_id, people, organisations and places, the last three with semicolons
    between several.

    Raises
    ------
    InputError
        Where it is not such a table. The message repeats nothing that stands in it.
    """
    path = Path(path)
    try:
        rows = read_rows(path, COLUMNS)
    except (UnicodeDecodeError, csv.Error):
        raise InputError(path, "is not CSV in UTF-8", "save it as CSV UTF-8") from None
    except OSError:
        raise InputError(path, "cannot be read", "mend its rights, or move it away") from None
    found: dict[str, Interviewees] = {}
    for number, cells in rows:
        if len(cells) != len(COLUMNS):
            raise InputError(path, f"has {len(cells)} cells", f"write {len(COLUMNS)}", place=f"row {number}")
        document_id = cells[0]
        if not document_id or document_id in found:
            problem = "its document_id stands twice" if document_id else "has no document_id"
            raise InputError(path, problem, "write one row for each interview", place=f"row {number}")
        found[document_id] = Interviewees(
            *(tuple(part.strip() for part in cell.split(";") if part.strip()) for cell in cells[1:])
        )
    return found
