"""Archives from outside are measured before anything in them is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from collabnlp.records import InputError

ODD = "it is not an ordinary file; do not open it"


def check_archive(archive: zipfile.ZipFile, path: Path, *, unpacked: int, parts: int, remedy: str = ODD) -> None:
    """Refuse an archive that is locked or that would unpack to more than a document does.

    Parameters
    ----------
    archive, path
        The archive, and where it lies.
    unpacked, parts
        The most bytes and files that it may hold.
    remedy
        What to do where it holds more.

    Raises
    ------
    InputError
        Where it is such an archive, or says that its parts are larger than itself.
    """
    infos = archive.infolist()
    size = sum(info.file_size for info in infos)
    if size > unpacked:
        raise InputError(path, f"unpacks to {size:,} bytes", remedy)
    if len(infos) > parts:
        raise InputError(path, f"holds {len(infos):,} parts", remedy)
    if sum(info.compress_size for info in infos) > path.stat().st_size:
        raise InputError(path, "holds parts that are larger than the file", ODD)
    if any(info.flag_bits & 1 for info in infos):
        raise InputError(path, "is protected by a password", "save it without a password")
