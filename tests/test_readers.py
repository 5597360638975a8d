"""A file of any format becomes blocks, or one line that says what is wrong with it."""

import contextlib
import io
import json
import re
import struct
import warnings
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.text.paragraph import Paragraph as WordParagraph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collabnlp.params import Limits
from collabnlp.readers import LIMITS, READERS, read_blocks
from collabnlp.readers.pdf import page_count
from collabnlp.readers.rows import read_rows
from collabnlp.readers.text import MAX_LINE, decode, guess_heading, lines_to_blocks
from collabnlp.readers.turns import find_turns, seconds
from collabnlp.records import Block, InputError

DATA = Path(__file__).resolve().parent / "data"
SENTENCE = "Orrenshire and Harrowmere agreed to share a depot by the river."

# ---------------------------------------------------------------------------------------------------------------------
# Builders


def kinds(blocks):
    return [(block.kind, block.text) for block in blocks]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def refused_or_read(path):
    """Read a file, or None where it is refused in one line that names it; any other error is a bug."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            blocks = read_blocks(path)
        except InputError as error:
            message = str(error)
        else:
            assert all(block.text.strip() for block in blocks)
            return
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_member(data, name, content):
    """The archive with one member replaced; `content` may be a function of the old one."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members[name] = content(members[name]) if callable(content) else content
    return zipped(members)


def word(*paragraphs, raw=()):
    """A Word file; `raw` are WordprocessingML elements that follow the paragraphs."""
    document = docx.Document()
    for paragraph in paragraphs:
        style, text = paragraph if isinstance(paragraph, tuple) else (None, paragraph)
        document.add_paragraph(text, style=style)
    for element in raw:
        document.element.body.insert(len(document.element.body) - 1, parse_xml(element))
    return saved(document)


def saved(document):
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def w(tag, inner):
    """An element of WordprocessingML with its namespaces."""
    names = nsdecls("w") + (
        ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
        ' xmlns:v="urn:schemas-microsoft-com:vml"'
        ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    )
    return f"<w:{tag} {names}>{inner}</w:{tag}>"


def run(text):
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def opendocument(*elements):
    from odfdo import Document, Element

    document = Document("text")
    document.body.clear()
    for element in elements:
        document.body.append(Element.from_tag(element))
    return saved(document)


def workbook(*sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return saved(book)


def make_pdf(*pages, trailer=b"", to_unicode=None):
    """A PDF of 600 by 800 points; a page is a list of (x, y, size, text) in Helvetica."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    extra = []
    if to_unicode is not None:
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode %d 0 R >>" % (4 + 2 * len(pages))
        extra = [stream(to_unicode)]
    children = b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (children, len(pages)),
        font,
    ]
    for i, page in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (5 + 2 * i)
        )
        objects.append(
            stream(
                b"\n".join(
                    b"BT /F1 %d Tf %d %d Td (%s) Tj ET" % (size, x, y, text.encode("cp1252"))
                    for x, y, size, text in page
                )
            )
        )
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate([*objects, *extra], start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, trailer, start)


def stream(content):
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def column(x, *lines, top=700):
    return [(x, top - 14 * i, 10, line) for i, line in enumerate(lines)]


@pytest.fixture
def read(tmp_path):
    """Blocks of a file with the given name and content."""
    return lambda name, content: read_blocks(write(tmp_path, name, content))


@pytest.fixture
def refusal(tmp_path):
    """The one line that a file with the given name and content is refused with."""

    def refused(name, content):
        path = write(tmp_path, name, content)
        with pytest.raises(InputError) as caught:
            read_blocks(path)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "\n" not in message
        assert caught.value.problem
        assert caught.value.remedy
        return message

    return refused


# ---------------------------------------------------------------------------------------------------------------------
# Text and Markdown


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("fixed-width.txt", ["SHARING A DEPOT", "The idea came", "Members were slower", "What changed"]),
        ("paragraph-a-line.txt", ["Why the", "Orrenshire and", "The two leaders", "What held", "Trust between"]),
        ("blank-lines-bullets.txt", ["Lessons", "Three things", "a chair", "one budget", "staff who", "The board"]),
        ("report-with-cases.txt", ["Sharing services", "The districts", "Case study: a depot", "Orrenshire and"]),
    ],
)
def test_a_text_file_is_parted_where_its_layout_says(name, starts):
    blocks = read_blocks(DATA / name)
    assert [block.text[: len(start)] for block, start in zip(blocks, starts, strict=False)] == starts


def test_lines_of_fixed_width_are_joined():
    assert read_blocks(DATA / "fixed-width.txt")[1].text == (
        "The idea came from the two officers who ran the lorries. Both had noticed that their rounds crossed "
        "the same bridge at the same hour."
    )


@pytest.mark.parametrize(
    ("name", "headings"),
    [
        ("fixed-width.txt", ["SHARING A DEPOT IN ORRENSHIRE"]),
        ("paragraph-a-line.txt", ["Why the partnership began", "What held it together"]),
        ("blank-lines-bullets.txt", ["Lessons from Tarnholt"]),
    ],
)
def test_bare_lines_become_headings(name, headings):
    assert [block.text for block in read_blocks(DATA / name) if block.kind == "heading"] == headings


def test_bullets_become_list_items_without_their_marks():
    assert [block.text for block in read_blocks(DATA / "blank-lines-bullets.txt") if block.kind == "list"] == [
        "a chair whom both councils trusted",
        "one budget, agreed before the summer and never reopened",
        "staff who sat in one office",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf_8_and_marked_utf_16_are_read(read, encoding):
    text = "Café budgets at Tarnholt rose."
    assert read("a.txt", text.encode(encoding))[0].text == text


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_of_every_system_are_read(read, end):
    text = f"The first part stands here.{end}{end}The second part stands there."
    assert [block.text for block in read("a.txt", text)] == [
        "The first part stands here.",
        "The second part stands there.",
    ]


def test_a_line_with_tabs_becomes_a_table_row(read):
    assert kinds(read("a.txt", "Orrenshire\t40,000\t12\nHarrowmere\t25,000\t9\n")) == [
        ("table", "Orrenshire | 40,000 | 12"),
        ("table", "Harrowmere | 25,000 | 9"),
    ]


def test_a_paragraph_cut_by_a_page_break_is_joined(read):
    text = "The board met in Tarnholt and agreed that the\f\ndepot would be built by the river.\n"
    assert kinds(read("a.txt", text)) == [
        ("paragraph", "The board met in Tarnholt and agreed that the depot would be built by the river.")
    ]


def test_a_minus_sign_is_no_bullet(read):
    assert read("a.txt", "-12% was the change in spending at Tarnholt.\n")[0].text.startswith("-12%")


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2.1 Who pays", 2),
        ("CONTENTS", 1),
        ("Case study: a depot for two", 2),
        ("It rained in Tarnholt.", 0),
        ("leader@harrowmere.example", 0),
        ("• a chair", 0),
        ("17", 0),
    ],
)
def test_a_heading_is_guessed_from_the_look_of_a_line(line, level):
    assert guess_heading(line) == level


def test_markdown_gives_headings_tables_lists_quotes_and_footnotes():
    assert kinds(read_blocks(DATA / "report.md")) == [
        ("heading", "One team for two councils"),
        ("paragraph", "The councils share a joint team for benefits. It is larger than either had before."),
        ("heading", "What it cost"),
        ("table", "Council | Saved"),
        ("table", "Orrenshire | 40,000"),
        ("table", "Harrowmere | 25,000"),
        ("list", "Staff moved first"),
        ("list", "desks followed"),
        ("list", "Systems moved last"),
        ("box", "We would do it again tomorrow."),
        ("paragraph", "Housing benefit only."),
    ]


def test_markdown_front_matter_is_left_out():
    assert not any("Front matter" in block.text for block in read_blocks(DATA / "report.md"))


def test_a_nested_markdown_list_keeps_its_depth():
    assert [block.level for block in read_blocks(DATA / "report.md") if block.kind == "list"] == [1, 2, 1]


def test_words_in_raw_html_within_markdown_are_kept(read):
    blocks = read("a.md", f"First line.\n\n<div>\n{SENTENCE}\n</div>\n\nLast line.\n")
    assert SENTENCE in " ".join(block.text for block in blocks)


# ---------------------------------------------------------------------------------------------------------------------
# Word


def test_word_heading_styles_become_headings(read):
    data = word(("Title", "Shared services"), ("Heading 1", "How it began"), ("Heading 2", "The bridge"), SENTENCE)
    assert [(block.kind, block.level) for block in read("a.docx", data)] == [
        ("heading", 1),
        ("heading", 1),
        ("heading", 2),
        ("paragraph", 0),
    ]


def test_word_list_styles_become_list_items(read):
    data = word("They agreed three things:", ("List Bullet", "one budget"), ("List Number", "one office"))
    assert kinds(read("a.docx", data))[1:] == [("list", "one budget"), ("list", "one office")]


def test_word_numbering_without_a_style_becomes_a_list_item(read):
    numbered = w("p", '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="3"/></w:numPr></w:pPr>' + run("one budget"))
    assert kinds(read("a.docx", word("They agreed one thing:", raw=[numbered])))[1] == ("list", "one budget")


def test_a_word_table_gives_a_block_a_row(read):
    document = docx.Document()
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Council", "Saved", "Tarnholt", "9,000"], strict=True):
        cell.text = text
    assert kinds(read("a.docx", saved(document))) == [("table", "Council | Saved"), ("table", "Tarnholt | 9,000")]


def test_a_word_table_of_one_cell_is_a_box(read):
    document = docx.Document()
    document.add_table(1, 1).cell(0, 0).text = SENTENCE
    assert kinds(read("a.docx", saved(document))) == [("box", SENTENCE)]


def test_a_word_footnote_follows_its_paragraph(read):
    document = docx.Document()
    document.add_paragraph(SENTENCE).runs[0]._r.append(parse_xml(w("footnoteReference", "")))
    document.paragraphs[0].runs[0]._r[-1].set(docx.oxml.ns.qn("w:id"), "2")
    document.add_paragraph("The depot opened in the autumn of that year.")
    notes = w(
        "footnotes",
        '<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
        f'<w:footnote w:id="2"><w:p>{run("The river is the Orren.")}</w:p></w:footnote>',
    )
    part = docx.opc.part.Part(
        docx.opc.packuri.PackURI("/word/footnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml",
        notes.encode(),
        document.part.package,
    )
    document.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    assert [block.text for block in read("a.docx", saved(document))] == [
        SENTENCE,
        "The river is the Orren.",
        "The depot opened in the autumn of that year.",
    ]


def test_a_word_text_box_is_not_doubled_by_its_fallback(read):
    content = f"<w:txbxContent><w:p>{run('A box says that trust came first.')}</w:p></w:txbxContent>"
    box = w(
        "p",
        run(SENTENCE) + f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx>{content}</wps:txbx>'
        f"</w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{content}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r>",
    )
    assert kinds(read("a.docx", word(raw=[box]))) == [
        ("paragraph", SENTENCE),
        ("box", "A box says that trust came first."),
    ]


@pytest.fixture
def tracked(read):
    changed = w(
        "p",
        run("The two councils share ")
        + '<w:del w:id="1" w:author="A"><w:r><w:delText>nothing</w:delText></w:r></w:del>'
        + f'<w:ins w:id="2" w:author="A">{run("a depot and a team")}</w:ins>'
        + run(" by the river."),
    )
    return read("a.docx", word(raw=[changed]))[0].text


def test_a_tracked_deletion_is_left_out(tracked):
    assert "nothing" not in tracked


def test_a_tracked_insertion_is_kept(tracked):
    assert tracked == "The two councils share a depot and a team by the river."


def test_words_of_a_hyperlink_and_a_content_control_are_kept(read):
    link = w("p", run("See ") + f"<w:hyperlink>{run('the minutes of the joint board')}</w:hyperlink>" + run(" here."))
    control = w("sdt", f"<w:sdtContent><w:p>{run(SENTENCE)}</w:p></w:sdtContent>")
    assert [block.text for block in read("a.docx", word(raw=[link, control]))] == [
        "See the minutes of the joint board here.",
        SENTENCE,
    ]


def test_very_short_word_paragraphs_are_kept(read):
    data = word("Did the board agree to the plan at last?", "No.", "It met once more, in the following spring.")
    assert "No." in [block.text for block in read("a.docx", data)]


# ---------------------------------------------------------------------------------------------------------------------
# OpenDocument


def p(text):
    return f"<text:p>{text}</text:p>"


def test_opendocument_gives_headings_lists_and_paragraphs(read):
    data = opendocument(
        '<text:h text:outline-level="2">How it began</text:h>',
        p(SENTENCE),
        f"<text:list><text:list-item>{p('one budget')}<text:list><text:list-item>{p('for ten years')}"
        "</text:list-item></text:list></text:list-item></text:list>",
    )
    assert [(block.kind, block.level, block.text) for block in read("a.odt", data)] == [
        ("heading", 2, "How it began"),
        ("paragraph", 0, SENTENCE),
        ("list", 1, "one budget"),
        ("list", 2, "for ten years"),
    ]


def test_an_opendocument_table_gives_a_block_a_row(read):
    def row(*cells):
        return f"<table:table-row>{''.join(f'<table:table-cell>{p(c)}</table:table-cell>' for c in cells)}</table:table-row>"

    head = f"<table:table-header-rows>{row('Council', 'Saved')}</table:table-header-rows>"
    data = opendocument(f"<table:table>{head}{row('Tarnholt', '9,000')}</table:table>")
    assert kinds(read("a.odt", data)) == [("table", "Council | Saved"), ("table", "Tarnholt | 9,000")]


def note(text):
    return (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        f"<text:note-body>{p(text)}</text:note-body></text:note>"
    )


def test_an_opendocument_footnote_follows_its_paragraph(read):
    data = opendocument(p(f"The board met in{note('It met twice.')} Tarnholt that summer."))
    assert [block.text for block in read("a.odt", data)] == ["The board met in Tarnholt that summer.", "It met twice."]


def frame(text):
    return f"<draw:frame><draw:text-box>{p(text)}</draw:text-box></draw:frame>"


def test_an_opendocument_text_box_is_a_box(read):
    data = opendocument(p(f"The board met {frame('A box says that trust came first.')}in Tarnholt."))
    assert kinds(read("a.odt", data)) == [
        ("paragraph", "The board met in Tarnholt."),
        ("box", "A box says that trust came first."),
    ]


def test_an_opendocument_tracked_deletion_is_left_out(read):
    deleted = (
        '<text:tracked-changes><text:changed-region text:id="c1"><text:deletion>'
        f"{p('Gone')}</text:deletion></text:changed-region></text:tracked-changes>"
    )
    assert kinds(read("a.odt", opendocument(deleted, p(SENTENCE)))) == [("paragraph", SENTENCE)]


@pytest.mark.parametrize(
    "elements",
    [
        pytest.param([frame("A box says that trust came first.")], id="frame tied to the page"),
        pytest.param(
            [f"<text:h>How it began{note('A box says that trust came first.')}</text:h>"], id="note on heading"
        ),
        pytest.param(
            [
                "<table:table><table:table-row><table:table-cell>"
                '<text:h text:outline-level="2">A box says that trust came first.</text:h>'
                f"</table:table-cell><table:table-cell>{p('Yes')}</table:table-cell></table:table-row></table:table>"
            ],
            id="heading in a table cell",
        ),
    ],
)
def test_no_words_of_an_opendocument_file_are_lost(read, elements):
    text = " ".join(block.text for block in read("a.odt", opendocument(p(SENTENCE), *elements)))
    assert "A box says that trust came first." in text


# ---------------------------------------------------------------------------------------------------------------------
# PDF

LEFT = column(
    50,
    "Orrenshire and Harrowmere began with",
    "waste. They built a shared depot and a",
    "joint team, and their leaders met each",
    "week and spoke by telephone on most",
    "days of that first long year together.",
    "It rained for nearly all of the year.",
)
RIGHT = column(
    330,
    "Tarnholt joined later, when its own",
    "contract ended. The partnership now",
    "covers three councils and has a single",
    "board. Members say that trust matters",
    "more than the savings that were once",
    "promised in the business case for it.",
)


def framed(number, *lines):
    return [(50, 775, 8, "Sharing waste services in Orrenshire"), *lines, (300, 20, 8, str(number))]


@pytest.fixture
def two_pages(read):
    second = column(50, "Nothing more was heard of the matter", "until the spring of the second year.")
    return read("a.pdf", make_pdf(framed(1, *LEFT, *RIGHT), framed(2, *second)))


def test_two_columns_are_read_one_after_the_other(two_pages):
    text = " ".join(block.text for block in two_pages)
    assert text.index("It rained") < text.index("Tarnholt joined later")
    assert "They built a shared depot and a joint team" in text


def test_a_running_header_is_left_out(two_pages):
    assert not any("Sharing waste services" in block.text for block in two_pages)


def test_page_numbers_are_left_out(two_pages):
    assert not any(block.text.endswith(("1", "2")) for block in two_pages)


def test_a_block_keeps_the_page_it_begins_on(two_pages):
    assert [block.page for block in two_pages if "Nothing more" in block.text] == [2]


def test_large_type_is_a_heading(read):
    page = [(50, 740, 18, "Sharing a depot"), *LEFT]
    assert read("a.pdf", make_pdf(page))[0] == Block("Sharing a depot", "heading", 1, page=1)


def test_a_word_broken_at_a_line_end_is_joined(read):
    page = column(
        50,
        "The collaboration began with waste and a joint",
        "team, and from that day on the collabor-",
        "ation grew. Leaders met every week of the",
        "year in one of the two towns.",
    )
    text = " ".join(block.text for block in read("a.pdf", make_pdf(page)))
    assert "the collaboration grew" in text


def test_a_hyphen_at_a_line_end_stays_where_the_document_has_it_elsewhere(read):
    page = column(
        50,
        "The long-term plan was drawn up in Tarnholt",
        "by two officers, and no other long-",
        "term plan was ever seen by the members of",
        "the joint board that met there.",
    )
    text = " ".join(block.text for block in read("a.pdf", make_pdf(page)))
    assert "no other long-term plan" in text


def test_a_pdf_with_nothing_but_a_page_number_is_refused(refusal):
    assert "text" in refusal("a.pdf", make_pdf([(300, 20, 10, "12")]))


def test_letters_of_a_pdf_beyond_the_basic_plane_are_whole(read):
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def"
        b" 1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <41> <D83DDE00> endbfchar endcmap end end"
    )
    text = read("a.pdf", make_pdf([(50, 700, 10, "The members A smiled at this.")], to_unicode=cmap))[0].text
    assert text.encode("utf-8").decode("utf-8") == "The members \U0001f600 smiled at this."


def test_page_count_is_the_number_of_pages(tmp_path):
    assert page_count(write(tmp_path, "a.pdf", make_pdf(LEFT, RIGHT, LEFT))) == 3


# ---------------------------------------------------------------------------------------------------------------------
# Web pages


@pytest.fixture(scope="module")
def page():
    return read_blocks(DATA / "page.html")


@pytest.mark.parametrize("gone", ["Pay a bill", "Cookies", "color: red", "track("])
def test_menu_footer_style_and_script_of_a_page_are_dropped(page, gone):
    assert not any(gone in block.text for block in page)


def test_a_nested_list_of_a_page_keeps_its_depth(page):
    assert [(block.level, block.text) for block in page if block.kind == "list"] == [
        (1, "Each council sends one member"),
        (2, "a deputy may come instead"),
        (1, "Each council pays by the hour"),
    ]


def test_a_table_of_a_page_gives_a_block_a_row(page):
    assert [block.text for block in page if block.kind == "table"] == ["Council | Hours", "Tarnholt | 1,200"]


def test_headings_of_a_page_keep_their_level(page):
    assert [(block.level, block.text) for block in page if block.kind == "heading"] == [
        (1, "Tarnholt and its neighbours"),
        (2, "How it is run"),
    ]


def test_a_page_without_a_marked_article_is_read(read):
    body = "".join(f"<p>{SENTENCE} That was in year {i} of the arrangement between them.</p>" for i in range(6))
    assert SENTENCE in read("a.html", f"<html><body><div>{body}</div></body></html>")[0].text


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ("<ul><li><p>one budget</p><p>one office</p></li></ul>", ["one budget", "one office"]),
        (
            "<ul><li>staff<ul><li>desks<ul><li>chairs</li></ul></li></ul></li></ul>",
            ["staff", "desks", "chairs"],
        ),
        ("<table><tr><td><p>one</p><p>budget</p></td><td>9</td></tr></table>", ["one", "budget"]),
    ],
    ids=["paragraphs in an item", "third level of a list", "paragraphs in a cell"],
)
def test_words_of_neighbouring_elements_do_not_run_together(read, inner, words):
    filler = f"<p>{SENTENCE}</p>" * 6
    blocks = read("a.html", f"<article>{filler}{inner}</article>")
    found = " ".join(block.text for block in blocks if block.kind in ("list", "table")).split()
    assert [word for phrase in words for word in phrase.split() if word not in found] == []


# ---------------------------------------------------------------------------------------------------------------------
# Captions


def test_voices_of_vtt_captions_become_turns():
    assert read_blocks(DATA / "interview.vtt") == [
        Block("How did the depot come about?", "turn", speaker="Tom Ashdown", time=1.0),
        Block(
            "It came about because two lorries met on one bridge, & neither could turn.",
            "turn",
            speaker="Ann Weir",
            time=4.5,
        ),
        Block("And after that?", "turn", speaker="Tom Ashdown", time=12.0),
    ]


def test_named_heads_of_srt_captions_become_turns():
    assert read_blocks(DATA / "interview.srt") == [
        Block("How did the depot come about?", "turn", speaker="Tom Ashdown", time=1.0),
        Block("It came about because two lorries met on one bridge.", "turn", speaker="Ann Weir", time=64.5),
    ]


def test_captions_without_names_are_parted_at_a_pause():
    assert read_blocks(DATA / "captions-without-names.vtt") == [
        Block("The depot came about because two lorries met.", time=1.0),
        Block("After that they shared a timetable.", time=20.0),
    ]


def test_a_caption_that_rolls_on_is_not_doubled(read):
    cue = "00:00:0{}.000 --> 00:00:0{}.000\nthe depot came about\n\n"
    assert read("a.vtt", "WEBVTT\n\n" + cue.format(1, 2) + cue.format(2, 3))[0].text == "the depot came about"


def test_two_speakers_may_say_the_same(read):
    cue = "00:00:0{}.000 --> 00:00:0{}.000\n<v {}>Yes, we did.\n\n"
    blocks = read("a.vtt", "WEBVTT\n\n" + cue.format(1, 2, "Ann Weir") + cue.format(2, 3, "Bo Marsh"))
    assert [block.speaker for block in blocks] == ["Ann Weir", "Bo Marsh"]


def test_a_speaker_name_is_unescaped(read):
    blocks = read("a.vtt", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Ann &amp; Bo>We agreed.\n")
    assert blocks[0].speaker == "Ann & Bo"


def test_less_and_greater_signs_of_srt_are_no_marks(read):
    blocks = read("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nAnn Weir: between < 5 and > 3 pounds a head\n")
    assert "5 and" in blocks[0].text


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def test_csv_with_semicolons_and_a_byte_order_mark_is_read():
    assert read_rows(DATA / "rows-semicolon-bom.csv") == [
        ("a1", "We share one team; it works."),
        ("a2", "They left after\na year."),
    ]


def test_jsonl_rows_without_an_id_get_their_number():
    assert read_rows(DATA / "rows.jsonl") == [("a1", "We share one team."), ("2", "They left after a year.")]


def test_rows_become_blocks_of_their_own_kind():
    assert {block.kind for block in read_blocks(DATA / "rows.jsonl")} == {"row"}


def test_xlsx_rows_are_found_below_a_title_on_a_later_sheet(read):
    data = workbook(
        ("About", [["Answers to the survey"]]),
        ("Answers", [["Survey of Orrenshire"], [], ["ID", "Text"], [1, "We share one team."], [2, None]]),
    )
    assert kinds(read("a.xlsx", data)) == [("row", "We share one team.")]


@pytest.mark.parametrize("place", ["XFD2", "A1048576", "XFD1048576"])
def test_a_stray_cell_far_off_does_not_hinder(read, place):
    book = openpyxl.Workbook()
    book.active.append(["id", "text"])
    book.active.append([1, "We share one team."])
    book.active[place] = "x"
    assert kinds(read("a.xlsx", saved(book))) == [("row", "We share one team.")]


def test_a_row_number_beyond_the_format_fills_no_memory(read):
    def far(xml):
        return xml.replace(b'<row r="2"', b'<row r="99999999999"').replace(b'r="A2"', b"").replace(b'r="B2"', b"")

    data = with_member(workbook(("Sheet", [["text"], ["We agreed."], ["They left."]])), "xl/worksheets/sheet1.xml", far)
    with pytest.raises(InputError, match="holds no text"):
        read("a.xlsx", data)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "id,words\n1,We agreed.\n", "columns id, words"),
        ("a.xlsx", workbook(("Sheet", [["id", "words"], [1, "We agreed."]])), "columns id, words"),
        ("a.jsonl", '{"id": 1, "words": "We agreed."}\n', "line 1: has no `text`"),
        ("a.jsonl", '{"text": "We agreed."}\n["We agreed."]\n', "line 2: has no `text`"),
        ("a.jsonl", '{"text": "We agreed."}\n{"text": \n', "line 2: is not JSON"),
        ("a.csv", "id,text\n1,We agreed.\n1,They did not.\n", "row 2: the id '1' comes twice"),
        ("a.csv", "id,text\n1,\n2,  \n", "holds no text"),
        ("a.csv", f"id,text\n1,{'x' * 140_000}\n", "is not CSV"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(refusal, name, content, says):
    assert says in refusal(name, content)


def test_a_csv_line_beyond_the_field_limit_is_named(refusal):
    assert "line 2: " in refusal("a.csv", f"id,text\n1,{'x' * 140_000}\n")


def test_a_csv_header_beyond_the_field_limit_is_refused(refusal):
    assert "is not CSV" in refusal("a.csv", f"{'x' * 140_000},text\n1,We agreed.\n")


def test_json_nested_too_deep_is_refused(refusal):
    assert "is not JSON" in refusal("a.jsonl", '{"text": ' + "[" * 200_000)


@pytest.mark.parametrize("escape", ["\\ud800", "\\u0000"], ids=["half a surrogate pair", "NUL"])
def test_letters_that_no_table_can_hold_are_refused(refusal, escape):
    assert "line 1" in refusal("a.jsonl", f'{{"text": "We agreed {escape} on it."}}\n')


# ---------------------------------------------------------------------------------------------------------------------
# Turns

QUESTION, ANSWER = "How did the depot come about?", "It came about because two lorries met on a bridge."


def transcript(question, answer, times=4):
    return "\n".join([question, answer] * times) + "\n"


@pytest.mark.parametrize(
    ("text", "speakers", "times"),
    [
        (transcript(f"Tom Ashdown: {QUESTION}", f"Ann Weir: {ANSWER}"), ["Tom Ashdown", "Ann Weir"], [None, None]),
        (transcript(f"INT: {QUESTION}", f"R1: {ANSWER}"), ["INT", "R1"], [None, None]),
        (transcript(f"Q: {QUESTION}", f"A: {ANSWER}"), ["Q", "A"], [None, None]),
        (transcript(f"Q. {QUESTION}", f"A. {ANSWER}"), ["Q", "A"], [None, None]),
        (transcript(f"  Q. {QUESTION}", f"  A. {ANSWER}"), ["Q", "A"], [None, None]),
        (transcript(f"Tom  Ashdown: {QUESTION}", f"Ann  Weir: {ANSWER}"), ["Tom Ashdown", "Ann Weir"], [None, None]),
        (
            transcript(f"Tom Ashdown  0:12\n{QUESTION}\n", f"Ann Weir  1:03:09\n{ANSWER}\n"),
            ["Tom Ashdown", "Ann Weir"],
            [12.0, 3789.0],
        ),
        (
            transcript(f"00:12 Speaker 1\n{QUESTION}", f"00:15 Speaker 2\n{ANSWER}"),
            ["Speaker 1", "Speaker 2"],
            [12, 15],
        ),
        (
            transcript(f"[00:00:12] Tom Ashdown: {QUESTION}", f"[00:00:15] Ann Weir: {ANSWER}"),
            ["Tom Ashdown", "Ann Weir"],
            [12.0, 15.0],
        ),
        (
            transcript(f"Tom (00:12): {QUESTION}", f"Cllr. Ann Weir (00:15): {ANSWER}"),
            ["Tom", "Cllr. Ann Weir"],
            [12, 15],
        ),
    ],
    ids=[
        "name",
        "INT and R1",
        "Q and A",
        "Q. and A.",
        "Q. and A. indented",
        "two blanks in a name",
        "Otter",
        "time and speaker",
        "bracketed time",
        "time in brackets",
    ],
)
class TestTurnStyles:
    def test_the_words_stand_without_the_head(self, read, text, speakers, times):
        assert kinds(read("a.txt", text)) == [("turn", QUESTION), ("turn", ANSWER)] * 4

    def test_the_speaker_is_kept(self, read, text, speakers, times):
        assert [block.speaker for block in read("a.txt", text)] == speakers * 4

    def test_the_time_is_kept_in_seconds(self, read, text, speakers, times):
        assert [block.time for block in read("a.txt", text)] == times * 4


def test_a_teams_transcript_with_line_breaks_is_read(read):
    document = docx.Document()
    for i in range(4):
        for speaker, words in (("Tom Ashdown", QUESTION), ("Ann Weir", ANSWER)):
            paragraph: WordParagraph = document.add_paragraph()
            line = paragraph.add_run(f"{speaker}   0:{10 + i}")
            line.add_break()
            line.add_text(words)
    blocks = read("a.docx", saved(document))
    assert blocks[:2] == [
        Block(QUESTION, "turn", speaker="Tom Ashdown", time=10.0),
        Block(ANSWER, "turn", speaker="Ann Weir", time=10.0),
    ]


def test_a_title_above_the_turns_becomes_a_heading(read):
    text = "Interview with the leader of Tarnholt\n\n" + transcript(f"INT: {QUESTION}", f"R1: {ANSWER}")
    assert read("a.txt", text)[0] == Block("Interview with the leader of Tarnholt", "heading", 1)


def test_a_turn_over_several_lines_is_joined(read):
    text = transcript(f"INT: {QUESTION}", "R1: It came about because\ntwo lorries met.\n\nOn a bridge.")
    assert read("a.txt", text)[1].text == "It came about because two lorries met. On a bridge."


def test_bold_names_of_markdown_open_turns(read):
    text = transcript(f"**Tom Ashdown:** {QUESTION}\n", f"**Ann Weir:** {ANSWER}\n")
    assert {block.speaker for block in read("a.md", text)} == {"Tom Ashdown", "Ann Weir"}


def test_markdown_turns_on_neighbouring_lines_are_parted(read):
    assert len(read("a.md", transcript(f"INT: {QUESTION}", f"R1: {ANSWER}"))) == 8


def test_a_name_with_an_accented_capital_opens_a_turn(read):
    blocks = read("a.txt", transcript(f"INT: {QUESTION}", f"Éamon Weir: {ANSWER}", times=6))
    assert {block.speaker for block in blocks} == {"INT", "Éamon Weir"}


def test_a_speaker_of_a_single_turn_is_kept(read):
    text = transcript(f"INT: {QUESTION}", f"R1: {ANSWER}") + "Bo Marsh: I remember that bridge.\n"
    assert read("a.txt", text)[-1] == Block("I remember that bridge.", "turn", speaker="Bo Marsh")


def test_a_heading_between_turns_stays_a_heading(read):
    part = transcript(f"INT: {QUESTION}\n", f"R1: {ANSWER}\n")
    assert ("heading", "The second part") in kinds(read("a.md", f"{part}\n## The second part\n\n{part}"))


def test_a_report_with_case_studies_is_no_transcript():
    assert not any(block.kind == "turn" for block in read_blocks(DATA / "report-with-cases.txt"))


@pytest.mark.parametrize(
    "labels",
    [
        ["Case study"],
        ["Case study 1", "Case study 2", "Case study 3"],
        ["Case Study"],
        ["Challenge", "Outcome"],
    ],
)
def test_labelled_paragraphs_of_a_report_are_no_turns(labels):
    assert find_turns([f"{labels[i % len(labels)]}: {SENTENCE}" for i in range(9)]) is None


def test_a_few_heads_make_no_transcript():
    assert find_turns(["INT: Why?", "R1: Because.", "INT: When?", "R1: Then.", SENTENCE]) is None


@pytest.mark.parametrize(
    ("stamp", "value"), [("0:12", 12), ("1:02:03", 3723), ("00:01,500", 1.5), ("", None), (None, None)]
)
def test_seconds_of_a_time_stamp(stamp, value):
    assert seconds(stamp) == value


# ---------------------------------------------------------------------------------------------------------------------
# Bad files

GOOD_DOCX = word(SENTENCE)
GOOD_XLSX = workbook(("Sheet", [["id", "text"], [1, "We agreed."]]))
GOOD_ODT = opendocument(p(SENTENCE))
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
ENCRYPTED = (
    b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <" + b"ab" * 32 + b"> /U <" + b"cd" * 32 + b"> /P -4 >>"
    b" /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] "
)


def locked(data):
    """An archive whose members are marked as encrypted."""
    data = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.txt", b"", "the file is empty", id="empty"),
        pytest.param("a.txt", b" \n\t\n", "holds no text", id="blanks"),
        pytest.param("a.rtf", b"{\\rtf1}", "the ending .rtf is not known", id="unknown ending"),
        pytest.param("notes", b"We agreed.", "the ending (none) is not known", id="no ending"),
        pytest.param("a.txt", GOOD_DOCX, "ends in .txt but the content is an Office document", id="docx as txt"),
        pytest.param("a.txt", make_pdf(LEFT), "ends in .txt but the content is a PDF", id="pdf as txt"),
        pytest.param("a.docx", b"We agreed to share.", "ends in .docx but the content is plain text", id="txt as docx"),
        pytest.param("a.pdf", b"We agreed to share.", "ends in .pdf but the content is plain text", id="txt as pdf"),
        pytest.param("a.pdf", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "the content is binary data", id="png as pdf"),
        pytest.param("a.docx", GOOD_XLSX, "holds no word/document.xml", id="xlsx as docx"),
        pytest.param("a.xlsx", GOOD_ODT, "holds no xl/workbook.xml", id="odt as xlsx"),
        pytest.param(
            "a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504, "password", id="docx with password"
        ),
        pytest.param(
            "a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504, "password", id="xlsx with password"
        ),
        pytest.param("a.odt", locked(GOOD_ODT), "password", id="odt with password"),
        pytest.param("a.pdf", make_pdf(LEFT, trailer=ENCRYPTED), "password", id="pdf with password"),
        pytest.param("a.pdf", make_pdf([], []), "has no text layer", id="pdf without text"),
        pytest.param("a.pdf", make_pdf(LEFT)[:300], "is cut off or damaged", id="pdf cut off"),
        pytest.param("a.docx", GOOD_DOCX[: len(GOOD_DOCX) // 2], "is cut off or damaged", id="docx cut off"),
        pytest.param("a.odt", GOOD_ODT[: len(GOOD_ODT) // 2], "is cut off or damaged", id="odt cut off"),
        pytest.param("a.xlsx", GOOD_XLSX[: len(GOOD_XLSX) // 2], "is cut off or damaged", id="xlsx cut off"),
        pytest.param("a.docx", with_member(GOOD_DOCX, "word/styles.xml", b"<a"), "damaged", id="docx with bad styles"),
        pytest.param(
            "a.docx",
            with_member(GOOD_DOCX, "word/document.xml", ENTITIES),
            "word/document.xml declares XML entities",
            id="docx with entities",
        ),
        pytest.param(
            "a.docx",
            with_member(GOOD_DOCX, "word/document.xml", ENTITIES.decode().encode("utf-16")),
            "word/document.xml declares XML entities",
            id="docx with entities in UTF-16",
        ),
        pytest.param(
            "a.odt",
            with_member(GOOD_ODT, "content.xml", b'<?xml version="1.0"?><!DOCTYPE a><a/>'),
            "content.xml declares XML entities",
            id="odt with a document type",
        ),
        pytest.param("a.vtt", b"We agreed to share.\n", "is not VTT", id="vtt without its mark"),
        pytest.param("a.vtt", b"WEBVTT\n\nNOTE nothing\n", "holds no captions", id="vtt without captions"),
        pytest.param("a.html", b"<html><body></body></html>", "holds no article", id="empty page"),
        pytest.param("a.txt", b"We agreed.\nCaf\xe9 costs.\n", "line 2: the byte 0xe9 is not UTF-8", id="Windows-1252"),
        pytest.param("a.txt", b"It cost \x80 40.\n", "it looks like Windows-1252", id="euro sign of Windows-1252"),
        pytest.param("a.txt", b"\xff\xfeW\x00e\x00 ", "is not UTF-16", id="UTF-16 cut off"),
        pytest.param("a.txt", b"We agreed.\n\x00\x00\n", "line 2: holds a NUL byte", id="NUL"),
        pytest.param(
            "a.csv", "text\nWe agreed.\n".encode("utf-16-le"), "line 1: holds a NUL byte", id="UTF-16 unmarked"
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_line(refusal, name, content, says):
    assert says in refusal(name, content)


@pytest.mark.parametrize("start", ["RIFF", "ID3", "GIF8", "The ftyp"])
def test_a_text_may_begin_like_a_binary_file(read, start):
    assert read("a.txt", f"{start} is what the note calls it.\n")[0].text == f"{start} is what the note calls it."


def test_sound_is_refused_as_binary(refusal):
    assert "binary data" in refusal("a.txt", b"RIFF\x24\x00\x00\x00WAVEfmt ")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt: there is no such file; check the name"):
        read_blocks(tmp_path / "gone.txt")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(InputError, match="there is no such file"):
        read_blocks(tmp_path / "folder.txt")


def test_an_endless_line_is_refused(refusal):
    data = b"Short.\n" + b"x" * int(1.1 * MAX_LINE)
    assert "line 2: one line has 1,100,000 characters" in refusal("a.txt", data)


def test_an_archive_that_unpacks_to_too_much_is_refused(refusal):
    """The sizes are raised in the archive's directory, so that nothing large is ever written."""
    data = bytearray(with_member(GOOD_DOCX, "word/media/bomb.bin", b"\x00" * 1_000_000))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", LIMITS.unpacked_mb * 1_000_000 + 1)
    assert len(data) < 100_000
    assert "unpacks to 400," in refusal("a.docx", bytes(data))


@pytest.mark.parametrize(
    ("name", "content", "limits", "says"),
    [
        pytest.param("a.docx", lambda: GOOD_DOCX, Limits(parts=3), "parts; it is not an ordinary file", id="parts"),
        pytest.param(
            "a.docx",
            lambda: with_member(GOOD_DOCX, "word/media/bomb.bin", bytes(21_000_000)),
            Limits(unpacked_mb=20),
            "it is not an ordinary file",
            id="real zeros",
        ),
        pytest.param("a.txt", lambda: SENTENCE, Limits(characters=50), "split it into several files", id="characters"),
        pytest.param("a.txt", lambda: "A b c. " * 150_000, Limits(file_mb=1), "1,050,000 bytes is more than 1 MB", id="bytes"),
        pytest.param(
            "a.txt", lambda: f"One.\n\n{SENTENCE}", Limits(paragraph=50), "paragraph 2: one paragraph has", id="paragraph"
        ),
        pytest.param("a.pdf", lambda: make_pdf([], []), Limits(pages=1), "has 2 pages, more than 1", id="pages"),
        pytest.param("a.pdf", lambda: make_pdf(LEFT), Limits(word=3), "page 1: one word has", id="word of a page"),
        pytest.param("a.txt", lambda: f"See {'x' * 20_000}.", LIMITS, "one word has 20,001 characters", id="word"),
    ],
)  # fmt: skip
def test_what_is_beyond_a_limit_is_refused(tmp_path, name, content, limits, says):
    with pytest.raises(InputError, match=re.escape(says)):
        read_blocks(write(tmp_path, name, content()), limits)


def test_the_byte_is_named_rightly_behind_a_byte_order_mark(refusal):
    assert "the byte 0xe9" in refusal("a.txt", b"\xef\xbb\xbfCaf\xe9 costs.\n")


def test_a_document_type_far_down_is_refused(refusal):
    late = b"<!--" + b"x" * 70_000 + b'--><!DOCTYPE a [<!ENTITY b "c">]><w:document'
    data = with_member(GOOD_DOCX, "word/document.xml", lambda xml: xml.replace(b"<w:document", late, 1))
    assert "declares XML entities" in refusal("a.docx", data)


def broken_deflate(data, member):
    """The archive with nonsense in the packed bytes of one member."""
    data = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(member)
    at = info.header_offset + 30 + len(member) + 10
    data[at : at + 20] = b"\xff" * 20
    return bytes(data)


W_ONLY = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"/>'
BAD_OUTLINE = word(raw=[w("p", '<w:pPr><w:outlineLvl w:val="x"/></w:pPr>' + run(SENTENCE))])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.docx", broken_deflate(GOOD_DOCX, "word/document.xml"), id="docx, packed bytes"),
        pytest.param("a.xlsx", broken_deflate(GOOD_XLSX, "xl/worksheets/sheet1.xml"), id="xlsx, packed bytes"),
        pytest.param("a.odt", broken_deflate(GOOD_ODT, "content.xml"), id="odt, packed bytes"),
        pytest.param("a.docx", with_member(GOOD_DOCX, "[Content_Types].xml", b"<a/>"), id="docx, content types"),
        pytest.param("a.docx", with_member(GOOD_DOCX, "word/document.xml", W_ONLY), id="docx, no body"),
        pytest.param("a.docx", with_member(GOOD_DOCX, "word/document.xml", b"<a/>"), id="docx, other root"),
        pytest.param("a.odt", with_member(GOOD_ODT, "content.xml", b"<a/>"), id="odt, no body"),
        pytest.param("a.xlsx", with_member(GOOD_XLSX, "xl/workbook.xml", b"<a"), id="xlsx, workbook"),
        pytest.param("a.xlsx", with_member(GOOD_XLSX, "docProps/core.xml", b""), id="xlsx, properties"),
        pytest.param(
            "a.xlsx", with_member(GOOD_XLSX, "xl/worksheets/sheet1.xml", lambda xml: xml[:200]), id="xlsx, sheet"
        ),
        pytest.param(
            "a.xlsx",
            with_member(GOOD_XLSX, "xl/styles.xml", lambda xml: xml.replace(b"defaultTableStyle", b"x")),
            id="xlsx, styles",
        ),
    ],
)
def test_a_damaged_archive_is_refused(refusal, name, content):
    assert "damaged" in refusal(name, content)


def test_a_word_outline_level_that_is_no_number_is_refused_or_read(tmp_path):
    refused_or_read(write(tmp_path, "a.docx", BAD_OUTLINE))


def test_a_name_too_long_for_the_system_is_refused(tmp_path):
    with pytest.raises(InputError):
        read_blocks(tmp_path / ("x" * 300 + ".txt"))


# ---------------------------------------------------------------------------------------------------------------------
# Properties

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HEADS = [b"", b"PK\x03\x04", b"%PDF-1.4\n", b"WEBVTT\n\n", b"\xff\xfe", b"\xef\xbb\xbf", b"id,text\n1,", b'{"text": "']


@SLOW
@given(data=st.binary(max_size=300))
def test_decode_refuses_any_bytes_or_reads_them(tmp_path, data):
    path = write(tmp_path, "any.txt", data)
    with contextlib.suppress(InputError):
        assert isinstance(decode(path), str)


@SLOW
@given(head=st.sampled_from(HEADS), data=st.binary(max_size=300), suffix=st.sampled_from(sorted(READERS)))
def test_any_bytes_of_any_ending_are_refused_or_read(tmp_path, head, data, suffix):
    refused_or_read(write(tmp_path, f"any{suffix}", head + data))


PIECES = (
    "WEBVTT|00:00:01.000 --> 00:00:02.000|1|-->|NOTE|STYLE|<v Ann>|<v>|Ann: hi|id;text|text|'|<p>|<!--|<article>|<ul><li>"
    "|<table><tr><td>|&#0;|&amp;|<![CDATA[|{|[|null|\x01|# |- |> |[^1]|[^1]: n|---|```|é|\U0001f600|\u2028|Q: |A: |, "
).split("|")


@SLOW
@given(
    pieces=st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", "\n", "\n\n"])), max_size=25),
    head=st.sampled_from(["", "WEBVTT\n\n", "id,text\n"]),
    suffix=st.sampled_from([".txt", ".md", ".html", ".vtt", ".srt", ".csv", ".jsonl"]),
)
def test_any_text_of_any_ending_is_refused_or_read(tmp_path, pieces, head, suffix):
    text = head + "".join(piece + blank for piece, blank in pieces)
    refused_or_read(write(tmp_path, f"any{suffix}", text))


WORDS = st.text(
    st.characters(
        codec="utf-8",
        categories=("L", "M", "N", "So", "Sc"),
        exclude_characters="\ufffc\xb7\u25aa\u25a0\u25e6\u25cf\u2023\u2219\u2022",
    ),
    min_size=1,
    max_size=12,
)


@SLOW
@given(lines=st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=15))
def test_no_word_of_plain_lines_is_lost(lines):
    blocks = lines_to_blocks(lines)
    found = [w for block in blocks for w in block.text.split()]
    expected = [w for line in lines for w in line.split()]
    if expected and found != expected:  # a bare "o" at the start of a line is a bullet
        expected = [w for w in expected if w != "o"]
        found = [w for w in found if w != "o"]
    assert found == expected


LINES = st.tuples(
    st.sampled_from(["", "", "• ", "- ", "* ", "1. ", "(a) ", "# ", "\t", "A\t", "   "]),
    st.lists(
        st.sampled_from("the The council Councils agreed agreed. depot; 12 12% 2019 (it) board:".split()), max_size=12
    ),
).map(lambda parts: parts[0] + " ".join(parts[1]))


@SLOW
@given(lines=st.lists(LINES, max_size=20))
def test_no_word_of_marked_lines_is_lost(lines):
    def words(text):
        return [part for part in text.split() if part not in {"•", "-", "*", "#", "|"}]

    blocks = lines_to_blocks(lines)
    assert [w for block in blocks for w in words(block.text)] == [w for line in lines for w in words(line)]


@SLOW
@given(
    turns=st.lists(
        st.tuples(
            st.sampled_from(["INT", "R1", "Ann Weir"]),
            st.lists(st.sampled_from(["we", "agreed.", "no", "12"]), min_size=4),
        ),
        min_size=8,
        max_size=20,
    )
)
def test_every_turn_of_a_transcript_comes_back(turns):
    names = [name for name, _ in turns]
    turns = [(name, words) for name, words in turns if names.count(name) > 1]
    lines = [f"{name}: {' '.join(words)}" for name, words in turns]
    found = find_turns(lines)
    assert found is None or [(block.speaker, block.text.split()) for block in found] == [
        (n, list(ws)) for n, ws in turns
    ]


@SLOW
@given(
    rows=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1), min_size=1, max_size=8)
)
def test_jsonl_texts_come_back_as_given(tmp_path, rows):
    content = "".join(json.dumps({"text": row}, ensure_ascii=False) + "\n" for row in rows)
    path = write(tmp_path, "rows.jsonl", content)
    assert [text for _, text in read_rows(path)] == [row for row in rows if row.strip()]
