"""spaCy's rules for English words, loaded without what it would need for neural nets."""

from __future__ import annotations

from typing import Any

from collabnlp.unloaded import without


def blank_english() -> Any:
    """The English pipeline of spaCy with a tokenizer alone."""
    with without("torch"):  # two seconds
        import spacy
    return spacy.blank("en")
