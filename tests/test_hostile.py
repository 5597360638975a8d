"""Files that mean harm are refused in one line or read, in bounded time and memory; each is made by a few lines of code."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from collabnlp.apart import Apart, Lost
from collabnlp.export.projects import read_qdpx
from collabnlp.params import Limits
from collabnlp.readers import read_blocks
from collabnlp.records import Document, InputError, read_table
from collabnlp.segment import segment
from conftest import run_stages
from test_readers import GOOD_DOCX, GOOD_ODT, GOOD_XLSX, SENTENCE, run, with_member, word

LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
BILLION = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def within(xml: str, old: str, new: str) -> Callable[[bytes], bytes]:
    """What puts `new` in the place of `old` in the XML of a member."""
    return lambda data: (xml + data.decode().partition("?>")[2].replace(old, new, 1)).encode()


def in_body(xml: str) -> bytes:
    """A Word file with this at the head of its text."""
    return with_member(GOOD_DOCX, "word/document.xml", lambda own: own.replace(b"<w:body>", b"<w:body>" + xml.encode()))


def docx_with_secret_notes() -> bytes:
    """Footnotes with entities in a part whose name does not say that it is XML."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    link = f'<Relationship Id="rId99" Type="{kind}" Target="secret"/></Relationships>'
    data = with_member(GOOD_DOCX, "word/secret", f"{EXTERNAL}<a>&x;</a>".encode())
    data = with_member(
        data,
        "[Content_Types].xml",
        within("", "<Override", '<Override PartName="/word/secret" ContentType="application/x"/><Override'),
    )
    return with_member(data, "word/_rels/document.xml.rels", within("", "</Relationships>", link))


def deep_odt(depth: int) -> bytes:
    """Lists within lists of an OpenDocument text."""
    inner = (
        "<text:list><text:list-item>" * depth + f"<text:p>{SENTENCE}</text:p>" + "</text:list-item></text:list>" * depth
    )
    return with_member(GOOD_ODT, "content.xml", lambda xml: xml.replace(b"<text:p>", inner.encode() + b"<text:p>", 1))


def many_parts(data: bytes, n: int) -> bytes:
    """The archive with n empty parts more."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as archive:
        for i in range(n):
            archive.writestr(f"x/{i}", b"")
    return out.getvalue()


def pdf_of(*objects: bytes) -> bytes:
    """A PDF of these objects, the first of which is its catalog."""
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    n = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (n, table, n, len(out))  # fmt: skip


def stream_of(content: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), extra, content)


PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 4 0 R >> /XObject << /X 6 0 R >> >> /Contents 5 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
TEXT = b"BT /F1 12 Tf 50 700 Td (Orrenshire and Harrowmere agreed to share a depot.) Tj ET\n"


def pdf_loop_of_pages() -> bytes:
    """A tree of pages that is its own child."""
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 3 >>", PAGE, FONT, stream_of(TEXT), FONT)  # fmt: skip


def pdf_recursive_form() -> bytes:
    """A drawing that draws itself, twice."""
    form = stream_of(
        b"/X Do /X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"
    )
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE, FONT, stream_of(TEXT + b"/X Do"), form)  # fmt: skip


def pdf_million_pages(n: int = 2_000_000_000) -> bytes:
    """A PDF that says it has more pages than there are."""
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count %d >>" % n, PAGE, FONT, stream_of(TEXT), FONT)  # fmt: skip


def pdf_same_page(n: int) -> bytes:
    """A PDF of one page, shown n times."""
    kids = b"3 0 R " * n
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, n), PAGE, FONT, stream_of(TEXT), FONT)  # fmt: skip


def pdf_packed_bomb(megabytes: int) -> bytes:
    """A page whose content unpacks to that much, twice packed."""
    once = zlib.compress(TEXT + b" " * (megabytes * 1_000_000), 9)
    content = stream_of(zlib.compress(once, 9), b"/Filter [/FlateDecode /FlateDecode]")
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE, FONT, content, FONT)  # fmt: skip


def pdf_deep(depth: int) -> bytes:
    """Lists within lists, that deep, in a PDF."""
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE, FONT, stream_of(TEXT + b"[" * depth + b"]" * depth + b" TJ"), b"[" * depth + b"]" * depth)  # fmt: skip


def xlsx_of_rows(n: int) -> bytes:
    """A sheet of so many rows."""
    cell = '<row r="{0}"><c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c></row>'
    cells = "".join(cell.format(i, "text" if i == 1 else SENTENCE) for i in range(1, n + 1))
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
    return with_member(GOOD_XLSX, "xl/worksheets/sheet1.xml", sheet.format(cells).encode())


VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\n"


def make(setup):
    """What reads a file in a process of its own."""
    limits = Limits(unpacked_mb=50)

    def read(path: str) -> str:
        try:
            text, passages = segment("a", read_blocks(path, limits))
        except InputError as error:
            return str(error)
        assert all(text[p.start_char : p.end_char] == p.text for p in passages)
        return "read"

    return read


@pytest.fixture(scope="module")
def reading():
    with Apart("test_hostile:make", None, seconds=60, memory_mb=1000) as apart:
        yield apart


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/document.xml", within(BILLION, SENTENCE, "&l9;")), 'word/document.xml declares XML entities', id='docx, entities within entities'),
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/document.xml", within(EXTERNAL, SENTENCE, "&x;")), 'word/document.xml declares XML entities', id='docx, entity from a file'),
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/footnotes.xml", f"{BILLION}<a>&l9;</a>".encode()), 'word/footnotes.xml declares XML entities', id='docx, entities in the notes'),
        pytest.param('a.docx', lambda: docx_with_secret_notes(), 'declares XML entities', id='docx, entities in a part without ending'),
        pytest.param('a.odt', lambda: with_member(GOOD_ODT, "content.xml", within(BILLION, SENTENCE, "&l9;")), 'content.xml declares XML entities', id='odt, entities within entities'),
        pytest.param('a.odt', lambda: with_member(GOOD_ODT, "styles.xml", f"{EXTERNAL}<a>&x;</a>".encode()), 'styles.xml declares XML entities', id='odt, entity from a file'),
        pytest.param('a.xlsx', lambda: with_member(GOOD_XLSX, "xl/sharedStrings.xml", f"{BILLION}<a>&l9;</a>".encode()), 'xl/sharedStrings.xml declares XML entities', id='xlsx, entities within entities'),
        pytest.param('a.docx', lambda: many_parts(GOOD_DOCX, 12_000), 'parts; it is not an ordinary file', id='docx, 12,000 parts'),
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/media/a.png", bytes(60_000_000)), 'unpacks to 60,', id='docx, bomb'),
        pytest.param('a.xlsx', lambda: with_member(GOOD_XLSX, "xl/worksheets/sheet1.xml", bytes(60_000_000)), 'unpacks to 60,', id='xlsx, bomb'),
        pytest.param('a.odt', lambda: with_member(GOOD_ODT, "Pictures/a.png", bytes(60_000_000)), 'unpacks to 60,', id='odt, bomb'),
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/media/a.png", bytes(30_000_000)), 'read', id='docx, picture of 30 MB'),
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/document.xml", lambda xml: xml.replace(SENTENCE.encode(), b"x " * 15_000_000)), 'is cut off or damaged', id='docx, text of 30 MB in one piece'),
        pytest.param('a.docx', lambda: in_body("<w:p><w:r><w:t>So it is with us</w:t></w:r></w:p>" * 20_000), 'read', id='docx, 20,000 paragraphs'),
        pytest.param('a.xlsx', lambda: xlsx_of_rows(10_000), 'read', id='xlsx, 10,000 rows'),
        pytest.param('a.docx', lambda: in_body("<w:sdt>" * 200 + "<w:p>" + run(SENTENCE) + "</w:p>" + "</w:sdt>" * 200), 'read', id='docx, 200 controls deep'),
        pytest.param('a.docx', lambda: in_body("<w:sdt>" * 5_000 + "</w:sdt>" * 5_000), 'Excessive depth', id='docx, 5,000 controls deep'),
        pytest.param('a.docx', lambda: in_body("<w:tbl><w:tr><w:tc>" * 80 + "<w:p>" + run(SENTENCE) + "</w:p>" + "</w:tc></w:tr></w:tbl>" * 80), 'read', id='docx, 80 tables deep'),
        pytest.param('a.docx', lambda: in_body("<w:tbl><w:tr><w:tc>" * 20_000 + "</w:tc></w:tr></w:tbl>" * 20_000), 'Excessive depth', id='docx, 20,000 tables deep'),
        pytest.param('a.odt', lambda: deep_odt(120), 'read', id='odt, 120 lists deep'),
        pytest.param('a.odt', lambda: deep_odt(100_000), 'is cut off or damaged', id='odt, 100,000 lists deep'),
        pytest.param('a.html', lambda: "<article>" + "<div>" * 100_000 + SENTENCE + "</article>", 'is nested too deep', id='html, 100,000 elements deep'),
        pytest.param('a.html', lambda: f"<article><p>{SENTENCE * 9}</p>{'<i>' * 3_000}{'</i>' * 3_000}<p>{SENTENCE}</p></article>", 'is nested too deep', id='html, the deep part in the middle'),
        pytest.param('a.html', lambda: "<article>" + "<ul><li>" * 120 + SENTENCE * 10 + "</article>", 'read', id='html, 120 lists deep'),
        pytest.param('a.html', lambda: "<article><p " + " ".join(f"a{i}=1" for i in range(5_000)) + f">{SENTENCE * 10}</article>", 'read', id='html, 5,000 attributes'),
        pytest.param('a.html', lambda: f"<article>{SENTENCE * 9} {'x' * 900_000}</article>", 'one word has 900,000 characters', id='html, word of 900 KB'),
        pytest.param('a.md', lambda: "\n".join("  " * i + f"- We agreed on item {i} of it" for i in range(40)), 'read', id='md, 40 lists deep'),
        pytest.param('a.md', lambda: "\n".join("  " * i + "- x" for i in range(1_000)) + f"\n\n{SENTENCE}", 'nested too deep', id='md, 1,000 lists deep'),
        pytest.param('a.md', lambda: ">" * 100_000 + " " + SENTENCE, 'nested too deep', id='md, 100,000 quotes deep'),
        pytest.param('a.md', lambda: "[" * 20_000 + SENTENCE, 'one word has', id='md, 20,000 brackets'),
        pytest.param('a.md', lambda: "*a_ " * 10_000 + SENTENCE, 'read', id='md, 10,000 emphases'),
        pytest.param('a.md', lambda: "[a](<b " * 10_000 + SENTENCE, 'read', id='md, links that cross'),
        pytest.param('a.md', lambda: " ".join("`" * i for i in range(1, 200)) + SENTENCE, 'read', id='md, code marks'),
        pytest.param('a.md', lambda: "<div>" * 20_000 + f"\n\n{SENTENCE}", 'is nested too deep', id='md, html nested deep'),
        pytest.param('a.md', lambda: "|" * 20_000 + "\n" + "|-" * 20_000 + "|\n" + f"{SENTENCE}|\n" * 10, 'one word has', id='md, wide table'),
        pytest.param('a.jsonl', lambda: '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", 'line 1: is not JSON', id='jsonl, 100,000 lists deep'),
        pytest.param('a.jsonl', lambda: '{"text": ' + "[" * 900 + "]" * 900 + "}", 'read', id='jsonl, 900 lists deep'),
        pytest.param('a.jsonl', lambda: '{"text": ' + "9" * 100_000 + "}", 'line 1: is not JSON', id='jsonl, number of 100,000 figures'),
        pytest.param('a.csv', lambda: "text" + ",a" * 100_000 + "\n" + SENTENCE + ",1" * 100_000, 'read', id='csv, 100,000 columns'),
        pytest.param('a.csv', lambda: 'text\n"' + SENTENCE * 5_000, 'is not CSV', id='csv, quote that never ends'),
        pytest.param('a.pdf', lambda: pdf_loop_of_pages(), 'page 2: cannot be read', id='pdf, pages in a ring'),
        pytest.param('a.pdf', lambda: pdf_million_pages(), 'read', id='pdf, says that it has two thousand million pages'),
        pytest.param('a.pdf', lambda: pdf_million_pages(4_000), 'page 2: cannot be read', id='pdf, says 4,000 pages and has one'),
        pytest.param('a.pdf', lambda: pdf_same_page(6_000), 'has 6,000 pages, more than 5,000', id='pdf, one page 6,000 times'),
        pytest.param('a.pdf', lambda: pdf_packed_bomb(100), 'read', id='pdf, content of 100 MB packed twice'),
        pytest.param('a.pdf', lambda: pdf_deep(100_000), 'read', id='pdf, 100,000 lists deep'),
        pytest.param('a.txt', lambda: "x" * 10_000_000, 'line 1: one line has 10,000,000 characters', id='txt, word of 10 MB'),
        pytest.param('a.txt', lambda: "x" * 900_000, 'one word has 900,000 characters', id='txt, word of 900 KB'),
        pytest.param('a.docx', lambda: with_member(GOOD_DOCX, "word/document.xml", lambda xml: xml.replace(SENTENCE.encode(), b"x" * 9_000_000)), 'one paragraph has 9,000,000 characters', id='docx, word of 9 MB'),
        pytest.param('a.txt', lambda: "a" + " " * 300_000 + "b c d e f", 'read', id='txt, 300,000 blanks'),
        pytest.param('a.txt', lambda: "a" + "\t" * 300_000 + "b c d e f", 'read', id='txt, 300,000 tabs'),
        pytest.param('a.txt', lambda: "#" * 300_000 + " b c d e f", 'one word has', id='txt, 300,000 marks of headings'),
        pytest.param('a.txt', lambda: "* " * 20_000 + " b c d e f", 'read', id='txt, 20,000 bullets'),
        pytest.param('a.txt', lambda: "Ann " * 20_000 + ": hello", 'read', id='txt, a name without end'),
        pytest.param('a.txt', lambda: "We agreed" + "." * 900_000 + "x", 'one word has', id='txt, full stops'),
        pytest.param('a.txt', lambda: "ab: c d e f g?\n" * 20_000, 'read', id='txt, 20,000 lines'),
        pytest.param('a.txt', lambda: "Ann Weir: I said so, did I?\n" * 20_000, 'read', id='txt, 20,000 turns'),
        pytest.param('a.txt', lambda: "\u202eWe agreed\u202c to share\u200b a depot\u2066 by the river. " * 100, 'read', id='txt, letters that turn the line round'),
        pytest.param('a.txt', lambda: "We agreed o" + "\u0301" * 200_000 + " to share it", 'one word has', id='txt, one letter under 200,000 accents'),
        pytest.param('a.txt', lambda: SENTENCE.encode() + b"\nCaf\xe9 \x93quoted\x94\n" + "Zürich".encode("utf-16-le"), 'line 2: the byte 0xe9 is not UTF-8', id='txt, mixed encodings'),
        pytest.param('a.txt', lambda: SENTENCE.encode("utf-16-le"), 'holds a NUL byte', id='txt, UTF-16 without mark'),
        pytest.param('a.txt', lambda: SENTENCE.encode("utf-32"), 'holds a NUL byte', id='txt, UTF-32'),
        pytest.param('a.txt', lambda: bytes(10_000), 'holds a NUL byte', id='txt, NULs'),
        pytest.param('a.vtt', lambda: VTT + "<v " * 100_000 + SENTENCE, 'read', id='vtt, marks without end'),
        pytest.param('a.vtt', lambda: VTT + "<a" * 100_000 + SENTENCE, 'one word has', id='vtt, other marks without end'),
        pytest.param('a.vtt', lambda: "WEBVTT\n\n" + "9" * 100_000 + ":00.000 --> 00:01.000\n" + SENTENCE, 'holds no captions', id='vtt, hour without end'),
        pytest.param('a.srt', lambda: "\n".join(f"{i}\n00:00:01,000 --> 00:00:02,000\nAnn: so I said {i}\n" for i in range(20_000)), 'read', id='srt, 20,000 captions of one speaker'),
    ],
)  # fmt: skip
def test_a_file_that_means_harm_is_refused_in_one_line_or_read(reading, tmp_path, name, content, says):
    data = content()
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    told = reading.call(str(tmp_path / name))
    assert says in told
    assert len(told) < 600
    assert told.isprintable()
    assert os.listdir(tmp_path) == [name]


def test_a_drawing_that_draws_itself_costs_its_own_file_alone(tmp_path):
    """pdfium follows it until memory or time is up."""
    (tmp_path / "a.pdf").write_bytes(pdf_recursive_form())
    (tmp_path / "b.txt").write_text(SENTENCE)
    with Apart("test_hostile:make", None, seconds=3, memory_mb=300) as apart:
        with pytest.raises(Lost, match=r"took longer than|ended the program|needs more"):
            apart.call(str(tmp_path / "a.pdf"))
        assert apart.call(str(tmp_path / "b.txt")) == "read"


# ---------------------------------------------------------------------------------------------------------------------
# Projects of other programs

QDE = '<?xml version="1.0"?><Project xmlns="urn:QDA-XML:project:1.0"><Sources>{}</Sources></Project>'
OUTSIDE = '<TextSource guid="1" name="a" plainTextPath="{}"><PlainTextSelection startPosition="0" endPosition="4"/></TextSource>'


def qdpx(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("members", "says"),
    [
        pytest.param({"project.qde": QDE, "../evil.txt": "x"}, "leads elsewhere", id="one folder up"),
        pytest.param({"project.qde": QDE, "/etc/evil.txt": "x"}, "leads elsewhere", id="from the root"),
        pytest.param({"project.qde": QDE, "C:\\evil.txt": "x"}, "leads elsewhere", id="from a drive"),
        pytest.param({"project.qde": QDE, "sources\\..\\..\\evil": "x"}, "leads elsewhere", id="by backslashes"),
        pytest.param({"project.qde": QDE, link("sources/a.txt"): "/etc/passwd"}, "holds a link", id="a link"),
        pytest.param({"project.qde": f"{BILLION}<Project>&l9;</Project>"}, "declares XML entities", id="billion laughs"),
        pytest.param({"project.qde": f"{EXTERNAL}<Project>&x;</Project>"}, "declares XML entities", id="entity of a file"),
        pytest.param({"project.qde": QDE.format("<a>" * 5_000 + "</a>" * 5_000)}, "is not XML", id="deep nesting"),
        pytest.param({"project.qde": bytes(401_000_000)}, "unpacks to 401,000,000 bytes", id="bomb"),
        pytest.param({"project.qde": QDE, **{f"s/{i}": "" for i in range(10_001)}}, "10,002 parts", id="many files"),
    ],
)  # fmt: skip
def test_a_project_that_means_harm_is_refused_in_one_line(tmp_path, members, says):
    path = qdpx(tmp_path / "a.qdpx", members)
    with pytest.raises(InputError, match=says) as refusal:
        read_qdpx(path)
    assert len(str(refusal.value)) < 600
    assert os.listdir(tmp_path) == ["a.qdpx"]


@pytest.mark.parametrize(
    "at",
    ["internal://../../etc/passwd", "internal:///etc/passwd", "/etc/passwd", "relative://../a", "internal://A\x00b"],
)
def test_a_source_outside_of_the_project_is_not_read(tmp_path, at):
    (tmp_path / "a").write_text("A secret of this machine.")
    shown = at.replace("\x00", "&#10;")
    project = read_qdpx(qdpx(tmp_path / "a.qdpx", {"project.qde": QDE.format(OUTSIDE.format(shown))}))
    assert not project.sources
    assert "outside the file" in project.unread[0]


# ---------------------------------------------------------------------------------------------------------------------
# Names and places in the corpus


def report_of(project):
    """Lines of the ingest report by the path they show."""
    with (project / "outputs" / "ingest_report.csv").open(encoding="utf-8-sig", newline="") as handle:
        return {row["source_path"]: row for row in csv.DictReader(handle)}


def register(project, *paths):
    lines = [
        ["x" + str(i), path, "X", "Us", "2019", "report", "public", "yes", "en", ""] for i, path in enumerate(paths)
    ]
    with (project / "corpus" / "documents.csv").open("a", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(lines)


def test_links_and_paths_that_lead_out_of_the_corpus_are_refused(project):
    reports = project / "corpus" / "reports"
    (project / "secret.txt").write_text("The secret of this machine is that it holds one.")
    (reports / "link.txt").symlink_to(project / "secret.txt")
    (reports / "ring.txt").symlink_to("ring.txt")
    (reports / "folder").symlink_to(project)
    (reports / "self").symlink_to(reports)
    os.mkfifo(reports / "pipe.txt")
    outside = ("reports/link.txt", "../secret.txt", str(project / "secret.txt"), "reports/folder/secret.txt", "reports/self/../../../secret.txt")  # fmt: skip
    gone = ("reports/ring.txt", "reports/pipe.txt", "reports", "reports/" + "x" * 300, "reports/a\x1b[2Jb.txt")
    register(project, *outside, *gone)
    run_stages("ingest")
    report = report_of(project)
    assert all(report[path]["problem"] == "lies outside the corpus folder" for path in outside)
    assert all("there is no such file" in report[path.replace("\x1b", "\\x1b")]["problem"] for path in gone)
    assert {d.document_id for d in read_table("outputs/documents.parquet", Document)} == {"orren", "talk"}
    assert "secret of this machine" not in (project / "outputs" / "ingest_report.csv").read_text()


def test_names_that_no_terminal_should_get_are_written_out(project, caplog):
    reports = project / "corpus" / "reports"
    for name in (
        b"line\nbreak.txt",
        b"\xff\xfe.txt",
        b"esc\x1b]0;x\x07.txt",
        b"..txt",
        b"a;b=1+1.txt",
        "\u202eturn.txt".encode(),
    ):
        (reports / os.fsdecode(name)).write_text(SENTENCE)
    register(project, "reports/line\nbreak.txt")
    run_stages("ingest")
    shown = set(report_of(project))
    assert {"reports/\\udcff\\udcfe.txt", "reports/esc\\x1b]0;x\\x07.txt", "reports/\\u202eturn.txt"} <= shown
    assert all(line.isprintable() for record in caplog.records for line in record.getMessage().split("\n"))
    documents = {d.document_id: d.text for d in read_table("outputs/documents.parquet", Document)}
    assert documents["x0"] == SENTENCE


def limits(project, **values):
    """Set limits in the project's params.yaml."""
    path = project / "params.yaml"
    for name, value in values.items():
        path.write_text(re.sub(rf"(?m)^    {name}: .*$", f"    {name}: {value}", path.read_text()))


def test_a_source_that_kills_its_reader_is_one_line_of_the_report(project):
    """The whole way: the others are read as ever, nothing is remembered of the loss, and the next run tries again."""
    run_stages("ingest")
    before = {name: (project / "outputs" / name).read_bytes() for name in ("documents.parquet", "passages.parquet")}
    (project / "corpus" / "reports" / "loop.pdf").write_bytes(pdf_recursive_form())
    register(project, "reports/loop.pdf")
    limits(project, seconds=2, memory_mb=300)
    shutil.rmtree(".cache")
    for _ in range(2):
        run_stages("ingest")
        row = report_of(project)["reports/loop.pdf"]
        assert row["status"] == "refused"
        assert re.match("took longer than 2 seconds|ended the program|needs more than", row["problem"])
        assert "ingest.limits" in row["remedy"]
        assert {name: (project / "outputs" / name).read_bytes() for name in before} == before
    assert len(list((project / ".cache" / "collabnlp" / "ingest").rglob("*.json"))) == 2


def test_a_source_that_cannot_be_opened_costs_no_other(project, monkeypatch):
    (project / "corpus" / "reports" / "mine.txt").write_text(SENTENCE)
    register(project, "reports/mine.txt")
    original = Path.open

    def closed(self, *args, **rest):
        if self.name == "mine.txt":
            raise PermissionError(13, "Permission denied")  # tests may run as root, who may open anything
        return original(self, *args, **rest)

    monkeypatch.setattr(Path, "open", closed)
    run_stages("ingest")
    assert report_of(project)["reports/mine.txt"]["problem"] == "cannot be opened (Permission denied)"
    assert len(read_table("outputs/documents.parquet", Document)) == 2


def test_a_part_that_says_it_is_larger_than_the_file_is_refused(tmp_path):
    """Reading it would ask for as much memory as it says."""
    path = tmp_path / "a.docx"
    path.write_bytes(word("The two councils agreed on it."))
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("word/document.xml").compress_size
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (1 << 30).to_bytes(4, "little")))
    with pytest.raises(InputError, match="holds parts that are larger than the file"):
        read_blocks(path)
