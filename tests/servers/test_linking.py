"""Linking with a 6-digit code: each way in which it fails has a message of its own."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

import pytest

from octoprint_obico.server import linking as k
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from sandbox import SandboxServer

from . import faults as f
from .live import AGENT, in_time

Serve = Callable[[f.Behaviour], f.FaultServer]
JSON = "Content-Type: application/json"


def problem(url: str, code: object = "123456") -> str:
    with pytest.raises(k.LinkError) as caught:
        k.link(url, code, AGENT)
    return caught.value.problem.value


def test_a_good_code_gives_the_printer(sandbox: SandboxServer) -> None:
    code = sandbox.new_code(sandbox.printer.id)
    printer = k.link(f" {sandbox.url}/ ", f" {code[:3]}-{code[3:]} ", AGENT)
    assert (printer.id, printer.name) == (sandbox.printer.id, sandbox.printer.name)
    assert printer.token == sandbox.printer.token
    assert printer.address.url == sandbox.url
    assert printer.token not in repr(printer)


def test_a_wrong_a_used_and_an_expired_code(sandbox: SandboxServer) -> None:
    code = sandbox.new_code()
    assert problem(sandbox.url, "000000" if code != "000000" else "000001") == "code_rejected"
    k.link(sandbox.url, code, AGENT)
    assert problem(sandbox.url, code) == "code_rejected"
    now = [1000.0]
    with SandboxServer(clock=lambda: now[0]) as server:
        late = server.new_code()
        now[0] += 3 * 3600
        assert problem(server.url, late) == "code_rejected"


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", None, 12.5, "１２３４５６", [1]]
)
def test_a_malformed_code_is_not_sent(serve: Serve, code: object) -> None:
    server = serve(f.answer())
    assert problem(server.url, code) == "code_malformed"
    assert server.connections == 0


@pytest.mark.parametrize("code", ["123456", 123456, "123 456", "123-456", " 123456\n"])
def test_a_code_as_people_type_it(code: object) -> None:
    assert k.normalise_code(code) == "123456"


ADDRESSES = {
    "": "address_missing",
    "ftp://x": "address_malformed",
    "http://x:0": "address_malformed",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_cannot_be_used(address: str) -> None:
    assert problem(address) == ADDRESSES[address]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("unreachable", "connection_refused"),
        ("verify_throttled", "throttled"),
        ("http_500", "server_error"),
        ("http_502", "server_unavailable"),
        ("not_obico", "not_an_obico_server"),
        ("login_page", "captive_portal"),
        ("captive_portal", "captive_portal"),
        ("truncated_json", "invalid_response"),
    ],
)
def test_a_server_that_is_broken(sandbox: SandboxServer, fault: str, expected: str) -> None:
    code = sandbox.new_code()
    sandbox.set_fault(fault)
    assert problem(sandbox.url, code) == expected


OTHERS = {
    "web page": f.answer("200 OK", b"<html>hello</html>", "Content-Type: text/html"),
    "page for 404": f.answer("404 Not Found", b"<html>no</html>", "Content-Type: text/html"),
    "moonraker": f.answer(
        "404 Not Found", b'{"error": {"code": 404, "message": "Not Found"}}', JSON
    ),
    "another API": f.answer("404 Not Found", b'{"detail": "Not Found"}', JSON),
    "octoprint": f.answer("404 Not Found", b'{"error": "The requested URL was not found"}', JSON),
    "bad request": f.answer("400 Bad Request", b'{"message": "bad"}', JSON),
    "JSON": f.answer("200 OK", b'{"version": "1.2.3"}', JSON),
    "no token": f.answer("200 OK", b'{"printer": {"id": 1}}', JSON),
    "bad token": f.answer("200 OK", b'{"printer": {"auth_token": "a\\r\\nb"}}', JSON),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_obico_server_does_not_speak_of_the_code(serve: Serve, name: str) -> None:
    """The code may be right: it is the address that is wrong."""
    found = problem(serve(OTHERS[name]).url)
    assert found != "code_rejected"
    assert found in ("not_an_obico_server", "unknown_error")


@pytest.mark.parametrize("printer", [{"id": "x"}, {"id": None}, {"id": {}}, {"name": 5}])
def test_an_odd_printer_is_no_crash(serve: Serve, printer: dict[str, object]) -> None:
    body = json.dumps({"printer": {"auth_token": "0" * 20, **printer}}).encode()
    server = serve(f.answer("200 OK", body, JSON))
    try:
        assert k.link(server.url, "123456", AGENT).token == "0" * 20
    except k.LinkError as error:
        assert error.problem.value in ("invalid_response", "not_an_obico_server")


def test_the_code_is_tried_once(serve: Serve) -> None:
    """A code is single-use: a repetition after a lost answer would be told "rejected"."""
    server = serve(f.reset_after_request)
    assert problem(server.url) == "connection_reset"
    assert len(server.heads) == 1
    assert server.heads[0].startswith(b"POST /api/v1/octo/verify/?code=123456 HTTP/1.1\r\n")


def test_a_redirect_does_not_get_the_code(serve: Serve) -> None:
    elsewhere = serve(f.answer())
    server = serve(f.answer("307 Temporary Redirect", b"", f"Location: {elsewhere.url}/x"))
    in_time(lambda: problem(server.url), f.LIMIT_S)
    assert elsewhere.connections == 0


# ---- the job -------------------------------------------------------------------------------------


class Job:
    def __init__(self, on_linked: Callable[[k.LinkedPrinter], None] | None = None) -> None:
        self.linked: list[k.LinkedPrinter] = []
        self.told = threading.Event()
        self.faults: list[Attempt] = []
        faults = Faults(self.faults.append, logging.getLogger("octoprint.plugins.obico"))
        self.job = k.LinkJob(AGENT, on_linked or self.linked.append, self.told.set, faults)

    def run(self, url: str, code: str) -> k.LinkOutcome:
        self.told.clear()
        run_id = self.job.start(url, code)
        assert self.told.wait(f.LIMIT_S)
        found, state, outcome = self.job.state()
        assert (found, state) == (run_id, "finished")
        assert outcome is not None
        return outcome


def test_the_states_of_a_job(sandbox: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "octoprint")
    job = Job()
    assert job.job.state() == (None, "none", None)
    code = sandbox.new_code(sandbox.printer.id)
    outcome = job.run(sandbox.url, code)
    assert outcome.printer is not None
    assert [printer.id for printer in job.linked] == [sandbox.printer.id]
    assert outcome.printer.token not in caplog.text
    assert code not in caplog.text
    failed = job.run(sandbox.url, code)
    assert failed.printer is None
    assert failed.error is not None
    assert failed.error.problem is k.LinkProblem.CODE_REJECTED


def test_one_attempt_at_a_time(serve: Serve) -> None:
    server = serve(f.silence)
    job = Job()
    assert job.job.start(server.url, "123456") is not None
    assert job.job.start(server.url, "654321") is None
    assert job.job.state()[1] == "running"


def test_whoever_waits_gets_an_outcome_even_of_a_fault_of_ours(sandbox: SandboxServer) -> None:
    def fail(printer: k.LinkedPrinter) -> None:
        raise OSError("disk full")

    job = Job(fail)
    outcome = job.run(sandbox.url, sandbox.new_code())
    assert outcome.error is not None
    assert outcome.error.problem.value == "unknown_error"
    assert [fault.channel for fault in job.faults] == ["plugin"]
