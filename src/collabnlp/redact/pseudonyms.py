"""The project's private folder: the key from people to pseudonyms, whom interviews are with, and a person's corrections.

Nothing of it may leave: the folder is for its owner alone, and no message repeats what stands in it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from collabnlp.interviewees import load_interviewees
from collabnlp.private import KEY_NAME, tighten, write_private
from collabnlp.private import PRIVATE as PRIVATE  # these three are also had from here
from collabnlp.private import Corrections as Corrections
from collabnlp.private import read_corrections as read_corrections
from collabnlp.records import InputError, Passage, read_table
from collabnlp.redact.lexicon import plain

_CARE = "restore it from your backup; to begin anew with other pseudonyms, run `collabnlp redact --new-key`"


class Key:
    """Pseudonyms by identity; equal identities have one, in all documents of the project.

    Attributes
    ----------
    entries
        Identity (a full name as `plain` writes it, or a document's id and what stands there) to
        what it counts as ("Interviewee" or "person") and its number.
    generation
        A random word that tells one key from another made anew. It stands in no output.
    """

    def __init__(self, entries: dict[str, tuple[str, int]] | None = None, generation: str = "") -> None:
        self.entries = dict(entries or {})
        self.generation = generation or secrets.token_hex(8)
        self._saved = dict(self.entries)

    def pseudonym(self, identity: str, role: str) -> str:
        """The pseudonym of an identity, a new one where it has none: "Interviewee 1", "person 3"."""
        if identity not in self.entries:
            taken = [number for kind, number in self.entries.values() if kind == role]
            self.entries[identity] = (role, max(taken, default=0) + 1)
        kind, number = self.entries[identity]
        return f"{kind} {number}"

    def save(self, private: Path = PRIVATE) -> None:
        """Write the key where it has grown."""
        path = private / KEY_NAME
        if self.entries == self._saved and path.exists():
            return
        rows = [
            {"identity": name, "role": role, "number": number} for name, (role, number) in sorted(self.entries.items())
        ]
        content = {
            "about": "Who is behind each pseudonym. Keep it secret, and keep a copy.",
            "generation": self.generation,
            "people": rows,
        }
        write_private(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        self._saved = dict(self.entries)


def load_key(private: Path = PRIVATE, *, made_before: bool = False) -> Key:
    """The project's key; a new one where there is none and none was made before.

    Parameters
    ----------
    made_before
        Whether outputs with pseudonyms are there already: a new key would give people other ones.

    Raises
    ------
    InputError
        Where the key is missing though it was made before, or cannot be read. The file is left as it is.
    """
    path = private / KEY_NAME
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if made_before:
            raise InputError(path, "the key is missing, but outputs with pseudonyms are there", _CARE) from None
        return Key()
    except (OSError, UnicodeDecodeError):
        raise InputError(path, "the key cannot be read", _CARE) from None
    try:
        data = json.loads(content)
        entries = {str(row["identity"]): (str(row["role"]), int(row["number"])) for row in data["people"]}
        generation = str(data["generation"])
        if len(set(entries.values())) != len(data["people"]) or not generation:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise InputError(path, "is not a key, or is damaged", _CARE) from None
    tighten(private)
    return Key(entries, generation)


def made_before(outputs: Path, store: Path) -> bool:
    """Whether numbered pseudonyms stand in what an earlier run left behind: the store of read sources, or a table."""
    mark = re.compile(rb"\\?\[(?:Interviewee|person) \d+\]")
    files = [*sorted(store.glob("*/*.json")), *(outputs / name for name in ("evidence.csv", "evidence.db"))]
    if any(path.is_file() and mark.search(path.read_bytes()) for path in files):
        return True
    table = outputs / "passages.parquet"
    if not table.is_file():
        return False
    try:
        passages = read_table(table, Passage)
    except InputError:
        return False  # of another version: the run writes it anew
    return any(
        mark.search(passage.text.encode()) or re.fullmatch(r"(?:Interviewee|person) \d+", passage.speaker or "")
        for passage in passages
    )


def new_key(private: Path = PRIVATE) -> Path | None:
    """Begin a new key; the old file, whatever it holds, is kept beside it under a name with a number, which is returned."""
    path = private / KEY_NAME
    kept = None
    if path.exists():
        number = next(n for n in range(1, 10_000) if not (private / f"key.{n}.json").exists())
        kept = private / f"key.{number}.json"
        os.replace(path, kept)
    key = Key()
    key._saved = {"": ("", 0)}
    key.save(private)
    return kept


def fingerprint(private: Path = PRIVATE) -> list[Any]:
    """What a person wrote into the folder, for cache keys: it is hashed there with all else."""
    return [load_interviewees(private / "interviewees.csv"), read_corrections(private)]


def identity(document_id: str, words: Iterable[str]) -> str:
    """What tells a person from all others: the full name; a part of one, or a label, only within its document.

    Examples
    --------
    >>> identity("talk", ["bo", "marsh"]), identity("talk", ["bo"])
    ('bo marsh', 'talk: bo')
    """
    words = [plain(word) for word in words]
    return (
        " ".join(words)
        if len(words) > 1 and all(len(word) > 1 for word in words)
        else f"{document_id}: {' '.join(words)}"
    )
