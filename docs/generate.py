"""Writes the pages of docs/ and the tables of the README that are made from code and data.

`python docs/generate.py` writes them; `--check` says what is out of date and ends with 1.
"""

import csv
import functools
import importlib.metadata
import re
import subprocess
import sys
import typing
from pathlib import Path

from ruamel.yaml import YAML

from collabnlp import figures, records
from collabnlp.cli import app
from collabnlp.codebook import load_codebook
from collabnlp.embed import SentenceEncoder
from collabnlp.export.codes import format_codebook
from collabnlp.llm.coding import Coder
from collabnlp.llm.select import load_prompter, select_passages
from collabnlp.params import Params, load_params
from collabnlp.records import columns
from collabnlp.register import Entry
from collabnlp.release import RELEASED

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
    ("CodedRow", "corpus/coded/, a file for each language model"),
    ("Topic", "outputs/topics.parquet"),
    ("TopicArea", "outputs/topic_areas.parquet"),
    ("TopicAssignment", "outputs/topic_assignments.parquet"),
    ("TopicChange", "outputs/topic_changes.csv"),
    ("TopicCode", "outputs/topics_by_code.csv"),
    ("TopicCount", "outputs/topics_by_place.csv"),
    ("TopicGap", "outputs/topic_gaps.csv"),
    ("TopicStability", "outputs/topic_stability.csv"),
    ("AgreementRow", "outputs/agreement.parquet, outputs/agreement.csv"),
    ("EvidenceRow", "outputs/evidence.parquet, outputs/evidence.csv; table `evidence` in outputs/evidence.db"),
    ("MatrixCell", "outputs/matrix.parquet; table `matrix` in outputs/evidence.db"),
    ("Withheld", "outputs/release_audit.csv"),
    ("EffortRow", "outputs/review_effort.csv"),
    ("QueueRow", "the file that `collabnlp queue` writes"),
    ("IngestRow", "outputs/ingest_report.csv"),
    ("Finding", "private/review-NAME.csv"),
    ("GoldPassage", "corpus/gold/passages.jsonl"),
    ("GoldRead", "corpus/gold/reads.jsonl, outputs/out_of_fold_reads.parquet"),
    ("GoldSource", "corpus/gold/sources.jsonl, once somebody has coded"),
    ("GoldNote", "corpus/gold/notes.jsonl, once somebody has written one"),
    ("GoldSeen", "corpus/gold/seen.jsonl, once somebody has coded"),
    ("ReviewRow", "what `collabnlp review --format csv` prints"),
    ("RecodedRow", "what `collabnlp recode --format csv` prints"),
]

PROMPTED = "lga-drivers-2020-digest:0023"  # the passage whose prompt the documents show


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


def marked(where: str) -> str:
    """Names of files, those of outputs/ that must not be handed on marked."""
    return re.sub(
        r"outputs/([\w/]+\.\w+)", lambda m: m.group() if m.group(1) in RELEASED else f"{m.group()} (internal)", where
    )


def data_dictionary() -> str:
    """The page on all tables, from the records' own descriptions."""
    parts = ["# Data dictionary", "", "Made from `src/collabnlp/records.py` by `make docs`. Keys are marked *.", ""]
    for name, where in TABLES:
        record = getattr(records, name)
        parts += [
            f"## {name}",
            "",
            f"{record.__doc__.splitlines()[0]} In {marked(where)}.",
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
    parts += [
        "",
        "## What may be handed on",
        "",
        "Of outputs/: " + ", ".join(f"`{name}`" for name in RELEASED) + ".",
        "",
    ]
    parts.append("All else in outputs/, and models/, .cache/ and .dvc/cache/, is internal: not for release.")
    return "\n".join(parts) + "\n"


def parameters() -> str:
    """The table of params.yaml."""
    lines = ["| parameter | default | meaning |", "|---|---|---|"]
    for section, holder in Params.model_fields.items():
        if holder.description:  # a parameter by itself
            lines.append(f"| {section} | {holder.default} | {holder.description} |")
            continue
        fields = dict(holder.annotation.model_fields)  # type: ignore[union-attr]
        if "limits" in fields:
            fields |= {f"limits.{name}": field for name, field in fields.pop("limits").annotation.model_fields.items()}
        for name, field in fields.items():
            shown = str(field.default)[:12] + "…" if len(str(field.default)) > 24 else field.default
            lines.append(f"| {section}.{name} | {'(none)' if shown in ('', ()) else shown} | {field.description} |")
    return "\n".join(lines)


def stages() -> str:
    """The table of stages, from dvc.yaml."""
    lines = ["| stage | what it does | what it writes |", "|---|---|---|"]
    for name, stage in YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        outs = [
            next(iter(out)) if isinstance(out, dict) else out for out in [*stage["outs"], *stage.get("metrics", [])]
        ]
        lines.append(f"| {name} | {stage['desc']} | {', '.join(f'`{out}`' for out in outs)} |")
    return "\n".join(lines)


def commands() -> list[str]:
    """The names of the commands, as the first help lists them."""
    return [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]


def command_line() -> str:
    """Each command's help as it prints."""
    parts = [
        "# Command line",
        "",
        "Made from the commands' own help by `make docs`. `python -m collabnlp` is the same.",
        "",
    ]
    for command in ("", *commands()):
        env = {"COLUMNS": "100", "PATH": "", "TERM": "dumb"}
        args = [sys.executable, "-m", "collabnlp", *([command] if command else []), "--help"]
        text = subprocess.run(args, capture_output=True, text=True, check=True, env=env).stdout
        text = "\n".join(
            line.rstrip() for line in text.replace("python -m collabnlp", "collabnlp").strip().splitlines()
        )
        parts += [f"## collabnlp {command}".rstrip(), "", "```", text, "```", ""]
    return "\n".join(parts)


def curve() -> list[dict[str, str]]:
    """What the fine-tuned encoder reached with how many coded passages, as measured."""
    with (ROOT / "docs" / "learning_curve.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def learning_curve() -> str:
    """The table of the learning curve."""
    lines = ["| coded passages | micro-F1 | mAP |", "|---|---|---|"]
    for row in curve():
        note = f" ({row['note']})" if row["note"] else ""
        shown = f"{int(row['passages']):,}{note}"
        lines.append(f"| {shown} | {row['micro_f1']} | {row['mean_average_precision']} |")
    return "\n".join(lines)


def draw_learning_curve() -> None:
    """The picture of the learning curve, in docs/images."""
    from matplotlib.figure import Figure

    x = [int(row["passages"]) for row in curve()]
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, label, marker in (
        ("micro_f1", "micro-F1", "o"),
        ("mean_average_precision", "mean average precision", "s"),
    ):
        axes.plot(x, [float(row[name]) for row in curve()], marker=marker, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(x, [f"{n:,}" for n in x])
    axes.minorticks_off()
    axes.set_ylim(0, 0.7)
    axes.set_xlabel("coded passages learnt from (doubling scale)")
    axes.set_ylabel("score on two reports held out")
    axes.set_title("What more coded passages bring the fine-tuned encoder", loc="left")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figures.write_figure(ROOT / "docs" / "images" / "learning_curve", figure, [".png"])


def licences() -> str:
    """The page on what the lock installs: name, version, licence as the package itself gives it."""
    names = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    lines = [
        "# Licences",
        "",
        "What `requirements.lock` installs, and torch, with the licence that each package states; made by `make docs`.",
        "What the project itself imports is in [decision 0001](decisions/0001-libraries.md). Hashes are in the lock;",
        "`make supply-chain` writes a bill of materials (CycloneDX, `.supply/sbom.cdx.json`) and looks for known weaknesses.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
    ]
    for name in sorted({*names, "torch"}, key=str.lower):
        about = importlib.metadata.metadata(name)
        version = about["Version"].split("+")[0]
        lines.append(f"| {about['Name']} | {version} | {licence(about)} |")
    return "\n".join(lines) + "\n"


def licence(about: importlib.metadata.PackageMetadata) -> str:
    """A package's licence: its expression, else its classifiers, else the first line of what it says."""
    if about["License-Expression"]:
        return str(about["License-Expression"])
    given = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License :: ")]
    given = [name for name in given if name != "OSI Approved"]
    return ", ".join(given) or (about["License"] or "not stated").splitlines()[0][:60]


@functools.cache
def prompt() -> tuple[str, str, str]:
    """The two parts of the prompt of one passage of the sample corpus, as an address that may see public text gets them, and the passage."""
    book, params = load_codebook(ROOT / "corpus" / "codebook.yaml"), load_params(ROOT / "params.yaml")
    passages = select_passages(ROOT, book, params.code, "all", "public").passages
    chosen = passages.take([passages.passage_ids.index(PROMPTED)])
    coder = Coder("NAME", load_prompter(ROOT, book, params.code, "public"), book, params.code)
    (task,) = coder.tasks(chosen)
    guide, about = (message["content"] for message in coder.payload(task.user_message)["messages"])
    return guide, about, task.text


def prompt_page() -> str:
    """The page that shows the prompt."""
    guide, about, _ = prompt()
    parts = [
        "# A prompt",
        "",
        f"What a language model is sent about the passage `{PROMPTED}` of the sample corpus: made from corpus/codebook.yaml, the coded passages "
        "and the documents by `make docs`. The examples are invented or restated passages that language models wrote and coded.",
        "",
    ]
    for title, text in (
        ("The first message, the same for every passage", guide),
        ("The second, about the passage", about),
    ):
        parts += [f"## {title}", "", "~~~~text", text, "~~~~", ""]
    return "\n".join(parts)


def prompt_sizes() -> str:
    """The table of how long the prompt is, in word pieces of the encoder."""
    from tokenizers import Tokenizer

    guide, about, passage = prompt()
    tokenizer = Tokenizer.from_file(
        str(SentenceEncoder(load_params(ROOT / "params.yaml").embed.encoder).folder / "tokenizer.json")
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    n = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in (guide, about, passage)]
    lines = ["| part | word pieces | times the passage |", "|---|---|---|"]
    for name, size in (
        ("the passage", n[2]),
        ("the message about it, with examples and neighbours", n[1]),
        ("the guide", n[0]),
        ("both messages", n[0] + n[1]),
    ):
        lines.append(f"| {name} | {size:,} | {size / n[2]:.1f} |")
    return "\n".join(lines)


def between(text: str, name: str, body: str) -> str:
    """The text with what stands between the marks of `name` replaced."""
    begin, end = f"<!-- {name}: made by make docs -->", f"<!-- /{name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{body}\n{end}{rest.split(end)[1]}"


def pages() -> dict[Path, str]:
    """Every generated page, whole."""
    readme, method, llm = (ROOT / name for name in ("README.md", "docs/method.md", "docs/language-model.md"))
    return {
        ROOT / "docs" / "data-dictionary.md": data_dictionary(),
        ROOT / "docs" / "licences.md": licences(),
        ROOT / "docs" / "codebook.md": format_codebook(load_codebook(ROOT / "corpus" / "codebook.yaml"), None, "md"),
        ROOT / "docs" / "cli.md": command_line(),
        ROOT / "docs" / "language-model-prompt.md": prompt_page(),
        llm: between(llm.read_text(encoding="utf-8"), "prompt size", prompt_sizes()),
        readme: between(readme.read_text(encoding="utf-8"), "stages", stages()),
        method: between(
            between(method.read_text(encoding="utf-8"), "parameters", parameters()), "learning curve", learning_curve()
        ),
    }


def main() -> int:
    """Write or check the pages."""
    made = pages()
    if "--check" in sys.argv:
        stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date; run `make docs`\n")
        return 1 if stale else 0
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    draw_learning_curve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
