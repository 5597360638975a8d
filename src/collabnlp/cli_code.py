"""The commands of the command line that let a language model code; `cli` takes them up."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from collabnlp.records import InputError

if TYPE_CHECKING:
    from collabnlp.llm.client import Client
    from collabnlp.llm.coding import Coder, Outcome, Task
    from collabnlp.records import CodedRow

EXAMPLE = "Example: collabnlp code --base-url http://localhost:11434/v1 --model qwen3:14b --passages gold --limit 300"
CASCADE = "Example: collabnlp cascade llm:qwen3:14b:0f3a9c21"


def code(
    base_url: Annotated[
        str, typer.Option(help="Address of an OpenAI-compatible server, such as http://localhost:11434/v1.")
    ],
    model: Annotated[str, typer.Option(help="The language model, as the server calls it.")],
    coder: Annotated[Literal["llm"], typer.Option(help="llm: a language model.")] = "llm",
    passages: Annotated[
        Literal["all", "review", "unread", "gold"],
        typer.Option(
            help="all; those with a code of which the classifier is not sure (review); those that no person has read (unread); or coded "
            "passages of corpus/gold, to measure the language model (gold)."
        ),
    ] = "review",
    below: Annotated[
        Optional[float],
        typer.Option(help="With review: passages with a code of a lower score than this.", min=0.0, max=1.0),
    ] = None,
    document: Annotated[
        Optional[list[str]], typer.Option(help="Id of a document; may be repeated; without it, all.")
    ] = None,
    limit: Annotated[Optional[int], typer.Option(help="So many passages at most, drawn by chance.", min=1)] = None,
    max_calls: Annotated[Optional[int], typer.Option(help="Stop after so many questions.", min=0)] = None,
    max_tokens: Annotated[
        Optional[int], typer.Option(help="Stop before more tokens than this are spent.", min=0)
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say how much would be asked; nothing is sent.")] = False,
    show: Annotated[
        Optional[str], typer.Option(help="Only print the prompt of this passage, by its id; nothing is sent.")
    ] = None,
) -> None:
    """Let a language model code passages, as one more coder: each code with the words of the passage that carry it.

    Its answers are checked and kept: what was answered is never asked again, and a run that was stopped goes on where it ended. Its codes
    go to corpus/coded; they count in the evidence matrix where evidence.coders in params.yaml names the coder. An address that is not this
    machine's own sees public text alone, unless code.addresses in params.yaml lets it see more. A key comes from COLLABNLP_LLM_KEY.
    """
    from collabnlp.codebook import load_codebook
    from collabnlp.coded import coded_path, load_coded
    from collabnlp.llm.address import highest_access, parse_address, read_key
    from collabnlp.llm.client import Budget, Client
    from collabnlp.llm.coding import Coder
    from collabnlp.llm.select import load_prompter, select_passages
    from collabnlp.params import load_params

    if below is not None and passages != "review":
        raise InputError("--below", "goes with --passages review alone", "leave it out")
    if not re.fullmatch(
        r"[A-Za-z0-9][\w.:/@+-]{0,99}", model
    ):  # it becomes the coder's name, in tables and on the command line
        raise InputError(
            "--model", "is no name of letters, figures and . : / @ + - _", "write it as the server calls it"
        )
    corpus, settings = Path("corpus"), load_params().code
    book, address = load_codebook(corpus / "codebook.yaml"), parse_address(base_url)
    key, highest = read_key(address), highest_access(address, model, settings.addresses)
    chosen = select_passages(
        Path(), book, settings, passages, highest, below=below, documents=document or (), limit=limit
    )
    if chosen.n_withheld:
        typer.echo(
            f"{chosen.n_withheld} passages are left out: {address.origin} may see {highest} text"
            f"{' alone' if highest == 'public' else ' and what is more open'} (code.addresses in params.yaml)",
            err=True,
        )
    if not chosen.passages.passage_ids:
        raise InputError("--passages", "leaves no passage to ask about", "choose others, or see the line above")
    asked = Coder(model, load_prompter(Path(), book, settings, highest), book, settings)
    tasks = asked.tasks(chosen.passages)
    if show is not None:
        _show(asked, tasks, show)
    elif dry_run:
        _estimate(asked, tasks, load_coded(corpus))
    else:
        path, spent = coded_path(corpus, asked.name), Budget(max_calls, max_tokens)
        outcome = _run(asked, tasks, path, Client(address, key, settings, spent))
        typer.echo(f"{spent.spent_calls:,} questions sent, about {spent.spent_tokens:,} tokens spent", err=True)
        _tell(asked, outcome, path)


def _show(coder: Coder, tasks: list[Task], passage_id: str) -> None:
    task = next((task for task in tasks if task.passage_id == passage_id), None)
    if task is None:
        raise InputError("--show", f"{passage_id!r} is not among the passages chosen", "look at --passages")
    for message in coder.payload(task.user_message)["messages"]:
        typer.echo(f"[{message['role']}]\n\n{message['content']}\n")


def _estimate(coder: Coder, tasks: list[Task], coded: dict[str, list[CodedRow]]) -> None:
    import json

    from collabnlp.llm.journal import journal_path, read_journal

    answers = {entry.key: entry.answer for entry in read_journal(journal_path(coder.name))}
    known = {row.prompt_sha256 for row in coded.get(coder.name, []) if row.outcome != "no answer"}
    todo = [task for task in tasks if task.key not in known and isinstance(coder.look(task, answers), dict)]
    signs = sum(len(json.dumps(coder.payload(task.user_message), ensure_ascii=False)) for task in todo)
    typer.echo(
        f"{coder.name}: {len(tasks):,} passages, {len(tasks) - len(todo):,} of them answered already; {len(todo):,} questions of about "
        f"{signs // 4:,} tokens in all, answers not counted; nothing was sent"
    )


def _run(coder: Coder, tasks: list[Task], path: Path, client: Client) -> Outcome:
    from collabnlp.llm.coding import code_passages, merge_rows, stops_cleanly
    from collabnlp.llm.journal import journal_path, open_journal
    from collabnlp.records import CodedRow, read_jsonl, write_jsonl

    with open_journal(journal_path(coder.name)) as journal, stops_cleanly(client), _progress() as tell:
        known = read_jsonl(path, CodedRow) if path.exists() else []
        outcome = code_passages(coder, tasks, journal, known, client, tell)
        write_jsonl(path, merge_rows(known, outcome.rows), CodedRow)
        client.close()
    return outcome


@contextmanager
def _progress() -> Iterator[Callable[[int, int, int], None]]:
    """A function that shows, on a terminal, how far a run has come."""
    from collabnlp.llm.coding import pace

    if not sys.stderr.isatty():
        yield lambda done, left, under_way: None
        return
    from rich.console import Console
    from rich.status import Status

    started = time.monotonic()
    with Status("", console=Console(stderr=True)) as status:
        yield lambda done, left, under_way: status.update(
            f"{pace(done, left, time.monotonic() - started)}; {under_way} under way"
        )


def _tell(coder: Coder, outcome: Outcome, path: Path) -> None:
    """Say what became of the run; its exit status is 2 where it could not go on or a passage had no answer, 1 where it was stopped."""
    n = outcome.counts()
    typer.echo(
        f"{coder.name}: {n['code']:,} passages with a code, {n['no code']:,} without, {n['not coded']:,} not coded, "
        f"{n['no answer']:,} without an answer, {outcome.n_left:,} left; {n['void']:,} codes void; {path}",
        err=True,
    )
    if outcome.error is not None:
        raise outcome.error
    if n["no answer"]:
        raise typer.Exit(2)
    if outcome.n_left:
        raise typer.Exit(1)


def cascade(
    coder: Annotated[
        str, typer.Argument(help="The language model's name as a coder; it has coded passages of corpus/gold.")
    ],
    form: Annotated[Literal["table", "md", "csv"], typer.Option("--format", help="table, md or csv.")] = "table",
) -> None:
    """Say what it costs and gains to let a language model decide where the classifier is not sure, by where that band is drawn.

    Measured on coded passages of documents that the classifier had not seen.
    """
    from collabnlp.codebook import load_codebook
    from collabnlp.export.text import format_columns, format_markdown
    from collabnlp.llm.cascade import Band, load_bands
    from collabnlp.params import load_params
    from collabnlp.records import csv_text

    settings = load_params().evaluate
    book = load_codebook(Path("corpus/codebook.yaml"))
    bands = load_bands(Path(), coder, book, draws=settings.draws, seed=settings.seed)
    header = ["band", "passages", "in corpus", *Band._fields[3:]]
    if form == "csv":
        sys.stdout.write(csv_text([list(band) for band in bands], header))
        return
    whole = [f"{n:,.0f}" if n == n else "-" for band in bands for n in (band.calls, band.tokens)]
    rows = [[*b[:3], *whole[2 * i : 2 * i + 2], *b[5:]] for i, b in enumerate(bands)]
    if form == "md":
        rows = [[f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in rows]
        sys.stdout.write(format_markdown(header, rows))
    else:
        sys.stdout.write(format_columns(header, rows))
