import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from collabnlp.evidence import build_rows
from collabnlp.export.map import ROWS, write_map
from collabnlp.records import AgreementRow
from collabnlp.release import CLOSED, Rule, Tables, load_released, release
from conftest import make_document, make_mention, make_passage, make_tag

NASTY = "</script><script>document.title='taken'</script><!-- <img src=x onerror=alert(1)> {{style}} \u202eback\u202c \x00 \u2028 ]]> &lt;"


@pytest.fixture(scope="module")
def released(codebook, gazetteer):
    documents = [make_document("kent", title=f"Kent {NASTY}"), make_document("old", year=2009, kind="transcript")]
    passages = [
        make_passage(f"Kent County Council {NASTY}", "kent:0001", section=(NASTY,)),
        make_passage("Kent County Council again, and trust.", "kent:0002"),
        make_passage("Somebody said so.", "old:0001", speaker="Ann"),
    ]
    tags = [
        make_tag("kent:0001", "trust"),
        make_tag("kent:0002", "trust", stance="negative", coder="ann", score=None),
        make_tag("kent:0002", "momentum", stance="neutral"),
        make_tag("old:0001", "momentum"),
    ]
    mentions = [make_mention(passage_id="kent:0001"), make_mention(passage_id="kent:0002")]
    rows = build_rows(documents, passages, tags, mentions, [], gazetteer, section_entities={}, document_entities={})
    tables = Tables(rows=rows, documents=documents, passages=passages, mentions=mentions)
    return release(tables, codebook.names, gazetteer, {}, Rule()).released


@pytest.fixture(scope="module")
def path(released, codebook, gazetteer, tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "evidence-map.html"
    write_map(path, released, codebook=codebook, gazetteer=gazetteer)
    return path


class Elements(HTMLParser):
    """Collects (element, attribute, value)."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, name, value or "") for name, value in attrs] or [(tag, "", "")]


def parts(path):
    """The policy, the style, the data and the script of the page."""
    page = path.read_text(encoding="utf-8")
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    return policy, style, data, script


def sha(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_equal_evidence_gives_equal_bytes(path, released, codebook, gazetteer, tmp_path):
    write_map(tmp_path / "again.html", released, codebook=codebook, gazetteer=gazetteer)
    assert (tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_codes_are_called_by_their_titles(path, codebook):
    assert "give people_and_trust as well" in " ".join(codebook["trust"].definition.split())
    assert "give “People and trust” as well" in " ".join(path.read_text(encoding="utf-8").split())
    assert "give people_and_trust as well" not in " ".join(path.read_text(encoding="utf-8").split())


def test_nothing_runs_but_its_own_script_and_nothing_is_fetched(path):
    policy, style, _, script = parts(path)
    assert policy.startswith("default-src 'none'")
    assert f"script-src {sha(script)}" in policy
    assert f"style-src {sha(style)}" in policy
    assert "unsafe" not in policy
    page = Elements()
    page.feed(path.read_text(encoding="utf-8"))
    assert {"table", "dialog", "script"} <= {tag for tag, _, _ in page.found}
    assert not {"img", "link", "iframe", "object", "base"} & {tag for tag, _, _ in page.found}
    for _, name, value in page.found:
        assert not name.startswith("on")
        assert name not in ("src", "action", "style")
        assert name != "href" or value.startswith("#")
    assert "http" not in re.sub("http-equiv", "", path.read_text(encoding="utf-8"))
    assert "innerHTML" not in script
    assert "eval(" not in script


def test_hostile_text_ends_no_block_and_comes_back_as_it_was(path, released):
    _, _, data, _ = parts(path)
    assert not set("<>&\u2028\u2029\x00") & set(data)
    told = json.loads(data)
    assert NASTY in {passage[1] for passage in told["passages"]}
    assert f"Kent County Council {NASTY}" in {passage[5] for passage in told["passages"]}
    assert f"Kent {NASTY}" in {document[1] for document in told["documents"]}
    assert "<script>document" not in path.read_text(encoding="utf-8")
    assert "\0" not in path.read_text(encoding="utf-8")


def test_the_data_are_the_cells_and_quotes_that_may_leave(path, released, codebook):
    told = json.loads(parts(path)[2])
    cells = {(c.rows, c.row_id, c.code): c for c in released.cells if c.rows in ROWS}
    shown = {
        (kind, told["rows"][kind][row][0], codebook.names[code]): counts
        for kind in ROWS
        for row, code, *counts in told["cells"][kind]
    }
    assert set(shown) == set(cells)
    for key, counts in shown.items():
        c = cells[key]
        assert counts == [c.n_passages, c.positive, c.negative, c.neutral, c.n_sources, c.n_closed, int(c.suppressed)]
    assert len(told["tags"]) == sum(row.access != CLOSED for row in released.rows)


def test_the_model_s_score_stands_at_its_code(released, codebook, gazetteer, tmp_path):
    row = AgreementRow(
        code="trust", coder_a="gold", coder_b="model", basis="read", n_passages=9, n_a=3, n_b=3, n_both=2, percent=0.8,
        kappa=0.5, alpha=0.5, precision=0.67, recall=0.67, f1=0.666, f1_low=0.4, f1_high=0.9,
    )  # fmt: skip
    write_map(tmp_path / "m.html", released, codebook=codebook, gazetteer=gazetteer, agreement=[row])
    told = {code[0]: code[4] for code in json.loads(parts(tmp_path / "m.html")[2])["codes"]}
    assert (told["trust"], told["momentum"]) == (0.67, None)


def test_the_sample_s_map_is_small(small_project, codebook, gazetteer, tmp_path, monkeypatch):
    monkeypatch.chdir(small_project)
    write_map(tmp_path / "m.html", load_released().released, codebook=codebook, gazetteer=gazetteer)
    assert (tmp_path / "m.html").stat().st_size < 5_000_000


CHROMIUM = shutil.which("chromium")


def page_of(path, fragment=""):
    """The page as Chromium has it after its script has run."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    return subprocess.run(
        [*command, f"{path.as_uri()}{fragment}"], capture_output=True, text=True, timeout=120, check=True
    ).stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_browser_the_matrix_is_that_of_the_gate_and_a_link_opens_its_quotes(path, released):
    page = page_of(path, "#rows=council&open=kent%0Atrust")
    assert "<title>Evidence map" in page  # nothing in the texts has run
    labels = re.findall(r'aria-label="(\d+) passages?: (\d+) positive, (\d+) negative, (\d+) neutral', page)
    cells = [c for c in released.cells if c.rows == "council" and not c.suppressed]
    assert sorted(labels) == sorted(tuple(map(str, (c.n_passages, c.positive, c.negative, c.neutral))) for c in cells)
    assert page.count("<article>") == 2
    assert "Trust: Kent County Council" in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("filters", ["", "&stance=negative", "&kind=transcript", "&from=2019", "&document=kent"])
def test_in_a_browser_filters_count_as_the_rows_do(path, released, filters):
    page = page_of(path, f"#rows=document{filters}")
    keep = {
        "": lambda r: True,
        "&stance=negative": lambda r: r.stance == "negative",
        "&kind=transcript": lambda r: r.kind == "transcript",
        "&from=2019": lambda r: r.year >= 2019,
        "&document=kent": lambda r: r.document_id == "kent",
    }[filters]
    expected: dict[tuple[str, str], set[str]] = {}
    for row in filter(keep, released.rows):
        expected.setdefault((row.document_id, row.code), set()).add(row.passage_id)
    numbers = re.findall(r'aria-label="(\d+) passages?:', page)
    assert sorted(numbers) == sorted(str(len(passages)) for passages in expected.values())
