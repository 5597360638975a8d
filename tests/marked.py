"""Transcripts with what must go and what must stay marked in them, and how much of each redaction gets right.

An identifier is marked ‹kind|words›, a decoy «words». Lines that begin with # say the access, and what
private/interviewees.csv would say.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from collabnlp.interviewees import Interviewees
from collabnlp.records import Block
from collabnlp.redact.attribution import mark_access
from collabnlp.redact.blocks import redact

_MARK = re.compile(r"‹(?P<kind>\w+)\|(?P<words>[^›]*)›|«(?P<decoy>[^»]*)»", re.S)
_TITLE = re.compile(r"^(?:(?:Cllr\.?|Mrs\.?|Mr|Ms|Dr|Sir|Lord|Councillor|mister|The|Big|Old|little)\s+)+", re.I)


class Score(NamedTuple):
    """Marks by kind, those got right, and those got wrong with the words around them."""

    marked: Counter
    right: Counter
    wrong: list[tuple[str, str, str]]


def read_marked(path: Path):
    """The blocks of a transcript without its marks, the marks of each, and what its head says."""
    source = path.read_text(encoding="utf-8")
    head = dict(re.findall(r"^#(\w+)=(.*)$", source, re.M))
    source = re.sub(r"^#.*\n", "", source, flags=re.M).strip()
    blocks, marks = [], []
    for turn in re.split(r"\n(?=[A-Za-z][^:\n]{0,70}: )", source):
        speaker, said = turn.split(": ", 1)
        text, at, found = "", 0, []
        for match in _MARK.finditer(said):
            text += said[at : match.start()]
            words = match["words"] if match["kind"] else match["decoy"]
            found.append((match["kind"] or "decoy", len(text), len(text) + len(words)))
            text += words
            at = match.end()
        blocks.append(Block(text + said[at:], "turn", speaker=speaker))
        marks.append(found)
    return blocks, marks, head


def score(paths, gazetteer) -> Score:
    """How many identifiers are replaced whole, and how many decoys are left whole.

    Of a name its title may stay; of a role with its organisation a quarter of the letters may.
    """
    marked, right, wrong = Counter(), Counter(), []
    for path in paths:
        blocks, marks, head = read_marked(path)
        split = {name: tuple(filter(None, head.get(name, "").split(";"))) for name in ("people", "own", "places")}
        interviewee = Interviewees(split["people"], split["own"], split["places"])
        done = redact(
            blocks, access=head["access"], document_id=path.stem, interviewee=interviewee, gazetteer=gazetteer
        )
        gone = [set() for _ in blocks]
        places = _places(blocks, mark_access(blocks, head["access"]))
        for finding in done.findings:
            if finding.action == "replaced":
                block, offset = places[finding.block]
                gone[block].update(range(finding.start_char + offset, finding.end_char + offset))
        for i, block in enumerate(blocks):
            for kind, start, end in marks[i]:
                words = block.text[start:end]
                start += len(words) - len(_TITLE.sub("", words)) if kind == "name" else 0
                letters = {at for at in range(start, end) if block.text[at].isalnum()}
                if kind == "decoy":
                    good = not gone[i] & letters
                elif kind == "role":
                    good = len(letters & gone[i]) >= 0.75 * len(letters)
                else:
                    good = letters <= gone[i]
                marked[kind] += 1
                right[kind] += good
                if not good:
                    wrong.append((kind, words, block.text[max(0, start - 30) : end + 30]))
    return Score(marked, right, wrong)


def _places(blocks, cut):
    """For each block as cut by access: the block it is of, and where it begins there."""
    places, i, at = [], 0, 0
    for piece in cut:
        while (start := blocks[i].text.find(piece.text, at)) < 0:
            i, at = i + 1, 0
        places.append((i, start))
        at = start + len(piece.text)
    return places
