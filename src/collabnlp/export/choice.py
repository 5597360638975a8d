"""Which rows stand in a file that cannot hold a million: of each council, partnership or scheme and code the strongest."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter

from collabnlp.evidence import strongest
from collabnlp.records import EvidenceRow, key_of
from collabnlp.release import CLOSED, Released, exporter, reread


@exporter
def choose_rows(released: Released, most: int) -> tuple[Released, int]:
    """Rows in their order, and the number at which those of one entity and code are cut off; 0 where all are there.

    Where there are more than `most`, each entity and code keeps the same number of its strongest
    quotes, as many as can be; those with fewer keep them all.
    """
    if released.narrowed or len(released.rows) <= most:
        return released, 0
    sizes = Counter(map(_group, released.rows))
    n = bisect.bisect_right(range(most + 1), most, key=lambda n: sum(min(size, n) for size in sizes.values())) - 1
    chosen: list[EvidenceRow] = []
    for _, own in itertools.groupby(released.rows, key=lambda row: (row.entity_id, row.code)):  # they stand together
        rows = list(own)
        for closed in (False, True):
            strong = strongest(row for row in rows if (row.access == CLOSED) is closed)
            chosen += sorted(strong[: max(n, 1)], key=key_of)
    return reread(chosen[:most]), max(n, 1)


def _group(row: EvidenceRow) -> tuple[str, str, bool]:
    return row.entity_id, row.code, row.access == CLOSED
