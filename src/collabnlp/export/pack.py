"""The tagging pack: one folder with everything that a reviewer may want to open, and what is needed to read it back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from collabnlp.codebook import Codebook
from collabnlp.codebook_exchange import write_qdc
from collabnlp.exchange.pack import MARKED, Pack, PackedDocument
from collabnlp.export.annotate import doccano_lines, label_studio_config, label_studio_tasks, prodigy_lines
from collabnlp.export.comments import write_comments
from collabnlp.export.qdpx import write_qdpx
from collabnlp.export.sheet import write_sheet
from collabnlp.records import Block, InputError, Passage, PassageTag, TagReason, write_json, write_text
from collabnlp.redact.speakers import name_in

LIST = "pack.json"
_FORMAT = 1


def write_pack(folder: str | Path, pack: Pack, codebook: Codebook) -> list[Path]:
    """Write a pack into a folder: sheet and Word file of each document, project, codebook, tasks; the files, `pack.json` last."""
    folder = Path(folder)
    written = []
    for document in pack.documents:
        write_sheet(folder / f"{document.document_id}.xlsx", pack, document, codebook)
        write_comments(folder / f"{document.document_id}.docx", pack, document, codebook)
        written += [folder / f"{document.document_id}.xlsx", folder / f"{document.document_id}.docx"]
    write_qdpx(folder / "project.qdpx", pack, codebook, name=folder.resolve().name)
    write_qdc(folder / "codebook.qdc", codebook)
    for name, text in (
        ("label-studio.xml", label_studio_config(codebook)),
        ("label-studio.json", label_studio_tasks(pack, codebook)),
        ("prodigy.jsonl", prodigy_lines(pack, codebook)),
        ("doccano.jsonl", doccano_lines(pack, codebook)),
        ("README.txt", _readme(pack)),
    ):
        write_text(folder / name, text)
        written.append(folder / name)
    write_json(folder / LIST, _dump(pack))
    return [*written, folder / "project.qdpx", folder / "codebook.qdc", folder / LIST]


def _readme(pack: Pack) -> str:
    marked = [MARKED, ""] if any(document.access == "non-attributable" for document in pack.documents) else []
    marked += [*(f"{line}." for line in pack.caveats), ""] if pack.caveats else []
    said = "without suggestions" if pack.blind else f"with the suggestions of {pack.coder}"
    lines = [
        f"Tagging pack, {said}: {len(pack.documents)} documents, {len(pack.passages)} passages.",
        "",
        *marked,
        "Use one of these, whichever you work with:",
        "*.xlsx             a sheet of each document, for Excel or LibreOffice",
        "*.docx             each document with codes as comments, for Word or LibreOffice",
        "project.qdpx       all of it, for NVivo, MAXQDA, ATLAS.ti, QualCoder (REFI-QDA project)",
        "codebook.qdc       the codebook alone (REFI-QDA codebook)",
        "label-studio.xml   the labelling interface, and",
        "label-studio.json  the tasks, for Label Studio",
        "prodigy.jsonl      for Prodigy: prodigy mark NAME prodigy.jsonl --view-id choice (set choice_style to multiple)",
        "doccano.jsonl      for doccano, a project of text classification",
        "",
        "pack.json belongs to the pack: keep it beside what you send back. Then, in the project:",
        "collabnlp review FILE --coder YOUR-NAME --pack FOLDER",
    ]
    return "\n".join(lines) + "\n"


def _dump(pack: Pack) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "coder": pack.coder,
        "blind": pack.blind,
        "documents": [document._asdict() for document in pack.documents],
        "passages": [passage.model_dump(mode="json", exclude={"text"}) for passage in pack.passages],
        "tags": [tag.model_dump(mode="json") for tag in pack.tags],
        "reasons": [reason.model_dump(mode="json") for reason in pack.reasons],
        "likely": {own: [list(pair) for pair in pairs] for own, pairs in pack.likely.items() if pairs},
        **({"caveats": list(pack.caveats)} if pack.caveats else {}),
    }


def load_pack(path: str | Path) -> Pack:
    """The pack of a folder, or of its `pack.json`.

    Raises
    ------
    InputError
        Where there is none, or it was changed.
    """
    path = Path(path)
    path = path / LIST if path.is_dir() else path
    remedy = "restore it, or make the pack again with `collabnlp tag --pack`"
    try:
        held: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, dict) or held.get("format") != _FORMAT:
            raise InputError(path, "is no list of a tagging pack of this version", remedy)
        documents = TypeAdapter(tuple[PackedDocument, ...]).validate_python(
            [PackedDocument(**document) for document in held["documents"]]
        )
        text_of = {document.document_id: document.text for document in documents}
        rows = [
            {**row, "text": text_of[row["document_id"]][row["start_char"] : row["end_char"]]}
            for row in held["passages"]
        ]
        return Pack(
            str(held["coder"]),
            bool(held["blind"]),
            documents,
            TypeAdapter(tuple[Passage, ...]).validate_python(rows),
            TypeAdapter(tuple[PassageTag, ...]).validate_python(held["tags"]),
            TypeAdapter(tuple[TagReason, ...]).validate_python(held["reasons"]),
            TypeAdapter(dict[str, tuple[tuple[str, float], ...]]).validate_python(held["likely"]),
            TypeAdapter(tuple[str, ...]).validate_python(held.get("caveats", ())),
        )
    except FileNotFoundError as error:
        raise InputError(path, "there is no such pack", "name its folder with --pack") from error
    except (ValueError, LookupError, TypeError, AttributeError, ValidationError, RecursionError) as error:
        raise InputError(path, f"was changed or damaged ({type(error).__name__})", remedy) from error


def check_name(path: Path, blocks: Sequence[Block]) -> None:
    """Refuse an interview not for attribution whose file is named after somebody who speaks in it: the name stands all over a pack.

    Raises
    ------
    InputError
        Where it is.
    """
    words = set(re.findall(r"[^\W\d_]+", path.stem.casefold()))
    if any(word.casefold() in words for block in blocks if block.speaker for word in name_in(block.speaker)):
        problem = "is named after a speaker, and is not for attribution"
        raise InputError(path, problem, "give the file another name, such as interview-7")
