"""Pages and paragraphs a second that are read, as ratios to pypdfium2 and python-docx alone, in one run.

`python benchmarks/ingest.py [--rounds 5]`, in the project's folder. What is read is the sample corpus. "Read" is text,
layout and headings; "all" is reading, pseudonyms where the source is not public, and cutting, as the stage does it. The
least of the rounds counts. At the end, the interviews as one paragraph, and that two, four and eight times over: how the time
for pseudonyms grows with the length of a paragraph.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pypdfium2

from collabnlp.gazetteer import load_gazetteer
from collabnlp.params import Ingest
from collabnlp.readers import read_blocks
from collabnlp.records import Block
from collabnlp.redact.blocks import redact
from collabnlp.redact.door import Door
from collabnlp.register import load_register
from collabnlp.stages.ingest import read_source

CORPUS = Path("corpus")


def main() -> None:
    """Print one line a format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    entries, _ = load_register(CORPUS)
    settings, door = Ingest(), Door()
    for suffix, unit, bare in ((".pdf", "pages", pdfium), (".docx", "paragraphs", python_docx)):
        own = [entry for entry in entries if entry.source_path.endswith(suffix)]
        paths = [CORPUS / entry.source_path for entry in own]
        n = sum(bare(path) for path in paths)
        alone = least(lambda paths=paths, bare=bare: [bare(path) for path in paths], rounds)
        read = least(lambda paths=paths: [read_blocks(path, settings.limits) for path in paths], rounds)
        whole = least(lambda own=own: [read_source(entry, settings, door) for entry in own], rounds)
        print(
            f"{suffix:6} {len(own)} files, {n} {unit}: alone {n / alone:7.0f} {unit}/s; "
            f"read {n / read:7.0f} ({read / alone:.2f} x the time); all {n / whole:7.0f} ({whole / alone:.2f} x)"
        )
    said = [
        block.text
        for entry in entries
        if entry.kind == "transcript"
        for block in read_blocks(CORPUS / entry.source_path, settings.limits)
    ]
    gazetteer, before = load_gazetteer(CORPUS / "gazetteer.csv"), 0.0
    for times in (1, 2, 4, 8):
        blocks = [Block(" ".join(said * times))]
        taken = least(lambda blocks=blocks: redact(blocks, access="non-attributable", gazetteer=gazetteer), rounds)
        growth = f", exponent {math.log2(taken / before):.2f}" if before else ""
        print(f"one paragraph of {len(blocks[0].text):7,} characters: {taken:5.1f} s to redact{growth}")
        before = taken


def pdfium(path: Path) -> int:
    """Pages of a PDF, the text of each taken out by pypdfium2 alone."""
    document = pypdfium2.PdfDocument(path)
    for page in document:
        page.get_textpage().get_text_bounded()
    return len(document)


def python_docx(path: Path) -> int:
    """Paragraphs of a .docx, the text of each taken out by python-docx alone."""
    return len([paragraph.text for paragraph in docx.Document(str(path)).paragraphs])


def least(work: Callable[[], Any], rounds: int) -> float:
    """Seconds of processor that some work takes at best."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
