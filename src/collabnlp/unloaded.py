"""Packages that stay unloaded: some libraries load what they find installed, which takes seconds, for what is not used here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without(*packages: str) -> Iterator[None]:
    """Let a block import as if these were not installed.

    What was loaded before stays, and all can be imported afterwards; what is imported in the block
    does without them as long as the process lives. Not for use while another thread imports.
    """
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that a module is not there
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
