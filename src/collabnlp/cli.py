"""The command line: documents, coding, evidence, review, and what keeps them in order."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from collabnlp import cli_code
from collabnlp.records import Access, InputError, Kind, Stance

if TYPE_CHECKING:
    from collabnlp.desk import Desk
    from collabnlp.diff import Rows
    from collabnlp.query import Filters, Found
    from collabnlp.scoring import Said
    from collabnlp.tagger import Tagger

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Codes reports and interviews on collaboration between councils and joins them into an evidence matrix.",
)
Form = Literal["table", "csv", "jsonl", "xlsx", "md"]
Figures = Literal["table", "csv", "jsonl"]


def main() -> None:
    """Run the command line; bad input is one line and exit status 2."""
    try:
        app()
    except InputError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _write(text: str, output: Path | None, force: bool) -> None:
    from collabnlp.records import write_text

    if output is None:
        sys.stdout.write(text)
    else:
        _free(output, force)
        write_text(output, text)


def _free(output: Path, force: bool) -> None:
    if output.exists() and not force:
        raise InputError(output, "is there already", "name another file, or use --force to replace it")


@app.command(
    epilog="Example: collabnlp add notes/leader.docx --title 'Interview with a leader' --publisher 'Own fieldwork' --year 2024 "
    "--kind transcript --access non-attributable"
)
def add(
    file: Annotated[Path, typer.Argument(help="The report or transcript; its name gives the document's id.")],
    title: Annotated[str, typer.Option(help="Title, as it shall be cited.")],
    publisher: Annotated[str, typer.Option(help="Who published it or held the interview.")],
    year: Annotated[int, typer.Option(help="Year it speaks from.", min=1800, max=2200)],
    kind: Annotated[Kind, typer.Option(help="report or transcript.")],
    access: Annotated[Access, typer.Option(help="public, attributable or non-attributable.")],
    synthetic: Annotated[bool, typer.Option(help="People and events are invented.")] = False,
    language: Annotated[str, typer.Option(help="ISO 639-1 code.")] = "en",
    note: Annotated[str, typer.Option(help="Who wrote it, where it is from.")] = "",
    force: Annotated[bool, typer.Option(help="Replace a document of the same id.")] = False,
) -> None:
    """Copy a document into the corpus and register it; `dvc repro` then reads it."""
    from collabnlp.discreet import discreet
    from collabnlp.params import params_here
    from collabnlp.readers import read_apart
    from collabnlp.register import FOLDERS, Entry, add_entry, document_id_of

    corpus = Path("corpus")
    if not corpus.is_dir():
        raise InputError(corpus, "there is no such folder here", "run the command in the project's folder")
    with discreet(file.name, closed=access != "public"):
        read_apart(file, params_here().ingest.limits)  # refuse here what `dvc repro` would refuse later
    document_id = document_id_of(file)
    target = Path(FOLDERS[kind]) / f"{document_id}{file.suffix.lower()}"
    entry = Entry(
        document_id=document_id,
        source_path=target.as_posix(),
        title=title,
        publisher=publisher,
        year=year,
        kind=kind,
        access=access,
        synthetic=synthetic,
        language=language,
        note=note,
    )
    if (corpus / target).exists() and (corpus / target).resolve() != file.resolve():
        _free(corpus / target, force)
    add_entry(corpus, entry, force=force)
    if (corpus / target).resolve() != file.resolve():
        from collabnlp.files import atomic

        with atomic(corpus / target) as temporary:
            shutil.copyfile(file, temporary)
    typer.echo(f"{document_id}: {corpus / target}. Run `dvc repro`.", err=True)


@app.command(epilog="Example: collabnlp tag interview.docx --format jsonl --output tagged.jsonl")
def tag(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Documents, or tables (.csv, .xlsx, .jsonl) with a `text` column and an optional `id`."),
    ],
    form: Annotated[
        Literal["table", "csv", "jsonl", "md"], typer.Option("--format", help="table, csv, jsonl or md.")
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    year: Annotated[int, typer.Option(help="Year the documents speak from; 0: now.")] = 0,
    access: Annotated[
        Optional[Access],
        typer.Option(
            help="public, attributable or non-attributable: what is not public goes under pseudonyms before anything else sees it. "
            "Without it, as the register says; what it does not hold is not for attribution."
        ),
    ] = None,
    pack: Annotated[
        Optional[Path],
        typer.Option(
            help="Folder for a tagging pack in place of --format and --output: sheets, Word files, a REFI-QDA project and tasks of annotation tools."
        ),
    ] = None,
    blind: Annotated[bool, typer.Option(help="Leave suggestions out of the pack, for honest second coding.")] = False,
    force: Annotated[bool, typer.Option(help="Replace the output file, or the pack.")] = False,
) -> None:
    """Code documents with the fitted models: codes, stance, score, councils, partnerships and schemes of every passage."""
    from collabnlp.export.passages import format_tagged
    from collabnlp.tagger import Tagger

    if pack is not None:
        _pack(inputs, pack, year=year, access=access, blind=blind, force=force)
        return
    if output is not None:
        _free(output, force)
    tagger, lines, failures = Tagger(), [], []
    for path in inputs:
        try:
            lines += tagger.tag(path, year=year, access=access)
        except InputError as error:
            failures.append(str(error))
            typer.echo(str(error), err=True)
    for line in tagger.classifier.caveats():
        typer.echo(line, err=True)
    _write(format_tagged(lines, form, {c.code: c.title for c in tagger.classifier.codebook.codes}), output, force)
    if failures:
        raise typer.Exit(2)


def _pack(inputs: list[Path], folder: Path, *, year: int, access: Access | None, blind: bool, force: bool) -> None:
    from collabnlp.discreet import discreet
    from collabnlp.exchange.pack import PackedDocument, pack_tagged
    from collabnlp.export.pack import LIST, check_name, write_pack
    from collabnlp.readers import read_apart
    from collabnlp.readers.rows import ROW_ENDINGS
    from collabnlp.register import document_id_of, find_entry
    from collabnlp.tagger import Tagger

    _free(folder / LIST, force)
    tagger, passages, lines, failures = Tagger(), [], [], []
    documents: list[PackedDocument] = []
    for path in inputs:
        try:
            own = document_id_of(path)
            if own in {document.document_id for document in documents}:
                raise InputError(path, f"has the id {own}, as another document of the pack has", "give it another name")
            entry = find_entry(Path("corpus"), path)
            told = access or (entry.access if entry else "non-attributable")
            text, cut, ids = tagger.cut(path, own, access=told)
            if told == "non-attributable":
                with discreet(path.name):
                    check_name(path, read_apart(path, tagger.params.ingest.limits))
            apart = path.suffix.lower() in ROW_ENDINGS
            lines += tagger.tag_passages(cut, ids, year=year, apart=apart)
            documents.append(PackedDocument(own, path.stem, told, text))
            passages += cut
        except InputError as error:
            failures.append(str(error))
            typer.echo(str(error), err=True)
    if documents:
        model = tagger.classifier
        made = pack_tagged(documents, passages, lines, model.coder, blind=blind, caveats=model.caveats())
        for file in write_pack(folder, made, model.codebook):
            typer.echo(str(file))
    if failures:
        raise typer.Exit(2)


@app.command(epilog="Example: collabnlp review coded.xlsx --coder anna --pack pack")
def review(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="What came back: sheets (.xlsx), Word files with comments (.docx), REFI-QDA projects (.qdpx), exports of Label Studio (.json), "
            "Prodigy or doccano (.jsonl)."
        ),
    ],
    coder: Annotated[str, typer.Option(help="Who coded, where a file names nobody or one person.")] = "",
    pack: Annotated[
        Optional[Path],
        typer.Option(
            help="Folder of the pack that the files came from, with its pack.json; without it, the folder of each file."
        ),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option(help="The coder read every passage: what is left as the model suggested it is agreed to."),
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be stored.")] = False,
    form: Annotated[
        Figures, typer.Option("--format", help="table (in short), csv or jsonl (a row for every passage).")
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Read back what reviewers coded, whatever their tool did to it, and add it to the coded passages of the project.

    Nothing is overwritten. What cannot be placed or taken is listed with its reason, and the command then ends with 2.
    """
    from collabnlp.codebook import load_codebook
    from collabnlp.discreet import discreet
    from collabnlp.exchange.settle import REFUSED
    from collabnlp.export.figures import format_review
    from collabnlp.review import review_files

    if output is not None:
        _free(output, force)
    book = load_codebook(Path("corpus/codebook.yaml"))
    with discreet("what came back", quotes=True):
        rows, failures = review_files(files, Path(), book, coder=coder, pack=pack, whole=whole, dry_run=dry_run)
    for error in failures:
        typer.echo(str(error), err=True)
    _write(format_review(rows, form), output, force)
    typer.echo(
        "nothing was stored (--dry-run)" if dry_run else "stored in corpus/gold; run `dvc repro` to learn from it",
        err=True,
    )
    if failures or any(row.outcome in REFUSED for row in rows):
        raise typer.Exit(2)


@app.command(epilog="Example: collabnlp report lm-writer lm-second --output agreement.html")
def report(
    coders: Annotated[
        list[str],
        typer.Argument(
            metavar="CODER...",
            help="Two coders or more, each named as in `collabnlp agreement`; a folder of a tagging pack is its model.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="The report: a file that ends in .html or .docx.")],
    limit: Annotated[int, typer.Option(help="Passages coded differently to list of each pair.", min=0)] = 20,
    all_text: Annotated[
        bool,
        typer.Option(
            help="Show the text of all passages; without it, only of those written for this project or whose document is known not to be confidential."
        ),
    ] = False,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Write how far coders agree, people and the model, as a report for an appendix."""
    from collabnlp.codebook import load_codebook
    from collabnlp.export.pack import LIST, load_pack
    from collabnlp.export.report import build_report, shown_passages, write_report
    from collabnlp.params import load_params
    from collabnlp.scoring import load_coding

    _free(output, force)
    book, settings = load_codebook(Path("corpus/codebook.yaml")), load_params().evaluate
    codings = [
        load_pack(Path(name)).coding() if (Path(name) / LIST).is_file() else load_coding(name, Path(), book)
        for name in coders
    ]
    shown = None if all_text else shown_passages(Path("corpus/gold"))
    write_report(output, build_report(codings, book, shown, limit=limit, draws=settings.draws, seed=settings.seed))


@app.command(
    epilog='Example: collabnlp query "joint chief executive savings" --code joint_posts --stance positive --format md'
)
def query(
    words: Annotated[
        str, typer.Argument(help='What to look for, in any words; "in double quotes" side by side; empty: all.')
    ] = "",
    code: Annotated[Optional[list[str]], typer.Option(help="Machine name or title of a code; may be repeated.")] = None,
    place: Annotated[
        str, typer.Option("--place", "--council", help="A council, partnership or scheme, by any of its names.")
    ] = "",
    document: Annotated[Optional[list[str]], typer.Option(help="Id, or part of the title; may be repeated.")] = None,
    stance: Annotated[Optional[Stance], typer.Option(help="positive, negative or neutral.")] = None,
    kind: Annotated[Optional[Kind], typer.Option(help="report or transcript.")] = None,
    access: Annotated[Optional[Access], typer.Option(help="public, attributable or non-attributable.")] = None,
    year_from: Annotated[Optional[int], typer.Option(help="First year.")] = None,
    year_to: Annotated[Optional[int], typer.Option(help="Last year.")] = None,
    min_score: Annotated[Optional[float], typer.Option(help="Lowest score of the model's codes.", min=0, max=1)] = None,
    coder: Annotated[
        Optional[Literal["human", "model"]], typer.Option(help="Codes that people gave, or the model: human or model.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many passages; 0: all.", min=0)] = 20,
    words_only: Annotated[bool, typer.Option("--words-only", help="Search by words alone, not by meaning.")] = False,
    form: Annotated[Form, typer.Option("--format", help="table, csv, jsonl, xlsx or md.")] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Search by words and meaning: passages with their sources, codes and the places they are tied to, best first."""
    from collabnlp.codebook import load_codebook
    from collabnlp.export.hits import format_hits, write_hits_workbook
    from collabnlp.params import load_params
    from collabnlp.query import Filters, Searcher, load_encoder

    if output is not None:
        _free(output, force)
    elif form == "xlsx":
        raise InputError("--output", "is missing", "a workbook needs a file, such as --output quotes.xlsx")
    filters = Filters(
        tuple(document or ()), year_from, year_to, kind, access, stance, place, tuple(code or ()), min_score, coder
    )
    encoder = None if words_only or not words.strip() else load_encoder(load_params().embed)
    found = Searcher(Path("outputs/evidence.db"), encoder).search(words, filters, limit=limit)
    titles = {c.code: c.title for c in load_codebook(Path("corpus/codebook.yaml")).codes}
    if form == "xlsx" and output is not None:
        write_hits_workbook(output, found.released, found.hits, titles)
    else:
        _write(format_hits(found.released, found.hits, form, titles), output, force)
    _tell(found, filters)


def _tell(found: Found, filters: Filters) -> None:
    """Say how many passages there are, and how the question was read."""
    for typed, read in found.read_as:
        typer.echo(f"{typed}: read as {read}", err=True)
    n, plus = len(found.hits), "more than " if found.more else ""
    typer.echo(
        f"{n} passages" if n == found.total else f"the first {n} of {plus}{found.total} passages; --limit 0 shows all",
        err=True,
    )
    if filters.place or filters.document or filters.year_from or filters.year_to:
        typer.echo("quotes not for attribution have no place, document or year: none is among these", err=True)


@app.command(epilog="Example: collabnlp serve --port 8001 --review anna")
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 127.0.0.1 is reached from this machine alone.")
    ] = "127.0.0.1",
    database: Annotated[Path, typer.Option(help="The evidence index; it is only read.")] = Path("outputs/evidence.db"),
    public: Annotated[bool, typer.Option(help="Others on the network may read the evidence.")] = False,
    name: Annotated[
        Optional[list[str]], typer.Option(help="Name under which others open the pages; may be given several times.")
    ] = None,
    review: Annotated[
        str, typer.Option(metavar="CODER", help="Who codes passages in these pages; only this machine reaches them.")
    ] = "",
    queue: Annotated[
        Optional[Path],
        typer.Option(help="Reading queue for --review; without it review/queue.csv, made where there is none."),
    ] = None,
    part: Annotated[
        str, typer.Option(help="Part of the queue for --review, such as 1/2, where reviewers share it.")
    ] = "1/1",
    blind: Annotated[bool, typer.Option(help="Show no suggestions with --review.")] = False,
) -> None:
    """Show the evidence matrix in a browser: matrix, quotes, search, comparison, as pages and as files.

    With --review NAME, one person codes passages in the browser, the most useful first; nothing can be written without it.
    """
    from collabnlp.web.serve import serve as serve_pages

    def desk() -> Desk:
        from collabnlp.desk import Desk, parse_part

        return Desk(Path(), review, queue=queue, part=parse_part(part), blind=blind)

    typer.echo(f"http://{host}:{port}/{'review' if review else ''} (Ctrl+C ends it)", err=True)
    serve_pages(database, host, port, public=public, names=name or (), desk=desk if review else None)


@app.command(epilog="Example: collabnlp agreement gold model --disagreements 5")
def agreement(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="The reference: recall is the share of its codes that B gave too, precision the share of B's codes that it gave too. "
            "A coder of corpus/gold (such as lm-writer, lm-second, adjudicated); model, gold (what the model is taught), tuned, keywords, "
            "words or vectors on passages held out; or a file (.csv, .xlsx, .jsonl) with the columns text and codes, "
            "such as codes.csv, or codes.csv:anna where its column coder holds several.",
        ),
    ],
    b: Annotated[
        str, typer.Argument(metavar="B", help="The other, named in the same way. Passages count that both read.")
    ],
    form: Annotated[Figures, typer.Option("--format", help="table, csv (the figures alone) or jsonl.")] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
    disagreements: Annotated[int, typer.Option(help="Passages coded differently to list; 0: none.", min=0)] = 20,
) -> None:
    """Compare two coders: percent, kappa, alpha and F1 of each code, and the passages that they coded differently."""
    from collabnlp.codebook import load_codebook
    from collabnlp.export.figures import format_agreement
    from collabnlp.params import load_params
    from collabnlp.scoring import compare_codings, load_coding

    if output is not None:
        _free(output, force)
    book, settings = load_codebook(Path("corpus/codebook.yaml")), load_params().evaluate
    one, other = load_coding(a, Path(), book), load_coding(b, Path(), book)
    rows, differing = compare_codings(one, other, book, draws=settings.draws, seed=settings.seed)
    typer.echo(f"{a} read {len(one.texts)} passages, {b} {len(other.texts)}, both {rows[0].n_passages}", err=True)
    _write(format_agreement(rows, differing, form, disagreements), output, force)


@app.command(epilog="Example: collabnlp evaluate coded.csv --worst 10")
def evaluate(
    coded: Annotated[
        list[Path],
        typer.Argument(
            help="Files (.csv, .xlsx, .jsonl) with the columns text and codes, such as `trust; momentum=negative`, and if wanted id and coder. "
            "Of two coders, the one who read more is what the model is scored by."
        ),
    ],
    form: Annotated[
        Figures, typer.Option("--format", help="table, csv (the scores of codes alone) or jsonl.")
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
    worst: Annotated[int, typer.Option(help="Worst errors to list; 0: none.", min=0)] = 20,
) -> None:
    """Score the model on passages that you have coded: F1 of each code beside plainer methods, and the worst errors."""
    from collabnlp.export.figures import format_evaluation
    from collabnlp.scoring import find_learnt, first_and_second, read_codings, score_model
    from collabnlp.tagger import Tagger

    if output is not None:
        _free(output, force)
    tagger = Tagger()
    book, params = tagger.classifier.codebook, tagger.params
    first, second = first_and_second(read_codings(coded, book), coded[0])
    texts = list(first.texts.values())
    settings = params.evaluate
    evaluation = score_model(
        first, _said(tagger, texts), book, second=second, worst=worst, draws=settings.draws, seed=settings.seed
    )
    for line in tagger.classifier.caveats():
        typer.echo(line, err=True)
    _warn_of_learnt(*find_learnt(texts, Path(), params.train.exclude_sources), len(texts))
    _write(format_evaluation(*evaluation, form), output, force)


def _said(tagger: Tagger, texts: list[str]) -> Said:
    import numpy as np

    from collabnlp.gold import STANCES
    from collabnlp.scoring import Said

    look, _ = tagger.look(texts)
    classifier = tagger.classifier
    scores, stances = classifier.predict(texts, look)
    cuts = classifier.cuts(shift=tagger.params.classify.shift)
    sure = np.where([code in classifier.new_ for code in classifier.codes], np.inf, classifier.sure_)
    return Said(scores, cuts, np.array(STANCES)[stances], sure, classifier.baselines(texts, look))


def _warn_of_learnt(n: int, sources: list[str], n_texts: int) -> None:
    if n:
        named = ", ".join(sources[:5]) + (f" and {len(sources) - 5} more" if len(sources) > 5 else "")
        typer.echo(
            f"{n} of the {n_texts} passages stand in corpus/gold: the model has learnt from them, so the figures flatter; "
            f"to leave them out of learning, put their sources ({named}) into train.exclude_sources in params.yaml and run `dvc repro`",
            err=True,
        )


@app.command(epilog="Example: collabnlp codebook momentum")
def codebook(
    code: Annotated[Optional[str], typer.Argument(help="Machine name of a code; without it, all in short.")] = None,
    form: Annotated[
        Literal["table", "md", "qdc"],
        typer.Option("--format", help="table, md, or qdc (a REFI-QDA codebook, for NVivo and others)."),
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Show the codes: what each means, when it is given and when not."""
    from collabnlp.codebook import load_codebook
    from collabnlp.codebook_exchange import write_qdc
    from collabnlp.export.codes import format_codebook

    path = Path("corpus/codebook.yaml")
    book = load_codebook(path)
    if form == "qdc":
        if output is None:
            raise InputError(
                "--output", "is missing", "a REFI-QDA codebook needs a file, such as --output codebook.qdc"
            )
        _free(output, force)
        write_qdc(output, book)
        return
    if code is not None and code not in book.names:
        raise InputError(path, f"has no code {code!r}", f"its codes are {', '.join(book.names)}")
    _write(format_codebook(book, code, form), output, force)


@app.command(epilog="Example: collabnlp recode codebook.qdc --change trust+people_and_trust=relations --dry-run")
def recode(
    file: Annotated[Path, typer.Argument(help="The new codebook: .qdc from another program, or .yaml.")],
    change: Annotated[
        Optional[list[str]],
        typer.Option(
            help="What becomes of codes, by machine name: old=new renames, a+b=c merges, a=b+c splits; may be given several times."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would become of the codings.")] = False,
    form: Annotated[Figures, typer.Option("--format", help="table, csv or jsonl.")] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Take over another codebook and carry the codings of corpus/gold over to its codes.

    The old codings stay in the files and count no more where their code is gone. Codes that are new have no codings yet: nobody has looked
    for them.
    """
    from collabnlp.export.figures import format_recoding
    from collabnlp.review import recode_project

    if output is not None:
        _free(output, force)
    rows = recode_project(Path(), file, change or [], dry_run=dry_run)
    _write(format_recoding(rows, form), output, force)
    typer.echo(
        "nothing was changed (--dry-run)"
        if dry_run
        else "corpus/codebook.yaml and corpus/gold are changed; run `dvc repro`",
        err=True,
    )


@app.command(epilog='Example: collabnlp entities "Suffolk County Council"')
def entities(
    name: Annotated[
        Optional[str], typer.Argument(help="A council, partnership or scheme, by any of its names; without it, all.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Passages to show of one entity; 0: all.", min=0)] = 10,
    form: Annotated[
        Figures, typer.Option("--format", help="table, csv (of one entity the partners alone) or jsonl.")
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """List the councils, partnerships and schemes that the documents name, or show one with its names, partners, codes and passages.

    What only interviews not for attribution name stands in no list.
    """
    from collabnlp.export.entities import load_entities

    _write(load_entities(Path(), name, form, limit), output, force)


@app.command(epilog="Example: collabnlp audit")
def audit(
    names: Annotated[
        bool,
        typer.Option("--names", help="Write the names that were found, and in which files, into private/audit.csv."),
    ] = False,
) -> None:
    """Look, as an intruder would, for names of the key and words not for attribution in everything that the project wrote.

    Files are listed with the number of names found, never with the names; the exit status is then 1. What is a false alarm
    goes into private/allowed.csv, with the columns text, path and reason.
    """
    from collabnlp.audit import audit as look
    from collabnlp.audit import write_names
    from collabnlp.discreet import discreet
    from collabnlp.private import PRIVATE, changed_since, outdated

    seen: list[tuple[str, str]] = []
    with discreet("private/", quotes=True):
        findings = look(names=seen)
        if names:
            typer.echo(f"names are in {write_names(seen, PRIVATE)}", err=True)
    for path, what, n in findings:
        typer.echo(f"{path}: {n} {what}")
    if changed := changed_since():
        typer.echo(str(outdated(changed)), err=True)
    if findings or changed:
        raise typer.Exit(1)
    typer.echo("nothing found that must not leave", err=True)


@app.command(epilog="Example: collabnlp redact corpus/transcripts/interview-05.txt --review")
def redact(
    file: Annotated[Optional[Path], typer.Argument(help="The transcript or report.")] = None,
    review: Annotated[
        bool,
        typer.Option(
            help="List what was found and what was left, with reasons, in a table for private/ (.csv or .xlsx)."
        ),
    ] = False,
    access: Annotated[
        Optional[Access],
        typer.Option(help="Without it, as the register says; what it does not hold is not for attribution."),
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Begin a new key of pseudonyms first; the old one is kept beside it.")
    ] = False,
    output: Annotated[
        Optional[Path], typer.Option(help="File to write; without it, standard output, or private/review-NAME.csv.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file; write the review outside private/.")] = False,
) -> None:
    """Show a document under pseudonyms, or review what is replaced in it.

    Put what must go into private/always.csv and what must stay into private/never.csv, both with the columns text and kind:
    they hold on every run.
    """
    from collabnlp.redact.door import begin_key, redact_file, write_review

    if new_key:
        typer.echo(begin_key(), err=True)
    if file is None:
        if not new_key:
            raise InputError("FILE", "is missing", "name a document, or use --new-key")
        return
    done = redact_file(file, access)
    if review:
        typer.echo(write_review(file, done.findings, output, force=force), err=True)
    else:
        said = [f"{block.speaker}: {block.text}" if block.speaker else block.text for block in done.blocks]
        _write("\n\n".join(said) + "\n", output, force)


@app.command(epilog="Example: collabnlp queue review/queue.csv --code momentum --code risk")
def queue(
    output: Annotated[Path, typer.Argument(help="File to write, such as review/queue.csv.")],
    code: Annotated[
        Optional[list[str]], typer.Option(help="A code to look for; again for more; without it, all.")
    ] = None,
    document: Annotated[
        Optional[list[str]], typer.Option(help="Id of a document to read; again for more; without it, all.")
    ] = None,
    share: Annotated[float, typer.Option(help="Share of the queue that comes by chance.", min=0.0, max=1.0)] = 0.1,
    force: Annotated[bool, typer.Option(help="Replace the file.")] = False,
) -> None:
    """Put the passages that nobody has read into an order: those most worth reading first, some by chance.

    Keep the file as it is until the review is over: `collabnlp effort` says from it how much is left.
    """
    from collabnlp.codebook import load_codebook
    from collabnlp.effort import plan_queue
    from collabnlp.records import QueueRow, write_csv

    _free(output, force)
    book = load_codebook(Path("corpus/codebook.yaml"))
    rows = plan_queue(Path(), book, codes=code or (), documents=document or (), share=share)
    write_csv(output, rows, QueueRow)
    typer.echo(f"{len(rows)} passages, {sum(row.drawn for row in rows)} of them by chance", err=True)


@app.command(epilog="Example: collabnlp effort review/queue.csv")
def effort(
    queue: Annotated[
        Optional[Path],
        typer.Argument(
            help="The reading queue that `collabnlp queue` wrote; without it, only what such a queue saves."
        ),
    ] = None,
    form: Annotated[
        Literal["table", "md", "csv", "jsonl"], typer.Option("--format", help="table, md, csv or jsonl.")
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Say how much reading is left: what was found, what the rest may hold, and the risk of stopping now.

    Without a queue: what reading in its order saves, simulated on the coded passages.
    """
    from collabnlp.codebook import load_codebook
    from collabnlp.effort import measure_progress, read_effort, read_queue
    from collabnlp.export.effort import format_effort, format_progress

    if queue is None:
        _write(format_effort(read_effort(Path("outputs/review_effort.csv")), form), output, force)
        return
    done = measure_progress(Path(), load_codebook(Path("corpus/codebook.yaml")), read_queue(queue))
    codes = [left._asdict() for left in done.codes]
    _write(format_progress(done.n_passages, done.n_read, done.n_drawn, codes, form), output, force)


@app.command(epilog="Example: collabnlp keep")
def keep() -> None:
    """Keep this run's tables, so that `collabnlp diff` can say what the next one changes; those kept before go."""
    from collabnlp.runs import keep_run

    typer.echo(f"kept in {keep_run()}; after `dvc repro`, `collabnlp diff` compares", err=True)


@app.command(epilog="Example: collabnlp diff last-year.db outputs/evidence.db --format md --output changes.md")
def diff(
    before: Annotated[
        Optional[str],
        typer.Argument(
            metavar="BEFORE",
            help="The earlier run: an evidence.db; a folder of outputs; or a git commit, such as HEAD. Without it, the run that "
            "`collabnlp keep` kept.",
        ),
    ] = None,
    after: Annotated[
        Path, typer.Argument(metavar="AFTER", help="The later run: an evidence.db or a folder of outputs.")
    ] = Path("outputs"),
    rows: Annotated[
        Literal["entity", "document"],
        typer.Option(help="Rows of the matrix: entity (councils and others) or document."),
    ] = "entity",
    limit: Annotated[int, typer.Option(help="Cells, quotes and passages to show; 0: all.", min=0)] = 20,
    form: Annotated[
        Literal["table", "md", "csv", "jsonl"],
        typer.Option("--format", help="table, md, csv (of two folders, the codes of passages) or jsonl."),
    ] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """Say what changed between two runs: evidence by row and code; of whole runs also scores and codes of passages."""
    import tempfile

    from collabnlp.runs import KEPT, fetch_run

    if output is not None:
        _free(output, force)
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(before) if before is not None else KEPT
        if before is not None and not earlier.exists():
            earlier = fetch_run(before, Path(folder))
        _write(_difference(earlier, after, rows, form, limit), output, force)


def _difference(before: Path, after: Path, rows: Rows, form: str, limit: int) -> str:
    from collabnlp.codebook import load_codebook
    from collabnlp.diff import compare_scores, compare_tags, match_passages
    from collabnlp.export.differences import format_evidence_difference, format_run_difference
    from collabnlp.params import load_params
    from collabnlp.query import read_open
    from collabnlp.runs import EVIDENCE, load_run

    book = load_codebook(Path("corpus/codebook.yaml"))
    folders = before.is_dir() or not before.exists()
    runs = [load_run(folder, book.names) for folder in (before, after)] if folders else []
    (told, texts), (later, later_texts) = (read_open(p / EVIDENCE if p.is_dir() else p) for p in (before, after))
    parts = []
    if runs:
        old, new = runs
        settings = load_params().evaluate
        scores = compare_scores(old.coded, new.coded, book.names, draws=settings.draws, seed=settings.seed)
        tags = compare_tags(old.tags, new.tags, match_passages(old.texts, new.texts))
        versions = (old.versions, new.versions)
        parts.append(format_run_difference(scores, tags, form, versions=versions, texts=later_texts, limit=limit))
    if not runs or form != "csv":
        matched, titles = match_passages(texts, later_texts), {c.code: c.title for c in book.codes}
        parts.append(
            format_evidence_difference(told, later, form, matched=matched, titles=titles, rows=rows, limit=limit)
        )
    return ("" if form in ("csv", "jsonl") else "\n").join(parts)


@app.command(epilog='Example: collabnlp topics "social care"')
def topics(
    topic: Annotated[
        Optional[str], typer.Argument(help="A topic, by its number or by words of its label; without it, all.")
    ] = None,
    form: Annotated[Figures, typer.Option("--format", help="table, csv or jsonl.")] = "table",
    output: Annotated[Optional[Path], typer.Option(help="File to write; without it, standard output.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the output file.")] = False,
) -> None:
    """List the topics by area, or show one with its sentence, phrases, codes, documents and examples.

    Labels, sentences and examples come from documents that anybody may read.
    """
    from collabnlp.codebook import load_codebook
    from collabnlp.export.text import format_columns, format_jsonl
    from collabnlp.params import load_params
    from collabnlp.records import csv_text
    from collabnlp.topics.listing import list_topics, load_topic, load_topics

    header: list[str] = ["what", "text"]
    if topic is None:
        header, rows = list_topics(*load_topics(Path()))
    else:
        codes = load_codebook(Path("corpus/codebook.yaml")).names
        rows = [list(row) for row in load_topic(Path(), topic, codes, load_params().evidence.min_interviews)]
    if form == "jsonl":
        text = format_jsonl("topic", [dict(zip(header, row, strict=True)) for row in rows])
    elif form == "csv":
        text = csv_text(rows, header)
    else:
        text = format_columns(header, rows) if topic is None else "".join(f"{what}: {said}\n" for what, said in rows)
    _write(text, output, force)


app.command(epilog=cli_code.EXAMPLE)(cli_code.code)
app.command(epilog=cli_code.CASCADE)(cli_code.cascade)
