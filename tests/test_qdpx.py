import contextlib
import io
import re
import stat
import uuid
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from collabnlp.codebook_exchange import guid, read_qdc, write_qdc
from collabnlp.exchange.pack import Pack, PackedDocument
from collabnlp.exchange.settle import settle
from collabnlp.export.projects import read_qdpx
from collabnlp.export.qdpx import PROJECT, marks_of, new_zip, write_qdpx
from collabnlp.records import InputError, PassageTag
from conftest import ROOT, make_passage
from packs import MODEL, make_pack

SCHEMAS = ROOT / "tests" / "data" / "refi-qda"
N = {"q": PROJECT}


@pytest.fixture
def pack():
    return make_pack()


@pytest.fixture
def project(tmp_path, pack, codebook):
    write_qdpx(tmp_path / "p.qdpx", pack, codebook, name="Round trip")
    return tmp_path / "p.qdpx"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, change, to=None):
    """The project with its XML changed by a function of the root element."""
    held = members(path)
    root = etree.fromstring(held["project.qde"])
    change(root)
    held["project.qde"] = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    to = to or path
    to.write_bytes(new_zip(held))
    return to


def codings(read):
    """(document text, quote, start, end, code GUID, user) of each coding of a project."""
    return sorted(
        (s.text, s.text[c.start : c.end], c.start, c.end, c.code, c.user) for s in read.sources for c in s.selections
    )


def test_what_is_written_is_valid_against_the_schemas(project, codebook, tmp_path):
    schema = etree.XMLSchema(etree.parse(SCHEMAS / "Project.xsd"))
    schema.assertValid(etree.fromstring(members(project)["project.qde"]))
    write_qdc(tmp_path / "c.qdc", codebook)
    etree.XMLSchema(etree.parse(SCHEMAS / "Codebook.xsd")).assertValid(etree.parse(tmp_path / "c.qdc"))


def test_the_schema_refuses_what_it_should(project):
    root = etree.fromstring(members(project)["project.qde"])
    root.find(".//q:PlainTextSelection", N).attrib.pop("startPosition")
    assert not etree.XMLSchema(etree.parse(SCHEMAS / "Project.xsd")).validate(root)


def test_every_coding_comes_back_at_the_same_code_points(project, pack, codebook):
    read, by_id = read_qdpx(project), {p.passage_id: p for p in pack.passages}
    want = []
    for tag in pack.tags:
        p = by_id[tag.passage_id]
        text = next(d.text for d in pack.documents if d.document_id == p.document_id)
        below = () if tag.stance == codebook[tag.code].default_stance else (tag.stance,)
        want.append((text, p.text, p.start_char, p.end_char, guid("code", tag.code, *below), MODEL))
    assert codings(read) == sorted(want)


def test_guids_are_unique_and_references_lead_somewhere(project):
    root = etree.fromstring(members(project)["project.qde"])
    guids = [e.get("guid") for e in root.iter() if e.get("guid")]
    assert len(set(guids)) == len(guids)
    assert all(str(uuid.UUID(own)) == own for own in guids)
    assert {e.get("targetGUID") for e in root.iter() if e.get("targetGUID")} <= set(guids)
    assert {e.get("creatingUser") for e in root.iter() if e.get("creatingUser")} <= set(guids)


def test_the_same_pack_gives_the_same_bytes(project, pack, codebook, tmp_path):
    write_qdpx(tmp_path / "again.qdpx", pack, codebook, name="Round trip")
    assert (tmp_path / "again.qdpx").read_bytes() == project.read_bytes()


def test_texts_have_no_mark_and_lines_end_in_one_character(tmp_path, codebook):
    text = "First line of it.\r\nSecond line 🌊 of it.\rThird line of it."
    passage = make_passage(text[19:38], "d:0001", start_char=19, end_char=38)
    pack = Pack(
        MODEL,
        False,
        (PackedDocument("d", "D", "public", text),),
        (passage,),
        (PassageTag(passage_id="d:0001", code="trust", coder=MODEL, stance="positive", score=0.5),),
    )
    write_qdpx(tmp_path / "p.qdpx", pack, codebook, name="x")
    raw = members(tmp_path / "p.qdpx")[f"sources/{guid('source', 'd')}.txt"]
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert [(quote, start, end) for _, quote, start, end, *_ in codings(read_qdpx(tmp_path / "p.qdpx"))] == [
        (text[19:38], 19, 38)
    ]


def test_pyrefiqda_reads_the_same(project, pack, tmp_path):
    pyrefiqda = pytest.importorskip("pyrefiqda")
    read = pyrefiqda.RefiProject.load(project, extract_dir=str(tmp_path / "out"))
    assert [user.name for user in read.users.user] == [MODEL]
    quotes = []
    for source in read.sources.text_source:
        path = pyrefiqda.RefiProject.resolve_source_path(source.plain_text_path, tmp_path / "out")
        text = path.read_text(encoding="utf-8")
        quotes += [text[s.start_position : s.end_position] for s in source.plain_text_selection]
    by_id = {p.passage_id: p.text for p in pack.passages}
    assert sorted(quotes) == sorted(by_id[tag.passage_id] for tag in pack.tags)


def test_speakers_are_nowhere_but_as_pseudonyms_and_the_project_is_marked(project):
    root = etree.fromstring(members(project)["project.qde"])
    assert "Not for attribution" in root.find("q:Sources/q:TextSource/q:Description", N).text
    assert "Not for attribution" in root.find("q:Description", N).text


def test_a_blind_project_holds_no_coding(tmp_path, codebook):
    write_qdpx(tmp_path / "p.qdpx", make_pack(blind=True), codebook, name="x")
    assert codings(read_qdpx(tmp_path / "p.qdpx")) == []


# What people and programs do to a project before it comes back.


def settled(path, pack, codebook, coder=""):
    return settle(marks_of(read_qdpx(path), pack, codebook), pack, codebook, file=path.name, coder=coder, whole=False)


def add_coding(root, source, start, end, code, user="anna"):
    users = root.find("q:Users", N)
    own = guid("user", user)
    if all(e.get("guid") != own for e in users):
        etree.SubElement(users, f"{{{PROJECT}}}User", guid=own, name=user)
    element = next(e for e in root.iter(f"{{{PROJECT}}}TextSource") if e.get("name") == source)
    selection = etree.SubElement(
        element,
        f"{{{PROJECT}}}PlainTextSelection",
        guid=str(uuid.uuid4()),
        startPosition=str(start),
        endPosition=str(end),
    )
    coding = etree.SubElement(selection, f"{{{PROJECT}}}Coding", guid=str(uuid.uuid4()), creatingUser=own)
    etree.SubElement(coding, f"{{{PROJECT}}}CodeRef", targetGUID=code)


def test_nothing_was_done_so_nothing_was_read(project, pack, codebook):
    assert settled(project, pack, codebook, "anna").codings == []


def test_codings_added_and_taken_away_are_found(project, pack, codebook):
    by_id = {p.passage_id: p for p in pack.passages}

    def change(root):
        p = by_id["talk-1:0004"]
        add_coding(root, "Talk 1", p.start_char, p.end_char, guid("code", "difficult"))
        add_coding(root, "Talk 1", p.start_char, p.end_char, guid("code", "trust", "negative"))
        gone = root.xpath("//q:PlainTextSelection[starts-with(q:Description,'positive; score 0.58')]", namespaces=N)
        gone[0].getparent().remove(gone[0])

    found = settled(rewrite(project, change), pack, codebook)
    (coding,) = found.codings
    assert coding.coder == "anna"
    usual = codebook["difficult"].default_stance
    assert coding.codes == {
        "talk-1:0004": {"joint_posts": "negative", "difficult": usual, "trust": "negative"},
        "talk-1:0008": {"joint_posts": "positive"},
    }
    assert {row.outcome for row in found.rows} == {"changed"}


def test_a_part_of_a_passage_counts_and_is_listed(project, pack, codebook):
    p = next(p for p in pack.passages if p.passage_id == "report-2:0002")
    found = settled(
        rewrite(
            project,
            lambda root: add_coding(root, "A report", p.start_char + 4, p.end_char - 3, guid("code", "difficult")),
        ),
        pack,
        codebook,
    )
    assert set(found.codings[0].codes) == {"report-2:0002"}
    assert "doubtful" in {row.outcome for row in found.rows}


def test_two_coders_in_one_project_stay_apart(project, pack, codebook):
    p = next(p for p in pack.passages if p.passage_id == "report-2:0002")

    def change(root):
        add_coding(root, "A report", p.start_char, p.end_char, guid("code", "difficult"), "anna")
        add_coding(root, "A report", p.start_char, p.end_char, guid("code", "momentum"), "ben")

    found = settled(rewrite(project, change), pack, codebook, "carla")
    assert {c.coder: list(c.codes["report-2:0002"]) for c in found.codings} == {
        "anna": ["difficult"],
        "ben": ["momentum"],
    }


def test_codes_that_were_renamed_elsewhere_are_known_by_their_guid(project, pack, codebook):
    p = next(p for p in pack.passages if p.passage_id == "report-2:0002")

    def change(root):
        next(e for e in root.iter(f"{{{PROJECT}}}Code") if e.get("guid") == guid("code", "momentum")).set(
            "name", "Drive"
        )
        add_coding(root, "A report", p.start_char, p.end_char, "{" + guid("code", "momentum").upper() + "}")

    assert settled(rewrite(project, change), pack, codebook).codings[0].codes == {
        "report-2:0002": {"momentum": "positive"}
    }


def test_an_unknown_code_is_listed_and_its_passage_left_out(project, pack, codebook):
    p = next(p for p in pack.passages if p.passage_id == "report-2:0001")

    def change(root):
        codes = root.find("q:CodeBook/q:Codes", N)
        own = str(uuid.uuid4())
        etree.SubElement(codes, f"{{{PROJECT}}}Code", guid=own, name="Biscuits", isCodable="true")
        add_coding(root, "A report", p.start_char, p.end_char, own)

    found = settled(rewrite(project, change), pack, codebook)
    assert found.codings == []
    assert [(row.outcome, row.detail) for row in found.rows] == [("not taken", "the code 'Biscuits' is unknown")]


def foreign(tmp_path, text, spans, *, origin="Other 1.0", encoding="utf-8", inline=False):
    """A project of another program: (start, end, name of the selection) as it counts them, all with one code."""
    code, user = str(uuid.uuid4()), str(uuid.uuid4())
    root = etree.Element(f"{{{PROJECT}}}Project", nsmap={None: PROJECT}, name="x", origin=origin)
    etree.SubElement(etree.SubElement(root, f"{{{PROJECT}}}Users"), f"{{{PROJECT}}}User", guid=user, name="dora")
    codes = etree.SubElement(etree.SubElement(root, f"{{{PROJECT}}}CodeBook"), f"{{{PROJECT}}}Codes")
    etree.SubElement(codes, f"{{{PROJECT}}}Code", guid=code, name="Trust", isCodable="true")
    sources = etree.SubElement(root, f"{{{PROJECT}}}Sources")
    source = etree.SubElement(sources, f"{{{PROJECT}}}TextSource", guid=str(uuid.uuid4()), name="Elsewhere")
    if inline:
        etree.SubElement(source, f"{{{PROJECT}}}PlainTextContent").text = text
    else:
        source.set("plainTextPath", "internal://a.txt")
    for start, end, name in spans:
        selection = etree.SubElement(
            source,
            f"{{{PROJECT}}}PlainTextSelection",
            guid=str(uuid.uuid4()),
            startPosition=str(start),
            endPosition=str(end),
            name=name,
        )
        coding = etree.SubElement(selection, f"{{{PROJECT}}}Coding", guid=str(uuid.uuid4()), creatingUser=user)
        etree.SubElement(coding, f"{{{PROJECT}}}CodeRef", targetGUID=code)
    path = tmp_path / "foreign.qdpx"
    path.write_bytes(new_zip({"project.qde": etree.tostring(root), "Sources/a.txt": text.encode(encoding)}))
    return path


LINES = "First line here.\r\nThen a wave 🌊 came.\r\nAnd we trust each other now."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("counted", ["code points", "line ends as one", "UTF-16"])
def test_positions_of_other_programs_are_understood_by_the_names_of_their_selections(tmp_path, encoding, counted):
    quote = "we trust each other"
    start = LINES.index(quote)
    if counted == "line ends as one":
        start -= 2
    if counted == "UTF-16":
        start += 1
    path = foreign(tmp_path, LINES, [(start, start + len(quote), "we trust each...")], encoding=encoding)
    assert [c[1] for c in codings(read_qdpx(path))] == [quote]


def test_without_names_positions_are_what_the_standard_says(tmp_path):
    quote = "we trust each other"
    start = LINES.index(quote)
    assert [c[1] for c in codings(read_qdpx(foreign(tmp_path, LINES, [(start, start + len(quote), "")])))] == [quote]
    atlas = foreign(tmp_path, LINES, [(start - 2, start - 2 + len(quote), "")], origin="ATLAS.ti Win 9.0")
    assert [c[1] for c in codings(read_qdpx(atlas))] == [quote]
    nvivo = foreign(tmp_path, LINES, [(start + 1, start + 1 + len(quote), "")], origin="NVivo 15")
    assert [c[1] for c in codings(read_qdpx(nvivo))] == [quote]


def test_text_inside_the_project_is_read_too(tmp_path):
    path = foreign(tmp_path, "We trust them.\nStill.", [(0, 14, "")], inline=True)
    assert [c[1] for c in codings(read_qdpx(path))] == ["We trust them."]


def test_quotes_of_an_edited_text_are_found_again(tmp_path, pack, codebook):
    document = pack.documents[1]
    quote = "two in three had not heard of the partnership"
    text = "A heading that somebody added.\n" + document.text
    found = settled(foreign(tmp_path, text, [(text.index(quote), text.index(quote) + len(quote), "")]), pack, codebook)
    assert found.codings == []
    assert "no document of the pack" in found.rows[0].detail
    path = foreign(tmp_path, text, [(text.index(quote), text.index(quote) + len(quote), "")])
    rewrite(path, lambda root: root.find(".//q:TextSource", N).set("name", document.name))
    found = settled(path, pack, codebook)
    assert found.codings[0].codes == {"report-2:0002": {"trust": "positive"}}
    assert "doubtful" in {row.outcome for row in found.rows}


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(
        st.text(
            st.sampled_from("ab é🌊\u0301אשׁ\u200f\r\n.") | st.characters(codec="utf-8", exclude_characters="\x00"),
            min_size=1,
            max_size=30,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_text_comes_back_at_its_code_points(texts, codebook, tmp_path_factory):
    text, passages, tags = "", [], []
    for i, piece in enumerate(texts, start=1):
        start, text = len(text) + 1, text + "\n" + piece
        own = f"d:{i:04d}"
        passages.append(make_passage(piece, own, start_char=start, end_char=start + len(piece)))
        tags.append(PassageTag(passage_id=own, code="trust", coder=MODEL, stance="negative", score=0.5))
    pack = Pack(MODEL, False, (PackedDocument("d", "D", "public", text),), tuple(passages), tuple(tags))
    path = tmp_path_factory.mktemp("any") / "p.qdpx"
    write_qdpx(path, pack, codebook, name="x")
    read = read_qdpx(path)
    assert sorted((c.start, c.end) for c in read.sources[0].selections) == sorted(
        (p.start_char, p.end_char) for p in passages
    )
    assert len(read.sources[0].text) == len(text)


# Hostile and damaged files.


def refuse(path):
    with pytest.raises(InputError) as error:
        read_qdpx(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_damaged_files_are_refused_with_a_line(tmp_path, project):
    (tmp_path / "a.qdpx").write_bytes(b"not a zip")
    assert "REFI-QDA" in refuse(tmp_path / "a.qdpx")
    (tmp_path / "b.qdpx").write_bytes(project.read_bytes()[:-200])
    refuse(tmp_path / "b.qdpx")
    (tmp_path / "c.qdpx").write_bytes(new_zip({"other.txt": b"x"}))
    assert "0 files .qde" in refuse(tmp_path / "c.qdpx")
    (tmp_path / "d.qdpx").write_bytes(new_zip({"project.qde": b"<Project"}))
    assert "not XML" in refuse(tmp_path / "d.qdpx")
    (tmp_path / "e.qdpx").write_bytes(new_zip({"project.qde": b"<CodeBook/>"}))
    assert "no Project" in refuse(tmp_path / "e.qdpx")


@pytest.mark.parametrize("damage", range(0, 400, 13))
def test_no_flipped_byte_gives_anything_but_a_project_or_a_refusal(tmp_path, project, damage):
    data = bytearray(project.read_bytes())
    data[damage * len(data) // 400] ^= 0x55
    path = tmp_path / "flipped.qdpx"
    path.write_bytes(data)
    with contextlib.suppress(InputError):  # any other error is a failure
        read_qdpx(path)


def test_entities_are_refused(tmp_path, project):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><Project xmlns="urn:QDA-XML:project:1.0" name="&b;"/>'
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "x.qdpx").write_bytes(new_zip({"project.qde": bomb.decode().encode(encoding)}))
        assert "entities" in refuse(tmp_path / "x.qdpx")
    (tmp_path / "x.qdc").write_bytes(bomb)
    with pytest.raises(InputError, match="entities"):
        read_qdc(tmp_path / "x.qdc")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "C:\\x.txt", "sources\\..\\..\\x.txt", "sources/../../x"]
)
def test_paths_that_lead_elsewhere_are_refused(tmp_path, name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("project.qde", "<Project/>")
        archive.writestr(name, "x")
    (tmp_path / "x.qdpx").write_bytes(buffer.getvalue())
    assert "leads elsewhere" in refuse(tmp_path / "x.qdpx")


def test_links_and_locked_files_are_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("sources/a.txt")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    (tmp_path / "x.qdpx").write_bytes(buffer.getvalue())
    assert "holds a link" in refuse(tmp_path / "x.qdpx")
    locked = bytearray(new_zip({"project.qde": b"<Project/>"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + at] |= 1
    (tmp_path / "y.qdpx").write_bytes(locked)
    assert "password" in refuse(tmp_path / "y.qdpx")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("collabnlp.export.projects._MAX_UNPACKED", 1_000_000)
    monkeypatch.setattr("collabnlp.export.projects._MAX_MEMBERS", 50)
    (tmp_path / "x.qdpx").write_bytes(new_zip({"project.qde": b" " * 2_000_000}))
    assert "unpacks to 2,000,000 bytes" in refuse(tmp_path / "x.qdpx")
    (tmp_path / "x.qdpx").write_bytes(new_zip({f"sources/{i}.txt": b"" for i in range(60)}))
    assert "60 parts" in refuse(tmp_path / "x.qdpx")


def test_a_file_that_lies_about_its_size_cannot_fill_the_memory(tmp_path):
    data = bytearray(new_zip({"project.qde": b"<a>" + b" " * 3_000_000 + b"</a>"}))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    (tmp_path / "x.qdpx").write_bytes(data)
    refuse(tmp_path / "x.qdpx")


def test_positions_outside_of_the_text_are_told(tmp_path, pack, codebook):
    read = read_qdpx(foreign(tmp_path, "Short text.", [(3, 400, ""), (-4, 2, ""), (0, 5, "")]))
    assert [c[1] for c in codings(read)] == ["Short"]
    assert len(read.unread) == 2
    path = foreign(tmp_path, "Short text.", [(0, 5, "")])
    rewrite(path, lambda root: root.find(".//q:PlainTextSelection", N).set("startPosition", "three"))
    assert "no position" in refuse(path)


def test_texts_outside_of_the_file_are_never_opened(tmp_path, pack, codebook):
    path = foreign(tmp_path, "Short text.", [(0, 5, "")])
    rewrite(path, lambda root: root.find(".//q:TextSource", N).set("plainTextPath", "absolute:///etc/passwd"))
    read = read_qdpx(path)
    assert read.sources == []
    assert re.search("'Elsewhere'.*outside the file: 1 codings", read.unread[0])
    rows = settled(path, pack, codebook, "anna").rows
    assert [row.outcome for row in rows] == ["not placed"]


def test_other_kinds_of_sources_are_told(tmp_path, pack, codebook):
    path = foreign(tmp_path, "Short text.", [(0, 5, "")])

    def change(root):
        picture = etree.SubElement(
            root.find("q:Sources", N), f"{{{PROJECT}}}PictureSource", guid=str(uuid.uuid4()), name="A map"
        )
        coding = etree.SubElement(picture, f"{{{PROJECT}}}Coding", guid=str(uuid.uuid4()))
        etree.SubElement(coding, f"{{{PROJECT}}}CodeRef", targetGUID=str(uuid.uuid4()))

    assert read_qdpx(rewrite(path, change)).unread == ["the source 'A map' (PictureSource) has no text: 1 codings"]
