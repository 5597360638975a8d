"""One new transcript or table through everything fitted, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collabnlp.classify import STANCES, Classifier
from collabnlp.embed import Encoder, SentenceEncoder, encode_cached
from collabnlp.engine import progress
from collabnlp.entities import MentionFinder
from collabnlp.evidence import entities_of
from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Params, load_params
from collabnlp.readers import read_blocks
from collabnlp.readers.rows import ROW_ENDINGS, read_rows
from collabnlp.records import Access, Block, Passage
from collabnlp.release import INTERVIEWER, name_speakers
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
        project = Path(project)
        self.params: Params = load_params(project / "params.yaml")
        self.classifier = Classifier.from_disk(project / "models" / "classifier")
        self.gazetteer = load_gazetteer(project / "corpus" / "gazetteer.csv")
        self.finder = MentionFinder(self.gazetteer)
        embed = self.params.embed
        self.encoder = encoder or SentenceEncoder(embed.encoder, embed.sha256, embed.max_tokens)

    def tag(self, path: str | Path, *, year: int = 0, access: Access = "attributable") -> list[dict[str, Any]]:
        """One dictionary for each passage of a document, or for each row of a table (.csv, .xlsx, .jsonl).

        Parameters
        ----------
        path
            Any file that `readers` reads.
        year
            The year it speaks from, which decides who bore a name; 0: after anything in the gazetteer.
        access
            `non-attributable`: speakers get pseudonyms, also in what is said; offsets then count in
            the text so changed.

        Returns
        -------
        list of dict
            `id`, `document_id`, `passage_id`, `start_char`, `end_char` (in the document's text),
            `text`, `section`, `page`, `speaker`, `tags` (code, stance, score), `mentions` (label,
            text, start_char, end_char in this text, score, entities).

        Raises
        ------
        InputError
            Where the file cannot be read.
        """
        path = Path(path)
        if path.suffix.lower() in ROW_ENDINGS:
            read_blocks(path)  # the same checks of the file as for any other
            rows = read_rows(path)
            ids = [row_id for row_id, _ in rows]
            _, passages = segment(path.stem, [Block(text, "row") for _, text in rows])
        else:
            settings = self.params.ingest
            blocks = name_speakers(read_blocks(path), access)
            _, passages = segment(path.stem, blocks, min_words=settings.min_words, max_words=settings.max_words)
            ids = [passage.passage_id for passage in passages]
        return self.tag_passages(passages, ids, year=year, apart=path.suffix.lower() in ROW_ENDINGS)

    def tag_passages(
        self, passages: Sequence[Passage], ids: Sequence[str], *, year: int = 0, apart: bool = False
    ) -> list[dict[str, Any]]:
        """As `tag`, for passages that are cut already; `apart` where they are not of one document."""
        texts = [passage.text for passage in passages]
        vectors, _ = encode_cached(self.encoder, texts, None, lambda items: progress(items, "Encoding"))
        scores, stances = self.classifier.predict(texts, vectors)
        groups = [[passage] for passage in passages] if apart else [list(passages)]
        mentions = [mention for group in groups for mention in self.finder.find(group, year or 9999)]
        by_id: dict[str, list[Any]] = {}
        for mention in mentions:
            by_id.setdefault(mention.passage_id, []).append(mention)
        lines = []
        for i, (passage, row_id) in enumerate(zip(passages, ids, strict=True)):
            tags = (
                []
                if passage.speaker == INTERVIEWER
                else [
                    {"code": code, "stance": STANCES[stances[i, j]], "score": round(float(scores[i, j]), 4)}
                    for j, code in enumerate(self.classifier.codes)
                    if scores[i, j] >= self.classifier.thresholds_[j]
                ]
            )
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
                    "tags": tags,
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
