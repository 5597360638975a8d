"""A language model's codes beside others': measured, then in the matrix; and without it nothing is asked."""

import json
import re
import socket

import pytest

from collabnlp.coded import load_coded, read_passages
from collabnlp.llm.client import Client
from collabnlp.records import (
    AgreementRow,
    EvidenceRow,
    GoldPassage,
    GoldRead,
    InputError,
    Passage,
    PassageTag,
    read_jsonl,
    read_table,
)
from conftest import run_stages
from llm_server import Server, said


@pytest.fixture
def nobody_is_asked(monkeypatch):
    """Fail where anything makes a client or opens a connection."""

    def refuse(*args, **more):
        raise AssertionError("a connection")

    monkeypatch.setattr(Client, "__init__", refuse)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_the_pipeline_and_tag_open_no_connection(ready, call, nobody_is_asked):
    run_stages("embed", "classify", "evaluate", "evidence")
    (ready / "new.txt").write_text("The councils trust each other and their leaders speak every week.\n")
    assert call("tag", "new.txt")[0] == 0


def oracle(project):
    """What a language model would say that knows the gold; of other passages, that their first words are about trust."""
    texts = {
        row.passage_id: row.text for row in read_jsonl(project / "corpus" / "gold" / "passages.jsonl", GoldPassage)
    }
    codes = {text: [] for text in texts.values()}
    for tag in read_table(project / "outputs" / "out_of_fold_tags.parquet", PassageTag):
        if tag.coder == "gold":
            text = texts[tag.passage_id]
            words = re.match(r"\S+(\s+\S+){1,2}", text).group() if len(codes[text]) < 3 else " ".join(text.split()[-3:])
            codes[text].append((tag.code, tag.stance, words))

    def script(text, n):
        first = re.match(r"\S+\s+\S+", text)
        return said(*codes.get(text, [("trust", "negative", first.group())]))

    return script


def set_coders(project, coders, min_measured):
    path = project / "params.yaml"
    text = re.sub(r"coders: .*", f"coders: {json.dumps(coders)}", path.read_text(encoding="utf-8"))
    path.write_text(re.sub(r"min_measured: \d+", f"min_measured: {min_measured}", text), encoding="utf-8")


def test_codes_of_a_language_model_count_when_they_are_measured_and_named(ready, call):
    scored = {row.passage_id for row in read_table("outputs/out_of_fold_reads.parquet", GoldRead)}
    with Server(oracle(ready)) as server:
        args = ("code", "--base-url", server.url, "--model", "small")
        assert call(*args, "--passages", "all")[0] == 0
        ((coder, rows),) = load_coded(ready / "corpus").items()
        set_coders(ready, ["model", coder], 5)
        run_stages("evaluate")
        with pytest.raises(InputError, match="measured on 0 coded passages, and 5 are asked for"):
            run_stages("evidence")
        status, _, err = call(*args, "--passages", "gold")
        assert status == 0, err
    rows = load_coded(ready / "corpus")[coder]
    assert read_passages(rows) >= scored
    # agreement, as with any coder
    status, out, err = call("agreement", "gold", coder, "--format", "csv")
    assert status == 0
    assert f"gold read {len(scored)} passages, {coder} {len(read_passages(rows))}, both {len(scored)}" in err
    micro = next(line for line in out.splitlines() if line.startswith("micro"))
    assert ",1.0" in micro
    assert call("agreement", "gold", "llm:nobody:1")[0] == 2
    # cost against gain
    status, out, err = call("cascade", coder)
    assert status == 0, err
    lines = out.splitlines()
    assert lines[1].startswith("none: the classifier alone")
    last = re.split(r"\s{2,}", lines[-1])
    assert last[1] == str(len(scored))
    assert last[-4] == "1.00"
    for form in ("md", "csv"):
        assert "review, as it is drawn now" in call("cascade", coder, "--format", form)[1]
    # and in the matrix
    run_stages("evaluate")
    assert {
        row.n_passages
        for row in read_table("outputs/agreement.parquet", AgreementRow)
        if row.coder_b == coder and row.basis == "read"
    } == {len(scored)}
    run_stages("evidence", "audit")
    evidence = read_table("outputs/evidence.parquet", EvidenceRow)
    own = [row for row in evidence if row.coder == coder]
    text_of = {row.passage_id: row.text for row in read_table("outputs/passages.parquet", Passage)}
    assert {row.passage_id for row in own} == read_passages(rows) & set(text_of)
    assert all(row.sentence == " ".join(row.quote.split()[:2]) for row in own if row.access == "public")
    assert not [row for row in evidence if row.coder != coder and row.review]
    assert coder.encode() in (ready / "outputs" / "evidence.csv").read_bytes()
    # the same again without the language model, and it is gone
    set_coders(ready, [], 5)
    run_stages("evidence")
    assert {row.coder.split("-")[0] for row in read_table("outputs/evidence.parquet", EvidenceRow)} == {"model"}


def test_what_goes_to_this_machine_is_pseudonymised(ready, call):
    with Server(oracle(ready)) as server:
        assert (
            call("code", "--base-url", server.url, "--model", "small", "--passages", "all", "--document", "talk")[0]
            == 0
        )
        sent = json.dumps(server.payloads)
    assert "what was on the table" in sent
    assert "Marsh" not in sent
    assert "Weir" not in sent


def test_the_audit_looks_through_what_was_answered(ready, call):
    with Server(lambda text, n: said(("trust", "positive", "says Bo Marsh himself"))) as server:
        call("code", "--base-url", server.url, "--model", "small", "--passages", "all", "--document", "orren")
    status, out, _ = call("audit")
    assert status == 1
    assert ".cache/collabnlp/answers" in out
    assert "Marsh" not in out
