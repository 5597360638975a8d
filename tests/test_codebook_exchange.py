import pytest

from collabnlp.codebook import load_codebook
from collabnlp.codebook_exchange import (
    guid,
    known_codes,
    read_qdc,
    take_codes,
    write_codebook,
    write_qdc,
)
from collabnlp.exchange.recode import carry_over, parse_changes
from collabnlp.records import InputError
from conftest import make_tag

TRUST_NOTE = "Things that nobody had a code for."


@pytest.fixture
def qdc(tmp_path, codebook):
    write_qdc(tmp_path / "c.qdc", codebook)
    return tmp_path / "c.qdc"


def test_a_codebook_comes_back_as_it_was(qdc, codebook):
    outside = read_qdc(qdc)
    assert take_codes(codebook, outside) == codebook
    known = known_codes(outside, codebook)
    assert {code for code, stance in known.values() if stance is None} == set(codebook.names)
    assert sum(stance is not None for _, stance in known.values()) == 2 * len(codebook.names)


def test_groups_are_above_codes_and_not_for_coding(qdc, codebook):
    outside = {code.guid: code for code in read_qdc(qdc)}
    for code in codebook.codes:
        (above,) = outside[guid("code", code.code)].above
        assert (outside[above].name, outside[above].codable) == (codebook.groups[code.group], False)


def test_the_same_codebook_gives_the_same_bytes(qdc, codebook, tmp_path):
    write_qdc(tmp_path / "d.qdc", codebook)
    assert (tmp_path / "d.qdc").read_bytes() == qdc.read_bytes()


def test_pyrefiqda_reads_the_codebook(qdc, codebook):
    pyrefiqda = pytest.importorskip("pyrefiqda")
    groups = pyrefiqda.RefiCodebook.load(qdc).codes.code
    assert [code.name for group in groups for code in group.code] == [code.title for code in codebook.codes]


def edit(qdc, *pairs):
    text = qdc.read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    qdc.write_text(text, encoding="utf-8")
    return qdc


NEW = (
    '<Code guid="{11111111-2222-3333-4444-555555555555}" name="Money &amp; budgets" isCodable="true"><Description>Who pays.</Description>'
    '<Code guid="11111111-2222-3333-4444-555555555556" name="2nd homes" isCodable="true"/></Code>'
    '<Code guid="11111111-2222-3333-4444-555555555557" name="Own theme" isCodable="false">'
    '<Code guid="11111111-2222-3333-4444-555555555558" name="Trust!" isCodable="true"/></Code></Codes>'
)


def test_codes_added_elsewhere_are_taken_over(qdc, codebook, tmp_path):
    edit(qdc, ("</Codes>", NEW), ('name="Momentum"', 'name="Drive"'))
    book = take_codes(codebook, read_qdc(qdc))
    assert book.names == [*codebook.names, "money_budgets", "code_2nd_homes", "trust_2"]
    assert (book["money_budgets"].definition, book["code_2nd_homes"].parent) == ("Who pays.", "money_budgets")
    assert (book["momentum"].title, book["momentum"].indicators) == ("Drive", codebook["momentum"].indicators)
    assert book.groups[book["trust_2"].group] == "Own theme"
    write_codebook(tmp_path / "codebook.yaml", book)
    assert load_codebook(tmp_path / "codebook.yaml") == book


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not XML"),
        ("<Codes>", "not XML"),
        ("<Html/>", "no REFI-QDA codebook"),
        ("<CodeBook><Codes/></CodeBook>", "holds no code"),
        ('<CodeBook><Codes><Code guid="1" name=""/></Codes></CodeBook>', "a code has no name"),
        ('<CodeBook><Codes><Code name="x"/></Codes></CodeBook>', "a code has no GUID"),
        (
            "<CodeBook><Codes>" + '<Code guid="1" name="x">' * 60 + "</Code>" * 60 + "</Codes></CodeBook>",
            "more than 50 deep",
        ),
        (
            '<CodeBook><Codes><Code guid="1" name="x" isCodable="false"/></Codes></CodeBook>',
            "no code that may be given",
        ),
    ],
)
def test_what_is_no_codebook_is_refused_with_a_line(tmp_path, codebook, text, said):
    (tmp_path / "x.qdc").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        take_codes(codebook, read_qdc(tmp_path / "x.qdc"), tmp_path / "x.qdc")
    assert "\n" not in str(error.value)


# Codings carried over.


def book_without(codebook, *gone, **added):
    """The codebook without some codes, and with others: machine name and keywords."""
    codes = [code for code in codebook.codes if code.code not in gone]
    pattern = codebook["trust"]
    codes += [
        pattern.model_copy(update={"code": name, "title": name, "parent": None, "keywords": words, "indicators": ()})
        for name, words in added.items()
    ]
    kept = {code.code for code in codes}
    codes = [code if code.parent in kept else code.model_copy(update={"parent": None}) for code in codes]
    return codebook.model_copy(update={"codes": tuple(codes)})


def carry(codebook, new, told, tags, texts=None):
    return carry_over(tags, texts or {}, codebook, new, parse_changes(told, codebook, new, "x"))


def test_a_rename_carries_codings_over_by_coder(codebook):
    new = book_without(codebook, "momentum", drive=("drive",))
    tags = [
        make_tag(code="momentum", coder="anna"),
        make_tag(code="momentum", coder="ben", stance="negative"),
        make_tag(code="trust"),
    ]
    added, rows = carry(codebook, new, ["momentum=drive"], tags)
    assert [(tag.code, tag.coder, tag.stance) for tag in added] == [
        ("drive", "anna", "positive"),
        ("drive", "ben", "negative"),
    ]
    told = {row.code: (row.n, row.heirs, row.detail) for row in rows}
    assert told["momentum"] == (2, ("drive",), "carried over")
    assert told["trust"] == (1, ("trust",), "kept")
    assert told["drive"] == (0, ("drive",), "new")


def test_a_merge_joins_codings_and_tells_of_stances_that_differ(codebook):
    new = book_without(codebook, "momentum", "risk", energy=("energy",))
    tags = [
        make_tag("report:0001", "momentum", "anna"),
        make_tag("report:0001", "risk", "anna", "negative"),
        make_tag("report:0002", "momentum", "anna"),
        make_tag("report:0002", "risk", "anna"),
    ]
    added, rows = carry(codebook, new, ["momentum+risk=energy"], tags)
    assert [(tag.passage_id, tag.code, tag.stance) for tag in added] == [
        ("report:0001", "energy", "neutral"),
        ("report:0002", "energy", "positive"),
    ]
    assert [(row.passage_id, row.n) for row in rows if row.passage_id] == [("report:0001", 2)]


def test_a_merge_into_a_code_that_stays_does_not_double_its_codings(codebook):
    new = book_without(codebook, "risk")
    tags = [
        make_tag("report:0001", "momentum", "anna"),
        make_tag("report:0001", "risk", "anna"),
        make_tag("report:0002", "risk", "anna"),
    ]
    added, _ = carry(codebook, new, ["momentum+risk=momentum"], tags)
    assert [(tag.passage_id, tag.code) for tag in added] == [("report:0002", "momentum")]


def test_a_split_goes_by_keywords_and_lists_what_they_leave_open(codebook):
    new = book_without(codebook, "risk", bold=("brave",), careful=("cautious",))
    texts = {
        "report:0001": "A brave choice.",
        "report:0002": "They were cautious.",
        "report:0003": "Brave and cautious at once.",
        "report:0004": "Neither of them.",
    }
    added, rows = carry(codebook, new, ["risk=bold+careful"], [make_tag(own, "risk", "anna") for own in texts], texts)
    assert [tag.code for tag in added] == ["bold", "careful", "bold", "bold"]
    assert [row.passage_id for row in rows if row.passage_id] == ["report:0003", "report:0004"]
    assert all("given to the first" in row.detail for row in rows if row.passage_id)


def test_gone_and_new_codes_are_told(codebook):
    new = book_without(codebook, "risk", money=("budget",))
    _, rows = carry(
        codebook, new, [], [make_tag(code="risk", coder="anna")], {"report:0001": "The budget.", "report:0002": "No."}
    )
    told = {row.code: row for row in rows}
    assert (told["risk"].n, told["risk"].heirs) == (1, ())
    assert "1 of 2 coded passages hold its keywords; nobody has looked for it" in told["money"].detail


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("risk", "not understood"),
        ("risk+trust=leadership+momentum", "not understood"),
        ("biscuits=trust", "biscuits is no code of the present codebook"),
        ("risk=biscuits", "biscuits is no code of the new codebook"),
        ("risk=trust", "risk is still a code of the new codebook"),
        ("risk=risk+trust", "risk is still a code of the new codebook"),
    ],
)
def test_changes_that_cannot_be(codebook, change, said):
    with pytest.raises(InputError, match=said):
        parse_changes([change], codebook, codebook, "x")
