"""The text inside any file that a project writes, and where such files lie."""

from __future__ import annotations

import bz2
import configparser
import gzip
import html
import io
import lzma
import os
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from collabnlp.records import InputError

ROOTS = ("outputs", "models", ".cache", ".dvc", "logs", "review")
_PRINTED = re.compile(
    r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]{6,}"
)  # text among numbers; shorter runs come by chance
_WINDOW, _OVERLAP = 1 << 24, 1 << 16  # bytes of a large file that are looked at together, and twice
_ROWS = 10_000
_PACKED = ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress), (b"\xfd7zXZ\x00", lzma.decompress))


def files_below(project: Path) -> Iterator[Path]:
    """Files of outputs, models, caches and logs, those of DVC's cache wherever its settings put it, and what lies beside dvc.yaml."""
    roots = [project / name for name in ROOTS]
    for name in ("config", "config.local"):
        settings = configparser.ConfigParser()
        settings.read(project / ".dvc" / name, encoding="utf-8")
        if folder := settings.get("cache", "dir", fallback=""):
            roots.append((project / ".dvc" / folder).resolve())
    seen: set[str] = set()
    for root in roots:
        for folder, folders, names in os.walk(root, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders.sort()
            yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())
    yield from sorted(p for p in project.glob("dvc.*") if p.is_file())
    yield from sorted(p for p in project.glob("*.log") if p.is_file())


def texts_of(path: Path) -> Iterator[str]:
    """All text of a file: tables cell by cell, archives part by part, pictures by their notes, anything else as it stands.

    Raises
    ------
    InputError
        Where it cannot be read, so that nobody can say what is in it.
    """
    try:
        yield from _whole(path) if path.stat().st_size > _WINDOW else _texts(path.read_bytes(), path)
    except (
        OSError,
        EOFError,
        ValueError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        sqlite3.DatabaseError,
    ) as error:
        problem = f"cannot be looked into ({type(error).__name__})"
        raise InputError(path, problem, "delete it and run `dvc repro`") from None


def _whole(path: Path) -> Iterator[str]:
    """The text of a large file, some of it at a time, if it is of a kind that can be so read."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == b"PAR1":
        yield from _table(path)
    elif head == b"SQLite format 3\x00":
        for window in _windows(path):
            yield _decoded(window)
        yield from _database(path)
    elif head[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name
                yield from _texts(archive.read(name))
    elif head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[:1].isspace() or head[8:9] == b"{" or _is_packed(head):
        yield from _texts(path.read_bytes(), path)
    else:
        binary = any(b"\0" in window for window in _windows(path))
        for window in _windows(path):
            yield from _plain(_decoded(window + b"\0" * binary), page=head[:1] == b"<")


def _windows(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a window after the other; each begins with the end of the one before, so that no name is cut."""
    with path.open("rb") as file:
        tail = b""
        while data := file.read(_WINDOW):
            yield tail + data
            tail = data[-_OVERLAP:]


def _is_packed(head: bytes) -> bool:
    return any(head.startswith(magic) for magic in (b"\x89PNG\r\n\x1a\n", *(magic for magic, _ in _PACKED)))


def _texts(data: bytes, path: Path | None = None) -> Iterator[str]:
    if data[:4] == b"PAR1":
        yield from _table(io.BytesIO(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name
                yield from _texts(archive.read(name))
    elif data[:16] == b"SQLite format 3\x00":
        yield _decoded(data)
        if path is not None:
            yield from _database(path)
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _notes(data)
    elif len(data) > 8 and data[8:9] == b"{" and 0 < (size := int.from_bytes(data[:8], "little")) <= len(data) - 8:
        yield _decoded(data[8 : 8 + size])  # safetensors: names and metadata; the rest is numbers
    else:
        for magic, unpack in _PACKED:
            if data.startswith(magic):
                yield from _texts(unpack(data))
                return
        text = _decoded(data)
        yield from _plain(text, page=text.lstrip()[:1] == "<")


def _plain(text: str, *, page: bool) -> Iterator[str]:
    """A text as it stands, and as it reads without its markup or escapes."""
    yield text
    if page:
        yield html.unescape(re.sub(r"<[^>]*>", "", text))
        yield html.unescape(re.sub(r"<[^>]*>", " ", text))
    elif "\\u" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text)


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    text = data.decode("utf-8", "replace")
    return "\n".join(_PRINTED.findall(text)) if b"\0" in data else text


def _table(source: Path | io.BytesIO) -> Iterator[str]:
    """The text in a Parquet file: its metadata and every cell that holds text, in lists and structures, too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as table:
        yield "\n".join(table.schema_arrow.names)
        for value in (table.schema_arrow.metadata or {}).values():
            yield _decoded(value)
        for batch in table.iter_batches(batch_size=_ROWS):
            for column in batch.columns:
                if _holds_text(column.type, pa):
                    yield "\n".join(_flat(column.to_pylist()))


def _holds_text(kind: Any, pa: Any) -> bool:
    return any(word in str(kind) for word in ("string", "binary", "utf8"))


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield _decoded(value)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)


def _database(path: Path) -> Iterator[str]:
    """The text in all tables of a SQLite file."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            quoted = '"' + name.replace('"', '""') + '"'
            rows = db.execute(f"SELECT * FROM {quoted}")
            while some := rows.fetchmany(_ROWS):
                yield "\n".join(cell for row in some for cell in row if isinstance(cell, str))


def _notes(data: bytes) -> Iterator[str]:
    """The text chunks of a PNG picture."""
    at = 8
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + size]
        if kind == b"tEXt":
            yield chunk.decode("latin-1")
        elif kind == b"zTXt":
            word, _, rest = chunk.partition(b"\0")
            yield word.decode("latin-1") + " " + zlib.decompress(rest[1:]).decode("latin-1")
        elif kind == b"iTXt":
            word, _, rest = chunk.partition(b"\0")
            packed, rest = rest[:1] == b"\1", rest[2:]
            text = rest.split(b"\0", 2)[-1]
            yield _decoded(word) + " " + _decoded(zlib.decompress(text) if packed else text)
        at += 12 + size
