"""Who may call which route, and what is answered to those who may not or who say nonsense."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.octoprint_instance import LoopbackSession
from tests.bench import Bench, Edition
from tests.integration.driver import BASE, browser_session, csrf_header, drive

LIST_RULES = Path(__file__).with_name("list_rules.py")
USERS = ("anonymous", "reader", "operator", "admin")
#: The refused calls of these tests are warnings, too, and none of the plugin's making.
COMPLAINT = re.compile(r" - (ERROR|CRITICAL) - |DEPRECATED|CSRF.*DISABLED|autoescap", re.IGNORECASE)
#: A code that no server gave out, for calls that must not change anything.
UNKNOWN_CODE = "000000"


@dataclass(frozen=True)
class Row:
    """A route, a body that it takes, and what each of USERS gets."""

    method: str
    rule: str
    expected: tuple[int, int, int, int]
    body: Any = None
    needs_body: bool = False

    @property
    def path(self) -> str:
        return BASE + self.rule

    def call(self, session: LoopbackSession, **options: Any) -> Any:
        return session.request(self.method, self.path, json=self.body, **options)


SEES, STARTS = (403, 403, 200, 200), (403, 403, 202, 202)
LINKS, ADMIN_SEES = (403, 403, 403, 202), (403, 403, 403, 200)
ADMIN_REFUSED = (403, 403, 403, 400)
NOBODY = (403, 403, 403, 403)
ROWS = (
    Row("GET", "/api/status", SEES),
    Row("GET", "/api/report", SEES),
    Row("GET", "/api/diagnosis", SEES),
    Row("POST", "/api/diagnosis", STARTS),
    Row("GET", "/api/link", ADMIN_SEES),
    Row("POST", "/api/link", LINKS, {"code": UNKNOWN_CODE}, needs_body=True),
    Row("GET", "/api/printer_name", ADMIN_SEES),
    Row("POST", "/api/printer_name", LINKS, {"name": "A new name"}, needs_body=True),
    Row("POST", "/api/address", ADMIN_SEES, {"address": "app.obico.io"}, needs_body=True),
    Row("GET", "/api/certificate", ADMIN_SEES),
    # the bench's server speaks plain HTTP: there is none to accept
    Row("POST", "/api/certificate", ADMIN_REFUSED, {"sha256": "AB:" * 31 + "AB"}, needs_body=True),
    Row("DELETE", "/api/certificate", ADMIN_SEES),
    Row("POST", "/api/ca_file", ADMIN_SEES, {"path": "/no/such/file"}, needs_body=True),
    # without a log-in, but the bench is linked: test_discovery.py has the others
    Row("GET", "/grab-discovery-secret", NOBODY),
    Row("GET", "/api/bundle", SEES),
    Row("GET", "/api/bundle/contents", SEES),
    Row("GET", "/report", SEES),
    Row("GET", "/causes", SEES),
    Row("GET", "/metrics", SEES),
)
POSTS = tuple(row for row in ROWS if row.method in ("POST", "DELETE"))


def row_id(row: Row) -> str:
    return f"{row.method} {row.rule}"


each_route = pytest.mark.parametrize("row", ROWS, ids=row_id)
each_post = pytest.mark.parametrize("row", POSTS, ids=row_id)


def assert_json_error(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["error"]


def session_of(bench: Bench, user: str) -> LoopbackSession:
    octoprint = bench.octoprint
    if user != "anonymous":
        return octoprint.session(getattr(octoprint, user))
    session = octoprint.anonymous_session()
    session.get("/login/")
    # else a POST would be refused for want of this, whatever the permissions are
    session.headers.update(csrf_header(session))
    return session


def test_every_rule_has_a_row(edition: Edition) -> None:
    """A new route needs a row here: who may call it is decided, not left to chance."""
    printed = subprocess.run(
        [str(edition.python()), str(LIST_RULES)],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    rules = {tuple(rule) for rule in json.loads(printed.stdout)}
    assert rules == {(row.method, row.rule) for row in ROWS}


def kind_of(row: Row, status: int) -> str:
    """How the content type begins that a route answers with."""
    if row.rule == "/api/bundle" and status == 200:
        return "application/zip"
    if row.rule.startswith("/api/"):
        return "application/json"
    return "text/plain" if row.rule == "/metrics" and status == 200 else "text/html"


@each_route
@pytest.mark.parametrize("user", USERS)
def test_permission(bench: Bench, row: Row, user: str) -> None:
    """Each user gets what his permissions allow, and JSON where the route speaks JSON."""
    expected = row.expected[USERS.index(user)]
    answer = row.call(session_of(bench, user))
    assert answer.status_code == expected, answer.text[:300]
    assert answer.headers["Content-Type"].startswith(kind_of(row, expected))
    if expected == 403 and row.rule.startswith("/api/"):
        assert_json_error(answer, 403)
    if expected < 400:
        assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
@each_route
def test_other_methods_open_no_door(bench: Bench, row: Row, method: str) -> None:
    """No method gives anybody anonymous an answer with something in it."""
    answer = session_of(bench, "anonymous").request(method, row.path)
    assert answer.status_code in (400, 403, 405)


def test_refused_calls_do_nothing(bench: Bench) -> None:
    """A 403 comes before anything happens: no TEST runs, no linking and no naming starts."""
    admin = drive(bench)
    started = ("api/diagnosis", "api/link", "api/printer_name")
    before = [admin.get(f"{BASE}/{route}")["run"] for route in started]
    for user in ("anonymous", "reader"):
        for row in POSTS:
            assert row.call(session_of(bench, user)).status_code == 403
    assert [admin.get(f"{BASE}/{route}")["run"] for route in started] == before


@each_post
def test_post_of_a_browser_needs_the_csrf_token(bench: Bench, row: Row) -> None:
    """Another site's page cannot act with the cookies of somebody who is logged in."""
    octoprint = bench.octoprint
    session = browser_session(octoprint, octoprint.admin)
    assert session.get(ROWS[0].path).status_code == 200
    assert_json_error(row.call(session), 400)
    wait_for_linking(bench)
    assert row.call(session, headers=csrf_header(session)).status_code == row.expected[-1]


def wait_for_linking(bench: Bench) -> None:
    """Only one linking, and one naming, runs at a time: a second one would get 409."""
    link = drive(bench)
    bench.octoprint.wait_until(
        lambda: all(
            link.get(f"{BASE}/{route}")["state"] != "running"
            for route in ("api/link", "api/printer_name")
        ),
        "linking and naming have ended",
    )


NONSENSE: tuple[tuple[str, str], ...] = (
    ("nothing", ""),
    ("no JSON", "{"),
    ("a list", "[]"),
    ("a text", '"123456"'),
    ("null", "null"),
    ("a number for a text", '{"code": 123456, "address": 5, "path": 5, "name": 5}'),
    ("an object for a text", '{"code": {}, "address": {}, "path": {}, "name": {}}'),
    ("far too much", json.dumps({name: "1" * 501 for name in ("code", "address", "path", "name")})),
    ("not UTF-8", '{"code": "\udcff", "address": "\udcff", "name": "\udcff"}'),
)


@pytest.mark.parametrize("body", [text for _, text in NONSENSE], ids=[name for name, _ in NONSENSE])
@pytest.mark.parametrize("row", [row for row in POSTS if row.needs_body], ids=row_id)
def test_nonsense_is_refused(bench: Bench, row: Row, body: str) -> None:
    """A body that is not what the route takes is the caller's mistake, said in JSON."""
    answer = bench.api.post(
        row.path,
        data=body.encode("utf-8", "surrogateescape"),
        headers={"Content-Type": "application/json"},
    )
    assert_json_error(answer, 400)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", "12 34"])
def test_code_is_checked_before_the_server_is_asked(bench: Bench, code: str) -> None:
    """What has not six digits never leaves the machine."""
    asked = len(bench.server.requests)
    assert_json_error(bench.api.post(f"{BASE}/api/link", json={"code": code}), 400)
    verified = [request for request in bench.server.requests[asked:] if "verify" in request.path]
    assert verified == []


def test_address_check_asks_nobody(bench: Bench) -> None:
    """The address is judged by its form while it is typed."""
    check = f"{BASE}/api/address"
    good = bench.api.post(check, json={"address": " 192.168.1.5:3334/ "}).json()
    assert good["ok"] is True and good["cause"] is None
    bad = bench.api.post(check, json={"address": "http://my server"}).json()
    assert (bad["ok"], bad["address"], bad["cause"]) == (False, None, "address_malformed")
    assert bad["text"] and bad["remedy"]


@pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/api/status/"])
def test_unknown_api_route_says_so_in_json(bench: Bench, path: str) -> None:
    assert_json_error(bench.api.get(BASE + path), 404)


def test_wrong_method_says_so_in_json(bench: Bench) -> None:
    assert_json_error(bench.api.put(f"{BASE}/api/status"), 405)


def test_log_has_no_complaint_after_all_that(bench: Bench) -> None:
    """Every route was called by everybody: OctoPrint has found nothing to warn of."""
    for row in ROWS:
        wait_for_linking(bench)
        row.call(bench.api)
    wait_for_linking(bench)
    complaints = [
        line
        for line in bench.octoprint.log_text().splitlines()
        if "obico" in line.lower() and COMPLAINT.search(line)
    ]
    assert complaints == []
