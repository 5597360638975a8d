"""Passages as text: the citation of an evidence row, and passages that were tagged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from collabnlp.export.text import cite, fold
from collabnlp.quoting import NOT_NAMED
from collabnlp.records import EvidenceRow, csv_text
from collabnlp.release import CLOSED


def citation(row: EvidenceRow) -> str:
    """Where a quote stands: title, year, section, page, speaker.

    A row that is not for attribution is marked [c] and tells none of it.
    """
    if row.access == CLOSED:
        return cite(f"[c] {NOT_NAMED}", None, "", None, None, synthetic=row.synthetic)
    return cite(row.document, row.year, row.section, row.page, row.speaker, synthetic=row.synthetic)


def format_tagged(lines: Sequence[Mapping[str, Any]], form: str, titles: Mapping[str, str]) -> str:
    """Tagged passages, as `tagger` gives them, as text: table, csv, jsonl or md."""
    if form == "jsonl":
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if form == "csv":
        header = [
            "id",
            "document_id",
            "passage_id",
            "section",
            "page",
            "speaker",
            "codes",
            "suggestions",
            "mentions",
            "text",
        ]
        return csv_text(
            [
                [
                    line["id"],
                    line["document_id"],
                    line["passage_id"],
                    line["section"],
                    line["page"],
                    line["speaker"],
                    "; ".join(f"{tag['code']} ({_how_sure(tag)})" for tag in line["tags"]),
                    "; ".join(f"{found['code']} ({found['score']:.2f})" for found in line["suggestions"]),
                    "; ".join(mention["text"] for mention in line["mentions"]),
                    line["text"],
                ]
                for line in lines
            ],
            header,
        )
    parts = []
    for line in lines:
        tags = (
            ", ".join(f"{titles.get(tag['code'], tag['code'])} ({_how_sure(tag)})" for tag in line["tags"]) or "no code"
        )
        head = f"{line['id']}  {line['speaker'] or ' > '.join(line['section'])}".rstrip()
        if form == "md":
            parts.append(f"**{head}** *{tags}*\n\n> {' '.join(line['text'].split())}\n")
        else:
            parts.append(f"{head}\n  [{tags}]\n  {fold(line['text'])}\n")
    return "\n".join(parts)


def _how_sure(tag: Mapping[str, Any]) -> str:
    return f"{tag['stance']}, {tag['score']:.2f}{', review' if tag['review'] else ''}"
