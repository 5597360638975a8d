"""Writes the pages of docs/ and the tables of the README that are made from code and data.

`python docs/generate.py` writes them; `--check` says what is out of date and ends with 1.
"""

import subprocess
import sys
import typing
from pathlib import Path

from ruamel.yaml import YAML

from collabnlp import records
from collabnlp.codebook import load_codebook
from collabnlp.export import format_codebook
from collabnlp.params import Params
from collabnlp.records import columns
from collabnlp.register import Entry

ROOT = Path(__file__).resolve().parent.parent
TABLES = [
    ("Document", "outputs/documents.parquet"),
    ("Passage", "outputs/passages.parquet"),
    ("EntityMention", "outputs/mentions.parquet, outputs/gold_mentions.parquet, corpus/gold/mentions.jsonl"),
    ("EntityLink", "outputs/links.parquet"),
    ("FoundEntity", "outputs/entities.parquet"),
    ("DoubtfulMerge", "outputs/doubtful_merges.csv"),
    ("Relation", "outputs/relations.parquet"),
    ("PassageTag", "outputs/tags.parquet, outputs/out_of_fold_tags.parquet, corpus/gold/tags.jsonl"),
    ("Topic", "outputs/topics.parquet"),
    ("TopicAssignment", "outputs/topic_assignments.parquet"),
    ("AgreementRow", "outputs/agreement.parquet, outputs/agreement.csv"),
    ("EvidenceRow", "outputs/evidence.parquet, outputs/evidence.csv; table `evidence` in outputs/evidence.db"),
    ("MatrixCell", "outputs/matrix.parquet; table `matrix` in outputs/evidence.db"),
    ("IngestRow", "outputs/ingest_report.csv"),
    ("Finding", "private/review-NAME.csv"),
    ("GoldPassage", "corpus/gold/passages.jsonl"),
    ("GoldRead", "corpus/gold/reads.jsonl, outputs/out_of_fold_reads.parquet"),
]


def kind(annotation: object) -> str:
    """A field's type in words."""
    args = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
    if typing.get_origin(annotation) is typing.Literal:
        return "one of " + ", ".join(map(str, args))
    if typing.get_origin(annotation) is tuple:
        return f"list of {kind(args[0])}"
    if args:
        return f"{kind(args[0])} or null"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[annotation]  # type: ignore[index]


def data_dictionary() -> str:
    """The page on all tables, from the records' own descriptions."""
    parts = ["# Data dictionary", "", "Made from `src/collabnlp/records.py` by `make docs`. Keys are marked *.", ""]
    for name, where in TABLES:
        record = getattr(records, name)
        parts += [
            f"## {name}",
            "",
            f"{record.__doc__.splitlines()[0]} In {where}.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        hints = typing.get_type_hints(record)
        parts += [
            f"| {column}{'*' if column in record.key else ''} | {kind(hints[column])} | {record.model_fields[column].description} |"
            for column in columns(record)
        ]
        parts.append("")
    parts += ["## The register, corpus/documents.csv", "", "| column | meaning |", "|---|---|"]
    for name, field in Entry.model_fields.items():
        inherited = records.Document.model_fields.get(name)
        parts.append(f"| {name} | {field.description or (inherited.description if inherited else '')} |")
    return "\n".join(parts) + "\n"


def parameters() -> str:
    """The table of params.yaml."""
    lines = ["| parameter | default | meaning |", "|---|---|---|"]
    for section, holder in Params.model_fields.items():
        for name, field in holder.annotation.model_fields.items():  # type: ignore[union-attr]
            shown = str(field.default)[:12] + "…" if len(str(field.default)) > 24 else field.default
            lines.append(f"| {section}.{name} | {'(none)' if shown in ('', ()) else shown} | {field.description} |")
    return "\n".join(lines)


def stages() -> str:
    """The table of stages, from dvc.yaml."""
    lines = ["| stage | what it does | what it writes |", "|---|---|---|"]
    for name, stage in YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        outs = [*stage["outs"], *stage.get("metrics", [])]
        lines.append(f"| {name} | {stage['desc']} | {', '.join(f'`{out}`' for out in outs)} |")
    return "\n".join(lines)


def command_line() -> str:
    """Each command's help as it prints."""
    parts = [
        "# Command line",
        "",
        "Made from the commands' own help by `make docs`. `python -m collabnlp` is the same.",
        "",
    ]
    for command in ("", "add", "tag", "query", "codebook", "entities"):
        env = {"COLUMNS": "100", "PATH": "", "TERM": "dumb"}
        args = [sys.executable, "-m", "collabnlp", *([command] if command else []), "--help"]
        text = subprocess.run(args, capture_output=True, text=True, check=True, env=env).stdout
        text = "\n".join(
            line.rstrip() for line in text.replace("python -m collabnlp", "collabnlp").strip().splitlines()
        )
        parts += [f"## collabnlp {command}".rstrip(), "", "```", text, "```", ""]
    return "\n".join(parts)


def between(text: str, name: str, body: str) -> str:
    """The text with what stands between the marks of `name` replaced."""
    begin, end = f"<!-- {name}: made by make docs -->", f"<!-- /{name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{body}\n{end}{rest.split(end)[1]}"


def pages() -> dict[Path, str]:
    """Every generated page, whole."""
    readme, method = ROOT / "README.md", ROOT / "docs" / "method.md"
    return {
        ROOT / "docs" / "data-dictionary.md": data_dictionary(),
        ROOT / "docs" / "codebook.md": format_codebook(load_codebook(ROOT / "corpus" / "codebook.yaml"), None, "md"),
        ROOT / "docs" / "cli.md": command_line(),
        readme: between(readme.read_text(encoding="utf-8"), "stages", stages()),
        method: between(method.read_text(encoding="utf-8"), "parameters", parameters()),
    }


def main() -> int:
    """Write or check the pages."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date; run `make docs`\n")
        return 1 if stale else 0
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
