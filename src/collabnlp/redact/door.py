"""The door of a project: its register, gazetteer and private folder put around `redact`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collabnlp.discreet import discreet
from collabnlp.engine import CACHE
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.interviewees import Interviewees, load_interviewees
from collabnlp.params import params_here
from collabnlp.private import KEY_NAME, PRIVATE, read_corrections, write_private
from collabnlp.readers import read_apart
from collabnlp.records import Access, Block, Finding, InputError, columns, csv_text, safe_cell
from collabnlp.redact.blocks import Redacted, redact
from collabnlp.redact.pseudonyms import load_key, made_before
from collabnlp.redact.pseudonyms import new_key as _new_key
from collabnlp.register import find_entry


class Door:
    """What is needed to put a project's documents under pseudonyms; new people are written into its key.

    Parameters
    ----------
    project
        The project's folder.
    gazetteer
        In place of the project's own, where it is loaded already.

    Raises
    ------
    InputError
        Where the key or a list of the private folder is missing or cannot be read.
    """

    def __init__(self, project: str | Path = ".", *, gazetteer: Gazetteer | None = None) -> None:
        project = Path(project)
        self.corpus, self.private = project / "corpus", project / PRIVATE
        listed = self.corpus / "gazetteer.csv"
        self.gazetteer = gazetteer or (load_gazetteer(listed) if listed.is_file() else None)
        lost = not (self.private / KEY_NAME).exists() and made_before(project / "outputs", project / CACHE / "ingest")
        self.key = load_key(self.private, made_before=lost)
        self.interviewees = load_interviewees(self.private / "interviewees.csv")
        self.corrections = read_corrections(self.private)

    def redact(self, document_id: str, blocks: Sequence[Block], access: Access | None, third_people: str) -> Redacted:
        """The blocks of a document under pseudonyms; the key is saved before they are given."""
        done = redact(
            blocks,
            access=access,
            document_id=document_id,
            interviewee=self.interviewees.get(document_id, Interviewees()),
            corrections=self.corrections,
            key=self.key,
            gazetteer=self.gazetteer,
            third_people="keep" if third_people == "keep" else "replace",
        )
        if self.key.entries:
            self.key.save(self.private)
        return done

    def redact_file(self, path: Path, blocks: Sequence[Block], access: Access | None, third_people: str) -> Redacted:
        """As `redact`, with id and access as the register has them; what it does not hold is not for attribution."""
        entry = find_entry(self.corpus, path)
        told = access_to(path, access, self.corpus)
        return self.redact(entry.document_id if entry else path.stem, blocks, told, third_people)


def access_to(path: Path, access: Access | None, corpus: Path = Path("corpus")) -> Access | None:
    """The access that is named, or else the register's; None for a file that it does not hold."""
    entry = None if access else find_entry(corpus, path)
    return entry.access if entry else access


def redact_file(path: Path, access: Access | None = None) -> Redacted:
    """A file under pseudonyms, by the key and the lists of the project in the working folder."""
    settings = params_here().ingest
    with discreet(path.name, closed=access_to(path, access) != "public"):
        blocks = read_apart(path, settings.limits)
        return Door().redact_file(path, blocks, access, settings.third_people)


def begin_key() -> str:
    """Begin a new key of pseudonyms; one line on what became of the old one."""
    kept = _new_key()
    return f"a new key of pseudonyms is in {PRIVATE}" + (f"; the old one is kept as {kept}" if kept else "")


def write_review(path: Path, findings: Sequence[Finding], output: Path | None, *, force: bool = False) -> str:
    """Write the table of what was found and left; one line on where it is.

    Raises
    ------
    InputError
        Where the table would lie outside private/, or in the place of another file, and `force` is not set.
    """
    output = output or PRIVATE / f"review-{path.stem}.csv"
    if not force and output.resolve().parent != PRIVATE.resolve():
        raise InputError(output, "the review holds the names themselves", "write it into private/, or use --force")
    if not force and output.exists() and output.parent.resolve() != PRIVATE.resolve():
        raise InputError(output, "is there already", "name another file, or use --force to replace it")
    with discreet(path.name):
        _write_findings(output, findings)
    counts = [sum(finding.action == action for finding in findings) for action in ("replaced", "left")]
    return f"{counts[0]} replaced, {counts[1]} left: {output}. What must go belongs in private/always.csv, what must stay in private/never.csv."


def _write_findings(output: Path, findings: Sequence[Finding]) -> None:
    names = columns(Finding)
    rows = [[getattr(finding, name) for name in names] for finding in findings]
    if output.suffix.lower() == ".xlsx":
        write_private(output, _workbook(names, rows))
    elif output.suffix.lower() == ".csv":
        write_private(output, "\ufeff" + csv_text(rows, names))
    else:
        raise InputError(output, f"ends in {output.suffix or '(nothing)'}", "name a file that ends in .csv or .xlsx")


def _workbook(names: list[str], rows: list[list[Any]]) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("review")
    for i, row in enumerate([names, *rows]):
        for j, cell in enumerate(row):
            sheet.write(i, j, safe_cell(cell))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(rows)), len(names) - 1)
    for j, width in enumerate((7, 10, 10, 40, 18, 10, 40, 50)):
        sheet.set_column(j, j, width)
    book.close()
    return out.getvalue()
