"""spaCy's rules for English words, loaded without what it would need for neural nets."""

from __future__ import annotations

import sys
from typing import Any


def blank_english() -> Any:
    """The English pipeline of spaCy with a tokenizer alone.

    spaCy loads torch where it finds it, which takes two seconds, for models that are not used here;
    what has loaded torch before keeps it, and what loads it later is not hindered.
    """
    hidden = "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None  # type: ignore[assignment]  # Python's own way to say that a module is not there
    try:
        import spacy
    finally:
        if hidden:
            del sys.modules["torch"]
    return spacy.blank("en")
