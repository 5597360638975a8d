"""The pages on which a reviewer codes, asked as a browser asks them."""

import json
import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from collabnlp.desk import Desk, NotTakenError, parse_part
from collabnlp.exchange.journal import Journal
from collabnlp.records import InputError
from collabnlp.review import load_tables
from collabnlp.runs import KEPT
from collabnlp.web.app import create_app
from collabnlp.web.guard import HEADERS
from collabnlp.web.review import MAX_BODY, WRITES
from collabnlp.web.serve import serve
from conftest import ROOT
from desk_world import fill

HERE = "http://localhost"


@pytest.fixture
def made(ready):
    """A project with 120 passages that nobody has read."""
    fill(ready)
    return ready


def open_pages(project, coder="anna", **options):
    desk = Desk(project, coder, **options)
    app = create_app(project / "outputs" / "evidence.db", ROOT, desk=desk)
    return TestClient(app, base_url=HERE, follow_redirects=False), desk


@pytest.fixture
def pages(made):
    return open_pages(made)


def fields(html, form="coding"):
    """The fields of a form, as a browser would send them."""
    body = re.search(rf'<form[^>]*id="{form}".*?</form>', html, re.S).group()
    found = {}
    for tag in re.findall(r"<input[^>]*>", body):
        own = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if own.get("type") != "radio" or " checked" in tag:
            found[own["name"]] = own["value"]
    note = re.search(r"<textarea[^>]*>(.*?)</textarea>", body, re.S)
    return found | ({"note": unescape(note.group(1))} if note else {})


def send(client, path, data, **headers):
    return client.post(path, data=data, headers={"origin": HERE, "sec-fetch-site": "same-origin", **headers})


def begin(client):
    """The next passage's page and its form."""
    answer = client.get("/review/next")
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert page.status_code == 200, page.text
    return page.text, fields(page.text)


def code(client, codes, note="", **changes):
    """Code the next passage; its id and the answer."""
    _, form = begin(client)
    form = {k: "" if k.startswith("code-") else v for k, v in form.items()}
    form |= {f"code-{name}": stance for name, stance in codes.items()} | {"note": note} | changes
    return form["id"], send(client, "/review/passage", form)


def test_without_a_reviewer_nothing_can_be_sent(made):
    client = TestClient(create_app(made / "outputs" / "evidence.db", ROOT), base_url=HERE, follow_redirects=False)
    assert client.get("/review").status_code == 404
    assert "/review" not in client.get("/method").text
    for path in (*WRITES, "/matrix", "/api/matrix"):
        assert send(client, path, {"token": "x"}).status_code == 405


def test_with_a_reviewer_only_the_review_takes_forms(pages):
    client, _ = pages
    for path in ("/matrix", "/review", "/review/next", "/api/matrix"):
        assert send(client, path, {"token": "x"}).status_code == 405
    for path in ("/review/undo", "/review/hand-in"):
        assert client.get(path).status_code in (404, 405)
    assert client.put("/review/passage", content=b"x").status_code == 405


def test_a_passage_comes_with_what_belongs_to_it(pages):
    client, desk = pages
    html, form = begin(client)
    task = desk.task(form["id"])
    assert desk.queue[0].passage_id == form["id"]
    assert task.passage.text in unescape(html)
    assert "Part one" in html
    assert all(p.text in unescape(html) for p in (*task.before, *task.after))
    assert 1 <= len(task.before) + len(task.after) <= 2
    for own in desk.codebook.for_readers().codes:
        assert f"<p>{own.definition}</p>" in unescape(html)
    scores = [s.score for s in task.suggestions]
    assert scores == sorted(scores, reverse=True)
    for s in task.suggestions:
        assert f"score {s.score:.2f}" in html
        assert s.sentence in task.passage.text
    assert {name: value for name, value in form.items() if name.startswith("code-") and value} == {
        f"code-{s.code}": s.stance for s in task.suggestions if s.given
    }


def test_a_text_is_shown_as_it_stands(pages, made):
    client, _ = pages
    html = client.get("/review/passage?id=report:0004").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "{{ 7*7 }}" in html


def test_a_decision_is_on_disk_at_once_and_the_next_passage_comes(pages, made):
    client, desk = pages
    own, answer = code(client, {"trust": "negative", "risk": "positive"}, "see the minutes")
    assert answer.status_code == 303
    assert answer.headers["location"] != f"/review/passage?id={own.replace(':', '%3A')}"
    (decision,) = Journal(made / "review" / "anna.jsonl").decisions()
    assert (decision.passage_id, decision.codes, decision.note) == (
        own, {"trust": "negative", "risk": "positive"}, "see the minutes",
    )  # fmt: skip
    assert decision.suggested_by == desk.shelf.classifier.coder
    assert not decision.drawn
    assert own not in begin(client)[1]["id"]


def test_whoever_comes_back_goes_on_where_it_stopped(pages, made):
    client, desk = pages
    done = [code(client, {})[0] for _ in range(3)]
    assert done == [row.passage_id for row in desk.queue[:3]]
    later, _ = open_pages(made)
    assert begin(later)[1]["id"] == desk.queue[3].passage_id
    assert "3 of 120 passages decided" in later.get("/review").text


def test_a_form_sent_twice_counts_once(pages, made):
    client, _ = pages
    _, form = begin(client)
    answers = [send(client, "/review/passage", form) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {303}
    assert len((made / "review" / "anna.jsonl").read_bytes().splitlines()) == 1


def test_what_another_window_decided_is_not_overwritten_unseen(pages):
    client, desk = pages
    _, form = begin(client)
    send(client, "/review/passage", form | {"code-trust": "positive"})
    answer = send(client, "/review/passage", form | {"code-trust": "negative"})
    assert answer.status_code == 409
    assert "in another window" in answer.text
    assert "Trust (positive)" in answer.text
    assert fields(answer.text)["code-trust"] == "negative"  # what was chosen is kept
    assert desk.decision(form["id"]).codes["trust"] == "positive"
    assert send(client, "/review/passage", fields(answer.text)).status_code == 303
    assert desk.decision(form["id"]).codes["trust"] == "negative"


def test_a_decision_can_be_taken_back_and_is_then_filled_in(pages):
    client, desk = pages
    first, _ = code(client, {"trust": "negative"}, "a note")
    code(client, {})
    for expected in (desk.queue[1].passage_id, first):
        page = client.get(client.get("/review/next").headers["location"]).text
        form = fields(page, "undo")
        assert form["id"] == expected
        assert send(client, "/review/undo", form).status_code == 303
        assert send(client, "/review/undo", form).status_code == 303  # pressed twice: one is taken back
    html, form = begin(client)
    assert form["id"] == first
    assert (form["code-trust"], form["note"]) == ("negative", "a note")
    assert "Taken back" in html
    assert desk.waiting() == []
    assert send(client, "/review/passage", form).status_code == 303


def test_passages_by_chance_come_without_suggestions_and_are_marked(pages, made):
    client, desk = pages
    for _ in range(10):
        html, form = begin(client)
        drawn = desk.task(form["id"]).drawn
        assert ("came by chance" in html) == drawn
        assert not (drawn and "score" in html)
        code(client, {})
    decisions = Journal(made / "review" / "anna.jsonl").decisions()
    assert [d.drawn for d in decisions] == [row.drawn for row in desk.queue[:10]]
    assert sum(d.drawn for d in decisions) == 1
    assert all((d.suggested_by == "") == d.drawn for d in decisions)


def test_blind_reviewers_see_no_suggestion(made):
    client, desk = open_pages(made, blind=True)
    html, form = begin(client)
    assert "score" not in html
    assert not any(v for name, v in form.items() if name.startswith("code-"))
    send(client, "/review/passage", form)
    assert desk.journal.decisions()[0].suggested_by == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:81"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_forms_of_other_sites_are_refused(pages, headers, made):
    client, _ = pages
    _, form = begin(client)
    for path in WRITES:
        answer = send(client, path, form, **headers)
        assert answer.status_code == 403
        assert form["token"] not in answer.text
    assert not (made / "review" / "anna.jsonl").exists()


@pytest.mark.parametrize("what", ["token", "cookie", "both"])
def test_without_token_and_cookie_nothing_is_stored_and_nothing_chosen_is_lost(pages, made, what):
    client, _ = pages
    _, form = begin(client)
    if what != "cookie":
        form["token"] = "0" * 64
    if what != "token":
        client.cookies.clear()
    answer = send(client, "/review/passage", form | {"code-trust": "neutral"})
    assert answer.status_code == 409
    assert not (made / "review" / "anna.jsonl").exists()
    assert fields(answer.text)["code-trust"] == "neutral"
    for path in ("/review/undo", "/review/hand-in"):
        client.cookies.clear()
        assert send(client, path, form).status_code == 409


def test_the_cookie_is_for_these_pages_alone(pages):
    client, _ = pages
    said = client.get("/review").headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "path=/review" in said


def test_other_names_of_the_server_large_bodies_and_other_kinds_are_refused(pages, made):
    client, _ = pages
    _, form = begin(client)
    assert send(client, "/review/passage", form, host="evil.example").status_code == 400
    assert send(client, "/review/passage", form | {"note": "x" * MAX_BODY}).status_code == 413
    headers = {"origin": HERE, "content-type": "application/json"}
    assert client.post("/review/passage", content=b"{}", headers=headers).status_code == 415
    headers["content-type"] = "application/x-www-form-urlencoded"
    assert client.post("/review/passage", content=b"a=%ff" + b"&b=1" * 300, headers=headers).status_code == 400
    assert not (made / "review" / "anna.jsonl").exists()


def test_pages_and_answers_have_the_headers_and_stay_in_no_cache(pages):
    client, _ = pages
    _, form = begin(client)
    for answer in (client.get("/review"), send(client, "/review/passage", form), client.get("/review/passage?id=x")):
        for name, value in HEADERS.items():
            assert answer.headers[name] == ("no-store" if name == "cache-control" else value)


@pytest.mark.parametrize(
    "changes",
    [{"code-nonsense": "positive"}, {"code-trust": "great"}, {"text": "0" * 16}, {"version": "7"}, {"version": "x"}],
)
def test_a_form_that_says_what_cannot_be_stores_nothing(pages, changes, made):
    client, _ = pages
    _, answer = code(client, {}, **changes)
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert not (made / "review" / "anna.jsonl").exists()


def test_passages_that_are_not_in_the_queue(pages):
    client, _ = pages
    _, form = begin(client)
    for own in ("", "nowhere:0001", "<b>"):
        assert client.get("/review/passage", params={"id": own}).status_code == 404
        assert send(client, "/review/passage", form | {"id": own}).status_code == 404
        assert send(client, "/review/undo", form | {"id": own}).status_code == 303


def test_notes_on_interviews_pass_the_check_before_they_are_stored(pages, made):
    client, desk = pages
    page = client.get("/review/passage?id=closed:0002").text
    answer = send(client, "/review/passage", fields(page) | {"note": "Ask Ann Weir, a.weir@example.org"})
    assert answer.status_code == 409
    assert "may point to a person" in answer.text
    assert fields(answer.text)["note"] == "Ask Ann Weir, a.weir@example.org"
    assert not (made / "review" / "anna.jsonl").exists()
    assert send(client, "/review/passage", fields(page) | {"note": "About the board."}).status_code == 303
    page = client.get("/review/passage?id=report:0002").text
    assert send(client, "/review/passage", fields(page) | {"note": "As Ann Weir wrote."}).status_code == 303
    assert [d.note for d in desk.journal.decisions()] == ["About the board.", "As Ann Weir wrote."]


def test_handing_in_is_what_collabnlp_review_does(pages, made, call):
    client, _ = pages
    before = load_tables(made / "corpus/gold")
    given = {}
    for i in range(12):
        codes = {"trust": "negative"} if i % 3 == 0 else {}
        own, _ = code(client, codes, "a note" if i == 0 else "")
        given[own] = codes
    page = client.get("/review").text
    token = re.search(r'name="token" value="(\w+)"', page).group(1)
    assert "Hand in 12 decisions" in page
    assert send(client, "/review/hand-in", {"token": token}).status_code == 303
    page = client.get("/review").text
    assert "12 codings are now among the coded passages" in page
    assert "Hand in" not in page
    after = load_tables(made / "corpus/gold")
    assert {r.passage_id for r in after.reads if r.coder == "anna"} == set(given)
    assert {(t.passage_id, t.code, t.stance) for t in after.tags if t.coder == "anna"} == {
        (own, c, s) for own, codes in given.items() for c, s in codes.items()
    }
    assert sum(row.drawn for row in after.seen) == 1
    assert {row.suggested_by == "" for row in after.seen if row.drawn} == {True}
    assert [note.note for note in after.notes] == ["a note"]
    for name in ("passages", "tags", "reads"):
        assert {r.model_dump_json() for r in getattr(before, name)} < {
            r.model_dump_json() for r in getattr(after, name)
        }
    assert (made / KEPT / "tags.parquet").exists()  # what `collabnlp diff` compares with
    held = {path.name: path.read_bytes() for path in (made / "corpus/gold").iterdir()}
    assert send(client, "/review/hand-in", {"token": token}).status_code == 303
    status, out, _ = call("review", "review/anna.jsonl")
    assert status == 0
    assert re.search(r"anna +0 +0 +0 +12\b", out)
    assert held == {path.name: path.read_bytes() for path in (made / "corpus/gold").iterdir()}
    own = next(iter(given))
    assert "handed this passage in" in client.get(f"/review/passage?id={own}").text
    assert "form" not in re.findall(r"<(\w+)[^>]*id=\"coding\"", client.get(f"/review/passage?id={own}").text)


def test_what_is_handed_in_stays(pages, made):
    client, desk = pages
    own, _ = code(client, {"trust": "positive"})
    desk.hand_in()
    with pytest.raises(NotTakenError, match="anna-2"):
        desk.save(own, desk.shelf.marks[own], 1, {}, "")
    with pytest.raises(NotTakenError, match="handed in"):
        desk.undo(own, desk.shelf.marks[own], 1)
    assert begin(client)[1]["id"] != own


def test_a_journal_comes_back_after_the_passages_were_numbered_anew(pages, made):
    client, desk = pages
    own, _ = code(client, {"trust": "positive"})
    text = desk.task(own).passage.text
    passages = [
        p.model_copy(update={"passage_id": f"{p.document_id}:{p.ordinal + 500:04d}", "ordinal": p.ordinal + 500})
        for p in desk.shelf.passages
    ]
    from collabnlp.records import Passage, write_table

    write_table(made / "outputs" / "passages.parquet", passages, Passage)
    rows, failures = desk.hand_in()
    assert ([row.outcome for row in rows if row.outcome == "not taken"], failures) == ([], [])
    (found,) = [p for p in load_tables(made / "corpus/gold").passages if p.kind == "reviewed"]
    assert found.text == text
    changed = [p.model_copy(update={"text": p.text + " Now."}) for p in passages]
    (made / "review" / "ben.jsonl").unlink(missing_ok=True)
    ben = Journal(made / "review" / "ben.jsonl", "ben")
    ben.put(passages[0].passage_id, "0" * 16, 0, {})
    write_table(made / "outputs" / "passages.parquet", changed, Passage)
    from collabnlp.review import review_files

    rows, _ = review_files([ben.path], made, desk.codebook)
    assert [(row.outcome, row.detail) for row in rows] == [("not taken", "its text has changed since it was read")]


def test_reviewers_may_share_a_queue(made):
    desks = [Desk(made, coder, part=parse_part(part)) for coder, part in (("anna", "1/2"), ("ben", "2/2"))]
    mine = [[row.passage_id for row in desk.rows()] for desk in desks]
    assert set(mine[0]).isdisjoint(mine[1])
    assert set(mine[0]) | set(mine[1]) == {row.passage_id for row in desks[0].queue}
    drawn = [sum(row.drawn for row in desk.rows()) for desk in desks]
    assert drawn == [6, 6]
    assert desks[1].task(mine[0][0]) is None
    for bad in ("0/2", "3/2", "2", "a/b", "1/-1"):
        with pytest.raises(InputError):
            parse_part(bad)


def test_how_much_is_left_counts_all_journals(made):
    (anna, desk), (ben, _) = open_pages(made), open_pages(made, "ben")
    for _ in range(6):
        code(anna, {"trust": "positive"})
        code(ben, {"trust": "positive"})
    for _ in range(4):
        code(ben, {})
    done = desk.progress()
    assert (done.n_passages, done.n_read) == (120, 10)
    trust = next(left for left in done.codes if left.code == "trust")
    assert (trust.found, trust.risk > 0) == (6, True)
    code(anna, {"risk": "positive"})  # where ben gave none: they differ, and it counts as not read
    assert desk.progress().n_read == 9
    desk.hand_in()
    assert desk.progress().n_read == 9
    assert "read 9 of 120 passages" in anna.get("/review").text


def test_two_texts_that_are_the_same_are_two_passages(made):
    from collabnlp.records import Passage, read_table, write_table

    passages = read_table(made / "outputs" / "passages.parquet", Passage)
    passages[1] = passages[1].model_copy(update={"text": passages[0].text})
    write_table(made / "outputs" / "passages.parquet", passages, Passage)
    _, desk = open_pages(made)
    one, other = passages[0].passage_id, passages[1].passage_id
    desk.save(one, desk.shelf.marks[one], 0, {}, "")
    desk.hand_in()
    assert [desk.is_handed_in(p) for p in passages[:2]] == [True, False]
    desk.save(other, desk.shelf.marks[other], 0, {"trust": "neutral"}, "")
    desk.hand_in()
    assert {r.passage_id for r in load_tables(made / "corpus/gold").reads if r.coder == "anna"} == {one, other}


def test_a_review_is_for_this_machine_alone(made):
    for options in ({"public": True}, {"public": False, "names": ("x.example",)}):
        with pytest.raises(InputError, match="--review"):
            serve(made / "outputs" / "evidence.db", "127.0.0.1", 0, desk=lambda: pytest.fail("made"), **options)
    with pytest.raises(InputError):
        serve(made / "outputs/evidence.db", "0.0.0.0", 0, public=True, names=("x",), desk=lambda: pytest.fail("made"))


@pytest.mark.parametrize("name", ["../x", "adjudicated", "model-12345678", "gold"])
def test_names_that_are_nobodys(made, name):
    with pytest.raises(InputError):
        Desk(made, name)


def test_a_run_in_between_is_taken_up_and_a_broken_one_is_told(pages, made):
    client, desk = pages
    code(client, {})
    fill(made, 70)
    assert client.get("/review").status_code == 200
    assert len(desk.shelf.passages) == 140
    (made / "outputs" / "passages.parquet").write_bytes(b"half")
    (made / "outputs" / "readings.parquet").touch()
    answer = client.get("/review")
    assert (answer.status_code, "what you saved is safe" in answer.text) == (503, True)
    fill(made, 70)
    assert client.get("/review").status_code == 200


def test_pages_call_a_new_code_new(made):
    path = made / "models" / "classifier" / "classifier.json"
    told = json.loads(path.read_text(encoding="utf-8")) | {"scarce": {"trust": 1, "risk": 4, "momentum": 60}}
    path.write_text(json.dumps(told), encoding="utf-8")
    client = TestClient(create_app(made / "outputs" / "evidence.db", made), base_url=HERE)
    method = client.get("/method").text
    assert "new code: 1 example, suggestions only" in method
    assert "new code: 4 examples, suggestions only" in method
    assert method.count("new code") == 2
    assert "new code: 4 examples" in client.get("/code?id=risk").text.lower()
    assert "new code" not in client.get("/code?id=momentum").text.lower()
    told = client.get("/api/method").text
    assert sorted(re.findall(r'"examples": ?(\d+)', told)) == ["1", "4"]
