"""Runs of a language model as a coder, against a scripted server on loopback: cut off, taken up, failing, refused, measured."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from collabnlp.codebook import load_codebook
from collabnlp.coded import coded_path, load_coded
from collabnlp.llm.answers import ALL_VOID, CUT, EMPTY, NOT_JSON, REFUSAL, UNKNOWN
from collabnlp.llm.coding import Coder
from collabnlp.llm.journal import journal_path, read_journal
from collabnlp.llm.select import load_prompter, select_passages
from collabnlp.params import load_params
from conftest import ROOT
from llm_server import Reply, Server, lay_out_passages, said

KEY = "planted-key-0123456789"
TEXTS = [f"Paragraph {i} says that we trust each other, slow to start." for i in range(20)]


def command(*args):
    return [sys.executable, "-m", "collabnlp", "code", "--model", "small", *map(str, args)]


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}


def coder_of(project):
    """The coder that a run in this folder has."""
    book, settings = load_codebook(project / "corpus" / "codebook.yaml"), load_params(project / "params.yaml").code
    return Coder("small", load_prompter(project, book, settings, "non-attributable"), book, settings)


def rows_of(project):
    (rows,) = load_coded(project / "corpus").values()
    return rows


# ---------------------------------------------------------------------------------------------------------------------
# Many passages, killed three times

GOOD = said(("trust", "positive", "trust each other"), ("momentum", "negative", "slow to start"))
BAD = {  # last two figures of a passage's number: what the server does every time, and how the passage is listed
    75: (Reply('{"codes": [{"code": "trust"'), NOT_JSON),
    76: (said(("trust", "positive", "words that nobody said")), ALL_VOID),
    79: (said(("happiness", "positive", "trust each other")), UNKNOWN),
    81: (Reply(""), EMPTY),
    82: (Reply("", refusal="I will not."), REFUSAL),
    83: (Reply(f"Of course! {GOOD.content} I hope this helps."), NOT_JSON),
    84: (GOOD._replace(finish="length"), CUT),
}
ONCE = {  # what the server does the first time
    70: Reply('{"codes": [{"co', finish="length"),
    71: Reply("not JSON at all"),
    72: said(("happiness", "positive", "trust each other")),
    85: Reply(status=429, headers=(("Retry-After", "0.02"),)),
    86: Reply(status=500, body="oh dear"),
    87: Reply(status=0),
    88: GOOD._replace(status=-1),
    89: GOOD._replace(wait=1.3),
    90: Reply(body="<html>cut"),
    91: Reply(status=503, headers=(("Retry-After", "0"),)),
}
DOWN, NONE, VOID = 95, 60, 78


def scripted(healed):
    def script(text, n):
        kind = int(text.split()[1]) % 100
        if kind in BAD:
            return BAD[kind][0]
        if kind in ONCE and n == 0:
            return ONCE[kind]
        if kind == DOWN and not healed:
            return Reply(status=500, body="down")
        if kind == NONE:
            return said()
        if kind == VOID:
            return said(("trust", "positive", "trust each other"), ("risk", "positive", "words that nobody said"))
        return GOOD

    return script


@pytest.mark.parametrize("total", [400, pytest.param(2000, marks=pytest.mark.long)])
def test_passages_of_a_run_killed_three_times_are_each_coded_once_or_listed(tmp_path, total):
    texts = [f"Paragraph {i} says that the councils trust each other, but were slow to start." for i in range(total)]
    lay_out_passages(tmp_path, texts, settings="  concurrency: 8\n")
    healed, done_by = [], Counter()
    journal = None
    with Server(lambda text, n: scripted(healed)(text, n)) as server:
        args = command("--base-url", server.url, "--passages", "all")
        journal = journal_path(coder_of(tmp_path).name, tmp_path)
        for at in (total // 4, total // 2, 3 * total // 4):
            run = subprocess.Popen(args, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE)
            while sum(server.answered.values()) < at:
                assert run.poll() is None, run.stderr.read()
                time.sleep(0.005)
            run.send_signal(signal.SIGKILL)
            run.communicate()
            time.sleep(0.1)  # what was under way reaches the server
            with journal.open("ab") as file:
                file.write(b'["cut off in the mid')  # as if the machine had died while writing
            recorded = {entry.key for entry in read_journal(journal)}
            assert len(recorded) > at * 0.8
            done_by.update(dict.fromkeys(recorded - set(done_by), 0))
            for key in done_by:
                done_by[key] = done_by[key] or server.asked[key]
        last = subprocess.run(args, cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert last.returncode == 2, last.stderr  # some had no answer
        assert all(server.asked[key] == n for key, n in done_by.items())  # what was recorded is never asked again
        twice = sum(n - 1 for n in server.answered.values() if n > 1)
        slow = sum(int(text.split()[1]) % 100 == 89 for text in texts)  # answered, but after we had hung up
        assert twice <= 3 * 8 + slow
        first = rows_of(tmp_path)
        assert {row.passage_id for row in first if row.outcome == "no answer"} == {
            f"report:{i + 1:04d}" for i in range(total) if i % 100 == DOWN
        }
        healed.append(True)
        before = server.about.copy()
        again = subprocess.run(args, cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        asked = server.about - before
        assert set(asked.values()) == {1}
        assert {int(text.split()[1]) % 100 for text in asked} == {DOWN}
        n_calls, path = sum(server.about.values()), coded_path(tmp_path / "corpus", coder_of(tmp_path).name)
        written = path.read_bytes()
        journal.unlink()  # the file of codes alone is enough
        idle = subprocess.run(args, cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert idle.returncode == 0, idle.stderr
        assert sum(server.about.values()) == n_calls
        assert path.read_bytes() == written
    outcomes = {}
    for row in rows_of(tmp_path):
        outcomes.setdefault(row.passage_id, []).append((row.outcome, row.code, row.reason))
    assert len(outcomes) == total
    for i in range(total):
        found, kind = outcomes[f"report:{i + 1:04d}"], i % 100
        if kind in BAD:
            assert found == [("not coded", "", f"{BAD[kind][1]}, 2 times")]
        elif kind == NONE:
            assert found == [("no code", "", "")]
        elif kind == VOID:
            assert {f[:2] for f in found} == {("code", "trust"), ("void", "risk")}
        else:
            assert sorted(f[1] for f in found) == ["momentum", "trust"]
    spans = {
        text[r.start_char : r.end_char]
        for r in rows_of(tmp_path)
        if r.outcome == "code"
        for text in [texts[int(r.passage_id[-4:]) - 1]]
    }
    assert spans == {"trust each other", "slow to start"}


# ---------------------------------------------------------------------------------------------------------------------
# Stopping


def test_ctrl_c_waits_for_what_is_under_way_and_the_next_run_goes_on(tmp_path):
    lay_out_passages(tmp_path, [f"Paragraph {i} says that we trust each other, slow to start." for i in range(60)])
    with Server(lambda text, n: GOOD._replace(wait=0.1)) as server:
        args = command("--base-url", server.url, "--passages", "all")
        run = subprocess.Popen(args, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
        while sum(server.answered.values()) < 12:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=20)
        assert run.returncode == 1, err
        assert "left" in err
        assert "Traceback" not in err
        n_coded = len({row.passage_id for row in rows_of(tmp_path)})
        assert n_coded == sum(server.answered.values()) < 60
        done = subprocess.run(args, cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert set(server.answered.values()) == {1}
        assert len(server.answered) == 60


def test_a_second_ctrl_c_ends_at_once_and_loses_no_answer(tmp_path):
    lay_out_passages(tmp_path, TEXTS)
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("timeout: 1.0", "timeout: 60.0"))
    with Server(lambda text, n: GOOD._replace(wait=0 if int(text.split()[1]) < 8 else 30)) as server:
        args = command("--base-url", server.url, "--passages", "all")
        run = subprocess.Popen(args, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
        while sum(server.asked.values()) < 12:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=5)
    assert run.returncode == 130
    assert "Traceback" not in err
    assert len(read_journal(journal_path(coder_of(tmp_path).name, tmp_path))) == 8


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Make a project of these passages and work in its folder."""

    def make(texts, **more):
        passages = lay_out_passages(tmp_path, texts, **more)
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("COLLABNLP_LLM_KEY", raising=False)
        return passages

    return make


def test_a_budget_of_calls_stops_cleanly(here, call, tmp_path):
    here(TEXTS)
    with Server(lambda text, n: GOOD) as server:
        args = ("code", "--base-url", server.url, "--model", "small", "--passages", "all")
        status, _, err = call(*args, "--max-calls", 7)
        assert status == 1
        assert "7 questions sent" in err
        assert "13 left" in err
        assert sum(server.asked.values()) == 7
        assert call(*args)[0] == 0
        assert sum(server.asked.values()) == 20


def test_a_budget_of_tokens_is_not_overrun(here, call, tmp_path):
    here(TEXTS)
    with Server(lambda text, n: GOOD) as server:
        args = ("code", "--base-url", server.url, "--model", "small", "--passages", "all")
        status, _, err = call(*args, "--max-tokens", 12_000)
        spent = 940 * sum(server.answered.values())
        assert status == 1
        assert 940 < spent <= 12_000 < spent + 8_000  # as far as the longest answer to one more would still fit
        assert f"about {spent:,} tokens" in err


def test_passages_that_have_no_answer_one_after_another_keep_no_other_from_its_own(here, call, tmp_path):
    texts = [f"Paragraph {i} says that the councils trust each other." for i in range(40)]
    here(texts)
    with Server(lambda text, n: Reply(status=500) if int(text.split()[1]) < 15 else GOOD) as server:
        _, _, err = call("code", "--base-url", server.url, "--model", "small", "--passages", "all")
    assert "in a row" not in err
    rows = rows_of(tmp_path)
    assert len({row.passage_id for row in rows if row.outcome == "no answer"}) == 15
    assert len({row.passage_id for row in rows if row.outcome != "no answer"}) == 25


def test_a_server_that_never_answers_ends_the_run_with_one_line(here, call, tmp_path):
    here(TEXTS)
    with Server(lambda text, n: Reply(status=500)) as server:
        status, _, err = call("code", "--base-url", server.url, "--model", "small", "--passages", "all")
        assert status == 2
        assert "no answer 10 times in a row" in err.splitlines()[-1]
        assert sum(server.asked.values()) <= 3 * 14
    status, _, err = call("code", "--base-url", server.url, "--model", "small", "--passages", "all")  # nobody there
    assert status == 2
    assert "no answer 10 times in a row" in err.splitlines()[-1]
    assert {row.reason for row in rows_of(tmp_path)} <= {
        "the server failed (500), 3 times",
        "nothing answers at the address, 3 times",
    }


def test_a_wait_that_is_too_long_ends_the_run(here, call):
    here(TEXTS)
    with Server(lambda text, n: Reply(status=429, headers=(("Retry-After", "86400"),))) as server:
        status, _, err = call("code", "--base-url", server.url, "--model", "small", "--passages", "all")
    assert status == 2
    assert "asks to wait 86400 seconds" in err
    assert sum(server.asked.values()) <= 4


def test_all_wait_where_the_server_says_so(here, call):
    here(TEXTS)
    times = []

    def script(text, n):
        times.append(time.monotonic())
        return Reply(status=429, headers=(("Retry-After", "1.2"),)) if len(times) == 1 else GOOD._replace(wait=0.15)

    with Server(script) as server:
        assert call("code", "--base-url", server.url, "--model", "small", "--passages", "all")[0] == 0
    assert not [t for t in times if times[0] + 0.6 < t < times[0] + 1.2]


def test_two_runs_at_a_time_are_refused(here, call, tmp_path):
    here(TEXTS[:2])
    from collabnlp.llm.journal import open_journal

    with Server(lambda text, n: GOOD) as server, open_journal(journal_path(coder_of(tmp_path).name)):
        status, _, err = call("code", "--base-url", server.url, "--model", "small", "--passages", "all")
    assert status == 2
    assert "another run" in err
    assert not server.asked


# ---------------------------------------------------------------------------------------------------------------------
# What is asked


def test_passages_are_those_asked_for(here, call, tmp_path):
    here(TEXTS, gold=[("We trust each other here.", {"trust": "positive"})] * 5)
    book, settings = load_codebook(tmp_path / "corpus" / "codebook.yaml"), load_params().code

    def ids(which, **more):
        return select_passages(tmp_path, book, settings, which, "public", **more).passages.passage_ids

    assert ids("all") == [f"report:{i:04d}" for i in range(1, 21)]
    assert ids("review") == [f"report:{i:04d}" for i in range(1, 21, 3)]
    assert ids("review", below=0.3) == []
    assert ids("unread") == ids("all")
    assert len(ids("gold")) == 5
    drawn = ids("all", limit=6)
    assert len(drawn) == 6
    assert drawn == sorted(drawn) == ids("all", limit=6)
    assert set(drawn) < set(ids("all", limit=7))
    status, _, err = call("code", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--document", "nothing")
    assert status == 2
    assert "'nothing' is no document here" in err


def test_a_dry_run_sends_nothing_and_says_how_much_it_would(here, call):
    here(TEXTS)
    with Server(lambda text, n: GOOD) as server:
        args = ("code", "--base-url", server.url, "--model", "small", "--passages", "all")
        status, out, _ = call(*args, "--dry-run")
        assert status == 0
        assert "20 passages, 0 of them answered already; 20 questions" in out
        assert not server.asked
        call(*args, "--limit", 5)
        assert "5 of them answered already; 15 questions" in call(*args, "--dry-run")[1]


def test_the_same_question_about_two_passages_is_asked_once(here, call, tmp_path):
    here(["We trust each other, slow to start."] * 9, settings="  context: 0\n  exemplars: 0\n")
    with Server(lambda text, n: GOOD._replace(wait=0.05)) as server:
        status, _, err = call("code", "--base-url", server.url, "--model", "small", "--passages", "all")
    assert status == 0, err
    assert sum(server.asked.values()) == 1
    assert len({row.passage_id for row in rows_of(tmp_path)}) == 9


def test_what_is_sent_is_settled(here, call):
    here(TEXTS[:3])
    with Server(lambda text, n: GOOD) as server:
        call("code", "--base-url", f"{server.url}/", "--model", "org/small:7b", "--passages", "all")
    assert set(server.paths) == {"/v1/chat/completions"}
    for payload in server.payloads:
        assert payload["temperature"] == 0
        assert payload["seed"] == 20
        assert payload["model"] == "org/small:7b"
        schema = payload["response_format"]["json_schema"]["schema"]
        assert "trust" in schema["properties"]["codes"]["items"]["properties"]["code"]["enum"]
    assert all("authorization" not in {name.lower() for name in headers} for headers in server.headers)


def test_a_missing_client_or_a_strange_name_is_one_line(here, call, monkeypatch):
    here(TEXTS[:3])
    args = ("code", "--base-url", "http://127.0.0.1:9/v1", "--passages", "all", "--model")
    for name in ("=cmd()", "two\nlines", "", "a" * 101):
        status, _, err = call(*args, name)
        assert status == 2
        assert err.startswith("--model: is no name")
    monkeypatch.setitem(sys.modules, "httpx2", None)
    status, _, err = call(*args, "m")
    assert status == 2
    assert err.startswith("httpx2: is not installed")
    assert call(*args, "m", "--dry-run")[0] == 0


# ---------------------------------------------------------------------------------------------------------------------
# Who may see what


@pytest.mark.parametrize(
    ("access", "address", "listed", "sent"),
    [
        ("non-attributable", "http://127.0.0.1:{port}/v1", "{{}}", True),
        ("non-attributable", "http://127.0.0.1:{port}/v1", '{{"http://127.0.0.1:{port}": public}}', False),
        ("public", "http://127.0.0.1:{port}/v1", '{{"http://localhost:{port}/v1": public}}', True),
        ("attributable", "http://llm.example.org/v1", "{{}}", False),
        ("non-attributable", "http://llm.example.org/v1", '{{"http://llm.example.org": attributable}}', False),
    ],
)
def test_an_address_sees_what_it_may(here, call, access, address, listed, sent):
    with Server(lambda text, n: GOOD) as server:
        port = server.http.server_port
        here(TEXTS[:4], access=access, settings=f"  addresses: {listed.format(port=port)}\n")
        status, _, err = call("code", "--base-url", address.format(port=port), "--model", "m", "--passages", "all")
    assert bool(server.asked) == sent
    assert status == (0 if sent else 2)
    if not sent:
        assert "4 passages are left out" in err
        assert "may see" in err


def test_neighbours_that_the_address_may_not_see_are_not_shown(here, tmp_path):
    from collabnlp.records import Passage, read_table, write_table

    here(["An open passage of ours.", "A closed passage of theirs.", "Another open passage of ours."])
    path = tmp_path / "outputs" / "passages.parquet"
    rows = read_table(path, Passage)
    rows[1] = rows[1].model_copy(update={"access": "non-attributable"})
    write_table(path, rows, Passage)
    book, settings = load_codebook(tmp_path / "corpus" / "codebook.yaml"), load_params().code
    for highest, n, shown in (("public", 2, False), ("non-attributable", 3, True)):
        selected = select_passages(tmp_path, book, settings, "all", highest)
        assert len(selected.passages.passage_ids) == n
        assert selected.n_withheld == 3 - n
        assert ("A closed passage of theirs." in selected.passages.after[0]) == shown


def test_a_redirect_is_not_followed(here, call):
    here(TEXTS[:4])
    with Server(lambda text, n: GOOD) as other:
        moved = Reply(status=307, headers=(("Location", f"{other.url}/chat/completions"),))
        with Server(lambda text, n: moved) as server:
            status, _, err = call("code", "--base-url", server.url, "--model", "m", "--passages", "all")
    assert status == 2
    assert "has moved" in err
    assert not other.asked


def test_no_proxy_of_the_environment_sees_what_goes_to_this_machine(here, call, monkeypatch):
    here(TEXTS[:2])
    with Server(lambda text, n: GOOD) as proxy, Server(lambda text, n: GOOD) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        assert call("code", "--base-url", server.url, "--model", "m", "--passages", "all")[0] == 0
    assert server.asked
    assert not proxy.asked


def everything(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500, body=f"Bearer {KEY}"),
        Reply(status=401, body=json.dumps({"error": {"code": KEY, "message": KEY}})),
        Reply(status=400, body=json.dumps({"error": {"code": "invalid_prompt", "message": KEY}})),
        Reply(status=302, headers=(("Location", f"/{KEY}"),)),
        Reply(KEY),
        said((KEY, "positive", "trust each other")),
        GOOD._replace(finish=KEY),
        Reply(body=KEY),
    ],
    ids=["500", "401", "400", "302", "answer", "code", "finish", "broken"],
)
def test_a_key_reaches_nothing_but_the_server(here, call, tmp_path, monkeypatch, reply):
    here(TEXTS[:3])
    monkeypatch.setenv("COLLABNLP_LLM_KEY", KEY)
    with Server(lambda text, n: reply) as server:
        _, out, err = call("code", "--base-url", server.url, "--model", "m", "--passages", "all")
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    assert KEY not in out + err
    assert "Traceback" not in err
    assert KEY.encode() not in everything(tmp_path)


def test_a_traceback_does_not_tell_the_key(tmp_path):
    lay_out_passages(tmp_path, TEXTS[:3])
    broken = (
        "import sys, collabnlp.llm.client as client\n"
        "def read(self, data): raise AssertionError('a bug')\n"
        "client.Client._read = read\n"
        "sys.argv[1:1] = ['code']\n"
        "from collabnlp.cli import main\n"
        "main()\n"
    )
    with Server(lambda text, n: GOOD) as server:
        args = [sys.executable, "-c", broken, "--base-url", server.url, "--model", "m", "--passages", "all"]
        env = environment(COLLABNLP_LLM_KEY=KEY)
        done = subprocess.run(args, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "Traceback" in done.stderr
    assert "a bug" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert KEY.encode() not in everything(tmp_path)
