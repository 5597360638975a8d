"""How far coders agree, as a report for an appendix: a web page or a Word document, people and the model alike."""

from __future__ import annotations

import datetime
import html
import io
import itertools
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from collabnlp.agreement import code_matrix, intervals
from collabnlp.codebook import Codebook
from collabnlp.export.qdpx import new_zip
from collabnlp.export.text import figure, interval
from collabnlp.files import atomic
from collabnlp.records import AgreementRow, GoldPassage, GoldSource, InputError, read_jsonl, write_text
from collabnlp.scoring import Coding, compare_codings, match_passages

WITHHELD = "[text withheld: it is not known that it may be shown]"
BASES = {
    "read": "All passages that both read",
    "coded": "Passages to which at least one of the two gave a code",
}
HEADER = ("Code", "First", "Second", "Both", "Same", "Kappa", "95 %", "Alpha", "95 %", "F1", "95 %")
HOW = (
    "First, Second, Both: passages given the code by the first coder, by the second, by both. Same: share of passages on which they agree. "
    "Kappa: Cohen (1960). Alpha: Krippendorff, nominal; of whole sets of codes with the MASI distance (Passonneau 2006). F1: harmonic mean of "
    "the shares of each coder's codes that the other gave too. 95 %: interval over {draws} bootstrap draws of passages. A dash: undefined, since "
    "a label was used throughout. Krippendorff holds 0.80 to be reliable, and 0.67 the least for tentative conclusions. Most passages "
    "carry no code, and agreeing on those is easy: the second table leaves them out."
)


class Pair(NamedTuple):
    """Two coders: how many passages both read, a table for each basis, and where they differ."""

    first: str
    second: str
    n_passages: int
    tables: dict[str, list[list[str]]]
    differing: Sequence[Mapping[str, Any]]


class Report(NamedTuple):
    """Everything that the page and the Word document say."""

    title: str
    coders: list[tuple[str, int, int]]
    how: str
    pairs: list[Pair]


def build_report(
    codings: Sequence[Coding],
    codebook: Codebook,
    shown: Collection[str] | None,
    *,
    limit: int = 20,
    draws: int = 1000,
    seed: int = 20,
) -> Report:
    """The report on two or more coders, in pairs.

    Parameters
    ----------
    shown
        Ids of the passages whose text may be shown; None: all.
    limit
        Passages coded differently to list of each pair.
    draws, seed
        Of the bootstrap.

    Raises
    ------
    InputError
        Where there are fewer than two coders, two of one name, or two who read nothing in common.
    """
    names = [coding.coder for coding in codings]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError("report", f"compares {', '.join(names) or 'nobody'}", "name two coders or more, each once")
    titles = {code.code: code.title for code in codebook.codes}
    titles |= {"micro": "All codes, pooled", "macro": "Mean of the codes", "sets": "Whole set of codes"}
    pairs = []
    for a, b in itertools.combinations(codings, 2):
        rows, differing = compare_codings(a, b, codebook, draws=draws, seed=seed)
        matched = match_passages(a, b)
        tables = {
            basis: _table(
                [row for row in rows if row.basis == basis],
                _intervals(a, b, matched, codebook, basis, draws, seed),
                titles,
            )
            for basis in BASES
        }
        told = [
            {**line, "text": line["text"] if shown is None or line["passage_id"] in shown else WITHHELD}
            for line in differing[:limit]
        ]
        pairs.append(Pair(a.coder, b.coder, len(matched), tables, told))
    n_codes = [(coding.coder, len(coding.texts), sum(map(len, coding.codes.values()))) for coding in codings]
    return Report("Agreement between coders", n_codes, HOW.format(draws=f"{draws:,}"), pairs)


def _intervals(
    a: Coding, b: Coding, matched: Mapping[str, str], codebook: Codebook, basis: str, draws: int, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """By statistic and code, the interval over draws of passages."""
    ids, names = list(matched), codebook.names
    one = code_matrix(a.tags({own: own for own in ids}), ids, names)
    other = code_matrix(b.tags({theirs: own for own, theirs in matched.items()}), ids, names)
    if basis == "coded":
        some = np.asarray((one | other).any(axis=1))
        one, other = one[some], other[some]
    found = intervals(one, other, draws=draws, seed=seed)
    return {name: dict(zip(names, values, strict=True)) for name, values in found.items()}


def _table(
    rows: Sequence[AgreementRow], bounds: Mapping[str, Mapping[str, tuple[float, float]]], titles: Mapping[str, str]
) -> list[list[str]]:
    undefined = (float("nan"), float("nan"))
    return [
        [
            titles.get(row.code, row.code),
            *map(str, (row.n_a, row.n_b, row.n_both)),
            figure(row.percent),
            figure(row.kappa),
            interval(*bounds["kappa"].get(row.code, undefined)),
            figure(row.alpha),
            interval(*bounds["alpha"].get(row.code, undefined)),
            figure(row.f1),
            interval(row.f1_low, row.f1_high),
        ]
        for row in rows
    ]


def shown_passages(gold: str | Path) -> set[str]:
    """Ids of the coded passages whose text may stand in a report: written for the project, or of a document that is public or attributable."""
    gold = Path(gold)
    sources = read_jsonl(gold / "sources.jsonl", GoldSource) if (gold / "sources.jsonl").exists() else []
    open_ = {source.source for source in sources if source.access != "non-attributable"}
    passages = read_jsonl(gold / "passages.jsonl", GoldPassage)
    return {p.passage_id for p in passages if p.provenance == "model" or p.source in open_}


def _said(pair: Pair, line: Mapping[str, Any]) -> list[str]:
    told = ((f"only {pair.first}", line["only_a"]), (f"only {pair.second}", line["only_b"]), ("both", line["both"]))
    return [f"{who}: {', '.join(codes)}" for who, codes in told if codes]


def write_report(path: str | Path, report: Report) -> None:
    """Write the report as .html or .docx, by the path's ending.

    Raises
    ------
    InputError
        Where it has another ending.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".html", ".htm"):
        write_text(path, _page(report))
    elif suffix == ".docx":
        _write_word(path, report)
    else:
        raise InputError(path, f"ends in {suffix or 'nothing'}", "name a file that ends in .html or .docx")


_STYLE = """
body{font:16px/1.5 Arial,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#0b0c0c}
table{border-collapse:collapse;margin:1em 0}caption{text-align:left;font-weight:bold;padding:.4em 0}
th,td{padding:.25em .7em;border-bottom:1px solid #b1b4b6;text-align:right}th:first-child,td:first-child{text-align:left}
.wide{overflow-x:auto}blockquote{margin:.3em 0 1.2em;padding-left:1em;border-left:4px solid #b1b4b6}
"""


def _page(report: Report) -> str:
    esc = html.escape

    def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        head = "".join(f'<th scope="col">{esc(name)}</th>' for name in header)
        body = "".join(
            f'<tr><th scope="row">{esc(row[0])}</th>{"".join(f"<td>{esc(cell)}</td>" for cell in row[1:])}</tr>\n'
            for row in rows
        )
        return (
            f'<div class="wide" tabindex="0" role="region" aria-label="{esc(caption)}"><table><caption>{esc(caption)}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
        )

    parts = [
        table(
            "Coders", ("Coder", "Passages read", "Codes given"), [[c, f"{n:,}", f"{m:,}"] for c, n, m in report.coders]
        )
    ]
    for pair in report.pairs:
        parts.append(
            f"<h2>{esc(pair.first)} and {esc(pair.second)}</h2>\n<p>{pair.n_passages:,} passages read by both.</p>"
        )
        parts += [table(what, HEADER, pair.tables[basis]) for basis, what in BASES.items()]
        parts.append(f"<h3>Passages coded differently: {len(pair.differing)} shown</h3>")
        for line in pair.differing:
            said = "<br>".join(map(esc, _said(pair, line)))
            parts.append(
                f'<p><b>{esc(str(line["passage_id"]))}</b><br>{said}</p>\n<blockquote dir="auto">{esc(str(line["text"]))}</blockquote>'
            )
    title = esc(report.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><main><h1>{title}</h1>\n<p>{esc(report.how)}</p>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _write_word(path: str | Path, report: Report) -> None:
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Pt

    word = docx.Document()
    word.core_properties.title, word.core_properties.author = report.title, "collabnlp"
    word.core_properties.created = word.core_properties.modified = datetime.datetime(2020, 1, 1)
    word.styles["Normal"].font.name, word.styles["Normal"].font.size = "Arial", Pt(10)
    section = word.sections[0]
    section.orientation, section.page_width, section.page_height = (
        WD_ORIENT.LANDSCAPE,
        section.page_height,
        section.page_width,
    )

    def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        made = word.add_table(rows=1, cols=len(header), style="Light Grid Accent 1")
        for line in (header, *rows):
            cells = made.rows[0].cells if line is header else made.add_row().cells
            for cell, text in zip(cells, line, strict=True):
                cell.text = text

    word.add_heading(report.title, level=1)
    word.add_paragraph(report.how)
    table(("Coder", "Passages read", "Codes given"), [[c, f"{n:,}", f"{m:,}"] for c, n, m in report.coders])
    for pair in report.pairs:
        word.add_heading(f"{pair.first} and {pair.second}", level=2)
        word.add_paragraph(f"{pair.n_passages:,} passages read by both.")
        for basis, what in BASES.items():
            word.add_heading(what, level=3)
            table(HEADER, pair.tables[basis])
        word.add_heading(f"Passages coded differently: {len(pair.differing)} shown", level=3)
        for line in pair.differing:
            word.add_paragraph(str(line["passage_id"])).runs[0].bold = True
            for said in _said(pair, line):
                word.add_paragraph(said, style="List Bullet")
            word.add_paragraph(_plain(str(line["text"])), style="Intense Quote")
    buffer = io.BytesIO()
    word.save(buffer)
    with zipfile.ZipFile(buffer) as archive, atomic(path) as temporary:
        temporary.write_bytes(new_zip({name: archive.read(name) for name in archive.namelist()}))


def _plain(text: str) -> str:
    return "".join(
        letter for letter in text if letter in "\t\n" or (ord(letter) >= 32 and letter not in "\ufffe\uffff")
    )
