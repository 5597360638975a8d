"""The one module that looks at the real reports beside the checkout; it skips where they are not."""

import csv
import difflib
import re

import pytest

from collabnlp.codebook import load_codebook
from collabnlp.readers import read_blocks
from collabnlp.readers.text import decode
from collabnlp.segment import segment
from conftest import ROOT

REPORTS = ROOT.parent / "shared" / "reports"
pytestmark = pytest.mark.skipif(not REPORTS.is_dir(), reason="the real reports are not beside this checkout")
RUN = 8


def words(text):
    return re.findall(r"[A-Za-z0-9']+", text.replace("’", "'"))


def copied_runs(text, known):
    """Runs of eight words that stand in a report too; names and figures apart: at least four words are neither."""
    found = words(text)
    for i in range(len(found) - RUN + 1):
        run = found[i : i + RUN]
        if tuple(w.lower() for w in run) in known and sum(w[0].islower() for w in run) >= 4:
            yield " ".join(run)


@pytest.fixture(scope="module")
def known():
    runs = set()
    for path in REPORTS.glob("*.txt"):
        lower = [w.lower() for w in words(path.read_text(encoding="utf-8"))]
        runs |= {tuple(lower[i : i + RUN]) for i in range(len(lower) - RUN + 1)}
    return runs


def shipped():
    return [p for p in sorted((ROOT / "corpus").rglob("*")) if p.is_file() and p.name != ".gitignore"]


def pieces(path):
    """The texts of a file; a cell of a table, and what is not the title of a code, stands for itself."""
    if path.parent.name in ("reports", "transcripts"):
        return [block.text for block in read_blocks(path)]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as handle:
            return [cell for row in csv.reader(handle) for cell in row]
    text = path.read_text(encoding="utf-8")
    return re.split(
        "|".join(re.escape(code.title) for code in load_codebook(ROOT / "corpus" / "codebook.yaml").codes), text
    )


@pytest.mark.parametrize("path", shipped(), ids=lambda p: p.name)
def test_no_eight_words_in_a_row_stand_in_a_report(path, known):
    assert [run for piece in pieces(path) for run in copied_runs(piece, known)] == []


@pytest.mark.parametrize("name", ["lga-drivers-2020.docx", "idea-opm-2009.pdf", "nlgn-tiers-2014.html"])
def test_other_formats_hold_the_words_of_the_text_in_order(name):
    path = REPORTS / name
    blocks = read_blocks(path)
    reference = [w.lower() for w in words(re.sub(r"\[bookmark: [^\]]*\]", "", decode(path.with_suffix(".txt"))))]
    read = [w.lower() for block in blocks for w in words(block.text)]
    matcher = difflib.SequenceMatcher(None, reference, read, autojunk=False)
    assert sum(block.size for block in matcher.get_matching_blocks()) / len(reference) >= 0.98
    _, passages = segment("x", blocks)
    if path.suffix == ".pdf":
        assert all(p.page for p in passages)
    if path.suffix == ".docx":
        assert len({p.section for p in passages}) >= 20


@pytest.mark.parametrize("path", sorted(REPORTS.glob("*.txt")), ids=lambda p: p.name)
def test_the_real_reports_are_cut_into_sane_passages(path):
    text, passages = segment("x", read_blocks(path))
    lengths = [len(p.text.split()) for p in passages]
    assert all(text[p.start_char : p.end_char] == p.text for p in passages)
    assert sum(lengths) >= 0.8 * len(text.split())
    assert max(lengths) <= 200
    assert 15 <= sorted(lengths)[len(lengths) // 2] <= 90
