"""Codings are carried over when codes are renamed, merged, split, added or taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from collabnlp.codebook import Codebook, indicator_hits, keyword_hits
from collabnlp.records import InputError, PassageTag, RecodedRow, Stance, key_of


class Changes(NamedTuple):
    """What becomes of old codes: by old name, the new names; one for a code renamed or merged, several for one that is split."""

    heirs: Mapping[str, tuple[str, ...]]


def parse_changes(told: Sequence[str], old: Codebook, new: Codebook, path: str | Path) -> Changes:
    """Changes as written on the command line: `a=b` renames, `a+b=c` merges, `a=b+c` splits.

    Raises
    ------
    InputError
        Where one is not of this form, names a code that is not there, or leaves a changed code standing.
    """
    heirs: dict[str, tuple[str, ...]] = {}
    for change in told:
        left, sign, right = change.partition("=")
        before, after = ([name.strip() for name in side.split("+") if name.strip()] for side in (left, right))
        if not sign or not before or not after or (len(before) > 1 and len(after) > 1):
            raise InputError(path, f"the change {change!r} is not understood", "write old=new, a+b=c or a=b+c")
        for names, book, which in ((before, old, "present"), (after, new, "new")):
            if unknown := [name for name in names if name not in book.names]:
                raise InputError(
                    path, f"{unknown[0]} is no code of the {which} codebook", f"its codes are {', '.join(book.names)}"
                )
        for name in before:
            if name in new.names and (name not in after or len(after) > 1):
                remedy = "take it out of the new codebook, or give its heirs other names: its codings would count twice"
                raise InputError(path, f"{name} is still a code of the new codebook", remedy)
        heirs.update({name: tuple(after) for name in before})
    return Changes(heirs)


def carry_over(
    tags: Sequence[PassageTag], texts: Mapping[str, str], old: Codebook, new: Codebook, changes: Changes
) -> tuple[list[PassageTag], list[RecodedRow]]:
    """Tags to add so that codings hold under a new codebook, and what became of each old code and each doubtful coding.

    Old tags stay as they are: a code that is not in the codebook counts nowhere. Of merged codes,
    stances that differ become neutral. A coding of a split code goes to those of its heirs whose
    keywords or indicators the passage holds; where it holds none or those of several, to the
    first, and a row says so.

    Parameters
    ----------
    tags
        All tags of the project's gold.
    texts
        Text of each coded passage, by id.
    """
    have = {key_of(tag) for tag in tags}
    gathered: dict[tuple[str, str, str], list[PassageTag]] = {}
    rows: list[RecodedRow] = []
    counts: Counter[str] = Counter()
    for tag in tags:
        if tag.code in old.names:
            counts[tag.code] += 1
        for heir, doubt in _heirs(tag, texts.get(tag.passage_id, ""), new, changes):
            gathered.setdefault((tag.passage_id, heir, tag.coder), []).append(tag)
            if doubt:
                rows.append(
                    RecodedRow(
                        passage_id=tag.passage_id, coder=tag.coder, code=tag.code, heirs=(heir,), n=1, detail=doubt
                    )
                )
    added = []
    for (passage_id, code, coder), own in gathered.items():
        if (passage_id, code, coder) not in have:
            differ = len({tag.stance for tag in own}) > 1
            stance: Stance = "neutral" if differ else own[0].stance
            added.append(own[0].model_copy(update={"code": code, "stance": stance}))
            if differ:
                said = "the merged codings differ in stance: neutral"
                rows.append(
                    RecodedRow(
                        passage_id=passage_id, coder=coder, code=own[0].code, heirs=(code,), n=len(own), detail=said
                    )
                )
    for code in old.names:
        rows.append(_summary(code, counts[code], new, changes))
    for code in new.names:
        if code not in old.names:
            inherited = any(code in names for names in changes.heirs.values())
            n_hits = sum(
                bool(keyword_hits(new[code], text) or indicator_hits(new[code], text)) for text in texts.values()
            )
            said = f"{n_hits} of {len(texts)} coded passages hold its keywords; nobody has looked for it in them"
            rows.append(
                RecodedRow(
                    passage_id="",
                    coder="",
                    code=code,
                    heirs=(code,),
                    n=0,
                    detail="new" if inherited else f"new: {said}",
                )
            )
    return sorted(added, key=key_of), sorted(rows, key=key_of)


def _heirs(tag: PassageTag, text: str, new: Codebook, changes: Changes) -> list[tuple[str, str]]:
    names = changes.heirs.get(tag.code, ())
    if len(names) < 2:
        return [(name, "") for name in names if name != tag.code]
    hit = [name for name in names if keyword_hits(new[name], text) or indicator_hits(new[name], text)]
    if len(hit) == 1:
        return [(hit[0], "")]
    why = "holds no keyword of them" if not hit else f"holds keywords of {' and '.join(hit)}"
    return [(names[0], f"the passage {why}; given to the first")]


def _summary(code: str, n: int, new: Codebook, changes: Changes) -> RecodedRow:
    heirs = changes.heirs.get(code, (code,) if code in new.names else ())
    said = (
        "kept"
        if heirs == (code,)
        else "carried over"
        if heirs
        else "the code is gone: its codings stay in the files and count no more"
    )
    return RecodedRow(passage_id="", coder="", code=code, heirs=heirs, n=n, detail=said)
