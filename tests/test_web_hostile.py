"""Whatever stands in an address, a reader gets a page or one plain sentence, and the server stays up."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from collabnlp.web.app import ROUTES, create_app
from conftest import ROOT
from web_world import write_world

FINE = (200, 303, 400, 404, 422)
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["trust", "harrowmere", "report", "report:0003", "yes", "-1", "1e999", "9" * 400, "0x1", "\ud800", "a" * 5_000]
    ),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory, codebook, gazetteer):
    """A server whose own mistakes become status 500, as they would for a reader."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, codebook, gazetteer)
    app = create_app(folder / "evidence.db", ROOT)
    return TestClient(app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False)


def parameters():
    """Each view with each of the parameters that its description in OpenAPI has."""
    return [(name, field) for name, route in sorted(ROUTES.items()) for field in route.question.model_fields]


def needed(name):
    """What a view must be told."""
    given = {"id": "1" if name == "topic" else "trust", "row": "harrowmere", "column": "trust"}
    return {field: given[field] for field, about in ROUTES[name].question.model_fields.items() if about.is_required()}


@QUICK
@given(
    asked=st.sampled_from(parameters()),
    values=st.lists(VALUES, min_size=1, max_size=3),
    form=st.sampled_from(["/{}", "/api/{}", "/{}.csv", "/{}.json"]),
)
def test_any_text_in_any_parameter_gets_a_page_or_a_plain_refusal(client, asked, values, form):
    name, field = asked
    sent = {**needed(name), field: [value.encode("utf-8", "surrogatepass") for value in values]}
    answer = client.get(form.format(name), params=sent)
    assert answer.status_code in FINE, (name, field, values)
    assert "Traceback" not in answer.text


@QUICK
@given(
    name=st.sampled_from(sorted(ROUTES)), raw=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
)
def test_any_address_gets_a_page_or_a_plain_refusal(client, name, raw):
    assert client.get(f"/{name}?{raw.replace('#', '%')}").status_code in FINE


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2f..%2frecords.py", "/%00", "/matrix/", "//matrix", "/matrix.exe"])  # fmt: skip
def test_no_path_leads_out_of_the_pages(client, path):
    answer = client.get(path)
    assert answer.status_code in (301, 303, 307, 404)
    assert "import" not in answer.text


@pytest.mark.parametrize("number", ["-768057970183451961079103488", "9" * 25, "-2", "1" * 5_000])
def test_a_topic_with_an_endless_number_is_refused(client, number):
    """The first was found by schemathesis."""
    assert client.get("/api/topic", params={"id": number}).status_code in (400, 404)


@pytest.mark.parametrize("method", ["POST", "TRACE", "DELETE"])
def test_a_refused_method_says_what_is_allowed(client, method):
    answer = client.request(method, "/matrix")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("n", [200, 1_900])
def test_a_filter_given_many_times_is_answered(client, n):
    query = "&".join(["code=trust", "document=evil"] * n)
    assert client.get(f"/matrix?{query}").status_code in (200, 400)
