"""Reviewers in Chromium: keys, plain forms, two at once, and what is left when a server or a browser is killed."""

import contextlib
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from collabnlp.exchange.journal import Journal
from collabnlp.review import load_tables
from conftest import find_chromium
from desk_world import fill

pytestmark = pytest.mark.browser
STANCES = ("positive", "negative", "neutral")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Server:
    """`collabnlp serve --review` as a process of its own."""

    def __init__(self, project, coder, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.project, self.command = project, ["--port", str(self.port), "--review", coder, *options]
        self.address, self.process = f"http://127.0.0.1:{self.port}", None

    def start(self):
        """Start it, and wait until it answers."""
        with (self.project / f"server-{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "collabnlp", "serve", *self.command], cwd=self.project, stdout=log, stderr=log
            )
        for _ in range(1200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.address}/review", timeout=5).close()
                return self
            assert self.process.poll() is None, (self.project / f"server-{self.port}.log").read_text()
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self):
        """End it as a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def serving(ready):
    """Start servers of a project; all end with the test."""
    servers = []

    def start(coder, *options, n=60):
        if not servers:
            fill(ready, n)
        servers.append(Server(ready, coder, *options))
        return servers[-1].start()

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


def open_page(browser, **options):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def here(page):
    return page.locator("#coding input[name=id]").get_attribute("value")


def go(page, way):
    """Press a button or follow a link, and wait for what it leads to."""
    with page.expect_navigation():
        way.click()


def press(page, key):
    """Press a key that leads to another page, and wait until that one listens to keys."""
    with page.expect_navigation():
        page.keyboard.press(key)


def chosen(page):
    checked = page.locator("#coding fieldset input:checked").all()
    values = {box.get_attribute("name").removeprefix("code-"): box.get_attribute("value") for box in checked}
    return {code: stance for code, stance in values.items() if stance}


def test_a_passage_is_coded_by_keys_alone(browser, serving, ready):
    server = serving("anna")
    page = open_page(browser)
    page.goto(f"{server.address}/review")
    press(page, "s")
    page.locator("#coding").wait_for()
    own = here(page)
    page.keyboard.press("n")
    assert chosen(page) == {}
    page.keyboard.press("1")
    page.keyboard.press("-")
    page.keyboard.press("0")
    page.keyboard.press(".")
    codes = [code.get_attribute("data-code") for code in page.locator("fieldset.code").all()]
    by_key = {page.locator(f"[data-code={code}]").get_attribute("data-key"): code for code in codes}
    assert sorted(by_key) == sorted("1234567890qw")
    assert chosen(page) == {by_key["1"]: "negative", by_key["0"]: "neutral"}
    assert page.locator("#said").inner_text().endswith(": neutral")
    page.keyboard.press("d")
    assert page.locator(f"[data-code={by_key['0']}] details").get_attribute("open") is not None
    page.keyboard.press("m")
    page.keyboard.type("1 s u: a note")  # in the note, keys are letters
    page.keyboard.press("Escape")
    press(page, "s")
    assert here(page) != own
    (decision,) = Journal(ready / "review" / "anna.jsonl").decisions()
    assert (decision.passage_id, decision.codes, decision.note) == (
        own, {by_key["1"]: "negative", by_key["0"]: "neutral"}, "1 s u: a note",
    )  # fmt: skip
    second = here(page)
    press(page, "k")
    assert here(page) != second
    press(page, "u")
    page.get_by_text("Taken back.").wait_for()
    assert (here(page), chosen(page)) == (own, decision.codes)
    press(page, "b")
    page.get_by_role("heading", name="Review by anna").wait_for()
    assert Journal(ready / "review" / "anna.jsonl").decisions() == []
    assert page.complaints == []


def test_single_keys_can_be_switched_off_and_stay_off(browser, serving):
    page = open_page(browser)
    page.goto(f"{serving('anna').address}/review/next")
    before = chosen(page)
    assert page.locator("kbd.key:visible").count() > 12
    page.get_by_label("Single keys").uncheck()
    assert page.locator("kbd.key:visible").count() == 0
    page.keyboard.press("n")
    page.keyboard.press("1")
    assert chosen(page) == before
    page.reload()
    assert not page.get_by_label("Single keys").is_checked()
    page.keyboard.press("n")
    assert chosen(page) == before
    page.get_by_label("Single keys").check()
    page.keyboard.press("Control+s")  # not ours
    page.keyboard.press("n")
    assert chosen(page) == {}
    assert page.complaints == []


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_the_keyboard_reaches_everything_without_single_keys(browser, serving, ready, script):
    page = open_page(browser, java_script_enabled=script)
    page.goto(f"{serving('anna').address}/review/next")
    own = here(page)
    wanted = page.locator("#coding fieldset").count() * 2 + 3  # radios, definitions; two buttons and the note
    for _ in range(8):  # past the head of the page
        page.keyboard.press("Tab")
    reached = 0
    for _ in range(2 * wanted):
        label = page.locator(":focus")
        if label.count() and label.get_attribute("id") == "note":
            break
        reached += 1
        page.keyboard.press("Tab")
    assert reached >= wanted - 3
    page.keyboard.type("a note by keyboard")
    page.keyboard.press("Shift+Tab")  # the last definition
    page.keyboard.press("Enter")
    assert page.locator("#coding details[open]").count() == 1
    page.keyboard.press("Shift+Tab")  # the last code's stance
    page.keyboard.press("ArrowRight")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the button below
    page.locator(f"#coding input[name=id]:not([value='{own}'])").wait_for(state="attached")
    (decision,) = Journal(ready / "review" / "anna.jsonl").decisions()
    assert (decision.passage_id, decision.note) == (own, "a note by keyboard")
    assert "positive" in decision.codes.values() or "negative" in decision.codes.values()
    assert page.complaints == []


def test_without_javascript_everything_is_a_form(browser, serving, ready):
    page = open_page(browser, java_script_enabled=False)
    page.goto(f"{serving('anna').address}/review")
    go(page, page.get_by_role("link", name="Begin"))
    own = here(page)
    page.locator("[data-code=trust]").get_by_label("negative").check()
    page.locator("#note").fill("A note")
    go(page, page.get_by_role("button", name="Save and go on").first)
    assert here(page) != own
    go(page, page.locator("#skip"))
    go(page, page.get_by_role("button", name="Take the last decision back"))
    assert (here(page), chosen(page)["trust"]) == (own, "negative")
    go(page, page.get_by_role("button", name="Save and go on").last)
    go(page, page.get_by_role("link", name="Review by anna"))
    go(page, page.get_by_role("button", name="Hand in 1 decision"))
    assert "1 coding is now among the coded passages" in page.locator("main").inner_text()
    assert {r.passage_id for r in load_tables(ready / "corpus/gold").reads if r.coder == "anna"} == {own}
    assert page.locator("#keys:visible").count() == 0
    assert page.complaints == []


def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(browser, serving):
    from axe_playwright_python.sync_playwright import Axe

    server = serving("anna")
    page = open_page(browser)
    page.goto(f"{server.address}/review/next")
    page.locator("[data-code=trust]").get_by_label("negative").check()
    go(page, page.get_by_role("button", name="Save and go on").first)
    for path in ("", "/next", "/passage?id=closed:0004", "/passage?id=report:0004", "/passage?id=nowhere"):
        page.goto(f"{server.address}/review{path}")
        for details in page.locator("details").all():
            details.evaluate("element => { element.open = true }")
        for width in (1280, 375):
            page.set_viewport_size({"width": width, "height": 900})
            found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
            assert [(v["id"], v["impact"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found] == [], path
        page.set_viewport_size({"width": 320, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{server.address}/review/passage?id=closed:0002")
    page.locator("#note").fill("Ask Ann Weir about a.weir@example.org")
    go(page, page.get_by_role("button", name="Save and go on").last)
    page.get_by_role("alert").wait_for()
    assert page.evaluate("document.activeElement.id") == "problem"
    assert Axe().run(page, options={"runOnly": RULES}).response["violations"] == []


def test_a_form_from_before_a_restart_is_not_lost(browser, serving, ready):
    server = serving("anna")
    page = open_page(browser)
    page.goto(f"{server.address}/review/next")
    own = here(page)
    page.locator("[data-code=trust]").get_by_label("neutral").check()
    server.kill()
    server.start()
    go(page, page.get_by_role("button", name="Save and go on").first)
    page.get_by_text("The server was started anew").wait_for()
    assert (here(page), chosen(page)["trust"]) == (own, "neutral")
    go(page, page.get_by_role("button", name="Save and go on").first)
    page.locator(f"#coding input[name=id]:not([value='{own}'])").wait_for(state="attached")
    (decision,) = Journal(ready / "review" / "anna.jsonl").decisions()
    assert (decision.passage_id, decision.codes["trust"]) == (own, "neutral")


# ---------------------------------------------------------------------------------------------------------------------
# Two reviewers at once


def wanted_codes(coder, passage_id):
    """What a reviewer gives a passage, by rule: none, one or two codes."""
    draw = random.Random(hashlib.sha256(f"{coder} {passage_id}".encode()).digest())
    codes = ["trust", "risk", "momentum", "leadership", "joint_posts", "difficult"]
    return {code: draw.choice(STANCES) for code in draw.sample(codes, draw.choice([0, 1, 1, 2]))}


class Reviewer(threading.Thread):
    """One who codes `n` passages in a Chromium of her own; half way her server or her browser is killed."""

    def __init__(self, coder, server, n, *, script, kill):
        super().__init__()
        self.coder, self.server, self.n, self.script, self.kill = coder, server, n, script, kill
        self.meant, self.killed, self.error = {}, 0, None

    def run(self):
        """Code, and keep what went wrong for the test."""
        from playwright.sync_api import sync_playwright

        try:
            with sync_playwright() as playwright:
                self.open = lambda: playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
                self.code()
        except BaseException as error:
            self.error = error

    def code(self):
        """Code until as many are done; begin again after the kill as a person would, at the queue."""
        browser, page = self.begin()
        while len(self.meant) < self.n:
            own = here(page)
            self.meant[own] = wanted_codes(self.coder, own)
            for code in chosen(page).keys() - self.meant[own].keys():
                page.locator(f"[data-code={code}] input[value='']").check()
            for code, stance in self.meant[own].items():
                page.locator(f"[data-code={code}] input[value={stance}]").check()
            button = page.get_by_role("button", name="Save and go on").first
            if len(self.meant) == self.n // 2 and not self.killed:
                self.killed = 1
                button.click(no_wait_after=True)  # on its way while all ends
                if self.kill == "server":
                    self.server.kill()
                browser.close()
                if self.kill == "server":
                    self.server.start()
                browser, page = self.begin()
                continue
            go(page, button)
        page.goto(f"{self.server.address}/review")
        browser.close()

    def begin(self):
        """Open the queue and go on."""
        browser = self.open()
        page = open_page(browser, java_script_enabled=self.script)
        page.goto(f"{self.server.address}/review")
        go(page, page.locator("a.button"))
        page.locator("#coding").wait_for()
        return browser, page


@pytest.mark.long
@pytest.mark.parametrize("n", [12, 200])
def test_two_reviewers_at_once_lose_and_double_nothing(serving, ready, n):
    find_chromium()
    servers = [serving(coder, n=max(60, n // 2 + 10)) for coder in ("anna", "ben")]
    before = load_tables(ready / "corpus/gold")
    reviewers = [
        Reviewer("anna", servers[0], n, script=True, kill="server"),
        Reviewer("ben", servers[1], n, script=False, kill="browser"),
    ]
    for reviewer in reviewers:
        reviewer.start()
    for reviewer in reviewers:
        reviewer.join(900)
        assert reviewer.error is None, reviewer.error
        assert reviewer.killed == 1
    for reviewer in reviewers:
        journal = Journal(ready / "review" / f"{reviewer.coder}.jsonl", reviewer.coder)
        assert {d.passage_id: d.codes for d in journal.decisions()} == reviewer.meant
        assert journal.damaged == []
        assert len(journal.path.read_bytes().splitlines()) == n  # no line twice
    both = [threading.Thread(target=hand_in, args=(server,)) for server in servers]
    for one in both:
        one.start()
    for one in both:
        one.join(120)
    after = load_tables(ready / "corpus/gold")
    for reviewer in reviewers:
        reads = [read.passage_id for read in after.reads if read.coder == reviewer.coder]
        assert (len(reads), set(reads)) == (n, set(reviewer.meant))
        tags = sorted((t.passage_id, t.code, t.stance) for t in after.tags if t.coder == reviewer.coder)
        assert tags == sorted((p, c, s) for p, codes in reviewer.meant.items() for c, s in codes.items())
    assert len(after.reads) == len(before.reads) + 2 * n
    for name in ("passages", "tags", "reads"):
        there = [row.model_dump_json() for row in getattr(after, name)]
        assert len(there) == len(set(there))
        assert {row.model_dump_json() for row in getattr(before, name)} < set(there)


def hand_in(server):
    """Hand in without a browser: what the button sends."""
    import http.cookiejar
    import re
    from urllib.parse import urlencode

    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = opener.open(f"{server.address}/review", timeout=60).read().decode()
    token = re.search(r'name="token" value="(\w+)"', page).group(1)
    request = urllib.request.Request(
        f"{server.address}/review/hand-in", urlencode({"token": token}).encode(), {"Origin": server.address}
    )
    opener.open(request, timeout=120).close()
