"""What may leave: small cells withheld, quotes only where they may be shown.

Words that are not for attribution stay out of files that are handed on, and cells that rest on too
few such interviews are withheld. Names are gone before, in `redact`.
"""

from __future__ import annotations

from collections.abc import Iterable

from collabnlp.records import EvidenceRow

WITHHELD = "[quote withheld: not for attribution]"


def withheld(rows: Iterable[EvidenceRow], min_interviews: int) -> bool:
    """Whether the cell that these rows make must be withheld.

    It must where all of it is not for attribution and comes from fewer than `min_interviews`
    interviews: a chief executive of a named council is one person.
    """
    rows = list(rows)
    interviews = {row.document_id for row in rows}
    return all(row.access == "non-attributable" for row in rows) and 0 < len(interviews) < min_interviews


def releasable(row: EvidenceRow) -> EvidenceRow:
    """The row as it may stand in a file that is handed on: words and speaker withheld where the source is not for attribution."""
    if row.access != "non-attributable":
        return row
    return row.model_copy(update={"quote": WITHHELD, "sentence": "", "terms": "", "speaker": None, "section": ""})
