"""The motivated intruder: looks in everything a project wrote for what must stay in private/.

Names, numbers and addresses of the key are looked for in outputs, models, caches and logs; words,
titles and ids of closed sources in what may be handed on. What is found is told by file and number,
never by name.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from collabnlp.contents import files_below, texts_of
from collabnlp.files import scratch
from collabnlp.interviewees import Behind, load_interviewees
from collabnlp.params import load_params
from collabnlp.private import Allowed, load_allowed, read_corrections, write_private
from collabnlp.records import (
    Access,
    Document,
    EvidenceRow,
    InputError,
    MatrixCell,
    Passage,
    Table,
    access_of,
    columns,
    csv_text,
)
from collabnlp.release import CLOSED, RELEASED, Released, load_released
from collabnlp.streams import in_batches

ALWAYS = "always"  # what a person wrote into always.csv: sought whole
_AT_A_TIME = 1000  # passages that are looked through together
_RUN = 8  # words in a row that nobody writes twice by chance
_WORD = re.compile(r"[^\W_]+")
_IDENTITIES = ("identity", "text", "name", "forms", "people")
_OPEN_KINDS = (
    "organi",
    "place",
    "role",
    "location",
    "council",
)  # what may stand elsewhere: looked for where it would tell


class KeyEntry(NamedTuple):
    """What must not stand outside private/: a name or number, its kind, and the document it belongs to, if known."""

    text: str
    kind: str = ""
    document_id: str = ""


class Finding(NamedTuple):
    """Something that must not be in a file, and how many different ones."""

    path: str
    what: str
    n: int


def load_key_entries(private: str | Path) -> list[KeyEntry]:
    """What the key, the list of interviewees and always.csv say of who people are; nothing where there is none.

    Every text under `identity`, `text`, `name`, `forms` or `people` counts, however deep it stands in
    key.json; "interview-3: tom" is a name within one document.

    Raises
    ------
    InputError
        Where a file is broken, or a key has rows and none of them names anybody. The message repeats
        nothing that stands in it.
    """
    private = Path(private)
    path = private / "key.json"
    entries: list[KeyEntry] = []
    if path.exists():
        try:
            key = json.loads(path.read_text(encoding="utf-8"))
            entries += _entries(key, KeyEntry(""))
        except (ValueError, RecursionError):
            raise InputError(path, "is not JSON in UTF-8", "restore it from your backup") from None
        except OSError:
            raise InputError(path, "cannot be read", "mend its rights") from None
        if not entries and _has_rows(key):
            raise InputError(path, "names nobody that could be looked for", "restore it from your backup")
    for document_id, who in load_interviewees(private / "interviewees.csv").items():
        entries += [KeyEntry(name, "person", document_id) for name in who.people]
        entries += [KeyEntry(name, "organisation", document_id) for name in who.organisations]
        entries += [KeyEntry(name, "place", document_id) for name in who.places]
    entries += [KeyEntry(text, ALWAYS) for text, _ in read_corrections(private).always]
    return sorted({entry for entry in entries if len("".join(_WORD.findall(entry.text))) > 1})


def _entries(value: Any, around: KeyEntry) -> Iterator[KeyEntry]:
    if isinstance(value, list):
        for item in value:
            yield from _entries(item, around)
    elif isinstance(value, dict):
        document_id = value.get("document_id", value.get("document"))
        own = around._replace(
            kind=str(value.get("kind") or around.kind),
            document_id=document_id if isinstance(document_id, str) else around.document_id,
        )
        for name, item in value.items():
            for text in item if isinstance(item, list) else [item]:
                if name in _IDENTITIES and isinstance(text, str):
                    of, _, rest = text.rpartition(": ")
                    yield own._replace(text=rest, document_id=of or own.document_id)
            yield from _entries(item, own)


def _has_rows(key: Any) -> bool:
    lists = key.values() if isinstance(key, dict) else [key]
    return any(isinstance(rows, list) and rows for rows in lists)


class _Sought:
    """One text to look for: its words in this order, whatever stands between them; a number in any spelling.

    Parameters
    ----------
    text
        What to look for.
    exact
        In these capitals only.
    capital
        A single word that is an ordinary one, too: with a capital and within a sentence only.
    name
        The name that it is a part of.
    """

    def __init__(self, text: str, *, exact: bool = False, capital: bool = False, name: str = "") -> None:
        self.name, self.text = name or text, text
        self.words = frozenset(_words(text))
        digits = re.sub(r"\D", "", text)
        self.digits = digits if len(digits) >= 7 else ""
        parts = _WORD.findall(_plain(text))
        either = r"[\W_]{1,4}".join(map(re.escape, parts))
        if capital:
            word = parts[0][:1].upper() + parts[0][1:]
            self.pattern = re.compile(rf"(?<=[\w,;] ){re.escape(word)}(?![^\W_])")
        else:
            self.pattern = re.compile(rf"(?<![^\W_]){either}(?![^\W_])", 0 if exact else re.IGNORECASE)

    def stands_in(self, text: str, words: set[str], numbers: str) -> bool:
        if self.digits and self.digits in numbers:
            return True
        return self.words <= words and self.pattern.search(text) is not None


def _plain(text: str) -> str:
    return text.replace("’", "'").replace("‘", "'")


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text).casefold())


def _named(sought: Sequence[_Sought], texts: Iterable[str], allowed: Collection[str] = ()) -> set[str]:
    """Which of the names sought stand in texts, whole or in part, but for those that a person allows."""
    found = (sought[i] for text in texts for i in _found(sought, text))
    return {one.name for one in found if not {one.name.casefold(), one.text.casefold()} & set(allowed)}


def _found(sought: Sequence[_Sought], text: str) -> set[int]:
    """Which of the texts sought stand in a text."""
    if not sought:
        return set()
    text = _plain(re.sub(r"\\[nrt]", " ", text))
    words = set(_WORD.findall(text.casefold()))
    numbers = " ".join(re.sub(r"\D", "", run) for run in re.findall(r"\+?\d(?:[\s().-]{0,2}\d){6,}", text))
    return {i for i, one in enumerate(sought) if one.stands_in(text, words, numbers)}


def _parts(name: str) -> list[str]:
    """The words of a name of several, by each of which a person may be known; none of an address or a number."""
    words = _words(name)
    plain = all(character.isalpha() or character in " .'’-" for character in name)
    return [word for word in words if len(word) > 2] if plain and len(words) > 1 else []


def _ordinary(texts: Sequence[str], said: str) -> set[int]:
    """Which texts are single words that stand for something else as well: written small in what was said, or of two letters."""
    small = set(_WORD.findall(said))
    return {
        i
        for i, text in enumerate(texts)
        if len(words := _words(text)) == 1 and not text[-1:].isdigit() and (words[0] in small or len(words[0]) < 3)
    }


class _Runs:
    """Runs of eight words to look for; one in a text is compared only where its first and last words are those of one sought."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.hashes: set[int] = set()
        self._ends: set[tuple[str, str]] = set()
        for text in texts:
            words = _words(text)
            ends = list(zip(words, words[_RUN - 1 :], strict=False))
            self._ends.update(ends)
            self.hashes.update(_hashes(words, range(len(ends))))

    def found_in(self, text: str) -> set[int]:
        """Those that stand in a text."""
        words, known = _words(text), self._ends
        ends = zip(words, words[_RUN - 1 :], strict=False)
        return self.hashes.intersection(_hashes(words, [i for i, pair in enumerate(ends) if pair in known]))

    def forget(self, text: str) -> None:
        """Look no longer for those that stand in a text."""
        self.hashes -= self.found_in(text)


def _hashes(words: Sequence[str], starts: Iterable[int]) -> set[int]:
    return {hash(tuple(words[i : i + _RUN])) for i in starts}


class Intruder:
    """Knows what must not be found, and looks for it.

    A name of several words is also looked for by each of them. A name that also stands in a public
    source, in the gazetteer, the codebook or coded passages cannot
    be told from that one elsewhere, nor can one that is an ordinary word: it is looked for in what
    was said not for attribution. So are organisations, places and roles, in the interview that they
    belong to and in quotes.

    Parameters
    ----------
    project
        The project's folder, after ingest.

    Raises
    ------
    InputError
        Where there are closed sources and no key, or the key is broken.
    """

    def __init__(self, project: str | Path = ".") -> None:
        self.project = Path(project)
        outputs, private = self.project / "outputs", self.project / "private"
        entries = load_key_entries(private)
        self._documents = {
            d.document_id: d.model_copy(update={"text": ""}) for d in Table(outputs / "documents.parquet", Document)
        }
        documents = self._documents.values()
        self.closed: dict[str, list[str]] = defaultdict(list)
        for passage in Table(outputs / "passages.parquet", Passage):
            if access_of(passage, self._documents[passage.document_id]) == CLOSED:
                self.closed[passage.document_id].append(passage.text)
        under_pseudonyms = any(document.access != "public" for document in documents)
        if self.closed and under_pseudonyms and not (private / "key.json").exists():
            raise InputError(
                private / "key.json",
                "is not there, so that nobody's name can be looked for",
                "restore it from your backup",
            )
        closed_text = "\n".join(text for texts in self.closed.values() for text in texts)
        people = [entry.text for entry in entries if not any(kind in entry.kind.casefold() for kind in _OPEN_KINDS)]
        whole = {entry.text for entry in entries if entry.kind == ALWAYS}
        name_of = {part: text for text in people if text not in whole for part in _parts(text)}
        parts = sorted(set(name_of) - {text.casefold() for text in people})
        looked = [_Sought(text) for text in people]
        sought_parts = [_Sought(part, name=name_of[part]) for part in parts]
        exact = [_Sought(entry.text, exact=True) for entry in entries]
        names = [text for d in documents if d.access == CLOSED for text in (d.document_id, d.title)]
        sources = [_Sought(name) for name in names if len(_words(name)) > 1]
        sought = [*looked, *sought_parts, *exact, *sources]
        texts_told = self._open_texts() if sought else ()
        told = {sought[i] for text in texts_told for i in _found(sought, text)}
        ordinary, common = _ordinary(people, closed_text), _ordinary(parts, closed_text)
        known = [one in told or i in ordinary for i, one in enumerate(looked)]
        self._everywhere = [one for one, also in zip(looked, known, strict=True) if not also]
        self._everywhere += [one for i, one in enumerate(sought_parts) if one not in told and i not in common]
        self._in_closed = self._everywhere + [
            _Sought(one.text, capital=len(one.words) == 1) for one, also in zip(looked, known, strict=True) if also
        ]
        self._of_document: dict[str, list[_Sought]] = defaultdict(list)
        for entry, one in zip(entries, exact, strict=True):
            kind = entry.kind.casefold()
            ordinary_role = "role" in kind and one in told  # "chief executive", and nothing that tells whose
            if any(word in kind for word in _OPEN_KINDS) and not ordinary_role:
                self._of_document[entry.document_id].append(one)
        self._sources = [one for one in sources if one not in told]
        self._allowed = load_allowed(private)

    def _open_texts(self) -> Iterator[str]:
        """What anybody may know, some passages at a time: public sources, who speaks, and what comes with the project."""
        for some in in_batches(self._passages_told(), _AT_A_TIME):
            # names of third people are taken out of attributable interviews, too
            yield "\n".join(p.text if access == "public" else p.speaker or "" for p, access in some)
        yield from self._beside()

    def _beside(self) -> Iterator[str]:
        yield from (d.title for d in self._documents.values() if d.access != CLOSED)
        for name in ("gazetteer.csv", "codebook.yaml", "gold/passages.jsonl"):
            with contextlib.suppress(FileNotFoundError):
                yield (self.project / "corpus" / name).read_text(encoding="utf-8")

    def _passages_told(self) -> Iterator[tuple[Passage, Access]]:
        for passage in Table(self.project / "outputs" / "passages.parquet", Passage):
            access = access_of(passage, self._documents[passage.document_id])
            if access != CLOSED:
                yield passage, access

    @functools.cached_property
    def _said(self) -> _Runs:
        """Runs of words said not for attribution and nowhere else."""
        said = _Runs(text for texts in self.closed.values() for text in texts)
        for passage, _ in self._passages_told():
            said.forget(passage.text)
        for text in self._beside():
            said.forget(text)
        return said

    def shown(self, path: Path, below: Path) -> str:
        """A path as a message may give it: relative, a part that holds a name left out."""
        with contextlib.suppress(ValueError):
            path = path.relative_to(below)
        return Path(*("(a name)" if _found(self._everywhere, part) else part for part in path.parts)).as_posix()

    def allowed_in(self, path: Path) -> set[str]:
        """Names that a person says are none in a file."""
        with contextlib.suppress(ValueError):
            path = path.relative_to(self.project)
        return {one.text.casefold() for one in self._allowed if fnmatch(path.as_posix(), one.path)}

    def names_in(self, path: Path, place: Path | None = None) -> set[str]:
        """Which names of the key stand in a file or in its path; `place` is where it will lie, if elsewhere."""
        if not self._everywhere:
            return set()
        return _named(self._everywhere, [path.name, *texts_of(path)], self.allowed_in(place or path))

    def sources_in(self, path: Path, quotes: Iterable[str] = ()) -> tuple[int, int]:
        """How many ids and titles of closed sources stand in a file, and how many runs of eight words that are not shown as quotes."""
        sources: set[int] = set()
        runs: set[int] = set()
        for text in texts_of(path):
            sources |= _found(self._sources, text)
            runs |= self._said.found_in(text)
        runs -= _Runs(quotes).hashes
        return len(sources), len(runs)

    def left_in_interviews(self) -> list[str]:
        """Names of the key that still stand in what was said not for attribution, or organisations and places in their own interview."""
        found: list[str] = []
        allowed = self.allowed_in(self.project / "outputs" / "passages.parquet")
        for document_id, texts in self.closed.items():
            for sought in (self._in_closed, self._of_document[document_id]):
                found += sorted(_named(sought, ["\n".join(texts)], allowed))
        return found

    def told_by_quotes(self, quotes: Iterable[str]) -> list[str]:
        """Names, organisations, places or roles of interviewees that stand in quotes not for attribution."""
        text, allowed = "\n".join(quotes), self.allowed_in(self.project / "outputs" / "evidence.db")
        return [
            name
            for sought in (self._in_closed, *self._of_document.values())
            for name in sorted(_named(sought, [text], allowed))
        ]


def audit(project: str | Path = ".", names: list[tuple[str, str]] | None = None) -> list[Finding]:
    """All that an intruder finds in what a project wrote: nothing where all is well.

    Parameters
    ----------
    names
        A list to add the names found to, with the file of each: for private/ alone.

    Raises
    ------
    InputError
        Where something that must be there to look is missing or broken.
    """
    project = Path(project)
    intruder = Intruder(project)
    found: list[Finding] = []

    def tell(path: Path, what: str, who: Collection[str]) -> None:
        found.append(Finding(intruder.shown(path, project), what, len(who)))
        if names is not None:
            names.extend(
                (path.relative_to(project).as_posix() if path.is_relative_to(project) else str(path), name)
                for name in sorted(who)
            )

    for path in files_below(project):
        tell(path, "names of the key", intruder.names_in(path))
    passages = project / "outputs" / "passages.parquet"
    what = "names of the key, or own organisations and places, in what was said not for attribution"
    tell(passages, what, intruder.left_in_interviews())
    index = project / "outputs" / "evidence.db"
    if not intruder.closed and not _holds_closed(index):
        return [finding for finding in found if finding.n]  # nothing was said that must not be told
    released = load_released(project).released
    quotes = [row.quote for row in released.rows if row.access == CLOSED]
    for name in RELEASED:
        path = project / "outputs" / name
        if path.exists():
            sources, runs = intruder.sources_in(path, quotes)
            found.append(
                Finding(intruder.shown(path, project), "ids or titles of sources not for attribution", sources)
            )
            found.append(Finding(intruder.shown(path, project), "runs of eight words said not for attribution", runs))
    if index.exists():
        rows, cells = _read_index(index)
        own = [row.quote for row in rows if row.access == CLOSED]
        told = "names, organisations or places of interviewees in quotes"
        tell(index, told, intruder.told_by_quotes(own))
        found.append(
            Finding(
                intruder.shown(index, project), "cells or quotes with too few behind them", _thin(project, rows, cells)
            )
        )
        found.append(
            Finding(
                intruder.shown(index, project),
                "rows and cells that the gate does not let out now",
                _stale(released, rows, cells),
            )
        )
    return [finding for finding in found if finding.n]


def _holds_closed(path: Path) -> bool:
    """Whether an index holds anything that was not for attribution when it was made."""
    if not path.exists():
        return False
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        asked = "SELECT EXISTS (SELECT 1 FROM evidence WHERE access = ?) OR EXISTS (SELECT 1 FROM matrix WHERE n_closed > 0)"
        return bool(db.execute(asked, (CLOSED,)).fetchone()[0])


def _read_index(path: Path) -> tuple[list[EvidenceRow], list[MatrixCell]]:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        rows = [
            EvidenceRow.model_validate(dict(zip(columns(EvidenceRow), line, strict=True)))
            for line in db.execute(f"SELECT {', '.join(columns(EvidenceRow))} FROM evidence")
        ]
        cells = [
            MatrixCell.model_validate(dict(zip(columns(MatrixCell), line, strict=True)))
            for line in db.execute(f"SELECT {', '.join(columns(MatrixCell))} FROM matrix")
        ]
    return rows, cells


def _thin(project: Path, rows: Sequence[EvidenceRow], cells: Sequence[MatrixCell]) -> int:
    """Cells and lists of quotes with fewer behind them than the parameters ask, counted anew from the rows before the gate."""
    settings = load_params(project / "params.yaml").evidence
    behind = Behind(load_interviewees(project / "private" / "interviewees.csv"))
    of_cell: dict[tuple[str, str], set[str]] = defaultdict(set)
    of_code: dict[str, set[str]] = defaultdict(set)
    for row in Table(project / "outputs" / "evidence.parquet", EvidenceRow):
        if row.access == CLOSED:
            of_cell[row.entity_id, row.code].add(row.document_id)
            of_code[row.code].add(row.document_id)
    shown = [of_cell[c.row_id, c.code] for c in cells if c.n_closed and c.rows in ("council", "partnership", "scheme")]
    shown += [of_code[code] for code in {row.code for row in rows if row.access == CLOSED}]
    return sum(
        behind.people(documents) < settings.min_interviews
        or behind.organisations(documents) < settings.min_organisations
        for documents in shown
    )


def _stale(released: Released, rows: Sequence[EvidenceRow], cells: Sequence[MatrixCell]) -> int:
    """Rows and cells of an index that are not what the gate lets out."""
    before: Counter[EvidenceRow | MatrixCell] = Counter([*rows, *cells])
    return (before - Counter([*released.rows, *released.cells])).total()


@contextlib.contextmanager
def publishing(project: str | Path = ".") -> Iterator[Path]:
    """A folder to write what may be handed on; its files go to outputs/ when the block ends well and none holds a name.

    Raises
    ------
    InputError
        Where a file holds a name of the key: nothing is put in place, and the message does not repeat it.
    """
    project = Path(project)
    outputs = project / "outputs"
    with scratch(outputs, "held") as folder:
        yield folder
        written = sorted(path for path in folder.rglob("*") if path.is_file())
        if (project / "private" / "key.json").exists():
            intruder = Intruder(project)
            for path in written:
                if who := intruder.names_in(path, outputs / path.relative_to(folder)):
                    raise refused([Finding(intruder.shown(path, folder), "names of the key", len(who))])
        for path in written:
            target = outputs / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def write_names(names: Iterable[tuple[str, str]], private: Path) -> Path:
    """Write the names found into private/audit.csv, in the columns that allowed.csv has, with an empty reason."""
    path = private / "audit.csv"
    rows = [(name, file, "") for file, name in sorted(set(names))]
    write_private(path, "\ufeff" + csv_text(rows, Allowed._fields))
    return path


def withdraw(project: str | Path = ".") -> None:
    """Take back everything that may be handed on: it is not, as long as the audit fails."""
    for name in RELEASED:
        (Path(project) / "outputs" / name).unlink(missing_ok=True)


def refused(findings: Sequence[Finding]) -> InputError:
    """The one line that says why nothing is published."""
    first = findings[0]
    files = len({finding.path for finding in findings})
    more = f", and more in {files - 1} other files" if files > 1 else ""
    return InputError(
        first.path,
        f"holds {first.n} {first.what}{more}; nothing is published",
        "see docs/confidentiality.md; `collabnlp audit` lists the files",
    )
