"""Builders and a fake encoder: no test loads a model or reaches the network unless it is marked slow."""

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from collabnlp.codebook import Codebook, load_codebook
from collabnlp.gazetteer import Gazetteer, load_gazetteer
from collabnlp.records import Document, EntityMention, Passage, PassageTag

ROOT = Path(__file__).resolve().parent.parent


class FakeEncoder:
    """Vectors from hashes of the words: texts that share words are near each other."""

    name = "fake"

    def __init__(self, *_, **__) -> None:
        self.encoded: list[str] = []

    def encode(self, texts):
        self.encoded += texts
        rows = [
            sum((_word_vector(word) for word in re.findall(r"\w+", text.lower())), _word_vector("")) for text in texts
        ]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32).reshape(len(texts), 24)


def _word_vector(word):
    digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:24]
    return np.frombuffer(digest, dtype=np.uint8).astype(np.float64) - 127.5


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture(scope="session")
def codebook() -> Codebook:
    return load_codebook(ROOT / "corpus" / "codebook.yaml")


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return load_gazetteer(ROOT / "corpus" / "gazetteer.csv")


def make_document(document_id="report", **changes) -> Document:
    return Document(
        **{
            "document_id": document_id,
            "title": "A report",
            "publisher": "Us",
            "year": 2019,
            "kind": "report",
            "access": "public",
            "synthetic": False,
            "language": "en",
            "source_path": f"reports/{document_id}.txt",
            "source_sha256": "0" * 64,
            "text": "",
            **changes,
        }
    )


def make_passage(text="The councils agreed.", passage_id="report:0001", **changes) -> Passage:
    return Passage(
        **{
            "passage_id": passage_id,
            "document_id": passage_id.split(":")[0],
            "ordinal": int(passage_id.split(":")[1]),
            "start_char": 0,
            "end_char": len(text),
            "text": text,
            "kind": "paragraph",
            "section": (),
            "page": None,
            "speaker": None,
            "time": None,
            "access": "public",
            **changes,
        }
    )


def make_tag(passage_id="report:0001", code="trust", coder="model", stance="positive", score=0.8) -> PassageTag:
    return PassageTag(passage_id=passage_id, code=code, coder=coder, stance=stance, score=score)


def make_mention(
    text="Kent County Council", passage_id="report:0001", start=0, label="COUNCIL", ids=("kent",)
) -> EntityMention:
    return EntityMention(
        passage_id=passage_id,
        start_char=start,
        end_char=start + len(text),
        text=text,
        label=label,
        entity_ids=ids,
        method="gazetteer",
        score=0.9,
    )


def lay_out(tmp_path):
    """Write a small project into a folder: two short sources, a slice of the gold."""
    corpus = tmp_path / "corpus"
    for folder in ("reports", "transcripts", "gold", "gold-names"):
        (corpus / folder).mkdir(parents=True)
    for name in ("codebook.yaml", "gazetteer.csv"):
        shutil.copy(ROOT / "corpus" / name, corpus / name)
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    keep = set()
    for name in ("passages", "tags", "reads", "mentions"):
        lines = (ROOT / "corpus" / "gold" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        if name == "passages":
            lines = lines[::30]
            keep = {re.search(r'"passage_id": "([^"]+)"', line).group(1) for line in lines}
        else:
            lines = [line for line in lines if re.search(r'"passage_id": "([^"]+)"', line).group(1) in keep]
        (corpus / "gold" / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("passages", "reads", "mentions"):
        lines = (ROOT / "corpus" / "gold-names" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        ids = [re.search(r'"passage_id": "([^"]+)"', line).group(1) for line in lines]
        lines = [line for i, line in zip(ids, lines, strict=True) if i in keep or re.match(r"names-\d\d:..0", i)]
        (corpus / "gold-names" / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (corpus / "reports" / "orren.md").write_text(
        "# Joint work in Orrenshire\n\n## Harrowmere Borough Council\n\n"
        + "The county council and Harrowmere Borough Council trust each other, and their leaders speak every week.\n\n"
        * 3
        + "## Waste\n\nThe Orrenshire Waste Partnership was slow to start and the joint committee never met.\n\n"
        + "\n\n".join(
            f"Paragraph {i} says that Tarnholt has agreed to share a chief executive with Wythen Vale."
            for i in range(8)
        ),
        encoding="utf-8",
    )
    (corpus / "transcripts" / "talk.txt").write_text(
        "\n".join(
            f"Ann Weir: {question}\nBo Marsh: {answer}"
            for question, answer in [
                (
                    "How did all of this begin, then?",
                    "It began when the flood came, and nobody asked whose job it was, we just got on with it.",
                ),
                (
                    "And now?",
                    "Now the leaders do not trust each other, and South Orren has walked out of the growth board.",
                ),
                ("Why?", "Because nobody said what was on the table, Ann, and then the county put in its unitary bid."),
                ("What would help?", "A shared chief executive would help, and somebody who takes a risk for once."),
            ]
        ),
        encoding="utf-8",
    )
    (corpus / "documents.csv").write_text(
        "document_id,source_path,title,publisher,year,kind,access,synthetic,language,note\n"
        "orren,reports/orren.md,Joint work,Us,2019,report,public,yes,en,\n"
        "talk,transcripts/talk.txt,An interview,Us,2019,transcript,non-attributable,yes,en,\n",
        encoding="utf-8",
    )
    (tmp_path / "params.yaml").write_text(
        (tmp_path / "params.yaml")
        .read_text()
        .replace("  folds: 5", "  folds: 2")
        .replace("draws: 1000", "draws: 100")
        .replace("finetuned: true", "finetuned: false")
        .replace("    seconds: 300", "    seconds: 0")  # read in this process, where tests can see what is read
    )


BERT_WORDS = "we trust each other the bins are green leaders meet slowly now and then".split()


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory):
    """A sentence-transformers folder with a BERT of two layers and 16 dimensions with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    (folder / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *BERT_WORDS]) + "\n"
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=6 + len(BERT_WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(str(folder / "st"))
    return folder / "st"


def enter(project, monkeypatch):
    """Work in a project's folder, with the fake encoder in place of the real one."""
    monkeypatch.chdir(project)
    from collabnlp.stages import embed, topics

    fake = FakeEncoder()
    for module in (embed, topics):
        monkeypatch.setattr(module, "SentenceEncoder", lambda *_: fake)
    for name in ("collabnlp.stages.evidence", "collabnlp.query"):
        monkeypatch.setattr(f"{name}.load_encoder", lambda _: fake)


MISSING = "no Chromium: install Debian's package (apt-get install chromium) and `pip install playwright axe-playwright-python`"


def find_chromium():
    """Path of Chromium; without it the test skips, or fails where CI is set."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        path = None
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return path


@pytest.fixture(scope="module")
def browser():
    """Chromium; without it the tests skip, or fail where CI is set."""
    path = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # as root in a container Chromium has no sandbox of its own; the pages are ours
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process; gives status, standard output, standard error."""
    from collabnlp import cli

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["collabnlp", *map(str, args)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        out = capsys.readouterr()
        return status, out.out, out.err

    return run


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project in a folder of its own."""
    lay_out(tmp_path)
    enter(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(scope="session")
def small_project(tmp_path_factory):
    """A small project with all its outputs, for tests that only read it."""
    folder = tmp_path_factory.mktemp("small")
    lay_out(folder)
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        run_stages()
    return folder


@pytest.fixture
def ready(small_project, tmp_path, monkeypatch):
    """A copy of the small project with all its outputs, to change and to tag with."""
    shutil.copytree(small_project, tmp_path, dirs_exist_ok=True)
    enter(tmp_path, monkeypatch)
    monkeypatch.setattr("collabnlp.tagger.SentenceEncoder", FakeEncoder)
    return tmp_path


def work(function, items, store=None, **settings):
    """Results of a function for items with their keys, and how many were computed."""
    from collabnlp.engine import Work, run

    done = list(run(Work("contextlib:nullcontext", function), items, store=store, **settings))
    return [result.value for result in done], sum(result.new for result in done)


STAGES = (
    "ingest", "embed", "names", "entities", "relations", "train", "classify", "topics", "topic_tables", "evaluate", "evidence", "audit",
)  # fmt: skip


def run_stages(*names):
    """Run stages in this process, in the working folder."""
    import importlib

    from collabnlp.params import load_params

    for name in names or STAGES:
        importlib.import_module(f"collabnlp.stages.{name}").stage(load_params())
