"""One new transcript or table through everything fitted, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from collabnlp.classify import Classifier
from collabnlp.discreet import discreet
from collabnlp.embed import Encoder, Readings, SentenceEncoder, TunedEncoder, encode_cached, no_readings
from collabnlp.engine import progress
from collabnlp.entities import MentionFinder
from collabnlp.evidence import entities_of
from collabnlp.gazetteer import load_gazetteer
from collabnlp.learners import Look
from collabnlp.names import Names
from collabnlp.params import Params, load_params
from collabnlp.readers import read_apart
from collabnlp.readers.rows import ROW_ENDINGS, read_rows
from collabnlp.reasons import explain, load_neighbours
from collabnlp.records import Access, Block, Passage
from collabnlp.redact.attribution import OFF_RECORD
from collabnlp.redact.door import Door, access_to
from collabnlp.redact.speakers import INTERVIEWER
from collabnlp.scoring import N_SUGGESTIONS
from collabnlp.segment import segment


class Tagger:
    """Codes, mentions and places of new documents, with the models of a project.

    Parameters
    ----------
    project
        The project's folder, after `dvc repro`.
    encoder
        In place of the one that params.yaml names.
    """

    def __init__(self, project: str | Path = ".", *, encoder: Encoder | None = None) -> None:
        project = self.project = Path(project)
        self.params: Params = load_params(project / "params.yaml")
        self.classifier = Classifier.from_disk(project / "models" / "classifier")
        self.gazetteer = load_gazetteer(project / "corpus" / "gazetteer.csv")
        self.finder = MentionFinder(self.gazetteer, Names.from_disk(project / "models" / "names" / "names.json"))
        self.neighbours = load_neighbours(project / "corpus", project / "outputs", self.classifier.codes)
        self.encoder: Encoder = encoder or self._own_encoder(project)

    def _own_encoder(self, project: Path) -> Encoder:
        embed = self.params.embed
        encoder = SentenceEncoder(embed.encoder, embed.sha256, embed.max_tokens, embed.precision)
        if not embed.finetuned:
            return encoder
        return TunedEncoder(encoder, project / "models" / "finetuned", self.params.train.exclude_sources)

    def tag(self, path: str | Path, *, year: int = 0, access: Access | None = None) -> list[dict[str, Any]]:
        """One dictionary for each passage of a document, or for each row of a table (.csv, .xlsx, .jsonl).

        Parameters
        ----------
        path
            Any file that `readers` reads.
        year
            The year it speaks from, which decides who bore a name; 0: after anything in the gazetteer.
        access
            What is not public goes under pseudonyms before anything else sees it; offsets then count
            in the text so changed. None: as the register says; what it does not hold is not for
            attribution.

        Returns
        -------
        list of dict
            `id`, `document_id`, `passage_id`, `start_char`, `end_char` (in the document's text),
            `text`, `section`, `page`, `speaker`, `tags` (code, stance, score, review, reasons),
            `suggestions` (the three likeliest codes with their scores), `mentions` (label, text,
            start_char, end_char in this text, score, entities).

        Raises
        ------
        InputError
            Where the file cannot be read.
        """
        path = Path(path)
        _, passages, ids = self.cut(path, path.stem, access=access)
        return self.tag_passages(passages, ids, year=year, apart=path.suffix.lower() in ROW_ENDINGS)

    def cut(
        self, path: Path, document_id: str, *, access: Access | None = None
    ) -> tuple[str, list[Passage], list[str]]:
        """The text of a document as the models see it, its passages, and the id of each in the file.

        Raises
        ------
        InputError
            Where the file cannot be read.
        """
        with discreet(path.name, closed=access_to(path, access, self.project / "corpus") != "public"):
            return self._cut(path, document_id, access)

    def _cut(self, path: Path, document_id: str, access: Access | None) -> tuple[str, list[Passage], list[str]]:
        settings = self.params.ingest
        if path.suffix.lower() in ROW_ENDINGS:
            read_apart(path, settings.limits)  # the same checks of the file as for any other
            rows = read_rows(path)
            text, passages = segment(
                document_id, self._redacted(path, [Block(text, "row") for _, text in rows], access)
            )
            return text, passages, [row_id for row_id, _ in rows]
        blocks = self._redacted(path, read_apart(path, settings.limits), access)
        text, passages = segment(document_id, blocks, min_words=settings.min_words, max_words=settings.max_words)
        return text, passages, [passage.passage_id for passage in passages]

    def _redacted(self, path: Path, blocks: Sequence[Block], access: Access | None) -> list[Block]:
        """The blocks as they may be seen, without what is off the record; new people get their pseudonyms from the project's key."""
        door = Door(self.project, gazetteer=self.gazetteer)
        seen = door.redact_file(path, blocks, access, self.params.ingest.third_people).blocks
        return [block._replace(text=OFF_RECORD) if block.off_record else block for block in seen]

    def look(self, texts: Sequence[str]) -> tuple[Look, Readings]:
        """What the encoders say of texts."""
        codes = self.classifier.codes
        rows, _ = encode_cached(self.encoder, texts, None, lambda items: progress(items, "Encoding"))
        if isinstance(self.encoder, TunedEncoder):
            vectors, readings = self.encoder.split(rows, codes)
        else:
            vectors, readings = rows, no_readings(len(texts), len(codes))
        return Look(vectors, readings.codes, readings.stances), readings

    def tag_passages(
        self, passages: Sequence[Passage], ids: Sequence[str], *, year: int = 0, apart: bool = False
    ) -> list[dict[str, Any]]:
        """As `tag`, for passages that are cut already; `apart` where they are not of one document."""
        texts, codes = [passage.text for passage in passages], self.classifier.codes
        seen, readings = self.look(texts)
        scores, stances = self.classifier.predict(texts, seen)
        told = self.classifier.decide(
            [passage.passage_id for passage in passages],
            scores,
            stances,
            sources=[passage.document_id for passage in passages],
            shift=self.params.classify.shift,
        )
        asked = {passage.passage_id for passage in passages if passage.speaker == INTERVIEWER}
        given = [tag for tag in told if tag.passage_id not in asked]
        reasons = explain(self.classifier, passages, given, seen.vectors, readings, self.neighbours)
        tags: dict[str, list[dict[str, Any]]] = {}
        for tag, reason in zip(given, reasons, strict=True):
            tags.setdefault(tag.passage_id, []).append(
                {
                    "code": tag.code,
                    "stance": tag.stance,
                    "score": tag.score,
                    "review": tag.review,
                    "reasons": {
                        "sentence": reason.sentence,
                        "start_char": reason.start_char,
                        "end_char": reason.end_char,
                        "terms": list(reason.terms),
                        "nearest": [{"passage_id": n, "text": self.neighbours.text(n)} for n in reason.nearest],
                    },
                }
            )
        groups = [[passage] for passage in passages] if apart else [list(passages)]
        mentions = [mention for group in groups for mention in self.finder.find(group, year or 9999)]
        by_id: dict[str, list[Any]] = {}
        for mention in mentions:
            by_id.setdefault(mention.passage_id, []).append(mention)
        lines = []
        for i, (passage, row_id) in enumerate(zip(passages, ids, strict=True)):
            best = np.argsort(-scores[i], kind="stable")[:N_SUGGESTIONS]
            lines.append(
                {
                    "id": row_id,
                    "document_id": passage.document_id,
                    "passage_id": passage.passage_id,
                    "start_char": passage.start_char,
                    "end_char": passage.end_char,
                    "text": passage.text,
                    "section": list(passage.section),
                    "page": passage.page,
                    "speaker": passage.speaker,
                    "tags": tags.get(passage.passage_id, []),
                    "suggestions": [
                        {"code": codes[j], "score": round(float(scores[i, j]), 4)}
                        for j in best
                        if passage.speaker != INTERVIEWER
                    ],
                    "mentions": [
                        {
                            "label": m.label,
                            "text": m.text,
                            "start_char": m.start_char,
                            "end_char": m.end_char,
                            "score": m.score,
                            "entities": [{"id": e.entity_id, "name": e.name} for e in entities_of([m], self.gazetteer)],
                        }
                        for m in by_id.get(passage.passage_id, [])
                    ],
                }
            )
        return lines
