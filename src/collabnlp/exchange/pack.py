"""A tagging pack: documents, their passages, and what the model suggests for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from collabnlp.records import Access, InputError, Passage, PassageTag, Stance, TagReason
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.scoring import Coding

MARKED = "Not for attribution: the text is pseudonymised. Do not pass it on, and write no names into it."
LIKELY = 0.05  # score from which a code that is not suggested is named as likely


class PackedDocument(NamedTuple):
    """A document of a pack; `text` is what its passages are slices of, never the file."""

    document_id: str
    name: str
    access: Access
    text: str


class Pack(NamedTuple):
    """Passages for people to code, with what the model suggests.

    Attributes
    ----------
    coder
        The model version that suggests.
    blind
        Whether suggestions are left out; `tags`, `reasons` and `likely` are empty then.
    likely
        By passage id: codes that the model finds likely without giving them, with their scores.
    caveats
        What a reviewer should know of codes with few examples, a line for each.
    """

    coder: str
    blind: bool
    documents: tuple[PackedDocument, ...]
    passages: tuple[Passage, ...]
    tags: tuple[PassageTag, ...] = ()
    reasons: tuple[TagReason, ...] = ()
    likely: Mapping[str, tuple[tuple[str, float], ...]] = {}
    caveats: tuple[str, ...] = ()

    def suggested(self) -> dict[str, dict[str, Stance]]:
        """Codes and stances that the model suggests, by passage id."""
        found: dict[str, dict[str, Stance]] = {passage.passage_id: {} for passage in self.passages}
        for tag in self.tags:
            if tag.coder == self.coder:
                found[tag.passage_id][tag.code] = tag.stance
        return found

    def coding(self) -> Coding:
        """The model as a coder who read every passage that can be coded."""
        suggested = self.suggested()
        texts = {p.passage_id: p.text for p in self.passages if p.speaker != INTERVIEWER}
        return Coding(self.coder, texts, {own: suggested[own] for own in texts})


def check_model(seen: Iterable[str], pack: Pack, path: str | Path) -> None:
    """Refuse a file in which another model version suggests than in the pack: what its coder left standing is not what the pack holds.

    Raises
    ------
    InputError
        Where one of the names seen in the file is of another model version.
    """
    for name in seen:
        if name.startswith("model-") and name != pack.coder:
            problem = f"comes from another pack: {name} suggested in it, and not {pack.coder}"
            raise InputError(path, problem, "name the folder of its own pack with --pack")


def pack_tagged(
    documents: Sequence[PackedDocument],
    passages: Sequence[Passage],
    lines: Iterable[Mapping[str, Any]],
    coder: str,
    *,
    blind: bool = False,
    caveats: Sequence[str] = (),
) -> Pack:
    """A pack of passages and of what the tagger says of them, as `Tagger.tag_passages` gives it."""
    if blind:
        return Pack(coder, True, tuple(documents), tuple(passages))
    tags, reasons, likely = [], [], {}
    for line in lines:
        own = line["passage_id"]
        for tag in line["tags"]:
            stance, score, review, why = (tag[name] for name in ("stance", "score", "review", "reasons"))
            tags.append(
                PassageTag(passage_id=own, code=tag["code"], coder=coder, stance=stance, score=score, review=review)
            )
            reasons.append(
                TagReason(
                    passage_id=own,
                    code=tag["code"],
                    coder=coder,
                    start_char=why["start_char"],
                    end_char=why["end_char"],
                    sentence=why["sentence"],
                    terms=tuple(why["terms"]),
                    nearest=tuple(near["passage_id"] for near in why["nearest"]),
                )
            )
        given = {tag["code"] for tag in line["tags"]}
        near = [(s["code"], s["score"]) for s in line["suggestions"] if s["score"] >= LIKELY]
        likely[own] = tuple(pair for pair in near if pair[0] not in given)
    return Pack(coder, False, tuple(documents), tuple(passages), tuple(tags), tuple(reasons), likely, tuple(caveats))
