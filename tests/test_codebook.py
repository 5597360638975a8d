import json
import string
from pathlib import Path

import pytest
import regex

from collabnlp.codebook import Codebook, indicator_hits, keyword_hits, load_codebook
from collabnlp.records import InputError

CORPUS = Path(__file__).parents[1] / "corpus"


def test_the_guide_has_seven_drivers_and_four_themes_with_risk_under_leadership(codebook):
    groups = [code.group for code in codebook.codes if code.parent is None]
    assert (groups.count("driver"), groups.count("theme")) == (7, 4)
    assert codebook["risk"].parent == "leadership"


def test_every_code_has_two_exemplars_of_each_stance(codebook):
    for code in codebook.codes:
        assert all(len(texts) == 2 for texts in code.exemplars.model_dump().values()), code.code
        assert code.definition
        assert code.include
        assert code.exclude


def test_readers_meet_titles_and_no_machine_names(codebook):
    told = codebook.for_readers()
    texts = [text for code in told.codes for text in (code.definition, *code.include, *code.exclude)]
    assert not [text for text in texts if "_" in text]
    assert "give “People and trust” as well" in " ".join(told["trust"].definition.split())
    assert told.names == codebook.names
    assert told["risk"] == codebook["risk"]  # names no other code


def test_difficult_is_negative_by_default(codebook):
    assert codebook["difficult"].default_stance == "negative"


def test_keywords_are_found_with_their_endings(codebook):
    assert [
        ("We pick up the phone."[a:b]) for a, b in keyword_hits(codebook["people_and_trust"], "We pick up the phone.")
    ] == ["pick up the phone"]


def test_keywords_are_found_whatever_their_capitals_at_their_place(codebook):
    code = codebook["people_and_trust"].model_copy(update={"keywords": ("Trust", "Gwynedd’s Élan")})
    text = "İİ TRUSTED by gwynedd’s ÉLAN; mistrust."
    assert [text[a:b] for a, b in keyword_hits(code, text)] == ["TRUST", "gwynedd’s ÉLAN"]
    assert not keyword_hits(code.model_copy(update={"keywords": ()}), text)


def test_looking_for_pieces_first_finds_what_the_patterns_find(codebook):
    # every indicator, on texts that hold many of them: the gold's passages
    lines = (CORPUS / "gold" / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines[::120]]
    fold = str.maketrans(string.ascii_uppercase + string.whitespace, string.ascii_lowercase + " " * 6)
    for code in codebook.codes:
        patterns = [regex.compile(pattern) for pattern in code.indicators]
        for text in texts:
            plain = [match.span() for pattern in patterns if (match := pattern.search(text.translate(fold)))]
            assert indicator_hits(code, text) == plain


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?i)JOINT", "a joint post"),
        (r"(?:joint|shared)? ?posts?", "post"),
        (r"(a|b|)c", "c"),
        (r"x{0}y", "y"),
        (r"(?!no)\w+ way", "one way"),
        (r"[ab]x", "bx"),
        (r"(?<=the )hub", "the hub"),
        (r"(?:ab)+c", "ababc"),
        (r"\bwork(?:ing)?\b", "work"),
        (r"(?i:Joint)", "joint"),
        (r"(?>joint|shared) posts", "shared posts"),
    ],
)
def test_an_indicator_is_found_however_it_is_written(codebook, pattern, text):
    code = codebook.codes[0].model_copy(update={"indicators": (pattern,)})
    assert len(indicator_hits(code, text)) == 1


def test_indicators_reach_over_line_ends(codebook):
    assert indicator_hits(codebook["people_and_trust"], "a relationship built on mutual\nrespect")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["codes"].append(d["codes"][0]), "stands twice"),
        (lambda d: d["codes"][0].update(parent="nothing"), "is not a code"),
        (lambda d: d["codes"][0].update(group="nothing"), "is not among"),
        (lambda d: d["codes"][0].update(indicators=["("]), "no regular expression"),
    ],
)
def test_a_broken_rule_is_named(codebook, change, message):
    data = codebook.model_dump(mode="json")
    change(data)
    with pytest.raises(ValueError, match=message):
        Codebook.model_validate(data)


def test_what_is_no_yaml_is_one_line(tmp_path):
    (tmp_path / "c.yaml").write_text("codes: [")
    with pytest.raises(InputError, match="is not YAML"):
        load_codebook(tmp_path / "c.yaml")


def test_who_searches_no_indicators_need_not_have_them_checked(tmp_path):
    text = (CORPUS / "codebook.yaml").read_text(encoding="utf-8")
    (tmp_path / "c.yaml").write_text(text.replace("indicators:\n", "indicators:\n      - '('\n", 1), encoding="utf-8")
    with pytest.raises(InputError, match="no regular expression"):
        load_codebook(tmp_path / "c.yaml")
    assert load_codebook(tmp_path / "c.yaml", searched=False).names == load_codebook(CORPUS / "codebook.yaml").names
