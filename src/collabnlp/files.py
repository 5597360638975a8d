"""Files that are there whole or not at all, and nothing left lying of a process that was killed."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

_COPIED_BY_DVC = re.compile(r"\.[\w-]{22}\.tmp", re.ASCII)
_DVC_IS_COPYING = 60  # seconds that such a file is left alone
_HERE = f"{zlib.crc32(platform.node().encode()):08x}"  # this machine: others may see the same folder


@contextlib.contextmanager
def atomic(path: str | Path, mode: int = 0o644) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it there when the block ends well, remove it when not.

    What a killed process left of an earlier attempt is removed first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path.name), suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, mode)
        os.replace(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


@contextlib.contextmanager
def scratch(folder: Path, name: str) -> Iterator[Path]:
    """Give a folder of that name within another, for the time of the block; what a killed process left of one is removed first."""
    _sweep(folder / name)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_prefix(name)) as held:
        yield Path(held)


def _prefix(name: str) -> str:
    return f".{name}.{_HERE}-{os.getpid()}-{_began(os.getpid())}."


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that are gone left below a folder, and what DVC did not copy to the end."""
    for left in sorted(folder.rglob(f".*.{_HERE}-*")):
        _remove(left, left.name.rpartition(f".{_HERE}-")[2])
    for left in sorted(folder.rglob(".*.tmp")):
        with contextlib.suppress(OSError):
            if _COPIED_BY_DVC.fullmatch(left.name) and time.time() - left.stat().st_mtime > _DVC_IS_COPYING:
                left.unlink()


def _sweep(path: Path) -> None:
    """Remove what such processes left of one file or folder."""
    start = f".{path.name}.{_HERE}-"
    for left in path.parent.glob(f"{glob.escape(start)}*"):
        _remove(left, left.name.removeprefix(start))


def _remove(left: Path, rest: str) -> None:
    pid, _, began = rest.partition(".")[0].partition("-")
    if pid.isdigit() and (not _is_alive(int(pid)) or (began and _began(int(pid)) not in ("", began))):
        with contextlib.suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _began(pid: int) -> str:
    """When a process began, in ticks of the machine: another may have its number later. Empty where that is not told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where asking would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
