"""What reviewers type beside an interview passes the same check as the interview did before it is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.interviewees import Interviewees, load_interviewees
from collabnlp.records import Access, Block
from collabnlp.redact.blocks import redact
from collabnlp.redact.lexicon import load_lexicon, plain
from collabnlp.redact.pseudonyms import PRIVATE, Corrections, Key, load_key, read_corrections
from collabnlp.redact.tokens import PSEUDONYM

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class NoteCheck:
    """Finds in a note what pseudonyms would replace in its interview, by the project's own key and lists.

    Parameters
    ----------
    key
        Who is behind each pseudonym; it does not grow.
    interviewees
        Whom each document is an interview with.
    """

    def __init__(
        self,
        key: Key | None = None,
        gazetteer: Gazetteer | None = None,
        corrections: Corrections = Corrections(),  # noqa: B008  (a tuple: nothing can change it)
        interviewees: Mapping[str, Interviewees] | None = None,
    ) -> None:
        self._entries = dict(key.entries) if key else {}
        self._gazetteer, self._corrections = gazetteer, corrections
        self._interviewees = interviewees or {}

    def suspects(self, note: str, access: Access, document_id: str) -> list[str]:
        """What in a note on a passage may point to a person, as it stands there; nothing on a public one.

        Examples
        --------
        >>> check = NoteCheck(Key({"ann weir": ("person", 1)}))
        >>> check.suspects("Ask Weir, or ring 01603 555123.", "non-attributable", "talk")
        ['Weir', '01603 555123']
        >>> check.suspects("Good quote on the flood.", "non-attributable", "talk")
        []
        """
        if access == "public" or not note.strip():
            return []
        known = self._interviewees.get(document_id, Interviewees())
        named = self._named(document_id)
        if access == "non-attributable":
            known = known._replace(people=(*known.people, *(name for name in named if name not in known.people)))
        # a key of its own: what a note names gets no pseudonym
        done = redact(
            [Block(note)],
            access=access,
            document_id=document_id,
            interviewee=known,
            corrections=self._corrections,
            key=Key(self._entries, "note"),
            gazetteer=self._gazetteer,
        )
        spans = [(row.start_char, row.end_char) for row in done.findings if row.action == "replaced"]
        spans += _standing(note, named)
        outer = [s for s in spans if not any(o != s and o[0] <= s[0] and s[1] <= o[1] for o in spans)]
        return list(dict.fromkeys(note[start:end] for start, end in sorted(set(outer))))

    def _named(self, document_id: str) -> list[str]:
        """Names of the key that may stand in a note on a document: whole ones of anybody, parts of those of the document."""
        lexicon, found = load_lexicon(), []
        for identity in self._entries:
            of, _, rest = identity.rpartition(": ")
            words = _WORD.findall(rest)
            ordinary = len(words) == 1 and words[0] in lexicon.words - lexicon.given - lexicon.surnames
            if words and (not of or of == document_id) and not (of and ordinary) and len(rest) > 1:
                found.append(" ".join(words))
        return found


def _standing(note: str, names: list[str]) -> list[tuple[int, int]]:
    """(start, end) where names stand in a note, whole in any letters, or a word of one with a capital."""
    masked = PSEUDONYM.sub(lambda match: "\0" * len(match.group()), note)
    words = [(re.sub(r"'s$", "", plain(match[0])), match) for match in _WORD.finditer(masked)]
    ordinary, spans = load_lexicon().words, []
    apart = {part for name in names if " " in name for part in name.split() if len(part) > 2}
    for i, (word, match) in enumerate(words):
        opens = re.search(r"(?:^|[.!?:;\n(“\"])\s*$", masked[: match.start()]) is not None
        if word in apart and match[0][0].isupper() and not (opens and word in ordinary):
            spans.append(match.span())
        for name in names:
            parts = name.split()
            if [other for other, _ in words[i : i + len(parts)]] == parts:
                spans.append((match.start(), words[i + len(parts) - 1][1].end()))
    return spans


def load_check(project: Path) -> NoteCheck:
    """The check of a project.

    Raises
    ------
    InputError
        Where the key or a list of the private folder cannot be read.
    """
    private, listed = project / PRIVATE, project / "corpus" / "gazetteer.csv"
    return NoteCheck(
        load_key(private),
        load_gazetteer(listed) if listed.is_file() else None,
        read_corrections(private),
        load_interviewees(private / "interviewees.csv"),
    )
