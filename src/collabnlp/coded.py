"""What language models coded, as it lies in corpus/coded: their tags, what they read, and when they may count.

Nothing here asks a language model: `collabnlp code` does that and writes the files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from collabnlp.records import AgreementRow, CodedRow, InputError, PassageTag, TagReason, read_jsonl, text_sha256

FOLDER = "coded"
PREFIX = "llm:"  # the name of every language model as a coder begins so
CLASSIFIER = "model"  # in `evidence.coders`: the classifier, of whatever version
READ = ("code", "no code")


def is_language_model(coder: str) -> bool:
    """Whether a coder's name is that of a language model."""
    return coder.startswith(PREFIX)


def coded_path(corpus: Path, coder: str) -> Path:
    """The file of a language model's codes.

    Examples
    --------
    >>> coded_path(Path("corpus"), "llm:org/small:14b:0f3a9c21").as_posix()
    'corpus/coded/llm-org-small-14b-0f3a9c21-0c382e.jsonl'
    """
    own = text_sha256(coder)[:6]  # two names may differ in signs that no file name bears
    return corpus / FOLDER / f"{re.sub(r'[^A-Za-z0-9.]+', '-', coder).strip('-.')}-{own}.jsonl"


def load_coded(corpus: Path) -> dict[str, list[CodedRow]]:
    """The rows of each language model that coded in a project, by its name as a coder.

    Raises
    ------
    InputError
        Where a file is damaged, or holds rows of another coder than it is named after.
    """
    found: dict[str, list[CodedRow]] = {}
    for path in sorted((corpus / FOLDER).glob("*.jsonl")):
        rows = read_jsonl(path, CodedRow)
        for coder in sorted({row.coder for row in rows}):
            if not is_language_model(coder) or coded_path(corpus, coder).name != path.name:
                raise InputError(path, f"holds codes of {coder!r}", "delete it and run `collabnlp code` again")
            found[coder] = rows
    return found


def still_said(rows: Iterable[CodedRow], texts: Mapping[str, str]) -> list[CodedRow]:
    """The rows about passages that are there, by id, with the text that was read."""
    hashes: dict[str, str] = {}
    kept = []
    for row in rows:
        if row.passage_id in texts:
            if row.passage_id not in hashes:
                hashes[row.passage_id] = text_sha256(texts[row.passage_id])
            if hashes[row.passage_id] == row.text_sha256:
                kept.append(row)
    return kept


def read_passages(rows: Iterable[CodedRow]) -> set[str]:
    """Ids of the passages that were read: with a code, or left without one on purpose."""
    return {row.passage_id for row in rows if row.outcome in READ}


def tags_of(rows: Iterable[CodedRow]) -> list[PassageTag]:
    """The codes that count, as tags."""
    return [
        PassageTag(passage_id=row.passage_id, code=row.code, coder=row.coder, stance=row.stance, score=None)
        for row in rows
        if row.outcome == "code" and row.stance is not None
    ]


def reasons_of(rows: Iterable[CodedRow], texts: Mapping[str, str]) -> list[TagReason]:
    """For each code that counts, the words that the language model named."""
    return [
        TagReason(
            passage_id=row.passage_id,
            code=row.code,
            coder=row.coder,
            start_char=row.start_char,
            end_char=row.end_char,
            sentence=texts[row.passage_id][row.start_char : row.end_char],
            terms=(),
            nearest=(),
        )
        for row in rows
        if row.outcome == "code" and row.start_char is not None and row.end_char is not None
    ]


def hand_over(tags: Iterable[PassageTag], read: Collection[str]) -> list[PassageTag]:
    """The classifier's tags but for those of its review band in passages that a language model read.

    There the language model has decided; what the classifier was sure of stays.

    Examples
    --------
    >>> tag = lambda p, review: PassageTag(passage_id=p, code="trust", coder="m", stance="positive", score=0.5, review=review)
    >>> [(t.passage_id, t.review) for t in hand_over([tag("1", True), tag("1", False), tag("2", True)], {"1"})]
    [('1', False), ('2', True)]
    """
    return [tag for tag in tags if not (tag.review and tag.passage_id in read)]


def check_coders(
    people: Collection[str],
    machines: Collection[str],
    language_models: Collection[str],
    chosen: Collection[str],
    agreement: Iterable[AgreementRow],
    *,
    min_measured: int,
) -> None:
    """See to it that chosen coders are known, and language models among them measured.

    Parameters
    ----------
    chosen
        Names of coders whose codes count.
    agreement
        Rows with coder b as the one that was measured.
    min_measured
        Coded passages on which a language model's agreement must have been measured.

    Raises
    ------
    InputError
        Where a chosen coder is not known, or a language model was not measured on enough passages.
    """
    measured = {row.coder_b: row.n_passages for row in agreement if row.code == "micro" and row.basis == "read"}
    for name in chosen:
        if name not in {*language_models, CLASSIFIER, *people, *machines}:
            known = ", ".join([CLASSIFIER, *sorted({*people, *machines}), *sorted(language_models)])
            raise InputError("params.yaml", f"no coder is named {name!r}", f"name {known}", place="evidence.coders")
    for name in chosen:
        if name in language_models and measured.get(name, 0) < min_measured:
            raise InputError(
                "params.yaml",
                f"the agreement of {name} has been measured on {measured.get(name, 0)} coded passages, and {min_measured} are asked for",
                "let it code some with `collabnlp code --passages gold`, look at `collabnlp agreement gold CODER`, and run `dvc repro`",
                place="evidence.coders",
            )


def count_coders(
    tags: Iterable[PassageTag],
    rows: Mapping[str, Iterable[CodedRow]],
    chosen: Collection[str],
    machines: Collection[str],
    texts: Mapping[str, str],
    *,
    codes: Collection[str],
) -> tuple[list[PassageTag], list[TagReason]]:
    """The tags of the coders whose codes count, and the words that language models named, for some passages.

    Where the classifier and a language model both count, the language model decides the classifier's
    review band in the passages that it read.

    Parameters
    ----------
    tags
        Of the classifier and of people.
    rows
        By language model.
    chosen
        Names of coders; empty: all of `tags`, and no language model.
    machines
        Names under which the classifier coded.
    texts
        Of the passages, by id.
    codes
        Codes that exist.
    """
    counted = [
        tag for tag in tags if not chosen or tag.coder in chosen or (CLASSIFIER in chosen and tag.coder in machines)
    ]
    own = {
        name: [r for r in still_said(rows[name], texts) if r.code in codes or not r.code]
        for name in chosen
        if name in rows
    }
    read = {passage_id for found in own.values() for passage_id in read_passages(found)}
    counted = hand_over(counted, read)
    reasons: list[TagReason] = []
    for found in own.values():
        counted += tags_of(found)
        reasons += reasons_of(found, texts)
    return counted, reasons
