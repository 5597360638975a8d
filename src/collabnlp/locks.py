"""What processes that share files need: one writer at a time, by a lock that the system takes back from a killed one, and signs of change."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from collabnlp.records import InputError


def take(handle: int) -> bool:
    """Lock an open file until it is closed, or the process ends however it ends; false where somebody else has it.

    Others may read the file meanwhile: on Windows, where a locked byte cannot be read, the lock is on
    one far out that is never written.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            here = os.lseek(handle, 0, os.SEEK_CUR)
            os.lseek(handle, 2**40, os.SEEK_SET)
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(handle, here, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def locked(folder: Path, busy: str, *, wait: float = 0.0, name: str = ".lock") -> Iterator[None]:
    """Give the time in which nobody else writes into a folder.

    Parameters
    ----------
    busy
        What somebody else is doing there then, as the error says it.
    wait
        Seconds to wait for somebody else.
    name
        Of the file that is locked; it is gone afterwards, and where it is left by a process that was
        killed, it locks nobody out.

    Raises
    ------
    InputError
        Where somebody else writes for longer, or there is no such folder.
    """
    lock, until = folder / name, time.monotonic() + wait
    while True:
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
        except FileNotFoundError as error:
            raise InputError(folder, "there is no such folder", "run the command in the project's folder") from error
        try:
            if take(handle):
                if _is_there(lock, handle):
                    break
                os.close(handle)
                continue  # whoever held it has taken the file away meanwhile
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() >= until:
            raise InputError(lock, busy, "run this again when it is done")
        time.sleep(0.01)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(handle)


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def stamps(*paths: Path) -> list[tuple[int, int, int]]:
    """What tells files from others that another process puts in their place; one that is missing has noughts."""
    found = []
    for path in paths:
        try:
            own = path.stat()
        except FileNotFoundError:
            found.append((0, 0, 0))
        else:
            found.append((own.st_ino, own.st_mtime_ns, own.st_size))
    return found
