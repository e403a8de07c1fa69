"""The doors of the diagnosis: deadline, job, command line, and no secret through any of them."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico.diagnosis.cli import main
from octoprint_obico.diagnosis.engine import PLAN
from octoprint_obico.diagnosis.job import DEADLINE_S, DiagnosisJob, Done, Request
from octoprint_obico.diagnosis.probes import own_connection_probe
from octoprint_obico.diagnosis.progress import Progress
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.webcam.snapshot import Webcam, url_webcam
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .live import AGENT, TOKEN
from .results import check_result, outcome_of, run

Serve = Callable[[f.Behaviour], f.FaultServer]
ROOT = Path(__file__).resolve().parent.parent.parent


def same(text: str) -> str:
    return text


# ---- deadline ------------------------------------------------------------------------------------


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Something that does not happen while the test runs."""
    event = threading.Event()
    yield event
    event.set()


def test_a_hanging_check_does_not_hold_the_run(
    sandbox: SandboxServer, never: threading.Event
) -> None:
    def hang(deadline: Deadline, progress: Progress) -> Mapping[str, Any]:
        never.wait(f.LIMIT_S)
        return {}

    started = time.monotonic()
    result = run(sandbox.url, TOKEN, websocket=hang, deadline_s=2.0)
    assert time.monotonic() - started <= 2.0
    assert outcome_of(result, "websocket") == "failed"
    assert outcome_of(result, "dns") == "passed", "what was seen till then"


def test_a_hanging_webcam_changes_no_verdict(
    sandbox: SandboxServer, never: threading.Event
) -> None:
    webcam = Webcam("Cam", "http://cam.example/", lambda: [b"" * never.wait(f.LIMIT_S)])
    started = time.monotonic()
    result = run(sandbox.url, sandbox.printer.token, [webcam], deadline_s=2.0)
    assert time.monotonic() - started <= 2.0
    assert result["verdict"] == "succeeded"
    assert result["webcams"][0]["cause"] == "webcam_timed_out"
    assert "Cam" in result["webcams"][0]["explanation"]


def test_a_check_that_crashes_is_an_unknown_error_and_not_the_end(
    sandbox: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(deadline: Deadline, progress: Progress) -> Mapping[str, Any]:
        raise KeyError("x")

    result = run(sandbox.url, sandbox.printer.token, websocket=crash)
    assert (result["verdict"], result["cause"]) == ("websocket_failed", "unknown_error")
    assert "KeyError" in result["explanation"]
    assert "failed unexpectedly" in caplog.text


def test_the_default_deadline_is_that_of_the_contract() -> None:
    assert DEADLINE_S == 15.0
    assert len({check.id for check in PLAN}) == len(PLAN)


def test_a_skipped_check_names_the_check_that_has_failed(serve: Serve) -> None:
    """Not the title of the page that answered."""
    page = b"<html><title>My router</title></html>"
    result = run(serve(f.answer("404 Not Found", page)).url, TOKEN)
    summaries = [c["summary"] for c in result["checks"] if c["outcome"] == "skipped"]
    assert any("“HTTP”" in summary for summary in summaries), summaries
    assert not any("My router" in summary for summary in summaries), summaries


# ---- the job -------------------------------------------------------------------------------------


class Job:
    """A job, the requests made for it, and what it announced."""

    def __init__(self, url: str, token: str, gate: threading.Event | None = None) -> None:
        self._gate = gate
        self._url, self._token = url, token
        self.requests = 0
        self.done: list[Done] = []
        self._told = threading.Condition()
        self.faults: list[Attempt] = []
        faults = Faults(self.faults.append, logging.getLogger("octoprint.plugins.obico"))
        self.job = DiagnosisJob(self._request, self._announce, self.done.append, faults)

    def _request(self) -> Request:
        self.requests += 1
        if self._gate is not None:
            self._gate.wait(f.LIMIT_S)
        probe = own_connection_probe(self._url, self._token, AGENT)
        return Request(self._url, self._token, [], probe, AGENT, "3.0.0")

    def _announce(self) -> None:
        with self._told:
            self._told.notify_all()

    def state(self) -> Mapping[str, Any]:
        return self.job.state(same)

    def wait(self) -> Mapping[str, Any]:
        with self._told:
            assert self._told.wait_for(lambda: self.state()["state"] == "finished", f.LIMIT_S)
        return self.state()


def test_two_starts_join_one_run(sandbox: SandboxServer) -> None:
    gate = threading.Event()
    job = Job(sandbox.url, sandbox.printer.token, gate)
    assert job.state() == {"run": None, "state": "none", "checks": [], "result": None}
    ids = {job.job.start() for _ in range(5)}
    assert len(ids) == 1
    running = job.state()
    assert (running["run"], running["state"], running["result"]) == (ids.pop(), "running", None)
    gate.set()
    finished = job.wait()
    assert job.requests == 1
    check_result(dict(finished["result"]))
    assert finished["checks"] == finished["result"]["checks"]
    assert len(job.done) == 1
    assert job.job.last() is job.done[0]


def test_a_second_run_is_a_new_one(sandbox: SandboxServer) -> None:
    job = Job(sandbox.url, sandbox.printer.token)
    first = job.job.start()
    assert job.wait()["result"]["verdict"] == "succeeded"
    sandbox.set_fault("http_500")
    second = job.job.start()
    assert second != first
    assert job.wait()["result"]["verdict"] == "failed_to_contact_server"


def test_the_checks_appear_while_it_runs(serve: Serve) -> None:
    server = serve(f.silence)
    job = Job(server.url, TOKEN)
    job.job.start()
    with job._told:
        assert job._told.wait_for(
            lambda: {"address", "dns", "connect"} <= {c["id"] for c in job.state()["checks"]},
            f.LIMIT_S,
        )
    assert job.state()["state"] == "running"


def test_a_job_that_cannot_begin_finishes() -> None:
    class Broken(Job):
        def _request(self) -> Request:
            raise RuntimeError("no settings")

    job = Broken("http://127.0.0.1:9", TOKEN)
    job.job.start()
    assert job.wait()["result"] is None
    assert [fault.channel for fault in job.faults] == ["plugin"]


# ---- secrets -------------------------------------------------------------------------------------

PASSWORDS = ("s3cretpw", "p@ss/w0rd", "qu'ote", 'dou"ble', "spa ce pw", "has#hash", "x:y:z-w")


def echo(peer: f.Peer) -> None:
    """A server that sends back all that it was sent, everywhere."""
    while head := peer.read_head():
        found = [line for line in head.decode("latin-1").split("\r\n") if "uthorization" in line]
        token = found[0].split(" ")[-1] if found else "none"
        page = f"<title>Hello {token}</title> {token} Cookie: session=c00kie-in-body".encode()
        peer.send(
            f.http_bytes(
                "404 Not Found",
                page,
                f"Server: nginx {token}",
                "Set-Cookie: session=c00kie-value; HttpOnly",
                f"Content-Type: text/html; charset={token}",
            )
        )


def redirect_with_token(peer: f.Peer) -> None:
    peer.read_head()
    where = f"Location: http://user:r3dirpw@elsewhere.example/{TOKEN}?token={TOKEN}"
    peer.send(f.http_bytes("302 Found", b"", where))
    peer.finish()


def named_like_its_token(peer: f.Peer) -> None:
    answer = json.dumps({"user": {}, "printer": {"id": 1, "name": f"printer {TOKEN}"}}).encode()
    f.answer("200 OK", answer, "Content-Type: application/json")(peer)


@pytest.mark.parametrize("behaviour", [echo, redirect_with_token, named_like_its_token])
def test_no_secret_of_a_server_that_echoes_passes_any_door(
    serve: Serve, behaviour: f.Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(behaviour)
    job = Job(server.url, TOKEN)
    job.job.start()
    states = [json.dumps(job.wait())]
    for arguments in (["--json"], []):
        out = io.StringIO()
        main(["--server", server.url, "--token", TOKEN, *arguments], out)
        states.append(out.getvalue())
    for text in (*states, caplog.text):
        for secret in (TOKEN, "c00kie-value", "c00kie-in-body", "r3dirpw"):
            assert secret not in text


def test_no_secret_is_in_a_row_that_is_shown_while_it_runs(serve: Serve) -> None:
    """The rows of a running diagnosis are rendered one by one, before the whole."""
    server = serve(echo)
    rows: list[str] = []

    class Watched(Job):
        def _announce(self) -> None:
            state = self.state()
            if state["state"] == "running":
                rows.append(json.dumps(state["checks"]))
            super()._announce()

    job = Watched(server.url, TOKEN)
    job.job.start()
    job.wait()
    assert rows
    assert not any(TOKEN in row for row in rows)


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("scheme", ["http://", "http:/", "http:", ""])
def test_no_password_of_an_address_passes_any_door(password: str, scheme: str) -> None:
    address = f"{scheme}me:{password}@127.0.0.1:9"
    result = run(address, TOKEN)
    out = io.StringIO()
    main(["--server", address], out)
    assert result["cause"] == "address_malformed"
    for text in (json.dumps(result, ensure_ascii=False), str(result), out.getvalue()):
        assert password not in text


def webcam_output(sandbox: SandboxServer, url: str, caplog: pytest.LogCaptureFixture) -> str:
    """All that is said of a webcam which cannot be reached."""
    caplog.set_level(logging.DEBUG, "octoprint")
    result = run(sandbox.url, sandbox.printer.token, [url_webcam("Cam", url)])
    assert result["webcams"][0]["cause"] is not None
    out = io.StringIO()
    main(["--server", sandbox.url, "--webcam", url], out)
    return json.dumps(result, ensure_ascii=False) + str(result) + out.getvalue() + caplog.text


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_of_a_webcam_passes_any_door(
    sandbox: SandboxServer, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    with f.refused_port() as port:
        url = f"http://me:{password}@127.0.0.1:{port}/snap"
        assert password not in webcam_output(sandbox, url, caplog)


@pytest.mark.parametrize("name", ["password", "pwd", "pass", "token", "loginpas", "auth"])
def test_no_password_in_the_query_of_a_webcam_passes_any_door(
    sandbox: SandboxServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with f.refused_port() as port:
        url = f"http://127.0.0.1:{port}/snap?user=me&{name}=s3cretpw"
        assert "s3cretpw" not in webcam_output(sandbox, url, caplog)


# ---- the command line ----------------------------------------------------------------------------


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "octoprint_obico.diagnosis", *arguments],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_the_exit_status_and_one_json_document(
    sandbox: SandboxServer, webcam: SandboxWebcam
) -> None:
    token = sandbox.printer.token
    done = command(
        "--server", sandbox.url, "--webcam", webcam.snapshot_url, "--json", OBICO_TOKEN=token
    )
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    check_result(result)
    assert result["verdict"] == "succeeded"
    assert token not in done.stdout
    assert sandbox.wait_for(lambda: not sandbox.agent_connected), "it closes its WebSocket"


EXITS = {"http_500": 1, "revoked": 2, "ws_404": 3}


@pytest.mark.parametrize("fault", EXITS)
def test_the_exit_status_of_each_verdict(sandbox: SandboxServer, fault: str) -> None:
    sandbox.set_fault(fault)
    out = io.StringIO()
    status = main(["--server", sandbox.url, "--token", sandbox.printer.token, "--json"], out)
    assert status == EXITS[fault]
    check_result(json.loads(out.getvalue()))


def test_only_a_webcam_failed(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    webcam.set_fault("not_found")
    arguments = ["--server", sandbox.url, "--webcam", webcam.snapshot_url]
    out = io.StringIO()
    assert main([*arguments, "--token", sandbox.printer.token], out) == 4
    assert "(webcam_not_found)" in out.getvalue()
    assert main([*arguments, "--token", "0" * 20], io.StringIO()) == 2, "the server comes first"


def test_without_a_token(sandbox: SandboxServer) -> None:
    assert main(["--server", sandbox.url], io.StringIO()) == 2


@pytest.mark.parametrize(
    "arguments",
    [[], ["--nonsense"], ["--server"], ["--server", "x", "--deadline", "0"]]
    + [["--server", "x", "--deadline", text] for text in ("abc", "nan", "1000", "-1")],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments, io.StringIO())
    assert caught.value.code == 64
    assert "usage:" in capsys.readouterr().err


def test_help_tells_of_the_second_socket_and_the_exit_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "64 wrong usage" in " ".join(text.split())
    assert "connection of its own" in " ".join(text.split())
    assert "OBICO_TOKEN" in text


def test_lines_for_people(sandbox: SandboxServer) -> None:
    out = io.StringIO()
    sandbox.set_fault("http_502")
    assert main(["--server", sandbox.url, "--token", sandbox.printer.token], out) == 1
    text = out.getvalue()
    assert "Failed to contact server" in text
    assert "server_unavailable" in text
    assert "1. " in text
    assert sandbox.printer.token not in text


def test_a_terminal_that_knows_ascii_only(sandbox: SandboxServer) -> None:
    """A crash would end with 1, which means something else."""
    done = command("--server", sandbox.url, "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["cause"] == "not_linked"
    done = command("--server", sandbox.url, PYTHONIOENCODING="ascii")
    assert done.returncode == 2, done.stderr
