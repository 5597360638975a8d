"""The pages in Chromium: a reader's path with JavaScript and without, the keyboard, narrow windows, and axe on every page.

Where there is no Chromium these tests skip and say so; where CI is set, they fail.
"""

import socket
import threading
import time
from pathlib import Path

import pytest

from conftest import ROOT
from web_world import write_world

pytestmark = pytest.mark.browser
VIEWS = {
    "matrix": "/matrix",
    "matrix filtered": "/matrix?rows=document&stance=negative&empty=yes&place=harrowmere",
    "matrix of years": "/matrix?rows=year&show=passages",
    "matrix empty": "/matrix?stance=positive&code=momentum&year_to=2009",
    "cell": "/cell?row=harrowmere&column=trust",
    "cell withheld": "/cell?row=tarnholt&column=risk",
    "cell not searched": "/cell?row=suffolk&column=trust",
    "search": "/search?q=trust+agreed",
    "search empty": "/search",
    "search nothing": "/search?q=zzz",
    "passage": "/passage?id=report:0036",
    "passage hostile": "/passage?id=evil:0001",
    "document": "/document?id=report",
    "document hostile": "/document?id=evil",
    "entity": "/entity?id=harrowmere",
    "code": "/code?id=trust",
    "topic": "/topic?id=1",
    "compare": "/compare?a=harrowmere&b=tarnholt",
    "compare empty": "/compare",
    "network": "/network",
    "method": "/method",
    "api": "/api",
    "refused": "/matrix?kind=memo",
    "missing": "/nowhere",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory, codebook, gazetteer):
    """Address of a server in a thread."""
    import uvicorn

    from collabnlp.web.app import create_app

    folder = tmp_path_factory.mktemp("site")
    write_world(folder, codebook, gazetteer)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(folder / "evidence.db", ROOT), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def reader(browser, request):
    """A page of a reader's browser; what the browser complains of is a failure."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, java_script_enabled=request.param, accept_downloads=True
    )
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()
    assert page.complaints == []


def test_a_reader_goes_from_the_matrix_to_a_passage_and_back(reader, site):
    reader.goto(f"{site}/")
    reader.get_by_role("link", name="passages: Harrowmere Borough Council (invented), Trust").click()
    assert reader.locator("h1").inner_text() == "Trust: Harrowmere Borough Council (invented)"
    reader.get_by_role("link", name="Read it in its document").first.click()
    assert reader.locator("h1").inner_text().startswith("Passage ")
    here = reader.url
    reader.get_by_role("link", name="Next passage").click()
    assert reader.url != here
    reader.get_by_role("link", name="Previous passage").click()
    assert reader.url == here
    reader.go_back()
    reader.go_back()
    reader.go_back()
    assert reader.locator("h1").inner_text() == "Trust: Harrowmere Borough Council (invented)"
    reader.get_by_role("link", name="Councils by code").click()
    assert reader.locator("h1").inner_text() == "Councils by code"


def test_a_reader_filters_and_the_address_keeps_it(reader, site):
    reader.goto(f"{site}/matrix")
    reader.get_by_role("link", name="Years").click()
    reader.locator("summary").click()
    reader.get_by_label("Stance").select_option("negative")
    reader.get_by_label("To year").fill("2018")
    reader.get_by_role("button", name="Apply").click()
    assert reader.url == f"{site}/matrix?year_to=2018&stance=negative&rows=year"
    assert reader.locator("tbody tr").count() == 1
    assert "A filtered table counts nothing" in reader.locator(".behind").inner_text()
    reader.get_by_role("link", name="Remove the filter Stance").click()
    assert reader.url == f"{site}/matrix?year_to=2018&rows=year"


def test_a_reader_searches(reader, site):
    reader.goto(f"{site}/search")
    reader.get_by_role("searchbox").fill('"chief executive" slow')
    reader.keyboard.press("Enter")
    reader.locator("article").nth(2).wait_for()
    assert reader.locator("article").count() == 3
    assert {mark.inner_text() for mark in reader.locator("mark").all()} == {"chief executive", "slow"}


@pytest.mark.parametrize(
    ("what", "begins"), [("Excel", b"PK"), ("Word", b"PK"), ("CSV", b"\xef\xbb\xbf"), ("JSON", b"{")]
)
def test_a_reader_takes_a_view_away(reader, site, what, begins):
    reader.goto(f"{site}/matrix?rows=year")
    with reader.expect_download() as started:
        reader.locator(".take").get_by_role("link", name=what).click()
    assert Path(started.value.path()).read_bytes().startswith(begins)


def test_a_reader_compares_two_places(reader, site):
    reader.goto(f"{site}/compare")
    reader.get_by_label("First place or report").fill("Harrowmere Borough Council (invented)")
    reader.get_by_label("Second place or report").fill("tarnholt")
    reader.get_by_role("button", name="Compare").click()
    assert reader.locator("table.compare tbody tr").count() == 12
    heads = reader.locator("table.compare thead th").all_inner_texts()
    assert ["Harrowmere" in heads[1], "Tarnholt" in heads[2]] == [True, True]


def test_a_hostile_text_does_nothing(reader, site):
    reader.on("dialog", lambda dialog: pytest.fail(f"a document opened a dialog: {dialog.message}"))
    for path in ("/passage?id=evil:0001", "/document?id=evil", "/search?q=alert", "/matrix?rows=document", "/method"):
        reader.goto(f"{site}{path}")
        assert "<script>alert('x')</script>" in reader.locator("main").inner_text().replace("\n", "")
        assert reader.locator("main script, main img[onerror]").count() == 0


def test_copying_takes_the_citation_along(browser, site):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{site}/cell?row=tarnholt&column=joint_posts")
    page.get_by_role("button", name="Copy with citation").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert (
        copied
        == "“Sentence 1: sharing a chief executive was slow.” — An older report (2009), Part one > The board, p. 3 [invented]"
    )
    context.close()


def test_finding_a_row_hides_the_others(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/matrix")
    page.get_by_label("Find a row on this page").fill("tarn")
    assert page.locator("tbody tr:visible").count() == 1
    assert page.get_by_role("status").inner_text() == "1 of 3 rows"
    page.close()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser, site):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}/matrix")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the main content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    wanted = page.locator("main a:visible, main button:visible, main input:visible, main summary").count()
    reached, seen = set(), page.evaluate
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        if not seen("document.querySelector('main').contains(document.activeElement)"):
            break
        reached.add(seen("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        assert seen("getComputedStyle(document.activeElement).outlineStyle") != "none"
        assert seen(  # not hidden below the head or the first column of the table (WCAG 2.4.11)
            "(() => { const e = document.activeElement, r = e.getBoundingClientRect();"
            " const at = document.elementFromPoint(r.x + Math.min(8, r.width / 2), r.y + Math.min(8, r.height / 2));"
            " return e === at || e.contains(at) || (at && at.contains(e)) || getComputedStyle(e).position === 'absolute'; })()"
        ), seen("document.activeElement.outerHTML")
    assert len(reached) >= wanted
    page.close()


@pytest.mark.parametrize("path", VIEWS.values(), ids=VIEWS)
def test_no_page_is_wider_than_its_window(browser, site, path):
    page = browser.new_page()
    page.goto(f"{site}{path}")
    for width in (1280, 375, 320):  # 320 is what 400 % leaves of 1280
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("path", VIEWS.values(), ids=VIEWS)
def test_axe_finds_nothing(browser, site, path):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page()
    page.goto(f"{site}{path}")
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options={"runOnly": rules}).response["violations"]
        assert [(v["id"], v["impact"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found] == []
    page.close()


def test_axe_would_find_something(browser, site):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page()
    page.goto(f"{site}/method")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/static/icon.svg\">')")
    assert "image-alt" in {v["id"] for v in Axe().run(page).response["violations"]}
    page.close()
