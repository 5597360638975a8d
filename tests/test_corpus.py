"""Invariants of what ships: register, gold, gazetteer and codebook fit each other and say what they are."""

import re
from collections import Counter

import pytest

from collabnlp.readers import read_blocks
from collabnlp.records import EntityMention, GoldPassage, GoldRead, PassageTag, read_jsonl
from collabnlp.redact.blocks import redact
from collabnlp.register import load_register
from collabnlp.segment import segment
from conftest import ROOT

CORPUS = ROOT / "corpus"
GOLD = CORPUS / "gold"


@pytest.fixture(scope="module")
def entries():
    found, problems = load_register(CORPUS)
    assert not problems
    return found


def test_five_digests_in_four_formats_and_ten_interviews_in_four(entries):
    by_kind = {kind: [e for e in entries if e.kind == kind] for kind in ("report", "transcript")}
    assert {e.source_path.rsplit(".")[-1] for e in by_kind["report"]} == {"md", "docx", "html", "pdf"}
    assert {e.source_path.rsplit(".")[-1] for e in by_kind["transcript"]} == {"docx", "vtt", "srt", "txt"}
    assert (len(by_kind["report"]), len(by_kind["transcript"])) == (5, 10)
    assert {e.access for e in by_kind["transcript"]} == {"attributable", "non-attributable"}


def test_what_a_language_model_wrote_or_invented_says_so(entries):
    for entry in entries:
        assert "language model" in entry.note
        assert entry.synthetic is (entry.kind == "transcript")


def test_sources_are_long_enough_and_read_well(entries, gazetteer):
    for entry in entries:
        source = read_blocks(CORPUS / entry.source_path)
        blocks = redact(source, access=entry.access, document_id=entry.document_id, gazetteer=gazetteer).blocks
        text, passages = segment(entry.document_id, blocks)
        assert len(text.split()) >= (2500 if entry.kind == "report" else 900), entry.document_id
        assert all(text[p.start_char : p.end_char] == p.text for p in passages)
        assert all(len(p.text.split()) <= 200 for p in passages)
        if entry.kind == "transcript":
            assert {p.speaker for p in passages} - {None} >= {"Interviewer"}, entry.document_id
        else:
            assert sum(bool(p.section) for p in passages) > 0.9 * len(passages), entry.document_id


def test_the_toolkit_digest_tells_all_its_case_studies():
    text = (CORPUS / "reports" / "dcn-gt-toolkit-2018-digest.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^### ", text, re.M)) >= 31


def test_an_interview_not_for_attribution_names_none_of_its_speakers(entries):
    for entry in entries:
        if entry.access == "non-attributable":
            source = read_blocks(CORPUS / entry.source_path)
            names = {part for block in source if block.speaker for part in block.speaker.split() if len(part) > 3}
            text = " ".join(block.text for block in redact(source, access=entry.access).blocks)
            assert not [name for name in names if re.search(rf"\b{name}\b", text)]


def test_gold_fits_itself_and_the_codebook(codebook):
    passages = {p.passage_id: p for p in read_jsonl(GOLD / "passages.jsonl", GoldPassage)}
    reads = {(r.passage_id, r.coder) for r in read_jsonl(GOLD / "reads.jsonl", GoldRead) if r.task == "codes"}
    tags = read_jsonl(GOLD / "tags.jsonl", PassageTag)
    assert len({p.text for p in passages.values()}) == len(passages)
    assert {p for p, _ in reads} == set(passages)
    assert all((tag.passage_id, tag.coder) in reads and tag.code in codebook.names for tag in tags)
    keys = Counter((tag.passage_id, tag.code, tag.coder) for tag in tags)
    assert max(keys.values()) == 1


def test_gold_mentions_are_slices():
    text = {p.passage_id: p.text for p in read_jsonl(GOLD / "passages.jsonl", GoldPassage)}
    for m in read_jsonl(GOLD / "mentions.jsonl", EntityMention):
        assert text[m.passage_id][m.start_char : m.end_char] == m.text


def test_free_gold_names_no_real_council(gazetteer):
    real = {
        alias
        for alias, (form, ids) in gazetteer.aliases.items()
        if not gazetteer.entities[ids[0]].invented
        and gazetteer.entities[ids[0]].label == "COUNCIL"
        and form != "abbreviation"
    }
    names = sorted((a for a in real if " " in a), key=len, reverse=True)
    first = re.escape("".join(sorted({name[0] for name in names})))  # most words are none of theirs: ten times as fast
    real_pattern = re.compile(rf"\b(?=[{first}])({'|'.join(map(re.escape, names))})\b")
    for p in read_jsonl(GOLD / "passages.jsonl", GoldPassage):
        if not p.restates:
            found = {match.group() for match in real_pattern.finditer(p.text)} - {"East Midlands"}  # a region, too
            assert not found, (p.passage_id, found)
